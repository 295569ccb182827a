/* Effects: every reader sees the values from before the run, all updates take effect together or none does. */
#include "support/counting.h"
#include "support/expect.h"
#include "support/trial.h"

#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

static const int thread_counts[] = { 1, 2, 4 };
enum { N_THREAD_COUNTS = 3 };

static bg_engine *start_engine(int threads)
{
    bg_engine *engine = NULL;
    expect_ok(bg_engine_create(&engine, &(bg_engine_options){ .threads = threads }), "an engine");
    return engine;
}

static double value_at(const bg_tensor *tensor, int64_t i)
{
    double value = NAN;
    expect_ok(bg_tensor_item(tensor, i, &value), "reading a number");
    return value;
}

/* ---- Small graphs with their values written out ----
 * Leaves a, b, c are tensors whose elements are all 1, all 2, all 3, and x is an input of tens; so every result is a
 * tensor of one number, too, of which one run gives the first and the next run the second. */

typedef struct {
    bg_node *a, *b, *c, *x;
    bg_node *outputs[3];
} leaves;

typedef struct {
    const char *name;
    void (*build)(leaves *l);
    double states[2][3]; /* a, b, c after each of two runs */
    int n_outputs;
    double outputs[2][3];
    bool no_updates;
} hand_case;

static void swap(leaves *l)
{
    bg_update(l->a, l->b);
    bg_update(l->b, l->a);
    l->outputs[0] = l->a;
}
static void rotate(leaves *l)
{
    bg_update(l->a, l->b);
    bg_update(l->b, l->c);
    bg_update(l->c, l->a);
}
static void rotate_and_change(leaves *l)
{
    bg_update(l->a, bg_add_scalar(l->b, 1));
    bg_update(l->b, bg_mul_scalar(l->c, 2));
    bg_update(l->c, bg_sub(l->a, l->b));
}
static void old_value_out(leaves *l)
{
    bg_update(l->a, bg_mul_scalar(l->a, 3));
    l->outputs[0] = l->a;
}
static void new_value_out(leaves *l)
{
    bg_node *value = bg_add(l->a, l->x);
    bg_update(l->a, value);
    l->outputs[0] = value;
    l->outputs[1] = l->a;
    l->outputs[2] = value;
}
static void parameter_twice(leaves *l)
{
    l->outputs[0] = l->a;
    l->outputs[1] = l->a;
    bg_update(l->a, bg_neg(l->a));
}
static void later_wins(leaves *l)
{
    bg_update(l->a, l->b);
    bg_update(l->a, bg_add(l->a, l->c));
}
static void built_on_updated(leaves *l)
{
    for (int i = 0; i < 2; i++)
        bg_update(l->a, bg_add(bg_mul_scalar(bg_updated(l->a), 0.5), l->b));
    l->outputs[0] = bg_updated(l->a);
    l->outputs[1] = bg_updated(l->b);
}
static void momentum(leaves *l)
{
    bg_update(l->b, bg_add(bg_mul_scalar(l->b, 0.5), l->x));
    bg_update(l->a, bg_sub(l->a, bg_updated(l->b)));
}
static void one_value_for_two(leaves *l)
{
    bg_node *value = bg_add(l->a, l->b);
    bg_update(l->a, value);
    bg_update(l->c, value);
}
static void equal_values_for_two(leaves *l)
{
    bg_update(l->a, bg_add(l->a, l->b));
    bg_update(l->c, bg_add(l->a, l->b));
    l->outputs[0] = bg_add(l->a, l->b);
}
static void leaves_as_values(leaves *l)
{
    bg_update(l->a, l->x);
    bg_update(l->b, l->c);
    bg_update(l->c, bg_broadcast(bg_scalar(bg_node_graph(l->c), bg_node_dtype(l->c), 7), bg_node_shape(l->c)));
}
static void leaf_for_two(leaves *l)
{
    bg_update(l->a, l->c);
    bg_update(l->b, l->c);
    l->outputs[0] = l->c;
}
static void itself(leaves *l)
{
    bg_update(l->a, l->a);
    l->outputs[0] = bg_updated(l->a);
}
static void input_out(leaves *l)
{
    l->outputs[0] = l->x;
    l->outputs[1] = l->x;
    bg_update(l->a, l->x);
}
/* The reader comes late, the new value is known at once. */
static void late_reader(leaves *l)
{
    bg_update(l->a, l->x);
    bg_node *mean = bg_mean(l->b, BG_ALL_AXES);
    for (int i = 0; i < 3; i++)
        mean = bg_mean(bg_add(l->b, mean), BG_ALL_AXES);
    l->outputs[0] = bg_add(l->a, mean);
}
static void both_ways(leaves *l)
{
    bg_update(l->a, bg_add(l->a, bg_mean(l->b, BG_ALL_AXES)));
    bg_update(l->b, bg_add(l->b, bg_mean(l->a, BG_ALL_AXES)));
}
static void no_updates(leaves *l)
{
    bg_update(l->a, l->x);
    bg_update(l->b, bg_updated(l->a));
    l->outputs[0] = bg_updated(l->b);
    l->outputs[1] = l->b;
}

static const hand_case hand_cases[] = {
    { "swap", swap, { { 2, 1, 3 }, { 1, 2, 3 } }, 1, { { 1 }, { 2 } }, false },
    { "rotate", rotate, { { 2, 3, 1 }, { 3, 1, 2 } }, 0, { { 0 } }, false },
    { "rotate and change", rotate_and_change, { { 3, 6, -1 }, { 7, -2, -3 } }, 0, { { 0 } }, false },
    { "old value out", old_value_out, { { 3, 2, 3 }, { 9, 2, 3 } }, 1, { { 1 }, { 3 } }, false },
    { "new value out", new_value_out, { { 11, 2, 3 }, { 21, 2, 3 } }, 3, { { 11, 1, 11 }, { 21, 11, 21 } }, false },
    { "parameter twice", parameter_twice, { { -1, 2, 3 }, { 1, 2, 3 } }, 2, { { 1, 1 }, { -1, -1 } }, false },
    { "later wins", later_wins, { { 4, 2, 3 }, { 7, 2, 3 } }, 0, { { 0 } }, false },
    { "built on updated",
      built_on_updated,
      { { 3.25, 2, 3 }, { 3.8125, 2, 3 } },
      2,
      { { 3.25, 2 }, { 3.8125, 2 } },
      false },
    { "momentum", momentum, { { -10, 11, 3 }, { -25.5, 15.5, 3 } }, 0, { { 0 } }, false },
    { "one value for two", one_value_for_two, { { 3, 2, 3 }, { 5, 2, 5 } }, 0, { { 0 } }, false },
    { "equal values for two", equal_values_for_two, { { 3, 2, 3 }, { 5, 2, 5 } }, 1, { { 3 }, { 5 } }, false },
    { "leaves as values", leaves_as_values, { { 10, 3, 7 }, { 10, 7, 7 } }, 0, { { 0 } }, false },
    { "leaf for two", leaf_for_two, { { 3, 3, 3 }, { 3, 3, 3 } }, 1, { { 3 }, { 3 } }, false },
    { "itself", itself, { { 1, 2, 3 }, { 1, 2, 3 } }, 1, { { 1 }, { 1 } }, false },
    { "input out", input_out, { { 10, 2, 3 }, { 10, 2, 3 } }, 2, { { 10, 10 }, { 10, 10 } }, false },
    { "late reader", late_reader, { { 10, 2, 3 }, { 10, 2, 3 } }, 1, { { 9 }, { 18 } }, false },
    { "both ways", both_ways, { { 3, 3, 3 }, { 6, 6, 3 } }, 0, { { 0 } }, false },
    { "no updates", no_updates, { { 1, 2, 3 }, { 1, 2, 3 } }, 2, { { 10, 2 }, { 10, 2 } }, true },
};
enum { N_HAND_CASES = sizeof hand_cases / sizeof *hand_cases };

static void expect_all(const hand_case *k, const bg_tensor *tensor, double expected, const char *what)
{
    const double *values = bg_tensor_const_data(tensor);
    int64_t count = bg_shape_count(bg_tensor_shape(tensor)), i = 0;
    while (i < count && values[i] == expected)
        i++;
    ck_assert_msg(i == count, "%s: %s: element %lld of %lld is %g, not %g", k->name, what, (long long)i,
                  (long long)count, values[i], expected);
}

