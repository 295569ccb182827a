/* Data sets out of arrays of NumPy and of the files of CIFAR. */
#define _XOPEN_SOURCE 700 /* symlink */
#include "support/scratch.h"
#include "support/suite.h"
#include "support/values.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- Arrays ---- */

/* A tensor with the given numbers. */
static bg_tensor *make(bg_dtype dtype, bg_shape shape, const double *values)
{
    bg_tensor *tensor;
    OK(bg_tensor_create(&tensor, scratch_engine(), dtype, shape));
    void *data = bg_tensor_data(tensor);
    for (int64_t i = 0; i < bg_shape_count(shape); i++) {
        if (dtype == BG_F32)
            ((float *)data)[i] = (float)values[i];
        else if (dtype == BG_F64)
            ((double *)data)[i] = values[i];
        else if (dtype == BG_I32)
            ((int32_t *)data)[i] = (int32_t)values[i];
        else if (dtype == BG_I64)
            ((int64_t *)data)[i] = (int64_t)values[i];
        else
            ((uint8_t *)data)[i] = (uint8_t)values[i];
    }
    return tensor;
}

static const char *save(const char *name, bg_dtype dtype, bg_shape shape, const double *values)
{
    bg_tensor *tensor = make(dtype, shape, values);
    const char *path = scratch_path(name);
    OK(bg_npy_save(tensor, path));
    bg_tensor_destroy(tensor);
    return path;
}

static const char *save_npz(const char *name, int n, const char *const *names, const bg_dtype *dtypes,
                            const bg_shape *shapes, const double *const *values)
{
    bg_archive *archive;
    OK(bg_archive_create(&archive, scratch_engine()));
    for (int i = 0; i < n; i++) {
        bg_tensor *tensor = make(dtypes[i], shapes[i], values[i]);
        OK(bg_archive_add(archive, names[i], tensor));
        bg_tensor_destroy(tensor);
    }
    const char *path = scratch_path(name);
    OK(bg_npz_save(archive, path, NULL));
    bg_archive_destroy(archive);
    return path;
}

static bg_status read_arrays(bg_dataset **dataset, const char *path, bg_data_options options)
{
    return bg_data_read_arrays(dataset, scratch_engine(), path, &options);
}

START_TEST(inputs)
{
    static const double whole[] = { 0, 1, 51, 255, 7, 100 }, numbers[] = { 0, -1.5, 0.1, 1e30, -7, 100 };
    static const double bits[] = { 0, 1, 1, 0, 0, 1 };
    for (int from = 0; from < BG_DTYPE_COUNT; from++) {
        bool is_float = from == BG_F32 || from == BG_F64;
        const double *values = is_float ? numbers : from == BG_BOOL ? bits : whole;
        const char *path = save("x.npy", (bg_dtype)from, BG_SHAPE(3, 2), values);
        for (int to = 0; to < 2; to++) {
            bg_dataset *dataset;
            OK(read_arrays(&dataset, path, (bg_data_options){ .dtype = to ? BG_F64 : BG_F32 }));
            ck_assert_int_eq(bg_dataset_columns(dataset), 1);
            ck_assert_int_eq(bg_dataset_classes(dataset), 0);
            ck_assert(bg_tensor_dtype(bg_dataset_column(dataset, 0)) == (to ? BG_F64 : BG_F32));
            ck_assert(bg_shape_equal(bg_tensor_shape(bg_dataset_column(dataset, 0)), BG_SHAPE(3, 2)));
            for (int i = 0; i < 6; i++) {
                double value = values[i];
                if (from == BG_U8)
                    value = to ? value / 255 : (double)((float)value / 255.0F);
                if (from == BG_F32 || !to)
                    value = (double)(float)value;
                ck_assert_msg(x_of(dataset, i) == value, "%d to %d: %g", from, to, x_of(dataset, i));
            }
            bg_dataset_destroy(dataset);
        }
    }
    bg_dataset *dataset;
    OK(read_arrays(&dataset, save("x.npy", BG_F32, BG_SHAPE(4), numbers), (bg_data_options){ 0 }));
    ck_assert(bg_shape_equal(bg_tensor_shape(bg_dataset_column(dataset, 0)), BG_SHAPE(4, 1)));
    bg_dataset_destroy(dataset);
    OK(read_arrays(&dataset, save("x.npy", BG_F32, BG_SHAPE(0, 2), numbers), (bg_data_options){ 0 }));
    ck_assert_int_eq(bg_dataset_size(dataset), 0);
    bg_dataset_destroy(dataset);
}
END_TEST

