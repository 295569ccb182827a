/* Layers: first values, training and evaluation, wrong calls. */
#include "support/expect.h"
#include "support/suite.h"

#include <math.h>
#include <stdlib.h>

static bg_engine *engine;
static bg_model *model;
static bg_graph *graph;

static void setup(void)
{
    expect_ok(bg_engine_create(&engine, &(bg_engine_options){ .threads = 2, .seed = 3 }), "engine");
    expect_ok(bg_model_create(&model, engine, BG_F64), "model");
    expect_ok(bg_graph_create(&graph, engine), "graph");
}
static void teardown(void)
{
    bg_graph_destroy(graph);
    bg_model_destroy(model);
    bg_engine_destroy(engine);
}
static bg_node *input(bg_shape shape) { return bg_input(graph, "x", BG_F64, shape); }

/* ---- First values ---- */

/* What a module of PyTorch starts with: uniform within a bound, normal, or one number. */
static const struct {
    const char *name;
    double bound, deviation, value;
} first_values[] = {
    { "dense.weight", 0.1, 0, 0 }, /* 1 / sqrt(100) */
    { "dense.bias", 0.1, 0, 0 },
    { "bilinear.weight", 0.1, 0, 0 },
    { "bilinear.bias", 0.1, 0, 0 },
    { "embedding.weight", 0, 1, 0 },
    { "prelu.weight", 0, 0, 0.25 },
    { "conv.weight", 1 / 6.0, 0, 0 }, /* 1 / sqrt(8 / 2 * 9) */
    { "conv.bias", 1 / 6.0, 0, 0 },
    { "conv_transpose.weight", 0.2041241452319315, 0, 0 }, /* 1 / sqrt(12 / 2 * 4) */
    { "conv_transpose.bias", 0.2041241452319315, 0, 0 },
    { "batch_norm.weight", 0, 0, 1 },
    { "batch_norm.bias", 0, 0, 0 },
    { "batch_norm.running_mean", 0, 0, 0 },
    { "batch_norm.running_var", 0, 0, 1 },
    { "batch_norm.num_batches_tracked", 0, 0, 0 },
    { "layer_norm.weight", 0, 0, 1 },
    { "layer_norm.bias", 0, 0, 0 },
    { "rms_norm.weight", 0, 0, 1 },
    { "group_norm.bias", 0, 0, 0 },
    { "lstm.weight_ih_l0", 0.25, 0, 0 }, /* 1 / sqrt(16), whatever the inputs */
    { "lstm.bias_hh_l0", 0.25, 0, 0 },
    { "lstm.weight_hr_l0", 0.25, 0, 0 },
    { "attention.in_proj_weight", 0.1936491673103709, 0, 0 }, /* sqrt(6 / (40 + 120)) */
    { "attention.in_proj_bias", 0, 0, 0 },
    { "attention.out_proj.weight", 0.15811388300841897, 0, 0 }, /* 1 / sqrt(40) */
    { "attention.out_proj.bias", 0, 0, 0 },
};

