/* Rules whose steps are scaled element by element without a mean of gradients: RMSprop, Adagrad, Adadelta, Rprop. */
#include "train/rule.h"

static void rmsprop_update(const bg_optimizer *optimizer, const bg_update_site *site)
{
    bg_node *g = bgi_rule_decayed_gradient(optimizer, site), *alpha = bgi_rule_number(site, optimizer->alpha);
    bg_node *v = bgi_rule_mean(site, bg_optimizer_state(site, "square_avg"), bg_square(g), alpha);
    if (optimizer->is_centered)
        v = bg_sub(v, bg_square(bgi_rule_mean(site, bg_optimizer_state(site, "grad_avg"), g, alpha)));
    bg_node *direction = bg_div(g, bg_add_scalar(bg_sqrt(v), optimizer->eps));
    if (optimizer->momentum != 0 || site->momentum) {
        bg_node *b = bg_optimizer_state(site, "momentum");
        bg_node *momentum = bgi_rule_cast(site, bgi_rule_momentum(site, optimizer->momentum));
        direction = bg_add(bg_mul(b, momentum), direction);
        bg_update(b, direction);
    }
    bg_update(site->parameter, bg_sub(site->parameter, bg_mul(site->learning_rate, direction)));
}

static void adagrad_update(const bg_optimizer *optimizer, const bg_update_site *site)
{
    bg_node *g = bgi_rule_decayed_gradient(optimizer, site), *state = bg_optimizer_state(site, "sum"), *sum = state;
    if (optimizer->initial_accumulator != 0) {
        bg_node *initial = bgi_rule_cast(site, bgi_rule_number(site, optimizer->initial_accumulator));
        sum = bg_where(bgi_rule_is_first(site), initial, state);
    }
    sum = bg_add(sum, bg_square(g));
    bg_update(state, sum);
    bg_node *slower = bg_add_scalar(bg_mul_scalar(site->step, optimizer->learning_rate_decay), 1);
    bg_node *rate = bgi_rule_cast(site, bg_div(site->rate, slower));
    bg_node *size = bg_add_scalar(bg_sqrt(sum), optimizer->eps);
    bg_update(site->parameter, bg_sub(site->parameter, bg_mul(rate, bg_div(g, size))));
}

static void adadelta_update(const bg_optimizer *optimizer, const bg_update_site *site)
{
    bg_node *g = bgi_rule_decayed_gradient(optimizer, site), *rho = bgi_rule_number(site, optimizer->rho);
    bg_node *v = bgi_rule_mean(site, bg_optimizer_state(site, "square_avg"), bg_square(g), rho);
    bg_node *u = bg_optimizer_state(site, "acc_delta");
    bg_node *size = bg_sqrt(bg_add_scalar(v, optimizer->eps)), *past = bg_sqrt(bg_add_scalar(u, optimizer->eps));
    bg_node *delta = bg_mul(bg_div(past, size), g);
    bgi_rule_mean(site, u, bg_square(delta), rho);
    bg_update(site->parameter, bg_sub(site->parameter, bg_mul(site->learning_rate, delta)));
}

static void rprop_update(const bg_optimizer *optimizer, const bg_update_site *site)
{
    bg_node *g = site->gradient, *past = bg_optimizer_state(site, "prev"),
            *size = bg_optimizer_state(site, "step_size");
    bg_node *zero = bgi_rule_cast(site, bgi_rule_number(site, 0)), *one = bgi_rule_cast(site, bgi_rule_number(site, 1));
    bg_node *minus = bgi_rule_cast(site, bgi_rule_number(site, optimizer->eta_minus));
    bg_node *plus = bgi_rule_cast(site, bgi_rule_number(site, optimizer->eta_plus));
    /* Of two gradients so small that their product is 0, neither stays nor turns: as in PyTorch. */
    bg_node *agreement = bg_mul(g, past), *has_turned = bg_less(agreement, zero);
    bg_node *factor = bg_where(has_turned, minus, bg_where(bg_greater(agreement, zero), plus, one));
    bg_node *next = bg_mul(bg_where(bgi_rule_is_first(site), site->learning_rate, size), factor);
    next = bg_clamp(next, optimizer->step_min, optimizer->step_max);
    g = bg_where(has_turned, zero, g);
    bg_update(past, g);
    bg_update(size, next);
    bg_update(site->parameter, bg_sub(site->parameter, bg_mul(bg_sign(g), next)));
}

static bg_status rmsprop_check(const bg_optimizer *optimizer)
{
    return bgi_rule_require(optimizer->alpha >= 0 && optimizer->alpha < 1, optimizer, "alpha", optimizer->alpha,
                            "in [0, 1)");
}
static bg_status adagrad_check(const bg_optimizer *optimizer)
{
    double decay = optimizer->learning_rate_decay, initial = optimizer->initial_accumulator;
    bg_status status = bgi_rule_require(decay >= 0, optimizer, "learning rate decay", decay, "0 or more");
    return status != BG_OK ? status
                           : bgi_rule_require(initial >= 0, optimizer, "initial accumulator", initial, "0 or more");
}
static bg_status adadelta_check(const bg_optimizer *optimizer)
{
    return bgi_rule_require(optimizer->rho >= 0 && optimizer->rho <= 1, optimizer, "rho", optimizer->rho, "in [0, 1]");
}
static bg_status rprop_check(const bg_optimizer *optimizer)
{
    bg_status status = bgi_rule_require(optimizer->eta_minus > 0 && optimizer->eta_minus < 1, optimizer, "eta_minus",
                                        optimizer->eta_minus, "in (0, 1)");
    if (status == BG_OK)
        status = bgi_rule_require(optimizer->eta_plus > 1, optimizer, "eta_plus", optimizer->eta_plus, "above 1");
    if (status == BG_OK)
        status = bgi_rule_require(optimizer->step_min >= 0, optimizer, "step_min", optimizer->step_min, "0 or more");
    if (status == BG_OK)
        status = bgi_rule_require(optimizer->step_max >= optimizer->step_min, optimizer, "step_max",
                                  optimizer->step_max, "at least step_min");
    return status;
}

bg_optimizer bg_rmsprop(double learning_rate)
{
    return (bg_optimizer){ .name = "rmsprop",
                           .update = rmsprop_update,
                           .check = rmsprop_check,
                           .takes_momentum = true,
                           .learning_rate = learning_rate,
                           .alpha = 0.99,
                           .eps = 1e-8 };
}
bg_optimizer bg_adagrad(double learning_rate)
{
    return (bg_optimizer){ .name = "adagrad",
                           .update = adagrad_update,
                           .check = adagrad_check,
                           .learning_rate = learning_rate,
                           .eps = 1e-10 };
}
bg_optimizer bg_adadelta(double learning_rate)
{
    return (bg_optimizer){ .name = "adadelta",
                           .update = adadelta_update,
                           .check = adadelta_check,
                           .learning_rate = learning_rate,
                           .rho = 0.9,
                           .eps = 1e-6 };
}
bg_optimizer bg_rprop(double learning_rate)
{
    return (bg_optimizer){ .name = "rprop",
                           .update = rprop_update,
                           .check = rprop_check,
                           .learning_rate = learning_rate,
                           .eta_minus = 0.5,
                           .eta_plus = 1.2,
                           .step_min = 1e-6,
                           .step_max = 50 };
}
