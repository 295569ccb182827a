/* Populations: each member against the same network with its parameters alone, layer by layer, and the losses of
 * candidates. */
#include "support/counted.h"
#include "support/suite.h"
#include "support/values.h"

#include <stdio.h>

enum { MEMBERS = 3 };

/* Numbers that look random, in -1 .. 1. */
static double number(uint64_t i)
{
    uint64_t x = (i + 1) * UINT64_C(0x9E3779B97F4A7C15);
    x = (x ^ (x >> 29)) * UINT64_C(0xBF58476D1CE4E5B9);
    return (double)(x >> 11) / (double)(UINT64_C(1) << 52) - 1;
}
static void fill(bg_tensor *tensor)
{
    double *data = bg_tensor_data(tensor);
    for (int64_t i = 0; i < bg_shape_count(bg_tensor_shape(tensor)); i++)
        data[i] = 2 * number((uint64_t)i + 1000);
}

/* ---- Lines ---- */

typedef struct {
    const char *line;
    bg_shape x;
    int64_t classes; /* x holds indices below it; 0: numbers */
} line_case;

/* Every layer of the grammar that takes members, and those without parameters; each as the first one, whose x all
 * members share, or behind another one. */
static const line_case lines[] = {
    { "dense:3", { 2, { 4, 5 } }, 0 },
    { "dense:3:nobias", { 2, { 1, 5 } }, 0 },
    { "dense:3 relu dense:2:nobias tanh dense:1", { 2, { 4, 5 } }, 0 },
    { "dense:4", { 3, { 4, 5, 2 } }, 0 },
    { "conv:3:3:pad=same relu max_pool:2 dropout:0.5 dense:2", { 4, { 2, 2, 6, 6 } }, 0 },
    { "conv:4:3x2:stride=2x1:pad=1x0:nobias conv:2:2:groups=2 flatten dense:1", { 4, { 2, 3, 6, 6 } }, 0 },
    { "conv:4:1:groups=2 conv:2:2:dilation=2:pad=1:reflect conv:2:3:pad=1:circular", { 4, { 2, 2, 5, 5 } }, 0 },
    { "conv:2:3:pad=1:replicate conv:3:2", { 3, { 3, 2, 7 } }, 0 },
    { "conv:2:2 conv:2:2", { 5, { 2, 1, 4, 4, 4 } }, 0 },
    { "conv_transpose:4:2:stride=2:pad=1:output_pad=1:groups=2 conv_transpose:3:2", { 4, { 2, 2, 3, 3 } }, 0 },
    { "conv:4:1 avg_pool:2:stride=1:pad=1:ceil adaptive_avg_pool:2x1 upsample:2x1", { 4, { 2, 2, 4, 4 } }, 0 },
    { "conv:4:1 adaptive_max_pool:2 pixel_shuffle:2 dropout_channels:0.3", { 4, { 2, 2, 4, 4 } }, 0 },
    { "conv:4:1 local_response_norm:3:alpha=0.5:beta=0.5:k=2", { 4, { 2, 2, 4, 4 } }, 0 },
    { "group_norm:2:eps=0.1 conv:4:1 group_norm:2 prelu:4 prelu", { 4, { 2, 2, 4, 4 } }, 0 },
    { "prelu:3 dense:4 prelu:4 prelu", { 2, { 5, 3 } }, 0 },
    { "prelu", { 2, { 5, 3 } }, 0 },
    { "instance_norm:affine conv:2:1 instance_norm instance_norm:affine", { 4, { 2, 2, 4, 4 } }, 0 },
    { "layer_norm dense:4 layer_norm:eps=0.1 rms_norm:eps=0.01", { 2, { 3, 4 } }, 0 },
    { "layer_norm:axes=2:nobias rms_norm:noaffine dense:3 layer_norm:noaffine", { 3, { 3, 4, 2 } }, 0 },
    { "rms_norm unflatten:2x2 layer_norm:axes=2", { 2, { 3, 4 } }, 0 },
    { "positions:6 dense:3", { 3, { 2, 5, 4 } }, 0 },
    { "embedding:4:3 positions:5 dense:3 relu last dense:2", { 2, { 2, 5 } }, 4 },
    { "embedding:4:3 flatten dense:2", { 2, { 3, 5 } }, 4 },
};
enum { LINES = sizeof lines / sizeof *lines };

