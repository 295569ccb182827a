/* blasgrad certify */
#include "class_examples.h"
#include "commands.h"
#include "events.h"
#include "machine.h"
#include "output.h"
#include "progress.h"
#include "signals.h"

#include <blasgrad/certify.h>

#include <stdio.h>

static const char *const method_words[] = { "interval", "smoothing", NULL };
enum { INTERVAL, SMOOTHING };

enum {
    KEY_METHOD = KEYS_COMMAND,
    KEY_EPS,
    KEY_BOX,
    KEY_SIGMA,
    KEY_SAMPLES,
    KEY_SELECTION,
    KEY_ALPHA,
    KEY_PART,
    KEY_LIMIT,
    KEY_BATCH
};

static const struct argp_option table[] = {
    { "method", KEY_METHOD, "METHOD", 0,
      "interval (default): bounds of the scores for changes of each element, linf; smoothing: the answers under normal "
      "noise, l2",
      1 },
    { "eps", KEY_EPS, "NUMBERS", 0,
      "the largest changes, in units of the inputs, with commas between them (default: 0.001,0.01,0.1, of smoothing "
      "0,0.1,0.25,0.5)",
      1 },
    { "box", KEY_BOX, "LOWER:UPPER", 0, "of interval: " OPTION_BOX_HELP, 1 },
    { "sigma", KEY_SIGMA, "NUMBER", 0, "of smoothing: the noise's standard deviation (default: 0.25)", 1 },
    { "samples", KEY_SAMPLES, "N", 0, "of smoothing: samples that bound a probability (default: 10000)", 1 },
    { "selection", KEY_SELECTION, "N", 0, "of smoothing: samples that choose the class (default: 100)", 1 },
    { "alpha", KEY_ALPHA, "NUMBER", 0,
      "of smoothing: how probable a wrong certificate may be, for each example (default: 0.001)", 1 },
    { "part", KEY_PART, "PART", 0, "test, validation or train (default: what is held out, else all)", 2 },
    { "limit", KEY_LIMIT, "N", 0, "certify the first N examples", 2 },
    { "batch", KEY_BATCH, "N", 0, "examples, or samples of one, at once (default: 128)", 2 },
    { 0 },
};

/* ---- Options ---- */

/* 0 and NULL where no option says anything. */
typedef struct {
    common_options common;
    data_settings data;
    const char *checkpoint;
    int method, part;
    class_radii eps;
    class_box box;
    bg_smoothing smoothing;
    int64_t limit, batch;
} certify_config;

