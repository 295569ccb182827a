/* Search from the outside: asking and telling, the budget, what is refused, and the same bits everywhere. */
#include "blas/blas.h"
#include "blas/lapack.h"
#include "search/search.h"
#include "support/counted.h"
#include "support/objectives.h"
#include "support/suite.h"
#include "support/values.h"

static const char *const names[] = { "random", "es-1+1", "es", "openai-es", "cmaes", "sep-cmaes", "spsa", "de", "pso" };
enum { N_METHODS = sizeof names / sizeof names[0] };

static bg_search_method method_of(const char *name)
{
    bg_search_method method;
    OK(bg_search_method_find(&method, name));
    ck_assert_str_eq(method.name, name);
    return method;
}

static bg_search *search_of(const bg_search_method *method, int64_t n, const bg_search_options *options)
{
    bg_search *search;
    OK(bg_search_create(&search, counted_engine(), method, n, options));
    return search;
}

/* One generation of a search; a hash of its candidates. */
static uint64_t step(bg_search *search, point_loss *loss, uint64_t hash)
{
    const bg_tensor *candidates;
    double losses[256];
    OK(bg_search_ask(search, &candidates));
    point_objective objective = { loss };
    OK(evaluate_points(candidates, losses, &objective));
    OK(bg_search_tell(search, losses, bg_tensor_shape(candidates).dims[0]));
    return hash_tensor(hash, candidates);
}

/* ---- The same bits ---- */

static uint64_t play(bg_engine *engine, const char *name, uint64_t seed, int generations)
{
    bg_search_method method = method_of(name);
    bg_search *search;
    uint64_t hash = 0;
    OK(bg_search_create(&search, engine, &method, 7, &(bg_search_options){ .seed = seed }));
    for (int i = 0; i < generations; i++)
        hash = step(search, rosenbrock_loss, hash);
    hash = hash_tensor(hash, bg_search_best(search));
    bg_search_destroy(search);
    return hash;
}

START_TEST(test_bits)
{
    uint64_t expected = play(counted_engine(), names[_i], 11, 40);
    ck_assert_uint_eq(expected, play(counted_engine(), names[_i], 11, 40));
    ck_assert_uint_ne(expected, play(counted_engine(), names[_i], 12, 40));
    static const int threads[] = { 1, 3, 4, 8 };
    for (int i = 0; i < 4; i++) {
        bg_engine *engine;
        OK(bg_engine_create(&engine, &(bg_engine_options){ .threads = threads[i], .seed = (uint64_t)i }));
        ck_assert_uint_eq(expected, play(engine, names[_i], 11, 40));
        bg_engine_destroy(engine);
    }
}
END_TEST

/* The same where workers share the coordinates of a candidate. */
START_TEST(test_bits_of_many_coordinates)
{
    static const char *const shared[] = { "random", "openai-es", "sep-cmaes" };
    bg_search_method method = method_of(shared[_i]);
    method.population = 6;
    uint64_t expected = 0;
    for (int threads = 1; threads <= 4; threads++) {
        bg_engine *engine;
        bg_search *search;
        uint64_t hash = 0;
        OK(bg_engine_create(&engine, &(bg_engine_options){ .threads = threads }));
        OK(bg_search_create(&search, engine, &method, 4 * BGI_PART + 1233, NULL));
        for (int i = 0; i < 3; i++)
            hash = step(search, rosenbrock_loss, hash);
        expected = threads == 1 ? hash : expected;
        ck_assert_uint_eq(hash, expected);
        const bg_tensor *candidates;
        OK(bg_search_ask(search, &candidates));
        ck_assert(value_at(candidates, 0) != value_at(candidates, BGI_PART));
        bg_search_destroy(search);
        bg_engine_destroy(engine);
    }
}
END_TEST

/* The same where there are products and eigenvectors of large matrices. */
START_TEST(test_bits_of_matrices)
{
    bg_search_method method = bg_search_cmaes();
    uint64_t expected = 0;
    method.population = 30;
    for (int threads = 1; threads <= 4; threads++) {
        bg_engine *engine;
        bg_search *search;
        uint64_t hash = 0;
        OK(bg_engine_create(&engine, &(bg_engine_options){ .threads = threads }));
        OK(bg_search_create(&search, engine, &method, 300, NULL));
        for (int i = 0; i < 12; i++)
            hash = step(search, rosenbrock_loss, hash);
        expected = threads == 1 ? hash : expected;
        ck_assert_uint_eq(hash, expected);
        bg_search_destroy(search);
        bg_engine_destroy(engine);
    }
}
END_TEST

