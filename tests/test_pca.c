/* Principal components and whitening of a column, and projecting it. */
#include "support/draw.h"
#include "support/golden.h"
#include "support/scratch.h"
#include "support/suite.h"
#include "support/values.h"

#include <math.h>
#include <stdlib.h>

/* ---- Data ---- */

static bg_dataset *dataset_of(bg_dtype dtype, bg_shape shape, const double *values)
{
    bg_tensor *x, *y;
    bg_dataset *dataset;
    OK(bg_tensor_create(&x, scratch_engine(), dtype, shape));
    OK(bg_tensor_create(&y, scratch_engine(), BG_I64, BG_SHAPE(shape.dims[0])));
    for (int64_t i = 0; i < bg_shape_count(shape); i++)
        if (dtype == BG_F64)
            ((double *)bg_tensor_data(x))[i] = values[i];
        else
            ((float *)bg_tensor_data(x))[i] = (float)values[i];
    OK(bg_dataset_create(&dataset, (bg_tensor *[]){ x, y }, 2, 3));
    bg_tensor_destroy(x);
    bg_tensor_destroy(y);
    return dataset;
}

enum { N = 150, PLACES = 6 };

/* [N, 2, 3], each place some part of each direction; `constant` is a place that is always 0.1, or -1. */
static bg_dataset *make_data(bg_dtype dtype, int64_t n, int constant)
{
    draw numbers = draw_from(23);
    double *values = malloc((size_t)n * PLACES * sizeof *values);
    for (int64_t i = 0; i < n; i++) {
        double parts[PLACES];
        for (int k = 0; k < PLACES; k++)
            parts[k] = draw_between(&numbers, -1, 1) / (k + 1);
        for (int j = 0; j < PLACES; j++) {
            values[i * PLACES + j] = 5 + j;
            for (int k = 0; k < PLACES; k++)
                values[i * PLACES + j] += parts[k] * cos(3.0 * j * k + k);
            if (j == constant)
                values[i * PLACES + j] = 0.1;
        }
    }
    bg_dataset *dataset = dataset_of(dtype, BG_SHAPE(n, 2, 3), values);
    free(values);
    return dataset;
}

static bg_dataset *project(const bg_dataset *dataset, const bg_pca *pca)
{
    bg_dataset *projected;
    OK(bg_dataset_project(&projected, dataset, 0, pca->shift, pca->matrix, NULL));
    return projected;
}

/* The elements of an example of column 0. */
static int64_t width_of(const bg_dataset *dataset)
{
    return bg_shape_count(bg_dataset_shape(dataset, 0)) / bg_dataset_size(dataset);
}

static double covariance(const bg_dataset *dataset, int64_t i, int64_t j)
{
    int64_t n = bg_dataset_size(dataset), width = width_of(dataset);
    double first = 0, second = 0, sum = 0;
    for (int64_t r = 0; r < n; r++) {
        first += x_of(dataset, r * width + i) / (double)n;
        second += x_of(dataset, r * width + j) / (double)n;
    }
    for (int64_t r = 0; r < n; r++)
        sum += (x_of(dataset, r * width + i) - first) * (x_of(dataset, r * width + j) - second);
    return sum / (double)(n - 1);
}

/* ---- scikit-learn ---- */

static double number_or_0(const golden_record *record, const char *key)
{
    return golden_has(record, key) ? golden_number(record, key) : 0;
}

/* Of numbers of the size of the largest. */
static void expect_numbers(const golden_record *record, const char *key, const bg_tensor *found)
{
    const golden_array *expected = golden_get(record, key);
    ck_assert_msg(expected != NULL, "%s", golden_error());
    ck_assert_msg(bg_shape_count(bg_tensor_shape(found)) == expected->count, "%s: %s has %lld elements, not %lld",
                  golden_name(record), key, (long long)bg_shape_count(bg_tensor_shape(found)),
                  (long long)expected->count);
    double largest = 0;
    for (int64_t i = 0; i < expected->count; i++)
        largest = fmax(largest, fabs(expected->values[i]));
    for (int64_t i = 0; i < expected->count; i++)
        ck_assert_msg(fabs(value_at(found, i) - expected->values[i]) <= 1e-9 * largest,
                      "%s: element %lld of %s is %.17g, not %.17g", golden_name(record), (long long)i, key,
                      value_at(found, i), expected->values[i]);
}

