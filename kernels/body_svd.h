/* Singular values and vectors of matrices that lie side by side, by rotations of pairs of rows until all rows are at
 * right angles: Hestenes, Inversion of matrices by biorthogonalization and related results, 1958; that small values are
 * as accurate as the matrix defines them: Demmel and Veselić, Jacobi's method is more accurate than QR, 1992. The pairs
 * of a round have no row in common, so that no rotation waits for another: Brent and Luk, The solution of
 * singular-value and symmetric eigenvalue problems on multiprocessor arrays, 1985. */

/* Elements of at most some LIFT: squares, and products of two sums of them, neither overflow nor, from the least SQUARE
 * on, vanish. Rows that are shorter count as of that length, which is far below the rounding of the others. */
#define LIFT         BY_TYPE(0x1p+21f, 0x1p+200)
#define LEAST_SQUARE BY_TYPE(0x1p-56f, 0x1p-400)
/* Powers of two whose inverses are numbers, too. */
#define LEAST_POWER BY_TYPE(0x1p-125f, 0x1p-1021)
#define MOST_POWER  BY_TYPE(0x1p+125f, 0x1p+1021)
#define LANES       BGK_LINE_LANES(sizeof(T))
#define ROW(x, i)   ((x) + (i)*x##_rows)

static inline V N(dot)(int64_t n, const T *x, const T *y)
{
    enum { step = LANES };
    V sum0 = SET(0), sum1 = SET(0), sum2 = SET(0), sum3 = SET(0);
    int64_t i = 0;
    for (; i + 4 <= n; i += 4, x += 4 * step, y += 4 * step) {
        sum0 = FMA(LOAD(x), LOAD(y), sum0);
        sum1 = FMA(LOAD(x + step), LOAD(y + step), sum1);
        sum2 = FMA(LOAD(x + 2 * step), LOAD(y + 2 * step), sum2);
        sum3 = FMA(LOAD(x + 3 * step), LOAD(y + 3 * step), sum3);
    }
    for (; i < n; i++, x += step, y += step)
        sum0 = FMA(LOAD(x), LOAD(y), sum0);
    return (sum0 + sum1) + (sum2 + sum3);
}

/* p becomes along p + across q, q along q - across p. */
typedef struct {
    int64_t p, q;
    T along[W], across[W];
} N(turn);

/* The rotation to right angles of rows whose product is `between`, with the longer one as p, and the squares of their
 * lengths, which it changes. Lanes within the tolerance stay, to the bit but for the sign of a 0. Returns whether any
 * is not. */
static inline int N(find_turn)(V between, T *square_p, T *square_q, V tolerance, N(turn) * turn)
{
    const V at_p = LOAD(square_p), at_q = LOAD(square_q);
    const V size = N(v_sqrt)(MAX(at_p, SET(LEAST_SQUARE)) * MAX(at_q, SET(LEAST_SQUARE)));
    const M is_above = LESS(tolerance * size, N(v_abs)(between));
    if (!N(v_any)(is_above))
        return 0;
    /* The smaller root of t² + |gap| / between · t = 1; where squares vanish, the larger side is the hypotenuse. */
    const V gap = at_q - at_p, twice = between + between, wide = N(v_abs)(gap), high = N(v_abs)(twice);
    const V t = twice / (wide + MAX(N(v_sqrt)(FMA(gap, gap, twice * twice)), MAX(wide, high)));
    const V c = SET(1) / N(v_sqrt)(FMA(t, t, SET(1))), s = t * c, gain = t * between;
    const M is_rising = LESS(SET(0), gap);
    STORE(turn->along, SELECT(is_above, SELECT(is_rising, s, c), SET(1)));
    STORE(turn->across, SELECT(is_above, SELECT(is_rising, c, s), SET(0)));
    STORE(square_p, SELECT(is_above, MAX(at_p, at_q) + gain, at_p));
    STORE(square_q, SELECT(is_above, MIN(at_p, at_q) - gain, at_q));
    return 1;
}
static inline void N(turn_rows)(const N(turn) * turn, int64_t n, T *p, T *q)
{
    const V along = LOAD(turn->along), across = LOAD(turn->across), back = SET(0) - across;
    for (int64_t i = 0; i < n; i++, p += LANES, q += LANES) {
        const V at_p = LOAD(p), at_q = LOAD(q);
        STORE(p, FMA(along, at_p, across * at_q));
        STORE(q, FMA(along, at_q, back * at_p));
    }
}

/* One lane vector's matrices: rows of x [n, length], of v [n, n] unless that is NULL, and their squares. */
typedef struct {
    int64_t n, length;
    T *x, *v, *squares;
} N(turned);

/* Meetings of two blocks of rows, or of those of one block. Pairs of a round have no row in common, so that no rotation
 * waits for another, and two blocks stay in a level 1 cache. Returns whether any pair was turned. */
