/* Images changed at random: which changes there are, how often, and that they follow from the numbers alone. */
#include "support/scratch.h"
#include "support/suite.h"
#include "support/values.h"

#include "data/augment.h"

#include <math.h>
#include <string.h>

enum { CHANNELS = 2, HEIGHT = 5, WIDTH = 7, PIXELS = CHANNELS * HEIGHT * WIDTH, TRIALS = 2000 };
#define IMAGE BG_SHAPE(CHANNELS, HEIGHT, WIDTH)

static void fill(float *image)
{
    for (int i = 0; i < PIXELS; i++)
        image[i] = (float)(i + 1);
}

/* The pixel of the original that comes to (y, x), or 0. */
static float moved(const float *original, int c, int y, int x, int dy, int dx, bool is_flipped)
{
    int from_y = y - dy, from_x = x - dx;
    if (from_y < 0 || from_y >= HEIGHT || from_x < 0 || from_x >= WIDTH)
        return 0;
    return original[(c * HEIGHT + from_y) * WIDTH + (is_flipped ? WIDTH - 1 - from_x : from_x)];
}

static bool is_moved(const float *image, const float *original, int dy, int dx, bool is_flipped)
{
    for (int c = 0; c < CHANNELS; c++)
        for (int y = 0; y < HEIGHT; y++)
            for (int x = 0; x < WIDTH; x++)
                if (image[(c * HEIGHT + y) * WIDTH + x] != moved(original, c, y, x, dy, dx, is_flipped))
                    return false;
    return true;
}

/* Every image is one of the changes that may come, and all of those come about equally often. */
START_TEST(places)
{
    static const bg_augmentation rows[] = { { .flips = true }, { .shift = 2 }, { .flips = true, .shift = 1 } };
    const bg_augmentation *a = &rows[_i];
    float original[PIXELS], image[PIXELS];
    int counts[2][5][5] = { { { 0 } } }, most = (int)a->shift, changes = (2 * most + 1) * (2 * most + 1);
    changes *= a->flips ? 2 : 1;
    fill(original);
    for (uint64_t which = 0; which < TRIALS; which++) {
        int found = 0;
        fill(image);
        bgi_augment(a, scratch_engine()->kernels, image, BG_F32, IMAGE, 3, 1, which);
        for (int f = 0; f <= a->flips; f++)
            for (int dy = -most; dy <= most; dy++)
                for (int dx = -most; dx <= most; dx++)
                    if (is_moved(image, original, dy, dx, f)) {
                        counts[f][dy + 2][dx + 2]++;
                        found++;
                    }
        ck_assert_msg(found == 1, "image %llu is %d of the changes", (unsigned long long)which, found);
    }
    double expected = (double)TRIALS / changes, deviation = sqrt(expected);
    for (int f = 0; f <= a->flips; f++)
        for (int dy = -most; dy <= most; dy++)
            for (int dx = -most; dx <= most; dx++) {
                int count = counts[f][dy + 2][dx + 2];
                ck_assert_msg(fabs(count - expected) < 4.5 * deviation, "flip %d, %d down, %d right: %d times of %g", f,
                              dy, dx, count, expected);
            }
}
END_TEST

START_TEST(noise)
{
    enum { N = 10007 };
    static double values[N], again[N];
    double sum = 0, squares = 0, fourth = 0, neighbours = 0;
    bgi_augment(&(bg_augmentation){ .noise = 0.5 }, scratch_engine()->kernels, values, BG_F64, BG_SHAPE(N), 3, 1, 4);
    for (int i = 0; i < N; i++) {
        double x = values[i] / 0.5;
        sum += x;
        squares += x * x;
        fourth += x * x * x * x;
        neighbours += i ? x * values[i - 1] / 0.5 : 0;
    }
    ck_assert_double_lt(fabs(sum / N), 4 / sqrt(N));
    ck_assert_double_lt(fabs(squares / N - 1), 4 * sqrt(2.0 / N));
    ck_assert_double_lt(fabs(fourth / N - 3), 4 * sqrt(96.0 / N));
    ck_assert_double_lt(fabs(neighbours / N), 4 / sqrt(N));
    /* Another example has other numbers from its first element on. */
    bgi_augment(&(bg_augmentation){ .noise = 0.5 }, scratch_engine()->kernels, again, BG_F64, BG_SHAPE(N), 3, 1, 5);
    double together = 0;
    for (int i = 0; i < N; i++)
        together += values[i] * again[i] / 0.25;
    ck_assert_double_lt(fabs(together / N), 4 / sqrt(N));
}
END_TEST