static void check_by_hand(const hand_case *k, bg_engine *engine, bg_shape shape)
{
    static const double firsts[] = { 1, 2, 3, 10 };
    static const char *const names[] = { "a", "b", "c" };
    bg_tensor *tensors[4];
    for (int i = 0; i < 4; i++) {
        expect_ok(bg_tensor_create(&tensors[i], engine, BG_F64, shape), k->name);
        expect_ok(bg_tensor_fill(tensors[i], firsts[i]), k->name);
    }
    bg_graph *graph;
    bg_program *program;
    expect_ok(bg_graph_create(&graph, engine), k->name);
    leaves l = { .a = bg_parameter(graph, tensors[0]),
                 .b = bg_buffer(graph, tensors[1]),
                 .c = bg_parameter(graph, tensors[2]),
                 .x = bg_input(graph, "x", BG_F64, shape) };
    k->build(&l);
    expect_ok(bg_compile(&program, graph, l.outputs, (size_t)k->n_outputs,
                         &(bg_compile_options){ .no_updates = k->no_updates }),
              k->name);
    expect_ok(bg_program_bind(program, l.x, tensors[3]), k->name);
    for (int run = 0; run < 2; run++) {
        expect_ok(bg_program_run(program), k->name);
        for (int i = 0; i < k->n_outputs; i++)
            expect_all(k, bg_program_output(program, (size_t)i), k->outputs[run][i], "output");
        for (int i = 0; i < 3; i++)
            expect_all(k, tensors[i], k->states[run][i], names[i]);
        expect_all(k, tensors[3], 10, "x");
    }
    bg_program_destroy(program);
    bg_graph_destroy(graph);
    for (int i = 0; i < 4; i++)
        bg_tensor_destroy(tensors[i]);
}

/* The last size is worth more than one thread. */
START_TEST(test_by_hand)
{
    const bg_shape shapes[] = { BG_SCALAR,        BG_SHAPE(5),       BG_SHAPE(3, 0),
                                BG_SHAPE(7, 300), BG_SHAPE(1, 5000), BG_SHAPE(300000) };
    for (int t = 0; t < N_THREAD_COUNTS; t++) {
        bg_engine *engine = start_engine(thread_counts[t]);
        for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
            if (bg_shape_count(shapes[s]) > 0 || (hand_cases[_i].build != late_reader))
                check_by_hand(&hand_cases[_i], engine, shapes[s]);
        bg_engine_destroy(engine);
    }
}
END_TEST

/* ---- Updates from all over the tensor, against the naive evaluator ----
 * context: rows and columns. */

typedef struct {
    int64_t n[2];
} extent;

static bg_node *leaf(trial *t, const void *context)
{
    const extent *e = context;
    return trial_parameter(t, BG_SHAPE(e->n[0], e->n[1]), -1, 1);
}
static bg_node *other(trial *t, const void *context)
{
    const extent *e = context;
    return trial_buffer(t, BG_SHAPE(e->n[0], e->n[1]), -1, 1);
}
static bg_node *half(bg_node *x) { return bg_mul_scalar(x, 0.5); }

static void transposed_self(trial *t, const void *context)
{
    bg_node *w = leaf(t, context);
    bg_update(w, bg_transpose(w, 0, 1));
}
static void with_transposed_self(trial *t, const void *context)
{
    bg_node *w = leaf(t, context);
    bg_update(w, half(bg_sub(w, bg_transpose(w, 0, 1))));
    trial_output(t, bg_tanh(w));
}
static void transposed_pair(trial *t, const void *context)
{
    bg_node *w = leaf(t, context), *v = other(t, context);
    bg_update(w, bg_transpose(v, 0, 1));
    bg_update(v, bg_transpose(w, 0, 1));
}
static void other_order(trial *t, const void *context)
{
    bg_node *w = leaf(t, context);
    bg_update(w, bg_reshape(bg_transpose(w, 0, 1), bg_node_shape(w)));
}
static void turn(trial *t, bg_node *w, int axis)
{
    int64_t n = bg_node_shape(w).dims[axis], at = n / 3 + 1;
    bg_node *parts[] = { bg_slice(w, axis, at, n, 1), bg_slice(w, axis, 0, at, 1) };
    bg_update(w, bg_concat(parts, 2, axis));
    trial_output(t, bg_slice(w, axis, 0, 1, 1));
}
static void turned_rows(trial *t, const void *context) { turn(t, leaf(t, context), 0); }
static void turned_columns(trial *t, const void *context) { turn(t, leaf(t, context), 1); }
static void without_row(trial *t, const void *context)
{
    bg_node *w = leaf(t, context);
    int64_t last = bg_node_shape(w).dims[0] - 1;
    bg_update(w, half(bg_sub(w, bg_slice(w, 0, last, last + 1, 1))));
}
static void without_first_row(trial *t, const void *context)
{
    bg_node *w = leaf(t, context);
    bg_update(w, half(bg_sub(w, bg_slice(w, 0, 0, 1, 1))));
}
static void without_column(trial *t, const void *context)
{
    bg_node *w = leaf(t, context);
    bg_update(w, half(bg_sub(w, bg_slice(w, 1, 0, 1, 1))));
}
static void without_last_column(trial *t, const void *context)
{
    bg_node *w = leaf(t, context);
    int64_t last = bg_node_shape(w).dims[1] - 1;
    bg_update(w, half(bg_sub(w, bg_slice(w, 1, last, last + 1, 1))));
}
static void without_diagonal(trial *t, const void *context)
{
    bg_node *w = leaf(t, context);
    bg_update(w, half(bg_sub(w, bg_transpose(bg_slice(w, 0, 0, 1, 1), 0, 1))));
}
static void row_means(trial *t, const void *context)
{
    bg_node *w = leaf(t, context);
    bg_shape kept = BG_SHAPE(bg_node_shape(w).dims[0], 1);
    bg_update(w, bg_sub(w, bg_reshape(bg_mean(w, BG_AXES(1)), kept)));
}
static void column_means(trial *t, const void *context)
{
    bg_node *w = leaf(t, context);
    bg_update(w, bg_sub(w, bg_mean(w, BG_AXES(0))));
}
static void whole_maximum(trial *t, const void *context)
{
    bg_node *w = leaf(t, context);
    bg_update(w, bg_div(w, bg_add_scalar(bg_abs(bg_max(w, BG_ALL_AXES)), 1)));
}
static void softmax_rows(trial *t, const void *context)
{
    bg_node *w = leaf(t, context);
    bg_update(w, bg_sub(w, bg_softmax(w, 1)));
}
static void square_of_itself(trial *t, const void *context)
{
    bg_node *w = leaf(t, context);
    bg_update(w, bg_tanh(bg_matmul(w, w)));
}
static void product_beside_reduction(trial *t, const void *context)
{
    const extent *e = context;
    bg_node *w = leaf(t, context), *x = trial_input(t, BG_SHAPE(9, e->n[0]), -1, 1);
    bg_node *y = bg_matmul(x, w);
    bg_update(w, bg_sub(w, bg_mean(w, BG_AXES(0))));
    trial_output(t, y);
    trial_output(t, bg_mean(bg_square(y), BG_ALL_AXES));
}
static void products_of_each_other(trial *t, const void *context)
{
    bg_node *w = leaf(t, context), *v = other(t, context);
    bg_update(w, bg_tanh(bg_matmul(w, v)));
    bg_update(v, bg_tanh(bg_matmul(v, w)));
}
static void product_with_old(trial *t, const void *context)
{
    bg_node *w = leaf(t, context), *v = other(t, context);
    bg_update(w, half(w));
    bg_update(v, bg_tanh(bg_matmul(v, w)));
    trial_output(t, bg_matmul(w, v));
}
static void step_and_outputs(trial *t, const void *context)
{
    const extent *e = context;
    bg_node *w = leaf(t, context), *dw;
    bg_node *x = trial_input(t, BG_SHAPE(40, e->n[1]), -1, 1), *y = trial_input(t, BG_SHAPE(40, e->n[0]), -1, 1);
    bg_node *loss = bg_l2_loss(bg_linear(x, w, NULL), y, BG_MEAN);
    must(bg_grad(loss, &w, 1, &dw), "the gradient");
    bg_update(w, bg_sub(w, half(dw)));
    trial_output(t, loss);
    trial_output(t, w);
    trial_output(t, bg_updated(w));
    trial_output(t, dw);
}
static void clipped_step(trial *t, const void *context)
{
    const extent *e = context;
    bg_node *w = leaf(t, context), *v = other(t, context), *d[2];
    bg_node *x = trial_input(t, BG_SHAPE(40, e->n[1]), -1, 1);
    bg_node *h = bg_tanh(bg_linear(x, w, NULL));
    bg_node *loss = bg_mean(bg_square(bg_matmul(h, v)), BG_ALL_AXES);
    must(bg_grad(loss, (bg_node *[]){ w, v }, 2, d), "the gradient");
    bg_node *norm =
        bg_sqrt(bg_add(bg_sum(bg_square(d[0]), BG_ALL_AXES), bg_add_scalar(bg_sum(bg_square(d[1]), BG_ALL_AXES), 0.1)));
    bg_update(w, bg_sub(w, bg_div(d[0], norm)));
    bg_update(v, bg_sub(v, bg_div(d[1], norm)));
    trial_output(t, norm);
}
static void layer_twice(trial *t, const void *context)
{
    const extent *e = context;
    bg_node *statistics = trial_buffer(t, BG_SHAPE(e->n[1]), -1, 1),
            *x = trial_input(t, BG_SHAPE(e->n[0], e->n[1]), -1, 1);
    for (int i = 0; i < 2; i++) {
        bg_node *mean = bg_mean(x, BG_AXES(0));
        bg_update(statistics, bg_add(bg_mul_scalar(bg_updated(statistics), 0.9), bg_mul_scalar(mean, 0.1)));
        x = bg_tanh(bg_sub(x, mean));
    }
    trial_output(t, x);
    trial_output(t, statistics);
}
static void scalar_and_matrix(trial *t, const void *context)
{
    bg_node *w = leaf(t, context), *s = trial_parameter(t, BG_SCALAR, 0.5, 1),
            *v = trial_parameter(t, BG_SHAPE(1, 1), -1, 1);
    bg_update(w, bg_mul(w, s));
    bg_update(s, bg_add_scalar(bg_mean(w, BG_ALL_AXES), 0.5));
    bg_update(v, bg_reshape(s, BG_SHAPE(1, 1)));
    trial_output(t, bg_mul(s, v));
}
static void with_empty(trial *t, const void *context)
{
    const extent *e = context;
    bg_node *w = leaf(t, context), *empty = trial_parameter(t, BG_SHAPE(0, e->n[1]), -1, 1);
    bg_update(empty, bg_mul_scalar(empty, 2));
    bg_update(w, bg_add(w, bg_sum(empty, BG_AXES(0))));
    trial_output(t, empty);
    trial_output(t, bg_sum(empty, BG_ALL_AXES));
    trial_output(t, bg_matmul(bg_transpose(empty, 0, 1), empty));
}

