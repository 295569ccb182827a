/* Images and labels in IDX files and in those of CIFAR that are not read into memory: the same data as if they were. */
#define _POSIX_C_SOURCE 200809L
#include "support/counting.h"
#include "support/same_data.h"
#include "support/scratch.h"
#include "support/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CIFAR_PIXELS = 3 * 32 * 32 };

static unsigned char byte_at(size_t i) { return (unsigned char)(i * 37 + i / 256 * 11 + i / 65536); }

/* ---- IDX ---- */

static const char *write_images(const char *name, unsigned n, unsigned rows, unsigned columns)
{
    size_t count = 16 + (size_t)n * rows * columns;
    unsigned char *file = calloc(count, 1);
    const unsigned extents[] = { n, rows, columns };
    file[2] = 8;
    file[3] = 3;
    for (int i = 0; i < 12; i++)
        file[4 + i] = (unsigned char)(extents[i / 4] >> (24 - i % 4 * 8));
    for (size_t i = 16; i < count; i++)
        file[i] = byte_at(i);
    const char *path = scratch_write(name, file, count);
    free(file);
    return path;
}

/* Classes from 0 to most - 1. */
static const char *write_labels(const char *name, unsigned n, unsigned most)
{
    size_t count = 8 + (size_t)n;
    unsigned char *file = calloc(count, 1);
    file[2] = 8;
    file[3] = 1;
    for (int i = 0; i < 4; i++)
        file[4 + i] = (unsigned char)(n >> (24 - i % 4 * 8));
    for (size_t i = 0; i < n; i++)
        file[8 + i] = (unsigned char)(i * 7 % most);
    const char *path = scratch_write(name, file, count);
    free(file);
    return path;
}

static bg_status read_images(bg_dataset **dataset, const char *images, const char *labels, bg_dtype dtype, bool streams)
{
    return bg_data_read_images(dataset, scratch_engine(), images, labels,
                               &(bg_data_options){ .dtype = dtype, .streams = streams });
}

/* Many that fit a piece, one that does not, and none at all. */
START_TEST(images)
{
    static const unsigned cases[][3] = { { 3000, 4, 7 }, { 5, 300, 301 }, { 2, 128, 128 }, { 300, 1, 1 },
                                         { 1, 28, 28 },  { 0, 28, 28 },   { 4, 0, 3 } };
    int files = open_files();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (bg_dtype dtype = BG_F32; dtype <= BG_F64; dtype++) {
            char name[40];
            snprintf(name, sizeof name, "%u of %u x %u", cases[i][0], cases[i][1], cases[i][2]);
            const char *x = write_images("images", cases[i][0], cases[i][1], cases[i][2]);
            const char *y = write_labels("labels", cases[i][0], i == 0 ? 256 : 3);
            bg_dataset *streamed, *loaded;
            OK(read_images(&streamed, x, y, dtype, true));
            OK(read_images(&loaded, x, y, dtype, false));
            expect_same_data(streamed, loaded, name);
            bg_dataset_destroy(loaded);
            bg_dataset_destroy(streamed);
        }
    ck_assert_int_eq(open_files(), files);
}
END_TEST

static bg_status read_mnist(bg_dataset **train, bg_dataset **test, bool streams)
{
    return bg_data_read_mnist(train, test, scratch_engine(), scratch_path(""),
                              &(bg_data_options){ .streams = streams });
}

static void expect_same_folder(const char *name)
{
    bg_dataset *parts[2][2];
    for (int streams = 0; streams < 2; streams++)
        OK(read_mnist(&parts[streams][0], &parts[streams][1], streams == 1));
    for (int part = 0; part < 2; part++) {
        expect_same_data(parts[1][part], parts[0][part], name);
        bg_dataset_destroy(parts[0][part]);
        bg_dataset_destroy(parts[1][part]);
    }
}

START_TEST(mnist)
{
    (void)write_images("t10k-images-idx3-ubyte", 55, 3, 5);
    (void)write_labels("t10k-labels-idx1-ubyte", 55, 7);
    expect_same_folder("test files alone");
    (void)write_images("train-images.idx3-ubyte", 120, 3, 5);
    (void)write_labels("train-labels.idx1-ubyte", 120, 13);
    expect_same_folder("all files");
}
END_TEST

