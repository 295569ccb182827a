/* The matrix products.
 *
 * Every element of c is one chain of multiply-adds in the order of p, so its bits do not depend on the tile that
 * computes it. Tiles at the right edge therefore overlap instead of being cut: only a product narrower than one vector
 * needs a masked tile. The multiply-add rounds once, except in the scalar table on processors without it. */

#define LOAD_SAME   BY_TYPE(load_f32_f32, load_f64_f64)
#define LEAST(x, y) ((x) < (y) ? (x) : (y))
#define LINE        (64 / (int64_t)sizeof(T))

/* Lines of memory that are read soon, and that tiles ask for meanwhile, one in each of their steps. */
typedef struct {
    const T *at;
    int64_t lines, stride; /* of a row */
    int64_t line, rows;    /* that is next, that are left */
} N(fetching);

static inline N(fetching) N(fetching_of)(const T *at, int64_t cols, int64_t stride, int64_t rows)
{
    return (N(fetching)){ .at = at, .lines = (cols - 1) / LINE + 1, .stride = stride, .rows = rows };
}

/* Rows of a block of b that tiles bring together, some each, while they multiply by the block before it: they come from
 * far caches, and a tile has room for a load and a store in each of its steps. Beside them, what is fetched only. */
typedef struct {
    const T *from;
    T *to;
    int64_t from_rows, cols, vectors;
    int64_t rows;  /* that are left */
    int64_t share; /* of each tile, which has at least as many steps as they have vectors */
    N(fetching) fetches[2];
    int fetches_panels;
} N(moving);

/* What a tile does beside multiplying. */
#define MOVE  1
#define FETCH 2
static inline int N(has_more)(const N(moving) * next, int does)
{
    return does == MOVE ? next->rows > 0 : next->fetches[0].rows > 0 || next->fetches[1].rows > 0;
}

/* A tile of some rows and one to four vectors. rows, vectors, masked and does are constants wherever this is called,
 * so that what is not used falls away; the sums are named variables, for an array of vectors would live in memory. The
 * last vector starts at column `last`, where it may overlap the one before; masked: only the first n columns of one
 * vector exist. */
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
/* What the chains of a tile start from: 0, what is in c, or that with the other sign, which the sum of a chain then
 * gets as well: c - Σ is -(-c + Σ). */
enum { N(BEGINS) = 0, N(GOES_ON) = 1, N(SUBTRACTS) = -1 };
#define TILE_NEGATE(i)                                                                                                 \
    if (rows > i) {                                                                                                    \
        s##i##0 = -s##i##0;                                                                                            \
        if (vectors > 1)                                                                                               \
            s##i##1 = -s##i##1;                                                                                        \
        if (vectors > 2)                                                                                               \
            s##i##2 = -s##i##2;                                                                                        \
        if (vectors > 3)                                                                                               \
            s##i##3 = -s##i##3;                                                                                        \
    }
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
#define TILE_STEP                                                                                                      \
    do {                                                                                                               \
        const V b0 = masked ? N(v_load_first)(b, n) : LOAD(b);                                                         \
        const V b1 = vectors > 1 ? LOAD(b + second) : b0;                                                              \
        const V b2 = vectors > 2 ? LOAD(b + third) : b0;                                                               \
        const V b3 = vectors > 3 ? LOAD(b + last) : b0;                                                                \
        TILE_ALL(TILE_ROW)                                                                                             \
        a += a_cols;                                                                                                   \
        b += ldb;                                                                                                      \
    } while (0)
static inline __attribute__((always_inline)) void N(tile)(const int rows, const int vectors, const int masked,
                                                          const int does, int64_t n, int64_t k, const T *a,
                                                          int64_t a_rows, int64_t a_cols, const T *b, int64_t ldb,
                                                          int64_t last, T *c, int64_t ldc, int goes_on,
                                                          N(moving) * next)
{
    const int64_t second = vectors > 2 ? W : last, third = vectors > 3 ? 2 * W : last;
    TILE_ALL(TILE_SUMS)
    if (goes_on == N(SUBTRACTS)) {
        TILE_ALL(TILE_NEGATE)
    }
    if (does == MOVE) {
        const int64_t moved = LEAST(next->share, next->rows), cols = next->cols, from_rows = next->from_rows;
        const int64_t ahead = LEAST(next->share, next->rows - moved) * from_rows; /* what the next tile moves */
        const T *from = next->from;
        T *to = next->to;
        for (int64_t i = 0; i < moved; i++, from += from_rows, to += cols)
            for (int64_t v = 0; v < next->vectors; v++) {
                const int64_t at = LEAST(v * W, cols - W);
                PREFETCH(from + ahead + at);
                STORE(to + at, LOAD(from + at));
                TILE_STEP;
            }
        k -= moved * next->vectors;
        next->rows -= moved;
        next->from = from;
        next->to = to;
    }
    for (int i = 0; does == FETCH && i < 2; i++) {
        N(fetching) f = next->fetches[i];
        if (f.rows <= 0)
            continue;
        for (; k > 0 && f.rows > 0; k--) {
            PREFETCH(f.at + f.line * LINE);
            if (++f.line == f.lines) {
                f.line = 0;
                f.at += f.stride;
                f.rows--;
            }
            TILE_STEP;
        }
        next->fetches[i] = f;
    }
    for (int64_t p = 0; p < k; p++)
        TILE_STEP;
    if (goes_on == N(SUBTRACTS)) {
        TILE_ALL(TILE_NEGATE)
    }
    TILE_ALL(TILE_STORE)
}

