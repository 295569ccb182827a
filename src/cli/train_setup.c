/* Setting up a training run: engine, data, model, trainer. */
#include "train_job.h"

#include "output.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int start_engine(train_job *job)
{
    bg_engine_options options = common_engine(&job->config.common);
    if (bg_engine_create(&job->engine, &options) != BG_OK)
        return output_library();
    job->config.common.threads = bg_engine_describe(job->engine).threads;
    return 0;
}

/* How it is trained, for whoever looks at its checkpoints. */
static int describe_training(train_job *job)
{
    event *e = event_create(NULL);
    if (job->config.method == METHOD_SGD) {
        optimizer_describe(&job->config.optimizer, e);
        event_integer(e, "batch", job->config.batch);
    } else {
        event_text(e, "method", "lstsq");
        event_number(e, "ridge", job->config.ridge);
    }
    job->about.training = job->training = event_line(e);
    event_destroy(e);
    return job->training ? 0 : output_failure("out of memory");
}

/* What became of inputs in a run that goes on: another machine might turn components of equal variance another way. */
static int take_saved_transform(train_job *job)
{
    parts_settings *parts = &job->config.data.parts, saved;
    if (!job->config.resumes || !parts_transform(parts))
        return 0;
    bg_archive *archive = rundir_peek(job->config.out, job->engine);
    if (!archive)
        return 0;
    parts_load(archive, &saved);
    /* Other options than those of the run are refused later. */
    bool is_same = parts_have_same_transform(parts, &saved), is_whole = true;
    if (is_same) {
        is_whole = transform_texts_copy(&job->saved, &saved);
        parts->values = job->saved.scaling;
        parts->projection = job->saved.projection;
        parts->variance_share = saved.variance_share;
    }
    bg_archive_destroy(archive);
    return is_whole ? 0 : output_failure("out of memory");
}

static int load_data(train_job *job)
{
    train_config *config = &job->config;
    int code = take_saved_transform(job);
    if (!code)
        code = data_load(&job->data, job->engine, &config->data, &job->data_hash);
    if (!code)
        code = data_need_targets(&job->data, &config->data);
    if (code)
        return code;
    int64_t n = bg_dataset_size(job->data.train);
    if (config->batch > n)
        config->batch = n;
    job->steps_in_epoch = (n - 1) / config->batch + 1;
    if (config->method == METHOD_SGD && job->steps_in_epoch > 1 && optimizer_is_driver(&config->optimizer))
        return output_usage("--optimizer %s takes all %lld examples a step, not %lld; leave out --batch",
                            config->optimizer.name, (long long)n, (long long)config->batch);
    if (config->epochs_suit_steps)
        config->epochs = (config->steps - 1) / job->steps_in_epoch + 1;
    if (!config->model) {
        /* A score for each class, or an output for each target. */
        int64_t outputs = bg_dataset_classes(job->data.train);
        bg_shape targets = bg_dataset_shape(job->data.train, 1);
        if (outputs == 0)
            outputs = targets.rank > 1 ? targets.dims[1] : 1;
        snprintf(job->default_model, sizeof job->default_model, "dense:%lld", (long long)outputs);
        config->model = job->default_model;
    }
    config->data.vocabulary = bg_dataset_vocabulary(job->data.train);
    config->data.parts.values = job->data.transform.scaling;
    config->data.parts.projection = job->data.transform.projection;
    config->data.parts.variance_share = job->data.transform.share;
    config->data.table.class_names = job->class_names = table_class_names(job->data.train);
    config->data.table.feature_names = job->data.feature_names;
    job->network = (network_choice){ .model = config->model,
                                     .classes = bg_dataset_classes(job->data.train),
                                     .context = config->data.context };
    bg_column inputs = data_inputs(job->data.train);
    job->about = (checkpoint_about){ .model = config->model,
                                     .loss = config->loss,
                                     .sample = inputs.shape,
                                     .takes_tokens = inputs.dtype != BG_F32 && inputs.dtype != BG_F64,
                                     .data = config->data };
    return describe_training(job);
}

/* ---- Class weights ---- */

typedef struct {
    double *counts;
    int64_t classes;
} class_counts;

static bool count_class(void *user, double number)
{
    const class_counts *c = user;
    if (number >= 0 && number < (double)c->classes)
        c->counts[(int64_t)number]++;
    return true;
}

/* examples / (classes · examples of the class), as scikit-learn has it; 0 for a class without examples. */
static int balance(const train_job *job, double *weights, int64_t classes)
{
    int64_t n = bg_shape_count(bg_dataset_shape(job->data.train, 1));
    memset(weights, 0, (size_t)classes * sizeof *weights);
    if (data_each_number(job->engine, job->data.train, 1, count_class, &(class_counts){ weights, classes }) != BG_OK)
        return output_library();
    for (int64_t c = 0; c < classes; c++)
        weights[c] = weights[c] > 0 ? (double)n / ((double)classes * weights[c]) : 0;
    return 0;
}

static int parse_weights(const char *text, double *weights, int64_t classes)
{
    const char *at = text;
    for (int64_t c = 0; c < classes; c++) {
        char *end;
        weights[c] = strtod(at, &end);
        if (end == at || !isfinite(weights[c]) || weights[c] < 0 || *end != (c + 1 < classes ? ',' : 0))
            return output_usage("--class-weights \"%s\": %lld numbers, 0 or more, one a class, with commas between "
                                "them; or balanced",
                                text, (long long)classes);
        at = end + 1;
    }
    return 0;
}