static error_t parse(int key, char *text, struct argp_state *state)
{
    certify_config *config = state->input;
    const int64_t most = (int64_t)1 << 40;
    switch (key) {
    case ARGP_KEY_INIT:
        checkpoint_children_init(state, &config->checkpoint, &config->data, &config->common);
        return 0;
    case KEY_METHOD:
        config->method = option_choice(state, "method", text, method_words);
        return 0;
    case KEY_EPS:
        option_radii(state, "eps", text, &config->eps);
        return 0;
    case KEY_BOX:
        option_box(state, text, &config->box);
        return 0;
    case KEY_SIGMA:
        config->smoothing.sigma = option_number(state, "sigma", text, 1e-300, 1e300);
        return 0;
    case KEY_SAMPLES:
        config->smoothing.samples = option_integer(state, "samples", text, 1, most);
        return 0;
    case KEY_SELECTION:
        config->smoothing.selection = option_integer(state, "selection", text, 1, most);
        return 0;
    case KEY_ALPHA:
        config->smoothing.alpha = option_number(state, "alpha", text, 1e-12, 0.5);
        return 0;
    case KEY_PART:
        config->part = option_choice(state, "part", text, class_parts);
        return 0;
    case KEY_LIMIT:
        config->limit = option_integer(state, "limit", text, 1, INT64_MAX);
        return 0;
    case KEY_BATCH:
        config->batch = option_integer(state, "batch", text, 1, 1 << 20);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {
    .options = table,
    .parser = parse,
    .children = checkpoint_children,
    .doc = "What no change of its inputs can do to a trained network of classes.\v"
           "Shows which share of the examples is answered rightly, and provably stays so when each of them is changed "
           "by eps. Network, data and what is held out are those of the checkpoint where no option says otherwise; eps "
           "and sigma are in units of the inputs before the run's --scale and --pca.\n"
           "\n"
           "interval bounds the scores by interval propagation. The bounds hold whatever the rounding, and grow with "
           "each layer: they say something of small networks and small eps, and of networks that were trained for it. "
           "Layers without bounds, such as attention, are named.\n"
           "\n"
           "smoothing certifies another classifier: the class that the network answers most often when normal noise is "
           "added. It takes any network, abstains where no class is frequent enough, and a certificate is wrong with "
           "probability alpha at most.\n"
           "\n"
           "Examples:\n"
           "  blasgrad certify --checkpoint run/best.safetensors\n"
           "  blasgrad certify --checkpoint run/best.safetensors --eps 0.01 --json\n"
           "  blasgrad certify --checkpoint run/best.safetensors \\\n"
           "    --method smoothing --sigma 0.1 --samples 1000 --limit 20",
};

static int check_options(certify_config *config)
{
    static const double radii[][4] = { [INTERVAL] = { 0.001, 0.01, 0.1 }, [SMOOTHING] = { 0, 0.1, 0.25, 0.5 } };
    const bg_smoothing *s = &config->smoothing;
    const struct {
        const char *name;
        bool is_given;
        int method;
    } options[] = { { "box", config->box.is_given, INTERVAL },
                    { "sigma", s->sigma > 0, SMOOTHING },
                    { "samples", s->samples > 0, SMOOTHING },
                    { "selection", s->selection > 0, SMOOTHING },
                    { "alpha", s->alpha > 0, SMOOTHING } };
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        if (options[i].is_given && options[i].method != config->method)
            return output_usage("--%s: the method %s does not take it", options[i].name, method_words[config->method]);
    if (config->eps.n == 0)
        for (int count = config->method == INTERVAL ? 3 : 4; config->eps.n < count; config->eps.n++)
            config->eps.values[config->eps.n] = radii[config->method][config->eps.n];
    return 0;
}

/* ---- Certificates ---- */

/* What the certifier's functions know, and what came out. */
typedef struct {
    const certify_config *config;
    const class_examples *examples;
    double last_draw;
    int eps;                      /* the one that intervals are found for */
    double certified[RADII_MAX];  /* shares of the examples */
    bg_interval_report intervals; /* of the last eps */
    bg_smoothing_report smoothed;
} certification;

static bg_node *build(bg_model *model, bg_node *x, void *user)
{
    network_choice choice = ((const certification *)user)->examples->network;
    return network_build(model, x, &choice);
}

static bool goes_on(int64_t examples, void *user)
{
    certification *c = user;
    double seconds = machine_seconds();
    if (seconds - c->last_draw >= 0.1) {
        char rest[64];
        double share = (double)examples / (double)c->examples->n;
        snprintf(rest, sizeof rest, "%lld/%lld examples", (long long)examples, (long long)c->examples->n);
        progress_draw(method_words[c->config->method],
                      c->config->method == INTERVAL ? (c->eps + share) / c->config->eps.n : share, rest);
        c->last_draw = seconds;
    }
    return signals_caught() == 0;
}

/* 0, or the exit code, after a message unless it was interrupted. */
static int code_of(bg_status status)
{
    progress_clear();
    if (status == BG_ERR_STOPPED)
        return 128 + signals_caught();
    return status == BG_OK ? 0 : output_library();
}

static void show_eps(const certification *c, int e)
{
    event *item = event_create("certify");
    event_text(item, "method", method_words[c->config->method]);
    event_text(item, "norm", c->config->method == INTERVAL ? "linf" : "l2");
    event_number(item, "eps", c->config->eps.values[e]);
    event_number(item, "certified_accuracy", c->certified[e]);
    if (c->config->method == INTERVAL)
        event_number(item, "mean_width", c->intervals.mean_width);
    event_output(item);
    event_destroy(item);
}

static int certify_by_intervals(certification *c, bg_certifier *certifier)
{
    const class_radii *eps = &c->config->eps;
    for (c->eps = 0; c->eps < eps->n; c->eps++) {
        int code = code_of(bg_certify_interval(certifier, eps->values[c->eps], c->examples->inputs, c->examples->labels,
                                               NULL, &c->intervals));
        if (code)
            return code;
        c->certified[c->eps] = c->intervals.certified_accuracy;
        if (c->config->common.json)
            show_eps(c, c->eps);
        if (output_has_failed())
            return EXIT_FAILED;
    }
    return 0;
}

static double element(const bg_tensor *tensor, int64_t i)
{
    double value = 0;
    (void)bg_tensor_item(tensor, i, &value);
    return value;
}

static int certify_by_noise(certification *c, bg_certifier *certifier)
{
    const class_examples *e = c->examples;
    bg_smoothing_result result = { .answers = NULL };
    bg_status status = bg_tensor_create(&result.answers, e->engine, BG_I64, BG_SHAPE(e->n));
    if (status == BG_OK)
        status = bg_tensor_create(&result.radii, e->engine, BG_F64, BG_SHAPE(e->n));
    if (status == BG_OK)
        status = bg_certify_smoothing(certifier, &c->config->smoothing, e->inputs, e->labels, &result, &c->smoothed);
    int code = code_of(status);
    for (int k = 0; k < c->config->eps.n && !code; k++) {
        int64_t certified = 0;
        for (int64_t i = 0; i < e->n; i++)
            certified += element(result.answers, i) == element(e->labels, i) &&
                         element(result.radii, i) >= c->config->eps.values[k];
        c->certified[k] = (double)certified / (double)e->n;
        if (c->config->common.json)
            show_eps(c, k);
    }
    bg_tensor_destroy(result.answers);
    bg_tensor_destroy(result.radii);
    return code;
}

/* ---- What is shown ---- */

static void show_done(const certification *c)
{
    const class_examples *e = c->examples;
    event *item = event_create("done");
    event_text(item, "checkpoint", c->config->checkpoint);
    event_text(item, "data", c->config->data.name);
    event_text(item, "part", e->part);
    event_integer(item, "examples", e->n);
    if (c->config->method == INTERVAL) {
        event_number(item, "clean_accuracy", c->intervals.clean_accuracy);
    } else {
        event_number(item, "accuracy", c->smoothed.accuracy);
        event_integer(item, "abstained", c->smoothed.abstained);
        event_number(item, "mean_radius", c->smoothed.mean_radius);
        event_number(item, "queries", c->smoothed.queries);
    }
    event_output(item);
    event_destroy(item);
}

enum { NAME = 10, CELL = 9 };

/* As many columns side by side as fit the terminal. */
static void show_table(const certification *c)
{
    const class_radii *eps = &c->config->eps;
    int width = output_width(), together = width > NAME + CELL ? (width - NAME) / CELL : (width ? 1 : RADII_MAX);
    for (int start = 0; start < eps->n; start += together) {
        int stop = start + together < eps->n ? start + together : eps->n;
        output_line("%s", "");
        for (int row = 0; row < 2; row++) {
            char line[NAME + CELL * RADII_MAX + 1];
            int at = snprintf(line, sizeof line, "%-*s", NAME, row ? "certified" : "eps");
            for (int k = start; k < stop; k++)
                at += row ? snprintf(line + at, sizeof line - (size_t)at, "%*.2f", CELL, 100 * c->certified[k])
                          : snprintf(line + at, sizeof line - (size_t)at, "%*.4g", CELL, eps->values[k]);
            output_line("%s", line);
        }
    }
}

static void show(const certification *c)
{
    const class_examples *e = c->examples;
    const char *plural = e->n == 1 ? "" : "s";
    if (c->config->common.json) {
        show_done(c);
        return;
    }
    if (c->config->method == INTERVAL) {
        output_line("%s: %lld example%s, accuracy %.2f %%", e->part, (long long)e->n, plural,
                    100 * c->intervals.clean_accuracy);
        output_line("%s", "certified accuracy in % by interval propagation, linf:");
    } else {
        output_line("%s: %lld example%s, accuracy under noise %.2f %%, %lld abstained, mean radius %.4g", e->part,
                    (long long)e->n, plural, 100 * c->smoothed.accuracy, (long long)c->smoothed.abstained,
                    c->smoothed.mean_radius);
        output_line("%s", "certified accuracy in % by randomised smoothing, l2:");
    }
    show_table(c);
}

/* ---- The command ---- */

static int certify(const certify_config *config, const class_examples *examples)
{
    certification c = { .config = config, .examples = examples, .last_draw = machine_seconds() };
    const bg_certifier_options options = { .network = build,
                                           .user = &c,
                                           .lower = examples->lower,
                                           .upper = examples->upper,
                                           .batch = config->batch,
                                           .goes_on = goes_on };
    bg_certifier *certifier;
    if (bg_certifier_create(&certifier, examples->model, &options, examples->example.shape) != BG_OK)
        return output_library();
    signals_catch();
    int code = (config->method == INTERVAL ? certify_by_intervals : certify_by_noise)(&c, certifier);
    bg_certifier_destroy(certifier);
    if (!code)
        show(&c);
    return code;
}

int command_certify(int argc, char **argv)
{
    certify_config config = { .part = -1 };
    options_parse(&argp, argc, argv, &config);
    int code = check_options(&config);
    if (code)
        return code;
    bg_engine *engine;
    bg_engine_options options = common_engine(&config.common);
    if (bg_engine_create(&engine, &options) != BG_OK)
        return output_library();
    const class_choice choice = { .command = "certify",
                                  .checkpoint = config.checkpoint,
                                  .data = &config.data,
                                  .common = &config.common,
                                  .part = config.part,
                                  .limit = config.limit,
                                  .left_out = -1,
                                  .box = config.box };
    class_examples examples;
    code = class_examples_open(&examples, engine, &choice);
    if (!code)
        code = certify(&config, &examples);
    class_examples_close(&examples);
    bg_engine_destroy(engine);
    return code;
}
