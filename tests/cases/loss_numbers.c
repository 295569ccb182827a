/* Losses of numbers and of two classes. */
#include "cases.h"

#include <math.h>

/* ---- Cases ---- */

static bg_node *signs(bg_node *x) { return bg_sign(x); }
/* One number for each column, as weights. */
static bg_node *row_of(bg_node *x) { return x && bg_node_shape(x).rank > 0 ? bg_sum(x, BG_AXES(0)) : x; }

#define BETA(b)                                                                                                        \
    &(bg_smooth_l1_options) { .beta = BG_SOME(b) }
#define DELTA(d)                                                                                                       \
    &(bg_huber_options) { .delta = d }
#define POISSON(...)                                                                                                   \
    &(bg_poisson_nll_options) { __VA_ARGS__ }
BUILD(smooth_l1, bg_smooth_l1_loss(x[0], x[1], BG_NONE))
BUILD(smooth_l1_sharp, bg_smooth_l1_loss_with(x[0], x[1], BG_SUM, BETA(0.3)))
BUILD(smooth_l1_l1, bg_smooth_l1_loss_with(x[0], x[1], BG_MEAN, BETA(0)))
BUILD(huber, bg_huber_loss(x[0], x[1], BG_NONE))
BUILD(huber_narrow, bg_huber_loss_with(x[0], x[1], BG_MEAN, DELTA(0.4)))
BUILD(poisson_nll, bg_poisson_nll_loss(x[0], x[1], BG_NONE))
BUILD(poisson_nll_full, bg_poisson_nll_loss_with(x[0], x[1], BG_SUM, POISSON(.is_full = true)))
BUILD(poisson_nll_rate, bg_poisson_nll_loss_with(x[0], x[1], BG_NONE, POISSON(.is_rate = true, .eps = BG_SOME(0.1))))
BUILD(gaussian_nll, bg_gaussian_nll_loss(x[0], x[1], x[2], BG_NONE, NULL))
BUILD(gaussian_nll_full, bg_gaussian_nll_loss(x[0], x[1], x[2], BG_MEAN, &(bg_gaussian_nll_options){ .is_full = true }))
BUILD(bce, bg_bce_loss(bg_sigmoid(x[0]), x[1], BG_NONE))
BUILD(bce_weight, bg_bce_loss_with(bg_sigmoid(x[0]), x[1], BG_SUM, &(bg_bce_options){ .weight = row_of(x[2]) }))
BUILD(bce_positive, bg_bce_with_logits_loss_with(x[0], x[1], BG_NONE,
                                                 &(bg_bce_with_logits_options){ .positive_weight = row_of(x[2]) }))
BUILD(bce_both,
      bg_bce_with_logits_loss_with(x[0], x[1], BG_MEAN,
                                   &(bg_bce_with_logits_options){ .weight = x[2], .positive_weight = row_of(x[2]) }))
BUILD(hinge, bg_hinge_loss(x[0], signs(x[1]), BG_NONE))
BUILD(soft_margin, bg_soft_margin_loss(x[0], signs(x[1]), BG_NONE))
BUILD(soft_margin_mean, bg_soft_margin_loss(x[0], x[1], BG_MEAN))

#define ALIKE(...) TRIPLE(DIMS(__VA_ARGS__), DIMS(__VA_ARGS__), DIMS(__VA_ARGS__))
static const op_variant three_alike[] = { TRIPLE(NO_DIMS, NO_DIMS, NO_DIMS),
                                          ALIKE(1),
                                          ALIKE(2),
                                          ALIKE(7),
                                          ALIKE(8),
                                          ALIKE(9),
                                          ALIKE(17),
                                          ALIKE(65),
                                          ALIKE(0),
                                          ALIKE(3, 4),
                                          ALIKE(1, 5),
                                          ALIKE(5, 1),
                                          ALIKE(0, 3),
                                          ALIKE(3, 0),
                                          ALIKE(2, 3, 4),
                                          ALIKE(1, 1, 1),
                                          ALIKE(4, 1, 3),
                                          ALIKE(300),
                                          ALIKE(2, 3, 1, 4),
                                          ALIKE(3, 257),
                                          ALIKE(2, 2, 2, 2, 2) };
