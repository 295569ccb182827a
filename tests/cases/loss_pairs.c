/* Losses of vectors and of pairs. */
#include "cases.h"

#include <math.h>

/* ---- Cases ---- */

#define TRIPLET(...)                                                                                                   \
    &(bg_triplet_margin_options) { __VA_ARGS__ }
#define COSINE(m)                                                                                                      \
    &(bg_cosine_embedding_options) { .margin = m }
#define RANKING(m)                                                                                                     \
    &(bg_margin_ranking_options) { .margin = m }
BUILD(cosine, bg_cosine_similarity_loss(x[0], x[1], BG_NONE))
BUILD(cosine_mean, bg_cosine_similarity_loss(x[0], x[1], BG_MEAN))
BUILD(cosine_embedding, bg_cosine_embedding_loss(x[0], x[1], bg_sign(x[2]), BG_NONE, COSINE(-1.5)))
BUILD(cosine_embedding_sum, bg_cosine_embedding_loss(x[0], x[1], bg_sign(x[2]), BG_SUM, COSINE(-1.5)))
BUILD(hinge_embedding, bg_hinge_embedding_loss(x[0], bg_sign(x[1]), BG_NONE))
BUILD(hinge_embedding_mean,
      bg_hinge_embedding_loss_with(x[0], bg_sign(x[1]), BG_MEAN, &(bg_hinge_embedding_options){ .margin = BG_SOME(2) }))
BUILD(margin_ranking, bg_margin_ranking_loss(x[0], x[1], bg_sign(x[2]), BG_NONE, NULL))
BUILD(margin_ranking_sum, bg_margin_ranking_loss(x[0], x[1], bg_sign(x[2]), BG_SUM, RANKING(0.5)))
BUILD(triplet, bg_triplet_margin_loss(x[0], x[1], x[2], BG_NONE, TRIPLET(.margin = 100)))
BUILD(triplet_swap,
      bg_triplet_margin_loss(x[0], x[1], x[2], BG_MEAN, TRIPLET(.margin = 1000, .p = 3, .has_swap = true)))

static const op_variant rows[] = { SAME(1),       SAME(2),       SAME(7),       SAME(9),          SAME(65),
                                   SAME(1, 1),    SAME(1, 4),    SAME(5, 1),    SAME(3, 4),       SAME(7, 8),
                                   SAME(8, 7),    SAME(17, 9),   SAME(65, 3),   SAME(0, 4),       SAME(3, 300),
                                   SAME(2, 3, 4), SAME(2, 0, 4), SAME(1, 1, 4), SAME(2, 2, 2, 3), SAME(2, 1, 2, 2, 3) };
#define ROWS(d, ...) TRIPLE(DIMS(__VA_ARGS__, d), DIMS(__VA_ARGS__, d), DIMS(__VA_ARGS__))
#define ROW(d)       TRIPLE(DIMS(d), DIMS(d), NO_DIMS)
static const op_variant rows_with_targets[] = { ROW(1),        ROW(2),        ROW(7),           ROW(65),
                                                ROW(300),      ROWS(1, 1),    ROWS(4, 1),       ROWS(1, 5),
                                                ROWS(4, 3),    ROWS(8, 7),    ROWS(7, 8),       ROWS(9, 17),
                                                ROWS(3, 65),   ROWS(4, 0),    ROWS(300, 3),     ROWS(4, 2, 3),
                                                ROWS(4, 2, 0), ROWS(4, 1, 1), ROWS(3, 2, 2, 2), ROWS(3, 2, 1, 2, 2) };
#define ALIKE(...) TRIPLE(DIMS(__VA_ARGS__), DIMS(__VA_ARGS__), DIMS(__VA_ARGS__))
static const op_variant triples[] = {
    ALIKE(1),      ALIKE(2),       ALIKE(7),       ALIKE(9),       ALIKE(65),         ALIKE(1, 1),  ALIKE(1, 4),
    ALIKE(5, 1),   ALIKE(3, 4),    ALIKE(7, 8),    ALIKE(8, 7),    ALIKE(17, 9),      ALIKE(65, 3), ALIKE(0, 4),
    ALIKE(3, 300), ALIKE(2, 3, 4), ALIKE(2, 0, 4), ALIKE(1, 1, 4), ALIKE(2, 2, 2, 3), ALIKE(300),   ALIKE(2, 1, 2, 2, 3)
};

#define CASE(label, function, table, n, first, second, third, ...)                                                     \
    {                                                                                                                  \
        .name = label, .arity = n, .domains = { first, second, third }, .build = build_##function, VARIANTS(table),    \
        __VA_ARGS__                                                                                                    \
    }
