/* Eigenvalues and vectors of symmetric matrices that lie side by side, by Jacobi's rotations: Golub and Van Loan,
 * Matrix computations, section 8.5. */

#define LOWER(i, j) (a + ((i)*n + (j)) * BGK_LANES)
#define ROTATE(x, y)                                                                                                   \
    do {                                                                                                               \
        T *const at_x = x, *const at_y = y;                                                                            \
        const V from_x = LOAD(at_x), from_y = LOAD(at_y);                                                              \
        STORE(at_x, FMA(minus_s, FMA(tau, from_x, from_y), from_x));                                                   \
        STORE(at_y, FMA(s, FMA(minus_tau, from_y, from_x), from_y));                                                   \
    } while (0)
/* The rotation that makes (q, p) 0 where it is above the tolerance; others stay, to the bit but for the sign of a 0.
 * Returns whether any was. */
static inline int N(annihilate)(int64_t n, int64_t p, int64_t q, T *a, T *v, V tolerance)
{
    const V between = LOAD(LOWER(q, p)), minus = SET(0) - between;
    const M is_above = LESS(tolerance, MAX(between, minus));
    if (!N(v_any)(is_above))
        return 0;
    const V at_p = LOAD(LOWER(p, p)), at_q = LOAD(LOWER(q, q)), gap = at_q - at_p, twice = between + between;
    const M is_falling = LESS(gap, SET(0));
    const V size = SELECT(is_falling, SET(0) - gap, gap);
    /* The smaller root of t² + gap / between · t = 1. */
    const V root = SELECT(is_falling, SET(0) - twice, twice) / (size + N(v_sqrt)(FMA(gap, gap, twice * twice)));
    const V t = SELECT(is_above, root, SET(0)), c = SET(1) / N(v_sqrt)(FMA(t, t, SET(1))), s = t * c;
    const V tau = s / (SET(1) + c), minus_s = SET(0) - s, minus_tau = SET(0) - tau;
    STORE(LOWER(p, p), FMA(SET(0) - t, between, at_p));
    STORE(LOWER(q, q), FMA(t, between, at_q));
    STORE(LOWER(q, p), SELECT(is_above, SET(0), between));
    for (int64_t k = 0; k < p; k++)
        ROTATE(LOWER(p, k), LOWER(q, k));
    for (int64_t k = p + 1; k < q; k++)
        ROTATE(LOWER(k, p), LOWER(q, k));
    for (int64_t k = q + 1; k < n; k++)
        ROTATE(LOWER(k, p), LOWER(k, q));
    T *row_p = v + p * n * BGK_LANES, *row_q = v + q * n * BGK_LANES;
    for (int64_t k = 0; k < n; k++)
        ROTATE(row_p + k * BGK_LANES, row_q + k * BGK_LANES);
    return 1;
}

static int N(lockstep_eigen)(int64_t n, int64_t lanes, void *of_a, void *to_v, double tolerance)
{
    enum { MOST_SWEEPS = 60 };
    int has_all = 1;
    for (int64_t lane = 0; lane < lanes; lane += W) {
        T *a = (T *)of_a + lane, *v = (T *)to_v + lane;
        for (int64_t i = 0; i < n * n; i++)
            STORE(v + i * BGK_LANES, SET(i / n == i % n));
        int is_done = 0;
        for (int sweep = 0; sweep < MOST_SWEEPS && !is_done; sweep++) {
            is_done = 1;
            for (int64_t p = 0; p < n; p++)
                for (int64_t q = p + 1; q < n; q++)
                    is_done &= !N(annihilate)(n, p, q, a, v, SET(tolerance));
        }
        has_all &= is_done;
    }
    return has_all;
}

#undef LOWER
#undef ROTATE
