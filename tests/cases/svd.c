/* Singular values, and what is made of them. */
#include "matrices.h"

/* ---- Cases ---- */

static const op_variant rectangles[] = { RECTANGLES };
/* With elements. */
#define WHOLES                                                                                                         \
    ONE(1, 1), ONE(2, 1), ONE(1, 2), ONE(3, 2), ONE(2, 3), ONE(3, 3), ONE(5, 4), ONE(4, 5), ONE(7, 2), ONE(2, 7),      \
        ONE(1, 1, 1), ONE(2, 3, 2), ONE(3, 2, 3), ONE(0, 3, 2), ONE(2, 1, 3), ONE(2, 3, 2, 2), ONE(17, 3, 2),          \
        ONE(12, 9), ONE(9, 17), ONE(17, 17)
static const op_variant wholes[] = { WHOLES };
static const op_variant talls[] = { ONE(1, 1),       ONE(2, 1),    ONE(2, 2),     ONE(3, 2),    ONE(3, 3),
                                    ONE(5, 4),       ONE(7, 2),    ONE(0, 0),     ONE(3, 0),    ONE(1, 1, 1),
                                    ONE(2, 3, 2),    ONE(3, 3, 3), ONE(0, 3, 2),  ONE(2, 2, 0), ONE(2, 3, 2, 2),
                                    ONE(1, 2, 3, 3), ONE(9, 9),    ONE(17, 3, 2), ONE(12, 9),   ONE(17, 5),
                                    ONE(17, 17) };
static const op_variant equations[] = { EQUATIONS };
/* Two factors of a matrix of their inner rank, and a right side. */
static const op_variant products[] = {
    TRIPLE(DIMS(1, 1), DIMS(1, 1), DIMS(1, 1)),
    TRIPLE(DIMS(2, 1), DIMS(1, 2), DIMS(2, 1)),
    TRIPLE(DIMS(3, 1), DIMS(1, 3), DIMS(3, 2)),
    TRIPLE(DIMS(3, 2), DIMS(2, 3), DIMS(3, 1)),
    TRIPLE(DIMS(4, 2), DIMS(2, 3), DIMS(4, 2)),
    TRIPLE(DIMS(3, 2), DIMS(2, 5), DIMS(3, 2)),
    TRIPLE(DIMS(5, 1), DIMS(1, 2), DIMS(5)),
    TRIPLE(DIMS(2, 1), DIMS(1, 6), DIMS(2)),
    TRIPLE(DIMS(2, 0), DIMS(0, 3), DIMS(2, 1)),
    TRIPLE(DIMS(0, 2), DIMS(2, 3), DIMS(0, 2)),
    TRIPLE(DIMS(3, 2), DIMS(2, 0), DIMS(3, 2)),
    TRIPLE(DIMS(3, 2), DIMS(2, 4), DIMS(3, 0)),
    TRIPLE(DIMS(2, 3, 1), DIMS(2, 1, 3), DIMS(2, 3, 2)),
    TRIPLE(DIMS(2, 3, 2), DIMS(2, 2, 3), DIMS(3, 1)),
    TRIPLE(DIMS(0, 3, 2), DIMS(0, 2, 4), DIMS(3, 1)),
    TRIPLE(DIMS(3, 2), DIMS(2, 3), DIMS(2, 3, 2)),
    TRIPLE(DIMS(7, 3), DIMS(3, 6), DIMS(7, 2)),
    TRIPLE(DIMS(6, 3), DIMS(3, 8), DIMS(6, 2)),
    TRIPLE(DIMS(9, 4), DIMS(4, 9), DIMS(9, 1)),
    TRIPLE(DIMS(12, 2), DIMS(2, 5), DIMS(12, 3)),
    TRIPLE(DIMS(5, 2), DIMS(2, 12), DIMS(5, 1)),
};

