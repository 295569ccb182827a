/* A source that makes its examples when they are read, and the same examples in memory. */
#ifndef BLASGRAD_TESTS_MADE_SOURCE_H
#define BLASGRAD_TESTS_MADE_SOURCE_H

#include "counting.h"
#include "values.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

enum { N = 53, HEIGHT = 4, WIDTH = 6, PLACES = HEIGHT * WIDTH, CLASSES = 3 };

/* Images and their classes, and what is known of how they were read. */
typedef struct {
    int64_t size;
    atomic_int calls, readers, meetings, destroyed;
    pthread_t home;               /* the thread that made the data set */
    atomic_int ahead;             /* calls of other threads */
    atomic_llong images, classes; /* examples of each column */
    int64_t fail_at;              /* an example that cannot be read; 0: all can */
    bool is_silent;               /* about failing */
    long nanoseconds;             /* that a call takes */
} maker;

static inline double pixel(int64_t example, int64_t place)
{
    return (double)((example * 31 + place * place * 17) % 97) / 97;
}

static inline bg_status make_examples(void *user, const int64_t *examples, int64_t n, void *const *columns)
{
    maker *m = user;
    float *images = columns[0];
    int64_t *classes = columns[1];
    if (atomic_fetch_add(&m->readers, 1) > 0)
        atomic_fetch_add(&m->meetings, 1);
    atomic_fetch_add(&m->calls, 1);
    atomic_fetch_add(&m->ahead, !pthread_equal(pthread_self(), m->home));
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

static inline void destroy_maker(void *user) { atomic_fetch_add(&((maker *)user)->destroyed, 1); }

static inline bg_status create(bg_dataset **dataset, bg_engine *engine, maker *m)
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
    m->home = pthread_self();
    return bg_dataset_create_from(dataset, engine, &source);
}

/* The same examples in memory. */
static inline bg_dataset *create_twin(bg_engine *engine, int64_t size)
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

static counting memory; /* of all engines */

static inline bg_engine *make_engine(int threads)
{
    bg_engine *engine;
    OK(bg_engine_create(
        &engine, &(bg_engine_options){ .threads = threads, .seed = 5, .allocator = counting_allocator(&memory) }));
    return engine;
}

/* The engine, and with it all memory, has to be gone with the last object. */
static inline void end_engine(bg_engine *engine)
{
    bg_engine_destroy(engine);
    ck_assert_int_eq(atomic_load(&memory.live), 0);
    ck_assert_int_eq(atomic_load(&memory.wrong), 0);
}

/* Scales column 0 by what the data set itself shows. */
static inline bg_dataset *scale(const bg_dataset *dataset, bg_scaling scaling)
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

/* Projects column 0 by a whitening of what the data set itself shows. */
static inline bg_dataset *whiten(const bg_dataset *dataset, const bg_pca_options *options)
{
    bg_pca *pca;
    bg_dataset *whitened;
    OK(bg_pca_create(&pca, dataset, 0, options));
    OK(bg_dataset_project(&whitened, dataset, 0, pca->shift, pca->matrix, NULL));
    OK(bg_tensor_fill(pca->matrix, 7)); /* the values were copied */
    bg_pca_destroy(pca);
    return whitened;
}

#endif
