/* Powers of matrices, distances and densities of normal distributions. */
#include "matrices.h"

/* ---- Cases ---- */

#define POWER(exponent, ...)                                                                                           \
    {                                                                                                                  \
        .x = { DIMS(__VA_ARGS__) }, .n = { exponent }                                                                  \
    }
static const op_variant powers[] = {
    POWER(0, 3, 3),    POWER(1, 3, 3),    POWER(2, 3, 3),        POWER(3, 3, 3),    POWER(7, 3, 3),
    POWER(23, 2, 2),   POWER(-1, 3, 3),   POWER(-2, 3, 3),       POWER(-3, 4, 4),   POWER(5, 1, 1),
    POWER(2, 0, 0),    POWER(0, 0, 0),    POWER(-1, 0, 0),       POWER(2, 2, 3, 3), POWER(-2, 2, 2, 2),
    POWER(3, 0, 2, 2), POWER(4, 2, 0, 0), POWER(15, 2, 3, 2, 2), POWER(0, 2, 3, 3), POWER(-5, 17, 2, 2),
    POWER(2, 9, 9),    POWER(6, 5, 5),
};
/* Of a norm near 1. */
BUILD(matrix_power, x[0] ? bg_matrix_power(bg_mul_scalar(regular_of(x[0]), 0.5), v->n[0]) : NULL)

static const op_variant distributions[] = {
    TRIPLE(DIMS(1), DIMS(1), DIMS(1, 1)),
    TRIPLE(DIMS(3), DIMS(3), DIMS(3, 3)),
    TRIPLE(DIMS(5, 3), DIMS(3), DIMS(3, 3)),
    TRIPLE(DIMS(3), DIMS(5, 3), DIMS(3, 3)),
    TRIPLE(DIMS(2, 5, 3), DIMS(5, 3), DIMS(3, 3)),
    TRIPLE(DIMS(3), DIMS(3), DIMS(2, 3, 3)),
    TRIPLE(DIMS(2, 3), DIMS(2, 3), DIMS(2, 3, 3)),
    TRIPLE(DIMS(5, 1, 3), DIMS(2, 3), DIMS(2, 3, 3)),
    TRIPLE(DIMS(2, 5, 3), DIMS(3), DIMS(2, 1, 3, 3)),
    TRIPLE(DIMS(5, 2, 3), DIMS(3), DIMS(1, 2, 3, 3)),
    TRIPLE(DIMS(2, 3, 4, 2), DIMS(2), DIMS(3, 1, 2, 2)),
    TRIPLE(DIMS(4, 2), DIMS(3, 1, 2), DIMS(2, 1, 1, 2, 2)),
    TRIPLE(DIMS(0, 3), DIMS(3), DIMS(3, 3)),
    TRIPLE(DIMS(3), DIMS(3), DIMS(0, 3, 3)),
    TRIPLE(DIMS(0), DIMS(0), DIMS(0, 0)),
    TRIPLE(DIMS(4, 0), DIMS(0), DIMS(0, 0)),
    TRIPLE(DIMS(2, 4, 0), DIMS(0), DIMS(2, 1, 0, 0)),
    TRIPLE(DIMS(17, 4), DIMS(4), DIMS(4, 4)),
    TRIPLE(DIMS(17, 9), DIMS(1, 9), DIMS(9, 9)),
    TRIPLE(DIMS(1, 2), DIMS(2), DIMS(17, 2, 2)),
    TRIPLE(DIMS(17, 17), DIMS(17), DIMS(17, 17)),
};
static bg_node *factor_of(bg_node *x) { return x ? bg_tril(regular_of(x), 0) : NULL; }
/* Far enough from the mean for the distance to have a derivative. */
BUILD(mahalanobis,
      x[1] ? bg_mahalanobis(x[0], bg_add_scalar(x[1], 6), factor_of(x[2])) : bg_mahalanobis(x[0], NULL, NULL))
static bg_node *build_density(bg_node *const *x, const op_variant *v)
{
    (void)v;
    return bg_gaussian_log_density(x[0], x[1], factor_of(x[2]));
}