/* Those that take none, by the name that the error has. */
static const struct {
    line_case line;
    const char *name;
} refused[] = {
    { { "dense:4 batch_norm", { 2, { 4, 5 } }, 0 }, "batch_norm \"1\"" },
    { { "batch_norm:nostats", { 2, { 4, 5 } }, 0 }, "batch_norm \"0\"" },
    { { "conv:2:1 instance_norm:stats", { 4, { 2, 2, 4, 4 } }, 0 }, "instance_norm \"1\"" },
    { { "rnn:3", { 3, { 2, 5, 4 } }, 0 }, "rnn \"0\"" },
    { { "lstm:3", { 3, { 2, 5, 4 } }, 0 }, "lstm \"0\"" },
    { { "embedding:4:3 gru:3", { 2, { 2, 5 } }, 4 }, "gru \"1\"" },
    { { "embedding:4:3:padding=0", { 2, { 2, 5 } }, 4 }, "embedding \"0\": a population takes no row of padding" },
    { { "attention:2", { 3, { 2, 5, 4 } }, 0 }, "attention \"0\"" },
    { { "encoder_layer:2", { 3, { 2, 5, 4 } }, 0 }, "attention \"0.self_attn\"" },
};
enum { REFUSED = sizeof refused / sizeof *refused };

static bg_tensor *input_of(const line_case *c)
{
    bg_tensor *x;
    OK(bg_tensor_create(&x, counted_engine(), c->classes ? BG_I64 : BG_F64, c->x));
    if (c->classes)
        for (int64_t i = 0; i < bg_shape_count(c->x); i++)
            ((int64_t *)bg_tensor_data(x))[i] = (3 * i + i / 4) % c->classes;
    else
        fill(x);
    return x;
}

/* A model of this many members, 0 for none, that builds its evaluation form. */
static bg_model *model_of(int64_t members)
{
    bg_model *model;
    if (members > 0)
        OK(bg_model_create_population(&model, counted_engine(), BG_F64, members));
    else
        OK(bg_model_create(&model, counted_engine(), BG_F64));
    bg_model_set_training(model, false);
    return model;
}

/* The prediction of a line, and the loss of it against zeros: of each member. */
static bg_program *compile_line(bg_model *model, const char *line, bg_tensor *x)
{
    bg_graph *graph;
    bg_program *program = NULL;
    OK(bg_graph_create(&graph, counted_engine()));
    bg_node *outputs[2] = { bg_layers(model, line, bg_buffer(graph, x)) };
    ck_assert_msg(outputs[0], "%s: %s", line, bg_last_error());
    int64_t members = bg_model_members(model);
    bg_shape shape = bg_node_shape(outputs[0]);
    shape.dims[0] /= members ? members : 1;
    bg_node *target = bg_broadcast(bg_scalar(graph, BG_F64, 0.5), shape);
    bool depends = bg_model_count(model) > 0;
    if (members && depends)
        outputs[1] = bg_model_member_losses(model, bg_l2_loss, outputs[0], target);
    else
        outputs[1] = bg_l2_loss(outputs[0], target, BG_MEAN);
    expect_ok(bg_graph_status(graph), line);
    expect_ok(bg_compile(&program, graph, outputs, 2, NULL), line);
    bg_graph_destroy(graph);
    return program;
}

static void expect_member(const char *line, const bg_program *population, const bg_program *single, int64_t k)
{
    const bg_tensor *all = bg_program_output(population, 0), *one = bg_program_output(single, 0);
    int64_t count = bg_shape_count(bg_tensor_shape(one));
    ck_assert_msg(bg_shape_count(bg_tensor_shape(all)) == MEMBERS * count, "%s: %lld elements", line,
                  (long long)bg_shape_count(bg_tensor_shape(all)));
    ck_assert_int_eq(bg_tensor_shape(all).dims[0], MEMBERS * bg_tensor_shape(one).dims[0]);
    for (int64_t i = 0; i < count; i++) {
        double expected = value_at(one, i), found = value_at(all, k * count + i);
        ck_assert_msg(fabs(found - expected) <= 1e-12 * fmax(1, fabs(expected)), "%s: member %lld, [%lld] %.17g, %.17g",
                      line, (long long)k, (long long)i, found, expected);
    }
    double expected = value_at(bg_program_output(single, 1), 0), found = value_at(bg_program_output(population, 1), k);
    ck_assert_msg(fabs(found - expected) <= 1e-12 * fmax(1, fabs(expected)), "%s: loss %lld is %.17g, not %.17g", line,
                  (long long)k, found, expected);
}

