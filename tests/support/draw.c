#include "draw.h"

draw draw_from(uint64_t seed)
{
    draw d = { seed * UINT64_C(0x9E3779B97F4A7C15) + UINT64_C(0x1234567890ABCDEF) };
    if (d.state == 0)
        d.state = 1;
    for (int i = 0; i < 4; i++)
        draw_bits(&d);
    return d;
}
uint64_t draw_bits(draw *d)
{
    d->state ^= d->state >> 12;
    d->state ^= d->state << 25;
    d->state ^= d->state >> 27;
    return d->state * UINT64_C(0x2545F4914F6CDD1D);
}
int64_t draw_below(draw *d, int64_t n) { return (int64_t)((draw_bits(d) >> 11) % (uint64_t)n); }
double draw_between(draw *d, double low, double high)
{
    return low + (high - low) * (double)(draw_bits(d) >> 11) * 0x1p-53;
}
