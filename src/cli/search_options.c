/* The options of `blasgrad search`. */
#include "search.h"

#include "gnuplot.h"
#include "lstsq.h"
#include "model_line.h"
#include "output.h"
#include "recipes.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    KEY_MODEL = KEYS_COMMAND,
    KEY_LOSS,
    KEY_METHOD,
    KEY_COMPARE,
    KEY_SEEDS,
    KEY_BUDGET,
    KEY_BATCH,
    KEY_POPULATION,
    KEY_SIGMA,
    KEY_RESTARTS,
    KEY_BOUNDS,
    KEY_LR,
    KEY_MOMENTUM,
    KEY_DTYPE,
    KEY_OUT,
    KEY_PLOT
};

static const struct argp_option table[] = {
    { "model", KEY_MODEL, "LINE", 0,
      "the network: words such as conv:32:3x3 relu dense:10, which stand below, or mnist-cnn", 1 },
    { "loss", KEY_LOSS, "NAME", 0, "cross_entropy, l2, ..: a wrong name lists them", 1 },
    { "method", KEY_METHOD, "NAME", 0,
      "without gradients: random es-1+1 es openai-es cmaes sep-cmaes spsa de pso (default: cmaes); gradient steps: sgd "
      "adam adamw ..; of one dense layer for l2: lstsq",
      1 },
    { "compare", KEY_COMPARE, "NAMES", 0, "several methods with commas between them, each with --seeds seeds", 1 },
    { "seeds", KEY_SEEDS, "N", 0, "repeat with N seeds, from --seed on (default: 1, to compare 10)", 1 },
    { "budget", KEY_BUDGET, "AXIS:N", 0,
      "what each method may spend with a seed: evaluations:N losses, a gradient counting as 3; flops:N operations in "
      "products of matrices; seconds:S (default: evaluations:10000)",
      1 },
    { "batch", KEY_BATCH, "N", 0,
      "examples a loss is computed of, drawn anew for each generation or step (default: all)", 1 },
    { "population", KEY_POPULATION, "N", 0, "candidates of a generation (default: each method's own)", 1 },
    { "sigma", KEY_SIGMA, "S", 0, "the first step, a standard deviation (default: each method's own)", 1 },
    { "restarts", KEY_RESTARTS, "N", 0,
      "of cmaes and sep-cmaes: begin anew that often after converging, with twice the population each time", 1 },
    { "bounds", KEY_BOUNDS, "LOWER:UPPER", 0,
      "of all parameters, for methods without gradients, which then start in the middle instead of at the network's "
      "first values",
      1 },
    { "lr", KEY_LR, "RATE", 0, "learning rate of gradient steps", 1 },
    { "momentum", KEY_MOMENTUM, "M", 0, "momentum of sgd", 1 },
    { "dtype", KEY_DTYPE, "TYPE", 0, "f32 or f64", 1 },
    { "out", KEY_OUT, "DIR", 0, "write a directory: log.jsonl, and what was found as best.safetensors", 2 },
    { "plot", KEY_PLOT, NULL, 0, "draw loss against budget: search.svg, in DIR if there is one (needs gnuplot)", 2 },
    { "output", 'o', "PICTURE", 0, "the same with a name of its own: .svg, .png or .pdf", 2 },
    { 0 },
};

/* ---- Parsing ---- */

static void add_method(struct argp_state *state, const char *option, const char *name)
{
    search_config *config = state->input;
    search_choice choice = { .kind = BY_SEARCH };
    bool is_search = bg_search_method_find(&choice.search, name) == BG_OK;
    char message[400] = "";
    if (!is_search)
        snprintf(message, sizeof message, "%s", bg_last_error());
    if (is_search) {
        choice.name = choice.search.name;
    } else if (strcmp(name, "lstsq") == 0) {
        choice.kind = BY_LSTSQ;
        choice.name = "lstsq";
    } else if (bg_optimizer_find(&choice.optimizer, name) == BG_OK) {
        if (choice.optimizer.driver)
            argp_error(state,
                       "--%s: the steps of %s have no fixed cost to count against a budget; blasgrad train "
                       "--optimizer %s takes them",
                       option, name, name);
        choice.kind = BY_GRADIENT;
        choice.name = choice.optimizer.name;
    } else {
        argp_error(state, "--%s: %s; %s; in closed form lstsq", option, message, bg_last_error());
    }
    for (int i = 0; i < config->n_methods; i++)
        if (strcmp(config->methods[i].name, choice.name) == 0)
            argp_error(state, "--%s: %s stands there twice", option, name);
    if (config->n_methods == SEARCH_METHODS_MAX)
        argp_error(state, "--%s: more than %d methods", option, SEARCH_METHODS_MAX);
    config->methods[config->n_methods++] = choice;
}

