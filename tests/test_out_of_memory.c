/* Running out of memory is a status wherever it happens: nothing leaks, nothing has changed, and the next try succeeds.
 */
#define _POSIX_C_SOURCE 200809L
#include "support/libc_memory.h"

#include "support/counting.h"
#include "support/expect.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <unistd.h>

static bg_node *mlp(bg_model *model, bg_node *x, void *user) { return bg_layers(model, user, x); }

static bg_dataset *classes_data(bg_engine *engine, bg_dtype dtype, int64_t n, int64_t features)
{
    bg_tensor *columns[2] = { NULL, NULL };
    bg_dataset *data = NULL;
    if (!bg_tensor_create(&columns[0], engine, dtype, BG_SHAPE(n, features)) &&
        !bg_tensor_create(&columns[1], engine, BG_I64, BG_SHAPE(n))) {
        void *values = bg_tensor_data(columns[0]);
        int64_t *classes = bg_tensor_data(columns[1]);
        for (int64_t i = 0; i < n * features; i++)
            if (dtype == BG_F64)
                ((double *)values)[i] = sin((double)(i % 97));
            else
                ((float *)values)[i] = (float)sin((double)(i % 97));
        for (int64_t i = 0; i < n; i++)
            classes[i] = i % 3;
        (void)bg_dataset_create(&data, columns, 2, 3);
    }
    bg_tensor_destroy(columns[0]);
    bg_tensor_destroy(columns[1]);
    return data;
}

/* ---- Scenarios ----
 * A scenario is a list of stages over one cycle. A stage that fails leaves the cycle as it was and can be tried again.
 */

enum { MOST_TENSORS = 12, MOST_STAGES = 14 };

typedef struct {
    counting counter;
    bool uses_default; /* the C library's allocator, not the counter's */
    bg_engine *engine;
    bg_tensor *tensors[MOST_TENSORS];
    bg_graph *graph;
    bg_node *x, *y, *outputs[4];
    int n_outputs;
    bg_program *program;
    bg_model *model, *second_model;
    bg_dataset *data[3];
    bg_trainer *trainer;
    bg_archive *archive, *loaded;
    uint64_t hash; /* of results as they come */
} cycle;

typedef bg_status stage(cycle *c);

typedef struct {
    const char *name;
    stage *stages[MOST_STAGES];
} scenario;

static char folder[256];

