/* Certificates by interval propagation. */
#include "certify/certifier.h"
#include "ops/ops.h"
#include "train/metrics.h"

#include <math.h>
#include <string.h>

/* ---- The program ---- */

static bg_status build(bg_certifier *certifier, bg_graph *graph)
{
    bg_dtype dtype = bg_model_dtype(certifier->of.model);
    bg_node *const inputs[] = { bg_input(graph, "x", dtype, certifier->of.input),
                                bg_input(graph, "low", dtype, certifier->of.input),
                                bg_input(graph, "high", dtype, certifier->of.input),
                                bg_input(graph, "labels", BG_I64, BG_SHAPE(certifier->of.batch)) };
    bg_tensor *const tensors[] = { certifier->x, certifier->low, certifier->high, certifier->labels };
    bg_node *outputs[4] = { NULL }, *x = inputs[0], *low = inputs[1], *high = inputs[2];
    bg_status status = bg_graph_status(graph);
    if (status == BG_OK)
        status = bgi_classifier_scores(&certifier->of, x, &outputs[0]);
    if (status == BG_OK)
        status = bg_interval_bounds(outputs[0], x, low, high, &outputs[1], &outputs[2]);
    if (status == BG_OK)
        outputs[3] = bg_interval_differences(outputs[0], x, low, high, inputs[3]);
    bg_program *program = NULL;
    if (status == BG_OK)
        status = bg_compile(&program, graph, outputs, 4, &(bg_compile_options){ .no_updates = true });
    for (int i = 0; i < 4 && status == BG_OK; i++)
        status = bg_program_bind(program, inputs[i], tensors[i]);
    if (status == BG_OK)
        certifier->intervals = program;
    else
        bg_program_destroy(program);
    return status;
}

static bg_status prepare(bg_certifier *certifier)
{
    if (certifier->intervals)
        return BG_OK;
    bg_tensor **const tensors[] = { &certifier->x, &certifier->low, &certifier->high };
    bg_status status = BG_OK;
    for (int i = 0; i < 3 && status == BG_OK; i++)
        status = bgi_certifier_make(certifier, tensors[i], bg_model_dtype(certifier->of.model), certifier->of.input);
    if (status == BG_OK)
        status = bgi_certifier_make(certifier, &certifier->labels, BG_I64, BG_SHAPE(certifier->of.batch));
    bg_graph *graph = NULL;
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
    double eps;
    const bg_interval_result *result;
    int64_t *labels; /* [batch] .. */
    double *margins;
    bool *is_certified;
    bg_interval_report sums; /* shares as counts, and widths added up */
} interval_run;

/* Rounded away from the input, so that the box in the inputs' type contains that of real numbers. */
static double outwards(double value, double towards, bg_dtype dtype)
{
    if (dtype == BG_F64)
        return nextafter(value, towards);
    float rounded = (float)value;
    bool is_inside = towards < 0 ? (double)rounded > value : (double)rounded < value;
    return (double)(is_inside ? nextafterf(rounded, (float)towards) : rounded);
}
static void put(bg_tensor *tensor, int64_t k, double value)
{
    if (bg_tensor_dtype(tensor) == BG_F64)
        ((double *)bg_tensor_data(tensor))[k] = value;
    else
        ((float *)bg_tensor_data(tensor))[k] = (float)value;
}
static void set_box(const interval_run *run, int64_t n)
{
    const bg_certifier *c = run->certifier;
    bg_dtype dtype = bg_tensor_dtype(c->x);
    for (int64_t k = 0; k < n * c->of.width; k++) {
        double x = bgi_float_at(bg_tensor_const_data(c->x), dtype, k), low = x, high = x;
        if (run->eps > 0) {
            low = fmax(outwards(x - run->eps, -INFINITY, dtype), c->of.lower);
            high = fmin(outwards(x + run->eps, INFINITY, dtype), c->of.upper);
        }
        put(c->low, k, low);
        put(c->high, k, high);
    }
}

/* Row i of an output of the program. */
static const void *row_of(const bg_certifier *c, size_t output, int64_t i)
{
    const bg_tensor *tensor = bg_program_output(c->intervals, output);
    return (const unsigned char *)bg_tensor_const_data(tensor) +
           (size_t)(i * c->of.classes) * bg_dtype_size(bg_tensor_dtype(tensor));
}

