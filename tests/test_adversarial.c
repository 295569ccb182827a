/* Adversarial training against its algorithms written as loops over small programs; what a step leaves in the model;
 * the same bits for any number of threads, and where training goes on. */
#include "support/counted.h"
#include "support/suite.h"
#include "support/values.h"

#include <stdio.h>
#include <string.h>

enum { ROWS = 5, WIDTH = 6, CLASSES = 3, COUNT = ROWS * WIDTH };

static const char *const method_names[] = { "fgsm", "pgd", "trades" };
static const char *const norm_names[] = { "linf", "l2" };

static bg_node *network(bg_model *model, bg_node *x, void *user)
{
    (void)user;
    x = bg_tanh(bg_dense(model, "one", bg_flatten(x), 8));
    return bg_dense(model, "two", x, CLASSES);
}

static bg_node *normalized_network(bg_model *model, bg_node *x, void *user)
{
    (void)user;
    x = bg_relu(bg_model_batch_norm(model, "norm", bg_dense(model, "one", bg_flatten(x), 8), NULL));
    return bg_dense(model, "two", bg_model_dropout(model, "drop", x, 0.3), CLASSES);
}

/* Inputs [n, 2, 3] between 0 and 1, and classes. */
static void make_columns(bg_engine *engine, bg_tensor *columns[2], bg_dtype dtype, int64_t n)
{
    OK(bg_tensor_create(&columns[0], engine, dtype, BG_SHAPE(n, 2, 3)));
    OK(bg_tensor_create(&columns[1], engine, BG_I32, BG_SHAPE(n)));
    for (int64_t i = 0; i < n * WIDTH; i++) {
        double value = 0.5 + 0.5 * sin((double)(i * i) * 0.37);
        if (dtype == BG_F64)
            ((double *)bg_tensor_data(columns[0]))[i] = value;
        else
            ((float *)bg_tensor_data(columns[0]))[i] = (float)value;
    }
    for (int64_t i = 0; i < n; i++)
        ((int32_t *)bg_tensor_data(columns[1]))[i] = (int32_t)(i * 7 % CLASSES);
}

/* ---- One step ---- */

typedef struct {
    bg_model *model;
    bg_tensor *columns[2], *point; /* point: f64 [rows, 2, 3] */
    const bg_adversarial *options;
} problem;

static void open_problem(problem *p, const bg_adversarial *options)
{
    *p = (problem){ .options = options };
    OK(bg_model_create(&p->model, counted_engine(), BG_F64));
    make_columns(counted_engine(), p->columns, BG_F64, ROWS);
    OK(bg_tensor_create(&p->point, counted_engine(), BG_F64, BG_SHAPE(ROWS, 2, 3)));
}

static void close_problem(problem *p)
{
    bg_tensor_destroy(p->point);
    bg_tensor_destroy(p->columns[0]);
    bg_tensor_destroy(p->columns[1]);
    bg_model_destroy(p->model);
}

typedef struct {
    bg_graph *graph;
    bg_node *columns[2], *point;
} sheet;

static sheet open_sheet(const problem *p)
{
    sheet s;
    OK(bg_graph_create(&s.graph, counted_engine()));
    for (int i = 0; i < 2; i++)
        s.columns[i] = bg_input(s.graph, "column", bg_tensor_dtype(p->columns[i]), bg_tensor_shape(p->columns[i]));
    s.point = bg_input(s.graph, "point", BG_F64, bg_tensor_shape(p->point));
    return s;
}

/* Runs it for one output, whose elements go to `values`. */
static void run_sheet(const problem *p, sheet *s, bg_node *output, bool has_updates, double *values)
{
    bg_program *program;
    OK(bg_compile(&program, s->graph, &output, 1, &(bg_compile_options){ .no_updates = !has_updates }));
    for (int i = 0; i < 2; i++)
        OK(bg_program_bind(program, s->columns[i], p->columns[i]));
    OK(bg_program_bind(program, s->point, p->point));
    OK(bg_program_run(program));
    for (int64_t i = 0; i < bg_shape_count(bg_node_shape(output)); i++)
        values[i] = value_at(bg_program_output(program, 0), i);
    bg_program_destroy(program);
    bg_graph_destroy(s->graph);
}

