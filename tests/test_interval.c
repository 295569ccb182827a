/* Bounds by interval propagation: they contain what they should, are exact where that is known, and have gradients. */
#include "support/counted.h"
#include "support/suite.h"
#include "support/values.h"

#include <stdint.h>

/* ---- Numbers ---- */

static uint64_t state;
static double uniform(double low, double high)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return low + (high - low) * (double)(state >> 11) * 0x1p-53;
}
static void put(bg_tensor *tensor, int64_t i, double value)
{
    if (bg_tensor_dtype(tensor) == BG_F64)
        ((double *)bg_tensor_data(tensor))[i] = value;
    else
        ((float *)bg_tensor_data(tensor))[i] = (float)value;
}
static double get(const bg_tensor *tensor, int64_t i)
{
    const void *data = bg_tensor_const_data(tensor);
    return bg_tensor_dtype(tensor) == BG_F64 ? ((const double *)data)[i] : (double)((const float *)data)[i];
}
static int64_t count_of(const bg_tensor *tensor) { return bg_shape_count(bg_tensor_shape(tensor)); }
static bg_tensor *new_tensor(bg_dtype dtype, bg_shape shape)
{
    bg_tensor *tensor;
    OK(bg_tensor_create(&tensor, counted_engine(), dtype, shape));
    return tensor;
}

/* ---- A network and its bounds ---- */

typedef struct {
    bg_model *model;
    bg_graph *graph;
    bg_node *x, *lower, *upper, *y, *bounds[3]; /* of scores also their differences from class i % 5 of row i */
    int64_t classes;                            /* of scores; 0: y are none */
    bg_tensor *values[3];                       /* of x, lower and upper */
    bg_program *network, *intervals;            /* y of x; bounds of lower and upper */
} problem;

static void bind(bg_program *program, bg_node *input, bg_tensor *value) { OK(bg_program_bind(program, input, value)); }

/* Inputs of a shape whose first extent is `points` for the network, and `examples` for the bounds. */
static void open_graph(problem *p, bg_dtype dtype, bg_shape shape)
{
    *p = (problem){ .model = NULL };
    OK(bg_model_create(&p->model, counted_engine(), dtype));
    bg_model_set_training(p->model, false);
    OK(bg_graph_create(&p->graph, counted_engine()));
    p->x = bg_input(p->graph, "x", dtype, shape);
    p->lower = bg_input(p->graph, "lower", dtype, shape);
    p->upper = bg_input(p->graph, "upper", dtype, shape);
    for (int i = 0; i < 3; i++)
        p->values[i] = new_tensor(dtype, shape);
}
/* 0, 1, .. n - 1, 0, 1 .. */
static bg_node *classes_of_rows(bg_graph *graph, int64_t rows, int64_t n)
{
    bg_tensor *classes = new_tensor(BG_I64, BG_SHAPE(rows));
    for (int64_t i = 0; i < rows; i++)
        ((int64_t *)bg_tensor_data(classes))[i] = i % n;
    bg_node *node = bg_constant(graph, classes);
    bg_tensor_destroy(classes);
    return node;
}
static void compile(problem *p, bg_node *y)
{
    p->y = y;
    OK(bg_graph_status(p->graph));
    OK(bg_interval_bounds(y, p->x, p->lower, p->upper, &p->bounds[0], &p->bounds[1]));
    const bg_compile_options options = { .no_updates = true };
    OK(bg_compile(&p->network, p->graph, &p->y, 1, &options));
    if (p->classes) {
        bg_node *classes = classes_of_rows(p->graph, bg_node_shape(y).dims[0], p->classes);
        p->bounds[2] = bg_interval_differences(y, p->x, p->lower, p->upper, classes);
    }
    OK(bg_compile(&p->intervals, p->graph, p->bounds, p->classes ? 3 : 2, &options));
    bind(p->network, p->x, p->values[0]);
    bind(p->intervals, p->lower, p->values[1]);
    bind(p->intervals, p->upper, p->values[2]);
}
static void close_problem(problem *p)
{
    bg_program_destroy(p->network);
    bg_program_destroy(p->intervals);
    bg_graph_destroy(p->graph);
    for (int i = 0; i < 3; i++)
        bg_tensor_destroy(p->values[i]);
    bg_model_destroy(p->model);
}
static double bound(const problem *p, int side, int64_t i)
{
    return get(bg_program_output(p->intervals, (size_t)side), i);
}