static const char *path_of(const char *name)
{
    static char path[600];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

/* -- engine, tensors -- */

static bg_status make_engine(cycle *c, int threads)
{
    bg_engine_options options = { .threads = threads, .seed = 7 };
    if (!c->uses_default)
        options.allocator = counting_allocator(&c->counter);
    return bg_engine_create(&c->engine, &options);
}
static bg_status engine_1(cycle *c) { return make_engine(c, 1); }
static bg_status engine_2(cycle *c) { return make_engine(c, 2); }

/* Creates tensor i, unless it is there from an earlier try. */
static bg_status make_tensor(cycle *c, int i, bg_dtype dtype, bg_shape shape)
{
    if (c->tensors[i])
        return BG_OK;
    bg_status status = bg_tensor_create(&c->tensors[i], c->engine, dtype, shape);
    for (int64_t k = 0; k < bg_shape_count(shape) && !status; k++)
        if (dtype == BG_F64)
            ((double *)bg_tensor_data(c->tensors[i]))[k] = cos((double)(k * k + i));
        else if (dtype == BG_F32)
            ((float *)bg_tensor_data(c->tensors[i]))[k] = (float)cos((double)(k + i));
        else if (dtype == BG_I64)
            ((int64_t *)bg_tensor_data(c->tensors[i]))[k] = k % 3;
    return status;
}

/* x, classes, and two layers with their moments. */
static bg_status mlp_tensors(cycle *c)
{
    static const struct {
        bg_dtype dtype;
        bg_shape shape;
    } made[] = { { BG_F32, { 2, { 30, 20 } } }, { BG_I64, { 1, { 30 } } },    { BG_F32, { 2, { 40, 20 } } },
                 { BG_F32, { 2, { 40, 20 } } }, { BG_F32, { 2, { 3, 40 } } }, { BG_F32, { 2, { 3, 40 } } } };
    bg_status status = BG_OK;
    for (int i = 0; i < 6 && !status; i++)
        status = make_tensor(c, i, made[i].dtype, made[i].shape);
    return status;
}

static bg_status views(cycle *c)
{
    bg_status status = make_tensor(c, 0, BG_F64, BG_SHAPE(6, 8));
    if (!status && !c->tensors[1])
        status = bg_tensor_slice(&c->tensors[1], c->tensors[0], 1, 1, 8, 2);
    if (!status && !c->tensors[2])
        status = bg_tensor_permute(&c->tensors[2], c->tensors[1], BG_AXES(1, 0));
    if (!status && !c->tensors[3])
        status = bg_tensor_reshape(&c->tensors[3], c->tensors[0], BG_SHAPE(4, 12));
    if (!status && !c->tensors[4])
        status = bg_tensor_expand(&c->tensors[4], c->tensors[2], BG_SHAPE(3, 4, 6));
    if (!status)
        status = make_tensor(c, 5, BG_F64, BG_SHAPE(4, 6));
    return status ? status : bg_tensor_copy(c->tensors[5], c->tensors[2]);
}
static bg_status wrapped(cycle *c)
{
    static double memory[24];
    return bg_tensor_wrap(&c->tensors[6], c->engine, BG_F64, BG_SHAPE(24), memory);
}

/* -- graphs -- */

/* Takes a graph that may have failed: keeps it if all is well. */
static bg_status finish_graph(cycle *c)
{
    bg_status status = bg_graph_status(c->graph);
    for (int i = 0; i < c->n_outputs && !status; i++)
        status = c->outputs[i] ? BG_OK : BG_ERR_ARGUMENT;
    if (status) {
        bg_graph_destroy(c->graph);
        c->graph = NULL;
    }
    return status;
}
static bg_status mlp_graph(cycle *c)
{
    bg_status status = bg_graph_create(&c->graph, c->engine);
    if (status)
        return status;
    c->x = bg_input(c->graph, "x", BG_F32, BG_SHAPE(30, 20));
    c->y = bg_input(c->graph, "y", BG_I64, BG_SHAPE(30));
    bg_node *w[2] = { bg_parameter(c->graph, c->tensors[2]), bg_parameter(c->graph, c->tensors[4]) }, *d[2];
    bg_node *v[2] = { bg_buffer(c->graph, c->tensors[3]), bg_buffer(c->graph, c->tensors[5]) };
    bg_node *loss = bg_cross_entropy_loss(bg_linear(bg_gelu(bg_linear(c->x, w[0], NULL)), w[1], NULL), c->y, BG_MEAN);
    if (!loss || bg_grad(loss, w, 2, d) == BG_OK)
        for (int i = 0; i < 2 && loss; i++) {
            bg_update(v[i], bg_add(bg_mul_scalar(v[i], 0.9), d[i]));
            bg_update(w[i], bg_sub(w[i], bg_mul_scalar(bg_updated(v[i]), 0.1)));
        }
    c->outputs[0] = loss;
    c->n_outputs = 1;
    return finish_graph(c);
}
/* Second derivatives through many kinds of ops. */
static bg_status deep_graph(cycle *c)
{
    bg_status status = make_tensor(c, 0, BG_F64, BG_SHAPE(4, 6));
    if (!status)
        status = bg_graph_create(&c->graph, c->engine);
    if (status)
        return status;
    bg_node *p = bg_parameter(c->graph, c->tensors[0]), *dp = NULL, *ddp = NULL;
    bg_node *parts[] = { bg_slice(p, 0, 0, 2, 1), bg_slice(p, 0, 1, 4, 1) };
    bg_node *x = bg_softmax(bg_matmul(bg_concat(parts, 2, 0), bg_transpose(p, 0, 1)), -1);
    x = bg_add(bg_log_softmax(bg_sigmoid(x), 1), bg_sqrt(bg_add_scalar(bg_square(x), 1)));
    x = bg_mean(bg_mul(x, bg_tanh(bg_max(x, BG_AXES(0)))), BG_ALL_AXES);
    if (x && !bg_grad(x, &p, 1, &dp) && dp) {
        bg_node *norm = bg_sum(bg_square(dp), BG_ALL_AXES);
        if (norm && !bg_grad(norm, &p, 1, &ddp))
            bg_update(p, bg_sub(p, bg_mul_scalar(ddp, 0.01)));
    }
    c->outputs[0] = x;
    c->outputs[1] = dp;
    c->outputs[2] = ddp;
    c->n_outputs = 3;
    return finish_graph(c);
}
/* Leaves of any strides, whose order of updates cannot be had without copies. */
static bg_status swap_graph(cycle *c)
{
    bg_status status = bg_graph_create(&c->graph, c->engine);
    if (status)
        return status;
    c->x = bg_input(c->graph, "x", BG_F64, BG_SHAPE(6, 4));
    bg_node *a = bg_parameter(c->graph, c->tensors[5]), *b = bg_buffer(c->graph, c->tensors[2]);
    bg_update(a, b);
    bg_update(b, bg_add(a, bg_transpose(c->x, 0, 1)));
    bg_node *constant = bg_constant(c->graph, c->tensors[4]);
    c->outputs[0] = a;
    c->outputs[1] = bg_add(constant, a);
    c->outputs[2] = bg_broadcast(bg_scalar(c->graph, BG_F64, 3), BG_SHAPE(5, 5));
    c->outputs[3] = bg_sum(c->outputs[1], BG_AXES(1));
    c->n_outputs = 4;
    return finish_graph(c);
}
static bg_status wide_graph(cycle *c)
{
    bg_status status = make_tensor(c, 0, BG_F32, BG_SHAPE(3, 2));
    if (!status)
        status = bg_graph_create(&c->graph, c->engine);
    if (status)
        return status;
    enum { MANY = 70 };
    bg_node *parts[MANY], *p = bg_parameter(c->graph, c->tensors[0]), *dp = NULL;
    for (int i = 0; i < MANY; i++)
        parts[i] = bg_mul_scalar(p, i);
    bg_node *all = bg_sum(bg_concat(parts, MANY, 1), BG_ALL_AXES);
    if (all && !bg_grad(all, &p, 1, &dp))
        bg_update(p, bg_sub(p, bg_mul_scalar(dp, 1e-4)));
    c->outputs[0] = all;
    c->outputs[1] = bg_concat(parts, MANY, 0);
    c->n_outputs = 2;
    return finish_graph(c);
}
static bg_status own_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    *dtype = bg_node_dtype(bg_node_input(node, 0));
    *shape = bg_node_shape(bg_node_input(node, 0));
    return BG_OK;
}
static bg_status own_call(const bg_call *call)
{
    const double *x = call->inputs[0];
    double *y = call->output;
    for (int64_t i = 0; i < bg_shape_count(bg_node_shape(call->node)); i++)
        y[i] = x[i] + 1;
    return BG_OK;
}
static const bg_op own_op = { .name = "own", .arity = 1, .infer = own_infer, .call = own_call };
static bg_status own_graph(cycle *c)
{
    bg_status status = make_tensor(c, 0, BG_F64, BG_SHAPE(3, 2));
    if (!status)
        status = bg_graph_create(&c->graph, c->engine);
    if (status)
        return status;
    bg_node *p = bg_parameter(c->graph, c->tensors[0]), *swapped = bg_transpose(p, 0, 1);
    bg_node *y = bg_apply(&own_op, &swapped, 1, "attribute", 9);
    bg_update(p, bg_transpose(bg_apply(&own_op, &y, 1, NULL, 0), 0, 1));
    c->outputs[0] = y;
    c->n_outputs = 1;
    return finish_graph(c);
}