#define SHARED(shape, variance)                                                                                        \
    {                                                                                                                  \
        .x = { shape, shape, variance }                                                                                \
    }
static const op_variant variances[] = { TRIPLE(NO_DIMS, NO_DIMS, NO_DIMS),
                                        ALIKE(1),
                                        ALIKE(7),
                                        ALIKE(17),
                                        ALIKE(0),
                                        ALIKE(3, 4),
                                        ALIKE(2, 3, 4),
                                        ALIKE(300),
                                        ALIKE(5, 257),
                                        ALIKE(2, 0),
                                        SHARED(DIMS(5), NO_DIMS),
                                        SHARED(DIMS(5), DIMS(1)),
                                        SHARED(DIMS(3, 4), DIMS(3)),
                                        SHARED(DIMS(3, 4), DIMS(3, 1)),
                                        SHARED(DIMS(3, 4), DIMS(1, 4)),
                                        SHARED(DIMS(2, 3, 4), DIMS(2, 3)),
                                        SHARED(DIMS(2, 3, 4), DIMS(2, 1, 4)),
                                        SHARED(DIMS(2, 3, 4), DIMS(1, 3, 4)),
                                        SHARED(DIMS(4, 65), DIMS(4, 1)),
                                        SHARED(DIMS(65, 3), DIMS(65)),
                                        SHARED(DIMS(1, 1), DIMS(1)),
                                        SHARED(DIMS(0, 3), DIMS(0)) };

#define OF_TWO(label, function, first, second, ...)                                                                    \
    {                                                                                                                  \
        .name = label, .arity = 2, .domains = { first, second }, .build = build_##function, VARIANTS(same_shapes),     \
        __VA_ARGS__                                                                                                    \
    }
#define OF_THREE(label, function, first, second, third, table, ...)                                                    \
    {                                                                                                                  \
        .name = label, .arity = 3, .domains = { first, second, third }, .build = build_##function, VARIANTS(table),    \
        __VA_ARGS__                                                                                                    \
    }
static const op_case cases[] = {
    OF_TWO("smooth_l1_loss", smooth_l1, IS_EVEN, IS_ODD, .gradient = IS_DIFFERENTIABLE),
    OF_TWO("smooth_l1_loss, beta 0.3, sum", smooth_l1_sharp, IS_EVEN, IS_ODD, .sums = true),
    OF_TWO("smooth_l1_loss, beta 0, mean", smooth_l1_l1, IS_EVEN, IS_ODD, .sums = true),
    OF_TWO("huber_loss", huber, IS_EVEN, IS_ODD, .gradient = IS_DIFFERENTIABLE),
    OF_TWO("huber_loss, delta 0.4, mean", huber_narrow, IS_EVEN, IS_ODD, .sums = true),
    OF_TWO("poisson_nll_loss", poisson_nll, IS_ANY, IS_BETWEEN, .rho = 4e-6),
    OF_TWO("poisson_nll_loss, full, sum", poisson_nll_full, IS_ANY, IS_BETWEEN, .sums = true, .is_apart = true),
    OF_TWO("poisson_nll_loss, of rates", poisson_nll_rate, IS_POSITIVE, IS_BETWEEN, .is_apart = true),
    OF_THREE("gaussian_nll_loss", gaussian_nll, IS_ANY, IS_ANY, IS_POSITIVE, variances, .rho = 4e-6),
    OF_THREE("gaussian_nll_loss, full, mean", gaussian_nll_full, IS_ANY, IS_ANY, IS_POSITIVE, variances, .sums = true),
    OF_TWO("bce_loss", bce, IS_ANY, IS_PROBABILITY, .op = "bce"),
    OF_THREE("bce_loss, weighted, sum", bce_weight, IS_ANY, IS_PROBABILITY, IS_SMALL, three_alike, .sums = true),
    OF_THREE("bce_with_logits_loss, positive weight", bce_positive, IS_NOT_0, IS_PROBABILITY, IS_SMALL, three_alike,
             .sums = true),
    OF_THREE("bce_with_logits_loss, weighted, mean", bce_both, IS_NOT_0, IS_PROBABILITY, IS_POSITIVE, three_alike,
             .sums = true),
    OF_TWO("hinge_loss", hinge, IS_BETWEEN, IS_NOT_0, .gradient = IS_DIFFERENTIABLE),
    OF_TWO("soft_margin_loss", soft_margin, IS_NOT_0, IS_NOT_0, .gradient = IS_DIFFERENTIABLE),
    OF_TWO("soft_margin_loss, mean", soft_margin_mean, IS_NOT_0, IS_PROBABILITY, .sums = true),
};