/* A leaf that is a view of a larger tensor: every second column, and the axes swapped. */
static bg_node *strided_leaf(trial *t, const extent *e, bool is_buffer)
{
    bg_tensor *whole, *columns, *swapped;
    must(bg_tensor_create(&whole, t->engine, t->dtype, BG_SHAPE(e->n[1], 2 * e->n[0] + 1)), "a tensor");
    must(bg_tensor_fill(whole, 0.25), "a tensor");
    must(bg_tensor_slice(&columns, whole, 1, 1, 2 * e->n[0] + 1, 2), "every second column");
    must(bg_tensor_permute(&swapped, columns, BG_AXES(1, 0)), "swapped axes");
    bg_tensor_destroy(whole);
    bg_tensor_destroy(columns);
    t->states[t->n_states] = swapped;
    t->state_nodes[t->n_states] = is_buffer ? bg_buffer(t->graph, swapped) : bg_parameter(t->graph, swapped);
    return t->state_nodes[t->n_states++];
}
static void strided_states(trial *t, const void *context)
{
    bg_node *w = strided_leaf(t, context, false), *v = strided_leaf(t, context, true), *u = leaf(t, context);
    bg_update(w, half(bg_add(v, u)));
    bg_update(v, bg_sub(w, bg_mean(w, BG_AXES(0))));
    bg_update(u, w);
    trial_output(t, w);
    trial_output(t, bg_mul(w, u));
}
/* Two halves of one tensor. */
static void halves(trial *t, const void *context)
{
    const extent *e = context;
    bg_tensor *whole;
    bg_node *parts[2];
    must(bg_tensor_create(&whole, t->engine, t->dtype, BG_SHAPE(2 * e->n[0], e->n[1])), "a tensor");
    for (int i = 0; i < 2; i++) {
        bg_tensor *part;
        must(bg_tensor_slice(&part, whole, 0, i * e->n[0], (i + 1) * e->n[0], 1), "half of a tensor");
        must(bg_tensor_fill(part, i + 0.5), "half of a tensor");
        t->states[t->n_states] = part;
        t->state_nodes[t->n_states++] = parts[i] = bg_parameter(t->graph, part);
    }
    bg_tensor_destroy(whole);
    bg_node *x = trial_input(t, bg_node_shape(parts[0]), -1, 1);
    bg_update(parts[0], bg_add(parts[1], x));
    bg_update(parts[1], parts[0]);
}

static const struct {
    const char *name;
    void (*build)(trial *t, const void *context);
    extent large; /* worth more than one thread, or with rows that are longer than a block */
} cases[] = {
    { "transposed self", transposed_self, { { 700, 700 } } },
    { "with transposed self", with_transposed_self, { { 500, 500 } } },
    { "transposed pair", transposed_pair, { { 500, 500 } } },
    { "other order", other_order, { { 400, 900 } } },
    { "turned rows", turned_rows, { { 900, 401 } } },
    { "turned columns", turned_columns, { { 3, 20001 } } },
    { "without last row", without_row, { { 700, 500 } } },
    { "without first row", without_first_row, { { 2, 200000 } } },
    { "without first column", without_column, { { 5, 60000 } } },
    { "without last column", without_last_column, { { 300, 1300 } } },
    { "without first row as column", without_diagonal, { { 600, 600 } } },
    { "row means", row_means, { { 60, 9001 } } },
    { "column means", column_means, { { 900, 500 } } },
    { "whole maximum", whole_maximum, { { 700, 500 } } },
    { "softmax of rows", softmax_rows, { { 80, 5000 } } },
    { "square of itself", square_of_itself, { { 130, 130 } } },
    { "product beside reduction", product_beside_reduction, { { 200, 301 } } },
    { "products of each other", products_of_each_other, { { 130, 130 } } },
    { "product with the old value", product_with_old, { { 130, 130 } } },
    { "step and outputs", step_and_outputs, { { 200, 130 } } },
    { "clipped step", clipped_step, { { 150, 150 } } },
    { "layer twice", layer_twice, { { 300, 500 } } },
    { "scalar and matrix", scalar_and_matrix, { { 700, 500 } } },
    { "with empty parameter", with_empty, { { 700, 500 } } },
    { "strided states", strided_states, { { 500, 301 } } },
    { "halves of a tensor", halves, { { 500, 701 } } },
};
enum { N_CASES = sizeof cases / sizeof *cases };

START_TEST(test_case)
{
    const extent smalls[] = { { { 5, 5 } }, { { 33, 33 } }, { { 1, 1 } } };
    trial_plan plan = { .name = cases[_i].name, .build = cases[_i].build, .seed = (uint64_t)_i + 1, .steps = 3 };
    for (size_t i = 0; i < sizeof smalls / sizeof *smalls; i++) {
        plan.context = &smalls[i];
        trial_check(&plan, BG_F64);
        trial_check(&plan, BG_F32);
    }
    plan.context = &cases[_i].large;
    plan.steps = 2;
    trial_check(&plan, BG_F64);
}
END_TEST

/* ---- Random graphs of updates ----
 * Square leaves of one size, so that everything fits everything; values stay within -1 .. 1. */

static bg_node *random_value(draw *d, bg_node *const *pool, int n)
{
    bg_node *x = pool[draw_below(d, n)], *y = pool[draw_below(d, n)];
    int64_t size = bg_node_shape(x).dims[0], at = draw_below(d, size);
    bg_node *parts[2];
    switch (draw_below(d, 16)) {
    case 0:
        return bg_transpose(x, 0, 1);
    case 1:
        return half(bg_add(x, y));
    case 2:
        return half(bg_sub(x, bg_transpose(y, 0, 1)));
    case 3:
        return bg_mul(x, y);
    case 4:
        return bg_tanh(bg_matmul(x, y));
    case 5:
        return half(bg_add(x, bg_mean(y, BG_AXES(0))));
    case 6:
        return half(bg_add(x, bg_reshape(bg_mean(y, BG_AXES(1)), BG_SHAPE(size, 1))));
    case 7:
        return bg_mul(x, bg_max(bg_abs(y), BG_ALL_AXES));
    case 8:
        return half(bg_sub(x, bg_slice(y, 0, at, at + 1, 1)));
    case 9:
        return half(bg_sub(x, bg_slice(y, 1, at, at + 1, 1)));
    case 10:
        parts[0] = bg_slice(x, 0, at, size, 1);
        parts[1] = bg_slice(y, 0, 0, at, 1);
        return bg_concat(parts, 2, 0);
    case 11:
        parts[0] = bg_slice(x, 1, at, size, 1);
        parts[1] = bg_slice(y, 1, 0, at, 1);
        return bg_concat(parts, 2, 1);
    case 12:
        return bg_tanh(x);
    case 13:
        return bg_neg(x);
    case 14:
        return bg_softmax(x, (int)draw_below(d, 2));
    default:
        return bg_sub_from(0.5, half(x));
    }
}

