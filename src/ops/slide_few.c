/* The gradient of a kernel from one channel to few, where vectors of the channels of dy would be mostly empty: each
 * element is a sum of products along the lines of the padded image, with zeros in dy for what lies between two lines.
 */
#include "ops/memory.h"
#include "ops/padded.h"
#include "ops/slide.h"

enum {
    CHUNK = 2048,         /* products that stay in the first cache for all elements of the kernel */
    MOST_ROWS = 4,        /* channels of dy; beyond, products of matrices are faster */
    MOST_ELEMENTS = 1024, /* of the kernel */
};

bool bgi_slide_is_few(const bgi_window *w, int64_t channels, int64_t rows)
{
    return channels == 1 && rows <= MOST_ROWS && bgi_window_elements(w) <= MOST_ELEMENTS;
}

/* The scratch: the copy, dy with its lines as far apart, and products. */
static int64_t run_of(const bgi_padded *p, const int64_t *box) { return (box[1] - 1) * p->line + box[2]; }
static size_t copy_bytes(const bgi_padded *p, size_t size) { return bgi_aligned((size_t)p->elements * size); }
static size_t run_bytes(const bgi_padded *p, size_t size) { return bgi_aligned((size_t)run_of(p, p->box) * size); }
size_t bgi_slide_few_scratch(const bgi_window *w, size_t size)
{
    bgi_padded p = bgi_pad(w, 1, 1, size);
    return copy_bytes(&p, size) + run_bytes(&p, size) + CHUNK * size;
}

/* Lines of one row of dy, the first of which is at `at`. */
static void spread(const bgi_padded *p, const int64_t *at, const int64_t *box, size_t size, const void *dy, void *run)
{
    const int64_t *out = p->window.out;
    memset(run, 0, (size_t)run_of(p, box) * size);
    for (int64_t i = 0; i < box[1]; i++)
        bgi_copy_line(bgi_at(run, i * p->line, size),
                      bgi_const_at(dy, (at[0] * out[1] + at[1] + i) * out[2] + at[2], size), (size_t)box[2] * size);
}

/* Products of elements [from, from + count) of a run with what lies between two lines are none, also where that is no
 * number. */
static void leave_out_gaps(const bgi_padded *p, int64_t columns, int64_t from, int64_t count, size_t size,
                           void *products)
{
    for (int64_t start = from / p->line * p->line + columns; start < from + count; start += p->line) {
        int64_t first = start > from ? start : from, last = bgi_least(start + p->line - columns, from + count);
        if (last > first)
            memset(bgi_at(products, first - from, size), 0, (size_t)(last - first) * size);
    }
}

/* Adds what the lines of one slab, of so many columns, give to the elements of one row. */
static void add_lines(const bgi_padded *p, const bgi_slide_call *call, const void *copy, const void *run,
                      int64_t columns, int64_t length, void *products, char *dweight)
{
    const bgi_window *w = &p->window;
    const bgk_kernels *kernels = call->kernels;
    size_t size = bg_dtype_size(call->dtype);
    for (int64_t from = 0, count; from < length; from += count) {
        int64_t tap[BGI_WINDOW_RANK], e = 0;
        count = bgi_least(CHUNK, length - from);
        for (tap[0] = 0; tap[0] < w->kernel[0]; tap[0]++)
            for (tap[1] = 0; tap[1] < w->kernel[1]; tap[1]++)
                for (tap[2] = 0; tap[2] < w->kernel[2]; tap[2]++, e++) {
                    char sum[sizeof(double)], *to = bgi_at(dweight, e, size);
                    kernels->mul(products, bgi_const_at(copy, bgi_padded_tap(p, tap) + from, size), 1,
                                 bgi_const_at(run, from, size), 1, NULL, 0, count);
                    leave_out_gaps(p, columns, from, count, size, products);
                    kernels->sum_rows(sum, products, 1, count, count);
                    kernels->add(to, to, 1, sum, 1, NULL, 0, 1);
                }
    }
}

void bgi_slide_few(const bgi_window *w, int64_t rows, const bgi_slide_call *call, const void *dy, int64_t dy_stride,
                   void *dweight)
{
    size_t size = bg_dtype_size(call->dtype);
    int64_t elements = bgi_window_elements(w), plane = bgi_window_positions(w), at[BGI_WINDOW_RANK];
    bgi_padded p = bgi_pad(w, 1, 1, size);
    char *run = (char *)call->scratch + copy_bytes(&p, size), *products = run + run_bytes(&p, size);
    memset(dweight, 0, (size_t)(rows * elements) * size);
    for (int64_t image = 0; image < call->images; image++) {
        const void *source = bgi_const_at(call->source, image * call->source_stride, size);
        for (at[0] = 0; at[0] < w->out[0]; at[0] += p.box[0])
            for (at[1] = 0; at[1] < w->out[1]; at[1] += p.box[1])
                for (at[2] = 0; at[2] < w->out[2]; at[2] += p.box[2]) {
                    const void *copy = bgi_padded_fill(&p, call->kernels, call->dtype, 1, at, source, 0, call->scratch);
                    int64_t box[BGI_WINDOW_RANK];
                    for (int k = 0; k < BGI_WINDOW_RANK; k++)
                        box[k] = bgi_least(p.box[k], w->out[k] - at[k]);
                    for (int64_t row = 0; row < rows; row++)
                        for (int64_t o0 = 0; o0 < box[0]; o0++) {
                            const int64_t from[BGI_WINDOW_RANK] = { at[0] + o0, at[1], at[2] };
                            spread(&p, from, box, size, bgi_const_at(dy, image * dy_stride + row * plane, size), run);
                            add_lines(&p, call, bgi_const_at(copy, o0 * p.slab, size), run, box[2], run_of(&p, box),
                                      products, bgi_at(dweight, row * elements, size));
                        }
                }
    }
}
