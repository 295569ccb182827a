/* Products of square matrices within a call. */
#ifndef BGI_SQUARES_H
#define BGI_SQUARES_H

#include "linalg/tiles.h"

typedef struct {
    bgi_tiles tiles;
    int64_t n;
} bgi_squares;
/* Of the output's n; scratch holds bgi_squares_scratch(node) bytes, a multiple of 64. */
bgi_squares bgi_squares_of(const bg_call *call, void *scratch);
size_t bgi_squares_scratch(const bg_node *node);

/* z = x · y, or with either operand transposed. z overlaps neither. */
typedef enum { BGI_AS_IT_IS, BGI_TURNED } bgi_side;
void bgi_squares_product(const bgi_squares *s, bgi_side of_x, const void *x, bgi_side of_y, const void *y, void *z);

#endif
