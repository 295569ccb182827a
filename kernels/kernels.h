/* The vector kernels: loops over elements, and micro-kernels for small matrix products.
 *
 * One list names every kernel. It gives the fields of bgk_table, the initialiser of each instruction set's table, the
 * tests and the bench; a listed kernel without a body does not compile. Kernels know no shapes and no errors and
 * allocate nothing. Every kernel gives the same bits for an element wherever in the run of n elements it stands (which
 * NaN it is apart), so that cutting a loop elsewhere changes nothing; a tail goes through the same vector code as the
 * rest. AVX2 and AVX-512 also give the same bits as each other; the scalar table does so except for the functions from
 * exp2 to erfc, pow, atan2 and hypot, which are the C library's there, and where the processor has no fused
 * multiply-add, which the other math functions and the product then do without. Kernels work in any setting of
 * flush-to-zero; only denormal operands and results depend on it.
 */
#ifndef BGK_KERNELS_H
#define BGK_KERNELS_H

#include <stddef.h>
#include <stdint.h>

/* d[i] = f(a[i * sa], b[i * sb], c[i * sc]); strides are 0 (one value for all) or 1; a unary kernel ignores b and c, a
 * binary one c. d may be the same address as an operand of stride 1, and overlaps none otherwise. */
typedef void bgk_map(void *d, const void *a, int sa, const void *b, int sb, const void *c, int sc, int64_t n);

/* m = x y + v s and d = w - m rate, element by element; operands are x, y, v, s, rate and w, with strides of 0 or 1 as
 * above. The same bits as from mul, fma and fnma one after the other. d and m may be operands of stride 1, m none of
 * rate and w, and overlap none otherwise. */
enum { BGK_DESCEND_OPERANDS = 6 };
typedef void bgk_descend(void *d, void *m, const void *const *operands, const int *strides, int64_t n);

/* d[i] = reduction of a[i * stride .. i * stride + cols) for i < rows. Sums run in 32 fixed partial sums for f32 and 16
 * for f64, in blocks of 16 elements each whose sums are added two by two, and the partial sums are added as a fixed
 * tree: the same bits on every instruction set. cols 0 gives the reduction's neutral element, 0 or -infinity. */
typedef void bgk_reduce(void *d, const void *a, int64_t rows, int64_t cols, int64_t stride);

/* d[i] = reduction over r < rows of a[r * stride + i], for i < cols, in the order of r: blocks of at most 512 rows are
 * added up by themselves and then to the total, so that the error of a long sum stays small. The same bits on every
 * instruction set. d overlaps a nowhere. */
typedef void bgk_fold(void *d, const void *a, int64_t rows, int64_t cols, int64_t stride);

/* d[i * cols + j] = a[i * row_stride + j * col_stride], strides in elements of the source type and of either sign. From
 * bool: 0 or 1. d overlaps a nowhere. */
typedef void bgk_load(void *d, const void *a, int64_t rows, int64_t cols, int64_t row_stride, int64_t col_stride);

/* d[i * ldd + j] = a[j * lda + i], for i < rows and j < cols. d overlaps a nowhere. */
typedef void bgk_transpose(void *d, int64_t ldd, const void *a, int64_t lda, int64_t rows, int64_t cols);

/* d[i] = converted a[i]; to bool: a != 0 as 0 or 1. To integers: towards zero, a number beyond the type's range gives
 * its nearest end, NaN gives 0. d may be a where the type stays the same, and overlaps it nowhere otherwise. */
typedef void bgk_store(void *d, const void *a, int64_t n);

/* c[m, n] = a · b: element (i, p) of a is a[i * a_rows + p * a_cols], likewise b; c has rows of ldc elements. Each
 * element of c is one chain of fused multiply-adds in the order of p (in the scalar table of multiplications and
 * additions, where the processor does not fuse them), however the work is cut. k 0 gives zeros. c overlaps neither a
 * nor b. scratch holds bgk_product_scratch(m, n, k) elements.
 *   product_subtracted   c - a · b in place of c: each chain goes on from what is there */
typedef void bgk_product(int64_t m, int64_t n, int64_t k, const void *a, int64_t a_rows, int64_t a_cols, const void *b,
                         int64_t b_rows, int64_t b_cols, void *c, int64_t ldc, void *scratch);
