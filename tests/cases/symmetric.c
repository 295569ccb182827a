/* Functions of symmetric matrices, and the exponential of any. */
#include "linalg/symmetric.h"
#include "linalg/matrix_exp.h"
#include "matrices.h"

/* ---- Cases ---- */

static const op_variant squares[] = { SQUARES };
static const op_variant pairs[] = {
    SAME(1, 1),     SAME(2, 2),       SAME(3, 3),    SAME(4, 4),    SAME(5, 5),    SAME(7, 7),    SAME(8, 8),
    SAME(9, 9),     SAME(12, 12),     SAME(17, 17),  SAME(0, 0),    SAME(0, 3, 3), SAME(2, 0, 0), SAME(2, 3, 3),
    SAME(17, 2, 2), SAME(2, 3, 2, 2), SAME(1, 1, 1), SAME(2, 1, 1), SAME(3, 2, 2), SAME(5, 4, 4), SAME(1, 2, 3, 3),
};

#define FUNCTION(name, function) BUILD(name, x[0] ? function : NULL)
FUNCTION(sqrt, bg_symmetric_sqrt(spd_of(x[0])))
FUNCTION(inverse_sqrt, bg_symmetric_inverse_sqrt(spd_of(x[0])))
FUNCTION(exp, bg_symmetric_exp(spd_of(x[0])))
FUNCTION(log, bg_symmetric_log(spd_of(x[0])))
FUNCTION(power, bg_symmetric_power(spd_of(x[0]), 1.7))
FUNCTION(cube, bg_symmetric_power(bg_sub(spd_of(x[0]), bg_mul_scalar(identity_like(x[0]), 2)), 3))
FUNCTION(power_20, bg_symmetric_power(bg_mul_scalar(spd_of(x[0]), 0.4), 20))
FUNCTION(inverse, bg_symmetric_power(spd_of(x[0]), -1))
FUNCTION(matrix_exp, bg_matrix_exp(x[0]))
/* Of all degrees and with squarings. */
FUNCTION(matrix_exp_small, bg_matrix_exp(bg_mul_scalar(x[0], 0.003)))
FUNCTION(matrix_exp_less, bg_matrix_exp(bg_mul_scalar(x[0], 0.05)))
FUNCTION(matrix_exp_large, bg_matrix_exp(bg_sub(bg_mul_scalar(x[0], 3), bg_mul_scalar(identity_like(x[0]), 20))))
BUILD(matrix_exp_derivative, x[0] && x[1] ? bgi_matrix_exp_derivative(x[0], x[1]) : NULL)

/* The derivatives of the logarithm at a matrix that does not vary, whose third one is not needed then. */
static bg_node *of_log(bg_node *(*derivative)(const bgi_function *f, bg_node *a, bg_node *packed, bg_node *const *x),
                       bg_node *const *x)
{
    static const bgi_function f = { BGI_OF_LOG, 0 };
    if (!x[0])
        return NULL;
    bg_node *half = bg_broadcast(bg_scalar(bg_node_graph(x[0]), bg_node_dtype(x[0]), 0.5), bg_node_shape(x[0]));
    bg_node *a = spread_of(half);
    return derivative(&f, a, bgi_eigen_packed("symmetric_log", a, BG_LOWER), x);
}
static bg_node *first(const bgi_function *f, bg_node *a, bg_node *packed, bg_node *const *x)
{
    return bgi_symmetric_derivative(f, a, packed, x[0]);
}
static bg_node *second(const bgi_function *f, bg_node *a, bg_node *packed, bg_node *const *x)
{
    return bgi_symmetric_second(f, a, packed, x[0], x[1]);
}
BUILD(derivative, of_log(first, x))
BUILD(second, x[1] ? of_log(second, x) : NULL)
static bg_node *apply(const bgi_function *f, bg_node *a, bg_node *packed, bg_node *const *x)
{
    (void)a, (void)x;
    return bgi_symmetric_apply(f, packed);
}
static bg_node *first_apply(const bgi_function *f, bg_node *a, bg_node *packed, bg_node *const *x)
{
    (void)a;
    return bgi_symmetric_derivative_apply(f, x[0], packed);
}
static bg_node *second_apply(const bgi_function *f, bg_node *a, bg_node *packed, bg_node *const *x)
{
    (void)a;
    return bgi_symmetric_second_apply(f, x[0], x[1], packed);
}
BUILD(apply, of_log(apply, x))
BUILD(derivative_apply, of_log(first_apply, x))
BUILD(second_apply, x[1] ? of_log(second_apply, x) : NULL)

/* In f32: some 17 roundings, in functions that are steeper than their arguments by up to 10. */
#define RHO 1e-5
#define WITHIN(text, of, inputs, table)                                                                                \
    {                                                                                                                  \
        .name = text, .op = text, .arity = inputs, .rho = RHO, .is_ours = true, .is_safe = true, .build = of,          \
        VARIANTS(table)                                                                                                \
    }