static void random_updates(trial *t, const void *context)
{
    enum { MOST = 24 };
    const int64_t *size = context;
    bg_node *pool[MOST];
    draw d = t->draw; /* of its own: the same graph for any size of the leaves */
    int n_states = 2 + (int)draw_below(&d, 4), n = 0;
    while (n < n_states) {
        bg_shape shape = BG_SHAPE(*size, *size);
        pool[n] = draw_below(&d, 2) ? trial_parameter(t, shape, -1, 1) : trial_buffer(t, shape, -1, 1);
        n++;
    }
    pool[n++] = trial_input(t, BG_SHAPE(*size, *size), -1, 1);
    int last = n + 3 + (int)draw_below(&d, MOST - n - 3);
    while (n < last) {
        pool[n] = random_value(&d, pool, n);
        n++;
    }
    for (int i = 0; i < n_states; i++)
        if (draw_below(&d, 5) > 0) {
            bg_node *built_on = draw_below(&d, 4) == 0 ? bg_updated(pool[draw_below(&d, n_states)]) : NULL;
            bg_node *value = pool[draw_below(&d, n)];
            bg_update(pool[i], built_on ? half(bg_add(built_on, value)) : value);
        }
    for (int64_t i = draw_below(&d, 4); i > 0; i--)
        trial_output(t, pool[draw_below(&d, n)]);
}

enum { N_RANDOM = 40, RANDOM_A_TEST = 10 };

START_TEST(test_random_updates)
{
    static const int64_t sizes[] = { 1, 3, 17, 66 };
    for (int i = 0; i < RANDOM_A_TEST; i++) {
        uint64_t seed = 1000 + (uint64_t)(_i * RANDOM_A_TEST + i);
        trial_plan plan = { "random updates", random_updates, &sizes[seed % 4], seed, 3 };
        trial_check(&plan, seed % 3 ? BG_F64 : BG_F32);
    }
}
END_TEST

/* ---- A step that fails ---- */

static const char *failing_name;
static atomic_int calls_to_failing;
static bool fails_now;

static bg_status same_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    *dtype = bg_node_dtype(bg_node_input(node, 0));
    *shape = bg_node_shape(bg_node_input(node, 0));
    return BG_OK;
}
static bg_status failing_call(const bg_call *call)
{
    atomic_fetch_add(&calls_to_failing, 1);
    const double *x = call->inputs[0];
    double *y = call->output;
    for (int64_t i = 0; i < call->last - call->first; i++)
        y[i] = x[i];
    return fails_now && call->first == 0 ? bg_fail(BG_ERR_NUMERIC, "failing: told to, at %s", failing_name) : BG_OK;
}
static int64_t every_element(const bg_node *node, int input)
{
    (void)input;
    return bg_shape_count(bg_node_shape(node));
}
static const bg_op failing_op = {
    .name = "failing", .arity = 1, .infer = same_infer, .call = failing_call, .units = every_element, .can_fail = true
};
static bg_node *failing(bg_node *x) { return bg_apply(&failing_op, &x, 1, NULL, 0); }

typedef struct {
    bg_engine *engine;
    bg_graph *graph;
    bg_program *program;
    bg_tensor *x_value, *classes_value, *states[4];
    bg_node *x, *classes, *w[2], *v[2], *loss;
} classifier;

/* Two layers with momentum. */
static void build_classifier(classifier *c, int64_t batch, int64_t hidden)
{
    const bg_shape shapes[] = { BG_SHAPE(hidden, 20), BG_SHAPE(10, hidden) };
    expect_ok(bg_graph_create(&c->graph, c->engine), "graph");
    for (int i = 0; i < 4; i++) {
        expect_ok(bg_tensor_create(&c->states[i], c->engine, BG_F64, shapes[i / 2]), "state");
        double *values = bg_tensor_data(c->states[i]);
        for (int64_t k = 0; k < bg_shape_count(shapes[i / 2]) && i % 2 == 0; k++)
            values[k] = sin((double)(k * 7 + i)) / 4;
    }
    for (int i = 0; i < 2; i++) {
        c->w[i] = bg_parameter(c->graph, c->states[2 * i]);
        c->v[i] = bg_buffer(c->graph, c->states[2 * i + 1]);
    }
    c->x = bg_input(c->graph, "x", BG_F64, BG_SHAPE(batch, 20));
    c->classes = bg_input(c->graph, "classes", BG_I64, BG_SHAPE(batch));
    expect_ok(bg_tensor_create(&c->x_value, c->engine, BG_F64, BG_SHAPE(batch, 20)), "x");
    expect_ok(bg_tensor_create(&c->classes_value, c->engine, BG_I64, BG_SHAPE(batch)), "classes");
    double *values = bg_tensor_data(c->x_value);
    int64_t *classes = bg_tensor_data(c->classes_value);
    for (int64_t i = 0; i < batch * 20; i++)
        values[i] = cos((double)i);
    for (int64_t i = 0; i < batch; i++)
        classes[i] = i % 10;
    c->loss = bg_linear(bg_tanh(bg_linear(c->x, c->w[0], NULL)), c->w[1], NULL);
}

static void add_steps(classifier *c)
{
    bg_node *d[2];
    expect_ok(bg_grad(c->loss, c->w, 2, d), "gradient");
    for (int i = 0; i < 2; i++) {
        bg_update(c->v[i], bg_add(bg_mul_scalar(c->v[i], 0.9), d[i]));
        bg_update(c->w[i], bg_sub(c->w[i], bg_mul_scalar(bg_updated(c->v[i]), 0.1)));
    }
    expect_ok(bg_compile(&c->program, c->graph, &c->loss, 1, NULL), "compile");
    expect_ok(bg_program_bind(c->program, c->x, c->x_value), "bind");
    expect_ok(bg_program_bind(c->program, c->classes, c->classes_value), "bind");
}

static uint64_t states_hash(const classifier *c)
{
    uint64_t hash = 0;
    for (int i = 0; i < 4; i++)
        hash = hash_tensor(hash, c->states[i]);
    return hash;
}

static void destroy_classifier(classifier *c)
{
    bg_program_destroy(c->program);
    bg_graph_destroy(c->graph);
    bg_tensor_destroy(c->x_value);
    bg_tensor_destroy(c->classes_value);
    for (int i = 0; i < 4; i++)
        bg_tensor_destroy(c->states[i]);
}

static const struct {
    int64_t batch, hidden;
} classifier_sizes[] = { { 3, 4 }, { 1, 5 }, { 100, 300 }, { 700, 64 } };
enum { N_CLASSIFIERS = sizeof classifier_sizes / sizeof *classifier_sizes };

static uint64_t reference_after_two_steps(int64_t batch, int64_t hidden)
{
    classifier c = { .engine = start_engine(1) };
    build_classifier(&c, batch, hidden);
    c.loss = bg_cross_entropy_loss(c.loss, c.classes, BG_MEAN);
    add_steps(&c);
    expect_ok(bg_program_run(c.program), "first step");
    expect_ok(bg_program_run(c.program), "second step");
    uint64_t hash = states_hash(&c);
    destroy_classifier(&c);
    bg_engine_destroy(c.engine);
    return hash;
}

/* A class out of range anywhere in the batch, in any of several runs, changes nothing; the next run with good data is
 * as if it had not been. */
START_TEST(test_class_out_of_range)
{
    static const int64_t wrong[] = { 10, -1, INT64_MAX, INT64_MIN, 266 };
    int64_t batch = classifier_sizes[_i].batch, hidden = classifier_sizes[_i].hidden;
    uint64_t reference = reference_after_two_steps(batch, hidden);
    for (int t = 0; t < N_THREAD_COUNTS; t++) {
        classifier c = { .engine = start_engine(thread_counts[t]) };
        build_classifier(&c, batch, hidden);
        c.loss = bg_cross_entropy_loss(c.loss, c.classes, BG_MEAN);
        add_steps(&c);
        expect_ok(bg_program_run(c.program), "a step");
        uint64_t before = states_hash(&c);
        for (int k = 0; k < 15; k++) {
            int64_t at = (k / 5) * (batch - 1) / 2, *classes = bg_tensor_data(c.classes_value), good = classes[at];
            char text[64];
            snprintf(text, sizeof text, "class %lld at [%lld] is outside 0 .. 9", (long long)wrong[k % 5],
                     (long long)at);
            classes[at] = wrong[k % 5];
            expect_failure(bg_program_run(c.program), BG_ERR_INDEX, text, "a class out of range");
            ck_assert_msg(states_hash(&c) == before, "%d threads, class %lld at %lld: the failed run left an effect",
                          thread_counts[t], (long long)wrong[k % 5], (long long)at);
            classes[at] = good;
        }
        expect_ok(bg_program_run(c.program), "the step after a failed one");
        ck_assert_msg(states_hash(&c) == reference, "%d threads: failed runs changed later ones", thread_counts[t]);
        destroy_classifier(&c);
        bg_engine_destroy(c.engine);
    }
}
END_TEST

