/* Engines: options, log, lifetimes, forked children, threads side by side, and what cannot be had. */
#define _GNU_SOURCE
#include "base/cpu.h"
#include "base/pool.h"
#include "blas/blas.h"
#include "support/child.h"
#include "support/counting.h"
#include "support/expect.h"
#include "support/multiply.h"
#include "support/sanitized.h"
#include "tensor/tensor.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* OpenBLAS's own: its header is for src/blas alone. */
int openblas_get_num_threads(void);
void openblas_set_num_threads(int threads);

static bg_engine *engine_of(int threads)
{
    bg_engine *engine = NULL;
    bg_engine_options options = { .threads = threads };
    expect_ok(bg_engine_create(&engine, &options), "engine");
    return engine;
}

/* ---- Options ---- */

static void *never_allocate(void *user, size_t bytes, size_t alignment)
{
    (void)user, (void)bytes, (void)alignment;
    return NULL;
}
static void never_release(void *user, void *memory, size_t bytes) { (void)user, (void)memory, (void)bytes; }

static const struct {
    const char *name;
    bg_engine_options options;
    const char *kernels;
    bg_status status;
    const char *message;
} refusals[] = {
    { .name = "negative threads",
      .options = { .threads = -1 },
      .status = BG_ERR_ARGUMENT,
      .message = "engine: -1 threads; 1 to 1024 are possible" },
    { .name = "too many threads",
      .options = { .threads = 1025 },
      .status = BG_ERR_ARGUMENT,
      .message = "1025 threads" },
    { .name = "precision",
      .options = { .precision = (bg_precision)7 },
      .status = BG_ERR_ARGUMENT,
      .message = "unknown precision 7" },
    { .name = "gemm",
      .options = { .gemm = (bg_gemm)7 },
      .status = BG_ERR_ARGUMENT,
      .message = "unknown gemm 7; there are" },
    { .name = "no release",
      .options = { .allocator = { .allocate = never_allocate } },
      .status = BG_ERR_ARGUMENT,
      .message = "no release function" },
    { .name = "no allocate",
      .options = { .allocator = { .release = never_release } },
      .status = BG_ERR_ARGUMENT,
      .message = "no allocate function" },
    { .name = "no memory",
      .options = { .allocator = { .allocate = never_allocate, .release = never_release } },
      .status = BG_ERR_NOMEM,
      .message = "out of memory" },
    { .name = "unknown kernels",
      .kernels = "sse9",
      .status = BG_ERR_SYSTEM,
      .message = "BLASGRAD_KERNELS is \"sse9\"; this machine has: " },
};

START_TEST(refused)
{
    bg_engine *engine = NULL;
    if (refusals[_i].kernels)
        ck_assert_int_eq(setenv("BLASGRAD_KERNELS", refusals[_i].kernels, 1), 0);
    bg_status status = bg_engine_create(&engine, &refusals[_i].options);
    if (refusals[_i].kernels)
        ck_assert_int_eq(unsetenv("BLASGRAD_KERNELS"), 0);
    expect_failure(status, refusals[_i].status, refusals[_i].message, refusals[_i].name);
    ck_assert_ptr_null(engine);
}
END_TEST