static void parse_compare(struct argp_state *state, const char *text)
{
    search_config *config = state->input;
    config->n_methods = 0;
    config->compares = true;
    for (const char *at = text;; at++) {
        char name[32];
        size_t length = strcspn(at, ",");
        if (length == 0 || length >= sizeof name)
            argp_error(state, "--compare \"%s\": names of methods with commas between them", text);
        memcpy(name, at, length);
        name[length] = 0;
        add_method(state, "compare", name);
        at += length;
        if (!*at)
            return;
    }
}

static const char *const axes[] = {
    [AXIS_EVALUATIONS] = "evaluations", [AXIS_FLOPS] = "flops", [AXIS_SECONDS] = "seconds"
};

const char *search_axis_name(search_axis axis) { return axes[axis]; }

static void parse_budget(struct argp_state *state, const char *text)
{
    search_config *config = state->input;
    const char *colon = strchr(text, ':');
    size_t length = colon ? (size_t)(colon - text) : 0;
    for (int i = 0; i < 3 && colon; i++) {
        if (strncmp(text, axes[i], length) != 0 || axes[i][length])
            continue;
        char *end;
        double number = strtod(colon + 1, &end);
        bool is_whole = i != AXIS_EVALUATIONS || (number == floor(number) && number >= 1);
        if (end == colon + 1 || *end || !isfinite(number) || !(number > 0) || !is_whole || number > 9e15)
            break;
        config->axis = (search_axis)i;
        config->budget = number;
        return;
    }
    argp_error(state, "--budget \"%s\": evaluations:N, flops:N or seconds:S, with a number above 0", text);
}

static void parse_bounds(struct argp_state *state, const char *text)
{
    search_config *config = state->input;
    char *end;
    config->lower = strtod(text, &end);
    config->has_bounds = true;
    if (end != text && *end == ':') {
        const char *second = end + 1;
        config->upper = strtod(second, &end);
        if (end != second && !*end && isfinite(config->lower) && isfinite(config->upper) &&
            config->lower < config->upper)
            return;
    }
    argp_error(state, "--bounds \"%s\": two numbers, the lower first, as in -1:1", text);
}

static double parse_positive(struct argp_state *state, const char *option, const char *text)
{
    double value = option_number(state, option, text, 0, INFINITY);
    if (value == 0)
        argp_error(state, "--%s \"%s\": a number above 0", option, text);
    return value;
}

static error_t parse(int key, char *text, struct argp_state *state)
{
    static const char *const dtypes[] = { "f32", "f64", NULL };
    search_config *config = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &config->data.parts;
        state->child_inputs[1] = &config->data;
        state->child_inputs[2] = &config->common;
        return 0;
    case KEY_MODEL:
        config->model = text;
        return 0;
    case KEY_LOSS:
        config->loss = text;
        return 0;
    case KEY_METHOD:
        config->n_methods = 0;
        config->compares = false;
        add_method(state, "method", text);
        return 0;
    case KEY_COMPARE:
        parse_compare(state, text);
        return 0;
    case KEY_SEEDS:
        config->seeds = option_integer(state, "seeds", text, 1, 10000);
        return 0;
    case KEY_BUDGET:
        parse_budget(state, text);
        return 0;
    case KEY_BATCH:
        config->batch = option_integer(state, "batch", text, 1, INT64_MAX);
        return 0;
    case KEY_POPULATION:
        config->population = option_integer(state, "population", text, 1, 1 << 24);
        return 0;
    case KEY_SIGMA:
        config->sigma = BG_SOME(parse_positive(state, "sigma", text));
        return 0;
    case KEY_RESTARTS:
        config->restarts = option_integer(state, "restarts", text, 1, 1000);
        return 0;
    case KEY_BOUNDS:
        parse_bounds(state, text);
        return 0;
    case KEY_LR:
        config->learning_rate = BG_SOME(parse_positive(state, "lr", text));
        return 0;
    case KEY_MOMENTUM:
        config->momentum = BG_SOME(option_number(state, "momentum", text, 0, 1));
        return 0;
    case KEY_DTYPE:
        config->data.dtype = option_choice(state, "dtype", text, dtypes) == 0 ? BG_F32 : BG_F64;
        return 0;
    case KEY_OUT:
        if (!*text)
            argp_error(state, "--out: the name of a directory is missing");
        config->out = text;
        return 0;
    case KEY_PLOT:
        config->plots = true;
        return 0;
    case 'o':
        config->picture = text;
        config->plots = true;
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "\"%s\" does not belong to an option", text);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {
    { &parts_argp, 0, "Parts and inputs:", 0 }, { &data_argp, 0, "Data:", 0 }, { &common_argp, 0, "Common:", 3 }, { 0 }
};

