/* Running sums and products along an axis. */
#include "ops/scan.h"

#include "ops/axis.h"
#include "ops/memory.h"

#include <string.h>

typedef struct {
    int64_t axis, is_reverse;
} sums_attributes;

static bg_node *running_sums(bg_node *x, int64_t axis, bool is_reverse);

/* cumsum: y[j] = x[0] + .. + x[j], dx = the sums of dy from the other end */
static bg_node *cumsum_gradient(bg_node *node, int input, bg_node *dy)
{
    const sums_attributes *attributes = node->attributes;
    (void)input;
    return running_sums(dy, attributes->axis, !attributes->is_reverse);
}
static int64_t inner_of(const bg_node *node)
{
    const sums_attributes *attributes = node->attributes;
    return bgi_inner_of(node->shape, attributes->axis);
}
static size_t cumsum_scratch(const bg_node *node) { return (size_t)inner_of(node) * sizeof(double); }
/* In double, for f32 too. */
static bg_status cumsum_call(const bg_call *call)
{
    const sums_attributes *attributes = call->node->attributes;
    int64_t n = call->node->shape.dims[attributes->axis], inner = inner_of(call->node);
    double *sums = call->scratch;
    for (int64_t row = 0; row < (call->last - call->first) * n; row++) {
        int64_t j = row % n, at = (row - j + (attributes->is_reverse ? n - 1 - j : j)) * inner;
        if (j == 0)
            memset(sums, 0, (size_t)inner * sizeof *sums);
        for (int64_t i = 0; i < inner; i++) {
            sums[i] += bgi_float_at(call->inputs[0], call->node->dtype, at + i);
            bgi_put_float(call->output, call->node->dtype, at + i, sums[i]);
        }
    }
    return BG_OK;
}
static const bg_op cumsum_op = { .name = "cumsum",
                                 .arity = 1,
                                 .infer = bgi_infer_map,
                                 .gradient = cumsum_gradient,
                                 .call = cumsum_call,
                                 .units = bgi_outer_units,
                                 .scratch = cumsum_scratch,
                                 .never_fails = true };
static bg_node *running_sums(bg_node *x, int64_t axis, bool is_reverse)
{
    sums_attributes attributes = { axis, is_reverse };
    return bg_apply(&cumsum_op, &x, 1, &attributes, sizeof attributes);
}
bg_node *bg_cumsum(bg_node *x, int axis)
{
    int found;
    return bgi_takes_float("cumsum", x) && bgi_find_axis("cumsum", x, axis, &found) ? running_sums(x, found, false)
                                                                                    : NULL;
}

/* ---- Products ---- */

/* x moved by one place along an axis: behind what stands before it, whose extent is 1, or with 0 behind it. */
static bg_node *after(bg_node *first, bg_node *x, int axis)
{
    return x ? bg_concat((bg_node *[]){ first, bg_slice(x, axis, 0, x->shape.dims[axis] - 1, 1) }, 2, axis) : NULL;
}
static bg_node *before_zero(bg_node *x, int axis)
{
    bg_pad_options behind = { .mode = BG_PAD_CONSTANT };
    behind.after[axis] = 1;
    return x ? bg_pad(bg_slice(x, axis, 1, x->shape.dims[axis], 1), behind) : NULL;
}
/* A value as often as x has bgi_outer_units. */
static bg_node *slice_of_value(const bg_node *x, int axis, double value)
{
    bg_shape shape = x->shape;
    shape.dims[axis] = 1;
    return bg_broadcast(bgi_scalar_like(x, value), shape);
}

/* recurrence: s[j] = factor[j] s[j-1] + x[j], s[0] = x[0]; in reverse with j + 1 in place of j - 1. With t the
 * recurrence of ds from the other end, by the factor of the next element: dx = t, of the factor t s[j-1]. */
static bg_node *recurrence_gradient(bg_node *node, int input, bg_node *dy)
{
    const sums_attributes *attributes = node->attributes;
    int axis = (int)attributes->axis;
    if (node->shape.dims[axis] == 0)
        return dy;
    bg_node *factor = node->inputs[0], *zero = slice_of_value(node, axis, 0);
    bg_node *next = attributes->is_reverse ? after(zero, factor, axis) : before_zero(factor, axis);
    bg_node *t = bgi_linear_recurrence(next, dy, axis, !attributes->is_reverse);
    if (input == 1)
        return t;
    return bg_mul(t, attributes->is_reverse ? before_zero(node, axis) : after(zero, node, axis));
}
/* How running values are made: `lanes` columns of one outer slice side by side or, where it has one column only,
 * several bgi_outer_units, so that the processor need not wait for one multiplication after the other. In double, for
 * f32 too.
 */
