/* CBLAS, and the state of OpenBLAS that belongs to the whole process. */
#define _GNU_SOURCE
#include "blas/blas.h"

#include <blasgrad/graph.h>

#include <cblas.h>

#include <assert.h>
#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <unistd.h>

/* OpenBLAS's own, in no header; a build may hide them. */
void *blas_memory_alloc(int place) __attribute__((weak));
void blas_memory_free(void *buffer) __attribute__((weak));

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
    int buffers;     /* that OpenBLAS is known to have */
    int threads_before;
    threading threading;
    bool waits_in_forks;
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
                /* A thread that was in a call has left its buffer in use for ever. */
                state.buffers = 0;
            }
            atomic_store(&state.process, self);
            break;
        }
        (void)sched_yield();
        owner = atomic_load(&state.process);
    }
    (void)pthread_mutex_lock(&state.setting);
}

static void unlock_setting(void) { (void)pthread_mutex_unlock(&state.setting); }

/* OpenBLAS starts its own threads again when its thread count is set after a fork. A lock of its own that is held then
 * by one thread, while another forks, would stay locked in the child: so forks wait for whoever sets it. */
static void wait_in_forks(void)
{
    if (!state.waits_in_forks)
        (void)pthread_atfork(lock_setting, unlock_setting, unlock_setting);
    state.waits_in_forks = true;
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

/* What OpenBLAS maps for a buffer: seen with strace in the serial, pthread and OpenMP builds of 0.3.21. */
enum { BUFFER_MIB = 128 };

/* Maps what OpenBLAS will for so many buffers, one after the other, and gives it back. */
static int count_room(int buffers)
{
    size_t bytes = (size_t)BUFFER_MIB << 20;
    void *last = NULL; /* each holds the address of the one before */
    int found = 0;
    while (found < buffers) {
        void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED)
            break;
        memcpy(memory, &last, sizeof last);
        last = memory;
        found++;
    }
    while (last) {
        void *before;
        memcpy(&before, last, sizeof before);
        (void)munmap(last, bytes);
        last = before;
    }
    return found;
}

/* Has OpenBLAS make so many buffers, by holding them all at one time. It keeps them, so that no later call has to ask
 * the system for memory: where that is refused, OpenBLAS tries again for ever. */
static bg_status make_buffers(int wanted)
{
    int room = count_room(wanted);
    if (room < wanted)
        return bg_fail(BG_ERR_NOMEM,
                       "engine: out of memory: OpenBLAS takes %d MiB of address space for each thread, its own among "
                       "them; %d times that is needed, and there is room for %d",
                       BUFFER_MIB, wanted, room);
    void *held = NULL;
    for (int i = 0; i < wanted && blas_memory_alloc; i++) {
        void *buffer = blas_memory_alloc(0);
        if (!buffer)
            break;
        memcpy(buffer, &held, sizeof held);
        held = buffer;
    }
    while (held) {
        void *before;
        memcpy(&before, held, sizeof before);
        blas_memory_free(held);
        held = before;
    }
    state.buffers = wanted;
    return BG_OK;
}