/* Normal numbers have mean 0, variance 1, and no two coordinates, candidates or generations share them. */
START_TEST(test_normals)
{
    enum { N = 5, CANDIDATES = 4000 };
    bg_search_method method = bg_search_random();
    method.population = CANDIDATES;
    bg_search *search = search_of(&method, N, NULL);
    double sum = 0, squares = 0, products = 0, last = 0, losses[CANDIDATES];
    for (int generation = 0; generation < 2; generation++) {
        const bg_tensor *candidates;
        OK(bg_search_ask(search, &candidates));
        const double *z = bg_tensor_const_data(candidates);
        for (int i = 0; i < CANDIDATES * N; i++) {
            sum += z[i];
            squares += z[i] * z[i];
            products += z[i] * last;
            last = z[i];
        }
        ck_assert(z[0] != z[N] && z[0] != z[1]);
        for (int i = 0; i < CANDIDATES; i++)
            losses[i] = 1;
        OK(bg_search_tell(search, losses, CANDIDATES));
        const bg_tensor *next;
        double first = z[0];
        OK(bg_search_ask(search, &next));
        ck_assert(value_at(next, 0) != first);
    }
    /* Four standard deviations of each of these means. */
    double count = 2.0 * CANDIDATES * N, deviation = 4 / sqrt(count);
    expect_near("the mean", sum / count, 0, deviation);
    expect_near("the variance", squares / count, 1, deviation * sqrt(2));
    expect_near("the covariance of neighbours", products / count, 0, deviation);
    bg_search_destroy(search);
}
END_TEST

/* ---- Asking and telling ---- */

START_TEST(test_ask_and_tell)
{
    bg_search_method method = method_of(names[_i]);
    bg_search *search = search_of(&method, 3, NULL);
    const bg_tensor *candidates, *again;
    const double losses[256] = { 0 };
    FAILS(bg_search_tell(search, losses, 1), BG_ERR_ARGUMENT, "no candidates were asked for");
    int64_t population = bg_search_get_progress(search).population;
    OK(bg_search_ask(search, &candidates));
    uint64_t hash = hash_tensor(0, candidates);
    int64_t n = bg_tensor_shape(candidates).dims[0];
    ck_assert_int_eq(n, population);
    ck_assert(bg_shape_equal(bg_tensor_shape(candidates), BG_SHAPE(n, 3)) && bg_tensor_dtype(candidates) == BG_F64);
    OK(bg_search_ask(search, &again));
    ck_assert(again == candidates && hash_tensor(0, again) == hash);
    FAILS(bg_search_tell(search, losses, n + 1), BG_ERR_ARGUMENT, "losses for");
    /* NaN counts as infinite, and so does not become the best. */
    double told[256];
    for (int64_t i = 0; i < n; i++)
        told[i] = NAN;
    OK(bg_search_tell(search, told, n));
    ck_assert(bg_search_get_progress(search).best_loss == INFINITY);
    expect_near("the best before there is one", value_at(bg_search_best(search), 0), 0, 0);
    OK(bg_search_ask(search, &candidates));
    n = bg_tensor_shape(candidates).dims[0];
    for (int64_t i = 0; i < n; i++)
        told[i] = i == n - 1 ? 2 : NAN;
    double place = value_at(candidates, (n - 1) * 3);
    OK(bg_search_tell(search, told, n));
    ck_assert(bg_search_get_progress(search).best_loss == 2 && value_at(bg_search_best(search), 0) == place);
    FAILS(bg_search_tell(search, told, n), BG_ERR_ARGUMENT, "no candidates were asked for");
    for (int i = 0; i < 200; i++) /* infinite losses for ever lead nowhere, but not to NaN */
        (void)step(search, i % 2 ? sphere_loss : rastrigin_loss, 0);
    OK(bg_search_ask(search, &candidates));
    for (int i = 0; i < 3; i++)
        ck_assert(isfinite(value_at(candidates, i)));
    bg_search_destroy(search);
}
END_TEST

