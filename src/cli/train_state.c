/* Where a run stands beside its trainer, and what it stands on: kept in checkpoints for --resume. */
#include "train_job.h"

#include "output.h"

#include <math.h>
#include <string.h>

static int64_t examples(const bg_dataset *part) { return part ? bg_dataset_size(part) : 0; }

event *train_state(const train_job *job)
{
    bg_engine_info info = bg_engine_describe(job->engine);
    event *state = event_create(NULL);
    event_integer(state, "train_examples", examples(job->data.train));
    event_integer(state, "validation_examples", examples(job->data.validation));
    event_integer(state, "test_examples", examples(job->data.test));
    event_text(state, "data_hash", checkpoint_hash(job->data_hash).text);
    event_text(state, "config_hash", checkpoint_hash(job->config_hash).text);
    event_text(state, "kernels", info.kernels);
    event_text(state, "blas", info.blas);
    event_text(state, "blas_core", info.blas_core);
    event_number(state, "epochs_loss", job->epochs.loss);
    event_number(state, "epochs_examples", job->epochs.examples);
    event_number(state, "logged_loss", job->logged.loss);
    event_number(state, "logged_examples", job->logged.examples);
    event_number(state, "lowest_loss", job->lowest_loss);
    event_integer(state, "epochs_since_lowest", job->epochs_since_lowest);
    event_bool(state, "complete", job->is_complete);
    return state;
}

static int check_sizes(const train_job *job, const event *state)
{
    const struct {
        const char *key, *name;
        int64_t count;
    } parts[] = { { "train_examples", "training", examples(job->data.train) },
                  { "validation_examples", "validation", examples(job->data.validation) },
                  { "test_examples", "test", examples(job->data.test) } };
    for (int i = 0; i < 3; i++) {
        double saved = event_has(state, parts[i].key) ? event_get_number(state, parts[i].key) : 0;
        if (saved != (double)parts[i].count)
            return output_failure("--resume: %s has %lld %s examples, %.0f when the run in %s was saved",
                                  job->config.data.name, (long long)parts[i].count, parts[i].name, saved,
                                  job->config.out);
    }
    return 0;
}

static int check_content(const train_job *job, const event *state)
{
    checkpoint_hash_text hash = checkpoint_hash(job->data_hash);
    const char *saved = event_get_text(state, "data_hash");
    bool is_same = saved && strcmp(saved, hash.text) == 0;
    /* Earlier versions took the content as it is when it was cut and scaled. */
    uint64_t of_parts;
    if (saved && !is_same) {
        int code = data_hash(&job->data, &of_parts);
        if (code)
            return code;
        is_same = strcmp(saved, checkpoint_hash(of_parts).text) == 0;
    }
    if (!is_same)
        return output_failure("--resume: %s has other content (XXH3 %s) than when the run in %s was saved (%.40s)",
                              job->config.data.name, hash.text, job->config.out, saved ? saved : "none");
    return 0;
}

/* What is given was compared with config.json, which so need not be that of the run any more. */
static int check_config(const train_job *job, const event *state)
{
    const char *saved = event_get_text(state, "config_hash");
    if (saved && strcmp(saved, checkpoint_hash(job->config_hash).text) == 0)
        return 0;
    return output_failure("--resume: these are not the options that the run in %s was saved with: its config.json was "
                          "edited or is missing; put it back, or give the same options",
                          job->config.out);
}

/* The same bits are promised for one instruction set and one OpenBLAS. */
static void warn_of_machine(const train_job *job, const event *state)
{
    bg_engine_info info = bg_engine_describe(job->engine);
    const struct {
        const char *key, *name, *value;
    } parts[] = { { "kernels", "the instruction set", info.kernels },
                  { "blas", "OpenBLAS", info.blas },
                  { "blas_core", "the core of OpenBLAS", info.blas_core } };
    for (int i = 0; i < 3; i++) {
        const char *saved = event_get_text(state, parts[i].key);
        if (!saved || strcmp(saved, parts[i].value) != 0)
            output_message("warning: %s is %s here and was %.100s before: the last bits of results may differ from "
                           "those of a run without interruption",
                           parts[i].name, parts[i].value, saved ? saved : "unknown");
    }
}

/* Of an event number that may be infinite, which JSON has not. */
static double or_infinity(double value) { return isnan(value) ? INFINITY : value; }

int train_restore(train_job *job, const bg_archive *archive, const event *state)
{
    /* A batch of all examples and a part for testing follow the number of examples, the parts' content the seed. */
    int code = check_sizes(job, state);
    if (!code)
        code = check_config(job, state);
    if (!code)
        code = check_content(job, state);
    if (code)
        return code;
    warn_of_machine(job, state);
    if (bg_trainer_load(job->trainer, archive) != BG_OK)
        return output_failure("--resume: the checkpoint in %s does not belong to this network and optimizer: %s",
                              job->config.out, bg_last_error());
    job->epochs = (loss_sum){ event_get_number(state, "epochs_loss"), event_get_number(state, "epochs_examples") };
    job->logged = (loss_sum){ event_get_number(state, "logged_loss"), event_get_number(state, "logged_examples") };
    job->lowest_loss = or_infinity(event_get_number(state, "lowest_loss"));
    job->epochs_since_lowest = (int64_t)event_get_number(state, "epochs_since_lowest");
    job->is_complete = event_equals(state, "complete", NULL);
    job->last = bg_trainer_progress(job->trainer);
    job->last.steps_in_epoch = job->steps_in_epoch;
    if (job->last.epoch_is_done && job->last.step > 0)
        job->last.step_in_epoch = job->steps_in_epoch;
    job->place.epoch = job->last.epoch - !job->last.epoch_is_done;
    job->place.step = job->last.step;
    return 0;
}
