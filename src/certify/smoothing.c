/* Randomised smoothing: counting what the network answers when noise is added to an input. */
#include <blasgrad/ops.h>

#include "base/hash.h"
#include "certify/certifier.h"
#include "certify/statistics.h"
#include "ops/random.h"
#include "train/metrics.h"

#include <math.h>
#include <string.h>

/* ---- Noise ---- */

/* smoothing_noise: standard normal numbers [batch, ..]; row r is of sample place[1] + r of example place[0], whatever
 * the batch. */
static bg_status noise_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    *dtype = node->inputs[0]->dtype;
    *shape = node->inputs[0]->shape;
    shape->dims[0] = *(const int64_t *)node->attributes;
    return BG_OK;
}
static int64_t noise_units(const bg_node *node, int input) { return input < 0 ? node->shape.dims[0] : 1; }
static double noise_flops(const bg_node *node) { return 64 * (double)bg_shape_count(node->shape); }
static bg_status noise_call(const bg_call *call)
{
    const bg_engine *engine = call->node->graph->engine;
    const int64_t *place = call->inputs[1];
    const uint64_t words[] = { bgi_hash_text("smoothing"), engine->seed, (uint64_t)place[0] };
    uint64_t key = bgi_hash_bytes(words, sizeof words);
    int64_t width = bg_shape_count(call->node->shape) / call->node->shape.dims[0];
    size_t row = (size_t)width * bg_dtype_size(call->node->dtype);
    for (int64_t r = call->first; r < call->last; r++)
        bgi_random_normals(engine->kernels, key, (uint64_t)(place[1] + r), call->node->dtype,
                           (unsigned char *)call->output + (size_t)(r - call->first) * row, width);
    return BG_OK;
}
/* Inputs: the example [1, ..] for its shape and type, and the place. */
static const bg_op noise_op = { .name = "smoothing_noise",
                                .arity = 2,
                                .infer = noise_infer,
                                .is_constant = true,
                                .call = noise_call,
                                .units = noise_units,
                                .flops = noise_flops,
                                .never_fails = true };

/* ---- The program ---- */

static bg_shape example_shape(const bg_certifier *certifier)
{
    bg_shape shape = certifier->of.input;
    shape.dims[0] = 1;
    return shape;
}

static bg_status build(bg_certifier *certifier, bg_graph *graph)
{
    bg_dtype dtype = bg_model_dtype(certifier->of.model);
    bg_node *inputs[] = { bg_input(graph, "example", dtype, example_shape(certifier)),
                          bg_input(graph, "place", BG_I64, BG_SHAPE(2)), bg_input(graph, "sigma", dtype, BG_SCALAR) };
    bg_tensor *const tensors[] = { certifier->example, certifier->place, certifier->sigma };
    int64_t batch = certifier->of.batch;
    bg_node *noise = bg_apply(&noise_op, inputs, 2, &batch, sizeof batch);
    bg_node *x = bg_add(inputs[0], bg_mul(noise, inputs[2])), *scores;
    bg_status status = x ? bgi_classifier_scores(&certifier->of, x, &scores) : bg_graph_status(graph);
    bg_program *program = NULL;
    if (status == BG_OK)
        status = bg_compile(&program, graph, &scores, 1, &(bg_compile_options){ .no_updates = true });
    for (int i = 0; i < 3 && status == BG_OK; i++)
        status = bg_program_bind(program, inputs[i], tensors[i]);
    if (status == BG_OK)
        certifier->smoothed = program;
    else
        bg_program_destroy(program);
    return status;
}

static bg_status prepare(bg_certifier *certifier)
{
    if (certifier->smoothed)
        return BG_OK;
    bg_dtype dtype = bg_model_dtype(certifier->of.model);
    bg_graph *graph = NULL;
    bg_status status = bgi_certifier_make(certifier, &certifier->example, dtype, example_shape(certifier));
    if (status == BG_OK)
        status = bgi_certifier_make(certifier, &certifier->place, BG_I64, BG_SHAPE(2));
    if (status == BG_OK)
        status = bgi_certifier_make(certifier, &certifier->sigma, dtype, BG_SCALAR);
    if (status == BG_OK) /* where examples are looked through */
        status = bgi_certifier_make(certifier, &certifier->x, dtype, certifier->of.input);
    if (status == BG_OK)
        status = bg_graph_create(&graph, certifier->of.engine);
    if (status == BG_OK)
        status = build(certifier, graph);
    bg_graph_destroy(graph);
    return status;
}

/* ---- A run ---- */

