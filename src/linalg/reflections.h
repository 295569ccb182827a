/* Blocks of Householder's reflections of a large matrix: h = 1 - v · u⁻¹ · vᵀ, where v has ones on the diagonal and
 * zeros above, and u is upper triangular, with what is above the diagonal of vᵀ · v, and ½ vᵀ · v on it; infinity there
 * where a reflection is none. Joffrain, Low, Quintana-Ortí, van de Geijn and Van Zee, Accumulating Householder
 * transformations, revisited, 2006. */
#ifndef BGI_REFLECTIONS_H
#define BGI_REFLECTIONS_H

#include "linalg/tiles.h"

/* The QR factorisation of a [m, width], m >= width, rows lda apart: r takes the place of its upper triangle and v of
 * what is below. u [width, width], rows width apart. Elements are at most some powers of two, so that squares are
 * numbers. work holds bgi_reflections_work(..) elements. */
void bgi_reflections_of(const bgi_tiles *t, int64_t m, int64_t width, void *a, int64_t lda, void *u, void *work);
int64_t bgi_reflections_work(int64_t m, int64_t width);

/* hᵀ · c, or h · c, in place of c [m, n], rows ldc apart. v [m, width] as it was left, rows ldv apart. work holds
 * width (width + n) elements. */
void bgi_reflect(const bgi_tiles *t, bool is_transposed, int64_t m, int64_t width, int64_t n, const void *v,
                 int64_t ldv, const void *u, void *c, int64_t ldc, void *work);

#endif
