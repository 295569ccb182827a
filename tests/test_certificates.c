/* Certificates where the truth is known in closed form, on scores that are linear in the inputs; and distributions. */
#include "certify/statistics.h"
#include "support/counted.h"
#include "support/suite.h"
#include "support/values.h"

#include <string.h>

/* ---- Distributions, against scipy: interop/certify.py ---- */

static void expect_close(const char *what, double found, double expected)
{
    ck_assert_msg(fabs(found - expected) <= 1e-10 * fmax(fabs(expected), 1e-12), "%s is %.17g, not %.17g", what, found,
                  expected);
}

START_TEST(test_least_probability)
{
    static const struct {
        int64_t k, n;
        double alpha, expected;
    } rows[] = {
        { 1, 1, 0.05, 0.050000000000000003 },
        { 1, 10, 0.001, 0.00010004502852067863 },
        { 5, 10, 0.5, 0.45169415622366305 },
        { 10, 10, 0.001, 0.50118723362727224 },
        { 99, 100, 0.001, 0.91137311129604237 },
        { 550, 1000, 0.001, 0.50067596009255777 },
        { 999, 1000, 0.001, 0.99080450236461237 },
        { 1, 100000, 0.001, 1.000500328578529e-08 },
        { 51000, 100000, 0.001, 0.50510934924405593 },
        { 99999, 100000, 0.001, 0.99990766966626543 },
        { 100000, 100000, 0.001, 0.99993092483300938 },
        { 700000, 1000000, 1e-06, 0.69781813869931142 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        expect_close("a least probability", bgi_least_probability(rows[i].k, rows[i].n, rows[i].alpha),
                     rows[i].expected);
    ck_assert(bgi_least_probability(0, 10, 0.001) == 0);
}
END_TEST

START_TEST(test_beta)
{
    static const double rows[][4] = { { 0.3, 0.5, 0.5, 0.2061073738537634 },
                                      { 0.9, 2.5, 7, 0.45172680176411578 },
                                      { 1e-06, 3, 0.2, 0.022380851963882103 },
                                      { 0.5, 40, 60, 0.39933074269813268 },
                                      { 0.999, 1, 1, 0.999 } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        expect_close("a quantile", bgi_beta_quantile(rows[i][0], rows[i][1], rows[i][2]), rows[i][3]);
        expect_close("a probability", bgi_beta_probability(rows[i][3], rows[i][1], rows[i][2]), rows[i][0]);
    }
    ck_assert(bgi_beta_probability(0, 2, 3) == 0 && bgi_beta_probability(1, 2, 3) == 1);
    ck_assert(bgi_beta_quantile(0, 2, 3) == 0 && bgi_beta_quantile(1, 2, 3) == 1);
}
END_TEST

START_TEST(test_two_sided)
{
    static const double rows[][3] = { { 5, 10, 1 },
                                      { 8, 10, 0.109375 },
                                      { 60, 100, 0.056887933640980888 },
                                      { 10, 10, 0.001953125 },
                                      { 5200, 10000, 6.5935155986723428e-05 },
                                      { 50, 99, 1 } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        expect_close("a probability", bgi_two_sided_probability((int64_t)rows[i][0], (int64_t)rows[i][1]), rows[i][2]);
}
END_TEST

START_TEST(test_normal)
{
    static const double rows[][2] = { { 0.5, 0 },
                                      { 0.50001, 2.5066282748820864e-05 },
                                      { 0.75, 0.67448975019608171 },
                                      { 0.999, 3.0902323061678132 },
                                      { 0.9999999, 5.1993375822906609 },
                                      { 1e-12, -7.0344838253011313 },
                                      { 0.1, -1.2815515655446004 } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        expect_close("a normal quantile", bgi_normal_quantile(rows[i][0]), rows[i][1]);
}
END_TEST

/* ---- A linear network ---- */

/* Class 1 gains over class 0 along d = (2, -1, 0.25); class 2 is never near. */
enum { WIDTH = 3, CLASSES = 3, EXAMPLES = 5 };
static const double weights[CLASSES][WIDTH] = { { -1, 0.5, 0 }, { 1, -0.5, 0.25 }, { 0, 0, 0 } };
static const double biases[CLASSES] = { 0, 0, -50 };
static const double d[WIDTH] = { 2, -1, 0.25 };
/* All of class 0 but the last, which is answered 1. */
static const double points[EXAMPLES][WIDTH] = {
    { 0.1, 0.6, 0.2 }, { 0.05, 0.9, 0.4 }, { 0.2, 0.8, 0 }, { 0, 1, 0 }, { 0.9, 0.1, 0.5 }
};
static double margin_of(const double *x) { return -(d[0] * x[0] + d[1] * x[1] + d[2] * x[2]); }

static bg_node *linear(bg_model *model, bg_node *x, void *user)
{
    (void)user;
    return bg_dense(model, "fc", x, CLASSES);
}

typedef struct {
    bg_model *model;
    bg_certifier *certifier;
    bg_tensor *x, *labels, *is_certified, *margins, *answers, *radii, *probabilities;
    bg_interval_result intervals;
    bg_smoothing_result smoothed;
} problem;

static void put(bg_tensor *tensor, int64_t i, double value)
{
    if (bg_tensor_dtype(tensor) == BG_F64)
        ((double *)bg_tensor_data(tensor))[i] = value;
    else
        ((float *)bg_tensor_data(tensor))[i] = (float)value;
}

static void open_results(problem *p, bg_engine *engine, int64_t n)
{
    OK(bg_tensor_create(&p->labels, engine, BG_I64, BG_SHAPE(n)));
    OK(bg_tensor_create(&p->is_certified, engine, BG_BOOL, BG_SHAPE(n)));
    OK(bg_tensor_create(&p->margins, engine, BG_F64, BG_SHAPE(n)));
    OK(bg_tensor_create(&p->answers, engine, BG_I64, BG_SHAPE(n)));
    OK(bg_tensor_create(&p->radii, engine, BG_F64, BG_SHAPE(n)));
    OK(bg_tensor_create(&p->probabilities, engine, BG_F64, BG_SHAPE(n)));
    p->intervals = (bg_interval_result){ p->is_certified, p->margins };
    p->smoothed = (bg_smoothing_result){ p->answers, p->radii, p->probabilities };
}

static void open_linear(problem *p, bg_engine *engine, bg_dtype dtype, const bg_certifier_options *options)
{
    bg_certifier_options filled = options ? *options : (bg_certifier_options){ .batch = 2 };
    filled.network = linear;
    *p = (problem){ .model = NULL };
    OK(bg_model_create(&p->model, engine, dtype));
    OK(bg_certifier_create(&p->certifier, p->model, &filled, BG_SHAPE(WIDTH)));
    ck_assert_int_eq(bg_certifier_classes(p->certifier), CLASSES);
    bg_tensor *w = bg_model_find(p->model, "fc.weight"), *b = bg_model_find(p->model, "fc.bias");
    OK(bg_tensor_create(&p->x, engine, dtype, BG_SHAPE(EXAMPLES, WIDTH)));
    for (int i = 0; i < CLASSES * WIDTH; i++)
        put(w, i, weights[i / WIDTH][i % WIDTH]);
    for (int i = 0; i < CLASSES; i++)
        put(b, i, biases[i]);
    for (int i = 0; i < EXAMPLES * WIDTH; i++)
        put(p->x, i, points[i / WIDTH][i % WIDTH]);
    open_results(p, engine, EXAMPLES);
}

static void close_problem(problem *p)
{
    bg_tensor *tensors[] = { p->x, p->labels, p->is_certified, p->margins, p->answers, p->radii, p->probabilities };
    for (size_t i = 0; i < sizeof tensors / sizeof *tensors; i++)
        bg_tensor_destroy(tensors[i]);
    bg_certifier_destroy(p->certifier);
    bg_model_destroy(p->model);
}

/* ---- Intervals ---- */

static bg_status certify(problem *p, double eps, bg_interval_report *report)
{
    return bg_certify_interval(p->certifier, eps, p->x, p->labels, &p->intervals, report);
}

/* The scores' bounds are those of the two classes by themselves: each loses eps |w|₁, within the box. */
static double expected_margin(const double *x, double eps, double lower, double upper)
{
    double margin = 0;
    for (int k = 0; k < WIDTH; k++) {
        double low = fmax(x[k] - eps, lower), high = fmin(x[k] + eps, upper);
        margin += weights[0][k] * (weights[0][k] > 0 ? low : high);
        margin -= weights[1][k] * (weights[1][k] > 0 ? high : low);
    }
    return margin;
}

START_TEST(test_margins)
{
    bg_dtype dtype = _i % 2 ? BG_F32 : BG_F64;
    bool is_boxed = _i >= 2;
    double lower = is_boxed ? 0 : -INFINITY, upper = is_boxed ? 1 : INFINITY;
    problem p;
    open_linear(&p, counted_engine(), dtype,
                &(bg_certifier_options){ .batch = 2,
                                         .lower = is_boxed ? BG_SOME(0) : (bg_optional){ 0 },
                                         .upper = is_boxed ? BG_SOME(1) : (bg_optional){ 0 } });
    static const double radii[] = { 0, 0.01, 0.1, 0.17, 0.3, 1 };
    for (size_t e = 0; e < sizeof radii / sizeof *radii; e++) {
        bg_interval_report report;
        OK(certify(&p, radii[e], &report));
        int certified = 0;
        for (int i = 0; i < EXAMPLES; i++) {
            double expected = expected_margin(points[i], radii[e], lower, upper), found = value_at(p.margins, i);
            ck_assert_msg(found <= expected + (dtype == BG_F64 ? 1e-15 : 1e-7), "%.17g is above %.17g", found,
                          expected);
            expect_near("a margin", found, expected, dtype == BG_F64 ? 1e-13 : 2e-5);
            ck_assert(value_at(p.is_certified, i) == (found > 0));
            certified += found > 0;
        }
        ck_assert_int_eq(report.examples, EXAMPLES);
        expect_near("accuracy", report.clean_accuracy, 0.8, 0);
        expect_near("certified accuracy", report.certified_accuracy, certified / 5.0, 0);
        ck_assert(radii[e] > 0 || certified == 4);
        ck_assert(report.mean_width >= 0 && (radii[e] == 0) == (report.mean_width < 1e-3));
    }
    close_problem(&p);
}
END_TEST

static bg_node *small_network(bg_model *model, bg_node *x, void *user)
{
    (void)user;
    return bg_layers(model, "conv:4:3 relu flatten dense:12 tanh dense:3", x);
}

/* PGD fools no example that is certified. */
START_TEST(test_against_attack)
{
    enum { N = 60 };
    problem p = { .model = NULL };
    bg_engine *engine = counted_engine();
    bg_attacker *attacker;
    bg_tensor *answers, *is_fooled;
    static const double radii[] = { 0.003, 0.01, 0.03, 0.1 };
    OK(bg_model_create(&p.model, engine, BG_F32));
    OK(bg_certifier_create(&p.certifier, p.model, &(bg_certifier_options){ .network = small_network, .batch = 16 },
                           BG_SHAPE(1, 6, 6)));
    OK(bg_attacker_create(&attacker, p.model, &(bg_attacker_options){ .network = small_network, .batch = 16 },
                          BG_SHAPE(1, 6, 6)));
    OK(bg_tensor_create(&p.x, engine, BG_F32, BG_SHAPE(N, 1, 6, 6)));
    OK(bg_tensor_create(&answers, engine, BG_I64, BG_SHAPE(N)));
    OK(bg_tensor_create(&is_fooled, engine, BG_BOOL, BG_SHAPE(N)));
    open_results(&p, engine, N);
    for (int k = 0; k < N * 36; k++)
        put(p.x, k, sin(1.7 * k) + cos(0.3 * k * k));
    bg_attack nothing = bg_attack_fgsm(BG_ATTACK_LINF, 0);
    const bg_attack_result clean = { .answers = answers }, fooled = { .is_fooled = is_fooled };
    OK(bg_attack_run(attacker, &nothing, p.x, p.labels, NULL, &clean, NULL));
    int certified = 0, fooled_count = 0;
    for (size_t e = 0; e < sizeof radii / sizeof *radii; e++) {
        bg_attack attack = bg_attack_pgd(BG_ATTACK_LINF, radii[e]);
        OK(bg_attack_run(attacker, &attack, p.x, answers, NULL, &fooled, NULL));
        OK(bg_certify_interval(p.certifier, radii[e], p.x, answers, &p.intervals, NULL));
        for (int i = 0; i < N; i++) {
            bool is_certified = value_at(p.is_certified, i) != 0, is_lost = value_at(is_fooled, i) != 0;
            ck_assert_msg(!is_certified || !is_lost, "example %d is certified and fooled at eps %g", i, radii[e]);
            certified += is_certified;
            fooled_count += is_lost;
        }
    }
    ck_assert_msg(certified > N && fooled_count > N / 4, "%d certified and %d fooled say nothing", certified,
                  fooled_count);
    bg_attacker_destroy(attacker);
    bg_tensor_destroy(answers);
    bg_tensor_destroy(is_fooled);
    close_problem(&p);
}
END_TEST

/* ---- Smoothing ---- */

/* Of a linear network the smoothed one answers class 0 with probability Φ(margin / (sigma |d|)), and its radius is the
 * distance to the boundary, which the certified one comes close to from below. */
START_TEST(test_radii)
{
    bg_dtype dtype = _i ? BG_F32 : BG_F64;
    problem p;
    open_linear(&p, counted_engine(), dtype, &(bg_certifier_options){ .batch = 500 });
    const double length = sqrt(4 + 1 + 0.0625);
    const bg_smoothing smoothing = { .sigma = 0.3, .samples = 40000 };
    bg_smoothing_report report;
    OK(bg_certify_smoothing(p.certifier, &smoothing, p.x, p.labels, &p.smoothed, &report));
    double sum = 0;
    for (int i = 0; i < EXAMPLES; i++) {
        double margin = margin_of(points[i]), distance = fabs(margin) / length;
        double p_true = erfc(-distance / smoothing.sigma / sqrt(2)) / 2, found = value_at(p.probabilities, i);
        ck_assert(value_at(p.answers, i) == (margin < 0));
        /* Four standard deviations of the share, and the three that a bound with alpha 0.001 lies lower. */
        double deviation = sqrt(p_true * (1 - p_true) / 40000);
        ck_assert_msg(found < p_true + deviation && found > p_true - 8 * deviation - 4e-4, "%.6g of %.6g", found,
                      p_true);
        expect_near("a radius", value_at(p.radii, i), smoothing.sigma * bgi_normal_quantile(found), 1e-15);
        ck_assert(value_at(p.radii, i) < distance);
        ck_assert(value_at(p.radii, i) > 0.9 * distance || distance > 3 * smoothing.sigma);
        sum += margin > 0 ? value_at(p.radii, i) : 0;
    }
    ck_assert_int_eq(report.abstained, 0);
    expect_near("accuracy", report.accuracy, 0.8, 0);
    expect_near("mean radius", report.mean_radius, sum / EXAMPLES, 1e-15);
    expect_near("queries", report.queries, 40100, 0);
    close_problem(&p);
}
END_TEST

/* On the boundary there is nothing to certify or to predict; off it, few samples are too few for a small alpha. */
START_TEST(test_abstaining)
{
    problem p;
    open_linear(&p, counted_engine(), BG_F64, NULL);
    for (int k = 0; k < WIDTH; k++)
        put(p.x, k, 0); /* example 0 */
    bg_smoothing smoothing = { .sigma = 0.3, .selection = 50, .samples = 1000 };
    bg_smoothing_report report;
    OK(bg_certify_smoothing(p.certifier, &smoothing, p.x, NULL, &p.smoothed, &report));
    ck_assert(value_at(p.answers, 0) == -1 && value_at(p.radii, 0) == 0 && value_at(p.probabilities, 0) < 0.5);
    ck_assert_int_eq(report.abstained, 1);
    expect_near("accuracy without labels", report.accuracy, 0.8, 0);
    OK(bg_predict_smoothing(p.certifier, &smoothing, p.x, p.answers));
    static const double expected[EXAMPLES] = { -1, 0, 0, 0, 1 };
    expect_values(p.answers, BG_SHAPE(EXAMPLES), expected, "answers");
    smoothing.samples = 9; /* 2 · 2⁻⁹ is above 0.001, 2⁻⁹ too */
    OK(bg_predict_smoothing(p.certifier, &smoothing, p.x, p.answers));
    for (int i = 0; i < EXAMPLES; i++)
        ck_assert(value_at(p.answers, i) == -1);
    OK(bg_certify_smoothing(p.certifier, &smoothing, p.x, NULL, &p.smoothed, &report));
    ck_assert_int_eq(report.abstained, EXAMPLES);
    smoothing.samples = 11; /* 2 · 2⁻¹¹ is not: for those that all samples agree on */
    smoothing.sigma = 0.05;
    OK(bg_predict_smoothing(p.certifier, &smoothing, p.x, p.answers));
    ck_assert(value_at(p.answers, 0) == -1 && value_at(p.answers, 3) == 0);
    close_problem(&p);
}
END_TEST

static bg_node *without_numbers(bg_model *model, bg_node *x, void *user)
{
    (void)user;
    return bg_mul(linear(model, x, NULL), bg_scalar(bg_node_graph(x), bg_node_dtype(x), NAN));
}

/* Scores that are no numbers are no answers, and certify nothing. */
START_TEST(test_no_numbers)
{
    problem p;
    open_linear(&p, counted_engine(), BG_F64, NULL);
    bg_certifier_destroy(p.certifier);
    OK(bg_certifier_create(&p.certifier, p.model, &(bg_certifier_options){ .network = without_numbers },
                           BG_SHAPE(WIDTH)));
    bg_smoothing_report smoothed;
    bg_interval_report intervals;
    OK(bg_certify_smoothing(p.certifier, &(bg_smoothing){ .samples = 100 }, p.x, p.labels, &p.smoothed, &smoothed));
    OK(certify(&p, 0.1, &intervals));
    ck_assert_int_eq(smoothed.abstained, EXAMPLES);
    ck_assert(intervals.clean_accuracy == 0 && intervals.certified_accuracy == 0 && isnan(intervals.mean_width));
    OK(bg_predict_smoothing(p.certifier, NULL, p.x, p.answers));
    ck_assert(value_at(p.answers, 0) == -1);
    close_problem(&p);
}
END_TEST

/* ---- The same for any threads ---- */

/* A hash, of sorts, of all results. */
static double outcome(int threads, uint64_t seed, bg_dtype dtype, int64_t batch)
{
    bg_engine *engine;
    problem p;
    OK(bg_engine_create(&engine, &(bg_engine_options){ .threads = threads, .seed = seed }));
    open_linear(&p, engine, dtype, &(bg_certifier_options){ .batch = batch });
    OK(bg_certify_smoothing(p.certifier, &(bg_smoothing){ .samples = 300 }, p.x, p.labels, &p.smoothed, NULL));
    OK(bg_certify_interval(p.certifier, 0.1, p.x, p.labels, &p.intervals, NULL));
    double sum = 0;
    for (int i = 0; i < EXAMPLES; i++)
        sum += (i + 1) * (value_at(p.probabilities, i) + value_at(p.margins, i));
    close_problem(&p);
    bg_engine_destroy(engine);
    return sum;
}

START_TEST(test_same_bits)
{
    bg_dtype dtype = _i ? BG_F32 : BG_F64;
    double expected = outcome(1, 5, dtype, 64);
    for (int threads = 1; threads <= 4; threads++)
        ck_assert(outcome(threads, 5, dtype, 64) == expected);
    /* Noise does not follow from batches; scores that round differently would. */
    ck_assert(dtype == BG_F32 || outcome(1, 5, dtype, 7) == expected);
    ck_assert(outcome(1, 6, dtype, 64) != expected);
}
END_TEST

/* ---- Training with bounds ---- */

static bg_node *digits_network(bg_model *model, bg_node *x, void *user)
{
    (void)user;
    return bg_layers(model, "dense:48 relu dense:10", x);
}

/* The loss of Gowal et al., (12): half of it that of the scores, half that of the worst within eps, which is *user. */
static bg_node *certified_step(bg_model *model, bg_node *const *columns, int n, void *user)
{
    (void)n;
    bg_node *x = columns[0], *labels = columns[1], *scores = digits_network(model, x, NULL);
    double eps = *(const double *)user;
    bg_node *lower = bg_clamp(bg_add_scalar(x, -eps), 0, 1), *upper = bg_clamp(bg_add_scalar(x, eps), 0, 1);
    bg_node *differences = bg_interval_differences(scores, x, lower, upper, labels);
    bg_node *clean = bg_cross_entropy_loss(scores, labels, BG_MEAN);
    bg_node *worst = bg_cross_entropy_loss(differences, labels, BG_MEAN);
    return bg_mul_scalar(bg_add(clean, worst), 0.5);
}

static bg_interval_report train_digits(bool with_bounds, double eps)
{
    bg_dataset *digits;
    bg_trainer *trainer;
    problem p = { .model = NULL };
    OK(bg_data_builtin(&digits, counted_engine(), "digits", NULL));
    OK(bg_model_create(&p.model, counted_engine(), BG_F32));
    bg_trainer_options options = { .optimizer = bg_adam(0.003), .batch = 64, .epochs = 20, .user = &eps };
    if (with_bounds) {
        options.step = certified_step;
    } else {
        options.network = digits_network;
        options.loss = bg_cross_entropy_loss;
    }
    OK(bg_trainer_create(&trainer, p.model, &options));
    OK(bg_trainer_fit(trainer, digits, NULL, NULL, NULL));
    bg_shape example = bg_dataset_shape(digits, 0);
    example.rank--;
    memmove(example.dims, example.dims + 1, (size_t)example.rank * sizeof *example.dims);
    const bg_certifier_options within = { .network = digits_network, .lower = BG_SOME(0), .upper = BG_SOME(1) };
    OK(bg_certifier_create(&p.certifier, p.model, &within, example));
    bg_interval_report report;
    OK(bg_certify_interval(p.certifier, eps, bg_dataset_column(digits, 0), bg_dataset_column(digits, 1), NULL,
                           &report));
    bg_trainer_destroy(trainer);
    bg_dataset_destroy(digits);
    close_problem(&p);
    return report;
}

/* Trained with its bounds, a network keeps more certificates. */
START_TEST(test_training)
{
    bg_interval_report plain = train_digits(false, 0.05), certified = train_digits(true, 0.05);
    ck_assert_msg(plain.clean_accuracy > 0.95 && certified.clean_accuracy > 0.9, "accuracies %g and %g",
                  plain.clean_accuracy, certified.clean_accuracy);
    ck_assert_msg(plain.certified_accuracy < 0.4 && certified.certified_accuracy > 0.7, "certified %g and %g",
                  plain.certified_accuracy, certified.certified_accuracy);
}
END_TEST

/* ---- What is refused ---- */

static bool stops(int64_t examples, void *user)
{
    (void)user;
    return examples < 2;
}

START_TEST(test_stop)
{
    problem p;
    open_linear(&p, counted_engine(), BG_F64, &(bg_certifier_options){ .batch = 2, .goes_on = stops });
    OK(bg_tensor_fill(p.margins, 7));
    FAILS(certify(&p, 0.1, NULL), BG_ERR_STOPPED, "behind 2 examples");
    ck_assert(value_at(p.margins, 1) != 7 && value_at(p.margins, 2) == 7);
    OK(bg_tensor_fill(p.answers, 7));
    FAILS(bg_predict_smoothing(p.certifier, NULL, p.x, p.answers), BG_ERR_STOPPED, "behind 2 examples");
    ck_assert(value_at(p.answers, 1) != 7 && value_at(p.answers, 2) == 7);
    close_problem(&p);
}
END_TEST

START_TEST(test_refused)
{
    problem p;
    open_linear(&p, counted_engine(), BG_F64,
                &(bg_certifier_options){ .batch = 2, .lower = BG_SOME(0), .upper = BG_SOME(1) });
    const bg_tensor *x = p.x, *labels = p.labels;
    OK(bg_tensor_fill(p.margins, 7));
    FAILS(certify(&p, -0.1, NULL), BG_ERR_ARGUMENT, "eps is -0.1");
    FAILS(certify(&p, NAN, NULL), BG_ERR_ARGUMENT, "eps is nan");
    FAILS(certify(&p, INFINITY, NULL), BG_ERR_ARGUMENT, "eps is inf");
    FAILS(bg_certify_interval(NULL, 0.1, x, labels, NULL, NULL), BG_ERR_ARGUMENT, "certifier is NULL");
    FAILS(bg_certify_interval(p.certifier, 0.1, NULL, labels, NULL, NULL), BG_ERR_ARGUMENT, "inputs is NULL");
    FAILS(bg_certify_interval(p.certifier, 0.1, x, NULL, NULL, NULL), BG_ERR_ARGUMENT, "labels is NULL");
    FAILS(bg_certify_interval(p.certifier, 0.1, p.margins, labels, NULL, NULL), BG_ERR_SHAPE, "inputs [5]");
    FAILS(bg_certify_interval(p.certifier, 0.1, labels, labels, NULL, NULL), BG_ERR_DTYPE, "inputs are i64");
    FAILS(bg_certify_interval(p.certifier, 0.1, x, x, NULL, NULL), BG_ERR_DTYPE, "labels are f64");
    const bg_interval_result wrong = { .margins = p.x };
    FAILS(bg_certify_interval(p.certifier, 0.1, x, labels, &wrong, NULL), BG_ERR_SHAPE, "margins is f64 [5, 3]");
    ((int64_t *)bg_tensor_data(p.labels))[4] = CLASSES;
    FAILS(certify(&p, 0.1, NULL), BG_ERR_ARGUMENT, "label 3 of example 4 is outside 0 .. 2");
    ck_assert(value_at(p.margins, 0) == 7); /* before any work */
    FAILS(bg_certify_smoothing(p.certifier, NULL, x, labels, NULL, NULL), BG_ERR_ARGUMENT, "label 3 of example 4");
    ((int64_t *)bg_tensor_data(p.labels))[4] = 0;
    put(p.x, 13, 1.25);
    FAILS(certify(&p, 0.1, NULL), BG_ERR_ARGUMENT, "element 1 of example 4 is 1.25, not a number within 0 .. 1");
    OK(bg_certify_smoothing(p.certifier, &(bg_smoothing){ .samples = 10 }, x, labels, NULL, NULL));
    put(p.x, 13, NAN);
    FAILS(bg_predict_smoothing(p.certifier, NULL, x, p.answers), BG_ERR_ARGUMENT, "element 1 of example 4 is nan");
    put(p.x, 13, 1);
    static const struct {
        bg_smoothing smoothing;
        const char *part;
    } rows[] = {
        { { .sigma = -1 }, "sigma is -1" },         { { .sigma = INFINITY }, "sigma is inf" },
        { { .alpha = 1 }, "alpha is 1" },           { { .alpha = NAN }, "alpha is nan" },
        { { .selection = -3 }, "selection is -3" }, { { .samples = INT64_MAX }, "samples is 9223372036854775807" }
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        FAILS(bg_certify_smoothing(p.certifier, &rows[i].smoothing, x, labels, NULL, NULL), BG_ERR_ARGUMENT,
              rows[i].part);
    FAILS(bg_predict_smoothing(p.certifier, NULL, x, NULL), BG_ERR_ARGUMENT, "answers is NULL");
    FAILS(bg_predict_smoothing(p.certifier, NULL, x, p.radii), BG_ERR_SHAPE, "answers is f64 [5], not i64 [5]");
    close_problem(&p);
}
END_TEST

static bg_node *with_softmax(bg_model *model, bg_node *x, void *user) { return bg_softmax(linear(model, x, user), -1); }
static bg_node *one_score(bg_model *model, bg_node *x, void *user)
{
    (void)user;
    return bg_dense(model, "one", x, 1);
}

START_TEST(test_refused_certifiers)
{
    problem p;
    bg_certifier *made;
    open_linear(&p, counted_engine(), BG_F64, NULL);
    bg_certifier_options options = { .network = one_score };
    FAILS(bg_certifier_create(&made, p.model, &options, BG_SHAPE(3)), BG_ERR_SHAPE, "f64 [128, 1]");
    options.network = linear;
    options.batch = -1;
    FAILS(bg_certifier_create(&made, p.model, &options, BG_SHAPE(3)), BG_ERR_ARGUMENT, "batch is -1");
    options.batch = 1;
    options.lower = BG_SOME(2);
    options.upper = BG_SOME(1);
    FAILS(bg_certifier_create(&made, p.model, &options, BG_SHAPE(3)), BG_ERR_ARGUMENT, "the box is 2 .. 1");
    options.lower = BG_SOME(0);
    FAILS(bg_certifier_create(&made, p.model, &options, BG_SHAPE(0)), BG_ERR_SHAPE, "no elements");
    FAILS(bg_certifier_create(&made, p.model, &options, BG_SHAPE(INT64_MAX)), BG_ERR_OVERFLOW, "");
    FAILS(bg_certifier_create(&made, NULL, &options, BG_SHAPE(3)), BG_ERR_ARGUMENT, "model is NULL");
    FAILS(bg_certifier_create(NULL, p.model, &options, BG_SHAPE(3)), BG_ERR_ARGUMENT, "certifier is NULL");
    FAILS(bg_certifier_create(&made, p.model, NULL, BG_SHAPE(3)), BG_ERR_ARGUMENT, "options is NULL");
    ck_assert(made == NULL);
    /* Smoothing takes any network, intervals only what they have rules for. */
    bg_certifier_destroy(p.certifier);
    options = (bg_certifier_options){ .network = with_softmax };
    OK(bg_certifier_create(&p.certifier, p.model, &options, BG_SHAPE(3)));
    FAILS(certify(&p, 0.1, NULL), BG_ERR_ARGUMENT, "softmax: its part div");
    OK(bg_certify_smoothing(p.certifier, &(bg_smoothing){ .samples = 10 }, p.x, p.labels, NULL, NULL));
    bg_certifier_destroy(NULL);
    close_problem(&p);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("certificates");
    TCase *numbers = tcase_create("distributions"), *cases = tcase_create("certificates");
    tcase_add_test(numbers, test_least_probability);
    tcase_add_test(numbers, test_beta);
    tcase_add_test(numbers, test_two_sided);
    tcase_add_test(numbers, test_normal);
    tcase_add_checked_fixture(cases, counted_begin, counted_end);
    tcase_add_loop_test(cases, test_margins, 0, 4);
    tcase_add_test(cases, test_against_attack);
    tcase_add_loop_test(cases, test_radii, 0, 2);
    tcase_add_test(cases, test_abstaining);
    tcase_add_test(cases, test_no_numbers);
    tcase_add_loop_test(cases, test_same_bits, 0, 2);
    tcase_add_test(cases, test_training);
    tcase_add_test(cases, test_stop);
    tcase_add_test(cases, test_refused);
    tcase_add_test(cases, test_refused_certifiers);
    suite_add_tcase(suite, numbers);
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
