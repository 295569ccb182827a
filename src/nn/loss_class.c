/* Losses of classes, whose scores are the last axis. */
#include "nn/loss.h"

#include "ops/score.h"

/* Whether x [.., c] has a c above 0; records the error. */
static bool has_classes(const char *loss, const bg_node *x, const char *label)
{
    int rank = x->shape.rank;
    if (rank > 0 && x->shape.dims[rank - 1] > 0)
        return true;
    if (rank == 0)
        bgi_graph_fail(x->graph, BG_ERR_SHAPE, "%s: needs %s [.., c]: %s []", loss, label, label);
    else
        bgi_graph_fail(x->graph, BG_ERR_SHAPE, "%s: %s %s have no classes", loss, label,
                       bgi_shape_format(x->shape).text);
    return false;
}

/* Whether they are x [.., c] and integers [..] of one graph; records the error. */
static bool takes_classes(const char *loss, bg_node *x, const char *label, bg_node *classes)
{
    bg_node *inputs[] = { x, classes };
    bg_graph *graph = bgi_graph_of(loss, inputs, 2);
    if (!graph || !bgi_graph_accept(graph, bgi_check_floats(loss, inputs, &label, 1)))
        return false;
    bg_shape rows = x->shape;
    rows.rank = rows.rank > 0 ? rows.rank - 1 : 0;
    if (x->shape.rank == 0 || !bg_shape_equal(rows, classes->shape)) {
        bgi_graph_fail(graph, BG_ERR_SHAPE, "%s: needs %s [.., c], classes [..]: %s %s, classes %s", loss, label, label,
                       bgi_shape_format(x->shape).text, bgi_shape_format(classes->shape).text);
        return false;
    }
    if (!bgi_is_integer(classes->dtype)) {
        bgi_graph_fail(graph, BG_ERR_DTYPE, "%s: classes are %s, not i32, i64 or u8", loss,
                       bg_dtype_name(classes->dtype));
        return false;
    }
    return has_classes(loss, x, label);
}

/* Whether weight is NULL or [c], of x's graph and type; records the error. */
static bool takes_weight(const char *loss, bg_node *x, const char *label, bg_node *weight)
{
    bg_node *inputs[] = { x, weight };
    const char *const labels[] = { label, "weight" };
    if (!weight)
        return true;
    bg_graph *graph = bgi_graph_of(loss, inputs, 2);
    if (!graph || !bgi_graph_accept(graph, bgi_check_floats(loss, inputs, labels, 2)))
        return false;
    if (bg_shape_equal(weight->shape, BG_SHAPE(x->shape.dims[x->shape.rank - 1])))
        return true;
    bgi_graph_fail(graph, BG_ERR_SHAPE, "%s: needs weight [c]: %s %s, weight %s", loss, label,
                   bgi_shape_format(x->shape).text, bgi_shape_format(weight->shape).text);
    return false;
}

/* What the options make of the classes of x's rows. */
typedef struct {
    bg_node *classes;    /* with class 0 where a row is ignored */
    bg_node *is_ignored; /* bool, or NULL: none is */
    bg_node *weights;    /* of the rows: w[class], 0 where ignored; NULL: 1 */
} class_rows;

static bg_node *unless_ignored(const class_rows *rows, bg_node *values)
{
    return rows->is_ignored ? bg_where(rows->is_ignored, bgi_scalar_like(values, 0), values) : values;
}
static bool find_rows(const char *loss, bg_node *x, bg_node *classes, bg_node *weight, bg_optional ignore,
                      class_rows *rows)
{
    *rows = (class_rows){ .classes = classes };
    if (ignore.is_some) {
        if (!bgi_takes_value(loss, x->graph, classes->dtype, ignore.value))
            return false;
        rows->is_ignored = bg_equal(classes, bg_full(x->graph, classes->dtype, BG_SCALAR, ignore.value));
        /* f64 has every class that can be; the others stay outside. */
        bg_node *wide = bg_cast(classes, BG_F64);
        rows->classes = bg_cast(bg_where(rows->is_ignored, bgi_scalar_like(wide, 0), wide), BG_I64);
        if (!weight)
            rows->weights = bg_sub_from(1, bg_cast(rows->is_ignored, x->dtype));
    }
    if (weight)
        rows->weights = unless_ignored(rows, bg_gather_class(bg_broadcast(weight, x->shape), rows->classes));
    return rows->classes && (rows->weights || !(weight || ignore.is_some));
}
static bg_node *weigh(const class_rows *rows, bg_node *values)
{
    return unless_ignored(rows, rows->weights ? bg_mul(values, rows->weights) : values);
}

