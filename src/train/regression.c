/* The metrics of numbers. */
#include "train/metrics.h"

#include "ops/memory.h"

#include <math.h>

static void add_target(bgi_target_sums *sums, double prediction, double target, int64_t rows)
{
    if (rows == 1)
        sums->first = target;
    double error = prediction - target, moved = target - sums->first, distance = moved - sums->mean;
    sums->mean += distance / (double)rows;
    sums->spread += distance * (moved - sums->mean);
    sums->absolute += fabs(error);
    sums->squared += error * error;
}

void bgi_regression_add(bg_evaluation *evaluation, const bg_tensor *prediction, const bg_tensor *target, int64_t rows)
{
    const void *predictions = bg_tensor_const_data(prediction), *targets = bg_tensor_const_data(target);
    for (int64_t i = 0; i < rows; i++) {
        evaluation->rows++;
        for (int64_t j = 0; j < evaluation->width; j++)
            add_target(&evaluation->targets[j],
                       bgi_float_at(predictions, bg_tensor_dtype(prediction), i * evaluation->width + j),
                       bgi_float_at(targets, bg_tensor_dtype(target), i * evaluation->width + j), evaluation->rows);
    }
}

static double determination(const bgi_target_sums *sums, int64_t rows)
{
    if (rows < 2 || isnan(sums->squared) || isnan(sums->spread))
        return NAN;
    if (sums->spread == 0)
        return sums->squared == 0 ? 1 : 0;
    return 1 - sums->squared / sums->spread;
}

static bg_regression metrics_of(const bg_evaluation *evaluation, int64_t target)
{
    const bgi_target_sums *sums = &evaluation->targets[target];
    return (bg_regression){ .mae = sums->absolute / (double)evaluation->rows,
                            .rmse = sqrt(sums->squared / (double)evaluation->rows),
                            .r2 = determination(sums, evaluation->rows) };
}

bg_status bg_evaluation_target(const bg_evaluation *evaluation, int64_t index, bg_regression *metrics)
{
    bg_status status = bgi_evaluation_check(evaluation, false, "evaluation_target");
    if (status != BG_OK)
        return status;
    if (!metrics)
        return bg_fail(BG_ERR_ARGUMENT, "evaluation_target: metrics is NULL");
    if (index < 0 || index >= evaluation->width)
        return bg_fail(BG_ERR_INDEX, "evaluation_target: target %lld of %lld", (long long)index,
                       (long long)evaluation->width);
    *metrics = metrics_of(evaluation, index);
    return BG_OK;
}

bg_status bg_evaluation_regression(const bg_evaluation *evaluation, bg_regression *metrics)
{
    bg_status status = bgi_evaluation_check(evaluation, false, "evaluation_regression");
    if (status != BG_OK)
        return status;
    if (!metrics)
        return bg_fail(BG_ERR_ARGUMENT, "evaluation_regression: metrics is NULL");
    bg_regression sum = { .mae = 0 };
    for (int64_t j = 0; j < evaluation->width; j++) {
        bg_regression of_target = metrics_of(evaluation, j);
        sum.mae += of_target.mae;
        sum.rmse += of_target.rmse;
        sum.r2 += of_target.r2;
    }
    double targets = (double)evaluation->width;
    *metrics = (bg_regression){ .mae = sum.mae / targets, .rmse = sum.rmse / targets, .r2 = sum.r2 / targets };
    return BG_OK;
}
