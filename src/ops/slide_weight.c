/* The gradient of a kernel: a tile of it is a sum over positions of elements of the image, each row at its own place,
 * times vectors of the channels of dy, which are brought next to each other some positions at a time.
 *
 * With many channels, a row is a channel of the image, which is read where it lies, and each tap goes through those
 * positions for which it is in the image. With few, a row is a tap of a channel, and goes through all positions of a
 * padded copy. */
#include "ops/memory.h"
#include "ops/padded.h"
#include "ops/slide.h"
#include "ops/winograd.h"

enum {
    WIDTH = 32,           /* channels of dy .. */
    PANEL = 4096,         /* .. and elements of as many positions, which stay in the first cache for all rows */
    MANY_CHANNELS = 8,    /* of the image */
    MOST_TAPS = 32,       /* that go through positions of their own */
    CLASH = 2048,         /* bytes: channels that are a multiple of this apart meet in the same places of the cache */
    APART = 16,           /* elements between such channels */
    LEAST_POSITIONS = 256 /* that are added up at a time, of several images where they are small */
};

/* Rows that go through the same positions, and where these are in the image and in dy. */
typedef struct {
    int64_t tap[BGI_WINDOW_RANK];
    /* What the tables were made for: lines and columns of a chunk [first, last), and images; and the part of them that
     * is in use. */
    int64_t first[2], last[2], images, start, count;
    int64_t *places, *factors;
} tap_class;

typedef struct {
    bgi_window window;
    int64_t channels, rows, images;
    const bgi_slide_call *call;
    size_t size;
    bool is_by_tap;
    int64_t classes, class_rows; /* and rows of each */
    int64_t width, positions;    /* of a panel of dy */
    /* The source: a padded copy, a copy, or the images themselves; from one position to the next along each dimension,
     * channel and image. */
    bgi_padded p;
    bool is_copied;
    int64_t together; /* images that are at hand at a time */
    int64_t step[BGI_WINDOW_RANK], channel, image;
    /* The scratch. */
    int64_t *places;
    tap_class *class;
    char *dy, *copy, *sums, *turned;
    size_t bytes;
} weighing;