/* The gradient of the first weights, which takes x' as it is: nothing flows back through the way that led there. */
static void gradient_of_weights(const problem *p, sheet *s, bg_node *loss, double gradient[8 * WIDTH])
{
    bg_node *weight = bg_parameter(s->graph, bg_model_find(p->model, "one.weight")), *dw;
    OK(bg_grad(loss, &weight, 1, &dw));
    run_sheet(p, s, dw, false, gradient);
}

static double loss_of_step(const problem *p, bool has_updates)
{
    sheet s = open_sheet(p);
    double loss;
    run_sheet(p, &s, bg_adversarial_step(p->model, s.columns, 2, (void *)p->options), has_updates, &loss);
    return loss;
}

/* ---- The algorithms ---- */

static bg_node *divergence(const problem *p, bg_node *at, bg_node *clean)
{
    bg_node *answers = bg_softmax(network(p->model, clean, NULL), -1);
    return bg_kl_div_loss(bg_log_softmax(network(p->model, at, NULL), -1), answers, BG_SUM);
}

static void gradient_at_point(const problem *p, double *gradient)
{
    sheet s = open_sheet(p);
    bg_node *loss = p->options->method == BG_ADVERSARIAL_TRADES
                        ? divergence(p, s.point, s.columns[0])
                        : bg_cross_entropy_loss(network(p->model, s.point, NULL), s.columns[1], BG_SUM);
    bg_node *dx;
    OK(bg_grad(loss, &s.point, 1, &dx));
    run_sheet(p, &s, dx, false, gradient);
}

static bg_node *loss_at_point(const problem *p, const sheet *s, double beta)
{
    bool is_trades = p->options->method == BG_ADVERSARIAL_TRADES;
    bg_node *loss =
        bg_cross_entropy_loss(network(p->model, is_trades ? s->columns[0] : s->point, NULL), s->columns[1], BG_MEAN);
    return is_trades ? bg_add(loss, bg_mul_scalar(divergence(p, s->point, s->columns[0]), beta / ROWS)) : loss;
}

/* Random numbers of the step, which are those of the first nodes of a graph. */
static void draw(const problem *p, bool is_normal, bg_shape shape, double low, double high, double *values)
{
    sheet s = open_sheet(p);
    bg_node *node;
    if (is_normal) /* behind the radius in L2 */
        (void)(p->options->method == BG_ADVERSARIAL_TRADES ? NULL : bg_uniform(s.graph, BG_F64, BG_SHAPE(1), 0, 1));
    node = is_normal ? bg_normal(s.graph, BG_F64, shape, low, high) : bg_uniform(s.graph, BG_F64, shape, low, high);
    run_sheet(p, &s, node, false, values);
}

static double length_of(const double *x)
{
    double sum = 0;
    for (int k = 0; k < WIDTH; k++)
        sum += x[k] * x[k];
    return sqrt(sum);
}

static void start(const problem *p, double *moved)
{
    double eps = p->options->eps, radii[ROWS];
    bg_shape shape = BG_SHAPE(ROWS, 2, 3);
    if (p->options->method == BG_ADVERSARIAL_TRADES) {
        draw(p, true, shape, 0, 1e-3, moved);
    } else if (p->options->norm == BG_ATTACK_LINF) {
        draw(p, false, shape, -eps, eps, moved);
    } else {
        draw(p, false, BG_SHAPE(ROWS, 1, 1), 0, 1, radii);
        draw(p, true, shape, 0, 1, moved);
        for (int i = 0; i < ROWS; i++) {
            double length = length_of(moved + i * WIDTH);
            for (int k = 0; k < WIDTH; k++)
                moved[i * WIDTH + k] *= eps * pow(radii[i], 1.0 / WIDTH) / length;
        }
    }
}

static double clamp(double x, double low, double high) { return fmin(fmax(x, low), high); }

/* Of one example: into the ball, unless this is the start, and into the box. */
static void project(const problem *p, double *moved, int64_t i, bool is_start)
{
    const bg_adversarial *o = p->options;
    bool is_free = is_start && o->method == BG_ADVERSARIAL_TRADES;
    double length = length_of(moved + i * WIDTH);
    for (int64_t k = i * WIDTH; k < (i + 1) * WIDTH; k++) {
        double clean = value_at(p->columns[0], k);
        if (!is_free && o->norm == BG_ATTACK_LINF)
            moved[k] = clamp(moved[k], -o->eps, o->eps);
        else if (!is_free)
            moved[k] *= fmin(1, o->eps / length);
        if (!is_free && o->lower.is_some)
            moved[k] = clamp(clean + moved[k], o->lower.value, o->upper.value) - clean;
        ((double *)bg_tensor_data(p->point))[k] = clean + moved[k];
    }
}

