/* What holds for every attack: eps 0, bits, restarts, and what is refused. */
#include "support/attacked.h"
#include "support/counted.h"
#include "support/suite.h"
#include "support/values.h"

#include <string.h>

/* With eps 0 every attack leaves each bit, and the accuracy is that of the inputs; fooled examples are left alone. */
START_TEST(test_nothing_allowed)
{
    problem p;
    open_linear(&p, BG_F32, NULL);
    for (size_t k = 0; bg_attack_name(k); k++) {
        bg_attack a;
        OK(bg_attack_find(&a, bg_attack_name(k)));
        if (a.loss == BG_ATTACK_DLR)
            continue; /* for more classes */
        OK(attack(&p, &a));
        ck_assert_msg(memcmp(bg_tensor_const_data(p.adversarial), bg_tensor_const_data(p.x),
                             sizeof(float) * EXAMPLES * WIDTH) == 0,
                      "%s", a.name);
        ck_assert(p.report.clean_accuracy == 0.8 && p.report.robust_accuracy == 0.8);
        ck_assert(p.report.examples == EXAMPLES && p.report.fooled == 0 && p.report.max_norm == 0);
    }
    bg_attack a = bg_attack_pgd(BG_ATTACK_LINF, 0.5);
    OK(attack(&p, &a));
    ck_assert(p.report.clean_accuracy == 0.8 && p.report.robust_accuracy == 0 && p.report.fooled == 4);
    expect_near("mean norm", p.report.mean_norm, 0.5, 1e-6);
    expect_near("norm of what was fooled", value_at(p.norms, EXAMPLES - 1), 0, 0);
    attacked_close(&p);
}
END_TEST

/* With a target, what is answered as the target is fooled, and nothing else; the accuracy is that of the labels. */
START_TEST(test_targets)
{
    enum { N = 24 };
    int fooled = 0, changed = 0;
    for (size_t k = 0; bg_attack_name(k); k++) {
        bg_attack a;
        problem p;
        int right = 0;
        OK(bg_attack_find(&a, bg_attack_name(k)));
        if (strcmp(a.name, "deepfool") == 0)
            continue; /* it has no targets */
        open_curved(&p, counted_engine(), BG_F64, 16, N);
        answer_labels(&p, N);
        a.eps = 0.5;
        a.steps = a.steps < 40 ? a.steps : 40;
        OK(bg_attack_run(p.attacker, &a, p.x, p.labels, p.targets, &p.result, &p.report));
        for (int i = 0; i < N; i++) {
            bool is_target = value_at(p.answers, i) == value_at(p.targets, i);
            bool is_right = value_at(p.answers, i) == value_at(p.labels, i);
            ck_assert_msg((value_at(p.is_fooled, i) != 0) == is_target, "%s: example %d", a.name, i);
            right += is_right && i % 4 != 3; /* those were wrong from the beginning */
            fooled += is_target;
            changed += !is_target && !is_right && i % 4 != 3;
        }
        expect_near(a.name, p.report.robust_accuracy, (double)right / N, 1e-15);
        expect_near(a.name, p.report.clean_accuracy, 0.75, 0);
        attacked_close(&p);
    }
    ck_assert_msg(fooled > 30 && changed > 0, "%d fooled, %d answered as a third class", fooled, changed);
}
END_TEST

static bg_node *with_dropout(bg_model *model, bg_node *x, void *user)
{
    return bg_model_dropout(model, "dropout", linear_network(model, x, user), 0.9);
}

/* The network is built in evaluation, and the model left in the mode it was in. */
START_TEST(test_evaluation_mode)
{
    problem p;
    bg_attacker *attacker;
    open_linear(&p, BG_F64, NULL);
    bg_model_set_training(p.model, true);
    OK(bg_attacker_create(&attacker, p.model, &(bg_attacker_options){ .network = with_dropout }, BG_SHAPE(WIDTH)));
    bg_attack a = bg_attack_fgsm(BG_ATTACK_LINF, 0.07);
    OK(bg_attack_run(attacker, &a, p.x, p.labels, NULL, &p.result, &p.report));
    ck_assert(bg_model_is_training(p.model) && p.report.clean_accuracy == 0.8);
    for (int j = 0; j < WIDTH; j++)
        expect_near("element", value_at(p.adversarial, j),
                    linear_points[0][j] + 0.07 * linear_best_step(BG_ATTACK_LINF, j), 1e-15);
    bg_attacker_destroy(attacker);
    attacked_close(&p);
}
END_TEST

