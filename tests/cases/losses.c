/* Losses, and the scores of classes. */
#include "cases.h"

#include <math.h>

/* ---- Cases ---- */

const op_variant rows_of_classes[21] = { PAIR(DIMS(1), NO_DIMS),
                                         PAIR(DIMS(4), NO_DIMS),
                                         PAIR(DIMS(65), NO_DIMS),
                                         PAIR(DIMS(300), NO_DIMS),
                                         PAIR(DIMS(1, 1), DIMS(1)),
                                         PAIR(DIMS(1, 4), DIMS(1)),
                                         PAIR(DIMS(5, 1), DIMS(5)),
                                         PAIR(DIMS(3, 4), DIMS(3)),
                                         PAIR(DIMS(7, 8), DIMS(7)),
                                         PAIR(DIMS(8, 7), DIMS(8)),
                                         PAIR(DIMS(17, 9), DIMS(17)),
                                         PAIR(DIMS(65, 3), DIMS(65)),
                                         PAIR(DIMS(0, 4), DIMS(0)),
                                         PAIR(DIMS(3, 300), DIMS(3)),
                                         PAIR(DIMS(2, 3, 4), DIMS(2, 3)),
                                         PAIR(DIMS(2, 0, 4), DIMS(2, 0)),
                                         PAIR(DIMS(1, 1, 4), DIMS(1, 1)),
                                         PAIR(DIMS(4, 1, 2), DIMS(4, 1)),
                                         PAIR(DIMS(2, 2, 2, 3), DIMS(2, 2, 2)),
                                         PAIR(DIMS(3, 1, 2, 2), DIMS(3, 1, 2)),
                                         PAIR(DIMS(2, 1, 2, 2, 3), DIMS(2, 1, 2, 2)) };

#define LOSS(name, reduction) BUILD(name##_##reduction, bg_##name##_loss(x[0], x[1], reduction))
LOSS(l1, BG_NONE)
LOSS(l2, BG_NONE)
LOSS(l2, BG_MEAN)
LOSS(bce_with_logits, BG_NONE)
LOSS(bce_with_logits, BG_SUM)
LOSS(cross_entropy, BG_NONE)
LOSS(cross_entropy, BG_MEAN)
BUILD_2(gather_class)

static const op_case cases[] = {
    { .name = "gather_class",
      .op = "check_classes",
      .arity = 2,
      .domains = { IS_ANY, IS_CLASS },
      .build = build_gather_class,
      VARIANTS(rows_of_classes) },
    { .name = "l1_loss", .arity = 2, .domains = { IS_EVEN, IS_ODD }, .build = build_l1_BG_NONE, VARIANTS(same_shapes) },
    { .name = "l2_loss", .arity = 2, .build = build_l2_BG_NONE, VARIANTS(same_shapes) },
    { .name = "l2_loss, mean", .arity = 2, .sums = true, .build = build_l2_BG_MEAN, VARIANTS(same_shapes) },
    { .name = "bce_with_logits_loss",
      .op = "bce_with_logits",
      .arity = 2,
      .domains = { IS_NOT_0, IS_PROBABILITY },
      .build = build_bce_with_logits_BG_NONE,
      VARIANTS(same_shapes) },
    { .name = "bce_with_logits_loss, sum",
      .arity = 2,
      .sums = true,
      .domains = { IS_NOT_0, IS_PROBABILITY },
      .build = build_bce_with_logits_BG_SUM,
      VARIANTS(same_shapes) },
    { .name = "cross_entropy_loss",
      .arity = 2,
      .domains = { IS_ANY, IS_CLASS },
      .rho = 2e-6,
      .build = build_cross_entropy_BG_NONE,
      VARIANTS(rows_of_classes) },
    { .name = "cross_entropy_loss, mean",
      .arity = 2,
      .sums = true,
      .domains = { IS_ANY, IS_CLASS },
      .build = build_cross_entropy_BG_MEAN,
      VARIANTS(rows_of_classes) },
};

/* ---- Golden values ---- */

#define GOLDEN_LOSS(name) GOLDEN(name, bg_##name(c->x[0], c->x[1], golden_reduction(c->record)))
GOLDEN_LOSS(l1_loss)
GOLDEN_LOSS(l2_loss)
GOLDEN_LOSS(bce_with_logits_loss)
GOLDEN_LOSS(cross_entropy_loss)
GOLDEN_2(gather_class)
static const golden_op golden[] = {
    GOLDEN_ROW(l1_loss),
    GOLDEN_ROW(l2_loss),
    GOLDEN_ROW(bce_with_logits_loss),
    { .name = "cross_entropy_loss", .build = golden_cross_entropy_loss, .integers = 2 },
    { .name = "gather_class", .build = golden_gather_class, .integers = 2 },
};

/* ---- Wrong calls ---- */