static void check_line(const line_case *c)
{
    bg_tensor *x = input_of(c);
    bg_model *single = model_of(0), *population = model_of(MEMBERS);
    bg_program *one = compile_line(single, c->line, x), *all = compile_line(population, c->line, x);
    int64_t n = bg_model_dimension(single);
    ck_assert_msg(bg_model_dimension(population) == n && n > 0, "%s: %lld", c->line, (long long)n);
    double *vectors = calloc((size_t)(MEMBERS * n), sizeof *vectors);
    double *back = calloc((size_t)(MEMBERS * n), sizeof *back);

    /* The first values of all members are those of the model. */
    OK(bg_model_get_vectors(single, back, 1));
    OK(bg_model_get_vectors(population, vectors, MEMBERS));
    for (int64_t i = 0; i < MEMBERS * n; i++)
        ck_assert_double_eq(vectors[i], back[i % n]);

    for (int64_t i = 0; i < MEMBERS * n; i++)
        vectors[i] = number((uint64_t)i);
    OK(bg_model_set_vectors(population, vectors, MEMBERS));
    OK(bg_model_get_vectors(population, back, MEMBERS));
    ck_assert_mem_eq(vectors, back, (size_t)(MEMBERS * n) * sizeof *back);
    expect_ok(bg_program_run(all), c->line);
    for (int64_t k = 0; k < MEMBERS; k++) {
        OK(bg_model_set_vectors(single, vectors + k * n, 1));
        expect_ok(bg_program_run(one), c->line);
        expect_member(c->line, all, one, k);
    }
    free(vectors);
    free(back);
    bg_program_destroy(one);
    bg_program_destroy(all);
    bg_model_destroy(single);
    bg_model_destroy(population);
    bg_tensor_destroy(x);
}

START_TEST(test_lines) { check_line(&lines[_i]); }
END_TEST

static bool has_word(const char *line, const char *name)
{
    size_t length = strlen(name);
    for (const char *p = line; p; p = strchr(p, ' ')) {
        p += *p == ' ';
        if (strncmp(p, name, length) == 0 && (p[length] == 0 || p[length] == ' ' || p[length] == ':'))
            return true;
    }
    return false;
}

/* Every layer is in one of the two tables, and every activation is between two layers. */
START_TEST(test_grammar)
{
    char grammar[8192];
    ck_assert_uint_lt(bg_layers_grammar(grammar, sizeof grammar), sizeof grammar);
    char *activations = strstr(grammar, "Activations:");
    char *end = strstr(grammar, "\nN and I are");
    *activations = *end = 0;
    activations += strlen("Activations:");
    int layers = 0, functions = 0;
    for (char *row = strtok(grammar, "\n"); row; row = strtok(NULL, "\n")) {
        char name[40];
        if (strncmp(row, "  ", 2) != 0 || row[2] == ' ' || sscanf(row + 2, "%39[a-z_]", name) != 1)
            continue;
        bool is_found = false;
        for (int i = 0; i < LINES; i++)
            is_found = is_found || has_word(lines[i].line, name);
        for (int i = 0; i < REFUSED; i++)
            is_found = is_found || has_word(refused[i].line.line, name);
        ck_assert_msg(is_found, "no line has the layer %s", name);
        layers++;
    }
    for (char *word = strtok(activations, " \n"); word; word = strtok(NULL, " \n")) {
        char line[80];
        word[strcspn(word, "[")] = 0;
        snprintf(line, sizeof line, "dense:4 %s dense:2", word);
        check_line(&(line_case){ line, BG_SHAPE(3, 2), 0 });
        functions++;
    }
    ck_assert_msg(layers > 25 && functions > 20, "%d layers, %d activations", layers, functions);
}
END_TEST

START_TEST(test_refused_layers)
{
    const line_case *c = &refused[_i].line;
    bg_tensor *x = input_of(c);
    bg_model *model = model_of(MEMBERS);
    bg_graph *graph;
    OK(bg_graph_create(&graph, counted_engine()));
    ck_assert_ptr_null(bg_layers(model, c->line, bg_buffer(graph, x)));
    expect_failure(bg_graph_status(graph), BG_ERR_ARGUMENT, refused[_i].name, c->line);
    ck_assert_msg(strstr(bg_last_error(), "population"), "%s", bg_last_error());
    bg_graph_destroy(graph);
    bg_model_destroy(model);
    bg_tensor_destroy(x);
}
END_TEST

