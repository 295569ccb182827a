/* LU, what is solved with it, inverses and determinants. */
#include "linalg/lu.h"
#include "matrices.h"

#include <string.h>

/* ---- Cases ---- */

static const op_variant squares[] = { SQUARES }, systems[] = { SYSTEMS };
static const op_variant rectangles[] = {
    ONE(1, 1),       ONE(2, 2),    ONE(3, 3),     ONE(4, 4),   ONE(5, 5),    ONE(3, 5),    ONE(5, 3),     ONE(1, 4),
    ONE(4, 1),       ONE(0, 0),    ONE(0, 3),     ONE(3, 0),   ONE(2, 3, 3), ONE(2, 2, 4), ONE(2, 4, 2),  ONE(0, 3, 2),
    ONE(2, 1, 3, 2), ONE(2, 0, 2), ONE(17, 2, 3), ONE(17, 17), ONE(18, 20),  ONE(20, 18),  ONE(17, 3, 2),
};

/* regular_of in any shape, with its rows turned on, so that pivots are not where they lie. */
static bg_node *turned_of(bg_node *x)
{
    if (!x)
        return NULL;
    bg_shape shape = bg_node_shape(x);
    int64_t m = shape.dims[shape.rank - 2], n = shape.dims[shape.rank - 1];
    bg_node *ones = bg_broadcast(bg_eye(bg_node_graph(x), bg_node_dtype(x), m, n), shape);
    bg_node *sum = bg_add(bg_mul_scalar(x, m + n > 0 ? 0.7 / (double)(m + n) : 0), bg_mul_scalar(ones, 2));
    return m > 0 ? bg_roll(sum, 1, -2) : sum;
}
static bg_node *regular(bg_node *x) { return x ? regular_of(x) : NULL; }
static bg_node *positive(bg_node *x) { return x ? spd_of(x) : NULL; }

/* An op that others are composed of, by its name, with 8 bytes of attributes. */
static bg_node *inner(const bg_op *const *family, const char *name, bg_node *x, bg_node *y, int64_t attributes)
{
    while (strcmp((*family)->name, name) != 0)
        family++;
    return bg_apply(*family, (bg_node *[]){ x, y }, (*family)->arity, &attributes, sizeof attributes);
}
static bg_node *packed(bg_node *a) { return bgi_lu_pack("lu", a); }

BUILD(lu_pack, packed(turned_of(x[0])))
BUILD(lu_permute, inner(bgi_lu_ops, "lu_permute", x[0], packed(turned_of(x[0])), 0))
BUILD(lu_permute_back, inner(bgi_lu_ops, "lu_permute", x[0], packed(turned_of(x[0])), 1))
BUILD(lu_lower, bg_lu(turned_of(x[0])).lower)
BUILD(lu_upper, bg_lu(turned_of(x[0])).upper)
BUILD(lu_permutation, bg_lu(turned_of(x[0])).permutation)
BUILD(lu_apply, inner(bgi_solve_ops, "lu_apply", x[0], packed(turned_of(x[0])), 0))
BUILD(lu_invert, inner(bgi_solve_ops, "lu_invert", packed(turned_of(x[0])), NULL, 0))
BUILD(spd_apply, inner(bgi_solve_ops, "spd_apply", x[0], bg_cholesky(positive(x[0]), BG_LOWER), 0))
BUILD(spd_invert, inner(bgi_determinant_ops, "spd_invert", bg_cholesky(positive(x[0]), BG_LOWER), NULL, 0))
BUILD(lu_determinant, inner(bgi_determinant_ops, "lu_determinant", packed(turned_of(x[0])), NULL, 0))
BUILD(solve, bg_solve(turned_of(x[0]), x[1]))
BUILD(lu_solve, x[0] ? bg_lu_solve(bg_lu(turned_of(x[0])), x[1]) : bg_solve(NULL, x[1]))
BUILD(solve_spd, bg_solve_spd(positive(x[0]), x[1], BG_LOWER))
BUILD(solve_spd_upper, bg_solve_spd(positive(x[0]), x[1], BG_UPPER))
BUILD(inv, bg_inv(turned_of(x[0])))
BUILD(inv_spd, inner(bgi_determinant_ops, "inv_spd", positive(x[0]), bg_cholesky(positive(x[0]), BG_LOWER), 0))
BUILD(inv_spd_upper, inner(bgi_determinant_ops, "inv_spd", positive(x[0]), bg_cholesky(positive(x[0]), BG_UPPER), 1))
/* Of matrices with determinants near 1. */
static bg_node *half(bg_node *a) { return a ? bg_mul_scalar(a, 0.5) : NULL; }
BUILD(det, bg_det(half(turned_of(x[0]))))
static bg_node *build_cofactors(bg_node *const *x, const op_variant *v)
{
    (void)v;
    bg_node *a = half(turned_of(x[0]));
    return inner(bgi_determinant_ops, "cofactors", a, packed(a), 0);
}
BUILD(slogdet, bg_slogdet(turned_of(x[0])).logabs)
BUILD(slogdet_sign, bg_slogdet(turned_of(x[0])).sign)
BUILD(logdet, bg_logdet(regular(x[0])))
BUILD(logdet_spd, bg_logdet_spd(positive(x[0]), BG_LOWER))
BUILD(logdet_spd_upper, bg_logdet_spd(positive(x[0]), BG_UPPER))

