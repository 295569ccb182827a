/* The kernels over the images: a tile of results is a sum over channels and taps of factors times vectors of successive
 * positions, whose places are in a table.
 *
 * Where the last dimension is of vectors, as of images in lanes, sources and results are used as they lie, and taps in
 * the padding are left out. Of many images that are not, a vector is of the same position of all of them, and taps in
 * the padding are left out. Of one image, a vector runs along a line and on into the next; what is computed between two
 * lines is left out, and taps in the padding only if a product with it may not be 0. */
#include "ops/slide.h"

#include "ops/memory.h"
#include "ops/padded.h"
#include "ops/winograd.h"

#include <math.h>

enum {
    RUN = 256,                /* positions of one image whose results go to scratch at a time */
    RESULT_BYTES = 256 << 10, /* of results of many images, which stay in L2: long pieces of lines are written .. */
    LEAST_COLUMNS = 32,       /* .. of at least, and at most, so many positions */
    MOST_COLUMNS = 128,
    LONGEST_SUM = 1024, /* in one chain; then it is added to the total */
    CLASH = 2048,       /* bytes: rows that are a multiple of this apart meet in the same places of the cache */
    APART = 16,         /* elements between such rows */
    LEAST_TERMS = 8     /* of a sum, for which images are brought together */
};

static int64_t terms_of(const bgi_slide *s) { return s->channels * bgi_window_elements(&s->window); }
static size_t table_bytes(int64_t entries) { return bgi_aligned((size_t)entries * sizeof(int64_t)); }

/* Whether the factors are copied, with rows that do not clash. */
static bool clashes(const bgi_slide *s, size_t size) { return s->rows > 4 && (size_t)s->row * size % CLASH == 0; }
/* Whether many images are computed together: where sums are long, and one image alone would compute what is left out.
 */
static bool is_together(const bgi_slide *s, int64_t images)
{
    const bgi_window *w = &s->window;
    bool is_padded = w->kernel[2] > 1 || s->step[2] > 1;
    for (int k = 0; k < BGI_WINDOW_RANK; k++)
        is_padded |= w->before[k] > 0;
    return images >= BGI_PADDED_IMAGES && terms_of(s) >= LEAST_TERMS && is_padded;
}

/* Positions of many images whose results go to scratch at a time, and the results from one row to the next. */
static int64_t columns_of(const bgi_slide *s, size_t size)
{
    int64_t columns = RESULT_BYTES / (int64_t)size / BGI_PADDED_IMAGES / bgi_most(s->rows, 1);
    return columns < LEAST_COLUMNS ? LEAST_COLUMNS : bgi_least(columns / LEAST_COLUMNS * LEAST_COLUMNS, MOST_COLUMNS);
}
static int64_t row_of_results(const bgi_slide *s, size_t size)
{
    return columns_of(s, size) * BGI_PADDED_IMAGES + APART;
}

/* Whether a vector of positions has the same taps in the image and lies where the results go, step by step: the last
 * dimension is of vectors, along which the kernel does not reach, such as of samples. Nothing is copied then. */
static bool is_of_vectors(const bgi_slide *s)
{
    const bgi_window *w = &s->window;
    return w->kernel[2] == 1 && w->before[2] == 0 && w->stride[2] == 1 && s->step[2] == 1 && w->in[2] == w->out[2] &&
           w->in[2] % BGI_PADDED_IMAGES == 0;
}
/* The results of a line of vectors that go to scratch, since they lie apart in the target. */
static int64_t row_of_vectors(const bgi_slide *s)
{
    return s->step[1] == 1 ? 0 : s->window.out[1] * s->window.in[2] + APART;
}