START_TEST(targets)
{
    static const double values[] = { 2, 0, 1, 5, 1, 0 };
    static const struct {
        bg_dtype dtype;
        bg_shape shape;
        bool with_classes, without_classes;
        int64_t classes; /* 0: they are numbers */
        bg_shape expected;
    } cases[] = {
        { BG_I32, { 1, { 6 } }, false, false, 6, { 1, { 6 } } },
        { BG_I64, { 1, { 6 } }, false, false, 6, { 1, { 6 } } },
        { BG_U8, { 1, { 6 } }, false, false, 6, { 1, { 6 } } },
        { BG_BOOL, { 1, { 6 } }, false, false, 2, { 1, { 6 } } },
        { BG_I64, { 1, { 6 } }, true, false, 6, { 1, { 6 } } },
        { BG_I64, { 1, { 6 } }, false, true, 0, { 2, { 6, 1 } } },
        { BG_U8, { 1, { 6 } }, false, true, 0, { 2, { 6, 1 } } },
        { BG_I64, { 2, { 6, 1 } }, false, false, 0, { 2, { 6, 1 } } },
        { BG_I64, { 2, { 6, 1 } }, true, false, 6, { 2, { 6, 1 } } },
        { BG_F32, { 1, { 6 } }, false, false, 0, { 2, { 6, 1 } } },
        { BG_F64, { 2, { 6, 1 } }, false, false, 0, { 2, { 6, 1 } } },
    };
    const char *x = save("x.npy", BG_F32, BG_SHAPE(6), values);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        static const double bits[] = { 1, 0, 1, 1, 1, 0 };
        const double *expected = cases[i].dtype == BG_BOOL ? bits : values;
        const char *y = save("y.npy", cases[i].dtype, cases[i].shape, expected);
        bg_dataset *dataset;
        OK(read_arrays(&dataset, x,
                       (bg_data_options){ .target_file = y,
                                          .with_classes = cases[i].with_classes,
                                          .without_classes = cases[i].without_classes }));
        const bg_tensor *column = bg_dataset_column(dataset, 1);
        ck_assert_msg(bg_dataset_classes(dataset) == cases[i].classes, "case %zu", i);
        bool have_classes = !cases[i].classes;
        OK(bg_data_arrays_have_classes(&have_classes, scratch_engine(), x,
                                       &(bg_data_options){ .target_file = y,
                                                           .with_classes = cases[i].with_classes,
                                                           .without_classes = cases[i].without_classes }));
        ck_assert_msg(have_classes == (cases[i].classes > 0), "case %zu", i);
        ck_assert_msg(bg_shape_equal(bg_tensor_shape(column), cases[i].expected), "case %zu", i);
        ck_assert_msg(bg_tensor_dtype(column) == (cases[i].classes ? BG_I64 : BG_F32), "case %zu", i);
        for (int k = 0; k < 6; k++)
            ck_assert(y_of(dataset, k) == expected[k]);
        bg_dataset_destroy(dataset);
    }
}
END_TEST

START_TEST(npz)
{
    static const double numbers[] = { 1, 2, 3, 4, 5, 6 }, labels[] = { 1, 0, 2 };
    static const char *const names[] = { "x", "y", "images" };
    static const bg_dtype dtypes[] = { BG_F64, BG_I64, BG_U8 };
    const bg_shape shapes[] = { BG_SHAPE(3, 2), BG_SHAPE(3), BG_SHAPE(3, 1, 2) };
    const double *const values[] = { numbers, labels, numbers };
    const char *path = save_npz("t.npz", 3, names, dtypes, shapes, values);
    bg_dataset *dataset;
    OK(read_arrays(&dataset, path, (bg_data_options){ 0 }));
    ck_assert_int_eq(bg_dataset_classes(dataset), 3);
    ck_assert(x_of(dataset, 5) == 6 && y_of(dataset, 2) == 2);
    ck_assert_str_eq(bg_dataset_name(dataset), path);
    bg_dataset_destroy(dataset);
    OK(read_arrays(&dataset, path, (bg_data_options){ .dtype = BG_F64, .input = "images", .target = "x" }));
    ck_assert_int_eq(bg_dataset_classes(dataset), 0);
    ck_assert(x_of(dataset, 5) == 6 / 255.0 && y_of(dataset, 5) == 6);
    bg_dataset_destroy(dataset);
    FAILS(read_arrays(&dataset, path, (bg_data_options){ .input = "z" }), BG_ERR_FORMAT,
          "t.npz: there is no array \"z\"; there are 3, the first is x");
    FAILS(read_arrays(&dataset, path, (bg_data_options){ .target = "z" }), BG_ERR_FORMAT, "there is no array \"z\"");
    FAILS(read_arrays(&dataset, path, (bg_data_options){ .target_file = path }), BG_ERR_ARGUMENT,
          "a target file belongs to an NPY file");
    char text[600];
    (void)snprintf(text, sizeof text, "%s/corpus/npz/text", BLASGRAD_TEST_DATA);
    FAILS(read_arrays(&dataset, text, (bg_data_options){ .input = "a" }), BG_ERR_FORMAT,
          "member \"a.txt\": is no array: its name does not end in .npy");
    FAILS(read_arrays(&dataset, path, (bg_data_options){ .input = "y", .target = "x", .with_classes = true }),
          BG_ERR_FORMAT, "t.npz: array \"x\": classes are integers, but these are f64");
    /* Targets that would be refused are not looked at where nobody asks for them. */
    static const double none[] = { -1, 0, 2 };
    const double *const wrong[] = { numbers, none, numbers };
    path = save_npz("w.npz", 3, names, dtypes, shapes, wrong);
    FAILS(read_arrays(&dataset, path, (bg_data_options){ 0 }), BG_ERR_FORMAT, "element 0 is -1, no class");
    OK(read_arrays(&dataset, path, (bg_data_options){ .without_target = true }));
    ck_assert_int_eq(bg_dataset_columns(dataset), 1);
    bg_dataset_destroy(dataset);
    OK(read_arrays(&dataset, save_npz("u.npz", 1, names, dtypes, shapes, values), (bg_data_options){ 0 }));
    ck_assert_int_eq(bg_dataset_columns(dataset), 1);
    bg_dataset_destroy(dataset);
    FAILS(read_arrays(&dataset, save_npz("v.npz", 0, NULL, NULL, NULL, NULL), (bg_data_options){ 0 }), BG_ERR_FORMAT,
          "there is no array \"x\"; there are 0");
}
END_TEST

