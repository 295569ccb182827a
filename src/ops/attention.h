/* Attention between its files: the ops are built in attention.c and run in attention_forward.c and _backward.c. */
#ifndef BGI_ATTENTION_H
#define BGI_ATTENTION_H

#include "ops/ops.h"

/* Attention whose dropout has a site of the caller's. */
bg_node *bgi_attention_at(bg_node *q, bg_node *k, bg_node *v, const bg_attention_options *options, int64_t site);

/* Of both ops. A mask is broadcast to [b, h, l, s]: its extents are those or 1. */
typedef struct {
    double scale, dropout; /* dropout 0: there is none, and no step among the inputs */
    int64_t site;
    int64_t is_causal, has_mask;
} bgi_attention_attributes;

/* Inputs of attention, of its gradient the same and then what comes last; [] may be missing:
 *   q [b, h, l, d]   k [b, hk, s, d]   v [b, hk, s, e]   [mask]   [step]   y   dy
 * Query head i meets key head i / group. The queries of a head fall into `tiles` equal pieces of `rows`. The gradient
 * takes the query heads of a key head in `parts` equal parts. */
typedef struct {
    int64_t b, h, hk, group, l, s, d, e, rows, tiles, parts;
    int mask, step, y; /* places among the inputs; -1: there is none */
} bgi_attention_sizes;
bgi_attention_sizes bgi_attention_sizes_of(const bg_node *node);

/* attention: [b, h, tiles, rows (e + 2)], of each piece the results, and then two numbers of each query, which are for
 * the gradient alone and have none: the largest score, and 1 / Σ exp(score - largest); both are 0 without keys. */
int64_t bgi_attention_units(const bg_node *node, int input);
int64_t bgi_attention_grain(const bg_node *node);
double bgi_attention_flops(const bg_node *node);
double bgi_attention_product_flops(const bg_node *node);
size_t bgi_attention_scratch(const bg_node *node);
bg_status bgi_attention_call(const bg_call *call);

/* attention_gradient: [b, hk parts, group / parts l d + s d + s e], of each part dq of its query heads, and what these
 * give of dk and dv; y is the value of attention, dy [b, h, l, e] the cotangent of its results. */
int64_t bgi_attention_gradient_units(const bg_node *node, int input);
int64_t bgi_attention_gradient_grain(const bg_node *node);
double bgi_attention_gradient_flops(const bg_node *node);
double bgi_attention_gradient_product_flops(const bg_node *node);
size_t bgi_attention_gradient_scratch(const bg_node *node);
bg_status bgi_attention_gradient_call(const bg_call *call);

#endif
