#define _DEFAULT_SOURCE /* strdup */
/* Layers against torch.nn modules: names and shapes of the state dict, results, gradients, and what training leaves in
 * the buffers. */
#include "support/expect.h"
#include "support/golden.h"
#include "support/suite.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { MOST_INPUTS = 4, MOST_ENTRIES = 32 };

static bg_engine *engine;

/* One record while it is built: the layer's name is `name`, options are looked up in the record. */
typedef struct {
    const golden_record *record;
    bg_model *model;
    bg_graph *graph;
    const char *name;
    bg_node *x[MOST_INPUTS]; /* NULL behind the last */
} trial;

/* ---- Options of a record ---- */

static double number(const trial *t, const char *key, double otherwise)
{
    return golden_has(t->record, key) ? golden_number(t->record, key) : otherwise;
}
static int64_t integer(const trial *t, const char *key) { return (int64_t)number(t, key, 0); }
static bool is_set(const trial *t, const char *key) { return number(t, key, 0) != 0; }
static bg_optional optional(const trial *t, const char *key)
{
    return golden_has(t->record, key) ? BG_SOME(number(t, key, 0)) : (bg_optional){ 0 };
}
/* One number counts for all dimensions. */
static void extents(const trial *t, const char *key, int rank, int64_t *place)
{
    const golden_array *array = golden_has(t->record, key) ? golden_get(t->record, key) : NULL;
    for (int i = 0; i < rank && array; i++)
        place[i] = (int64_t)array->values[array->rank == 0 ? 0 : i];
}

static bg_shape shape_of(const golden_array *array)
{
    ck_assert_msg(array != NULL, "%s", golden_error());
    bg_shape shape = { .rank = array->rank };
    memcpy(shape.dims, array->dims, sizeof(int64_t) * (size_t)array->rank);
    return shape;
}

static bg_tensor *tensor_from(const golden_array *array, bg_dtype dtype)
{
    bg_tensor *tensor = NULL;
    expect_ok(bg_tensor_create(&tensor, engine, dtype, shape_of(array)), "a tensor");
    void *data = bg_tensor_data(tensor);
    for (int64_t i = 0; i < array->count; i++)
        if (dtype == BG_F64)
            ((double *)data)[i] = array->values[i];
        else if (dtype == BG_I64)
            ((int64_t *)data)[i] = (int64_t)array->values[i];
        else
            ((bool *)data)[i] = array->values[i] != 0;
    return tensor;
}

static bg_node *constant(const trial *t, const char *key, bg_dtype dtype)
{
    if (!golden_has(t->record, key))
        return NULL;
    bg_tensor *tensor = tensor_from(golden_get(t->record, key), dtype);
    bg_node *node = bg_constant(t->graph, tensor);
    bg_tensor_destroy(tensor);
    return node;
}

/* ---- Layers by the names in the file ---- */

static bg_node *dense(const trial *t)
{
    return bg_dense_with(t->model, t->name, t->x[0], integer(t, "out"),
                         &(bg_dense_options){ .without_bias = is_set(t, "nobias") });
}
static bg_node *bilinear(const trial *t)
{
    return bg_model_bilinear(t->model, t->name, t->x[0], t->x[1], integer(t, "out"),
                             &(bg_dense_options){ .without_bias = is_set(t, "nobias") });
}
static bg_node *embedding(const trial *t)
{
    return bg_model_embedding(t->model, t->name, t->x[0], integer(t, "rows"), integer(t, "width"),
                              &(bg_model_embedding_options){ .padding = optional(t, "padding") });
}
static bg_node *prelu(const trial *t)
{
    return bg_model_prelu(t->model, t->name, t->x[0], integer(t, "channels"), (bg_init){ 0 });
}

