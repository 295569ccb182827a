#include "evaluate.h"

#include "draw.h"

#include "ops/ops.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct evaluator {
    bg_graph *graph;
    int capacity;
    evaluated *states;  /* by node: inputs, parameters and buffers, which outlast an update */
    evaluated *memo;    /* by node: everything else; values NULL: not known yet */
    bg_node **composed; /* by node: what an op with `compose` stands for */
};

static void *need(void *memory)
{
    if (!memory)
        abort(); /* the tests have no use for a status here */
    return memory;
}

static evaluated allocate(int64_t count)
{
    size_t bytes = ((size_t)count + 1) * sizeof(double);
    evaluated made = { count, need(malloc(bytes)), need(malloc(bytes)) };
    memset(made.errors, 0, bytes);
    return made;
}

static void release(evaluated *e)
{
    free(e->values);
    free(e->errors);
    *e = (evaluated){ 0 };
}

static void reserve(evaluator *e, int count)
{
    if (count <= e->capacity)
        return;
    int capacity = 2 * count;
    size_t old = (size_t)e->capacity, added = (size_t)(capacity - e->capacity);
    e->states = need(realloc(e->states, (size_t)capacity * sizeof *e->states));
    e->memo = need(realloc(e->memo, (size_t)capacity * sizeof *e->memo));
    e->composed = need(realloc(e->composed, (size_t)capacity * sizeof(bg_node *)));
    memset(e->states + old, 0, added * sizeof *e->states);
    memset(e->memo + old, 0, added * sizeof *e->memo);
    memset(e->composed + old, 0, added * sizeof(bg_node *));
    e->capacity = capacity;
}

double element_of(const void *data, bg_dtype dtype, int64_t i)
{
    switch (dtype) {
#define READ(name, type, text)                                                                                         \
    case name:                                                                                                         \
        return (double)((const type *)data)[i];
        BG_DTYPE_LIST(READ)
#undef READ
    default:
        return NAN;
    }
}

static void put_element(void *data, bg_dtype dtype, int64_t i, double value)
{
    switch (dtype) {
#define WRITE(name, type, text)                                                                                        \
    case name:                                                                                                         \
        ((type *)data)[i] = (type)value;                                                                               \
        break;
        BG_DTYPE_LIST(WRITE)
#undef WRITE
    default:
        break;
    }
}

static void *packed_copy(const bg_tensor *tensor)
{
    size_t bytes = (size_t)bg_shape_count(tensor->shape) * bg_dtype_size(tensor->dtype);
    void *data = need(malloc(bytes + 1));
    if (bg_tensor_copy_to(tensor, data, bytes))
        abort();
    return data;
}

static evaluated read_tensor(const bg_tensor *tensor)
{
    evaluated made = allocate(bg_shape_count(tensor->shape));
    void *data = packed_copy(tensor);
    for (int64_t i = 0; i < made.count; i++)
        made.values[i] = element_of(data, tensor->dtype, i);
    free(data);
    return made;
}

static void forget(evaluator *e)
{
    for (int i = 0; i < e->capacity; i++)
        release(&e->memo[i]);
}

evaluator *evaluator_create(bg_graph *graph)
{
    evaluator *e = need(calloc(1, sizeof *e));
    e->graph = graph;
    reserve(e, graph->count);
    for (int i = 0; i < graph->count; i++)
        if (bgi_node_is(graph->nodes[i], BGI_PARAMETER) || bgi_node_is(graph->nodes[i], BGI_BUFFER))
            e->states[i] = read_tensor(graph->nodes[i]->tensor);
    return e;
}

void evaluator_destroy(evaluator *e)
{
    if (!e)
        return;
    forget(e);
    for (int i = 0; i < e->capacity; i++)
        release(&e->states[i]);
    free(e->states);
    free(e->memo);
    free(e->composed);
    free(e);
}

void evaluator_bind(evaluator *e, const bg_node *input, const bg_tensor *value)
{
    forget(e);
    reserve(e, e->graph->count);
    release(&e->states[input->id]);
    e->states[input->id] = read_tensor(value);
}

/* ---- Elementwise: one C function a kernel ---- */

