/* Copies between strided arrays. */
#include "tensor/tensor.h"

#include <assert.h>
#include <string.h>

/* Axes from the outside in, strides in bytes. */
typedef struct {
    int rank;
    int64_t dims[BG_MAX_RANK], target[BG_MAX_RANK], source[BG_MAX_RANK];
} loops;

/* Leaves out axes of extent 1 and joins neighbours that are evenly spaced on both sides. */
static loops join_axes(bg_shape shape, const int64_t *target_strides, const int64_t *source_strides, int64_t size)
{
    loops l = { 0 };
    for (int i = 0; i < shape.rank; i++) {
        int64_t extent = shape.dims[i], target = target_strides[i] * size, source = source_strides[i] * size;
        if (extent == 1)
            continue;
        int last = l.rank - 1;
        if (last >= 0 && l.target[last] == extent * target && l.source[last] == extent * source) {
            l.dims[last] *= extent;
            l.target[last] = target;
            l.source[last] = source;
            continue;
        }
        l.dims[l.rank] = extent;
        l.target[l.rank] = target;
        l.source[l.rank++] = source;
    }
    return l;
}

static void move_axis(loops *l, int from, int to)
{
    int64_t extent = l->dims[from], target = l->target[from], source = l->source[from];
    for (int i = from; i < to; i++) {
        l->dims[i] = l->dims[i + 1];
        l->target[i] = l->target[i + 1];
        l->source[i] = l->source[i + 1];
    }
    l->dims[to] = extent;
    l->target[to] = target;
    l->source[to] = source;
}

enum { SQUARE = 32, LINE = 64 };
/* About half, in whole squares. */
static int64_t half(int64_t extent) { return (extent / 2 + SQUARE - 1) / SQUARE * SQUARE; }

/* rows x cols elements; strides in bytes. */
typedef void copy_block(unsigned char *d, int64_t d_row, int64_t d_col, const unsigned char *s, int64_t s_row,
                        int64_t s_col, int64_t rows, int64_t cols);

/* memcpy of a constant size is one move, whatever the type of the elements. Where the source runs along the rows and
 * the target along the columns, halving the longer side down to squares keeps the lines and pages of both near at every
 * size, and a buffer takes each square in runs on both sides, which a stride of a power of two would otherwise throw
 * out of the cache. */
#define COPY_BLOCK(name, size)                                                                                         \
    static void name(unsigned char *d, int64_t d_row, int64_t d_col, const unsigned char *s, int64_t s_row,            \
                     int64_t s_col, int64_t rows, int64_t cols)                                                        \
    {                                                                                                                  \
        if (s_row >= s_col) {                                                                                          \
            for (int64_t i = 0; i < rows; i++)                                                                         \
                for (int64_t j = 0; j < cols; j++)                                                                     \
                    memcpy(d + i * d_row + j * d_col, s + i * s_row + j * s_col, size);                                \
            return;                                                                                                    \
        }                                                                                                              \
        if (rows > SQUARE || cols > SQUARE) {                                                                          \
            int64_t top = rows >= cols ? half(rows) : rows, left = rows >= cols ? cols : half(cols);                   \
            name(d, d_row, d_col, s, s_row, s_col, top, left);                                                         \
            if (rows >= cols)                                                                                          \
                name(d + top * d_row, d_row, d_col, s + top * s_row, s_row, s_col, rows - top, cols);                  \
            else                                                                                                       \
                name(d + left * d_col, d_row, d_col, s + left * s_col, s_row, s_col, rows, cols - left);               \
            return;                                                                                                    \
        }                                                                                                              \
        for (int64_t j = 0; j < cols && s_row == (size); j++)                                                          \
            for (int64_t at = 0; at < rows * s_row; at += LINE)                                                        \
                __builtin_prefetch(s + j * s_col + at);                                                                \
        for (int64_t i = 0; i < rows && d_col == (size); i++)                                                          \
            for (int64_t at = 0; at < cols * d_col; at += LINE)                                                        \
                __builtin_prefetch(d + i * d_row + at, 1);                                                             \
        unsigned char square[SQUARE][SQUARE][size];                                                                    \
        for (int64_t j = 0; j < cols; j++)                                                                             \
            for (int64_t i = 0; i < rows; i++)                                                                         \
                memcpy(square[i][j], s + i * s_row + j * s_col, size);                                                 \
        for (int64_t i = 0; i < rows; i++)                                                                             \
            for (int64_t j = 0; j < cols; j++)                                                                         \
                memcpy(d + i * d_row + j * d_col, square[i][j], size);                                                 \
    }
COPY_BLOCK(copy_1, 1)
COPY_BLOCK(copy_2, 2)
COPY_BLOCK(copy_4, 4)
COPY_BLOCK(copy_8, 8)

static copy_block *block_for(size_t size)
{
    switch (size) {
    case 1:
        return copy_1;
    case 2:
        return copy_2;
    case 4:
        return copy_4;
    default:
        assert(size == 8);
        return copy_8;
    }
}

void bgi_strided_copy(void *target, const int64_t *target_strides, const void *source, const int64_t *source_strides,
                      bg_shape shape, size_t element_bytes)
{
    if (bg_shape_count(shape) == 0)
        return;
    int64_t size = (int64_t)element_bytes;
    loops l = join_axes(shape, target_strides, source_strides, size);
    unsigned char *d = target;
    const unsigned char *s = source;

    int outer = l.rank; /* axes that are counted through here; those within are one block */
    size_t run = 0;     /* bytes of a block that is contiguous on both sides */
    int64_t rows = 1, d_row = 0, s_row = 0, cols = 1, d_col = 0, s_col = 0;
    if (l.rank == 0 || (l.target[l.rank - 1] == size && l.source[l.rank - 1] == size)) {
        run = (size_t)((l.rank ? l.dims[--outer] : 1) * size);
    } else {
        /* Along with the last axis goes the one in which the source is contiguous, if there is one. */
        for (int i = 0; i + 2 < l.rank; i++)
            if (l.source[i] == size) {
                move_axis(&l, i, l.rank - 2);
                break;
            }
        outer--;
        cols = l.dims[outer];
        d_col = l.target[outer];
        s_col = l.source[outer];
        if (outer > 0) {
            outer--;
            rows = l.dims[outer];
            d_row = l.target[outer];
            s_row = l.source[outer];
        }
    }

    copy_block *block = block_for(element_bytes);
    int64_t index[BG_MAX_RANK] = { 0 };
    for (;;) {
        if (run)
            memcpy(d, s, run);
        else
            block(d, d_row, d_col, s, s_row, s_col, rows, cols);
        int axis = outer - 1;
        for (; axis >= 0; axis--) {
            d += l.target[axis];
            s += l.source[axis];
            if (++index[axis] < l.dims[axis])
                break;
            index[axis] = 0;
            d -= l.target[axis] * l.dims[axis];
            s -= l.source[axis] * l.dims[axis];
        }
        if (axis < 0)
            return;
    }
}
