/* An attack on a set of inputs: batch by batch, attempt by attempt. */
#include "attack/attack.h"
#include "tensor/tensor.h"
#include "train/metrics.h"

#include <math.h>
#include <string.h>

/* What a run works on. */
typedef struct {
    bg_attacker *attacker;
    const bg_attack *attack;
    const bg_tensor *inputs, *labels, *targets;
    const bg_attack_result *result;
    int64_t n;
    bgi_attack_batch batch;
    bool *was_right, *was_fooled; /* [batch]: by the inputs as they are */
    bool *is_right;               /* [batch]: at best */
    double *norms;                /* [batch] */
    int64_t *answers;             /* [batch]: to best */
    unsigned char *staging;       /* a batch of elements of any type */
    void *memory;
    size_t bytes;
    bg_attack_report sums; /* clean_accuracy .. as counts */
} attack_run;

/* ---- Arguments ---- */

static bool has_shape(const bg_tensor *tensor, int64_t n, const bg_attacker *attacker)
{
    bg_shape expected = attacker->input;
    expected.dims[0] = n;
    return bg_shape_equal(bg_tensor_shape(tensor), expected);
}

static bg_status check_classes(const bg_tensor *classes, int64_t n, const char *what)
{
    bg_dtype dtype = bg_tensor_dtype(classes);
    if (dtype != BG_I64 && dtype != BG_I32 && dtype != BG_U8)
        return bg_fail(BG_ERR_DTYPE, "attack_run: %ss are %s, not i64, i32 or u8", what, bg_dtype_name(dtype));
    if (!bg_shape_equal(bg_tensor_shape(classes), BG_SHAPE(n)))
        return bg_fail(BG_ERR_SHAPE, "attack_run: %ss %s for %lld inputs", what,
                       bgi_shape_format(bg_tensor_shape(classes)).text, (long long)n);
    return BG_OK;
}

static bg_status check_result(const attack_run *run)
{
    const bg_attack_result *r = run->result;
    if (r->adversarial && (bg_tensor_dtype(r->adversarial) != bg_tensor_dtype(run->inputs) ||
                           !has_shape(r->adversarial, run->n, run->attacker)))
        return bg_fail(
            BG_ERR_SHAPE, "attack_run: adversarial is %s %s, inputs are %s %s",
            bg_dtype_name(bg_tensor_dtype(r->adversarial)), bgi_shape_format(bg_tensor_shape(r->adversarial)).text,
            bg_dtype_name(bg_tensor_dtype(run->inputs)), bgi_shape_format(bg_tensor_shape(run->inputs)).text);
    if (r->adversarial && bgi_tensor_overlap(r->adversarial, run->inputs))
        return bg_fail(BG_ERR_OVERLAP, "attack_run: adversarial shares memory with inputs");
    const struct {
        const char *name;
        const bg_tensor *tensor;
        bg_dtype dtype;
    } vectors[] = { { "is_fooled", r->is_fooled, BG_BOOL },
                    { "answers", r->answers, BG_I64 },
                    { "norms", r->norms, BG_F64 } };
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        const bg_tensor *tensor = vectors[i].tensor;
        if (tensor &&
            (bg_tensor_dtype(tensor) != vectors[i].dtype || !bg_shape_equal(bg_tensor_shape(tensor), BG_SHAPE(run->n))))
            return bg_fail(BG_ERR_SHAPE, "attack_run: %s is %s %s, not %s [%lld]", vectors[i].name,
                           bg_dtype_name(bg_tensor_dtype(tensor)), bgi_shape_format(bg_tensor_shape(tensor)).text,
                           bg_dtype_name(vectors[i].dtype), (long long)run->n);
    }
    return BG_OK;
}

