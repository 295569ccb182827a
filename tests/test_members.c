/* Populations: each member against the same network with its parameters alone, layer by layer and loss by loss. */
#include "support/counted.h"
#include "support/fixed.h"
#include "support/suite.h"
#include "support/values.h"

#include <stdio.h>

enum { MEMBERS = 3 };

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
        fixed_fill(bg_tensor_data(x), BG_F64, bg_shape_count(c->x), 2, 2);
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
        vectors[i] = fixed_number(1, (uint64_t)i);
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
        vectors[i] = fixed_number(1, (uint64_t)i);
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

int main(void)
{
    Suite *suite = suite_create("members");
    TCase *tests = tcase_create("members");
    tcase_add_checked_fixture(tests, counted_begin, counted_end);
    tcase_add_loop_test(tests, test_lines, 0, LINES);
    tcase_add_test(tests, test_grammar);
    tcase_add_loop_test(tests, test_refused_layers, 0, REFUSED);
    tcase_add_test(tests, test_networks);
    tcase_add_loop_test(tests, test_losses, 0, LOSSES);
    tcase_add_test(tests, test_refused);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
