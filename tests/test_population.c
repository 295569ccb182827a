/* Populations: the losses of candidates. */
#include "support/counted.h"
#include "support/fixed.h"
#include "support/suite.h"
#include "support/values.h"

/* In f64; of this many members, 0 for none. */
static bg_model *new_model(bg_engine *engine, int64_t members)
{
    bg_model *model;
    if (members > 0)
        OK(bg_model_create_population(&model, engine, BG_F64, members));
    else
        OK(bg_model_create(&model, engine, BG_F64));
    return model;
}

static bg_node *network(bg_model *model, bg_node *x, void *user) { return bg_layers(model, user, x); }

/* n examples of 6 inputs and a class of 3. */
static bg_dataset *made_data(bg_engine *engine, int64_t n, bg_dtype dtype)
{
    bg_tensor *columns[2];
    bg_dataset *dataset;
    OK(bg_tensor_create(&columns[0], engine, dtype, BG_SHAPE(n, 6)));
    OK(bg_tensor_create(&columns[1], engine, BG_I64, BG_SHAPE(n)));
    fixed_fill(bg_tensor_data(columns[0]), dtype, 6 * n, 1, 1);
    for (int64_t i = 0; i < n; i++)
        ((int64_t *)bg_tensor_data(columns[1]))[i] = i % 3;
    OK(bg_dataset_create(&dataset, columns, 2, 3));
    bg_tensor_destroy(columns[0]);
    bg_tensor_destroy(columns[1]);
    return dataset;
}

static bg_tensor *made_candidates(bg_engine *engine, int64_t n, int64_t dimension)
{
    bg_tensor *candidates;
    OK(bg_tensor_create(&candidates, engine, BG_F64, BG_SHAPE(n, dimension)));
    fixed_fill(bg_tensor_data(candidates), BG_F64, n * dimension, 2, 2);
    return candidates;
}

static char two_layers[] = "dense:5 tanh dense:3";

/* The losses against a trainer's evaluation, for numbers of examples and members that do and do not divide evenly. */
START_TEST(test_evaluation)
{
    static char image[] = "unflatten:1x2x3 conv:5:2x3 tanh dense:3", sequence[] = "unflatten:3x2 rnn:4 last dense:3";
    static const struct {
        int64_t examples, candidates, members;
        char *line;
        int64_t expected; /* members of a run; 0: several */
    } cases[] = { { 7, 4, 0, two_layers, 0 },    { 1024, 3, 0, two_layers, 0 }, { 1500, 5, 2, two_layers, 2 },
                  { 2049, 7, 3, two_layers, 3 }, { 1, 1, 1, two_layers, 1 },    { 3, 0, 0, two_layers, 0 },
                  { 30, 4, 0, image, 1 },        { 30, 4, 3, image, 3 },        { 30, 4, 0, sequence, 1 } };
    bg_engine *engine = counted_engine();
    bg_model *model = new_model(counted_engine(), 0);
    bg_dataset *dataset = made_data(engine, cases[_i].examples, BG_F64);
    bg_population *population;
    bg_population_options options = {
        .network = network, .loss = bg_cross_entropy_loss, .user = cases[_i].line, .members = cases[_i].members
    };
    OK(bg_population_create(&population, model, dataset, &options));
    bg_population_cost cost = bg_population_get_cost(population);
    ck_assert(cases[_i].expected ? cost.members == cases[_i].expected : cost.members > 1);
    ck_assert_int_eq(cost.examples, cases[_i].examples);
    if (cases[_i].line == two_layers) {
        ck_assert_int_eq(cost.dimension, 6 * 5 + 5 + 5 * 3 + 3);
        ck_assert_double_eq(cost.product_flops, (double)cases[_i].examples * 2 * (6 * 5 + 5 * 3));
    }
    bg_tensor *candidates = made_candidates(engine, cases[_i].candidates, cost.dimension);
    double losses[8];
    OK(bg_population_evaluate(candidates, losses, population));
    bg_trainer *trainer;
    OK(bg_trainer_create(&trainer, model,
                         &(bg_trainer_options){ .network = network,
                                                .loss = bg_cross_entropy_loss,
                                                .user = cases[_i].line,
                                                .optimizer = bg_sgd(0.1, 0),
                                                .batch = 256 }));
    for (int64_t k = 0; k < cases[_i].candidates; k++) {
        bg_metrics metrics;
        OK(bg_model_set_vectors(model, (const double *)bg_tensor_const_data(candidates) + k * cost.dimension, 1));
        OK(bg_trainer_evaluate(trainer, dataset, &metrics));
        expect_near("the loss of a candidate", losses[k], metrics.loss, 1e-12);
    }
    bg_trainer_destroy(trainer);
    bg_population_destroy(population);
    bg_tensor_destroy(candidates);
    bg_dataset_destroy(dataset);
    bg_model_destroy(model);
}
END_TEST

