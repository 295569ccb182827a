/* Each family of ops, built, differentiated, compiled and run. */
#include "cycle.h"

/* Two parameters and an input of [4, 6], classes of its rows. The mean of what the scenario builds is descended. */
static bg_status family_graph(cycle *c)
{
    bg_status status = make_tensor(c, 1, BG_I64, BG_SHAPE(4));
    for (int i = 0; i < 4 && !status; i += i ? 1 : 2) /* 0, 2, 3 */
        status = make_tensor(c, i, c->scenario->dtype, BG_SHAPE(4, 6));
    if (!status)
        status = bg_graph_create(&c->graph, c->engine);
    if (status)
        return status;
    c->x = bg_input(c->graph, "x", c->scenario->dtype, BG_SHAPE(4, 6));
    c->y = bg_input(c->graph, "y", BG_I64, BG_SHAPE(4));
    for (int i = 0; i < 2; i++)
        c->w[i] = bg_parameter(c->graph, c->tensors[2 + i]);
    return finish_descent(c, bg_mean(c->scenario->build(c), BG_ALL_AXES), 2);
}

static bg_node *arithmetic(cycle *c)
{
    bg_node *p = c->w[0], *positive = bg_add_scalar(bg_square(c->w[1]), 1);
    bg_node *sum = bg_add(bg_div(p, positive), bg_sub(bg_sqrt(positive), bg_neg(bg_abs(p))));
    sum = bg_add(sum, bg_mul(bg_log(positive), bg_expm1(bg_mul_scalar(p, 0.1))));
    sum = bg_add(sum, bg_add(bg_log1p(positive), bg_sub_from(2, bg_exp(bg_neg(positive)))));
    return bg_add(sum, bg_mul(bg_erf(p), bg_sign(c->x)));
}
static bg_node *choices(cycle *c)
{
    bg_node *p = c->w[0], *q = c->w[1];
    bg_node *y = bg_where(bg_less(p, q), bg_mul(p, c->x), q);
    y = bg_add(y, bg_maximum(p, bg_minimum(q, c->x)));
    y = bg_where(bg_greater_equal(p, c->x), y, bg_stop_gradient(y));
    y = bg_add(y, bg_cast(bg_equal(p, q), bg_node_dtype(p)));
    return bg_where(bg_is_finite(y), y, bg_cast(bg_cast(y, BG_F32), c->scenario->dtype));
}
static bg_node *activations(cycle *c)
{
    bg_node *y = bg_relu(bg_add(c->w[0], c->x));
    y = bg_add(bg_tanh(y), bg_sigmoid(c->w[1]));
    return bg_add(bg_softplus(y), bg_add(bg_gelu(y), bg_gelu_tanh(y)));
}
static bg_node *reductions(cycle *c)
{
    bg_node *y = bg_add(bg_sum(c->w[0], BG_AXES(0)), bg_max(c->w[1], BG_AXES(0)));
    bg_node *rows = bg_add(bg_mean(bg_mul(c->w[0], c->x), BG_AXES(1)), bg_logsumexp(c->w[1], BG_AXES(1)));
    return bg_mul(bg_sum(y, BG_ALL_AXES), rows);
}
static bg_node *shapes(cycle *c)
{
    bg_node *halves[2] = { bg_slice(c->w[0], 1, 0, 6, 2), bg_slice(c->w[1], 1, 1, 6, 2) };
    bg_node *y = bg_reshape(bg_concat(halves, 2, 0), BG_SHAPE(2, 3, 4));
    y = bg_permute(y, BG_AXES(2, 0, 1));
    y = bg_mul(y, bg_broadcast(bg_reshape(bg_slice(c->x, 0, 0, 1, 1), BG_SHAPE(2, 3)), BG_SHAPE(4, 2, 3)));
    return bg_transpose(y, 0, 2);
}
static bg_node *products(cycle *c)
{
    bg_node *square = bg_matmul(c->w[0], bg_transpose(c->w[1], 0, 1));
    bg_node *batch = bg_matmul(bg_reshape(c->w[0], BG_SHAPE(2, 2, 6)), bg_reshape(c->w[1], BG_SHAPE(2, 6, 2)));
    bg_node *row = bg_sum(c->x, BG_AXES(0)), *column = bg_matmul(c->w[0], row);
    bg_node *y = bg_linear(bg_matmul(square, c->w[0]), c->w[1], column);
    return bg_add(y, bg_sum(batch, BG_ALL_AXES));
}
static bg_node *contractions(cycle *c)
{
    bg_node *chain[12];
    for (int i = 0; i < 12; i++)
        chain[i] = c->w[i % 2];
    bg_node *y = bg_einsum("ab,cb,cd,ed,ef,gf,gh,ih,ij,kj,kl,al->ab", chain, 12);
    y = bg_add(y, bg_einsum("ij,kj,kl->il", (bg_node *[]){ c->w[0], c->x, c->w[1] }, 3));
    bg_node *square = bg_tensordot(c->w[0], c->w[1], BG_AXES(1), BG_AXES(1));
    y = bg_add(y, bg_multi_dot((bg_node *[]){ square, bg_cdist(c->w[0], c->x, 2), c->w[1] }, 3));
    return bg_mul(y, bg_unsqueeze(bg_cosine_similarity(c->w[0], c->w[1], 1, 1e-8), 1));
}
/* Convolutions with their gradients, in groups and through matrix products, and what slides or resizes. */
static bg_node *windows(cycle *c)
{
    bg_conv_options padded = { .padding = { 1, 1 } }, in_groups = { .groups = 2 };
    bg_node *image = bg_reshape(c->w[0], BG_SHAPE(2, 2, 2, 3)), *indices;
    bg_node *y = bg_conv(image, bg_reshape(c->w[1], BG_SHAPE(2, 2, 3, 2)), NULL, &padded);
    y = bg_add(bg_max_pool(y, BG_SHAPE(2, 2), NULL, &indices), bg_avg_pool(y, BG_SHAPE(2, 2), NULL));
    y = bg_max_unpool(y, indices, BG_SHAPE(2, 4));
    y = bg_conv_transpose(y, bg_slice(image, 1, 0, 1, 1), NULL, &in_groups);
    return bg_fold(bg_unfold(bg_resize_linear(y, BG_SHAPE(2, 3), false), BG_SHAPE(2, 2), NULL), BG_SHAPE(2, 3),
                   BG_SHAPE(2, 2), NULL);
}
static bg_node *scores(cycle *c)
{
    bg_node *y = bg_add(bg_softmax(c->w[0], -1), bg_log_softmax(c->w[1], 0));
    return bg_gather_class(bg_add(y, c->x), c->y);
}
/* Two layers share running statistics and a count of batches. */
static bg_status running_tensors(cycle *c)
{
    bg_status status = make_tensor(c, 4, c->scenario->dtype, BG_SHAPE(6));
    if (!status)
        status = make_tensor(c, 5, c->scenario->dtype, BG_SHAPE(6));
    return status ? status : make_tensor(c, 6, BG_I64, BG_SCALAR);
}
static bg_node *normalizations(cycle *c)
{
    bg_node *mean = bg_buffer(c->graph, c->tensors[4]), *var = bg_buffer(c->graph, c->tensors[5]);
    bg_batch_norm_options options = { .batches = bg_buffer(c->graph, c->tensors[6]), .is_cumulative = true };
    bg_node *y = bg_batch_norm(c->w[0], NULL, NULL, mean, var, &options);
    y = bg_batch_norm(bg_mul(y, c->w[1]), NULL, NULL, mean, var, &options);
    y = bg_add(y, bg_layer_norm(bg_add(c->w[0], c->x), BG_AXES(1), bg_sum(c->w[1], BG_AXES(0)), NULL, 1e-2));
    y = bg_add(bg_rms_norm(y, BG_AXES(0), NULL, 1e-2), bg_group_norm(c->w[1], 3, NULL, NULL, 1e-2));
    return bg_local_response_norm(y, 3, 1, 0.75, 1);
}
static bg_node *losses(cycle *c)
{
    bg_node *l = bg_add(bg_l1_loss(c->w[0], c->x, BG_MEAN), bg_l2_loss(c->w[1], c->x, BG_SUM));
    l = bg_add(l, bg_mean(bg_bce_with_logits_loss(c->w[0], bg_sigmoid(c->x), BG_NONE), BG_ALL_AXES));
    return bg_add(l, bg_cross_entropy_loss(c->w[1], c->y, BG_MEAN));
}
/* With options, and of pairs and rows. */
static bg_node *losses_with_options(cycle *c)
{
    bg_node *weight = bg_sigmoid(bg_select(c->x, 0, 0)), *l;
    bg_cross_entropy_options entropy = { .weight = weight, .ignore_index = BG_SOME(0), .label_smoothing = 0.1 };
    bg_triplet_margin_options swap = { .has_swap = true };
    l = bg_add(bg_cross_entropy_loss_with(c->w[0], c->y, BG_SUM, &entropy), bg_huber_loss(c->w[1], c->x, BG_MEAN));
    l = bg_add(l, bg_multilabel_margin_loss(c->w[0], bg_cast(c->x, BG_I64), BG_MEAN));
    l = bg_add(l, bg_kl_div_loss(bg_log_softmax(c->w[1], -1), bg_softmax(c->x, -1), BG_BATCH_MEAN));
    l = bg_add(l, bg_gaussian_nll_loss(c->w[0], c->x, bg_square(c->w[1]), BG_MEAN, NULL));
    l = bg_add(l, bg_bce_loss_with(bg_sigmoid(c->w[1]), bg_sigmoid(c->x), BG_SUM, &(bg_bce_options){ weight }));
    l = bg_add(l, bg_cosine_similarity_loss(c->w[0], c->x, BG_MEAN));
    return bg_add(l, bg_triplet_margin_loss(c->x, c->w[0], c->w[1], BG_MEAN, &swap));
}
/* The loop, its gradient, and what the gradient of that unrolls. */
static bg_node *ctc(cycle *c)
{
    bg_node *y = bg_log_softmax(bg_reshape(c->w[0], BG_SHAPE(4, 2, 3)), -1), *dw = NULL;
    bg_node *targets = bg_ones(c->graph, BG_I64, BG_SHAPE(2, 2));
    bg_node *steps = bg_full(c->graph, BG_I64, BG_SHAPE(2), 4), *labels = bg_full(c->graph, BG_I64, BG_SHAPE(2), 2);
    bg_node *loss = bg_ctc_loss(y, targets, steps, labels, BG_MEAN, &(bg_ctc_options){ .zero_infinity = true });
    if (!loss || bg_grad(loss, c->w, 1, &dw))
        return NULL;
    return bg_add(bg_sum(bg_square(dw), BG_ALL_AXES), bg_add(loss, bg_mean(c->w[1], BG_ALL_AXES)));
}
/* Scores of all rows with all rows, and what they weigh. */
static bg_node *attention(cycle *c)
{
    bg_node *q = bg_matmul(c->x, bg_transpose(c->w[0], 0, 1)), *k = bg_matmul(c->x, bg_transpose(c->w[1], 0, 1));
    return bg_matmul(bg_softmax(bg_mul_scalar(bg_matmul(q, bg_transpose(k, 0, 1)), 0.5), -1), c->x);
}
/* By the op, with everything that it can have. */
static bg_node *attention_op(cycle *c)
{
    bg_node *q = bg_rotary_embedding(c->w[0], NULL), *k = bg_rotary_embedding(c->w[1], NULL);
    bg_attention_options o = { .mask = c->x ? bg_matmul(c->x, bg_transpose(c->w[1], 0, 1)) : NULL,
                               .is_causal = true,
                               .dropout = 0.3 };
    bg_node *y = bg_attention(q, k, c->x, &o);
    return bg_add(y, bg_masked_softmax(c->w[0], bg_less(c->w[1], c->x), 1));
}
/* The gradient of the shared parameter is a sum of products and of what its transposed use gives. */
static bg_node *weight_used_thrice(cycle *c)
{
    bg_node *w = c->w[0], *turned = bg_transpose(w, 0, 1);
    bg_node *y = bg_matmul(bg_tanh(bg_matmul(c->x, turned)), w);
    return bg_add(bg_linear(bg_relu(y), w, NULL), bg_sum(bg_square(c->w[1]), BG_ALL_AXES));
}
static bg_node *long_chain(cycle *c)
{
    bg_node *y = c->w[0];
    for (int i = 0; i < 24; i++)
        y = i % 3 ? bg_tanh(bg_add(y, c->w[i % 2])) : bg_mul(y, c->x);
    return y;
}
static bg_node *indices(cycle *c)
{
    bg_node *order = bg_argsort(c->x, 0, false), *places = NULL, *y = bg_scatter(c->w[0], order, c->w[1], 0);
    y = bg_scatter_add(y, bg_slice(order, 1, 0, 2, 1), c->w[1], 0);
    y = bg_cummax(y, 0, &places);
    y = bg_add(y, bg_take_along(c->w[1], places, 0));
    y = bg_masked_scatter(y, bg_greater(c->x, bg_take_along(c->x, order, 0)), c->w[0]);
    bg_node *middle = bg_median_along(y, 1, &places), *counts = bg_bincount(places, bg_nanmean(c->w[0], BG_AXES(1)), 6);
    return bg_add(bg_mul(bg_sum(counts, BG_ALL_AXES), middle), bg_median(c->w[0]));
}
static bg_node *running(cycle *c)
{
    bg_node *y = bg_cumprod(bg_logcumsumexp(c->w[0], 1), 0);
    return bg_add(bg_prod(bg_add(y, c->x), BG_AXES(0)), bg_prod(bg_diff(c->w[1], 1, 0), BG_AXES(0)));
}
static bg_node *constants(cycle *c)
{
    bg_node *k = bg_constant(c->graph, c->tensors[0]), *two = bg_scalar(c->graph, c->scenario->dtype, 2);
    bg_node *folded = bg_exp(bg_mul(bg_add(k, k), bg_neg(two)));
    return bg_add(bg_mul(folded, c->w[0]), bg_mul(c->w[1], two));
}
static bg_node *gradient_penalty(cycle *c)
{
    bg_node *y = bg_sum(bg_gelu(bg_matmul(c->x, bg_transpose(c->w[0], 0, 1))), BG_ALL_AXES), *dw = NULL;
    if (!y || bg_grad(y, c->w, 1, &dw))
        return NULL;
    return bg_add(bg_sum(bg_square(dw), BG_ALL_AXES), bg_mean(c->w[1], BG_ALL_AXES));
}
static bg_node *several_roots(cycle *c)
{
    bg_node *ys[2] = { bg_tanh(bg_mul(c->w[0], c->w[1])), bg_softmax(c->w[0], 1) };
    bg_node *cotangents[2] = { c->x, bg_square(c->x) }, *d[2];
    if (!ys[0] || !ys[1] || !cotangents[0] || !cotangents[1] || bg_grad_from(ys, cotangents, 2, c->w, 2, d))
        return NULL;
    return bg_add(d[0], d[1]);
}
/* The loop, its gradient, and what the gradient of that unrolls. */
static bg_node *recurrent(cycle *c)
{
    bg_node *ih = bg_slice(c->w[0], 1, 0, 1, 1), *hh = bg_slice(c->w[0], 0, 0, 1, 1);
    bg_recurrent_weights w = { .weight_ih = ih, .weight_hh = bg_reshape(bg_slice(hh, 1, 0, 4, 1), BG_SHAPE(4, 1)) };
    bg_recurrent_options o = { .lengths = c->y };
    bg_node *x = bg_reshape(c->x, BG_SHAPE(6, 4, 1)), *dw = NULL;
    bg_node *y = bg_sum(bg_lstm(x, NULL, NULL, &w, &o).output, BG_ALL_AXES);
    if (!y || bg_grad(y, c->w, 1, &dw))
        return NULL;
    return bg_add(bg_sum(bg_square(dw), BG_ALL_AXES), bg_add(y, bg_mean(c->w[1], BG_ALL_AXES)));
}

