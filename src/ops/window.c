/* Windows that slide over images: unfolding them to rows, and folding rows back. */
#include "ops/window.h"

#include <string.h>

bg_shape bgi_window_shape(int64_t first, int64_t second, const int64_t *extents, int rank)
{
    bg_shape shape = { .rank = rank + 2, .dims = { first, second } };
    for (int d = 0; d < rank; d++)
        shape.dims[2 + d] = extents[BGI_WINDOW_RANK - rank + d];
    return shape;
}

bool bgi_window_ends(int rank, const int64_t numbers[BGI_WINDOW_RANK])
{
    for (int d = rank; d < BGI_WINDOW_RANK; d++)
        if (numbers[d] != 0)
            return false;
    return true;
}

const char *bgi_window_take(bgi_window *w, int rank, const int64_t *extents, const int64_t *kernel,
                            const int64_t stride[BGI_WINDOW_RANK], const int64_t dilation[BGI_WINDOW_RANK],
                            const int64_t padding[BGI_WINDOW_RANK])
{
    memset(w, 0, sizeof *w);
    for (int k = 0; k < BGI_WINDOW_RANK; k++)
        w->in[k] = w->out[k] = w->kernel[k] = w->stride[k] = w->dilation[k] = 1;
    for (int d = 0; d < rank; d++) {
        int k = BGI_WINDOW_RANK - rank + d;
        w->in[k] = extents[d];
        w->kernel[k] = kernel[d];
        w->stride[k] = stride[d] == 0 ? 1 : stride[d];
        w->dilation[k] = dilation[d] == 0 ? 1 : dilation[d];
        w->before[k] = padding[d];
        if (!bgi_window_holds(0, w->in[k]) || !bgi_window_holds(1, w->kernel[k]) ||
            !bgi_window_holds(1, w->stride[k]) || !bgi_window_holds(1, w->dilation[k]) ||
            !bgi_window_holds(0, w->before[k]))
            return "an extent, stride, dilation or padding is out of range";
    }
    if (!bgi_window_ends(rank, stride) || !bgi_window_ends(rank, dilation) || !bgi_window_ends(rank, padding))
        return "a stride, dilation or padding is given for more dimensions than there are";
    return NULL;
}

void bgi_window_inside(const bgi_window *w, int k, int64_t tap, int64_t *first, int64_t *last)
{
    int64_t start = tap * w->dilation[k] - w->before[k], stride = w->stride[k], end = w->in[k] - start;
    *first = start < 0 ? (-start + stride - 1) / stride : 0;
    *last = end <= 0 ? 0 : (end + stride - 1) / stride;
    if (*last > w->out[k])
        *last = w->out[k];
    if (*first > *last)
        *first = *last;
}

/* One line of a row, elements of the image in steps of the stride: copied from the image, or added to it. */
#define MOVE_LINE(type)                                                                                                \
    static void move_line_##type(type *row, type *image, int64_t count, int64_t stride, bool folds)                    \
    {                                                                                                                  \
        if (folds)                                                                                                     \
            for (int64_t i = 0; i < count; i++)                                                                        \
                image[i * stride] += row[i];                                                                           \
        else                                                                                                           \
            for (int64_t i = 0; i < count; i++)                                                                        \
                row[i] = image[i * stride];                                                                            \
    }                                                                                                                  \
    static void move_run_##type(type *restrict row, type *restrict image, int64_t count, bool folds)                   \
    {                                                                                                                  \
        if (folds)                                                                                                     \
            for (int64_t i = 0; i < count; i++)                                                                        \
                image[i] += row[i];                                                                                    \
        else                                                                                                           \
            memcpy(row, image, (size_t)count * sizeof *row);                                                           \
    }
MOVE_LINE(float)
MOVE_LINE(double)
static void move(bg_dtype dtype, void *row, void *image, int64_t count, int64_t stride, bool folds)
{
    if (stride == 1 && dtype == BG_F64)
        move_run_double(row, image, count, folds);
    else if (stride == 1)
        move_run_float(row, image, count, folds);
    else if (dtype == BG_F64)
        move_line_double(row, image, count, stride, folds);
    else
        move_line_float(row, image, count, stride, folds);
}

