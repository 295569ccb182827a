/* The comparison: samples along lines, and what is made of them. */
#include "check/check.h"

#include "check/slopes.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MIDDLE = BGI_SAMPLES / 2 };

/* ---- Samples ---- */

static double dot(const double *a, const double *b, int64_t first, int64_t last)
{
    long double sum = 0;
    for (int64_t i = first; i < last; i++)
        sum += (long double)a[i] * b[i];
    return (double)sum;
}

/* The size of a sum's terms. */
static double sum_of_sizes(const double *a, const double *b, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += fabs(a[i] * b[i]);
    return sum;
}

/* ys at origin + t · direction into numbers, with ⟨w, y⟩ and ⟨c, dx⟩. */
typedef struct {
    double value, slope;           /* slope: 0 without second derivatives */
    double value_size, slope_size; /* of their terms */
} sample;
static bg_status take(bgi_check *k, double t, double *numbers, sample *s)
{
    for (int64_t i = 0; i < bgi_row_count(&k->x); i++)
        k->moved[i] = k->origin[i] + t * k->direction[i];
    bg_status status = bgi_row_write(&k->x, k->moved);
    if (!status)
        status = bg_program_run(k->values);
    if (!status)
        status = bgi_row_read_outputs(&k->weights, k->values, 0, numbers);
    int64_t n_ys = bgi_row_count(&k->weights), n_xs = bgi_row_count(&k->x);
    *s =
        (sample){ .value = dot(k->w_values, numbers, 0, n_ys), .value_size = sum_of_sizes(k->w_values, numbers, n_ys) };
    if (status || k->options.only_gradient)
        return status;
    status = bgi_row_read_outputs(&k->x, k->values, k->weights.n, k->moved_gradient);
    s->slope = dot(k->c_values, k->moved_gradient, 0, n_xs);
    s->slope_size = sum_of_sizes(k->c_values, k->moved_gradient, n_xs);
    return status;
}

/* The derivatives at the origin, and J v for the direction. */
static bg_status take_derivatives(bgi_check *k)
{
    bg_status status = bgi_row_write(&k->x, k->origin);
    if (!status && !k->options.only_gradient)
        status = bgi_row_write(&k->tangents, k->direction);
    if (!status)
        status = bg_program_run(k->derivatives);
    if (!status)
        status = bgi_row_read_outputs(&k->x, k->derivatives, 0, k->gradient);
    if (!status && !k->options.only_gradient)
        status = bgi_row_read_outputs(&k->x, k->derivatives, k->x.n, k->second_gradient);
    if (!status && !k->options.only_gradient)
        status = bgi_row_read_outputs(&k->weights, k->derivatives, 2 * k->x.n, k->products);
    return status;
}

/* ---- Judgement ---- */

/* IS_PASSED: several elements move through kinks of theirs, whose limits may be on either side of their sum. */
typedef enum { IS_RIGHT, IS_KINK, IS_PASSED, IS_EDGE, IS_WRONG } verdict;

static double greater(double a, double b) { return a > b ? a : b; }

static bool is_between(double x, double a, double b, double slack)
{
    return x >= fmin(a, b) - slack && x <= fmax(a, b) + slack;
}

/* Slopes from the sides are known to second order: this far apart they may be of a smooth function. */
static const double COARSE = 1e-3;
/* How well limits from short steps are known, and those from steps so short that rounding tells. */
static const double FINE = 1e-6, SHORTEST = 1e-5;
enum { ROUNDING = 400 }; /* of the terms of such a limit, in units of their rounding: the coefficients, and a margin */

/* Which of the two functions is looked at, the derivative that its slope should be, and the size of its terms. */
typedef struct {
    bool is_gradient; /* ⟨c, dx⟩, otherwise ⟨w, y⟩ */
    bool is_direction;
    double derivative, size;
} question;

typedef struct {
    verdict verdict;
    double error;       /* relative, where it is right */
    double left, right; /* what the derivative was compared with */
    const char *what;   /* the derivative, where it is wrong .. */
    double found;       /* .. and its value */
} answer;

/* Samples at first, first + 1, .. steps. */
static bg_status take_samples(bgi_check *k, const question *q, int first, double step, double f[BGI_SAMPLES])
{
    bg_status status = BG_OK;
    for (int i = 0; i < BGI_SAMPLES && !status; i++) {
        sample s = { 0 };
        status = take(k, (first + i) * step, k->aside, &s);
        f[i] = q->is_gradient ? s.slope : s.value;
    }
    return status;
}