/* ---- Transforms ---- */

/* Parts that are computed again, one within the other, that draw numbers; the inner one's gradient is descended. */
static bg_node *checkpoints(cycle *c)
{
    bg_node *x = bg_tanh(bg_add(c->w[0], c->x)), *inner = bg_dropout(bg_mul(x, c->w[1]), 0.5), *dx = NULL;
    bg_node *y = bg_sigmoid(bg_checkpoint(bg_tanh(inner), &x, 1));
    y = bg_checkpoint(bg_mul(y, x), &x, 1);
    if (y && !bg_grad(bg_sum(bg_square(y), BG_ALL_AXES), &x, 1, &dx))
        return bg_add(y, bg_square(dx));
    return NULL;
}

static bg_node *forward(cycle *c)
{
    bg_node *ys[2] = { bg_tanh(bg_mul(c->w[0], c->w[1])), bg_softmax(bg_mul(c->w[0], c->x), 1) }, *dys[2];
    bg_node *tangents[2] = { c->x, bg_square(c->w[1]) };
    if (!ys[0] || !ys[1] || !tangents[1] || bg_jvp(ys, 2, c->w, tangents, 2, dys))
        return NULL;
    return bg_add(dys[0], dys[1]);
}
static bg_node *curvature(cycle *c)
{
    bg_node *y = bg_sum(bg_gelu(bg_matmul(c->x, bg_transpose(bg_mul(c->w[0], c->w[1]), 0, 1))), BG_ALL_AXES);
    bg_node *vs[2] = { bg_sin(c->x), c->x }, *products[2];
    if (!y || !vs[0] || bg_hvp(y, c->w, vs, 2, products))
        return NULL;
    return bg_add(products[0], products[1]);
}
/* On a graph of its own, as one that memory has run out for is of no more use; the points have their values again. Of
 * the first graph a gradient is wrong: differences see what is stopped. */
