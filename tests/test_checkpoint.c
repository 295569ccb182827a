/* Checkpoints: the gradient has the numbers that it has without them, from less memory. */
#include "support/expect.h"
#include "support/random_graph.h"
#include "support/suite.h"
#include "support/trial.h"

#include "compile/program.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A builder leaves the part out or puts it in, as the context says. */
typedef struct {
    bool is_on;
} mode;
static bg_node *part(const mode *m, bg_node *y, bg_node *x) { return m->is_on ? bg_checkpoint(y, &x, 1) : y; }

/* ---- Networks ---- */

enum { ROWS = 33, WIDTH = 24 };

static bg_node *dense(trial *t, bg_node *x)
{
    bg_node *w = trial_parameter(t, BG_SHAPE(WIDTH, WIDTH), -0.3, 0.3);
    return bg_linear(x, w, trial_parameter(t, BG_SHAPE(WIDTH), -0.3, 0.3));
}
static bg_node *start(trial *t) { return trial_input(t, BG_SHAPE(ROWS, WIDTH), -1, 1); }
static void finish(trial *t, bg_node *y)
{
    bg_node *loss = bg_mean(bg_square(bg_sub(y, trial_input(t, bg_node_shape(y), -1, 1))), BG_ALL_AXES);
    trial_output(t, loss);
    trial_descend(t, loss, 0.1);
}

static void build_chain(trial *t, const void *context)
{
    bg_node *x = start(t);
    for (int i = 0; i < 4; i++)
        x = part(context, bg_tanh(dense(t, bg_gelu(dense(t, x)))), x);
    finish(t, x);
}

/* Within a part, and before and behind one. */
static void build_dropout(trial *t, const void *context)
{
    bg_node *x = bg_dropout(start(t), 0.2);
    for (int i = 0; i < 3; i++)
        x = part(context, bg_dropout(bg_tanh(dense(t, bg_dropout(x, 0.3))), 0.1), x);
    bg_node *noise = bg_normal(t->graph, t->dtype, bg_node_shape(x), 0, 1);
    finish(t, bg_dropout(part(context, bg_mul(bg_tanh(x), noise), x), 0.4));
}

/* Running statistics are updated once a run, and read by the updates of the second layer. */
static void build_batch_norm(trial *t, const void *context)
{
    bg_node *x = start(t), *mean = trial_buffer(t, BG_SHAPE(WIDTH), 0, 0);
    for (int i = 0; i < 3; i++) {
        bg_node *h = dense(t, x), *m = bg_mean(h, BG_AXES(0)), *centred = bg_sub(h, m);
        bg_node *scale = bg_sqrt(bg_add_scalar(bg_mean(bg_square(centred), BG_AXES(0)), 0.1));
        bg_update(mean, bg_add(bg_mul_scalar(bg_updated(mean), 0.9), bg_mul_scalar(m, 0.1)));
        x = part(context, bg_tanh(bg_div(centred, scale)), x);
    }
    finish(t, x);
}

static void build_nested(trial *t, const void *context)
{
    bg_node *x = start(t);
    for (int i = 0; i < 2; i++) {
        bg_node *h = x;
        for (int k = 0; k < 2; k++) {
            bg_node *inner = bg_tanh(dense(t, h));
            inner = part(context, bg_sigmoid(dense(t, inner)), inner);
            h = part(context, bg_add(dense(t, inner), h), h);
        }
        x = part(context, h, x);
    }
    finish(t, x);
}

/* The part's result, its input and a value within are used elsewhere too. */
static void build_several_uses(trial *t, const void *context)
{
    bg_node *x = bg_tanh(dense(t, start(t))), *within = bg_tanh(dense(t, x));
    bg_node *y = part(context, bg_sigmoid(dense(t, within)), x), *z = part(context, bg_mul(y, within), y);
    finish(t, bg_add(bg_mul(y, x), bg_add(bg_square(within), bg_mul(z, z))));
}

/* The square of a gradient is descended, with parts in the graph that is differentiated twice. */
static void build_second_derivative(trial *t, const void *context)
{
    bg_node *x = start(t), *dx = NULL;
    for (int i = 0; i < 3; i++)
        x = part(context, bg_tanh(dense(t, bg_dropout(x, 0.2))), x);
    bg_node *first = t->state_nodes[0];
    must(bg_grad(bg_mean(bg_square(x), BG_ALL_AXES), &first, 1, &dx), "the first gradient");
    trial_output(t, dx);
    finish(t, bg_add(x, bg_mul_scalar(bg_mean(bg_square(dx), BG_ALL_AXES), 0.1)));
}

