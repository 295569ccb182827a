/* What is solved with the pseudo-inverse. */
#ifndef BGI_PSEUDO_INVERSE_H
#define BGI_PSEUDO_INVERSE_H

#include "linalg/matrices.h"

/* The pseudo-inverse of a times c, [.., n, r] of a [.., m, n] and c [.., m, r], whose batches broadcast:
 * for lstsq. */
bg_node *bgi_pinv_solve(bg_node *a, bg_node *c, double tolerance);
/* The tolerance given, or max(m, n) · epsilon; false with the error recorded if it is no number of at least 0. */
bool bgi_takes_tolerance(const char *name, const bg_node *a, bg_optional tolerance, double *value);

#endif