static bg_status checked(cycle *c)
{
    bg_graph *graph = NULL;
    bg_status status = bg_graph_create(&graph, c->engine);
    if (status)
        return status;
    bg_node *x = bg_input(graph, "x", BG_F64, BG_SHAPE(4, 6)), *w[2], *ys[2];
    for (int i = 0; i < 2; i++)
        w[i] = bg_parameter(graph, c->tensors[2 + i]);
    ys[0] = bg_tanh(bg_matmul(x, bg_transpose(w[0], 0, 1)));
    ys[1] = bg_relu(bg_sub(w[1], bg_stop_gradient(bg_slice(w[1], 1, 0, 1, 1))));
    bg_gradcheck_options o = { .inputs = &x, .values = c->tensors, .n_inputs = 1, .elements = 2, .directions = 1 };
    bg_gradcheck_report report;
    status = bg_graph_status(graph);
    if (!status)
        status = expected_to_fail(bg_gradcheck(ys, 2, w, 2, &o, &report), BG_ERR_GRADIENT);
    ys[1] = bg_mul(ys[0], bg_relu(bg_matmul(w[1], bg_transpose(x, 0, 1))));
    if (!status)
        status = bg_graph_status(graph);
    if (!status)
        status = bg_gradcheck(ys, 2, w, 2, &o, &report);
    c->hash += status ? 0 : (uint64_t)report.derivatives;
    bg_graph_destroy(graph);
    return status;
}
static bg_status points(cycle *c)
{
    bg_status status = make_tensor(c, 0, BG_F64, BG_SHAPE(4, 6));
    for (int i = 2; i < 4 && !status; i++)
        status = make_tensor(c, i, BG_F64, BG_SHAPE(4, 6));
    return status;
}

