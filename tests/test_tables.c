/* CSV tables: which columns and lines are read, what is missing, classes with names. */
#include "support/scratch.h"
#include "support/suite.h"
#include "support/values.h"
#include "tables/tables.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static bg_status read_case(bg_dataset **dataset, const table_case *c, bg_data_options options, bool is_gzip)
{
    const char *path = is_gzip ? scratch_write_gz("t.csv.gz", c->text, strlen(c->text))
                               : scratch_write("t.csv", c->text, strlen(c->text));
    if (c->targets)
        options.target_file = scratch_write("y.csv", c->targets, strlen(c->targets));
    return bg_data_read_csv(dataset, scratch_engine(), path, &options);
}

static void check_values(const char *name, const bg_tensor *tensor, const double *expected, int count)
{
    for (int i = 0; i < count; i++) {
        double value = value_at(tensor, i);
        bool is_right = expected[i] == NONE ? isnan(value) : value == expected[i];
        ck_assert_msg(is_right, "%s: element %d is %g, not %g", name, i, value, expected[i]);
    }
}

START_TEST(tables)
{
    for (int i = 0; i < table_case_count; i++) {
        const table_case *c = &table_cases[i];
        for (int way = 0; way < 3; way++) {
            bg_data_options options = c->options;
            options.dtype = way == 2 ? BG_F64 : options.dtype;
            bg_dataset *dataset;
            bg_status status = read_case(&dataset, c, options, way == 1);
            ck_assert_msg(status == BG_OK, "%s: %s", c->name, bg_last_error());
            const bg_tensor *x = bg_dataset_column(dataset, 0), *y = bg_dataset_column(dataset, 1);
            ck_assert_msg(bg_shape_equal(bg_tensor_shape(x), BG_SHAPE(c->rows, c->features)), "%s", c->name);
            check_values(c->name, x, c->x, c->rows * c->features);
            ck_assert_int_eq(bg_dataset_columns(dataset), c->outputs ? 2 : 1);
            if (c->outputs > 0)
                ck_assert_msg(bg_shape_equal(bg_tensor_shape(y), BG_SHAPE(c->rows, c->outputs)), "%s", c->name);
            if (c->outputs)
                check_values(c->name, y, c->y, c->rows * abs(c->outputs));
            int names = 0;
            for (; c->names[names]; names++)
                ck_assert_str_eq(bg_dataset_class_name(dataset, names), c->names[names]);
            ck_assert_ptr_null(bg_dataset_class_name(dataset, names));
            ck_assert_ptr_null(bg_dataset_class_name(dataset, -1));
            if (names || c->classes)
                ck_assert_int_eq(bg_dataset_classes(dataset), c->classes ? c->classes : names);
            bg_dataset_destroy(dataset);
        }
    }
    ck_assert_ptr_null(bg_dataset_class_name(NULL, 0));
    ck_assert_ptr_null(bg_dataset_feature_name(NULL, 0));
}
END_TEST

/* Rows keep their numbers, also where some are left out and the data set is cut. */
START_TEST(row_numbers)
{
    static const int64_t expected[] = { 0, 2, 3, 5 };
    static const char text[] = "a,b,y\n1,2,3\n,2,3\n4,5,6\n\n7,8,9\n1,?,2\n0,0,0\n";
    const char *path = scratch_write("t", text, sizeof text - 1);
    for (int way = 0; way < 4; way++) {
        bg_dataset *all, *part;
        bg_data_options options = { .dtype = way & 1 ? BG_F64 : BG_F32,
                                    .missing = BG_MISSING_DROP,
                                    .without_target = way & 2,
                                    .with_row_numbers = true };
        OK(bg_data_read_csv(&all, scratch_engine(), path, &options));
        ck_assert_int_eq(bg_dataset_columns(all), way & 2 ? 2 : 3);
        OK(bg_dataset_slice(&part, all, 1, 4));
        bg_tensor *numbers = bg_dataset_column(part, way & 2 ? 1 : 2);
        ck_assert_int_eq(bg_tensor_dtype(numbers), BG_I64);
        for (int i = 0; i < 3; i++)
            ck_assert(value_at(numbers, i) == (double)expected[i + 1]);
        ck_assert(value_at(bg_dataset_column(part, 0), 0) == 4);
        bg_dataset_destroy(part);
        bg_dataset_destroy(all);
    }
}
END_TEST

