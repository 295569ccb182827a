/* L-BFGS, in the form of torch.optim.LBFGS. */
#include "train/lbfgs.h"

#include <blasgrad/grad.h>

#include "graph/graph.h"
#include "train/parameters.h"

#include <math.h>
#include <string.h>

/* ---- Making ---- */

bg_status bgi_lbfgs_check(const bg_lbfgs_options *o)
{
    if (!(o->learning_rate > 0) || !isfinite(o->learning_rate))
        return bg_fail(BG_ERR_ARGUMENT, "lbfgs: learning rate %g, it must be finite and above 0", o->learning_rate);
    if (o->max_iterations < 1 || o->max_evaluations < 1 || o->history < 1 || o->history > (1 << 20))
        return bg_fail(BG_ERR_ARGUMENT, "lbfgs: %lld iterations, %lld evaluations, a history of %lld",
                       (long long)o->max_iterations, (long long)o->max_evaluations, (long long)o->history);
    if (!(o->tolerance_gradient.value >= 0) || !(o->tolerance_change.value >= 0))
        return bg_fail(BG_ERR_ARGUMENT, "lbfgs: tolerances %g and %g, they must be 0 or more",
                       o->tolerance_gradient.value, o->tolerance_change.value);
    return BG_OK;
}

bg_lbfgs_options bgi_lbfgs_defaults(const bg_lbfgs_options *given)
{
    bg_lbfgs_options o = given ? *given : (bg_lbfgs_options){ 0 };
    if (o.learning_rate == 0)
        o.learning_rate = 1;
    if (o.max_iterations == 0)
        o.max_iterations = 20;
    if (o.max_evaluations == 0)
        o.max_evaluations = o.max_iterations < INT64_MAX / 2 ? o.max_iterations + o.max_iterations / 4 : INT64_MAX;
    if (o.history == 0)
        o.history = 100;
    if (!o.tolerance_gradient.is_some)
        o.tolerance_gradient = BG_SOME(1e-7);
    if (!o.tolerance_change.is_some)
        o.tolerance_change = BG_SOME(1e-9);
    return o;
}

static bg_status build(bg_lbfgs *l, bg_model *model, bg_node *loss)
{
    bgi_arena arena;
    bgi_arena_init(&arena, l->engine);
    size_t most = bg_model_count(model) + 1;
    bg_node **nodes = bgi_arena_push(&arena, most * sizeof *nodes);
    bg_node **outputs = bgi_arena_push(&arena, most * sizeof *outputs);
    bg_status status = nodes && outputs
                           ? bgi_variables_take(&l->variables, model, loss, "lbfgs", "the loss depends", &arena, nodes)
                           : BG_ERR_NOMEM;
    l->n = l->variables.n;
    if (status == BG_OK)
        status = bg_grad(loss, nodes, l->variables.n_tensors, outputs + 1);
    if (status == BG_OK) {
        outputs[0] = loss;
        status = bg_compile(&l->program, loss->graph, outputs, l->variables.n_tensors + 1,
                            &(bg_compile_options){ .no_updates = true });
    }
    bgi_arena_release(&arena);
    return status;
}

static bg_status allocate(bg_lbfgs *l)
{
    for (int i = 0; i < LBFGS_VECTORS; i++)
        if (!(l->vectors[i] = bgi_alloc_zero(l->engine, (size_t)l->n * sizeof(double))))
            return BG_ERR_NOMEM;
    size_t history = (size_t)l->options.history;
    l->pairs = bgi_alloc_zero(l->engine, 2 * history * sizeof *l->pairs);
    l->rho = bgi_alloc_zero(l->engine, history * sizeof(double));
    l->alpha = bgi_alloc_zero(l->engine, history * sizeof(double));
    return l->pairs && l->rho && l->alpha ? BG_OK : BG_ERR_NOMEM;
}