static bg_status compile(cycle *c) { return bg_compile(&c->program, c->graph, c->outputs, (size_t)c->n_outputs, NULL); }
static bg_status drop_graph(cycle *c)
{
    bg_program_destroy(c->program);
    bg_graph_destroy(c->graph);
    c->program = NULL;
    c->graph = NULL;
    return BG_OK;
}
static bg_status bind_mlp(cycle *c)
{
    bg_status status = bg_program_bind(c->program, c->x, c->tensors[0]);
    return status ? status : bg_program_bind(c->program, c->y, c->tensors[1]);
}
static bg_status bind_view(cycle *c)
{
    bg_status status = make_tensor(c, 7, BG_F64, BG_SHAPE(4, 6));
    if (!status && !c->tensors[8])
        status = bg_tensor_permute(&c->tensors[8], c->tensors[7], BG_AXES(1, 0));
    return status ? status : bg_program_bind(c->program, c->x, c->tensors[8]);
}
static bg_status run(cycle *c)
{
    bg_status status = bg_program_run(c->program);
    for (int i = 0; i < c->n_outputs && !status; i++)
        c->hash = hash_tensor(c->hash, bg_program_output(c->program, (size_t)i));
    return status;
}

/* -- models, data, training -- */

static bg_status model_f32(cycle *c) { return bg_model_create(&c->model, c->engine, BG_F32); }
static bg_status model_f64(cycle *c) { return bg_model_create(&c->model, c->engine, BG_F64); }
static bg_status model_graph(cycle *c)
{
    bg_status status = make_tensor(c, 0, BG_F32, BG_SHAPE(30, 20));
    if (!status)
        status = make_tensor(c, 1, BG_I64, BG_SHAPE(30));
    if (!status)
        status = bg_graph_create(&c->graph, c->engine);
    if (status)
        return status;
    c->x = bg_input(c->graph, "x", BG_F32, BG_SHAPE(30, 20));
    c->y = bg_input(c->graph, "y", BG_I64, BG_SHAPE(30));
    bg_node *rate = bg_scalar(c->graph, BG_F32, 0.1), *step = bg_scalar(c->graph, BG_F32, 0);
    bg_node *h = bg_activation("relu", bg_dense(c->model, "one", c->x, 16));
    h = bg_dense_with(c->model, "two", h, 3, &(bg_dense_options){ .without_bias = true });
    bg_node *count = bg_model_buffer(c->model, c->graph, "count", BG_F32, BG_SCALAR, (bg_init){ .kind = BG_INIT_ONES });
    bg_update(count, count ? bg_add_scalar(count, 1) : NULL);
    c->outputs[0] = bg_cross_entropy_loss(h, c->y, BG_MEAN);
    c->n_outputs = 1;
    bg_optimizer sgd = bg_sgd(0.1, 0.9);
    status = bg_graph_status(c->graph);
    if (!status)
        status = bg_optimizer_apply(&sgd, c->model, c->outputs[0], rate, step);
    if (status) {
        bg_graph_destroy(c->graph);
        c->graph = NULL;
        return status;
    }
    return finish_graph(c);
}
static bg_status model_copies(cycle *c)
{
    bg_status status = c->second_model ? BG_OK : bg_model_create(&c->second_model, c->engine, BG_F32);
    for (size_t i = 0; i < bg_model_count(c->model) && !status; i++)
        status = bg_model_set(c->second_model, bg_model_name(c->model, i), bg_model_tensor(c->model, i),
                              bg_model_is_parameter(c->model, i));
    return status;
}
static bg_status some_data(cycle *c)
{
    c->data[0] = classes_data(c->engine, BG_F32, 25, 12);
    return c->data[0] ? BG_OK : BG_ERR_NOMEM;
}
static bg_status split_data(cycle *c)
{
    bg_status status = bg_dataset_split(&c->data[1], &c->data[2], c->data[0], 18, 5);
    if (!status)
        c->hash = hash_tensor(c->hash, bg_dataset_column(c->data[1], 0));
    return status;
}
static bg_status slice_data(cycle *c)
{
    bg_status status = c->data[1] ? BG_OK : bg_dataset_slice(&c->data[1], c->data[0], 3, 20);
    return status ? status : bg_dataset_slice(&c->data[2], c->data[0], 20, 25);
}
static bg_status builtin(cycle *c, const char *name)
{
    bg_status status = bg_data_builtin(&c->data[0], c->engine, name, &(bg_data_options){ .count = 8, .seed = 3 });
    for (int i = 0; i < 2 && !status; i++)
        c->hash = hash_tensor(c->hash, bg_dataset_column(c->data[0], i));
    return status;
}
static bg_status lecture(cycle *c) { return builtin(c, "lecture"); }
static bg_status digits(cycle *c) { return builtin(c, "digits"); }
static bg_status strokes(cycle *c) { return builtin(c, "strokes"); }
static bg_status trainer(cycle *c)
{
    static char line[] = "dense:9 relu dense:3";
    bg_trainer_options options = { .network = mlp,
                                   .user = line,
                                   .loss = bg_cross_entropy_loss,
                                   .optimizer = bg_sgd(0.1, 0.9),
                                   .batch = 7,
                                   .epochs = 2 };
    return bg_trainer_create(&c->trainer, c->model, &options);
}
static bool go_on(bg_trainer *t, const bg_progress *progress, void *user)
{
    (void)t;
    (void)progress;
    (void)user;
    return true;
}
static bg_status fit(cycle *c) { return bg_trainer_fit(c->trainer, c->data[1], c->data[2], go_on, NULL); }
static bg_status evaluate(cycle *c)
{
    bg_metrics metrics;
    bg_status status = bg_trainer_evaluate(c->trainer, c->data[2], &metrics);
    if (!status)
        c->hash = hash_bytes(c->hash, &metrics.loss, sizeof metrics.loss);
    return status;
}
static bg_status least_squares(cycle *c)
{
    bg_status status = make_tensor(c, 0, BG_F64, BG_SHAPE(9, 3));
    if (!status)
        status = make_tensor(c, 1, BG_F64, BG_SHAPE(9, 2));
    return status ? status : bg_lstsq(&c->tensors[2], c->tensors[0], c->tensors[1]);
}

