/* Routines of linear algebra on random matrices, one or a batch of them. */
#ifndef MATRICES_H
#define MATRICES_H

#include "workloads.h"

enum { MATRIX_INPUTS_MAX = 4 };

/* One of a routine's inputs: a batch of matrices of uniform numbers. */
typedef struct {
    const char *name;
    int64_t rows, columns; /* columns 0: a vector in place of a matrix; rows 0 too: a number */
    double low, high;
    bool is_operand; /* the routine is differentiated with respect to it; the others are cotangents of its results */
} matrix_input;

/* What the operand a is like beside that: a matrix far from singular is one with 2 √n added to one element of each row,
 * on its diagonal or where rows have to be exchanged. */
typedef enum { IS_GENERAL, IS_SYMMETRIC, IS_POSITIVE, HAS_LARGE_DIAGONAL, NEEDS_PIVOTS } matrix_kind;

struct matrix_routine {
    matrix_kind kind;
    /* Of n x n matrices: the inputs, a first; how many. */
    int (*inputs)(int64_t n, matrix_input *inputs);
    /* The results, each times its cotangent, all together. */
    bg_node *(*value)(bg_node *const *inputs);
};

/* Of the workloads: sizes.n is n, sizes.k the batch, 0 for one matrix without an axis for it.
 *   An eigenvector's sign is anything: for eigh the value is x · f(a) · y with f(w) = w², for svd x · u · s³ · vt · y,
 * which cost no more than products with a vector, and have gradients without small differences. */
extern const matrix_routine matrix_cholesky, matrix_solve, matrix_solve_triangular, matrix_lu, matrix_qr, matrix_inv,
    matrix_slogdet, matrix_eigh, matrix_svd;

/* How far the gradient of a step that has run once is from the same in f64, by norms, and how far that one is from a
 * central difference along a random direction, by the norm of both. */
bg_status matrices_compare(const workload_step *step, const workload *w, workload_result *result);

#endif
