/* Schedules against PyTorch. */
#include "support/expect.h"
#include "support/golden.h"
#include "support/suite.h"

#include <blasgrad/blasgrad.h>

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define OK(call)                  expect_ok(call, #call)
#define FAILS(call, status, part) expect_failure(call, status, part, #call)

static const struct {
    const char *key;
    size_t offset;
    enum { NUMBER, INTEGER, SWITCH } type;
} fields[] = {
    { "factor", offsetof(bg_schedule, factor), NUMBER },
    { "start", offsetof(bg_schedule, start), NUMBER },
    { "end", offsetof(bg_schedule, end), NUMBER },
    { "minimum", offsetof(bg_schedule, minimum), NUMBER },
    { "rising_share", offsetof(bg_schedule, rising_share), NUMBER },
    { "divisor", offsetof(bg_schedule, divisor), NUMBER },
    { "final_divisor", offsetof(bg_schedule, final_divisor), NUMBER },
    { "base_momentum", offsetof(bg_schedule, base_momentum), NUMBER },
    { "max_momentum", offsetof(bg_schedule, max_momentum), NUMBER },
    { "threshold", offsetof(bg_schedule, threshold), NUMBER },
    { "length", offsetof(bg_schedule, length), INTEGER },
    { "patience", offsetof(bg_schedule, patience), INTEGER },
    { "cooldown", offsetof(bg_schedule, cooldown), INTEGER },
    { "is_straight", offsetof(bg_schedule, is_straight), SWITCH },
    { "has_three_phases", offsetof(bg_schedule, has_three_phases), SWITCH },
    { "keeps_momentum", offsetof(bg_schedule, keeps_momentum), SWITCH },
    { "is_maximized", offsetof(bg_schedule, is_maximized), SWITCH },
    { "is_absolute", offsetof(bg_schedule, is_absolute), SWITCH },
};

static bg_schedule chain[3], sequence[3];

/* Made by the kind's function, so that its defaults are PyTorch's; then what the record says. */
static bg_schedule schedule_of(const golden_record *record)
{
    const char *kind = golden_text(record, "kind");
    ck_assert_msg(kind != NULL, "%s", golden_error());
    double length = golden_number(record, "length");
    bg_schedule made = { 0 };
    if (strcmp(kind, "constant") == 0)
        made = bg_schedule_constant(0, 0);
    else if (strcmp(kind, "step") == 0)
        made = bg_schedule_step(0, 0);
    else if (strcmp(kind, "multi_step") == 0) {
        int64_t milestones[BG_MAX_MILESTONES];
        const golden_array *array = golden_get(record, "milestones");
        for (int64_t i = 0; i < array->count; i++)
            milestones[i] = (int64_t)array->values[i];
        made = bg_schedule_multi_step(milestones, (int)array->count, 0);
    } else if (strcmp(kind, "exponential") == 0)
        made = bg_schedule_exponential(0);
    else if (strcmp(kind, "cosine") == 0)
        made = bg_schedule_cosine(0, 0);
    else if (strcmp(kind, "restarts") == 0)
        made = bg_schedule_cosine_restarts(0, (int64_t)golden_number(record, "multiplier"), 0);
    else if (strcmp(kind, "linear") == 0)
        made = bg_schedule_linear(0, 0, 0);
    else if (strcmp(kind, "warm_up") == 0)
        return bg_schedule_warm_up((int64_t)length);
    else if (strcmp(kind, "polynomial") == 0)
        made = bg_schedule_polynomial(0, golden_number(record, "power"));
    else if (strcmp(kind, "one_cycle") == 0)
        made = bg_schedule_one_cycle(0);
    else if (strcmp(kind, "plateau") == 0)
        made = bg_schedule_plateau(0, 0);
    else if (strcmp(kind, "chained") == 0) {
        chain[0] = bg_schedule_linear(0.1, 1, 10);
        chain[1] = bg_schedule_exponential(0.95);
        chain[2] = bg_schedule_step(9, 0.5);
        made = bg_schedule_chained(chain, 3);
    } else if (strcmp(kind, "sequential") == 0) {
        sequence[0] = bg_schedule_linear(0.1, 1, 5);
        sequence[1] = bg_schedule_cosine(20, 0.05);
        sequence[2] = bg_schedule_exponential(0.8);
        made = bg_schedule_sequential(sequence, (const int64_t[]){ 5, 25 }, 3);
    }
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        char *at = (char *)&made + fields[i].offset;
        double value = golden_has(record, fields[i].key) ? golden_number(record, fields[i].key) : NAN;
        if (isnan(value))
            continue;
        if (fields[i].type == NUMBER)
            *(double *)at = value;
        else if (fields[i].type == INTEGER)
            *(int64_t *)at = (int64_t)value;
        else
            *(bool *)at = value != 0;
    }
    return made;
}