static const op_case cases[] = {
    CASE("cosine_similarity_loss", cosine, rows, 2, IS_NOT_0, IS_POSITIVE, 0, .rho = 2e-6, .is_apart = true),
    CASE("cosine_similarity_loss, mean", cosine_mean, rows, 2, IS_NOT_0, IS_POSITIVE, 0, .sums = true),
    CASE("cosine_embedding_loss", cosine_embedding, rows_with_targets, 3, IS_NOT_0, IS_NOT_0, IS_NOT_0, .rho = 2e-6),
    CASE("cosine_embedding_loss, sum", cosine_embedding_sum, rows_with_targets, 3, IS_NOT_0, IS_NOT_0, IS_NOT_0,
         .sums = true),
    CASE("hinge_embedding_loss", hinge_embedding, same_shapes, 2, IS_BETWEEN, IS_NOT_0, 0,
         .gradient = IS_DIFFERENTIABLE),
    CASE("hinge_embedding_loss, mean", hinge_embedding_mean, same_shapes, 2, IS_BETWEEN, IS_NOT_0, 0, .sums = true),
    CASE("margin_ranking_loss", margin_ranking, triples, 3, IS_EVEN, IS_ODD, IS_NOT_0, .gradient = IS_DIFFERENTIABLE),
    CASE("margin_ranking_loss, sum", margin_ranking_sum, triples, 3, IS_EVEN, IS_ODD, IS_NOT_0, .sums = true),
    CASE("triplet_margin_loss", triplet, triples, 3, IS_EVEN, IS_ODD, IS_ABOVE_ONE, .rho = 2e-6),
    CASE("triplet_margin_loss, swap, mean", triplet_swap, triples, 3, IS_EVEN, IS_ODD, IS_ABOVE_ONE, .sums = true),
};

/* ---- Golden values ---- */

#define REDUCTION golden_reduction(c->record)
GOLDEN(cosine_similarity_loss, bg_cosine_similarity_loss(c->x[0], c->x[1], REDUCTION))
GOLDEN(cosine_embedding_loss,
       bg_cosine_embedding_loss(c->x[0], c->x[1], c->x[2], REDUCTION, COSINE(golden_option(c, "margin"))))
GOLDEN(hinge_embedding_loss,
       bg_hinge_embedding_loss_with(c->x[0], c->x[1], REDUCTION,
                                    &(bg_hinge_embedding_options){ .margin = golden_optional(c, "margin") }))
GOLDEN(margin_ranking_loss,
       bg_margin_ranking_loss(c->x[0], c->x[1], c->x[2], REDUCTION, RANKING(golden_option(c, "margin"))))
GOLDEN(triplet_margin_loss,
       bg_triplet_margin_loss(c->x[0], c->x[1], c->x[2], REDUCTION,
                              TRIPLET(.p = golden_option(c, "p"), .margin = golden_option(c, "margin"),
                                      .eps = golden_optional(c, "eps"), .has_swap = golden_option(c, "swap") != 0)))
static const golden_op golden[] = { GOLDEN_ROW(cosine_similarity_loss), GOLDEN_ROW(cosine_embedding_loss),
                                    GOLDEN_ROW(hinge_embedding_loss), GOLDEN_ROW(margin_ranking_loss),
                                    GOLDEN_ROW(triplet_margin_loss) };

/* ---- Wrong calls ---- */