/* ---- Networks ---- */

static const struct {
    const char *line;
    bg_shape example;
    double eps;
} networks[] = {
    { "dense:12 relu dense:9 tanh dense:5", { 1, { 7 } }, 0.2 },
    { "dense:12 gelu dense:9 silu dense:7 mish dense:7 hardswish dense:5", { 1, { 7 } }, 0.7 },
    { "dense:12 elu dense:9 celu:0.7 dense:7 selu dense:7 gelu_tanh dense:5", { 1, { 7 } }, 0.7 },
    { "dense:12 leaky_relu:-0.3 dense:9 elu:-1.5 dense:8 leaky_relu dense:5", { 1, { 7 } }, 0.5 },
    { "dense:12 softsign dense:9 hardtanh dense:8 relu6 dense:7 hardsigmoid dense:5", { 1, { 7 } }, 0.8 },
    { "dense:9 hardshrink dense:8 softshrink dense:7 tanhshrink dense:5 logsigmoid", { 1, { 7 } }, 0.8 },
    { "dense:12 softplus dense:9 sigmoid dense:8 glu prelu dense:5 log_softmax", { 1, { 7 } }, 0.3 },
    { "conv:6:3:pad=same relu max_pool:2 conv:8:3 relu flatten dense:5", { 3, { 2, 10, 10 } }, 0.1 },
    { "conv:6:3:pad=1:stride=2 batch_norm relu avg_pool:2 flatten dense:5", { 3, { 2, 10, 10 } }, 0.1 },
    { "conv:4:3:groups=2:pad=1:reflect tanh conv_transpose:3:3:stride=2 relu adaptive_avg_pool:2 flatten dense:5",
      { 3, { 2, 7, 7 } },
      0.1 },
    { "dense:5", { 1, { 2000 } }, 0.1 }, /* sums of many terms that cancel */
    { "conv:16:3:pad=same relu conv:16:3:pad=same relu max_pool:2 flatten dense:5", { 3, { 8, 8, 8 } }, 0.05 },
};
enum { N_NETWORKS = sizeof networks / sizeof *networks, POINTS = 500, EXAMPLES = 4, SAMPLES = 10000 };

static bg_shape batch_of(int network)
{
    bg_shape shape = { .rank = networks[network].example.rank + 1, .dims = { POINTS } };
    memcpy(shape.dims + 1, networks[network].example.dims, (size_t)(shape.rank - 1) * sizeof *shape.dims);
    return shape;
}

/* Running statistics that do something. */
static void set_statistics(bg_model *model)
{
    for (size_t i = 0; i < bg_model_count(model); i++) {
        const char *name = bg_model_name(model, i);
        if (strstr(name, "running_mean"))
            OK(bg_tensor_fill(bg_model_tensor(model, i), 0.2));
        if (strstr(name, "running_var"))
            OK(bg_tensor_fill(bg_model_tensor(model, i), 0.3));
    }
}

/* Row i is of example i % EXAMPLES, whose bounds all of its rows share. */
static void draw_boxes(problem *p, double eps)
{
    int64_t count = count_of(p->values[0]), width = count / POINTS;
    for (int64_t k = 0; k < EXAMPLES * width; k++) {
        double x = uniform(-1, 1), radius = eps * uniform(0, 1);
        for (int64_t i = k / width; i < POINTS; i += EXAMPLES) {
            put(p->values[1], i * width + k % width, x - radius);
            put(p->values[2], i * width + k % width, x + radius);
        }
    }
}
/* A point of the box, uniformly, or a corner, or one with some of both. */
static void draw_points(problem *p, int manner)
{
    for (int64_t k = 0; k < count_of(p->values[0]); k++) {
        double l = get(p->values[1], k), u = get(p->values[2], k), share = uniform(0, 1);
        if (manner == 1 || (manner == 2 && uniform(0, 1) < 0.5))
            share = share < 0.5 ? 0 : 1;
        double x = share == 1 ? u : l + share * (u - l);
        put(p->values[0], k, x < l ? l : (x > u ? u : x));
    }
}

