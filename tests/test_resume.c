/* Runs that are killed or interrupted at random times, and go on as if nothing had been. BLASGRAD_LONG=1 has the
 * numbers of trials that the README tells. */
#define _POSIX_C_SOURCE 200809L
#include "support/program.h"
#include "support/scratch.h"
#include "support/suite.h"

#include <blasgrad/blasgrad.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name, *const *options;
} runs[] = {
    { "sgd",
      (const char *const[]){ "--optimizer", "sgd", "--momentum", "0.9", "--lr", "0.05", "--schedule", "plateau:0.5:1",
                             "--early-stopping", "35", "--validation-share", "0.1", "--stratify", NULL } },
    { "adamw", (const char *const[]){ "--optimizer", "adamw", "--schedule", "cosine", "--warm-up", "20", "--clip-norm",
                                      "1", "--accumulate", "3", "--ema", "0.9", NULL } },
};
enum { RUNS = sizeof runs / sizeof runs[0] };

/* A command that begins or goes on. */
typedef struct {
    const char *words[48];
    int n;
} command;

static void add_word(command *c, const char *word)
{
    ck_assert_int_lt(c->n + 1, (int)(sizeof c->words / sizeof c->words[0]));
    c->words[c->n++] = word;
}

static command training(int run, const char *threads, const char *out)
{
    static const char *const common[] = {
        "train",    "--data",  "digits",       "--model",   "dense:64 relu dropout:0.2 dense:10",
        "--epochs", "40",      "--save-every", "50",        "--log-every",
        "30",       "--scale", "min-max",      "--augment", "noise:0.05",
        NULL
    };
    command c = { .n = 0 };
    for (int i = 0; common[i]; i++)
        add_word(&c, common[i]);
    for (int i = 0; runs[run].options[i]; i++)
        add_word(&c, runs[run].options[i]);
    add_word(&c, "--threads");
    add_word(&c, threads);
    add_word(&c, "--out");
    add_word(&c, out);
    return c;
}

static pid_t start(const command *c)
{
    return program_start(BLASGRAD_TEST_PROGRAM, c->words, NULL, scratch_path("output"));
}

static void expect_done(const command *c, const char *what)
{
    static char text[4000];
    program_end end = program_wait(start(c));
    ck_assert_msg(end.code == 0, "%s: exit code %d: %s", what, end.code,
                  program_text(scratch_path("output"), text, sizeof text));
}

static const char *threads_of(uint64_t *random)
{
    static const char *const counts[] = { "1", "2", "3", "4" };
    return counts[(int)(4 * program_random(random))];
}

/* Kills or interrupts a run, and now and then its continuation, at random times; then lets it go on to its end. Gives
 * how often it did. */
static int trial(int run, int signal_number, double seconds, const char *out, uint64_t *random, const char *what)
{
    int ended = 0;
    command c = training(run, threads_of(random), out);
    for (double most = 1.1 * seconds; most > 0.2 * seconds; most *= program_random(random)) {
        pid_t process = start(&c);
        program_sleep(most * program_random(random));
        (void)kill(process, signal_number);
        program_end end = program_wait(process);
        ck_assert_msg(end.code == 0 || end.code == 128 + signal_number, "%s: exit code %d", what, end.code);
        ended += end.code != 0;
        c = training(run, threads_of(random), out);
        add_word(&c, "--resume");
    }
    expect_done(&c, what);
    return ended;
}

