/* Vector operations of 256 bits: AVX2 with fused multiply-add. simd_scalar.h says what each operation means. */
#ifndef BGK_SIMD_AVX2_H
#define BGK_SIMD_AVX2_H

#include "simd_x86.h"

#define SIMD_NAME "avx2"
enum {
    WIDTH_f32 = 8,
    WIDTH_f64 = 4,
    TILE_ROWS_1 = 12,
    TILE_ROWS_2 = 6,
    TILE_ROWS_3 = 4,
    TILE_ROWS_4 = 0,
    PANEL_VECTORS = 2
};

/* lane_masks + 8 - n: n lanes of ones, then zeros. */
static const int32_t lane_masks[16] = { -1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0 };
static inline __m256i first_lanes_f32(int64_t n)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)(lane_masks + 8 - n));
}
static inline __m256i first_lanes_f64(int64_t n)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)(lane_masks + 8 - 2 * n));
}

#define DEFINE_AVX2(TY, T, V, U, P, EPI, SET_BITS)                                                                     \
    typedef V vec_##TY;                                                                                                \
    typedef V mask_##TY;                                                                                               \
    static inline V v_set_##TY(T x) { return _mm256_set1_##P(x); }                                                     \
    static inline V v_bits_##TY(U u) { return _mm256_castsi256_##P(SET_BITS(u)); }                                     \
    static inline V v_load_##TY(const T *p) { return _mm256_loadu_##P(p); }                                            \
    static inline void v_store_##TY(T *p, V x) { _mm256_storeu_##P(p, x); }                                            \
    static inline V v_load_first_##TY(const T *p, int64_t n) { return _mm256_maskload_##P(p, first_lanes_##TY(n)); }   \
    static inline V v_load_first_or_##TY(const T *p, int64_t n, V other)                                               \
    {                                                                                                                  \
        __m256i first = first_lanes_##TY(n);                                                                           \
        return _mm256_blendv_##P(other, _mm256_maskload_##P(p, first), _mm256_castsi256_##P(first));                   \
    }                                                                                                                  \
    static inline void v_store_first_##TY(T *p, V x, int64_t n) { _mm256_maskstore_##P(p, first_lanes_##TY(n), x); }   \
    static inline V v_fma_##TY(V a, V b, V c) { return _mm256_fmadd_##P(a, b, c); }                                    \
    static inline V v_fma_exact_##TY(V a, V b, V c) { return _mm256_fmadd_##P(a, b, c); }                              \
    static inline V v_fnma_exact_##TY(V a, V b, V c) { return _mm256_fnmadd_##P(a, b, c); }                            \
    static inline V v_sqrt_##TY(V x) { return _mm256_sqrt_##P(x); }                                                    \
    static inline V v_floor_##TY(V x) { return _mm256_round_##P(x, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC); }       \
    static inline V v_ceil_##TY(V x) { return _mm256_round_##P(x, _MM_FROUND_TO_POS_INF | _MM_FROUND_NO_EXC); }        \
    static inline V v_round_##TY(V x) { return _mm256_round_##P(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }   \
    static inline V v_trunc_##TY(V x) { return _mm256_round_##P(x, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC); }          \
    static inline V v_max_##TY(V a, V b) { return _mm256_max_##P(a, b); }                                              \
    static inline V v_min_##TY(V a, V b) { return _mm256_min_##P(a, b); }                                              \
    static inline V v_less_##TY(V a, V b) { return _mm256_cmp_##P(a, b, _CMP_LT_OQ); }                                 \
    static inline V v_less_equal_##TY(V a, V b) { return _mm256_cmp_##P(a, b, _CMP_LE_OQ); }                           \
    static inline V v_equal_##TY(V a, V b) { return _mm256_cmp_##P(a, b, _CMP_EQ_OQ); }                                \
    static inline V v_not_equal_##TY(V a, V b) { return _mm256_cmp_##P(a, b, _CMP_NEQ_UQ); }                           \
    static inline int v_any_##TY(V m) { return _mm256_movemask_##P(m) != 0; }                                          \
    static inline V v_select_##TY(V m, V a, V b) { return _mm256_blendv_##P(b, a, m); }                                \
    static inline V v_one_if_##TY(V m) { return _mm256_and_##P(m, _mm256_set1_##P(1)); }                               \
    static inline V v_zero_if_##TY(V m, V x) { return _mm256_andnot_##P(m, x); }                                       \
    static inline V v_and_##TY(V a, V b) { return _mm256_and_##P(a, b); }                                              \
    static inline V v_or_##TY(V a, V b) { return _mm256_or_##P(a, b); }                                                \
    static inline V v_xor_##TY(V a, V b) { return _mm256_xor_##P(a, b); }                                              \
    static inline V v_and_not_##TY(V a, V b) { return _mm256_andnot_##P(a, b); }                                       \
    static inline V v_shift_left_##TY(V x, int count)                                                                  \
    {                                                                                                                  \
        return _mm256_castsi256_##P(_mm256_slli_##EPI(_mm256_cast##P##_si256(x), count));                              \
    }                                                                                                                  \
    static inline V v_shift_right_##TY(V x, int count)                                                                 \
    {                                                                                                                  \
        return _mm256_castsi256_##P(_mm256_srli_##EPI(_mm256_cast##P##_si256(x), count));                              \
    }                                                                                                                  \
    static inline part_##TY narrow_sum_##TY(const V *s)                                                                \
    {                                                                                                                  \
        return part_sum_##P(part_sum_##P(s[0], s[2]), part_sum_##P(s[1], s[3]));                                       \
    }                                                                                                                  \
    static inline part_##TY narrow_max_##TY(const V *s)                                                                \
    {                                                                                                                  \
        return part_max_##P(part_max_##P(s[0], s[2]), part_max_##P(s[1], s[3]));                                       \
    }
