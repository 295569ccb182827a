/* Both transforms take tiles of 2 x 2 results with the patches of 4 x 4 elements that they depend on, some of them at a
 * time, of all channels; then each of their sixteen places is a product. */
#include "ops/winograd.h"

#include "ops/memory.h"

enum {
    PLACES = 16,
    TAPS = 9,
    LEAST_CHANNELS = 16,     /* below which the transforms cost more than they save */
    MOST_KERNELS = 1 << 17,  /* beyond which their factors, 16 for the 9 of each, come from memory */
    TILES_BYTES = 384 << 10, /* of what tiles at hand are transformed to, which is to stay in L2 .. */
    LEAST_TILES = 4,         /* .. of so many tiles at least, which are the columns of a product .. */
    MOST_TILES = 12,         /* .. and at most */
    APART = 16               /* elements between places, that they do not meet in the same lines of a cache */
};

_Static_assert((int)BGI_LANES == BGK_LANES, "kernels take patches of images in lanes");

bool bgi_winograd_serves(const bgi_window *w, int64_t channels, int64_t rows, bg_dtype dtype)
{
    bool result = dtype == BG_F32 && channels >= LEAST_CHANNELS && rows >= LEAST_CHANNELS &&
                  channels * rows <= MOST_KERNELS && w->kernel[2] == 1 && w->in[2] == BGK_LANES &&
                  w->out[2] == BGK_LANES && w->before[2] == 0 && w->stride[2] == 1;
    for (int k = 0; k < 2; k++)
        result = result && w->kernel[k] == 3 && w->stride[k] == 1 && w->dilation[k] == 1 && w->out[k] > 1;
    return result;
}

/* ---- Tiles ---- */

/* How many tiles of so many channels are transformed at a time: about the same number each time. */
static int64_t together(const int64_t tiles[2], int64_t channels)
{
    int64_t all = tiles[0] * tiles[1];
    int64_t most = TILES_BYTES / (PLACES * BGK_LANES * (int64_t)sizeof(float)) / channels;
    most = most < LEAST_TILES ? LEAST_TILES : bgi_least(most, MOST_TILES);
    int64_t times = (all + most - 1) / most;
    return (all + times - 1) / times;
}
static int64_t row_of(int64_t tiles) { return tiles * BGK_LANES; }
static int64_t plane_of(int64_t channels, int64_t tiles) { return channels * row_of(tiles) + APART; }

/* Elements from `start` on, up to `most`, that are in [0, extent). */
static void inside(int64_t start, int64_t most, int64_t extent, int64_t *first, int64_t *last)
{
    *first = bgi_most(0, -start);
    *last = bgi_least(most, extent - start);
}
/* The patches of so many tiles of a line from tile t on, and the place of their first element, which may be outside of
 * the image. */
static bgk_patches patches_of(const bgi_window *w, int64_t line, int64_t t, int64_t count, int64_t *place)
{
    int64_t i = 2 * line - w->before[0], j = 2 * t - w->before[1];
    bgk_patches p = { .count = count, .channel = bgi_window_plane(w), .line = w->in[1] * BGK_LANES };
    inside(i, 4, w->in[0], &p.first[0], &p.last[0]);
    inside(j, 2 * count + 2, w->in[1], &p.first[1], &p.last[1]);
    *place = i * p.line + j * BGK_LANES;
    return p;
}
static bgk_patches results_of(const bgi_window *w, int64_t line, int64_t t, int64_t count, int64_t *place)
{
    int64_t i = 2 * line, j = 2 * t;
    bgk_patches p = { .count = count, .channel = bgi_window_positions(w), .line = w->out[1] * BGK_LANES };
    inside(i, 2, w->out[0], &p.first[0], &p.last[0]);
    inside(j, 2 * count, w->out[1], &p.first[1], &p.last[1]);
    *place = i * p.line + j * BGK_LANES;
    return p;
}

/* Tiles [first, first + count) line by line: so many of one, from `at` of those on. */
#define FOR_EACH_LINE(tiles, first, count, at, line, t, n)                                                             \
    for (int64_t at = 0, line, t, n;                                                                                   \
         line = (first + at) / tiles[1], t = (first + at) % tiles[1], n = bgi_least(tiles[1] - t, count - at), n > 0;  \
         at += n)

