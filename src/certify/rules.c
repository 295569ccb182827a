/* How intervals go through the ops, and what rounding adds to them.
 *
 * With u the unit of rounding, an operation's result is within u of its size of the exact one; a sum of k products, in
 * any order, within γ = k u / (1 - k u) of the sum of their sizes: Higham, Accuracy and stability of numerical
 * algorithms, 2002, (3.5). Bounds are moved apart by a little more than twice as much, once for the network's rounding
 * and once for their own. */
#include "certify/interval.h"
#include "ops/convolve.h"

#include <float.h>
#include <math.h>
#include <string.h>

static const bgi_interval none = { NULL, NULL };

static double unit_of(bg_dtype dtype) { return dtype == BG_F64 ? DBL_EPSILON / 2 : (double)FLT_EPSILON / 2; }
/* More than what is lost where a result is too small for a normal number. */
static double tiny_of(bg_dtype dtype) { return 2 * (dtype == BG_F64 ? DBL_MIN : (double)FLT_MIN); }

static bool is_point(const bgi_interval *x) { return x->lower && x->lower == x->upper; }

/* The node's op on other inputs: on the bounds of all of them; or with one in the place of input i. */
static bg_node *apply_to_ends(const bgi_interval_call *call, bool is_upper)
{
    bg_node *node = call->node;
    bg_node **inputs = bgi_arena_push(&node->graph->arena, (size_t)node->n_inputs * sizeof *inputs);
    if (!inputs)
        return bgi_graph_fail(node->graph, BG_ERR_NOMEM, "interval_bounds: out of memory");
    for (int i = 0; i < node->n_inputs; i++)
        inputs[i] = is_upper ? call->inputs[i].upper : call->inputs[i].lower;
    return bgi_apply_again(node, inputs);
}
static bg_node *apply_to(const bg_node *node, bg_node *x) { return bgi_apply_again(node, &x); }

/* ---- Rounding ---- */

bg_node *bgi_interval_margin(bg_node *sizes, double units)
{
    if (!sizes)
        return NULL;
    return bg_add_scalar(bg_mul_scalar(sizes, units * unit_of(sizes->dtype)), tiny_of(sizes->dtype));
}
static bgi_interval move_apart(bgi_interval y, bg_node *lower_margin, bg_node *upper_margin)
{
    return (bgi_interval){ bg_sub(y.lower, lower_margin), bg_add(y.upper, upper_margin) };
}
static bgi_interval widen(bgi_interval y, double units)
{
    return units > 0
               ? move_apart(y, bgi_interval_margin(bg_abs(y.lower), units), bgi_interval_margin(bg_abs(y.upper), units))
               : y;
}
static bg_node *largest_size(const bgi_interval *x) { return bg_maximum(bg_abs(x->lower), bg_abs(x->upper)); }

/* What one operation of arithmetic needs. */
enum { ARITHMETIC = 4 };

double bgi_interval_sum_units(int64_t k, bg_dtype dtype)
{
    double operations = (double)k + 6, share = operations * unit_of(dtype);
    return share < 0.1 ? 3 * operations / (1 - share) : 0;
}
static const char too_long[] = "it sums too many terms for its type to bound their rounding";

/* ---- Rules ---- */

/* A function that rises with every input. */
static bgi_interval rising(bgi_interval_call *call, const bgi_interval_rule *rule)
{
    return widen((bgi_interval){ apply_to_ends(call, false), apply_to_ends(call, true) }, rule->relative);
}

static bgi_interval negated(bgi_interval_call *call, const bgi_interval_rule *rule)
{
    (void)rule;
    return (bgi_interval){ apply_to_ends(call, true), apply_to_ends(call, false) };
}

static bgi_interval difference(bgi_interval_call *call, const bgi_interval_rule *rule)
{
    const bgi_interval *x = &call->inputs[0], *y = &call->inputs[1];
    return widen((bgi_interval){ bg_sub(x->lower, y->upper), bg_sub(x->upper, y->lower) }, rule->relative);
}

