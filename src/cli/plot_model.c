/* Pictures of a trained network: the checkpoint of a run, and what it predicts. */
#define _POSIX_C_SOURCE 200809L
#include "plot_model.h"

#include "commands.h"
#include "output.h"

#include <blasgrad/program.h>

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int find_checkpoint(char path[CHECKPOINT_PATH_BYTES], const char *run)
{
    struct stat about;
    if (stat(run, &about) != 0)
        return output_failure("%s: %s", run, strerror(errno));
    if (!S_ISDIR(about.st_mode))
        return output_failure("%s: a file; this picture is drawn of a run directory, as `blasgrad train --out DIR' "
                              "makes it",
                              run);
    if (!checkpoint_of_run(path, run))
        return output_failure("%s: no run with a checkpoint: it has neither best.safetensors nor last.safetensors, "
                              "which `blasgrad train --out DIR' writes",
                              run);
    return EXIT_DONE;
}

/* ---- Predictions ---- */

void predictions_describe(const predictions *p, char *text, size_t capacity)
{
    snprintf(text, capacity, "%.80s, %lld %sexample%s", p->data, (long long)p->n, p->part_name, p->n == 1 ? "" : "s");
}

static int64_t largest(const bg_tensor *scores, int64_t row, int64_t count)
{
    int64_t best = 0;
    double best_score = 0, score = 0;
    for (int64_t i = 0; i < count; i++) {
        (void)bg_tensor_item(scores, row * count + i, &score);
        if (i == 0 || score > best_score || (isnan(score) && !isnan(best_score))) {
            best = i;
            best_score = score;
        }
    }
    return best;
}

static bg_status predict_batch(predictions *p, bg_program *program, bg_tensor *rows, int64_t start)
{
    int64_t batch = bg_tensor_shape(rows).dims[0];
    bg_status status = data_read_rows(rows, p->part, 0, start);
    if (status == BG_OK)
        status = bg_program_run(program);
    if (status != BG_OK)
        return status;
    const bg_tensor *scores = bg_program_output(program, 0);
    for (int64_t i = 0; i < batch; i++)
        p->predicted[start + i] = (int32_t)largest(scores, i, bg_tensor_shape(scores).dims[1]);
    return BG_OK;
}

/* Examples from start on, `batch` at a time, as long as there are as many. Returns the place behind them. */
static int64_t predict_batches(predictions *p, bg_model *model, network_choice *choice, int64_t start, int64_t batch,
                               int *code)
{
    bg_engine *engine = bg_model_engine(model);
    bg_graph *graph = NULL;
    bg_program *program = NULL;
    bg_tensor *rows = NULL;
    bg_status status = data_make_rows(&rows, engine, p->part, 0, batch);
    if (status == BG_OK)
        status = bg_graph_create(&graph, engine);
    if (status == BG_OK) {
        bg_node *x = bg_input(graph, "x", bg_tensor_dtype(rows), bg_tensor_shape(rows));
        bg_node *scores = network_build(model, x, choice);
        status = bg_compile(&program, graph, &scores, 1, &(bg_compile_options){ .no_updates = true });
        if (status == BG_OK && bg_node_shape(scores).rank == 2 && bg_node_shape(scores).dims[1] > p->classes)
            p->classes = bg_node_shape(scores).dims[1];
        else if (status == BG_OK && bg_node_shape(scores).rank != 2)
            status = bg_fail(BG_ERR_SHAPE, "\"%s\" gives no row of scores for an example", choice->model);
        if (status == BG_OK)
            status = bg_program_bind(program, x, rows);
    }
    for (; status == BG_OK && start + batch <= p->n; start += batch)
        status = predict_batch(p, program, rows, start);
    bg_program_destroy(program);
    bg_graph_destroy(graph);
    bg_tensor_destroy(rows);
    if (status != BG_OK)
        *code = output_library();
    return start;
}

typedef struct {
    predictions *p;
    int64_t done;
    double wrong; /* a number that is no class, if one ended this */
    bool is_wrong;
} class_reader;

static bool take_class(void *user, double number)
{
    class_reader *r = user;
    r->is_wrong = !(number >= 0 && number < (double)r->p->classes);
    r->wrong = number;
    if (!r->is_wrong)
        r->p->actual[r->done++] = (int32_t)number;
    return !r->is_wrong;
}