/* Gradients of values that lie within a part, of its result, and of its input. */
static void build_inner_gradients(trial *t, const void *context)
{
    bg_node *x = bg_tanh(dense(t, start(t))), *within = bg_tanh(dense(t, x)), *further = bg_tanh(dense(t, within));
    bg_node *inner = bg_sigmoid(dense(t, further)), *y = part(context, inner, x),
            *loss = bg_sum(bg_square(y), BG_ALL_AXES);
    bg_node *xs[] = { within, x, t->state_nodes[0], further, inner, y, t->state_nodes[2] }, *dxs[7];
    must(bg_grad(loss, xs, 3, dxs), "gradients of a value within");
    must(bg_grad(loss, xs + 3, 4, dxs + 3), "gradients of several and of the result");
    for (int i = 0; i < 7; i++)
        trial_output(t, dxs[i]);
}

/* Images and classes begin a part: inputs of the graph, of integers too. */
static void build_other_types(trial *t, const void *context)
{
    const mode *m = context;
    bg_node *ids = trial_classes(t, BG_SHAPE(5, 7), 9), *image = trial_input(t, BG_SHAPE(5, 2, 6, 6), -1, 1);
    bg_node *words = bg_sum(bg_embedding(trial_parameter(t, BG_SHAPE(9, 12), -1, 1), ids, 2), BG_AXES(1));
    bg_node *seen = bg_conv(image, trial_parameter(t, BG_SHAPE(3, 2, 3, 3), -1, 1), NULL, NULL);
    seen = bg_reshape(bg_max_pool(bg_tanh(seen), BG_SHAPE(2, 2), NULL, NULL), BG_SHAPE(5, 12));
    bg_node *y = bg_tanh(bg_mul(words, seen)), *inputs[] = { ids, image };
    bg_node *z = m->is_on ? bg_checkpoint(y, inputs, 2) : y;
    finish(t, bg_matmul(z, trial_parameter(t, BG_SHAPE(12, 3), -1, 1)));
}

/* Nothing to compute again: the inputs are the value, do not lead to it, or are views of leaves; empty and scalar
 * parts. */
static void build_edges(trial *t, const void *context)
{
    bg_node *x = start(t), *y = bg_tanh(dense(t, x)), *w = t->state_nodes[0];
    y = part(context, y, y);
    y = part(context, bg_tanh(y), bg_mul_scalar(w, 2));
    y = part(context, bg_matmul(y, w), w);
    y = part(context, bg_tanh(bg_transpose(y, 0, 1)), bg_transpose(y, 0, 1));
    bg_node *total = bg_mean(y, BG_ALL_AXES), *empty = bg_slice(y, 0, 0, 0, 1);
    total = part(context, bg_square(bg_tanh(total)), total);
    empty = part(context, bg_tanh(bg_exp(empty)), empty);
    total = bg_add(total, bg_sum(empty, BG_ALL_AXES));
    finish(t, bg_mul(y, total));
}

static const struct {
    const char *name;
    void (*build)(trial *t, const void *context);
    bool is_drawn; /* the evaluator does not know the steps of random nodes */
} networks[] = { { "chain", build_chain, false },
                 { "dropout", build_dropout, true },
                 { "batch norm", build_batch_norm, false },
                 { "nested", build_nested, false },
                 { "several uses", build_several_uses, false },
                 { "second derivative", build_second_derivative, true },
                 { "inner gradients", build_inner_gradients, false },
                 { "other types", build_other_types, false },
                 { "edges", build_edges, false } };
enum { N_NETWORKS = sizeof networks / sizeof *networks };

/* ---- The same numbers ---- */

typedef struct {
    double *values;
    size_t n;
    int nodes, waits; /* of the program; waits: inputs of parts that are computed again */
} outcome;

static void take(outcome *o, const bg_tensor *tensor)
{
    size_t n = (size_t)bg_shape_count(bg_tensor_shape(tensor));
    o->values = realloc(o->values, (o->n + n + 1) * sizeof *o->values);
    ck_assert_ptr_nonnull(o->values);
    for (size_t i = 0; i < n; i++)
        expect_ok(bg_tensor_item(tensor, (int64_t)i, &o->values[o->n++]), "a number");
}

/* Outputs and states of a graph after each of three runs, in f64. */
static outcome outcome_of(const char *name, void (*build)(trial *t, const void *context), const void *context,
                          uint64_t seed)
{
    outcome o = { 0 };
    trial t = { .engine = trial_engine(), .dtype = BG_F64, .draw = draw_from(seed) };
    bg_program *program = NULL;
    expect_ok(bg_graph_create(&t.graph, t.engine), name);
    build(&t, context);
    expect_ok(bg_compile(&program, t.graph, t.outputs, (size_t)t.n_outputs, NULL), name);
    for (int i = 0; i < t.n_inputs; i++)
        expect_ok(bg_program_bind(program, t.inputs[i].node, t.inputs[i].tensor), name);
    o.nodes = program->graph->count;
    for (int i = 0; i < o.nodes; i++)
        o.waits += strcmp(program->graph->nodes[i]->op->name, "recompute") == 0;
    for (int run = 0; run < 3; run++) {
        expect_ok(bg_program_run(program), name);
        for (int i = 0; i < t.n_outputs; i++)
            take(&o, bg_program_output(program, (size_t)i));
        for (int i = 0; i < t.n_states; i++)
            take(&o, t.states[i]);
    }
    bg_program_destroy(program);
    trial_end(&t);
    return o;
}

