/* What a training run is made of: options over the defaults of each kind of data. */
#include "train_config.h"

#include "lstsq.h"
#include "model_line.h"
#include "output.h"
#include "recipes.h"
#include "terminal_plot.h"
#include "train_words.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- Defaults ---- */

enum { DEFAULT_CONTEXT = 64 };

/* ---- Options ---- */

enum {
    KEY_MODEL = KEYS_COMMAND,
    KEY_LOSS,
    KEY_METHOD,
    KEY_BATCH, /* from here to KEY_INIT: of gradient steps only */
    KEY_EPOCHS,
    KEY_STEPS,
    KEY_TIME,
    KEY_EARLY_STOPPING,
    KEY_CLASS_WEIGHTS,
    KEY_DETECT_ANOMALY,
    KEY_LOG_EVERY,
    KEY_SAVE_EVERY,
    KEY_INIT,
    KEY_ADVERSARIAL,
    KEY_RIDGE,
    KEY_DTYPE,
    KEY_OUT,
    KEY_RESUME,
    KEY_CONFIG
};

static const struct argp_option table[] = {
    { "model", KEY_MODEL, "LINE", 0,
      "the network: words such as conv:32:3x3 relu dense:10, which stand below; or one of mnist-cnn resnet20 char-lstm "
      "char-gpt gpt2",
      1 },
    { "loss", KEY_LOSS, "NAME", 0, "cross_entropy, l2, ..: a wrong name lists them", 1 },
    { "method", KEY_METHOD, "NAME", 0,
      "sgd: gradient steps; lstsq: the least-squares solution of one dense layer, by QR", 1 },
    { "ridge", KEY_RIDGE, "LAMBDA", 0,
      "lstsq: minimise the sum of squared errors and LAMBDA times that of the squared weights, without the bias "
      "(default: 0)",
      1 },
    { "batch", KEY_BATCH, "N", 0, "examples a step; more than there are means all of them", 1 },
    { "epochs", KEY_EPOCHS, "N", 0, "passes over the training examples", 1 },
    { "steps", KEY_STEPS, "N", 0, "stop after so many steps; without --epochs, as many epochs as they take", 1 },
    { "time", KEY_TIME, "T", 0,
      "stop when this call has trained for this long: 90s, 10m or 2h; config.json does not keep it", 1 },
    { "early-stopping", KEY_EARLY_STOPPING, "N", 0,
      "stop after N epochs in a row without a lower validation loss (test loss if nothing is held out for validation, "
      "train loss if nothing at all)",
      1 },
    { "class-weights", KEY_CLASS_WEIGHTS, "WEIGHTS", 0,
      "weights of the classes in the cross_entropy of training steps: numbers with commas between them, or balanced: "
      "examples / (classes x examples of the class)",
      1 },
    { "adversarial", KEY_ADVERSARIAL, "WORD", 0,
      "train against attacks on the inputs: fgsm, pgd or trades, then eps=E and what differs from the defaults of "
      "steps=N (fgsm 1, pgd 7, trades 10) step=S (fgsm 1.25 E, else 2.5 E / N) norm=linf|l2 beta=B (trades: 6) "
      "box=LOWER,UPPER|none (what inputs may be: 0,1 if those of training are within), as in pgd:eps=0.2:steps=7",
      1 },
    { "detect-anomaly", KEY_DETECT_ANOMALY, NULL, 0,
      "stop at a loss or gradient that is infinite or NaN, before the update, and say which operation made it", 1 },
    { "log-every", KEY_LOG_EVERY, "N", 0, "report the mean loss of every N steps", 1 },
    { "save-every", KEY_SAVE_EVERY, "N", 0, "save after every N steps too, not only at the end of epochs", 1 },
    { "init", KEY_INIT, "FILE", 0, "take the first values of all parameters and buffers from a safetensors file", 1 },
    { "dtype", KEY_DTYPE, "TYPE", 0, "f32 or f64", 1 },
    { "out", KEY_OUT, "DIR", 0, "write a run directory: log.jsonl, config.json, best, last and previous.safetensors",
      1 },
    { "resume", KEY_RESUME, NULL, 0,
      "go on with the run in --out, with its configuration, as if it had never stopped; begin if there is none", 1 },
    { "config", KEY_CONFIG, "FILE", 0, "take options from a file such as a run's config.json; those given win", 1 },
    { 0 },
};

static const char *const methods[] = { "sgd", "lstsq", NULL };
static const char *const dtypes[] = { "f32", "f64", NULL };

static const char *option_name(int key)
{
    const struct argp_option *option = table;
    while (option->key != key)
        option++;
    return option->name;
}

