/* The networks of the reference workloads: tiny ones against PyTorch, and their sizes and names. */
#include "support/golden.h"
#include "support/suite.h"
#include "support/trial.h"
#include "support/values.h"

#include <blasgrad/train.h>

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- Golden ---- */

/* Number i of the values that follow from a name, as in tests/golden/networks.py. */
static double pattern(const char *name, const char *end, int64_t i)
{
    uint32_t start = 0, place = 0;
    for (int part = 0; part < 2; part++)
        for (const char *c = part ? end : name; *c; c++)
            start += ++place * (unsigned char)*c;
    return (double)((uint32_t)i * 2654435761U + start * 40503U) * 0x1p-32 - 0.5;
}

static void fill(bg_tensor *tensor, const char *name)
{
    if (bg_tensor_dtype(tensor) != BG_F64)
        return;
    size_t length = strlen(name);
    bool is_variance = length > 11 && !strcmp(name + length - 11, "running_var");
    double *data = bg_tensor_data(tensor);
    for (int64_t i = 0; i < bg_shape_count(bg_tensor_shape(tensor)); i++)
        data[i] = pattern(name, "", i) + is_variance;
}

static bg_tensor *read_tensor(const golden_array *array, bg_dtype dtype)
{
    ck_assert_msg(array != NULL, "%s", golden_error());
    bg_shape shape = { .rank = array->rank };
    for (int i = 0; i < array->rank; i++)
        shape.dims[i] = array->dims[i];
    bg_tensor *tensor;
    OK(bg_tensor_create(&tensor, trial_engine(), dtype, shape));
    void *data = bg_tensor_data(tensor);
    for (int64_t i = 0; i < array->count; i++) {
        if (dtype == BG_F64)
            ((double *)data)[i] = array->values[i];
        else if (dtype == BG_I64)
            ((int64_t *)data)[i] = (int64_t)array->values[i];
        else
            ((uint8_t *)data)[i] = (uint8_t)array->values[i];
    }
    return tensor;
}

static double worst;
static void compare(const char *record, const char *what, double expected, double got)
{
    double error = fabs(got - expected) / fmax(1, fabs(expected));
    ck_assert_msg(error <= 1e-11, "%s: %s is %.17g, PyTorch has %.17g", record, what, got, expected);
    worst = fmax(worst, error);
}

static void check_logits(bg_model *model, bg_network *network, bg_network_options *sizes, const golden_record *record,
                         bg_tensor *x)
{
    bg_graph *graph;
    bg_program *program;
    const golden_array *logits = golden_get(record, "logits");
    OK(bg_graph_create(&graph, trial_engine()));
    bg_model_set_training(model, false);
    bg_node *input = bg_input(graph, "x", bg_tensor_dtype(x), bg_tensor_shape(x));
    /* The first builds the parameters, whose values are filled in before the run. */
    bg_node *y = network(model, input, sizes);
    OK(bg_compile(&program, graph, &y, 1, NULL));
    for (size_t i = 0; i < bg_model_count(model); i++)
        fill(bg_model_tensor(model, i), bg_model_name(model, i));
    OK(bg_program_bind(program, input, x));
    OK(bg_program_run(program));
    const bg_tensor *got = bg_program_output(program, 0);
    ck_assert_int_eq(bg_shape_count(bg_tensor_shape(got)), logits->count);
    ck_assert_int_eq(bg_tensor_shape(got).rank, logits->rank);
    for (int64_t i = 0; i < logits->count; i++)
        compare(golden_name(record), "a logit", logits->values[i], value_at(got, i));
    bg_program_destroy(program);
    bg_graph_destroy(graph);
    bg_model_set_training(model, true);
}

static bool on_step(bg_trainer *trainer, const bg_progress *progress, void *user)
{
    (void)trainer;
    ((double *)user)[progress->step - 1] = progress->train.loss;
    return true;
}