/* The scratch: places of rows, of terms in the factors and in the copy; factors; the copy; results. */
typedef struct {
    int64_t *rows, *factors, *places;
    char *weight, *copy, *results;
    size_t bytes;
} parts;
static parts parts_of(const bgi_slide *s, int64_t images, size_t size, char *scratch)
{
    parts x = { .bytes = 0 };
    size_t at[6] = { 0 };
    int64_t copy = 0, results = row_of_vectors(s);
    if (!is_of_vectors(s)) {
        copy = bgi_pad(&s->window, s->channels, 1, size).elements;
        results = RUN;
    }
    if (!is_of_vectors(s) && is_together(s, images)) {
        bgi_padded many = bgi_pad(&s->window, s->channels, BGI_PADDED_IMAGES, size);
        copy = bgi_most(copy, many.elements);
        results = row_of_results(s, size);
    }
    at[1] = at[0] + table_bytes(s->rows);
    at[2] = at[1] + table_bytes(terms_of(s));
    at[3] = at[2] + table_bytes(terms_of(s));
    at[4] = at[3] + (clashes(s, size) ? bgi_aligned((size_t)(s->rows * (terms_of(s) + APART)) * size) : 0);
    at[5] = at[4] + bgi_aligned((size_t)copy * size);
    x.bytes = at[5] + bgi_aligned((size_t)(s->rows * results) * size);
    if (scratch) {
        x.rows = (int64_t *)(void *)(scratch + at[0]);
        x.factors = (int64_t *)(void *)(scratch + at[1]);
        x.places = (int64_t *)(void *)(scratch + at[2]);
        x.weight = scratch + at[3];
        x.copy = scratch + at[4];
        x.results = scratch + at[5];
    }
    return x;
}
/* Whether the sums are computed by Winograd's way: they are of all positions, and the taps of a kernel lie together. */
static bool is_winograd(const bgi_slide *s, bg_dtype dtype)
{
    return s->step[0] == 1 && s->step[1] == 1 && bgi_winograd_serves(&s->window, s->channels, s->rows, dtype);
}
size_t bgi_slide_scratch(const bgi_slide *s, int64_t images, bg_dtype dtype)
{
    return parts_of(s, images, bg_dtype_size(dtype), NULL).bytes +
           (is_winograd(s, dtype) ? bgi_winograd_scratch(s) : 0);
}

/* Whether every product with an element of the padding is 0; it is not with a factor that is no number or infinite. */
static bool padding_is_nothing(const bgi_slide *s, bg_dtype dtype, const void *weight)
{
    const bgi_window *w = &s->window;
    bool is_padded = false, result = true;
    for (int k = 0; k < BGI_WINDOW_RANK; k++)
        is_padded |= w->before[k] > 0 ||
                     (w->out[k] - 1) * w->stride[k] - w->before[k] + (w->kernel[k] - 1) * w->dilation[k] >= w->in[k];
    for (int64_t row = 0; row < s->rows && is_padded && result; row++)
        for (int64_t c = 0; c < s->channels; c++)
            for (int64_t t0 = 0; t0 < w->kernel[0]; t0++)
                for (int64_t t1 = 0; t1 < w->kernel[1]; t1++) {
                    int64_t at = row * s->row + c * s->channel + t0 * s->tap[0] + t1 * s->tap[1];
                    for (int64_t t2 = 0; t2 < w->kernel[2]; t2++, at += s->tap[2])
                        result &= dtype == BG_F64 ? !!isfinite(((const double *)weight)[at])
                                                  : !!isfinite(((const float *)weight)[at]);
                }
    return result;
}

/* What all boxes of a run have in common. */
typedef struct {
    bgi_slide s;
    const bgi_slide_call *call;
    bgi_padded p;
    parts x;
    size_t size;
    const void *weight;
    char *target;
    int64_t target_stride;
    int64_t first[BGI_WINDOW_RANK], last[BGI_WINDOW_RANK], terms; /* the taps that are in the tables */
    bool is_from_first; /* places are counted from that of the first tap in the tables, not of the window's */
} sliding;

