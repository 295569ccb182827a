/* Parts of factorisations of large row-major matrices, on the product kernels. Arithmetic follows from the shapes that
 * are given here alone. */
#ifndef BGI_TILES_H
#define BGI_TILES_H

#include "base/fp.h"
#include "blas/blas.h"
#include "linalg/matrices.h"

/* What works on tiles of one type: kernels, or OpenBLAS where those have no vectors or it is wanted for everything.
 * scratch holds bgi_tile_scratch(..) bytes. */
typedef struct {
    const bgk_kernels *kernels;
    bg_dtype dtype;
    size_t size; /* of an element */
    bool by_blas;
    void *scratch;
} bgi_tiles;
bgi_tiles bgi_tiles_of(const bg_call *call, void *scratch);
/* For products of up to m x n and a depth of k. */
size_t bgi_tile_scratch(bg_dtype dtype, int64_t m, int64_t n, int64_t k);

/* A matrix where it lies: element (i, j) at data[i * rows + j * columns], one of which is 1. */
typedef struct {
    const void *data;
    int64_t rows, columns;
} bgi_tile;
static inline bgi_tile bgi_turned(bgi_tile x) { return (bgi_tile){ x.data, x.columns, x.rows }; }

/* c [m, n], rows ldc apart: c = a · b, or c - a · b in place of c. */
void bgi_tiles_product(const bgi_tiles *t, int64_t m, int64_t n, int64_t k, bgi_tile a, bgi_tile b, void *c,
                       int64_t ldc);
void bgi_tiles_subtract(const bgi_tiles *t, int64_t m, int64_t n, int64_t k, bgi_tile a, bgi_tile b, void *c,
                        int64_t ldc);
/* The x [k, n] with a · x = b in place of b; a [k, k] is lower triangular, or upper, as it is seen through its strides.
 */
void bgi_tiles_solve(const bgi_tiles *t, bool upper, bool is_unit, int64_t k, int64_t n, bgi_tile a, void *b,
                     int64_t ldb);
/* x with op(a) · x = b, or x · op(a) = b, in place of b [rows, columns], whose rows are ldb apart; a as bgi_blas_trsm
 * has it. Where it stands on the right, work holds rows · columns elements. */
void bgi_tiles_system(const bgi_tiles *t, bgi_triangular how, int64_t rows, int64_t columns, const void *a, int64_t lda,
                      void *b, int64_t ldb, void *work);
/* The upper factor u of a [n, n] = uᵀ · u in its upper triangle; the lower one is overwritten. 0, or the first minor
 * that is not positive. */
int64_t bgi_tiles_cholesky(const bgi_tiles *t, int64_t n, void *a, int64_t lda);

/* The call as if its units were matrices, for messages about one of the batch. */
static inline bg_call bgi_by_matrices(const bg_call *call)
{
    bg_call whole = *call;
    whole.first = 0;
    return whole;
}

/* Element (i, j) of rows that are ld apart. */
static inline void *bgi_tile_at(const bgi_tiles *t, void *data, int64_t ld, int64_t i, int64_t j)
{
    return bgi_at(data, i * ld + j, t->size);
}
static inline bgi_tile bgi_tile_of(const bgi_tiles *t, const void *data, int64_t ld, int64_t i, int64_t j)
{
    return (bgi_tile){ bgi_const_at(data, i * ld + j, t->size), ld, 1 };
}

#endif