START_TEST(described)
{
    bg_engine *engine = NULL;
    expect_failure(bg_engine_create(NULL, NULL), BG_ERR_ARGUMENT, "no place", "NULL");
    expect_ok(bg_engine_create(&engine, NULL), "defaults");
    bg_engine_info info = bg_engine_describe(engine);
    ck_assert_int_eq(info.threads, bgi_cpu_cores());
    ck_assert_uint_eq(info.seed, 0);
    bg_engine_destroy(engine);
    bg_engine_destroy(NULL);

    bg_engine_options options = { .threads = 3, .seed = 99 };
    expect_ok(bg_engine_create(&engine, &options), "3 threads");
    info = bg_engine_describe(engine);
    ck_assert_int_eq(info.threads, 3);
    ck_assert_uint_eq(info.seed, 99);
    ck_assert_str_eq(info.kernels, engine->kernels->name);
    ck_assert_msg(strstr(info.blas, "OpenBLAS"), "%s", info.blas);
    ck_assert_uint_gt(strlen(info.blas_core), 0);
    ck_assert(!strcmp(info.blas_threading, "serial") || !strcmp(info.blas_threading, "pthread") ||
              !strcmp(info.blas_threading, "openmp"));
    ck_assert_ptr_null(bg_engine_describe(NULL).blas);
    bg_engine_destroy(engine);

    ck_assert_int_eq(setenv("BLASGRAD_KERNELS", "scalar", 1), 0);
    engine = engine_of(1);
    ck_assert_int_eq(unsetenv("BLASGRAD_KERNELS"), 0);
    ck_assert_str_eq(bg_engine_describe(engine).kernels, "scalar");
    bg_engine_destroy(engine);
}
END_TEST

typedef struct {
    char text[4096];
    int warnings;
} log_text;
static void write_log(void *user, bg_log_level level, const char *message)
{
    log_text *log = user;
    size_t used = strlen(log->text);
    (void)snprintf(log->text + used, sizeof log->text - used, "%s\n", message);
    log->warnings += level == BG_LOG_WARNING;
}

START_TEST(logged)
{
    log_text log = { .warnings = 0 };
    bg_engine *engine = NULL;
    bg_engine_options options = { .threads = 2, .log = write_log, .log_user = &log };
    expect_ok(bg_engine_create(&engine, &options), "engine");
    bg_engine_info info = bg_engine_describe(engine);
    ck_assert_msg(strstr(log.text, "2 threads"), "%s", log.text);
    ck_assert_msg(strstr(log.text, info.kernels), "%s", log.text);
    ck_assert_msg(strstr(log.text, "precision highest"), "%s", log.text);
    bool is_serial = !strcmp(info.blas_threading, "serial");
    ck_assert_int_eq(log.warnings, is_serial);
    ck_assert_msg(!strstr(log.text, "taken in turn") == !is_serial, "%s", log.text);
    bg_engine_destroy(engine);
}
END_TEST

START_TEST(peak)
{
    bg_engine *engine = engine_of(1);
    for (int is_f64 = 0; is_f64 < 2; is_f64++) {
        double found = bg_engine_measure_peak(engine, is_f64, 0.02);
        ck_assert_msg(found > 1e7 && found < 1e12, "%g", found);
    }
    ck_assert(bg_engine_measure_peak(engine, false, 0) > 0);
    ck_assert(bg_engine_measure_peak(NULL, false, 1) == 0);
    bg_engine_destroy(engine);
}
END_TEST

/* ---- OpenBLAS's one setting ---- */

START_TEST(thread_setting)
{
    bg_engine *first = engine_of(1);
    bool is_serial = !strcmp(bg_engine_describe(first).blas_threading, "serial");
    bg_engine_destroy(first);
    if (is_serial)
        return;
    openblas_set_num_threads(2);
    int before = openblas_get_num_threads();
    first = engine_of(2);
    bg_engine *second = engine_of(1);
    ck_assert_int_eq(openblas_get_num_threads(), 1);
    bg_engine_destroy(first);
    ck_assert_int_eq(openblas_get_num_threads(), 1);
    bg_tensor *tensor = NULL;
    expect_ok(bg_tensor_create(&tensor, second, BG_F32, BG_SHAPE(2)), "tensor");
    bg_engine_destroy(second);
    ck_assert_int_eq(openblas_get_num_threads(), 1); /* the tensor keeps the engine */
    bg_tensor_destroy(tensor);
    ck_assert_int_eq(openblas_get_num_threads(), before);
}
END_TEST

/* ---- Lifetimes ---- */