/* Factors with rows that do not clash. */
static void copy_factors(sliding *l)
{
    bgi_slide *s = &l->s;
    const bgi_window *w = &s->window;
    int64_t row = terms_of(s) + APART, elements = bgi_window_elements(w), i = 0;
    for (int64_t r = 0; r < s->rows; r++, i += APART)
        for (int64_t c = 0; c < s->channels; c++)
            for (int64_t e = 0; e < elements; e++, i++) {
                int64_t from = r * s->row + c * s->channel + e / w->kernel[2] / w->kernel[1] * s->tap[0] +
                               e / w->kernel[2] % w->kernel[1] * s->tap[1] + e % w->kernel[2] * s->tap[2];
                memcpy(bgi_at(l->x.weight, i, l->size), bgi_const_at(l->weight, from, l->size), l->size);
            }
    s->row = row;
    s->channel = elements;
    s->tap[0] = w->kernel[1] * w->kernel[2];
    s->tap[1] = w->kernel[2];
    s->tap[2] = 1;
    l->weight = l->x.weight;
}

/* Fills the tables for the taps [first, last) along each dimension, unless they are there. */
static void place_terms(sliding *l, const int64_t *first, const int64_t *last)
{
    const bgi_slide *s = &l->s;
    int64_t n = 0, tap[BGI_WINDOW_RANK];
    if (memcmp(l->first, first, sizeof l->first) == 0 && memcmp(l->last, last, sizeof l->last) == 0)
        return;
    memcpy(l->first, first, sizeof l->first);
    memcpy(l->last, last, sizeof l->last);
    int64_t origin = l->is_from_first ? bgi_padded_tap(&l->p, first) : 0;
    l->terms = 0;
    if (s->channels == 0)
        return;
    for (tap[0] = first[0]; tap[0] < last[0]; tap[0]++)
        for (tap[1] = first[1]; tap[1] < last[1]; tap[1]++)
            for (tap[2] = first[2]; tap[2] < last[2]; tap[2]++, n++) {
                l->x.factors[n] = tap[0] * s->tap[0] + tap[1] * s->tap[1] + tap[2] * s->tap[2];
                l->x.places[n] = bgi_padded_tap(&l->p, tap) - origin;
            }
    l->terms = n * s->channels;
    for (int64_t i = n; i < l->terms; i++) {
        l->x.factors[i] = l->x.factors[i - n] + s->channel;
        l->x.places[i] = l->x.places[i - n] + l->p.channel;
    }
}

/* Sums of the terms in the tables for so many successive elements of the copy. */
static void multiply(const sliding *l, const void *copy, int64_t count, void *results, int64_t row)
{
    int64_t term = 0;
    do { /* without terms too, which gives zeros */
        l->call->kernels->product_gathered(l->s.rows, count, bgi_least(LONGEST_SUM, l->terms - term), l->weight,
                                           l->x.rows, l->x.factors + term, copy, l->x.places + term, results, row,
                                           term > 0);
        term += LONGEST_SUM;
    } while (term < l->terms);
}

/* Where a position is in a plane of the target, and from one row of results to the next. */
static int64_t place_of(const bgi_slide *s, int64_t o0, int64_t o1, int64_t o2)
{
    return ((s->first[0] + o0 * s->step[0]) * s->extent[1] + s->first[1] + o1 * s->step[1]) * s->extent[2] +
           s->first[2] + o2 * s->step[2];
}
static int64_t plane_of(const bgi_slide *s) { return s->extent[0] * s->extent[1] * s->extent[2]; }

#define SPREAD(type)                                                                                                   \
    static void spread_##type(type *restrict to, const type *restrict from, int64_t count, int64_t step)               \
    {                                                                                                                  \
        for (int64_t i = 0; i < count; i++)                                                                            \
            to[i * step] = from[i];                                                                                    \
    }
SPREAD(float)
SPREAD(double)
static void put_line(const sliding *l, void *to, const void *from, int64_t count)
{
    if (l->s.step[2] == 1)
        bgi_copy_line(to, from, (size_t)count * l->size);
    else if (l->call->dtype == BG_F64)
        spread_double(to, from, count, l->s.step[2]);
    else
        spread_float(to, from, count, l->s.step[2]);
}

/* ---- One image ---- */

