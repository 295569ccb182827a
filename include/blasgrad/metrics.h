/* Metrics of predictions, summed in f64 over any number of batches. Names and definitions are scikit-learn's (1.9,
 * sklearn.metrics); what differs is said. Rows are taken one by one in the order they come, so that the same
 * predictions give the same bits however they are cut into batches. */
#ifndef BLASGRAD_METRICS_H
#define BLASGRAD_METRICS_H

#include <blasgrad/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What was predicted, and what it should have been. */
typedef struct bg_evaluation bg_evaluation;

/* What predictions and targets are:
 *   _NUMBERS   numbers [n, ..]; each place behind the first axis is a target
 *   _CLASSES   scores [.., c] and class indices [..] (u8, i32, i64); the answer is the class of the largest score, the
 *              first of equals
 *   _BINARY    scores, and 0 or 1 in the same shape; the answer is 1 above the threshold
 *
 * NaN counts as the greatest, as in bg_argmax: the first NaN of a row is its answer, and a score that is NaN is above
 * the threshold. */
typedef enum { BG_EVALUATION_NUMBERS, BG_EVALUATION_CLASSES, BG_EVALUATION_BINARY } bg_evaluation_kind;

typedef struct {
    bg_evaluation_kind kind;
    double threshold; /* BINARY: 0 for logits, 0.5 for probabilities */
    int64_t top_k;    /* CLASSES: with the top-k accuracy; 0: without */
    /* Keeps the confusion matrix: 8 bytes c², for at most BG_CONFUSION_MAX classes. */
    bool with_confusion;
    /* Keeps the scores for bg_evaluation_roc_auc: 8 (c + 1) bytes a row, 16 of two classes, and up to three times that
     * while they grow. */
    bool with_roc_auc;
    /* Scores are logits: ROC curves go by the probabilities that softmax makes of them, without their rounding; a row
     * whose largest logit is infinite counts as NaN. Without it, or for BINARY, they go by the scores themselves, for
     * two classes by the second. */
    bool are_logits;
} bg_evaluation_options;

enum { BG_CONFUSION_MAX = 4096 };

/* BG_ERR_ARGUMENT if an option makes no sense for the kind. */
BG_API bg_status bg_evaluation_create(bg_evaluation **evaluation, bg_engine *engine,
                                      const bg_evaluation_options *options);
BG_API void bg_evaluation_destroy(bg_evaluation *evaluation);

/* Takes in predictions and their targets, any strides; scores and numbers are f32 or f64. The first call says how many
 * classes (c) or targets there are. BG_ERR_SHAPE if the shapes do not fit each other or the first call, BG_ERR_DTYPE,
 * BG_ERR_INDEX for a class that is none, BG_ERR_ARGUMENT for more classes than a confusion matrix may have, or a target
 * of BINARY that is neither 0 nor 1, BG_ERR_NOMEM; the evaluation is then what it was. */
BG_API bg_status bg_evaluation_add(bg_evaluation *evaluation, const bg_tensor *prediction, const bg_tensor *target);

/* Rows so far: answers, or examples of numbers. */
BG_API int64_t bg_evaluation_rows(const bg_evaluation *evaluation);
/* Classes or targets; 0 before the first bg_evaluation_add. */
BG_API int64_t bg_evaluation_classes(const bg_evaluation *evaluation);
BG_API int64_t bg_evaluation_targets(const bg_evaluation *evaluation);

/* ---- Classes. The calls are BG_ERR_ARGUMENT for an evaluation of numbers. ---- */

/* precision = right / predicted, recall = right / support, f1 = 2 right / (predicted + support). What has nothing to
 * divide by is 0: the precision of a class that is never predicted, the recall of one without examples. */
typedef struct {
    double precision, recall, f1;
    int64_t support;   /* rows of this class */
    int64_t predicted; /* rows with it as answer */
} bg_class_metrics;

typedef struct {
    double accuracy;       /* NaN of no rows; so the next */
    double top_k_accuracy; /* rows whose class is among the k largest scores, where of equals the first classes count
                              (scikit-learn takes the last); top 1 is the accuracy. 0 without top_k */
    /* Means over all c classes (scikit-learn, unless told the labels, leaves out those that are neither predicted nor
     * there), and weighted by their support. */
    bg_class_metrics macro, weighted;
    int64_t unpredicted, unsupported; /* classes whose precision, and whose recall, is 0 for want of rows */
    int64_t nan_rows;                 /* with a score that is NaN */
} bg_classification;

BG_API bg_status bg_evaluation_classification(const bg_evaluation *evaluation, bg_classification *metrics);
/* Of one class; BG_ERR_INDEX if there is none of that number. */
BG_API bg_status bg_evaluation_class(const bg_evaluation *evaluation, int64_t index, bg_class_metrics *metrics);
/* [c, c], rows by class and columns by answer, valid until the evaluation changes; NULL if it keeps none. */
BG_API const int64_t *bg_evaluation_confusion(const bg_evaluation *evaluation);

/* Areas under the ROC curves: the share of pairs of a row of the class and a row of another in which the first has the
 * larger score, ties count half (Hanley, McNeil, The meaning and use of the area under a receiver operating
 * characteristic (ROC) curve, 1982); exact from the sorted scores. each [c], which may be NULL: of each class against
 * the rest; of two classes there is one curve, that of the second. mean: of those of all classes that have one, as
 * multi_class="ovr", average="macro". NaN for a class without rows or with all of them, for a score that is NaN, and
 * the mean for no class. BG_ERR_ARGUMENT without with_roc_auc, BG_ERR_NOMEM (16 bytes a row). */
BG_API bg_status bg_evaluation_roc_auc(const bg_evaluation *evaluation, double *each, double *mean);

/* ---- Numbers ---- */

/* mae = mean |d|, rmse = √(mean d²) with d = prediction - target; r2 = 1 - Σ d² / Σ (target - mean target)². Where all
 * targets are equal r2 is 1 if all d are 0, else 0; it is NaN of fewer than two rows, and all are NaN of no rows, or
 * from a NaN in their numbers. */
typedef struct {
    double mae, rmse, r2;
} bg_regression;

/* Of one target, or of all: the means over targets (multioutput="uniform_average"). BG_ERR_ARGUMENT for an evaluation
 * of classes, BG_ERR_INDEX for a target that is none. */
BG_API bg_status bg_evaluation_regression(const bg_evaluation *evaluation, bg_regression *metrics);
BG_API bg_status bg_evaluation_target(const bg_evaluation *evaluation, int64_t index, bg_regression *metrics);

#ifdef __cplusplus
}
#endif
#endif