START_TEST(follows_from_numbers)
{
    const bg_augmentation a = { .flips = true, .shift = 2, .noise = 0.1 };
    const struct {
        uint64_t seed;
        int64_t epoch;
        uint64_t which;
    } rows[] = { { 3, 1, 7 }, { 4, 1, 7 }, { 3, 2, 7 }, { 3, 1, 8 } };
    float images[4][PIXELS], again[PIXELS];
    for (int r = 0; r < 4; r++) {
        fill(images[r]);
        fill(again);
        bgi_augment(&a, scratch_engine()->kernels, images[r], BG_F32, IMAGE, rows[r].seed, rows[r].epoch,
                    rows[r].which);
        bgi_augment(&a, scratch_engine()->kernels, again, BG_F32, IMAGE, rows[r].seed, rows[r].epoch, rows[r].which);
        ck_assert_mem_eq(images[r], again, sizeof again);
        for (int other = 0; other < r; other++)
            ck_assert(memcmp(images[r], images[other], sizeof again) != 0);
    }
}
END_TEST

/* ---- In training ---- */

static bg_node *network(bg_model *m, bg_node *x, void *user)
{
    (void)user;
    return bg_dense(m, "out", bg_reshape(x, BG_SHAPE(-1, HEIGHT * WIDTH)), 2);
}

static bg_dataset *make_images(int64_t n)
{
    bg_tensor *x, *y;
    bg_dataset *dataset;
    OK(bg_tensor_create(&x, scratch_engine(), BG_F32, BG_SHAPE(n, HEIGHT, WIDTH)));
    OK(bg_tensor_create(&y, scratch_engine(), BG_I64, BG_SHAPE(n)));
    for (int64_t i = 0; i < n * HEIGHT * WIDTH; i++)
        ((float *)bg_tensor_data(x))[i] = (float)(i % 13) / 13;
    for (int64_t i = 0; i < n; i++)
        ((int64_t *)bg_tensor_data(y))[i] = i % 2;
    OK(bg_dataset_create(&dataset, (bg_tensor *[]){ x, y }, 2, 2));
    bg_tensor_destroy(x);
    bg_tensor_destroy(y);
    return dataset;
}

static bool keep_loss(bg_trainer *trainer, const bg_progress *progress, void *user)
{
    (void)trainer;
    if (progress->epoch_is_done)
        *(double *)user = progress->train.loss;
    return true;
}

/* The train loss of the last epoch; the data stay as they were. */
static double train(bg_augmentation augmentation, int64_t batch, int64_t epochs, double rate)
{
    bg_model *model;
    bg_trainer *trainer;
    bg_dataset *data = make_images(24), *untouched = make_images(24);
    bg_trainer_options options = { .network = network,
                                   .loss = bg_cross_entropy_loss,
                                   .optimizer = bg_sgd(rate, 0),
                                   .batch = batch,
                                   .epochs = epochs,
                                   .augmentation = augmentation };
    double loss = NAN;
    OK(bg_model_create(&model, scratch_engine(), BG_F32));
    OK(bg_trainer_create(&trainer, model, &options));
    OK(bg_trainer_fit(trainer, data, NULL, keep_loss, &loss));
    for (int64_t i = 0; i < 24 * HEIGHT * WIDTH; i++)
        ck_assert(x_of(data, i) == x_of(untouched, i));
    bg_trainer_destroy(trainer);
    bg_model_destroy(model);
    bg_dataset_destroy(data);
    bg_dataset_destroy(untouched);
    return loss;
}