typedef struct {
    bgi_examples examples;
    bg_certifier *certifier;
    bg_smoothing smoothing;
    int64_t *labels;  /* [batch], for the checks */
    int64_t *chosen;  /* [classes]: answers to the samples that select, */
    int64_t *counted; /* and to the others */
} smoothing_run;

/* What becomes of one example. */
typedef struct {
    int64_t answer;
    double radius, probability;
} verdict;

static bg_status fill_options(bg_smoothing *filled, const bg_smoothing *given, const char *caller)
{
    *filled = given ? *given : (bg_smoothing){ 0 };
    if (filled->sigma == 0)
        filled->sigma = 0.25;
    if (filled->selection == 0)
        filled->selection = 100;
    if (filled->samples == 0)
        filled->samples = 10000;
    if (filled->alpha == 0)
        filled->alpha = 0.001;
    if (!(filled->sigma > 0 && filled->sigma < INFINITY))
        return bg_fail(BG_ERR_ARGUMENT, "%s: sigma is %g, not above 0", caller, filled->sigma);
    if (!(filled->alpha > 0 && filled->alpha < 1))
        return bg_fail(BG_ERR_ARGUMENT, "%s: alpha is %g, not between 0 and 1", caller, filled->alpha);
    const int64_t most = (int64_t)1 << 50; /* sums of them fit, and are exact as doubles */
    if (filled->selection < 1 || filled->selection > most)
        return bg_fail(BG_ERR_ARGUMENT, "%s: selection is %lld, not 1 .. 2^50", caller, (long long)filled->selection);
    if (filled->samples < 1 || filled->samples > most)
        return bg_fail(BG_ERR_ARGUMENT, "%s: samples is %lld, not 1 .. 2^50", caller, (long long)filled->samples);
    return BG_OK;
}

/* Counts the answers to one example: its samples from 0 on select, those from `selection` on are counted. */
static bg_status count_answers(smoothing_run *run, int64_t example, int64_t selection)
{
    bg_certifier *c = run->certifier;
    int64_t all = selection + run->smoothing.samples, classes = c->of.classes;
    bg_dtype dtype = bg_model_dtype(c->of.model);
    memset(run->chosen, 0, (size_t)classes * sizeof *run->chosen);
    memset(run->counted, 0, (size_t)classes * sizeof *run->counted);
    for (int64_t first = 0; first < all; first += c->of.batch) {
        int64_t *place = bg_tensor_data(c->place);
        place[0] = example;
        place[1] = first;
        bg_status status = bgi_classifier_run(&c->of, run->examples.caller, c->smoothed, example);
        if (status != BG_OK)
            return status;
        const unsigned char *scores = bg_tensor_const_data(bg_program_output(c->smoothed, 0));
        for (int64_t r = 0; r < c->of.batch && first + r < all; r++) {
            const void *row = scores + (size_t)(r * classes) * bg_dtype_size(dtype);
            int64_t answer = bgi_answer(row, dtype, classes);
            if (!isnan(bgi_float_at(row, dtype, answer)))
                (first + r < selection ? run->chosen : run->counted)[answer]++;
        }
    }
    return BG_OK;
}

/* The class with the largest count, but for one: the first of equals. */
static int64_t most_of(const int64_t *counts, int64_t n, int64_t but)
{
    int64_t best = but == 0;
    for (int64_t k = 0; k < n; k++)
        if (k != but && counts[k] > counts[best])
            best = k;
    return best;
}

static bg_status certify(smoothing_run *run, int64_t example, verdict *v)
{
    const bg_smoothing *s = &run->smoothing;
    bg_status status = count_answers(run, example, s->selection);
    if (status != BG_OK)
        return status;
    int64_t class = most_of(run->chosen, run->certifier->of.classes, -1);
    double p = bgi_least_probability(run->counted[class], s->samples, s->alpha);
    *v = p > 0.5 ? (verdict){ class, s->sigma * bgi_normal_quantile(p), p } : (verdict){ -1, 0, p };
    return BG_OK;
}

static bg_status predict(smoothing_run *run, int64_t example, verdict *v)
{
    bg_status status = count_answers(run, example, 0);
    if (status != BG_OK)
        return status;
    const int64_t *counts = run->counted;
    int64_t first = most_of(counts, run->certifier->of.classes, -1);
    int64_t second = most_of(counts, run->certifier->of.classes, first);
    int64_t of_both = counts[first] + counts[second];
    bool is_told = of_both > 0 && bgi_two_sided_probability(counts[first], of_both) <= run->smoothing.alpha;
    *v = (verdict){ is_told ? first : -1, 0, 0 };
    return BG_OK;
}