/* The limits from both sides, and how much they may be wrong: by `accuracy`, and by what rounding does. */
typedef struct {
    double left, right, slack;
} limits;
static bg_status take_limits(bgi_check *k, const question *q, double step, double accuracy, limits *l)
{
    double sides[2][BGI_SAMPLES];
    bg_status status = take_samples(k, q, 0, -step, sides[0]);
    if (!status)
        status = take_samples(k, q, 0, step, sides[1]);
    if (status)
        return status;
    l->left = bgi_slope_of_side(sides[0], -step);
    l->right = bgi_slope_of_side(sides[1], step);
    double size = fmax(fmax(fabs(l->left), fabs(l->right)), fabs(q->derivative));
    l->slack = accuracy * greater(1, size) + ROUNDING * DBL_EPSILON * q->size / step;
    return BG_OK;
}

/* The derivative against differences with one step. */
static bool is_right(const bgi_check *k, const question *q, const double f[BGI_SAMPLES], double step, answer *a)
{
    bgi_slopes slopes = bgi_slopes_of(f, step);
    double size = fmax(fabs(slopes.middle), fabs(q->derivative)), error = fabs(q->derivative - slopes.middle);
    double noise = 4 * DBL_EPSILON * q->size / step; /* what rounding of the values does to their differences */
    bool is_near = error <= k->options.atol + k->options.rtol * size + noise;
    if (!slopes.is_finite || !is_near || !(fabs(slopes.right - slopes.left) <= COARSE * greater(1, size)))
        return false;
    *a = (answer){ IS_RIGHT, error / greater(1, size), slopes.middle, slopes.middle, NULL, 0 };
    return true;
}

/* A direction on which limits differ. With steps so short that no kink nearby is reached it can be judged, if not as
 * well; that of many parameters through many activations has always some. */
static bg_status judge_direction(bgi_check *k, const question *q, answer *a)
{
    limits l;
    bg_status status = take_limits(k, q, k->options.step / 1e5, SHORTEST, &l);
    if (status)
        return status;
    a->verdict = IS_PASSED;
    bool is_known = fabs(l.left - l.right) <= l.slack && l.slack <= COARSE * greater(1, fabs(l.left));
    if (!is_known && isfinite(q->derivative))
        return BG_OK;
    a->left = l.left;
    a->right = l.right;
    a->verdict = is_between(q->derivative, l.left, l.right, l.slack) ? IS_KINK : IS_WRONG;
    return BG_OK;
}

/* With ever shorter steps: as long as the options say; a quarter of it, for functions that bend much; and from each
 * side a hundredth of it, for kinks. f: the samples of the first step. */
static bg_status judge(bgi_check *k, const question *q, const double f[BGI_SAMPLES], answer *a)
{
    double step = k->options.step, quarter = step / 4;
    if (is_right(k, q, f, step, a))
        return BG_OK;
    double near[BGI_SAMPLES];
    bg_status status = take_samples(k, q, -MIDDLE, quarter, near);
    if (status || is_right(k, q, near, quarter, a))
        return status;
    limits l;
    status = take_limits(k, q, step / 100, FINE, &l);
    if (status)
        return status;
    double middle = bgi_slopes_of(near, quarter).middle;
    bool is_kink = !(fabs(l.left - l.right) <= l.slack);
    bool is_smooth = !is_kink && fabs((l.left + l.right) / 2 - middle) <= l.slack;
    /* Where a slope has a kink, as that of relu(x)² has at 0, differences get closer with the step only. */
    double size = fmax(fabs(q->derivative), fabs(middle));
    bool has_settled = !(fabs(bgi_slopes_of(f, step).middle - middle) >= fabs(q->derivative - middle));
    *a = (answer){ IS_WRONG, 0, is_smooth ? middle : l.left, is_smooth ? middle : l.right, NULL, 0 };
    if (!isfinite(l.left) || !isfinite(l.right))
        a->verdict = IS_EDGE;
    else if (is_kink && q->is_direction)
        return judge_direction(k, q, a);
    else if (is_between(q->derivative, l.left, l.right,
                        is_smooth ? k->options.atol + k->options.rtol * size : l.slack) &&
             (!is_smooth || !has_settled))
        a->verdict = IS_KINK;
    return BG_OK;
}

/* Elements [first, last) of xs move together. */
typedef struct {
    int64_t first, last;
} line;

static bg_status refuse(bgi_check *k, const line *l, const answer *a)
{
    size_t x = 0;
    while (x < k->x.n && !(k->x.start[x] <= l->first && l->last <= k->x.start[x + 1]))
        x++;
    k->report->x = x;
    k->report->element = l->last == l->first + 1 ? l->first - k->x.start[x] : -1;
    char where[80];
    if (x == k->x.n)
        snprintf(where, sizeof where, "along a direction of several xs");
    else if (k->report->element < 0)
        snprintf(where, sizeof where, "for xs[%zu] along a direction", x);
    else
        snprintf(where, sizeof where, "for xs[%zu] at element %lld", x, (long long)k->report->element);
    if (a->left == a->right)
        return bg_fail(BG_ERR_GRADIENT, "gradcheck: the %s %s is %.17g, differences give %.17g", a->what, where,
                       a->found, a->left);
    return bg_fail(BG_ERR_GRADIENT,
                   "gradcheck: the %s %s is %.17g, differences give %.9g from the left, %.9g from the right", a->what,
                   where, a->found, a->left, a->right);
}

