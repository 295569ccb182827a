/* Recurrent layers at real sizes: the same bits for any number of threads, the same numbers as single steps, lengths,
 * dropout, layouts. */
#include "support/expect.h"
#include "support/suite.h"
#include "support/trial.h"

#include <math.h>

typedef enum { RNN, LSTM, GRU } network;
static const int64_t gates_of[] = { 1, 4, 3 };

typedef struct {
    const char *name;
    network kind;
    int64_t steps, batch, in, hidden, state, layers;
    bool both, has_lengths;
} layout;

static bg_recurrent_result run(network kind, bg_node *x, const bg_recurrent_weights *weights,
                               const bg_recurrent_options *o)
{
    return kind == LSTM  ? bg_lstm(x, NULL, NULL, weights, o)
           : kind == GRU ? bg_gru(x, NULL, weights, o)
                         : bg_rnn(x, NULL, weights, o);
}

/* ---- Threads ---- */

/* Trained a step or two: outputs, states and weights are compared with the naive evaluator, bits among threads. */
static void build_trained(trial *t, const void *context)
{
    const layout *l = context;
    int64_t d = l->both ? 2 : 1, g = gates_of[l->kind] * l->hidden;
    bg_recurrent_weights weights[4];
    for (int64_t i = 0; i < l->layers * d; i++) {
        weights[i] = (bg_recurrent_weights){ 0 };
        weights[i].weight_ih = trial_parameter(t, BG_SHAPE(g, i < d ? l->in : d * l->state), -0.4, 0.4);
        weights[i].weight_hh = trial_parameter(t, BG_SHAPE(g, l->state), -0.4, 0.4);
        weights[i].bias_ih = trial_parameter(t, BG_SHAPE(g), -0.4, 0.4);
        weights[i].bias_hh = trial_parameter(t, BG_SHAPE(g), -0.4, 0.4);
        if (l->state != l->hidden)
            weights[i].weight_hr = trial_parameter(t, BG_SHAPE(l->state, l->hidden), -0.4, 0.4);
    }
    bg_recurrent_options o = { .layers = l->layers, .is_bidirectional = l->both };
    if (l->has_lengths)
        o.lengths = trial_classes(t, BG_SHAPE(l->batch), l->steps + 1);
    bg_recurrent_result r = run(l->kind, trial_input(t, BG_SHAPE(l->steps, l->batch, l->in), -1, 1), weights, &o);
    bg_node *loss = bg_add(bg_sum(bg_square(r.output), BG_ALL_AXES), bg_sum(r.h, BG_ALL_AXES));
    trial_output(t, r.output);
    trial_output(t, r.h);
    if (r.c) {
        trial_output(t, r.c);
        loss = bg_add(loss, bg_sum(bg_square(r.c), BG_ALL_AXES));
    }
    trial_descend(t, loss, 0.01);
}
static const layout layouts[] = {
    { "rnn of 50", RNN, 4, 50, 5, 7, 7, 1, false, false },
    { "rnn of two layers, both directions", RNN, 3, 17, 3, 4, 4, 2, true, true },
    { "lstm of 50", LSTM, 3, 50, 5, 6, 6, 1, false, false },
    { "lstm of a thousand", LSTM, 2, 1000, 2, 3, 3, 1, false, false },
    { "lstm, lengths, both directions", LSTM, 4, 33, 3, 5, 5, 1, true, true },
    { "lstm of two layers, projected", LSTM, 3, 19, 3, 5, 2, 2, true, true },
    { "lstm, one sequence", LSTM, 6, 1, 3, 35, 35, 1, false, false },
    { "gru of 50", GRU, 4, 50, 5, 6, 6, 1, false, false },
    { "gru of two layers, lengths", GRU, 3, 20, 4, 5, 5, 2, false, true },
};
START_TEST(test_threads)
{
    trial_plan plan = { layouts[_i].name, build_trained, &layouts[_i], .seed = (uint64_t)_i + 1, .steps = 2 };
    trial_check(&plan, BG_F64);
    trial_check(&plan, BG_F32);
}
END_TEST

/* ---- Numbers ---- */

