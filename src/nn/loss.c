/* Losses. */
#include <blasgrad/loss.h>

#include "ops/score.h"
/* What the losses share, and the table of their names. */
#include "nn/loss.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const char *const bgi_loss_labels[] = { "prediction", "target" };

/* ---- Reductions ---- */

bool bgi_takes_reduction(const char *loss, bg_graph *graph, bg_reduction reduction)
{
    if (reduction == BG_MEAN || reduction == BG_SUM || reduction == BG_NONE)
        return true;
    if (reduction == BG_BATCH_MEAN)
        bgi_graph_fail(graph, BG_ERR_ARGUMENT, "%s: the reduction BG_BATCH_MEAN is for kl_div_loss", loss);
    else
        bgi_graph_fail(graph, BG_ERR_ARGUMENT, "%s: there is no reduction %d", loss, (int)reduction);
    return false;
}

bg_node *bgi_loss_reduce(const char *loss, bg_node *values, bg_reduction reduction)
{
    if (!values || !bgi_takes_reduction(loss, values->graph, reduction))
        return NULL;
    return reduction == BG_MEAN  ? bg_mean(values, BG_ALL_AXES)
           : reduction == BG_SUM ? bg_sum(values, BG_ALL_AXES)
                                 : values;
}

bg_node *bgi_loss_reduce_weighted(const char *loss, bg_node *values, bg_node *weights, bg_reduction reduction)
{
    if (!weights || reduction != BG_MEAN)
        return bgi_loss_reduce(loss, values, reduction);
    return values ? bg_div(bg_sum(values, BG_ALL_AXES), bg_sum(weights, BG_ALL_AXES)) : NULL;
}

/* ---- Options ---- */

bg_node *bgi_loss_weigh(const char *loss, bg_node *values, const char *label, bg_node *weight)
{
    if (!values || !weight)
        return values;
    bg_node *inputs[] = { values, weight };
    const char *const labels[] = { "the values", label };
    bg_graph *graph = bgi_graph_of(loss, inputs, 2);
    bg_shape shape;
    if (!graph || !bgi_graph_accept(graph, bgi_check_floats(loss, inputs, labels, 2)))
        return NULL;
    if (!bgi_shape_broadcast(values->shape, weight->shape, &shape) || !bg_shape_equal(shape, values->shape))
        return bgi_graph_fail(graph, BG_ERR_SHAPE, "%s: %s does not broadcast to the values: values %s, %s %s", loss,
                              label, bgi_shape_format(values->shape).text, label, bgi_shape_format(weight->shape).text);
    return bg_mul(values, weight);
}

bool bgi_takes_option(const char *loss, const bg_node *x, const char *label, double value, double least, bool is_above)
{
    if (isfinite(value) && (is_above ? value > least : value >= least))
        return true;
    bgi_graph_fail(x->graph, BG_ERR_ARGUMENT, "%s: %s is %g, not a number %s %g", loss, label, value,
                   is_above ? "above" : "of at least", least);
    return false;
}

bool bgi_takes_margin(const char *loss, const bg_node *x, double margin)
{
    if (isfinite(margin))
        return true;
    bgi_graph_fail(x->graph, BG_ERR_ARGUMENT, "%s: margin is %g, not a finite number", loss, margin);
    return false;
}

bg_node *bgi_at_least_0(bg_node *x) { return bg_clamp(x, 0, (double)INFINITY); }

/* ---- The table ---- */

const bg_op *const bgi_loss_ops[] = { &bgi_bce_with_logits_op, &bgi_bce_op, &bgi_ctc_labels_op, &bgi_ctc_op,
                                      &bgi_ctc_gradient_op,    NULL };

static const struct {
    const char *name;
    bg_loss *loss;
    bool takes_classes;
} losses[] = {
    { .name = "l1", .loss = bg_l1_loss },
    { .name = "l2", .loss = bg_l2_loss },
    { .name = "smooth_l1", .loss = bg_smooth_l1_loss },
    { .name = "huber", .loss = bg_huber_loss },
    { .name = "poisson_nll", .loss = bg_poisson_nll_loss },
    { .name = "bce", .loss = bg_bce_loss },
    { .name = "bce_with_logits", .loss = bg_bce_with_logits_loss },
    { .name = "hinge", .loss = bg_hinge_loss },
    { .name = "soft_margin", .loss = bg_soft_margin_loss },
    { .name = "cross_entropy", .loss = bg_cross_entropy_loss, .takes_classes = true },
    { .name = "nll", .loss = bg_nll_loss, .takes_classes = true },
    { .name = "multi_margin", .loss = bg_multi_margin_loss, .takes_classes = true },
    { .name = "multilabel_margin", .loss = bg_multilabel_margin_loss },
    { .name = "multilabel_soft_margin", .loss = bg_multilabel_soft_margin_loss },
    { .name = "kl_div", .loss = bg_kl_div_loss },
    { .name = "cosine_similarity", .loss = bg_cosine_similarity_loss },
    { .name = "hinge_embedding", .loss = bg_hinge_embedding_loss },
};

bg_loss *bg_loss_find(const char *name)
{
    char names[400] = "";
    size_t length = 0;
    for (size_t i = 0; i < sizeof losses / sizeof losses[0]; i++) {
        if (name && strcmp(name, losses[i].name) == 0)
            return losses[i].loss;
        if (length < sizeof names)
            length += (size_t)snprintf(names + length, sizeof names - length, "%s%s", i ? ", " : "", losses[i].name);
    }
    bg_fail(BG_ERR_ARGUMENT, "loss_find: there is no loss '%s': the losses are %s", name ? name : "", names);
    return NULL;
}

bool bg_loss_takes_classes(const char *name)
{
    for (size_t i = 0; name && i < sizeof losses / sizeof losses[0]; i++)
        if (strcmp(name, losses[i].name) == 0)
            return losses[i].takes_classes;
    return false;
}
