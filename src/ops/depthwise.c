/* Convolutions whose groups have one channel of x each.
 *
 * A plane of x is copied with its padding, and for strides s split into s planes a dimension, one for each remainder of
 * a coordinate by the stride. In these planes each element of the kernel meets elements that lie as the positions of
 * the result do, so that y = Σ over e of weight[e] · plane[offset[e] + i] runs over whole planes; what lies between the
 * lines of the result is computed and left out. */
#include "ops/depthwise.h"

#include "ops/memory.h"

#include <string.h>

enum {
    CHUNK = 2048,            /* elements that stay in the first cache for all elements of the kernel */
    MOST_OUTPUTS = 4,        /* channels of y a group; beyond, matrix products are faster */
    MOST_ELEMENTS = 1 << 10, /* of the kernel */
    MOST_SPREAD = 16         /* elements of the planes for each of the image, the result and the kernel */
};

/* How the planes lie. */
typedef struct {
    int64_t extent[BGI_WINDOW_RANK]; /* of one plane of a remainder */
    int64_t count[BGI_WINDOW_RANK];  /* remainders that elements of the kernel have */
    int64_t plane, planes;           /* its elements, and all together */
    int64_t run;                     /* elements from the first to the last position of the result */
} layout;

static int64_t extent_of(const bgi_window *w, int k)
{
    return w->out[k] + (w->kernel[k] - 1) * w->dilation[k] / w->stride[k];
}
static int64_t remainders_of(const bgi_window *w, int k)
{
    int64_t span = (w->kernel[k] - 1) * w->dilation[k] + 1;
    return span < w->stride[k] ? span : w->stride[k];
}
static layout layout_of(const bgi_window *w)
{
    layout l = { .plane = 1, .planes = 1, .run = 0 };
    for (int k = 0; k < BGI_WINDOW_RANK; k++) {
        l.extent[k] = extent_of(w, k);
        l.count[k] = remainders_of(w, k);
        l.plane *= l.extent[k];
        l.planes *= l.count[k];
        l.run = l.run * l.extent[k] + w->out[k] - 1;
    }
    l.planes *= l.plane;
    l.run++;
    return l;
}

/* Padding that far dilated kernels ask for may make planes of any size beside the image. */
bool bgi_is_depthwise(const bgi_convolution *c)
{
    const bgi_window *w = &c->window;
    if (bgi_group_inputs(c) != 1 || bgi_group_outputs(c) > MOST_OUTPUTS || bgi_window_elements(w) > MOST_ELEMENTS)
        return false;
    double elements = 1;
    for (int k = 0; k < BGI_WINDOW_RANK; k++)
        elements *= (double)extent_of(w, k) * (double)remainders_of(w, k);
    return elements <= MOST_SPREAD * (double)(bgi_window_plane(w) + bgi_window_positions(w) + bgi_window_elements(w));
}

/* Where the element of the kernel is for the first position. */
static int64_t offset_of(const bgi_window *w, const layout *l, int64_t element)
{
    int64_t taps[BGI_WINDOW_RANK] = { element / w->kernel[2] / w->kernel[1], element / w->kernel[2] % w->kernel[1],
                                      element % w->kernel[2] };
    int64_t remainder = 0, shift = 0;
    for (int k = 0; k < BGI_WINDOW_RANK; k++) {
        int64_t at = taps[k] * w->dilation[k];
        remainder = remainder * l->count[k] + at % w->stride[k];
        shift = shift * l->extent[k] + at / w->stride[k];
    }
    return remainder * l->plane + shift;
}

static size_t planes_bytes(const layout *l, size_t size) { return bgi_aligned((size_t)l->planes * size); }
static size_t run_bytes(const layout *l, size_t size) { return bgi_aligned((size_t)l->run * size); }

/* Planes, a result as it lies in them, and a chunk of products. */
size_t bgi_depthwise_scratch(const bgi_convolution *c, bg_dtype dtype)
{
    layout l = layout_of(&c->window);
    size_t size = bg_dtype_size(dtype);
    return planes_bytes(&l, size) + run_bytes(&l, size) + CHUNK * size;
}

