/* Evaluations: what was predicted beside what it should have been. */
#include "train/metrics.h"

#include "ops/ops.h"
#include "tensor/tensor.h"

#include <math.h>

static const char *const kind_names[] = { [BG_EVALUATION_NUMBERS] = "numbers",
                                          [BG_EVALUATION_CLASSES] = "classes",
                                          [BG_EVALUATION_BINARY] = "two classes by a threshold" };

/* ---- Creation ---- */

static bg_status check_options(const bg_evaluation_options *options)
{
    if (options->kind < BG_EVALUATION_NUMBERS || options->kind > BG_EVALUATION_BINARY)
        return bg_fail(BG_ERR_ARGUMENT, "evaluation_create: the kind is %d, not one of 0 .. %d", (int)options->kind,
                       (int)BG_EVALUATION_BINARY);
    const char *kind = kind_names[options->kind];
    if (options->top_k < 0)
        return bg_fail(BG_ERR_ARGUMENT, "evaluation_create: top_k is %lld, not 1 or more", (long long)options->top_k);
    if (options->top_k && options->kind != BG_EVALUATION_CLASSES)
        return bg_fail(BG_ERR_ARGUMENT, "evaluation_create: top_k is for scores of classes, the evaluation is of %s",
                       kind);
    if (options->kind == BG_EVALUATION_NUMBERS && (options->with_confusion || options->with_roc_auc))
        return bg_fail(BG_ERR_ARGUMENT, "evaluation_create: %s is for classes, the evaluation is of numbers",
                       options->with_confusion ? "with_confusion" : "with_roc_auc");
    if (options->are_logits && options->kind != BG_EVALUATION_CLASSES)
        return bg_fail(BG_ERR_ARGUMENT,
                       "evaluation_create: are_logits is for scores of classes, the evaluation is of %s", kind);
    if (isnan(options->threshold) || (options->threshold != 0 && options->kind != BG_EVALUATION_BINARY))
        return bg_fail(BG_ERR_ARGUMENT, "evaluation_create: the threshold is %g in an evaluation of %s",
                       options->threshold, kind);
    return BG_OK;
}

bg_status bg_evaluation_create(bg_evaluation **evaluation, bg_engine *engine, const bg_evaluation_options *options)
{
    if (!evaluation)
        return bg_fail(BG_ERR_ARGUMENT, "evaluation_create: evaluation is NULL");
    *evaluation = NULL;
    bg_evaluation_options defaults = { .kind = BG_EVALUATION_NUMBERS };
    if (!options)
        options = &defaults;
    bg_status status = bgi_engine_check(engine, "evaluation_create");
    if (status == BG_OK)
        status = check_options(options);
    if (status != BG_OK)
        return status;
    bg_evaluation *made = bgi_alloc_zero(engine, sizeof *made);
    if (!made)
        return BG_ERR_NOMEM;
    bgi_engine_retain(engine);
    made->engine = engine;
    made->options = *options;
    *evaluation = made;
    return BG_OK;
}

static size_t count_bytes(int64_t classes) { return 3 * (size_t)classes * sizeof(int64_t); }
static size_t row_bytes(int64_t classes) { return 3 * (size_t)classes * sizeof(double); }
static size_t confusion_bytes(int64_t classes) { return (size_t)(classes * classes) * sizeof(int64_t); }

/* Gives back what depends on the number of classes or targets. */
static void release_width(bg_evaluation *evaluation, int64_t width)
{
    bgi_free(evaluation->engine, evaluation->support, count_bytes(width));
    bgi_free(evaluation->engine, evaluation->row, row_bytes(width));
    if (evaluation->confusion) /* without it the square may not fit */
        bgi_free(evaluation->engine, evaluation->confusion, confusion_bytes(width));
    bgi_free(evaluation->engine, evaluation->targets, (size_t)width * sizeof *evaluation->targets);
    evaluation->support = evaluation->predicted = evaluation->right = evaluation->confusion = NULL;
    evaluation->row = NULL;
    evaluation->targets = NULL;
}

void bg_evaluation_destroy(bg_evaluation *evaluation)
{
    if (!evaluation)
        return;
    bg_engine *engine = evaluation->engine;
    bgi_scores_release(evaluation);
    release_width(evaluation, evaluation->width);
    bgi_free(engine, evaluation, sizeof *evaluation);
    bgi_engine_release(engine);
}

/* ---- Shapes ---- */

