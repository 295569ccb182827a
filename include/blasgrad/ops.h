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
BG_API bg_node *bg_add(bg_node *x, bg_node *y);
BG_API bg_node *bg_sub(bg_node *x, bg_node *y);
BG_API bg_node *bg_mul(bg_node *x, bg_node *y);
BG_API bg_node *bg_div(bg_node *x, bg_node *y);
BG_API bg_node *bg_add_scalar(bg_node *x, double c);
BG_API bg_node *bg_mul_scalar(bg_node *x, double c);
/* c - x */
BG_API bg_node *bg_sub_from(double c, bg_node *x);
BG_API bg_node *bg_neg(bg_node *x);
/* x², dx = 2 x dy */
BG_API bg_node *bg_square(bg_node *x);
/* dx = dy / (2 √x): +inf at 0. */
BG_API bg_node *bg_sqrt(bg_node *x);
BG_API bg_node *bg_exp(bg_node *x);
/* Natural logarithm; -inf at 0, NaN below. */
BG_API bg_node *bg_log(bg_node *x);
/* exp(x) - 1 and log(1 + x), exact to the last bits near 0. */
BG_API bg_node *bg_expm1(bg_node *x);
BG_API bg_node *bg_log1p(bg_node *x);
BG_API bg_node *bg_erf(bg_node *x);
/* Gradient 0 at 0. */
BG_API bg_node *bg_abs(bg_node *x);
/* -1, 0 or 1; 0 for NaN, as in PyTorch; gradient 0. */
BG_API bg_node *bg_sign(bg_node *x);
/* NaN if either is NaN; where both are equal each gets half of the gradient. */
BG_API bg_node *bg_maximum(bg_node *x, bg_node *y);
BG_API bg_node *bg_minimum(bg_node *x, bg_node *y);

/* ---- Choices ----
 * Comparisons of two equal types give bool; where NaN is involved only not_equal is true. No gradient. */
BG_API bg_node *bg_equal(bg_node *x, bg_node *y);
BG_API bg_node *bg_not_equal(bg_node *x, bg_node *y);
BG_API bg_node *bg_less(bg_node *x, bg_node *y);
BG_API bg_node *bg_less_equal(bg_node *x, bg_node *y);
BG_API bg_node *bg_greater(bg_node *x, bg_node *y);
BG_API bg_node *bg_greater_equal(bg_node *x, bg_node *y);
/* true where x is neither infinite nor NaN. */
BG_API bg_node *bg_is_finite(bg_node *x);
/* condition ? x : y; condition bool. The input that is not taken gets gradient 0 there, which times an infinity further
 * back is NaN: choose the argument of a singular function, not its result. */
BG_API bg_node *bg_where(bg_node *condition, bg_node *x, bg_node *y);
/* Conversion to f32 or f64 from any type; rounds to nearest. The gradient is converted back; none to integers, bool. */
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

/* ---- Reductions ----
 * Over the axes given, each at most once; they are left out of the result. BG_ALL_AXES gives a scalar, BG_AXES() x. */
BG_API bg_node *bg_sum(bg_node *x, bg_axes axes);
/* NaN over no elements. */
BG_API bg_node *bg_mean(bg_node *x, bg_axes axes);
/* NaN if any is NaN; equal maxima share the gradient evenly; BG_ERR_SHAPE over no elements. */
BG_API bg_node *bg_max(bg_node *x, bg_axes axes);
/* log Σ exp(x) without overflow; -inf where all are -inf, with gradient 0 there. */
BG_API bg_node *bg_logsumexp(bg_node *x, bg_axes axes);

/* ---- Shape ---- */
/* The same elements in row-major order; one extent may be -1. */
BG_API bg_node *bg_reshape(bg_node *x, bg_shape shape);
/* Axis axes.axis[i] of x becomes axis i; BG_ALL_AXES reverses them. */
BG_API bg_node *bg_permute(bg_node *x, bg_axes axes);
/* Swaps two axes. */
BG_API bg_node *bg_transpose(bg_node *x, int axis_a, int axis_b);
/* start, start + step, .. before stop along an axis; negative start and stop count from the end, and are then clipped
 * to the axis as Python does; step >= 1. */
BG_API bg_node *bg_slice(bg_node *x, int axis, int64_t start, int64_t stop, int64_t step);
/* Inputs of equal shape but for the axis, one after the other; n >= 1. */
BG_API bg_node *bg_concat(bg_node *const *xs, int n, int axis);
/* NumPy's rule: leading axes are added, axes of extent 1 repeated. */
BG_API bg_node *bg_broadcast(bg_node *x, bg_shape shape);

/* ---- Products ---- */
/* Matrix product over the last two dimensions; leading dimensions broadcast.
 *   x [.., m, k]   w [.., k, n]  ->  y [.., m, n]
 *   dx = dy · wᵀ   dw = xᵀ · dy   (summed over broadcast dimensions)
 * Vectors: x [k] counts as [1, k], w [k] as [k, 1], and the added dimension is left out of the result. k = 0: zeros. */
BG_API bg_node *bg_matmul(bg_node *x, bg_node *w);
/* x·wᵀ + b:  x [.., in]   w [out, in]   b [out] or NULL  ->  [.., out] */
BG_API bg_node *bg_linear(bg_node *x, bg_node *w, bg_node *b);

/* ---- Scores ---- */
/* exp(x) / Σ exp(x) along one axis; NaN where all are -inf or one is +inf. */
BG_API bg_node *bg_softmax(bg_node *x, int axis);
BG_API bg_node *bg_log_softmax(bg_node *x, int axis);
/* The score of each row's class: x [.., c], classes [..] (i32, i64 or u8) -> [..]. A class outside 0 .. c - 1 makes the
 * run fail with BG_ERR_INDEX. c is at most 2^24. */
BG_API bg_node *bg_gather_class(bg_node *x, bg_node *classes);

/* ---- Products and running sums along an axis ---- */

/* ---- Order: sorting, largest elements, and where extremes are ---- */

/* ---- Elements chosen by computed indices ---- */

/* ---- Elements in other places: flips, rolls, padding, tiles, triangles, diagonals ---- */

/* ---- Contractions by the names of axes ---- */

/* ---- Distances and similarities ---- */

/* ---- Normalisation ---- */

/* ---- Convolution ---- */

/* ---- Pooling ---- */

/* ---- Resizing of images ---- */

/* ---- Attention ---- */

/* ---- Random numbers ---- */

/* ---- Recurrent layers ---- */

#ifdef __cplusplus
}
#endif
#endif