/* The bounds contain what the network makes of 10,000 points of the boxes, bit for bit. */
START_TEST(test_contains)
{
    bg_dtype dtype = _i % 2 ? BG_F32 : BG_F64;
    int network = _i / 2;
    problem p;
    state = (uint64_t)_i + 1;
    open_graph(&p, dtype, batch_of(network));
    bg_node *y = bg_layers(p.model, networks[network].line, p.x);
    set_statistics(p.model);
    p.classes = 5;
    compile(&p, y);
    draw_boxes(&p, networks[network].eps);
    OK(bg_program_run(p.intervals));
    for (int run = 0; run < SAMPLES / POINTS; run++) {
        draw_points(&p, run % 3);
        OK(bg_program_run(p.network));
        const bg_tensor *out = bg_program_output(p.network, 0);
        for (int64_t k = 0; k < count_of(out); k++) {
            double value = get(out, k), low = bound(&p, 0, k), high = bound(&p, 1, k);
            ck_assert_msg(low <= value && value <= high, "%s %s: %.17g is not in %.17g .. %.17g", bg_dtype_name(dtype),
                          networks[network].line, value, low, high);
            int64_t row = k / 5;
            double difference = value - get(out, row * 5 + row % 5);
            ck_assert_msg(difference <= bound(&p, 2, k), "%s %s: a difference of %.17g, at most %.17g",
                          bg_dtype_name(dtype), networks[network].line, difference, bound(&p, 2, k));
        }
    }
    close_problem(&p);
}
END_TEST

/* Bounds of a single point in f32 contain what the same weights give in f64, and are as narrow as rounding. */
START_TEST(test_rounding)
{
    problem p, exact;
    state = 77;
    open_graph(&p, BG_F32, batch_of(_i));
    open_graph(&exact, BG_F64, batch_of(_i));
    bg_node *y = bg_layers(p.model, networks[_i].line, p.x),
            *exact_y = bg_layers(exact.model, networks[_i].line, exact.x);
    set_statistics(p.model);
    for (size_t i = 0; i < bg_model_count(p.model); i++) {
        bg_tensor *from = bg_model_tensor(p.model, i), *to = bg_model_tensor(exact.model, i);
        for (int64_t k = 0; k < count_of(from) && bg_tensor_dtype(from) == BG_F32; k++)
            put(to, k, get(from, k));
    }
    compile(&p, y);
    compile(&exact, exact_y);
    for (int64_t k = 0; k < count_of(p.values[0]); k++) {
        double x = (double)(float)uniform(-1, 1);
        for (int i = 0; i < 3; i++) {
            put(p.values[i], k, x);
            put(exact.values[i], k, x);
        }
    }
    OK(bg_program_run(p.intervals));
    OK(bg_program_run(exact.network));
    const bg_tensor *out = bg_program_output(exact.network, 0);
    for (int64_t k = 0; k < count_of(out); k++) {
        double value = get(out, k), low = bound(&p, 0, k), high = bound(&p, 1, k);
        ck_assert_msg(low <= value && value <= high, "%s: %.17g is not in %.9g .. %.9g", networks[_i].line, value, low,
                      high);
        ck_assert_msg(high - low < 0.02, "%s: %.9g .. %.9g of one point", networks[_i].line, low, high);
    }
    close_problem(&p);
    close_problem(&exact);
}
END_TEST

/* The same of each activation by itself: what its kernel's rounding needs, and little more. */
START_TEST(test_rounded_activations)
{
    static const char *const names[] = { "relu",      "tanh",       "sigmoid",  "softplus",   "gelu",
                                         "gelu_tanh", "silu",       "mish",     "elu",        "celu",
                                         "selu",      "leaky_relu", "relu6",    "hardtanh",   "hardsigmoid",
                                         "hardswish", "logsigmoid", "softsign", "tanhshrink", "softshrink" };
    enum { N = 20000 };
    for (size_t a = 0; a < sizeof names / sizeof *names; a++) {
        problem p, exact;
        open_graph(&p, BG_F32, BG_SHAPE(N));
        open_graph(&exact, BG_F64, BG_SHAPE(N));
        compile(&p, bg_activation(names[a], p.x));
        compile(&exact, bg_activation(names[a], exact.x));
        for (int k = 0; k < N; k++) {
            double x = (double)(float)((k % 2 ? 0.05 : 1) * (-10 + 20.0 * k / N));
            put(p.values[1], k, x);
            put(p.values[2], k, x);
            put(exact.values[0], k, x);
        }
        OK(bg_program_run(p.intervals));
        OK(bg_program_run(exact.network));
        for (int k = 0; k < N; k++) {
            double value = get(bg_program_output(exact.network, 0), k), low = bound(&p, 0, k), high = bound(&p, 1, k);
            ck_assert_msg(low <= value && value <= high, "%s: %.17g is not in %.9g .. %.9g", names[a], value, low,
                          high);
            double most = 1e-5 * (1 + fabs(get(exact.values[0], k)));
            ck_assert_msg(high - low < most, "%s: %.9g .. %.9g of one point", names[a], low, high);
        }
        close_problem(&p);
        close_problem(&exact);
    }
}
END_TEST

