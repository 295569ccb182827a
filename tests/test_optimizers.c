/* Every optimizer over 20 steps against PyTorch, and what stands between the gradient and the rule. */
#include "support/counted.h"
#include "support/golden_problem.h"
#include "support/suite.h"
#include "support/values.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Golden curves ---- */

static const struct {
    const char *key;
    size_t offset;
} numbers[] = {
#define NUMBER(name)                                                                                                   \
    {                                                                                                                  \
#name, offsetof(bg_optimizer, name)                                                                            \
    }
    NUMBER(momentum),
    NUMBER(dampening),
    NUMBER(weight_decay),
    NUMBER(beta1),
    NUMBER(beta2),
    NUMBER(eps),
    NUMBER(alpha),
    NUMBER(rho),
    NUMBER(eta_minus),
    NUMBER(eta_plus),
    NUMBER(step_min),
    NUMBER(step_max),
    NUMBER(beta2_decay),
    NUMBER(threshold),
    NUMBER(clip_value),
    NUMBER(clip_norm),
    NUMBER(momentum_decay),
    NUMBER(learning_rate_decay),
    NUMBER(initial_accumulator),
#undef NUMBER
};
static const struct {
    const char *key;
    size_t offset;
} switches[] = {
    { "nesterov", offsetof(bg_optimizer, nesterov) },
    { "amsgrad", offsetof(bg_optimizer, amsgrad) },
    { "is_decoupled", offsetof(bg_optimizer, is_decoupled) },
    { "is_centered", offsetof(bg_optimizer, is_centered) },
};

static bg_optimizer optimizer_of(const golden_record *record)
{
    bg_optimizer made;
    const char *name = golden_text(record, "optimizer");
    ck_assert_msg(name != NULL, "%s", golden_error());
    OK(bg_optimizer_find(&made, name));
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        if (golden_has(record, numbers[i].key))
            *(double *)((char *)&made + numbers[i].offset) = golden_number(record, numbers[i].key);
    for (size_t i = 0; i < sizeof switches / sizeof switches[0]; i++)
        if (golden_has(record, switches[i].key))
            *(bool *)((char *)&made + switches[i].offset) = golden_number(record, switches[i].key) != 0;
    if (golden_has(record, "eps1"))
        made.eps1 = BG_SOME(golden_number(record, "eps1"));
    if (golden_has(record, "newton_schulz_steps"))
        made.newton_schulz_steps = (int)golden_number(record, "newton_schulz_steps");
    if (golden_has(record, "muon_rate"))
        made.muon_rate = (bg_muon_rate)golden_number(record, "muon_rate");
    if (golden_has(record, "vectors")) {
        made.groups[0] = (bg_parameter_group){ .of_vectors = true,
                                               .learning_rate_factor = BG_SOME(0.5),
                                               .weight_decay = BG_SOME(golden_number(record, "vectors")) };
        made.n_groups = 1;
    }
    return made;
}

/* A program of one step and its inputs. */
typedef struct {
    bg_model *model;
    bg_program *program;
    bg_tensor *rate, *count, *weight, *momentum;
} stepper;

static void set(bg_tensor *scalar, double value) { *(double *)bg_tensor_data(scalar) = value; }

static stepper stepper_of(const golden_file *file, const bg_optimizer *optimizer, bg_model *model, bool has_average,
                          bool has_momentum)
{
    stepper made = { .model = model };
    bg_graph *graph;
    bg_engine *engine = bg_model_engine(model);
    bg_step_inputs inputs = { 0 };
    OK(bg_graph_create(&graph, engine));
    bg_node *loss = problem_loss(model, graph, file, 0, 5);
    const struct {
        const char *name;
        bg_tensor **tensor;
        bg_node **node;
    } scalars[] = { { "rate", &made.rate, &inputs.learning_rate },
                    { "step", &made.count, &inputs.step },
                    { "weight", &made.weight, &inputs.average_weight },
                    { "momentum", &made.momentum, &inputs.momentum } };
    const bool is_used[] = { true, true, has_average, has_momentum };
    for (int i = 0; i < 4; i++) {
        if (!is_used[i])
            continue;
        *scalars[i].node = bg_input(graph, scalars[i].name, BG_F64, BG_SCALAR);
        OK(bg_tensor_create(scalars[i].tensor, engine, BG_F64, BG_SCALAR));
    }
    OK(bg_optimizer_apply_with(optimizer, model, loss, &inputs, NULL));
    OK(bg_compile(&made.program, graph, &loss, 1, NULL));
    for (int i = 0; i < 4; i++)
        if (is_used[i])
            OK(bg_program_bind(made.program, *scalars[i].node, *scalars[i].tensor));
    bg_graph_destroy(graph);
    return made;
}

