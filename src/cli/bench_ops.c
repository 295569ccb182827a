/* Ops, each as a graph of its own. */
#include "bench_ops.h"

#include "bench_time.h"
#include "commands.h"
#include "op_names.h"
#include "output.h"
#include "signals.h"

#include "cases/instance.h"
#include "inside/inside.h"

#include <math.h>
#include <string.h>

/* ---- Names ---- */

bool bench_names(const bench_config *config, const char *name)
{
    for (int i = 0; i < config->n_words; i++)
        if (strcmp(config->words[i], name) == 0)
            return true;
    return config->n_words == 0;
}

static bool is_chosen(const bench_config *config, const op_case *c)
{
    for (int i = 0; i < config->n_words; i++)
        if (op_is_named(c, config->words[i]))
            return true;
    return config->n_words == 0;
}

int bench_ops_check(const bench_config *config)
{
    for (int i = 0; i < config->n_words; i++) {
        bool is_known = false;
        for (int k = 0; k < inside_kernel_count() && !is_known; k++)
            is_known = strcmp(config->words[i], inside_kernel_name(k)) == 0;
        for (int k = 0; k < op_case_count() && !is_known; k++)
            is_known = op_is_named(op_case_at(k), config->words[i]);
        if (!is_known)
            return output_usage("there is no kernel or op \"%s\"; `blasgrad gradcheck --list' names the ops",
                                config->words[i]);
    }
    return EXIT_DONE;
}

/* ---- Sizes ---- */

/* The shapes of the tests are small. The largest of them, of those with inputs alike if there are such, is made longer
 * along its first axis: in all inputs that have as much there, or in the first input alone where the op does not take
 * that; ops that take neither stay as they are. */
typedef enum { TOGETHER, FIRST_ALONE, AS_IT_IS, WAYS } stretching;

/* Whether all inputs have as many axes as the first, and as much along the first axis. */
static bool is_alike(const op_variant *v, int n_inputs)
{
    for (int i = 1; i < n_inputs; i++)
        if (v->x[i].rank != v->x[0].rank || v->x[i].dims[0] != v->x[0].dims[0])
            return false;
    return true;
}

static const op_variant *find_largest(const op_case *c, bool of_alike)
{
    const op_variant *largest = NULL;
    int64_t most = 0;
    for (int i = 0; i < c->n_variants; i++) {
        const op_variant *v = &c->variants[i];
        int n_inputs = v->n_inputs > 0 ? v->n_inputs : c->arity;
        int64_t count = bg_shape_count(v->x[0]);
        for (int k = 1; k < n_inputs; k++)
            count = bg_shape_count(v->x[k]) == 0 ? 0 : count;
        if (count > most && (!of_alike || is_alike(v, n_inputs))) {
            largest = v;
            most = count;
        }
    }
    return largest;
}

static bool stretch(const op_variant *v, stretching way, int64_t factor, int n_inputs, op_variant *stretched)
{
    *stretched = *v;
    if (way == AS_IT_IS)
        return true;
    if (v->x[0].rank == 0 || factor < 2)
        return false;
    for (int i = 0; i < (way == TOGETHER ? n_inputs : 1); i++)
        if (v->x[i].rank > 0 && v->x[i].dims[0] == v->x[0].dims[0])
            stretched->x[i].dims[0] *= factor;
    return true;
}

/* ---- One op ---- */

typedef struct {
    op_instance instance;
    op_variant variant;
    bg_program *program;
    bg_tensor *cotangent;
    double bytes, elements; /* of operands and results; of the largest of these */
    bench_time time;
} op_run;

static void add_operand(op_run *run, const bg_node *node)
{
    double count = (double)bg_shape_count(bg_node_shape(node));
    run->bytes += count * (double)bg_dtype_size(bg_node_dtype(node));
    run->elements = fmax(run->elements, count);
}

/* An op whose result, or whose work, grows faster than its input is not stretched so far. */
static const double MOST_FLOPS = 2e10;
enum { MOST_GROWTH = 16 };