/* Elements of an image in steps of the stride, to or from a line of a plane. */
#define MOVE_LINE(type)                                                                                                \
    static void move_line_##type(type *line, type *image, int64_t count, int64_t stride, bool fills)                   \
    {                                                                                                                  \
        if (fills)                                                                                                     \
            for (int64_t i = 0; i < count; i++)                                                                        \
                line[i] = image[i * stride];                                                                           \
        else                                                                                                           \
            for (int64_t i = 0; i < count; i++)                                                                        \
                image[i * stride] = line[i];                                                                           \
    }
MOVE_LINE(float)
MOVE_LINE(double)

/* One channel of an image, to the planes with zeros in the padding, or from them with zeros where no window is. */
static void move_image(const bgi_window *w, const layout *l, bg_dtype dtype, char *planes, char *image, bool fills)
{
    size_t size = bg_dtype_size(dtype);
    int64_t stride = w->stride[2], lines = l->planes / l->extent[2];
    memset(fills ? planes : image, 0, (size_t)(fills ? l->planes : bgi_window_plane(w)) * size);
    for (int64_t line = 0; line < lines; line++) {
        int64_t j1 = line % l->extent[1], j0 = line / l->extent[1] % l->extent[0];
        int64_t remainder = line / l->extent[1] / l->extent[0];
        int64_t i0 = j0 * w->stride[0] + remainder / l->count[2] / l->count[1] - w->before[0];
        int64_t i1 = j1 * w->stride[1] + remainder / l->count[2] % l->count[1] - w->before[1];
        int64_t from = remainder % l->count[2] - w->before[2]; /* the column of the line's first element */
        int64_t start = from < 0 ? (-from + stride - 1) / stride : 0, column = start * stride + from;
        if (i0 < 0 || i0 >= w->in[0] || i1 < 0 || i1 >= w->in[1] || column >= w->in[2] || start >= l->extent[2])
            continue;
        int64_t count = (w->in[2] - column + stride - 1) / stride;
        if (count > l->extent[2] - start)
            count = l->extent[2] - start;
        char *to = planes + (size_t)(line * l->extent[2] + start) * size;
        char *at = image + (size_t)((i0 * w->in[1] + i1) * w->in[2] + column) * size;
        if (stride == 1)
            memcpy(fills ? to : at, fills ? at : to, (size_t)count * size);
        else if (dtype == BG_F64)
            move_line_double((double *)(void *)to, (double *)(void *)at, count, stride, fills);
        else
            move_line_float((float *)(void *)to, (float *)(void *)at, count, stride, fills);
    }
}
/* Lines of a result, from or to where they lie in the planes. */
static void move_lines(const bgi_window *w, const layout *l, size_t size, char *run, char *y, bool is_spread)
{
    size_t bytes = (size_t)w->out[2] * size;
    if (is_spread)
        memset(run, 0, (size_t)l->run * size);
    for (int64_t o0 = 0; o0 < w->out[0]; o0++)
        for (int64_t o1 = 0; o1 < w->out[1]; o1++) {
            char *in_run = run + (size_t)((o0 * l->extent[1] + o1) * l->extent[2]) * size;
            char *in_y = y + (size_t)(o0 * w->out[1] + o1) * bytes;
            memcpy(is_spread ? in_run : in_y, is_spread ? in_y : in_run, bytes);
        }
}

/* What all three need: the kernels, sizes, and the parts of the scratch. */
typedef struct {
    const bgk_kernels *kernels;
    const bgi_window *w;
    layout l;
    bg_dtype dtype;
    size_t size, plane, positions, elements; /* bytes of an element, and of one channel's parts */
    char *planes, *run, *products;
} parts;
static parts parts_of(const bg_call *call, const bgi_convolution *c)
{
    const bgi_window *w = &c->window;
    size_t size = bg_dtype_size(call->node->dtype);
    parts p = { .kernels = bgi_call_kernels(call),
                .w = w,
                .l = layout_of(w),
                .dtype = call->node->dtype,
                .size = size,
                .plane = (size_t)bgi_window_plane(w) * size,
                .positions = (size_t)bgi_window_positions(w) * size,
                .elements = (size_t)bgi_window_elements(w) * size };
    p.planes = call->scratch;
    p.run = p.planes + planes_bytes(&p.l, size);
    p.products = p.run + run_bytes(&p.l, size);
    return p;
}

