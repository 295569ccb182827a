/* Sums of one run of elements in f64: the elements, and the squares of their distances from a centre.
 *
 * The partial sums and their tree are those of the f64 row sums, so that the bits are the same on every instruction
 * set. Products and sums are rounded one by one for the same reason. */

#define WIDE_PARTS   16
#define WIDE_VECTORS (WIDE_PARTS / WIDTH_f64)

static inline double N(join_wide)(const vec_f64 *s)
{
    const part_f64 part = narrow_sum_f64(s);
    const part_f64 parts[4] = { part, part, part, part }; /* finished in groups of four rows */
    double total;
    finish_sum_f64(&total, parts, 1);
    return total;
}

#define TERM_sum(x)    (x)
#define TERM_spread(x) (((x)-middle) * ((x)-middle))
#define DEFINE_MOMENT(name)                                                                                            \
    static double N(wide_##name)(const void *a, double centre, int64_t n)                                              \
    {                                                                                                                  \
        const T *in = a;                                                                                               \
        const vec_f64 middle = v_set_f64(centre);                                                                      \
        vec_f64 s[WIDE_VECTORS];                                                                                       \
        (void)middle;                                                                                                  \
        for (int k = 0; k < WIDE_VECTORS; k++)                                                                         \
            s[k] = v_set_f64(0);                                                                                       \
        for (; n >= WIDE_PARTS; n -= WIDE_PARTS, in += WIDE_PARTS)                                                     \
            for (int k = 0; k < WIDE_VECTORS; k++) {                                                                   \
                const vec_f64 x = N(v_widen)(in + k * WIDTH_f64);                                                      \
                s[k] = s[k] + TERM_##name(x);                                                                          \
            }                                                                                                          \
        if (n > 0) {                                                                                                   \
            double rest[WIDE_PARTS];                                                                                   \
            for (int k = 0; k < WIDE_PARTS; k++)                                                                       \
                rest[k] = k < n ? (double)in[k] : TAIL_##name;                                                         \
            for (int k = 0; k < WIDE_VECTORS; k++) {                                                                   \
                const vec_f64 x = v_load_f64(rest + k * WIDTH_f64);                                                    \
                s[k] = s[k] + TERM_##name(x);                                                                          \
            }                                                                                                          \
        }                                                                                                              \
        return N(join_wide)(s);                                                                                        \
    }
/* What fills up the last vectors adds nothing, if the centre is finite; otherwise the sum is no number anyway. */
#define TAIL_sum    0
#define TAIL_spread centre
DEFINE_MOMENT(sum)
DEFINE_MOMENT(spread)

#undef WIDE_PARTS
#undef WIDE_VECTORS
#undef TERM_sum
#undef TERM_spread
#undef TAIL_sum
#undef TAIL_spread
#undef DEFINE_MOMENT
