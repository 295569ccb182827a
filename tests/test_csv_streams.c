/* CSV tables that are not read into memory: the same data sets as if they were. */
#define _POSIX_C_SOURCE 200809L
#include "support/same_data.h"
#include "support/scratch.h"
#include "support/suite.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

static char outer_folder[600]; /* of temporary files before the test; "": not set */

/* The folder of the temporary files is the test's own, where one that stays would be seen. */
static void begin(void)
{
    scratch_begin();
    const char *outer = getenv("TMPDIR");
    char folder[600];
    (void)snprintf(outer_folder, sizeof outer_folder, "%s", outer ? outer : "");
    (void)snprintf(folder, sizeof folder, "%s", scratch_path(""));
    ck_assert_int_eq(setenv("TMPDIR", folder, 1), 0);
}

/* Tests may share a process. */
static void end(void)
{
    ck_assert_int_eq(*outer_folder ? setenv("TMPDIR", outer_folder, 1) : unsetenv("TMPDIR"), 0);
    scratch_end();
}

static bg_status read_table(bg_dataset **dataset, const char *path, bg_data_options options, bool streams)
{
    options.streams = streams;
    return bg_data_read_csv(dataset, scratch_engine(), path, &options);
}

static void expect_same(const char *path, bg_data_options options, const char *name)
{
    bg_dataset *streamed, *loaded;
    int files = scratch_files();
    OK(read_table(&loaded, path, options, false));
    OK(read_table(&streamed, path, options, true));
    ck_assert_int_eq(scratch_files(), files);
    expect_same_data(streamed, loaded, name);
    for (int64_t i = 0; i < bg_dataset_classes(loaded); i++) {
        const char *class = bg_dataset_class_name(loaded, i);
        ck_assert_msg(class ? strcmp(class, bg_dataset_class_name(streamed, i)) == 0
                            : !bg_dataset_class_name(streamed, i),
                      "%s: the name of class %lld", name, (long long)i);
    }
    for (int64_t i = 0; bg_dataset_feature_name(loaded, i); i++)
        ck_assert_str_eq(bg_dataset_feature_name(loaded, i), bg_dataset_feature_name(streamed, i));
    bg_dataset_destroy(streamed);
    bg_dataset_destroy(loaded);
}

/* ---- What is the same ---- */

enum { LINES = 3000 };
static char text[LINES * 64];

/* Lines of two numbers, a name, a number that is a class and a word for nothing here and there. */
static size_t make_table(const char *header, bool with_missing)
{
    static const char *const names[] = { "pine", "oak", "\"beech, red\"", "ash", "oak" };
    size_t length = (size_t)snprintf(text, sizeof text, "%s", header);
    for (int i = 0; i < LINES; i++) {
        char number[32];
        (void)snprintf(number, sizeof number, with_missing && i % 7 == 3 ? "NA" : "%.7g", (i * 7919 % 10007) / 97.0);
        length += (size_t)snprintf(text + length, sizeof text - length, "%s,%d.5,%s,%d\n", number, i, names[i % 5],
                                   (i * 31) % 6);
    }
    return length;
}

START_TEST(tables)
{
    static const struct {
        const char *name;
        bg_data_options options;
        bool with_missing;
    } cases[] = {
        { "names", { .target = "kind", .features = "a,b", .with_classes = true }, false },
        { "names, f64", { .target = "kind", .features = "b", .with_classes = true, .dtype = BG_F64 }, false },
        { "numbers of classes", { .target = "class", .features = "a,b", .with_classes = true }, false },
        { "numbers", { .target = "a,class", .features = "b" }, false },
        { "inputs alone", { .features = "a,b,class", .without_target = true, .dtype = BG_F64 }, false },
        { "means", { .target = "class", .features = "a,b", .missing = BG_MISSING_MEAN }, true },
        { "means of targets",
          { .target = "a,class", .features = "b", .missing = BG_MISSING_MEAN, .dtype = BG_F64 },
          true },
        { "means beside classes",
          { .target = "kind", .features = "b,a", .with_classes = true, .missing = BG_MISSING_MEAN },
          true },
        { "means of inputs alone", { .features = "a,b", .without_target = true, .missing = BG_MISSING_MEAN }, true },
        { "nan", { .target = "class", .features = "a,b", .missing = BG_MISSING_NAN }, true },
        { "a number", { .target = "class", .features = "a,b", .missing = BG_MISSING_VALUE, .missing_value = 7 }, true },
        { "rows left out",
          { .target = "kind", .features = "a,b", .with_classes = true, .missing = BG_MISSING_DROP },
          true },
        { "numbers of rows",
          { .target = "class", .features = "a,b", .missing = BG_MISSING_DROP, .with_row_numbers = true },
          true },
        { "inputs and numbers of rows",
          { .features = "a,b", .missing = BG_MISSING_DROP, .with_row_numbers = true, .without_target = true },
          true },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t length = make_table("a,b,kind,class\n", cases[i].with_missing);
        expect_same(scratch_write("t.csv", text, length), cases[i].options, cases[i].name);
        expect_same(scratch_write_gz("t.csv.gz", text, length), cases[i].options, cases[i].name);
    }
    /* Given names have the numbers that they are given with. */
    static const char *const given[] = { "ash", "pine", "oak", "beech, red", "yew", NULL };
    size_t length = make_table("a,b,kind,class\n", false);
    const char *path = scratch_write("t.csv", text, length);
    expect_same(path,
                (bg_data_options){ .target = "kind", .features = "a", .with_classes = true, .class_names = given },
                "given names");
    expect_same(path, (bg_data_options){ .target = "class", .features = "0,1", .target_file = path }, "two files");
    static const char infinite[] = "inf,1,2\ninf,,3\n";
    expect_same(scratch_write("t.csv", infinite, sizeof infinite - 1),
                (bg_data_options){ .missing = BG_MISSING_MEAN, .with_infinite = true }, "no mean of infinities");
}
END_TEST

