/* Arrays in NPY files that are not read into memory: the same data sets as if they were. */
#define _POSIX_C_SOURCE 200809L
#include "support/counting.h"
#include "support/same_data.h"
#include "support/scratch.h"
#include "support/suite.h"
#include "support/values.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

/* ---- Files ---- */

/* An NPY file of elements as they stand in `bytes`. */
static const char *write_array(const char *name, const char *descr, const char *order, const char *shape,
                               const void *bytes, size_t count)
{
    enum { HEAD = 128, ROOM = 1 << 17 };
    static char file[ROOM];
    ck_assert_uint_le(HEAD + count, ROOM);
    memset(file, ' ', HEAD);
    memcpy(file, "\x93NUMPY\1\0\x76\0", 10);
    int length =
        snprintf(file + 10, HEAD - 10, "{'descr': '%s', 'fortran_order': %s, 'shape': (%s), }", descr, order, shape);
    file[10 + length] = ' ';
    file[HEAD - 1] = '\n';
    memcpy(file + HEAD, bytes, count);
    return scratch_write(name, file, HEAD + count);
}

static bg_status read_arrays(bg_dataset **dataset, const char *path, bg_data_options options, bool streams)
{
    options.streams = streams;
    return bg_data_read_arrays(dataset, scratch_engine(), path, &options);
}

/* ---- What is the same ---- */

/* All types of elements in both byte orders, as inputs and as targets, whole pieces and parts of them. */
START_TEST(elements)
{
    static const char *const types[] = { "|b1", "|i1", "|u1", "<i2", ">i2", "<u2", ">u2", "<i4", ">i4", "<u4", ">u4",
                                         "<i8", ">i8", "<u8", ">u8", "<f2", ">f2", "<f4", ">f4", "<f8", ">f8" };
    enum { EXAMPLES = 300, PLACES = 35, COUNT = EXAMPLES * PLACES };
    static unsigned char bytes[COUNT * 8];
    int files = open_files();
    for (size_t t = 0; t < sizeof types / sizeof *types; t++) {
        size_t size = (size_t)(types[t][2] - '0');
        bool is_float = types[t][1] == 'f', is_big = types[t][0] == '>';
        for (size_t i = 0; i < COUNT * size; i++) {
            size_t place = is_big ? size - 1 - i % size : i % size; /* 0: the lowest byte */
            unsigned char byte = (unsigned char)(i * 37 + i / 256);
            /* Floating-point numbers stay finite, bools are 0 and 1, and of whole numbers all are classes. */
            if (is_float)
                byte = place == size - 1 ? 0x3C : byte;
            else
                byte = types[t][1] == 'b' ? byte & 1 : place == 0 ? byte & 0x7F : 0;
            bytes[i] = byte;
        }
        for (int way = 0; way < 4; way++) {
            bg_data_options options = { .dtype = way & 1 ? BG_F64 : BG_F32,
                                        .with_classes = way & 2 && !is_float,
                                        .without_classes = !(way & 2) };
            const char *x = write_array("x.npy", types[t], "False", "300, 5, 7", bytes, COUNT * size);
            options.target_file = write_array("y.npy", types[t], way ? "False" : "True", way & 2 ? "300, 2" : "300,",
                                              bytes, EXAMPLES * size * (way & 2 ? 2 : 1));
            bg_dataset *streamed, *loaded;
            OK(read_arrays(&streamed, x, options, true));
            OK(read_arrays(&loaded, x, options, false));
            expect_same_data(streamed, loaded, types[t]);
            bg_dataset_destroy(loaded);
            bg_dataset_destroy(streamed);
        }
    }
    ck_assert_int_eq(open_files(), files);
}
END_TEST

/* Column-major elements become rows of numbers as they become those of a tensor. */
START_TEST(turned_elements)
{
    static const char *const cases[] = { "4095, 1",    "1, 4095",    "63, 65", "9, 5, 7, 13",
                                         "3, 1, 1365", "1, 1, 4095", "4095," };
    enum { COUNT = 4095 };
    static int32_t numbers[COUNT];
    for (int i = 0; i < COUNT; i++)
        numbers[i] = i * i % 10007;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *x = write_array("x.npy", "<i4", "True", cases[i], numbers, sizeof numbers);
        bg_tensor *tensor;
        bg_dataset *dataset;
        OK(bg_npy_load(&tensor, scratch_engine(), x));
        OK(read_arrays(&dataset, x, (bg_data_options){ .dtype = BG_F64 }, false));
        for (int k = 0; k < COUNT; k++)
            ck_assert_msg(x_of(dataset, k) == value_at(tensor, k), "(%s): element %d", cases[i], k);
        bg_dataset_destroy(dataset);
        bg_tensor_destroy(tensor);
    }
}
END_TEST

