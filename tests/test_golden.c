/* Golden values: what PyTorch computes for each op, and 20 steps of gradient descent on each loss. */
#include "cases/cases.h"
#include "support/golden_files.h"
#include "support/trial.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Ops: a builder for each name in the files ---- */

static const golden_op *find_op(const char *name)
{
    for (int f = 0; op_families[f]; f++)
        for (int i = 0; i < op_families[f]->n_golden; i++)
            if (strcmp(op_families[f]->golden[i].name, name) == 0)
                return &op_families[f]->golden[i];
    ck_abort_msg("there is no builder for the golden op %s", name);
    return NULL;
}

static bg_dtype input_dtype(const golden_op *op, int input)
{
    unsigned bit = 1u << input;
    return op->integers & bit ? BG_I64 : op->conditions & bit ? BG_BOOL : BG_F64;
}

/* ---- Comparing ---- */

static double worst; /* relative error over all golden values of a test */

static void compare(const char *name, const char *key, const golden_array *expected, const bg_tensor *got, double rtol)
{
    bg_shape shape = bg_tensor_shape(got);
    ck_assert_msg(expected != NULL, "%s", golden_error());
    ck_assert_msg(shape.rank == expected->rank, "%s: %s has rank %d, not %d", name, key, shape.rank, expected->rank);
    for (int i = 0; i < shape.rank; i++)
        ck_assert_msg(shape.dims[i] == expected->dims[i], "%s: %s has another extent of axis %d", name, key, i);
    for (int64_t i = 0; i < expected->count; i++) {
        double value = 0, golden = expected->values[i];
        must(bg_tensor_item(got, i, &value), name);
        double error = fabs(value - golden) / fmax(1, fabs(golden));
        bool is_same = isnan(golden) ? isnan(value) : value == golden || error <= rtol;
        ck_assert_msg(is_same, "%s: %s[%lld] is %.17g, not %.17g", name, key, (long long)i, value, golden);
        if (isfinite(golden))
            worst = fmax(worst, error);
    }
}

static bg_tensor *tensor_from(bg_engine *engine, bg_dtype dtype, const golden_array *array)
{
    ck_assert_msg(array != NULL, "%s", golden_error());
    bg_shape shape = { .rank = array->rank };
    memcpy(shape.dims, array->dims, sizeof array->dims);
    return tensor_of(engine, dtype, shape, array->values);
}

static void check_op(bg_engine *engine, const golden_record *record)
{
    const char *name = golden_name(record), *op_name = golden_text(record, "op");
    bg_tensor *tensors[GOLDEN_MOST_INPUTS];
    bg_node *outputs[GOLDEN_MOST_INPUTS + 1], *xs[GOLDEN_MOST_INPUTS];
    int n_outputs = 1, which[GOLDEN_MOST_INPUTS];
    size_t n_xs = 0;
    bool is_incomplete = false;
    golden_case c = { .record = record, .is_incomplete = &is_incomplete };
    ck_assert_msg(op_name != NULL, "%s", golden_error());
    const golden_op *op = find_op(op_name);
    must(bg_graph_create(&c.graph, engine), name);
    for (char key[] = "x0"; golden_has(record, key) && c.n < GOLDEN_MOST_INPUTS; key[1]++) {
        bg_dtype dtype = input_dtype(op, c.n);
        tensors[c.n] = tensor_from(engine, dtype, golden_get(record, key));
        c.x[c.n] = dtype == BG_F64 ? bg_parameter(c.graph, tensors[c.n]) : bg_buffer(c.graph, tensors[c.n]);
        if (golden_has(record, (char[]){ 'd', 'x', key[1], 0 })) {
            which[n_xs] = c.n;
            xs[n_xs++] = c.x[c.n];
        }
        c.n++;
    }
    outputs[0] = op->build(&c);
    ck_assert_msg(!is_incomplete, "%s: %s", name, golden_error());
    must(bg_graph_status(c.graph), name);
    if (golden_has(record, "dy")) {
        bg_tensor *dy = tensor_from(engine, BG_F64, golden_get(record, "dy"));
        bg_node *cotangent = bg_constant(c.graph, dy);
        must(bg_grad_from(outputs, &cotangent, 1, xs, n_xs, outputs + 1), name);
        n_outputs += (int)n_xs;
        bg_tensor_destroy(dy);
    }
    bg_program *program = NULL;
    must(bg_compile(&program, c.graph, outputs, (size_t)n_outputs, NULL), name);
    must(bg_program_run(program), name);
    compare(name, "y", golden_get(record, "y"), bg_program_output(program, 0), 1e-12);
    for (int i = 1; i < n_outputs; i++) {
        char key[] = { 'd', 'x', (char)('0' + which[i - 1]), 0 };
        compare(name, key, golden_get(record, key), bg_program_output(program, (size_t)i), 1e-12);
    }
    bg_program_destroy(program);
    bg_graph_destroy(c.graph);
    for (int i = 0; i < c.n; i++)
        bg_tensor_destroy(tensors[i]);
}

