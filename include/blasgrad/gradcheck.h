/* Gradients against differences: whether the gradients of a graph are those of its values. */
#ifndef BLASGRAD_GRADCHECK_H
#define BLASGRAD_GRADCHECK_H

#include <blasgrad/graph.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The zero value checks every element of short inputs, 32 of longer ones, and 3 directions over all elements of each;
 * gradients, forward mode and second derivatives. */
typedef struct {
    bg_node *const *inputs; /* the inputs of the graph .. */
    bg_tensor *const *values;
    size_t n_inputs;    /* .. and what they are bound to */
    int elements;       /* of each x, tried one by one; 0: 32 */
    int directions;     /* over all elements of an x at once; 0: 3 */
    bool is_fast;       /* only directions over all xs together: for graphs of many parameters */
    bool only_gradient; /* leaves out what differentiates the gradient: forward mode and second derivatives */
    double step;        /* of the differences, times max(1, |x| / 10); 0: 1e-3 */
    double rtol, atol;  /* an error of atol + rtol |derivative| is allowed; 0: 1e-7 and 1e-9 */
    uint64_t seed;      /* of cotangents, directions, and the elements that are tried */
} bg_gradcheck_options;

/* What was found. Errors are relative to max(1, |derivative|). */
typedef struct {
    int64_t derivatives; /* compared with differences, in first order */
    int64_t kinks;       /* of these: where left and right limits differ, or differences do not settle */
    int64_t edges;       /* points left out because the function is not finite on both sides */
    double gradient;     /* worst error of the gradient .. */
    double forward;      /* .. of the forward mode, element by element of ys */
    double dot_product;  /* .. of ⟨J v, w⟩ = ⟨v, Jᵀ w⟩, relative to max(1, the sum of the terms' sizes) */
    double second;       /* .. of the gradient's gradient */
    size_t x;            /* where the check failed: number of the x .. */
    int64_t element;     /* .. its element in row-major order, or -1 for a direction over all */
} bg_gradcheck_report;

/* Compares derivatives of ys with respect to xs, which are parameters, buffers or bound inputs, all of f64, at the
 * values that they have now: gradients for random cotangents and the forward mode against five-point differences, the
 * dot-product test of one against the other, and the gradient of the gradient against differences of the gradient.
 * A point where the limits from left and right differ is a kink: there the derivative has to lie between them, element
 * by element. A direction through kinks of several elements, or to where the function is not finite, cannot be judged:
 * it is counted, and tried by halves, up to `elements` of them. Updates do not take place, random ops repeat their
 * numbers, and xs have their values again at the end, also on failure.
 *
 * The check adds nodes to the graph. report may be NULL. BG_ERR_GRADIENT: a derivative is wrong, the message says
 * which, with both numbers. BG_ERR_DTYPE: something is not f64, so that differences would say nothing. BG_ERR_ARGUMENT:
 * an x is no leaf or there twice, or an input among xs is not in options. Otherwise what compiling and running return.
 */
BG_API bg_status bg_gradcheck(bg_node *const *ys, size_t n_ys, bg_node *const *xs, size_t n,
                              const bg_gradcheck_options *options, bg_gradcheck_report *report);

#ifdef __cplusplus
}
#endif
#endif
