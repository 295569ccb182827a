/* Losses of classes with their options, and of distributions. */
#include "cases.h"

#include <math.h>

/* ---- Cases ---- */

#define ENTROPY(...)                                                                                                   \
    &(bg_cross_entropy_options) { __VA_ARGS__ }
#define NLL(...)                                                                                                       \
    &(bg_nll_options) { __VA_ARGS__ }
#define MARGIN(...)                                                                                                    \
    &(bg_multi_margin_options) { __VA_ARGS__ }
BUILD(smoothed, bg_cross_entropy_loss_with(x[0], x[1], BG_MEAN, ENTROPY(.label_smoothing = 0.1)))
BUILD(ignoring,
      bg_cross_entropy_loss_with(x[0], x[1], BG_NONE, ENTROPY(.ignore_index = BG_SOME(1), .label_smoothing = 0.2)))
BUILD(weighted, bg_cross_entropy_loss_with(x[0], x[1], BG_MEAN, ENTROPY(.weight = x[2], .label_smoothing = 0.1)))
BUILD(weighted_ignoring,
      bg_cross_entropy_loss_with(x[0], x[1], BG_SUM, ENTROPY(.weight = x[2], .ignore_index = BG_SOME(0))))
BUILD(probabilities, bg_cross_entropy_loss(x[0], x[1], BG_NONE))
BUILD(probabilities_weighted,
      bg_cross_entropy_loss_with(x[0], x[1], BG_MEAN, ENTROPY(.weight = x[2], .label_smoothing = 0.3)))
BUILD(nll, bg_nll_loss(x[0], x[1], BG_NONE))
BUILD(nll_weighted, bg_nll_loss_with(x[0], x[1], BG_MEAN, NLL(.weight = x[2])))
BUILD(nll_ignoring, bg_nll_loss_with(x[0], x[1], BG_SUM, NLL(.weight = x[2], .ignore_index = BG_SOME(1))))
BUILD(multi_margin, bg_multi_margin_loss_with(x[0], x[1], BG_NONE, MARGIN(.margin = BG_SOME(0.55))))
BUILD(multi_margin_weighted,
      bg_multi_margin_loss_with(x[0], x[1], BG_MEAN, MARGIN(.margin = BG_SOME(0.55), .p = 2, .weight = x[2])))
/* Scaled so that no two scores are 1 apart. */
BUILD(multilabel_margin, bg_multilabel_margin_loss(bg_mul_scalar(x[0], 0.8), x[1], BG_NONE))
BUILD(multilabel_margin_mean, bg_multilabel_margin_loss(bg_mul_scalar(x[0], 0.8), x[1], BG_MEAN))
BUILD(soft, bg_multilabel_soft_margin_loss(x[0], x[1], BG_NONE))
BUILD(soft_weighted,
      bg_multilabel_soft_margin_loss_with(x[0], x[1], BG_MEAN, &(bg_multilabel_soft_margin_options){ .weight = x[2] }))
BUILD(kl_div, bg_kl_div_loss(x[0], x[1], BG_NONE))
BUILD(kl_div_log, bg_kl_div_loss_with(x[0], x[1], BG_MEAN, &(bg_kl_div_options){ .is_log_target = true }))
BUILD(kl_div_batch, bg_kl_div_loss(x[0], x[1], BG_BATCH_MEAN))

