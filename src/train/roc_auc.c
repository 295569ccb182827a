/* Areas under ROC curves, from scores that were kept. */
#include "train/metrics.h"

#include <math.h>
#include <string.h>

/* ---- Keeping ---- */

static int64_t kept_width(const bg_evaluation *evaluation) { return evaluation->width == 2 ? 1 : evaluation->width; }

/* Of one row: its scores and its class. */
static size_t row_bytes(const bgi_kept_scores *kept)
{
    return (size_t)kept->width * sizeof *kept->values + sizeof *kept->classes;
}

bg_status bgi_scores_reserve(bg_evaluation *evaluation, int64_t rows)
{
    bgi_kept_scores *kept = &evaluation->kept, larger = { .rows = kept->rows, .width = kept_width(evaluation) };
    if (rows <= kept->capacity - kept->rows)
        return BG_OK;
    int64_t most = (int64_t)(PTRDIFF_MAX / row_bytes(&larger));
    if (rows > most - kept->rows)
        return bg_fail(BG_ERR_OVERFLOW, "evaluation_add: the scores of %lld rows and %lld more", (long long)kept->rows,
                       (long long)rows);
    larger.capacity = kept->rows + rows;
    if (larger.capacity < 2 * kept->capacity && kept->capacity <= most / 2)
        larger.capacity = 2 * kept->capacity;
    larger.values = bgi_alloc(evaluation->engine, (size_t)larger.capacity * row_bytes(&larger));
    if (!larger.values)
        return BG_ERR_NOMEM;
    larger.classes = (int64_t *)(larger.values + larger.capacity * larger.width);
    if (kept->rows) {
        memcpy(larger.values, kept->values, (size_t)(kept->rows * kept->width) * sizeof *kept->values);
        memcpy(larger.classes, kept->classes, (size_t)kept->rows * sizeof *kept->classes);
    }
    bgi_scores_release(evaluation);
    *kept = larger;
    return BG_OK;
}

void bgi_scores_release(bg_evaluation *evaluation)
{
    bgi_kept_scores *kept = &evaluation->kept;
    bgi_free(evaluation->engine, kept->values, (size_t)kept->capacity * row_bytes(kept));
    *kept = (bgi_kept_scores){ .rows = 0 };
}

/* Sorts upwards by merging runs of 1, 2, 4, ..; `spare` has room for as many. Returns where the sorted ones are. */
static double *sort(double *from, double *spare, int64_t n)
{
    for (int64_t run = 1; run < n; run *= 2) {
        for (int64_t start = 0; start < n; start += 2 * run) {
            int64_t middle = start + run < n ? start + run : n, end = start + 2 * run < n ? start + 2 * run : n;
            int64_t left = start, right = middle;
            for (int64_t k = start; k < end; k++) {
                bool takes_right = left == middle || (right < end && from[right] < from[left]);
                spare[k] = takes_right ? from[right++] : from[left++];
            }
        }
        double *sorted = spare;
        spare = from;
        from = sorted;
    }
    return from;
}

/* Σ exp(s - largest) of scores sorted upwards. */
static double sum_of_terms(const double *sorted, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += exp(sorted[i] - sorted[n - 1]);
    return sum;
}

/* The logarithms of the odds of softmax's probabilities: log(p / (1 - p)) = s - log Σ exp of the other scores. They
 * rise with p and tell apart what is all 1 or 0 after rounding. Sums go by size, so that rows whose scores stand in
 * another order tie. For the largest score the others are added up by themselves; for the rest the whole sum less their
 * own term does not cancel, since it keeps the largest's 1. Scores have no NaN. */
static void put_log_odds(double *to, const double *scores, int64_t n, double *work)
{
    memcpy(work, scores, (size_t)n * sizeof *work);
    const double *sorted = sort(work, work + n, n);
    double largest = sorted[n - 1], second = sorted[n - 2], sum = sum_of_terms(sorted, n);
    double of_largest = second > -INFINITY ? largest - second - log(sum_of_terms(sorted, n - 1)) : INFINITY;
    for (int64_t j = 0; j < n; j++) {
        double distance = scores[j] - largest;
        to[j] = distance == 0 ? of_largest : distance - log(sum - exp(distance));
    }
}

