/* QR, singular values, least squares, and norms. */
#include "bad.h"

static long double larger(long double a, long double b) { return a > b ? a : b; }
/* ‖qᵀ · q - 1‖ */
static long double orthogonal_ratio(const bad_run *r, matrix q)
{
    return ratio_of(r, difference(product(transposed(q), q), identity(q.columns)), 1);
}

/* ---- QR ---- */

static bg_node *qr_q(bg_node *const *x) { return bg_qr(x[0], false).q; }
static bg_node *qr_r(bg_node *const *x) { return bg_qr(x[0], false).r; }
static bg_node *qr_complete(bg_node *const *x) { return bg_qr(x[0], true).q; }
static int qr_parts(bg_node *const *x, bg_node **y)
{
    bg_qr_factors qr = bg_qr(x[0], false);
    y[0] = qr.q, y[1] = qr.r;
    return 2;
}
static int qr_complete_parts(bg_node *const *x, bg_node **y)
{
    bg_qr_factors qr = bg_qr(x[0], true);
    y[0] = qr.q, y[1] = qr.r;
    return 2;
}
static long double qr_ratio(const bad_run *r)
{
    matrix a = r->x[0];
    return larger(ratio_of(r, difference(product(r->y[0], r->y[1]), a), norm_1(a)), orthogonal_ratio(r, r->y[0]));
}

/* ---- Least squares ---- */

static const bg_lstsq_options ridge = { .ridge = 0.5 };
static bg_node *lstsq(bg_node *const *x) { return bg_lstsq(x[0], x[1], NULL); }
static bg_node *lstsq_ridge(bg_node *const *x) { return bg_lstsq(x[0], x[1], &ridge); }

/* ‖aᵀ · (b - a · x) - ridge · x‖ / (‖a‖² ‖x‖ + ‖a‖ ‖b‖) */
static long double normal_ratio(const bad_run *r, long double penalty)
{
    matrix a = r->x[0], x = r->y[0], b = r->x[1];
    matrix gradient = product(transposed(a), difference(b, product(a, x)));
    for (int64_t i = 0; i < x.rows * x.columns; i++)
        gradient.v[i] -= penalty * x.v[i];
    long double size = larger(norm_1(a), norm_1(transposed(a)));
    return ratio_of(r, gradient, size * size * norm_1(x) + size * norm_1(b) + penalty * norm_1(x));
}
static long double lstsq_ratio(const bad_run *r) { return normal_ratio(r, 0); }
static long double ridge_ratio(const bad_run *r) { return normal_ratio(r, 0.5L); }

#define NOT_FULL REFUSED("a has not full rank")
#define LSTSQ_AT                                                                                                       \
    {                                                                                                                  \
        [ZERO] = NOT_FULL, [DEFICIENT] = NOT_FULL                                                                      \
    }

const bad_row bad_orthogonal_rows[] = {
    { .name = "qr, q",
      .forms = { TALL },
      .value = qr_q,
      .parts = qr_parts,
      .ratio = qr_ratio,
      .gradient_at = { [ZERO] = REFUSED("singular"), [DEFICIENT] = GIVES(ANY_ANSWER) } },
    { .name = "qr, r",
      .forms = { TALL },
      .value = qr_r,
      .parts = qr_parts,
      .ratio = qr_ratio,
      .degree = { 1 },
      .gradient_at = { [ZERO] = REFUSED("singular"), [DEFICIENT] = GIVES(ANY_ANSWER) } },
    { .name = "qr of a wide matrix, q",
      .forms = { WIDE },
      .value = qr_q,
      .parts = qr_parts,
      .ratio = qr_ratio,
      .gradient_at = { [ZERO] = REFUSED("singular"), [DEFICIENT] = GIVES(ANY_ANSWER) } },
    { .name = "qr of a wide matrix, r",
      .forms = { WIDE },
      .value = qr_r,
      .parts = qr_parts,
      .ratio = qr_ratio,
      .degree = { 1 },
      .gradient_at = { [ZERO] = REFUSED("singular"), [DEFICIENT] = GIVES(ANY_ANSWER) } },
    { .name = "qr, complete",
      .forms = { TALL },
      .value = qr_complete,
      .has_no_gradient = true,
      .parts = qr_complete_parts,
      .ratio = qr_ratio },
    { .name = "lstsq",
      .forms = { TALL, TALL_RIGHT },
      .value = lstsq,
      .ratio = lstsq_ratio,
      .degree = { -1, 1 },
      .at = LSTSQ_AT,
      .gradient_at = LSTSQ_AT },
    { .name = "lstsq, ridge",
      .forms = { TALL, TALL_RIGHT },
      .value = lstsq_ridge,
      .ratio = ridge_ratio,
      .has_no_degree = true,
      .at = { [ZERO] = GIVES(ZEROS) } },
    { 0 },
};
