/* Layers of every kind, first values that need memory, values from outside, tied parameters. */
#include "cycle.h"

static bg_status model(cycle *c) { return bg_model_create(&c->model, c->engine, c->scenario->dtype); }

/* The scenario's line on x [3, 4, 5] of tensor 0, with classes y in tensor 1; their loss is the output. */
static bg_status start_graph(cycle *c)
{
    bg_status status = make_tensor(c, 0, c->scenario->dtype, BG_SHAPE(3, 4, 5));
    if (!status)
        status = make_tensor(c, 1, BG_I64, BG_SHAPE(3));
    if (!status)
        status = bg_graph_create(&c->graph, c->engine);
    if (status)
        return status;
    c->x = bg_input(c->graph, "x", c->scenario->dtype, BG_SHAPE(3, 4, 5));
    c->y = bg_input(c->graph, "y", BG_I64, BG_SHAPE(3));
    return BG_OK;
}
static bg_status finish(cycle *c, bg_node *scores)
{
    c->outputs[0] = bg_cross_entropy_loss(scores, c->y, BG_MEAN);
    c->n_outputs = 1;
    return finish_graph(c);
}
static bg_status line_graph(cycle *c)
{
    bg_status status = start_graph(c);
    return status ? status : finish(c, bg_layers(c->model, c->scenario->text, c->x));
}

static bg_status own_values_graph(cycle *c)
{
    bg_status status = start_graph(c);
    if (status)
        return status;
    bg_init orthogonal = { .kind = BG_INIT_ORTHOGONAL }, truncated = { .kind = BG_INIT_TRUNCATED_NORMAL };
    bg_node *h = bg_dense_with(c->model, "first", bg_flatten(c->x), 7,
                               &(bg_dense_options){ .weight = orthogonal, .bias = truncated });
    return finish(c, bg_dense(c->model, "second", bg_tanh(h), 3));
}

/* head.weight is embedding.weight. */
static bg_status tie(cycle *c) { return bg_model_tie(c->model, "head.weight", "embedding.weight"); }
static bg_status tied_graph(cycle *c)
{
    bg_status status = start_graph(c);
    if (status)
        return status;
    bg_node *h = bg_model_embedding(c->model, "embedding", c->y, 3, 4, NULL);
    return finish(c, bg_dense(c->model, "head", h, 3));
}
static bg_status refused_tie(cycle *c)
{
    bg_status status = make_tensor(c, 2, c->scenario->dtype, BG_SHAPE(3, 4));
    if (!status)
        status = bg_model_set(c->model, "other.weight", c->tensors[2], true);
    return status ? status
                  : expected_to_fail(bg_model_tie(c->model, "other.weight", "embedding.weight"), BG_ERR_ARGUMENT);
}

/* Several values at once: one that is there, two that are new. */
static bg_status set_several(cycle *c)
{
    static const char *const names[] = { "head.weight", "new.weight", "new.bias" };
    bg_status status = make_tensor(c, 2, c->scenario->dtype, BG_SHAPE(3, 4));
    if (!status)
        status = make_tensor(c, 3, c->scenario->dtype, BG_SHAPE(5));
    bg_tensor *values[] = { c->tensors[2], c->tensors[2], c->tensors[3] };
    return status ? status : bg_model_set_all(c->model, names, values, 3);
}
/* Both names exist with the same values, then they are one. */
static bg_status set_both(cycle *c)
{
    static const char *const names[] = { "embedding.weight", "head.weight" };
    bg_status status = make_tensor(c, 2, c->scenario->dtype, BG_SHAPE(3, 4));
    bg_tensor *values[] = { c->tensors[2], c->tensors[2] };
    return status ? status : bg_model_set_all(c->model, names, values, 2);
}
static bg_status set_second(cycle *c)
{
    bg_status status = make_tensor(c, 2, c->scenario->dtype, BG_SHAPE(3, 4));
    return status ? status : bg_model_set(c->model, "head.weight", c->tensors[2], true);
}

const scenario layer_scenarios[] = {
    { .name = "convolutions and norms",
      .stages = { engine_1, model, line_graph, compile, bind_x_and_y, run },
      .text = "unflatten:2x2x5 conv:2:1x3:pad=same batch_norm prelu:2 max_pool:1x2 group_norm:2 dense:3" },
    { .name = "recurrent layers",
      .stages = { engine_1, model, line_graph, compile, bind_x_and_y, run },
      .text = "lstm:2:layers=2:dropout=0.2 rnn:2:bidirectional last dense:3",
      .dtype = BG_F64 },
    { .name = "layer of a transformer",
      .stages = { engine_1, model, line_graph, compile, bind_x_and_y, run },
      .text = "positions:4 encoder_layer:1:feedforward=2 dense:1 flatten dense:3" },
    { .name = "orthogonal first values",
      .stages = { engine_1, model, own_values_graph, compile, drop_graph, own_values_graph } },
    { .name = "tied by name",
      .stages = { engine_1, model, tie, tied_graph, compile, bind_x_and_y, run, refused_tie, set_several, run } },
    { .name = "tied by value", .stages = { engine_1, model, set_both, tie, tied_graph }, .dtype = BG_F64 },
    { .name = "tied under another name", .stages = { engine_1, model, set_second, tie, set_several, tied_graph } },
};
const int layer_scenario_count = sizeof layer_scenarios / sizeof *layer_scenarios;