static double compare(const char *name, uint64_t seed, const outcome *a, const outcome *b, double tolerance)
{
    double worst = 0;
    ck_assert_uint_eq(a->n, b->n);
    for (size_t i = 0; i < a->n; i++) {
        double x = a->values[i], y = b->values[i], error = x == y || (isnan(x) && isnan(y)) ? 0 : fabs(x - y);
        error /= fmax(1, fabs(x));
        ck_assert_msg(error <= tolerance, "%s (seed %llu): number %zu is %.17g with checkpoints, %.17g without", name,
                      (unsigned long long)seed, i, y, x);
        worst = fmax(worst, error);
    }
    return worst;
}

START_TEST(test_same_numbers)
{
    outcome without = outcome_of(networks[_i].name, networks[_i].build, &(mode){ false }, 5);
    outcome with = outcome_of(networks[_i].name, networks[_i].build, &(mode){ true }, 5);
    double worst = compare(networks[_i].name, 5, &without, &with, 1e-14);
    ck_assert_msg(with.waits > 0 && without.waits == 0, "%s: nothing is computed again", networks[_i].name);
    printf("%-20s %7zu numbers, largest difference %.2g; %d nodes, %d without\n", networks[_i].name, with.n, worst,
           with.nodes, without.nodes);
    free(without.values);
    free(with.values);
}
END_TEST

/* Against the naive evaluator in both types, with the same bits for 1 to 8 threads. */
START_TEST(test_evaluated)
{
    trial_plan plan = { networks[_i].name, networks[_i].build, &(mode){ true }, .seed = 11, .steps = 2 };
    if (networks[_i].is_drawn)
        return;
    trial_check(&plan, BG_F32);
    trial_check(&plan, BG_F64);
}
END_TEST

START_TEST(test_random_graphs)
{
    double worst = 0;
    int again = 0;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        uint64_t number = (uint64_t)_i * 60 + seed;
        outcome without = outcome_of("random", random_graph, &(random_checkpoints){ false }, number);
        outcome with = outcome_of("random", random_graph, &(random_checkpoints){ true }, number);
        worst = fmax(worst, compare("random graph", number, &without, &with, 1e-14));
        again += with.waits > 0;
        free(without.values);
        free(with.values);
    }
    trial_plan plan = { "random graph", random_graph, &(random_checkpoints){ true }, .steps = 2 };
    for (plan.seed = (uint64_t)_i * 60 + 1; plan.seed <= (uint64_t)_i * 60 + 10; plan.seed++)
        trial_check(&plan, plan.seed % 2 ? BG_F32 : BG_F64);
    printf("random graphs: largest difference %.2g; %d of 60 compute again\n", worst, again);
    ck_assert_int_ge(again, 10);
}
END_TEST

/* ---- Memory ---- */

/* A chain of layers, each part of which is computed again; 0: none. */
static size_t bytes_of_chain(int layers, int part_layers, double *flops)
{
    const bg_shape rows = BG_SHAPE(256, 64);
    bg_engine *engine = trial_engine();
    bg_graph *graph = NULL;
    bg_program *program = NULL;
    bg_tensor *w[64];
    bg_node *p[64], *d[64];
    expect_ok(bg_graph_create(&graph, engine), "graph");
    bg_node *x = bg_input(graph, "x", BG_F32, rows), *begin = x;
    for (int i = 0; i < layers; i++) {
        expect_ok(bg_tensor_create(&w[i], engine, BG_F32, BG_SHAPE(64, 64)), "weights");
        p[i] = bg_parameter(graph, w[i]);
        x = bg_tanh(bg_linear(x, p[i], NULL));
        if (part_layers > 0 && (i + 1) % part_layers == 0 && i + 1 < layers) {
            x = bg_checkpoint(x, &begin, 1);
            begin = x;
        }
    }
    bg_node *loss = bg_mean(bg_square(x), BG_ALL_AXES);
    expect_ok(bg_grad(loss, p, (size_t)layers, d), "gradient");
    for (int i = 0; i < layers; i++)
        bg_update(p[i], bg_sub(p[i], bg_mul_scalar(d[i], 0.1)));
    expect_ok(bg_compile(&program, graph, &loss, 1, NULL), "compile");
    bg_report report = bg_program_report(program);
    *flops = report.product_flops;
    printf("%d layers, parts of %d: %8zu bytes, %2d barriers, %.2f GFLOP\n", layers, part_layers, report.planned_bytes,
           report.barriers, report.flops / 1e9);
    bg_program_destroy(program);
    bg_graph_destroy(graph);
    for (int i = 0; i < layers; i++)
        bg_tensor_destroy(w[i]);
    return report.planned_bytes;
}