static weighing weighing_of(const bgi_window *w, int64_t channels, int64_t rows, int64_t images, size_t size,
                            char *scratch)
{
    int64_t elements = bgi_window_elements(w), taps = channels * elements, positions = bgi_window_positions(w);
    int64_t plane = bgi_window_plane(w), copied = 0, chunk = bgi_window_positions(w);
    weighing x = { .window = *w, .channels = channels, .rows = rows, .images = images, .size = size };
    x.is_by_tap = channels >= MANY_CHANNELS && elements <= MOST_TAPS;
    x.classes = x.is_by_tap ? elements : 1;
    x.class_rows = x.is_by_tap ? channels : taps;
    x.width = bgi_least(WIDTH, rows > 0 ? rows : 1);
    x.positions = PANEL / x.width < 2 * LEAST_POSITIONS ? PANEL / x.width : 2 * LEAST_POSITIONS;
    if (x.is_by_tap) {
        x.is_copied = (size_t)plane * size % CLASH == 0;
        x.step[2] = w->stride[2];
        x.step[1] = w->stride[1] * w->in[2];
        x.step[0] = w->stride[0] * w->in[1] * w->in[2];
        x.channel = plane + (x.is_copied ? APART : 0);
        copied = x.is_copied ? x.channel * channels : 0;
    } else {
        x.p = bgi_pad(w, channels, 1, size);
        x.is_copied = !x.p.is_in_place;
        x.step[2] = 1;
        x.step[1] = x.p.line;
        x.step[0] = x.p.slab;
        x.channel = x.p.channel;
        copied = x.p.elements;
        chunk = x.p.box[0] * x.p.box[1] * x.p.box[2];
    }
    x.together = chunk < positions || positions == 0 ? 1 : bgi_least(images, 1 + (LEAST_POSITIONS - 1) / positions);
    x.image = copied;
    size_t at[7] = { 0 };
    size_t table = bgi_aligned((size_t)x.positions * sizeof(int64_t));
    at[1] = at[0] + bgi_aligned((size_t)x.class_rows * sizeof(int64_t));
    at[2] = at[1] + bgi_aligned((size_t)x.classes * sizeof(tap_class));
    at[3] = at[2] + (size_t)x.classes * 2 * table;
    at[4] = at[3] + bgi_aligned((size_t)(x.positions * x.width) * size);
    at[5] = at[4] + bgi_aligned((size_t)(x.together * copied) * size);
    at[6] = at[5] + bgi_aligned((size_t)(taps * rows) * size);
    x.bytes = at[6] + bgi_aligned((size_t)(x.is_by_tap ? taps * x.width : 0) * size);
    if (!scratch)
        return x;
    x.places = (int64_t *)(void *)(scratch + at[0]);
    x.class = (tap_class *)(void *)(scratch + at[1]);
    x.dy = scratch + at[3];
    x.copy = scratch + at[4];
    x.sums = scratch + at[5];
    x.turned = scratch + at[6];
    for (int64_t c = 0; c < x.classes; c++)
        x.class[c] =
            (tap_class){ .tap = { c / w->kernel[2] / w->kernel[1], c / w->kernel[2] % w->kernel[1], c % w->kernel[2] },
                         .images = -1,
                         .places = (int64_t *)(void *)(scratch + at[2] + (size_t)(2 * c) * table),
                         .factors = (int64_t *)(void *)(scratch + at[2] + (size_t)(2 * c + 1) * table) };
    return x;
}
size_t bgi_slide_weight_scratch(const bgi_window *w, int64_t channels, int64_t rows, int64_t images, bg_dtype dtype)
{
    size_t size = bg_dtype_size(dtype), bytes;
    if (bgi_slide_is_of_lines(w, channels, size))
        bytes = bgi_slide_lines_scratch(w, channels, rows, size);
    else
        bytes = bgi_slide_is_few(w, channels, rows) ? bgi_slide_few_scratch(w, size)
                                                    : weighing_of(w, channels, rows, images, size, NULL).bytes;
    size_t winograd = bgi_winograd_weight_scratch(w, channels, rows, dtype);
    return bytes > winograd ? bytes : winograd;
}

static void place_rows(weighing *x)
{
    int64_t n = 0, each = x->is_by_tap ? 1 : bgi_window_elements(&x->window), tap[BGI_WINDOW_RANK];
    if (x->is_by_tap)
        x->places[n++] = 0;
    for (tap[0] = 0; tap[0] < x->window.kernel[0] && !x->is_by_tap && x->channels > 0; tap[0]++)
        for (tap[1] = 0; tap[1] < x->window.kernel[1]; tap[1]++)
            for (tap[2] = 0; tap[2] < x->window.kernel[2]; tap[2]++)
                x->places[n++] = bgi_padded_tap(&x->p, tap);
    for (; n < x->class_rows; n++)
        x->places[n] = x->places[n - each] + x->channel;
}

/* Positions that are next to each other in dy or in lines of it. */
typedef struct {
    int64_t first[BGI_WINDOW_RANK], lines, columns, images; /* one slab of each image */
} chunk;

