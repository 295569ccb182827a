/* CSV tables and memory: what is held while one is read, and what happens when there is none, or the file changes. */
#define _POSIX_C_SOURCE 200809L /* pipe */
#include "support/scratch.h"
#include "support/suite.h"
#include "support/values.h"

#include <blasgrad/data.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bg_status scenario_csv(void)
{
    bg_dataset *dataset;
    bg_status status = bg_data_read_csv(&dataset, scratch_engine(), scratch_path("csv"), NULL);
    bg_dataset_destroy(dataset);
    return status;
}

START_TEST(out_of_memory)
{
    enum { LINES = 20000 };
    static char text[LINES * 4 + 100000];
    for (int i = 0; i < LINES; i++)
        memcpy(text + 4 * (size_t)i, "1,2\n", 4);
    memset(text + (size_t)4 * LINES, ' ', 100000);
    memcpy(text + (size_t)4 * LINES, "1,2", 3);
    scratch_write("csv", text, sizeof text);
    ck_assert_int_gt(scratch_fail_each("csv", scenario_csv), 20);
}
END_TEST

/* The most that was held while the file was read, beyond the data. */
static size_t held_beside(const char *path, const bg_data_options *options, int64_t rows)
{
    scratch_memory *memory = scratch_memory_state();
    size_t held = memory->most = memory->held, data = 0;
    bg_dataset *dataset;
    OK(bg_data_read_csv(&dataset, scratch_engine(), path, options));
    ck_assert_int_eq(bg_dataset_size(dataset), rows);
    for (int i = 0; i < bg_dataset_columns(dataset); i++) {
        const bg_tensor *column = bg_dataset_column(dataset, i);
        data += (size_t)bg_shape_count(bg_tensor_shape(column)) * bg_dtype_size(bg_tensor_dtype(column));
        ck_assert(value_at(column, rows - 1) == (double)(i ? 2 : 1));
    }
    bg_dataset_destroy(dataset);
    return memory->most - held - data;
}

/* Rows are counted and then stored once, whatever they take in the file; those that cannot be counted wait in another
 * file. */
START_TEST(held_memory)
{
    enum { LINES = 50000 };
    static char text[LINES * 4];
    const bg_data_options forms[] = { { .dtype = BG_F64 },
                                      { .dtype = BG_F64, .with_classes = true },
                                      { .dtype = BG_F64, .missing = BG_MISSING_DROP } };
    for (int i = 0; i < LINES; i++)
        memcpy(text + 4 * (size_t)i, "1,2\n", 4);
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        ck_assert_uint_le(held_beside(scratch_write("t", text, sizeof text), &forms[i], LINES), 1 << 16);
        ck_assert_uint_le(held_beside(scratch_write_gz("t", text, sizeof text), &forms[i], LINES), 1 << 16);
    }
    /* Rows that are left out take nothing, also at the end. */
    for (int i = LINES / 2; i < LINES; i++)
        memcpy(text + 4 * (size_t)i, i % 3 || i > LINES - 9 ? ",2 \n" : "1,2\n", 4);
    int64_t rows = LINES / 2;
    for (int i = LINES / 2; i < LINES; i++)
        rows += !(i % 3 || i > LINES - 9);
    ck_assert_uint_le(held_beside(scratch_write("t", text, sizeof text), &forms[2], rows), 1 << 16);
}
END_TEST

/* Of long rows too, room is made for as many as there are, and few more. */
START_TEST(few_long_rows)
{
    enum { COLUMNS = 1 << 15, ROWS = 5, ROW = 2 * COLUMNS };
    static char text[ROW * ROWS];
    const bg_data_options f64 = { .dtype = BG_F64 };
    for (int rows = 1; rows <= ROWS; rows++) {
        for (int i = 0; i < rows * COLUMNS; i++)
            memcpy(text + 2 * (size_t)i, i % COLUMNS == COLUMNS - 1 ? "2\n" : "1,", 2);
        size_t bytes = (size_t)rows * ROW;
        /* Beside the rows, the buffer for a line, which is up to four times as long, and half of it while it grows. */
        size_t beside = (size_t)4 * ROW + (1 << 16);
        ck_assert_uint_le(held_beside(scratch_write_gz("t", text, bytes), &f64, rows), beside);
        ck_assert_uint_le(held_beside(scratch_write("t", text, bytes), &f64, rows), bytes + (1 << 16));
    }
}
END_TEST

/* Lines with fewer fields than the first are no rows, and take no memory as such. */
START_TEST(many_short_lines)
{
    enum { COLUMNS = 4000, LINES = 4000 };
    static char text[2 * (COLUMNS + LINES)];
    const bg_data_options cases[] = { { .dtype = BG_F64 }, { .dtype = BG_F64, .missing = BG_MISSING_DROP } };
    for (size_t i = 0; i < COLUMNS + LINES; i++)
        memcpy(text + 2 * i, i < COLUMNS - 1 ? "1," : "1\n", 2);
    scratch_memory *memory = scratch_memory_state();
    const char *wide = scratch_write("wide", text, sizeof text);
    const char *rows = scratch_write("rows", text + 2 * COLUMNS, 2 * LINES);
    const char *row = scratch_write("row", text, 2 * COLUMNS);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bg_data_options of_rows = cases[i];
        bg_dataset *dataset;
        size_t held = memory->most = memory->held;
        expect_failure(bg_data_read_csv(&dataset, scratch_engine(), wide, &cases[i]), BG_ERR_FORMAT,
                       "line 2: the line has 1 fields", "short lines");
        of_rows.target_file = row;
        of_rows.without_header = true;
        expect_failure(bg_data_read_csv(&dataset, scratch_engine(), rows, &of_rows), BG_ERR_FORMAT,
                       "rows, line 2: this is row 2", "short file of targets");
        ck_assert_uint_le(memory->most - held, 8 * sizeof text + (1 << 17));
    }
}
END_TEST

