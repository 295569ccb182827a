/* Data sets whose examples are made when they are read: training on them, and the thread that reads ahead. */
#define _POSIX_C_SOURCE 200809L
#include "support/child.h"
#include "support/made_source.h"
#include "support/sanitized.h"
#include "support/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- Training ---- */

static bg_node *network(bg_model *m, bg_node *x, void *user)
{
    (void)user;
    x = bg_reshape(x, BG_SHAPE(-1, PLACES));
    return bg_dense(m, "out", bg_model_dropout(m, "drop", bg_tanh(bg_dense(m, "in", x, 9)), 0.2), CLASSES);
}

typedef struct {
    const char *name;
    int64_t batch, epochs, accumulate;
    bool without_shuffle, with_test, is_scaled, is_whitened;
    bg_augmentation augmentation;
} training_case;

static const training_case cases[] = {
    { .name = "shuffled", .batch = 8, .epochs = 3 },
    { .name = "in order", .batch = 8, .epochs = 2, .without_shuffle = true },
    { .name = "no rest", .batch = 10, .epochs = 2, .with_test = true },
    { .name = "with a test", .batch = 7, .epochs = 3, .with_test = true },
    { .name = "scaled", .batch = 16, .epochs = 2, .with_test = true, .is_scaled = true },
    { .name = "accumulated", .batch = 5, .epochs = 3, .accumulate = 3 },
    { .name = "augmented", .batch = 8, .epochs = 3, .augmentation = { .flips = true, .shift = 1, .noise = 0.1 } },
    { .name = "whole", .batch = 1000, .epochs = 4 },
    { .name = "whole, augmented", .batch = 1000, .epochs = 4, .augmentation = { .noise = 0.1 } },
    { .name = "one by one", .batch = 1, .epochs = 1 },
    { .name = "whitened", .batch = 16, .epochs = 2, .with_test = true, .is_whitened = true },
};

static bg_trainer *make_trainer(bg_model **model, bg_engine *engine, const training_case *c)
{
    bg_trainer *trainer;
    bg_trainer_options options = { .network = network,
                                   .loss = bg_cross_entropy_loss,
                                   .optimizer = bg_sgd(0.1, 0.9),
                                   .batch = c->batch,
                                   .epochs = c->epochs,
                                   .accumulate = c->accumulate,
                                   .without_shuffle = c->without_shuffle,
                                   .augmentation = c->augmentation,
                                   .call_every = 1 };
    OK(bg_model_create(model, engine, BG_F32));
    OK(bg_trainer_create(&trainer, *model, &options));
    return trainer;
}

static bool add_losses(bg_trainer *trainer, const bg_progress *progress, void *user)
{
    (void)trainer;
    uint64_t *hash = user;
    *hash = hash_bytes(*hash, &progress->train.loss, sizeof progress->train.loss);
    if (progress->has_test)
        *hash = hash_bytes(*hash, &progress->test.loss, sizeof progress->test.loss);
    return true;
}

/* The hash of all losses, parameters and moments of a training. */
static uint64_t train(const training_case *c, int threads, maker *m)
{
    bg_engine *engine = make_engine(threads);
    bg_dataset *data, *test = NULL;
    bg_model *model;
    uint64_t hash = 0;
    if (m)
        OK(create(&data, engine, m));
    else
        data = create_twin(engine, N);
    if (c->with_test) {
        bg_dataset *whole = data;
        OK(bg_dataset_split(&data, &test, whole, 40, 2));
        bg_dataset_destroy(whole);
    }
    if (c->is_scaled) {
        bg_dataset *whole = data;
        data = scale(whole, BG_SCALING_STANDARD);
        bg_dataset_destroy(whole);
    }
    if (c->is_whitened) {
        bg_dataset *whole = data;
        data = whiten(whole, &(bg_pca_options){ .whitening = BG_WHITENING_ZCA, .eps = 0.01 });
        bg_dataset_destroy(whole);
    }
    bg_trainer *trainer = make_trainer(&model, engine, c);
    OK(bg_trainer_fit(trainer, data, test, add_losses, &hash));
    bg_metrics metrics;
    OK(bg_trainer_evaluate(trainer, data, &metrics));
    hash = hash_bytes(hash_bytes(hash, &metrics.loss, sizeof metrics.loss), &metrics.accuracy, sizeof metrics.accuracy);
    for (size_t i = 0; i < bg_model_count(model); i++)
        hash = hash_tensor(hash, bg_model_tensor(model, i));
    bg_trainer_destroy(trainer);
    bg_model_destroy(model);
    bg_dataset_destroy(test);
    bg_dataset_destroy(data);
    end_engine(engine);
    return hash;
}

