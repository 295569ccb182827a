/* blasgrad predict on data */
#include "predict.h"

#include "commands.h"
#include "output.h"
#include "signals.h"

#include <blasgrad/io.h>
#include <blasgrad/program.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef enum { FORM_CSV, FORM_NPY, FORM_JSONL } form;

typedef struct {
    const predict_config *config;
    form form;
    FILE *file;
    bool is_closed_by_us;
    bg_tensor *array; /* for NPY: all outputs, which are written together */
    bool has_classes; /* outputs are scores of classes */
    bool is_f64;
    bg_shape row;              /* of one example's outputs */
    int64_t positions, scores; /* rows of numbers of an example, and how many each has */
    int64_t examples, done;
    bool has_row_numbers;       /* in the last column of the data, of the examples in their file; else 0, 1, .. */
    const int64_t *row_numbers; /* of the batch at hand; or NULL */
    char **class_names;         /* ends with NULL; or NULL */
    int64_t class_count;
} sink;

/* ---- Forms ---- */

static int choose_form(sink *s)
{
    const char *name = s->config->output;
    if (!name || strcmp(name, "-") == 0)
        s->form = s->config->common.json ? FORM_JSONL : FORM_CSV;
    else if (data_name_ends_with(name, ".csv"))
        s->form = FORM_CSV;
    else if (data_name_ends_with(name, ".npy"))
        s->form = FORM_NPY;
    else if (data_name_ends_with(name, ".jsonl"))
        s->form = FORM_JSONL;
    else
        return output_usage("--output %s: the name ends in .csv, .npy or .jsonl, or is -", name);
    return 0;
}

static int open_sink(sink *s)
{
    const char *name = s->config->output;
    s->file = stdout;
    if (!name || strcmp(name, "-") == 0 || s->form == FORM_NPY)
        return 0;
    s->file = fopen(name, "wb");
    s->is_closed_by_us = s->file != NULL;
    return s->file ? 0 : output_failure("%s: %s", name, strerror(errno));
}

/* A file that is not whole is not left there. */
static int close_sink(sink *s, int code)
{
    if (!code && s->array && bg_npy_save(s->array, s->config->output) != BG_OK)
        code = output_library();
    bg_tensor_destroy(s->array);
    if (!s->is_closed_by_us)
        return code;
    errno = 0;
    bool has_failed = ferror(s->file) != 0;
    has_failed = fclose(s->file) != 0 || has_failed;
    if (has_failed && !code)
        code = output_failure("%s: %s", s->config->output, strerror(errno ? errno : EIO));
    if (code)
        remove(s->config->output);
    return code;
}

static void write_header(const sink *s)
{
    if (s->form != FORM_CSV)
        return;
    fprintf(s->file, "example%s%s", s->positions > 1 ? ",position" : "", s->has_classes ? ",class" : "");
    for (int64_t i = 0; i < s->scores; i++)
        fprintf(s->file, ",%s%lld", s->has_classes ? "score" : "y", (long long)i);
    fputc('\n', s->file);
}

static double number_at(const sink *s, const void *data, int64_t i)
{
    return s->is_f64 ? ((const double *)data)[i] : (double)((const float *)data)[i];
}

static int64_t largest(const sink *s, const void *data, int64_t first)
{
    int64_t best = 0;
    for (int64_t i = 1; i < s->scores; i++)
        if (number_at(s, data, first + i) > number_at(s, data, first + best))
            best = i;
    return best;
}

/* Enough digits for the number to come back; JSON knows no number that is not finite. */
static void write_number(const sink *s, double value, const char *before)
{
    if (s->form == FORM_JSONL && !(value - value == 0))
        fprintf(s->file, "%snull", before);
    else
        fprintf(s->file, s->is_f64 ? "%s%.17g" : "%s%.9g", before, value);
}

/* A text in quotes, in which its quotes are doubled, or escaped as in JSON. */
static void write_quoted(const sink *s, const char *text)
{
    bool is_csv = s->form == FORM_CSV;
    fputc('"', s->file);
    for (; *text; text++) {
        if (*text == '"' || (*text == '\\' && !is_csv))
            fputc(is_csv ? '"' : '\\', s->file);
        if ((unsigned char)*text < 0x20 && !is_csv)
            fprintf(s->file, "\\u%04x", (unsigned)*text);
        else
            fputc(*text, s->file);
    }
    fputc('"', s->file);
}

