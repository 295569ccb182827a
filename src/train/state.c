/* Where a trainer stands, as tensors of an archive. */
#include "train/saved.h"
#include "train/trainer.h"

#include "tensor/tensor.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

/* The trainer's own numbers, of 8 bytes each. Counts and sizes are not negative; a loss may be any number, and the
 * size of what was accumulated NaN if it is to be skipped. What archives of earlier versions do not have is 0. */
typedef enum { COUNT, SIZE, SIZE_OR_NAN, SIZE_OR_NONE, NUMBER } number_kind;
static const struct {
    const char *name;
    size_t offset;
    number_kind kind;
} numbers[] = {
    { "trainer.epoch", offsetof(bg_trainer, epoch), COUNT },
    { "trainer.step", offsetof(bg_trainer, step), COUNT },
    { "trainer.step_in_epoch", offsetof(bg_trainer, step_in_epoch), COUNT },
    { "trainer.updates", offsetof(bg_trainer, updates), COUNT },
    { "trainer.skipped", offsetof(bg_trainer, skipped), COUNT },
    { "trainer.averaged", offsetof(bg_trainer, averaged), COUNT },
    { "trainer.accumulated", offsetof(bg_trainer, accumulated), SIZE_OR_NAN },
    { "trainer.learning_rate", offsetof(bg_trainer, learning_rate), SIZE },
    { "trainer.seconds", offsetof(bg_trainer, seconds), SIZE },
    { "trainer.epoch_loss", offsetof(bg_trainer, sums.loss), NUMBER },
    { "trainer.epoch_examples", offsetof(bg_trainer, sums.examples), COUNT },
    { "trainer.epoch_right", offsetof(bg_trainer, sums.right), COUNT },
    { "trainer.epoch_answers", offsetof(bg_trainer, sums.answers), COUNT },
    { "trainer.epoch_seconds", offsetof(bg_trainer, epoch_seconds), SIZE },
    { "trainer.epoch_stall", offsetof(bg_trainer, epoch_stall), SIZE_OR_NONE },
};
enum { N_NUMBERS = sizeof numbers / sizeof numbers[0] };

static bg_dtype dtype_of(int i) { return numbers[i].kind == COUNT ? BG_I64 : BG_F64; }

/* has_best, best, bad, cooling */
static const char plateau_name[] = "trainer.plateau";
enum { PLATEAU_NUMBERS = 4 };

static const char caller[] = "trainer_load";

bg_status bg_trainer_save(const bg_trainer *trainer, bg_archive *archive)
{
    if (!trainer || !archive)
        return bg_fail(BG_ERR_ARGUMENT, "trainer_save: %s is NULL", trainer ? "archive" : "trainer");
    const bg_model *model = trainer->model;
    bg_status status = BG_OK;
    for (size_t i = 0; i < bg_model_count(model) && status == BG_OK; i++)
        status = bg_archive_add(archive, bg_model_name(model, i), bg_model_tensor(model, i));
    for (int i = 0; i < N_NUMBERS && status == BG_OK; i++)
        status = bgi_saved_add(archive, trainer->engine, numbers[i].name, dtype_of(i), BG_SCALAR,
                               (const char *)trainer + numbers[i].offset);
    const bg_plateau *plateau = &trainer->plateau;
    const double state[PLATEAU_NUMBERS] = { plateau->has_best, plateau->best, (double)plateau->bad,
                                            (double)plateau->cooling };
    if (status == BG_OK)
        status = bgi_driven_save(trainer, archive);
    if (status == BG_OK)
        status = bgi_saved_add(archive, trainer->engine, plateau_name, BG_F64, BG_SHAPE(PLATEAU_NUMBERS), state);
    return status;
}

/* Counts never come near the end of their type; a place outside would make the next batch read there. */
static bg_status check_number(const bg_trainer *trainer, const bg_archive *archive, const char *name, number_kind kind)
{
    const void *data = bg_tensor_const_data(bg_archive_find(archive, name));
    double value;
    memcpy(&value, data, sizeof value);
    int64_t count;
    memcpy(&count, data, sizeof count);
    bool is_allowed = kind == COUNT ? count >= 0 && count <= INT64_MAX / 4 : isfinite(value) && value >= 0;
    bool is_skipped = kind == SIZE_OR_NAN && isnan(value) && trainer->options.skips_nonfinite;
    if (is_allowed || is_skipped || kind == NUMBER)
        return BG_OK;
    return kind == COUNT ? bg_fail(BG_ERR_ARGUMENT, "trainer_load: \"%s\" is %lld", name, (long long)count)
                         : bg_fail(BG_ERR_ARGUMENT, "trainer_load: \"%s\" is %g", name, value);
}