START_TEST(test_killed)
{
    scratch_begin();
    int run = _i / 2, signal_number = _i % 2 ? SIGTERM : SIGKILL, ended = 0, wanted = program_count(3, 50);
    uint64_t random = 0x9E3779B97F4A7C15U + (uint64_t)_i;
    char whole[600], out[600], what[200];
    (void)snprintf(whole, sizeof whole, "%s", scratch_path("whole"));
    (void)snprintf(out, sizeof out, "%s", scratch_path("out"));
    command c = training(run, "2", whole);
    double begin = program_clock();
    expect_done(&c, runs[run].name);
    double seconds = program_clock() - begin;
    for (int i = 0; ended < wanted && i < 4 * wanted; i++) {
        (void)snprintf(what, sizeof what, "%s, signal %d, trial %d", runs[run].name, signal_number, i);
        program_remove_folder(out);
        ended += trial(run, signal_number, seconds, out, &random, what);
        program_expect_same_run(whole, out, what);
    }
    ck_assert_int_ge(ended, wanted);
    printf("%s: ended by signal %d %d times, every time the same bits at the end\n", runs[run].name, signal_number,
           ended);
    program_remove_folder(out);
    program_remove_folder(whole);
    scratch_end();
}
END_TEST

/* ---- Interrupts ---- */

/* The steps that the checkpoint has done; -1 if it does not load. */
static int64_t saved_step(const char *out)
{
    char path[700];
    bg_archive *archive;
    double step = -1;
    (void)snprintf(path, sizeof path, "%s/last.safetensors", out);
    if (bg_archive_load(&archive, scratch_engine(), path) == BG_OK)
        (void)bg_tensor_item(bg_archive_find(archive, "trainer.step"), 0, &step);
    bg_archive_destroy(archive);
    return (int64_t)step;
}

/* The step of the event that ends the log of an interrupted run; -2 if there is none. */
static int64_t interrupted_step(const char *out)
{
    static char text[1 << 20];
    char path[700];
    (void)snprintf(path, sizeof path, "%s/log.jsonl", out);
    (void)program_text(path, text, sizeof text);
    const char *last = strstr(text, "{\"event\":\"interrupted\","), *step = last ? strstr(last, "\"step\":") : NULL;
    return step && strchr(last, '\n') && strchr(last, '\n')[1] == '\0' ? strtoll(step + 7, NULL, 10) : -2;
}

START_TEST(test_interrupted)
{
    scratch_begin();
    uint64_t random = 0xD1B54A32D192ED03U;
    char out[600], text[2000];
    (void)snprintf(out, sizeof out, "%s", scratch_path("out"));
    int trials = program_count(12, 100), early = 0, saved = 0, complete = 0;
    command c = training(0, "2", out);
    double begin = program_clock();
    expect_done(&c, "uninterrupted");
    double seconds = program_clock() - begin;
    for (int i = 0; i < trials; i++) {
        int number = i % 2 ? SIGTERM : SIGINT;
        program_remove_folder(out);
        pid_t process = start(&c);
        program_sleep(1.02 * seconds * program_random(&random));
        (void)kill(process, number);
        program_end end = program_wait(process);
        ck_assert_msg(end.code == 0 || end.code == 128 + number, "trial %d: exit code %d: %s", i, end.code,
                      program_text(scratch_path("output"), text, sizeof text));
        early += end.is_signaled;
        complete += end.code == 0;
        saved += end.code != 0 && !end.is_signaled;
        /* Before there is anything to be saved, a signal ends the program as it ends any other. */
        ck_assert_msg(end.is_signaled || saved_step(out) >= 0, "trial %d: %s", i, bg_last_error());
        ck_assert_msg(end.is_signaled || end.code == 0 || saved_step(out) == interrupted_step(out),
                      "trial %d: interrupted after step %lld, saved after %lld", i, (long long)interrupted_step(out),
                      (long long)saved_step(out));
    }
    printf("%d signals: %d before the run began, %d saved, %d when it was complete\n", trials, early, saved, complete);
    ck_assert_int_gt(saved, 0);
    program_remove_folder(out);
    scratch_end();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("resume");
    TCase *tests = tcase_create("resume");
    tcase_set_timeout(tests, 3000);
    tcase_add_loop_test(tests, test_killed, 0, 2 * RUNS);
    tcase_add_test(tests, test_interrupted);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
