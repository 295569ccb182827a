/* Connectionist temporal classification. */
#include "cases.h"

#include <math.h>

/* ---- Cases ---- */

/* Input lengths steps, steps - 1, ..; target lengths n[0], n[0] + n[1], ..; the last class is the blank. */
static bg_node *lengths_from(bg_node *x, double first, double step)
{
    bg_graph *graph = bg_node_graph(x);
    if (bg_node_shape(x).rank == 2)
        return bg_full(graph, BG_I64, BG_SCALAR, first);
    int64_t n = bg_node_shape(x).dims[1];
    if (n == 0 || step == 0)
        return bg_full(graph, BG_I64, BG_SHAPE(n), first);
    return bg_arange(graph, BG_I64, first, first + step * (double)n, step);
}
static bg_node *ctc(bg_node *x, bg_node *targets, const op_variant *v, bg_reduction reduction)
{
    if (!x || !targets)
        return NULL;
    bg_shape shape = bg_node_shape(x);
    bg_node *steps = lengths_from(x, (double)shape.dims[0], -1);
    bg_node *labels = lengths_from(x, (double)v->n[0], (double)v->n[1]);
    bg_ctc_options options = { .blank = shape.dims[shape.rank - 1] - 1 };
    return bg_ctc_loss(x, targets, steps, labels, reduction, &options);
}
static bg_node *gradient_of(bg_node *x, bg_node *targets, const op_variant *v)
{
    bg_node *loss = bg_sum(ctc(x, targets, v, BG_NONE), BG_ALL_AXES), *dx = NULL;
    return loss && !bg_grad(bg_square(loss), &x, 1, &dx) ? dx : NULL;
}
BUILD(none, ctc(x[0], x[1], v, BG_NONE))
BUILD(mean, ctc(bg_log_softmax(x[0], -1), x[1], v, BG_MEAN))
BUILD(labels, bg_stop_gradient(ctc(x[0], x[1], v, BG_SUM)))
BUILD(gradient, gradient_of(x[0], x[1], v))

#define PADDED(t, batch, c, s, first, step)                                                                            \
    {                                                                                                                  \
        .x = { DIMS(t, batch, c), DIMS(batch, s) }, .n = { first, step }, .below = c - 1                               \
    }
#define JOINED(t, batch, c, s, first, step)                                                                            \
    {                                                                                                                  \
        .x = { DIMS(t, batch, c), DIMS(s) }, .n = { first, step }, .below = c - 1                                      \
    }
#define SINGLE(t, c, s)                                                                                                \
    {                                                                                                                  \
        .x = { DIMS(t, c), DIMS(s) }, .n = { s }, .below = c - 1                                                       \
    }
static const op_variant sequences[] = { PADDED(1, 1, 2, 1, 1, 0),  PADDED(1, 1, 3, 1, 0, 0),  PADDED(2, 1, 3, 1, 1, 0),
                                        PADDED(3, 2, 3, 1, 0, 1),  PADDED(4, 2, 3, 2, 2, -1), PADDED(5, 3, 4, 2, 0, 1),
                                        PADDED(5, 1, 2, 3, 3, 0),  PADDED(6, 2, 5, 3, 3, -1), PADDED(7, 2, 3, 3, 2, 1),
                                        PADDED(3, 1, 1, 0, 0, 0),  PADDED(3, 0, 3, 2, 0, 0),  PADDED(6, 3, 2, 4, 0, 1),
                                        PADDED(4, 2, 17, 2, 1, 1), PADDED(3, 2, 3, 9, 1, 0),  JOINED(4, 2, 3, 3, 2, -1),
                                        JOINED(5, 3, 4, 3, 0, 1),  JOINED(3, 1, 2, 2, 2, 0),  JOINED(4, 3, 3, 0, 0, 0),
                                        SINGLE(3, 4, 2),           SINGLE(1, 3, 0),           SINGLE(5, 2, 3) };

#define CASE(label, function, shows, ...)                                                                              \
    {                                                                                                                  \
        .name = label, .op = shows, .arity = 2, .domains = { IS_ANY, IS_INDEX }, .build = build_##function,            \
        VARIANTS(sequences), __VA_ARGS__                                                                               \
    }
static const op_case cases[] = {
    CASE("ctc_loss", none, "ctc", .rho = 2e-6),
    CASE("ctc_loss, of softmax, mean", mean, NULL, .sums = true),
    CASE("ctc_loss, labels alone", labels, "ctc_labels", .gradient = IS_STOPPED, .sums = true),
    CASE("ctc_loss, gradient", gradient, "ctc_gradient", .sums = true),
};

/* ---- Golden values ---- */

GOLDEN(ctc_loss, bg_ctc_loss(bg_log_softmax(c->x[0], -1), c->x[1], c->x[2], c->x[3], golden_reduction(c->record),
                             &(bg_ctc_options){ .blank = (int64_t)golden_option(c, "blank"),
                                                .zero_infinity = golden_option(c, "zero_infinity") != 0 }))
static const golden_op golden[] = { { .name = "ctc_loss", .build = golden_ctc_loss, .integers = 2 | 4 | 8 } };

/* ---- Wrong calls ---- */

#define CTC(y, targets, inputs, lengths) bg_ctc_loss(y, targets, inputs, lengths, BG_MEAN, NULL)
#define SHAPES                                                                                                         \
    "ctc_loss: needs log-probabilities [steps, n, c], targets [n, labels] or [labels], lengths [n], or [steps, c], "   \
    "[labels], []: log-probabilities "
