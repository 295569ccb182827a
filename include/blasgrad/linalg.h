/* Differentiable linear algebra, on LAPACK and on blocked algorithms of the library's own.
 *
 * Matrices are the last two axes, f32 or f64; the axes before them are a batch, whose matrices are dealt out over the
 * engine's threads. Any extent may be 0. Where an op has two operands, their batches broadcast as in bg_matmul, and a b
 * of rank 1 is a column [n, 1] whose second axis the result leaves out. Operands of another shape or of two types are
 * recorded in the graph, as ops.h says, and an extent that LAPACK's integer cannot count is BG_ERR_OVERFLOW.
 *
 * Gradients are those of the mathematical function, written in ops, so that they have derivatives of their own; they
 * come from the equation that the result solves and not from the steps that found it. A symmetric operand is read in
 * one triangle only; its gradient is the symmetric matrix that leads along symmetric matrices, as in PyTorch and JAX.
 * Formulas: Giles, Collected matrix derivative results for forward and reverse mode algorithmic differentiation, 2008,
 * where no other source is given.
 *
 * A run fails with BG_ERR_NUMERIC, before any update takes effect, where an operand is not finite or has no result, or
 * none that its type can hold: the message names the function or its gradient, the matrix of the batch, and the
 * element, pivot or minor. What several functions compute of one matrix, as its LU factors, is computed once, and named
 * by the first of them. Products in a gradient are those of bg_matmul: elements beyond the type's range become infinite
 * or NaN, and those near its smallest normal number lose digits.
 */
#ifndef BLASGRAD_LINALG_H
#define BLASGRAD_LINALG_H

#include <blasgrad/ops.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum { BG_LOWER, BG_UPPER } bg_triangle;

/* ---- Factorisations ---- */

/* a [.., n, n] symmetric positive definite -> its factor, of the same shape, with zeros in the other triangle: lower l
 * with a = l · lᵀ, upper u with a = uᵀ · u. Only that triangle of a is read.
 *   da = lᵀ⁻¹ · sym(Φ(lᵀ · dl)) · l⁻¹, Φ the lower triangle with half its diagonal
 * Fails at the first leading minor that is not positive. */
BG_API bg_node *bg_cholesky(bg_node *a, bg_triangle triangle);

/* a [.., m, n], k = min(m, n), with partial pivoting: row i of lower · upper is row permutation[i] of a. A singular a
 * has a factorisation too, with a 0 on the diagonal of `upper`.
 *   Gradients of lower and upper for any m and n, where the leading k x k matrix of the permuted a is regular; that a
 *   is not makes the gradient fail. de Hoog, Anderssen and Lukas, Differentiation of matrix functionals using
 *   triangular factorization, 2011.
 * More than 2^24 rows of f32 are BG_ERR_OVERFLOW, here and wherever LU is used. */
typedef struct {
    bg_node *lower;       /* [.., m, k], ones on the diagonal */
    bg_node *upper;       /* [.., k, n] */
    bg_node *permutation; /* i64 [.., m] */
    bg_node *a;           /* as given; for bg_lu_solve */
} bg_lu_factors;
BG_API bg_lu_factors bg_lu(bg_node *a);

/* a [.., m, n] = q · r, k = min(m, n): q [.., m, k] with orthonormal columns, r [.., k, n] upper triangular; complete:
 * q [.., m, m], r [.., m, n]. The signs of r's diagonal are LAPACK's.
 *   Gradients where the first k columns of a are independent; columns of a complete q beyond the k-th have none: a
 *   gradient of what depends on them is BG_ERR_GRADIENT. */
typedef struct {
    bg_node *q, *r;
} bg_qr_factors;
BG_API bg_qr_factors bg_qr(bg_node *a, bool is_complete);

/* How far the gradient of eigenvectors and of singular vectors goes. It has factors 1 / x, x the difference of two
 * eigenvalues, or the difference or the sum of two singular values, or one of them where vectors are not square, and is
 * not defined where x is 0. */
