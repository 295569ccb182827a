/* Certified robustness: what no perturbation of an input can change. */
#ifndef BLASGRAD_CERTIFY_H
#define BLASGRAD_CERTIFY_H

#include <blasgrad/nn.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Bounds as nodes ---- */

/* Bounds of y for all x between lower and upper, element by element, by interval propagation: Gowal et al., On the
 * effectiveness of interval bound propagation for training verifiably robust models, 2018, (6) to (8).
 *   lower, upper of x's shape and type  ->  y_lower, y_upper of y's
 * A product with weights, or a convolution, maps the middle of an interval by the weights and its radius by their
 * sizes; a function that rises is taken at both ends, one that falls and then rises also where it turns. What is not
 * monotone in an op's inputs together, as a product of two values that both depend on x, is bounded as if they did not
 * depend on each other. The bounds are nodes like others, and can be differentiated and trained with.
 *   They are widened by what rounding may do: they contain y as it would be without rounding, of weights and numbers as
 * the type has them, and y as a program computes it in any order of its sums, also if subnormal numbers are flushed to
 * 0. The widening is relative to the numbers, for a sum of k terms 3 k units in the last place or so, and there also
 * with lower = upper. Excepted are convolutions of f32 by Winograd's algorithm (3 x 3, stride 1, many channels), whose
 * rounding error follows the 4 x 4 elements around a window rather than its own. A bound that is not finite says
 * nothing.
 *   BG_ERR_ARGUMENT names an op through which no bounds are known: attention of what depends on x, softmax, division by
 * what depends on x, normalisation by the batch's own moments, indices computed from x. Both results are NULL then. */
BG_API bg_status bg_interval_bounds(bg_node *y, bg_node *x, bg_node *lower, bg_node *upper, bg_node **y_lower,
                                    bg_node **y_upper);

/* Upper bounds of the differences that decide: of score j minus the score of the class, for scores [n, c] and classes
 * [n] (i32, i64 or u8), x between lower and upper -> [n, c]; 0 for the class itself. No perturbation changes the answer
 * where all others are below 0; their cross-entropy too is at least that of any scores. Where the scores end with a
 * linear layer, the difference is taken of its weights, which is tighter than the difference of the scores' bounds
 * (Gowal et al., section 3, elision of the last layer), and takes up n c k numbers for k inputs of the layer; beyond
 * 2^26 of them it is that of the bounds. NULL with the error of bg_interval_bounds. */
BG_API bg_node *bg_interval_differences(bg_node *scores, bg_node *x, bg_node *lower, bg_node *upper, bg_node *classes);

/* ---- Certifying networks ---- */

/* What is certified: a network of a model, by programs that are compiled once for a batch and then only run. */
typedef struct bg_certifier bg_certifier;

typedef struct {
    bg_network *network; /* scores [n, classes] of inputs [n, ..]; built in evaluation, whatever mode the model is in */
    void *user;
    /* The box of intervals: the least and the greatest value of every input's elements, within which no perturbation is
     * considered. Without one they are not limited. Smoothing adds its noise without regard to it. */
    bg_optional lower, upper;
    int64_t batch; /* examples, or samples of one example, that a run of a program takes; default 128 */
    /* Called before each run of a program, if it is not NULL, with the number of examples that are done. Return false
     * to stop: the call then returns BG_ERR_STOPPED. */
    bool (*goes_on)(int64_t examples, void *user);
} bg_certifier_options;

/* example: the shape of one input, without the batch. The network gets its inputs in the model's type; what normalises
 * them belongs into the network, so that eps, sigma and the box are in the inputs' own units. Examples must not meet in
 * it. BG_ERR_ARGUMENT for options that make no sense; BG_ERR_SHAPE if the network does not give [n, classes], with at
 * least 2 classes. */
BG_API bg_status bg_certifier_create(bg_certifier **certifier, bg_model *model, const bg_certifier_options *options,
                                     bg_shape example);
BG_API void bg_certifier_destroy(bg_certifier *certifier);
BG_API int64_t bg_certifier_classes(const bg_certifier *certifier);