static char *filter_help(int key, const char *text, void *input)
{
    (void)input;
    return key == ARGP_KEY_HELP_POST_DOC && text ? model_line_help(text) : (char *)(uintptr_t)text;
}

static const struct argp argp = {
    .help_filter = filter_help,
    .options = table,
    .parser = parse,
    .children = children,
    .doc = "Find the parameters of a network without gradients, or compare ways to find them.\v"
           "The same data, network and loss for every method, and one budget. Methods without gradients start at the "
           "network's first values, which follow from the seed. A network with running statistics, as batch_norm keeps "
           "them, is refused. A gradient counts as three losses, for its products of matrices are "
           "about three times as many; flops count them exactly. lstsq counts 2 n k^2 operations for n examples and k "
           "columns. Losses that are shown are those of all training examples, and what is computed to show them "
           "counts for nothing. With a budget that is not of seconds, the same seed gives the same result for any "
           "number of threads.\n"
           "\n"
           "The best of all runs is evaluated on what is held out, and is best.safetensors in DIR, for eval, predict "
           "and the others. The first Ctrl-C ends with what was found so far.\n"
           "\n"
           "Examples:\n"
           "  blasgrad search --data lecture --budget evaluations:500\n"
           "  blasgrad search --data lecture --compare random,es,cmaes,sgd \\\n"
           "    --seeds 3 --budget evaluations:1000\n"
           "  blasgrad search --data digits --model \"dense:16 relu dense:10\" \\\n"
           "    --method sep-cmaes --sigma 0.1 --budget evaluations:300",
};

/* ---- What the options mean ---- */

static bool has_kind(const search_config *config, search_kind kind)
{
    for (int i = 0; i < config->n_methods; i++)
        if (config->methods[i].kind == kind)
            return true;
    return false;
}

static bool has_method(const search_config *config, const char *name)
{
    for (int i = 0; i < config->n_methods; i++)
        if (strcmp(config->methods[i].name, name) == 0)
            return true;
    return false;
}

/* (1+1)-ES has one candidate. */
static bool takes_population(const search_choice *m) { return m->kind == BY_SEARCH && strcmp(m->name, "es-1+1") != 0; }

/* What only draws its first candidates, or all, around a start draws from a box where there is one. */
static bool takes_sigma(const search_config *config, const search_choice *m)
{
    bool draws = strcmp(m->name, "random") == 0 || strcmp(m->name, "de") == 0 || strcmp(m->name, "pso") == 0;
    return m->kind == BY_SEARCH && !(draws && config->has_bounds);
}

/* Options that no method of the list has. */
static int check_belongs(const search_config *config)
{
    bool searches = has_kind(config, BY_SEARCH), descends = has_kind(config, BY_GRADIENT);
    bool has_population = false, has_sigma = false;
    for (int i = 0; i < config->n_methods; i++) {
        has_population = has_population || takes_population(&config->methods[i]);
        has_sigma = has_sigma || takes_sigma(config, &config->methods[i]);
    }
    const struct {
        bool is_given, belongs;
        const char *option, *methods;
    } rows[] = {
        { config->population > 0, has_population, "population", "methods without gradients other than es-1+1" },
        { config->sigma.is_some, has_sigma, "sigma",
          searches ? "methods that take steps; random, de and pso draw from the box of --bounds"
                   : "methods without gradients" },
        { config->has_bounds, searches, "bounds", "methods without gradients" },
        { config->restarts > 0, has_method(config, "cmaes") || has_method(config, "sep-cmaes"), "restarts",
          "cmaes and sep-cmaes" },
        { config->batch > 0, searches || descends, "batch", "methods that take more than one step" },
        { config->learning_rate.is_some, descends, "lr", "methods with gradient steps" },
        { config->momentum.is_some, has_method(config, "sgd"), "momentum", "sgd" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].is_given && !rows[i].belongs)
            return output_usage("--%s is for %s", rows[i].option, rows[i].methods);
    return 0;
}

