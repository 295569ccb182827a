/* blasgrad eval */
#include "checkpoint.h"
#include "commands.h"
#include "events.h"
#include "options.h"
#include "output.h"

#include <blasgrad/train.h>

#include <math.h>
#include <string.h>

typedef enum { PART_DEFAULT, PART_TEST, PART_TRAIN, PART_ALL } eval_part;

typedef struct {
    common_options common;
    data_settings data;
    const char *checkpoint;
    eval_part part;
} eval_config;

enum { KEY_PART = KEYS_COMMAND };

static const struct argp_option table[] = {
    { "part", KEY_PART, "PART", 0, "test, train or all (default: test if examples were held out, else all)", 1 },
    { 0 },
};

static error_t parse(int key, char *text, struct argp_state *state)
{
    static const char *const parts[] = { "test", "train", "all", NULL };
    eval_config *config = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &config->checkpoint;
        state->child_inputs[1] = &config->data;
        state->child_inputs[2] = &config->common;
        return 0;
    case KEY_PART:
        config->part = (eval_part)(PART_TEST + option_choice(state, "part", text, parts));
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {
    { &checkpoint_argp, 0, NULL, 0 }, { &data_argp, 0, "Data:", 1 }, { &common_argp, 0, "Common:", 2 }, { 0 }
};

static const struct argp argp = {
    .options = table,
    .parser = parse,
    .children = children,
    .doc = "Loss and accuracy of a trained network.\v"
           "Network, loss and type are those of the checkpoint, and so are the data, the form of a CSV table, the seed "
           "and the held-out share where no option says otherwise: without further options this repeats the test of "
           "the training run.\n"
           "\n"
           "Examples:\n"
           "  blasgrad eval --checkpoint run/best.safetensors\n"
           "  blasgrad eval --checkpoint run/best.safetensors --data other.csv --json",
};

static int show(const eval_config *config, const char *part, int64_t examples, const bg_metrics *metrics)
{
    event *e = event_create("eval");
    event_text(e, "checkpoint", config->checkpoint);
    event_text(e, "data", config->data.name);
    event_text(e, "part", part);
    event_integer(e, "examples", examples);
    event_number(e, "loss", metrics->loss);
    if (metrics->has_accuracy)
        event_number(e, "accuracy", metrics->accuracy);
    if (config->data.kind == DATA_TEXT) {
        event_number(e, "perplexity", exp(metrics->loss));
        event_number(e, "bits", metrics->loss / log(2));
    }
    if (config->common.json)
        event_output(e);
    else if (metrics->has_accuracy)
        output_line("%s: %lld example%s, loss %.6g, accuracy %.2f %%", part, (long long)examples,
                    examples == 1 ? "" : "s", metrics->loss, 100 * metrics->accuracy);
    else
        output_line("%s: %lld example%s, loss %.9g", part, (long long)examples, examples == 1 ? "" : "s",
                    metrics->loss);
    event_destroy(e);
    return EXIT_DONE;
}

static int evaluate(const eval_config *config, const checkpoint_about *about, network_choice *choice, bg_model *model,
                    const data_parts *data)
{
    bool takes_test = config->part == PART_TEST || (config->part == PART_DEFAULT && data->test);
    if (takes_test && !data->test)
        return output_usage("--part test: nothing is held out of %s; give --test-share", config->data.name);
    bg_trainer_options options = { .network = network_build,
                                   .loss = bg_loss_find(about->loss),
                                   .user = choice,
                                   .optimizer = bg_sgd(0, 0),
                                   .batch = 256 };
    bg_trainer *trainer;
    if (bg_trainer_create(&trainer, model, &options) != BG_OK)
        return output_library();
    bg_metrics metrics, rest;
    const bg_dataset *part = takes_test ? data->test : data->train;
    int64_t n = bg_dataset_size(part);
    bg_status status = bg_trainer_evaluate(trainer, part, &metrics);
    if (status == BG_OK && config->part == PART_ALL && data->test) {
        status = bg_trainer_evaluate(trainer, data->test, &rest);
        if (status == BG_OK) {
            int64_t m = bg_dataset_size(data->test);
            metrics.loss = (metrics.loss * (double)n + rest.loss * (double)m) / (double)(n + m);
            metrics.accuracy = (metrics.accuracy * (double)n + rest.accuracy * (double)m) / (double)(n + m);
            n += m;
        }
    }
    int code = 0;
    if (status != BG_OK)
        code = output_failure("%s with %s: %s", config->checkpoint, config->data.name, bg_last_error());
    if (!code)
        code = show(config, takes_test ? "test" : (data->test && config->part == PART_TRAIN ? "train" : "all"), n,
                    &metrics);
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
        code = data_load(&data, engine, &config->data);
    if (!code)
        code = data_need_targets(&data, &config->data);
    network_choice choice = { .model = about.model };
    if (!code)
        code = checkpoint_make_model(&model, config->checkpoint, archive, engine, about.data.dtype, &choice,
                                     config->data.name, bg_dataset_column(data.train, 0));
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
    bg_engine *engine;
    bg_engine_options options = common_engine(&config.common);
    if (bg_engine_create(&engine, &options) != BG_OK)
        return output_library();
    int code = run(&config, engine);
    bg_engine_destroy(engine);
    return code;
}
