/* Rules that look at a parameter as a whole: Lion's is elementwise still, LAMB and Adafactor need norms and means. */
#include "train/rule.h"

#include <float.h>

static void lion_update(const bg_optimizer *optimizer, const bg_update_site *site)
{
    bg_node *g = site->gradient, *m = bg_optimizer_state(site, "exp_avg");
    bg_node *beta1 = bgi_rule_momentum(site, optimizer->beta1);
    bg_node *mixed =
        bg_add(bg_mul(m, bgi_rule_cast(site, beta1)), bg_mul(g, bgi_rule_cast(site, bg_sub_from(1, beta1))));
    bgi_rule_mean(site, m, g, bgi_rule_number(site, optimizer->beta2));
    bg_node *p = bgi_rule_decayed_parameter(optimizer, site);
    bg_update(site->parameter, bg_sub(p, bg_mul(site->learning_rate, bg_sign(mixed))));
}

static void lamb_update(const bg_optimizer *optimizer, const bg_update_site *site)
{
    bg_node *p = site->parameter, *g = site->gradient;
    bg_node *beta1 = bgi_rule_momentum(site, optimizer->beta1), *beta2 = bgi_rule_number(site, optimizer->beta2);
    bg_node *m = bgi_rule_mean(site, bg_optimizer_state(site, "exp_avg"), g, beta1);
    bg_node *v = bgi_rule_mean(site, bg_optimizer_state(site, "exp_avg_sq"), bg_square(g), beta2);
    bg_node *size = bg_sqrt(bg_div(v, bgi_rule_cast(site, bgi_rule_bias(site, beta2))));
    bg_node *direction =
        bg_div(bg_div(m, bgi_rule_cast(site, bgi_rule_bias(site, beta1))), bg_add_scalar(size, optimizer->eps));
    if (optimizer->weight_decay != 0)
        direction = bg_add(direction, bg_mul_scalar(p, optimizer->weight_decay));
    bg_node *of_p = bgi_rule_norm(p), *of_direction = bgi_rule_norm(direction), *zero = bgi_rule_number(site, 0);
    bg_node *has_both = bg_logical_and(bg_greater(of_p, zero), bg_greater(of_direction, zero));
    bg_node *ratio = bg_where(has_both, bg_div(of_p, of_direction), bgi_rule_number(site, 1));
    bg_node *rate = bgi_rule_cast(site, bg_mul(site->rate, ratio));
    bg_update(p, bg_sub(p, bg_mul(rate, direction)));
}

/* The means of g² over the last axis (-1) or the one before it, kept as an axis of extent 1, with their own mean over
 * the steps. */
static bg_node *factor_of_squares(const bg_update_site *site, const char *state, bg_node *squares, int axis,
                                  bg_node *keep)
{
    bg_shape shape = bg_node_shape(site->parameter);
    shape.dims[shape.rank + axis] = 1;
    bg_node *means = bg_reshape(bg_mean(squares, BG_AXES(axis)), shape);
    return bgi_rule_mean(site, bg_optimizer_state_of(site, state, bg_node_dtype(site->parameter), shape), means, keep);
}

static void adafactor_update(const bg_optimizer *optimizer, const bg_update_site *site)
{
    bg_node *p = site->parameter, *g = site->gradient, *t = bgi_rule_count(site), *v;
    bg_dtype dtype = bg_node_dtype(p);
    double eps1 = optimizer->eps1.is_some ? optimizer->eps1.value : dtype == BG_F64 ? DBL_EPSILON : (double)FLT_EPSILON;
    bg_node *keep = bg_sub_from(1, bg_pow(t, bgi_rule_number(site, optimizer->beta2_decay)));
    bg_node *relative = bg_minimum(site->rate, bg_rsqrt(t));
    bg_node *rate = bg_mul(bg_maximum(bgi_rule_number(site, optimizer->eps), bgi_rule_rms(p)), relative);
    if (bg_node_shape(p).rank > 1) {
        bg_node *rows = factor_of_squares(site, "row_var", bg_square(g), -1, keep);
        bg_node *columns = factor_of_squares(site, "col_var", bg_square(g), -2, keep);
        bg_shape shape = bg_node_shape(p);
        shape.dims[shape.rank - 1] = shape.dims[shape.rank - 2] = 1;
        bg_node *all = bg_reshape(bg_mean(rows, BG_AXES(-2)), shape);
        all = bg_maximum(all, bg_scalar(bg_node_graph(p), dtype, eps1));
        v = bg_mul(bg_div(rows, all), columns);
    } else {
        v = bgi_rule_mean(site, bg_optimizer_state(site, "variance"), bg_square(g), keep);
    }
    bg_node *smallest = bg_scalar(bg_node_graph(p), dtype, eps1 * eps1);
    bg_node *direction = bg_mul(bg_rsqrt(bg_maximum(v, smallest)), g);
    bg_node *excess = bg_mul_scalar(bgi_rule_rms(direction), 1 / optimizer->threshold);
    rate = bg_div(rate, bg_maximum(bgi_rule_number(site, 1), excess));
    bg_update(p, bg_sub(bgi_rule_decayed_parameter(optimizer, site), bg_mul(bgi_rule_cast(site, rate), direction)));
}

static bg_status adafactor_check(const bg_optimizer *optimizer)
{
    bg_status status =
        bgi_rule_require(optimizer->beta2_decay <= 0, optimizer, "beta2_decay", optimizer->beta2_decay, "0 or less");
    if (status == BG_OK && optimizer->eps1.is_some)
        status = bgi_rule_require(optimizer->eps1.value >= 0, optimizer, "eps1", optimizer->eps1.value, "0 or more");
    if (status == BG_OK)
        status = bgi_rule_require(optimizer->threshold >= 1, optimizer, "threshold", optimizer->threshold, "1 or more");
    return status;
}

bg_optimizer bg_lion(double learning_rate)
{
    return (bg_optimizer){ .name = "lion",
                           .update = lion_update,
                           .takes_momentum = true,
                           .learning_rate = learning_rate,
                           .beta1 = 0.9,
                           .beta2 = 0.99 };
}
bg_optimizer bg_lamb(double learning_rate)
{
    return (bg_optimizer){ .name = "lamb",
                           .update = lamb_update,
                           .takes_momentum = true,
                           .learning_rate = learning_rate,
                           .beta1 = 0.9,
                           .beta2 = 0.999,
                           .eps = 1e-6,
                           .weight_decay = 0.01 };
}
bg_optimizer bg_adafactor(double learning_rate)
{
    return (bg_optimizer){ .name = "adafactor",
                           .update = adafactor_update,
                           .check = adafactor_check,
                           .learning_rate = learning_rate,
                           .beta2_decay = -0.8,
                           .eps = 1e-3,
                           .threshold = 1 };
}
