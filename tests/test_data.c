/* Data sets and built-in data. */
#include "support/scratch.h"
#include "support/suite.h"
#include "support/values.h"

#include <math.h>
#include <stdlib.h>

static bg_dataset *builtin(const char *name, const bg_data_options *options)
{
    bg_dataset *dataset;
    OK(bg_data_builtin(&dataset, scratch_engine(), name, options));
    ck_assert_str_eq(bg_dataset_name(dataset), name);
    ck_assert_int_eq(bg_dataset_columns(dataset), 2);
    return dataset;
}

START_TEST(dataset_views)
{
    enum { N = 10 };
    bg_tensor *x, *y, *flat, *scalar, *view;
    bg_dataset *dataset, *part, *none;
    OK(bg_tensor_create(&x, scratch_engine(), BG_F32, BG_SHAPE(N, 3)));
    OK(bg_tensor_create(&y, scratch_engine(), BG_I64, BG_SHAPE(N)));
    OK(bg_tensor_create(&flat, scratch_engine(), BG_F32, BG_SHAPE(N + 1)));
    OK(bg_tensor_create(&scalar, scratch_engine(), BG_F32, BG_SCALAR));
    for (int i = 0; i < 3 * N; i++)
        ((float *)bg_tensor_data(x))[i] = (float)i;
    for (int i = 0; i < N; i++)
        ((int64_t *)bg_tensor_data(y))[i] = i;

    const bg_status wrong = BG_ERR_ARGUMENT;
    expect_failure(bg_dataset_create(NULL, &x, 1, 0), wrong, "dataset is NULL", "create");
    expect_failure(bg_dataset_create(&none, NULL, 1, 0), wrong, "at least one column", "create");
    expect_failure(bg_dataset_create(&none, &x, 0, 0), wrong, "at least one column", "create");
    expect_failure(bg_dataset_create(&none, &x, 1, -1), wrong, "-1 classes", "create");
    expect_failure(bg_dataset_create(&none, (bg_tensor *[]){ x, NULL }, 2, 0), wrong, "column 1 is NULL", "create");
    expect_failure(bg_dataset_create(&none, &scalar, 1, 0), BG_ERR_SHAPE, "column 0 is a scalar", "create");
    expect_failure(bg_dataset_create(&none, (bg_tensor *[]){ x, flat }, 2, 0), BG_ERR_SHAPE, "column 1 [11] has 11",
                   "create");
    ck_assert_ptr_null(none);
    bg_engine *engine;
    bg_tensor *foreign;
    OK(bg_engine_create(&engine, &(bg_engine_options){ .threads = 1 }));
    OK(bg_tensor_create(&foreign, engine, BG_F32, BG_SHAPE(N)));
    expect_failure(bg_dataset_create(&none, (bg_tensor *[]){ x, foreign }, 2, 0), wrong, "different engines", "create");
    bg_tensor_destroy(foreign);
    bg_engine_destroy(engine);

    OK(bg_dataset_create(&dataset, (bg_tensor *[]){ x, y }, 2, 10));
    bg_tensor_destroy(x);
    bg_tensor_destroy(y);
    ck_assert_int_eq(bg_dataset_size(dataset), N);
    ck_assert_int_eq(bg_dataset_classes(dataset), 10);
    ck_assert_str_eq(bg_dataset_name(dataset), "");
    ck_assert_ptr_eq(bg_dataset_column(dataset, 1), y);
    ck_assert_ptr_null(bg_dataset_column(dataset, 2));
    ck_assert_ptr_null(bg_dataset_column(dataset, -1));

    expect_failure(bg_dataset_slice(NULL, dataset, 0, 1), wrong, "part is NULL", "slice");
    expect_failure(bg_dataset_slice(&none, NULL, 0, 1), wrong, "dataset is NULL", "slice");
    expect_failure(bg_dataset_slice(&none, dataset, -1, 1), wrong, "[-1, 1) is not within the 10", "slice");
    expect_failure(bg_dataset_slice(&none, dataset, 5, 4), wrong, "[5, 4)", "slice");
    expect_failure(bg_dataset_slice(&none, dataset, 5, 11), wrong, "[5, 11)", "slice");
    for (int64_t start = 0; start <= N; start++) {
        for (int64_t stop = start; stop <= N; stop++) {
            OK(bg_dataset_slice(&part, dataset, start, stop));
            ck_assert_int_eq(bg_dataset_size(part), stop - start);
            ck_assert_int_eq(bg_dataset_classes(part), 10);
            for (int64_t i = 0; i < stop - start; i++) {
                ck_assert(x_of(part, 3 * i) == 3 * (double)(start + i));
                ck_assert(y_of(part, i) == (double)(start + i));
            }
            bg_dataset_destroy(part);
        }
    }
    /* A slice is a view, and keeps what it needs. */
    OK(bg_dataset_slice(&part, dataset, 2, 4));
    *(float *)bg_tensor_data(bg_dataset_column(dataset, 0)) = 1;
    OK(bg_tensor_slice(&view, bg_dataset_column(dataset, 0), 0, 2, 3, 1));
    bg_dataset_destroy(dataset);
    *(float *)bg_tensor_data(view) = -7;
    ck_assert(x_of(part, 0) == -7);
    bg_tensor_destroy(view);
    bg_dataset_destroy(part);
    bg_dataset_destroy(NULL);
    bg_tensor_destroy(flat);
    bg_tensor_destroy(scalar);
    ck_assert_int_eq(bg_dataset_size(NULL), 0);
}
END_TEST