/* -- files -- */

static bg_status fill_archive(cycle *c)
{
    static const char *const names[] = { "x", "classes", "one.weight", "one.moment", "two.weight", "two.moment" };
    bg_status status = c->archive ? BG_OK : bg_archive_create(&c->archive, c->engine);
    for (int i = (int)bg_archive_count(c->archive); i < 6 && !status; i++)
        status = bg_archive_add(c->archive, names[i], c->tensors[i]);
    if (!status && !bg_archive_text(c->archive, "model"))
        status = bg_archive_add_text(c->archive, "model", "dense:40 gelu dense:3");
    return status;
}
static bg_status save(cycle *c) { return bg_archive_save(c->archive, path_of("saved.safetensors")); }
static bg_status load(cycle *c)
{
    bg_status status = bg_archive_load(&c->loaded, c->engine, path_of("saved.safetensors"));
    for (size_t i = 0; i < 6 && !status; i++)
        c->hash = hash_tensor(c->hash, bg_archive_tensor(c->loaded, i));
    return status;
}
static bg_status read_table(cycle *c, const char *name)
{
    bg_status status = bg_data_read_csv(&c->data[0], c->engine, path_of(name),
                                        &(bg_data_options){ .dtype = BG_F64, .delimiter = ';', .decimal = ',' });
    for (int i = 0; i < 2 && !status; i++)
        c->hash = hash_tensor(c->hash, bg_dataset_column(c->data[0], i));
    return status;
}
static bg_status read_csv(cycle *c) { return read_table(c, "table.csv"); }
static bg_status read_compressed_csv(cycle *c) { return read_table(c, "table.csv.gz"); }
static bg_status read_mnist(cycle *c)
{
    bg_status status = bg_data_read_mnist(&c->data[0], &c->data[1], c->engine, folder, NULL);
    for (int i = 0; i < 2 && !status; i++)
        c->hash = hash_tensor(c->hash, bg_dataset_column(c->data[i], i));
    return status;
}
static bg_status read_idx(cycle *c)
{
    return bg_data_read_idx(&c->tensors[0], c->engine, path_of("t10k-images-idx3-ubyte"));
}

