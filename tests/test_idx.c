/* IDX files, and the folder of MNIST. */
#include "support/scratch.h"
#include "support/suite.h"
#include "support/values.h"

#include <stdlib.h>
#include <unistd.h>

static bg_status read_idx(bg_tensor **tensor, const void *bytes, size_t count, bool with_gz)
{
    const char *path = with_gz ? scratch_write_gz("t", bytes, count) : scratch_write("t", bytes, count);
    return bg_data_read_idx(tensor, scratch_engine(), path);
}

START_TEST(idx_types)
{
    static const struct {
        const char *name, *bytes;
        size_t count;
        bg_dtype dtype;
        bg_shape shape;
        double values[4];
    } cases[] = {
        { "u8", "\0\0\x08\1\0\0\0\3\0\x7F\xFF", 11, BG_U8, { 1, { 3 } }, { 0, 127, 255 } },
        { "i8", "\0\0\x09\2\0\0\0\1\0\0\0\3\0\x7F\xFF", 15, BG_I32, { 2, { 1, 3 } }, { 0, 127, -1 } },
        { "i16", "\0\0\x0B\1\0\0\0\3\1\2\xFF\xFE\x80\0", 14, BG_I32, { 1, { 3 } }, { 258, -2, -32768 } },
        { "i32", "\0\0\x0C\1\0\0\0\2\1\2\3\4\xFF\xFF\xFF\xFE", 16, BG_I32, { 1, { 2 } }, { 0x01020304, -2 } },
        { "f32", "\0\0\x0D\1\0\0\0\1\xBF\xC0\0\0", 12, BG_F32, { 1, { 1 } }, { -1.5 } },
        { "f64", "\0\0\x0E\1\0\0\0\1\x40\x04\0\0\0\0\0\0", 16, BG_F64, { 1, { 1 } }, { 2.5 } },
        { "rank 4",
          "\0\0\x08\4\0\0\0\1\0\0\0\2\0\0\0\1\0\0\0\2\1\2\3\4",
          24,
          BG_U8,
          { 4, { 1, 2, 1, 2 } },
          { 1, 2, 3, 4 } },
        { "empty", "\0\0\x0D\2\0\0\0\0\0\0\0\3", 12, BG_F32, { 2, { 0, 3 } }, { 0 } },
        { "empty rows", "\0\0\x09\2\0\0\0\5\0\0\0\0", 12, BG_I32, { 2, { 5, 0 } }, { 0 } },
    };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        for (int with_gz = 0; with_gz < 2; with_gz++) {
            bg_tensor *tensor;
            bg_status status = read_idx(&tensor, cases[c].bytes, cases[c].count, with_gz);
            ck_assert_msg(status == BG_OK, "%s: %s", cases[c].name, bg_last_error());
            ck_assert_int_eq(bg_tensor_dtype(tensor), cases[c].dtype);
            ck_assert_msg(bg_shape_equal(bg_tensor_shape(tensor), cases[c].shape), "%s", cases[c].name);
            for (int64_t i = 0; i < bg_shape_count(cases[c].shape); i++)
                ck_assert_msg(value_at(tensor, i) == cases[c].values[i], "%s: %g", cases[c].name, value_at(tensor, i));
            bg_tensor_destroy(tensor);
        }
    }
    /* More than the pieces in which the narrow types are read. */
    enum { N = 10001 };
    static unsigned char many[8 + 2 * N] = { 0, 0, 0x0B, 1, 0, 0, N >> 8, N & 0xFF };
    for (int i = 0; i < N; i++) {
        many[8 + 2 * i] = (unsigned char)(i >> 8);
        many[9 + 2 * i] = (unsigned char)i;
    }
    bg_tensor *tensor;
    OK(read_idx(&tensor, many, sizeof many, true));
    for (int i = 0; i < N; i++)
        ck_assert(value_at(tensor, i) == i);
    bg_tensor_destroy(tensor);
}
END_TEST

