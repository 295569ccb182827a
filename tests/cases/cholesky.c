/* Triangular systems and the Cholesky factorisation. */
#include "linalg/matrices.h"
#include "matrices.h"

/* ---- Cases ---- */

static const op_variant squares[] = { SQUARES }, systems[] = { SYSTEMS };

/* n: upper, transposed, unit diagonal, and from the right. */
#define SYSTEM(a, b, ...)                                                                                              \
    {                                                                                                                  \
        .x = { a, b }, .n = { __VA_ARGS__ }                                                                            \
    }
static const op_variant triangular_systems[] = {
    SYSTEM(DIMS(1, 1), DIMS(1, 1), 0, 0, 0, 0),       SYSTEM(DIMS(3, 3), DIMS(3, 2), 0, 0, 0, 0),
    SYSTEM(DIMS(3, 3), DIMS(3, 2), 1, 0, 0, 0),       SYSTEM(DIMS(3, 3), DIMS(3, 2), 0, 1, 0, 0),
    SYSTEM(DIMS(3, 3), DIMS(3, 2), 1, 1, 0, 0),       SYSTEM(DIMS(3, 3), DIMS(3, 2), 0, 0, 1, 0),
    SYSTEM(DIMS(3, 3), DIMS(3, 2), 1, 1, 1, 0),       SYSTEM(DIMS(3, 3), DIMS(2, 3), 0, 0, 0, 1),
    SYSTEM(DIMS(3, 3), DIMS(2, 3), 1, 0, 0, 1),       SYSTEM(DIMS(3, 3), DIMS(2, 3), 0, 1, 0, 1),
    SYSTEM(DIMS(3, 3), DIMS(2, 3), 1, 1, 0, 1),       SYSTEM(DIMS(3, 3), DIMS(2, 3), 0, 1, 1, 1),
    SYSTEM(DIMS(3, 3), DIMS(2, 3), 1, 0, 1, 1),       SYSTEM(DIMS(4, 4), DIMS(4), 0, 0, 0, 0),
    SYSTEM(DIMS(4, 4), DIMS(4), 1, 0, 0, 1),          SYSTEM(DIMS(0, 0), DIMS(0, 2), 0, 0, 0, 0),
    SYSTEM(DIMS(3, 3), DIMS(0, 3), 0, 0, 0, 1),       SYSTEM(DIMS(2, 3, 3), DIMS(3, 2), 0, 0, 0, 0),
    SYSTEM(DIMS(3, 3), DIMS(2, 2, 3), 1, 1, 0, 1),    SYSTEM(DIMS(0, 2, 2), DIMS(2, 1), 0, 0, 0, 0),
    SYSTEM(DIMS(2, 1, 3, 3), DIMS(2, 3, 1), 1, 0, 0), SYSTEM(DIMS(17, 17), DIMS(17, 3), 0, 0, 0, 0),
    SYSTEM(DIMS(9, 9), DIMS(17, 9), 0, 1, 0, 1),      SYSTEM(DIMS(17, 2, 2), DIMS(17, 2, 2), 1, 0, 0, 0),
};
static bg_triangular_options triangular_options(const op_variant *v)
{
    return (bg_triangular_options){ v->n[0] ? BG_UPPER : BG_LOWER, v->n[1] != 0, v->n[2] != 0, v->n[3] != 0 };
}
static bg_node *build_solve_triangular(bg_node *const *x, const op_variant *v)
{
    bg_triangular_options options = triangular_options(v);
    return x[0] ? bg_solve_triangular(regular_of(x[0]), x[1], &options) : bg_solve_triangular(NULL, x[1], &options);
}
BUILD(cholesky, x[0] ? bg_cholesky(spd_of(x[0]), BG_LOWER) : NULL)
BUILD(cholesky_upper, x[0] ? bg_cholesky(spd_of(x[0]), BG_UPPER) : NULL)
/* The factor is that of no matrix of the caller's: any triangle will do. */
BUILD(cholesky_solve, x[0] ? bg_cholesky_solve(regular_of(x[0]), x[1], BG_LOWER) : NULL)
BUILD(cholesky_solve_upper, x[0] ? bg_cholesky_solve(regular_of(x[0]), x[1], BG_UPPER) : NULL)
BUILD(half_lower, bgi_half_lower(x[0]))
BUILD(mirror_lower, bgi_mirror_lower(x[0]))
BUILD(matrix_scale, bgi_matrix_scale(x[0], 0))
BUILD(matrix_unscale, x[0] ? bgi_matrix_unscale(x[0], bg_mul_scalar(bgi_matrix_scale(x[0], 0), 4),
                                                bg_mul_scalar(bgi_matrix_scale(x[0], 0), 0.5))
                           : NULL)

