/* The packed eigendecomposition of a symmetric matrix, and what the ops that are made of it share. */
#ifndef BGI_EIGEN_H
#define BGI_EIGEN_H

#include "linalg/squares.h"

/* a [.., n, n], read in one triangle -> [.., n + 1, n]: the eigenvalues, ascending, then the vectors as rows. No
 * gradient goes through it: each op that reads it has a as an input too, and a rule for that. op: the public function,
 * for errors.
 */
bg_node *bgi_eigen_packed(const char *op, bg_node *a, bg_triangle triangle);
int64_t bgi_eigen_order(const bg_node *packed); /* n */

/* The call of that node: decomposes its first `count` matrices, which are finite and have elements; how many before one
 * for which no eigenvalues were found. Its scratch, and the matrices that are worth a task of their own. */
int64_t bgi_eigen_decompose(const bg_call *call, bool is_upper, int64_t count);
size_t bgi_eigen_scratch(const bg_node *node);
int64_t bgi_eigen_grain(const bg_node *node);

/* values [.., n], ascending -> [.., n, n], 1 / (w_j - w_i) with 0 on the diagonal, or as bg_spectral_options has it. */
bg_node *bgi_eigen_gaps(bg_node *values, double regularization);

/* A call's packed decomposition, input k at matrix i. */
typedef struct {
    bg_dtype dtype;
    int64_t n;
    const void *values, *rows;
} bgi_eigen_data;
bgi_eigen_data bgi_eigen_at(const bg_call *call, int k, int64_t i);
/* What of an eigenvalue is rounding: n · epsilon · the largest magnitude. */
double bgi_eigen_rounding(const bgi_eigen_data *e);

/* vᵀ · c · v · 2^-k, k such that elements of c are at most 1 then, which is returned: what is made of them neither
 * overflows nor vanishes. And v · inner · vᵀ · 2^k. inner and work have n² elements; y may not be either. */
int bgi_to_eigenbasis(const bgi_squares *s, const bgi_eigen_data *e, const void *c, void *inner, void *work);
void bgi_from_eigenbasis(const bgi_squares *s, const bgi_eigen_data *e, const void *inner, int k, void *y, void *work);

/* x with a · x + x · a = c, for the packed decomposition of a; the same batch. No gradient for a. */
bg_node *bgi_lyapunov_apply(bg_node *c, bg_node *packed);
/* The same with a gradient for a, a symmetric matrix that packed is the decomposition of. */
bg_node *bgi_lyapunov_with(bg_node *a, bg_node *packed, bg_node *c);

#endif