static void check_file(const char *name, const golden_file *file, void *user)
{
    (void)user;
    ck_assert_msg(file != NULL, "%s", golden_error());
    worst = 0;
    for (size_t i = 0; i < golden_count(file); i++)
        check_op(trial_engine(), golden_at(file, i));
    printf("golden: %-17s %3zu records, worst error %.1e\n", name, golden_count(file), worst);
}

START_TEST(test_ops) { ck_assert_int_gt(golden_each(check_file, NULL), 0); }
END_TEST

/* Each builder of the cases is compared somewhere; what there is no counterpart of in PyTorch says so. */
START_TEST(test_every_builder_is_compared)
{
    for (int i = 0; i < op_case_count(); i++) {
        const op_case *c = op_case_at(i);
        size_t length = strcspn(c->name, ", ");
        bool is_found = c->is_safe || c->is_ours;
        for (int f = 0; op_families[f] && !is_found; f++)
            for (int k = 0; k < op_families[f]->n_golden && !is_found; k++) {
                const char *name = op_families[f]->golden[k].name;
                is_found = strncmp(name, c->name, length) == 0 && name[length] == '\0';
            }
        ck_assert_msg(is_found, "nothing golden of %s", c->name);
    }
}
END_TEST

/* ---- Training ---- */

static const char *const parameter_names[] = { "w1", "b1", "w2", "b2" };
static const char *const final_names[] = { "final_w1", "final_b1", "final_w2", "final_b2" };
enum { N_PARAMETERS = 4 };

static bg_node *loss_of(bg_graph *graph, const golden_record *record, bg_node *prediction, bg_node *target)
{
    char name[64];
    const char *loss = golden_text(record, "loss");
    ck_assert_msg(loss != NULL, "%s", golden_error());
    snprintf(name, sizeof name, "%.*s", (int)(strlen(loss) - strlen("_loss")), loss);
    bg_loss *function = bg_loss_find(name);
    ck_assert_msg(function != NULL, "%s", bg_last_error());
    bg_node *value = function(prediction, target, golden_reduction(record));
    if (golden_reduction(record) != BG_NONE)
        return value;
    bg_tensor *weights = tensor_from(trial_engine(), BG_F64, golden_get(record, "weights"));
    bg_node *weighted = bg_sum(bg_mul(bg_constant(graph, weights), value), BG_ALL_AXES);
    bg_tensor_destroy(weights);
    return weighted;
}

/* v <- momentum v + g; p <- p - lr (v, or g + momentum v for Nesterov), with g = dp + weight_decay p. */
static void update_parameters(bg_graph *graph, const golden_record *record, bg_node *const *p, bg_node *const *dp,
                              bg_node *lr, bg_tensor **moments)
{
    double momentum = golden_number(record, "momentum"), weight_decay = golden_number(record, "weight_decay");
    bool is_nesterov = golden_number(record, "nesterov") != 0;
    for (int i = 0; i < N_PARAMETERS; i++) {
        must(bg_tensor_create(&moments[i], trial_engine(), BG_F64, bg_node_shape(p[i])), "a moment");
        bg_node *v = bg_buffer(graph, moments[i]), *g = bg_add(dp[i], bg_mul_scalar(p[i], weight_decay));
        bg_node *moved = bg_add(bg_mul_scalar(v, momentum), g);
        bg_update(v, moved);
        bg_update(p[i], bg_sub(p[i], bg_mul(lr, is_nesterov ? bg_add(g, bg_mul_scalar(moved, momentum)) : moved)));
    }
}