#define TRIPLET_OF_3(...) bg_triplet_margin_loss(f->x3, f->x3, f->x3, BG_MEAN, TRIPLET(__VA_ARGS__))
#define WRONG(X)                                                                                                       \
    X(bg_cosine_similarity_loss(f->x3, f->x4, BG_MEAN), BG_ERR_SHAPE,                                                  \
      "cosine_similarity_loss: shapes differ: prediction [3], target [4]")                                             \
    X(bg_cosine_similarity_loss(f->scalar, f->scalar, BG_MEAN), BG_ERR_SHAPE,                                          \
      "cosine_similarity_loss: needs prediction [.., d]: prediction []")                                               \
    X(bg_cosine_embedding_loss(f->x23, f->x23, f->x3, BG_MEAN, NULL), BG_ERR_SHAPE,                                    \
      "cosine_embedding_loss: needs x [.., d], target [..]: x [2, 3], target [3]")                                     \
    X(bg_cosine_embedding_loss(f->x23, f->x23, f->i2, BG_MEAN, NULL), BG_ERR_DTYPE,                                    \
      "cosine_embedding_loss: target is i32, not f32 or f64")                                                          \
    X(bg_cosine_embedding_loss(f->x23, f->x3, f->x3, BG_MEAN, NULL), BG_ERR_SHAPE,                                     \
      "cosine_embedding_loss: shapes differ: x [2, 3], y [3]")                                                         \
    X(bg_cosine_embedding_loss(f->x3, f->x3, NULL, BG_MEAN, NULL), BG_ERR_ARGUMENT,                                    \
      "cosine_embedding_loss: input 2 is NULL")                                                                        \
    X(bg_cosine_embedding_loss(f->x3, f->x3, f->scalar, BG_MEAN, COSINE(NAN)), BG_ERR_ARGUMENT,                        \
      "cosine_embedding_loss: margin is nan, not a finite number")                                                     \
    X(bg_hinge_embedding_loss(f->x3, f->x4, BG_MEAN), BG_ERR_SHAPE,                                                    \
      "hinge_embedding_loss: shapes differ: distance [3], target [4]")                                                 \
    X(bg_hinge_embedding_loss_with(f->x3, f->x3, BG_MEAN, &(bg_hinge_embedding_options){ .margin = BG_SOME(INF) }),    \
      BG_ERR_ARGUMENT, "hinge_embedding_loss: margin is inf, not a finite number")                                     \
    X(bg_margin_ranking_loss(f->x3, f->x4, f->x3, BG_MEAN, NULL), BG_ERR_SHAPE,                                        \
      "margin_ranking_loss: shapes differ: x [3], y [4]")                                                              \
    X(bg_margin_ranking_loss(f->x3, f->x3, f->d3, BG_MEAN, NULL), BG_ERR_DTYPE,                                        \
      "margin_ranking_loss: types differ: x f32, target f64")                                                          \
    X(bg_margin_ranking_loss(f->x3, f->x3, f->foreign, BG_MEAN, NULL), BG_ERR_ARGUMENT,                                \
      "margin_ranking_loss: inputs belong to different graphs")                                                        \
    X(bg_margin_ranking_loss(f->x3, f->x3, f->x3, BG_MEAN, RANKING(INF)), BG_ERR_ARGUMENT,                             \
      "margin_ranking_loss: margin is inf, not a finite number")                                                       \
    X(bg_triplet_margin_loss(f->x3, f->x3, f->x4, BG_MEAN, NULL), BG_ERR_SHAPE,                                        \
      "triplet_margin_loss: shapes differ: anchor [3], negative [4]")                                                  \
    X(bg_triplet_margin_loss(f->scalar, f->scalar, f->scalar, BG_MEAN, NULL), BG_ERR_SHAPE,                            \
      "triplet_margin_loss: needs anchor [.., d]: anchor []")                                                          \
    X(TRIPLET_OF_3(.margin = -1), BG_ERR_ARGUMENT, "triplet_margin_loss: margin is -1, not a number above 0")          \
    X(TRIPLET_OF_3(.p = -2), BG_ERR_ARGUMENT, "triplet_margin_loss: p is -2, not a number above 0")                    \
    X(TRIPLET_OF_3(.p = NAN), BG_ERR_ARGUMENT, "triplet_margin_loss: p is nan, not a number above 0")                  \
    X(TRIPLET_OF_3(.eps = BG_SOME(-1)), BG_ERR_ARGUMENT, "triplet_margin_loss: eps is -1, not a number of at least 0")
WRONG_CALLS(WRONG)

/* ---- Edges ---- */

EDGE(cosine, bg_cosine_similarity_loss(x, y, BG_NONE))
EDGE(hinge_embedding, bg_hinge_embedding_loss(x, y, BG_NONE))
EDGE(margin_ranking, bg_margin_ranking_loss(x, bg_mul_scalar(x, 0), y, BG_NONE, NULL))
EDGE(triplet, bg_triplet_margin_loss(x, y, y, BG_NONE, NULL))
static const edge edges[] = {
    { "cosine_similarity_loss: zero vector", edge_cosine, 2, .x = LIST(0, 0), .y = LIST(3, 4), .n_values = 1,
      .value = LIST(1), .dx = LIST(-6e7, -8e7), .dy = LIST(0, 0), .has_dy = true, .tolerance = 1e-6 },
    { "hinge_embedding_loss: kink, targets 1, -1 and another", edge_hinge_embedding, 5, .x = LIST(1, 1, 0.5, 2, 0.25),
      .y = LIST(1, -1, -1, -1, 0), .n_values = 5, .value = LIST(1, 0, 0.5, 0, 1), .dx = LIST(1, -1, -1, 0, 0),
      .is_kink = true },
    { "margin_ranking_loss: tie", edge_margin_ranking, 3, .x = LIST(0, 1, 1), .y = LIST(1, 1, -1), .n_values = 3,
      .value = LIST(0, 0, 1), .dx = LIST(-1, 0, 1), .is_kink = true },
    { "triplet_margin_loss: one point", edge_triplet, 2, .x = LIST(1, 2), .y = LIST(3, 2), .n_values = 1,
      .value = LIST(1), .dx = LIST(0, 0) },
};

const op_family loss_pairs_family = { .name = "loss_pairs", FAMILY_CASES, FAMILY_GOLDEN, FAMILY_WRONG, FAMILY_EDGES };