START_TEST(in_training)
{
    const bg_augmentation none = { .flips = false }, all = { .flips = true, .shift = 1, .noise = 0.05 };
    ck_assert(train(all, 8, 2, 0.1) == train(all, 8, 2, 0.1));
    ck_assert(train(all, 8, 2, 0.1) != train(none, 8, 2, 0.1));
    /* Without steps, the loss changes from epoch to epoch as the images do; also where all are one batch. */
    for (int64_t batch = 8; batch <= 24; batch += 16) {
        expect_near("loss of two epochs", train(none, batch, 2, 0), train(none, batch, 1, 0), 1e-6);
        ck_assert(fabs(train(all, batch, 2, 0) - train(all, batch, 1, 0)) > 1e-4);
        /* An example is changed alike in a batch of any size. */
        expect_near("loss by other batches", train(all, batch, 2, 0), train(all, 6, 2, 0), 1e-6);
    }
}
END_TEST

static bg_status check(const bg_augmentation *augmentation, const bg_tensor *column)
{
    return bgi_augmentation_check(augmentation, bg_tensor_dtype(column), bg_tensor_shape(column), "fit");
}

START_TEST(errors)
{
    static const struct {
        bg_augmentation augmentation;
        bg_status status;
        const char *message;
    } rows[] = {
        { { .shift = -1 }, BG_ERR_ARGUMENT, "a shift of -1 and noise of 0" },
        { { .noise = NAN }, BG_ERR_ARGUMENT, "noise of nan" },
        { { .noise = -0.5 }, BG_ERR_ARGUMENT, "noise of -0.5" },
        { { .shift = 6 }, BG_ERR_ARGUMENT, "images of 5 x 7 are shifted by up to 6" },
    };
    bg_dataset *data = make_images(4), *numbers;
    bg_tensor *flat, *column = bg_dataset_column(data, 0);
    for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++)
        expect_failure(check(&rows[r].augmentation, column), rows[r].status, rows[r].message, rows[r].message);
    OK(bg_tensor_reshape(&flat, column, BG_SHAPE(4, HEIGHT * WIDTH)));
    expect_failure(check(&(bg_augmentation){ .flips = true }, flat), BG_ERR_SHAPE, "examples of rank 1 are flipped",
                   "rank");
    OK(check(&(bg_augmentation){ .noise = 1 }, flat));
    expect_failure(check(&(bg_augmentation){ .noise = 1 }, bg_dataset_column(data, 1)), BG_ERR_DTYPE,
                   "augmentation of i64", "dtype");
    /* The trainer says so before its first step. */
    OK(bg_dataset_create(&numbers, (bg_tensor *[]){ flat, bg_dataset_column(data, 1) }, 2, 2));
    bg_model *model;
    bg_trainer *trainer;
    const bg_program *program;
    bg_trainer_options options = { .network = network,
                                   .loss = bg_cross_entropy_loss,
                                   .optimizer = bg_sgd(0.1, 0),
                                   .augmentation = { .flips = true } };
    OK(bg_model_create(&model, scratch_engine(), BG_F32));
    OK(bg_trainer_create(&trainer, model, &options));
    expect_failure(bg_trainer_program(trainer, numbers, 4, &program), BG_ERR_SHAPE, "flipped or shifted", "program");
    bg_trainer_destroy(trainer);
    bg_model_destroy(model);
    bg_dataset_destroy(numbers);
    bg_tensor_destroy(flat);
    bg_dataset_destroy(data);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("augment");
    TCase *tests = tcase_create("augment");
    tcase_add_checked_fixture(tests, scratch_begin, scratch_end);
    tcase_add_loop_test(tests, places, 0, 3);
    tcase_add_test(tests, noise);
    tcase_add_test(tests, follows_from_numbers);
    tcase_add_test(tests, in_training);
    tcase_add_test(tests, errors);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