static bg_model_conv_options conv_options(const trial *t, bg_shape *kernel)
{
    bg_model_conv_options o = { .without_bias = is_set(t, "nobias") };
    const golden_array *array = golden_get(t->record, "kernel");
    kernel->rank = (int)array->count;
    extents(t, "kernel", kernel->rank, kernel->dims);
    extents(t, "stride", kernel->rank, o.conv.stride);
    extents(t, "padding", kernel->rank, o.conv.padding);
    extents(t, "dilation", kernel->rank, o.conv.dilation);
    extents(t, "output_padding", kernel->rank, o.conv.output_padding);
    o.conv.groups = integer(t, "groups");
    o.conv.is_same = is_set(t, "same");
    static const char *const modes[] = { [BG_PAD_CONSTANT] = "zeros",
                                         [BG_PAD_REFLECT] = "reflect",
                                         [BG_PAD_REPLICATE] = "replicate",
                                         [BG_PAD_CIRCULAR] = "circular" };
    for (size_t i = 0; i < sizeof modes / sizeof modes[0] && golden_has(t->record, "padding_mode"); i++)
        if (strcmp(golden_text(t->record, "padding_mode"), modes[i]) == 0)
            o.padding_mode = (bg_pad_mode)i;
    return o;
}
static bg_node *conv(const trial *t)
{
    bg_shape kernel;
    bg_model_conv_options o = conv_options(t, &kernel);
    return bg_model_conv(t->model, t->name, t->x[0], integer(t, "out"), kernel, &o);
}
static bg_node *conv_transpose(const trial *t)
{
    bg_shape kernel;
    bg_model_conv_options o = conv_options(t, &kernel);
    return bg_model_conv_transpose(t->model, t->name, t->x[0], integer(t, "out"), kernel, &o);
}

static bg_node *batch_norm(const trial *t)
{
    return bg_model_batch_norm(t->model, t->name, t->x[0],
                               &(bg_model_batch_norm_options){ .momentum = optional(t, "momentum"),
                                                               .eps = optional(t, "eps"),
                                                               .is_cumulative = is_set(t, "cumulative"),
                                                               .without_weights = is_set(t, "plain"),
                                                               .without_running_statistics = is_set(t, "untracked") });
}
static bg_node *batch_norm_twice(const trial *t)
{
    bg_node *once = bg_model_batch_norm(t->model, t->name, t->x[0], NULL);
    return bg_model_batch_norm(t->model, t->name, bg_mul(once, t->x[0]), NULL);
}
static bg_node *instance_norm(const trial *t)
{
    return bg_model_instance_norm(t->model, t->name, t->x[0],
                                  &(bg_model_instance_norm_options){ .momentum = optional(t, "momentum"),
                                                                     .eps = optional(t, "eps"),
                                                                     .has_weights = is_set(t, "affine"),
                                                                     .has_running_statistics = is_set(t, "running") });
}
static bg_model_norm_options norm_options(const trial *t)
{
    return (bg_model_norm_options){ .axes = (int)integer(t, "axes"),
                                    .eps = optional(t, "eps"),
                                    .without_weights = is_set(t, "plain"),
                                    .without_bias = is_set(t, "nobias") };
}
static bg_node *layer_norm(const trial *t)
{
    bg_model_norm_options o = norm_options(t);
    return bg_model_layer_norm(t->model, t->name, t->x[0], &o);
}
static bg_node *rms_norm(const trial *t)
{
    bg_model_norm_options o = norm_options(t);
    return bg_model_rms_norm(t->model, t->name, t->x[0], &o);
}
static bg_node *group_norm(const trial *t)
{
    bg_model_norm_options o = norm_options(t);
    return bg_model_group_norm(t->model, t->name, t->x[0], integer(t, "groups"), &o);
}

static bg_model_recurrent_options recurrent_options(const trial *t)
{
    return (bg_model_recurrent_options){ .recurrent = { .layers = integer(t, "layers"),
                                                        .is_bidirectional = is_set(t, "bidirectional"),
                                                        .is_batch_first = is_set(t, "batch_first"),
                                                        .is_relu = is_set(t, "relu") },
                                         .without_bias = is_set(t, "nobias"),
                                         .projection = integer(t, "projection") };
}
static bg_node *rnn(const trial *t)
{
    bg_model_recurrent_options o = recurrent_options(t);
    return bg_model_rnn(t->model, t->name, t->x[0], t->x[1], integer(t, "hidden"), &o).output;
}
static bg_node *lstm(const trial *t)
{
    bg_model_recurrent_options o = recurrent_options(t);
    return bg_model_lstm(t->model, t->name, t->x[0], t->x[1], t->x[2], integer(t, "hidden"), &o).output;
}
static bg_node *gru(const trial *t)
{
    bg_model_recurrent_options o = recurrent_options(t);
    return bg_model_gru(t->model, t->name, t->x[0], t->x[1], integer(t, "hidden"), &o).output;
}
static bg_node *rnn_cell(const trial *t)
{
    bg_model_recurrent_options o = recurrent_options(t);
    return bg_model_rnn_cell(t->model, t->name, t->x[0], t->x[1], integer(t, "hidden"), &o).output;
}
static bg_node *lstm_cell(const trial *t)
{
    bg_model_recurrent_options o = recurrent_options(t);
    bg_recurrent_result r = bg_model_lstm_cell(t->model, t->name, t->x[0], t->x[1], t->x[2], integer(t, "hidden"), &o);
    return bg_concat((bg_node *[]){ r.h, r.c }, 2, -1);
}
static bg_node *gru_cell(const trial *t)
{
    bg_model_recurrent_options o = recurrent_options(t);
    return bg_model_gru_cell(t->model, t->name, t->x[0], t->x[1], integer(t, "hidden"), &o).output;
}