static double map_move(const double *x) { return x[0]; }
static double map_neg(const double *x) { return -x[0]; }
static double map_abs(const double *x) { return fabs(x[0]); }
static double map_sign(const double *x) { return x[0] > 0 ? 1 : x[0] < 0 ? -1 : 0; }
static double map_square(const double *x) { return x[0] * x[0]; }
static double map_sqrt(const double *x) { return sqrt(x[0]); }
static double map_exp(const double *x) { return exp(x[0]); }
static double map_expm1(const double *x) { return expm1(x[0]); }
static double map_log(const double *x) { return log(x[0]); }
static double map_log1p(const double *x) { return log1p(x[0]); }
static double map_relu(const double *x) { return x[0] <= 0 ? 0 : x[0]; }
static double map_tanh(const double *x) { return tanh(x[0]); }
static double map_sigmoid(const double *x)
{
    double z = exp(-fabs(x[0]));
    return x[0] >= 0 ? 1 / (1 + z) : z / (1 + z);
}
static double map_softplus(const double *x)
{
    return isnan(x[0]) ? x[0] : (x[0] > 0 ? x[0] : 0) + log1p(exp(-fabs(x[0])));
}
static double map_erf(const double *x) { return erf(x[0]); }
static double map_logical_not(const double *x) { return x[0] == 0; }
static double map_is_finite(const double *x) { return isfinite(x[0]); }
static double map_floor(const double *x) { return floor(x[0]); }
static double map_ceil(const double *x) { return ceil(x[0]); }
static double map_round(const double *x) { return rint(x[0]); }
static double map_trunc(const double *x) { return trunc(x[0]); }
static double map_exp2(const double *x) { return exp2(x[0]); }
static double map_log2(const double *x) { return log2(x[0]); }
static double map_log10(const double *x) { return log10(x[0]); }
static double map_sin(const double *x) { return sin(x[0]); }
static double map_cos(const double *x) { return cos(x[0]); }
static double map_tan(const double *x) { return tan(x[0]); }
static double map_asin(const double *x) { return asin(x[0]); }
static double map_acos(const double *x) { return acos(x[0]); }
static double map_atan(const double *x) { return atan(x[0]); }
static double map_sinh(const double *x) { return sinh(x[0]); }
static double map_cosh(const double *x) { return cosh(x[0]); }
static double map_asinh(const double *x) { return asinh(x[0]); }
static double map_acosh(const double *x) { return acosh(x[0]); }
static double map_atanh(const double *x) { return atanh(x[0]); }
static double map_erfc(const double *x) { return erfc(x[0]); }
static double map_pow(const double *x) { return pow(x[0], x[1]); }
static double map_atan2(const double *x) { return atan2(x[0], x[1]); }
static double map_fmod(const double *x) { return fmod(x[0], x[1]); }
static double map_hypot(const double *x) { return hypot(x[0], x[1]); }
static double map_add(const double *x) { return x[0] + x[1]; }
static double map_sub(const double *x) { return x[0] - x[1]; }
static double map_mul(const double *x) { return x[0] * x[1]; }
static double map_div(const double *x) { return x[0] / x[1]; }
static double map_maximum(const double *x) { return isnan(x[0]) || isnan(x[1]) ? (double)NAN : fmax(x[0], x[1]); }
static double map_minimum(const double *x) { return isnan(x[0]) || isnan(x[1]) ? (double)NAN : fmin(x[0], x[1]); }
static double map_equal(const double *x) { return x[0] == x[1]; }
static double map_not_equal(const double *x) { return x[0] != x[1]; }
static double map_less(const double *x) { return x[0] < x[1]; }
static double map_less_equal(const double *x) { return x[0] <= x[1]; }
static double map_greater(const double *x) { return x[0] > x[1]; }
static double map_greater_equal(const double *x) { return x[0] >= x[1]; }
static double map_where(const double *x) { return x[0] != 0 ? x[1] : x[2]; }
static double map_fma(const double *x) { return fma(x[0], x[1], x[2]); }
static double map_fnma(const double *x) { return fma(-x[0], x[1], x[2]); }

typedef struct {
    size_t kernel;
    double (*function)(const double *x);
} map_entry;
static const map_entry maps[] = {
#define ENTRY(name) { offsetof(bgk_kernels, name), map_##name },
    BGK_MAPS(ENTRY)
#undef ENTRY
};

static const map_entry *find_map(size_t kernel)
{
    for (size_t i = 0; i < sizeof maps / sizeof maps[0]; i++)
        if (maps[i].kernel == kernel)
            return &maps[i];
    abort();
}