START_TEST(test_first_values)
{
    bg_node *rows = input(BG_SHAPE(2, 100)), *image = input(BG_SHAPE(2, 8, 6, 6));
    bg_dense(model, "dense", rows, 50);
    bg_model_bilinear(model, "bilinear", rows, input(BG_SHAPE(2, 3)), 40, NULL);
    bg_model_embedding(model, "embedding", bg_input(graph, "i", BG_I32, BG_SHAPE(4)), 50, 40, NULL);
    bg_model_prelu(model, "prelu", rows, 100, (bg_init){ 0 });
    bg_model_conv(model, "conv", image, 60, BG_SHAPE(3, 3), &(bg_model_conv_options){ .conv.groups = 2 });
    bg_model_conv_transpose(model, "conv_transpose", image, 12, BG_SHAPE(2, 2),
                            &(bg_model_conv_options){ .conv.groups = 2 });
    bg_model_batch_norm(model, "batch_norm", image, NULL);
    bg_model_layer_norm(model, "layer_norm", image, &(bg_model_norm_options){ .axes = 2 });
    bg_model_rms_norm(model, "rms_norm", image, NULL);
    bg_model_group_norm(model, "group_norm", image, 4, NULL);
    bg_model_lstm(model, "lstm", input(BG_SHAPE(3, 2, 5)), NULL, NULL, 16,
                  &(bg_model_recurrent_options){ .projection = 8 });
    bg_model_attention(model, "attention", input(BG_SHAPE(2, 3, 40)), NULL, NULL, 4, NULL);
    expect_ok(bg_graph_status(graph), "layers");
    for (size_t k = 0; k < sizeof first_values / sizeof first_values[0]; k++) {
        const bg_tensor *tensor = bg_model_find(model, first_values[k].name);
        ck_assert_msg(tensor != NULL, "%s", first_values[k].name);
        int64_t n = bg_shape_count(bg_tensor_shape(tensor));
        double bound = first_values[k].bound, deviation = first_values[k].deviation + bound / sqrt(3);
        double most = 0, sum = 0, squares = 0;
        for (int64_t i = 0; i < n; i++) {
            double x = 0;
            expect_ok(bg_tensor_item(tensor, i, &x), first_values[k].name);
            ck_assert_msg(deviation > 0 || x == first_values[k].value, "%s: %g", first_values[k].name, x);
            most = fmax(most, fabs(x));
            sum += x / (double)n;
            squares += x * x / (double)n;
        }
        if (deviation == 0)
            continue;
        ck_assert_msg(bound == 0 || (most <= bound && most > 0.7 * bound), "%s: %g of %g", first_values[k].name, most,
                      bound);
        ck_assert_msg(fabs(sum) < 5 * deviation / sqrt((double)n), "%s: mean %g", first_values[k].name, sum);
        ck_assert_msg(fabs(squares / (deviation * deviation) - 1) < 6 / sqrt((double)n), "%s: variance %g",
                      first_values[k].name, squares);
    }
}
END_TEST

/* The options' first values take the place of the defaults, and the row of padding is 0 all the same. */
START_TEST(test_first_values_by_options)
{
    bg_init twos = { .kind = BG_INIT_CONSTANT, .value = 2 }, threes = { .kind = BG_INIT_CONSTANT, .value = 3 };
    bg_node *rows = input(BG_SHAPE(2, 5)), *image = input(BG_SHAPE(2, 4, 3));
    bg_node *steps = input(BG_SHAPE(3, 2, 4));
    bg_node *indices = bg_input(graph, "i", BG_U8, BG_SHAPE(4));
    bg_dense_with(model, "dense", rows, 2, &(bg_dense_options){ .weight = twos, .bias = threes });
    bg_model_bilinear(model, "bilinear", rows, rows, 2, &(bg_dense_options){ .weight = twos, .bias = threes });
    bg_model_conv(model, "conv", image, 2, BG_SHAPE(2), &(bg_model_conv_options){ .weight = twos, .bias = threes });
    bg_model_batch_norm(model, "batch_norm", image, &(bg_model_batch_norm_options){ .weight = twos, .bias = threes });
    bg_model_instance_norm(model, "instance_norm", image,
                           &(bg_model_instance_norm_options){ .has_weights = true, .weight = twos, .bias = threes });
    bg_model_layer_norm(model, "layer_norm", image, &(bg_model_norm_options){ .weight = twos, .bias = threes });
    bg_model_rms_norm(model, "rms_norm", image, &(bg_model_norm_options){ .weight = twos });
    bg_model_group_norm(model, "group_norm", image, 2, &(bg_model_norm_options){ .weight = twos, .bias = threes });
    bg_model_gru(model, "gru", steps, NULL, 3, &(bg_model_recurrent_options){ .weight = twos, .bias = threes });
    bg_model_rnn_cell(model, "cell", rows, NULL, 3, &(bg_model_recurrent_options){ .weight = twos, .bias = threes });
    bg_model_attention(model, "attention", image, NULL, NULL, 1, &(bg_model_attention_options){ .weight = twos });
    bg_model_prelu(model, "prelu", rows, 1, twos);
    bg_model_embedding(model, "embedding", indices, 3, 2,
                       &(bg_model_embedding_options){ .weight = twos, .padding = BG_SOME(1) });
    expect_ok(bg_graph_status(graph), "layers");
    for (size_t i = 0; i < bg_model_count(model); i++) {
        const char *name = bg_model_name(model, i), *part = strrchr(name, '.') + 1;
        double expected = strncmp(part, "bias", 4) == 0 ? 3 : 2, x = 0;
        if (!bg_model_is_parameter(model, i) || strcmp(name, "attention.in_proj_bias") == 0 ||
            strncmp(name, "attention.out", 13) == 0)
            continue;
        for (int64_t k = 0; k < bg_shape_count(bg_tensor_shape(bg_model_tensor(model, i))); k++) {
            expect_ok(bg_tensor_item(bg_model_tensor(model, i), k, &x), name);
            bool is_padding = strcmp(name, "embedding.weight") == 0 && k / 2 == 1;
            ck_assert_msg(x == (is_padding ? 0 : expected), "%s[%lld]: %g", name, (long long)k, x);
        }
    }
    /* A row that was set stays as it is. */
    expect_ok(bg_tensor_fill(bg_model_find(model, "embedding.weight"), 7), "fill");
    bg_model_embedding(model, "embedding", indices, 3, 2, &(bg_model_embedding_options){ .padding = BG_SOME(1) });
    double x = 0;
    expect_ok(bg_tensor_item(bg_model_find(model, "embedding.weight"), 2, &x), "row");
    ck_assert(x == 7);
}
END_TEST

