/* Eigenvalues and eigenvectors of symmetric matrices. */
#include "linalg/eigen.h"
#include "matrices.h"

/* ---- Cases ---- */

static const op_variant squares[] = { SQUARES };

/* v · diag(1, 2, ..) · vᵀ, in which the signs of the vectors cancel. */
static bg_node *without_signs(bg_node *v)
{
    if (!v)
        return NULL;
    bg_shape shape = bg_node_shape(v);
    int64_t n = shape.dims[shape.rank - 1];
    bg_node *weights = bg_arange(bg_node_graph(v), bg_node_dtype(v), 1, (double)n + 1, 1);
    return bg_matmul(bg_mul(v, weights), bg_transpose(v, -1, -2));
}
static bg_eigen eigen_of(bg_node *x, bg_triangle triangle, double regularization)
{
    return bg_eigh(x ? spread_of(x) : NULL,
                   &(bg_spectral_options){ .triangle = triangle, .regularization = regularization });
}
BUILD(values, eigen_of(x[0], BG_LOWER, 0).values)
BUILD(values_upper, eigen_of(x[0], BG_UPPER, 0).values)
BUILD(vectors, without_signs(eigen_of(x[0], BG_LOWER, 0).vectors))
BUILD(vectors_upper, without_signs(eigen_of(x[0], BG_UPPER, 0).vectors))
/* So little that derivatives do not change. */
BUILD(vectors_regularized, without_signs(eigen_of(x[0], BG_LOWER, 1e-9).vectors))
BUILD(gaps, x[0] ? bgi_eigen_gaps(eigen_of(x[0], BG_LOWER, 0).values, 0) : NULL)
BUILD(packed, x[0] ? bgi_eigen_packed("eigh", spread_of(x[0]), BG_LOWER) : NULL)

/* In f32: 17 roundings of the largest of 17 eigenvalues, which is ten times the smallest. */
#define RHO 1e-5
static const op_case cases[] = {
    { .name = "eigh, values", .op = "eigh_values", .arity = 1, .rho = RHO, .build = build_values, VARIANTS(squares) },
    { .name = "eigh, values, upper", .arity = 1, .rho = RHO, .build = build_values_upper, VARIANTS(squares) },
    { .name = "eigh, vectors",
      .op = "eigh_vectors",
      .arity = 1,
      .rho = RHO,
      .build = build_vectors,
      VARIANTS(squares) },
    { .name = "eigh, vectors, upper", .arity = 1, .rho = RHO, .build = build_vectors_upper, VARIANTS(squares) },
    { .name = "eigh, vectors, regularized",
      .arity = 1,
      .rho = RHO,
      .build = build_vectors_regularized,
      VARIANTS(squares) },
    { .name = "eigen_gaps",
      .op = "eigen_gaps",
      .arity = 1,
      .rho = RHO,
      .is_ours = true,
      .is_safe = true,
      .build = build_gaps,
      VARIANTS(squares) },
    /* The signs of its vectors may be others in f32. */
    { .name = "eigh_packed",
      .op = "eigh_packed",
      .arity = 1,
      .gradient = IS_STOPPED,
      .sums = true,
      .is_ours = true,
      .is_safe = true,
      .build = build_packed,
      VARIANTS(squares) },
};

/* ---- Golden values ---- */

/* v · diag(1 + w², 2 + w², ..) · vᵀ of the symmetric part. */
static bg_node *golden_eigh(const golden_case *c)
{
    bg_node *x = c->x[0];
    bg_node *a = bg_mul_scalar(bg_add(x, bg_transpose(x, -1, -2)), 0.5);
    bg_eigen e = bg_eigh(a, &(bg_spectral_options){ .triangle = golden_integer(c, "upper") ? BG_UPPER : BG_LOWER });
    bg_shape shape = bg_node_shape(e.values);
    bg_node *weights = bg_arange(c->graph, BG_F64, 1, (double)shape.dims[shape.rank - 1] + 1, 1);
    bg_node *row = bg_unsqueeze(bg_add(bg_square(e.values), weights), -2);
    return bg_matmul(bg_mul(e.vectors, row), bg_transpose(e.vectors, -1, -2));
}
static const golden_op golden[] = { GOLDEN_ROW(eigh) };

/* ---- Wrong calls ---- */

#define WRONG(X)                                                                                                       \
    X(bg_eigh(f->x3, NULL).values, BG_ERR_SHAPE, "eigh: needs a matrix, of rank 2 or more: [3]")                       \
    X(bg_eigh(f->x23, NULL).vectors, BG_ERR_SHAPE, "eigh: needs as many rows as columns: [2, 3]")                      \
    X(bg_eigh(f->i3, NULL).values, BG_ERR_DTYPE, "eigh: a is i32, not f32 or f64")                                     \
    X(bg_eigh(f->image, &(bg_spectral_options){ .regularization = -1 }).values, BG_ERR_ARGUMENT,                       \
      "eigh: the regularization is -1, neither 0 nor a positive number of f32")                                        \
    X(bg_eigh(f->image, &(bg_spectral_options){ .regularization = 1e-40 }).values, BG_ERR_ARGUMENT,                    \
      "eigh: the regularization is 1e-40, neither 0 nor a positive number of f32")                                     \
    X(bg_eigh(f->image, &(bg_spectral_options){ .regularization = 1e40 }).vectors, BG_ERR_ARGUMENT,                    \
      "eigh: the regularization is 1e+40, neither 0 nor a positive number of f32")                                     \
    X(bg_eigh(bg_broadcast(bg_scalar(f->graph, BG_F32, 1), BG_SHAPE(32768, 32768)), NULL).values, BG_ERR_OVERFLOW,     \
      "eigh: an extent of [32768, 32768] is too large for the integer of LAPACK")
WRONG_CALLS(WRONG)

/* ---- Edges ---- */

/* Equal eigenvalues have a gradient, their vectors none. */
EDGE(values_of_equal, bg_eigh(x, NULL).values)
static const edge edges[] = {
    { "eigh, equal values",
      edge_values_of_equal,
      4,
      { 2, 0, 0, 2 },
      .shape = MATRIX(2, 2),
      .n_values = 2,
      .value = { 2, 2 },
      .dx = { 1, 0, 0, 1 },
      .is_kink = true,
      .tolerance = 1e-15 },
    { "eigh, zeros",
      edge_values_of_equal,
      4,
      { 0, 0, 0, 0 },
      .shape = MATRIX(2, 2),
      .n_values = 2,
      .value = { 0, 0 },
      .dx = { 1, 0, 0, 1 },
      .is_kink = true,
      .tolerance = 1e-15 },
};

const op_family eigen_family = { .name = "eigen", FAMILY_CASES, FAMILY_GOLDEN, FAMILY_WRONG, FAMILY_EDGES };
