/* Scaling columns, and cutting data sets by their classes. */
#include "support/draw.h"
#include "support/scratch.h"
#include "support/suite.h"
#include "support/values.h"

#include <math.h>
#include <stdlib.h>

static draw numbers;

/* ---- Scaling ---- */

enum { N = 37, PLACES = 6, MISSING = 2, CONSTANT = 4 };

/* [N, 2, 3] of numbers around a thousand; place 2 lacks some, place 4 has one number alone. */
static bg_dataset *make_numbers(bg_dtype dtype, bool is_turned)
{
    bg_tensor *x, *y, *column;
    bg_shape shape = is_turned ? BG_SHAPE(3, 2, N) : BG_SHAPE(N, 2, 3);
    OK(bg_tensor_create(&x, scratch_engine(), dtype, shape));
    OK(bg_tensor_create(&y, scratch_engine(), BG_I64, BG_SHAPE(N)));
    for (int64_t i = 0; i < N; i++)
        for (int64_t j = 0; j < PLACES; j++) {
            double value = j == MISSING && i % 5 == 0 ? NAN : 1000 + draw_between(&numbers, -2, 2) * (double)(j + 1);
            int64_t at = is_turned ? (j % 3) * 2 * N + (j / 3) * N + i : i * PLACES + j;
            if (j == CONSTANT)
                value = 0.1;
            if (dtype == BG_F64)
                ((double *)bg_tensor_data(x))[at] = value;
            else
                ((float *)bg_tensor_data(x))[at] = (float)value;
        }
    column = x;
    if (is_turned)
        OK(bg_tensor_permute(&column, x, BG_AXES(2, 1, 0)));
    bg_dataset *dataset;
    OK(bg_dataset_create(&dataset, (bg_tensor *[]){ column, y }, 2, 5));
    if (is_turned)
        bg_tensor_destroy(column);
    bg_tensor_destroy(x);
    bg_tensor_destroy(y);
    return dataset;
}

/* In long double, by the textbook. */
static void expect_scaled(const bg_dataset *dataset, int64_t place, bg_scaling scaling)
{
    const bg_tensor *x = bg_dataset_column(dataset, 0);
    long double sum = 0, squares = 0, least = INFINITY, most = -INFINITY, n = 0;
    for (int64_t i = 0; i < N; i++) {
        long double value = value_at(x, i * PLACES + place);
        if (isnan(value))
            continue;
        n++;
        sum += value;
        least = value < least ? value : least;
        most = value > most ? value : most;
    }
    for (int64_t i = 0; i < N; i++) {
        long double value = value_at(x, i * PLACES + place);
        squares += isnan(value) ? 0 : (value - sum / n) * (value - sum / n);
    }
    long double tolerance = bg_tensor_dtype(x) == BG_F64 ? 1e-11L : 1e-3L; /* f32 at 1000 has steps of 6e-5 */
    long double low = scaling == BG_SCALING_STANDARD ? sum / n : least;
    long double width = scaling == BG_SCALING_STANDARD ? sqrtl(squares / n) : most - least;
    ck_assert_msg(fabsl(low) <= tolerance, "place %lld begins at %Lg", (long long)place, low);
    ck_assert_msg(place == CONSTANT ? width == 0 : fabsl(width - 1) <= tolerance, "place %lld is %Lg wide",
                  (long long)place, width);
}

START_TEST(scaled_columns)
{
    const bg_dtype dtype = _i & 1 ? BG_F64 : BG_F32;
    const bg_scaling scaling = _i & 2 ? BG_SCALING_STANDARD : BG_SCALING_MIN_MAX;
    bg_dataset *dataset = make_numbers(dtype, _i & 4), *scaled;
    bg_tensor *shift, *scale;
    OK(bg_dataset_scaling(&shift, &scale, dataset, 0, scaling));
    ck_assert(bg_shape_equal(bg_tensor_shape(shift), BG_SHAPE(2, 3)) && bg_tensor_dtype(scale) == BG_F64);
    ck_assert(value_at(scale, CONSTANT) == 1);
    OK(bg_dataset_scale(&scaled, dataset, 0, shift, scale));
    ck_assert_ptr_eq(bg_dataset_column(scaled, 1), bg_dataset_column(dataset, 1));
    ck_assert_int_eq(bg_dataset_classes(scaled), 5);
    ck_assert_int_eq(bg_tensor_dtype(bg_dataset_column(scaled, 0)), dtype);
    for (int64_t j = 0; j < PLACES; j++)
        expect_scaled(scaled, j, scaling);
    for (int64_t i = 0; i < N * PLACES; i++) {
        double from = value_at(bg_dataset_column(dataset, 0), i), to = value_at(bg_dataset_column(scaled, 0), i);
        double value = (from - value_at(shift, i % PLACES)) * value_at(scale, i % PLACES);
        ck_assert_msg(isnan(from) ? isnan(to) : to == (dtype == BG_F64 ? value : (double)(float)value),
                      "element %lld is %g, not %g", (long long)i, to, value);
    }
    bg_dataset_destroy(scaled);
    bg_tensor_destroy(shift);
    bg_tensor_destroy(scale);
    bg_dataset_destroy(dataset);
}
END_TEST

