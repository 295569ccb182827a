/* The LU factorisation of columns that are turned into rows, so that vectors go down them. */
#ifndef BGI_LU_COLUMNS_H
#define BGI_LU_COLUMNS_H

#include "linalg/tiles.h"

/* With partial pivoting, of a [m, width], m >= width, whose column j is row j of `columns`: each gets what l and u have
 * of it. Row i was exchanged with row swaps[i], for each i < width in turn. A column of zeros is left as it is. work
 * holds width² elements. */
void bgi_lu_columns(const bgi_tiles *t, int64_t width, int64_t m, void *columns, int64_t *swaps, void *work);

#endif