/* Of a damaged file that is said, not what became of a number in it; and of one that is not damaged the number. */
START_TEST(damaged_npz)
{
    enum { COUNT = 3000 };
    static double numbers[COUNT];
    static const char *const names[] = { "x" };
    const bg_shape shape = BG_SHAPE(COUNT);
    const double *const values[] = { numbers };
    const bg_dtype dtype = BG_F64;
    numbers[7] = (double)INFINITY;
    bg_dataset *dataset;
    const char *path = save_npz("t.npz", 1, names, &dtype, &shape, values);
    FAILS(read_arrays(&dataset, path, (bg_data_options){ 0 }), BG_ERR_FORMAT, "element 7 is inf, no finite number");
    size_t count;
    unsigned char *file = scratch_read(path, &count);
    const double infinite = (double)INFINITY;
    size_t at = 0;
    while (memcmp(file + at, &infinite, sizeof infinite) != 0)
        at++;
    file[at + 6] ^= 1; /* NaN: 7FF1.. */
    FAILS(read_arrays(&dataset, scratch_write("t.npz", file, count), (bg_data_options){ 0 }), BG_ERR_FORMAT,
          "t.npz: array \"x\": its CRC-32 is ");
    free(file);
}
END_TEST

/* The type of the targets alone tells whether they are classes: no array is read, however large it is. */
static bg_status scenario_have_classes(void)
{
    bool holds;
    return bg_data_arrays_have_classes(&holds, scratch_engine(), scratch_path("l.npz"), NULL);
}

START_TEST(have_classes)
{
    static const double numbers[] = { 1, 2, 3, 4, 5, 6 };
    static const char *const names[] = { "x", "y", "z" };
    static const bg_dtype dtypes[] = { BG_F64, BG_I64, BG_F32 };
    const bg_shape shapes[] = { BG_SHAPE(3, 2), BG_SHAPE(3), BG_SHAPE(3) };
    const double *const values[] = { numbers, numbers, numbers };
    bg_engine *engine = scratch_engine();
    const char *path = save_npz("t.npz", 3, names, dtypes, shapes, values);
    bool holds = false;
    OK(bg_data_arrays_have_classes(&holds, engine, path, NULL));
    ck_assert(holds);
    static const bg_data_options without[] = {
        { .target = "z" }, { .target = "none" }, { .without_target = true }, { .without_classes = true }
    };
    for (int i = 0; i < 4; i++) {
        holds = true;
        OK(bg_data_arrays_have_classes(&holds, engine, path, &without[i]));
        ck_assert_msg(!holds, "%d", i);
    }
    enum { LARGE = 1 << 20 };
    bg_tensor *large;
    OK(bg_tensor_create(&large, engine, BG_U8, BG_SHAPE(LARGE)));
    OK(bg_npy_save(large, scratch_path("l.npy")));
    bg_archive *archive;
    OK(bg_archive_create(&archive, engine));
    OK(bg_archive_add(archive, "x", large));
    OK(bg_archive_add(archive, "y", large));
    OK(bg_npz_save(archive, scratch_path("l.npz"), &(bg_npz_options){ .with_deflate = true }));
    bg_archive_destroy(archive);
    bg_tensor_destroy(large);
    size_t held = scratch_memory_state()->most = scratch_memory_state()->held;
    OK(bg_data_arrays_have_classes(&holds, engine, scratch_path("l.npz"), NULL));
    ck_assert(holds);
    holds = false;
    OK(bg_data_arrays_have_classes(&holds, engine, scratch_path("l.npy"),
                                   &(bg_data_options){ .target_file = scratch_path("l.npy") }));
    ck_assert(holds);
    ck_assert_uint_lt(scratch_memory_state()->most - held, LARGE / 4);
    OK(bg_data_arrays_have_classes(&holds, engine, scratch_path("l.npy"), NULL));
    ck_assert(!holds);
    FAILS(bg_data_arrays_have_classes(&holds, engine, path, &(bg_data_options){ .target_file = path }), BG_ERR_ARGUMENT,
          "a target file belongs to an NPY file");
    FAILS(bg_data_arrays_have_classes(&holds, engine, scratch_path("l.npy"), &(bg_data_options){ .target_file = path }),
          BG_ERR_FORMAT, "read_arrays: ");
    /* A member a.txt is no array a. */
    char text[600];
    (void)snprintf(text, sizeof text, "%s/corpus/npz/text", BLASGRAD_TEST_DATA);
    OK(bg_data_arrays_have_classes(&holds, engine, text, &(bg_data_options){ .target = "a" }));
    ck_assert(!holds);
    ck_assert_int_gt(scratch_fail_each("deflated targets", scenario_have_classes), 4);
    FAILS(bg_data_arrays_have_classes(&holds, engine, scratch_path("none"), NULL), BG_ERR_IO, "No such file");
    FAILS(bg_data_arrays_have_classes(&holds, engine, NULL, NULL), BG_ERR_ARGUMENT, "path is NULL");
    FAILS(bg_data_arrays_have_classes(NULL, engine, path, NULL), BG_ERR_ARGUMENT, "have_classes is NULL");
}
END_TEST