static double unit_roundoff(bg_dtype dtype) { return dtype == BG_F32 ? 0x1p-24 : dtype == BG_F64 ? 0x1p-53 : 0; }
/* Workers flush subnormal numbers to zero. */
static double smallest(bg_dtype dtype) { return dtype == BG_F32 ? (double)FLT_MIN : DBL_MIN; }
static double largest(bg_dtype dtype) { return dtype == BG_F32 ? (double)FLT_MAX : DBL_MAX; }

/* The rounding of a kernel's result in units of roundoff: 0 where it only moves numbers; functions get 4 ULP. */
static double roundings(const bg_node *node)
{
    static const size_t exact[] = { offsetof(bgk_kernels, move),    offsetof(bgk_kernels, neg),
                                    offsetof(bgk_kernels, abs),     offsetof(bgk_kernels, relu),
                                    offsetof(bgk_kernels, maximum), offsetof(bgk_kernels, minimum),
                                    offsetof(bgk_kernels, where),   offsetof(bgk_kernels, floor),
                                    offsetof(bgk_kernels, ceil),    offsetof(bgk_kernels, round),
                                    offsetof(bgk_kernels, trunc),   offsetof(bgk_kernels, fmod) };
    static const size_t rounded[] = { offsetof(bgk_kernels, add),    offsetof(bgk_kernels, sub),
                                      offsetof(bgk_kernels, mul),    offsetof(bgk_kernels, div),
                                      offsetof(bgk_kernels, square), offsetof(bgk_kernels, sqrt) };
    size_t kernel = node->op->lowering->kernel;
    bool converts = node->dtype == BG_F32 && node->inputs[0]->dtype != BG_F32;
    for (size_t i = 0; i < sizeof exact / sizeof exact[0]; i++)
        if (exact[i] == kernel)
            return converts ? 1 : 0;
    for (size_t i = 0; i < sizeof rounded / sizeof rounded[0]; i++)
        if (rounded[i] == kernel)
            return 1;
    return 8;
}

/* The bound of a result with this value, given what its inputs bring along. */
static double bound(bg_dtype dtype, double value, double carried, double units)
{
    if (!bgi_is_float(dtype))
        return carried;
    if (!isfinite(value))
        return carried < INFINITY ? 0 : INFINITY;
    if (!(fabs(value) < largest(dtype) / 8))
        return INFINITY;
    double error = carried + units * unit_roundoff(dtype) * fabs(value);
    return units > 0 && fabs(value) < 8 * smallest(dtype) ? error + 8 * smallest(dtype) : error;
}

static bool is_comparison(size_t kernel)
{
    return kernel == offsetof(bgk_kernels, equal) || kernel == offsetof(bgk_kernels, not_equal) ||
           kernel == offsetof(bgk_kernels, less) || kernel == offsetof(bgk_kernels, less_equal) ||
           kernel == offsetof(bgk_kernels, greater) || kernel == offsetof(bgk_kernels, greater_equal);
}

/* How far the result moves when each input moves as far as it may. */
static double carried_error(const map_entry *map, const double *x, const double *errors, int n, double value)
{
    double sum = 0;
    /* Equal to the last bit: one value in two places, such as a maximum and the element it came from. */
    if (is_comparison(map->kernel) && x[0] == x[1])
        return 0;
    for (int i = 0; i < n; i++) {
        if (errors[i] == 0)
            continue;
        if (map->kernel == offsetof(bgk_kernels, where) && i > 0 && errors[0] == 0 && (x[0] != 0) != (i == 1))
            continue; /* the branch not taken */
        if (!(errors[i] < INFINITY) ||
            (map->kernel == offsetof(bgk_kernels, div) && i == 1 && fabs(x[1]) <= 2 * errors[1]))
            return INFINITY;
        double moved[3] = { x[0], x[1], x[2] };
        moved[i] = x[i] + errors[i];
        double up = fabs(map->function(moved) - value);
        moved[i] = x[i] - errors[i];
        double down = fabs(map->function(moved) - value), most = up > down ? up : down;
        if (isfinite(value) && !(up < INFINITY && down < INFINITY))
            return INFINITY;
        if (isfinite(value))
            sum += most + 4 * DBL_EPSILON / 2 * fabs(value);
    }
    return sum;
}