bg_status bg_lbfgs_create(bg_lbfgs **lbfgs, bg_model *model, bg_node *loss, const bg_lbfgs_options *options)
{
    if (lbfgs)
        *lbfgs = NULL;
    if (!lbfgs || !model || !loss)
        return bg_fail(BG_ERR_ARGUMENT, "lbfgs_create: %s is NULL", !lbfgs ? "lbfgs" : !model ? "model" : "loss");
    bg_engine *engine = bg_model_engine(model);
    bg_lbfgs_options filled = bgi_lbfgs_defaults(options);
    bg_status status = bgi_engine_check(engine, "lbfgs_create");
    if (status == BG_OK)
        status = bgi_lbfgs_check(&filled);
    if (status == BG_OK)
        status = bg_graph_status(loss->graph);
    if (status != BG_OK)
        return status;
    bg_lbfgs *made = bgi_alloc_zero(engine, sizeof *made);
    if (!made)
        return BG_ERR_NOMEM;
    bgi_engine_retain(engine);
    made->engine = engine;
    made->options = filled;
    status = build(made, model, loss);
    if (status == BG_OK)
        status = allocate(made);
    if (status != BG_OK) {
        bg_lbfgs_destroy(made);
        return status;
    }
    *lbfgs = made;
    return BG_OK;
}

void bg_lbfgs_destroy(bg_lbfgs *l)
{
    if (!l)
        return;
    bg_engine *engine = l->engine;
    size_t bytes = (size_t)l->n * sizeof(double), history = (size_t)l->options.history;
    for (int i = 0; i < LBFGS_VECTORS; i++)
        bgi_free(engine, l->vectors[i], bytes);
    for (int64_t i = 0; i < 2 * l->n_slots; i++)
        bgi_free(engine, l->pairs[i], bytes);
    bgi_free(engine, l->pairs, 2 * history * sizeof *l->pairs);
    bgi_free(engine, l->rho, history * sizeof(double));
    bgi_free(engine, l->alpha, history * sizeof(double));
    bg_program_destroy(l->program);
    bgi_variables_release(&l->variables);
    bgi_free(engine, l, sizeof *l);
    bgi_engine_release(engine);
}

bg_program *bg_lbfgs_program(bg_lbfgs *l) { return l ? l->program : NULL; }
int64_t bg_lbfgs_evaluations(const bg_lbfgs *l) { return l ? l->evaluations : 0; }
int64_t bg_lbfgs_iterations(const bg_lbfgs *l) { return l ? l->iterations : 0; }
bool bg_lbfgs_has_converged(const bg_lbfgs *l) { return l && l->has_converged; }

/* ---- Vectors ---- */

double bgi_lbfgs_dot(const bg_lbfgs *l, const double *x, const double *y)
{
    double sum = 0;
    for (int64_t i = 0; i < l->n; i++)
        sum += x[i] * y[i];
    return sum;
}

double bgi_lbfgs_largest(const bg_lbfgs *l, const double *x)
{
    double most = 0;
    for (int64_t i = 0; i < l->n; i++)
        most = fabs(x[i]) > most || isnan(x[i]) ? fabs(x[i]) : most;
    return most;
}

/* The parameters become x + step · d. */
static void move(bg_lbfgs *l, double step)
{
    bgi_variables_write(&l->variables, l->vectors[LBFGS_X], step, l->vectors[LBFGS_DIRECTION]);
}

static bg_status evaluate(bg_lbfgs *l, int into, double *loss)
{
    bg_status status = bg_program_run(l->program);
    if (status != BG_OK)
        return status;
    l->evaluations++;
    double *g = l->vectors[into];
    bg_tensor_item(bg_program_output(l->program, 0), 0, loss);
    for (size_t p = 0; p < l->variables.n_tensors; p++) {
        const bg_tensor *output = bg_program_output(l->program, p + 1);
        bgi_read_as_f64(output, g);
        g += bg_shape_count(bg_tensor_shape(output));
    }
    return BG_OK;
}

bg_status bgi_lbfgs_evaluate(bg_lbfgs *l, double step, double *loss)
{
    move(l, step);
    return evaluate(l, LBFGS_TRIAL, loss);
}

/* ---- The direction ---- */

