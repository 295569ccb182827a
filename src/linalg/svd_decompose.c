/* How matrices are decomposed: small ones of a batch side by side, others by LAPACK. */
#include "linalg/small.h"
#include "linalg/svd.h"

#include "blas/lapack.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* Vectors beyond the least extent would take longer to find here. */
bool bgi_svd_is_small(const bg_node *node)
{
    const bgi_svd_attributes *attributes = node->attributes;
    int64_t least = bgi_svd_extents_of(node->inputs[0], BGI_SVD_THIN).least;
    return attributes->job != BGI_SVD_FULL && bgi_small_serves(BGI_SMALL_SVD, node->inputs[0], least);
}

/* ---- LAPACK ---- */

/* Pieces of the workspace, each at a multiple of 64 bytes: a copy of a, LAPACK's integers, then its own work. What is
 * row-major here is the transpose of LAPACK's: aᵀ = v · diag(s) · uᵀ, u and vt in each other's place. */
typedef struct {
    char job;
    int64_t count;
    size_t integers_at, work_at, bytes;
} workspace;
static workspace workspace_of(const bg_node *node)
{
    static const char jobs[] = { [BGI_SVD_THIN] = 'S', [BGI_SVD_FULL] = 'A', [BGI_SVD_VALUES] = 'N' };
    const bgi_svd_attributes *attributes = node->attributes;
    bgi_matrices m = bgi_matrices_of(node->inputs[0]);
    size_t size = bg_dtype_size(node->dtype);
    workspace w = { .job = jobs[attributes->job] };
    w.count = bgi_most(bgi_lapack_gesdd_work(node->dtype, w.job, m.columns, m.rows),
                       bgi_lapack_gesvd_work(node->dtype, w.job, m.columns, m.rows));
    w.integers_at = bgi_aligned((size_t)(m.rows * m.columns) * size);
    w.work_at = w.integers_at + bgi_aligned((size_t)bgi_least(m.rows, m.columns) * 8 * sizeof(int64_t));
    w.bytes = w.work_at + (size_t)w.count * size;
    return w;
}

/* Matrices first .. last - 1, up to one that fails. Divide and conquer, and where that fails QR iterations, which have
 * always converged so far. */
static int64_t by_lapack(const bg_call *call, bgi_svd_extents e, int64_t first, int64_t last)
{
    bg_dtype dtype = call->node->dtype;
    workspace w = workspace_of(call->node);
    size_t size = bg_dtype_size(dtype), bytes = (size_t)(e.rows * e.columns) * size;
    void *copy = call->scratch, *integers = bgi_at(copy, 1, w.integers_at), *work = bgi_at(copy, 1, w.work_at);
    for (int64_t i = first; i < last; i++) {
        const void *a = bgi_input_at(call, 0, i, e.rows * e.columns);
        bgi_svd_place p = bgi_svd_at(call, i, e);
        memcpy(copy, a, bytes);
        if (bgi_lapack_gesdd(dtype, w.job, e.columns, e.rows, copy, p.s, p.vt, e.columns, p.u, e.width, work, w.count,
                             integers) == 0)
            continue;
        memcpy(copy, a, bytes);
        if (bgi_lapack_gesvd(dtype, w.job, e.columns, e.rows, copy, p.s, p.vt, e.columns, p.u, e.width, work,
                             w.count) != 0)
            return i;
    }
    return last;
}

/* ---- Side by side ---- */

/* Element j of vector i is at i step + j along. */
typedef struct {
    int64_t count, length, step, along;
} layout;

/* A group of matrices, a line of 64 bytes for each element, is in a level 2 cache where one of BGK_LANES is not. */
typedef struct {
    const bgk_kernels *kernels;
    size_t size;
    int64_t lanes, matrices;
} group;
/* Their elements, or those of their transposes: what would be columns are rows, as strides of powers of two would keep
 * columns from a level 1 cache. */
static void take_group(const group *g, int64_t rows, int64_t columns, bool turns, const void *a, void *x)
{
    int64_t count = rows * columns, pieces = turns ? rows : 1, length = count / pieces;
    if (g->matrices < g->lanes)
        memset(x, 0, (size_t)(count * g->lanes) * g->size);
    for (int64_t i = 0; i < pieces; i++)
        g->kernels->transpose(bgi_at(x, i * g->lanes, g->size), pieces * g->lanes, bgi_const_at(a, i * length, g->size),
                              count, length, g->matrices);
}