static void climb(const problem *p, int64_t steps, double size)
{
    double moved[COUNT], gradient[COUNT] = { 0 };
    start(p, moved);
    for (int64_t step = 0; step <= steps; step++) {
        if (step > 0)
            gradient_at_point(p, gradient);
        for (int64_t i = 0; i < ROWS; i++) {
            double length = length_of(gradient + i * WIDTH);
            for (int64_t k = i * WIDTH; k < (i + 1) * WIDTH && step > 0; k++)
                moved[k] += size * (p->options->norm == BG_ATTACK_LINF ? (gradient[k] > 0) - (gradient[k] < 0)
                                                                       : gradient[k] / length);
            project(p, moved, i, step == 0);
        }
    }
}

static const struct {
    bg_adversarial options;
    int64_t steps; /* what they come to */
    double size, beta;
} steps[] = {
    { { .method = BG_ADVERSARIAL_FGSM, .eps = 0.2 }, 1, 0.25, 0 },
    { { .method = BG_ADVERSARIAL_FGSM, .eps = 0.2, .step_size = 0.1 }, 1, 0.1, 0 },
    { { .method = BG_ADVERSARIAL_PGD, .eps = 0.2 }, 7, 2.5 * 0.2 / 7, 0 },
    { { .method = BG_ADVERSARIAL_PGD, .eps = 0.3, .steps = 3, .step_size = 0.2 }, 3, 0.2, 0 },
    { { .method = BG_ADVERSARIAL_TRADES, .eps = 0.2 }, 10, 0.05, 6 },
    { { .method = BG_ADVERSARIAL_TRADES, .eps = 0.2, .steps = 2, .beta = { true, 1.5 } }, 2, 0.25, 1.5 },
};
enum { N_STEPS = sizeof steps / sizeof *steps };

START_TEST(test_algorithms)
{
    bg_adversarial options = steps[_i / 4].options;
    options.norm = _i / 2 % 2 ? BG_ATTACK_L2 : BG_ATTACK_LINF;
    options.network = network;
    options.lower = _i % 2 ? BG_SOME(0.1) : (bg_optional){ 0 };
    options.upper = _i % 2 ? BG_SOME(0.9) : (bg_optional){ 0 };
    problem p;
    open_problem(&p, &options);
    double found = loss_of_step(&p, false);
    climb(&p, steps[_i / 4].steps, steps[_i / 4].size);
    sheet s = open_sheet(&p);
    double expected, gradient[8 * WIDTH], expected_gradient[8 * WIDTH];
    run_sheet(&p, &s, loss_at_point(&p, &s, steps[_i / 4].beta), false, &expected);
    ck_assert_msg(fabs(found - expected) <= 1e-12, "%s %s, row %d: loss %.17g, expected %.17g",
                  method_names[options.method], norm_names[options.norm], _i / 4, found, expected);
    s = open_sheet(&p);
    gradient_of_weights(&p, &s, bg_adversarial_step(p.model, s.columns, 2, &options), gradient);
    s = open_sheet(&p);
    gradient_of_weights(&p, &s, loss_at_point(&p, &s, steps[_i / 4].beta), expected_gradient);
    for (int k = 0; k < 8 * WIDTH; k++)
        ck_assert_msg(fabs(gradient[k] - expected_gradient[k]) <= 1e-12,
                      "%s %s, row %d: gradient %d is %.17g, expected %.17g", method_names[options.method],
                      norm_names[options.norm], _i / 4, k, gradient[k], expected_gradient[k]);
    /* Without a step all of that would be the loss of the inputs themselves. */
    bg_model_set_training(p.model, false);
    ck_assert(fabs(loss_of_step(&p, false) - found) > 1e-3);
    close_problem(&p);
}
END_TEST

/* ---- What a step leaves ---- */

/* Every pass of fgsm and pgd is one of training; trades climbs in evaluation. */
START_TEST(test_passes)
{
    static const double passes[] = { 2, 4, 2 };
    bg_adversarial options = { .network = normalized_network,
                               .method = (bg_adversarial_method)_i,
                               .eps = 0.1,
                               .steps = _i == BG_ADVERSARIAL_FGSM ? 0 : 3 };
    problem p;
    open_problem(&p, &options);
    loss_of_step(&p, true);
    double count = value_at(bg_model_find(p.model, "norm.num_batches_tracked"), 0);
    ck_assert_msg(count == passes[_i], "%s: %g batches counted, expected %g", method_names[_i], count, passes[_i]);
    ck_assert_msg(bg_model_is_training(p.model), "%s: the model is in training as it was", method_names[_i]);
    bg_model_set_training(p.model, false);
    loss_of_step(&p, true);
    ck_assert(value_at(bg_model_find(p.model, "norm.num_batches_tracked"), 0) == count);
    close_problem(&p);
}
END_TEST