/* Rows of more than a piece, of as many as one, and few of them. */
START_TEST(sizes)
{
    static char wide[5000 * 2 * 4];
    size_t length = 0;
    for (int line = 0; line < 4; line++) {
        for (int i = 0; i < 5000; i++) {
            wide[length++] = (char)('0' + (i + line) % 10);
            wide[length++] = i < 4999 ? ',' : '\n';
        }
    }
    expect_same(scratch_write("wide.csv", wide, length), (bg_data_options){ .dtype = BG_F64 }, "wide");
    for (int lines = 1; lines <= 4097; lines = lines < 4 ? lines + 1 : lines * 2 + (lines == 1024)) {
        length = 0;
        for (int i = 0; i < lines; i++)
            length += (size_t)snprintf(text + length, sizeof text - length, "%d,%d\n", i % 100, i % 7);
        expect_same(scratch_write("few.csv", text, length), (bg_data_options){ .dtype = BG_F32 }, "few");
    }
    for (int lines = 2047; lines <= 2049; lines++) {
        length = 0;
        for (int i = 0; i < lines; i++)
            length += (size_t)snprintf(text + length, sizeof text - length, "%d,%d\n", i % 100, i % 7);
        expect_same(scratch_write("piece.csv", text, length), (bg_data_options){ .dtype = BG_F32 }, "about a piece");
    }
}
END_TEST

/* ---- What goes wrong ---- */

START_TEST(refused_tables)
{
    static const struct {
        const char *text;
        bg_data_options options;
    } cases[] = {
        { "a,b\n1,2\n3\n", { .dtype = BG_F32 } },
        { "a,b\n1,2\n3,x\n", { .dtype = BG_F32 } },
        { "a,b\n1,1e39\n", { .dtype = BG_F32 } },
        { "a,b\n", { .dtype = BG_F32 } },
        { "", { .dtype = BG_F32 } },
        { "a,b\n1,NA\n2,NA\n", { .missing = BG_MISSING_MEAN } },
        { "a,b\nNA,1\nNA,2\n", { .missing = BG_MISSING_MEAN } },
        { "a,b\nNA,1\n", { .missing = BG_MISSING_DROP } },
        { "a,b\n1,-2\n", { .with_classes = true } },
        { "a,b\n1,\n", { .with_classes = true } },
    };
    int files = open_files();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *path = scratch_write("t.csv", cases[i].text, strlen(cases[i].text));
        bg_dataset *dataset;
        char message[512];
        bg_status status = read_table(&dataset, path, cases[i].options, false);
        (void)snprintf(message, sizeof message, "%s", bg_last_error());
        ck_assert_msg(status != BG_OK, "case %zu is no mistake", i);
        expect_failure(read_table(&dataset, path, cases[i].options, true), status, message, cases[i].text);
        ck_assert_ptr_null(dataset);
    }
    ck_assert_int_eq(open_files(), files);
}
END_TEST

START_TEST(temporary_files)
{
    bg_dataset *dataset;
    size_t length = make_table("a,b,kind,class\n", false);
    const char *path = scratch_write("t.csv", text, length);
    const bg_data_options options = { .target = "class", .features = "a,b" };
    int files = open_files(), names = scratch_files();
    char folder[600];
    (void)snprintf(folder, sizeof folder, "%s", scratch_path("none"));
    ck_assert_int_eq(setenv("TMPDIR", folder, 1), 0);
    FAILS(read_table(&dataset, path, options, true), BG_ERR_IO,
          "none cannot be made: No such file or directory; TMPDIR names the folder");
    /* The disk is full behind two pieces. */
    (void)snprintf(folder, sizeof folder, "%s", scratch_path(""));
    ck_assert_int_eq(setenv("TMPDIR", folder, 1), 0);
    struct rlimit limit, less = { .rlim_cur = 33000, .rlim_max = RLIM_INFINITY };
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
    less.rlim_max = limit.rlim_max;
    (void)signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &less), 0);
    bg_status status = read_table(&dataset, path, options, true);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    expect_failure(status, BG_ERR_IO, "cannot write at offset 33000: File too large", "a full disk");
    ck_assert_int_eq(open_files(), files);
    ck_assert_int_eq(scratch_files(), names);
    for (int is_set = 1; is_set >= 0; is_set--) { /* else in /tmp */
        OK(read_table(&dataset, path, options, true));
        ck_assert_int_eq(open_files(), files + 1);
        bg_dataset_destroy(dataset);
        ck_assert_int_eq(open_files(), files);
        ck_assert_int_eq(setenv("TMPDIR", "", 1), 0);
    }
}
END_TEST