START_TEST(dataset_split)
{
    enum { N = 57 };
    bg_tensor *x, *turned, *y, *wide, *one, *empty;
    bg_dataset *dataset, *first, *second, *again, *rest;
    OK(bg_tensor_create(&x, scratch_engine(), BG_F64, BG_SHAPE(3, N)));
    for (int i = 0; i < 3 * N; i++)
        ((double *)bg_tensor_data(x))[i] = i;
    OK(bg_tensor_permute(&turned, x, BG_AXES(1, 0)));
    OK(bg_tensor_create(&y, scratch_engine(), BG_I64, BG_SHAPE(N)));
    for (int i = 0; i < N; i++)
        ((int64_t *)bg_tensor_data(y))[i] = i;
    OK(bg_tensor_create(&one, scratch_engine(), BG_U8, BG_SHAPE(1, 2)));
    OK(bg_tensor_expand(&wide, one, BG_SHAPE(N, 2)));
    OK(bg_tensor_create(&empty, scratch_engine(), BG_F32, BG_SHAPE(N, 0, 2)));
    OK(bg_dataset_create(&dataset, (bg_tensor *[]){ turned, y, wide, empty }, 4, N));

    expect_failure(bg_dataset_split(&first, &second, dataset, N + 1, 1), BG_ERR_ARGUMENT, "58 of 57", "split");
    expect_failure(bg_dataset_split(&first, &second, dataset, -1, 1), BG_ERR_ARGUMENT, "-1 of 57", "split");
    expect_failure(bg_dataset_split(NULL, &second, dataset, 1, 1), BG_ERR_ARGUMENT, "first is NULL", "split");
    expect_failure(bg_dataset_split(&first, NULL, dataset, 1, 1), BG_ERR_ARGUMENT, "second is NULL", "split");
    expect_failure(bg_dataset_split(&first, &second, NULL, 1, 1), BG_ERR_ARGUMENT, "dataset is NULL", "split");

    for (int64_t size = 0; size <= N; size += 19) {
        int seen[N] = { 0 }, in_order = 0;
        OK(bg_dataset_split(&first, &second, dataset, size, 5));
        ck_assert_int_eq(bg_dataset_size(first), size);
        ck_assert_int_eq(bg_dataset_size(second), N - size);
        ck_assert_int_eq(bg_dataset_classes(first), N);
        for (int64_t i = 0; i < N; i++) {
            const bg_dataset *part = i < size ? first : second;
            int64_t row = i < size ? i : i - size;
            int64_t from = (int64_t)y_of(part, row);
            seen[from]++;
            in_order += from == i;
            for (int c = 0; c < 3; c++)
                ck_assert(x_of(part, 3 * row + c) == (double)(c * N + from));
        }
        for (int i = 0; i < N; i++)
            ck_assert_int_eq(seen[i], 1);
        ck_assert_int_lt(in_order, 10);
        bg_dataset_destroy(first);
        bg_dataset_destroy(second);
    }
    /* The cut does not change the order, the seed does. */
    OK(bg_dataset_split(&first, &second, dataset, 20, 5));
    OK(bg_dataset_split(&again, &rest, dataset, 40, 5));
    for (int64_t i = 0; i < 20; i++)
        ck_assert(y_of(first, i) == y_of(again, i));
    bg_dataset_destroy(again);
    bg_dataset_destroy(rest);
    OK(bg_dataset_split(&again, &rest, dataset, 40, 6));
    int equal = 0;
    for (int64_t i = 0; i < 20; i++)
        equal += y_of(first, i) == y_of(again, i);
    ck_assert_int_lt(equal, 5);
    bg_dataset_destroy(first);
    bg_dataset_destroy(second);
    bg_dataset_destroy(again);
    bg_dataset_destroy(rest);
    bg_dataset_destroy(dataset);
    bg_tensor_destroy(x);
    bg_tensor_destroy(turned);
    bg_tensor_destroy(y);
    bg_tensor_destroy(one);
    bg_tensor_destroy(empty);
    bg_tensor_destroy(wide);
}
END_TEST