/* Transforms them, of images or of slopes of results. */
static void transform(bgk_winograd_from *kernel,
                      bgk_patches (*patches)(const bgi_window *, int64_t, int64_t, int64_t, int64_t *),
                      const bgi_window *w, const int64_t tiles[2], int64_t first, int64_t count, int64_t channels,
                      const float *source, float *to, int64_t most)
{
    FOR_EACH_LINE(tiles, first, count, at, line, t, n)
    {
        int64_t place;
        bgk_patches p = patches(w, line, t, n, &place);
        kernel(to + row_of(at), plane_of(channels, most), row_of(most), source + place, &p, channels);
    }
}

/* Takes n floats, a multiple of a line of the cache, from the scratch. */
static float *take(char *scratch, size_t *bytes, int64_t n)
{
    float *result = scratch ? (float *)(void *)(scratch + *bytes) : NULL;
    *bytes += bgi_aligned((size_t)n * sizeof(float));
    return result;
}

/* ---- Results ---- */

/* Kernels lie one after the other for all channels of a row; or else for all rows of a channel. */
static bool is_by_row(const bgi_slide *s) { return s->channel == TAPS; }

static bgi_winograd winograd_of(const bgi_slide *s, char *scratch)
{
    const bgi_window *w = &s->window;
    bgi_winograd z = { .slide = s, .tiles = { (w->out[0] + 1) / 2, (w->out[1] + 1) / 2 } };
    z.together = together(z.tiles, s->channels + s->rows);
    z.factors = take(scratch, &z.bytes, PLACES * s->rows * s->channels);
    z.turned = take(scratch, &z.bytes, is_by_row(s) ? 0 : PLACES * s->rows * s->channels);
    z.taps = take(scratch, &z.bytes, TAPS * bgi_most(s->rows, s->channels));
    z.image = take(scratch, &z.bytes, PLACES * plane_of(s->channels, z.together));
    z.sums = take(scratch, &z.bytes, PLACES * plane_of(s->rows, z.together));
    z.product = take(scratch, &z.bytes, (int64_t)bgk_product_scratch(s->rows, row_of(z.together), s->channels));
    return z;
}
size_t bgi_winograd_scratch(const bgi_slide *s) { return winograd_of(s, NULL).bytes; }

/* The taps of kernels run forwards or backwards. */
void bgi_winograd_begin(bgi_winograd *z, const bgi_slide *s, const bgi_slide_call *call, const void *weight,
                        char *scratch)
{
    *z = winograd_of(s, scratch);
    z->kernels = call->kernels;
    bool by_row = is_by_row(s), is_forward = s->tap[1] > 0;
    int64_t outer = by_row ? s->rows : s->channels, inner = by_row ? s->channels : s->rows;
    int64_t step = by_row ? s->row : s->channel, plane = s->rows * s->channels;
    const float *from = (const float *)weight - (is_forward ? 0 : TAPS - 1);
    float *to = by_row ? z->factors : z->turned;
    for (int64_t i = 0; i < outer; i++) {
        z->kernels->transpose(z->taps, inner, from + i * step, TAPS, TAPS, inner);
        z->kernels->winograd_factors(to + i * inner, plane, is_forward ? z->taps : z->taps + (TAPS - 1) * inner,
                                     is_forward ? inner : -inner, inner);
    }
    for (int place = 0; place < PLACES && !by_row; place++)
        z->kernels->transpose(z->factors + place * plane, s->channels, z->turned + place * plane, s->rows, s->rows,
                              s->channels);
}

bool bgi_winograd_image(const bgi_winograd *z, const void *source, void *target)
{
    const bgi_slide *s = z->slide;
    const int64_t *tiles = z->tiles;
    int64_t all = tiles[0] * tiles[1], row = row_of(z->together);
    int64_t image = plane_of(s->channels, z->together), sums = plane_of(s->rows, z->together);
    bool is_finite = true;
    for (int64_t first = 0; first < all; first += z->together) {
        int64_t count = bgi_least(z->together, all - first);
        transform(z->kernels->winograd_image, patches_of, &s->window, tiles, first, count, s->channels, source,
                  z->image, z->together);
        for (int place = 0; place < PLACES; place++)
            z->kernels->product(s->rows, row_of(count), s->channels, z->factors + place * s->rows * s->channels,
                                s->channels, 1, z->image + place * image, row, 1, z->sums + place * sums, row,
                                z->product);
        FOR_EACH_LINE(tiles, first, count, at, line, t, n)
        {
            int64_t place;
            bgk_patches p = results_of(&s->window, line, t, n, &place);
            is_finite &=
                !!z->kernels->winograd_result((float *)target + place, &p, z->sums + row_of(at), sums, row, s->rows);
        }
    }
    return is_finite;
}