/* A loss that falls for ever, one that is flat, and one that is infinite everywhere: no method breaks. */
static double falling_loss(const double *x, int64_t n)
{
    (void)n;
    return x[0];
}
static double flat_loss(const double *x, int64_t n)
{
    (void)x;
    (void)n;
    return 1;
}
static double infinite_loss(const double *x, int64_t n)
{
    (void)x;
    (void)n;
    return INFINITY;
}

START_TEST(test_strange_losses)
{
    point_loss *const losses[] = { falling_loss, flat_loss, infinite_loss };
    for (int which = 0; which < 3; which++) {
        bg_search_method method = method_of(names[_i]);
        bg_search *search = search_of(&method, 2, NULL);
        for (int i = 0; i < 3000; i++)
            (void)step(search, losses[which], 0);
        ck_assert_int_eq(bg_search_get_progress(search).generations, 3000);
        bool adapts = strstr(method.name, "es") != NULL && strcmp(method.name, "openai-es") != 0;
        if (adapts && which == 0)
            ck_assert_ptr_nonnull(bg_search_get_progress(search).reason);
        bg_search_destroy(search);
    }
}
END_TEST

/* Equal losses of a pair say nothing of the slope between them: the middle stays where it was. */
START_TEST(test_equal_ranks)
{
    bg_search_method method = bg_search_openai_es();
    bg_search *search = search_of(&method, 3, NULL);
    for (int i = 0; i < 20; i++)
        (void)step(search, flat_loss, 0);
    const bg_tensor *candidates;
    OK(bg_search_ask(search, &candidates));
    for (int i = 0; i < 3; i++)
        expect_near("the middle", value_at(candidates, i) + value_at(candidates, 3 + i), 0, 1e-15);
    bg_search_destroy(search);
}
END_TEST

/* ---- The loop ---- */

static bg_status failing(const bg_tensor *candidates, double *losses, void *user)
{
    (void)candidates;
    (void)losses;
    return *(int *)user ? BG_ERR_STOPPED : bg_fail(BG_ERR_NUMERIC, "the objective's own words");
}

START_TEST(test_minimize)
{
    bg_search_method method = bg_search_cmaes(); /* 8 candidates in 4 dimensions */
    bg_search *search = search_of(&method, 4, NULL);
    point_objective objective = { shifted_loss };
    FAILS(bg_search_minimize(search, evaluate_points, &objective, &(bg_search_budget){ .evaluations = 7 }),
          BG_ERR_ARGUMENT, "a budget of 7 evaluations, the first generation takes 8");
    FAILS(bg_search_minimize(search, evaluate_points, &objective, &(bg_search_budget){ 0 }), BG_ERR_ARGUMENT,
          "limits nothing");
    FAILS(bg_search_minimize(search, evaluate_points, &objective, &(bg_search_budget){ .seconds = -1 }),
          BG_ERR_ARGUMENT, "-1 seconds");
    FAILS(bg_search_minimize(search, NULL, NULL, &(bg_search_budget){ .seconds = 1 }), BG_ERR_ARGUMENT,
          "objective is NULL");
    int is_silent = 0;
    bg_search_budget budget = { .evaluations = 30 };
    FAILS(bg_search_minimize(search, failing, &is_silent, &budget), BG_ERR_NUMERIC, "the objective's own words");
    is_silent = 1;
    FAILS(bg_search_minimize(search, failing, &is_silent, &budget), BG_ERR_STOPPED,
          "the objective returned BG_ERR_STOPPED");
    ck_assert_int_eq(bg_search_get_progress(search).evaluations, 0);
    OK(bg_search_minimize(search, evaluate_points, &objective, &budget));
    ck_assert_int_eq(bg_search_get_progress(search).evaluations, 24);
    OK(bg_search_minimize(search, evaluate_points, &objective, &(bg_search_budget){ .target = BG_SOME(1e-3) }));
    double reached = bg_search_get_progress(search).best_loss;
    ck_assert(reached <= 1e-3 && reached == shifted_loss(bg_tensor_const_data(bg_search_best(search)), 4));
    OK(bg_search_minimize(search, evaluate_points, &objective, &(bg_search_budget){ .evaluations = 100000 }));
    bg_search_progress progress = bg_search_get_progress(search);
    ck_assert(progress.has_converged && progress.reason && progress.evaluations < 10000);
    for (int i = 0; i < 4; i++)
        expect_near("x", value_at(bg_search_best(search), i), i + 1, 1e-5);
    bg_search_destroy(search);
}
END_TEST