#define ROWS(c, ...) TRIPLE(DIMS(__VA_ARGS__, c), DIMS(__VA_ARGS__), DIMS(c))
#define ROW(c)       TRIPLE(DIMS(c), NO_DIMS, DIMS(c))
static const op_variant weighted_rows[] = {
    ROW(1),        ROW(4),        ROW(65),       ROW(300),      ROWS(1, 1),       ROWS(4, 1),       ROWS(1, 5),
    ROWS(4, 3),    ROWS(8, 7),    ROWS(7, 8),    ROWS(9, 17),   ROWS(3, 65),      ROWS(4, 9),       ROWS(300, 3),
    ROWS(4, 2, 3), ROWS(5, 2, 5), ROWS(4, 1, 1), ROWS(2, 4, 1), ROWS(3, 2, 2, 2), ROWS(2, 3, 1, 2), ROWS(3, 2, 1, 2, 2)
};
#define BOTH(c, ...) TRIPLE(DIMS(__VA_ARGS__, c), DIMS(__VA_ARGS__, c), DIMS(c))
static const op_variant distributions[] = { TRIPLE(DIMS(1), DIMS(1), DIMS(1)),
                                            TRIPLE(DIMS(4), DIMS(4), DIMS(4)),
                                            TRIPLE(DIMS(65), DIMS(65), DIMS(65)),
                                            TRIPLE(DIMS(300), DIMS(300), DIMS(300)),
                                            BOTH(1, 1),
                                            BOTH(4, 1),
                                            BOTH(1, 5),
                                            BOTH(4, 3),
                                            BOTH(8, 7),
                                            BOTH(7, 8),
                                            BOTH(9, 17),
                                            BOTH(3, 65),
                                            BOTH(4, 9),
                                            BOTH(300, 3),
                                            BOTH(4, 2, 3),
                                            BOTH(5, 2, 5),
                                            BOTH(4, 1, 1),
                                            BOTH(2, 4, 1),
                                            BOTH(3, 2, 2, 2),
                                            BOTH(2, 3, 1, 2),
                                            BOTH(3, 2, 1, 2, 2) };
/* At least three classes, as labels go up to 2. */
static const op_variant label_lists[] = { SAME(3),         SAME(4),       SAME(7),     SAME(17),      SAME(33),
                                          SAME(1, 3),      SAME(2, 3),    SAME(3, 4),  SAME(5, 3),    SAME(7, 8),
                                          SAME(0, 4),      SAME(4, 17),   SAME(17, 5), SAME(2, 3, 4), SAME(2, 0, 3),
                                          SAME(1, 1, 5),   SAME(3, 2, 3), SAME(65, 3), SAME(2, 33),   SAME(2, 2, 2, 3),
                                          SAME(2, 1, 2, 4) };

#define CASE(label, function, table, n, first, second, third, ...)                                                     \
    {                                                                                                                  \
        .name = label, .arity = n, .domains = { first, second, third }, .build = build_##function, VARIANTS(table),    \
        __VA_ARGS__                                                                                                    \
    }
static const op_case cases[] = {
    CASE("cross_entropy_loss, smoothed, mean", smoothed, rows_of_classes, 2, IS_ANY, IS_CLASS, 0, .sums = true),
    CASE("cross_entropy_loss, ignoring", ignoring, rows_of_classes, 2, IS_ANY, IS_CLASS, 0, .rho = 4e-6),
    CASE("cross_entropy_loss, weighted, mean", weighted, weighted_rows, 3, IS_ANY, IS_CLASS, IS_POSITIVE, .sums = true),
    CASE("cross_entropy_loss, weighted, ignoring", weighted_ignoring, weighted_rows, 3, IS_ANY, IS_CLASS, IS_POSITIVE,
         .sums = true),
    CASE("cross_entropy_loss, of probabilities", probabilities, distributions, 2, IS_ANY, IS_PROBABILITY, 0,
         .sums = true),
    CASE("cross_entropy_loss, of probabilities, weighted", probabilities_weighted, distributions, 3, IS_ANY,
         IS_PROBABILITY, IS_POSITIVE, .sums = true),
    CASE("nll_loss", nll, rows_of_classes, 2, IS_ANY, IS_CLASS, 0, .gradient = IS_DIFFERENTIABLE),
    CASE("nll_loss, weighted, mean", nll_weighted, weighted_rows, 3, IS_ANY, IS_CLASS, IS_POSITIVE, .sums = true),
    CASE("nll_loss, ignoring, sum", nll_ignoring, weighted_rows, 3, IS_ANY, IS_CLASS, IS_POSITIVE, .sums = true),
    CASE("multi_margin_loss", multi_margin, rows_of_classes, 2, IS_EVEN, IS_CLASS, 0, .rho = 2e-6),
    CASE("multi_margin_loss, squared, mean", multi_margin_weighted, weighted_rows, 3, IS_EVEN, IS_CLASS, IS_POSITIVE,
         .sums = true),
    CASE("multilabel_margin_loss", multilabel_margin, label_lists, 2, IS_EVEN, IS_INTEGER, 0, .rho = 4e-6),
    CASE("multilabel_margin_loss, mean", multilabel_margin_mean, label_lists, 2, IS_EVEN, IS_INTEGER, 0, .sums = true),
    CASE("multilabel_soft_margin_loss", soft, distributions, 2, IS_NOT_0, IS_PROBABILITY, 0, .rho = 2e-6),
    CASE("multilabel_soft_margin_loss, weighted, mean", soft_weighted, distributions, 3, IS_NOT_0, IS_PROBABILITY,
         IS_POSITIVE, .sums = true),
    CASE("kl_div_loss", kl_div, same_shapes, 2, IS_ANY, IS_POSITIVE, 0, .rho = 2e-6, .is_apart = true),
    CASE("kl_div_loss, log target, mean", kl_div_log, same_shapes, 2, IS_ANY, IS_ANY, 0, .sums = true),
    CASE("kl_div_loss, batch mean", kl_div_batch, distributions, 2, IS_ANY, IS_POSITIVE, 0, .sums = true,
         .is_apart = true),
};

