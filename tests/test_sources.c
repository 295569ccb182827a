/* Data sets whose examples are made when they are read: what is read from them and from their parts. */
#define _POSIX_C_SOURCE 200809L
#include "support/made_source.h"
#include "support/suite.h"

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

START_TEST(parts_of_a_source)
{
    bg_engine *engine = make_engine(1);
    maker m = { .size = N };
    bg_dataset *twin = create_twin(engine, N), *made, *parts[2][7] = { { NULL } };
    OK(create(&made, engine, &m));
    expect_same(made, twin, "whole");
    for (int which = 0; which < 2; which++) {
        const bg_dataset *whole = which ? made : twin;
        bg_dataset **p = parts[which];
        OK(bg_dataset_slice(&p[0], whole, 7, 40));
        OK(bg_dataset_split(&p[1], &p[2], whole, 31, 9));
        OK(bg_dataset_split(&p[3], &p[4], p[1], 12, 4));
        p[5] = scale(p[2], BG_SCALING_STANDARD);
        p[6] = whiten(p[3], &(bg_pca_options){ .whitening = BG_WHITENING_ZCA, .eps = 0.01 });
    }
    static const char *const names[] = { "slice",           "first",         "second",        "first of first",
                                         "second of first", "scaled second", "whitened first" };
    for (int i = 0; i < 7; i++)
        expect_same(parts[1][i], parts[0][i], names[i]);
    bg_dataset *both[2] = { scale(parts[0][0], BG_SCALING_MIN_MAX), scale(parts[1][0], BG_SCALING_MIN_MAX) };
    expect_same(both[1], both[0], "scaled slice");
    /* The source goes with the last that reads from it, in whatever order they go. */
    bg_dataset_destroy(made);
    for (int i = 0; i < 7; i++) {
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

/* By classes, also what is a part by classes already; the parts go on when the whole is gone. */
START_TEST(stratified)
{
    static const int64_t sizes[] = { 1, N, 63, 64, 65, 511, 512, 513, 3000 };
    bg_engine *engine = make_engine(1);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const int64_t n = sizes[i], firsts[] = { 0, 1, n / 3, n - n / 7, n };
        for (size_t k = 0; k < sizeof firsts / sizeof *firsts; k++) {
            maker m = { .size = n };
            bg_dataset *wholes[] = { create_twin(engine, n), NULL }, *parts[2][4];
            OK(create(&wholes[1], engine, &m));
            for (int which = 0; which < 2; which++) {
                bg_dataset **p = parts[which];
                OK(bg_dataset_split_stratified(&p[0], &p[1], wholes[which], firsts[k], 9));
                OK(bg_dataset_split_stratified(&p[2], &p[3], p[1], (n - firsts[k]) / 2, 5));
                bg_dataset_destroy(wholes[which]);
            }
            ck_assert_int_eq(atomic_load(&m.images), 0);
            ck_assert_int_eq(atomic_load(&m.classes), n + n - firsts[k]);
            for (int p = 0; p < 4; p++) {
                expect_same(parts[1][p], parts[0][p],
                            (const char *[]){ "first", "second", "first of second", "second of second" }[p]);
                ck_assert_int_eq(atomic_load(&m.destroyed), 0);
                bg_dataset_destroy(parts[0][p]);
                bg_dataset_destroy(parts[1][p]);
            }
            ck_assert_int_eq(atomic_load(&m.destroyed), 1);
        }
    }
    end_engine(engine);
}
END_TEST

/* Each allocation of a division by classes fails once. */
START_TEST(stratified_without_memory)
{
    bg_engine *engine = make_engine(1);
    maker m = { .size = N };
    bg_dataset *made, *first, *second;
    OK(create(&made, engine, &m));
    bg_status status = BG_ERR_NOMEM;
    long failures = 0;
    for (long n = 1; status != BG_OK; n++, failures++) {
        long long live = atomic_load(&memory.live);
        memory.fail_at = atomic_load(&memory.calls) + n;
        status = bg_dataset_split_stratified(&first, &second, made, 20, 1);
        memory.fail_at = 0;
        ck_assert(status == BG_OK || (status == BG_ERR_NOMEM && !first && !second));
        ck_assert(status == BG_OK || atomic_load(&memory.live) == live);
    }
    ck_assert_int_gt(failures, 6);
    bg_dataset_destroy(first);
    bg_dataset_destroy(second);
    bg_dataset_destroy(made);
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

/* Components, fitted in two passes; the bits of an example do not depend on those that are read with it. */
START_TEST(projected)
{
    enum { COMPONENTS = 5, MOST = 300 };
    bg_engine *engine = make_engine(1);
    maker m = { .size = N };
    bg_dataset *made, *twin = create_twin(engine, N), *sets[2];
    const bg_pca_options options = { .components = COMPONENTS, .whitening = BG_WHITENING_PCA };
    OK(create(&made, engine, &m));
    sets[0] = whiten(twin, &options);
    ck_assert_int_eq(atomic_load(&m.images), 0);
    sets[1] = whiten(made, &options);
    ck_assert_int_eq(atomic_load(&m.images), 2 * N);
    ck_assert_int_eq(atomic_load(&m.classes), 0);
    ck_assert(bg_dataset_column(sets[0], 0) && !bg_dataset_column(sets[1], 0));
    ck_assert(bg_shape_equal(bg_dataset_shape(sets[1], 0), BG_SHAPE(N, COMPONENTS)));
    ck_assert(hash_of(sets[0]) == hash_of(sets[1]));
    static float x[MOST][COMPONENTS];
    static int64_t y[MOST], examples[MOST];
    for (int i = 0; i < MOST; i++)
        examples[i] = (i * 29) % N;
    OK(bg_dataset_read(sets[1], examples, MOST, (void *[]){ x, y }));
    for (int i = 0; i < MOST; i++) {
        float one[COMPONENTS];
        OK(bg_dataset_read(sets[0], &examples[i], 1, (void *[]){ one, NULL }));
        ck_assert_msg(memcmp(one, x[i], sizeof one) == 0 && y[i] == examples[i] % CLASSES, "example %d of a batch", i);
        OK(bg_dataset_read(sets[1], &examples[i], 1, (void *[]){ one, NULL }));
        ck_assert_msg(memcmp(one, x[i], sizeof one) == 0, "example %d of a source", i);
    }
    OK(bg_dataset_read(sets[1], examples, MOST, (void *[]){ NULL, y }));
    m.fail_at = 29;
    FAILS(bg_dataset_read(sets[1], examples, MOST, (void *[]){ x, y }), BG_ERR_IO, "example 29 is lost");
    bg_pca *pca;
    FAILS(bg_pca_create(&pca, made, 0, &options), BG_ERR_IO, "example 29 is lost");
    ck_assert_ptr_null(pca);
    bg_dataset_destroy(made);
    ck_assert_int_eq(atomic_load(&m.destroyed), 0);
    bg_dataset_destroy(sets[1]);
    ck_assert_int_eq(atomic_load(&m.destroyed), 1);
    bg_dataset_destroy(sets[0]);
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
    m.fail_at = 7;
    FAILS(bg_dataset_split_stratified(&first, &second, made, 5, 1), BG_ERR_IO, "example 7 is lost");
    ck_assert(!first && !second);
    FAILS(bg_dataset_slice(&first, made, 5, N + 1), BG_ERR_ARGUMENT, "[5, 54) is not within the 53");
    bg_dataset_destroy(made);
    end_engine(engine);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sources");
    TCase *tests = tcase_create("sources");
    tcase_add_test(tests, parts_of_a_source);
    tcase_add_test(tests, stratified);
    tcase_add_test(tests, stratified_without_memory);
    tcase_add_test(tests, joined);
    tcase_add_test(tests, projected);
    tcase_add_test(tests, reading);
    tcase_add_test(tests, refused_sources);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
