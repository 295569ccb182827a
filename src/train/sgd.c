/* Stochastic gradient descent, in PyTorch's form. */
#include <blasgrad/optim.h>

/* The first step takes v = g even with dampening: v starts at 0, so the factor of g is 1 there. */
static bg_node *undampened(const bg_optimizer *optimizer, const bg_update_site *site, bg_node *g)
{
    if (optimizer->dampening == 0)
        return g;
    bg_graph *graph = bg_node_graph(site->parameter);
    bg_dtype dtype = bg_node_dtype(site->parameter);
    bg_node *is_first = bg_equal(site->step, bg_scalar(graph, dtype, 0));
    return bg_mul(g, bg_where(is_first, bg_scalar(graph, dtype, 1), bg_scalar(graph, dtype, 1 - optimizer->dampening)));
}

static void sgd_update(const bg_optimizer *optimizer, const bg_update_site *site)
{
    bg_node *p = site->parameter, *g = site->gradient;
    if (optimizer->weight_decay != 0)
        g = bg_add(g, bg_mul_scalar(p, optimizer->weight_decay));
    bg_node *direction = g;
    if (optimizer->momentum != 0) {
        bg_node *v = bg_optimizer_state(site, "momentum");
        bg_node *next = bg_add(bg_mul_scalar(v, optimizer->momentum), undampened(optimizer, site, g));
        bg_update(v, next);
        direction = optimizer->nesterov ? bg_add(g, bg_mul_scalar(next, optimizer->momentum)) : next;
    }
    bg_update(p, bg_sub(p, bg_mul(site->learning_rate, direction)));
}

bg_optimizer bg_sgd(double learning_rate, double momentum)
{
    return (bg_optimizer){ .name = "sgd", .update = sgd_update, .learning_rate = learning_rate, .momentum = momentum };
}
