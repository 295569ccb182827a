/* The step of a parameter by its momentum.
 *
 * Memory bounds it. Of operands that are one number for all, as those here mostly are, the copies stay in registers.
 * As in body_map.h the last vector is made first, for the run may be in place. */
static inline V N(descend_momentum)(V x, V y, V m, V s) { return N(v_fma_exact)(x, y, m * s); }

#define AT(k, i)         LOAD(p[k] + ((i)&mask[k]))
#define MOMENTUM(at)     N(descend_momentum)(AT(0, at), AT(1, at), AT(2, at), AT(3, at))
#define PARAMETER(at, m) N(v_fnma_exact)(m, AT(4, at), AT(5, at))
#define FIRST(k)         N(v_load_first)(p[k], mask[k] ? n : W)

static void N(descend)(void *d, void *momentum, const void *const *operands, const int *strides, int64_t n)
{
    T copies[BGK_DESCEND_OPERANDS][W], *w = d, *m = momentum;
    const T *p[BGK_DESCEND_OPERANDS];
    int64_t mask[BGK_DESCEND_OPERANDS], i = 0;
    for (int k = 0; k < BGK_DESCEND_OPERANDS && n > 0; k++) {
        p[k] = operands[k];
        mask[k] = strides[k] ? -1 : 0;
        if (!strides[k]) {
            STORE(copies[k], SET(*p[k]));
            p[k] = copies[k];
        }
    }
    if (n <= 0)
        return;
    if (n < W) {
        const V made = N(descend_momentum)(FIRST(0), FIRST(1), FIRST(2), FIRST(3));
        const V stepped = N(v_fnma_exact)(made, FIRST(4), FIRST(5));
        N(v_store_first)(m, made, n);
        N(v_store_first)(w, stepped, n);
        return;
    }
    const V last = MOMENTUM(n - W), last_stepped = PARAMETER(n - W, last);
    if (mask[0] & ~mask[1] & mask[2] & ~mask[3] & ~mask[4] & mask[5]) {
        const V y = LOAD(p[1]), s = LOAD(p[3]), rate = LOAD(p[4]);
        for (; i < n - W; i += W) {
            /* Both are read before one is written: that takes a tenth less time. */
            const V made = N(descend_momentum)(LOAD(p[0] + i), y, LOAD(p[2] + i), s), old = LOAD(p[5] + i);
            STORE(m + i, made);
            STORE(w + i, N(v_fnma_exact)(made, rate, old));
        }
    }
    for (; i < n - W; i += W) {
        const V made = MOMENTUM(i), stepped = PARAMETER(i, made);
        STORE(m + i, made);
        STORE(w + i, stepped);
    }
    STORE(m + n - W, last);
    STORE(w + n - W, last_stepped);
}
#undef AT
#undef MOMENTUM
#undef PARAMETER
#undef FIRST
