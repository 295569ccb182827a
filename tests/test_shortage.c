/* What the system refuses an engine, address space and threads: it is a status, and nothing hangs. The sanitizers
 * themselves do not bear it, so there is nothing to test in their builds. */
#define _GNU_SOURCE
#include "blas/lapack.h"
#include "support/counting.h"
#include "support/expect.h"
#include "support/multiply.h"
#include "support/sanitized.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#if !IS_ADDRESS_SANITIZED && !IS_THREAD_SANITIZED
/* Worker threads of this process, by their name: OpenBLAS may start some of its own. */
static int count_workers(void)
{
    int workers = 0;
    DIR *folder = opendir("/proc/self/task");
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        char path[300], name[32] = "";
        (void)snprintf(path, sizeof path, "/proc/self/task/%s/comm", entry->d_name);
        FILE *file = fopen(path, "r");
        workers += file && fgets(name, sizeof name, file) && strcmp(name, "blasgrad\n") == 0;
        if (file)
            (void)fclose(file);
    }
    if (folder)
        (void)closedir(folder);
    return workers;
}

/* Address space for OpenBLAS and some stacks of the 1023 threads, but not for all. The sanitizers themselves do not
 * bear that. */
START_TEST(no_threads)
{
    pid_t process = fork();
    ck_assert_int_ge(process, 0);
    if (process == 0) {
        (void)alarm(60);
        counting counter = { .fail_at = 0 };
        bg_engine *engine = NULL;
        bg_engine_options options = { .threads = 1024, .allocator = counting_allocator(&counter) };
        struct rlimit limit = { .rlim_cur = (rlim_t)16 << 30, .rlim_max = (rlim_t)16 << 30 };
        pthread_attr_t attributes;
        if (pthread_attr_init(&attributes) != 0 || pthread_attr_setstacksize(&attributes, (size_t)64 << 20) != 0 ||
            pthread_setattr_default_np(&attributes) != 0)
            _exit(6);
        if (setrlimit(RLIMIT_AS, &limit) != 0)
            _exit(1);
        if (bg_engine_create(&engine, &options) != BG_ERR_SYSTEM || engine)
            _exit(2);
        if (!strstr(bg_last_error(), " of 1023 cannot be started: error "))
            _exit(3);
        if (counter.live != 0)
            _exit(4);
        /* A joined thread may be listed a little longer. */
        for (int i = 0; i < 1000 && count_workers() > 0; i++)
            (void)usleep(1000);
        _exit(count_workers() == 0 ? 0 : 5);
    }
    int status = -1;
    ck_assert_int_eq(waitpid(process, &status, 0), process);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %x", (unsigned)status);
}
END_TEST

/* ---- Shortage of address space ---- */

static rlim_t address_space(void)
{
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file || fscanf(file, "%lu", &pages) != 1)
        pages = 0;
    if (file)
        (void)fclose(file);
    return (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE);
}

static bool squeeze(rlim_t more)
{
    struct rlimit limit = { .rlim_cur = address_space() + more, .rlim_max = RLIM_INFINITY };
    return setrlimit(RLIMIT_AS, &limit) == 0;
}

static bool loosen(void)
{
    struct rlimit limit = { .rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY };
    return setrlimit(RLIMIT_AS, &limit) == 0;
}

/* The exit code of what runs in a child for at most 5 seconds, or -1. */
static int exit_code(int (*run)(int), int argument)
{
    (void)fflush(NULL);
    pid_t process = fork();
    if (process == 0) {
        (void)alarm(5);
        _exit(run(argument));
    }
    int status = -1;
    bool is_done = process > 0 && waitpid(process, &status, 0) == process && WIFEXITED(status);
    return is_done ? WEXITSTATUS(status) : -1;
}