/* Results of one line, or a part of it, from the scratch to a plane of the target. */
typedef struct {
    int64_t from, to, count;
} line;

/* The positions [start, start + count) of a run of lines, the first of which is `at`. */
static int64_t lines_of(const sliding *l, const int64_t *at, int64_t columns, int64_t start, int64_t count, line *lines)
{
    int64_t number = start / l->p.line, column = start % l->p.line, from = 0, n = 0;
    for (; from < count; number++, column = 0) {
        int64_t end = bgi_least(l->p.line, column + count - from), valid = bgi_least(end, columns) - column;
        if (valid > 0)
            lines[n++] = (line){ from, place_of(&l->s, at[0], at[1] + number, at[2] + column), valid };
        from += end - column;
    }
    return n;
}
static void slide_box(sliding *l, const int64_t *at, const int64_t *box, const void *copy)
{
    static const int64_t none[BGI_WINDOW_RANK];
    line lines[RUN];
    int64_t run = (box[1] - 1) * l->p.line + box[2];
    place_terms(l, none, l->s.window.kernel);
    for (int64_t o0 = 0; o0 < box[0]; o0++)
        for (int64_t start = 0; start < run; start += RUN) {
            const int64_t from[BGI_WINDOW_RANK] = { at[0] + o0, at[1], at[2] };
            int64_t count = bgi_least(RUN, run - start), n = lines_of(l, from, box[2], start, count, lines);
            multiply(l, bgi_const_at(copy, o0 * l->p.slab + start, l->size), count, l->x.results, count);
            for (int64_t row = 0; row < l->s.rows; row++)
                for (int64_t i = 0; i < n; i++)
                    put_line(l, bgi_at(l->target, row * plane_of(&l->s) + lines[i].to, l->size),
                             bgi_const_at(l->x.results, row * count + lines[i].from, l->size), lines[i].count);
        }
}

/* ---- Many images, or one without the taps in its padding ---- */

/* The taps along a dimension that a position has in the image: [*first, *last), perhaps none. */
static void taps_inside(const bgi_window *w, int k, int64_t position, int64_t *first, int64_t *last)
{
    int64_t start = position * w->stride[k] - w->before[k], dilation = w->dilation[k];
    int64_t end = w->in[k] - start;
    *first = start < 0 ? bgi_least((-start + dilation - 1) / dilation, w->kernel[k]) : 0;
    *last = end <= 0 ? *first : bgi_most(*first, bgi_least((end + dilation - 1) / dilation, w->kernel[k]));
}

/* Part of a line of one row of results, [columns, images], to all images of the target. */
static void put_columns(const sliding *l, char *to, const void *from, int64_t columns)
{
    double turned[LEAST_COLUMNS * BGI_PADDED_IMAGES]; /* of f32 or f64 */
    int64_t images = l->p.images;
    if (l->s.step[2] == 1) {
        l->call->kernels->transpose(to, l->target_stride, from, images, images, columns);
        return;
    }
    for (int64_t i = 0, n; i < columns; i += n) {
        n = bgi_least(LEAST_COLUMNS, columns - i);
        l->call->kernels->transpose(turned, n, bgi_const_at(from, i * images, l->size), images, images, n);
        for (int64_t image = 0; image < images; image++)
            put_line(l, bgi_at(to, image * l->target_stride + i * l->s.step[2], l->size),
                     bgi_const_at(turned, image * n, l->size), n);
    }
}