static evaluated evaluate_map(const bg_node *node, const evaluated *const *inputs)
{
    evaluated made = allocate(bg_shape_count(node->shape));
    const map_entry *map = find_map(node->op->lowering->kernel);
    double units = roundings(node);
    int n = node->n_inputs < 3 ? node->n_inputs : 3;
    for (int64_t i = 0; i < made.count; i++) {
        double x[3] = { 0 }, errors[3] = { 0 };
        for (int k = 0; k < n; k++) {
            x[k] = inputs[k]->values[i];
            errors[k] = inputs[k]->errors[i];
        }
        double value = map->function(x);
        made.values[i] = value;
        made.errors[i] = bound(node->dtype, value, carried_error(map, x, errors, n, value), units);
    }
    return made;
}

/* ---- Views, reductions, products, calls ---- */

static evaluated evaluate_view(const bg_node *node, const evaluated *input)
{
    evaluated made = allocate(bg_shape_count(node->shape));
    bgi_view whole = { 0 }, view = { 0 };
    bgi_shape_strides(node->inputs[0]->shape, whole.strides);
    if (made.count == 0)
        return made;
    if (!node->op->lowering->view(node, &whole, &view))
        abort(); /* every view of a contiguous array has strides */
    for (int64_t i = 0; i < made.count; i++) {
        int64_t rest = i, at = view.offset;
        for (int d = node->shape.rank - 1; d >= 0; d--) {
            at += rest % node->shape.dims[d] * view.strides[d];
            rest /= node->shape.dims[d];
        }
        made.values[i] = input->values[at];
        made.errors[i] = input->errors[at];
    }
    return made;
}

/* A sum with the error of each addition carried along (Knuth's two-sum). */
typedef struct {
    double sum, rest, size, errors;
    int64_t count;
} accumulator;

static inline void accumulate(accumulator *a, double value, double error)
{
    double sum = a->sum + value, part = sum - a->sum;
    a->rest += a->sum - (sum - part) + (value - part);
    a->sum = sum;
    a->size += fabs(value);
    a->errors += error;
    a->count++;
}

/* units: roundings relative to the sum of sizes; a chain of additions has no more than it has terms. */
static void finish(const accumulator *a, bg_dtype dtype, double units, double *value, double *error)
{
    double most = (double)a->count < units ? (double)a->count : units;
    *value = isfinite(a->sum) ? a->sum + a->rest : a->sum;
    *error = bound(dtype, *value, a->errors + most * unit_roundoff(dtype) * (isfinite(a->size) ? a->size : 0), 1);
    if (!(a->size < largest(dtype) / 8) && isfinite(*value))
        *error = INFINITY;
}

enum { SUM_ROUNDINGS = 8, PRODUCT_ROUNDINGS = 32 }; /* 4 eps and 16 eps */

static evaluated evaluate_reduce(const bg_node *node, const evaluated *input)
{
    const bgi_reduce_attributes *attributes = node->attributes;
    evaluated made = allocate(bg_shape_count(node->shape));
    bg_shape shape = node->inputs[0]->shape;
    bool is_sum = node->op->lowering->kernel == offsetof(bgk_kernels, sum_rows);
    accumulator *sums = need(calloc((size_t)made.count + 1, sizeof *sums));
    for (int64_t i = 0; i < made.count; i++)
        made.values[i] = -INFINITY;
    int64_t strides[BG_MAX_RANK] = { 0 }, step = 1;
    for (int d = shape.rank - 1; d >= 0; d--)
        if (!attributes->axis[d]) {
            strides[d] = step;
            step *= shape.dims[d];
        }
    for (int64_t i = 0; i < input->count; i++) {
        int64_t rest = i, at = 0;
        for (int d = shape.rank - 1; d >= 0; d--) {
            at += rest % shape.dims[d] * strides[d];
            rest /= shape.dims[d];
        }
        double value = input->values[i], error = input->errors[i];
        if (is_sum) {
            accumulate(&sums[at], value, error);
        } else {
            if (value > made.values[at] || isnan(value))
                made.values[at] = value;
            if (error > made.errors[at])
                made.errors[at] = error;
        }
    }
    for (int64_t i = 0; i < made.count && is_sum; i++)
        finish(&sums[i], node->dtype, SUM_ROUNDINGS, &made.values[i], &made.errors[i]);
    free(sums);
    return made;
}

