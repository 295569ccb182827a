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

/* A pass over a data set in its order, batch by batch. */
typedef struct {
    bg_trainer *trainer;
    const bg_dataset *dataset;
    int64_t n, batch;
    bgi_feed *feed; /* NULL: none */
} pass;

static bgi_span span_at(const pass *p, int64_t start)
{
    int64_t rest = p->n - start;
    return (bgi_span){ { .n = (uint64_t)p->n }, start, rest < p->batch ? rest : p->batch };
}

/* Brings the examples of the batch, and has the feed read those behind them while the batch runs. */
static bg_status load_batch(const pass *p, const bgi_span *span, bgi_batch_program *entry)
{
    if (!p->feed)
        return bgi_span_read(span, p->dataset, &entry->batch);
    bg_status status = bgi_feed_take(p->feed, span, &entry->batch);
    const bgi_span next = span_at(p, span->start + span->size);
    if (status == BG_OK && next.size > 0)
        bgi_feed_ask(p->feed, &next);
    return status;
}

/* evaluation may be NULL. */
static bg_status run_pass(const pass *p, bg_evaluation *evaluation, bgi_sums *sums)
{
    for (int64_t start = 0; start < p->n; start += p->batch) {
        bgi_batch_program *entry;
        const bgi_span span = span_at(p, start);
        bg_status status = bgi_trainer_find_program(p->trainer, p->dataset, span.size, BGI_EVALUATES, &entry);
        if (status == BG_OK)
            status = load_batch(p, &span, entry);
        if (status == BG_OK)
            status = bg_program_run(entry->program);
        if (status == BG_OK && evaluation)
            status = bg_evaluation_add(evaluation, bg_program_output(entry->program, 1), entry->batch.columns[1]);
        if (status != BG_OK)
            return status;
        bgi_sums_add(sums, entry);
    }
    return BG_OK;
}

/* Examples that are not in memory are read ahead, where there is more than one batch of them. */
static bg_status evaluate(bg_trainer *trainer, const bg_dataset *dataset, const char *caller, bg_evaluation *evaluation,
                          bg_metrics *metrics)
{
    pass p = { trainer, dataset, bg_dataset_size(dataset), evaluation_batch(trainer), NULL };
    bgi_feed feed = { .has_thread = false };
    bgi_sums sums = { .loss = 0 };
    bg_status status = BG_OK;
    if (!bg_dataset_column(dataset, 0) && p.n > p.batch) {
        p.feed = &feed;
        status = bgi_feed_begin(&feed, trainer->engine, caller, dataset, p.batch);
    }
    if (status == BG_OK)
        status = run_pass(&p, evaluation, &sums);
    if (p.feed)
        bgi_feed_end(&feed);
    if (status == BG_OK)
        *metrics = bgi_sums_means(&sums);
    return status;
}

/* With the averages of the parameters, if there are some. */
static bg_status evaluate_averages(bg_trainer *trainer, const bg_dataset *dataset, const char *caller,
                                   bg_evaluation *evaluation, bg_metrics *metrics)
{
    /* Until an update counts, the average is the parameter, whatever the buffers hold: parameters may have been set or
     * loaded since the first program made them, and they may be of an earlier trainer. */
    bool has_averages = trainer->options.averaging.kind != BG_AVERAGE_NONE && trainer->averaged > 0 &&
                        bg_model_swap_averages(trainer->model) == BG_OK;
    bg_status status = evaluate(trainer, dataset, caller, evaluation, metrics);
    if (has_averages)
        bg_model_swap_averages(trainer->model);
    return status;
}

bg_status bg_trainer_evaluate(bg_trainer *trainer, const bg_dataset *dataset, bg_metrics *metrics)
{
    if (!metrics)
        return bg_fail(BG_ERR_ARGUMENT, "trainer_evaluate: metrics is NULL");
    static const char caller[] = "trainer_evaluate";
    bg_status status = bgi_trainer_check(trainer, dataset, caller);
    return status == BG_OK ? evaluate_averages(trainer, dataset, caller, NULL, metrics) : status;
}

bg_status bg_trainer_score(bg_trainer *trainer, const bg_dataset *dataset, bg_evaluation *evaluation,
                           bg_metrics *metrics)
{
    if (!evaluation)
        return bg_fail(BG_ERR_ARGUMENT, "trainer_score: evaluation is NULL");
    static const char caller[] = "trainer_score";
    bg_status status = bgi_trainer_check(trainer, dataset, caller);
    if (status != BG_OK)
        return status;
    if (!trainer->options.network)
        return bg_fail(BG_ERR_ARGUMENT, "trainer_score: a step gives no predictions; give network and loss");
    bg_metrics unused;
    return evaluate_averages(trainer, dataset, caller, evaluation, metrics ? metrics : &unused);
}
