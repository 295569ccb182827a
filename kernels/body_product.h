/* The matrix products.
 *
 * Every element of c is one chain of multiply-adds in the order of p, so its bits do not depend on the tile that
 * computes it. Tiles at the right edge therefore overlap instead of being cut: only a product narrower than one vector
 * needs a masked tile. The multiply-add rounds once, except in the scalar table on processors without it. */

#define LOAD_SAME BY_TYPE(load_f32_f32, load_f64_f64)

/* A tile of some rows and one to four vectors. rows, vectors and masked are constants wherever this is called, so that
 * what is not used falls away; the sums are named variables, for an array of vectors would live in memory. The last
 * vector starts at column `last`, where it may overlap the one before; masked: only the first n columns of one vector
 * exist. */
#define TILE_ROW(i)                                                                                                    \
    if (rows > i) {                                                                                                    \
        const V x = SET(a[i * a_rows]);                                                                                \
        s##i##0 = FMA(x, b0, s##i##0);                                                                                 \
        if (vectors > 1)                                                                                               \
            s##i##1 = FMA(x, b1, s##i##1);                                                                             \
        if (vectors > 2)                                                                                               \
            s##i##2 = FMA(x, b2, s##i##2);                                                                             \
        if (vectors > 3)                                                                                               \
            s##i##3 = FMA(x, b3, s##i##3);                                                                             \
    }
