/* The derivative of the matrix exponential. */
#ifndef BGI_MATRIX_EXP_H
#define BGI_MATRIX_EXP_H

#include "linalg/matrices.h"

/* That at a in the direction of e, both [.., n, n]. */
bg_node *bgi_matrix_exp_derivative(bg_node *a, bg_node *e);

#endif