/* ---- Training and evaluation ---- */

/* Dropout within layers is part of the training form alone, and the numbers differ from run to run. */
START_TEST(test_dropout_within_layers)
{
    bg_node *x = bg_ones(graph, BG_F64, BG_SHAPE(3, 2, 4)), *y[6];
    for (int k = 0; k < 2; k++) {
        bg_model_set_training(model, k == 0);
        y[3 * k] = bg_model_lstm(model, "lstm", x, NULL, NULL, 8,
                                 &(bg_model_recurrent_options){ .recurrent = { .layers = 2, .dropout = 0.5 } })
                       .output;
        y[3 * k + 1] =
            bg_model_attention(model, "attention", x, NULL, NULL, 2, &(bg_model_attention_options){ .dropout = 0.5 });
        y[3 * k + 2] =
            bg_model_encoder_layer(model, "encoder", x, 2, &(bg_model_transformer_options){ .feedforward = 4 });
    }
    bg_node *count = bg_model_buffer(model, graph, "count", BG_F64, BG_SCALAR, (bg_init){ 0 });
    bg_update(count, bg_add_scalar(count, 1)); /* a run with updates counts as a step */
    bg_program *program = NULL;
    expect_ok(bg_compile(&program, graph, y, 6, NULL), "compile");
    double values[2][6];
    for (int run = 0; run < 2; run++) {
        expect_ok(bg_program_run(program), "run");
        for (int i = 0; i < 6; i++) {
            values[run][i] = 0;
            for (int64_t k = 0; k < bg_shape_count(bg_node_shape(y[i])); k++) {
                double value = 0;
                expect_ok(bg_tensor_item(bg_program_output(program, (size_t)i), k, &value), "item");
                values[run][i] += fabs(value);
            }
        }
    }
    for (int i = 0; i < 6; i++)
        ck_assert_msg((values[0][i] == values[1][i]) == (i >= 3), "%d: %.17g, %.17g", i, values[0][i], values[1][i]);
    bg_program_destroy(program);
}
END_TEST

/* ---- Wrong calls ---- */