/* ---- Golden values ---- */

#define REDUCTION golden_reduction(c->record)
#define WEIGHT    .weight = c->n > 2 ? c->x[2] : NULL
GOLDEN(entropy, bg_cross_entropy_loss_with(c->x[0], c->x[1], REDUCTION,
                                           ENTROPY(WEIGHT, .ignore_index = golden_optional(c, "ignore_index"),
                                                   .label_smoothing = golden_option(c, "label_smoothing"))))
GOLDEN(nll_loss,
       bg_nll_loss_with(c->x[0], c->x[1], REDUCTION, NLL(WEIGHT, .ignore_index = golden_optional(c, "ignore_index"))))
GOLDEN(multi_margin_loss, bg_multi_margin_loss_with(c->x[0], c->x[1], REDUCTION,
                                                    MARGIN(WEIGHT, .p = (int)golden_option(c, "p"),
                                                           .margin = golden_optional(c, "margin"))))
GOLDEN(multilabel_margin_loss, bg_multilabel_margin_loss(c->x[0], c->x[1], REDUCTION))
GOLDEN(multilabel_soft_margin_loss,
       bg_multilabel_soft_margin_loss_with(c->x[0], c->x[1], REDUCTION, &(bg_multilabel_soft_margin_options){ WEIGHT }))
GOLDEN(kl_div_loss, bg_kl_div_loss_with(c->x[0], c->x[1], REDUCTION,
                                        &(bg_kl_div_options){ .is_log_target = golden_option(c, "log_target") != 0 }))
static const golden_op golden[] = {
    { .name = "cross_entropy_loss_with", .build = golden_entropy, .integers = 2 },
    { .name = "cross_entropy_loss_of_probabilities", .build = golden_entropy },
    { .name = "nll_loss", .build = golden_nll_loss, .integers = 2 },
    { .name = "multi_margin_loss", .build = golden_multi_margin_loss, .integers = 2 },
    { .name = "multilabel_margin_loss", .build = golden_multilabel_margin_loss, .integers = 2 },
    GOLDEN_ROW(multilabel_soft_margin_loss),
    GOLDEN_ROW(kl_div_loss),
};

/* ---- Wrong calls ---- */