enum { ROWS_AT_ONCE = 8 };
#define RUNNING(type)                                                                                                  \
    static void recur_##type(const type *factor, const type *x, type *y, int64_t n, int64_t step, int64_t lanes,       \
                             int64_t lane, double *restrict s)                                                         \
    {                                                                                                                  \
        double only = (double)x[0];                                                                                    \
        for (int64_t l = 0; l < lanes; l++)                                                                            \
            y[l * lane] = (type)(s[l] = (double)x[l * lane]);                                                          \
        for (int64_t j = 1; j < n && lanes == 1; j++)                                                                  \
            y[j * step] = (type)(only = (double)factor[j * step] * only + (double)x[j * step]);                        \
        for (int64_t j = 1; j < n && lanes > 1; j++)                                                                   \
            for (int64_t l = 0; l < lanes; l++) {                                                                      \
                int64_t at = j * step + l * lane;                                                                      \
                s[l] = (double)factor[at] * s[l] + (double)x[at];                                                      \
                y[at] = (type)s[l];                                                                                    \
            }                                                                                                          \
    }                                                                                                                  \
    static void multiply_##type(const type *x, type *y, int64_t n, int64_t step, int64_t lanes, int64_t lane,          \
                                double *restrict s)                                                                    \
    {                                                                                                                  \
        double only = (double)x[0];                                                                                    \
        for (int64_t l = 0; l < lanes; l++)                                                                            \
            y[l * lane] = (type)(s[l] = (double)x[l * lane]);                                                          \
        for (int64_t j = 1; j < n && lanes == 1; j++)                                                                  \
            y[j * step] = (type)(only *= (double)x[j * step]);                                                         \
        for (int64_t j = 1; j < n && lanes > 1; j++)                                                                   \
            for (int64_t l = 0; l < lanes; l++) {                                                                      \
                s[l] *= (double)x[j * step + l * lane];                                                                \
                y[j * step + l * lane] = (type)s[l];                                                                   \
            }                                                                                                          \
    }
RUNNING(float)
RUNNING(double)

/* A slice's columns, or some of the bgi_outer_units that are left: how many values run side by side from `row` on. */
static int64_t lanes_of(const bg_call *call, int64_t inner, int64_t row)
{
    int64_t left = call->last - call->first - row;
    return inner > 1 ? inner : left < ROWS_AT_ONCE ? left : ROWS_AT_ONCE;
}
static bg_status recurrence_call(const bg_call *call)
{
    const sums_attributes *attributes = call->node->attributes;
    int64_t n = call->node->shape.dims[attributes->axis], inner = inner_of(call->node);
    int64_t step = attributes->is_reverse ? -inner : inner, start = attributes->is_reverse ? (n - 1) * inner : 0;
    for (int64_t row = 0, lanes; row<call->last - call->first; row += inner> 1 ? 1 : lanes) {
        int64_t at = row * n * inner + start, lane = inner > 1 ? 1 : n;
        lanes = lanes_of(call, inner, row);
        if (call->node->dtype == BG_F64)
            recur_double((const double *)call->inputs[0] + at, (const double *)call->inputs[1] + at,
                         (double *)call->output + at, n, step, lanes, lane, call->scratch);
        else
            recur_float((const float *)call->inputs[0] + at, (const float *)call->inputs[1] + at,
                        (float *)call->output + at, n, step, lanes, lane, call->scratch);
    }
    return BG_OK;
}
static size_t running_scratch(const bg_node *node)
{
    int64_t inner = inner_of(node);
    return (size_t)(inner > 1 ? inner : ROWS_AT_ONCE) * sizeof(double);
}
static const bg_op recurrence_op = { .name = "recurrence",
                                     .arity = 2,
                                     .infer = bgi_infer_map,
                                     .gradient = recurrence_gradient,
                                     .call = recurrence_call,
                                     .units = bgi_outer_units,
                                     .scratch = running_scratch,
                                     .never_fails = true };