/* Of the options for all methods, each gets those that it has. */
static int fill_method(const search_config *config, search_choice *m, const recipe *r)
{
    if (m->kind == BY_SEARCH) {
        bool restarts = strcmp(m->name, "cmaes") == 0 || strcmp(m->name, "sep-cmaes") == 0;
        if (config->population > 0 && takes_population(m))
            m->search.population = config->population;
        if (config->sigma.is_some)
            m->search.sigma = config->sigma.value;
        m->search.restarts = restarts ? config->restarts : 0;
        return 0;
    }
    if (m->kind == BY_LSTSQ)
        return config->data.streams ? output_usage("lstsq needs all examples at once; leave out --stream")
                                    : lstsq_check(config->model, config->loss);
    bool is_sgd = strcmp(m->name, "sgd") == 0, is_usual = strcmp(m->name, r->optimizer) == 0;
    if (is_usual)
        m->optimizer.learning_rate = r->learning_rate;
    if (is_sgd && is_usual)
        m->optimizer.momentum = r->momentum;
    if (config->learning_rate.is_some)
        m->optimizer.learning_rate = config->learning_rate.value;
    if (is_sgd && config->momentum.is_some)
        m->optimizer.momentum = config->momentum.value;
    return bg_optimizer_check(&m->optimizer) == BG_OK ? 0 : output_usage("%s", bg_last_error());
}

static int fill_in(search_config *config)
{
    const recipe *r = recipe_find(config->data.kind, config->loss);
    config->loss = config->loss ? config->loss : r->loss;
    config->model = config->model ? config->model : r->model;
    if (config->data.dtype == BG_DTYPE_COUNT)
        config->data.dtype = r->dtype;
    if (config->n_methods == 0) {
        config->methods[0] = (search_choice){ .name = "cmaes", .kind = BY_SEARCH, .search = bg_search_cmaes() };
        config->n_methods = 1;
    }
    if (config->seeds == 0)
        config->seeds = config->compares ? 10 : 1;
    if (config->budget == 0)
        config->budget = 10000;
    if (!bg_loss_find(config->loss))
        return output_usage("%s", bg_last_error());
    int code = config->model ? model_line_check(config->model) : 0;
    if (!code)
        code = recipe_check_loss(&config->data, config->loss);
    if (!code)
        code = check_belongs(config);
    for (int i = 0; i < config->n_methods && !code; i++)
        code = fill_method(config, &config->methods[i], r);
    if (bg_loss_takes_classes(config->loss))
        config->data.with_classes = true;
    return code;
}

/* Nothing here chooses by a validation, or changes examples. */
static int check_parts(const parts_settings *parts)
{
    bool validates = parts->validation_share > 0 || parts->validation.data || parts->validation.target_file;
    const bg_augmentation *a = &parts->augmentation;
    if (validates)
        return output_usage("search chooses by the loss of the training examples; leave out --validation-share and "
                            "--validation-data");
    if (a->flips || a->shift || a->noise > 0)
        return output_usage("--augment is for train; search takes the examples as they are");
    return 0;
}

int search_config_parse(search_config *config, int argc, char **argv)
{
    *config = (search_config){ .budget = 0 };
    config->data.dtype = BG_DTYPE_COUNT;
    options_parse(&argp, argc, argv, config);
    int code = check_parts(&config->data.parts);
    if (!code)
        code = data_classify(&config->data);
    if (code)
        return code;
    config->data.seed = config->common.seed;
    if (config->data.kind == DATA_TEXT)
        return output_usage("search takes examples of their own; the networks of a text are for train");
    if (config->data.kind == DATA_ARRAYS && !config->data.with_classes && !config->loss)
        code = data_find_classes(&config->data);
    if (code)
        return code;
    if (config->data.with_classes && !config->loss)
        config->loss = "cross_entropy";
    if (config->picture && !gnuplot_takes_name(config->picture))
        return output_usage("--output %s: a picture's name ends in .svg, .png or .pdf", config->picture);
    return fill_in(config);
}
