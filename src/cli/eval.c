/* blasgrad eval */
#include "checkpoint.h"
#include "commands.h"
#include "events.h"
#include "metrics_table.h"
#include "options.h"
#include "output.h"

#include <blasgrad/train.h>

#include <math.h>
#include <string.h>

typedef enum { PART_DEFAULT, PART_TEST, PART_VALIDATION, PART_TRAIN, PART_ALL } eval_part;
static const char *const part_names[] = { "test", "validation", "train", "all", NULL };

typedef struct {
    common_options common;
    data_settings data;
    const char *checkpoint;
    eval_part part;
    int64_t top_k; /* 0: not asked for */
    bool with_confusion, with_roc_auc;
} eval_config;

enum { KEY_PART = KEYS_COMMAND, KEY_TOP_K, KEY_CONFUSION, KEY_ROC_AUC };

static const struct argp_option table[] = {
    { "part", KEY_PART, "PART", 0,
      "test, validation, train or all (default: test if examples were held out for it, else validation, else all)", 1 },
    { "top-k", KEY_TOP_K, "K", 0, "classes: also how often the class is among the K largest scores", 1 },
    { "confusion", KEY_CONFUSION, NULL, 0, "classes: the confusion matrix", 1 },
    { "roc-auc", KEY_ROC_AUC, NULL, 0, "classes: areas under the ROC curves, of each class against the rest", 1 },
    { 0 },
};

static error_t parse(int key, char *text, struct argp_state *state)
{
    eval_config *config = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        checkpoint_children_init(state, &config->checkpoint, &config->data, &config->common);
        return 0;
    case KEY_PART:
        config->part = (eval_part)(PART_TEST + option_choice(state, "part", text, part_names));
        return 0;
    case KEY_TOP_K:
        config->top_k = option_integer(state, "top-k", text, 1, INT64_MAX);
        return 0;
    case KEY_CONFUSION:
        config->with_confusion = true;
        return 0;
    case KEY_ROC_AUC:
        config->with_roc_auc = true;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {
    .options = table,
    .parser = parse,
    .children = checkpoint_children,
    .doc =
        "Loss and metrics of a trained network.\v"
        "Network, loss and type are those of the checkpoint, and so are the data, the form of a CSV table, the seed "
        "and what is held out where no option says otherwise: without further options this repeats the test of "
        "the training run.\n"
        "\n"
        "Classes have precision, recall and F1, each and on average; targets that are numbers, of the losses l1, l2, "
        "smooth_l1 and huber, have the mean absolute error, the root mean squared error and R2. Definitions are "
        "scikit-learn's.\n"
        "\n"
        "Examples:\n"
        "  blasgrad eval --checkpoint run/best.safetensors\n"
        "  blasgrad eval --checkpoint run/best.safetensors --confusion --top-k 3 \\\n"
        "    --roc-auc\n"
        "  blasgrad eval --checkpoint run/best.safetensors --data other.csv --json",
};

/* ---- Which metrics a loss has ---- */

/* Its predictions; other losses have none that metrics say something about. */
static const struct {
    const char *loss;
    bg_evaluation_options options;
} kinds[] = {
    { "cross_entropy", { .kind = BG_EVALUATION_CLASSES, .are_logits = true } },
    { "nll", { .kind = BG_EVALUATION_CLASSES } },
    { "multi_margin", { .kind = BG_EVALUATION_CLASSES, .are_logits = true } },
    { "bce", { .kind = BG_EVALUATION_BINARY, .threshold = 0.5 } },
    { "bce_with_logits", { .kind = BG_EVALUATION_BINARY } },
    { "l1", { .kind = BG_EVALUATION_NUMBERS } },
    { "l2", { .kind = BG_EVALUATION_NUMBERS } },
    { "smooth_l1", { .kind = BG_EVALUATION_NUMBERS } },
    { "huber", { .kind = BG_EVALUATION_NUMBERS } },
};

/* Whether each example has one target that is 0 or 1, and no share of both. */
static bool take_binary(void *user, double number)
{
    bool *is_binary = user;
    *is_binary = number == 0 || number == 1;
    return *is_binary;
}

static bg_status check_binary(bg_engine *engine, const bg_dataset *dataset, bool *is_binary)
{
    if (!*is_binary || !dataset)
        return BG_OK;
    *is_binary = bg_shape_count(bg_dataset_shape(dataset, 1)) == bg_dataset_size(dataset);
    return *is_binary ? data_each_number(engine, dataset, 1, take_binary, is_binary) : BG_OK;
}

/* The options of the evaluation, with has_metrics false if the loss has none. 0, or the exit code after a message. */
static int choose_metrics(const eval_config *config, const char *loss, bg_engine *engine, const data_parts *data,
                          bg_evaluation_options *options, bool *has_metrics)
{
    *has_metrics = false;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds && !*has_metrics; i++) {
        *has_metrics = strcmp(loss, kinds[i].loss) == 0;
        *options = kinds[i].options;
    }
    if (options->kind == BG_EVALUATION_BINARY && (check_binary(engine, data->train, has_metrics) != BG_OK ||
                                                  check_binary(engine, data->validation, has_metrics) != BG_OK ||
                                                  check_binary(engine, data->test, has_metrics) != BG_OK))
        return output_library();
    options->top_k = config->top_k;
    options->with_confusion = config->with_confusion;
    options->with_roc_auc = config->with_roc_auc;
    bool has_classes = *has_metrics && options->kind != BG_EVALUATION_NUMBERS;
    if (config->top_k && (!has_classes || options->kind == BG_EVALUATION_BINARY))
        return output_usage("--top-k is for more than two classes; the loss is %s", loss);
    if ((config->with_confusion || config->with_roc_auc) && !has_classes)
        return output_usage("--%s is for classes; the targets of %s with the loss %s are not",
                            config->with_confusion ? "confusion" : "roc-auc", config->data.name, loss);
    return 0;
}