START_TEST(refused_images)
{
    int files = open_files();
    bg_dataset *dataset, *test;
    char x[600];
    snprintf(x, sizeof x, "%s", write_images("images", 9, 2, 2));
    FAILS(read_images(&dataset, x, write_labels("labels", 8, 3), BG_F32, true), BG_ERR_FORMAT,
          "images has 9 images, but there are 8 labels");
    FAILS(read_images(&dataset, x, x, BG_F32, true), BG_ERR_FORMAT,
          "images: u8 [9, 2, 2] where u8 labels [n] should be");
    FAILS(read_images(&dataset, scratch_path("labels"), x, BG_F32, true), BG_ERR_FORMAT,
          "labels: u8 [8] where u8 images [n, rows, columns] should be");
    FAILS(read_images(&dataset, x, scratch_path("none"), BG_F32, true), BG_ERR_IO, "none: cannot open");
    FAILS(read_images(&dataset, x, scratch_path(""), BG_F32, true), BG_ERR_IO, "");
    ck_assert_int_eq(truncate(x, 30), 0);
    FAILS(read_images(&dataset, x, scratch_path("labels"), BG_F32, true), BG_ERR_FORMAT,
          "images: offset 16: [9, 2, 2] has 36 bytes of elements, the file has 14");
    size_t count;
    unsigned char *bytes = scratch_read(write_labels("labels", 9, 3), &count);
    const char *packed = scratch_write_gz("labels.gz", bytes, count);
    free(bytes);
    FAILS(read_images(&dataset, write_images("images", 9, 2, 2), packed, BG_F32, true), BG_ERR_ARGUMENT,
          "labels.gz: compressed, so that no example lies in one place");
    ck_assert_ptr_null(dataset);
    /* The parts of a folder that were opened before the one that is refused. */
    (void)write_images("t10k-images-idx3-ubyte", 5, 2, 2);
    (void)write_labels("t10k-labels-idx1-ubyte", 5, 3);
    (void)write_images("train-images-idx3-ubyte", 5, 2, 2);
    (void)write_labels("train-labels-idx1-ubyte", 4, 3);
    FAILS(read_mnist(&dataset, &test, true), BG_ERR_FORMAT, "5 images, but there are 4 labels");
    ck_assert(!dataset && !test);
    ck_assert_int_eq(open_files(), files);
}
END_TEST

/* What is refused in memory is refused here, and for the same reason. */
static void expect_same_verdict(const char *x, const char *y, const char *what)
{
    bg_dataset *dataset;
    char message[600] = "";
    bg_status expected = read_images(&dataset, x, y, BG_F32, false);
    if (expected)
        snprintf(message, sizeof message, "%s", bg_last_error());
    bg_dataset_destroy(dataset);
    bg_status status = read_images(&dataset, x, y, BG_F32, true);
    ck_assert_msg(status == expected, "%s: %s, in memory %s", what, bg_status_name(status), bg_status_name(expected));
    if (expected)
        ck_assert_str_eq(bg_last_error(), message);
    bg_dataset_destroy(dataset);
}

/* Files cut short at each byte, and each bit of their heads turned. */
START_TEST(damaged_images)
{
    enum { IMAGES = 5 };
    char paths[2][600], what[80];
    snprintf(paths[0], sizeof paths[0], "%s", write_images("images", IMAGES, 2, 3));
    snprintf(paths[1], sizeof paths[1], "%s", write_labels("labels", IMAGES, 3));
    for (int file = 0; file < 2; file++) {
        size_t count, head = file ? 8 : 16;
        const char *name = file ? "labels" : "images";
        unsigned char *bytes = scratch_read(paths[file], &count);
        for (size_t cut = 0; cut <= count; cut++) {
            snprintf(what, sizeof what, "%s cut at %zu", name, cut);
            (void)scratch_write(name, bytes, cut);
            expect_same_verdict(paths[0], paths[1], what);
        }
        for (size_t bit = 0; bit < head * 8; bit++) {
            snprintf(what, sizeof what, "bit %zu of %s", bit, name);
            bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
            (void)scratch_write(name, bytes, count);
            bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
            expect_same_verdict(paths[0], paths[1], what);
        }
        (void)scratch_write(name, bytes, count);
        free(bytes);
    }
}
END_TEST