/* A network of the library, whose sizes follow from parameters that are there. */
START_TEST(test_networks)
{
    bg_model *model = model_of(MEMBERS);
    bg_graph *graph;
    OK(bg_graph_create(&graph, counted_engine()));
    bg_node *x = bg_input(graph, "x", BG_F64, BG_SHAPE(2, 12, 12));
    bg_network_options sizes = { .classes = 3, .width = 2 };
    ck_assert_ptr_nonnull(bg_network_mnist_cnn(model, x, &sizes));
    bg_node *y = bg_network_mnist_cnn(model, x, NULL);
    ck_assert_msg(y, "%s", bg_last_error());
    ck_assert(bg_shape_equal(bg_node_shape(y), BG_SHAPE(2 * MEMBERS, 3)));
    bg_graph_destroy(graph);
    OK(bg_graph_create(&graph, counted_engine()));
    ck_assert_ptr_null(bg_network_char_gpt(model, bg_input(graph, "x", BG_I64, BG_SHAPE(2, 4)), NULL));
    expect_failure(bg_graph_status(graph), BG_ERR_ARGUMENT, "char-gpt", "char-gpt");
    bg_graph_destroy(graph);
    bg_model_destroy(model);
}
END_TEST

/* ---- Losses of members ---- */

static const char *const loss_names[] = { "l1",
                                          "l2",
                                          "smooth_l1",
                                          "huber",
                                          "poisson_nll",
                                          "bce_with_logits",
                                          "hinge",
                                          "soft_margin",
                                          "cross_entropy",
                                          "nll",
                                          "multi_margin",
                                          "multilabel_soft_margin",
                                          "kl_div",
                                          "cosine_similarity",
                                          "hinge_embedding" };
enum { LOSSES = sizeof loss_names / sizeof *loss_names, ROWS = 5, OUT = 3 };

START_TEST(test_losses)
{
    const char *name = loss_names[_i];
    bg_loss *loss = bg_loss_find(name);
    bg_tensor *x = input_of(&(line_case){ .x = BG_SHAPE(ROWS, 4) }), *y;
    bool takes_classes = bg_loss_takes_classes(name);
    OK(bg_tensor_create(&y, counted_engine(), takes_classes ? BG_I64 : BG_F64,
                        takes_classes ? BG_SHAPE(ROWS) : BG_SHAPE(ROWS, OUT)));
    for (int64_t i = 0; i < bg_shape_count(bg_tensor_shape(y)); i++)
        if (takes_classes)
            ((int64_t *)bg_tensor_data(y))[i] = i % OUT;
        else
            ((double *)bg_tensor_data(y))[i] = (double)(i % 2);
    bg_model *models[2] = { model_of(0), model_of(MEMBERS) };
    bg_program *programs[2];
    for (int m = 0; m < 2; m++) {
        bg_graph *graph;
        OK(bg_graph_create(&graph, counted_engine()));
        bg_node *prediction = bg_layers(models[m], "dense:3", bg_buffer(graph, x)), *target = bg_buffer(graph, y);
        bg_node *value =
            m ? bg_model_member_losses(models[m], loss, prediction, target) : loss(prediction, target, BG_MEAN);
        expect_ok(bg_graph_status(graph), name);
        OK(bg_compile(&programs[m], graph, &value, 1, NULL));
        bg_graph_destroy(graph);
    }
    double vectors[MEMBERS * (4 * OUT + OUT)];
    int64_t n = bg_model_dimension(models[0]);
    for (int64_t i = 0; i < MEMBERS * n; i++)
        vectors[i] = number((uint64_t)i);
    OK(bg_model_set_vectors(models[1], vectors, MEMBERS));
    OK(bg_program_run(programs[1]));
    for (int64_t k = 0; k < MEMBERS; k++) {
        OK(bg_model_set_vectors(models[0], vectors + k * n, 1));
        OK(bg_program_run(programs[0]));
        expect_near(name, value_at(bg_program_output(programs[1], 0), k),
                    value_at(bg_program_output(programs[0], 0), 0), 1e-12);
    }
    for (int m = 0; m < 2; m++) {
        bg_program_destroy(programs[m]);
        bg_model_destroy(models[m]);
    }
    bg_tensor_destroy(x);
    bg_tensor_destroy(y);
}
END_TEST

/* ---- What is refused ---- */