/* ---- Results ---- */

typedef struct {
    const char *part;
    int64_t examples;
    bg_metrics metrics;
    metrics_table table; /* evaluation NULL: none */
} eval_result;

static int show_event(const eval_config *config, const eval_result *result)
{
    event *e = event_create("eval");
    event_text(e, "checkpoint", config->checkpoint);
    event_text(e, "data", config->data.name);
    event_text(e, "part", result->part);
    event_integer(e, "examples", result->examples);
    event_number(e, "loss", result->metrics.loss);
    if (result->metrics.has_accuracy)
        event_number(e, "accuracy", result->metrics.accuracy);
    if (config->data.kind == DATA_TEXT) {
        event_number(e, "perplexity", exp(result->metrics.loss));
        event_number(e, "bits", result->metrics.loss / log(2));
    }
    int code = result->table.evaluation ? metrics_table_add(&result->table, e) : 0;
    if (!code)
        event_output(e);
    event_destroy(e);
    return code;
}

static int show_text(const eval_result *result)
{
    const bg_metrics *metrics = &result->metrics;
    const char *s = result->examples == 1 ? "" : "s";
    if (metrics->has_accuracy)
        output_line("%s: %lld example%s, loss %.6g, accuracy %.2f %%", result->part, (long long)result->examples, s,
                    metrics->loss, 100 * metrics->accuracy);
    else
        output_line("%s: %lld example%s, loss %.9g", result->part, (long long)result->examples, s, metrics->loss);
    return result->table.evaluation ? metrics_table_show(&result->table) : 0;
}

/* ---- The evaluation ---- */

/* Takes a data set into the result. */
static bg_status take_in(eval_result *result, bg_trainer *trainer, const bg_dataset *data)
{
    bg_metrics metrics;
    bg_evaluation *evaluation = result->table.evaluation;
    bg_status status = evaluation ? bg_trainer_score(trainer, data, evaluation, &metrics)
                                  : bg_trainer_evaluate(trainer, data, &metrics);
    if (status != BG_OK)
        return status;
    double before = (double)result->examples, more = (double)bg_dataset_size(data), share = more / (before + more);
    result->metrics.loss += share * (metrics.loss - result->metrics.loss);
    result->examples += bg_dataset_size(data);
    if (!evaluation || result->table.options.kind == BG_EVALUATION_NUMBERS)
        return BG_OK;
    /* Of all so far, and of two classes by a threshold too. */
    bg_classification all;
    status = bg_evaluation_classification(evaluation, &all);
    result->metrics.has_accuracy = true;
    result->metrics.accuracy = all.accuracy;
    return status;
}

