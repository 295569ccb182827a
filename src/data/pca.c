/* Principal components of a column, and whitening by them. */
#include "data/dataset.h"

#include <blasgrad/graph.h>

#include "blas/lapack.h"
#include "tensor/tensor.h"

#include <float.h>
#include <math.h>
#include <string.h>

static const char caller[] = "pca_create";

/* 2 GiB a matrix, of which there are five with LAPACK's work. */
enum { PLACES_MOST = 1 << 14 };

/* Examples whose products are added up together, and rows of the covariance that are made together. */
enum { BLOCK = 256, TILE = 96 };

/* bg_pca is its first part. */
typedef struct {
    bg_pca pca;
    bg_engine *engine;
} pca_object;

typedef struct {
    bg_engine *engine;
    bg_dtype dtype;
    int64_t n, places;
    bgi_pass pass;
    double *mean;       /* [places] */
    double unit;        /* a power of two: differences from the mean are multiples of it, so that squares stay finite */
    double *covariance; /* [places, places], in units; then the components, by ascending variance */
    double *products;   /* [places, places] */
    double *block;      /* [BLOCK, places] */
    double *variances;  /* [places], in units, ascending */
    double *scratch;    /* of products */
    double *work, *integers;
    int64_t work_count, integer_count;
    double *memory;
    size_t bytes;
} fit;

static double value_at(const void *row, bg_dtype dtype, int64_t place)
{
    return dtype == BG_F64 ? ((const double *)row)[place] : (double)((const float *)row)[place];
}

static bg_status open_fit(fit *f, const bg_dataset *dataset, int column)
{
    int64_t p = f->places;
    bgi_lapack_syevd_work(BG_F64, p, &f->work_count, &f->integer_count);
    /* The block and the products make room for LAPACK's work. */
    int64_t shared = (BLOCK + p) * p > f->work_count ? (BLOCK + p) * p : f->work_count;
    int64_t scratch = (int64_t)bgk_product_scratch(p, p, p > BLOCK ? p : BLOCK);
    f->bytes = (size_t)(2 * p + p * p + shared + f->integer_count + scratch) * sizeof(double);
    f->memory = bgi_alloc_zero(f->engine, f->bytes);
    if (!f->memory)
        return BG_ERR_NOMEM;
    f->mean = f->memory;
    f->variances = f->mean + p;
    f->covariance = f->variances + p;
    f->products = f->work = f->covariance + p * p;
    f->block = f->products + p * p;
    f->integers = f->work + shared;
    f->scratch = f->integers + f->integer_count;
    bg_status status = bgi_pass_begin(&f->pass, dataset, column);
    if (status)
        bgi_free(f->engine, f->memory, f->bytes);
    return status;
}

static void close_fit(fit *f)
{
    bgi_pass_end(&f->pass);
    bgi_free(f->engine, f->memory, f->bytes);
}

/* ---- The covariance ---- */

/* Means by compensated sums (Neumaier, 1974), of which the parts that were rounded off go to `lost`; and the unit. */
static bg_status find_mean(fit *f)
{
    double *lost = f->block, largest = 0;
    bg_status status;
    while (!(status = bgi_pass_next(&f->pass)) && f->pass.n > 0)
        for (int64_t i = 0; i < f->pass.n; i++) {
            const unsigned char *row = f->pass.data + (size_t)i * f->pass.row_bytes;
            for (int64_t j = 0; j < f->places; j++) {
                double x = value_at(row, f->dtype, j), before = f->mean[j];
                if (!isfinite(x))
                    return bg_fail(BG_ERR_ARGUMENT, "%s: place %lld of example %lld is %s", caller, (long long)j,
                                   (long long)(f->pass.first + i), isnan(x) ? "NaN" : "infinite");
                /* A part of each, so that their sum stays finite. */
                double part = x / (double)f->n, sum = before + part;
                lost[j] += fabs(before) >= fabs(part) ? (before - sum) + part : (part - sum) + before;
                f->mean[j] = sum;
                largest = fabs(x) > largest ? fabs(x) : largest;
            }
        }
    for (int64_t j = 0; j < f->places; j++)
        f->mean[j] += lost[j];
    int exponent = 0;
    if (largest > 0)
        (void)frexp(largest, &exponent);
    f->unit = ldexp(1, exponent - 1);
    return status;
}