/* Room for so many MiB more when an engine of 3 threads is made: it is there or it is refused. */
static int squeezed_before(int mebibytes)
{
    if (!squeeze((rlim_t)mebibytes << 20))
        return 10;
    bg_engine *engine = NULL;
    bg_engine_options options = { .threads = 3 };
    bg_status status = bg_engine_create(&engine, &options);
    if (status == BG_OK) {
        bool is_right = multiplies_right(engine);
        bg_engine_destroy(engine);
        return is_right ? 0 : 11;
    }
    if (engine)
        return 12;
    if (status == BG_ERR_SYSTEM)
        return strstr(bg_last_error(), "cannot be started") ? 2 : 13;
    if (status != BG_ERR_NOMEM)
        return 14;
    if (!strstr(bg_last_error(), "out of memory"))
        return 15;
    bool is_blas = strstr(bg_last_error(), "OpenBLAS takes 128 MiB") != NULL;
    /* What was refused is forgotten. */
    if (!loosen() || bg_engine_create(&engine, &options) != BG_OK || !multiplies_right(engine))
        return 16;
    bg_engine_destroy(engine);
    return is_blas ? 1 : 3;
}

/* No more memory at all once the engine is there: its calls have what they need, a larger engine is refused. */
static int squeezed_after(int threads)
{
    bg_engine *engine = NULL, *second = NULL;
    bg_engine_options options = { .threads = threads };
    if (bg_engine_create(&engine, &options) != BG_OK)
        return 1;
    products *p = calloc(1, sizeof *p);
    double a[12] = { 1, 2, 3, 4, 1, 1, 1, 1, 0, 1, 0, 2 }, factors[3], work[256];
    if (!p || !squeeze(0))
        return 2;
    for (int i = 0; i < 100; i++)
        bgi_pool_run(engine->pool, multiply, p);
    float y[N];
    bgi_blas_gemv_f32(true, N, N, p->a, N, p->a, 1, y);
    if (bgi_lapack_geqrf(BG_F64, 4, 3, a, 4, factors, work, 256) != 0)
        return 3;
    options.threads = threads + 60;
    bg_status status = bg_engine_create(&second, &options);
    if ((status != BG_ERR_NOMEM && status != BG_ERR_SYSTEM) || second)
        return 4;
    bgi_pool_run(engine->pool, multiply, p);
    bg_engine_destroy(engine);
    free(p);
    return 0;
}

START_TEST(little_address_space)
{
    /* The stacks of the other two threads, up to 8 MiB each, and what the C library takes beside them, come first. */
    static const int rooms[] = { 0, 8, 24, 64, 150, 200, 280, 340, 400, 480, 700, 2000 };
    int refused_for_blas = 0, made = 0;
    for (size_t i = 0; i < sizeof rooms / sizeof *rooms; i++) {
        int code = exit_code(squeezed_before, rooms[i]);
        ck_assert_msg(code >= 0 && code < 10, "%d MiB: %d", rooms[i], code);
        refused_for_blas += code == 1;
        made += code == 0;
    }
    ck_assert_int_ge(refused_for_blas, 1);
    ck_assert_int_ge(made, 1);
    for (int threads = 1; threads <= 4; threads++) {
        int code = exit_code(squeezed_after, threads);
        ck_assert_msg(code == 0, "%d threads: %d", threads, code);
    }
}
END_TEST

/* Stands before the C library's: threads can be refused. */
static atomic_int threads_left = 1 << 30;
int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument)
{
    static int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    if (atomic_fetch_sub(&threads_left, 1) <= 0)
        return EAGAIN;
    void *address = dlsym(RTLD_NEXT, "pthread_create");
    memcpy(&real, &address, sizeof real);
    return real(thread, attributes, start, argument);
}

static int without_threads(int left)
{
    bg_engine *engine = NULL;
    bg_engine_options options = { .threads = 4 };
    atomic_store(&threads_left, left);
    if (bg_engine_create(&engine, &options) != BG_ERR_SYSTEM || engine)
        return 1;
    char expected[64];
    (void)snprintf(expected, sizeof expected, "worker thread %d of 3 cannot be started", left + 1);
    if (!strstr(bg_last_error(), expected))
        return 2;
    atomic_store(&threads_left, 100);
    if (bg_engine_create(&engine, &options) != BG_OK || !multiplies_right(engine))
        return 3;
    bg_engine_destroy(engine);
    return 0;
}

START_TEST(refused_threads)
{
    for (int left = 0; left < 3; left++) {
        int code = exit_code(without_threads, left);
        ck_assert_msg(code == 0, "%d threads allowed: %d", left, code);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("shortage");
    TCase *cases = tcase_create("shortage");
    tcase_add_test(cases, no_threads);
    tcase_add_test(cases, little_address_space);
    tcase_add_test(cases, refused_threads);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
#else
int main(void) { return 0; }
#endif
