/* Eigenvalues and vectors of symmetric matrices, and functions of them. */
#include "bad.h"

/* ---- Eigenvalues and vectors ---- */

static const bg_spectral_options from_upper = { .triangle = BG_UPPER }, regularized = { .regularization = 1e-3 };

/* v · diag(1, 2, ..) · vᵀ, in which the signs of the vectors cancel */
static bg_node *vectors_of(bg_node *x, const bg_spectral_options *options)
{
    bg_node *v = bg_eigh(x, options).vectors;
    if (!v)
        return NULL;
    bg_shape shape = bg_node_shape(v);
    bg_node *weights = bg_arange(bg_node_graph(v), bg_node_dtype(v), 1, (double)shape.dims[shape.rank - 1] + 1, 1);
    return bg_matmul(bg_mul(v, weights), bg_transpose(v, -1, -2));
}
static bg_node *values(bg_node *const *x) { return bg_eigh(x[0], NULL).values; }
static bg_node *values_upper(bg_node *const *x) { return bg_eigh(x[0], &from_upper).values; }
static bg_node *vectors(bg_node *const *x) { return vectors_of(x[0], NULL); }
static bg_node *vectors_regularized(bg_node *const *x) { return vectors_of(x[0], &regularized); }
static int eigh_parts(bg_node *const *x, bg_node **y)
{
    bg_eigen e = bg_eigh(x[0], NULL);
    y[0] = e.values, y[1] = e.vectors;
    return 2;
}
static int eigh_upper_parts(bg_node *const *x, bg_node **y)
{
    bg_eigen e = bg_eigh(x[0], &from_upper);
    y[0] = e.values, y[1] = e.vectors;
    return 2;
}
static long double larger(long double a, long double b) { return a > b ? a : b; }
static long double eigen_ratio(const bad_run *r, matrix a)
{
    matrix v = r->y[1], vt = transposed(v);
    long double back = ratio_of(r, difference(product(product(v, diagonal_of(r->y[0])), vt), a), norm_1(a));
    return larger(back, ratio_of(r, difference(product(vt, v), identity(r->n)), 1));
}
static long double eigh_ratio(const bad_run *r) { return eigen_ratio(r, symmetric_of(r->x[0], BG_LOWER)); }
static long double eigh_upper_ratio(const bad_run *r) { return eigen_ratio(r, symmetric_of(r->x[0], BG_UPPER)); }

/* ---- Functions ---- */

static bg_node *root(bg_node *const *x) { return bg_symmetric_sqrt(x[0]); }
static bg_node *inverse_root(bg_node *const *x) { return bg_symmetric_inverse_sqrt(x[0]); }
static bg_node *exponential(bg_node *const *x) { return bg_symmetric_exp(x[0]); }
static bg_node *logarithm(bg_node *const *x) { return bg_symmetric_log(x[0]); }
static bg_node *square(bg_node *const *x) { return bg_symmetric_power(x[0], 2); }
static bg_node *power_half(bg_node *const *x) { return bg_symmetric_power(x[0], 1.5); }
static bg_node *inverse(bg_node *const *x) { return bg_symmetric_power(x[0], -1); }
static bg_node *lyapunov(bg_node *const *x) { return bg_lyapunov(x[0], x[1]); }
static bg_node *matrix_exp(bg_node *const *x) { return bg_matrix_exp(x[0]); }

static long double root_ratio(const bad_run *r)
{
    matrix a = symmetric_of(r->x[0], BG_LOWER);
    return ratio_of(r, difference(product(r->y[0], r->y[0]), a), norm_1(a));
}
static long double square_ratio(const bad_run *r)
{
    matrix a = symmetric_of(r->x[0], BG_LOWER);
    return ratio_of(r, difference(r->y[0], product(a, a)), norm_1(a) * norm_1(a));
}
static long double inverse_ratio(const bad_run *r)
{
    matrix a = symmetric_of(r->x[0], BG_LOWER);
    return ratio_of(r, difference(product(a, r->y[0]), identity(r->n)), norm_1(a) * norm_1(r->y[0]));
}
/* a · x + x · a - c */
static long double lyapunov_ratio(const bad_run *r)
{
    matrix a = symmetric_of(r->x[0], BG_LOWER), x = r->y[0];
    matrix left = difference(product(a, x), r->x[1]);
    matrix minus = difference(matrix_of(r->n, r->n), product(x, a));
    return ratio_of(r, difference(left, minus), 2 * norm_1(a) * norm_1(x));
}

#define NOT_POSITIVE REFUSED("eigenvalue")
/* Of a matrix that is singular to rounding, an eigenvalue may come out above 0.
 */