START_TEST(shapes)
{
    static const struct {
        const char *shape;
        int64_t count;
    } cases[] = {
        { "6,", 6 },   { "6, 1", 6 }, { "2, 3", 6 },    { "0,", 0 },         { "0, 4", 0 },
        { "3, 0", 0 }, { "1, 6", 6 }, { "3, 2, 1", 6 }, { "1, 1, 1, 6", 6 }, { "2, 1, 1, 1, 1, 1, 1, 3", 6 }
    };
    static const float numbers[] = { 1, -2, 3.5F, 0, 1e30F, 6 };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *x = write_array("x.npy", "<f4", "False", cases[i].shape, numbers, (size_t)cases[i].count * 4);
        bg_dataset *streamed, *loaded;
        OK(read_arrays(&streamed, x, (bg_data_options){ .dtype = BG_F64 }, true));
        OK(read_arrays(&loaded, x, (bg_data_options){ .dtype = BG_F64 }, false));
        expect_same_data(streamed, loaded, cases[i].shape);
        bg_dataset_destroy(loaded);
        bg_dataset_destroy(streamed);
    }
}
END_TEST

/* ---- What is refused ---- */

START_TEST(refused_files)
{
    static const float numbers[] = { 1, 2, 3, 4, 5, 6 };
    static const int32_t classes[] = { 0, 1, -1, 2, 16777216, 1 };
    bg_dataset *dataset;
    int files = open_files();
    const bg_data_options none = { .dtype = BG_F32 };
    const char *x = write_array("x.npy", "<f4", "False", "2, 3", numbers, sizeof numbers);
    const char *turned = write_array("turned.npy", "<f4", "True", "2, 3", numbers, sizeof numbers);
    FAILS(read_arrays(&dataset, turned, none, true), BG_ERR_FORMAT, "turned.npy: the array is column-major");
    const char *scalar = write_array("scalar.npy", "<f4", "False", "", numbers, 4);
    FAILS(read_arrays(&dataset, scalar, none, true), BG_ERR_FORMAT, "scalar.npy: a scalar");
    const char *more = write_array("more.npy", "<i4", "False", "6,", classes, sizeof classes);
    FAILS(read_arrays(&dataset, x, (bg_data_options){ .target_file = more }, true), BG_ERR_FORMAT,
          "more.npy: [6] are not as many targets as there are inputs, [2, 3]");
    const char *y = write_array("y.npy", "<i4", "False", "2,", classes + 2, 8);
    FAILS(read_arrays(&dataset, x, (bg_data_options){ .target_file = y }, true), BG_ERR_FORMAT,
          "y.npy: element 0 is -1, no class");
    y = write_array("y.npy", "<i4", "False", "2,", classes + 3, 8);
    FAILS(read_arrays(&dataset, x, (bg_data_options){ .target_file = y }, true), BG_ERR_FORMAT,
          "y.npy: element 1 is 16777216, no class");
    FAILS(read_arrays(&dataset, x, (bg_data_options){ .target_file = turned, .with_classes = true }, true),
          BG_ERR_FORMAT, "column-major");
    FAILS(read_arrays(&dataset, x, (bg_data_options){ .target_file = x, .with_classes = true }, true), BG_ERR_FORMAT,
          "x.npy: classes are integers, but these are f32");
    FAILS(read_arrays(&dataset, scratch_path("none.npy"), none, true), BG_ERR_IO, "none.npy: cannot open");
    FAILS(read_arrays(&dataset, x, (bg_data_options){ .target_file = scratch_path("none.npy") }, true), BG_ERR_IO,
          "none.npy: cannot open");
    FAILS(read_arrays(&dataset, scratch_write("short.npy", "\x93NUMPY\1\0\x76\0", 10), none, true), BG_ERR_FORMAT,
          "offset 8: a header of 118 bytes is announced; 0 bytes follow");
    bg_archive *archive;
    OK(bg_archive_create(&archive, scratch_engine()));
    OK(bg_npz_save(archive, scratch_path("x.npz"), NULL));
    bg_archive_destroy(archive);
    FAILS(read_arrays(&dataset, scratch_path("x.npz"), none, true), BG_ERR_ARGUMENT,
          "the arrays of an NPZ file are read as a whole");
    ck_assert_ptr_null(dataset);
    ck_assert_int_eq(open_files(), files);
}
END_TEST