typedef struct {
    bg_engine *engine;
    bg_graph *graph;
    bg_dtype dtype;
    draw draw;
} world;

static world open_world(int threads, bg_dtype dtype)
{
    world w = { .dtype = dtype, .draw = draw_from(5) };
    must(bg_engine_create(&w.engine, &(bg_engine_options){ .threads = threads }), "engine");
    must(bg_graph_create(&w.graph, w.engine), "graph");
    return w;
}
static void close_world(world *w)
{
    bg_graph_destroy(w->graph);
    bg_engine_destroy(w->engine);
}
static bg_node *numbers(world *w, bg_shape shape, double size)
{
    int64_t count = bg_shape_count(shape);
    double *values = malloc(((size_t)count + 1) * sizeof *values);
    ck_assert_ptr_nonnull(values);
    for (int64_t i = 0; i < count; i++)
        values[i] = draw_between(&w->draw, -size, size);
    bg_tensor *tensor = tensor_of(w->engine, w->dtype, shape, values);
    bg_node *node = bg_parameter(w->graph, tensor);
    bg_tensor_destroy(tensor);
    free(values);
    return node;
}
static bg_node *integers(const world *w, bg_dtype dtype, const int64_t *values, int64_t n)
{
    double *wide = malloc(((size_t)n + 1) * sizeof *wide);
    ck_assert_ptr_nonnull(wide);
    for (int64_t i = 0; i < n; i++)
        wide[i] = (double)values[i];
    bg_tensor *tensor = tensor_of(w->engine, dtype, BG_SHAPE(n), wide);
    bg_node *node = bg_constant(w->graph, tensor);
    bg_tensor_destroy(tensor);
    free(wide);
    return node;
}
static bg_recurrent_weights weights_of(world *w, network kind, int64_t in, int64_t hidden)
{
    int64_t g = gates_of[kind] * hidden;
    double size = 1 / sqrt((double)hidden);
    bg_node *ih = numbers(w, BG_SHAPE(g, in), size), *hh = numbers(w, BG_SHAPE(g, hidden), size);
    return (bg_recurrent_weights){ ih, hh, numbers(w, BG_SHAPE(g), size), numbers(w, BG_SHAPE(g), size), NULL };
}
static bg_program *run_program(const world *w, bg_node *const *outputs, size_t n)
{
    bg_program *program = NULL;
    must(bg_compile(&program, w->graph, outputs, n, NULL), "compile");
    must(bg_program_run(program), "run");
    return program;
}
static double at(const bg_tensor *tensor, int64_t i)
{
    const void *data = bg_tensor_const_data(tensor);
    return bg_tensor_dtype(tensor) == BG_F64 ? ((const double *)data)[i] : (double)((const float *)data)[i];
}
static double difference(const bg_program *program, size_t a, size_t b)
{
    const bg_tensor *x = bg_program_output(program, a), *y = bg_program_output(program, b);
    double worst = 0;
    ck_assert(bg_shape_equal(bg_tensor_shape(x), bg_tensor_shape(y)));
    for (int64_t i = 0; i < bg_shape_count(bg_tensor_shape(x)); i++) {
        double error = fabs(at(x, i) - at(y, i));
        ck_assert_msg(error == error, "NaN at %lld", (long long)i);
        worst = fmax(worst, error);
    }
    return worst;
}

