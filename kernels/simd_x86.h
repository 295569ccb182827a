/* What the AVX2 and the AVX-512 operations share: the end of the tree of a row reduction and small transposes, both on
 * 256-bit registers. */
#ifndef BGK_SIMD_X86_H
#define BGK_SIMD_X86_H

#include <immintrin.h>
#include <stdint.h>

typedef __m256 part_f32;
typedef __m256d part_f64;

/* A NaN in either operand is the result: MAXPS returns its second operand if either is NaN. */
#define part_sum_ps(a, b) _mm256_add_ps(a, b)
#define part_sum_pd(a, b) _mm256_add_pd(a, b)
static inline __m256 part_max_ps(__m256 a, __m256 b)
{
    return _mm256_blendv_ps(_mm256_max_ps(a, b), a, _mm256_cmp_ps(a, a, _CMP_UNORD_Q));
}
static inline __m256d part_max_pd(__m256d a, __m256d b)
{
    return _mm256_blendv_pd(_mm256_max_pd(a, b), a, _mm256_cmp_pd(a, a, _CMP_UNORD_Q));
}

/* Lanes i and i + half of every row are added, half by half, for all rows of the group together: each level joins two
 * registers into one. */
#define DEFINE_FINISH(OP)                                                                                              \
    static inline __m256 halve4_##OP(__m256 a, __m256 b)                                                               \
    {                                                                                                                  \
        return part_##OP##_ps(_mm256_permute2f128_ps(a, b, 0x20), _mm256_permute2f128_ps(a, b, 0x31));                 \
    }                                                                                                                  \
    static inline __m256 halve2_##OP(__m256 a, __m256 b)                                                               \
    {                                                                                                                  \
        return part_##OP##_ps(_mm256_shuffle_ps(a, b, 0x44), _mm256_shuffle_ps(a, b, 0xee));                           \
    }                                                                                                                  \
    static inline __m256 group_##OP##_f32(const __m256 *p)                                                             \
    {                                                                                                                  \
        __m256 ac = halve2_##OP(halve4_##OP(p[0], p[1]), halve4_##OP(p[2], p[3]));                                     \
        __m256 eg = halve2_##OP(halve4_##OP(p[4], p[5]), halve4_##OP(p[6], p[7]));                                     \
        __m256 all = part_##OP##_ps(_mm256_shuffle_ps(ac, eg, 0x88), _mm256_shuffle_ps(ac, eg, 0xdd));                 \
        return _mm256_permutevar8x32_ps(all, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));                               \
    }                                                                                                                  \
    static inline __m256d group_##OP##_f64(const __m256d *p)                                                           \
    {                                                                                                                  \
        __m256d ab =                                                                                                   \
            part_##OP##_pd(_mm256_permute2f128_pd(p[0], p[1], 0x20), _mm256_permute2f128_pd(p[0], p[1], 0x31));        \
        __m256d cd =                                                                                                   \
            part_##OP##_pd(_mm256_permute2f128_pd(p[2], p[3], 0x20), _mm256_permute2f128_pd(p[2], p[3], 0x31));        \
        __m256d all = part_##OP##_pd(_mm256_unpacklo_pd(ab, cd), _mm256_unpackhi_pd(ab, cd));                          \
        return _mm256_permute4x64_pd(all, 0xd8);                                                                       \
    }                                                                                                                  \
    static inline void finish_##OP##_f32(float *d, const __m256 *p, int64_t rows)                                      \
    {                                                                                                                  \
        float all[8];                                                                                                  \
        _mm256_storeu_ps(rows < 8 ? all : d, group_##OP##_f32(p));                                                     \
        for (int64_t r = 0; rows < 8 && r < rows; r++)                                                                 \
            d[r] = all[r];                                                                                             \
    }                                                                                                                  \
    static inline void finish_##OP##_f64(double *d, const __m256d *p, int64_t rows)                                    \
    {                                                                                                                  \
        double all[4];                                                                                                 \
        _mm256_storeu_pd(rows < 4 ? all : d, group_##OP##_f64(p));                                                     \
        for (int64_t r = 0; rows < 4 && r < rows; r++)                                                                 \
            d[r] = all[r];                                                                                             \
    }
DEFINE_FINISH(sum)
DEFINE_FINISH(max)

/* A transposed 8 x 8 block: d[i * ldd + j] = a[j * lda + i]. */
static inline void transpose_block_f32(float *d, int64_t ldd, const float *a, int64_t lda)
{
    /* Rows 0 and 4, 1 and 5, .. share a register from the load on, which saves the shuffles across halves. */
#define PAIR(offset, row)                                                                                              \
    _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(a + (row)*lda + (offset))),                               \
                         _mm_loadu_ps(a + ((row) + 4) * lda + (offset)), 1)
    for (int i = 0; i < 8; i += 4) {
        __m256 r0 = PAIR(i, 0), r1 = PAIR(i, 1), r2 = PAIR(i, 2), r3 = PAIR(i, 3);
        __m256 t0 = _mm256_unpacklo_ps(r0, r1), t1 = _mm256_unpackhi_ps(r0, r1);
        __m256 t2 = _mm256_unpacklo_ps(r2, r3), t3 = _mm256_unpackhi_ps(r2, r3);
        _mm256_storeu_ps(d + (i + 0) * ldd, _mm256_shuffle_ps(t0, t2, 0x44));
        _mm256_storeu_ps(d + (i + 1) * ldd, _mm256_shuffle_ps(t0, t2, 0xee));
        _mm256_storeu_ps(d + (i + 2) * ldd, _mm256_shuffle_ps(t1, t3, 0x44));
        _mm256_storeu_ps(d + (i + 3) * ldd, _mm256_shuffle_ps(t1, t3, 0xee));
    }
#undef PAIR
}

/* A transposed 4 x 4 block. */
static inline void transpose_block_f64(double *d, int64_t ldd, const double *a, int64_t lda)
{
#define PAIR(offset, row)                                                                                              \
    _mm256_insertf128_pd(_mm256_castpd128_pd256(_mm_loadu_pd(a + (row)*lda + (offset))),                               \
                         _mm_loadu_pd(a + ((row) + 2) * lda + (offset)), 1)
    for (int i = 0; i < 4; i += 2) {
        __m256d r0 = PAIR(i, 0), r1 = PAIR(i, 1);
        _mm256_storeu_pd(d + (i + 0) * ldd, _mm256_unpacklo_pd(r0, r1));
        _mm256_storeu_pd(d + (i + 1) * ldd, _mm256_unpackhi_pd(r0, r1));
    }
#undef PAIR
}

#endif
