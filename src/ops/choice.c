/* Comparisons, choices between values, and conversions. */
#include "ops/ops.h"

#include <math.h>

/* Comparisons: bool from two equal types; no gradient. */
static bg_status comparison_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    bg_dtype unused;
    bg_status status = bgi_infer_map(node, &unused, shape);
    *dtype = BG_BOOL;
    return status;
}

/* Integers do not go through the float kernels, which would round those of i64. */
typedef enum { EQUAL, NOT_EQUAL, LESS, LESS_EQUAL, GREATER, GREATER_EQUAL } comparison;

static bool holds(int64_t relation, int64_t x, int64_t y)
{
    switch (relation) {
    case EQUAL:
        return x == y;
    case NOT_EQUAL:
        return x != y;
    case LESS:
        return x < y;
    case LESS_EQUAL:
        return x <= y;
    case GREATER:
        return x > y;
    default:
        return x >= y;
    }
}
static int64_t element(const void *data, bg_dtype dtype, int64_t i)
{
    return dtype == BG_I32   ? ((const int32_t *)data)[i]
           : dtype == BG_I64 ? ((const int64_t *)data)[i]
                             : ((const uint8_t *)data)[i];
}
static bg_status integer_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    *dtype = BG_BOOL;
    *shape = node->inputs[0]->shape;
    return BG_OK;
}
static bg_status integer_call(const bg_call *call)
{
    int64_t relation = *(const int64_t *)call->node->attributes;
    bg_dtype dtype = call->node->inputs[0]->dtype;
    uint8_t *output = call->output;
    for (int64_t i = 0; i < call->last - call->first; i++)
        output[i] = holds(relation, element(call->inputs[0], dtype, i), element(call->inputs[1], dtype, i));
    return BG_OK;
}
static int64_t integer_units(const bg_node *node, int input)
{
    (void)input;
    return bg_shape_count(node->shape);
}
static const bg_op compare_integers_op = { .name = "compare_integers",
                                           .arity = 2,
                                           .infer = integer_infer,
                                           .is_constant = true,
                                           .call = integer_call,
                                           .never_fails = true,
                                           .units = integer_units };

static bg_node *compare(const bg_op *op, comparison relation, bg_node *x, bg_node *y)
{
    bg_node *inputs[] = { x, y };
    bg_graph *graph = bgi_graph_of(op->name, inputs, 2);
    if (!graph)
        return NULL;
    if (x->dtype != y->dtype)
        return bgi_graph_fail(graph, BG_ERR_DTYPE, "%s: types differ: x %s, y %s", op->name, bg_dtype_name(x->dtype),
                              bg_dtype_name(y->dtype));
    if (!bgi_broadcast_together(op->name, inputs, bgi_x_y, 2))
        return NULL;
    if (bgi_is_float(x->dtype))
        return bg_apply(op, inputs, 2, NULL, 0);
    int64_t attribute = relation;
    return bg_apply(&compare_integers_op, inputs, 2, &attribute, sizeof attribute);
}

static const bg_op equal_op = {
    .name = "equal", .arity = 2, .infer = comparison_infer, .is_constant = true, .lowering = BGI_CHEAP_MAP(equal, NULL)
};
bg_node *bg_equal(bg_node *x, bg_node *y) { return compare(&equal_op, EQUAL, x, y); }

static const bg_op not_equal_op = { .name = "not_equal",
                                    .arity = 2,
                                    .infer = comparison_infer,
                                    .is_constant = true,
                                    .lowering = BGI_CHEAP_MAP(not_equal, NULL) };
bg_node *bg_not_equal(bg_node *x, bg_node *y) { return compare(&not_equal_op, NOT_EQUAL, x, y); }

static const bg_op less_op = {
    .name = "less", .arity = 2, .infer = comparison_infer, .is_constant = true, .lowering = BGI_CHEAP_MAP(less, NULL)
};
bg_node *bg_less(bg_node *x, bg_node *y) { return compare(&less_op, LESS, x, y); }

static const bg_op less_equal_op = { .name = "less_equal",
                                     .arity = 2,
                                     .infer = comparison_infer,
                                     .is_constant = true,
                                     .lowering = BGI_CHEAP_MAP(less_equal, NULL) };
bg_node *bg_less_equal(bg_node *x, bg_node *y) { return compare(&less_equal_op, LESS_EQUAL, x, y); }

static const bg_op greater_op = { .name = "greater",
                                  .arity = 2,
                                  .infer = comparison_infer,
                                  .is_constant = true,
                                  .lowering = BGI_CHEAP_MAP(greater, NULL) };