/* Searches do not go through the header once more for each name. */
START_TEST(many_columns)
{
    enum { COLUMNS = 100000 };
    char *text = malloc((size_t)COLUMNS * 16), *end = text;
    const char **list = malloc((COLUMNS + 1) * sizeof *list);
    ck_assert(text && list);
    for (int i = 0; i < COLUMNS; i++)
        end += sprintf(end, "n%d%c", i, i + 1 < COLUMNS ? ',' : '\n');
    for (int i = 0; i < COLUMNS; i++)
        end += sprintf(end, "%d%c", i, i + 1 < COLUMNS ? ',' : '\n');
    char *names = malloc((size_t)COLUMNS * 7), *name = names;
    ck_assert_ptr_nonnull(names);
    for (int i = COLUMNS - 1; i > 0; i--) {
        list[COLUMNS - 1 - i] = name;
        name += sprintf(name, "n%d", i) + 1;
    }
    list[COLUMNS - 1] = NULL;
    bg_dataset *dataset;
    bg_data_options options = { .feature_names = list };
    OK(bg_data_read_csv(&dataset, scratch_engine(), scratch_write("t", text, (size_t)(end - text)), &options));
    ck_assert(value_at(bg_dataset_column(dataset, 0), 0) == COLUMNS - 1);
    ck_assert(value_at(bg_dataset_column(dataset, 0), COLUMNS - 2) == 1);
    ck_assert(value_at(bg_dataset_column(dataset, 1), 0) == 0);
    bg_dataset_destroy(dataset);
    free(names);
    free(list);
    free(text);
}
END_TEST

/* Names go with the parts of a data set; a header with names that are not all different gives none. */
START_TEST(names)
{
    static const table_case plain = { .text = "b,\"a \"\"x\"\"\",y\n1,2,u\n3,4,v\n5,6,u\n" };
    static const table_case twice = { .text = "b,b,y\n1,2,3\n" };
    bg_dataset *all, *first, *second;
    OK(read_case(&all, &plain, (bg_data_options){ .with_classes = true, .features = "1,0" }, false));
    OK(bg_dataset_split(&first, &second, all, 2, 1));
    bg_dataset_destroy(all);
    ck_assert_str_eq(bg_dataset_feature_name(second, 0), "a \"x\"");
    ck_assert_str_eq(bg_dataset_feature_name(second, 1), "b");
    ck_assert_ptr_null(bg_dataset_feature_name(second, 2));
    ck_assert_str_eq(bg_dataset_class_name(first, 1), "v");
    bg_dataset_destroy(first);
    bg_dataset_destroy(second);
    OK(read_case(&all, &twice, (bg_data_options){ .target = "y" }, false));
    ck_assert_ptr_null(bg_dataset_feature_name(all, 0));
    bg_dataset_destroy(all);
}
END_TEST

START_TEST(table_errors)
{
    for (int i = 0; i < wrong_table_count; i++) {
        const wrong_table *wrong = &wrong_tables[i];
        bg_dataset *dataset;
        bg_status status = read_case(&dataset, &wrong->table, wrong->table.options, false);
        expect_failure(status, wrong->status, wrong->says, wrong->table.name);
        ck_assert_ptr_null(dataset);
    }
    bg_dataset *dataset;
    bg_data_options options = { .target_file = scratch_path("none.csv") };
    expect_failure(bg_data_read_csv(&dataset, scratch_engine(), scratch_write("t", "1\n", 2), &options), BG_ERR_IO,
                   "none.csv: cannot open: No such file", "no file of targets");
}
END_TEST

/* Lines are counted right wherever a buffer ends between the two bytes of a line end. */
START_TEST(line_numbers)
{
    enum { ROWS = 20000 };
    static char text[5 * ROWS + 20];
    for (int padding = 0; padding < 5; padding++) {
        char *end = text + sprintf(text, "%*s", padding, "");
        for (int i = 0; i < ROWS; i++)
            end += sprintf(end, "1,2\r\n");
        end += sprintf(end, "3,x\r\n");
        bg_dataset *dataset;
        expect_failure(
            bg_data_read_csv(&dataset, scratch_engine(), scratch_write("t", text, (size_t)(end - text)), NULL),
            BG_ERR_FORMAT, "line 20001: column 2 (number 1): \"x\" is not a number", "line numbers");
    }
}
END_TEST