/* ---- Training ---- */

typedef struct {
    bg_engine *engine;
    bg_dataset *data;
    bg_model *model;
    bg_trainer *trainer;
    bg_adversarial options;
    int64_t stop_at; /* step; 0: never */
} run;

static void open_run(run *r, int threads, const bg_adversarial *options, bool is_plain)
{
    bg_tensor *columns[2];
    OK(bg_engine_create(&r->engine, &(bg_engine_options){ .threads = threads, .seed = 5 }));
    make_columns(r->engine, columns, BG_F32, 50);
    OK(bg_dataset_create(&r->data, columns, 2, CLASSES));
    bg_tensor_destroy(columns[0]);
    bg_tensor_destroy(columns[1]);
    OK(bg_model_create(&r->model, r->engine, BG_F32));
    r->options = *options;
    bg_trainer_options trainer = { .network = bg_adversarial_network,
                                   .loss = bg_cross_entropy_loss,
                                   .step = is_plain ? NULL : bg_adversarial_step,
                                   .user = &r->options,
                                   .optimizer = bg_sgd(0.1, 0.9),
                                   .batch = 16,
                                   .epochs = 3,
                                   .counts_all_epochs = true,
                                   .accumulate = 2,
                                   .call_every = 1 };
    OK(bg_trainer_create(&r->trainer, r->model, &trainer));
}
static void close_run(run *r)
{
    bg_trainer_destroy(r->trainer);
    bg_model_destroy(r->model);
    bg_dataset_destroy(r->data);
    bg_engine_destroy(r->engine);
}
static bool goes_on(bg_trainer *trainer, const bg_progress *progress, void *user)
{
    (void)trainer;
    return progress->step != ((const run *)user)->stop_at;
}
static uint64_t hash_run(const run *r)
{
    uint64_t hash = 0;
    for (size_t i = 0; i < bg_model_count(r->model); i++)
        hash = hash_tensor(hash, bg_model_tensor(r->model, i));
    return hash;
}

/* A whole run, on other threads from step `stop_at` on if that is not 0. */
static uint64_t train(int threads, int64_t stop_at, const bg_adversarial *options, bool is_plain)
{
    run first = { .stop_at = stop_at }, later = { .stop_at = 0 }, *r = &first;
    open_run(&first, threads, options, is_plain);
    if (stop_at > 0) {
        bg_archive *archive;
        const bg_program *program;
        ck_assert_int_eq(bg_trainer_fit(first.trainer, first.data, NULL, goes_on, &first), BG_ERR_STOPPED);
        OK(bg_archive_create(&archive, first.engine));
        OK(bg_trainer_save(first.trainer, archive));
        open_run(&later, threads + 1, options, is_plain);
        OK(bg_trainer_program(later.trainer, later.data, 16, &program));
        OK(bg_trainer_load(later.trainer, archive));
        bg_archive_destroy(archive);
        close_run(&first);
        r = &later;
    }
    OK(bg_trainer_fit(r->trainer, r->data, NULL, goes_on, r));
    uint64_t hash = hash_run(r);
    close_run(r);
    return hash;
}

START_TEST(test_same_bits)
{
    bg_adversarial options = { .network = normalized_network,
                               .method = (bg_adversarial_method)(_i / 2),
                               .norm = _i % 2 ? BG_ATTACK_L2 : BG_ATTACK_LINF,
                               .eps = 0.1,
                               .lower = BG_SOME(0),
                               .upper = BG_SOME(1) };
    const char *name = method_names[options.method];
    uint64_t expected = train(1, 0, &options, false);
    for (int threads = 2; threads <= 4; threads++)
        ck_assert_msg(train(threads, 0, &options, false) == expected, "%s on %d threads", name, threads);
    for (int64_t stop_at = 1; stop_at < 9; stop_at += 3)
        ck_assert_msg(train(1, stop_at, &options, false) == expected, "%s, going on behind step %d", name,
                      (int)stop_at);
    options.eps = 0.11;
    ck_assert_msg(train(1, 0, &options, false) != expected, "%s: eps counts", name);
}
END_TEST

