/* Attacks where the best perturbation is known in closed form: on scores that are linear in the inputs. */
#include "support/attacked.h"
#include "support/counted.h"
#include "support/suite.h"
#include "support/values.h"

static const char *const norm_names[] = { "linf", "l2", "l1" };

static bg_attack (*const climbers[])(bg_attack_norm, double) = { bg_attack_fgsm, bg_attack_bim, bg_attack_pgd,
                                                                 bg_attack_mi_fgsm };
enum { N_CLIMBERS = sizeof climbers / sizeof *climbers };

/* From a random point, steps along the sphere only come closer and closer: each halves the angle if it is as long as
 * the radius. */
static bg_attack climber(int k, bg_attack_norm norm, double eps)
{
    bg_attack a = climbers[k](norm, eps);
    a.step_size = a.starts_at_random ? eps : 0;
    return a;
}

/* Each attack ends at x + eps times the best direction, whatever the loss and the type. */
START_TEST(test_best_points)
{
    bg_dtype dtype = _i % 2 ? BG_F32 : BG_F64;
    bg_attack_norm norm = (bg_attack_norm)(_i / 2);
    problem p;
    open_linear(&p, dtype, NULL);
    for (int k = 0; k < N_CLIMBERS; k++)
        for (int loss = BG_ATTACK_CROSS_ENTROPY; loss <= BG_ATTACK_MARGIN; loss++) {
            bg_attack a = climber(k, norm, 0.07);
            a.loss = (bg_attack_loss)loss;
            OK(attack(&p, &a));
            for (int i = 0; i < EXAMPLES; i++)
                for (int j = 0; j < WIDTH; j++) {
                    double moved = i < EXAMPLES - 1 ? 0.07 * linear_best_step(norm, j) : 0;
                    double found = value_at(p.adversarial, i * WIDTH + j);
                    double tolerance = dtype == BG_F32 ? 3e-7 : 1e-9; /* ten roundings of 3e-8 */
                    ck_assert_msg(fabs(found - linear_points[i][j] - moved) <= tolerance,
                                  "%s %s, loss %d: element %d of example %d is %.17g, expected %.17g", a.name,
                                  norm_names[norm], loss, j, i, found, linear_points[i][j] + moved);
                }
        }
    attacked_close(&p);
}
END_TEST

/* An example is fooled as soon as eps times the dual norm of d exceeds its margin, and not before. */
START_TEST(test_margins)
{
    bg_attack_norm norm = (bg_attack_norm)_i;
    problem p;
    open_linear(&p, BG_F64, NULL);
    for (int k = 0; k < N_CLIMBERS; k++)
        for (int i = 0; i < EXAMPLES - 1; i++)
            for (int side = -1; side <= 1; side += 2) {
                double needed = linear_margin(linear_points[i]) / linear_reach(norm);
                bg_attack a = climber(k, norm, needed * (1 + 0.01 * side));
                OK(attack(&p, &a));
                ck_assert_msg(value_at(p.is_fooled, i) == (side > 0), "%s %s: example %d with eps %g of %g", a.name,
                              norm_names[norm], i, a.eps, needed);
                ck_assert(value_at(p.answers, i) == (side > 0));
                ck_assert(value_at(p.norms, i) <= a.eps * (1 + 1e-12));
                ck_assert_msg(value_at(p.norms, i) >= a.eps * (1 - 1e-9), "%s %s: norm %g", a.name, norm_names[norm],
                              value_at(p.norms, i));
            }
    attacked_close(&p);
}
END_TEST

/* The others, on either side of what is needed. */
static void expect_threshold(problem *p, const bg_attack *a, double tolerance)
{
    for (int i = 0; i < EXAMPLES - 1; i++)
        for (int side = -1; side <= 1; side += 2) {
            double needed = linear_margin(linear_points[i]) / linear_reach(a->norm);
            bg_attack limited = *a;
            limited.eps = needed * (1 + side * tolerance);
            OK(attack(p, &limited));
            ck_assert_msg(value_at(p->is_fooled, i) == (side > 0), "%s %s: example %d with eps %g of %g", a->name,
                          norm_names[a->norm], i, limited.eps, needed);
            ck_assert(value_at(p->norms, i) <= limited.eps * (1 + 1e-12));
        }
}

