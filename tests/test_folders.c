/* Data sets one behind the other: joined, and read from folders of tables, arrays and texts. */
#define _POSIX_C_SOURCE 200809L /* mkfifo */
#include "support/scratch.h"
#include "support/suite.h"
#include "support/values.h"

#include <blasgrad/data.h>
#include <blasgrad/io.h>

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void put(const char *name, const char *text) { scratch_write(name, text, strlen(text)); }

/* A folder, and files in it: names and texts. */
static const char *put_folder(const char *folder, const char *const (*files)[2])
{
    (void)mkdir(scratch_path(folder), 0777);
    for (; (*files)[0]; files++) {
        char path[100];
        (void)snprintf(path, sizeof path, "%s/%s", folder, (*files)[0]);
        if (strstr(path, ".gz"))
            scratch_write_gz(path, (*files)[1], strlen((*files)[1]));
        else
            put(path, (*files)[1]);
    }
    return scratch_path(folder);
}

static void check_values(const char *name, const bg_tensor *tensor, const double *expected, int n)
{
    ck_assert_int_eq(bg_shape_count(bg_tensor_shape(tensor)), n);
    for (int i = 0; i < n; i++)
        ck_assert_msg(value_at(tensor, i) == expected[i], "%s: element %d is %g, not %g", name, i, value_at(tensor, i),
                      expected[i]);
}

/* ---- Joining ---- */

static bg_dataset *make(bg_dtype dtype, bg_shape shape, double first, int64_t classes)
{
    bg_tensor *columns[2];
    bg_dataset *made;
    OK(bg_tensor_create(&columns[0], scratch_engine(), dtype, shape));
    OK(bg_tensor_create(&columns[1], scratch_engine(), BG_I64, BG_SHAPE(shape.dims[0])));
    for (int64_t i = 0; i < bg_shape_count(shape); i++) {
        if (dtype == BG_F64)
            ((double *)bg_tensor_data(columns[0]))[i] = first + (double)i;
        else
            ((float *)bg_tensor_data(columns[0]))[i] = (float)first + (float)i;
    }
    for (int64_t i = 0; i < shape.dims[0]; i++)
        ((int64_t *)bg_tensor_data(columns[1]))[i] = i % classes;
    OK(bg_dataset_create(&made, columns, 2, classes));
    bg_tensor_destroy(columns[0]);
    bg_tensor_destroy(columns[1]);
    return made;
}

START_TEST(joined)
{
    bg_dataset *a = make(BG_F32, BG_SHAPE(2, 2), 1, 2), *b = make(BG_F32, BG_SHAPE(4, 2), 10, 3), *part, *all, *alone;
    bg_dataset *empty = make(BG_F32, BG_SHAPE(0, 2), 0, 1);
    OK(bg_dataset_slice(&part, b, 1, 3));
    OK(bg_dataset_join(&all, (bg_dataset *[]){ a, empty, part, a }, 4));
    check_values("x", bg_dataset_column(all, 0), (double[]){ 1, 2, 3, 4, 12, 13, 14, 15, 1, 2, 3, 4 }, 12);
    check_values("y", bg_dataset_column(all, 1), (double[]){ 0, 1, 1, 2, 0, 1 }, 6);
    ck_assert_int_eq(bg_dataset_classes(all), 3);
    ck_assert_int_eq(bg_dataset_size(all), 6);
    /* Copies: the parts can go. */
    bg_dataset_destroy(a);
    bg_dataset_destroy(b);
    bg_dataset_destroy(part);
    OK(bg_dataset_join(&alone, &all, 1));
    ck_assert(hash_of(alone) == hash_of(all));
    bg_dataset_destroy(all);
    check_values("y alone", bg_dataset_column(alone, 1), (double[]){ 0, 1, 1, 2, 0, 1 }, 6);
    bg_dataset_destroy(alone);
    bg_dataset_destroy(empty);
}
END_TEST