/* Parameters that were made in another order than the network's, one of them tied. */
static bg_node *tied_network(bg_model *model, bg_node *x, void *user)
{
    (void)user;
    if (bg_model_tie(model, "b.weight", "a.weight") != BG_OK)
        return NULL;
    x = bg_tanh(bg_dense_with(model, "a", x, 6, &(bg_dense_options){ .without_bias = true }));
    return bg_dense(model, "c", bg_dense_with(model, "b", x, 6, &(bg_dense_options){ .without_bias = true }), 3);
}
START_TEST(test_order_of_parameters)
{
    bg_engine *engine = counted_engine();
    bg_model *model = new_model(counted_engine(), 0);
    bg_tensor *bias = made_candidates(engine, 1, 3), *flat;
    OK(bg_tensor_reshape(&flat, bias, BG_SHAPE(3)));
    OK(bg_model_set(model, "c.bias", flat, true));
    bg_dataset *dataset = made_data(engine, 10, BG_F64);
    bg_population *population;
    OK(bg_population_create(&population, model, dataset,
                            &(bg_population_options){ .network = tied_network, .loss = bg_cross_entropy_loss }));
    ck_assert_str_eq(bg_model_name(model, 0), "c.bias");
    ck_assert_double_eq(value_at(bg_model_tensor(model, 0), 1), value_at(bias, 1));
    int64_t n = bg_population_get_cost(population).dimension;
    ck_assert_int_eq(n, 36 + 18 + 3);
    bg_tensor *candidates = made_candidates(engine, 2, n);
    double losses[2];
    OK(bg_population_evaluate(candidates, losses, population));
    bg_trainer *trainer;
    OK(bg_trainer_create(
        &trainer, model,
        &(bg_trainer_options){ .network = tied_network, .loss = bg_cross_entropy_loss, .optimizer = bg_sgd(0.1, 0) }));
    bg_metrics metrics;
    OK(bg_model_set_vectors(model, (const double *)bg_tensor_const_data(candidates) + n, 1));
    OK(bg_trainer_evaluate(trainer, dataset, &metrics));
    expect_near("the loss", losses[1], metrics.loss, 1e-12);
    bg_trainer_destroy(trainer);
    bg_population_destroy(population);
    bg_tensor_destroy(candidates);
    bg_tensor_destroy(bias);
    bg_tensor_destroy(flat);
    bg_dataset_destroy(dataset);
    bg_model_destroy(model);
}
END_TEST

/* Batches: the candidates of a generation see the same examples, each example is seen once an epoch, and epochs differ;
 * the same seed gives the same again. */
START_TEST(test_batches)
{
    bg_engine *engine = counted_engine();
    bg_model *model = new_model(counted_engine(), 0);
    bg_dataset *dataset = made_data(engine, 12, BG_F64);
    double all[2], losses[3][6][2];
    bg_tensor *candidates = NULL;
    for (int run = 0; run < 4; run++) {
        bg_population *population;
        bg_population_options options = { .network = network,
                                          .loss = bg_cross_entropy_loss,
                                          .user = two_layers,
                                          .batch = run ? 4 : 0,
                                          .seed = run == 3 ? 2 : 1 };
        OK(bg_population_create(&population, model, dataset, &options));
        if (!candidates)
            candidates = made_candidates(engine, 2, bg_model_dimension(model));
        if (run == 0)
            OK(bg_population_evaluate(candidates, all, population));
        for (int g = 0; g < 6 && run; g++)
            OK(bg_population_evaluate(candidates, losses[run - 1][g], population));
        bg_population_destroy(population);
    }
    for (int k = 0; k < 2; k++)
        for (int epoch = 0; epoch < 2; epoch++) {
            double(*of)[2] = losses[0] + 3 * epoch;
            expect_near("the mean of an epoch", (of[0][k] + of[1][k] + of[2][k]) / 3, all[k], 1e-12);
        }
    ck_assert_double_ne(losses[0][0][0], losses[0][3][0]);
    ck_assert_mem_eq(losses[0], losses[1], sizeof losses[0]);
    ck_assert_double_ne(losses[0][0][0], losses[2][0][0]);
    bg_tensor_destroy(candidates);
    bg_dataset_destroy(dataset);
    bg_model_destroy(model);
}
END_TEST