static bg_node *no_model(void) { return bg_model_conv(NULL, "c", input(BG_SHAPE(1, 2, 3)), 2, BG_SHAPE(1), NULL); }
static bg_node *no_name(void) { return bg_dense(model, NULL, input(BG_SHAPE(1, 2)), 2); }
static bg_node *long_name(void)
{
    char name[200];
    memset(name, 'n', sizeof name);
    name[128] = 0;
    return bg_dense(model, name, input(BG_SHAPE(1, 2)), 2);
}
static bg_node *dense_scalar(void) { return bg_dense(model, "d", input(BG_SCALAR), 2); }
static bg_node *dense_outputs(void) { return bg_dense(model, "d", input(BG_SHAPE(2)), -1); }
static bg_node *bilinear_dtype(void)
{
    return bg_model_bilinear(model, "b", input(BG_SHAPE(2)), bg_input(graph, "y", BG_F32, BG_SHAPE(2)), 1, NULL);
}
static bg_node *indices(bg_dtype dtype) { return bg_input(graph, "i", dtype, BG_SHAPE(2)); }
static bg_node *embedding_float(void) { return bg_model_embedding(model, "e", indices(BG_F64), 2, 3, NULL); }
static bg_node *embedding_rows(void) { return bg_model_embedding(model, "e", indices(BG_I64), -2, 3, NULL); }
static bg_node *embedding_padded(double row)
{
    return bg_model_embedding(model, "e", indices(BG_I64), 2, 3,
                              &(bg_model_embedding_options){ .padding = BG_SOME(row) });
}
static bg_node *embedding_padding(void) { return embedding_padded(2); }
static bg_node *embedding_padding_half(void) { return embedding_padded(0.5); }
static bg_node *prelu_channels(void) { return bg_model_prelu(model, "p", input(BG_SHAPE(2, 3)), 2, (bg_init){ 0 }); }
static bg_node *conv_rank(void) { return bg_model_conv(model, "c", input(BG_SHAPE(1, 2, 3)), 2, BG_SHAPE(2, 2), NULL); }
static bg_node *conv_kernel(void) { return bg_model_conv(model, "c", input(BG_SHAPE(1, 2, 3)), 2, BG_SHAPE(0), NULL); }
static bg_node *conv_kernel_rank(void) { return bg_model_conv(model, "c", input(BG_SHAPE(1, 2)), 2, BG_SHAPE(), NULL); }
static bg_node *conv_outputs(void)
{
    return bg_model_conv(model, "c", input(BG_SHAPE(1, 2, 3)), -2, BG_SHAPE(2), NULL);
}
static bg_node *conv_groups(void)
{
    return bg_model_conv(model, "c", input(BG_SHAPE(1, 4, 3)), 3, BG_SHAPE(2),
                         &(bg_model_conv_options){ .conv.groups = 2 });
}
static bg_node *conv_huge(void)
{
    return bg_model_conv(model, "c", input(BG_SHAPE(1, 2, 3)), INT64_MAX / 4, BG_SHAPE(8), NULL);
}
static bg_node *conv_same(void)
{
    return bg_model_conv(
        model, "c", input(BG_SHAPE(1, 2, 3)), 2, BG_SHAPE(2),
        &(bg_model_conv_options){ .conv = { .is_same = true, .stride = { 2 } }, .padding_mode = BG_PAD_REFLECT });
}
static bg_node *conv_same_padding(void)
{
    return bg_model_conv(
        model, "c", input(BG_SHAPE(1, 2, 3)), 2, BG_SHAPE(2),
        &(bg_model_conv_options){ .conv = { .is_same = true, .padding = { 1 } }, .padding_mode = BG_PAD_REFLECT });
}
static bg_node *conv_crop(void)
{
    return bg_model_conv(model, "c", input(BG_SHAPE(1, 2, 5)), 2, BG_SHAPE(2),
                         &(bg_model_conv_options){ .conv.padding = { -1 }, .padding_mode = BG_PAD_REFLECT });
}
static bg_node *conv_dilation(void)
{
    return bg_model_conv(model, "c", input(BG_SHAPE(1, 2, 3)), 2, BG_SHAPE(3),
                         &(bg_model_conv_options){ .conv = { .is_same = true, .dilation = { INT64_MAX } },
                                                   .padding_mode = BG_PAD_REFLECT });
}
static bg_node *transpose_mode(void)
{
    return bg_model_conv_transpose(model, "c", input(BG_SHAPE(1, 2, 3)), 2, BG_SHAPE(2),
                                   &(bg_model_conv_options){ .padding_mode = BG_PAD_REFLECT });
}
static bg_node *batch_norm_rank(void) { return bg_model_batch_norm(model, "n", input(BG_SHAPE(3)), NULL); }
static bg_node *batch_norm_one(void) { return bg_model_batch_norm(model, "n", input(BG_SHAPE(1, 3)), NULL); }
static bg_node *instance_norm_one(void) { return bg_model_instance_norm(model, "n", input(BG_SHAPE(2, 3)), NULL); }
static bg_node *layer_norm_axes(void)
{
    return bg_model_layer_norm(model, "n", input(BG_SHAPE(2, 3)), &(bg_model_norm_options){ .axes = 3 });
}
static bg_node *group_norm_groups(void) { return bg_model_group_norm(model, "n", input(BG_SHAPE(2, 3)), 2, NULL); }
static bg_node *recurrent_rank(void) { return bg_model_gru(model, "r", input(BG_SHAPE(2, 3)), NULL, 2, NULL).output; }
static bg_node *recurrent_hidden(void)
{
    return bg_model_rnn(model, "r", input(BG_SHAPE(2, 2, 3)), NULL, 0, NULL).output;
}
static bg_node *recurrent_layers(void)
{
    return bg_model_rnn(model, "r", input(BG_SHAPE(2, 2, 3)), NULL, 2,
                        &(bg_model_recurrent_options){ .recurrent.layers = 513 })
        .output;
}
static bg_node *recurrent_dropout(void)
{
    return bg_model_rnn(model, "r", input(BG_SHAPE(2, 2, 3)), NULL, 2,
                        &(bg_model_recurrent_options){ .recurrent.dropout = 2 })
        .output;
}
static bg_node *projection_gru(void)
{
    return bg_model_gru(model, "r", input(BG_SHAPE(2, 2, 3)), NULL, 3, &(bg_model_recurrent_options){ .projection = 2 })
        .output;
}
static bg_node *projection_wide(void)
{
    return bg_model_lstm(model, "r", input(BG_SHAPE(2, 2, 3)), NULL, NULL, 3,
                         &(bg_model_recurrent_options){ .projection = 3 })
        .output;
}
static bg_node *cell_rank(void) { return bg_model_lstm_cell(model, "r", input(BG_SHAPE(3)), NULL, NULL, 2, NULL).h; }
static bg_node *cell_projection(void)
{
    return bg_model_lstm_cell(model, "r", input(BG_SHAPE(3, 2)), NULL, NULL, 2,
                              &(bg_model_recurrent_options){ .projection = 1 })
        .h;
}
static bg_node *attend(bg_shape q, bg_shape k, bg_shape v, int64_t heads, bg_node *key_mask)
{
    return bg_model_attention(model, "a", input(q), input(k), input(v), heads,
                              &(bg_model_attention_options){ .key_mask = key_mask });
}
static bg_node *attention_rank(void) { return attend(BG_SHAPE(4), BG_SHAPE(2, 4), BG_SHAPE(2, 4), 2, NULL); }
static bg_node *attention_leading(void)
{
    return attend(BG_SHAPE(2, 3, 4), BG_SHAPE(1, 3, 4), BG_SHAPE(1, 3, 4), 2, NULL);
}
static bg_node *attention_steps(void)
{
    return attend(BG_SHAPE(2, 3, 4), BG_SHAPE(2, 3, 4), BG_SHAPE(2, 2, 4), 2, NULL);
}
static bg_node *attention_heads(void)
{
    return attend(BG_SHAPE(2, 3, 4), BG_SHAPE(2, 3, 4), BG_SHAPE(2, 3, 4), 3, NULL);
}
static bg_node *attention_key_mask(void)
{
    return attend(BG_SHAPE(2, 3, 4), BG_SHAPE(2, 3, 4), BG_SHAPE(2, 3, 4), 2, input(BG_SHAPE(2, 3)));
}
static bg_node *encoder_rank(void) { return bg_model_encoder_layer(model, "t", input(BG_SHAPE(4)), 2, NULL); }
static bg_node *encoder_heads(void) { return bg_model_encoder_layer(model, "t", input(BG_SHAPE(3, 4)), 3, NULL); }
static bg_node *encoder_feedforward(void)
{
    return bg_model_encoder_layer(model, "t", input(BG_SHAPE(3, 4)), 2,
                                  &(bg_model_transformer_options){ .feedforward = -1 });
}
static bg_node *encoder_dropout(void)
{
    return bg_model_encoder_layer(model, "t", input(BG_SHAPE(3, 4)), 2,
                                  &(bg_model_transformer_options){ .dropout = BG_SOME(-1) });
}
static bg_node *decoder_memory(void)
{
    return bg_model_decoder_layer(model, "t", input(BG_SHAPE(2, 3, 4)), input(BG_SHAPE(2, 3, 5)), 2, NULL);
}