#define POSITIVE_AT                                                                                                    \
    {                                                                                                                  \
        [ZERO] = NOT_POSITIVE, [DEFICIENT] = GIVES(ANY_ANSWER), [NEGATIVE] = NOT_POSITIVE                              \
    }

const bad_row bad_symmetric_rows[] = {
    { .name = "eigh, values",
      .forms = { INDEFINITE },
      .reads = READS_LOWER,
      .value = values,
      .parts = eigh_parts,
      .ratio = eigh_ratio,
      .degree = { 1 } },
    { .name = "eigh, values, upper",
      .forms = { INDEFINITE },
      .reads = READS_UPPER,
      .value = values_upper,
      .parts = eigh_upper_parts,
      .ratio = eigh_upper_ratio,
      .degree = { 1 } },
    { .name = "eigh, vectors",
      .forms = { INDEFINITE },
      .largest = 24,
      .reads = READS_LOWER,
      .value = vectors,
      .parts = eigh_parts,
      .ratio = eigh_ratio,
      .gradient_at = { [ZERO] = REFUSED_FROM_2("equal") } },
    { .name = "eigh, vectors, regularized",
      .forms = { INDEFINITE },
      .largest = 24,
      .reads = READS_LOWER,
      .value = vectors_regularized,
      .has_no_degree = true },
    { .name = "symmetric_sqrt",
      .forms = { POSITIVE },
      .reads = READS_LOWER,
      .value = root,
      .ratio = root_ratio,
      .degree = { 0.5 },
      .at = { [ZERO] = GIVES(ZEROS), [DEFICIENT] = REFUSED_OR_RIGHT("eigenvalue"), [NEGATIVE] = NOT_POSITIVE },
      .gradient_at = POSITIVE_AT },
    { .name = "symmetric_inverse_sqrt",
      .forms = { POSITIVE },
      .reads = READS_LOWER,
      .value = inverse_root,
      .degree = { -0.5 },
      .at = POSITIVE_AT,
      .gradient_at = POSITIVE_AT },
    { .name = "symmetric_log",
      .forms = { POSITIVE },
      .reads = READS_LOWER,
      .value = logarithm,
      .logs = 1,
      .at = POSITIVE_AT,
      .gradient_at = POSITIVE_AT },
    { .name = "symmetric_exp",
      .forms = { INDEFINITE },
      .reads = READS_LOWER,
      .value = exponential,
      .is_exponential = true,
      .at = { [ZERO] = GIVES(IDENTITY) },
      .gradient_at = { [ZERO] = GIVES(SYMMETRIC_COTANGENT) } },
    { .name = "symmetric_power 2",
      .forms = { INDEFINITE },
      .reads = READS_LOWER,
      .value = square,
      .ratio = square_ratio,
      .degree = { 2 },
      .at = { [ZERO] = GIVES(ZEROS) },
      .gradient_at = { [ZERO] = GIVES(ZEROS) } },
    { .name = "symmetric_power 1.5",
      .forms = { POSITIVE },
      .reads = READS_LOWER,
      .value = power_half,
      .degree = { 1.5 },
      .at = { [ZERO] = GIVES(ZEROS), [DEFICIENT] = GIVES(ANY_ANSWER), [NEGATIVE] = NOT_POSITIVE },
      .gradient_at = { [ZERO] = GIVES(ZEROS), [DEFICIENT] = GIVES(ANY_ANSWER), [NEGATIVE] = NOT_POSITIVE } },
    { .name = "symmetric_power -1",
      .forms = { INDEFINITE },
      .reads = READS_LOWER,
      .value = inverse,
      .ratio = inverse_ratio,
      .degree = { -1 },
      .at = { [ZERO] = NOT_POSITIVE, [DEFICIENT] = GIVES(ANY_ANSWER) },
      .gradient_at = { [ZERO] = NOT_POSITIVE, [DEFICIENT] = GIVES(ANY_ANSWER) } },
    { .name = "lyapunov",
      .forms = { POSITIVE, GENERAL },
      .reads = READS_LOWER,
      .value = lyapunov,
      .ratio = lyapunov_ratio,
      .degree = { -1, 1 },
      .at = { [ZERO] = REFUSED("positive"),
              [DEFICIENT] = REFUSED_OR_RIGHT("positive"),
              [NEGATIVE] = REFUSED("positive") },
      .gradient_at = { [ZERO] = REFUSED("positive"),
                       [DEFICIENT] = GIVES(ANY_ANSWER),
                       [NEGATIVE] = REFUSED("positive") } },
    { .name = "matrix_exp",
      .forms = { GENERAL },
      .value = matrix_exp,
      .is_exponential = true,
      .at = { [ZERO] = GIVES(IDENTITY) },
      .gradient_at = { [ZERO] = GIVES(COTANGENT) } },
    { 0 },
};
