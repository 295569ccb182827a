/* Metrics: sums over batches in f64, and the evaluation of a whole data set. */
#include "train/trainer.h"

#include <math.h>

static int64_t class_at(const bg_tensor *classes, int64_t i)
{
    const void *data = bg_tensor_const_data(classes);
    switch (bg_tensor_dtype(classes)) {
    case BG_I64:
        return ((const int64_t *)data)[i];
    case BG_I32:
        return ((const int32_t *)data)[i];
    default:
        return ((const uint8_t *)data)[i];
    }
}

static int64_t largest_f32(const float *scores, int64_t n)
{
    int64_t best = 0;
    for (int64_t j = 1; j < n; j++)
        if (scores[j] > scores[best])
            best = j;
    return best;
}

static int64_t largest_f64(const double *scores, int64_t n)
{
    int64_t best = 0;
    for (int64_t j = 1; j < n; j++)
        if (scores[j] > scores[best])
            best = j;
    return best;
}

/* Outputs and batch tensors are contiguous. */
static void count_right(bgi_sums *sums, const bg_tensor *prediction, const bg_tensor *classes)
{
    bg_shape shape = bg_tensor_shape(prediction);
    int64_t c = shape.dims[shape.rank - 1], rows = bg_shape_count(shape) / c;
    const void *scores = bg_tensor_const_data(prediction);
    bool is_f64 = bg_tensor_dtype(prediction) == BG_F64;
    for (int64_t i = 0; i < rows; i++) {
        int64_t answer =
            is_f64 ? largest_f64((const double *)scores + i * c, c) : largest_f32((const float *)scores + i * c, c);
        sums->right += answer == class_at(classes, i);
    }
    sums->answers += rows;
}

double bgi_sums_add(bgi_sums *sums, const bgi_batch_program *entry)
{
    double loss = NAN;
    bg_tensor_item(bg_program_output(entry->program, 0), 0, &loss);
    sums->loss += loss * (double)entry->batch;
    sums->examples += entry->batch;
    if (entry->has_prediction)
        count_right(sums, bg_program_output(entry->program, 1), entry->columns[1]);
    return loss;
}

bg_metrics bgi_sums_means(const bgi_sums *sums)
{
    /* Of no examples, if all steps were skipped: NaN. */
    bg_metrics metrics = { .loss = sums->loss / (double)sums->examples };
    metrics.has_accuracy = sums->answers > 0;
    if (metrics.has_accuracy)
        metrics.accuracy = (double)sums->right / (double)sums->answers;
    return metrics;
}

/* Small training batches would make evaluation slow. */
enum { EVALUATION_BATCH_MIN = 256 };

static int64_t evaluation_batch(const bg_trainer *trainer)
{
    return trainer->options.batch > EVALUATION_BATCH_MIN ? trainer->options.batch : EVALUATION_BATCH_MIN;
}

bg_status bgi_trainer_prepare_evaluation(bg_trainer *trainer, const bg_dataset *dataset)
{
    int64_t n = bg_dataset_size(dataset), batch = evaluation_batch(trainer);
    bgi_batch_program *entry;
    bg_status status = n >= batch ? bgi_trainer_find_program(trainer, dataset, batch, BGI_EVALUATES, &entry) : BG_OK;
    if (status == BG_OK && n % batch)
        status = bgi_trainer_find_program(trainer, dataset, n % batch, BGI_EVALUATES, &entry);
    return status;
}

static bg_status evaluate(bg_trainer *trainer, const bg_dataset *dataset, bg_metrics *metrics)
{
    int64_t n = bg_dataset_size(dataset), batch = evaluation_batch(trainer);
    const bgi_order order = { .n = (uint64_t)n };
    bgi_sums sums = { .loss = 0 };
    for (int64_t start = 0; start < n; start += batch) {
        bgi_batch_program *entry;
        int64_t size = n - start < batch ? n - start : batch;
        bg_status status = bgi_trainer_find_program(trainer, dataset, size, BGI_EVALUATES, &entry);
        if (status != BG_OK)
            return status;
        bgi_gather_batch(entry, dataset, &order, start);
        status = bg_program_run(entry->program);
        if (status != BG_OK)
            return status;
        bgi_sums_add(&sums, entry);
    }
    *metrics = bgi_sums_means(&sums);
    return BG_OK;
}

bg_status bg_trainer_evaluate(bg_trainer *trainer, const bg_dataset *dataset, bg_metrics *metrics)
{
    if (!metrics)
        return bg_fail(BG_ERR_ARGUMENT, "trainer_evaluate: metrics is NULL");
    bg_status status = bgi_trainer_check(trainer, dataset, "trainer_evaluate");
    if (status != BG_OK)
        return status;
    /* Until an update counts, the average is the parameter, whatever the buffers hold: parameters may have been set or
     * loaded since the first program made them, and they may be of an earlier trainer. */
    bool has_averages = trainer->options.averaging.kind != BG_AVERAGE_NONE && trainer->averaged > 0 &&
                        bg_model_swap_averages(trainer->model) == BG_OK;
    status = evaluate(trainer, dataset, metrics);
    if (has_averages)
        bg_model_swap_averages(trainer->model);
    return status;
}
