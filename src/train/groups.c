/* Parameter groups: which parameters have numbers of their own. */
#include "train/rule.h"

#include <math.h>

/* Whether a name matches a pattern with '*' and '?'. */
static bool matches(const char *pattern, const char *name)
{
    const char *star = NULL, *resume = NULL;
    while (*name) {
        if (*pattern == '*') {
            star = pattern++;
            resume = name;
        } else if (*pattern == '?' || *pattern == *name) {
            pattern++;
            name++;
        } else if (star) {
            /* The last star takes one character more. */
            pattern = star + 1;
            name = ++resume;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}

static bool is_in(const bg_parameter_group *group, const char *name, bg_shape shape)
{
    return (!group->of_vectors || shape.rank <= 1) && (!group->pattern || matches(group->pattern, name));
}

const bg_parameter_group *bgi_group_of(const bg_optimizer *optimizer, const char *name, bg_shape shape)
{
    for (int i = 0; i < optimizer->n_groups; i++)
        if (is_in(&optimizer->groups[i], name, shape))
            return &optimizer->groups[i];
    return NULL;
}

static void override(double *number, bg_optional given)
{
    if (given.is_some)
        *number = given.value;
}

bg_optimizer bgi_group_numbers(const bg_optimizer *optimizer, const bg_parameter_group *group)
{
    bg_optimizer own = *optimizer;
    if (group) {
        override(&own.weight_decay, group->weight_decay);
        override(&own.momentum, group->momentum);
        override(&own.beta1, group->beta1);
        override(&own.beta2, group->beta2);
        override(&own.eps, group->eps);
    }
    return own;
}

bg_status bgi_groups_check(const bg_optimizer *optimizer)
{
    if (optimizer->n_groups < 0 || optimizer->n_groups > BG_MAX_GROUPS)
        return bg_fail(BG_ERR_ARGUMENT, "optimizer %s: %d parameter groups, at most %d are allowed", optimizer->name,
                       optimizer->n_groups, BG_MAX_GROUPS);
    for (int i = 0; i < optimizer->n_groups; i++) {
        bg_optional factor = optimizer->groups[i].learning_rate_factor;
        if (factor.is_some && !(factor.value >= 0 && isfinite(factor.value)))
            return bg_fail(BG_ERR_ARGUMENT,
                           "optimizer %s: group %d has the learning rate factor %g, it must be finite and 0 or more",
                           optimizer->name, i, factor.value);
    }
    return BG_OK;
}

bg_status bgi_groups_match(const bg_optimizer *optimizer, const bg_model *model)
{
    for (int g = 0; g < optimizer->n_groups; g++) {
        const bg_parameter_group *group = &optimizer->groups[g];
        bool is_found = false;
        for (size_t i = 0; i < bg_model_count(model) && !is_found; i++)
            is_found = bg_model_is_parameter(model, i) &&
                       is_in(group, bg_model_name(model, i), bg_tensor_shape(bg_model_tensor(model, i)));
        if (!is_found)
            return bg_fail(BG_ERR_ARGUMENT, "optimizer %s: no parameter is in group %d, \"%s\"%s", optimizer->name, g,
                           group->pattern ? group->pattern : "*", group->of_vectors ? " of vectors" : "");
    }
    return BG_OK;
}