START_TEST(test_refused)
{
    bg_model *model, *single = model_of(0);
    FAILS(bg_model_create_population(&model, counted_engine(), BG_F64, 0), BG_ERR_ARGUMENT, "0 members");
    ck_assert_ptr_null(model);
    FAILS(bg_model_create_population(&model, counted_engine(), BG_F64, -2), BG_ERR_ARGUMENT, "-2 members");
    FAILS(bg_model_create_population(&model, counted_engine(), BG_I64, 2), BG_ERR_DTYPE, "i64");
    model = model_of(2);
    double numbers[8] = { 0 };
    FAILS(bg_model_set_vectors(model, numbers, 3), BG_ERR_ARGUMENT, "3 vectors for a model of 2");
    FAILS(bg_model_get_vectors(model, numbers, -1), BG_ERR_ARGUMENT, "-1 vectors");
    FAILS(bg_model_set_vectors(single, numbers, 2), BG_ERR_ARGUMENT, "2 vectors for a model of 1");
    FAILS(bg_model_set_vectors(model, NULL, 1), BG_ERR_ARGUMENT, "vectors is NULL");
    OK(bg_model_set_vectors(model, numbers, 2));
    ck_assert_int_eq(bg_model_dimension(model), 0);

    bg_graph *graph;
    OK(bg_graph_create(&graph, counted_engine()));
    ck_assert_ptr_null(bg_dense(model, "f", bg_input(graph, "x", BG_F64, BG_SHAPE(4)), 2));
    FAILS(bg_graph_status(graph), BG_ERR_SHAPE, "dense \"f\": a population needs x [n, .., in]: x [4]");
    bg_graph_destroy(graph);

    /* 3 rows of members that are 2 */
    OK(bg_graph_create(&graph, counted_engine()));
    bg_node *y = bg_dense(model, "f", bg_input(graph, "x", BG_F64, BG_SHAPE(3, 4)), 2);
    ck_assert_ptr_null(bg_dense(model, "g", bg_narrow(y, 0, 0, 3), 2));
    FAILS(bg_graph_status(graph), BG_ERR_SHAPE,
          "dense \"g\": in a population of 2, x is not [members * n, ..]: x [3, 2]");
    bg_graph_destroy(graph);

    OK(bg_graph_create(&graph, counted_engine()));
    bg_node *x = bg_input(graph, "x", BG_F64, BG_SHAPE(3, 4));
    ck_assert_ptr_null(bg_model_member_losses(model, bg_l2_loss, x, x));
    FAILS(bg_graph_status(graph), BG_ERR_ARGUMENT, "depends on no parameter");
    bg_graph_destroy(graph);

    OK(bg_graph_create(&graph, counted_engine()));
    y = bg_dense(single, "f", bg_input(graph, "x", BG_F64, BG_SHAPE(3, 4)), 2);
    ck_assert_ptr_null(bg_model_member_losses(single, bg_l2_loss, y, y));
    FAILS(bg_graph_status(graph), BG_ERR_ARGUMENT, "the model is no population");
    bg_graph_destroy(graph);

    /* A parameter of as many axes as there can be has no room. */
    OK(bg_graph_create(&graph, counted_engine()));
    bg_shape shape = { 8, { 1, 1, 1, 1, 1, 1, 1, 1 } };
    ck_assert_ptr_null(bg_model_parameter(model, graph, "w", shape, (bg_init){ 0 }));
    FAILS(bg_graph_status(graph), BG_ERR_SHAPE, "no room for the axis of a population");
    bg_graph_destroy(graph);
    bg_model_destroy(model);
    bg_model_destroy(single);
}
END_TEST

/* ---- Candidates ---- */

static bg_node *network(bg_model *model, bg_node *x, void *user) { return bg_layers(model, user, x); }

/* n examples of 6 inputs and a class of 3. */
static bg_dataset *made_data(bg_engine *engine, int64_t n, bg_dtype dtype)
{
    bg_tensor *columns[2];
    bg_dataset *dataset;
    OK(bg_tensor_create(&columns[0], engine, dtype, BG_SHAPE(n, 6)));
    OK(bg_tensor_create(&columns[1], engine, BG_I64, BG_SHAPE(n)));
    for (int64_t i = 0; i < n; i++) {
        for (int64_t j = 0; j < 6; j++)
            if (dtype == BG_F64)
                ((double *)bg_tensor_data(columns[0]))[6 * i + j] = number((uint64_t)(6 * i + j));
            else
                ((float *)bg_tensor_data(columns[0]))[6 * i + j] = (float)number((uint64_t)(6 * i + j));
        ((int64_t *)bg_tensor_data(columns[1]))[i] = i % 3;
    }
    OK(bg_dataset_create(&dataset, columns, 2, 3));
    bg_tensor_destroy(columns[0]);
    bg_tensor_destroy(columns[1]);
    return dataset;
}

