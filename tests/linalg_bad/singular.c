/* Singular values, and what is computed from them. */
#include "bad.h"

static long double larger(long double a, long double b) { return a > b ? a : b; }

/* ---- Factors ---- */

static const bg_spectral_options full = { .is_full = true }, regularized = { .regularization = 1e-3 };

/* u · diag(1, 2, ..) · vt, in which the signs of the vectors cancel */
static bg_node *vectors_of(bg_node *x, const bg_spectral_options *options)
{
    bg_svd_factors f = bg_svd(x, options);
    if (!f.s)
        return NULL;
    bg_shape shape = bg_node_shape(f.s);
    bg_node *weights = bg_arange(bg_node_graph(x), bg_node_dtype(x), 1, (double)shape.dims[shape.rank - 1] + 1, 1);
    return bg_matmul(bg_mul(f.u, weights), f.vt);
}
static bg_node *values(bg_node *const *x) { return bg_svd(x[0], NULL).s; }
static bg_node *values_alone(bg_node *const *x) { return bg_svdvals(x[0]); }
static bg_node *values_full(bg_node *const *x) { return bg_svd(x[0], &full).s; }
static bg_node *vectors(bg_node *const *x) { return vectors_of(x[0], NULL); }
static bg_node *vectors_regularized(bg_node *const *x) { return vectors_of(x[0], &regularized); }
static int parts_of(bg_svd_factors f, bg_node **y)
{
    y[0] = f.u, y[1] = f.s, y[2] = f.vt;
    return 3;
}
static int svd_parts(bg_node *const *x, bg_node **y) { return parts_of(bg_svd(x[0], NULL), y); }
static int full_parts(bg_node *const *x, bg_node **y) { return parts_of(bg_svd(x[0], &full), y); }
static long double svd_ratio(const bad_run *r)
{
    matrix a = r->x[0], u = r->y[0], vt = r->y[2], s = matrix_of(u.columns, vt.rows);
    for (int64_t i = 0; i < r->y[1].rows; i++)
        s.v[i * s.columns + i] = r->y[1].v[i];
    long double back = ratio_of(r, difference(product(product(u, s), vt), a), norm_1(a));
    matrix uu = product(transposed(u), u), vv = product(vt, transposed(vt));
    long double of_u = ratio_of(r, difference(uu, identity(uu.rows)), 1);
    return larger(back, larger(of_u, ratio_of(r, difference(vv, identity(vv.rows)), 1)));
}

static bg_node *polar_u(bg_node *const *x) { return bg_polar(x[0]).u; }
static bg_node *polar_p(bg_node *const *x) { return bg_polar(x[0]).p; }
static int polar_parts(bg_node *const *x, bg_node **y)
{
    bg_polar_factors f = bg_polar(x[0]);
    y[0] = f.u, y[1] = f.p;
    return 2;
}
static long double polar_ratio(const bad_run *r)
{
    matrix a = r->x[0], u = r->y[0], uu = product(transposed(u), u);
    long double back = ratio_of(r, difference(product(u, r->y[1]), a), norm_1(a));
    return larger(back, ratio_of(r, difference(uu, identity(uu.rows)), 1));
}

/* ---- Solutions ---- */

static const bg_lstsq_options by_svd = { .by_svd = true };
static bg_node *lstsq(bg_node *const *x) { return bg_lstsq(x[0], x[1], &by_svd); }
static bg_node *pinv(bg_node *const *x) { return bg_pinv(x[0], (bg_optional){ 0 }); }

static long double lstsq_ratio(const bad_run *r)
{
    matrix a = r->x[0], x = r->y[0], b = r->x[1];
    long double size = larger(norm_1(a), norm_1(transposed(a)));
    matrix gradient = product(transposed(a), difference(b, product(a, x)));
    return ratio_of(r, gradient, size * size * norm_1(x) + size * norm_1(b));
}
/* a · p · a - a */
static long double pinv_ratio(const bad_run *r)
{
    matrix a = r->x[0], p = r->y[0];
    return ratio_of(r, difference(product(product(a, p), a), a), norm_1(a) * norm_1(a) * norm_1(p));
}

/* ---- Numbers ---- */

#define NORM(name, kind)                                                                                               \
    static bg_node *name(bg_node *const *x) { return bg_matrix_norm(x[0], kind); }
NORM(frobenius, BG_FROBENIUS)
NORM(nuclear, BG_NUCLEAR)
NORM(spectral, BG_SPECTRAL)
NORM(row_sums, BG_ROW_SUMS)
NORM(column_sums, BG_COLUMN_SUMS)
static bg_node *cond(bg_node *const *x) { return bg_cond(x[0]); }
static bg_node *rank(bg_node *const *x) { return bg_matrix_rank(x[0], (bg_optional){ 0 }); }