/* A product brings blocks of its operands together: of one, of at most so many bytes, and of the other two of so many
 * rows and columns, or half as many of f64, and up to 47 more. Together they fit a level 2 cache. */
#define BGK_BLOCK_BYTES (1 << 18)
#define BGK_BLOCK_DEPTH 512
#define BGK_BLOCK_COLS  144
#define BGK_BLOCK_SIDE  192
#define BGK_BLOCK_TURN  24
static inline int64_t bgk_least(int64_t a, int64_t b) { return a < b ? a : b; }
static inline size_t bgk_product_scratch(int64_t m, int64_t n, int64_t k)
{
    const int64_t most = BGK_BLOCK_BYTES / (int64_t)sizeof(float), depth = bgk_least(k, BGK_BLOCK_DEPTH);
    const int64_t blocks = depth * (bgk_least(m, most / BGK_BLOCK_DEPTH) + 2 * bgk_least(n, BGK_BLOCK_COLS + 48));
    const int64_t side = bgk_least(m, BGK_BLOCK_SIDE), turned = BGK_BLOCK_TURN * side + bgk_least(most, side * k);
    return (size_t)(blocks > turned ? blocks : turned);
}

/* The x with t · x = b in place of b [k, n], whose rows are ldb apart: element (i, p) of t, whose upper triangle counts
 * as 0 and, with is_unit, whose diagonal as 1, is t[i * t_rows + p * t_cols]. Strides may be negative, so that an upper
 * triangle is one from its end. An element is one chain of multiply-adds in the order of p, then divided. */
typedef void bgk_substitute(int64_t k, int64_t n, const void *t, int64_t t_rows, int64_t t_cols, int is_unit, void *b,
                            int64_t ldb);

/* The LU factors of a [m, width], m >= width, of up to BGK_ELIMINATED columns, with partial pivoting: column j, of m
 * elements that follow each other from j ld on, gets what l and u have of it. Row k was exchanged with row swaps[k],
 * for each k < width in turn. A column of zeros is left as it is. AVX2 and AVX-512 give the same bits. */
#define BGK_ELIMINATED 8
typedef void bgk_eliminate(int64_t width, int64_t m, void *columns, int64_t ld, int64_t *swaps);

/* c[i * ldc + j] = Σ over p < k of a[a_rows[i] + a_cols[p]] · b[b_rows[p] + j], for i < m and j < n, or where goes_on
 * that added to c. Each sum is one chain of multiply-adds in the order of p, as in a product. k 0 gives zeros, or
 * adds them to c. c overlaps neither a nor b. */
typedef void bgk_gathered(int64_t m, int64_t n, int64_t k, const void *a, const int64_t *a_rows, const int64_t *a_cols,
                          const void *b, const int64_t *b_rows, void *c, int64_t ldc, int goes_on);

/* Σ a[i] and Σ (a[i] - centre)² over n elements, in f64 whatever the type of a. Element i goes to partial sum i mod 16,
 * and the partial sums are added as a fixed tree: the same bits on every instruction set. wide_sum ignores centre. */
typedef double bgk_moment(const void *a, double centre, int64_t n);

/* One row of n elements of normalisation. moments holds its mean, what rounding the mean left, its variance, and the
 * scale s; h = ((x - mean) - rest) s, and w = weight, or 1 where it is NULL. d overlaps nothing but may be gradient.
 *   standardize        d = h w + bias, without the bias where it is NULL
 *   standardize_sums   d[0] = Σ gradient w, d[1] = Σ gradient w h
 *   standardize_back   d = s (gradient w - means[0] - h means[1])
 *   standardize_fold   d[i] += gradient h, d[n + i] += gradient
 * The same bits on every instruction set. */
typedef void bgk_standardize(void *d, const void *x, const void *moments, const void *weight, const void *bias,
                             int64_t n);
typedef void bgk_standardize_sums(double *d, const void *x, const void *moments, const void *weight,
                                  const void *gradient, int64_t n);
typedef void bgk_standardize_back(void *d, const void *x, const void *moments, const void *weight, const void *gradient,
                                  const double *means, int64_t n);
typedef void bgk_standardize_fold(void *d, const void *x, const void *moments, const void *gradient, int64_t n);