#define ENTROPY_OF_23(...) bg_cross_entropy_loss_with(f->x23, f->i2, BG_MEAN, ENTROPY(__VA_ARGS__))
#define WRONG(X)                                                                                                       \
    X(bg_cross_entropy_loss(f->x23, f->d23, BG_MEAN), BG_ERR_DTYPE,                                                    \
      "cross_entropy_loss: types differ: logits f32, target f64")                                                      \
    X(bg_cross_entropy_loss(f->scalar, f->scalar, BG_MEAN), BG_ERR_SHAPE,                                              \
      "cross_entropy_loss: needs logits [.., c]: logits []")                                                           \
    X(bg_cross_entropy_loss(f->empty, f->empty, BG_MEAN), BG_ERR_SHAPE,                                                \
      "cross_entropy_loss: logits [2, 0] have no classes")                                                             \
    X(ENTROPY_OF_23(.label_smoothing = 1.5), BG_ERR_ARGUMENT,                                                          \
      "cross_entropy_loss: label smoothing is 1.5, not in 0 .. 1")                                                     \
    X(ENTROPY_OF_23(.label_smoothing = NAN), BG_ERR_ARGUMENT,                                                          \
      "cross_entropy_loss: label smoothing is nan, not in 0 .. 1")                                                     \
    X(ENTROPY_OF_23(.weight = f->x4), BG_ERR_SHAPE, "cross_entropy_loss: needs weight [c]: logits [2, 3], weight [4]") \
    X(ENTROPY_OF_23(.weight = f->d3), BG_ERR_DTYPE, "cross_entropy_loss: types differ: logits f32, weight f64")        \
    X(ENTROPY_OF_23(.weight = f->foreign), BG_ERR_ARGUMENT, "cross_entropy_loss: inputs belong to different graphs")   \
    X(ENTROPY_OF_23(.ignore_index = BG_SOME(0.5)), BG_ERR_ARGUMENT, "cross_entropy_loss: 0.5 is no value of i32")      \
    X(bg_cross_entropy_loss_with(f->x23, f->x23, BG_MEAN, ENTROPY(.ignore_index = BG_SOME(1))), BG_ERR_ARGUMENT,       \
      "cross_entropy_loss: ignore_index is for classes, the target holds probabilities")                               \
    X(bg_nll_loss(f->x23, f->i3, BG_MEAN), BG_ERR_SHAPE,                                                               \
      "nll_loss: needs log-probabilities [.., c], classes [..]: log-probabilities [2, 3], classes [3]")                \
    X(bg_nll_loss(f->x23, bg_slice(f->x3, 0, 0, 2, 1), BG_MEAN), BG_ERR_DTYPE,                                         \
      "nll_loss: classes are f32, not i32, i64 or u8")                                                                 \
    X(bg_nll_loss(f->x23, f->i2, (bg_reduction)5), BG_ERR_ARGUMENT, "nll_loss: there is no reduction 5")               \
    X(bg_nll_loss_with(f->x23, f->i2, BG_MEAN, NLL(.ignore_index = BG_SOME(1e10))), BG_ERR_ARGUMENT,                   \
      "nll_loss: 1e+10 is no value of i32")                                                                            \
    X(bg_multi_margin_loss(f->i3, f->i3, BG_MEAN), BG_ERR_DTYPE, "multi_margin_loss: scores is i32, not f32 or f64")   \
    X(bg_multi_margin_loss_with(f->x23, f->i2, BG_MEAN, MARGIN(.p = 3)), BG_ERR_ARGUMENT,                              \
      "multi_margin_loss: p is 3, not 1 or 2")                                                                         \
    X(bg_multi_margin_loss_with(f->x23, f->i2, BG_MEAN, MARGIN(.margin = BG_SOME(NAN))), BG_ERR_ARGUMENT,              \
      "multi_margin_loss: margin is nan, not a finite number")                                                         \
    X(bg_multilabel_margin_loss(f->x23, f->i3, BG_MEAN), BG_ERR_SHAPE,                                                 \
      "multilabel_margin_loss: needs scores [.., c], labels [.., c], of rank 7 at most: scores [2, 3], labels [3]")    \
    X(bg_multilabel_margin_loss(f->x3, f->x3, BG_MEAN), BG_ERR_DTYPE,                                                  \
      "multilabel_margin_loss: labels are f32, not i32, i64 or u8")                                                    \
    X(bg_multilabel_margin_loss(f->empty, bg_cast(f->empty, BG_I64), BG_MEAN), BG_ERR_SHAPE,                           \
      "multilabel_margin_loss: scores [2, 0] have no classes")                                                         \
    X(bg_multilabel_soft_margin_loss(f->x3, f->x4, BG_MEAN), BG_ERR_SHAPE,                                             \
      "multilabel_soft_margin_loss: shapes differ: logits [3], target [4]")                                            \
    X(bg_multilabel_soft_margin_loss(f->scalar, f->scalar, BG_MEAN), BG_ERR_SHAPE,                                     \
      "multilabel_soft_margin_loss: needs logits [.., c]: logits []")                                                  \
    X(bg_multilabel_soft_margin_loss_with(f->x23, f->x23, BG_MEAN,                                                     \
                                          &(bg_multilabel_soft_margin_options){ .weight = f->x4 }),                    \
      BG_ERR_SHAPE, "multilabel_soft_margin_loss: needs weight [c]: logits [2, 3], weight [4]")                        \
    X(bg_kl_div_loss(f->x3, f->x4, BG_MEAN), BG_ERR_SHAPE,                                                             \
      "kl_div_loss: shapes differ: log-probabilities [3], target [4]")                                                 \
    X(bg_kl_div_loss(f->scalar, f->scalar, BG_BATCH_MEAN), BG_ERR_SHAPE,                                               \
      "kl_div_loss: log-probabilities [] are no batch")                                                                \
    X(bg_kl_div_loss(f->x3, f->x3, (bg_reduction)4), BG_ERR_ARGUMENT, "kl_div_loss: there is no reduction 4")
