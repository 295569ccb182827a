#include "linalg/lu_columns.h"

/* Rows [first, last) of n columns with those that they were exchanged for. */
#define EXCHANGE(type)                                                                                                 \
    static void exchange_##type(int64_t m, int64_t n, type *column, const int64_t *swaps, int64_t first, int64_t last) \
    {                                                                                                                  \
        for (; n > 0; n--, column += m)                                                                                \
            for (int64_t i = first; i < last; i++) {                                                                   \
                type moved = column[i];                                                                                \
                column[i] = column[swaps[i]];                                                                          \
                column[swaps[i]] = moved;                                                                              \
            }                                                                                                          \
    }
EXCHANGE(float)
EXCHANGE(double)
static void exchange(bg_dtype dtype, int64_t m, int64_t n, void *columns, const int64_t *swaps, int64_t first,
                     int64_t last)
{
    if (dtype == BG_F64)
        exchange_double(m, n, columns, swaps, first, last);
    else
        exchange_float(m, n, columns, swaps, first, last);
}

/* Columns [first, last) from row `first` on, by halves; those before are finished, and are not looked at. */
static void finish_columns(const bgi_tiles *t, int64_t first, int64_t last, int64_t m, void *columns, int64_t *swaps,
                           void *work)
{
    if (last - first <= BGK_ELIMINATED) {
        t->kernels->eliminate(last - first, m - first, bgi_tile_at(t, columns, m, first, first), m, swaps + first);
        for (int64_t i = first; i < last; i++)
            swaps[i] += first;
        return;
    }
    int64_t half = ((last - first) / 2 + BGK_ELIMINATED - 1) / BGK_ELIMINATED * BGK_ELIMINATED, middle = first + half;
    int64_t rest = last - middle;
    void *top = bgi_tile_at(t, columns, m, middle, first);
    finish_columns(t, first, middle, m, columns, swaps, work);
    exchange(t->dtype, m, rest, bgi_tile_at(t, columns, m, middle, 0), swaps, first, middle);
    t->kernels->transpose(work, rest, top, m, half, rest);
    bgi_tiles_solve(t, false, true, half, rest, bgi_turned(bgi_tile_of(t, columns, m, first, first)), work, rest);
    t->kernels->transpose(top, m, work, rest, rest, half);
    bgi_tiles_subtract(t, rest, m - middle, half, bgi_tile_of(t, columns, m, middle, first),
                       bgi_tile_of(t, columns, m, first, middle), bgi_tile_at(t, columns, m, middle, middle), m);
    finish_columns(t, middle, last, m, columns, swaps, work);
    exchange(t->dtype, m, half, bgi_tile_at(t, columns, m, first, 0), swaps, middle, last);
}

void bgi_lu_columns(const bgi_tiles *t, int64_t width, int64_t m, void *columns, int64_t *swaps, void *work)
{
    finish_columns(t, 0, width, m, columns, swaps, work);
}