/* Through a product, a bias, chosen rows, a composition, and weights that are computed. */
static bg_node *samples(cycle *c, bool squares)
{
    bg_node *w = bg_mul(bg_transpose(c->w[0], 0, 1), bg_tanh(bg_transpose(c->w[1], 0, 1))), *results[2] = { NULL };
    bg_node *h = bg_add(bg_matmul(c->x, w), bg_sum(c->w[1], BG_AXES(1)));
    h = bg_add(bg_softmax(h, 1), bg_index_select(bg_transpose(c->w[0], 0, 1), c->y, 0));
    bg_node *losses = bg_add(bg_sum(bg_square(h), BG_AXES(1)), bg_norm(bg_matmul(c->x, w), BG_AXES(1), 2));
    if (!losses || (squares ? bg_per_sample_grad_norms : bg_per_sample_grad)(losses, c->w, 2, results))
        return NULL;
    return bg_add(bg_sum(results[0], BG_ALL_AXES), bg_sum(bg_square(results[1]), BG_ALL_AXES));
}
static bg_node *gradients_of_samples(cycle *c) { return samples(c, false); }
static bg_node *squares_of_samples(cycle *c) { return samples(c, true); }

/* ---- Ops of users ---- */

static bg_status own_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    *dtype = bg_node_dtype(bg_node_input(node, 0));
    *shape = bg_node_shape(bg_node_input(node, 0));
    return BG_OK;
}
static bg_status own_call(const bg_call *call)
{
    const double *x = call->inputs[0];
    double *y = call->output;
    for (int64_t i = 0; i < bg_shape_count(bg_node_shape(call->node)); i++)
        y[i] = x[i] + 1;
    return BG_OK;
}
static bg_status refusing_call(const bg_call *call)
{
    (void)call;
    return bg_fail(BG_ERR_NUMERIC, "refusing: as it always does");
}
static bg_node *own_gradient(bg_node *node, int input, bg_node *dy)
{
    (void)node;
    (void)input;
    return dy;
}
static bg_node *own_composition(bg_node *node)
{
    const double *factor = bg_node_attributes(node);
    return bg_mul_scalar(bg_tanh(bg_node_input(node, 0)), *factor);
}
static bg_node *composed_gradient(bg_node *node, int input, bg_node *dy)
{
    (void)input;
    const double *factor = bg_node_attributes(node);
    return bg_mul_scalar(bg_mul(dy, bg_sub_from(1, bg_square(bg_tanh(bg_node_input(node, 0))))), *factor);
}
static const bg_op own_op = {
    .name = "own", .arity = 1, .infer = own_infer, .call = own_call, .gradient = own_gradient
};
static const bg_op composed_op = {
    .name = "composed", .arity = 1, .infer = own_infer, .compose = own_composition, .gradient = composed_gradient
};
static const bg_op refusing_op = {
    .name = "refusing", .arity = 1, .infer = own_infer, .call = refusing_call, .gradient = own_gradient
};