START_TEST(parts_that_do_not_agree)
{
    bg_dataset *a = make(BG_F32, BG_SHAPE(2, 2), 1, 2), *wide = make(BG_F32, BG_SHAPE(2, 3), 1, 2);
    bg_dataset *f64 = make(BG_F64, BG_SHAPE(2, 2), 1, 2), *deep = make(BG_F32, BG_SHAPE(2, 2, 1), 1, 2), *one, *numbers;
    bg_tensor *columns[] = { bg_dataset_column(a, 0), bg_dataset_column(a, 1) };
    OK(bg_dataset_create(&one, columns, 1, 2));
    OK(bg_dataset_create(&numbers, columns, 2, 0));
    const struct {
        bg_dataset *part;
        bg_status status;
        const char *says;
    } wrong[] = {
        { wide, BG_ERR_SHAPE, "dataset_join: part 1: an example of column 0 is [3], of part 0 [2]" },
        { deep, BG_ERR_SHAPE, "part 1: an example of column 0 is [2, 1], of part 0 [2]" },
        { f64, BG_ERR_DTYPE, "part 1: column 0 is f64, that of part 0 f32" },
        { one, BG_ERR_SHAPE, "part 1 has 1 columns, part 0 has 2" },
        { numbers, BG_ERR_FORMAT, "the targets of part 1 are numbers, those of part 0 classes by number" },
        { NULL, BG_ERR_ARGUMENT, "part 1 is NULL" },
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        bg_dataset *all = a;
        bg_status status = bg_dataset_join(&all, (bg_dataset *[]){ a, wrong[i].part, a }, 3);
        expect_failure(status, wrong[i].status, wrong[i].says, wrong[i].says);
        ck_assert_ptr_null(all);
    }
    bg_dataset *all;
    expect_failure(bg_dataset_join(NULL, &a, 1), BG_ERR_ARGUMENT, "all is NULL", "all");
    expect_failure(bg_dataset_join(&all, NULL, 1), BG_ERR_ARGUMENT, "parts is NULL", "parts");
    expect_failure(bg_dataset_join(&all, &a, 0), BG_ERR_ARGUMENT, "there are no parts", "none");
    expect_failure(bg_dataset_join(&all, &(bg_dataset *){ NULL }, 1), BG_ERR_ARGUMENT, "part 0 is NULL", "first");
    bg_engine *engine;
    OK(bg_engine_create(&engine, &(bg_engine_options){ .threads = 1 }));
    bg_dataset *other;
    OK(bg_data_builtin(&other, engine, "lecture", NULL));
    expect_failure(bg_dataset_join(&all, (bg_dataset *[]){ a, other }, 2), BG_ERR_ARGUMENT, "different engines",
                   "engines");
    bg_dataset_destroy(other);
    bg_engine_destroy(engine);
    bg_dataset_destroy(a);
    bg_dataset_destroy(wide);
    bg_dataset_destroy(f64);
    bg_dataset_destroy(deep);
    bg_dataset_destroy(one);
    bg_dataset_destroy(numbers);
}
END_TEST

/* ---- Folders of tables ---- */

/* As if all were one table, in the order of the names byte by byte: capitals come before small letters. */
START_TEST(tables)
{
    static const char *const files[][2] = { { "b.csv", "x,c\n3,pear\n4,fig\n" },
                                            { "a.csv.gz", "x,c\n2,plum\n" },
                                            { ".hidden", "none of it" },
                                            { "Z.csv", "x,c\n1,pear\n" },
                                            { NULL, NULL } };
    bg_dataset *all;
    const bg_data_options options = { .with_classes = true };
    OK(bg_data_read_csv(&all, scratch_engine(), put_folder("tables", files), &options));
    check_values("x", bg_dataset_column(all, 0), (double[]){ 1, 2, 3, 4 }, 4);
    check_values("y", bg_dataset_column(all, 1), (double[]){ 1, 2, 1, 0 }, 4);
    ck_assert_int_eq(bg_dataset_classes(all), 3);
    ck_assert_str_eq(bg_dataset_class_name(all, 0), "fig");
    ck_assert_str_eq(bg_dataset_class_name(all, 2), "plum");
    ck_assert_str_eq(bg_dataset_feature_name(all, 0), "x");
    ck_assert_str_eq(bg_dataset_name(all), scratch_path("tables"));
    bg_dataset_destroy(all);
    /* Classes that are given keep their order. */
    static const char *const given[] = { "plum", "fig", "pear", NULL };
    const bg_data_options with_names = { .with_classes = true, .class_names = given };
    OK(bg_data_read_csv(&all, scratch_engine(), scratch_path("tables"), &with_names));
    check_values("given", bg_dataset_column(all, 1), (double[]){ 2, 0, 2, 1 }, 4);
    ck_assert_str_eq(bg_dataset_class_name(all, 0), "plum");
    bg_dataset_destroy(all);
}
END_TEST