/* Seconds: a number above 0 with s, m or h behind it. */
static double parse_time(struct argp_state *state, const char *text)
{
    char *end;
    double value = strtod(text, &end);
    double unit = *end == 's' ? 1 : (*end == 'm' ? 60 : (*end == 'h' ? 3600 : 0));
    if (end == text || unit == 0 || end[1] || !isfinite(value) || value <= 0)
        argp_error(state, "--time \"%s\": a number above 0 with s, m or h behind it, as in 90s", text);
    return value * unit;
}

static error_t parse(int key, char *text, struct argp_state *state)
{
    train_config *config = state->input;
    char message[200];
    if (key >= KEY_BATCH && key <= KEY_INIT)
        config->step_option = option_name(key);
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &config->data.parts;
        state->child_inputs[1] = &config->data;
        state->child_inputs[2] = &config->optimizer;
        state->child_inputs[4] = &config->common;
        return 0;
    case KEY_MODEL:
        config->model = text;
        return 0;
    case KEY_LOSS:
        config->loss = text;
        return 0;
    case KEY_METHOD:
        config->method = (train_method)option_choice(state, "method", text, methods);
        return 0;
    case KEY_BATCH:
        config->batch = option_integer(state, "batch", text, 1, INT64_MAX);
        return 0;
    case KEY_EPOCHS:
        config->epochs = option_integer(state, "epochs", text, 1, INT64_MAX);
        return 0;
    case KEY_STEPS:
        config->steps = option_integer(state, "steps", text, 1, INT64_MAX);
        return 0;
    case KEY_LOG_EVERY:
        config->log_every = option_integer(state, "log-every", text, 1, INT64_MAX);
        return 0;
    case KEY_SAVE_EVERY:
        config->save_every = option_integer(state, "save-every", text, 1, INT64_MAX);
        return 0;
    case KEY_TIME:
        config->seconds = parse_time(state, text);
        return 0;
    case KEY_EARLY_STOPPING:
        config->early_stopping = option_integer(state, "early-stopping", text, 1, INT64_MAX);
        return 0;
    case KEY_CLASS_WEIGHTS:
        config->class_weights = text;
        return 0;
    case KEY_ADVERSARIAL:
        if (!adversarial_parse(text, &config->adversarial, message, sizeof message))
            argp_error(state, "--adversarial \"%s\": %s", text, message);
        return 0;
    case KEY_RIDGE:
        config->ridge = option_number(state, "ridge", text, 0, INFINITY);
        config->has_ridge = true;
        return 0;
    case KEY_DETECT_ANOMALY:
        config->detects_anomalies = true;
        return 0;
    case KEY_RESUME:
        config->resumes = true;
        return 0;
    case KEY_CONFIG: /* see train_words */
        return 0;
    case KEY_INIT:
        config->init = text;
        return 0;
    case KEY_DTYPE:
        config->data.dtype = option_choice(state, "dtype", text, dtypes) == 0 ? BG_F32 : BG_F64;
        return 0;
    case KEY_OUT:
        if (!*text)
            argp_error(state, "--out: the name of a directory is missing");
        config->out = text;
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state,
                   "\"%s\" does not belong to an option; the model is one word for the shell: --model \"dense:128 "
                   "relu dense:10\"",
                   text);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {
    { &parts_argp, 0, "Parts and inputs:", 0 }, { &data_argp, 0, "Data:", 0 },
    { &optimizer_argp, 0, "Optimizer:", 2 },    { &terminal_plot_argp, 0, NULL, 1 },
    { &common_argp, 0, "Common:", 3 },          { 0 },
};

static char *filter_help(int key, const char *text, void *input)
{
    (void)input;
    return key == ARGP_KEY_HELP_POST_DOC && text ? model_line_help(text) : (char *)(uintptr_t)text;
}