bg_node *bgi_linear_recurrence(bg_node *factor, bg_node *x, int axis, bool is_reverse)
{
    sums_attributes attributes = { axis, is_reverse };
    return bg_apply(&recurrence_op, (bg_node *[]){ factor, x }, 2, &attributes, sizeof attributes);
}

/* The cotangent of x where products of x[0], x[1], .. up to j have the cotangent dy[j]: the product of those before k,
 * times Σ dy[j] x[k+1] .. x[j] over j >= k, which is a recurrence. Nothing is divided by x, so zeros do no harm.
 * products: of x[0] .. x[k]. */
static bg_node *products_gradient(bg_node *x, bg_node *products, bg_node *dy, int axis)
{
    if (x->shape.dims[axis] == 0)
        return dy;
    bg_node *before = after(slice_of_value(x, axis, 1), products, axis);
    return bg_mul(before, bgi_linear_recurrence(before_zero(x, axis), dy, axis, true));
}

/* cumprod: y[j] = x[0] · .. · x[j], in this order and in double */
static bg_node *cumprod_gradient(bg_node *node, int input, bg_node *dy)
{
    const sums_attributes *attributes = node->attributes;
    return products_gradient(node->inputs[input], node, dy, (int)attributes->axis);
}
static bg_status cumprod_call(const bg_call *call)
{
    const sums_attributes *attributes = call->node->attributes;
    int64_t n = call->node->shape.dims[attributes->axis], inner = inner_of(call->node);
    for (int64_t row = 0, lanes; row<call->last - call->first; row += inner> 1 ? 1 : lanes) {
        int64_t at = row * n * inner, lane = inner > 1 ? 1 : n;
        lanes = lanes_of(call, inner, row);
        if (call->node->dtype == BG_F64)
            multiply_double((const double *)call->inputs[0] + at, (double *)call->output + at, n, inner, lanes, lane,
                            call->scratch);
        else
            multiply_float((const float *)call->inputs[0] + at, (float *)call->output + at, n, inner, lanes, lane,
                           call->scratch);
    }
    return BG_OK;
}
static const bg_op cumprod_op = { .name = "cumprod",
                                  .arity = 1,
                                  .infer = bgi_infer_map,
                                  .gradient = cumprod_gradient,
                                  .call = cumprod_call,
                                  .units = bgi_outer_units,
                                  .scratch = running_scratch,
                                  .never_fails = true };
static bg_node *running_products(bg_node *x, int axis)
{
    sums_attributes attributes = { axis, false };
    return bg_apply(&cumprod_op, &x, 1, &attributes, sizeof attributes);
}
bg_node *bg_cumprod(bg_node *x, int axis)
{
    int found;
    return bgi_takes_float("cumprod", x) && bgi_find_axis("cumprod", x, axis, &found) ? running_products(x, found)
                                                                                      : NULL;
}

/* prod_gradient: of x [outer, n, inner] and dy [outer, inner], dy times the product of the others at each x: of those
 * before it, made on the way up, and of those behind it, made with dy on the way down */