/* A function of one input that falls up to a point and rises from there; rising everywhere if the point is -inf. */
static bgi_interval turning(bgi_interval_call *call, const bgi_interval_rule *rule)
{
    const bgi_interval *x = &call->inputs[0];
    double point = rule->turn ? rule->turn(call->node) : rule->point;
    bgi_interval y = { apply_to(call->node, x->lower), apply_to(call->node, x->upper) };
    if (point > -INFINITY && y.upper) {
        y.upper = bg_maximum(y.lower, y.upper);
        bg_node *least = bgi_scalar_like(x->lower, point);
        y.lower = apply_to(call->node, bg_minimum(bg_maximum(x->lower, least), x->upper));
    }
    y = widen(y, rule->relative);
    bg_node *margin = rule->of_x > 0 ? bgi_interval_margin(largest_size(x), rule->of_x) : NULL;
    return rule->of_x > 0 ? move_apart(y, margin, margin) : y;
}

/* The least and the greatest of an interval times, or through, a number for each element. */
static bgi_interval between(bg_node *a, bg_node *b) { return (bgi_interval){ bg_minimum(a, b), bg_maximum(a, b) }; }
static bgi_interval times(const bgi_interval *x, bg_node *w)
{
    double value;
    bgi_interval y = { bg_mul(x->lower, w), bg_mul(x->upper, w) };
    if (!bgi_node_is_constant(w, &value))
        return between(y.lower, y.upper);
    return value < 0 ? (bgi_interval){ y.upper, y.lower } : y;
}
static bgi_interval product(bgi_interval_call *call, const bgi_interval_rule *rule)
{
    const bgi_interval *x = &call->inputs[0], *y = &call->inputs[1];
    if (is_point(y) || is_point(x))
        return widen(is_point(y) ? times(x, y->lower) : times(y, x->lower), rule->relative);
    bgi_interval low = times(x, y->lower), high = times(x, y->upper);
    return widen((bgi_interval){ bg_minimum(low.lower, high.lower), bg_maximum(low.upper, high.upper) },
                 rule->relative);
}
static bgi_interval quotient(bgi_interval_call *call, const bgi_interval_rule *rule)
{
    const bgi_interval *x = &call->inputs[0], *y = &call->inputs[1];
    if (!is_point(y)) {
        call->why = "it divides by what depends on the input";
        return none;
    }
    return widen(between(bg_div(x->lower, y->lower), bg_div(x->upper, y->lower)), rule->relative);
}

/* ---- Conditions ----
 * The lower bound of a condition is whether it surely holds, the upper one whether it may. With a bound that is NaN it
 * may, and does not surely. */

static bg_node *no(bg_node *x) { return bg_logical_not(x); }

static bgi_interval above(const bgi_interval *x, const bgi_interval *y)
{
    return (bgi_interval){ bg_greater(x->lower, y->upper), no(bg_less_equal(x->upper, y->lower)) };
}
static bgi_interval not_below(const bgi_interval *x, const bgi_interval *y)
{
    return (bgi_interval){ bg_greater_equal(x->lower, y->upper), no(bg_less(x->upper, y->lower)) };
}
static bgi_interval opposite(bgi_interval x) { return (bgi_interval){ no(x.upper), no(x.lower) }; }

static bgi_interval comparison(bgi_interval_call *call, const bgi_interval_rule *rule)
{
    (void)rule;
    const bgi_interval *x = &call->inputs[0], *y = &call->inputs[1];
    const char *name = call->node->op->name;
    if (strncmp(name, "greater", 7) == 0)
        return name[7] ? not_below(x, y) : above(x, y);
    if (strncmp(name, "less", 4) == 0)
        return name[4] ? not_below(y, x) : above(y, x);
    bgi_interval up = not_below(x, y), down = not_below(y, x);
    bgi_interval equal = { bg_logical_and(up.lower, down.lower), bg_logical_and(up.upper, down.upper) };
    return strcmp(name, "equal") == 0 ? equal : opposite(equal);
}
static bgi_interval negation(bgi_interval_call *call, const bgi_interval_rule *rule)
{
    (void)rule;
    return opposite(call->inputs[0]);
}
/* What lies between two finite numbers is finite. */
static bgi_interval finiteness(bgi_interval_call *call, const bgi_interval_rule *rule)
{
    (void)rule;
    const bgi_interval *x = &call->inputs[0];
    bg_node *is_known = bg_logical_and(bg_is_finite(x->lower), bg_is_finite(x->upper));
    bgi_interval finite = { is_known, bg_logical_or(is_known, no(is_known)) };
    return strcmp(call->node->op->name, "is_finite") == 0 ? finite : opposite(finite);
}

