/* Stochastic gradient descent, in PyTorch's form. */
#include "train/rule.h"

/* The first step takes v = g even with dampening: v starts at 0, so the factor of g is 1 there. */
static bg_node *undampened(const bg_optimizer *optimizer, const bg_update_site *site, bg_node *g)
{
    if (optimizer->dampening == 0)
        return g;
    bg_node *one = bgi_rule_number(site, 1), *later = bgi_rule_number(site, 1 - optimizer->dampening);
    return bg_mul(g, bgi_rule_cast(site, bg_where(bgi_rule_is_first(site), one, later)));
}

static void sgd_update(const bg_optimizer *optimizer, const bg_update_site *site)
{
    bg_node *p = site->parameter, *g = bgi_rule_decayed_gradient(optimizer, site), *direction = g;
    if (optimizer->momentum != 0 || site->momentum) {
        bg_node *v = bg_optimizer_state(site, "momentum");
        bg_node *momentum = bgi_rule_cast(site, bgi_rule_momentum(site, optimizer->momentum));
        bg_node *next = bg_add(bg_mul(v, momentum), undampened(optimizer, site, g));
        bg_update(v, next);
        direction = optimizer->nesterov ? bg_add(g, bg_mul(next, momentum)) : next;
    }
    bg_update(p, bg_sub(p, bg_mul(site->learning_rate, direction)));
}

bg_optimizer bg_sgd(double learning_rate, double momentum)
{
    return (bg_optimizer){ .name = "sgd",
                           .update = sgd_update,
                           .takes_momentum = true,
                           .learning_rate = learning_rate,
                           .momentum = momentum };
}
