/* Adam and its relatives: rules with a mean of gradients and a measure of their size. */
#include "train/rule.h"

typedef struct {
    bg_node *beta1, *beta2; /* f64 */
    bg_node *g, *m, *v;     /* m, v: after this step */
} moments;

static moments update_moments(const bg_optimizer *optimizer, const bg_update_site *site, bg_node *g)
{
    moments next = { .g = g,
                     .beta1 = bgi_rule_momentum(site, optimizer->beta1),
                     .beta2 = bgi_rule_number(site, optimizer->beta2) };
    next.m = bgi_rule_mean(site, bg_optimizer_state(site, "exp_avg"), g, next.beta1);
    next.v = bgi_rule_mean(site, bg_optimizer_state(site, "exp_avg_sq"), bg_square(g), next.beta2);
    return next;
}

/* p - rate / (1 - beta1ᵗ) · m / (√v / √(1 - beta2ᵗ) + eps) */
static void adam_step(const bg_optimizer *optimizer, const bg_update_site *site, bg_node *p, bg_node *g)
{
    moments next = update_moments(optimizer, site, g);
    bg_node *v = next.v;
    if (optimizer->amsgrad) {
        bg_node *largest = bg_optimizer_state(site, "max_exp_avg_sq");
        v = bg_maximum(largest, v);
        bg_update(largest, v);
    }
    bg_node *root = bg_sqrt(bgi_rule_bias(site, next.beta2));
    bg_node *size = bg_add_scalar(bg_div(bg_sqrt(v), bgi_rule_cast(site, root)), optimizer->eps);
    bg_node *rate = bg_div(site->rate, bgi_rule_bias(site, next.beta1));
    bg_update(site->parameter, bg_sub(p, bg_mul(bgi_rule_cast(site, rate), bg_div(next.m, size))));
}

static void adam_update(const bg_optimizer *optimizer, const bg_update_site *site)
{
    adam_step(optimizer, site, site->parameter, bgi_rule_decayed_gradient(optimizer, site));
}

void bgi_adamw_update(const bg_optimizer *optimizer, const bg_update_site *site)
{
    adam_step(optimizer, site, bgi_rule_decayed_parameter(optimizer, site), site->gradient);
}

static void adamax_update(const bg_optimizer *optimizer, const bg_update_site *site)
{
    bg_node *g = bgi_rule_decayed_gradient(optimizer, site), *beta1 = bgi_rule_momentum(site, optimizer->beta1);
    bg_node *m = bgi_rule_mean(site, bg_optimizer_state(site, "exp_avg"), g, beta1);
    bg_node *u = bg_optimizer_state(site, "exp_inf");
    bg_node *largest = bg_maximum(bg_mul_scalar(u, optimizer->beta2), bg_add_scalar(bg_abs(g), optimizer->eps));
    bg_update(u, largest);
    bg_node *rate = bg_div(site->rate, bgi_rule_bias(site, beta1));
    bg_update(site->parameter, bg_sub(site->parameter, bg_mul(bgi_rule_cast(site, rate), bg_div(m, largest))));
}

/* What weight decay makes of the parameter and the gradient, coupled or not. */
static void decay(const bg_optimizer *optimizer, const bg_update_site *site, bg_node **p, bg_node **g)
{
    *p = optimizer->is_decoupled ? bgi_rule_decayed_parameter(optimizer, site) : site->parameter;
    *g = optimizer->is_decoupled ? site->gradient : bgi_rule_decayed_gradient(optimizer, site);
}

/* beta1 (1 - 0.96^(t · momentum_decay) / 2) */
static bg_node *nadam_momentum(const bg_optimizer *optimizer, const bg_update_site *site, bg_node *beta1, double ahead)
{
    bg_node *exponent = bg_mul_scalar(bg_add_scalar(bgi_rule_count(site), ahead), optimizer->momentum_decay);
    bg_node *power = bg_pow(bgi_rule_number(site, 0.96), exponent);
    return bg_mul(beta1, bg_sub_from(1, bg_mul_scalar(power, 0.5)));
}

