/* Matrix products. */
#include "cases.h"

#include <math.h>

/* ---- Cases ---- */

static const op_variant products[] = {
    PAIR(DIMS(3, 4), DIMS(4, 5)),
    PAIR(DIMS(1, 1), DIMS(1, 1)),
    PAIR(DIMS(1, 6), DIMS(6, 1)),
    PAIR(DIMS(6, 1), DIMS(1, 6)),
    PAIR(DIMS(1, 7), DIMS(7, 5)),
    PAIR(DIMS(5, 7), DIMS(7, 1)),
    PAIR(DIMS(4, 4), DIMS(4, 4)),
    PAIR(DIMS(2, 0), DIMS(0, 3)),
    PAIR(DIMS(0, 3), DIMS(3, 2)),
    PAIR(DIMS(2, 3), DIMS(3, 0)),
    PAIR(DIMS(5), DIMS(5)),
    PAIR(DIMS(4), DIMS(4, 3)),
    PAIR(DIMS(3, 4), DIMS(4)),
    PAIR(DIMS(2, 3, 4), DIMS(2, 4, 3)),
    PAIR(DIMS(2, 3, 4), DIMS(4, 2)),
    PAIR(DIMS(3, 4), DIMS(2, 4, 2)),
    PAIR(DIMS(2, 3, 4), DIMS(4)),
    PAIR(DIMS(3), DIMS(2, 3, 4)),
    PAIR(DIMS(2, 1, 3, 4), DIMS(3, 4, 2)),
    PAIR(DIMS(0, 3, 4), DIMS(4, 2)),
    PAIR(DIMS(17, 33), DIMS(33, 9)),
    PAIR(DIMS(40, 30), DIMS(30, 50)),
    PAIR(DIMS(2, 1, 2, 2, 3), DIMS(2, 3, 2)),
    PAIR(DIMS(3, 2, 2, 2), DIMS(3, 2, 2, 2)),
};
static const op_variant linears[] = {
    TRIPLE(DIMS(4), DIMS(5, 4), DIMS(5)),
    TRIPLE(DIMS(1), DIMS(1, 1), DIMS(1)),
    TRIPLE(DIMS(3, 4), DIMS(5, 4), DIMS(5)),
    TRIPLE(DIMS(1, 4), DIMS(5, 4), DIMS(5)),
    TRIPLE(DIMS(3, 4), DIMS(1, 4), DIMS(1)),
    TRIPLE(DIMS(3, 1), DIMS(5, 1), DIMS(5)),
    TRIPLE(DIMS(0, 4), DIMS(5, 4), DIMS(5)),
    TRIPLE(DIMS(3, 0), DIMS(5, 0), DIMS(5)),
    TRIPLE(DIMS(3, 4), DIMS(0, 4), DIMS(0)),
    TRIPLE(DIMS(7, 7), DIMS(7, 7), DIMS(7)),
    TRIPLE(DIMS(8, 9), DIMS(17, 9), DIMS(17)),
    TRIPLE(DIMS(17, 33), DIMS(5, 33), DIMS(5)),
    TRIPLE(DIMS(65, 3), DIMS(4, 3), DIMS(4)),
    TRIPLE(DIMS(30, 40), DIMS(50, 40), DIMS(50)),
    TRIPLE(DIMS(2, 300), DIMS(3, 300), DIMS(3)),
    TRIPLE(DIMS(2, 3), DIMS(300, 3), DIMS(300)),
    TRIPLE(DIMS(2, 3, 4), DIMS(5, 4), DIMS(5)),
    TRIPLE(DIMS(2, 1, 4), DIMS(5, 4), DIMS(5)),
    TRIPLE(DIMS(1, 1, 1), DIMS(2, 1), DIMS(2)),
    TRIPLE(DIMS(2, 3, 2, 4), DIMS(3, 4), DIMS(3)),
    TRIPLE(DIMS(2, 1, 2, 1, 3), DIMS(2, 3), DIMS(2)),
};

BUILD_2(matmul)
BUILD_3(linear)

static const op_case cases[] = {
    { .name = "matmul", .op = "matmul", .arity = 2, .sums = true, .build = build_matmul, VARIANTS(products) },
    { .name = "linear", .arity = 3, .sums = true, .build = build_linear, VARIANTS(linears) },
};

/* ---- Golden values ---- */

GOLDEN_2(matmul)
GOLDEN(linear, bg_linear(c->x[0], c->x[1], c->n > 2 ? c->x[2] : NULL))
static const golden_op golden[] = {
    GOLDEN_ROW(matmul),
    GOLDEN_ROW(linear),
};

/* ---- Wrong calls ---- */

#define WRONG(X)                                                                                                       \
    X(bg_matmul(f->x23, f->x23), BG_ERR_SHAPE, "matmul: inner dimensions differ: x [2, 3], w [2, 3]")                  \
    X(bg_matmul(f->x4, f->x34), BG_ERR_SHAPE, "matmul: inner dimensions differ: x [4], w [3, 4]")                      \
    X(bg_matmul(f->x3, f->x4), BG_ERR_SHAPE, "matmul: inner dimensions differ: x [3], w [4]")                          \
    X(bg_matmul(f->scalar, f->x3), BG_ERR_SHAPE, "matmul: needs rank 1 or more: x [], w [3]")                          \
    X(bg_matmul(f->x23, f->d3), BG_ERR_DTYPE, "matmul: types differ: x f32, w f64")                                    \
    X(bg_matmul(f->i3, f->i3), BG_ERR_DTYPE, "matmul: x is i32, not f32 or f64")                                       \
    X(bg_matmul(f->x243, bg_broadcast(f->x34, BG_SHAPE(5, 3, 4))), BG_ERR_SHAPE,                                       \
      "matmul: leading dimensions do not broadcast together: x [2, 4, 3], w [5, 3, 4]")                                \
    X(bg_linear(f->x23, f->x34, NULL), BG_ERR_SHAPE, "linear: x has 3 features, w expects 4: x [2, 3], w [3, 4]")      \
    X(bg_linear(f->x3, f->x3, NULL), BG_ERR_SHAPE, "linear: needs x [.., in], w [out, in]: x [3], w [3]")              \
    X(bg_linear(f->scalar, f->x23, NULL), BG_ERR_SHAPE, "linear: needs x [.., in], w [out, in]: x [], w [2, 3]")       \
    X(bg_linear(f->x3, f->x23, f->x3), BG_ERR_SHAPE, "linear: w [2, 3] needs b [2], got b [3]")                        \
    X(bg_linear(f->x3, f->d23, NULL), BG_ERR_DTYPE, "linear: types differ: x f32, w f64")                              \
    X(bg_linear(f->x3, f->x23, f->d3), BG_ERR_DTYPE, "linear: types differ: x f32, b f64")
WRONG_CALLS(WRONG)

/* ---- Edges ---- */

EDGE(product, bg_matmul(x, bg_transpose(y, 0, 1)))
static const edge edges[] = {
    { "product over nothing", edge_product, 0, .shape = MATRIX(2, 0), .n_values = 4, .value = LIST(0, 0, 0, 0) },
};

const op_family contractions_family = {
    .name = "contractions", FAMILY_CASES, FAMILY_GOLDEN, FAMILY_WRONG, FAMILY_EDGES
};
