/* Lengths, angles and distances of vectors. */
#include "cases.h"

#include <math.h>

/* ---- Cases ---- */

/* n[0] is an axis, n[1] ten times p or -1 for infinity. */
static double exponent(const op_variant *v) { return v->n[1] < 0 ? INF : (double)v->n[1] / 10; }

static const op_variant normed[] = {
    WITH(DIMS(1), 0, 20),       WITH(DIMS(3), 0, 20),        WITH(DIMS(3), -1, 10),         WITH(DIMS(9), 0, 30),
    WITH(DIMS(2, 3), 0, 20),    WITH(DIMS(2, 3), 1, 20),     WITH(DIMS(2, 3), 1, 10),       WITH(DIMS(2, 3), 1, -1),
    WITH(DIMS(2, 3), 0, 25),    WITH(DIMS(0), 0, 20),        WITH(DIMS(0, 3), 0, 20),       WITH(DIMS(0, 3), 1, 20),
    WITH(DIMS(3, 0), 1, -1),    WITH(DIMS(1, 5), 0, 20),     WITH(DIMS(5, 1), 1, 20),       WITH(DIMS(17, 9), 1, 20),
    WITH(DIMS(17, 9), 0, 20),   WITH(DIMS(3, 300), 1, 20),   WITH(DIMS(300, 3), 0, 20),     WITH(DIMS(2, 3, 4), 1, 20),
    WITH(DIMS(2, 3, 4), 2, 30), WITH(DIMS(2, 3, 4), -3, 10), WITH(DIMS(2, 1, 3, 2), 1, 20), WITH(DIMS(65, 8), 1, 20),
};

#define ALONG(a, b, along)                                                                                             \
    {                                                                                                                  \
        .x = { a, b }, .n = { along }                                                                                  \
    }
static const op_variant angles[] = {
    ALONG(DIMS(1), DIMS(1), 0),
    ALONG(DIMS(3), DIMS(3), 0),
    ALONG(DIMS(9), DIMS(9), -1),
    ALONG(DIMS(2, 3), DIMS(2, 3), 0),
    ALONG(DIMS(2, 3), DIMS(2, 3), 1),
    ALONG(DIMS(2, 3), DIMS(3), 1),
    ALONG(DIMS(3), DIMS(2, 3), 0),
    ALONG(DIMS(3), DIMS(2, 3), 1),
    ALONG(DIMS(2, 1), DIMS(1, 3), 0),
    ALONG(DIMS(2, 1), DIMS(1, 3), 1),
    ALONG(DIMS(4, 1, 3), DIMS(5, 3), -1),
    ALONG(DIMS(2, 3, 4), DIMS(2, 3, 4), 1),
    ALONG(DIMS(2, 3, 4), DIMS(1, 3, 1), 1),
    ALONG(DIMS(0), DIMS(0), 0),
    ALONG(DIMS(0, 3), DIMS(0, 3), 0),
    ALONG(DIMS(0, 3), DIMS(1, 3), 1),
    ALONG(DIMS(3, 0), DIMS(3, 0), 1),
    ALONG(DIMS(17, 9), DIMS(17, 9), 1),
    ALONG(DIMS(65, 8), DIMS(8), 1),
    ALONG(DIMS(2, 300), DIMS(2, 300), 1),
    ALONG(DIMS(300, 2), DIMS(300, 2), 0),
    ALONG(DIMS(1, 1), DIMS(1, 1), 1),
};

/* Two shapes with n. */
#define POINTS(a, b, ...)                                                                                              \
    {                                                                                                                  \
        .x = { a, b }, .n = { __VA_ARGS__ }                                                                            \
    }
