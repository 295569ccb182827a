/* Layer lines: what they build, against torch.nn.Sequential, and what is said of mistakes. */
#include "support/expect.h"
#include "support/golden.h"
#include "support/suite.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static bg_engine *engine;
static bg_model *model;
static bg_graph *graph;

static void setup(void)
{
    expect_ok(bg_engine_create(&engine, &(bg_engine_options){ .threads = 1, .seed = 7 }), "engine");
    expect_ok(bg_model_create(&model, engine, BG_F64), "model");
    expect_ok(bg_graph_create(&graph, engine), "graph");
}
static void teardown(void)
{
    bg_graph_destroy(graph);
    bg_model_destroy(model);
    bg_engine_destroy(engine);
    graph = NULL;
    model = NULL;
}

static bg_node *input(bg_shape shape) { return bg_input(graph, "x", BG_F64, shape); }

/* ---- Golden lines ---- */

static bg_tensor *tensor_from(const golden_array *array, bg_dtype dtype)
{
    ck_assert_msg(array != NULL, "%s", golden_error());
    bg_shape shape = { .rank = array->rank };
    memcpy(shape.dims, array->dims, sizeof(int64_t) * (size_t)array->rank);
    bg_tensor *tensor = NULL;
    expect_ok(bg_tensor_create(&tensor, engine, dtype, shape), "a tensor");
    void *data = bg_tensor_data(tensor);
    for (int64_t i = 0; i < array->count; i++)
        if (dtype == BG_F64)
            ((double *)data)[i] = array->values[i];
        else
            ((int64_t *)data)[i] = (int64_t)array->values[i];
    return tensor;
}

static double check_line(const golden_record *record)
{
    const char *line = golden_text(record, "line");
    ck_assert_msg(line != NULL, "%s", golden_error());
    size_t n_state = 0;
    for (size_t i = 0; golden_key(record, i); i++) {
        const char *key = golden_key(record, i);
        if (strncmp(key, "state.", 6) != 0)
            continue;
        bg_dtype dtype = strstr(key, "num_batches_tracked") ? BG_I64 : BG_F64;
        bg_tensor *value = tensor_from(golden_get(record, key), dtype);
        expect_ok(bg_model_set_all(model, (const char *[]){ key + 6 }, &value, 1), key);
        bg_tensor_destroy(value);
        n_state++;
    }
    bg_model_set_training(model, false);
    bg_tensor *x = tensor_from(golden_get(record, "x0"), golden_number(record, "classes") != 0 ? BG_I64 : BG_F64);
    bg_node *y = bg_layers(model, line, bg_buffer(graph, x));
    expect_ok(bg_graph_status(graph), line);
    ck_assert_msg(bg_model_count(model) == n_state, "%s: %zu entries, not %zu", line, bg_model_count(model), n_state);
    bg_program *program = NULL;
    expect_ok(bg_compile(&program, graph, &y, 1, NULL), line);
    expect_ok(bg_program_run(program), line);
    const bg_tensor *got = bg_program_output(program, 0);
    const golden_array *expected = golden_get(record, "y");
    ck_assert_msg(bg_tensor_shape(got).rank == expected->rank, "%s: rank %d", line, bg_tensor_shape(got).rank);
    double worst = 0;
    for (int64_t i = 0; i < expected->count; i++) {
        double value = 0, golden = expected->values[i];
        expect_ok(bg_tensor_item(got, i, &value), line);
        double error = fabs(value - golden) / fmax(1, fabs(golden));
        ck_assert_msg(error <= 1e-12, "%s: [%lld] is %.17g, not %.17g", line, (long long)i, value, golden);
        worst = fmax(worst, error);
    }
    bg_program_destroy(program);
    bg_tensor_destroy(x);
    return worst;
}