static double worst;

static void compare(const char *name, const char *what, int64_t t, double found, double expected)
{
    double error = fabs(found - expected) / fmax(1e-3, fabs(expected));
    ck_assert_msg(error <= 1e-12, "%s: the %s at %lld is %.17g, not %.17g", name, what, (long long)t, found, expected);
    worst = fmax(worst, error);
}

START_TEST(test_rates)
{
    golden_file *file = golden_open(GOLDEN_PATH("schedules.txt"));
    ck_assert_msg(file != NULL, "%s", golden_error());
    for (size_t i = 0; i < golden_count(file); i++) {
        const golden_record *record = golden_at(file, i);
        const char *name = golden_name(record);
        bg_schedule schedule = schedule_of(record);
        OK(bg_schedule_check(&schedule));
        const golden_array *rates = golden_get(record, "rates");
        bool has_momenta = golden_has(record, "momenta");
        bg_plateau plateau = { .rate = golden_number(record, "base") };
        ck_assert_int_eq(bg_schedule_moves_momentum(&schedule), has_momenta);
        for (int64_t t = 0; t < rates->count; t++) {
            compare(name, "rate", t, bg_schedule_rate(&schedule, plateau.rate, t), rates->values[t]);
            if (has_momenta)
                compare(name, "momentum", t, bg_schedule_momentum(&schedule, t),
                        golden_get(record, "momenta")->values[t]);
            else
                ck_assert(isnan(bg_schedule_momentum(&schedule, t)));
            if (golden_has(record, "metrics"))
                bg_plateau_step(&schedule, &plateau, golden_get(record, "metrics")->values[t]);
        }
    }
    printf("schedules.txt: %zu schedules, worst error %.1e\n", golden_count(file), worst);
    golden_close(file);
}
END_TEST

/* Beyond the golden positions: nothing overflows, divides by 0 or loops on and on. */
START_TEST(test_far_positions)
{
    static const int64_t far = INT64_MAX / 2;
    ck_assert(bg_schedule_rate(&(bg_schedule){ 0 }, 0.5, far) == 0.5);
    bg_schedule restarts = bg_schedule_cosine_restarts(3, 1, 0.1), growing = bg_schedule_cosine_restarts(3, 2, 0.1);
    ck_assert(isfinite(bg_schedule_rate(&restarts, 1, far)) && isfinite(bg_schedule_rate(&growing, 1, far)));
    for (int64_t length = 1; length <= 4; length++)
        for (int three = 0; three <= 1; three++)
            for (int64_t t = 0; t <= 6; t++) {
                bg_schedule cycle = bg_schedule_one_cycle(length);
                cycle.has_three_phases = three;
                double rate = bg_schedule_rate(&cycle, 1, t);
                ck_assert_msg(rate > 0 && rate <= 1 + 1e-12, "%g at %lld of %lld", rate, (long long)t,
                              (long long)length);
            }
    bg_schedule one = bg_schedule_warm_up(1);
    OK(bg_schedule_check(&one));
    ck_assert(bg_schedule_rate(&one, 0.3, 0) == 0.3);
}
END_TEST