/* Of n examples; each may be NULL. Tensors of the caller. */
typedef struct {
    bg_tensor *is_certified; /* bool [n] */
    bg_tensor *margins;      /* f64 [n]: the least by which the label's score exceeds any other; above 0: certified */
} bg_interval_result;

typedef struct {
    int64_t examples;
    double clean_accuracy;     /* of the inputs as they are */
    double certified_accuracy; /* the share that no perturbation of eps can have answered wrongly, by these bounds */
    double mean_width;         /* upper minus lower bounds of all scores; infinite or NaN if one is */
} bg_interval_report;

/* For perturbations of at most eps >= 0 in each element, within the box: by bg_interval_differences, so that inputs [n,
 * ..] of classes labels [n] (i32, i64 or u8) whose margin is above 0 are answered rightly whatever the perturbation,
 * and whatever its rounding. What lies within the margin of rounding is not certified even with eps 0. The bounds do
 * not depend on threads, nor on the other examples. result and report may be NULL. BG_ERR_ARGUMENT: eps, a class out of
 * range, an input that is not finite or not in the box, an op without bounds; BG_ERR_SHAPE, BG_ERR_DTYPE: tensors that
 * do not fit. All of that is found before any run. After BG_ERR_STOPPED and failures of a run the result's tensors hold
 * the batches before it. */
BG_API bg_status bg_certify_interval(bg_certifier *certifier, double eps, const bg_tensor *inputs,
                                     const bg_tensor *labels, const bg_interval_result *result,
                                     bg_interval_report *report);

/* Randomised smoothing: the class that the network answers most often when normal noise is added to the input. The
 * zero value of a field stands for its default. Cohen, Rosenfeld, Kolter, Certified adversarial robustness via
 * randomized smoothing, 2019. */
typedef struct {
    double sigma;      /* the noise's standard deviation, in units of the inputs; default 0.25 */
    int64_t selection; /* samples that choose the class; default 100 */
    int64_t samples;   /* samples that bound its probability; default 10000 */
    double alpha; /* the most that the probability of a wrong certificate may be, for each example; default 0.001 */
} bg_smoothing;

/* Of n examples; each may be NULL. Tensors of the caller. */
typedef struct {
    bg_tensor *answers;       /* i64 [n]: the class, or -1: it abstains */
    bg_tensor *radii;         /* f64 [n]: in L2, within which the smoothed network answers so; 0 where it abstains */
    bg_tensor *probabilities; /* f64 [n]: the lower bound of the class's probability */
} bg_smoothing_result;

typedef struct {
    int64_t examples;
    int64_t abstained;
    double accuracy;    /* the share that is answered rightly, without abstaining */
    double mean_radius; /* of all examples: 0 for what is not answered rightly. Zhai et al., MACER, 2020 */
    double queries;     /* an example: runs of the network */
} bg_smoothing_report;

/* CERTIFY of the paper's section 3.2.2: with p the Clopper-Pearson bound of the probability of the class that the
 * selection answered most often, which holds with probability 1 - alpha, the radius is sigma Φ⁻¹(p); it abstains unless
 * p > 1/2. An answer with NaN among its scores is no class. Noise follows from the engine's seed, the example's number
 * and the sample's, and programs always run whole batches: results depend neither on threads nor on the other examples;
 * for another batch size the network itself may round differently. The certificate is of the network with noise as a
 * real number; rounding to the type of the inputs is not a part of it. labels may be NULL; accuracy and mean_radius are
 * then those of what is answered at all. Errors as for bg_certify_interval; the box does not matter. */
BG_API bg_status bg_certify_smoothing(bg_certifier *certifier, const bg_smoothing *smoothing, const bg_tensor *inputs,
                                      const bg_tensor *labels, const bg_smoothing_result *result,
                                      bg_smoothing_report *report);
/* PREDICT of section 3.2.1: the class that `samples` samples answer most often, unless a two-sided binomial test does
 * not tell it from the second with significance alpha: -1 then. answers i64 [n]. `selection` has no effect. */
BG_API bg_status bg_predict_smoothing(bg_certifier *certifier, const bg_smoothing *smoothing, const bg_tensor *inputs,
                                      bg_tensor *answers);

#ifdef __cplusplus
}
#endif
#endif
