/* The ops. Unless said otherwise: inputs are f32 or f64 of one type, the output has that type; inputs of elementwise
 * ops broadcast by NumPy's rule, and the gradient of a broadcast input is summed over the broadcast axes. Every op is
 * differentiable any number of times. Wrong inputs are recorded in the graph (BG_ERR_SHAPE, BG_ERR_DTYPE,
 * BG_ERR_ARGUMENT) with the shapes or types that were given. */
#ifndef BLASGRAD_OPS_H
#define BLASGRAD_OPS_H

#include <blasgrad/graph.h>

#ifdef __cplusplus
extern "C" {
#endif

/* clang-format off */
/* Worst errors of the vector kernels in units in the last place, with AVX2: for f32 over every float, for f64 over ten
 * million points; the scalar kernels' differ by at most 0.3 on samples, AVX-512 was not measured. Results below the
 * smallest normal number are flushed to zero inside a program's run.
 *
 *         exp    expm1  log    log1p  tanh   sigmoid  softplus  erf
 *   f32   1.03   1.54   0.86   0.86   2.43   2.41     1.66      1.10
 *   f64   1.01   1.95   0.92   0.84   2.57   2.31     1.75      1.05
 */
/* clang-format on */

/* ---- Arithmetic, elementwise ---- */
/* x + y, x - y, x y and x / y. */
BG_API bg_node *bg_add(bg_node *x, bg_node *y);
BG_API bg_node *bg_sub(bg_node *x, bg_node *y);
BG_API bg_node *bg_mul(bg_node *x, bg_node *y);
BG_API bg_node *bg_div(bg_node *x, bg_node *y);
/* x + c, c x and c - x with a number c, which is rounded to x's type. */
BG_API bg_node *bg_add_scalar(bg_node *x, double c);
BG_API bg_node *bg_mul_scalar(bg_node *x, double c);
BG_API bg_node *bg_sub_from(double c, bg_node *x);
/* -x */
BG_API bg_node *bg_neg(bg_node *x);
/* x², dx = 2 x dy */
BG_API bg_node *bg_square(bg_node *x);
/* √x; NaN below 0. dx = dy / (2 y): +inf at 0. */
BG_API bg_node *bg_sqrt(bg_node *x);
/* eˣ, dx = dy y */
BG_API bg_node *bg_exp(bg_node *x);
/* Natural logarithm; -inf at 0, NaN below. */
BG_API bg_node *bg_log(bg_node *x);
/* exp(x) - 1 and log(1 + x), exact to the last bits near 0. */
BG_API bg_node *bg_expm1(bg_node *x);
BG_API bg_node *bg_log1p(bg_node *x);
/* The error function 2/√π ∫ exp(-t²) dt from 0 to x. */
BG_API bg_node *bg_erf(bg_node *x);
/* |x|; gradient 0 at 0. */
BG_API bg_node *bg_abs(bg_node *x);
/* -1, 0 or 1; 0 for NaN, as in PyTorch; gradient 0. */
BG_API bg_node *bg_sign(bg_node *x);
/* The greater, or the lesser, of x and y: NaN if either is NaN; where both are equal each gets half of the gradient. */
BG_API bg_node *bg_maximum(bg_node *x, bg_node *y);
BG_API bg_node *bg_minimum(bg_node *x, bg_node *y);

/* ---- Functions, elementwise ---- */
/* Largest errors measured, in units in the last place, over ten million f64 of all sizes, and over every f32 of
 * exp2, log2, log10, sin, cos, asin, sinh, asinh and atanh; every 1009th f32, or ten million pairs, of the others:
 *   f32                      0.51   exp2 to erfc, pow, atan2 and hypot; rounded once from f64
 *   f64   to 0.75                   exp2, asin, acos
 *         to 1.1                    log2, log10, sin, cos, tan, atan, sinh, cosh, asinh, atanh, pow, atan2, hypot
 *               1.7    5.1          acosh; erfc
 *   fmod and the four roundings are exact.
 * Without AVX2 they have the accuracy of the C library: with glibc 2.36 up to 1.1 ULP, 2 for log10 and the hyperbolic
 * ones, 1.6 for atan2, 5.5 for erfc. */
/* To an integer: downwards, upwards, to the nearest, halves to even, and towards zero; gradient 0. */
BG_API bg_node *bg_floor(bg_node *x);
BG_API bg_node *bg_ceil(bg_node *x);
BG_API bg_node *bg_round(bg_node *x);
BG_API bg_node *bg_trunc(bg_node *x);
/* 2ˣ, and logarithms to the bases 2 and 10: -inf at 0, NaN below. */
BG_API bg_node *bg_exp2(bg_node *x);
BG_API bg_node *bg_log2(bg_node *x);
BG_API bg_node *bg_log10(bg_node *x);
/* Trigonometric functions of angles in radians, of any size, and their inverses: -π/2 .. π/2, of acos 0 .. π. */
BG_API bg_node *bg_sin(bg_node *x);
BG_API bg_node *bg_cos(bg_node *x);
BG_API bg_node *bg_tan(bg_node *x);
BG_API bg_node *bg_asin(bg_node *x);
BG_API bg_node *bg_acos(bg_node *x);
BG_API bg_node *bg_atan(bg_node *x);
/* Hyperbolic functions and their inverses; tanh is an activation. NaN where there is no value. */
BG_API bg_node *bg_sinh(bg_node *x);
BG_API bg_node *bg_cosh(bg_node *x);
BG_API bg_node *bg_asinh(bg_node *x);
BG_API bg_node *bg_acosh(bg_node *x);
BG_API bg_node *bg_atanh(bg_node *x);
/* 1 - erf(x), which keeps its bits far above 0. */
BG_API bg_node *bg_erfc(bg_node *x);
/* 1 / x and 1 / √x */
BG_API bg_node *bg_reciprocal(bg_node *x);
BG_API bg_node *bg_rsqrt(bg_node *x);
/* xʸ; gradient 0 for x where y is 0, and for y where x is 0 and y >= 0. */
BG_API bg_node *bg_pow(bg_node *x, bg_node *y);
BG_API bg_node *bg_pow_scalar(bg_node *x, double exponent);
/* The angle of the point (x, y) from the x-axis, -π .. π; 0 at (0, 0), with gradient NaN. */
BG_API bg_node *bg_atan2(bg_node *y, bg_node *x);
/* √(x² + y²) without overflow on the way; gradient NaN at (0, 0). */
BG_API bg_node *bg_hypot(bg_node *x, bg_node *y);
/* What is left of x / y rounded towards zero (fmod, the sign of x) or downwards (remainder, the sign of y). */
BG_API bg_node *bg_fmod(bg_node *x, bg_node *y);
BG_API bg_node *bg_remainder(bg_node *x, bg_node *y);
/* x log y; 0 where x is 0, unless y is NaN. */
BG_API bg_node *bg_xlogy(bg_node *x, bg_node *y);
/* log(exp(x) + exp(y)) without overflow. */
BG_API bg_node *bg_logaddexp(bg_node *x, bg_node *y);
/* x + weight (y - x) */
BG_API bg_node *bg_lerp(bg_node *x, bg_node *y, bg_node *weight);

/* ---- Choices ----
 * Comparisons of two equal types give bool; where NaN is involved only not_equal is true. No gradient. */
BG_API bg_node *bg_equal(bg_node *x, bg_node *y);
BG_API bg_node *bg_not_equal(bg_node *x, bg_node *y);
BG_API bg_node *bg_less(bg_node *x, bg_node *y);
BG_API bg_node *bg_less_equal(bg_node *x, bg_node *y);
BG_API bg_node *bg_greater(bg_node *x, bg_node *y);
BG_API bg_node *bg_greater_equal(bg_node *x, bg_node *y);
/* true where x is neither infinite nor NaN, where it is NaN, and where it is infinite. No gradient. */
BG_API bg_node *bg_is_finite(bg_node *x);
BG_API bg_node *bg_is_nan(bg_node *x);
BG_API bg_node *bg_is_inf(bg_node *x);
/* condition ? x : y; condition bool. The input that is not taken gets gradient 0 there, which times an infinity further
 * back is NaN: choose the argument of a singular function, not its result. */
BG_API bg_node *bg_where(bg_node *condition, bg_node *x, bg_node *y);
/* Of bool. No gradient. */
BG_API bg_node *bg_logical_and(bg_node *x, bg_node *y);
BG_API bg_node *bg_logical_or(bg_node *x, bg_node *y);
BG_API bg_node *bg_logical_xor(bg_node *x, bg_node *y);
BG_API bg_node *bg_logical_not(bg_node *x);
/* mask ? value : x; mask bool. */
BG_API bg_node *bg_masked_fill(bg_node *x, bg_node *mask, double value);
/* Numbers in place of NaN and of the infinities, where the gradient is 0. */
BG_API bg_node *bg_nan_to_num(bg_node *x, double nan, double positive, double negative);
/* As maximum and minimum, but a number rather than NaN; where both are equal x gets the gradient. */
BG_API bg_node *bg_fmax(bg_node *x, bg_node *y);
BG_API bg_node *bg_fmin(bg_node *x, bg_node *y);
/* min(max(x, low), high), low <= high; gradient 1 from low to high, the ends included. */
BG_API bg_node *bg_clamp(bg_node *x, double low, double high);
/* Conversion to any type. To f32 and f64 it rounds to nearest, to integers towards zero; numbers beyond an integer's
 * range give its nearest end, and NaN 0; to bool: x != 0. The gradient is converted back; none from or to integers and
 * bool. */
BG_API bg_node *bg_cast(bg_node *x, bg_dtype dtype);
/* x itself, but no gradient flows back through it. */
BG_API bg_node *bg_stop_gradient(bg_node *x);

/* ---- Activations ---- */
/* max(x, 0); gradient 0 at 0. */
BG_API bg_node *bg_relu(bg_node *x);
/* dx = dy (1 - y²) */
BG_API bg_node *bg_tanh(bg_node *x);
/* 1 / (1 + exp(-x)), dx = dy y (1 - y) */
BG_API bg_node *bg_sigmoid(bg_node *x);
/* log(1 + exp(x)); x itself above 20. */
BG_API bg_node *bg_softplus(bg_node *x);
/* x Φ(x) with Φ(x) = (1 + erf(x / √2)) / 2. Hendrycks, Gimpel, Gaussian Error Linear Units, 2016. */
BG_API bg_node *bg_gelu(bg_node *x);
/* x (1 + tanh(√(2/π) (x + 0.044715 x³))) / 2, the approximation of the same paper. */
BG_API bg_node *bg_gelu_tanh(bg_node *x);
/* log(sigmoid(x)) */
BG_API bg_node *bg_logsigmoid(bg_node *x);
/* x > 0 ? x : alpha (exp(x) - 1); the derivative at 0 is alpha. */
BG_API bg_node *bg_elu(bg_node *x, double alpha);
/* x > 0 ? x : alpha (exp(x / alpha) - 1), alpha != 0 */
BG_API bg_node *bg_celu(bg_node *x, double alpha);
/* elu with the scale and alpha of Klambauer et al., Self-Normalizing Neural Networks, 2017. */
BG_API bg_node *bg_selu(bg_node *x);
/* x sigmoid(x) */
BG_API bg_node *bg_silu(bg_node *x);
/* x tanh(softplus(x)) */
BG_API bg_node *bg_mish(bg_node *x);
/* Cut to low .. high, low < high; gradient 0 at the ends and beyond. */
BG_API bg_node *bg_hardtanh(bg_node *x, double low, double high);
/* Cut to 0 .. 6; gradient 0 at 0 and 6 and beyond. */
BG_API bg_node *bg_relu6(bg_node *x);
/* relu6(x + 3) / 6, and x times it. */
BG_API bg_node *bg_hardsigmoid(bg_node *x);
BG_API bg_node *bg_hardswish(bg_node *x);
/* x > 0 ? x : slope x; at 0 the derivative is the slope. */
BG_API bg_node *bg_leaky_relu(bg_node *x, double slope);
/* The same with a slope for each channel, axis 1 of x, or one for all: slopes [channels] or [1]. */
BG_API bg_node *bg_prelu(bg_node *x, bg_node *slopes);
/* x / (1 + |x|) */
BG_API bg_node *bg_softsign(bg_node *x);
/* x > threshold ? x : value */
BG_API bg_node *bg_threshold(bg_node *x, double threshold, double value);
/* 0 where |x| <= lambda; beyond, x (hardshrink) or x drawn towards 0 by lambda >= 0 (softshrink). */
BG_API bg_node *bg_hardshrink(bg_node *x, double lambda);
BG_API bg_node *bg_softshrink(bg_node *x, double lambda);
/* x - tanh(x) */
BG_API bg_node *bg_tanhshrink(bg_node *x);
/* The first half along an axis times the sigmoid of the second; the extent is even. */
BG_API bg_node *bg_glu(bg_node *x, int axis);

/* ---- Reductions ----
 * Over the axes given, each at most once; they are left out of the result. BG_ALL_AXES gives a scalar, BG_AXES() x. */
/* Sum and mean; 0 and NaN over no elements. */
BG_API bg_node *bg_sum(bg_node *x, bg_axes axes);
BG_API bg_node *bg_mean(bg_node *x, bg_axes axes);
/* The same of the elements that are not NaN. nanmean is NaN where there are none. */
BG_API bg_node *bg_nansum(bg_node *x, bg_axes axes);
BG_API bg_node *bg_nanmean(bg_node *x, bg_axes axes);
/* The greatest, or least, element; NaN if any is NaN; equal ones share the gradient evenly; BG_ERR_SHAPE over no
 * elements. */
BG_API bg_node *bg_max(bg_node *x, bg_axes axes);
BG_API bg_node *bg_min(bg_node *x, bg_axes axes);
/* log Σ exp(x) without overflow; -inf where all are -inf, with gradient 0 there. */
BG_API bg_node *bg_logsumexp(bg_node *x, bg_axes axes);
/* The product in row-major order; 1 over no elements. The gradient is right at zeros. */
BG_API bg_node *bg_prod(bg_node *x, bg_axes axes);
/* Σ (x - mean)² / (n - correction) and its root: correction 1 for a sample, 0 for a whole population. Computed in f64
 * in two passes. Where n <= correction it is +inf, or NaN without spread, as in PyTorch; the gradient of var divides
 * by n - correction all the same, and is NaN where that is 0 and so is x - mean. The gradient of std is 0 where it is
 * 0. */
BG_API bg_node *bg_var(bg_node *x, bg_axes axes, double correction);
BG_API bg_node *bg_std(bg_node *x, bg_axes axes, double correction);
/* (Σ |x|ᵖ)^(1/p), p >= 0; p = INFINITY: the largest |x|; p = 0: the number of elements that are not 0, without a
 * gradient. Gradient 0 where the norm is 0. */
BG_API bg_node *bg_norm(bg_node *x, bg_axes axes, double p);
/* Of bool, to bool; any of nothing is false, all of nothing true. count_nonzero: of any type, to i64. No gradient. */
BG_API bg_node *bg_any(bg_node *x, bg_axes axes);
BG_API bg_node *bg_all(bg_node *x, bg_axes axes);
BG_API bg_node *bg_count_nonzero(bg_node *x, bg_axes axes);
/* A reduction of x over these axes with the axes back, of extent 1. */
BG_API bg_node *bg_keep(bg_node *reduced, bg_node *x, bg_axes axes);

/* ---- Running sums and products along an axis ---- */
/* y[j] = x[0] + .. + x[j], added up in f64. */
BG_API bg_node *bg_cumsum(bg_node *x, int axis);
/* y[j] = x[0] · .. · x[j], multiplied in f64; the gradient is right at zeros. */
BG_API bg_node *bg_cumprod(bg_node *x, int axis);
/* log(exp(x[0]) + .. + exp(x[j])) without overflow, summed in f64; -inf where all are -inf, with gradient 0 there. */
BG_API bg_node *bg_logcumsumexp(bg_node *x, int axis);
/* The greatest, or least, of x[0] .. x[j]; a NaN stays. The gradient goes to that element, of equals to the last, whose
 * index (i64) is stored unless the pointer is NULL. */
BG_API bg_node *bg_cummax(bg_node *x, int axis, bg_node **indices);
BG_API bg_node *bg_cummin(bg_node *x, int axis, bg_node **indices);
/* x[j+1] - x[j], so many times; each leaves one element fewer, down to none. */
BG_API bg_node *bg_diff(bg_node *x, int64_t times, int axis);

/* ---- Order ----
 * Indices are i64, without a gradient; the pointers to them may be NULL. NaN counts as the greatest. */
/* Where the extreme is along an axis, which is left out: the first of equals, or the first NaN. BG_ERR_SHAPE over no
 * elements. */
BG_API bg_node *bg_argmax(bg_node *x, int axis);
BG_API bg_node *bg_argmin(bg_node *x, int axis);
/* The extreme along an axis and its index; the whole gradient goes to that element. */
BG_API bg_node *bg_max_along(bg_node *x, int axis, bg_node **indices);
BG_API bg_node *bg_min_along(bg_node *x, int axis, bg_node **indices);
/* Sorted along an axis; equal elements keep their order. */
BG_API bg_node *bg_sort(bg_node *x, int axis, bool is_descending, bg_node **indices);
/* The indices alone. */
BG_API bg_node *bg_argsort(bg_node *x, int axis, bool is_descending);
/* The k largest, or smallest, elements along an axis, in order; 0 <= k <= extent. */
BG_API bg_node *bg_topk(bg_node *x, int64_t k, int axis, bool is_smallest, bg_node **indices);
/* The k-th smallest along an axis, 1 <= k <= extent, which is left out, and its index. */
BG_API bg_node *bg_kthvalue(bg_node *x, int64_t k, int axis, bg_node **indices);
/* The lower of the two medians for an even number, PyTorch's convention; NaN if any is NaN. Over all elements, of which
 * those that equal it share the gradient evenly; NaN of no elements. Along an axis, which is left out, with the index:
 * the whole gradient goes to that element; BG_ERR_SHAPE over no elements. */
BG_API bg_node *bg_median(bg_node *x);
BG_API bg_node *bg_median_along(bg_node *x, int axis, bg_node **indices);
/* How many of the sorted numbers are less than each value, or with is_right at most it: where it would be inserted. i64
 * of values' shape; NaN comes last. sorted [n], or [.., n] with values [.., m]; both of one type, float or integer. No
 * gradient. Numbers out of order give some index. */
BG_API bg_node *bg_searchsorted(bg_node *sorted, bg_node *values, bool is_right);
/* The same with the arguments as PyTorch has them: boundaries [n]. */
BG_API bg_node *bg_bucketize(bg_node *values, bg_node *boundaries, bool is_right);

/* ---- Shape ---- */
/* The same elements in row-major order; one extent may be -1. */
BG_API bg_node *bg_reshape(bg_node *x, bg_shape shape);
/* Axis axes.axis[i] of x becomes axis i; BG_ALL_AXES reverses them. */
BG_API bg_node *bg_permute(bg_node *x, bg_axes axes);
/* x with two axes swapped. */
BG_API bg_node *bg_transpose(bg_node *x, int axis_a, int axis_b);
/* start, start + step, .. before stop along an axis; negative start and stop count from the end, and are then clipped
 * to the axis as Python does; step >= 1. */
BG_API bg_node *bg_slice(bg_node *x, int axis, int64_t start, int64_t stop, int64_t step);
/* Inputs of equal shape but for the axis, one after the other; n >= 1. */
BG_API bg_node *bg_concat(bg_node *const *xs, int n, int axis);
/* x repeated to a shape, by NumPy's rule: leading axes are added, axes of extent 1 repeated. PyTorch's expand. */
BG_API bg_node *bg_broadcast(bg_node *x, bg_shape shape);

/* ---- Elements in other places: flips, rolls, padding, tiles, triangles, diagonals ----
 * Of any type; gradients reach f32 and f64. Axes may be negative: they then count from the last. */
/* The elements along the axes in reverse. A view. */
BG_API bg_node *bg_flip(bg_node *x, bg_axes axes);
/* y[i] = x[i - shift] along an axis, around its ends. */
BG_API bg_node *bg_roll(bg_node *x, int64_t shift, int axis);

/* Elements added before and after each axis of x, its first axis first; a negative number leaves elements out.
 *   CONSTANT   value, which must be one of x's type
 *   REFLECT    c b | a b c | b a    fewer than the axis has
 *   REPLICATE  a a | a b c | c c    of an axis that has elements
 *   CIRCULAR   b c | a b c | a b    at most as many as the axis has */
typedef enum { BG_PAD_CONSTANT, BG_PAD_REFLECT, BG_PAD_REPLICATE, BG_PAD_CIRCULAR } bg_pad_mode;
typedef struct {
    bg_pad_mode mode;
    double value;
    int64_t before[BG_MAX_RANK], after[BG_MAX_RANK];
} bg_pad_options;
BG_API bg_node *bg_pad(bg_node *x, bg_pad_options options);

/* x repeats.dims[i] times along axis i. Where the ranks differ, the shorter of x's shape and repeats gets leading ones;
 * _repeat refuses repeats of fewer axes than x. */
BG_API bg_node *bg_tile(bg_node *x, bg_shape repeats);
BG_API bg_node *bg_repeat(bg_node *x, bg_shape repeats);
/* Each element so many times in a row along an axis. */
BG_API bg_node *bg_repeat_interleave(bg_node *x, int64_t times, int axis);
/* Inputs of equal shape along a new axis of the result. */
BG_API bg_node *bg_stack(bg_node *const *xs, int n, int axis);
/* Parts of the given sizes, which fill the axis, or of equal size but for a smaller last one, which may be fewer than
 * n. Both fill the caller's array of n with views, NULL behind the last, and return their number; 0 after an error. */
BG_API int bg_split(bg_node *x, const int64_t *sizes, int n, int axis, bg_node **parts);
BG_API int bg_chunk(bg_node *x, int n, int axis, bg_node **parts);
/* count elements along an axis, from start on; the element of one index, without the axis. Out of range is
 * BG_ERR_ARGUMENT. Views. */
BG_API bg_node *bg_narrow(bg_node *x, int axis, int64_t start, int64_t count);
BG_API bg_node *bg_select(bg_node *x, int axis, int64_t index);

/* x without those of the axes that have extent 1. */
BG_API bg_node *bg_squeeze(bg_node *x, bg_axes axes);
/* x with a new axis of extent 1. */
BG_API bg_node *bg_unsqueeze(bg_node *x, int axis);
/* Axes first to last as one; one axis as several, of which one extent may be -1. A scalar flattens to [1]; bg_flatten
 * keeps the first axis. */
BG_API bg_node *bg_flatten_axes(bg_node *x, int first, int last);
BG_API bg_node *bg_unflatten(bg_node *x, int axis, bg_shape sizes);
/* Axis `from` in place `to`, the others in their order. */
BG_API bg_node *bg_movedim(bg_node *x, int from, int to);

/* x [.., rows, columns] on and below, or on and above, a diagonal, with 0 elsewhere; diagonal 0 is the main one, 1 the
 * one above it. */
BG_API bg_node *bg_tril(bg_node *x, int64_t diagonal);
BG_API bg_node *bg_triu(bg_node *x, int64_t diagonal);
/* A diagonal of two axes, which becomes the last axis of a view; offset > 0 lies above the main one. */
BG_API bg_node *bg_diagonal(bg_node *x, int64_t offset, int axis_1, int axis_2);
/* x [.., n] -> zeros [.., n + |offset|, n + |offset|] with x on a diagonal. */
BG_API bg_node *bg_diag_embed(bg_node *x, int64_t offset);
/* grids[i] [n0, n1, ..] repeats xs[i] [ni] along all axes but i (indexing "ij"). Returns n, or 0 after an error. */
BG_API int bg_meshgrid(bg_node *const *xs, int n, bg_node **grids);

/* ---- Constants of a graph, of any type that holds the values ----
 * zeros, ones, full: one value everywhere.   eye: 1 on the main diagonal, 0 elsewhere.
 * arange: start, start + step, .. before stop, as many as ceil((stop - start) / step); not bool.
 * linspace: n numbers from start to stop, both of them among these; f32 or f64. */
BG_API bg_node *bg_zeros(bg_graph *graph, bg_dtype dtype, bg_shape shape);
BG_API bg_node *bg_ones(bg_graph *graph, bg_dtype dtype, bg_shape shape);
BG_API bg_node *bg_full(bg_graph *graph, bg_dtype dtype, bg_shape shape, double value);
BG_API bg_node *bg_arange(bg_graph *graph, bg_dtype dtype, double start, double stop, double step);
BG_API bg_node *bg_linspace(bg_graph *graph, bg_dtype dtype, double start, double stop, int64_t n);
BG_API bg_node *bg_eye(bg_graph *graph, bg_dtype dtype, int64_t rows, int64_t columns);

/* ---- Elements chosen by indices ----
 * Indices are i32, i64 or u8; one outside 0 .. extent - 1 makes the run fail with BG_ERR_INDEX. */
/* y[.., j, ..] = x[.., indices[.., j, ..], ..] along an axis, of the indices' shape. x of any type. Beside the axis
 * bg_gather takes indices of smaller extents than x's, which then leave elements out, as PyTorch does; with
 * bg_take_along x and indices broadcast there, as in NumPy and PyTorch's take_along_dim. */
BG_API bg_node *bg_gather(bg_node *x, bg_node *indices, int axis);
BG_API bg_node *bg_take_along(bg_node *x, bg_node *indices, int axis);
/* The slices of x at indices [m] along an axis, which gets extent m. x of any type. */
BG_API bg_node *bg_index_select(bg_node *x, bg_node *indices, int axis);
/* Rows of a table [rows, width] at indices [..] -> [.., width]; the row `padding` gets no gradient (-1: none). */
BG_API bg_node *bg_embedding(bg_node *table, bg_node *indices, int64_t padding);
/* indices [..] -> [.., classes]: 1 at the index, else 0, of type f32 or f64. No gradient. */
BG_API bg_node *bg_one_hot(bg_node *indices, int64_t classes, bg_dtype dtype);
/* x with source[.., j, ..] at [.., indices[.., j, ..], ..] along an axis. Beside it the indices may have smaller
 * extents than x, and everywhere than source. Any type. Of several sources for one place the last wins, and only it
 * gets the gradient; what is replaced gets none. */
BG_API bg_node *bg_scatter(bg_node *x, bg_node *indices, bg_node *source, int axis);
/* x with source[.., j, ..] added at these places, in the order of j; shapes as for scatter. f32, f64 and integers,
 * which wrap around. */
BG_API bg_node *bg_scatter_add(bg_node *x, bg_node *indices, bg_node *source, int axis);
/* x with the slices of source added at indices [m] along an axis, in their order; of the same types. */
BG_API bg_node *bg_index_add(bg_node *x, bg_node *indices, bg_node *source, int axis);
/* x with the elements of source, in their order, where the mask is true; x and mask broadcast together. Fewer elements
 * than the mask needs are BG_ERR_INDEX when it runs; none at all are BG_ERR_SHAPE, unless x is empty. */
BG_API bg_node *bg_masked_scatter(bg_node *x, bg_node *mask, bg_node *source);
/* How often each class 0 .. classes - 1 is among the indices, of any shape: i64 [classes]; or the sums of the weights
 * that stand at the same places, of their type, unless they are NULL. */
BG_API bg_node *bg_bincount(bg_node *indices, bg_node *weights, int64_t classes);

/* ---- Products ---- */
/* Matrix product over the last two dimensions; leading dimensions broadcast.
 *   x [.., m, k]   w [.., k, n]  ->  y [.., m, n]
 *   dx = dy · wᵀ   dw = xᵀ · dy   (summed over broadcast dimensions)
 * Vectors: x [k] counts as [1, k], w [k] as [k, 1], and the added dimension is left out of the result. k = 0: zeros. */
BG_API bg_node *bg_matmul(bg_node *x, bg_node *w);
/* x·wᵀ + b:  x [.., in]   w [out, in]   b [out] or NULL  ->  [.., out] */
BG_API bg_node *bg_linear(bg_node *x, bg_node *w, bg_node *b);

/* ---- Contractions ---- */
/* Sums of products of n tensors whose axes carry letters, in NumPy's notation: "ij,jk->ik" is a matrix product.
 *   - An operand's letter that is there twice takes the diagonal. Letters that the result has not are summed.
 *   - Without "->" the result has the letters that are there once, in the order of the alphabet, capitals first.
 *   - "..." stands for further axes, which broadcast; they come first in a result without "->", and are summed where
 *     the result has no "...". An extent of 1 broadcasts under a letter too. Blanks do not count.
 * The order of the products is the one with the fewest operations for up to ten operands, and beyond that takes the
 * cheapest product of two each time. Each is one bg_matmul with its axes permuted, or a bg_mul where nothing is summed
 * or only inner products of vectors are.
 * BG_ERR_ARGUMENT for an equation that is wrong, with the position or letter; BG_ERR_SHAPE where extents differ. */
BG_API bg_node *bg_einsum(const char *equation, bg_node *const *xs, int n);

/* The sum over pairs of axes of equal extents, x_axes[i] of x with y_axes[i] of y; then the other axes of x, then those
 * of y. */
BG_API bg_node *bg_tensordot(bg_node *x, bg_node *y, bg_axes x_axes, bg_axes y_axes);
/* Of vectors: x [m], y [n] -> [m, n], and x [n], y [n] -> []. */
BG_API bg_node *bg_outer(bg_node *x, bg_node *y);
BG_API bg_node *bg_dot(bg_node *x, bg_node *y);
/* Over the last axes: x [.., k], y [..., k] -> [.., ...]; a scalar multiplies. */
BG_API bg_node *bg_inner(bg_node *x, bg_node *y);
/* Kronecker product: y times each element of x. x [m, n], y [k, l] -> [m k, n l], and so for up to 4 axes; the shape
 * with fewer gets leading ones. */
BG_API bg_node *bg_kron(bg_node *x, bg_node *y);
/* z_o = Σ_ij x_i weight_oij y_j + bias_o:
 *   x [.., in1]   y [.., in2]   weight [out, in1, in2]   bias [out] or NULL  ->  [.., out] */
BG_API bg_node *bg_bilinear(bg_node *x, bg_node *y, bg_node *weight, bg_node *bias);
/* xs[0] · xs[1] · .. of 2 to 1024 matrices, in the order of fewest operations; the first may be a row vector [k], the
 * last a column vector [k]. */
BG_API bg_node *bg_multi_dot(bg_node *const *xs, int n);
/* Cross product along an axis of extent 3; x and y broadcast. */
BG_API bg_node *bg_cross(bg_node *x, bg_node *y, int axis);
/* The sum of the main diagonal of the last two axes: x [.., m, n] -> [..]. */
BG_API bg_node *bg_trace(bg_node *x);

/* ---- Distances ----
 * p >= 0 is the exponent of a norm, as in bg_norm; gradient 0 where a distance is 0, as everywhere for p = 0. PyTorch's
 * defaults are in brackets. */
/* x / max(norm along an axis, eps) [p 2, eps 1e-12]. Below eps the gradient is dy / eps: 1e12 dy at 0. */
BG_API bg_node *bg_normalize(bg_node *x, int axis, double p, double eps);
/* Σ x y / (max(|x|, eps) max(|y|, eps)) along an axis, which is left out [eps 1e-8]; x and y broadcast. As in PyTorch,
 * a norm below eps is replaced but differentiated as if it were not: 0 has similarity 0 to all, with a gradient of up
 * to 1 / eps. */
BG_API bg_node *bg_cosine_similarity(bg_node *x, bg_node *y, int axis, double eps);
/* The norm of x - y + eps over the last axis, which is left out [p 2, eps 1e-6]; x and y broadcast. */
BG_API bg_node *bg_pairwise_distance(bg_node *x, bg_node *y, double p, double eps);
/* The p-norms of all differences: x [.., m, d], y [.., n, d] -> [.., m, n] [p 2]; leading dimensions broadcast.
 * Computed from differences, so that close points keep their digits; PyTorch's form of a matrix product, |x|² + |y|² -
 * 2 x·y, loses them. For p = INFINITY the largest elements of a difference share the gradient evenly. */
BG_API bg_node *bg_cdist(bg_node *x, bg_node *y, double p);

/* ---- Scores ---- */
/* exp(x) / Σ exp(x) along one axis; NaN where all are -inf or one is +inf. */
BG_API bg_node *bg_softmax(bg_node *x, int axis);
/* x - log Σ exp(x) along one axis, without overflow. */
BG_API bg_node *bg_log_softmax(bg_node *x, int axis);
/* The score of each row's class: x [.., c], classes [..] (i32, i64 or u8) -> [..]. A class outside 0 .. c - 1 makes the
 * run fail with BG_ERR_INDEX. c is at most 2^24. */
BG_API bg_node *bg_gather_class(bg_node *x, bg_node *classes);

/* ---- Convolution, in one to three dimensions, as many as x has behind the first two ---- */
/* For each dimension, 0 for those that x has not; the zero value is stride 1, dilation 1, no padding, one group. */
typedef struct {
    int64_t stride[3], dilation[3];
    int64_t padding[3];        /* zeros before and behind */
    int64_t output_padding[3]; /* of the transpose alone: further elements behind, fewer than stride or dilation */
    int64_t groups;            /* channels of x and of the result fall into groups that do not meet */
    bool is_same;              /* pads so that the extents stay, an odd element behind; stride 1, not the transpose */
} bg_conv_options;
/*   x [n, in, ..]   weight [out, in / groups, kernel..]   bias [out] or NULL  ->  [n, out, ..]
 * extents (in + 2 padding - dilation (kernel - 1) - 1) / stride + 1, rounded down.
 * f32 kernels of 3 x 3 with stride and dilation 1 between 16 or more channels of a group, up to 2^17 kernels, over 32
 * or more samples whose number is a multiple of 16, go by Winograd's F(2x2, 3x3) (Lavin and Gray 2015,
 * arXiv:1509.09308), as do their gradients; likewise kernels of 3 x 3 x 1 over a last extent of 16. Rounding errors are
 * then those of sums over patches of 4 x 4 elements. */
BG_API bg_node *bg_conv(bg_node *x, bg_node *weight, bg_node *bias, const bg_conv_options *options);
/* The transpose of the map from x to bg_conv's result.
 *   x [n, in, ..]   weight [in, out / groups, kernel..]   bias [out] or NULL  ->  [n, out, ..]
 * extents (in - 1) stride - 2 padding + dilation (kernel - 1) + output_padding + 1. */
BG_API bg_node *bg_conv_transpose(bg_node *x, bg_node *weight, bg_node *bias, const bg_conv_options *options);

/* ---- Pooling, of x [n, channels, ..] over windows of one to three dimensions ---- */
/* For each dimension, 0 for those that x has not. */
typedef struct {
    int64_t stride[3];       /* 0: the window's extent */
    int64_t padding[3];      /* before and behind, at most half of the window; not of lp_pool */
    int64_t dilation[3];     /* of max_pool alone; 0: 1 */
    bool is_ceil;            /* a last window that reaches beyond the padding counts too */
    bool leaves_out_padding; /* of avg_pool alone: divides by the elements within the image */
} bg_pool_options;
/* The greatest element of each window, which must have one in the image. The padding never wins; of equal elements the
 * first gets the gradient; NaN if any is NaN. indices, unless NULL, gets
 * where the elements are in their channel, counted in row-major order: i64, without a gradient. */
BG_API bg_node *bg_max_pool(bg_node *x, bg_shape window, const bg_pool_options *options, bg_node **indices);
/* Zeros of the image's extents with the elements of x [n, channels, ..] at such indices, of the same shape, in their
 * channel. Of those with one index the last counts, and only it gets gradient. An index outside makes the run fail with
 * BG_ERR_INDEX. */
BG_API bg_node *bg_max_unpool(bg_node *x, bg_node *indices, bg_shape image);
/* The mean of each window, whose padding counts as 0. */
BG_API bg_node *bg_avg_pool(bg_node *x, bg_shape window, const bg_pool_options *options);
/* (Σ xᵖ)^(1/p), p > 0, without absolute values: NaN where the sum is negative and p is not 1. Where the sum is 0 the
 * gradient is 0. No padding, no dilation; the sum of a window that reaches beyond the image is scaled up to the whole
 * window. */
BG_API bg_node *bg_lp_pool(bg_node *x, double p, bg_shape window, const bg_pool_options *options);
/* To size extents, whatever those of x are: result i of a dimension is made of the elements floor(i in / out) to
 * ceil((i + 1) in / out) - 1. Of equal maxima the first gets the gradient. */
BG_API bg_node *bg_adaptive_max_pool(bg_node *x, bg_shape size, bg_node **indices);
BG_API bg_node *bg_adaptive_avg_pool(bg_node *x, bg_shape size);
/* The same to size 1, 1, .. */
BG_API bg_node *bg_global_max_pool(bg_node *x, bg_node **indices);
BG_API bg_node *bg_global_avg_pool(bg_node *x);

/* ---- Windows as columns, in one to three dimensions ---- */
/* For each dimension, 0 for those that x has not. */
typedef struct {
    int64_t stride[3], dilation[3]; /* 0: 1 */
    int64_t padding[3];             /* zeros before and behind */
} bg_window_options;
/* x [n, channels, ..] -> [n, channels · elements, positions]: the elements of each window, of one channel after the
 * other, for the positions in row-major order. */
BG_API bg_node *bg_unfold(bg_node *x, bg_shape window, const bg_window_options *options);
/* Its transpose, to the image's extents: what meets in one element is added up. */
BG_API bg_node *bg_fold(bg_node *x, bg_shape image, bg_shape window, const bg_window_options *options);

/* ---- Resizing, of x [n, channels, ..] with one to three further dimensions, to `size` ----
 * s stands for in / out. The grids are PyTorch's interpolate's. */
/* Result j is element floor(j s), or with is_exact floor((j + 1/2) s), computed exactly, as PyTorch does for f64 in one
 * dimension; where it computes in f32, it now and then finds the element before. */
BG_API bg_node *bg_resize_nearest(bg_node *x, bg_shape size, bool is_exact);
/* Linear along each dimension between the neighbours of (j + 1/2) s - 1/2, or with aligns_corners, where the first and
 * the last elements stay what they are, of j (in - 1) / (out - 1); beyond the ends, the end. */
BG_API bg_node *bg_resize_linear(bg_node *x, bg_shape size, bool aligns_corners);
/* Channels as pixels: [n, c · factor², h, w] -> [n, c, h · factor, w · factor], and back. Of any type. */
BG_API bg_node *bg_pixel_shuffle(bg_node *x, int64_t factor);
BG_API bg_node *bg_pixel_unshuffle(bg_node *x, int64_t factor);
/* x [n, groups · c, ..]: the first channel of each group, then the second of each, and so on. Of any type. */
BG_API bg_node *bg_channel_shuffle(bg_node *x, int64_t groups);

/* ---- Normalisation ----
 * Means and variances are computed in f64, in two passes, also of f32; variances divide by the number of elements. An x
 * without elements is its own result. eps >= 0 is added to the variance. weight and bias may be NULL: 1 and 0. */

/* (x - mean) / √(variance + eps) · weight + bias over the axes given, at least one. weight and bias have the shape of
 * those axes, in x's order: [768] for BG_AXES(-1) of [32, 128, 768]. Ba, Kiros, Hinton, Layer normalization, 2016. */
BG_API bg_node *bg_layer_norm(bg_node *x, bg_axes axes, bg_node *weight, bg_node *bias, double eps);
/* x / √(mean of x² + eps) · weight over the axes. Zhang, Sennrich, Root mean square layer normalization, 2019. */
BG_API bg_node *bg_rms_norm(bg_node *x, bg_axes axes, bg_node *weight, double eps);
/* x [n, c, ..]   weight [c]   bias [c]: the channels of each sample in `groups` groups of equal size, each by itself.
 * Wu, He, Group normalization, 2018. */
BG_API bg_node *bg_group_norm(bg_node *x, int64_t groups, bg_node *weight, bg_node *bias, double eps);
/* The same for each channel of each sample by itself, which must have more than one element: BG_ERR_SHAPE. */
BG_API bg_node *bg_instance_norm(bg_node *x, bg_node *weight, bg_node *bias, double eps);
/* x / (k + alpha · s)^beta with s [n, c, ..] the mean of x² over `size` >= 1 neighbouring channels, size / 2 before and
 * (size - 1) / 2 behind, where those beyond the ends count as 0. x [n, c, ..]. Krizhevsky, Sutskever, Hinton, ImageNet
 * classification with deep convolutional neural networks, 2012, whose alpha is this one divided by size. */
BG_API bg_node *bg_local_response_norm(bg_node *x, int64_t size, double alpha, double beta, double k);

/* momentum is the share of the new: running = (1 - momentum) running + momentum · batch, as in PyTorch; the momentum of
 * Keras is the share that is kept, so 0.99 there is 0.01 here, and its eps is 1e-3. */
typedef struct {
    bool is_evaluation;   /* normalises with the running statistics and updates nothing */
    bg_optional momentum; /* 0 .. 1; 0.1 unless given */
    bg_optional eps;      /* 1e-5 unless given */
    bg_node *batches;     /* a buffer, i64 of rank 0, that counts the batches of training; or NULL */
    bool is_cumulative;   /* momentum is 1 / batches, this one included: running is the mean of all batches so far */
} bg_batch_norm_options;
/* (x - mean) / √(variance + eps) · weight + bias of each channel of x [n, c, ..], over all other axes. weight, bias,
 * running_mean, running_var [c] or NULL. In training the statistics are those of x, gradients flow through them, and
 * the buffers running_mean and running_var, given both or neither, are updated: running_var with the variance that
 * divides by one less. A buffer used again in a graph is updated from bg_updated. With no elements nothing is updated.
 * BG_ERR_SHAPE for one element a channel in training. Ioffe, Szegedy, Batch normalization, 2015. */
BG_API bg_node *bg_batch_norm(bg_node *x, bg_node *weight, bg_node *bias, bg_node *running_mean, bg_node *running_var,
                              const bg_batch_norm_options *options);
/* bg_instance_norm with running statistics, [c]: the means over all samples of theirs. */
BG_API bg_node *bg_instance_norm_with(bg_node *x, bg_node *weight, bg_node *bias, bg_node *running_mean,
                                      bg_node *running_var, const bg_batch_norm_options *options);

/* ---- Attention ---- */
/* softmax along an axis over the elements where mask, bool and broadcast to x, is true: the others are 0, whatever they
 * were, and so is a row without any; these elements get gradient 0. A row is NaN where one that takes part is +inf. */
BG_API bg_node *bg_masked_softmax(bg_node *x, bg_node *mask, int axis);

/* The zero value is attention to every key without dropout. */
typedef struct {
    bool is_causal; /* query i takes keys 0 .. i only, also where l and s differ */
    bg_node *mask;  /* broadcast to [.., h, l, s]: bool, true where a key takes part, or of q's type, added to the
                       scores; may be NULL, and stands beside is_causal */
    double scale;   /* 0: 1 / √d */
    double dropout; /* the probability with which a weight is 0; the others are divided by 1 - p */
} bg_attention_options;
/* Scaled dot product attention: y = dropout(softmax(scale q kᵀ + mask)) v. Vaswani et al., Attention is all you need,
 * 2017; options may be NULL.
 *   q [.., h, l, d]   k [.., hk, s, d]   v [.., hk, s, e]  ->  y [.., h, l, e]
 * Leading dimensions are equal; h is a multiple of hk, and query head i takes key head i / (h / hk); of rank 2 there is
 * one head. Keys whose score is -inf take no part, though an infinity or NaN in their v may make y NaN; a query without
 * keys gives 0, with gradient 0, as in PyTorch. It runs by tiles of the scores (Dao et al., FlashAttention, 2022), so
 * that the memory it needs grows with l + s, and so does that of the gradients for q, k and v. A gradient for a float
 * mask, and derivatives of gradients, need several values of the size [.., h, l, s]. */
BG_API bg_node *bg_attention(bg_node *q, bg_node *k, bg_node *v, const bg_attention_options *options);

/* Turns pairs of elements (x1, x2) by angles whose cosine and sine are given: (x1 cos - x2 sin, x1 sin + x2 cos).
 *   x [.., d]   cos, sin [.., r / 2], broadcast to x but for the last axis  ->  [.., d]
 * The first r elements are turned, the others stay. Pairs are elements i and i + r / 2, as in GPT-NeoX and Llama, or 2
 * i and 2 i + 1. The gradient is turned back. */
BG_API bg_node *bg_rotary(bg_node *x, bg_node *cos, bg_node *sin, bool is_interleaved);
/* The zero value: base 10000, positions 0, 1, .., all elements in pairs i and i + d / 2. */
typedef struct {
    double base;         /* 0: 10000 */
    int64_t dims;        /* how many elements are turned, an even number; 0: all d */
    int64_t offset;      /* of the first position */
    bg_node *positions;  /* i64 [l], or NULL: offset, offset + 1, ..; not both */
    bool is_interleaved; /* pairs 2 i and 2 i + 1 */
} bg_rotary_options;
/* Rotary position embedding: pair i at position t is turned by t base^(-2 i / dims). x [.., l, d]. Angles are computed
 * in f64. Su et al., RoFormer, 2021. */
BG_API bg_node *bg_rotary_embedding(bg_node *x, const bg_rotary_options *options);

/* ---- Recurrent layers, over sequences ----
 * A layer in one direction is one op with its loop over time inside. Its first gradient is another such loop, and one
 * product over all steps for each weight. Differentiating that again goes through every step in ops of their own: for
 * an lstm some 1400 nodes and 42 kernels a step, and about a hundred values a step, sequence and hidden unit. */

/* Of one layer in one direction, as PyTorch has them: g is hidden for rnn, 4 hidden for lstm (input, forget, cell,
 * output gate), 3 hidden for gru (reset, update, new); state is hidden, or what weight_hr projects to.
 *   weight_ih [g, in]   weight_hh [g, state]   bias_ih, bias_hh [g], or both NULL
 *   weight_hr [state, hidden] or NULL, of lstm alone
 * in of a further layer is state, twice that if both directions are there. */
typedef struct {
    bg_node *weight_ih, *weight_hh, *bias_ih, *bias_hh, *weight_hr;
} bg_recurrent_weights;
typedef struct {
    int64_t layers; /* 0: 1 */
    bool is_bidirectional;
    bool is_batch_first; /* x and output are [batch, steps, ..] */
    bool is_relu;        /* rnn: relu in place of tanh */
    double dropout;      /* of what a layer hands to the next one: see bg_dropout */
    bg_node *lengths;    /* [batch], i32 or i64: the steps of each sequence, 0 .. steps; NULL: all */
} bg_recurrent_options;
/* output [steps, batch, d state], d = 2 with both directions, whose states lie side by side
 * h [layers d, batch, state]   c [layers d, batch, hidden] (lstm; otherwise NULL): after each sequence's last step
 * Beyond a sequence's length the output is 0 and x does not count; backwards, each begins with its own last step. */
typedef struct {
    bg_node *output, *h, *c;
} bg_recurrent_result;

/*   x [steps, batch, in]   h0 [layers d, batch, state] or NULL, zeros   c0 [layers d, batch, hidden] or NULL
 *   weights: one for each layer and direction; layer 0 forward, layer 0 backward, layer 1 ..
 * rnn   h = tanh(W_ih x + b_ih + W_hh h + b_hh). Elman, Finding Structure in Time, 1990.
 * lstm  c = f c + i g, h = o tanh(c), or W_hr times that. Hochreiter, Schmidhuber, Long Short-Term Memory, 1997; Gers
 *       et al., Learning to Forget, 2000; Sak et al., Long Short-Term Memory Based Recurrent Neural Networks, 2014.
 * gru   h = (1 - z) n + z h, n = tanh(W_in x + b_in + r (W_hn h + b_hn)). Cho et al., Learning Phrase Representations
 *       using RNN Encoder-Decoder, 2014.
 * A length outside 0 .. steps makes the run fail with BG_ERR_INDEX. After an error all nodes of the result are NULL. */
BG_API bg_recurrent_result bg_rnn(bg_node *x, bg_node *h0, const bg_recurrent_weights *weights,
                                  const bg_recurrent_options *options);
BG_API bg_recurrent_result bg_lstm(bg_node *x, bg_node *h0, bg_node *c0, const bg_recurrent_weights *weights,
                                   const bg_recurrent_options *options);
BG_API bg_recurrent_result bg_gru(bg_node *x, bg_node *h0, const bg_recurrent_weights *weights,
                                  const bg_recurrent_options *options);
/* One step: x [batch, in], h [batch, state], c [batch, hidden] or NULL, zeros; output and h of the result are the new
 * state [batch, state], c [batch, hidden]. */
BG_API bg_recurrent_result bg_rnn_cell(bg_node *x, bg_node *h, const bg_recurrent_weights *weights, bool is_relu);
BG_API bg_recurrent_result bg_lstm_cell(bg_node *x, bg_node *h, bg_node *c, const bg_recurrent_weights *weights);
BG_API bg_recurrent_result bg_gru_cell(bg_node *x, bg_node *h, const bg_recurrent_weights *weights);

/* ---- Random numbers ----
 * Counter-based: a number depends on the engine's seed, the site of its node, the step, and its place in the output,
 * hence not on threads, and a value computed again is the same. Sites keep nodes apart: the name of a model's layer
 * (nn.h), otherwise the order in which random nodes are made in their graph. The step is a counter that each run of a
 * program with updates advances by one; programs compiled with .no_updates repeat their numbers. The graphs of a model
 * share its counter, the buffer "trainer.random_step"; a graph without a model has one of its own, from 0. No gradient
 * flows through numbers that were drawn. f32 and f64 are drawn from the same bits. */

/* Uniform in [low, high), in steps of (high - low) / 2^24 for f32, / 2^53 for f64. */
BG_API bg_node *bg_uniform(bg_graph *graph, bg_dtype dtype, bg_shape shape, double low, double high);
/* Normal with a mean and a standard deviation >= 0. Box, Muller, A note on the generation of random normal deviates,
 * 1958. */
BG_API bg_node *bg_normal(bg_graph *graph, bg_dtype dtype, bg_shape shape, double mean, double deviation);
/* Integers low .. high - 1 as i32, i64 or u8; a probability is off by at most (high - low) / 2^64. */
BG_API bg_node *bg_randint(bg_graph *graph, bg_dtype dtype, bg_shape shape, int64_t low, int64_t high);
/* 0 .. n - 1 in a random order: i64 [n]. */
BG_API bg_node *bg_permutation(bg_graph *graph, int64_t n);
/* 1 with probability p, otherwise 0, for each element of p and of its type. p counts as 0 below 0 and where it is NaN,
 * as 1 above 1. Gradient 0. */
BG_API bg_node *bg_bernoulli(bg_node *p);
/* Each element is 0 with probability p, otherwise x / (1 - p); p = 1 gives zeros. What is dropped is 0 whatever it was,
 * and gets gradient 0; the rest of the gradient is scaled by the same factor. */
BG_API bg_node *bg_dropout(bg_node *x, double p);
/* Of x [n, c, ..] whole channels are dropped: PyTorch's Dropout1d, Dropout2d and Dropout3d. */
BG_API bg_node *bg_dropout_channels(bg_node *x, double p);
/* Keeps mean 0 and variance 1 of what self-normalising networks carry: dropped elements are -1.7581, then all are
 * scaled and shifted; p = 1 gives zeros. Klambauer et al., Self-Normalizing Neural Networks, 2017. */
BG_API bg_node *bg_alpha_dropout(bg_node *x, double p);

#ifdef __cplusplus
}
#endif
#endif
