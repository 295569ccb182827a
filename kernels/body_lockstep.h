/* Factors and solutions of BGK_LANES small matrices that lie side by side, each lane by itself: all do the same at the
 * same time, so that a vector is as full for a 4 x 4 matrix as for a large one, and no lane waits for its own sum.
 *
 * Sums are kept with the opposite sign, -b + Σ a x, which fused multiply-adds give without negating a factor; what they
 * are multiplied with then, -1 / diagonal, turns them round. */

#define LANES_ALL(X)  X(0) X(1) X(2) X(3)
#define TILE_OF(i, X) X(i, 0) X(i, 1) X(i, 2) X(i, 3)
#define TILE_LANES(X) TILE_OF(0, X) TILE_OF(1, X) TILE_OF(2, X) TILE_OF(3, X)
#define AT(p, i, j)   ((p) + (i)*p##_rows + (j)*p##_cols)
/* Columns of a tile: what the registers hold beside 4 rows of factors. */
#define COLUMNS_OF(left) ((left) >= 4 && sizeof(V) == 64 ? 4 : (left) >= 2 ? 2 : 1)
#define ROWS_OF(left)    ((left) >= 4 ? 4 : (left) >= 2 ? 2 : 1)

/* Rows and columns of x of a tile of forward substitution, behind `before` rows that are known; rows and cols are
 * constants wherever this is called. a: the tile's first row; x: its first column. inverses: -1 / diagonal of the rows,
 * with what is left to multiply with in scales, which are NULL where all are 1. */
#define TILE_TAKE(i, j)                                                                                                \
    V s##i##j = SET(0);                                                                                                \
    if (rows > i && cols > j)                                                                                          \
        s##i##j = -LOAD(AT(x, before + i, j));
#define TILE_COLUMN(j) const V x##j = cols > j ? LOAD(AT(x, k, j)) : SET(0);
#define TILE_TIMES(i)                                                                                                  \
    if (rows > i) {                                                                                                    \
        const V l = LOAD(AT(a, i, k));                                                                                 \
        s##i##0 = FMA(l, x0, s##i##0);                                                                                 \
        if (cols > 1)                                                                                                  \
            s##i##1 = FMA(l, x1, s##i##1);                                                                             \
        if (cols > 2)                                                                                                  \
            s##i##2 = FMA(l, x2, s##i##2);                                                                             \
        if (cols > 3)                                                                                                  \
            s##i##3 = FMA(l, x3, s##i##3);                                                                             \
    }
/* Row i without row k of the tile. */
#define TILE_LESS(i, k)                                                                                                \
    if (rows > i && k < i) {                                                                                           \
        const V l = LOAD(AT(a, i, before + k));                                                                        \
        s##i##0 = FMA(l, s##k##0, s##i##0);                                                                            \
        if (cols > 1)                                                                                                  \
            s##i##1 = FMA(l, s##k##1, s##i##1);                                                                        \
        if (cols > 2)                                                                                                  \
            s##i##2 = FMA(l, s##k##2, s##i##2);                                                                        \
        if (cols > 3)                                                                                                  \
            s##i##3 = FMA(l, s##k##3, s##i##3);                                                                        \
    }
