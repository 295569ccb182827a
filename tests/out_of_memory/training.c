/* Models, data sets, optimizers and trainers. */
#include "cycle.h"

/* ---- Models ---- */

static bg_status model(cycle *c) { return bg_model_create(&c->model, c->engine, c->scenario->dtype); }
static bg_status second_model(cycle *c) { return bg_model_create(&c->second_model, c->engine, BG_F32); }

/* A new graph with x [30, 20] and classes y, in tensors 0 and 1. */
static bg_status start_graph(cycle *c)
{
    bg_status status = make_tensor(c, 0, c->scenario->dtype, BG_SHAPE(30, 20));
    if (!status)
        status = make_tensor(c, 1, BG_I64, BG_SHAPE(30));
    if (!status)
        status = bg_graph_create(&c->graph, c->engine);
    if (status)
        return status;
    c->x = bg_input(c->graph, "x", c->scenario->dtype, BG_SHAPE(30, 20));
    c->y = bg_input(c->graph, "y", BG_I64, BG_SHAPE(30));
    return BG_OK;
}
/* The loss of these scores as output, and the optimizer's updates of the model's parameters. */
static bg_status finish_model_graph(cycle *c, bg_node *h, const bg_optimizer *optimizer)
{
    c->outputs[0] = bg_cross_entropy_loss(h, c->y, BG_MEAN);
    c->n_outputs = 1;
    bg_node *rate = bg_scalar(c->graph, c->scenario->dtype, 0.1), *step = bg_scalar(c->graph, c->scenario->dtype, 0);
    bg_status status = bg_graph_status(c->graph);
    if (!status && optimizer)
        status = bg_optimizer_apply(optimizer, c->model, c->outputs[0], rate, step);
    if (status) {
        bg_graph_destroy(c->graph);
        c->graph = NULL;
        return status;
    }
    return finish_graph(c);
}
static bg_status model_graph(cycle *c)
{
    bg_status status = start_graph(c);
    if (status)
        return status;
    bg_node *h = bg_activation("relu", bg_dense(c->model, "one", c->x, 16));
    h = bg_dense_with(c->model, "two", h, 3, &(bg_dense_options){ .without_bias = true });
    bg_node *count = bg_model_buffer(c->model, c->graph, "count", BG_F32, BG_SCALAR, (bg_init){ .kind = BG_INIT_ONES });
    bg_update(count, count ? bg_add_scalar(count, 1) : NULL);
    bg_optimizer sgd = bg_sgd(0.1, 0.9);
    return finish_model_graph(c, h, &sgd);
}
static bg_status layers_graph(cycle *c)
{
    bg_status status = start_graph(c);
    if (status)
        return status;
    bg_node *image = bg_reshape(c->x, BG_SHAPE(30, 4, 5));
    return finish_model_graph(c, bg_layers(c->model, c->scenario->text, image), NULL);
}
/* The second layer is the first, the other way round. */
static bg_status tied_graph(cycle *c)
{
    bg_status status = start_graph(c);
    if (status)
        return status;
    bg_init init = { .kind = BG_INIT_UNIFORM, .bound = 0.3 };
    bg_node *w = bg_model_parameter(c->model, c->graph, "tied", BG_SHAPE(8, 20), init);
    bg_node *again = bg_model_parameter(c->model, c->graph, "tied", BG_SHAPE(8, 20), init);
    bg_optimizer sgd = bg_sgd(0.1, 0);
    return finish_model_graph(c, bg_matmul(bg_tanh(bg_linear(c->x, w, NULL)), again), &sgd);
}
static bg_status nesterov_graph(cycle *c)
{
    bg_status status = start_graph(c);
    bg_optimizer sgd = bg_sgd(0.1, 0.9);
    sgd.nesterov = true;
    sgd.weight_decay = 0.01;
    return status ? status : finish_model_graph(c, bg_layers(c->model, c->scenario->text, c->x), &sgd);
}
/* A rule of the user's with two states a parameter. */
static void two_moments(const bg_optimizer *optimizer, const bg_update_site *site)
{
    bg_node *m = bg_optimizer_state(site, "first"), *v = bg_optimizer_state(site, "second");
    bg_update(m, bg_add(bg_mul_scalar(m, 0.9), bg_mul_scalar(site->gradient, 0.1)));
    bg_update(v, bg_add(bg_mul_scalar(v, 0.99), bg_mul_scalar(bg_square(site->gradient), 0.01)));
    bg_node *size = bg_add_scalar(bg_sqrt(bg_updated(v)), 1e-3);
    bg_node *step = bg_mul(site->learning_rate, bg_div(bg_updated(m), size));
    bg_update(site->parameter, bg_sub(site->parameter, bg_mul_scalar(step, optimizer->learning_rate)));
}
static bg_optimizer own_optimizer(void)
{
    bg_optimizer own = bg_sgd(0.1, 0);
    own.name = "own";
    own.update = two_moments;
    return own;
}
/* Rules with states of several shapes, and everything that can stand before and behind a rule. */
static bg_status full_optimizer_graph(cycle *c)
{
    bg_status status = start_graph(c);
    bg_optimizer optimizer;
    if (!status)
        status = bg_optimizer_find(&optimizer, c->scenario->text);
    if (status)
        return status;
    optimizer.clip_value = 0.5;
    optimizer.clip_norm = 0.1;
    optimizer.checks_finite = true;
    optimizer.groups[0] = (bg_parameter_group){ .pattern = "*.bias", .weight_decay = BG_SOME(0) };
    optimizer.n_groups = 1;
    bg_node *scores = bg_layers(c->model, "dense:7 relu dense:3", c->x);
    bg_node *loss = c->outputs[0] = bg_cross_entropy_loss(scores, c->y, BG_MEAN);
    c->n_outputs = 1;
    bg_dtype dtype = c->scenario->dtype;
    bg_step_inputs inputs = { .learning_rate = bg_scalar(c->graph, dtype, 0.1),
                              .step = bg_scalar(c->graph, dtype, 0),
                              .weight = 30,
                              .accumulated = bg_scalar(c->graph, BG_F64, 0),
                              .average_weight = bg_scalar(c->graph, BG_F64, 0.25) };
    status = bg_graph_status(c->graph);
    if (!status)
        status = bg_optimizer_apply_with(&optimizer, c->model, loss, &inputs, NULL);
    if (status) {
        bg_graph_destroy(c->graph);
        c->graph = NULL;
        return status;
    }
    return finish_graph(c);
}
static bg_status own_optimizer_graph(cycle *c)
{
    bg_status status = start_graph(c);
    bg_optimizer own = own_optimizer();
    return status ? status : finish_model_graph(c, bg_layers(c->model, c->scenario->text, c->x), &own);
}
static bg_status model_copies(cycle *c)
{
    bg_status status = c->second_model ? BG_OK : second_model(c);
    for (size_t i = 0; i < bg_model_count(c->model) && !status; i++)
        status = bg_model_set(c->second_model, bg_model_name(c->model, i), bg_model_tensor(c->model, i),
                              bg_model_is_parameter(c->model, i));
    return status;
}
static bg_status new_values(cycle *c)
{
    bg_status status = make_tensor(c, 2, BG_F32, BG_SHAPE(3, 16));
    return status ? status : bg_model_set(c->model, "two.weight", c->tensors[2], true);
}
static bg_status refused_values(cycle *c)
{
    return expected_to_fail(bg_model_set(c->model, "one.weight", c->tensors[2], true), BG_ERR_SHAPE);
}
static bg_status set_evaluation(cycle *c)
{
    bg_model_set_training(c->model, false);
    return BG_OK;
}