START_TEST(as_scikit_learn)
{
    golden_file *file = golden_open(GOLDEN_PATH("pca.txt"));
    ck_assert_msg(file != NULL, "%s", golden_error());
    ck_assert_uint_ge(golden_count(file), 18);
    for (size_t r = 0; r < golden_count(file); r++) {
        const golden_record *record = golden_at(file, r);
        const golden_array *x = golden_get(record, "x");
        bg_pca_options options = { .components = (int64_t)number_or_0(record, "components"),
                                   .share = number_or_0(record, "share"),
                                   .whitening = (bg_whitening)number_or_0(record, "whitening"),
                                   .eps = number_or_0(record, "eps") };
        bg_dataset *dataset = dataset_of(BG_F64, BG_SHAPE(x->dims[0], x->dims[1]), x->values), *back;
        bg_pca *pca;
        expect_ok(bg_pca_create(&pca, dataset, 0, &options), golden_name(record));
        bg_dataset *projected = project(dataset, pca);
        expect_numbers(record, "mean", pca->shift);
        expect_numbers(record, "variances", pca->variances);
        expect_near(golden_name(record), pca->share, golden_number(record, "share_of_all"), 1e-12);
        expect_numbers(record, "y", bg_dataset_column(projected, 0));
        OK(bg_dataset_project(&back, projected, 0, NULL, pca->inverse, pca->shift));
        expect_numbers(record, "back", bg_dataset_column(back, 0));
        bg_dataset_destroy(back);
        bg_dataset_destroy(projected);
        bg_pca_destroy(pca);
        bg_dataset_destroy(dataset);
    }
    golden_close(file);
}
END_TEST

/* ---- What it should be ---- */

START_TEST(whitened_columns)
{
    bg_dtype dtype = _i & 1 ? BG_F64 : BG_F32;
    bg_pca_options options = { .whitening = _i & 2 ? BG_WHITENING_ZCA : BG_WHITENING_PCA };
    bg_dataset *dataset = make_data(dtype, N, -1), *other = make_data(dtype, 70, 2);
    bg_pca *pca;
    OK(bg_pca_create(&pca, dataset, 0, &options));
    bg_dataset *projected = project(dataset, pca), *others = project(other, pca);
    bool is_zca = options.whitening == BG_WHITENING_ZCA;
    ck_assert(bg_shape_equal(bg_dataset_shape(projected, 0), is_zca ? BG_SHAPE(N, 2, 3) : BG_SHAPE(N, PLACES)));
    ck_assert_int_eq(bg_dataset_dtype(projected, 0), dtype);
    ck_assert_ptr_eq(bg_dataset_column(projected, 1), bg_dataset_column(dataset, 1));
    ck_assert_int_eq(bg_dataset_classes(projected), 3);
    for (int64_t i = 0; i < PLACES; i++)
        for (int64_t j = 0; j <= i; j++)
            expect_near("the covariance", covariance(projected, i, j), i == j, dtype == BG_F64 ? 1e-12 : 1e-4);
    /* Other examples go by the mean and the matrix of these. */
    for (int64_t r = 0; r < 70; r++)
        for (int64_t k = 0; k < PLACES; k++) {
            double sum = 0;
            for (int64_t j = 0; j < PLACES; j++)
                sum += value_at(pca->matrix, k * PLACES + j) * (x_of(other, r * PLACES + j) - value_at(pca->shift, j));
            expect_near("another example", x_of(others, r * PLACES + k), sum, dtype == BG_F64 ? 1e-11 : 1e-4);
        }
    bg_dataset_destroy(others);
    bg_dataset_destroy(projected);
    bg_dataset_destroy(other);
    bg_dataset_destroy(dataset);
    bg_pca_destroy(pca);
}
END_TEST