#define SET_BITS_32(u) _mm256_set1_epi32((int32_t)(u))
#define SET_BITS_64(u) _mm256_set1_epi64x((long long)(u))
DEFINE_AVX2(f32, float, __m256, uint32_t, ps, epi32, SET_BITS_32)
DEFINE_AVX2(f64, double, __m256d, uint64_t, pd, epi64, SET_BITS_64)

static inline __m256d v_widen_f32(const float *p) { return _mm256_cvtps_pd(_mm_loadu_ps(p)); }
static inline __m256d v_widen_f64(const double *p) { return _mm256_loadu_pd(p); }
static inline void v_narrow_f32(float *p, __m256d x) { _mm_storeu_ps(p, _mm256_cvtpd_ps(x)); }
static inline void v_narrow_f64(double *p, __m256d x) { _mm256_storeu_pd(p, x); }

typedef __m256i vec_u64;
static inline __m256i u_set(uint64_t x) { return _mm256_set1_epi64x((long long)x); }
static inline __m256i u_counters(uint64_t first)
{
    return _mm256_add_epi64(u_set(first), _mm256_setr_epi64x(0, 2, 1, 3));
}
static inline __m256i u_xor(__m256i a, __m256i b) { return _mm256_xor_si256(a, b); }
static inline __m256i u_high_words(__m256i x) { return _mm256_srli_epi64(x, 32); }
static inline __m256i u_multiply(__m256i a, __m256i b) { return _mm256_mul_epu32(a, b); }
static inline void u_store_blocks(uint32_t *p, __m256i c0, __m256i c1, __m256i c2, __m256i c3)
{
    __m256i a = _mm256_blend_epi32(c0, _mm256_slli_epi64(c1, 32), 0xAA);
    __m256i b = _mm256_blend_epi32(c2, _mm256_slli_epi64(c3, 32), 0xAA);
    _mm256_storeu_si256((__m256i *)(void *)p, _mm256_unpacklo_epi64(a, b));
    _mm256_storeu_si256((__m256i *)(void *)(p + 8), _mm256_unpackhi_epi64(a, b));
}

#endif