static bg_tensor *made_candidates(bg_engine *engine, int64_t n, int64_t dimension)
{
    bg_tensor *candidates;
    OK(bg_tensor_create(&candidates, engine, BG_F64, BG_SHAPE(n, dimension)));
    fill(candidates);
    return candidates;
}

static char two_layers[] = "dense:5 tanh dense:3";

/* The losses against a trainer's evaluation, for numbers of examples and members that do and do not divide evenly. */
START_TEST(test_evaluation)
{
    static char image[] = "unflatten:1x2x3 conv:5:2x3 tanh dense:3", sequence[] = "unflatten:3x2 rnn:4 last dense:3";
    static const struct {
        int64_t examples, candidates, members;
        char *line;
        int64_t expected; /* members of a run; 0: several */
    } cases[] = { { 7, 4, 0, two_layers, 0 },    { 1024, 3, 0, two_layers, 0 }, { 1500, 5, 2, two_layers, 2 },
                  { 2049, 7, 3, two_layers, 3 }, { 1, 1, 1, two_layers, 1 },    { 3, 0, 0, two_layers, 0 },
                  { 30, 4, 0, image, 1 },        { 30, 4, 3, image, 3 },        { 30, 4, 0, sequence, 1 } };
    bg_engine *engine = counted_engine();
    bg_model *model = model_of(0);
    bg_dataset *dataset = made_data(engine, cases[_i].examples, BG_F64);
    bg_population *population;
    bg_population_options options = {
        .network = network, .loss = bg_cross_entropy_loss, .user = cases[_i].line, .members = cases[_i].members
    };
    OK(bg_population_create(&population, model, dataset, &options));
    bg_population_cost cost = bg_population_get_cost(population);
    ck_assert(cases[_i].expected ? cost.members == cases[_i].expected : cost.members > 100);
    ck_assert_int_eq(cost.examples, cases[_i].examples);
    if (cases[_i].line == two_layers) {
        ck_assert_int_eq(cost.dimension, 6 * 5 + 5 + 5 * 3 + 3);
        ck_assert_double_eq(cost.product_flops, (double)cases[_i].examples * 2 * (6 * 5 + 5 * 3));
    }
    bg_tensor *candidates = made_candidates(engine, cases[_i].candidates, cost.dimension);
    double losses[8];
    OK(bg_population_evaluate(candidates, losses, population));
    bg_trainer *trainer;
    OK(bg_trainer_create(&trainer, model,
                         &(bg_trainer_options){ .network = network,
                                                .loss = bg_cross_entropy_loss,
                                                .user = cases[_i].line,
                                                .optimizer = bg_sgd(0.1, 0),
                                                .batch = 256 }));
    for (int64_t k = 0; k < cases[_i].candidates; k++) {
        bg_metrics metrics;
        OK(bg_model_set_vectors(model, (const double *)bg_tensor_const_data(candidates) + k * cost.dimension, 1));
        OK(bg_trainer_evaluate(trainer, dataset, &metrics));
        expect_near("the loss of a candidate", losses[k], metrics.loss, 1e-12);
    }
    bg_trainer_destroy(trainer);
    bg_population_destroy(population);
    bg_tensor_destroy(candidates);
    bg_dataset_destroy(dataset);
    bg_model_destroy(model);
}
END_TEST

/* Parameters that were made in another order than the network's, one of them tied. */
static bg_node *tied_network(bg_model *model, bg_node *x, void *user)
{
    (void)user;
    if (bg_model_tie(model, "b.weight", "a.weight") != BG_OK)
        return NULL;
    x = bg_tanh(bg_dense_with(model, "a", x, 6, &(bg_dense_options){ .without_bias = true }));
    return bg_dense(model, "c", bg_dense_with(model, "b", x, 6, &(bg_dense_options){ .without_bias = true }), 3);
}
START_TEST(test_order_of_parameters)
{
    bg_engine *engine = counted_engine();
    bg_model *model = model_of(0);
    bg_tensor *bias = made_candidates(engine, 1, 3), *flat;
    OK(bg_tensor_reshape(&flat, bias, BG_SHAPE(3)));
    OK(bg_model_set(model, "c.bias", flat, true));
    bg_dataset *dataset = made_data(engine, 10, BG_F64);
    bg_population *population;
    OK(bg_population_create(&population, model, dataset,
                            &(bg_population_options){ .network = tied_network, .loss = bg_cross_entropy_loss }));
    ck_assert_str_eq(bg_model_name(model, 0), "c.bias");
    ck_assert_double_eq(value_at(bg_model_tensor(model, 0), 1), value_at(bias, 1));
    int64_t n = bg_population_get_cost(population).dimension;
    ck_assert_int_eq(n, 36 + 18 + 3);
    bg_tensor *candidates = made_candidates(engine, 2, n);
    double losses[2];
    OK(bg_population_evaluate(candidates, losses, population));
    bg_trainer *trainer;
    OK(bg_trainer_create(
        &trainer, model,
        &(bg_trainer_options){ .network = tied_network, .loss = bg_cross_entropy_loss, .optimizer = bg_sgd(0.1, 0) }));
    bg_metrics metrics;
    OK(bg_model_set_vectors(model, (const double *)bg_tensor_const_data(candidates) + n, 1));
    OK(bg_trainer_evaluate(trainer, dataset, &metrics));
    expect_near("the loss", losses[1], metrics.loss, 1e-12);
    bg_trainer_destroy(trainer);
    bg_population_destroy(population);
    bg_tensor_destroy(candidates);
    bg_tensor_destroy(bias);
    bg_tensor_destroy(flat);
    bg_dataset_destroy(dataset);
    bg_model_destroy(model);
}
END_TEST

