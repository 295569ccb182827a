/* The matrix products.
 *
 * Every element of c is one chain of multiply-adds in the order of p, so its bits do not depend on the tile that
 * computes it. Tiles at the right edge therefore overlap instead of being cut: only a product narrower than one vector
 * needs a masked tile. The multiply-add rounds once, except in the scalar table on processors without it. */

#define LOAD_SAME BY_TYPE(load_f32_f32, load_f64_f64)

/* A tile of up to TILE_ROWS rows and one or two vectors. rows, vectors and masked are constants wherever this is
 * called, so that what is not used falls away; the sums are named variables, for an array of vectors would live in
 * memory. The second vector starts at column `second`; masked: only the first n columns of one vector exist. */
#define TILE_ROW(i)                                                                                                    \
    if (rows > i) {                                                                                                    \
        const V x = SET(a[i * a_rows]);                                                                                \
        s##i##0 = FMA(x, b0, s##i##0);                                                                                 \
        if (vectors > 1)                                                                                               \
            s##i##1 = FMA(x, b1, s##i##1);                                                                             \
    }
#define TILE_STORE(i)                                                                                                  \
    if (rows > i) {                                                                                                    \
        if (masked)                                                                                                    \
            N(v_store_first)(c + i * ldc, s##i##0, n);                                                                 \
        else                                                                                                           \
            STORE(c + i * ldc, s##i##0);                                                                               \
        if (vectors > 1)                                                                                               \
            STORE(c + i * ldc + second, s##i##1);                                                                      \
    }
#define TILE_ALL(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11)
/* A chain that goes on starts from what is in c. */
#define TILE_SUMS(i)                                                                                                   \
    V s##i##0 = SET(0), s##i##1 = SET(0);                                                                              \
    if (rows > i && goes_on) {                                                                                         \
        s##i##0 = masked ? N(v_load_first)(c + i * ldc, n) : LOAD(c + i * ldc);                                        \
        if (vectors > 1)                                                                                               \
            s##i##1 = LOAD(c + i * ldc + second);                                                                      \
    }
static inline __attribute__((always_inline)) void N(tile)(const int rows, const int vectors, const int masked,
                                                          int64_t n, int64_t k, const T *a, int64_t a_rows,
                                                          int64_t a_cols, const T *b, int64_t ldb, int64_t second, T *c,
                                                          int64_t ldc, int goes_on)
{
    TILE_ALL(TILE_SUMS)
    for (int64_t p = 0; p < k; p++, a += a_cols, b += ldb) {
        const V b0 = masked ? N(v_load_first)(b, n) : LOAD(b);
        const V b1 = vectors > 1 ? LOAD(b + second) : b0;
        TILE_ALL(TILE_ROW)
    }
    TILE_ALL(TILE_STORE)
}

/* Some rows of one panel of columns. */
static inline __attribute__((always_inline)) void N(tile_rows)(int64_t rows, const int vectors, const int masked,
                                                               int64_t n, int64_t k, const T *a, int64_t a_rows,
                                                               int64_t a_cols, const T *b, int64_t ldb, int64_t second,
                                                               T *c, int64_t ldc, int goes_on)
{
    switch (rows) {
#define TILE_CASE(i)                                                                                                   \
    case i:                                                                                                            \
        if (i <= TILE_ROWS)                                                                                            \
            N(tile)(i, vectors, masked, n, k, a, a_rows, a_cols, b, ldb, second, c, ldc, goes_on);                     \
        break;
        TILE_CASE(1)
        TILE_CASE(2)
        TILE_CASE(3)
        TILE_CASE(4)
        TILE_CASE(5)
        TILE_CASE(6)
        TILE_CASE(7)
        TILE_CASE(8)
        TILE_CASE(9)
        TILE_CASE(10)
        TILE_CASE(11)
        TILE_CASE(12)
    default:
        break;
    }
}

#define DEFINE_PANEL(name, vectors, masked)                                                                            \
    static void N(panel_##name)(int64_t m, int64_t n, int64_t k, const T *a, int64_t a_rows, int64_t a_cols,           \
                                const T *b, int64_t ldb, int64_t second, T *c, int64_t ldc, int goes_on)               \
    {                                                                                                                  \
        while (m > 0) {                                                                                                \
            /* Two tiles of about half the rows keep more sums in flight than a full one and a thin rest. */           \
            int64_t rows = m >= 2 * TILE_ROWS ? TILE_ROWS : m > TILE_ROWS ? (m + 1) / 2 : m;                           \
            N(tile_rows)(rows, vectors, masked, n, k, a, a_rows, a_cols, b, ldb, second, c, ldc, goes_on);             \
            m -= rows;                                                                                                 \
            a += rows * a_rows;                                                                                        \
            c += rows * ldc;                                                                                           \
        }                                                                                                              \
    }
DEFINE_PANEL(two, 2, 0)
DEFINE_PANEL(one, 1, 0)
DEFINE_PANEL(masked, 1, 1)

/* One row of c: eight vectors side by side, for a chain of multiply-adds alone waits on itself. */
#define ROW_SUM(i)   V s##i = SET(0);
#define ROW_STEP(i)  s##i = FMA(x, LOAD(b + i * W), s##i);
#define ROW_STORE(i) STORE(c + i * W, s##i);
#define ROW_FOUR(X)  X(0) X(1) X(2) X(3)
#define ROW_EIGHT(X) ROW_FOUR(X) X(4) X(5) X(6) X(7)
#define DEFINE_ROW(name, ALL)                                                                                          \
    static void N(row_##name)(int64_t k, const T *a, int64_t a_cols, const T *b, int64_t ldb, T *c)                    \
    {                                                                                                                  \
        ALL(ROW_SUM)                                                                                                   \
        for (int64_t p = 0; p < k; p++, a += a_cols, b += ldb) {                                                       \
            const V x = SET(*a);                                                                                       \
            ALL(ROW_STEP)                                                                                              \
        }                                                                                                              \
        ALL(ROW_STORE)                                                                                                 \
    }
DEFINE_ROW(four, ROW_FOUR)
DEFINE_ROW(eight, ROW_EIGHT)

/* b with rows that are contiguous. */
static void N(product_rows)(int64_t m, int64_t n, int64_t k, const T *a, int64_t a_rows, int64_t a_cols, const T *b,
                            int64_t ldb, T *c, int64_t ldc)
{
    int64_t j = 0;
    if (n < W) {
        N(panel_masked)(m, n, k, a, a_rows, a_cols, b, ldb, 0, c, ldc, 0);
        return;
    }
    if (m == 1) {
        for (; n - j >= 8 * W; j += 8 * W)
            N(row_eight)(k, a, a_cols, b + j, ldb, c + j);
        for (; n - j >= 4 * W; j += 4 * W)
            N(row_four)(k, a, a_cols, b + j, ldb, c + j);
    }
    for (; n - j >= 2 * W; j += 2 * W)
        N(panel_two)(m, n, k, a, a_rows, a_cols, b + j, ldb, W, c + j, ldc, 0);
    if (n - j > W)
        N(panel_two)(m, n, k, a, a_rows, a_cols, b + j, ldb, n - j - W, c + j, ldc, 0);
    else if (j < n)
        N(panel_one)(m, n, k, a, a_rows, a_cols, b + n - W, ldb, 0, c + n - W, ldc, 0);
}

static void N(product)(int64_t m, int64_t n, int64_t k, const void *a, int64_t a_rows, int64_t a_cols, const void *b,
                       int64_t b_rows, int64_t b_cols, void *c, int64_t ldc, void *scratch)
{
    const T *left = a, *right = b;
    T *out = c;
    if (m <= 0 || n <= 0)
        return;
    if (k <= 0) {
        for (int64_t i = 0; i < m; i++)
            N(spread)(out + i * ldc, 0, n);
    } else if (m > 1 && (n == 1 || (2 * n <= W && m >= W && a_rows == 1))) {
        /* A few columns are the transposed rows bᵀ·aᵀ, whose columns, the rows of a, go 32 at a time, through scratch
         * where they do not lie side by side. */
        T sums[32 * (W > 1 ? W / 2 : 1)];
        for (int64_t i = 0; i < m; i += 32) {
            const int64_t cols = m - i < 32 ? m - i : 32;
            const T *panel = left + i * a_rows;
            int64_t ldp = a_cols;
            if (a_rows != 1) {
                LOAD_SAME(scratch, panel, k, cols, a_cols, a_rows);
                panel = scratch;
                ldp = cols;
            }
            N(product_rows)(n, cols, k, right, b_cols, b_rows, panel, ldp, sums, cols);
            for (int64_t j = 0; j < n; j++)
                for (int64_t r = 0; r < cols; r++)
                    out[(i + r) * ldc + j] = sums[j * cols + r];
        }
    } else if (b_cols == 1 || n == 1) {
        N(product_rows)(m, n, k, left, a_rows, a_cols, right, b_rows, out, ldc);
    } else {
        LOAD_SAME(scratch, right, k, n, b_rows, b_cols);
        N(product_rows)(m, n, k, left, a_rows, a_cols, scratch, n, out, ldc);
    }
}

/* Columns of b, one row of the panel after the other. */
static void N(fill_panel)(T *panel, const T *b, int64_t depth, int64_t cols, int64_t b_rows, int64_t b_cols)
{
    if (b_cols != 1 || cols != 2 * W) {
        LOAD_SAME(panel, b, depth, cols, b_rows, b_cols);
        return;
    }
    for (int64_t p = 0; p < depth; p++, panel += 2 * W, b += b_rows) {
        STORE(panel, LOAD(b));
        STORE(panel + W, LOAD(b + W));
    }
}

/* The right side goes through scratch in panels of two vectors' columns, so that it is read from L1 by all rows,
 * whatever its strides; a transposed left side is brought to rows first. */
static void N(product_panels)(int64_t m, int64_t n, int64_t k, const void *a, int64_t a_rows, int64_t a_cols,
                              const void *b, int64_t b_rows, int64_t b_cols, void *c, int64_t ldc, void *scratch)
{
    const T *left = a, *right = b;
    T *panel = scratch, *rows = panel + BGK_PANEL_DEPTH * 2 * W, *out = c;
    for (int64_t p = 0; p < k; p += BGK_PANEL_DEPTH) {
        const int64_t depth = k - p < BGK_PANEL_DEPTH ? k - p : BGK_PANEL_DEPTH;
        const T *x = left + p * a_cols;
        int64_t x_rows = a_rows, x_cols = a_cols;
        if (a_cols != 1) {
            LOAD_SAME(rows, x, m, depth, a_rows, a_cols);
            x = rows;
            x_rows = depth;
            x_cols = 1;
        }
        for (int64_t j = 0; j < n; j += 2 * W) {
            const int64_t cols = n - j < 2 * W ? n - j : 2 * W;
            const T *y = panel;
            T *z = out + j;
            N(fill_panel)(panel, right + p * b_rows + j * b_cols, depth, cols, b_rows, b_cols);
            if (cols == 2 * W) {
                N(panel_two)(m, cols, depth, x, x_rows, x_cols, y, cols, W, z, ldc, p > 0);
                continue;
            }
            if (cols >= W)
                N(panel_one)(m, cols, depth, x, x_rows, x_cols, y, cols, 0, z, ldc, p > 0);
            if (cols % W)
                N(panel_masked)
            (m, cols % W, depth, x, x_rows, x_cols, y + cols / W * W, cols, 0, z + cols / W * W, ldc, p > 0);
        }
    }
}

#undef LOAD_SAME
#undef TILE_ROW
#undef TILE_STORE
#undef TILE_ALL
#undef TILE_SUMS
#undef TILE_CASE
#undef DEFINE_PANEL
#undef ROW_SUM
#undef ROW_STEP
#undef ROW_STORE
#undef ROW_FOUR
#undef ROW_EIGHT
#undef DEFINE_ROW
