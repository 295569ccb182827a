/* Substitution: the solution of a triangular system by rows. */

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

#undef SOLVE_LOAD
#undef SOLVE_SUM
#undef SOLVE_STEP
#undef SOLVE_DIVIDE
#undef SOLVE_STORE
#undef SOLVE_ALL
