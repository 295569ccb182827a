/* The calling thread's floating-point state: rounding to nearest, no traps, and what becomes of denormals. */
#ifndef BGI_FP_H
#define BGI_FP_H

#include <stdint.h>
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

/* flushing: denormal operands and results are zero, for our kernels. gradual: IEEE 754's own, for LAPACK, which
 * computes what it may divide by from the smallest numbers. */
#if defined(__x86_64__)
typedef unsigned bgi_fp_state;
static inline bgi_fp_state bgi_fp_get(void) { return _mm_getcsr(); }
static inline void bgi_fp_set(bgi_fp_state state) { _mm_setcsr(state); }
static inline bgi_fp_state bgi_fp_gradual(void) { return 0x1F80; }
static inline bgi_fp_state bgi_fp_flushing(void) { return bgi_fp_gradual() | 0x8000 | 0x0040; }
#elif defined(__aarch64__)
typedef uint64_t bgi_fp_state;
static inline bgi_fp_state bgi_fp_get(void)
{
    uint64_t state;
    __asm__ volatile("mrs %0, fpcr" : "=r"(state));
    return state;
}
static inline void bgi_fp_set(bgi_fp_state state) { __asm__ volatile("msr fpcr, %0" : : "r"(state)); }
static inline bgi_fp_state bgi_fp_gradual(void) { return 0; }
static inline bgi_fp_state bgi_fp_flushing(void) { return (uint64_t)1 << 24; }
#else
typedef int bgi_fp_state;
static inline bgi_fp_state bgi_fp_get(void) { return 0; }
static inline void bgi_fp_set(bgi_fp_state state) { (void)state; }
static inline bgi_fp_state bgi_fp_gradual(void) { return 0; }
static inline bgi_fp_state bgi_fp_flushing(void) { return 0; }
#endif

#endif