static bg_status check_arguments(attack_run *run)
{
    const bg_attacker *attacker = run->attacker;
    if (!attacker || !run->inputs || !run->labels)
        return bg_fail(BG_ERR_ARGUMENT, "attack_run: %s is NULL",
                       !attacker ? "attacker" : (run->inputs ? "labels" : "inputs"));
    bg_status status = bgi_engine_check(attacker->engine, "attack_run");
    if (status == BG_OK)
        status = bg_attack_check(run->attack);
    if (status != BG_OK)
        return status;
    bg_dtype dtype = bg_tensor_dtype(run->inputs);
    if (dtype != bg_model_dtype(attacker->model))
        return bg_fail(BG_ERR_DTYPE, "attack_run: inputs are %s, the model is %s", bg_dtype_name(dtype),
                       bg_dtype_name(bg_model_dtype(attacker->model)));
    bg_shape shape = bg_tensor_shape(run->inputs);
    run->n = shape.rank > 0 ? shape.dims[0] : 0;
    if (run->n < 1 || !has_shape(run->inputs, run->n, attacker))
        return bg_fail(BG_ERR_SHAPE, "attack_run: inputs %s, the attacker takes batches like %s, of 1 example or more",
                       bgi_shape_format(shape).text, bgi_shape_format(attacker->input).text);
    status = check_classes(run->labels, run->n, "label");
    if (status == BG_OK && run->targets)
        status = check_classes(run->targets, run->n, "target");
    if (status == BG_OK && run->targets && run->attack->method->without_targets)
        return bg_fail(BG_ERR_ARGUMENT, "attack %s: it has no form with targets", run->attack->name);
    if (status == BG_OK && run->attack->loss == BG_ATTACK_DLR && attacker->classes < (run->targets ? 4 : 3))
        return bg_fail(BG_ERR_SHAPE, "attack %s: the loss DLR needs %d classes or more, the network has %lld",
                       run->attack->name, run->targets ? 4 : 3, (long long)attacker->classes);
    return status == BG_OK ? check_result(run) : status;
}

/* ---- Rows of tensors ---- */

/* The batch's rows of a tensor of any strides, as a view. */
static bg_status view_rows(bg_tensor **rows, bg_tensor *tensor, const bgi_attack_batch *batch)
{
    return bg_tensor_slice(rows, tensor, 0, batch->first, batch->first + batch->n, 1);
}

static size_t bytes_of(const bg_tensor *rows)
{
    return (size_t)bg_shape_count(bg_tensor_shape(rows)) * bg_dtype_size(bg_tensor_dtype(rows));
}

static bg_status read_rows(attack_run *run, const bg_tensor *tensor)
{
    bg_tensor *rows;
    bg_status status = view_rows(&rows, (bg_tensor *)tensor, &run->batch);
    if (status == BG_OK)
        status = bg_tensor_copy_to(rows, run->staging, bytes_of(rows));
    bg_tensor_destroy(rows);
    return status;
}

static bg_status read_classes(attack_run *run, const bg_tensor *classes, int64_t *values, const char *what)
{
    const bgi_attack_batch *batch = &run->batch;
    bg_status status = read_rows(run, classes);
    for (int64_t i = 0; i < batch->n && status == BG_OK; i++) {
        values[i] = bgi_class_at(run->staging, bg_tensor_dtype(classes), i);
        if (values[i] < 0 || values[i] >= batch->classes)
            status = bg_fail(BG_ERR_ARGUMENT, "attack_run: %s %lld of example %lld is outside 0 .. %lld", what,
                             (long long)values[i], (long long)(batch->first + i), (long long)batch->classes - 1);
    }
    return status;
}

static bg_status read_inputs(attack_run *run)
{
    const bgi_attack_batch *batch = &run->batch;
    bg_status status = read_rows(run, run->inputs);
    bool is_f64 = bg_tensor_dtype(run->inputs) == BG_F64;
    double lower = run->attacker->lower, upper = run->attacker->upper;
    for (int64_t k = 0; k < batch->n * batch->width && status == BG_OK; k++) {
        double x = is_f64 ? ((const double *)run->staging)[k] : (double)((const float *)run->staging)[k];
        batch->clean[k] = x;
        if (!isfinite(x) || x < lower || x > upper)
            status =
                bg_fail(BG_ERR_ARGUMENT, "attack_run: element %lld of example %lld is %.9g, outside the box %g .. %g",
                        (long long)(k % batch->width), (long long)(batch->first + k / batch->width), x, lower, upper);
    }
    return status;
}