/* ---- Data sets ---- */

/* 25 examples of 12 numbers, their classes, and numbers to hit. */
static bg_status columns(cycle *c)
{
    bg_status status = make_tensor(c, 0, c->scenario->dtype, BG_SHAPE(25, 12));
    if (!status)
        status = make_tensor(c, 1, BG_I64, BG_SHAPE(25));
    return status ? status : make_tensor(c, 2, c->scenario->dtype, BG_SHAPE(25, 3));
}
static bg_status classes_data(cycle *c)
{
    bg_status status = columns(c);
    return status ? status : bg_dataset_create(&c->data[0], c->tensors, 2, 3);
}
static bg_status target_data(cycle *c)
{
    bg_status status = columns(c);
    bg_tensor *const used[2] = { c->tensors[0], c->tensors[2] };
    return status ? status : bg_dataset_create(&c->data[0], used, 2, 0);
}
static bg_status three_columns(cycle *c)
{
    bg_status status = columns(c);
    if (!status && !c->tensors[3])
        status = bg_tensor_permute(&c->tensors[3], c->tensors[2], BG_AXES(0, 1));
    return status
               ? status
               : bg_dataset_create(&c->data[0], (bg_tensor *[]){ c->tensors[0], c->tensors[3], c->tensors[1] }, 3, 0);
}
/* 25 examples that are made when they are read: 12 numbers and a class. */
static bg_status make_examples(void *user, const int64_t *examples, int64_t n, void *const *into)
{
    (void)user;
    for (int64_t i = 0; i < n; i++) {
        for (int64_t j = 0; into[0] && j < 12; j++)
            ((float *)into[0])[i * 12 + j] = (float)((examples[i] * 7 + j * 5) % 11) / 11;
        if (into[1])
            ((int64_t *)into[1])[i] = examples[i] % 3;
    }
    return BG_OK;
}
static bg_status source_data(cycle *c)
{
    const bg_column columns[] = { { BG_F32, { 1, { 12 } } }, { BG_I64, { .rank = 0 } } };
    return bg_dataset_create_from(
        &c->data[0], c->engine,
        &(bg_source){ .size = 25, .columns = columns, .n_columns = 2, .classes = 3, .read = make_examples });
}
static bg_status split_source(cycle *c) { return bg_dataset_split(&c->data[1], &c->data[2], c->data[0], 18, 5); }
static bg_status hash_source(cycle *c)
{
    uint64_t hash;
    bg_status status = bg_dataset_hash(&hash, c->data[1]);
    if (!status)
        c->hash = hash_bytes(c->hash, &hash, sizeof hash);
    return status;
}