/* Rows of the next tile, where m are left: two tiles of about half the rows keep more sums in flight than a full one
 * and a thin rest. */
#define TILE_HEIGHT(m, full) ((m) >= 2 * (full) ? (full) : (m) > (full) ? ((m) + 1) / 2 : (m))
#define TILE_HEIGHTS(X)      X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12)

/* As many columns as a tile has, of any number of rows. TILE_ROWS_1 to TILE_ROWS_4 are the rows of a full tile with so
 * many vectors. Tiles of less than half of that have no time to move or fetch anything. */
#define TILE_CASE(i)                                                                                                   \
    case i:                                                                                                            \
        if (i <= full)                                                                                                 \
            N(tile)(i, vectors, masked, 0, n, k, a, a_rows, a_cols, b, ldb, last, c, ldc, goes_on, next);              \
        break;
#define TILE_CASE_DOING(i)                                                                                             \
    case i:                                                                                                            \
        if (i <= full && 2 * i >= full)                                                                                \
            N(tile)(i, vectors, masked, does, n, k, a, a_rows, a_cols, b, ldb, last, c, ldc, goes_on, next);           \
        break;
static inline __attribute__((always_inline)) void N(tiles)(const int full, const int vectors, const int masked,
                                                           const int does, int64_t m, int64_t n, int64_t k, const T *a,
                                                           int64_t a_rows, int64_t a_cols, const T *b, int64_t ldb,
                                                           T *c, int64_t ldc, int goes_on, N(moving) * next)
{
    const int64_t last = n - W;
    while (m > 0) {
        const int64_t rows = TILE_HEIGHT(m, full);
        if (does && N(has_more)(next, does) && 2 * rows >= full) {
            switch (rows) {
                TILE_HEIGHTS(TILE_CASE_DOING)
            default:
                break;
            }
        } else {
            switch (rows) {
                TILE_HEIGHTS(TILE_CASE)
            default:
                break;
            }
        }
        m -= rows;
        a += rows * a_rows;
        c += rows * ldc;
    }
}

#define DEFINE_PANEL(name, full, vectors, masked, does)                                                                \
    static void N(panel_##name)(int64_t m, int64_t n, int64_t k, const T *a, int64_t a_rows, int64_t a_cols,           \
                                const T *b, int64_t ldb, T *c, int64_t ldc, int goes_on, N(moving) * next)             \
    {                                                                                                                  \
        N(tiles)(full, vectors, masked, does, m, n, k, a, a_rows, a_cols, b, ldb, c, ldc, goes_on, next);              \
    }
DEFINE_PANEL(masked, TILE_ROWS_1, 1, 1, 0)
DEFINE_PANEL(one, TILE_ROWS_1, 1, 0, 0)
DEFINE_PANEL(two, TILE_ROWS_2, 2, 0, 0)
DEFINE_PANEL(three, TILE_ROWS_3, 3, 0, 0)
DEFINE_PANEL(four, TILE_ROWS_4, 4, 0, 0)
#define TILE_ROWS_MOVING (PANEL_VECTORS == 3 ? TILE_ROWS_3 : TILE_ROWS_2)
DEFINE_PANEL(moving, TILE_ROWS_MOVING, PANEL_VECTORS, 0, MOVE)
DEFINE_PANEL(fetching, TILE_ROWS_MOVING, PANEL_VECTORS, 0, FETCH)
DEFINE_PANEL(fetching_more, PANEL_VECTORS == 3 ? TILE_ROWS_4 : TILE_ROWS_3, PANEL_VECTORS + 1, 0, FETCH)

