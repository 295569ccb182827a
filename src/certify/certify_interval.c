/* Certificates by interval propagation. */
#include "certify/certifier.h"
#include "ops/ops.h"
#include "train/metrics.h"

#include <math.h>
#include <string.h>

/* ---- The program ---- */

static bg_status build(bg_certifier *certifier, bg_graph *graph)
{
    bg_dtype dtype = bg_model_dtype(certifier->model);
    bg_node *x = bg_input(graph, "x", dtype, certifier->input), *low = bg_input(graph, "low", dtype, certifier->input);
    bg_node *high = bg_input(graph, "high", dtype, certifier->input), *outputs[3] = { NULL };
    if (!x || !low || !high)
        return bg_graph_status(graph);
    bg_status status = bgi_certifier_scores(certifier, x, &outputs[0]);
    if (status == BG_OK)
        status = bg_interval_bounds(outputs[0], x, low, high, &outputs[1], &outputs[2]);
    bg_program *program = NULL;
    if (status == BG_OK)
        status = bg_compile(&program, graph, outputs, 3, &(bg_compile_options){ .no_updates = true });
    bg_node *const inputs[] = { x, low, high };
    bg_tensor *const tensors[] = { certifier->x, certifier->low, certifier->high };
    for (int i = 0; i < 3 && status == BG_OK; i++)
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
        if (!*tensors[i])
            status =
                bg_tensor_create(tensors[i], certifier->engine, bg_model_dtype(certifier->model), certifier->input);
    bg_graph *graph = NULL;
    if (status == BG_OK)
        status = bg_graph_create(&graph, certifier->engine);
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
    for (int64_t k = 0; k < n * c->width; k++) {
        double x = bgi_float_at(bg_tensor_const_data(c->x), dtype, k), low = x, high = x;
        if (run->eps > 0) {
            low = fmax(outwards(x - run->eps, -INFINITY, dtype), c->lower);
            high = fmin(outwards(x + run->eps, INFINITY, dtype), c->upper);
        }
        put(c->low, k, low);
        put(c->high, k, high);
    }
}

/* The least margin of a row: NaN if a bound is NaN. */
static double margin_of(const double *least, const double *most, int64_t classes, int64_t label)
{
    double other = -INFINITY;
    for (int64_t k = 0; k < classes; k++)
        if (k != label && !(most[k] <= other))
            other = most[k];
    return least[label] - other;
}

static void judge(interval_run *run, int64_t i, double *least, double *most)
{
    const bg_certifier *c = run->certifier;
    bg_dtype dtype = bg_tensor_dtype(c->x);
    size_t row = (size_t)(i * c->classes) * bg_dtype_size(dtype);
    const unsigned char *data[3];
    for (size_t k = 0; k < 3; k++)
        data[k] = (const unsigned char *)bg_tensor_const_data(bg_program_output(c->intervals, k)) + row;
    for (int64_t k = 0; k < c->classes; k++) {
        least[k] = bgi_float_at(data[1], dtype, k);
        most[k] = bgi_float_at(data[2], dtype, k);
        run->sums.mean_width += most[k] - least[k];
    }
    int64_t answer = bgi_answer(data[0], dtype, c->classes);
    run->margins[i] = margin_of(least, most, c->classes, run->labels[i]);
    run->is_certified[i] = run->margins[i] > 0;
    run->sums.clean_accuracy += answer == run->labels[i] && !isnan(bgi_float_at(data[0], dtype, answer));
    run->sums.certified_accuracy += run->is_certified[i];
}

static bg_status certify_batch(interval_run *run, int64_t first, double *scores)
{
    bg_certifier *c = run->certifier;
    int64_t n = bgi_least(c->batch, run->examples.n - first);
    bg_status status =
        bgi_examples_read(&run->examples, first, n, c->lower, c->upper, bg_tensor_data(c->x), run->labels);
    if (status == BG_OK) {
        set_box(run, n);
        status = bgi_certifier_run(c, c->intervals, first);
    }
    if (status != BG_OK)
        return status;
    for (int64_t i = 0; i < n; i++)
        judge(run, i, scores, scores + c->classes);
    run->sums.examples += n;
    if (!run->result)
        return BG_OK;
    const bgi_result_rows results[] = { { run->result->is_certified, run->is_certified },
                                        { run->result->margins, run->margins } };
    return bgi_examples_write(results, 2, first, n);
}

static bg_status run_all(interval_run *run, double *scores)
{
    bg_certifier *c = run->certifier;
    bg_status status = bgi_examples_check_values(&run->examples, c->lower, c->upper, bg_tensor_data(c->x), run->labels);
    for (int64_t first = 0; first < run->examples.n && status == BG_OK; first += c->batch)
        status = certify_batch(run, first, scores);
    return status;
}

static bg_status check(interval_run *run)
{
    bg_status status = BG_OK;
    if (!run->examples.labels)
        status = bg_fail(BG_ERR_ARGUMENT, "certify_interval: labels is NULL");
    if (status == BG_OK)
        status = bgi_examples_check(&run->examples);
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
    interval_run run = { .examples = { "certify_interval", certifier, inputs, labels, 0 },
                         .certifier = certifier,
                         .eps = eps,
                         .result = result };
    bg_status status = check(&run);
    if (status != BG_OK)
        return status;
    /* Of each example a label, a margin and a verdict; of one, two rows of scores. The counts of elements were checked
     * with the shapes of inputs and scores. */
    size_t batch = (size_t)certifier->batch, classes = (size_t)certifier->classes;
    size_t bytes = batch * (sizeof(int64_t) + sizeof(double) + sizeof(bool)) + 2 * classes * sizeof(double);
    double *memory = bgi_alloc(certifier->engine, bytes);
    if (!memory)
        return BG_ERR_NOMEM;
    run.margins = memory + 2 * classes;
    run.labels = (int64_t *)(run.margins + batch);
    run.is_certified = (bool *)(run.labels + batch);
    status = run_all(&run, memory);
    bgi_free(certifier->engine, memory, bytes);
    if (status == BG_OK && report) {
        double n = (double)run.sums.examples;
        *report = run.sums;
        report->clean_accuracy /= n;
        report->certified_accuracy /= n;
        report->mean_width /= n * (double)certifier->classes;
    }
    return status;
}