/* Example after example. `judge` is certify or predict. */
static bg_status run_all(smoothing_run *run, bg_status (*judge)(smoothing_run *, int64_t, verdict *),
                         const bg_smoothing_result *result, bg_smoothing_report *report)
{
    bg_certifier *c = run->certifier;
    bg_status status =
        bgi_examples_check_values(&run->examples, -INFINITY, INFINITY, bg_tensor_data(c->x), run->labels);
    if (status == BG_OK)
        status = bg_tensor_fill(c->sigma, run->smoothing.sigma);
    for (int64_t i = 0; i < run->examples.n && status == BG_OK; i++) {
        verdict v = { .answer = -1 };
        int64_t label = -1;
        status = bgi_examples_read(&run->examples, i, 1, -INFINITY, INFINITY, bg_tensor_data(c->example), &label);
        if (status == BG_OK)
            status = judge(run, i, &v);
        if (status == BG_OK)
            status = bgi_examples_write((const bgi_result_rows[]){ { result->answers, &v.answer },
                                                                   { result->radii, &v.radius },
                                                                   { result->probabilities, &v.probability } },
                                        3, i, 1);
        bool is_right = v.answer >= 0 && (v.answer == label || !run->examples.labels);
        report->examples++;
        report->abstained += v.answer < 0;
        report->accuracy += is_right;
        report->mean_radius += is_right ? v.radius : 0;
    }
    return status;
}

static bg_status check(smoothing_run *run, const bg_smoothing *given, const bg_smoothing_result *result)
{
    const char *caller = run->examples.caller;
    if (!run->certifier)
        return bg_fail(BG_ERR_ARGUMENT, "%s: certifier is NULL", caller);
    run->examples.classifier = &run->certifier->of;
    bg_status status = bgi_examples_check(&run->examples);
    if (status == BG_OK)
        status = fill_options(&run->smoothing, given, caller);
    if (status == BG_OK)
        status = bgi_examples_check_result(&run->examples, "answers", result->answers, BG_I64);
    if (status == BG_OK)
        status = bgi_examples_check_result(&run->examples, "radii", result->radii, BG_F64);
    if (status == BG_OK)
        status = bgi_examples_check_result(&run->examples, "probabilities", result->probabilities, BG_F64);
    return status == BG_OK ? prepare(run->certifier) : status;
}

/* With memory for the counts; the counts of elements were checked with the shapes of inputs and scores. */
static bg_status run_with_memory(smoothing_run *run, bg_status (*judge)(smoothing_run *, int64_t, verdict *),
                                 const bg_smoothing_result *result, bg_smoothing_report *report)
{
    bg_engine *engine = run->certifier->of.engine;
    size_t batch = (size_t)run->certifier->of.batch, classes = (size_t)run->certifier->of.classes;
    size_t bytes = (batch + 2 * classes) * sizeof(int64_t);
    run->labels = bgi_alloc(engine, bytes);
    if (!run->labels)
        return BG_ERR_NOMEM;
    run->chosen = run->labels + batch;
    run->counted = run->chosen + classes;
    bg_status status = run_all(run, judge, result, report);
    bgi_free(engine, run->labels, bytes);
    return status;
}

bg_status bg_certify_smoothing(bg_certifier *certifier, const bg_smoothing *smoothing, const bg_tensor *inputs,
                               const bg_tensor *labels, const bg_smoothing_result *result, bg_smoothing_report *report)
{
    static const bg_smoothing_result nothing;
    smoothing_run run = { .examples = { "certify_smoothing", NULL, inputs, labels, 0 }, .certifier = certifier };
    bg_smoothing_report sums = { 0 };
    bg_status status = check(&run, smoothing, result ? result : &nothing);
    if (status == BG_OK)
        status = run_with_memory(&run, certify, result ? result : &nothing, &sums);
    if (status != BG_OK || !report)
        return status;
    *report = sums;
    report->accuracy /= (double)sums.examples;
    report->mean_radius /= (double)sums.examples;
    report->queries = (double)(run.smoothing.selection + run.smoothing.samples);
    return BG_OK;
}

bg_status bg_predict_smoothing(bg_certifier *certifier, const bg_smoothing *smoothing, const bg_tensor *inputs,
                               bg_tensor *answers)
{
    smoothing_run run = { .examples = { "predict_smoothing", NULL, inputs, NULL, 0 }, .certifier = certifier };
    const bg_smoothing_result result = { .answers = answers };
    bg_smoothing_report sums = { 0 };
    if (!answers)
        return bg_fail(BG_ERR_ARGUMENT, "predict_smoothing: answers is NULL");
    bg_status status = check(&run, smoothing, &result);
    return status == BG_OK ? run_with_memory(&run, predict, &result, &sums) : status;
}
