/* The metrics of classes. */
#include "train/metrics.h"

#include "ops/memory.h"
#include "ops/ops.h"

#include <math.h>

/* ---- Counting ---- */

int64_t bgi_class_at(const void *classes, bg_dtype dtype, int64_t i)
{
    switch (dtype) {
    case BG_I64:
        return ((const int64_t *)classes)[i];
    case BG_I32:
        return ((const int32_t *)classes)[i];
    default:
        return ((const uint8_t *)classes)[i];
    }
}

int64_t bgi_answer(const void *scores, bg_dtype dtype, int64_t n)
{
    int64_t best = 0;
    double most = -INFINITY;
    for (int64_t j = 0; j < n; j++) {
        double score = bgi_float_at(scores, dtype, j);
        if (isnan(score))
            return j;
        if (score > most) {
            most = score;
            best = j;
        }
    }
    return best;
}

/* Of a binary evaluation a class may be a number too; -1 if it is neither 0 nor 1. */
static int64_t class_of(const bg_evaluation *evaluation, const void *classes, bg_dtype dtype, int64_t i)
{
    if (!bgi_is_float(dtype))
        return bgi_class_at(classes, dtype, i);
    double value = bgi_float_at(classes, dtype, i);
    return evaluation->options.kind == BG_EVALUATION_BINARY && (value == 0 || value == 1) ? (int64_t)value : -1;
}

bg_status bgi_classes_check(const bg_evaluation *evaluation, const bg_tensor *target, int64_t rows, int64_t width)
{
    const void *classes = bg_tensor_const_data(target);
    bg_dtype dtype = bg_tensor_dtype(target);
    for (int64_t i = 0; i < rows; i++) {
        int64_t class = class_of(evaluation, classes, dtype, i);
        if (class >= 0 && class < width)
            continue;
        double value = bgi_is_float(dtype) ? bgi_float_at(classes, dtype, i) : (double)class;
        if (evaluation->options.kind == BG_EVALUATION_BINARY)
            return bg_fail(BG_ERR_ARGUMENT, "evaluation_add: target %lld is %g, neither 0 nor 1", (long long)i, value);
        return bg_fail(BG_ERR_INDEX, "evaluation_add: class %lld of row %lld is outside 0 .. %lld", (long long)class,
                       (long long)i, (long long)width - 1);
    }
    return BG_OK;
}

static bool is_greater(double a, double b) { return isnan(a) ? !isnan(b) : a > b; }

/* Whether fewer than k classes come before this one. */
static bool is_near(const double *scores, int64_t classes, int64_t class, int64_t k)
{
    int64_t before = 0;
    for (int64_t j = 0; j < classes; j++)
        before += is_greater(scores[j], scores[class]) || (j < class && !is_greater(scores[class], scores[j]));
    return before < k;
}

static void count_row(bg_evaluation *evaluation, int64_t class, int64_t answer)
{
    evaluation->support[class]++;
    evaluation->predicted[answer]++;
    evaluation->right[class] += answer == class;
    evaluation->right_in_all += answer == class;
    if (evaluation->confusion)
        evaluation->confusion[class * evaluation->width + answer]++;
    if (evaluation->options.with_roc_auc)
        bgi_scores_keep(evaluation, class, answer);
}

void bgi_classes_add(bg_evaluation *evaluation, const bg_tensor *prediction, const bg_tensor *target, int64_t rows)
{
    const void *scores = bg_tensor_const_data(prediction), *classes = bg_tensor_const_data(target);
    bg_dtype dtype = bg_tensor_dtype(prediction);
    int64_t width = evaluation->width;
    for (int64_t i = 0; i < rows; i++) {
        for (int64_t j = 0; j < width; j++)
            evaluation->row[j] = bgi_float_at(scores, dtype, i * width + j);
        int64_t class = class_of(evaluation, classes, bg_tensor_dtype(target), i);
        int64_t answer = bgi_answer(evaluation->row, BG_F64, width);
        evaluation->nan_rows += isnan(evaluation->row[answer]);
        if (evaluation->options.top_k)
            evaluation->near_right += is_near(evaluation->row, width, class, evaluation->options.top_k);
        count_row(evaluation, class, answer);
    }
}

