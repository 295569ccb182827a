/* Gradients of the loss of each sample, against the gradient of each loss by itself; their norms; what is refused. */
#include "support/expect.h"
#include "support/random_graph.h"
#include "support/suite.h"
#include "support/trial.h"

#include "graph/graph.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Models: losses [b] of parameters, which are the trial's states ---- */

static bg_node *parameter(trial *t, bg_shape shape) { return trial_parameter(t, shape, -0.7, 0.7); }
static bg_node *dense(trial *t, bg_node *x, int64_t width)
{
    bg_shape shape = bg_node_shape(x);
    bg_node *w = parameter(t, BG_SHAPE(width, shape.dims[shape.rank - 1]));
    return bg_linear(x, w, parameter(t, BG_SHAPE(width)));
}
static bg_node *layer_norm(trial *t, bg_node *x)
{
    bg_shape shape = bg_node_shape(x);
    bg_axes last = BG_AXES(-1);
    bg_node *centred = bg_sub(x, bg_keep(bg_mean(x, last), x, last));
    bg_node *scale = bg_keep(bg_rsqrt(bg_add_scalar(bg_mean(bg_square(centred), last), 1e-2)), x, last);
    bg_node *weight = parameter(t, BG_SHAPE(shape.dims[shape.rank - 1]));
    return bg_add(bg_mul(bg_mul(centred, scale), weight), parameter(t, BG_SHAPE(shape.dims[shape.rank - 1])));
}

static bg_node *mlp(trial *t, int64_t b)
{
    bg_node *x = trial_input(t, BG_SHAPE(b, 4), -1, 1), *classes = trial_classes(t, BG_SHAPE(b), 5);
    x = layer_norm(t, bg_tanh(dense(t, x, 8)));
    return bg_cross_entropy_loss(dense(t, bg_dropout(bg_gelu(dense(t, x, 6)), 0.3), 5), classes, BG_NONE);
}

static bg_node *cnn(trial *t, int64_t b)
{
    bg_node *x = trial_input(t, BG_SHAPE(b, 2, 8, 7), -1, 1), *target = trial_input(t, BG_SHAPE(b, 3), 0, 1);
    bg_node *w = parameter(t, BG_SHAPE(4, 2, 3, 3)), *v = parameter(t, BG_SHAPE(4, 2, 2, 2));
    x = bg_max_pool(bg_relu(bg_conv(x, w, parameter(t, BG_SHAPE(4)), &(bg_conv_options){ .padding = { 1, 1 } })),
                    BG_SHAPE(2, 2), NULL, NULL);
    x = bg_conv(x, v, parameter(t, BG_SHAPE(4)), &(bg_conv_options){ .groups = 2, .stride = { 1, 2 } });
    x = bg_avg_pool(bg_tanh(x), BG_SHAPE(2, 1), NULL);
    x = bg_conv_transpose(x, parameter(t, BG_SHAPE(4, 2, 2, 2)), parameter(t, BG_SHAPE(2)), NULL);
    x = bg_pad(bg_prelu(x, parameter(t, BG_SHAPE(2))),
               (bg_pad_options){ .value = 0.5, .before = { 0, 0, 1, 0 }, .after = { 0, 0, 0, 1 } });
    x = bg_reshape(x, BG_SHAPE(b, -1));
    return bg_mean(bg_bce_with_logits_loss(dense(t, x, 3), target, BG_NONE), BG_AXES(1));
}

/* [b, t, d] -> [b, heads, t, d / heads] */
static bg_node *heads_of(bg_node *x, int64_t heads)
{
    bg_shape s = bg_node_shape(x);
    return bg_permute(bg_reshape(x, BG_SHAPE(s.dims[0], s.dims[1], heads, -1)), BG_AXES(0, 2, 1, 3));
}
static bg_node *attention(trial *t, bg_node *x, int64_t heads)
{
    bg_shape s = bg_node_shape(x);
    bg_node *parts[3], *all = dense(t, x, 3 * s.dims[2]);
    ck_assert_int_eq(bg_chunk(all, 3, -1, parts), 3);
    for (int i = 0; i < 3; i++)
        parts[i] = heads_of(parts[i], heads);
    bg_node *scores = bg_mul_scalar(bg_matmul(parts[0], bg_transpose(parts[1], -1, -2)), 0.5);
    bg_node *mask = bg_broadcast(bg_scalar(t->graph, t->dtype, 1), BG_SHAPE(s.dims[1], s.dims[1]));
    scores = bg_masked_fill(scores, bg_equal(bg_tril(mask, 0), bg_scalar(t->graph, t->dtype, 0)), -1e9);
    bg_node *y = bg_permute(bg_matmul(bg_softmax(scores, -1), parts[2]), BG_AXES(0, 2, 1, 3));
    return dense(t, bg_reshape(y, s), s.dims[2]);
}
static bg_node *transformer(trial *t, int64_t b)
{
    const int64_t length = 3, width = 8, words = 7;
    bg_node *ids = trial_classes(t, BG_SHAPE(b, length), words), *next = trial_classes(t, BG_SHAPE(b, length), words);
    bg_node *table = parameter(t, BG_SHAPE(words, width)), *places = parameter(t, BG_SHAPE(length, width));
    bg_node *x = bg_add(bg_embedding(table, ids, 2), places);
    x = bg_add(x, attention(t, layer_norm(t, x), 2));
    x = bg_add(x, dense(t, bg_gelu(dense(t, layer_norm(t, x), 12)), width));
    bg_node *logits = bg_matmul(layer_norm(t, x), bg_transpose(table, 0, 1));
    return bg_mean(bg_cross_entropy_loss(logits, next, BG_NONE), BG_AXES(1));
}