static void stepper_destroy(stepper *s)
{
    bg_program_destroy(s->program);
    bg_tensor_destroy(s->rate);
    bg_tensor_destroy(s->count);
    bg_tensor_destroy(s->weight);
    bg_tensor_destroy(s->momentum);
}

static double check_curve(const golden_file *file, const golden_record *record, bg_dtype dtype, double rtol)
{
    const char *name = golden_name(record);
    bool has_momenta = golden_has(record, "momenta"), has_ema = golden_has(record, "ema"),
         has_average = has_ema || golden_has(record, "swa");
    bg_optimizer optimizer = optimizer_of(record);
    bg_model *model = problem_model(counted_engine(), dtype, file);
    stepper s = stepper_of(file, &optimizer, model, has_average, has_momenta);
    const golden_array *rates = golden_get(record, "lr"), *losses = golden_get(record, "losses");
    ck_assert_msg(rates && losses, "%s", golden_error());
    double worst = 0;
    for (int64_t i = 0; i < rates->count; i++) {
        set(s.rate, rates->values[i]);
        set(s.count, (double)i);
        if (has_momenta)
            set(s.momentum, golden_get(record, "momenta")->values[i]);
        if (has_average)
            set(s.weight, has_ema && i > 0 ? 1 - golden_number(record, "ema") : 1 / (double)(i + 1));
        OK(bg_program_run(s.program));
        double loss = value_at(bg_program_output(s.program, 0), 0);
        double error = fabs(loss - losses->values[i]) / fabs(losses->values[i]);
        ck_assert_msg(error <= rtol, "%s: the loss of step %lld is %.17g, not %.17g", name, (long long)i, loss,
                      losses->values[i]);
        worst = fmax(worst, error);
    }
    /* Signs of small numbers are what f32 gets wrong: the losses are near, single elements need not be. */
    if (dtype == BG_F64)
        worst = fmax(worst, problem_expect(model, record, "final", NULL, rtol));
    if (has_average && dtype == BG_F64)
        worst = fmax(worst, problem_expect(model, record, "average", "average", rtol));
    stepper_destroy(&s);
    bg_model_destroy(model);
    return worst;
}

static golden_file *curves(void)
{
    golden_file *file = golden_open(GOLDEN_PATH("optimizers.txt"));
    ck_assert_msg(file != NULL, "%s", golden_error());
    return file;
}

START_TEST(test_curves)
{
    golden_file *file = curves();
    double worst = 0, worst_f32 = 0;
    for (size_t i = 0; i < golden_count(file); i++) {
        const golden_record *record = golden_at(file, i);
        if (strcmp(golden_name(record), "problem") == 0)
            continue;
        worst = fmax(worst, check_curve(file, record, BG_F64, 1e-12));
        worst_f32 = fmax(worst_f32, check_curve(file, record, BG_F32, 2e-3));
    }
    printf("optimizers.txt: %zu curves, worst error %.1e, in f32 %.1e\n", golden_count(file) - 1, worst, worst_f32);
    golden_close(file);
}
END_TEST

/* ---- The program ---- */

enum { TEXT = 1 << 17 };

/* Counts of what the program's text says. */
typedef struct {
    bg_report report;
    int products, reductions;
    int groups;      /* in which parameters and buffers of a weight's shape are updated */
    int in_epilogue; /* of these, behind the product that makes the gradient, and without the arena but for scalars */
    int loops;       /* that update them */
} plan;

