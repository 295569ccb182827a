/* Running sums and products along an axis. */
#include "ops/ops.h"

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
    int64_t count = 1;
    for (int i = (int)attributes->axis + 1; i < node->shape.rank; i++)
        count *= node->shape.dims[i];
    return count;
}
static int64_t cumsum_units(const bg_node *node, int input)
{
    const sums_attributes *attributes = node->attributes;
    int64_t count = 1;
    (void)input;
    for (int i = 0; i < attributes->axis; i++)
        count *= node->shape.dims[i];
    return count;
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
            sums[i] += call->node->dtype == BG_F64 ? ((const double *)call->inputs[0])[at + i]
                                                   : (double)((const float *)call->inputs[0])[at + i];
            if (call->node->dtype == BG_F64)
                ((double *)call->output)[at + i] = sums[i];
            else
                ((float *)call->output)[at + i] = (float)sums[i];
        }
    }
    return BG_OK;
}
static const bg_op cumsum_op = { .name = "cumsum",
                                 .arity = 1,
                                 .infer = bgi_infer_map,
                                 .gradient = cumsum_gradient,
                                 .call = cumsum_call,
                                 .units = cumsum_units,
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

/* cumprod: each element times the product of those before it, over spans of 1, 2, 4, ..; its gradient is that of the
 * products, so that zeros need no division */
bg_node *bg_cumprod(bg_node *x, int axis)
{
    int found;
    if (!bgi_takes_float("cumprod", x) || !bgi_find_axis("cumprod", x, axis, &found))
        return NULL;
    int64_t n = x->shape.dims[found];
    for (int64_t span = 1; span < n; span *= 2) {
        bg_node *head = bg_slice(x, found, 0, span, 1), *rest = bg_slice(x, found, span, n, 1);
        bg_node *before = bg_slice(x, found, 0, n - span, 1);
        x = bg_concat((bg_node *[]){ head, bg_mul(rest, before) }, 2, found);
    }
    return x;
}

/* prod: the two halves of an axis multiplied with each other until one element is left */
static bg_node *multiply_along(bg_node *x, int axis)
{
    bg_node *odd = NULL;
    int64_t n = x ? x->shape.dims[axis] : 0;
    for (; x && n > 1; n /= 2) {
        if (n % 2 == 1) {
            bg_node *last = bg_slice(x, axis, n - 1, n, 1);
            odd = odd ? bg_mul(odd, last) : last;
        }
        x = bg_mul(bg_slice(x, axis, 0, n / 2, 1), bg_slice(x, axis, n / 2, n / 2 * 2, 1));
    }
    return odd ? bg_mul(x, odd) : x;
}
bg_node *bg_prod(bg_node *x, bg_axes axes)
{
    bool axis[BG_MAX_RANK];
    if (!bgi_takes_float("prod", x) || !bgi_find_axes("prod", x, axes, axis))
        return NULL;
    bg_shape rest = BG_SCALAR;
    for (int i = 0; i < x->shape.rank; i++)
        if (!axis[i])
            rest.dims[rest.rank++] = x->shape.dims[i];
    for (int i = 0; i < x->shape.rank; i++)
        if (axis[i] && x->shape.dims[i] == 0) /* over nothing */
            return bg_broadcast(bgi_scalar_like(x, 1), rest);
    for (int i = 0; i < BG_MAX_RANK && x && i < x->shape.rank; i++)
        if (axis[i])
            x = multiply_along(x, i);
    return bg_reshape(x, rest);
}

const bg_op *const bgi_scan_ops[] = { &cumsum_op, NULL };