/* Elements are checked when they are read, and named by their place in the file. */
START_TEST(refused_elements)
{
    static const double wrong[] = { 1, 2, 3, 1e300, 5, 6, NAN, 8 };
    static const unsigned char bools[] = { 0, 1, 1, 0, 1, 2 };
    static const uint64_t large[] = { 1, 2, UINT64_C(1) << 63 };
    bg_dataset *dataset;
    float x[2];
    double d[2];
    OK(read_arrays(&dataset, write_array("x.npy", "<f8", "False", "4, 2", wrong, sizeof wrong),
                   (bg_data_options){ .dtype = BG_F32 }, true));
    const int64_t good[] = { 2 }, bad[] = { 1 }, worse[] = { 3 };
    OK(bg_dataset_read(dataset, good, 1, (void *[]){ x }));
    ck_assert(x[0] == 5 && x[1] == 6);
    FAILS(bg_dataset_read(dataset, bad, 1, (void *[]){ x }), BG_ERR_FORMAT,
          "x.npy: element 3 is 1e+300, no finite number of f32");
    FAILS(bg_dataset_read(dataset, worse, 1, (void *[]){ x }), BG_ERR_FORMAT, "element 6 is nan");
    bg_dataset_destroy(dataset);
    OK(read_arrays(&dataset, scratch_path("x.npy"), (bg_data_options){ .dtype = BG_F64 }, true));
    OK(bg_dataset_read(dataset, bad, 1, (void *[]){ d }));
    FAILS(bg_dataset_read(dataset, worse, 1, (void *[]){ d }), BG_ERR_FORMAT, "element 6 is nan");
    bg_dataset_destroy(dataset);
    OK(read_arrays(&dataset, write_array("x.npy", "|b1", "False", "3, 2", bools, sizeof bools),
                   (bg_data_options){ .dtype = BG_F32 }, true));
    FAILS(bg_dataset_read(dataset, good, 1, (void *[]){ x }), BG_ERR_FORMAT, "x.npy: element 5 is the bool 2");
    bg_dataset_destroy(dataset);
    OK(read_arrays(&dataset, write_array("x.npy", "<u8", "False", "3,", large, sizeof large),
                   (bg_data_options){ .dtype = BG_F32 }, true));
    FAILS(bg_dataset_read(dataset, good, 1, (void *[]){ x }), BG_ERR_FORMAT, "element 2 is 9223372036854775808");
    bg_dataset_destroy(dataset);
}
END_TEST

/* ---- Training ---- */

static bg_node *network(bg_model *m, bg_node *x, void *user)
{
    (void)user;
    return bg_dense(m, "out", x, 2);
}

static bg_trainer *make_trainer(bg_model **model)
{
    bg_trainer *trainer;
    OK(bg_model_create(model, scratch_engine(), BG_F32));
    OK(bg_trainer_create(&trainer, *model,
                         &(bg_trainer_options){ .network = network,
                                                .loss = bg_cross_entropy_loss,
                                                .optimizer = bg_sgd(0.01, 0),
                                                .batch = 16,
                                                .epochs = 1,
                                                .call_every = 1 }));
    return trainer;
}

static bool cut_file(bg_trainer *trainer, const bg_progress *progress, void *user)
{
    (void)trainer;
    if (progress->step == 3)
        ck_assert_int_eq(truncate(user, 2000), 0);
    return true;
}

/* The file becomes shorter while it trains a network: the fit ends, and says where the file does. */
START_TEST(cut_while_training)
{
    static float numbers[200 * 8];
    static unsigned char labels[200];
    for (int i = 0; i < 200; i++)
        labels[i] = i & 1;
    char x[600];
    (void)snprintf(x, sizeof x, "%s", write_array("x.npy", "<f4", "False", "200, 8", numbers, sizeof numbers));
    const char *y = write_array("y.npy", "|u1", "False", "200,", labels, sizeof labels);
    bg_dataset *dataset;
    bg_model *model;
    OK(read_arrays(&dataset, x, (bg_data_options){ .target_file = y }, true));
    bg_trainer *trainer = make_trainer(&model);
    FAILS(bg_trainer_fit(trainer, dataset, NULL, cut_file, x), BG_ERR_IO,
          "x.npy: the file became shorter while it was read: it ends at offset ");
    int64_t step = bg_trainer_progress(trainer).step;
    ck_assert_msg(step >= 3 && step <= 5, "%lld steps", (long long)step);
    bg_trainer_destroy(trainer);
    bg_model_destroy(model);
    bg_dataset_destroy(dataset);
}
END_TEST

static bool stop_soon(bg_trainer *trainer, const bg_progress *progress, void *user)
{
    (void)trainer;
    (void)user;
    return progress->step < 40;
}

