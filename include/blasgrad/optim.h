/* Optimizers: rules that turn a gradient into updates of a graph. */
#ifndef BLASGRAD_OPTIM_H
#define BLASGRAD_OPTIM_H

#include <blasgrad/lbfgs.h>
#include <blasgrad/lm.h>
#include <blasgrad/nn.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct bg_optimizer bg_optimizer;
/* What takes steps of its own, in place of a rule: it runs programs of loss and gradient and writes the parameters
 * between the runs. */
typedef struct bg_driver bg_driver;

/* What a rule works on, for one parameter. Numbers that are scalars of f64 are exact for any type of parameter: step
 * counts beyond 2^24, and bias corrections, which lose their digits in f32. */
typedef struct {
    bg_model *model;
    const char *name; /* of the parameter */
    bg_node *parameter;
    bg_node *gradient;
    bg_node *learning_rate; /* scalar of the parameter's type */
    bg_node *rate;          /* the same, f64 */
    bg_node *step;          /* f64: 0 in the first step */
    bg_node *momentum;      /* f64: in place of the optimizer's momentum or beta1; NULL: that one */
} bg_update_site;

/* Parameters with numbers of their own: those whose name matches the pattern ('*' stands for any characters, '?' for
 * one; NULL matches all) and, with of_vectors, that have at most one axis, as biases and the weights of norms. What is
 * not given is the optimizer's. The pattern is the caller's and must live as long as the optimizer is used. */
typedef struct {
    const char *pattern;
    bool of_vectors;
    bg_optional learning_rate_factor; /* times the learning rate */
    bg_optional weight_decay, momentum, beta1, beta2, eps;
    bool is_frozen; /* these parameters stay as they are, and no gradient of theirs is computed */
    bool by_adamw;  /* muon: its matrices too are AdamW's */
} bg_parameter_group;

/* How muon's learning rate depends on the shape [m, n] of a matrix. */
typedef enum {
    BG_MUON_ORIGINAL,     /* √max(1, m / n) */
    BG_MUON_MATCHES_ADAMW /* 0.2 √max(m, n) */
} bg_muon_rate;

enum { BG_MAX_GROUPS = 8 };

/* A rule, or a driver, and its numbers. Made by bg_sgd and its like, which set the defaults of PyTorch; fields may be
 * changed before use. Fields that a rule does not name have no effect on it. */
struct bg_optimizer {
    const char *name;
    void (*update)(const bg_optimizer *optimizer, const bg_update_site *site); /* calls bg_update; NULL: a driver */
    const bg_driver *driver;                                                   /* NULL: a rule */
    bg_status (*check)(const bg_optimizer *optimizer); /* of numbers beyond those all have in common; may be NULL */
    bool takes_momentum;                               /* the rule follows bg_update_site.momentum */
    double learning_rate;
    double momentum, dampening, weight_decay;
    bool nesterov;
    double beta1, beta2, eps;
    bool amsgrad;               /* adam, adamw */
    bool is_decoupled;          /* nadam, radam: weight decay as adamw's */
    double momentum_decay;      /* nadam */
    double alpha;               /* rmsprop: what the mean of squares keeps */
    bool is_centered;           /* rmsprop */
    double learning_rate_decay; /* adagrad */
    double initial_accumulator; /* adagrad */
    double rho;                 /* adadelta: what the means keep */
    double eta_minus, eta_plus; /* rprop: factors of a step size */
    double step_min, step_max;  /* rprop: its bounds */
    double beta2_decay;         /* adafactor */
    bg_optional eps1;           /* adafactor: the type's machine precision unless given; its second eps is eps */
    double threshold;           /* adafactor: of the update's root mean square */
    int newton_schulz_steps;    /* muon */
    double newton_schulz[3];    /* muon: the coefficients of X, X Xᵀ X and (X Xᵀ)² X */
    double newton_schulz_eps;   /* muon */
    bg_muon_rate muon_rate;     /* muon */
    bg_lbfgs_options lbfgs;     /* lbfgs; but for its learning rate */
    bg_lm_options lm;           /* lm */
    bg_parameter_group groups[BG_MAX_GROUPS]; /* a parameter belongs to the first that it matches */
    int n_groups;
    double clip_value;  /* elements of gradients are clamped to [-clip_value, clip_value]; 0: not */
    double clip_norm;   /* gradients are scaled by min(1, clip_norm / (norm + 1e-6)), norm that of all elements
                           together; 0: not. After clip_value. Both as torch.nn.utils.clip_grad has it */
    bool checks_finite; /* an infinite or NaN loss or gradient makes the run fail with BG_ERR_NUMERIC, which names the
                           parameter; nothing is updated then */
};

