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

static bg_attack (*const makers[])(bg_attack_norm norm, double eps) = { bg_attack_fgsm, bg_attack_bim, bg_attack_pgd,
                                                                        bg_attack_mi_fgsm, bg_attack_noise };
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
    if (!(attack->eps >= 0) || isinf(attack->eps))
        return bg_fail(BG_ERR_ARGUMENT, "attack %s: eps %g, it must be finite and 0 or more", name, attack->eps);
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
