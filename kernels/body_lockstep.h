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

/* The row at or below row k with the largest element of column k, as numbers. */
static inline void N(find_pivots)(int64_t m, int64_t k, const T *a, int64_t a_rows, int64_t a_cols, T *pivots)
{
    V best = AND_NOT(SIGN_BIT, LOAD(AT(a, k, k))), at = SET(k);
    for (int64_t i = k + 1; i < m; i++) {
        const V here = AND_NOT(SIGN_BIT, LOAD(AT(a, i, k)));
        const M is_larger = LESS(best, here);
        best = SELECT(is_larger, here, best);
        at = SELECT(is_larger, SET(i), at);
    }
    STORE(pivots, at);
}

/* Rows below row k without their part of it; a column of zeros stays. Divided, and not multiplied with an inverse, and
 * rounded twice: rows of small integers that depend on each other then mostly leave a pivot of 0. */
#define ELIMINATE_FACTOR(i)                                                                                            \
    V f##i = SET(0);                                                                                                   \
    if (rows > i) {                                                                                                    \
        const V from = LOAD(AT(a, i, k));                                                                              \
        f##i = SELECT(is_zero, from, from / pivot);                                                                    \
        STORE(AT(a, i, k), f##i);                                                                                      \
    }
#define ELIMINATE_FROM(i)                                                                                              \
    if (rows > i)                                                                                                      \
        STORE(AT(a, i, j), LOAD(AT(a, i, j)) - f##i * u);
static inline __attribute__((always_inline)) void N(eliminate_rows)(const int rows, int64_t n, int64_t k, T *a,
                                                                    int64_t a_rows, int64_t a_cols, const T *top)
{
    const V pivot = LOAD(top + k * a_cols);
    const M is_zero = EQUAL(pivot, SET(0));
    LANES_ALL(ELIMINATE_FACTOR)
    for (int64_t j = k + 1; j < n; j++) {
        const V u = LOAD(top + j * a_cols);
        LANES_ALL(ELIMINATE_FROM)
    }
}
static void N(lockstep_lu)(int64_t m, int64_t n, void *of_a, int64_t a_rows, int64_t a_cols, void *to_order)
{
    T *order = to_order, pivots[BGK_LANES];
    for (int64_t i = 0; i < m; i++)
        for (int lane = 0; lane < BGK_LANES; lane++)
            order[i * BGK_LANES + lane] = (T)i;
    for (int64_t k = 0; k < m && k < n; k++) {
        for (int lane = 0; lane < BGK_LANES; lane += W)
            N(find_pivots)(m, k, (const T *)of_a + lane, a_rows, a_cols, pivots + lane);
        for (int lane = 0; lane < BGK_LANES; lane++) {
            const int64_t p = (int64_t)pivots[lane];
            T *a = (T *)of_a + lane;
            if (p == k)
                continue;
            N(exchange)(order + k * BGK_LANES + lane, order + p * BGK_LANES + lane);
            for (int64_t j = 0; j < n; j++)
                N(exchange)(AT(a, k, j), AT(a, p, j));
        }
        for (int lane = 0; lane < BGK_LANES; lane += W) {
            T *a = (T *)of_a + lane;
            const T *top = AT(a, k, 0);
            int64_t i = k + 1;
            for (; i + 4 <= m; i += 4)
                N(eliminate_rows)(4, n, k, AT(a, i, 0), a_rows, a_cols, top);
            for (; i < m; i++)
                N(eliminate_rows)(1, n, k, AT(a, i, 0), a_rows, a_cols, top);
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
#undef ELIMINATE_FACTOR
#undef ELIMINATE_FROM