/* ---- The rules, in PyTorch's form ----
 * p is the parameter, g its gradient, t the step from 1; unless said otherwise weight decay is g = g + weight_decay p,
 * and state is 0 at first. Bias corrections are computed in f64. */

/* Stochastic gradient descent:
 *   v = momentum · v + (1 - dampening) · g  (v = g in the first step)
 *   p = p - learning_rate · v            (Nesterov: p - learning_rate · (g + momentum · v))
 * momentum 0 keeps no v. */
BG_API bg_optimizer bg_sgd(double learning_rate, double momentum);

/* m = m + (1 - beta1) (g - m)   v = beta2 v + (1 - beta2) g²
 * p = p - learning_rate / (1 - beta1ᵗ) · m / (√v / √(1 - beta2ᵗ) + eps)
 * amsgrad: the largest v so far in place of v. Kingma, Ba, Adam: a method for stochastic optimization, 2015; Reddi,
 * Kale, Kumar, On the convergence of Adam and beyond, 2018. beta1 0.9, beta2 0.999, eps 1e-8. */
BG_API bg_optimizer bg_adam(double learning_rate);
/* The same after p = (1 - learning_rate weight_decay) p, with weight_decay 0.01. Loshchilov, Hutter, Decoupled weight
 * decay regularization, 2019. */
BG_API bg_optimizer bg_adamw(double learning_rate);
/* m as adam's, u = max(beta2 u, |g| + eps), p = p - learning_rate / (1 - beta1ᵗ) m / u. Kingma, Ba, section 7.1. */
BG_API bg_optimizer bg_adamax(double learning_rate);
/* m, v as adam's, μ(t) = beta1 (1 - 0.96^(t momentum_decay) / 2), Π(t) = μ(1) · .. · μ(t):
 *   p = p - learning_rate ((1 - μ(t)) / (1 - Π(t)) g + μ(t + 1) / (1 - Π(t + 1)) m) / (√(v / (1 - beta2ᵗ)) + eps)
 * momentum_decay 0.004. Dozat, Incorporating Nesterov momentum into Adam, 2016. */
BG_API bg_optimizer bg_nadam(double learning_rate);
/* adam whose denominator counts only once enough squares have been seen, with a factor that makes up for their number:
 *   ρ = 2 / (1 - beta2) - 1 - 2 t beta2ᵗ / (1 - beta2ᵗ) > 5. Liu et al., On the variance of the adaptive learning rate
 * and beyond, 2020. */
BG_API bg_optimizer bg_radam(double learning_rate);

/* v = alpha v + (1 - alpha) g²,  p = p - learning_rate g / (√v + eps);  is_centered: v - (the mean of g)² under the
 * root; momentum: b = momentum b + g / (..), p = p - learning_rate b. alpha 0.99, eps 1e-8. Tieleman, Hinton, Lecture
 * 6.5, 2012. */
BG_API bg_optimizer bg_rmsprop(double learning_rate);
/* s = s + g², from initial_accumulator;  p = p - learning_rate / (1 + (t - 1) learning_rate_decay) g / (√s + eps), eps
 * 1e-10. Duchi, Hazan, Singer, Adaptive subgradient methods, 2011. */
BG_API bg_optimizer bg_adagrad(double learning_rate);
/* v = rho v + (1 - rho) g²,  d = √(u + eps) / √(v + eps) g,  u = rho u + (1 - rho) d²,  p = p - learning_rate d. rho
 * 0.9, eps 1e-6. Zeiler, Adadelta, 2012. PyTorch's learning rate is 1. */
BG_API bg_optimizer bg_adadelta(double learning_rate);
/* Each element has a step size, the learning rate at first, times eta_plus while the sign of its gradient stays, times
 * eta_minus when it turns, within step_min .. step_max; p = p - size sign(g), but after a turn it rests, and the next
 * gradient counts as one without a past. 0.5, 1.2, 1e-6, 50. For whole batches. Riedmiller, Braun, A direct adaptive
 * method for faster backpropagation learning, 1993. */
BG_API bg_optimizer bg_rprop(double learning_rate);

/* p = p - learning_rate (sign(beta1 m + (1 - beta1) g) + weight_decay p),  m = beta2 m + (1 - beta2) g. 0.9, 0.99. Chen
 * et al., Symbolic discovery of optimization algorithms, 2023. */
BG_API bg_optimizer bg_lion(double learning_rate);
/* m, v as adam's, r = m / (1 - beta1ᵗ) / (√(v / (1 - beta2ᵗ)) + eps) + weight_decay p,
 *   p = p - learning_rate |p| / |r| r, the ratio 1 where a norm is 0. eps 1e-6, weight_decay 0.01. You et al., Large
 * batch optimization for deep learning, 2020, algorithm 2 with φ(x) = x. */