/* A file that becomes shorter while it is open. */
START_TEST(cut_images)
{
    bg_dataset *dataset;
    float pixels[4 * 4];
    int64_t classes[4];
    const char *x = write_images("images", 9, 2, 2), *y = write_labels("labels", 9, 3);
    OK(read_images(&dataset, x, y, BG_F32, true));
    ck_assert_int_eq(truncate(x, 16 + 4 * 4), 0);
    OK(bg_dataset_read(dataset, (const int64_t[]){ 0, 1, 2, 3 }, 4, (void *[]){ pixels, classes }));
    FAILS(bg_dataset_read(dataset, (const int64_t[]){ 2, 3, 4 }, 3, (void *[]){ pixels, NULL }), BG_ERR_IO,
          "images: the file became shorter while it was read");
    OK(bg_dataset_read(dataset, (const int64_t[]){ 8, 0 }, 2, (void *[]){ NULL, classes }));
    ck_assert(classes[0] == 8 * 7 % 3 && classes[1] == 0);
    bg_dataset_destroy(dataset);
}
END_TEST

/* ---- CIFAR ---- */

/* Records with labels of these numbers of classes; one of 0 is none. */
static const char *write_records(const char *name, int n, int first_classes, int second_classes)
{
    size_t labels = second_classes ? 2 : 1, record = labels + CIFAR_PIXELS;
    unsigned char *file = calloc((size_t)n, record);
    for (size_t i = 0; i < (size_t)n; i++) {
        file[i * record] = (unsigned char)((int)(i * 11) % first_classes);
        if (second_classes)
            file[i * record + 1] = (unsigned char)((int)(i * 13) % second_classes);
        for (size_t k = 0; k < CIFAR_PIXELS; k++)
            file[i * record + labels + k] = byte_at(i * 5 + k);
    }
    const char *path = scratch_write(name, file, (size_t)n * record);
    free(file);
    return path;
}

static bg_status read_cifar(bg_dataset **train, bg_dataset **test, bg_data_options options, bool streams)
{
    options.streams = streams;
    return bg_data_read_cifar(train, test, scratch_engine(), scratch_path(""), &options);
}

static void expect_same_cifar(bg_data_options options, const char *name)
{
    bg_dataset *parts[2][2];
    for (int streams = 0; streams < 2; streams++)
        OK(read_cifar(&parts[streams][0], &parts[streams][1], options, streams == 1));
    for (int part = 0; part < 2; part++) {
        expect_same_data(parts[1][part], parts[0][part], name);
        bg_dataset_destroy(parts[0][part]);
        bg_dataset_destroy(parts[1][part]);
    }
}

START_TEST(cifar)
{
    int files = open_files();
    (void)write_records("train.bin", 70, 20, 100);
    (void)write_records("test.bin", 9, 20, 100);
    expect_same_cifar((bg_data_options){ 0 }, "fine");
    expect_same_cifar((bg_data_options){ .with_coarse_labels = true, .dtype = BG_F64 }, "coarse");
    for (int i = 1; i <= 5; i++) {
        char name[40];
        snprintf(name, sizeof name, "data_batch_%d.bin", i);
        (void)write_records(name, 11 * i, 10, 0);
    }
    (void)write_records("test_batch.bin", 1, 10, 0);
    expect_same_cifar((bg_data_options){ 0 }, "CIFAR-10");
    ck_assert_int_eq(open_files(), files);
}
END_TEST

START_TEST(refused_records)
{
    int files = open_files();
    bg_dataset *train, *test;
    (void)write_records("train.bin", 30, 20, 100);
    (void)write_records("test.bin", 30, 21, 100);
    /* The coarse label of record 19 is 20; also where it is not the one that is learned. */
    for (int is_coarse = 0; is_coarse < 2; is_coarse++)
        FAILS(read_cifar(&train, &test, (bg_data_options){ .with_coarse_labels = is_coarse == 1 }, true), BG_ERR_FORMAT,
              "test.bin: offset 58406: label 20, where CIFAR-100 has 0 to 19");
    ck_assert_int_eq(truncate(scratch_path("test.bin"), 3000), 0);
    FAILS(read_cifar(&train, &test, (bg_data_options){ 0 }, true), BG_ERR_FORMAT,
          "test.bin: 3000 bytes are no whole number of records");
    ck_assert_int_eq(unlink(scratch_path("test.bin")), 0);
    FAILS(read_cifar(&train, &test, (bg_data_options){ 0 }, true), BG_ERR_IO, "test.bin: cannot open");
    ck_assert(!train && !test);
    ck_assert_int_eq(open_files(), files);
}
END_TEST

