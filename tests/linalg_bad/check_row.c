/* One routine with every kind of bad input, a matrix at a time. */
#include "bad.h"
#include "setting.h"

#include <check.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- A routine's programs, bound to operands that each case writes ---- */

typedef struct {
    const bad_row *row;
    bad_setting setting; /* value and gradients; then the parts */
    int64_t n;
    int n_inputs;
    int64_t counts[1 + BAD_INPUTS], total; /* of the value and the gradients, and all of them */
    double *reference;                     /* the same of regular operands */
} subject;

static void fill(subject *s, const bad_variant *variants, const double *scales)
{
    for (int k = 0; k < s->n_inputs; k++)
        bad_fill(s->setting.operands[k], s->row->forms[k], variants[k], s->n, k, scales[k]);
}
static const bad_variant all_regular[BAD_INPUTS];
static const double no_scales[BAD_INPUTS] = { 1, 1, 1, 1 };

/* ---- Answers ---- */

static double magnitude(const double *v, int64_t count)
{
    double largest = 0;
    for (int64_t i = 0; i < count; i++)
        largest = fmax(largest, fabs(v[i]));
    return largest;
}
static bool all_finite(const double *v, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        if (!isfinite(v[i]))
            return false;
    return true;
}

static double expected_of(bad_answer answer, int64_t i, int64_t n, bool is_matrix)
{
    switch (answer) {
    case ONES:
        return 1;
    case IDENTITY:
        return is_matrix ? i / n == i % n : 1;
    case INFINITE:
        return INFINITY;
    case MINUS_INFINITE:
        return -INFINITY;
    default:
        return 0;
    }
}
static double cotangent_of(const subject *s, bad_answer answer, int64_t i)
{
    const double *c = s->setting.cotangent;
    return answer == COTANGENT ? c[i] : (c[i] + c[i % s->n * s->n + i / s->n]) / 2;
}
static bool has_answer(const subject *s, const char *what, const double *v, int64_t count, bad_answer answer)
{
    if (answer == RIGHT_ANSWER || answer == ANY_ANSWER || answer == ANY_VALUE) {
        bool is_nan = false;
        for (int64_t i = 0; i < count; i++)
            is_nan |= isnan(v[i]);
        if (answer == ANY_VALUE ? !is_nan : all_finite(v, count))
            return true;
        bad_report("%s is not finite", what);
        return false;
    }
    double scale = magnitude(s->reference, s->setting.counts[0]);
    for (int64_t i = 0; i < count; i++) {
        double expected =
            answer >= COTANGENT ? cotangent_of(s, answer, i) : expected_of(answer, i, s->n, count == s->n * s->n);
        double size = fmax(isfinite(expected) ? fabs(expected) : 0, scale);
        double tolerance = 30 * (double)s->n * s->setting.epsilon * fmax(1, size);
        if (!(v[i] == expected || fabs(v[i] - expected) <= tolerance)) {
            bad_report("%s[%lld] is %.9g, expected %.9g", what, (long long)i, v[i], expected);
            return false;
        }
    }
    return true;
}

static bool has_ratio(const subject *s)
{
    if (!s->row->ratio)
        return true;
    bad_run run = { .n = s->n, .epsilon = s->setting.epsilon };
    for (int k = 0; k < s->n_inputs; k++)
        run.x[k] = setting_operand(&s->setting, k);
    for (int k = 0; k < s->setting.n_parts; k++)
        run.y[k] = setting_part(&s->setting, k);
    long double ratio = s->row->ratio(&run);
    matrices_free();
    if (ratio <= 30)
        return true;
    bad_report("residual ratio %.3Lg", ratio);
    return false;
}

/* Whether the message holds a text in which # stands for n. */
static bool has_message(const subject *s, bg_status status, const char *part)
{
    char text[256];
    size_t length = 0;
    for (const char *c = part; *c && length < sizeof text - 24; c++)
        if (*c == '#')
            length += (size_t)snprintf(text + length, sizeof text - length, "%lld", (long long)s->n);
        else
            text[length++] = *c;
    text[length] = '\0';
    if (status == BG_ERR_NUMERIC && strstr(bg_last_error(), text))
        return true;
    bad_report("%s \"%s\", expected a message with \"%s\"", bg_status_name(status),
               status == BG_OK ? "" : bg_last_error(), text);
    return false;
}

