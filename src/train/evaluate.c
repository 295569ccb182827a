/* The evaluation of a data set: sums over batches in f64, and what an evaluation takes in. */
#include "train/metrics.h"
#include "train/trainer.h"

#include <math.h>

/* Outputs and batch tensors are contiguous. */
static void count_right(bgi_sums *sums, const bg_tensor *prediction, const bg_tensor *classes)
{
    bg_shape shape = bg_tensor_shape(prediction);
    int64_t c = shape.dims[shape.rank - 1], rows = bg_shape_count(shape) / c;
    const void *scores = bg_tensor_const_data(prediction);
    bg_dtype dtype = bg_tensor_dtype(prediction);
    for (int64_t i = 0; i < rows; i++) {
        int64_t answer = bgi_answer((const char *)scores + (size_t)(i * c) * bg_dtype_size(dtype), dtype, c);
        sums->right += answer == bgi_class_at(bg_tensor_const_data(classes), bg_tensor_dtype(classes), i);
    }
    sums->answers += rows;
}

double bgi_sums_add(bgi_sums *sums, const bgi_batch_program *entry)
{
    double loss = NAN;
    bg_tensor_item(bg_program_output(entry->program, 0), 0, &loss);
    sums->loss += loss * (double)entry->batch.size;
    sums->examples += entry->batch.size;
    if (entry->counts_answers)
        count_right(sums, bg_program_output(entry->program, 1), entry->batch.columns[1]);
    return loss;
}

bg_metrics bgi_sums_means(const bgi_sums *sums)
{
    /* Of no examples, if all steps were skipped: NaN. */
    bg_metrics metrics = { .loss = sums->loss / (double)sums->examples, .examples = sums->examples };
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

/* evaluation may be NULL. */
static bg_status evaluate(bg_trainer *trainer, const bg_dataset *dataset, bg_evaluation *evaluation,
                          bg_metrics *metrics)
{
    int64_t n = bg_dataset_size(dataset), batch = evaluation_batch(trainer);
    bgi_sums sums = { .loss = 0 };
    for (int64_t start = 0; start < n; start += batch) {
        bgi_batch_program *entry;
        const bgi_span span = { { .n = (uint64_t)n }, start, n - start < batch ? n - start : batch };
        bg_status status = bgi_trainer_find_program(trainer, dataset, span.size, BGI_EVALUATES, &entry);
        if (status == BG_OK)
            status = bgi_span_read(&span, dataset, &entry->batch);
        if (status == BG_OK)
            status = bg_program_run(entry->program);
        if (status == BG_OK && evaluation)
            status = bg_evaluation_add(evaluation, bg_program_output(entry->program, 1), entry->batch.columns[1]);
        if (status != BG_OK)
            return status;
        bgi_sums_add(&sums, entry);
    }
    *metrics = bgi_sums_means(&sums);
    return BG_OK;
}

/* With the averages of the parameters, if there are some. */
static bg_status evaluate_averages(bg_trainer *trainer, const bg_dataset *dataset, bg_evaluation *evaluation,
                                   bg_metrics *metrics)
{
    /* Until an update counts, the average is the parameter, whatever the buffers hold: parameters may have been set or
     * loaded since the first program made them, and they may be of an earlier trainer. */
    bool has_averages = trainer->options.averaging.kind != BG_AVERAGE_NONE && trainer->averaged > 0 &&
                        bg_model_swap_averages(trainer->model) == BG_OK;
    bg_status status = evaluate(trainer, dataset, evaluation, metrics);
    if (has_averages)
        bg_model_swap_averages(trainer->model);
    return status;
}

bg_status bg_trainer_evaluate(bg_trainer *trainer, const bg_dataset *dataset, bg_metrics *metrics)
{
    if (!metrics)
        return bg_fail(BG_ERR_ARGUMENT, "trainer_evaluate: metrics is NULL");
    bg_status status = bgi_trainer_check(trainer, dataset, "trainer_evaluate");
    return status == BG_OK ? evaluate_averages(trainer, dataset, NULL, metrics) : status;
}

bg_status bg_trainer_score(bg_trainer *trainer, const bg_dataset *dataset, bg_evaluation *evaluation,
                           bg_metrics *metrics)
{
    if (!evaluation)
        return bg_fail(BG_ERR_ARGUMENT, "trainer_score: evaluation is NULL");
    bg_status status = bgi_trainer_check(trainer, dataset, "trainer_score");
    if (status != BG_OK)
        return status;
    if (trainer->options.step)
        return bg_fail(BG_ERR_ARGUMENT, "trainer_score: a step gives no predictions; give network and loss");
    bg_metrics unused;
    return evaluate_averages(trainer, dataset, evaluation, metrics ? metrics : &unused);
}