/* ZCA is the whitening that changes examples least: its matrix is symmetric, with positive eigenvalues. */
START_TEST(zca_is_symmetric)
{
    bg_dataset *dataset = make_data(BG_F64, N, -1);
    bg_pca *pca;
    OK(bg_pca_create(&pca, dataset, 0, &(bg_pca_options){ .whitening = BG_WHITENING_ZCA, .eps = 0.001 }));
    for (int64_t i = 0; i < PLACES; i++)
        for (int64_t j = 0; j < PLACES; j++)
            expect_near("element", value_at(pca->matrix, i * PLACES + j), value_at(pca->matrix, j * PLACES + i), 1e-12);
    bg_pca_destroy(pca);
    bg_dataset_destroy(dataset);
}
END_TEST

START_TEST(signs)
{
    /* Both elements of each component are equally large: the first of them is positive. */
    static const double values[] = { 3, -3, -3, 3, 1, 1, -1, -1 };
    bg_dataset *dataset = dataset_of(BG_F64, BG_SHAPE(4, 2), values);
    bg_pca *pca;
    OK(bg_pca_create(&pca, dataset, 0, NULL));
    for (int i = 0; i < 4; i++)
        expect_near("component", value_at(pca->matrix, i), (const double[]){ 1, -1, 1, 1 }[i] * sqrt(0.5), 1e-15);
    bg_pca_destroy(pca);
    bg_dataset_destroy(dataset);
}
END_TEST

/* A place or direction in which nothing varies is not blown up. */
START_TEST(without_variance)
{
    bg_dataset *dataset = make_data(BG_F64, N, 3);
    bg_pca *pca;
    OK(bg_pca_create(&pca, dataset, 0, &(bg_pca_options){ .whitening = BG_WHITENING_ZCA }));
    ck_assert(value_at(pca->variances, PLACES - 1) == 0 && value_at(pca->variances, PLACES - 2) > 0);
    bg_dataset *projected = project(dataset, pca);
    for (int64_t r = 0; r < N; r++)
        expect_near("a constant", x_of(projected, r * PLACES + 3), 0, 1e-12);
    for (int64_t j = 0; j < PLACES; j++)
        expect_near("the row of a constant", value_at(pca->matrix, 3 * PLACES + j), j == 3, 1e-12);
    bg_dataset_destroy(projected);
    bg_pca_destroy(pca);
    /* eps holds for it as for the others. */
    OK(bg_pca_create(&pca, dataset, 0, &(bg_pca_options){ .whitening = BG_WHITENING_ZCA, .eps = 0.25 }));
    expect_near("the factor of a constant", value_at(pca->matrix, 3 * PLACES + 3), 2, 1e-12);
    bg_pca_destroy(pca);
    bg_dataset_destroy(dataset);

    /* Fewer examples than places. */
    dataset = make_data(BG_F32, 4, -1);
    OK(bg_pca_create(&pca, dataset, 0, &(bg_pca_options){ .whitening = BG_WHITENING_PCA }));
    ck_assert(bg_shape_equal(bg_tensor_shape(pca->matrix), BG_SHAPE(4, PLACES)));
    ck_assert(value_at(pca->variances, 3) == 0 && value_at(pca->variances, 2) > 0 && pca->share == 1);
    for (int64_t i = 0; i < 4 * PLACES; i++)
        ck_assert(isfinite(value_at(pca->matrix, i)) && isfinite(value_at(pca->inverse, i)));
    bg_pca_destroy(pca);
    bg_dataset_destroy(dataset);

    /* Means of equal numbers are off by rounding, which is no variance. */
    for (int64_t n = 2; n < 60; n++) {
        double equal[60];
        for (int i = 0; i < 60; i++)
            equal[i] = 0.1;
        dataset = dataset_of(BG_F64, BG_SHAPE(n, 1), equal);
        OK(bg_pca_create(&pca, dataset, 0, &(bg_pca_options){ .whitening = BG_WHITENING_PCA }));
        ck_assert_msg(value_at(pca->variances, 0) == 0 && value_at(pca->matrix, 0) == 1, "of %lld equal numbers",
                      (long long)n);
        bg_pca_destroy(pca);
        bg_dataset_destroy(dataset);
    }

    /* Nothing varies at all. */
    double same[7 * 3];
    for (int i = 0; i < 21; i++)
        same[i] = 0.1 * (i % 3);
    dataset = dataset_of(BG_F64, BG_SHAPE(7, 3), same);
    OK(bg_pca_create(&pca, dataset, 0, &(bg_pca_options){ .whitening = BG_WHITENING_PCA, .share = 0.5 }));
    ck_assert(bg_shape_equal(bg_tensor_shape(pca->matrix), BG_SHAPE(1, 3)) && pca->share == 1);
    projected = project(dataset, pca);
    for (int64_t r = 0; r < 7; r++)
        expect_near("nothing", x_of(projected, r), 0, 1e-15);
    bg_dataset_destroy(projected);
    bg_pca_destroy(pca);
    bg_dataset_destroy(dataset);
}
END_TEST

