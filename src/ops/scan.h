/* Recurrences along an axis. */
#ifndef BGI_SCAN_H
#define BGI_SCAN_H

#include "ops/ops.h"

/* s[j] = factor[j] s[j-1] + x[j] along an axis, s[0] = x[0]; in reverse from the last element on. */
bg_node *bgi_linear_recurrence(bg_node *factor, bg_node *x, int axis, bool is_reverse);

#endif