START_TEST(permutations)
{
    static const uint64_t sizes[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 15, 16, 17, 99, 100, 101, 1000, 4095, 4097, 9000 };
    static unsigned char seen[9000];
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        for (uint64_t seed = 0; seed < 5; seed++) {
            memset(seen, 0, sizeof seen);
            for (uint64_t i = 0; i < sizes[s]; i++) {
                uint64_t to = bg_permute_index(i, sizes[s], seed, seed * 7);
                ck_assert_msg(to < sizes[s] && !seen[to], "n %d, seed %d", (int)sizes[s], (int)seed);
                seen[to] = 1;
            }
        }
    }
    static const uint64_t large[] = { (uint64_t)1 << 32, ((uint64_t)1 << 32) + 1, UINT64_C(999999999999999989),
                                      (uint64_t)1 << 63, UINT64_MAX - 1,          UINT64_MAX };
    for (size_t s = 0; s < sizeof large / sizeof *large; s++)
        for (uint64_t i = 0; i < 200; i++)
            ck_assert(bg_permute_index(large[s] - 1 - i, large[s], 3, i) < large[s]);
    ck_assert(bg_permute_index(5, 5, 1, 1) == 5);
    ck_assert(bg_permute_index(0, 0, 1, 1) == 0);
}
END_TEST

/* All orders of few examples are equally likely, and so are all places of the first of many. */
START_TEST(permutations_are_uniform)
{
    for (uint64_t n = 2; n <= 6; n++) {
        static int counts[46656];
        memset(counts, 0, sizeof counts);
        int orders = 1;
        for (int i = 2; i <= (int)n; i++)
            orders *= i;
        int trials = 100 * orders, used = 0;
        for (uint64_t t = 0; t < (uint64_t)trials; t++) {
            int code = 0;
            for (uint64_t i = 0; i < n; i++)
                code = code * (int)n + (int)bg_permute_index(i, n, 11, t);
            counts[code]++;
        }
        double chi = 0;
        for (int code = 0; code < 46656; code++) {
            used += counts[code] > 0;
            chi += counts[code] ? (counts[code] - 100.0) * (counts[code] - 100.0) / 100 : 0;
        }
        ck_assert_msg(used == orders, "n %d: %d of %d orders", (int)n, used, orders);
        double freedom = orders - 1, limit = freedom + 5 * sqrt(2 * freedom);
        ck_assert_msg(chi < limit, "n %d: chi² %g of %g", (int)n, chi, limit);
    }
    double places[50] = { 0 }, chi = 0;
    for (uint64_t t = 0; t < 20000; t++)
        places[bg_permute_index(t % 3 * 17, 1000, t, 0) / 20]++;
    for (int i = 0; i < 50; i++)
        chi += (places[i] - 400) * (places[i] - 400) / 400;
    ck_assert_msg(chi < 49 + 5 * sqrt(98), "chi² %g", chi);
}
END_TEST