/* Where the failing op stands among everything else. */
static bg_node *fail_aside(classifier *c, bg_node *scores)
{
    (void)c;
    return bg_add(scores, bg_stop_gradient(bg_mul_scalar(failing(scores), 0)));
}
static bg_node *fail_target(classifier *c, bg_node *scores)
{
    bg_update(c->v[0], failing(c->w[0]));
    bg_node *checked = bg_stop_gradient(bg_mul_scalar(bg_mean(bg_updated(c->v[0]), BG_ALL_AXES), 0));
    return bg_add(scores, checked);
}
static bg_node *failing_gradient(bg_node *node, int input, bg_node *dy) { return (void)node, (void)input, failing(dy); }
static bg_node *pass_on_compose(bg_node *node) { return bg_mul_scalar(bg_node_input(node, 0), 1); }
static const bg_op pass_on_op = {
    .name = "pass_on", .arity = 1, .infer = same_infer, .gradient = failing_gradient, .compose = pass_on_compose
};
static bg_node *fail_backward(classifier *c, bg_node *scores)
{
    return (void)c, bg_apply(&pass_on_op, &scores, 1, NULL, 0);
}
static bg_node *failing_again(bg_node *node, int input, bg_node *dy) { return (void)node, (void)input, dy; }
static const bg_op failing_smooth_op = { .name = "failing",
                                         .arity = 1,
                                         .infer = same_infer,
                                         .gradient = failing_again,
                                         .call = failing_call,
                                         .units = every_element,
                                         .can_fail = true };
static bg_node *fail_forward(classifier *c, bg_node *scores)
{
    return (void)c, bg_apply(&failing_smooth_op, &scores, 1, NULL, 0);
}

static const struct {
    const char *name;
    bg_node *(*insert)(classifier *c, bg_node *scores);
} failing_places[] = {
    { "the forward pass", fail_forward },
    { "the backward pass", fail_backward },
    { "a branch without gradient", fail_aside },
    { "the new value of a buffer", fail_target },
};
enum { N_PLACES = sizeof failing_places / sizeof *failing_places };

START_TEST(test_failing_op)
{
    failing_name = failing_places[_i].name;
    for (int s = 0; s < N_CLASSIFIERS; s++)
        for (int t = 0; t < N_THREAD_COUNTS; t++) {
            classifier c = { .engine = start_engine(thread_counts[t]) };
            build_classifier(&c, classifier_sizes[s].batch, classifier_sizes[s].hidden);
            bg_node *scores = failing_places[_i].insert(&c, c.loss);
            c.loss = bg_cross_entropy_loss(scores, c.classes, BG_MEAN);
            add_steps(&c);
            fails_now = false;
            expect_ok(bg_program_run(c.program), failing_name);
            uint64_t before = states_hash(&c);
            fails_now = true;
            for (int k = 0; k < 5; k++) {
                calls_to_failing = 0;
                expect_failure(bg_program_run(c.program), BG_ERR_NUMERIC, failing_name, failing_name);
                ck_assert_int_gt(calls_to_failing, 0);
                ck_assert_msg(states_hash(&c) == before, "%s, %d threads: the failed run left an effect", failing_name,
                              thread_counts[t]);
            }
            fails_now = false;
            expect_ok(bg_program_run(c.program), failing_name);
            ck_assert(states_hash(&c) != before);
            destroy_classifier(&c);
            bg_engine_destroy(c.engine);
        }
}
END_TEST

/* A failing step that nothing else depends on: an output only, beside updates that would be ready at once. */
START_TEST(test_failing_output)
{
    failing_name = "an output";
    for (int t = 0; t < N_THREAD_COUNTS; t++)
        for (int64_t n = 10; n <= 400000; n *= 200) {
            bg_engine *engine = start_engine(thread_counts[t]);
            bg_graph *graph;
            bg_program *program;
            bg_tensor *tensors[2];
            expect_ok(bg_graph_create(&graph, engine), "graph");
            for (int i = 0; i < 2; i++) {
                expect_ok(bg_tensor_create(&tensors[i], engine, BG_F64, BG_SHAPE(n)), "tensor");
                expect_ok(bg_tensor_fill(tensors[i], i + 1), "tensor");
            }
            bg_node *a = bg_parameter(graph, tensors[0]), *b = bg_parameter(graph, tensors[1]);
            bg_node *late = failing(bg_exp(bg_sub(a, bg_mean(bg_tanh(a), BG_ALL_AXES))));
            bg_update(a, b);
            bg_update(b, bg_add_scalar(a, 1));
            expect_ok(bg_compile(&program, graph, &late, 1, NULL), "compile");
            fails_now = true;
            expect_failure(bg_program_run(program), BG_ERR_NUMERIC, failing_name, failing_name);
            for (int64_t i = 0; i < n; i += 1 + n / 50)
                ck_assert(value_at(tensors[0], i) == 1 && value_at(tensors[1], i) == 2);
            fails_now = false;
            expect_ok(bg_program_run(program), failing_name);
            for (int64_t i = 0; i < n; i += 1 + n / 50)
                ck_assert(value_at(tensors[0], i) == 2 && value_at(tensors[1], i) == 2);
            bg_program_destroy(program);
            bg_graph_destroy(graph);
            bg_tensor_destroy(tensors[0]);
            bg_tensor_destroy(tensors[1]);
            bg_engine_destroy(engine);
        }
}
END_TEST

/* ---- Programs that share ---- */

static bg_engine *engine;
static bg_graph *graph;
static void set_up(void)
{
    engine = start_engine(2);
    expect_ok(bg_graph_create(&graph, engine), "graph");
}
static void tear_down(void)
{
    bg_graph_destroy(graph);
    bg_engine_destroy(engine);
}

static bg_tensor *filled(bg_dtype dtype, bg_shape shape, double value)
{
    bg_tensor *tensor = NULL;
    expect_ok(bg_tensor_create(&tensor, engine, dtype, shape), "a tensor");
    expect_ok(bg_tensor_fill(tensor, value), "a tensor");
    return tensor;
}

static bg_program *compiled(bg_graph *g, bg_node *const *outputs, size_t n)
{
    bg_program *program = NULL;
    expect_ok(bg_compile(&program, g, outputs, n, NULL), "compile");
    return program;
}

START_TEST(test_shared_parameter)
{
    bg_graph *second;
    bg_tensor *value = filled(BG_F64, BG_SHAPE(4), 1);
    expect_ok(bg_graph_create(&second, engine), "graph");
    bg_node *p = bg_parameter(graph, value), *q = bg_parameter(second, value);
    ck_assert(bg_parameter(graph, value) == p && p != q);
    bg_update(p, bg_add_scalar(p, 1));
    bg_update(q, bg_mul_scalar(q, 10));
    bg_program *add = compiled(graph, &p, 1), *multiply = compiled(second, &q, 1);
    /* What a graph gets after it was compiled belongs to the next program. */
    bg_update(p, bg_neg(p));
    bg_program *negate = compiled(graph, NULL, 0), *look = NULL;
    expect_ok(bg_compile(&look, graph, &p, 1, &(bg_compile_options){ .no_updates = true }), "compile");
    bg_graph_destroy(second);
    expect_ok(bg_program_run(add), "add");
    expect_ok(bg_program_run(multiply), "multiply");
    ck_assert(value_at(bg_program_output(multiply, 0), 3) == 2);
    expect_ok(bg_program_run(add), "add");
    ck_assert(value_at(value, 0) == 21);
    expect_ok(bg_program_run(negate), "negate");
    expect_ok(bg_program_run(look), "look");
    expect_ok(bg_program_run(look), "look");
    ck_assert(value_at(value, 0) == -21 && value_at(bg_program_output(look, 0), 3) == -21);
    ck_assert(value_at(bg_program_output(add, 0), 0) == 20); /* until its next run */
    ck_assert_ptr_null(bg_program_output(add, 1));
    bg_program_destroy(add);
    bg_program_destroy(multiply);
    bg_program_destroy(negate);
    bg_program_destroy(look);
    bg_tensor_destroy(value);
}
END_TEST