/* The logarithm of 0 or less is no number, nor the root of less than 0, beside which slopes are steep. */
static bg_node *with_logarithm(bg_model *model, bg_node *x, void *user)
{
    return linear_network(model, bg_log(x), user);
}
static bg_node *with_root(bg_model *model, bg_node *x, void *user)
{
    return linear_network(model, bg_sqrt(bg_add_scalar(bg_neg(x), 1)), user);
}

/* Scores that are NaN are no right answer, wherever an attack comes upon them, and what it leaves are numbers. */
START_TEST(test_not_finite)
{
    bg_network *network = _i / 2 ? with_root : with_logarithm;
    for (size_t k = 0; bg_attack_name(k); k++) {
        bg_attack a;
        problem p;
        bg_attacker *attacker;
        open_linear(&p, _i % 2 ? BG_F32 : BG_F64, NULL);
        OK(bg_attacker_create(&attacker, p.model, &(bg_attacker_options){ .network = network, .batch = 3 },
                              BG_SHAPE(WIDTH)));
        OK(bg_attack_find(&a, bg_attack_name(k)));
        a.eps = 2;
        a.learning_rate *= 5; /* far enough in few steps */
        a.steps = a.steps < 200 ? a.steps : 200;
        a.loss = a.loss == BG_ATTACK_DLR ? BG_ATTACK_MARGIN : a.loss;
        for (int i = 0; i < EXAMPLES; i++)
            attacked_set(p.labels, i, _i / 2);
        OK(bg_attack_run(attacker, &a, p.x, p.labels, NULL, &p.result, &p.report));
        for (int i = 0; i < EXAMPLES * WIDTH; i++)
            ck_assert_msg(isfinite(value_at(p.adversarial, i)), "%s: element %d is %g", a.name, i,
                          value_at(p.adversarial, i));
        for (int i = 0; i < EXAMPLES; i++)
            ck_assert_msg(value_at(p.norms, i) <= 2 * (1 + 1e-6), "%s: norm %g", a.name, value_at(p.norms, i));
        /* Carlini and Wagner's attack goes on behind what it has found, and must not lose it there. */
        int64_t most = strcmp(a.name, "cw") == 0 ? 2 + 2 * (_i / 2) : 2;
        ck_assert_msg(p.report.fooled >= most, "%s: %lld fooled", a.name, (long long)p.report.fooled);
        bg_attacker_destroy(attacker);
        attacked_close(&p);
    }
}
END_TEST

/* The same bits for any number of threads and any batch; others for another seed or restart. */
static uint64_t outcome(int threads, uint64_t seed, bg_dtype dtype, int64_t batch, const bg_attack *a)
{
    enum { N = 37 };
    bg_engine *engine;
    problem p;
    OK(bg_engine_create(&engine, &(bg_engine_options){ .threads = threads, .seed = seed }));
    open_curved(&p, engine, dtype, batch, N);
    set_curved_parameters(&p, 1); /* of one seed, whatever that of the attack */
    for (int i = 0; i < N; i++)
        attacked_set(p.labels, i, i % SMALL_CLASSES);
    OK(attack(&p, a));
    bg_dataset *found;
    OK(bg_dataset_create(&found, (bg_tensor *[]){ p.adversarial, p.is_fooled, p.norms }, 3, 0));
    uint64_t hash;
    OK(bg_dataset_hash(&hash, found));
    bg_dataset_destroy(found);
    attacked_close(&p);
    bg_engine_destroy(engine);
    return hash;
}

