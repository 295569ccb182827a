/* Engines, tensors and views, and programs with their effects. */
#include "cycle.h"
#include "support/run_once.h"

/* ---- Engines and tensors ---- */

static bg_status engine_too(cycle *c)
{
    bg_engine_options options = { .threads = 1 };
    if (!c->uses_default)
        options.allocator = counting_allocator(&c->counter);
    return bg_engine_create(&c->second_engine, &options);
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
static bg_status every_type(cycle *c)
{
    bg_status status = BG_OK;
    for (int i = 0; i < BG_DTYPE_COUNT && !status; i++)
        status = make_tensor(c, i, (bg_dtype)i, BG_SHAPE(3, 5));
    return status ? status : make_tensor(c, BG_DTYPE_COUNT, BG_F32, BG_SHAPE(4, 0, 2));
}
/* A view of a view whose bases are given up. */
static bg_status lone_view(cycle *c)
{
    bg_tensor *base = NULL, *turned = NULL;
    bg_status status = bg_tensor_create(&base, c->engine, BG_I64, BG_SHAPE(4, 6));
    if (!status)
        status = bg_tensor_fill(base, 3);
    if (!status)
        status = bg_tensor_permute(&turned, base, BG_AXES(1, 0));
    if (!status)
        status = bg_tensor_slice(&c->tensors[0], turned, 0, 1, 6, 3);
    bg_tensor_destroy(turned);
    bg_tensor_destroy(base);
    return status;
}
static bg_status refused_tensors(cycle *c)
{
    bg_status status = make_tensor(c, 0, BG_F32, BG_SHAPE(3, 4));
    bg_tensor *none = NULL;
    if (!status)
        status = expected_to_fail(bg_tensor_reshape(&none, c->tensors[0], BG_SHAPE(5, 2)), BG_ERR_SHAPE);
    if (!status)
        status = expected_to_fail(bg_tensor_slice(&none, c->tensors[0], 4, 0, 1, 1), BG_ERR_ARGUMENT);
    if (!status)
        status = expected_to_fail(bg_tensor_copy(c->tensors[0], c->tensors[0]), BG_ERR_OVERLAP);
    return status;
}
static bg_status least_squares(cycle *c)
{
    bg_status status = make_tensor(c, 0, c->scenario->dtype, BG_SHAPE(9, 3));
    if (!status)
        status = make_tensor(c, 1, c->scenario->dtype, BG_SHAPE(9, 2));
    return status ? status : solve_least(&c->tensors[2], c->engine, c->tensors[0], c->tensors[1]);
}
/* Columns that are multiples of each other. */
static bg_status no_full_rank(cycle *c)
{
    bg_status status = make_tensor(c, 0, BG_F64, BG_SHAPE(6, 2));
    if (!status)
        status = bg_tensor_fill(c->tensors[0], 1);
    if (!status)
        status = make_tensor(c, 1, BG_F64, BG_SHAPE(6, 1));
    bg_tensor *none = NULL;
    return status ? status
                  : expected_to_fail(solve_least(&none, c->engine, c->tensors[0], c->tensors[1]), BG_ERR_NUMERIC);
}

/* ---- Graphs and their effects ---- */

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
/* With its gradient's norm clipped if the scenario's text says so. */
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
    if (loss && bg_grad(loss, w, 2, d) == BG_OK) {
        bg_node *scale = bg_scalar(c->graph, BG_F32, 1);
        if (c->scenario->text) {
            bg_node *squares = bg_add(bg_sum(bg_square(d[0]), BG_ALL_AXES), bg_sum(bg_square(d[1]), BG_ALL_AXES));
            scale = bg_div(scale, bg_maximum(scale, bg_sqrt(squares)));
        }
        for (int i = 0; i < 2; i++) {
            bg_update(v[i], bg_add(bg_mul_scalar(v[i], 0.9), bg_mul(d[i], scale)));
            bg_update(w[i], bg_sub(w[i], bg_mul_scalar(bg_updated(v[i]), 0.1)));
        }
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
    bg_node *parts[MANY];
    c->w[0] = bg_parameter(c->graph, c->tensors[0]);
    for (int i = 0; i < MANY; i++)
        parts[i] = bg_mul_scalar(c->w[0], i);
    return finish_descent(c, bg_sum(bg_concat(parts, MANY, 1), BG_ALL_AXES), 1);
}
/* Rows in so many blocks that the sums over them are cut, and the parts added in a tree. */
static bg_status tall_graph(cycle *c)
{
    bg_status status = make_tensor(c, 0, BG_F32, BG_SHAPE(1500, 8));
    if (!status)
        status = make_tensor(c, 2, BG_F32, BG_SHAPE(5, 8));
    if (!status)
        status = bg_graph_create(&c->graph, c->engine);
    if (status)
        return status;
    c->w[0] = bg_parameter(c->graph, c->tensors[2]);
    bg_node *h = bg_tanh(bg_linear(bg_constant(c->graph, c->tensors[0]), c->w[0], NULL));
    return finish_descent(c, bg_mean(bg_square(h), BG_ALL_AXES), 1);
}
static bg_status empty_graph(cycle *c)
{
    bg_status status = make_tensor(c, 0, BG_F64, BG_SHAPE(0, 6));
    if (!status)
        status = make_tensor(c, 2, BG_F64, BG_SHAPE(6, 4));
    if (!status)
        status = bg_graph_create(&c->graph, c->engine);
    if (status)
        return status;
    c->w[0] = bg_parameter(c->graph, c->tensors[2]);
    bg_node *y = bg_matmul(bg_constant(c->graph, c->tensors[0]), c->w[0]);
    return finish_descent(c, bg_sum(bg_tanh(y), BG_ALL_AXES), 1);
}
/* Outputs that are leaves, of other types, twice the same, and a count that every run advances. */
static bg_status odd_outputs(cycle *c)
{
    bg_status status = make_tensor(c, 0, BG_F32, BG_SHAPE(7));
    if (!status)
        status = make_tensor(c, 1, BG_I64, BG_SHAPE(7));
    if (!status)
        status = make_tensor(c, 2, BG_F32, BG_SCALAR);
    if (!status)
        status = bg_graph_create(&c->graph, c->engine);
    if (status)
        return status;
    c->x = bg_input(c->graph, "x", BG_F32, BG_SHAPE(7));
    c->y = bg_input(c->graph, "y", BG_I64, BG_SHAPE(7));
    bg_node *count = bg_buffer(c->graph, c->tensors[2]);
    bg_update(count, bg_add_scalar(count, 1));
    bg_update(count, bg_mul_scalar(bg_updated(count), 2));
    c->outputs[0] = bg_less(c->x, bg_cast(c->y, BG_F32));
    c->outputs[1] = c->outputs[0];
    c->outputs[2] = c->y;
    c->outputs[3] = count;
    c->n_outputs = 4;
    return finish_graph(c);
}

static bg_status compile_without_updates(cycle *c)
{
    return bg_compile(&c->second_program, c->graph, c->outputs, (size_t)c->n_outputs,
                      &(bg_compile_options){ .no_updates = true });
}
static bg_status run_without_updates(cycle *c)
{
    bg_status status = bg_program_bind(c->second_program, c->x, c->tensors[0]);
    if (!status)
        status = bg_program_bind(c->second_program, c->y, c->tensors[1]);
    if (!status)
        status = bg_program_run(c->second_program);
    if (!status)
        c->hash = hash_tensor(c->hash, bg_program_output(c->second_program, 0));
    return status;
}
/* The program needs neither the graph nor the caller's hold on its engine. */
static bg_status give_up_the_rest(cycle *c)
{
    bg_graph_destroy(c->graph);
    c->graph = NULL;
    bg_engine_destroy(c->engine);
    c->engine = NULL;
    return BG_OK;
}
static bg_status bind_view(cycle *c)
{
    bg_status status = make_tensor(c, 7, BG_F64, BG_SHAPE(4, 6));
    if (!status && !c->tensors[8])
        status = bg_tensor_permute(&c->tensors[8], c->tensors[7], BG_AXES(1, 0));
    return status ? status : bg_program_bind(c->program, c->x, c->tensors[8]);
}
static bg_status bind_another(cycle *c)
{
    bg_status status = make_tensor(c, 6, BG_F32, BG_SHAPE(30, 20));
    if (!status)
        status = bg_program_bind(c->program, c->x, NULL);
    if (!status)
        status = expected_to_fail(bg_program_run(c->program), BG_ERR_UNBOUND);
    return status ? status : bg_program_bind(c->program, c->x, c->tensors[6]);
}
/* A class that is none: the run changes nothing. */
static bg_status run_with_wrong_class(cycle *c)
{
    int64_t *classes = bg_tensor_data(c->tensors[1]), kept = classes[11];
    classes[11] = 3;
    bg_status status = expected_to_fail(bg_program_run(c->program), BG_ERR_INDEX);
    classes[11] = kept;
    return status;
}

/* One mistake each: a graph keeps its first error, be it the mistake or that there was no memory. */
static bg_status mistaken_graph(cycle *c)
{
    static const bg_status expected[] = { BG_ERR_SHAPE, BG_ERR_DTYPE, BG_ERR_OVERLAP, BG_ERR_ARGUMENT };
    bg_status status = make_tensor(c, 0, BG_F64, BG_SHAPE(3, 4));
    if (!status && !c->tensors[1])
        status = bg_tensor_slice(&c->tensors[1], c->tensors[0], 0, 0, 2, 1);
    for (int i = 0; i < 4 && !status; i++) {
        bg_graph *graph = NULL;
        status = bg_graph_create(&graph, c->engine);
        if (status)
            break;
        bg_node *p = bg_parameter(graph, c->tensors[0]), *one = bg_scalar(graph, BG_F32, 1);
        if (i == 0)
            bg_matmul(p, p);
        else if (i == 1)
            bg_add(p, one);
        else if (i == 2)
            bg_parameter(graph, c->tensors[1]);
        else
            bg_sum(p, BG_AXES(5));
        bg_program *program = NULL;
        status = expected_to_fail(bg_compile(&program, graph, &p, 1, NULL), expected[i]);
        bg_program_destroy(program);
        bg_graph_destroy(graph);
    }
    return status;
}

const scenario program_scenarios[] = {
    { .name = "engine", .stages = { engine_1 } },
    { .name = "engine of two threads", .stages = { engine_2 } },
    { .name = "two engines", .stages = { engine_1, views, engine_too } },
    { .name = "tensors and views", .stages = { engine_1, views, wrapped } },
    { .name = "tensors of every type", .stages = { engine_1, every_type } },
    { .name = "view that keeps its base", .stages = { engine_1, lone_view } },
    { .name = "tensors refused", .stages = { engine_1, refused_tensors } },
    { .name = "least squares", .stages = { engine_1, least_squares }, .dtype = BG_F64 },
    { .name = "least squares in f32", .stages = { engine_1, least_squares }, .dtype = BG_F32 },
    { .name = "least squares without full rank", .stages = { engine_1, no_full_rank } },
    { .name = "training step", .stages = { engine_1, mlp_tensors, mlp_graph, compile, bind_x_and_y, run, run } },
    { .name = "training step on two threads",
      .stages = { engine_2, mlp_tensors, mlp_graph, compile, bind_x_and_y, run, run } },
    { .name = "clipped training step",
      .stages = { engine_1, mlp_tensors, mlp_graph, compile, bind_x_and_y, run, run },
      .text = "clipped" },
    { .name = "two programs, one after the other",
      .stages = { engine_1, mlp_tensors, mlp_graph, compile, bind_x_and_y, run, drop_graph, mlp_graph, compile,
                  bind_x_and_y, run } },
    { .name = "program without updates beside one with them",
      .stages = { engine_1, mlp_tensors, mlp_graph, compile, compile_without_updates, bind_x_and_y, run,
                  run_without_updates, run } },
    { .name = "program alone",
      .stages = { engine_1, mlp_tensors, mlp_graph, compile, bind_x_and_y, give_up_the_rest, run, run } },
    { .name = "inputs bound anew",
      .stages = { engine_1, mlp_tensors, mlp_graph, compile, bind_x_and_y, run, bind_another, run } },
    { .name = "run that fails",
      .stages = { engine_1, mlp_tensors, mlp_graph, compile, bind_x_and_y, run, run_with_wrong_class, run } },
    { .name = "second derivatives", .stages = { engine_1, deep_graph, compile, run, run } },
    { .name = "swap of views", .stages = { engine_1, views, swap_graph, compile, bind_view, run, run } },
    { .name = "many inputs", .stages = { engine_1, wide_graph, compile, run, run } },
    { .name = "sums over many rows", .stages = { engine_2, tall_graph, compile, run, run } },
    { .name = "no rows", .stages = { engine_1, empty_graph, compile, run, run } },
    { .name = "odd outputs", .stages = { engine_1, odd_outputs, compile, bind_x_and_y, run, run } },
    { .name = "mistakes in graphs", .stages = { engine_1, mistaken_graph } },
};
const int program_scenario_count = sizeof program_scenarios / sizeof *program_scenarios;
