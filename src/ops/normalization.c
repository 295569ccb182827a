/* Normalisation: with the mean and the variance of some axes, and with neighbouring channels. */
#include "ops/ops.h"

#include <math.h>
#include <string.h>

/* ---- Checks ---- */

bool bgi_takes_eps(const char *op, const bg_node *x, double eps)
{
    if (eps >= 0 && isfinite(eps))
        return true;
    bgi_graph_fail(x->graph, BG_ERR_ARGUMENT, "%s: eps is %g, not at least 0", op, eps);
    return false;
}

/* Whether vectors that are not NULL have the shape and the type of x and are of its graph. */
static bool takes_shaped(const char *op, bg_node *x, bg_shape shape, bg_node *const *vectors, const char *const *labels,
                         int n)
{
    for (int i = 0; i < n; i++) {
        if (!vectors[i])
            continue;
        const char *const pair[] = { "x", labels[i] };
        bg_node *both[] = { x, vectors[i] };
        bg_graph *graph = bgi_graph_of(op, both, 2);
        if (!graph || !bgi_graph_accept(graph, bgi_check_floats(op, both, pair, 2)))
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

bg_node *bgi_by_channel(bg_node *vector, const bg_node *x)
{
    bg_shape shape = { .rank = x->shape.rank - 1, .dims = { x->shape.dims[1] } };
    for (int i = 1; i < shape.rank; i++)
        shape.dims[i] = 1;
    return bg_reshape(vector, shape);
}

static const char *const weight_bias[] = { "weight", "bias" };

/* ---- Moments ---- */

/* x as outer x groups x inner elements, those of one group having one mean. */
typedef struct {
    int64_t outer, groups, inner;
} layout;
static layout layout_of(const bg_node *x, const bgi_moment_attributes *attributes)
{
    int first = attributes->trailing ? x->shape.rank - (int)attributes->trailing : 2;
    layout l = { .outer = attributes->trailing ? 1 : x->shape.dims[0] };
    bgi_product_of(x->shape.dims + !attributes->trailing, first - !attributes->trailing, &l.groups);
    bgi_product_of(x->shape.dims + first, x->shape.rank - first, &l.inner);
    return l;
}
int64_t bgi_moment_count(const bg_node *x, const bgi_moment_attributes *attributes)
{
    layout l = layout_of(x, attributes);
    return l.outer * l.inner;
}
static void axes_of(const bg_node *x, const bgi_moment_attributes *attributes, bool axis[BG_MAX_RANK])
{
    for (int i = 0; i < BG_MAX_RANK; i++)
        axis[i] = i < x->shape.rank && (attributes->trailing ? i >= x->shape.rank - (int)attributes->trailing : i != 1);
}

/* moments: [.., 4]; its gradient is that of the composition */
static bg_status moments_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    const bg_node *x = node->inputs[0];
    bool axis[BG_MAX_RANK];
    axes_of(x, node->attributes, axis);
    *dtype = x->dtype;
    *shape = BG_SCALAR;
    for (int i = 0; i < x->shape.rank; i++)
        if (!axis[i])
            shape->dims[shape->rank++] = x->shape.dims[i];
    shape->dims[shape->rank++] = 4;
    return BG_OK;
}
static bg_node *moments_compose(bg_node *node)
{
    const bgi_moment_attributes *attributes = node->attributes;
    bg_node *x = node->inputs[0], *wide = bg_cast(x, BG_F64), *zero = bgi_scalar_like(wide, 0), *mean = zero;
    double share = 1 / (double)bgi_moment_count(x, attributes);
    bool axis[BG_MAX_RANK];
    axes_of(x, attributes, axis);
    if (!attributes->is_around_zero)
        mean = bg_mul_scalar(bgi_keep_axes(bgi_sum_over(wide, axis), x, axis), share);
    bg_node *off = attributes->is_around_zero ? wide : bg_sub(wide, mean);
    bg_node *variance = bg_mul_scalar(bgi_keep_axes(bgi_sum_over(bg_square(off), axis), x, axis), share);
    bg_node *scale = bg_div(bgi_scalar_like(wide, 1), bg_sqrt(bg_add_scalar(variance, attributes->eps)));
    bg_node *rounded = bg_cast(bg_cast(mean, x->dtype), BG_F64);
    bg_node *parts[4] = { mean, bg_sub(mean, rounded), variance, scale };
    bg_shape one = node->shape;
    one.dims[one.rank - 1] = 1;
    for (int i = 0; i < 4; i++) {
        bg_node *part = bg_cast(parts[i], x->dtype);
        parts[i] = part && part->shape.rank == 0 ? bg_broadcast(part, one) : bg_reshape(part, one);
    }
    return bg_concat(parts, 4, one.rank - 1);
}
static int64_t moments_units(const bg_node *node, int input)
{
    const bgi_moment_attributes *attributes = node->attributes;
    layout l = layout_of(node->inputs[0], attributes);
    return input == 0 && !attributes->trailing ? 1 : l.groups;
}
static double moments_flops(const bg_node *node) { return 4 * (double)bg_shape_count(node->inputs[0]->shape); }

/* Runs that are shorter than a kernel's block are added column by column. */
enum { SHORT_RUN = 16, LONGEST_RUN = 4096 };
static bool has_short_runs(const layout *l) { return l->inner < SHORT_RUN && l->outer > 1; }
static size_t moments_scratch(const bg_node *node)
{
    layout l = layout_of(node->inputs[0], node->attributes);
    return has_short_runs(&l) ? 2 * (size_t)l.groups * sizeof(double) : 0;
}

/* The moment of one group about a centre, from its first element on. A long run is cut, as the partial sums of one call
 * each grow with it. */
static double moment_of_runs(const layout *l, bgk_moment *kernel, const char *x, size_t size, double centre)
{
    double total = 0;
    for (int64_t o = 0; o < l->outer; o++)
        for (int64_t i = 0; i < l->inner; i += LONGEST_RUN) {
            int64_t n = l->inner - i < LONGEST_RUN ? l->inner - i : LONGEST_RUN;
            total += kernel(x + (size_t)(o * l->groups * l->inner + i) * size, centre, n);
        }
    return total;
}

/* The same for n neighbouring groups at once; centres NULL: sums. */
#define DEFINE_SHORT_RUNS(type)                                                                                        \
    static void short_runs_##type(const layout *l, const type *x, int64_t n, const double *centres, double *totals)    \
    {                                                                                                                  \
        memset(totals, 0, (size_t)n * sizeof *totals);                                                                 \
        for (int64_t o = 0; o < l->outer; o++) {                                                                       \
            const type *row = x + o * l->groups * l->inner;                                                            \
            if (l->inner == 1 && centres)                                                                              \
                for (int64_t g = 0; g < n; g++)                                                                        \
                    totals[g] += ((double)row[g] - centres[g]) * ((double)row[g] - centres[g]);                        \
            else if (l->inner == 1)                                                                                    \
                for (int64_t g = 0; g < n; g++)                                                                        \
                    totals[g] += (double)row[g];                                                                       \
            else                                                                                                       \
                for (int64_t i = 0; i < n * l->inner; i++) {                                                           \
                    double value = (double)row[i];                                                                     \
                    if (centres)                                                                                       \
                        value = (value - centres[i / l->inner]) * (value - centres[i / l->inner]);                     \
                    totals[i / l->inner] += value;                                                                     \
                }                                                                                                      \
        }                                                                                                              \
    }
DEFINE_SHORT_RUNS(float)
DEFINE_SHORT_RUNS(double)

static void put_moments(const bg_call *call, int64_t group, double mean, double variance)
{
    const bgi_moment_attributes *attributes = call->node->attributes;
    double scale = 1 / sqrt(variance + attributes->eps);
    if (call->node->dtype == BG_F64) {
        memcpy((double *)call->output + 4 * group, (double[]){ mean, 0, variance, scale }, 4 * sizeof(double));
    } else {
        float rounded = (float)mean;
        const float packed[4] = { rounded, (float)(mean - (double)rounded), (float)variance, (float)scale };
        memcpy((float *)call->output + 4 * group, packed, sizeof packed);
    }
}
static bg_status moments_call(const bg_call *call)
{
    const bgi_moment_attributes *attributes = call->node->attributes;
    const bg_node *x = call->node->inputs[0];
    const bgk_table *table = call->node->graph->engine->kernels;
    const bgk_kernels *kernels = x->dtype == BG_F64 ? &table->f64 : &table->f32;
    size_t size = bg_dtype_size(x->dtype);
    layout l = layout_of(x, attributes);
    double count = (double)(l.outer * l.inner);
    int64_t n = call->last - call->first;
    const char *data = call->inputs[0];
    if (!attributes->trailing)
        data += (size_t)(call->first * l.inner) * size;
    if (!has_short_runs(&l)) {
        for (int64_t g = 0; g < n; g++, data += (size_t)l.inner * size) {
            double mean = attributes->is_around_zero ? 0 : moment_of_runs(&l, kernels->wide_sum, data, size, 0) / count;
            put_moments(call, g, mean, moment_of_runs(&l, kernels->wide_spread, data, size, mean) / count);
        }
        return BG_OK;
    }
    double *means = call->scratch, *spreads = means + n;
    memset(means, 0, (size_t)n * sizeof *means);
    for (int pass = attributes->is_around_zero ? 1 : 0; pass < 2; pass++) {
        double *totals = pass ? spreads : means;
        if (x->dtype == BG_F64)
            short_runs_double(&l, (const void *)data, n, pass ? means : NULL, totals);
        else
            short_runs_float(&l, (const void *)data, n, pass ? means : NULL, totals);
        for (int64_t g = 0; g < n; g++)
            totals[g] /= count;
    }
    for (int64_t g = 0; g < n; g++)
        put_moments(call, g, means[g], spreads[g]);
    return BG_OK;
}
static const bg_op moments_op = { .name = "moments",
                                  .arity = 1,
                                  .infer = moments_infer,
                                  .compose = moments_compose,
                                  .call = moments_call,
                                  .units = moments_units,
                                  .flops = moments_flops,
                                  .scratch = moments_scratch,
                                  .never_fails = true };
bg_node *bgi_moments(bg_node *x, const bgi_moment_attributes *attributes)
{
    return bg_apply(&moments_op, &x, 1, attributes, sizeof *attributes);
}
bg_node *bgi_moment_of(bg_node *moments, bgi_moment which) { return bg_select(moments, -1, which); }

/* ---- Standardising ---- */

/* What x is standardised with, as it broadcasts against x. */
typedef struct {
    bg_node *moments;
    bool axis[BG_MAX_RANK];
} terms;
static terms terms_of(bg_node *x, const bgi_moment_attributes *attributes)
{
    terms t = { .moments = bgi_moments(x, attributes) };
    axes_of(x, attributes, t.axis);
    return t;
}
static bg_node *term(const terms *t, const bg_node *x, bgi_moment which)
{
    return bgi_keep_axes(bgi_moment_of(t->moments, which), x, t->axis);
}
/* x - mean. The mean has more digits than a number of x's type, and where it is large beside the spread they all count:
 * the first difference is then exact. */
static bg_node *centred(const terms *t, bg_node *x, const bgi_moment_attributes *attributes)
{
    if (attributes->is_around_zero)
        return x;
    bg_node *off = bg_sub(x, term(t, x, BGI_MOMENT_MEAN));
    return x->dtype == BG_F64 ? off : bg_sub(off, term(t, x, BGI_MOMENT_REST));
}
static bg_node *whole_scale(const terms *t, const bg_node *node)
{
    bg_node *scale = term(t, node->inputs[0], BGI_MOMENT_SCALE);
    return node->n_inputs > 1 ? bg_mul(scale, bgi_by_channel(node->inputs[1], node->inputs[0])) : scale;
}

/* standardize: y = (x - mean) s · scale with s = 1 / √(variance + eps); with h = (x - mean) s
 *   dx = s · scale (dy - mean dy - h · mean (dy h))   dscale = Σ dy h
 * Around zero there is no mean dy. */
static bg_node *standardize_compose(bg_node *node)
{
    terms t = terms_of(node->inputs[0], node->attributes);
    return bg_mul(centred(&t, node->inputs[0], node->attributes), whole_scale(&t, node));
}
static bg_node *standardize_gradient(bg_node *node, int input, bg_node *dy)
{
    const bgi_moment_attributes *attributes = node->attributes;
    bg_node *x = node->inputs[0];
    terms t = terms_of(x, attributes);
    bg_node *h = bg_mul(centred(&t, x, attributes), term(&t, x, BGI_MOMENT_SCALE));
    bg_node *along = bgi_sum_over(bg_mul(dy, h), t.axis);
    if (input == 1)
        return along;
    double share = 1 / (double)bgi_moment_count(x, attributes);
    bg_node *rest = dy;
    if (!attributes->is_around_zero)
        rest = bg_sub(rest, bg_mul_scalar(bgi_keep_axes(bgi_sum_over(dy, t.axis), x, t.axis), share));
    rest = bg_sub(rest, bg_mul(h, bg_mul_scalar(bgi_keep_axes(along, x, t.axis), share)));
    return bg_mul(rest, whole_scale(&t, node));
}
static bg_status standardize_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    *dtype = node->inputs[0]->dtype;
    *shape = node->inputs[0]->shape;
    return BG_OK;
}
static const bg_op standardize_op = { .name = "standardize",
                                      .arity = -1,
                                      .infer = standardize_infer,
                                      .gradient = standardize_gradient,
                                      .compose = standardize_compose };
bg_node *bgi_standardize(bg_node *x, bg_node *scale, const bgi_moment_attributes *attributes)
{
    return bg_apply(&standardize_op, (bg_node *[]){ x, scale }, scale ? 2 : 1, attributes, sizeof *attributes);
}

/* ---- Layers ---- */

/* x · weight + bias, either of which may be NULL. */
static bg_node *affine(bg_node *x, bg_node *weight, bg_node *bias)
{
    bg_node *y = weight ? bg_mul(x, weight) : x;
    return bias ? bg_add(y, bias) : y;
}

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
        return affine(bgi_standardize(x, NULL, &attributes), weight, bias);
    bg_node *y = bgi_standardize(bg_permute(x, order), NULL, &attributes);
    return bg_permute(affine(y, weight, bias), back);
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
    bg_node *y = bg_reshape(bgi_standardize(rows, NULL, &attributes), planes->shape);
    y = affine(y, weight ? bgi_by_channel(weight, planes) : NULL, bias ? bgi_by_channel(bias, planes) : NULL);
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

const bg_op *const bgi_normalization_ops[] = { &moments_op, &standardize_op, NULL };