/* An embedding by itself, of which each sample reads few rows. */
static bg_node *bag_of_words(trial *t, int64_t b)
{
    bg_node *table = parameter(t, BG_SHAPE(40, 6));
    bg_node *sum = bg_sum(bg_embedding(table, trial_classes(t, BG_SHAPE(b, 5), 4), -1), BG_AXES(1));
    return bg_sum(bg_square(sum), BG_AXES(1));
}

/* One weight, used at each step. */
static bg_node *recurrent(trial *t, int64_t b)
{
    bg_node *x = trial_input(t, BG_SHAPE(b, 5, 4), -1, 1), *w = parameter(t, BG_SHAPE(4, 4)),
            *bias = parameter(t, BG_SHAPE(4));
    bg_node *h = bg_broadcast(parameter(t, BG_SHAPE(4)), BG_SHAPE(b, 4));
    for (int i = 0; i < 5; i++)
        h = bg_tanh(bg_add(bg_linear(h, w, bias), bg_matmul(bg_select(x, 1, i), w)));
    return bg_sum(bg_square(h), BG_AXES(1));
}

/* Weights that are computed from parameters, by ops of all manners. */
static bg_node *made_weights(trial *t, int64_t b)
{
    bg_node *x = trial_input(t, BG_SHAPE(b, 6), -1, 1), *p = parameter(t, BG_SHAPE(6, 6)),
            *q = parameter(t, BG_SHAPE(6, 6));
    bg_node *low = bg_matmul(parameter(t, BG_SHAPE(6, 2)), parameter(t, BG_SHAPE(2, 6)));
    bg_node *halves[] = { bg_slice(p, 0, 0, 6, 2), bg_flip(bg_slice(q, 0, 1, 4, 1), BG_AXES(1)) };
    bg_node *w = bg_add(low, bg_concat(halves, 2, 0));
    w = bg_div(w, bg_add_scalar(bg_keep(bg_norm(q, BG_AXES(1), 2), q, BG_AXES(1)), 0.1));
    w = bg_add(w, bg_mul(bg_tril(p, 0), bg_softmax(bg_transpose(q, 0, 1), 0)));
    w = bg_add(w, bg_add(bg_diag_embed(bg_diagonal(p, 1, 0, 1), 1), bg_cumsum(q, 0)));
    w = bg_add(w, bg_roll(bg_softplus(p), 2, 1));
    w = bg_add(w, bg_mul(bg_sum(p, BG_AXES(0)), bg_keep(bg_max(q, BG_AXES(1)), q, BG_AXES(1))));
    w = bg_add(w, bg_mul(bg_std(p, BG_ALL_AXES, 1), bg_logsumexp(q, BG_AXES(0))));
    w = bg_add(w, bg_index_select(p, bg_arange(t->graph, BG_I64, 5, -1, -1), 1));
    w = bg_where(bg_greater(p, q), w, bg_maximum(bg_exp(p), bg_mul(w, q)));
    w = bg_add(w, bg_reshape(bg_reshape(bg_sin(q), BG_SHAPE(4, 9)), BG_SHAPE(6, 6)));
    return bg_sum(bg_square(bg_tanh(bg_matmul(x, w))), BG_AXES(1));
}

/* Samples along the second axis, and as columns of products. */
static bg_node *other_axes(trial *t, int64_t b)
{
    bg_node *x = trial_input(t, BG_SHAPE(4, b, 3), -1, 1), *w = parameter(t, BG_SHAPE(5, 3)),
            *v = parameter(t, BG_SHAPE(3, 5));
    bg_node *columns = bg_tanh(bg_matmul(w, bg_transpose(x, 1, 2))); /* [4, 5, b] */
    columns = bg_add(columns, bg_reshape(bg_exp(bg_reshape(columns, BG_SHAPE(2, 10, b))), BG_SHAPE(4, 5, b)));
    bg_node *more = bg_matmul(v, bg_mul(columns, parameter(t, BG_SHAPE(4, 5, 1)))); /* [4, 3, b] */
    bg_node *rows = bg_softmax(bg_permute(more, BG_AXES(2, 1, 0)), 1);              /* [b, 3, 4] */
    bg_node *picked = bg_index_select(rows, bg_arange(t->graph, BG_I64, 0, 4, 2), 2);
    bg_node *turned = bg_cumsum(bg_flip(bg_transpose(rows, 0, 2), BG_AXES(0)), 0); /* [4, 3, b] */
    bg_node *diagonal = bg_diagonal(turned, 0, 0, 1);                              /* [b, 3] */
    return bg_add(bg_sum(bg_square(picked), BG_AXES(1, 2)),
                  bg_prod(bg_mul(diagonal, bg_sum(v, BG_AXES(1))), BG_AXES(1)));
}

