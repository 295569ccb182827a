/* Products of rows that lie anywhere.
 *
 * As in body_product.h, an element of c is one chain of multiply-adds in the order of p, whichever tile computes it.
 * Where c goes on, the sum of the chain is added to it: tiles at the right edge are cut, for an overlap would add
 * twice. */

#define GATHER_ROW(i)                                                                                                  \
    if (rows > i) {                                                                                                    \
        const V x = SET(row##i[at]);                                                                                   \
        s##i##0 = FMA(x, b0, s##i##0);                                                                                 \
        if (vectors > 1)                                                                                               \
            s##i##1 = FMA(x, b1, s##i##1);                                                                             \
        if (vectors > 2)                                                                                               \
            s##i##2 = FMA(x, b2, s##i##2);                                                                             \
        if (vectors > 3)                                                                                               \
            s##i##3 = FMA(x, b3, s##i##3);                                                                             \
    }
#define GATHER_SUMS(i)                                                                                                 \
    const T *row##i = a + (rows > i ? a_rows[i] : 0);                                                                  \
    V s##i##0 = SET(0), s##i##1 = SET(0), s##i##2 = SET(0), s##i##3 = SET(0);
#define GATHER_STORE(i)                                                                                                \
    if (rows > i) {                                                                                                    \
        T *to = c + i * ldc;                                                                                           \
        if (goes_on) {                                                                                                 \
            s##i##0 = (masked ? N(v_load_first)(to, n) : LOAD(to)) + s##i##0;                                          \
            if (vectors > 1)                                                                                           \
                s##i##1 = LOAD(to + W) + s##i##1;                                                                      \
            if (vectors > 2)                                                                                           \
                s##i##2 = LOAD(to + 2 * W) + s##i##2;                                                                  \
            if (vectors > 3)                                                                                           \
                s##i##3 = LOAD(to + 3 * W) + s##i##3;                                                                  \
        }                                                                                                              \
        if (masked)                                                                                                    \
            N(v_store_first)(to, s##i##0, n);                                                                          \
        else                                                                                                           \
            STORE(to, s##i##0);                                                                                        \
        if (vectors > 1)                                                                                               \
            STORE(to + W, s##i##1);                                                                                    \
        if (vectors > 2)                                                                                               \
            STORE(to + 2 * W, s##i##2);                                                                                \
        if (vectors > 3)                                                                                               \
            STORE(to + 3 * W, s##i##3);                                                                                \
    }
static inline __attribute__((always_inline)) void N(gathered_tile)(const int rows, const int vectors, const int masked,
                                                                   int64_t n, int64_t k, const T *a,
                                                                   const int64_t *a_rows, const int64_t *a_cols,
                                                                   const T *b, const int64_t *b_rows, T *c, int64_t ldc,
                                                                   int goes_on)
{
    TILE_ALL(GATHER_SUMS)
    for (int64_t p = 0; p < k; p++) {
        const int64_t at = a_cols[p];
        const T *from = b + b_rows[p];
        const V b0 = masked ? N(v_load_first)(from, n) : LOAD(from);
        const V b1 = vectors > 1 ? LOAD(from + W) : b0;
        const V b2 = vectors > 2 ? LOAD(from + 2 * W) : b0;
        const V b3 = vectors > 3 ? LOAD(from + 3 * W) : b0;
        TILE_ALL(GATHER_ROW)
    }
    TILE_ALL(GATHER_STORE)
}

#define GATHER_CASE(i)                                                                                                 \
    case i:                                                                                                            \
        if (i <= full)                                                                                                 \
            N(gathered_tile)(i, vectors, masked, n, k, a, a_rows, a_cols, b, b_rows, c, ldc, goes_on);                 \
        break;
static inline __attribute__((always_inline)) void N(gathered_tiles)(const int full, const int vectors, const int masked,
                                                                    int64_t m, int64_t n, int64_t k, const T *a,
                                                                    const int64_t *a_rows, const int64_t *a_cols,
                                                                    const T *b, const int64_t *b_rows, T *c,
                                                                    int64_t ldc, int goes_on)
{
    while (m > 0) {
        const int64_t rows = TILE_HEIGHT(m, full);
        switch (rows) {
            TILE_HEIGHTS(GATHER_CASE)
        default:
            break;
        }
        m -= rows;
        a_rows += rows;
        c += rows * ldc;
    }
}

#define DEFINE_GATHERED(name, full, vectors, masked)                                                                   \
    static void N(gathered_##name)(int64_t m, int64_t n, int64_t k, const T *a, const int64_t *a_rows,                 \
                                   const int64_t *a_cols, const T *b, const int64_t *b_rows, T *c, int64_t ldc,        \
                                   int goes_on)                                                                        \
    {                                                                                                                  \
        N(gathered_tiles)(full, vectors, masked, m, n, k, a, a_rows, a_cols, b, b_rows, c, ldc, goes_on);              \
    }
DEFINE_GATHERED(masked, TILE_ROWS_1, 1, 1)
DEFINE_GATHERED(one, TILE_ROWS_1, 1, 0)
DEFINE_GATHERED(two, TILE_ROWS_2, 2, 0)
DEFINE_GATHERED(three, TILE_ROWS_3, 3, 0)
DEFINE_GATHERED(four, TILE_ROWS_4, 4, 0)

static void N(product_gathered)(int64_t m, int64_t n, int64_t k, const void *a, const int64_t *a_rows,
                                const int64_t *a_cols, const void *b, const int64_t *b_rows, void *c, int64_t ldc,
                                int goes_on)
{
    const T *right = b;
    T *out = c;
    for (int64_t vectors = n / W, step; vectors > 0; vectors -= step) {
        step = N(next_panel)(vectors);
        if (step == 1)
            N(gathered_one)(m, n, k, a, a_rows, a_cols, right, b_rows, out, ldc, goes_on);
        else if (step == 2)
            N(gathered_two)(m, n, k, a, a_rows, a_cols, right, b_rows, out, ldc, goes_on);
        else if (step == 3)
            N(gathered_three)(m, n, k, a, a_rows, a_cols, right, b_rows, out, ldc, goes_on);
        else
            N(gathered_four)(m, n, k, a, a_rows, a_cols, right, b_rows, out, ldc, goes_on);
        right += step * W;
        out += step * W;
    }
    if (n % W > 0)
        N(gathered_masked)(m, n % W, k, a, a_rows, a_cols, right, b_rows, out, ldc, goes_on);
}

#undef GATHER_ROW
#undef GATHER_SUMS
#undef GATHER_STORE
#undef GATHER_CASE
#undef DEFINE_GATHERED
#undef TILE_ALL
#undef TILE_HEIGHT
#undef TILE_HEIGHTS