typedef struct {
    /* 0: a run that computes the gradient of vectors fails where such an x is 0 to rounding. eps > 0: the factors
     * become x / (x² + eps²), and it never does. */
    double regularization;
    bg_triangle triangle; /* eigh: the one that is read */
    bool is_full;         /* svd: u [.., m, m] and vt [.., n, n]; what they have beyond the thin ones has no gradient */
} bg_spectral_options;

/* a [.., n, n] symmetric -> values [.., n], ascending, and orthonormal vectors [.., n, n] in columns, a = v · diag(w) ·
 * vᵀ, of either sign. options may be NULL. BG_ERR_ARGUMENT for a regularization that is no number of a's type.
 *   da = v · (diag(dw) + sym(f ∘ (vᵀ · dv))) · vᵀ,   f_ij = 1 / (w_j - w_i)
 * The gradient of the values is right where they are equal too. */
typedef struct {
    bg_node *values, *vectors;
} bg_eigen;
BG_API bg_eigen bg_eigh(bg_node *a, const bg_spectral_options *options);

/* a [.., m, n] = u · diag(s) · vt, k = min(m, n): u [.., m, k], s [.., k] descending, vt [.., k, n], the vectors of
 * either sign. options may be NULL.
 *   With x = uᵀ · du, y = vt · dvtᵀ and f_ij = s_j / (s_j² - s_i²):
 *   da = u · (f ∘ (x - xᵀ) + (f ∘ (y - yᵀ))ᵀ + diag(ds)) · vt
 *        + (du - u · x) · diag(1/s) · vt   + u · diag(1/s) · (dvt - yᵀ · vt)
 * Of s alone it is right where values are equal too; where one is 0 it is one of its subgradients. A gradient of what
 * depends on vectors that a full u or vt has beyond the thin one is BG_ERR_GRADIENT. Townsend, Differentiating the
 * singular value decomposition, 2016. */
typedef struct {
    bg_node *u, *s, *vt;
} bg_svd_factors;
BG_API bg_svd_factors bg_svd(bg_node *a, const bg_spectral_options *options);
/* s alone, which takes less time, unless its gradient is asked for, which needs the vectors: the last bits may then be
 * others than without. */
BG_API bg_node *bg_svdvals(bg_node *a);

/* a [.., m, n] of full rank, m >= n -> orthonormal columns u [.., m, n] and a symmetric positive definite p [.., n, n]
 * with a = u · p. Gradients by the Lyapunov equation of p, right where singular values are equal too. Fails where a
 * has not full rank. */
typedef struct {
    bg_node *u, *p;
} bg_polar_factors;
BG_API bg_polar_factors bg_polar(bg_node *a);

/* ---- Functions of a symmetric matrix: v · diag(f(w)) · vᵀ, read in the lower triangle ----
 * The derivative is that of Daleckii and Krein, v · (f[w_i, w_j] ∘ (vᵀ · e · v)) · vᵀ with divided differences, right
 * where eigenvalues are equal too, and so is the second derivative; a third is BG_ERR_GRADIENT. sqrt and power of a
 * fractional exponent take eigenvalues >= 0 (derivatives that are not finite at 0: > 0), where one below 0 by no more
 * than rounding counts as 0; log and inverse_sqrt > 0, power of a negative integer ones that are not 0; other matrices
 * fail. Higham, Functions of matrices, 2008, chapter 3. */
BG_API bg_node *bg_symmetric_sqrt(bg_node *a);
BG_API bg_node *bg_symmetric_inverse_sqrt(bg_node *a);
BG_API bg_node *bg_symmetric_exp(bg_node *a);
BG_API bg_node *bg_symmetric_log(bg_node *a);
BG_API bg_node *bg_symmetric_power(bg_node *a, double exponent);