START_TEST(scaling_errors)
{
    bg_dataset *dataset = make_numbers(BG_F32, false), *scaled;
    bg_tensor *shift, *scale, *narrow;
    const bg_scaling standard = BG_SCALING_STANDARD;
    expect_failure(bg_dataset_scaling(NULL, &scale, dataset, 0, standard), BG_ERR_ARGUMENT, "shift is NULL", "scaling");
    expect_failure(bg_dataset_scaling(&shift, NULL, dataset, 0, standard), BG_ERR_ARGUMENT, "scale is NULL", "scaling");
    expect_failure(bg_dataset_scaling(&shift, &scale, NULL, 0, standard), BG_ERR_ARGUMENT, "dataset is NULL",
                   "scaling");
    expect_failure(bg_dataset_scaling(&shift, &scale, dataset, 2, standard), BG_ERR_ARGUMENT, "no column 2", "scaling");
    expect_failure(bg_dataset_scaling(&shift, &scale, dataset, 1, standard), BG_ERR_DTYPE, "column 1 is i64",
                   "scaling");
    expect_failure(bg_dataset_scaling(&shift, &scale, dataset, 0, (bg_scaling)7), BG_ERR_ARGUMENT, "no scaling 7",
                   "scaling");
    ((float *)bg_tensor_data(bg_dataset_column(dataset, 0)))[PLACES + 3] = INFINITY;
    expect_failure(bg_dataset_scaling(&shift, &scale, dataset, 0, standard), BG_ERR_ARGUMENT,
                   "place 3 of example 1 is infinite", "scaling");
    ((float *)bg_tensor_data(bg_dataset_column(dataset, 0)))[PLACES + 3] = 1;
    ck_assert(!shift && !scale);
    OK(bg_dataset_scaling(&shift, &scale, dataset, 0, standard));
    OK(bg_tensor_create(&narrow, scratch_engine(), BG_F64, BG_SHAPE(6)));
    expect_failure(bg_dataset_scale(NULL, dataset, 0, shift, scale), BG_ERR_ARGUMENT, "scaled is NULL", "scale");
    expect_failure(bg_dataset_scale(&scaled, dataset, 0, NULL, scale), BG_ERR_ARGUMENT, "shift is NULL", "scale");
    expect_failure(bg_dataset_scale(&scaled, dataset, 0, shift, narrow), BG_ERR_SHAPE, "scale is f64 [6]", "scale");
    expect_failure(bg_dataset_scale(&scaled, dataset, 1, shift, scale), BG_ERR_DTYPE, "column 1 is i64", "scale");
    ck_assert_ptr_null(scaled);
    bg_tensor_destroy(narrow);
    bg_tensor_destroy(shift);
    bg_tensor_destroy(scale);
    bg_dataset_destroy(dataset);
}
END_TEST

/* ---- Classes ---- */

static bg_dataset *make_classes(const int *counts, int classes, int64_t n)
{
    bg_tensor *x, *y;
    OK(bg_tensor_create(&x, scratch_engine(), BG_F32, BG_SHAPE(n, 1)));
    OK(bg_tensor_create(&y, scratch_engine(), BG_U8, BG_SHAPE(n)));
    int64_t at = 0;
    for (int c = 0; c < classes; c++)
        for (int i = 0; i < counts[c]; i++, at++) {
            ((float *)bg_tensor_data(x))[at] = (float)at;
            ((uint8_t *)bg_tensor_data(y))[at] = (uint8_t)c;
        }
    bg_dataset *dataset;
    OK(bg_dataset_create(&dataset, (bg_tensor *[]){ x, y }, 2, classes));
    bg_tensor_destroy(x);
    bg_tensor_destroy(y);
    return dataset;
}