/* With eps 0 there is nothing to climb: fgsm and pgd train as without an attack, bit for bit. */
START_TEST(test_without_radius)
{
    bg_adversarial options = { .network = normalized_network, .method = (bg_adversarial_method)_i };
    ck_assert(train(1, 0, &options, false) == train(1, 0, &options, true));
}
END_TEST

/* The network evaluates, as it does beside no step. */
START_TEST(test_evaluation)
{
    bg_adversarial options = { .network = normalized_network, .method = BG_ADVERSARIAL_PGD, .eps = 0.2 };
    bg_metrics metrics, scored;
    bg_evaluation *evaluation;
    run r = { .stop_at = 0 };
    open_run(&r, 1, &options, false);
    OK(bg_trainer_fit(r.trainer, r.data, r.data, goes_on, &r));
    OK(bg_trainer_evaluate(r.trainer, r.data, &metrics));
    ck_assert(metrics.has_accuracy && metrics.accuracy > 0 && metrics.examples == 50);
    OK(bg_evaluation_create(&evaluation, r.engine, &(bg_evaluation_options){ .kind = BG_EVALUATION_CLASSES }));
    OK(bg_trainer_score(r.trainer, r.data, evaluation, &scored));
    ck_assert(scored.loss == metrics.loss && scored.accuracy == metrics.accuracy);
    bg_evaluation_destroy(evaluation);
    close_run(&r);
}
END_TEST

/* ---- Mistakes ---- */

static const struct {
    bg_adversarial options;
    const char *message;
} mistakes[] = {
    { { .eps = 0.1 }, "network is NULL" },
    { { .network = network, .eps = -1 }, "fgsm: eps is -1, it must be finite and 0 or more" },
    { { .network = network, .eps = NAN }, "eps is nan" },
    { { .network = network, .eps = INFINITY }, "eps is inf" },
    { { .network = network, .method = (bg_adversarial_method)3 }, "the method is 3, not one of 0 .. 2" },
    { { .network = network, .norm = BG_ATTACK_L1 }, "it has forms for Linf, 0, and L2, 1" },
    { { .network = network, .steps = 2 }, "fgsm: 2 steps, it takes 1" },
    { { .network = network, .method = BG_ADVERSARIAL_PGD, .steps = 101 }, "pgd: 101 steps, it takes 1 to 100" },
    { { .network = network, .method = BG_ADVERSARIAL_PGD, .steps = -1 }, "-1 steps" },
    { { .network = network, .step_size = -0.5 }, "the step size is -0.5" },
    { { .network = network, .beta = { true, 1 } }, "beta is a number of trades" },
    { { .network = network, .method = BG_ADVERSARIAL_TRADES, .beta = { true, -1 } }, "trades: beta is -1" },
    { { .network = network, .lower = { true, 1 }, .upper = { true, 0 } }, "the box is 1 .. 0" },
    { { .network = network, .upper = { true, NAN } }, "the box is -inf .. nan" },
};

START_TEST(test_mistakes)
{
    problem p;
    open_problem(&p, NULL);
    FAILS(bg_adversarial_check(NULL), BG_ERR_ARGUMENT, "adversarial is NULL");
    for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
        sheet s = open_sheet(&p);
        FAILS(bg_adversarial_check(&mistakes[i].options), BG_ERR_ARGUMENT, mistakes[i].message);
        ck_assert_ptr_null(bg_adversarial_step(p.model, s.columns, 2, (void *)&mistakes[i].options));
        FAILS(bg_graph_status(s.graph), BG_ERR_ARGUMENT, mistakes[i].message);
        bg_graph_destroy(s.graph);
    }
    ck_assert_uint_eq(bg_model_count(p.model), 0);
    close_problem(&p);
}
END_TEST