/* An op of a user: rows times a scale, with its own rule or as its composition says. */
static bg_status scaled_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    *dtype = bg_node_dtype(bg_node_input(node, 0));
    *shape = bg_node_shape(bg_node_input(node, 0));
    return BG_OK;
}
static bg_status scaled_call(const bg_call *call)
{
    bg_shape shape = bg_node_shape(call->node);
    const double *x = call->inputs[0], *scale = call->inputs[1];
    for (int64_t i = 0; i < (call->last - call->first) * shape.dims[1]; i++)
        ((double *)call->output)[i] = x[i] * x[i] * scale[i % shape.dims[1]];
    return BG_OK;
}
static bg_node *scaled_compose(bg_node *node)
{
    return bg_mul(bg_square(bg_node_input(node, 0)), bg_node_input(node, 1));
}
static bg_node *scaled_gradient(bg_node *node, int input, bg_node *dy)
{
    bg_node *x = bg_node_input(node, 0), *scale = bg_node_input(node, 1);
    return input == 0 ? bg_mul_scalar(bg_mul(bg_mul(dy, x), scale), 2) : bg_sum(bg_mul(dy, bg_square(x)), BG_AXES(0));
}
static int64_t scaled_units(const bg_node *node, int input) { return input == 1 ? 1 : bg_node_shape(node).dims[0]; }
static const bg_op scaled_op = { .name = "scaled",
                                 .arity = 2,
                                 .infer = scaled_infer,
                                 .call = scaled_call,
                                 .compose = scaled_compose,
                                 .gradient = scaled_gradient,
                                 .units = scaled_units };
static const bg_op bare_op = { .name = "bare",
                               .arity = 2,
                               .infer = scaled_infer,
                               .call = scaled_call,
                               .gradient = scaled_gradient,
                               .units = scaled_units };
static bg_node *ops_of_users(trial *t, int64_t b)
{
    bg_node *x = trial_input(t, BG_SHAPE(b, 4), -1, 1), *h = dense(t, x, 4), *scale = parameter(t, BG_SHAPE(4));
    bg_node *inputs[] = { h, scale }, *constants[] = { NULL, trial_input(t, BG_SHAPE(4), 0, 1) };
    constants[0] = bg_checkpoint(bg_tanh(bg_apply(&scaled_op, inputs, 2, NULL, 0)), &h, 1);
    return bg_sum(bg_apply(&bare_op, constants, 2, NULL, 0), BG_AXES(1));
}

/* Rows of what is computed of other data, the same for all samples, which choose among them. */
static bg_node *chosen_rows(trial *t, int64_t b)
{
    bg_node *memory = bg_tanh(dense(t, trial_input(t, BG_SHAPE(6, 5), -1, 1), 4)),
            *ids = trial_classes(t, BG_SHAPE(b), 6);
    bg_node *rows = bg_index_select(memory, ids, 0), *columns = bg_index_select(bg_transpose(memory, 0, 1), ids, 1);
    return bg_add(bg_sum(bg_square(rows), BG_AXES(1)), bg_sum(bg_exp(columns), BG_AXES(0)));
}

/* Nothing to learn from, one element, no elements. */
static bg_node *edges(trial *t, int64_t b)
{
    bg_node *x = trial_input(t, BG_SHAPE(b, 1), -1, 1), *w = parameter(t, BG_SHAPE(1, 1)), *s = parameter(t, BG_SCALAR);
    bg_node *none = parameter(t, BG_SHAPE(0, 3));
    parameter(t, BG_SHAPE(2, 3));
    bg_node *empty = bg_sum(bg_matmul(bg_broadcast(x, BG_SHAPE(b, 0)), none), BG_AXES(1));
    bg_node *y = bg_add(bg_mul(bg_tanh(bg_matmul(x, w)), s), bg_stop_gradient(s));
    return bg_add(bg_add(bg_reshape(y, BG_SHAPE(b)), empty), bg_square(s));
}

static const struct {
    const char *name;
    bg_node *(*build)(trial *t, int64_t b);
} models[] = { { "mlp", mlp },
               { "cnn", cnn },
               { "transformer", transformer },
               { "bag of words", bag_of_words },
               { "recurrent", recurrent },
               { "made weights", made_weights },
               { "other axes", other_axes },
               { "ops of users", ops_of_users },
               { "chosen rows", chosen_rows },
               { "edges", edges } };