/* J v against differences with one step, element by element of ys: the first element that is wrong, or -1. */
static int64_t find_wrong_product(bgi_check *k, double step, double *difference)
{
    double worst = 0;
    for (int64_t i = 0; i < bgi_row_count(&k->weights); i++) {
        double f[BGI_SAMPLES];
        for (int s = 0; s < BGI_SAMPLES; s++)
            f[s] = k->samples[s][i];
        bgi_slopes slopes = bgi_slopes_of(f, step);
        double product = k->products[i], error = fabs(product - slopes.middle);
        double size = fmax(fabs(product), fabs(slopes.middle));
        double noise = 4 * DBL_EPSILON * fabs(f[MIDDLE]) / step;
        *difference = slopes.middle;
        if (error <= k->options.atol + k->options.rtol * size + noise)
            worst = greater(worst, error / greater(1, size));
        else if (slopes.is_finite)
            return i;
    }
    k->report->forward = greater(k->report->forward, worst);
    return -1;
}

static answer wrong(const char *what, double found, double expected)
{
    return (answer){ IS_WRONG, 0, expected, expected, what, found };
}

/* J v element by element of ys; takes new samples where shorter steps are asked for. */
static bg_status compare_products(bgi_check *k, answer *a)
{
    double difference, quarter = k->options.step / 4;
    int64_t at = find_wrong_product(k, k->options.step, &difference);
    if (at < 0)
        return BG_OK;
    for (int i = 0; i < BGI_SAMPLES; i++) {
        sample unused;
        bg_status status = take(k, (i - MIDDLE) * quarter, k->samples[i], &unused);
        if (status)
            return status;
    }
    at = find_wrong_product(k, quarter, &difference);
    if (at >= 0)
        *a = wrong("forward derivative", k->products[at], difference);
    return BG_OK;
}

/* ⟨J v, w⟩ = ⟨v, Jᵀ w⟩ */
static void compare_dot_products(bgi_check *k, const line *l, double size_of_values, answer *a)
{
    int64_t n = bgi_row_count(&k->weights);
    double forward = dot(k->products, k->w_values, 0, n), backward = dot(k->direction, k->gradient, l->first, l->last);
    double size = size_of_values + sum_of_sizes(k->products, k->w_values, n) +
                  sum_of_sizes(k->direction + l->first, k->gradient + l->first, l->last - l->first);
    double error = fabs(forward - backward) / greater(1, size);
    if (error <= 1e-12)
        k->report->dot_product = greater(k->report->dot_product, error);
    else
        *a = wrong("dot product of the forward derivative", forward, backward);
}

static bool is_finite(const double *numbers, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (!isfinite(numbers[i]))
            return false;
    return true;
}

/* What is found on a line: of the first derivative, or IS_WRONG of whatever is. */
static bg_status compare(bgi_check *k, const line *l, answer *a)
{
    double values[BGI_SAMPLES], slopes[BGI_SAMPLES], size = 0, slope_size = 0;
    for (int i = 0; i < BGI_SAMPLES; i++) {
        sample s;
        bg_status status = take(k, (i - MIDDLE) * k->options.step, k->samples[i], &s);
        if (status)
            return status;
        values[i] = s.value;
        slopes[i] = s.slope;
        size = fmax(size, s.value_size);
        slope_size = fmax(slope_size, s.slope_size);
    }
    bool is_direction = l->last - l->first > 1;
    question first = { false, is_direction, dot(k->direction, k->gradient, l->first, l->last), size };
    bg_status status = judge(k, &first, values, a);
    if (status)
        return status;
    k->report->derivatives++;
    k->report->kinks += a->verdict == IS_KINK || a->verdict == IS_PASSED;
    k->report->edges += a->verdict == IS_EDGE;
    k->report->gradient = greater(k->report->gradient, a->error);
    a->what = "gradient";
    a->found = first.derivative;
    if (a->verdict == IS_WRONG || a->verdict == IS_EDGE || k->options.only_gradient)
        return BG_OK;
    status = take_derivatives(k);
    if (status)
        return status;
    verdict found = a->verdict;
    /* Where a derivative is infinite, 0 times it is NaN in J v: there the gradient alone is judged. */
    bool has_products = is_finite(k->gradient, bgi_row_count(&k->x));
    if (has_products)
        compare_dot_products(k, l, size, a);
    if (has_products && a->verdict == IS_RIGHT)
        status = compare_products(k, a);
    if (status || found != IS_RIGHT || a->verdict == IS_WRONG)
        return status;
    question second = { true, is_direction, dot(k->direction, k->second_gradient, l->first, l->last), slope_size };
    status = judge(k, &second, slopes, a);
    k->report->second = greater(k->report->second, a->error);
    if (a->verdict == IS_WRONG) {
        a->what = "second derivative";
        a->found = second.derivative;
    } else {
        a->verdict = found;
    }
    return status;
}