static bg_node *attention(const trial *t)
{
    return bg_model_attention(t->model, t->name, t->x[0], t->x[1], t->x[2], integer(t, "heads"),
                              &(bg_model_attention_options){ .is_causal = is_set(t, "causal"),
                                                             .mask = constant(t, "mask", BG_F64),
                                                             .key_mask = constant(t, "key_mask", BG_BOOL),
                                                             .without_bias = is_set(t, "nobias") });
}
static bg_model_transformer_options transformer_options(const trial *t)
{
    bool is_gelu = strcmp(golden_text(t->record, "activation"), "gelu") == 0;
    return (bg_model_transformer_options){ .feedforward = integer(t, "feedforward"),
                                           .dropout = BG_SOME(0),
                                           .activation = is_gelu ? bg_gelu : NULL,
                                           .eps = optional(t, "eps"),
                                           .is_norm_first = is_set(t, "norm_first"),
                                           .without_bias = is_set(t, "nobias"),
                                           .is_causal = is_set(t, "causal"),
                                           .key_mask = constant(t, "key_mask", BG_BOOL) };
}
static bg_node *encoder_layer(const trial *t)
{
    bg_model_transformer_options o = transformer_options(t);
    return bg_model_encoder_layer(t->model, t->name, t->x[0], integer(t, "heads"), &o);
}
static bg_node *decoder_layer(const trial *t)
{
    bg_model_transformer_options o = transformer_options(t);
    return bg_model_decoder_layer(t->model, t->name, t->x[0], t->x[1], integer(t, "heads"), &o);
}

static const struct {
    const char *name;
    bg_node *(*build)(const trial *t);
    bool takes_indices;
} kinds[] = {
    { "dense", dense, false },
    { "bilinear", bilinear, false },
    { "embedding", embedding, true },
    { "prelu", prelu, false },
    { "conv", conv, false },
    { "conv_transpose", conv_transpose, false },
    { "batch_norm", batch_norm, false },
    { "batch_norm_twice", batch_norm_twice, false },
    { "instance_norm", instance_norm, false },
    { "layer_norm", layer_norm, false },
    { "rms_norm", rms_norm, false },
    { "group_norm", group_norm, false },
    { "rnn", rnn, false },
    { "lstm", lstm, false },
    { "gru", gru, false },
    { "rnn_cell", rnn_cell, false },
    { "lstm_cell", lstm_cell, false },
    { "gru_cell", gru_cell, false },
    { "attention", attention, false },
    { "encoder_layer", encoder_layer, false },
    { "decoder_layer", decoder_layer, false },
};

/* ---- Comparing ---- */

static double worst; /* relative error over all records */

static void compare(const char *record, const char *key, const golden_array *expected, const bg_tensor *got)
{
    ck_assert_msg(expected != NULL, "%s: %s", record, golden_error());
    ck_assert_msg(bg_shape_equal(bg_tensor_shape(got), shape_of(expected)), "%s: %s has another shape", record, key);
    for (int64_t i = 0; i < expected->count; i++) {
        double value = 0, golden = expected->values[i];
        expect_ok(bg_tensor_item(got, i, &value), record);
        double error = fabs(value - golden) / fmax(1, fabs(golden));
        ck_assert_msg(error <= 1e-12, "%s: %s[%lld] is %.17g, not %.17g", record, key, (long long)i, value, golden);
        worst = fmax(worst, error);
    }
}

