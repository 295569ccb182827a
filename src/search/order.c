/* The order of losses. The C library's qsort may take memory of its own, and need not be stable. */
#include "search/search.h"

#include <string.h>

static void merge(const double *losses, const int64_t *from, int64_t *to, int64_t start, int64_t middle, int64_t stop)
{
    for (int64_t i = start, a = start, b = middle; i < stop; i++)
        to[i] = b >= stop || (a < middle && losses[from[a]] <= losses[from[b]]) ? from[a++] : from[b++];
}

void bgi_search_sort(const double *losses, int64_t n, int64_t *order)
{
    int64_t *from = order, *to = order + n;
    for (int64_t i = 0; i < n; i++)
        from[i] = i;
    for (int64_t width = 1; width < n; width *= 2) {
        for (int64_t start = 0; start < n; start += 2 * width) {
            int64_t middle = start + width < n ? start + width : n;
            merge(losses, from, to, start, middle, middle + width < n ? middle + width : n);
        }
        int64_t *sorted = to;
        to = from;
        from = sorted;
    }
    if (from != order)
        memcpy(order, from, (size_t)n * sizeof *order);
}

double bgi_search_median(const double *values, int64_t n, int64_t *order)
{
    bgi_search_sort(values, n, order);
    double middle = values[order[n / 2]];
    return n % 2 ? middle : (values[order[n / 2 - 1]] + middle) / 2;
}