START_TEST(test_memory)
{
    double flops, most_flops = 0;
    size_t kept = bytes_of_chain(24, 0, &flops), least = kept;
    for (int n = 1; n <= 12; n++) {
        double more;
        size_t bytes = bytes_of_chain(24, n, &more);
        least = bytes < least ? bytes : least;
        most_flops = fmax(most_flops, more);
    }
    ck_assert_msg(least * 2 < kept, "%zu bytes with checkpoints, %zu without", least, kept);
    ck_assert_msg(most_flops > flops * 1.2 && most_flops < flops * 4 / 3, "one more forward pass of three: %g of %g",
                  most_flops, flops);
    size_t long_kept = bytes_of_chain(60, 0, &flops), long_least = bytes_of_chain(60, 4, &flops);
    ck_assert_msg(long_least * 3 < long_kept, "%zu bytes with checkpoints, %zu without", long_least, long_kept);
}
END_TEST

/* Without gradients no checkpoint costs anything. */
START_TEST(test_forward_only)
{
    size_t bytes[2];
    for (int is_on = 0; is_on < 2; is_on++) {
        bg_graph *graph = NULL;
        bg_program *program = NULL;
        expect_ok(bg_graph_create(&graph, trial_engine()), "graph");
        bg_node *x = bg_input(graph, "x", BG_F32, BG_SHAPE(100, 50)), *y = bg_tanh(bg_softmax(x, 1));
        y = part(&(mode){ is_on }, y, x);
        expect_ok(bg_compile(&program, graph, &y, 1, NULL), "compile");
        bytes[is_on] = bg_program_report(program).planned_bytes;
        bg_program_destroy(program);
        bg_graph_destroy(graph);
    }
    ck_assert_uint_eq(bytes[0], bytes[1]);
}
END_TEST

/* ---- Mistakes ---- */

START_TEST(test_mistakes)
{
    bg_graph *graph = NULL, *other = NULL;
    expect_ok(bg_graph_create(&graph, trial_engine()), "graph");
    bg_node *x = bg_input(graph, "x", BG_F32, BG_SHAPE(3, 4));
    ck_assert_ptr_null(bg_checkpoint(NULL, &x, 1));
    expect_ok(bg_graph_status(graph), "NULL passes through");
    ck_assert_ptr_null(bg_checkpoint(x, NULL, 0));
    expect_failure(bg_graph_status(graph), BG_ERR_ARGUMENT, "checkpoint: y [3, 4] has no inputs", "no inputs");
    bg_graph_destroy(graph);
    expect_ok(bg_graph_create(&graph, trial_engine()), "graph");
    x = bg_input(graph, "x", BG_F32, BG_SHAPE(3, 4));
    ck_assert_ptr_null(bg_checkpoint(x, &(bg_node *){ NULL }, 1));
    expect_failure(bg_graph_status(graph), BG_ERR_ARGUMENT, "checkpoint: input 1 is NULL", "an input is NULL");
    bg_graph_destroy(graph);
    expect_ok(bg_graph_create(&graph, trial_engine()), "graph");
    expect_ok(bg_graph_create(&other, trial_engine()), "graph");
    x = bg_input(graph, "x", BG_F32, BG_SHAPE(3, 4));
    bg_node *z = bg_input(other, "z", BG_F32, BG_SHAPE(3, 4));
    ck_assert_ptr_null(bg_checkpoint(x, &z, 1));
    expect_failure(bg_graph_status(graph), BG_ERR_ARGUMENT, "checkpoint: inputs belong to different graphs", "graphs");
    bg_graph_destroy(other);
    bg_graph_destroy(graph);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("checkpoint");
    TCase *numbers = tcase_create("numbers"), *memory = tcase_create("memory");
    tcase_add_checked_fixture(numbers, trial_set_up, trial_tear_down);
    tcase_add_checked_fixture(memory, trial_set_up, trial_tear_down);
    tcase_add_loop_test(numbers, test_same_numbers, 0, N_NETWORKS);
    tcase_add_loop_test(numbers, test_evaluated, 0, N_NETWORKS);
    tcase_add_loop_test(numbers, test_random_graphs, 0, 4);
    tcase_add_test(memory, test_memory);
    tcase_add_test(memory, test_forward_only);
    tcase_add_test(memory, test_mistakes);
    suite_add_tcase(suite, numbers);
    suite_add_tcase(suite, memory);
    return run_suite(suite);
}
