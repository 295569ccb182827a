/* OpenBLAS's matrix product without anything around it, to compare with. */
#include "inside.h"

#include "blas/blas.h"

#include <cblas.h>

static blasint leading(int64_t columns) { return (blasint)(columns > 1 ? columns : 1); }

void inside_multiply(const inside_product *p, int64_t times)
{
    CBLAS_TRANSPOSE tx = p->transposes_x ? CblasTrans : CblasNoTrans, tw = p->transposes_w ? CblasTrans : CblasNoTrans;
    blasint m = (blasint)p->m, n = (blasint)p->n, k = (blasint)p->k;
    blasint ldx = leading(p->transposes_x ? p->m : p->k), ldw = leading(p->transposes_w ? p->k : p->n);
    bgi_blas_call call = bgi_blas_enter();
    for (int64_t i = 0; i < times; i++) {
        if (p->is_f64)
            cblas_dgemm(CblasRowMajor, tx, tw, m, n, k, 1, p->x, ldx, p->w, ldw, 0, p->y, leading(p->n));
        else
            cblas_sgemm(CblasRowMajor, tx, tw, m, n, k, 1, p->x, ldx, p->w, ldw, 0, p->y, leading(p->n));
    }
    bgi_blas_leave(call);
}