/* The parts that --part asks for. */
static bg_status take_in_parts(eval_result *result, bg_trainer *trainer, const data_parts *data, eval_part part)
{
    const struct {
        eval_part part;
        const bg_dataset *data;
    } parts[] = { { PART_TRAIN, data->train }, { PART_VALIDATION, data->validation }, { PART_TEST, data->test } };
    bg_status status = BG_OK;
    for (int i = 0; i < 3 && status == BG_OK; i++)
        if (parts[i].data && (part == PART_ALL || part == parts[i].part))
            status = take_in(result, trainer, parts[i].data);
    return status;
}

/* Gives the default its value. 0, or the exit code after a message. */
static int choose_part(eval_part *part, const eval_config *config, const data_parts *data)
{
    if (*part == PART_DEFAULT)
        *part = data->test ? PART_TEST : (data->validation ? PART_VALIDATION : PART_ALL);
    if (*part == PART_TEST && !data->test)
        return output_usage("--part test: nothing is held out of %s%s; give --test-share", config->data.name,
                            data->validation ? " for the test" : "");
    if (*part == PART_VALIDATION && !data->validation)
        return output_usage("--part validation: nothing is held out of %s for validation; train does so with "
                            "--validation-share or --validation-data",
                            config->data.name);
    /* Of which nothing is held out, training has all. */
    if (*part == PART_TRAIN && !data->test && !data->validation)
        *part = PART_ALL;
    return 0;
}

static int evaluate(const eval_config *config, const checkpoint_about *about, network_choice *choice, bg_model *model,
                    const data_parts *data)
{
    eval_part part = config->part;
    int code = choose_part(&part, config, data);
    if (code)
        return code;
    eval_result result = { .part = part_names[part - PART_TEST],
                           .table.data = data->train,
                           .table.hides_classes = config->data.kind == DATA_TEXT };
    bool has_metrics;
    code = choose_metrics(config, about->loss, bg_model_engine(model), data, &result.table.options, &has_metrics);
    if (code)
        return code;
    bg_trainer_options options = { .network = network_build,
                                   .loss = bg_loss_find(about->loss),
                                   .user = choice,
                                   .optimizer = bg_sgd(0, 0),
                                   .batch = 256 };
    bg_trainer *trainer;
    bg_status status = bg_trainer_create(&trainer, model, &options);
    if (status == BG_OK && has_metrics)
        status = bg_evaluation_create(&result.table.evaluation, bg_model_engine(model), &result.table.options);
    if (status == BG_OK)
        status = take_in_parts(&result, trainer, data, part);
    if (status != BG_OK)
        code = output_failure("%s with %s: %s", config->checkpoint, config->data.name, bg_last_error());
    else
        code = config->common.json ? show_event(config, &result) : show_text(&result);
    bg_evaluation_destroy(result.table.evaluation);
    bg_trainer_destroy(trainer);
    return code;
}

static int run(eval_config *config, bg_engine *engine)
{
    bg_archive *archive;
    checkpoint_about about;
    int code = checkpoint_load(config->checkpoint, engine, &archive, &about);
    if (code)
        return code;
    bg_model *model = NULL;
    data_parts data = { .train = NULL };
    code = checkpoint_check(config->checkpoint, &about);
    if (!code)
        code = data_like_checkpoint(&config->data, &about.data, &config->common);
    if (!code)
        code = data_load(&data, engine, &config->data, NULL);
    if (!code)
        code = data_need_targets(&data, &config->data);
    network_choice choice = { .model = about.model };
    if (!code)
        code = checkpoint_make_model(&model, config->checkpoint, archive, engine, about.data.dtype, &choice,
                                     config->data.name, data_inputs(data.train));
    if (!code)
        code = evaluate(config, &about, &choice, model, &data);
    data_release(&data);
    bg_model_destroy(model);
    bg_archive_destroy(archive);
    return code;
}

int command_eval(int argc, char **argv)
{
    eval_config config = { .part = PART_DEFAULT };
    options_parse(&argp, argc, argv, &config);
    config.data.is_read_once = true;
    bg_engine *engine;
    bg_engine_options options = common_engine(&config.common);
    if (bg_engine_create(&engine, &options) != BG_OK)
        return output_library();
    int code = run(&config, engine);
    bg_engine_destroy(engine);
    return code;
}