static bg_status compile(op_run *run, bg_engine *engine, bool with_gradient)
{
    op_instance *o = &run->instance;
    bg_node *outputs[CASE_MOST_INPUTS], *dy = NULL;
    size_t n = 1;
    outputs[0] = o->y;
    bg_status status = BG_OK;
    if (with_gradient) {
        n = (size_t)o->n_xs;
        dy = bg_input(o->graph, "cotangent", bg_node_dtype(o->y), bg_node_shape(o->y));
        status = bg_grad_from(&o->y, &dy, 1, o->xs, n, outputs);
        if (status == BG_OK)
            status = bg_tensor_create(&run->cotangent, engine, bg_node_dtype(o->y), bg_node_shape(o->y));
        if (status == BG_OK)
            status = bg_tensor_fill(run->cotangent, 0.75);
    }
    if (status == BG_OK)
        status = bg_compile(&run->program, o->graph, outputs, n, &(bg_compile_options){ .no_updates = true });
    if (status == BG_OK && dy)
        status = bg_program_bind(run->program, dy, run->cotangent);
    for (int i = 0; i < o->n_inputs && status == BG_OK; i++)
        add_operand(run, o->nodes[i]);
    for (size_t i = 0; i < n && status == BG_OK; i++)
        add_operand(run, outputs[i]);
    if (status == BG_OK && dy)
        add_operand(run, dy);
    return status;
}

static void end(op_run *run)
{
    bg_program_destroy(run->program);
    bg_tensor_destroy(run->cotangent);
    op_instance_free(&run->instance);
    *run = (op_run){ .program = NULL };
}

/* The op on its largest shapes, these stretched by a factor. */
static bg_status start(op_run *run, int index, const bench_config *config, bg_engine *engine, stretching way,
                       int64_t factor)
{
    const op_case *c = op_case_at(index);
    const op_variant *largest = find_largest(c, true);
    largest = largest ? largest : find_largest(c, false);
    int n_inputs = largest && largest->n_inputs > 0 ? largest->n_inputs : c->arity;
    *run = (op_run){ .program = NULL };
    if (!largest)
        return bg_fail(BG_ERR_SHAPE, "%s: there are no shapes with elements", c->name);
    if (factor == 0)
        factor = config->op_size / bg_shape_count(largest->x[0]);
    if (!stretch(largest, way, factor, n_inputs, &run->variant))
        return bg_fail(BG_ERR_SHAPE, "%s: its shapes cannot be stretched", c->name);
    bg_status status = op_instance_make_of(&run->instance, engine, index, &run->variant, config->dtype);
    int64_t most = way == AS_IT_IS ? INT64_MAX : MOST_GROWTH * config->op_size;
    if (status == BG_OK && bg_shape_count(bg_node_shape(run->instance.y)) > most)
        status = bg_fail(BG_ERR_SHAPE, "%s: the result grows too fast", c->name);
    return status == BG_OK ? compile(run, engine, config->with_gradient) : status;
}

static bg_status describe(bg_report *report, int index, const bench_config *config, bg_engine *engine, stretching way,
                          int64_t factor)
{
    op_run run;
    bg_status status = start(&run, index, config, engine, way, factor);
    *report = bg_program_report(run.program);
    end(&run);
    return status;
}

/* A program that gets more steps with its sizes, some for each place of a loop over time, is not stretched. */
static bool can_be_stretched(int index, const bench_config *config, bg_engine *engine, stretching way)
{
    enum { FACTOR = 4 };
    bg_report small, larger;
    if (describe(&small, index, config, engine, AS_IT_IS, 0) != BG_OK ||
        describe(&larger, index, config, engine, way, FACTOR) != BG_OK)
        return false;
    return larger.steps <= 2 * small.steps;
}

static bg_status try_to_start(op_run *run, int index, const bench_config *config, bg_engine *engine, stretching way)
{
    *run = (op_run){ .program = NULL };
    if (way != AS_IT_IS && !can_be_stretched(index, config, engine, way))
        return bg_fail(BG_ERR_SHAPE, "%s: its shapes cannot be stretched", op_case_at(index)->name);
    bg_status status = start(run, index, config, engine, way, 0);
    if (status == BG_OK && way != AS_IT_IS && bg_program_report(run->program).flops > MOST_FLOPS)
        status = bg_fail(BG_ERR_SHAPE, "%s: the work grows too fast", op_case_at(index)->name);
    return status == BG_OK ? bg_program_run(run->program) : status;
}