START_TEST(same_bits)
{
    const training_case *c = &cases[_i];
    uint64_t expected = train(c, 1, NULL);
    for (int threads = 1; threads <= 4; threads++) {
        maker m = { .size = N };
        ck_assert_msg(train(c, threads, &m) == expected, "%s: on %d threads the source has other results", c->name,
                      threads);
        ck_assert_int_eq(atomic_load(&m.destroyed), 1);
        ck_assert_msg(atomic_load(&m.meetings) == 0, "%s: two threads read at once", c->name);
    }
}
END_TEST

/* Each epoch reads each example once, batch by batch, and the evaluation each once more. */
START_TEST(counts_of_reads)
{
    maker m = { .size = N };
    (void)train(&cases[1], 2, &m);
    ck_assert_int_eq(atomic_load(&m.images), 3 * N);
    ck_assert_int_eq(atomic_load(&m.calls), 2 * 7 + 1);
    /* A batch that is the whole data set is read once. */
    m = (maker){ .size = N };
    (void)train(&cases[7], 2, &m);
    ck_assert_int_eq(atomic_load(&m.calls), 1 + 1);
    m = (maker){ .size = N };
    (void)train(&cases[8], 2, &m);
    ck_assert_int_eq(atomic_load(&m.calls), 4 + 1);
}
END_TEST

static bool stop_at(bg_trainer *trainer, const bg_progress *progress, void *user)
{
    (void)trainer;
    return progress->step < *(const int64_t *)user;
}

/* A fit that is stopped has read one batch more at most, and the next one goes on to the same end. */
START_TEST(stopped_fits)
{
    const training_case *c = &cases[0];
    bg_engine *engine = make_engine(2);
    maker m = { .size = N };
    bg_dataset *data;
    bg_model *model;
    OK(create(&data, engine, &m));
    bg_trainer *trainer = make_trainer(&model, engine, c);
    int64_t steps = 10;
    FAILS(bg_trainer_fit(trainer, data, NULL, stop_at, &steps), BG_ERR_STOPPED, "after step 10");
    ck_assert_int_ge(atomic_load(&m.calls), 10);
    ck_assert_int_le(atomic_load(&m.calls), 11);
    bg_trainer_destroy(trainer);
    bg_model_destroy(model);
    bg_dataset_destroy(data);
    end_engine(engine);
}
END_TEST

/* ---- What goes wrong ---- */

