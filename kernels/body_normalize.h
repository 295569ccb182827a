/* Rows with mean 0 and spread 1, and what their gradients need. m holds the four moments of the row: mean, what is left
 * of it, variance, scale. Each product and sum is rounded by itself, so that the bits are the same on every instruction
 * set. */

#define SUM_PARTS   (BY_TYPE(32, 16))
#define SUM_VECTORS (SUM_PARTS / W)
#define SUM_BLOCK   (16 * SUM_PARTS)

/* Full vectors and what is left of the row, through one macro of how to load and to store at i. */
#define FULL_LOAD(p)     LOAD((p) + i)
#define FULL_STORE(p, x) STORE((p) + i, x)
#define REST_LOAD(p)     N(v_load_first)((p) + i, n - i)
#define REST_STORE(p, x) N(v_store_first)((p) + i, x, n - i)
#define FOR_ROW(STEP)                                                                                                  \
    do {                                                                                                               \
        int64_t i = 0;                                                                                                 \
        for (; i + W <= n; i += W)                                                                                     \
            STEP(FULL_LOAD, FULL_STORE);                                                                               \
        if (i < n)                                                                                                     \
            STEP(REST_LOAD, REST_STORE);                                                                               \
    } while (0)

#define ROW_TERMS      const V mean = SET(((const T *)m)[0]), rest = SET(((const T *)m)[1]), scale = SET(((const T *)m)[3])
#define STANDARD(load) (((load(x) - mean) - rest) * scale)

static void N(standardize)(void *d, const void *a, const void *m, const void *weight, const void *bias, int64_t n)
{
    T *out = d;
    const T *x = a, *w = weight, *b = bias;
    ROW_TERMS;
#define PLAIN(load, store)   store(out, STANDARD(load))
#define SCALED(load, store)  store(out, STANDARD(load) * load(w))
#define SHIFTED(load, store) store(out, STANDARD(load) + load(b))
#define BOTH(load, store)    store(out, STANDARD(load) * load(w) + load(b))
    if (w && b)
        FOR_ROW(BOTH);
    else if (w)
        FOR_ROW(SCALED);
    else if (b)
        FOR_ROW(SHIFTED);
    else
        FOR_ROW(PLAIN);
#undef PLAIN
#undef SCALED
#undef SHIFTED
#undef BOTH
}

/* d[0] = Σ g w, d[1] = Σ g w h for h as above: in blocks of the element type, whose sums are added in f64. */
static void N(standardize_sums)(double *d, const void *a, const void *m, const void *weight, const void *gradient,
                                int64_t n)
{
    const T *x = a, *w = weight, *g = gradient;
    ROW_TERMS;
    d[0] = d[1] = 0;
#define TERMS(load)                                                                                                    \
    do {                                                                                                               \
        V gw = load(g);                                                                                                \
        if (w)                                                                                                         \
            gw = gw * load(w);                                                                                         \
        s[0][k] = s[0][k] + gw;                                                                                        \
        s[1][k] = s[1][k] + gw * STANDARD(load);                                                                       \
    } while (0)
    for (int64_t start = 0; start < n; start += SUM_BLOCK) {
        const int64_t end = n - start < SUM_BLOCK ? n : start + SUM_BLOCK;
        int64_t i = start;
        V s[2][SUM_VECTORS];
        for (int k = 0; k < SUM_VECTORS; k++)
            s[0][k] = s[1][k] = SET(0);
        while (i + SUM_PARTS <= end)
            for (int k = 0; k < SUM_VECTORS; k++, i += W)
                TERMS(FULL_LOAD);
        for (int k = 0; k < SUM_VECTORS && i < end; k++, i += W)
            if (i + W <= end)
                TERMS(FULL_LOAD);
            else
                TERMS(REST_LOAD);
        for (int j = 0; j < 2; j++) {
            const N(part) part = N(narrow_sum)(s[j]);
            N(part) parts[SUM_PARTS / 4]; /* as many rows are finished together */
            for (int k = 0; k < SUM_PARTS / 4; k++)
                parts[k] = part;
            T sum;
            N(finish_sum)(&sum, parts, 1);
            d[j] += (double)sum;
        }
    }
#undef TERMS
}

/* d = scale (g w - means[0] - h means[1]) */
static void N(standardize_back)(void *d, const void *a, const void *m, const void *weight, const void *gradient,
                                const double *means, int64_t n)
{
    T *out = d;
    const T *x = a, *w = weight, *g = gradient;
    const V first = SET(means[0]), second = SET(means[1]);
    ROW_TERMS;
#define PLAIN(load, store)  store(out, ((load(g) - first) - STANDARD(load) * second) * scale)
#define SCALED(load, store) store(out, ((load(g) * load(w) - first) - STANDARD(load) * second) * scale)
    if (w)
        FOR_ROW(SCALED);
    else
        FOR_ROW(PLAIN);
#undef PLAIN
#undef SCALED
}

/* d[j] += g h, d[n + j] += g */
static void N(standardize_fold)(void *d, const void *a, const void *m, const void *gradient, int64_t n)
{
    T *along = d, *sum = along + n;
    const T *x = a, *g = gradient;
    ROW_TERMS;
#define ADD(load, store)                                                                                               \
    do {                                                                                                               \
        const V dy = load(g);                                                                                          \
        store(along, load(along) + dy * STANDARD(load));                                                               \
        store(sum, load(sum) + dy);                                                                                    \
    } while (0)
    FOR_ROW(ADD);
#undef ADD
}

#undef SUM_PARTS
#undef SUM_VECTORS
#undef SUM_BLOCK
#undef FULL_LOAD
#undef FULL_STORE
#undef REST_LOAD
#undef REST_STORE
#undef FOR_ROW
#undef ROW_TERMS
#undef STANDARD
