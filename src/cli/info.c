/* blasgrad info */
#include "checkpoint.h"
#include "commands.h"
#include "events.h"
#include "info_network.h"
#include "machine.h"
#include "options.h"
#include "output.h"

#include <string.h>

typedef struct {
    common_options common;
    const char *file;
    own_network own;
    step_options step;
} info_config;

enum { KEY_BATCH = KEYS_COMMAND, KEY_OPTIMIZER };

static const struct argp_option table[] = {
    { NULL, 0, NULL, 0, "A network:", 0 },
    { "batch", KEY_BATCH, "N", 0, "samples of a training step (default: those of the run, or 64)", 0 },
    { "optimizer", KEY_OPTIMIZER, "NAME", 0,
      "of the training step, as in `blasgrad train' (default: that of the run, or sgd with momentum)", 0 },
    { 0 },
};

static error_t parse(int key, char *text, struct argp_state *state)
{
    info_config *config = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &config->own;
        state->child_inputs[1] = &config->common;
        return 0;
    case KEY_BATCH:
        config->step.batch = option_integer(state, "batch", text, 1, OWN_EXTENT_MAX);
        config->step.option = "batch";
        return 0;
    case KEY_OPTIMIZER:
        if (bg_optimizer_find(&config->step.optimizer, text) != BG_OK)
            argp_error(state, "--optimizer: %s", bg_last_error());
        config->step.optimizer_name = text;
        config->step.option = "optimizer";
        return 0;
    case ARGP_KEY_ARG:
        if (config->file)
            argp_error(state, "one file at a time");
        config->file = text;
        return 0;
    case ARGP_KEY_END:
        if (config->file && config->own.network.model)
            argp_error(state, "a file or --model, not both");
        if (!config->file && !config->own.network.model && config->step.option)
            argp_error(state, "--%s is for a network: a checkpoint, or one that --model names", config->step.option);
        if (config->file)
            checkpoint_take_directory(&config->file, "", state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = { { &own_network_argp, 0, NULL, 1 },
                                              { &common_argp, 0, "Common:", 2 },
                                              { 0 } };

static const struct argp argp = {
    .options = table,
    .parser = parse,
    .children = children,
    .args_doc = "\nFILE\n--model NETWORK --input SHAPE",
    .doc = "This machine and how it is used; or a network, and what it costs to train.\v"
           "FILE is a checkpoint (safetensors), or a run directory, of which it is best, or else last: its tensors and "
           "texts; and if `blasgrad train' wrote it, what its network costs. FLOPs are those of the compiled program, "
           "where a fused multiply-add counts as two; memory "
           "is that of intermediate values and outputs, beside parameters and the optimizer's state.\n"
           "\n"
           "Examples:\n"
           "  blasgrad info\n"
           "  blasgrad info run --json\n"
           "  blasgrad info run/best.safetensors --batch 256 --threads 1\n"
           "  blasgrad info --model \"conv:8:3x3 relu dense:10\" --input 1x28x28\n"
           "  blasgrad info --model resnet20 --input 3x32x32 --optimizer adam",
};

static int show_machine(bg_engine *engine, bool json)
{
    char cpu[160];
    machine_cpu(cpu, sizeof cpu);
    bg_engine_info info = bg_engine_describe(engine);
    double peak_f32 = bg_engine_measure_peak(engine, false, 0.2), peak_f64 = bg_engine_measure_peak(engine, true, 0.2);
    if (json) {
        event *e = event_create("info");
        event_text(e, "version", bg_version());
        event_text(e, "cpu", cpu);
        event_integer(e, "processors", machine_processors());
        event_integer(e, "threads", info.threads);
        event_text(e, "kernels", info.kernels);
        event_text(e, "gemm", info.gemm == BG_GEMM_OPENBLAS ? "openblas" : "auto");
        event_text(e, "blas", info.blas);
        event_text(e, "blas_core", info.blas_core);
        if (info.blas_faster)
            event_text(e, "blas_faster", info.blas_faster);
        event_text(e, "blas_threading", info.blas_threading);
        event_text(e, "precision", "highest");
        event_number(e, "peak_gflops_f32", peak_f32 * 1e-9);
        event_number(e, "peak_gflops_f64", peak_f64 * 1e-9);
        event_output(e);
        event_destroy(e);
        return EXIT_DONE;
    }
    output_line("blasgrad    %s", bg_version());
    output_line("processor   %s, %d logical", cpu, machine_processors());
    output_line("threads     %d", info.threads);
    output_line("kernels     %s", info.kernels);
    output_line("BLAS        %s", info.blas);
    output_line("            core %s, %s; each worker calls it on its own, on one thread%s", info.blas_core,
                info.blas_threading, strcmp(info.blas_threading, "serial") == 0 ? ", in turn" : "");
    if (info.blas_faster)
        output_line(
            "            which does not know this processor: with OPENBLAS_CORETYPE=%s in the environment it is faster",
            info.blas_faster);
    output_line("precision   highest: products of f32 in full f32");
    output_line("FMA peak    %.1f GFLOP/s f32, %.1f GFLOP/s f64, of one core", peak_f32 * 1e-9, peak_f64 * 1e-9);
    return EXIT_DONE;
}

int command_info(int argc, char **argv)
{
    info_config config = { .file = NULL };
    options_parse(&argp, argc, argv, &config);
    bg_engine *engine;
    bg_engine_options options = common_engine(&config.common);
    int code = config.own.network.model ? own_network_check(&config.own) : 0;
    if (code)
        return code;
    if (bg_engine_create(&engine, &options) != BG_OK)
        return output_library();
    if (config.file)
        code = info_file(engine, config.file, &config.step, config.common.json);
    else if (config.own.network.model)
        code = info_network(engine, &config.own, &config.step, config.common.json);
    else
        code = show_machine(engine, config.common.json);
    bg_engine_destroy(engine);
    return code;
}