/* ---- Golden values ---- */

#define REDUCTION golden_reduction(c->record)
static bg_node *weight_if(const golden_case *c, const char *key, int input)
{
    return golden_option(c, key) != 0 ? c->x[input] : NULL;
}
GOLDEN(smooth_l1_loss, bg_smooth_l1_loss_with(c->x[0], c->x[1], REDUCTION,
                                              &(bg_smooth_l1_options){ .beta = golden_optional(c, "beta") }))
GOLDEN(huber_loss,
       bg_huber_loss_with(c->x[0], c->x[1], REDUCTION, &(bg_huber_options){ .delta = golden_option(c, "delta") }))
GOLDEN(poisson_nll_loss,
       bg_poisson_nll_loss_with(c->x[0], c->x[1], REDUCTION,
                                POISSON(.is_rate = golden_option(c, "rate") != 0,
                                        .is_full = golden_option(c, "full") != 0, .eps = golden_optional(c, "eps"))))
GOLDEN(gaussian_nll_loss, bg_gaussian_nll_loss(c->x[0], c->x[1], c->x[2], REDUCTION,
                                               &(bg_gaussian_nll_options){ .is_full = golden_option(c, "full") != 0,
                                                                           .eps = golden_optional(c, "eps") }))
GOLDEN(bce_loss,
       bg_bce_loss_with(c->x[0], c->x[1], REDUCTION, &(bg_bce_options){ .weight = weight_if(c, "weight", 2) }))
GOLDEN(bce_with_logits_weighted_loss,
       bg_bce_with_logits_loss_with(c->x[0], c->x[1], REDUCTION,
                                    &(bg_bce_with_logits_options){
                                        .weight = weight_if(c, "weight", 2),
                                        .positive_weight = weight_if(c, "positive_weight", c->n - 1) }))
GOLDEN(hinge_loss, bg_hinge_loss(c->x[0], c->x[1], REDUCTION))
GOLDEN(soft_margin_loss, bg_soft_margin_loss(c->x[0], c->x[1], REDUCTION))
static const golden_op golden[] = {
    GOLDEN_ROW(smooth_l1_loss),    GOLDEN_ROW(huber_loss),       GOLDEN_ROW(poisson_nll_loss),
    GOLDEN_ROW(gaussian_nll_loss), GOLDEN_ROW(bce_loss),         GOLDEN_ROW(bce_with_logits_weighted_loss),
    GOLDEN_ROW(hinge_loss),        GOLDEN_ROW(soft_margin_loss),
};

/* ---- Wrong calls ---- */

#define SMOOTH(x, y, b)   bg_smooth_l1_loss_with(x, y, BG_MEAN, &(bg_smooth_l1_options){ .beta = BG_SOME(b) })
#define GAUSS(p, t, v, e) bg_gaussian_nll_loss(p, t, v, BG_SUM, &(bg_gaussian_nll_options){ .eps = BG_SOME(e) })
#define LOGITS(w, pw)                                                                                                  \
    bg_bce_with_logits_loss_with(f->x23, f->x23, BG_NONE,                                                              \
                                 &(bg_bce_with_logits_options){ .weight = w, .positive_weight = pw })