START_TEST(targets_of_tables)
{
    static const char *const inputs[][2] = { { "1", "1\n2\n" }, { "2", "3\n" }, { NULL, NULL } };
    static const char *const outputs[][2] = { { "p", "10\n20\n" }, { "q", "30\n" }, { NULL, NULL } };
    static const char *const more[][2] = { { "r", "40\n" }, { NULL, NULL } };
    bg_dataset *all;
    char x[200], y[200];
    (void)snprintf(x, sizeof x, "%s", put_folder("x", inputs));
    (void)snprintf(y, sizeof y, "%s", put_folder("y", outputs));
    const bg_data_options options = { .target_file = y };
    OK(bg_data_read_csv(&all, scratch_engine(), x, &options));
    check_values("x", bg_dataset_column(all, 0), (double[]){ 1, 2, 3 }, 3);
    check_values("y", bg_dataset_column(all, 1), (double[]){ 10, 20, 30 }, 3);
    bg_dataset_destroy(all);
    put_folder("y", more);
    expect_failure(bg_data_read_csv(&all, scratch_engine(), x, &options), BG_ERR_FORMAT,
                   "x has 2 files, but that of the targets, ", "more targets");
    const bg_data_options one = { .target_file = scratch_path("y/p") };
    expect_failure(bg_data_read_csv(&all, scratch_engine(), x, &one), BG_ERR_ARGUMENT,
                   "x is a folder, but that of its targets, ", "a file of targets");
    const bg_data_options numbered = { .target_file = y, .with_row_numbers = true };
    expect_failure(bg_data_read_csv(&all, scratch_engine(), x, &numbered), BG_ERR_ARGUMENT,
                   "rows have numbers in one file, not in a folder", "row numbers");
}
END_TEST

