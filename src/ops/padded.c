#include "ops/padded.h"

#include "ops/memory.h"

#include <string.h>

enum {
    COPY_BYTES = 384 << 10, /* of a copy that stays in L2 beside weights and results */
    LEAST_RUN = 256,        /* positions of a box, below which the kernel's edges and calls count */
    LINE = 16,              /* elements: channels are an odd number of cache lines apart, so that they do not meet in
                               the same places of the cache */
    SPAN = 64               /* elements of a line that are brought together at a time */
};

/* Whether a dimension's planes are those of the taps, and then how they lie. Lines whose taps are far apart compared
 * with the positions would compute mostly what is left out. */
static void lay(bgi_padded *p, int k)
{
    const bgi_window *w = &p->window;
    int64_t span = (w->kernel[k] - 1) * w->dilation[k] + 1;
    p->planes[k] = span < w->stride[k] ? span : w->stride[k];
    p->extent[k] = p->box[k] + (span - 1) / w->stride[k];
    p->is_by_tap[k] = (double)p->planes[k] * (double)p->extent[k] > (double)w->kernel[k] * (double)p->box[k];
    p->is_by_tap[k] |= k == 2 && p->images == 1 && w->kernel[k] > 1 && 2 * (double)p->extent[k] > 3 * (double)p->box[k];
    if (p->is_by_tap[k]) {
        p->planes[k] = w->kernel[k];
        p->extent[k] = p->box[k];
    }
}
/* The first padded coordinate of a plane. */
static int64_t first_of(const bgi_padded *p, int k, int64_t plane)
{
    return p->is_by_tap[k] ? plane * p->window.dilation[k] : plane;
}
/* Zeros at both ends of every line: a line may start where the zeros of the one before it start. */
static int64_t shared_zeros(const bgi_padded *p)
{
    const bgi_window *w = &p->window;
    int64_t shared = p->extent[2] - p->box[2]; /* a line has all of its positions for itself */
    if (p->box[2] < w->out[2] || p->images > 1)
        return 0;
    for (int64_t plane = 0; plane < p->planes[2] && shared > 0; plane++) {
        int64_t from = first_of(p, 2, plane) - w->before[2], stride = w->stride[2];
        int64_t left = from < 0 ? (-from + stride - 1) / stride : 0;
        int64_t right = p->extent[2] - (w->in[2] > from ? (w->in[2] - from + stride - 1) / stride : 0);
        shared = left < shared ? left : shared;
        shared = right < shared ? right : shared;
    }
    return shared > 0 ? shared : 0;
}
static bgi_padded laid_out(const bgi_window *w, const int64_t *box, int64_t images, int64_t channels)
{
    bgi_padded p = { .window = *w, .images = images };
    for (int k = 0; k < BGI_WINDOW_RANK; k++) {
        p.box[k] = box[k];
        lay(&p, k);
    }
    int64_t shared = shared_zeros(&p);
    p.line = (p.extent[2] - shared) * images;
    p.slab = p.line * p.extent[1];
    p.plane = p.slab * p.extent[0];
    p.channel = p.plane * p.planes[0] * p.planes[1] * p.planes[2];
    p.channel = (p.channel + LINE - 1) / LINE * LINE;
    p.channel += p.channel / LINE % 2 == 0 ? LINE : 0;
    p.elements = p.channel * channels + shared;
    return p;
}
/* As laid_out, as a number of elements that may be too large for one. */
static double elements_of(const bgi_window *w, const int64_t *box, int64_t images, int64_t channels)
{
    bgi_padded p = { .window = *w, .images = images };
    double elements = (double)channels * (double)images;
    for (int k = 0; k < BGI_WINDOW_RANK; k++) {
        p.box[k] = box[k];
        lay(&p, k);
        elements *= (double)p.planes[k] * (double)p.extent[k];
    }
    return elements;
}

static bool lies_in_place(const bgi_window *w, int64_t channels, size_t size)
{
    bgi_padded p = laid_out(w, w->out, 1, 1);
    bool is_spread = channels <= 4 || (size_t)bgi_window_plane(w) * size % 1024 != 0;
    for (int k = 0; k < BGI_WINDOW_RANK; k++)
        if (w->stride[k] != 1 || w->before[k] > 0 || p.is_by_tap[k] || p.extent[k] - w->before[k] > w->in[k])
            return false;
    return is_spread && w->in[2] - w->out[2] <= w->out[2] / 4;
}