/* Singular values of which no two meet: 2, 4, .. on the diagonal beside little. */
static bg_node *distinct_of(bg_node *x)
{
    if (!x)
        return NULL;
    bg_shape shape = bg_node_shape(x);
    int64_t m = shape.dims[shape.rank - 2], n = shape.dims[shape.rank - 1], most = m > n ? m : n;
    bg_node *values =
        bg_add_scalar(bg_mul_scalar(bg_arange(bg_node_graph(x), bg_node_dtype(x), 0, (double)n, 1), 2), 2);
    bg_node *diagonal = bg_mul(bg_eye(bg_node_graph(x), bg_node_dtype(x), m, n), values);
    return bg_add(bg_mul_scalar(x, most > 0 ? 0.7 / (double)most : 0), bg_broadcast(diagonal, shape));
}
/* Of the inner rank of two factors. */
static bg_node *product_of(bg_node *const *x)
{
    return x[0] && x[1] ? bg_matmul(full_rank_of(x[0]), full_rank_of(x[1])) : NULL;
}
/* Rows, or columns, of which no two sums of magnitudes meet: 1, 2, .. beside little, of either sign. across: the axis
 * that is summed. */
static bg_node *rising_of(bg_node *x, int across)
{
    if (!x)
        return NULL;
    bg_shape shape = bg_node_shape(x);
    int along = across == -1 ? -2 : -1;
    bg_graph *graph = bg_node_graph(x);
    bg_node *sizes = bg_arange(graph, bg_node_dtype(x), 0, (double)shape.dims[shape.rank + along], 1);
    bg_node *places = bg_arange(graph, bg_node_dtype(x), 0, (double)shape.dims[shape.rank + across], 1);
    bg_node *two = bg_full(graph, bg_node_dtype(x), BG_SCALAR, 2);
    bg_node *signs = bg_add_scalar(bg_mul_scalar(bg_fmod(places, two), -2), 1);
    bg_node *sum = bg_add(bg_mul_scalar(x, 0.1), bg_unsqueeze(bg_add_scalar(sizes, 1), across));
    return bg_mul(sum, bg_unsqueeze(signs, along));
}
static bg_node *least_vectors(bg_node *x, bg_node *vectors, int axis)
{
    bg_shape shape = bg_node_shape(x);
    int64_t m = shape.dims[shape.rank - 2], n = shape.dims[shape.rank - 1];
    return bg_narrow(vectors, axis, 0, m < n ? m : n);
}
/* u · diag(log(1 + s)) · vt, in which the signs cancel. */
static bg_node *joined(bg_svd_factors f) { return bg_matmul(bg_mul(f.u, bg_unsqueeze(bg_log1p(f.s), -2)), f.vt); }
static bg_svd_factors svd_of(bg_node *x, bg_spectral_options options) { return bg_svd(distinct_of(x), &options); }
#define SVD(...) svd_of(x[0], (bg_spectral_options){ __VA_ARGS__ })
BUILD(svd, joined(SVD(0)))
BUILD(svd_u, bg_square(SVD(0).u))
BUILD(svd_s, SVD(0).s)
BUILD(svd_vt, bg_square(SVD(0).vt))
/* So little that derivatives do not change. */
BUILD(svd_regularized, joined(SVD(.regularization = 1e-9)))
static bg_node *build_svd_full(bg_node *const *x, const op_variant *v)
{
    (void)v;
    bg_svd_factors f = SVD(.is_full = true);
    if (!f.u)
        return NULL;
    f.u = least_vectors(x[0], f.u, -1);
    f.vt = least_vectors(x[0], f.vt, -2);
    return joined(f);
}
BUILD(svdvals, bg_svdvals(distinct_of(x[0])))
BUILD(pinv, bg_pinv(distinct_of(x[0]), (bg_optional){ 0 }))
BUILD(pinv_deficient, bg_pinv(product_of(x), BG_SOME(1e-3)))
BUILD(lstsq, bg_lstsq(distinct_of(x[0]), x[1], &(bg_lstsq_options){ .by_svd = true }))
BUILD(lstsq_deficient, bg_lstsq(product_of(x), x[2], &(bg_lstsq_options){ .by_svd = true, .tolerance = BG_SOME(1e-3) }))
BUILD(frobenius, bg_matrix_norm(x[0], BG_FROBENIUS))
BUILD(nuclear, bg_matrix_norm(distinct_of(x[0]), BG_NUCLEAR))
BUILD(spectral, bg_matrix_norm(distinct_of(x[0]), BG_SPECTRAL))
BUILD(row_sums, bg_matrix_norm(rising_of(x[0], -1), BG_ROW_SUMS))
BUILD(column_sums, bg_matrix_norm(rising_of(x[0], -2), BG_COLUMN_SUMS))
BUILD(cond, bg_cond(distinct_of(x[0])))
BUILD(matrix_rank, bg_matrix_rank(x[0], BG_SOME(1e-3)))
BUILD(polar_u, bg_polar(x[0] ? full_rank_of(x[0]) : NULL).u)
BUILD(polar_p, bg_polar(x[0] ? full_rank_of(x[0]) : NULL).p)