/* The vectors of the next panel, where so many are left: PANEL_VECTORS or one more, so that none is left alone. */
static inline int64_t N(next_panel)(int64_t vectors)
{
    const int64_t rest = vectors % PANEL_VECTORS;
    if (vectors <= PANEL_VECTORS)
        return vectors;
    return rest == 1 || (rest == 2 && PANEL_VECTORS == 3 && vectors > 5) ? PANEL_VECTORS + 1 : PANEL_VECTORS;
}

/* One row of c: eight vectors side by side, for a chain of multiply-adds alone waits on itself. */
#define ROW_SUM(i)    V s##i = goes_on ? LOAD(c + i * W) : SET(0);
#define ROW_STEP(i)   s##i = FMA(x, LOAD(b + i * W), s##i);
#define ROW_NEGATE(i) s##i = -s##i;
#define ROW_STORE(i)  STORE(c + i * W, s##i);
#define ROW_FOUR(X)   X(0) X(1) X(2) X(3)
#define ROW_EIGHT(X)  ROW_FOUR(X) X(4) X(5) X(6) X(7)
#define DEFINE_ROW(name, ALL)                                                                                          \
    static void N(row_##name)(int64_t k, const T *a, int64_t a_cols, const T *b, int64_t ldb, T *c, int goes_on)       \
    {                                                                                                                  \
        ALL(ROW_SUM)                                                                                                   \
        if (goes_on == N(SUBTRACTS)) {                                                                                 \
            ALL(ROW_NEGATE)                                                                                            \
        }                                                                                                              \
        for (int64_t p = 0; p < k; p++, a += a_cols, b += ldb) {                                                       \
            const V x = SET(*a);                                                                                       \
            ALL(ROW_STEP)                                                                                              \
        }                                                                                                              \
        if (goes_on == N(SUBTRACTS)) {                                                                                 \
            ALL(ROW_NEGATE)                                                                                            \
        }                                                                                                              \
        ALL(ROW_STORE)                                                                                                 \
    }
DEFINE_ROW(four, ROW_FOUR)
DEFINE_ROW(eight, ROW_EIGHT)

/* b with rows that are contiguous, read where they lie. Moves and fetches what next holds meanwhile. */
static void N(product_rows)(int64_t m, int64_t n, int64_t k, const T *a, int64_t a_rows, int64_t a_cols, const T *b,
                            int64_t ldb, T *c, int64_t ldc, int goes_on, N(moving) * next)
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
        if (next->fetches_panels && n > cols)
            next->fetches[0] = N(fetching_of)(b + cols, LEAST(n - cols, cols), ldb, k);
        if (n < W)
            N(panel_masked)(m, n, k, a, a_rows, a_cols, b, ldb, c, ldc, goes_on, 0);
        else if (vectors == 1)
            N(panel_one)(m, cols, k, a, a_rows, a_cols, b, ldb, c, ldc, goes_on, 0);
        else if (vectors == PANEL_VECTORS && next->rows > 0)
            N(panel_moving)(m, cols, k, a, a_rows, a_cols, b, ldb, c, ldc, goes_on, next);
        else if (vectors == PANEL_VECTORS && N(has_more)(next, FETCH))
            N(panel_fetching)(m, cols, k, a, a_rows, a_cols, b, ldb, c, ldc, goes_on, next);
        else if (vectors == PANEL_VECTORS + 1 && N(has_more)(next, FETCH))
            N(panel_fetching_more)(m, cols, k, a, a_rows, a_cols, b, ldb, c, ldc, goes_on, next);
        else if (vectors == 2)
            N(panel_two)(m, cols, k, a, a_rows, a_cols, b, ldb, c, ldc, goes_on, 0);
        else if (vectors == 3)
            N(panel_three)(m, cols, k, a, a_rows, a_cols, b, ldb, c, ldc, goes_on, 0);
        else
            N(panel_four)(m, cols, k, a, a_rows, a_cols, b, ldb, c, ldc, goes_on, 0);
        n -= cols;
        b += cols;
        c += cols;
    }
}

/* ---- Blocks ---- */

#define BLOCK_COLS  (BGK_BLOCK_COLS * (int)sizeof(float) / (int)sizeof(T))
#define BLOCK_ROWS  (BGK_BLOCK_BYTES / (int)sizeof(T) / BGK_BLOCK_DEPTH)
#define BLOCK_LARGE (1 << 20) /* bytes of b from which on it is not in a near cache */

/* Columns of the next block, where n are left: full panels, or all that is left where that is less than a panel more.
 */
static inline int64_t N(block_cols)(int64_t n) { return n < BLOCK_COLS + PANEL_VECTORS * W ? n : BLOCK_COLS; }