START_TEST(shares)
{
    /* Variances 16, 4, 1 by 7 / 6: shares 16/21, 20/21 and 1. */
    static const struct {
        double share;
        int64_t components;
    } rows[] = { { 1e-9, 1 }, { 0.76, 1 }, { 0.77, 2 }, { 0.95, 2 }, { 0.96, 3 }, { 1, 3 } };
    double values[7 * 3] = { 0 };
    for (int k = 0; k < 3; k++) {
        values[(2 * k) * 3 + k] = 4 >> k;
        values[(2 * k + 1) * 3 + k] = -(4 >> k);
    }
    bg_dataset *dataset = dataset_of(BG_F64, BG_SHAPE(7, 3), values);
    for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++) {
        bg_pca *pca;
        OK(bg_pca_create(&pca, dataset, 0, &(bg_pca_options){ .share = rows[r].share }));
        ck_assert_int_eq(bg_tensor_shape(pca->matrix).dims[0], rows[r].components);
        expect_near("share", pca->share, (const double[]){ 16 / 21., 20 / 21., 1 }[rows[r].components - 1], 1e-15);
        bg_pca_destroy(pca);
    }
    bg_dataset_destroy(dataset);
}
END_TEST

/* NaN in an example that is projected is NaN in all that comes of it, and in no other example. */
START_TEST(projected_nan)
{
    bg_dataset *dataset = make_data(BG_F32, N, -1);
    bg_pca *pca;
    OK(bg_pca_create(&pca, dataset, 0, &(bg_pca_options){ .components = 2 }));
    ((float *)bg_tensor_data(bg_dataset_column(dataset, 0)))[70 * PLACES + 1] = NAN;
    bg_dataset *projected = project(dataset, pca);
    for (int64_t i = 0; i < N * 2; i++)
        ck_assert(isnan(x_of(projected, i)) == (i / 2 == 70));
    bg_dataset_destroy(projected);
    bg_pca_destroy(pca);
    bg_dataset_destroy(dataset);
}
END_TEST

/* ---- Numbers of any size ---- */

START_TEST(sizes)
{
    static const double factors[] = { 1e-300, 1e-150, 1, 1e150, 1e300 };
    for (int i = 0; i < 5; i++) {
        double values[] = { 1, 2, 4, 3, -2, 1, 0.5, -4 };
        for (int k = 0; k < 8; k++)
            values[k] *= factors[i];
        bg_dataset *dataset = dataset_of(BG_F64, BG_SHAPE(4, 2), values);
        bg_pca *pca;
        bg_status status = bg_pca_create(&pca, dataset, 0, &(bg_pca_options){ .whitening = BG_WHITENING_PCA });
        if (factors[i] > 1e155) { /* the variances are no numbers of f64 */
            expect_failure(status, BG_ERR_NUMERIC, "component 0", "sizes");
            ck_assert_ptr_null(pca);
        } else {
            expect_ok(status, "sizes");
            bg_dataset *projected = project(dataset, pca);
            for (int64_t k = 0; k < 2; k++)
                expect_near("variance", covariance(projected, k, k), 1, 1e-12);
            bg_dataset_destroy(projected);
        }
        bg_pca_destroy(pca);
        bg_dataset_destroy(dataset);
    }
}
END_TEST

/* ---- Mistakes ---- */