/* Whether a word of the lines begins with this layer's name. */
static bool is_used(const golden_file *file, const char *name)
{
    size_t length = strlen(name);
    for (size_t i = 0; i < golden_count(file); i++)
        for (const char *p = golden_text(golden_at(file, i), "line"); p && *p; p = strchr(p, ' ')) {
            p += *p == ' ';
            if (strncmp(p, name, length) == 0 && (p[length] == 0 || p[length] == ' ' || p[length] == ':'))
                return true;
        }
    return false;
}

START_TEST(test_golden)
{
    golden_file *file = golden_open(GOLDEN_PATH("nn/lines.txt"));
    ck_assert_msg(file != NULL, "%s", golden_error());
    double worst = 0;
    for (size_t i = 0; i < golden_count(file); i++) {
        teardown();
        setup();
        worst = fmax(worst, check_line(golden_at(file, i)));
    }
    printf("lines: %zu records, worst error %.1e\n", golden_count(file), worst);

    /* Each word of the grammar is in one of them, and so is each option. */
    char grammar[8192];
    ck_assert_uint_lt(bg_layers_grammar(grammar, sizeof grammar), sizeof grammar);
    int words = 0, options = 0;
    for (char *word = strtok(grammar, " \n"); word; word = strtok(NULL, " \n")) {
        bool is_option = word[0] == ':';
        char *end = word + strcspn(word, is_option ? "=" : "[:");
        *end = 0;
        if (is_option) {
            bool is_found = false;
            for (size_t i = 0; i < golden_count(file); i++)
                is_found = is_found || strstr(golden_text(golden_at(file, i), "line"), word);
            ck_assert_msg(is_found || strcmp(word, ":momentum") == 0, "no line has the option %s", word);
            options++;
        } else if (is_used(file, word)) {
            words++;
        }
    }
    ck_assert_msg(words >= 52 && options > 40, "%d words, %d options", words, options);
    golden_close(file);
}
END_TEST

/* ---- Mistakes ---- */

