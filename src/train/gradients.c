/* Gradients on their way to the rules: accumulated, checked, clipped. */
#include "train/rule.h"

#include "graph/graph.h"

#include <string.h>

/* ---- The check ---- */

/* How many elements are infinite or NaN. In f32 the count may be rounded, but never to 0. */
static bg_node *count_nonfinite(bg_node *x)
{
    if (!x)
        return NULL;
    bg_graph *graph = bg_node_graph(x);
    bg_dtype dtype = bg_node_dtype(x);
    bg_node *marks = bg_where(bg_is_finite(x), bg_scalar(graph, dtype, 0), bg_scalar(graph, dtype, 1));
    return bg_cast(bg_sum(marks, BG_ALL_AXES), BG_F64);
}

/* 1, or the run fails before it has any effect. x: how many elements of the loss, of the first gradient, .. are not
 * finite, scalars of f64; attributes: the names of the parameters, one behind the other. */
static bg_status require_finite_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    (void)node;
    *dtype = BG_F64;
    *shape = BG_SCALAR;
    return BG_OK;
}
static bg_status require_finite_call(const bg_call *call)
{
    const char *name = bg_node_attributes(call->node);
    for (int i = 0; i < bg_node_input_count(call->node); i++) {
        double count = *(const double *)call->inputs[i];
        if (count != 0 && i == 0)
            return bg_fail(BG_ERR_NUMERIC, "optimizer: the loss is infinite or NaN");
        if (count != 0)
            return bg_fail(BG_ERR_NUMERIC,
                           "optimizer: the gradient of \"%s\" has %.0f elements that are infinite or NaN", name, count);
        if (i > 0)
            name += strlen(name) + 1;
    }
    *(double *)call->output = 1;
    return BG_OK;
}
const bg_op bgi_require_finite_op = { .name = "require_finite",
                                      .arity = -1,
                                      .infer = require_finite_infer,
                                      .is_constant = true,
                                      .call = require_finite_call };

static bg_node *apply_check(const bgi_gradients *gradients, bgi_arena *arena)
{
    size_t bytes = 1, at = 0;
    for (size_t i = 0; i < gradients->n; i++)
        bytes += strlen(gradients->sites[i].name) + 1;
    char *names = bgi_arena_push(arena, bytes);
    bg_node **counts = bgi_arena_push(arena, (gradients->n + 1) * sizeof *counts);
    if (!names || !counts) {
        bgi_graph_accept(bg_node_graph(gradients->loss), BG_ERR_NOMEM);
        return NULL;
    }
    counts[0] = count_nonfinite(gradients->loss);
    for (size_t i = 0; i < gradients->n; i++) {
        counts[i + 1] = count_nonfinite(gradients->sites[i].gradient);
        if (!counts[i + 1])
            return NULL;
        size_t length = strlen(gradients->sites[i].name) + 1;
        memcpy(names + at, gradients->sites[i].name, length);
        at += length;
    }
    names[at] = '\0';
    return bg_apply(&bgi_require_finite_op, counts, (int)gradients->n + 1, names, bytes);
}

static void scale(const bgi_gradients *gradients, bg_node *factor)
{
    for (size_t i = 0; i < gradients->n; i++) {
        bg_update_site *site = &gradients->sites[i];
        site->gradient = bg_mul(site->gradient, bgi_rule_cast(site, factor));
    }
}

/* ---- Accumulation ---- */

bool bgi_gradients_accumulate(const bgi_gradients *gradients, const bg_step_inputs *inputs, bgi_arena *arena)
{
    if (inputs->weight == 0 && !inputs->run_weight)
        return false;
    /* A batch that only adds is checked before it does; the sum is when it is used. */
    if (inputs->only_adds && gradients->optimizer->checks_finite)
        scale(gradients, apply_check(gradients, arena));
    for (size_t i = 0; i < gradients->n; i++) {
        bg_update_site *site = &gradients->sites[i];
        bg_node *buffer = bg_optimizer_state(site, "gradient");
        /* What an earlier step left behind does not count, whatever it is. */
        bg_node *has_sum = bg_greater(inputs->accumulated, bgi_rule_number(site, 0));
        bg_node *sum = bg_where(has_sum, buffer, bgi_rule_cast(site, bgi_rule_number(site, 0)));
        bg_node *total;
        if (inputs->run_weight) {
            sum = bg_add(sum, bg_mul(site->gradient, bgi_rule_cast(site, inputs->run_weight)));
            total = bg_add(inputs->accumulated, inputs->run_weight);
        } else {
            sum = bg_add(sum, bg_mul_scalar(site->gradient, inputs->weight));
            total = bg_add_scalar(inputs->accumulated, inputs->weight);
        }
        if (inputs->only_adds)
            bg_update(buffer, sum);
        else
            site->gradient = bg_mul(sum, bgi_rule_cast(site, bg_reciprocal(total)));
    }
    return inputs->only_adds;
}

/* ---- Clipping ---- */

/* min(1, clip_norm / (norm + 1e-6)) */
static bg_node *clip_factor(const bgi_gradients *gradients, bg_node **norm)
{
    bg_node *squares = NULL;
    for (size_t i = 0; i < gradients->n; i++) {
        bg_node *own = bg_sum(bg_square(bg_cast(gradients->sites[i].gradient, BG_F64)), BG_ALL_AXES);
        squares = i == 0 ? own : bg_add(squares, own);
    }
    *norm = bg_sqrt(squares);
    if (!*norm)
        return NULL;
    bg_graph *graph = bg_node_graph(*norm);
    bg_node *limit = bg_scalar(graph, BG_F64, gradients->optimizer->clip_norm);
    return bg_minimum(bg_div(limit, bg_add_scalar(*norm, 1e-6)), bg_scalar(graph, BG_F64, 1));
}

bg_node *bgi_gradients_limit(const bgi_gradients *gradients, bgi_arena *arena)
{
    const bg_optimizer *optimizer = gradients->optimizer;
    double limit = optimizer->clip_value;
    bg_node *norm = NULL, *factor = optimizer->checks_finite ? apply_check(gradients, arena) : NULL;
    for (size_t i = 0; limit != 0 && i < gradients->n; i++)
        gradients->sites[i].gradient = bg_clamp(gradients->sites[i].gradient, -limit, limit);
    if (optimizer->clip_norm != 0) {
        bg_node *clip = clip_factor(gradients, &norm);
        factor = optimizer->checks_finite ? bg_mul(factor, clip) : clip;
    }
    /* The factor of a check is 1: every update waits for it, and is made in one pass. */
    if (optimizer->checks_finite || optimizer->clip_norm != 0)
        scale(gradients, factor);
    return norm;
}