/* ---- Solvers ----
 * One a for a batch of b is solved with once: the right sides are columns of one b, or rows where a stands on the
 * right, and messages count them so. */

/* x [.., n, r] with a · x = b: a [.., n, n], b [.., n, r].
 *   db = aᵀ⁻¹ · dx   da = -db · xᵀ
 * By LU; fails where a is singular: an exact 0 among the pivots. */
BG_API bg_node *bg_solve(bg_node *a, bg_node *b);
/* The same by Cholesky, of a symmetric positive definite a, of which that triangle is read: da = -sym(db · xᵀ). Fails
 * as bg_cholesky does. */
BG_API bg_node *bg_solve_spd(bg_node *a, bg_node *b, bg_triangle triangle);

/* x with op(a) · x = b, where only the triangle of a is read (and the diagonal not if it is one of ones); op(a) is a or
 * aᵀ. is_right: x · op(a) = b, b [.., r, n], where one of rank 1 is a row. options may be NULL.
 *   db = op(a)ᵀ⁻¹ · dx   d op(a) = -db · xᵀ, of which a gets the triangle alone
 * Fails at a 0 on the diagonal. */
typedef struct {
    bg_triangle triangle; /* of a as it is stored */
    bool is_transposed;
    bool is_unit;
    bool is_right;
} bg_triangular_options;
BG_API bg_node *bg_solve_triangular(bg_node *a, bg_node *b, const bg_triangular_options *options);

/* x [.., n, r] with a · x = b for a tridiagonal a: lower [.., n - 1], diagonal [.., n], upper [.., n - 1], b [.., n,
 * r]; with partial pivoting. For n = 0, lower and upper are [.., 0]. Gradients and failures are those of bg_solve, on
 * the three diagonals. */
BG_API bg_node *bg_solve_tridiagonal(bg_node *lower, bg_node *diagonal, bg_node *upper, bg_node *b);

/* With factors that are there already: of bg_cholesky, of which that triangle is read and gets the gradient; of bg_lu,
 * where gradients go to a. */
BG_API bg_node *bg_cholesky_solve(bg_node *factor, bg_node *b, bg_triangle triangle);
BG_API bg_node *bg_lu_solve(bg_lu_factors lu, bg_node *b);

/* x [.., n, r] that minimises ‖a · x - b‖² + ridge ‖x‖², a [.., m, n], b [.., m, r]. options may be NULL.
 *   By QR, for m >= n or a ridge. With z = (aᵀ · a + ridge)⁻¹ · dx:
 *   db = a · z   da = (b - a · x) · zᵀ - a · z · xᵀ
 *   A run fails where a, with the ridge's root on a diagonal beside it, has not full rank: a diagonal element of r is
 *   within max(m, n) · epsilon of 0, relative to the largest.
 *
 *   by_svd, for any a: singular values up to tolerance · the largest count as 0, and x is the shortest of the
 *   minimisers. Its gradient is the one of constant rank: Golub and Pereyra, The differentiation of pseudo-inverses,
 *   1973. */
typedef struct {
    double ridge; /* >= 0; beside by_svd it must be 0 */
    bool by_svd;
    bg_optional tolerance; /* by_svd: max(m, n) · epsilon unless given */
} bg_lstsq_options;
BG_API bg_node *bg_lstsq(bg_node *a, bg_node *b, const bg_lstsq_options *options);

/* a⁻¹ [.., n, n]:   da = -yᵀ · dy · yᵀ. Fails where a is singular. */
BG_API bg_node *bg_inv(bg_node *a);
/* Moore and Penrose's inverse [.., n, m] of a [.., m, n]; singular values up to tolerance · the largest count as 0,
 * where tolerance is max(m, n) · epsilon unless given. Gradient of constant rank, as of bg_lstsq by_svd. */
BG_API bg_node *bg_pinv(bg_node *a, bg_optional tolerance);