/* Of the rows of the block, of which there are n, from the diagonal on. */
static void add_products(fit *f, int64_t n)
{
    const bgk_kernels *k = &f->engine->kernels->f64;
    int64_t p = f->places;
    for (int64_t i = 0; i < p; i += TILE) {
        int64_t rows = bgk_least(TILE, p - i), columns = p - i;
        k->product(rows, columns, n, f->block + i, 1, p, f->block + i, p, 1, f->products, columns, f->scratch);
        for (int64_t r = 0; r < rows; r++) {
            double *to = f->covariance + (i + r) * p + i;
            k->add(to, to, 1, f->products + r * columns, 1, NULL, 0, columns);
        }
    }
}

/* What is below the diagonal. */
static void mirror(fit *f)
{
    for (int64_t i = 0; i < f->places; i++)
        for (int64_t j = 0; j < i; j++)
            f->covariance[i * f->places + j] = f->covariance[j * f->places + i];
}

static bg_status add_examples(fit *f)
{
    int64_t filled = 0;
    bg_status status;
    bgi_pass_rewind(&f->pass);
    while (!(status = bgi_pass_next(&f->pass)) && f->pass.n > 0)
        for (int64_t i = 0; i < f->pass.n; i++) {
            const unsigned char *row = f->pass.data + (size_t)i * f->pass.row_bytes;
            double *to = f->block + filled * f->places;
            for (int64_t j = 0; j < f->places; j++)
                to[j] = value_at(row, f->dtype, j) / f->unit - f->mean[j] / f->unit;
            if (++filled == BLOCK) {
                add_products(f, filled);
                filled = 0;
            }
        }
    if (!status && filled > 0)
        add_products(f, filled);
    mirror(f);
    return status;
}

/* What rounding makes of equal numbers is no variance, as in bg_dataset_scaling. */
static void clear_constant(fit *f)
{
    int64_t p = f->places;
    for (int64_t j = 0; j < p; j++) {
        double width = sqrt(f->covariance[j * p + j] / (double)f->n) * f->unit;
        for (int64_t i = 0; i < p && !(width > fabs(f->mean[j]) * 0x1p-50); i++)
            f->covariance[i * p + j] = f->covariance[j * p + i] = 0;
    }
}

static bg_status decompose(fit *f)
{
    int64_t p = f->places;
    for (int64_t i = 0; i < p * p; i++) {
        f->covariance[i] /= (double)(f->n - 1);
        if (!isfinite(f->covariance[i]))
            return bg_fail(BG_ERR_NUMERIC, "%s: the covariance of places %lld and %lld is not finite", caller,
                           (long long)(i / p), (long long)(i % p));
    }
    int64_t info = bgi_lapack_syevd(BG_F64, true, p, f->covariance, f->variances, f->work, f->work_count, f->integers,
                                    f->integer_count);
    if (info != 0)
        return bg_fail(BG_ERR_NUMERIC, "%s: the eigenvalues of the covariance of %lld places did not converge (%lld)",
                       caller, (long long)p, (long long)info);
    double least = f->variances[p - 1] * (double)p * DBL_EPSILON;
    for (int64_t k = 0; k < p; k++)
        if (!(f->variances[k] > least))
            f->variances[k] = 0;
    return BG_OK;
}

/* Elements that differ by rounding alone are equally large. */
static void fix_sign(double *component, int64_t places)
{
    double largest = 0;
    int64_t at = 0;
    for (int64_t j = 0; j < places; j++)
        largest = fabs(component[j]) > largest ? fabs(component[j]) : largest;
    while (fabs(component[at]) < largest * (1 - 0x1p-26))
        at++;
    bool is_negative = component[at] < 0;
    for (int64_t j = 0; j < places && is_negative; j++)
        component[j] = -component[j];
}

/* ---- What is made of it ---- */

static int64_t choose_components(const fit *f, const bg_pca_options *o, double *share)
{
    int64_t most = f->n < f->places ? f->n : f->places, count = 0;
    double whole = 0, part = 0;
    for (int64_t k = 0; k < f->places; k++)
        whole += f->variances[k];
    int64_t wanted = o->components ? o->components : most;
    while (count < wanted && !(o->share > 0 && count > 0 && part >= o->share * whole))
        part += f->variances[f->places - 1 - count++];
    *share = whole > 0 && part < whole ? part / whole : 1;
    return count;
}

