/* What the methods of search find, and after how many evaluations. */
#include "search/cma.h"
#include "support/counted.h"
#include "support/objectives.h"
#include "support/run_once.h"
#include "support/suite.h"
#include "support/values.h"

#include <stdio.h>

/* The budgets of search.h. */
static const struct {
    const char *name;
    int64_t enough;
} methods[] = {
    { "random", 1000000 }, { "es-1+1", 500 }, { "es", 1000 }, { "openai-es", 5000 }, { "cmaes", 500 },
    { "sep-cmaes", 500 },  { "spsa", 3000 },  { "de", 1500 }, { "pso", 3000 },
};
enum { N_METHODS = sizeof methods / sizeof methods[0], SEEDS = 20 };

static bg_search *search_of(const bg_search_method *method, int64_t n, const bg_search_options *options)
{
    bg_search *search;
    OK(bg_search_create(&search, counted_engine(), method, n, options));
    return search;
}

static bg_search_method method_of(const char *name)
{
    bg_search_method method;
    OK(bg_search_method_find(&method, name));
    return method;
}

START_TEST(test_lecture)
{
    double w[2], least[2] = { lecture_least_l2(w), lecture_least_l1() };
    point_loss *const losses[] = { lecture_l2_loss, lecture_l1_loss };
    bg_search_method method = method_of(methods[_i].name);
    for (int which = 0; which < 2; which++) {
        double worst = 0;
        int64_t most = 0;
        for (uint64_t seed = 0; seed < SEEDS; seed++) {
            bg_search *search = search_of(&method, 2, &(bg_search_options){ .seed = seed });
            point_objective objective = { losses[which] };
            bg_search_budget budget = { .evaluations = methods[_i].enough, .target = BG_SOME(1.01 * least[which]) };
            OK(bg_search_minimize(search, evaluate_points, &objective, &budget));
            bg_search_progress progress = bg_search_get_progress(search);
            worst = fmax(worst, progress.best_loss / least[which] - 1);
            most = progress.evaluations > most ? progress.evaluations : most;
            bg_search_destroy(search);
        }
        printf("%-10s %s: %6lld evaluations at most, %.2f %% off\n", method.name, which ? "L1" : "L2", (long long)most,
               100 * worst);
        ck_assert_msg(worst <= 0.01, "%s, %s: %.3g above the least loss %.17g", method.name, which ? "L1" : "L2", worst,
                      least[which]);
    }
}
END_TEST

/* One dimension, by the default population and by the smallest there is: each method finds x = 1 to a hundredth. */
START_TEST(test_one_dimension)
{
    bg_search_method method = method_of(methods[_i].name);
    point_objective objective = { shifted_loss };
    bg_search_budget budget = { .evaluations = 20000, .target = BG_SOME(1e-4) };
    for (int smallest = 0; smallest < 2; smallest++) {
        bg_search *search = search_of(&method, 1, &(bg_search_options){ .seed = 1 });
        OK(bg_search_minimize(search, evaluate_points, &objective, &budget));
        bg_search_progress progress = bg_search_get_progress(search);
        ck_assert_msg(progress.best_loss <= 1e-4, "%s, population %lld: %g after %lld evaluations, %s", method.name,
                      (long long)progress.population, progress.best_loss, (long long)progress.evaluations,
                      progress.reason ? progress.reason : "not converged");
        expect_near(method.name, value_at(bg_search_best(search), 0), 1, 0.01);
        bg_search_destroy(search);
        method.population = method.rule->least;
    }
}
END_TEST

/* What the search is compared with on the same losses: the gradient, and for the least squares their closed form. */

typedef struct {
    bg_dataset *data;
    bg_tensor *weights;
    bg_graph *graph;
    bg_program *program; /* loss, gradient */
} descent;

static void open_descent(descent *d, bg_loss *loss)
{
    OK(bg_data_builtin(&d->data, counted_engine(), "lecture", &(bg_data_options){ .dtype = BG_F64 }));
    OK(bg_tensor_create(&d->weights, counted_engine(), BG_F64, BG_SHAPE(2, 1)));
    OK(bg_graph_create(&d->graph, counted_engine()));
    bg_node *x = bg_constant(d->graph, bg_dataset_column(d->data, 0));
    bg_node *y = bg_constant(d->graph, bg_dataset_column(d->data, 1));
    bg_node *w = bg_parameter(d->graph, d->weights), *outputs[2] = { loss(bg_matmul(x, w), y, BG_MEAN) };
    OK(bg_grad(outputs[0], &w, 1, &outputs[1]));
    OK(bg_compile(&d->program, d->graph, outputs, 2, NULL));
}

