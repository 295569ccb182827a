/* Random nodes.
 *
 * A number is Philox(engine's seed, site, step, place in the output). Sites keep nodes apart: the hash of a name, or
 * their order of creation in the graph. The step is a buffer that a run with updates advances by one. */
#ifndef BGI_OPS_RANDOM_H
#define BGI_OPS_RANDOM_H

#include "ops/ops.h"

/* The next site of the graph without a name, and the site of a name. */
int64_t bgi_random_site(bg_graph *graph);
int64_t bgi_random_site_of(const char *name);
/* The graph's step counter, i64 of rank 0, made and advanced from the first use on. */
bg_node *bgi_random_step(bg_graph *graph);
/* Makes the owner's counter the graph's, whose nodes read it from then on. The first owner stays; the graph takes over
 * a reference to it, or releases it. False with the error recorded. */
bool bgi_random_attach(bg_graph *graph, bgi_random_source source);
/* n normal numbers of mean 0 and deviation 1, the first ones of a step, as bg_normal draws them. */
void bgi_random_normals(const bgk_table *kernels, uint64_t key, uint64_t step, bg_dtype dtype, void *data, int64_t n);
/* What dropout keeps: bool, false with probability p, from 32 bits an element. */
bg_node *bgi_random_keep(bg_node *step, bg_shape shape, double p, int64_t site);
/* The bits behind it: of element i of one run, and the limit below which an element is dropped. */
typedef struct {
    uint64_t key, step, limit;
    bgk_philox *philox;
} bgi_keep;
bgi_keep bgi_keep_of(const bg_node *node, int64_t site, int64_t step, double p);
/* keeps[i] = whether element first + i is kept, for i < n. */
void bgi_keep_row(const bgi_keep *keep, int64_t first, int64_t n, uint8_t *keeps);
/* Dropout with a site of the caller's. leading: the axes of x that have a choice each; -1: every element. */
bg_node *bgi_dropout_at(const char *op, bg_node *x, double p, int leading, int64_t site);
/* Whether p is a probability; records the error. */
bool bgi_is_probability(const char *op, const bg_node *x, double p);

#endif