static const op_variant pairs[] = {
    POINTS(DIMS(1), DIMS(1), 0, 20),          POINTS(DIMS(3), DIMS(3), 0, 20),
    POINTS(DIMS(3), DIMS(3), 0, 10),          POINTS(DIMS(3), DIMS(3), 0, -1),
    POINTS(DIMS(3), DIMS(3), 0, 30),          POINTS(DIMS(3), DIMS(1), 0, 20),
    POINTS(DIMS(2, 3), DIMS(2, 3), 0, 20),    POINTS(DIMS(2, 3), DIMS(2, 3), 0, 10),
    POINTS(DIMS(2, 3), DIMS(2, 3), 0, 15),    POINTS(DIMS(2, 3), DIMS(2, 3), 0, -1),
    POINTS(DIMS(2, 3), DIMS(3), 0, 20),       POINTS(DIMS(3), DIMS(2, 3), 0, 20),
    POINTS(DIMS(4, 1, 3), DIMS(5, 3), 0, 20), POINTS(DIMS(2, 3, 4), DIMS(2, 3, 4), 0, 20),
    POINTS(DIMS(0, 3), DIMS(0, 3), 0, 20),    POINTS(DIMS(3, 0), DIMS(3, 0), 0, 20),
    POINTS(DIMS(3, 0), DIMS(3, 0), 0, -1),    POINTS(DIMS(17, 9), DIMS(17, 9), 0, 20),
    POINTS(DIMS(65, 2), DIMS(2), 0, 20),      POINTS(DIMS(2, 300), DIMS(2, 300), 0, 20),
    POINTS(DIMS(5, 1), DIMS(5, 1), 0, 20),
};
static const op_variant clouds[] = {
    POINTS(DIMS(1, 1), DIMS(1, 1), 0, 20),
    POINTS(DIMS(2, 3), DIMS(4, 3), 0, 20),
    POINTS(DIMS(2, 3), DIMS(2, 3), 0, 20),
    POINTS(DIMS(2, 3), DIMS(4, 3), 0, 10),
    POINTS(DIMS(1, 2), DIMS(2, 2), 0, -1),
    POINTS(DIMS(2, 3), DIMS(4, 3), 0, 30),
    POINTS(DIMS(2, 3), DIMS(4, 3), 0, 15),
    POINTS(DIMS(3, 1), DIMS(4, 1), 0, 20),
    POINTS(DIMS(3, 1), DIMS(4, 1), 0, -1),
    POINTS(DIMS(1, 5), DIMS(6, 5), 0, 20),
    POINTS(DIMS(6, 5), DIMS(1, 5), 0, 20),
    POINTS(DIMS(6, 5), DIMS(1, 5), 0, 10),
    POINTS(DIMS(0, 3), DIMS(4, 3), 0, 20),
    POINTS(DIMS(3, 3), DIMS(0, 3), 0, 20),
    POINTS(DIMS(3, 0), DIMS(2, 0), 0, 20),
    POINTS(DIMS(3, 0), DIMS(2, 0), 0, -1),
    POINTS(DIMS(2, 3, 2), DIMS(2, 4, 2), 0, 20),
    POINTS(DIMS(2, 3, 2), DIMS(4, 2), 0, 20),
    POINTS(DIMS(3, 2), DIMS(2, 4, 2), 0, 10),
    POINTS(DIMS(2, 1, 3, 2), DIMS(3, 4, 2), 0, 20),
    POINTS(DIMS(1, 2, 1, 1, 2, 1, 2, 2), DIMS(3, 2), 0, 20),
    POINTS(DIMS(17, 9), DIMS(5, 9), 0, 20),
    POINTS(DIMS(3, 33), DIMS(9, 33), 0, 10),
    POINTS(DIMS(2, 3), DIMS(65, 3), 0, 30),
};

BUILD(normalize, bg_normalize(x[0], (int)v->n[0], exponent(v), 1e-12))
BUILD(normalize_below, bg_normalize(x[0], (int)v->n[0], exponent(v), 1e3))
BUILD(cosine_similarity, bg_cosine_similarity(x[0], x[1], (int)v->n[0], 1e-8))
BUILD(pairwise_distance, bg_pairwise_distance(x[0], x[1], exponent(v), 1e-6))
BUILD(cdist, bg_cdist(x[0], x[1], exponent(v)))
BUILD(cdist_0, bg_cdist(x[0], x[1], 0))

static const op_case cases[] = {
    { .name = "normalize", .arity = 1, .domains = { IS_ABOVE_ONE }, .build = build_normalize, VARIANTS(normed) },
    { .name = "normalize, below eps",
      .arity = 1,
      .domains = { IS_NOT_0 },
      .build = build_normalize_below,
      VARIANTS(normed) },
    { .name = "cosine_similarity",
      .arity = 2,
      .domains = { IS_NOT_0, IS_NOT_0 },
      .sums = true,
      .is_apart = true,
      .build = build_cosine_similarity,
      VARIANTS(angles) },
    { .name = "pairwise_distance",
      .arity = 2,
      .domains = { IS_ABOVE_ONE, IS_SMALL },
      .sums = true,
      .is_apart = true,
      .build = build_pairwise_distance,
      VARIANTS(pairs) },
    { .name = "cdist",
      .op = "cdist",
      .arity = 2,
      .domains = { IS_ABOVE_ONE, IS_SMALL },
      .sums = true,
      .is_apart = true,
      .build = build_cdist,
      VARIANTS(clouds) },
    { .name = "cdist, negative differences",
      .op = "cdist",
      .arity = 2,
      .domains = { IS_BELOW_ONE, IS_ABOVE_ONE },
      .sums = true,
      .is_apart = true,
      .build = build_cdist,
      VARIANTS(clouds) },
    { .name = "cdist, p 0",
      .arity = 2,
      .domains = { IS_ABOVE_ONE, IS_SMALL },
      .gradient = IS_CONSTANT,
      .is_apart = true,
      .build = build_cdist_0,
      VARIANTS(clouds) },
};

