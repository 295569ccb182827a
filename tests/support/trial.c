#include "trial.h"

#include "cases/instance.h"
#include "evaluate.h"

#include <check.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

void must(bg_status status, const char *what)
{
    if (status)
        ck_abort_msg("%s: %s: %s", what, bg_status_name(status), bg_last_error());
}

bg_tensor *tensor_of(bg_engine *engine, bg_dtype dtype, bg_shape shape, const double *values)
{
    bg_tensor *tensor = NULL;
    must(tensor_with(&tensor, engine, dtype, shape, values), "a tensor");
    return tensor;
}

static double *some_numbers(draw *d, int64_t count, double low, double high, int64_t classes)
{
    double *values = malloc(((size_t)count + 1) * sizeof *values);
    ck_assert_ptr_nonnull(values);
    for (int64_t i = 0; i < count; i++)
        values[i] = classes > 0 ? (double)draw_below(d, classes) : draw_between(d, low, high);
    return values;
}

static bg_tensor *random_tensor(trial *t, bg_dtype dtype, bg_shape shape, double low, double high, int64_t classes)
{
    double *values = some_numbers(&t->draw, bg_shape_count(shape), low, high, classes);
    bg_tensor *tensor = tensor_of(t->engine, dtype, shape, values);
    free(values);
    return tensor;
}

/* ---- Building ---- */

static bg_node *add_input(trial *t, bg_dtype dtype, bg_shape shape, double low, double high, int64_t classes)
{
    ck_assert_int_lt(t->n_inputs, TRIAL_MOST);
    int i = t->n_inputs++;
    t->inputs[i].node = bg_input(t->graph, "x", dtype, shape);
    t->inputs[i].tensor = random_tensor(t, dtype, shape, low, high, classes);
    t->inputs[i].low = low;
    t->inputs[i].high = high;
    t->inputs[i].classes = classes;
    return t->inputs[i].node;
}
bg_node *trial_input(trial *t, bg_shape shape, double low, double high)
{
    return add_input(t, t->dtype, shape, low, high, 0);
}
bg_node *trial_classes(trial *t, bg_shape shape, int64_t n) { return add_input(t, BG_I32, shape, 0, 0, n); }

static bg_node *add_state(trial *t, bool is_buffer, bg_shape shape, double low, double high)
{
    ck_assert_int_lt(t->n_states, TRIAL_MOST);
    bg_tensor *tensor = random_tensor(t, t->dtype, shape, low, high, 0);
    bg_node *node = is_buffer ? bg_buffer(t->graph, tensor) : bg_parameter(t->graph, tensor);
    t->states[t->n_states] = tensor;
    t->state_nodes[t->n_states++] = node;
    return node;
}
bg_node *trial_parameter(trial *t, bg_shape shape, double low, double high)
{
    return add_state(t, false, shape, low, high);
}
bg_node *trial_buffer(trial *t, bg_shape shape, double low, double high)
{
    return add_state(t, true, shape, low, high);
}
bg_node *trial_constant(trial *t, bg_shape shape, double low, double high)
{
    bg_tensor *tensor = random_tensor(t, t->dtype, shape, low, high, 0);
    bg_node *node = bg_constant(t->graph, tensor);
    bg_tensor_destroy(tensor);
    return node;
}
void trial_output(trial *t, bg_node *node)
{
    ck_assert_int_lt(t->n_outputs, TRIAL_MOST);
    t->outputs[t->n_outputs++] = node;
}

void trial_descend(trial *t, bg_node *loss, double rate)
{
    bg_node *xs[TRIAL_MOST] = { NULL }, *dxs[TRIAL_MOST];
    size_t n = 0;
    for (int i = 0; i < t->n_states; i++)
        if (t->state_nodes[i] && bgi_node_is(t->state_nodes[i], BGI_PARAMETER))
            xs[n++] = t->state_nodes[i];
    must(bg_grad(loss, xs, n, dxs), "the gradient");
    for (size_t i = 0; i < n; i++)
        bg_update(xs[i], bg_sub(xs[i], bg_mul_scalar(dxs[i], rate)));
}

void trial_end(trial *t)
{
    bg_graph_destroy(t->graph);
    for (int i = 0; i < t->n_inputs; i++)
        bg_tensor_destroy(t->inputs[i].tensor);
    for (int i = 0; i < t->n_states; i++)
        bg_tensor_destroy(t->states[i]);
}

/* ---- Engines ---- */

enum { N_ENGINES = 5 };
static const int thread_counts[N_ENGINES] = { 1, 2, 3, 4, 8 };
static bg_engine *engines[N_ENGINES];
static trial_record record;

static void create_engines(int n)
{
    for (int i = 0; i < n; i++)
        must(bg_engine_create(&engines[i], &(bg_engine_options){ .threads = thread_counts[i] }), "an engine");
}
void trial_set_up(void) { create_engines(N_ENGINES); }
void trial_set_up_single(void) { create_engines(1); }
void trial_tear_down(void)
{
    for (int i = 0; i < N_ENGINES; i++) {
        bg_engine_destroy(engines[i]);
        engines[i] = NULL;
    }
}
bg_engine *trial_engine(void) { return engines[0]; }
const trial_record *trial_results(void) { return &record; }