START_TEST(test_seconds)
{
    bg_search_method method = bg_search_random();
    bg_search *search = search_of(&method, 2, NULL);
    point_objective objective = { sphere_loss };
    OK(bg_search_minimize(search, evaluate_points, &objective, &(bg_search_budget){ .seconds = 1e-3 }));
    ck_assert_int_ge(bg_search_get_progress(search).evaluations, 64);
    bg_search_destroy(search);
}
END_TEST

/* ---- Large dimensions ---- */

/* A generation of four candidates in 200,000 dimensions: memory grows as population times dimension. */
START_TEST(test_large)
{
    enum { N = 200000 };
    bg_search_method method = method_of(names[_i]);
    bg_search *search;
    if (strcmp(method.name, "cmaes") == 0) {
        FAILS(bg_search_create(&search, counted_engine(), &method, N, NULL), BG_ERR_ARGUMENT,
              "200000 dimensions need matrices of 4e+10 numbers; it takes at most 16384");
        ck_assert_ptr_null(search);
        return;
    }
    method.population = method.rule->count ? 0 : 4;
    search = search_of(&method, N, NULL);
    for (int i = 0; i < 2; i++)
        (void)step(search, sphere_loss, 0);
    ck_assert(isfinite(bg_search_get_progress(search).best_loss));
    bg_search_destroy(search);
}
END_TEST

/* ---- Refused ---- */

START_TEST(test_refused)
{
    bg_engine *engine = counted_engine();
    bg_search *search;
    bg_search_method cmaes = bg_search_cmaes(), method;
    FAILS(bg_search_method_find(&method, "cma"), BG_ERR_ARGUMENT, "random, es-1+1, es, openai-es, cmaes, sep-cmaes");
    FAILS(bg_search_method_find(&method, NULL), BG_ERR_ARGUMENT, "name is NULL");
    FAILS(bg_search_create(NULL, engine, &cmaes, 2, NULL), BG_ERR_ARGUMENT, "search is NULL");
    FAILS(bg_search_create(&search, NULL, &cmaes, 2, NULL), BG_ERR_ARGUMENT, "no engine");
    FAILS(bg_search_create(&search, engine, NULL, 2, NULL), BG_ERR_ARGUMENT, "the method is NULL");
    FAILS(bg_search_create(&search, engine, &cmaes, 0, NULL), BG_ERR_ARGUMENT, "0 dimensions");
    bg_search_method random = bg_search_random();
    FAILS(bg_search_create(&search, engine, &random, INT64_MAX, NULL), BG_ERR_OVERFLOW, "random");
    for (int i = 0; i < N_METHODS; i++) {
        method = method_of(names[i]);
        method.population = INT64_MAX / 64 / 8 + 1;
        if (strcmp(names[i], "es-1+1") != 0) /* which has no population to choose */
            FAILS(bg_search_create(&search, engine, &method, 8, NULL), BG_ERR_OVERFLOW, "candidates of 8 numbers");
    }
    const bg_tensor *candidates;
    const double nan[] = { 0, NAN }, infinite[] = { 0, INFINITY }, low[] = { -1, 1 }, high[] = { 1, 0 },
                 start[] = { 2, 0 };
    const struct {
        bg_search_options options;
        const char *part;
    } options[] = {
        { { .start = nan }, "the start is nan at coordinate 1" },
        { { .start = infinite }, "the start is inf at coordinate 1" },
        { { .lower = nan }, "a bound of coordinate 1 is NaN" },
        { { .lower = infinite }, "the bounds of coordinate 1 are crossed: inf to inf" },
        { { .lower = low, .upper = high }, "the bounds of coordinate 1 are crossed: 1 to 0" },
        { { .start = start, .upper = high }, "the start is 2 at coordinate 0, outside its bounds -inf to 1" },
    };
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
        FAILS(bg_search_create(&search, engine, &cmaes, 2, &options[i].options), BG_ERR_ARGUMENT, options[i].part);
    FAILS(bg_search_ask(NULL, &candidates), BG_ERR_ARGUMENT, "search is NULL");
    bg_search_destroy(NULL);
}
END_TEST