/* The key of a parameter or buffer in the record; prefix "state", "d", "after". */
static const char *key_of(const char *prefix, const char *name)
{
    static char key[256];
    snprintf(key, sizeof key, "%s.%s", prefix, name);
    return key;
}

static size_t count_keys(const golden_record *record, const char *prefix)
{
    size_t n = 0;
    for (size_t i = 0; golden_key(record, i); i++)
        n += strncmp(golden_key(record, i), prefix, strlen(prefix)) == 0;
    return n;
}

static bg_dtype dtype_of(const char *name)
{
    const char *last = strrchr(name, '.');
    return strcmp(last ? last + 1 : name, "num_batches_tracked") == 0 ? BG_I64 : BG_F64;
}

/* The model's entries are those of the state dict, by name, type, shape and kind. */
static void check_entries(const trial *t, const char *record)
{
    size_t skip = t->name[0] ? strlen(t->name) + 1 : 0;
    ck_assert_msg(bg_model_count(t->model) == count_keys(t->record, "state."), "%s: %zu entries", record,
                  bg_model_count(t->model));
    for (size_t i = 0; i < bg_model_count(t->model); i++) {
        const char *name = bg_model_name(t->model, i) + skip;
        const bg_tensor *tensor = bg_model_tensor(t->model, i);
        ck_assert_msg(golden_has(t->record, key_of("state", name)), "%s: PyTorch has no %s", record, name);
        ck_assert_msg(bg_shape_equal(bg_tensor_shape(tensor), shape_of(golden_get(t->record, key_of("state", name)))),
                      "%s: %s has another shape", record, name);
        ck_assert_msg(bg_tensor_dtype(tensor) == dtype_of(name), "%s: %s is %s", record, name,
                      bg_dtype_name(bg_tensor_dtype(tensor)));
        ck_assert_msg(bg_model_is_parameter(t->model, i) == golden_has(t->record, key_of("d", name)),
                      "%s: %s is of the wrong kind", record, name);
    }
}

/* Sets the state dict as a loader would: what has the model's type counts as a parameter at first. */
static void load_state(const trial *t)
{
    for (size_t i = 0; golden_key(t->record, i); i++) {
        const char *key = golden_key(t->record, i);
        if (strncmp(key, "state.", 6) != 0)
            continue;
        char name[256];
        snprintf(name, sizeof name, "%s%s%s", t->name, t->name[0] ? "." : "", key + 6);
        bg_tensor *value = tensor_from(golden_get(t->record, key), dtype_of(name));
        expect_ok(bg_model_set_all(t->model, (const char *[]){ name }, &value, 1), name);
        bg_tensor_destroy(value);
    }
}

static bg_node *build(trial *t, bg_tensor *tensors[MOST_INPUTS])
{
    const char *layer = golden_text(t->record, "layer");
    ck_assert_msg(layer != NULL, "%s", golden_error());
    size_t k = 0, n = sizeof kinds / sizeof kinds[0];
    while (k < n && strcmp(kinds[k].name, layer) != 0)
        k++;
    ck_assert_msg(k < n, "there is no builder for %s", layer);
    bg_model_set_training(t->model, golden_number(t->record, "evaluation") == 0);
    char key[] = "x0";
    for (int i = 0; golden_has(t->record, key); i++, key[1]++) {
        bg_dtype dtype = kinds[k].takes_indices ? BG_I64 : BG_F64;
        tensors[i] = tensor_from(golden_get(t->record, key), dtype);
        t->x[i] = dtype == BG_F64 ? bg_parameter(t->graph, tensors[i]) : bg_buffer(t->graph, tensors[i]);
    }
    bg_node *y = kinds[k].build(t);
    expect_ok(bg_graph_status(t->graph), golden_name(t->record));
    return y;
}

static void drop(trial *t, bg_tensor *tensors[MOST_INPUTS])
{
    bg_graph_destroy(t->graph);
    bg_model_destroy(t->model);
    for (int i = 0; i < MOST_INPUTS; i++)
        bg_tensor_destroy(tensors[i]);
}

/* A new model makes the state dict by itself. */
static void check_new(const golden_record *record, const char *name)
{
    trial t = { .record = record, .name = name };
    bg_tensor *tensors[MOST_INPUTS] = { NULL };
    expect_ok(bg_model_create(&t.model, engine, BG_F64), name);
    expect_ok(bg_graph_create(&t.graph, engine), name);
    build(&t, tensors);
    check_entries(&t, golden_name(record));
    drop(&t, tensors);
}

