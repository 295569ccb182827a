/* Small matrices of a batch side by side: BGK_LANES of them (kernels/body_lockstep.h), or for singular values as many
 * as fill a line of 64 bytes (kernels/body_svd.h). One by one, in tiles or by LAPACK, calls and vectors that are not
 * full cost more than the arithmetic. A matrix gets the same bits whichever others are beside it. */
#ifndef BGI_SMALL_H
#define BGI_SMALL_H

#include "blas/blas.h"
#include "linalg/matrices.h"

enum { BGI_SMALL_MOST = 64 }; /* no limit below is larger */
typedef enum { BGI_SMALL_CHOLESKY, BGI_SMALL_SOLVE, BGI_SMALL_LU, BGI_SMALL_SVD } bgi_small_kind;

/* Whether it is the fastest way for the batch of x, of matrices of which the largest extent is n; of singular values
 * the least one. */
bool bgi_small_serves(bgi_small_kind kind, const bg_node *x, int64_t n);
/* For bg_op.grain, where it serves: so many matrices that no lane is left empty. */
int64_t bgi_small_grain(int64_t n);

/* Of matrices side by side: so many elements, from one row to the next, and in all. Rows a multiple of 8 elements apart
 * would bring those of a column of larger matrices to the same places of the cache. */
static inline int64_t bgi_small_elements(int64_t count) { return count * BGK_LANES; }
static inline int64_t bgi_small_row(int64_t columns)
{
    return bgi_small_elements(columns > 16 && columns % 8 == 0 ? columns + 1 : columns);
}
static inline int64_t bgi_small_matrix(int64_t rows, int64_t columns) { return rows * bgi_small_row(columns); }

/* Up to BGK_LANES matrices [rows, columns] that are `stride` elements apart, side by side, and back; zeros stand for
 * those that are missing. */
typedef struct {
    const bgk_kernels *kernels;
    bg_dtype dtype;
    int64_t matrices;
} bgi_small_group;
/* The group of a call that begins with its matrix `first`; all groups one after the other, up to one that fails. */
bgi_small_group bgi_small_group_of(const bg_call *call, int64_t first);
bg_status bgi_small_groups(const bg_call *call, bg_status (*run)(const bg_call *call, int64_t first));
/* How many of these matrices, of `count` elements, come before the first with one that is not finite. */
int64_t bgi_small_finite(bg_dtype dtype, const void *x, int64_t matrices, int64_t count);
/* BG_ERR_NUMERIC about the first of the group's results, of `solvable`, that is beyond the range of the type; else what
 * came of the matrix after them. */
bg_status bgi_small_check_results(const bg_call *call, int64_t first, int64_t solvable, bg_status after);
void bgi_small_take(const bgi_small_group *g, int64_t rows, int64_t columns, int64_t stride, const void *x,
                    void *lanes);
void bgi_small_give(const bgi_small_group *g, int64_t rows, int64_t columns, int64_t stride, const void *lanes,
                    void *x);
/* What bgi_blas_trsm computes, of matrices side by side. scratch: 2 n BGK_LANES elements, of a's n. */
void bgi_small_substitute(const bgi_small_group *g, bgi_triangular how, int64_t rows, int64_t columns, const void *a,
                          void *x, void *scratch);
/* The x [n, r] that solves one triangular system after the other, with factors [n, n] that are `stride` elements apart;
 * it may be b. */
size_t bgi_small_apply_scratch(bg_dtype dtype, int64_t n, int64_t r);
void bgi_small_apply(const bgi_small_group *g, const bgi_triangular how[2], int64_t n, int64_t r, int64_t stride,
                     const void *factors, const void *b, void *x, void *scratch);

/* ---- Checks of triangular systems, matrix i of a call with a and b as its inputs ---- */

/* What is read of them is finite, and no element of a's diagonal 0; the latter alone. */
bg_status bgi_check_triangular(const bg_call *call, bgi_triangular how, int64_t i);
bg_status bgi_check_diagonal(const bg_call *call, int64_t i);

/* ---- For use in a compiler's graph: a call of bg_cholesky and of bg_solve_triangular that is served ---- */
bg_node *bgi_small_cholesky(bg_node *a, bool upper);
bg_node *bgi_small_solve(bg_node *a, bg_node *b, const bg_triangular_options *options);

/* ---- LU, as in lu_matrix.h, of a group ---- */
size_t bgi_small_lu_scratch(bg_dtype dtype, int64_t m, int64_t n);
void bgi_small_lu(const bgi_small_group *g, int64_t m, int64_t n, const void *a, void *packed, void *scratch);
/* scratch serves both. */
size_t bgi_small_lu_solve_scratch(bg_dtype dtype, int64_t n, int64_t r);
void bgi_small_lu_solve(const bgi_small_group *g, int64_t n, int64_t r, const void *packed, bool is_transposed,
                        const void *b, void *x, void *scratch);
void bgi_small_lu_invert(const bgi_small_group *g, int64_t n, const void *packed, void *x, void *scratch);

#endif