static bgi_interval choice(bgi_interval_call *call, const bgi_interval_rule *rule)
{
    (void)rule;
    const bgi_interval *condition = &call->inputs[0], *x = &call->inputs[1], *y = &call->inputs[2];
    bg_node *surely = condition->lower, *maybe = condition->upper;
    if (is_point(condition))
        return (bgi_interval){ bg_where(surely, x->lower, y->lower), bg_where(surely, x->upper, y->upper) };
    bg_node *least = bg_minimum(x->lower, y->lower), *most = bg_maximum(x->upper, y->upper);
    return (bgi_interval){ bg_where(surely, x->lower, bg_where(maybe, least, y->lower)),
                           bg_where(surely, x->upper, bg_where(maybe, most, y->upper)) };
}

/* ---- Sums ---- */

/* A sum of k elements, or a mean: elements are moved apart before they are added. */
static bgi_interval sum_of(bgi_interval_call *call, int64_t k)
{
    const bgi_interval *x = &call->inputs[0];
    double units = bgi_interval_sum_units(k, call->node->dtype);
    if (units == 0) {
        call->why = too_long;
        return none;
    }
    bg_node *margin = bgi_interval_margin(largest_size(x), units);
    bgi_interval wider = move_apart(*x, margin, margin);
    return (bgi_interval){ apply_to(call->node, wider.lower), apply_to(call->node, wider.upper) };
}
static bgi_interval sum(bgi_interval_call *call, const bgi_interval_rule *rule)
{
    (void)rule;
    int64_t of_x = bg_shape_count(call->node->inputs[0]->shape), of_y = bg_shape_count(call->node->shape);
    return sum_of(call, of_y > 0 ? of_x / of_y : 0);
}
static bgi_interval means(bgi_interval_call *call, const bgi_interval_rule *rule)
{
    (void)rule;
    int64_t axis = *(const int64_t *)call->node->attributes;
    return sum_of(call, call->node->inputs[0]->shape.dims[axis]);
}

/* The terms of each sum of a matrix product or a convolution. */
static int64_t terms_of(const bg_node *node)
{
    const bg_node *x = node->inputs[0];
    if (bgi_node_is(node, BGI_PRODUCT))
        return x->shape.dims[x->shape.rank - 1];
    const bgi_convolution *c = node->attributes;
    bool is_transpose = bgi_node_is_op(node, bgi_convolution_ops, "convolve_input");
    return bgi_most(is_transpose ? bgi_group_outputs(c) : bgi_group_inputs(c), 1) * bgi_window_elements(&c->window);
}

/* A sum of products, with weights that are given: with m the middle and r the radius, w m - |w| r and w m + |w| r. The
 * radius is what the middle as it is rounded leaves, and the share of |m| + r that rounding may add. */
static bgi_interval bilinear(bgi_interval_call *call, const bgi_interval_rule *rule)
{
    (void)rule;
    bg_node *node = call->node;
    int place = is_point(&call->inputs[0]) ? 1 : 0;
    const bgi_interval *x = &call->inputs[place], *w = &call->inputs[1 - place];
    double units = bgi_interval_sum_units(terms_of(node), node->dtype);
    if (!is_point(w) || units == 0) {
        call->why = units == 0 ? too_long : "it multiplies two values that depend on the input";
        return none;
    }
    bg_node *middle = bg_add(bg_mul_scalar(x->lower, 0.5), bg_mul_scalar(x->upper, 0.5));
    bg_node *radius = bg_maximum(bg_sub(x->upper, middle), bg_sub(middle, x->lower));
    radius = bg_add(radius, bgi_interval_margin(bg_add(bg_abs(middle), radius), units));
    bg_node *inputs[2], *sizes[2];
    inputs[place] = middle;
    inputs[1 - place] = w->lower;
    sizes[place] = radius;
    sizes[1 - place] = bg_abs(w->lower);
    bg_node *centre = bgi_apply_again(node, inputs), *reach = bgi_apply_again(node, sizes);
    return widen((bgi_interval){ bg_sub(centre, reach), bg_add(centre, reach) }, ARITHMETIC);
}