/* Integers, bytes and truth values as buffers. */
START_TEST(test_other_types)
{
    static const bg_dtype dtypes[] = { BG_F32, BG_I32, BG_I64, BG_U8, BG_BOOL };
    for (size_t k = 0; k < sizeof dtypes / sizeof *dtypes; k++)
        for (int64_t n = 0; n <= 500000; n = n ? n * 1000 : 500) {
            bg_graph *g;
            expect_ok(bg_graph_create(&g, engine), "graph");
            bg_tensor *one = filled(dtypes[k], BG_SHAPE(n), 1), *zero = filled(dtypes[k], BG_SHAPE(n), 0);
            bg_tensor *fresh = filled(dtypes[k], BG_SHAPE(n), 1);
            bg_node *a = bg_buffer(g, one), *b = bg_buffer(g, zero), *c = bg_buffer(g, fresh);
            bg_node *x = bg_input(g, "x", dtypes[k], BG_SHAPE(n));
            bg_update(a, b);
            bg_update(b, a);
            bg_update(c, x);
            bg_node *outputs[] = { a, x, bg_reshape(c, BG_SHAPE(n, 1)) };
            bg_program *program = compiled(g, outputs, 3);
            bg_tensor *value = filled(dtypes[k], BG_SHAPE(n), 0);
            expect_ok(bg_program_bind(program, x, value), "bind");
            expect_ok(bg_program_run(program), bg_dtype_name(dtypes[k]));
            for (int64_t i = 0; i < n; i += 1 + n / 7) {
                ck_assert(value_at(one, i) == 0 && value_at(zero, i) == 1 && value_at(fresh, i) == 0);
                ck_assert(value_at(bg_program_output(program, 0), i) == 1);
                ck_assert(value_at(bg_program_output(program, 1), i) == 0);
                ck_assert(value_at(bg_program_output(program, 2), i) == 1);
            }
            bg_program_destroy(program);
            bg_graph_destroy(g);
            bg_tensor_destroy(one);
            bg_tensor_destroy(zero);
            bg_tensor_destroy(fresh);
            bg_tensor_destroy(value);
        }
}
END_TEST

START_TEST(test_mask_buffer)
{
    bg_tensor *mask = filled(BG_BOOL, BG_SHAPE(3), 0), *value = filled(BG_F64, BG_SHAPE(3), 0.5);
    bg_node *m = bg_buffer(graph, mask), *v = bg_parameter(graph, value);
    bg_update(m, bg_greater(v, bg_broadcast(bg_scalar(graph, BG_F64, 0), BG_SHAPE(3))));
    bg_update(v, bg_where(m, bg_neg(v), bg_mul_scalar(v, 2)));
    bg_program *program = compiled(graph, &m, 1);
    expect_ok(bg_program_run(program), "first run");
    ck_assert(value_at(mask, 1) == 1 && value_at(value, 1) == 1);
    expect_ok(bg_program_run(program), "second run");
    ck_assert(value_at(mask, 1) == 1 && value_at(value, 1) == -1 && value_at(bg_program_output(program, 0), 0) == 1);
    expect_ok(bg_program_run(program), "third run");
    ck_assert(value_at(mask, 1) == 0 && value_at(value, 1) == 1);
    bg_program_destroy(program);
    bg_tensor_destroy(mask);
    bg_tensor_destroy(value);
}
END_TEST

/* ---- What is refused ---- */