static bg_status split_data(cycle *c)
{
    bg_status status = bg_dataset_split(&c->data[1], &c->data[2], c->data[0], 18, 5);
    if (!status)
        take_in(c, c->data[1]);
    return status;
}

static bg_status split_data_by_class(cycle *c)
{
    return bg_dataset_split_stratified(&c->data[1], &c->data[2], c->data[0], 18, 5);
}

static bg_status scale_data(cycle *c)
{
    bg_tensor *shift, *scale;
    bg_status status = bg_dataset_scaling(&shift, &scale, c->data[0], 0, BG_SCALING_STANDARD);
    if (!status)
        status = bg_dataset_scale(&c->data[1], c->data[0], 0, shift, scale);
    bg_tensor_destroy(shift);
    bg_tensor_destroy(scale);
    return status;
}
static bg_status whiten_data(cycle *c)
{
    bg_pca *pca;
    const bg_pca_options options = { .whitening = BG_WHITENING_ZCA, .eps = 0.1 };
    bg_status status = bg_pca_create(&pca, c->data[0], 0, &options);
    if (!status)
        status = bg_dataset_project(&c->data[1], c->data[0], 0, pca->shift, pca->matrix, pca->shift);
    bg_pca_destroy(pca);
    return status;
}
static bg_status slice_data(cycle *c)
{
    bg_status status = c->data[1] ? BG_OK : bg_dataset_slice(&c->data[1], c->data[0], 3, 20);
    return status ? status : bg_dataset_slice(&c->data[2], c->data[0], 20, 25);
}
static bg_status slice_a_part(cycle *c)
{
    bg_status status = bg_dataset_slice(&c->data[3], c->data[1], 4, 11);
    if (!status)
        take_in(c, c->data[3]);
    return status;
}
static bg_status refused_data(cycle *c)
{
    bg_status status = columns(c);
    bg_dataset *none = NULL;
    if (!status && !c->tensors[3])
        status = bg_tensor_create(&c->tensors[3], c->engine, BG_F32, BG_SHAPE(24));
    if (!status)
        status = expected_to_fail(bg_dataset_create(&none, (bg_tensor *[]){ c->tensors[0], c->tensors[3] }, 2, 0),
                                  BG_ERR_SHAPE);
    return status ? status : expected_to_fail(bg_data_builtin(&none, c->engine, "nothing", NULL), BG_ERR_ARGUMENT);
}
static bg_status builtin(cycle *c)
{
    bg_data_options options = { .count = 8, .seed = 3, .dtype = c->scenario->dtype };
    bg_status status = bg_data_builtin(&c->data[0], c->engine, c->scenario->text, &options);
    if (!status)
        take_in(c, c->data[0]);
    return status;
}

