/* What the gradients of eigenvectors and of singular vectors share: the factors 1 / x of bg_spectral_options. */
#ifndef BGI_SPECTRAL_H
#define BGI_SPECTRAL_H

#include "linalg/matrices.h"

/* The smallest number whose inverse is one of the type, too; that of a smaller one perhaps is not. */
double bgi_smallest_normal(bg_dtype dtype);
/* Whether it is 0 or a number of a's type that is not flushed to 0; else records the error, with the op's name. */
bool bgi_takes_regularization(const char *op, const bg_node *a, double regularization);
/* x / (x² + eps²) */
bg_node *bgi_regularized_inverse(bg_node *x, bg_node *eps);

#endif
