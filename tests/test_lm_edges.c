/* Levenberg and Marquardt's steps where something is wrong, and saved. */
#include "support/fit_problem.h"
#include "support/suite.h"

/* ---- Failures ---- */

/* p + what a test wants at its calls. */
typedef struct {
    int calls, fails_at;
    bg_status status;
    double rise; /* of the value, from one call to the next */
    bool is_nan; /* behind the first call */
} mood;
static mood wanted;
static bg_status moody_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    *dtype = bg_node_dtype(bg_node_input(node, 0));
    *shape = bg_node_shape(bg_node_input(node, 0));
    return BG_OK;
}
static bg_status moody_call(const bg_call *call)
{
    int number = ++wanted.calls;
    if (number == wanted.fails_at)
        return bg_fail(wanted.status, "moody: call %d", number);
    for (int64_t i = 0; i < bg_shape_count(bg_node_shape(call->node)); i++)
        ((double *)call->output)[i] =
            wanted.is_nan && number > 1 ? NAN : ((const double *)call->inputs[0])[i] + wanted.rise * (number - 1);
    return BG_OK;
}
static bg_node *moody_gradient(bg_node *node, int input, bg_node *dy)
{
    (void)node;
    (void)input;
    return dy;
}
static const bg_op moody_op = {
    .name = "moody", .arity = 1, .infer = moody_infer, .gradient = moody_gradient, .call = moody_call
};

static const double odd[3] = { 0.1, 0.7, 1e300 / 3e300 };
static void make_moody(void)
{
    bg_node *p = parameter(odd, 3);
    OK(bg_lm_create(&lm, model, bg_apply(&moody_op, &p, 1, NULL, 0), NULL));
}
static void expect_odd(void)
{
    for (int i = 0; i < 3; i++)
        ck_assert_msg(parameter_at(i) == odd[i], "parameter %d is %.17g", i, parameter_at(i));
}

/* No trial lowers the loss: the parameters stay, to the bit. */
START_TEST(test_refused_trials)
{
    begin(counted_engine(), BG_F64);
    wanted = _i ? (mood){ .is_nan = true } : (mood){ .rise = 1 };
    make_moody();
    double before = bg_lm_damping(lm);
    OK(bg_lm_step(lm, NULL));
    ck_assert(bg_lm_has_converged(lm) && bg_lm_steps(lm) == 0 && bg_lm_trials(lm) > 3);
    ck_assert(bg_lm_damping(lm) > before);
    expect_odd();
    end();
}
END_TEST

/* A run that fails: at the start, in a trial; of numbers, it is a step that was too long. */
START_TEST(test_failing_runs)
{
    begin(counted_engine(), BG_F64);
    wanted = (mood){ .fails_at = 1, .status = BG_ERR_IO };
    make_moody();
    FAILS(bg_lm_step(lm, NULL), BG_ERR_IO, "call 1");
    expect_odd();
    wanted.fails_at = 3;
    FAILS(bg_lm_step(lm, NULL), BG_ERR_IO, "call 3");
    expect_odd();
    wanted = (mood){ .fails_at = 2, .status = BG_ERR_NUMERIC };
    OK(bg_lm_step(lm, NULL));
    ck_assert_int_eq(bg_lm_steps(lm), 1);
    ck_assert(fabs(parameter_at(0)) < 0.1);
    end();
}
END_TEST