#define TILE_STORE(i)                                                                                                  \
    if (rows > i) {                                                                                                    \
        if (masked)                                                                                                    \
            N(v_store_first)(c + i * ldc, s##i##0, n);                                                                 \
        else                                                                                                           \
            STORE(c + i * ldc, s##i##0);                                                                               \
        if (vectors > 1)                                                                                               \
            STORE(c + i * ldc + second, s##i##1);                                                                      \
        if (vectors > 2)                                                                                               \
            STORE(c + i * ldc + third, s##i##2);                                                                       \
        if (vectors > 3)                                                                                               \
            STORE(c + i * ldc + last, s##i##3);                                                                        \
    }
#define TILE_ALL(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11)
/* A chain that goes on starts from what is in c. */
#define TILE_SUMS(i)                                                                                                   \
    V s##i##0 = SET(0), s##i##1 = SET(0), s##i##2 = SET(0), s##i##3 = SET(0);                                          \
    if (rows > i && goes_on) {                                                                                         \
        s##i##0 = masked ? N(v_load_first)(c + i * ldc, n) : LOAD(c + i * ldc);                                        \
        if (vectors > 1)                                                                                               \
            s##i##1 = LOAD(c + i * ldc + second);                                                                      \
        if (vectors > 2)                                                                                               \
            s##i##2 = LOAD(c + i * ldc + third);                                                                       \
        if (vectors > 3)                                                                                               \
            s##i##3 = LOAD(c + i * ldc + last);                                                                        \
    }
static inline __attribute__((always_inline)) void N(tile)(const int rows, const int vectors, const int masked,
                                                          int64_t n, int64_t k, const T *a, int64_t a_rows,
                                                          int64_t a_cols, const T *b, int64_t ldb, int64_t last, T *c,
                                                          int64_t ldc, int goes_on)
{
    const int64_t second = vectors > 2 ? W : last, third = vectors > 3 ? 2 * W : last;
    TILE_ALL(TILE_SUMS)
    for (int64_t p = 0; p < k; p++, a += a_cols, b += ldb) {
        const V b0 = masked ? N(v_load_first)(b, n) : LOAD(b);
        const V b1 = vectors > 1 ? LOAD(b + second) : b0;
        const V b2 = vectors > 2 ? LOAD(b + third) : b0;
        const V b3 = vectors > 3 ? LOAD(b + last) : b0;
        TILE_ALL(TILE_ROW)
    }
    TILE_ALL(TILE_STORE)
}

/* Rows of the next tile, where m are left: two tiles of about half the rows keep more sums in flight than a full one
 * and a thin rest. */
#define TILE_HEIGHT(m, full) ((m) >= 2 * (full) ? (full) : (m) > (full) ? ((m) + 1) / 2 : (m))
#define TILE_HEIGHTS(X)      X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12)

/* As many columns as a tile has, of any number of rows. TILE_ROWS_1 to TILE_ROWS_4 are the rows of a full tile with so
 * many vectors. */
#define TILE_CASE(i)                                                                                                   \
    case i:                                                                                                            \
        if (i <= full)                                                                                                 \
            N(tile)(i, vectors, masked, n, k, a, a_rows, a_cols, b, ldb, last, c, ldc, goes_on);                       \
        break;
static inline __attribute__((always_inline)) void N(tiles)(const int full, const int vectors, const int masked,
                                                           int64_t m, int64_t n, int64_t k, const T *a, int64_t a_rows,
                                                           int64_t a_cols, const T *b, int64_t ldb, T *c, int64_t ldc,
                                                           int goes_on)
{
    const int64_t last = n - W;
    while (m > 0) {
        const int64_t rows = TILE_HEIGHT(m, full);
        switch (rows) {
            TILE_HEIGHTS(TILE_CASE)
        default:
            break;
        }
        m -= rows;
        a += rows * a_rows;
        c += rows * ldc;
    }
}

#define DEFINE_PANEL(name, full, vectors, masked)                                                                      \
    static void N(panel_##name)(int64_t m, int64_t n, int64_t k, const T *a, int64_t a_rows, int64_t a_cols,           \
                                const T *b, int64_t ldb, T *c, int64_t ldc, int goes_on)                               \
    {                                                                                                                  \
        N(tiles)(full, vectors, masked, m, n, k, a, a_rows, a_cols, b, ldb, c, ldc, goes_on);                          \
    }
DEFINE_PANEL(masked, TILE_ROWS_1, 1, 1)
DEFINE_PANEL(one, TILE_ROWS_1, 1, 0)
DEFINE_PANEL(two, TILE_ROWS_2, 2, 0)
DEFINE_PANEL(three, TILE_ROWS_3, 3, 0)
DEFINE_PANEL(four, TILE_ROWS_4, 4, 0)

/* The vectors of the next panel, where so many are left: PANEL_VECTORS or one more, so that none is left alone. */
static inline int64_t N(next_panel)(int64_t vectors)
{
    const int64_t rest = vectors % PANEL_VECTORS;
    if (vectors <= PANEL_VECTORS)
        return vectors;
    return rest == 1 || (rest == 2 && PANEL_VECTORS == 3 && vectors > 5) ? PANEL_VECTORS + 1 : PANEL_VECTORS;
}

/* One row of c: eight vectors side by side, for a chain of multiply-adds alone waits on itself. */
#define ROW_SUM(i)   V s##i = goes_on ? LOAD(c + i * W) : SET(0);
#define ROW_STEP(i)  s##i = FMA(x, LOAD(b + i * W), s##i);
#define ROW_STORE(i) STORE(c + i * W, s##i);
#define ROW_FOUR(X)  X(0) X(1) X(2) X(3)
#define ROW_EIGHT(X) ROW_FOUR(X) X(4) X(5) X(6) X(7)
#define DEFINE_ROW(name, ALL)                                                                                          \
    static void N(row_##name)(int64_t k, const T *a, int64_t a_cols, const T *b, int64_t ldb, T *c, int goes_on)       \
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

/* b with rows that are contiguous, read where they lie. */
static void N(product_rows)(int64_t m, int64_t n, int64_t k, const T *a, int64_t a_rows, int64_t a_cols, const T *b,
                            int64_t ldb, T *c, int64_t ldc, int goes_on)
{
    if (m == 1) {
        int64_t j = 0;
        for (; n - j >= 8 * W; j += 8 * W)
            N(row_eight)(k, a, a_cols, b + j, ldb, c + j, goes_on);
        if (n - j >= 4 * W) {
            N(row_four)(k, a, a_cols, b + j, ldb, c + j, goes_on);
            j += 4 * W;
        }
        n -= j;
        b += j;
        c += j;
    }
    while (n > 0) {
        const int64_t vectors = N(next_panel)((n + W - 1) / W), cols = vectors * W < n ? vectors * W : n;
        if (n < W)
            N(panel_masked)(m, n, k, a, a_rows, a_cols, b, ldb, c, ldc, goes_on);
        else if (vectors == 1)
            N(panel_one)(m, cols, k, a, a_rows, a_cols, b, ldb, c, ldc, goes_on);
        else if (vectors == 2)
            N(panel_two)(m, cols, k, a, a_rows, a_cols, b, ldb, c, ldc, goes_on);
        else if (vectors == 3)
            N(panel_three)(m, cols, k, a, a_rows, a_cols, b, ldb, c, ldc, goes_on);
        else
            N(panel_four)(m, cols, k, a, a_rows, a_cols, b, ldb, c, ldc, goes_on);
        n -= cols;
        b += cols;
        c += cols;
    }
}

#define LEAST(x, y) ((x) < (y) ? (x) : (y))

/* How deep a block of so many rows or columns is. */
static inline int64_t N(block_depth)(int64_t side) { return BGK_BLOCK_BYTES / (int64_t)sizeof(T) / side; }

/* Blocks of columns, depth and rows. A block of b whose rows are not contiguous, or so far apart that they displace
 * each other in the caches, is brought together first, and so is one of a that is transposed. */
static void N(product_blocks)(int64_t m, int64_t n, int64_t k, const T *a, int64_t a_rows, int64_t a_cols, const T *b,
                              int64_t b_rows, int64_t b_cols, T *c, int64_t ldc, T *scratch)
{
    enum { FAR = 4096, LEAST_USES = 24, LEAST_COLUMNS = 96, COLUMNS = 128 };
    const int gathers_b = b_cols != 1 || (m >= LEAST_USES && b_rows * (int64_t)sizeof(T) >= FAR);
    const int gathers_a = a_cols != 1 && m > 1 && n >= LEAST_COLUMNS;
    const int64_t most_cols = gathers_b ? COLUMNS : n, most_depth = N(block_depth)(COLUMNS);
    for (int64_t j = 0; j < n; j += most_cols) {
        const int64_t cols = LEAST(n - j, most_cols);
        for (int64_t p = 0; p < k; p += most_depth) {
            const int64_t depth = LEAST(k - p, most_depth), most_rows = N(block_depth)(depth);
            const T *y = b + p * b_rows + j * b_cols;
            T *block = scratch;
            int64_t ldy = b_rows;
            if (gathers_b) {
                LOAD_SAME(block, y, depth, cols, b_rows, b_cols);
                y = block;
                ldy = cols;
                block += depth * cols;
            }
            for (int64_t i = 0; i < m; i += most_rows) {
                const int64_t rows = LEAST(m - i, most_rows);
                const T *x = a + i * a_rows + p * a_cols;
                if (gathers_a)
                    LOAD_SAME(block, x, depth, rows, a_cols, a_rows);
                N(product_rows)
                (rows, cols, depth, gathers_a ? block : x, gathers_a ? 1 : a_rows, gathers_a ? rows : a_cols, y, ldy,
                 c + i * ldc + j, ldc, p > 0);
            }
        }
    }
}

/* Any b, as the transposed cᵀ = bᵀ · aᵀ: b is read where it lies, and a, which has fewer rows than b has columns, is
 * brought to contiguous columns. */
static void N(product_turned)(int64_t m, int64_t n, int64_t k, const T *a, int64_t a_rows, int64_t a_cols, const T *b,
                              int64_t b_rows, int64_t b_cols, T *c, int64_t ldc, T *scratch)
{
    T *block = scratch + BGK_BLOCK_TURN * LEAST(m, BGK_BLOCK_SIDE);
    for (int64_t i = 0; i < m; i += BGK_BLOCK_SIDE) {
        const int64_t cols = LEAST(m - i, BGK_BLOCK_SIDE), most_depth = N(block_depth)(cols);
        for (int64_t p = 0; p < k; p += most_depth) {
            const int64_t depth = LEAST(k - p, most_depth);
            const T *x = a + i * a_rows + p * a_cols;
            int64_t ldx = a_cols;
            if (a_rows != 1) {
                LOAD_SAME(block, x, depth, cols, a_cols, a_rows);
                x = block;
                ldx = cols;
            }
            for (int64_t j = 0; j < n; j += BGK_BLOCK_TURN) {
                const int64_t rows = LEAST(n - j, BGK_BLOCK_TURN);
                T *to = c + i * ldc + j;
                if (p > 0)
                    N(transpose)(scratch, cols, to, ldc, rows, cols);
                N(product_rows)
                (rows, cols, depth, b + p * b_rows + j * b_cols, b_cols, b_rows, x, ldx, scratch, cols, p > 0);
                N(transpose)(to, ldc, scratch, cols, cols, rows);
            }
        }
    }
}

static void N(product)(int64_t m, int64_t n, int64_t k, const void *a, int64_t a_rows, int64_t a_cols, const void *b,
                       int64_t b_rows, int64_t b_cols, void *c, int64_t ldc, void *scratch)
{
    if (m <= 0 || n <= 0)
        return;
    if (k <= 0) {
        for (int64_t i = 0; i < m; i++)
            N(spread)((T *)c + i * ldc, 0, n);
        return;
    }
    /* A few columns fill no vector, but those of the transposed product may. */
    const int is_thin = m > 1 && (n == 1 || (2 * n <= W && m >= W && a_rows == 1));
    if (is_thin || (b_cols != 1 && n > 1 && m * (k + 2 * n) < n * k))
        N(product_turned)(m, n, k, a, a_rows, a_cols, b, b_rows, b_cols, c, ldc, scratch);
    else
        N(product_blocks)(m, n, k, a, a_rows, a_cols, b, b_rows, n == 1 ? 1 : b_cols, c, ldc, scratch);
}

#undef LOAD_SAME
#undef TILE_ROW
#undef TILE_STORE
#undef TILE_SUMS
#undef TILE_CASE
#undef DEFINE_PANEL
#undef ROW_SUM
#undef ROW_STEP
#undef ROW_STORE
#undef ROW_FOUR
#undef ROW_EIGHT
#undef DEFINE_ROW
#undef LEAST