const struct argp train_argp = {
    .help_filter = filter_help,
    .options = table,
    .parser = parse,
    .children = children,
    .doc =
        "Fit a network to data.\v"
        "Whatever is left open has a default that suits the data: lecture is the five-row table with one dense layer "
        "without bias, l2, f64; digits, strokes and MNIST are images with hidden layers and cross_entropy, CIFAR gets "
        "resnet20; a CSV table and arrays get one dense layer and l2, with --classes cross_entropy; a text gets "
        "char-gpt, which learns to go on with "
        "it as "
        "predict --prompt shows. The effective values are in the first line of --json and in config.json.\n"
        "\n"
        "Checkpoints in DIR are written at the end of an epoch, at most about once a second, every --save-every "
        "steps, and at the end. best is the one of the lowest validation loss; of the lowest test loss if nothing is "
        "held out for validation, of the lowest train loss if nothing at all. With validation the results at the end, "
        "the test among them, are those of the best epoch; else those of the last one. The "
        "first Ctrl-C stops after the current step and saves, the second ends at once. With --resume a run goes on "
        "bit for bit, also within an epoch and with another number of threads; its configuration stays but for "
        "--epochs, --steps (schedules over the whole run follow them), --time, --early-stopping, --threads, "
        "--log-every and --save-every, and what its log has beyond the checkpoint is cut off.\n"
        "\n"
        "Examples:\n"
        "  blasgrad train --data lecture\n"
        "  blasgrad train --data lecture --loss l1 --lr 0.002 --epochs 20000\n"
        "  blasgrad train --data lecture --method lstsq --json\n"
        "  blasgrad train --data lecture --method lstsq --ridge 0.1\n"
        "  blasgrad train --data digits --model \"dense:128 relu dense:10\" --out run\n"
        "  blasgrad train --resume --out run\n"
        "  blasgrad train --config run/config.json --lr 0.05 --out slower\n"
        "  blasgrad train --data table.csv --target y --delimiter ';' --decimal ,\n"
        "  blasgrad train --data iris.csv --skip-lines 1 --classes --test-share 0.2\n"
        "  blasgrad train --data digits --scale standard --pca 0.95 --whiten pca\n"
        "  blasgrad train --data digits --validation-share 0.1 --early-stopping 5\n"
        "  blasgrad train --data digits --adversarial pgd:eps=0.1:steps=10 --out robust\n"
        "  blasgrad train --data x.npy --target-file y.npy \\\n"
        "    --model \"dense:64 relu dense:10\"\n"
        "  blasgrad train --data text.txt --model char-gpt --context 64 --out run",
};

/* ---- Filling in ---- */

static int apply_recipe(train_config *config)
{
    const recipe *r = recipe_find(config->data.kind, config->loss);
    if (!config->loss)
        config->loss = r->loss;
    if (!config->model)
        config->model = r->model;
    bool has_batch = config->batch > 0;
    config->epochs_suit_steps = config->steps > 0 && config->epochs == 0;
    if (config->epochs == 0)
        config->epochs = r->epochs;
    if (config->data.dtype == BG_DTYPE_COUNT)
        config->data.dtype = r->dtype;
    int code = optimizer_check(&config->optimizer, r->optimizer, r->learning_rate, r->momentum);
    if (!code && !has_batch) {
        bool is_whole = r->batch == RECIPE_WHOLE || optimizer_is_driver(&config->optimizer);
        config->batch = is_whole ? INT64_MAX : r->batch;
    }
    return code;
}

static int check_method(const train_config *config)
{
    if (config->method != METHOD_LSTSQ)
        return config->has_ridge ? output_usage("--ridge is for --method lstsq; for gradient steps there is "
                                                "--weight-decay")
                                 : 0;
    const bg_augmentation *augmentation = &config->data.parts.augmentation;
    bool augments = augmentation->flips || augmentation->shift || augmentation->noise > 0;
    const char *option = config->step_option ? config->step_option : config->optimizer.last_option;
    if (!option && augments)
        option = "augment";
    if (option)
        output_message("--%s has no effect: --method lstsq takes no gradient steps", option);
    if (config->data.streams)
        return output_usage("--method lstsq needs all examples at once; leave out --stream");
    return lstsq_check(config->model, config->loss);
}

static int check_adversarial(const train_config *config)
{
    if (config->data.kind == DATA_TEXT)
        return output_usage("--adversarial: the characters of a text have no gradients to climb; it is for inputs that "
                            "are numbers");
    if (strcmp(config->loss, "cross_entropy") != 0)
        return output_usage("--adversarial is for the loss cross_entropy, not %s", config->loss);
    if (config->class_weights)
        return output_usage("--adversarial has a loss of its own, which --class-weights do not reach; give one");
    const parts_settings *parts = &config->data.parts;
    if (parts_transform(parts) && parts->augmentation.noise > 0)
        return output_usage("--adversarial has the network %s the inputs, so that eps is in their own units, and "
                            "--augment noise would be in these too; leave out noise or %s",
                            parts->scale ? "scale" : "project", parts_option_given(parts));
    return 0;
}

static int check_training(const train_config *config)
{
    if (config->class_weights && strcmp(config->loss, "cross_entropy") != 0)
        return output_usage("--class-weights are for the loss cross_entropy, not %s", config->loss);
    if (config->method == METHOD_SGD && strcmp(config->optimizer.name, "lm") == 0 && strcmp(config->loss, "l2") != 0)
        return output_usage("--optimizer lm lowers sums of squares, which are the loss l2, not %s; lbfgs takes any",
                            config->loss);
    int code = config->adversarial.is_given ? check_adversarial(config) : 0;
    if (code)
        return code;
    if (config->detects_anomalies && config->optimizer.skips_nonfinite)
        return output_usage("--skip-nonfinite leaves out the steps that --detect-anomaly stops at; give one");
    return 0;
}

/* What goes on has its data from the run. */
static int check_resumed(const train_config *config)
{
    if (config->resumes && !config->out)
        return output_usage("--resume goes on with the run in a directory; name it with --out");
    if (config->resumes && !config->data.name)
        return output_usage("--resume: there is no run in %s to go on with; to begin one there, name its --data",
                            config->out);
    return 0;
}

