/* Data sets whose examples are made when they are read: what reads from them, and the thread that reads ahead. */
#define _POSIX_C_SOURCE 200809L
#include "support/child.h"
#include "support/counting.h"
#include "support/sanitized.h"
#include "support/suite.h"
#include "support/values.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { N = 53, HEIGHT = 4, WIDTH = 6, PLACES = HEIGHT * WIDTH, CLASSES = 3 };

/* ---- A source ---- */

/* Images and their classes, and what is known of how they were read. */
typedef struct {
    int64_t size;
    atomic_int calls, readers, meetings, destroyed;
    atomic_llong images, classes; /* examples of each column */
    int64_t fail_at;              /* an example that cannot be read; 0: all can */
    bool is_silent;               /* about failing */
    long nanoseconds;             /* that a call takes */
} maker;

static double pixel(int64_t example, int64_t place) { return (double)((example * 31 + place * place * 17) % 97) / 97; }

static bg_status make_examples(void *user, const int64_t *examples, int64_t n, void *const *columns)
{
    maker *m = user;
    float *images = columns[0];
    int64_t *classes = columns[1];
    if (atomic_fetch_add(&m->readers, 1) > 0)
        atomic_fetch_add(&m->meetings, 1);
    atomic_fetch_add(&m->calls, 1);
    bg_status status = BG_OK;
    if (m->nanoseconds)
        (void)nanosleep(&(struct timespec){ .tv_nsec = m->nanoseconds }, NULL);
    for (int64_t i = 0; i < n && !status; i++) {
        for (int64_t j = 0; images && j < PLACES; j++)
            images[i * PLACES + j] = (float)pixel(examples[i], j);
        if (classes)
            classes[i] = examples[i] % CLASSES;
        if (m->fail_at && examples[i] == m->fail_at)
            status = m->is_silent ? BG_ERR_IO : bg_fail(BG_ERR_IO, "example %lld is lost", (long long)examples[i]);
    }
    atomic_fetch_add(&m->images, images ? n : 0);
    atomic_fetch_add(&m->classes, classes ? n : 0);
    atomic_fetch_sub(&m->readers, 1);
    return status;
}

static void destroy_maker(void *user) { atomic_fetch_add(&((maker *)user)->destroyed, 1); }

static bg_status create(bg_dataset **dataset, bg_engine *engine, maker *m)
{
    const bg_column columns[] = { { BG_F32, { 2, { HEIGHT, WIDTH } } }, { BG_I64, { .rank = 0 } } };
    const bg_source source = { .size = m->size,
                               .columns = columns,
                               .n_columns = 2,
                               .classes = CLASSES,
                               .name = "made",
                               .read = make_examples,
                               .destroy = destroy_maker,
                               .user = m };
    return bg_dataset_create_from(dataset, engine, &source);
}

/* The same examples in memory. */
static bg_dataset *create_twin(bg_engine *engine, int64_t size)
{
    bg_tensor *x, *y;
    bg_dataset *twin;
    OK(bg_tensor_create(&x, engine, BG_F32, BG_SHAPE(size, HEIGHT, WIDTH)));
    OK(bg_tensor_create(&y, engine, BG_I64, BG_SHAPE(size)));
    for (int64_t i = 0; i < size; i++) {
        ((int64_t *)bg_tensor_data(y))[i] = i % CLASSES;
        for (int64_t j = 0; j < PLACES; j++)
            ((float *)bg_tensor_data(x))[i * PLACES + j] = (float)pixel(i, j);
    }
    OK(bg_dataset_create(&twin, (bg_tensor *[]){ x, y }, 2, CLASSES));
    bg_tensor_destroy(x);
    bg_tensor_destroy(y);
    return twin;
}

static counting memory;

static bg_engine *make_engine(int threads)
{
    bg_engine *engine;
    OK(bg_engine_create(
        &engine, &(bg_engine_options){ .threads = threads, .seed = 5, .allocator = counting_allocator(&memory) }));
    return engine;
}

/* The engine, and with it all memory, has to be gone with the last object. */
static void end_engine(bg_engine *engine)
{
    bg_engine_destroy(engine);
    ck_assert_int_eq(atomic_load(&memory.live), 0);
    ck_assert_int_eq(atomic_load(&memory.wrong), 0);
}

/* ---- Reading ---- */

