/* CBLAS, and the state of OpenBLAS that belongs to the whole process. */
#define _GNU_SOURCE
#include "blas/blas.h"

#include <cblas.h>

#include <assert.h>
#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

typedef enum { SERIAL = 0, PTHREAD = 1, OPENMP = 2 } threading; /* as openblas_get_parallel() says */

/* The process-wide state: written under `setting`, or by the one thread that renews it in a child. */
static struct {
    pthread_mutex_t setting; /* over the fields below */
    pthread_mutex_t turn;    /* over every call of a serial build */
    atomic_int process;      /* whose locks these are; RENEWING while a child makes them anew */
    sem_t places;            /* calls that may still begin, if they are counted */
    atomic_bool is_counting;
    int holders;
    int threads;     /* of all engines */
    int threads_max; /* that OpenBLAS was built for */
    int threads_before;
    threading threading;
    const char *description;
    int (*omp_get_max_threads)(void);
    void (*omp_set_num_threads)(int);
} state = { .setting = PTHREAD_MUTEX_INITIALIZER, .turn = PTHREAD_MUTEX_INITIALIZER };

enum { RENEWING = -1 };

/* A lock that another thread held at the time of a fork stays locked in the child for ever, so a child makes its own.
 */
static void lock_setting(void)
{
    int self = (int)getpid();
    int owner = atomic_load(&state.process);
    while (owner != self) {
        if (owner != RENEWING && atomic_compare_exchange_strong(&state.process, &owner, RENEWING)) {
            if (owner != 0) {
                (void)pthread_mutex_init(&state.setting, NULL);
                (void)pthread_mutex_init(&state.turn, NULL);
                atomic_store(&state.is_counting, false);
            }
            atomic_store(&state.process, self);
            break;
        }
        (void)sched_yield();
        owner = atomic_load(&state.process);
    }
    (void)pthread_mutex_lock(&state.setting);
}

/* OpenBLAS has two buffers for each of the threads that it was built for; a call that finds none free prints and ends
 * the process. With more threads than that, calls are counted; those that began before are covered by the second
 * buffers. */
static int threads_built_for(const char *description)
{
    enum { LEAST = 25, MOST = 1 << 16 }; /* there are 50 buffers in any build */
    static const char key[] = "MAX_THREADS=";
    const char *found = strstr(description, key);
    int threads = 0;
    for (const char *digit = found ? found + sizeof key - 1 : ""; *digit >= '0' && *digit <= '9' && threads < MOST;
         digit++)
        threads = 10 * threads + (*digit - '0');
    return threads > LEAST ? threads : LEAST;
}

/* A function of the OpenMP runtime that OpenBLAS brought along, which the library itself is not linked with. */
static void find_function(const char *name, void *function)
{
    void *address = dlsym(RTLD_DEFAULT, name);
    memcpy(function, &address, sizeof address);
}

void bgi_blas_acquire(int threads)
{
    lock_setting();
    if (state.holders++ == 0) {
        int parallel = openblas_get_parallel();
        state.threading = parallel == SERIAL || parallel == OPENMP ? (threading)parallel : PTHREAD;
        /* OpenBLAS puts the text together anew at each call, in one place: only while nobody reads it. */
        state.description = openblas_get_config();
        if (state.threading == OPENMP) {
            find_function("omp_get_max_threads", &state.omp_get_max_threads);
            find_function("omp_set_num_threads", &state.omp_set_num_threads);
        }
        state.threads_before = openblas_get_num_threads();
        state.threads_max = threads_built_for(state.description);
    }
    state.threads += threads;
    if (state.threading != SERIAL && state.threads > state.threads_max && !atomic_load(&state.is_counting)) {
        (void)sem_init(&state.places, 0, (unsigned)state.threads_max);
        atomic_store(&state.is_counting, true);
    }
    if (state.threading != SERIAL)
        openblas_set_num_threads(1);
    (void)pthread_mutex_unlock(&state.setting);
}

void bgi_blas_release(int threads)
{
    lock_setting();
    assert(state.holders > 0);
    state.threads -= threads;
    if (--state.holders == 0) {
        if (state.threading != SERIAL)
            openblas_set_num_threads(state.threads_before);
        atomic_store(&state.is_counting, false);
    }
    (void)pthread_mutex_unlock(&state.setting);
}

/* In an OpenMP build each call takes the thread count of the calling thread's OpenMP state, whatever the setting says.
 */
