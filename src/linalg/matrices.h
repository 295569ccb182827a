/* What the ops of linalg.h share: checks of matrices, the batch that a call goes through, parts of packed results, and
 * errors that name the matrix. */
#ifndef BGI_MATRICES_H
#define BGI_MATRICES_H

#include <blasgrad/linalg.h>

#include "ops/memory.h"
#include "ops/ops.h"

/* ---- Checks of operands; each records the error, with the op's name ---- */

/* Whether a is a node of f32 or f64 and rank 2 or more, whose matrices LAPACK's integer can count. */
bool bgi_takes_matrix(const char *op, const bg_node *a);
/* The same, of as many rows as columns. */
bool bgi_takes_square(const char *op, const bg_node *a);
/* Whether it is one of the two. */
bool bgi_takes_triangle(const char *op, const bg_node *a, bg_triangle triangle);
/* A square a, and a b with as many rows (is_right: columns) as a: of one graph and type. A b of rank 1 becomes a
 * column, and with different batches both are broadcast to the common one. */
bool bgi_takes_system(const char *op, bg_node **a, bg_node **b, bool is_right);
/* An a of any extents and a b with as many rows; b of rank 1 becomes a column. Their batches broadcast, but are left as
 * they are. */
bool bgi_takes_equations(const char *op, bg_node *a, bg_node **b);
/* x without its last axis if b, as it was given, has rank 1. */
bg_node *bgi_like_right_side(bg_node *x, const bg_node *b);

/* The batch that a's and b's broadcast to, of rank 0 if there is none, followed by the last axes [rows, columns]. */
bg_shape bgi_joint_batch(const bg_node *a, const bg_node *b, int64_t rows, int64_t columns);
/* x's matrices repeated to the batch of a shape of the same rank or a higher one. */
bg_node *bgi_to_batch_of(bg_node *x, bg_shape shape);

/* ---- One matrix for a batch of right sides: they become columns (is_right: rows) of one ---- */

bool bgi_is_shared(const bg_node *a, const bg_node *b);
bg_node *bgi_without_batch(bg_node *a);
/* b [.., n, r] -> [n, .. r], or [.., r, n] -> [.. r, n]; and back to b's shape. */
bg_node *bgi_side_by_side(bg_node *b, bool is_right);
bg_node *bgi_apart(bg_node *x, bg_shape shape, bool is_right);

/* Shape rule: the type and shape of the last input. */
bg_status bgi_infer_last(const bg_node *node, bg_dtype *dtype, bg_shape *shape);
/* Gradient rule of an op that is read only by ops that have rules of their own: an error. */
bg_node *bgi_no_gradient(bg_node *node, int input, bg_node *dy);

/* ---- Calls: units are the matrices of the batch ---- */

/* The extents of the last two axes, and the number of matrices. */
typedef struct {
    int64_t batch, rows, columns;
} bgi_matrices;
bgi_matrices bgi_matrices_of(const bg_node *node);
/* For bg_op.units: all inputs and the output have the batch of input 0. */
int64_t bgi_matrix_units(const bg_node *node, int input);

/* Input k, or the output, at matrix i of the call, each of `count` elements. */
static inline const void *bgi_input_at(const bg_call *call, int k, int64_t i, int64_t count)
{
    return bgi_const_at(call->inputs[k], i * count, bg_dtype_size(call->node->inputs[k]->dtype));
}
static inline void *bgi_output_at(const bg_call *call, int64_t i, int64_t count)
{
    return bgi_at(call->output, i * count, bg_dtype_size(call->node->dtype));
}

/* Runs a call with IEEE 754's floating-point state. */
bg_status bgi_run_gradually(const bg_call *call, bg_status (*run)(const bg_call *call));

