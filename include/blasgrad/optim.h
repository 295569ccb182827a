/* Optimizers: rules that turn a gradient into updates of a graph. */
#ifndef BLASGRAD_OPTIM_H
#define BLASGRAD_OPTIM_H

#include <blasgrad/nn.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct bg_optimizer bg_optimizer;

/* What a rule works on, for one parameter. */
typedef struct {
    bg_model *model;
    const char *name; /* of the parameter */
    bg_node *parameter;
    bg_node *gradient;
    bg_node *learning_rate; /* scalar of the parameter's type, an input */
    bg_node *step;          /* scalar of the parameter's type: 0 in the first step, an input */
} bg_update_site;

/* A rule and its numbers. Made by bg_sgd and its like; fields may be changed before use. */
struct bg_optimizer {
    const char *name;
    void (*update)(const bg_optimizer *optimizer, const bg_update_site *site); /* calls bg_update */
    double learning_rate;
    double momentum, dampening, weight_decay;
    bool nesterov;
};

/* Stochastic gradient descent in PyTorch's form:
 *   g = gradient + weight_decay · p      v = momentum · v + (1 - dampening) · g  (v = g in the first step)
 *   p = p - learning_rate · v            (Nesterov: p - learning_rate · (g + momentum · v))
 * momentum 0 keeps no v. */
BG_API bg_optimizer bg_sgd(double learning_rate, double momentum);

/* The optimizer's buffer `state` of the site's parameter, zeros at first: the model keeps it as
 * "optimizer.<parameter>.<state>". */
BG_API bg_node *bg_optimizer_state(const bg_update_site *site, const char *state);

/* Builds the updates of all parameters of the model that the loss depends on. learning_rate and step are scalar inputs
 * of the model's type. */
BG_API bg_status bg_optimizer_apply(const bg_optimizer *optimizer, bg_model *model, bg_node *loss,
                                    bg_node *learning_rate, bg_node *step);

/* BG_ERR_ARGUMENT for numbers that make no sense (a negative learning rate, Nesterov without momentum ..). */
BG_API bg_status bg_optimizer_check(const bg_optimizer *optimizer);

#ifdef __cplusplus
}
#endif
#endif
