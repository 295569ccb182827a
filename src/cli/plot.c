/* blasgrad plot */
#include "commands.h"
#include "gnuplot.h"
#include "options.h"
#include "output.h"
#include "plot_bench.h"

#include <stdio.h>
#include <string.h>

enum { PATH_MAX_BYTES = 4096 };

typedef struct {
    const char *file, *picture;
    plot_axis by;
} plot_config;

enum { KEY_BY = KEYS_COMMAND };

static const struct argp_option table[] = {
    { "output", 'o', "PICTURE", 0, "the picture, .svg, .png or .pdf (default: the name of FILE with .svg)", 0 },
    { "by", KEY_BY, "AXIS", 0, "batch or threads (default: both, side by side)", 0 },
    { 0 },
};

static error_t parse(int key, char *text, struct argp_state *state)
{
    static const char *const axes[] = { "batch", "threads", NULL };
    plot_config *config = state->input;
    switch (key) {
    case 'o':
        if (!gnuplot_takes_name(text))
            argp_error(state, "--output %s: the name ends in .svg, .png or .pdf", text);
        config->picture = text;
        return 0;
    case KEY_BY:
        config->by = (plot_axis)(PLOT_BY_BATCH + option_choice(state, "by", text, axes));
        return 0;
    case ARGP_KEY_ARG:
        if (config->file)
            argp_error(state, "one file at a time");
        config->file = text;
        return 0;
    case ARGP_KEY_END:
        if (!config->file)
            argp_error(state, "FILE is missing: what `blasgrad bench --output FILE' wrote");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {
    .options = table,
    .parser = parse,
    .args_doc = "FILE",
    .doc = "Draws the speed of workloads, by batch size and by threads, with the program gnuplot.\v"
           "FILE holds lines of JSON that `blasgrad bench --output FILE' appended. Of several results of a workload "
           "with as many threads the last one counts.\n"
           "\n"
           "Examples:\n"
           "  blasgrad bench mlp-b1 mlp-b32 mlp-b512 --threads 1,2 --output speed.jsonl\n"
           "  blasgrad plot speed.jsonl\n"
           "  blasgrad plot speed.jsonl --by batch -o speed.png",
};

int command_plot(int argc, char **argv)
{
    plot_config config = { .by = PLOT_BY_BOTH };
    options_parse(&argp, argc, argv, &config);
    char beside[PATH_MAX_BYTES];
    if (!config.picture) {
        const char *slash = strrchr(config.file, '/'), *dot = strrchr(config.file, '.');
        bool has_ending = dot && dot != config.file && (!slash || dot > slash + 1);
        int length = has_ending ? (int)(dot - config.file) : (int)strlen(config.file);
        if (snprintf(beside, sizeof beside, "%.*s.svg", length, config.file) >= (int)sizeof beside ||
            !gnuplot_takes_name(beside))
            return output_usage("plot: name the picture with --output");
        config.picture = beside;
    }
    int code = plot_bench(config.file, config.by, config.picture);
    if (!code)
        output_line("%s", config.picture);
    return code ? code : output_has_failed() ? EXIT_FAILED : EXIT_DONE;
}
