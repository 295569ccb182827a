/* blasgrad predict */
#include "predict.h"

#include "commands.h"
#include "output.h"

#include <math.h>

enum { KEY_MODEL = KEYS_COMMAND, KEY_OUTPUT, KEY_PROMPT, KEY_LENGTH, KEY_TEMPERATURE };

static const struct argp_option table[] = {
    { "model", KEY_MODEL, "LINE", 0,
      "the network's layers or name, as train takes it, for a safetensors file that does not say it (from PyTorch)",
      1 },
    { "output", KEY_OUTPUT, "FILE", 0,
      "write the outputs there, in the form that the name ends in: .csv, .npy or .jsonl; - is standard output, as CSV "
      "or, with --json, JSON (default: -)",
      1 },
    { "prompt", KEY_PROMPT, "TEXT", 0, "go on with this text, by a network of characters or bytes", 1 },
    { "length", KEY_LENGTH, "N", 0, "characters or bytes to write behind the prompt (default: 500)", 1 },
    { "temperature", KEY_TEMPERATURE, "T", 0,
      "below 1 the likely ones are preferred; 0: always the likeliest (default: 1)", 1 },
    { 0 },
};

static error_t parse(int key, char *text, struct argp_state *state)
{
    predict_config *config = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        checkpoint_children_init(state, &config->checkpoint, &config->data, &config->common);
        return 0;
    case KEY_MODEL:
        config->model = text;
        return 0;
    case KEY_OUTPUT:
        config->output = text;
        return 0;
    case KEY_PROMPT:
        config->prompt = text;
        return 0;
    case KEY_LENGTH:
        config->length = option_integer(state, "length", text, 1, INT64_MAX);
        return 0;
    case KEY_TEMPERATURE:
        config->temperature = option_number(state, "temperature", text, 0, INFINITY);
        return 0;
    case ARGP_KEY_END:
        if (config->prompt && (config->data.name || config->output))
            argp_error(state, "--prompt goes on with a text on standard output; it takes no --%s",
                       config->data.name ? "data" : "output");
        if (!config->prompt && (config->length || config->temperature >= 0))
            argp_error(state, "--%s is for --prompt", config->length ? "length" : "temperature");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {
    .options = table,
    .parser = parse,
    .children = checkpoint_children,
    .doc = "What a trained network makes of data, or text from a prompt.\v"
           "Of data, the network's outputs for each example in the order of the data, those held out included: for "
           "classes their scores (logits) and the class of the largest, by its name if it has one. Network, type and "
           "form of the data are those "
           "of the checkpoint, and so are the data, where no option says otherwise. The inputs of a table that had a "
           "header "
           "are found by their names, in any order, and the targets need not be there. Examples have the numbers of "
           "their rows; rows with missing fields are left out only if --missing drop is given here.\n"
           "\n"
           "With --prompt, a network trained on text goes on with the prompt: each character is drawn from its "
           "distribution, from the seed, and is there to be read at once. Ctrl-C ends it.\n"
           "\n"
           "Examples:\n"
           "  blasgrad predict --checkpoint run/best.safetensors \\\n"
           "    --data new.csv --output predictions.csv\n"
           "  blasgrad predict --checkpoint run --data - < new.csv\n"
           "  blasgrad predict --checkpoint run/best.safetensors --output scores.npy\n"
           "  blasgrad predict --checkpoint run/best.safetensors \\\n"
           "    --prompt \"ROMEO:\" --length 500 --temperature 0.8",
};

static int run(predict_config *config, bg_engine *engine)
{
    bg_archive *archive;
    checkpoint_about about;
    int code = checkpoint_load(config->checkpoint, engine, &archive, &about);
    if (code)
        return code;
    if (config->model)
        about.model = config->model;
    if (!about.model)
        code = output_usage("%s: its metadata name no network; give --model", config->checkpoint);
    else if (network_check(about.model) != BG_OK)
        code = config->model ? output_usage("%s", bg_last_error())
                             : output_failure("%s: %s", config->checkpoint, bg_last_error());
    if (!code)
        code = config->prompt ? predict_text(config, engine, archive, &about)
                              : predict_data(config, engine, archive, &about);
    bg_archive_destroy(archive);
    return code;
}

int command_predict(int argc, char **argv)
{
    predict_config config = { .temperature = -1 };
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
