/* The optimizer of a training run: options, and what they come to once the number of steps is known. */
#ifndef OPTIMIZER_OPTIONS_H
#define OPTIMIZER_OPTIONS_H

#include "events.h"
#include "options.h"

#include <blasgrad/train.h>

/* A number of updates, or of epochs. */
typedef struct {
    bool is_given, counts_epochs;
    int64_t count;
} update_count;

typedef struct {
    const char *name; /* NULL until optimizer_check, if it was not given */
    /* The rest is what was given. */
    const char *last_option; /* one that is for gradient steps only, or NULL */
    bg_optional learning_rate, momentum, dampening, weight_decay, beta1, beta2, eps, ema;
    bg_optional damping; /* lm */
    int64_t history;     /* lbfgs; 0: not given */
    bool nesterov, amsgrad, without_vector_decay, skips_nonfinite;
    double clip_norm, clip_value;
    int64_t accumulate;
    const char *schedule; /* as it was given, or NULL */
    bg_schedule parsed;
    update_count length, warm_up, swa_start;
} optimizer_settings;

extern const struct argp optimizer_argp; /* its input: optimizer_settings */

/* Fills in what was not given, an optimizer with its learning rate and, for SGD, momentum (SGD if its momentum was
 * given without a name), and checks what belongs together. 0, or the exit code after a message. */
int optimizer_check(optimizer_settings *settings, const char *name, double learning_rate, double momentum);
/* Whether the optimizer, which optimizer_check has seen, takes all examples a step. */
bool optimizer_is_driver(const optimizer_settings *settings);
/* Sets the trainer's options, whose batch and epochs stand, for so many examples, and so many steps if these are not 0
 * and end first. parts: room for two schedules, which must live as long as the trainer. */
void optimizer_fill(const optimizer_settings *settings, bg_trainer_options *options, int64_t examples, int64_t steps,
                    bg_schedule *parts);
void optimizer_describe(const optimizer_settings *settings, event *e);
/* The optimizer that was described; false if there is none of its name. */
bool optimizer_recall(bg_optimizer *optimizer, const event *e);

#endif
