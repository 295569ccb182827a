/* Optimizers with steps of their own in a trainer: L-BFGS and Levenberg-Marquardt. */
#include "support/counted.h"
#include "support/suite.h"
#include "support/values.h"

#include <stdio.h>

static const char *const names[] = { "lbfgs", "lm" };
enum { DRIVERS = 2 };

/* ---- A regression ---- */

static bg_dataset *made_data(bg_dtype dtype, int64_t rows)
{
    bg_tensor *columns[2];
    bg_dataset *data;
    OK(bg_tensor_create(&columns[0], counted_engine(), dtype, BG_SHAPE(rows, 2)));
    OK(bg_tensor_create(&columns[1], counted_engine(), dtype, BG_SHAPE(rows, 1)));
    for (int64_t i = 0; i < rows; i++) {
        double a = sin(1.7 * (double)i), b = cos(0.9 * (double)i), y = sin(2 * a) * b + 0.05 * cos(31 * (double)i);
        for (int k = 0; k < 3; k++) {
            double value = k == 0 ? a : k == 1 ? b : y;
            void *to = bg_tensor_data(columns[k / 2]);
            if (dtype == BG_F64)
                ((double *)to)[k == 2 ? i : 2 * i + k] = value;
            else
                ((float *)to)[k == 2 ? i : 2 * i + k] = (float)value;
        }
    }
    OK(bg_dataset_create(&data, columns, 2, 0));
    bg_tensor_destroy(columns[0]);
    bg_tensor_destroy(columns[1]);
    return data;
}

static bg_node *line(bg_model *model, bg_node *x, void *user) { return bg_layers(model, user, x); }

static bg_trainer_options options_of(const char *name, char *layers)
{
    bg_trainer_options options = { .network = line, .user = layers, .loss = bg_l2_loss, .counts_all_epochs = true };
    OK(bg_optimizer_find(&options.optimizer, name));
    return options;
}

static char small[] = "dense:5 tanh dense:1";
/* Which updates more than its parameters. */
static char lively[] = "dense:6 batch_norm tanh dropout:0.1 dense:1";

typedef struct {
    int calls;
    double first, last;
    bool has_converged;
} heard;
static bool listen(bg_trainer *trainer, const bg_progress *progress, void *user)
{
    heard *h = user;
    (void)trainer;
    ck_assert(isfinite(progress->train.loss));
    if (h->calls++ == 0)
        h->first = progress->train.loss;
    h->last = progress->train.loss;
    h->has_converged = progress->has_converged;
    return true;
}

static uint64_t bits_of(const bg_model *model)
{
    uint64_t hash = 1;
    for (size_t i = 0; i < bg_model_count(model); i++) {
        const bg_tensor *tensor = bg_model_tensor(model, i);
        size_t bytes = (size_t)bg_shape_count(bg_tensor_shape(tensor)) * bg_dtype_size(bg_tensor_dtype(tensor));
        hash = hash * 31 + bg_bytes_hash(bg_tensor_const_data(tensor), bytes);
    }
    return hash;
}

/* A fit ends behind the step that converges, and a further one has nothing to do. */
START_TEST(test_fit)
{
    const char *name = names[_i % DRIVERS];
    bg_dataset *data = made_data(_i < DRIVERS ? BG_F64 : BG_F32, 80);
    bg_trainer_options options = options_of(name, small);
    options.epochs = 3000;
    bg_model *model;
    bg_trainer *trainer;
    OK(bg_model_create(&model, counted_engine(), bg_dataset_dtype(data, 0)));
    OK(bg_trainer_create(&trainer, model, &options));
    heard h = { 0 };
    bg_metrics metrics;
    OK(bg_trainer_fit(trainer, data, NULL, listen, &h));
    OK(bg_trainer_evaluate(trainer, data, &metrics));
    ck_assert_msg(h.has_converged && h.calls < 3000, "%s: no end within %d steps", name, h.calls);
    ck_assert_msg(metrics.loss < 0.004, "%s: loss %g", name, metrics.loss);
    printf("%s %s: loss %.3g in %d steps\n", name, bg_dtype_name(bg_model_dtype(model)), metrics.loss, h.calls);
    bg_progress progress = bg_trainer_progress(trainer);
    ck_assert(progress.has_converged && progress.step == h.calls && progress.updates == h.calls);
    ck_assert((progress.damping > 0) == (_i % DRIVERS == 1) && (progress.learning_rate > 0) == (_i % DRIVERS == 0));
    uint64_t bits = bits_of(model);
    OK(bg_trainer_fit(trainer, data, NULL, listen, &h));
    ck_assert(bg_trainer_progress(trainer).step == progress.step && bits_of(model) == bits);
    bg_trainer_destroy(trainer);
    /* A trainer whose epochs are of each fit tries once more. */
    options.counts_all_epochs = false;
    OK(bg_trainer_create(&trainer, model, &options));
    for (int fit = 0; fit < 2; fit++) {
        int64_t before = bg_trainer_progress(trainer).step;
        OK(bg_trainer_fit(trainer, data, NULL, listen, &h));
        ck_assert(bg_trainer_progress(trainer).step > before && bg_trainer_progress(trainer).has_converged);
    }
    bg_trainer_destroy(trainer);
    bg_model_destroy(model);
    bg_dataset_destroy(data);
}
END_TEST