bgi_padded bgi_pad(const bgi_window *w, int64_t channels, int64_t images, size_t size)
{
    int64_t box[BGI_WINDOW_RANK] = { w->out[0], w->out[1], w->out[2] };
    if (channels == 0 || bgi_window_positions(w) == 0)
        return laid_out(w, box, images, channels);
    if (images == 1 && lies_in_place(w, channels, size)) {
        bgi_padded p = laid_out(w, box, 1, channels);
        p.is_in_place = true;
        p.line = w->in[2];
        p.slab = w->in[1] * w->in[2];
        p.plane = p.channel = bgi_window_plane(w);
        p.elements = 0;
        return p;
    }
    double most = COPY_BYTES;
    for (int k = 0; k < BGI_WINDOW_RANK; k++) {
        int64_t halo = (w->kernel[k] - 1) * w->dilation[k] / w->stride[k];
        while (box[k] > 1 && box[0] * box[1] * box[2] * images >= 2 * LEAST_RUN &&
               elements_of(w, box, images, channels) * (double)size > most) {
            if (box[k] <= 2 * halo)
                most = 2 * COPY_BYTES; /* rather than to fill most lines for several boxes */
            if (box[k] > 2 * halo || elements_of(w, box, images, channels) * (double)size > most)
                box[k] = (box[k] + 1) / 2;
        }
    }
    return laid_out(w, box, images, channels);
}

int64_t bgi_padded_tap(const bgi_padded *p, const int64_t tap[BGI_WINDOW_RANK])
{
    const bgi_window *w = &p->window;
    const int64_t steps[BGI_WINDOW_RANK] = { p->slab, p->line, p->images };
    int64_t plane = 0, shift = 0;
    for (int k = 0; k < BGI_WINDOW_RANK; k++) {
        int64_t at = tap[k] * w->dilation[k];
        plane = plane * p->planes[k] + (p->is_by_tap[k] ? tap[k] : at % w->stride[k]);
        shift += p->is_by_tap[k] ? 0 : at / w->stride[k] * steps[k];
    }
    return plane * p->plane + shift;
}

/* Every second, third .. element of a line. */
#define PICK(type)                                                                                                     \
    static void pick_##type(type *restrict to, const type *restrict from, int64_t count, int64_t stride)               \
    {                                                                                                                  \
        if (stride == 2)                                                                                               \
            for (int64_t i = 0; i < count; i++)                                                                        \
                to[i] = from[2 * i];                                                                                   \
        else                                                                                                           \
            for (int64_t i = 0; i < count; i++)                                                                        \
                to[i] = from[i * stride];                                                                              \
    }
PICK(float)
PICK(double)

/* What all lines of a fill have in common. */
typedef struct {
    const bgi_padded *p;
    const bgk_kernels *kernels;
    bg_dtype dtype;
    size_t size;
    int64_t stride; /* from image to image of the source */
} filling;

