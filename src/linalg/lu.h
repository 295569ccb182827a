/* What is computed from the one LU factorisation of an operand. packed [.., m n + m] has the factors, in one matrix,
 * and the permutation as numbers; it has no gradient: ops take it beside the operand, whose gradient they know. */
#ifndef BGI_LU_H
#define BGI_LU_H

#include "linalg/matrices.h"

/* Of a that was checked; NULL with the error recorded, by the public function's name, if the type cannot count its
 * rows.
 */
bg_node *bgi_lu_pack(const char *name, bg_node *a);
/* The number of factorisations, for bg_op.units of an op whose input 0 is packed. */
int64_t bgi_lu_units(const bg_node *node, int input);

/* The extent of the square matrices that were packed. */
int64_t bgi_lu_order(const bg_node *packed);

/* Row i of the result is row order[i] of x [.., n, r]; is_back: row order[i] of the result is row i of x. */
bg_node *bgi_lu_permute(bg_node *x, bg_node *packed, bool is_back);

/* a⁻¹, or what solves a · x = b (aᵀ · x = b), of square a and a b [.., n, r] with its batch. */
bg_node *bgi_lu_inverse(bg_node *a, bg_node *packed);
bg_node *bgi_lu_solution(bg_node *a, bg_node *packed, bg_node *b, bool is_transposed);

#endif
