/* Normalisation of samples by themselves: over axes, groups of channels, instances, neighbouring channels. */
#include "ops/normalization.h"

#include <math.h>

/* ---- Checks ---- */

/* Whether vectors that are not NULL have the shape and the type of x and are of its graph. */
static bool takes_shaped(const char *op, bg_node *x, bg_shape shape, bg_node *const *vectors, const char *const *labels,
                         int n)
{
    for (int i = 0; i < n; i++) {
        if (!vectors[i])
            continue;
        const char *const pair[] = { "x", labels[i] };
        bg_node *both[] = { x, vectors[i] };
        bg_graph *graph = bgi_graph_of_floats(op, both, pair, 2);
        if (!graph)
            return false;
        if (!bg_shape_equal(vectors[i]->shape, shape)) {
            bgi_graph_fail(graph, BG_ERR_SHAPE, "%s: %s is %s, not %s: x %s", op, labels[i],
                           bgi_shape_format(vectors[i]->shape).text, bgi_shape_format(shape).text,
                           bgi_shape_format(x->shape).text);
            return false;
        }
    }
    return true;
}

bool bgi_takes_channels(const char *op, bg_node *x, bg_node *const *vectors, const char *const *labels, int n)
{
    if (!bgi_takes_float(op, x))
        return false;
    if (x->shape.rank < 2) {
        bgi_graph_fail(x->graph, BG_ERR_SHAPE, "%s: needs x [n, c, ..]: x %s", op, bgi_shape_format(x->shape).text);
        return false;
    }
    return takes_shaped(op, x, BG_SHAPE(x->shape.dims[1]), vectors, labels, n);
}

bg_node *bgi_as_planes(bg_node *x)
{
    return x->shape.rank <= 3 ? x : bg_reshape(x, BG_SHAPE(x->shape.dims[0], x->shape.dims[1], -1));
}

static const char *const weight_bias[] = { "weight", "bias" };

/* ---- Layers ---- */

/* layer_norm, rms_norm: over the last axes, where other axes are brought first */
static bg_node *normalize(const char *op, bg_node *x, bg_axes axes, bg_node *weight, bg_node *bias, double eps,
                          bool is_around_zero)
{
    bool axis[BG_MAX_RANK];
    if (!bgi_takes_float(op, x) || !bgi_find_axes(op, x, axes, axis) || !bgi_takes_eps(op, x, eps))
        return NULL;
    bg_axes order = { .count = x->shape.rank }, back = order;
    bg_shape shape = BG_SCALAR;
    int at = 0;
    for (int is_last = 0; is_last < 2; is_last++)
        for (int i = 0; i < x->shape.rank; i++)
            if (axis[i] == is_last) {
                back.axis[i] = at;
                order.axis[at++] = i;
                if (is_last)
                    shape.dims[shape.rank++] = x->shape.dims[i];
            }
    if (shape.rank == 0)
        return bgi_graph_fail(x->graph, BG_ERR_ARGUMENT, "%s: over no axes: x %s", op, bgi_shape_format(x->shape).text);
    if (!takes_shaped(op, x, shape, (bg_node *[]){ weight, bias }, weight_bias, 2))
        return NULL;
    if (bg_shape_count(x->shape) == 0)
        return x;
    bgi_moment_attributes attributes = { .trailing = shape.rank, .is_around_zero = is_around_zero, .eps = eps };
    bool is_trailing = true;
    for (int i = 0; i < x->shape.rank; i++)
        is_trailing = is_trailing && order.axis[i] == i;
    if (is_trailing)
        return bgi_standardize(x, weight, bias, &attributes);
    return bg_permute(bgi_standardize(bg_permute(x, order), weight, bias, &attributes), back);
}
bg_node *bg_layer_norm(bg_node *x, bg_axes axes, bg_node *weight, bg_node *bias, double eps)
{
    return normalize("layer_norm", x, axes, weight, bias, eps, false);
}
bg_node *bg_rms_norm(bg_node *x, bg_axes axes, bg_node *weight, double eps)
{
    return normalize("rms_norm", x, axes, weight, NULL, eps, true);
}

/* group_norm: the groups as rows */
static bg_node *by_groups(bg_node *x, int64_t groups, bg_node *weight, bg_node *bias, double eps)
{
    if (bg_shape_count(x->shape) == 0)
        return x;
    bgi_moment_attributes attributes = { .trailing = 1, .eps = eps };
    bg_node *planes = bgi_as_planes(x), *rows = bg_reshape(x, BG_SHAPE(x->shape.dims[0] * groups, -1));
    if (!planes || !rows)
        return NULL;
    bg_node *y = bg_reshape(bgi_standardize(rows, NULL, NULL, &attributes), planes->shape);
    if (weight)
        y = bg_mul(y, bgi_by_channel(weight, planes));
    if (bias)
        y = bg_add(y, bgi_by_channel(bias, planes));
    return bg_reshape(y, x->shape);
}
bg_node *bg_group_norm(bg_node *x, int64_t groups, bg_node *weight, bg_node *bias, double eps)
{
    if (!bgi_takes_channels("group_norm", x, (bg_node *[]){ weight, bias }, weight_bias, 2) ||
        !bgi_takes_eps("group_norm", x, eps))
        return NULL;
    if (groups < 1 || x->shape.dims[1] % groups != 0)
        return bgi_graph_fail(x->graph, BG_ERR_SHAPE, "group_norm: %lld groups do not divide the channels: x %s",
                              (long long)groups, bgi_shape_format(x->shape).text);
    return by_groups(x, groups, weight, bias, eps);
}
bg_node *bg_instance_norm(bg_node *x, bg_node *weight, bg_node *bias, double eps)
{
    bg_batch_norm_options options = { .eps = BG_SOME(eps) };
    return bg_instance_norm_with(x, weight, bias, NULL, NULL, &options);
}

/* local_response_norm: the squares with zeros around the channels, added up over shifts; shifts beyond all channels add
 * nothing */
bg_node *bg_local_response_norm(bg_node *x, int64_t size, double alpha, double beta, double k)
{
    if (!bgi_takes_channels("local_response_norm", x, NULL, NULL, 0))
        return NULL;
    if (size < 1)
        return bgi_graph_fail(x->graph, BG_ERR_ARGUMENT, "local_response_norm: size is %lld, not at least 1",
                              (long long)size);
    if (bg_shape_count(x->shape) == 0)
        return x;
    int64_t c = x->shape.dims[1], before = size / 2 < c ? size / 2 : c - 1;
    int64_t behind = (size - 1) / 2 < c ? (size - 1) / 2 : c - 1;
    bg_pad_options around = { .before = { 0, before }, .after = { 0, behind } };
    bg_node *squares = bg_pad(bg_square(x), around), *sum = bg_narrow(squares, 1, 0, c);
    for (int64_t shift = 1; shift <= before + behind; shift++)
        sum = bg_add(sum, bg_narrow(squares, 1, shift, c));
    bg_node *base = bg_add_scalar(bg_mul_scalar(sum, alpha / (double)size), k);
    return bg_div(x, bg_pow_scalar(base, beta));
}
