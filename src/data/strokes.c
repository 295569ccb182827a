/* Digits drawn from strokes: a hand's path of a digit, distorted at random, as a 28x28 picture.
 *
 * Example i depends on the seed and i alone. Of each ten examples in a row every digit is one. Only additions,
 * products, quotients and square roots are used, so that the pictures are the same bits with any C library. */
#include "data/dataset.h"

#include <blasgrad/graph.h>

#include "base/hash.h"
#include "base/random.h"
#include "tensor/tensor.h"

#include <math.h>
#include <string.h>

enum { SIDE = 28, PIXELS = SIDE * SIDE, MAX_STROKES = 3, MAX_POINTS = 14, CURVE_PARTS = 5 };

/* Points in a box of 100 x 100, y downwards. The points of a curve are joined smoothly, those of others by straight
 * lines. */
typedef struct {
    bool is_curve;
    int count;
    signed char points[MAX_POINTS][2];
} stroke;

typedef struct {
    int count;
    stroke strokes[MAX_STROKES];
} shape;

enum { MAX_SHAPES = 3 };
typedef struct {
    int count;
    shape shapes[MAX_SHAPES];
} digit;

/* clang-format off */
static const digit digits[10] = {
    { 3, { { 1, { { true, 9, { {50,0},{20,14},{5,50},{20,86},{50,100},{80,86},{95,50},{80,14},{50,0} } } } },
           { 1, { { true, 9, { {62,2},{28,12},{8,48},{26,92},{56,98},{86,74},{88,36},{70,8},{46,6} } } } },
           { 1, { { true, 9, { {52,0},{32,16},{24,52},{34,90},{50,100},{68,88},{78,50},{68,12},{52,0} } } } } } },
    { 3, { { 1, { { false, 2, { {50,0},{50,100} } } } },
           { 1, { { false, 3, { {26,24},{52,0},{52,100} } } } },
           { 2, { { false, 3, { {28,22},{52,0},{52,100} } }, { false, 2, { {22,100},{82,100} } } } } } },
    { 3, { { 2, { { true, 7, { {10,26},{24,5},{54,0},{84,14},{84,40},{54,70},{8,98} } },
                  { false, 2, { {8,98},{94,98} } } } },
           { 1, { { true, 11, { {12,20},{44,0},{82,16},{78,48},{42,84},{14,96},{8,84},{24,76},{48,88},{72,98},{96,90} } } } },
           { 2, { { true, 6, { {14,16},{50,0},{82,20},{72,52},{40,80},{10,100} } },
                  { true, 4, { {10,100},{36,92},{62,100},{92,94} } } } } } },
    { 3, { { 2, { { true, 5, { {12,12},{46,0},{82,14},{78,38},{40,48} } },
                  { true, 5, { {40,48},{82,56},{90,78},{58,100},{10,88} } } } },
           { 2, { { false, 3, { {12,2},{86,2},{42,42} } },
                  { true, 5, { {42,42},{78,50},{90,74},{60,99},{10,88} } } } },
           { 1, { { true, 9, { {16,8},{52,0},{80,18},{66,40},{48,48},{76,58},{84,80},{54,100},{12,92} } } } } } },
    { 3, { { 2, { { false, 3, { {26,0},{8,56},{94,56} } }, { false, 2, { {70,16},{66,100} } } } },
           { 2, { { false, 3, { {68,0},{5,66},{96,66} } }, { false, 2, { {68,0},{68,100} } } } },
           { 2, { { true, 5, { {18,2},{10,34},{22,54},{56,54},{82,44} } }, { false, 2, { {84,0},{74,100} } } } } } },
    { 3, { { 2, { { false, 3, { {86,2},{22,2},{16,44} } },
                  { true, 6, { {16,44},{50,36},{84,52},{86,80},{50,100},{8,90} } } } },
           { 1, { { true, 8, { {88,2},{54,4},{26,6},{18,44},{60,42},{88,66},{70,96},{10,96} } } } },
           { 2, { { true, 6, { {26,4},{20,44},{56,40},{86,64},{64,98},{12,94} } },
                  { false, 2, { {26,4},{90,0} } } } } } },
    { 3, { { 1, { { true, 9, { {76,2},{38,22},{12,60},{22,92},{55,100},{84,82},{74,56},{44,52},{16,72} } } } },
           { 1, { { true, 10, { {86,10},{52,2},{22,28},{10,64},{28,96},{64,99},{88,76},{66,54},{32,58},{14,78} } } } },
           { 1, { { true, 9, { {52,0},{26,30},{16,68},{30,96},{60,98},{80,78},{66,58},{38,60},{20,76} } } } } } },
    { 3, { { 1, { { false, 3, { {8,3},{92,3},{40,100} } } } },
           { 2, { { false, 3, { {10,3},{90,3},{38,100} } }, { false, 2, { {32,52},{80,50} } } } },
           { 2, { { false, 3, { {8,14},{10,3},{90,4} } }, { true, 4, { {90,4},{62,38},{46,70},{42,100} } } } } } },
    { 3, { { 1, { { true, 13, { {50,48},{20,30},{26,6},{50,0},{74,6},{80,30},{50,48},{16,70},{22,94},{50,100},{80,94},{84,70},
                                {50,48} } } } },
           { 1, { { true, 12, { {80,14},{48,0},{18,18},{40,44},{78,66},{80,90},{46,100},{14,86},{26,62},{64,40},{80,20},
                                {70,6} } } } },
           { 2, { { true, 7, { {50,0},{26,10},{26,36},{50,46},{74,36},{74,10},{50,0} } },
                  { true, 7, { {50,46},{18,60},{16,90},{50,100},{84,90},{82,60},{50,46} } } } } } },
    { 3, { { 2, { { true, 7, { {82,26},{56,0},{20,12},{14,38},{44,52},{76,38},{82,20} } },
                  { true, 3, { {82,20},{80,60},{68,100} } } } },
           { 2, { { true, 7, { {80,22},{54,2},{22,14},{18,38},{46,50},{72,38},{80,16} } },
                  { false, 2, { {80,16},{80,100} } } } },
           { 1, { { true, 11, { {80,24},{52,0},{20,14},{18,40},{48,50},{76,34},{84,18},{86,56},{74,90},{44,100},{18,92} } } } } } },
};
/* clang-format on */