/* 9 steps with and without an end, and another trainer, in between. */
START_TEST(test_goes_on)
{
    const char *name = names[_i % DRIVERS];
    bg_dataset *data = made_data(_i / DRIVERS % 2 ? BG_F32 : BG_F64, 80);
    bg_trainer_options options = options_of(name, _i < 2 * DRIVERS ? small : lively);
    uint64_t bits[2] = { 0 };
    for (int is_cut = 0; is_cut < 2; is_cut++) {
        bg_model *model;
        bg_trainer *trainer, *second;
        const bg_program *program;
        OK(bg_model_create(&model, counted_engine(), bg_dataset_dtype(data, 0)));
        options.epochs = is_cut ? 4 : 9;
        OK(bg_trainer_create(&trainer, model, &options));
        OK(bg_trainer_fit(trainer, data, NULL, NULL, NULL));
        if (is_cut) {
            bg_archive *archive;
            bg_model *other;
            options.epochs = 9;
            OK(bg_archive_create(&archive, counted_engine()));
            OK(bg_trainer_save(trainer, archive));
            OK(bg_model_create(&other, counted_engine(), bg_dataset_dtype(data, 0)));
            OK(bg_trainer_create(&second, other, &options));
            FAILS(bg_trainer_load(second, archive), BG_ERR_ARGUMENT, "");
            OK(bg_trainer_program(second, data, 80, &program));
            OK(bg_trainer_load(second, archive));
            OK(bg_trainer_fit(second, data, NULL, NULL, NULL));
            bg_archive_destroy(archive);
            bg_trainer_destroy(trainer);
            bg_model_destroy(model);
            trainer = second;
            model = other;
        }
        ck_assert_int_eq(bg_trainer_progress(trainer).step, 9);
        bits[is_cut] = bits_of(model);
        bg_trainer_destroy(trainer);
        bg_model_destroy(model);
    }
    ck_assert_msg(bits[0] == bits[1], "%s: other bits after going on", name);
    bg_dataset_destroy(data);
}
END_TEST

/* What a callback writes to the parameters counts as if it had come between two fits. */
static void disturb(bg_model *model)
{
    double *bias = bg_tensor_data(bg_model_find(model, "0.bias"));
    bias[0] += 0.5;
}
static bool disturb_once(bg_trainer *trainer, const bg_progress *progress, void *user)
{
    (void)trainer;
    if (progress->step == 3)
        disturb(user);
    return true;
}
START_TEST(test_callback_writes)
{
    bg_dataset *data = made_data(BG_F64, 80);
    bg_trainer_options options = options_of(names[_i], small);
    uint64_t bits[2];
    for (int is_one = 0; is_one < 2; is_one++) {
        bg_model *model;
        bg_trainer *trainer;
        OK(bg_model_create(&model, counted_engine(), BG_F64));
        options.counts_all_epochs = is_one;
        options.epochs = is_one ? 6 : 3;
        OK(bg_trainer_create(&trainer, model, &options));
        OK(bg_trainer_fit(trainer, data, NULL, is_one ? disturb_once : NULL, model));
        if (!is_one) {
            disturb(model);
            OK(bg_trainer_fit(trainer, data, NULL, NULL, NULL));
        }
        ck_assert_int_eq(bg_trainer_progress(trainer).step, 6);
        bits[is_one] = bits_of(model);
        bg_trainer_destroy(trainer);
        bg_model_destroy(model);
    }
    ck_assert(bits[0] == bits[1]);
    bg_dataset_destroy(data);
}
END_TEST