/* An engine, a tensor, a view of it and a view of that, destroyed in each of their orders. */
START_TEST(orders_of_destruction)
{
    enum { OBJECTS = 4, ORDERS = 24 };
    for (int order = 0; order < ORDERS; order++) {
        counting counter = { .fail_at = 0 };
        bg_engine *engine = NULL;
        bg_engine_options options = { .threads = 2, .allocator = counting_allocator(&counter) };
        expect_ok(bg_engine_create(&engine, &options), "engine");
        bg_tensor *tensors[3] = { NULL };
        expect_ok(bg_tensor_create(&tensors[0], engine, BG_F32, BG_SHAPE(4, 4)), "tensor");
        expect_ok(bg_tensor_slice(&tensors[1], tensors[0], 0, 1, 3, 1), "view");
        expect_ok(bg_tensor_permute(&tensors[2], tensors[1], BG_ALL_AXES), "view of the view");
        int left[OBJECTS] = { 0, 1, 2, 3 };
        for (int n = OBJECTS, rest = order; n > 0; rest /= n, n--) {
            int pick = rest % n, object = left[pick];
            left[pick] = left[n - 1];
            if (object == 3) {
                bg_engine_destroy(engine);
            } else {
                expect_ok(bg_tensor_fill(tensors[object], 1), "fill");
                bg_tensor_destroy(tensors[object]);
            }
        }
        ck_assert_msg(counter.live == 0 && counter.wrong == 0, "order %d: %lld blocks are left, %lld wrong", order,
                      counter.live, counter.wrong);
    }
}
END_TEST

static void *destroy_tensor(void *tensor)
{
    bg_tensor_destroy(tensor);
    return NULL;
}

START_TEST(destroyed_by_another_thread)
{
    for (int i = 0; i < 20; i++) {
        bg_engine *engine = engine_of(2);
        bg_tensor *tensor = NULL;
        pthread_t thread;
        expect_ok(bg_tensor_create(&tensor, engine, BG_F32, BG_SHAPE(2)), "tensor");
        ck_assert_int_eq(pthread_create(&thread, NULL, destroy_tensor, tensor), 0);
        bg_engine_destroy(engine);
        ck_assert_int_eq(pthread_join(thread, NULL), 0);
    }
}
END_TEST

START_TEST(out_of_memory)
{
    for (int sticky = 0; sticky < 2; sticky++) {
        bg_status status = BG_ERR_NOMEM;
        int failures = 0;
        for (long long n = 1; status != BG_OK; n++) {
            counting counter = { .fail_at = n, .is_sticky = sticky };
            bg_engine *engine = NULL;
            bg_engine_options options = { .threads = 3, .allocator = counting_allocator(&counter) };
            status = bg_engine_create(&engine, &options);
            if (status != BG_OK) {
                failures++;
                expect_failure(status, BG_ERR_NOMEM, "out of memory: ", "engine");
                ck_assert_ptr_null(engine);
            }
            bg_engine_destroy(engine);
            ck_assert_msg(counter.live == 0, "allocation %lld: %lld blocks are left", n, counter.live);
        }
        ck_assert_int_ge(failures, 2);
    }
}
END_TEST

/* ---- Forked children ---- */

START_TEST(barrier)
{
    bg_engine *one = engine_of(1), *three = engine_of(3);
    double found = 1;
    expect_ok(bg_engine_measure_barrier(one, 0.01, &found), "one thread");
    ck_assert(found == 0);
    expect_ok(bg_engine_measure_barrier(three, 0.01, &found), "three threads");
    ck_assert_msg(found > 1e-9 && found < 1, "%g", found);
    expect_ok(bg_engine_measure_barrier(three, 0, &found), "one trial");
    ck_assert(found > 0);
    atomic_store(&three->is_running, true);
    expect_failure(bg_engine_measure_barrier(three, 0, &found), BG_ERR_BUSY, "engine_measure_barrier: ", "busy");
    ck_assert(found == 0);
    atomic_store(&three->is_running, false);
    expect_failure(bg_engine_measure_barrier(NULL, 1, &found), BG_ERR_ARGUMENT, "engine_measure_barrier: ", "NULL");
    expect_failure(bg_engine_measure_barrier(one, 1, NULL), BG_ERR_ARGUMENT, "engine_measure_barrier: ", "no result");
    ck_assert_msg(multiplies_right(three), "the engine runs programs afterwards");
    bg_engine_destroy(one);
    bg_engine_destroy(three);
}
END_TEST