/* Sums of rows, in f32, contain those without rounding. */
START_TEST(test_rounded_sums)
{
    enum { ROWS = 50, N = 1000 };
    problem p;
    state = 11;
    open_graph(&p, BG_F32, BG_SHAPE(ROWS, N));
    compile(&p, bg_sum(p.x, BG_AXES(1)));
    double sums[ROWS] = { 0 };
    for (int k = 0; k < ROWS * N; k++) {
        double x = (double)(float)uniform(-1, 1);
        put(p.values[1], k, x);
        put(p.values[2], k, x);
        sums[k / N] += x;
    }
    OK(bg_program_run(p.intervals));
    for (int i = 0; i < ROWS; i++) {
        ck_assert(bound(&p, 0, i) <= sums[i] && sums[i] <= bound(&p, 1, i));
        ck_assert(bound(&p, 1, i) - bound(&p, 0, i) < 0.3);
    }
    close_problem(&p);
}
END_TEST

/* Of scores with almost the same weights, whose difference is smaller than what each score's rounding is. */
START_TEST(test_rounded_differences)
{
    enum { ROWS = 50, IN = 2000, OUT = 5 };
    problem p;
    state = 12;
    open_graph(&p, BG_F32, BG_SHAPE(ROWS, IN));
    p.classes = OUT;
    compile(&p, bg_dense(p.model, "fc", p.x, OUT));
    bg_tensor *w = bg_model_find(p.model, "fc.weight");
    for (int k = IN; k < OUT * IN; k++)
        put(w, k, get(w, k % IN) * (1 + uniform(0, 1e-6)));
    OK(bg_tensor_fill(bg_model_find(p.model, "fc.bias"), 0));
    for (int k = 0; k < ROWS * IN; k++) {
        double x = (double)(float)uniform(-1, 1);
        for (int i = 0; i < 3; i++)
            put(p.values[i], k, x);
    }
    OK(bg_program_run(p.intervals));
    OK(bg_program_run(p.network));
    const bg_tensor *out = bg_program_output(p.network, 0);
    for (int k = 0; k < ROWS * OUT; k++)
        ck_assert(get(out, k) - get(out, k / OUT * OUT + k / OUT % OUT) <= bound(&p, 2, k));
    close_problem(&p);
}
END_TEST

/* ---- Where bounds are exact ---- */

/* One linear layer: the middle's value, and the sizes of the weights times the radii. */
START_TEST(test_linear)
{
    enum { IN = 6, OUT = 4 };
    problem p;
    state = 5;
    open_graph(&p, BG_F64, BG_SHAPE(1, IN));
    compile(&p, bg_dense(p.model, "fc", p.x, OUT));
    const double *w = bg_tensor_const_data(bg_model_find(p.model, "fc.weight"));
    const double *b = bg_tensor_const_data(bg_model_find(p.model, "fc.bias"));
    double low[OUT], high[OUT];
    for (int o = 0; o < OUT; o++)
        low[o] = high[o] = b[o];
    for (int i = 0; i < IN; i++) {
        double l = uniform(-1, 1), u = l + uniform(0, 1);
        put(p.values[1], i, l);
        put(p.values[2], i, u);
        for (int o = 0; o < OUT; o++) {
            low[o] += w[o * IN + i] * (w[o * IN + i] > 0 ? l : u);
            high[o] += w[o * IN + i] * (w[o * IN + i] > 0 ? u : l);
        }
    }
    OK(bg_program_run(p.intervals));
    for (int o = 0; o < OUT; o++) {
        expect_near("lower", bound(&p, 0, o), low[o], 1e-13);
        expect_near("upper", bound(&p, 1, o), high[o], 1e-13);
        ck_assert(bound(&p, 0, o) <= low[o] && high[o] <= bound(&p, 1, o));
    }
    close_problem(&p);
}
END_TEST

