/* Random noise, the control. */
#include "attack/attack.h"

static bg_status draw(bgi_attack_batch *batch)
{
    for (int64_t i = 0; i < batch->n; i++)
        bgi_attack_draw(batch, i, 0, batch->point + i * batch->width);
    return BG_OK;
}

const bgi_attack_method bgi_noise_method = { .attempt = draw };