static evaluated evaluate_product(const bg_node *node, const evaluated *x, const evaluated *w)
{
    evaluated made = allocate(bg_shape_count(node->shape));
    int rank = node->shape.rank;
    int64_t n = node->shape.dims[rank - 1], k = node->inputs[0]->shape.dims[rank - 1];
    int64_t m = node->shape.dims[rank - 2];
    accumulator *sums = need(malloc(((size_t)n + 1) * sizeof *sums));
    for (int64_t row = 0; row < (n > 0 ? made.count / n : 0); row++) {
        memset(sums, 0, (size_t)n * sizeof *sums);
        for (int64_t p = 0; p < k; p++) {
            const double *right = w->values + (row / m * k + p) * n, *right_errors = w->errors + (row / m * k + p) * n;
            double left = x->values[row * k + p], left_error = x->errors[row * k + p];
            for (int64_t j = 0; j < n; j++) {
                double carried = fabs(left) * right_errors[j] + left_error * (fabs(right[j]) + right_errors[j]);
                accumulate(&sums[j], left * right[j], carried == carried ? carried : INFINITY);
            }
        }
        for (int64_t j = 0; j < n; j++)
            finish(&sums[j], node->dtype, PRODUCT_ROUNDINGS, &made.values[row * n + j], &made.errors[row * n + j]);
    }
    free(sums);
    return made;
}

static void *pack(const double *values, int64_t count, bg_dtype dtype)
{
    void *data = need(calloc((size_t)count + 1, bg_dtype_size(dtype)));
    for (int64_t i = 0; i < count; i++)
        put_element(data, dtype, i, values[i]);
    return data;
}

static bool takes_floats(const bg_node *node)
{
    for (int k = 0; k < node->n_inputs; k++)
        if (bgi_is_float(node->inputs[k]->dtype))
            return true;
    return false;
}

/* The output of a node's call for values of its inputs, in its type; false if it fails. */
static bool run_call(const bg_node *node, double *const *values, double *result)
{
    int64_t units = node->op->units ? node->op->units(node, -1) : 1, count = bg_shape_count(node->shape);
    void **data = need(calloc((size_t)node->n_inputs + 1, sizeof(void *)));
    for (int k = 0; k < node->n_inputs; k++)
        data[k] = pack(values[k], bg_shape_count(node->inputs[k]->shape), node->inputs[k]->dtype);
    void *output = need(calloc((size_t)count + 1, bg_dtype_size(node->dtype)));
    void *scratch = need(aligned_alloc(64, (node->op->scratch ? node->op->scratch(node) : 0) / 64 * 64 + 64));
    bg_call call = { node, (const void *const *)data, output, scratch, 0, units };
    bool is_done = node->op->call(&call) == BG_OK;
    for (int64_t i = 0; i < count; i++)
        result[i] = element_of(output, node->dtype, i);
    for (int k = 0; k < node->n_inputs; k++)
        free(data[k]);
    free(data);
    free(scratch);
    free(output);
    return is_done;
}

/* How errors of the inputs go through a call. Most of the library's own calls move or add elements, and so treat bounds
 * as they treat values. Products of sizes, with and without the errors, differ by a bound; so do the values of what
 * grows with each input. What solves equations, and what is part of a composition, is tried with inputs moved by their
 * errors, up and down at random. */
