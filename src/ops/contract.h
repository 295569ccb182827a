/* Contractions: sums of products of tensors whose axes carry indices. */
#ifndef BGI_CONTRACT_H
#define BGI_CONTRACT_H

#include "ops/ops.h"

enum { BGI_MOST_INDICES = 64 };

/* Distinct indices in an order, or the index of each axis of a node. */
typedef struct {
    int n;
    signed char at[BG_MAX_RANK];
} bgi_indices;

typedef struct {
    bg_node *x;
    bgi_indices axes; /* an index that is there more than once takes the diagonal */
} bgi_operand;

/* result[..] = the sum of x0[..] x1[..] .. over the indices that the result does not have. An operand's extent of an
 * index is the index's own, or 1, which counts as repeated. */
typedef struct {
    const char *name; /* for messages */
    bg_graph *graph;
    bgi_operand *operands; /* room for 2 n - 1; the first n are given, the others made on the way */
    int n;                 /* at least 1 */
    int64_t extent[BGI_MOST_INDICES];
    bgi_indices result;
} bgi_contraction;

/* NULL with the error recorded if something overflows or no order keeps what it makes within BG_MAX_RANK axes. */
bg_node *bgi_contract(bgi_contraction *c);

/* Room for the operands of n; NULL with the error recorded. */
bgi_operand *bgi_operands_push(const char *name, bg_graph *graph, int n);

#endif
