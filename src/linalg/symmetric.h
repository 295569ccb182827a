/* The derivatives of functions of symmetric matrices as ops. */
#ifndef BGI_SYMMETRIC_H
#define BGI_SYMMETRIC_H

#include "linalg/divided.h"
#include "linalg/eigen.h"

/* f(a): a [.., n, n] symmetric, with its packed decomposition. */
bg_node *bgi_symmetric_function(const bgi_function *f, bg_node *a, bg_node *packed);
/* Its derivative at a in the direction of e, and its second derivative in those of e and z; of e and z the symmetric
 * part counts. Symmetric as bilinear and trilinear forms: each is the gradient of the one before. */
bg_node *bgi_symmetric_derivative(const bgi_function *f, bg_node *a, bg_node *packed, bg_node *e);
bg_node *bgi_symmetric_second(const bgi_function *f, bg_node *a, bg_node *packed, bg_node *e, bg_node *z);

/* The same for a packed decomposition alone; e and z get gradients. */
bg_node *bgi_symmetric_apply(const bgi_function *f, bg_node *packed);
bg_node *bgi_symmetric_derivative_apply(const bgi_function *f, bg_node *e, bg_node *packed);
bg_node *bgi_symmetric_second_apply(const bgi_function *f, bg_node *e, bg_node *z, bg_node *packed);

#endif