static bg_node *prod_gradient_compose(bg_node *node)
{
    bg_node *x = node->inputs[0];
    bg_pad_options last = { .mode = BG_PAD_CONSTANT };
    last.before[1] = x->shape.dims[1] - 1;
    bg_shape kept = BG_SHAPE(x->shape.dims[0], 1, x->shape.dims[2]);
    return products_gradient(x, running_products(x, 1), bg_pad(bg_reshape(node->inputs[1], kept), last), 1);
}
static int64_t outer_units(const bg_node *node, int input)
{
    (void)input;
    return node->shape.dims[0];
}
#define OTHERS(type)                                                                                                   \
    static void others_in_line_##type(const type *x, double behind, type *y, int64_t n)                                \
    {                                                                                                                  \
        double before = 1;                                                                                             \
        for (int64_t j = 0; j < n; j++) {                                                                              \
            y[j] = (type)before;                                                                                       \
            before *= (double)x[j];                                                                                    \
        }                                                                                                              \
        for (int64_t j = n - 1; j >= 0; j--) {                                                                         \
            y[j] = (type)((double)y[j] * behind);                                                                      \
            behind *= (double)x[j];                                                                                    \
        }                                                                                                              \
    }                                                                                                                  \
    static void others_##type(const type *x, const type *dy, type *y, int64_t n, int64_t inner, double *restrict s)    \
    {                                                                                                                  \
        if (inner == 1) {                                                                                              \
            others_in_line_##type(x, (double)dy[0], y, n);                                                             \
            return;                                                                                                    \
        }                                                                                                              \
        for (int64_t i = 0; i < inner; i++)                                                                            \
            s[i] = 1;                                                                                                  \
        for (int64_t j = 0; j < n; j++)                                                                                \
            for (int64_t i = 0, k = j * inner; i < inner; i++, k++) {                                                  \
                y[k] = (type)s[i];                                                                                     \
                s[i] *= (double)x[k];                                                                                  \
            }                                                                                                          \
        for (int64_t i = 0; i < inner; i++)                                                                            \
            s[i] = (double)dy[i];                                                                                      \
        for (int64_t j = n - 1; j >= 0; j--)                                                                           \
            for (int64_t i = 0, k = j * inner; i < inner; i++, k++) {                                                  \
                y[k] = (type)((double)y[k] * s[i]);                                                                    \
                s[i] *= (double)x[k];                                                                                  \
            }                                                                                                          \
    }
OTHERS(float)
OTHERS(double)
static bg_status prod_gradient_call(const bg_call *call)
{
    bg_shape shape = call->node->shape;
    int64_t n = shape.dims[1], inner = shape.dims[2];
    for (int64_t o = 0; o < call->last - call->first; o++)
        if (call->node->dtype == BG_F64)
            others_double((const double *)call->inputs[0] + o * n * inner, (const double *)call->inputs[1] + o * inner,
                          (double *)call->output + o * n * inner, n, inner, call->scratch);
        else
            others_float((const float *)call->inputs[0] + o * n * inner, (const float *)call->inputs[1] + o * inner,
                         (float *)call->output + o * n * inner, n, inner, call->scratch);
    return BG_OK;
}
static size_t prod_gradient_scratch(const bg_node *node) { return (size_t)node->shape.dims[2] * sizeof(double); }
static const bg_op prod_gradient_op = { .name = "prod_gradient",
                                        .arity = 2,
                                        .infer = bgi_infer_same,
                                        .compose = prod_gradient_compose,
                                        .call = prod_gradient_call,
                                        .units = outer_units,
                                        .scratch = prod_gradient_scratch,
                                        .never_fails = true };

/* prod: of x [outer, n, inner] over n, in its order */
static bg_node *prod_gradient(bg_node *node, int input, bg_node *dy)
{
    return bgi_apply_2(&prod_gradient_op, node->inputs[input], dy);
}
static bg_status prod_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    const bg_node *x = node->inputs[0];
    *dtype = x->dtype;
    *shape = BG_SHAPE(x->shape.dims[0], x->shape.dims[2]);
    return BG_OK;
}
/* The outer bgi_outer_units, or the columns of the only one. */
static int64_t prod_units(const bg_node *node, int input)
{
    return node->shape.dims[0] > 1 ? node->shape.dims[0] : input < 0 ? node->shape.dims[1] : 1;
}
#define PRODUCTS(type)                                                                                                 \
    /* Columns first .. last of one slice. */                                                                          \
    static void columns_##type(const type *x, type *y, int64_t n, int64_t inner, int64_t first, int64_t last)          \
    {                                                                                                                  \
        for (int64_t i = first; i < last; i++)                                                                         \
            y[i - first] = x[i];                                                                                       \
        for (int64_t j = 1; j < n; j++)                                                                                \
            for (int64_t i = first; i < last; i++)                                                                     \
                y[i - first] *= x[j * inner + i];                                                                      \
    }                                                                                                                  \
    /* Slices of one column, several at once as above. */                                                              \
    static void rows_##type(const type *x, type *y, int64_t n, int64_t rows)                                           \
    {                                                                                                                  \
        int64_t row = 0;                                                                                               \
        for (; row + ROWS_AT_ONCE <= rows; row += ROWS_AT_ONCE) {                                                      \
            type products[ROWS_AT_ONCE];                                                                               \
            for (int l = 0; l < ROWS_AT_ONCE; l++)                                                                     \
                products[l] = x[(row + l) * n];                                                                        \
            for (int64_t j = 1; j < n; j++)                                                                            \
                for (int l = 0; l < ROWS_AT_ONCE; l++)                                                                 \
                    products[l] *= x[(row + l) * n + j];                                                               \
            for (int l = 0; l < ROWS_AT_ONCE; l++)                                                                     \
                y[row + l] = products[l];                                                                              \
        }                                                                                                              \
        for (; row < rows; row++) {                                                                                    \
            type product = x[row * n];                                                                                 \
            for (int64_t j = 1; j < n; j++)                                                                            \
                product *= x[row * n + j];                                                                             \
            y[row] = product;                                                                                          \
        }                                                                                                              \
    }                                                                                                                  \
    static void products_##type(const bg_call *call, int64_t n, int64_t inner)                                         \
    {                                                                                                                  \
        const type *x = call->inputs[0];                                                                               \
        type *y = call->output;                                                                                        \
        int64_t units = call->last - call->first;                                                                      \
        if (inner == 1)                                                                                                \
            rows_##type(x, y, n, units);                                                                               \
        else if (call->node->shape.dims[0] == 1)                                                                       \
            columns_##type(x, y, n, inner, call->first, call->last);                                                   \
        else                                                                                                           \
            for (int64_t o = 0; o < units; o++)                                                                        \
                columns_##type(x + o * n * inner, y + o * inner, n, inner, 0, inner);                                  \
    }