/* Names are numbered alike whatever their order, up to a limit of number and length. */
START_TEST(many_names)
{
    enum { LIMIT = 1 << 16 };
    char *text = malloc((size_t)(LIMIT + 1) * 16);
    ck_assert_ptr_nonnull(text);
    char *end = text;
    for (int i = 0; i < LIMIT; i++)
        end += sprintf(end, "%d,n%05d\n", i, (int)(((unsigned)i * 40503U) % LIMIT));
    bg_dataset *dataset;
    bg_data_options options = { .with_classes = true, .without_header = true };
    OK(bg_data_read_csv(&dataset, scratch_engine(), scratch_write("t", text, (size_t)(end - text)), &options));
    ck_assert_int_eq(bg_dataset_classes(dataset), LIMIT);
    for (int i = 0; i < LIMIT; i++)
        ck_assert(value_at(bg_dataset_column(dataset, 1), i) == ((unsigned)i * 40503U) % LIMIT);
    ck_assert_str_eq(bg_dataset_class_name(dataset, 1234), "n01234");
    bg_dataset_destroy(dataset);
    end += sprintf(end, "1,n99999\n");
    expect_failure(
        bg_data_read_csv(&dataset, scratch_engine(), scratch_write("t", text, (size_t)(end - text)), &options),
        BG_ERR_FORMAT, "line 65537: column 2 (number 1): more than 65536 different names are no classes", "many");
    memset(text, 'n', 300);
    memcpy(text, "1,", 2);
    text[257] = '\n';
    OK(bg_data_read_csv(&dataset, scratch_engine(), scratch_write("t", text, 258), &options));
    ck_assert_uint_eq(strlen(bg_dataset_class_name(dataset, 0)), 255);
    bg_dataset_destroy(dataset);
    text[257] = 'n';
    expect_failure(bg_data_read_csv(&dataset, scratch_engine(), scratch_write("t", text, 258), &options), BG_ERR_FORMAT,
                   "in one line of less than 256 bytes", "long");
    free(text);
}
END_TEST

/* Rows of plain numbers are read by a loop of their own: it must agree with the other, which quotes call for, wherever
 * a buffer ends, for all delimiters and line ends. */
START_TEST(plain_and_quoted_agree)
{
    enum { ROWS = 3000 };
    static const char delimiters[] = { ',', ';', '\t', ' ' };
    static const char *const ends[] = { "\n", "\r\n", "\r" };
    static char text[2][ROWS * 100];
    uint32_t state = 1;
    for (int kind = 0; kind < 24; kind++) {
        char delimiter = delimiters[kind % 4];
        const char *end = ends[kind / 4 % 3];
        char *c[2] = { text[0], text[1] };
        for (int row = 0; row < ROWS; row++) {
            for (int i = 0; i < 4; i++) {
                char number[40];
                state = state * 1664525 + 1013904223;
                sprintf(number, "%.*g", 1 + (int)(state >> 28),
                        ((double)state - 2e9) / (double)(1 + (state >> (state >> 16) % 32)));
                bool has_blanks = kind >= 12 && state % 5 == 0;
                for (int j = 0; j < 2; j++)
                    c[j] += sprintf(c[j], "%s%s%s%s%s%.*s", has_blanks ? "  " : "", j ? "\"" : "", number,
                                    j ? "\"" : "", has_blanks ? " " : "", i < 3, &delimiter);
            }
            for (int j = 0; j < 2; j++)
                c[j] += sprintf(c[j], "%s", row % 7 == 0 ? "\n" : end);
        }
        bg_dataset *made[2];
        for (int j = 0; j < 2; j++) {
            /* Also with a last column that nobody asked for. */
            bg_data_options options = { .delimiter = delimiter,
                                        .dtype = kind % 2 ? BG_F32 : BG_F64,
                                        .target = kind % 3 ? "3" : "1",
                                        .features = kind % 3 ? NULL : "0,2" };
            OK(bg_data_read_csv(&made[j], scratch_engine(), scratch_write("t", text[j], (size_t)(c[j] - text[j])),
                                &options));
            ck_assert_int_eq(bg_dataset_size(made[j]), ROWS);
        }
        for (int column = 0; column < 2; column++) {
            bg_tensor *x = bg_dataset_column(made[0], column), *y = bg_dataset_column(made[1], column);
            ck_assert_int_eq(memcmp(bg_tensor_const_data(x), bg_tensor_const_data(y),
                                    (size_t)bg_shape_count(bg_tensor_shape(x)) * bg_dtype_size(bg_tensor_dtype(x))),
                             0);
        }
        bg_dataset_destroy(made[0]);
        bg_dataset_destroy(made[1]);
    }
}
END_TEST