/* A layer of [100, 64] behind 128 rows, in f32. */
static plan plan_of(const bg_optimizer *optimizer, double weight, bool averages)
{
    bg_graph *graph;
    bg_model *model;
    bg_program *program;
    OK(bg_graph_create(&graph, counted_engine()));
    OK(bg_model_create(&model, counted_engine(), BG_F32));
    bg_node *x = bg_input(graph, "x", BG_F32, BG_SHAPE(128, 64));
    bg_dense_options options = { .without_bias = true };
    bg_node *y = bg_dense_with(model, "one", x, 100, &options);
    bg_node *loss = bg_mean(bg_square(bg_tanh(y)), BG_ALL_AXES);
    bg_step_inputs inputs = { .learning_rate = bg_input(graph, "rate", BG_F64, BG_SCALAR),
                              .step = bg_input(graph, "step", BG_I64, BG_SCALAR),
                              .weight = weight,
                              .accumulated = weight > 0 ? bg_input(graph, "sum", BG_F64, BG_SCALAR) : NULL,
                              .average_weight = averages ? bg_input(graph, "share", BG_F64, BG_SCALAR) : NULL };
    OK(bg_optimizer_apply_with(optimizer, model, loss, &inputs, NULL));
    OK(bg_compile(&program, graph, &loss, 1, NULL));
    char *text = malloc(TEXT);
    ck_assert_ptr_nonnull(text);
    ck_assert_uint_lt(bg_program_dump(program, text, TEXT), TEXT);
    plan made = { .report = bg_program_report(program) };
    bool has_product = false, is_counted = false, is_loop_counted = false;
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        if (strstr(line, "group "))
            has_product = is_counted = false;
        if (strstr(line, "    loop "))
            is_loop_counted = false;
        made.products += strstr(line, "    product ") != NULL;
        made.reductions += strstr(line, "      sum_") != NULL || strstr(line, "    fold ") != NULL;
        has_product = has_product || (strstr(line, "    product 100 x 64 x 128") && strstr(line, " local"));
        if (!strstr(line, "update of") || !strstr(strstr(line, "update of"), "[100, 64]"))
            continue;
        made.groups += !is_counted;
        made.in_epilogue += !is_counted && has_product;
        made.loops += !is_loop_counted;
        is_counted = is_loop_counted = true;
    }
    free(text);
    bg_program_destroy(program);
    bg_model_destroy(model);
    bg_graph_destroy(graph);
    return made;
}

static const char *const elementwise[] = { "sgd",     "adam",    "adamw",    "adamax", "nadam", "radam",
                                           "rmsprop", "adagrad", "adadelta", "rprop",  "lion" };

/* All that an elementwise rule keeps of a weight is updated in the one loop behind the product that makes its gradient,
 * also with averages and accumulation: as many phases as without an optimizer's state, and no other product or sum. */
START_TEST(test_epilogue)
{
    bg_optimizer plain = bg_sgd(0.1, 0);
    plan least = plan_of(&plain, 0, false);
    for (size_t i = 0; i < sizeof elementwise / sizeof elementwise[0]; i++)
        for (int variant = 0; variant < 4; variant++) {
            bg_optimizer optimizer;
            OK(bg_optimizer_find(&optimizer, elementwise[i]));
            optimizer.weight_decay = 0.1;
            optimizer.amsgrad = optimizer.is_centered = variant & 1;
            if (i == 0)
                optimizer.momentum = 0.9;
            plan made = plan_of(&optimizer, variant & 2 ? 128 : 0, variant & 1);
            ck_assert_msg(made.groups == 1 && made.in_epilogue == 1 && made.loops == 1,
                          "%s %d: %d groups, %d in the epilogue, %d loops", elementwise[i], variant, made.groups,
                          made.in_epilogue, made.loops);
            ck_assert_msg(made.products == least.products && made.reductions == least.reductions &&
                              made.report.phases == least.report.phases,
                          "%s %d: %d products, %d reductions, %d phases", elementwise[i], variant, made.products,
                          made.reductions, made.report.phases);
        }
}
END_TEST

/* Clipped by norm or checked, everything is updated in one loop of a phase of its own. Neither of lion's two new values
 * is made from the other, so they may have a loop each. */