/* ---- Memory ---- */

static bg_status open_all(void)
{
    bg_dataset *parts[5] = { NULL };
    bg_status status = read_images(&parts[0], scratch_path("t10k-images-idx3-ubyte"),
                                   scratch_path("t10k-labels-idx1-ubyte"), BG_F32, true);
    if (!status)
        status = read_mnist(&parts[1], &parts[2], true);
    if (!status)
        status = read_cifar(&parts[3], &parts[4], (bg_data_options){ 0 }, true);
    for (int i = 0; i < 5; i++)
        bg_dataset_destroy(parts[i]);
    return status;
}

START_TEST(memory_that_runs_out)
{
    (void)write_images("t10k-images-idx3-ubyte", 25, 2, 2);
    (void)write_labels("t10k-labels-idx1-ubyte", 25, 3);
    (void)write_records("train.bin", 3, 20, 100);
    (void)write_records("test.bin", 1, 20, 100);
    int files = open_files();
    ck_assert_int_ge(scratch_fail_each("streams of bytes", open_all), 30);
    ck_assert_int_eq(open_files(), files);
}
END_TEST

/* Beyond the size of the files no more than what is promised of any reader. */
START_TEST(held_memory)
{
    static const unsigned sizes[] = { 0, 10, 1000, 3000, 50000 };
    scratch_memory *memory = scratch_memory_state();
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        unsigned n = sizes[i];
        const char *x = write_images("images", n, 1, 1), *y = write_labels("labels", n, 3);
        bg_dataset *dataset;
        size_t held = memory->most = memory->held;
        OK(read_images(&dataset, x, y, BG_F64, true));
        ck_assert_msg(memory->most - held <= 2 * n + 24 + (1 << 16), "%u images: %zu bytes were held", n,
                      memory->most - held);
        bg_dataset_destroy(dataset);
    }
}
END_TEST

/* Of a file with a hole of 4 GiB no more is held than a piece. */
START_TEST(larger_than_memory)
{
    enum { SIDE = 1 << 11, COUNT = 1 << 10 };
    const char *y = write_labels("labels", COUNT, 5);
    static const unsigned char head[16] = { 0, 0, 8, 3, 0, 0, COUNT >> 8, 0, 0, 0, SIDE >> 8, 0, 0, 0, SIDE >> 8, 0 };
    const char *x = scratch_write("images", head, sizeof head);
    if (truncate(x, 16 + (off_t)COUNT * SIDE * SIDE))
        return; /* a file system without holes */
    bg_dataset *dataset, *train, *test;
    scratch_memory_state()->most = 0;
    OK(read_images(&dataset, x, y, BG_F32, true));
    OK(bg_dataset_split_stratified(&train, &test, dataset, 1000, 3));
    ck_assert_uint_lt(scratch_memory_state()->most, 1 << 20);
    ck_assert_int_eq(bg_dataset_classes(test), 5);
    bg_dataset_destroy(test);
    bg_dataset_destroy(train);
    bg_dataset_destroy(dataset);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("byte_streams");
    TCase *tests = tcase_create("byte_streams");
    tcase_add_checked_fixture(tests, scratch_begin, scratch_end);
    tcase_add_test(tests, images);
    tcase_add_test(tests, mnist);
    tcase_add_test(tests, refused_images);
    tcase_add_test(tests, damaged_images);
    tcase_add_test(tests, cut_images);
    tcase_add_test(tests, cifar);
    tcase_add_test(tests, refused_records);
    tcase_add_test(tests, memory_that_runs_out);
    tcase_add_test(tests, held_memory);
    tcase_add_test(tests, larger_than_memory);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