static int make_class_weights(train_job *job)
{
    const char *text = job->config.class_weights;
    int64_t classes = bg_dataset_classes(job->data.train);
    if (!text)
        return 0;
    if (bg_tensor_create(&job->class_weights, job->engine, BG_F64, BG_SHAPE(classes)) != BG_OK)
        return output_library();
    double *weights = bg_tensor_data(job->class_weights);
    return strcmp(text, "balanced") == 0 ? balance(job, weights, classes) : parse_weights(text, weights, classes);
}

/* ---- Adversarial training ---- */

typedef struct {
    double lower, upper;
    bool is_outside;
    double outside;
} input_range;

static bool stay_within(void *user, double number)
{
    input_range *range = user;
    range->is_outside = !(number >= range->lower && number <= range->upper);
    range->outside = number;
    return !range->is_outside;
}

/* Without a word about it, inputs of which none is outside of 0 .. 1 stay there. */
static int find_box(train_job *job)
{
    const adversarial_settings *settings = &job->config.adversarial;
    bg_adversarial *a = &job->adversarial;
    if (settings->has_box && !a->lower.is_some)
        return 0;
    input_range range = { .lower = settings->has_box ? a->lower.value : 0,
                          .upper = settings->has_box ? a->upper.value : 1 };
    if (data_each_number(job->engine, job->data.train, 0, stay_within, &range) != BG_OK)
        return output_library();
    if (settings->has_box && range.is_outside)
        return output_usage("--adversarial: the box is %g,%g, and %s has the input %g", range.lower, range.upper,
                            job->config.data.name, range.outside);
    if (!range.is_outside) {
        a->lower = BG_SOME(range.lower);
        a->upper = BG_SOME(range.upper);
    }
    return 0;
}

static int prepare_adversarial(train_job *job)
{
    if (!job->config.adversarial.is_given)
        return 0;
    job->adversarial = job->config.adversarial.numbers;
    job->adversarial.user = &job->network;
    const bg_shape sample = data_inputs(job->data.train).shape;
    int code = transform_take(&job->transform, job->engine, job->config.data.name, sample, &job->config.data.parts);
    job->network.transform = job->transform;
    job->about.sample = transform_shape(&job->transform, sample);
    return code ? code : find_box(job);
}

/* ---- The trainer ---- */

static int make_trainer(train_job *job)
{
    const train_config *config = &job->config;
    bg_trainer_options options = { .network = network_build,
                                   .loss = bg_loss_find(config->loss),
                                   .user = &job->network,
                                   .batch = config->batch,
                                   .epochs = config->epochs,
                                   .counts_all_epochs = true,
                                   .detects_anomalies = config->detects_anomalies,
                                   .class_weights = job->class_weights,
                                   .augmentation = config->data.parts.augmentation,
                                   /* Signals, --time and the like end a run at the next step. */
                                   .call_every = 1 };
    if (config->adversarial.is_given) {
        options.network = bg_adversarial_network;
        options.step = bg_adversarial_step;
        options.user = &job->adversarial;
    }
    optimizer_fill(&config->optimizer, &options, bg_dataset_size(job->data.train), config->steps, job->schedule_parts);
    if (config->method == METHOD_LSTSQ) /* averages are of steps, and there are none */
        options.averaging = (bg_averaging){ .kind = BG_AVERAGE_NONE };
    const bg_program *program;
    bg_status status = bg_model_create(&job->model, job->engine, config->data.dtype);
    if (status == BG_OK)
        status = bg_trainer_create(&job->trainer, job->model, &options);
    /* Makes the parameters, and shows a network that does not fit the data before a run directory is there. */
    if (status == BG_OK)
        status = bg_trainer_program(job->trainer, job->data.train, config->batch, &program);
    return status == BG_OK ? 0 : output_library();
}

static int take_initial(train_job *job)
{
    const char *path = job->config.init;
    bg_archive *archive;
    if (!path)
        return 0;
    if (bg_archive_load(&archive, job->engine, path) != BG_OK)
        return output_library();
    int code = checkpoint_fill(path, archive, job->model);
    bg_archive_destroy(archive);
    return code;
}

/* With fewer scores than classes, the first step would fail. */
static int check_scores(train_job *job)
{
    int64_t classes = bg_dataset_classes(job->data.train), scores;
    bg_column inputs = data_inputs(job->data.train);
    if (network_scores(job->model, &job->network, inputs.dtype, inputs.shape, &scores) != BG_OK)
        return output_library();
    if (scores < classes)
        return output_failure("\"%s\" ends in %lld score%s, but %s has %lld classes", job->config.model,
                              (long long)scores, scores == 1 ? "" : "s", job->config.data.name, (long long)classes);
    return 0;
}

int64_t train_count_parameters(const bg_model *model)
{
    int64_t count = 0;
    for (size_t i = 0; i < bg_model_count(model); i++)
        if (bg_model_is_parameter(model, i))
            count += bg_shape_count(bg_tensor_shape(bg_model_tensor(model, i)));
    return count;
}

int train_set_up(train_job *job)
{
    int code = start_engine(job);
    if (!code)
        code = load_data(job);
    if (!code)
        code = make_class_weights(job);
    if (!code)
        code = prepare_adversarial(job);
    if (!code)
        code = make_trainer(job);
    if (!code)
        code = check_scores(job);
    bool has_checkpoint = !code && job->config.resumes && rundir_has_checkpoint(job->config.out);
    return code || has_checkpoint ? code : take_initial(job);
}