START_TEST(idx_errors)
{
    static const struct {
        const char *name, *bytes;
        size_t count;
        const char *says;
    } cases[] = {
        { "empty", "", 0, "offset 0: the file ends here, 4 bytes too early" },
        { "two bytes", "\0\0", 2, "offset 2: the file ends here, 2 bytes too early" },
        { "no magic", "abcd", 4, "offset 0: an IDX file begins with 00 00, this one with 61 62" },
        { "no magic at 1", "\0\1\x08\1\0\0\0\0", 8, "this one with 00 01" },
        { "unknown type", "\0\0\x0A\1\0\0\0\0", 8, "offset 2: element type 0a" },
        { "rank 0", "\0\0\x08\0", 4, "offset 3: rank 0; supported are 1 to 4" },
        { "rank 5", "\0\0\x08\5", 4, "offset 3: rank 5" },
        { "no extents", "\0\0\x08\2\0\0\0\1\0", 9, "offset 9: the file ends here, 3 bytes too early" },
        { "too short", "\0\0\x08\1\0\0\0\2\1", 9, "offset 8: [2] has 2 bytes of elements, the file" },
        { "too long", "\0\0\x08\1\0\0\0\2\1\2\3", 11, "offset 8: [2] has 2 bytes of elements, the file" },
        { "too long for nothing", "\0\0\x08\1\0\0\0\0\1", 9, "has 0 bytes of elements" },
        { "16 EiB", "\0\0\x08\2\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 12,
          "offset 8: the extents announce more than 2^62 bytes" },
        { "2^128 bytes", "\0\0\x0E\4\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 20,
          "more than 2^62 bytes" },
        { "4 GiB", "\0\0\x08\1\xFF\xFF\xFF\xFF", 8, "[4294967295] has 4294967295 bytes" },
        { "4 GiB of nothing", "\0\0\x08\3\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\0\0\0\0", 16, "more than 2^62 bytes" },
    };
    scratch_memory *memory = scratch_memory_state();
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        for (int with_gz = 0; with_gz < 2; with_gz++) {
            bg_tensor *tensor;
            size_t held = memory->most = memory->held;
            bg_status status = read_idx(&tensor, cases[c].bytes, cases[c].count, with_gz);
            expect_failure(status, BG_ERR_FORMAT, cases[c].says, cases[c].name);
            ck_assert_ptr_null(tensor);
            ck_assert_uint_le(memory->most - held, 1 << 16);
        }
    }
    bg_tensor *tensor;
    bg_engine *engine = scratch_engine();
    expect_failure(bg_data_read_idx(&tensor, engine, scratch_path("none")), BG_ERR_IO, "No such file", "no file");
    expect_failure(bg_data_read_idx(&tensor, engine, scratch_path(".")), BG_ERR_IO, "Is a directory", "folder");
    expect_failure(bg_data_read_idx(&tensor, engine, "/dev/zero"), BG_ERR_IO, "not a regular file", "device");
    expect_failure(bg_data_read_idx(&tensor, engine, NULL), BG_ERR_ARGUMENT, "path is NULL", "no path");
    expect_failure(bg_data_read_idx(NULL, engine, "t"), BG_ERR_ARGUMENT, "tensor is NULL", "no result");
    expect_failure(bg_data_read_idx(&tensor, NULL, "t"), BG_ERR_ARGUMENT, "read_idx", "no engine");
}
END_TEST

/* Every part of a file, compressed or not, and the file with any one bit of its header or of its compressed form
 * turned. */
START_TEST(idx_damaged)
{
    static const unsigned char sample[] = { 0, 0, 0x0B, 2, 0, 0, 0, 2, 0, 0, 0, 3, 0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6 };
    scratch_memory *memory = scratch_memory_state();
    bg_tensor *tensor;
    for (size_t length = 0; length < sizeof sample; length++)
        ck_assert_int_eq(read_idx(&tensor, sample, length, length % 2), BG_ERR_FORMAT);
    size_t packed_count;
    unsigned char *packed = scratch_read(scratch_write_gz("gz", sample, sizeof sample), &packed_count);
    for (size_t length = 0; length < packed_count; length++) {
        bg_status status = read_idx(&tensor, packed, length, false);
        ck_assert_msg(status == BG_ERR_FORMAT, "%zu of %zu: %s", length, packed_count, bg_last_error());
    }
    for (int form = 0; form < 2; form++) {
        size_t count = form ? packed_count : sizeof sample, checked = form ? packed_count : 12;
        unsigned char bytes[100];
        memcpy(bytes, form ? packed : sample, count);
        for (size_t bit = 0; bit < 8 * checked; bit++) {
            bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
            size_t held = memory->most = memory->held;
            bg_status status = read_idx(&tensor, bytes, count, false);
            ck_assert_msg(status == BG_ERR_FORMAT || status == BG_OK, "bit %zu: %s", bit, bg_last_error());
            /* Bits that mean nothing to gzip may change unnoticed, the elements never. */
            ck_assert_msg(status != BG_OK || form, "bit %zu went unnoticed", bit);
            for (int i = 0; i < 6 && tensor; i++)
                ck_assert(value_at(tensor, i) == i + 1);
            ck_assert_uint_le(memory->most - held, 1 << 16);
            bg_tensor_destroy(tensor);
            bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
        }
    }
    free(packed);
}
END_TEST

