/* The engine: worker threads, allocator, seed, and log. Everything else belongs to one.
 *
 * Process-wide state is exactly: the thread count of OpenBLAS (set to one while any engine lives, restored by the last;
 * the parallelism is the engine's), the lock for a serial build of OpenBLAS, the count of calls under way where there
 * are more workers than OpenBLAS has buffers, and each thread's error message. A fork waits while the thread count is
 * being set.
 *
 * An engine runs one program at a time; a second run, from another thread or from inside a custom op, is BG_ERR_BUSY.
 * Otherwise an engine's objects are used from one thread at a time. In a forked child every call on the parent's engine
 * is BG_ERR_FORKED; _destroy frees memory there without joining threads, and a new engine works.
 */
#ifndef BLASGRAD_ENGINE_H
#define BLASGRAD_ENGINE_H

#include <blasgrad/status.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct bg_engine bg_engine;

/* How the library gets memory. allocate returns `bytes` bytes (never 0) aligned to `alignment` (a power of two, at most
 * 4096), or NULL; release gets what allocate returned and the same byte count. Both may be called from any thread.
 * Memory of OpenBLAS, LAPACK and jansson does not go through it. */
typedef struct {
    void *(*allocate)(void *user, size_t bytes, size_t alignment);
    void (*release)(void *user, void *memory, size_t bytes);
    void *user;
} bg_allocator;

/* Matrix products of f32: in full f32 (the default). */
typedef enum { BG_PRECISION_HIGHEST } bg_precision;

/* Who multiplies matrices: the faster of the library's own kernels and OpenBLAS, as measured for the shape and the
 * instruction set (the default); or OpenBLAS always, where convolution alone stays with the kernels. */
typedef enum { BG_GEMM_AUTO, BG_GEMM_OPENBLAS } bg_gemm;

typedef enum { BG_LOG_INFO, BG_LOG_WARNING } bg_log_level;
typedef void bg_log_callback(void *user, bg_log_level level, const char *message);

typedef struct {
    int threads;   /* workers, the calling thread among them, 1 to 1024; 0: one per physical core in the affinity mask,
                      limited by the cgroup quota */
    uint64_t seed; /* of initial values, shuffles and random ops */
    bg_precision precision;
    bg_gemm gemm;
    bg_allocator allocator; /* all fields NULL: the C library's */
    bg_log_callback *log;   /* NULL: silence */
    void *log_user;
} bg_engine_options;

/* Starts an engine. options may be NULL: all defaults. The environment variable BLASGRAD_KERNELS (scalar, avx2, avx512)
 * forces one instruction set.
 * OpenBLAS takes 128 MiB of address space for each of these threads and for each of its own, and uses a small part of
 * it; all of it is taken here, so that no run has to wait for it. BG_ERR_ARGUMENT for a thread count out of range or
 * half an allocator, BG_ERR_SYSTEM if threads cannot be started or the forced instruction set is unknown or not there,
 * BG_ERR_NOMEM, also if OpenBLAS's address space is not to be had. */
BG_API bg_status bg_engine_create(bg_engine **engine, const bg_engine_options *options);

/* Gives back the caller's hold on the engine. It lives on until the last object that uses it is destroyed. */
BG_API void bg_engine_destroy(bg_engine *engine);

/* What an engine runs on. The strings live as long as the engine. */
typedef struct {
    int threads;
    uint64_t seed;
    const char *kernels; /* the instruction set of the kernels: "avx2" */
    bg_gemm gemm;
    const char *blas;           /* OpenBLAS's own description of its build */
    const char *blas_core;      /* the core it chose: "Zen" */
    const char *blas_faster;    /* a core whose kernels this processor runs faster, by its name for the environment
                                   variable OPENBLAS_CORETYPE, where OpenBLAS did not know it; NULL: none */
    const char *blas_threading; /* "serial" (calls are taken in turn), "pthread" or "openmp" */
} bg_engine_info;
BG_API bg_engine_info bg_engine_describe(const bg_engine *engine);

/* Floating-point operations per second of one core in a loop of independent fused multiply-adds, measured here and now
 * for about `seconds` (f64 if `is_f64`). The unit in which speed is judged. */
BG_API double bg_engine_measure_peak(bg_engine *engine, bool is_f64, double seconds);

/* Seconds that one meeting of all workers takes, as behind each phase of a program, measured here and now for about
 * `seconds`: the least of many. 0 with one thread; with more, BG_ERR_BUSY while the engine runs a
 * program. */
BG_API bg_status bg_engine_measure_barrier(bg_engine *engine, double seconds, double *barrier);

#ifdef __cplusplus
}
#endif
#endif
