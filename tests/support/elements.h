/* The element types of kernels, their tables on this processor, and errors in units in the last place. */
#ifndef BLASGRAD_TESTS_ELEMENTS_H
#define BLASGRAD_TESTS_ELEMENTS_H

#include "kernels/kernels.h"

#include <math.h>
#include <string.h>

/* Lengths go up to MAX_N, and behind an array lie GUARD elements that nobody may touch. */
enum { MAX_N = 70, GUARD = 8 };

typedef struct {
    const char *name;
    size_t size;
    int is_f64;
    long double epsilon, smallest, largest;
} element;
extern const element elements[2];

static inline const bgk_kernels *kernels_of(const bgk_table *table, const element *e)
{
    return e->is_f64 ? &table->f64 : &table->f32;
}
static inline long double get(const element *e, const void *p, int64_t i)
{
    return e->is_f64 ? (long double)((const double *)p)[i] : (long double)((const float *)p)[i];
}
static inline void put(const element *e, void *p, int64_t i, long double x)
{
    if (e->is_f64)
        ((double *)p)[i] = (double)x;
    else
        ((float *)p)[i] = (float)x;
}
static inline void *at(const element *e, void *p, int64_t i) { return (char *)p + (int64_t)e->size * i; }

#define FOR_EACH_TABLE(table)                                                                                          \
    for (const bgk_table *const *t_ = bgi_kernel_tables, *table = *t_; table; table = *++t_)                           \
        if (table->is_supported())
#define FOR_EACH_ELEMENT(e) for (const element *e = elements; e < elements + 2; e++)

/* The same bits, except that any NaN is as good as another: which operand's NaN an instruction passes on is up to the
 * compiler. */
static inline int same_bits(const element *e, void *a, void *b, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (memcmp(at(e, a, i), at(e, b, i), e->size) && !(isnan(get(e, a, i)) && isnan(get(e, b, i))))
            return 0;
    return 1;
}

/* The error in units in the last place of the exact result; infinite where one is infinite or NaN and not the other. */
static inline long double ulp_error(const element *e, long double result, long double exact)
{
    if (isnan(exact) || isnan(result))
        return isnan(exact) && isnan(result) ? 0 : INFINITY;
    /* Half a unit above the largest number is where rounding gives infinity. */
    long double limit = e->largest * (1 + e->epsilon / 4);
    if (isinf(result) || fabsl(exact) >= limit)
        return isinf(result) && fabsl(exact) >= limit * (1 - 8 * e->epsilon) && signbit(result) == signbit(exact)
                   ? 0
                   : INFINITY;
    long double scale = fabsl(exact) < e->smallest ? e->smallest : ldexpl(1, ilogbl(exact));
    return fabsl(result - exact) / (scale * e->epsilon);
}

#endif