/* An element among many that is none is found where it is, whatever comes behind it. */
START_TEST(one_of_many)
{
    enum { COUNT = 5000 };
    static double numbers[COUNT];
    bg_dataset *dataset;
    numbers[7] = 1e300;
    FAILS(read_arrays(&dataset, save("b.npy", BG_F64, BG_SHAPE(COUNT), numbers), (bg_data_options){ 0 }), BG_ERR_FORMAT,
          "b.npy: element 7 is 1e+300, no finite number of f32");
    FAILS(read_arrays(&dataset, scratch_path("b.npy"), (bg_data_options){ .streams = true, .target_file = "/none" }),
          BG_ERR_IO, "/none: cannot open");
    OK(read_arrays(&dataset, scratch_path("b.npy"), (bg_data_options){ .streams = true }));
    uint64_t hash;
    FAILS(bg_dataset_hash(&hash, dataset), BG_ERR_FORMAT, "b.npy: element 7 is 1e+300");
    bg_dataset_destroy(dataset);
    OK(read_arrays(&dataset, save("c.npy", BG_F64, BG_SHAPE(1, COUNT), numbers), (bg_data_options){ .streams = true }));
    FAILS(bg_dataset_hash(&hash, dataset), BG_ERR_FORMAT, "c.npy: element 7 is 1e+300");
    bg_dataset_destroy(dataset);
}
END_TEST

