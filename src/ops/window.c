/* Windows that slide over images: unfolding them to rows, and folding rows back. */
#include "ops/window.h"

#include <string.h>

int64_t bgi_window_positions(const bgi_window *w) { return w->out[0] * w->out[1] * w->out[2]; }
int64_t bgi_window_elements(const bgi_window *w) { return w->kernel[0] * w->kernel[1] * w->kernel[2]; }
static int64_t plane(const bgi_window *w) { return w->in[0] * w->in[1] * w->in[2]; }

/* The image's row of element (k0, k1) of the window at a position; -1 outside of the image. */
static int64_t row_of(const bgi_window *w, int64_t position, int64_t k0, int64_t k1)
{
    int64_t o1 = position / w->out[2] % w->out[1], o0 = position / w->out[2] / w->out[1];
    int64_t i0 = o0 * w->stride[0] - w->before[0] + k0 * w->dilation[0];
    int64_t i1 = o1 * w->stride[1] - w->before[1] + k1 * w->dilation[1];
    return i0 < 0 || i0 >= w->in[0] || i1 < 0 || i1 >= w->in[1] ? -1 : i0 * w->in[1] + i1;
}
static int64_t column_of(const bgi_window *w, int64_t position, int64_t k2)
{
    return position % w->out[2] * w->stride[2] - w->before[2] + k2 * w->dilation[2];
}

int64_t bgi_window_place(const bgi_window *w, int64_t position, int64_t element)
{
    int64_t k2 = element % w->kernel[2], k1 = element / w->kernel[2] % w->kernel[1];
    int64_t row = row_of(w, position, element / w->kernel[2] / w->kernel[1], k1), column = column_of(w, position, k2);
    return row < 0 || column < 0 || column >= w->in[2] ? -1 : row * w->in[2] + column;
}

static int64_t images(const bg_node *node, int input)
{
    (void)input;
    return node->shape.dims[0];
}

/* The rows of all windows of an image, in the order in which they are unfolded. */
#define FOR_EACH_ROW(w, position, channel, k0, k1)                                                                     \
    for (int64_t position = 0; position < bgi_window_positions(w); position++)                                         \
        for (int64_t channel = 0; channel < (w)->channels; channel++)                                                  \
            for (int64_t k0 = 0; k0 < (w)->kernel[0]; k0++)                                                            \
                for (int64_t k1 = 0; k1 < (w)->kernel[1]; k1++)

#define UNFOLD(type)                                                                                                   \
    static void unfold_##type(const bgi_window *w, const type *image, type *rows)                                      \
    {                                                                                                                  \
        FOR_EACH_ROW(w, position, channel, k0, k1)                                                                     \
        {                                                                                                              \
            int64_t row = row_of(w, position, k0, k1), column = column_of(w, position, 0);                             \
            const type *from = image + channel * plane(w) + row * w->in[2];                                            \
            for (int64_t k = 0; k < w->kernel[2]; k++, column += w->dilation[2])                                       \
                *rows++ = row < 0 || column < 0 || column >= w->in[2] ? 0 : from[column];                              \
        }                                                                                                              \
    }                                                                                                                  \
    static void fold_##type(const bgi_window *w, const type *rows, type *image)                                        \
    {                                                                                                                  \
        memset(image, 0, (size_t)(w->channels * plane(w)) * sizeof *image);                                            \
        FOR_EACH_ROW(w, position, channel, k0, k1)                                                                     \
        {                                                                                                              \
            int64_t row = row_of(w, position, k0, k1), column = column_of(w, position, 0);                             \
            type *to = image + channel * plane(w) + row * w->in[2];                                                    \
            for (int64_t k = 0; k < w->kernel[2]; k++, column += w->dilation[2], rows++)                               \
                if (row >= 0 && column >= 0 && column < w->in[2])                                                      \
                    to[column] += *rows;                                                                               \
        }                                                                                                              \
    }
UNFOLD(float)
UNFOLD(double)

/* unfold: [n, c, in..] -> [n, positions, c · elements]; its gradient folds */
static bg_status unfold_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    const bgi_window *w = node->attributes;
    *dtype = node->inputs[0]->dtype;
    *shape = BG_SHAPE(node->inputs[0]->shape.dims[0], bgi_window_positions(w), w->channels * bgi_window_elements(w));
    return BG_OK;
}
static bg_status unfold_call(const bg_call *call)
{
    const bgi_window *w = call->node->attributes;
    int64_t size = w->channels * plane(w), rows = bgi_window_positions(w) * w->channels * bgi_window_elements(w);
    for (int64_t i = 0; i < call->last - call->first; i++)
        if (call->node->dtype == BG_F64)
            unfold_double(w, (const double *)call->inputs[0] + i * size, (double *)call->output + i * rows);
        else
            unfold_float(w, (const float *)call->inputs[0] + i * size, (float *)call->output + i * rows);
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

/* fold: [n, positions, c · elements] -> [n, c, in..], adding up what meets; its gradient unfolds */
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
    int64_t size = w->channels * plane(w), rows = bgi_window_positions(w) * w->channels * bgi_window_elements(w);
    for (int64_t i = 0; i < call->last - call->first; i++)
        if (call->node->dtype == BG_F64)
            fold_double(w, (const double *)call->inputs[0] + i * rows, (double *)call->output + i * size);
        else
            fold_float(w, (const float *)call->inputs[0] + i * rows, (float *)call->output + i * size);
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