START_TEST(test_searches)
{
    problem p;
    open_linear(&p, BG_F64, NULL);
    bg_attack searches[] = { bg_attack_apgd(BG_ATTACK_LINF, 0), bg_attack_apgd(BG_ATTACK_L2, 0), bg_attack_square(0),
                             bg_attack_spsa(BG_ATTACK_LINF, 0) };
    searches[3].samples = 256; /* the sign of the smallest slope is lost in the noise of few */
    for (size_t k = 0; k < sizeof searches / sizeof *searches; k++)
        expect_threshold(&p, &searches[k], searches[k].samples ? 0.05 : 0.01);
    attacked_close(&p);
}
END_TEST

/* DeepFool is exact on linear scores, but for its overshoot; Carlini and Wagner's attack comes within 1 %, in a box and
 * without one. What is longer than eps changes nothing. */
START_TEST(test_smallest)
{
    problem p;
    open_linear(&p, BG_F64,
                &(bg_attacker_options){ .batch = 2,
                                        .lower = _i ? BG_SOME(-3) : (bg_optional){ 0 },
                                        .upper = _i ? BG_SOME(3) : (bg_optional){ 0 } });
    bg_attack attacks[] = { bg_attack_deepfool(BG_ATTACK_LINF, INFINITY), bg_attack_deepfool(BG_ATTACK_L2, INFINITY),
                            bg_attack_carlini_wagner(INFINITY) };
    for (int k = 0; k < 3; k++) {
        double overshoot = attacks[k].overshoot, tolerance = k < 2 ? 1e-9 : 0.01;
        OK(attack(&p, &attacks[k]));
        ck_assert(bg_attack_is_minimal(&attacks[k]) && p.report.robust_accuracy == 0 && p.report.fooled == 4);
        for (int i = 0; i < EXAMPLES - 1; i++) {
            double needed = linear_margin(linear_points[i]) / linear_reach(attacks[k].norm) * (1 + overshoot);
            double found = value_at(p.norms, i);
            ck_assert_msg(found >= needed * (1 - 1e-9) && found <= needed * (1 + tolerance),
                          "%s %s: example %d moves by %.9g, not %.9g", attacks[k].name, norm_names[attacks[k].norm], i,
                          found, needed);
        }
        expect_threshold(&p, &attacks[k], overshoot + 0.02);
        attacks[k].eps = 1e-3;
        OK(attack(&p, &attacks[k]));
        for (int i = 0; i < EXAMPLES * WIDTH; i++)
            expect_near("element", value_at(p.adversarial, i), value_at(p.x, i), 0);
    }
    attacked_close(&p);
}
END_TEST

/* An element at the wall would take the steps short of the boundary again and again. */
START_TEST(test_smallest_at_walls)
{
    problem p;
    open_linear(&p, BG_F64, &(bg_attacker_options){ .lower = BG_SOME(-5), .upper = BG_SOME(1) });
    attacked_set(p.x, 0, -4);
    attacked_set(p.x, 1, -5);
    attacked_set(p.x, 2, 0);
    bg_attack a = bg_attack_deepfool(BG_ATTACK_L2, INFINITY);
    OK(attack(&p, &a));
    ck_assert(value_at(p.is_fooled, 0) == 1);
    expect_near("norm", value_at(p.norms, 0), 3 / sqrt(4.0625) * 1.02, 1e-12);
    expect_near("at the wall", value_at(p.adversarial, 1), -5, 0);
    attacked_close(&p);
}
END_TEST

/* The elements of the box's walls stay there. */
START_TEST(test_box)
{
    bg_attack_norm norm = (bg_attack_norm)_i;
    problem p;
    open_linear(&p, BG_F64, &(bg_attacker_options){ .lower = BG_SOME(0), .upper = BG_SOME(1) });
    for (int k = 0; k < N_CLIMBERS; k++) {
        bg_attack a = climbers[k](norm, 0.9);
        OK(attack(&p, &a));
        for (int i = 0; i < EXAMPLES * WIDTH; i++) {
            double x = value_at(p.adversarial, i);
            ck_assert_msg(x >= 0 && x <= 1, "%s %s: element %d is %g", a.name, norm_names[norm], i, x);
        }
        if (norm == BG_ATTACK_LINF)
            for (int j = 0; j < WIDTH; j++) /* example 3 is (0, 1, 0): 1 - 0.9 on the way down, 0.9 up */
                expect_near("element", value_at(p.adversarial, 3 * WIDTH + j), j == 1 ? 0.1 : 0.9, 1e-12);
    }
    attacked_close(&p);
}
END_TEST