/* Fields of one digit, of which the one in the first row of each column is missing. */
static size_t make_wide(int64_t rows, int64_t columns)
{
    size_t length = 0;
    for (int64_t i = 0; i < rows * columns; i++) {
        text[length++] = (char)(i < columns ? '?' : '0' + i * 7 % 10);
        text[length++] = (i + 1) % columns ? ',' : '\n';
    }
    return length;
}

/* Means of as many columns as are taken at a time, one less and one more, and of rows that do not fit a piece. */
START_TEST(wide_means)
{
    static const int64_t columns[] = { 256, 257, 258, 600, 5000 };
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
        for (bg_dtype dtype = BG_F32; dtype <= BG_F64; dtype++) {
            char name[40];
            (void)snprintf(name, sizeof name, "%lld columns", (long long)columns[i]);
            const char *path = scratch_write("wide.csv", text, make_wide(15, columns[i]));
            expect_same(path, (bg_data_options){ .missing = BG_MISSING_MEAN, .dtype = dtype }, name);
        }
}
END_TEST

/* ---- Memory ---- */

static const char *table_path;
static bg_data_options table_options;

static bg_status open_and_read(void)
{
    bg_dataset *dataset;
    uint64_t hash;
    bg_status status = read_table(&dataset, table_path, table_options, true);
    if (!status)
        status = bg_dataset_hash(&hash, dataset);
    bg_dataset_destroy(dataset);
    return status;
}

START_TEST(memory_that_runs_out)
{
    int files = open_files();
    size_t length = make_table("a,b,kind,class\n", true);
    table_path = scratch_write("t.csv", text, length);
    table_options = (bg_data_options){ .target = "a,class", .features = "b", .missing = BG_MISSING_MEAN };
    ck_assert_int_ge(scratch_fail_each("means", open_and_read), 30);
    length = make_table("a,b,kind,class\n", false);
    table_path = scratch_write("t.csv", text, length);
    table_options = (bg_data_options){ .target = "kind", .features = "a,b", .with_classes = true };
    ck_assert_int_ge(scratch_fail_each("names", open_and_read), 40);
    ck_assert_int_eq(open_files(), files);
}
END_TEST

/* Whatever the table, no more is held while it is read than a piece of rows and what reading lines takes; nothing of
 * the rows behind that. */
START_TEST(held_memory)
{
    scratch_memory *memory = scratch_memory_state();
    for (int is_packed = 0; is_packed < 2; is_packed++) {
        size_t length = make_table("a,b,kind,class\n", false), held = memory->held;
        const char *path = is_packed ? scratch_write_gz("t", text, length) : scratch_write("t", text, length);
        bg_dataset *dataset;
        memory->most = memory->held;
        OK(read_table(&dataset, path, (bg_data_options){ .target = "class", .features = "a,b", .dtype = BG_F64 },
                      true));
        ck_assert_msg(memory->most - held <= 1 << 16, "%zu bytes were held", memory->most - held);
        ck_assert_msg(memory->held - held <= 1 << 12, "%zu bytes are held", memory->held - held);
        bg_dataset_destroy(dataset);
    }
}
END_TEST

/* Means take a number for each column, and else no more than what is promised of any reader. */
START_TEST(held_for_means)
{
    static const int64_t forms[][2] = { { 10, 2 }, { 10, 20 }, { 1000, 7 }, { 100, 200 }, { 10, 5000 } };
    scratch_memory *memory = scratch_memory_state();
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        size_t length = make_wide(forms[i][0], forms[i][1]), means = (size_t)forms[i][1] * sizeof(double);
        const char *path = scratch_write("t.csv", text, length);
        bg_dataset *dataset;
        size_t held = memory->most = memory->held;
        OK(read_table(&dataset, path, (bg_data_options){ .missing = BG_MISSING_MEAN, .dtype = BG_F64 }, true));
        ck_assert_msg(memory->most - held <= length + means + (1 << 16), "%lld x %lld: %zu bytes were held",
                      (long long)forms[i][0], (long long)forms[i][1], memory->most - held);
        bg_dataset_destroy(dataset);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("csv_streams");
    TCase *tests = tcase_create("csv_streams");
    tcase_add_checked_fixture(tests, begin, end);
    tcase_add_test(tests, tables);
    tcase_add_test(tests, sizes);
    tcase_add_test(tests, wide_means);
    tcase_add_test(tests, refused_tables);
    tcase_add_test(tests, temporary_files);
    tcase_add_test(tests, memory_that_runs_out);
    tcase_add_test(tests, held_memory);
    tcase_add_test(tests, held_for_means);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