/* What a child does with the parent's objects and with an engine of its own: 0, or the number of what went wrong. */
static int child(bg_engine *engine, bg_tensor *tensor, bg_tensor *view)
{
    bg_tensor *other = NULL;
    float data[4] = { 0 };
    double value = 0;
    if (bg_tensor_create(&other, engine, BG_F32, BG_SHAPE(2)) != BG_ERR_FORKED)
        return 1;
    if (!strstr(bg_last_error(), "tensor_create: the engine belongs to process"))
        return 2;
    if (bg_tensor_fill(tensor, 1) != BG_ERR_FORKED || bg_tensor_copy_to(tensor, data, 16) != BG_ERR_FORKED ||
        bg_tensor_item(tensor, 0, &value) != BG_ERR_FORKED ||
        bg_tensor_slice(&other, tensor, 0, 0, 1, 1) != BG_ERR_FORKED)
        return 3;
    if (bg_engine_measure_peak(engine, false, 0.01) != 0 ||
        bg_engine_measure_barrier(engine, 0.01, &value) != BG_ERR_FORKED)
        return 4;
    bg_tensor_destroy(tensor);

    bg_engine *own = NULL;
    bg_engine_options options = { .threads = 3 };
    if (bg_engine_create(&own, &options) != BG_OK)
        return 5;
    if (!multiplies_right(own))
        return 6;
    bg_engine_destroy(engine);
    bg_tensor_destroy(view);
    if (!multiplies_right(own))
        return 7;
    if (bg_tensor_create(&other, own, BG_F32, BG_SHAPE(2)) != BG_OK || bg_tensor_fill(other, 3) != BG_OK)
        return 8;
    bg_engine_destroy(own);
    bg_tensor_destroy(other);
    return 0;
}

START_TEST(forked)
{
    bg_engine *engine = engine_of(2);
    bg_tensor *tensor = NULL, *view = NULL;
    expect_ok(bg_tensor_create(&tensor, engine, BG_F32, BG_SHAPE(4)), "tensor");
    expect_ok(bg_tensor_slice(&view, tensor, 0, 0, 2, 1), "view");
    ck_assert(multiplies_right(engine));
    for (int i = 0; i < 50; i++) {
        pid_t process = fork();
        ck_assert_int_ge(process, 0);
        if (process == 0) {
            end_with_parent();
            _exit(child(engine, tensor, view));
        }
        if (i % 2)
            ck_assert(multiplies_right(engine));
        int status = -1;
        ck_assert_int_eq(waitpid(process, &status, 0), process);
        ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "child %d: status %x", i, (unsigned)status);
    }
    expect_ok(bg_tensor_fill(tensor, 2), "the parent goes on");
    ck_assert(multiplies_right(engine));
    bg_engine_destroy(engine);
    bg_tensor_destroy(view);
    bg_tensor_destroy(tensor);
}
END_TEST

/* Forks while another thread of the parent is inside OpenBLAS, and makes and destroys engines. */
static atomic_bool is_enough;
static void *keep_busy(void *unused)
{
    (void)unused;
    while (!atomic_load(&is_enough)) {
        bg_engine *engine = NULL;
        bg_engine_options options = { .threads = 1 };
        if (bg_engine_create(&engine, &options) == BG_OK)
            (void)multiplies_right(engine);
        bg_engine_destroy(engine);
    }
    return NULL;
}