START_TEST(fit_errors)
{
    static const struct {
        bg_pca_options options;
        const char *message;
    } rows[] = {
        { { .components = 7 }, "7 components of 150 examples with 6 places; there are 6" },
        { { .components = -1 }, "-1 components" },
        { { .share = 1.5 }, "a share of 1.5" },
        { { .share = -0.5 }, "a share of -0.5" },
        { { .share = NAN }, "a share of nan" },
        { { .components = 2, .share = 0.5 }, "2 components and a share of 0.5" },
        { { .whitening = (bg_whitening)9 }, "no whitening 9" },
        { { .eps = 0.1 }, "eps is 0.1 without whitening" },
        { { .whitening = BG_WHITENING_PCA, .eps = -1 }, "eps is -1" },
        { { .whitening = BG_WHITENING_PCA, .eps = INFINITY }, "eps is inf" },
        { { .whitening = BG_WHITENING_PCA, .eps = NAN }, "eps is nan" },
    };
    bg_dataset *dataset = make_data(BG_F32, N, -1), *few = make_data(BG_F32, 4, -1), *one, *none;
    bg_pca *pca;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        expect_failure(bg_pca_create(&pca, dataset, 0, &rows[i].options), BG_ERR_ARGUMENT, rows[i].message, "options");
        ck_assert_ptr_null(pca);
    }
    FAILS(bg_pca_create(NULL, dataset, 0, NULL), BG_ERR_ARGUMENT, "pca is NULL");
    FAILS(bg_pca_create(&pca, NULL, 0, NULL), BG_ERR_ARGUMENT, "dataset is NULL");
    FAILS(bg_pca_create(&pca, dataset, 2, NULL), BG_ERR_ARGUMENT, "no column 2");
    FAILS(bg_pca_create(&pca, dataset, 1, NULL), BG_ERR_DTYPE, "column 1 is i64");
    FAILS(bg_pca_create(&pca, few, 0, &(bg_pca_options){ .components = 5 }), BG_ERR_ARGUMENT,
          "5 components of 4 examples with 6 places; there are 4");
    OK(bg_dataset_slice(&one, dataset, 3, 4));
    FAILS(bg_pca_create(&pca, one, 0, NULL), BG_ERR_ARGUMENT, "variances of 1 example; it takes 2");
    bg_dataset_destroy(one);
    one = dataset_of(BG_F32, BG_SHAPE(5, 0), NULL);
    FAILS(bg_pca_create(&pca, one, 0, NULL), BG_ERR_SHAPE, "no places");
    bg_dataset_destroy(one);
    bg_tensor *many;
    OK(bg_tensor_create(&many, scratch_engine(), BG_F32, BG_SHAPE(2, 20000)));
    OK(bg_dataset_create(&none, &many, 1, 0));
    FAILS(bg_pca_create(&pca, none, 0, NULL), BG_ERR_ARGUMENT, "20000 places; it takes 16384");
    bg_dataset_destroy(none);
    bg_tensor_destroy(many);
    ((float *)bg_tensor_data(bg_dataset_column(dataset, 0)))[2 * PLACES + 3] = NAN;
    FAILS(bg_pca_create(&pca, dataset, 0, NULL), BG_ERR_ARGUMENT, "place 3 of example 2 is NaN");
    ((float *)bg_tensor_data(bg_dataset_column(dataset, 0)))[2 * PLACES + 3] = -INFINITY;
    FAILS(bg_pca_create(&pca, dataset, 0, NULL), BG_ERR_ARGUMENT, "place 3 of example 2 is infinite");
    bg_dataset_destroy(few);
    bg_dataset_destroy(dataset);
    bg_pca_destroy(NULL);
}
END_TEST

