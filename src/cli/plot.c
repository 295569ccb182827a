/* blasgrad plot */
#define _POSIX_C_SOURCE 200809L
#include "commands.h"
#include "gnuplot.h"
#include "options.h"
#include "output.h"
#include "plot_bench.h"
#include "plot_curves.h"
#include "plot_model.h"
#include "plot_sweep.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { PATH_MAX_BYTES = 4096 };

typedef enum { WHAT_DEFAULT, WHAT_CURVES, WHAT_CONFUSION, WHAT_WRONG, WHAT_FILTERS, WHAT_SPEED, WHAT_SWEEP } plot_what;
static const char *const whats[] = { "curves", "confusion", "wrong", "filters", "speed", "sweep", NULL };

/* The axes of speed and of curves, in the order of plot_axis and curves_axis. */
enum { AXIS_DEFAULT = -1, AXES_OF_SPEED = 2 };
static const char *const axes[] = { "batch", "threads", "epoch", "step", "time", NULL };

typedef struct {
    const char **paths; /* runs, or one file of results; NULL behind the last */
    size_t n;
    const char *picture;
    plot_what what;
    int by; /* a place in axes */
    bool has_log_scale;
    char *metrics; /* cut up at its commas */
    const char *metric_list[PLOT_METRICS_MAX + 1];
} plot_config;

enum { KEY_WHAT = KEYS_COMMAND, KEY_BY, KEY_METRIC, KEY_LOG };

static const struct argp_option table[] = {
    { "output", 'o', "PICTURE", 0, "the picture, .svg, .png or .pdf (default: a name made of RUN or FILE and .svg)",
      0 },
    { "what", KEY_WHAT, "WHAT", 0,
      "curves, confusion, wrong, filters, speed or sweep (default: curves of run directories, sweep of those of "
      "sweeps, "
      "speed of files)",
      0 },
    { "by", KEY_BY, "AXIS", 0,
      "curves: epoch, step or time (default: epoch, if one has ended); speed: batch or threads (default: both, side by "
      "side)",
      0 },
    { "metric", KEY_METRIC, "LIST", 0,
      "curves, sweep: what to draw, as the log names it behind train_ and test_, with commas between (default: "
      "loss,accuracy)",
      0 },
    { "log", KEY_LOG, NULL, 0, "curves, sweep: a logarithmic scale of the loss", 0 },
    { 0 },
};

static void take_metrics(plot_config *config, const char *text, struct argp_state *state)
{
    free(config->metrics);
    config->metrics = strdup(text);
    int n = 0;
    char *rest = NULL;
    for (char *name = config->metrics ? strtok_r(config->metrics, ",", &rest) : NULL; name;
         name = strtok_r(NULL, ",", &rest)) {
        if (n == PLOT_METRICS_MAX)
            argp_error(state, "--metric \"%s\": at most %d at a time", text, PLOT_METRICS_MAX);
        config->metric_list[n++] = name;
    }
    config->metric_list[n] = NULL;
    if (n == 0)
        argp_error(state, "--metric \"%s\": the name of a metric is missing, as in --metric loss,accuracy", text);
}

