/* The evaluation from the inside. */
#ifndef BGI_METRICS_H
#define BGI_METRICS_H

#include <blasgrad/graph.h>
#include <blasgrad/metrics.h>

#include "base/engine.h"

/* The scores that ROC curves are made of, and the class of each row. */
typedef struct {
    double *values;   /* [capacity, width], and behind them in the same memory */
    int64_t *classes; /* [capacity] */
    int64_t rows, capacity;
    int64_t width; /* one for two classes */
} bgi_kept_scores;

/* Of one target of numbers. The mean of the targets less the first of them, and the sum of their squared distances from
 * it, go by Welford's update, which does not look at the numbers twice; its error grows with the ratio of mean and
 * deviation, hence the first. */
typedef struct {
    double first, mean, spread;
    double absolute, squared; /* of the errors */
} bgi_target_sums;

struct bg_evaluation {
    bg_engine *engine;
    bg_evaluation_options options;
    int64_t rows;
    int64_t width;                        /* classes or targets; 0 before the first batch */
    int64_t *support, *predicted, *right; /* of each class, in one piece of memory */
    int64_t *confusion;                   /* or NULL */
    double *row;                          /* the scores of one row, and room to sort them */
    int64_t right_in_all, near_right, nan_rows;
    bgi_kept_scores kept;
    bgi_target_sums *targets;
};

/* ---- metrics.c ---- */
/* BG_OK if the evaluation is there and of this manner; caller names the operation. */
bg_status bgi_evaluation_check(const bg_evaluation *evaluation, bool has_classes, const char *caller);

/* ---- classification.c ---- */
/* Element i of contiguous class indices. */
int64_t bgi_class_at(const void *classes, bg_dtype dtype, int64_t i);
/* The answer of a row of scores: the first NaN, or the first of the largest. */
int64_t bgi_answer(const void *scores, bg_dtype dtype, int64_t n);
/* Whether all targets are classes. The others take in rows that are. */
bg_status bgi_classes_check(const bg_evaluation *evaluation, const bg_tensor *target, int64_t rows, int64_t width);
void bgi_classes_add(bg_evaluation *evaluation, const bg_tensor *prediction, const bg_tensor *target, int64_t rows);
void bgi_binary_add(bg_evaluation *evaluation, const bg_tensor *prediction, const bg_tensor *target, int64_t rows);

/* ---- roc_auc.c ---- */
/* Room for further rows; BG_ERR_NOMEM or BG_ERR_OVERFLOW, and then nothing has changed. */
bg_status bgi_scores_reserve(bg_evaluation *evaluation, int64_t rows);
/* Keeps the scores of evaluation->row, for which there is room. */
void bgi_scores_keep(bg_evaluation *evaluation, int64_t class, int64_t answer);
void bgi_scores_release(bg_evaluation *evaluation);

/* ---- regression.c ---- */
/* Takes in rows of numbers that fit the evaluation. */
void bgi_regression_add(bg_evaluation *evaluation, const bg_tensor *prediction, const bg_tensor *target, int64_t rows);

#endif