static void close_descent(descent *d)
{
    bg_program_destroy(d->program);
    bg_graph_destroy(d->graph);
    bg_tensor_destroy(d->weights);
    bg_dataset_destroy(d->data);
}

/* The weights go to where random search begins. */
static void start_at_random(const descent *d, uint64_t seed)
{
    bg_search_method method = bg_search_random();
    bg_search *search = search_of(&method, 2, &(bg_search_options){ .seed = seed });
    const bg_tensor *candidates;
    OK(bg_search_ask(search, &candidates));
    memcpy(bg_tensor_data(d->weights), bg_tensor_const_data(candidates), 2 * sizeof(double));
    bg_search_destroy(search);
}

/* theta <- theta - alpha * gradient, with alpha that falls as 1 / step where the gradient does not fall by itself. */
START_TEST(test_gradient_descent)
{
    bool is_l1 = _i;
    double w[2], least = is_l1 ? lecture_least_l1() : lecture_least_l2(w);
    descent d;
    open_descent(&d, is_l1 ? bg_l1_loss : bg_l2_loss);
    double *weights = bg_tensor_data(d.weights);
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        start_at_random(&d, seed);
        for (int step = 0; step < (is_l1 ? 1000 : 100); step++) {
            OK(bg_program_run(d.program));
            for (int i = 0; i < 2; i++)
                weights[i] -= (is_l1 ? 1.0 / (10 + step) : 0.08) * value_at(bg_program_output(d.program, 1), i);
        }
        OK(bg_program_run(d.program));
        double found = value_at(bg_program_output(d.program, 0), 0);
        ck_assert_msg(found <= 1.01 * least, "seed %d: %.17g, the least is %.17g", (int)seed, found, least);
        for (int i = 0; !is_l1 && i < 2; i++)
            expect_near("w", weights[i], w[i], 1e-5);
    }
    close_descent(&d);
}
END_TEST

START_TEST(test_least_squares)
{
    double w[2];
    (void)lecture_least_l2(w);
    bg_dataset *data;
    bg_tensor *solution;
    OK(bg_data_builtin(&data, counted_engine(), "lecture", &(bg_data_options){ .dtype = BG_F64 }));
    OK(solve_least(&solution, counted_engine(), bg_dataset_column(data, 0), bg_dataset_column(data, 1)));
    for (int i = 0; i < 2; i++)
        expect_near("w in closed form", value_at(solution, i), w[i], 1e-12);
    bg_tensor_destroy(solution);
    bg_dataset_destroy(data);
    bg_search_method method = bg_search_cmaes();
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        bg_search *search = search_of(&method, 2, &(bg_search_options){ .seed = seed });
        point_objective objective = { lecture_l2_loss };
        OK(bg_search_minimize(search, evaluate_points, &objective, &(bg_search_budget){ .evaluations = 1000 }));
        for (int i = 0; i < 2; i++)
            expect_near("w", value_at(bg_search_best(search), i), w[i], 1e-5);
        ck_assert(bg_search_get_progress(search).has_converged);
        bg_search_destroy(search);
    }
}
END_TEST

