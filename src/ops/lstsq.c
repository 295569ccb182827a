/* Least squares by QR. */
#include "blas/blas.h"
#include "blas/lapack.h"
#include "tensor/tensor.h"

#include <blasgrad/graph.h>
#include <blasgrad/linalg.h>

#include <float.h>
#include <math.h>

/* One of the two element types. */
typedef struct {
    double epsilon;
    bool (*is_finite)(const void *values, int64_t count);
    int64_t (*work)(int64_t m, int64_t n, int64_t r);
    /* LAPACK's info; smallest and largest get the extremes of R's diagonal. */
    int64_t (*solve)(int64_t m, int64_t n, int64_t r, void *a, void *b, void *work, int64_t work_count,
                     double *smallest, double *largest);
} solver;

#define SOLVER(suffix, type, type_epsilon)                                                                             \
    static bool is_finite_##suffix(const void *values, int64_t count)                                                  \
    {                                                                                                                  \
        const type *v = values;                                                                                        \
        for (int64_t i = 0; i < count; i++)                                                                            \
            if (!isfinite(v[i]))                                                                                       \
                return false;                                                                                          \
        return true;                                                                                                   \
    }                                                                                                                  \
    static int64_t solve_##suffix(int64_t m, int64_t n, int64_t r, void *a, void *b, void *work, int64_t work_count,   \
                                  double *smallest, double *largest)                                                   \
    {                                                                                                                  \
        int64_t info = bgi_lapack_gels_##suffix(m, n, r, a, b, work, work_count);                                      \
        const type *factor = a;                                                                                        \
        *smallest = INFINITY;                                                                                          \
        *largest = 0;                                                                                                  \
        for (int64_t i = 0; i < n; i++) {                                                                              \
            double size = fabs((double)factor[i * m + i]);                                                             \
            *smallest = size < *smallest ? size : *smallest;                                                           \
            *largest = size > *largest ? size : *largest;                                                              \
        }                                                                                                              \
        return info;                                                                                                   \
    }                                                                                                                  \
    static const solver solver_##suffix = { .epsilon = (type_epsilon),                                                 \
                                            .is_finite = is_finite_##suffix,                                           \
                                            .work = bgi_lapack_gels_work_##suffix,                                     \
                                            .solve = solve_##suffix };
SOLVER(f32, float, FLT_EPSILON)
SOLVER(f64, double, DBL_EPSILON)

static bg_status check_arguments(bg_tensor **solution, const bg_tensor *a, const bg_tensor *b)
{
    if (!solution || !a || !b)
        return bg_fail(BG_ERR_ARGUMENT, "lstsq: %s is missing",
                       !solution ? "the place for the result"
                       : !a      ? "a"
                                 : "b");
    bg_status status = bgi_engine_check(a->storage->engine, "lstsq");
    if (status == BG_OK)
        status = bgi_engine_check(b->storage->engine, "lstsq");
    if (status != BG_OK)
        return status;
    if (a->dtype != b->dtype || (a->dtype != BG_F32 && a->dtype != BG_F64))
        return bg_fail(BG_ERR_DTYPE, "lstsq: a is %s, b is %s; both are to be f32 or both f64", bg_dtype_name(a->dtype),
                       bg_dtype_name(b->dtype));
    if (a->shape.rank != 2 || b->shape.rank != 2 || a->shape.dims[0] != b->shape.dims[0])
        return bg_fail(BG_ERR_SHAPE, "lstsq: a %s and b %s are not [m, n] and [m, r]", bgi_shape_format(a->shape).text,
                       bgi_shape_format(b->shape).text);
    if (a->shape.dims[0] < a->shape.dims[1])
        return bg_fail(BG_ERR_SHAPE, "lstsq: a %s has fewer rows than columns", bgi_shape_format(a->shape).text);
    return BG_OK;
}

