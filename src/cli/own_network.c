/* A network of one's own, given by options. */
#include "own_network.h"

#include "model_line.h"
#include "options.h"
#include "output.h"

enum { KEY_MODEL = KEYS_NETWORK, KEY_INPUT, KEY_LOSS, KEY_TOKENS, KEY_CLASSES };

static const struct argp_option table[] = {
    { "model", KEY_MODEL, "NETWORK", 0, "a layer line or a name, as in `blasgrad train'", 0 },
    { "input", KEY_INPUT, "SHAPE", 0, "of one of its samples, as in 784 or 3x32x32", 0 },
    { "loss", KEY_LOSS, "NAME", 0, "its loss (default: cross_entropy, of as many classes as it has outputs)", 0 },
    { "tokens", KEY_TOKENS, "K", 0, "its inputs are tokens of K kinds, not numbers", 0 },
    { "classes", KEY_CLASSES, "K", 0, "outputs of a network that has a name, as resnet20 (default: its own)", 0 },
    { 0 },
};

static error_t parse(int key, char *text, struct argp_state *state)
{
    own_network *own = state->input;
    workload *w = &own->network;
    switch (key) {
    case KEY_MODEL:
        w->model = w->name = text;
        return 0;
    case KEY_INPUT:
        w->sample.rank = option_list(state, "input", text, 'x', OWN_EXTENT_MAX, w->sample.dims, BG_MAX_RANK - 1);
        own->option = "input";
        return 0;
    case KEY_LOSS:
        w->loss = text;
        own->option = "loss";
        return 0;
    case KEY_TOKENS:
        w->vocabulary = option_integer(state, "tokens", text, 1, OWN_EXTENT_MAX);
        own->option = "tokens";
        return 0;
    case KEY_CLASSES:
        w->classes = option_integer(state, "classes", text, 1, OWN_EXTENT_MAX);
        own->option = "classes";
        return 0;
    case ARGP_KEY_END:
        if (!w->model && own->option)
            argp_error(state, "--%s is for a network of your own; name it with --model", own->option);
        if (w->model && w->sample.rank == 0)
            argp_error(state, "--model: give the shape of a sample with --input, as in --input 3x32x32");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

const struct argp own_network_argp = { .options = table, .parser = parse };

int own_network_check(own_network *own)
{
    workload *w = &own->network;
    int code = model_line_check(w->model);
    if (code)
        return code;
    if (!w->loss)
        w->loss = "cross_entropy";
    if (!bg_loss_find(w->loss))
        return output_usage("%s", bg_last_error());
    if (w->classes && !bg_network_find(w->model))
        return output_usage("--classes is for networks that have a name; the last layer says how many outputs it has");
    return 0;
}

workload own_network_workload(const own_network *own, int64_t batch)
{
    workload w = own->network;
    int64_t units = 1;
    for (int i = 0; i < w.sample.rank && w.vocabulary; i++)
        units *= w.sample.dims[i];
    w.unit = w.vocabulary ? "tokens" : "samples";
    w.batch = batch;
    w.units = units * batch;
    return w;
}
