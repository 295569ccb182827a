/* Triangular systems and the Cholesky factorisation. */
#include "bad.h"

static const bg_triangular_options turned = { .triangle = BG_UPPER, .is_transposed = true, .is_right = true };
static const bg_triangular_options unit = { .is_unit = true };

static bg_node *cholesky(bg_node *const *x) { return bg_cholesky(x[0], BG_LOWER); }
static bg_node *cholesky_upper(bg_node *const *x) { return bg_cholesky(x[0], BG_UPPER); }
static bg_node *solve_triangular(bg_node *const *x) { return bg_solve_triangular(x[0], x[1], NULL); }
static bg_node *solve_unit(bg_node *const *x) { return bg_solve_triangular(x[0], x[1], &unit); }
static bg_node *solve_turned(bg_node *const *x)
{
    return bg_solve_triangular(x[0], bg_transpose(x[1], -1, -2), &turned);
}
static bg_node *cholesky_solve(bg_node *const *x) { return bg_cholesky_solve(x[0], x[1], BG_LOWER); }
static bg_node *cholesky_solve_upper(bg_node *const *x) { return bg_cholesky_solve(x[0], x[1], BG_UPPER); }

static long double factor_ratio(const bad_run *r, bg_triangle triangle)
{
    matrix a = symmetric_of(r->x[0], triangle), l = r->y[0];
    matrix back = triangle == BG_LOWER ? product(l, transposed(l)) : product(transposed(l), l);
    return ratio_of(r, difference(back, a), norm_1(a));
}
static long double cholesky_ratio(const bad_run *r) { return factor_ratio(r, BG_LOWER); }
static long double cholesky_upper_ratio(const bad_run *r) { return factor_ratio(r, BG_UPPER); }

/* ‖b - a · x‖ / (‖a‖ ‖x‖ n ε) */
static long double system_ratio(const bad_run *r, matrix a, matrix x, matrix b)
{
    return ratio_of(r, difference(b, product(a, x)), norm_1(a) * norm_1(x));
}
static long double lower_ratio(const bad_run *r)
{
    return system_ratio(r, triangle_of(r->x[0], BG_LOWER, false), r->y[0], r->x[1]);
}
static long double unit_ratio(const bad_run *r)
{
    return system_ratio(r, triangle_of(r->x[0], BG_LOWER, true), r->y[0], r->x[1]);
}
/* x · uᵀ = bᵀ, that is u · xᵀ = b */
static long double turned_ratio(const bad_run *r)
{
    return system_ratio(r, triangle_of(r->x[0], BG_UPPER, false), transposed(r->y[0]), r->x[1]);
}
static long double cholesky_solve_ratio(const bad_run *r)
{
    matrix l = triangle_of(r->x[0], BG_LOWER, false);
    return system_ratio(r, product(l, transposed(l)), r->y[0], r->x[1]);
}
static long double cholesky_solve_upper_ratio(const bad_run *r)
{
    matrix u = triangle_of(r->x[0], BG_UPPER, false);
    return system_ratio(r, product(transposed(u), u), r->y[0], r->x[1]);
}

#define NOT_POSITIVE(order) REFUSED("not positive definite: the leading minor of order " order " is not")
#define CHOLESKY_AT                                                                                                    \
    {                                                                                                                  \
        [ZERO] = NOT_POSITIVE("1"), [DEFICIENT] = NOT_POSITIVE("#"), [NEGATIVE] = NOT_POSITIVE("#")                    \
    }
#define TRIANGULAR_AT                                                                                                  \
    {                                                                                                                  \
        [ZERO] = REFUSED(" is singular: 0 at [0, 0]"), [DEFICIENT] = REFUSED(" is singular: 0 at [")                   \
    }

const bad_row bad_triangular_rows[] = {
    { .name = "cholesky",
      .forms = { POSITIVE },
      .reads = READS_LOWER,
      .value = cholesky,
      .ratio = cholesky_ratio,
      .degree = { 0.5 },
      .at = CHOLESKY_AT,
      .gradient_at = CHOLESKY_AT },
    { .name = "cholesky, upper",
      .forms = { POSITIVE },
      .reads = READS_UPPER,
      .value = cholesky_upper,
      .ratio = cholesky_upper_ratio,
      .degree = { 0.5 },
      .at = CHOLESKY_AT,
      .gradient_at = CHOLESKY_AT },
    { .name = "solve_triangular",
      .forms = { TRIANGLE, RIGHT },
      .reads = READS_LOWER,
      .value = solve_triangular,
      .ratio = lower_ratio,
      .degree = { -1, 1 },
      .at = TRIANGULAR_AT,
      .gradient_at = TRIANGULAR_AT },
    { .name = "solve_triangular, upper, transposed, from the right",
      .forms = { TRIANGLE, RIGHT },
      .reads = READS_UPPER,
      .value = solve_turned,
      .ratio = turned_ratio,
      .degree = { -1, 1 },
      .at = TRIANGULAR_AT,
      .gradient_at = TRIANGULAR_AT },
    { .name = "solve_triangular, ones on the diagonal",
      .forms = { TRIANGLE, RIGHT },
      .reads = READS_LOWER_UNIT,
      .value = solve_unit,
      .ratio = unit_ratio,
      .has_no_degree = true },
    { .name = "cholesky_solve",
      .forms = { TRIANGLE, RIGHT },
      .reads = READS_LOWER,
      .value = cholesky_solve,
      .ratio = cholesky_solve_ratio,
      .degree = { -2, 1 },
      .at = TRIANGULAR_AT,
      .gradient_at = TRIANGULAR_AT },
    { .name = "cholesky_solve, upper",
      .forms = { TRIANGLE, RIGHT },
      .reads = READS_UPPER,
      .value = cholesky_solve_upper,
      .ratio = cholesky_solve_upper_ratio,
      .degree = { -2, 1 },
      .at = TRIANGULAR_AT,
      .gradient_at = TRIANGULAR_AT },
    { 0 },
};