/* What of the lines of a plane is in the image: elements [start, start + count) from `column` on. */
typedef struct {
    int64_t start, count, column;
} piece;
static piece piece_of(const bgi_padded *p, int64_t from)
{
    int64_t stride = p->window.stride[2], in = p->window.in[2], columns = p->line / p->images;
    piece x = { .start = from < 0 ? (-from + stride - 1) / stride : 0 };
    if (x.start > columns)
        x.start = columns;
    x.column = x.start * stride + from;
    x.count = x.column < in ? (in - x.column + stride - 1) / stride : 0;
    if (x.count > columns - x.start)
        x.count = columns - x.start;
    return x;
}
/* A few zeros, which cost less than a call. */
static void clear(char *to, size_t bytes)
{
    for (size_t i = 0; i < bytes; i += sizeof(float))
        memset(to + i, 0, sizeof(float));
}
static void pick(bg_dtype dtype, void *to, const void *from, int64_t count, int64_t stride)
{
    if (dtype == BG_F64)
        pick_double(to, from, count, stride);
    else
        pick_float(to, from, count, stride);
}
/* Elements of one line of all images, next to each other. */
static void fill_images(const filling *f, char *to, const char *from, int64_t count)
{
    const int64_t images = f->p->images, step = f->p->window.stride[2];
    const size_t unit = (size_t)images * f->size;
    double turned[SPAN * BGI_PADDED_IMAGES]; /* of f32 or f64 */
    if (step == 1) {
        f->kernels->transpose(to, images, from, f->stride, count, images);
        return;
    }
    for (int64_t i = 0, n; i < count; i += n) {
        n = count - i < (SPAN - 1) / step + 1 ? count - i : (SPAN - 1) / step + 1;
        f->kernels->transpose(turned, images, bgi_const_at(from, i * step, f->size), f->stride, (n - 1) * step + 1,
                              images);
        for (int64_t k = 0; k < n; k++)
            memcpy(to + (size_t)(i + k) * unit, (char *)turned + (size_t)(k * step) * unit, unit);
    }
}
static void fill_line(const filling *f, const piece *x, char *to, const char *from)
{
    size_t unit = (size_t)f->p->images * f->size;
    size_t start = (size_t)x->start * unit, end = start + (size_t)x->count * unit, line = (size_t)f->p->line * f->size;
    clear(to, start);
    if (f->p->images > 1)
        fill_images(f, to + start, from, x->count);
    else if (f->p->window.stride[2] == 1)
        bgi_copy_line(to + start, from, end - start);
    else
        pick(f->dtype, to + start, from, x->count, f->p->window.stride[2]);
    clear(to + end, line - end);
}

/* One plane, whose elements start at these coordinates of the image. */
static void fill_plane(const filling *f, const int64_t *from, const char *channel, char *to)
{
    const bgi_window *w = &f->p->window;
    size_t line = (size_t)f->p->line * f->size;
    piece x = piece_of(f->p, from[2]);
    for (int64_t j0 = 0; j0 < f->p->extent[0]; j0++)
        for (int64_t j1 = 0; j1 < f->p->extent[1]; j1++, to += line) {
            int64_t i0 = from[0] + j0 * w->stride[0], i1 = from[1] + j1 * w->stride[1];
            if (i0 >= 0 && i0 < w->in[0] && i1 >= 0 && i1 < w->in[1] && x.count > 0)
                fill_line(f, &x, to, bgi_const_at(channel, (i0 * w->in[1] + i1) * w->in[2] + x.column, f->size));
            else
                memset(to, 0, line);
        }
}

const void *bgi_padded_fill(const bgi_padded *p, const bgk_kernels *kernels, bg_dtype dtype, int64_t channels,
                            const int64_t *first, const void *source, int64_t stride, void *copy)
{
    const bgi_window *w = &p->window;
    const filling f = { .p = p, .kernels = kernels, .dtype = dtype, .size = bg_dtype_size(dtype), .stride = stride };
    if (p->is_in_place) {
        const int64_t at[BGI_WINDOW_RANK] = { first[0] - w->before[0], first[1] - w->before[1],
                                              first[2] - w->before[2] };
        return bgi_const_at(source, bgi_padded_position(p, at), f.size);
    }
    int64_t planes = p->planes[0] * p->planes[1] * p->planes[2], used = planes * p->plane;
    for (int64_t c = 0; c < channels; c++) {
        const char *channel = bgi_const_at(source, c * bgi_window_plane(w), f.size);
        char *to = bgi_at(copy, c * p->channel, f.size);
        for (int64_t plane = 0; plane < planes; plane++) {
            const int64_t number[BGI_WINDOW_RANK] = { plane / p->planes[2] / p->planes[1],
                                                      plane / p->planes[2] % p->planes[1], plane % p->planes[2] };
            int64_t from[BGI_WINDOW_RANK];
            for (int k = 0; k < BGI_WINDOW_RANK; k++)
                from[k] = first_of(p, k, number[k]) + first[k] * w->stride[k] - w->before[k];
            fill_plane(&f, from, channel, bgi_at(to, plane * p->plane, f.size));
        }
        memset(bgi_at(to, used, f.size), 0, (size_t)(p->channel - used) * f.size);
    }
    int64_t filled = channels * p->channel;
    memset(bgi_at(copy, filled, f.size), 0, (size_t)(p->elements - filled) * f.size);
    return copy;
}