BG_API bg_optimizer bg_lamb(double learning_rate);
/* The mean of g² as the product of its row and column means, for the last two axes; whole for fewer than two. PyTorch's
 * form, in which the learning rate is the largest relative step and the factor of a decoupled weight decay: beta2_decay
 * -0.8, eps 1e-3, threshold 1. Shazeer, Stern, Adafactor, 2018. */
BG_API bg_optimizer bg_adafactor(double learning_rate);
/* Matrices: m = m + (1 - momentum) (g - m), the direction g + momentum (m - g) (without nesterov m) made orthogonal by
 * Newton-Schulz steps, after p = (1 - learning_rate weight_decay) p. In the parameter's type, where PyTorch computes
 * those steps in bf16. Parameters of any other rank are adamw's, with beta1, beta2, eps and the same weight decay.
 * momentum 0.95, nesterov, weight_decay 0.1. Jordan, Muon, 2024. */
BG_API bg_optimizer bg_muon(double learning_rate);

/* ---- Drivers ----
 * For trainers alone, whose step is one step of theirs on all examples at once: see bg_lbfgs and bg_lm. A batch of
 * fewer, accumulation, averages, clipping, groups and skips_nonfinite are BG_ERR_ARGUMENT. What else a graph updates,
 * as running statistics and the counter of dropout, advances once a step, before it; within the step the loss is one
 * function of the parameters. A fit ends early behind a step that has converged. */

/* L-BFGS for any loss; the learning rate, which a schedule may move, is the first step length that a search tries. A
 * step is one iteration, with up to 25 evaluations in its search: lbfgs.max_iterations is 1 and max_evaluations 26. */
BG_API bg_optimizer bg_lbfgs_optimizer(double learning_rate);
/* Levenberg-Marquardt for a network and bg_l2_loss: the residuals are prediction - target. No learning rate. */
BG_API bg_optimizer bg_lm_optimizer(void);

/* The optimizer of a name, with PyTorch's learning rate (SGD: 1e-3 without momentum): sgd, adam, adamw, adamax, nadam,
 * radam, rmsprop, adagrad, adadelta, rprop, lion, lamb, adafactor, muon, lbfgs, lm. BG_ERR_ARGUMENT lists them. */
BG_API bg_status bg_optimizer_find(bg_optimizer *optimizer, const char *name);

/* The optimizer's buffer `state` of the site's parameter, zeros at first: the model keeps it as
 * "optimizer.<parameter>.<state>". Of the parameter's shape and type, or of any. */
BG_API bg_node *bg_optimizer_state(const bg_update_site *site, const char *state);
BG_API bg_node *bg_optimizer_state_of(const bg_update_site *site, const char *state, bg_dtype dtype, bg_shape shape);

/* Builds the updates of all parameters of the model that the loss depends on, by a rule. learning_rate and step are
 * scalar inputs of the model's type, or f64; step may be i64. */
BG_API bg_status bg_optimizer_apply(const bg_optimizer *optimizer, bg_model *model, bg_node *loss,
                                    bg_node *learning_rate, bg_node *step);

/* What a step can have beyond the learning rate and the count, all scalars of f64 unless said otherwise. */
typedef struct {
    bg_node *learning_rate, *step;
    bg_node *momentum; /* NULL: the optimizer's */
    /* Accumulation over several runs, which make one step: each adds its gradients, times this weight, to the buffers
     * "optimizer.<parameter>.gradient", and the last one (without only_adds) applies their sum divided by the sum of
     * the weights. accumulated: the weights of the runs before this one in its step; with 0 the step begins. weight 0:
     * no accumulation. run_weight is in place of weight where that differs from run to run; NULL: weight. */
    double weight;
    bg_node *run_weight;
    bg_node *accumulated;
    bool only_adds;
    /* Averages of the parameters after their update: average = (1 - w) average + w parameter, in buffers
     * "optimizer.<parameter>.average". NULL: none. */
    bg_node *average_weight;
} bg_step_inputs;
typedef struct {
    bg_node *norm; /* f64: of all gradients before they were clipped. NULL without clip_norm */
} bg_step_results;
/* results may be NULL. */
BG_API bg_status bg_optimizer_apply_with(const bg_optimizer *optimizer, bg_model *model, bg_node *loss,
                                         const bg_step_inputs *inputs, bg_step_results *results);

/* Exchanges the values of the parameters and of their averages, for an evaluation and back. BG_ERR_ARGUMENT if the
 * model has no averages. */
BG_API bg_status bg_model_swap_averages(bg_model *model);

/* BG_ERR_ARGUMENT for numbers that make no sense (a negative learning rate, Nesterov without momentum ..). */
BG_API bg_status bg_optimizer_check(const bg_optimizer *optimizer);

#ifdef __cplusplus
}
#endif
#endif