/* What steps have learned stays for data of another size. */
START_TEST(test_other_data)
{
    bg_dataset *data = made_data(BG_F64, 80), *less = made_data(BG_F64, 50);
    bg_trainer_options options = options_of(names[_i], small);
    options.counts_all_epochs = false;
    options.epochs = 4;
    bg_model *model;
    bg_trainer *trainer;
    OK(bg_model_create(&model, counted_engine(), BG_F64));
    OK(bg_trainer_create(&trainer, model, &options));
    OK(bg_trainer_fit(trainer, data, NULL, NULL, NULL));
    bg_archive *archive;
    for (int64_t steps = 4; steps <= 8; steps += 4) {
        OK(bg_archive_create(&archive, counted_engine()));
        OK(bg_trainer_save(trainer, archive));
        const bg_tensor *counts = bg_archive_find(archive, _i ? "optimizer.lm.counts" : "optimizer.lbfgs.counts");
        ck_assert_int_eq((int64_t)value_at(counts, 0), steps);
        bg_archive_destroy(archive);
        if (steps == 4)
            OK(bg_trainer_fit(trainer, less, NULL, NULL, NULL));
    }
    bg_trainer_destroy(trainer);
    bg_model_destroy(model);
    bg_dataset_destroy(less);
    bg_dataset_destroy(data);
}
END_TEST

/* Running statistics and the counter of dropout advance once a step. */
START_TEST(test_effects)
{
    bg_dataset *data = made_data(BG_F64, 80);
    bg_trainer_options options = options_of(names[_i], lively);
    options.epochs = 7;
    bg_model *model;
    bg_trainer *trainer;
    OK(bg_model_create(&model, counted_engine(), BG_F64));
    OK(bg_trainer_create(&trainer, model, &options));
    heard h = { 0 };
    OK(bg_trainer_fit(trainer, data, NULL, listen, &h));
    ck_assert_int_eq(h.calls, 7);
    ck_assert_msg(h.last < h.first, "%s: from %g to %g", names[_i], h.first, h.last);
    expect_near("batches", value_at(bg_model_find(model, "1.num_batches_tracked"), 0), 7, 0);
    expect_near("steps of random numbers", value_at(bg_model_find(model, "trainer.random_step"), 0), 7, 0);
    ck_assert(value_at(bg_model_find(model, "1.running_var"), 0) != 1);
    bg_trainer_destroy(trainer);
    bg_model_destroy(model);
    bg_dataset_destroy(data);
}
END_TEST

/* A loss that is no number ends the fit before the parameters move. */
START_TEST(test_not_finite)
{
    bg_dataset *data = made_data(BG_F64, 80);
    bg_tensor *inputs = (bg_tensor *)bg_dataset_column(data, 0);
    ((double *)bg_tensor_data(inputs))[3] = NAN;
    bg_trainer_options options = options_of(names[_i], small);
    options.detects_anomalies = true;
    bg_model *model;
    bg_trainer *trainer;
    const bg_program *program;
    OK(bg_model_create(&model, counted_engine(), BG_F64));
    OK(bg_trainer_create(&trainer, model, &options));
    OK(bg_trainer_program(trainer, data, 80, &program));
    uint64_t bits = bits_of(model);
    FAILS(bg_trainer_fit(trainer, data, NULL, NULL, NULL), BG_ERR_NUMERIC,
          _i ? "step 1 (epoch 1): " : "step 1 (epoch 1, learning rate 1): ");
    ck_assert_msg(strstr(bg_last_error(), "the loss is nan; it is in the input \"column 0\" already"), "%s",
                  bg_last_error());
    ck_assert(bits_of(model) == bits && bg_trainer_progress(trainer).step == 0);
    bg_trainer_destroy(trainer);
    bg_model_destroy(model);
    bg_dataset_destroy(data);
}
END_TEST

static bg_node *own_step(bg_model *model, bg_node *const *columns, int n, void *user)
{
    (void)n;
    return bg_l2_loss(line(model, columns[0], user), columns[1], BG_MEAN);
}