START_TEST(test_one_pass)
{
    for (size_t i = 0; i < sizeof elementwise / sizeof elementwise[0]; i++)
        for (int variant = 1; variant < 8; variant++) {
            bg_optimizer optimizer;
            OK(bg_optimizer_find(&optimizer, elementwise[i]));
            optimizer.clip_value = variant & 4 ? 0.1 : 0;
            optimizer.clip_norm = variant & 1 ? 0.5 : 0;
            optimizer.checks_finite = variant & 2;
            plan made = plan_of(&optimizer, 128, true);
            int in_epilogue = variant == 4;
            int most = strcmp(elementwise[i], "lion") == 0 && !in_epilogue ? 2 : 1;
            ck_assert_msg(made.groups <= most && made.in_epilogue == in_epilogue && made.loops <= most,
                          "%s %d: %d groups, %d in the epilogue, %d loops", elementwise[i], variant, made.groups,
                          made.in_epilogue, made.loops);
        }
}
END_TEST

/* What the others need beyond that: LAMB two norms; Adafactor means of rows and columns, their mean, and two root mean
 * squares; Muon the products of its Newton-Schulz steps, three each, and a norm. A sum over a matrix is one over its
 * rows, and one of these. */
START_TEST(test_reductions)
{
    bg_optimizer plain = bg_sgd(0.1, 0), lamb = bg_lamb(0.1), adafactor = bg_adafactor(0.1), muon = bg_muon(0.1);
    plan least = plan_of(&plain, 0, false), made = plan_of(&lamb, 0, false);
    ck_assert_int_eq(made.products, least.products);
    ck_assert_int_eq(made.reductions, least.reductions + 2 * 2);
    made = plan_of(&adafactor, 0, false);
    ck_assert_int_eq(made.products, least.products);
    ck_assert_int_eq(made.reductions, least.reductions + 3 + 2 * 2);
    made = plan_of(&muon, 0, false);
    ck_assert_int_eq(made.products, least.products + 3 * muon.newton_schulz_steps);
    ck_assert_int_eq(made.reductions, least.reductions + 2);
}
END_TEST

/* ---- Groups ---- */

/* Parameters of ones, whose gradient is 1: after a step at rate 1 p is 0 but for what the group changes. */
START_TEST(test_groups)
{
    static const char *const names[] = { "a.weight", "a.bias", "ab.weight", "deep.a.bias", "norm.weight", "x" };
    enum { N = sizeof names / sizeof names[0] };
    static const struct {
        bg_parameter_group group;
        const char *in; /* '1' for each parameter in it */
    } rows[] = {
        { { .pattern = "*" }, "111111" },
        { { .pattern = NULL }, "111111" },
        { { .pattern = "*.bias" }, "010100" },
        { { .pattern = "a.*" }, "110000" },
        { { .pattern = "a?.weight" }, "001000" },
        { { .pattern = "*a*weight" }, "101000" },
        { { .pattern = "norm.weight" }, "000010" },
        { { .pattern = "?" }, "000001" },
        { { .pattern = "**.*i*s" }, "010100" },
        { { .of_vectors = true }, "010111" },
        { { .of_vectors = true, .pattern = "*.weight" }, "000010" },
    };
    for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++)
        for (int what = 0; what < 3; what++) {
            bg_model *model;
            bg_graph *graph;
            bg_program *program;
            OK(bg_model_create(&model, counted_engine(), BG_F64));
            OK(bg_graph_create(&graph, counted_engine()));
            bg_node *loss = bg_scalar(graph, BG_F64, 0);
            for (int i = 0; i < N; i++) {
                bg_shape shape = i == 0 || i == 2 ? BG_SHAPE(2, 3) : i == 5 ? BG_SCALAR : BG_SHAPE(3);
                loss = bg_add(
                    loss, bg_sum(bg_model_parameter(model, graph, names[i], shape, (bg_init){ .kind = BG_INIT_ONES }),
                                 BG_ALL_AXES));
            }
            bg_optimizer sgd = bg_sgd(1, 0);
            sgd.groups[0] = rows[r].group;
            sgd.groups[0].learning_rate_factor = what == 0 ? BG_SOME(0.5) : (bg_optional){ 0 };
            sgd.groups[0].weight_decay = what == 1 ? BG_SOME(2) : (bg_optional){ 0 };
            sgd.groups[0].is_frozen = what == 2;
            /* Those in the first group are not in the second. */
            sgd.groups[1] = (bg_parameter_group){ .weight_decay = BG_SOME(0.25) };
            sgd.n_groups = 2;
            bg_node *rate = bg_scalar(graph, BG_F64, 1), *step = bg_scalar(graph, BG_F64, 0);
            bg_status status = bg_optimizer_apply(&sgd, model, loss, rate, step);
            if (what == 2 && strchr(rows[r].in, '0') == NULL) {
                FAILS(status, BG_ERR_ARGUMENT, "no parameter of the model that is not frozen");
            } else {
                OK(status);
                OK(bg_compile(&program, graph, &loss, 1, NULL));
                OK(bg_program_run(program));
                static const double in_it[] = { 0.5, -2, 1 };
                for (int i = 0; i < N; i++)
                    expect_near(names[i], value_at(bg_model_find(model, names[i]), 0),
                                rows[r].in[i] == '1' ? in_it[what] : -0.25, 1e-15);
                bg_program_destroy(program);
            }
            bg_graph_destroy(graph);
            bg_model_destroy(model);
        }
}
END_TEST