#define WRONG(X)                                                                                                       \
    X(bg_smooth_l1_loss(f->x3, f->x4, BG_MEAN), BG_ERR_SHAPE,                                                          \
      "smooth_l1_loss: shapes differ: prediction [3], target [4]")                                                     \
    X(SMOOTH(f->x3, f->x3, -1), BG_ERR_ARGUMENT, "smooth_l1_loss: beta is -1, not a number of at least 0")             \
    X(SMOOTH(f->x3, f->x3, NAN), BG_ERR_ARGUMENT, "smooth_l1_loss: beta is nan, not a number of at least 0")           \
    X(bg_huber_loss(f->x3, f->d3, BG_MEAN), BG_ERR_DTYPE, "huber_loss: types differ: prediction f32, target f64")      \
    X(bg_huber_loss_with(f->x3, f->x3, BG_MEAN, DELTA(-2)), BG_ERR_ARGUMENT,                                           \
      "huber_loss: delta is -2, not a number above 0")                                                                 \
    X(bg_huber_loss(f->x3, f->x3, BG_BATCH_MEAN), BG_ERR_ARGUMENT,                                                     \
      "huber_loss: the reduction BG_BATCH_MEAN is for kl_div_loss")                                                    \
    X(bg_poisson_nll_loss(f->x3, f->i3, BG_MEAN), BG_ERR_DTYPE, "poisson_nll_loss: target is i32, not f32 or f64")     \
    X(bg_poisson_nll_loss_with(f->x3, f->x3, BG_MEAN, POISSON(.eps = BG_SOME(-1))), BG_ERR_ARGUMENT,                   \
      "poisson_nll_loss: eps is -1, not a number of at least 0")                                                       \
    X(GAUSS(f->x3, f->x4, f->x3, 0), BG_ERR_SHAPE, "gaussian_nll_loss: shapes differ: prediction [3], target [4]")     \
    X(GAUSS(f->x3, f->x3, f->d3, 0), BG_ERR_DTYPE, "gaussian_nll_loss: types differ: prediction f32, variance f64")    \
    X(GAUSS(f->x3, f->x3, f->foreign, 0), BG_ERR_ARGUMENT, "gaussian_nll_loss: inputs belong to different graphs")     \
    X(GAUSS(f->x3, f->x3, NULL, 0), BG_ERR_ARGUMENT, "gaussian_nll_loss: input 2 is NULL")                             \
    X(GAUSS(f->x3, f->x3, f->x3, -1), BG_ERR_ARGUMENT, "gaussian_nll_loss: eps is -1, not a number of at least 0")     \
    X(GAUSS(f->x243, f->x243, f->x3, 0), BG_ERR_SHAPE,                                                                 \
      "gaussian_nll_loss: the variance is not one for each element, nor shared along one axis: prediction [2, 4, 3], " \
      "variance [3]")                                                                                                  \
    X(GAUSS(f->x23, f->x23, bg_reshape(f->scalar, BG_SHAPE(1, 1)), 0), BG_ERR_SHAPE,                                   \
      "gaussian_nll_loss: the variance is not one for each element, nor shared along one axis: prediction [2, 3], "    \
      "variance [1, 1]")                                                                                               \
    X(bg_bce_loss(f->x3, f->x23, BG_SUM), BG_ERR_SHAPE, "bce_loss: shapes differ: probabilities [3], target [2, 3]")   \
    X(bg_bce_loss_with(f->x3, f->x3, BG_SUM, &(bg_bce_options){ .weight = f->x4 }), BG_ERR_SHAPE,                      \
      "bce_loss: weight does not broadcast to the values: values [3], weight [4]")                                     \
    X(bg_bce_loss_with(f->x3, f->x3, BG_SUM, &(bg_bce_options){ .weight = f->x23 }), BG_ERR_SHAPE,                     \
      "bce_loss: weight does not broadcast to the values: values [3], weight [2, 3]")                                  \
    X(LOGITS(f->d3, NULL), BG_ERR_DTYPE, "bce_with_logits_loss: types differ: the values f32, weight f64")             \
    X(LOGITS(NULL, f->x4), BG_ERR_SHAPE,                                                                               \
      "bce_with_logits_loss: positive weight does not broadcast to the values: values [2, 3], positive weight [4]")    \
    X(LOGITS(NULL, f->foreign), BG_ERR_ARGUMENT, "bce_with_logits_loss: inputs belong to different graphs")            \
    X(bg_hinge_loss(f->x3, f->i3, BG_MEAN), BG_ERR_DTYPE, "hinge_loss: target is i32, not f32 or f64")                 \
    X(bg_soft_margin_loss(f->x3, f->x4, BG_MEAN), BG_ERR_SHAPE,                                                        \
      "soft_margin_loss: shapes differ: prediction [3], target [4]")                                                   \
    X(bg_soft_margin_loss(f->x3, f->x3, (bg_reduction)-1), BG_ERR_ARGUMENT,                                            \
      "soft_margin_loss: there is no reduction -1")
WRONG_CALLS(WRONG)

