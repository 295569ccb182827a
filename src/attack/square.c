/* The Square attack in Linf: Andriushchenko et al., Square Attack: a query-efficient black-box adversarial attack via
 * random search, 2020, algorithms 1 and 2. */
#include "attack/attack.h"

#include <math.h>
#include <string.h>

/* An example as an image. What has other ranks is one line of pixels, whose squares are stretches of it. */
typedef struct {
    int64_t channels, height, width;
} form;

static form form_of(const bg_attacker *attacker)
{
    const bg_shape *shape = &attacker->of.input; /* of a batch */
    if (shape->rank == 4)
        return (form){ shape->dims[1], shape->dims[2], shape->dims[3] };
    if (shape->rank == 3)
        return (form){ 1, shape->dims[1], shape->dims[2] };
    return (form){ 1, 1, attacker->of.width };
}

/* The share of the pixels that a square has: halved at places given for 10,000 steps (section 5, appendix B). */
static double share_at(const bg_attack *attack, int64_t step)
{
    static const int halvings[] = { 10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000 };
    int64_t scaled = (int64_t)((double)step / (double)attack->steps * 10000);
    double share = attack->share;
    for (size_t i = 0; i < sizeof halvings / sizeof *halvings; i++)
        share /= scaled > halvings[i] ? 2 : 1;
    return share;
}

static int64_t clamp_side(double side, int64_t most)
{
    int64_t rounded = llround(side);
    return rounded < 1 ? 1 : (rounded > most ? most : rounded);
}

static int64_t draw_place(bgi_attack_random *random, int64_t places)
{
    return (int64_t)(bgi_attack_uniform(random) * (double)places);
}

/* Vertical stripes of one pixel, -eps or eps. */
static void draw_stripes(bgi_attack_batch *batch, int64_t i, const form *f)
{
    bgi_attack_random random = bgi_attack_random_of(batch, i, 0);
    double *x = batch->point + i * batch->width;
    for (int64_t c = 0; c < f->channels; c++)
        for (int64_t column = 0; column < f->width; column++) {
            double step = bgi_attack_uniform(&random) < 0.5 ? -batch->attack->eps : batch->attack->eps;
            for (int64_t row = 0; row < f->height; row++)
                x[(c * f->height + row) * f->width + column] += step;
        }
    bgi_attack_project(batch, i, x);
}

/* A square at a random place moves by -2 eps or 2 eps in each channel, and is cut to the ball: it ends at its other
 * side, or stays. */
static void draw_square(bgi_attack_batch *batch, int64_t i, const form *f, int64_t step)
{
    bgi_attack_random random = bgi_attack_random_of(batch, i, step);
    double pixels = share_at(batch->attack, step - 1) * (double)(f->height * f->width);
    int64_t rows = clamp_side(sqrt(pixels), f->height), columns = clamp_side(pixels / (double)rows, f->width);
    int64_t top = draw_place(&random, f->height - rows + 1), left = draw_place(&random, f->width - columns + 1);
    double *x = batch->point + i * batch->width;
    for (int64_t c = 0; c < f->channels; c++) {
        double move = bgi_attack_uniform(&random) < 0.5 ? -2 * batch->attack->eps : 2 * batch->attack->eps;
        for (int64_t row = top; row < top + rows; row++)
            for (int64_t column = left; column < left + columns; column++)
                x[(c * f->height + row) * f->width + column] += move;
    }
    bgi_attack_project(batch, i, x);
}

static bg_status attempt(bgi_attack_batch *batch)
{
    const form f = form_of(batch->attacker);
    int64_t width = batch->width;
    double *best = batch->vectors;
    size_t bytes = (size_t)(batch->n * width) * sizeof(double);
    memcpy(batch->point, batch->clean, bytes);
    for (int64_t step = 0; step <= batch->attack->steps; step++) {
        if (step > 0)
            memcpy(batch->point, best, bytes);
        for (int64_t i = 0; i < batch->n; i++) {
            if (step == 0)
                draw_stripes(batch, i, &f);
            else
                draw_square(batch, i, &f, step);
        }
        bg_status status = bgi_attack_ask(batch, BGI_ASK_SCORES);
        if (status != BG_OK)
            return status;
        for (int64_t i = 0; i < batch->n; i++) {
            double value = bgi_attack_value(batch, batch->attack->loss, i);
            if (step > 0 && !(value > batch->numbers[i]))
                continue;
            batch->numbers[i] = value;
            memcpy(best + i * width, batch->point + i * width, (size_t)width * sizeof(double));
        }
    }
    memcpy(batch->point, best, bytes);
    return BG_OK;
}

static bg_status check(const bg_attack *attack)
{
    if (attack->share > 0 && attack->share <= 1)
        return BG_OK;
    return bg_fail(BG_ERR_ARGUMENT, "attack %s: share %g, it must be above 0 and at most 1", attack->name,
                   attack->share);
}

const bgi_attack_method bgi_square_method = { .vectors = 1,
                                              .numbers = 1,
                                              .without_l2 = true,
                                              .without_l1 = true,
                                              .ask = BGI_ASK_SCORES,
                                              .attempt = attempt,
                                              .check = check };
