/* Every call by which a run changes its directory goes wrong once: the program is killed in front of it, the disk is
 * full, the device fails, a signal comes, only a part is written. What was saved before is there afterwards, and the
 * run goes on from it to the same end. BLASGRAD_LONG=1 tries every call with every fault. */
#define _GNU_SOURCE /* memmem */
#include "support/program.h"
#include "support/scratch.h"
#include "support/suite.h"

#include <blasgrad/blasgrad.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { CALLS_MAX = 1000 };

static char out[600], whole[600], preload[1200], folder[700];

/* What a run without faults does, call by call. */
static struct {
    char name[16];
    bool is_file_write; /* of a checkpoint or a line of the log */
    int saved;          /* steps in the last checkpoint that was there before this call */
} calls[CALLS_MAX];
static int n_calls;

/* With --save-every 20, and at the end; the first run has two epochs of 23 steps, the second ends within an epoch with
 * a step that is saved anyway. Each save ends with the renaming of last.safetensors. */
static const struct {
    const char *limit, *count;
    int saves, saved_steps[3];
} runs[] = { { "--epochs", "2", 3, { 20, 40, 46 } }, { "--steps", "40", 3, { 20, 40, 40 } } };
enum { RUNS = sizeof runs / sizeof runs[0] };
static int run;

static program_end train(bool resumes, const char *const *environment)
{
    const char *words[] = { "train",
                            "--data",
                            "digits",
                            "--model",
                            "dense:10",
                            runs[run].limit,
                            runs[run].count,
                            "--save-every",
                            "20",
                            "--threads",
                            "1",
                            "--out",
                            out,
                            resumes ? "--resume" : NULL,
                            NULL };
    return program_wait(program_start(BLASGRAD_TEST_PROGRAM, words, environment, scratch_path("output")));
}

static const char *output(void)
{
    static char text[4000];
    return program_text(scratch_path("output"), text, sizeof text);
}

static void record_calls(void)
{
    char log[700], line[1000], name[16], path[900];
    (void)snprintf(log, sizeof log, "FAULT_LOG=%s", scratch_path("calls"));
    ck_assert_int_eq(train(false, (const char *const[]){ preload, folder, log, NULL }).code, 0);
    FILE *file = fopen(scratch_path("calls"), "r");
    ck_assert_ptr_nonnull(file);
    int saves = 0;
    for (n_calls = 0; fgets(line, sizeof line, file); n_calls++) {
        ck_assert_int_lt(n_calls + 1, CALLS_MAX);
        ck_assert_int_eq(sscanf(line, "%15s %899s", name, path), 2);
        (void)snprintf(calls[n_calls + 1].name, sizeof calls[0].name, "%s", name);
        calls[n_calls + 1].saved = saves > 0 ? runs[run].saved_steps[saves - 1] : 0;
        calls[n_calls + 1].is_file_write = strstr(name, "write") != NULL;
        saves += strcmp(name, "rename") == 0 && strstr(path, "/last.safetensors") != NULL;
    }
    (void)fclose(file);
    ck_assert_int_eq(saves, runs[run].saves);
    ck_assert_int_gt(n_calls, 60);
}

static void begin(int of_run)
{
    run = of_run;
    scratch_begin();
    (void)snprintf(out, sizeof out, "%s", scratch_path("out"));
    (void)snprintf(whole, sizeof whole, "%s", scratch_path("whole"));
    (void)snprintf(preload, sizeof preload, "LD_PRELOAD=%s", BLASGRAD_TEST_FAULTS);
    (void)snprintf(folder, sizeof folder, "FAULT_DIR=%s", out);
    record_calls();
    ck_assert_int_eq(rename(out, whole), 0);
}

static void end(void)
{
    program_remove_folder(out);
    program_remove_folder(whole);
    scratch_end();
}

/* Where the continuation began: 0 if from the start. */
static int resumed_step(void)
{
    const char *said = strstr(output(), "going on after "), *steps = said ? strstr(said, " and ") : NULL;
    return steps ? (int)strtol(steps + 5, NULL, 10) : 0;
}

