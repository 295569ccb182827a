/* The attacks with their defaults, by name, and the check of their numbers. */
#include "attack/attack.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

bg_attack bg_attack_fgsm(bg_attack_norm norm, double eps)
{
    return (
        bg_attack){ .name = "fgsm", .method = &bgi_fgsm_method, .norm = norm, .eps = eps, .steps = 1, .restarts = 1 };
}

bg_attack bg_attack_bim(bg_attack_norm norm, double eps)
{
    return (
        bg_attack){ .name = "bim", .method = &bgi_bim_method, .norm = norm, .eps = eps, .steps = 10, .restarts = 1 };
}

bg_attack bg_attack_pgd(bg_attack_norm norm, double eps)
{
    return (bg_attack){ .name = "pgd",
                        .method = &bgi_pgd_method,
                        .norm = norm,
                        .eps = eps,
                        .steps = 40,
                        .restarts = 1,
                        .starts_at_random = true };
}

bg_attack bg_attack_mi_fgsm(bg_attack_norm norm, double eps)
{
    return (bg_attack){ .name = "mi-fgsm",
                        .method = &bgi_mi_fgsm_method,
                        .norm = norm,
                        .eps = eps,
                        .steps = 10,
                        .restarts = 1,
                        .decay = 1 };
}

bg_attack bg_attack_noise(bg_attack_norm norm, double eps)
{
    return (bg_attack){
        .name = "noise", .method = &bgi_noise_method, .norm = norm, .eps = eps, .steps = 1, .restarts = 10
    };
}

bg_attack bg_attack_apgd(bg_attack_norm norm, double eps)
{
    return (bg_attack){ .name = "apgd",
                        .method = &bgi_apgd_method,
                        .norm = norm,
                        .eps = eps,
                        .steps = 100,
                        .restarts = 1,
                        .starts_at_random = true };
}

bg_attack bg_attack_apgd_dlr(bg_attack_norm norm, double eps)
{
    bg_attack attack = bg_attack_apgd(norm, eps);
    attack.name = "apgd-dlr";
    attack.loss = BG_ATTACK_DLR;
    return attack;
}

bg_attack bg_attack_deepfool(bg_attack_norm norm, double eps)
{
    return (bg_attack){ .name = "deepfool",
                        .method = &bgi_deepfool_method,
                        .norm = norm,
                        .eps = eps,
                        .steps = 50,
                        .restarts = 1,
                        .overshoot = 0.02 };
}

bg_attack bg_attack_carlini_wagner(double eps)
{
    return (bg_attack){ .name = "cw",
                        .method = &bgi_carlini_wagner_method,
                        .norm = BG_ATTACK_L2,
                        .eps = eps,
                        .steps = 1000,
                        .restarts = 1,
                        .loss = BG_ATTACK_MARGIN,
                        .learning_rate = 0.01,
                        .constant = 1e-3,
                        .searches = 9 };
}

bg_attack bg_attack_square(double eps)
{
    return (bg_attack){ .name = "square",
                        .method = &bgi_square_method,
                        .eps = eps,
                        .steps = 1000,
                        .restarts = 1,
                        .loss = BG_ATTACK_MARGIN,
                        .share = 0.8 };
}

bg_attack bg_attack_spsa(bg_attack_norm norm, double eps)
{
    return (bg_attack){ .name = "spsa",
                        .method = &bgi_spsa_method,
                        .norm = norm,
                        .eps = eps,
                        .steps = 50,
                        .restarts = 1,
                        .loss = BG_ATTACK_MARGIN,
                        .learning_rate = 0.01,
                        .delta = 0.01,
                        .samples = 32 };
}

/* The norm is L2 alone, or Linf alone. */
static bg_attack carlini_wagner(bg_attack_norm norm, double eps)
{
    (void)norm;
    return bg_attack_carlini_wagner(eps);
}
static bg_attack square(bg_attack_norm norm, double eps)
{
    (void)norm;
    return bg_attack_square(eps);
}

