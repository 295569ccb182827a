/* Losses. */
#include <blasgrad/loss.h>

#include "ops/score.h"

#include <stdio.h>
#include <string.h>

static bg_node *reduce(const char *loss, bg_node *values, bg_reduction reduction)
{
    if (!values)
        return NULL;
    switch (reduction) {
    case BG_MEAN:
        return bg_mean(values, BG_ALL_AXES);
    case BG_SUM:
        return bg_sum(values, BG_ALL_AXES);
    case BG_NONE:
        return values;
    }
    return bgi_graph_fail(values->graph, BG_ERR_ARGUMENT, "%s: there is no reduction %d", loss, (int)reduction);
}

static const char *const regression_labels[] = { "prediction", "target" };

/* l1: |prediction - target| */
bg_node *bg_l1_loss(bg_node *prediction, bg_node *target, bg_reduction reduction)
{
    if (!bgi_takes_equal_floats("l1_loss", prediction, target, regression_labels))
        return NULL;
    return reduce("l1_loss", bg_abs(bg_sub(prediction, target)), reduction);
}

/* l2: (prediction - target)² */
bg_node *bg_l2_loss(bg_node *prediction, bg_node *target, bg_reduction reduction)
{
    if (!bgi_takes_equal_floats("l2_loss", prediction, target, regression_labels))
        return NULL;
    return reduce("l2_loss", bg_square(bg_sub(prediction, target)), reduction);
}

/* bce_with_logits: max(x, 0) - x y + log(1 + exp(-|x|)), dx = dy (sigmoid(x) - y), of the target -dy x. The gradient of
 * the parts would be wrong at x = 0, where max and |x| have kinks that their sum has not. */
static bg_node *bce_gradient(bg_node *node, int input, bg_node *dy)
{
    bg_node *x = node->inputs[0], *y = node->inputs[1];
    return input == 0 ? bg_mul(dy, bg_sub(bg_sigmoid(x), y)) : bg_neg(bg_mul(dy, x));
}
static bg_node *bce_compose(bg_node *node)
{
    bg_node *x = node->inputs[0], *y = node->inputs[1];
    return bg_add(bg_sub(bg_relu(x), bg_mul(x, y)), bgi_log1p_exp(bg_neg(bg_abs(x))));
}
static const bg_op bce_op = {
    .name = "bce_with_logits", .arity = 2, .infer = bgi_infer_map, .gradient = bce_gradient, .compose = bce_compose
};
bg_node *bg_bce_with_logits_loss(bg_node *logits, bg_node *target, bg_reduction reduction)
{
    static const char *const labels[] = { "logits", "target" };
    if (!bgi_takes_equal_floats("bce_with_logits_loss", logits, target, labels))
        return NULL;
    return reduce("bce_with_logits_loss", bgi_apply_2(&bce_op, logits, target), reduction);
}

/* cross_entropy: log Σ exp(x - max) - (x[class] - max), which keeps losses near 0 exact where logsumexp(x) - x[class]
 * would cancel. Its gradient is that of its parts: dy softmax(x), less dy at the class. */
bg_node *bg_cross_entropy_loss(bg_node *logits, bg_node *classes, bg_reduction reduction)
{
    static const char *const labels[] = { "logits", "classes" };
    bg_node *inputs[] = { logits, classes };
    bg_graph *graph = bgi_graph_of("cross_entropy_loss", inputs, 2);
    if (!graph || !bgi_graph_accept(graph, bgi_check_floats("cross_entropy_loss", inputs, labels, 1)))
        return NULL;
    int rank = logits->shape.rank;
    bg_shape rows = logits->shape;
    rows.rank = rank > 0 ? rank - 1 : 0;
    if (rank == 0 || !bg_shape_equal(rows, classes->shape))
        return bgi_graph_fail(graph, BG_ERR_SHAPE,
                              "cross_entropy_loss: needs logits [.., c], classes [..]: logits %s, classes %s",
                              bgi_shape_format(logits->shape).text, bgi_shape_format(classes->shape).text);
    if (!bgi_is_integer(classes->dtype))
        return bgi_graph_fail(graph, BG_ERR_DTYPE, "cross_entropy_loss: classes are %s, not i32, i64 or u8",
                              bg_dtype_name(classes->dtype));
    if (logits->shape.dims[rank - 1] == 0)
        return bgi_graph_fail(graph, BG_ERR_SHAPE, "cross_entropy_loss: logits %s have no classes",
                              bgi_shape_format(logits->shape).text);
    bool last[BG_MAX_RANK] = { false };
    last[rank - 1] = true;
    bgi_softmax_terms terms = bgi_softmax_terms_of(logits, last, false);
    bg_node *score = bg_sub(bg_gather_class(logits, classes), bg_reshape(terms.max, rows));
    return reduce("cross_entropy_loss", bg_sub(bg_log(bg_reshape(terms.sum, rows)), score), reduction);
}

const bg_op *const bgi_loss_ops[] = { &bce_op, NULL };

static const struct {
    const char *name;
    bg_loss *loss;
} losses[] = { { "l1", bg_l1_loss },
               { "l2", bg_l2_loss },
               { "bce_with_logits", bg_bce_with_logits_loss },
               { "cross_entropy", bg_cross_entropy_loss } };

bg_loss *bg_loss_find(const char *name)
{
    char names[200] = "";
    size_t length = 0;
    for (size_t i = 0; i < sizeof losses / sizeof losses[0]; i++) {
        if (name && strcmp(name, losses[i].name) == 0)
            return losses[i].loss;
        length += (size_t)snprintf(names + length, sizeof names - length, "%s%s", i ? ", " : "", losses[i].name);
    }
    bg_fail(BG_ERR_ARGUMENT, "loss_find: there is no loss '%s': the losses are %s", name ? name : "", names);
    return NULL;
}
