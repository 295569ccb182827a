/* CSV tables: which columns and lines are read, what is missing, classes with names. */
#include "support/scratch.h"
#include "support/suite.h"
#include "support/values.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { NONE = -12345 }; /* stands for NaN in the tables below */

typedef struct {
    const char *name, *text, *targets; /* targets: the text of the file of targets, or NULL */
    bg_data_options options;
    int rows, features, outputs; /* outputs: targets of a row; 0: none; -1: classes */
    double x[12], y[8];
    const char *names[5]; /* of classes */
    int classes;          /* how many, if not as many as names; or 0 */
} table_case;

static const char *const abc[] = { "a", "b", "c", NULL };
static const char *const c_and_a[] = { "c", "a", NULL };

static const table_case cases[] = {
    { .name = "lines skipped", "x y\r\n\"1,\n\r3,4\n5,6\n", NULL, { .skip_lines = 3 }, 2, 1, 1, { 3, 5 }, { 4, 6 } },
    { .name = "carriage returns skipped", "a\rb\r1,2\r", NULL, { .skip_lines = 2 }, 1, 1, 1, { 1 }, { 2 } },
    { .name = "a header behind skipped lines",
      "1,2,3\ny,a\n1,2\n",
      NULL,
      { .skip_lines = 1, .target = "y" },
      1,
      1,
      1,
      { 2 },
      { 1 } },
    { .name = "two targets by name",
      "a,b,c,d\n1,2,3,4\n5,6,7,8\n",
      NULL,
      { .target = "d,b" },
      2,
      2,
      2,
      { 1, 3, 5, 7 },
      { 4, 2, 8, 6 } },
    { .name = "a range of targets", "1,2,3,4\n", NULL, { .target = "1-2" }, 1, 2, 2, { 1, 4 }, { 2, 3 } },
    { .name = "a list with blanks", "a,b,c,d\n1,2,3,4\n", NULL, { .target = "d , 0" }, 1, 2, 2, { 2, 3 }, { 4, 1 } },
    { .name = "a name with a comma", "\"a,b\",c\n1,2\n", NULL, { .target = "a,b" }, 1, 1, 1, { 2 }, { 1 } },
    { .name = "a name that is a range", "0-1,c\n1,2\n", NULL, { .target = "0-1" }, 1, 1, 1, { 2 }, { 1 } },
    { .name = "features by name", "a,b,c,d\n1,2,3,4\n", NULL, { .features = "c,a" }, 1, 2, 1, { 3, 1 }, { 4 } },
    { .name = "features by range", "1,2,3,4,5\n", NULL, { .features = "2-3,0" }, 1, 3, 1, { 3, 4, 1 }, { 5 } },
    { .name = "features by whole names",
      "d,a,b,c\n4,1,2,3\n",
      NULL,
      { .feature_names = c_and_a, .target = "d" },
      1,
      2,
      1,
      { 3, 1 },
      { 4 } },
    { .name = "columns that nobody asked for",
      "n,x,s,y\none,1,\"a,b\"\"c\",2\n,3,,4\nz z,5,-,6\n",
      NULL,
      { .features = "x", .target = "y" },
      3,
      1,
      1,
      { 1, 3, 5 },
      { 2, 4, 6 } },
    { .name = "without target",
      "b,c,a\n1,2,3\n",
      NULL,
      { .feature_names = abc, .without_target = true },
      1,
      3,
      0,
      { 3, 1, 2 },
      { 0 } },
    { .name = "the one left is the target",
      "a,y,c\n1,2,3\n",
      NULL,
      { .feature_names = c_and_a },
      1,
      2,
      1,
      { 3, 1 },
      { 2 } },
    { .name = "one column without target", "1\n2\n", NULL, { .without_target = true }, 2, 1, 0, { 1, 2 }, { 0 } },
    { .name = "targets of a file", "1 2\n3 4\n", "7\n8\n", { .delimiter = ' ' }, 2, 2, 1, { 1, 2, 3, 4 }, { 7, 8 } },
    { .name = "all columns of a file of targets",
      "a\n1\n2\n",
      "7,8\n\n9,10\n",
      { 0 },
      2,
      1,
      2,
      { 1, 2 },
      { 7, 8, 9, 10 } },
    { .name = "a column of a file of targets", "1,2\n", "u,v\n7,8\n", { .target = "u" }, 1, 2, 1, { 1, 2 }, { 7 } },
    { .name = "lines skipped in both", "x\n1,2\n", "y\n7\n", { .skip_lines = 1 }, 1, 2, 1, { 1, 2 }, { 7 } },
    { .name = "classes of a file",
      "1\n2\n3\n",
      "b\n\"a\"\nb\n",
      { .with_classes = true, .without_header = true },
      3,
      1,
      -1,
      { 1, 2, 3 },
      { 1, 0, 1 },
      { "a", "b" } },
    { .name = "missing is nan",
      "1,,3\nNA,nan,4\nN/A, null ,5\n\"\",?,6\n",
      NULL,
      { .missing = BG_MISSING_NAN },
      4,
      2,
      1,
      { 1, NONE, NONE, NONE, NONE, NONE, NONE, NONE },
      { 3, 4, 5, 6 } },
    { .name = "missing is a number",
      "1,\nNaN,3\n",
      NULL,
      { .missing = BG_MISSING_VALUE, .missing_value = -1.5 },
      2,
      1,
      1,
      { 1, -1.5 },
      { -1.5, 3 } },
    { .name = "missing is nothing",
      "1,\nNULL,3\n",
      NULL,
      { .missing = BG_MISSING_VALUE },
      2,
      1,
      1,
      { 1, 0 },
      { 0, 3 } },
    { .name = "missing is the mean",
      "1,10,1\n,20,2\n4,,3\n",
      NULL,
      { .missing = BG_MISSING_MEAN },
      3,
      2,
      1,
      { 1, 10, 2.5, 20, 4, 15 },
      { 1, 2, 3 } },
    { .name = "the mean of the largest",
      "1.5e308,1\n1.5e308,1\n,1\n",
      NULL,
      { .missing = BG_MISSING_MEAN, .dtype = BG_F64 },
      3,
      1,
      1,
      { 1.5e308, 1.5e308, 1.5e308 },
      { 1, 1, 1 } },
    { .name = "rows that miss something",
      "1,1\n,2\n3,3\n4,?\n",
      NULL,
      { .missing = BG_MISSING_DROP },
      2,
      1,
      1,
      { 1, 3 },
      { 1, 3 } },
    { .name = "rows that miss something in one of two files",
      "1\n2\n\"\"\n4\n",
      "5\nNA\n7\n8\n",
      { .missing = BG_MISSING_DROP },
      2,
      1,
      1,
      { 1, 4 },
      { 5, 8 } },
    { .name = "missing elsewhere", "a,b,c\n1,,2\n", NULL, { .features = "a" }, 1, 1, 1, { 1 }, { 2 } },
    { .name = "nothing missing", "1,2\n3,4\n", NULL, { .missing = BG_MISSING_MEAN }, 2, 1, 1, { 1, 3 }, { 2, 4 } },
    { .name = "names of classes",
      "x,c\n1,pear\n2,apple\n3, pear \n4,\"fig \"\"a\"\"\"\n",
      NULL,
      { .with_classes = true },
      4,
      1,
      -1,
      { 1, 2, 3, 4 },
      { 2, 0, 2, 1 },
      { "apple", "fig \"a\"", "pear" } },
    { .name = "names that look like numbers",
      "1,a\n2,10\n3,9\n",
      NULL,
      { .with_classes = true, .without_header = true },
      3,
      1,
      -1,
      { 1, 2, 3 },
      { 2, 0, 1 },
      { "10", "9", "a" } },
    { .name = "names given",
      "1,c\n2,a\n",
      NULL,
      { .with_classes = true, .without_header = true, .class_names = abc },
      2,
      1,
      -1,
      { 1, 2 },
      { 2, 0 },
      { "a", "b", "c" } },
    { .name = "names given in their order",
      "1,c\n2,a\n",
      NULL,
      { .with_classes = true, .without_header = true, .class_names = c_and_a },
      2,
      1,
      -1,
      { 1, 2 },
      { 0, 1 },
      { "c", "a" } },
    { .name = "classes that are missing",
      "1,c\n2,\n3,a\n4,NA\n",
      NULL,
      { .with_classes = true, .without_header = true, .missing = BG_MISSING_DROP },
      2,
      1,
      -1,
      { 1, 3 },
      { 1, 0 },
      { "a", "c" } },
    { .name = "a class by its name makes no header",
      "1,2,b\n3,4,a\n5,6,b\n",
      NULL,
      { .with_classes = true },
      3,
      2,
      -1,
      { 1, 2, 3, 4, 5, 6 },
      { 1, 0, 1 },
      { "a", "b" } },
    { .name = "a class by its name in a numbered column",
      "b 1\na 2\n",
      NULL,
      { .with_classes = true, .delimiter = ' ', .target = "0" },
      2,
      1,
      -1,
      { 1, 2 },
      { 1, 0 },
      { "a", "b" } },
    { .name = "numbers and a name above classes that are numbers",
      "0,1,y\n3,4,1\n5,6,0\n",
      NULL,
      { .with_classes = true },
      2,
      2,
      -1,
      { 3, 4, 5, 6 },
      { 1, 0 } },
    { .name = "numbers and a name that is asked for",
      "0,1,y\n3,4,b\n5,6,a\n",
      NULL,
      { .with_classes = true, .target = "y" },
      2,
      2,
      -1,
      { 3, 4, 5, 6 },
      { 1, 0 },
      { "a", "b" } },
    { .name = "a number of a class in a row that is left out",
      "7,\n1,3\n0,4\n",
      NULL,
      { .with_classes = true, .target = "0", .missing = BG_MISSING_DROP },
      2,
      1,
      -1,
      { 3, 4 },
      { 1, 0 },
      { NULL },
      2 },
    { .name = "a number of a class before a word",
      "1,3\n7,NA\n0,4\n",
      NULL,
      { .with_classes = true, .target = "0", .missing = BG_MISSING_DROP },
      2,
      1,
      -1,
      { 3, 4 },
      { 1, 0 },
      { NULL },
      2 },
    { .name = "a name of a class in a row that is left out",
      "x,c\n1,pear\n,plum\n3,fig\n",
      NULL,
      { .with_classes = true, .missing = BG_MISSING_DROP },
      2,
      1,
      -1,
      { 1, 3 },
      { 1, 0 },
      { "fig", "pear" } },
    { .name = "missing beside classes",
      "1,1\n,2\n3,0\n",
      NULL,
      { .with_classes = true, .missing = BG_MISSING_MEAN },
      3,
      1,
      -1,
      { 1, 2, 3 },
      { 1, 2, 0 } },
};

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
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const table_case *c = &cases[i];
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