START_TEST(test_same_bits)
{
    bg_dtype dtype = _i % 2 ? BG_F32 : BG_F64;
    for (size_t k = 0; bg_attack_name(k); k++) {
        bg_attack a;
        OK(bg_attack_find(&a, bg_attack_name(k)));
        a.norm = (bg_attack_norm)(_i / 2);
        if (bg_attack_check(&a) != BG_OK)
            continue; /* an attack without this norm */
        a.eps = 0.05;
        a.steps = 4;
        a.restarts = 2;
        a.searches = 2;
        a.samples = 3;
        uint64_t expected = outcome(1, 5, dtype, 16, &a);
        for (int threads = 1; threads <= 4; threads++)
            ck_assert_msg(outcome(threads, 5, dtype, threads % 2 ? 16 : 5, &a) == expected, "%s: %d threads", a.name,
                          threads);
        /* The others may end in one corner of the ball, wherever they began, as all that goes up in L1 does. */
        bool is_random = strcmp(a.name, "noise") == 0 || (strcmp(a.name, "pgd") == 0 && a.norm != BG_ATTACK_L1);
        ck_assert_msg(!is_random || outcome(1, 6, dtype, 16, &a) != expected, "%s: another seed", a.name);
    }
}
END_TEST

/* Of several attempts what succeeds counts; the network is asked as often as the report says. */
START_TEST(test_restarts)
{
    problem p;
    open_linear(&p, BG_F64, &(bg_attacker_options){ .batch = EXAMPLES });
    double eps = linear_margin(linear_points[0]) / linear_reach(BG_ATTACK_LINF) * 1.5;
    int64_t before = 0;
    for (int64_t restarts = 1; restarts <= 64; restarts *= 8) {
        bg_attack a = bg_attack_noise(BG_ATTACK_LINF, eps);
        a.restarts = restarts;
        OK(attack(&p, &a));
        ck_assert(p.report.fooled >= before && p.report.gradients == 0);
        before = p.report.fooled;
    }
    ck_assert_msg(value_at(p.is_fooled, 0) == 1, "64 draws do not find what a sixth of the ball is");
    bg_attack a = bg_attack_bim(BG_ATTACK_LINF, 1e-3);
    OK(attack(&p, &a));
    ck_assert(p.report.gradients == 10 && p.report.queries == 2);
    attacked_close(&p);
}
END_TEST

static bool stops(int64_t examples, void *user)
{
    (void)user;
    return examples < 2;
}

START_TEST(test_stop)
{
    problem p;
    open_linear(&p, BG_F64, &(bg_attacker_options){ .batch = 2, .goes_on = stops });
    bg_attack a = bg_attack_fgsm(BG_ATTACK_LINF, 0.1);
    FAILS(attack(&p, &a), BG_ERR_STOPPED, "behind 2 examples");
    ck_assert(value_at(p.norms, 1) > 0.09 && value_at(p.norms, 2) == 0);
    attacked_close(&p);
}
END_TEST

/* ---- What is refused ---- */

