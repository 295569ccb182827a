/* The worker pool: everybody works, everybody meets, the floating-point state, waking and ending. */
#define _GNU_SOURCE
#include "base/pool.h"

#include "support/expect.h"
#include "support/suite.h"

#include <fenv.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static bg_engine *engine_of(int threads)
{
    bg_engine *engine = NULL;
    bg_engine_options options = { .threads = threads };
    expect_ok(bg_engine_create(&engine, &options), "engine");
    return engine;
}

static const int thread_counts[] = { 1, 2, 3, 4, 8 };
enum { THREAD_COUNTS = sizeof thread_counts / sizeof *thread_counts, MOST = 8 };

/* ---- Work ---- */

typedef struct {
    bgi_pool *pool;
    int threads;
    int done[MOST]; /* plain on purpose: the pool alone orders the accesses */
    int total;
    int wrong;
} tally;

static void count_once(void *context, int worker)
{
    tally *t = context;
    t->done[worker]++;
}

START_TEST(everybody_works)
{
    enum { RUNS = 2000 };
    int threads = thread_counts[_i];
    bg_engine *engine = engine_of(threads);
    tally t = { .threads = threads };
    for (int run = 1; run <= RUNS; run++) {
        bgi_pool_run(engine->pool, count_once, &t);
        for (int w = 0; w < MOST; w++)
            ck_assert_msg(t.done[w] == (w < threads ? run : 0), "%d threads, run %d: worker %d worked %d times",
                          threads, run, w, t.done[w]);
    }
    bgi_pool_run_alone(engine->pool, count_once, &t);
    ck_assert_int_eq(t.done[0], RUNS + 1);
    bg_engine_destroy(engine);
}
END_TEST

/* In turn each worker adds up what all have written before the barrier. */
static void meet(void *context, int worker)
{
    enum { ROUNDS = 300 };
    tally *t = context;
    for (int round = 1; round <= ROUNDS; round++) {
        t->done[worker] = round * (worker + 1);
        bgi_pool_barrier(t->pool);
        if (worker == round % t->threads) {
            int sum = 0;
            for (int w = 0; w < t->threads; w++)
                sum += t->done[w];
            if (sum != round * t->threads * (t->threads + 1) / 2)
                t->wrong++;
            t->total += sum;
        }
        bgi_pool_barrier(t->pool);
    }
}

START_TEST(everybody_meets)
{
    int threads = thread_counts[_i];
    bg_engine *engine = engine_of(threads);
    tally t = { .pool = engine->pool, .threads = threads };
    for (int run = 0; run < 10; run++)
        bgi_pool_run(engine->pool, meet, &t);
    ck_assert_msg(t.wrong == 0, "%d threads: %d rounds saw an old value", threads, t.wrong);
    ck_assert_int_eq(t.total, 10 * (300 * 301 / 2) * (threads * (threads + 1) / 2));
    bg_engine_destroy(engine);
}
END_TEST

/* ---- Waiting ---- */