static bg_node *ops_of_users(cycle *c)
{
    const double factor = 0.5;
    bg_node *swapped = bg_transpose(c->w[0], 0, 1);
    bg_node *y = bg_transpose(bg_apply(&own_op, &swapped, 1, "attribute", 9), 0, 1);
    return bg_apply(&composed_op, &(bg_node *){ bg_add(y, c->w[1]) }, 1, &factor, sizeof factor);
}
static bg_node *refusing(cycle *c) { return bg_add(bg_apply(&refusing_op, &c->w[0], 1, NULL, 0), bg_tanh(c->w[1])); }
static bg_status refused_run(cycle *c) { return expected_to_fail(bg_program_run(c->program), BG_ERR_NUMERIC); }

#define FAMILY(function, type)                                                                                         \
    .build = (function), .dtype = (type), .stages = { engine_1, family_graph, compile, bind_x_and_y, run, run }
#define FAMILY_ON_TWO(function, type)                                                                                  \
    .build = (function), .dtype = (type), .stages = { engine_2, family_graph, compile, bind_x_and_y, run, run }

const scenario family_scenarios[] = {
    { .name = "arithmetic", FAMILY(arithmetic, BG_F64) },
    { .name = "choices", FAMILY(choices, BG_F64) },
    { .name = "activations", FAMILY(activations, BG_F64) },
    { .name = "reductions", FAMILY(reductions, BG_F64) },
    { .name = "shapes", FAMILY(shapes, BG_F64) },
    { .name = "products", FAMILY(products, BG_F64) },
    { .name = "contractions", FAMILY(contractions, BG_F32) },
    { .name = "windows", FAMILY(windows, BG_F64) },
    { .name = "scores", FAMILY(scores, BG_F64) },
    { .name = "normalizations",
      .stages = { engine_1, running_tensors, family_graph, compile, bind_x_and_y, run, run },
      .build = normalizations,
      .dtype = BG_F64 },
    { .name = "losses", FAMILY(losses, BG_F64) },
    { .name = "losses with options", FAMILY(losses_with_options, BG_F64) },
    { .name = "ctc", FAMILY(ctc, BG_F64) },
    { .name = "attention, the op", FAMILY(attention_op, BG_F32) },
    { .name = "attention on two threads", FAMILY_ON_TWO(attention, BG_F32) },
    { .name = "weight used three times", FAMILY(weight_used_thrice, BG_F32) },
    { .name = "long chain on two threads", FAMILY_ON_TWO(long_chain, BG_F32) },
    { .name = "indices", FAMILY(indices, BG_F64) },
    { .name = "running products", FAMILY(running, BG_F64) },
    { .name = "constants", FAMILY(constants, BG_F32) },
    { .name = "gradient penalty", FAMILY(gradient_penalty, BG_F64) },
    { .name = "several roots", FAMILY(several_roots, BG_F64) },
    { .name = "recurrent", FAMILY(recurrent, BG_F64) },
    { .name = "checkpoints", FAMILY(checkpoints, BG_F64) },
    { .name = "forward mode", FAMILY(forward, BG_F64) },
    { .name = "products with the Hessian", FAMILY(curvature, BG_F64) },
    { .name = "gradients checked", .stages = { engine_1, points, checked } },
    { .name = "gradients of samples", FAMILY(gradients_of_samples, BG_F64) },
    { .name = "squares of samples", FAMILY(squares_of_samples, BG_F64) },
    { .name = "ops of users", FAMILY(ops_of_users, BG_F64) },
    { .name = "op that fails",
      .stages = { engine_1, family_graph, compile, bind_x_and_y, refused_run, refused_run },
      .build = refusing,
      .dtype = BG_F64 },
};
const int family_scenario_count = sizeof family_scenarios / sizeof *family_scenarios;