/* rows[k] = factors[k] components[k], and in result [places, places] the sum of those by their components. */
static void turn_back(const fit *f, int64_t count, const double *components, const double *factors, double *rows,
                      double *result)
{
    int64_t p = f->places;
    for (int64_t k = 0; k < count; k++)
        for (int64_t j = 0; j < p; j++)
            rows[k * p + j] = components[k * p + j] * factors[k];
    f->engine->kernels->f64.product(p, p, count, components, 1, p, rows, p, 1, result, p, f->scratch);
}

/* Of component k. Where the variance is 0 and eps too, the factor is 1. */
static double factor_of(const fit *f, const bg_pca_options *o, int64_t k)
{
    double width = hypot(sqrt(f->variances[f->places - 1 - k]) * f->unit, sqrt(o->eps));
    return o->whitening && width > 0 ? 1 / width : 1;
}

static bg_status check_range(const fit *f, const bg_pca_options *o, int64_t count)
{
    for (int64_t k = 0; k < count; k++)
        if (!isfinite(f->variances[f->places - 1 - k] * f->unit * f->unit) || !isfinite(factor_of(f, o, k)))
            return bg_fail(BG_ERR_NUMERIC, "%s: the standard deviation of component %lld is %g, out of range", caller,
                           (long long)k, sqrt(f->variances[f->places - 1 - k]) * f->unit);
    return BG_OK;
}

static void fill_matrices(const fit *f, bg_pca *pca, const bg_pca_options *o, int64_t count)
{
    int64_t p = f->places;
    double *matrix = bg_tensor_data(pca->matrix), *inverse = bg_tensor_data(pca->inverse);
    double *variances = bg_tensor_data(pca->variances);
    /* Behind the products there is room for `count` rows: the block is of no use any more. */
    double *components = f->products, *factors = f->mean, *inverse_factors = f->variances;
    for (int64_t k = 0; k < count; k++) {
        memcpy(components + k * p, f->covariance + (p - 1 - k) * p, (size_t)p * sizeof *components);
        fix_sign(components + k * p, p);
    }
    for (int64_t k = 0; k < count; k++) {
        variances[k] = f->variances[p - 1 - k] * f->unit * f->unit;
        factors[k] = factor_of(f, o, k);
    }
    for (int64_t k = 0; k < count; k++)
        inverse_factors[k] = 1 / factors[k];
    if (o->whitening == BG_WHITENING_ZCA) {
        turn_back(f, count, components, factors, f->covariance, matrix);
        turn_back(f, count, components, inverse_factors, f->covariance, inverse);
        return;
    }
    for (int64_t k = 0; k < count; k++)
        for (int64_t j = 0; j < p; j++) {
            matrix[k * p + j] = components[k * p + j] * factors[k];
            inverse[j * count + k] = components[k * p + j] * inverse_factors[k];
        }
}

/* The example's shape, and one more extent behind it. */
static bg_shape shape_with(bg_shape example, int64_t extent)
{
    example.dims[example.rank++] = extent;
    return example;
}

static bg_status make_tensors(const fit *f, bg_pca *pca, bg_shape example, const bg_pca_options *o)
{
    int64_t count = choose_components(f, o, &pca->share);
    bool is_zca = o->whitening == BG_WHITENING_ZCA;
    bg_shape matrix = is_zca ? shape_with(example, f->places) : BG_SHAPE(count, f->places);
    bg_status status = check_range(f, o, count);
    if (!status)
        status = bg_tensor_create(&pca->shift, f->engine, BG_F64, example);
    if (!status)
        status = bg_tensor_create(&pca->matrix, f->engine, BG_F64, matrix);
    if (!status)
        status = bg_tensor_create(&pca->inverse, f->engine, BG_F64, shape_with(example, is_zca ? f->places : count));
    if (!status)
        status = bg_tensor_create(&pca->variances, f->engine, BG_F64, BG_SHAPE(count));
    if (status)
        return status;
    memcpy(bg_tensor_data(pca->shift), f->mean, (size_t)f->places * sizeof *f->mean);
    fill_matrices(f, pca, o, count);
    return BG_OK;
}

