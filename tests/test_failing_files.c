/* Files on a disk that fails: each call for them, one at a time. */
#define _GNU_SOURCE /* syscall, off64_t, AT_EMPTY_PATH, gettid */
#include "support/scratch.h"
#include "support/suite.h"
#include "support/values.h"

#include "io/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* These stand in front of the C library's calls, for zlib too. Of the calls that are of one of the chosen kinds, number
 * fail_at from now fails with fail_errno; with errno 0 it does nothing and returns 0, as at the end of a file. */
#define IN_FRONT __attribute__((visibility("default")))
enum { OPEN = 1, STATUS = 2, READ = 4, READ_AT = 8, SEEK = 16, WRITE = 32, SYNC = 64, CLOSE = 128, RENAME = 256 };
enum { EVERY_KIND = 511, KINDS_TO_REPEAT = OPEN | READ_AT | WRITE | SYNC | CLOSE };
static int fail_kinds;
static long calls, fail_at;
static int fail_errno = EIO;
static bool is_sticky; /* all calls from there on */
static bool fails(int kind)
{
    if (!(kind & fail_kinds) || !(++calls == fail_at || (is_sticky && calls > fail_at && fail_at > 0)))
        return false;
    errno = fail_errno;
    return true;
}
static int failure(void) { return fail_errno ? -1 : 0; }

IN_FRONT int openat(int folder, const char *path, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    unsigned mode = va_arg(arguments, unsigned);
    va_end(arguments);
    return fails(OPEN) ? failure() : (int)syscall(SYS_openat, folder, path, flags, mode);
}

IN_FRONT int fstat(int descriptor, struct stat *about)
{
    return fails(STATUS) ? failure() : fstatat(descriptor, "", about, AT_EMPTY_PATH);
}

IN_FRONT ssize_t read(int descriptor, void *data, size_t bytes)
{
    return fails(READ) ? failure() : (ssize_t)syscall(SYS_read, descriptor, data, bytes);
}

IN_FRONT ssize_t pread(int descriptor, void *data, size_t bytes, off_t offset)
{
    return fails(READ_AT) ? failure() : (ssize_t)syscall(SYS_pread64, descriptor, data, bytes, offset);
}

/* zlib asks where it is without need. */
IN_FRONT off64_t lseek64(int descriptor, off64_t offset, int whence)
{
    return (whence == SEEK_SET || offset != 0) && fails(SEEK) ? failure()
                                                              : (off64_t)syscall(SYS_lseek, descriptor, offset, whence);
}

IN_FRONT ssize_t pwrite(int descriptor, const void *data, size_t bytes, off_t offset)
{
    return fails(WRITE) ? failure() : (ssize_t)syscall(SYS_pwrite64, descriptor, data, bytes, offset);
}

IN_FRONT ssize_t write(int descriptor, const void *data, size_t bytes)
{
    return fails(WRITE) ? failure() : (ssize_t)syscall(SYS_write, descriptor, data, bytes);
}

IN_FRONT int fsync(int descriptor) { return fails(SYNC) ? failure() : (int)syscall(SYS_fsync, descriptor); }

/* The descriptor is gone in any case. That of what was only read may fail. */
IN_FRONT int close(int descriptor)
{
    bool is_written = (fcntl(descriptor, F_GETFL) & O_ACCMODE) == O_WRONLY;
    int result = (int)syscall(SYS_close, descriptor);
    return is_written && fails(CLOSE) ? failure() : result;
}

IN_FRONT int renameat(int from_folder, const char *from, int to_folder, const char *to)
{
    return fails(RENAME) ? failure() : (int)syscall(SYS_renameat, from_folder, from, to_folder, to);
}

/* Runs a scenario with each call of some kinds failing; returns how many there are. The message has `part`, or the
 * scenario succeeds all the same if that is NULL. */