/* One row of n hidden units of an LSTM at one step. Gates are [4 n], as i f g o, and so are what leads to them: x, the
 * sums with h, and the bias.
 *   lstm       from x + sums + bias, and c before the step: gates after their functions, c = f c_before + i g and
 *              h = o tanh(c)
 *   lstm_back  from dh, what reaches c from later in dc, gates, c and c before the step: dgates, the cotangents before
 *              the functions; dc becomes what reaches c before the step
 * Results overlap nothing else. The same bits as from add, sigmoid, tanh, mul, fma and fnma one after the other. */
typedef void bgk_lstm(void *gates, void *c, void *h, const void *x, const void *sums, const void *bias,
                      const void *c_before, int64_t n);
typedef void bgk_lstm_back(void *dgates, void *dc, const void *dh, const void *gates, const void *c,
                           const void *c_before, int64_t n);

/* One row of n scores of attention and their gradient, of which the first `seen` take part: w = exp(w - largest) share
 * and d = (d - sum) w, and 0 in both from there on. The same bits as from sub, exp and mul one after the other. */
typedef void bgk_weigh_back(void *w, void *d, const void *largest, const void *share, const void *sum, int64_t seen,
                            int64_t n);

/* Winograd's convolution with kernels of 3 x 3 (kernels/body_winograd.h), of images of which BGK_LANES lie side by
 * side. A patch is 4 x 4 elements of a channel of the images, or the 2 x 2 results of those; the next begins two
 * columns further on. An element is a vector of BGK_LANES: (i, j), counted from the first patch, is at
 * i · line + j · BGK_LANES, if it is in the image: from first to before last, along each dimension. The sixteen places
 * of a transform are `plane` apart; a row of each, of a channel, is `row` elements long.
 *   image    d = Bᵀ x B of the patches of each channel
 *   spread   d = A dy Aᵀ of 2 x 2 elements of each channel
 *   result   y = Aᵀ s A, as many of 2 x 2 elements as there are; returns whether all are finite
 *   factors  d = G g Gᵀ of n kernels whose elements are `tap` apart, one kernel next to the other
 *   weight   dg = Gᵀ s G of n kernels likewise; returns whether all are finite
 * The same bits on every instruction set. Results overlap no operand. In f32 only. */
#define BGK_LANES 16
typedef struct {
    int64_t count, channel, line; /* patches; from one to the next */
    int64_t first[2], last[2];
} bgk_patches;
typedef void bgk_winograd_from(void *d, int64_t plane, int64_t row, const void *x, const bgk_patches *patches,
                               int64_t channels);
typedef int bgk_winograd_result(void *y, const bgk_patches *patches, const void *s, int64_t plane, int64_t row,
                                int64_t channels);
typedef void bgk_winograd_factors(void *d, int64_t plane, const void *g, int64_t tap, int64_t n);
typedef int bgk_winograd_weight(void *dg, int64_t tap, const void *s, int64_t plane, int64_t n);

/* Eigenvalues and vectors of symmetric matrices [n, n] of which BGK_LANES lie side by side, the first `lanes` of them
 * in use: element (i, j) of all of them is at (i n + j) BGK_LANES. a is read on and below the diagonal, which becomes
 * the eigenvalues, in no order; row i of v becomes the vector of value i. Elements off the diagonal count as 0 up to
 * the tolerance, and may be numbers of any kind above the diagonal. Returns whether all came to an end. Each lane gets
 * the same bits whatever the others hold, but for the sign of a 0. AVX2 and AVX-512 give the same bits. */
typedef int bgk_lockstep_eigen(int64_t n, int64_t lanes, void *a, void *v, double tolerance);

/* Singular values and vectors of matrices [n, length] that lie side by side, as many of them as have an element in 64
 * bytes, the first `lanes` in use: element (i, j) of all of them is at (i length + j) BGK_LINE_LANES(size of one). x
 * becomes y and v [n, n] such that x = vᵀ s y, where rows of y and of v have length 1 and are at right angles, their
 * cosines being up to the tolerance. Values are in no order. A row of y whose value is below some epsilon² of the
 * largest may be any; so may all if v is NULL, for values alone. Returns whether all came to an end. Each lane gets the
 * same bits whatever the others hold, but for the sign of a 0. AVX2 and AVX-512 give the same bits. */
#define BGK_LINE_LANES(size) (64 / (int64_t)(size))
typedef int bgk_lockstep_svd(int64_t n, int64_t length, int64_t lanes, void *x, void *v, void *s, double tolerance);