#define RHO 2e-5
#define OF_ONE(name_of, shown, builder, table)                                                                         \
    {                                                                                                                  \
        .name = name_of, .op = shown, .arity = 1, .rho = RHO, .build = build_##builder, VARIANTS(table)                \
    }
#define INSIDE(name_of, shown, builder, table)                                                                         \
    {                                                                                                                  \
        .name = name_of, .op = shown, .arity = 1, .rho = RHO, .is_ours = true, .is_safe = true,                        \
        .build = build_##builder, VARIANTS(table)                                                                      \
    }
static const op_case cases[] = {
    OF_ONE("svd", "svd", svd, rectangles),
    OF_ONE("svd, u", "svd_u", svd_u, rectangles),
    OF_ONE("svd, s", "svd_s", svd_s, rectangles),
    OF_ONE("svd, vt", "svd_vt", svd_vt, rectangles),
    OF_ONE("svd, full", NULL, svd_full, rectangles),
    OF_ONE("svd, regularized", NULL, svd_regularized, rectangles),
    INSIDE("factors of svd", "svd_factors", svd_u, rectangles),
    OF_ONE("svdvals", "svdvals", svdvals, rectangles),
    OF_ONE("pinv", "pinv", pinv, rectangles),
    INSIDE("pinv from factors", "pinv_apply", pinv, rectangles),
    { .name = "pinv, deficient",
      .arity = 2,
      .rho = RHO,
      .build = build_pinv_deficient,
      .is_apart = true,
      VARIANTS(products) },
    { .name = "lstsq, by svd", .op = "pinv_solve", .arity = 2, .rho = RHO, .build = build_lstsq, VARIANTS(equations) },
    { .name = "lstsq, by svd, from factors",
      .op = "pinv_solve_apply",
      .arity = 2,
      .rho = RHO,
      .build = build_lstsq,
      VARIANTS(equations) },
    { .name = "lstsq, deficient",
      .arity = 3,
      .rho = RHO,
      .build = build_lstsq_deficient,
      .is_apart = true,
      VARIANTS(products) },
    { .name = "matrix_norm, frobenius", .op = "frobenius", .arity = 1, .build = build_frobenius, VARIANTS(rectangles) },
    OF_ONE("matrix_norm, nuclear", NULL, nuclear, rectangles),
    OF_ONE("matrix_norm, spectral", NULL, spectral, rectangles),
    { .name = "matrix_norm, row sums",
      .arity = 1,

      .build = build_row_sums,
      VARIANTS(rectangles) },
    { .name = "matrix_norm, column sums",
      .arity = 1,

      .build = build_column_sums,
      VARIANTS(rectangles) },
    OF_ONE("cond", "condition", cond, wholes),
    INSIDE("cond, gradient", "not_singular", cond, wholes),
    { .name = "matrix_rank", .arity = 1, .gradient = IS_CONSTANT, .build = build_matrix_rank, VARIANTS(rectangles) },
    OF_ONE("polar, u", "polar_u", polar_u, talls),
    OF_ONE("polar, p", "polar_p", polar_p, talls),
    INSIDE("polar, division", "polar_divide", polar_u, talls),
};

/* ---- Golden values ---- */

/* part: 0 u, 1 s, 2 vt, 3 joined; the signs of vectors are not compared. */
static bg_node *golden_svd(const golden_case *c)
{
    bg_svd_factors f = bg_svd(c->x[0], NULL);
    int part = golden_integer(c, "part");
    return part == 3 ? joined(f) : part == 1 ? f.s : bg_square(part == 0 ? f.u : f.vt);
}
GOLDEN_1(svdvals)
GOLDEN(pinv, bg_pinv(c->x[0], golden_optional(c, "tolerance")))
GOLDEN(lstsq_by_svd,
       bg_lstsq(c->x[0], c->x[1], &(bg_lstsq_options){ .by_svd = true, .tolerance = golden_optional(c, "tolerance") }))