START_TEST(errors)
{
    static const double good[] = { 0, 1, 2, 3, 4, 5 }, bad[] = { 0, 1, NAN, -3, 1e300, 5 }, negative[] = { -3, 1, 2 };
    const char *x = save("x.npy", BG_F32, BG_SHAPE(3, 2), good), *y;
    bg_dataset *dataset;
    FAILS(read_arrays(&dataset, save("b.npy", BG_F32, BG_SHAPE(3, 2), bad), (bg_data_options){ 0 }), BG_ERR_FORMAT,
          "b.npy: element 2 is nan, no finite number of f32");
    FAILS(read_arrays(&dataset, save("b.npy", BG_F64, BG_SHAPE(2), bad + 4), (bg_data_options){ 0 }), BG_ERR_FORMAT,
          "b.npy: element 0 is 1e+300, no finite number of f32");
    FAILS(read_arrays(&dataset, save("b.npy", BG_F64, BG_SHAPE(3), bad), (bg_data_options){ .dtype = BG_F64 }),
          BG_ERR_FORMAT, "element 2 is nan, no finite number of f64");
    ck_assert_ptr_null(dataset);
    FAILS(read_arrays(&dataset, save("s.npy", BG_F32, BG_SCALAR, good), (bg_data_options){ 0 }), BG_ERR_FORMAT,
          "s.npy: a scalar, where the first extent should count the examples");
    FAILS(read_arrays(&dataset, x, (bg_data_options){ .target_file = scratch_path("s.npy") }), BG_ERR_FORMAT,
          "s.npy: a scalar");
    y = save("y.npy", BG_I64, BG_SHAPE(4), good);
    FAILS(read_arrays(&dataset, x, (bg_data_options){ .target_file = y }), BG_ERR_FORMAT,
          "y.npy: [4] are not as many targets as there are inputs, [3, 2]");
    y = save("y.npy", BG_I64, BG_SHAPE(3), negative);
    FAILS(read_arrays(&dataset, x, (bg_data_options){ .target_file = y }), BG_ERR_FORMAT,
          "y.npy: element 0 is -3, no class");
    bg_tensor *most = make(BG_I64, BG_SHAPE(3), good);
    ((int64_t *)bg_tensor_data(most))[1] = INT64_MAX;
    OK(bg_npy_save(most, scratch_path("m.npy")));
    bg_tensor_destroy(most);
    FAILS(read_arrays(&dataset, x, (bg_data_options){ .target_file = scratch_path("m.npy") }), BG_ERR_FORMAT,
          "m.npy: element 1 is 9223372036854775807, no class");
    /* So many scores that no memory could hold them. */
    static const double large[] = { 0, 16777215, 16777216 };
    OK(read_arrays(&dataset, x, (bg_data_options){ .target_file = save("y.npy", BG_I32, BG_SHAPE(3), good) }));
    bg_dataset_destroy(dataset);
    y = save("y.npy", BG_I32, BG_SHAPE(3), large);
    FAILS(read_arrays(&dataset, x, (bg_data_options){ .target_file = y }), BG_ERR_FORMAT,
          "y.npy: element 2 is 16777216, no class: classes are whole numbers from 0 to 16777215; a loss for numbers");
    OK(read_arrays(&dataset, x, (bg_data_options){ .target_file = y, .without_classes = true }));
    ck_assert(y_of(dataset, 2) == 16777216);
    bg_dataset_destroy(dataset);
    y = save("y.npy", BG_F32, BG_SHAPE(3), bad);
    FAILS(read_arrays(&dataset, x, (bg_data_options){ .target_file = y }), BG_ERR_FORMAT, "y.npy: element 2 is nan");
    FAILS(read_arrays(&dataset, x, (bg_data_options){ .target_file = y, .with_classes = true }), BG_ERR_FORMAT,
          "y.npy: classes are integers, but these are f32");
    FAILS(read_arrays(&dataset, x, (bg_data_options){ .with_classes = true, .without_classes = true }), BG_ERR_ARGUMENT,
          "targets with classes and without classes");
    FAILS(read_arrays(&dataset, x, (bg_data_options){ .without_target = true, .target_file = y }), BG_ERR_ARGUMENT,
          "without_target, and yet a file of targets");
    FAILS(read_arrays(&dataset, x, (bg_data_options){ .without_target = true, .target = "y" }), BG_ERR_ARGUMENT,
          "without_target, and yet a target");
    FAILS(read_arrays(&dataset, x, (bg_data_options){ .without_target = true, .with_classes = true }), BG_ERR_ARGUMENT,
          "without_target, and yet with_classes");
    FAILS(read_arrays(&dataset, x, (bg_data_options){ .dtype = BG_I32 }), BG_ERR_DTYPE, "read_arrays: inputs are f32");
    FAILS(read_arrays(&dataset, x, (bg_data_options){ .target_file = scratch_path("none") }), BG_ERR_IO,
          "No such file");
    FAILS(read_arrays(&dataset, scratch_write("t", "text", 4), (bg_data_options){ 0 }), BG_ERR_FORMAT,
          "offset 0: neither NPY, which begins with 93 4e, nor NPZ, with 50 4b");
    FAILS(read_arrays(&dataset, scratch_write("t", "\x93", 1), (bg_data_options){ 0 }), BG_ERR_FORMAT, "neither NPY");
    FAILS(read_arrays(&dataset, scratch_write("t", "\x93O", 2), (bg_data_options){ 0 }), BG_ERR_FORMAT, "neither NPY");
    FAILS(read_arrays(&dataset, scratch_write("t", "PO", 2), (bg_data_options){ 0 }), BG_ERR_FORMAT, "neither NPY");
    FAILS(read_arrays(&dataset, scratch_write("t", "\x93N", 2), (bg_data_options){ 0 }), BG_ERR_FORMAT,
          "read_arrays: ");
    FAILS(read_arrays(&dataset, scratch_write("t", "PK", 2), (bg_data_options){ 0 }), BG_ERR_FORMAT, "read_arrays: ");
    /* No byte, but no wider type has room for the rows and columns. */
    static const char wide[] = "\x93NUMPY\1\0\x51\0{'descr': '|u1', 'fortran_order': False, "
                               "'shape': (3037000499, 3037000499, 0), }\n";
    const char *none = scratch_write("n.npy", wide, sizeof wide - 1);
    FAILS(read_arrays(&dataset, none, (bg_data_options){ 0 }), BG_ERR_FORMAT,
          "n.npy: the shape is [3037000499, 3037000499, 0], whose bytes cannot be counted");
    FAILS(read_arrays(&dataset, "/dev/zero", (bg_data_options){ 0 }), BG_ERR_IO, "not a regular file");
    FAILS(read_arrays(&dataset, scratch_path("none"), (bg_data_options){ 0 }), BG_ERR_IO, "No such file");
    FAILS(read_arrays(&dataset, NULL, (bg_data_options){ 0 }), BG_ERR_ARGUMENT, "path is NULL");
    FAILS(read_arrays(NULL, x, (bg_data_options){ 0 }), BG_ERR_ARGUMENT, "dataset is NULL");
}
END_TEST

