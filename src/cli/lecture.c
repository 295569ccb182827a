/* blasgrad lecture */
#include "lecture.h"

#include "commands.h"
#include "gnuplot.h"
#include "options.h"
#include "output.h"

#include <string.h>

static const struct {
    const char *name;
    int (*show)(const lecture *l);
} sections[] = {
    { "table", lecture_table },       { "predictions", lecture_predictions },
    { "losses", lecture_losses },     { "differentiability", lecture_slopes },
    { "gradient", lecture_gradient }, { "update", lecture_update },
    { "searches", lecture_searches },
};
enum { SECTIONS = sizeof sections / sizeof sections[0] };

typedef struct {
    bool is_chosen[SECTIONS]; /* none: all */
    const char *picture;
    common_options common;
} lecture_config;

/* ---- Options ---- */

enum { KEY_SECTION = KEYS_COMMAND };

static const struct argp_option table[] = {
    { "section", KEY_SECTION, "NAME", 0,
      "only this part: table predictions losses differentiability gradient update searches; may be given several times",
      0 },
    { "output", 'o', "PICTURE", 0, "the searches as a picture too: .svg, .png or .pdf (needs gnuplot)", 0 },
    { 0 },
};

static bool is_shown(const lecture_config *config, int section)
{
    for (int i = 0; i < SECTIONS; i++)
        if (config->is_chosen[i])
            return config->is_chosen[section];
    return true;
}

static error_t parse(int key, char *text, struct argp_state *state)
{
    lecture_config *config = state->input;
    const char *names[SECTIONS + 1] = { NULL };
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &config->common;
        return 0;
    case KEY_SECTION:
        for (int i = 0; i < SECTIONS; i++)
            names[i] = sections[i].name;
        config->is_chosen[option_choice(state, "section", text, names)] = true;
        return 0;
    case 'o':
        if (!gnuplot_takes_name(text))
            argp_error(state, "--output %s: the name ends in .svg, .png or .pdf", text);
        config->picture = text;
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "what is \"%s\"? A part is named with --section", text);
        return 0;
    case ARGP_KEY_END:
        if (config->picture && !is_shown(config, SECTIONS - 1))
            argp_error(state, "--output: the picture is of the section searches, which is not asked for");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = { { &common_argp, 0, NULL, 0 }, { 0 } };
static const struct argp argp = {
    .options = table,
    .parser = parse,
    .children = children,
    .doc =
        "How parameters are found, from a table of five rows to three searches.\v"
        "Explains in order what a table, a prediction, a loss, a derivative, a gradient and an update are, each with "
        "numbers that the engine computes for the data set `lecture', and ends with random search, an evolution "
        "strategy and gradients on one plot. --json prints an object a section, without explanations. What is "
        "random follows from --seed, the same for any number of threads.\n"
        "\n"
        "Examples:\n"
        "  blasgrad lecture\n"
        "  blasgrad lecture --section losses\n"
        "  blasgrad lecture --section update --seed 7\n"
        "  blasgrad lecture --section searches -o searches.svg\n"
        "  blasgrad lecture --json",
};

/* ---- The command ---- */

static bg_status prepare(lecture *l, bg_dataset **dataset)
{
    static const double guess[LECTURE_PARAMETERS] = { 2, 1 };
    bg_status status = bg_data_builtin(dataset, l->engine, "lecture", &(bg_data_options){ .dtype = BG_F64 });
    if (status)
        return status;
    l->x = bg_dataset_column(*dataset, 0);
    l->y = bg_dataset_column(*dataset, 1);
    status = bg_tensor_create(&l->guess, l->engine, BG_F64, BG_SHAPE(LECTURE_PARAMETERS, 1));
    return status ? status : bg_tensor_copy_from(l->guess, guess, sizeof guess);
}

static int show_sections(const lecture_config *config, const lecture *l)
{
    int code = EXIT_DONE;
    bool is_first = true;
    for (int i = 0; i < SECTIONS && !code; i++) {
        if (!is_shown(config, i))
            continue;
        if (!is_first && !l->json)
            output_line("\n");
        is_first = false;
        code = sections[i].show(l);
        if (!code && output_has_failed())
            code = EXIT_FAILED;
    }
    return code;
}

int command_lecture(int argc, char **argv)
{
    lecture_config config = { .picture = NULL };
    options_parse(&argp, argc, argv, &config);
    lecture l = { .seed = config.common.seed, .json = config.common.json, .picture = config.picture };
    bg_engine_options options = common_engine(&config.common);
    if (bg_engine_create(&l.engine, &options) != BG_OK)
        return output_library();
    bg_dataset *dataset = NULL;
    int code = prepare(&l, &dataset) != BG_OK ? output_library() : show_sections(&config, &l);
    bg_tensor_destroy(l.guess);
    bg_dataset_destroy(dataset);
    bg_engine_destroy(l.engine);
    return code;
}