/* The batch's inputs and classes. */
static bg_status load(attack_run *run, int64_t first)
{
    bgi_attack_batch *batch = &run->batch;
    batch->first = first;
    batch->n = run->n - first < run->attacker->batch ? run->n - first : run->attacker->batch;
    bg_status status = read_inputs(run);
    if (status == BG_OK)
        status = read_classes(run, run->labels, batch->labels, "label");
    if (status == BG_OK && run->targets)
        status = read_classes(run, run->targets, batch->targets, "target");
    for (int64_t i = 0; status == BG_OK && run->targets && i < batch->n; i++)
        if (batch->labels[i] == batch->targets[i])
            status = bg_fail(BG_ERR_ARGUMENT, "attack_run: the target of example %lld is its label, %lld",
                             (long long)(first + i), (long long)batch->labels[i]);
    return status;
}

static bg_status write_adversarial(const attack_run *run, bg_tensor *rows)
{
    const bgi_attack_batch *batch = &run->batch;
    for (int64_t k = 0; k < batch->n * batch->width; k++) {
        if (bg_tensor_dtype(rows) == BG_F64)
            ((double *)run->staging)[k] = batch->best[k];
        else
            ((float *)run->staging)[k] = (float)batch->best[k];
    }
    return bg_tensor_copy_from(rows, run->staging, bytes_of(rows));
}

/* The batch's rows of all results, or of none: views are what memory can be missing for. */
static bg_status store(const attack_run *run)
{
    bg_tensor *const tensors[] = { run->result->adversarial, run->result->is_fooled, run->result->norms,
                                   run->result->answers };
    bg_tensor *rows[4] = { NULL };
    bg_status status = BG_OK;
    for (int i = 0; i < 4 && status == BG_OK; i++)
        if (tensors[i])
            status = view_rows(&rows[i], tensors[i], &run->batch);
    if (status == BG_OK && rows[0])
        status = write_adversarial(run, rows[0]);
    if (status == BG_OK && rows[1])
        status = bg_tensor_copy_from(rows[1], run->batch.is_done, bytes_of(rows[1]));
    if (status == BG_OK && rows[2])
        status = bg_tensor_copy_from(rows[2], run->norms, bytes_of(rows[2]));
    if (status == BG_OK && rows[3])
        status = bg_tensor_copy_from(rows[3], run->answers, bytes_of(rows[3]));
    for (int i = 0; i < 4; i++)
        bg_tensor_destroy(rows[i]);
    return status;
}

/* ---- A batch ---- */

/* Takes note of the answer to the point, which becomes best. */
static void note_answer(attack_run *run, int64_t i)
{
    const bgi_attack_batch *batch = &run->batch;
    const double *z = batch->scores + i * batch->classes;
    run->answers[i] = bgi_answer(z, BG_F64, batch->classes);
    run->is_right[i] = run->answers[i] == batch->labels[i] && !isnan(z[run->answers[i]]);
}

/* What becomes of the inputs as they are. */
static bg_status look_at_clean(attack_run *run)
{
    bgi_attack_batch *batch = &run->batch;
    size_t bytes = (size_t)(batch->n * batch->width) * sizeof(double);
    memcpy(batch->point, batch->clean, bytes);
    memcpy(batch->best, batch->clean, bytes);
    memcpy(bg_tensor_data(run->attacker->labels), batch->labels, (size_t)batch->n * sizeof(int64_t));
    memcpy(bg_tensor_data(run->attacker->targets), batch->targets, (size_t)batch->n * sizeof(int64_t));
    bg_status status = bgi_attack_ask(batch, BGI_ASK_SCORES);
    for (int64_t i = 0; i < batch->n && status == BG_OK; i++) {
        note_answer(run, i);
        run->was_right[i] = run->is_right[i];
        run->was_fooled[i] = batch->is_done[i] = bgi_attack_succeeds(batch, i);
        batch->value[i] = NAN;
    }
    return status;
}