enum { N_MODELS = sizeof models / sizeof *models };

/* ---- Running ---- */

static bg_program *run_trial(trial *t, const char *name)
{
    bg_program *program = NULL;
    expect_ok(bg_graph_status(t->graph), name);
    expect_ok(bg_compile(&program, t->graph, t->outputs, (size_t)t->n_outputs, NULL), name);
    for (int i = 0; i < t->n_inputs; i++)
        expect_ok(bg_program_bind(program, t->inputs[i].node, t->inputs[i].tensor), name);
    expect_ok(bg_program_run(program), name);
    return program;
}

static double item(const bg_tensor *tensor, int64_t i)
{
    double value = 0;
    expect_ok(bg_tensor_item(tensor, i, &value), "a number");
    return value;
}

static double error_of(double got, double expected) { return fabs(got - expected) / fmax(1, fabs(expected)); }

/* dxs [b, ..] and their squares against the gradient of each loss; the largest error. */
static double check(const char *name, const bg_program *program, const trial *t, int64_t b, double tolerance)
{
    double worst = 0;
    int n = t->n_states;
    for (int p = 0; p < n; p++) {
        const bg_tensor *all = bg_program_output(program, (size_t)p),
                        *squares = bg_program_output(program, (size_t)(n + p));
        int64_t count = bg_shape_count(bg_tensor_shape(t->states[p]));
        for (int64_t s = 0; s < b; s++) {
            const bg_tensor *one = bg_program_output(program, (size_t)((2 + s) * n + p));
            double square = 0;
            for (int64_t i = 0; i < count; i++) {
                double expected = item(one, i), got = item(all, s * count + i), error = error_of(got, expected);
                square += expected * expected;
                ck_assert_msg(error <= tolerance,
                              "%s, %lld samples: parameter %d, sample %lld, element %lld: %.17g, not %.17g", name,
                              (long long)b, p, (long long)s, (long long)i, got, expected);
                worst = fmax(worst, error);
            }
            double error = error_of(item(squares, s), square);
            ck_assert_msg(error <= tolerance, "%s, %lld samples: square of parameter %d, sample %lld: %.17g, not %.17g",
                          name, (long long)b, p, (long long)s, item(squares, s), square);
            worst = fmax(worst, error);
        }
    }
    return worst;
}

static double try_model(int model, int64_t b, bg_dtype dtype, double tolerance)
{
    const char *name = models[model].name;
    trial t = { .engine = trial_engine(), .dtype = dtype, .draw = draw_from(31 + (uint64_t)b) };
    expect_ok(bg_graph_create(&t.graph, t.engine), name);
    bg_node *losses = models[model].build(&t, b), *results[TRIAL_MOST];
    int n = t.n_states;
    ck_assert_int_lt((int)(2 + b) * n, 4 * TRIAL_MOST);
    bg_node *outputs[4 * TRIAL_MOST];
    int n_outputs = 0;
    expect_ok(bg_per_sample_grad(losses, t.state_nodes, (size_t)n, results), name);
    for (int p = 0; p < n; p++) {
        bg_shape shape = bg_node_shape(results[p]), own = bg_node_shape(t.state_nodes[p]);
        ck_assert_int_eq(shape.dims[0], b);
        ck_assert_int_eq(shape.rank, own.rank + 1);
        for (int i = 0; i < own.rank; i++)
            ck_assert_int_eq(shape.dims[i + 1], own.dims[i]);
        outputs[n_outputs++] = results[p];
    }
    expect_ok(bg_per_sample_grad_norms(losses, t.state_nodes, (size_t)n, results), name);
    for (int p = 0; p < n; p++) {
        ck_assert(bg_shape_equal(bg_node_shape(results[p]), BG_SHAPE(b)));
        outputs[n_outputs++] = results[p];
    }
    for (int64_t s = 0; s < b; s++) {
        expect_ok(bg_grad(bg_select(losses, 0, s), t.state_nodes, (size_t)n, outputs + n_outputs), name);
        n_outputs += n;
    }
    bg_program *program = NULL;
    expect_ok(bg_compile(&program, t.graph, outputs, (size_t)n_outputs, NULL), name);
    for (int i = 0; i < t.n_inputs; i++)
        expect_ok(bg_program_bind(program, t.inputs[i].node, t.inputs[i].tensor), name);
    expect_ok(bg_program_run(program), name);
    double worst = check(name, program, &t, b, tolerance);
    bg_program_destroy(program);
    trial_end(&t);
    return worst;
}