/* Whether the message begins with the routine, or its gradient: with what the row's name begins with. */
static bool names_routine(const subject *s)
{
    const char *message = bg_last_error(), *gradient = "'s gradient";
    size_t length = strcspn(s->row->name, ", ");
    if (strncmp(message, s->row->name, length) == 0) {
        message += length;
        message += strncmp(message, gradient, strlen(gradient)) == 0 ? strlen(gradient) : 0;
        if (*message == ':')
            return true;
    }
    bad_report("message \"%s\" does not begin with \"%.*s\"", bg_last_error(), (int)length, s->row->name);
    return false;
}

/* One run: refused by the routine's name with nothing changed, or done with the update. */
static bool run_is(subject *s, bool with_gradient, bg_status *status)
{
    double before = setting_state(&s->setting);
    *status = setting_run(&s->setting, with_gradient);
    if (*status != BG_OK && !names_routine(s))
        return false;
    double after = setting_state(&s->setting);
    double expected = *status == BG_OK ? before + 1 : before;
    if (after == expected)
        return true;
    bad_report("%s, and the parameter went from %g to %g", bg_status_name(*status), before, after);
    return false;
}

/* After a failure the same programs have the same bits as ever. */
static bool goes_on(subject *s)
{
    fill(s, all_regular, no_scales);
    bg_status status;
    if (!run_is(s, true, &status))
        return false;
    if (status != BG_OK) {
        bad_report("regular operands afterwards: %s", bg_last_error());
        return false;
    }
    for (int k = 0; k < s->setting.n_values; k++)
        if (memcmp(s->setting.values[k], s->reference + setting_offset(&s->setting, k),
                   (size_t)s->setting.counts[k] * sizeof(double)) != 0) {
            bad_report("regular operands afterwards: other bits of result %d", k);
            return false;
        }
    return true;
}

/* ---- Cases ---- */

static bool check_outcome(subject *s, bool with_gradient, bad_outcome outcome)
{
    bg_status status;
    if (s->n < outcome.from)
        outcome = (bad_outcome){ .answer = RIGHT_ANSWER };
    if (!run_is(s, with_gradient, &status))
        return false;
    if (outcome.refused && !(outcome.or_right && status == BG_OK))
        return has_message(s, status, outcome.refused) && goes_on(s);
    if (status != BG_OK && outcome.answer == ANY_ANSWER)
        return has_message(s, status, "") && goes_on(s);
    if (status != BG_OK) {
        bad_report("%s: %s", bg_status_name(status), bg_last_error());
        return false;
    }
    if (!with_gradient) {
        for (int k = 0; k < s->setting.n_parts; k++)
            if (!has_answer(s, "a result", s->setting.parts[k], s->setting.part_counts[k], outcome.answer))
                return false;
        return outcome.answer == ANY_ANSWER || has_ratio(s);
    }
    for (int k = 0; k < s->n_inputs; k++) {
        /* The other operands' gradients are finite. */
        bad_answer answer = k == 0 ? outcome.answer : outcome.answer == ANY_ANSWER ? ANY_ANSWER : RIGHT_ANSWER;
        if (!has_answer(s, "a gradient", s->setting.values[1 + k], s->setting.counts[1 + k], answer))
            return false;
    }
    return true;
}
static bool check_variant(subject *s, const char *name, bad_variant variant)
{
    const bad_row *row = s->row;
    bad_variant variants[BAD_INPUTS] = { variant };
    if (row->forms[0] == DIAGONAL || row->forms[1] == DIAGONAL)
        for (int k = 0; k < s->n_inputs; k++)
            variants[k] = row->forms[k] == DIAGONAL || row->forms[k] == BESIDE ? variant : REGULAR;
    bool is_right = true;
    for (int with_gradient = 0; with_gradient < (row->has_no_gradient ? 1 : 2); with_gradient++) {
        bad_doing("%s%s", name, with_gradient ? ", gradient" : "");
        fill(s, variants, no_scales);
        is_right &= check_outcome(s, with_gradient, with_gradient ? row->gradient_at[variant] : row->at[variant]);
    }
    return is_right;
}