/* The constants that pycma 4.5 computes. */
START_TEST(test_constants)
{
    static const struct {
        int64_t n, lambda;
        double mueff, cs, damps, cc, c1, cmu, first, last;
    } cases[] = {
        { 2, 6, 2.02861146461006, 0.5, 1.5, 0.624554539026826, 0.154815399896414, 0.0855927794266642, 0.637042571241217,
          -1.15598177815892 },
        { 2, 20, 5.93880423560124, 0.5, 2.06613957417265, 0.583760482228029, 0.118843856758938, 0.397212925013936,
          0.279614720961018, -0.105589884081038 },
        { 10, 10, 3.1672992814107, 0.319614252910633, 1.31961425291063, 0.294990383035622, 0.0152838245247517,
          0.0235517766504175, 0.456272646903406, -0.549749917697385 },
        { 40, 15, 4.54091520907596, 0.137584966135175, 1.13758496613518, 0.0930092166342492, 0.00116943272526184,
          0.00340521964370635, 0.344796198592021, -0.308367259320542 },
        { 10, 100, 26.9666550646511, 0.5, 4.45094221771502, 0.345307647355692, 0.0129318715652032, 0.29542296290876,
          0.0823582365646732, -0.00834685311211374 },
        { 40, 500, 128.634756102057, 0.5, 9.60007040823631, 0.143081900735558, 0.00109031947224547, 0.134090880072535,
          0.0223785355600544, -0.00115576176202504 },
        { 5, 3, 1, 0.333333333333333, 1.33333333333333, 0.446808510638298, 0.0245760629147211, 0.01, 1,
          -1.66666666666667 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        double weights[512];
        bgi_cma_constants c = { .weights = weights };
        bgi_cma_constants_set(&c, cases[i].n, cases[i].lambda, false);
        expect_near("mueff", c.mueff, cases[i].mueff, 1e-10 * cases[i].mueff);
        expect_near("cs", c.cs, cases[i].cs, 1e-12);
        expect_near("damps", c.damps, cases[i].damps, 1e-12 * cases[i].damps);
        expect_near("cc", c.cc, cases[i].cc, 1e-12);
        expect_near("c1", c.c1, cases[i].c1, 1e-12);
        expect_near("cmu", c.cmu, cases[i].cmu, 1e-12);
        expect_near("the first weight", weights[0], cases[i].first, 1e-12);
        expect_near("the last weight", weights[cases[i].lambda - 1], cases[i].last, 1e-12);
    }
}
END_TEST

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Medians of evaluations to 1e-9 from (start, ..) with this sigma, over 20 seeds; tests/interop/cmaes.py compares those
 * of more functions with pycma's. */
static const struct {
    const char *name, *method;
    point_loss *loss;
    int64_t n, population;
    double start, sigma;
    double expected; /* within a tenth */
} speeds[] = {
    { "sphere", "cmaes", sphere_loss, 2, 0, 1, 0.5, 258 },
    { "ellipsoid", "cmaes", ellipsoid_loss, 10, 0, 1, 0.5, 4170 },
    { "rosenbrock", "cmaes", rosenbrock_loss, 10, 0, 0, 0.5, 5185 },
    { "sphere of a large population", "cmaes", sphere_loss, 5, 100, 1, 0.5, 3300 },
    { "ellipsoid, diagonal", "sep-cmaes", ellipsoid_loss, 20, 0, 1, 0.5, 4488 },
};

START_TEST(test_speed)
{
    bg_search_method method = method_of(speeds[_i].method);
    method.sigma = speeds[_i].sigma;
    method.population = speeds[_i].population;
    double start[32], counts[SEEDS];
    for (int i = 0; i < 32; i++)
        start[i] = speeds[_i].start;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        bg_search *search = search_of(&method, speeds[_i].n, &(bg_search_options){ .start = start, .seed = seed });
        point_objective objective = { speeds[_i].loss };
        OK(bg_search_minimize(search, evaluate_points, &objective, &(bg_search_budget){ .target = BG_SOME(1e-9) }));
        bg_search_progress progress = bg_search_get_progress(search);
        counts[seed] = progress.best_loss <= 1e-9 ? (double)progress.evaluations : INFINITY;
        bg_search_destroy(search);
    }
    qsort(counts, SEEDS, sizeof *counts, by_size);
    double median = (counts[SEEDS / 2 - 1] + counts[SEEDS / 2]) / 2;
    printf("%s: a median of %.0f evaluations\n", speeds[_i].name, median);
    expect_near(speeds[_i].name, median, speeds[_i].expected, speeds[_i].expected / 10);
}
END_TEST

/* With restarts, the population doubles until the deepest of the many valleys is found. */
START_TEST(test_restarts)
{
    bg_search_method method = bg_search_cmaes();
    method.restarts = 7;
    double lower[6], upper[6];
    for (int i = 0; i < 6; i++)
        lower[i] = -5, upper[i] = 4;
    bg_search_options options = { .lower = lower, .upper = upper, .seed = 3 };
    bg_search *search = search_of(&method, 6, &options);
    point_objective objective = { rastrigin_loss };
    OK(bg_search_minimize(search, evaluate_points, &objective, &(bg_search_budget){ .target = BG_SOME(1e-9) }));
    bg_search_progress progress = bg_search_get_progress(search);
    ck_assert(progress.best_loss <= 1e-9 && progress.restarts > 0);
    ck_assert_int_eq(progress.population, 9LL << progress.restarts);
    ck_assert_ptr_nonnull(progress.reason);
    bg_search_destroy(search);
}
END_TEST