/* Differences of its scores are exact too, as the weights' differences decide: the bounds of scores are wider. */
START_TEST(test_differences)
{
    enum { IN = 6, OUT = 5 };
    problem p;
    state = 9;
    open_graph(&p, BG_F64, BG_SHAPE(OUT, IN));
    p.classes = OUT;
    compile(&p, bg_dense(p.model, "fc", p.x, OUT));
    const double *w = bg_tensor_const_data(bg_model_find(p.model, "fc.weight"));
    const double *b = bg_tensor_const_data(bg_model_find(p.model, "fc.bias"));
    for (int k = 0; k < OUT * IN; k++) {
        put(p.values[1], k, uniform(-1, 1));
        put(p.values[2], k, get(p.values[1], k) + uniform(0, 1));
    }
    OK(bg_program_run(p.intervals));
    for (int i = 0; i < OUT; i++)
        for (int o = 0; o < OUT; o++) {
            double most = b[o] - b[i];
            for (int k = 0; k < IN; k++) {
                double slope = w[o * IN + k] - w[i * IN + k];
                most += slope * get(p.values[slope > 0 ? 2 : 1], i * IN + k);
            }
            expect_near("a difference", bound(&p, 2, i * OUT + o), most, 1e-13);
            ck_assert(bound(&p, 2, i * OUT + o) >= most && (i != o || most == 0));
            ck_assert(o == i || most < bound(&p, 1, i * OUT + o) - bound(&p, 0, i * OUT + i) - 1e-3);
        }
    close_problem(&p);
}
END_TEST

/* A network that rises with every input, as all of its weights are positive, is tight: its own values at the ends. */
START_TEST(test_rising)
{
    problem p;
    state = 6;
    open_graph(&p, BG_F64, BG_SHAPE(3, 5));
    bg_node *y = bg_layers(p.model,
                           "dense:8 tanh dense:8 sigmoid dense:8 softplus dense:8 elu dense:8 softsign dense:8 "
                           "leaky_relu dense:8 logsigmoid dense:8 hardtanh dense:4",
                           p.x);
    for (size_t i = 0; i < bg_model_count(p.model); i++)
        for (int64_t k = 0; k < count_of(bg_model_tensor(p.model, i)); k++)
            put(bg_model_tensor(p.model, i), k, uniform(0, 0.3));
    compile(&p, y);
    for (int64_t k = 0; k < 15; k++) {
        put(p.values[1], k, uniform(-2, 1));
        put(p.values[2], k, get(p.values[1], k) + uniform(0, 1));
    }
    OK(bg_program_run(p.intervals));
    for (int side = 0; side < 2; side++) {
        OK(bg_tensor_copy(p.values[0], p.values[1 + side]));
        OK(bg_program_run(p.network));
        for (int64_t k = 0; k < 12; k++)
            expect_near(side ? "upper" : "lower", bound(&p, side, k), get(bg_program_output(p.network, 0), k), 1e-13);
    }
    close_problem(&p);
}
END_TEST

/* Functions that fall and rise again: the least value within the interval is found where they turn. */
START_TEST(test_turns)
{
    static const char *const names[] = { "gelu", "gelu_tanh", "silu", "mish", "hardswish" };
    static const double ends[][2] = { { -3, 1 }, { -3, -2 }, { -0.2, 0.5 }, { -1.3, -0.5 }, { -9, 9 }, { 0.5, 2 } };
    enum { FINE = 20001 };
    for (int e = 0; e < (int)(sizeof ends / sizeof *ends); e++) {
        problem p;
        open_graph(&p, BG_F64, BG_SHAPE(FINE));
        compile(&p, bg_activation(names[_i], p.x));
        for (int k = 0; k < FINE; k++) {
            put(p.values[0], k, ends[e][0] + (ends[e][1] - ends[e][0]) * k / (FINE - 1));
            put(p.values[1], k, ends[e][0]);
            put(p.values[2], k, ends[e][1]);
        }
        OK(bg_program_run(p.network));
        OK(bg_program_run(p.intervals));
        double least = INFINITY, most = -INFINITY;
        for (int k = 0; k < FINE; k++) {
            least = fmin(least, get(bg_program_output(p.network, 0), k));
            most = fmax(most, get(bg_program_output(p.network, 0), k));
        }
        expect_near(names[_i], bound(&p, 0, 0), least, 1e-6);
        expect_near(names[_i], bound(&p, 1, 0), most, 1e-13);
        close_problem(&p);
    }
}
END_TEST