static bool is_read(bad_reading reads, int64_t n, int64_t element)
{
    int64_t i = element / n, j = element % n;
    return reads == READS_ALL || (reads == READS_LOWER ? j <= i : reads == READS_UPPER ? j >= i : j < i);
}
/* An element of operand k that is not finite: refused if it is read. */
static bool check_not_finite(subject *s, int k, int64_t element, double value)
{
    const bad_row *row = s->row;
    bad_reading reads = k == 0 ? row->reads : READS_ALL;
    bool is_right = true;
    for (int with_gradient = 0; with_gradient < (row->has_no_gradient ? 1 : 2); with_gradient++) {
        bad_doing("operand %d is %g at %lld%s", k, value, (long long)element, with_gradient ? ", gradient" : "");
        fill(s, all_regular, no_scales);
        s->setting.operands[k][element] = value;
        bg_status status;
        if (!run_is(s, with_gradient, &status))
            return false;
        if (row->passes_on && status == BG_OK) {
            if (all_finite(s->setting.values[0], s->setting.counts[0])) {
                bad_report("the result is finite");
                is_right = false;
            }
        } else if (is_read(reads, s->n, element)) {
            char part[64];
            /* A difference may stand for its operands, with another sign. */
            snprintf(part, sizeof part, k > 0 && isinf(value) ? "inf at [" : "is %g at [", value);
            is_right &= has_message(s, status, part) && goes_on(s);
        } else if (status != BG_OK || !all_finite(s->setting.parts[0], s->setting.part_counts[0])) {
            bad_report("in the triangle that is not read: %s", status == BG_OK ? "not finite" : bg_last_error());
            is_right = false;
        } else if (with_gradient)
            for (int g = 0; g < s->setting.n_values; g++)
                if (memcmp(s->setting.values[g], s->reference + setting_offset(&s->setting, g),
                           (size_t)s->setting.counts[g] * sizeof(double)) != 0) {
                    bad_report("in the triangle that is not read: other bits of result %d", g);
                    is_right = false;
                }
    }
    return is_right;
}

