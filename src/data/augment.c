/* Changing images of a batch at random: what changes follows from the seed, the epoch and the example's number. */
#include "data/augment.h"

#include <blasgrad/graph.h>

#include "base/hash.h"
#include "base/random.h"

#include <math.h>
#include <string.h>

bool bgi_augments(const bg_augmentation *a) { return a->flips || a->shift || a->noise != 0; }

bg_status bgi_augmentation_check(const bg_augmentation *a, bg_dtype dtype, bg_shape shape, const char *caller)
{
    if (a->shift < 0 || !(a->noise >= 0) || !isfinite(a->noise))
        return bg_fail(BG_ERR_ARGUMENT, "%s: augmentation by a shift of %lld and noise of %g; both are 0 or more",
                       caller, (long long)a->shift, a->noise);
    if (dtype != BG_F32 && dtype != BG_F64)
        return bg_fail(BG_ERR_DTYPE, "%s: augmentation of %s; images are f32 or f64", caller, bg_dtype_name(dtype));
    if (!a->flips && !a->shift)
        return BG_OK;
    if (shape.rank != 3 && shape.rank != 4)
        return bg_fail(BG_ERR_SHAPE,
                       "%s: examples of rank %d are flipped or shifted; images are [n, h, w] or "
                       "[n, c, h, w]",
                       caller, shape.rank - 1);
    int64_t height = shape.dims[shape.rank - 2], width = shape.dims[shape.rank - 1];
    if (a->shift > height || a->shift > width)
        return bg_fail(BG_ERR_ARGUMENT, "%s: images of %lld x %lld are shifted by up to %lld", caller,
                       (long long)height, (long long)width, (long long)a->shift);
    return BG_OK;
}

/* ---- Moving pixels ---- */

typedef struct {
    unsigned char *pixels;
    size_t size; /* of a pixel */
    int64_t height, width;
} plane;

/* Moves rows down by dy, or up by -dy; zeros come in. */
static void shift_rows(const plane *p, int64_t dy)
{
    size_t row = (size_t)p->width * p->size, away = (size_t)(dy < 0 ? -dy : dy) * row;
    size_t kept = (size_t)p->height * row - away;
    unsigned char *from = p->pixels + (dy < 0 ? away : 0), *to = p->pixels + (dy < 0 ? 0 : away);
    memmove(to, from, kept);
    memset(dy < 0 ? p->pixels + kept : p->pixels, 0, away);
}

/* The same to the right, or the left. */
static void shift_columns(const plane *p, int64_t dx)
{
    for (int64_t y = 0; y < p->height; y++)
        shift_rows(&(plane){ p->pixels + (size_t)(y * p->width) * p->size, p->size, p->width, 1 }, dx);
}

static void flip_f32(float *row, int64_t n)
{
    for (int64_t left = 0, right = n - 1; left < right; left++, right--) {
        float kept = row[left];
        row[left] = row[right];
        row[right] = kept;
    }
}

static void flip_f64(double *row, int64_t n)
{
    for (int64_t left = 0, right = n - 1; left < right; left++, right--) {
        double kept = row[left];
        row[left] = row[right];
        row[right] = kept;
    }
}

static void flip_columns(const plane *p)
{
    for (int64_t y = 0; y < p->height; y++) {
        void *row = p->pixels + (size_t)(y * p->width) * p->size;
        if (p->size == sizeof(double))
            flip_f64(row, p->width);
        else
            flip_f32(row, p->width);
    }
}

/* A whole number from -most to most, all equally likely but for 2^-32. */
static int64_t draw_shift(uint32_t word, int64_t most)
{
    return (int64_t)((uint64_t)word * (uint64_t)(2 * most + 1) >> 32) - most;
}

static void move_pixels(const bg_augmentation *a, void *example, size_t size, bg_shape shape, bgi_block random)
{
    int64_t dy = draw_shift(random.word[0], a->shift), dx = draw_shift(random.word[1], a->shift);
    bool is_flipped = a->flips && random.word[2] >> 31;
    plane p = { example, size, shape.dims[shape.rank - 2], shape.dims[shape.rank - 1] };
    size_t bytes = (size_t)(p.height * p.width) * size;
    int64_t planes = shape.rank == 3 ? shape.dims[0] : 1;
    for (int64_t i = 0; i < planes && bytes > 0; i++, p.pixels += bytes) {
        if (is_flipped)
            flip_columns(&p);
        if (dy)
            shift_rows(&p, dy);
        if (dx)
            shift_columns(&p, dx);
    }
}

/* ---- Noise ---- */

/* Pairs of numbers of the normal distribution from pairs of uniform ones in (0, 1] and [0, 1) (Box, Muller: A note on
 * the generation of random normal deviates, 1958): r cos t of all pairs, then r sin t of all. */
enum { PAIRS = 128, WORDS = 4 /* of a block */ };
static void draw_normal(const bgk_table *kernels, const uint32_t *words, double numbers[2 * PAIRS])
{
    const bgk_kernels *k = &kernels->f64;
    const double turn = 6.283185307179586 * 0x1p-32, minus_two = -2;
    double radius[PAIRS], angle[PAIRS];
    for (int i = 0; i < PAIRS; i++) {
        radius[i] = ((double)words[2 * i] + 1) * 0x1p-32;
        angle[i] = words[2 * i + 1] * turn;
    }
    k->log(radius, radius, 1, NULL, 0, NULL, 0, PAIRS);
    k->mul(radius, radius, 1, &minus_two, 0, NULL, 0, PAIRS);
    k->sqrt(radius, radius, 1, NULL, 0, NULL, 0, PAIRS);
    k->cos(numbers, angle, 1, NULL, 0, NULL, 0, PAIRS);
    k->sin(numbers + PAIRS, angle, 1, NULL, 0, NULL, 0, PAIRS);
    k->mul(numbers, numbers, 1, radius, 1, NULL, 0, PAIRS);
    k->mul(numbers + PAIRS, numbers + PAIRS, 1, radius, 1, NULL, 0, PAIRS);
}

static void add_noise(const bgk_table *kernels, double noise, void *example, bg_dtype dtype, int64_t n, uint64_t seed,
                      uint64_t stream, uint64_t which)
{
    enum { PIECE = 2 * PAIRS, BLOCKS = PIECE / WORDS };
    uint64_t pieces = (uint64_t)(n / PIECE + (n % PIECE != 0));
    for (int64_t first = 0; first < n; first += PIECE) {
        uint32_t words[PIECE];
        double numbers[PIECE];
        kernels->philox(words, seed, stream, (which * pieces + (uint64_t)(first / PIECE)) * BLOCKS, BLOCKS);
        draw_normal(kernels, words, numbers);
        for (int64_t i = first; i < n && i < first + PIECE; i++) {
            if (dtype == BG_F64)
                ((double *)example)[i] += noise * numbers[i - first];
            else
                ((float *)example)[i] += (float)(noise * numbers[i - first]);
        }
    }
}

void bgi_augment(const bg_augmentation *a, const bgk_table *kernels, void *example, bg_dtype dtype, bg_shape shape,
                 uint64_t seed, int64_t epoch, uint64_t which)
{
    if (a->flips || a->shift)
        move_pixels(a, example, bg_dtype_size(dtype), shape,
                    bgi_random_block(seed, bgi_hash_text("augment.place") + (uint64_t)epoch, which));
    if (a->noise > 0)
        add_noise(kernels, a->noise, example, dtype, bg_shape_count(shape), seed,
                  bgi_hash_text("augment.noise") + (uint64_t)epoch, which);
}
