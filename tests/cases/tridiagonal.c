/* Systems with three diagonals. */
#include "matrices.h"

/* lower, diagonal, upper, b. */
#define BANDS(l, d, u, b)                                                                                              \
    {                                                                                                                  \
        .x = { l, d, u, b }                                                                                            \
    }
static const op_variant bands[] = {
    BANDS(DIMS(2), DIMS(3), DIMS(2), DIMS(3, 2)),
    BANDS(DIMS(0), DIMS(1), DIMS(0), DIMS(1, 1)),
    BANDS(DIMS(0), DIMS(1), DIMS(0), DIMS(1)),
    BANDS(DIMS(0), DIMS(0), DIMS(0), DIMS(0, 2)),
    BANDS(DIMS(0), DIMS(0), DIMS(0), DIMS(0)),
    BANDS(DIMS(1), DIMS(2), DIMS(1), DIMS(2, 1)),
    BANDS(DIMS(2), DIMS(3), DIMS(2), DIMS(3)),
    BANDS(DIMS(2), DIMS(3), DIMS(2), DIMS(3, 0)),
    BANDS(DIMS(3), DIMS(4), DIMS(3), DIMS(4, 4)),
    BANDS(DIMS(4), DIMS(5), DIMS(4), DIMS(5)),
    BANDS(DIMS(8), DIMS(9), DIMS(8), DIMS(9, 3)),
    BANDS(DIMS(16), DIMS(17), DIMS(16), DIMS(17, 2)),
    BANDS(DIMS(32), DIMS(33), DIMS(32), DIMS(33, 1)),
    BANDS(DIMS(2, 2), DIMS(2, 3), DIMS(2, 2), DIMS(2, 3, 2)),
    BANDS(DIMS(2), DIMS(2, 3), DIMS(2), DIMS(3, 2)),
    BANDS(DIMS(2), DIMS(3), DIMS(2), DIMS(2, 3, 1)),
    BANDS(DIMS(2, 2), DIMS(3), DIMS(1, 2), DIMS(3)),
    BANDS(DIMS(0, 2), DIMS(3), DIMS(2), DIMS(3, 1)),
    BANDS(DIMS(2, 1, 2), DIMS(3, 3), DIMS(2), DIMS(3, 3, 2)),
    BANDS(DIMS(17, 1), DIMS(17, 2), DIMS(17, 1), DIMS(17, 2, 1)),
    BANDS(DIMS(2, 0), DIMS(2, 0), DIMS(2, 0), DIMS(2, 0, 3)),
    BANDS(DIMS(2, 5), DIMS(2, 6), DIMS(2, 5), DIMS(6)),
};
/* A large diagonal; or one below it that elimination has to exchange. */
static bg_node *above(bg_node *x) { return x ? bg_add_scalar(bg_mul_scalar(x, 0.2), 3) : NULL; }
static bg_node *small(bg_node *x) { return x ? bg_mul_scalar(x, 0.2) : NULL; }
BUILD(steady, bg_solve_tridiagonal(x[0], bg_mul_scalar(above(x[1]), 2), x[2], x[3]))
/* The last rows decide: pivots are large below the diagonal, and the corner of an even number of rows is not small. */
BUILD(below, bg_solve_tridiagonal(above(x[0]), small(x[1]), above(x[2]), x[3]))