/* What brings the block of b at row p and column j together, while m rows are multiplied by one of depth and cols. */
static inline N(moving) N(moving_of)(int64_t p, int64_t j, int64_t n, int64_t k, const T *b, int64_t b_rows, T *to,
                                     int64_t m, int64_t depth, int64_t cols)
{
    N(moving) next = { .from = b + p * b_rows + j, .to = to, .from_rows = b_rows, .cols = N(block_cols)(n - j) };
    const int64_t tiles = (m + TILE_ROWS_MOVING - 1) / TILE_ROWS_MOVING * (cols / (PANEL_VECTORS * W));
    next.vectors = (next.cols + W - 1) / W;
    next.rows = LEAST(k - p, BGK_BLOCK_DEPTH);
    if (tiles > 0)
        next.share = LEAST((next.rows + tiles - 1) / tiles, depth / next.vectors);
    return next;
}

/* Blocks of rows, depth and columns. A block of a that is transposed is brought together first. One of b is brought
 * together while the one before it is multiplied; the first is all at once, and so are all where b is transposed as
 * well. For a few rows b is read where it lies. */
static void N(product_blocks)(int64_t m, int64_t n, int64_t k, const T *a, int64_t a_rows, int64_t a_cols, const T *b,
                              int64_t b_rows, int64_t b_cols, T *c, int64_t ldc, int begins, T *scratch)
{
    enum { LEAST_USES = 24, LEAST_COLUMNS = 24, FAR = 4096 };
    const int is_far = b_rows * (int64_t)sizeof(T) >= FAR || n * k * (int64_t)sizeof(T) >= BLOCK_LARGE;
    const int moves_b = b_cols == 1 && n >= W && m >= LEAST_USES && is_far;
    const int gathers_b = b_cols != 1 || moves_b, gathers_a = a_cols != 1 && m > 1 && n >= LEAST_COLUMNS;
    const int is_fetched = gathers_a && a_rows == 1 && !gathers_b && m >= LEAST_USES;
    const int64_t most_depth = LEAST(k, is_fetched ? BGK_BLOCK_DEPTH / 2 : BGK_BLOCK_DEPTH);
    T *const block_of_a = scratch;
    T *block = scratch + LEAST(m, BLOCK_ROWS) * most_depth;
    T *other = block + most_depth * LEAST(n, BLOCK_COLS + PANEL_VECTORS * W);
    int is_there = 0;
    for (int64_t i = 0; i < m; i += BLOCK_ROWS) {
        const int64_t rows = LEAST(m - i, BLOCK_ROWS);
        for (int64_t p = 0; p < k; p += most_depth) {
            const int64_t depth = LEAST(k - p, most_depth);
            const T *x = a + i * a_rows + p * a_cols;
            N(moving) next = { .rows = 0, .fetches_panels = b_cols == 1 && is_far && !moves_b };
            if (is_fetched && p + depth < k) {
                const int64_t next_depth = LEAST(k - p - depth, most_depth);
                next.fetches[0] = N(fetching_of)(x + depth * a_cols, rows, a_cols, next_depth);
                if (i == 0)
                    next.fetches[1] = N(fetching_of)(b + (p + depth) * b_rows, n, b_rows, next_depth);
            }
            if (gathers_a) {
                LOAD_SAME(block_of_a, x, depth, rows, a_cols, a_rows);
                x = block_of_a;
            }
            for (int64_t j = 0, cols = n; j < n; j += cols) {
                const T *y = b + p * b_rows + j * b_cols;
                int is_other = 0;
                if (gathers_b) {
                    cols = N(block_cols)(n - j);
                    if (!is_there)
                        LOAD_SAME(block, y, depth, cols, b_rows, b_cols);
                    y = block;
                    const int64_t next_j = j + cols < n ? j + cols : 0, next_p = next_j > 0 ? p : p + depth;
                    is_there = moves_b && (next_p < k || i + rows < m);
                    is_other = is_there && (depth < k || cols < n); /* there may be but one */
                    if (is_other)
                        next = N(moving_of)(next_p < k ? next_p : 0, next_j, n, k, b, b_rows, other, rows, depth, cols);
                }
                N(product_rows)
                (rows, cols, depth, x, gathers_a ? 1 : a_rows, gathers_a ? rows : a_cols, y, gathers_b ? cols : b_rows,
                 c + i * ldc + j, ldc, p > 0 && begins == N(BEGINS) ? N(GOES_ON) : begins, &next);
                for (; next.rows > 0; next.rows--, next.from += next.from_rows, next.to += next.cols)
                    N(copy)(next.to, next.from, next.cols);
                if (is_other) {
                    T *const done = block;
                    block = other;
                    other = done;
                }
            }
        }
    }
}