static const op_case cases[] = {
    { .name = "half_lower",
      .op = "half_lower",
      .arity = 1,
      .is_ours = true,
      .is_safe = true,
      .build = build_half_lower,
      VARIANTS(squares) },
    { .name = "mirror_lower",
      .op = "mirror_lower",
      .arity = 1,
      .is_ours = true,
      .is_safe = true,
      .build = build_mirror_lower,
      VARIANTS(squares) },
    { .name = "matrix_scale",
      .op = "matrix_scale",
      .arity = 1,
      .gradient = IS_CONSTANT,
      .is_ours = true,
      .is_safe = true,
      .build = build_matrix_scale,
      VARIANTS(squares) },
    { .name = "matrix_unscale",
      .op = "matrix_unscale",
      .arity = 1,
      .is_ours = true,
      .is_safe = true,
      .build = build_matrix_unscale,
      VARIANTS(squares) },
    { .name = "solve_triangular",
      .op = "solve_triangular",
      .arity = 2,
      .rho = 2e-6,
      .build = build_solve_triangular,
      VARIANTS(triangular_systems) },
    { .name = "cholesky", .op = "cholesky", .arity = 1, .rho = 1e-6, .build = build_cholesky, VARIANTS(squares) },
    { .name = "cholesky, upper", .arity = 1, .build = build_cholesky_upper, VARIANTS(squares) },
    { .name = "cholesky_solve", .arity = 2, .rho = 2e-6, .build = build_cholesky_solve, VARIANTS(systems) },
    { .name = "cholesky_solve, upper",
      .arity = 2,
      .rho = 2e-6,
      .build = build_cholesky_solve_upper,
      VARIANTS(systems) },
};

/* ---- Golden values ---- */

static bg_triangle golden_triangle(const golden_case *c) { return golden_integer(c, "upper") ? BG_UPPER : BG_LOWER; }
GOLDEN(cholesky, bg_cholesky(c->x[0], golden_triangle(c)))
GOLDEN(cholesky_solve, bg_cholesky_solve(c->x[0], c->x[1], golden_triangle(c)))
GOLDEN(solve_triangular, bg_solve_triangular(c->x[0], c->x[1],
                                             &(bg_triangular_options){ .triangle = golden_triangle(c),
                                                                       .is_transposed = golden_integer(c, "transposed"),
                                                                       .is_unit = golden_integer(c, "unit"),
                                                                       .is_right = golden_integer(c, "right") }))
static const golden_op golden[] = { GOLDEN_ROW(cholesky), GOLDEN_ROW(cholesky_solve), GOLDEN_ROW(solve_triangular) };

/* ---- Wrong calls ---- */

#define WRONG(X)                                                                                                       \
    X(bg_cholesky(f->x3, BG_LOWER), BG_ERR_SHAPE, "cholesky: needs a matrix, of rank 2 or more: [3]")                  \
    X(bg_cholesky(f->x23, BG_LOWER), BG_ERR_SHAPE, "cholesky: needs as many rows as columns: [2, 3]")                  \
    X(bg_cholesky(f->i3, BG_LOWER), BG_ERR_DTYPE, "cholesky: a is i32, not f32 or f64")                                \
    X(bg_solve_triangular(f->x23, f->x3, NULL), BG_ERR_SHAPE,                                                          \
      "solve_triangular: needs as many rows as columns: [2, 3]")                                                       \
    X(bg_solve_triangular(f->image, f->x3, NULL), BG_ERR_SHAPE,                                                        \
      "solve_triangular: b needs as many rows as a: a [2, 3, 5, 5], b [3]")                                            \
    X(bg_solve_triangular(f->image, f->x23, &(bg_triangular_options){ .is_right = true }), BG_ERR_SHAPE,               \
      "solve_triangular: b needs as many columns as a: a [2, 3, 5, 5], b [2, 3]")                                      \
    X(bg_solve_triangular(f->image, bg_zeros(f->graph, BG_F32, BG_SHAPE(4, 5, 1)), NULL), BG_ERR_SHAPE,                \
      "solve_triangular: leading dimensions do not broadcast together: a [2, 3, 5, 5], b [4, 5, 1]")                   \
    X(bg_solve_triangular(f->image, f->d3, NULL), BG_ERR_DTYPE, "solve_triangular: types differ: a f32, b f64")        \
    X(bg_solve_triangular(f->image, NULL, NULL), BG_ERR_ARGUMENT, "solve_triangular: input 1 is NULL")                 \
    X(bg_cholesky_solve(f->x23, f->x3, BG_UPPER), BG_ERR_SHAPE, "cholesky_solve: needs as many rows as columns: [2, 3]")
WRONG_CALLS(WRONG)

const op_family cholesky_family = { .name = "cholesky", FAMILY_CASES, FAMILY_GOLDEN, FAMILY_WRONG };