#define TILE_DIVIDE(i, j)                                                                                              \
    if (rows > i && cols > j) {                                                                                        \
        s##i##j = s##i##j * LOAD(inverses + i * W);                                                                    \
        if (scales)                                                                                                    \
            s##i##j = s##i##j * LOAD(scales + i * W);                                                                  \
        STORE(AT(x, before + i, j), s##i##j);                                                                          \
    }
#define TILE_ROW_OF_X(i)                                                                                               \
    TILE_LESS(i, 0)                                                                                                    \
    TILE_LESS(i, 1)                                                                                                    \
    TILE_LESS(i, 2)                                                                                                    \
    TILE_OF(i, TILE_DIVIDE)
static inline __attribute__((always_inline)) void N(forward_tile)(const int rows, const int cols, int64_t before,
                                                                  const T *a, int64_t a_rows, int64_t a_cols, T *x,
                                                                  int64_t x_rows, int64_t x_cols, const T *inverses,
                                                                  const T *scales)
{
    TILE_LANES(TILE_TAKE)
    for (int64_t k = 0; k < before; k++) {
        LANES_ALL(TILE_COLUMN)
        LANES_ALL(TILE_TIMES)
    }
    LANES_ALL(TILE_ROW_OF_X)
}

/* n rows of x, of `cols` columns that are a tile's. */
static inline __attribute__((always_inline)) void N(forward_columns)(const int cols, int64_t n, const T *a,
                                                                     int64_t a_rows, int64_t a_cols, T *x,
                                                                     int64_t x_rows, int64_t x_cols, const T *inverses,
                                                                     const T *scales)
{
    for (int64_t i = 0; i < n; i += ROWS_OF(n - i)) {
        const T *row = AT(a, i, 0), *inverse = inverses + i * W, *scale = scales ? scales + i * W : NULL;
        if (ROWS_OF(n - i) == 4)
            N(forward_tile)(4, cols, i, row, a_rows, a_cols, x, x_rows, x_cols, inverse, scale);
        else if (ROWS_OF(n - i) == 2)
            N(forward_tile)(2, cols, i, row, a_rows, a_cols, x, x_rows, x_cols, inverse, scale);
        else
            N(forward_tile)(1, cols, i, row, a_rows, a_cols, x, x_rows, x_cols, inverse, scale);
    }
}
static void N(forward_all)(int64_t n, int64_t r, const T *a, int64_t a_rows, int64_t a_cols, T *x, int64_t x_rows,
                           int64_t x_cols, const T *inverses, const T *scales)
{
    for (int64_t j = 0; j < r; j += COLUMNS_OF(r - j)) {
        T *column = AT(x, 0, j);
        if (COLUMNS_OF(r - j) == 4)
            N(forward_columns)(4, n, a, a_rows, a_cols, column, x_rows, x_cols, inverses, scales);
        else if (COLUMNS_OF(r - j) == 2)
            N(forward_columns)(2, n, a, a_rows, a_cols, column, x_rows, x_cols, inverses, scales);
        else
            N(forward_columns)(1, n, a, a_rows, a_cols, column, x_rows, x_cols, inverses, scales);
    }
}

/* A diagonal element of less than the smallest normal number may have no inverse: 2^SCALE of it has one. */
#define SMALLEST BY_TYPE(0x1p-126f, 0x1p-1022)
#define SCALED   BY_TYPE(0x1p+24f, 0x1p+54)
static void N(lockstep_solve)(int64_t n, int64_t r, const void *from_a, int64_t a_rows, int64_t a_cols, void *to_x,
                              int64_t x_rows, int64_t x_cols, int is_unit, void *scratch)
{
    T *inverses = scratch, *scales = inverses + n * W;
    for (int lane = 0; lane < BGK_LANES; lane += W) {
        const T *a = (const T *)from_a + lane;
        int has_scales = 0;
        for (int64_t i = 0; i < n; i++) {
            const V diagonal = is_unit ? SET(1) : LOAD(AT(a, i, i));
            const M is_tiny = LESS(AND_NOT(SIGN_BIT, diagonal), SET(SMALLEST));
            const V scale = SELECT(is_tiny, SET(SCALED), SET(1));
            has_scales |= N(v_any)(is_tiny);
            STORE(inverses + i * W, SET(-1) / (diagonal * scale));
            STORE(scales + i * W, scale);
        }
        N(forward_all)
        (n, r, a, a_rows, a_cols, (T *)to_x + lane, x_rows, x_cols, inverses, has_scales ? scales : NULL);
    }
}

/* A diagonal tile of l. a: its first row; order: of the leading minor that ends before it; minors: the order of the
 * first that is not positive so far, or 0. */
#define DIAGONAL_TAKE(i, j)                                                                                            \
    V s##i##j = SET(0);                                                                                                \
    if (rows > i && j <= i)                                                                                            \
        s##i##j = -LOAD(AT(a, i, before + j));
#define DIAGONAL_ROW(i) const V l##i = rows > i ? LOAD(AT(a, i, k)) : SET(0);
#define DIAGONAL_TIMES(i, j)                                                                                           \
    if (rows > i && j <= i)                                                                                            \
        s##i##j = FMA(l##i, l##j, s##i##j);
#define DIAGONAL_LESS(i, j, k)                                                                                         \
    if (rows > i)                                                                                                      \
        s##i##j = FMA(s##i##k, s##j##k, s##i##j);
#define DIAGONAL_BELOW(i, j)                                                                                           \
    if (rows > i) {                                                                                                    \
        s##i##j = s##i##j * inverse##j;                                                                                \
        STORE(AT(a, i, before + j), s##i##j);                                                                          \
    }
#define DIAGONAL_ROOT(j)                                                                                               \
    V inverse##j = SET(0);                                                                                             \
    if (rows > j) {                                                                                                    \
        const V square = -s##j##j, root = N(v_sqrt)(square);                                                           \
        const M is_positive = LESS(SET(0), square), is_first = EQUAL(minor, SET(0));                                   \
        minor = SELECT(is_positive, minor, SELECT(is_first, SET(before + j + 1), minor));                              \
        inverse##j = SET(-1) / root;                                                                                   \
        STORE(AT(a, j, before + j), root);                                                                             \
        STORE(inverses + j * W, inverse##j);                                                                           \
    }
static inline __attribute__((always_inline)) void N(diagonal_tile)(const int rows, int64_t before, T *a, int64_t a_rows,
                                                                   int64_t a_cols, T *inverses, T *minors)
{
    V minor = LOAD(minors);
    TILE_LANES(DIAGONAL_TAKE)
    for (int64_t k = 0; k < before; k++) {
        LANES_ALL(DIAGONAL_ROW)
        TILE_LANES(DIAGONAL_TIMES)
    }
    DIAGONAL_ROOT(0)
    DIAGONAL_BELOW(1, 0)
    DIAGONAL_BELOW(2, 0)
    DIAGONAL_BELOW(3, 0)
    DIAGONAL_LESS(1, 1, 0)
    DIAGONAL_LESS(2, 1, 0)
    DIAGONAL_LESS(3, 1, 0)
    DIAGONAL_ROOT(1)
    DIAGONAL_BELOW(2, 1)
    DIAGONAL_BELOW(3, 1)
    DIAGONAL_LESS(2, 2, 0)
    DIAGONAL_LESS(2, 2, 1)
    DIAGONAL_LESS(3, 2, 0)
    DIAGONAL_LESS(3, 2, 1)
    DIAGONAL_ROOT(2)
    DIAGONAL_BELOW(3, 2)
    DIAGONAL_LESS(3, 3, 0)
    DIAGONAL_LESS(3, 3, 1)
    DIAGONAL_LESS(3, 3, 2)
    DIAGONAL_ROOT(3)
    STORE(minors, minor);
}

/* Rows of l, some at a time: what is left of the diagonal is the solution of a system with the rows above. */
static void N(lockstep_cholesky)(int64_t n, void *of_a, int64_t a_rows, int64_t a_cols, void *to_minors, void *scratch)
{
    T *inverses = scratch;
    for (int lane = 0; lane < BGK_LANES; lane += W) {
        T *a = (T *)of_a + lane, *minors = (T *)to_minors + lane;
        STORE(minors, SET(0));
        for (int64_t i = 0; i < n; i += ROWS_OF(n - i)) {
            const int64_t rows = ROWS_OF(n - i);
            T *row = AT(a, i, 0), *inverse = inverses + i * W;
            N(forward_all)(i, rows, a, a_rows, a_cols, row, a_cols, a_rows, inverses, NULL);
            if (rows == 4)
                N(diagonal_tile)(4, i, row, a_rows, a_cols, inverse, minors);
            else if (rows == 2)
                N(diagonal_tile)(2, i, row, a_rows, a_cols, inverse, minors);
            else
                N(diagonal_tile)(1, i, row, a_rows, a_cols, inverse, minors);
        }
        for (int64_t i = 0; i < n; i++)
            for (int64_t j = i + 1; j < n; j++)
                STORE(AT(a, i, j), SET(0));
    }
}

/* ---- LU ----
 * Some columns of l at a time, a panel: what is right of them is then read and written once for all of them, each
 * element in the order of the columns, as if they came one after the other. Factors are divided, and not multiplied
 * with an inverse, and terms are rounded twice: rows of small integers that depend on each other then mostly leave a
 * pivot of 0. */
#define PANEL_OF(left) ((left) >= 4 ? 4 : 1)

/* For each lane the row at or below row k where the column x is largest, the first of several. */
#define MOST_START(i) V most##i = SET(0);
#define MOST_TAKE(i)  most##i = MAX(most##i, AND_NOT(SIGN_BIT, LOAD(x + (row + i) * x_rows)));
static inline void N(find_pivots)(int64_t m, int64_t k, const T *x, int64_t x_rows, int64_t *pivots)
{
    T found[W];
    int64_t row = k;
    LANES_ALL(MOST_START)
    for (; row + 4 <= m; row += 4) {
        LANES_ALL(MOST_TAKE)
    }
    for (; row < m; row++) {
        MOST_TAKE(0)
    }
    const V most = MAX(MAX(most0, most1), MAX(most2, most3));
    V at = SET(k);
    for (row = m - 1; row >= k; row--)
        at = SELECT(EQUAL(AND_NOT(SIGN_BIT, LOAD(x + row * x_rows)), most), SET(row), at);
    STORE(found, at);
    for (int lane = 0; lane < W; lane++)
        pivots[lane] = (int64_t)found[lane];
}

/* Rows first .. of the column x, each in turn with the row that is each lane's pivot. */
static inline void N(exchange_rows)(int64_t first, int64_t count, const int64_t *pivots, T *x, int64_t x_rows)
{
    for (int64_t row = first; row < first + count; row++, pivots += BGK_LANES)
        for (int lane = 0; lane < BGK_LANES; lane++)
            N(exchange)(x + row * x_rows + lane, x + pivots[lane] * x_rows + lane);
}

/* Column 0 of a panel below row k becomes factors, and `more` columns right of it lose their part of row k. A column of
 * zeros stays. */
#define COLUMN_TOP(j) const V u##j = more > j ? LOAD(AT(a, k, j + 1)) : SET(0);
#define COLUMN_FROM(j)                                                                                                 \
    if (more > j)                                                                                                      \
        STORE(AT(a, i, j + 1), LOAD(AT(a, i, j + 1)) - f * u##j);
static inline __attribute__((always_inline)) void N(eliminate_column)(const int more, int64_t m, int64_t k, T *a,
                                                                      int64_t a_rows, int64_t a_cols)
{
    const V pivot = LOAD(AT(a, k, 0));
    const M is_zero = EQUAL(pivot, SET(0));
    COLUMN_TOP(0)
    COLUMN_TOP(1)
    COLUMN_TOP(2)
    for (int64_t i = k + 1; i < m; i++) {
        const V from = LOAD(AT(a, i, 0)), f = SELECT(is_zero, from, from / pivot);
        STORE(AT(a, i, 0), f);
        COLUMN_FROM(0)
        COLUMN_FROM(1)
        COLUMN_FROM(2)
    }
}
/* The columns of a panel, which begins in row k. */
static void N(finish_panel)(int64_t width, int64_t m, int64_t k, T *panel, int64_t a_rows, int64_t a_cols,
                            int64_t *pivots)
{
    for (int64_t c = 0; c < width; c++) {
        for (int lane = 0; lane < BGK_LANES; lane += W)
            N(find_pivots)(m, k + c, panel + c * a_cols + lane, a_rows, pivots + c * BGK_LANES + lane);
        for (int64_t j = 0; j < width; j++)
            N(exchange_rows)(k + c, 1, pivots + c * BGK_LANES, panel + j * a_cols, a_rows);
        for (int lane = 0; lane < BGK_LANES; lane += W) {
            T *a = panel + c * a_cols + lane;
            if (width - c == 4)
                N(eliminate_column)(3, m, k + c, a, a_rows, a_cols);
            else if (width - c == 3)
                N(eliminate_column)(2, m, k + c, a, a_rows, a_cols);
            else if (width - c == 2)
                N(eliminate_column)(1, m, k + c, a, a_rows, a_cols);
            else
                N(eliminate_column)(0, m, k + c, a, a_rows, a_cols);
        }
    }
}

/* Some columns of a right of a panel l of `depth` columns: rows k .. become those of u, and rows below lose their part
 * of them. depth and cols are constants wherever this is called. */
#define RIGHT_TAKE(i, j)                                                                                               \
    V u##i##j = SET(0);                                                                                                \
    if (depth > i && cols > j)                                                                                         \
        u##i##j = LOAD(AT(a, k + i, j));
#define RIGHT_LESS(i, h)                                                                                               \
    if (depth > i && h < i) {                                                                                          \
        const V f = LOAD(AT(l, k + i, h));                                                                             \
        u##i##0 = u##i##0 - f * u##h##0;                                                                               \
        if (cols > 1)                                                                                                  \
            u##i##1 = u##i##1 - f * u##h##1;                                                                           \
        if (cols > 2)                                                                                                  \
            u##i##2 = u##i##2 - f * u##h##2;                                                                           \
        if (cols > 3)                                                                                                  \
            u##i##3 = u##i##3 - f * u##h##3;                                                                           \
    }
#define RIGHT_STORE(i, j)                                                                                              \
    if (depth > i && cols > j && i > 0)                                                                                \
        STORE(AT(a, k + i, j), u##i##j);
#define RIGHT_ROW(i)                                                                                                   \
    RIGHT_LESS(i, 0)                                                                                                   \
    RIGHT_LESS(i, 1)                                                                                                   \
    RIGHT_LESS(i, 2)                                                                                                   \
    TILE_OF(i, RIGHT_STORE)
#define RIGHT_FACTOR(h) const V f##h = depth > h ? LOAD(AT(l, i, h)) : SET(0);
#define RIGHT_BELOW(j)                                                                                                 \
    if (cols > j) {                                                                                                    \
        V s = LOAD(AT(a, i, j)) - f0 * u0##j;                                                                          \
        if (depth > 1)                                                                                                 \
            s = s - f1 * u1##j;                                                                                        \
        if (depth > 2)                                                                                                 \
            s = s - f2 * u2##j;                                                                                        \
        if (depth > 3)                                                                                                 \
            s = s - f3 * u3##j;                                                                                        \
        STORE(AT(a, i, j), s);                                                                                         \
    }
static inline __attribute__((always_inline)) void N(update_right)(const int depth, const int cols, int64_t m, int64_t k,
                                                                  const T *l, int64_t l_rows, int64_t l_cols, T *a,
                                                                  int64_t a_rows, int64_t a_cols)
{
    TILE_LANES(RIGHT_TAKE)
    LANES_ALL(RIGHT_ROW)
    for (int64_t i = k + depth; i < m; i++) {
        LANES_ALL(RIGHT_FACTOR)
        LANES_ALL(RIGHT_BELOW)
    }
}
static inline __attribute__((always_inline)) void N(update_columns)(const int depth, int64_t count, int64_t m,
                                                                    int64_t k, const T *l, T *right, int64_t rows,
                                                                    int64_t cols)
{
    for (int lane = 0; lane < BGK_LANES; lane += W, l += W, right += W)
        if (count == 4)
            N(update_right)(depth, 4, m, k, l, rows, cols, right, rows, cols);
        else if (count == 2)
            N(update_right)(depth, 2, m, k, l, rows, cols, right, rows, cols);
        else
            N(update_right)(depth, 1, m, k, l, rows, cols, right, rows, cols);
}

static void N(lockstep_lu)(int64_t m, int64_t n, void *of_a, int64_t a_rows, int64_t a_cols, void *to_order)
{
    T *a = of_a, *order = to_order;
    int64_t pivots[4 * BGK_LANES];
    for (int64_t i = 0; i < m; i++)
        for (int lane = 0; lane < BGK_LANES; lane++)
            order[i * BGK_LANES + lane] = (T)i;
    for (int64_t k = 0, least = m < n ? m : n, width; k < least; k += width) {
        width = PANEL_OF(least - k);
        T *panel = AT(a, 0, k);
        N(finish_panel)(width, m, k, panel, a_rows, a_cols, pivots);
        N(exchange_rows)(k, width, pivots, order, BGK_LANES);
        for (int64_t j = 0; j < k; j++)
            N(exchange_rows)(k, width, pivots, AT(a, 0, j), a_rows);
        for (int64_t j = k + width, count; j < n; j += count) {
            count = COLUMNS_OF(n - j);
            for (int64_t c = j; c < j + count; c++)
                N(exchange_rows)(k, width, pivots, AT(a, 0, c), a_rows);
            if (width == 4)
                N(update_columns)(4, count, m, k, panel, AT(a, 0, j), a_rows, a_cols);
            else
                N(update_columns)(1, count, m, k, panel, AT(a, 0, j), a_rows, a_cols);
        }
    }
}

#undef LANES_ALL
#undef TILE_OF
#undef TILE_LANES
#undef AT
#undef COLUMNS_OF
#undef ROWS_OF
#undef TILE_TAKE
#undef TILE_COLUMN
#undef TILE_TIMES
#undef TILE_LESS
#undef TILE_DIVIDE
#undef TILE_ROW_OF_X
#undef SMALLEST
#undef SCALED
#undef DIAGONAL_TAKE
#undef DIAGONAL_ROW
#undef DIAGONAL_TIMES
#undef DIAGONAL_LESS
#undef DIAGONAL_BELOW
#undef DIAGONAL_ROOT
#undef PANEL_OF
#undef MOST_START
#undef MOST_TAKE
#undef COLUMN_TOP
#undef COLUMN_FROM
#undef RIGHT_TAKE
#undef RIGHT_LESS
#undef RIGHT_STORE
#undef RIGHT_ROW
#undef RIGHT_FACTOR
#undef RIGHT_BELOW