static int read_classes(predictions *p)
{
    class_reader r = { .p = p };
    if (data_each_number(p->engine, p->part, 1, take_class, &r) != BG_OK)
        return output_library();
    return r.is_wrong ? output_failure("%s: example %lld has the class %g of %lld", p->data, (long long)r.done, r.wrong,
                                       (long long)p->classes)
                      : EXIT_DONE;
}

static int predict(predictions *p, bg_model *model, network_choice *choice)
{
    p->actual = calloc((size_t)p->n + 1, sizeof *p->actual);
    p->predicted = calloc((size_t)p->n + 1, sizeof *p->predicted);
    if (!p->actual || !p->predicted)
        return output_failure("out of memory");
    int code = read_classes(p);
    int64_t done = code ? p->n : 0;
    while (!code && done < p->n)
        done = predict_batches(p, model, choice, done, p->n - done < DATA_ROWS ? p->n - done : DATA_ROWS, &code);
    return code;
}

/* ---- Pictures ---- */

static int check_classes(const predictions *p, const char *path)
{
    if (p->classes == 0)
        return output_failure("%s: a network for numbers; this picture needs data with classes", path);
    if (bg_dataset_shape(p->part, 1).rank != 1)
        return output_failure("%s: a network for texts; this picture needs examples of one class each", path);
    return EXIT_DONE;
}

static int plot_predictions(model_picture kind, const char *path, const bg_archive *archive, bg_engine *engine,
                            const checkpoint_about *about, const char *picture)
{
    data_settings settings = { .test_share = -1 };
    data_parts data = { .train = NULL };
    bg_model *model = NULL;
    predictions p = { .part_name = "" };
    network_choice choice = { .model = about->model };
    int code = data_like_checkpoint(&settings, &about->data, &(common_options){ .threads = 0 });
    /* Components are no images: the network projects then, and these are what the data have. */
    parts_settings run = settings.parts;
    bool is_in_network = parts_projects(&run);
    if (is_in_network)
        parts_take_transform(&settings.parts, &(parts_settings){ .scale = NULL });
    if (!code)
        code = data_load(&data, engine, &settings, NULL);
    if (!code && is_in_network)
        code = transform_take(&choice.transform, engine, settings.name, data_inputs(data.train).shape, &run);
    if (!code) {
        p.data = settings.name;
        p.engine = engine;
        p.part = data.test ? data.test : (data.validation ? data.validation : data.train);
        p.part_name = data.test ? "test " : (data.validation ? "validation " : "");
        p.n = bg_dataset_size(p.part);
        p.classes = bg_dataset_classes(p.part);
        code = check_classes(&p, path);
    }
    if (!code)
        code = checkpoint_make_model(&model, path, archive, engine, about->data.dtype, &choice, settings.name,
                                     data_inputs(p.part));
    if (!code)
        code = predict(&p, model, &choice);
    if (!code)
        code = kind == PICTURE_WRONG ? plot_wrong(&p, picture) : plot_confusion(&p, picture);
    transform_release(&choice.transform);
    free(p.actual);
    free(p.predicted);
    bg_model_destroy(model);
    data_release(&data);
    return code;
}

/* Those of components would be drawn as if they were pixels. */
static int check_filters(const char *path, const parts_settings *parts)
{
    bool are_images = !parts_projects(parts) || (parts->whiten && strcmp(parts->whiten, "zca") == 0);
    return are_images ? EXIT_DONE
                      : output_failure("%s: the weights of its first layer are of principal components (%s), which are "
                                       "no images",
                                       path, parts->pca ? "--pca" : "--whiten");
}

int plot_model(model_picture kind, const char *run, const char *picture)
{
    char path[CHECKPOINT_PATH_BYTES];
    bg_engine *engine = NULL;
    bg_archive *archive = NULL;
    checkpoint_about about;
    int code = find_checkpoint(path, run);
    if (!code && bg_engine_create(&engine, NULL) != BG_OK)
        code = output_library();
    if (!code)
        code = checkpoint_load(path, engine, &archive, &about);
    if (!code)
        code = checkpoint_check(path, &about);
    if (!code)
        code = kind == PICTURE_FILTERS ? check_filters(path, &about.data.parts) : 0;
    if (!code)
        code = kind == PICTURE_FILTERS ? plot_filters(archive, path, picture)
                                       : plot_predictions(kind, path, archive, engine, &about, picture);
    bg_archive_destroy(archive);
    bg_engine_destroy(engine);
    return code;
}