/* The first element of count contiguous ones that is not finite; count if all are. */
int64_t bgi_first_not_finite(bg_dtype dtype, const void *values, int64_t count);
/* BG_ERR_NUMERIC, naming the element, unless all elements of input k's matrix i are finite. */
bg_status bgi_check_finite(const bg_call *call, int k, int64_t i);
/* The same for one triangle of a square matrix, all that is read of it. */
bg_status bgi_check_finite_triangle(const bg_call *call, int k, int64_t i, bg_triangle triangle);
/* The same for what is read of the matrix, by a name for the operand; NULL: what the author calls it. */
typedef enum { BGI_READ_ALL, BGI_READ_LOWER, BGI_READ_UPPER } bgi_read;
bg_status bgi_check_finite_part(const bg_call *call, const char *label, int k, int64_t i, bgi_read read);
/* What the author of a call's node calls operand k of a system, 0 or 1. */
const char *bgi_label_of(const bg_call *call, int k);
/* BG_ERR_NUMERIC about the call's matrix i: the node's author, as in "solve: matrix [3, 1] of [5, 2]: ", and the text;
 * without a batch, the author and the text. */
bg_status bgi_fail_at(const bg_call *call, int64_t i, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* The same where the matrices are no longer matrices: about number i of a batch of this shape. */
bg_status bgi_fail_in(const bg_call *call, bg_shape batch, int64_t i, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* The same about an element: "a is nan at [1, 2]". */
bg_status bgi_fail_element(const bg_call *call, int64_t i, const char *label, double value, int64_t row,
                           int64_t column);
/* The same unless all elements of the output's matrix i are finite: a is so near to a singular matrix, or so badly
 * scaled, that the type cannot hold the result. */
bg_status bgi_check_result(const bg_call *call, int64_t i);

/* Names the public function as the author of `first` and of all nodes that were made since, in the user's graph and not
 * in the gradient or the composition of another one; returns the result, which may be NULL, as may the first. */
bg_node *bgi_made_by(const char *name, bg_node *first, bg_node *result);

/* Of numbers that are not NaN; 0 of none. */
double bgi_largest_magnitude(bg_dtype dtype, const void *values, int64_t count);
/* Powers of two [.., 1, 1], without a gradient, that bring the largest element of each matrix, or `beside` if that is
 * larger, near 1 where it is huge or tiny, and else 1: for what computes with squares. */
bg_node *bgi_matrix_scale(bg_node *a, double beside);
/* x · of_a / of_b, the solution for an a and a b that were scaled by these; NULL stands for 1. A run fails where it is
 * not finite. */
bg_node *bgi_matrix_unscale(bg_node *x, bg_node *of_a, bg_node *of_b);
/* The same for an x made by an op of a · of_a, its first input, and b · of_b, its last, whose gradients go to a and b
 * with no more scaling than they need. */
bg_node *bgi_rescaled_solution(bg_node *x, bg_node *a, bg_node *b, bg_node *of_a, bg_node *of_b);

/* ---- Parts of packed results ----
 * A factorisation of several results is one node [.., p], which has no gradient, and an op for each result, of the
 * operand and that node, which is composed of a part of it and has the gradient rule. */
/* Elements start .. of the last axis of packed as [.., rows, columns], or [.., rows] if columns is -1. */
bg_node *bgi_part(bg_node *packed, int64_t start, int64_t rows, int64_t columns);

/* ---- Expressions ---- */
/* ½ (x + xᵀ); ones on the diagonal, of x's graph, type and shape. */
bg_node *bgi_symmetric_part(bg_node *x);
bg_node *bgi_identity_like(bg_node *x);
/* Φ(x), the lower triangle of a square x with half its diagonal, and zeros; Φ(x) + Φ(x)ᵀ, the symmetric matrix of x's
 * lower triangle. */
bg_node *bgi_half_lower(bg_node *x);
bg_node *bgi_mirror_lower(bg_node *x);
/* x with a · x = b, of the Cholesky factor of a, with its batch and without a gradient. */
bg_node *bgi_spd_apply(bg_node *b, bg_node *factor, bool upper);
/* Products with either side transposed. */
bg_node *bgi_matmul_tn(bg_node *x, bg_node *w); /* xᵀ · w */
bg_node *bgi_matmul_nt(bg_node *x, bg_node *w); /* x · wᵀ */

#endif
