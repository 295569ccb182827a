/* The options of `blasgrad bench`. */
#include "bench.h"
#include "bench_gemm.h"
#include "bench_ops.h"
#include "commands.h"
#include "options.h"
#include "output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    KEY_THREADS = KEYS_COMMAND,
    KEY_SECONDS,
    KEY_BATCH,
    KEY_GEMM,
    KEY_JSON,
    KEY_OUTPUT,
    KEY_REPORT,
    KEY_PROFILE,
    KEY_CORES,
    KEY_ENGINES,
    KEY_TRACE,
    KEY_DUMP,
    KEY_PRODUCTS,
    KEY_OPS,
    KEY_DTYPE,
    KEY_SIZE,
    KEY_GRADIENT
};

enum { THREADS_MAX = 1024, ENGINES_MAX = 64 };

static const struct argp_option table[] = {
    { "threads", KEY_THREADS, "N[,N..]", 0,
      "thread counts to measure (default: one per physical core that may be used)", 1 },
    { "seconds", KEY_SECONDS, "S", 0,
      "time for each result, and half as much for its parts (default: 2; with --gemm 0.5, with --ops 0.05)", 1 },
    { OPTION_GEMM, KEY_GEMM, "NAME", 0, OPTION_GEMM_HELP, 1 },
    { "json", KEY_JSON, NULL, 0, "results as JSON objects, one a line", 1 },
    { "output", KEY_OUTPUT, "FILE", 0, "append the results to FILE as lines of JSON, with date and machine", 1 },
    { "report", KEY_REPORT, NULL, 0, "add steps, phases, barriers and memory of the program", 1 },
    { "profile", KEY_PROFILE, NULL, 0, "add where the time goes: by step, and in waiting for other workers", 1 },
    { "cores", KEY_CORES, "N[,N..]", 0,
      "add the phases, and what a step would take on so many cores, projected from them", 1 },
    { "engines", KEY_ENGINES, "N", 0, "measure N engines at once in one process beside one alone, and nothing else",
      1 },
    { "trace", KEY_TRACE, "FILE", 0, "write the fastest run for chrome://tracing, a lane for each worker", 1 },
    { "dump", KEY_DUMP, NULL, 0, "print the program as text, and measure nothing", 1 },
    { "gemm", KEY_PRODUCTS, NULL, 0, "matrix products, beside those of OpenBLAS alone on one thread", 1 },
    { "ops", KEY_OPS, NULL, 0, "kernels with their errors, and ops as graphs of one each", 1 },
    { "dtype", KEY_DTYPE, "f32|f64", 0, "the type of products and ops (default: f32)", 1 },
    { "size", KEY_SIZE, "N", 0, "elements of an op's first input (default: 1048576)", 1 },
    { "gradient", KEY_GRADIENT, NULL, 0, "the gradient of each op in place of its value", 1 },
    { NULL, 0, NULL, 0, "A network of your own:", 2 },
    { "batch", KEY_BATCH, "N[,N..]", 0, "batch sizes to measure it with (default: 64)", 2 },
    { 0 },
};

enum { NAMES_BYTES = 700 };

/* All workloads' names, each after a blank; of those on a routine, the routine's. */
static const char *workload_names(char names[NAMES_BYTES])
{
    size_t length = 0;
    for (const workload *w = workloads; w->name; w++)
        length += (size_t)snprintf(names + length, NAMES_BYTES - length, " %s", w->name);
    char routine[40] = "";
    for (const workload *w = matrix_workloads; w->name; w++) {
        if (workload_is_of_routine(w, routine))
            continue;
        snprintf(routine, sizeof routine, "%.*s", (int)strcspn(w->name, "-"), w->name);
        length += (size_t)snprintf(names + length, NAMES_BYTES - length, " %s", routine);
    }
    return names;
}

/* What an option is for; the first one of a kind is named where there is nothing that it is for. */
static void note(bench_config *config, bench_option_kind kind, const char *option)
{
    if (!config->first_option[kind])
        config->first_option[kind] = option;
}

static void set_mode(bench_config *config, struct argp_state *state, bench_mode mode)
{
    if (config->mode != BENCH_WORKLOADS && config->mode != mode)
        argp_error(state, "measure one thing at a time: --gemm or --ops");
    config->mode = mode;
}