/* The random numbers of one example, one after the other. */
typedef struct {
    uint64_t seed, stream, index;
} numbers;

static float uniform(numbers *random, float low, float high)
{
    return low + (high - low) * (float)bgi_random_uniform(random->seed, random->stream, random->index++);
}

typedef struct {
    float x, y;
} point;

/* Where a point of the digit's box lies in the picture: a scaled, slanted, turned and shifted place. */
typedef struct {
    float xx, xy, yx, yy, x, y;
} placement;

static placement choose_placement(numbers *random)
{
    float width = uniform(random, 8.5F, 15.5F), height = uniform(random, 15, 21.5F);
    float slant = uniform(random, -0.35F, 0.45F), turn = uniform(random, -0.2F, 0.2F);
    float length = sqrtf(1 + turn * turn), cosine = 1 / length, sine = turn / length;
    /* Slant moves the top to the right, then the whole turns. */
    placement p = { .xx = cosine * width, .xy = -(cosine * slant + sine) * height };
    p.yx = sine * width;
    p.yy = (cosine - sine * slant) * height;
    p.x = SIDE / 2.0F + uniform(random, -2.6F, 2.6F);
    p.y = SIDE / 2.0F + uniform(random, -2.6F, 2.6F);
    return p;
}

/* A control point as a hand meets it, nearly. */
static point place(const placement *p, const signed char *c, numbers *random)
{
    float x = (float)c[0] / 100 - 0.5F + uniform(random, -0.06F, 0.06F);
    float y = (float)c[1] / 100 - 0.5F + uniform(random, -0.045F, 0.045F);
    return (point){ p->x + p->xx * x + p->xy * y, p->y + p->yx * x + p->yy * y };
}

/* Catmull-Rom: passes through b and c at t = 0 and 1, along the directions c - a and d - b. */
static float smooth(float a, float b, float c, float d, float t)
{
    return b + t / 2 * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)));
}

/* Lowers each pixel's squared distance from the path to that from the line between a and b, within a reach. */
static void draw_line(float *distances, point a, point b, float reach)
{
    float left = fminf(a.x, b.x) - reach, right = fmaxf(a.x, b.x) + reach;
    float top = fminf(a.y, b.y) - reach, bottom = fmaxf(a.y, b.y) + reach;
    int x0 = left > 0 ? (int)left : 0, x1 = right < SIDE - 1 ? (int)right : SIDE - 1;
    int y0 = top > 0 ? (int)top : 0, y1 = bottom < SIDE - 1 ? (int)bottom : SIDE - 1;
    float dx = b.x - a.x, dy = b.y - a.y, square = dx * dx + dy * dy;
    float scale = square > 0 ? 1 / square : 0;
    for (int y = y0; y <= y1; y++) {
        float py = (float)y + 0.5F - a.y;
        for (int x = x0; x <= x1; x++) {
            float px = (float)x + 0.5F - a.x;
            float t = (px * dx + py * dy) * scale;
            t = t < 0 ? 0 : t > 1 ? 1 : t;
            float ex = px - t * dx, ey = py - t * dy, distance = ex * ex + ey * ey;
            if (distance < distances[y * SIDE + x])
                distances[y * SIDE + x] = distance;
        }
    }
}