/* An op within others, which has no gradient of its own, or is the library's alone. */
#define INNER_OF(shown, builder, shapes, kind)                                                                         \
    {                                                                                                                  \
        .name = #builder, .op = shown, .arity = 1, .gradient = kind, .rho = 4e-6, .is_ours = true, .is_safe = true,    \
        .build = build_##builder, VARIANTS(shapes)                                                                     \
    }
#define OF(label, shown, builder, count, shapes, ...)                                                                  \
    {                                                                                                                  \
        .name = label, .op = shown, .arity = count, .build = build_##builder, VARIANTS(shapes), __VA_ARGS__            \
    }
static const op_case cases[] = {
    INNER_OF("lu", lu_pack, rectangles, IS_STOPPED),
    INNER_OF("lu_permute", lu_permute, rectangles, IS_DIFFERENTIABLE),
    INNER_OF("lu_permute", lu_permute_back, rectangles, IS_DIFFERENTIABLE),
    INNER_OF("lu_apply", lu_apply, squares, IS_STOPPED),
    INNER_OF("lu_invert", lu_invert, squares, IS_STOPPED),
    INNER_OF("lu_determinant", lu_determinant, squares, IS_STOPPED),
    INNER_OF("spd_apply", spd_apply, squares, IS_STOPPED),
    INNER_OF("spd_invert", spd_invert, squares, IS_STOPPED),
    INNER_OF("cofactors", cofactors, squares, IS_DIFFERENTIABLE),
    INNER_OF("inv_spd", inv_spd, squares, IS_DIFFERENTIABLE),
    INNER_OF("inv_spd", inv_spd_upper, squares, IS_DIFFERENTIABLE),
    OF("lu, lower", "lu_matrix", lu_lower, 1, rectangles, .rho = 1e-6),
    OF("lu, upper", "lu_matrix", lu_upper, 1, rectangles, .rho = 1e-6),
    OF("lu, permutation", "lu_permutation", lu_permutation, 1, rectangles, .gradient = IS_CONSTANT),
    OF("solve", "solve", solve, 2, systems, .rho = 2e-6),
    OF("lu_solve", "solve", lu_solve, 2, systems, .rho = 2e-6),
    OF("solve_spd", "solve_spd", solve_spd, 2, systems, .rho = 2e-6),
    OF("solve_spd, upper", "solve_spd", solve_spd_upper, 2, systems, .rho = 2e-6),
    OF("inv", "inv", inv, 1, squares, .rho = 1e-6),
    OF("det", "det", det, 1, squares, .rho = 2e-6),
    OF("slogdet", "logabsdet", slogdet, 1, squares, .rho = 1e-6),
    OF("slogdet, sign", "lu_determinant", slogdet_sign, 1, squares, .gradient = IS_CONSTANT),
    OF("logdet", "logabsdet", logdet, 1, squares, .rho = 1e-6),
    OF("logdet_spd", "logdet_spd", logdet_spd, 1, squares, .rho = 1e-6),
    OF("logdet_spd, upper", "logdet_spd", logdet_spd_upper, 1, squares, .rho = 1e-6),
};

/* ---- Golden values ---- */

static bg_triangle golden_triangle(const golden_case *c) { return golden_integer(c, "upper") ? BG_UPPER : BG_LOWER; }
static bg_node *golden_lu(const golden_case *c)
{
    bg_lu_factors lu = bg_lu(c->x[0]);
    int part = golden_integer(c, "part");
    return part == 0 ? lu.lower : part == 1 ? lu.upper : bg_cast(lu.permutation, BG_F64);
}
GOLDEN_2(solve)
GOLDEN(lu_solve, bg_lu_solve(bg_lu(c->x[0]), c->x[1]))
GOLDEN(solve_spd, bg_solve_spd(c->x[0], c->x[1], golden_triangle(c)))
GOLDEN_1(inv)
GOLDEN_1(det)
GOLDEN_1(logdet)
GOLDEN(slogdet, golden_integer(c, "sign") ? bg_slogdet(c->x[0]).sign : bg_slogdet(c->x[0]).logabs)
GOLDEN(logdet_spd, bg_logdet_spd(c->x[0], golden_triangle(c)))
static const golden_op golden[] = {
    GOLDEN_ROW(lu),  GOLDEN_ROW(solve),  GOLDEN_ROW(lu_solve), GOLDEN_ROW(solve_spd),  GOLDEN_ROW(inv),
    GOLDEN_ROW(det), GOLDEN_ROW(logdet), GOLDEN_ROW(slogdet),  GOLDEN_ROW(logdet_spd),
};