/* A file of 64 GiB, most of it a hole, with no more memory than some batches take. */
START_TEST(larger_than_memory)
{
    enum { PLACES = 1024, EXAMPLES = 1 << 24, LIMIT = 8 << 20 };
    static unsigned char labels[2];
    const char *x = write_array("x.npy", "<f4", "False", "16777216, 1024", labels, 0);
    const char *y = write_array("y.npy", "|u1", "False", "16777216,", labels, 0);
    if (truncate(x, 128 + (off_t)EXAMPLES * PLACES * 4) || truncate(y, 128 + (off_t)EXAMPLES))
        return; /* a file system without holes */
    int file = open(y, O_WRONLY);
    ck_assert_int_ge(pwrite(file, "\1", 1, 128 + 77), 1); /* two classes */
    close(file);
    bg_dataset *dataset, *train, *test;
    bg_model *model;
    struct rusage before, after;
    OK(bg_data_read_arrays(&dataset, scratch_engine(), x,
                           &(bg_data_options){ .target_file = y, .streams = true, .with_classes = true }));
    ck_assert_int_eq(bg_dataset_classes(dataset), 2);
    OK(bg_dataset_split(&train, &test, dataset, EXAMPLES - 1000, 3));
    bg_trainer *trainer = make_trainer(&model);
    ck_assert_int_eq(getrusage(RUSAGE_SELF, &before), 0);
    FAILS(bg_trainer_fit(trainer, train, test, stop_soon, NULL), BG_ERR_STOPPED, "after step 40");
    ck_assert_int_eq(getrusage(RUSAGE_SELF, &after), 0);
    ck_assert_msg(scratch_memory_state()->most < LIMIT, "%zu bytes were held at a time", scratch_memory_state()->most);
    ck_assert_int_lt(after.ru_maxrss - before.ru_maxrss, 64 << 10); /* KiB */
    bg_trainer_destroy(trainer);
    bg_model_destroy(model);
    bg_dataset_destroy(test);
    bg_dataset_destroy(train);
    bg_dataset_destroy(dataset);
}
END_TEST

/* ---- Memory ---- */

static const char *x_path, *y_path;

static bg_status open_and_read(void)
{
    bg_dataset *dataset;
    uint64_t hash;
    bg_status status = bg_data_read_arrays(&dataset, scratch_engine(), x_path,
                                           &(bg_data_options){ .target_file = y_path, .streams = true });
    if (!status)
        status = bg_dataset_hash(&hash, dataset);
    bg_dataset_destroy(dataset);
    return status;
}

/* Data that are read as a whole say so. */
START_TEST(other_data)
{
    static const char says[] = "streams, but these data are read as a whole";
    const bg_data_options options = { .streams = true };
    bg_engine *engine = scratch_engine();
    bg_dataset *train, *test;
    FAILS(bg_data_read_text(&train, &test, engine, "t", &options), BG_ERR_ARGUMENT, says);
    FAILS(bg_data_builtin(&train, engine, "digits", &options), BG_ERR_ARGUMENT, says);
}
END_TEST

/* Beyond the size of the files no more than what is promised of any reader. */
START_TEST(held_memory)
{
    static const unsigned char bytes[1 << 16];
    static const int sizes[] = { 1, 10, 1000, 3000, 50000 };
    scratch_memory *memory = scratch_memory_state();
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        char shape[40];
        size_t n = (size_t)sizes[i];
        (void)snprintf(shape, sizeof shape, "%d,", sizes[i]);
        const char *x = write_array("x.npy", "|u1", "False", shape, bytes, n);
        const char *y = write_array("y.npy", "|u1", "False", shape, bytes, n);
        bg_dataset *dataset;
        size_t held = memory->most = memory->held;
        OK(read_arrays(&dataset, x, (bg_data_options){ .target_file = y, .dtype = BG_F64 }, true));
        ck_assert_msg(memory->most - held <= 2 * (n + 128) + (1 << 16), "%zu examples: %zu bytes were held", n,
                      memory->most - held);
        bg_dataset_destroy(dataset);
    }
}
END_TEST

START_TEST(memory_that_runs_out)
{
    static const float numbers[] = { 1, 2, 3, 4, 5, 6 };
    static const unsigned char classes[] = { 1, 0, 2 };
    x_path = write_array("x.npy", "<f4", "False", "3, 2", numbers, sizeof numbers);
    y_path = write_array("y.npy", "|u1", "False", "3,", classes, sizeof classes);
    int files = open_files();
    ck_assert_int_ge(scratch_fail_each("a stream", open_and_read), 10);
    ck_assert_int_eq(open_files(), files);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("streams");
    TCase *tests = tcase_create("streams");
    tcase_add_checked_fixture(tests, scratch_begin, scratch_end);
    tcase_add_test(tests, elements);
    tcase_add_test(tests, turned_elements);
    tcase_add_test(tests, shapes);
    tcase_add_test(tests, refused_files);
    tcase_add_test(tests, refused_elements);
    tcase_add_test(tests, cut_while_training);
    tcase_add_test(tests, larger_than_memory);
    tcase_add_test(tests, other_data);
    tcase_add_test(tests, memory_that_runs_out);
    tcase_add_test(tests, held_memory);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
