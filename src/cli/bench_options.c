/* The options of `blasgrad bench`. */
#include "bench.h"
#include "options.h"

#include <stdio.h>
#include <string.h>

enum { KEY_THREADS = KEYS_COMMAND, KEY_SECONDS, KEY_JSON, KEY_OUTPUT, KEY_REPORT, KEY_DUMP };

static const struct argp_option table[] = {
    { "threads", KEY_THREADS, "N[,N..]", 0,
      "thread counts to measure (default: one per physical core that may be used)", 0 },
    { "seconds", KEY_SECONDS, "S", 0, "time for each result, and once more for its parts (default: 2)", 0 },
    { "json", KEY_JSON, NULL, 0, "results as JSON objects, one a line", 0 },
    { "output", KEY_OUTPUT, "FILE", 0, "append the results to FILE as lines of JSON, with date and machine", 0 },
    { "report", KEY_REPORT, NULL, 0, "add steps, phases, barriers and memory of the program", 0 },
    { "dump", KEY_DUMP, NULL, 0, "print the program as text, and measure nothing", 0 },
    { 0 },
};

static void parse_threads(bench_config *config, struct argp_state *state, const char *text)
{
    config->n_threads = 0;
    while (*text) {
        char word[16];
        size_t length = strcspn(text, ",");
        if (length >= sizeof word || config->n_threads == BENCH_THREAD_COUNTS_MAX)
            argp_error(state, "--threads: at most %d numbers from 1 to 1024, with commas between",
                       BENCH_THREAD_COUNTS_MAX);
        memcpy(word, text, length);
        word[length] = 0;
        config->threads[config->n_threads++] = (int)option_integer(state, "threads", word, 1, 1024);
        text += length + (text[length] == ',');
    }
    if (config->n_threads == 0)
        argp_error(state, "--threads: a number is missing");
}

/* All workloads' names, each after a blank. */
static const char *workload_names(char *names, size_t capacity)
{
    size_t length = 0;
    for (const workload *w = workloads; w->name; w++)
        length += (size_t)snprintf(names + length, capacity - length, " %s", w->name);
    return names;
}

static void choose(bench_config *config, struct argp_state *state, const char *name)
{
    const workload *w = workload_find(name);
    char names[400];
    if (!w)
        argp_error(state, "there is no workload \"%s\"; there are%s", name, workload_names(names, sizeof names));
    if (config->n_chosen == BENCH_WORKLOADS_MAX)
        argp_error(state, "at most %d workloads", BENCH_WORKLOADS_MAX);
    config->chosen[config->n_chosen++] = w;
}

static error_t parse(int key, char *text, struct argp_state *state)
{
    bench_config *config = state->input;
    switch (key) {
    case KEY_THREADS:
        parse_threads(config, state, text);
        return 0;
    case KEY_SECONDS:
        config->seconds = option_number(state, "seconds", text, 0, 3600);
        return 0;
    case KEY_JSON:
        config->results.json = true;
        return 0;
    case KEY_OUTPUT:
        config->results.path = text;
        return 0;
    case KEY_REPORT:
        config->with_report = true;
        return 0;
    case KEY_DUMP:
        config->with_dump = true;
        return 0;
    case ARGP_KEY_ARG:
        choose(config, state, text);
        return 0;
    case ARGP_KEY_END:
        if ((config->results.json || config->results.path) && config->with_dump)
            argp_error(state, "--dump is text for people; leave out --json and --output");
        for (const workload *w = workloads; state->arg_num == 0 && w->name; w++)
            config->chosen[config->n_chosen++] = w;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {
    .options = table,
    .parser = parse,
    .args_doc = "[WORKLOAD...]",
    .doc =
        "Speed of training steps: forward, loss, backward and SGD with momentum, in f32, on data that lie in memory.\v"
        "Workloads: tiny, mlp-b1, mlp-b32, mlp-b128, mlp-b512, wide, mnist-cnn, resnet20, char-lstm, char-gpt, gpt2; "
        "all of them if none is named. Speeds are of samples, or of tokens for texts. The gradient of each is first "
        "compared with the same network in f64; a wrong one has no speed. Times are of one step: "
        "median, quartiles and minimum over trials. \"peak\" is the share of what the cores reach in fused "
        "multiply-adds, measured in the same process. Forward is the least time of the loss alone, "
        "backward what the gradients add to it, update what the whole step adds to these.\n"
        "\n"
        "Examples:\n"
        "  blasgrad bench mlp-b128\n"
        "  blasgrad bench mlp-b32 mlp-b512 --threads 1,2 --json\n"
        "  blasgrad bench tiny --dump",
};

void bench_parse(bench_config *config, int argc, char **argv)
{
    *config = (bench_config){ .n_threads = 1, .seconds = 2 };
    options_parse(&argp, argc, argv, config);
}