/* Fills the tables of a class for a chunk, unless they are there. Places are from the chunk's first position on. */
static void place_positions(const weighing *x, tap_class *c, const chunk *k)
{
    const bgi_window *w = &x->window;
    int64_t first[2] = { 0, 0 }, last[2] = { k->lines, k->columns }, offset = 0, n = 0;
    const int64_t unit[BGI_WINDOW_RANK] = { w->in[1] * w->in[2], w->in[2], 1 };
    for (int d = 0; d < BGI_WINDOW_RANK && x->is_by_tap; d++) {
        int64_t from, to;
        bgi_window_inside(w, d, c->tap[d], &from, &to);
        offset += (c->tap[d] * w->dilation[d] - w->before[d]) * unit[d];
        if (d == 0) {
            last[0] = k->first[0] >= from && k->first[0] < to ? last[0] : 0;
            continue;
        }
        from -= k->first[d];
        to -= k->first[d];
        first[d - 1] = from > 0 ? bgi_least(from, last[d - 1]) : 0;
        last[d - 1] = to > first[d - 1] ? bgi_least(to, last[d - 1]) : first[d - 1];
    }
    /* The lines of one image are a part of the tables of all. */
    int64_t columns = last[1] - first[1];
    c->start = k->images == 1 ? first[0] * columns : 0;
    c->count = k->images * (last[0] - first[0]) * columns;
    if (k->images == 1) {
        first[0] = 0;
        last[0] = k->lines;
    }
    if (c->images == k->images && memcmp(c->first, first, sizeof first) == 0 && memcmp(c->last, last, sizeof last) == 0)
        return;
    memcpy(c->first, first, sizeof first);
    memcpy(c->last, last, sizeof last);
    c->images = k->images;
    for (int64_t image = 0; image < k->images; image++)
        for (int64_t i = first[0]; i < last[0]; i++) {
            int64_t place = image * x->image + i * x->step[1] + offset;
            int64_t factor = ((image * k->lines + i) * k->columns) * x->width;
            for (int64_t j = first[1]; j < last[1]; j++, n++) {
                c->places[n] = place + j * x->step[2];
                c->factors[n] = factor + j * x->width;
            }
        }
}

/* Some channels of dy, next to each other. */
static void turn(const weighing *x, const chunk *k, const char *dy, int64_t dy_stride, int64_t width)
{
    const int64_t *out = x->window.out;
    int64_t from = (k->first[0] * out[1] + k->first[1]) * out[2] + k->first[2];
    bool is_whole = k->columns == out[2];
    int64_t pieces = is_whole ? 1 : k->lines, length = is_whole ? k->lines * k->columns : k->columns;
    for (int64_t image = 0, at = 0; image < k->images; image++)
        for (int64_t i = 0; i < pieces; i++, at += length)
            x->call->kernels->transpose(bgi_at(x->dy, at * x->width, x->size), x->width,
                                        bgi_const_at(dy, image * dy_stride + from + i * out[2], x->size),
                                        out[0] * out[1] * out[2], length, width);
}

static void add_chunk(const weighing *x, const chunk *k, const void *source, const char *dy, int64_t dy_stride,
                      bool goes_on)
{
    int64_t plane = bgi_window_positions(&x->window), taps = x->classes * x->class_rows;
    for (int64_t c = 0; c < x->classes; c++)
        place_positions(x, &x->class[c], k);
    for (int64_t row = 0; row < x->rows; row += x->width) {
        int64_t width = bgi_least(x->width, x->rows - row);
        turn(x, k, bgi_const_at(dy, row * plane, x->size), dy_stride, width);
        for (const tap_class *c = x->class; c < x->class + x->classes; c++)
            x->call->kernels->product_gathered(
                x->class_rows, width, c->count, source, x->places, c->places + c->start, x->dy, c->factors + c->start,
                bgi_at(x->sums, taps * row + (c - x->class) * x->class_rows * width, x->size), width, goes_on);
    }
}

/* A box of positions of some images, in chunks. `source` is where the box's first position is. */
static void add_box(const weighing *x, const int64_t *first, const int64_t *box, int64_t images, const void *source,
                    const char *dy, int64_t dy_stride, bool goes_on)
{
    int64_t columns = bgi_least(box[2], x->positions), lines = bgi_least(box[1], x->positions / columns);
    int64_t most = lines == box[1] ? x->positions / columns / lines : 1;
    for (int64_t image = 0; image < images; image += most)
        for (int64_t o0 = 0; o0 < box[0]; o0++)
            for (int64_t o1 = 0; o1 < box[1]; o1 += lines)
                for (int64_t o2 = 0; o2 < box[2]; o2 += columns, goes_on = true) {
                    const chunk k = { .first = { first[0] + o0, first[1] + o1, first[2] + o2 },
                                      .lines = bgi_least(lines, box[1] - o1),
                                      .columns = bgi_least(columns, box[2] - o2),
                                      .images = bgi_least(most, images - image) };
                    int64_t place = image * x->image + o0 * x->step[0] + o1 * x->step[1] + o2 * x->step[2];
                    add_chunk(x, &k, bgi_const_at(source, place, x->size),
                              (const char *)bgi_const_at(dy, image * dy_stride, x->size), dy_stride, goes_on);
                }
}

