/* Attacks where the best perturbation is known in closed form: on scores that are linear in the inputs. */
#include "support/counted.h"
#include "support/suite.h"
#include "support/values.h"

#include <string.h>

/* Scores x·wᵀ of three inputs, with which class 1 gains over class 0 along d = (2, -1, 0.25). */
enum { WIDTH = 3, CLASSES = 2, EXAMPLES = 5 };
static const double weights[CLASSES][WIDTH] = { { -1, 0.5, 0 }, { 1, -0.5, 0.25 } };
static const double d[WIDTH] = { 2, -1, 0.25 };
/* All of class 0 but the last, which is answered 1 from the beginning: their margins are -d·x. */
static const double points[EXAMPLES][WIDTH] = {
    { 0.1, 0.6, 0.2 }, { 0.05, 0.9, 0.4 }, { 0.2, 0.8, 0 }, { 0, 1, 0 }, { 0.9, 0.1, 0.5 }
};
static double margin_of(const double *x) { return -(d[0] * x[0] + d[1] * x[1] + d[2] * x[2]); }

static const char *const norm_names[] = { "linf", "l2", "l1" };
/* The most that d·x grows within a ball of radius 1, by the dual norms, and where. */
static double reach(bg_attack_norm norm)
{
    return norm == BG_ATTACK_LINF ? 3.25 : (norm == BG_ATTACK_L2 ? sqrt(4 + 1 + 0.0625) : 2);
}
static double best_step(bg_attack_norm norm, int k)
{
    if (norm == BG_ATTACK_L1)
        return k == 0;
    return norm == BG_ATTACK_L2 ? d[k] / reach(norm) : copysign(1, d[k]);
}

static bg_node *linear(bg_model *model, bg_node *x, void *user)
{
    (void)user;
    return bg_dense_with(model, "fc", x, CLASSES, &(bg_dense_options){ .without_bias = true });
}

/* ---- What is attacked ---- */

typedef struct {
    bg_model *model;
    bg_attacker *attacker;
    bg_tensor *x, *labels, *targets, *adversarial, *is_fooled, *answers, *norms;
    bg_attack_result result;
    bg_attack_report report;
} problem;

static void set(bg_tensor *tensor, int64_t i, double value)
{
    if (bg_tensor_dtype(tensor) == BG_F64)
        ((double *)bg_tensor_data(tensor))[i] = value;
    else if (bg_tensor_dtype(tensor) == BG_F32)
        ((float *)bg_tensor_data(tensor))[i] = (float)value;
    else
        ((int64_t *)bg_tensor_data(tensor))[i] = (int64_t)value;
}

static void open_results(problem *p, int64_t n)
{
    bg_engine *engine = bg_model_engine(p->model);
    OK(bg_tensor_create(&p->labels, engine, BG_I64, BG_SHAPE(n)));
    OK(bg_tensor_create(&p->targets, engine, BG_I64, BG_SHAPE(n)));
    OK(bg_tensor_create(&p->adversarial, engine, bg_tensor_dtype(p->x), bg_tensor_shape(p->x)));
    OK(bg_tensor_create(&p->is_fooled, engine, BG_BOOL, BG_SHAPE(n)));
    OK(bg_tensor_create(&p->answers, engine, BG_I64, BG_SHAPE(n)));
    OK(bg_tensor_create(&p->norms, engine, BG_F64, BG_SHAPE(n)));
    p->result = (bg_attack_result){ p->adversarial, p->is_fooled, p->answers, p->norms };
}

static void open_linear(problem *p, bg_dtype dtype, const bg_attacker_options *options)
{
    bg_attacker_options filled = options ? *options : (bg_attacker_options){ .batch = 2 };
    filled.network = linear;
    *p = (problem){ .model = NULL };
    OK(bg_model_create(&p->model, counted_engine(), dtype));
    OK(bg_attacker_create(&p->attacker, p->model, &filled, BG_SHAPE(WIDTH)));
    ck_assert_int_eq(bg_attacker_classes(p->attacker), CLASSES);
    bg_tensor *w = bg_model_find(p->model, "fc.weight");
    OK(bg_tensor_create(&p->x, counted_engine(), dtype, BG_SHAPE(EXAMPLES, WIDTH)));
    for (int i = 0; i < CLASSES * WIDTH; i++)
        set(w, i, weights[i / WIDTH][i % WIDTH]);
    for (int i = 0; i < EXAMPLES * WIDTH; i++)
        set(p->x, i, points[i / WIDTH][i % WIDTH]);
    open_results(p, EXAMPLES);
}