static void check_options(const bench_config *config, struct argp_state *state)
{
    const char *for_workloads = config->first_option[FOR_WORKLOADS], *for_own = config->own.option;
    bool is_own = config->own.network.model != NULL;
    if (config->mode == BENCH_WORKLOADS && config->first_option[FOR_PARTS])
        argp_error(state, "--%s is for --gemm and --ops; a workload has a type of its own",
                   config->first_option[FOR_PARTS]);
    if (config->mode != BENCH_OPS && config->first_option[FOR_OPS])
        argp_error(state, "--%s is for --ops", config->first_option[FOR_OPS]);
    if (config->mode != BENCH_WORKLOADS && (for_workloads || is_own || for_own))
        argp_error(state, "--%s is for workloads", for_workloads ? for_workloads : is_own ? "model" : for_own);
    if (is_own && config->n_words > 0)
        argp_error(state, "a workload or --model, not both");
    if (config->with_dump && (config->results.json || config->results.path || config->trace_path))
        argp_error(state, "--dump is text for people; leave out --json, --output and --trace");
    if (config->with_dump && (config->n_cores || config->with_report || config->with_profile))
        argp_error(state, "--dump measures nothing; leave out --report, --profile and --cores");
    if (config->n_engines &&
        (config->with_report || config->with_profile || config->trace_path || config->with_dump || config->n_cores))
        argp_error(state, "--engines measures steps alone; leave out --report, --profile, --cores, --trace and --dump");
}

static int choose(bench_config *config, const workload *w)
{
    if (config->n_chosen == BENCH_WORKLOADS_MAX)
        return output_usage("bench: at most %d workloads", BENCH_WORKLOADS_MAX);
    config->chosen[config->n_chosen++] = w;
    return EXIT_DONE;
}

/* A workload, or those on a routine. */
static int choose_word(bench_config *config, const char *word)
{
    const workload *named = workload_find(word);
    if (named)
        return choose(config, named);
    int before = config->n_chosen;
    for (const workload *w = matrix_workloads; w->name; w++)
        if (workload_is_of_routine(w, word) && choose(config, w) != EXIT_DONE)
            return EXIT_USAGE;
    char names[NAMES_BYTES];
    return config->n_chosen > before
               ? EXIT_DONE
               : output_usage("there is no workload \"%s\"; there are%s", word, workload_names(names));
}

/* The workloads that are named, or all of them but those on routines. */
static int choose_workloads(bench_config *config)
{
    int code = EXIT_DONE;
    for (const workload *w = workloads; config->n_words == 0 && w->name; w++)
        config->chosen[config->n_chosen++] = w;
    for (int i = 0; i < config->n_words && code == EXIT_DONE; i++)
        code = choose_word(config, config->words[i]);
    return code;
}

/* A workload for each batch size. */
static int make_own(bench_config *config)
{
    int code = own_network_check(&config->own);
    for (int i = 0; i < config->n_batches && !code; i++) {
        workload *w = &config->of_batch[i];
        *w = own_network_workload(&config->own, config->batches[i]);
        config->chosen[config->n_chosen++] = w;
    }
    return code;
}

