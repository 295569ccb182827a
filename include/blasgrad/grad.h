/* Derivatives, as further nodes of the graph, which can be differentiated again. */
#ifndef BLASGRAD_GRAD_H
#define BLASGRAD_GRAD_H

#include <blasgrad/graph.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Gradients.
 * bg_grad: dxs[i] = dy/dxs[i], of the shape of xs[i]; y has one element and a floating type. An x that y does not
 * depend on gets zeros. On error every dxs[i] is NULL. bg_grad_from: several roots with a cotangent each, of the root's
 * shape and type: dxs[i] = sum over j of (dys[j]/dxs[i])ᵀ cotangents[j]. BG_ERR_GRADIENT names an op on the way that
 * has no gradient. */
BG_API bg_status bg_grad(bg_node *y, bg_node *const *xs, size_t n, bg_node **dxs);
BG_API bg_status bg_grad_from(bg_node *const *ys, bg_node *const *cotangents, size_t n_ys, bg_node *const *xs, size_t n,
                              bg_node **dxs);

/* Forward mode: dys[j] = Σ over i of (∂ys[j]/∂xs[i]) tangents[i], of the shape of ys[j]; a tangent has its x's shape
 * and type. From the same rules as bg_grad: the transpose of the map from cotangents to gradients (Christianson,
 * Automatic Hessians by reverse accumulation, 1992), whose cotangents are gone from the result as it is linear in them.
 * On error every dys[j] is NULL. */
BG_API bg_status bg_jvp(bg_node *const *ys, size_t n_ys, bg_node *const *xs, bg_node *const *tangents, size_t n,
                        bg_node **dys);
/* Hessian-vector products: products[i] = Σ over j of (∂²y/∂xs[i]∂xs[j]) vs[j], of the shape of xs[i]; y has one
 * element. The gradient of ⟨dy/dxs, vs⟩: two to three times the work of the gradient. On error every product is NULL.
 */
BG_API bg_status bg_hvp(bg_node *y, bg_node *const *xs, bg_node *const *vs, size_t n, bg_node **products);

/* y itself, but a gradient that flows back through it computes again what lies between `inputs` and y, rather than
 * reading what the forward pass left behind: only the inputs are kept until then. The gradient has the same numbers.
 *   inputs: the activations, and graph inputs, that the part begins with. Parameters, constants and what is computed
 *           from these alone are read as they are. Random nodes draw the same numbers again; updates are not repeated.
 * It costs one more forward pass of the part, a copy of each input while that pass lasts, and one or two barriers.
 * It saves memory where a long chain is cut into parts: of n equal layers, parts of √n / 2 layers need about 4 √n
 * activations in place of 2 n. It saves nothing for the part before the loss, whose gradient is due at once, nor for
 * values that no weight's gradient reads, which stay within a worker's rows; bg_program_report tells.
 * Parts may be nested, and differentiated any number of times. Chen et al., Training Deep Nets with Sublinear Memory
 * Cost, 2016. BG_ERR_ARGUMENT without inputs. */
BG_API bg_node *bg_checkpoint(bg_node *y, bg_node *const *inputs, size_t n);

/* Gradients of the loss of each sample: losses [b]; dxs[i] [b, ..] of xs[i] [..], row s the gradient of losses[s].
 * xs are parameters, or anything that every sample reads all of; one that losses do not depend on gets zeros.
 *   The loss of a sample may depend on the others' data in no way. BG_ERR_GRADIENT names the op by which samples meet
 * (a mean over the batch, batch normalisation in training), or in which they cannot be told apart: samples may lie
 * along any axis, in equal blocks of it ([b, t, d] reshaped to [b t, d]), but in an op of users only along the first
 * one, in pieces that its `units` tell. An op's composition is tried where the op itself cannot be. BG_ERR_ARGUMENT for
 * an x that is divided among the samples, whose gradient is that of the sum; BG_ERR_SHAPE for losses that are not [b].
 *   A product's gradient is one product of each sample's rows; b times the parameters are stored. The gradient of a
 * weighted sum of the losses needs no gradient of each: bg_grad_from with the weights as cotangent. */
BG_API bg_status bg_per_sample_grad(bg_node *losses, bg_node *const *xs, size_t n, bg_node **dxs);

/* The squares of their norms: squares[i] [b], row s = |dlosses[s]/dxs[i]|², which add up over xs. Of a matrix product
 * of a parameter, and of rows chosen by indices, they are found without the gradient where that is less work: with r
 * rows a sample and a parameter [k, n] for r (k + n) <= k n. Clipped gradients (Abadi et al., Deep Learning with
 * Differential Privacy, 2016) are then bg_grad_from with min(1, limit / norm) as cotangent, with no gradient through
 * it.
 */
BG_API bg_status bg_per_sample_grad_norms(bg_node *losses, bg_node *const *xs, size_t n, bg_node **squares);

#ifdef __cplusplus
}
#endif
#endif