/* Everything that can be asked about two data sets, and their examples one by one. */
static void expect_same(const bg_dataset *a, const bg_dataset *b, const char *name)
{
    int64_t n = bg_dataset_size(a);
    ck_assert_msg(n == bg_dataset_size(b) && bg_dataset_columns(a) == bg_dataset_columns(b), "%s: sizes", name);
    ck_assert_msg(bg_dataset_classes(a) == bg_dataset_classes(b), "%s: classes", name);
    for (int c = 0; c < bg_dataset_columns(a); c++) {
        ck_assert_msg(bg_dataset_dtype(a, c) == bg_dataset_dtype(b, c), "%s: types", name);
        ck_assert_msg(bg_shape_equal(bg_dataset_shape(a, c), bg_dataset_shape(b, c)), "%s: shapes", name);
    }
    for (int64_t i = 0; i < n; i++) {
        float x[2][PLACES];
        int64_t y[2];
        OK(bg_dataset_read(a, &i, 1, (void *[]){ x[0], &y[0] }));
        OK(bg_dataset_read(b, &i, 1, (void *[]){ x[1], &y[1] }));
        ck_assert_msg(memcmp(x[0], x[1], sizeof x[0]) == 0 && y[0] == y[1], "%s: example %lld", name, (long long)i);
    }
    ck_assert_msg(hash_of(a) == hash_of(b), "%s: hashes", name);
}

/* Scales column 0 by what the data set itself shows. */
static bg_dataset *scale(const bg_dataset *dataset, bg_scaling scaling)
{
    bg_tensor *shift, *factor;
    bg_dataset *scaled;
    OK(bg_dataset_scaling(&shift, &factor, dataset, 0, scaling));
    OK(bg_dataset_scale(&scaled, dataset, 0, shift, factor));
    OK(bg_tensor_fill(shift, 7)); /* the values were copied */
    bg_tensor_destroy(shift);
    bg_tensor_destroy(factor);
    return scaled;
}

START_TEST(parts_of_a_source)
{
    bg_engine *engine = make_engine(1);
    maker m = { .size = N };
    bg_dataset *twin = create_twin(engine, N), *made, *parts[2][6] = { { NULL } };
    OK(create(&made, engine, &m));
    expect_same(made, twin, "whole");
    for (int which = 0; which < 2; which++) {
        const bg_dataset *whole = which ? made : twin;
        bg_dataset **p = parts[which];
        OK(bg_dataset_slice(&p[0], whole, 7, 40));
        OK(bg_dataset_split(&p[1], &p[2], whole, 31, 9));
        OK(bg_dataset_split(&p[3], &p[4], p[1], 12, 4));
        p[5] = scale(p[2], BG_SCALING_STANDARD);
    }
    for (int i = 0; i < 6; i++)
        expect_same(
            parts[1][i], parts[0][i],
            (const char *[]){ "slice", "first", "second", "first of first", "second of first", "scaled second" }[i]);
    bg_dataset *both[2] = { scale(parts[0][0], BG_SCALING_MIN_MAX), scale(parts[1][0], BG_SCALING_MIN_MAX) };
    expect_same(both[1], both[0], "scaled slice");
    /* The source goes with the last that reads from it, in whatever order they go. */
    bg_dataset_destroy(made);
    for (int i = 0; i < 6; i++) {
        ck_assert_int_eq(atomic_load(&m.destroyed), 0);
        bg_dataset_destroy(parts[1][i]);
        bg_dataset_destroy(parts[0][i]);
    }
    ck_assert_int_eq(atomic_load(&m.destroyed), 0);
    bg_dataset_destroy(both[1]);
    ck_assert_int_eq(atomic_load(&m.destroyed), 1);
    bg_dataset_destroy(both[0]);
    bg_dataset_destroy(twin);
    end_engine(engine);
}
END_TEST