/* Result k as the scaled operands make it of the reference, in long double. */
static long double scaled(const subject *s, int k, int64_t i, int exponent, unsigned operands)
{
    const bad_row *row = s->row;
    double degree = 0;
    for (int j = 0; j < s->n_inputs; j++)
        if (operands >> j & 1)
            degree += row->degree[j];
    if (row->degree_times_n)
        degree *= (double)s->n;
    if (k > 0 && operands >> (k - 1) & 1)
        degree -= 1;
    long double value = ldexpl(s->reference[setting_offset(&s->setting, k) + i], (int)(degree * exponent));
    int64_t count = s->setting.counts[k];
    if (k == 0 && row->logs != 0 && (count == 1 || i / s->n == i % s->n))
        value += (long double)row->logs * exponent * logl(2) * (count == 1 ? s->n : 1);
    return value;
}
/* Whether a result is too large for its type. */
static bool overflows(const subject *s, int first, int end, int exponent, unsigned operands)
{
    for (int k = first; k < end; k++)
        for (int64_t i = 0; i < s->setting.counts[k]; i++)
            if (fabsl(scaled(s, k, i, exponent, operands)) > s->setting.largest / 4)
                return true;
    return false;
}
/* Whether operands are hardly above the smallest normal number. */
static bool is_smallest(const subject *s, int exponent)
{
    return ldexpl(1, exponent) < 64 * (long double)s->setting.tiny;
}
static bool check_scaled_result(const subject *s, int k, int exponent, unsigned operands)
{
    /* The gradient of what is too large for its type. */
    if (k > 0 && overflows(s, 0, 1, exponent, operands))
        return true;
    int64_t count = s->setting.counts[k];
    const double *got = s->setting.values[k];
    long double largest = 0, most = s->setting.largest, tiny = s->setting.tiny;
    for (int64_t i = 0; i < count; i++)
        largest = fmaxl(largest, fabsl(scaled(s, k, i, exponent, operands)));
    for (int64_t i = 0; i < count; i++) {
        long double expected = scaled(s, k, i, exponent, operands);
        bool is_huge = fabsl(expected) > most / 4; /* the nearest number of the type, or an infinity */
        long double tolerance = (long double)s->n * (100 * (long double)s->setting.epsilon * largest + 4 * tiny);
        /* Beside the smallest normal number, products in a gradient lose what is below it, which may be all. */
        if (k > 0 && is_smallest(s, exponent))
            tolerance = INFINITY;
        if (is_huge && (isinf(got[i]) || (k > 0 && isnan(got[i]))))
            continue; /* the sum of a product in the gradient, which overflows as that of any product */
        if (largest > most / 4 && !isnan(got[i]) && fabsl(expected) <= tolerance)
            continue; /* 0 beside numbers that are too large */
        if (!(fabsl(got[i] - expected) <= tolerance)) {
            bad_report("%s %d: [%lld] is %.9g, expected %.9Lg", k == 0 ? "value" : "gradient", k > 0 ? k - 1 : 0,
                       (long long)i, got[i], expected);
            return false;
        }
    }
    return true;
}
/* Whether the value is of numbers that have few bits left above the smallest normal one: a residual says nothing. */
static bool vanishes(const subject *s, int exponent, unsigned operands)
{
    long double largest = 0;
    for (int64_t i = 0; i < s->setting.counts[0]; i++)
        largest = fmaxl(largest, fabsl(scaled(s, 0, i, exponent, operands)));
    return largest * (long double)s->setting.epsilon < s->setting.tiny;
}
static bool check_scaled(subject *s, int exponent, unsigned operands)
{
    const bad_row *row = s->row;
    double scales[BAD_INPUTS];
    for (int k = 0; k < BAD_INPUTS; k++)
        scales[k] = operands >> k & 1 ? ldexp(1, exponent) : 1;
    bool is_right = true;
    for (int with_gradient = 0; with_gradient < (row->has_no_gradient ? 1 : 2); with_gradient++) {
        bad_doing("operands %x times 2^%d%s", operands, exponent, with_gradient ? ", gradient" : "");
        fill(s, all_regular, scales);
        if (row->has_no_degree || row->is_exponential) {
            bool is_known = row->is_exponential && exponent < 0;
            is_right &= check_outcome(s, with_gradient,
                                      (bad_outcome){ .answer = !is_known       ? ANY_ANSWER
                                                               : with_gradient ? row->gradient_at[ZERO].answer
                                                                               : IDENTITY });
            continue;
        }
        bool is_large = overflows(s, 0, with_gradient ? s->setting.n_values : 1, exponent, operands);
        bg_status status;
        is_right &= run_is(s, with_gradient, &status);
        if (status != BG_OK) {
            /* Beside the smallest normal number a gradient may be refused: differences are not told from 0 there. */
            bool is_allowed = is_large || (with_gradient && is_smallest(s, exponent));
            if (!is_allowed)
                bad_report("%s: %s", bg_status_name(status), bg_last_error());
            is_right &= is_allowed;
            continue;
        }
        for (int k = 0; k < (with_gradient ? s->setting.n_values : 1) && is_right; k++)
            is_right &= check_scaled_result(s, k, exponent, operands);
        if (!with_gradient && !is_large && is_right && !is_smallest(s, exponent) && !vanishes(s, exponent, operands))
            is_right &= has_ratio(s);
    }
    return is_right;
}

