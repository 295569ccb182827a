/* Parts of factorisations: the solution of a triangular system by rows, and the elimination of a few columns. */

/* Vectors of columns side by side, whose chains are independent, while a row waits for the one before it; masked: only
 * the first n columns of one vector exist. */
#define SOLVE_LOAD(p, i) (masked ? N(v_load_first)(p, n) : LOAD((p) + (i)*W))
#define SOLVE_SUM(i)     V s##i = vectors > i ? SOLVE_LOAD(row, i) : SET(0);
#define SOLVE_STEP(i)                                                                                                  \
    if (vectors > i)                                                                                                   \
        s##i = FMA(x, SOLVE_LOAD(from, i), s##i);
#define SOLVE_DIVIDE(i)                                                                                                \
    if (vectors > i)                                                                                                   \
        s##i = s##i / pivot;
#define SOLVE_STORE(i)                                                                                                 \
    if (vectors > i) {                                                                                                 \
        if (masked)                                                                                                    \
            N(v_store_first)(row, s##i, n);                                                                            \
        else                                                                                                           \
            STORE(row + i * W, s##i);                                                                                  \
    }
#define SOLVE_ALL(X) X(0) X(1) X(2) X(3)
static inline __attribute__((always_inline)) void N(substitute_columns)(const int vectors, const int masked, int64_t k,
                                                                        int64_t n, const T *t, int64_t t_rows,
                                                                        int64_t t_cols, int is_unit, T *b, int64_t ldb)
{
    for (int64_t i = 0; i < k; i++) {
        const T *const factors = t + i * t_rows;
        T *const row = b + i * ldb;
        SOLVE_ALL(SOLVE_SUM)
        for (int64_t p = 0; p < i; p++) {
            const V x = SET(-factors[p * t_cols]);
            const T *const from = b + p * ldb;
            SOLVE_ALL(SOLVE_STEP)
        }
        if (!is_unit) {
            const V pivot = SET(factors[i * t_cols]);
            SOLVE_ALL(SOLVE_DIVIDE)
        }
        SOLVE_ALL(SOLVE_STORE)
    }
}

static void N(substitute)(int64_t k, int64_t n, const void *t, int64_t t_rows, int64_t t_cols, int is_unit, void *b,
                          int64_t ldb)
{
    T *right = b;
    for (; n >= 4 * W; n -= 4 * W, right += 4 * W)
        N(substitute_columns)(4, 0, k, n, t, t_rows, t_cols, is_unit, right, ldb);
    for (; n >= W; n -= W, right += W)
        N(substitute_columns)(1, 0, k, n, t, t_rows, t_cols, is_unit, right, ldb);
    if (n > 0)
        N(substitute_columns)(1, 1, k, n, t, t_rows, t_cols, is_unit, right, ldb);
}

/* The first of the largest magnitudes of x[first .. m). */
#define MAGNITUDE(x)  AND_NOT(SIGN_BIT, x)
#define MOST_START(i) V most##i = SET(0);
#define MOST_TAKE(p)  most##p = MAX(most##p, MAGNITUDE(LOAD(x + i + (p)*W)));
static int64_t N(find_pivot)(int64_t first, int64_t m, const T *x)
{
    T lanes[W], largest = 0;
    int64_t i = first;
    SOLVE_ALL(MOST_START)
    for (; i + 4 * W <= m; i += 4 * W) {
        SOLVE_ALL(MOST_TAKE)
    }
    for (; i + W <= m; i += W) {
        MOST_TAKE(0)
    }
    if (i < m)
        most1 = MAX(most1, MAGNITUDE(N(v_load_first)(x + i, m - i)));
    STORE(lanes, MAX(MAX(most0, most1), MAX(most2, most3)));
    for (int lane = 0; lane < W; lane++)
        largest = lanes[lane] > largest ? lanes[lane] : largest;
    for (i = first; i + W <= m && !N(v_any)(EQUAL(MAGNITUDE(LOAD(x + i)), SET(largest)));)
        i += W;
    while (i < m && x[i] != largest && x[i] != -largest)
        i++;
    return i < m ? i : first;
}

static inline void N(exchange)(T *x, T *y)
{
    const T moved = *x;
    *x = *y;
    *y = moved;
}

/* n elements of a column below its pivot become factors, and the `more` columns beside it lose their part of the
 * pivot's row: x is the pivot. Terms are rounded twice, as in body_lockstep.h. */
#define BESIDE_ALL(X)      X(0) X(1) X(2) X(3) X(4) X(5) X(6)
#define BESIDE_TOP(j)      const V u##j = SET(more > j ? x[((j) + 1) * ld] : 0);
#define BESIDE_STORE(p, s) (masked ? N(v_store_first)(p, s, n - i) : STORE(p, s))
#define BESIDE_LOAD(p)     (masked ? N(v_load_first)(p, n - i) : LOAD(p))
#define BESIDE_LESS(j)                                                                                                 \
    if (more > j)                                                                                                      \
        BESIDE_STORE(below + ((j) + 1) * ld, BESIDE_LOAD(below + ((j) + 1) * ld) - f * u##j);
#define BESIDE_STEP                                                                                                    \
    {                                                                                                                  \
        T *const below = x + 1 + i;                                                                                    \
        const V f = BESIDE_LOAD(below) / pivot;                                                                        \
        BESIDE_STORE(below, f);                                                                                        \
        BESIDE_ALL(BESIDE_LESS)                                                                                        \
    }
static inline __attribute__((always_inline)) void N(eliminate_below)(const int more, int64_t n, T *x, int64_t ld)
{
    const V pivot = SET(x[0]);
    int64_t i = 0;
    BESIDE_ALL(BESIDE_TOP)
    for (; i + W <= n; i += W) {
        enum { masked = 0 };
        BESIDE_STEP
    }
    if (i < n) {
        enum { masked = 1 };
        BESIDE_STEP
    }
}
static void N(eliminate)(int64_t width, int64_t m, void *columns, int64_t ld, int64_t *swaps)
{
    for (int64_t k = 0; k < width; k++) {
        T *const all = columns, *const x = all + k * ld + k;
        swaps[k] = N(find_pivot)(k, m, all + k * ld);
        for (int64_t j = 0; j < width; j++)
            N(exchange)(all + j * ld + k, all + j * ld + swaps[k]);
        if (*x == 0)
            continue;
        switch (width - k) {
#define BESIDE_CASE(j)                                                                                                 \
    case (j) + 1:                                                                                                      \
        N(eliminate_below)(j, m - k - 1, x, ld);                                                                       \
        break;
            BESIDE_ALL(BESIDE_CASE)
        default:
            N(eliminate_below)(BGK_ELIMINATED - 1, m - k - 1, x, ld);
        }
    }
}

#undef SOLVE_LOAD
#undef SOLVE_SUM
#undef SOLVE_STEP
#undef SOLVE_DIVIDE
#undef SOLVE_STORE
#undef SOLVE_ALL
#undef MAGNITUDE
#undef MOST_START
#undef MOST_TAKE
#undef BESIDE_ALL
#undef BESIDE_TOP
#undef BESIDE_STORE
#undef BESIDE_LOAD
#undef BESIDE_LESS
#undef BESIDE_STEP
#undef BESIDE_CASE