/* ---- The points that are tried ---- */

static double length_of(double x) { return greater(1, fabs(x) / 10); }

/* What is left to do of a direction: lines that may be tried, and whether what only seems wrong has been excused. */
typedef struct {
    int budget;
    bool is_over;
} search;

/* Elements [first, last) by their lengths. What cannot be judged as a whole is tried by halves, as long as the budget
 * lasts; so is what seems wrong, down to an element that is, or one with a kink, since kinks of several elements may
 * cancel out. */
static bg_status compare_part(bgi_check *k, int64_t first, int64_t last, search *s, bool *has_kink)
{
    line l = { first, last };
    answer a;
    size_t bytes = (size_t)(last - first) * sizeof *k->direction;
    memcpy(k->direction + first, k->lengths + first, bytes);
    bg_status status = compare(k, &l, &a);
    memset(k->direction + first, 0, bytes);
    if (status)
        return status;
    bool is_wrong = a.verdict == IS_WRONG;
    *has_kink = a.verdict == IS_PASSED || a.verdict == IS_EDGE || (a.verdict == IS_KINK && last - first == 1);
    if (last - first > 1 && (is_wrong || *has_kink) && (s->budget > 0 || (is_wrong && !s->is_over))) {
        int64_t middle = first + (last - first) / 2;
        bool is_in_half = false;
        s->budget -= 2;
        status = compare_part(k, first, middle, s, &is_in_half);
        *has_kink = *has_kink || is_in_half;
        s->is_over = s->is_over || (s->budget <= 0 && *has_kink);
        if (!status && !(is_wrong && s->is_over))
            status = compare_part(k, middle, last, s, &is_in_half);
        *has_kink = *has_kink || is_in_half;
    }
    is_wrong = is_wrong && (last - first == 1 || !(*has_kink || s->is_over));
    return !status && is_wrong ? refuse(k, &l, &a) : status;
}

/* Elements [first, last), each in a random sense. */
static bg_status compare_direction(bgi_check *k, int64_t first, int64_t last)
{
    search s = { .budget = k->options.elements };
    bool has_kink;
    for (int64_t i = first; i < last; i++)
        k->lengths[i] = (bgi_check_draw(k, BGI_OF_DIRECTIONS) < 0.5 ? -1 : 1) * length_of(k->origin[i]);
    return first < last ? compare_part(k, first, last, &s, &has_kink) : BG_OK;
}

static bg_status compare_elements(bgi_check *k, size_t x)
{
    int64_t first = k->x.start[x], count = k->x.start[x + 1] - first;
    bool is_each = count <= k->options.elements, has_kink;
    bg_status status = BG_OK;
    for (int64_t i = 0; i < (is_each ? count : k->options.elements) && !status; i++) {
        int64_t at = first + (is_each ? i : (int64_t)(bgi_check_draw(k, BGI_OF_ELEMENTS) * (double)count));
        k->lengths[at] = length_of(k->origin[at]);
        status = compare_part(k, at, at + 1, &(search){ .budget = 0 }, &has_kink);
    }
    return status;
}

bg_status bgi_check_lines(bgi_check *k)
{
    bg_status status = BG_OK;
    for (int d = 0; d < k->options.directions && k->options.is_fast && !status; d++)
        status = compare_direction(k, 0, bgi_row_count(&k->x));
    for (size_t x = 0; x < k->x.n && !k->options.is_fast && !status; x++) {
        status = compare_elements(k, x);
        bool is_long = k->x.start[x + 1] - k->x.start[x] > 1;
        for (int d = 0; d < k->options.directions && is_long && !status; d++)
            status = compare_direction(k, k->x.start[x], k->x.start[x + 1]);
    }
    return status;
}

/* The point itself: differences of what is not finite say nothing. */
bg_status bgi_check_origin(bgi_check *k)
{
    sample s;
    bg_status status = take(k, 0, k->aside, &s);
    if (status)
        return status;
    for (size_t j = 0; j < k->weights.n && bgi_row_count(&k->x) > 0; j++)
        for (int64_t i = k->weights.start[j]; i < k->weights.start[j + 1]; i++)
            if (!isfinite(k->aside[i]))
                return bg_fail(BG_ERR_NUMERIC, "gradcheck: ys[%zu] is %g at element %lld", j, k->aside[i],
                               (long long)(i - k->weights.start[j]));
    return take_derivatives(k);
}
