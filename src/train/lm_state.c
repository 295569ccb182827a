/* What Levenberg and Marquardt's steps have learned, as tensors of an archive. */
#include "train/lm.h"
#include "train/saved.h"

#include "tensor/tensor.h"

#include <math.h>
#include <string.h>

static const char damping_name[] = "optimizer.lm.damping"; /* λ */
static const char scale_name[] = "optimizer.lm.scale";     /* D */
static const char counts_name[] = "optimizer.lm.counts";   /* steps, trials, has_converged */

bg_status bg_lm_save(const bg_lm *l, bg_archive *archive)
{
    if (!l || !archive)
        return bg_fail(BG_ERR_ARGUMENT, "lm_save: %s is NULL", l ? "archive" : "lm");
    const int64_t counts[3] = { l->steps, l->trials, l->has_converged };
    bg_status status = bgi_saved_add(archive, l->engine, damping_name, BG_F64, BG_SCALAR, &l->damping);
    if (status == BG_OK && l->options.is_scaled)
        status = bgi_saved_add(archive, l->engine, scale_name, BG_F64, BG_SHAPE(l->n), l->scale);
    return status == BG_OK ? bgi_saved_add(archive, l->engine, counts_name, BG_I64, BG_SHAPE(3), counts) : status;
}

bg_status bg_lm_load(bg_lm *l, const bg_archive *archive)
{
    static const char caller[] = "lm_load";
    if (!l || !archive)
        return bg_fail(BG_ERR_ARGUMENT, "%s: %s is NULL", caller, l ? "archive" : "lm");
    const bg_tensor *damping = bg_archive_find(archive, damping_name), *scale = bg_archive_find(archive, scale_name),
                    *counts = bg_archive_find(archive, counts_name);
    bg_status status = bgi_saved_check(damping, caller, damping_name, BG_F64, BG_SCALAR);
    if (status == BG_OK && l->options.is_scaled)
        status = bgi_saved_check(scale, caller, scale_name, BG_F64, BG_SHAPE(l->n));
    if (status == BG_OK)
        status = bgi_saved_check(counts, caller, counts_name, BG_I64, BG_SHAPE(3));
    if (status != BG_OK)
        return status;
    const double *d = bg_tensor_const_data(damping), *s = l->options.is_scaled ? bg_tensor_const_data(scale) : NULL;
    const int64_t *c = bg_tensor_const_data(counts);
    for (int i = 0; i < 3; i++)
        if (c[i] < 0 || c[i] > INT64_MAX / 4)
            return bg_fail(BG_ERR_ARGUMENT, "%s: \"%s\" has the number %lld", caller, counts_name, (long long)c[i]);
    if (isnan(*d))
        return bg_fail(BG_ERR_ARGUMENT, "%s: \"%s\" is %g", caller, damping_name, *d);
    for (int64_t i = 0; s && i < l->n; i++)
        if (!(s[i] >= 0) || isinf(s[i]))
            return bg_fail(BG_ERR_ARGUMENT, "%s: \"%s\" has the number %g", caller, scale_name, s[i]);
    l->damping = *d;
    if (s)
        memcpy(l->scale, s, (size_t)l->n * sizeof(double));
    l->steps = c[0];
    l->trials = c[1];
    l->has_converged = c[2] != 0;
    return BG_OK;
}
