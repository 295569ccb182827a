/* Matrices that factorisations take, made of any numbers, and tables of shapes. */
#ifndef BLASGRAD_TESTS_CASES_MATRICES_H
#define BLASGRAD_TESTS_CASES_MATRICES_H

#include "cases.h"

/* Ones on the diagonal, of the shape of a square x. */
static inline bg_node *identity_like(bg_node *x)
{
    bg_shape shape = bg_node_shape(x);
    return bg_broadcast(
        bg_eye(bg_node_graph(x), bg_node_dtype(x), shape.dims[shape.rank - 1], shape.dims[shape.rank - 1]), shape);
}
/* Symmetric positive definite, of a condition below ten: ¼ (x + xᵀ) / n beside 2 on the diagonal, numbers of x being
 * below 2. */
static inline bg_node *spd_of(bg_node *x)
{
    bg_shape shape = bg_node_shape(x);
    int64_t n = shape.dims[shape.rank - 1];
    bg_node *symmetric = bg_mul_scalar(bg_add(x, bg_transpose(x, -1, -2)), n > 0 ? 0.4 / (double)n : 0);
    return bg_add(symmetric, bg_mul_scalar(identity_like(x), 2));
}
/* Symmetric, with eigenvalues of which no two meet: 3, 6, .. on the diagonal beside less than 2 / n. */
static inline bg_node *spread_of(bg_node *x)
{
    bg_shape shape = bg_node_shape(x);
    int64_t n = shape.dims[shape.rank - 1];
    bg_node *symmetric = bg_mul_scalar(bg_add(x, bg_transpose(x, -1, -2)), n > 0 ? 0.4 / (double)n : 0);
    bg_node *diagonal = bg_arange(bg_node_graph(x), bg_node_dtype(x), 0, (double)n, 1);
    return bg_add(symmetric, bg_diag_embed(bg_mul_scalar(bg_add_scalar(diagonal, 1), 3), 0));
}
/* With a diagonal that no pivot or eigenvalue leaves for 0. */
static inline bg_node *regular_of(bg_node *x)
{
    bg_shape shape = bg_node_shape(x);
    int64_t n = shape.dims[shape.rank - 1];
    return bg_add(bg_mul_scalar(x, n > 0 ? 0.7 / (double)n : 0), bg_mul_scalar(identity_like(x), 2));
}

/* Of full rank, of any extents. */
static inline bg_node *full_rank_of(bg_node *x)
{
    bg_shape shape = bg_node_shape(x);
    int64_t m = shape.dims[shape.rank - 2], n = shape.dims[shape.rank - 1], most = m > n ? m : n;
    bg_node *one = bg_eye(bg_node_graph(x), bg_node_dtype(x), m, n);
    return bg_add(bg_mul_scalar(x, most > 0 ? 0.7 / (double)most : 0), bg_mul_scalar(bg_broadcast(one, shape), 2));
}

/* Matrices of any extents; square matrices and batches of them; pairs of them with right sides that broadcast. */
#define SQUARES                                                                                                        \
    ONE(1, 1), ONE(2, 2), ONE(3, 3), ONE(4, 4), ONE(5, 5), ONE(7, 7), ONE(8, 8), ONE(9, 9), ONE(0, 0), ONE(1, 1, 1),   \
        ONE(2, 1, 1), ONE(3, 2, 2), ONE(2, 3, 3), ONE(0, 3, 3), ONE(2, 0, 0), ONE(5, 4, 4), ONE(2, 3, 2, 2),           \
        ONE(1, 2, 3, 3), ONE(17, 2, 2), ONE(12, 12), ONE(17, 17)
#define RECTANGLES                                                                                                     \
    ONE(1, 1), ONE(2, 1), ONE(1, 2), ONE(3, 2), ONE(2, 3), ONE(3, 3), ONE(5, 4), ONE(4, 5), ONE(7, 2), ONE(2, 7),      \
        ONE(0, 0), ONE(3, 0), ONE(0, 3), ONE(2, 3, 2), ONE(3, 2, 3), ONE(0, 3, 2), ONE(2, 0, 3), ONE(2, 3, 2, 2),      \
        ONE(17, 3, 2), ONE(12, 9), ONE(9, 17), ONE(17, 17)
#define SYSTEMS                                                                                                        \
    PAIR(DIMS(1, 1), DIMS(1, 1)), PAIR(DIMS(2, 2), DIMS(2, 1)), PAIR(DIMS(3, 3), DIMS(3, 2)),                          \
        PAIR(DIMS(4, 4), DIMS(4, 4)), PAIR(DIMS(5, 5), DIMS(5)), PAIR(DIMS(1, 1), DIMS(1)),                            \
        PAIR(DIMS(0, 0), DIMS(0, 2)), PAIR(DIMS(3, 3), DIMS(3, 0)), PAIR(DIMS(0, 0), DIMS(0)),                         \
        PAIR(DIMS(2, 3, 3), DIMS(2, 3, 2)), PAIR(DIMS(2, 3, 3), DIMS(3, 2)), PAIR(DIMS(3, 3), DIMS(2, 3, 2)),          \
        PAIR(DIMS(2, 1, 3, 3), DIMS(3, 3, 2)), PAIR(DIMS(2, 3, 3), DIMS(3)), PAIR(DIMS(0, 3, 3), DIMS(3, 1)),          \
        PAIR(DIMS(17, 2, 2), DIMS(17, 2, 1)), PAIR(DIMS(8, 8), DIMS(8, 3)), PAIR(DIMS(9, 9), DIMS(9, 17)),             \
        PAIR(DIMS(17, 17), DIMS(17, 2)), PAIR(DIMS(12, 12), DIMS(12, 5)), PAIR(DIMS(2, 2, 4, 4), DIMS(2, 4, 1))
/* Of any extents, with a right side of as many rows. */
#define EQUATIONS                                                                                                      \
    PAIR(DIMS(1, 1), DIMS(1, 1)), PAIR(DIMS(3, 2), DIMS(3, 1)), PAIR(DIMS(2, 3), DIMS(2, 1)),                          \
        PAIR(DIMS(4, 4), DIMS(4, 3)), PAIR(DIMS(6, 2), DIMS(6)), PAIR(DIMS(1, 5), DIMS(1)),                            \
        PAIR(DIMS(0, 2), DIMS(0, 2)), PAIR(DIMS(3, 0), DIMS(3, 2)), PAIR(DIMS(3, 2), DIMS(3, 0)),                      \
        PAIR(DIMS(0, 3), DIMS(0)), PAIR(DIMS(2, 4, 3), DIMS(2, 4, 2)), PAIR(DIMS(2, 3, 4), DIMS(3, 2)),                \
        PAIR(DIMS(4, 3), DIMS(2, 4, 2)), PAIR(DIMS(2, 1, 2, 3), DIMS(3, 2, 1)), PAIR(DIMS(2, 3, 2), DIMS(3)),          \
        PAIR(DIMS(0, 3, 2), DIMS(3, 1)), PAIR(DIMS(17, 2, 3), DIMS(17, 2, 1)), PAIR(DIMS(12, 7), DIMS(12, 3)),         \
        PAIR(DIMS(9, 17), DIMS(9, 2)), PAIR(DIMS(33, 5), DIMS(33, 4)), PAIR(DIMS(9, 9), DIMS(9, 17))

#endif