/* ---- In a graph ---- */

/* x > value ? y : z */
static bg_node *above(const problem *p, double value, bg_node *y, bg_node *z)
{
    return bg_where(bg_greater(p->x, bg_scalar(p->graph, BG_F64, value)), y, z);
}

/* What does not depend on x is its own bound; x between nodes of the graph; the same product twice. */
START_TEST(test_nodes)
{
    problem p;
    open_graph(&p, BG_F64, BG_SHAPE(2));
    bg_node *other = bg_input(p.graph, "other", BG_F64, BG_SHAPE(2)), *low, *high;
    OK(bg_interval_bounds(other, p.x, p.lower, p.upper, &low, &high));
    ck_assert(low == other && high == other);
    OK(bg_interval_bounds(p.x, p.x, p.lower, p.upper, &low, &high));
    ck_assert(low == p.lower && high == p.upper);
    /* x · x as if of two values: -1 .. 2 times -1 .. 2; and - x, 3 - x, x / -2, where. */
    bg_node *y[] = { bg_mul(p.x, p.x),
                     bg_neg(p.x),
                     bg_sub_from(3, p.x),
                     bg_mul_scalar(p.x, -2),
                     bg_square(p.x),
                     above(&p, 0, bg_add_scalar(p.x, 5), p.x),
                     above(&p, 0, p.x, bg_add_scalar(p.x, 5)),
                     above(&p, -1.5, bg_add_scalar(p.x, 5), p.x),
                     above(&p, 2, bg_add_scalar(p.x, 5), p.x),
                     bg_where(bg_equal(p.x, bg_scalar(p.graph, BG_F64, 7)), bg_add_scalar(p.x, 5), p.x),
                     bg_where(bg_equal(p.x, bg_scalar(p.graph, BG_F64, -7)), bg_add_scalar(p.x, 5), p.x),
                     bg_where(bg_is_finite(p.x), bg_add_scalar(p.x, 5), p.x),
                     bg_div(bg_scalar(p.graph, BG_F64, 4), bg_scalar(p.graph, BG_F64, -2)) };
    static const double expected[][2] = { { -2, 4 }, { -2, 1 }, { 1, 4 },  { -4, 2 }, { 0, 4 }, { -1, 7 }, { -1, 7 },
                                          { 4, 7 },  { -1, 2 }, { -1, 2 }, { -1, 2 }, { 4, 7 }, { -2, -2 } };
    enum { N = sizeof y / sizeof *y };
    for (int i = 0; i < N; i++) {
        bg_node *bounds[2];
        bg_program *program;
        OK(bg_interval_bounds(y[i], p.x, p.lower, p.upper, &bounds[0], &bounds[1]));
        OK(bg_compile(&program, p.graph, bounds, 2, NULL));
        if (i < N - 1) {
            bind(program, p.lower, p.values[1]);
            bind(program, p.upper, p.values[2]);
        }
        OK(bg_tensor_fill(p.values[1], -1));
        OK(bg_tensor_fill(p.values[2], 2));
        OK(bg_program_run(program));
        for (size_t side = 0; side < 2; side++)
            expect_near("a bound", value_at(bg_program_output(program, side), 0), expected[i][side], 1e-14);
        bg_program_destroy(program);
    }
    close_problem(&p);
}
END_TEST

/* Derivatives of the bounds by the weights, and by the input's bounds. */
START_TEST(test_gradients)
{
    problem p;
    state = 8;
    open_graph(&p, BG_F64, BG_SHAPE(2, 2, 6, 6));
    p.classes = 3;
    compile(&p, bg_layers(p.model, "conv:3:3 silu max_pool:2 flatten dense:4 tanh dense:3", p.x));
    for (int64_t k = 0; k < count_of(p.values[1]); k++) {
        put(p.values[1], k, uniform(-1, 1));
        put(p.values[2], k, get(p.values[1], k) + uniform(0.1, 0.4));
    }
    bg_node *xs[6] = { p.lower, p.upper };
    for (size_t i = 0; i < 4; i++)
        xs[2 + i] = bg_parameter(p.graph, bg_model_tensor(p.model, i));
    bg_gradcheck_options options = { .inputs = &xs[0], .values = &p.values[1], .n_inputs = 2, .only_gradient = true };
    OK(bg_gradcheck(p.bounds, 3, xs, 6, &options, NULL));
    close_problem(&p);
}
END_TEST