/* In order, batches of 8: example 29 is in the fourth. */
START_TEST(failing_reads)
{
    const training_case *c = &cases[1];
    bg_engine *engine = make_engine(2);
    maker m = { .size = N, .fail_at = 29, .is_silent = _i == 1 };
    bg_dataset *data, *first;
    bg_model *model;
    bg_metrics metrics;
    OK(create(&data, engine, &m));
    const char *message =
        m.is_silent ? "data set \"made\": its source's read returned BG_ERR_IO" : "example 29 is lost";
    bg_trainer *trainer = make_trainer(&model, engine, c);
    (void)bg_fail(BG_ERR_ARGUMENT, "an older message");
    FAILS(bg_trainer_fit(trainer, data, NULL, NULL, NULL), BG_ERR_IO, message);
    ck_assert_int_eq(bg_trainer_progress(trainer).step, 3);
    FAILS(bg_trainer_evaluate(trainer, data, &metrics), BG_ERR_IO, message);
    uint64_t hash;
    bg_tensor *shift, *factor;
    FAILS(bg_dataset_hash(&hash, data), BG_ERR_IO, message);
    FAILS(bg_dataset_scaling(&shift, &factor, data, 0, BG_SCALING_MIN_MAX), BG_ERR_IO, message);
    ck_assert(!shift && !factor);
    /* What does not need it goes on, and with it the trainer. */
    OK(bg_dataset_slice(&first, data, 0, 29));
    OK(bg_trainer_evaluate(trainer, first, &metrics));
    m.fail_at = 0;
    OK(bg_trainer_fit(trainer, data, NULL, NULL, NULL));
    ck_assert_int_eq(bg_trainer_progress(trainer).step, 14);
    bg_dataset_destroy(first);
    bg_trainer_destroy(trainer);
    bg_model_destroy(model);
    bg_dataset_destroy(data);
    end_engine(engine);
}
END_TEST

/* Each allocation of a fit fails once: its own, those of its programs, and those of the thread's batches. */
START_TEST(memory_that_runs_out)
{
    const training_case *c = &cases[4];
    bg_status status = BG_ERR_NOMEM;
    long failures = 0;
    for (long n = 1; status != BG_OK; n++) {
        bg_engine *engine = make_engine(2);
        maker m = { .size = N };
        bg_dataset *data = NULL, *train_part = NULL, *test = NULL;
        bg_model *model = NULL;
        bg_trainer *trainer = make_trainer(&model, engine, c);
        memory.fail_at = atomic_load(&memory.calls) + n;
        status = create(&data, engine, &m);
        if (status == BG_OK)
            status = bg_dataset_split(&train_part, &test, data, 40, 2);
        if (status == BG_OK)
            status = bg_trainer_fit(trainer, train_part, test, NULL, NULL);
        ck_assert_msg(status == BG_OK || status == BG_ERR_NOMEM, "allocation %ld: %s", n, bg_last_error());
        memory.fail_at = 0;
        failures += status != BG_OK;
        ck_assert_int_eq(atomic_load(&m.destroyed), 0);
        bg_trainer_destroy(trainer);
        bg_model_destroy(model);
        bg_dataset_destroy(data);
        bg_dataset_destroy(train_part);
        bg_dataset_destroy(test);
        ck_assert_int_eq(atomic_load(&m.destroyed), data != NULL);
        end_engine(engine);
    }
    ck_assert_int_gt(failures, 100);
}
END_TEST

/* ---- Evaluation ---- */

enum { LONG = 700 }; /* three batches of an evaluation, the last one smaller */

static bg_metrics evaluate(maker *m, int64_t size, bg_status expected, const char *message)
{
    bg_engine *engine = make_engine(2);
    bg_dataset *data;
    bg_model *model;
    bg_metrics metrics = { .loss = 0 };
    if (m) {
        m->size = size;
        OK(create(&data, engine, m));
    } else {
        data = create_twin(engine, size);
    }
    bg_trainer *trainer = make_trainer(&model, engine, &cases[0]);
    if (message)
        FAILS(bg_trainer_evaluate(trainer, data, &metrics), expected, message);
    else
        OK(bg_trainer_evaluate(trainer, data, &metrics));
    bg_trainer_destroy(trainer);
    bg_model_destroy(model);
    bg_dataset_destroy(data);
    end_engine(engine);
    return metrics;
}