/* x with a · x + x · a = c: a [.., n, n] symmetric positive definite, read in the lower triangle; c [.., n, n] any.
 *   dc solves the equation with dx   da = -sym(dc · xᵀ + xᵀ · dc) */
BG_API bg_node *bg_lyapunov(bg_node *a, bg_node *c);

/* ---- Functions of matrices ---- */

/* a [.., n, n] -> [..]; 1 for n = 0. The gradient dy · cofactors is right for a singular a too; its own derivative
 * needs a regular one. Fails where the determinant, or a cofactor in the gradient, is beyond the range of the type. */
BG_API bg_node *bg_det(bg_node *a);
/* The sign, 1, -1 or 0, and log |det a|, -inf for a singular a; the gradient of the latter, a⁻¹ᵀ, then fails, and that
 * of the sign is 0. */
typedef struct {
    bg_node *sign, *logabs;
} bg_signed_log;
BG_API bg_signed_log bg_slogdet(bg_node *a);
/* log det a; fails where det a is not positive. */
BG_API bg_node *bg_logdet(bg_node *a);
/* The same by Cholesky, of a symmetric positive definite a, of which that triangle is read: fails as bg_cholesky does.
 */
BG_API bg_node *bg_logdet_spd(bg_node *a, bg_triangle triangle);

/* Norms of a [.., m, n] -> [..]; 0 of an empty matrix. Frobenius; nuclear, the sum of the singular values; spectral,
 * the largest of them; of rows and of columns, the largest sum of magnitudes in one (‖a‖∞ and ‖a‖₁). Where the norm has
 * a kink, one of its subgradients. NaN and infinities come through Frobenius's norm and sums, with no failure. */
typedef enum { BG_FROBENIUS, BG_NUCLEAR, BG_SPECTRAL, BG_ROW_SUMS, BG_COLUMN_SUMS } bg_matrix_norm_kind;
BG_API bg_node *bg_matrix_norm(bg_node *a, bg_matrix_norm_kind kind);
/* The largest singular value by the smallest, [..]; inf for one that is 0, whose gradient then fails. Not of an empty
 * matrix (BG_ERR_SHAPE). */
BG_API bg_node *bg_cond(bg_node *a);
/* The number of singular values above tolerance · the largest, i64 [..]; max(m, n) · epsilon unless given. */
BG_API bg_node *bg_matrix_rank(bg_node *a, bg_optional tolerance);
/* a [.., n, n] multiplied with itself, or its inverse for a negative exponent, in the fewest products that Knuth's
 * power tree finds; the identity for 0. Fails where the result is not finite, or a is singular and has to be inverted.
 */
BG_API bg_node *bg_matrix_power(bg_node *a, int64_t exponent);
/* Σ aⁱ / i! by scaling and squaring of Padé approximants: Higham, The scaling and squaring method for the matrix
 * exponential revisited, 2005. Gradient by the Fréchet derivative: Al-Mohy and Higham, Computing the Fréchet derivative
 * of the matrix exponential, 2009. Fails where the result is not finite, and above a norm of 1 / epsilon, with which no
 * digit of it would be right. */
BG_API bg_node *bg_matrix_exp(bg_node *a);

/* ---- Normal distributions ----
 * x [.., n] and mean [.., n] broadcast against each other; factor [.., n, n] is the lower Cholesky factor of the
 * covariance, as bg_cholesky gives it, whose batch broadcasts against theirs. */
/* sqrt((x - mean)ᵀ · covariance⁻¹ · (x - mean)), [..]; gradient 0 where it is 0. */
BG_API bg_node *bg_mahalanobis(bg_node *x, bg_node *mean, bg_node *factor);
/* -½ (mahalanobis² + n log 2π) - Σ log |factor_ii|, [..]; -inf where the square is beyond the type's range. */
BG_API bg_node *bg_gaussian_log_density(bg_node *x, bg_node *mean, bg_node *factor);

#ifdef __cplusplus
}
#endif
#endif