PRODUCTS(float)
PRODUCTS(double)
static bg_status prod_call(const bg_call *call)
{
    int64_t n = call->node->inputs[0]->shape.dims[1], inner = call->node->shape.dims[1];
    if (call->node->dtype == BG_F64)
        products_double(call, n, inner);
    else
        products_float(call, n, inner);
    return BG_OK;
}
static double prod_flops(const bg_node *node) { return (double)bg_shape_count(node->inputs[0]->shape); }
static const bg_op prod_op = { .name = "prod",
                               .arity = 1,
                               .infer = prod_infer,
                               .gradient = prod_gradient,
                               .call = prod_call,
                               .units = prod_units,
                               .flops = prod_flops,
                               .never_fails = true };

/* The axes to be multiplied over become one: where they are neighbours as they lie, otherwise moved to the end. */
bg_node *bg_prod(bg_node *x, bg_axes axes)
{
    bool axis[BG_MAX_RANK];
    if (!bgi_takes_float("prod", x) || !bgi_find_axes("prod", x, axes, axis))
        return NULL;
    int rank = x->shape.rank, order[BG_MAX_RANK], n_rest = 0, n_over = 0, first = rank, last = -1;
    bg_shape rest = BG_SCALAR;
    int64_t count = 1, over[BG_MAX_RANK];
    for (int i = 0; i < rank; i++)
        if (!axis[i]) {
            rest.dims[rest.rank++] = x->shape.dims[i];
            order[n_rest++] = i;
        }
    for (int i = 0; i < rank; i++)
        if (axis[i]) {
            over[n_over++] = x->shape.dims[i];
            order[n_rest + n_over - 1] = i;
            first = first < i ? first : i;
            last = i;
        }
    int64_t outer = 1, inner = 1;
    if (bg_shape_count(x->shape) == 0) /* over nothing, or nothing at all */
        return bg_broadcast(bgi_scalar_like(x, 1), rest);
    if (!bgi_product_of(over, n_over, &count) || count == 1)
        return bg_reshape(x, rest);
    bool is_run = last - first + 1 == n_over;
    for (int i = 0; i < rank; i++)
        if (!axis[i] && (!is_run || i < first))
            outer *= x->shape.dims[i];
        else if (!axis[i])
            inner *= x->shape.dims[i];
    bg_axes moved = { .count = rank };
    memcpy(moved.axis, order, sizeof order);
    bg_node *lined = bg_reshape(is_run ? x : bg_permute(x, moved), BG_SHAPE(outer, count, inner));
    return bg_reshape(bgi_apply_1(&prod_op, lined), rest);
}

const bg_op *const bgi_scan_ops[] = { &cumsum_op, &recurrence_op, &cumprod_op, &prod_gradient_op, &prod_op, NULL };