void bgi_scores_keep(bg_evaluation *evaluation, int64_t class, int64_t answer)
{
    bgi_kept_scores *kept = &evaluation->kept;
    double *to = kept->values + kept->rows * kept->width;
    if (evaluation->width == 2)
        *to = !evaluation->options.are_logits  ? evaluation->row[1]
              : isinf(evaluation->row[answer]) ? NAN
                                               : evaluation->row[1] - evaluation->row[0];
    else if (evaluation->options.are_logits && kept->width > 1 && !isnan(evaluation->row[answer]))
        put_log_odds(to, evaluation->row, kept->width, evaluation->row + kept->width);
    else
        memcpy(to, evaluation->row, (size_t)kept->width * sizeof *to);
    kept->classes[kept->rows++] = class;
}

/* ---- Areas ---- */

/* The share of pairs whose positive is above the negative, of sorted scores; ties count half. Sums of whole numbers,
 * exact up to 2^53 half pairs. */
static double share_above(const double *positives, int64_t n, const double *negatives, int64_t m)
{
    double halves = 0;
    for (int64_t i = 0, below = 0, not_above = 0; i < n; i++) {
        while (below < m && negatives[below] < positives[i])
            below++;
        while (not_above < m && negatives[not_above] <= positives[i])
            not_above++;
        halves += (double)(below + not_above);
    }
    return halves / 2 / (double)n / (double)m;
}

/* Of the class `positive` by its scores in one column; work has room for two scores a row. */
static double area(const bgi_kept_scores *kept, int64_t column, int64_t positive, double *work)
{
    int64_t n = 0, m = 0;
    for (int64_t i = 0; i < kept->rows; i++) {
        double score = kept->values[i * kept->width + column];
        if (isnan(score))
            return NAN;
        /* Positives from the front, negatives from the back. */
        if (kept->classes[i] == positive)
            work[n++] = score;
        else
            work[kept->rows - ++m] = score;
    }
    if (n == 0 || m == 0)
        return NAN;
    double *spare = work + kept->rows;
    const double *positives = sort(work, spare, n), *negatives = sort(work + n, spare + n, m);
    return share_above(positives, n, negatives, m);
}

bg_status bg_evaluation_roc_auc(const bg_evaluation *evaluation, double *each, double *mean)
{
    bg_status status = bgi_evaluation_check(evaluation, true, "evaluation_roc_auc");
    if (status == BG_OK && !mean)
        status = bg_fail(BG_ERR_ARGUMENT, "evaluation_roc_auc: mean is NULL");
    if (status == BG_OK && !evaluation->options.with_roc_auc)
        status = bg_fail(BG_ERR_ARGUMENT, "evaluation_roc_auc: the evaluation keeps no scores; with_roc_auc");
    if (status == BG_OK)
        status = bgi_engine_check(evaluation->engine, "evaluation_roc_auc");
    if (status != BG_OK)
        return status;
    const bgi_kept_scores *kept = &evaluation->kept;
    size_t bytes = 2 * (size_t)kept->rows * sizeof(double); /* twice the rows: at most what is kept */
    double *work = bgi_alloc(evaluation->engine, bytes), sum = 0;
    if (!work)
        return BG_ERR_NOMEM;
    int64_t curves = 0;
    for (int64_t j = 0; evaluation->width > 0 && j < kept_width(evaluation); j++) { /* also before a row was kept */
        double value = area(kept, j, evaluation->width == 2 ? 1 : j, work);
        if (each)
            each[j] = value;
        if (isnan(value))
            continue;
        sum += value;
        curves++;
    }
    if (each && evaluation->width == 2)
        each[1] = each[0];
    *mean = sum / (double)curves;
    bgi_free(evaluation->engine, work, bytes);
    return BG_OK;
}
