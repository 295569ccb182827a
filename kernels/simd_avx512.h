/* Vector operations of 512 bits: AVX-512 F, DQ, BW and VL. simd_scalar.h says what each operation means. */
#ifndef BGK_SIMD_AVX512_H
#define BGK_SIMD_AVX512_H

#include "simd_x86.h"

#define SIMD_NAME "avx512"
enum {
    WIDTH_f32 = 16,
    WIDTH_f64 = 8,
    TILE_ROWS_1 = 12,
    TILE_ROWS_2 = 12,
    TILE_ROWS_3 = 8,
    TILE_ROWS_4 = 6,
    PANEL_VECTORS = 3
};

#define DEFINE_AVX512(TY, T, V, M, U, P, EPI, SET_BITS, EXTRACT, LOW_HALF)                                             \
    typedef V vec_##TY;                                                                                                \
    typedef M mask_##TY;                                                                                               \
    static inline M first_lanes_##TY(int64_t n) { return (M)((1U << n) - 1U); }                                        \
    static inline V v_set_##TY(T x) { return _mm512_set1_##P(x); }                                                     \
    static inline V v_bits_##TY(U u) { return _mm512_castsi512_##P(SET_BITS(u)); }                                     \
    static inline V v_load_##TY(const T *p) { return _mm512_loadu_##P(p); }                                            \
    static inline void v_store_##TY(T *p, V x) { _mm512_storeu_##P(p, x); }                                            \
    static inline V v_load_first_##TY(const T *p, int64_t n)                                                           \
    {                                                                                                                  \
        return _mm512_maskz_loadu_##P(first_lanes_##TY(n), p);                                                         \
    }                                                                                                                  \
    static inline V v_load_first_or_##TY(const T *p, int64_t n, V other)                                               \
    {                                                                                                                  \
        return _mm512_mask_loadu_##P(other, first_lanes_##TY(n), p);                                                   \
    }                                                                                                                  \
    static inline void v_store_first_##TY(T *p, V x, int64_t n) { _mm512_mask_storeu_##P(p, first_lanes_##TY(n), x); } \
    static inline V v_fma_##TY(V a, V b, V c) { return _mm512_fmadd_##P(a, b, c); }                                    \
    static inline V v_fma_exact_##TY(V a, V b, V c) { return _mm512_fmadd_##P(a, b, c); }                              \
    static inline V v_fnma_exact_##TY(V a, V b, V c) { return _mm512_fnmadd_##P(a, b, c); }                            \
    static inline V v_sqrt_##TY(V x) { return _mm512_sqrt_##P(x); }                                                    \
    static inline V v_floor_##TY(V x) { return _mm512_roundscale_##P(x, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC); }  \
    static inline V v_ceil_##TY(V x) { return _mm512_roundscale_##P(x, _MM_FROUND_TO_POS_INF | _MM_FROUND_NO_EXC); }   \
    static inline V v_round_##TY(V x)                                                                                  \
    {                                                                                                                  \
        return _mm512_roundscale_##P(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);                                \
    }                                                                                                                  \
    static inline V v_trunc_##TY(V x) { return _mm512_roundscale_##P(x, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC); }     \
    static inline V v_max_##TY(V a, V b) { return _mm512_max_##P(a, b); }                                              \
    static inline V v_min_##TY(V a, V b) { return _mm512_min_##P(a, b); }                                              \
    static inline M v_less_##TY(V a, V b) { return _mm512_cmp_##P##_mask(a, b, _CMP_LT_OQ); }                          \
    static inline M v_less_equal_##TY(V a, V b) { return _mm512_cmp_##P##_mask(a, b, _CMP_LE_OQ); }                    \
    static inline M v_equal_##TY(V a, V b) { return _mm512_cmp_##P##_mask(a, b, _CMP_EQ_OQ); }                         \
    static inline M v_not_equal_##TY(V a, V b) { return _mm512_cmp_##P##_mask(a, b, _CMP_NEQ_UQ); }                    \
    static inline int v_any_##TY(M m) { return m != 0; }                                                               \
    static inline V v_select_##TY(M m, V a, V b) { return _mm512_mask_mov_##P(b, m, a); }                              \
    static inline V v_one_if_##TY(M m) { return _mm512_maskz_mov_##P(m, _mm512_set1_##P(1)); }                         \
    static inline V v_zero_if_##TY(M m, V x) { return _mm512_mask_mov_##P(x, m, _mm512_setzero_##P()); }               \
    static inline V v_and_##TY(V a, V b) { return _mm512_and_##P(a, b); }                                              \
    static inline V v_or_##TY(V a, V b) { return _mm512_or_##P(a, b); }                                                \
    static inline V v_xor_##TY(V a, V b) { return _mm512_xor_##P(a, b); }                                              \
    static inline V v_and_not_##TY(V a, V b) { return _mm512_andnot_##P(a, b); }                                       \
    static inline V v_shift_left_##TY(V x, unsigned count)                                                             \
    {                                                                                                                  \
        return _mm512_castsi512_##P(_mm512_slli_##EPI(_mm512_cast##P##_si512(x), count));                              \
    }                                                                                                                  \
    static inline V v_shift_right_##TY(V x, unsigned count)                                                            \
    {                                                                                                                  \
        return _mm512_castsi512_##P(_mm512_srli_##EPI(_mm512_cast##P##_si512(x), count));                              \
    }                                                                                                                  \
    static inline part_##TY narrow_sum_##TY(const V *s)                                                                \
    {                                                                                                                  \
        V both = _mm512_add_##P(s[0], s[1]);                                                                           \
        return part_sum_##P(LOW_HALF(both), EXTRACT(both, 1));                                                         \
    }                                                                                                                  \
    static inline part_##TY narrow_max_##TY(const V *s)                                                                \
    {                                                                                                                  \
        return part_max_##P(part_max_##P(LOW_HALF(s[0]), LOW_HALF(s[1])),                                              \
                            part_max_##P(EXTRACT(s[0], 1), EXTRACT(s[1], 1)));                                         \
    }