/* ---- Activations that do not always rise ---- */

static double number_of(const bg_node *node) { return *(const double *)node->attributes; }
static double turn_of_slope(const bg_node *node) { return number_of(node) < 0 ? 0 : -INFINITY; }

/* ---- The table ---- */

/* Errors of kernels, in units of rounding, are twice those in units in the last place that ops.h tells. */
#define EXACT                                                                                                          \
    {                                                                                                                  \
        .bounds = rising                                                                                               \
    }
#define ROUNDED                                                                                                        \
    {                                                                                                                  \
        .bounds = rising, .relative = ARITHMETIC                                                                       \
    }
#define KERNEL                                                                                                         \
    {                                                                                                                  \
        .bounds = rising, .relative = 16                                                                               \
    }
/* Of several steps, some of which may cancel. */
#define STEPS                                                                                                          \
    {                                                                                                                  \
        .bounds = turning, .point = -INFINITY, .relative = 24, .of_x = 8                                               \
    }
#define TURNS(at)                                                                                                      \
    {                                                                                                                  \
        .bounds = turning, .point = (at), .relative = 24, .of_x = 8                                                    \
    }
#define BY_NUMBER                                                                                                      \
    {                                                                                                                  \
        .bounds = turning, .turn = turn_of_slope, .relative = 24, .of_x = 8                                            \
    }