/* ---- Trainers ---- */

static bg_node *network(bg_model *m, bg_node *x, void *user) { return bg_layers(m, user, x); }
/* The distance from the second column, each row weighted by the third. */
static bg_node *weighted_step(bg_model *m, bg_node *const *columns, int n, void *user)
{
    (void)n;
    bg_node *errors = bg_mean(bg_l2_loss(bg_layers(m, user, columns[0]), columns[1], BG_NONE), BG_AXES(1));
    return bg_mean(bg_mul(errors, bg_cast(columns[2], bg_model_dtype(m))), BG_ALL_AXES);
}
static char line[] = "dense:9 relu dense:3";

static bg_trainer_options settings(void)
{
    return (bg_trainer_options){ .network = network,
                                 .user = line,
                                 .loss = bg_cross_entropy_loss,
                                 .optimizer = bg_sgd(0.1, 0.9),
                                 .batch = 7,
                                 .epochs = 2 };
}
static bg_status trainer(cycle *c)
{
    bg_trainer_options options = settings();
    return bg_trainer_create(&c->trainer, c->model, &options);
}
static bg_status second_trainer(cycle *c)
{
    bg_trainer_options options = settings();
    options.batch = 5;
    options.optimizer.momentum = 0;
    options.without_shuffle = true;
    return bg_trainer_create(&c->second_trainer, c->model, &options);
}
static bg_status loss_trainer(cycle *c)
{
    bg_trainer_options options = settings();
    options.loss = bg_loss_find(c->scenario->text);
    return bg_trainer_create(&c->trainer, c->model, &options);
}
static bg_status step_trainer(cycle *c)
{
    bg_trainer_options options = settings();
    options.network = NULL;
    options.loss = NULL;
    options.step = weighted_step;
    return bg_trainer_create(&c->trainer, c->model, &options);
}
static bg_status own_optimizer_trainer(cycle *c)
{
    bg_trainer_options options = settings();
    options.optimizer = own_optimizer();
    return bg_trainer_create(&c->trainer, c->model, &options);
}
static bg_status full_trainer(cycle *c)
{
    bg_trainer_options options = settings();
    options.optimizer = bg_adamw(0.01);
    options.optimizer.clip_norm = 1;
    options.schedule = bg_schedule_one_cycle(12);
    options.averaging = (bg_averaging){ .kind = BG_AVERAGE_EMA, .decay = 0.9 };
    options.accumulate = 2;
    options.skips_nonfinite = true;
    return bg_trainer_create(c->second_trainer ? &c->trainer : &c->second_trainer, c->model, &options);
}
static bg_status driver_trainer(cycle *c)
{
    bg_trainer_options options = settings();
    options.batch = 0;
    options.loss = bg_l2_loss;
    bg_status status = bg_optimizer_find(&options.optimizer, c->scenario->text);
    bg_trainer **made = c->second_trainer ? &c->trainer : &c->second_trainer;
    if (!status)
        status = bg_trainer_create(made, c->model, &options);
    const bg_program *program;
    if (!status)
        status = bg_trainer_program(*made, c->data[0], 25, &program);
    if (status) {
        bg_trainer_destroy(*made);
        *made = NULL;
    }
    return status;
}
static bg_status second_fit_all(cycle *c) { return bg_trainer_fit(c->second_trainer, c->data[0], NULL, NULL, NULL); }
/* Of the second trainer to the first, whose model is the same. */
static bg_status save_and_load(cycle *c)
{
    bg_archive *archive;
    bg_status status = bg_archive_create(&archive, c->engine);
    if (!status)
        status = bg_trainer_save(c->second_trainer, archive);
    if (!status)
        status = bg_trainer_load(c->trainer, archive);
    bg_archive_destroy(archive);
    return status;
}
/* A call of an own object, which is gone after it; the graph, which holds the gradient, is made anew at each try. */
static bg_status lbfgs(cycle *c)
{
    bg_lbfgs *l = NULL;
    bg_lbfgs_options options = { .max_iterations = 3, .history = 2 };
    bg_graph_destroy(c->graph);
    c->graph = NULL;
    bg_status status = layers_graph(c);
    if (!status)
        status = bg_lbfgs_create(&l, c->model, c->outputs[0], &options);
    if (!status)
        status = bg_program_bind(bg_lbfgs_program(l), c->x, c->tensors[0]);
    if (!status)
        status = bg_program_bind(bg_lbfgs_program(l), c->y, c->tensors[1]);
    if (!status)
        status = bg_lbfgs_step(l, NULL);
    bg_lbfgs_destroy(l);
    return status;
}
/* Residuals of scores and targets, each of 30 rows its own or, of coupled ones, all of them together: what a step does
 * takes no memory. */
