/* Random numbers. What they are is tested by test_random; here, that they are built for every shape, are the same in
 * every run of one step, and have no gradient, and the gradient of dropout for the numbers it drew. */
#include "cases.h"

#include <math.h>

/* ---- Cases ---- */

/* x gives the graph, type and shape only. */
static bg_shape shape_of(const bg_node *x) { return bg_node_shape(x); }
#define OF(x) bg_node_graph(x), bg_node_dtype(x), shape_of(x)

#define DRAWN(name, call)                                                                                              \
    static bg_node *build_##name(bg_node *const *x, const op_variant *v)                                               \
    {                                                                                                                  \
        (void)v;                                                                                                       \
        return x[0] ? call : NULL;                                                                                     \
    }
DRAWN(uniform, bg_uniform(OF(x[0]), -1, 2))
DRAWN(normal, bg_normal(OF(x[0]), 0.5, 2))
DRAWN(randint, bg_randint(bg_node_graph(x[0]), BG_I64, shape_of(x[0]), -5, 7))
DRAWN(permutation, bg_permutation(bg_node_graph(x[0]), bg_shape_count(shape_of(x[0]))))
BUILD_1(bernoulli)
BUILD(dropout, bg_dropout(x[0], 0.3))
BUILD(dropout_channels, bg_dropout_channels(x[0], 0.5))
BUILD(alpha_dropout, bg_alpha_dropout(x[0], 0.2))
/* The mask alone. */
BUILD(keep,
      bg_dropout(x[0] ? bg_broadcast(bg_scalar(bg_node_graph(x[0]), bg_node_dtype(x[0]), 1), shape_of(x[0])) : NULL,
                 0.4))
/* Two sites and one of them twice, in a sum that would hide no difference. */
BUILD(two_sites, bg_add(bg_dropout(x[0], 0.5), bg_mul(bg_dropout(x[0], 0.5), x[0])))

static const op_variant channels[20] = {
    ONE(1, 1),       ONE(0, 3),       ONE(3, 0),       ONE(3, 4),          ONE(7, 65),
    ONE(2, 3, 4),    ONE(2, 3, 0),    ONE(1, 5, 1),    ONE(4, 1, 3),       ONE(3, 7, 17),
    ONE(2, 3, 4, 5), ONE(1, 1, 9, 9), ONE(5, 2, 1, 1), ONE(2, 0, 3, 3),    ONE(2, 5, 1, 65),
    ONE(1, 31, 2),   ONE(31, 1, 2),   ONE(4, 8, 3, 3), ONE(2, 3, 2, 2, 2), ONE(1, 4, 1, 3, 2),
};

static const op_case cases[] = {
    { .name = "uniform",
      .is_ours = true,
      .op = "uniform",
      .arity = 1,
      .gradient = IS_CONSTANT,
      .build = build_uniform,
      VARIANTS(one_shape) },
    { .name = "uniform, step",
      .is_ours = true,
      .op = "advance",
      .arity = 1,
      .gradient = IS_CONSTANT,
      .build = build_uniform,
      VARIANTS(one_shape) },
    { .name = "normal",
      .is_ours = true,
      .op = "normal",
      .arity = 1,
      .gradient = IS_CONSTANT,
      .build = build_normal,
      VARIANTS(one_shape) },
    { .name = "randint",
      .is_ours = true,
      .op = "randint",
      .arity = 1,
      .gradient = IS_CONSTANT,
      .build = build_randint,
      VARIANTS(one_shape) },
    { .name = "permutation",
      .is_ours = true,
      .op = "permutation",
      .arity = 1,
      .gradient = IS_CONSTANT,
      .build = build_permutation,
      VARIANTS(one_shape) },
    { .name = "bernoulli",
      .arity = 1,
      .domains = { IS_PROBABILITY },
      .gradient = IS_STOPPED,
      .build = build_bernoulli,
      VARIANTS(one_shape) },
    { .name = "dropout", .arity = 1, .build = build_dropout, VARIANTS(one_shape) },
    { .name = "dropout, keep",
      .op = "keep",
      .arity = 1,
      .gradient = IS_CONSTANT,
      .build = build_keep,
      VARIANTS(one_shape) },
    { .name = "dropout, two sites", .arity = 1, .build = build_two_sites, VARIANTS(one_shape) },
    { .name = "dropout_channels", .arity = 1, .build = build_dropout_channels, VARIANTS(channels) },
    { .name = "alpha_dropout", .arity = 1, .build = build_alpha_dropout, VARIANTS(one_shape) },
};

/* ---- Golden values: the probabilities that leave nothing to chance ---- */

static double probability(const golden_case *c) { return golden_number(c->record, "p"); }
GOLDEN(dropout, bg_dropout(c->x[0], probability(c)))
GOLDEN(dropout_channels, bg_dropout_channels(c->x[0], probability(c)))
GOLDEN(alpha_dropout, bg_alpha_dropout(c->x[0], probability(c)))
GOLDEN(bernoulli, bg_bernoulli(c->x[0]))
static const golden_op golden[] = {
    GOLDEN_ROW(dropout),
    GOLDEN_ROW(dropout_channels),
    GOLDEN_ROW(alpha_dropout),
    GOLDEN_ROW(bernoulli),
};

/* ---- Wrong calls ---- */