/* The chunks of a run, and for each the elements of the kernel. */
#define FOR_EACH_TAP(p, from, count, element, offset)                                                                  \
    for (int64_t from = 0, count; count = (p).l.run - from < CHUNK ? (p).l.run - from : CHUNK, from < (p).l.run;       \
         from += CHUNK)                                                                                                \
        for (int64_t element = 0, offset;                                                                              \
             element < bgi_window_elements((p).w) && (offset = offset_of((p).w, &(p).l, element), true); element++)

void bgi_depthwise(const bg_call *call, const bgi_convolution *c, int64_t first, int64_t last, const void *image,
                   const void *weight, void *y)
{
    parts p = parts_of(call, c);
    int64_t outputs = bgi_group_outputs(c), filled = -1;
    for (int64_t o = first; o < last; o++) {
        if (o / outputs != filled)
            move_image(p.w, &p.l, p.dtype, p.planes, (char *)image + (size_t)(filled = o / outputs) * p.plane, true);
        const char *kernel = (const char *)weight + (size_t)(o - first) * p.elements;
        FOR_EACH_TAP(p, from, count, e, offset)
        {
            char *to = p.run + (size_t)from * p.size;
            const char *x = p.planes + (size_t)(offset + from) * p.size, *by = kernel + (size_t)e * p.size;
            if (e == 0)
                p.kernels->mul(to, x, 1, by, 0, NULL, 0, count);
            else
                p.kernels->fma(to, x, 1, by, 0, to, 1, count);
        }
        move_lines(p.w, &p.l, p.size, p.run, (char *)y + (size_t)(o - first) * p.positions, false);
    }
}

void bgi_depthwise_input(const bg_call *call, const bgi_convolution *c, int64_t first, int64_t last, const void *dy,
                         const void *weight, void *dx)
{
    parts p = parts_of(call, c);
    int64_t outputs = bgi_group_outputs(c);
    for (int64_t channel = first; channel < last; channel++) {
        memset(p.planes, 0, (size_t)p.l.planes * p.size);
        for (int64_t o = (channel - first) * outputs; o < (channel - first + 1) * outputs; o++) {
            const char *kernel = (const char *)weight + (size_t)o * p.elements;
            move_lines(p.w, &p.l, p.size, p.run, (char *)dy + (size_t)o * p.positions, true);
            FOR_EACH_TAP(p, from, count, e, offset)
            {
                char *to = p.planes + (size_t)(offset + from) * p.size;
                p.kernels->fma(to, p.run + (size_t)from * p.size, 1, kernel + (size_t)e * p.size, 0, to, 1, count);
            }
        }
        move_image(p.w, &p.l, p.dtype, p.planes, (char *)dx + (size_t)(channel - first) * p.plane, false);
    }
}

void bgi_depthwise_weight(const bg_call *call, const bgi_convolution *c, int64_t first, int64_t last, const void *image,
                          const void *dy, void *dweight)
{
    parts p = parts_of(call, c);
    int64_t outputs = bgi_group_outputs(c), filled = -1;
    for (int64_t o = first; o < last; o++) {
        if (o / outputs != filled)
            move_image(p.w, &p.l, p.dtype, p.planes, (char *)image + (size_t)(filled = o / outputs) * p.plane, true);
        move_lines(p.w, &p.l, p.size, p.run, (char *)dy + (size_t)(o - first) * p.positions, true);
        FOR_EACH_TAP(p, from, count, e, offset)
        {
            char sum[sizeof(double)], *to = (char *)dweight + (size_t)(o - first) * p.elements + (size_t)e * p.size;
            p.kernels->mul(p.products, p.planes + (size_t)(offset + from) * p.size, 1, p.run + (size_t)from * p.size, 1,
                           NULL, 0, count);
            p.kernels->sum_rows(sum, p.products, 1, count, count);
            p.kernels->add(to, to, 1, sum, 1, NULL, 0, 1);
        }
    }
}
