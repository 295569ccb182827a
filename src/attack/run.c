/* An attack on a set of inputs: batch by batch, attempt by attempt. */
#include "attack/attack.h"
#include "ops/ops.h"
#include "tensor/tensor.h"
#include "train/metrics.h"

#include <math.h>
#include <string.h>

/* What a run works on. */
typedef struct {
    bg_attacker *attacker;
    const bg_attack *attack;
    bgi_examples examples;
    const bg_tensor *targets; /* or NULL */
    const bg_attack_result *result;
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

static bg_status check_result(const attack_run *run)
{
    const bg_attack_result *r = run->result;
    const bg_tensor *inputs = run->examples.inputs;
    if (r->adversarial && (bg_tensor_dtype(r->adversarial) != bg_tensor_dtype(inputs) ||
                           !bg_shape_equal(bg_tensor_shape(r->adversarial), bg_tensor_shape(inputs))))
        return bg_fail(BG_ERR_SHAPE, "attack_run: adversarial is %s %s, inputs are %s %s",
                       bg_dtype_name(bg_tensor_dtype(r->adversarial)),
                       bgi_shape_format(bg_tensor_shape(r->adversarial)).text, bg_dtype_name(bg_tensor_dtype(inputs)),
                       bgi_shape_format(bg_tensor_shape(inputs)).text);
    if (r->adversarial && bgi_tensor_overlap(r->adversarial, inputs))
        return bg_fail(BG_ERR_OVERLAP, "attack_run: adversarial shares memory with inputs");
    bg_status status = bgi_examples_check_result(&run->examples, "is_fooled", r->is_fooled, BG_BOOL);
    if (status == BG_OK)
        status = bgi_examples_check_result(&run->examples, "answers", r->answers, BG_I64);
    return status == BG_OK ? bgi_examples_check_result(&run->examples, "norms", r->norms, BG_F64) : status;
}

static bg_status check_arguments(attack_run *run)
{
    const bg_attacker *attacker = run->attacker;
    if (!attacker || !run->examples.labels)
        return bg_fail(BG_ERR_ARGUMENT, "attack_run: %s is NULL", attacker ? "labels" : "attacker");
    run->examples.classifier = &attacker->of;
    bg_status status = bg_attack_check(run->attack);
    if (status == BG_OK)
        status = bgi_examples_check(&run->examples);
    if (status == BG_OK && run->targets)
        status = bgi_examples_check_classes(&run->examples, run->targets, "target");
    if (status == BG_OK && run->targets && run->attack->method->without_targets)
        return bg_fail(BG_ERR_ARGUMENT, "attack %s: it has no form with targets", run->attack->name);
    if (status == BG_OK && run->attack->loss == BG_ATTACK_DLR && attacker->of.classes < (run->targets ? 4 : 3))
        return bg_fail(BG_ERR_SHAPE, "attack %s: the loss DLR needs %d classes or more, the network has %lld",
                       run->attack->name, run->targets ? 4 : 3, (long long)attacker->of.classes);
    return status == BG_OK ? check_result(run) : status;
}

/* ---- Rows of tensors ---- */

/* The batch's inputs and classes. */
static bg_status load(attack_run *run, int64_t first)
{
    const bgi_classifier *of = &run->attacker->of;
    bgi_attack_batch *batch = &run->batch;
    int64_t n = bgi_least(of->batch, run->examples.n - first);
    batch->first = first;
    batch->n = n;
    bg_status status = bgi_examples_read(&run->examples, first, n, of->lower, of->upper, run->staging, batch->labels);
    if (status == BG_OK && run->targets)
        status = bgi_examples_read_classes(&run->examples, run->targets, "target", first, n, batch->targets);
    for (int64_t i = 0; status == BG_OK && run->targets && i < n; i++)
        if (batch->labels[i] == batch->targets[i])
            status = bg_fail(BG_ERR_ARGUMENT, "attack_run: the target of example %lld is its label, %lld",
                             (long long)(first + i), (long long)batch->labels[i]);
    for (int64_t k = 0; status == BG_OK && k < n * batch->width; k++)
        batch->clean[k] = bgi_float_at(run->staging, bg_model_dtype(of->model), k);
    return status;
}

/* The batch's rows of all results, or of none. */
static bg_status store(const attack_run *run)
{
    const bgi_attack_batch *batch = &run->batch;
    bool is_f64 = bg_model_dtype(run->attacker->of.model) == BG_F64;
    for (int64_t k = 0; k < batch->n * batch->width && !is_f64; k++)
        ((float *)run->staging)[k] = (float)batch->best[k];
    const bgi_result_rows results[] = { { run->result->adversarial, is_f64 ? (void *)batch->best : run->staging },
                                        { run->result->is_fooled, batch->is_done },
                                        { run->result->norms, run->norms },
                                        { run->result->answers, run->answers } };
    return bgi_examples_write(results, 4, batch->first, batch->n);
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
    int64_t n = attacker->of.batch, all = n * attacker->of.width;
    size_t offset = 0;
    batch->clean = piece(run, &offset, all, sizeof(double));
    batch->best = piece(run, &offset, all, sizeof(double));
    batch->point = piece(run, &offset, all, sizeof(double));
    batch->gradient = piece(run, &offset, all, sizeof(double));
    batch->vectors = piece(run, &offset, all * run->attack->method->vectors, sizeof(double));
    batch->numbers = piece(run, &offset, n * run->attack->method->numbers, sizeof(double));
    batch->scores = piece(run, &offset, n * attacker->of.classes, sizeof(double));
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
                                     .width = run->attacker->of.width,
                                     .classes = run->attacker->of.classes };
    run->bytes = deal_out(run);
    run->memory = bgi_alloc_zero(run->attacker->of.engine, run->bytes);
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
    int64_t step = run->attacker->of.batch;
    for (int64_t first = 0; first < run->examples.n && status == BG_OK; first += step)
        status = load(run, first);
    for (int64_t first = 0; first < run->examples.n && status == BG_OK; first += step)
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
                       .examples = { "attack_run", NULL, inputs, labels, 0 },
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
    bgi_free(attacker->of.engine, run.memory, run.bytes);
    return status;
}