static double seconds(clockid_t clock)
{
    struct timespec now;
    ck_assert_int_eq(clock_gettime(clock, &now), 0);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void sleep_for(long nanoseconds)
{
    struct timespec span = { .tv_nsec = nanoseconds };
    (void)nanosleep(&span, NULL);
}

START_TEST(sleepers_wake)
{
    bg_engine *engine = engine_of(4);
    tally t = { .threads = 4 };
    /* Pauses around the time after which workers go to sleep. */
    for (int run = 0; run < 400; run++) {
        bgi_pool_run(engine->pool, count_once, &t);
        sleep_for(run % 40 * 5000);
    }
    for (int w = 0; w < 4; w++)
        ck_assert_int_eq(t.done[w], 400);
    bg_engine_destroy(engine);
}
END_TEST

START_TEST(idle_costs_nothing)
{
    bg_engine *engine = engine_of(2);
    tally t = { .threads = 2 };
    bgi_pool_run(engine->pool, count_once, &t);
    /* OpenBLAS's own threads spin for a while after the library was loaded. */
    double best = 1;
    for (int i = 0; i < 20 && best > 0.002; i++) {
        sleep_for(50000000);
        double before = seconds(CLOCK_PROCESS_CPUTIME_ID);
        sleep_for(100000000);
        double used = seconds(CLOCK_PROCESS_CPUTIME_ID) - before;
        best = used < best ? used : best;
    }
    ck_assert_msg(best <= 0.002, "an idle engine used %.1f ms of 100 ms", 1e3 * best);
    bg_engine_destroy(engine);
}
END_TEST

static void nap(void *context, int worker)
{
    tally *t = context;
    if (worker == t->total % t->threads)
        sleep_for(300000);
    bgi_pool_barrier(t->pool);
    t->done[worker]++;
}

START_TEST(slow_workers_are_waited_for)
{
    bg_engine *engine = engine_of(4);
    tally t = { .pool = engine->pool, .threads = 4 };
    for (t.total = 0; t.total < 100; t.total++) {
        bgi_pool_run(engine->pool, nap, &t);
        for (int w = 0; w < 4; w++)
            ck_assert_int_eq(t.done[w], t.total + 1);
    }
    bg_engine_destroy(engine);
}
END_TEST

/* ---- Floating-point state ---- */

typedef struct {
    volatile float tiny[MOST];
    volatile double above[MOST];
} floats;

static void compute(void *context, int worker)
{
    floats *f = context;
    f->tiny[worker] = f->tiny[worker] * 0.5F;      /* from the least normal number to a denormal */
    f->above[worker] = f->above[worker] + 0x1p-60; /* more than 1 only if rounded up */
    if (worker > 0)
        (void)fesetround(FE_UPWARD); /* what one run leaves behind does not reach the next */
}

START_TEST(floating_point_state)
{
#if defined(__x86_64__) || defined(__aarch64__)
    const bool is_known = true;
#else
    const bool is_known = false;
#endif
    int threads = thread_counts[_i];
    bg_engine *engine = engine_of(threads);
    ck_assert_int_eq(fesetround(FE_UPWARD), 0);
    for (int run = 0; run < 4; run++) {
        bool is_alone = run == 3;
        floats f;
        for (int w = 0; w < threads; w++) {
            f.tiny[w] = 0x1p-126F;
            f.above[w] = 1;
        }
        (is_alone ? bgi_pool_run_alone : bgi_pool_run)(engine->pool, compute, &f);
        for (int w = 0; is_known && w < (is_alone ? 1 : threads); w++) {
            ck_assert_msg(f.tiny[w] == 0, "run %d of %d threads: worker %d keeps denormals", run, threads, w);
            ck_assert_msg(f.above[w] == 1, "run %d of %d threads: worker %d rounds up", run, threads, w);
        }
    }
    volatile float tiny = 0x1p-126F;
    volatile double above = 1;
    tiny = tiny * 0.5F;
    above = above + 0x1p-60;
    int rounding = fegetround();
    ck_assert_int_eq(fesetround(FE_TONEAREST), 0);
    ck_assert_int_eq(rounding, FE_UPWARD);
    ck_assert(tiny == 0x1p-127F);
    ck_assert(above > 1);
    bg_engine_destroy(engine);
}
END_TEST

/* ---- Threads ---- */

typedef struct {
    sigset_t blocked[MOST];
    char name[MOST][16];
} thread_state;

static void look(void *context, int worker)
{
    thread_state *s = context;
    (void)pthread_sigmask(SIG_BLOCK, NULL, &s->blocked[worker]);
    (void)pthread_getname_np(pthread_self(), s->name[worker], sizeof s->name[worker]);
}

START_TEST(signals_and_names)
{
    sigset_t before, after;
    (void)pthread_sigmask(SIG_BLOCK, NULL, &before);
    bg_engine *engine = engine_of(3);
    (void)pthread_sigmask(SIG_BLOCK, NULL, &after);
    thread_state s;
    memset(&s, 0, sizeof s);
    bgi_pool_run(engine->pool, look, &s);
    static const int host[] = { SIGINT, SIGTERM, SIGHUP, SIGCHLD, SIGUSR1, SIGALRM, SIGPIPE };
    static const int own[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL };
    for (size_t i = 0; i < sizeof host / sizeof *host; i++) {
        ck_assert_int_eq(sigismember(&before, host[i]), sigismember(&after, host[i]));
        ck_assert_int_eq(sigismember(&s.blocked[0], host[i]), sigismember(&before, host[i]));
        for (int w = 1; w < 3; w++)
            ck_assert_msg(sigismember(&s.blocked[w], host[i]), "worker %d takes signal %d", w, host[i]);
    }
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        ck_assert_msg(!sigismember(&s.blocked[1], own[i]), "signal %d is blocked", own[i]);
    ck_assert_str_eq(s.name[1], "blasgrad");
    ck_assert_str_eq(s.name[2], "blasgrad");
    bg_engine_destroy(engine);
}
END_TEST

START_TEST(made_and_ended_at_once)
{
    for (int i = 0; i < 100; i++)
        bg_engine_destroy(engine_of(thread_counts[i % THREAD_COUNTS]));
}
END_TEST

/* Engines side by side, each with a thread of its own. */
static void *use_engine(void *context)
{
    int threads = *(const int *)context;
    bg_engine *engine = engine_of(threads);
    tally t = { .pool = engine->pool, .threads = threads };
    for (int run = 0; run < 5; run++)
        bgi_pool_run(engine->pool, meet, &t);
    ck_assert_int_eq(t.wrong, 0);
    bg_engine_destroy(engine);
    return NULL;
}

START_TEST(side_by_side)
{
    pthread_t users[6];
    for (size_t i = 0; i < 6; i++)
        ck_assert_int_eq(pthread_create(&users[i], NULL, use_engine, (void *)&thread_counts[i % 4]), 0);
    for (size_t i = 0; i < 6; i++)
        ck_assert_int_eq(pthread_join(users[i], NULL), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("pool");
    TCase *cases = tcase_create("pool");
    tcase_add_loop_test(cases, everybody_works, 0, THREAD_COUNTS);
    tcase_add_loop_test(cases, everybody_meets, 0, THREAD_COUNTS);
    tcase_add_test(cases, sleepers_wake);
    tcase_add_test(cases, idle_costs_nothing);
    tcase_add_test(cases, slow_workers_are_waited_for);
    tcase_add_loop_test(cases, floating_point_state, 0, THREAD_COUNTS);
    tcase_add_test(cases, signals_and_names);
    tcase_add_test(cases, made_and_ended_at_once);
    tcase_add_test(cases, side_by_side);
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
