/* What suits each kind of data. */
#include "recipes.h"

#include "output.h"

#include <blasgrad/loss.h>

#include <string.h>

/* With a constant rate, steps for l1 end in a small circle around the answer; its size is proportional to the rate. */
static const recipe recipes[] = {
    { DATA_LECTURE, "l2", "dense:1:nobias", "sgd", 0.02, 0, RECIPE_WHOLE, 2000, BG_F64 },
    { DATA_LECTURE, "l1", "dense:1:nobias", "sgd", 0.002, 0, RECIPE_WHOLE, 20000, BG_F64 },
    { DATA_DIGITS, "cross_entropy", "dense:128 relu dense:10", "sgd", 0.1, 0.9, 64, 20, BG_F32 },
    { DATA_STROKES, "cross_entropy", "dense:256 relu dense:10", "sgd", 0.1, 0.9, 128, 5, BG_F32 },
    { DATA_MNIST, "cross_entropy", "dense:512 relu dense:512 relu dense:10", "sgd", 0.1, 0.9, 128, 8, BG_F32 },
    { DATA_IDX, "cross_entropy", "dense:512 relu dense:512 relu dense:10", "sgd", 0.1, 0.9, 128, 8, BG_F32 },
    { DATA_CIFAR, "cross_entropy", "resnet20", "sgd", 0.1, 0.9, 128, 8, BG_F32 },
    { DATA_ARRAYS, "l2", NULL, "sgd", 0.01, 0, 32, 100, BG_F32 },
    { DATA_ARRAYS, "cross_entropy", NULL, "sgd", 0.01, 0.9, 32, 100, BG_F32 },
    { DATA_CSV, "l2", NULL, "sgd", 0.01, 0, 32, 100, BG_F32 },
    { DATA_CSV, "cross_entropy", NULL, "sgd", 0.01, 0.9, 32, 100, BG_F32 },
    { DATA_TEXT, "cross_entropy", "char-gpt", "adamw", 0.003, 0, 12, 1, BG_F32 },
};

const recipe *recipe_find(data_kind kind, const char *loss)
{
    size_t found = 0, n = sizeof recipes / sizeof recipes[0];
    int best = -1;
    for (size_t i = 0; i < n; i++) {
        if (recipes[i].kind != kind)
            continue;
        int fits = 0;
        if (loss)
            fits = strcmp(recipes[i].loss, loss) == 0
                       ? 2
                       : bg_loss_takes_classes(recipes[i].loss) == bg_loss_takes_classes(loss);
        found = fits > best ? i : found;
        best = fits > best ? fits : best;
    }
    return &recipes[found];
}

/* Classes have losses of their own, and these take nothing else. */
int recipe_check_loss(const data_settings *data, const char *loss)
{
    bool for_classes = bg_loss_takes_classes(loss);
    if (data->kind == DATA_LECTURE && for_classes)
        return output_usage("--loss %s is for classes; the targets of lecture are numbers", loss);
    bool has_classes =
        data->kind == DATA_CSV || data->kind == DATA_ARRAYS ? data->with_classes : data->kind != DATA_LECTURE;
    if (has_classes && !for_classes)
        return output_usage("--loss %s is for targets that are numbers; those of %s are classes, whose losses are "
                            "cross_entropy, nll and multi_margin",
                            loss, data->name);
    return 0;
}