START_TEST(test_not_finite)
{
    double loss = 0;
    begin(counted_engine(), BG_F64);
    OK(bg_lm_create(&lm, model, bg_log(parameter((double[]){ 0.5, -1 }, 2)), NULL));
    FAILS(bg_lm_step(lm, &loss), BG_ERR_NUMERIC, "the sum of squares of the residuals is nan");
    ck_assert(isnan(loss) && parameter_at(0) == 0.5 && parameter_at(1) == -1);
    bg_lm_destroy(lm);
    bg_graph_destroy(graph);
    /* √0 is finite, its derivative is not. */
    OK(bg_graph_create(&graph, counted_engine()));
    OK(bg_lm_create(&lm, model, bg_sqrt(parameter((double[]){ 0, 1 }, 2)), NULL));
    FAILS(bg_lm_step(lm, NULL), BG_ERR_NUMERIC, "the Jacobian has elements that are infinite");
    ck_assert(parameter_at(0) == 0 && parameter_at(1) == 1);
    /* A trial beyond 0 is no number, and a shorter one is taken. */
    bg_lm_destroy(lm);
    bg_graph_destroy(graph);
    OK(bg_graph_create(&graph, counted_engine()));
    OK(bg_lm_create(&lm, model, bg_log(parameter((double[]){ 20, 5 }, 2)), NULL));
    converge(60);
    expect_near("p", parameter_at(0), 1, 1e-6);
    ck_assert(bg_lm_trials(lm) > bg_lm_steps(lm));
    end();
}
END_TEST

START_TEST(test_refused)
{
    begin(counted_engine(), BG_F64);
    bg_node *p = parameter(odd, 3);
    FAILS(bg_lm_create(NULL, model, p, NULL), BG_ERR_ARGUMENT, "lm is NULL");
    FAILS(bg_lm_create(&lm, NULL, p, NULL), BG_ERR_ARGUMENT, "model is NULL");
    FAILS(bg_lm_create(&lm, model, NULL, NULL), BG_ERR_ARGUMENT, "residuals is NULL");
    FAILS(bg_lm_create(&lm, model, bg_scalar(graph, BG_F64, 1), NULL), BG_ERR_ARGUMENT,
          "the residuals depend on no parameter");
    const struct {
        bg_lm_options options;
        const char *part;
    } wrong[] = { { { .damping = BG_SOME(-1) }, "damping -1" },
                  { { .damping = BG_SOME(INFINITY) }, "damping inf" },
                  { { .tolerance_gradient = BG_SOME(NAN) }, "tolerance of the gradient" },
                  { { .tolerance_step = BG_SOME(-1) }, "tolerance of steps -1" },
                  { { .tolerance_loss = BG_SOME(-2) }, "tolerance of the loss -2" },
                  { { .max_bytes = -5 }, "max_bytes is -5" } };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        FAILS(bg_lm_create(&lm, model, p, &wrong[i].options), BG_ERR_ARGUMENT, wrong[i].part);
    ck_assert(lm == NULL);
    bg_node *many = bg_mul(bg_input(graph, "x", BG_F64, BG_SHAPE(1 << 20, 3)), p);
    FAILS(bg_lm_create(&lm, model, many, &(bg_lm_options){ .max_bytes = 1 << 20 }), BG_ERR_ARGUMENT,
          "the Jacobian of 3145728 residuals by 3 parameters, and what is computed with it, takes 144 MiB, more than "
          "max_bytes, 1 MiB");
    FAILS(bg_lm_step(NULL, NULL), BG_ERR_ARGUMENT, "lm is NULL");
    FAILS(bg_lm_save(NULL, NULL), BG_ERR_ARGUMENT, "lm is NULL");
    FAILS(bg_lm_load(NULL, NULL), BG_ERR_ARGUMENT, "lm is NULL");
    ck_assert(!bg_lm_program(NULL) && !bg_lm_has_converged(NULL) && bg_lm_steps(NULL) + bg_lm_trials(NULL) == 0);
    end();
}
END_TEST

/* ---- Saving ---- */

static void add(bg_archive *archive, const char *name, bg_dtype dtype, bg_shape shape, double value)
{
    bg_tensor *tensor;
    OK(bg_tensor_create(&tensor, counted_engine(), dtype, shape));
    OK(bg_tensor_fill(tensor, value));
    OK(bg_archive_add(archive, name, tensor));
    bg_tensor_destroy(tensor);
}

