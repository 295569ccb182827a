/* Attackers: their programs' inputs, and their end. */
#include "attack/attack.h"

static bg_status fill(bg_attacker *attacker)
{
    const bgi_classifier *of = &attacker->of;
    bg_status status = bg_tensor_create(&attacker->x, of->engine, bg_model_dtype(of->model), of->input);
    if (status == BG_OK)
        status = bg_tensor_create(&attacker->labels, of->engine, BG_I64, BG_SHAPE(of->batch));
    if (status == BG_OK)
        status = bg_tensor_create(&attacker->targets, of->engine, BG_I64, BG_SHAPE(of->batch));
    return status == BG_OK ? bgi_attack_prepare(attacker, BGI_ASK_SCORES, false) : status;
}

bg_status bg_attacker_create(bg_attacker **attacker, bg_model *model, const bg_attacker_options *options,
                             bg_shape example)
{
    if (!attacker)
        return bg_fail(BG_ERR_ARGUMENT, "attacker_create: attacker is NULL");
    *attacker = NULL;
    if (!options)
        return bg_fail(BG_ERR_ARGUMENT, "attacker_create: options is NULL");
    bgi_classifier classifier;
    bg_status status = bgi_classifier_open(&classifier, model,
                                           &(bgi_classifier_options){ .caller = "attacker_create",
                                                                      .network = options->network,
                                                                      .user = options->user,
                                                                      .lower = options->lower,
                                                                      .upper = options->upper,
                                                                      .batch = options->batch,
                                                                      .goes_on = options->goes_on },
                                           example);
    if (status != BG_OK)
        return status;
    bg_attacker *made = bgi_alloc_zero(classifier.engine, sizeof *made);
    if (!made) {
        bgi_classifier_close(&classifier);
        return BG_ERR_NOMEM;
    }
    made->of = classifier;
    status = fill(made);
    if (status != BG_OK)
        bg_attacker_destroy(made);
    else
        *attacker = made;
    return status;
}

void bg_attacker_destroy(bg_attacker *attacker)
{
    if (!attacker)
        return;
    bgi_classifier classifier = attacker->of;
    for (int ask = 0; ask < BGI_ASK_KINDS; ask++)
        for (int i = 0; i < 2; i++)
            bg_program_destroy(attacker->programs[ask][i]);
    bg_tensor_destroy(attacker->x);
    bg_tensor_destroy(attacker->labels);
    bg_tensor_destroy(attacker->targets);
    bgi_free(classifier.engine, attacker, sizeof *attacker);
    bgi_classifier_close(&classifier);
}

int64_t bg_attacker_classes(const bg_attacker *attacker) { return attacker ? attacker->of.classes : 0; }