START_TEST(lecture)
{
    static const double x[] = { 1, 2.2, -2, 4, 1, 1.5, 5, -2, -1, -1 }, y[] = { 4, 0, 3, 8, -3.8 };
    for (bg_dtype dtype = BG_F32; dtype <= BG_F64; dtype++) {
        bg_dataset *dataset = builtin("lecture", &(bg_data_options){ .dtype = dtype });
        ck_assert(bg_shape_equal(bg_tensor_shape(bg_dataset_column(dataset, 0)), BG_SHAPE(5, 2)));
        ck_assert(bg_shape_equal(bg_tensor_shape(bg_dataset_column(dataset, 1)), BG_SHAPE(5, 1)));
        ck_assert_int_eq(bg_dataset_classes(dataset), 0);
        for (int i = 0; i < 10; i++)
            ck_assert(x_of(dataset, i) == (dtype == BG_F32 ? (double)(float)x[i] : x[i]));
        for (int i = 0; i < 5; i++)
            ck_assert(y_of(dataset, i) == (dtype == BG_F32 ? (double)(float)y[i] : y[i]));
        bg_dataset_destroy(dataset);
    }
    bg_dataset *none;
    bg_engine *engine = scratch_engine();
    expect_failure(bg_data_builtin(&none, engine, "mnist", NULL), BG_ERR_ARGUMENT, "lecture digits strokes", "name");
    expect_failure(bg_data_builtin(&none, engine, NULL, NULL), BG_ERR_ARGUMENT, "name is NULL", "name");
    expect_failure(bg_data_builtin(NULL, engine, "digits", NULL), BG_ERR_ARGUMENT, "dataset is NULL", "result");
    expect_failure(bg_data_builtin(&none, NULL, "digits", NULL), BG_ERR_ARGUMENT, "data_builtin", "engine");
    expect_failure(bg_data_builtin(&none, engine, "digits", &(bg_data_options){ .dtype = BG_I32 }), BG_ERR_DTYPE,
                   "not i32", "dtype");
    expect_failure(bg_data_builtin(&none, engine, "strokes", &(bg_data_options){ .count = -1 }), BG_ERR_ARGUMENT,
                   "-1 examples", "count");
    expect_failure(bg_data_builtin(&none, engine, "strokes", &(bg_data_options){ .count = INT64_MAX }), BG_ERR_OVERFLOW,
                   "", "count");
    ck_assert_ptr_null(none);
}
END_TEST

START_TEST(digits)
{
    /* As scikit-learn has them. */
    static const int class_counts[10] = { 178, 182, 177, 183, 181, 182, 181, 179, 174, 180 };
    static const int first[64] = { 0, 0,  5, 13, 9,  1, 0,  0, 0,  0,  13, 15, 10, 15, 5, 0,  0,  3, 15, 2, 0,  11,
                                   8, 0,  0, 4,  12, 0, 0,  8, 8,  0,  0,  5,  8,  0,  0, 9,  8,  0, 0,  4, 11, 0,
                                   1, 12, 7, 0,  0,  2, 14, 5, 10, 12, 0,  0,  0,  0,  6, 13, 10, 0, 0,  0 };
    for (bg_dtype dtype = BG_F32; dtype <= BG_F64; dtype++) {
        bg_dataset *dataset = builtin("digits", &(bg_data_options){ .dtype = dtype });
        ck_assert(bg_shape_equal(bg_tensor_shape(bg_dataset_column(dataset, 0)), BG_SHAPE(1797, 64)));
        ck_assert(bg_shape_equal(bg_tensor_shape(bg_dataset_column(dataset, 1)), BG_SHAPE(1797)));
        ck_assert_int_eq(bg_tensor_dtype(bg_dataset_column(dataset, 1)), BG_I64);
        ck_assert_int_eq(bg_dataset_classes(dataset), 10);
        double sum = 0;
        for (int64_t i = 0; i < (int64_t)1797 * 64; i++) {
            double value = 16 * x_of(dataset, i);
            ck_assert(i >= 64 || value == first[i]);
            ck_assert(value >= 0 && value <= 16 && value == floor(value));
            sum += value;
        }
        ck_assert(sum == 561718);
        int counts[10] = { 0 };
        for (int64_t i = 0; i < 1797; i++)
            counts[(int)y_of(dataset, i)]++;
        ck_assert_mem_eq(counts, class_counts, sizeof counts);
        bg_dataset_destroy(dataset);
    }
}
END_TEST