/* ---- Images in IDX files ---- */

START_TEST(images)
{
    static const unsigned char pixels[] = { 0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 10, 20, 30, 255 };
    static const unsigned char labels[] = { 0, 0, 8, 1, 0, 0, 0, 2, 7, 3 }, one[] = { 0, 0, 8, 1, 0, 0, 0, 1, 7 };
    bg_engine *engine = scratch_engine();
    const char *x = scratch_write("x", pixels, sizeof pixels), *y = scratch_write("y", labels, sizeof labels);
    bg_dataset *dataset;
    OK(bg_data_read_images(&dataset, engine, x, y, NULL));
    ck_assert_int_eq(bg_dataset_classes(dataset), 8);
    ck_assert(x_of(dataset, 0) == (double)(10 / 255.0F) && x_of(dataset, 3) == 1 && y_of(dataset, 1) == 3);
    bg_dataset_destroy(dataset);
    FAILS(bg_data_read_images(&dataset, engine, y, x, NULL), BG_ERR_FORMAT,
          "y: u8 [2] where u8 images [n, rows, columns] should be");
    FAILS(bg_data_read_images(&dataset, engine, x, x, NULL), BG_ERR_FORMAT,
          "x: u8 [2, 1, 2] where u8 labels [n] should be");
    FAILS(bg_data_read_images(&dataset, engine, x, scratch_write("z", one, sizeof one), NULL), BG_ERR_FORMAT,
          "x has 2 images, but there are 1 labels");
    static const char wide[] = "\0\0\x08\3\xFF\xFF\xFF\xFF\x40\0\0\0\0\0\0";
    FAILS(bg_data_read_images(&dataset, engine, scratch_write("w", wide, sizeof wide), y, NULL), BG_ERR_FORMAT,
          "w: the shape is [4294967295, 1073741824, 0], whose bytes cannot be counted");
    FAILS(bg_data_read_images(&dataset, engine, x, scratch_path("none"), NULL), BG_ERR_IO, "No such file");
    FAILS(bg_data_read_images(&dataset, engine, x, NULL, NULL), BG_ERR_ARGUMENT, "labels is NULL");
    FAILS(bg_data_read_images(&dataset, engine, NULL, y, NULL), BG_ERR_ARGUMENT, "images is NULL");
    FAILS(bg_data_read_images(NULL, engine, x, y, NULL), BG_ERR_ARGUMENT, "dataset is NULL");
    FAILS(bg_data_read_images(&dataset, NULL, x, y, NULL), BG_ERR_ARGUMENT, "read_images");
}
END_TEST

/* ---- CIFAR ---- */

enum { PIXELS = 3072 };

/* n records whose pixels and labels follow from `first` and their place. */
static void write_records(const char *name, int n, int labels, int first)
{
    static unsigned char bytes[40 * (PIXELS + 2)];
    unsigned char *c = bytes;
    for (int i = first; i < first + n; i++) {
        if (labels == 2)
            *c++ = (unsigned char)(i % 20);
        *c++ = (unsigned char)(labels == 2 ? i % 100 : i % 10);
        for (int k = 0; k < PIXELS; k++)
            *c++ = (unsigned char)(i * 7 + k);
    }
    scratch_write(name, bytes, (size_t)(c - bytes));
}

static bg_status read_cifar(bg_dataset **train, bg_dataset **test, bg_data_options options)
{
    return bg_data_read_cifar(train, test, scratch_engine(), scratch_path(""), &options);
}

static void write_ten(void)
{
    char name[] = "data_batch_1.bin";
    for (int i = 0, first = 0; i < 5; i++, name[11]++) {
        write_records(name, i == 0 ? 37 : i, 1, first);
        first += i == 0 ? 37 : i;
    }
    write_records("test_batch.bin", 3, 1, 100);
}

static void expect_images(const bg_dataset *dataset, int n, int first, int64_t classes)
{
    bg_dtype dtype = bg_tensor_dtype(bg_dataset_column(dataset, 0));
    ck_assert(bg_shape_equal(bg_tensor_shape(bg_dataset_column(dataset, 0)), BG_SHAPE(n, 3, 32, 32)));
    ck_assert_int_eq(bg_dataset_classes(dataset), classes);
    for (int i = 0; i < n; i++) {
        ck_assert(y_of(dataset, i) == (double)((first + i) % classes));
        for (int k = 0; k < PIXELS; k += 37) {
            int byte = ((first + i) * 7 + k) % 256;
            ck_assert(x_of(dataset, i * PIXELS + k) ==
                      (dtype == BG_F32 ? (double)((float)byte / 255.0F) : byte / 255.0));
        }
    }
}