static const struct {
    const char *line;
    int start, length;
    const char *message; /* NULL: it is well formed */
} lines[] = {
    { "dense:1", 0, 0, NULL },
    { "  dense:512   relu\tdense:10:nobias ", 0, 0, NULL },
    { "flatten dense:3 gelu_tanh dense:2147483647", 0, 0, NULL },
    { "batch_norm:eps=1e-5:momentum=.5 leaky_relu:-0.2 leaky_relu:2E+1 leaky_relu:1.", 0, 0, NULL },
    { "prelu:nothing", 0, 13, "word 1, \"prelu:nothing\": \"nothing\" is no option of prelu; right is prelu[:N]" },
    { "", 0, 0, "the line has no words; one is \"dense:128 relu dense:10\"" },
    { " \t\n ", 0, 0, "the line has no words" },
    { "dense", 0, 5, "word 1, \"dense\": N is missing; right is dense:N[:nobias]" },
    { "dense:", 0, 6, "word 1, \"dense:\": N is missing; right is dense:N[:nobias]" },
    { "dense:0", 0, 7, "\"0\" in place of N, which is a whole number, 1 or more; right is dense:N[:nobias]" },
    { "dense:-1", 0, 8, "\"-1\" in place of N" },
    { "dense:1.5", 0, 9, "\"1.5\" in place of N" },
    { "dense:2147483648", 0, 16, "\"2147483648\" in place of N" },
    { "dense:99999999999999999999", 0, 26, "in place of N" },
    { "dense:3:bias", 0, 12, "\"bias\" is no option of dense" },
    { "dense:3:nobias:", 0, 15, "\"\" is no option of dense" },
    { "dense:3:nobias=1", 0, 16, "\"nobias=1\", but nobias takes nothing" },
    { "dense:3:nobias=", 0, 15, "\"nobias=\", but nobias takes nothing" },
    { "dense:8 rleu dense:2", 8, 4, "word 2, \"rleu\", is no layer; is it relu?" },
    { "dense:8 relu Dense:2", 13, 7, "word 3, \"Dense:2\", is no layer; is it dense?" },
    { "dense:8 relu convolution:2", 13, 13, "word 3, \"convolution:2\", is no layer; there are dense conv " },
    { "dense:8,relu", 0, 12, "\"8,relu\" in place of N" },
    { ":3", 0, 2, "word 1, \":3\", is no layer" },
    { "relu:1", 0, 6, "word 1, \"relu:1\": right is relu" },
    { "dense:1 leaky_relu:x", 8, 12, "word 2, \"leaky_relu:x\": right is leaky_relu[:SLOPE]" },
    { "leaky_relu:1:2", 0, 14, "right is leaky_relu[:SLOPE]" },
    { "leaky_relu:1e", 0, 13, "right is leaky_relu[:SLOPE]" },
    { "leaky_relu:1e99", 0, 15, "right is leaky_relu[:SLOPE]" },
    { "leaky_relu:.", 0, 12, "right is leaky_relu[:SLOPE]" },
    { "leaky_relu:0.1234567890123456", 0, 29, "right is leaky_relu[:SLOPE]" },
    { "leaky_relu:1-", 0, 13, "right is leaky_relu[:SLOPE]" },
    { "leaky_relu:nan", 0, 14, "right is leaky_relu[:SLOPE]" },
    { "conv:3", 0, 6, "word 1, \"conv:3\": K is missing; right is conv:N:K[:nobias][:stride=K][:pad=K|same]" },
    { "conv:3:3x", 0, 9, "\"3x\" in place of K, which is one or up to three numbers, 3 or 3x3" },
    { "conv:3:3x3x3x3", 0, 14, "\"3x3x3x3\" in place of K" },
    { "conv:3:0", 0, 8, "\"0\" in place of K" },
    { "conv:3:3:stride=0", 0, 17, "\"stride=0\", but stride takes one or up to three numbers, 3 or 3x3" },
    { "conv:3:3:pad", 0, 12, "\"pad\", but pad takes one or up to three numbers, 1 or 1x0" },
    { "conv:3:3:same", 0, 13, "\"same\" is no option of conv" },
    { "conv:3:3:pad=1:pad=same", 0, 23, "\"pad=same\" behind another such option; right is conv:N:K" },
    { "conv:3:3:reflect:pad=1:circular", 0, 31, "\"circular\" behind another such option" },
    { "dense:3:nobias:nobias", 0, 21, "\"nobias\" behind another such option" },
    { "max_pool:2:pad=same", 0, 19, "\"pad=same\", but pad takes" },
    { "max_pool:2:groups=2", 0, 19, "\"groups=2\" is no option of max_pool" },
    { "dropout:1.5", 0, 11, "\"1.5\" in place of P, which is a number from 0 to 1; right is dropout:P" },
    { "batch_norm:momentum=2", 0, 21, "\"momentum=2\", but momentum takes a number from 0 to 1" },
    { "embedding:3:2:padding=-1", 0, 24, "\"padding=-1\", but padding takes a whole number, 0 or more" },
    { "encoder_layer:2:activation=elu", 0, 30, "activation takes an activation without a number" },
    { "relu \xc3\xa4\xc3\xb6\xc3\xbc", 5, 6, "word 2, \"\xc3\xa4\xc3\xb6\xc3\xbc\", is no layer" },
};

START_TEST(test_lines)
{
    const char *line = lines[_i].line, *message = lines[_i].message;
    size_t start = 9, length = 9;
    bg_status status = bg_layers_find_mistake(line, &start, &length);
    ck_assert_msg(status == (message ? BG_ERR_FORMAT : BG_OK), "\"%s\": %s", line, bg_last_error());
    ck_assert_msg((int)start == lines[_i].start && (int)length == lines[_i].length, "\"%s\": %zu, %zu", line, start,
                  length);
    ck_assert_int_eq(bg_layers_check(line), status);
    if (!message)
        return;
    expect_failure(status, BG_ERR_FORMAT, message, line);
    ck_assert_ptr_null(bg_layers(model, line, input(BG_SHAPE(2, 3))));
    expect_failure(bg_graph_status(graph), BG_ERR_FORMAT, message, line);
    ck_assert_uint_eq(bg_model_count(model), 0);
}
END_TEST

