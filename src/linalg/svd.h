/* The packed singular value decomposition, and what the ops that are made of it share. */
#ifndef BGI_SVD_H
#define BGI_SVD_H

#include "linalg/matrices.h"

/* The vectors of the least extent, all, or none. */
typedef enum { BGI_SVD_THIN, BGI_SVD_FULL, BGI_SVD_VALUES } bgi_svd_job;

/* Of a [rows, columns] = u · diag(s) · vt: u [rows, width], s [least], vt [height, columns], one after the other in the
 * last axis of the packed node [.., 1, count]. */
typedef struct {
    int64_t rows, columns, least, width, height, count;
} bgi_svd_extents;
bgi_svd_extents bgi_svd_extents_by(int64_t rows, int64_t columns, bgi_svd_job job);
bgi_svd_extents bgi_svd_extents_of(const bg_node *a, bgi_svd_job job);

/* The packed decomposition of a matrix. No gradient goes through it: each op that reads it has a as an input too, and a
 * rule for that. name: the public function, for errors; needs_rank: a run fails where a has not full rank. */
typedef struct {
    int32_t job, needs_rank;
} bgi_svd_attributes;
bg_node *bgi_svd_packed(bg_node *a, const char *name, bgi_svd_job job, bool needs_rank);
/* The singular values of a matrix alone, [.., least], for the public function of that name. */
bg_node *bgi_svd_values(bg_node *a, const char *name);

/* The call of that node: decomposes its first `count` matrices, which are finite and have elements; how many before one
 * for which no values were found. Its scratch, and whether matrices go side by side. */
int64_t bgi_svd_decompose(const bg_call *call, bgi_svd_extents e, int64_t count);
size_t bgi_svd_scratch(const bg_node *node);
bool bgi_svd_is_small(const bg_node *node);
/* Where the results of a call's matrix i go. */
typedef struct {
    void *u, *s, *vt;
} bgi_svd_place;
bgi_svd_place bgi_svd_at(const bg_call *call, int64_t i, bgi_svd_extents e);

/* Parts of a packed node that is not full, without gradients. */
typedef struct {
    bg_node *u, *s, *vt;
} bgi_svd_parts;
bgi_svd_parts bgi_svd_parts_of(const bg_node *a, bg_node *packed);
/* x with row i, or column i, times s[i]. */
bg_node *bgi_times_rows(bg_node *x, bg_node *s);
bg_node *bgi_times_columns(bg_node *x, bg_node *s);

/* max(m, n) · epsilon of a's type. */
double bgi_svd_rounding(const bg_node *a);

/* What the gradients of the vectors are made of, from s [.., k] of a matrix a: f [.., k, k] with f_ij = s_j / (s_j² -
 * s_i²) and 0 on the diagonal, and with has_inverse 1 / s, or both as bg_spectral_options has it. A run fails where two
 * values, or one and 0 if has_inverse, are equal to rounding. */
typedef struct {
    bg_node *f, *inverse;
} bgi_svd_factors;
bgi_svd_factors bgi_svd_factors_of(bg_node *s, const bg_node *a, double regularization, bool has_inverse);

#endif