/* Lines [o1, o1 + lines) and columns [o2, o2 + columns) of the box at `at`, which fit the results. */
static void slide_columns(sliding *l, const int64_t *at, const void *copy, int64_t o0, int64_t o1, int64_t lines,
                          int64_t o2, int64_t columns)
{
    const bgi_window *w = &l->s.window;
    int64_t first[BGI_WINDOW_RANK], last[BGI_WINDOW_RANK], images = l->p.images;
    int64_t row = images > 1 ? row_of_results(&l->s, l->size) : RUN;
    taps_inside(w, 0, at[0] + o0, &first[0], &last[0]);
    /* Columns that have the same taps in the image go together. */
    for (int64_t from = 0, to; from < columns; from = to) {
        taps_inside(w, 2, at[2] + o2 + from, &first[2], &last[2]);
        for (to = from + 1; to < columns; to++) {
            int64_t a, b;
            taps_inside(w, 2, at[2] + o2 + to, &a, &b);
            if (a != first[2] || b != last[2])
                break;
        }
        for (int64_t i = 0; i < lines; i++) {
            const int64_t place[BGI_WINDOW_RANK] = { o0, o1 + i, o2 + from };
            taps_inside(w, 1, at[1] + o1 + i, &first[1], &last[1]);
            place_terms(l, first, last);
            multiply(l, bgi_const_at(copy, bgi_padded_position(&l->p, place), l->size), (to - from) * images,
                     bgi_at(l->x.results, (i * columns + from) * images, l->size), row);
        }
    }
    /* Lines that follow each other in the target are one. */
    bool is_whole = columns == l->s.extent[2] && l->s.step[1] == 1 && l->s.step[2] == 1;
    int64_t pieces = is_whole ? 1 : lines, length = is_whole ? lines * columns : columns;
    for (int64_t r = 0; r < l->s.rows; r++)
        for (int64_t i = 0; i < pieces; i++) {
            int64_t place = r * plane_of(&l->s) + place_of(&l->s, at[0] + o0, at[1] + o1 + i, at[2] + o2);
            char *to = bgi_at(l->target, place, l->size);
            put_columns(l, to, bgi_const_at(l->x.results, r * row + i * length * images, l->size), length);
        }
}
static void slide_images(sliding *l, const int64_t *at, const int64_t *box, const void *copy)
{
    int64_t most = columns_of(&l->s, l->size), columns = bgi_least(box[2], most), lines = most / columns;
    for (int64_t o0 = 0; o0 < box[0]; o0++)
        for (int64_t o1 = 0; o1 < box[1]; o1 += lines)
            for (int64_t o2 = 0; o2 < box[2]; o2 += columns)
                slide_columns(l, at, copy, o0, o1, bgi_least(lines, box[1] - o1), o2, bgi_least(columns, box[2] - o2));
}

/* ---- Vectors ---- */

/* Positions [from, to) of a line, which have the same taps in the image. */
static void slide_run(sliding *l, const void *source, int64_t o0, int64_t from, int64_t to, const int64_t *first)
{
    const bgi_window *w = &l->s.window;
    int64_t lanes = w->in[2], row = row_of_vectors(&l->s), each = w->stride[1] == 1 ? to - from : 1;
    for (int64_t o1 = from; o1 < to; o1 += each) {
        const int64_t at[BGI_WINDOW_RANK] = { o0 * w->stride[0] - w->before[0] + first[0] * w->dilation[0],
                                              o1 * w->stride[1] - w->before[1] + first[1] * w->dilation[1], 0 };
        int64_t place = l->terms > 0 ? bgi_padded_position(&l->p, at) : 0;
        void *to_place = row > 0 ? bgi_at(l->x.results, o1 * lanes, l->size)
                                 : bgi_at(l->target, place_of(&l->s, o0, o1, 0), l->size);
        multiply(l, bgi_const_at(source, place, l->size), each * lanes, to_place, row > 0 ? row : plane_of(&l->s));
    }
}
static void slide_line(sliding *l, const void *source, int64_t o0)
{
    const bgi_window *w = &l->s.window;
    int64_t first[BGI_WINDOW_RANK] = { 0 }, last[BGI_WINDOW_RANK] = { 0, 0, 1 }, row = row_of_vectors(&l->s);
    taps_inside(w, 0, o0, &first[0], &last[0]);
    for (int64_t from = 0, to; from < w->out[1]; from = to) {
        taps_inside(w, 1, from, &first[1], &last[1]);
        for (to = from + 1; to < w->out[1]; to++) {
            int64_t a, b;
            taps_inside(w, 1, to, &a, &b);
            if (a != first[1] || b != last[1])
                break;
        }
        place_terms(l, first, last);
        slide_run(l, source, o0, from, to, first);
    }
    size_t bytes = (size_t)w->in[2] * l->size;
    for (int64_t r = 0; r < l->s.rows && row > 0; r++)
        for (int64_t o1 = 0; o1 < w->out[1]; o1++)
            bgi_copy_line(bgi_at(l->target, r * plane_of(&l->s) + place_of(&l->s, o0, o1, 0), l->size),
                          bgi_const_at(l->x.results, r * row + o1 * w->in[2], l->size), bytes);
}
/* Sources as they lie, and results unless they lie apart. Images whose results `winograd` gives need no more. */
static void slide_vectors(sliding *l, const bgi_winograd *winograd, void *target, int64_t target_stride)
{
    const bgi_window *w = &l->s.window;
    l->p = (bgi_padded){ .window = *w,
                         .images = 1,
                         .planes = { 1, 1, 1 },
                         .line = w->in[2],
                         .slab = w->in[1] * w->in[2],
                         .channel = bgi_window_plane(w) };
    l->p.window.stride[0] = l->p.window.stride[1] = 1; /* a tap is so many elements away, whatever the steps */
    l->is_from_first = true;
    l->last[0] = -1; /* no tables yet */
    for (int64_t image = 0; image < l->call->images; image++) {
        const void *source = bgi_const_at(l->call->source, image * l->call->source_stride, l->size);
        l->target = bgi_at(target, image * target_stride, l->size);
        if (winograd && bgi_winograd_image(winograd, source, l->target))
            continue;
        for (int64_t o0 = 0; o0 < w->out[0]; o0++)
            slide_line(l, source, o0);
    }
}

