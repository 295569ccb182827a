/* Losses of vectors and of pairs. */
#include "nn/loss.h"

#include <math.h>

/* Whether x and y are rows [.., d] of one shape, and target, unless NULL, is [..] of their type; records the error. */
static bool takes_rows(const char *loss, bg_node *x, bg_node *y, bg_node *target, const char *const *labels)
{
    bg_node *inputs[] = { x, y, target }, *typed[] = { x, target };
    const char *const typed_labels[] = { labels[0], "target" };
    bg_graph *graph = bgi_graph_of(loss, inputs, target ? 3 : 2);
    if (!graph || !bgi_takes_equal_floats(loss, x, y, labels) ||
        (target && !bgi_graph_accept(graph, bgi_check_floats(loss, typed, typed_labels, 2))))
        return false;
    bg_shape rows = x->shape;
    rows.rank--;
    if (rows.rank < 0)
        bgi_graph_fail(graph, BG_ERR_SHAPE, "%s: needs %s [.., d]: %s []", loss, labels[0], labels[0]);
    else if (target && !bg_shape_equal(target->shape, rows))
        bgi_graph_fail(graph, BG_ERR_SHAPE, "%s: needs %s [.., d], target [..]: %s %s, target %s", loss, labels[0],
                       labels[0], bgi_shape_format(x->shape).text, bgi_shape_format(target->shape).text);
    else
        return true;
    return false;
}
/* A loss of three inputs passes NULL through, but names the third if it alone is missing. */
static bool is_there(const char *loss, bg_node *x, bg_node *y, bg_node *z)
{
    return bgi_graph_of(loss, (bg_node *[]){ x, y, z }, 3) != NULL;
}

/* cosine_similarity: 1 - cos */
bg_node *bg_cosine_similarity_loss(bg_node *prediction, bg_node *target, bg_reduction reduction)
{
    if (!takes_rows("cosine_similarity_loss", prediction, target, NULL, bgi_loss_labels))
        return NULL;
    bg_node *values = bg_sub_from(1, bg_cosine_similarity(prediction, target, -1, 1e-8));
    return bgi_loss_reduce("cosine_similarity_loss", values, reduction);
}

/* cosine_embedding: 1 - cos at target 1, max(cos - margin, 0) at target -1 */
bg_node *bg_cosine_embedding_loss(bg_node *x, bg_node *y, bg_node *target, bg_reduction reduction,
                                  const bg_cosine_embedding_options *options)
{
    const double eps = 1e-12;
    double margin = options ? options->margin : 0;
    if (!is_there("cosine_embedding_loss", x, y, target) ||
        !takes_rows("cosine_embedding_loss", x, y, target, bgi_x_y) ||
        !bgi_takes_margin("cosine_embedding_loss", x, margin))
        return NULL;
    bg_node *xx = bg_add_scalar(bg_sum(bg_square(x), BG_AXES(-1)), eps);
    bg_node *yy = bg_add_scalar(bg_sum(bg_square(y), BG_AXES(-1)), eps);
    bg_node *cos = bg_div(bg_sum(bg_mul(x, y), BG_AXES(-1)), bg_sqrt(bg_mul(xx, yy)));
    bg_node *zero = bgi_scalar_like(x, 0), *alike = bg_equal(target, bgi_scalar_like(x, 1));
    bg_node *apart = bg_equal(target, bgi_scalar_like(x, -1));
    bg_node *values =
        bg_where(alike, bg_sub_from(1, cos), bg_where(apart, bgi_at_least_0(bg_add_scalar(cos, -margin)), zero));
    return bgi_loss_reduce("cosine_embedding_loss", values, reduction);
}

/* hinge_embedding: x unless the target is -1, and max(margin - x, 0) unless it is 1 */
bg_node *bg_hinge_embedding_loss_with(bg_node *distance, bg_node *target, bg_reduction reduction,
                                      const bg_hinge_embedding_options *options)
{
    static const char *const labels[] = { "distance", "target" };
    double margin = bgi_option(options ? options->margin : (bg_optional){ 0 }, 1);
    if (!bgi_takes_equal_floats("hinge_embedding_loss", distance, target, labels) ||
        !bgi_takes_margin("hinge_embedding_loss", distance, margin))
        return NULL;
    bg_node *zero = bgi_scalar_like(distance, 0), *is_alike = bg_not_equal(target, bgi_scalar_like(target, -1));
    bg_node *is_apart = bg_not_equal(target, bgi_scalar_like(target, 1));
    bg_node *values = bg_add(bg_where(is_alike, distance, zero),
                             bg_where(is_apart, bgi_at_least_0(bg_sub_from(margin, distance)), zero));
    return bgi_loss_reduce("hinge_embedding_loss", values, reduction);
}
bg_node *bg_hinge_embedding_loss(bg_node *distance, bg_node *target, bg_reduction reduction)
{
    return bg_hinge_embedding_loss_with(distance, target, reduction, NULL);
}

/* margin_ranking: max(margin - target (x - y), 0) */
bg_node *bg_margin_ranking_loss(bg_node *x, bg_node *y, bg_node *target, bg_reduction reduction,
                                const bg_margin_ranking_options *options)
{
    static const char *const labels[] = { "x", "target" };
    double margin = options ? options->margin : 0;
    if (!is_there("margin_ranking_loss", x, y, target) ||
        !bgi_takes_equal_floats("margin_ranking_loss", x, y, bgi_x_y) ||
        !bgi_takes_equal_floats("margin_ranking_loss", x, target, labels) ||
        !bgi_takes_margin("margin_ranking_loss", x, margin))
        return NULL;
    bg_node *values = bgi_at_least_0(bg_sub_from(margin, bg_mul(target, bg_sub(x, y))));
    return bgi_loss_reduce("margin_ranking_loss", values, reduction);
}

/* triplet_margin: max(|anchor - positive| - |anchor - negative| + margin, 0) */
bg_node *bg_triplet_margin_loss(bg_node *anchor, bg_node *positive, bg_node *negative, bg_reduction reduction,
                                const bg_triplet_margin_options *options)
{
    static const char *const labels[][2] = { { "anchor", "positive" }, { "anchor", "negative" } };
    const bg_triplet_margin_options none = { 0 }, *o = options ? options : &none;
    double p = o->p != 0 ? o->p : 2, margin = o->margin != 0 ? o->margin : 1, eps = bgi_option(o->eps, 1e-6);
    if (!is_there("triplet_margin_loss", anchor, positive, negative) ||
        !takes_rows("triplet_margin_loss", anchor, positive, NULL, labels[0]) ||
        !takes_rows("triplet_margin_loss", anchor, negative, NULL, labels[1]) ||
        (p != (double)INFINITY && !bgi_takes_option("triplet_margin_loss", anchor, "p", p, 0, true)) ||
        !bgi_takes_option("triplet_margin_loss", anchor, "margin", margin, 0, true) ||
        !bgi_takes_option("triplet_margin_loss", anchor, "eps", eps, 0, false))
        return NULL;
    bg_node *near = bg_pairwise_distance(anchor, positive, p, eps);
    bg_node *far = bg_pairwise_distance(anchor, negative, p, eps);
    if (o->has_swap)
        far = bg_minimum(far, bg_pairwise_distance(positive, negative, p, eps));
    bg_node *values = bgi_at_least_0(bg_add_scalar(bg_sub(near, far), margin));
    return bgi_loss_reduce("triplet_margin_loss", values, reduction);
}
