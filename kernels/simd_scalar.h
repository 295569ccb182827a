/* Vector operations of one element, in plain C: the instruction set that every processor has.
 *
 * Every simd_*.h gives the same operations for f32 and f64; sums, differences, products and quotients of vectors are
 * written with the C operators. v_fma may round twice here, where the processor has no such instruction: the bodies
 * are built so that their accuracy does not rest on it. v_fma_exact always rounds once. v_min and v_max return their
 * second operand if either is NaN. v_first operations touch the first n lanes only, 0 < n < width. */
#ifndef BGK_SIMD_SCALAR_H
#define BGK_SIMD_SCALAR_H

#include <stdint.h>
#include <string.h>

#define SIMD_NAME "scalar"
#define SIMD_IS_SCALAR
enum {
    WIDTH_f32 = 1,
    WIDTH_f64 = 1,
    TILE_ROWS_1 = 4,
    TILE_ROWS_2 = 4,
    TILE_ROWS_3 = 4,
    TILE_ROWS_4 = 0,
    PANEL_VECTORS = 2
};

#ifdef __FP_FAST_FMAF
#define SCALAR_FMA_f32(a, b, c) __builtin_fmaf(a, b, c)
#else
#define SCALAR_FMA_f32(a, b, c) ((a) * (b) + (c))
#endif
#ifdef __FP_FAST_FMA
#define SCALAR_FMA_f64(a, b, c) __builtin_fma(a, b, c)
#else
#define SCALAR_FMA_f64(a, b, c) ((a) * (b) + (c))
#endif

#define DEFINE_SCALAR(TY, T, U, FMA_EXACT, SQRT, GROUP)                                                                \
    typedef T vec_##TY;                                                                                                \
    typedef int mask_##TY;                                                                                             \
    typedef struct {                                                                                                   \
        T lane[GROUP];                                                                                                 \
    } part_##TY;                                                                                                       \
    static inline T v_set_##TY(T x) { return x; }                                                                      \
    static inline T v_load_##TY(const T *p) { return *p; }                                                             \
    static inline void v_store_##TY(T *p, T x) { *p = x; }                                                             \
    static inline T v_load_first_##TY(const T *p, int64_t n) { return n > 0 ? *p : 0; }                                \
    static inline T v_load_first_or_##TY(const T *p, int64_t n, T other) { return n > 0 ? *p : other; }                \
    static inline void v_store_first_##TY(T *p, T x, int64_t n)                                                        \
    {                                                                                                                  \
        if (n > 0)                                                                                                     \
            *p = x;                                                                                                    \
    }                                                                                                                  \
    static inline T v_fma_##TY(T a, T b, T c) { return SCALAR_FMA_##TY(a, b, c); }                                     \
    static inline T v_fma_exact_##TY(T a, T b, T c) { return FMA_EXACT(a, b, c); }                                     \
    static inline T v_fnma_exact_##TY(T a, T b, T c) { return FMA_EXACT(-a, b, c); }                                   \
    static inline T v_sqrt_##TY(T x) { return SQRT(x); }                                                               \
    static inline T v_max_##TY(T a, T b) { return a > b ? a : b; }                                                     \
    static inline T v_min_##TY(T a, T b) { return a < b ? a : b; }                                                     \
    static inline int v_less_##TY(T a, T b) { return a < b; }                                                          \
    static inline int v_less_equal_##TY(T a, T b) { return a <= b; }                                                   \
    static inline int v_equal_##TY(T a, T b) { return a == b; }                                                        \
    static inline int v_not_equal_##TY(T a, T b) { return a != b; }                                                    \
    static inline T v_select_##TY(int m, T a, T b) { return m ? a : b; }                                               \
    static inline int v_any_##TY(int m) { return m; }                                                                  \
    static inline T v_one_if_##TY(int m) { return m ? 1 : 0; }                                                         \
    static inline T v_zero_if_##TY(int m, T x) { return m ? 0 : x; }                                                   \
    static inline U scalar_bits_##TY(T x)                                                                              \
    {                                                                                                                  \
        U u;                                                                                                           \
        memcpy(&u, &x, sizeof u);                                                                                      \
        return u;                                                                                                      \
    }                                                                                                                  \
    static inline T v_bits_##TY(U u)                                                                                   \
    {                                                                                                                  \
        T x;                                                                                                           \
        memcpy(&x, &u, sizeof x);                                                                                      \
        return x;                                                                                                      \
    }                                                                                                                  \
    static inline T v_and_##TY(T a, T b) { return v_bits_##TY(scalar_bits_##TY(a) & scalar_bits_##TY(b)); }            \
    static inline T v_or_##TY(T a, T b) { return v_bits_##TY(scalar_bits_##TY(a) | scalar_bits_##TY(b)); }             \
    static inline T v_xor_##TY(T a, T b) { return v_bits_##TY(scalar_bits_##TY(a) ^ scalar_bits_##TY(b)); }            \
    static inline T v_and_not_##TY(T a, T b) { return v_bits_##TY(~scalar_bits_##TY(a) & scalar_bits_##TY(b)); }       \
    static inline T v_shift_left_##TY(T x, int count) { return v_bits_##TY(scalar_bits_##TY(x) << count); }            \
    static inline T v_shift_right_##TY(T x, int count) { return v_bits_##TY(scalar_bits_##TY(x) >> count); }           \
    static inline T scalar_sum_##TY(T a, T b) { return a + b; }                                                        \
    static inline T scalar_max_##TY(T a, T b) { return a != a ? a : v_max_##TY(a, b); }                                \
    /* A transposed block: d[i * ldd + j] = a[j * lda + i]. */                                                         \
    static inline void transpose_block_##TY(T *d, int64_t ldd, const T *a, int64_t lda)                                \
    {                                                                                                                  \
        for (int i = 0; i < GROUP; i++)                                                                                \
            for (int j = 0; j < GROUP; j++)                                                                            \
                d[i * ldd + j] = a[j * lda + i];                                                                       \
    }