/* ---- Cross-entropy ---- */

/* log Σ exp(x - max) - (x - max) for one class or all: minus log softmax, which keeps losses near 0 exact where
 * logsumexp(x) - x would cancel. Its gradient is that of its parts: dy softmax(x), less dy at the class. */
static bg_node *minus_score(const bgi_softmax_terms *terms, bg_node *x, bg_node *classes)
{
    bg_shape rows = x->shape;
    rows.rank--;
    bg_node *score = bg_sub(bg_gather_class(x, classes), bg_reshape(terms->max, rows));
    return bg_sub(bg_log(bg_reshape(terms->sum, rows)), score);
}
static bg_node *minus_scores(const bgi_softmax_terms *terms) { return bg_sub(bg_log(terms->sum), terms->shifted); }

static bgi_softmax_terms terms_of(bg_node *logits)
{
    bool last[BG_MAX_RANK] = { false };
    last[logits->shape.rank - 1] = true;
    return bgi_softmax_terms_of(logits, last, false);
}

/* (1 - e) w[class] and e / c Σ w of minus the log-probabilities */
static bg_node *of_classes(bg_node *logits, bg_node *classes, bg_reduction reduction, const bg_cross_entropy_options *o)
{
    class_rows rows;
    double smoothing = o->label_smoothing;
    if (!takes_classes("cross_entropy_loss", logits, "logits", classes) ||
        !takes_weight("cross_entropy_loss", logits, "logits", o->weight) ||
        !find_rows("cross_entropy_loss", logits, classes, o->weight, o->ignore_index, &rows))
        return NULL;
    bgi_softmax_terms terms = terms_of(logits);
    bg_node *values = weigh(&rows, minus_score(&terms, logits, rows.classes));
    if (smoothing > 0) {
        double share = smoothing / (double)logits->shape.dims[logits->shape.rank - 1];
        bg_node *all = minus_scores(&terms);
        all = bg_sum(o->weight ? bg_mul(all, o->weight) : all, BG_AXES(-1));
        values = bg_add(bg_mul_scalar(values, 1 - smoothing), bg_mul_scalar(unless_ignored(&rows, all), share));
    }
    return bgi_loss_reduce_weighted("cross_entropy_loss", values, rows.weights, reduction);
}
/* Σ w ((1 - e) target + e / c) of minus the log-probabilities */
static bg_node *of_probabilities(bg_node *logits, bg_node *target, bg_reduction reduction,
                                 const bg_cross_entropy_options *o)
{
    static const char *const labels[] = { "logits", "target" };
    double smoothing = o->label_smoothing;
    if (!bgi_takes_equal_floats("cross_entropy_loss", logits, target, labels) ||
        !has_classes("cross_entropy_loss", logits, "logits") ||
        !takes_weight("cross_entropy_loss", logits, "logits", o->weight))
        return NULL;
    if (o->ignore_index.is_some)
        return bgi_graph_fail(logits->graph, BG_ERR_ARGUMENT,
                              "cross_entropy_loss: ignore_index is for classes, the target holds probabilities");
    double share = smoothing / (double)logits->shape.dims[logits->shape.rank - 1];
    bgi_softmax_terms terms = terms_of(logits);
    if (smoothing > 0)
        target = bg_add_scalar(bg_mul_scalar(target, 1 - smoothing), share);
    bg_node *each = bg_mul(minus_scores(&terms), target);
    return bgi_loss_reduce("cross_entropy_loss", bg_sum(o->weight ? bg_mul(each, o->weight) : each, BG_AXES(-1)),
                           reduction);
}
bg_node *bg_cross_entropy_loss_with(bg_node *logits, bg_node *target, bg_reduction reduction,
                                    const bg_cross_entropy_options *options)
{
    const bg_cross_entropy_options none = { 0 }, *o = options ? options : &none;
    bg_graph *graph = bgi_graph_of("cross_entropy_loss", (bg_node *[]){ logits, target }, 2);
    if (!graph)
        return NULL;
    if (!(o->label_smoothing >= 0 && o->label_smoothing <= 1))
        return bgi_graph_fail(graph, BG_ERR_ARGUMENT, "cross_entropy_loss: label smoothing is %g, not in 0 .. 1",
                              o->label_smoothing);
    /* Numbers of another shape are taken for classes of the wrong type. */
    bool is_probabilities = bgi_is_float(target->dtype) && bg_shape_equal(target->shape, logits->shape);
    return is_probabilities ? of_probabilities(logits, target, reduction, o) : of_classes(logits, target, reduction, o);
}
bg_node *bg_cross_entropy_loss(bg_node *logits, bg_node *target, bg_reduction reduction)
{
    return bg_cross_entropy_loss_with(logits, target, reduction, NULL);
}