static void check_steps(bg_model *model, bg_network *network, bg_network_options *sizes, const golden_record *record,
                        bg_tensor *x, bg_tensor *y)
{
    const golden_array *losses = golden_get(record, "losses");
    bg_dataset *data;
    bg_trainer *trainer;
    bg_trainer_options options = { .network = network,
                                   .loss = bg_cross_entropy_loss,
                                   .user = sizes,
                                   .optimizer = bg_sgd(0.1, 0.9),
                                   .batch = bg_tensor_shape(x).dims[0],
                                   .epochs = losses->count };
    double got[8] = { 0 };
    ck_assert_int_le(losses->count, 8);
    OK(bg_dataset_create(&data, (bg_tensor *[]){ x, y }, 2, 0));
    OK(bg_trainer_create(&trainer, model, &options));
    OK(bg_trainer_fit(trainer, data, NULL, on_step, got));
    for (int64_t i = 0; i < losses->count; i++)
        compare(golden_name(record), "a loss", losses->values[i], got[i]);
    bg_trainer_destroy(trainer);
    bg_dataset_destroy(data);
}

/* The weighted sum of each parameter and buffer after the steps; and there are no others. */
static void check_state(const bg_model *model, const golden_record *record)
{
    const golden_array *sums = golden_get(record, "sums");
    char names[4000], *name = names;
    int64_t n = 0;
    (void)snprintf(names, sizeof names, "%s", golden_text(record, "names"));
    for (char *next = names; next; name = next, n++) {
        next = strchr(name, ' ');
        if (next)
            *next++ = '\0';
        const bg_tensor *tensor = bg_model_find(model, name);
        ck_assert_msg(tensor != NULL, "%s: there is no %s", golden_name(record), name);
        double sum = 0;
        for (int64_t i = 0; i < bg_shape_count(bg_tensor_shape(tensor)); i++)
            sum += value_at(tensor, i) * pattern(name, "!", i);
        ck_assert_int_lt(n, sums->count);
        compare(golden_name(record), name, sums->values[n], sum);
    }
    ck_assert_int_eq(n, sums->count);
    int64_t state = 0;
    for (size_t i = 0; i < bg_model_count(model); i++)
        state += strncmp(bg_model_name(model, i), "optimizer.", 10) != 0 &&
                 bg_tensor_dtype(bg_model_tensor(model, i)) == BG_F64;
    ck_assert_int_eq(state, n);
}

static int64_t size_of(const golden_record *record, const char *key)
{
    return golden_has(record, key) ? (int64_t)golden_number(record, key) : 0;
}

static void check_record(const golden_record *record)
{
    bg_network_options sizes = { .classes = size_of(record, "classes"),
                                 .context = size_of(record, "context"),
                                 .width = size_of(record, "width"),
                                 .layers = size_of(record, "layers"),
                                 .heads = size_of(record, "heads") };
    bg_network *network = bg_network_find(golden_text(record, "network"));
    ck_assert_msg(network != NULL, "%s", bg_last_error());
    bool has_characters = !strncmp(golden_text(record, "network"), "char-", 5);
    bg_tensor *x = read_tensor(golden_get(record, "x"), has_characters ? BG_U8 : BG_F64);
    bg_tensor *y = read_tensor(golden_get(record, "y"), has_characters ? BG_U8 : BG_I64);
    bg_model *model;
    OK(bg_model_create(&model, trial_engine(), BG_F64));
    check_logits(model, network, &sizes, record, x);
    check_steps(model, network, &sizes, record, x, y);
    check_state(model, record);
    bg_model_destroy(model);
    bg_tensor_destroy(x);
    bg_tensor_destroy(y);
}

START_TEST(golden)
{
    golden_file *file = golden_open(GOLDEN_PATH("nn/networks.txt"));
    ck_assert_msg(file != NULL, "%s", golden_error());
    ck_assert_uint_ge(golden_count(file), 5);
    for (size_t i = 0; i < golden_count(file); i++)
        check_record(golden_at(file, i));
    printf("networks: %zu records, worst error %.1e\n", golden_count(file), worst);
    golden_close(file);
}
END_TEST