DEFINE_SCALAR(f32, float, uint32_t, __builtin_fmaf, __builtin_sqrtf, 8)
DEFINE_SCALAR(f64, double, uint64_t, __builtin_fma, __builtin_sqrt, 4)

#define DEFINE_SCALAR_ROUNDING(TY, T, SUFFIX)                                                                          \
    static inline T v_floor_##TY(T x) { return __builtin_floor##SUFFIX(x); }                                           \
    static inline T v_ceil_##TY(T x) { return __builtin_ceil##SUFFIX(x); }                                             \
    static inline T v_round_##TY(T x) { return __builtin_rint##SUFFIX(x); }                                            \
    static inline T v_trunc_##TY(T x) { return __builtin_trunc##SUFFIX(x); }
DEFINE_SCALAR_ROUNDING(f32, float, f)
DEFINE_SCALAR_ROUNDING(f64, double, )

/* As many elements as a vector of f64 has, in f64; and back, where f32 are rounded. */
static inline double v_widen_f32(const float *p) { return (double)*p; }
static inline double v_widen_f64(const double *p) { return *p; }
static inline void v_narrow_f32(float *p, double x) { *p = (float)x; }
static inline void v_narrow_f64(double *p, double x) { *p = x; }

/* narrow: the first levels of the tree, from the 32 (16) partial results of a row to 8 (4). finish: the rest of the
 * tree, for a group of 8 (4) rows at once. */
#define DEFINE_TREE(TY, T, OP, GROUP)                                                                                  \
    static inline part_##TY narrow_##OP##_##TY(const T *s)                                                             \
    {                                                                                                                  \
        part_##TY p;                                                                                                   \
        for (int i = 0; i < GROUP; i++)                                                                                \
            p.lane[i] = scalar_##OP##_##TY(scalar_##OP##_##TY(s[i], s[i + 2 * GROUP]),                                 \
                                           scalar_##OP##_##TY(s[i + GROUP], s[i + 3 * GROUP]));                        \
        return p;                                                                                                      \
    }                                                                                                                  \
    static inline void finish_##OP##_##TY(T *d, const part_##TY *p, int64_t rows)                                      \
    {                                                                                                                  \
        for (int64_t r = 0; r < rows; r++) {                                                                           \
            part_##TY q = p[r];                                                                                        \
            for (int half = GROUP / 2; half > 0; half /= 2)                                                            \
                for (int i = 0; i < half; i++)                                                                         \
                    q.lane[i] = scalar_##OP##_##TY(q.lane[i], q.lane[i + half]);                                       \
            d[r] = q.lane[0];                                                                                          \
        }                                                                                                              \
    }
DEFINE_TREE(f32, float, sum, 8)
DEFINE_TREE(f32, float, max, 8)
DEFINE_TREE(f64, double, sum, 4)
DEFINE_TREE(f64, double, max, 4)

/* 32-bit words in as many 64-bit lanes as a vector of f64 has. u_counters: first and those after it, in an order that
 * suits u_store_blocks, which stores four words of each lane together, in the order of the counters. */
typedef uint64_t vec_u64;
static inline uint64_t u_set(uint64_t x) { return x; }
static inline uint64_t u_counters(uint64_t first) { return first; }
static inline uint64_t u_xor(uint64_t a, uint64_t b) { return a ^ b; }
static inline uint64_t u_high_words(uint64_t x) { return x >> 32; }
/* Of the low words. */
static inline uint64_t u_multiply(uint64_t a, uint64_t b) { return (a & 0xFFFFFFFFU) * (b & 0xFFFFFFFFU); }
static inline void u_store_blocks(uint32_t *p, uint64_t c0, uint64_t c1, uint64_t c2, uint64_t c3)
{
    p[0] = (uint32_t)c0, p[1] = (uint32_t)c1, p[2] = (uint32_t)c2, p[3] = (uint32_t)c3;
}

#endif
