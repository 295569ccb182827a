/* Winograd's minimal filtering F(2x2, 3x3): Lavin and Gray, Fast Algorithms for Convolutional Neural Networks, 2015
 * (arXiv:1509.09308), section 4.1, whose names the matrices have:
 *
 *   result  Aᵀ ((G g Gᵀ) ⊙ (Bᵀ x B)) A     of a patch x of 4 x 4 and a kernel g of 3 x 3, as of their 36 products
 *   weight  Gᵀ ((Bᵀ x B) ⊙ (A dy Aᵀ)) G    of a patch and the slopes dy of its 2 x 2 results */

typedef struct {
    V x0, x1, x2, x3;
} N(four);
static inline N(four) N(image_side)(N(four) x) /* Bᵀ x */
{
    return (N(four)){ x.x0 - x.x2, x.x1 + x.x2, x.x2 - x.x1, x.x1 - x.x3 };
}
static inline N(four) N(spread_side)(V x0, V x1) /* A x */ { return (N(four)){ x0, x0 + x1, x0 - x1, SET(0) - x1 }; }
static inline N(four) N(kernel_side)(V x0, V x1, V x2) /* G x */
{
    const V outer = SET(0.5) * (x0 + x2), inner = SET(0.5) * x1;
    return (N(four)){ x0, outer + inner, outer - inner, x2 };
}
#define RESULT_FIRST(x)  ((x).x0 + (x).x1 + (x).x2) /* Aᵀ x */
#define RESULT_SECOND(x) ((x).x1 - (x).x2 - (x).x3)
#define WEIGHT_FIRST(x)  ((x).x0 + SET(0.5) * ((x).x1 + (x).x2)) /* Gᵀ x */
#define WEIGHT_SECOND(x) (SET(0.5) * ((x).x1 - (x).x2))
#define WEIGHT_THIRD(x)  (SET(0.5) * ((x).x1 + (x).x2) + (x).x3)

/* Four of the sixteen places of a transform, by rows. */
static inline __attribute__((always_inline)) void N(put_four)(T *d, int64_t plane, N(four) x)
{
    STORE(d, x.x0);
    STORE(d + plane, x.x1);
    STORE(d + 2 * plane, x.x2);
    STORE(d + 3 * plane, x.x3);
}
static inline __attribute__((always_inline)) N(four) N(take_four)(const T *s, int64_t plane)
{
    return (N(four)){ LOAD(s), LOAD(s + plane), LOAD(s + 2 * plane), LOAD(s + 3 * plane) };
}
/* All sixteen: of each element of four columns a row, or what `side` makes of it. */
#define ROW_OF(a, b, c, d, field) ((N(four)){ a.field, b.field, c.field, d.field })
#define PUT_ROWS(to, plane, side, a, b, c, d)                                                                          \
    do {                                                                                                               \
        N(put_four)(to, plane, side(ROW_OF(a, b, c, d, x0)));                                                          \
        N(put_four)((to) + 4 * (plane), plane, side(ROW_OF(a, b, c, d, x1)));                                          \
        N(put_four)((to) + 8 * (plane), plane, side(ROW_OF(a, b, c, d, x2)));                                          \
        N(put_four)((to) + 12 * (plane), plane, side(ROW_OF(a, b, c, d, x3)));                                         \
    } while (0)

/* Element (i, j) of the first patch, 0 outside of what there is. */
static inline __attribute__((always_inline)) V N(patch_at)(const int has_rows, const T *x, const bgk_patches *p,
                                                           int64_t i, int64_t j)
{
    return has_rows || (i >= p->first[0] && i < p->last[0]) ? LOAD(x + i * p->line + j * BGK_LANES) : SET(0);
}
/* Bᵀ x of a column, of which all rows are there or not; two columns of a patch are those of the next one as well. */
static inline __attribute__((always_inline)) N(four)
    N(image_column)(const int has_rows, const T *x, const bgk_patches *p, int64_t j)
{
    if (j < p->first[1] || j >= p->last[1])
        return (N(four)){ SET(0), SET(0), SET(0), SET(0) };
    return N(image_side)((N(four)){ N(patch_at)(has_rows, x, p, 0, j), N(patch_at)(has_rows, x, p, 1, j),
                                    N(patch_at)(has_rows, x, p, 2, j), N(patch_at)(has_rows, x, p, 3, j) });
}
static inline __attribute__((always_inline)) void N(image_patches)(const int has_rows, T *d, int64_t plane, const T *x,
                                                                   const bgk_patches *p)
{
    N(four) x0 = N(image_column)(has_rows, x, p, 0), x1 = N(image_column)(has_rows, x, p, 1);
    for (int64_t t = 0; t < p->count; t++, d += BGK_LANES) {
        const N(four) x2 = N(image_column)(has_rows, x, p, 2 * t + 2), x3 = N(image_column)(has_rows, x, p, 2 * t + 3);
        PUT_ROWS(d, plane, N(image_side), x0, x1, x2, x3);
        x0 = x2;
        x1 = x3;
    }
}
static void N(winograd_image)(void *d, int64_t plane, int64_t row, const void *x, const bgk_patches *p,
                              int64_t channels)
{
    for (int64_t c = 0; c < channels; c++)
        for (int lane = 0; lane < BGK_LANES; lane += W) {
            T *to = (T *)d + c * row + lane;
            const T *from = (const T *)x + c * p->channel + lane;
            if (p->first[0] == 0 && p->last[0] == 4)
                N(image_patches)(1, to, plane, from, p);
            else
                N(image_patches)(0, to, plane, from, p);
        }
}