START_TEST(stratified_parts)
{
    enum { CLASSES = 4, EXAMPLES = 60 };
    static const int counts[CLASSES] = { 30, 0, 20, 10 };
    /* Of 47: 23.5, 0, 15.67, 7.83; the two largest remainders are rounded up. */
    static const struct {
        int64_t size;
        int shares[CLASSES];
    } rows[] = {
        { 0, { 0, 0, 0, 0 } },    { 60, { 30, 0, 20, 10 } }, { 30, { 15, 0, 10, 5 } },
        { 47, { 23, 0, 16, 8 } }, { 1, { 1, 0, 0, 0 } },
    };
    bg_dataset *dataset = make_classes(counts, CLASSES, EXAMPLES), *first, *second;
    for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++) {
        int share[CLASSES] = { 0 }, seen[EXAMPLES] = { 0 }, in_order = 0;
        OK(bg_dataset_split_stratified(&first, &second, dataset, rows[r].size, 3));
        ck_assert_int_eq(bg_dataset_size(first), rows[r].size);
        ck_assert_int_eq(bg_dataset_size(second), EXAMPLES - rows[r].size);
        for (int64_t i = 0; i < EXAMPLES; i++) {
            bool is_first = i < rows[r].size;
            const bg_dataset *part = is_first ? first : second;
            int64_t at = is_first ? i : i - rows[r].size, example = (int64_t)value_at(bg_dataset_column(part, 0), at);
            int class = (int)value_at(bg_dataset_column(part, 1), at);
            ck_assert_int_eq(class, example < 30 ? 0 : example < 50 ? 2 : 3);
            share[class] += is_first;
            seen[example]++;
            in_order += example == i;
        }
        for (int c = 0; c < CLASSES; c++)
            ck_assert_msg(share[c] == rows[r].shares[c], "of %lld, class %d has %d, not %d", (long long)rows[r].size, c,
                          share[c], rows[r].shares[c]);
        for (int i = 0; i < EXAMPLES; i++)
            ck_assert_int_eq(seen[i], 1);
        ck_assert_int_lt(in_order, 15);
        bg_dataset_destroy(first);
        bg_dataset_destroy(second);
    }
    bg_dataset_destroy(dataset);
}
END_TEST

START_TEST(stratified_errors)
{
    bg_dataset *dataset = make_classes((const int[]){ 3, 2 }, 2, 5), *first, *second, *plain;
    expect_failure(bg_dataset_split_stratified(&first, &second, dataset, 6, 1), BG_ERR_ARGUMENT, "6 of 5", "split");
    expect_failure(bg_dataset_split_stratified(&first, NULL, dataset, 2, 1), BG_ERR_ARGUMENT, "second is NULL",
                   "split");
    bg_tensor *columns[] = { bg_dataset_column(dataset, 0), bg_dataset_column(dataset, 1) };
    OK(bg_dataset_create(&plain, columns, 2, 0));
    expect_failure(bg_dataset_split_stratified(&first, &second, plain, 2, 1), BG_ERR_ARGUMENT, "no column 1 with",
                   "split");
    bg_dataset *large;
    OK(bg_dataset_create(&large, columns, 2, INT64_C(1) << 59));
    expect_failure(bg_dataset_split_stratified(&first, &second, large, 2, 1), BG_ERR_OVERFLOW, "classes are too many",
                   "split");
    bg_dataset_destroy(large);
    ((uint8_t *)bg_tensor_data(columns[1]))[4] = 2;
    expect_failure(bg_dataset_split_stratified(&first, &second, dataset, 2, 1), BG_ERR_ARGUMENT,
                   "class of example 4 is 2; there are 2", "split");
    ck_assert(!first && !second);
    bg_dataset_destroy(plain);
    bg_dataset_destroy(dataset);
}
END_TEST

int main(void)
{
    numbers = draw_from(11);
    Suite *suite = suite_create("transforms");
    TCase *tests = tcase_create("transforms");
    tcase_add_checked_fixture(tests, scratch_begin, scratch_end);
    tcase_add_loop_test(tests, scaled_columns, 0, 8);
    tcase_add_test(tests, scaling_errors);
    tcase_add_test(tests, stratified_parts);
    tcase_add_test(tests, stratified_errors);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