/* Joined, some parts in memory and some not; examples of all of them at once. */
START_TEST(joined)
{
    bg_engine *engine = make_engine(1);
    maker m = { .size = N };
    bg_dataset *made, *twin = create_twin(engine, N), *parts[2][4], *all[2], *none;
    OK(create(&made, engine, &m));
    OK(bg_dataset_slice(&none, made, 3, 3));
    for (int which = 0; which < 2; which++) {
        const bg_dataset *whole = which ? made : twin;
        OK(bg_dataset_slice(&parts[which][0], whole, 2, 20));
        OK(bg_dataset_slice(&parts[which][1], twin, 0, 9));
        OK(bg_dataset_split(&parts[which][2], &parts[which][3], whole, 30, 1));
        OK(bg_dataset_join(&all[which], parts[which], 4));
    }
    expect_same(all[1], all[0], "joined");
    ck_assert(bg_dataset_column(all[0], 0) && !bg_dataset_column(all[1], 0));
    enum { MOST = 500 };
    static float x[2][MOST][PLACES];
    static int64_t y[2][MOST], examples[MOST];
    for (int i = 0; i < MOST; i++)
        examples[i] = i < 300 ? i % bg_dataset_size(all[0]) : (i * 29) % bg_dataset_size(all[0]);
    for (int which = 0; which < 2; which++)
        OK(bg_dataset_read(all[which], examples, MOST, (void *[]){ x[which], y[which] }));
    ck_assert(memcmp(x[0], x[1], sizeof x[0]) == 0 && memcmp(y[0], y[1], sizeof y[0]) == 0);
    bg_dataset_destroy(all[1]);
    OK(bg_dataset_join(&all[1], (bg_dataset *[]){ none, made, none, none }, 4));
    expect_same(all[1], twin, "joined with nothing");
    bg_dataset_destroy(none);
    bg_dataset_destroy(made);
    for (int which = 0; which < 2; which++)
        for (int i = 0; i < 4; i++)
            bg_dataset_destroy(parts[which][i]);
    ck_assert_int_eq(atomic_load(&m.destroyed), 0);
    bg_dataset_destroy(all[1]);
    ck_assert_int_eq(atomic_load(&m.destroyed), 1);
    bg_dataset_destroy(all[0]);
    bg_dataset_destroy(twin);
    end_engine(engine);
}
END_TEST

START_TEST(reading)
{
    bg_engine *engine = make_engine(1);
    maker m = { .size = N };
    bg_dataset *sets[2];
    OK(create(&sets[0], engine, &m));
    sets[1] = create_twin(engine, N);
    for (int which = 0; which < 2; which++) {
        const int64_t examples[] = { 52, 3, 4, 5, 5, 0 }, outside[] = { 0, N }, negative[] = { -1 };
        float x[6][PLACES];
        int64_t y[6] = { 0 };
        OK(bg_dataset_read(sets[which], examples, 6, (void *[]){ x, y }));
        for (int i = 0; i < 6; i++) {
            ck_assert_int_eq(y[i], examples[i] % CLASSES);
            for (int j = 0; j < PLACES; j++)
                ck_assert(x[i][j] == (float)pixel(examples[i], j));
        }
        x[0][0] = 77;
        OK(bg_dataset_read(sets[which], examples, 6, (void *[]){ NULL, y }));
        ck_assert(x[0][0] == 77);
        OK(bg_dataset_read(sets[which], NULL, 0, (void *[]){ x, y }));
        FAILS(bg_dataset_read(sets[which], outside, 2, (void *[]){ x, y }), BG_ERR_INDEX,
              "there is no example 53; the data set has 53");
        FAILS(bg_dataset_read(sets[which], negative, 1, (void *[]){ x, y }), BG_ERR_INDEX, "no example -1");
        FAILS(bg_dataset_read(sets[which], examples, -1, (void *[]){ x, y }), BG_ERR_ARGUMENT, "-1 examples");
        FAILS(bg_dataset_read(sets[which], NULL, 1, (void *[]){ x, y }), BG_ERR_ARGUMENT, "examples is NULL");
        FAILS(bg_dataset_read(sets[which], examples, 1, NULL), BG_ERR_ARGUMENT, "columns is NULL");
        ck_assert_int_eq(bg_dataset_dtype(sets[which], 2), BG_DTYPE_COUNT);
        ck_assert_int_eq(bg_dataset_shape(sets[which], -1).rank, 0);
    }
    FAILS(bg_dataset_read(NULL, NULL, 0, NULL), BG_ERR_ARGUMENT, "dataset is NULL");
    uint64_t hash;
    FAILS(bg_dataset_hash(NULL, sets[0]), BG_ERR_ARGUMENT, "hash is NULL");
    FAILS(bg_dataset_hash(&hash, NULL), BG_ERR_ARGUMENT, "dataset is NULL");
    ck_assert_ptr_null(bg_dataset_column(sets[0], 0));
    ck_assert_int_eq(atomic_load(&m.classes), 12);
    ck_assert_int_eq(atomic_load(&m.images), 6);
    bg_dataset_destroy(sets[0]);
    bg_dataset_destroy(sets[1]);
    end_engine(engine);
}
END_TEST