static void put_file(const char *name, const void *data, size_t bytes)
{
    FILE *file = fopen(path_of(name), "wb");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(data, 1, bytes, file), bytes);
    ck_assert_int_eq(fclose(file), 0);
}
static void make_files(void)
{
    enum { N = 20, SIDE = 4 };
    static const char table[] = "a;\"b;c\";y\n1,5;2;3\n-1;0,25;4\n7;8;\"9\"\n";
    static const unsigned char compressed[] = { 31,  139, 8,   0,   0,   0,   0,   0,   2,   3,   75, 180, 86,  74,
                                                178, 78,  86,  178, 174, 228, 50,  212, 49,  181, 54, 178, 54,  230,
                                                210, 53,  180, 54,  208, 49,  50,  181, 54,  225, 50, 183, 182, 176,
                                                86,  178, 84,  226, 2,   0,   227, 191, 173, 240, 36, 0,   0,   0 };
    unsigned char images[16 + N * SIDE * SIDE] = { 0, 0, 8, 3, 0, 0, 0, N, 0, 0, 0, SIDE, 0, 0, 0, SIDE };
    unsigned char labels[8 + N] = { 0, 0, 8, 1, 0, 0, 0, N };
    for (size_t i = 16; i < sizeof images; i++)
        images[i] = (unsigned char)(i * 37);
    for (size_t i = 8; i < sizeof labels; i++)
        labels[i] = (unsigned char)(i % 10);
    const char *parent = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/blasgrad-XXXXXX", parent ? parent : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    put_file("table.csv", table, sizeof table - 1);
    put_file("table.csv.gz", compressed, sizeof compressed); /* the same table */
    put_file("t10k-images-idx3-ubyte", images, sizeof images);
    put_file("t10k-labels-idx1-ubyte", labels, sizeof labels);
}
/* Removes the folder; the number of files that lay there. */
static int count_files(bool removes)
{
    int n = 0;
    DIR *listing = opendir(folder);
    ck_assert_ptr_nonnull(listing);
    for (const struct dirent *entry; (entry = readdir(listing));)
        if (entry->d_name[0] != '.' || strlen(entry->d_name) > 2) {
            n++;
            if (removes)
                (void)unlink(path_of(entry->d_name));
        }
    (void)closedir(listing);
    if (removes)
        (void)rmdir(folder);
    return n;
}