#define SET_BITS_32(u) _mm512_set1_epi32((int32_t)(u))
#define SET_BITS_64(u) _mm512_set1_epi64((long long)(u))
DEFINE_AVX512(f32, float, __m512, __mmask16, uint32_t, ps, epi32, SET_BITS_32, _mm512_extractf32x8_ps,
              _mm512_castps512_ps256)
DEFINE_AVX512(f64, double, __m512d, __mmask8, uint64_t, pd, epi64, SET_BITS_64, _mm512_extractf64x4_pd,
              _mm512_castpd512_pd256)

static inline __m512d v_widen_f32(const float *p) { return _mm512_cvtps_pd(_mm256_loadu_ps(p)); }
static inline __m512d v_widen_f64(const double *p) { return _mm512_loadu_pd(p); }
static inline void v_narrow_f32(float *p, __m512d x) { _mm256_storeu_ps(p, _mm512_cvtpd_ps(x)); }
static inline void v_narrow_f64(double *p, __m512d x) { _mm512_storeu_pd(p, x); }

typedef __m512i vec_u64;
static inline __m512i u_set(uint64_t x) { return _mm512_set1_epi64((long long)x); }
static inline __m512i u_counters(uint64_t first)
{
    return _mm512_add_epi64(u_set(first), _mm512_setr_epi64(0, 4, 1, 5, 2, 6, 3, 7));
}
static inline __m512i u_xor(__m512i a, __m512i b) { return _mm512_xor_si512(a, b); }
static inline __m512i u_high_words(__m512i x) { return _mm512_srli_epi64(x, 32); }
static inline __m512i u_multiply(__m512i a, __m512i b) { return _mm512_mul_epu32(a, b); }
static inline void u_store_blocks(uint32_t *p, __m512i c0, __m512i c1, __m512i c2, __m512i c3)
{
    __m512i a = _mm512_mask_blend_epi32(0xAAAA, c0, _mm512_slli_epi64(c1, 32));
    __m512i b = _mm512_mask_blend_epi32(0xAAAA, c2, _mm512_slli_epi64(c3, 32));
    _mm512_storeu_si512(p, _mm512_unpacklo_epi64(a, b));
    _mm512_storeu_si512(p + 16, _mm512_unpackhi_epi64(a, b));
}

#endif
