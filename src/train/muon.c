/* Muon: the momentum of a matrix, made orthogonal. */
#include "train/rule.h"

#include <math.h>

/* X <- a X + (b A + c A²) X with A = X Xᵀ, which drives all singular values of X towards 1; on the side with fewer
 * rows, where A is smaller. */
static bg_node *orthogonal(const bg_optimizer *optimizer, const bg_update_site *site, bg_node *x)
{
    bg_shape shape = bg_node_shape(x);
    bool is_tall = shape.dims[0] > shape.dims[1];
    const double *c = optimizer->newton_schulz;
    if (is_tall)
        x = bg_transpose(x, 0, 1);
    bg_node *norm = bg_maximum(bgi_rule_norm(x), bgi_rule_number(site, optimizer->newton_schulz_eps));
    x = bg_div(x, bgi_rule_cast(site, norm));
    for (int i = 0; i < optimizer->newton_schulz_steps; i++) {
        bg_node *gram = bg_matmul(x, bg_transpose(x, 0, 1));
        bg_node *update = bg_add(bg_mul_scalar(gram, c[1]), bg_mul_scalar(bg_matmul(gram, gram), c[2]));
        x = bg_add(bg_mul_scalar(x, c[0]), bg_matmul(update, x));
    }
    return is_tall ? bg_transpose(x, 0, 1) : x;
}

static void muon_update(const bg_optimizer *optimizer, const bg_update_site *site)
{
    bg_shape shape = bg_node_shape(site->parameter);
    const bg_parameter_group *group = bgi_group_of(optimizer, site->name, shape);
    if (shape.rank != 2 || (group && group->by_adamw)) {
        /* A scheduled momentum is that of the matrices. */
        bg_update_site rest = *site;
        rest.momentum = NULL;
        bgi_adamw_update(optimizer, &rest);
        return;
    }
    bg_node *g = site->gradient, *momentum = bgi_rule_momentum(site, optimizer->momentum);
    bg_node *m = bgi_rule_mean(site, bg_optimizer_state(site, "momentum"), g, momentum), *direction = m;
    if (optimizer->nesterov)
        direction = bg_add(g, bg_mul(bgi_rule_cast(site, momentum), bg_sub(m, g)));
    double rows = (double)shape.dims[0], columns = (double)shape.dims[1];
    double ratio = optimizer->muon_rate == BG_MUON_MATCHES_ADAMW ? 0.2 * sqrt(fmax(rows, columns))
                   : columns > 0                                 ? sqrt(fmax(1, rows / columns))
                                                                 : 1;
    bg_node *rate = bgi_rule_cast(site, bg_mul_scalar(site->rate, ratio));
    bg_node *p = bgi_rule_decayed_parameter(optimizer, site);
    bg_update(site->parameter, bg_sub(p, bg_mul(rate, orthogonal(optimizer, site, direction))));
}

static bg_status muon_check(const bg_optimizer *optimizer)
{
    bg_status status =
        bgi_rule_require(optimizer->newton_schulz_steps >= 0 && optimizer->newton_schulz_steps < 100, optimizer,
                         "newton_schulz_steps", optimizer->newton_schulz_steps, "from 0 to 99");
    for (int i = 0; i < 3 && status == BG_OK; i++)
        status = bgi_rule_require(isfinite(optimizer->newton_schulz[i]), optimizer, "newton_schulz",
                                  optimizer->newton_schulz[i], "finite");
    if (status == BG_OK)
        status = bgi_rule_require(optimizer->newton_schulz_eps > 0, optimizer, "newton_schulz_eps",
                                  optimizer->newton_schulz_eps, "above 0");
    if (status == BG_OK)
        status =
            bgi_rule_require(optimizer->muon_rate == BG_MUON_ORIGINAL || optimizer->muon_rate == BG_MUON_MATCHES_ADAMW,
                             optimizer, "muon_rate", optimizer->muon_rate, "one of bg_muon_rate");
    return status;
}

bg_optimizer bg_muon(double learning_rate)
{
    return (bg_optimizer){ .name = "muon",
                           .update = muon_update,
                           .check = muon_check,
                           .takes_momentum = true,
                           .learning_rate = learning_rate,
                           .momentum = 0.95,
                           .nesterov = true,
                           .weight_decay = 0.1,
                           .beta1 = 0.9,
                           .beta2 = 0.999,
                           .eps = 1e-8,
                           .newton_schulz_steps = 5,
                           .newton_schulz = { 3.4445, -4.7750, 2.0315 },
                           .newton_schulz_eps = 1e-7 };
}