/* Memory for this many classes or targets, unless it is there. */
static bg_status take_width(bg_evaluation *evaluation, int64_t width)
{
    if (evaluation->width)
        return BG_OK;
    const bg_evaluation_options *options = &evaluation->options;
    if (options->with_confusion && width > BG_CONFUSION_MAX)
        return bg_fail(BG_ERR_ARGUMENT, "evaluation_add: a confusion matrix of %lld classes, it may have %d",
                       (long long)width, (int)BG_CONFUSION_MAX);
    bool is_done;
    if (options->kind == BG_EVALUATION_NUMBERS) {
        evaluation->targets = bgi_alloc_zero(evaluation->engine, (size_t)width * sizeof *evaluation->targets);
        is_done = evaluation->targets != NULL;
    } else {
        evaluation->support = bgi_alloc_zero(evaluation->engine, count_bytes(width));
        evaluation->row = bgi_alloc(evaluation->engine, row_bytes(width));
        if (options->with_confusion)
            evaluation->confusion = bgi_alloc_zero(evaluation->engine, confusion_bytes(width));
        is_done = evaluation->support && evaluation->row && (evaluation->confusion || !options->with_confusion);
    }
    if (!is_done) {
        release_width(evaluation, width);
        return BG_ERR_NOMEM;
    }
    if (evaluation->support) {
        evaluation->predicted = evaluation->support + width;
        evaluation->right = evaluation->predicted + width;
    }
    evaluation->width = width;
    return BG_OK;
}

static bg_status refuse_shapes(const bg_evaluation *evaluation, bg_shape prediction, bg_shape target)
{
    static const char *const needs[] = { [BG_EVALUATION_NUMBERS] = "predictions and targets [n, ..] of one shape",
                                         [BG_EVALUATION_CLASSES] = "scores [.., c] and classes [..]",
                                         [BG_EVALUATION_BINARY] = "scores and targets of one shape" };
    return bg_fail(BG_ERR_SHAPE, "evaluation_add: needs %s: predictions %s, targets %s",
                   needs[evaluation->options.kind], bgi_shape_format(prediction).text, bgi_shape_format(target).text);
}

static bg_status check_dtypes(bg_evaluation_kind kind, bg_dtype prediction, bg_dtype target)
{
    if (!bgi_is_float(prediction))
        return bg_fail(BG_ERR_DTYPE, "evaluation_add: predictions are %s, not f32 or f64", bg_dtype_name(prediction));
    if (kind == BG_EVALUATION_NUMBERS && !bgi_is_float(target))
        return bg_fail(BG_ERR_DTYPE, "evaluation_add: targets are %s, not f32 or f64", bg_dtype_name(target));
    if (kind == BG_EVALUATION_CLASSES && target != BG_U8 && target != BG_I32 && target != BG_I64)
        return bg_fail(BG_ERR_DTYPE, "evaluation_add: classes are %s, not u8, i32 or i64", bg_dtype_name(target));
    return BG_OK;
}

/* The product of the extents behind the first; it fits, as the extents of a tensor do even if it has no elements. */
static int64_t count_targets(bg_shape shape)
{
    int64_t targets = 1;
    for (int i = 1; i < shape.rank; i++)
        targets *= shape.dims[i];
    return targets;
}

/* Whether the tensors fit the evaluation, and how many rows of how many classes or targets they have. */
static bg_status look_at(const bg_evaluation *evaluation, const bg_tensor *prediction, const bg_tensor *target,
                         int64_t *rows, int64_t *width)
{
    bg_evaluation_kind kind = evaluation->options.kind;
    bg_status status = check_dtypes(kind, bg_tensor_dtype(prediction), bg_tensor_dtype(target));
    if (status != BG_OK)
        return status;
    bg_shape shape = bg_tensor_shape(prediction), other = bg_tensor_shape(target), outer = shape;
    bool has_axis = shape.rank > 0;
    outer.rank -= has_axis;
    bool fits = kind == BG_EVALUATION_CLASSES ? has_axis && bg_shape_equal(outer, other) : bg_shape_equal(shape, other);
    *rows = bg_shape_count(other);
    *width = 2;
    if (kind == BG_EVALUATION_CLASSES) {
        *width = has_axis ? shape.dims[outer.rank] : 0;
    } else if (kind == BG_EVALUATION_NUMBERS) {
        *rows = has_axis ? shape.dims[0] : 0;
        *width = has_axis ? count_targets(shape) : 0;
    }
    /* Without rows there may be more of them than memory could count. */
    if (!fits || *width < 1 || *width > INT64_MAX / 64)
        return refuse_shapes(evaluation, shape, other);
    if (evaluation->width && *width != evaluation->width)
        return bg_fail(BG_ERR_SHAPE, "evaluation_add: %lld %s, the evaluation is of %lld", (long long)*width,
                       kind == BG_EVALUATION_NUMBERS ? "targets" : "classes", (long long)evaluation->width);
    return BG_OK;
}