static bg_status levenberg_marquardt(cycle *c)
{
    bool is_coupled = strcmp(c->scenario->text, "coupled") == 0;
    bg_lm *l = NULL;
    bg_archive *archive = NULL;
    bg_graph_destroy(c->graph);
    c->graph = NULL;
    bg_status status = start_graph(c);
    if (status)
        return status;
    bg_node *scores = bg_layers(c->model, "dense:3 tanh dense:3", c->x);
    if (is_coupled)
        scores = bg_sub(scores, bg_mean(scores, BG_AXES(0)));
    bg_node *residuals = bg_add_scalar(scores, 0.5);
    status = bg_graph_status(c->graph);
    if (!status)
        status = bg_lm_create(&l, c->model, residuals, NULL);
    if (!status)
        status = bg_program_bind(bg_lm_program(l), c->x, c->tensors[0]);
    if (!status)
        status = bg_archive_create(&archive, c->engine);
    if (!status)
        status = bg_lm_save(l, archive);
    if (!status)
        status = bg_lm_load(l, archive);
    if (!status)
        status = bg_lm_step(l, NULL);
    bg_archive_destroy(archive);
    bg_lm_destroy(l);
    return status;
}
static bool go_on(bg_trainer *t, const bg_progress *progress, void *user)
{
    (void)t;
    (void)progress;
    (void)user;
    return true;
}
static bool stop(bg_trainer *t, const bg_progress *progress, void *user)
{
    (void)t;
    (void)user;
    return !progress->epoch_is_done;
}
static bg_status fit(cycle *c) { return bg_trainer_fit(c->trainer, c->data[1], c->data[2], go_on, NULL); }
static bg_status fit_all(cycle *c) { return bg_trainer_fit(c->trainer, c->data[0], NULL, NULL, NULL); }
static bg_status second_fit(cycle *c) { return bg_trainer_fit(c->second_trainer, c->data[0], NULL, NULL, NULL); }
static bg_status stopped_fit(cycle *c)
{
    return expected_to_fail(bg_trainer_fit(c->trainer, c->data[1], NULL, stop, NULL), BG_ERR_STOPPED);
}
static bg_status evaluate_part(cycle *c, const bg_dataset *data)
{
    bg_metrics metrics;
    bg_status status = bg_trainer_evaluate(c->trainer, data, &metrics);
    if (!status)
        c->hash = hash_bytes(c->hash, &metrics.loss, sizeof metrics.loss);
    return status;
}
static bg_status evaluate(cycle *c) { return evaluate_part(c, c->data[2]); }
static bg_status evaluate_all(cycle *c) { return evaluate_part(c, c->data[0]); }
/* Batches of 1, 2, .. examples, more than the trainer keeps programs for. */
static bg_status look_at_programs(cycle *c)
{
    bg_status status = BG_OK;
    for (int64_t batch = 1; batch <= 9 && !status; batch++) {
        const bg_program *program = NULL;
        status = bg_trainer_program(c->trainer, c->data[0], batch, &program);
        if (!status)
            status = bg_program_report(program).steps > 0 ? BG_OK : BG_ERR_ARGUMENT;
    }
    return status;
}
/* Scores for fewer classes than there are: the first step fails. */
static bg_status refused_fit(cycle *c)
{
    static char narrow[] = "dense:2";
    bg_trainer_options options = settings();
    options.user = narrow;
    bg_trainer *t = NULL;
    bg_status status = bg_trainer_create(&t, c->model, &options);
    if (!status)
        status = expected_to_fail(bg_trainer_fit(t, c->data[0], NULL, NULL, NULL), BG_ERR_INDEX);
    bg_trainer_destroy(t);
    return status;
}