/* ---- Sizes and names ---- */

static int64_t parameters_of(const bg_model *model)
{
    int64_t count = 0;
    for (size_t i = 0; i < bg_model_count(model); i++)
        if (bg_model_is_parameter(model, i))
            count += bg_shape_count(bg_tensor_shape(bg_model_tensor(model, i)));
    return count;
}

static bg_shape build(bg_model *model, const char *name, bg_dtype dtype, bg_shape shape, bg_network_options *sizes)
{
    bg_graph *graph;
    OK(bg_graph_create(&graph, trial_engine()));
    bg_node *y = bg_network_find(name)(model, bg_input(graph, "x", dtype, shape), sizes);
    OK(bg_graph_status(graph));
    bg_shape result = bg_node_shape(y);
    bg_graph_destroy(graph);
    return result;
}

/* As many parameters as PyTorch's networks have. */
START_TEST(reference_sizes)
{
    static const struct {
        const char *name;
        bg_dtype dtype;
        bg_shape x, y;
        int64_t parameters;
    } rows[] = {
        { "mnist-cnn", BG_F32, { 3, { 2, 28, 28 } }, { 2, { 2, 10 } }, 1199882 },
        { "resnet20", BG_F32, { 4, { 1, 3, 32, 32 } }, { 2, { 1, 10 } }, 272474 },
        { "char-lstm", BG_U8, { 2, { 1, 3 } }, { 3, { 1, 3, 65 } }, 1086017 },
        { "char-gpt", BG_I32, { 2, { 2, 5 } }, { 3, { 2, 5, 65 } }, 809856 },
        { "gpt2", BG_I32, { 2, { 2, 5 } }, { 3, { 2, 5, 50257 } }, 124439808 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        bg_model *model;
        OK(bg_model_create(&model, trial_engine(), BG_F32));
        ck_assert_msg(bg_shape_equal(build(model, rows[i].name, rows[i].dtype, rows[i].x, NULL), rows[i].y), "%s",
                      rows[i].name);
        int64_t count = parameters_of(model);
        ck_assert_msg(count == rows[i].parameters, "%s: %lld parameters", rows[i].name, (long long)count);
        bg_model_destroy(model);
    }
}
END_TEST

/* Sizes that are left open are those of the parameters. */
START_TEST(sizes_of_the_model)
{
    bg_model *model;
    OK(bg_model_create(&model, trial_engine(), BG_F64));
    bg_network_options sizes = { .classes = 7, .context = 9, .width = 12, .layers = 1, .heads = 3 };
    (void)build(model, "char-gpt", BG_I64, BG_SHAPE(1, 4), &sizes);
    ck_assert(bg_shape_equal(bg_tensor_shape(bg_model_find(model, "pe.weight")), BG_SHAPE(9, 12)));
    sizes = (bg_network_options){ .layers = 1, .heads = 3 };
    ck_assert(bg_shape_equal(build(model, "char-gpt", BG_I64, BG_SHAPE(2, 9), &sizes), BG_SHAPE(2, 9, 7)));
    ck_assert(bg_model_find(model, "o.weight") == bg_model_find(model, "we.weight"));
    bg_model_destroy(model);
}
END_TEST

/* A transformer begins without an opinion: scores near 0, so that the loss is that of chance. */
START_TEST(transformer_begins_at_chance)
{
    bg_model *model;
    bg_graph *graph;
    bg_program *program;
    OK(bg_model_create(&model, trial_engine(), BG_F32));
    OK(bg_graph_create(&graph, trial_engine()));
    bg_node *x = bg_reshape(bg_arange(graph, BG_I64, 0, 64, 1), BG_SHAPE(1, 64));
    bg_node *next = bg_reshape(bg_arange(graph, BG_I64, 1, 65, 1), BG_SHAPE(1, 64));
    bg_node *loss = bg_cross_entropy_loss(bg_network_char_gpt(model, x, NULL), next, BG_MEAN);
    OK(bg_compile(&program, graph, &loss, 1, NULL));
    OK(bg_program_run(program));
    double value;
    OK(bg_tensor_item(bg_program_output(program, 0), 0, &value));
    ck_assert_double_eq_tol(value, log(65), 0.2);
    bg_program_destroy(program);
    bg_graph_destroy(graph);
    bg_model_destroy(model);
}
END_TEST

static void expect_refused(const char *name, bg_shape shape, bg_network_options sizes, bg_status status,
                           const char *message)
{
    bg_model *model;
    bg_graph *graph;
    OK(bg_model_create(&model, trial_engine(), BG_F32));
    OK(bg_graph_create(&graph, trial_engine()));
    bg_node *x = bg_input(graph, "x", shape.rank == 2 ? BG_I32 : BG_F32, shape);
    ck_assert_ptr_null(bg_network_find(name)(model, x, &sizes));
    ck_assert_int_eq(bg_graph_status(graph), status);
    ck_assert_msg(strstr(bg_last_error(), message) != NULL, "%s", bg_last_error());
    bg_graph_destroy(graph);
    bg_model_destroy(model);
}

START_TEST(errors)
{
    expect_refused("mnist-cnn", BG_SHAPE(2, 784), (bg_network_options){ 0 }, BG_ERR_SHAPE,
                   "mnist-cnn: needs images [n, rows, columns] or [n, channels, rows, columns]: x [2, 784]");
    expect_refused("resnet20", BG_SHAPE(2, 784), (bg_network_options){ 0 }, BG_ERR_SHAPE, "resnet20: needs images");
    expect_refused("char-lstm", BG_SHAPE(2, 3, 4), (bg_network_options){ 0 }, BG_ERR_SHAPE,
                   "char-lstm: needs classes of characters [n, t]: x [2, 3, 4]");
    expect_refused("char-gpt", BG_SHAPE(2, 9), (bg_network_options){ .context = 8 }, BG_ERR_SHAPE,
                   "char-gpt: x [2, 9] has more than the 8 positions of the context");
    expect_refused("char-gpt", BG_SHAPE(2, 9), (bg_network_options){ .width = 10 }, BG_ERR_ARGUMENT,
                   "char-gpt: a width of 10 does not make 4 equal heads");
    expect_refused("char-gpt", BG_SHAPE(2, 9), (bg_network_options){ .heads = -1 }, BG_ERR_ARGUMENT,
                   "char-gpt: heads -1, it must be from 1 to 2^30");
    expect_refused("gpt2", BG_SHAPE(2, 9), (bg_network_options){ .width = 10 }, BG_ERR_ARGUMENT,
                   "gpt2: a width of 10 does not make 12 equal heads");
    expect_refused("resnet20", BG_SHAPE(2, 3, 8, 8), (bg_network_options){ .width = INT64_MAX }, BG_ERR_ARGUMENT,
                   "resnet20: width 9223372036854775807");
    expect_refused("mnist-cnn", BG_SHAPE(2, 4, 4), (bg_network_options){ 0 }, BG_ERR_SHAPE, "");
    ck_assert(!bg_network_find("char-gtp"));
    ck_assert_str_eq(bg_last_error(), "network_find: there is no network \"char-gtp\"; the networks are mnist-cnn, "
                                      "resnet20, char-lstm, char-gpt, gpt2");
    ck_assert(!bg_network_find(NULL));
    ck_assert_ptr_null(bg_network_mnist_cnn(NULL, NULL, NULL));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("networks");
    TCase *cases = tcase_create("networks");
    tcase_add_checked_fixture(cases, trial_set_up, trial_tear_down);
    tcase_add_test(cases, golden);
    tcase_add_test(cases, reference_sizes);
    tcase_add_test(cases, sizes_of_the_model);
    tcase_add_test(cases, transformer_begins_at_chance);
    tcase_add_test(cases, errors);
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