/* ---- Adding ---- */

/* Takes in tensors that are contiguous and fit. */
static bg_status add_dense(bg_evaluation *evaluation, const bg_tensor *prediction, const bg_tensor *target,
                           int64_t rows, int64_t width)
{
    bool has_classes = evaluation->options.kind != BG_EVALUATION_NUMBERS;
    bg_status status = has_classes ? bgi_classes_check(evaluation, target, rows, width) : BG_OK;
    bool is_first = evaluation->width == 0;
    if (status == BG_OK)
        status = take_width(evaluation, width);
    if (status == BG_OK && evaluation->options.with_roc_auc) {
        status = bgi_scores_reserve(evaluation, rows);
        if (status != BG_OK && is_first) {
            release_width(evaluation, width);
            evaluation->width = 0;
        }
    }
    if (status != BG_OK)
        return status;
    if (!has_classes)
        bgi_regression_add(evaluation, prediction, target, rows);
    else if (evaluation->options.kind == BG_EVALUATION_CLASSES)
        bgi_classes_add(evaluation, prediction, target, rows);
    else
        bgi_binary_add(evaluation, prediction, target, rows);
    evaluation->rows += has_classes ? rows : 0;
    return BG_OK;
}

/* The tensor, or a contiguous copy that is to be destroyed. */
static bg_status make_dense(bg_evaluation *evaluation, const bg_tensor **tensor, bg_tensor **copy)
{
    if (bg_tensor_is_contiguous(*tensor))
        return BG_OK;
    bg_status status = bg_tensor_create(copy, evaluation->engine, bg_tensor_dtype(*tensor), bg_tensor_shape(*tensor));
    if (status == BG_OK)
        status = bg_tensor_copy(*copy, *tensor);
    *tensor = *copy;
    return status;
}

bg_status bg_evaluation_add(bg_evaluation *evaluation, const bg_tensor *prediction, const bg_tensor *target)
{
    if (!evaluation || !prediction || !target)
        return bg_fail(BG_ERR_ARGUMENT, "evaluation_add: %s is NULL",
                       !evaluation ? "evaluation" : (!prediction ? "prediction" : "target"));
    int64_t rows = 0, width = 0;
    bg_tensor *copies[2] = { NULL, NULL };
    bg_status status = bgi_engine_check(evaluation->engine, "evaluation_add");
    if (status == BG_OK)
        status = look_at(evaluation, prediction, target, &rows, &width);
    if (status == BG_OK)
        status = make_dense(evaluation, &prediction, &copies[0]);
    if (status == BG_OK)
        status = make_dense(evaluation, &target, &copies[1]);
    if (status == BG_OK)
        status = add_dense(evaluation, prediction, target, rows, width);
    bg_tensor_destroy(copies[0]);
    bg_tensor_destroy(copies[1]);
    return status;
}

/* ---- Results ---- */

int64_t bg_evaluation_rows(const bg_evaluation *evaluation) { return evaluation ? evaluation->rows : 0; }
int64_t bg_evaluation_classes(const bg_evaluation *evaluation)
{
    return evaluation && evaluation->options.kind != BG_EVALUATION_NUMBERS ? evaluation->width : 0;
}
int64_t bg_evaluation_targets(const bg_evaluation *evaluation)
{
    return evaluation && evaluation->options.kind == BG_EVALUATION_NUMBERS ? evaluation->width : 0;
}
const int64_t *bg_evaluation_confusion(const bg_evaluation *evaluation)
{
    return evaluation ? evaluation->confusion : NULL;
}

bg_status bgi_evaluation_check(const bg_evaluation *evaluation, bool has_classes, const char *caller)
{
    if (!evaluation)
        return bg_fail(BG_ERR_ARGUMENT, "%s: evaluation is NULL", caller);
    if (has_classes != (evaluation->options.kind != BG_EVALUATION_NUMBERS))
        return bg_fail(BG_ERR_ARGUMENT, "%s: the evaluation is of %s", caller, kind_names[evaluation->options.kind]);
    return BG_OK;
}