/* The first step leads so far that the second one is infinite. */
static bg_status anomalous_fit(cycle *c)
{
    bg_trainer_options options = settings();
    bg_trainer *t = NULL;
    options.optimizer = bg_sgd(1e38, 0);
    options.detects_anomalies = true;
    bg_status status = bg_tensor_create(&options.class_weights, c->engine, BG_F32, BG_SHAPE(3));
    for (int i = 0; i < 3 && !status; i++)
        ((float *)bg_tensor_data(options.class_weights))[i] = 1 + (float)i;
    if (!status)
        status = bg_trainer_create(&t, c->model, &options);
    if (!status)
        status = expected_to_fail(bg_trainer_fit(t, c->data[0], NULL, NULL, NULL), BG_ERR_NUMERIC);
    bg_trainer_destroy(t);
    bg_tensor_destroy(options.class_weights);
    return status;
}

/* ---- Attacks ---- */

static bg_node *scores(bg_model *model, bg_node *x, void *user) { return bg_layers(model, (const char *)user, x); }

/* The steps climb in evaluation, from a random point, and see the batch as a whole. */
static bg_status adversarial_trainer(cycle *c)
{
    static bg_adversarial options = {
        .network = network, .user = line, .method = BG_ADVERSARIAL_TRADES, .norm = BG_ATTACK_L2, .eps = 0.1, .steps = 2
    };
    bg_trainer_options trainer = settings();
    trainer.network = bg_adversarial_network;
    trainer.step = bg_adversarial_step;
    trainer.user = &options;
    return bg_trainer_create(&c->trainer, c->model, &trainer);
}

/* Each attack, the last one with results: they are written together or not at all. */
static bg_status attacks(cycle *c)
{
    bg_attacker_options options = { .network = scores, .user = (void *)c->scenario->text, .batch = 30 };
    bg_attacker *attacker = NULL;
    bg_status status = make_tensor(c, 0, c->scenario->dtype, BG_SHAPE(30, 20));
    if (!status)
        status = make_tensor(c, 1, BG_I64, BG_SHAPE(30));
    if (!status)
        status = make_tensor(c, 2, c->scenario->dtype, BG_SHAPE(30, 20));
    if (!status)
        status = make_tensor(c, 3, BG_F64, BG_SHAPE(30));
    if (!status)
        status = bg_attacker_create(&attacker, c->model, &options, BG_SHAPE(20));
    bg_attack_result result = { .adversarial = c->tensors[2], .norms = c->tensors[3] };
    for (size_t i = 0; bg_attack_name(i) && !status; i++) {
        bg_attack attack;
        status = bg_attack_find(&attack, bg_attack_name(i));
        attack.eps = 0.1;
        attack.steps = attack.searches = attack.samples = 2;
        if (!status)
            status = bg_attack_run(attacker, &attack, c->tensors[0], c->tensors[1], NULL,
                                   bg_attack_name(i + 1) ? NULL : &result, NULL);
    }
    bg_attacker_destroy(attacker);
    return status;
}