static const scenario scenarios[] = {
    { "engine", { engine_1 } },
    { "engine of two threads", { engine_2 } },
    { "tensors and views", { engine_1, views, wrapped } },
    { "training step", { engine_1, mlp_tensors, mlp_graph, compile, bind_mlp, run, run } },
    { "training step on two threads", { engine_2, mlp_tensors, mlp_graph, compile, bind_mlp, run, run } },
    { "two programs",
      { engine_1, mlp_tensors, mlp_graph, compile, bind_mlp, run, drop_graph, mlp_graph, compile, bind_mlp, run } },
    { "second derivatives", { engine_1, deep_graph, compile, run, run } },
    { "swap of views", { engine_1, views, swap_graph, compile, bind_view, run, run } },
    { "many inputs", { engine_1, wide_graph, compile, run, run } },
    { "op of the user", { engine_1, own_graph, compile, run } },
    { "model", { engine_1, model_f32, model_graph, compile, bind_mlp, run, model_copies } },
    { "model, built twice",
      { engine_1, model_f32, model_graph, compile, drop_graph, model_graph, compile, bind_mlp, run } },
    { "data set", { engine_1, some_data, split_data } },
    { "slices of a data set", { engine_1, some_data, slice_data } },
    { "trainer", { engine_1, some_data, split_data, model_f32, trainer, fit, evaluate } },
    { "trainer on two threads", { engine_2, some_data, slice_data, model_f32, trainer, fit, fit, evaluate } },
    { "lecture", { engine_1, lecture } },
    { "digits", { engine_1, digits } },
    { "strokes", { engine_1, strokes } },
    { "least squares", { engine_1, least_squares, model_f64 } },
    { "archive", { engine_1, mlp_tensors, fill_archive, save, load } },
    { "CSV", { engine_1, read_csv } },
    { "compressed CSV", { engine_1, read_compressed_csv } },
    { "IDX", { engine_1, read_idx } },
    { "MNIST", { engine_1, read_mnist } },
};
enum { N_SCENARIOS = sizeof scenarios / sizeof *scenarios };

/* -- the loop -- */

/* Of everything that lasts in the cycle. */
static uint64_t state_of(const cycle *c)
{
    uint64_t hash = c->hash;
    for (int i = 0; i < MOST_TENSORS; i++)
        if (c->tensors[i])
            hash = hash_tensor(hash, c->tensors[i]);
    for (size_t i = 0; i < bg_model_count(c->model); i++)
        hash = hash_tensor(hash_bytes(hash, bg_model_name(c->model, i), 1), bg_model_tensor(c->model, i));
    for (size_t i = 0; i < bg_model_count(c->second_model); i++)
        hash = hash_tensor(hash, bg_model_tensor(c->second_model, i));
    return hash;
}

/* The tensors that were there before a stage, in case it fails: it may have added some, but changed none. */
typedef struct {
    uint64_t tensors[MOST_TENSORS], model[16];
    bool is_there[MOST_TENSORS];
    size_t n_model;
} snapshot;

