/* Data sets one behind the other: joined, and read from folders of tables, arrays and texts. */
#define _GNU_SOURCE /* RTLD_NEXT */
#include "support/same_data.h"
#include "support/scratch.h"
#include "support/suite.h"
#include "support/values.h"

#include <blasgrad/data.h>
#include <blasgrad/io.h>

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void put(const char *name, const char *text) { scratch_write(name, text, strlen(text)); }

/* In front of the C library's: folders that fail, or in which the first file comes again and again. */
static enum { NOTHING, OPENING, LISTING, REPEATING } failing;

DIR *opendir(const char *path)
{
    errno = ENOMEM;
    int folder = failing == OPENING ? -1 : open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return folder < 0 ? NULL : fdopendir(folder);
}

struct dirent *readdir(DIR *folder)
{
    static struct dirent *(*next)(DIR *);
    if (!next)
        *(void **)&next = dlsym(RTLD_NEXT, "readdir");
    static struct dirent same = { .d_name = "a" };
    if (failing != LISTING)
        return failing == REPEATING ? &same : next(folder);
    errno = EIO;
    return NULL;
}

static bg_status read_nothing(void *user, const int64_t *examples, int64_t n, void *const *columns)
{
    (void)user, (void)examples, (void)n, (void)columns;
    return BG_OK;
}

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