START_TEST(tables_that_do_not_agree)
{
    static const struct {
        const char *text;
        bool with_classes;
        bg_status status;
        const char *says;
    } cases[] = {
        { "a,c\n1,0\n", false, BG_OK, NULL },
        { "a,b,c\n1,2,0\n", false, BG_ERR_SHAPE, "t/2: an example of column 0 is [2], of " },
        { "b,c\n1,0\n", false, BG_ERR_FORMAT, "t/2: input 0 has the name \"b\", in " },
        { "1,0\n", false, BG_ERR_FORMAT, "t/2: input 0 has no name, in " },
        { "a,c\n1,x\n", false, BG_ERR_FORMAT, "t/2, line 2: column 2 (number 1): \"x\" is not a number" },
        { "a,c\n1,x\n", true, BG_ERR_FORMAT, "t/2 are classes with names, those of " },
        { "", false, BG_ERR_FORMAT, "t/2, line 1: the file has no line" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *const files[][2] = { { "1", "a,c\n1,0\n" }, { "2", cases[i].text }, { NULL, NULL } };
        bg_dataset *all;
        const bg_data_options options = { .with_classes = cases[i].with_classes };
        bg_status status = bg_data_read_csv(&all, scratch_engine(), put_folder("t", files), &options);
        if (cases[i].status)
            expect_failure(status, cases[i].status, cases[i].says, cases[i].text);
        else
            OK(status);
        bg_dataset_destroy(all);
    }
}
END_TEST

START_TEST(what_is_no_folder_of_data)
{
    static const char *const nothing[][2] = { { NULL, NULL } };
    static const char *const hidden[][2] = { { ".x", "1,2\n" }, { NULL, NULL } };
    bg_dataset *all;
    expect_failure(bg_data_read_csv(&all, scratch_engine(), put_folder("none", nothing), NULL), BG_ERR_FORMAT,
                   "none: the folder holds no files", "empty");
    expect_failure(bg_data_read_csv(&all, scratch_engine(), put_folder("none", hidden), NULL), BG_ERR_FORMAT,
                   "none: the folder holds no files", "hidden");
    put_folder("none/inside", nothing);
    expect_failure(bg_data_read_csv(&all, scratch_engine(), scratch_path("none"), NULL), BG_ERR_FORMAT,
                   "none/inside: a folder, where a folder of data has files alone", "a folder");
    ck_assert_int_eq(rmdir(scratch_path("none/inside")), 0);
    ck_assert_int_eq(mkfifo(scratch_path("none/pipe"), 0600), 0);
    expect_failure(bg_data_read_csv(&all, scratch_engine(), scratch_path("none"), NULL), BG_ERR_FORMAT,
                   "none/pipe: no regular file", "a pipe");
    ck_assert_int_eq(unlink(scratch_path("none/pipe")), 0);
    ck_assert_int_eq(symlink("nowhere", scratch_path("none/link")), 0);
    expect_failure(bg_data_read_csv(&all, scratch_engine(), scratch_path("none"), NULL), BG_ERR_IO,
                   "none/link: cannot read: No such file", "a link to nothing");
}
END_TEST

/* ---- Folders of arrays ---- */

static void put_array(const char *path, bg_dtype dtype, bg_shape shape, int first)
{
    bg_tensor *tensor;
    OK(bg_tensor_create(&tensor, scratch_engine(), dtype, shape));
    for (int64_t i = 0; i < bg_shape_count(shape); i++) {
        int value = first + (int)i;
        if (dtype == BG_I64)
            ((int64_t *)bg_tensor_data(tensor))[i] = value;
        else
            ((float *)bg_tensor_data(tensor))[i] = (float)value;
    }
    OK(bg_npy_save(tensor, scratch_path(path)));
    bg_tensor_destroy(tensor);
}

START_TEST(arrays)
{
    static const char *const nothing[][2] = { { NULL, NULL } };
    bg_dataset *all;
    bool have_classes = false;
    char x[200], y[200];
    (void)snprintf(x, sizeof x, "%s", put_folder("x", nothing));
    (void)snprintf(y, sizeof y, "%s", put_folder("y", nothing));
    put_array("x/0.npy", BG_F32, BG_SHAPE(2, 2), 1);
    put_array("x/1.npy", BG_F32, BG_SHAPE(1, 2), 5);
    put_array("y/0.npy", BG_I64, BG_SHAPE(2), 0);
    put_array("y/1.npy", BG_I64, BG_SHAPE(1), 4);
    const bg_data_options options = { .target_file = y };
    OK(bg_data_arrays_have_classes(&have_classes, scratch_engine(), x, &options));
    ck_assert(have_classes);
    OK(bg_data_read_arrays(&all, scratch_engine(), x, &options));
    check_values("x", bg_dataset_column(all, 0), (double[]){ 1, 2, 3, 4, 5, 6 }, 6);
    check_values("y", bg_dataset_column(all, 1), (double[]){ 0, 1, 4 }, 3);
    ck_assert_int_eq(bg_dataset_classes(all), 5);
    bg_dataset_destroy(all);
    put_array("x/1.npy", BG_F32, BG_SHAPE(1, 3), 5);
    expect_failure(bg_data_read_arrays(&all, scratch_engine(), x, &options), BG_ERR_SHAPE,
                   "x/1.npy: an example of column 0 is [3], of ", "another shape");
    put_array("x/1.npy", BG_F32, BG_SHAPE(1, 2), 5);
    put_array("y/1.npy", BG_F32, BG_SHAPE(1), 5);
    expect_failure(bg_data_read_arrays(&all, scratch_engine(), x, &options), BG_ERR_DTYPE,
                   "x/1.npy: column 1 is f32, that of ", "another type");
}
END_TEST

/* ---- Folders of texts ---- */

/* One text: examples go on from one file into the next, and the alphabet is that of all. */
START_TEST(texts)
{
    static const char *const files[][2] = {
        { "1", "\357\273\277ab" }, { "2", "" }, { "3.gz", "\357\273\277cda" }, { "4", "dc" }, { NULL, NULL }
    };
    static const char whole[] = "abcdadc";
    bg_dataset *train, *test, *other;
    const bg_data_options options = { .context = 3 };
    OK(bg_data_read_text(&train, &test, scratch_engine(), put_folder("texts", files), &options));
    ck_assert_str_eq(bg_dataset_vocabulary(train), "abcd");
    ck_assert_str_eq(bg_dataset_name(train), scratch_path("texts"));
    check_values("x", bg_dataset_column(train, 0), (double[]){ 0, 1, 2, 3, 0, 3 }, 6);
    put("whole", whole);
    OK(bg_data_read_text(&other, &test, scratch_engine(), scratch_path("whole"), &options));
    ck_assert(hash_of(other) == hash_of(train));
    bg_dataset_destroy(other);
    bg_dataset_destroy(train);
    /* Messages count in the file that they name. */
    const bg_data_options known = { .context = 3, .vocabulary = "abc" };
    expect_failure(bg_data_read_text(&train, &test, scratch_engine(), scratch_path("texts"), &known), BG_ERR_FORMAT,
                   "texts/3.gz: offset 4: the character U+0064 is not in the vocabulary", "a character");
    put("texts/4", "d\xFF");
    expect_failure(bg_data_read_text(&train, &test, scratch_engine(), scratch_path("texts"), &options), BG_ERR_FORMAT,
                   "texts/4: offset 1: not UTF-8", "no UTF-8");
    /* A character does not begin in one file and end in the next. */
    put("texts/3.gz", "\xC3");
    put("texts/4", "\xA4");
    expect_failure(bg_data_read_text(&train, &test, scratch_engine(), scratch_path("texts"), &options), BG_ERR_FORMAT,
                   "texts/3.gz: offset 0: not UTF-8: c3 and the rest of the file", "cut");
    const bg_data_options bytes = { .context = 3, .with_bytes = true };
    OK(bg_data_read_text(&train, &test, scratch_engine(), scratch_path("texts"), &bytes));
    check_values("bytes", bg_dataset_column(train, 0), (double[]){ 0xEF, 0xBB, 0xBF, 'a', 'b', 0xC3 }, 6);
    bg_dataset_destroy(train);
}
END_TEST

/* ---- Out of memory ---- */

static bg_status scenario_tables(void)
{
    bg_dataset *all;
    bg_status status =
        bg_data_read_csv(&all, scratch_engine(), scratch_path("tables"), &(bg_data_options){ .with_classes = true });
    bg_dataset_destroy(all);
    return status;
}

static bg_status scenario_texts(void)
{
    bg_dataset *train, *test;
    bg_status status =
        bg_data_read_text(&train, &test, scratch_engine(), scratch_path("texts"), &(bg_data_options){ .context = 2 });
    bg_dataset_destroy(train);
    bg_dataset_destroy(test);
    return status;
}

START_TEST(out_of_memory)
{
    static const char *const of_tables[][2] = { { "1", "x,y,c\n1,2,b\n" }, { "2", "x,y,c\n3,4,a\n" }, { NULL, NULL } };
    static const char *const of_texts[][2] = { { "1", "ab" }, { "2", "cd" }, { NULL, NULL } };
    put_folder("tables", of_tables);
    put_folder("texts", of_texts);
    ck_assert_int_gt(scratch_fail_each("a folder of tables", scenario_tables), 60);
    ck_assert_int_gt(scratch_fail_each("a folder of texts", scenario_texts), 10);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("folders");
    TCase *tests = tcase_create("folders");
    tcase_add_checked_fixture(tests, scratch_begin, scratch_end);
    tcase_add_test(tests, joined);
    tcase_add_test(tests, parts_that_do_not_agree);
    tcase_add_test(tests, tables);
    tcase_add_test(tests, targets_of_tables);
    tcase_add_test(tests, tables_that_do_not_agree);
    tcase_add_test(tests, what_is_no_folder_of_data);
    tcase_add_test(tests, arrays);
    tcase_add_test(tests, texts);
    tcase_add_test(tests, out_of_memory);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