/* How deep a block of so many columns is. */
static inline int64_t N(block_depth)(int64_t cols) { return BGK_BLOCK_BYTES / (int64_t)sizeof(T) / cols; }

/* Any b, as the transposed cᵀ = bᵀ · aᵀ: b is read where it lies, and a, which has fewer rows than b has columns, is
 * brought to contiguous columns. */
static void N(product_turned)(int64_t m, int64_t n, int64_t k, const T *a, int64_t a_rows, int64_t a_cols, const T *b,
                              int64_t b_rows, int64_t b_cols, T *c, int64_t ldc, int begins, T *scratch)
{
    T *block = scratch + BGK_BLOCK_TURN * LEAST(m, BGK_BLOCK_SIDE);
    const int is_large = b_rows == 1 && n * k * (int64_t)sizeof(T) >= BLOCK_LARGE;
    N(moving) next = { .rows = 0 };
    for (int64_t i = 0; i < m; i += BGK_BLOCK_SIDE) {
        const int64_t cols = LEAST(m - i, BGK_BLOCK_SIDE), most_depth = N(block_depth)(cols);
        for (int64_t p = 0; p < k; p += most_depth) {
            const int64_t depth = LEAST(k - p, most_depth);
            const int goes_on = p > 0 && begins == N(BEGINS) ? N(GOES_ON) : begins;
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
                if (is_large && j + rows < n)
                    next.fetches[0] =
                        N(fetching_of)(b + p + (j + rows) * b_cols, depth, b_cols, LEAST(n - j - rows, BGK_BLOCK_TURN));
                if (goes_on)
                    N(transpose)(scratch, cols, to, ldc, rows, cols);
                N(product_rows)
                (rows, cols, depth, b + p * b_rows + j * b_cols, b_cols, b_rows, x, ldx, scratch, cols, goes_on, &next);
                N(transpose)(to, ldc, scratch, cols, cols, rows);
            }
        }
    }
}

static inline __attribute__((always_inline)) void N(multiply)(int64_t m, int64_t n, int64_t k, const void *a,
                                                              int64_t a_rows, int64_t a_cols, const void *b,
                                                              int64_t b_rows, int64_t b_cols, void *c, int64_t ldc,
                                                              int begins, void *scratch)
{
    /* A few columns fill no vector, but those of the transposed product may. */
    const int is_thin = m > 1 && (n == 1 || (2 * n <= W && m >= W && a_rows == 1));
    if (is_thin || (b_cols != 1 && n > 1 && m * (k + 2 * n) < n * k))
        N(product_turned)(m, n, k, a, a_rows, a_cols, b, b_rows, b_cols, c, ldc, begins, scratch);
    else
        N(product_blocks)(m, n, k, a, a_rows, a_cols, b, b_rows, n == 1 ? 1 : b_cols, c, ldc, begins, scratch);
}

static void N(product)(int64_t m, int64_t n, int64_t k, const void *a, int64_t a_rows, int64_t a_cols, const void *b,
                       int64_t b_rows, int64_t b_cols, void *c, int64_t ldc, void *scratch)
{
    if (m <= 0 || n <= 0)
        return;
    if (k > 0)
        N(multiply)(m, n, k, a, a_rows, a_cols, b, b_rows, b_cols, c, ldc, N(BEGINS), scratch);
    for (int64_t i = 0; i < m && k <= 0; i++)
        N(spread)((T *)c + i * ldc, 0, n);
}

static void N(product_subtracted)(int64_t m, int64_t n, int64_t k, const void *a, int64_t a_rows, int64_t a_cols,
                                  const void *b, int64_t b_rows, int64_t b_cols, void *c, int64_t ldc, void *scratch)
{
    if (m > 0 && n > 0 && k > 0)
        N(multiply)(m, n, k, a, a_rows, a_cols, b, b_rows, b_cols, c, ldc, N(SUBTRACTS), scratch);
}

#undef LOAD_SAME
#undef TILE_STEP
#undef TILE_ROW
#undef TILE_STORE
#undef TILE_SUMS
#undef TILE_NEGATE
#undef TILE_CASE
#undef TILE_CASE_DOING
#undef TILE_ROWS_MOVING
#undef DEFINE_PANEL
#undef ROW_SUM
#undef ROW_STEP
#undef ROW_NEGATE
#undef ROW_STORE
#undef ROW_FOUR
#undef ROW_EIGHT
#undef DEFINE_ROW
#undef LEAST
#undef BLOCK_COLS
#undef BLOCK_ROWS
#undef BLOCK_LARGE
#undef LINE
#undef MOVE
#undef FETCH
