/* Bounds of differences between scores, in which a last linear layer takes part as a whole. */
#include <blasgrad/ops.h>

#include "certify/interval.h"

/* Scores and what they are bounded for. */
typedef struct {
    bg_node *scores, *x, *lower, *upper, *classes;
} problem;

/* A last layer h · weight + bias: h [n, k], weight [k, c], bias [n, c] or NULL. */
typedef struct {
    bg_node *h, *weight, *bias;
} linear_layer;

static bool is_independent(const problem *p, bg_node *node)
{
    bg_node *low, *high;
    return bg_interval_bounds(node, p->x, p->lower, p->upper, &low, &high) == BG_OK && low == node;
}

/* Weights of a difference for each example are as many as this at most: 256 MiB of f32. */
static const int64_t MOST_WEIGHTS = (int64_t)1 << 26;

/* Whether the scores end with such a layer, of which only h depends on x. */
static bool find_layer(const problem *p, linear_layer *layer)
{
    bg_node *y = p->scores;
    *layer = (linear_layer){ .bias = NULL };
    if (bgi_node_is_op(y, bgi_arithmetic_ops, "add")) {
        layer->bias = y->inputs[1];
        y = y->inputs[0];
    }
    if (!bgi_node_is(y, BGI_PRODUCT) || y->shape.rank != 2)
        return false;
    layer->h = y->inputs[0];
    layer->weight = y->inputs[1];
    int64_t sizes[] = { y->shape.dims[0], y->shape.dims[1], layer->h->shape.dims[1] }, count;
    return bgi_product_of(sizes, 3, &count) && count <= MOST_WEIGHTS && is_independent(p, layer->weight) &&
           (!layer->bias || is_independent(p, layer->bias));
}

/* x [n, c] at each row's class: [n, 1]. */
static bg_node *own_of(const problem *p, bg_node *x)
{
    return x ? bg_reshape(bg_gather_class(x, p->classes), BG_SHAPE(x->shape.dims[0], 1)) : NULL;
}

/* The largest that h · (weight - the class's own column) can be, without its bias. */
static bg_node *differences_of_weights(const problem *p, const linear_layer *layer)
{
    int64_t n = p->scores->shape.dims[0], c = p->scores->shape.dims[1], k = layer->weight->shape.dims[0];
    bg_node *own = bgi_transpose_last(bg_index_select(layer->weight, p->classes, 1)), *low, *high;
    bg_node *weight = bg_sub(bg_reshape(layer->weight, BG_SHAPE(1, k, c)), bg_reshape(own, BG_SHAPE(n, k, 1)));
    bg_node *y = bg_matmul(bg_reshape(layer->h, BG_SHAPE(n, 1, k)), weight);
    if (!y || bg_interval_bounds(y, p->x, p->lower, p->upper, &low, &high) != BG_OK)
        return NULL;
    return bg_reshape(high, BG_SHAPE(n, c));
}

/* Rounding of the two scores themselves follows their own weights, not the weights' difference. */
static bg_node *rounding_of_scores(const problem *p, const linear_layer *layer)
{
    bg_node *low, *high;
    if (bg_interval_bounds(layer->h, p->x, p->lower, p->upper, &low, &high) != BG_OK)
        return NULL;
    bg_node *sizes = bg_matmul(bg_maximum(bg_abs(low), bg_abs(high)), bg_abs(layer->weight));
    if (layer->bias)
        sizes = bg_add(sizes, bg_abs(layer->bias));
    double units = bgi_interval_sum_units(layer->weight->shape.dims[0], p->scores->dtype);
    return bgi_interval_margin(bg_add(sizes, own_of(p, sizes)), units);
}

static bg_node *by_layer(const problem *p, const linear_layer *layer)
{
    bg_node *differences = differences_of_weights(p, layer);
    if (layer->bias)
        differences = bg_add(differences, bg_sub(layer->bias, own_of(p, layer->bias)));
    return bg_add(differences, rounding_of_scores(p, layer));
}

/* The others' upper bounds minus the own one's lower bound. */
static bg_node *by_scores(const problem *p)
{
    bg_node *low, *high;
    if (bg_interval_bounds(p->scores, p->x, p->lower, p->upper, &low, &high) != BG_OK)
        return NULL;
    bg_node *own = own_of(p, low);
    return bg_add(bg_sub(high, own), bgi_interval_margin(bg_add(bg_abs(high), bg_abs(own)), 4));
}

bg_node *bg_interval_differences(bg_node *scores, bg_node *x, bg_node *lower, bg_node *upper, bg_node *classes)
{
    bg_graph *graph = bgi_graph_of("interval_differences", (bg_node *[]){ scores, x, lower, upper, classes }, 5);
    if (!graph)
        return NULL;
    if (scores->shape.rank != 2 || classes->shape.rank != 1 || classes->shape.dims[0] != scores->shape.dims[0])
        return bgi_graph_fail(graph, BG_ERR_SHAPE, "interval_differences: needs scores [n, c] and classes [n]: %s, %s",
                              bgi_shape_format(scores->shape).text, bgi_shape_format(classes->shape).text);
    const problem p = { scores, x, lower, upper, classes };
    linear_layer layer;
    bool has_layer = find_layer(&p, &layer);
    bg_node *differences = graph->status ? NULL : has_layer ? by_layer(&p, &layer) : by_scores(&p);
    bg_node *own = bg_cast(bg_one_hot(classes, scores->shape.dims[1], scores->dtype), BG_BOOL);
    return bg_masked_fill(differences, own, 0);
}