/* The first engine looks at OpenBLAS and remembers its setting. */
static void look_at_blas(void)
{
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

static int smaller(int a, int b) { return a < b ? a : b; }

/* The buffers that engines of so many threads in all may need at one time. OpenBLAS's own threads take one each:
 * those of a pthread build when they first run, which may be at any time after the program's start, and all of an
 * OpenMP build, the caller's among them, whenever its thread count is set. */
static int buffers_for(int threads)
{
    if (state.threading == SERIAL)
        return 1;
    int own = state.threads_before - (state.threading == PTHREAD);
    /* There are two for each thread of OpenBLAS; its own may have theirs already, and calls be under way. */
    int most = 2 * state.threads_max - own - smaller(state.threads, state.threads_max);
    return smaller(smaller(threads, state.threads_max) + own, most);
}

bg_status bgi_blas_acquire(int threads)
{
    lock_setting();
    wait_in_forks();
    if (state.holders == 0)
        look_at_blas();
    int buffers = buffers_for(state.threads + threads);
    bg_status status = BG_OK;
    if (buffers > state.buffers) {
        if (state.threading == SERIAL)
            (void)pthread_mutex_lock(&state.turn);
        status = make_buffers(buffers);
        if (state.threading == SERIAL)
            (void)pthread_mutex_unlock(&state.turn);
    }
    if (status == BG_OK) {
        state.holders++;
        state.threads += threads;
        if (state.threading != SERIAL && state.threads > state.threads_max && !atomic_load(&state.is_counting)) {
            (void)sem_init(&state.places, 0, (unsigned)state.threads_max);
            atomic_store(&state.is_counting, true);
        }
        /* In a forked child, setting what is set already would start OpenBLAS's own threads again. */
        if (state.threading != SERIAL && openblas_get_num_threads() != 1)
            openblas_set_num_threads(1);
    }
    unlock_setting();
    return status;
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
    unlock_setting();
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

const char *bgi_blas_faster_core(bool has_avx512)
{
    static const char *const without_avx2[] = { "Katmai",      "Coppermine", "Northwood",  "Prescott",     "Banias",
                                                "Atom",        "Core2",      "Penryn",     "Dunnington",   "Nehalem",
                                                "Sandybridge", "Athlon",     "Opteron",    "Opteron_SSE3", "Barcelona",
                                                "Bobcat",      "Bulldozer",  "Piledriver", "Nano" };
    const char *core = bgi_blas_core();
    for (size_t i = 0; i < sizeof without_avx2 / sizeof *without_avx2; i++)
        if (strcasecmp(core, without_avx2[i]) == 0)
            return has_avx512 ? "SkylakeX" : "Haswell";
    return NULL;
}

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
                                int64_t lda, const type *b, int64_t ldb, type *c, int64_t ldc)                         \
    {                                                                                                                  \
        if (m == 0 || n == 0)                                                                                          \
            return;                                                                                                    \
        if (k == 0) {                                                                                                  \
            for (int64_t i = 0; i < m; i++)                                                                            \
                memset(c + i * ldc, 0, (size_t)n * sizeof *c);                                                         \
            return;                                                                                                    \
        }                                                                                                              \
        bgi_blas_call call = bgi_blas_enter();                                                                         \
        cblas_##letter##gemm(CblasRowMajor, transpose_a ? CblasTrans : CblasNoTrans,                                   \
                             transpose_b ? CblasTrans : CblasNoTrans, narrow(m), narrow(n), narrow(k), 1, a,           \
                             leading(lda, transpose_a ? m : k), b, leading(ldb, transpose_b ? k : n), 0, c,            \
                             leading(ldc, n));                                                                         \
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

void bgi_blas_gemm(bg_dtype dtype, int64_t m, int64_t n, int64_t k, const void *a, int64_t a_rows, int64_t a_cols,
                   const void *b, int64_t b_rows, int64_t b_cols, bool subtracts, void *c, int64_t ldc)
{
    bool turns_a = a_cols != 1, turns_b = b_cols != 1;
    int64_t lda = turns_a ? a_cols : a_rows, ldb = turns_b ? b_cols : b_rows;
    if (!subtracts && dtype == BG_F64)
        bgi_blas_gemm_f64(turns_a, turns_b, m, n, k, a, lda, b, ldb, c, ldc);
    else if (!subtracts)
        bgi_blas_gemm_f32(turns_a, turns_b, m, n, k, a, lda, b, ldb, c, ldc);
    if (!subtracts || m == 0 || n == 0 || k == 0)
        return;
    CBLAS_TRANSPOSE op_a = turns_a ? CblasTrans : CblasNoTrans, op_b = turns_b ? CblasTrans : CblasNoTrans;
    blasint rows = narrow(m), columns = narrow(n), depth = narrow(k), c_row = leading(ldc, n);
    blasint a_row = leading(lda, turns_a ? m : k), b_row = leading(ldb, turns_b ? k : n);
    bgi_blas_call call = bgi_blas_enter();
    if (dtype == BG_F64)
        cblas_dgemm(CblasRowMajor, op_a, op_b, rows, columns, depth, -1, a, a_row, b, b_row, 1, c, c_row);
    else
        cblas_sgemm(CblasRowMajor, op_a, op_b, rows, columns, depth, -1, a, a_row, b, b_row, 1, c, c_row);
    bgi_blas_leave(call);
}

void bgi_blas_trsm(bg_dtype dtype, bgi_triangular how, int64_t m, int64_t n, const void *a, int64_t lda, void *b,
                   int64_t ldb)
{
    if (m == 0 || n == 0)
        return;
    CBLAS_SIDE side = how.is_right ? CblasRight : CblasLeft;
    CBLAS_UPLO triangle = how.is_upper ? CblasUpper : CblasLower;
    CBLAS_TRANSPOSE transpose = how.is_transposed ? CblasTrans : CblasNoTrans;
    CBLAS_DIAG diagonal = how.is_unit ? CblasUnit : CblasNonUnit;
    blasint rows = narrow(m), columns = narrow(n), a_row = leading(lda, how.is_right ? n : m), b_row = leading(ldb, n);
    bgi_blas_call call = bgi_blas_enter();
    if (dtype == BG_F64)
        cblas_dtrsm(CblasRowMajor, side, triangle, transpose, diagonal, rows, columns, 1, a, a_row, b, b_row);
    else
        cblas_strsm(CblasRowMajor, side, triangle, transpose, diagonal, rows, columns, 1, a, a_row, b, b_row);
    bgi_blas_leave(call);
}

void bgi_blas_warm(void)
{
    /* Large enough that the workers, who come here together, are inside at the same time and each gets a buffer. */
    enum { N = 64 };
    float a[N * N], c[N * N];
    for (int i = 0; i < N * N; i++)
        a[i] = 1;
    bgi_blas_gemm_f32(false, false, N, N, N, a, N, a, N, c, N);
}