static inline __attribute__((always_inline)) N(four)
    N(spread_row)(const int has_rows, const T *x, const bgk_patches *p, int64_t i, int64_t j)
{
    const int has_first = j >= p->first[1] && j < p->last[1], has_second = j + 1 >= p->first[1] && j + 1 < p->last[1];
    return N(spread_side)(has_first ? N(patch_at)(has_rows, x, p, i, j) : SET(0),
                          has_second ? N(patch_at)(has_rows, x, p, i, j + 1) : SET(0));
}
static inline __attribute__((always_inline)) void N(spread_patches)(const int has_rows, T *d, int64_t plane, const T *x,
                                                                    const bgk_patches *p)
{
    for (int64_t t = 0; t < p->count; t++, d += BGK_LANES) {
        const N(four) x0 = N(spread_row)(has_rows, x, p, 0, 2 * t), x1 = N(spread_row)(has_rows, x, p, 1, 2 * t);
        const N(four) y0 = N(spread_side)(x0.x0, x1.x0), y1 = N(spread_side)(x0.x1, x1.x1);
        const N(four) y2 = N(spread_side)(x0.x2, x1.x2), y3 = N(spread_side)(x0.x3, x1.x3);
        PUT_ROWS(d, plane, , y0, y1, y2, y3);
    }
}
static void N(winograd_spread)(void *d, int64_t plane, int64_t row, const void *dy, const bgk_patches *p,
                               int64_t channels)
{
    for (int64_t c = 0; c < channels; c++)
        for (int lane = 0; lane < BGK_LANES; lane += W) {
            T *to = (T *)d + c * row + lane;
            const T *from = (const T *)dy + c * p->channel + lane;
            if (p->first[0] == 0 && p->last[0] == 2)
                N(spread_patches)(1, to, plane, from, p);
            else
                N(spread_patches)(0, to, plane, from, p);
        }
}

/* Aᵀ s of a row of sums, from which two columns of results come. */
#define RESULT_ROW(s, i)                                                                                               \
    const N(four) r##i = N(take_four)((s) + 4 * (i)*plane, plane);                                                     \
    const V a##i = RESULT_FIRST(r##i), b##i = RESULT_SECOND(r##i);
static inline __attribute__((always_inline)) V N(result_patches)(const int has_second_row, T *y, const bgk_patches *p,
                                                                 const T *s, int64_t plane, V nothing)
{
    for (int64_t t = 0; t < p->count; t++, s += BGK_LANES, y += 2 * BGK_LANES) {
        RESULT_ROW(s, 0)
        RESULT_ROW(s, 1)
        RESULT_ROW(s, 2)
        RESULT_ROW(s, 3)
        const N(four) a = { a0, a1, a2, a3 }, b = { b0, b1, b2, b3 };
        const V y00 = RESULT_FIRST(a), y01 = RESULT_FIRST(b), y10 = RESULT_SECOND(a), y11 = RESULT_SECOND(b);
        nothing = FMA(y00, SET(0), FMA(y01, SET(0), nothing)) + FMA(y10, SET(0), y11 * SET(0));
        STORE(y, y00);
        if (has_second_row)
            STORE(y + p->line, y10);
        if (2 * t + 1 < p->last[1]) {
            STORE(y + BGK_LANES, y01);
            if (has_second_row)
                STORE(y + p->line + BGK_LANES, y11);
        }
    }
    return nothing;
}
static int N(winograd_result)(void *y, const bgk_patches *p, const void *sums, int64_t plane, int64_t row,
                              int64_t channels)
{
    V nothing = SET(0); /* or no number, where a result is not finite */
    for (int64_t c = 0; c < channels; c++)
        for (int lane = 0; lane < BGK_LANES; lane += W) {
            const T *s = (const T *)sums + c * row + lane;
            T *to = (T *)y + c * p->channel + lane;
            if (p->last[0] > 1)
                nothing = N(result_patches)(1, to, p, s, plane, nothing);
            else
                nothing = N(result_patches)(0, to, p, s, plane, nothing);
        }
    return !N(v_any)(NOT_EQUAL(nothing, SET(0)));
}

