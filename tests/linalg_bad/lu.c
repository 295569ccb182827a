/* LU, what is solved and computed with it, tridiagonal systems and normal distributions. */
#include "bad.h"

/* ---- Factors ---- */

static bg_node *lu_lower(bg_node *const *x) { return bg_lu(x[0]).lower; }
static bg_node *lu_upper(bg_node *const *x) { return bg_lu(x[0]).upper; }
static int lu_parts(bg_node *const *x, bg_node **y)
{
    bg_lu_factors lu = bg_lu(x[0]);
    y[0] = lu.lower, y[1] = lu.upper, y[2] = lu.permutation;
    return 3;
}
static long double lu_ratio(const bad_run *r)
{
    matrix a = r->x[0], permuted = matrix_of(a.rows, a.columns);
    for (int64_t i = 0; i < a.rows; i++)
        for (int64_t j = 0; j < a.columns; j++)
            permuted.v[i * a.columns + j] = a.v[(int64_t)r->y[2].v[i] * a.columns + j];
    return ratio_of(r, difference(product(r->y[0], r->y[1]), permuted), norm_1(a));
}

/* ---- Systems ---- */

static bg_node *solve(bg_node *const *x) { return bg_solve(x[0], x[1]); }
static bg_node *solve_spd(bg_node *const *x) { return bg_solve_spd(x[0], x[1], BG_LOWER); }
static bg_node *solve_spd_upper(bg_node *const *x) { return bg_solve_spd(x[0], x[1], BG_UPPER); }
static bg_node *lu_solve(bg_node *const *x) { return bg_lu_solve(bg_lu(x[0]), x[1]); }
static bg_node *inv(bg_node *const *x) { return bg_inv(x[0]); }
static bg_node *solve_tridiagonal(bg_node *const *x) { return bg_solve_tridiagonal(x[0], x[1], x[2], x[3]); }

static long double system_ratio(const bad_run *r, matrix a, matrix b)
{
    return ratio_of(r, difference(b, product(a, r->y[0])), norm_1(a) * norm_1(r->y[0]));
}
static long double solve_ratio(const bad_run *r) { return system_ratio(r, r->x[0], r->x[1]); }
static long double solve_spd_ratio(const bad_run *r)
{
    return system_ratio(r, symmetric_of(r->x[0], BG_LOWER), r->x[1]);
}
static long double inv_ratio(const bad_run *r) { return system_ratio(r, r->x[0], identity(r->n)); }
static long double tridiagonal_ratio(const bad_run *r)
{
    matrix a = diagonal_of(r->x[1]);
    for (int64_t i = 0; i + 1 < r->n; i++) {
        a.v[(i + 1) * r->n + i] = r->x[0].v[i];
        a.v[i * r->n + i + 1] = r->x[2].v[i];
    }
    return system_ratio(r, a, r->x[3]);
}

/* ---- Functions ---- */

static bg_node *det(bg_node *const *x) { return bg_det(x[0]); }
static bg_node *sign(bg_node *const *x) { return bg_slogdet(x[0]).sign; }
static bg_node *logabs(bg_node *const *x) { return bg_slogdet(x[0]).logabs; }
static bg_node *logdet(bg_node *const *x) { return bg_logdet(x[0]); }
static bg_node *logdet_spd(bg_node *const *x) { return bg_logdet_spd(x[0], BG_LOWER); }
static bg_node *cube(bg_node *const *x) { return bg_matrix_power(x[0], 3); }
static bg_node *inverse_square(bg_node *const *x) { return bg_matrix_power(x[0], -2); }
static bg_node *power_0(bg_node *const *x) { return bg_matrix_power(x[0], 0); }

static long double cube_ratio(const bad_run *r)
{
    matrix a = r->x[0];
    long double norm = norm_1(a);
    return ratio_of(r, difference(r->y[0], product(a, product(a, a))), norm * norm * norm);
}

/* ---- Normal distributions ---- */

static bg_node *mahalanobis(bg_node *const *x) { return bg_mahalanobis(x[1], x[2], x[0]); }
static bg_node *log_density(bg_node *const *x) { return bg_gaussian_log_density(x[1], x[2], x[0]); }

#define SINGULAR REFUSED(" is singular: ")
#define SINGULAR_AT                                                                                                    \
    {                                                                                                                  \
        [ZERO] = SINGULAR, [DEFICIENT] = REFUSED_OR_RIGHT(" is singular: ")                                            \
    }
#define NOT_POSITIVE REFUSED("not positive definite: the leading minor of order ")
#define SPD_AT                                                                                                         \
    {                                                                                                                  \
        [ZERO] = NOT_POSITIVE, [DEFICIENT] = NOT_POSITIVE, [NEGATIVE] = NOT_POSITIVE                                   \
    }
#define FACTOR_AT                                                                                                      \
    {                                                                                                                  \
        [ZERO] = REFUSED("0 at [0, 0]"), [DEFICIENT] = REFUSED("0 at [")                                               \
    }

