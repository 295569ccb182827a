/* Statuses and messages, memory, random numbers, and what the machine grants. */
#define _GNU_SOURCE
#include "base/alloc.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/cpu.h"
#include "base/hash.h"
#include "base/random.h"
#include "support/counting.h"
#include "support/expect.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- Statuses ---- */

START_TEST(names)
{
#define CHECK_NAME(name, text) ck_assert_str_eq(bg_status_name(name), #name);
    BG_STATUS_LIST(CHECK_NAME)
#undef CHECK_NAME
    ck_assert_int_eq(BG_OK, 0);
    ck_assert_str_eq(bg_status_name(BG_STATUS_COUNT), "unknown status");
    ck_assert_str_eq(bg_status_name((bg_status)-1), "unknown status");
    ck_assert_str_eq(bg_version(), BG_VERSION);
}
END_TEST

START_TEST(messages)
{
    char number[32];
    (void)snprintf(number, sizeof number, "%d.%d.%d", BG_VERSION_MAJOR, BG_VERSION_MINOR, BG_VERSION_PATCH);
    ck_assert_str_eq(number, BG_VERSION);

    ck_assert_int_eq(bg_fail(BG_ERR_SHAPE, "add: %d and %s", 3, "four"), BG_ERR_SHAPE);
    ck_assert_str_eq(bg_last_error(), "add: 3 and four");
    ck_assert_int_eq(bg_fail(BG_ERR_IO, "again: %s", bg_last_error()), BG_ERR_IO);
    ck_assert_str_eq(bg_last_error(), "again: add: 3 and four");

    /* Longer than the storage: cut, and between characters. */
    static const struct {
        const char *name, *character;
        size_t length;
    } cases[] = {
        { .name = "one byte", .character = "x", .length = 511 },
        { .name = "two bytes", .character = "\xC3\xA4", .length = 511 },
        { .name = "three bytes", .character = "\xE2\x86\x92", .length = 511 },
        { .name = "four bytes", .character = "\xF0\x9F\x98\x80", .length = 511 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (size_t lead = 0; lead < 4; lead++) {
            char text[2048];
            size_t width = strlen(cases[i].character), used = lead;
            memset(text, '.', lead);
            while (used + width < sizeof text) {
                memcpy(text + used, cases[i].character, width);
                used += width;
            }
            text[used] = '\0';
            (void)bg_fail(BG_ERR_IO, "%s", text);
            size_t length = strlen(bg_last_error()), whole = lead + (cases[i].length - lead) / width * width;
            ck_assert_msg(length == whole, "%s behind %zu: %zu bytes, expected %zu", cases[i].name, lead, length,
                          whole);
        }
}
END_TEST

static void *other_thread(void *first)
{
    *(bool *)first = bg_last_error()[0] == '\0';
    (void)bg_fail(BG_ERR_IO, "of the other thread");
    return NULL;
}

START_TEST(message_of_each_thread)
{
    bool was_empty = false;
    pthread_t thread;
    (void)bg_fail(BG_ERR_IO, "of this thread");
    ck_assert_int_eq(pthread_create(&thread, NULL, other_thread, &was_empty), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert(was_empty);
    ck_assert_str_eq(bg_last_error(), "of this thread");
}
END_TEST

/* ---- Memory. The engine here is no more than its allocator. ---- */

static bool is_filled(const unsigned char *memory, int value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        if (memory[i] != value)
            return false;
    return true;
}

START_TEST(default_memory)
{
    bg_engine engine = { .allocator = bgi_default_allocator };
    static const size_t sizes[] = { 0, 1, 63, 64, 65, 1000, 1 << 20 };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        unsigned char *memory = bgi_alloc_zero(&engine, sizes[i]);
        ck_assert_ptr_nonnull(memory);
        ck_assert_msg((uintptr_t)memory % 64 == 0, "%zu bytes at %p", sizes[i], (void *)memory);
        ck_assert(is_filled(memory, 0, sizes[i]));
        bgi_free(&engine, memory, sizes[i]);
    }
    bgi_free(&engine, NULL, 5);
    ck_assert_ptr_null(bgi_alloc(&engine, SIZE_MAX));
    ck_assert_str_eq(bg_last_error(), "out of memory: 18446744073709551615 bytes");
}
END_TEST

START_TEST(growing)
{
    counting counter = { .fail_at = 0 };
    bg_engine engine = { .allocator = counting_allocator(&counter) };
    int *array = NULL, capacity = 0;
    for (int n = 1; n <= 1000; n++) {
        int before = capacity;
        ck_assert(bgi_grow(&engine, (void **)&array, &capacity, n, sizeof *array));
        ck_assert_int_ge(capacity, n);
        for (int i = before; i < capacity; i++)
            ck_assert_int_eq(array[i], 0);
        array[n - 1] = n;
    }
    for (int i = 0; i < 1000; i++)
        ck_assert_int_eq(array[i], i + 1);
    ck_assert_int_lt((int)counter.calls, 12);

    counter.fail_at = counter.calls + 1;
    int *same = array, old = capacity;
    ck_assert(!bgi_grow(&engine, (void **)&array, &capacity, capacity + 1, sizeof *array));
    ck_assert_ptr_eq(array, same);
    ck_assert_int_eq(capacity, old);
    ck_assert(!bgi_grow(&engine, (void **)&array, &capacity, INT_MAX, (size_t)1 << 60));
    ck_assert_int_eq(array[999], 1000);
    bgi_free(&engine, array, (size_t)capacity * sizeof *array);
    ck_assert_int_eq((int)counter.live, 0);
    ck_assert_int_eq((int)counter.wrong, 0);
}
END_TEST

START_TEST(arenas)
{
    counting counter = { .fail_at = 0 };
    bg_engine engine = { .allocator = counting_allocator(&counter) };
    bgi_arena arena;
    bgi_arena_init(&arena, &engine);
    enum { PIECES = 500 };
    unsigned char *pieces[PIECES];
    size_t sizes[PIECES];
    for (int i = 0; i < PIECES; i++) {
        sizes[i] = bgi_random_block(1, 2, (uint64_t)i).word[0] % (i % 50 == 0 ? 3000000 : 300);
        if (i == 3)
            sizes[i] = 0;
        pieces[i] = bgi_arena_push(&arena, sizes[i]);
        ck_assert_ptr_nonnull(pieces[i]);
        ck_assert_uint_eq((uintptr_t)pieces[i] % 64, 0);
        ck_assert(is_filled(pieces[i], 0, sizes[i]));
        memset(pieces[i], i % 255 + 1, sizes[i]);
    }
    ck_assert_ptr_ne(pieces[3], pieces[4]);
    for (int i = 0; i < PIECES; i++)
        ck_assert_msg(is_filled(pieces[i], i % 255 + 1, sizes[i]), "piece %d of %zu bytes was written over", i,
                      sizes[i]);
    ck_assert_str_eq(bgi_arena_copy_text(&arena, "a text"), "a text");
    ck_assert_str_eq(bgi_arena_copy_text(&arena, ""), "");
    ck_assert_ptr_null(bgi_arena_push(&arena, SIZE_MAX - 10));
    ck_assert_ptr_null(bgi_arena_push(&arena, PTRDIFF_MAX));

    counter.fail_at = counter.calls + 1;
    ck_assert_ptr_null(bgi_arena_push(&arena, 5000000));
    ck_assert_ptr_nonnull(bgi_arena_push(&arena, 5000000));
    bgi_arena_release(&arena);
    bgi_arena_release(&arena);
    ck_assert_int_eq((int)counter.live, 0);
    ck_assert_int_eq((int)counter.wrong, 0);
}
END_TEST

/* ---- Random numbers ---- */

START_TEST(philox)
{
    /* The known answers that Random123 ships for philox4x32-10. */
    static const struct {
        uint64_t seed, stream, index;
        uint32_t word[4];
    } cases[] = {
        { .word = { 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8 } },
        { .seed = UINT64_MAX,
          .stream = UINT64_MAX,
          .index = UINT64_MAX,
          .word = { 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd } },
        { .seed = 0x299f31d0a4093822,
          .stream = 0x0370734413198a2e,
          .index = 0x85a308d3243f6a88,
          .word = { 0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1 } },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bgi_block block = bgi_random_block(cases[i].seed, cases[i].stream, cases[i].index);
        for (int j = 0; j < 4; j++)
            ck_assert_msg(block.word[j] == cases[i].word[j], "case %zu, word %d: %08x", i, j, block.word[j]);
    }
}
END_TEST

START_TEST(uniform)
{
    enum { N = 200000, CELLS = 20 };
    int cells[CELLS] = { 0 };
    double sum = 0;
    for (uint64_t i = 0; i < N; i++) {
        double u = bgi_random_uniform(7, 11, i);
        ck_assert(u >= 0 && u < 1);
        cells[(int)(u * CELLS)]++;
        sum += u;
    }
    /* Six standard deviations. */
    ck_assert(sum / N > 0.5 - 0.004 && sum / N < 0.5 + 0.004);
    for (int i = 0; i < CELLS; i++)
        ck_assert_msg(abs(cells[i] - N / CELLS) < 600, "cell %d has %d", i, cells[i]);

    /* Two numbers a block, and all of what tells numbers apart. */
    bgi_block block = bgi_random_block(7, 11, 2);
    ck_assert(bgi_random_uniform(7, 11, 4) ==
              ldexp((double)(((uint64_t)block.word[1] << 32 | block.word[0]) >> 11), -53));
    ck_assert(bgi_random_uniform(7, 11, 5) ==
              ldexp((double)(((uint64_t)block.word[3] << 32 | block.word[2]) >> 11), -53));
    ck_assert(bgi_random_uniform(7, 11, 4) != bgi_random_uniform(7, 11, 5));
    ck_assert(bgi_random_uniform(7, 11, 4) != bgi_random_uniform(8, 11, 4));
    ck_assert(bgi_random_uniform(7, 11, 4) != bgi_random_uniform(7, 12, 4));
    ck_assert(bgi_random_uniform(7, 11, 4) == bgi_random_uniform(7, 11, 4));
}
END_TEST

START_TEST(hashes)
{
    ck_assert_uint_eq(bgi_hash_text(""), 0x2d06800538d394c2); /* XXH3's own for no bytes */
    ck_assert_uint_eq(bgi_hash_text("fc1.weight"), bgi_hash_bytes("fc1.weight", 10));
    ck_assert_uint_ne(bgi_hash_text("fc1.weight"), bgi_hash_text("fc2.weight"));
}
END_TEST

/* Bytes that come in pieces have the hash of all of them at once. */
START_TEST(hash_of_pieces)
{
    unsigned char bytes[1000];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)(i * i);
    for (size_t piece = 1; piece <= sizeof bytes; piece = piece * 3 + 1) {
        bgi_checksum checksum;
        bgi_checksum_start(&checksum);
        for (size_t done = 0; done < sizeof bytes; done += piece)
            bgi_checksum_add(&checksum, bytes + done, done + piece < sizeof bytes ? piece : sizeof bytes - done);
        ck_assert_uint_eq(bgi_checksum_value(&checksum), bgi_hash_bytes(bytes, sizeof bytes));
    }
    ck_assert_str_eq(bgi_checksum_format(bgi_hash_text("")).text, "2d06800538d394c2");
}
END_TEST

START_TEST(clock_goes_forward)
{
    int64_t start = bgi_clock_nanoseconds(), before = start;
    double seconds = bgi_clock_seconds();
    for (int i = 0; i < 100000; i++) {
        int64_t now = bgi_clock_nanoseconds();
        ck_assert_int_ge(now, before);
        before = now;
    }
    ck_assert_int_gt(before, start);
    ck_assert(seconds >= 1e-9 * (double)start && seconds <= 1e-9 * (double)before);
    /* Not the time of day, which can be set back. */
    struct timespec machine;
    ck_assert_int_eq(clock_gettime(CLOCK_MONOTONIC, &machine), 0);
    ck_assert_int_lt((int64_t)machine.tv_sec - start / 1000000000, 60);
    ck_assert_int_ge((int64_t)machine.tv_sec, start / 1000000000);
}
END_TEST

/* ---- The machine ---- */

static void write_file(const char *root, const char *path, const char *text)
{
    char full[512];
    (void)snprintf(full, sizeof full, "%s%s", root, path);
    for (char *at = full + strlen(root) + 1; (at = strchr(at, '/')); at++) {
        *at = '\0';
        ck_assert(mkdir(full, 0700) == 0 || errno == EEXIST);
        *at = '/';
    }
    FILE *file = fopen(full, "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_ge(fputs(text, file), 0);
    ck_assert_int_eq(fclose(file), 0);
}

typedef struct {
    const char *path, *text;
} quota_file;
static const struct {
    const char *name;
    quota_file files[8];
    int quota;
} quotas[] = {
    { .name = "no cgroups", .quota = INT_MAX },
    { .name = "version 2, no limit",
      .files = { { "/proc/self/cgroup", "0::/\n" }, { "/sys/fs/cgroup/cpu.max", "max 100000\n" } },
      .quota = INT_MAX },
    { .name = "version 2, at the root",
      .files = { { "/proc/self/cgroup", "0::/\n" }, { "/sys/fs/cgroup/cpu.max", "200000 100000\n" } },
      .quota = 2 },
    { .name = "version 2, rounded up",
      .files = { { "/proc/self/cgroup", "0::/a/b\n" }, { "/sys/fs/cgroup/a/b/cpu.max", "150000 100000\n" } },
      .quota = 2 },
    { .name = "version 2, less than one",
      .files = { { "/proc/self/cgroup", "0::/a\n" }, { "/sys/fs/cgroup/a/cpu.max", "1000 100000\n" } },
      .quota = 1 },
    { .name = "version 2, a parent has less",
      .files = { { "/proc/self/cgroup", "0::/a/b/c\n" },
                 { "/sys/fs/cgroup/a/b/c/cpu.max", "800000 100000\n" },
                 { "/sys/fs/cgroup/a/b/cpu.max", "max 100000\n" },
                 { "/sys/fs/cgroup/a/cpu.max", "300000 100000\n" } },
      .quota = 3 },
    { .name = "version 2, a path of the host",
      .files = { { "/proc/self/cgroup", "0::/docker/1234\n" }, { "/sys/fs/cgroup/cpu.max", "400000 100000\n" } },
      .quota = 4 },
    { .name = "version 1",
      .files = { { "/proc/self/cgroup", "4:memory:/m\n3:cpu,cpuacct:/g\n1:name=systemd:/\n" },
                 { "/sys/fs/cgroup/cpu,cpuacct/g/cpu.cfs_quota_us", "250000\n" },
                 { "/sys/fs/cgroup/cpu,cpuacct/g/cpu.cfs_period_us", "100000\n" } },
      .quota = 3 },
    { .name = "version 1, no limit",
      .files = { { "/proc/self/cgroup", "3:cpu:/g\n" },
                 { "/sys/fs/cgroup/cpu/g/cpu.cfs_quota_us", "-1\n" },
                 { "/sys/fs/cgroup/cpu/g/cpu.cfs_period_us", "100000\n" } },
      .quota = INT_MAX },
    { .name = "version 1, another controller's",
      .files = { { "/proc/self/cgroup", "3:cpuset,cpuacct:/g\n" },
                 { "/sys/fs/cgroup/cpu/g/cpu.cfs_quota_us", "100000\n" },
                 { "/sys/fs/cgroup/cpu/g/cpu.cfs_period_us", "100000\n" } },
      .quota = INT_MAX },
    { .name = "both versions",
      .files = { { "/proc/self/cgroup", "1:cpu:/g\n0::/g\n" },
                 { "/sys/fs/cgroup/cpu/g/cpu.cfs_quota_us", "500000\n" },
                 { "/sys/fs/cgroup/cpu/g/cpu.cfs_period_us", "100000\n" },
                 { "/sys/fs/cgroup/unified/g/cpu.max", "600000 100000\n" } },
      .quota = 5 },
    { .name = "nonsense",
      .files = { { "/proc/self/cgroup", "\n:\n0:\n::\n0::x\n" }, { "/sys/fs/cgroup/cpu.max", "a b\n" } },
      .quota = INT_MAX },
    { .name = "a period of 0",
      .files = { { "/proc/self/cgroup", "0::/\n" }, { "/sys/fs/cgroup/cpu.max", "100000 0\n" } },
      .quota = INT_MAX },
};

START_TEST(quota)
{
    char root[] = "/tmp/blasgrad-quota-XXXXXX", command[64];
    ck_assert_ptr_nonnull(mkdtemp(root));
    for (int i = 0; i < 8 && quotas[_i].files[i].path; i++)
        write_file(root, quotas[_i].files[i].path, quotas[_i].files[i].text);
    int found = bgi_cpu_quota(root);
    (void)snprintf(command, sizeof command, "rm -r %s", root);
    ck_assert_int_eq(system(command), 0);
    ck_assert_msg(found == quotas[_i].quota, "%s: %d, expected %d", quotas[_i].name, found, quotas[_i].quota);
}
END_TEST

/* Hardware threads that share a core count once, whichever of them may be used. */
static const struct {
    const char *name;
    quota_file files[5];
    int n, threads[4], cores;
} topologies[] = {
#define SIBLINGS(p, list)                                                                                              \
    {                                                                                                                  \
        "/sys/devices/system/cpu/cpu" p "/topology/thread_siblings_list", list "\n"                                    \
    }
    { "one a core", { SIBLINGS("0", "0"), SIBLINGS("1", "1") }, 2, { 0, 1 }, 2 },
    { "two a core, beside each other",
      { SIBLINGS("0", "0-1"), SIBLINGS("1", "0-1"), SIBLINGS("2", "2-3"), SIBLINGS("3", "2-3") },
      4,
      { 0, 1, 2, 3 },
      2 },
    { "two a core, far from each other",
      { SIBLINGS("0", "0,64"), SIBLINGS("1", "1,65"), SIBLINGS("64", "0,64"), SIBLINGS("65", "1,65") },
      4,
      { 0, 1, 64, 65 },
      2 },
    { "the second thread of each", { SIBLINGS("1", "0-1"), SIBLINGS("3", "2-3") }, 2, { 1, 3 }, 2 },
    { "one whole core and half of another",
      { SIBLINGS("1", "0-1"), SIBLINGS("2", "2-3"), SIBLINGS("3", "2-3") },
      3,
      { 1, 2, 3 },
      2 },
    { "nothing is known", { { NULL, NULL } }, 3, { 0, 1, 2 }, 3 },
    { "no list", { SIBLINGS("0", "?") }, 2, { 0, 1 }, 2 },
#undef SIBLINGS
};

START_TEST(topology)
{
    char root[] = "/tmp/blasgrad-topology-XXXXXX", command[64];
    ck_assert_ptr_nonnull(mkdtemp(root));
    for (int i = 0; i < 5 && topologies[_i].files[i].path; i++)
        write_file(root, topologies[_i].files[i].path, topologies[_i].files[i].text);
    int cores = bgi_cpu_cores_of(root, topologies[_i].threads, topologies[_i].n);
    (void)snprintf(command, sizeof command, "rm -r %s", root);
    ck_assert_int_eq(system(command), 0);
    ck_assert_msg(cores == topologies[_i].cores, "%s: %d, expected %d", topologies[_i].name, cores,
                  topologies[_i].cores);
}
END_TEST

START_TEST(core_counts)
{
    ck_assert_int_ge(bgi_cpu_cores(), 1);
    ck_assert_int_le(bgi_cpu_cores(), bgi_cpu_threads());
    ck_assert_int_le(bgi_cpu_threads(), (int)sysconf(_SC_NPROCESSORS_CONF));

    cpu_set_t before, one;
    ck_assert_int_eq(sched_getaffinity(0, sizeof before, &before), 0);
    CPU_ZERO(&one);
    for (size_t i = 0; i < CPU_SETSIZE && CPU_COUNT(&one) == 0; i++)
        if (CPU_ISSET(i, &before))
            CPU_SET(i, &one);
    ck_assert_int_eq(sched_setaffinity(0, sizeof one, &one), 0);
    int cores = bgi_cpu_cores(), threads = bgi_cpu_threads();
    ck_assert_int_eq(sched_setaffinity(0, sizeof before, &before), 0);
    ck_assert_int_eq(cores, 1);
    ck_assert_int_eq(threads, 1);
}
END_TEST

START_TEST(kernels)
{
    const bgk_table *best = NULL, *table = NULL;
    ck_assert_int_eq(unsetenv("BLASGRAD_KERNELS"), 0);
    expect_ok(bgi_cpu_kernels(&best), "without the variable");
    ck_assert(best->is_supported());
    ck_assert_int_eq(setenv("BLASGRAD_KERNELS", "", 1), 0);
    expect_ok(bgi_cpu_kernels(&table), "empty variable");
    ck_assert_ptr_eq(table, best);

    for (const bgk_table *const *t = bgi_kernel_tables; *t; t++) {
        ck_assert_int_eq(setenv("BLASGRAD_KERNELS", (*t)->name, 1), 0);
        if ((*t)->is_supported()) {
            expect_ok(bgi_cpu_kernels(&table), (*t)->name);
            ck_assert_ptr_eq(table, *t);
        } else {
            table = NULL;
            expect_failure(bgi_cpu_kernels(&table), BG_ERR_SYSTEM, (*t)->name, (*t)->name);
            ck_assert_ptr_null(table);
        }
    }
    ck_assert_int_eq(setenv("BLASGRAD_KERNELS", "mmx", 1), 0);
    expect_failure(bgi_cpu_kernels(&table), BG_ERR_SYSTEM,
                   "BLASGRAD_KERNELS is \"mmx\"; this machine has: ", "unknown");
    expect_failure(bgi_cpu_kernels(&table), BG_ERR_SYSTEM, "scalar", "unknown");
    ck_assert_int_eq(unsetenv("BLASGRAD_KERNELS"), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("base");
    TCase *cases = tcase_create("base");
    tcase_add_test(cases, names);
    tcase_add_test(cases, messages);
    tcase_add_test(cases, message_of_each_thread);
    tcase_add_test(cases, default_memory);
    tcase_add_test(cases, growing);
    tcase_add_test(cases, arenas);
    tcase_add_test(cases, philox);
    tcase_add_test(cases, uniform);
    tcase_add_test(cases, hashes);
    tcase_add_test(cases, hash_of_pieces);
    tcase_add_test(cases, clock_goes_forward);
    tcase_add_loop_test(cases, quota, 0, (int)(sizeof quotas / sizeof *quotas));
    tcase_add_loop_test(cases, topology, 0, sizeof topologies / sizeof *topologies);
    tcase_add_test(cases, core_counts);
    tcase_add_test(cases, kernels);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