START_TEST(refused_sources)
{
    static const bg_column good = { BG_F32, { 1, { 4 } } },
                           deep = { BG_F32, { BG_MAX_RANK, { 1, 1, 1, 1, 1, 1, 1, 1 } } },
                           wide = { BG_F64, { 2, { INT64_C(1) << 40, INT64_C(1) << 18 } } },
                           strange = { (bg_dtype)17, { .rank = 0 } }, negative = { BG_F32, { 1, { -4 } } };
    const struct {
        bg_source source;
        bg_status status;
        const char *message;
    } cases[] = {
        { { .size = 3, .columns = &good, .n_columns = 1 }, BG_ERR_ARGUMENT, "has no read" },
        { { .size = 3, .n_columns = 1, .read = make_examples }, BG_ERR_ARGUMENT, "at least one column" },
        { { .size = 3, .columns = &good, .read = make_examples }, BG_ERR_ARGUMENT, "at least one column" },
        { { .size = -3, .columns = &good, .n_columns = 1, .read = make_examples }, BG_ERR_ARGUMENT, "-3 examples" },
        { { .size = 3, .columns = &good, .n_columns = 1, .classes = -1, .read = make_examples },
          BG_ERR_ARGUMENT,
          "-1 classes" },
        { { .size = 3, .columns = &deep, .n_columns = 1, .read = make_examples },
          BG_ERR_SHAPE,
          "of rank 8 in column 0" },
        { { .size = 64, .columns = &wide, .n_columns = 1, .read = make_examples }, BG_ERR_OVERFLOW, "does not fit" },
        { { .size = 3, .columns = &strange, .n_columns = 1, .read = make_examples }, BG_ERR_DTYPE, "unknown dtype" },
        { { .size = 3, .columns = &negative, .n_columns = 1, .read = make_examples }, BG_ERR_SHAPE, "negative" },
    };
    bg_engine *engine = make_engine(1);
    maker m = { .size = N };
    bg_dataset *made, *second;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bg_source source = cases[i].source;
        source.destroy = destroy_maker;
        source.user = &m;
        made = (bg_dataset *)&m;
        expect_failure(bg_dataset_create_from(&made, engine, &source), cases[i].status, cases[i].message,
                       cases[i].message);
        ck_assert_ptr_null(made);
    }
    FAILS(bg_dataset_create_from(NULL, engine, &cases[0].source), BG_ERR_ARGUMENT, "dataset is NULL");
    FAILS(bg_dataset_create_from(&made, NULL, &cases[0].source), BG_ERR_ARGUMENT, "no engine");
    FAILS(bg_dataset_create_from(&made, engine, NULL), BG_ERR_ARGUMENT, "source is NULL");
    ck_assert_int_eq(atomic_load(&m.destroyed), 0);
    OK(create(&made, engine, &m));
    bg_dataset *first;
    FAILS(bg_dataset_split_stratified(&first, &second, made, 5, 1), BG_ERR_ARGUMENT, "the examples are not in memory");
    FAILS(bg_dataset_slice(&first, made, 5, N + 1), BG_ERR_ARGUMENT, "[5, 54) is not within the 53");
    bg_dataset_destroy(made);
    end_engine(engine);
}
END_TEST

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
    bool without_shuffle, with_test, is_scaled;
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
    tcase_add_test(tests, parts_of_a_source);
    tcase_add_test(tests, joined);
    tcase_add_test(tests, reading);
    tcase_add_test(tests, refused_sources);
    tcase_add_loop_test(tests, same_bits, 0, sizeof cases / sizeof *cases);
    tcase_add_test(tests, counts_of_reads);
    tcase_add_test(tests, stopped_fits);
    tcase_add_loop_test(tests, failing_reads, 0, 2);
    tcase_add_test(tests, memory_that_runs_out);
    tcase_add_test(tests, reads_from_two_threads);
    tcase_add_test(tests, stalls);
    /* The allocator of AddressSanitizer stays locked in the child if another thread of the parent was in it. */
    if (!IS_ADDRESS_SANITIZED)
        tcase_add_test(tests, forks_in_the_callback);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