START_TEST(strokes)
{
    enum { N = 1200, PIXELS = 28 * 28 };
    bg_dataset *dataset = builtin("strokes", &(bg_data_options){ .count = N, .seed = 3 });
    bg_dataset *fewer = builtin("strokes", &(bg_data_options){ .count = 33, .seed = 3, .dtype = BG_F64 });
    bg_dataset *other = builtin("strokes", &(bg_data_options){ .count = 33, .seed = 4 });
    ck_assert(bg_shape_equal(bg_tensor_shape(bg_dataset_column(dataset, 0)), BG_SHAPE(N, 28, 28)));
    ck_assert_int_eq(bg_dataset_classes(dataset), 10);
    const float *x = bg_tensor_const_data(bg_dataset_column(dataset, 0));
    const int64_t *y = bg_tensor_const_data(bg_dataset_column(dataset, 1));
    int equal = 0, in_order = 0;
    for (int64_t i = 0; i < (int64_t)33 * PIXELS; i++) {
        ck_assert(x_of(fewer, i) == (double)x[i]);
        equal += x_of(other, i) == (double)x[i];
    }
    ck_assert_int_lt(equal, 33 * PIXELS / 2);
    for (int64_t i = 0; i < 33; i++)
        ck_assert(y_of(fewer, i) == (double)y[i]);
    for (int64_t i = 0; i < N; i += 10) {
        int seen = 0;
        for (int j = 0; j < 10; j++) {
            seen |= 1 << y[i + j];
            in_order += y[i + j] == j;
        }
        ck_assert_int_eq(seen, 1023);
    }
    ck_assert_int_lt(in_order, N / 5);
    for (int64_t i = 0; i < (int64_t)N * PIXELS; i++)
        ck_assert(x[i] >= 0 && x[i] <= 1);

    /* The mean picture of each class tells most others of it, but by far not all. */
    static double means[10][PIXELS];
    for (int i = 0; i < N / 2; i++)
        for (int j = 0; j < PIXELS; j++)
            means[y[i]][j] += (double)x[i * PIXELS + j] / (N / 20.0);
    int right = 0;
    for (int i = N / 2; i < N; i++) {
        int best = 0;
        double least = INFINITY;
        for (int class = 0; class < 10; class ++) {
            double distance = 0;
            for (int j = 0; j < PIXELS; j++)
                distance += pow((double)x[i * PIXELS + j] - means[class][j], 2);
            if (distance < least) {
                least = distance;
                best = class;
            }
        }
        right += best == y[i];
    }
    ck_assert_msg(right > N / 2 * 0.5 && right < N / 2 * 0.95, "%d of %d", right, N / 2);
    bg_dataset_destroy(dataset);
    bg_dataset_destroy(fewer);
    bg_dataset_destroy(other);
}
END_TEST

static bg_status scenario_digits(void)
{
    bg_dataset *whole, *first = NULL, *second = NULL, *part = NULL;
    bg_status status = bg_data_builtin(&whole, scratch_engine(), "digits", NULL);
    if (!status)
        status = bg_dataset_split(&first, &second, whole, 1000, 1);
    if (!status)
        status = bg_dataset_slice(&part, first, 10, 20);
    bg_dataset_destroy(whole);
    bg_dataset_destroy(first);
    bg_dataset_destroy(second);
    bg_dataset_destroy(part);
    return status;
}

static bg_status scenario_made(const char *name)
{
    bg_dataset *dataset;
    bg_status status = bg_data_builtin(&dataset, scratch_engine(), name, &(bg_data_options){ .count = 3 });
    ck_assert((status == BG_OK) == (dataset != NULL));
    bg_dataset_destroy(dataset);
    return status;
}

static bg_status scenario_strokes(void) { return scenario_made("strokes"); }
static bg_status scenario_lecture(void) { return scenario_made("lecture"); }

START_TEST(out_of_memory)
{
    ck_assert_int_gt(scratch_fail_each("digits", scenario_digits), 30);
    ck_assert_int_gt(scratch_fail_each("strokes", scenario_strokes), 8);
    ck_assert_int_gt(scratch_fail_each("lecture", scenario_lecture), 8);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("data");
    TCase *tests = tcase_create("data");
    tcase_add_checked_fixture(tests, scratch_begin, scratch_end);
    tcase_add_test(tests, dataset_views);
    tcase_add_test(tests, dataset_split);
    tcase_add_test(tests, permutations);
    tcase_add_test(tests, permutations_are_uniform);
    tcase_add_test(tests, lecture);
    tcase_add_test(tests, digits);
    tcase_add_test(tests, strokes);
    tcase_add_test(tests, out_of_memory);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