/* Both certificates, with results that are written together or not at all. */
static bg_status certificates(cycle *c)
{
    bg_certifier_options options = { .network = scores, .user = (void *)c->scenario->text, .batch = 16 };
    bg_certifier *certifier = NULL;
    bg_status status = make_tensor(c, 0, c->scenario->dtype, BG_SHAPE(20, 20));
    if (!status)
        status = make_tensor(c, 1, BG_I64, BG_SHAPE(20));
    if (!status)
        status = make_tensor(c, 2, BG_F64, BG_SHAPE(20));
    if (!status)
        status = make_tensor(c, 3, BG_I64, BG_SHAPE(20));
    if (!status)
        status = bg_certifier_create(&certifier, c->model, &options, BG_SHAPE(20));
    const bg_interval_result intervals = { .margins = c->tensors[2] };
    const bg_smoothing_result smoothed = { .answers = c->tensors[3], .radii = c->tensors[2] };
    if (!status)
        status = bg_certify_interval(certifier, 0.1, c->tensors[0], c->tensors[1], &intervals, NULL);
    if (!status)
        status = bg_certify_smoothing(certifier, &(bg_smoothing){ .selection = 5, .samples = 20 }, c->tensors[0], NULL,
                                      &smoothed, NULL);
    bg_certifier_destroy(certifier);
    return status;
}