static const op_variant even[] = {
    BANDS(DIMS(1), DIMS(2), DIMS(1), DIMS(2, 1)),
    BANDS(DIMS(1), DIMS(2), DIMS(1), DIMS(2)),
    BANDS(DIMS(1), DIMS(2), DIMS(1), DIMS(2, 3)),
    BANDS(DIMS(0), DIMS(0), DIMS(0), DIMS(0, 2)),
    BANDS(DIMS(3), DIMS(4), DIMS(3), DIMS(4, 1)),
    BANDS(DIMS(3), DIMS(4), DIMS(3), DIMS(4)),
    BANDS(DIMS(3), DIMS(4), DIMS(3), DIMS(4, 0)),
    BANDS(DIMS(3), DIMS(4), DIMS(3), DIMS(4, 5)),
    BANDS(DIMS(5), DIMS(6), DIMS(5), DIMS(6, 2)),
    BANDS(DIMS(5), DIMS(6), DIMS(5), DIMS(6)),
    BANDS(DIMS(7), DIMS(8), DIMS(7), DIMS(8, 1)),
    BANDS(DIMS(7), DIMS(8), DIMS(7), DIMS(8, 9)),
    BANDS(DIMS(9), DIMS(10), DIMS(9), DIMS(10)),
    BANDS(DIMS(2, 1), DIMS(2, 2), DIMS(2, 1), DIMS(2, 2, 2)),
    BANDS(DIMS(3), DIMS(2, 4), DIMS(3), DIMS(4, 2)),
    BANDS(DIMS(3), DIMS(4), DIMS(3), DIMS(2, 4, 1)),
    BANDS(DIMS(2, 3), DIMS(4), DIMS(1, 3), DIMS(4)),
    BANDS(DIMS(0, 1), DIMS(2), DIMS(1), DIMS(2, 1)),
    BANDS(DIMS(2, 1, 1), DIMS(3, 2), DIMS(1), DIMS(3, 2, 2)),
    BANDS(DIMS(17, 1), DIMS(17, 2), DIMS(17, 1), DIMS(17, 2, 1)),
};
static const op_case cases[] = {
    { .name = "solve_tridiagonal",
      .op = "solve_tridiagonal",
      .arity = 4,
      .rho = 2e-6,
      .build = build_steady,
      VARIANTS(bands) },
    { .name = "solve_tridiagonal, exchanging rows", .arity = 4, .rho = 2e-6, .build = build_below, VARIANTS(even) },
};
GOLDEN(solve_tridiagonal, bg_solve_tridiagonal(c->x[0], c->x[1], c->x[2], c->x[3]))
static const golden_op golden[] = { GOLDEN_ROW(solve_tridiagonal) };

#define WRONG(X)                                                                                                       \
    X(bg_solve_tridiagonal(f->x3, f->x4, f->x3, f->x3), BG_ERR_SHAPE,                                                  \
      "solve_tridiagonal: b needs as many rows as the diagonal has elements: lower [3], diagonal [4], upper [3], b "   \
      "[3]")                                                                                                           \
    X(bg_solve_tridiagonal(f->x3, f->x3, f->x3, f->x3), BG_ERR_SHAPE,                                                  \
      "solve_tridiagonal: lower and upper need one element fewer than the diagonal: lower [3], diagonal [3], upper "   \
      "[3], b [3]")                                                                                                    \
    X(bg_solve_tridiagonal(f->x3, f->scalar, f->x3, f->x3), BG_ERR_SHAPE,                                              \
      "solve_tridiagonal: each needs an axis: lower [3], diagonal [], upper [3], b [3]")                               \
    X(bg_solve_tridiagonal(f->x23, f->x34, f->x3, f->x4), BG_ERR_SHAPE,                                                \
      "solve_tridiagonal: leading dimensions do not broadcast together: lower [2, 3], diagonal [3, 4], upper [3], b "  \
      "[4]")                                                                                                           \
    X(bg_solve_tridiagonal(f->x3, f->x4, f->x3, f->d3), BG_ERR_DTYPE,                                                  \
      "solve_tridiagonal: types differ: lower f32, b f64")                                                             \
    X(bg_solve_tridiagonal(f->i3, f->x4, f->x3, f->x4), BG_ERR_DTYPE,                                                  \
      "solve_tridiagonal: lower is i32, not f32 or f64")                                                               \
    X(bg_solve_tridiagonal(f->x3, f->x4, NULL, f->x4), BG_ERR_ARGUMENT, "solve_tridiagonal: input 2 is NULL")
WRONG_CALLS(WRONG)

const op_family tridiagonal_family = { .name = "tridiagonal", FAMILY_CASES, FAMILY_GOLDEN, FAMILY_WRONG };
