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
    FAILS(attack(&p, &good), BG_ERR_ARGUMENT, "element 1 of example 2 is 1.5, outside the box 0 .. 1");
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
    tcase_add_loop_test(cases, test_same_bits, 0, 6);
    tcase_add_test(cases, test_restarts);
    tcase_add_test(cases, test_stop);
    tcase_add_test(cases, test_refused);
    tcase_add_test(cases, test_refused_attackers);
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