static const struct {
    bg_node *(*call)(void);
    bg_status status;
    const char *message;
} wrong[] = {
    { no_model, BG_ERR_ARGUMENT, "conv: model is NULL" },
    { no_name, BG_ERR_ARGUMENT, "dense: name is NULL" },
    { long_name, BG_ERR_ARGUMENT, "the name has 128 bytes, at most 127 are allowed" },
    { dense_scalar, BG_ERR_SHAPE, "dense \"d\": x is a scalar, not [.., in]" },
    { dense_outputs, BG_ERR_ARGUMENT, "dense \"d\": -1 outputs" },
    { bilinear_dtype, BG_ERR_DTYPE, "bilinear \"b\": y is f32, the model is f64" },
    { embedding_float, BG_ERR_DTYPE, "embedding \"e\": indices are f64, not i32, i64 or u8" },
    { embedding_rows, BG_ERR_ARGUMENT, "embedding \"e\": -2 rows of 3" },
    { embedding_padding, BG_ERR_ARGUMENT, "embedding \"e\": the row of padding is 2, of 2 rows" },
    { embedding_padding_half, BG_ERR_ARGUMENT, "embedding \"e\": the row of padding is 0.5, of 2 rows" },
    { prelu_channels, BG_ERR_SHAPE, "prelu \"p\": 2 slopes for x [2, 3]" },
    { conv_rank, BG_ERR_SHAPE, "conv \"c\": needs x [n, in, ..] with the axes of the kernel [2, 2]: x [1, 2, 3]" },
    { conv_kernel, BG_ERR_ARGUMENT, "conv \"c\": the kernel is [0]" },
    { conv_kernel_rank, BG_ERR_ARGUMENT, "conv \"c\": a kernel of 0 axes, not 1 to 3" },
    { conv_outputs, BG_ERR_ARGUMENT, "conv \"c\": -2 outputs" },
    { conv_groups, BG_ERR_SHAPE, "conv \"c\": 4 channels to 3 do not fall into 2 groups" },
    { conv_huge, BG_ERR_OVERFLOW, "conv" },
    { conv_same, BG_ERR_ARGUMENT, "conv \"c\": same extents and a stride of 2" },
    { conv_same_padding, BG_ERR_ARGUMENT, "conv \"c\": same extents and a padding of 1" },
    { conv_crop, BG_ERR_ARGUMENT, "conv \"c\": padding -1 and dilation 1 for the kernel [2]" },
    { conv_dilation, BG_ERR_ARGUMENT, "conv \"c\": padding 0 and dilation 9223372036854775807 for the kernel [3]" },
    { transpose_mode, BG_ERR_ARGUMENT, "conv_transpose \"c\": the padding of a transpose is zeros" },
    { batch_norm_rank, BG_ERR_SHAPE, "batch_norm \"n\": needs x [n, c, ..]: x [3]" },
    { batch_norm_one, BG_ERR_SHAPE, "batch_norm \"n\": one element a channel has no variance: x [1, 3]" },
    { instance_norm_one, BG_ERR_SHAPE, "instance_norm \"n\": one element a channel has no variance: x [2, 3]" },
    { layer_norm_axes, BG_ERR_SHAPE, "layer_norm \"n\": the last 3 axes of x [2, 3]" },
    { group_norm_groups, BG_ERR_SHAPE, "group_norm \"n\": the channels of x [2, 3] do not fall into 2 groups" },
    { recurrent_rank, BG_ERR_SHAPE, "gru \"r\": needs x [steps, batch, in]: x [2, 3]" },
    { recurrent_hidden, BG_ERR_ARGUMENT, "rnn \"r\": 0 hidden units" },
    { recurrent_layers, BG_ERR_ARGUMENT, "rnn \"r\": 513 layers, not 1 to 512" },
    { recurrent_dropout, BG_ERR_ARGUMENT, "rnn" },
    { projection_gru, BG_ERR_ARGUMENT, "gru \"r\": a projection to 2 of 3 hidden units; only an lstm has one" },
    { projection_wide, BG_ERR_ARGUMENT, "lstm \"r\": a projection to 3 of 3 hidden units" },
    { cell_rank, BG_ERR_SHAPE, "lstm_cell \"r\": needs x [batch, in]: x [3]" },
    { cell_projection, BG_ERR_ARGUMENT, "lstm_cell \"r\": a cell has no projection" },
    { attention_rank, BG_ERR_SHAPE, "attention \"a\": query is [4], not [.., steps, width]" },
    { attention_leading, BG_ERR_SHAPE, "attention \"a\": leading axes differ: query [2, 3, 4], key [1, 3, 4]" },
    { attention_steps, BG_ERR_SHAPE, "attention \"a\": key [2, 3, 4] and value [2, 2, 4] have different steps" },
    { attention_heads, BG_ERR_SHAPE, "attention \"a\": 3 heads of a query [2, 3, 4]" },
    { attention_key_mask, BG_ERR_SHAPE, "attention \"a\": the key mask is f64 [2, 3], not bool [2, 3]" },
    { encoder_rank, BG_ERR_SHAPE, "encoder_layer \"t\": needs x [.., l, e]: x [4]" },
    { encoder_heads, BG_ERR_SHAPE, "encoder_layer \"t\": 3 heads of x [3, 4]" },
    { encoder_feedforward, BG_ERR_ARGUMENT, "encoder_layer \"t\": a feedforward extent of -1" },
    { encoder_dropout, BG_ERR_ARGUMENT, "encoder_layer" },
    { decoder_memory, BG_ERR_SHAPE, "memory does not have the width of x: x [2, 3, 4], memory [2, 3, 5]" },
};

