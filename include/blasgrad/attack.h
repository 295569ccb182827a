/* Adversarial attacks: small changes of inputs that change the class which a network answers. */
#ifndef BLASGRAD_ATTACK_H
#define BLASGRAD_ATTACK_H

#include <blasgrad/nn.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How the size of a perturbation is measured: the largest |element|, the Euclidean length, the sum of |elements|. */
typedef enum { BG_ATTACK_LINF, BG_ATTACK_L2, BG_ATTACK_L1 } bg_attack_norm;

/* What an attack raises, for scores z, class y, the classes π1, π2 .. in order of falling scores, and a target t:
 *
 *   cross-entropy   logsumexp(z) - z[y]          with a target  z[t] - logsumexp(z)
 *   margin          max(z without y) - z[y]      with a target  z[t] - max(z without t)
 *   DLR             margin / (z[π1] - z[π3])     with a target  (z[t] - z[y]) / (z[π1] - (z[π3] + z[π4]) / 2)
 *
 * With a margin above 0 the attack has succeeded. DLR does not change when scores are scaled or shifted: Croce, Hein,
 * Reliable evaluation of adversarial robustness with an ensemble of diverse parameter-free attacks, 2020, (6) and (7).
 * It needs 3 classes, with a target 4. */
typedef enum { BG_ATTACK_CROSS_ENTROPY, BG_ATTACK_MARGIN, BG_ATTACK_DLR } bg_attack_loss;

/* An attack and its numbers. Made by bg_attack_fgsm and its like, which set the defaults; fields may be changed before
 * use. Fields that an attack does not name have no effect on it. */
typedef struct {
    const char *name;
    const struct bgi_attack_method *method;
    bg_attack_norm norm;
    double eps;       /* the largest norm of a perturbation, in units of the inputs; 0 leaves them as they are */
    int64_t steps;    /* >= 1 */
    double step_size; /* 0: what the attack says */
    /* Attempts at each example, with other random numbers; what succeeded first counts. */
    int64_t restarts;
    bool starts_at_random; /* within the ball of radius eps, uniformly; otherwise at the input */
    bg_attack_loss loss;
    double decay;         /* mi-fgsm: of the momentum */
    double overshoot;     /* deepfool: by what share more than to the boundary it goes */
    double learning_rate; /* cw, spsa: of Adam, with the other numbers of its paper */
    double confidence;    /* cw: the margin that counts as a success */
    double constant;      /* cw: the first c */
    int64_t searches;     /* cw: how many c are tried */
    double share;         /* square: of an image's pixels in the first square */
    double delta;         /* spsa: half the length of a difference, in each element */
    int64_t samples;      /* spsa: differences a step */
    double sparsity;      /* L1: the share of elements that a step moves; 0: 0.01; at least one */
} bg_attack;

/* ---- Attacks by gradients ----
 * x is the input, x' what becomes of it, g the gradient of the loss by x', P the projection that BG_ATTACK_.. name:
 * into the ball of radius eps around x, and then into the box of bg_attacker_options. s(g) is the direction of steepest
 * ascent: sign(g) for Linf, g / |g|₂ for L2; for L1 sign(g) in the share `sparsity` of the elements where |g| is
 * largest, among those that the box lets go on, divided by their number (Tramèr, Boneh, Adversarial training and
 * robustness for multiple perturbations, 2019, algorithm 1). A gradient of 0, or NaN, moves nothing. */

/* x' = P(x + step_size s(g)), one step of size eps. Goodfellow, Shlens, Szegedy, Explaining and harnessing adversarial
 * examples, 2015, section 4. */
BG_API bg_attack bg_attack_fgsm(bg_attack_norm norm, double eps);
/* x' <- P(x' + step_size s(g)), 10 steps from x, by default of size eps / steps. Kurakin, Goodfellow, Bengio,
 * Adversarial examples in the physical world, 2017, section 2.2. */
BG_API bg_attack bg_attack_bim(bg_attack_norm norm, double eps);
/* The same from a random point, 40 steps, by default of size 2.5 eps / steps. Madry et al., Towards deep learning
 * models resistant to adversarial attacks, 2018, section 2.1. */
BG_API bg_attack bg_attack_pgd(bg_attack_norm norm, double eps);
/* m <- decay m + g / |g|₁,  x' <- P(x' + step_size s(m)), 10 steps from x, by default of size eps / steps; decay 1.
 * Dong et al., Boosting adversarial attacks with momentum, 2018, (6) and (7). */
BG_API bg_attack bg_attack_mi_fgsm(bg_attack_norm norm, double eps);

/* Auto-PGD: steps with momentum whose size, at first 2 eps, is halved at checkpoints where the loss does not grow, from
 * the best point so far; the last point that succeeded counts, else the best. 100 steps from a random point. Linf and
 * L2. Croce, Hein, 2020, algorithm 1. _dlr: the same, named "apgd-dlr", with the loss DLR. */