START_TEST(test_overlapping_leaves)
{
    static const struct {
        const char *name;
        int axis;
        int64_t first[3], second[3]; /* start, stop, step */
        bool is_refused;
    } pairs[] = {
        { "rows in common", 0, { 0, 4, 1 }, { 3, 6, 1 }, true },
        { "rows side by side", 0, { 0, 3, 1 }, { 3, 6, 1 }, false },
        { "columns side by side", 1, { 0, 2, 1 }, { 2, 4, 1 }, false },
        { "columns in common", 1, { 0, 3, 1 }, { 2, 4, 1 }, true },
        { "even and odd columns", 1, { 0, 4, 2 }, { 1, 4, 2 }, false },
        { "even and all columns", 1, { 0, 4, 2 }, { 0, 4, 1 }, true },
        { "the same rows", 0, { 1, 3, 1 }, { 1, 3, 1 }, true },
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        for (int kinds = 0; kinds < 4; kinds++) {
            bg_graph *g;
            bg_tensor *whole = filled(BG_F32, BG_SHAPE(6, 4), 0), *first, *second;
            expect_ok(bg_graph_create(&g, engine), "graph");
            expect_ok(
                bg_tensor_slice(&first, whole, pairs[i].axis, pairs[i].first[0], pairs[i].first[1], pairs[i].first[2]),
                pairs[i].name);
            expect_ok(bg_tensor_slice(&second, whole, pairs[i].axis, pairs[i].second[0], pairs[i].second[1],
                                      pairs[i].second[2]),
                      pairs[i].name);
            ck_assert_ptr_nonnull(kinds & 1 ? bg_parameter(g, first) : bg_buffer(g, first));
            bg_node *node = kinds & 2 ? bg_parameter(g, second) : bg_buffer(g, second);
            if (pairs[i].is_refused)
                expect_failure(bg_graph_status(g), BG_ERR_OVERLAP, "shares memory", pairs[i].name);
            else
                ck_assert_msg(node != NULL, "%s: %s", pairs[i].name, bg_last_error());
            bg_graph_destroy(g);
            bg_tensor_destroy(first);
            bg_tensor_destroy(second);
            bg_tensor_destroy(whole);
        }
}
END_TEST

START_TEST(test_leaf_of_two_kinds)
{
    bg_tensor *value = filled(BG_F32, BG_SHAPE(2), 0);
    ck_assert_ptr_nonnull(bg_parameter(graph, value));
    ck_assert_ptr_null(bg_buffer(graph, value));
    expect_failure(bg_graph_status(graph), BG_ERR_ARGUMENT, "is a parameter of the graph", "two kinds");
    bg_tensor_destroy(value);
}
END_TEST

START_TEST(test_expanded_leaf)
{
    bg_tensor *value = filled(BG_F32, BG_SHAPE(1, 3), 0), *expanded;
    expect_ok(bg_tensor_expand(&expanded, value, BG_SHAPE(5, 3)), "expand");
    ck_assert_ptr_null(bg_parameter(graph, expanded));
    expect_failure(bg_graph_status(graph), BG_ERR_OVERLAP, "axis 0", "an expanded view");
    bg_tensor_destroy(value);
    bg_tensor_destroy(expanded);
}
END_TEST

START_TEST(test_binding)
{
    bg_tensor *state = filled(BG_F32, BG_SHAPE(4, 3), 1), *fixed = filled(BG_F32, BG_SHAPE(4, 3), 5);
    bg_node *w = bg_parameter(graph, state), *f = bg_parameter(graph, fixed);
    bg_node *x = bg_input(graph, "pictures", BG_F32, BG_SHAPE(4, 3)),
            *y = bg_input(graph, "labels", BG_F32, BG_SHAPE(3));
    bg_node *unused = bg_input(graph, "unused", BG_F32, BG_SHAPE(2));
    bg_node *sum = bg_add(bg_add(x, y), bg_add(w, f));
    bg_update(w, sum);
    bg_node *outputs[] = { sum, w };
    bg_program *program = compiled(graph, outputs, 2);
    bg_tensor *good = filled(BG_F32, BG_SHAPE(4, 3), 2), *labels = filled(BG_F32, BG_SHAPE(3), 3);
    bg_tensor *wide = filled(BG_F32, BG_SHAPE(4, 4), 0), *f64 = filled(BG_F64, BG_SHAPE(4, 3), 0);

    expect_failure(bg_program_run(program), BG_ERR_UNBOUND, "\"pictures\" [4, 3]", "nothing is bound");
    expect_ok(bg_program_bind(program, x, good), "good");
    expect_failure(bg_program_run(program), BG_ERR_UNBOUND, "\"labels\" [3]", "labels are not bound");
    ck_assert(value_at(state, 0) == 1);
    expect_ok(bg_program_bind(program, y, labels), "labels");
    expect_failure(bg_program_bind(program, x, wide), BG_ERR_SHAPE, "\"pictures\" is [4, 3], the tensor [4, 4]",
                   "wide");
    expect_failure(bg_program_bind(program, x, f64), BG_ERR_DTYPE, "\"pictures\" is f32, the tensor f64", "f64");
    expect_failure(bg_program_bind(program, w, good), BG_ERR_ARGUMENT, "not an input", "a parameter");
    expect_failure(bg_program_bind(program, NULL, good), BG_ERR_ARGUMENT, "NULL", "no input");
    expect_failure(bg_program_bind(NULL, x, good), BG_ERR_ARGUMENT, "NULL", "no program");
    expect_failure(bg_program_run(NULL), BG_ERR_ARGUMENT, "NULL", "no program");
    expect_ok(bg_program_bind(program, unused, NULL), "unused");
    expect_failure(bg_program_bind(program, unused, good), BG_ERR_SHAPE, "\"unused\" is [2]", "unused");

    /* What the program writes. */
    bg_tensor *part, *whole_view;
    expect_ok(bg_tensor_permute(&whole_view, state, BG_AXES(0, 1)), "view");
    expect_ok(bg_tensor_slice(&part, state, 0, 2, 3, 1), "slice");
    bg_tensor *part_flat;
    expect_ok(bg_tensor_reshape(&part_flat, part, BG_SHAPE(3)), "slice");
    expect_failure(bg_program_bind(program, x, state), BG_ERR_OVERLAP, "\"pictures\" shares memory with a parameter",
                   "the updated tensor");
    expect_failure(bg_program_bind(program, x, whole_view), BG_ERR_OVERLAP, "bg_buffer", "a view of it");
    expect_failure(bg_program_bind(program, y, part_flat), BG_ERR_OVERLAP, "\"labels\"", "a part of it");
    for (size_t i = 0; i < 2; i++) /* bound without a promise not to write: inputs are only read */
        expect_failure(bg_program_bind(program, x, (bg_tensor *)(uintptr_t)bg_program_output(program, i)),
                       BG_ERR_OVERLAP, "output", "an output");
    expect_ok(bg_program_bind(program, x, fixed), "a parameter that is only read");
    expect_ok(bg_program_bind(program, x, good), "the same input again");

    /* Refused calls have changed nothing. */
    expect_ok(bg_program_run(program), "run");
    ck_assert(value_at(bg_program_output(program, 0), 11) == 11 && value_at(bg_program_output(program, 1), 11) == 1);
    ck_assert(value_at(state, 11) == 11);

    /* Read at each run, also when the caller has let go of it. */
    expect_ok(bg_tensor_fill(good, 4), "new numbers");
    bg_tensor_destroy(good);
    bg_tensor_destroy(labels);
    expect_ok(bg_program_run(program), "run");
    ck_assert(value_at(state, 0) == 11 + 4 + 3 + 5);
    expect_ok(bg_program_bind(program, x, NULL), "unbind");
    expect_failure(bg_program_run(program), BG_ERR_UNBOUND, "\"pictures\"", "unbound");
    bg_program_destroy(program);
    bg_tensor *const rest[] = { state, fixed, wide, f64, part, whole_view, part_flat };
    for (size_t i = 0; i < sizeof rest / sizeof *rest; i++)
        bg_tensor_destroy(rest[i]);
}
END_TEST

/* Inputs of any strides: slices with steps, swapped axes, expanded, and the same tensor for two inputs. */
START_TEST(test_strided_inputs)
{
    bg_tensor *whole = filled(BG_F64, BG_SHAPE(6, 8), 0), *row = filled(BG_F64, BG_SHAPE(1, 3), 9);
    double *values = bg_tensor_data(whole);
    for (int i = 0; i < 48; i++)
        values[i] = i;
    bg_tensor *rows, *picked, *swapped, *expanded;
    expect_ok(bg_tensor_slice(&rows, whole, 0, 1, 6, 2), "rows");
    expect_ok(bg_tensor_slice(&picked, rows, 1, 0, 8, 3), "columns");
    expect_ok(bg_tensor_permute(&swapped, picked, BG_AXES(1, 0)), "swapped");
    expect_ok(bg_tensor_expand(&expanded, row, BG_SHAPE(3, 3)), "expanded");
    bg_node *x = bg_input(graph, "x", BG_F64, BG_SHAPE(3, 3)), *y = bg_input(graph, "y", BG_F64, BG_SHAPE(3, 3));
    bg_node *outputs[] = { bg_mul_scalar(x, 1), bg_sub(x, y), bg_matmul(x, y), x };
    bg_program *program = compiled(graph, outputs, 4);
    bg_tensor *const bound[][2] = {
        { picked, swapped }, { swapped, picked }, { expanded, picked }, { swapped, swapped }
    };
    for (int k = 0; k < 4; k++) {
        expect_ok(bg_program_bind(program, x, bound[k][0]), "x");
        expect_ok(bg_program_bind(program, y, bound[k][1]), "y");
        expect_ok(bg_program_run(program), "run");
        for (int64_t i = 0; i < 9; i++) {
            double product = 0, a = value_at(bound[k][0], i), b = value_at(bound[k][1], i);
            for (int64_t p = 0; p < 3; p++)
                product += value_at(bound[k][0], i / 3 * 3 + p) * value_at(bound[k][1], p * 3 + i % 3);
            ck_assert(value_at(bg_program_output(program, 0), i) == a);
            ck_assert(value_at(bg_program_output(program, 1), i) == a - b);
            ck_assert(value_at(bg_program_output(program, 2), i) == product);
            ck_assert(value_at(bg_program_output(program, 3), i) == a);
        }
    }
    bg_program_destroy(program);
    bg_tensor *const rest[] = { whole, row, rows, picked, swapped, expanded };
    for (size_t i = 0; i < sizeof rest / sizeof *rest; i++)
        bg_tensor_destroy(rest[i]);
}
END_TEST

/* A parameter that is a view: the elements beside it stay as they are. */
START_TEST(test_elements_beside_a_view)
{
    bg_tensor *whole = filled(BG_F32, BG_SHAPE(5, 7), 1), *rows, *view;
    expect_ok(bg_tensor_slice(&rows, whole, 0, 1, 4, 2), "rows");
    expect_ok(bg_tensor_slice(&view, rows, 1, 1, 7, 2), "columns");
    bg_node *w = bg_parameter(graph, view);
    bg_update(w, bg_add_scalar(w, 4));
    bg_program *program = compiled(graph, &w, 1);
    for (int i = 0; i < 3; i++)
        expect_ok(bg_program_run(program), "run");
    for (int64_t i = 0; i < 35; i++) {
        int64_t row = i / 7, column = i % 7;
        bool is_inside = (row == 1 || row == 3) && column % 2 == 1;
        ck_assert_msg(value_at(whole, i) == (is_inside ? 13 : 1), "element [%lld, %lld] is %g", (long long)row,
                      (long long)column, value_at(whole, i));
    }
    bg_program_destroy(program);
    bg_tensor_destroy(whole);
    bg_tensor_destroy(rows);
    bg_tensor_destroy(view);
}
END_TEST

/* ---- Ops of users ---- */

/* y[i, :] = x[i, :] * scale[i] + shift, with shift [columns] needed whole: split by rows. */
enum { MOST_ROWS = 4096 };
static atomic_int row_calls[MOST_ROWS];

static bg_status rows_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    *dtype = bg_node_dtype(bg_node_input(node, 0));
    *shape = bg_node_shape(bg_node_input(node, 0));
    if (shape->rank != 2)
        return bg_fail(BG_ERR_SHAPE, "scale_rows: x has rank %d, not 2", shape->rank);
    return BG_OK;
}
static int64_t rows_units(const bg_node *node, int input) { return input == 2 ? 1 : bg_node_shape(node).dims[0]; }
static bg_status rows_call(const bg_call *call)
{
    int64_t columns = bg_node_shape(call->node).dims[1];
    const double *x = call->inputs[0], *scale = call->inputs[1], *shift = call->inputs[2];
    double *y = call->output;
    for (int64_t i = 0; i < call->last - call->first; i++) {
        atomic_fetch_add(&row_calls[call->first + i], 1);
        for (int64_t j = 0; j < columns; j++)
            y[i * columns + j] = x[i * columns + j] * scale[i] + shift[j];
    }
    return BG_OK;
}
static const bg_op rows_op = {
    .name = "scale_rows", .arity = 3, .infer = rows_infer, .call = rows_call, .units = rows_units
};

/* Running sums over all elements, in one piece, with its own gradient; the attribute is the sign of the direction. */
static bg_status sums_call(const bg_call *call)
{
    const int64_t direction = *(const int64_t *)bg_node_attributes(call->node);
    int64_t count = bg_shape_count(bg_node_shape(call->node));
    const double *x = call->inputs[0];
    double *y = call->output, sum = 0;
    if (call->first != 0 || call->last != 1)
        return bg_fail(BG_ERR_ARGUMENT, "running_sums: units %lld to %lld", (long long)call->first,
                       (long long)call->last);
    for (int64_t i = 0; i < count; i++) {
        int64_t at = direction > 0 ? i : count - 1 - i;
        y[at] = sum += x[at];
    }
    return BG_OK;
}
static bg_node *running_sums(bg_node *x, int64_t direction);
static bg_node *sums_gradient(bg_node *node, int input, bg_node *dy)
{
    (void)input;
    return running_sums(dy, -*(const int64_t *)bg_node_attributes(node));
}
static const bg_op sums_op = {
    .name = "running_sums", .arity = 1, .infer = same_infer, .gradient = sums_gradient, .call = sums_call
};
static bg_node *running_sums(bg_node *x, int64_t direction)
{
    return bg_apply(&sums_op, &x, 1, &direction, sizeof direction);
}