static void nadam_update(const bg_optimizer *optimizer, const bg_update_site *site)
{
    bg_node *p, *g;
    decay(optimizer, site, &p, &g);
    moments next = update_moments(optimizer, site, g);
    bg_node *mu = nadam_momentum(optimizer, site, next.beta1, 0),
            *ahead = nadam_momentum(optimizer, site, next.beta1, 1);
    /* The product of all momenta so far, less 1: 0 before the first step. That the new state is a value of its own, and
     * not what the parameter's update reads, lets all updates of the parameter be one loop. */
    bg_node *state = bg_optimizer_state_of(site, "mu_product_less_1", BG_F64, BG_SCALAR);
    bg_node *product = bg_mul(bg_add_scalar(state, 1), mu);
    bg_update(state, bg_add_scalar(product, -1));
    bg_node *of_g = bg_div(bg_mul(site->rate, bg_sub_from(1, mu)), bg_sub_from(1, product));
    bg_node *of_m = bg_div(bg_mul(site->rate, ahead), bg_sub_from(1, bg_mul(product, ahead)));
    bg_node *size = bg_sqrt(bg_div(next.v, bgi_rule_cast(site, bgi_rule_bias(site, next.beta2))));
    bg_node *direction = bg_add(bg_mul(bgi_rule_cast(site, of_g), g), bg_mul(bgi_rule_cast(site, of_m), next.m));
    bg_update(site->parameter, bg_sub(p, bg_div(direction, bg_add_scalar(size, optimizer->eps))));
}

static void radam_update(const bg_optimizer *optimizer, const bg_update_site *site)
{
    bg_node *p, *g;
    decay(optimizer, site, &p, &g);
    moments next = update_moments(optimizer, site, g);
    bg_node *bias2 = bgi_rule_bias(site, next.beta2), *t = bgi_rule_count(site);
    double longest = 2 / (1 - optimizer->beta2) - 1;
    bg_node *power = bg_pow(next.beta2, t);
    bg_node *length = bg_sub_from(longest, bg_div(bg_mul(bg_mul_scalar(t, 2), power), bias2));
    bg_node *is_long = bg_greater(length, bgi_rule_number(site, 5));
    /* Below a length of 4 the root is of a negative number; it is not taken there. */
    bg_node *numerator = bg_mul(bg_add_scalar(length, -4), bg_add_scalar(length, -2));
    bg_node *rectified = bg_div(bg_mul_scalar(numerator, longest / ((longest - 4) * (longest - 2))), length);
    bg_node *factor = bg_where(is_long, bg_sqrt(bg_mul(rectified, bias2)), bgi_rule_number(site, 1));
    bg_node *rate = bg_mul(bg_div(site->rate, bgi_rule_bias(site, next.beta1)), factor);
    bg_node *one = bgi_rule_cast(site, bgi_rule_number(site, 1));
    bg_node *size = bg_where(is_long, bg_add_scalar(bg_sqrt(next.v), optimizer->eps), one);
    bg_update(site->parameter, bg_sub(p, bg_mul(bgi_rule_cast(site, rate), bg_div(next.m, size))));
}

static bg_optimizer of_moments(const char *name, void (*update)(const bg_optimizer *, const bg_update_site *),
                               double learning_rate)
{
    return (bg_optimizer){ .name = name,
                           .update = update,
                           .takes_momentum = true,
                           .learning_rate = learning_rate,
                           .beta1 = 0.9,
                           .beta2 = 0.999,
                           .eps = 1e-8 };
}
bg_optimizer bg_adam(double learning_rate) { return of_moments("adam", adam_update, learning_rate); }
bg_optimizer bg_adamw(double learning_rate)
{
    bg_optimizer made = of_moments("adamw", bgi_adamw_update, learning_rate);
    made.weight_decay = 0.01;
    return made;
}
bg_optimizer bg_adamax(double learning_rate) { return of_moments("adamax", adamax_update, learning_rate); }
bg_optimizer bg_nadam(double learning_rate)
{
    bg_optimizer made = of_moments("nadam", nadam_update, learning_rate);
    made.momentum_decay = 4e-3;
    return made;
}
bg_optimizer bg_radam(double learning_rate) { return of_moments("radam", radam_update, learning_rate); }