/* Numbers that are none, or have no squares, in the type of the inputs. */
START_TEST(test_types)
{
    static const struct {
        bg_dtype dtype;
        double eps, step_size;
        const char *message; /* NULL: it is right */
    } cases[] = {
        { BG_F32, 1e-50, 0, "eps is 1e-50, outside of 1e-18 .. 1e+18, whose squares f32 can hold" },
        { BG_F32, 1e25, 0, "eps is 1e+25" },
        { BG_F32, 0.1, 1e300, "the step size is 1e+300" },
        { BG_F32, 1e-17, 1e17, NULL },
        { BG_F64, 1e-50, 1e25, NULL },
        { BG_F64, 1e200, 0, "eps is 1e+200, outside of 1e-150 .. 1e+150, whose squares f64 can hold" },
        { BG_F32, 0, 0, NULL },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bg_adversarial options = { .network = network,
                                   .method = BG_ADVERSARIAL_PGD,
                                   .norm = BG_ATTACK_L2,
                                   .eps = cases[i].eps,
                                   .step_size = cases[i].step_size };
        bg_model *model;
        bg_graph *graph;
        OK(bg_model_create(&model, counted_engine(), cases[i].dtype));
        OK(bg_graph_create(&graph, counted_engine()));
        bg_node *columns[] = { bg_input(graph, "x", cases[i].dtype, BG_SHAPE(ROWS, 2, 3)),
                               bg_input(graph, "y", BG_I32, BG_SHAPE(ROWS)) };
        bg_node *loss = bg_adversarial_step(model, columns, 2, &options);
        ck_assert_msg(!loss == (cases[i].message != NULL), "case %zu", i);
        if (cases[i].message)
            FAILS(bg_graph_status(graph), BG_ERR_ARGUMENT, cases[i].message);
        bg_graph_destroy(graph);
        bg_model_destroy(model);
    }
}
END_TEST

START_TEST(test_columns)
{
    bg_adversarial options = { .network = network, .eps = 0.1 };
    static const struct {
        int n, x;
        bg_status status;
        const char *message;
    } cases[] = { { 1, 0, BG_ERR_ARGUMENT, "one column, not inputs and classes" },
                  { 2, 1, BG_ERR_DTYPE, "inputs are i32; only those of f32 and f64 have gradients" } };
    problem p;
    open_problem(&p, &options);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sheet s = open_sheet(&p);
        bg_node *columns[2] = { s.columns[cases[i].x], s.columns[1] };
        ck_assert_ptr_null(bg_adversarial_step(p.model, columns, cases[i].n, &options));
        FAILS(bg_graph_status(s.graph), cases[i].status, cases[i].message);
        bg_graph_destroy(s.graph);
    }
    ck_assert_ptr_null(bg_adversarial_step(p.model, NULL, 2, &options));
    close_problem(&p);
}
END_TEST

START_TEST(test_trainer_options)
{
    bg_adversarial adversarial = { .network = network, .eps = 0.1 };
    problem p;
    open_problem(&p, &adversarial);
    const bg_trainer_options half[] = {
        { .optimizer = bg_sgd(0.1, 0) },
        { .network = network, .optimizer = bg_sgd(0.1, 0) },
        { .step = bg_adversarial_step, .network = network, .optimizer = bg_sgd(0.1, 0) },
        { .step = bg_adversarial_step, .loss = bg_cross_entropy_loss, .optimizer = bg_sgd(0.1, 0) },
    };
    bg_trainer *trainer;
    for (size_t i = 0; i < sizeof half / sizeof *half; i++)
        FAILS(bg_trainer_create(&trainer, p.model, &half[i]), BG_ERR_ARGUMENT,
              "network and loss, or step, or all three");
    bg_trainer_options weighted = { .step = bg_adversarial_step,
                                    .network = bg_adversarial_network,
                                    .loss = bg_cross_entropy_loss,
                                    .user = &adversarial,
                                    .optimizer = bg_sgd(0.1, 0),
                                    .class_weights = p.point };
    FAILS(bg_trainer_create(&trainer, p.model, &weighted), BG_ERR_ARGUMENT, "step makes its own");
    close_problem(&p);
}
END_TEST

static Suite *adversarial_suite(void)
{
    Suite *suite = suite_create("adversarial");
    TCase *tcase = tcase_create("steps");
    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, counted_begin, counted_end);
    tcase_add_loop_test(tcase, test_algorithms, 0, 4 * N_STEPS);
    tcase_add_loop_test(tcase, test_passes, 0, 3);
    tcase_add_test(tcase, test_mistakes);
    tcase_add_test(tcase, test_types);
    tcase_add_test(tcase, test_columns);
    tcase_add_test(tcase, test_trainer_options);
    suite_add_tcase(suite, tcase);
    tcase = tcase_create("training");
    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, test_same_bits, 0, 6);
    tcase_add_loop_test(tcase, test_without_radius, 0, 2);
    tcase_add_test(tcase, test_evaluation);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void) { return run_suite(adversarial_suite()); }