BG_API bg_attack bg_attack_apgd(bg_attack_norm norm, double eps);
BG_API bg_attack bg_attack_apgd_dlr(bg_attack_norm norm, double eps);

/* ---- Small perturbations ----
 * These look for the smallest perturbation, of any size. One that is longer than eps, which may be infinite, is no
 * success and leaves the input as it is. */

/* x' = x + (1 + overshoot) Σ r: each r goes to the nearest boundary between the label and one of the 9 other classes
 * with the largest scores at x, as if the scores were linear, without elements that cannot go on for the box; 50 steps
 * at most, overshoot 0.02. Linf and L2, no targets. Moosavi-Dezfooli, Fawzi, Frossard, DeepFool, 2016, algorithm 2. */
BG_API bg_attack bg_attack_deepfool(bg_attack_norm norm, double eps);
/* In L2: Adam on |x' - x|² + c max(confidence - margin, 0), with x' in the box as tanh of the variable, or clipped to
 * it where the box has one side, 1000 steps for each of 9 c, which are found by bisection from 0.001 on; learning rate
 * 0.01, confidence 0. Carlini, Wagner, Towards evaluating the robustness of neural networks, 2017, section 6.A. It does
 * not stop early. */
BG_API bg_attack bg_attack_carlini_wagner(double eps);
/* Whether an attack is one of these. */
BG_API bool bg_attack_is_minimal(const bg_attack *attack);

/* ---- Without gradients ---- */

/* In Linf, a random search that turns squares of an image [channels, h, w] or [h, w] to the other side of the ball, or
 * stretches of what is no image; 1000 steps, loss margin, share 0.8. Andriushchenko et al., Square attack, 2020,
 * algorithms 1 and 2. */
BG_API bg_attack bg_attack_square(double eps);
/* Adam on estimates of the gradient, each the mean of `samples` differences along random directions of -1 and 1; 50
 * steps of 32 samples, delta 0.01, learning rate 0.01, loss margin. The differences may leave the ball and the box.
 * Uesato et al., Adversarial risk and the dangers of evaluating against weak attacks, 2018, section 4.1. */
BG_API bg_attack bg_attack_spsa(bg_attack_norm norm, double eps);

/* A control that looks for nothing: a random point of the ball, uniformly, then within the box; 10 restarts. */
BG_API bg_attack bg_attack_noise(bg_attack_norm norm, double eps);

/* The attack of a name with its defaults, eps 0 and the norm Linf, or L2 where it has no other; BG_ERR_ARGUMENT lists
 * the names: fgsm bim pgd mi-fgsm apgd apgd-dlr deepfool cw square spsa noise. */
BG_API bg_status bg_attack_find(bg_attack *attack, const char *name);
/* The name of attack i, from 0; NULL if there are no more. */
BG_API const char *bg_attack_name(size_t i);
/* Whether the numbers make sense: BG_ERR_ARGUMENT names the attack and the number. */
BG_API bg_status bg_attack_check(const bg_attack *attack);

/* ---- Running them ---- */

/* What is attacked: a network of a model, by programs that are compiled once for a batch and then only run. */
typedef struct bg_attacker bg_attacker;

typedef struct {
    bg_network *network; /* scores [n, classes] of inputs [n, ..]; built in evaluation, whatever mode the model is in */
    void *user;
    /* The box: the least and the greatest value of every input's elements. Without one they are not limited. */
    bg_optional lower, upper;
    int64_t batch; /* examples a run of a program; default 128 */
    /* Called before each run of a program, if it is not NULL, with the number of examples that are done. Return false
     * to stop: bg_attack_run then returns BG_ERR_STOPPED. */
    bool (*goes_on)(int64_t examples, void *user);
} bg_attacker_options;

/* example: the shape of one input, without the batch. The network gets its inputs in the model's type; what normalises
 * them belongs into the network, so that eps and the box are in the inputs' own units. Examples must not meet in it.
 * BG_ERR_ARGUMENT for options that make no sense; BG_ERR_SHAPE if the network does not give [n, classes], with at
 * least 2 classes. */
BG_API bg_status bg_attacker_create(bg_attacker **attacker, bg_model *model, const bg_attacker_options *options,
                                    bg_shape example);
BG_API void bg_attacker_destroy(bg_attacker *attacker);
BG_API int64_t bg_attacker_classes(const bg_attacker *attacker);

/* Of n examples; each may be NULL. Tensors of the caller. */
typedef struct {
    bg_tensor *adversarial; /* of the inputs' shape and type: the input itself, bit for bit, where it is answered
                               wrongly (or as the target) from the beginning */
    bg_tensor *is_fooled;   /* bool [n]: the answer is wrong, or the target if there is one; NaN is no right answer */
    bg_tensor *answers;     /* i64 [n]: the class with the largest score, of adversarial */
    bg_tensor *norms;       /* f64 [n]: of the perturbation, in the attack's norm */
} bg_attack_result;

