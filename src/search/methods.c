/* The methods by name, and their numbers. */
#include "search/search.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

bg_search_method bg_search_random(void)
{
    return (bg_search_method){ .name = "random", .rule = &bgi_search_random_rule };
}

bg_search_method bg_search_one_plus_one(void)
{
    return (bg_search_method){ .name = "es-1+1", .rule = &bgi_search_one_plus_one_rule, .tolerance_x = 1e-11 };
}

bg_search_method bg_search_es(void)
{
    return (
        bg_search_method){ .name = "es", .rule = &bgi_search_es_rule, .tolerance_x = 1e-11, .tolerance_loss = 1e-11 };
}

bg_search_method bg_search_openai_es(void)
{
    return (bg_search_method){ .name = "openai-es",
                               .rule = &bgi_search_openai_es_rule,
                               .sigma = 0.02,
                               .learning_rate = 0.01,
                               .beta1 = 0.9,
                               .beta2 = 0.999,
                               .eps = 1e-8 };
}

bg_search_method bg_search_cmaes(void)
{
    return (bg_search_method){
        .name = "cmaes", .rule = &bgi_search_cmaes_rule, .tolerance_x = 1e-11, .tolerance_loss = 1e-11
    };
}

bg_search_method bg_search_sep_cmaes(void)
{
    bg_search_method method = bg_search_cmaes();
    method.name = "sep-cmaes";
    method.rule = &bgi_search_sep_cmaes_rule;
    return method;
}

bg_search_method bg_search_spsa(void)
{
    return (bg_search_method){ .name = "spsa",
                               .rule = &bgi_search_spsa_rule,
                               .sigma = 0.01,
                               .learning_rate = 0.1,
                               .gain_decay = 0.602,
                               .sigma_decay = 0.101,
                               .stability = 100 };
}

bg_search_method bg_search_differential_evolution(void)
{
    return (bg_search_method){
        .name = "de", .rule = &bgi_search_de_rule, .differential_weight = 0.5, .crossover = 0.9, .tolerance_loss = 1e-11
    };
}

bg_search_method bg_search_particle_swarm(void)
{
    return (bg_search_method){ .name = "pso",
                               .rule = &bgi_search_pso_rule,
                               .inertia = 0.7298,
                               .cognitive = 1.49618,
                               .social = 1.49618,
                               .tolerance_loss = 1e-11 };
}

static bg_search_method (*const methods[])(void) = {
    bg_search_random,         bg_search_one_plus_one, bg_search_es,   bg_search_openai_es,
    bg_search_cmaes,          bg_search_sep_cmaes,    bg_search_spsa, bg_search_differential_evolution,
    bg_search_particle_swarm,
};
enum { N_METHODS = sizeof methods / sizeof methods[0] };

bg_status bg_search_method_find(bg_search_method *method, const char *name)
{
    if (!method || !name)
        return bg_fail(BG_ERR_ARGUMENT, "search_method_find: %s is NULL", method ? "name" : "method");
    char names[128] = "";
    for (size_t i = 0; i < N_METHODS; i++) {
        bg_search_method found = methods[i]();
        if (strcmp(found.name, name) == 0) {
            *method = found;
            return BG_OK;
        }
        size_t length = strlen(names);
        (void)snprintf(names + length, sizeof names - length, "%s%s", i ? ", " : "", found.name);
    }
    return bg_fail(BG_ERR_ARGUMENT, "search_method_find: no method \"%.40s\"; there are: %s", name, names);
}

static bg_status check_population(const bg_search_method *m)
{
    if (m->population == 0)
        return BG_OK;
    if (m->population < m->rule->least)
        return bg_fail(BG_ERR_ARGUMENT, "%s: a population of %lld, it must be at least %lld", m->name,
                       (long long)m->population, (long long)m->rule->least);
    if (m->rule->takes_pairs && m->population % 2)
        return bg_fail(BG_ERR_ARGUMENT, "%s: a population of %lld, it must be even", m->name, (long long)m->population);
    return BG_OK;
}

static bool is_finite_and_not_negative(double x) { return x >= 0 && isfinite(x); }

bg_status bg_search_method_check(const bg_search_method *m, int64_t dimension)
{
    if (!m || !m->rule || !m->name)
        return bg_fail(BG_ERR_ARGUMENT, "search: the method is NULL or was not made by a function of search.h");
    if (dimension < 1)
        return bg_fail(BG_ERR_ARGUMENT, "%s: %lld dimensions, there must be at least 1", m->name, (long long)dimension);
    bg_status status = check_population(m);
    if (status != BG_OK)
        return status;
    if (!is_finite_and_not_negative(m->sigma) || (m->sigma == 0 && !m->rule->scales_sigma))
        return bg_fail(BG_ERR_ARGUMENT, "%s: sigma %g, it must be finite and %s", m->name, m->sigma,
                       m->rule->scales_sigma ? "0 (the default) or more" : "above 0");
    if (!is_finite_and_not_negative(m->tolerance_x) || !is_finite_and_not_negative(m->tolerance_loss))
        return bg_fail(BG_ERR_ARGUMENT, "%s: tolerances %g and %g, they must be finite and 0 or more", m->name,
                       m->tolerance_x, m->tolerance_loss);
    if (m->restarts < 0)
        return bg_fail(BG_ERR_ARGUMENT, "%s: %lld restarts, there must be 0 or more", m->name, (long long)m->restarts);
    return m->rule->check ? m->rule->check(m, dimension) : BG_OK;
}