/* ---- Results ---- */

static int show(const bench_config *config, const op_case *c, const op_run *run, bg_engine *engine)
{
    bg_report report = bg_program_report(run->program);
    double seconds = run->time.median, ns = seconds / run->elements * 1e9, rate = run->bytes / seconds * 1e-9;
    if (!config->results.json)
        output_line("%-34.34s %9.0f %10.4g %9.4g %8.2f", c->name, run->elements, seconds * 1e6, ns, rate);
    event *e = event_create(NULL);
    event_text(e, "op", c->name);
    event_bool(e, "is_gradient", config->with_gradient);
    event_text(e, "dtype", bg_dtype_name(config->dtype));
    event_integer(e, "threads", bg_engine_describe(engine).threads);
    for (int i = 0; i < run->instance.n_inputs; i++) {
        event *shape = event_create(NULL);
        bg_shape s = run->variant.x[i];
        event_list(shape, "shape");
        for (int d = 0; d < s.rank; d++)
            event_append_integer(shape, "shape", s.dims[d]);
        event_append_object(e, "inputs", shape);
    }
    event_number(e, "elements", run->elements);
    event_number(e, "step_ms", seconds * 1e3);
    event_number(e, "q1_ms", run->time.q1 * 1e3);
    event_number(e, "q3_ms", run->time.q3 * 1e3);
    event_number(e, "min_ms", run->time.min * 1e3);
    event_integer(e, "trials", run->time.trials);
    event_number(e, "ns_per_element", ns);
    event_number(e, "gigabytes_per_second", rate);
    event_number(e, "bytes", run->bytes);
    event_number(e, "flops", report.flops);
    event_integer(e, "steps", report.steps);
    event_number(e, "allocations_per_step", run->time.allocations);
    bench_describe(e, engine);
    return results_add(&config->results, e);
}

static int bench_op(const bench_config *config, int index, bg_engine *engine)
{
    op_run run = { .program = NULL };
    bg_status status = BG_ERR_SHAPE;
    for (int way = 0; way < WAYS && status != BG_OK && !signals_caught(); way++) {
        status = try_to_start(&run, index, config, engine, (stretching)way);
        if (status != BG_OK)
            end(&run);
    }
    if (status == BG_OK)
        status = bench_measure(&run.time, (bench_run *const[]){ bench_run_program }, (void *const[]){ run.program }, 1,
                               config->seconds);
    int code = status == BG_OK    ? show(config, op_case_at(index), &run, engine)
               : signals_caught() ? 128 + signals_caught()
                                  : output_failure("%s: %s", op_case_at(index)->name, bg_last_error());
    end(&run);
    return code;
}

static bool can_be_measured(const bench_config *config, const op_case *c)
{
    bool has_numbers = false;
    for (int i = 0; i < c->arity; i++)
        has_numbers = has_numbers || c->domains[i] < IS_LAST_NUMBERS;
    return is_chosen(config, c) && (!config->with_gradient || (has_numbers && c->gradient == IS_DIFFERENTIABLE));
}

int bench_ops(const bench_config *config, bg_engine *engine)
{
    int n = 0, code = config->with_gradient ? EXIT_DONE : bench_kernels(config, engine, &n);
    bool has_header = config->results.json;
    for (int i = 0; i < op_case_count() && bench_goes_on(); i++) {
        if (!can_be_measured(config, op_case_at(i)))
            continue;
        if (!has_header)
            output_line("%-34s %9s %10s %9s %8s", config->with_gradient ? "gradient of op" : "op", "elements", "us",
                        "ns", "GB/s");
        has_header = true;
        n++;
        int failure = bench_op(config, i, engine);
        code = failure ? failure : code;
    }
    if (n == 0 && bench_goes_on())
        code = output_failure("bench --ops: nothing that is named has a gradient; `blasgrad gradcheck --list' names "
                              "the ops");
    return code;
}