/* ---- What is refused ---- */

static const struct {
    const char *line, *part;
} refused[] = {
    { "dense:4 softmax", "interval_bounds: softmax: its part div: it divides by what depends on the input" },
    { "dense:4 layer_norm", "its part" },
};

START_TEST(test_refused)
{
    problem p;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        open_graph(&p, BG_F32, BG_SHAPE(2, 3));
        bg_node *y = bg_layers(p.model, refused[i].line, p.x);
        FAILS(bg_interval_bounds(y, p.x, p.lower, p.upper, &p.bounds[0], &p.bounds[1]), BG_ERR_ARGUMENT,
              refused[i].part);
        ck_assert(!p.bounds[0] && !p.bounds[1]);
        close_problem(&p);
    }
    open_graph(&p, BG_F32, BG_SHAPE(2, 2));
    FAILS(bg_interval_bounds(bg_matmul(p.x, p.x), p.x, p.lower, p.upper, &p.bounds[0], &p.bounds[1]), BG_ERR_ARGUMENT,
          "matmul: it multiplies two values that depend on the input");
    close_problem(&p);
    open_graph(&p, BG_F32, BG_SHAPE(2, 2));
    FAILS(bg_interval_bounds(bg_cast(bg_argmax(p.x, 1), BG_F32), p.x, p.lower, p.upper, &p.bounds[0], &p.bounds[1]),
          BG_ERR_ARGUMENT, "cast: it takes integers");
    close_problem(&p);
    open_graph(&p, BG_F32, BG_SHAPE(2, 2));
    bg_node *longer = bg_input(p.graph, "longer", BG_F32, BG_SHAPE(3, 2));
    FAILS(bg_interval_bounds(p.x, p.x, longer, p.upper, &p.bounds[0], &p.bounds[1]), BG_ERR_SHAPE,
          "x[0] is [2, 2], its lower bound [3, 2]");
    close_problem(&p);
    open_graph(&p, BG_F32, BG_SHAPE(2, 2));
    FAILS(bg_interval_bounds(p.x, p.x, NULL, p.upper, &p.bounds[0], &p.bounds[1]), BG_ERR_ARGUMENT, "a node is NULL");
    close_problem(&p);
    open_graph(&p, BG_F32, BG_SHAPE(2, 2));
    FAILS(bg_interval_bounds(p.x, p.x, p.lower, p.upper, NULL, &p.bounds[1]), BG_ERR_ARGUMENT, "no place");
    close_problem(&p);
    open_graph(&p, BG_F32, BG_SHAPE(2, 2));
    ck_assert(!bg_interval_differences(p.x, p.x, p.lower, p.upper, classes_of_rows(p.graph, 3, 2)));
    FAILS(bg_graph_status(p.graph), BG_ERR_SHAPE,
          "interval_differences: needs scores [n, c] and classes [n]: [2, 2], [3]");
    close_problem(&p);
    open_graph(&p, BG_F32, BG_SHAPE(2, 2));
    bg_node *scores = bg_softmax(p.x, 1);
    ck_assert(!bg_interval_differences(scores, p.x, p.lower, p.upper, classes_of_rows(p.graph, 2, 2)));
    FAILS(bg_graph_status(p.graph), BG_ERR_ARGUMENT, "interval_bounds: softmax");
    close_problem(&p);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("interval");
    TCase *cases = tcase_create("interval");
    tcase_add_checked_fixture(cases, counted_begin, counted_end);
    tcase_add_loop_test(cases, test_contains, 0, 2 * N_NETWORKS);
    tcase_add_loop_test(cases, test_rounding, 0, N_NETWORKS);
    tcase_add_test(cases, test_rounded_activations);
    tcase_add_test(cases, test_rounded_sums);
    tcase_add_test(cases, test_rounded_differences);
    tcase_add_test(cases, test_linear);
    tcase_add_test(cases, test_differences);
    tcase_add_test(cases, test_rising);
    tcase_add_loop_test(cases, test_turns, 0, 5);
    tcase_add_test(cases, test_nodes);
    tcase_add_test(cases, test_gradients);
    tcase_add_test(cases, test_refused);
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