#define NOT_FULL REFUSED("full rank")
/* Of a matrix whose rank is a matter of rounding. */
#define POLAR_AT                                                                                                       \
    {                                                                                                                  \
        [ZERO] = NOT_FULL, [DEFICIENT] = REFUSED_OR_RIGHT("full rank")                                                 \
    }
#define OF_NORM(kind) .forms = { WIDE }, .value = kind, .degree = { 1 }, .at = { [ZERO] = GIVES(ZEROS) }

const bad_row bad_singular_rows[] = {
    { .name = "svd, values",
      .forms = { TALL },
      .value = values,
      .parts = svd_parts,
      .ratio = svd_ratio,
      .degree = { 1 } },
    { .name = "svd of a wide matrix, values",
      .forms = { WIDE },
      .value = values,
      .parts = svd_parts,
      .ratio = svd_ratio,
      .degree = { 1 } },
    { .name = "svd, full, values",
      .forms = { TALL },
      .value = values_full,
      .parts = full_parts,
      .ratio = svd_ratio,
      .degree = { 1 } },
    { .name = "svd, vectors",
      .forms = { TALL },
      .largest = 24,
      .value = vectors,
      .parts = svd_parts,
      .ratio = svd_ratio,
      .gradient_at = { [ZERO] = REFUSED("to rounding"), [DEFICIENT] = GIVES(ANY_ANSWER) } },
    { .name = "svd of a wide matrix, vectors",
      .forms = { WIDE },
      .largest = 24,
      .value = vectors,
      .parts = svd_parts,
      .ratio = svd_ratio,
      .gradient_at = { [ZERO] = REFUSED("to rounding"), [DEFICIENT] = GIVES(ANY_ANSWER) } },
    { .name = "svd, vectors, regularized",
      .forms = { GENERAL },
      .largest = 24,
      .value = vectors_regularized,
      .has_no_degree = true },
    { .name = "svdvals", .forms = { GENERAL }, .value = values_alone, .degree = { 1 } },
    { .name = "polar, u",
      .forms = { TALL },
      .value = polar_u,
      .parts = polar_parts,
      .ratio = polar_ratio,
      .at = POLAR_AT,
      .gradient_at = { [ZERO] = NOT_FULL, [DEFICIENT] = GIVES(ANY_ANSWER) } },
    { .name = "polar, p",
      .forms = { TALL },
      .value = polar_p,
      .parts = polar_parts,
      .ratio = polar_ratio,
      .degree = { 1 },
      .at = POLAR_AT,
      .gradient_at = { [ZERO] = NOT_FULL, [DEFICIENT] = GIVES(ANY_ANSWER) } },
    { .name = "lstsq by svd",
      .forms = { TALL, TALL_RIGHT },
      .value = lstsq,
      .ratio = lstsq_ratio,
      .degree = { -1, 1 },
      .at = { [ZERO] = GIVES(ZEROS) },
      .gradient_at = { [ZERO] = GIVES(ZEROS) } },
    { .name = "lstsq by svd of a wide matrix",
      .forms = { WIDE, RIGHT },
      .value = lstsq,
      .ratio = lstsq_ratio,
      .degree = { -1, 1 },
      .at = { [ZERO] = GIVES(ZEROS) },
      .gradient_at = { [ZERO] = GIVES(ZEROS) } },
    { .name = "pinv",
      .forms = { TALL },
      .value = pinv,
      .ratio = pinv_ratio,
      .degree = { -1 },
      .at = { [ZERO] = GIVES(ZEROS) },
      .gradient_at = { [ZERO] = GIVES(ZEROS) } },
    { .name = "matrix_norm, frobenius", OF_NORM(frobenius), .passes_on = true },
    { .name = "matrix_norm, nuclear", OF_NORM(nuclear) },
    { .name = "matrix_norm, spectral", OF_NORM(spectral) },
    { .name = "matrix_norm, row sums", OF_NORM(row_sums), .passes_on = true },
    /* Sums of more of the largest numbers are infinite in every column, which then share the gradient. */
    { .name = "matrix_norm, column sums", OF_NORM(column_sums), .passes_on = true, .largest = 24 },
    { .name = "cond",
      .forms = { GENERAL },
      .value = cond,
      .at = { [ZERO] = GIVES(INFINITE), [DEFICIENT] = GIVES(ANY_VALUE) },
      .gradient_at = { [ZERO] = REFUSED("a singular value is 0"), [DEFICIENT] = GIVES(ANY_ANSWER) } },
    { .name = "matrix_rank",
      .forms = { WIDE },
      .value = rank,
      .has_no_gradient = true,
      .at = { [ZERO] = GIVES(ZEROS) } },
    { 0 },
};
