/* Scalars and states that several rules need. */
#include "train/rule.h"

bg_node *bgi_rule_number(const bg_update_site *site, double value)
{
    return bg_scalar(bg_node_graph(site->parameter), BG_F64, value);
}

bg_node *bgi_rule_count(const bg_update_site *site) { return bg_add_scalar(site->step, 1); }

bg_node *bgi_rule_bias(const bg_update_site *site, bg_node *beta)
{
    return bg_sub_from(1, bg_pow(beta, bgi_rule_count(site)));
}

bg_node *bgi_rule_is_first(const bg_update_site *site) { return bg_equal(site->step, bgi_rule_number(site, 0)); }

bg_node *bgi_rule_momentum(const bg_update_site *site, double value)
{
    return site->momentum ? site->momentum : bgi_rule_number(site, value);
}

bg_node *bgi_rule_cast(const bg_update_site *site, bg_node *scalar)
{
    return bg_cast(scalar, bg_node_dtype(site->parameter));
}

bg_node *bgi_rule_decayed_gradient(const bg_optimizer *optimizer, const bg_update_site *site)
{
    if (optimizer->weight_decay == 0)
        return site->gradient;
    return bg_add(site->gradient, bg_mul_scalar(site->parameter, optimizer->weight_decay));
}

bg_node *bgi_rule_decayed_parameter(const bg_optimizer *optimizer, const bg_update_site *site)
{
    if (optimizer->weight_decay == 0)
        return site->parameter;
    bg_node *kept = bg_sub_from(1, bg_mul_scalar(site->rate, optimizer->weight_decay));
    return bg_mul(site->parameter, bgi_rule_cast(site, kept));
}

bg_node *bgi_rule_mean(const bg_update_site *site, bg_node *state, bg_node *value, bg_node *keep)
{
    bg_node *part = bgi_rule_cast(site, bg_sub_from(1, keep));
    bg_node *next = bg_add(bg_mul(state, bgi_rule_cast(site, keep)), bg_mul(value, part));
    bg_update(state, next);
    return next;
}

bg_node *bgi_rule_norm(bg_node *x) { return bg_sqrt(bg_sum(bg_square(bg_cast(x, BG_F64)), BG_ALL_AXES)); }
bg_node *bgi_rule_rms(bg_node *x) { return bg_sqrt(bg_mean(bg_square(bg_cast(x, BG_F64)), BG_ALL_AXES)); }

bg_status bgi_rule_require(bool holds, const bg_optimizer *optimizer, const char *what, double value,
                           const char *condition)
{
    return holds ? BG_OK
                 : bg_fail(BG_ERR_ARGUMENT, "optimizer %s: %s %g, it must be %s", optimizer->name, what, value,
                           condition);
}