START_TEST(forked_meanwhile)
{
    pthread_t thread;
    atomic_store(&is_enough, false);
    ck_assert_int_eq(pthread_create(&thread, NULL, keep_busy, NULL), 0);
    int wrong = 0;
    for (int i = 0; i < 20; i++) {
        pid_t process = fork();
        if (process == 0) {
            end_with_parent();
            bg_engine *own = NULL;
            bg_engine_options options = { .threads = 2 };
            if (bg_engine_create(&own, &options) != BG_OK)
                _exit(1);
            bool is_right = multiplies_right(own);
            bg_engine_destroy(own);
            _exit(is_right ? 0 : 2);
        }
        int status = -1;
        wrong += process < 0 || waitpid(process, &status, 0) != process || status != 0;
    }
    atomic_store(&is_enough, true);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_int_eq(wrong, 0);
}
END_TEST

/* ---- Engines side by side ---- */

static void *use_engines(void *result)
{
    bool is_right = true;
    for (int i = 0; i < 8; i++) {
        bg_engine *engine = NULL;
        bg_engine_options options = { .threads = 1 + i % 4 };
        is_right = is_right && bg_engine_create(&engine, &options) == BG_OK && multiplies_right(engine) &&
                   bg_engine_describe(engine).blas != NULL;
        bg_engine_destroy(engine);
    }
    *(bool *)result = is_right;
    return NULL;
}

START_TEST(side_by_side)
{
    pthread_t threads[4];
    bool results[4] = { false };
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, use_engines, &results[i]), 0);
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    for (int i = 0; i < 4; i++)
        ck_assert_msg(results[i], "thread %d", i);
}
END_TEST

/* ---- What the system refuses ---- */

/* More threads than OpenBLAS has buffers for, all inside it: it would print, or end the process. */
static void multiply_small(void *context, int worker)
{
    float a[16 * 16], c[16 * 16];
    for (int i = 0; i < 16 * 16; i++)
        a[i] = 1;
    bgi_pool_barrier(context);
    for (int i = 0; i < 20; i++)
        bgi_blas_gemm_f32(false, false, 16, 16, 16, a, 16, a, 16, c, 16);
    ck_assert_msg(c[17] == 16, "worker %d", worker);
}

START_TEST(most_threads)
{
    int streams[2], saved = dup(STDOUT_FILENO);
    ck_assert_int_eq(pipe(streams), 0);
    (void)fflush(stdout);
    ck_assert_int_ge(dup2(streams[1], STDOUT_FILENO), 0);
    bg_engine *engine = NULL;
    bg_engine_options options = { .threads = 1024 };
    bg_status status = bg_engine_create(&engine, &options);
    if (status == BG_OK)
        bgi_pool_run(engine->pool, multiply_small, engine->pool);
    bg_engine_destroy(engine);
    (void)fflush(stdout);
    ck_assert_int_ge(dup2(saved, STDOUT_FILENO), 0);
    (void)close(saved);
    (void)close(streams[1]);
    char text[256] = "";
    ssize_t count = read(streams[0], text, sizeof text - 1);
    (void)close(streams[0]);
    expect_ok(status, "1024 threads");
    ck_assert_msg(count == 0, "printed: %s", text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("engine");
    TCase *cases = tcase_create("engine");
    tcase_add_loop_test(cases, refused, 0, (int)(sizeof refusals / sizeof *refusals));
    tcase_add_test(cases, described);
    tcase_add_test(cases, logged);
    tcase_add_test(cases, peak);
    tcase_add_test(cases, barrier);
    tcase_add_test(cases, thread_setting);
    tcase_add_test(cases, orders_of_destruction);
    tcase_add_test(cases, destroyed_by_another_thread);
    tcase_add_test(cases, out_of_memory);
    /* ThreadSanitizer ends a forked child that starts threads; the allocator of AddressSanitizer stays locked in the
     * child if another thread of the parent was in it. */
    if (!IS_THREAD_SANITIZED)
        tcase_add_test(cases, forked);
    if (!IS_THREAD_SANITIZED && !IS_ADDRESS_SANITIZED)
        tcase_add_test(cases, forked_meanwhile);
    tcase_add_test(cases, side_by_side);
    tcase_add_test(cases, most_threads);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
