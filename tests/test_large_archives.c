/* NPZ files beyond 4 GiB, whose numbers need 64 bits. They are written with holes in place of zeros. */
#define _GNU_SOURCE /* syscall, ftruncate */
#include "support/scratch.h"
#include "support/suite.h"
#include "support/values.h"

#include "io/npz.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* In front of the C library's: long runs of zeros are not written but left out. */
ssize_t write(int descriptor, const void *data, size_t bytes)
{
    static const char zeros[1 << 18];
    if (bytes != sizeof zeros || memcmp(data, zeros, bytes) != 0)
        return (ssize_t)syscall(SYS_write, descriptor, data, bytes);
    return lseek(descriptor, (off_t)bytes, SEEK_CUR) < 0 ? -1 : (ssize_t)bytes;
}

static void add(bg_archive *archive, const char *name, bg_shape shape, void *data)
{
    bg_tensor *tensor;
    OK(bg_tensor_wrap(&tensor, scratch_engine(), BG_U8, shape, data));
    OK(bg_archive_add(archive, name, tensor));
    bg_tensor_destroy(tensor);
}

static void expect_layout(const char *path, const char *name, bg_shape shape)
{
    bgi_npy_layout layout;
    bgi_zip zip;
    OK(bgi_zip_open(&zip, scratch_engine(), "test", path));
    const bgi_zip_member *member = bgi_npz_find(&zip, name);
    ck_assert_ptr_nonnull(member);
    OK(bgi_npz_layout(&layout, &zip, member));
    ck_assert_msg(bg_shape_equal(layout.shape, shape), "%s", name);
    bgi_zip_close(&zip);
}

/* A small array, one whose size needs 64 bits, and one whose place does. */
START_TEST(beyond_32_bits)
{
    const int64_t rows = 1 << 16, columns = (1 << 16) + 1;
    size_t bytes = (size_t)(rows * columns);
    unsigned char *zeros = mmap(NULL, bytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    ck_assert(zeros != MAP_FAILED);
    bg_archive *archive;
    OK(bg_archive_create(&archive, scratch_engine()));
    unsigned char few[] = { 1, 2, 3 };
    add(archive, "few", BG_SHAPE(3), few);
    add(archive, "many", BG_SHAPE(rows, columns), zeros);
    add(archive, "behind", BG_SHAPE(1, 3), few);
    const char *path = scratch_path("large.npz");
    OK(bg_npz_save(archive, path, NULL));
    expect_layout(path, "few", BG_SHAPE(3));
    expect_layout(path, "many", BG_SHAPE(rows, columns));
    expect_layout(path, "behind", BG_SHAPE(1, 3));
    bg_archive_destroy(archive);
    ck_assert_int_eq(munmap(zeros, bytes), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("large archives");
    TCase *tests = tcase_create("large archives");
    tcase_add_checked_fixture(tests, scratch_begin, scratch_end);
    tcase_add_test(tests, beyond_32_bits);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