/* ---- NLL ---- */

/* nll: -w[class] x[class] */
bg_node *bg_nll_loss_with(bg_node *log_probabilities, bg_node *classes, bg_reduction reduction,
                          const bg_nll_options *options)
{
    const bg_nll_options none = { 0 }, *o = options ? options : &none;
    class_rows rows;
    if (!takes_classes("nll_loss", log_probabilities, "log-probabilities", classes) ||
        !takes_weight("nll_loss", log_probabilities, "log-probabilities", o->weight) ||
        !find_rows("nll_loss", log_probabilities, classes, o->weight, o->ignore_index, &rows))
        return NULL;
    bg_node *values = weigh(&rows, bg_neg(bg_gather_class(log_probabilities, rows.classes)));
    return bgi_loss_reduce_weighted("nll_loss", values, rows.weights, reduction);
}
bg_node *bg_nll_loss(bg_node *log_probabilities, bg_node *classes, bg_reduction reduction)
{
    return bg_nll_loss_with(log_probabilities, classes, reduction, NULL);
}

/* ---- Margins ---- */

/* multi_margin: w[class] / c Σ max(margin - x[class] + x[i], 0)^p over i != class */
bg_node *bg_multi_margin_loss_with(bg_node *scores, bg_node *classes, bg_reduction reduction,
                                   const bg_multi_margin_options *options)
{
    const bg_multi_margin_options none = { 0 }, *o = options ? options : &none;
    double margin = bgi_option(o->margin, 1);
    class_rows rows;
    if (!takes_classes("multi_margin_loss", scores, "scores", classes) ||
        !takes_weight("multi_margin_loss", scores, "scores", o->weight) ||
        !bgi_takes_margin("multi_margin_loss", scores, margin) ||
        !find_rows("multi_margin_loss", scores, classes, o->weight, (bg_optional){ 0 }, &rows))
        return NULL;
    if (o->p < 0 || o->p > 2)
        return bgi_graph_fail(scores->graph, BG_ERR_ARGUMENT, "multi_margin_loss: p is %d, not 1 or 2", o->p);
    int64_t c = scores->shape.dims[scores->shape.rank - 1];
    bg_node *own = bg_unsqueeze(bg_gather_class(scores, classes), -1);
    bg_node *excess = bg_relu(bg_add_scalar(bg_sub(scores, own), margin));
    bg_node *is_class =
        bg_equal(bg_unsqueeze(bg_cast(classes, BG_I64), -1), bg_arange(scores->graph, BG_I64, 0, (double)c, 1));
    excess = bg_where(is_class, bgi_scalar_like(scores, 0), o->p == 2 ? bg_square(excess) : excess);
    bg_node *values = bg_mul_scalar(bg_sum(excess, BG_AXES(-1)), 1 / (double)c);
    return bgi_loss_reduce("multi_margin_loss", weigh(&rows, values), reduction);
}
bg_node *bg_multi_margin_loss(bg_node *scores, bg_node *classes, bg_reduction reduction)
{
    return bg_multi_margin_loss_with(scores, classes, reduction, NULL);
}