const scenario training_scenarios[] = {
    { .name = "model", .stages = { engine_1, model, model_graph, compile, bind_x_and_y, run, model_copies } },
    { .name = "model, built twice",
      .stages = { engine_1, model, model_graph, compile, drop_graph, model_graph, compile, bind_x_and_y, run } },
    { .name = "model's values replaced",
      .stages = { engine_1, model, model_graph, compile, bind_x_and_y, run, new_values, refused_values, run } },
    { .name = "model for evaluation",
      .stages = { engine_1, model, set_evaluation, model_graph, compile, bind_x_and_y, run } },
    { .name = "two models of two types", .stages = { engine_1, model, second_model, model_copies }, .dtype = BG_F64 },
    { .name = "layers in a line",
      .stages = { engine_1, model, layers_graph, compile, bind_x_and_y, run },
      .text = "dense:7 gelu dense:6:nobias tanh dense:5 softplus dense:3" },
    { .name = "tied layers", .stages = { engine_1, model, tied_graph, compile, bind_x_and_y, run, run } },
    { .name = "Nesterov's momentum",
      .stages = { engine_1, model, nesterov_graph, compile, bind_x_and_y, run, run },
      .text = "dense:7 relu dense:3",
      .dtype = BG_F64 },
    { .name = "optimizer of the user",
      .stages = { engine_2, model, own_optimizer_graph, compile, bind_x_and_y, run, run },
      .text = "dense:7 sigmoid dense:3" },
    { .name = "Adam with all around it",
      .stages = { engine_2, model, full_optimizer_graph, compile, bind_x_and_y, run, run },
      .text = "adam" },
    { .name = "NAdam with all around it",
      .stages = { engine_1, model, full_optimizer_graph, compile, bind_x_and_y, run },
      .text = "nadam",
      .dtype = BG_F64 },
    { .name = "Adafactor with all around it",
      .stages = { engine_1, model, full_optimizer_graph, compile, bind_x_and_y, run },
      .text = "adafactor" },
    { .name = "Muon with all around it",
      .stages = { engine_1, model, full_optimizer_graph, compile, bind_x_and_y, run },
      .text = "muon",
      .dtype = BG_F64 },
    { .name = "L-BFGS", .stages = { engine_1, model, lbfgs, lbfgs }, .text = "dense:7 tanh dense:3" },
    { .name = "Levenberg-Marquardt on samples",
      .stages = { engine_1, model, levenberg_marquardt, levenberg_marquardt },
      .text = "samples" },
    { .name = "Levenberg-Marquardt column by column",
      .stages = { engine_2, model, levenberg_marquardt },
      .text = "coupled",
      .dtype = BG_F64 },
    { .name = "attacks", .stages = { engine_2, model, attacks }, .text = "dense:7 tanh dense:5" },
    { .name = "certificates", .stages = { engine_2, model, certificates }, .text = "dense:7 prelu gelu dense:5" },
    { .name = "data set split", .stages = { engine_1, classes_data, split_data } },
    { .name = "data set sliced", .stages = { engine_1, classes_data, slice_data } },
    { .name = "data set split by class", .stages = { engine_1, classes_data, split_data_by_class } },
    { .name = "data set scaled", .stages = { engine_1, classes_data, scale_data } },
    { .name = "data set whitened", .stages = { engine_1, classes_data, whiten_data } },
    { .name = "slice of a split", .stages = { engine_1, three_columns, split_data, slice_a_part }, .dtype = BG_F64 },
    { .name = "data sets refused", .stages = { engine_1, refused_data } },
    { .name = "lecture", .stages = { engine_1, builtin }, .text = "lecture", .dtype = BG_F64 },
    { .name = "digits", .stages = { engine_1, builtin }, .text = "digits" },
    { .name = "strokes", .stages = { engine_1, builtin }, .text = "strokes" },
    { .name = "trainer", .stages = { engine_1, classes_data, split_data, model, trainer, fit, evaluate } },
    { .name = "trainer on two threads",
      .stages = { engine_2, classes_data, slice_data, model, trainer, fit, fit, evaluate } },
    { .name = "trainer of a source",
      .stages = { engine_2, source_data, split_source, hash_source, model, trainer, fit, evaluate } },
    { .name = "source scaled", .stages = { engine_1, source_data, scale_data } },
    { .name = "source whitened", .stages = { engine_1, source_data, whiten_data, hash_source } },
    { .name = "trainer that only evaluates",
      .stages = { engine_1, classes_data, slice_data, model, trainer, evaluate, evaluate_all },
      .dtype = BG_F64 },
    { .name = "adversarial trainer",
      .stages = { engine_1, classes_data, model, adversarial_trainer, fit_all, evaluate_all } },
    { .name = "trainer of a step", .stages = { engine_1, three_columns, model, step_trainer, fit_all, evaluate_all } },
    { .name = "trainer with the user's optimizer",
      .stages = { engine_1, classes_data, model, own_optimizer_trainer, fit_all, evaluate_all } },
    { .name = "trainer of least absolute deviations",
      .stages = { engine_1, target_data, model, loss_trainer, fit_all, evaluate_all },
      .text = "l1",
      .dtype = BG_F64 },
    { .name = "two trainers of a model",
      .stages = { engine_1, classes_data, slice_data, model, trainer, second_trainer, fit, second_fit, fit,
                  evaluate } },
    { .name = "trainer that is stopped",
      .stages = { engine_1, classes_data, slice_data, model, trainer, stopped_fit, stopped_fit, fit, evaluate } },
    { .name = "trainer with all around the optimizer",
      .stages = { engine_1, classes_data, slice_data, model, full_trainer, full_trainer, second_fit, save_and_load,
                  fit_all, evaluate } },
    { .name = "trainer by L-BFGS",
      .stages = { engine_1, target_data, model, driver_trainer, second_fit_all, driver_trainer, save_and_load,
                  fit_all },
      .text = "lbfgs" },
    { .name = "trainer by Levenberg-Marquardt",
      .stages = { engine_1, target_data, model, driver_trainer, second_fit_all, driver_trainer, save_and_load,
                  fit_all },
      .text = "lm" },
    { .name = "programs of many batches",
      .stages = { engine_1, classes_data, model, trainer, look_at_programs, fit_all } },
    { .name = "training that meets what is no number",
      .stages = { engine_1, classes_data, model, anomalous_fit, anomalous_fit } },
    { .name = "training that fails", .stages = { engine_1, classes_data, model, refused_fit, refused_fit } },
};
const int training_scenario_count = sizeof training_scenarios / sizeof *training_scenarios;