/* ---- Wrong calls ---- */

#define WRONG(X)                                                                                                       \
    X(bg_lu(f->x3).lower, BG_ERR_SHAPE, "lu: needs a matrix, of rank 2 or more: [3]")                                  \
    X(bg_lu(f->i3).upper, BG_ERR_DTYPE, "lu: a is i32, not f32 or f64")                                                \
    X(bg_lu(bg_zeros(f->graph, BG_F32, BG_SHAPE((1 << 24) + 1, 0))).lower, BG_ERR_OVERFLOW,                            \
      "lu: [16777217, 0] has more rows than f32 can count")                                                            \
    X(bg_solve(f->x23, f->x3), BG_ERR_SHAPE, "solve: needs as many rows as columns: [2, 3]")                           \
    X(bg_solve(f->image, f->x3), BG_ERR_SHAPE, "solve: b needs as many rows as a: a [2, 3, 5, 5], b [3]")              \
    X(bg_solve(f->image, bg_zeros(f->graph, BG_F32, BG_SHAPE(4, 5, 1))), BG_ERR_SHAPE,                                 \
      "solve: leading dimensions do not broadcast together: a [2, 3, 5, 5], b [4, 5, 1]")                              \
    X(bg_solve(f->image, f->d3), BG_ERR_DTYPE, "solve: types differ: a f32, b f64")                                    \
    X(bg_solve(f->image, NULL), BG_ERR_ARGUMENT, "solve: input 1 is NULL")                                             \
    X(bg_lu_solve(bg_lu(f->x23), f->x3), BG_ERR_SHAPE, "lu_solve: needs as many rows as columns: [2, 3]")              \
    X(bg_solve_spd(f->x23, f->x3, BG_UPPER), BG_ERR_SHAPE, "solve_spd: needs as many rows as columns: [2, 3]")         \
    X(bg_inv(f->x23), BG_ERR_SHAPE, "inv: needs as many rows as columns: [2, 3]")                                      \
    X(bg_det(f->x23), BG_ERR_SHAPE, "det: needs as many rows as columns: [2, 3]")                                      \
    X(bg_slogdet(f->x23).sign, BG_ERR_SHAPE, "slogdet: needs as many rows as columns: [2, 3]")                         \
    X(bg_logdet(f->x23), BG_ERR_SHAPE, "logdet: needs as many rows as columns: [2, 3]")                                \
    X(bg_logdet_spd(f->x3, BG_LOWER), BG_ERR_SHAPE, "logdet_spd: needs a matrix, of rank 2 or more: [3]")
WRONG_CALLS(WRONG)

/* ---- Edges ---- */

EDGE(det, bg_det(x))
EDGE(slogdet, bg_slogdet(x).logabs)
EDGE(inverse_of_product, bg_det(bg_matmul(x, x)))

/* A singular matrix has cofactors; none are left where the rank is two less. */
static const edge edges[] = {
    { "det of rank n - 1",
      edge_det,
      4,
      { 1, 2, 2, 4 },
      .shape = MATRIX(2, 2),
      .n_values = 1,
      .value = { 0 },
      .dx = { 4, -2, -2, 1 } },
    { "det of rank n - 1, of 3",
      edge_det,
      9,
      { 0, 1, 0, 0, 0, 1, 0, 0, 0 },
      .shape = MATRIX(3, 3),
      .n_values = 1,
      .value = { 0 },
      .dx = { 0, 0, 0, 0, 0, 0, 1, 0, 0 } },
    { "det of rank n - 2",
      edge_det,
      9,
      { 1, 2, 4, 1, 2, 4, 2, 4, 8 },
      .shape = MATRIX(3, 3),
      .n_values = 1,
      .value = { 0 },
      .dx = { 0 } },
    { "det of zeros", edge_det, 4, { 0, 0, 0, 0 }, .shape = MATRIX(2, 2), .n_values = 1, .value = { 0 }, .dx = { 0 } },
    { "det of one number", edge_det, 1, { 0 }, .shape = MATRIX(1, 1), .n_values = 1, .value = { 0 }, .dx = { 1 } },
    { "det of a square",
      edge_inverse_of_product,
      4,
      { 2, 0, 0, 3 },
      .shape = MATRIX(2, 2),
      .n_values = 1,
      .value = { 36 },
      .dx = { 36, 0, 0, 24 },
      .tolerance = 1e-6 },
    { "slogdet of a triangle",
      edge_slogdet,
      4,
      { 4, 0, 2, 1 },
      .shape = MATRIX(2, 2),
      .n_values = 1,
      .value = { 0x1.62e42fefa39efp0 },
      .dx = { 0.25, -0.5, 0, 1 },
      .tolerance = 1e-6 },
};

const op_family lu_family = { .name = "lu", FAMILY_CASES, FAMILY_GOLDEN, FAMILY_WRONG, FAMILY_EDGES };