START_TEST(test_refused_numbers)
{
#define WRONG(name_, field, value, part_)                                                                              \
    {                                                                                                                  \
        bg_search_method m = method_of(name_);                                                                         \
        m.field = value;                                                                                               \
        bg_search *search;                                                                                             \
        FAILS(bg_search_create(&search, counted_engine(), &m, 2, NULL), BG_ERR_ARGUMENT, part_);                       \
    }
    WRONG("cmaes", population, 2, "a population of 2, it must be at least 3")
    WRONG("es", population, -1, "a population of -1")
    WRONG("random", population, -1, "at least 1")
    WRONG("es-1+1", population, 2, "it is always 1")
    WRONG("openai-es", population, 5, "it must be even")
    WRONG("spsa", population, 3, "it must be even")
    WRONG("de", population, 3, "at least 4")
    WRONG("pso", population, 1, "at least 2")
    for (int i = 0; i < N_METHODS; i++) {
        WRONG(names[i], sigma, -1, "sigma -1")
        WRONG(names[i], sigma, NAN, "sigma nan")
        WRONG(names[i], tolerance_x, -1, "tolerances -1")
        WRONG(names[i], restarts, -1, "-1 restarts")
    }
    WRONG("openai-es", sigma, 0, "above 0")
    WRONG("openai-es", learning_rate, 0, "learning rate 0")
    WRONG("openai-es", beta1, 1, "beta1 1")
    WRONG("openai-es", eps, 0, "eps 0")
    WRONG("spsa", learning_rate, INFINITY, "learning rate inf")
    WRONG("spsa", gain_decay, -1, "exponents -1")
    WRONG("spsa", stability, -1, "stability -1")
    WRONG("de", differential_weight, 3, "differential weight 3")
    WRONG("de", crossover, NAN, "crossover nan")
    WRONG("pso", social, -1, "social -1")
}
END_TEST

/* ---- The eigenvectors of LAPACK ---- */

START_TEST(test_eigenvectors)
{
    enum { N = 30 };
    double a[N * N], vectors[N * N], values[N], work[4096];
    long long integers[512];
    int64_t work_count, integer_count;
    bgi_lapack_syevd_work(BG_F64, N, &work_count, &integer_count);
    ck_assert(work_count <= 4096 && integer_count <= 512);
    for (int i = 0; i < N; i++)
        for (int j = 0; j <= i; j++) {
            a[i * N + j] = a[j * N + i] = sin(1.0 + 7 * i + 3 * j * j);
            vectors[j * N + i] = a[i * N + j];
            vectors[i * N + j] = i == j ? a[i * N + i] : NAN; /* the lower triangle is not looked at */
        }
    ck_assert_int_eq(bgi_lapack_syevd(BG_F64, true, N, vectors, values, work, work_count, integers, integer_count), 0);
    for (int v = 0; v < N; v++) {
        ck_assert(v == 0 || values[v - 1] <= values[v]);
        for (int i = 0; i < N; i++) {
            double image = 0;
            for (int j = 0; j < N; j++)
                image += a[i * N + j] * vectors[v * N + j];
            expect_near("a v - value v", image - values[v] * vectors[v * N + i], 0, 1e-12);
        }
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("search");
    TCase *tests = tcase_create("search");
    tcase_add_checked_fixture(tests, counted_begin, counted_end);
    tcase_add_loop_test(tests, test_bits, 0, N_METHODS);
    tcase_add_loop_test(tests, test_bits_of_many_coordinates, 0, 3);
    tcase_add_test(tests, test_bits_of_matrices);
    tcase_add_test(tests, test_normals);
    tcase_add_loop_test(tests, test_ask_and_tell, 0, N_METHODS);
    tcase_add_loop_test(tests, test_strange_losses, 0, N_METHODS);
    tcase_add_test(tests, test_equal_ranks);
    tcase_add_test(tests, test_minimize);
    tcase_add_test(tests, test_seconds);
    tcase_add_loop_test(tests, test_large, 0, N_METHODS);
    tcase_add_test(tests, test_refused);
    tcase_add_test(tests, test_refused_numbers);
    tcase_add_test(tests, test_eigenvectors);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