/* BGK_LANES matrices side by side, each of the same size: element (i, j) of all of them is at i rows + j cols, where
 * strides may be of either sign. Each lane gets the same bits whatever the others hold.
 *   cholesky  l of a = l lᵀ in a, which is [n, n] and read on and below the diagonal; zeros above it. minors[lane] =
 *             the order of the first leading minor that is not positive, or 0. scratch: n BGK_LANES elements
 *   solve     x of a x = x, [n, r], where a is [n, n] and read below the diagonal and, unless it is one of ones, on
 *             it; an upper triangle is one with its rows and columns counted from their ends, x a one transposed.
 *             scratch: 2 n BGK_LANES elements
 *   lu        l below the diagonal and u of a, [m, n], by partial pivoting: row i of l u is row order[i] of a, where
 *             order is [m, BGK_LANES], of numbers. A column without a pivot stays as it is
 * Results overlap nothing else. AVX2 and AVX-512 give the same bits. */
typedef void bgk_lockstep_cholesky(int64_t n, void *a, int64_t rows, int64_t cols, void *minors, void *scratch);
typedef void bgk_lockstep_solve(int64_t n, int64_t r, const void *a, int64_t a_rows, int64_t a_cols, void *x,
                                int64_t x_rows, int64_t x_cols, int is_unit, void *scratch);
typedef void bgk_lockstep_lu(int64_t m, int64_t n, void *a, int64_t rows, int64_t cols, void *order);

/* Windows of `count` elements of x, at `places` from where each begins, and n of them, `step` elements apart. An
 * element is a row of `width`, a multiple of 16, and column by column:
 *   window_max   d[i] = the largest of window i, or a NaN if there is one
 *   window_back  d, as x: dy[i] where the first of the largest of window i is, or its first NaN, and 0 at its others;
 *                with `adds` that is added to d, window by window */
typedef void bgk_window_max(void *d, const void *x, int64_t n, int64_t step, const int64_t *places, int64_t count,
                            int64_t width);
typedef void bgk_window_back(void *d, const void *x, const void *dy, int64_t n, int64_t step, const int64_t *places,
                             int64_t count, int64_t width, int adds);

/* words[4 i .. 4 i + 3] = block first + i of a stream, for i < blocks: Philox4x32-10 with the key, and the counter of
 * that number in its low and the stream in its high 64 bits. The same words as Random123's, everywhere. */
typedef void bgk_philox(uint32_t *words, uint64_t key, uint64_t stream, uint64_t first, int64_t blocks);

/* Each list: X(name), the operation named as in ops.h. "where": a != 0 ? b : c. "fma": a*b + c, "fnma": c - a*b, one
 * rounding. Comparisons give 1 or 0. maximum, minimum, relu and the max reduction keep NaN. "softplus": log(1 + exp(a))
 * for every a. "is_finite" and "logical_not", a == 0, give 1 or 0. "round": to even. */
#define BGK_MAPS(X)                                                                                                    \
    X(move)                                                                                                            \
    X(neg)                                                                                                             \
    X(abs)                                                                                                             \
    X(sign)                                                                                                            \
    X(square)                                                                                                          \
    X(sqrt)                                                                                                            \
    X(exp)                                                                                                             \
    X(expm1)                                                                                                           \
    X(log)                                                                                                             \
    X(log1p)                                                                                                           \
    X(relu)                                                                                                            \
    X(tanh)                                                                                                            \
    X(sigmoid)                                                                                                         \
    X(softplus)                                                                                                        \
    X(erf)                                                                                                             \
    X(floor)                                                                                                           \
    X(ceil)                                                                                                            \
    X(round)                                                                                                           \
    X(trunc)                                                                                                           \
    X(exp2)                                                                                                            \
    X(log2)                                                                                                            \
    X(log10)                                                                                                           \
    X(sin)                                                                                                             \
    X(cos)                                                                                                             \
    X(tan)                                                                                                             \
    X(asin)                                                                                                            \
    X(acos)                                                                                                            \
    X(atan)                                                                                                            \
    X(sinh)                                                                                                            \
    X(cosh)                                                                                                            \
    X(asinh)                                                                                                           \
    X(acosh)                                                                                                           \
    X(atanh)                                                                                                           \
    X(erfc)                                                                                                            \
    X(logical_not)                                                                                                     \
    X(is_finite)                                                                                                       \
    X(add)                                                                                                             \
    X(sub)                                                                                                             \
    X(mul)                                                                                                             \
    X(div)                                                                                                             \
    X(maximum)                                                                                                         \
    X(minimum)                                                                                                         \
    X(equal)                                                                                                           \
    X(not_equal)                                                                                                       \
    X(less)                                                                                                            \
    X(less_equal)                                                                                                      \
    X(greater)                                                                                                         \
    X(greater_equal)                                                                                                   \
    X(pow)                                                                                                             \
    X(atan2)                                                                                                           \
    X(fmod)                                                                                                            \
    X(hypot)                                                                                                           \
    X(where)                                                                                                           \
    X(fma)                                                                                                             \
    X(fnma)
