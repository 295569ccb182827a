/* The numbers of an optimizer, and the optimizers by name. */
#include "train/rule.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static bg_status check_numbers(const bg_optimizer *optimizer)
{
    const struct {
        const char *name;
        double value, limit;
        bool may_be_limit;
    } numbers[] = {
        { "learning rate", optimizer->learning_rate, INFINITY, false },
        { "momentum", optimizer->momentum, 1, false },
        { "dampening", optimizer->dampening, 1, true },
        { "weight decay", optimizer->weight_decay, INFINITY, false },
        { "beta1", optimizer->beta1, 1, false },
        { "beta2", optimizer->beta2, 1, false },
        { "eps", optimizer->eps, INFINITY, false },
        { "momentum decay", optimizer->momentum_decay, INFINITY, false },
        { "clip value", optimizer->clip_value, INFINITY, false },
        { "clip norm", optimizer->clip_norm, INFINITY, false },
    };
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        double value = numbers[i].value, limit = numbers[i].limit;
        if (value >= 0 && (value < limit || (numbers[i].may_be_limit && value == limit)))
            continue;
        if (isinf(limit))
            return bg_fail(BG_ERR_ARGUMENT, "optimizer %s: %s %g, it must be finite and 0 or more", optimizer->name,
                           numbers[i].name, value);
        return bg_fail(BG_ERR_ARGUMENT, "optimizer %s: %s %g, it must be in [0, %g%c", optimizer->name, numbers[i].name,
                       value, limit, numbers[i].may_be_limit ? ']' : ')');
    }
    if (optimizer->driver && (optimizer->clip_value != 0 || optimizer->clip_norm != 0 || optimizer->n_groups != 0))
        return bg_fail(BG_ERR_ARGUMENT,
                       "optimizer %s: it has steps of its own, which neither groups nor clipping reach",
                       optimizer->name);
    if (optimizer->nesterov && (optimizer->momentum == 0 || optimizer->dampening != 0))
        return bg_fail(BG_ERR_ARGUMENT,
                       "optimizer %s: Nesterov's form needs a momentum above 0 and no dampening, not %g and %g",
                       optimizer->name, optimizer->momentum, optimizer->dampening);
    return optimizer->check ? optimizer->check(optimizer) : BG_OK;
}

bg_status bg_optimizer_check(const bg_optimizer *optimizer)
{
    if (!optimizer || (!optimizer->update && !optimizer->driver))
        return bg_fail(BG_ERR_ARGUMENT, "optimizer: %s", optimizer ? "it has no update rule" : "it is NULL");
    bg_status status = check_numbers(optimizer);
    if (status == BG_OK)
        status = bgi_groups_check(optimizer);
    for (int i = 0; status == BG_OK && i < optimizer->n_groups; i++) {
        bg_optimizer own = bgi_group_numbers(optimizer, &optimizer->groups[i]);
        status = check_numbers(&own);
    }
    return status;
}

/* SGD without momentum, as PyTorch's default. */
static bg_optimizer plain_sgd(double learning_rate) { return bg_sgd(learning_rate, 0); }
static bg_optimizer without_rate_lm(double learning_rate)
{
    (void)learning_rate;
    return bg_lm_optimizer();
}

static const struct {
    const char *name;
    bg_optimizer (*make)(double learning_rate);
    double learning_rate;
} optimizers[] = {
    { "sgd", plain_sgd, 1e-3 },          { "adam", bg_adam, 1e-3 },       { "adamw", bg_adamw, 1e-3 },
    { "adamax", bg_adamax, 2e-3 },       { "nadam", bg_nadam, 2e-3 },     { "radam", bg_radam, 1e-3 },
    { "rmsprop", bg_rmsprop, 1e-2 },     { "adagrad", bg_adagrad, 1e-2 }, { "adadelta", bg_adadelta, 1 },
    { "rprop", bg_rprop, 1e-2 },         { "lion", bg_lion, 1e-4 },       { "lamb", bg_lamb, 1e-3 },
    { "adafactor", bg_adafactor, 1e-2 }, { "muon", bg_muon, 1e-3 },       { "lbfgs", bg_lbfgs_optimizer, 1 },
    { "lm", without_rate_lm, 0 },
};
enum { N_OPTIMIZERS = sizeof optimizers / sizeof optimizers[0] };

bg_status bg_optimizer_find(bg_optimizer *optimizer, const char *name)
{
    if (!optimizer)
        return bg_fail(BG_ERR_ARGUMENT, "optimizer_find: optimizer is NULL");
    *optimizer = (bg_optimizer){ .name = NULL };
    char names[256] = "";
    for (int i = 0; i < N_OPTIMIZERS; i++) {
        if (name && strcmp(name, optimizers[i].name) == 0) {
            *optimizer = optimizers[i].make(optimizers[i].learning_rate);
            return BG_OK;
        }
        size_t length = strlen(names);
        snprintf(names + length, sizeof names - length, "%s%s", i ? ", " : "", optimizers[i].name);
    }
    return bg_fail(BG_ERR_ARGUMENT, "there is no optimizer \"%s\", only %s", name ? name : "", names);
}