static void close_problem(problem *p)
{
    bg_tensor *tensors[] = { p->x, p->labels, p->targets, p->adversarial, p->is_fooled, p->answers, p->norms };
    for (size_t i = 0; i < sizeof tensors / sizeof *tensors; i++)
        bg_tensor_destroy(tensors[i]);
    bg_attacker_destroy(p->attacker);
    bg_model_destroy(p->model);
}

static bg_status attack(problem *p, const bg_attack *a)
{
    return bg_attack_run(p->attacker, a, p->x, p->labels, NULL, &p->result, &p->report);
}

/* ---- Closed forms ---- */

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
                    double moved = i < EXAMPLES - 1 ? 0.07 * best_step(norm, j) : 0;
                    double found = value_at(p.adversarial, i * WIDTH + j);
                    double tolerance = dtype == BG_F32 ? 3e-7 : 1e-9; /* ten roundings of 3e-8 */
                    ck_assert_msg(fabs(found - points[i][j] - moved) <= tolerance,
                                  "%s %s, loss %d: element %d of example %d is %.17g, expected %.17g", a.name,
                                  norm_names[norm], loss, j, i, found, points[i][j] + moved);
                }
        }
    close_problem(&p);
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
                double needed = margin_of(points[i]) / reach(norm);
                bg_attack a = climber(k, norm, needed * (1 + 0.01 * side));
                OK(attack(&p, &a));
                ck_assert_msg(value_at(p.is_fooled, i) == (side > 0), "%s %s: example %d with eps %g of %g", a.name,
                              norm_names[norm], i, a.eps, needed);
                ck_assert(value_at(p.answers, i) == (side > 0));
                ck_assert(value_at(p.norms, i) <= a.eps * (1 + 1e-12));
                ck_assert_msg(value_at(p.norms, i) >= a.eps * (1 - 1e-9), "%s %s: norm %g", a.name, norm_names[norm],
                              value_at(p.norms, i));
            }
    close_problem(&p);
}
END_TEST

/* The others, on either side of what is needed. */
static void expect_threshold(problem *p, const bg_attack *a, double tolerance)
{
    for (int i = 0; i < EXAMPLES - 1; i++)
        for (int side = -1; side <= 1; side += 2) {
            double needed = margin_of(points[i]) / reach(a->norm);
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
    close_problem(&p);
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
            double needed = margin_of(points[i]) / reach(attacks[k].norm) * (1 + overshoot);
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
    close_problem(&p);
}
END_TEST

/* An element at the wall would take the steps short of the boundary again and again. */
START_TEST(test_smallest_at_walls)
{
    problem p;
    open_linear(&p, BG_F64, &(bg_attacker_options){ .lower = BG_SOME(-5), .upper = BG_SOME(1) });
    set(p.x, 0, -4);
    set(p.x, 1, -5);
    set(p.x, 2, 0);
    bg_attack a = bg_attack_deepfool(BG_ATTACK_L2, INFINITY);
    OK(attack(&p, &a));
    ck_assert(value_at(p.is_fooled, 0) == 1);
    expect_near("norm", value_at(p.norms, 0), 3 / sqrt(4.0625) * 1.02, 1e-12);
    expect_near("at the wall", value_at(p.adversarial, 1), -5, 0);
    close_problem(&p);
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
    close_problem(&p);
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
            expect_near("step", value_at(p.adversarial, i * WIDTH + j) - points[i][j], moved[i][j], 1e-15);
    close_problem(&p);
    open_linear(&p, BG_F64, &(bg_attacker_options){ .lower = BG_SOME(-5), .upper = BG_SOME(1) });
    set(p.x, 0, -4);
    set(p.x, 1, -5); /* at the wall to which it wants to go */
    OK(attack(&p, &a));
    expect_near("largest", value_at(p.adversarial, 0), -3.99, 1e-14);
    expect_near("at the wall", value_at(p.adversarial, 1), -5, 0);
    expect_near("next", value_at(p.adversarial, 2), 0.21, 1e-14);
    close_problem(&p);
}
END_TEST

/* The direction of a step is that of the loss's gradient, taken here by differences, with targets and without. */
enum { SMALL = 4, SMALL_CLASSES = 5 };

static bg_node *curved(bg_model *model, bg_node *x, void *user)
{
    (void)user;
    return bg_dense(model, "out", bg_tanh(bg_dense(model, "in", x, 7)), SMALL_CLASSES);
}

static void scores_of(const bg_model *model, const double *x, double *z)
{
    const double *w = bg_tensor_const_data(bg_model_find(model, "in.weight"));
    const double *b = bg_tensor_const_data(bg_model_find(model, "in.bias"));
    const double *v = bg_tensor_const_data(bg_model_find(model, "out.weight"));
    const double *c = bg_tensor_const_data(bg_model_find(model, "out.bias"));
    for (int i = 0; i < SMALL_CLASSES; i++)
        z[i] = c[i];
    for (int j = 0; j < 7; j++) {
        double h = b[j];
        for (int k = 0; k < SMALL; k++)
            h += w[j * SMALL + k] * x[k];
        for (int i = 0; i < SMALL_CLASSES; i++)
            z[i] += v[i * 7 + j] * tanh(h);
    }
}

static int compare_falling(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x < y) - (x > y);
}