/* What a checkpoint says of the epoch of the best model; 0: nothing. */
static long best_epoch(const char *name, const char *key, const char *before)
{
    char path[700];
    bg_archive *archive;
    (void)snprintf(path, sizeof path, "%s/%s", out, name);
    if (bg_archive_load(&archive, scratch_engine(), path) != BG_OK)
        return 0;
    const char *text = bg_archive_text(archive, key), *number = text ? strstr(text, before) : NULL;
    long epoch = number ? strtol(number + strlen(before), NULL, 10) : 0;
    bg_archive_destroy(archive);
    return epoch;
}

/* The best model that the last checkpoint knows of is there, under its name or waiting for it. */
static void check_best(const char *what)
{
    long epoch = best_epoch("last.safetensors", "blasgrad.run", "\"best_epoch\":");
    long best = best_epoch("best.safetensors", "blasgrad.epoch", "");
    long waiting = best_epoch(".best.new", "blasgrad.epoch", "");
    ck_assert_msg(epoch == best || epoch == waiting, "%s: of epoch %ld is the best, %ld and %ld are there", what, epoch,
                  best, waiting);
}

static const struct {
    const char *name;
    int error; /* 0: none */
    bool is_harmless_for_writes;
} faults[] = {
    { "kill", 0, false },     { "ENOSPC", ENOSPC, false }, { "EIO", EIO, false },
    { "EINTR", EINTR, true }, { "short", 0, true },
};

/* What a failure says, beside what is asked of every fault. */
static void check_failure(program_end end, int fault, const char *what)
{
    if (strcmp(faults[fault].name, "kill") == 0) {
        ck_assert_msg(end.is_signaled, "%s: exit code %d", what, end.code);
        return;
    }
    ck_assert_msg(end.code == 0 || end.code == 1, "%s: exit code %d", what, end.code);
    if (end.code == 0)
        return;
    ck_assert_msg(strstr(output(), out) != NULL, "%s: the message does not name the file: %s", what, output());
    ck_assert_msg(strstr(output(), strerror(faults[fault].error)) != NULL, "%s: the message does not say why: %s", what,
                  output());
}

static bool loads(const char *name)
{
    char path[700];
    bg_archive *archive;
    (void)snprintf(path, sizeof path, "%s/%s", out, name);
    bool is_whole = bg_archive_load(&archive, scratch_engine(), path) == BG_OK;
    bg_archive_destroy(archive);
    return is_whole;
}

/* Whether two checkpoints are left, not one under two names; true as well if there is only one name. */
static bool are_two(const char *first, const char *second)
{
    char a[700], b[700];
    struct stat about, other;
    (void)snprintf(a, sizeof a, "%s/%s", out, first);
    (void)snprintf(b, sizeof b, "%s/%s", out, second);
    return stat(a, &about) != 0 || stat(b, &other) != 0 || about.st_ino != other.st_ino;
}

START_TEST(test_fault)
{
    begin(_i % RUNS);
    int fault = _i / RUNS, trials = 0, failures = 0, every = fault == 0 ? program_count(2, 1) : program_count(8, 1);
    char at[40], kind[40], what[100];
    for (int i = 1 + fault % every; i <= n_calls; i += every) {
        if (strcmp(faults[fault].name, "short") == 0 && !calls[i].is_file_write)
            continue;
        (void)snprintf(what, sizeof what, "%s at call %d, %s", faults[fault].name, i, calls[i].name);
        (void)snprintf(at, sizeof at, "FAULT_AT=%d", i);
        if (faults[fault].error)
            (void)snprintf(kind, sizeof kind, "FAULT_KIND=%d", faults[fault].error);
        else
            (void)snprintf(kind, sizeof kind, "FAULT_KIND=%s", faults[fault].name);
        program_remove_folder(out);
        program_end end = train(false, (const char *const[]){ preload, folder, at, kind, NULL });
        check_failure(end, fault, what);
        if (faults[fault].is_harmless_for_writes && calls[i].is_file_write)
            ck_assert_msg(end.code == 0, "%s: %s", what, output());
        /* A save that could not be written has taken nothing from those before it. */
        if (end.code != 0 && calls[i].is_file_write)
            ck_assert_msg(are_two("last.safetensors", "previous.safetensors"), "%s", what);
        check_best(what);
        failures += end.code != 0;
        if (end.code == 0) {
            program_expect_same_run(whole, out, what);
            ck_assert_msg(loads("previous.safetensors"), "%s: %s", what, bg_last_error());
        }
        end = train(true, NULL);
        ck_assert_msg(end.code == 0, "%s: resumed: %s", what, output());
        ck_assert_msg(resumed_step() >= calls[i].saved, "%s: resumed behind step %d, but %d were saved", what,
                      resumed_step(), calls[i].saved);
        program_expect_same_run(whole, out, what);
        trials++;
    }
    ck_assert_int_gt(trials, 0);
    printf("%s %s, %s: %d of %d calls, %d ended the run, which went on each time\n", runs[run].limit, runs[run].count,
           faults[fault].name, trials, n_calls, failures);
    end();
}
END_TEST