/* Numbers of samples that other extents are, or are multiples of. */
START_TEST(test_models)
{
    static const int64_t batches[] = { 1, 2, 3, 4, 5, 6 };
    double worst = 0, worst_f32 = 0;
    for (int i = 0; i < 6; i++)
        worst = fmax(worst, try_model(_i, batches[i], BG_F64, 1e-12));
    if (models[_i].build != ops_of_users)
        worst_f32 = try_model(_i, 3, BG_F32, 1e-4);
    printf("%-15s largest error %.2g, in f32 %.2g\n", models[_i].name, worst, worst_f32);
}
END_TEST

/* Random graphs, whose last value is summed to losses: refused, or right. */
START_TEST(test_random_graphs)
{
    int refused = 0, checked = 0;
    double worst = 0;
    for (uint64_t seed = 1; seed <= 400; seed++) {
        trial t = { .engine = trial_engine(), .dtype = BG_F64, .draw = draw_from(1000 * (uint64_t)_i + seed) };
        bg_node *xs[TRIAL_MOST], *results[TRIAL_MOST], *squares[TRIAL_MOST], *outputs[16 * TRIAL_MOST];
        bg_program *program = NULL;
        int n = 0, n_outputs = 0;
        expect_ok(bg_graph_create(&t.graph, t.engine), "graph");
        random_graph(&t, NULL);
        bg_shape shape = bg_node_shape(t.outputs[0]);
        for (int i = 0; i < t.n_states; i++)
            if (bgi_node_is(t.state_nodes[i], BGI_PARAMETER) && n < 12)
                xs[n++] = t.state_nodes[i];
        int64_t b = shape.rank > 0 ? shape.dims[0] : 0;
        bg_status status = BG_ERR_SHAPE;
        if (n > 0 && b > 1 && b < 10 && bg_shape_count(shape) > 0) {
            bg_node *rows = bg_reshape(t.outputs[0], BG_SHAPE(b, -1)), *losses = bg_sum(bg_square(rows), BG_AXES(1));
            status = bg_per_sample_grad(losses, xs, (size_t)n, results);
            if (!status)
                status = bg_per_sample_grad_norms(losses, xs, (size_t)n, squares);
            refused += status != BG_OK;
            ck_assert_msg(!status || status == BG_ERR_GRADIENT || status == BG_ERR_ARGUMENT, "seed %d: %s", (int)seed,
                          bg_last_error());
            for (int64_t s = 0; s < b && !status; s++, n_outputs += n)
                expect_ok(bg_grad(bg_select(losses, 0, s), xs, (size_t)n, outputs + n_outputs), "a gradient");
            for (int p = 0; p < n && !status; p++) {
                bg_node *alone[16];
                for (int64_t s = 0; s < b; s++)
                    alone[s] = outputs[s * n + p];
                bg_node *expected = bg_reshape(bg_stack(alone, (int)b, 0), BG_SHAPE(b, -1));
                bg_node *got = bg_reshape(results[p], BG_SHAPE(b, -1));
                bg_node *size = bg_add_scalar(bg_sum(bg_square(expected), BG_AXES(1)), 1);
                outputs[10 * TRIAL_MOST + p] = bg_div(bg_sum(bg_abs(bg_sub(got, expected)), BG_AXES(1)), size);
                outputs[11 * TRIAL_MOST + p] = bg_div(bg_abs(bg_sub(bg_add_scalar(squares[p], 1), size)), size);
            }
        }
        if (!status) {
            memmove(outputs, outputs + 10 * TRIAL_MOST, (size_t)n * sizeof *outputs);
            memmove(outputs + n, outputs + 11 * TRIAL_MOST, (size_t)n * sizeof *outputs);
            expect_ok(
                bg_compile(&program, t.graph, outputs, 2 * (size_t)n, &(bg_compile_options){ .no_updates = true }),
                "compile");
            for (int i = 0; i < t.n_inputs; i++)
                expect_ok(bg_program_bind(program, t.inputs[i].node, t.inputs[i].tensor), "bind");
            expect_ok(bg_program_run(program), "run");
            for (int64_t i = 0; i < 2 * n * b; i++) {
                double error = item(bg_program_output(program, (size_t)(i / b)), i % b);
                ck_assert_msg(error < 1e-10, "seed %d: error %g of %s %d, sample %d", 1000 * _i + (int)seed, error,
                              i / b < n ? "gradient" : "square", (int)(i / b) % n, (int)(i % b));
                worst = fmax(worst, error);
            }
            checked++;
        }
        bg_program_destroy(program);
        trial_end(&t);
    }
    printf("random graphs: %d checked, %d refused, largest error %.2g\n", checked, refused, worst);
    ck_assert_int_ge(checked, 20);
}
END_TEST