bg_node *bg_greater(bg_node *x, bg_node *y) { return compare(&greater_op, GREATER, x, y); }

static const bg_op greater_equal_op = { .name = "greater_equal",
                                        .arity = 2,
                                        .infer = comparison_infer,
                                        .is_constant = true,
                                        .lowering = BGI_CHEAP_MAP(greater_equal, NULL) };
bg_node *bg_greater_equal(bg_node *x, bg_node *y) { return compare(&greater_equal_op, GREATER_EQUAL, x, y); }

/* is_finite: bool; no gradient */
static const bg_op is_finite_op = { .name = "is_finite",
                                    .arity = 1,
                                    .infer = comparison_infer,
                                    .is_constant = true,
                                    .lowering = BGI_CHEAP_MAP(is_finite, NULL) };
bg_node *bg_is_finite(bg_node *x) { return bgi_map_1(&is_finite_op, x); }

bg_node *bg_is_nan(bg_node *x) { return bgi_takes_float("is_nan", x) ? bg_not_equal(x, x) : NULL; }
bg_node *bg_is_inf(bg_node *x)
{
    return bgi_takes_float("is_inf", x) ? bg_equal(bg_abs(x), bgi_scalar_like(x, (double)INFINITY)) : NULL;
}

/* Logical ops: bool to bool; no gradient. Registers hold 0 and 1. */
static bg_status logical_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    *dtype = BG_BOOL;
    *shape = node->inputs[0]->shape;
    for (int i = 0; i < node->n_inputs; i++)
        if (node->inputs[i]->dtype != BG_BOOL)
            return bg_fail(BG_ERR_DTYPE, "%s: %s is %s, not bool", node->op->name, bgi_x_y[i],
                           bg_dtype_name(node->inputs[i]->dtype));
    return BG_OK;
}
#define LOGICAL(function, kernel)                                                                                      \
    static const bg_op function##_op = { .name = #function,                                                            \
                                         .arity = 2,                                                                   \
                                         .infer = logical_infer,                                                       \
                                         .is_constant = true,                                                          \
                                         .lowering = BGI_CHEAP_MAP(kernel, NULL) };                                    \
    bg_node *bg_##function(bg_node *x, bg_node *y) { return combine(&function##_op, x, y); }
static bg_node *combine(const bg_op *op, bg_node *x, bg_node *y)
{
    bg_node *inputs[] = { x, y };
    if (!bgi_graph_of(op->name, inputs, 2) || !bgi_broadcast_together(op->name, inputs, bgi_x_y, 2))
        return NULL;
    return bg_apply(op, inputs, 2, NULL, 0);
}
LOGICAL(logical_and, minimum)
LOGICAL(logical_or, maximum)
LOGICAL(logical_xor, not_equal)

static const bg_op logical_not_op = { .name = "logical_not",
                                      .arity = 1,
                                      .infer = logical_infer,
                                      .is_constant = true,
                                      .lowering = BGI_CHEAP_MAP(logical_not, NULL) };
bg_node *bg_logical_not(bg_node *x) { return bgi_apply_1(&logical_not_op, x); }

/* where: the input that is taken gets dy, the other one 0 */
static const char *const where_labels[] = { "condition", "x", "y" };

static bg_status where_check(bg_node *const *inputs)
{
    if (inputs[0]->dtype != BG_BOOL)
        return bg_fail(BG_ERR_DTYPE, "where: condition is %s, not bool", bg_dtype_name(inputs[0]->dtype));
    return bgi_check_floats("where", inputs + 1, where_labels + 1, 2);
}
static bg_status where_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    bg_status status = where_check(node->inputs);
    if (status)
        return status;
    *dtype = node->inputs[1]->dtype;
    *shape = node->inputs[0]->shape;
    for (int i = 1; i < 3; i++)
        if (!bg_shape_equal(node->inputs[i]->shape, *shape))
            return bg_fail(BG_ERR_SHAPE, "where: shapes differ: condition %s, %s %s", bgi_shape_format(*shape).text,
                           where_labels[i], bgi_shape_format(node->inputs[i]->shape).text);
    return BG_OK;
}
static bg_node *where_gradient(bg_node *node, int input, bg_node *dy)
{
    bg_node *condition = node->inputs[0], *zero = bgi_scalar_like(dy, 0);
    if (input == 0)
        return NULL;
    return input == 1 ? bg_where(condition, dy, zero) : bg_where(condition, zero, dy);
}
static bg_node *where_simplify(bg_node *node)
{
    double x, y;
    bool is_same = node->inputs[1] == node->inputs[2] ||
                   (bgi_node_is_constant(node->inputs[1], &x) && bgi_node_is_constant(node->inputs[2], &y) && x == y &&
                    x != 0); /* 0 may have two signs */
    return is_same ? node->inputs[1] : NULL;
}
static const bg_op where_op = { .name = "where",
                                .arity = 3,
                                .infer = where_infer,
                                .gradient = where_gradient,
                                .lowering = BGI_CHEAP_MAP(where, where_simplify) };