/* While a batch is evaluated a thread reads the next one, of one pass in order; the results are those of memory. */
START_TEST(evaluations)
{
    static const struct {
        int64_t size, calls;
    } passes[] = { { LONG, 3 }, { 512, 2 }, { 257, 2 }, { 256, 1 }, { 1, 1 } };
    for (size_t i = 0; i < sizeof passes / sizeof *passes; i++) {
        maker m = { .size = 0 };
        int64_t calls = passes[i].calls;
        bg_metrics found = evaluate(&m, passes[i].size, BG_OK, NULL);
        bg_metrics expected = evaluate(NULL, passes[i].size, BG_OK, NULL);
        ck_assert_mem_eq(&found.loss, &expected.loss, sizeof found.loss);
        ck_assert_mem_eq(&found.accuracy, &expected.accuracy, sizeof found.accuracy);
        ck_assert_int_eq(atomic_load(&m.images), passes[i].size);
        ck_assert_int_eq(atomic_load(&m.calls), calls);
        ck_assert_int_eq(atomic_load(&m.ahead), calls > 1 ? calls : 0);
    }
}
END_TEST

START_TEST(failing_evaluations)
{
    static const int64_t lost[] = { 3, 300, LONG - 1 };
    for (size_t i = 0; i < sizeof lost / sizeof *lost; i++) {
        char message[64];
        snprintf(message, sizeof message, "example %lld is lost", (long long)lost[i]);
        (void)evaluate(&(maker){ .fail_at = lost[i] }, LONG, BG_ERR_IO, message);
    }
    bg_engine *engine = make_engine(2);
    maker m = { .size = LONG };
    bg_dataset *data;
    bg_model *model;
    bg_metrics metrics;
    OK(create(&data, engine, &m));
    bg_trainer *trainer = make_trainer(&model, engine, &cases[0]);
    long failures = 0;
    bg_status status = BG_ERR_NOMEM;
    for (long n = 1; status != BG_OK; n++, failures++) {
        memory.fail_at = atomic_load(&memory.calls) + n;
        status = bg_trainer_evaluate(trainer, data, &metrics);
        ck_assert_msg(status == BG_OK || status == BG_ERR_NOMEM, "allocation %ld: %s", n, bg_last_error());
        memory.fail_at = 0;
    }
    ck_assert_int_gt(failures, 20);
    bg_trainer_destroy(trainer);
    bg_model_destroy(model);
    bg_dataset_destroy(data);
    end_engine(engine);
}
END_TEST

/* ---- Threads ---- */

static bool evaluate_too(bg_trainer *trainer, const bg_progress *progress, void *user)
{
    bg_metrics metrics;
    (void)progress;
    return bg_trainer_evaluate(trainer, user, &metrics) == BG_OK;
}

/* While the thread reads ahead the callback reads too, of another part of the same source: one after the other. */
START_TEST(reads_from_two_threads)
{
    bg_engine *engine = make_engine(2);
    maker m = { .size = N, .nanoseconds = 200000 };
    bg_dataset *data, *parts[2];
    bg_model *model;
    OK(create(&data, engine, &m));
    OK(bg_dataset_split(&parts[0], &parts[1], data, 40, 2));
    bg_trainer *trainer = make_trainer(&model, engine, &cases[0]);
    OK(bg_trainer_fit(trainer, parts[0], NULL, evaluate_too, parts[1]));
    ck_assert_int_eq(atomic_load(&m.meetings), 0);
    bg_trainer_destroy(trainer);
    bg_model_destroy(model);
    for (int i = 0; i < 2; i++)
        bg_dataset_destroy(parts[i]);
    bg_dataset_destroy(data);
    end_engine(engine);
}
END_TEST

typedef struct {
    double stall, seconds;
    long nanoseconds; /* that the callback takes, in each step */
} stall_report;

static bool note_stall(bg_trainer *trainer, const bg_progress *progress, void *user)
{
    (void)trainer;
    stall_report *r = user;
    r->stall = progress->stall_seconds;
    r->seconds = progress->seconds;
    if (r->nanoseconds)
        (void)nanosleep(&(struct timespec){ .tv_nsec = r->nanoseconds }, NULL);
    return true;
}