void bgi_binary_add(bg_evaluation *evaluation, const bg_tensor *prediction, const bg_tensor *target, int64_t rows)
{
    const void *scores = bg_tensor_const_data(prediction), *classes = bg_tensor_const_data(target);
    for (int64_t i = 0; i < rows; i++) {
        double score = bgi_float_at(scores, bg_tensor_dtype(prediction), i);
        evaluation->row[1] = score;
        evaluation->nan_rows += isnan(score);
        count_row(evaluation, class_of(evaluation, classes, bg_tensor_dtype(target), i),
                  !(score <= evaluation->options.threshold));
    }
}

/* ---- Results ---- */

static double ratio(int64_t part, int64_t whole) { return whole ? (double)part / (double)whole : 0; }

static bg_class_metrics metrics_of(const bg_evaluation *evaluation, int64_t class)
{
    bg_class_metrics metrics = { .support = evaluation->support[class], .predicted = evaluation->predicted[class] };
    int64_t right = evaluation->right[class];
    metrics.precision = ratio(right, metrics.predicted);
    metrics.recall = ratio(right, metrics.support);
    metrics.f1 = ratio(2 * right, metrics.predicted + metrics.support);
    return metrics;
}

bg_status bg_evaluation_class(const bg_evaluation *evaluation, int64_t index, bg_class_metrics *metrics)
{
    bg_status status = bgi_evaluation_check(evaluation, true, "evaluation_class");
    if (status != BG_OK)
        return status;
    if (!metrics)
        return bg_fail(BG_ERR_ARGUMENT, "evaluation_class: metrics is NULL");
    if (index < 0 || index >= evaluation->width)
        return bg_fail(BG_ERR_INDEX, "evaluation_class: class %lld of %lld", (long long)index,
                       (long long)evaluation->width);
    *metrics = metrics_of(evaluation, index);
    return BG_OK;
}

static void add_weighted(bg_class_metrics *sum, const bg_class_metrics *term, double weight)
{
    sum->precision += weight * term->precision;
    sum->recall += weight * term->recall;
    sum->f1 += weight * term->f1;
}
static void divide(bg_class_metrics *sum, double divisor)
{
    sum->precision /= divisor;
    sum->recall /= divisor;
    sum->f1 /= divisor;
}

bg_status bg_evaluation_classification(const bg_evaluation *evaluation, bg_classification *metrics)
{
    bg_status status = bgi_evaluation_check(evaluation, true, "evaluation_classification");
    if (status != BG_OK)
        return status;
    if (!metrics)
        return bg_fail(BG_ERR_ARGUMENT, "evaluation_classification: metrics is NULL");
    int64_t rows = evaluation->rows;
    *metrics = (bg_classification){ .macro = { .support = rows, .predicted = rows },
                                    .weighted = { .support = rows, .predicted = rows },
                                    .nan_rows = evaluation->nan_rows };
    metrics->accuracy = (double)evaluation->right_in_all / (double)rows;
    if (evaluation->options.top_k)
        metrics->top_k_accuracy = (double)evaluation->near_right / (double)rows;
    for (int64_t i = 0; i < evaluation->width; i++) {
        bg_class_metrics of_class = metrics_of(evaluation, i);
        add_weighted(&metrics->macro, &of_class, 1);
        add_weighted(&metrics->weighted, &of_class, (double)of_class.support);
        metrics->unpredicted += of_class.predicted == 0;
        metrics->unsupported += of_class.support == 0;
    }
    if (evaluation->width)
        divide(&metrics->macro, (double)evaluation->width);
    if (rows)
        divide(&metrics->weighted, (double)rows);
    return BG_OK;
}