START_TEST(test_group_of_nothing)
{
    bg_model *model;
    bg_graph *graph;
    OK(bg_model_create(&model, counted_engine(), BG_F64));
    OK(bg_graph_create(&graph, counted_engine()));
    bg_node *p = bg_model_parameter(model, graph, "layer.weight", BG_SHAPE(2, 2), (bg_init){ 0 });
    bg_node *rate = bg_scalar(graph, BG_F64, 1), *step = bg_scalar(graph, BG_F64, 0);
    bg_optimizer sgd = bg_sgd(1, 0);
    sgd.groups[0] = (bg_parameter_group){ .pattern = "*.biass", .weight_decay = BG_SOME(0) };
    sgd.n_groups = 1;
    bg_node *loss = bg_sum(p, BG_ALL_AXES);
    FAILS(bg_optimizer_apply(&sgd, model, loss, rate, step), BG_ERR_ARGUMENT,
          "optimizer sgd: no parameter is in group 0, \"*.biass\"");
    sgd.groups[0] = (bg_parameter_group){ .of_vectors = true };
    FAILS(bg_optimizer_apply(&sgd, model, loss, rate, step), BG_ERR_ARGUMENT, "group 0, \"*\" of vectors");
    bg_graph_destroy(graph);
    bg_model_destroy(model);
}
END_TEST

/* ---- Edges ---- */

/* A parameter without elements, a scalar, and one of three axes, for every rule, with everything that stands before it.
 */
START_TEST(test_shapes)
{
    static const char *const all[] = { "sgd",     "adam",     "adamw", "adamax", "nadam", "radam",     "rmsprop",
                                       "adagrad", "adadelta", "rprop", "lion",   "lamb",  "adafactor", "muon" };
    const bg_shape shapes[] = { BG_SHAPE(0),    BG_SHAPE(3, 0),    BG_SHAPE(0, 3),  BG_SCALAR,
                                BG_SHAPE(1, 1), BG_SHAPE(2, 1, 3), BG_SHAPE(17, 3), BG_SHAPE(3, 17) };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        for (int clips = 0; clips < 2; clips++) {
            bg_model *model;
            bg_graph *graph;
            bg_program *program;
            OK(bg_model_create(&model, counted_engine(), clips ? BG_F32 : BG_F64));
            OK(bg_graph_create(&graph, counted_engine()));
            bg_node *loss = bg_scalar(graph, clips ? BG_F32 : BG_F64, 0);
            for (size_t s = 0; s < sizeof shapes / sizeof shapes[0]; s++) {
                char name[16];
                snprintf(name, sizeof name, "p%zu", s);
                bg_node *p = bg_model_parameter(model, graph, name, shapes[s], (bg_init){ .kind = BG_INIT_ONES });
                loss = bg_add(loss, bg_sum(bg_square(p), BG_ALL_AXES));
            }
            bg_optimizer optimizer;
            OK(bg_optimizer_find(&optimizer, all[i]));
            optimizer.clip_norm = clips ? 1 : 0;
            optimizer.checks_finite = clips;
            bg_node *rate = bg_scalar(graph, BG_F64, 0.01), *step = bg_scalar(graph, BG_F64, 0);
            OK(bg_optimizer_apply(&optimizer, model, loss, rate, step));
            OK(bg_compile(&program, graph, &loss, 1, NULL));
            double before, after;
            OK(bg_program_run(program));
            before = value_at(bg_program_output(program, 0), 0);
            OK(bg_program_run(program));
            after = value_at(bg_program_output(program, 0), 0);
            ck_assert_msg(after < before, "%s: the loss goes from %g to %g", all[i], before, after);
            bg_program_destroy(program);
            bg_graph_destroy(graph);
            bg_model_destroy(model);
        }
}
END_TEST