/* Its name, if it has one, else its number. */
static void write_class(const sink *s, int64_t class)
{
    fputs(s->form == FORM_CSV ? "," : ",\"class\":", s->file);
    if (class >= s->class_count)
        fprintf(s->file, "%lld", (long long)class);
    else if (s->form == FORM_CSV && !strpbrk(s->class_names[class], ",\"") && *s->class_names[class] != ' ')
        fputs(s->class_names[class], s->file);
    else
        write_quoted(s, s->class_names[class]);
}

static void write_row(const sink *s, int64_t example, int64_t position, const void *data, int64_t first)
{
    bool is_csv = s->form == FORM_CSV;
    fprintf(s->file, is_csv ? "%lld" : "{\"example\":%lld", (long long)example);
    if (s->positions > 1)
        fprintf(s->file, is_csv ? ",%lld" : ",\"position\":%lld", (long long)position);
    if (s->has_classes)
        write_class(s, largest(s, data, first));
    if (!is_csv)
        fprintf(s->file, ",\"%s\":[", s->has_classes ? "scores" : "outputs");
    for (int64_t i = 0; i < s->scores; i++)
        write_number(s, number_at(s, data, first + i), i || is_csv ? "," : "");
    fputs(is_csv ? "\n" : "]}\n", s->file);
}

/* Of a row of the batch. */
static int64_t example_number(const sink *s, int64_t i) { return s->row_numbers ? s->row_numbers[i] : s->done + i; }

static int write_rows(sink *s, const bg_tensor *outputs)
{
    const void *data = bg_tensor_const_data(outputs);
    int64_t n = bg_tensor_shape(outputs).dims[0];
    for (int64_t i = 0; i < n * s->positions; i++)
        write_row(s, example_number(s, i / s->positions), i % s->positions, data, i * s->scores);
    if (!ferror(s->file))
        return 0;
    return s->is_closed_by_us ? output_failure("%s: %s", s->config->output, strerror(errno)) : EXIT_FAILED;
}

static int keep_outputs(sink *s, const bg_tensor *outputs)
{
    bg_tensor *rows = NULL;
    int64_t n = bg_tensor_shape(outputs).dims[0];
    bg_status status = bg_tensor_slice(&rows, s->array, 0, s->done, s->done + n, 1);
    if (status == BG_OK)
        status = bg_tensor_copy(rows, outputs);
    bg_tensor_destroy(rows);
    return status == BG_OK ? 0 : output_library();
}

static int write_outputs(sink *s, const bg_tensor *outputs)
{
    int code = s->array ? keep_outputs(s, outputs) : write_rows(s, outputs);
    s->done += bg_tensor_shape(outputs).dims[0];
    return code;
}

/* ---- Running ---- */

typedef struct {
    bg_program *program;
    bg_tensor *rows;    /* its input */
    bg_tensor *numbers; /* of those rows, if the data have them */
    int64_t batch;
} batch_program;

static bg_status make_program(batch_program *made, const sink *s, bg_model *model, network_choice *choice,
                              const bg_dataset *part, int64_t batch)
{
    bg_engine *engine = bg_model_engine(model);
    bg_graph *graph = NULL;
    made->batch = batch;
    bg_status status = data_make_rows(&made->rows, engine, part, 0, batch);
    if (status == BG_OK && s->has_row_numbers)
        status = data_make_rows(&made->numbers, engine, part, bg_dataset_columns(part) - 1, batch);
    if (status == BG_OK)
        status = bg_graph_create(&graph, engine);
    if (status != BG_OK)
        return status;
    bg_node *x = bg_input(graph, "x", bg_tensor_dtype(made->rows), bg_tensor_shape(made->rows));
    bg_node *y = network_build(model, x, choice);
    status = bg_compile(&made->program, graph, &y, 1, &(bg_compile_options){ .no_updates = true });
    if (status == BG_OK)
        status = bg_program_bind(made->program, x, made->rows);
    bg_graph_destroy(graph);
    return status;
}

static void release_program(batch_program *made)
{
    bg_program_destroy(made->program);
    bg_tensor_destroy(made->rows);
    bg_tensor_destroy(made->numbers);
    *made = (batch_program){ .program = NULL };
}

/* Outputs are known in shape when the first batch has run. */
static int begin_outputs(sink *s, bg_engine *engine, const bg_tensor *outputs)
{
    bg_shape shape = bg_tensor_shape(outputs);
    s->is_f64 = bg_tensor_dtype(outputs) == BG_F64;
    s->row = (bg_shape){ .rank = shape.rank > 0 ? shape.rank - 1 : 0 };
    s->positions = s->scores = 1;
    for (int i = 0; i < s->row.rank; i++) {
        s->row.dims[i] = shape.dims[i + 1];
        *(i + 1 < s->row.rank ? &s->positions : &s->scores) *= shape.dims[i + 1];
    }
    write_header(s);
    if (s->form != FORM_NPY)
        return 0;
    shape.dims[0] = s->examples;
    return bg_tensor_create(&s->array, engine, bg_tensor_dtype(outputs), shape) == BG_OK ? 0 : output_library();
}