static void write_mnist(const char *images, const char *labels, int n, bool with_gz, int first_label)
{
    unsigned char bytes[16 + 30 * 6] = { 0, 0, 8, 3, 0, 0, 0, (unsigned char)n, 0, 0, 0, 2, 0, 0, 0, 3 };
    for (int i = 0; i < n * 6; i++)
        bytes[16 + i] = (unsigned char)(i * 5);
    (with_gz ? scratch_write_gz : scratch_write)(images, bytes, 16 + (size_t)n * 6);
    unsigned char classes[8 + 30] = { 0, 0, 8, 1, 0, 0, 0, (unsigned char)n };
    for (int i = 0; i < n; i++)
        classes[8 + i] = (unsigned char)(first_label + i % 3);
    (with_gz ? scratch_write_gz : scratch_write)(labels, classes, 8 + (size_t)n);
}

static bg_status read_mnist(bg_dataset **train, bg_dataset **test, bg_dtype dtype)
{
    return bg_data_read_mnist(train, test, scratch_engine(), scratch_path(""), &(bg_data_options){ .dtype = dtype });
}

START_TEST(mnist)
{
    bg_dataset *train, *test;
    expect_failure(read_mnist(&train, &test, BG_F32), BG_ERR_IO,
                   "has no t10k-images-idx3-ubyte or t10k-images.idx3-ubyte", "none");
    for (int form = 0; form < 4; form++) {
        write_mnist(form & 1 ? "t10k-images.idx3-ubyte" : "t10k-images-idx3-ubyte.gz",
                    form & 2 ? "t10k-labels.idx1-ubyte.gz" : "t10k-labels-idx1-ubyte", 25, !(form & 1), 0);
        if (form & 2)
            write_mnist("x", "t10k-labels.idx1-ubyte.gz", 25, true, 0);
        else
            write_mnist("x", "t10k-labels-idx1-ubyte", 25, false, 0);
        bg_dtype dtype = form & 1 ? BG_F64 : BG_F32;
        OK(read_mnist(&train, &test, dtype));
        ck_assert_int_eq(bg_dataset_size(train), 23);
        ck_assert(bg_shape_equal(bg_tensor_shape(bg_dataset_column(test, 0)), BG_SHAPE(2, 2, 3)));
        ck_assert_int_eq(bg_dataset_classes(train), 10);
        ck_assert_int_eq(bg_dataset_classes(test), 10);
        for (int i = 0; i < 12; i++) {
            int byte = (23 * 6 + i) * 5 % 256;
            ck_assert(x_of(test, i) == (dtype == BG_F32 ? (double)((float)byte / 255.0F) : byte / 255.0));
        }
        ck_assert(y_of(test, 0) == 23 % 3 && y_of(test, 1) == 24 % 3);
        bg_dataset_destroy(train);
        bg_dataset_destroy(test);
        static const char *const written[] = { "x", "t10k-images.idx3-ubyte", "t10k-images-idx3-ubyte.gz",
                                               "t10k-labels.idx1-ubyte.gz", "t10k-labels-idx1-ubyte" };
        for (size_t i = 0; i < sizeof written / sizeof *written; i++)
            (void)unlink(scratch_path(written[i]));
    }
    write_mnist("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte", 5, false, 0);
    write_mnist("train-images-idx3-ubyte", "x", 25, false, 0);
    expect_failure(read_mnist(&train, &test, BG_F32), BG_ERR_IO, "has no train-labels-idx1-ubyte", "no labels");
    ck_assert_int_eq(unlink(scratch_path("train-images-idx3-ubyte")), 0);
    write_mnist("x", "train-labels-idx1-ubyte", 25, false, 0);
    expect_failure(read_mnist(&train, &test, BG_F32), BG_ERR_IO, "has no train-images-idx3-ubyte", "no images");
    expect_failure(bg_data_read_mnist(&train, &test, scratch_engine(), scratch_path("x"), NULL), BG_ERR_IO,
                   "x/t10k-images-idx3-ubyte: cannot open: Not a directory", "a file for a folder");
    write_mnist("train-images-idx3-ubyte", "train-labels-idx1-ubyte", 25, false, 10);
    OK(read_mnist(&train, &test, BG_F32));
    ck_assert_int_eq(bg_dataset_size(train), 25);
    ck_assert_int_eq(bg_dataset_size(test), 5);
    ck_assert_int_eq(bg_dataset_classes(train), 13);
    ck_assert_int_eq(bg_dataset_classes(test), 13);
    bg_dataset_destroy(train);
    bg_dataset_destroy(test);

    write_mnist("x", "train-labels-idx1-ubyte", 24, false, 0);
    expect_failure(read_mnist(&train, &test, BG_F32), BG_ERR_FORMAT, "has 25 images, but there are 24 labels",
                   "counts");
    scratch_write("train-labels-idx1-ubyte", "\0\0\x08\2\0\0\0\1\0\0\0\1\5", 13);
    expect_failure(read_mnist(&train, &test, BG_F32), BG_ERR_FORMAT, "u8 [1, 1] where u8 labels [n]", "labels");
    scratch_write("train-images-idx3-ubyte", "\0\0\x09\3\0\0\0\0\0\0\0\0\0\0\0\0", 16);
    expect_failure(read_mnist(&train, &test, BG_F32), BG_ERR_FORMAT, "i32 [0, 0, 0] where u8 images", "images");
    scratch_write("train-images-idx3-ubyte", "\0", 1);
    expect_failure(read_mnist(&train, &test, BG_F32), BG_ERR_FORMAT, "train-images-idx3-ubyte: offset 1", "file");
    ck_assert_ptr_null(train);
    ck_assert_ptr_null(test);
    expect_failure(read_mnist(NULL, &test, BG_F32), BG_ERR_ARGUMENT, "train is NULL", "no result");
    expect_failure(read_mnist(&train, NULL, BG_F32), BG_ERR_ARGUMENT, "test is NULL", "no result");
    expect_failure(bg_data_read_mnist(&train, &test, scratch_engine(), NULL, NULL), BG_ERR_ARGUMENT, "folder is NULL",
                   "no folder");
    expect_failure(read_mnist(&train, &test, BG_BOOL), BG_ERR_DTYPE, "not bool", "dtype");
}
END_TEST

static bg_status scenario_mnist(void)
{
    bg_dataset *train, *test;
    bg_status status = read_mnist(&train, &test, BG_F32);
    bg_dataset_destroy(train);
    bg_dataset_destroy(test);
    return status;
}

START_TEST(out_of_memory)
{
    write_mnist("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte.gz", 5, true, 0);
    write_mnist("train-images-idx3-ubyte", "train-labels-idx1-ubyte.gz", 5, true, 0);
    ck_assert_int_gt(scratch_fail_each("mnist", scenario_mnist), 30);
    ck_assert_int_eq(unlink(scratch_path("train-images-idx3-ubyte")), 0);
    ck_assert_int_eq(unlink(scratch_path("train-labels-idx1-ubyte.gz")), 0);
    ck_assert_int_gt(scratch_fail_each("the test alone", scenario_mnist), 30);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("idx");
    TCase *tests = tcase_create("idx");
    tcase_add_checked_fixture(tests, scratch_begin, scratch_end);
    tcase_add_test(tests, idx_types);
    tcase_add_test(tests, idx_errors);
    tcase_add_test(tests, idx_damaged);
    tcase_add_test(tests, mnist);
    tcase_add_test(tests, out_of_memory);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