/* What serves as source for a box of some images. */
static const void *source_of(const weighing *x, const int64_t *first, int64_t image, int64_t images)
{
    const bgi_slide_call *call = x->call;
    int64_t plane = bgi_window_plane(&x->window);
    const void *source = bgi_const_at(call->source, image * call->source_stride, x->size);
    if (!x->is_copied)
        return x->is_by_tap ? source
                            : bgi_padded_fill(&x->p, call->kernels, call->dtype, x->channels, first, source, 0, NULL);
    for (int64_t i = 0; i < images; i++) {
        const void *from = bgi_const_at(source, i * call->source_stride, x->size);
        void *to = bgi_at(x->copy, i * x->image, x->size);
        if (!x->is_by_tap)
            bgi_padded_fill(&x->p, call->kernels, call->dtype, x->channels, first, from, 0, to);
        for (int64_t c = 0; c < x->channels && x->is_by_tap; c++)
            memcpy(bgi_at(to, c * x->channel, x->size), bgi_const_at(from, c * plane, x->size),
                   (size_t)plane * x->size);
    }
    return x->copy;
}

/* The sums as a weight: rows first, and the taps of a channel next to each other. */
static void put_weight(const weighing *x, void *dweight)
{
    const bgk_kernels *kernels = x->call->kernels;
    int64_t taps = x->classes * x->class_rows;
    for (int64_t row = 0; row < x->rows; row += x->width) {
        int64_t width = bgi_least(x->width, x->rows - row);
        void *to = bgi_at(dweight, row * taps, x->size), *turned = x->is_by_tap ? x->turned : to;
        kernels->transpose(turned, taps, bgi_const_at(x->sums, row * taps, x->size), width, width, taps);
        for (int64_t i = 0; i < width && x->is_by_tap; i++)
            kernels->transpose(bgi_at(to, i * taps, x->size), x->classes, bgi_const_at(turned, i * taps, x->size),
                               x->channels, x->channels, x->classes);
    }
}

void bgi_slide_weight(const bgi_window *w, int64_t channels, int64_t rows, const bgi_slide_call *call, const void *dy,
                      int64_t dy_stride, void *dweight)
{
    if (bgi_winograd_weight(w, channels, rows, call, dy, dy_stride, dweight))
        return;
    if (bgi_slide_is_of_lines(w, channels, bg_dtype_size(call->dtype))) {
        bgi_slide_lines(w, channels, rows, call, dy, dy_stride, dweight);
        return;
    }
    if (bgi_slide_is_few(w, channels, rows)) {
        bgi_slide_few(w, rows, call, dy, dy_stride, dweight);
        return;
    }
    weighing x = weighing_of(w, channels, rows, call->images, bg_dtype_size(call->dtype), call->scratch);
    const int64_t *step = x.is_by_tap ? w->out : x.p.box;
    bool goes_on = false;
    x.call = call;
    if (!x.is_copied) {
        x.image = call->source_stride;
        x.together = call->images;
    }
    place_rows(&x);
    for (int64_t image = 0; image < call->images; image += x.together) {
        int64_t images = bgi_least(x.together, call->images - image), at[BGI_WINDOW_RANK], box[BGI_WINDOW_RANK];
        for (at[0] = 0; at[0] < w->out[0]; at[0] += step[0])
            for (at[1] = 0; at[1] < w->out[1]; at[1] += step[1])
                for (at[2] = 0; at[2] < w->out[2]; at[2] += step[2]) {
                    for (int k = 0; k < BGI_WINDOW_RANK; k++)
                        box[k] = bgi_least(step[k], w->out[k] - at[k]);
                    add_box(&x, at, box, images, source_of(&x, at, image, images),
                            bgi_const_at(dy, image * dy_stride, x.size), dy_stride, goes_on);
                    goes_on = true;
                }
    }
    if (goes_on)
        put_weight(&x, dweight);
    else
        memset(dweight, 0, (size_t)(rows * x.classes * x.class_rows) * x.size);
}
