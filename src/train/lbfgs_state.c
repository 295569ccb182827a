/* What L-BFGS has learned, as tensors of an archive. */
#include "train/lbfgs.h"
#include "train/saved.h"

#include "tensor/tensor.h"

#include <string.h>

static const char pairs_name[] = "optimizer.lbfgs.pairs";     /* y and s, the oldest first */
static const char rho_name[] = "optimizer.lbfgs.rho";         /* of each pair */
static const char vectors_name[] = "optimizer.lbfgs.vectors"; /* the last gradient and direction */
static const char numbers_name[] = "optimizer.lbfgs.numbers"; /* scale, step */
static const char counts_name[] = "optimizer.lbfgs.counts";   /* iterations, evaluations, has_converged */

static bg_status add_rows(bg_archive *archive, const bg_lbfgs *l, const char *name, bg_shape shape, double *const *rows)
{
    int64_t n_rows = bg_shape_count(shape) / l->n;
    bg_tensor *tensor;
    bg_status status = bg_tensor_create(&tensor, l->engine, BG_F64, shape);
    if (status != BG_OK)
        return status;
    double *to = bg_tensor_data(tensor);
    for (int64_t i = 0; i < n_rows; i++)
        memcpy(to + i * l->n, rows[i], (size_t)l->n * sizeof(double));
    status = bg_archive_add(archive, name, tensor);
    bg_tensor_destroy(tensor);
    return status;
}

bg_status bg_lbfgs_save(const bg_lbfgs *l, bg_archive *archive)
{
    if (!l || !archive)
        return bg_fail(BG_ERR_ARGUMENT, "lbfgs_save: %s is NULL", l ? "archive" : "lbfgs");
    const double numbers[2] = { l->scale, l->step };
    const int64_t counts[3] = { l->iterations, l->evaluations, l->has_converged };
    double *const vectors[2] = { l->vectors[LBFGS_PREVIOUS], l->vectors[LBFGS_DIRECTION] };
    bg_status status = add_rows(archive, l, pairs_name, BG_SHAPE(l->n_pairs, 2, l->n), l->pairs);
    if (status == BG_OK)
        status = bgi_saved_add(archive, l->engine, rho_name, BG_F64, BG_SHAPE(l->n_pairs), l->rho);
    if (status == BG_OK)
        status = add_rows(archive, l, vectors_name, BG_SHAPE(2, l->n), vectors);
    if (status == BG_OK)
        status = bgi_saved_add(archive, l->engine, numbers_name, BG_F64, BG_SHAPE(2), numbers);
    return status == BG_OK ? bgi_saved_add(archive, l->engine, counts_name, BG_I64, BG_SHAPE(3), counts) : status;
}

/* pairs: how many there are. */
static bg_status check(const bg_lbfgs *l, const bg_archive *archive, const char *caller, int64_t *pairs)
{
    const struct {
        const char *name;
        bg_dtype dtype;
        bg_shape shape;
    } tensors[] = { { pairs_name, BG_F64, BG_SHAPE(-1, 2, l->n) },
                    { rho_name, BG_F64, BG_SHAPE(-1) },
                    { vectors_name, BG_F64, BG_SHAPE(2, l->n) },
                    { numbers_name, BG_F64, BG_SHAPE(2) },
                    { counts_name, BG_I64, BG_SHAPE(3) } };
    bg_status status = BG_OK;
    for (size_t i = 0; i < sizeof tensors / sizeof *tensors && status == BG_OK; i++)
        status = bgi_saved_check(bg_archive_find(archive, tensors[i].name), caller, tensors[i].name, tensors[i].dtype,
                                 tensors[i].shape);
    if (status != BG_OK)
        return status;
    *pairs = bg_tensor_shape(bg_archive_find(archive, pairs_name)).dims[0];
    int64_t rho = bg_tensor_shape(bg_archive_find(archive, rho_name)).dims[0];
    const int64_t *counts = bg_tensor_const_data(bg_archive_find(archive, counts_name));
    if (*pairs > l->options.history || rho != *pairs)
        return bg_fail(BG_ERR_SHAPE, "%s: \"%s\" has %lld pairs and \"%s\" %lld elements, for a history of %lld",
                       caller, pairs_name, (long long)*pairs, rho_name, (long long)rho, (long long)l->options.history);
    for (int i = 0; i < 3; i++)
        if (counts[i] < 0 || counts[i] > INT64_MAX / 4)
            return bg_fail(BG_ERR_ARGUMENT, "%s: \"%s\" has the number %lld", caller, counts_name,
                           (long long)counts[i]);
    return BG_OK;
}

bg_status bg_lbfgs_load(bg_lbfgs *l, const bg_archive *archive)
{
    static const char caller[] = "lbfgs_load";
    if (!l || !archive)
        return bg_fail(BG_ERR_ARGUMENT, "%s: %s is NULL", caller, l ? "archive" : "lbfgs");
    int64_t pairs = 0;
    bg_status status = check(l, archive, caller, &pairs);
    if (status == BG_OK)
        status = bgi_lbfgs_reserve_pairs(l, pairs);
    if (status != BG_OK)
        return status;
    size_t bytes = (size_t)l->n * sizeof(double);
    const double *from = bg_tensor_const_data(bg_archive_find(archive, pairs_name));
    const double *vectors = bg_tensor_const_data(bg_archive_find(archive, vectors_name));
    const double *numbers = bg_tensor_const_data(bg_archive_find(archive, numbers_name));
    const int64_t *counts = bg_tensor_const_data(bg_archive_find(archive, counts_name));
    for (int64_t i = 0; i < 2 * pairs; i++)
        memcpy(l->pairs[i], from + i * l->n, bytes);
    if (pairs > 0)
        memcpy(l->rho, bg_tensor_const_data(bg_archive_find(archive, rho_name)), (size_t)pairs * sizeof(double));
    memcpy(l->vectors[LBFGS_PREVIOUS], vectors, bytes);
    memcpy(l->vectors[LBFGS_DIRECTION], vectors + l->n, bytes);
    l->n_pairs = pairs;
    l->scale = numbers[0];
    l->step = numbers[1];
    l->iterations = counts[0];
    l->evaluations = counts[1];
    l->has_converged = counts[2] != 0;
    l->is_evaluated = false;
    return BG_OK;
}
