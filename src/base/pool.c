/* The worker pool. Workers wait for the next run on one event, everybody meets at another; whoever waits spins for a
 * while and then sleeps in the kernel, so that an idle engine costs nothing. */
#define _GNU_SOURCE
#include "base/pool.h"

#include "base/clock.h"
#include "base/cpu.h"
#include "base/fp.h"
#include "base/thread.h"

#include <blasgrad/graph.h>

#include <limits.h>
#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

/* How long a thread looks out for its event before it sleeps. Waking a sleeper costs some 5 to 50 us. */
enum { SPIN_NANOSECONDS = 60000 };

/* ---- Events ---- */

/* A number that changes when the event happens. It has cache lines of its own: waiting threads read it all the time. */
typedef struct {
    _Alignas(64) atomic_uint count;
    atomic_int sleepers;
} event;

struct bgi_pool {
    bg_engine *engine;
    int threads;
    int started; /* pthreads, which is threads - 1 once the pool is made */
    bool spins;  /* there is a processor for every thread */
    size_t bytes;

    bgi_work *work; /* NULL asks the workers to end; written before `run` happens */
    void *context;
    event run;     /* work has been set */
    event meeting; /* all threads have arrived */
    _Alignas(64) atomic_int arrived;

    _Alignas(64) struct worker {
        bgi_pool *pool;
        pthread_t thread;
        int index;
    } workers[];
};

static void pause_briefly(void)
{
#if defined(__x86_64__)
    _mm_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* The change is visible before the count of sleepers is read, and a sleeper counts itself before it looks for the
 * change: one of the two sees the other. */
static void event_happen(event *e)
{
    atomic_fetch_add_explicit(&e->count, 1, memory_order_seq_cst);
    if (atomic_load_explicit(&e->sleepers, memory_order_seq_cst) > 0)
        (void)syscall(SYS_futex, &e->count, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

/* Waits until the event's count is no longer `old`. */
static void event_wait(event *e, unsigned old, bool spins)
{
    enum { PAUSES = 32, ROUNDS_ALONE = 2 }; /* pauses between two looks at the clock, a round */
    if (spins) {
        int64_t end = 0;
        for (int round = 0; end == 0 || bgi_clock_nanoseconds() < end; round++) {
            for (int i = 0; i < PAUSES; i++) {
                if (atomic_load_explicit(&e->count, memory_order_acquire) != old)
                    return;
                pause_briefly();
            }
            if (end == 0)
                end = bgi_clock_nanoseconds() + SPIN_NANOSECONDS;
            /* The thread that is waited for may stand behind this one on the same processor. */
            if (round >= ROUNDS_ALONE)
                (void)sched_yield();
        }
    }
    atomic_fetch_add_explicit(&e->sleepers, 1, memory_order_seq_cst);
    while (atomic_load_explicit(&e->count, memory_order_seq_cst) == old)
        (void)syscall(SYS_futex, &e->count, FUTEX_WAIT_PRIVATE, old, NULL, NULL, 0);
    atomic_fetch_sub_explicit(&e->sleepers, 1, memory_order_relaxed);
}

static unsigned event_count(event *e) { return atomic_load_explicit(&e->count, memory_order_acquire); }

/* Says that this thread has come; true if it was the last, who tells the others. The count of the meeting has to be
 * read before, since the event may happen at any time from here on. */
static bool arrive(bgi_pool *pool)
{
    if (atomic_fetch_add_explicit(&pool->arrived, 1, memory_order_acq_rel) + 1 < pool->threads)
        return false;
    atomic_store_explicit(&pool->arrived, 0, memory_order_relaxed);
    event_happen(&pool->meeting);
    return true;
}

void bgi_pool_barrier(bgi_pool *pool)
{
    if (pool->threads == 1)
        return;
    unsigned old = event_count(&pool->meeting);
    if (!arrive(pool))
        event_wait(&pool->meeting, old, pool->spins);
}

/* ---- Threads ---- */

static void *worker_main(void *argument)
{
    struct worker *worker = argument;
    bgi_pool *pool = worker->pool;
    /* The pool was made with run.count 0, and run n + 1 starts only when all have arrived at the end of run n. */
    for (unsigned seen = 0;; seen++) {
        event_wait(&pool->run, seen, pool->spins);
        if (!pool->work)
            return NULL;
        bgi_fp_set(bgi_fp_flushing()); /* each time: a work function may have changed it */
        pool->work(pool->context, worker->index);
        (void)arrive(pool);
    }
}

static void end_workers(bgi_pool *pool)
{
    pool->work = NULL;
    event_happen(&pool->run);
    for (int i = 0; i < pool->started; i++)
        (void)pthread_join(pool->workers[i].thread, NULL);
}

bg_status bgi_pool_create(bgi_pool **pool, bg_engine *engine, int threads)
{
    size_t bytes = sizeof(bgi_pool) + (size_t)threads * sizeof(struct worker);
    bgi_pool *p = bgi_alloc_zero(engine, bytes);
    if (!p)
        return BG_ERR_NOMEM;
    p->engine = engine;
    p->threads = threads;
    p->bytes = bytes;
    p->spins = threads <= bgi_cpu_threads();

    int error = 0;
    while (error == 0 && p->started < threads - 1) {
        struct worker *worker = &p->workers[p->started];
        *worker = (struct worker){ .pool = p, .index = p->started + 1 };
        error = bgi_thread_start(&worker->thread, worker_main, worker);
        p->started += error == 0;
    }
    if (error) {
        int started = p->started;
        end_workers(p);
        bgi_free(engine, p, bytes);
        return bg_fail(BG_ERR_SYSTEM, "engine: worker thread %d of %d cannot be started: error %d of the system",
                       started + 1, threads - 1, error);
    }
    *pool = p;
    return BG_OK;
}

void bgi_pool_destroy(bgi_pool *pool)
{
    if (!pool)
        return;
    if (pool->engine->process == (int)getpid())
        end_workers(pool);
    bgi_free(pool->engine, pool, pool->bytes);
}

void bgi_pool_run_alone(bgi_pool *pool, bgi_work *work, void *context)
{
    (void)pool;
    bgi_fp_state before = bgi_fp_get();
    bgi_fp_set(bgi_fp_flushing());
    work(context, 0);
    bgi_fp_set(before);
}

void bgi_pool_run(bgi_pool *pool, bgi_work *work, void *context)
{
    if (pool->threads == 1) {
        bgi_pool_run_alone(pool, work, context);
        return;
    }
    pool->work = work;
    pool->context = context;
    event_happen(&pool->run);

    bgi_fp_state before = bgi_fp_get();
    bgi_fp_set(bgi_fp_flushing());
    work(context, 0);
    bgi_fp_set(before);
    bgi_pool_barrier(pool); /* the others arrive without waiting */
}
