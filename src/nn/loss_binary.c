/* Losses of two classes. */
#include "nn/loss.h"

static const char *const logits_labels[] = { "logits", "target" };
static const char *const probability_labels[] = { "probabilities", "target" };

/* bce_with_logits: max(x, 0) - x y + log(1 + exp(-|x|)), dx = dy (sigmoid(x) - y), of the target -dy x. The gradient of
 * the parts would be wrong at x = 0, where max and |x| have kinks that their sum has not. */
static bg_node *bce_with_logits_gradient(bg_node *node, int input, bg_node *dy)
{
    bg_node *x = node->inputs[0], *y = node->inputs[1];
    return input == 0 ? bg_mul(dy, bg_sub(bg_sigmoid(x), y)) : bg_neg(bg_mul(dy, x));
}
static bg_node *bce_with_logits_compose(bg_node *node)
{
    bg_node *x = node->inputs[0], *y = node->inputs[1];
    return bg_add(bg_sub(bg_relu(x), bg_mul(x, y)), bgi_log1p_exp(bg_neg(bg_abs(x))));
}
const bg_op bgi_bce_with_logits_op = { .name = "bce_with_logits",
                                       .arity = 2,
                                       .infer = bgi_infer_map,
                                       .gradient = bce_with_logits_gradient,
                                       .compose = bce_with_logits_compose };
bg_node *bg_bce_with_logits_loss_with(bg_node *logits, bg_node *target, bg_reduction reduction,
                                      const bg_bce_with_logits_options *options)
{
    const bg_bce_with_logits_options none = { 0 }, *o = options ? options : &none;
    if (!bgi_takes_equal_floats("bce_with_logits_loss", logits, target, logits_labels))
        return NULL;
    bg_node *values;
    if (o->positive_weight) {
        /* (1 - y) x + (1 + (w - 1) y) log(1 + exp(-x)): the loss at target 1, which is smooth, times what stands before
         * it, and y x taken out of what is left. */
        bg_node *one = bgi_scalar_like(logits, 1), *all = bg_broadcast(one, logits->shape);
        bg_node *weighted = bgi_loss_weigh("bce_with_logits_loss", target, "positive weight", o->positive_weight);
        bg_node *softplus = bgi_apply_2(&bgi_bce_with_logits_op, logits, all), *rest = bg_sub_from(1, target);
        values = bg_add(bg_mul(rest, logits), bg_mul(bg_add(rest, weighted), softplus));
    } else {
        values = bgi_apply_2(&bgi_bce_with_logits_op, logits, target);
    }
    return bgi_loss_reduce("bce_with_logits_loss", bgi_loss_weigh("bce_with_logits_loss", values, "weight", o->weight),
                           reduction);
}
bg_node *bg_bce_with_logits_loss(bg_node *logits, bg_node *target, bg_reduction reduction)
{
    return bg_bce_with_logits_loss_with(logits, target, reduction, NULL);
}

/* bce: -(y max(log x, -100) + (1 - y) max(log(1 - x), -100)), differentiated as if nothing were cut, but with a divisor
 * of at least 1e-12, as PyTorch does: dx = dy (x - y) / max(x (1 - x), 1e-12) */
static bg_node *bce_gradient(bg_node *node, int input, bg_node *dy)
{
    bg_node *x = node->inputs[0], *y = node->inputs[1];
    if (input == 1)
        return bg_mul(dy, bg_sub(bg_log1p(bg_neg(x)), bg_log(x)));
    bg_node *spread = bg_mul(x, bg_sub_from(1, x));
    return bg_mul(dy, bg_div(bg_sub(x, y), bg_maximum(spread, bgi_scalar_like(x, 1e-12))));
}
static bg_node *bce_compose(bg_node *node)
{
    bg_node *x = node->inputs[0], *y = node->inputs[1], *least = bgi_scalar_like(x, -100);
    bg_node *yes = bg_maximum(bg_log(x), least), *no = bg_maximum(bg_log1p(bg_neg(x)), least);
    return bg_sub(bg_mul(bg_add_scalar(y, -1), no), bg_mul(y, yes));
}
const bg_op bgi_bce_op = {
    .name = "bce", .arity = 2, .infer = bgi_infer_map, .gradient = bce_gradient, .compose = bce_compose
};
bg_node *bg_bce_loss_with(bg_node *probabilities, bg_node *target, bg_reduction reduction,
                          const bg_bce_options *options)
{
    if (!bgi_takes_equal_floats("bce_loss", probabilities, target, probability_labels))
        return NULL;
    bg_node *values = bgi_apply_2(&bgi_bce_op, probabilities, target);
    return bgi_loss_reduce("bce_loss", bgi_loss_weigh("bce_loss", values, "weight", options ? options->weight : NULL),
                           reduction);
}
bg_node *bg_bce_loss(bg_node *probabilities, bg_node *target, bg_reduction reduction)
{
    return bg_bce_loss_with(probabilities, target, reduction, NULL);
}

/* hinge: max(1 - y x, 0) */
bg_node *bg_hinge_loss(bg_node *prediction, bg_node *target, bg_reduction reduction)
{
    if (!bgi_takes_equal_floats("hinge_loss", prediction, target, bgi_loss_labels))
        return NULL;
    return bgi_loss_reduce("hinge_loss", bg_relu(bg_sub_from(1, bg_mul(target, prediction))), reduction);
}

/* soft_margin: log(1 + exp(-y x)), which is the loss of logits y x at target 1 */
bg_node *bg_soft_margin_loss(bg_node *prediction, bg_node *target, bg_reduction reduction)
{
    if (!bgi_takes_equal_floats("soft_margin_loss", prediction, target, bgi_loss_labels))
        return NULL;
    bg_node *one = bg_broadcast(bgi_scalar_like(prediction, 1), prediction->shape);
    bg_node *values = bgi_apply_2(&bgi_bce_with_logits_op, bg_mul(target, prediction), one);
    return bgi_loss_reduce("soft_margin_loss", values, reduction);
}