/* Every method that converges begins anew as often as it may, with twice the population each time, and has then
 * converged; a candidate found before is not lost. */
START_TEST(test_restarts_of_methods)
{
    bg_search_method method = method_of(methods[_i].name);
    bool converges = method.tolerance_x > 0 || method.tolerance_loss > 0;
    method.restarts = 2;
    bg_search *search = search_of(&method, 2, NULL);
    int64_t population = bg_search_get_progress(search).population;
    point_objective objective = { shifted_loss };
    double best = INFINITY;
    for (int64_t evaluations = 1000; evaluations <= 100000; evaluations += 1000) {
        OK(bg_search_minimize(search, evaluate_points, &objective, &(bg_search_budget){ .evaluations = evaluations }));
        bg_search_progress progress = bg_search_get_progress(search);
        ck_assert(progress.best_loss <= best);
        best = progress.best_loss;
    }
    bg_search_progress progress = bg_search_get_progress(search);
    ck_assert_msg(progress.restarts == (converges ? 2 : 0) && progress.has_converged == converges,
                  "%s: %lld restarts after %lld evaluations", method.name, (long long)progress.restarts,
                  (long long)progress.evaluations);
    if (converges && population > 1)
        ck_assert_int_eq(progress.population, 4 * population);
    if (converges)
        for (int i = 0; i < 2; i++)
            expect_near(method.name, value_at(bg_search_best(search), i), i + 1, 1e-4);
    bg_search_destroy(search);
}
END_TEST

/* The least loss of the box lies at a bound in the first coordinate, and inside in the second. */
START_TEST(test_bounds)
{
    bg_search_method method = method_of(methods[_i].name);
    method.sigma = method.rule->scales_sigma ? 1.5 : method.sigma;
    const double lower[] = { 1.25, -INFINITY, 0.5 }, upper[] = { 4, 3, 0.5 }, start[] = { 3, 0, 0.5 };
    bg_search_options options = { .start = start, .lower = lower, .upper = upper, .seed = 5 };
    bg_search *search = search_of(&method, 3, &options);
    while (bg_search_get_progress(search).evaluations < 20000) {
        const bg_tensor *candidates;
        OK(bg_search_ask(search, &candidates));
        const double *x = bg_tensor_const_data(candidates);
        int64_t n = bg_tensor_shape(candidates).dims[0];
        double losses[64];
        for (int64_t k = 0; k < n; k++, x += 3) {
            for (int i = 0; i < 3; i++)
                ck_assert_msg(x[i] >= lower[i] && x[i] <= upper[i], "%s: %g is outside", method.name, x[i]);
            losses[k] = shifted_loss(x, 3);
        }
        OK(bg_search_tell(search, losses, n));
    }
    const double place[] = { 1.25, 2, 0.5 };
    double least = shifted_loss(place, 3);
    ck_assert_msg(bg_search_get_progress(search).best_loss <= least + 0.05, "%s: %g, not %g", method.name,
                  bg_search_get_progress(search).best_loss, least);
    bg_search_destroy(search);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("search_methods");
    TCase *tests = tcase_create("search_methods");
    tcase_add_checked_fixture(tests, counted_begin, counted_end);
    tcase_add_loop_test(tests, test_lecture, 0, N_METHODS);
    tcase_add_loop_test(tests, test_one_dimension, 0, N_METHODS);
    tcase_add_loop_test(tests, test_gradient_descent, 0, 2);
    tcase_add_test(tests, test_least_squares);
    tcase_add_test(tests, test_constants);
    tcase_add_loop_test(tests, test_speed, 0, sizeof speeds / sizeof speeds[0]);
    tcase_add_test(tests, test_restarts);
    tcase_add_loop_test(tests, test_restarts_of_methods, 0, N_METHODS);
    tcase_add_loop_test(tests, test_bounds, 0, N_METHODS);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
