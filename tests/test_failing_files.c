/* Files of arrays on a disk that fails: each read and write of them, one at a time. */
#define _GNU_SOURCE /* syscall */
#include "support/scratch.h"
#include "support/suite.h"
#include "support/values.h"

#include <errno.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

/* These stand in front of the C library's: call number fail_at from now fails. */
static long calls, fail_at;
static bool fails(void)
{
    errno = EIO;
    return ++calls == fail_at;
}

ssize_t pread(int descriptor, void *data, size_t bytes, off_t offset)
{
    return fails() ? -1 : (ssize_t)syscall(SYS_pread64, descriptor, data, bytes, offset);
}

ssize_t pwrite(int descriptor, const void *data, size_t bytes, off_t offset)
{
    return fails() ? -1 : (ssize_t)syscall(SYS_pwrite64, descriptor, data, bytes, offset);
}

ssize_t write(int descriptor, const void *data, size_t bytes)
{
    return fails() ? -1 : (ssize_t)syscall(SYS_write, descriptor, data, bytes);
}

/* Runs a scenario with each of its calls failing; returns how many there are. */
static long fail_each(const char *name, bg_status (*scenario)(void))
{
    int files = scratch_files();
    bg_status status = BG_ERR_IO;
    long n = 0;
    while (status) {
        calls = 0;
        fail_at = ++n;
        status = scenario();
        fail_at = 0;
        if (status)
            expect_failure(status, BG_ERR_IO, "Input/output error", name);
        else
            ck_assert_msg(calls < n, "%s: the failure of call %ld had no effect", name, n);
        ck_assert_int_eq(scratch_files(), files);
    }
    return n - 1;
}

static bg_tensor *turned;
static bg_archive *archive;

static bg_status save_npy(void) { return bg_npy_save(turned, scratch_path("a.npy")); }
static bg_status load_npy(void)
{
    bg_tensor *tensor;
    bg_status status = bg_npy_load(&tensor, scratch_engine(), scratch_path("a.npy"));
    ck_assert((status == BG_OK) == (tensor != NULL));
    bg_tensor_destroy(tensor);
    return status;
}

static bg_npz_options options;
static bg_status save_npz(void) { return bg_npz_save(archive, scratch_path("a.npz"), &options); }
static bg_status load_npz(void)
{
    bg_archive *loaded;
    bg_status status = bg_npz_load(&loaded, scratch_engine(), scratch_path("a.npz"), NULL);
    ck_assert((status == BG_OK) == (loaded != NULL));
    bg_archive_destroy(loaded);
    return status;
}

static bg_status read_arrays(void)
{
    bg_dataset *dataset;
    const char *y = scratch_path("a.npy");
    bg_status status = bg_data_read_arrays(&dataset, scratch_engine(), y, &(bg_data_options){ .target_file = y });
    ck_assert((status == BG_OK) == (dataset != NULL));
    bg_dataset_destroy(dataset);
    return status;
}

static bg_status read_cifar(void)
{
    bg_dataset *train, *test;
    bg_status status = bg_data_read_cifar(&train, &test, scratch_engine(), scratch_path(""), NULL);
    ck_assert((status == BG_OK) == (train != NULL) && (status == BG_OK) == (test != NULL));
    bg_dataset_destroy(train);
    bg_dataset_destroy(test);
    return status;
}

static void make_arrays(void)
{
    bg_tensor *tensor;
    OK(bg_tensor_create(&tensor, scratch_engine(), BG_F32, BG_SHAPE(300, 400)));
    OK(bg_tensor_permute(&turned, tensor, BG_AXES(1, 0)));
    uint32_t state = 1; /* noise, which does not become much shorter */
    for (int i = 0; i < 300 * 400; i++)
        ((float *)bg_tensor_data(tensor))[i] = (float)(state = state * 1664525 + 1013904223);
    OK(bg_archive_create(&archive, scratch_engine()));
    OK(bg_archive_add(archive, "a", turned));
    OK(bg_archive_add(archive, "b", tensor));
    bg_tensor_destroy(tensor);
}

/* Files that stand there in place of those that a scenario writes: their number does not change. */
static void put_files(void)
{
    static unsigned char records[40 * 3074];
    static const char *const names[] = { "a.npy", "a.npz", "train.bin", "test.bin" };
    for (int i = 0; i < 4; i++)
        scratch_write(names[i], records, i < 2 ? 1 : sizeof records);
}

START_TEST(every_call)
{
    put_files();
    make_arrays();
    ck_assert_int_eq(fail_each("save NPY", save_npy), 2);
    ck_assert_int_eq(fail_each("load NPY", load_npy), 3);
    for (int deflated = 0; deflated < 2; deflated++) {
        options.with_deflate = deflated;
        ck_assert_int_ge(fail_each("save NPZ", save_npz), 17);
        ck_assert_int_ge(fail_each("load NPZ", load_npz), 12);
    }
    ck_assert_int_ge(fail_each("arrays", read_arrays), 7);
    ck_assert_int_ge(fail_each("CIFAR", read_cifar), 6);
    bg_tensor_destroy(turned);
    bg_archive_destroy(archive);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("failing files");
    TCase *tests = tcase_create("failing files");
    tcase_add_checked_fixture(tests, scratch_begin, scratch_end);
    tcase_add_test(tests, every_call);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