void bgi_slide_run(const bgi_slide *s, const bgi_slide_call *call, const void *weight, void *target,
                   int64_t target_stride)
{
    sliding l = {
        .s = *s, .call = call, .size = bg_dtype_size(call->dtype), .weight = weight, .target_stride = target_stride
    };
    l.x = parts_of(s, call->images, l.size, call->scratch);
    if (clashes(s, l.size))
        copy_factors(&l);
    for (int64_t row = 0; row < s->rows; row++)
        l.x.rows[row] = row * l.s.row;
    const int64_t *out = s->window.out;
    if (is_of_vectors(s)) {
        bool serves = is_winograd(s, call->dtype);
        bgi_winograd winograd;
        if (serves)
            bgi_winograd_begin(&winograd, s, call, weight, (char *)call->scratch + l.x.bytes);
        slide_vectors(&l, serves ? &winograd : NULL, target, target_stride);
        return;
    }
    bool may_multiply = padding_is_nothing(s, call->dtype, weight);
    for (int64_t image = 0; image < call->images; image += l.p.images) {
        int64_t images = is_together(s, call->images - image) ? BGI_PADDED_IMAGES : 1, at[BGI_WINDOW_RANK];
        if (images != l.p.images) {
            l.p = bgi_pad(&s->window, s->channels, images, l.size);
            l.last[0] = -1; /* the tables are of another layout */
        }
        const void *source = bgi_const_at(call->source, image * call->source_stride, l.size);
        l.target = bgi_at(target, image * target_stride, l.size);
        for (at[0] = 0; at[0] < out[0]; at[0] += l.p.box[0])
            for (at[1] = 0; at[1] < out[1]; at[1] += l.p.box[1])
                for (at[2] = 0; at[2] < out[2]; at[2] += l.p.box[2]) {
                    int64_t box[BGI_WINDOW_RANK];
                    for (int k = 0; k < BGI_WINDOW_RANK; k++)
                        box[k] = bgi_least(l.p.box[k], out[k] - at[k]);
                    const void *copy = bgi_padded_fill(&l.p, call->kernels, call->dtype, s->channels, at, source,
                                                       call->source_stride, l.x.copy);
                    (images > 1 || !may_multiply ? slide_images : slide_box)(&l, at, box, copy);
                }
    }
}