/* ---- Golden values ---- */

static double golden_exponent(const golden_case *c) { return golden_number(c->record, "p"); }
GOLDEN(normalize, bg_normalize(c->x[0], golden_integer(c, "axis"), golden_exponent(c), golden_number(c->record, "eps")))
GOLDEN(cosine_similarity,
       bg_cosine_similarity(c->x[0], c->x[1], golden_integer(c, "axis"), golden_number(c->record, "eps")))
GOLDEN(pairwise_distance, bg_pairwise_distance(c->x[0], c->x[1], golden_exponent(c), golden_number(c->record, "eps")))
GOLDEN(cdist, bg_cdist(c->x[0], c->x[1], golden_exponent(c)))
static const golden_op golden[] = { GOLDEN_ROW(normalize), GOLDEN_ROW(cosine_similarity), GOLDEN_ROW(pairwise_distance),
                                    GOLDEN_ROW(cdist) };

/* ---- Wrong calls ---- */

#define WRONG(X)                                                                                                       \
    X(bg_normalize(f->x23, 2, 2, 0), BG_ERR_ARGUMENT, "normalize: x [2, 3] has no axis 2")                             \
    X(bg_normalize(f->x23, 0, -1, 0), BG_ERR_ARGUMENT, "normalize: p is -1, not at least 0")                           \
    X(bg_normalize(f->x23, 0, 2, -1), BG_ERR_ARGUMENT, "normalize: eps is -1, not a number of at least 0")             \
    X(bg_normalize(f->i3, 0, 2, 0), BG_ERR_DTYPE, "normalize: x is i32, not f32 or f64")                               \
    X(bg_cosine_similarity(f->x23, f->x4, 0, 0), BG_ERR_SHAPE,                                                         \
      "cosine_similarity: shapes do not broadcast together: x [2, 3], y [4]")                                          \
    X(bg_cosine_similarity(f->x23, f->x3, 2, 0), BG_ERR_ARGUMENT, "cosine_similarity: x [2, 3] has no axis 2")         \
    X(bg_cosine_similarity(f->x3, f->d3, 0, 0), BG_ERR_DTYPE, "cosine_similarity: types differ: x f32, y f64")         \
    X(bg_cosine_similarity(f->x3, f->x3, 0, NOT_A_NUMBER), BG_ERR_ARGUMENT,                                            \
      "cosine_similarity: eps is nan, not a number of at least 0")                                                     \
    X(bg_pairwise_distance(f->x23, f->x4, 2, 0), BG_ERR_SHAPE,                                                         \
      "pairwise_distance: shapes do not broadcast together: x [2, 3], y [4]")                                          \
    X(bg_pairwise_distance(f->scalar, f->scalar, 2, 0), BG_ERR_SHAPE,                                                  \
      "pairwise_distance: needs rank 1 or more: x [], y []")                                                           \
    X(bg_pairwise_distance(f->x3, f->x3, -2, 0), BG_ERR_ARGUMENT, "pairwise_distance: p is -2, not at least 0")        \
    X(bg_pairwise_distance(f->x3, f->i3, 2, 0), BG_ERR_DTYPE, "pairwise_distance: y is i32, not f32 or f64")           \
    X(bg_cdist(f->x23, f->x34, 2), BG_ERR_SHAPE, "cdist: needs x [.., m, d], y [.., n, d]: x [2, 3], y [3, 4]")        \
    X(bg_cdist(f->x3, f->x23, 2), BG_ERR_SHAPE, "cdist: needs x [.., m, d], y [.., n, d]: x [3], y [2, 3]")            \
    X(bg_cdist(f->x243, bg_broadcast(f->x23, BG_SHAPE(3, 2, 3)), 2), BG_ERR_SHAPE,                                     \
      "cdist: leading dimensions do not broadcast together: x [2, 4, 3], y [3, 2, 3]")                                 \
    X(bg_cdist(f->x23, f->x23, NOT_A_NUMBER), BG_ERR_ARGUMENT, "cdist: p is nan, not at least 0")                      \
    X(bg_cdist(f->x23, f->d23, 2), BG_ERR_DTYPE, "cdist: types differ: x f32, y f64")