static error_t parse(int key, char *text, struct argp_state *state)
{
    plot_config *config = state->input;
    switch (key) {
    case 'o':
        if (!gnuplot_takes_name(text))
            argp_error(state, "--output %s: the name ends in .svg, .png or .pdf", text);
        config->picture = text;
        return 0;
    case KEY_WHAT:
        config->what = (plot_what)(WHAT_CURVES + option_choice(state, "what", text, whats));
        return 0;
    case KEY_BY:
        config->by = option_choice(state, "by", text, axes);
        return 0;
    case KEY_METRIC:
        take_metrics(config, text, state);
        return 0;
    case KEY_LOG:
        config->has_log_scale = true;
        return 0;
    case ARGP_KEY_ARG:
        config->paths[config->n++] = text;
        return 0;
    case ARGP_KEY_END:
        if (config->n == 0)
            argp_error(state, "RUN or FILE is missing: a directory that `blasgrad train --out DIR' made, or a file "
                              "that `blasgrad bench --output FILE' wrote");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {
    .options = table,
    .parser = parse,
    .args_doc = "RUN..\nFILE",
    .doc =
        "Draws training runs, and the speed of workloads, with the program gnuplot.\v"
        "RUN is a directory that `blasgrad train --out RUN' made:\n"
        "  curves     loss and accuracy while training, of one or several runs; a last line\n"
        "             of the log that was cut off is passed over\n"
        "  confusion  of each class of the test part, what was predicted\n"
        "  wrong      the images of the test part whose class was not predicted\n"
        "  filters    the weights of the first layer, as images\n"
        "The last three take best.safetensors of one run, or last.safetensors, and read the data that it was trained "
        "on; where nothing is held out for the test, the examples for validation stand for it, or all.\n"
        "\n"
        "RUN may also be a directory that `blasgrad sweep --out RUN' made, one at a time: metrics of its runs against "
        "each axis, a point for each run that is done.\n"
        "\n"
        "FILE holds lines of JSON that `blasgrad bench --output FILE' appended; speed is drawn by batch size and by "
        "threads. Of several results of a workload with as many threads the last one counts.\n"
        "\n"
        "Examples:\n"
        "  blasgrad train --data digits --epochs 5 --out run\n"
        "  blasgrad train --data digits --epochs 5 --lr 0.01 --out slower\n"
        "  blasgrad plot run slower -o curves.svg\n"
        "  blasgrad plot run --by time --log -o curves.png\n"
        "  blasgrad plot run --what confusion -o confusion.pdf\n"
        "  blasgrad plot run --what wrong\n"
        "  blasgrad plot run --what filters\n"
        "  blasgrad sweep --data digits --epochs 2 --seeds 2 \\\n"
        "    --grid lr=0.01,0.1,1 --out sweeps/rates\n"
        "  blasgrad plot sweeps/rates --log -o rates.svg\n"
        "  blasgrad bench mlp-b1 mlp-b32 --threads 1,2 --output speed.jsonl\n"
        "  blasgrad plot speed.jsonl --by batch -o speed.png",
};

/* ---- Checks ---- */

static bool is_directory(const char *path)
{
    struct stat about;
    return stat(path, &about) == 0 && S_ISDIR(about.st_mode);
}

/* Options and arguments that this kind of picture has no use for are mistakes. */
static int check(plot_config *config)
{
    if (config->what == WHAT_DEFAULT)
        config->what = plot_sweep_is_one(config->paths[0]) ? WHAT_SWEEP
                       : is_directory(config->paths[0])    ? WHAT_CURVES
                                                           : WHAT_SPEED;
    const char *what = whats[config->what - WHAT_CURVES];
    bool is_curves = config->what == WHAT_CURVES;
    if (config->n > 1 && !is_curves)
        return output_usage("plot: %s is drawn of one %s at a time", what, config->what == WHAT_SPEED ? "file" : "run");
    if (config->what == WHAT_SWEEP && !plot_sweep_is_one(config->paths[0]))
        return output_usage("%s: no directory that `blasgrad sweep --out DIR' made", config->paths[0]);
    if (config->what == WHAT_SPEED && is_directory(config->paths[0]))
        return output_usage("%s: a directory; speed is drawn of a file that `blasgrad bench --output FILE' wrote",
                            config->paths[0]);
    if (!is_curves && config->what != WHAT_SWEEP && (config->has_log_scale || config->metrics))
        return output_usage("--%s is an option of curves and sweeps; this is a picture of %s",
                            config->has_log_scale ? "log" : "metric", what);
    if (config->by == AXIS_DEFAULT)
        return EXIT_DONE;
    bool is_axis_of_speed = config->by < AXES_OF_SPEED;
    if (is_axis_of_speed != (config->what == WHAT_SPEED) || (!is_axis_of_speed && !is_curves))
        return output_usage("--by %s is for %s; this is a picture of %s", axes[config->by],
                            is_axis_of_speed ? "speed" : "curves", what);
    return EXIT_DONE;
}

/* run/ -> run.svg or run-confusion.svg; speed.jsonl -> speed.svg. */
static int name_picture(plot_config *config, char beside[PATH_MAX_BYTES])
{
    const char *path = config->paths[0], *what = whats[config->what - WHAT_CURVES];
    bool is_speed = config->what == WHAT_SPEED;
    bool is_named = is_speed || config->what == WHAT_CURVES || config->what == WHAT_SWEEP;
    int length = (int)strlen(path);
    while (!is_speed && length > 1 && path[length - 1] == '/')
        length--;
    if (length == 0)
        return output_usage("plot: the name of a run or file is empty");
    const char *slash = strrchr(path, '/'), *dot = is_speed ? strrchr(path, '.') : NULL;
    if (dot && dot != path && (!slash || dot > slash + 1))
        length = (int)(dot - path);
    if (!is_speed && (path[length - 1] == '.' || path[length - 1] == '/'))
        return output_usage("plot: name the picture with --output");
    if (snprintf(beside, PATH_MAX_BYTES, "%.*s%s%s.svg", length, path, is_named ? "" : "-", is_named ? "" : what) >=
            PATH_MAX_BYTES ||
        !gnuplot_takes_name(beside))
        return output_usage("plot: name the picture with --output");
    config->picture = beside;
    return EXIT_DONE;
}

static int draw(const plot_config *config)
{
    static const model_picture pictures[] = {
        [WHAT_CONFUSION] = PICTURE_CONFUSION, [WHAT_WRONG] = PICTURE_WRONG, [WHAT_FILTERS] = PICTURE_FILTERS
    };
    if (config->what == WHAT_SPEED)
        return plot_bench(config->paths[0], (plot_axis)(config->by - AXIS_DEFAULT), config->picture);
    if (config->what == WHAT_SWEEP)
        return plot_sweep(config->paths[0], config->metric_list, config->has_log_scale, config->picture);
    if (config->what != WHAT_CURVES)
        return plot_model(pictures[config->what], config->paths[0], config->picture);
    curves_options options = { .runs = config->paths, .has_log_scale = config->has_log_scale };
    if (config->by != AXIS_DEFAULT)
        options.by = (curves_axis)(CURVES_BY_EPOCH + config->by - AXES_OF_SPEED);
    memcpy(options.metrics, config->metric_list, sizeof options.metrics);
    return plot_curves(&options, config->picture);
}

int command_plot(int argc, char **argv)
{
    char beside[PATH_MAX_BYTES];
    plot_config config = { .by = AXIS_DEFAULT };
    config.paths = calloc((size_t)argc + 1, sizeof *config.paths);
    if (!config.paths)
        return output_failure("out of memory");
    options_parse(&argp, argc, argv, &config);
    int code = check(&config);
    if (!code && !config.picture)
        code = name_picture(&config, beside);
    if (!code)
        code = draw(&config);
    if (!code)
        output_line("%s", config.picture);
    free(config.metrics);
    free(config.paths);
    return code ? code : output_has_failed() ? EXIT_FAILED : EXIT_DONE;
}