/* The layer's outputs and gradients are those of its cell, step by step: for our kernels and for OpenBLAS. */
static const layout whole[] = {
    { "rnn 100", RNN, 5, 37, 40, 100, 100, 1, false, false },
    { "lstm 256", LSTM, 3, 50, 64, 256, 256, 1, false, false },
    { "lstm 736", LSTM, 2, 20, 9, 736, 736, 1, false, false },
    { "gru 130", GRU, 4, 33, 10, 130, 130, 1, false, false },
    { "gru 850", GRU, 2, 18, 9, 850, 850, 1, false, false },
};
START_TEST(test_single_steps)
{
    const layout *l = &whole[_i / 2];
    world w = open_world(2, _i % 2 ? BG_F64 : BG_F32);
    bg_recurrent_weights weights = weights_of(&w, l->kind, l->in, l->hidden);
    bg_node *x = numbers(&w, BG_SHAPE(l->steps, l->batch, l->in), 1);
    bg_node *steps[8], *h = NULL, *c = NULL, *outputs[8], *sums[2];
    for (int64_t t = 0; t < l->steps; t++) {
        bg_node *now = bg_select(x, 0, t);
        bg_recurrent_result r = l->kind == LSTM  ? bg_lstm_cell(now, h, c, &weights)
                                : l->kind == GRU ? bg_gru_cell(now, h, &weights)
                                                 : bg_rnn_cell(now, h, &weights, false);
        steps[t] = h = r.h;
        c = r.c;
    }
    outputs[0] = run(l->kind, x, &weights, NULL).output;
    outputs[1] = bg_stack(steps, (int)l->steps, 0);
    bg_node *xs[3] = { x, weights.weight_hh, weights.bias_hh };
    for (int i = 0; i < 2; i++) {
        sums[i] = bg_sum(bg_square(outputs[i]), BG_ALL_AXES);
        must(bg_grad(sums[i], xs, 3, outputs + 2 + 3 * i), l->name);
    }
    bg_program *program = run_program(&w, outputs, 8);
    double tolerance = w.dtype == BG_F64 ? 1e-12 : 2e-4;
    ck_assert_msg(difference(program, 0, 1) <= tolerance / 20, "%s: outputs differ by %g", l->name,
                  difference(program, 0, 1));
    for (size_t i = 0; i < 3; i++)
        ck_assert_msg(difference(program, 2 + i, 5 + i) <= tolerance, "%s: gradients %zu differ by %g", l->name, i,
                      difference(program, 2 + i, 5 + i));
    bg_program_destroy(program);
    close_world(&w);
}
END_TEST

/* A batch in the other order of axes is the same batch. */
START_TEST(test_batch_first)
{
    world w = open_world(1, BG_F64);
    bg_recurrent_weights weights = weights_of(&w, GRU, 3, 5);
    bg_node *x = numbers(&w, BG_SHAPE(4, 21, 3), 1);
    bg_recurrent_options first = { .is_batch_first = true };
    bg_node *outputs[] = { bg_gru(x, NULL, &weights, NULL).output,
                           bg_transpose(bg_gru(bg_transpose(x, 0, 1), NULL, &weights, &first).output, 0, 1) };
    bg_program *program = run_program(&w, outputs, 2);
    ck_assert_msg(difference(program, 0, 1) == 0, "the layouts differ");
    bg_program_destroy(program);
    close_world(&w);
}
END_TEST

/* A sequence in a batch, shortened by its length, is that sequence alone. */
START_TEST(test_lengths)
{
    enum { STEPS = 5, BATCH = 4 };
    static const int64_t lengths[BATCH] = { 3, 0, 5, 1 };
    network kind = (network)_i;
    world w = open_world(2, BG_F64);
    bg_recurrent_weights weights[2] = { weights_of(&w, kind, 3, 4), weights_of(&w, kind, 3, 4) };
    bg_node *x = numbers(&w, BG_SHAPE(STEPS, BATCH, 3), 1);
    bg_recurrent_options o = { .is_bidirectional = true }, alone = o;
    o.lengths = integers(&w, kind == LSTM ? BG_I32 : BG_I64, lengths, BATCH);
    bg_recurrent_result all = run(kind, x, weights, &o);
    for (int i = 0; i < BATCH; i++) {
        bg_recurrent_result one = run(kind, bg_narrow(bg_narrow(x, 0, 0, lengths[i]), 1, i, 1), weights, &alone);
        bg_node *own = bg_narrow(all.output, 1, i, 1);
        bg_node *outputs[] = { bg_narrow(own, 0, 0, lengths[i]), one.output, bg_narrow(all.h, 1, i, 1), one.h,
                               bg_narrow(own, 0, lengths[i], STEPS - lengths[i]) };
        bg_program *program = run_program(&w, outputs, 5);
        ck_assert_msg(difference(program, 0, 1) <= 1e-15 && difference(program, 2, 3) <= 1e-15, "sequence %d", i);
        for (int64_t k = 0; k < (STEPS - lengths[i]) * 8; k++)
            ck_assert_msg(at(bg_program_output(program, 4), k) == 0, "sequence %d: not 0 behind its end", i);
        bg_program_destroy(program);
    }
    close_world(&w);
}
END_TEST