static bg_attack (*const makers[])(bg_attack_norm norm, double eps) = {
    bg_attack_fgsm,     bg_attack_bim,  bg_attack_pgd, bg_attack_mi_fgsm, bg_attack_apgd, bg_attack_apgd_dlr,
    bg_attack_deepfool, carlini_wagner, square,        bg_attack_spsa,    bg_attack_noise
};
enum { N_ATTACKS = sizeof makers / sizeof makers[0] };

const char *bg_attack_name(size_t i) { return i < N_ATTACKS ? makers[i](BG_ATTACK_LINF, 0).name : NULL; }

bg_status bg_attack_find(bg_attack *attack, const char *name)
{
    if (!attack)
        return bg_fail(BG_ERR_ARGUMENT, "attack_find: attack is NULL");
    char names[256] = "";
    for (size_t i = 0; i < N_ATTACKS; i++) {
        *attack = makers[i](BG_ATTACK_LINF, 0);
        if (name && strcmp(name, attack->name) == 0)
            return BG_OK;
        size_t length = strlen(names);
        snprintf(names + length, sizeof names - length, "%s%s", i ? ", " : "", attack->name);
    }
    *attack = (bg_attack){ .name = NULL };
    return bg_fail(BG_ERR_ARGUMENT, "there is no attack \"%s\", only %s", name ? name : "", names);
}

static const char *const norm_names[] = { [BG_ATTACK_LINF] = "linf", [BG_ATTACK_L2] = "l2", [BG_ATTACK_L1] = "l1" };

static bool is_without(const bg_attack *attack)
{
    const bgi_attack_method *method = attack->method;
    return attack->norm == BG_ATTACK_LINF ? method->without_linf
                                          : (attack->norm == BG_ATTACK_L2 ? method->without_l2 : method->without_l1);
}

bool bg_attack_is_minimal(const bg_attack *attack) { return attack && attack->method && attack->method->is_minimal; }

bg_status bg_attack_check(const bg_attack *attack)
{
    if (!attack || !attack->method || !attack->name)
        return bg_fail(BG_ERR_ARGUMENT, "attack: %s", attack ? "it has no method or no name" : "it is NULL");
    const char *name = attack->name;
    if ((int)attack->norm < BG_ATTACK_LINF || attack->norm > BG_ATTACK_L1)
        return bg_fail(BG_ERR_ARGUMENT, "attack %s: the norm is %d, not one of 0 .. %d", name, (int)attack->norm,
                       (int)BG_ATTACK_L1);
    if ((int)attack->loss < BG_ATTACK_CROSS_ENTROPY || attack->loss > BG_ATTACK_DLR)
        return bg_fail(BG_ERR_ARGUMENT, "attack %s: the loss is %d, not one of 0 .. %d", name, (int)attack->loss,
                       (int)BG_ATTACK_DLR);
    if (is_without(attack))
        return bg_fail(BG_ERR_ARGUMENT, "attack %s: it has no form for the norm %s", name, norm_names[attack->norm]);
    if (attack->method->is_minimal ? !(attack->eps >= 0) : !(attack->eps >= 0) || isinf(attack->eps))
        return bg_fail(BG_ERR_ARGUMENT, "attack %s: eps %g, it must be %s0 or more", name, attack->eps,
                       attack->method->is_minimal ? "" : "finite and ");
    if (attack->steps < 1)
        return bg_fail(BG_ERR_ARGUMENT, "attack %s: %lld steps, it needs 1 or more", name, (long long)attack->steps);
    if (attack->restarts < 1)
        return bg_fail(BG_ERR_ARGUMENT, "attack %s: %lld restarts, it needs 1 or more", name,
                       (long long)attack->restarts);
    if (!(attack->step_size >= 0) || isinf(attack->step_size))
        return bg_fail(BG_ERR_ARGUMENT, "attack %s: step size %g, it must be finite and 0 or more", name,
                       attack->step_size);
    if (!(attack->sparsity >= 0 && attack->sparsity <= 1))
        return bg_fail(BG_ERR_ARGUMENT, "attack %s: sparsity %g, it must be in [0, 1]", name, attack->sparsity);
    return attack->method->check ? attack->method->check(attack) : BG_OK;
}