/* There is a row for each channel and element of the window, and in it a line of positions for each o0 and o1. */
static void move_lines(const bgi_window *w, bg_dtype dtype, char *image, char *row, bool folds)
{
    size_t size = bg_dtype_size(dtype), plane = (size_t)bgi_window_plane(w) * size;
    int64_t columns = w->out[2], elements = bgi_window_elements(w);
    for (int64_t r = 0; r < w->channels * elements; r++) {
        int64_t k2 = r % w->kernel[2], k1 = r / w->kernel[2] % w->kernel[1],
                k0 = r % elements / w->kernel[2] / w->kernel[1];
        int64_t inside, outside;
        char *channel = image + (size_t)(r / elements) * plane;
        bgi_window_inside(w, 2, k2, &inside, &outside);
        for (int64_t line = 0; line < w->out[0] * w->out[1]; line++, row += (size_t)columns * size) {
            int64_t o0 = line / w->out[1], o1 = line % w->out[1],
                    i0 = o0 * w->stride[0] - w->before[0] + k0 * w->dilation[0];
            int64_t i1 = o1 * w->stride[1] - w->before[1] + k1 * w->dilation[1];
            bool is_in = i0 >= 0 && i0 < w->in[0] && i1 >= 0 && i1 < w->in[1];
            int64_t count = is_in ? outside - inside : 0;
            if (!folds && count < columns)
                memset(row, 0, (size_t)columns * size);
            if (count > 0) {
                int64_t i2 = inside * w->stride[2] - w->before[2] + k2 * w->dilation[2];
                move(dtype, row + (size_t)inside * size,
                     channel + (size_t)((i0 * w->in[1] + i1) * w->in[2] + i2) * size, count, w->stride[2], folds);
            }
        }
    }
}

static int64_t images(const bg_node *node, int input)
{
    (void)input;
    return node->shape.dims[0];
}
static size_t image_bytes(const bgi_window *w, bg_dtype dtype)
{
    return (size_t)(w->channels * bgi_window_plane(w)) * bg_dtype_size(dtype);
}
static size_t rows_bytes(const bgi_window *w, bg_dtype dtype)
{
    return (size_t)(w->channels * bgi_window_elements(w) * bgi_window_positions(w)) * bg_dtype_size(dtype);
}

/* unfold: [n, c, in..] -> [n, c · elements, positions]; its gradient folds */
static bg_status unfold_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    const bgi_window *w = node->attributes;
    *dtype = node->inputs[0]->dtype;
    *shape = BG_SHAPE(node->inputs[0]->shape.dims[0], w->channels * bgi_window_elements(w), bgi_window_positions(w));
    return BG_OK;
}
static bg_status unfold_call(const bg_call *call)
{
    const bgi_window *w = call->node->attributes;
    bg_dtype dtype = call->node->dtype;
    for (size_t i = 0; i < (size_t)(call->last - call->first); i++)
        move_lines(w, dtype, (char *)call->inputs[0] + i * image_bytes(w, dtype), /* which it only reads */
                   (char *)call->output + i * rows_bytes(w, dtype), false);
    return BG_OK;
}
static bg_node *unfold_gradient(bg_node *node, int input, bg_node *dy)
{
    (void)input;
    return bgi_fold(dy, node->attributes, node->inputs[0]->shape);
}
static const bg_op unfold_op = { .name = "unfold",
                                 .arity = 1,
                                 .infer = unfold_infer,
                                 .gradient = unfold_gradient,
                                 .call = unfold_call,
                                 .units = images,
                                 .never_fails = true };
bg_node *bgi_unfold(bg_node *x, const bgi_window *window)
{
    return bg_apply(&unfold_op, &x, 1, window, sizeof *window);
}

/* fold: [n, c · elements, positions] -> [n, c, in..], adding up what meets; its gradient unfolds */
typedef struct {
    bgi_window window; /* first, as the calls read it */
    bg_shape image;
} fold_attributes;
static bg_status fold_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    const fold_attributes *attributes = node->attributes;
    *dtype = node->inputs[0]->dtype;
    *shape = attributes->image;
    return BG_OK;
}
static bg_status fold_call(const bg_call *call)
{
    const bgi_window *w = call->node->attributes;
    bg_dtype dtype = call->node->dtype;
    memset(call->output, 0, (size_t)(call->last - call->first) * image_bytes(w, dtype));
    for (size_t i = 0; i < (size_t)(call->last - call->first); i++)
        move_lines(w, dtype, (char *)call->output + i * image_bytes(w, dtype),
                   (char *)call->inputs[0] + i * rows_bytes(w, dtype), true); /* which it only reads */
    return BG_OK;
}
static bg_node *fold_gradient(bg_node *node, int input, bg_node *dy)
{
    const fold_attributes *attributes = node->attributes;
    (void)input;
    return bgi_unfold(dy, &attributes->window);
}
static const bg_op fold_op = { .name = "fold",
                               .arity = 1,
                               .infer = fold_infer,
                               .gradient = fold_gradient,
                               .call = fold_call,
                               .units = images,
                               .never_fails = true };
bg_node *bgi_fold(bg_node *rows, const bgi_window *window, bg_shape image)
{
    fold_attributes attributes;
    memset(&attributes, 0, sizeof attributes); /* padding too: attributes are compared as bytes */
    attributes.window = *window;
    attributes.image.rank = image.rank;
    memcpy(attributes.image.dims, image.dims, (size_t)image.rank * sizeof image.dims[0]);
    return bg_apply(&fold_op, &rows, 1, &attributes, sizeof attributes);
}

const bg_op *const bgi_window_ops[] = { &unfold_op, &fold_op, NULL };