GOLDEN(matrix_norm, bg_matrix_norm(c->x[0], (bg_matrix_norm_kind)golden_integer(c, "kind")))
GOLDEN_1(cond)
GOLDEN(matrix_rank, bg_cast(bg_matrix_rank(c->x[0], (bg_optional){ 0 }), BG_F64))
static bg_node *golden_polar(const golden_case *c)
{
    bg_polar_factors f = bg_polar(c->x[0]);
    return golden_integer(c, "part") ? f.p : f.u;
}
static const golden_op golden[] = { GOLDEN_ROW(svd),          GOLDEN_ROW(svdvals),     GOLDEN_ROW(pinv),
                                    GOLDEN_ROW(lstsq_by_svd), GOLDEN_ROW(matrix_norm), GOLDEN_ROW(cond),
                                    GOLDEN_ROW(matrix_rank),  GOLDEN_ROW(polar) };

/* ---- Wrong calls ---- */

#define WRONG(X)                                                                                                       \
    X(bg_svd(f->x3, NULL).u, BG_ERR_SHAPE, "svd: needs a matrix, of rank 2 or more: [3]")                              \
    X(bg_svd(f->i3, NULL).s, BG_ERR_DTYPE, "svd: a is i32, not f32 or f64")                                            \
    X(bg_svd(f->x23, &(bg_spectral_options){ .regularization = -1 }).vt, BG_ERR_ARGUMENT,                              \
      "svd: the regularization is -1, neither 0 nor a positive number of f32")                                         \
    X(bg_svd(f->x23, &(bg_spectral_options){ .regularization = 1e-40 }).vt, BG_ERR_ARGUMENT,                           \
      "svd: the regularization is 1e-40, neither 0 nor a positive number of f32")                                      \
    X(bg_svdvals(f->x3), BG_ERR_SHAPE, "svdvals: needs a matrix, of rank 2 or more: [3]")                              \
    X(bg_pinv(f->x3, BG_SOME(0)), BG_ERR_SHAPE, "pinv: needs a matrix, of rank 2 or more: [3]")                        \
    X(bg_pinv(f->x23, BG_SOME(-1)), BG_ERR_ARGUMENT, "pinv: the tolerance is -1, not a number of at least 0")          \
    X(bg_lstsq(f->x23, f->x3, &(bg_lstsq_options){ .by_svd = true }), BG_ERR_SHAPE,                                    \
      "lstsq: b needs as many rows as a: a [2, 3], b [3]")                                                             \
    X(bg_lstsq(f->x34, f->x3, &(bg_lstsq_options){ .by_svd = true, .tolerance = BG_SOME(NAN) }), BG_ERR_ARGUMENT,      \
      "lstsq: the tolerance is nan, not a number of at least 0")                                                       \
    X(bg_matrix_norm(f->x3, BG_FROBENIUS), BG_ERR_SHAPE, "matrix_norm: needs a matrix, of rank 2 or more: [3]")        \
    X(bg_matrix_norm(f->x23, (bg_matrix_norm_kind)7), BG_ERR_ARGUMENT, "matrix_norm: there is no norm 7")              \
    X(bg_cond(f->x3), BG_ERR_SHAPE, "cond: needs a matrix, of rank 2 or more: [3]")                                    \
    X(bg_cond(f->empty), BG_ERR_SHAPE, "cond: of a matrix without elements: [2, 0]")                                   \
    X(bg_matrix_rank(f->x3, BG_SOME(0)), BG_ERR_SHAPE, "matrix_rank: needs a matrix, of rank 2 or more: [3]")          \
    X(bg_matrix_rank(f->x23, BG_SOME(INFINITY)), BG_ERR_ARGUMENT,                                                      \
      "matrix_rank: the tolerance is inf, not a number of at least 0")                                                 \
    X(bg_polar(f->x3).u, BG_ERR_SHAPE, "polar: needs a matrix, of rank 2 or more: [3]")                                \
    X(bg_polar(f->x23).p, BG_ERR_SHAPE, "polar: a [2, 3] has fewer rows than columns")
WRONG_CALLS(WRONG)

const op_family svd_family = { .name = "svd", FAMILY_CASES, FAMILY_GOLDEN, FAMILY_WRONG };