/* Two or three of these in one pass, with the same bits as one after the other: (a - b) - c, (a - b) c, relu(a + b),
 * relu(a*b + c) rounded as fma is, and a <= 0 ? 0 : b. */
#define BGK_CHAINS(X)                                                                                                  \
    X(sub_sub)                                                                                                         \
    X(sub_mul)                                                                                                         \
    X(add_relu)                                                                                                        \
    X(fma_relu)                                                                                                        \
    X(where_above)
#define BGK_REDUCES(X)                                                                                                 \
    X(sum)                                                                                                             \
    X(max)
/* Source types of loads and destination types of stores; bool is stored as u8. */
#define BGK_TYPES(X)                                                                                                   \
    X(f32)                                                                                                             \
    X(f64)                                                                                                             \
    X(i32)                                                                                                             \
    X(i64)                                                                                                             \
    X(u8)                                                                                                              \
    X(bool)

/* The kernels of one element type. */
typedef struct {
#define BGK_FIELD(name) bgk_map *name;
    BGK_MAPS(BGK_FIELD)
    BGK_CHAINS(BGK_FIELD)
#undef BGK_FIELD
#define BGK_FIELD(name) bgk_reduce *name##_rows;
    BGK_REDUCES(BGK_FIELD)
#undef BGK_FIELD
#define BGK_FIELD(name) bgk_fold *name##_fold;
    BGK_REDUCES(BGK_FIELD)
#undef BGK_FIELD
#define BGK_FIELD(name) bgk_load *load_##name;
    BGK_TYPES(BGK_FIELD)
#undef BGK_FIELD
#define BGK_FIELD(name) bgk_store *store_##name;
    BGK_TYPES(BGK_FIELD)
#undef BGK_FIELD
    bgk_transpose *transpose;
    bgk_product *product, *product_subtracted;
    bgk_substitute *substitute;
    bgk_eliminate *eliminate;
    bgk_gathered *product_gathered;
    bgk_moment *wide_sum;
    bgk_moment *wide_spread;
    bgk_standardize *standardize;
    bgk_standardize_sums *standardize_sums;
    bgk_standardize_back *standardize_back;
    bgk_standardize_fold *standardize_fold;
    bgk_lstm *lstm;
    bgk_lstm_back *lstm_back;
    bgk_weigh_back *weigh_back;
    bgk_winograd_from *winograd_image, *winograd_spread;
    bgk_winograd_result *winograd_result;
    bgk_winograd_factors *winograd_factors;
    bgk_winograd_weight *winograd_weight;
    bgk_window_max *window_max;
    bgk_window_back *window_back;
    bgk_lockstep_eigen *lockstep_eigen;
    bgk_lockstep_svd *lockstep_svd;
    bgk_descend *descend;
    bgk_lockstep_cholesky *lockstep_cholesky;
    bgk_lockstep_solve *lockstep_solve;
    bgk_lockstep_lu *lockstep_lu;
} bgk_kernels;

/* The kernels of one instruction set. */
typedef struct {
    const char *name;                                 /* "scalar", "avx2", "avx512" */
    int (*is_supported)(void);                        /* by this processor and its operating system */
    double (*fma_chains)(int64_t rounds, int is_f64); /* runs independent fused multiply-adds for measuring the peak;
                                     returns the number of floating-point operations done */
    bgk_philox *philox;
    bgk_kernels f32, f64;
} bgk_table;

/* All tables that this build contains, fastest first, ending with NULL. The scalar one is always there. */
extern const bgk_table *const bgi_kernel_tables[];

#endif