bgi_blas_call bgi_blas_enter(void)
{
    bgi_blas_call call = { .openmp_threads = 0 };
    if (state.threading == SERIAL) {
        (void)pthread_mutex_lock(&state.turn);
        return call;
    }
    if (state.threading == OPENMP && state.omp_get_max_threads && state.omp_set_num_threads) {
        call.openmp_threads = state.omp_get_max_threads();
        if (call.openmp_threads != 1)
            state.omp_set_num_threads(1);
    }
    call.is_counted = atomic_load_explicit(&state.is_counting, memory_order_acquire);
    while (call.is_counted && sem_wait(&state.places) != 0)
        continue; /* a signal's handler ran */
    return call;
}

void bgi_blas_leave(bgi_blas_call call)
{
    if (state.threading == SERIAL) {
        (void)pthread_mutex_unlock(&state.turn);
        return;
    }
    if (call.is_counted)
        (void)sem_post(&state.places);
    if (call.openmp_threads > 1)
        state.omp_set_num_threads(call.openmp_threads);
}

const char *bgi_blas_description(void) { return state.description; }

const char *bgi_blas_core(void) { return openblas_get_corename(); }

const char *bgi_blas_threading(void)
{
    static const char *const names[] = { [SERIAL] = "serial", [PTHREAD] = "pthread", [OPENMP] = "openmp" };
    return names[state.threading];
}

bool bgi_blas_is_serial(void) { return state.threading == SERIAL; }

bool bgi_blas_fits(int64_t dimension)
{
    return dimension >= 0 && dimension <= (sizeof(blasint) == sizeof(int) ? (int64_t)INT_MAX : INT64_MAX);
}

static blasint narrow(int64_t dimension)
{
    assert(bgi_blas_fits(dimension));
    return (blasint)dimension;
}

/* A leading dimension: one row may be said to have any, where CBLAS asks for the row's length. */
static blasint leading(int64_t dimension, int64_t columns)
{
    return narrow(dimension > columns ? dimension : columns > 1 ? columns : 1);
}

/* The bodies for one element type. The cases of size 0 are ours, because OpenBLAS leaves the result as it was in some.
 */
#define BLAS_FUNCTIONS(suffix, letter, type)                                                                           \
    void bgi_blas_gemm_##suffix(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, const type *a,    \
                                int64_t lda, const type *b, int64_t ldb, bool accumulate, type *c, int64_t ldc)        \
    {                                                                                                                  \
        if (m == 0 || n == 0)                                                                                          \
            return;                                                                                                    \
        if (k == 0) {                                                                                                  \
            for (int64_t i = 0; i < m && !accumulate; i++)                                                             \
                memset(c + i * ldc, 0, (size_t)n * sizeof *c);                                                         \
            return;                                                                                                    \
        }                                                                                                              \
        bgi_blas_call call = bgi_blas_enter();                                                                         \
        cblas_##letter##gemm(CblasRowMajor, transpose_a ? CblasTrans : CblasNoTrans,                                   \
                             transpose_b ? CblasTrans : CblasNoTrans, narrow(m), narrow(n), narrow(k), 1, a,           \
                             leading(lda, transpose_a ? m : k), b, leading(ldb, transpose_b ? k : n),                  \
                             accumulate ? 1 : 0, c, leading(ldc, n));                                                  \
        bgi_blas_leave(call);                                                                                          \
    }                                                                                                                  \
    void bgi_blas_gemv_##suffix(bool transpose, int64_t m, int64_t n, const type *a, int64_t lda, const type *x,       \
                                int64_t incx, type *y)                                                                 \
    {                                                                                                                  \
        /* y is added to, from zero: with a factor of 0 some versions let NaN in the old y through. */                 \
        memset(y, 0, (size_t)(transpose ? n : m) * sizeof *y);                                                         \
        if (m == 0 || n == 0)                                                                                          \
            return;                                                                                                    \
        bgi_blas_call call = bgi_blas_enter();                                                                         \
        cblas_##letter##gemv(CblasRowMajor, transpose ? CblasTrans : CblasNoTrans, narrow(m), narrow(n), 1, a,         \
                             leading(lda, n), x, (blasint)incx, 1, y, 1);                                              \
        bgi_blas_leave(call);                                                                                          \
    }

BLAS_FUNCTIONS(f32, s, float)
BLAS_FUNCTIONS(f64, d, double)

void bgi_blas_warm(void)
{
    /* Large enough that the workers, who come here together, are inside at the same time and each gets a buffer. */
    enum { N = 64 };
    float a[N * N], c[N * N];
    for (int i = 0; i < N * N; i++)
        a[i] = 1;
    bgi_blas_gemm_f32(false, false, N, N, N, a, N, a, N, false, c, N);
}