/* ---- Checking ---- */

typedef struct {
    unsigned char *bytes;
    size_t count, capacity;
} bit_list;

static void append_bits(bit_list *list, const bg_tensor *tensor)
{
    size_t bytes = (size_t)bg_shape_count(bg_tensor_shape(tensor)) * bg_dtype_size(bg_tensor_dtype(tensor));
    if (list->count + bytes > list->capacity) {
        list->capacity = 2 * (list->count + bytes);
        list->bytes = realloc(list->bytes, list->capacity);
        ck_assert_ptr_nonnull(list->bytes);
    }
    if (bytes)
        must(bg_tensor_copy_to(tensor, list->bytes + list->count, bytes), "reading a tensor");
    list->count += bytes;
}

typedef struct {
    const trial_plan *plan;
    bg_dtype dtype;
    int threads, step;
} place;

static void compare(const place *p, const char *what, int index, evaluator *e, bg_node *node, const bg_tensor *got)
{
    const evaluated *expected = evaluator_value(e, node);
    ck_assert_msg(expected != NULL, "%s: the evaluator: %s", p->plan->name, bg_last_error());
    record.numbers += expected->count;
    int64_t at = evaluated_compare(expected, got, &record.worst[p->dtype == BG_F64], &record.open);
    if (at < 0)
        return;
    double value = 0;
    must(bg_tensor_item(got, at, &value), "reading a number");
    ck_abort_msg("%s (seed %" PRIu64 ", %s, %d threads): step %d, %s %d, element %" PRId64
                 " is %.17g, not %.17g within %.3g",
                 p->plan->name, p->plan->seed, bg_dtype_name(p->dtype), p->threads, p->step, what, index, at, value,
                 expected->values[at], 2 * expected->errors[at]);
}

static void compare_bits(const place *p, const bit_list *first, const bit_list *now)
{
    ck_assert_uint_eq(first->count, now->count);
    for (size_t i = 0; i < now->count; i++)
        if (first->bytes[i] != now->bytes[i])
            ck_abort_msg("%s (seed %" PRIu64 ", %s): byte %zu of the results differs between 1 and %d threads",
                         p->plan->name, p->plan->seed, bg_dtype_name(p->dtype), i, p->threads);
}

static void renew_inputs(trial *t)
{
    for (int i = 0; i < t->n_inputs; i++) {
        bg_tensor *tensor = t->inputs[i].tensor;
        double *values = some_numbers(&t->draw, bg_shape_count(bg_tensor_shape(tensor)), t->inputs[i].low,
                                      t->inputs[i].high, t->inputs[i].classes);
        bg_tensor *fresh = tensor_of(t->engine, bg_tensor_dtype(tensor), bg_tensor_shape(tensor), values);
        must(bg_tensor_copy(tensor, fresh), "new numbers for an input");
        bg_tensor_destroy(fresh);
        free(values);
    }
}

/* One engine's run of a plan. The first engine's results are compared with the evaluator, number by number. */
static void run_plan(const trial_plan *plan, bg_dtype dtype, int engine, bit_list *bits)
{
    trial t = { .engine = engines[engine], .dtype = dtype, .draw = draw_from(plan->seed) };
    place p = { plan, dtype, thread_counts[engine], 0 };
    bg_program *program = NULL;
    must(bg_graph_create(&t.graph, t.engine), plan->name);
    plan->build(&t, plan->context);
    must(bg_graph_status(t.graph), plan->name);
    must(bg_compile(&program, t.graph, t.outputs, (size_t)t.n_outputs, NULL), plan->name);
    for (int i = 0; i < t.n_inputs; i++)
        must(bg_program_bind(program, t.inputs[i].node, t.inputs[i].tensor), plan->name);
    evaluator *e = engine == 0 ? evaluator_create(t.graph) : NULL;
    for (p.step = 0; p.step < plan->steps; p.step++) {
        renew_inputs(&t);
        for (int i = 0; i < t.n_inputs && e; i++)
            evaluator_bind(e, t.inputs[i].node, t.inputs[i].tensor);
        must(bg_program_run(program), plan->name);
        for (int i = 0; i < t.n_outputs; i++) {
            append_bits(bits, bg_program_output(program, (size_t)i));
            if (e)
                compare(&p, "output", i, e, t.outputs[i], bg_program_output(program, (size_t)i));
        }
        ck_assert(!e || evaluator_update(e));
        for (int i = 0; i < t.n_states; i++) {
            append_bits(bits, t.states[i]);
            if (e)
                compare(&p, "state", i, e, t.state_nodes[i], t.states[i]);
        }
    }
    evaluator_destroy(e);
    bg_program_destroy(program);
    trial_end(&t);
}

void trial_check(const trial_plan *plan, bg_dtype dtype)
{
    bit_list first = { 0 };
    for (int i = 0; i < N_ENGINES; i++) {
        bit_list now = { 0 };
        run_plan(plan, dtype, i, i == 0 ? &first : &now);
        if (i > 0)
            compare_bits(&(place){ plan, dtype, thread_counts[i], 0 }, &first, &now);
        free(now.bytes);
    }
    free(first.bytes);
    record.graphs++;
}