/* ---- Edges ---- */

EDGE(smooth_l1, bg_smooth_l1_loss(x, y, BG_NONE))
EDGE(smooth_l1_l1, bg_smooth_l1_loss_with(x, y, BG_NONE, BETA(0)))
EDGE(huber, bg_huber_loss_with(x, y, BG_NONE, DELTA(2)))
EDGE(bce, bg_bce_loss(x, y, BG_NONE))
EDGE(bce_positive,
     bg_bce_with_logits_loss_with(x, y, BG_NONE,
                                  &(bg_bce_with_logits_options){
                                      .positive_weight = bg_scalar(bg_node_graph(x), bg_node_dtype(x), 2) }))
EDGE(hinge, bg_hinge_loss(x, y, BG_NONE))
EDGE(soft_margin, bg_soft_margin_loss(x, y, BG_NONE))
EDGE(gaussian, bg_gaussian_nll_loss(x, x, y, BG_NONE, &(bg_gaussian_nll_options){ .eps = BG_SOME(0.5) }))
EDGE(poisson, bg_poisson_nll_loss_with(x, y, BG_NONE, POISSON(.is_full = true)))
static const edge edges[] = {
    { "smooth_l1_loss: 0, beta, far", edge_smooth_l1, 6, .x = LIST(2, 1, -1, 1e30, 0.5, INF),
      .y = LIST(2, 0, 0, 0, 0, 0), .n_values = 6, .value = LIST(0, 0.5, 0.5, 1e30, 0.125, INF),
      .dx = LIST(0, 1, -1, 1, 0.5, 1), .dy = LIST(0, -1, 1, -1, -0.5, -1), .has_dy = true, .tolerance = 1e-7 },
    { "smooth_l1_loss: beta 0 at 0", edge_smooth_l1_l1, 2, .x = LIST(3, 1), .y = LIST(3, 2), .n_values = 2,
      .value = LIST(0, 1), .dx = LIST(0, -1), .is_kink = true },
    { "huber_loss: 0, delta, far", edge_huber, 4, .x = LIST(1, 2, -2, 10), .y = LIST(1, 0, 0, 0), .n_values = 4,
      .value = LIST(0, 2, 2, 18), .dx = LIST(0, 2, -2, 2) },
    { "bce_loss: sure", edge_bce, 4, .x = LIST(0, 1, 0, 1), .y = LIST(1, 0, 0, 1), .n_values = 4,
      .value = LIST(100, 100, 0, 0), .dx = LIST(-1e12, 1e12, 0, 0), .tolerance = 1e-7 },
    { "bce_with_logits_loss: positive weight", edge_bce_positive, 4, .x = LIST(0, 0, 100, -100), .y = LIST(1, 0, 0, 1),
      .n_values = 4, .value = LIST(1.3862943611198906, 0.69314718055994531, 100, 200), .dx = LIST(-1, 0.5, 1, -2),
      .tolerance = 1e-7 },
    { "hinge_loss: kink", edge_hinge, 3, .x = LIST(1, 0.5, -2), .y = LIST(1, 1, -1), .n_values = 3,
      .value = LIST(0, 0.5, 0), .dx = LIST(0, -1, 0), .is_kink = true },
    { "soft_margin_loss: far", edge_soft_margin, 3, .x = LIST(1000, -1000, 0), .y = LIST(-1, -1, 1), .n_values = 3,
      .value = LIST(1000, 0, 0.69314718055994531), .dx = LIST(1, 0, -0.5), .tolerance = 1e-7 },
    { "gaussian_nll_loss: variance below eps", edge_gaussian, 2, .x = LIST(1, 1), .y = LIST(0.25, 1), .n_values = 2,
      .value = LIST(-0.34657359027997264, 0), .dx = LIST(0, 0), .dy = LIST(1, 0.5), .has_dy = true, .tolerance = 1e-7 },
    { "poisson_nll_loss: targets 0 and 1", edge_poisson, 2, .x = LIST(0, 0), .y = LIST(0, 1), .n_values = 2,
      .value = LIST(1, 1), .dx = LIST(1, 0) },
};

const op_family loss_numbers_family = {
    .name = "loss_numbers", FAMILY_CASES, FAMILY_GOLDEN, FAMILY_WRONG, FAMILY_EDGES
};