typedef enum { LIKE_VALUES, LIKE_SIZES, GROWING, SOLVING } carrying;
static bool is_in(const bg_op *op, const bg_op *const *family)
{
    while (*family && *family != op)
        family++;
    return *family != NULL;
}
/* Not one that only a composition makes. */
static bool is_listed(const bg_op *op)
{
    for (int f = 0; bgi_op_families[f]; f++)
        if (is_in(op, bgi_op_families[f]))
            return true;
    return false;
}
static carrying carrying_of(const bg_node *node)
{
    if (!is_listed(node->op))
        return SOLVING;
#define LISTED(family) bgi_##family##_ops,
    static const bg_op *const *const solving[] = { BGI_MATRIX_FAMILIES(LISTED) };
#undef LISTED
    for (size_t i = 0; i < sizeof solving / sizeof *solving; i++)
        if (is_in(node->op, solving[i]))
            return SOLVING;
    static const char *const products[] = { "cumprod", "prod", "recurrence" };
    for (int i = 0; i < 3; i++)
        if (strcmp(node->op->name, products[i]) == 0)
            return LIKE_SIZES;
    return strcmp(node->op->name, "logcumsumexp") == 0 ? GROWING : LIKE_VALUES;
}
/* inputs[k] as the call is run with it: the errors, or the values, or sizes, with so many times the errors. */
static double *shifted(const evaluated *input, carrying how, double times)
{
    double *values = need(calloc((size_t)input->count + 1, sizeof *values));
    for (int64_t i = 0; i < input->count; i++) {
        double base = how == LIKE_VALUES ? 0 : how == LIKE_SIZES ? fabs(input->values[i]) : input->values[i];
        values[i] = base + times * input->errors[i];
    }
    return values;
}
static double *run_shifted(const bg_node *node, const evaluated *const *inputs, carrying how, double times)
{
    double *result = need(calloc((size_t)bg_shape_count(node->shape) + 1, sizeof *result));
    double **values = need(calloc((size_t)node->n_inputs + 1, sizeof *values));
    for (int k = 0; k < node->n_inputs; k++)
        values[k] =
            bgi_is_float(node->inputs[k]->dtype) ? shifted(inputs[k], how, times) : shifted(inputs[k], GROWING, 0);
    run_call(node, values, result);
    for (int k = 0; k < node->n_inputs; k++)
        free(values[k]);
    free(values);
    return result;
}

/* The largest change of each element of the result in a few trials, with room for what they miss: a few roundings where
 * they change nothing. */
static void carry_by_trials(const bg_node *node, const evaluated *const *inputs, evaluated *made)
{
    enum { TRIALS = 8, ROOM = 8, ROUNDINGS = 8 };
    draw state = draw_from(1);
    double *moved = need(calloc((size_t)made->count + 1, sizeof *moved));
    double **values = need(calloc((size_t)node->n_inputs + 1, sizeof *values));
    for (int trial = 0; trial < TRIALS; trial++) {
        for (int k = 0; k < node->n_inputs; k++) {
            values[k] = shifted(inputs[k], GROWING, 0);
            for (int64_t i = 0; i < inputs[k]->count && bgi_is_float(node->inputs[k]->dtype); i++)
                values[k][i] += (draw_between(&state, -1, 1) < 0 ? -1 : 1) * inputs[k]->errors[i];
        }
        bool is_done = run_call(node, values, moved);
        for (int64_t i = 0; i < made->count; i++) {
            double change = is_done ? fabs(moved[i] - made->values[i]) : INFINITY;
            made->errors[i] = fmax(made->errors[i], change == change ? change : INFINITY);
        }
        for (int k = 0; k < node->n_inputs; k++)
            free(values[k]);
    }
    for (int64_t i = 0; i < made->count; i++)
        made->errors[i] = bound(node->dtype, made->values[i], ROOM * made->errors[i], ROUNDINGS);
    free(values);
    free(moved);
}

/* What is made of integers alone is rounded once. */
static bool evaluate_call(const bg_node *node, const evaluated *const *inputs, evaluated *made)
{
    *made = allocate(bg_shape_count(node->shape));
    if (made->count == 0)
        return true;
    double **values = need(calloc((size_t)node->n_inputs + 1, sizeof *values));
    for (int k = 0; k < node->n_inputs; k++)
        values[k] = inputs[k]->values;
    bool is_done = run_call(node, values, made->values);
    free(values);
    if (is_done && carrying_of(node) == SOLVING) {
        carry_by_trials(node, inputs, made);
    } else if (is_done && bgi_is_float(node->dtype) && takes_floats(node)) {
        carrying how = carrying_of(node);
        double *high = run_shifted(node, inputs, how, 1), *low = run_shifted(node, inputs, how, 0);
        double roundings = how == LIKE_VALUES ? 0 : 2 * (double)inputs[0]->count * unit_roundoff(node->dtype);
        for (int64_t i = 0; i < made->count; i++) {
            double carried = high[i] - (how == LIKE_VALUES ? 0 : low[i]) + roundings * fabs(high[i]);
            carried = carried == carried ? carried : INFINITY;
            made->errors[i] = bound(node->dtype, made->values[i], carried * (1 + 1e-6), 1);
        }
        free(high);
        free(low);
    } else {
        for (int64_t i = 0; i < made->count; i++)
            made->errors[i] = bound(node->dtype, made->values[i], 0, 1);
    }
    if (!is_done)
        release(made);
    return is_done;
}