static stall_report fit_with_stall(long read, long callback)
{
    stall_report r = { .nanoseconds = callback };
    bg_engine *engine = make_engine(1);
    maker m = { .size = N, .nanoseconds = read };
    bg_dataset *data;
    bg_model *model;
    OK(create(&data, engine, &m));
    bg_trainer *trainer = make_trainer(&model, engine, &(training_case){ .batch = 4, .epochs = 1 });
    OK(bg_trainer_fit(trainer, data, NULL, note_stall, &r));
    bg_trainer_destroy(trainer);
    bg_model_destroy(model);
    bg_dataset_destroy(data);
    end_engine(engine);
    return r;
}

/* Steps that are over at once wait for each of 14 batches; those behind a slow callback find theirs there. */
START_TEST(stalls)
{
    stall_report waits = fit_with_stall(5000000, 0), finds = fit_with_stall(5000000, 20000000);
    ck_assert_msg(waits.stall >= 14 * 0.004 && waits.stall <= waits.seconds, "it waited for %g of %g s", waits.stall,
                  waits.seconds);
    ck_assert_msg(finds.stall < waits.stall / 2, "reading ahead still waited for %g s, %g without", finds.stall,
                  waits.stall);
}
END_TEST

/* A child that is made in the callback has no thread that reads ahead. */
static bool fork_once(bg_trainer *trainer, const bg_progress *progress, void *user)
{
    (void)trainer;
    pid_t *child = user;
    if (progress->step == 5) {
        *child = fork();
        if (*child == 0)
            end_with_parent();
    }
    return true;
}

START_TEST(forks_in_the_callback)
{
    bg_engine *engine = make_engine(2);
    maker m = { .size = N, .nanoseconds = 1000000 };
    bg_dataset *data;
    bg_model *model;
    OK(create(&data, engine, &m));
    bg_trainer *trainer = make_trainer(&model, engine, &cases[0]);
    pid_t child = -1;
    bg_status status = bg_trainer_fit(trainer, data, NULL, fork_once, &child);
    if (child == 0) {
        int64_t example = 0, class;
        bool is_refused =
            status == BG_ERR_FORKED && bg_dataset_read(data, &example, 1, (void *[]){ NULL, &class }) == BG_ERR_FORKED;
        bg_trainer_destroy(trainer);
        bg_model_destroy(model);
        bg_dataset_destroy(data);
        bg_engine_destroy(engine);
        _exit(!is_refused || atomic_load(&memory.live) != 0);
    }
    OK(status);
    ck_assert_int_gt(child, 0);
    int end = -1;
    ck_assert_int_eq(waitpid(child, &end, 0), child);
    ck_assert_int_eq(end, 0);
    bg_trainer_destroy(trainer);
    bg_model_destroy(model);
    bg_dataset_destroy(data);
    end_engine(engine);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("threads_sources");
    TCase *tests = tcase_create("sources");
    tcase_add_loop_test(tests, same_bits, 0, sizeof cases / sizeof *cases);
    tcase_add_test(tests, counts_of_reads);
    tcase_add_test(tests, stopped_fits);
    tcase_add_loop_test(tests, failing_reads, 0, 2);
    tcase_add_test(tests, memory_that_runs_out);
    tcase_add_test(tests, evaluations);
    tcase_add_test(tests, failing_evaluations);
    tcase_add_test(tests, reads_from_two_threads);
    tcase_add_test(tests, stalls);
    /* The allocator of AddressSanitizer stays locked in the child if another thread of the parent was in it, and
     * ThreadSanitizer lets no child start threads, as OpenBLAS does when the last engine gives it back. */
    if (!IS_ADDRESS_SANITIZED && !IS_THREAD_SANITIZED)
        tcase_add_test(tests, forks_in_the_callback);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