START_TEST(cifar)
{
    bg_dataset *train, *test;
    FAILS(read_cifar(&train, &test, (bg_data_options){ 0 }), BG_ERR_IO,
          "has neither data_batch_1.bin .. data_batch_5.bin");
    write_records("test.bin", 4, 2, 7);
    FAILS(read_cifar(&train, &test, (bg_data_options){ 0 }), BG_ERR_IO, "train.bin: cannot open: No such file");
    write_records("train.bin", 33, 2, 90);
    for (int form = 0; form < 4; form++) {
        OK(read_cifar(&train, &test,
                      (bg_data_options){ .dtype = form & 1 ? BG_F64 : BG_F32, .with_coarse_labels = form & 2 }));
        expect_images(train, 33, 90, form & 2 ? 20 : 100);
        expect_images(test, 4, 7, form & 2 ? 20 : 100);
        bg_dataset_destroy(train);
        bg_dataset_destroy(test);
    }
    write_ten();
    OK(read_cifar(&train, &test, (bg_data_options){ 0 }));
    expect_images(train, 47, 0, 10);
    expect_images(test, 3, 100, 10);
    bg_dataset_destroy(train);
    bg_dataset_destroy(test);
    FAILS(read_cifar(&train, &test, (bg_data_options){ .with_coarse_labels = true }), BG_ERR_ARGUMENT,
          "CIFAR-10 has no coarse labels");
    (void)unlink(scratch_path("data_batch_3.bin"));
    FAILS(read_cifar(&train, &test, (bg_data_options){ 0 }), BG_ERR_IO, "data_batch_3.bin: cannot open: No such file");
    ck_assert_ptr_null(train);
    ck_assert_int_eq(symlink("/dev/zero", scratch_path("data_batch_3.bin")), 0);
    FAILS(read_cifar(&train, &test, (bg_data_options){ 0 }), BG_ERR_IO, "data_batch_3.bin: not a regular file");
    FAILS(read_cifar(&train, NULL, (bg_data_options){ 0 }), BG_ERR_ARGUMENT, "test is NULL");
    FAILS(read_cifar(NULL, &test, (bg_data_options){ 0 }), BG_ERR_ARGUMENT, "train is NULL");
    FAILS(bg_data_read_cifar(&train, &test, scratch_engine(), NULL, NULL), BG_ERR_ARGUMENT, "folder is NULL");
    FAILS(read_cifar(&train, &test, (bg_data_options){ .dtype = BG_U8 }), BG_ERR_DTYPE, "read_cifar: inputs are f32");
}
END_TEST

/* What memory is taken from, and a file that is made longer or cut when the first large piece is: after the files were
 * counted. */
static const char *file_to_cut;
static off_t cut_at = PIXELS + 1;

static void *allocate_and_cut(void *user, size_t bytes, size_t alignment)
{
    (void)user;
    if (bytes > (1 << 18) && file_to_cut) {
        ck_assert_int_eq(truncate(file_to_cut, cut_at), 0);
        file_to_cut = NULL;
    }
    return aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
}

static void release(void *user, void *memory, size_t bytes)
{
    (void)user;
    (void)bytes;
    free(memory);
}

START_TEST(cifar_cut_while_read)
{
    bg_engine *engine;
    bg_engine_options options = { .threads = 1, .allocator = { .allocate = allocate_and_cut, .release = release } };
    OK(bg_engine_create(&engine, &options));
    write_ten();
    bg_dataset *train, *test;
    OK(bg_data_read_cifar(&train, &test, engine, scratch_path(""), NULL));
    bg_dataset_destroy(train);
    bg_dataset_destroy(test);
    file_to_cut = scratch_path("data_batch_4.bin");
    FAILS(bg_data_read_cifar(&train, &test, engine, scratch_path(""), NULL), BG_ERR_IO,
          "the files became shorter while they were read");
    ck_assert_ptr_null(file_to_cut);
    file_to_cut = scratch_path("data_batch_5.bin");
    cut_at = 1000 * (PIXELS + 1);
    FAILS(bg_data_read_cifar(&train, &test, engine, scratch_path(""), NULL), BG_ERR_IO,
          "data_batch_5.bin: the file became longer while it was read");
    cut_at = PIXELS + 1;
    bg_engine_destroy(engine);
}
END_TEST

/* A file that cannot be looked for is named, with the cause. */
START_TEST(cifar_out_of_reach)
{
    bg_dataset *train, *test;
    ck_assert_int_eq(symlink("train.bin", scratch_path("train.bin")), 0);
    FAILS(read_cifar(&train, &test, (bg_data_options){ 0 }), BG_ERR_IO,
          "train.bin: cannot open: Too many levels of symbolic links");
    (void)unlink(scratch_path("train.bin"));
    if (geteuid() == 0) /* may read everything */
        return;
    write_ten();
    ck_assert_int_eq(chmod(scratch_path(""), 0), 0);
    bg_status status = read_cifar(&train, &test, (bg_data_options){ 0 });
    ck_assert_int_eq(chmod(scratch_path(""), 0700), 0);
    expect_failure(status, BG_ERR_IO, "data_batch_1.bin: cannot open: Permission denied", "folder");
}
END_TEST