START_TEST(test_refused)
{
    problem p;
    bg_attack a, good = bg_attack_pgd(BG_ATTACK_LINF, 0.1);
    open_linear(&p, BG_F64, &(bg_attacker_options){ .lower = BG_SOME(0), .upper = BG_SOME(1) });
#define REFUSED(change, status, part)                                                                                  \
    a = good;                                                                                                          \
    change;                                                                                                            \
    FAILS(attack(&p, &a), status, part)
#define REFUSED_FIELD(attack_of, field, bad, part)                                                                     \
    {                                                                                                                  \
        bg_attack changed = attack_of;                                                                                 \
        changed.field = bad;                                                                                           \
        FAILS(attack(&p, &changed), BG_ERR_ARGUMENT, part);                                                            \
    }
    REFUSED(a.eps = -0.1, BG_ERR_ARGUMENT, "attack pgd: eps -0.1");
    REFUSED(a.eps = NAN, BG_ERR_ARGUMENT, "eps nan");
    REFUSED(a.eps = INFINITY, BG_ERR_ARGUMENT, "eps inf");
    REFUSED(a.steps = 0, BG_ERR_ARGUMENT, "0 steps");
    REFUSED(a.restarts = 0, BG_ERR_ARGUMENT, "0 restarts");
    REFUSED(a.step_size = -1, BG_ERR_ARGUMENT, "step size -1");
    REFUSED(a.sparsity = 2, BG_ERR_ARGUMENT, "sparsity 2");
    REFUSED(a.norm = (bg_attack_norm)3, BG_ERR_ARGUMENT, "the norm is 3");
    REFUSED(a.loss = (bg_attack_loss)-1, BG_ERR_ARGUMENT, "the loss is -1");
    REFUSED(a.loss = BG_ATTACK_DLR, BG_ERR_SHAPE, "needs 3 classes");
    REFUSED(a.method = NULL, BG_ERR_ARGUMENT, "no method");
    a = bg_attack_mi_fgsm(BG_ATTACK_L2, 1);
    a.decay = -1;
    FAILS(attack(&p, &a), BG_ERR_ARGUMENT, "attack mi-fgsm: decay -1");
    a = bg_attack_apgd(BG_ATTACK_L1, 1);
    FAILS(attack(&p, &a), BG_ERR_ARGUMENT, "attack apgd: it has no form for the norm l1");
    a = bg_attack_square(1);
    a.norm = BG_ATTACK_L2;
    FAILS(attack(&p, &a), BG_ERR_ARGUMENT, "attack square: it has no form for the norm l2");
    a.norm = BG_ATTACK_LINF;
    a.share = 0;
    FAILS(attack(&p, &a), BG_ERR_ARGUMENT, "attack square: share 0");
    a = bg_attack_deepfool(BG_ATTACK_L2, 1);
    FAILS(bg_attack_run(p.attacker, &a, p.x, p.labels, p.targets, NULL, NULL), BG_ERR_ARGUMENT, "no form with targets");
    a.overshoot = -1;
    FAILS(attack(&p, &a), BG_ERR_ARGUMENT, "attack deepfool: overshoot -1");
    a.eps = NAN;
    FAILS(attack(&p, &a), BG_ERR_ARGUMENT, "attack deepfool: eps nan, it must be 0 or more");
    a = bg_attack_carlini_wagner(1);
    REFUSED_FIELD(a, confidence, -1, "attack cw: confidence -1");
    REFUSED_FIELD(a, constant, 0, "attack cw: constant 0");
    REFUSED_FIELD(a, searches, 0, "attack cw: 0 searches");
    REFUSED_FIELD(a, learning_rate, 0, "attack cw: learning rate 0");
    REFUSED_FIELD(a, norm, BG_ATTACK_LINF, "attack cw: it has no form for the norm linf");
    a = bg_attack_spsa(BG_ATTACK_LINF, 1);
    REFUSED_FIELD(a, delta, 0, "attack spsa: delta 0");
    REFUSED_FIELD(a, samples, 0, "attack spsa: 0 samples");
    FAILS(bg_attack_find(&a, "magic"), BG_ERR_ARGUMENT, "no attack \"magic\", only fgsm, bim");
    FAILS(bg_attack_find(NULL, "pgd"), BG_ERR_ARGUMENT, "NULL");
    FAILS(bg_attack_run(p.attacker, &good, p.x, p.labels, p.labels, NULL, NULL), BG_ERR_ARGUMENT,
          "target of example 0 is its label, 0");
    attacked_set(p.targets, 3, 2);
    for (int i = 0; i < 3; i++)
        attacked_set(p.targets, i, 1);
    FAILS(bg_attack_run(p.attacker, &good, p.x, p.labels, p.targets, NULL, NULL), BG_ERR_ARGUMENT,
          "target 2 of example 3 is outside 0 .. 1");
    attacked_set(p.labels, 4, -1);
    FAILS(attack(&p, &good), BG_ERR_ARGUMENT, "label -1 of example 4");
    attacked_set(p.labels, 4, 0);
    attacked_set(p.x, 7, 1.5);
    FAILS(attack(&p, &good), BG_ERR_ARGUMENT, "element 1 of example 2 is 1.5, not a number within 0 .. 1");
    attacked_set(p.x, 7, NAN);
    FAILS(attack(&p, &good), BG_ERR_ARGUMENT, "element 1 of example 2 is nan");
    FAILS(bg_attack_run(p.attacker, &good, p.norms, p.labels, NULL, NULL, NULL), BG_ERR_SHAPE, "inputs [5]");
    FAILS(bg_attack_run(p.attacker, &good, p.labels, p.labels, NULL, NULL, NULL), BG_ERR_DTYPE, "inputs are i64");
    FAILS(bg_attack_run(p.attacker, &good, p.x, p.norms, NULL, NULL, NULL), BG_ERR_DTYPE, "labels are f64");
    FAILS(bg_attack_run(p.attacker, &good, p.x, NULL, NULL, NULL, NULL), BG_ERR_ARGUMENT, "labels is NULL");
    FAILS(bg_attack_run(p.attacker, &good, p.x, p.labels, NULL, &(bg_attack_result){ .adversarial = p.norms }, NULL),
          BG_ERR_SHAPE, "adversarial is f64 [5]");
    FAILS(bg_attack_run(p.attacker, &good, p.x, p.labels, NULL, &(bg_attack_result){ .adversarial = p.x }, NULL),
          BG_ERR_OVERLAP, "shares memory");
    FAILS(bg_attack_run(p.attacker, &good, p.x, p.labels, NULL, &(bg_attack_result){ .is_fooled = p.norms }, NULL),
          BG_ERR_SHAPE, "is_fooled is f64");
    FAILS(bg_attack_run(p.attacker, &good, p.x, p.labels, NULL, &(bg_attack_result){ .answers = p.norms }, NULL),
          BG_ERR_SHAPE, "answers is f64 [5], not i64 [5]");
    FAILS(bg_attack_run(p.attacker, &good, p.x, p.labels, NULL, &(bg_attack_result){ .norms = p.x }, NULL),
          BG_ERR_SHAPE, "norms is f64 [5, 3]");
    attacked_close(&p);
}
END_TEST