START_TEST(test_no_samples)
{
    trial t = { .engine = trial_engine(), .dtype = BG_F64, .draw = draw_from(1) };
    expect_ok(bg_graph_create(&t.graph, t.engine), "graph");
    bg_node *losses = mlp(&t, 0), *results[TRIAL_MOST];
    expect_ok(bg_per_sample_grad(losses, t.state_nodes, (size_t)t.n_states, results), "no samples");
    for (int p = 0; p < t.n_states; p++) {
        ck_assert_int_eq(bg_node_shape(results[p]).dims[0], 0);
        trial_output(&t, results[p]);
    }
    expect_ok(bg_per_sample_grad_norms(losses, t.state_nodes, (size_t)t.n_states, results), "no samples");
    for (int p = 0; p < t.n_states; p++)
        trial_output(&t, results[p]);
    bg_program_destroy(run_trial(&t, "no samples"));
    trial_end(&t);
}
END_TEST

/* Each gradient clipped to a norm over all parameters, then added up. */
START_TEST(test_clipped_sum)
{
    trial t = { .engine = trial_engine(), .dtype = BG_F64, .draw = draw_from(2) };
    expect_ok(bg_graph_create(&t.graph, t.engine), "graph");
    bg_node *losses = cnn(&t, 4), *dxs[TRIAL_MOST], *squares[TRIAL_MOST], *sums[TRIAL_MOST], *total = NULL;
    size_t n = (size_t)t.n_states;
    expect_ok(bg_per_sample_grad(losses, t.state_nodes, n, dxs), "gradients");
    expect_ok(bg_per_sample_grad_norms(losses, t.state_nodes, n, squares), "squares");
    for (size_t p = 0; p < n; p++)
        total = total ? bg_add(total, squares[p]) : squares[p];
    bg_node *one = bg_broadcast(bg_scalar(t.graph, BG_F64, 1), BG_SHAPE(4));
    bg_node *weights = bg_minimum(one, bg_div(bg_scalar(t.graph, BG_F64, 0.05), bg_sqrt(total)));
    expect_ok(bg_grad_from(&losses, &weights, 1, t.state_nodes, n, sums), "the weighted sum");
    for (size_t p = 0; p < n; p++) {
        bg_shape each = { .rank = bg_node_shape(dxs[p]).rank, .dims = { 4 } };
        for (int i = 1; i < each.rank; i++)
            each.dims[i] = 1;
        bg_node *expected = bg_sum(bg_mul(dxs[p], bg_reshape(weights, each)), BG_AXES(0));
        trial_output(&t, bg_max(bg_abs(bg_sub(expected, sums[p])), BG_ALL_AXES));
    }
    bg_program *program = run_trial(&t, "clipped sums");
    for (size_t p = 0; p < n; p++)
        ck_assert_double_le(item(bg_program_output(program, p), 0), 1e-14);
    bg_program_destroy(program);
    trial_end(&t);
}
END_TEST

/* An index out of range fails the run also where only norms are computed. */
START_TEST(test_index_out_of_range)
{
    trial t = { .engine = trial_engine(), .dtype = BG_F64, .draw = draw_from(3) };
    expect_ok(bg_graph_create(&t.graph, t.engine), "graph");
    bg_node *table = parameter(&t, BG_SHAPE(30, 2)), *ids = trial_classes(&t, BG_SHAPE(3, 2), 40), *results[2];
    bg_node *losses = bg_sum(bg_embedding(table, ids, -1), BG_AXES(1, 2));
    ((int32_t *)bg_tensor_data(t.inputs[0].tensor))[3] = 30;
    expect_ok(bg_per_sample_grad(losses, &table, 1, &results[0]), "gradient");
    expect_ok(bg_per_sample_grad_norms(losses, &table, 1, &results[1]), "squares");
    for (int i = 0; i < 2; i++) {
        bg_program *program = NULL;
        expect_ok(bg_compile(&program, t.graph, &results[i], 1, NULL), "compile");
        expect_ok(bg_program_bind(program, ids, t.inputs[0].tensor), "bind");
        expect_failure(bg_program_run(program), BG_ERR_INDEX, "outside 0 .. 29", "an index");
        bg_program_destroy(program);
    }
    trial_end(&t);
}
END_TEST

/* ---- Memory ---- */

static size_t planned(bool squares, int64_t b, int64_t rows, int64_t width)
{
    bg_graph *graph = NULL;
    bg_program *program = NULL;
    bg_tensor *tensors[4];
    bg_node *p[4], *results[4];
    expect_ok(bg_graph_create(&graph, trial_engine()), "graph");
    bg_node *x = bg_input(graph, "x", BG_F32, BG_SHAPE(b, rows, width));
    for (int i = 0; i < 4; i++) {
        expect_ok(bg_tensor_create(&tensors[i], trial_engine(), BG_F32, BG_SHAPE(width, width)), "weights");
        p[i] = bg_parameter(graph, tensors[i]);
        x = bg_tanh(bg_linear(x, p[i], NULL));
    }
    bg_node *losses = bg_sum(bg_square(x), BG_AXES(1, 2));
    expect_ok((squares ? bg_per_sample_grad_norms : bg_per_sample_grad)(losses, p, 4, results), "gradients");
    expect_ok(bg_compile(&program, graph, results, 4, NULL), "compile");
    bg_report report = bg_program_report(program);
    printf("%s of %lld samples of %lld rows, 4 layers of %lld: %zu bytes planned, %.3f GFLOP\n",
           squares ? "squares" : "gradients", (long long)b, (long long)rows, (long long)width, report.planned_bytes,
           report.flops / 1e9);
    bg_program_destroy(program);
    bg_graph_destroy(graph);
    for (int i = 0; i < 4; i++)
        bg_tensor_destroy(tensors[i]);
    return report.planned_bytes;
}