static void judge(interval_run *run, int64_t i)
{
    const bg_certifier *c = run->certifier;
    bg_dtype dtype = bg_tensor_dtype(c->x);
    const void *scores = row_of(c, 0, i), *least = row_of(c, 1, i), *most = row_of(c, 2, i), *over = row_of(c, 3, i);
    int64_t answer = bgi_answer(scores, dtype, c->of.classes), label = run->labels[i];
    double largest = -INFINITY; /* NaN if any is NaN */
    for (int64_t k = 0; k < c->of.classes; k++) {
        double difference = bgi_float_at(over, dtype, k);
        if (k != label && !(difference <= largest))
            largest = isnan(largest) ? largest : difference;
        run->sums.mean_width += bgi_float_at(most, dtype, k) - bgi_float_at(least, dtype, k);
    }
    run->margins[i] = -largest;
    run->is_certified[i] = run->margins[i] > 0;
    run->sums.clean_accuracy += answer == label && !isnan(bgi_float_at(scores, dtype, answer));
    run->sums.certified_accuracy += run->is_certified[i];
}

static bg_status certify_batch(interval_run *run, int64_t first)
{
    bg_certifier *c = run->certifier;
    int64_t n = bgi_least(c->of.batch, run->examples.n - first);
    bg_status status =
        bgi_examples_read(&run->examples, first, n, c->of.lower, c->of.upper, bg_tensor_data(c->x), run->labels);
    if (status == BG_OK) {
        set_box(run, n);
        memcpy(bg_tensor_data(c->labels), run->labels, (size_t)n * sizeof *run->labels);
        status = bgi_classifier_run(&c->of, run->examples.caller, c->intervals, first);
    }
    if (status != BG_OK)
        return status;
    for (int64_t i = 0; i < n; i++)
        judge(run, i);
    run->sums.examples += n;
    if (!run->result)
        return BG_OK;
    const bgi_result_rows results[] = { { run->result->is_certified, run->is_certified },
                                        { run->result->margins, run->margins } };
    return bgi_examples_write(results, 2, first, n);
}

static bg_status run_all(interval_run *run)
{
    bg_certifier *c = run->certifier;
    bg_status status =
        bgi_examples_check_values(&run->examples, c->of.lower, c->of.upper, bg_tensor_data(c->x), run->labels);
    for (int64_t first = 0; first < run->examples.n && status == BG_OK; first += c->of.batch)
        status = certify_batch(run, first);
    return status;
}

static bg_status check(interval_run *run)
{
    if (!run->certifier || !run->examples.labels)
        return bg_fail(BG_ERR_ARGUMENT, "certify_interval: %s is NULL", run->certifier ? "labels" : "certifier");
    run->examples.classifier = &run->certifier->of;
    bg_status status = bgi_examples_check(&run->examples);
    if (status == BG_OK && !(run->eps >= 0 && run->eps < INFINITY))
        status = bg_fail(BG_ERR_ARGUMENT, "certify_interval: eps is %g, not a number from 0 on", run->eps);
    if (status == BG_OK && run->result)
        status = bgi_examples_check_result(&run->examples, "is_certified", run->result->is_certified, BG_BOOL);
    if (status == BG_OK && run->result)
        status = bgi_examples_check_result(&run->examples, "margins", run->result->margins, BG_F64);
    return status == BG_OK ? prepare(run->certifier) : status;
}

bg_status bg_certify_interval(bg_certifier *certifier, double eps, const bg_tensor *inputs, const bg_tensor *labels,
                              const bg_interval_result *result, bg_interval_report *report)
{
    interval_run run = { .examples = { "certify_interval", NULL, inputs, labels, 0 },
                         .certifier = certifier,
                         .eps = eps,
                         .result = result };
    bg_status status = check(&run);
    if (status != BG_OK)
        return status;
    /* Of each example a label, a margin and a verdict; the count was checked with the shape of a batch. */
    size_t batch = (size_t)certifier->of.batch, bytes = batch * (sizeof(int64_t) + sizeof(double) + sizeof(bool));
    double *memory = bgi_alloc(certifier->of.engine, bytes);
    if (!memory)
        return BG_ERR_NOMEM;
    run.margins = memory;
    run.labels = (int64_t *)(run.margins + batch);
    run.is_certified = (bool *)(run.labels + batch);
    status = run_all(&run);
    bgi_free(certifier->of.engine, memory, bytes);
    if (status == BG_OK && report) {
        double n = (double)run.sums.examples;
        *report = run.sums;
        report->clean_accuracy /= n;
        report->certified_accuracy /= n;
        report->mean_width /= n * (double)certifier->of.classes;
    }
    return status;
}