/* Batches: the candidates of a generation see the same examples, each example is seen once an epoch, and epochs differ;
 * the same seed gives the same again. */
START_TEST(test_batches)
{
    bg_engine *engine = counted_engine();
    bg_model *model = model_of(0);
    bg_dataset *dataset = made_data(engine, 12, BG_F64);
    double all[2], losses[3][6][2];
    bg_tensor *candidates = NULL;
    for (int run = 0; run < 4; run++) {
        bg_population *population;
        bg_population_options options = { .network = network,
                                          .loss = bg_cross_entropy_loss,
                                          .user = two_layers,
                                          .batch = run ? 4 : 0,
                                          .seed = run == 3 ? 2 : 1 };
        OK(bg_population_create(&population, model, dataset, &options));
        if (!candidates)
            candidates = made_candidates(engine, 2, bg_model_dimension(model));
        if (run == 0)
            OK(bg_population_evaluate(candidates, all, population));
        for (int g = 0; g < 6 && run; g++)
            OK(bg_population_evaluate(candidates, losses[run - 1][g], population));
        bg_population_destroy(population);
    }
    for (int k = 0; k < 2; k++)
        for (int epoch = 0; epoch < 2; epoch++) {
            double(*of)[2] = losses[0] + 3 * epoch;
            expect_near("the mean of an epoch", (of[0][k] + of[1][k] + of[2][k]) / 3, all[k], 1e-12);
        }
    ck_assert_double_ne(losses[0][0][0], losses[0][3][0]);
    ck_assert_mem_eq(losses[0], losses[1], sizeof losses[0]);
    ck_assert_double_ne(losses[0][0][0], losses[2][0][0]);
    bg_tensor_destroy(candidates);
    bg_dataset_destroy(dataset);
    bg_model_destroy(model);
}
END_TEST

/* The same bits for any number of threads, in f32, of a whole search. */
START_TEST(test_bits)
{
    double expected = 0;
    bg_tensor *first = NULL;
    for (int threads = 1; threads <= 4; threads++) {
        bg_engine *engine;
        bg_model *model;
        bg_population *population;
        bg_search *search;
        OK(bg_engine_create(&engine, &(bg_engine_options){ .threads = threads, .seed = 3 }));
        OK(bg_model_create(&model, engine, BG_F32));
        bg_dataset *dataset = made_data(engine, 200, BG_F32);
        char line[] = "dense:32 relu dense:3";
        OK(bg_population_create(
            &population, model, dataset,
            &(bg_population_options){ .network = network, .loss = bg_cross_entropy_loss, .user = line }));
        bg_search_method method = bg_search_sep_cmaes();
        method.sigma = 0.1;
        OK(bg_search_create(&search, engine, &method, bg_model_dimension(model), &(bg_search_options){ .seed = 5 }));
        OK(bg_search_minimize(search, bg_population_evaluate, population, &(bg_search_budget){ .evaluations = 600 }));
        double loss = bg_search_get_progress(search).best_loss;
        if (!first) {
            expected = loss;
            OK(bg_tensor_create(&first, counted_engine(), BG_F64, BG_SHAPE(bg_model_dimension(model))));
            OK(bg_tensor_copy(first, bg_search_best(search)));
            ck_assert_double_lt(loss, log(3));
        }
        ck_assert_double_eq(loss, expected);
        ck_assert_mem_eq(bg_tensor_const_data(first), bg_tensor_const_data(bg_search_best(search)),
                         (size_t)bg_model_dimension(model) * sizeof(double));
        bg_search_destroy(search);
        bg_population_destroy(population);
        bg_dataset_destroy(dataset);
        bg_model_destroy(model);
        bg_engine_destroy(engine);
    }
    bg_tensor_destroy(first);
}
END_TEST