typedef struct {
    int64_t examples;
    double clean_accuracy;      /* of the inputs as they are */
    double robust_accuracy;     /* the share that is answered rightly both as it is and as the attack leaves it */
    int64_t fooled;             /* by the attack: not those that were from the beginning */
    double mean_norm, max_norm; /* of their perturbations; 0 if there are none */
    double queries, gradients;  /* an example: runs of the network without and with a gradient */
} bg_attack_report;

/* Attacks inputs [n, ..] of classes labels [n] (i32, i64 or u8). targets, of the same form, are the classes that the
 * network should answer; NULL: any wrong one. Random numbers follow from the engine's seed, the attack's name, the
 * example's number, the restart and the step, and programs always run whole batches: an example's result depends
 * neither on threads nor on the others; for another batch size the network itself may round differently. result and
 * report may be NULL. Perturbations are computed in f64 and rounded to the type of the inputs. BG_ERR_ARGUMENT:
 * bg_attack_check, a class out of range, a target that is the label, an input that is not finite or not in the box;
 * BG_ERR_SHAPE, BG_ERR_DTYPE: tensors that do not fit, or too few classes for DLR. All of that is found before any run.
 * After BG_ERR_STOPPED and failures of a run the result's tensors hold the batches before it. */
BG_API bg_status bg_attack_run(bg_attacker *attacker, const bg_attack *attack, const bg_tensor *inputs,
                               const bg_tensor *labels, const bg_tensor *targets, const bg_attack_result *result,
                               bg_attack_report *report);

/* ---- Adversarial training ---- */

/* What training meets in place of an input x of class y; x' is climbed to as above, with steps of one size from a
 * random start; only that NaN in a gradient makes the loss NaN.
 *   fgsm    the cross-entropy at x', which one step raises from a uniform point of the ball. Wong, Rice, Kolter, Fast
 *           is better than free, 2020, algorithm 3.
 *   pgd     the same with several steps. Madry et al., 2018, (2.1).
 *   trades  the cross-entropy at x, and beta KL(p ‖ p') of the probabilities p at x and p' at x', which the steps raise
 *           from x and normal noise of deviation 0.001. Zhang et al., Theoretically principled trade-off between
 *           robustness and accuracy, 2019, algorithm 1. */
typedef enum { BG_ADVERSARIAL_FGSM, BG_ADVERSARIAL_PGD, BG_ADVERSARIAL_TRADES } bg_adversarial_method;

typedef struct {
    bg_network *network; /* scores [n, classes] */
    void *user;          /* reaches the network */
    bg_adversarial_method method;
    bg_attack_norm norm; /* Linf or L2 */
    double eps;          /* finite, in units of the inputs; 0: x' is x */
    int64_t steps;       /* 1 to 100; 0: pgd 7, trades 10; fgsm has one */
    double step_size;    /* 0: fgsm 1.25 eps, the others 2.5 eps / steps */
    bg_optional beta;    /* of trades alone: 0 or more; 6 unless given */
    /* The box: the least and the greatest value of every input's elements. Without one they are not limited. */
    bg_optional lower, upper;
} bg_adversarial;

/* BG_ERR_ARGUMENT names the number that makes no sense. */
BG_API bg_status bg_adversarial_check(const bg_adversarial *adversarial);

/* The mean loss of a training step, of inputs [n, ..] (f32 or f64) and their classes [n]. A bg_train_step whose user is
 * a bg_adversarial: beside it the trainer gets bg_adversarial_network, the same user, and bg_cross_entropy_loss, by
 * which it evaluates. In evaluation it is the cross-entropy of the inputs as they are.
 *   All passes are nodes of one graph; random numbers are those of random nodes, so that a step repeats bit for bit.
 *   As in the authors' programs, the passes of fgsm and pgd are those of a network in training: batch normalisation
 * takes each batch's own statistics, and every pass updates the running ones. trades climbs in evaluation.
 * bg_model_dropout drops the same elements in all passes of a step.
 *   Mistakes are recorded in the graph: what bg_adversarial_check says; BG_ERR_ARGUMENT for one column alone, and for
 * an eps or a step size above 0 whose square the inputs' type cannot hold (outside of 1e-18 .. 1e18 for f32, 1e-150 ..
 * 1e150 for f64); BG_ERR_DTYPE for inputs that are no floating-point numbers; and what the network and the losses say.
 */
BG_API bg_node *bg_adversarial_step(bg_model *model, bg_node *const *columns, int n, void *adversarial);
/* The network of a bg_adversarial. */
BG_API bg_node *bg_adversarial_network(bg_model *model, bg_node *x, void *adversarial);

#ifdef __cplusplus
}
#endif
#endif