static int run_part(sink *s, bg_model *model, network_choice *choice, const bg_dataset *part)
{
    int64_t n = bg_dataset_size(part);
    batch_program made = { .program = NULL };
    int code = 0;
    for (int64_t start = 0; start < n && !code && !signals_caught(); start += DATA_ROWS) {
        int64_t batch = n - start < DATA_ROWS ? n - start : DATA_ROWS;
        bg_status status = BG_OK;
        if (made.batch != batch) {
            release_program(&made);
            status = make_program(&made, s, model, choice, part, batch);
        }
        if (status == BG_OK)
            status = data_read_rows(made.rows, part, 0, start);
        if (status == BG_OK && made.numbers)
            status = data_read_rows(made.numbers, part, bg_dataset_columns(part) - 1, start);
        s->row_numbers = made.numbers ? bg_tensor_const_data(made.numbers) : NULL;
        if (status == BG_OK)
            status = bg_program_run(made.program);
        if (status != BG_OK) {
            code = output_library();
            break;
        }
        const bg_tensor *outputs = bg_program_output(made.program, 0);
        if (s->done == 0)
            code = begin_outputs(s, bg_model_engine(model), outputs);
        if (!code)
            code = write_outputs(s, outputs);
    }
    release_program(&made);
    return code;
}

static int run_all(sink *s, bg_model *model, network_choice *choice, const data_parts *data)
{
    s->examples = bg_dataset_size(data->train) + bg_dataset_size(data->test);
    int code = open_sink(s);
    if (code)
        return code;
    signals_catch();
    code = run_part(s, model, choice, data->train);
    if (!code && data->test)
        code = run_part(s, model, choice, data->test);
    if (!code && signals_caught())
        code = 128 + signals_caught();
    return close_sink(s, code);
}

/* Nobody needs targets here that no option asks for: not arrays, not a table whose inputs are found by their names or
 * had their targets in a file of their own. */
static void leave_target_out(data_settings *data, const data_settings *saved, const data_settings *options)
{
    bool is_alone =
        data->kind == DATA_ARRAYS || (data->kind == DATA_CSV && (data->table.feature_names || saved->target_file));
    bool is_asked_for = options->target || options->target_file || (data->kind == DATA_ARRAYS && options->with_classes);
    if (!is_alone || is_asked_for)
        return;
    data->target = data->target_file = NULL;
    data->with_classes = false;
    data->table.without_target = true;
}

/* Each row of a table has its prediction, or is left out because an option here says so, and then it counts all the
 * same: the numbers of examples are those of the rows. */
static void keep_rows(table_settings *table, const table_settings *options)
{
    bool drops = table->missing && strcmp(table->missing, "drop") == 0;
    if (drops && !options->missing)
        table->missing = NULL;
    table->with_row_numbers = drops && options->missing;
}

int predict_data(const predict_config *config, bg_engine *engine, const bg_archive *archive,
                 const checkpoint_about *about)
{
    sink s = { .config = config };
    predict_config filled = *config;
    int code = choose_form(&s);
    if (!code)
        code = data_like_checkpoint(&filled.data, &about->data, &config->common);
    if (code)
        return code;
    /* All examples in their order: nothing is held out that has no file of its own. */
    if (filled.data.kind != DATA_MNIST && filled.data.kind != DATA_CIFAR)
        filled.data.test_share = 0;
    parts_hold_nothing_out(&filled.data.parts);
    leave_target_out(&filled.data, &about->data, &config->data);
    keep_rows(&filled.data.table, &config->data.table);
    data_parts data;
    bg_model *model = NULL;
    code = data_load(&data, engine, &filled.data, NULL);
    if (code)
        return code;
    s.has_classes = bg_dataset_classes(data.train) > 0 || about->data.with_classes;
    s.class_names = table_split_names(s.has_classes ? about->data.table.class_names : NULL);
    while (s.class_names && s.class_names[s.class_count])
        s.class_count++;
    s.has_row_numbers = filled.data.table.with_row_numbers;
    network_choice choice = { .model = about->model };
    code = checkpoint_make_model(&model, config->checkpoint, archive, engine, about->data.dtype, &choice,
                                 filled.data.name, data_inputs(data.train));
    if (!code)
        code = run_all(&s, model, &choice, &data);
    bg_model_destroy(model);
    data_release(&data);
    free(s.class_names);
    return code;
}