/* config.json and checkpoints hold texts in UTF-8, and a run has to find its files again. */
static int check_texts(const train_config *config)
{
    const char *value;
    int i = 0;
    for (const struct argp_option *o;
         config->out && (o = options_next(&train_argp, config->words.count, config->words.words, &i, &value));)
        if (value && strcmp(o->name, "out") != 0 && !event_is_text(value))
            return output_usage("--%s %s: not in UTF-8, so config.json in --out cannot hold it; give a file another "
                                "name, or a symbolic link with one (ln -s)",
                                o->name, value);
    return 0;
}

void train_config_release(train_config *config)
{
    word_list_free(&config->words);
    event_destroy(config->run);
}

int train_config_parse(train_config *config, int argc, char **argv)
{
    *config = (train_config){ .epochs = 0 };
    config->data.dtype = BG_DTYPE_COUNT;
    int code = train_words(&config->words, &config->run, &train_argp, argc, argv);
    if (code)
        return code;
    options_parse(&train_argp, config->words.count, config->words.words, config);
    code = check_resumed(config);
    if (!code)
        code = check_texts(config);
    if (!code)
        code = data_classify(&config->data);
    if (code)
        return code;
    config->data.seed = config->common.seed;
    if (config->data.kind == DATA_TEXT) {
        config->data.tokens = config->data.tokens ? config->data.tokens : "characters";
        config->data.context = config->data.context ? config->data.context : DEFAULT_CONTEXT;
    }
    if (config->data.kind == DATA_ARRAYS && !config->data.with_classes && !config->loss)
        code = data_find_classes(&config->data);
    if (code)
        return code;
    if (config->data.with_classes && !config->loss)
        config->loss = "cross_entropy";
    code = apply_recipe(config);
    if (code)
        return code;
    if (!bg_loss_find(config->loss))
        return output_usage("%s", bg_last_error());
    code = config->model ? model_line_check(config->model) : 0;
    if (!code)
        code = check_method(config);
    if (!code)
        code = recipe_check_loss(&config->data, config->loss);
    if (!code)
        code = check_training(config);
    if (code)
        return code;
    if (bg_loss_takes_classes(config->loss))
        config->data.with_classes = true;
    config->data.parts.is_in_network = config->adversarial.is_given;
    return 0;
}

static void describe_arrays(const data_settings *data, event *e)
{
    if (data->kind == DATA_ARRAYS && data->target)
        event_text(e, "target", data->target);
    if (data->input)
        event_text(e, "input", data->input);
    if (data->target_file)
        event_text(e, "target_file", data->target_file);
    if (data->streams)
        event_bool(e, "stream", true);
    if (data->with_coarse_labels)
        event_bool(e, "coarse_labels", true);
}

void train_config_describe(const train_config *config, event *e)
{
    event_text(e, "data", config->data.name);
    event_text(e, "model", config->model);
    event_text(e, "loss", config->loss);
    event_text(e, "method", methods[config->method]);
    if (config->method == METHOD_SGD) {
        optimizer_describe(&config->optimizer, e);
        event_integer(e, "batch", config->batch);
        if (!config->epochs_suit_steps)
            event_integer(e, "epochs", config->epochs);
        if (config->steps)
            event_integer(e, "steps", config->steps);
        if (config->init)
            event_text(e, "init", config->init);
    }
    if (config->has_ridge)
        event_number(e, "ridge", config->ridge);
    event_text(e, "dtype", bg_dtype_name(config->data.dtype));
    event_integer(e, "seed", (int64_t)config->common.seed);
    event_integer(e, "threads", config->common.threads);
    event_text(e, "gemm_provider", config->common.gemm == BG_GEMM_OPENBLAS ? "openblas" : "auto");
    if (config->data.test_share >= 0)
        event_number(e, "test_share", config->data.test_share);
    parts_describe(&config->data.parts, e);
    if (config->data.kind == DATA_STROKES && config->data.count)
        event_integer(e, "count", config->data.count);
    if (config->data.kind == DATA_TEXT) {
        event_integer(e, "context", config->data.context);
        event_text(e, "tokens", config->data.tokens);
    }
    describe_arrays(&config->data, e);
    if (config->data.kind == DATA_CSV) {
        char delimiter[2] = { config->data.delimiter ? config->data.delimiter : ',', 0 };
        char decimal[2] = { config->data.decimal ? config->data.decimal : '.', 0 };
        event_text(e, "delimiter", delimiter);
        event_text(e, "decimal", decimal);
        if (config->data.target)
            event_text(e, "target", config->data.target);
        table_describe(&config->data.table, e);
    }
    config_complete(e, &train_argp, &config->words, train_call_options);
}
