/* Every optimizer over 20 steps against PyTorch, and what stands between the gradient and the rule. */
#include "support/counted.h"
#include "support/golden_problem.h"
#include "support/suite.h"
#include "support/values.h"

#include <stddef.h>
#include <stdio.h>
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

int main(void)
{
    Suite *suite = suite_create("optimizers");
    TCase *tests = tcase_create("optimizers");
    tcase_add_checked_fixture(tests, counted_begin, counted_end);
    tcase_add_test(tests, test_curves);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
