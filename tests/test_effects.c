/* Effects: every reader sees the values from before the run, and all updates take effect together. */
#include "support/expect.h"
#include "support/suite.h"
#include "support/trial.h"

#include <stdlib.h>

static const int thread_counts[] = { 1, 2, 4 };
enum { N_THREAD_COUNTS = 3 };

static bg_engine *start_engine(int threads)
{
    bg_engine *engine = NULL;
    expect_ok(bg_engine_create(&engine, &(bg_engine_options){ .threads = threads }), "an engine");
    return engine;
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
    return suite;
}

int main(void) { return run_suite(make_suite()); }