START_TEST(test_inside_parts)
{
    bg_schedule parts[2] = { bg_schedule_warm_up(4), bg_schedule_one_cycle(10) };
    bg_schedule both = bg_schedule_sequential(parts, (const int64_t[]){ 4 }, 2);
    OK(bg_schedule_check(&both));
    ck_assert(bg_schedule_moves_momentum(&both));
    ck_assert(isnan(bg_schedule_momentum(&both, 3)));
    ck_assert(bg_schedule_momentum(&both, 4) == 0.95);
    both = bg_schedule_chained(parts, 2);
    ck_assert(bg_schedule_momentum(&both, 0) == 0.95);
}
END_TEST

START_TEST(test_refused)
{
    static const int64_t falling[] = { 5, 3 }, many[20] = { 0 };
    bg_schedule plateau = bg_schedule_plateau(0.1, 2), worse = bg_schedule_plateau(1, 2), s = { .kind = 99 };
    FAILS(bg_schedule_check(NULL), BG_ERR_ARGUMENT, "schedule: it is NULL");
    FAILS(bg_schedule_check(&s), BG_ERR_ARGUMENT, "kind 99");
    FAILS(bg_schedule_check(&worse), BG_ERR_ARGUMENT, "factor 1, it must be in [0, 1)");
    s = bg_schedule_cosine(0, 0);
    FAILS(bg_schedule_check(&s), BG_ERR_ARGUMENT, "length 0, it must be 1 or more");
    s = bg_schedule_cosine(5, -1);
    FAILS(bg_schedule_check(&s), BG_ERR_ARGUMENT, "minimum -1");
    s = bg_schedule_exponential(NAN);
    FAILS(bg_schedule_check(&s), BG_ERR_ARGUMENT, "factor nan");
    s = bg_schedule_cosine_restarts(5, 0, 0);
    FAILS(bg_schedule_check(&s), BG_ERR_ARGUMENT, "multiplier 0");
    s = bg_schedule_multi_step(falling, 2, 0.1);
    FAILS(bg_schedule_check(&s), BG_ERR_ARGUMENT, "milestone 3 stands behind 5");
    s = bg_schedule_multi_step(many, 20, 0.1);
    FAILS(bg_schedule_check(&s), BG_ERR_ARGUMENT, "20 milestones, at most 16");
    s = bg_schedule_chained(NULL, 0);
    FAILS(bg_schedule_check(&s), BG_ERR_ARGUMENT, "has none");
    s = bg_schedule_chained(&plateau, 1);
    FAILS(bg_schedule_check(&s), BG_ERR_ARGUMENT, "part 0 is a plateau");
    bg_schedule by_epoch = bg_schedule_exponential(0.5);
    by_epoch.by_epoch = true;
    s = bg_schedule_chained(&by_epoch, 1);
    FAILS(bg_schedule_check(&s), BG_ERR_ARGUMENT, "part 0 counts epochs, and what it is a part of counts steps");
    s.by_epoch = true;
    OK(bg_schedule_check(&s));
    s = bg_schedule_sequential(&plateau, NULL, 1);
    s.n_milestones = 1;
    FAILS(bg_schedule_check(&s), BG_ERR_ARGUMENT, "1 parts need 0 milestones, not 1");
    s = bg_schedule_one_cycle(10);
    s.max_momentum = 1;
    FAILS(bg_schedule_check(&s), BG_ERR_ARGUMENT, "max_momentum 1");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("schedules");
    TCase *tests = tcase_create("schedules");
    tcase_add_test(tests, test_rates);
    tcase_add_test(tests, test_far_positions);
    tcase_add_test(tests, test_inside_parts);
    tcase_add_test(tests, test_refused);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
