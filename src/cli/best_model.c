/* The best model of a run so far. */
#include "best_model.h"

#include "checkpoint.h"
#include "output.h"

#include <math.h>
#include <stdlib.h>

int best_model_open(best_model *best, bg_model *model, const bg_trainer *trainer)
{
    *best = (best_model){ .model = model, .trainer = trainer, .loss = INFINITY };
    best->copies = calloc(bg_model_count(model) + 1, sizeof(bg_tensor *));
    if (!best->copies)
        return output_failure("out of memory");
    for (size_t i = 0; i < bg_model_count(model); i++) {
        if (!checkpoint_is_state(bg_model_name(model, i)))
            continue;
        const bg_tensor *tensor = bg_model_tensor(model, i);
        if (bg_tensor_create(&best->copies[best->count], bg_model_engine(model), bg_tensor_dtype(tensor),
                             bg_tensor_shape(tensor)) != BG_OK)
            return output_library();
        best->count++;
    }
    return 0;
}

void best_model_close(best_model *best)
{
    for (size_t i = 0; i < best->count; i++)
        bg_tensor_destroy(best->copies[i]);
    free(best->copies);
    *best = (best_model){ .model = NULL };
}

/* Copies the model's own tensors to the copies, or back. */
static bg_status copy_all(const best_model *best, bool goes_back)
{
    bg_status status = BG_OK;
    size_t copy = 0;
    for (size_t i = 0; i < bg_model_count(best->model) && status == BG_OK; i++) {
        if (!checkpoint_is_state(bg_model_name(best->model, i)))
            continue;
        bg_tensor *tensor = bg_model_tensor(best->model, i), *kept = best->copies[copy++];
        status = goes_back ? bg_tensor_copy(tensor, kept) : bg_tensor_copy(kept, tensor);
    }
    return status;
}

static int keep(best_model *best)
{
    /* Before the first update the averages are those of the first values that the model ever had. */
    bool has_averages = bg_trainer_progress(best->trainer).updates > 0 && bg_model_swap_averages(best->model) == BG_OK;
    bg_status status = copy_all(best, false);
    if (has_averages)
        bg_model_swap_averages(best->model);
    if (status != BG_OK)
        return output_library();
    best->is_new = true;
    return 0;
}

int best_model_offer(best_model *best, double loss, int64_t epoch)
{
    if (!(loss < best->loss))
        return 0;
    int code = keep(best);
    if (code)
        return code;
    best->loss = loss;
    best->epoch = epoch;
    return 0;
}

/* No loss is noted for it: the first end of an epoch replaces it. */
int best_model_ensure(best_model *best) { return best->loss < INFINITY ? 0 : keep(best); }

bg_status best_model_take(best_model *best, const bg_archive *archive, double loss, int64_t epoch)
{
    bg_status status = BG_OK;
    size_t copy = 0;
    for (size_t i = 0; i < bg_model_count(best->model) && status == BG_OK; i++) {
        const char *name = bg_model_name(best->model, i);
        if (!checkpoint_is_state(name))
            continue;
        bg_tensor *kept = best->copies[copy++];
        const bg_tensor *saved = bg_archive_find(archive, name);
        if (!saved || bg_tensor_dtype(saved) != bg_tensor_dtype(kept) ||
            !bg_shape_equal(bg_tensor_shape(saved), bg_tensor_shape(kept)))
            return BG_ERR_FORMAT;
        status = bg_tensor_copy(kept, saved);
    }
    if (status != BG_OK)
        return status;
    best->loss = loss;
    best->epoch = epoch;
    return BG_OK;
}

int best_model_restore(const best_model *best)
{
    bg_status status = copy_all(best, true);
    if (status == BG_OK && bg_model_swap_averages(best->model) == BG_OK) {
        status = copy_all(best, true);
        bg_model_swap_averages(best->model);
    }
    return status == BG_OK ? 0 : output_library();
}