/* multilabel_margin: 1 / c Σ max(1 - x[j] + x[i], 0) over labels j and classes i that are none; [.., j, i] */
bg_node *bg_multilabel_margin_loss(bg_node *scores, bg_node *labels, bg_reduction reduction)
{
    static const char *const scores_label[] = { "scores" };
    bg_node *inputs[] = { scores, labels };
    bg_graph *graph = bgi_graph_of("multilabel_margin_loss", inputs, 2);
    if (!graph || !bgi_graph_accept(graph, bgi_check_floats("multilabel_margin_loss", inputs, scores_label, 1)))
        return NULL;
    if (!bgi_is_integer(labels->dtype))
        return bgi_graph_fail(graph, BG_ERR_DTYPE, "multilabel_margin_loss: labels are %s, not i32, i64 or u8",
                              bg_dtype_name(labels->dtype));
    int rank = scores->shape.rank;
    if (!bg_shape_equal(scores->shape, labels->shape) || rank == BG_MAX_RANK)
        return bgi_graph_fail(
            graph, BG_ERR_SHAPE,
            "multilabel_margin_loss: needs scores [.., c], labels [.., c], of rank %d at most: scores "
            "%s, labels %s",
            BG_MAX_RANK - 1, bgi_shape_format(scores->shape).text, bgi_shape_format(labels->shape).text);
    if (!has_classes("multilabel_margin_loss", scores, "scores"))
        return NULL;
    int64_t c = scores->shape.dims[rank - 1];
    bg_shape pairs = scores->shape;
    pairs.dims[pairs.rank++] = c;
    bg_node *zero = bgi_scalar_like(scores, 0), *wide = bg_cast(labels, BG_F64), *end = bgi_scalar_like(wide, 0);
    /* A label counts if none up to it is negative. */
    bg_node *ends = bg_cumsum(bg_cast(bg_less(wide, end), BG_F64), -1);
    bg_node *counts = ends ? bg_equal(ends, end) : NULL, *label = bg_where(counts, wide, end);
    bg_node *own = bg_gather_class(bg_broadcast(bg_unsqueeze(scores, -2), pairs), bg_cast(label, BG_I64));
    bg_node *is_label = bg_equal(bg_unsqueeze(label, -1), bg_arange(graph, BG_F64, 0, (double)c, 1));
    counts = bg_unsqueeze(counts, -1);
    bg_node *is_one = bg_any(bg_logical_and(is_label, counts), BG_AXES(-2));
    bg_node *excess = bg_relu(bg_sub_from(1, bg_sub(bg_unsqueeze(own, -1), bg_unsqueeze(scores, -2))));
    bg_node *takes_part = bg_logical_and(counts, bg_logical_not(bg_unsqueeze(is_one, -2)));
    bg_node *sum = bg_sum(bg_where(takes_part, excess, zero), BG_AXES(-2, -1));
    return bgi_loss_reduce("multilabel_margin_loss", bg_mul_scalar(sum, 1 / (double)c), reduction);
}

/* multilabel_soft_margin: the mean of bce_with_logits over the classes */
bg_node *bg_multilabel_soft_margin_loss_with(bg_node *logits, bg_node *target, bg_reduction reduction,
                                             const bg_multilabel_soft_margin_options *options)
{
    static const char *const labels[] = { "logits", "target" };
    if (!bgi_takes_equal_floats("multilabel_soft_margin_loss", logits, target, labels) ||
        !has_classes("multilabel_soft_margin_loss", logits, "logits") ||
        !takes_weight("multilabel_soft_margin_loss", logits, "logits", options ? options->weight : NULL))
        return NULL;
    bg_node *each = bgi_apply_2(&bgi_bce_with_logits_op, logits, target);
    if (options && options->weight)
        each = bg_mul(each, options->weight);
    return bgi_loss_reduce("multilabel_soft_margin_loss", bg_mean(each, BG_AXES(-1)), reduction);
}
bg_node *bg_multilabel_soft_margin_loss(bg_node *logits, bg_node *target, bg_reduction reduction)
{
    return bg_multilabel_soft_margin_loss_with(logits, target, reduction, NULL);
}

/* ---- Kullback-Leibler divergence ---- */

/* kl_div: y log y - y x, or exp(y) (y - x) of a target y that is a logarithm */
bg_node *bg_kl_div_loss_with(bg_node *log_probabilities, bg_node *target, bg_reduction reduction,
                             const bg_kl_div_options *options)
{
    static const char *const labels[] = { "log-probabilities", "target" };
    bg_node *x = log_probabilities, *y = target;
    if (!bgi_takes_equal_floats("kl_div_loss", x, y, labels))
        return NULL;
    bg_node *values =
        options && options->is_log_target ? bg_mul(bg_exp(y), bg_sub(y, x)) : bg_sub(bg_xlogy(y, y), bg_mul(y, x));
    if (reduction != BG_BATCH_MEAN)
        return bgi_loss_reduce("kl_div_loss", values, reduction);
    if (x->shape.rank == 0)
        return bgi_graph_fail(x->graph, BG_ERR_SHAPE, "kl_div_loss: log-probabilities [] are no batch");
    bg_node *rows = bgi_scalar_like(x, (double)x->shape.dims[0]);
    return bg_div(bg_sum(values, BG_ALL_AXES), rows);
}
bg_node *bg_kl_div_loss(bg_node *log_probabilities, bg_node *target, bg_reduction reduction)
{
    return bg_kl_div_loss_with(log_probabilities, target, reduction, NULL);
}