static bg_node *one_score(bg_model *model, bg_node *x, void *user)
{
    (void)user;
    return bg_dense(model, "fc", x, 1);
}

START_TEST(test_refused_attackers)
{
    bg_model *model;
    bg_attacker *made;
    OK(bg_model_create(&model, counted_engine(), BG_F32));
    bg_attacker_options options = { .network = one_score };
    FAILS(bg_attacker_create(&made, model, &options, BG_SHAPE(3)), BG_ERR_SHAPE, "f32 [128, 1]");
    options.network = linear_network;
    options.batch = -1;
    FAILS(bg_attacker_create(&made, model, &options, BG_SHAPE(3)), BG_ERR_ARGUMENT, "batch is -1");
    options.batch = 1;
    options.lower = BG_SOME(2);
    options.upper = BG_SOME(1);
    FAILS(bg_attacker_create(&made, model, &options, BG_SHAPE(3)), BG_ERR_ARGUMENT, "the box is 2 .. 1");
    options.lower = BG_SOME(0);
    FAILS(bg_attacker_create(&made, model, &options, BG_SHAPE(0)), BG_ERR_SHAPE, "no elements");
    FAILS(bg_attacker_create(&made, model, &options, BG_SHAPE(INT64_MAX)), BG_ERR_OVERFLOW, "");
    FAILS(bg_attacker_create(&made, NULL, &options, BG_SHAPE(3)), BG_ERR_ARGUMENT, "model is NULL");
    FAILS(bg_attacker_create(NULL, model, &options, BG_SHAPE(3)), BG_ERR_ARGUMENT, "attacker is NULL");
    FAILS(bg_attacker_create(&made, model, NULL, BG_SHAPE(3)), BG_ERR_ARGUMENT, "options is NULL");
    ck_assert(made == NULL);
    bg_attacker_destroy(NULL);
    bg_model_destroy(model);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("attack_rules");
    TCase *cases = tcase_create("attack_rules");
    tcase_add_checked_fixture(cases, counted_begin, counted_end);
    tcase_add_test(cases, test_nothing_allowed);
    tcase_add_test(cases, test_targets);
    tcase_add_test(cases, test_evaluation_mode);
    tcase_add_loop_test(cases, test_not_finite, 0, 4);
    tcase_add_loop_test(cases, test_same_bits, 0, 6);
    tcase_add_test(cases, test_restarts);
    tcase_add_test(cases, test_stop);
    tcase_add_test(cases, test_refused);
    tcase_add_test(cases, test_refused_attackers);
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
