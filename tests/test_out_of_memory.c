/* Running out of memory is a status wherever it happens: nothing leaks, nothing has changed, and the next try succeeds.
 * The scenarios stand in out_of_memory/. */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include "support/libc_memory.h"

#include "out_of_memory/cycle.h"
#include "support/sanitized.h"
#include "support/suite.h"

#include <stdio.h>
#include <sys/mman.h>

static int scenario_count(void)
{
    return program_scenario_count + family_scenario_count + training_scenario_count + layer_scenario_count +
           file_scenario_count + search_scenario_count;
}
static const scenario *scenario_of(int i)
{
    if (i < program_scenario_count)
        return &program_scenarios[i];
    i -= program_scenario_count;
    if (i < family_scenario_count)
        return &family_scenarios[i];
    i -= family_scenario_count;
    if (i < training_scenario_count)
        return &training_scenarios[i];
    i -= training_scenario_count;
    if (i < layer_scenario_count)
        return &layer_scenarios[i];
    i -= layer_scenario_count;
    return i < file_scenario_count ? &file_scenarios[i] : &search_scenarios[i - file_scenario_count];
}

/* Of all scenarios; in memory shared with the children that Check forks. */
static struct {
    long long hook, library;
    int scenarios;
} * total;

/* ---- Through the engine's allocator ---- */

/* What happens when a stage fails. */
typedef enum {
    ONCE,       /* one allocation fails; the stage is tried again */
    UNTIL_HERE, /* all fail from there on, the stage fails a second time, then there is memory again */
    END         /* all fail from there on, and everything is destroyed */
} manner;

static const char *const manners[] = { "once", "for a while", "for good" };

/* Runs a scenario in which allocation fail_at fails; 0: none. The hash of all results, or 0 if it ended early.
 * calls, if not NULL: those of the first stage, and of all. */
static uint64_t play(const scenario *s, manner how, long long fail_at, long long *calls)
{
    cycle c = { .scenario = s, .counter = { .fail_at = fail_at, .is_sticky = how != ONCE } };
    uint64_t result = 0;
    bool ends = false;
    for (int i = 0; i < MOST_STAGES && s->stages[i] && !ends; i++) {
        snapshot before = cycle_look(&c);
        long long failures = c.counter.failures;
        bg_status status = s->stages[i](&c);
        if (status) {
            ck_assert_msg(status == BG_ERR_NOMEM && c.counter.failures > 0,
                          "%s: stage %d with allocation %lld failing %s: %s: %s", s->name, i, fail_at, manners[how],
                          bg_status_name(status), bg_last_error());
            ck_assert_msg(strstr(bg_last_error(), "memory"), "%s: message \"%s\"", s->name, bg_last_error());
            ck_assert_msg(cycle_is_unchanged(&before, &c),
                          "%s: stage %d changed something, with allocation %lld failing %s", s->name, i, fail_at,
                          manners[how]);
            if (how == UNTIL_HERE) {
                ck_assert_int_eq(s->stages[i](&c), BG_ERR_NOMEM);
                ck_assert_msg(cycle_is_unchanged(&before, &c), "%s: stage %d changed something at the second try",
                              s->name, i);
                c.counter.fail_at = 0;
            }
            ends = how == END;
            status = ends ? BG_OK : s->stages[i](&c);
            ck_assert_msg(status == BG_OK, "%s: stage %d after allocation %lld failed %s: %s: %s", s->name, i, fail_at,
                          manners[how], bg_status_name(status), bg_last_error());
        } else {
            ck_assert_msg(c.counter.failures == failures, "%s: stage %d did not notice that allocation %lld failed %s",
                          s->name, i, fail_at, manners[how]);
        }
        if (calls)
            calls[i > 0] = c.counter.calls;
    }
    if (!ends)
        result = cycle_hash(&c);
    cycle_destroy(&c);
    ck_assert_msg(c.counter.live == 0 && c.counter.wrong == 0,
                  "%s: with allocation %lld failing %s: %lld blocks leaked, %lld given back wrongly", s->name, fail_at,
                  manners[how], (long long)c.counter.live, (long long)c.counter.wrong);
    return result;
}