/* By the formulas of attack.h; target -1: none. */
static double loss_of(const bg_model *model, const double *x, bg_attack_loss loss, int label, int target)
{
    double z[SMALL_CLASSES], sorted[SMALL_CLASSES], sum = 0, best = -INFINITY;
    int class = target < 0 ? label : target;
    scores_of(model, x, z);
    memcpy(sorted, z, sizeof z);
    qsort(sorted, SMALL_CLASSES, sizeof *sorted, compare_falling);
    for (int i = 0; i < SMALL_CLASSES; i++) {
        sum += exp(z[i]);
        best = i != class && z[i] > best ? z[i] : best;
    }
    double sign = target < 0 ? 1 : -1;
    if (loss == BG_ATTACK_CROSS_ENTROPY)
        return sign * (log(sum) - z[class]);
    if (loss == BG_ATTACK_MARGIN)
        return sign * (best - z[class]);
    if (target < 0)
        return (best - z[class]) / (sorted[0] - sorted[2]);
    return (z[target] - z[label]) / (sorted[0] - (sorted[2] + sorted[3]) / 2);
}

static void open_curved(problem *p, bg_engine *engine, bg_dtype dtype, int64_t batch, int64_t n)
{
    *p = (problem){ .model = NULL };
    OK(bg_model_create(&p->model, engine, dtype));
    OK(bg_attacker_create(&p->attacker, p->model, &(bg_attacker_options){ .network = curved, .batch = batch },
                          BG_SHAPE(SMALL)));
    OK(bg_tensor_create(&p->x, engine, dtype, BG_SHAPE(n, SMALL)));
    for (int i = 0; i < n * SMALL; i++)
        set(p->x, i, sin(1.7 * i * i + 1));
    open_results(p, n);
}

/* Labels are what the network answers, or, of every fourth, not; targets other classes. */
static void answer_labels(problem *p, int64_t n)
{
    for (int i = 0; i < n; i++) {
        double z[SMALL_CLASSES], x[SMALL];
        int answer = 0;
        for (int k = 0; k < SMALL; k++)
            x[k] = value_at(p->x, i * SMALL + k);
        scores_of(p->model, x, z);
        for (int k = 1; k < SMALL_CLASSES; k++)
            answer = z[k] > z[answer] ? k : answer;
        set(p->labels, i, i % 4 == 3 ? (answer + 1) % SMALL_CLASSES : answer);
        set(p->targets, i, (answer + 2 + i % 2) % SMALL_CLASSES);
    }
}