static void look_at(snapshot *s, const cycle *c)
{
    for (int i = 0; i < MOST_TENSORS; i++) {
        s->is_there[i] = c->tensors[i] != NULL;
        s->tensors[i] = c->tensors[i] ? hash_tensor(0, c->tensors[i]) : 0;
    }
    s->n_model = bg_model_count(c->model);
    ck_assert_uint_le(s->n_model, 16);
    for (size_t i = 0; i < s->n_model; i++)
        s->model[i] = hash_tensor(0, bg_model_tensor(c->model, i));
}
static bool is_unchanged(const snapshot *s, const cycle *c)
{
    for (int i = 0; i < MOST_TENSORS; i++)
        if (s->is_there[i] && s->tensors[i] != hash_tensor(0, c->tensors[i]))
            return false;
    for (size_t i = 0; i < s->n_model; i++)
        if (s->model[i] != hash_tensor(0, bg_model_tensor(c->model, i)))
            return false;
    return true;
}

static void clean_up(cycle *c)
{
    bg_trainer_destroy(c->trainer);
    bg_archive_destroy(c->archive);
    bg_archive_destroy(c->loaded);
    bg_program_destroy(c->program);
    bg_graph_destroy(c->graph);
    bg_model_destroy(c->model);
    bg_model_destroy(c->second_model);
    for (int i = 0; i < 3; i++)
        bg_dataset_destroy(c->data[i]);
    for (int i = 0; i < MOST_TENSORS; i++)
        bg_tensor_destroy(c->tensors[i]);
    bg_engine_destroy(c->engine);
}

/* What happens when a stage fails. */
typedef enum {
    ONCE,       /* one allocation fails; the stage is tried again */
    UNTIL_HERE, /* all fail from there on, the stage fails a second time, then there is memory again */
    END         /* all fail from there on, and everything is destroyed */
} manner;

static const char *const manners[] = { "once", "for a while", "for good" };

/* Runs a scenario in which allocation fail_at fails; 0: none. The hash of all results, or 0 if it ended early. */
static uint64_t play(const scenario *s, manner how, long long fail_at, long long *calls)
{
    cycle c = { .counter = { .fail_at = fail_at, .is_sticky = how != ONCE } };
    uint64_t result = 0;
    bool ends = false;
    for (int i = 0; i < MOST_STAGES && s->stages[i] && !ends; i++) {
        snapshot before;
        look_at(&before, &c);
        long long failures = c.counter.failures;
        bg_status status = s->stages[i](&c);
        if (status) {
            ck_assert_msg(status == BG_ERR_NOMEM && c.counter.failures > 0,
                          "%s: stage %d with allocation %lld failing %s: %s: %s", s->name, i, fail_at, manners[how],
                          bg_status_name(status), bg_last_error());
            ck_assert_msg(strstr(bg_last_error(), "memory"), "%s: message \"%s\"", s->name, bg_last_error());
            ck_assert_msg(is_unchanged(&before, &c), "%s: stage %d changed something, with allocation %lld failing %s",
                          s->name, i, fail_at, manners[how]);
            if (how == UNTIL_HERE) {
                ck_assert_int_eq(s->stages[i](&c), BG_ERR_NOMEM);
                ck_assert_msg(is_unchanged(&before, &c), "%s: stage %d changed something at the second try", s->name,
                              i);
                c.counter.fail_at = 0;
            }
            ends = how == END;
            status = ends ? BG_OK : s->stages[i](&c);
            ck_assert_msg(status == BG_OK, "%s: stage %d after allocation %lld failed %s: %s: %s", s->name, i, fail_at,
                          manners[how], bg_status_name(status), bg_last_error());
        } else {
            ck_assert_msg(c.counter.failures == failures, "%s: stage %d did not notice that allocation %lld failed %s",
                          s->name, i, fail_at, manners[how]);
        }
    }
    if (!ends)
        result = state_of(&c);
    if (calls)
        *calls = c.counter.calls;
    clean_up(&c);
    ck_assert_msg(c.counter.live == 0 && c.counter.wrong == 0,
                  "%s: with allocation %lld failing %s: %lld blocks leaked, %lld given back wrongly", s->name, fail_at,
                  manners[how], (long long)c.counter.live, (long long)c.counter.wrong);
    return result;
}