/* Whether a perturbation that was made as small as possible is small enough; others are by construction. */
static bool is_within(const bgi_attack_batch *batch, int64_t i)
{
    const double *point = batch->point + i * batch->width, *clean = batch->clean + i * batch->width;
    return !batch->attack->method->is_minimal ||
           bgi_attack_distance(point, clean, batch->width, batch->attack->norm) <= batch->attack->eps;
}

/* What an attempt has found for the examples that were not done: what succeeds is kept for good, of the others the one
 * with the greatest loss, or the input where the smallest perturbation is sought. */
static bg_status take_attempt(attack_run *run)
{
    bgi_attack_batch *batch = &run->batch;
    bool is_minimal = batch->attack->method->is_minimal;
    bg_status status = bgi_attack_ask(batch, BGI_ASK_SCORES);
    for (int64_t i = 0; i < batch->n && status == BG_OK; i++) {
        if (batch->is_done[i])
            continue;
        double value = bgi_attack_value(batch, batch->attack->loss, i);
        batch->is_done[i] = bgi_attack_succeeds(batch, i) && is_within(batch, i);
        bool is_wanted = !is_minimal && !(value <= batch->value[i]);
        if (!batch->is_done[i] && !is_wanted)
            continue;
        batch->value[i] = value;
        note_answer(run, i);
        memcpy(batch->best + i * batch->width, batch->point + i * batch->width, (size_t)batch->width * sizeof(double));
    }
    return status;
}

static bool is_all_done(const bgi_attack_batch *batch)
{
    for (int64_t i = 0; i < batch->n; i++)
        if (!batch->is_done[i])
            return false;
    return true;
}

static void count(attack_run *run)
{
    bgi_attack_batch *batch = &run->batch;
    bg_attack_report *sums = &run->sums;
    for (int64_t i = 0; i < batch->n; i++) {
        double norm = bgi_attack_distance(batch->best + i * batch->width, batch->clean + i * batch->width, batch->width,
                                          batch->attack->norm);
        run->norms[i] = norm;
        sums->clean_accuracy += run->was_right[i];
        sums->robust_accuracy += run->was_right[i] && run->is_right[i];
        if (!batch->is_done[i] || run->was_fooled[i])
            continue;
        sums->fooled++;
        sums->mean_norm += norm;
        sums->max_norm = fmax(sums->max_norm, norm);
    }
    sums->examples += batch->n;
}

static bg_status attack_batch(attack_run *run, int64_t first)
{
    bgi_attack_batch *batch = &run->batch;
    bg_status status = load(run, first);
    if (status == BG_OK)
        status = look_at_clean(run);
    /* With eps 0 there is nothing but the inputs themselves. */
    int64_t restarts = run->attack->eps > 0 ? run->attack->restarts : 0;
    for (batch->restart = 0; batch->restart < restarts && status == BG_OK && !is_all_done(batch); batch->restart++) {
        status = run->attack->method->attempt(batch);
        if (status == BG_OK)
            status = take_attempt(run);
    }
    if (status != BG_OK)
        return status;
    count(run);
    return store(run);
}

/* ---- The run ---- */

/* A piece of memory of `count` elements at *offset, or NULL while there is no memory yet. */
static void *piece(const attack_run *run, size_t *offset, int64_t count, size_t size)
{
    void *start = run->memory ? (unsigned char *)run->memory + *offset : NULL;
    *offset += bgi_aligned((size_t)count * size);
    return start;
}