START_TEST(test_refused)
{
    const char *name = names[_i];
    bg_model *model;
    bg_trainer *trainer;
    OK(bg_model_create(&model, counted_engine(), BG_F64));
    const bg_trainer_options good = options_of(name, small);
    bg_trainer_options wrong[10];
    const char *parts[10] = { "accumulate",
                              "averaging",
                              "skips_nonfinite",
                              "neither groups nor clipping",
                              "neither groups nor clipping",
                              "neither groups nor clipping",
                              "a schedule",
                              "sums of squares",
                              "sums of squares",
                              _i ? "damping -1" : "history of -1" };
    for (int i = 0; i < 10; i++)
        wrong[i] = good;
    wrong[0].accumulate = 2;
    wrong[1].averaging = (bg_averaging){ .kind = BG_AVERAGE_EMA, .decay = 0.9 };
    wrong[2].skips_nonfinite = true;
    wrong[3].optimizer.clip_norm = 1;
    wrong[4].optimizer.clip_value = 1;
    wrong[5].optimizer.n_groups = 1;
    wrong[6].schedule = bg_schedule_warm_up(3);
    wrong[7].loss = bg_l1_loss;
    wrong[8] = (bg_trainer_options){ .step = own_step, .user = small, .optimizer = good.optimizer };
    wrong[9].optimizer.lbfgs.history = -1;
    wrong[9].optimizer.lm.damping = BG_SOME(-1);
    for (int i = 0; i < 10; i++) {
        if (i >= 6 && i <= 8 && _i == 0) { /* L-BFGS has a learning rate, and takes any loss */
            OK(bg_trainer_create(&trainer, model, &wrong[i]));
            bg_trainer_destroy(trainer);
            continue;
        }
        FAILS(bg_trainer_create(&trainer, model, &wrong[i]), BG_ERR_ARGUMENT, parts[i]);
        ck_assert(strstr(bg_last_error(), name) != NULL);
    }
    bg_dataset *data = made_data(BG_F64, 80);
    bg_trainer_options halves = good;
    halves.batch = 40;
    OK(bg_trainer_create(&trainer, model, &halves));
    FAILS(bg_trainer_fit(trainer, data, NULL, NULL, NULL), BG_ERR_ARGUMENT,
          "takes all 80 examples a step, not a batch of 40");
    bg_trainer_destroy(trainer);

    bg_graph *graph;
    OK(bg_graph_create(&graph, counted_engine()));
    bg_node *one = bg_scalar(graph, BG_F64, 1);
    FAILS(bg_optimizer_apply(&good.optimizer, model, one, one, one), BG_ERR_ARGUMENT, "a trainer takes its steps");
    bg_graph_destroy(graph);
    bg_dataset_destroy(data);
    bg_model_destroy(model);
}
END_TEST

/* A schedule moves the first length that L-BFGS tries; a step of the user's is a loss as any. */
START_TEST(test_schedule_and_step)
{
    bg_dataset *data = made_data(BG_F64, 80);
    uint64_t bits[2];
    for (int has_schedule = 0; has_schedule < 2; has_schedule++) {
        bg_trainer_options options = options_of("lbfgs", small);
        options.network = NULL;
        options.loss = NULL;
        options.step = own_step;
        options.epochs = 3;
        if (has_schedule)
            options.schedule = bg_schedule_step(1, 0.5);
        bg_model *model;
        bg_trainer *trainer;
        OK(bg_model_create(&model, counted_engine(), BG_F64));
        OK(bg_trainer_create(&trainer, model, &options));
        OK(bg_trainer_fit(trainer, data, NULL, NULL, NULL));
        expect_near("rate", bg_trainer_progress(trainer).learning_rate, has_schedule ? 0.25 : 1, 0);
        bits[has_schedule] = bits_of(model);
        bg_trainer_destroy(trainer);
        bg_model_destroy(model);
    }
    ck_assert(bits[0] != bits[1]);
    bg_dataset_destroy(data);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("drivers");
    TCase *tests = tcase_create("drivers");
    tcase_add_checked_fixture(tests, counted_begin, counted_end);
    tcase_add_loop_test(tests, test_fit, 0, 2 * DRIVERS);
    tcase_add_loop_test(tests, test_goes_on, 0, 4 * DRIVERS);
    tcase_add_loop_test(tests, test_callback_writes, 0, DRIVERS);
    tcase_add_loop_test(tests, test_other_data, 0, DRIVERS);
    tcase_add_loop_test(tests, test_effects, 0, DRIVERS);
    tcase_add_loop_test(tests, test_not_finite, 0, DRIVERS);
    tcase_add_loop_test(tests, test_refused, 0, DRIVERS);
    tcase_add_test(tests, test_schedule_and_step);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