START_TEST(test_failing_allocations)
{
    const scenario *s = scenario_of(_i);
    folder_make(s);
    if (s->writes) /* so that a failed save can be seen to leave no file behind */
        play(s, ONCE, 0, NULL);
    long long calls[2] = { 0, 0 };
    uint64_t expected = play(s, ONCE, 0, calls);
    int files = folder_count();
    ck_assert_uint_eq(expected, play(s, ONCE, 0, NULL));
    long long first = s->stages[1] ? calls[0] + 1 : 1, last = s->stages[1] ? calls[1] : calls[0];
    long long points = 0;
    const int step = IS_ADDRESS_SANITIZED ? END + 1 : 1; /* sanitized, each allocation fails in one manner */
    for (manner how = ONCE; how <= END; how++)
        for (long long i = first + (step > 1 ? how : 0); i <= last; i += step) {
            uint64_t got = play(s, how, i, NULL);
            points++;
            ck_assert_msg(how == END || got == expected, "%s: another result after allocation %lld had failed %s",
                          s->name, i, manners[how]);
            ck_assert_int_eq(folder_count(), files);
        }
    folder_remove();
    total->scenarios++;
    total->hook += points;
    printf("%-45s %4lld allocations, %5lld failure points\n", s->name, last - first + 1, points);
    fflush(stdout);
}
END_TEST

/* ---- Through the C library ----
 * With the default allocator, and in the libraries beside it. A failure that somebody works around is as good as a
 * status. */
typedef struct {
    uint64_t hash;
    long long calls, first_calls, leaked;
    int failures; /* statuses */
    int stage;    /* that did not return what it should have */
    bg_status status;
    char message[256];
} outcome;

/* Makes no check of its own, which would take memory. */
static outcome play_library(const scenario *s, long long fail_at)
{
    cycle c = { .scenario = s, .uses_default = true };
    outcome o = { .status = BG_OK };
    long long live = atomic_load(&libc_live);
    for (int i = 0; i < MOST_STAGES && s->stages[i] && !o.status; i++) {
        long long start = atomic_load(&libc_calls);
        bool is_spared = s->json_stage && i == s->json_stage;
        atomic_store(&libc_fail_at, fail_at > o.calls && !is_spared ? start + fail_at - o.calls : 0);
        bg_status status = s->stages[i](&c);
        o.calls += is_spared ? 0 : atomic_load(&libc_calls) - start;
        o.first_calls = i == 0 ? o.calls : o.first_calls;
        atomic_store(&libc_fail_at, 0);
        o.failures += status == BG_ERR_NOMEM;
        if (status == BG_ERR_NOMEM)
            status = s->stages[i](&c);
        o.stage = i;
        o.status = status;
        snprintf(o.message, sizeof o.message, "%s", status ? bg_last_error() : "");
    }
    o.hash = o.status ? 0 : cycle_hash(&c);
    cycle_destroy(&c);
    o.leaked = atomic_load(&libc_live) - live;
    return o;
}

START_TEST(test_failing_library)
{
    if (!COUNTS_LIBC)
        return;
    const scenario *s = scenario_of(_i);
    folder_make(s);
    (void)play_library(s, 0); /* what libraries keep from their first use on */
    outcome expected = play_library(s, 0);
    int failures = 0;
    long long first = s->stages[1] ? expected.first_calls : 0; /* first too: nothing fails */
    for (long long i = first; i <= expected.calls; i++) {
        outcome o = play_library(s, i == first ? 0 : i);
        failures += o.failures;
        ck_assert_msg(o.status == BG_OK, "%s: stage %d, the C library's allocation %lld failing: %s: %s", s->name,
                      o.stage, i, bg_status_name(o.status), o.message);
        ck_assert_msg(o.hash == expected.hash, "%s: another result after the C library's allocation %lld had failed",
                      s->name, i);
        ck_assert_msg(o.leaked == 0, "%s: with the C library's allocation %lld failing %lld blocks leaked", s->name, i,
                      o.leaked);
    }
    folder_remove();
    total->library += expected.calls - first;
    printf("%-45s %4lld allocations of the C library, %d statuses\n", s->name, expected.calls - first, failures);
    fflush(stdout);
}
END_TEST

/* ---- */

static Suite *make_suite(void)
{
    Suite *suite = suite_create("out of memory");
    TCase *tests = tcase_create("out of memory");
    tcase_set_timeout(tests, 300);
    tcase_add_loop_test(tests, test_failing_allocations, 0, scenario_count());
    tcase_add_loop_test(tests, test_failing_library, 0, scenario_count());
    suite_add_tcase(suite, tests);
    return suite;
}

int main(void)
{
    total = mmap(NULL, sizeof *total, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (total == MAP_FAILED)
        return EXIT_FAILURE;
    int result = run_suite(make_suite());
    printf("%d scenarios, %lld failure points of the engine's allocator, %lld of the C library's\n", total->scenarios,
           total->hook, total->library);
    return result;
}