/* A file of the system does not say how much it holds. */
START_TEST(a_file_of_the_system)
{
    static const char path[] = "/proc/self/io";
    static const bg_data_options options = {
        .delimiter = ' ', .without_header = true, .without_target = true, .features = "1"
    };
    if (access(path, R_OK) != 0)
        return;
    bg_dataset *dataset;
    OK(bg_data_read_csv(&dataset, scratch_engine(), path, &options));
    ck_assert_int_gt(bg_dataset_size(dataset), 3);
    bg_dataset_destroy(dataset);
}
END_TEST

/* Where rows are to wait, and cannot; few of them need no file. */
START_TEST(no_temporary_file)
{
    enum { LINES = 5000, FEW = 100 };
    static char text[LINES * 4];
    for (int i = 0; i < LINES; i++)
        memcpy(text + 4 * (size_t)i, "1,2\n", 4);
    char *before = getenv("TMPDIR") ? strdup(getenv("TMPDIR")) : NULL;
    ck_assert_int_eq(setenv("TMPDIR", "/nowhere", 1), 0);
    bg_dataset *dataset;
    bg_status status = bg_data_read_csv(&dataset, scratch_engine(), scratch_write_gz("t.gz", text, sizeof text), NULL);
    expect_failure(status, BG_ERR_IO, "a temporary file in /nowhere cannot be made: No such file", "no folder");
    ck_assert_ptr_null(dataset);
    (void)held_beside(scratch_write_gz("t.gz", text, FEW * 4), NULL, FEW);
    ck_assert_int_eq(before ? setenv("TMPDIR", before, 1) : unsetenv("TMPDIR"), 0);
    free(before);
}
END_TEST

/* A pipe cannot be read twice. */
START_TEST(from_a_pipe)
{
    int ends[2];
    char path[40], text[1 << 14];
    ck_assert_int_eq(pipe(ends), 0);
    for (size_t i = 0; i < sizeof text; i += 4)
        memcpy(text + i, "1,2\n", 4);
    ck_assert_int_eq(write(ends[1], text, sizeof text), (int)sizeof text);
    ck_assert_int_eq(close(ends[1]), 0);
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", ends[0]);
    ck_assert_uint_le(held_beside(path, NULL, sizeof text / 4), 1 << 16);
    ck_assert_int_eq(close(ends[0]), 0);
}
END_TEST

/* An allocator that changes the file when it is asked for memory the nth time: between counting and reading, too. */
typedef struct {
    const char *path;
    int left;
    bool grows;
    const char *text;
} meddler;

static void *meddle(void *user, size_t bytes, size_t alignment)
{
    meddler *m = user;
    if (m->path && m->left-- == 0) {
        FILE *file = fopen(m->path, m->grows ? "ab" : "wb");
        ck_assert(file && fputs(m->text, file) >= 0 && fclose(file) == 0);
    }
    return aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
}

static void let_go(void *user, void *memory, size_t bytes)
{
    (void)user, (void)bytes;
    free(memory);
}

START_TEST(files_that_change)
{
    meddler m = { .path = NULL };
    bg_engine *engine;
    const bg_engine_options options = { .threads = 1, .allocator = { meddle, let_go, &m } };
    OK(bg_engine_create(&engine, &options));
    for (int grows = 0; grows < 2; grows++) {
        int changed = 0;
        for (int n = 0; n < 12; n++) {
            m = (meddler){ scratch_write("t", "1,2\n3,4\n", 8), n, grows, "5,6\n" };
            bg_dataset *dataset;
            bg_status status = bg_data_read_csv(&dataset, engine, m.path, NULL);
            m.path = NULL;
            if (status) {
                expect_failure(status, BG_ERR_IO, grows ? "t: the file became longer while" : "became shorter", "file");
                changed++;
            } else {
                int64_t size = bg_dataset_size(dataset);
                ck_assert(size == 2 || size == (grows ? 3 : 1));
            }
            bg_dataset_destroy(dataset);
        }
        ck_assert_int_gt(changed, 0);
    }
    /* A line that becomes longer than the file was. */
    static char line[31001], more[3001];
    memset(line, ' ', sizeof line - 1);
    memset(more, ' ', sizeof more - 1);
    memcpy(line, "1,2\n3,4", 7);
    m = (meddler){ scratch_write("t", line, sizeof line - 1), 0, true, more };
    bg_dataset *dataset;
    OK(bg_data_read_csv(&dataset, engine, m.path, NULL));
    ck_assert_int_eq(bg_dataset_size(dataset), 2);
    bg_dataset_destroy(dataset);
    bg_engine_destroy(engine);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("csv_memory");
    TCase *tests = tcase_create("csv_memory");
    tcase_add_checked_fixture(tests, scratch_begin, scratch_end);
    tcase_add_test(tests, out_of_memory);
    tcase_add_test(tests, held_memory);
    tcase_add_test(tests, few_long_rows);
    tcase_add_test(tests, many_short_lines);
    tcase_add_test(tests, a_file_of_the_system);
    tcase_add_test(tests, no_temporary_file);
    tcase_add_test(tests, from_a_pipe);
    tcase_add_test(tests, files_that_change);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
