/* blasgrad info */
#include "commands.h"
#include "events.h"
#include "machine.h"
#include "options.h"
#include "output.h"

#include <blasgrad/io.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    common_options common;
    const char *file;
} info_config;

static error_t parse(int key, char *text, struct argp_state *state)
{
    info_config *config = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &config->common;
        return 0;
    case ARGP_KEY_ARG:
        if (config->file)
            argp_error(state, "one file at a time");
        config->file = text;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = { { &common_argp, 0, "Common:", 1 }, { 0 } };

static const struct argp argp = {
    .parser = parse,
    .children = children,
    .args_doc = "[FILE]",
    .doc = "This machine and how it is used; with FILE, the tensors and texts of a checkpoint (safetensors).\v"
           "Examples:\n"
           "  blasgrad info\n"
           "  blasgrad info run/best.safetensors --json",
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
    output_line("precision   highest: products of f32 in full f32");
    output_line("FMA peak    %.1f GFLOP/s f32, %.1f GFLOP/s f64, of one core", peak_f32 * 1e-9, peak_f64 * 1e-9);
    return EXIT_DONE;
}

/* One tensor, as an object or as a line. */
static void show_tensor(const bg_archive *archive, size_t i, event *e)
{
    const char *name = bg_archive_name(archive, i);
    const bg_tensor *tensor = bg_archive_tensor(archive, i);
    const char *dtype = bg_dtype_name(bg_tensor_dtype(tensor));
    bg_shape shape = bg_tensor_shape(tensor);
    event *item = event_create(NULL);
    event_text(item, "name", name);
    event_text(item, "dtype", dtype);
    event_list(item, "shape");
    char text[BG_MAX_RANK * 22 + 4] = "";
    size_t length = 0;
    for (int k = 0; k < shape.rank; k++) {
        event_append_integer(item, "shape", shape.dims[k]);
        length +=
            (size_t)snprintf(text + length, sizeof text - length, "%s%lld", k ? ", " : "", (long long)shape.dims[k]);
    }
    double value = NAN;
    bool is_scalar = shape.rank == 0 && bg_tensor_item(tensor, 0, &value) == BG_OK;
    if (is_scalar)
        event_number(item, "value", value);
    if (e)
        event_append_object(e, "tensors", item);
    else if (is_scalar)
        output_line("%-32s %-5s %.9g", name, dtype, value);
    else
        output_line("%-32s %-5s [%s]", name, dtype, text);
    if (!e)
        event_destroy(item);
}

/* One text, on one line whatever is in it. */
static void show_text(const char *key, const char *text)
{
    char *quoted = event_quote(text);
    output_line("%-32s %s", key, quoted ? quoted : "");
    free(quoted);
}

static int show_file(bg_engine *engine, const char *path, bool json)
{
    bg_archive *archive;
    if (bg_archive_load(&archive, engine, path) != BG_OK)
        return output_library();
    event *e = json ? event_create("info") : NULL, *metadata = event_create(NULL);
    if (e) {
        event_text(e, "file", path);
        event_list(e, "tensors");
    }
    for (size_t i = 0; i < bg_archive_count(archive); i++)
        show_tensor(archive, i, e);
    for (size_t i = 0; i < bg_archive_text_count(archive); i++) {
        const char *key = bg_archive_text_key(archive, i), *text = bg_archive_text(archive, key);
        event_text(metadata, key, text);
        if (!json)
            show_text(key, text);
    }
    if (e) {
        event_object(e, "metadata", metadata);
        event_output(e);
        event_destroy(e);
    } else {
        event_destroy(metadata);
    }
    bg_archive_destroy(archive);
    return EXIT_DONE;
}

int command_info(int argc, char **argv)
{
    info_config config = { .file = NULL };
    options_parse(&argp, argc, argv, &config);
    bg_engine *engine;
    bg_engine_options options = common_engine(&config.common);
    if (bg_engine_create(&engine, &options) != BG_OK)
        return output_library();
    int code =
        config.file ? show_file(engine, config.file, config.common.json) : show_machine(engine, config.common.json);
    bg_engine_destroy(engine);
    return code;
}