/* Blanks at the end of a line stand before no further field, whether the last column is read or not. */
START_TEST(ragged_runs_of_blanks)
{
    static const char *const lines[] = { "4 5", "4 5 ", "4 5\t \t", "4 5 6 7", "4 5 6 7 " };
    static const char *const ends[] = { "\n", "\r", "\r\n" };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        for (int form = 0; form < 6; form++) {
            char text[100];
            int length = sprintf(text, "1 2 3\n%s%s1 2 3 \n", lines[i], ends[form % 3]);
            bg_dataset *dataset;
            bg_data_options options = { .delimiter = ' ', .target = form < 3 ? "1" : NULL, .features = "0" };
            bg_status status =
                bg_data_read_csv(&dataset, scratch_engine(), scratch_write("t", text, (size_t)length), &options);
            expect_failure(status, BG_ERR_FORMAT,
                           i < 3 ? "line 2: the line has 2 fields, line 1 has 3" : "line 2: the line has 4 fields",
                           lines[i]);
        }
}
END_TEST

static bg_status scenario_names(void)
{
    bg_dataset *dataset;
    bg_data_options options = { .with_classes = true, .missing = BG_MISSING_MEAN, .target_file = scratch_path("y") };
    bg_status status = bg_data_read_csv(&dataset, scratch_engine(), scratch_path("x"), &options);
    bg_dataset_destroy(dataset);
    return status;
}

static bg_status scenario_columns(void)
{
    bg_dataset *dataset;
    bg_data_options options = { .features = "b \",c,d", .target = "j", .with_row_numbers = true };
    bg_status status = bg_data_read_csv(&dataset, scratch_engine(), scratch_path("z"), &options);
    bg_dataset_destroy(dataset);
    return status;
}

START_TEST(out_of_memory)
{
    char text[4000], *end = text;
    for (int i = 0; i < 100; i++)
        end += sprintf(end, "class%d\n", i);
    scratch_write("y", text, (size_t)(end - text));
    end = text + sprintf(text, "a_column_with_a_long_name,another,and_one_more_so_that_the_list_of_names_must_grow\n");
    for (int i = 0; i < 99; i++) /* the first class is taken for a header */
        end += sprintf(end, "%d,%s,1\n", i, i % 2 ? "" : "7");
    scratch_write("x", text, (size_t)(end - text));
    ck_assert_int_gt(scratch_fail_each("names", scenario_names), 30);
    end = text + sprintf(text, "a,\"b \"\"\",a,c,d,e,f,g,h,i,j\n1,2,3,4,5,6,7,8,9,1,2\n");
    scratch_write("z", text, (size_t)(end - text));
    ck_assert_int_gt(scratch_fail_each("columns by name", scenario_columns), 10);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tables");
    TCase *tests = tcase_create("tables");
    tcase_add_checked_fixture(tests, scratch_begin, scratch_end);
    tcase_add_test(tests, tables);
    tcase_add_test(tests, names);
    tcase_add_test(tests, row_numbers);
    tcase_add_test(tests, many_columns);
    tcase_add_test(tests, table_errors);
    tcase_add_test(tests, line_numbers);
    tcase_add_test(tests, many_names);
    tcase_add_test(tests, plain_and_quoted_agree);
    tcase_add_test(tests, ragged_runs_of_blanks);
    tcase_add_test(tests, out_of_memory);
    tcase_set_timeout(tests, 120);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