/* A length out of range ends the run before any update, also where there are no steps. */
START_TEST(test_wrong_lengths)
{
    static const struct {
        int64_t steps, lengths[3];
        const char *message;
    } rows[] = { { 2, { 2, 3, 0 }, "lengths: 3 at [1] is outside 0 .. 2" },
                 { 2, { 0, 0, -1 }, "lengths: -1 at [2] is outside 0 .. 2" },
                 { 0, { 0, 1, 0 }, "lengths: 1 at [1] is outside 0 .. 0" } };
    world w = open_world(2, BG_F32);
    bg_recurrent_weights weights = weights_of(&w, LSTM, 2, 3);
    bg_node *x = numbers(&w, BG_SHAPE(rows[_i].steps, 3, 2), 1), *dw;
    bg_recurrent_options o = { .lengths = integers(&w, BG_I32, rows[_i].lengths, 3) };
    bg_node *h = bg_lstm(x, NULL, NULL, &weights, &o).h, *sum = bg_sum(h, BG_ALL_AXES);
    must(bg_grad(sum, &weights.weight_ih, 1, &dw), "gradient");
    bg_update(weights.weight_ih, bg_sub_from(1, dw));
    bg_program *program = NULL;
    double before, after;
    must(bg_compile(&program, w.graph, &h, 1, NULL), "compile");
    must(bg_tensor_item(weights.weight_ih->tensor, 0, &before), "item");
    ck_assert_int_eq(bg_program_run(program), BG_ERR_INDEX);
    ck_assert_str_eq(bg_last_error(), rows[_i].message);
    must(bg_tensor_item(weights.weight_ih->tensor, 0, &after), "item");
    ck_assert_msg(before == after, "the failed run has changed a weight");
    bg_program_destroy(program);
    close_world(&w);
}
END_TEST

/* Dropout stands between layers: with probability 1 the second layer sees zeros, and one layer has none. */
START_TEST(test_dropout)
{
    world w = open_world(1, BG_F64);
    bg_recurrent_weights weights[2] = { weights_of(&w, GRU, 3, 3), weights_of(&w, GRU, 3, 3) };
    bg_node *x = numbers(&w, BG_SHAPE(4, 2, 3), 1), *zeros = bg_zeros(w.graph, BG_F64, BG_SHAPE(4, 2, 3));
    bg_recurrent_options two = { .layers = 2, .dropout = 1 }, one = { .dropout = 1 };
    bg_node *outputs[] = { bg_gru(x, NULL, weights, &two).output, bg_gru(zeros, NULL, weights + 1, NULL).output,
                           bg_gru(x, NULL, weights, &one).output, bg_gru(x, NULL, weights, NULL).output };
    bg_program *program = run_program(&w, outputs, 4);
    ck_assert_msg(difference(program, 0, 1) == 0, "the second layer sees the first");
    ck_assert_msg(difference(program, 2, 3) == 0, "one layer drops something");
    bg_program_destroy(program);
    close_world(&w);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("recurrent");
    TCase *threads = tcase_create("threads"), *numbers_alone = tcase_create("numbers");
    tcase_add_checked_fixture(threads, trial_set_up, trial_tear_down);
    tcase_add_loop_test(threads, test_threads, 0, (int)(sizeof layouts / sizeof *layouts));
    tcase_set_timeout(numbers_alone, 120);
    tcase_add_loop_test(numbers_alone, test_single_steps, 0, 2 * (int)(sizeof whole / sizeof *whole));
    tcase_add_test(numbers_alone, test_batch_first);
    tcase_add_loop_test(numbers_alone, test_lengths, RNN, GRU + 1);
    tcase_add_loop_test(numbers_alone, test_wrong_lengths, 0, 3);
    tcase_add_test(numbers_alone, test_dropout);
    suite_add_tcase(suite, threads);
    suite_add_tcase(suite, numbers_alone);
    return run_suite(suite);
}