/* A second object goes on where the first one was. */
START_TEST(test_saved)
{
    bg_lm_options options = { .is_scaled = _i == 1 };
    begin(counted_engine(), BG_F64);
    bg_node *r = valley(parameter((double[]){ -1.2, 1 }, 2));
    double whole[2], damping, kept[2];
    OK(bg_lm_create(&lm, model, r, &options));
    for (int i = 0; i < 4; i++)
        OK(bg_lm_step(lm, NULL));
    bg_archive *archive, *again;
    OK(bg_archive_create(&archive, counted_engine()));
    OK(bg_lm_save(lm, archive));
    for (int i = 0; i < 2; i++)
        kept[i] = parameter_at(i);
    for (int i = 0; i < 4; i++)
        OK(bg_lm_step(lm, NULL));
    for (int i = 0; i < 2; i++)
        whole[i] = parameter_at(i);
    damping = bg_lm_damping(lm);
    int64_t trials = bg_lm_trials(lm);
    bg_lm_destroy(lm);
    OK(bg_lm_create(&lm, model, r, &options));
    OK(bg_lm_load(lm, archive));
    OK(bg_archive_create(&again, counted_engine()));
    OK(bg_lm_save(lm, again));
    expect_same_archives(again, archive);
    bg_archive_destroy(again);
    bg_archive_destroy(archive);
    (void)parameter(kept, 2);
    for (int i = 0; i < 4; i++)
        OK(bg_lm_step(lm, NULL));
    ck_assert(parameter_at(0) == whole[0] && parameter_at(1) == whole[1] && bg_lm_damping(lm) == damping);
    ck_assert(bg_lm_trials(lm) == trials);
    end();
}
END_TEST

START_TEST(test_saved_wrong)
{
    begin(counted_engine(), BG_F64);
    OK(bg_lm_create(&lm, model, valley(parameter((double[]){ -1.2, 1 }, 2)), &(bg_lm_options){ .is_scaled = true }));
    OK(bg_lm_step(lm, NULL));
    double damping = bg_lm_damping(lm);
    static const struct {
        double damping, scale, count;
        int64_t n;
        bg_status status;
        const char *part;
    } wrong[] = { { 2, 1, 1, 3, BG_ERR_SHAPE, "\"optimizer.lm.scale\" has the shape [3], not [2]" },
                  { NAN, 1, 1, 2, BG_ERR_ARGUMENT, "\"optimizer.lm.damping\" is nan" },
                  { 2, -1, 1, 2, BG_ERR_ARGUMENT, "\"optimizer.lm.scale\" has the number -1" },
                  { 2, 1, -1, 2, BG_ERR_ARGUMENT, "\"optimizer.lm.counts\" has the number -1" } };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        bg_archive *archive;
        OK(bg_archive_create(&archive, counted_engine()));
        FAILS(bg_lm_load(lm, archive), BG_ERR_ARGUMENT, "the archive has no \"optimizer.lm.damping\"");
        add(archive, "optimizer.lm.damping", BG_F64, BG_SCALAR, wrong[i].damping);
        add(archive, "optimizer.lm.scale", BG_F64, BG_SHAPE(wrong[i].n), wrong[i].scale);
        add(archive, "optimizer.lm.counts", BG_I64, BG_SHAPE(3), wrong[i].count);
        FAILS(bg_lm_load(lm, archive), wrong[i].status, wrong[i].part);
        bg_archive_destroy(archive);
    }
    ck_assert(bg_lm_damping(lm) == damping && bg_lm_steps(lm) == 1);
    end();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("lm_edges");
    TCase *tests = tcase_create("lm edges");
    tcase_add_checked_fixture(tests, counted_begin, counted_end);
    tcase_add_loop_test(tests, test_refused_trials, 0, 2);
    tcase_add_test(tests, test_failing_runs);
    tcase_add_test(tests, test_not_finite);
    tcase_add_test(tests, test_refused);
    tcase_add_loop_test(tests, test_saved, 0, 2);
    tcase_add_test(tests, test_saved_wrong);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