/* Words that are right but do not fit what comes before them. */
static const struct {
    const char *line;
    bg_shape x;
    bg_status status;
    const char *message;
} misfits[] = {
    { "dense:3 conv:2:3x3",
      { 2, { 4, 5 } },
      BG_ERR_SHAPE,
      "layers: word 2, \"conv:2:3x3\": 3x3 does not fit x [4, 3], which needs to be [n, channels, ..]" },
    { "relu conv:2:9x9", { 4, { 2, 1, 8, 8 } }, BG_ERR_SHAPE, "layers: word 2, \"conv:2:9x9\": conv: the kernel" },
    { "conv:2:3:stride=2x2x2",
      { 4, { 2, 1, 8, 8 } },
      BG_ERR_SHAPE,
      "word 1, \"conv:2:3:stride=2x2x2\": 2x2x2 does not" },
    { "last", { 2, { 2, 3 } }, BG_ERR_SHAPE, "word 1, \"last\": x [2, 3] is not [n, steps, ..]" },
    { "unflatten:3x5", { 2, { 2, 16 } }, BG_ERR_SHAPE, "word 1, \"unflatten:3x5\": reshape" },
    { "embedding:3:2", { 2, { 2, 3 } }, BG_ERR_DTYPE, "word 1, \"embedding:3:2\": embedding \"0\": indices are f64" },
    { "positions:2",
      { 3, { 2, 3, 4 } },
      BG_ERR_SHAPE,
      "word 1, \"positions:2\": x [2, 3, 4] is not [n, steps, width]" },
    { "tanh group_norm:3",
      { 3, { 2, 4, 4 } },
      BG_ERR_SHAPE,
      "word 2, \"group_norm:3\": group_norm \"1\": the channels" },
    { "attention:3", { 3, { 2, 4, 4 } }, BG_ERR_SHAPE, "word 1, \"attention:3\": attention \"0\": 3 heads" },
    { "glu", { 2, { 2, 3 } }, BG_ERR_SHAPE, "word 1, \"glu\": glu" },
    { "upsample:2", { 2, { 2, 3 } }, BG_ERR_SHAPE, "word 1, \"upsample:2\": 2 does not fit" },
};

START_TEST(test_misfits)
{
    ck_assert_ptr_null(bg_layers(model, misfits[_i].line, input(misfits[_i].x)));
    expect_failure(bg_graph_status(graph), misfits[_i].status, misfits[_i].message, misfits[_i].line);
    /* The first error stays as it is. */
    ck_assert_ptr_null(bg_layers(model, "relu dense:x", input(BG_SHAPE(2, 3))));
    expect_failure(bg_graph_status(graph), misfits[_i].status, misfits[_i].message, misfits[_i].line);
}
END_TEST

START_TEST(test_arguments)
{
    ck_assert_int_eq(bg_layers_check(NULL), BG_ERR_ARGUMENT);
    ck_assert_int_eq(bg_layers_find_mistake("relu relo", NULL, NULL), BG_ERR_FORMAT);
    ck_assert_ptr_null(bg_layers(model, "relu", NULL));
    ck_assert_int_eq(bg_graph_status(graph), BG_OK);
    ck_assert_ptr_null(bg_layers(NULL, "relu", input(BG_SHAPE(2))));
    expect_failure(bg_graph_status(graph), BG_ERR_ARGUMENT, "layers: model is NULL", "no model");
}
END_TEST

/* ---- Names and flattening ---- */