START_TEST(test_failing_allocations)
{
    const scenario *s = &scenarios[_i];
    make_files();
    if (s->stages[3] == save || s->stages[4] == load) /* so that a failed save can be seen to leave no file behind */
        play(s, ONCE, 0, NULL);
    int files = count_files(false);
    long long calls = 0;
    uint64_t expected = play(s, ONCE, 0, &calls);
    ck_assert_uint_eq(expected, play(s, ONCE, 0, NULL));
    for (manner how = ONCE; how <= END; how++)
        for (long long i = 1; i <= calls; i++) {
            uint64_t got = play(s, how, i, NULL);
            ck_assert_msg(how == END || got == expected, "%s: another result after allocation %lld had failed %s",
                          s->name, i, manners[how]);
            ck_assert_int_eq(count_files(false), files);
        }
    count_files(true);
    printf("%-30s %4lld allocations, %5lld failure points\n", s->name, calls, 3 * calls);
    fflush(stdout);
}
END_TEST

/* The same through the C library: with the default allocator, and in the libraries beside it. A failure that somebody
 * works around is as good as a status. */
typedef struct {
    uint64_t hash;
    long long calls, leaked;
    int failures; /* statuses */
    int stage;    /* that did not return what it should have */
    bg_status status;
    char message[256];
} outcome;

/* Makes no check of its own, which would take memory. */
static outcome play_libc(const scenario *s, long long fail_at)
{
    cycle c = { .uses_default = true };
    outcome o = { .status = BG_OK };
    long long live = atomic_load(&libc_live);
    for (int i = 0; i < MOST_STAGES && s->stages[i] && !o.status; i++) {
        long long start = atomic_load(&libc_calls);
        atomic_store(&libc_fail_at, fail_at > o.calls ? start + fail_at - o.calls : 0);
        bg_status status = s->stages[i](&c);
        o.calls += atomic_load(&libc_calls) - start;
        atomic_store(&libc_fail_at, 0);
        /* jansson calls a text malformed where it had no memory for it. */
        bool is_shortage = status == BG_ERR_NOMEM || (status == BG_ERR_FORMAT && s->stages[i] == load);
        o.failures += is_shortage;
        if (is_shortage)
            status = s->stages[i](&c);
        o.stage = i;
        o.status = status;
        snprintf(o.message, sizeof o.message, "%s", status ? bg_last_error() : "");
    }
    o.hash = o.status ? 0 : state_of(&c);
    clean_up(&c);
    o.leaked = atomic_load(&libc_live) - live;
    return o;
}

START_TEST(test_failing_library)
{
    if (!COUNTS_LIBC)
        return;
    const scenario *s = &scenarios[_i];
    make_files();
    (void)play_libc(s, 0); /* what libraries keep from their first use on */
    outcome expected = play_libc(s, 0);
    int failures = 0;
    for (long long i = 0; i <= expected.calls; i++) {
        outcome o = play_libc(s, i);
        failures += o.failures;
        ck_assert_msg(o.status == BG_OK, "%s: stage %d, the C library's allocation %lld failing: %s: %s", s->name,
                      o.stage, i, bg_status_name(o.status), o.message);
        ck_assert_msg(o.hash == expected.hash, "%s: another result after the C library's allocation %lld had failed",
                      s->name, i);
        ck_assert_msg(o.leaked == 0, "%s: with the C library's allocation %lld failing %lld blocks leaked", s->name, i,
                      o.leaked);
    }
    count_files(true);
    printf("%-30s %4lld allocations of the C library, %d statuses\n", s->name, expected.calls, failures);
    fflush(stdout);
}
END_TEST

/* ---- */

static Suite *make_suite(void)
{
    Suite *suite = suite_create("out of memory");
    TCase *tests = tcase_create("out of memory");
    tcase_set_timeout(tests, 300);
    tcase_add_loop_test(tests, test_failing_allocations, 0, N_SCENARIOS);
    tcase_add_loop_test(tests, test_failing_library, 0, N_SCENARIOS);
    suite_add_tcase(suite, tests);
    return suite;
}

int main(void)
{
    SRunner *runner = srunner_create(make_suite());
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
