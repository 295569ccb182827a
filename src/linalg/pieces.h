/* Calls in place whose units are pieces of the matrices of a batch, so that all threads share each matrix: what the ops
 * of such calls have in common. */
#ifndef BGI_PIECES_H
#define BGI_PIECES_H

#include "linalg/tiles.h"

/* An op of such calls. `op` begins with BGI_IN_PIECES. */
typedef struct {
    bg_op op;
    bool is_packed; /* a matrix is one axis of the output, and not two */
    /* How many pieces a matrix has. None touches what another one writes. */
    int64_t (*pieces)(const bg_node *node);
    bool is_front_first; /* piece 0 of each matrix comes before piece 1 of any: it takes longest, and others wait for it
                          */
    /* Bytes at call->scratch, and behind them those that products of tiles need; NULL: none. */
    size_t (*work)(const bg_node *node);
    size_t (*tile_scratch)(const bg_node *node);
    /* With IEEE 754's floating-point state. */
    bg_status (*run)(const bg_call *call, const bgi_tiles *t, int64_t matrix, int64_t piece);
} bgi_piecewise;

#define BGI_IN_PIECES                                                                                                  \
    .infer = bgi_infer_same, .call = bgi_call_pieces, .units = bgi_piece_units, .scratch = bgi_piece_scratch,          \
    .grain = bgi_piece_grain, .is_in_place = true
bg_status bgi_call_pieces(const bg_call *call);
int64_t bgi_piece_units(const bg_node *node, int input);
size_t bgi_piece_scratch(const bg_node *node);
int64_t bgi_piece_grain(const bg_node *node);

/* The shape of the batch, and how many matrices that is: of the output of such an op, or of one that is packed. */
bg_shape bgi_batch_shape(const bg_node *node, bool is_packed);
int64_t bgi_batch_count(const bg_node *node, bool is_packed);

static inline int64_t bgi_in_blocks(int64_t count, int64_t block) { return (count + block - 1) / block; }

#endif