static const struct {
    const bg_op *const *family;
    const char *name;
    bgi_interval_rule rule;
} rules[] = {
    { bgi_arithmetic_ops, "add", ROUNDED },
    { bgi_arithmetic_ops, "sub", { .bounds = difference, .relative = ARITHMETIC } },
    { bgi_arithmetic_ops, "mul", { .bounds = product, .relative = ARITHMETIC } },
    { bgi_arithmetic_ops, "div", { .bounds = quotient, .relative = ARITHMETIC } },
    { bgi_arithmetic_ops, "neg", { .bounds = negated } },
    { bgi_arithmetic_ops, "square", { .bounds = turning, .relative = ARITHMETIC } },
    { bgi_arithmetic_ops, "abs", { .bounds = turning } },
    { bgi_arithmetic_ops, "sqrt", ROUNDED },
    { bgi_arithmetic_ops, "exp", KERNEL },
    { bgi_arithmetic_ops, "log", KERNEL },
    { bgi_arithmetic_ops, "expm1", KERNEL },
    { bgi_arithmetic_ops, "log1p", KERNEL },
    { bgi_arithmetic_ops, "erf", KERNEL },
    { bgi_arithmetic_ops, "sign", EXACT },
    { bgi_arithmetic_ops, "maximum", EXACT },
    { bgi_arithmetic_ops, "minimum", EXACT },
    { bgi_function_ops, "floor", EXACT },
    { bgi_function_ops, "ceil", EXACT },
    { bgi_function_ops, "round", EXACT },
    { bgi_function_ops, "trunc", EXACT },
    { bgi_function_ops, "exp2", KERNEL },
    { bgi_function_ops, "log2", KERNEL },
    { bgi_function_ops, "log10", KERNEL },
    { bgi_function_ops, "atan", KERNEL },
    { bgi_function_ops, "sinh", KERNEL },
    { bgi_function_ops, "asinh", KERNEL },
    { bgi_choice_ops, "equal", { .bounds = comparison } },
    { bgi_choice_ops, "not_equal", { .bounds = comparison } },
    { bgi_choice_ops, "less", { .bounds = comparison } },
    { bgi_choice_ops, "less_equal", { .bounds = comparison } },
    { bgi_choice_ops, "greater", { .bounds = comparison } },
    { bgi_choice_ops, "greater_equal", { .bounds = comparison } },
    { bgi_choice_ops, "is_finite", { .bounds = finiteness } },
    { bgi_choice_ops, "is_nan", { .bounds = finiteness } },
    { bgi_choice_ops, "is_inf", { .bounds = finiteness } },
    { bgi_choice_ops, "logical_and", EXACT },
    { bgi_choice_ops, "logical_or", EXACT },
    { bgi_choice_ops, "logical_not", { .bounds = negation } },
    { bgi_choice_ops, "where", { .bounds = choice } },
    { bgi_choice_ops, "cast", ROUNDED },
    { bgi_choice_ops, "stop_gradient", EXACT },
    { bgi_activation_ops, "relu", EXACT },
    { bgi_activation_ops, "tanh", KERNEL },
    { bgi_activation_ops, "sigmoid", KERNEL },
    { bgi_activation_ops, "log1p_exp", KERNEL },
    { bgi_activation_ops, "softplus", KERNEL },
    { bgi_activation_ops, "logsigmoid", KERNEL },
    { bgi_activation_ops, "elu", BY_NUMBER },
    { bgi_activation_ops, "celu", STEPS },
    { bgi_activation_ops, "selu", STEPS },
    { bgi_activation_ops, "hardtanh", EXACT },
    { bgi_activation_ops, "relu6", EXACT },
    { bgi_activation_ops, "hardsigmoid", STEPS },
    { bgi_activation_ops, "leaky_relu", BY_NUMBER },
    { bgi_activation_ops, "softsign", STEPS },
    { bgi_activation_ops, "hardshrink", EXACT },
    { bgi_activation_ops, "softshrink", ROUNDED },
    { bgi_activation_ops, "tanhshrink", STEPS },
    /* Where the derivative is 0; near it the function is flat, so that its rounding does not matter. */
    { bgi_activation_ops, "gelu", TURNS(-0.75179152469356445746) },
    { bgi_activation_ops, "gelu_tanh", TURNS(-0.75246142207101629) },
    { bgi_activation_ops, "silu", TURNS(-1.2784645427610738) },
    { bgi_activation_ops, "mish", TURNS(-1.1924312145154952) },
    { bgi_activation_ops, "hardswish", TURNS(-1.5) },
    { bgi_reduction_ops, "sum", { .bounds = sum } },
    { bgi_reduction_ops, "max", EXACT },
    { bgi_shape_ops, "reshape", EXACT },
    { bgi_shape_ops, "broadcast", EXACT },
    { bgi_shape_ops, "permute", EXACT },
    { bgi_shape_ops, "slice", EXACT },
    { bgi_shape_ops, "embed", EXACT },
    { bgi_shape_ops, "concat", EXACT },
    { bgi_rearrange_ops, "segments", EXACT },
    { bgi_rearrange_ops, "triangle", EXACT },
    { bgi_rearrange_ops, "diagonal", EXACT },
    { bgi_index_ops, "take_along", EXACT },
    { bgi_index_ops, "index_select", EXACT },
    { bgi_window_ops, "unfold", EXACT },
    { bgi_pooling_ops, "max_pool", EXACT },
    { bgi_axis_map_ops, "axis_map", { .bounds = means } },
    { bgi_product_ops, "matmul", { .bounds = bilinear } },
    { bgi_convolution_ops, "convolve", { .bounds = bilinear } },
    { bgi_convolution_ops, "convolve_input", { .bounds = bilinear } },
};

bool bgi_node_is_op(const bg_node *node, const bg_op *const *family, const char *name)
{
    if (strcmp(node->op->name, name) != 0)
        return false;
    while (*family && *family != node->op)
        family++;
    return *family == node->op;
}

const bgi_interval_rule *bgi_interval_rule_of(const bg_node *node)
{
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (bgi_node_is_op(node, rules[i].family, rules[i].name))
            return &rules[i].rule;
    return NULL;
}