bg_node *bg_where(bg_node *condition, bg_node *x, bg_node *y)
{
    bg_node *inputs[] = { condition, x, y };
    bg_graph *graph = bgi_graph_of("where", inputs, 3);
    if (!graph || !bgi_graph_accept(graph, where_check(inputs)) ||
        !bgi_broadcast_together("where", inputs, where_labels, 3))
        return NULL;
    return bg_apply(&where_op, inputs, 3, NULL, 0);
}

bg_node *bg_masked_fill(bg_node *x, bg_node *mask, double value)
{
    bg_node *inputs[] = { x, mask };
    bg_graph *graph = bgi_graph_of("masked_fill", inputs, 2);
    if (!graph || !bgi_takes_float("masked_fill", x))
        return NULL;
    if (mask->dtype != BG_BOOL)
        return bgi_graph_fail(graph, BG_ERR_DTYPE, "masked_fill: mask is %s, not bool", bg_dtype_name(mask->dtype));
    return bgi_broadcast_together("masked_fill", inputs, (const char *const[]){ "x", "mask" }, 2)
               ? bg_where(inputs[1], bgi_scalar_like(x, value), inputs[0])
               : NULL;
}

bg_node *bg_nan_to_num(bg_node *x, double nan, double positive, double negative)
{
    if (!bgi_takes_float("nan_to_num", x))
        return NULL;
    bg_node *zero = bgi_scalar_like(x, 0);
    bg_node *infinite = bg_where(bg_greater(x, zero), bgi_scalar_like(x, positive), bgi_scalar_like(x, negative));
    return bg_where(bg_is_finite(x), x, bg_where(bg_is_nan(x), bgi_scalar_like(x, nan), infinite));
}

/* The larger of two, a number rather than NaN; where they are equal the first. */
static bg_node *prefer(const char *op, bg_node *(*is_better)(bg_node *, bg_node *), bg_node *x, bg_node *y)
{
    bg_node *inputs[] = { x, y };
    bg_graph *graph = bgi_graph_of_floats(op, inputs, bgi_x_y, 2);
    if (!graph || !bgi_broadcast_together(op, inputs, bgi_x_y, 2))
        return NULL;
    return bg_where(bg_logical_or(is_better(inputs[0], inputs[1]), bg_is_nan(inputs[1])), inputs[0], inputs[1]);
}
bg_node *bg_fmax(bg_node *x, bg_node *y) { return prefer("fmax", bg_greater_equal, x, y); }
bg_node *bg_fmin(bg_node *x, bg_node *y) { return prefer("fmin", bg_less_equal, x, y); }

/* clamp: dx = dy where low <= x <= high */
bg_node *bg_clamp(bg_node *x, double low, double high)
{
    if (!bgi_takes_float("clamp", x))
        return NULL;
    if (!(low <= high))
        return bgi_graph_fail(x->graph, BG_ERR_ARGUMENT, "clamp: low %g is not at most high %g", low, high);
    bg_node *least = bgi_scalar_like(x, low), *most = bgi_scalar_like(x, high);
    bg_node *is_inside = bg_logical_and(bg_greater_equal(x, least), bg_less_equal(x, most));
    return bg_where(is_inside, x, bg_stop_gradient(bg_minimum(bg_maximum(x, least), most)));
}

/* lerp: x + w (y - x), from the end that is nearer */
bg_node *bg_lerp(bg_node *x, bg_node *y, bg_node *weight)
{
    static const char *const labels[] = { "x", "y", "weight" };
    bg_node *inputs[] = { x, y, weight };
    bg_graph *graph = bgi_graph_of_floats("lerp", inputs, labels, 3);
    if (!graph || !bgi_broadcast_together("lerp", inputs, labels, 3))
        return NULL;
    bg_node *way = bg_sub(inputs[1], inputs[0]), *w = inputs[2];
    return bg_where(bg_less(bg_abs(w), bgi_scalar_like(w, 0.5)), bg_add(inputs[0], bg_mul(w, way)),
                    bg_sub(inputs[1], bg_mul(way, bg_sub_from(1, w))));
}

