/* Scores of classes along an axis. */
#include "ops/score.h"

#include <stdio.h>

bgi_softmax_terms bgi_softmax_terms_of(bg_node *x, const bool axis[BG_MAX_RANK], bool safe)
{
    bg_axes axes = { .count = 0 };
    for (int i = 0; i < x->shape.rank; i++)
        if (axis[i])
            axes.axis[axes.count++] = i;
    bgi_softmax_terms terms = { .max = bg_stop_gradient(bg_max(x, axes)) };
    if (safe)
        terms.max = bg_where(bg_is_finite(terms.max), terms.max, bgi_scalar_like(x, 0));
    terms.max = bgi_keep_axes(terms.max, x, axis);
    /* The largest term is then exactly 1, so the sum neither overflows nor vanishes. */
    terms.shifted = bg_sub(x, terms.max);
    terms.exp = bg_exp(terms.shifted);
    terms.sum = bgi_keep_axes(bgi_sum_over(terms.exp, axis), x, axis);
    return terms;
}

/* softmax: y = exp(x - max) / Σ exp(x - max), dx = y (dy - Σ dy y) */
static bg_node *softmax_gradient(bg_node *node, int input, bg_node *dy)
{
    (void)input;
    bool axis[BG_MAX_RANK] = { false };
    axis[*(const int64_t *)node->attributes] = true;
    bg_node *sum = bgi_keep_axes(bgi_sum_over(bg_mul(dy, node), axis), node, axis);
    return bg_mul(node, bg_sub(dy, sum));
}
static bg_node *softmax_compose(bg_node *node)
{
    bool axis[BG_MAX_RANK] = { false };
    axis[*(const int64_t *)node->attributes] = true;
    bgi_softmax_terms terms = bgi_softmax_terms_of(node->inputs[0], axis, false);
    return bg_div(terms.exp, terms.sum);
}
static const bg_op softmax_op = {
    .name = "softmax", .arity = 1, .infer = bgi_infer_map, .gradient = softmax_gradient, .compose = softmax_compose
};
bg_node *bg_softmax(bg_node *x, int axis)
{
    int found;
    if (!bgi_takes_float("softmax", x) || !bgi_find_axis("softmax", x, axis, &found))
        return NULL;
    if (bg_shape_count(x->shape) == 0)
        return x;
    int64_t attribute = found;
    return bg_apply(&softmax_op, &x, 1, &attribute, sizeof attribute);
}

/* log_softmax: x - max - log Σ exp(x - max); its gradient is that of its parts, dy - softmax(x) Σ dy */
bg_node *bg_log_softmax(bg_node *x, int axis)
{
    int found;
    if (!bgi_takes_float("log_softmax", x) || !bgi_find_axis("log_softmax", x, axis, &found))
        return NULL;
    if (bg_shape_count(x->shape) == 0)
        return x;
    bool set[BG_MAX_RANK] = { false };
    set[found] = true;
    bgi_softmax_terms terms = bgi_softmax_terms_of(x, set, false);
    return bg_sub(terms.shifted, bg_log(terms.sum));
}

/* check_classes: the same integers, or BG_ERR_INDEX for one outside 0 .. n - 1; no gradient */
static bg_status fail_at(const bg_node *node, int64_t class, int64_t position)
{
    char place[200] = "";
    size_t length = 0;
    int64_t count = bg_shape_count(node->shape);
    for (int i = 0; i < node->shape.rank && length < sizeof place; i++) {
        count /= node->shape.dims[i];
        length += (size_t)snprintf(place + length, sizeof place - length, "%s%lld", i ? ", " : "",
                                   (long long)(position / count));
        position %= count;
    }
    return bg_fail(BG_ERR_INDEX, "gather_class: class %lld at [%s] is outside 0 .. %lld", (long long)class, place,
                   (long long)(*(const int64_t *)node->attributes - 1));
}
#define CHECK_CLASSES(type)                                                                                            \
    do {                                                                                                               \
        const type *classes = call->inputs[0];                                                                         \
        type *output = call->output;                                                                                   \
        for (int64_t i = 0; i < count; i++) {                                                                          \
            int64_t class = (int64_t)classes[i];                                                                       \
            if (class < 0 || class >= n)                                                                               \
                return fail_at(call->node, class, call->first + i);                                                    \
            output[i] = classes[i];                                                                                    \
        }                                                                                                              \
    } while (0)
static bg_status check_classes_call(const bg_call *call)
{
    int64_t n = *(const int64_t *)call->node->attributes, count = call->last - call->first;
    if (call->node->dtype == BG_I32)
        CHECK_CLASSES(int32_t);
    else if (call->node->dtype == BG_I64)
        CHECK_CLASSES(int64_t);
    else
        CHECK_CLASSES(uint8_t);
    return BG_OK;
}
static int64_t check_classes_units(const bg_node *node, int input)
{
    (void)input;
    return bg_shape_count(node->shape);
}
static const bg_op check_classes_op = { .name = "check_classes",
                                        .arity = 1,
                                        .infer = bgi_infer_same,
                                        .is_constant = true,
                                        .call = check_classes_call,
                                        .units = check_classes_units };

/* gather_class: Σ over c of (c == class ? x : 0), a loop that fuses with those around it; its gradient is that of its
 * parts, dy at the class and 0 elsewhere */
bg_node *bg_gather_class(bg_node *x, bg_node *classes)
{
    const int64_t most_classes = 1 << 24; /* f32 counts exactly up to here */
    bg_graph *graph = bgi_graph_of("gather_class", (bg_node *[]){ x, classes }, 2);
    if (!graph || !bgi_takes_float("gather_class", x))
        return NULL;
    if (!bgi_is_integer(classes->dtype))
        return bgi_graph_fail(graph, BG_ERR_DTYPE, "gather_class: classes are %s, not i32, i64 or u8",
                              bg_dtype_name(classes->dtype));
    bg_shape rows = x->shape;
    if (rows.rank == 0 || (rows.rank--, !bg_shape_equal(rows, classes->shape)))
        return bgi_graph_fail(graph, BG_ERR_SHAPE, "gather_class: needs x [.., c], classes [..]: x %s, classes %s",
                              bgi_shape_format(x->shape).text, bgi_shape_format(classes->shape).text);
    int64_t n = x->shape.dims[rows.rank];
    if (n > most_classes)
        return bgi_graph_fail(graph, BG_ERR_SHAPE, "gather_class: %lld classes are more than %lld: x %s", (long long)n,
                              (long long)most_classes, bgi_shape_format(x->shape).text);
    bool last[BG_MAX_RANK] = { false };
    last[rows.rank] = true;
    bg_node *checked = bg_cast(bg_apply(&check_classes_op, &classes, 1, &n, sizeof n), x->dtype);
    bg_node *is_class = bg_equal(bgi_keep_axes(checked, x, last), bg_arange(graph, x->dtype, 0, (double)n, 1));
    return bgi_sum_over(bg_where(is_class, x, bgi_scalar_like(x, 0)), last);
}

const bg_op *const bgi_score_ops[] = { &softmax_op, &check_classes_op, NULL };