#define WRONG(X)                                                                                                       \
    X(bg_uniform(f->graph, BG_I32, BG_SHAPE(3), 0, 1), BG_ERR_DTYPE, "uniform: the type is i32, not f32 or f64")       \
    X(bg_uniform(f->graph, BG_F32, BG_SHAPE(3), 1, 0), BG_ERR_ARGUMENT, "uniform: from 1 to 0 is no interval")         \
    X(bg_uniform(f->graph, BG_F64, BG_SHAPE(3), -1e308, 1e308), BG_ERR_ARGUMENT,                                       \
      "uniform: from -1e+308 to 1e+308 is no interval")                                                                \
    X(bg_uniform(f->graph, BG_F32, BG_SHAPE(3), 0, NOT_A_NUMBER), BG_ERR_ARGUMENT,                                     \
      "uniform: from 0 to nan is no interval")                                                                         \
    X(bg_uniform(f->graph, BG_F32, BG_SHAPE(3, -1), 0, 1), BG_ERR_SHAPE,                                               \
      "uniform: extent -1 of axis 1 is negative: [3, -1]")                                                             \
    X(bg_normal(f->graph, BG_BOOL, BG_SHAPE(3), 0, 1), BG_ERR_DTYPE, "normal: the type is bool, not f32 or f64")       \
    X(bg_normal(f->graph, BG_F32, BG_SHAPE(3), 0, -1), BG_ERR_ARGUMENT, "normal: mean 0, standard deviation -1")       \
    X(bg_normal(f->graph, BG_F32, BG_SHAPE(3), INF, 1), BG_ERR_ARGUMENT, "normal: mean inf, standard deviation 1")     \
    X(bg_randint(f->graph, BG_F32, BG_SHAPE(3), 0, 2), BG_ERR_DTYPE, "randint: the type is f32, not i32, i64 or u8")   \
    X(bg_randint(f->graph, BG_I64, BG_SHAPE(3), 2, 2), BG_ERR_ARGUMENT, "randint: no i64 from 2 to below 2")           \
    X(bg_randint(f->graph, BG_U8, BG_SHAPE(3), 0, 257), BG_ERR_ARGUMENT, "randint: no u8 from 0 to below 257")         \
    X(bg_randint(f->graph, BG_I32, BG_SHAPE(3), -3000000000, 0), BG_ERR_ARGUMENT,                                      \
      "randint: no i32 from -3000000000 to below 0")                                                                   \
    X(bg_permutation(f->graph, -1), BG_ERR_SHAPE, "permutation: extent -1 of axis 0 is negative: [-1]")                \
    X(bg_bernoulli(f->i3), BG_ERR_DTYPE, "bernoulli: x is i32, not f32 or f64")                                        \
    X(bg_dropout(f->i3, 0.5), BG_ERR_DTYPE, "dropout: x is i32, not f32 or f64")                                       \
    X(bg_dropout(f->x3, 1.5), BG_ERR_ARGUMENT, "dropout: p is 1.5, not between 0 and 1")                               \
    X(bg_dropout(f->x3, NOT_A_NUMBER), BG_ERR_ARGUMENT, "dropout: p is nan, not between 0 and 1")                      \
    X(bg_dropout_channels(f->x3, 0.5), BG_ERR_SHAPE, "dropout_channels: needs x [n, c, ..]: x [3]")                    \
    X(bg_dropout_channels(f->x23, -0.5), BG_ERR_ARGUMENT, "dropout_channels: p is -0.5, not between 0 and 1")          \
    X(bg_alpha_dropout(f->bools, 0.5), BG_ERR_DTYPE, "alpha_dropout: x is bool, not f32 or f64")                       \
    X(bg_alpha_dropout(f->x3, 2), BG_ERR_ARGUMENT, "alpha_dropout: p is 2, not between 0 and 1")
WRONG_CALLS(WRONG)

/* ---- Edges ---- */

EDGE(dropout_none, bg_dropout(x, 0))
EDGE(dropout_all, bg_dropout(x, 1))
EDGE(dropout_channels_all, bg_dropout_channels(x, 1))
EDGE(alpha_dropout_none, bg_alpha_dropout(x, 0))
EDGE(alpha_dropout_all, bg_alpha_dropout(x, 1))
EDGE(bernoulli, bg_bernoulli(x))
static const edge edges[] = {
    { "dropout of nothing", edge_dropout_none, 4, LIST(1, -2, INF, NOT_A_NUMBER), .n_values = 4,
      .value = LIST(1, -2, INF, NOT_A_NUMBER), .dx = LIST(1, 1, 1, 1) },
    { "dropout of all", edge_dropout_all, 4, LIST(1, -2, INF, NOT_A_NUMBER), .n_values = 4, .value = LIST(0, 0, 0, 0),
      .dx = LIST(0, 0, 0, 0) },
    { "dropout of all channels", edge_dropout_channels_all, 4, LIST(1, -2, INF, NOT_A_NUMBER), .shape = MATRIX(2, 2),
      .n_values = 4, .value = LIST(0, 0, 0, 0), .dx = LIST(0, 0, 0, 0) },
    { "alpha dropout of nothing", edge_alpha_dropout_none, 3, LIST(1, -2, INF), .n_values = 3,
      .value = LIST(1, -2, INF), .dx = LIST(1, 1, 1) },
    { "alpha dropout of all", edge_alpha_dropout_all, 3, LIST(1, -2, INF), .n_values = 3, .value = LIST(0, 0, 0),
      .dx = LIST(0, 0, 0) },
    { "bernoulli beyond 0 and 1", edge_bernoulli, 6, LIST(0, 1, -3, 7, INF, NOT_A_NUMBER), .n_values = 6,
      .value = LIST(0, 1, 0, 1, 1, 0), .dx = LIST(0, 0, 0, 0, 0, 0) },
};

const op_family random_family = { .name = "random", FAMILY_CASES, FAMILY_GOLDEN, FAMILY_WRONG, FAMILY_EDGES };