WRONG_CALLS(WRONG)

/* ---- Edges ---- */

static bg_node *class_0(bg_node *x) { return bg_zeros(bg_node_graph(x), BG_I64, BG_SHAPE(bg_node_shape(x).dims[0])); }
EDGE(all_ignored_mean, bg_cross_entropy_loss_with(x, class_0(x), BG_MEAN, ENTROPY(.ignore_index = BG_SOME(0))))
EDGE(all_ignored_sum, bg_cross_entropy_loss_with(x, class_0(x), BG_SUM, ENTROPY(.ignore_index = BG_SOME(0))))
EDGE(nll_ignored_mean, bg_nll_loss_with(x, class_0(x), BG_MEAN, NLL(.ignore_index = BG_SOME(0))))
EDGE(weightless_mean, bg_cross_entropy_loss_with(x, class_0(x), BG_MEAN, ENTROPY(.weight = bg_reshape(y, BG_SHAPE(2)))))
EDGE(multi_margin, bg_multi_margin_loss(x, class_0(x), BG_NONE))
EDGE(kl_div, bg_kl_div_loss(x, y, BG_NONE))
EDGE(kl_div_mean, bg_kl_div_loss(x, y, BG_MEAN))
EDGE(kl_div_batch, bg_kl_div_loss(x, y, BG_BATCH_MEAN))
static const edge edges[] = {
    { "cross_entropy_loss: all ignored, mean", edge_all_ignored_mean, 4, .x = LIST(1, 2, 3, 4), .shape = MATRIX(2, 2),
      .n_values = 1, .value = LIST(NOT_A_NUMBER), .dx = LIST(0, 0, 0, 0) },
    { "cross_entropy_loss: all ignored, sum", edge_all_ignored_sum, 4, .x = LIST(1, 2, 3, 4), .shape = MATRIX(2, 2),
      .n_values = 1, .value = LIST(0), .dx = LIST(0, 0, 0, 0) },
    { "nll_loss: all ignored, mean", edge_nll_ignored_mean, 2, .x = LIST(1, 2), .shape = MATRIX(1, 2), .n_values = 1,
      .value = LIST(NOT_A_NUMBER), .dx = LIST(0, 0) },
    { "cross_entropy_loss: weights of 0, mean", edge_weightless_mean, 2, .x = LIST(1, 2), .y = LIST(0, 1),
      .shape = MATRIX(1, 2), .n_values = 1, .value = LIST(NOT_A_NUMBER), .dx = LIST(NOT_A_NUMBER, NOT_A_NUMBER) },
    { "multi_margin_loss: tie", edge_multi_margin, 2, .x = LIST(1, 0), .shape = MATRIX(1, 2), .n_values = 1,
      .value = LIST(0), .dx = LIST(0, 0), .is_kink = true },
    { "kl_div_loss: target 0", edge_kl_div, 2, .x = LIST(-1, -2), .y = LIST(0, 1), .n_values = 2, .value = LIST(0, 2),
      .dx = LIST(0, -1) },
    { "kl_div_loss: mean over elements", edge_kl_div_mean, 4, .x = LIST(-1, -2, -1, -2), .y = LIST(1, 1, 1, 1),
      .shape = MATRIX(2, 2), .n_values = 1, .value = LIST(1.5), .dx = LIST(-0.25, -0.25, -0.25, -0.25) },
    { "kl_div_loss: mean over the batch", edge_kl_div_batch, 4, .x = LIST(-1, -2, -1, -2), .y = LIST(1, 1, 1, 1),
      .shape = MATRIX(2, 2), .n_values = 1, .value = LIST(3), .dx = LIST(-0.5, -0.5, -0.5, -0.5) },
};

const op_family loss_classes_family = {
    .name = "loss_classes", FAMILY_CASES, FAMILY_GOLDEN, FAMILY_WRONG, FAMILY_EDGES
};
