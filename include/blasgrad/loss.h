/* Losses. Those of a prediction, a target and a reduction fit bg_trainer_options.loss and are found by name; options go
 * to the function of the same name that ends in _with. Options may be NULL, and their zero value is PyTorch's default.
 * Predictions and targets are f32 or f64 of one type and, unless said otherwise, of one shape; gradients reach both. */
#ifndef BLASGRAD_LOSS_H
#define BLASGRAD_LOSS_H

#include <blasgrad/ops.h>

#ifdef __cplusplus
extern "C" {
#endif

/* BG_NONE leaves the values: one an element, or one a row [..] where the loss is of rows [.., c]. BG_MEAN divides their
 * sum by their number, or by what the loss says; NaN of none. BG_BATCH_MEAN, of kl_div alone, divides it by the extent
 * of the first axis. */
typedef enum { BG_MEAN, BG_SUM, BG_NONE, BG_BATCH_MEAN } bg_reduction;

typedef bg_node *bg_loss(bg_node *prediction, bg_node *target, bg_reduction reduction);

/* ---- Of numbers ---- */

/* |prediction - target|; gradient 0 where they are equal. Least absolute deviation. */
BG_API bg_node *bg_l1_loss(bg_node *prediction, bg_node *target, bg_reduction reduction);
/* (prediction - target)². Mean: over all elements. */
BG_API bg_node *bg_l2_loss(bg_node *prediction, bg_node *target, bg_reduction reduction);

typedef struct {
    bg_optional beta; /* >= 0, 1 unless given; with 0 it is l1_loss */
} bg_smooth_l1_options;
/* With d = prediction - target: d² / (2 beta) where |d| < beta, |d| - beta / 2 beyond. Girshick, Fast R-CNN, 2015. */
BG_API bg_node *bg_smooth_l1_loss(bg_node *prediction, bg_node *target, bg_reduction reduction);
BG_API bg_node *bg_smooth_l1_loss_with(bg_node *prediction, bg_node *target, bg_reduction reduction,
                                       const bg_smooth_l1_options *options);
typedef struct {
    double delta; /* > 0; 0: 1 */
} bg_huber_options;
/* d² / 2 where |d| <= delta, delta (|d| - delta / 2) beyond. Huber, Robust estimation of a location parameter, 1964. */
BG_API bg_node *bg_huber_loss(bg_node *prediction, bg_node *target, bg_reduction reduction);
BG_API bg_node *bg_huber_loss_with(bg_node *prediction, bg_node *target, bg_reduction reduction,
                                   const bg_huber_options *options);

typedef struct {
    bool is_rate;    /* the prediction is the rate itself, not its logarithm */
    bool is_full;    /* adds Stirling's approximation of log(target!) where target > 1 */
    bg_optional eps; /* added to a rate under its logarithm; 1e-8 unless given */
} bg_poisson_nll_options;
/* exp(x) - target x of the logarithm x of a Poisson distribution's rate, or x - target log(x + eps) of the rate. */
BG_API bg_node *bg_poisson_nll_loss(bg_node *prediction, bg_node *target, bg_reduction reduction);
BG_API bg_node *bg_poisson_nll_loss_with(bg_node *prediction, bg_node *target, bg_reduction reduction,
                                         const bg_poisson_nll_options *options);
typedef struct {
    bool is_full;    /* adds log(2π) / 2 */
    bg_optional eps; /* the least variance, >= 0; 1e-6 unless given */
} bg_gaussian_nll_options;
/* (log v + (prediction - target)² / v) / 2 with v = max(variance, eps); a variance below eps is differentiated as if it
 * were eps and free, as in PyTorch, which refuses negative ones. variance has the prediction's shape, or extent 1 in
 * place of one of its extents, or lacks its last axis. Nix, Weigend, Estimating the mean and variance of the target
 * probability distribution, 1994. */
BG_API bg_node *bg_gaussian_nll_loss(bg_node *prediction, bg_node *target, bg_node *variance, bg_reduction reduction,
                                     const bg_gaussian_nll_options *options);

/* ---- Of two classes ---- */

/* -(y log x + (1 - y) log(1 - x)) of probabilities x and targets y in 0 .. 1, both logarithms at least -100, as in
 * PyTorch; NaN outside. dx = (x - y) / max(x (1 - x), 1e-12), dy = log(1 - x) - log x. */
typedef struct {
    bg_node *weight; /* of each element, broadcast to x; NULL: 1 */
} bg_bce_options;
BG_API bg_node *bg_bce_loss(bg_node *probabilities, bg_node *target, bg_reduction reduction);
BG_API bg_node *bg_bce_loss_with(bg_node *probabilities, bg_node *target, bg_reduction reduction,
                                 const bg_bce_options *options);
typedef struct {
    bg_node *weight;          /* of each element, broadcast to the logits; NULL: 1 */
    bg_node *positive_weight; /* multiplies the term of y, broadcast to the logits, [c] for one a class; NULL: 1 */
} bg_bce_with_logits_options;
/* Binary cross-entropy of probabilities sigmoid(logits) and targets in [0, 1]: max(x, 0) - x y + log(1 + exp(-|x|)),
 * dx = sigmoid(x) - y. */
BG_API bg_node *bg_bce_with_logits_loss(bg_node *logits, bg_node *target, bg_reduction reduction);
BG_API bg_node *bg_bce_with_logits_loss_with(bg_node *logits, bg_node *target, bg_reduction reduction,
                                             const bg_bce_with_logits_options *options);
/* max(1 - target prediction, 0) of targets -1 and 1; gradient 0 at the kink. */
BG_API bg_node *bg_hinge_loss(bg_node *prediction, bg_node *target, bg_reduction reduction);
/* log(1 + exp(-target prediction)) of targets -1 and 1, without overflow. */
BG_API bg_node *bg_soft_margin_loss(bg_node *prediction, bg_node *target, bg_reduction reduction);

/* ---- Of classes: rows [.., c] of scores; those of PyTorch's [n, c, ..] are bg_movedim(x, 1, -1) ----
 * Classes are i32, i64 or u8 of shape [..]; one outside 0 .. c - 1 makes the run fail with BG_ERR_INDEX. No class is
 * ignored unless the options say so: where PyTorch passes over -100 without being asked, here the run fails. */

typedef struct {
    bg_node *weight;          /* [c]; NULL: 1 */
    bg_optional ignore_index; /* rows of this class, which may lie outside, have loss and gradient 0 */
    double label_smoothing;   /* 0 .. 1: what of each target is spread evenly over all classes */
} bg_cross_entropy_options;
/* logsumexp(x) - x[class] for logits x [.., c]; softmax and loss in one loop, dx = softmax(x) - onehot(class). A target
 * of the type and shape of the logits holds probabilities instead: -Σ target log softmax(x).
 * With weights w, smoothing e and p = log softmax(x): -(1 - e) w[class] p[class] - e / c Σ w p, or -Σ w ((1 - e) target
 * + e / c) p. BG_MEAN divides by Σ w[class] over the rows that are not ignored, hence NaN if all are, or if those
 * weights are 0; for probabilities by the number of rows. Szegedy et al., Rethinking the Inception architecture, 2016.
 */
BG_API bg_node *bg_cross_entropy_loss(bg_node *logits, bg_node *target, bg_reduction reduction);
BG_API bg_node *bg_cross_entropy_loss_with(bg_node *logits, bg_node *target, bg_reduction reduction,
                                           const bg_cross_entropy_options *options);
typedef struct {
    bg_node *weight;          /* [c]; NULL: 1 */
    bg_optional ignore_index; /* as for cross_entropy */
} bg_nll_options;
/* -w[class] x[class] for log-probabilities x [.., c]; BG_MEAN divides by Σ w[class] as for cross_entropy. */
BG_API bg_node *bg_nll_loss(bg_node *log_probabilities, bg_node *classes, bg_reduction reduction);
BG_API bg_node *bg_nll_loss_with(bg_node *log_probabilities, bg_node *classes, bg_reduction reduction,
                                 const bg_nll_options *options);
typedef struct {
    int p;              /* 1 or 2; 0: 1 */
    bg_optional margin; /* 1 unless given */
    bg_node *weight;    /* [c]; NULL: 1 */
} bg_multi_margin_options;
/* w[class] / c Σ max(margin - x[class] + x[i], 0)^p over i != class, for scores x [.., c]. */
BG_API bg_node *bg_multi_margin_loss(bg_node *scores, bg_node *classes, bg_reduction reduction);
BG_API bg_node *bg_multi_margin_loss_with(bg_node *scores, bg_node *classes, bg_reduction reduction,
                                          const bg_multi_margin_options *options);
/* 1 / c Σ max(1 - x[j] + x[i], 0) over the labels j of a row and the classes i that are not among them. Scores x
 * [.., c] and labels [.., c], i32, i64 or u8: the labels of a row come first, and a negative number ends them. */
BG_API bg_node *bg_multilabel_margin_loss(bg_node *scores, bg_node *labels, bg_reduction reduction);
typedef struct {
    bg_node *weight; /* [c]; NULL: 1 */
} bg_multilabel_soft_margin_options;
/* The mean of bce_with_logits over the classes of each row: logits and targets [.., c]. */
BG_API bg_node *bg_multilabel_soft_margin_loss(bg_node *logits, bg_node *target, bg_reduction reduction);
BG_API bg_node *bg_multilabel_soft_margin_loss_with(bg_node *logits, bg_node *target, bg_reduction reduction,
                                                    const bg_multilabel_soft_margin_options *options);

typedef struct {
    bool is_log_target; /* the target holds logarithms of probabilities too */
} bg_kl_div_options;
/* The elements target (log target - x) of the Kullback-Leibler divergence from exp(x) to the target, x the logarithms
 * of probabilities; 0 where the target is 0 and x finite. BG_MEAN divides by the number of elements, BG_BATCH_MEAN, the
 * divergence itself, by that of rows. Kullback, Leibler, On information and sufficiency, 1951. */
BG_API bg_node *bg_kl_div_loss(bg_node *log_probabilities, bg_node *target, bg_reduction reduction);
BG_API bg_node *bg_kl_div_loss_with(bg_node *log_probabilities, bg_node *target, bg_reduction reduction,
                                    const bg_kl_div_options *options);

/* ---- Of vectors and of pairs ---- */

/* 1 - bg_cosine_similarity(prediction, target, -1, 1e-8): rows [.., d] -> [..]. */
BG_API bg_node *bg_cosine_similarity_loss(bg_node *prediction, bg_node *target, bg_reduction reduction);
typedef struct {
    double margin;
} bg_cosine_embedding_options;
/* 1 - cos(x, y) where the target is 1, max(cos(x, y) - margin, 0) where it is -1, otherwise 0: x, y [.., d], target
 * [..], cos = x·y / √((x·x + 1e-12) (y·y + 1e-12)). */
BG_API bg_node *bg_cosine_embedding_loss(bg_node *x, bg_node *y, bg_node *target, bg_reduction reduction,
                                         const bg_cosine_embedding_options *options);
typedef struct {
    bg_optional margin; /* 1 unless given */
} bg_hinge_embedding_options;
/* Of a distance x: x where the target is 1, max(margin - x, 0) where it is -1; elsewhere both are added. */
BG_API bg_node *bg_hinge_embedding_loss(bg_node *distance, bg_node *target, bg_reduction reduction);
BG_API bg_node *bg_hinge_embedding_loss_with(bg_node *distance, bg_node *target, bg_reduction reduction,
                                             const bg_hinge_embedding_options *options);
typedef struct {
    double margin;
} bg_margin_ranking_options;
/* max(margin - target (x - y), 0): x ranks above y where the target is 1, below it where it is -1. */
BG_API bg_node *bg_margin_ranking_loss(bg_node *x, bg_node *y, bg_node *target, bg_reduction reduction,
                                       const bg_margin_ranking_options *options);
typedef struct {
    double p;        /* of the norm, > 0; 0: 2 */
    double margin;   /* > 0; 0: 1 */
    bg_optional eps; /* added to differences; 1e-6 unless given */
    bool has_swap;   /* takes the nearer of anchor and positive as the negative's neighbour */
} bg_triplet_margin_options;
/* max(|anchor - positive| - |anchor - negative| + margin, 0) of rows [.., d] -> [..], by bg_pairwise_distance. Balntas
 * et al., Learning local feature descriptors with triplets and shallow convolutional neural networks, 2016. */
BG_API bg_node *bg_triplet_margin_loss(bg_node *anchor, bg_node *positive, bg_node *negative, bg_reduction reduction,
                                       const bg_triplet_margin_options *options);

/* ---- Of sequences ---- */

typedef struct {
    int64_t blank;      /* the class that stands for no label */
    bool zero_infinity; /* an infinite loss counts as 0 */
} bg_ctc_options;
/* Connectionist temporal classification: minus the logarithm of the probability of all alignments of the labels with
 * the steps. Graves et al., Connectionist temporal classification, 2006.
 *   log_probabilities [steps, n, c]   targets [n, labels], or [labels of all sequences], one after the other
 *   input_lengths, target_lengths [n]  ->  [n]
 * or of one sequence: [steps, c], targets [labels], lengths [], -> []. Targets and lengths are i32, i64 or u8; what
 * lies beyond a length is not read. BG_MEAN divides each loss by its target's length, at least 1, and takes the mean.
 * A target that does not fit its steps has loss +inf, and gradient 0, where PyTorch's is NaN without zero_infinity. The
 * gradient is that of the log-probabilities as they are given; PyTorch adds their exponentials, which the gradient of
 * log_softmax takes away again. Sums are in f64. Its first gradient is one loop; differentiating that again goes
 * through every step, and needs about twenty values for each step, sequence and label.
 * A length or label out of range, the blank among the labels, or lengths that do not add up to the number of labels
 * make the run fail with BG_ERR_INDEX. */
BG_API bg_node *bg_ctc_loss(bg_node *log_probabilities, bg_node *targets, bg_node *input_lengths,
                            bg_node *target_lengths, bg_reduction reduction, const bg_ctc_options *options);

/* ---- By name ---- */

/* The loss of two inputs of a name, without bg_ and _loss: "l1", .. "cross_entropy"; NULL with BG_ERR_ARGUMENT and a
 * message that lists the names if there is none. */
BG_API bg_loss *bg_loss_find(const char *name);
/* Whether the targets of the loss of this name are classes [..]; false for unknown names. */
BG_API bool bg_loss_takes_classes(const char *name);

#ifdef __cplusplus
}
#endif
#endif