/* ---- Checks ---- */

static bg_status check_options(const bg_pca_options *o, int64_t n, int64_t places)
{
    int64_t most = n < places ? n : places;
    if (o->components < 0 || o->components > most)
        return bg_fail(BG_ERR_ARGUMENT, "%s: %lld components of %lld examples with %lld places; there are %lld", caller,
                       (long long)o->components, (long long)n, (long long)places, (long long)most);
    if (!(o->share >= 0 && o->share <= 1))
        return bg_fail(BG_ERR_ARGUMENT, "%s: a share of %g; it is above 0 and up to 1", caller, o->share);
    if (o->components && o->share > 0)
        return bg_fail(BG_ERR_ARGUMENT, "%s: %lld components and a share of %g; one of them says how many", caller,
                       (long long)o->components, o->share);
    if (o->whitening != BG_WHITENING_NONE && o->whitening != BG_WHITENING_PCA && o->whitening != BG_WHITENING_ZCA)
        return bg_fail(BG_ERR_ARGUMENT, "%s: there is no whitening %d", caller, (int)o->whitening);
    if (!(o->eps >= 0) || !isfinite(o->eps) || (o->eps > 0 && !o->whitening))
        return bg_fail(BG_ERR_ARGUMENT, "%s: eps is %g%s", caller, o->eps,
                       o->eps > 0 && isfinite(o->eps) ? " without whitening" : "; it is 0 or more");
    return BG_OK;
}

static bg_status check_data(const bg_dataset *dataset, int column, const bg_pca_options *o)
{
    bg_status status = bgi_scaling_check(caller, dataset, column);
    if (status)
        return status;
    bg_shape example = dataset->forms[column].shape;
    int64_t places = bg_shape_count(example);
    if (places < 1)
        return bg_fail(BG_ERR_SHAPE, "%s: examples %s have no places", caller, bgi_shape_format(example).text);
    if (places > PLACES_MOST)
        return bg_fail(BG_ERR_ARGUMENT, "%s: examples of %lld places; it takes %d at most", caller, (long long)places,
                       PLACES_MOST);
    if (dataset->size < 2)
        return bg_fail(BG_ERR_ARGUMENT, "%s: variances of %lld example%s; it takes 2 or more", caller,
                       (long long)dataset->size, dataset->size == 1 ? "" : "s");
    return check_options(o, dataset->size, places);
}

bg_status bg_pca_create(bg_pca **pca, const bg_dataset *dataset, int column, const bg_pca_options *options)
{
    const bg_pca_options o = options ? *options : (bg_pca_options){ .components = 0 };
    if (pca)
        *pca = NULL;
    if (!pca)
        return bg_fail(BG_ERR_ARGUMENT, "%s: pca is NULL", caller);
    bg_status status = check_data(dataset, column, &o);
    if (status)
        return status;
    const bg_column *form = &dataset->forms[column];
    fit f = {
        .engine = dataset->engine, .dtype = form->dtype, .n = dataset->size, .places = bg_shape_count(form->shape)
    };
    status = open_fit(&f, dataset, column);
    if (status)
        return status;
    pca_object *made = bgi_alloc_zero(f.engine, sizeof *made);
    status = made ? find_mean(&f) : BG_ERR_NOMEM;
    if (!status)
        status = add_examples(&f);
    if (!status) {
        clear_constant(&f);
        status = decompose(&f);
    }
    if (!status)
        status = make_tensors(&f, &made->pca, form->shape, &o);
    close_fit(&f);
    if (!made)
        return status;
    made->engine = f.engine;
    bgi_engine_retain(f.engine);
    if (status)
        bg_pca_destroy(&made->pca);
    else
        *pca = &made->pca;
    return status;
}

void bg_pca_destroy(bg_pca *pca)
{
    if (!pca)
        return;
    pca_object *made = (pca_object *)(void *)pca;
    bg_engine *engine = made->engine;
    bg_tensor_destroy(pca->shift);
    bg_tensor_destroy(pca->matrix);
    bg_tensor_destroy(pca->inverse);
    bg_tensor_destroy(pca->variances);
    bgi_free(engine, made, sizeof *made);
    bgi_engine_release(engine);
}