#define SIDE_BY_SIDE(type, epsilon)                                                                                    \
    /* Values in descending order, and where they were; of equal ones the first stays first. */                        \
    static void sort_##type(int64_t n, const type *lane, type *values, int *order)                                     \
    {                                                                                                                  \
        for (int i = 0; i < n; i++) {                                                                                  \
            type value = lane[i * BGK_LINE_LANES(sizeof(type))];                                                       \
            int at = i;                                                                                                \
            for (; at > 0 && values[at - 1] < value; at--) {                                                           \
                values[at] = values[at - 1];                                                                           \
                order[at] = order[at - 1];                                                                             \
            }                                                                                                          \
            values[at] = value;                                                                                        \
            order[at] = i;                                                                                             \
        }                                                                                                              \
    }                                                                                                                  \
    /* Adding 0 takes the sign of a 0 away, which other lanes may have changed. */                                     \
    static void take_##type(layout from, const type *lane, const int *order, layout to, type *vectors)                 \
    {                                                                                                                  \
        for (int64_t i = 0; i < to.count; i++)                                                                         \
            for (int64_t j = 0; j < to.length; j++)                                                                    \
                vectors[i * to.step + j * to.along] = lane[order[i] * from.step + j * from.along] + 0;                 \
    }                                                                                                                  \
    static type dot_##type(layout l, const type *vectors, int64_t i, int64_t k)                                        \
    {                                                                                                                  \
        type sum = 0;                                                                                                  \
        for (int64_t j = 0; j < l.length; j++)                                                                         \
            sum += vectors[i * l.step + j * l.along] * vectors[k * l.step + j * l.along];                              \
        return sum;                                                                                                    \
    }                                                                                                                  \
    /* Vectors from the first that is missing on: what is left of the axis that the others have least of. Of the       \
     * others nothing but rounding is left by the second time. */                                                      \
    static void complete_##type(layout l, type *vectors, int64_t first)                                                \
    {                                                                                                                  \
        for (int64_t i = first; i < l.count; i++) {                                                                    \
            int64_t axis = 0;                                                                                          \
            type least = 2, *to = vectors + i * l.step;                                                                \
            for (int64_t j = 0; j < l.length; j++) {                                                                   \
                type share = 0;                                                                                        \
                for (int64_t k = 0; k < i; k++)                                                                        \
                    share += vectors[k * l.step + j * l.along] * vectors[k * l.step + j * l.along];                    \
                axis = share < least ? j : axis;                                                                       \
                least = share < least ? share : least;                                                                 \
            }                                                                                                          \
            for (int64_t j = 0; j < l.length; j++)                                                                     \
                to[j * l.along] = j == axis ? 1 : 0;                                                                   \
            for (int64_t k = 0; k < 2 * i; k++) {                                                                      \
                type product = dot_##type(l, vectors, i, k % i);                                                       \
                for (int64_t j = 0; j < l.length; j++)                                                                 \
                    to[j * l.along] -= product * vectors[k % i * l.step + j * l.along];                                \
            }                                                                                                          \
            type length = (type)sqrt((double)dot_##type(l, vectors, i, i));                                            \
            for (int64_t j = 0; j < l.length; j++)                                                                     \
                to[j * l.along] /= length;                                                                             \
        }                                                                                                              \
    }                                                                                                                  \
    static bool group_##type(const bg_call *call, bgi_svd_extents e, int64_t at, int64_t matrices)                     \
    {                                                                                                                  \
        enum { LANES = BGK_LINE_LANES(sizeof(type)) };                                                                 \
        int64_t k = e.least, l = bgi_most(e.rows, e.columns), count = k * l;                                           \
        group g = { bgi_call_kernels(call), sizeof(type), LANES, matrices };                                           \
        bool is_tall = e.rows > e.columns;                                                                             \
        layout longer = { k, l, l * LANES, LANES }, shorter = { k, k, k * LANES, LANES };                              \
        layout u = { e.width, e.rows, 1, e.width }, vt = { e.height, e.columns, e.columns, 1 };                        \
        type *x = call->scratch, *v = x + count * LANES, *s = v + k * k * LANES;                                       \
        int order[BGI_SMALL_MOST];                                                                                     \
        take_group(&g, e.rows, e.columns, is_tall, bgi_input_at(call, 0, at, count), x);                               \
        double tolerance = fmax(4, sqrt((double)l)) * (double)epsilon;                                                 \
        if (!g.kernels->lockstep_svd(k, l, g.matrices, x, e.width > 0 ? v : NULL, s, tolerance))                       \
            return false;                                                                                              \
        for (int64_t i = 0; i < g.matrices; i++) {                                                                     \
            bgi_svd_place p = bgi_svd_at(call, at + i, e);                                                             \
            type *values = p.s;                                                                                        \
            int64_t found = 0;                                                                                         \
            sort_##type(k, s + i, values, order);                                                                      \
            take_##type(is_tall ? longer : shorter, (is_tall ? x : v) + i, order, u, p.u);                             \
            take_##type(is_tall ? shorter : longer, (is_tall ? v : x) + i, order, vt, p.vt);                           \
            while (found < k && values[found] > values[0] * epsilon * epsilon)                                         \
                found++;                                                                                               \
            complete_##type(is_tall ? u : vt, is_tall ? p.u : p.vt, found);                                            \
        }                                                                                                              \
        return true;                                                                                                   \
    }
SIDE_BY_SIDE(float, FLT_EPSILON)
SIDE_BY_SIDE(double, DBL_EPSILON)

/* What does not converge, which has not been seen yet, LAPACK tries too. */
static int64_t side_by_side(const bg_call *call, bgi_svd_extents e, int64_t count)
{
    int64_t lanes = BGK_LINE_LANES(bg_dtype_size(call->node->dtype)), found = 0;
    while (found < count) {
        int64_t last = bgi_least(found + lanes, count);
        bool is_found = call->node->dtype == BG_F64 ? group_double(call, e, found, last - found)
                                                    : group_float(call, e, found, last - found);
        found = is_found ? last : by_lapack(call, e, found, last);
        if (found < last)
            break;
    }
    return found;
}

/* ---- Either ---- */

size_t bgi_svd_scratch(const bg_node *node)
{
    bgi_svd_extents e = bgi_svd_extents_of(node->inputs[0], BGI_SVD_THIN);
    if (e.least == 0)
        return 0;
    size_t lapack = workspace_of(node).bytes, lanes = (size_t)(e.rows * e.columns + e.least * e.least + e.least) * 64;
    return bgi_svd_is_small(node) && lanes > lapack ? lanes : lapack;
}
int64_t bgi_svd_decompose(const bg_call *call, bgi_svd_extents e, int64_t count)
{
    return bgi_svd_is_small(call->node) ? side_by_side(call, e, count) : by_lapack(call, e, 0, count);
}