/* has_best, bad and cooling are whole numbers; the best metric may be any. */
static bg_status check_plateau(const bg_archive *archive)
{
    const double *state = bg_tensor_const_data(bg_archive_find(archive, plateau_name));
    for (int i = 0; i < PLATEAU_NUMBERS; i++)
        if (i != 1 && !(state[i] >= 0 && state[i] <= 0x1p53))
            return bg_fail(BG_ERR_ARGUMENT, "trainer_load: \"%s\" has the number %g", plateau_name, state[i]);
    return BG_OK;
}

static bool is_own(const char *name)
{
    for (int i = 0; i < N_NUMBERS; i++)
        if (strcmp(name, numbers[i].name) == 0)
            return true;
    return strcmp(name, plateau_name) == 0;
}

static bool is_missed(const bg_archive *archive, int i)
{
    return numbers[i].kind == SIZE_OR_NONE && !bg_archive_find(archive, numbers[i].name);
}

static bg_status check_archive(const bg_trainer *trainer, const bg_archive *archive)
{
    const bg_model *model = trainer->model;
    bg_status status = BG_OK;
    for (size_t i = 0; i < bg_model_count(model) && status == BG_OK; i++) {
        const char *name = bg_model_name(model, i);
        const bg_tensor *own = bg_model_tensor(model, i);
        status =
            bgi_saved_check(bg_archive_find(archive, name), caller, name, bg_tensor_dtype(own), bg_tensor_shape(own));
    }
    for (int i = 0; i < N_NUMBERS && status == BG_OK; i++)
        if (!is_missed(archive, i))
            status = bgi_saved_check(bg_archive_find(archive, numbers[i].name), caller, numbers[i].name, dtype_of(i),
                                     BG_SCALAR);
    if (status == BG_OK)
        status = bgi_saved_check(bg_archive_find(archive, plateau_name), caller, plateau_name, BG_F64,
                                 BG_SHAPE(PLATEAU_NUMBERS));
    for (int i = 0; i < N_NUMBERS && status == BG_OK; i++)
        if (!is_missed(archive, i))
            status = check_number(trainer, archive, numbers[i].name, numbers[i].kind);
    if (status == BG_OK)
        status = check_plateau(archive);
    for (size_t i = 0; i < bg_archive_count(archive) && status == BG_OK; i++) {
        const char *name = bg_archive_name(archive, i);
        if (!is_own(name) && !bg_model_find(model, name) && !bgi_driven_owns(trainer, name))
            status = bg_fail(BG_ERR_ARGUMENT, "trainer_load: the model has no \"%s\"", name);
    }
    return status;
}

bg_status bg_trainer_load(bg_trainer *trainer, const bg_archive *archive)
{
    if (!trainer || !archive)
        return bg_fail(BG_ERR_ARGUMENT, "trainer_load: %s is NULL", trainer ? "archive" : "trainer");
    if (trainer->is_fitting)
        return bg_fail(BG_ERR_BUSY, "trainer_load: called from the callback of a fit");
    const bg_model *model = trainer->model;
    bg_status status = check_archive(trainer, archive);
    if (status == BG_OK)
        status = bgi_driven_load(trainer, archive);
    for (size_t i = 0; i < bg_model_count(model) && status == BG_OK; i++) {
        bg_tensor *own = bg_model_tensor(model, i), *saved = bg_archive_find(archive, bg_model_name(model, i));
        /* An archive that was not written to a file holds the tensors themselves. */
        status = own == saved ? BG_OK : bg_tensor_copy(own, saved);
    }
    if (status != BG_OK)
        return status;
    for (int i = 0; i < N_NUMBERS; i++) {
        char *number = (char *)trainer + numbers[i].offset;
        if (is_missed(archive, i))
            memset(number, 0, sizeof(double));
        else
            memcpy(number, bg_tensor_const_data(bg_archive_find(archive, numbers[i].name)), sizeof(double));
    }
    const double *state = bg_tensor_const_data(bg_archive_find(archive, plateau_name));
    trainer->plateau = (bg_plateau){
        .has_best = state[0] != 0, .best = state[1], .bad = (int64_t)state[2], .cooling = (int64_t)state[3]
    };
    return BG_OK;
}