START_TEST(test_wrong_calls)
{
    ck_assert_ptr_null(wrong[_i].call());
    expect_failure(bg_graph_status(graph), wrong[_i].status, wrong[_i].message, "a wrong call");
    ck_assert_uint_eq(bg_model_count(model), 0);
}
END_TEST

/* NULL passes through without an error. */
START_TEST(test_nothing)
{
    ck_assert_ptr_null(bg_dense(model, "a", NULL, 3));
    ck_assert_ptr_null(bg_model_bilinear(model, "a", NULL, NULL, 3, NULL));
    ck_assert_ptr_null(bg_model_embedding(model, "a", NULL, 3, 2, NULL));
    ck_assert_ptr_null(bg_model_prelu(model, "a", NULL, 1, (bg_init){ 0 }));
    ck_assert_ptr_null(bg_model_conv(model, "a", NULL, 3, BG_SHAPE(2), NULL));
    ck_assert_ptr_null(bg_model_conv_transpose(model, "a", NULL, 3, BG_SHAPE(2), NULL));
    ck_assert_ptr_null(bg_model_batch_norm(model, "a", NULL, NULL));
    ck_assert_ptr_null(bg_model_instance_norm(model, "a", NULL, NULL));
    ck_assert_ptr_null(bg_model_layer_norm(model, "a", NULL, NULL));
    ck_assert_ptr_null(bg_model_rms_norm(model, "a", NULL, NULL));
    ck_assert_ptr_null(bg_model_group_norm(model, "a", NULL, 2, NULL));
    ck_assert_ptr_null(bg_model_rnn(model, "a", NULL, NULL, 2, NULL).output);
    ck_assert_ptr_null(bg_model_lstm(model, "a", NULL, NULL, NULL, 2, NULL).output);
    ck_assert_ptr_null(bg_model_gru(model, "a", NULL, NULL, 2, NULL).output);
    ck_assert_ptr_null(bg_model_rnn_cell(model, "a", NULL, NULL, 2, NULL).output);
    ck_assert_ptr_null(bg_model_lstm_cell(model, "a", NULL, NULL, NULL, 2, NULL).output);
    ck_assert_ptr_null(bg_model_gru_cell(model, "a", NULL, NULL, 2, NULL).output);
    ck_assert_ptr_null(bg_model_attention(model, "a", NULL, NULL, NULL, 2, NULL));
    ck_assert_ptr_null(bg_model_encoder_layer(model, "a", NULL, 2, NULL));
    ck_assert_ptr_null(bg_model_decoder_layer(model, "a", NULL, NULL, 2, NULL));
    ck_assert_int_eq(bg_graph_status(graph), BG_OK);
    ck_assert_uint_eq(bg_model_count(model), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("layer_calls");
    TCase *calls = tcase_create("calls");
    tcase_add_checked_fixture(calls, setup, teardown);
    tcase_add_test(calls, test_first_values);
    tcase_add_test(calls, test_first_values_by_options);
    tcase_add_test(calls, test_dropout_within_layers);
    tcase_add_loop_test(calls, test_wrong_calls, 0, (int)(sizeof wrong / sizeof wrong[0]));
    tcase_add_test(calls, test_nothing);
    suite_add_tcase(suite, calls);
    return run_suite(suite);
}
