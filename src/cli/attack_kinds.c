/* What blasgrad attack knows of each attack beside its defaults. */
#include "attack.h"

#include <assert.h>
#include <string.h>

attack_kind attack_kind_of(const bg_attack *attack)
{
    static const struct {
        const char *name;
        attack_kind kind;
    } kinds[] = {
        { "noise", { ATTACK_NOISE, TAKES_RESTARTS } },
        { "square", { ATTACK_WITHOUT_GRADIENTS, TAKES_STEPS | TAKES_RESTARTS } },
        { "spsa", { ATTACK_WITHOUT_GRADIENTS, TAKES_STEPS | TAKES_RESTARTS } },
        { "fgsm", { ATTACK_ONE_STEP, TAKES_LOSS } },
        { "bim", { ATTACK_STEPS, TAKES_STEPS | TAKES_STEP_SIZE | TAKES_LOSS } },
        { "mi-fgsm", { ATTACK_STEPS, TAKES_STEPS | TAKES_STEP_SIZE | TAKES_LOSS } },
        { "pgd", { ATTACK_RANDOM_STEPS, TAKES_STEPS | TAKES_STEP_SIZE | TAKES_RESTARTS | TAKES_LOSS } },
        { "apgd-dlr", { ATTACK_RANDOM_STEPS, TAKES_STEPS | TAKES_RESTARTS } },
        { "apgd", { ATTACK_ADAPTED_STEPS, TAKES_STEPS | TAKES_RESTARTS } },
        { "deepfool", { ATTACK_SMALLEST, TAKES_STEPS } },
        { "cw", { ATTACK_SMALLEST, TAKES_STEPS } },
    };
    size_t i = 0, last = sizeof kinds / sizeof *kinds - 1;
    while (i < last && strcmp(kinds[i].name, attack->name) != 0)
        i++;
    assert(strcmp(kinds[i].name, attack->name) == 0); /* there is a row for each attack */
    return kinds[i].kind;
}