static const char *const twice_a[] = { "a", "a", NULL };

START_TEST(table_errors)
{
    static const struct {
        table_case table;
        bg_status status;
        const char *says;
    } wrong[] = {
        { { .name = "skipped beyond the end", "1,2\n3,4", NULL, { .skip_lines = 3 } },
          BG_ERR_FORMAT,
          "line 2: the file ends here, and 3 lines were to be skipped" },
        { { .name = "all skipped", "1,2\n3,4\n", NULL, { .skip_lines = 2 } },
          BG_ERR_FORMAT,
          "line 3: no line that is not blank is left" },
        { { .name = "lines below 0", "1,2\n", NULL, { .skip_lines = -1 } }, BG_ERR_ARGUMENT, "-1 lines to be skipped" },
        { { .name = "no such range", "1,2,3\n", NULL, { .features = "1-3" } },
          BG_ERR_FORMAT,
          "there is no column 1-3 to be the feature; columns are numbered 0 to 2" },
        { { .name = "a range down", "1,2,3\n", NULL, { .features = "1-0" } },
          BG_ERR_FORMAT,
          "the range 1-0 goes down" },
        { { .name = "half a range", "1,2,3\n", NULL, { .features = "1-" } },
          BG_ERR_FORMAT,
          "no header names a column \"1-\"" },
        { { .name = "more than a range", "1,2,3\n", NULL, { .features = "0-1-2" } },
          BG_ERR_FORMAT,
          "no header names a column \"0-1-2\"" },
        { { .name = "an end of a list", "1,2,3\n", NULL, { .features = "0," } },
          BG_ERR_FORMAT,
          "no header names a column \"\"" },
        { { .name = "no such name in a list", "a,b,c\n1,2,3\n", NULL, { .features = "a,d" } },
          BG_ERR_FORMAT,
          "no column is named \"d\"; there are a b c" },
        { { .name = "a feature twice", "1,2,3\n", NULL, { .features = "0-1,1" } },
          BG_ERR_FORMAT,
          "column 2 (number 1) is asked for twice" },
        { { .name = "a target that is a feature", "1,2,3\n", NULL, { .features = "0-2" } },
          BG_ERR_FORMAT,
          "column 3 (number 2) is asked for twice" },
        { { .name = "no feature", "1,2,3\n", NULL, { .target = "0-2" } },
          BG_ERR_FORMAT,
          "no column is left to be an input" },
        { { .name = "no such whole name", "a,b\n1,2\n", NULL, { .feature_names = abc, .without_target = true } },
          BG_ERR_FORMAT,
          "no column is named \"c\"; there are a b" },
        { { .name = "a whole name twice", "a,a,b\n1,2,3\n", NULL, { .feature_names = c_and_a } },
          BG_ERR_FORMAT,
          "no column is named \"c\"" },
        { { .name = "whole names twice in a header", "a,c,c,b\n1,2,3,4\n", NULL, { .feature_names = c_and_a } },
          BG_ERR_FORMAT,
          "2 columns are named \"c\"; the feature can also be a number" },
        { { .name = "two columns left beside whole names", "c,a,y,id\n1,2,3,4\n", NULL, { .feature_names = c_and_a } },
          BG_ERR_FORMAT,
          "t.csv, line 1: 2 columns are no inputs; say which is the target" },
        { { .name = "no column left beside whole names", "a,c\n1,2\n", NULL, { .feature_names = c_and_a } },
          BG_ERR_FORMAT,
          "0 columns are no inputs; say which is the target" },
        { { .name = "two ways to say features", "1,2\n", NULL, { .features = "0", .feature_names = abc } },
          BG_ERR_ARGUMENT,
          "both features and feature_names" },
        { { .name = "two targets of classes", "1,2,3\n", NULL, { .target = "1,2", .with_classes = true } },
          BG_ERR_FORMAT,
          "2 columns are targets; classes are one column" },
        { { .name = "without target, with one", "1,2\n", NULL, { .target = "1", .without_target = true } },
          BG_ERR_ARGUMENT,
          "without_target, and yet a target" },
        { { .name = "without target, with classes", "1,2\n", NULL, { .with_classes = true, .without_target = true } },
          BG_ERR_ARGUMENT,
          "without_target, and yet with_classes" },
        { { .name = "without target, with a file", "1,2\n", "1\n", { .without_target = true } },
          BG_ERR_ARGUMENT,
          "without_target, and yet a file of targets" },
        { { .name = "too few targets", "1\n2\n3\n", "1\n2\n", { 0 } },
          BG_ERR_FORMAT,
          "t.csv, line 3: this is row 3, and" },
        { { .name = "too many targets", "1\n2\n", "1\n2\n\n3\n", { 0 } },
          BG_ERR_FORMAT,
          "y.csv, line 4: this is row 3, and" },
        { { .name = "an error in the file of targets", "1\n2\n", "1\nx\n", { 0 } },
          BG_ERR_FORMAT,
          "y.csv, line 2: column 1 (number 0): \"x\" is not a number" },
        { { .name = "a file of targets that is ragged", "1\n2\n", "1\n2,3\n", { 0 } },
          BG_ERR_FORMAT,
          "y.csv, line 2: the line has 2 fields, line 1 has 1" },
        { { .name = "an empty file of targets", "1\n2\n", "", { 0 } },
          BG_ERR_FORMAT,
          "y.csv, line 1: the file has no line" },
        { { .name = "no way to treat", "1,2\n", NULL, { .missing = (bg_missing)5 } },
          BG_ERR_ARGUMENT,
          "5 is no way to treat missing fields" },
        { { .name = "missing is infinite", "1,2\n", NULL, { .missing = BG_MISSING_VALUE, .missing_value = INFINITY } },
          BG_ERR_ARGUMENT,
          "inf cannot stand for missing fields" },
        { { .name = "missing is too large", "1,2\n", NULL, { .missing = BG_MISSING_VALUE, .missing_value = 1e39 } },
          BG_ERR_ARGUMENT,
          "1e+39 cannot stand for missing fields: it is no finite f32" },
        { { .name = "no mean", ",1\n?,2\n", NULL, { .missing = BG_MISSING_MEAN } },
          BG_ERR_FORMAT,
          "column 1 (number 0) has no value of which to take the mean" },
        { { .name = "no mean in the other file", "1\n2\n", "?\n\"\"\n", { .missing = BG_MISSING_MEAN } },
          BG_ERR_FORMAT,
          "y.csv, line 3: column 1 (number 0) has no value" },
        { { .name = "no row is whole", ",1\n2,\n", NULL, { .missing = BG_MISSING_DROP } },
          BG_ERR_FORMAT,
          "each row misses a value" },
        { { .name = "infinity is not missing", "1,2\ninf,3\n", NULL, { .missing = BG_MISSING_NAN } },
          BG_ERR_FORMAT,
          "\"inf\" is not a number" },
        { { .name = "nearly missing", "1,2\nnanx,3\n", NULL, { .missing = BG_MISSING_NAN } },
          BG_ERR_FORMAT,
          "\"nanx\" is not a number" },
        { { .name = "a missing class", "1,a\n2,\n", NULL, { .with_classes = true, .without_header = true } },
          BG_ERR_FORMAT,
          "line 2: column 2 (number 1): \"\" is a missing class" },
        { { .name = "a missing class and a number for it",
            "1,0\n2,?\n",
            NULL,
            { .with_classes = true, .missing = BG_MISSING_VALUE } },
          BG_ERR_FORMAT,
          "\"?\" is a missing class" },
        { { .name = "a name among numbers", "1,0\n2,a\n", NULL, { .with_classes = true } },
          BG_ERR_FORMAT,
          "line 2: column 2 (number 1): \"a\" is not a number" },
        { { .name = "a name in two lines", "1,\"a\nb\"\n", NULL, { .with_classes = true, .without_header = true } },
          BG_ERR_FORMAT,
          "is UTF-8 in one line of less than 256 bytes" },
        { { .name = "a name of other bytes", "1,\xFF\n", NULL, { .with_classes = true, .without_header = true } },
          BG_ERR_FORMAT,
          "is UTF-8 in one line" },
        { { .name = "a name of none",
            "1,b\n",
            NULL,
            { .with_classes = true, .without_header = true, .class_names = c_and_a } },
          BG_ERR_FORMAT,
          "\"b\" is none of the 2 classes, which begin with \"c\"" },
        { { .name = "names twice", "1,b\n", NULL, { .with_classes = true, .class_names = twice_a } },
          BG_ERR_ARGUMENT,
          "\"a\" is there twice" },
        { { .name = "names without classes", "1,b\n", NULL, { .class_names = abc } },
          BG_ERR_ARGUMENT,
          "class_names, but not with_classes" },
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        bg_dataset *dataset;
        bg_status status = read_case(&dataset, &wrong[i].table, wrong[i].table.options, false);
        expect_failure(status, wrong[i].status, wrong[i].says, wrong[i].table.name);
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