/* To integers, by C's conversions: the float registers would keep fractions, and round i32 and i64. */
static bg_status convert_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    *dtype = (bg_dtype) * (const int64_t *)node->attributes;
    *shape = node->inputs[0]->shape;
    return BG_OK;
}
static int64_t towards_zero(double value)
{
    const double limit = 0x1p63;
    return isnan(value) ? 0 : value >= limit ? INT64_MAX : value <= -limit ? INT64_MIN : (int64_t)value;
}
static int64_t integer_at(const void *data, bg_dtype dtype, int64_t i)
{
    switch (dtype) {
    case BG_F32:
        return towards_zero((double)((const float *)data)[i]);
    case BG_F64:
        return towards_zero(((const double *)data)[i]);
    case BG_BOOL:
        return ((const bool *)data)[i];
    default:
        return element(data, dtype, i);
    }
}
static int64_t clipped(int64_t value, int64_t low, int64_t high)
{
    return value < low ? low : value > high ? high : value;
}
static bg_status convert_call(const bg_call *call)
{
    bg_dtype from = call->node->inputs[0]->dtype, to = call->node->dtype;
    for (int64_t i = 0; i < call->last - call->first; i++) {
        int64_t value = integer_at(call->inputs[0], from, i);
        if (to == BG_I64)
            ((int64_t *)call->output)[i] = value;
        else if (to == BG_I32)
            ((int32_t *)call->output)[i] = (int32_t)clipped(value, INT32_MIN, INT32_MAX);
        else if (to == BG_U8)
            ((uint8_t *)call->output)[i] = (uint8_t)clipped(value, 0, UINT8_MAX);
        else
            ((bool *)call->output)[i] = value != 0;
    }
    return BG_OK;
}
static const bg_op convert_op = { .name = "convert",
                                  .arity = 1,
                                  .infer = convert_infer,
                                  .is_constant = true,
                                  .call = convert_call,
                                  .never_fails = true,
                                  .units = integer_units };

/* cast: dx = dy converted back; integers and bool get and give none */
static bg_status cast_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    *dtype = (bg_dtype) * (const int64_t *)node->attributes;
    *shape = node->inputs[0]->shape;
    return BG_OK;
}
static bg_node *cast_gradient(bg_node *node, int input, bg_node *dy)
{
    bg_dtype dtype = node->inputs[input]->dtype;
    return bgi_is_float(dtype) ? bg_cast(dy, dtype) : NULL;
}
static const bg_op cast_op = { .name = "cast",
                               .arity = 1,
                               .infer = cast_infer,
                               .gradient = cast_gradient,
                               .lowering = BGI_CHEAP_MAP(move, bgi_fold_map) };
bg_node *bg_cast(bg_node *x, bg_dtype dtype)
{
    if (!x)
        return NULL;
    if (bg_dtype_size(dtype) == 0)
        return bgi_graph_fail(x->graph, BG_ERR_DTYPE, "cast: there is no type %d", (int)dtype);
    if (x->dtype == dtype)
        return x;
    if (bgi_is_float(x->dtype) && dtype == BG_BOOL)
        return bg_not_equal(x, bgi_scalar_like(x, 0));
    int64_t attribute = dtype;
    return bg_apply(bgi_is_float(dtype) ? &cast_op : &convert_op, &x, 1, &attribute, sizeof attribute);
}

/* stop_gradient: x of any type; gradient 0 */
static bg_node *stop_gradient_simplify(bg_node *node) { return node->inputs[0]; }
static const bg_op stop_gradient_op = { .name = "stop_gradient",
                                        .arity = 1,
                                        .infer = bgi_infer_same,
                                        .is_constant = true,
                                        .lowering = BGI_CHEAP_MAP(move, stop_gradient_simplify) };
bg_node *bg_stop_gradient(bg_node *x) { return bgi_apply_1(&stop_gradient_op, x); }

const bg_op *const bgi_choice_ops[] = { &equal_op,
                                        &not_equal_op,
                                        &less_op,
                                        &less_equal_op,
                                        &greater_op,
                                        &greater_equal_op,
                                        &compare_integers_op,
                                        &is_finite_op,
                                        &logical_and_op,
                                        &logical_or_op,
                                        &logical_xor_op,
                                        &logical_not_op,
                                        &where_op,
                                        &convert_op,
                                        &cast_op,
                                        &stop_gradient_op,
                                        NULL };
