/* A block column is factorised in columns that are turned into rows, by halves; products do the rest. */
#include "linalg/reflections.h"

#include <math.h>
#include <string.h>

/* The head of v, its first rows, with the ones and zeros that are not stored: from rows that are columns of v, or rows.
 */
static void copy_head(const bgi_tiles *t, bool turns, int64_t n, const void *v, int64_t ldv, void *head)
{
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++) {
            bool is_stored = turns ? j > i : j < i;
            double value = i == j ? 1 : is_stored ? bgi_float_at(v, t->dtype, i * ldv + j) : 0;
            bgi_put_float(head, t->dtype, i * n + j, value);
        }
}

static void negate(const bgi_tiles *t, void *x, int64_t n) { t->kernels->neg(x, x, 1, NULL, 0, NULL, 0, n); }

void bgi_reflect(const bgi_tiles *t, bool is_transposed, int64_t m, int64_t width, int64_t n, const void *v,
                 int64_t ldv, const void *u, void *c, int64_t ldc, void *work)
{
    void *head = work, *w = bgi_at(work, width * width, t->size), *below = bgi_tile_at(t, c, ldc, width, 0);
    bgi_tile first = { head, width, 1 }, rest = bgi_tile_of(t, v, ldv, width, 0);
    copy_head(t, false, width, v, ldv, head);
    memset(w, 0, (size_t)(width * n) * t->size);
    bgi_tiles_subtract(t, width, n, width, bgi_turned(first), (bgi_tile){ c, ldc, 1 }, w, n);
    bgi_tiles_subtract(t, width, n, m - width, bgi_turned(rest), (bgi_tile){ below, ldc, 1 }, w, n);
    bgi_tile triangle = { u, width, 1 };
    bgi_tiles_solve(t, !is_transposed, false, width, n, is_transposed ? bgi_turned(triangle) : triangle, w, n);
    negate(t, w, width * n);
    bgi_tiles_subtract(t, width, n, width, first, (bgi_tile){ w, n, 1 }, c, ldc);
    bgi_tiles_subtract(t, m - width, n, width, rest, (bgi_tile){ w, n, 1 }, below, ldc);
}

/* ---- One reflection ---- */

/* x, which becomes the diagonal element of r and v; what stands on the diagonal of u. Signs are LAPACK's. */
#define REFLECTION(type, magnitude)                                                                                    \
    static double reflection_##type(int64_t n, type *x)                                                                \
    {                                                                                                                  \
        enum { LANES = 8 };                                                                                            \
        type largest = 0;                                                                                              \
        for (int64_t i = 1; i < n; i++)                                                                                \
            largest = magnitude(x[i]) > largest ? magnitude(x[i]) : largest;                                           \
        if (largest == 0)                                                                                              \
            return (double)INFINITY;                                                                                   \
        int exponent;                                                                                                  \
        (void)frexp((double)(magnitude(x[0]) > largest ? magnitude(x[0]) : largest), &exponent);                       \
        exponent = exponent < -1000 ? -1000 : exponent; /* below, 2^-exponent is no number */                          \
        double sums[LANES] = { 0 }, sum = 0, unit = ldexp(1, exponent), scale = ldexp(1, -exponent);                   \
        int64_t i = 1;                                                                                                 \
        for (; i + LANES <= n; i += LANES)                                                                             \
            for (int k = 0; k < LANES; k++)                                                                            \
                sums[k] += (double)x[i + k] * scale * ((double)x[i + k] * scale);                                      \
        for (; i < n; i++)                                                                                             \
            sum += (double)x[i] * scale * ((double)x[i] * scale);                                                      \
        for (int k = 0; k < LANES; k++)                                                                                \
            sum += sums[k];                                                                                            \
        double alpha = (double)x[0] * scale, norm = sqrt(alpha * alpha + sum), beta = signbit(alpha) ? norm : -norm;   \
        for (i = 1; i < n; i++)                                                                                        \
            x[i] = (type)((double)x[i] * scale / (alpha - beta));                                                      \
        x[0] = (type)(beta * unit);                                                                                    \
        return beta / (beta - alpha);                                                                                  \
    }
REFLECTION(float, fabsf)
REFLECTION(double, fabs)