START_TEST(test_losses)
{
    bg_attack_loss loss = (bg_attack_loss)(_i / 2);
    bool is_targeted = _i % 2;
    enum { N = 6 };
    problem p;
    open_curved(&p, counted_engine(), BG_F64, 4, N);
    answer_labels(&p, N);
    bg_attack a = bg_attack_fgsm(BG_ATTACK_L2, 1e-3);
    a.loss = loss;
    OK(bg_attack_run(p.attacker, &a, p.x, p.labels, is_targeted ? p.targets : NULL, &p.result, NULL));
    for (int i = 0; i < N; i++) {
        double x[SMALL], g[SMALL], length = 0;
        int label = (int)value_at(p.labels, i), target = is_targeted ? (int)value_at(p.targets, i) : -1;
        bool is_left = !is_targeted && i % 4 == 3;
        for (int k = 0; k < SMALL; k++)
            x[k] = value_at(p.x, i * SMALL + k);
        for (int k = 0; k < SMALL; k++) {
            double at = x[k], h = 1e-5;
            x[k] = at + h;
            g[k] = loss_of(p.model, x, loss, label, target);
            x[k] = at - h;
            g[k] = (g[k] - loss_of(p.model, x, loss, label, target)) / (2 * h);
            x[k] = at;
            length += g[k] * g[k];
        }
        for (int k = 0; k < SMALL; k++)
            expect_near("step", (value_at(p.adversarial, i * SMALL + k) - x[k]) / a.eps,
                        is_left ? 0 : g[k] / sqrt(length), 1e-7);
    }
    close_problem(&p);
}
END_TEST

/* ---- APGD, step by step ---- */

static double climb_at(const bg_model *model, const double *x, int label, double *g)
{
    double at[SMALL], h = 1e-5;
    memcpy(at, x, sizeof at);
    for (int k = 0; k < SMALL; k++) {
        at[k] = x[k] + h;
        g[k] = loss_of(model, at, BG_ATTACK_CROSS_ENTROPY, label, -1);
        at[k] = x[k] - h;
        g[k] = (g[k] - loss_of(model, at, BG_ATTACK_CROSS_ENTROPY, label, -1)) / (2 * h);
        at[k] = x[k];
    }
    return loss_of(model, x, BG_ATTACK_CROSS_ENTROPY, label, -1);
}

static void into_ball(double *x, const double *center, double eps)
{
    double length = 0;
    for (int k = 0; k < SMALL; k++)
        length += (x[k] - center[k]) * (x[k] - center[k]);
    double scale = fmin(1, eps / sqrt(length));
    for (int k = 0; k < SMALL; k++)
        x[k] = center[k] + (x[k] - center[k]) * scale;
}

/* Croce and Hein's algorithm 1 for 20 steps in L2, with checkpoints after 4, 7, 9, 10, .. steps. Returns how often the
 * step was halved; the best point is left in best. */
static int reference_apgd(const bg_model *model, const double *clean, int label, double eps, double *best)
{
    double x[SMALL], before[SMALL], z[SMALL], g[SMALL], best_g[SMALL], step = 2 * eps;
    memcpy(x, clean, sizeof x);
    memcpy(before, clean, sizeof x);
    memcpy(best, clean, sizeof x);
    double loss = climb_at(model, x, label, g), best_loss = loss, checked = loss;
    memcpy(best_g, g, sizeof g);
    int period = 4, since = 0, increases = 0, halvings = 0;
    bool was_halved = true;
    for (int i = 0; i < 20; i++) {
        double length = sqrt(g[0] * g[0] + g[1] * g[1] + g[2] * g[2] + g[3] * g[3]), share = i ? 0.75 : 1;
        for (int k = 0; k < SMALL; k++)
            z[k] = x[k] + step * g[k] / length;
        into_ball(z, clean, eps);
        for (int k = 0; k < SMALL; k++) {
            double at = x[k];
            x[k] = at + share * (z[k] - at) + (1 - share) * (at - before[k]);
            before[k] = at;
        }
        into_ball(x, clean, eps);
        double now = climb_at(model, x, label, g);
        increases += now > loss;
        loss = now;
        if (loss > best_loss) {
            best_loss = loss;
            memcpy(best, x, sizeof x);
            memcpy(best_g, g, sizeof g);
        }
        if (++since < period)
            continue;
        bool is_halved = increases <= 0.75 * period || (!was_halved && checked >= best_loss);
        was_halved = is_halved;
        checked = best_loss;
        increases = since = 0;
        period = period - 1 > 1 ? period - 1 : 1;
        if (!is_halved)
            continue;
        halvings++;
        step /= 2;
        loss = best_loss;
        memcpy(x, best, sizeof x);
        memcpy(g, best_g, sizeof g);
    }
    return halvings;
}