static long fail_each(const char *name, bg_status (*scenario)(void), int kinds, int error, const char *part)
{
    int files = scratch_files();
    bg_status status = BG_ERR_IO;
    long n = 0;
    do {
        calls = 0;
        fail_kinds = kinds;
        fail_errno = error;
        fail_at = ++n;
        status = scenario();
        fail_at = 0;
        fail_kinds = 0;
        if (calls < n)
            break;
        if (part)
            expect_failure(status, error == ENOMEM ? BG_ERR_NOMEM : BG_ERR_IO, part, name);
        else
            ck_assert_msg(status == BG_OK, "%s, call %ld: %s", name, n, bg_last_error());
        ck_assert_int_eq(scratch_files(), files);
    } while (true);
    ck_assert_msg(status == BG_OK, "%s: %s", name, bg_last_error());
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

static bg_status save_archive(void) { return bg_archive_save(archive, scratch_path("a.safetensors")); }
static bg_status load_archive(void)
{
    bg_archive *loaded;
    bg_status status = bg_archive_load(&loaded, scratch_engine(), scratch_path("a.safetensors"));
    ck_assert((status == BG_OK) == (loaded != NULL));
    bg_archive_destroy(loaded);
    return status;
}

static bg_status write_bytes(void) { return bg_file_write(scratch_engine(), scratch_path("bytes"), "text", 4); }

/* The file that a scenario of reading takes. */
static const char *input;
static bg_status load_input(void)
{
    bg_archive *loaded;
    bg_status status = bg_npz_load(&loaded, scratch_engine(), input, NULL);
    bg_archive_destroy(loaded);
    return status;
}

static bg_status read_idx(void)
{
    bg_tensor *tensor;
    bg_status status = bg_data_read_idx(&tensor, scratch_engine(), input);
    ck_assert((status == BG_OK) == (tensor != NULL));
    bg_tensor_destroy(tensor);
    return status;
}

static bg_status read_text(void)
{
    bg_dataset *train, *test;
    bg_data_options context = { .context = 4 };
    bg_status status = bg_data_read_text(&train, &test, scratch_engine(), input, &context);
    ck_assert((status == BG_OK) == (train != NULL));
    bg_dataset_destroy(train);
    return status;
}

static const char *targets;
static bg_status read_csv(void)
{
    bg_dataset *dataset;
    bg_data_options table = { .target_file = targets, .skip_lines = 1, .with_classes = !targets };
    bg_status status = bg_data_read_csv(&dataset, scratch_engine(), input, &table);
    ck_assert((status == BG_OK) == (dataset != NULL));
    bg_dataset_destroy(dataset);
    return status;
}

/* Rows that are not in memory, with means for what is missing, and some that do not follow one another. */
static bg_status read_streamed(void)
{
    static float x[3], y[3];
    bg_dataset *dataset;
    bg_status status = bg_data_read_csv(&dataset, scratch_engine(), input,
                                        &(bg_data_options){ .streams = true, .missing = BG_MISSING_MEAN });
    if (!status)
        status = bg_dataset_read(dataset, (const int64_t[]){ 0, 5999, 3 }, 3, (void *[]){ x, y });
    bg_dataset_destroy(dataset);
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
    OK(bg_tensor_create(&tensor, scratch_engine(), BG_F64, BG_SHAPE(200000))); /* more than one piece */
    OK(bg_archive_add(archive, "c", tensor));
    bg_tensor_destroy(tensor);
}

/* Files that stand there in place of those that a scenario writes: their number does not change. */
static void put_files(void)
{
    static unsigned char records[40 * 3074];
    static const char *const names[] = { "a.npy", "a.npz", "a.safetensors", "train.bin", "test.bin" };
    for (int i = 0; i < 5; i++)
        scratch_write(names[i], records, i < 3 ? 1 : sizeof records);
}

#define EACH(scenario, kinds, least)                                                                                   \
    ck_assert_int_ge(fail_each(#scenario, scenario, kinds, EIO, "Input/output error"), least)

START_TEST(every_call)
{
    put_files();
    make_arrays();
    /* Of the folder and of the file beside: opening, bytes, sync, closing, the name, sync. */
    EACH(save_npy, EVERY_KIND, 8);
    EACH(load_npy, EVERY_KIND, 5);
    for (int deflated = 0; deflated < 2; deflated++) {
        options.with_deflate = deflated;
        EACH(save_npz, EVERY_KIND, 17 + 6);
        EACH(load_npz, EVERY_KIND, 12 + 2);
    }
    is_sticky = true;
    EACH(save_archive, SYNC | CLOSE | RENAME, 4);
    is_sticky = false;
    EACH(save_archive, EVERY_KIND, 8);
    OK(load_archive()); /* jansson reads its first random numbers */
    EACH(load_archive, EVERY_KIND, 6);
    EACH(read_arrays, EVERY_KIND, 7 + 6);
    EACH(read_cifar, EVERY_KIND, 6 + 8);
    scratch_write("bytes", "old", 3);
    EACH(write_bytes, EVERY_KIND, 7);
    bg_tensor_destroy(turned);
    bg_archive_destroy(archive);
}
END_TEST

/* Archives with what our own have not: extra fields, and sizes behind the data. */
START_TEST(other_archives)
{
    static const char *const names[] = { "zip64", "streamed_stored", "streamed_deflated" };
    char path[600];
    for (int i = 0; i < 3; i++) {
        (void)snprintf(path, sizeof path, "%s/corpus/npz/%s", BLASGRAD_TEST_DATA, names[i]);
        input = path;
        EACH(load_input, EVERY_KIND, 8);
    }
}
END_TEST

/* Lines, the first of which are left out, longer than a buffer together. */
static unsigned char text[100000];
static void make_text(void)
{
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (unsigned char)(i % 6 == 5 ? '\n' : i % 6 == 2 ? ',' : i % 6 == 3 || i % 6 == 4 ? '1' : '2');
}

/* More rows than one piece in a file. */
static void make_rows(void)
{
    enum { ROWS = 6000 };
    size_t length = 0;
    for (int i = 0; i < ROWS; i++)
        length += (size_t)snprintf((char *)text + length, sizeof text - length, i % 100 == 7 ? ",1\n" : "2,1\n");
    input = scratch_write("rows", text, length);
}

START_TEST(every_call_of_streams)
{
    static unsigned char idx[16 + 30000] = { 0, 0, 8, 3, 0, 0, 0, 3, 0, 0, 0, 100, 0, 0, 0, 100 };
    static unsigned char wide[8 + 30000] = { 0, 0, 9, 1, 0, 0, 0x75, 0x30 };
    for (size_t i = 0; i < 30000; i++)
        idx[16 + i] = wide[8 + i] = (unsigned char)(i * i >> 5);
    make_text();
    for (int is_gz = 0; is_gz < 2; is_gz++) {
        const char *(*put)(const char *name, const void *bytes, size_t count) =
            is_gz ? scratch_write_gz : scratch_write;
        input = put("idx", idx, sizeof idx);
        EACH(read_idx, EVERY_KIND, (is_gz ? 5 : 4));
        input = put("wide", wide, sizeof wide);
        EACH(read_idx, EVERY_KIND, (is_gz ? 5 : 4));
        input = put("text", text, sizeof text);
        EACH(read_text, EVERY_KIND, (is_gz ? 6 : 12));
        targets = NULL;
        EACH(read_csv, EVERY_KIND, (is_gz ? 3 : 6));
        targets = put("targets", text, sizeof text);
        EACH(read_csv, EVERY_KIND, (is_gz ? 6 : 12));
    }
    make_rows();
    EACH(read_streamed, EVERY_KIND, 20);
    ck_assert_int_ge(fail_each("interrupted rows", read_streamed, KINDS_TO_REPEAT, EINTR, NULL), 10);
    ck_assert_int_ge(fail_each("no row written", read_streamed, WRITE, 0, "cannot write at offset"), 3);
}
END_TEST

/* A call that is interrupted is made again; one that writes nothing would be made for ever. */
START_TEST(interrupted)
{
    put_files();
    make_arrays();
    bg_status (*const scenarios[])(void) = { save_npy,     load_npy,    save_npz,   load_npz,   save_archive,
                                             load_archive, read_arrays, read_cifar, write_bytes };
    scratch_write("bytes", "old", 3);
    for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++)
        ck_assert_int_ge(fail_each("interrupted", scenarios[i], KINDS_TO_REPEAT, EINTR, NULL), 4);
    ck_assert_int_ge(fail_each("nothing written", save_npz, WRITE, 0, "cannot write: Input/output error"), 10);
    ck_assert_int_ge(fail_each("shorter", load_archive, READ_AT, 0, "became shorter while it was read"), 3);
    ck_assert_int_ge(fail_each("no memory", load_npy, OPEN | STATUS | READ_AT, ENOMEM, "Cannot allocate memory"), 3);
    /* Some file systems cannot sync a folder. */
    fail_kinds = SYNC;
    fail_errno = EINVAL;
    fail_at = 2;
    calls = 0;
    OK(save_npy());
    fail_kinds = 0;
    bg_tensor_destroy(turned);
    bg_archive_destroy(archive);
}
END_TEST

/* Between the two passes over a text it may become shorter. */
START_TEST(text_cut_while_read)
{
    make_text();
    input = scratch_write("text", text, sizeof text);
    fail_kinds = READ;
    fail_at = calls = 0;
    OK(read_text());
    long reads = calls;
    calls = 0;
    fail_at = reads / 2 + 2;
    fail_errno = 0;
    expect_failure(read_text(), BG_ERR_IO, "became shorter while it was read", "text");
    fail_kinds = 0;
}
END_TEST

/* Names that no file can have, and what lies there already. */
START_TEST(places)
{
    char name[80];
    bg_engine *engine = scratch_engine();
    FAILS(bg_file_write(engine, scratch_path(""), "x", 1), BG_ERR_IO, "Is a directory");
    FAILS(bg_file_write(engine, scratch_path("."), "x", 1), BG_ERR_IO, "Is a directory");
    FAILS(bg_file_write(engine, scratch_path(".."), "x", 1), BG_ERR_IO, "Is a directory");
    FAILS(bg_file_write(engine, scratch_path("none/a"), "x", 1), BG_ERR_IO, "cannot open its folder: No such file");
    FAILS(bg_file_write(engine, NULL, "x", 1), BG_ERR_ARGUMENT, "path is NULL");
    FAILS(bg_file_write(engine, "x", NULL, 1), BG_ERR_ARGUMENT, "data is NULL");
    FAILS(bg_file_write(NULL, "x", "x", 1), BG_ERR_ARGUMENT, "engine is NULL");
    /* A folder stands where the file beside it should. */
    (void)snprintf(name, sizeof name, ".a.tmp.%d", (int)gettid());
    ck_assert_int_eq(mkdir(scratch_path(name), 0700), 0);
    FAILS(bg_file_write(engine, scratch_path("a"), "x", 1), BG_ERR_IO, "cannot create a file beside it");
    ck_assert_int_eq(rmdir(scratch_path(name)), 0);
    int here = open(".", O_RDONLY | O_DIRECTORY);
    ck_assert(here >= 0 && chdir(scratch_path("")) == 0);
    OK(bg_file_write(engine, "a", NULL, 0));
    ck_assert(fchdir(here) == 0);
    (void)close(here);
    ck_assert_int_eq(scratch_files(), 1);
    ck_assert_str_eq(bgi_errno_text(9999), "unknown error");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("failing files");
    TCase *tests = tcase_create("failing files");
    tcase_add_checked_fixture(tests, scratch_begin, scratch_end);
    tcase_add_test(tests, every_call);
    tcase_add_test(tests, other_archives);
    tcase_add_test(tests, every_call_of_streams);
    tcase_add_test(tests, interrupted);
    tcase_add_test(tests, text_cut_while_read);
    tcase_add_test(tests, places);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