/* A vector, or the first n elements of one. */
static inline V N(load_most)(const T *p, int64_t n) { return n >= W ? LOAD(p) : N(v_load_first)(p, n); }
static inline void N(store_most)(T *p, V x, int64_t n)
{
    if (n >= W)
        STORE(p, x);
    else
        N(v_store_first)(p, x, n);
}
#define KERNEL_ROW(i)                                                                                                  \
    N(kernel_side)                                                                                                     \
    (N(load_most)(from + (3 * (i)) * tap, n), N(load_most)(from + (3 * (i) + 1) * tap, n),                             \
     N(load_most)(from + (3 * (i) + 2) * tap, n))
#define KERNEL_COLUMN(j)                                                                                               \
    do {                                                                                                               \
        const N(four) u = N(kernel_side)(g0.x##j, g1.x##j, g2.x##j);                                                   \
        N(store_most)(to + (j)*plane, u.x0, n);                                                                        \
        N(store_most)(to + ((j) + 4) * plane, u.x1, n);                                                                \
        N(store_most)(to + ((j) + 8) * plane, u.x2, n);                                                                \
        N(store_most)(to + ((j) + 12) * plane, u.x3, n);                                                               \
    } while (0)
static void N(winograd_factors)(void *d, int64_t plane, const void *g, int64_t tap, int64_t n)
{
    const T *from = g;
    for (T *to = d; n > 0; n -= W, from += W, to += W) {
        const N(four) g0 = KERNEL_ROW(0), g1 = KERNEL_ROW(1), g2 = KERNEL_ROW(2);
        KERNEL_COLUMN(0);
        KERNEL_COLUMN(1);
        KERNEL_COLUMN(2);
        KERNEL_COLUMN(3);
    }
}

#define SUMS_AT(i, j) N(load_most)(from + (4 * (i) + (j)) * plane, n)
#define SUMS_COLUMN(j)                                                                                                 \
    {                                                                                                                  \
        SUMS_AT(0, j), SUMS_AT(1, j), SUMS_AT(2, j), SUMS_AT(3, j)                                                     \
    }
#define WEIGHT_ROW(i, side)                                                                                            \
    do {                                                                                                               \
        const N(four) w = { side(s0), side(s1), side(s2), side(s3) };                                                  \
        const V first = WEIGHT_FIRST(w), second = WEIGHT_SECOND(w), third = WEIGHT_THIRD(w);                           \
        nothing = FMA(first, SET(0), FMA(second, SET(0), FMA(third, SET(0), nothing)));                                \
        N(store_most)(to + (3 * (i)) * tap, first, n);                                                                 \
        N(store_most)(to + (3 * (i) + 1) * tap, second, n);                                                            \
        N(store_most)(to + (3 * (i) + 2) * tap, third, n);                                                             \
    } while (0)
static int N(winograd_weight)(void *dg, int64_t tap, const void *sums, int64_t plane, int64_t n)
{
    const T *from = sums;
    V nothing = SET(0);
    for (T *to = dg; n > 0; n -= W, from += W, to += W) {
        const N(four) s0 = SUMS_COLUMN(0), s1 = SUMS_COLUMN(1), s2 = SUMS_COLUMN(2), s3 = SUMS_COLUMN(3);
        WEIGHT_ROW(0, WEIGHT_FIRST);
        WEIGHT_ROW(1, WEIGHT_SECOND);
        WEIGHT_ROW(2, WEIGHT_THIRD);
    }
    return !N(v_any)(NOT_EQUAL(nothing, SET(0)));
}

#undef RESULT_FIRST
#undef RESULT_SECOND
#undef WEIGHT_FIRST
#undef WEIGHT_SECOND
#undef WEIGHT_THIRD
#undef ROW_OF
#undef PUT_ROWS
#undef RESULT_ROW
#undef KERNEL_ROW
#undef KERNEL_COLUMN
#undef SUMS_AT
#undef SUMS_COLUMN
#undef WEIGHT_ROW