static bg_node *no_parameters(bg_model *model, bg_node *x, void *user)
{
    (void)model, (void)user;
    return bg_narrow(x, 1, 0, 3);
}
static bg_node *nothing(bg_model *model, bg_node *x, void *user)
{
    (void)model, (void)x, (void)user;
    return NULL;
}

START_TEST(test_refused_populations)
{
    bg_engine *engine = counted_engine();
    bg_model *model = model_of(0), *members = model_of(2);
    bg_dataset *dataset = made_data(engine, 12, BG_F64);
    bg_population *population;
    bg_population_options good = { .network = network, .loss = bg_cross_entropy_loss, .user = two_layers }, o = good;
    FAILS(bg_population_create(NULL, model, dataset, &o), BG_ERR_ARGUMENT, "population is NULL");
    FAILS(bg_population_create(&population, NULL, dataset, &o), BG_ERR_ARGUMENT, "model is NULL");
    FAILS(bg_population_create(&population, model, NULL, &o), BG_ERR_ARGUMENT, "dataset is NULL");
    FAILS(bg_population_create(&population, model, dataset, NULL), BG_ERR_ARGUMENT, "options is NULL");
    FAILS(bg_population_create(&population, members, dataset, &o), BG_ERR_ARGUMENT, "a population already");
    o.loss = NULL;
    FAILS(bg_population_create(&population, model, dataset, &o), BG_ERR_ARGUMENT, "loss is NULL");
    o = good;
    o.batch = 13;
    FAILS(bg_population_create(&population, model, dataset, &o), BG_ERR_ARGUMENT, "batches of 13 examples, of 12");
    o = good;
    o.members = -1;
    FAILS(bg_population_create(&population, model, dataset, &o), BG_ERR_ARGUMENT, "-1 members");
    o = good;
    o.network = no_parameters;
    FAILS(bg_population_create(&population, model, dataset, &o), BG_ERR_ARGUMENT, "no parameters to search for");
    o.network = nothing;
    FAILS(bg_population_create(&population, model, dataset, &o), BG_ERR_ARGUMENT, "network returned no node");
    o = good;
    char line[] = "dense:4 batch_norm dense:3", sequence[] = "unflatten:3x2 lstm:4 last dense:3";
    o.user = line;
    FAILS(bg_population_create(&population, model, dataset, &o), BG_ERR_ARGUMENT,
          "the network keeps running statistics, \"1.running_mean\"");
    ck_assert_ptr_null(population);
    bg_model_destroy(model);
    model = model_of(0);
    o.user = sequence;
    o.members = 2;
    FAILS(bg_population_create(&population, model, dataset, &o), BG_ERR_ARGUMENT, "lstm \"1\"");
    bg_model_destroy(model);

    model = model_of(0);
    OK(bg_population_create(&population, model, dataset, &good));
    double losses[2];
    bg_tensor *candidates = made_candidates(engine, 2, 5);
    FAILS(bg_population_evaluate(candidates, losses, population), BG_ERR_SHAPE, "candidates f64 [2, 5]");
    FAILS(bg_population_evaluate(NULL, losses, population), BG_ERR_ARGUMENT, "candidates is NULL");
    bg_tensor_destroy(candidates);
    bg_population_destroy(population);
    bg_population_destroy(NULL);
    bg_dataset_destroy(dataset);
    bg_model_destroy(model);
    bg_model_destroy(members);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("population");
    TCase *tests = tcase_create("population");
    tcase_add_checked_fixture(tests, counted_begin, counted_end);
    tcase_add_loop_test(tests, test_lines, 0, LINES);
    tcase_add_test(tests, test_grammar);
    tcase_add_loop_test(tests, test_refused_layers, 0, REFUSED);
    tcase_add_test(tests, test_networks);
    tcase_add_loop_test(tests, test_losses, 0, LOSSES);
    tcase_add_test(tests, test_refused);
    tcase_add_loop_test(tests, test_evaluation, 0, 9);
    tcase_add_test(tests, test_order_of_parameters);
    tcase_add_test(tests, test_batches);
    tcase_add_test(tests, test_bits);
    tcase_add_test(tests, test_refused_populations);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
