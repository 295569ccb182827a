/* Linear algebra on LAPACKE. */
#ifndef BLASGRAD_LINALG_H
#define BLASGRAD_LINALG_H

#include <blasgrad/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Least squares: solution [n, r] that minimises ‖a · solution - b‖ for a [m, n] of full rank with m >= n, b [m, r]; all
 * of one type, f32 or f64. QR, LAPACK's gels. A new tensor, the caller's to destroy. BG_ERR_SHAPE, BG_ERR_DTYPE;
 * BG_ERR_NUMERIC if a has not full rank or an element is not finite; BG_ERR_NOMEM. */
BG_API bg_status bg_lstsq(bg_tensor **solution, const bg_tensor *a, const bg_tensor *b);

#ifdef __cplusplus
}
#endif
#endif