START_TEST(test_numbers)
{
    bg_optimizer o;
    FAILS(bg_optimizer_find(&o, "sdg"), BG_ERR_ARGUMENT,
          "there is no optimizer \"sdg\", only sgd, adam, adamw, adamax, nadam, radam, rmsprop, adagrad, adadelta, "
          "rprop, lion, lamb, adafactor, muon, lbfgs, lm");
#define WRONG(name, assignment, part)                                                                                  \
    do {                                                                                                               \
        OK(bg_optimizer_find(&o, name));                                                                               \
        OK(bg_optimizer_check(&o));                                                                                    \
        assignment;                                                                                                    \
        FAILS(bg_optimizer_check(&o), BG_ERR_ARGUMENT, "optimizer " name ": " part);                                   \
    } while (0)
    WRONG("adam", o.beta1 = 1, "beta1 1, it must be in [0, 1)");
    WRONG("adam", o.beta2 = -0.1, "beta2 -0.1");
    WRONG("adamw", o.eps = -1, "eps -1, it must be finite and 0 or more");
    WRONG("adamw", o.eps = NAN, "eps nan");
    WRONG("nadam", o.momentum_decay = -1, "momentum decay -1");
    WRONG("rmsprop", o.alpha = 1, "alpha 1, it must be in [0, 1)");
    WRONG("adagrad", o.learning_rate_decay = -1, "learning rate decay -1, it must be 0 or more");
    WRONG("adagrad", o.initial_accumulator = -1, "initial accumulator -1");
    WRONG("adadelta", o.rho = 1.5, "rho 1.5, it must be in [0, 1]");
    WRONG("rprop", o.eta_minus = 1, "eta_minus 1, it must be in (0, 1)");
    WRONG("rprop", o.eta_plus = 1, "eta_plus 1, it must be above 1");
    WRONG("rprop", o.step_max = 0, "step_max 0, it must be at least step_min");
    WRONG("adafactor", o.threshold = 0.5, "threshold 0.5, it must be 1 or more");
    WRONG("adafactor", o.beta2_decay = 1, "beta2_decay 1, it must be 0 or less");
    WRONG("adafactor", o.eps1 = BG_SOME(-1), "eps1 -1, it must be 0 or more");
    WRONG("muon", o.newton_schulz_steps = 100, "newton_schulz_steps 100, it must be from 0 to 99");
    WRONG("muon", o.newton_schulz_eps = 0, "newton_schulz_eps 0, it must be above 0");
    WRONG("muon", o.momentum = 0, "Nesterov's form needs a momentum");
    WRONG("sgd", o.clip_norm = -1, "clip norm -1");
    WRONG("sgd", o.clip_value = INFINITY, "clip value inf");
    WRONG("sgd", o.n_groups = 9, "9 parameter groups, at most 8 are allowed");
    WRONG("sgd", (o.n_groups = 1, o.groups[0].learning_rate_factor = BG_SOME(-1)),
          "group 0 has the learning rate factor -1");
    WRONG("adam", (o.n_groups = 1, o.groups[0].beta1 = BG_SOME(2)), "beta1 2");
#undef WRONG
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("optimizers");
    TCase *tests = tcase_create("optimizers");
    tcase_add_checked_fixture(tests, counted_begin, counted_end);
    tcase_add_test(tests, test_curves);
    tcase_add_test(tests, test_epilogue);
    tcase_add_test(tests, test_one_pass);
    tcase_add_test(tests, test_reductions);
    tcase_add_test(tests, test_groups);
    tcase_add_test(tests, test_group_of_nothing);
    tcase_add_test(tests, test_shapes);
    tcase_add_test(tests, test_numbers);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