static const op_case cases[] = {
    { .name = "symmetric_sqrt",
      .op = "symmetric_function",
      .arity = 1,
      .rho = RHO,
      .build = build_sqrt,
      VARIANTS(squares) },
    { .name = "symmetric_inverse_sqrt", .arity = 1, .rho = RHO, .build = build_inverse_sqrt, VARIANTS(squares) },
    { .name = "symmetric_exp", .arity = 1, .rho = RHO, .build = build_exp, VARIANTS(squares) },
    { .name = "symmetric_log", .arity = 1, .rho = RHO, .build = build_log, VARIANTS(squares) },
    { .name = "symmetric_power", .arity = 1, .rho = RHO, .build = build_power, VARIANTS(squares) },
    { .name = "symmetric_power, 3", .arity = 1, .rho = RHO, .build = build_cube, VARIANTS(squares) },
    { .name = "symmetric_power, 20", .arity = 1, .rho = RHO, .build = build_power_20, VARIANTS(squares) },
    { .name = "symmetric_power, -1", .arity = 1, .rho = RHO, .build = build_inverse, VARIANTS(squares) },
    { .name = "symmetric_apply",
      .op = "symmetric_apply",
      .arity = 1,
      .rho = RHO,
      .gradient = IS_CONSTANT,
      .is_ours = true,
      .is_safe = true,
      .build = build_apply,
      VARIANTS(squares) },
    WITHIN("symmetric_derivative", build_derivative, 1, squares),
    WITHIN("symmetric_derivative_apply", build_derivative_apply, 1, squares),
    WITHIN("symmetric_second", build_second, 2, pairs),
    WITHIN("symmetric_second_apply", build_second_apply, 2, pairs),
    { .name = "matrix_exp", .op = "matrix_exp", .arity = 1, .rho = RHO, .build = build_matrix_exp, VARIANTS(squares) },
    { .name = "matrix_exp, 0.003", .arity = 1, .build = build_matrix_exp_small, VARIANTS(squares) },
    { .name = "matrix_exp, 0.05", .arity = 1, .build = build_matrix_exp_less, VARIANTS(squares) },
    { .name = "matrix_exp, 3", .arity = 1, .rho = RHO, .build = build_matrix_exp_large, VARIANTS(squares) },
    { .name = "matrix_exp_derivative",
      .op = "matrix_exp_derivative",
      .arity = 2,
      .rho = 2 * RHO,
      .is_ours = true,
      .is_safe = true,
      .build = build_matrix_exp_derivative,
      VARIANTS(pairs) },
};

/* ---- Golden values: functions of the symmetric part ---- */

static bg_node *symmetric_part(const golden_case *c)
{
    return bg_mul_scalar(bg_add(c->x[0], bg_transpose(c->x[0], -1, -2)), 0.5);
}
GOLDEN(symmetric_sqrt, bg_symmetric_sqrt(symmetric_part(c)))
GOLDEN(symmetric_inverse_sqrt, bg_symmetric_inverse_sqrt(symmetric_part(c)))
GOLDEN(symmetric_exp, bg_symmetric_exp(symmetric_part(c)))
GOLDEN(symmetric_log, bg_symmetric_log(symmetric_part(c)))
GOLDEN(symmetric_power, bg_symmetric_power(symmetric_part(c), golden_option(c, "exponent")))
GOLDEN_1(matrix_exp)
static const golden_op golden[] = { GOLDEN_ROW(symmetric_sqrt),  GOLDEN_ROW(symmetric_inverse_sqrt),
                                    GOLDEN_ROW(symmetric_exp),   GOLDEN_ROW(symmetric_log),
                                    GOLDEN_ROW(symmetric_power), GOLDEN_ROW(matrix_exp) };

/* ---- Wrong calls ---- */

#define WRONG(X)                                                                                                       \
    X(bg_symmetric_sqrt(f->x23), BG_ERR_SHAPE, "symmetric_sqrt: needs as many rows as columns: [2, 3]")                \
    X(bg_symmetric_inverse_sqrt(f->x3), BG_ERR_SHAPE,                                                                  \
      "symmetric_inverse_sqrt: needs a matrix, of rank 2 or more: [3]")                                                \
    X(bg_symmetric_exp(f->x23), BG_ERR_SHAPE, "symmetric_exp: needs as many rows as columns: [2, 3]")                  \
    X(bg_symmetric_log(f->i3), BG_ERR_DTYPE, "symmetric_log: a is i32, not f32 or f64")                                \
    X(bg_symmetric_power(f->x23, 2), BG_ERR_SHAPE, "symmetric_power: needs as many rows as columns: [2, 3]")           \
    X(bg_symmetric_power(f->image, (double)INFINITY), BG_ERR_ARGUMENT, "symmetric_power: the exponent is inf")         \
    X(bg_matrix_exp(f->x23), BG_ERR_SHAPE, "matrix_exp: needs as many rows as columns: [2, 3]")
WRONG_CALLS(WRONG)

const op_family symmetric_family = { .name = "symmetric", FAMILY_CASES, FAMILY_GOLDEN, FAMILY_WRONG };