static bool check_scales(subject *s)
{
    static const int exponents[] = { 124, -122, 100, -100, 996, -996 };
    unsigned all = (1u << s->n_inputs) - 1;
    bool is_right = true;
    for (int e = 0; e < (s->setting.dtype == BG_F64 ? 6 : 4); e++) {
        is_right &= check_scaled(s, exponents[e], all);
        for (int k = 0; k < s->n_inputs && s->n_inputs > 1 && !s->row->only_together; k++)
            is_right &= check_scaled(s, exponents[e], 1u << k);
    }
    return is_right;
}
/* Operands below the smallest normal number, which may count as 0: a status or finite numbers. */
static bool check_subnormal(subject *s)
{
    int exponent = ilogb(s->setting.tiny) - 4;
    double scale = ldexp(1, exponent);
    unsigned all = (1u << s->n_inputs) - 1;
    bool is_right = true;
    for (int with_gradient = 0; with_gradient < (s->row->has_no_gradient ? 1 : 2); with_gradient++) {
        bad_doing("subnormal operands%s", with_gradient ? ", gradient" : "");
        fill(s, all_regular, (const double[]){ scale, scale, scale, scale });
        bg_status status;
        is_right &= run_is(s, with_gradient, &status);
        for (int k = 0; k < (with_gradient ? s->setting.n_values : 1) && status == BG_OK; k++)
            for (int64_t i = 0; i < s->setting.counts[k] && is_right; i++)
                if (isnan(s->setting.values[k][i]) && !(k > 0 && overflows(s, 0, s->setting.n_values, exponent, all))) {
                    bad_report("result %d is nan", k);
                    is_right = false;
                }
    }
    return is_right;
}
/* What comes from further up and is not a number either is refused or remains one. */
static bool check_cotangent(subject *s)
{
    bad_doing("a cotangent of nan");
    fill(s, all_regular, no_scales);
    int64_t count = s->setting.cotangent_count;
    double *kept = calloc((size_t)count, sizeof *kept);
    ck_assert_ptr_nonnull(kept);
    memcpy(kept, s->setting.cotangent, (size_t)count * sizeof *kept);
    for (int64_t i = 0; i < count; i++)
        s->setting.cotangent[i] = NAN;
    bg_status status;
    bool is_right = run_is(s, true, &status);
    memcpy(s->setting.cotangent, kept, (size_t)count * sizeof *kept);
    free(kept);
    bool has_nan = false;
    for (int k = 1; k < s->setting.n_values && status == BG_OK; k++)
        has_nan |= !all_finite(s->setting.values[k], s->setting.counts[k]);
    int64_t first = setting_offset(&s->setting, 1), end = setting_offset(&s->setting, s->setting.n_values);
    if (status == BG_OK && !has_nan && magnitude(s->reference + first, end - first) > 0) {
        bad_report("it is gone");
        is_right = false;
    }
    return is_right;
}

/* ---- All of a row ---- */

static bool check_reference(subject *s)
{
    bad_doing("regular operands");
    fill(s, all_regular, no_scales);
    bg_status status;
    if (!run_is(s, false, &status) || status != BG_OK || !has_ratio(s) || !run_is(s, true, &status) ||
        status != BG_OK) {
        bad_report("%s", status == BG_OK ? "regular operands" : bg_last_error());
        return false;
    }
    for (int k = 0; k < s->setting.n_values; k++) {
        int64_t count = s->setting.counts[k];
        if (!all_finite(s->setting.values[k], count) ||
            (count > 0 && k == 0 && magnitude(s->setting.values[0], count) == 0 && s->n > 1)) {
            bad_report("regular operands: result %d is zero or not finite", k);
            return false;
        }
        memcpy(s->reference + setting_offset(&s->setting, k), s->setting.values[k], (size_t)count * sizeof(double));
    }
    return true;
}

bool bad_check_row(const bad_row *row, bg_dtype dtype, int64_t n)
{
    subject s = { .row = row, .n = n };
    while (s.n_inputs < BAD_INPUTS && row->forms[s.n_inputs] != NO_FORM)
        s.n_inputs++;
    if (!setting_create(&s.setting, row, dtype, n, NO_BATCH, 2))
        return false;
    s.reference = calloc((size_t)setting_offset(&s.setting, s.setting.n_values) + 1, sizeof *s.reference);
    ck_assert_ptr_nonnull(s.reference);
    bool is_right = check_reference(&s);
    if (is_right) {
        is_right &= check_variant(&s, "zero", ZERO);
        if (n > 1)
            is_right &= check_variant(&s, "rank deficient", DEFICIENT);
        if (row->forms[0] == POSITIVE)
            is_right &= check_variant(&s, "not positive", NEGATIVE);
        for (int k = 0; k < s.n_inputs; k++) {
            int64_t count = s.setting.operand_counts[k];
            int64_t places[] = { 0, count / 2, count - 1, k == 0 && row->reads != READS_ALL ? n - 1 : 0,
                                 k == 0 && row->reads != READS_ALL ? n * (n - 1) : 0 };
            for (size_t p = 0; p < sizeof places / sizeof *places && count > 0; p++)
                if (p < 3 || places[p] > 0) {
                    is_right &= check_not_finite(&s, k, places[p], NAN);
                    is_right &= check_not_finite(&s, k, places[p], INFINITY);
                    is_right &= check_not_finite(&s, k, places[p], -INFINITY);
                }
        }
        is_right &= check_scales(&s);
        is_right &= check_subnormal(&s);
        if (!row->has_no_gradient && n > 1)
            is_right &= check_cotangent(&s);
    }
    free(s.reference);
    setting_destroy(&s.setting);
    return is_right;
}