START_TEST(project_errors)
{
    bg_dataset *dataset = make_data(BG_F32, N, -1), *projected;
    bg_tensor *shift, *matrix, *flat, *single, *offset, *turned;
    OK(bg_tensor_create(&shift, scratch_engine(), BG_F64, BG_SHAPE(2, 3)));
    OK(bg_tensor_create(&flat, scratch_engine(), BG_F64, BG_SHAPE(6)));
    OK(bg_tensor_create(&matrix, scratch_engine(), BG_F64, BG_SHAPE(4, 6)));
    OK(bg_tensor_create(&offset, scratch_engine(), BG_F64, BG_SHAPE(4)));
    OK(bg_tensor_create(&single, scratch_engine(), BG_F32, BG_SHAPE(4, 6)));
    OK(bg_tensor_permute(&turned, matrix, BG_AXES(1, 0)));
    FAILS(bg_dataset_project(NULL, dataset, 0, shift, matrix, NULL), BG_ERR_ARGUMENT, "projected is NULL");
    FAILS(bg_dataset_project(&projected, NULL, 0, shift, matrix, NULL), BG_ERR_ARGUMENT, "dataset is NULL");
    FAILS(bg_dataset_project(&projected, dataset, 1, shift, matrix, NULL), BG_ERR_DTYPE, "column 1 is i64");
    FAILS(bg_dataset_project(&projected, dataset, 0, shift, NULL, NULL), BG_ERR_ARGUMENT, "matrix is NULL");
    FAILS(bg_dataset_project(&projected, dataset, 0, flat, matrix, NULL), BG_ERR_SHAPE,
          "shift is [6], an example [2, 3]");
    FAILS(bg_dataset_project(&projected, dataset, 0, shift, single, NULL), BG_ERR_DTYPE, "matrix is f32");
    FAILS(bg_dataset_project(&projected, dataset, 0, shift, turned, NULL), BG_ERR_DTYPE, "matrix is f64, a view");
    FAILS(bg_dataset_project(&projected, dataset, 0, shift, offset, NULL), BG_ERR_SHAPE,
          "matrix [4] is for examples of 4 numbers; these have 6, [2, 3]");
    FAILS(bg_dataset_project(&projected, dataset, 0, shift, matrix, flat), BG_ERR_SHAPE,
          "offset is [6], an example [4]");
    bg_engine *other;
    bg_tensor *foreign;
    OK(bg_engine_create(&other, NULL));
    OK(bg_tensor_create(&foreign, other, BG_F64, BG_SHAPE(4, 6)));
    FAILS(bg_dataset_project(&projected, dataset, 0, shift, foreign, NULL), BG_ERR_ARGUMENT, "different engines");
    bg_tensor_destroy(foreign);
    bg_engine_destroy(other);
    ck_assert_ptr_null(projected);
    /* A vector gives one number for an example. */
    OK(bg_dataset_project(&projected, dataset, 0, NULL, flat, NULL));
    ck_assert(bg_shape_equal(bg_dataset_shape(projected, 0), BG_SHAPE(N)));
    bg_dataset_destroy(projected);
    bg_tensor_destroy(turned);
    bg_tensor_destroy(single);
    bg_tensor_destroy(offset);
    bg_tensor_destroy(matrix);
    bg_tensor_destroy(flat);
    bg_tensor_destroy(shift);
    bg_dataset_destroy(dataset);
}
END_TEST

/* ---- Names ---- */

START_TEST(names_of_inputs)
{
    static const char table[] = "a,b,y\n1,2,3\n4,7,6\n7,8,10\n";
    bg_dataset *dataset, *inputs, *targets;
    bg_tensor *one, *two;
    OK(bg_data_read_csv(&dataset, scratch_engine(), scratch_write("table.csv", table, sizeof table - 1), NULL));
    OK(bg_tensor_create(&one, scratch_engine(), BG_F64, BG_SHAPE(1, 1)));
    OK(bg_tensor_create(&two, scratch_engine(), BG_F64, BG_SHAPE(1, 2)));
    OK(bg_dataset_project(&targets, dataset, 1, NULL, one, NULL));
    OK(bg_dataset_project(&inputs, dataset, 0, NULL, two, NULL));
    ck_assert_str_eq(bg_dataset_feature_name(targets, 1), "b");
    ck_assert_ptr_null(bg_dataset_feature_name(inputs, 0));
    bg_dataset_destroy(inputs);
    bg_dataset_destroy(targets);
    bg_tensor_destroy(one);
    bg_tensor_destroy(two);
    bg_dataset_destroy(dataset);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("pca");
    TCase *tests = tcase_create("pca");
    tcase_add_checked_fixture(tests, scratch_begin, scratch_end);
    tcase_add_test(tests, as_scikit_learn);
    tcase_add_loop_test(tests, whitened_columns, 0, 4);
    tcase_add_test(tests, zca_is_symmetric);
    tcase_add_test(tests, signs);
    tcase_add_test(tests, without_variance);
    tcase_add_test(tests, shares);
    tcase_add_test(tests, projected_nan);
    tcase_add_test(tests, sizes);
    tcase_add_test(tests, fit_errors);
    tcase_add_test(tests, project_errors);
    tcase_add_test(tests, names_of_inputs);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