const bad_row bad_lu_rows[] = {
    { .name = "lu, lower",
      .forms = { GENERAL },
      .value = lu_lower,
      .parts = lu_parts,
      .ratio = lu_ratio,
      .gradient_at = SINGULAR_AT },
    { .name = "lu, upper",
      .forms = { GENERAL },
      .value = lu_upper,
      .parts = lu_parts,
      .ratio = lu_ratio,
      .degree = { 1 },
      .gradient_at = SINGULAR_AT },
    /* The leading n x n matrix of a tall one is regular in its permuted rows, or it is not. */
    { .name = "lu of a tall matrix, lower",
      .forms = { TALL },
      .value = lu_lower,
      .parts = lu_parts,
      .ratio = lu_ratio,
      .gradient_at = { [ZERO] = SINGULAR, [DEFICIENT] = GIVES(ANY_ANSWER) } },
    { .name = "lu of a tall matrix, upper",
      .forms = { TALL },
      .value = lu_upper,
      .parts = lu_parts,
      .ratio = lu_ratio,
      .degree = { 1 },
      .gradient_at = { [ZERO] = SINGULAR, [DEFICIENT] = GIVES(ANY_ANSWER) } },
    { .name = "lu of a wide matrix, lower",
      .forms = { WIDE },
      .value = lu_lower,
      .parts = lu_parts,
      .ratio = lu_ratio,
      .gradient_at = SINGULAR_AT },
    { .name = "lu of a wide matrix, upper",
      .forms = { WIDE },
      .value = lu_upper,
      .parts = lu_parts,
      .ratio = lu_ratio,
      .degree = { 1 },
      .gradient_at = SINGULAR_AT },

    { .name = "solve",
      .forms = { GENERAL, RIGHT },
      .value = solve,
      .ratio = solve_ratio,
      .degree = { -1, 1 },
      .at = SINGULAR_AT,
      .gradient_at = SINGULAR_AT },
    { .name = "lu_solve",
      .forms = { GENERAL, RIGHT },
      .value = lu_solve,
      .ratio = solve_ratio,
      .degree = { -1, 1 },
      .at = SINGULAR_AT,
      .gradient_at = SINGULAR_AT },
    { .name = "solve_spd",
      .forms = { POSITIVE, RIGHT },
      .reads = READS_LOWER,
      .value = solve_spd,
      .ratio = solve_spd_ratio,
      .degree = { -1, 1 },
      .at = SPD_AT,
      .gradient_at = SPD_AT },
    { .name = "solve_spd, upper",
      .forms = { POSITIVE, RIGHT },
      .reads = READS_UPPER,
      .value = solve_spd_upper,
      .ratio = solve_spd_ratio,
      .degree = { -1, 1 },
      .at = SPD_AT,
      .gradient_at = SPD_AT },
    { .name = "solve_tridiagonal",
      .forms = { BESIDE, DIAGONAL, BESIDE, RIGHT },
      .value = solve_tridiagonal,
      .ratio = tridiagonal_ratio,
      .degree = { -1, 0, 0, 1 },
      .only_together = true,
      .at = SINGULAR_AT,
      .gradient_at = SINGULAR_AT },
    { .name = "inv",
      .forms = { GENERAL },
      .value = inv,
      .ratio = inv_ratio,
      .degree = { -1 },
      .at = SINGULAR_AT,
      .gradient_at = SINGULAR_AT },

    { .name = "det",
      .forms = { GENERAL },
      .largest = 24,
      .value = det,
      .degree = { 1 },
      .degree_times_n = true,
      .at = { [ZERO] = GIVES(ZEROS), [DEFICIENT] = GIVES(ZEROS) } },
    { .name = "slogdet, sign",
      .forms = { GENERAL },
      .value = sign,
      .has_no_gradient = true,
      .at = { [ZERO] = GIVES(ZEROS) } },
    { .name = "slogdet, logabs",
      .forms = { GENERAL },
      .value = logabs,
      .logs = 1,
      .at = { [ZERO] = GIVES(MINUS_INFINITE), [DEFICIENT] = GIVES(ANY_VALUE) },
      .gradient_at = SINGULAR_AT },
    { .name = "logdet",
      .forms = { GENERAL },
      .value = logdet,
      .logs = 1,
      .at = { [ZERO] = REFUSED("the determinant is 0"), [DEFICIENT] = GIVES(ANY_ANSWER) },
      .gradient_at = { [ZERO] = REFUSED(" is "), [DEFICIENT] = GIVES(ANY_ANSWER) } },
    { .name = "logdet_spd",
      .forms = { POSITIVE },
      .reads = READS_LOWER,
      .value = logdet_spd,
      .logs = 1,
      .at = SPD_AT,
      .gradient_at = SPD_AT },
    { .name = "matrix_power 3",
      .forms = { GENERAL },
      .value = cube,
      .ratio = cube_ratio,
      .degree = { 3 },
      .at = { [ZERO] = GIVES(ZEROS) },
      .gradient_at = { [ZERO] = GIVES(ZEROS) } },
    { .name = "matrix_power -2",
      .forms = { GENERAL },
      .value = inverse_square,
      .degree = { -2 },
      .at = SINGULAR_AT,
      .gradient_at = SINGULAR_AT },
    { .name = "matrix_power 0",
      .forms = { GENERAL },
      .value = power_0,
      .at = { [ZERO] = GIVES(IDENTITY), [DEFICIENT] = GIVES(IDENTITY) },
      .gradient_at = { [ZERO] = GIVES(ZEROS), [DEFICIENT] = GIVES(ZEROS) } },

    { .name = "mahalanobis",
      .forms = { TRIANGLE, VECTOR, VECTOR },
      .reads = READS_LOWER,
      .value = mahalanobis,
      .degree = { -1, 0.5, 0.5 },
      .only_together = true,
      .at = FACTOR_AT,
      .gradient_at = FACTOR_AT },
    { .name = "gaussian_log_density",
      .forms = { TRIANGLE, VECTOR, VECTOR },
      .reads = READS_LOWER,
      .value = log_density,
      .logs = -1,
      .only_together = true,
      .at = FACTOR_AT,
      .gradient_at = FACTOR_AT },
    { 0 },
};