/* x³ by composition; the second op's gradient is ten times the right one, so that one sees whose is used. */
static bg_node *cube_compose(bg_node *node)
{
    bg_node *x = bg_node_input(node, 0);
    return bg_mul(bg_square(x), x);
}
static bg_node *cube_gradient(bg_node *node, int input, bg_node *dy)
{
    return bg_mul_scalar(bg_mul(dy, bg_square(bg_node_input(node, input))), 3);
}
static bg_node *own_gradient(bg_node *node, int input, bg_node *dy)
{
    return bg_mul_scalar(cube_gradient(node, input, dy), 10);
}
static const bg_op cube_op = {
    .name = "cube", .arity = 1, .infer = same_infer, .compose = cube_compose, .gradient = cube_gradient
};
static const bg_op own_cube_op = {
    .name = "own_cube", .arity = 1, .infer = same_infer, .compose = cube_compose, .gradient = own_gradient
};

START_TEST(test_op_by_rows)
{
    static const int64_t shapes[][2] = { { 1, 1 }, { 3, 5 }, { 4096, 2 }, { 1500, 400 } };
    for (int t = 0; t < N_THREAD_COUNTS; t++)
        for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
            int64_t rows = shapes[s][0], columns = shapes[s][1];
            bg_engine *own = start_engine(thread_counts[t]);
            bg_graph *g;
            bg_program *program;
            bg_tensor *tensors[3];
            const bg_shape all[] = { BG_SHAPE(rows, columns), BG_SHAPE(rows), BG_SHAPE(columns) };
            expect_ok(bg_graph_create(&g, own), "graph");
            bg_node *nodes[3];
            for (int i = 0; i < 3; i++) {
                expect_ok(bg_tensor_create(&tensors[i], own, BG_F64, all[i]), "tensor");
                double *values = bg_tensor_data(tensors[i]);
                for (int64_t k = 0; k < bg_shape_count(all[i]); k++)
                    values[k] = (double)((k * 7 + i) % 11);
                nodes[i] = bg_parameter(g, tensors[i]);
            }
            /* Neighbours that fuse on both sides, and a tensor that the op changes itself. */
            bg_node *y =
                bg_apply(&rows_op, (bg_node *[]){ bg_add_scalar(nodes[0], 1), nodes[1], nodes[2] }, 3, NULL, 0);
            bg_node *z = bg_mul_scalar(y, 2);
            bg_update(nodes[0], y);
            expect_ok(bg_compile(&program, g, &z, 1, NULL), "compile");
            for (int64_t i = 0; i < rows; i++)
                row_calls[i] = 0;
            expect_ok(bg_program_run(program), "run");
            const double *got = bg_tensor_const_data(bg_program_output(program, 0));
            const double *now = bg_tensor_const_data(tensors[0]);
            int64_t k = 0, count = rows * columns;
            for (int64_t i = 0; i < rows && row_calls[i] == 1; i++)
                for (int64_t j = 0; j < columns; j++) {
                    double y_ij = ((double)(k * 7 % 11) + 1) * (double)((i * 7 + 1) % 11) + (double)((j * 7 + 2) % 11);
                    if (got[k] != 2 * y_ij || now[k] != y_ij)
                        break;
                    k++;
                }
            ck_assert_msg(k == count, "%d threads, [%lld, %lld]: row %lld was computed %d times, element %lld is %g",
                          thread_counts[t], (long long)rows, (long long)columns, (long long)(k / columns),
                          k < count ? (int)row_calls[k / columns] : 0, (long long)k, k < count ? got[k] : 0);
            bg_program_destroy(program);
            bg_graph_destroy(g);
            for (int i = 0; i < 3; i++)
                bg_tensor_destroy(tensors[i]);
            bg_engine_destroy(own);
        }
}
END_TEST

START_TEST(test_op_in_one_piece)
{
    enum { N = 1000 };
    bg_tensor *value = filled(BG_F64, BG_SHAPE(N), 1);
    bg_node *x = bg_parameter(graph, value), *dx, *weights;
    bg_tensor *numbers = filled(BG_F64, BG_SHAPE(N), 0);
    double *at = bg_tensor_data(numbers);
    for (int i = 0; i < N; i++)
        at[i] = i % 13;
    weights = bg_constant(graph, numbers);
    bg_node *sums = running_sums(x, 1);
    expect_ok(bg_grad(bg_sum(bg_mul(sums, weights), BG_ALL_AXES), &x, 1, &dx), "gradient");
    bg_node *outputs[] = { sums, dx };
    bg_program *program = compiled(graph, outputs, 2);
    expect_ok(bg_program_run(program), "run");
    double rest = 0;
    for (int i = N - 1; i >= 0; i--) {
        rest += i % 13;
        ck_assert(value_at(bg_program_output(program, 0), i) == i + 1);
        ck_assert(value_at(bg_program_output(program, 1), i) == rest);
    }
    bg_program_destroy(program);
    bg_tensor_destroy(value);
    bg_tensor_destroy(numbers);
}
END_TEST

START_TEST(test_op_by_composition)
{
    bg_tensor *value = filled(BG_F64, BG_SHAPE(3), 2);
    bg_node *x = bg_parameter(graph, value), *y[2], *d[2], *dd;
    y[0] = bg_apply(&cube_op, &x, 1, NULL, 0);
    y[1] = bg_apply(&own_cube_op, &x, 1, NULL, 0);
    for (int i = 0; i < 2; i++)
        expect_ok(bg_grad(bg_sum(y[i], BG_ALL_AXES), &x, 1, &d[i]), "gradient");
    expect_ok(bg_grad(bg_sum(d[0], BG_ALL_AXES), &x, 1, &dd), "second gradient");
    bg_node *outputs[] = { y[0], y[1], d[0], d[1], dd };
    static const double expected[] = { 8, 8, 12, 120, 12 };
    bg_program *program = compiled(graph, outputs, 5);
    expect_ok(bg_program_run(program), "run");
    for (size_t i = 0; i < 5; i++)
        ck_assert_msg(value_at(bg_program_output(program, i), 1) == expected[i], "output %zu is %g", i,
                      value_at(bg_program_output(program, i), 1));
    bg_program_destroy(program);
    bg_tensor_destroy(value);
}
END_TEST

START_TEST(test_op_without_gradient)
{
    bg_tensor *value = filled(BG_F64, BG_SHAPE(2, 2), 2);
    bg_node *x = bg_parameter(graph, value), *s = bg_slice(x, 0, 0, 1, 1), *d = x;
    bg_node *y =
        bg_apply(&rows_op, (bg_node *[]){ x, bg_reshape(s, BG_SHAPE(2)), bg_reshape(s, BG_SHAPE(2)) }, 3, NULL, 0);
    ck_assert_ptr_nonnull(y);
    expect_failure(bg_grad(bg_sum(y, BG_ALL_AXES), &x, 1, &d), BG_ERR_GRADIENT, "scale_rows", "an op without a rule");
    ck_assert_ptr_null(d);
    bg_tensor_destroy(value);
}
END_TEST

/* ---- */

static Suite *make_suite(void)
{
    Suite *suite = suite_create("effects");
    TCase *hand = tcase_create("by hand");
    tcase_add_loop_test(hand, test_by_hand, 0, N_HAND_CASES);
    suite_add_tcase(suite, hand);

    TCase *compared = tcase_create("compared");
    tcase_add_checked_fixture(compared, trial_set_up, trial_tear_down);
    tcase_add_loop_test(compared, test_case, 0, N_CASES);
    tcase_add_loop_test(compared, test_random_updates, 0, N_RANDOM);
    suite_add_tcase(suite, compared);

    TCase *failures = tcase_create("failures");
    tcase_add_loop_test(failures, test_class_out_of_range, 0, N_CLASSIFIERS);
    tcase_add_loop_test(failures, test_failing_op, 0, N_PLACES);
    tcase_add_test(failures, test_failing_output);
    suite_add_tcase(suite, failures);

    TCase *rest = tcase_create("leaves, inputs, ops");
    tcase_add_checked_fixture(rest, set_up, tear_down);
    tcase_add_test(rest, test_shared_parameter);
    tcase_add_test(rest, test_other_types);
    tcase_add_test(rest, test_mask_buffer);
    tcase_add_test(rest, test_overlapping_leaves);
    tcase_add_test(rest, test_leaf_of_two_kinds);
    tcase_add_test(rest, test_expanded_leaf);
    tcase_add_test(rest, test_binding);
    tcase_add_test(rest, test_strided_inputs);
    tcase_add_test(rest, test_elements_beside_a_view);
    tcase_add_test(rest, test_op_by_rows);
    tcase_add_test(rest, test_op_in_one_piece);
    tcase_add_test(rest, test_op_by_composition);
    tcase_add_test(rest, test_op_without_gradient);
    suite_add_tcase(suite, rest);
    return suite;
}

int main(void)
{
    SRunner *runner = srunner_create(make_suite());
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
