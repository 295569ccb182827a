/* Moments: the mean and the spread of x over some axes, in f64 whatever its type. */
#include "ops/normalization.h"

#include "ops/memory.h"

#include <math.h>
#include <string.h>

bgi_moment_layout bgi_moment_layout_of(const bg_node *x, const bgi_moment_attributes *attributes)
{
    int first = attributes->trailing ? x->shape.rank - (int)attributes->trailing : 2;
    bgi_moment_layout l = { .outer = attributes->trailing ? 1 : x->shape.dims[0] };
    bgi_product_of(x->shape.dims + !attributes->trailing, first - !attributes->trailing, &l.groups);
    bgi_product_of(x->shape.dims + first, x->shape.rank - first, &l.inner);
    return l;
}
int64_t bgi_moment_count(const bg_node *x, const bgi_moment_attributes *attributes)
{
    bgi_moment_layout l = bgi_moment_layout_of(x, attributes);
    return l.outer * l.inner;
}
void bgi_moment_axes(const bg_node *x, const bgi_moment_attributes *attributes, bool axis[BG_MAX_RANK])
{
    for (int i = 0; i < BG_MAX_RANK; i++)
        axis[i] = i < x->shape.rank && (attributes->trailing ? i >= x->shape.rank - (int)attributes->trailing : i != 1);
}

/* moments: [.., 4]; its gradient is that of the composition */
static bg_status moments_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    const bg_node *x = node->inputs[0];
    bool axis[BG_MAX_RANK];
    bgi_moment_axes(x, node->attributes, axis);
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
    bgi_moment_axes(x, attributes, axis);
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
    bgi_moment_layout l = bgi_moment_layout_of(node->inputs[0], attributes);
    return input == 0 && !attributes->trailing ? 1 : l.groups;
}
/* An element of these calls takes about as long as so many instructions of a loop. */
static double moments_flops(const bg_node *node) { return 2 * (double)bg_shape_count(node->inputs[0]->shape); }

/* As many groups as leave x, y and their gradients in a core's cache from one of the calls to the next. */
int64_t bgi_moment_grain(const bg_node *node)
{
    const int64_t elements = 1 << 15;
    int64_t count = bgi_moment_count(node->inputs[0], node->attributes);
    return count < elements ? elements / count : 1;
}

/* Runs that are shorter than a kernel's block are added column by column. */
enum { SHORT_RUN = 16, LONGEST_RUN = 4096 };
static bool has_short_runs(const bgi_moment_layout *l) { return l->inner < SHORT_RUN && l->outer > 1; }
static size_t moments_scratch(const bg_node *node)
{
    bgi_moment_layout l = bgi_moment_layout_of(node->inputs[0], node->attributes);
    return has_short_runs(&l) ? 2 * (size_t)l.groups * sizeof(double) : 0;
}

/* The moment of one group about a centre, from its first element on. A long run is cut, as the partial sums of one call
 * each grow with it. */
static double moment_of_runs(const bgi_moment_layout *l, bgk_moment *kernel, const char *x, size_t size, double centre)
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
    static void short_runs_##type(const bgi_moment_layout *l, const type *x, int64_t n, const double *centres,         \
                                  double *totals)                                                                      \
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
    const bgk_kernels *kernels = bgi_call_kernels(call);
    size_t size = bg_dtype_size(x->dtype);
    bgi_moment_layout l = bgi_moment_layout_of(x, attributes);
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
static bg_node *moments_in_lanes(const bg_node *node, bg_node **inputs)
{
    const bgi_moment_attributes *attributes = node->attributes;
    return attributes->trailing ? NULL : bgi_moments(inputs[0], attributes);
}
static const bgi_lanes moments_lanes = { .inputs = 1, .make = moments_in_lanes };
const bg_op bgi_moments_op = { .name = "moments",
                               .arity = 1,
                               .infer = moments_infer,
                               .compose = moments_compose,
                               .call = moments_call,
                               .units = moments_units,
                               .flops = moments_flops,
                               .grain = bgi_moment_grain,
                               .scratch = moments_scratch,
                               .lanes = &moments_lanes,
                               .never_fails = true };
bg_node *bgi_moments(bg_node *x, const bgi_moment_attributes *attributes)
{
    return bg_apply(&bgi_moments_op, &x, 1, attributes, sizeof *attributes);
}
bg_node *bgi_moment_of(bg_node *moments, bgi_moment which) { return bg_select(moments, -1, which); }