/* ---- A block column, turned: row j is column j, of m elements ---- */

typedef struct {
    const bgi_tiles *t;
    int64_t m, width;
    void *columns, *u, *work;
} panel;

static void *column_at(const panel *p, int64_t column, int64_t row)
{
    return bgi_tile_at(p->t, p->columns, p->m, column, row);
}

/* hᵀ of columns [first, middle) for columns [middle, last). */
static void reflect_columns(const panel *p, int64_t first, int64_t middle, int64_t last)
{
    const bgi_tiles *t = p->t;
    int64_t h = middle - first, n = last - middle, rest = p->m - middle;
    void *head = p->work, *w = bgi_at(head, h * h, t->size), *turned = bgi_at(w, n * h, t->size);
    bgi_tile v = bgi_tile_of(t, p->columns, p->m, first, middle), top = { head, h, 1 };
    void *c = column_at(p, middle, first), *below = column_at(p, middle, middle);
    copy_head(t, true, h, column_at(p, first, first), p->m, head);
    memset(w, 0, (size_t)(n * h) * t->size);
    bgi_tiles_subtract(t, n, h, h, (bgi_tile){ c, p->m, 1 }, bgi_turned(top), w, h);
    bgi_tiles_subtract(t, n, h, rest, (bgi_tile){ below, p->m, 1 }, bgi_turned(v), w, h);
    t->kernels->transpose(turned, n, w, h, h, n);
    bgi_tiles_solve(t, false, false, h, n, bgi_turned(bgi_tile_of(t, p->u, p->width, first, first)), turned, n);
    t->kernels->transpose(w, h, turned, n, n, h);
    negate(t, w, n * h);
    bgi_tiles_subtract(t, n, h, h, (bgi_tile){ w, h, 1 }, top, c, p->m);
    bgi_tiles_subtract(t, n, rest, h, (bgi_tile){ w, h, 1 }, v, below, p->m);
}

/* The part of u that is of columns [first, middle) and [middle, last). */
static void relate_columns(const panel *p, int64_t first, int64_t middle, int64_t last)
{
    const bgi_tiles *t = p->t;
    int64_t h = middle - first, n = last - middle;
    void *head = p->work, *u = bgi_tile_at(t, p->u, p->width, first, middle);
    copy_head(t, true, n, column_at(p, middle, middle), p->m, head);
    for (int64_t i = 0; i < h; i++)
        memset(bgi_tile_at(t, u, p->width, i, 0), 0, (size_t)n * t->size);
    bgi_tiles_subtract(t, h, n, n, bgi_tile_of(t, p->columns, p->m, first, middle), (bgi_tile){ head, 1, n }, u,
                       p->width);
    bgi_tiles_subtract(t, h, n, p->m - last, bgi_tile_of(t, p->columns, p->m, first, last),
                       bgi_turned(bgi_tile_of(t, p->columns, p->m, middle, last)), u, p->width);
    for (int64_t i = 0; i < h; i++)
        negate(t, bgi_tile_at(t, u, p->width, i, 0), n);
}

static void finish_columns(const panel *p, int64_t first, int64_t last)
{
    if (last - first == 1) {
        void *column = column_at(p, first, first);
        double diagonal =
            p->t->dtype == BG_F64 ? reflection_double(p->m - first, column) : reflection_float(p->m - first, column);
        bgi_put_float(p->u, p->t->dtype, first * p->width + first, diagonal);
        return;
    }
    int64_t middle = first + (last - first) / 2;
    finish_columns(p, first, middle);
    reflect_columns(p, first, middle, last);
    finish_columns(p, middle, last);
    relate_columns(p, first, middle, last);
}

int64_t bgi_reflections_work(int64_t m, int64_t width) { return m * width + 3 * width * width; }
void bgi_reflections_of(const bgi_tiles *t, int64_t m, int64_t width, void *a, int64_t lda, void *u, void *work)
{
    panel p = { t, m, width, work, u, bgi_at(work, m * width, t->size) };
    t->kernels->transpose(work, m, a, lda, width, m);
    memset(u, 0, (size_t)(width * width) * t->size);
    finish_columns(&p, 0, width);
    t->kernels->transpose(a, lda, work, m, m, width);
}
