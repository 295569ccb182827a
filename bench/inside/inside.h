/* What the bench measures from the inside of the library: OpenBLAS without anything around it, and single kernels. */
#ifndef INSIDE_H
#define INSIDE_H

#include <stdbool.h>
#include <stdint.h>

/* y [m, n] = x · w, row-major, as many times as said, by cblas_sgemm or cblas_dgemm on the calling thread alone; x is
 * stored [k, m] where it is transposed, w [n, k]. An engine has to be there. */
typedef struct {
    bool is_f64, transposes_x, transposes_w;
    int64_t m, n, k;
    const void *x, *w;
    void *y;
} inside_product;
void inside_multiply(const inside_product *p, int64_t times);
/* Whether OpenBLAS can count so far. */
bool inside_fits(int64_t dimension);

#endif