START_TEST(test_names)
{
    bg_node *y = bg_layers(model, "flatten dense:7 relu dense:2:nobias", input(BG_SHAPE(4, 3, 2)));
    ck_assert(bg_shape_equal(bg_node_shape(y), BG_SHAPE(4, 2)));
    static const char *const expected[] = { "1.weight", "1.bias", "3.weight" };
    ck_assert_uint_eq(bg_model_count(model), 3);
    for (size_t i = 0; i < 3; i++)
        ck_assert_str_eq(bg_model_name(model, i), expected[i]);
}
END_TEST

START_TEST(test_implied_flatten)
{
    bg_node *y = bg_layers(model, "dense:7 tanh dense:2", input(BG_SHAPE(4, 3, 5)));
    ck_assert(bg_shape_equal(bg_node_shape(y), BG_SHAPE(4, 2)));
    ck_assert(bg_shape_equal(bg_tensor_shape(bg_model_find(model, "0.weight")), BG_SHAPE(7, 15)));
    ck_assert_ptr_nonnull(bg_model_find(model, "2.bias"));
}
END_TEST

/* A dense layer works on each step of a sequence, until something makes an image or rows of it. */
START_TEST(test_sequences)
{
    static const struct {
        const char *line;
        bg_shape shape;
    } cases[] = {
        { "lstm:6 relu dropout:0.1 dense:2", { 3, { 4, 3, 2 } } },
        { "gru:6 flatten dense:2", { 2, { 4, 2 } } },
        { "rnn:6 last dense:2", { 2, { 4, 2 } } },
        { "attention:1 layer_norm dense:2", { 3, { 4, 3, 2 } } },
        { "encoder_layer:1:feedforward=2 dense:2", { 3, { 4, 3, 2 } } },
        { "positions:3 dense:2", { 3, { 4, 3, 2 } } },
        { "lstm:6 conv:2:1 dense:2", { 2, { 4, 2 } } },
        { "lstm:6 max_pool:2 dense:2", { 2, { 4, 2 } } },
        { "batch_norm dense:2", { 2, { 4, 2 } } },
    };
    bg_shape shape = bg_node_shape(bg_layers(model, cases[_i].line, input(BG_SHAPE(4, 3, 5))));
    expect_ok(bg_graph_status(graph), cases[_i].line);
    ck_assert_msg(bg_shape_equal(shape, cases[_i].shape), "%s", cases[_i].line);
}
END_TEST

/* ---- The grammar ---- */

START_TEST(test_grammar)
{
    static char whole[8192], part[100];
    size_t length = bg_layers_grammar(whole, sizeof whole);
    ck_assert_uint_eq(strlen(whole), length);
    ck_assert_uint_eq(bg_layers_grammar(NULL, 0), length);
    ck_assert_uint_eq(bg_layers_grammar(part, sizeof part), length);
    ck_assert(strlen(part) == sizeof part - 1 && strncmp(part, whole, sizeof part - 1) == 0);
    for (const char *line = whole; *line; line += strcspn(line, "\n") + 1)
        ck_assert_msg(strcspn(line, "\n") <= 79, "%.80s", line);
    ck_assert_ptr_nonnull(strstr(whole, "  conv:N:K  "));
    ck_assert_ptr_nonnull(strstr(whole, ":pad=K|same "));
    ck_assert_ptr_null(strstr(whole, ":same"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("layer_line");
    TCase *cases = tcase_create("layer_line");
    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_test(cases, test_golden);
    tcase_add_loop_test(cases, test_lines, 0, (int)(sizeof lines / sizeof lines[0]));
    tcase_add_loop_test(cases, test_misfits, 0, (int)(sizeof misfits / sizeof misfits[0]));
    tcase_add_test(cases, test_arguments);
    tcase_add_test(cases, test_names);
    tcase_add_test(cases, test_implied_flatten);
    tcase_add_loop_test(cases, test_sequences, 0, 9);
    tcase_add_test(cases, test_grammar);
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
