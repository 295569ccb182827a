/* CSV tables with what few have: each is one way through the reader that no other test goes. */
#define _GNU_SOURCE /* RTLD_NEXT */
#include "support/same_data.h"
#include "support/scratch.h"
#include "support/suite.h"
#include "support/values.h"

#include <blasgrad/data.h>

#include <dlfcn.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* In front of the C library's: memory for a locale that runs out. */
static bool has_no_locale;

locale_t newlocale(int mask, const char *name, locale_t base)
{
    static locale_t (*next)(int, const char *, locale_t);
    if (!next)
        *(void **)&next = dlsym(RTLD_NEXT, "newlocale");
    return has_no_locale ? (locale_t)0 : next(mask, name, base);
}

static bg_status read_text(bg_dataset **dataset, const char *text, const bg_data_options *options)
{
    return bg_data_read_csv(dataset, scratch_engine(), scratch_write("t.csv", text, strlen(text)), options);
}

static const char *const twice[] = { "a", "a", "b", NULL };
static const char *const absent[] = { "z", "a", NULL };
static const char *const doubled[] = { "b", "a", NULL };

START_TEST(refused)
{
    char long_name[100];
    memset(long_name, 'n', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = '\0';
    const struct {
        const char *text;
        bg_data_options options;
        bg_status status;
        const char *says;
    } cases[] = {
        { "1,2\n", { .delimiter = 127 }, BG_ERR_ARGUMENT, "the byte 127 ('?') cannot be the delimiter" },
        { "1,2\n", { .dtype = BG_I32 }, BG_ERR_DTYPE, "read_csv: inputs are f32" },
        { "1,b\n", { .with_classes = true, .class_names = twice }, BG_ERR_ARGUMENT, "\"a\" is there twice" },
        { "a,b\n1,2\n", { .feature_names = absent }, BG_ERR_FORMAT, "no column is named \"z\"" },
        { "a,b,b,b,c\n1,2,3,4,5\n", { .feature_names = doubled }, BG_ERR_FORMAT, "3 columns are named \"b\"" },
        { "a,b,b,c\n1,2,3,4\n", { .features = "b" }, BG_ERR_FORMAT, "2 columns are named \"b\"" },
        { "a,b\n1,2\n", { .features = long_name }, BG_ERR_FORMAT, "no column is named \"nnnnnnnn" },
        { "a,b,c\n1,2,3\n", { .features = "2x" }, BG_ERR_FORMAT, "no column is named \"2x\"" },
        { "1,2,3,4\n", { .features = "0-3", .target = "1" }, BG_ERR_FORMAT, "column 2 (number 1) is asked for twice" },
        { "1,2,3\n4,5,6\n", { .features = "0-", .target = "1" }, BG_ERR_FORMAT, "no header names a column \"0-\"" },
        { "1,kind\n2,0\n", { .with_classes = true, .target = "9999" }, BG_ERR_FORMAT, "there is no column 9999" },
        { "1.00000000000000000000000000000000000,0\n2,zz\n",
          { .with_classes = true },
          BG_ERR_FORMAT,
          "line 2: column 2 (number 1): \"zz\" is not a number" },
        { "1,\"a\rb\"\n",
          { .with_classes = true, .without_header = true },
          BG_ERR_FORMAT,
          "the name of a class is UTF-8 in one line" },
        { "1,2\n1\n1\n", { .without_header = true }, BG_ERR_FORMAT, "if the table begins here, skip 1 line" },
        { "1,2\n1\n\"1\n", { .without_header = true }, BG_ERR_FORMAT, "line 2: the line has 1 fields, line 1 has 2" },
        { "1,1e999\n", { .dtype = BG_F64 }, BG_ERR_FORMAT, "1e999 is too large for f64" },
        /* The column without a value is neither the first nor in the order of the columns. */
        { "1,2,\n3,4,\n",
          { .target = "0", .features = "2,1", .missing = BG_MISSING_MEAN },
          BG_ERR_FORMAT,
          "column 3 (number 2) has no value of which to take the mean" },
        { "9,1,2,\n9,3,4,\n",
          { .target = "1", .features = "3,2", .missing = BG_MISSING_MEAN },
          BG_ERR_FORMAT,
          "column 4 (number 3) has no value of which to take the mean" },
        { "1,,2\n3,,4\n",
          { .target = "0", .features = "2,1", .missing = BG_MISSING_MEAN },
          BG_ERR_FORMAT,
          "column 2 (number 1) has no value of which to take the mean" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bg_dataset *dataset;
        expect_failure(read_text(&dataset, cases[i].text, &cases[i].options), cases[i].status, cases[i].says,
                       cases[i].text);
        ck_assert_ptr_null(dataset);
    }
    bg_dataset *dataset;
    has_no_locale = true;
    expect_failure(read_text(&dataset, "1,2\n", NULL), BG_ERR_NOMEM, "out of memory for a locale", "no locale");
    has_no_locale = false;
}
END_TEST

START_TEST(taken)
{
    static const struct {
        const char *text;
        bg_data_options options;
        int64_t rows;
        double x, y; /* the first input and the last target */
    } cases[] = {
        { "1{2\n", { .delimiter = '{' }, 1, 1, 2 },
        { "infinity,1\n2,3\n", { .with_infinite = true }, 2, (double)INFINITY, 3 },
        { "7,8,9\n", { .features = "\t0\t, 1 ", .target = " 2\t" }, 1, 7, 9 },
        { "7,8,9\n", { .features = "2,1", .target = "0" }, 1, 9, 7 },
        /* One name in the first line, and what says of it whether it is a header: the column of classes by its name, or
         * by a character that no number has. */
        { "1,kind\n2,0\n", { .with_classes = true, .target = "kind" }, 1, 2, 0 },
        { "1,#\n2,0\n", { .with_classes = true, .target = "#" }, 1, 2, 0 },
        /* Tabs in front of numbers, and at the ends of lines. */
        { "1000000000,2000000000,3000000000,4000000000\n1,\t2,\t3,4\t\n5,6\t,7,\t8 \t\n",
          { .target = "3" },
          3,
          1e9,
          8 },
        /* More than 19 digits half way between two numbers. */
        { "9444732965739291475968,1\n", { .dtype = BG_F64 }, 1, 9444732965739290427392.0, 1 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bg_dataset *dataset;
        bg_status status = read_text(&dataset, cases[i].text, &cases[i].options);
        ck_assert_msg(status == BG_OK, "%s: %s", cases[i].text, bg_last_error());
        ck_assert_int_eq(bg_dataset_size(dataset), cases[i].rows);
        ck_assert_msg(x_of(dataset, 0) == cases[i].x, "%s: %.17g", cases[i].text, x_of(dataset, 0));
        ck_assert_msg(y_of(dataset, (int)cases[i].rows - 1) == cases[i].y, "%s: %.17g", cases[i].text,
                      y_of(dataset, (int)cases[i].rows - 1));
        bg_dataset_destroy(dataset);
    }
}
END_TEST

/* Names that are too long or too many, given as classes. */
START_TEST(given_names)
{
    enum { MANY = (1 << 16) + 1, LONG = 256 };
    static char long_name[LONG + 1], texts[MANY][16];
    static const char *many[MANY + 1], *one[] = { long_name, NULL };
    memset(long_name, 'n', LONG);
    for (int i = 0; i < MANY; i++) {
        (void)snprintf(texts[i], sizeof texts[i], "n%d", i);
        many[i] = texts[i];
    }
    bg_dataset *dataset;
    bg_data_options options = { .with_classes = true, .class_names = one };
    expect_failure(read_text(&dataset, "1,2\n", &options), BG_ERR_ARGUMENT, "is there twice, or too long", "long");
    options.class_names = many;
    expect_failure(read_text(&dataset, "1,2\n", &options), BG_ERR_ARGUMENT, "\"n65536\" is there twice, or", "many");
}
END_TEST

/* Names of columns: many of which none is the one that is asked for, several times the same, in another order. */
START_TEST(names_of_columns)
{
    enum { MANY = 60 };
    char text[MANY * 8 + 8];
    size_t length = 0;
    for (int i = 0; i < MANY; i++)
        length += (size_t)snprintf(text + length, sizeof text - length, "%sname%d", i ? "," : "", i);
    (void)snprintf(text + length, sizeof text - length, "\n");
    bg_dataset *dataset;
    expect_failure(read_text(&dataset, text, &(bg_data_options){ .features = "other" }), BG_ERR_FORMAT,
                   "no column is named \"other\"; there are name0 name1 name2 ", "many names");
    ck_assert_ptr_nonnull(strstr(bg_last_error(), " .."));
    OK(read_text(&dataset, "c,a,c,b,c,y\n1,2,3,4,5,6\n", NULL));
    ck_assert_ptr_null(bg_dataset_feature_name(dataset, 0));
    bg_dataset_destroy(dataset);
    OK(read_text(&dataset, "\"c \"\"3\"\"\",a,y,b\n1,2,3,4\n",
                 &(bg_data_options){ .target = "y", .features = "b,0-1", .dtype = BG_F64 }));
    ck_assert_str_eq(bg_dataset_feature_name(dataset, 0), "b");
    ck_assert_str_eq(bg_dataset_feature_name(dataset, 1), "c \"3\"");
    ck_assert_str_eq(bg_dataset_feature_name(dataset, 2), "a");
    ck_assert(x_of(dataset, 0) == 4 && x_of(dataset, 1) == 1 && x_of(dataset, 2) == 2);
    bg_dataset_destroy(dataset);
    /* A target and inputs beside it in one run of places. */
    OK(read_text(&dataset, "y,a,b,c\n1,2,3,4\n", &(bg_data_options){ .target = "0", .features = "1-2" }));
    ck_assert_str_eq(bg_dataset_feature_name(dataset, 0), "a");
    ck_assert_str_eq(bg_dataset_feature_name(dataset, 1), "b");
    ck_assert(x_of(dataset, 0) == 2 && x_of(dataset, 1) == 3 && y_of(dataset, 0) == 1);
    bg_dataset_destroy(dataset);
}
END_TEST

/* Any choice of columns gives what a table with these columns alone gives. */
START_TEST(any_columns)
{
    enum { COLUMNS = 12, ROWS = 3 };
    uint32_t state = 7;
    for (int trial = 0; trial < 300; trial++) {
        int order[COLUMNS];
        for (int i = 0; i < COLUMNS; i++) {
            int j = (int)((state = state * 1664525 + 1013904223) >> 16) % (i + 1);
            order[i] = order[j];
            order[j] = i;
        }
        int count = 2 + (int)(state >> 20) % (COLUMNS - 1);
        char list[100], text[1000], target[8];
        size_t used = 0, length = 0;
        for (int i = 1; i < count; i++)
            used += (size_t)snprintf(list + used, sizeof list - used, "%s%d", i > 1 ? "," : "", order[i]);
        (void)snprintf(target, sizeof target, "%d", order[0]);
        for (int r = -1; r < ROWS; r++)
            for (int c = 0; c < COLUMNS; c++)
                length += (size_t)snprintf(text + length, sizeof text - length, r < 0 ? "c%d%s" : "%d%s",
                                           r < 0 ? c : 100 * r + c, c < COLUMNS - 1 ? "," : "\n");
        bg_dataset *dataset;
        OK(read_text(&dataset, text, &(bg_data_options){ .target = target, .features = list }));
        for (int r = 0; r < ROWS; r++) {
            ck_assert(y_of(dataset, r) == 100 * r + order[0]);
            for (int i = 1; i < count; i++) {
                char name[8];
                (void)snprintf(name, sizeof name, "c%d", order[i]);
                ck_assert_str_eq(bg_dataset_feature_name(dataset, i - 1), name);
                ck_assert_msg(x_of(dataset, r * (count - 1) + i - 1) == 100 * r + order[i], "%s: %d", list, i);
            }
        }
        bg_dataset_destroy(dataset);
    }
}
END_TEST

/* Means of more columns than are taken at a time, with fewer values behind them. */
START_TEST(means_of_many)
{
    enum { COLUMNS = 70 };
    char text[COLUMNS * 12];
    size_t length = 0;
    for (int r = 0; r < 3; r++)
        for (int c = 0; c < COLUMNS; c++)
            length += (size_t)snprintf(text + length, sizeof text - length, r == 2 ? "%.0d%s" : "%d%s",
                                       r == 2 ? 0 : r * 2, c < COLUMNS - 1 ? "," : "\n");
    bg_dataset *dataset;
    OK(read_text(&dataset, text, &(bg_data_options){ .missing = BG_MISSING_MEAN }));
    for (int c = 0; c < COLUMNS - 1; c++)
        ck_assert(x_of(dataset, 2 * (COLUMNS - 1) + c) == 1);
    ck_assert(y_of(dataset, 2) == 1);
    bg_dataset_destroy(dataset);
}
END_TEST

/* A row that is longer than a line may be, though no record was looked for in it. */
START_TEST(long_plain_row)
{
    enum { COLUMNS = 351000 };
    char *text = malloc(COLUMNS * 5 + 3);
    size_t length = 0;
    for (int width = 1; width <= 2; width++)
        for (int c = 0; c < COLUMNS; c++, length += (size_t)width + 1)
            memcpy(text + length, &"11,\n11\n"[width == 1 ? (c < COLUMNS - 1 ? 1 : 5) : (c < COLUMNS - 1 ? 0 : 4)],
                   (size_t)width + 1);
    memcpy(text + length, "1,1", 3);
    bg_dataset *dataset;
    expect_failure(bg_data_read_csv(&dataset, scratch_engine(), scratch_write("t.csv", text, length + 3), NULL),
                   BG_ERR_FORMAT, "line 2: the line is longer than 1048576 bytes", "a long row");
    free(text);
}
END_TEST

/* Two files, in the first of which is an error, while rows are counted that may be left out. */
START_TEST(error_while_counting)
{
    bg_dataset *dataset;
    const bg_data_options options = { .missing = BG_MISSING_DROP,
                                      .target_file = scratch_write("y.csv", "1\n2\n3\n4\n", 8) };
    const char *x = scratch_write("x.csv", "1\n2\n\0\n4\n", 8);
    expect_failure(bg_data_read_csv(&dataset, scratch_engine(), x, &options), BG_ERR_FORMAT,
                   "x.csv, line 3: byte 1 is zero", "zero");
    /* And behind a line of which it is not clear whether it belongs to the table. */
    expect_failure(bg_data_read_csv(&dataset, scratch_engine(), scratch_write("z.csv", "1,2\n1\n\0\n", 8), NULL),
                   BG_ERR_FORMAT, "z.csv, line 2: the line has 1 fields, line 1 has 2", "zero");
}
END_TEST

static const char *scenario_text;
static size_t scenario_bytes;
static bg_data_options scenario_options;

static bg_status scenario(void)
{
    bg_dataset *dataset;
    bg_status status = bg_data_read_csv(&dataset, scratch_engine(), scratch_path("s.csv"), &scenario_options);
    bg_dataset_destroy(dataset);
    return status;
}

/* Memory that runs out on the ways that lists of columns and long second lines take. */
START_TEST(out_of_memory)
{
    static char long_line[50000];
    memset(long_line, 'x', sizeof long_line);
    memcpy(long_line, "1,a\n2,", 6);
    long_line[sizeof long_line - 1] = '\n';
    const struct {
        const char *text;
        size_t bytes;
        bg_data_options options;
        bg_status status;
    } cases[] = {
        { long_line, sizeof long_line, { .with_classes = true }, BG_ERR_FORMAT },
        { "y,a,b,c,d,e,f,g,h\n1,2,3,4,5,6,7,8,9\n", 36, { .target = "y", .features = "a,c,e,g,6" }, BG_OK },
        { "y,a,b\n1,2,3\n", 12, { .feature_names = doubled }, BG_OK },
        { "1,a\n2,b\n", 8, { .with_classes = true, .class_names = doubled }, BG_OK },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        scenario_text = cases[i].text;
        scenario_bytes = cases[i].bytes;
        scenario_options = cases[i].options;
        scratch_write("s.csv", scenario_text, scenario_bytes);
        scratch_memory *memory = scratch_memory_state();
        if (cases[i].status == BG_OK) {
            ck_assert_int_ge(scratch_fail_each("columns", scenario), 10);
            continue;
        }
        bg_status status = BG_ERR_NOMEM;
        for (long n = 1; status == BG_ERR_NOMEM; n++) {
            memory->count = 0;
            memory->fail_at = n;
            status = scenario();
            memory->fail_at = 0;
        }
        ck_assert_int_eq(status, cases[i].status);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("csv_edges");
    TCase *tests = tcase_create("csv_edges");
    tcase_add_checked_fixture(tests, scratch_begin, scratch_end);
    tcase_add_test(tests, refused);
    tcase_add_test(tests, taken);
    tcase_add_test(tests, given_names);
    tcase_add_test(tests, names_of_columns);
    tcase_add_test(tests, any_columns);
    tcase_add_test(tests, means_of_many);
    tcase_add_test(tests, long_plain_row);
    tcase_add_test(tests, error_while_counting);
    tcase_add_test(tests, out_of_memory);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