/* A file that ends at every place of two records, with every label, and empty. */
START_TEST(cifar_damaged)
{
    bg_dataset *train, *test;
    write_ten();
    size_t count;
    unsigned char *bytes;
    write_records("whole", 2, 1, 0);
    bytes = scratch_read(scratch_path("whole"), &count);
    for (size_t length = 0; length <= count; length += length < 5 || length % (PIXELS + 1) < 3 ? 1 : 61) {
        scratch_write("test_batch.bin", bytes, length);
        bg_status status = read_cifar(&train, &test, (bg_data_options){ 0 });
        bool is_whole = length > 0 && length % (PIXELS + 1) == 0;
        if (!is_whole)
            expect_failure(status, BG_ERR_FORMAT, "bytes are no whole number of records of 3073, which CIFAR-10 has",
                           "length");
        ck_assert((status == BG_OK) == is_whole && (train != NULL) == is_whole);
        bg_dataset_destroy(train);
        bg_dataset_destroy(test);
    }
    for (int label = 0; label < 256; label++) {
        bytes[PIXELS + 1] = (unsigned char)label;
        scratch_write("test_batch.bin", bytes, count);
        bg_status status = read_cifar(&train, &test, (bg_data_options){ 0 });
        if (label >= 10)
            expect_failure(status, BG_ERR_FORMAT, "test_batch.bin: offset 3073: label", "label");
        ck_assert((status == BG_OK) == (label < 10));
        bg_dataset_destroy(train);
        bg_dataset_destroy(test);
    }
    free(bytes);
    static const char *const names[] = { "data_batch_1.bin", "test_batch.bin" };
    for (int i = 0; i < 2; i++)
        (void)unlink(scratch_path(names[i]));
    write_records("train.bin", 2, 2, 0);
    write_records("test.bin", 2, 2, 0);
    bytes = scratch_read(scratch_path("test.bin"), &count);
    bytes[PIXELS + 2] = 20;
    scratch_write("test.bin", bytes, count);
    FAILS(read_cifar(&train, &test, (bg_data_options){ 0 }), BG_ERR_FORMAT,
          "test.bin: offset 3074: label 20, where CIFAR-100 has 0 to 19");
    bytes[PIXELS + 2] = 19;
    bytes[PIXELS + 3] = 100;
    scratch_write("test.bin", bytes, count);
    FAILS(read_cifar(&train, &test, (bg_data_options){ 0 }), BG_ERR_FORMAT,
          "test.bin: offset 3075: label 100, where CIFAR-100 has 0 to 99");
    free(bytes);
}
END_TEST

/* ---- Memory ---- */

static bg_status scenario_arrays(void)
{
    bg_dataset *dataset;
    bg_status status = read_arrays(&dataset, scratch_path("x.npy"),
                                   (bg_data_options){ .dtype = BG_F64, .target_file = scratch_path("y.npy") });
    bg_dataset_destroy(dataset);
    return status;
}

static bg_status scenario_npz(void)
{
    bg_dataset *dataset;
    bg_status status = read_arrays(&dataset, scratch_path("t.npz"), (bg_data_options){ .target = "x" });
    bg_dataset_destroy(dataset);
    return status;
}

static bg_status scenario_cifar(void)
{
    bg_dataset *train, *test;
    bg_status status = read_cifar(&train, &test, (bg_data_options){ 0 });
    bg_dataset_destroy(train);
    bg_dataset_destroy(test);
    return status;
}

START_TEST(out_of_memory)
{
    static const double numbers[] = { 1, 2, 3 };
    static const char *const names[] = { "x" };
    static const bg_dtype dtypes[] = { BG_F64 };
    const bg_shape shapes[] = { BG_SHAPE(3) };
    const double *const values[] = { numbers };
    (void)save("x.npy", BG_U8, BG_SHAPE(3), numbers);
    (void)save("y.npy", BG_I32, BG_SHAPE(3), numbers);
    (void)save_npz("t.npz", 1, names, dtypes, shapes, values);
    write_ten();
    ck_assert_int_gt(scratch_fail_each("arrays", scenario_arrays), 20);
    ck_assert_int_gt(scratch_fail_each("NPZ", scenario_npz), 20);
    ck_assert_int_gt(scratch_fail_each("CIFAR", scenario_cifar), 20);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("arrays");
    TCase *tests = tcase_create("arrays");
    tcase_add_checked_fixture(tests, scratch_begin, scratch_end);
    tcase_add_test(tests, inputs);
    tcase_add_test(tests, targets);
    tcase_add_test(tests, npz);
    tcase_add_test(tests, damaged_npz);
    tcase_add_test(tests, have_classes);
    tcase_add_test(tests, errors);
    tcase_add_test(tests, one_of_many);
    tcase_add_test(tests, images);
    tcase_add_test(tests, cifar);
    tcase_add_test(tests, cifar_damaged);
    tcase_add_test(tests, cifar_cut_while_read);
    tcase_add_test(tests, cifar_out_of_reach);
    tcase_add_test(tests, out_of_memory);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