static void check_loaded(const golden_record *record, const char *layer_name)
{
    const char *name = golden_name(record);
    trial t = { .record = record, .name = layer_name };
    bg_tensor *tensors[MOST_INPUTS] = { NULL };
    bg_node *outputs[1 + MOST_INPUTS + MOST_ENTRIES], *xs[MOST_INPUTS + MOST_ENTRIES];
    char *keys[MOST_INPUTS + MOST_ENTRIES];
    size_t n = 0;
    expect_ok(bg_model_create(&t.model, engine, BG_F64), name);
    expect_ok(bg_graph_create(&t.graph, engine), name);
    load_state(&t);
    outputs[0] = build(&t, tensors);
    check_entries(&t, name);
    static const char *const input_keys[MOST_INPUTS] = { "dx0", "dx1", "dx2", "dx3" };
    for (int i = 0; i < MOST_INPUTS; i++)
        if (t.x[i] && golden_has(record, input_keys[i])) {
            keys[n] = strdup(input_keys[i]);
            xs[n++] = t.x[i];
        }
    size_t skip = layer_name[0] ? strlen(layer_name) + 1 : 0;
    for (size_t i = 0; i < bg_model_count(t.model); i++)
        if (bg_model_is_parameter(t.model, i)) {
            keys[n] = strdup(key_of("d", bg_model_name(t.model, i) + skip));
            xs[n++] = bg_parameter(t.graph, bg_model_tensor(t.model, i));
        }
    bg_node *dy = constant(&t, "dy", BG_F64);
    expect_ok(bg_grad_from(outputs, &dy, 1, xs, n, outputs + 1), name);
    bg_program *program = NULL;
    expect_ok(bg_compile(&program, t.graph, outputs, n + 1, NULL), name);
    expect_ok(bg_program_run(program), name);
    compare(name, "y", golden_get(record, "y"), bg_program_output(program, 0));
    for (size_t i = 0; i < n; i++) {
        compare(name, keys[i], golden_get(record, keys[i]), bg_program_output(program, i + 1));
        free(keys[i]);
    }
    for (size_t i = 0; i < bg_model_count(t.model); i++) {
        const char *entry = bg_model_name(t.model, i) + skip;
        if (!bg_model_is_parameter(t.model, i))
            compare(name, entry, golden_get(record, key_of("after", entry)), bg_model_tensor(t.model, i));
    }
    bg_program_destroy(program);
    drop(&t, tensors);
}

static void setup(void)
{
    expect_ok(bg_engine_create(&engine, &(bg_engine_options){ .threads = 2, .seed = 3 }), "engine");
}
static void teardown(void) { bg_engine_destroy(engine); }

static const char *const layer_names[] = { "block.1", "" };

START_TEST(test_golden)
{
    golden_file *file = golden_open(GOLDEN_PATH("nn/layers.txt"));
    ck_assert_msg(file != NULL, "%s", golden_error());
    worst = 0;
    for (size_t i = 0; i < golden_count(file); i++) {
        check_new(golden_at(file, i), layer_names[_i]);
        check_loaded(golden_at(file, i), layer_names[_i]);
    }
    printf("layers: %zu records, worst error %.1e\n", golden_count(file), worst);
    golden_close(file);
}
END_TEST

START_TEST(test_every_layer_is_compared)
{
    golden_file *file = golden_open(GOLDEN_PATH("nn/layers.txt"));
    ck_assert_msg(file != NULL, "%s", golden_error());
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        bool is_found = false;
        for (size_t i = 0; i < golden_count(file); i++)
            is_found = is_found || strcmp(golden_text(golden_at(file, i), "layer"), kinds[k].name) == 0;
        ck_assert_msg(is_found, "no record of %s", kinds[k].name);
    }
    golden_close(file);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("layers");
    TCase *golden = tcase_create("golden");
    tcase_add_checked_fixture(golden, setup, teardown);
    tcase_add_loop_test(golden, test_golden, 0, 2);
    tcase_add_test(golden, test_every_layer_is_compared);
    suite_add_tcase(suite, golden);
    return run_suite(suite);
}