enum { N(BLOCK) = 4 };
static inline int N(meet)(const N(turned) * m, int64_t a, int64_t b, V tolerance)
{
    static const int own[3][2][2] = { { { 0, 3 }, { 1, 2 } }, { { 0, 2 }, { 1, 3 } }, { { 0, 1 }, { 2, 3 } } };
    enum { BLOCK = N(BLOCK) };
    const int64_t x_rows = m->length * LANES, v_rows = m->n * LANES;
    const int rounds = a == b ? 3 : BLOCK, pairs = a == b ? 2 : BLOCK;
    T *x = m->x, *v = m->v, *squares = m->squares;
    int any = 0;
    for (int round = 0; round < rounds; round++) {
        N(turn) turns[BLOCK];
        int count = 0;
        for (int i = 0; i < pairs; i++) {
            const int64_t p = a * BLOCK + (a == b ? own[round][i][0] : i);
            const int64_t q = b * BLOCK + (a == b ? own[round][i][1] : (i + round) % BLOCK);
            if (q >= m->n)
                continue;
            turns[count].p = p;
            turns[count].q = q;
            const V between = N(dot)(m->length, ROW(x, p), ROW(x, q));
            count += N(find_turn)(between, squares + p * LANES, squares + q * LANES, tolerance, &turns[count]);
        }
        for (int i = 0; i < count; i++) {
            N(turn_rows)(&turns[i], m->length, ROW(x, turns[i].p), ROW(x, turns[i].q));
            if (v)
                N(turn_rows)(&turns[i], m->n, ROW(v, turns[i].p), ROW(v, turns[i].q));
        }
        any |= count > 0;
    }
    return any;
}

/* Each block with itself and with each other one: of places around a table, one fixed and the others moved on from
 * round to round, those that face each other; one place is empty if there is an odd number of blocks. */
static int N(turn_all)(const N(turned) * m, V tolerance)
{
    const int64_t blocks = (m->n + N(BLOCK) - 1) / N(BLOCK), places = blocks + blocks % 2, moving = places - 1;
    int any = 0;
    for (int64_t i = 0; i < blocks; i++)
        any |= N(meet)(m, i, i, tolerance);
    for (int64_t round = 0; round < moving; round++)
        for (int64_t i = blocks % 2; i < places / 2; i++) {
            const int64_t left = round + i - (round + i < moving ? 0 : moving);
            const int64_t right = i == 0 ? moving : round - i + (round < i ? moving : 0);
            any |= left < right ? N(meet)(m, left, right, tolerance) : N(meet)(m, right, left, tolerance);
        }
    return any;
}
/* Until a sweep turns nothing, whose squares are then those of the rows. */
static int N(sweep)(const N(turned) * m, V tolerance)
{
    enum { MOST_SWEEPS = 60 };
    const int64_t x_rows = m->length * LANES;
    T *x = m->x;
    int is_done = 0;
    for (int sweep = 0; sweep < MOST_SWEEPS && !is_done; sweep++) {
        for (int64_t i = 0; i < m->n; i++)
            STORE(m->squares + i * LANES, N(dot)(m->length, ROW(x, i), ROW(x, i)));
        is_done = !N(turn_all)(m, tolerance);
    }
    return is_done;
}

static inline V N(largest_of)(int64_t n, const T *x)
{
    V largest = SET(0);
    for (int64_t i = 0; i < n; i++)
        largest = MAX(largest, N(v_abs)(LOAD(x + i * LANES)));
    return largest;
}
/* The length of a row, of which that is the square if it is not too small for one. */
static V N(length_of)(int64_t n, const T *x, V square)
{
    const V length = N(v_sqrt)(square);
    const M is_tiny = LESS(square, SET(LEAST_SQUARE));
    if (!N(v_any)(is_tiny))
        return length;
    const V largest = N(largest_of)(n, x), unit = MAX(largest, SET(LEAST_POWER));
    V sum = SET(0);
    for (int64_t i = 0; i < n; i++) {
        const V ratio = LOAD(x + i * LANES) / unit;
        sum = FMA(ratio, ratio, sum);
    }
    return SELECT(is_tiny, largest * N(v_sqrt)(sum), length);
}
static inline void N(multiply_row)(int64_t n, T *x, V first, V second)
{
    for (int64_t i = 0; i < n; i++)
        STORE(x + i * LANES, LOAD(x + i * LANES) * first * second);
}

static int N(lockstep_svd)(int64_t n, int64_t length, int64_t lanes, void *of_x, void *to_v, void *to_s,
                           double tolerance)
{
    const V exponent_bits = N(v_bits)(BY_TYPE(0x7F800000u, 0x7FF0000000000000u));
    int has_all = 1;
    for (int64_t lane = 0; lane < lanes; lane += W) {
        T *x = (T *)of_x + lane, *v = to_v ? (T *)to_v + lane : NULL, *s = (T *)to_s + lane;
        const N(turned) m = { n, length, x, v, s };
        /* Elements of some LIFT, and the power of two that, divided by it, leads back. */
        const V exponent = AND(N(largest_of)(n * length, x), exponent_bits);
        const V power = MIN(MAX(exponent, SET(LEAST_POWER)), SET(MOST_POWER));
        N(multiply_row)(n * length, x, SET(1) / power, SET(LIFT));
        for (int64_t i = 0; i < n * n && v; i++)
            STORE(v + i * LANES, SET(i / n == i % n));
        has_all &= N(sweep)(&m, SET(tolerance));
        for (int64_t i = 0; i < n; i++) {
            T *at = s + i * LANES, *row = x + i * length * LANES;
            const V square = LOAD(at);
            STORE(at, N(length_of)(length, row, square) * SET(1 / LIFT) * power);
            if (v)
                N(multiply_row)(length, row, SET(1) / N(v_sqrt)(MAX(square, SET(LEAST_SQUARE))), SET(1));
        }
    }
    return has_all;
}

#undef LIFT
#undef LEAST_SQUARE
#undef LEAST_POWER
#undef MOST_POWER
#undef ROW
#undef LANES