static const op_case cases[] = {
    { .name = "matrix_power",
      .op = "matrix_power",
      .arity = 1,
      .rho = 4e-6,
      .build = build_matrix_power,
      VARIANTS(powers) },
    { .name = "mahalanobis", .arity = 3, .rho = 2e-6, .build = build_mahalanobis, VARIANTS(distributions) },
    { .name = "gaussian_log_density", .arity = 3, .rho = 2e-6, .build = build_density, VARIANTS(distributions) },
};

/* ---- Golden values ---- */

GOLDEN(matrix_power, bg_matrix_power(c->x[0], golden_integer(c, "exponent")))
GOLDEN(mahalanobis, bg_mahalanobis(c->x[0], c->x[1], c->x[2]))
GOLDEN(gaussian_log_density, bg_gaussian_log_density(c->x[0], c->x[1], c->x[2]))
static const golden_op golden[] = { GOLDEN_ROW(matrix_power), GOLDEN_ROW(mahalanobis),
                                    GOLDEN_ROW(gaussian_log_density) };

/* ---- Wrong calls ---- */

#define WRONG(X)                                                                                                       \
    X(bg_matrix_power(f->x23, 2), BG_ERR_SHAPE, "matrix_power: needs as many rows as columns: [2, 3]")                 \
    X(bg_mahalanobis(f->x3, f->x4, bg_eye(f->graph, BG_F32, 3, 3)), BG_ERR_SHAPE,                                      \
      "mahalanobis: vectors and matrices do not fit together: x [3], mean [4], factor [3, 3]")                         \
    X(bg_mahalanobis(f->x3, f->scalar, bg_eye(f->graph, BG_F32, 3, 3)), BG_ERR_SHAPE,                                  \
      "mahalanobis: vectors and matrices do not fit together: x [3], mean [], factor [3, 3]")                          \
    X(bg_mahalanobis(f->x23, bg_zeros(f->graph, BG_F32, BG_SHAPE(4, 3)), bg_eye(f->graph, BG_F32, 3, 3)),              \
      BG_ERR_SHAPE, "mahalanobis: vectors and matrices do not fit together: x [2, 3], mean [4, 3], factor [3, 3]")     \
    X(bg_mahalanobis(f->x3, f->x3, f->x23), BG_ERR_SHAPE, "mahalanobis: needs as many rows as columns: [2, 3]")        \
    X(bg_mahalanobis(f->x3, NULL, f->x23), BG_ERR_ARGUMENT, "mahalanobis: input 1 is NULL")                            \
    X(bg_gaussian_log_density(f->x3, f->d3, f->x23), BG_ERR_DTYPE,                                                     \
      "gaussian_log_density: types differ: x f32, mean f64")                                                           \
    X(bg_gaussian_log_density(f->x4, f->x4, f->x23), BG_ERR_SHAPE,                                                     \
      "gaussian_log_density: needs as many rows as columns: [2, 3]")
WRONG_CALLS(WRONG)

/* ---- Edges ---- */

static bg_node *unit_factor(bg_node *x) { return bg_eye(bg_node_graph(x), bg_node_dtype(x), 2, 2); }
EDGE(mahalanobis, bg_mahalanobis(x, bg_zeros(bg_node_graph(x), bg_node_dtype(x), BG_SHAPE(2)), unit_factor(x)))
EDGE(power_0, bg_matrix_power(x, 0))

static const edge edges[] = {
    { "mahalanobis at the mean",
      edge_mahalanobis,
      2,
      { 0, 0 },
      .shape = VECTOR(2),
      .n_values = 1,
      .value = { 0 },
      .dx = { 0, 0 },
      .is_kink = true },
    { "mahalanobis far away",
      edge_mahalanobis,
      2,
      { 3e30, 4e30 },
      .shape = VECTOR(2),
      .n_values = 1,
      .value = { 5e30 },
      .dx = { 0.6, 0.8 },
      .tolerance = 1e-6 },
    { "matrix_power 0 of zeros",
      edge_power_0,
      4,
      { 0, 0, 0, 0 },
      .shape = MATRIX(2, 2),
      .n_values = 4,
      .value = { 1, 0, 0, 1 },
      .dx = { 0 } },
};

const op_family gaussian_family = { .name = "gaussian", FAMILY_CASES, FAMILY_GOLDEN, FAMILY_WRONG, FAMILY_EDGES };