/* Deals out the memory, and returns how much that is. Counts are at most some tens of [batch, width], whose bytes the
 * attacker has checked. */
static size_t deal_out(attack_run *run)
{
    bgi_attack_batch *batch = &run->batch;
    const bg_attacker *attacker = run->attacker;
    int64_t n = attacker->batch, all = n * attacker->width;
    size_t offset = 0;
    batch->clean = piece(run, &offset, all, sizeof(double));
    batch->best = piece(run, &offset, all, sizeof(double));
    batch->point = piece(run, &offset, all, sizeof(double));
    batch->gradient = piece(run, &offset, all, sizeof(double));
    batch->vectors = piece(run, &offset, all * run->attack->method->vectors, sizeof(double));
    batch->numbers = piece(run, &offset, n * run->attack->method->numbers, sizeof(double));
    batch->scores = piece(run, &offset, n * attacker->classes, sizeof(double));
    batch->value = piece(run, &offset, n, sizeof(double));
    batch->labels = piece(run, &offset, n, sizeof(int64_t));
    batch->targets = piece(run, &offset, n, sizeof(int64_t));
    batch->is_done = piece(run, &offset, n, sizeof(bool));
    run->was_right = piece(run, &offset, n, sizeof(bool));
    run->is_right = piece(run, &offset, n, sizeof(bool));
    run->was_fooled = piece(run, &offset, n, sizeof(bool));
    run->answers = piece(run, &offset, n, sizeof(int64_t));
    run->norms = piece(run, &offset, n, sizeof(double));
    run->staging = piece(run, &offset, all, sizeof(double));
    return offset;
}

static bg_status prepare(attack_run *run)
{
    run->batch = (bgi_attack_batch){ .attacker = run->attacker,
                                     .attack = run->attack,
                                     .is_targeted = run->targets != NULL,
                                     .width = run->attacker->width,
                                     .classes = run->attacker->classes };
    run->bytes = deal_out(run);
    run->memory = bgi_alloc_zero(run->attacker->engine, run->bytes);
    if (!run->memory)
        return BG_ERR_NOMEM;
    deal_out(run);
    bgi_ask ask = run->attack->method->ask ? run->attack->method->ask : (bgi_ask)run->attack->loss;
    return bgi_attack_prepare(run->attacker, ask, ask != BGI_ASK_SCORES && run->targets != NULL);
}

/* All arguments are looked at before the first run. */
static bg_status attack_all(attack_run *run)
{
    bg_status status = BG_OK;
    int64_t step = run->attacker->batch;
    for (int64_t first = 0; first < run->n && status == BG_OK; first += step)
        status = load(run, first);
    for (int64_t first = 0; first < run->n && status == BG_OK; first += step)
        status = attack_batch(run, first);
    return status;
}

static bg_attack_report means(const attack_run *run)
{
    bg_attack_report report = run->sums;
    double n = (double)report.examples;
    report.clean_accuracy /= n;
    report.robust_accuracy /= n;
    report.mean_norm /= report.fooled ? (double)report.fooled : 1;
    report.queries = run->batch.queries / n;
    report.gradients = run->batch.gradients / n;
    return report;
}

bg_status bg_attack_run(bg_attacker *attacker, const bg_attack *attack, const bg_tensor *inputs,
                        const bg_tensor *labels, const bg_tensor *targets, const bg_attack_result *result,
                        bg_attack_report *report)
{
    static const bg_attack_result nothing;
    attack_run run = { .attacker = attacker,
                       .attack = attack,
                       .inputs = inputs,
                       .labels = labels,
                       .targets = targets,
                       .result = result ? result : &nothing };
    bg_status status = check_arguments(&run);
    if (status != BG_OK)
        return status;
    status = prepare(&run);
    if (status == BG_OK)
        status = attack_all(&run);
    if (status == BG_OK && report)
        *report = means(&run);
    bgi_free(attacker->engine, run.memory, run.bytes);
    return status;
}