bg_status bgi_lbfgs_reserve_pairs(bg_lbfgs *l, int64_t pairs)
{
    while (l->n_slots < pairs) {
        double *y = bgi_alloc(l->engine, (size_t)l->n * sizeof(double));
        double *s = bgi_alloc(l->engine, (size_t)l->n * sizeof(double));
        if (!y || !s) {
            bgi_free(l->engine, y, (size_t)l->n * sizeof(double));
            bgi_free(l->engine, s, (size_t)l->n * sizeof(double));
            return BG_ERR_NOMEM;
        }
        l->pairs[2 * l->n_slots] = y;
        l->pairs[2 * l->n_slots + 1] = s;
        l->n_slots++;
    }
    return BG_OK;
}

bg_status bgi_lbfgs_reserve(bg_lbfgs *l, int64_t calls)
{
    int64_t free = l->options.history - l->n_pairs, most = l->options.max_iterations;
    bool is_enough = calls > free / most;
    return bgi_lbfgs_reserve_pairs(l, is_enough ? l->options.history : l->n_pairs + calls * most);
}

/* Takes in how the gradient changed over the last step, if the curvature along it is positive. */
static void learn(bg_lbfgs *l)
{
    const double *g = l->vectors[LBFGS_GRADIENT], *previous = l->vectors[LBFGS_PREVIOUS];
    const double *d = l->vectors[LBFGS_DIRECTION];
    double curvature = 0, squares = 0;
    for (int64_t i = 0; i < l->n; i++) {
        double y = g[i] - previous[i];
        curvature += y * (d[i] * l->step);
        squares += y * y;
    }
    if (!(curvature > 1e-10))
        return;
    if (l->n_pairs == l->options.history) {
        /* The oldest pair makes room, behind all others. */
        double *oldest[2] = { l->pairs[0], l->pairs[1] };
        memmove(l->pairs, l->pairs + 2, 2 * (size_t)(l->n_pairs - 1) * sizeof *l->pairs);
        memmove(l->rho, l->rho + 1, (size_t)(l->n_pairs - 1) * sizeof(double));
        l->n_pairs--;
        memcpy(l->pairs + 2 * l->n_pairs, oldest, sizeof oldest);
    }
    double *y = l->pairs[2 * l->n_pairs], *s = l->pairs[2 * l->n_pairs + 1];
    for (int64_t i = 0; i < l->n; i++) {
        y[i] = g[i] - previous[i];
        s[i] = d[i] * l->step;
    }
    l->rho[l->n_pairs++] = 1 / curvature;
    l->scale = curvature / squares;
}

/* d = -H g, by the two loops over the history. */
static void choose_direction(bg_lbfgs *l)
{
    double *d = l->vectors[LBFGS_DIRECTION];
    for (int64_t k = 0; k < l->n; k++)
        d[k] = -l->vectors[LBFGS_GRADIENT][k];
    for (int64_t i = l->n_pairs - 1; i >= 0; i--) {
        const double *y = l->pairs[2 * i], *s = l->pairs[2 * i + 1];
        l->alpha[i] = bgi_lbfgs_dot(l, s, d) * l->rho[i];
        for (int64_t k = 0; k < l->n; k++)
            d[k] -= l->alpha[i] * y[k];
    }
    for (int64_t k = 0; k < l->n; k++)
        d[k] *= l->scale;
    for (int64_t i = 0; i < l->n_pairs; i++) {
        const double *y = l->pairs[2 * i], *s = l->pairs[2 * i + 1];
        double beta = bgi_lbfgs_dot(l, y, d) * l->rho[i];
        for (int64_t k = 0; k < l->n; k++)
            d[k] += (l->alpha[i] - beta) * s[k];
    }
}

/* ---- Steps ---- */

/* One call of bg_lbfgs_step. */
typedef struct {
    double loss;
    int64_t iterations, evaluations;
    bool is_done;
} call_state;

/* Behind a step: whether there is nothing left to be gained. before: the loss. */
static bool has_converged(const bg_lbfgs *l, const call_state *call, double before)
{
    const bg_lbfgs_options *o = &l->options;
    return bgi_lbfgs_largest(l, l->vectors[LBFGS_GRADIENT]) <= o->tolerance_gradient.value ||
           fabs(l->step) * bgi_lbfgs_largest(l, l->vectors[LBFGS_DIRECTION]) <= o->tolerance_change.value ||
           fabs(call->loss - before) < o->tolerance_change.value;
}