/* The same bits for any number of threads, in f32, of a whole search. */
START_TEST(test_bits)
{
    double expected = 0;
    int64_t members = 0;
    bg_tensor *first = NULL;
    for (int threads = 1; threads <= 4; threads++) {
        bg_engine *engine;
        bg_model *model;
        bg_population *population;
        bg_search *search;
        OK(bg_engine_create(&engine, &(bg_engine_options){ .threads = threads, .seed = 3 }));
        OK(bg_model_create(&model, engine, BG_F32));
        bg_dataset *dataset = made_data(engine, 200, BG_F32);
        char line[] = "dense:32 layer_norm relu dense:3";
        OK(bg_population_create(
            &population, model, dataset,
            &(bg_population_options){ .network = network, .loss = bg_cross_entropy_loss, .user = line }));
        members = first ? members : bg_population_get_cost(population).members;
        ck_assert_int_eq(bg_population_get_cost(population).members, members);
        bg_search_method method = bg_search_sep_cmaes();
        method.sigma = 0.1;
        OK(bg_search_create(&search, engine, &method, bg_model_dimension(model), &(bg_search_options){ .seed = 5 }));
        OK(bg_search_minimize(search, bg_population_evaluate, population, &(bg_search_budget){ .evaluations = 600 }));
        double loss = bg_search_get_progress(search).best_loss;
        if (!first) {
            expected = loss;
            OK(bg_tensor_create(&first, counted_engine(), BG_F64, BG_SHAPE(bg_model_dimension(model))));
            OK(bg_tensor_copy(first, bg_search_best(search)));
            ck_assert_double_lt(loss, log(3));
        }
        ck_assert_double_eq(loss, expected);
        ck_assert_mem_eq(bg_tensor_const_data(first), bg_tensor_const_data(bg_search_best(search)),
                         (size_t)bg_model_dimension(model) * sizeof(double));
        bg_search_destroy(search);
        bg_population_destroy(population);
        bg_dataset_destroy(dataset);
        bg_model_destroy(model);
        bg_engine_destroy(engine);
    }
    bg_tensor_destroy(first);
}
END_TEST

static bg_node *no_parameters(bg_model *model, bg_node *x, void *user)
{
    (void)model, (void)user;
    return bg_narrow(x, 1, 0, 3);
}
static bg_node *nothing(bg_model *model, bg_node *x, void *user)
{
    (void)model, (void)x, (void)user;
    return NULL;
}

START_TEST(test_refused_populations)
{
    bg_engine *engine = counted_engine();
    bg_model *model = new_model(counted_engine(), 0), *members = new_model(counted_engine(), 2);
    bg_dataset *dataset = made_data(engine, 12, BG_F64);
    bg_population *population;
    bg_population_options good = { .network = network, .loss = bg_cross_entropy_loss, .user = two_layers }, o = good;
    FAILS(bg_population_create(NULL, model, dataset, &o), BG_ERR_ARGUMENT, "population is NULL");
    FAILS(bg_population_create(&population, NULL, dataset, &o), BG_ERR_ARGUMENT, "model is NULL");
    FAILS(bg_population_create(&population, model, NULL, &o), BG_ERR_ARGUMENT, "dataset is NULL");
    FAILS(bg_population_create(&population, model, dataset, NULL), BG_ERR_ARGUMENT, "options is NULL");
    FAILS(bg_population_create(&population, members, dataset, &o), BG_ERR_ARGUMENT, "a population already");
    o.loss = NULL;
    FAILS(bg_population_create(&population, model, dataset, &o), BG_ERR_ARGUMENT, "loss is NULL");
    o = good;
    o.batch = 13;
    FAILS(bg_population_create(&population, model, dataset, &o), BG_ERR_ARGUMENT, "batches of 13 examples, of 12");
    o = good;
    o.members = -1;
    FAILS(bg_population_create(&population, model, dataset, &o), BG_ERR_ARGUMENT, "-1 members");
    o = good;
    o.network = no_parameters;
    FAILS(bg_population_create(&population, model, dataset, &o), BG_ERR_ARGUMENT, "no parameters to search for");
    o.network = nothing;
    FAILS(bg_population_create(&population, model, dataset, &o), BG_ERR_ARGUMENT, "network returned no node");
    o = good;
    char line[] = "dense:4 batch_norm dense:3", sequence[] = "unflatten:3x2 lstm:4 last dense:3";
    o.user = line;
    FAILS(bg_population_create(&population, model, dataset, &o), BG_ERR_ARGUMENT,
          "the network keeps running statistics, \"1.running_mean\"");
    ck_assert_ptr_null(population);
    bg_model_destroy(model);
    model = new_model(counted_engine(), 0);
    o.user = sequence;
    o.members = 2;
    FAILS(bg_population_create(&population, model, dataset, &o), BG_ERR_ARGUMENT, "lstm \"1\"");
    bg_model_destroy(model);

    model = new_model(counted_engine(), 0);
    OK(bg_population_create(&population, model, dataset, &good));
    double losses[2];
    bg_tensor *candidates = made_candidates(engine, 2, 5);
    FAILS(bg_population_evaluate(candidates, losses, population), BG_ERR_SHAPE, "candidates f64 [2, 5]");
    FAILS(bg_population_evaluate(NULL, losses, population), BG_ERR_ARGUMENT, "candidates is NULL");
    bg_tensor_destroy(candidates);
    bg_population_destroy(population);
    bg_population_destroy(NULL);
    bg_dataset_destroy(dataset);
    bg_model_destroy(model);
    bg_model_destroy(members);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("population");
    TCase *tests = tcase_create("population");
    tcase_add_checked_fixture(tests, counted_begin, counted_end);
    tcase_add_loop_test(tests, test_evaluation, 0, 9);
    tcase_add_test(tests, test_order_of_parameters);
    tcase_add_test(tests, test_batches);
    tcase_add_test(tests, test_bits);
    tcase_add_test(tests, test_refused_populations);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