static error_t parse(int key, char *text, struct argp_state *state)
{
    static const char *const dtypes[] = { "f32", "f64", NULL };
    bench_config *config = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &config->own;
        return 0;
    case KEY_THREADS:
        config->n_threads = option_list(state, "threads", text, ',', THREADS_MAX, config->threads, BENCH_COUNTS_MAX);
        return 0;
    case KEY_SECONDS:
        config->seconds = option_number(state, "seconds", text, 0, 3600);
        return 0;
    case KEY_GEMM:
        config->gemm = option_gemm(state, text);
        return 0;
    case KEY_JSON:
        config->results.json = true;
        return 0;
    case KEY_BATCH:
        config->n_batches = option_list(state, "batch", text, ',', OWN_EXTENT_MAX, config->batches, BENCH_COUNTS_MAX);
        config->own.option = "batch";
        return 0;
    case KEY_OUTPUT:
        config->results.path = text;
        return 0;
    case KEY_REPORT:
        note(config, FOR_WORKLOADS, "report");
        config->with_report = true;
        return 0;
    case KEY_PROFILE:
        note(config, FOR_WORKLOADS, "profile");
        config->with_profile = true;
        return 0;
    case KEY_CORES:
        note(config, FOR_WORKLOADS, "cores");
        config->n_cores = option_list(state, "cores", text, ',', THREADS_MAX, config->cores, BENCH_COUNTS_MAX);
        return 0;
    case KEY_ENGINES:
        note(config, FOR_WORKLOADS, "engines");
        config->n_engines = (int)option_integer(state, "engines", text, 1, ENGINES_MAX);
        return 0;
    case KEY_TRACE:
        note(config, FOR_WORKLOADS, "trace");
        config->trace_path = text;
        return 0;
    case KEY_DUMP:
        note(config, FOR_WORKLOADS, "dump");
        config->with_dump = true;
        return 0;
    case KEY_PRODUCTS:
        set_mode(config, state, BENCH_GEMM);
        return 0;
    case KEY_OPS:
        set_mode(config, state, BENCH_OPS);
        return 0;
    case KEY_SIZE:
        config->op_size = option_integer(state, "size", text, 1, 1 << 30);
        note(config, FOR_OPS, "size");
        return 0;
    case KEY_GRADIENT:
        config->with_gradient = true;
        note(config, FOR_OPS, "gradient");
        return 0;
    case KEY_DTYPE:
        config->dtype = option_choice(state, "dtype", text, dtypes) ? BG_F64 : BG_F32;
        note(config, FOR_PARTS, "dtype");
        return 0;
    case ARGP_KEY_ARG:
        if (config->n_words == BENCH_WORDS_MAX)
            argp_error(state, "at most %d names", BENCH_WORDS_MAX);
        config->words[config->n_words++] = text;
        return 0;
    case ARGP_KEY_END:
        check_options(config, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* The text behind the options begins with the workloads that there are. */
static char *add_names(int key, const char *text, void *input)
{
    (void)input;
    if (key != ARGP_KEY_HELP_POST_DOC || !text)
        return (char *)(uintptr_t)text;
    char names[NAMES_BYTES];
    size_t bytes = strlen(text) + sizeof names + 300;
    char *help = malloc(bytes);
    if (!help)
        return (char *)(uintptr_t)text;
    snprintf(help, bytes,
             "The workloads are%s; all of them if none is named, but those on routines of linear algebra: "
             "cholesky-64x1000 is 1000 matrices of 64 x 64, cholesky-512-f64 a single one in f64, and cholesky all of "
             "them. %s",
             workload_names(names), text);
    return help;
}

static const struct argp_child children[] = { { &own_network_argp, 0, NULL, 2 }, { 0 } };

static const struct argp argp = {
    .options = table,
    .parser = parse,
    .children = children,
    .help_filter = add_names,
    .args_doc = "[WORKLOAD...]\n--model NETWORK --input SHAPE\n--gemm [MxNxK[:nt]...]\n--ops [NAME...]",
    .doc =
        "Speed of training steps: forward, loss, backward and SGD with momentum, in f32, on data that lie in memory; "
        "of Hessian-vector products, in f32; of the gradients of objectives, in f64; and of routines of linear algebra "
        "with their gradients, in either.\v"
        "The gradient of each is first compared, with the same in f64, a hand-written one or differences; a wrong one "
        "has no speed. Times are of one step: "
        "median, quartiles and minimum over trials. \"peak\" is the share of what the cores reach in fused "
        "multiply-adds, measured in the same process. Forward is the least time of the loss alone, "
        "backward what the gradients add to it, update what the whole step adds to these: less than nothing where it "
        "saves storing the gradients.\n"
        "\n"
        "--gemm measures products y = x w of rows: x is M by K, w K by N; of two letters n or t behind the sizes, the "
        "first says that x is stored transposed, the second w. A name in place of sizes stands for the products of a "
        "workload's layers, or for the training set of DeepBench; without any all of these are measured, which takes "
        "hours. \"ratio\" is the time of OpenBLAS over ours, \"more ns\" what our least time has more than its, on one "
        "thread.\n"
        "\n"
        "--ops measures kernels on 2048 elements, with the worst error of elementwise ones against long double over "
        "65536 points: half of them uniform from -8 to 8, half with exponents from -30 to 30 and either sign. Then "
        "ops, each as a graph of its own. Times are for an element of the largest operand, GB/s count every operand "
        "and result once.\n"
        "\n"
        "Examples:\n"
        "  blasgrad bench mlp-b128\n"
        "  blasgrad bench mlp-b32 mlp-b512 --threads 1,2 --json\n"
        "  blasgrad bench tiny --dump\n"
        "  blasgrad bench mlp-b128 --threads 2 --profile --trace mlp.json\n"
        "  blasgrad bench --model 'dense:128 relu dense:10' --input 784 --batch 1,64\n"
        "  blasgrad bench --gemm 64x512x784:nt mlp-b32 --threads 1 --dtype f64\n"
        "  blasgrad bench --ops tanh softmax --size 4096 --gradient\n"
        "  blasgrad bench --model resnet20 --input 3x32x32 --batch 16\n"
        "  blasgrad bench --model char-gpt --input 64 --tokens 65 --batch 12",
};

int bench_parse(bench_config *config, int argc, char **argv)
{
    *config = (bench_config){
        .dtype = BG_F32, .n_threads = 1, .seconds = -1, .op_size = 1 << 20, .n_batches = 1, .batches = { 64 }
    };
    options_parse(&argp, argc, argv, config);
    if (config->seconds < 0)
        config->seconds = config->mode == BENCH_WORKLOADS ? 2 : config->mode == BENCH_GEMM ? 0.5 : 0.05;
    if (config->mode == BENCH_GEMM)
        return bench_gemm_choose(config);
    if (config->mode == BENCH_OPS)
        return bench_ops_check(config);
    return config->own.network.model ? make_own(config) : choose_workloads(config);
}