/* A column-major copy of a matrix. */
static void *copy_columns(const bg_tensor *matrix, bg_engine *engine, size_t bytes)
{
    void *copy = bgi_alloc(engine, bytes);
    const int64_t strides[BG_MAX_RANK] = { 1, matrix->shape.dims[0] };
    if (copy)
        bgi_strided_copy(copy, strides, bgi_tensor_bytes(matrix), matrix->strides, matrix->shape,
                         bg_dtype_size(matrix->dtype));
    return copy;
}

bg_status bg_lstsq(bg_tensor **solution, const bg_tensor *a, const bg_tensor *b)
{
    if (solution)
        *solution = NULL;
    bg_status status = check_arguments(solution, a, b);
    if (status != BG_OK)
        return status;
    const solver *s = a->dtype == BG_F32 ? &solver_f32 : &solver_f64;
    bg_engine *engine = a->storage->engine;
    int64_t m = a->shape.dims[0], n = a->shape.dims[1], r = b->shape.dims[1];
    if (!bgi_blas_fits(m) || !bgi_blas_fits(r))
        return bg_fail(BG_ERR_OVERFLOW, "lstsq: an extent of a %s or b %s does not fit the integer of LAPACK",
                       bgi_shape_format(a->shape).text, bgi_shape_format(b->shape).text);

    bg_tensor *x = NULL;
    bg_shape shape = { .rank = 2, .dims = { n, r } };
    status = bg_tensor_create(&x, engine, a->dtype, shape);
    if (status != BG_OK || n == 0 || r == 0) {
        if (status == BG_OK)
            *solution = x;
        return status;
    }

    size_t size = bg_dtype_size(a->dtype);
    size_t a_bytes = (size_t)(m * n) * size, b_bytes = (size_t)(m * r) * size;
    int64_t work_count = s->work(m, n, r);
    size_t work_bytes = (size_t)work_count * size;
    void *factor = copy_columns(a, engine, a_bytes);
    void *right = factor ? copy_columns(b, engine, b_bytes) : NULL;
    void *work = right ? bgi_alloc(engine, work_bytes) : NULL;
    if (!work)
        status = BG_ERR_NOMEM;
    else if (!bgi_blas_fits(work_count))
        status = bg_fail(BG_ERR_OVERFLOW, "lstsq: the workspace for a %s does not fit the integer of LAPACK",
                         bgi_shape_format(a->shape).text);
    else if (!s->is_finite(factor, m * n) || !s->is_finite(right, m * r))
        status = bg_fail(BG_ERR_NUMERIC, "lstsq: a %s or b %s has an element that is not finite",
                         bgi_shape_format(a->shape).text, bgi_shape_format(b->shape).text);
    if (status == BG_OK) {
        double smallest = 0, largest = 0;
        int64_t info = s->solve(m, n, r, factor, right, work, work_count, &smallest, &largest);
        /* gels itself notices only a diagonal of R with an exact 0, which rounding seldom leaves. */
        if (info != 0 || !(smallest > s->epsilon * (double)m * largest))
            status = bg_fail(BG_ERR_NUMERIC, "lstsq: a %s has not full rank: the diagonal of R goes from %.3g to %.3g",
                             bgi_shape_format(a->shape).text, smallest, largest);
    }
    if (status == BG_OK) {
        const int64_t strides[BG_MAX_RANK] = { 1, m };
        bgi_strided_copy(bgi_tensor_bytes(x), x->strides, right, strides, shape, size);
        if (!s->is_finite(bgi_tensor_bytes(x), n * r))
            status =
                bg_fail(BG_ERR_NUMERIC, "lstsq: the solution of a %s is not finite", bgi_shape_format(a->shape).text);
    }

    bgi_free(engine, work, work_bytes);
    bgi_free(engine, right, b_bytes);
    bgi_free(engine, factor, a_bytes);
    if (status == BG_OK)
        *solution = x;
    else
        bg_tensor_destroy(x);
    return status;
}