/* ---- The gradient of a kernel ---- */

/* Slopes are turned so that vectors are of rows. The sums are [places, channels, rows], and the gradient of the kernel
 * is [taps, channels, rows] before it is turned. */
typedef struct {
    int64_t tiles[2], together;
    float *image, *slopes, *turned, *sums, *weight, *weight_turned;
    int64_t *channel, *position, *factor; /* places of those in images, and in turned slopes */
    size_t bytes;
} weighing;
static weighing weighing_of(const bgi_window *w, int64_t channels, int64_t rows, char *scratch)
{
    weighing x = { .tiles = { (w->out[0] + 1) / 2, (w->out[1] + 1) / 2 } };
    x.together = together(x.tiles, channels + 2 * rows);
    int64_t positions = row_of(x.together), tables = channels + 2 * positions;
    x.image = take(scratch, &x.bytes, PLACES * plane_of(channels, x.together));
    x.slopes = take(scratch, &x.bytes, PLACES * plane_of(rows, x.together));
    x.turned = take(scratch, &x.bytes, positions * rows);
    x.sums = take(scratch, &x.bytes, PLACES * channels * rows);
    x.weight = take(scratch, &x.bytes, TAPS * channels * rows);
    x.weight_turned = take(scratch, &x.bytes, TAPS * channels * rows);
    if (scratch) {
        x.channel = (int64_t *)(void *)(scratch + x.bytes);
        x.position = x.channel + channels;
        x.factor = x.position + positions;
    }
    x.bytes += bgi_aligned((size_t)tables * sizeof(int64_t));
    return x;
}
size_t bgi_winograd_weight_scratch(const bgi_window *w, int64_t channels, int64_t rows, bg_dtype dtype)
{
    return bgi_winograd_serves(w, channels, rows, dtype) ? weighing_of(w, channels, rows, NULL).bytes : 0;
}

bool bgi_winograd_weight(const bgi_window *w, int64_t channels, int64_t rows, const bgi_slide_call *call,
                         const void *dy, int64_t dy_stride, void *dweight)
{
    if (call->images == 0 || !bgi_winograd_serves(w, channels, rows, call->dtype))
        return false;
    const bgk_kernels *kernels = call->kernels;
    weighing x = weighing_of(w, channels, rows, call->scratch);
    int64_t all = x.tiles[0] * x.tiles[1], row = row_of(x.together), each = channels * rows;
    int64_t image = plane_of(channels, x.together), slopes = plane_of(rows, x.together);
    for (int64_t c = 0; c < channels; c++)
        x.channel[c] = c * row;
    for (int64_t i = 0; i < row; i++) {
        x.position[i] = i;
        x.factor[i] = i * rows;
    }
    for (int64_t n = 0; n < call->images; n++)
        for (int64_t first = 0; first < all; first += x.together) {
            int64_t count = bgi_least(x.together, all - first);
            transform(kernels->winograd_image, patches_of, w, x.tiles, first, count, channels,
                      (const float *)call->source + n * call->source_stride, x.image, x.together);
            transform(kernels->winograd_spread, results_of, w, x.tiles, first, count, rows,
                      (const float *)dy + n * dy_stride, x.slopes, x.together);
            for (int place = 0; place < PLACES; place++) {
                kernels->transpose(x.turned, rows, x.slopes + place * slopes, row, row_of(count), rows);
                kernels->product_gathered(channels, rows, row_of(count), x.image + place * image, x.channel, x.position,
                                          x.turned, x.factor, x.sums + place * each, rows, n > 0 || first > 0);
            }
        }
    bool is_finite = kernels->winograd_weight(x.weight, each, x.sums, each, each);
    for (int tap = 0; tap < TAPS; tap++)
        kernels->transpose(x.weight_turned + tap * each, channels, x.weight + tap * each, rows, rows, channels);
    for (int64_t r = 0; r < rows; r++)
        kernels->transpose((float *)dweight + r * channels * TAPS, TAPS, x.weight_turned + r * channels, each, channels,
                           TAPS);
    return is_finite;
}
