/* The gradient of a kernel over images in lanes, line by line. An element of the image meets, for successive taps along
 * the line, successive positions of dy; with the channels of dy next to each other, position by position, those are one
 * long vector, so that the tile is wide however few channels there are.
 *
 * Elements that the same taps meet go together, so that no product with the padding is computed. */
#include "ops/memory.h"
#include "ops/padded.h"
#include "ops/slide.h"

enum {
    LEAST_CHANNELS = 8,     /* of the image, below which tiles are of too few rows */
    WIDTH = 32,             /* channels of dy at a time */
    MOST_BYTES = 160 << 10, /* of a line of them in all lanes, which is read from L2 */
};

bool bgi_slide_is_of_lines(const bgi_window *w, int64_t channels, size_t size)
{
    return channels >= LEAST_CHANNELS && w->kernel[2] == 1 && w->stride[2] == 1 && w->before[2] == 0 &&
           w->in[2] == BGI_LANES && w->out[2] == BGI_LANES && w->kernel[1] > 1 && w->stride[1] == 1 &&
           w->dilation[1] == 1 && w->out[1] > 0 && (double)w->out[1] * BGI_LANES * WIDTH * (double)size <= MOST_BYTES;
}

/* The scratch: places of channels, of elements and of what they meet; a line of dy [lanes, positions, width]; the sums,
 * by channels of dy [kernel[0], channels, kernel[1] backwards, width]; and those turned. */
typedef struct {
    int64_t width, taps;
    int64_t *rows, *elements, *positions;
    char *dy, *sums, *turned;
    size_t bytes;
} parts;
static parts parts_of(const bgi_window *w, int64_t channels, int64_t rows, size_t size, char *scratch)
{
    parts x = { .width = bgi_least(WIDTH, bgi_most(rows, 1)), .taps = channels * bgi_window_elements(w) };
    size_t at[6] = { 0 }, table = bgi_aligned((size_t)(w->in[1] * BGI_LANES) * sizeof(int64_t));
    at[1] = at[0] + bgi_aligned((size_t)channels * sizeof(int64_t));
    at[2] = at[1] + table;
    at[3] = at[2] + table;
    at[4] = at[3] + bgi_aligned((size_t)(w->out[1] * BGI_LANES * x.width) * size);
    at[5] = at[4] + bgi_aligned((size_t)(x.taps * rows) * size);
    x.bytes = at[5] + bgi_aligned((size_t)(x.taps * x.width) * size);
    if (scratch) {
        x.rows = (int64_t *)(void *)(scratch + at[0]);
        x.elements = (int64_t *)(void *)(scratch + at[1]);
        x.positions = (int64_t *)(void *)(scratch + at[2]);
        x.dy = scratch + at[3];
        x.sums = scratch + at[4];
        x.turned = scratch + at[5];
    }
    return x;
}
size_t bgi_slide_lines_scratch(const bgi_window *w, int64_t channels, int64_t rows, size_t size)
{
    return parts_of(w, channels, rows, size, NULL).bytes;
}

/* The taps that meet element q of a line: [*first, *last), perhaps none. */
static void taps_of(const bgi_window *w, int64_t q, int64_t *first, int64_t *last)
{
    *first = bgi_most(0, q + w->before[1] - w->out[1] + 1);
    *last = bgi_most(*first, bgi_least(w->kernel[1], q + w->before[1] + 1));
}

/* Adds what a line of the image gives to the sums of a tap along the first dimension, for the line of dy at hand. */
static void add_line(const bgi_window *w, const parts *x, const bgi_slide_call *call, const char *line,
                     int64_t channels, int64_t width, char *sums)
{
    size_t size = bg_dtype_size(call->dtype);
    for (int64_t from = 0, to; from < w->in[1]; from = to) {
        int64_t first, last, a, b, n = 0;
        taps_of(w, from, &first, &last);
        for (to = from + 1; to < w->in[1]; to++) {
            taps_of(w, to, &a, &b);
            if (a != first || b != last)
                break;
        }
        if (first == last)
            continue;
        for (int64_t lane = 0; lane < BGI_LANES; lane++)
            for (int64_t q = 0; q < to - from; q++, n++) {
                x->elements[n] = q * BGI_LANES + lane;
                x->positions[n] = (lane * w->out[1] + q) * width;
            }
        call->kernels->product_gathered(
            channels, (last - first) * width, n, bgi_const_at(line, from * BGI_LANES, size), x->rows, x->elements,
            bgi_const_at(x->dy, (from + w->before[1] - (last - 1)) * width, size), x->positions,
            bgi_at(sums, (w->kernel[1] - last) * width, size), w->kernel[1] * width, 1);
    }
}

/* The sums of some channels of dy as a weight [width, channels, kernel]. */
static void put_weight(const bgi_window *w, const parts *x, const bgi_slide_call *call, int64_t channels, int64_t width,
                       const char *sums, char *dweight)
{
    size_t size = bg_dtype_size(call->dtype);
    int64_t n0 = w->kernel[0], n1 = w->kernel[1];
    call->kernels->transpose(x->turned, x->taps, sums, width, width, x->taps);
    for (int64_t row = 0; row < width; row++)
        for (int64_t e0 = 0; e0 < n0; e0++)
            for (int64_t c = 0; c < channels; c++)
                for (int64_t e1 = 0; e1 < n1; e1++)
                    memcpy(bgi_at(dweight, row * x->taps + (c * n0 + e0) * n1 + e1, size),
                           bgi_const_at(x->turned, row * x->taps + (e0 * channels + c) * n1 + n1 - 1 - e1, size), size);
}

void bgi_slide_lines(const bgi_window *w, int64_t channels, int64_t rows, const bgi_slide_call *call, const void *dy,
                     int64_t dy_stride, void *dweight)
{
    size_t size = bg_dtype_size(call->dtype);
    parts x = parts_of(w, channels, rows, size, call->scratch);
    int64_t plane = bgi_window_positions(w), line = w->out[1] * BGI_LANES;
    memset(x.sums, 0, (size_t)(x.taps * rows) * size);
    for (int64_t c = 0; c < channels; c++)
        x.rows[c] = c * bgi_window_plane(w);
    for (int64_t image = 0; image < call->images; image++) {
        const void *source = bgi_const_at(call->source, image * call->source_stride, size);
        for (int64_t row = 0; row < rows; row += x.width) {
            int64_t width = bgi_least(x.width, rows - row);
            for (int64_t o0 = 0; o0 < w->out[0]; o0++) {
                const char *from = bgi_const_at(dy, image * dy_stride + row * plane + o0 * line, size);
                for (int64_t o1 = 0; o1 < w->out[1]; o1++)
                    call->kernels->transpose(bgi_at(x.dy, o1 * width, size), w->out[1] * width,
                                             bgi_const_at(from, o1 * BGI_LANES, size), plane, BGI_LANES, width);
                for (int64_t e0 = 0; e0 < w->kernel[0]; e0++) {
                    int64_t i0 = o0 * w->stride[0] - w->before[0] + e0 * w->dilation[0];
                    if (i0 >= 0 && i0 < w->in[0])
                        add_line(w, &x, call, bgi_const_at(source, i0 * w->in[1] * BGI_LANES, size), channels, width,
                                 bgi_at(x.sums, row * x.taps + e0 * channels * w->kernel[1] * width, size));
                }
            }
        }
    }
    for (int64_t row = 0; row < rows; row += x.width)
        put_weight(w, &x, call, channels, bgi_least(x.width, rows - row), bgi_const_at(x.sums, row * x.taps, size),
                   bgi_at(dweight, row * x.taps, size));
}
