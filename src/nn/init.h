/* First values of parameters and buffers. */
#ifndef BGI_INIT_H
#define BGI_INIT_H

#include <blasgrad/nn.h>

/* Whether a tensor of this type and shape can get such values; `name` is for messages. */
bg_status bgi_init_check(const char *name, bg_dtype dtype, bg_shape shape, bg_init init);
/* Fills a new tensor, which is zero and passed the check, with values that follow from the engine's seed and the name.
 */
bg_status bgi_init_fill(bg_tensor *tensor, const char *name, bg_init init);

/* `given`, or what a layer takes where it is left open. */
static inline bg_init bgi_init_or(bg_init given, bg_init otherwise)
{
    return given.kind == BG_INIT_DEFAULT ? otherwise : given;
}
/* Uniform within 1/√fan_in, for weight and bias: PyTorch's kaiming_uniform with a = √5. 0 where there is no input. */
bg_init bgi_init_uniform_of(int64_t fan_in);
/* A fan of a weight [out, in, ..], whose further extents multiply both. */
int64_t bgi_fan_in(bg_shape shape);

#endif