/* A step along d, with or without a search; then whether it is time to stop. */
static bg_status take_step(bg_lbfgs *l, call_state *call, double slope)
{
    const bg_lbfgs_options *o = &l->options;
    double before = call->loss;
    int64_t evaluations = 0;
    bg_status status = BG_OK;
    bgi_variables_read(&l->variables, l->vectors[LBFGS_X]);
    if (!o->fixed_step)
        status =
            bgi_lbfgs_search(l, slope, o->max_evaluations - call->evaluations, &call->loss, &l->step, &evaluations);
    if (status != BG_OK) {
        move(l, 0);
        return status;
    }
    move(l, l->step);
    /* Without a search the gradient is needed for a further iteration only. */
    l->is_evaluated = !o->fixed_step || call->iterations < o->max_iterations;
    if (o->fixed_step && l->is_evaluated) {
        status = evaluate(l, LBFGS_GRADIENT, &call->loss);
        evaluations = 1;
    }
    if (status != BG_OK)
        return status;
    call->evaluations += evaluations;
    l->has_converged = l->is_evaluated && has_converged(l, call, before);
    call->is_done =
        l->has_converged || call->iterations == o->max_iterations || call->evaluations >= o->max_evaluations;
    return BG_OK;
}

static bg_status iterate(bg_lbfgs *l, call_state *call)
{
    bool is_first = l->iterations == 0;
    double *g = l->vectors[LBFGS_GRADIENT];
    if (!is_first)
        learn(l);
    call->iterations++;
    l->iterations++;
    if (is_first)
        l->scale = 1;
    choose_direction(l);
    memcpy(l->vectors[LBFGS_PREVIOUS], g, (size_t)l->n * sizeof(double));
    l->step = l->options.learning_rate;
    if (is_first) {
        double sum = 0;
        for (int64_t i = 0; i < l->n; i++)
            sum += fabs(g[i]);
        l->step *= fmin(1, 1 / sum);
    }
    double slope = bgi_lbfgs_dot(l, g, l->vectors[LBFGS_DIRECTION]);
    /* A slope of NaN leads nowhere. */
    call->is_done = l->has_converged = !(slope <= -l->options.tolerance_change.value);
    return call->is_done ? BG_OK : take_step(l, call, slope);
}

/* The loss and gradient where the call begins. */
static bg_status begin_call(bg_lbfgs *l, bool has_same_data, call_state *call, double *loss)
{
    bool is_known = has_same_data && l->is_evaluated && l->version == bgi_variables_version(&l->variables);
    call->loss = l->loss;
    bg_status status = is_known ? BG_OK : evaluate(l, LBFGS_GRADIENT, &call->loss);
    if (status != BG_OK)
        return status;
    if (loss)
        *loss = call->loss;
    if (!isfinite(call->loss))
        return bg_fail(BG_ERR_NUMERIC, "lbfgs_step: the loss is %g", call->loss);
    double largest = bgi_lbfgs_largest(l, l->vectors[LBFGS_GRADIENT]);
    if (!isfinite(largest))
        return bg_fail(BG_ERR_NUMERIC, "lbfgs_step: the gradient has elements that are infinite or NaN");
    call->is_done = l->has_converged = largest <= l->options.tolerance_gradient.value;
    l->is_evaluated = true;
    return BG_OK;
}

bg_status bgi_lbfgs_step(bg_lbfgs *l, bool has_same_data, double *loss)
{
    call_state call = { .evaluations = 1 };
    /* So that the call fails before it moves anything or not at all. */
    bg_status status = bgi_lbfgs_reserve(l, 1);
    if (status == BG_OK)
        status = begin_call(l, has_same_data, &call, loss);
    while (status == BG_OK && !call.is_done)
        status = iterate(l, &call);
    l->is_evaluated = l->is_evaluated && status == BG_OK;
    l->loss = call.loss;
    l->version = bgi_variables_version(&l->variables);
    return status;
}

bg_status bg_lbfgs_step(bg_lbfgs *l, double *loss)
{
    return l ? bgi_lbfgs_step(l, false, loss) : bg_fail(BG_ERR_ARGUMENT, "lbfgs_step: lbfgs is NULL");
}