/* A box of one side, of which there is nothing to scale by: every attack keeps to it. */
START_TEST(test_half_box)
{
    for (int side = 0; side < 2; side++)
        for (size_t k = 0; bg_attack_name(k); k++) {
            bg_attack a;
            problem p;
            open_linear(&p, _i ? BG_F32 : BG_F64,
                        side ? &(bg_attacker_options){ .batch = 3, .upper = BG_SOME(1) }
                             : &(bg_attacker_options){ .batch = 3, .lower = BG_SOME(0) });
            OK(bg_attack_find(&a, bg_attack_name(k)));
            a.eps = 5;
            a.steps = a.steps > 100 ? 100 : a.steps;
            a.loss = BG_ATTACK_MARGIN;
            OK(attack(&p, &a));
            for (int i = 0; i < EXAMPLES * WIDTH; i++) {
                double x = value_at(p.adversarial, i);
                ck_assert_msg(side ? x <= 1 : x >= 0, "%s: element %d is %.17g", a.name, i, x);
            }
            attacked_close(&p);
        }
}
END_TEST

/* Element 1, which would go down, is at the lower bound: the shortest way is that of the other two. */
START_TEST(test_smallest_in_half_box)
{
    problem p;
    open_linear(&p, BG_F64, &(bg_attacker_options){ .batch = 2, .lower = BG_SOME(-3) });
    for (int i = 0; i < EXAMPLES; i++) {
        attacked_set(p.x, i * WIDTH, -2 - 0.1 * i);
        attacked_set(p.x, i * WIDTH + 1, -3);
        attacked_set(p.x, i * WIDTH + 2, 0);
    }
    bg_attack a = bg_attack_carlini_wagner(INFINITY);
    OK(attack(&p, &a));
    for (int i = 0; i < EXAMPLES; i++) {
        double needed = (1 + 0.2 * i) / sqrt(4 + 0.0625), found = value_at(p.norms, i);
        ck_assert_msg(found >= needed * (1 - 1e-9) && found <= needed * 1.01, "example %d moves by %.9g, not %.9g", i,
                      found, needed);
    }
    attacked_close(&p);
}
END_TEST

/* In L1 the share of the elements that move, of equal length, are those of the largest gradient that the box lets go.
 */
START_TEST(test_sparse_steps)
{
    problem p;
    open_linear(&p, BG_F64, &(bg_attacker_options){ .lower = BG_SOME(0), .upper = BG_SOME(1) });
    bg_attack a = bg_attack_fgsm(BG_ATTACK_L1, 0.02);
    a.sparsity = 0.7;
    OK(attack(&p, &a));
    static const double moved[EXAMPLES - 1][WIDTH] = {
        { 0.01, -0.01, 0 }, { 0.01, -0.01, 0 }, { 0.01, -0.01, 0 }, { 0.01, -0.01, 0 }
    };
    for (int i = 0; i < EXAMPLES - 1; i++)
        for (int j = 0; j < WIDTH; j++)
            expect_near("step", value_at(p.adversarial, i * WIDTH + j) - linear_points[i][j], moved[i][j], 1e-15);
    attacked_close(&p);
    open_linear(&p, BG_F64, &(bg_attacker_options){ .lower = BG_SOME(-5), .upper = BG_SOME(1) });
    attacked_set(p.x, 0, -4);
    attacked_set(p.x, 1, -5); /* at the wall to which it wants to go */
    OK(attack(&p, &a));
    expect_near("largest", value_at(p.adversarial, 0), -3.99, 1e-14);
    expect_near("at the wall", value_at(p.adversarial, 1), -5, 0);
    expect_near("next", value_at(p.adversarial, 2), 0.21, 1e-14);
    a.sparsity = 1; /* more than there are elements that can go on */
    OK(attack(&p, &a));
    expect_near("largest", value_at(p.adversarial, 0), -3.99, 1e-14);
    expect_near("at the wall", value_at(p.adversarial, 1), -5, 0);
    expect_near("next", value_at(p.adversarial, 2), 0.21, 1e-14);
    attacked_close(&p);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("attacks");
    TCase *cases = tcase_create("attacks");
    tcase_add_checked_fixture(cases, counted_begin, counted_end);
    tcase_add_loop_test(cases, test_best_points, 0, 6);
    tcase_add_loop_test(cases, test_margins, 0, 3);
    tcase_add_test(cases, test_searches);
    tcase_add_loop_test(cases, test_smallest, 0, 2);
    tcase_add_test(cases, test_smallest_at_walls);
    tcase_add_loop_test(cases, test_box, 0, 3);
    tcase_add_loop_test(cases, test_half_box, 0, 2);
    tcase_add_test(cases, test_smallest_in_half_box);
    tcase_add_test(cases, test_sparse_steps);
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