static void check_curve(bg_engine *engine, const golden_record *record)
{
    const char *name = golden_name(record);
    const double rtol = 1e-9;
    bool has_classes = strcmp(golden_text(record, "loss"), "cross_entropy_loss") == 0;
    bg_graph *graph = NULL;
    must(bg_graph_create(&graph, engine), name);
    bg_tensor *parameters[N_PARAMETERS], *moments[N_PARAMETERS], *rate = NULL;
    bg_node *p[N_PARAMETERS], *dp[N_PARAMETERS];
    for (int i = 0; i < N_PARAMETERS; i++) {
        parameters[i] = tensor_from(engine, BG_F64, golden_get(record, parameter_names[i]));
        p[i] = bg_parameter(graph, parameters[i]);
    }
    bg_tensor *x = tensor_from(engine, BG_F64, golden_get(record, "x"));
    bg_tensor *target = tensor_from(engine, has_classes ? BG_I32 : BG_F64, golden_get(record, "target"));
    must(bg_tensor_create(&rate, engine, BG_F64, BG_SCALAR), name);
    bg_node *x_node = bg_input(graph, "x", BG_F64, bg_tensor_shape(x));
    bg_node *target_node = bg_input(graph, "target", bg_tensor_dtype(target), bg_tensor_shape(target));
    bg_node *lr = bg_input(graph, "lr", BG_F64, BG_SCALAR);
    bg_node *prediction = bg_linear(bg_tanh(bg_linear(x_node, p[0], p[1])), p[2], p[3]);
    bg_node *loss = loss_of(graph, record, prediction, target_node);
    must(bg_grad(loss, p, N_PARAMETERS, dp), name);
    update_parameters(graph, record, p, dp, lr, moments);
    bg_program *program = NULL;
    must(bg_compile(&program, graph, &loss, 1, NULL), name);
    must(bg_program_bind(program, x_node, x), name);
    must(bg_program_bind(program, target_node, target), name);
    must(bg_program_bind(program, lr, rate), name);

    const golden_array *rates = golden_get(record, "lr"), *losses = golden_get(record, "losses");
    ck_assert_msg(rates && losses, "%s", golden_error());
    for (int64_t step = 0; step < rates->count; step++) {
        must(bg_tensor_fill(rate, rates->values[step]), name);
        must(bg_program_run(program), name);
        double value = 0;
        must(bg_tensor_item(bg_program_output(program, 0), 0, &value), name);
        double error = fabs(value - losses->values[step]) / fabs(losses->values[step]);
        ck_assert_msg(error <= rtol, "%s: the loss of step %lld is %.17g, not %.17g", name, (long long)step, value,
                      losses->values[step]);
        worst = fmax(worst, error);
    }
    for (int i = 0; i < N_PARAMETERS; i++)
        compare(name, final_names[i], golden_get(record, final_names[i]), parameters[i], rtol);

    bg_program_destroy(program);
    bg_graph_destroy(graph);
    for (int i = 0; i < N_PARAMETERS; i++) {
        bg_tensor_destroy(parameters[i]);
        bg_tensor_destroy(moments[i]);
    }
    bg_tensor_destroy(x);
    bg_tensor_destroy(target);
    bg_tensor_destroy(rate);
}

START_TEST(test_training)
{
    golden_file *file = golden_open(GOLDEN_PATH("training.txt"));
    ck_assert_msg(file != NULL, "%s", golden_error());
    worst = 0;
    for (size_t i = 0; i < golden_count(file); i++)
        check_curve(trial_engine(), golden_at(file, i));
    printf("golden: training.txt      %3zu curves,  worst error %.1e\n", golden_count(file), worst);
    golden_close(file);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("golden");
    TCase *cases = tcase_create("against PyTorch");
    tcase_set_timeout(cases, 120);
    tcase_add_checked_fixture(cases, trial_set_up, trial_tear_down);
    tcase_add_test(cases, test_ops);
    tcase_add_test(cases, test_every_builder_is_compared);
    tcase_add_test(cases, test_training);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