START_TEST(test_memory)
{
    static const int64_t rows[] = { 1, 16 };
    for (int i = 0; i < 2; i++) {
        size_t squares = planned(true, 64, rows[i], 128), gradients = planned(false, 64, rows[i], 128);
        ck_assert_msg(squares * 10 < gradients, "%zu bytes for squares, %zu for gradients", squares, gradients);
    }
}
END_TEST

/* ---- What is refused ---- */

typedef struct {
    bg_graph *graph, *other;
    bg_tensor *tensors[3];
    bg_node *x, *w, *v, *s, *ids;
    bg_node *h; /* [6, 4], of x and w */
} refused;

static bg_node *row_sums(bg_node *x) { return bg_sum(x, BG_AXES(1)); }
static bg_node *batch_norm(bg_node *x)
{
    bg_node *centred = bg_sub(x, bg_mean(x, BG_AXES(0)));
    return bg_div(centred, bg_sqrt(bg_add_scalar(bg_mean(bg_square(centred), BG_AXES(0)), 1e-5)));
}
/* The same as one op. */
static bg_node *batch_norm_compose(bg_node *node) { return batch_norm(bg_node_input(node, 0)); }
static const bg_op batch_norm_op = {
    .name = "batch_norm", .arity = 1, .infer = scaled_infer, .compose = batch_norm_compose
};

#define REFUSED(X)                                                                                                     \
    X(batch_norm, row_sums(batch_norm(r->h)), r->w, BG_ERR_GRADIENT, "per_sample_grad: sum: samples meet: [6, 4]")     \
    X(batch_norm_op, row_sums(bg_apply(&batch_norm_op, &r->h, 1, NULL, 0)), r->w, BG_ERR_GRADIENT,                     \
      "per_sample_grad: batch_norm: samples meet: [6, 4]")                                                             \
    X(mean, bg_sub(row_sums(r->h), bg_mean(r->h, BG_ALL_AXES)), r->w, BG_ERR_GRADIENT,                                 \
      "per_sample_grad: sum: samples meet: [6, 4]")                                                                    \
    X(similarity, row_sums(bg_matmul(r->h, bg_transpose(r->h, 0, 1))), r->w, BG_ERR_GRADIENT,                          \
      "per_sample_grad: matmul: samples meet: [6, 4]")                                                                 \
    X(softmax, row_sums(bg_softmax(r->h, 0)), r->w, BG_ERR_GRADIENT, "per_sample_grad: softmax: samples meet: [6, 4]") \
    X(cumsum, row_sums(bg_cumsum(r->h, 0)), r->w, BG_ERR_GRADIENT,                                                     \
      "per_sample_grad: cumsum: the samples cannot be told apart: [6, 4]")                                             \
    X(roll, row_sums(bg_roll(r->h, 1, 0)), r->w, BG_ERR_GRADIENT,                                                      \
      "per_sample_grad: segments: the samples cannot be told apart: [6, 4]")                                           \
    X(slice, row_sums(bg_slice(r->h, 0, 0, 3, 1)), r->w, BG_ERR_GRADIENT,                                              \
      "per_sample_grad: slice: the samples cannot be told apart: [3, 4]")                                              \
    X(reshape, row_sums(bg_reshape(bg_transpose(r->h, 0, 1), BG_SHAPE(6, 4))), r->w, BG_ERR_GRADIENT,                  \
      "per_sample_grad: reshape: the samples cannot be told apart: [6, 4]")                                            \
    X(transposed, row_sums(bg_transpose(bg_matmul(r->v, bg_transpose(r->h, 0, 1)), 0, 1)), r->h, BG_ERR_ARGUMENT,      \
      "per_sample_grad: xs[0] [6, 4] is divided among the samples")                                                    \
    X(scalar, bg_sum(r->h, BG_ALL_AXES), r->w, BG_ERR_SHAPE, "per_sample_grad: losses [] are not [samples]")           \
    X(matrix, r->h, r->w, BG_ERR_SHAPE, "per_sample_grad: losses [6, 4] are not [samples]")                            \
    X(integers, r->ids, r->w, BG_ERR_DTYPE, "per_sample_grad: losses are i64, not f32 or f64")                         \
    X(integer, row_sums(r->h), r->ids, BG_ERR_DTYPE, "per_sample_grad: xs[0] is i64, not f32 or f64")                  \
    X(bare, row_sums(bg_apply(&bare_op, (bg_node *[]){ r->h, r->s }, 2, NULL, 0)), r->s, BG_ERR_GRADIENT,              \
      "per_sample_grad: bare: has no gradient for each sample: [6, 4]")                                                \
    X(solve, row_sums(bg_squeeze(bg_solve(r->v, bg_unsqueeze(r->h, -1)), BG_AXES(-1))), r->w, BG_ERR_GRADIENT,         \
      "per_sample_grad: solve: has no gradient for each sample: [4, 6]")                                               \
    X(inv, bg_sum(bg_inv(bg_reshape(r->h, BG_SHAPE(6, 2, 2))), BG_AXES(1, 2)), r->w, BG_ERR_GRADIENT,                  \
      "per_sample_grad: inv: has no gradient for each sample: [6, 2, 2]")                                              \
    X(det, bg_det(bg_reshape(r->h, BG_SHAPE(6, 2, 2))), r->w, BG_ERR_GRADIENT,                                         \
      "per_sample_grad: det: has no gradient for each sample: [6]")                                                    \
    X(no_losses, (bg_node *)NULL, r->w, BG_ERR_ARGUMENT, "per_sample_grad: a node is NULL")                            \
    X(no_x, row_sums(r->h), (bg_node *)NULL, BG_ERR_ARGUMENT, "per_sample_grad: a node is NULL")                       \
    X(two_graphs, row_sums(r->h), bg_scalar(r->other, BG_F64, 1), BG_ERR_ARGUMENT,                                     \
      "per_sample_grad: nodes belong to different graphs")

