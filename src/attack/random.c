/* Random numbers of attacks: they follow from seed, attack, example, restart and step, not from batches or threads. */
#include "base/random.h"

#include "attack/attack.h"
#include "base/hash.h"

#include <math.h>

bgi_attack_random bgi_attack_random_of(const bgi_attack_batch *batch, int64_t i, int64_t step)
{
    const uint64_t words[] = { bgi_hash_text("attack"), bgi_hash_text(batch->attack->name),
                               (uint64_t)(batch->first + i), (uint64_t)batch->restart, (uint64_t)step };
    return (bgi_attack_random){ .seed = batch->attacker->of.engine->seed,
                                .stream = bgi_hash_bytes(words, sizeof words) };
}

double bgi_attack_uniform(bgi_attack_random *random)
{
    return bgi_random_uniform(random->seed, random->stream, random->next++);
}

/* Box and Muller, A note on the generation of random normal deviates, 1958; 1 - u is not 0. */
double bgi_attack_normal(bgi_attack_random *random)
{
    double u = bgi_attack_uniform(random), v = bgi_attack_uniform(random);
    return sqrt(-2 * log(1 - u)) * cos(6.283185307179586 * v);
}

/* A direction, uniform on the sphere of L2 or L1, times u^(1 / n) is uniform in the ball (Barthe et al., A
 * probabilistic approach to the geometry of the lᵖ-ball, 2005). */
static void draw_direction(bgi_attack_random *random, double *x, int64_t n, bg_attack_norm norm)
{
    for (int64_t k = 0; k < n; k++) {
        if (norm == BG_ATTACK_L2) {
            x[k] = bgi_attack_normal(random);
        } else {
            double size = -log(1 - bgi_attack_uniform(random));
            x[k] = bgi_attack_uniform(random) < 0.5 ? -size : size;
        }
    }
}

void bgi_attack_draw(const bgi_attack_batch *batch, int64_t i, int64_t step, double *x)
{
    const double *clean = batch->clean + i * batch->width;
    bg_attack_norm norm = batch->attack->norm;
    double eps = batch->attack->eps;
    int64_t n = batch->width;
    bgi_attack_random random = bgi_attack_random_of(batch, i, step);
    if (norm == BG_ATTACK_LINF) {
        for (int64_t k = 0; k < n; k++)
            x[k] = clean[k] + eps * (2 * bgi_attack_uniform(&random) - 1);
    } else {
        draw_direction(&random, x, n, norm);
        double length = bgi_attack_length(x, n, norm);
        double radius = eps * pow(bgi_attack_uniform(&random), 1 / (double)n);
        for (int64_t k = 0; k < n; k++)
            x[k] = clean[k] + (length > 0 ? x[k] / length * radius : 0);
    }
    bgi_attack_project(batch, i, x);
}