/* ---- Graphs ---- */

static evaluated evaluate_scalar(const bg_node *node)
{
    evaluated made = allocate(1);
    memcpy(made.values, node->attributes, sizeof(double));
    return made;
}

static evaluated copy_of(const evaluated *from)
{
    evaluated made = allocate(from->count);
    memcpy(made.values, from->values, (size_t)from->count * sizeof(double));
    memcpy(made.errors, from->errors, (size_t)from->count * sizeof(double));
    return made;
}

static bool compute(evaluator *e, bg_node *node)
{
    if (node->op->compose) {
        if (!e->composed[node->id]) {
            bg_node *composed = node->op->compose(node);
            reserve(e, e->graph->count);
            e->composed[node->id] = need(composed);
        }
        const evaluated *value = evaluator_value(e, e->composed[node->id]);
        if (value)
            e->memo[node->id] = copy_of(value);
        return value != NULL;
    }
    for (int k = 0; k < node->n_inputs; k++)
        if (!evaluator_value(e, node->inputs[k]))
            return false;
    const evaluated **inputs = need(calloc((size_t)node->n_inputs + 1, sizeof *inputs));
    for (int k = 0; k < node->n_inputs; k++)
        inputs[k] = evaluator_value(e, node->inputs[k]);
    evaluated made = { 0 };
    if (!node->op->lowering)
        evaluate_call(node, inputs, &made);
    else if (bgi_node_is(node, BGI_CONSTANT))
        made = read_tensor(node->tensor);
    else if (bgi_node_is(node, BGI_SCALAR))
        made = evaluate_scalar(node);
    else if (bgi_node_is(node, BGI_MAP))
        made = evaluate_map(node, inputs);
    else if (bgi_node_is(node, BGI_VIEW))
        made = evaluate_view(node, inputs[0]);
    else if (bgi_node_is(node, BGI_REDUCE))
        made = evaluate_reduce(node, inputs[0]);
    else if (bgi_node_is(node, BGI_PRODUCT))
        made = evaluate_product(node, inputs[0], inputs[1]);
    free(inputs);
    e->memo[node->id] = made;
    return made.values != NULL;
}

const evaluated *evaluator_value(evaluator *e, bg_node *node)
{
    reserve(e, e->graph->count);
    if (e->states[node->id].values)
        return &e->states[node->id];
    if (!e->memo[node->id].values && !compute(e, node))
        return NULL;
    return &e->memo[node->id];
}

bool evaluator_update(evaluator *e)
{
    int count = e->graph->count;
    evaluated *made = need(calloc((size_t)count + 1, sizeof *made));
    bool is_good = true;
    for (int i = 0; i < count && is_good; i++) {
        bg_node *target = e->graph->nodes[i];
        const evaluated *value = target->updated ? evaluator_value(e, target->updated) : NULL;
        is_good = value || !target->updated;
        if (value)
            made[i] = copy_of(value);
    }
    for (int i = 0; i < count; i++)
        if (made[i].values && is_good) {
            release(&e->states[i]);
            e->states[i] = made[i];
        } else {
            release(&made[i]);
        }
    free(made);
    forget(e);
    return is_good;
}

/* ---- Judging ---- */

static bool agrees(double got, double expected, double allowed)
{
    if (!(allowed < INFINITY))
        return true;
    if (isnan(expected))
        return isnan(got);
    return isinf(expected) ? got == expected : fabs(got - expected) <= allowed;
}

int64_t evaluated_compare(const evaluated *expected, const bg_tensor *got, double *worst, int64_t *open)
{
    void *data = packed_copy(got);
    int64_t wrong = -1;
    for (int64_t i = 0; i < expected->count; i++) {
        double value = element_of(data, got->dtype, i), error = expected->errors[i];
        double allowed = 2 * error + 8 * smallest(got->dtype);
        if (!agrees(value, expected->values[i], allowed) && wrong < 0)
            wrong = i;
        if (open && !(error < INFINITY))
            ++*open;
        if (worst && error < INFINITY && error > 0 && isfinite(expected->values[i]))
            *worst = fmax(*worst, fabs(value - expected->values[i]) / (error + 4 * smallest(got->dtype)));
    }
    free(data);
    return wrong;
}
