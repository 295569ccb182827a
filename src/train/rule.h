/* What the rules of optimizers have in common. */
#ifndef BGI_RULE_H
#define BGI_RULE_H

#include <blasgrad/optim.h>

#include "base/arena.h"

/* ---- rule.c: scalars of f64, for the factors of a step ---- */
bg_node *bgi_rule_number(const bg_update_site *site, double value);
bg_node *bgi_rule_count(const bg_update_site *site);               /* steps, this one included */
bg_node *bgi_rule_bias(const bg_update_site *site, bg_node *beta); /* 1 - beta^count */
bg_node *bgi_rule_is_first(const bg_update_site *site);            /* bool */
/* beta1 or the momentum of the step: `value`, unless a schedule moves it. */
bg_node *bgi_rule_momentum(const bg_update_site *site, double value);
/* The scalar in the parameter's type. */
bg_node *bgi_rule_cast(const bg_update_site *site, bg_node *scalar);

/* The gradient with weight_decay · parameter added, unless that is 0. */
bg_node *bgi_rule_decayed_gradient(const bg_optimizer *optimizer, const bg_update_site *site);
/* (1 - learning_rate weight_decay) parameter. */
bg_node *bgi_rule_decayed_parameter(const bg_optimizer *optimizer, const bg_update_site *site);
/* keep · state + (1 - keep) · value, as the state's update; returns the new value. keep is a scalar of f64. */
bg_node *bgi_rule_mean(const bg_update_site *site, bg_node *state, bg_node *value, bg_node *keep);
/* The root of the sum of squares, and that of their mean, summed in f64: scalars of f64. */
bg_node *bgi_rule_norm(bg_node *x);
bg_node *bgi_rule_rms(bg_node *x);

/* BG_ERR_ARGUMENT, with the optimizer's name and what must be, unless it holds. */
bg_status bgi_rule_require(bool holds, const bg_optimizer *optimizer, const char *what, double value,
                           const char *condition);

/* ---- adam.c ---- */
void bgi_adamw_update(const bg_optimizer *optimizer, const bg_update_site *site);

/* ---- groups.c ---- */
/* The numbers for a parameter: the optimizer's, changed by the first group that it matches, or NULL if none does. */
const bg_parameter_group *bgi_group_of(const bg_optimizer *optimizer, const char *name, bg_shape shape);
bg_optimizer bgi_group_numbers(const bg_optimizer *optimizer, const bg_parameter_group *group);
bg_status bgi_groups_check(const bg_optimizer *optimizer);
/* BG_ERR_ARGUMENT for a group that no parameter of the model matches. */
bg_status bgi_groups_match(const bg_optimizer *optimizer, const bg_model *model);

/* ---- gradients.c ---- */
/* What happens to the gradients on their way to the rules, in place. sites[i].gradient is what bg_grad gave. */
typedef struct {
    const bg_optimizer *optimizer;
    bg_node *loss;
    bg_update_site *sites;
    size_t n;
} bgi_gradients;
/* Adds to what was accumulated. True if this run only adds. */
bool bgi_gradients_accumulate(const bgi_gradients *gradients, const bg_step_inputs *inputs, bgi_arena *arena);
/* Checks and clips them, as the optimizer says; returns the norm before they were clipped, or NULL. */
bg_node *bgi_gradients_limit(const bgi_gradients *gradients, bgi_arena *arena);

/* The check: fails before the run has any effect. */
extern const bg_op bgi_require_finite_op;

/* ---- averages.c ---- */
void bgi_averages_update(const bg_update_site *site, bg_node *weight);

#endif