static const struct {
    const char *name;
    bg_status status;
    const char *message;
} refusals[] = {
#define ROW(name, losses, x, status, message) { #name, status, message },
    REFUSED(ROW)
#undef ROW
};
enum { N_REFUSALS = sizeof refusals / sizeof *refusals };

static bg_status refuse(const refused *r, int number, bool squares, bg_node **result)
{
    bg_node *losses = NULL, *x = NULL;
    int i = 0;
#define RUN(name, losses_, x_, status, message)                                                                        \
    if (i++ == number) {                                                                                               \
        losses = losses_;                                                                                              \
        x = x_;                                                                                                        \
    }
    REFUSED(RUN)
#undef RUN
    return (squares ? bg_per_sample_grad_norms : bg_per_sample_grad)(losses, &x, 1, result);
}

START_TEST(test_refusals)
{
    for (int squares = 0; squares < 2; squares++) {
        refused r = { 0 };
        static const bg_shape shapes[] = { { 2, { 4, 5 } }, { 2, { 4, 4 } }, { 1, { 4 } } };
        bg_node *p[3], *result = NULL;
        expect_ok(bg_graph_create(&r.graph, trial_engine()), "graph");
        expect_ok(bg_graph_create(&r.other, trial_engine()), "graph");
        for (int i = 0; i < 3; i++) {
            expect_ok(bg_tensor_create(&r.tensors[i], trial_engine(), BG_F64, shapes[i]), "tensor");
            p[i] = bg_parameter(r.graph, r.tensors[i]);
        }
        r.w = p[0];
        r.v = p[1];
        r.s = p[2];
        r.x = bg_input(r.graph, "x", BG_F64, BG_SHAPE(6, 5));
        r.ids = bg_input(r.graph, "ids", BG_I64, BG_SHAPE(6));
        r.h = bg_linear(r.x, r.w, NULL);
        result = r.h;
        expect_failure(refuse(&r, _i, squares, &result), refusals[_i].status, refusals[_i].message, refusals[_i].name);
        ck_assert_ptr_null(result);
        expect_failure(bg_graph_status(r.graph), refusals[_i].status, refusals[_i].message, refusals[_i].name);
        bg_graph_destroy(r.graph);
        bg_graph_destroy(r.other);
        for (int i = 0; i < 3; i++)
            bg_tensor_destroy(r.tensors[i]);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("per_sample");
    TCase *numbers = tcase_create("numbers"), *refusing = tcase_create("refusing");
    tcase_add_checked_fixture(numbers, trial_set_up, trial_tear_down);
    tcase_add_checked_fixture(refusing, trial_set_up, trial_tear_down);
    tcase_add_loop_test(numbers, test_models, 0, N_MODELS);
    tcase_add_loop_test(numbers, test_random_graphs, 0, 3);
    tcase_add_test(numbers, test_no_samples);
    tcase_add_test(numbers, test_clipped_sum);
    tcase_add_test(numbers, test_index_out_of_range);
    tcase_add_test(numbers, test_memory);
    tcase_add_loop_test(refusing, test_refusals, 0, N_REFUSALS);
    suite_add_tcase(suite, numbers);
    suite_add_tcase(suite, refusing);
    return run_suite(suite);
}