WRONG_CALLS(WRONG)

/* ---- Edges ---- */

EDGE(normalize, bg_normalize(x, 0, 2, 1e-12))
EDGE(normalize_5, bg_normalize(x, 0, 2, 5))
EDGE(normalize_6, bg_normalize(x, 0, 2, 6))
EDGE(similarity, bg_cosine_similarity(x, y, 0, 1e-8))
EDGE(pairwise_1, bg_pairwise_distance(x, y, 1, 0))
EDGE(pairwise_2, bg_pairwise_distance(x, y, 2, 0))
EDGE(pairwise_inf, bg_pairwise_distance(x, y, INF, 0))
EDGE(cdist_half, bg_cdist(x, y, 0.5))
EDGE(cdist_1, bg_cdist(x, y, 1))
EDGE(cdist_2, bg_cdist(x, y, 2))
EDGE(cdist_3, bg_cdist(x, y, 3))
EDGE(cdist_inf, bg_cdist(x, y, INF))
#define AT_0(name, build)                                                                                              \
    {                                                                                                                  \
        name, build, 2, .shape = MATRIX(1, 2), .x = LIST(3, -4), .y = LIST(3, -4), .n_values = 1, .value = LIST(0),    \
                        .dx = LIST(0, 0), .dy = LIST(0, 0), .has_dy = true                                             \
    }
static const edge edges[] = {
    { "normalize at 0", edge_normalize, 2, .x = LIST(0, 0), .n_values = 2, .value = LIST(0, 0), .dx = LIST(1e12, 1e12),
      .tolerance = 1e-6 },
    { "normalize at eps", edge_normalize_5, 2, .x = LIST(3, 4), .n_values = 2, .value = LIST(0.6, 0.8),
      .dx = LIST(0.032, -0.024), .tolerance = 1e-6 },
    { "normalize below eps", edge_normalize_6, 2, .x = LIST(3, 4), .n_values = 2, .value = LIST(0.5, 2. / 3),
      .dx = LIST(1. / 6, 1. / 6), .tolerance = 1e-6 },
    { "cosine_similarity at 0", edge_similarity, 2, .x = LIST(0, 0), .y = LIST(3, 4), .n_values = 1, .value = LIST(0),
      .dx = LIST(6e7, 8e7), .dy = LIST(0, 0), .has_dy = true, .tolerance = 1e-6 },
    { "cosine_similarity below eps", edge_similarity, 2, .x = LIST(1e-10, 0), .y = LIST(1, 0), .n_values = 1,
      .value = LIST(0.01), .dx = LIST(99e6, 0), .dy = LIST(0, 0), .has_dy = true, .tolerance = 1e-6 },
    { "cosine_similarity of overflowing norms", edge_similarity, 2, .x = LIST(1e200, 1e200), .y = LIST(1, 1),
      .n_values = 1, .value = LIST(0), .dx = LIST(0, 0), .dy = LIST(0, 0), .has_dy = true, .only_f64 = true },
    AT_0("pairwise_distance at 0, p 1", edge_pairwise_1),
    AT_0("pairwise_distance at 0, p 2", edge_pairwise_2),
    AT_0("pairwise_distance at 0, p inf", edge_pairwise_inf),
    AT_0("cdist at 0, p 0.5", edge_cdist_half),
    AT_0("cdist at 0, p 1", edge_cdist_1),
    AT_0("cdist at 0, p 2", edge_cdist_2),
    AT_0("cdist at 0, p 3", edge_cdist_3),
    AT_0("cdist at 0, p inf", edge_cdist_inf),
    { "cdist, equal largest differences share", edge_cdist_inf, 2, .shape = MATRIX(1, 2), .x = LIST(1, 2),
      .y = LIST(3, 0), .n_values = 1, .value = LIST(2), .dx = LIST(-0.5, 0.5), .dy = LIST(0.5, -0.5), .has_dy = true },
    { "cdist of close points keeps its digits", edge_cdist_2, 2, .shape = MATRIX(1, 2), .x = LIST(4096, 1024),
      .y = LIST(4096.0048828125, 1024.0048828125), .n_values = 1, .value = LIST(0.00690533966002488),
      .dx = LIST(-0.70710678118654752, -0.70710678118654752), .dy = LIST(0.70710678118654752, 0.70710678118654752),
      .has_dy = true, .tolerance = 2e-7 },
};

const op_family distances_family = { .name = "distances", FAMILY_CASES, FAMILY_GOLDEN, FAMILY_WRONG, FAMILY_EDGES };