/* Names of inputs of which only the first ones are the same. */
START_TEST(inputs_that_do_not_agree)
{
    static const struct {
        const char *first, *second, *says;
    } cases[] = {
        { "a,b,c\n1,2,3\n", "a,d,c\n1,2,3\n", "t/2: input 1 has the name \"d\", in " },
        { "1,2,3\n", "a,b,c\n1,2,3\n", "1 no name" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *const files[][2] = { { "1", cases[i].first }, { "2", cases[i].second }, { NULL, NULL } };
        bg_dataset *all;
        expect_failure(bg_data_read_csv(&all, scratch_engine(), put_folder("t", files), NULL), BG_ERR_FORMAT,
                       cases[i].says, cases[i].second);
    }
}
END_TEST

/* More names of classes together than there may be; and more examples than can be counted. */
START_TEST(too_much_together)
{
    enum { LINES = 40000 };
    static char texts[2][LINES * 12];
    for (int t = 0; t < 2; t++) {
        size_t length = 0;
        for (int i = 0; i < LINES; i++)
            length += (size_t)snprintf(texts[t] + length, sizeof texts[t] - length, "1,n%d\n", t * LINES + i);
    }
    const char *const files[][2] = { { "1", texts[0] }, { "2", texts[1] }, { NULL, NULL } };
    const bg_data_options options = { .with_classes = true, .without_header = true };
    bg_dataset *all, *most;
    expect_failure(bg_data_read_csv(&all, scratch_engine(), put_folder("names", files), &options), BG_ERR_FORMAT,
                   "more than 65536 different names are no classes", "names");
    const bg_column bytes = { .dtype = BG_U8 };
    OK(bg_dataset_create_from(
        &most, scratch_engine(),
        &(bg_source){ .size = INT64_MAX, .columns = &bytes, .n_columns = 1, .read = read_nothing }));
    expect_failure(bg_dataset_join(&all, (bg_dataset *[]){ most, most }, 2), BG_ERR_OVERFLOW,
                   "the examples of 2 parts cannot be counted", "examples");
    bg_dataset_destroy(most);
}
END_TEST

/* Texts agree by their vocabulary. */
START_TEST(joined_texts)
{
    bg_dataset *texts[3], *all, *test;
    const bg_data_options options = { .context = 2 };
    put("1", "abcab");
    put("2", "cbaca");
    put("3", "abdab");
    for (int i = 0; i < 3; i++)
        OK(bg_data_read_text(&texts[i], &test, scratch_engine(),
                             scratch_path(i == 0   ? "1"
                                          : i == 1 ? "2"
                                                   : "3"),
                             &options));
    OK(bg_dataset_join(&all, texts, 2));
    ck_assert_str_eq(bg_dataset_vocabulary(all), "abc");
    bg_dataset_destroy(all);
    expect_failure(bg_dataset_join(&all, texts, 3), BG_ERR_FORMAT, "3 has another vocabulary than ", "texts");
    for (int i = 0; i < 3; i++)
        bg_dataset_destroy(texts[i]);
}
END_TEST

/* A folder that cannot be listed to its end, and one with more files than can be meant. */
START_TEST(folders_that_fail)
{
    static const char *const files[][2] = { { "a", "1,2\n" }, { NULL, NULL } };
    bg_dataset *all;
    const char *folder = put_folder("f", files);
    failing = OPENING;
    expect_failure(bg_data_read_csv(&all, scratch_engine(), folder, NULL), BG_ERR_NOMEM,
                   "f: cannot read: Cannot allocate memory", "opening");
    failing = LISTING;
    expect_failure(bg_data_read_csv(&all, scratch_engine(), folder, NULL), BG_ERR_IO,
                   "f: cannot read: Input/output error", "listing");
    failing = REPEATING;
    expect_failure(bg_data_read_csv(&all, scratch_engine(), folder, NULL), BG_ERR_FORMAT, "f: more than 262144 files",
                   "many files");
    failing = NOTHING;
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
    /* Without a folder of targets, with what is none, and with what cannot be listed. */
    const bg_data_options alone = { .without_target = true }, other = { .target_file = scratch_path("y/0.npy") };
    OK(bg_data_arrays_have_classes(&have_classes, scratch_engine(), x, &alone));
    ck_assert(!have_classes);
    OK(bg_data_arrays_have_classes(&have_classes, scratch_engine(), x, &other));
    ck_assert(have_classes);
    put_folder("y/inside", nothing);
    expect_failure(bg_data_arrays_have_classes(&have_classes, scratch_engine(), x, &options), BG_ERR_FORMAT,
                   "y/inside: a folder", "a folder of targets with a folder");
    expect_failure(bg_data_read_arrays(&all, scratch_engine(), x, &options), BG_ERR_FORMAT, "y/inside: a folder",
                   "a folder of targets with a folder");
    ck_assert_int_eq(rmdir(scratch_path("y/inside")), 0);
    put_folder("x/inside", nothing);
    expect_failure(bg_data_arrays_have_classes(&have_classes, scratch_engine(), x, &options), BG_ERR_FORMAT,
                   "x/inside: a folder", "a folder with a folder");
    ck_assert_int_eq(rmdir(scratch_path("x/inside")), 0);
    put_array("x/1.npy", BG_F32, BG_SHAPE(1, 3), 5);
    expect_failure(bg_data_read_arrays(&all, scratch_engine(), x, &options), BG_ERR_SHAPE,
                   "x/1.npy: an example of column 0 is [3], of ", "another shape");
    put_array("x/1.npy", BG_F32, BG_SHAPE(1, 2), 5);
    put_array("y/1.npy", BG_F32, BG_SHAPE(1), 5);
    expect_failure(bg_data_read_arrays(&all, scratch_engine(), x, &options), BG_ERR_DTYPE,
                   "x/1.npy: column 1 is f32, that of ", "another type");
}
END_TEST

/* ---- Folders that are streamed ---- */

/* Names of classes that not all tables have; and one file for the rows of all tables. */
START_TEST(streamed_tables)
{
    static const char *const nothing[][2] = { { NULL, NULL } };
    static const char *const names[] = { "fig", "pear", "plum", "quince" };
    enum { FILES = 30 };
    put_folder("tables", nothing);
    for (int i = 0; i < FILES; i++) {
        char path[40], table[80];
        (void)snprintf(path, sizeof path, "tables/%02d", i);
        (void)snprintf(table, sizeof table, "x,c\n%d,%s\n%d,%s\n", i, names[i % 4], -i, names[(i * i + 1) % 3]);
        put(path, table);
    }
    bg_dataset *loaded, *streamed;
    bg_data_options options = { .with_classes = true };
    OK(bg_data_read_csv(&loaded, scratch_engine(), scratch_path("tables"), &options));
    options.streams = true;
    int files = open_files();
    OK(bg_data_read_csv(&streamed, scratch_engine(), scratch_path("tables"), &options));
    ck_assert_int_eq(open_files(), files + 1);
    expect_same_data(streamed, loaded, "tables");
    for (int i = 0; i < 4; i++)
        ck_assert_str_eq(bg_dataset_class_name(streamed, i), names[i]);
    bg_dataset_destroy(streamed);
    ck_assert_int_eq(open_files(), files);
    /* More examples in a row than are read at a time. */
    enum { ROWS = 1000 };
    static char rows[ROWS * 8 + 8];
    size_t length = (size_t)snprintf(rows, sizeof rows, "x,c\n");
    for (int i = 0; i < ROWS; i++)
        length += (size_t)snprintf(rows + length, sizeof rows - length, "%d,%s\n", i % 10, i % 3 ? "fig" : "nut");
    scratch_write("tables/99", rows, length);
    bg_dataset_destroy(loaded);
    OK(bg_data_read_csv(&streamed, scratch_engine(), scratch_path("tables"), &options));
    options.streams = false;
    OK(bg_data_read_csv(&loaded, scratch_engine(), scratch_path("tables"), &options));
    expect_same_data(streamed, loaded, "long tables");
    bg_dataset_destroy(streamed);
    ck_assert_int_eq(bg_dataset_classes(loaded), 5);
    /* A part whose classes are not what its names say. */
    bg_dataset *a, *b, *all;
    options = (bg_data_options){ .with_classes = true, .streams = true };
    OK(bg_data_read_csv(&a, scratch_engine(), scratch_path("tables/01"), &options));
    OK(bg_data_read_csv(&b, scratch_engine(), scratch_path("tables/02"), &options));
    OK(bg_dataset_join(&all, (bg_dataset *[]){ a, b, loaded }, 3));
    ck_assert_int_eq(bg_dataset_classes(all), 5);
    uint64_t hash;
    OK(bg_dataset_hash(&hash, all));
    ((int64_t *)bg_tensor_data(bg_dataset_column(loaded, 1)))[7] = 5;
    expect_failure(bg_dataset_hash(&hash, all), BG_ERR_ARGUMENT,
                   "tables: the class of an example is 5; there are 5 classes", "another class");
    ((int64_t *)bg_tensor_data(bg_dataset_column(loaded, 1)))[7] = -1;
    expect_failure(bg_dataset_hash(&hash, all), BG_ERR_ARGUMENT, "the class of an example is -1", "no class");
    bg_dataset_destroy(all);
    bg_dataset_destroy(b);
    bg_dataset_destroy(a);
    bg_dataset_destroy(loaded);
}
END_TEST

/* More arrays than may be open: some are opened when they are read. */
START_TEST(streamed_arrays)
{
    static const char *const nothing[][2] = { { NULL, NULL } };
    enum { FILES = 130, MOST_OPEN = 200 };
    bg_dataset *loaded, *streamed;
    char x[200], y[200], path[40];
    (void)snprintf(x, sizeof x, "%s", put_folder("x", nothing));
    (void)snprintf(y, sizeof y, "%s", put_folder("y", nothing));
    for (int i = 0; i < FILES; i++) {
        (void)snprintf(path, sizeof path, "x/%03d.npy", i);
        put_array(path, BG_F32, BG_SHAPE(3, 2), 6 * i);
        (void)snprintf(path, sizeof path, "y/%03d.npy", i);
        put_array(path, BG_I64, BG_SHAPE(3), i);
    }
    bg_data_options options = { .target_file = y, .dtype = BG_F64 };
    OK(bg_data_read_arrays(&loaded, scratch_engine(), x, &options));
    options.streams = true;
    int files = open_files();
    OK(bg_data_read_arrays(&streamed, scratch_engine(), x, &options));
    ck_assert_int_eq(open_files(), files + MOST_OPEN);
    expect_same_data(streamed, loaded, "arrays");
    ck_assert_int_eq(open_files(), files + MOST_OPEN);
    uint64_t hash;
    put_array("y/129.npy", BG_I64, BG_SHAPE(4), 1);
    expect_failure(bg_dataset_hash(&hash, streamed), BG_ERR_IO,
                   "y/129.npy: the file has another size than when it was read first", "a longer file");
    ck_assert_int_eq(unlink(scratch_path("y/120.npy")), 0);
    expect_failure(bg_dataset_hash(&hash, streamed), BG_ERR_IO, "y/120.npy: cannot open: No such file", "no file");
    ck_assert_int_eq(open_files(), files + MOST_OPEN);
    bg_dataset_destroy(streamed);
    bg_dataset_destroy(loaded);
    ck_assert_int_eq(open_files(), files);
}
END_TEST

static bg_status read_streamed(void)
{
    bg_dataset *all;
    const bg_data_options options = { .with_classes = true, .streams = true };
    uint64_t hash;
    bg_status status = bg_data_read_csv(&all, scratch_engine(), scratch_path("s"), &options);
    if (!status)
        status = bg_dataset_hash(&hash, all);
    bg_dataset_destroy(all);
    return status;
}

START_TEST(streaming_out_of_memory)
{
    static const char *const files[][2] = { { "1", "x,c\n1,pear\n2,fig\n" }, { "2", "x,c\n3,plum\n" }, { NULL, NULL } };
    put_folder("s", files);
    int open = open_files();
    ck_assert_int_ge(scratch_fail_each("streamed tables", read_streamed), 60);
    ck_assert_int_eq(open_files(), open);
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
    tcase_add_test(tests, inputs_that_do_not_agree);
    tcase_add_test(tests, too_much_together);
    tcase_add_test(tests, joined_texts);
    tcase_add_test(tests, folders_that_fail);
    tcase_add_test(tests, arrays);
    tcase_add_test(tests, streamed_tables);
    tcase_add_test(tests, streamed_arrays);
    tcase_add_test(tests, streaming_out_of_memory);
    tcase_add_test(tests, texts);
    tcase_add_test(tests, out_of_memory);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
