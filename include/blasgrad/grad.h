/* Transforms of graphs beside the gradient itself. */
#ifndef BLASGRAD_GRAD_H
#define BLASGRAD_GRAD_H

#include <blasgrad/graph.h>

#ifdef __cplusplus
extern "C" {
#endif

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

#ifdef __cplusplus
}
#endif
#endif