START_TEST(test_apgd_steps)
{
    enum { N = 64 };
    problem p;
    int halvings = 0, compared = 0;
    open_curved(&p, counted_engine(), BG_F64, 16, N);
    for (size_t i = 0; i < bg_model_count(p.model); i++) { /* so steep that the loss goes up and down */
        bg_tensor *w = bg_model_tensor(p.model, i);
        for (int64_t k = 0; k < bg_shape_count(bg_tensor_shape(w)); k++)
            set(w, k, 3 * cos((double)(k * k + 3 * (int64_t)i)));
    }
    answer_labels(&p, N);
    bg_attack a = bg_attack_apgd(BG_ATTACK_L2, 0.4);
    a.steps = 20;
    a.starts_at_random = false;
    OK(attack(&p, &a));
    for (int i = 0; i < N; i++) {
        double x[SMALL], best[SMALL];
        if (value_at(p.is_fooled, i) != 0)
            continue;
        for (int k = 0; k < SMALL; k++)
            x[k] = value_at(p.x, i * SMALL + k);
        halvings += reference_apgd(p.model, x, (int)value_at(p.labels, i), a.eps, best);
        compared++;
        for (int k = 0; k < SMALL; k++)
            expect_near("element", value_at(p.adversarial, i * SMALL + k), best[k], 1e-7);
    }
    ck_assert_msg(compared >= 4 && halvings >= 8, "%d examples, %d halvings", compared, halvings);
    close_problem(&p);
}
END_TEST

/* ---- Rules ---- */

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
    close_problem(&p);
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
    for (size_t i = 0; i < bg_model_count(p.model); i++) { /* of one seed, whatever that of the attack */
        bg_tensor *w = bg_model_tensor(p.model, i);
        for (int64_t k = 0; k < bg_shape_count(bg_tensor_shape(w)); k++)
            set(w, k, cos((double)(k * k + 3 * (int64_t)i)));
    }
    for (int i = 0; i < N; i++)
        set(p.labels, i, i % SMALL_CLASSES);
    OK(attack(&p, a));
    bg_dataset *found;
    OK(bg_dataset_create(&found, (bg_tensor *[]){ p.adversarial, p.is_fooled, p.norms }, 3, 0));
    uint64_t hash;
    OK(bg_dataset_hash(&hash, found));
    bg_dataset_destroy(found);
    close_problem(&p);
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
    double eps = margin_of(points[0]) / reach(BG_ATTACK_LINF) * 1.5;
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
    close_problem(&p);
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
    close_problem(&p);
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
    set(p.targets, 3, 2);
    for (int i = 0; i < 3; i++)
        set(p.targets, i, 1);
    FAILS(bg_attack_run(p.attacker, &good, p.x, p.labels, p.targets, NULL, NULL), BG_ERR_ARGUMENT,
          "target 2 of example 3 is outside 0 .. 1");
    set(p.labels, 4, -1);
    FAILS(attack(&p, &good), BG_ERR_ARGUMENT, "label -1 of example 4");
    set(p.labels, 4, 0);
    set(p.x, 7, 1.5);
    FAILS(attack(&p, &good), BG_ERR_ARGUMENT, "element 1 of example 2 is 1.5, outside the box 0 .. 1");
    set(p.x, 7, NAN);
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
    close_problem(&p);
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
    options.network = linear;
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
    Suite *suite = suite_create("attacks");
    TCase *cases = tcase_create("attacks");
    tcase_add_checked_fixture(cases, counted_begin, counted_end);
    tcase_add_loop_test(cases, test_best_points, 0, 6);
    tcase_add_loop_test(cases, test_margins, 0, 3);
    tcase_add_test(cases, test_searches);
    tcase_add_loop_test(cases, test_smallest, 0, 2);
    tcase_add_test(cases, test_smallest_at_walls);
    tcase_add_loop_test(cases, test_box, 0, 3);
    tcase_add_test(cases, test_sparse_steps);
    tcase_add_loop_test(cases, test_losses, 0, 6);
    tcase_add_test(cases, test_apgd_steps);
    tcase_add_test(cases, test_nothing_allowed);
    tcase_add_loop_test(cases, test_same_bits, 0, 6);
    tcase_add_test(cases, test_restarts);
    tcase_add_test(cases, test_stop);
    tcase_add_test(cases, test_refused);
    tcase_add_test(cases, test_refused_attackers);
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