static void draw_stroke(float *distances, const stroke *s, const placement *p, numbers *random, float reach)
{
    point points[MAX_POINTS];
    for (int i = 0; i < s->count; i++)
        points[i] = place(p, s->points[i], random);
    for (int i = 0; i + 1 < s->count; i++) {
        point b = points[i], c = points[i + 1];
        if (!s->is_curve) {
            draw_line(distances, b, c, reach);
            continue;
        }
        point a = i > 0 ? points[i - 1] : b, d = i + 2 < s->count ? points[i + 2] : c, from = b;
        for (int part = 1; part <= CURVE_PARTS; part++) {
            float t = (float)part / CURVE_PARTS;
            point to = { smooth(a.x, b.x, c.x, d.x, t), smooth(a.y, b.y, c.y, d.y, t) };
            draw_line(distances, from, to, reach);
            from = to;
        }
    }
}

static int choose_digit(uint64_t seed, uint64_t stream, int64_t example)
{
    return (int)bg_permute_index((uint64_t)example % 10, 10, seed, stream + (uint64_t)example / 10);
}

static int draw_example(float *pixels, uint64_t seed, int64_t example)
{
    int class = choose_digit(seed, bgi_hash_text("strokes.class"), example);
    numbers random = { seed, bgi_hash_text("strokes") + (uint64_t)example, 0 };
    const digit *d = &digits[class];
    const shape *s = &d->shapes[(int)uniform(&random, 0, (float)d->count) % d->count];
    placement p = choose_placement(&random);
    float radius = uniform(&random, 0.6F, 1.7F), ink = uniform(&random, 0.7F, 1);
    float paper = uniform(&random, 0, 0.12F), grain = uniform(&random, 0.05F, 0.35F);

    float reach = radius + 1;
    for (int i = 0; i < PIXELS; i++)
        pixels[i] = reach * reach;
    for (int i = 0; i < s->count; i++)
        draw_stroke(pixels, &s->strokes[i], &p, &random, reach);

    uint64_t noise = bgi_hash_text("strokes.noise") + (uint64_t)example;
    for (int i = 0; i < PIXELS; i += 4) {
        bgi_block block = bgi_random_block(seed, noise, (uint64_t)i / 4);
        for (int j = 0; j < 4; j++) {
            /* The edge of the stroke is one pixel wide. Two halves of a word make the noise triangular. */
            float cover = radius + 0.5F - sqrtf(pixels[i + j]);
            cover = cover < 0 ? 0 : cover > 1 ? 1 : cover;
            uint32_t word = block.word[j];
            float value = paper + (ink - paper) * cover;
            value += grain * ((float)(word >> 16) + (float)(word & 0xFFFF) - 65535) / 65535;
            pixels[i + j] = value < 0 ? 0 : value > 1 ? 1 : value;
        }
    }
    return class;
}

bg_status bgi_data_strokes(bg_dataset **dataset, bg_engine *engine, const bg_data_options *options)
{
    int64_t n = options->count;
    bg_tensor *x = NULL, *y = NULL;
    bg_status status = bg_tensor_create(&x, engine, options->dtype, BG_SHAPE(n, SIDE, SIDE));
    if (!status)
        status = bg_tensor_create(&y, engine, BG_I64, BG_SHAPE(n));
    if (status) {
        bg_tensor_destroy(x);
        return status;
    }
    float pixels[PIXELS];
    void *images = bg_tensor_data(x);
    int64_t *classes = bg_tensor_data(y);
    for (int64_t i = 0; i < n; i++) {
        classes[i] = draw_example(pixels, options->seed, i);
        if (options->dtype == BG_F32)
            memcpy((float *)images + i * PIXELS, pixels, sizeof pixels);
        else
            for (int j = 0; j < PIXELS; j++)
                ((double *)images)[i * PIXELS + j] = pixels[j];
    }
    return bgi_dataset_create_pair(dataset, "strokes", x, y, 10);
}
