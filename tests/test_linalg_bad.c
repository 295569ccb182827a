/* Bad input for linear algebra: every routine with NaN, infinities, zeros, matrices of less than full rank, and numbers
 * near the ends of the type's range. Each has to be refused with a status that says what and where, or answered right,
 * within five seconds, without a byte of output, and with no update of a refused run taking effect. The tables are in
 * linalg_bad/. */
#define _GNU_SOURCE
#include "linalg_bad/bad.h"

#include "support/child.h"
#include "support/sanitized.h"
#include "support/suite.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SECONDS = 5 };

/* What a child tells: in memory shared with it. */
static struct {
    char doing[160];
    char reports[1 << 16];
    size_t length;
    int64_t cases, reported;
} * shared;

void bad_doing(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(shared->doing, sizeof shared->doing, format, arguments);
    va_end(arguments);
    shared->cases++;
    alarm(SECONDS);
}
void bad_report(const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    shared->reported++;
    size_t left = sizeof shared->reports - shared->length;
    int length = snprintf(shared->reports + shared->length, left, "  %s: %s\n", shared->doing, text);
    shared->length += length > 0 && (size_t)length < left ? (size_t)length : 0;
}

/* ---- Children ---- */

typedef struct {
    const bad_row *row;
    bg_dtype dtype;
    int64_t n, batch; /* 0: matrices without a batch */
    int threads;
} job;

static bool do_job(const job *j)
{
    return j->batch > 0 ? bad_check_batch(j->row, j->dtype, j->n, j->batch, j->threads)
                        : bad_check_row(j->row, j->dtype, j->n);
}

/* Does the job in a child; everything that was not as it should be is in the reports afterwards. */
static void run_job(const job *j)
{
    FILE *written = tmpfile();
    ck_assert_ptr_nonnull(written);
    int64_t reported = shared->reported;
    (void)fflush(NULL);
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        end_with_parent();
        (void)signal(SIGALRM, SIG_DFL); /* Check's handler would end the parent too */
        if (dup2(fileno(written), 1) < 0 || dup2(fileno(written), 2) < 0)
            _exit(2);
        bad_doing("making the programs");
        bool is_right = do_job(j);
        (void)fflush(NULL);
        _exit(is_right ? 0 : 1);
    }
    int status = 0;
    pid_t ended;
    do
        ended = waitpid(child, &status, 0);
    while (ended < 0 && errno == EINTR);
    ck_assert_int_eq(ended, child);
    if (WIFSIGNALED(status))
        bad_report("%s, signal %d", WTERMSIG(status) == SIGALRM ? "no end" : "killed", WTERMSIG(status));
    else if (status != 0 && shared->reported == reported)
        bad_report("ended with status %d", WEXITSTATUS(status));
    alarm(0);
    char text[256];
    (void)fseek(written, 0, SEEK_END);
    long bytes = ftell(written);
    rewind(written);
    text[fread(text, 1, sizeof text - 1, written)] = '\0';
    (void)fclose(written);
    if (bytes != 0) {
        bad_report("%ld bytes were written: %s", bytes, text);
        alarm(0);
    }
    if (shared->reported > reported) {
        size_t left = sizeof shared->reports - shared->length;
        int length = snprintf(shared->reports + shared->length, left, "^ %s, %s, n = %lld, batch %lld, %d threads\n",
                              j->row->name, bg_dtype_name(j->dtype), (long long)j->n, (long long)j->batch, j->threads);
        shared->length += length > 0 && (size_t)length < left ? (size_t)length : 0;
    }
}
static void expect_no_reports(void)
{
    /* Check takes messages of up to 4096 bytes. */
    ck_assert_msg(shared->reported == 0, "%lld of %lld cases:\n%.3000s", (long long)shared->reported,
                  (long long)shared->cases, shared->reports);
}

static void begin(void)
{
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(shared, MAP_FAILED);
}
static void end(void) { (void)munmap(shared, sizeof *shared); }

/* ---- Suites ---- */

static const bad_row *const tables[] = { bad_triangular_rows, bad_lu_rows, bad_symmetric_rows, bad_orthogonal_rows,
                                         bad_singular_rows };

static const bad_row *row_of(int i)
{
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++)
        for (const bad_row *row = tables[t]; row->name; row++)
            if (i-- == 0)
                return row;
    return NULL;
}
static int row_count(void)
{
    int count = 0;
    while (row_of(count))
        count++;
    return count;
}

static const bg_dtype types[] = { BG_F32, BG_F64 };

/* Large matrices other than triangular ones and Cholesky's in f32, batches of f64 under ASan, and other numbers of
 * threads take minutes: with BLASGRAD_LONG. */
static bool is_taken(const bad_row *row, bg_dtype dtype, int64_t n, int64_t batch, int threads)
{
    bool is_triangular = false;
    for (const bad_row *listed = bad_triangular_rows; listed->name; listed++)
        is_triangular |= listed == row;
    if (row->largest != 0 && n > row->largest)
        return false;
    if (getenv("BLASGRAD_LONG"))
        return true;
    if (IS_ADDRESS_SANITIZED && (n > 24 || (batch > 0 && dtype == BG_F64)))
        return false;
    return threads == 2 && (n <= 24 || (is_triangular && dtype == BG_F32 && batch == 0));
}

START_TEST(test_rows)
{
    /* From 300 on large matrices are worked on in blocks. */
    static const int64_t sizes[] = { 1, 4, 24, 300 };
    const bad_row *row = row_of(_i);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int t = 0; t < 2; t++)
            if (is_taken(row, types[t], sizes[i], 0, 2))
                run_job(&(job){ .row = row, .dtype = types[t], .n = sizes[i], .threads = 2 });
    expect_no_reports();
}
END_TEST

START_TEST(test_batches)
{
    static const struct {
        int64_t n, batch;
    } sizes[] = { { 4, 1000 }, { 2, 1000 }, { 24, 30 }, { 300, 3 } };
    static const int threads[] = { 1, 2, 4 };
    const bad_row *row = row_of(_i);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int t = 0; t < 2; t++)
            for (size_t k = 0; k < sizeof threads / sizeof *threads; k++)
                if (is_taken(row, types[t], sizes[i].n, sizes[i].batch, threads[k]))
                    run_job(&(job){ row, types[t], sizes[i].n, sizes[i].batch, threads[k] });
    expect_no_reports();
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("linalg_bad");
    TCase *rows = tcase_create("rows"), *batches = tcase_create("batches");
    TCase *cases[] = { rows, batches };
    for (int i = 0; i < 2; i++) {
        tcase_add_checked_fixture(cases[i], begin, end);
        tcase_set_timeout(cases[i], 300);
        suite_add_tcase(suite, cases[i]);
    }
    tcase_add_loop_test(rows, test_rows, 0, row_count());
    tcase_add_loop_test(batches, test_batches, 0, row_count());
    return suite;
}

int main(void) { return run_suite(make_suite()); }
