/* The largest elements of windows. */

/* The largest of a vector of windows, the first of equals, or a NaN. */
static inline V N(largest)(const T *x, const int64_t *places, int64_t count)
{
    V best = LOAD(x + places[0]);
    for (int64_t t = 1; t < count; t++) {
        const V value = LOAD(x + places[t]);
        best = SELECT(NOT_EQUAL(value, value), value, MAX(value, best));
    }
    return best;
}

static void N(window_max)(void *d, const void *x, int64_t n, int64_t step, const int64_t *places, int64_t count,
                          int64_t width)
{
    const T *in = x;
    T *out = d;
    for (int64_t i = 0; i < n; i++, in += step, out += width)
        for (int64_t j = 0; j < width; j += W)
            STORE(out + j, N(largest)(in + j, places, count));
}

/* Whoever comes first takes dy, and leaves 0 to the others. */
static void N(window_back)(void *d, const void *x, const void *dy, int64_t n, int64_t step, const int64_t *places,
                           int64_t count, int64_t width, int adds)
{
    const T *in = x, *from = dy;
    T *out = d;
    for (int64_t i = 0; i < n; i++, in += step, out += step, from += width)
        for (int64_t j = 0; j < width; j += W) {
            const V best = N(largest)(in + j, places, count);
            V rest = LOAD(from + j);
            for (int64_t t = 0; t < count; t++) {
                const V value = LOAD(in + places[t] + j);
                T *to = out + places[t] + j;
                const M is_best = EQUAL(value, best), is_nan = NOT_EQUAL(value, value);
                V here = SELECT(is_best, rest, SELECT(is_nan, rest, SET(0)));
                rest = N(v_zero_if)(is_best, N(v_zero_if)(is_nan, rest));
                if (adds)
                    here = LOAD(to) + here;
                STORE(to, here);
            }
        }
}