#define WRONG(X)                                                                                                       \
    X(CTC(f->i3, f->i3, f->i3, f->i3), BG_ERR_DTYPE, "ctc_loss: log-probabilities is i32, not f32 or f64")             \
    X(CTC(f->x23, f->x3, f->i3, f->i3), BG_ERR_DTYPE, "ctc_loss: targets are f32, not i32, i64 or u8")                 \
    X(CTC(f->x23, f->i3, f->bools, f->i3), BG_ERR_DTYPE, "ctc_loss: input lengths are bool, not i32, i64 or u8")       \
    X(CTC(f->x23, f->i3, f->i3, f->x3), BG_ERR_DTYPE, "ctc_loss: target lengths are f32, not i32, i64 or u8")          \
    X(CTC(f->x23, f->i3, f->i3, f->i3), BG_ERR_SHAPE,                                                                  \
      SHAPES "[2, 3], targets [3], input lengths [3], target lengths [3]")                                             \
    X(CTC(f->x3, f->i3, f->i3, f->i3), BG_ERR_SHAPE, SHAPES "[3], targets [3], input lengths [3], target lengths [3]") \
    X(CTC(f->x243, bg_reshape(f->i2, BG_SHAPE(1, 2)), f->i2, f->i2), BG_ERR_SHAPE,                                     \
      SHAPES "[2, 4, 3], targets [1, 2], input lengths [2], target lengths [2]")                                       \
    X(CTC(f->x243, f->i3, f->i3, f->i3), BG_ERR_SHAPE,                                                                 \
      SHAPES "[2, 4, 3], targets [3], input lengths [3], target lengths [3]")                                          \
    X(CTC(f->x243, f->i3, NULL, f->i3), BG_ERR_ARGUMENT, "ctc_loss: input 2 is NULL")                                  \
    X(bg_ctc_loss(bg_transpose(f->x243, 1, 2), f->i3, f->i3, f->i3, BG_SUM, &(bg_ctc_options){ .blank = 4 }),          \
      BG_ERR_ARGUMENT, "ctc_loss: blank 4 is no class of log-probabilities [2, 3, 4]")                                 \
    X(bg_ctc_loss(bg_transpose(f->x243, 1, 2), f->i3, f->i3, f->l3, (bg_reduction)9, NULL), BG_ERR_ARGUMENT,           \
      "ctc_loss: there is no reduction 9")
WRONG_CALLS(WRONG)

/* ---- Edges ---- */

/* Log-probabilities [steps, 2], blank 0, and labels 1. */
static bg_node *of_ones(bg_node *x, int64_t labels, bool zero_infinity)
{
    bg_graph *graph = bg_node_graph(x);
    int64_t steps = bg_node_shape(x).dims[0];
    return bg_ctc_loss(x, bg_ones(graph, BG_I64, BG_SHAPE(labels)), bg_full(graph, BG_I64, BG_SCALAR, (double)steps),
                       bg_full(graph, BG_I64, BG_SCALAR, (double)labels), BG_NONE,
                       &(bg_ctc_options){ .zero_infinity = zero_infinity });
}
EDGE(one_step, of_ones(x, 1, false))
EDGE(nothing, of_ones(x, 0, false))
EDGE(impossible, of_ones(x, 2, false))
EDGE(zero_infinity, of_ones(x, 2, true))
static const edge edges[] = {
    { "ctc_loss: one step", edge_one_step, 2, .x = LIST(-2, -0.5), .shape = MATRIX(1, 2), .n_values = 1,
      .value = LIST(0.5), .dx = LIST(0, -1) },
    { "ctc_loss: no labels", edge_nothing, 4, .x = LIST(-2, -0.5, -1, -4), .shape = MATRIX(2, 2), .n_values = 1,
      .value = LIST(3), .dx = LIST(-1, 0, -1, 0) },
    { "ctc_loss: a label of probability 0", edge_one_step, 2, .x = LIST(0, -INF), .shape = MATRIX(1, 2), .n_values = 1,
      .value = LIST(INF), .dx = LIST(0, 0) },
    { "ctc_loss: a repeated label without a blank between", edge_impossible, 4, .x = LIST(-1, -1, -1, -1),
      .shape = MATRIX(2, 2), .n_values = 1, .value = LIST(INF), .dx = LIST(0, 0, 0, 0) },
    { "ctc_loss: zero infinity", edge_zero_infinity, 4, .x = LIST(-1, -1, -1, -1), .shape = MATRIX(2, 2), .n_values = 1,
      .value = LIST(0), .dx = LIST(0, 0, 0, 0) },
    { "ctc_loss: a repeated label", edge_impossible, 6, .x = LIST(-1, -2, -3, -4, -5, -6), .shape = MATRIX(3, 2),
      .n_values = 1, .value = LIST(11), .dx = LIST(0, -1, -1, 0, 0, -1) },
    { "ctc_loss: NaN", edge_one_step, 4, .x = LIST(-1, NOT_A_NUMBER, -1, -1), .shape = MATRIX(2, 2), .n_values = 1,
      .value = LIST(NOT_A_NUMBER), .dx = LIST(NOT_A_NUMBER, NOT_A_NUMBER, NOT_A_NUMBER, NOT_A_NUMBER) },
};

const op_family loss_ctc_family = { .name = "loss_ctc", FAMILY_CASES, FAMILY_GOLDEN, FAMILY_WRONG, FAMILY_EDGES };