/* ---- Damaged checkpoints ---- */

/* Where a digit of what the run said stands in last.safetensors. */
static long find_run_digit(void)
{
    size_t count;
    char path[700];
    (void)snprintf(path, sizeof path, "%s/last.safetensors", out);
    unsigned char *bytes = scratch_read(path, &count);
    static const char key[] = "log_bytes\\\":";
    const unsigned char *found = memmem(bytes, count, key, sizeof key - 1);
    ck_assert_ptr_nonnull(found);
    long at = (long)(found - bytes) + (long)sizeof key - 1;
    free(bytes);
    return at;
}

static void damage(const char *name, long keep, long flip)
{
    size_t count;
    char path[700];
    (void)snprintf(path, sizeof path, "%s/%s", out, name);
    unsigned char *bytes = scratch_read(path, &count);
    FILE *file = fopen(path, "wb");
    ck_assert_ptr_nonnull(file);
    if (flip >= 0)
        bytes[flip < (long)count ? flip : (long)count - 1] ^= 0x01;
    size_t kept = keep >= 0 ? (size_t)keep : count;
    ck_assert_uint_eq(fwrite(bytes, 1, kept, file), kept);
    ck_assert_int_eq(fclose(file), 0);
    free(bytes);
}

START_TEST(test_damaged)
{
    begin(0);
    program_remove_folder(out);
    ck_assert_int_eq(train(false, NULL).code, 0);
    const struct {
        long keep, flip;
    } damages[] = { { 0, -1 }, { 7, -1 }, { 3000, -1 }, { -1, 4 }, { -1, 1L << 40 }, { -1, find_run_digit() } };
    for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) {
        program_remove_folder(out);
        ck_assert_int_eq(train(false, NULL).code, 0);
        damage("last.safetensors", damages[i].keep, damages[i].flip);
        ck_assert_msg(train(true, NULL).code == 0, "damage %zu: %s", i, output());
        ck_assert_ptr_nonnull(strstr(output(), "last.safetensors is damaged; the run goes on from previous"));
        program_expect_same_run(whole, out, "from previous.safetensors");
        /* The damaged file must not have become the previous one. */
        ck_assert_msg(loads("previous.safetensors"), "damage %zu: %s", i, bg_last_error());
        damage("best.safetensors", damages[i].keep, damages[i].flip);
        damage("last.safetensors", damages[i].keep, damages[i].flip);
        damage("previous.safetensors", damages[i].keep, damages[i].flip);
        ck_assert_msg(train(true, NULL).code == 1, "damage %zu: %s", i, output());
        ck_assert_ptr_nonnull(strstr(output(), "previous.safetensors cannot be loaded either"));
    }
    end();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("crash");
    TCase *tests = tcase_create("crash");
    tcase_set_timeout(tests, 3000);
    tcase_add_loop_test(tests, test_fault, 0, RUNS * sizeof faults / sizeof faults[0]);
    tcase_add_test(tests, test_damaged);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