#define WRONG(X)                                                                                                       \
    X(bg_l1_loss(f->x3, f->x4, BG_MEAN), BG_ERR_SHAPE, "l1_loss: shapes differ: prediction [3], target [4]")           \
    X(bg_l1_loss(f->x3, f->d3, BG_MEAN), BG_ERR_DTYPE, "l1_loss: types differ: prediction f32, target f64")            \
    X(bg_l2_loss(f->x23, f->x3, BG_SUM), BG_ERR_SHAPE, "l2_loss: shapes differ: prediction [2, 3], target [3]")        \
    X(bg_l2_loss(f->x3, f->i3, BG_SUM), BG_ERR_DTYPE, "l2_loss: target is i32, not f32 or f64")                        \
    X(bg_l2_loss(f->x3, f->x3, (bg_reduction)7), BG_ERR_ARGUMENT, "l2_loss: there is no reduction 7")                  \
    X(bg_bce_with_logits_loss(f->x3, f->x23, BG_NONE), BG_ERR_SHAPE,                                                   \
      "bce_with_logits_loss: shapes differ: logits [3], target [2, 3]")                                                \
    X(bg_bce_with_logits_loss(f->x3, f->bools, BG_NONE), BG_ERR_DTYPE,                                                 \
      "bce_with_logits_loss: target is bool, not f32 or f64")                                                          \
    X(bg_cross_entropy_loss(f->i3, f->i3, BG_MEAN), BG_ERR_DTYPE, "cross_entropy_loss: logits is i32, not f32 or f64") \
    X(bg_cross_entropy_loss(f->x23, f->i3, BG_MEAN), BG_ERR_SHAPE,                                                     \
      "cross_entropy_loss: needs logits [.., c], classes [..]: logits [2, 3], classes [3]")                            \
    X(bg_cross_entropy_loss(f->x243, f->x23, BG_MEAN), BG_ERR_SHAPE,                                                   \
      "cross_entropy_loss: needs logits [.., c], classes [..]: logits [2, 4, 3], classes [2, 3]")                      \
    X(bg_cross_entropy_loss(bg_reshape(f->x23, BG_SHAPE(3, 2)), f->x3, BG_MEAN), BG_ERR_DTYPE,                         \
      "cross_entropy_loss: classes are f32, not i32, i64 or u8")                                                       \
    X(bg_cross_entropy_loss(f->empty, f->i2, BG_MEAN), BG_ERR_SHAPE,                                                   \
      "cross_entropy_loss: logits [2, 0] have no classes")                                                             \
    X(bg_gather_class(f->i3, f->i3), BG_ERR_DTYPE, "gather_class: x is i32, not f32 or f64")                           \
    X(bg_gather_class(f->x23, f->x3), BG_ERR_DTYPE, "gather_class: classes are f32, not i32, i64 or u8")               \
    X(bg_gather_class(f->x3, f->bools), BG_ERR_DTYPE, "gather_class: classes are bool, not i32, i64 or u8")            \
    X(bg_gather_class(f->x23, f->i3), BG_ERR_SHAPE,                                                                    \
      "gather_class: needs x [.., c], classes [..]: x [2, 3], classes [3]")                                            \
    X(bg_gather_class(f->scalar, f->i3), BG_ERR_SHAPE,                                                                 \
      "gather_class: needs x [.., c], classes [..]: x [], classes [3]")                                                \
    X(bg_gather_class(bg_broadcast(f->scalar, BG_SHAPE(3, (1 << 24) + 1)), f->i3), BG_ERR_SHAPE,                       \
      "gather_class: 16777217 classes are more than 16777216: x [3, 16777217]")
WRONG_CALLS(WRONG)

/* ---- Edges ---- */

static bg_node *class_0(bg_node *x) { return bg_cast(bg_scalar(bg_node_graph(x), BG_F32, 0), BG_I32); }
EDGE(bce, bg_bce_with_logits_loss(x, y, BG_NONE))
EDGE(l1, bg_l1_loss(x, y, BG_NONE))
EDGE(l2_mean, bg_l2_loss(x, y, BG_MEAN))
EDGE(cross_entropy, bg_cross_entropy_loss(x, class_0(x), BG_NONE))
static const edge edges[] = {
    { "bce with logits", edge_bce, 5, .x = LIST(100, -100, 0, 100, -0.0), .y = LIST(0, 0, 1, 1, 0), .n_values = 5,
      .value = LIST(100, 3.7200759760208361e-44, 0.69314718055994531, 3.7200759760208361e-44, 0.69314718055994531),
      .dx = LIST(1, 3.7200759760208361e-44, -0.5, 0, 0.5), .tolerance = 1e-7 },
    { "l1 loss", edge_l1, 3, .x = LIST(2, 2, 1), .y = LIST(2, 1, 2), .n_values = 3, .value = LIST(0, 1, 1),
      .dx = LIST(0, 1, -1), .dy = LIST(0, -1, 1), .has_dy = true, .is_kink = true },
    { "l2 loss: mean over all elements", edge_l2_mean, 4, .x = LIST(1, 2, 3, 4), .y = LIST(0, 0, 0, 0),
      .shape = MATRIX(2, 2), .n_values = 1, .value = LIST(7.5), .dx = LIST(0.5, 1, 1.5, 2) },
    { "cross-entropy: sure", edge_cross_entropy, 3, .x = LIST(1000, 0, -1000), .n_values = 1, .value = LIST(0),
      .dx = LIST(0, 0, 0) },
    { "cross-entropy: wrong", edge_cross_entropy, 2, .x = LIST(-1000, 1000), .n_values = 1, .value = LIST(2000),
      .dx = LIST(-1, 1) },
    { "cross-entropy: small", edge_cross_entropy, 2, .x = LIST(15, 0), .n_values = 1,
      .value = LIST(3.0590227380725515e-07), .dx = LIST(-3.0590222692562472e-07, 3.0590222692562472e-07),
      .tolerance = 2e-7, .only_f64 = true },
};

const op_family losses_family = { .name = "losses", FAMILY_CASES, FAMILY_GOLDEN, FAMILY_WRONG, FAMILY_EDGES };
