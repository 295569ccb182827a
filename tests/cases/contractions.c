/* Products of vectors, matrices and tensors. */
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
    PAIR(DIMS(20, 30), DIMS(3, 30, 2)),
    PAIR(DIMS(2, 1, 20, 10), DIMS(2, 3, 10, 2)),
    PAIR(DIMS(2, 3, 2, 10), DIMS(3, 10, 20)),
    PAIR(DIMS(9, 1), DIMS(4, 1, 9)),
    PAIR(DIMS(1, 2, 1, 1, 2, 1, 2, 3), DIMS(2, 1, 3, 2)),
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

/* Axes of x, and as n their number and those of y. */
#define OVER_PAIRS(a, b, x_axes, ...)                                                                                  \
    {                                                                                                                  \
        .x = { a, b }, .axes = x_axes, .n = { __VA_ARGS__ }                                                            \
    }
static const op_variant tensordots[] = {
    OVER_PAIRS(DIMS(3, 4), DIMS(4, 5), DIMS(1), 1, 0),
    OVER_PAIRS(DIMS(3, 4), DIMS(4, 5), DIMS(-1), 1, -2),
    OVER_PAIRS(DIMS(3, 4), DIMS(5, 4), DIMS(1), 1, 1),
    OVER_PAIRS(DIMS(4, 3), DIMS(4, 5), DIMS(0), 1, 0),
    OVER_PAIRS(DIMS(2, 3, 4), DIMS(4, 3, 5), DIMS(1, 2), 2, 1, 0),
    OVER_PAIRS(DIMS(2, 3, 4), DIMS(5, 3, 4), DIMS(1, 2), 2, 1, 2),
    OVER_PAIRS(DIMS(2, 3, 4), DIMS(4, 5, 2), DIMS(2, 0), 2, 0, 2),
    OVER_PAIRS(DIMS(2, 3, 4), DIMS(3, 2), DIMS(1), 1, 0),
    OVER_PAIRS(DIMS(2, 3, 2), DIMS(2, 3, 2), DIMS(0, 1, 2), 3, 0, 1, 2),
    OVER_PAIRS(DIMS(2, 3, 2), DIMS(2, 3, 2), DIMS(0, 1, 2), 3, 2, 1, 0),
    OVER_PAIRS(DIMS(5), DIMS(5), DIMS(0), 1, 0),
    OVER_PAIRS(DIMS(2, 3), DIMS(4), NO_DIMS, 0),
    OVER_PAIRS(DIMS(2), DIMS(3, 2), NO_DIMS, 0),
    OVER_PAIRS(NO_DIMS, DIMS(3, 2), NO_DIMS, 0),
    OVER_PAIRS(DIMS(1, 1), DIMS(1, 1), DIMS(1), 1, 0),
    OVER_PAIRS(DIMS(3, 1), DIMS(1, 4), DIMS(1), 1, 0),
    OVER_PAIRS(DIMS(3, 0), DIMS(0, 4), DIMS(1), 1, 0),
    OVER_PAIRS(DIMS(0, 3), DIMS(3, 2), DIMS(1), 1, 0),
    OVER_PAIRS(DIMS(17, 33), DIMS(33, 9), DIMS(1), 1, 0),
    OVER_PAIRS(DIMS(2, 2, 2, 2, 3), DIMS(3, 2, 2), DIMS(4, 0), 2, 0, 2),
    OVER_PAIRS(DIMS(2, 2, 2, 2, 2), DIMS(2, 2, 2, 2, 2), DIMS(4), 1, 3),
};
static const op_variant vectors[] = {
    PAIR(DIMS(1), DIMS(1)),   PAIR(DIMS(1), DIMS(2)),   PAIR(DIMS(2), DIMS(1)),   PAIR(DIMS(3), DIMS(4)),
    PAIR(DIMS(4), DIMS(4)),   PAIR(DIMS(0), DIMS(3)),   PAIR(DIMS(3), DIMS(0)),   PAIR(DIMS(0), DIMS(0)),
    PAIR(DIMS(7), DIMS(9)),   PAIR(DIMS(17), DIMS(5)),  PAIR(DIMS(5), DIMS(17)),  PAIR(DIMS(33), DIMS(3)),
    PAIR(DIMS(3), DIMS(65)),  PAIR(DIMS(65), DIMS(3)),  PAIR(DIMS(2), DIMS(300)), PAIR(DIMS(300), DIMS(2)),
    PAIR(DIMS(16), DIMS(16)), PAIR(DIMS(1), DIMS(300)), PAIR(DIMS(300), DIMS(1)), PAIR(DIMS(8), DIMS(8)),
};
static const op_variant equal_vectors[] = {
    SAME(0),  SAME(1),  SAME(2),  SAME(3),  SAME(4),  SAME(5),  SAME(7),  SAME(8),   SAME(9),   SAME(15),
    SAME(16), SAME(17), SAME(31), SAME(32), SAME(33), SAME(64), SAME(65), SAME(100), SAME(257), SAME(300),
};
static const op_variant inners[] = {
    PAIR(NO_DIMS, NO_DIMS),          PAIR(NO_DIMS, DIMS(3)),
    PAIR(DIMS(2, 3), NO_DIMS),       PAIR(DIMS(5), DIMS(5)),
    PAIR(DIMS(0), DIMS(0)),          PAIR(DIMS(1), DIMS(1)),
    PAIR(DIMS(3, 4), DIMS(4)),       PAIR(DIMS(4), DIMS(3, 4)),
    PAIR(DIMS(3, 4), DIMS(5, 4)),    PAIR(DIMS(3, 4), DIMS(3, 4)),
    PAIR(DIMS(3, 1), DIMS(5, 1)),    PAIR(DIMS(3, 0), DIMS(5, 0)),
    PAIR(DIMS(0, 3), DIMS(2, 3)),    PAIR(DIMS(1, 6), DIMS(1, 6)),
    PAIR(DIMS(2, 3, 4), DIMS(4)),    PAIR(DIMS(2, 3, 4), DIMS(5, 4)),
    PAIR(DIMS(2, 4), DIMS(3, 2, 4)), PAIR(DIMS(2, 3, 4), DIMS(2, 3, 4)),
    PAIR(DIMS(17, 33), DIMS(9, 33)), PAIR(DIMS(2, 2, 2, 2, 3), DIMS(2, 2, 3)),
};
static const op_variant krons[] = {
    PAIR(NO_DIMS, NO_DIMS),          PAIR(NO_DIMS, DIMS(2, 3)),
    PAIR(DIMS(2, 3), NO_DIMS),       PAIR(DIMS(2), DIMS(3)),
    PAIR(DIMS(3), DIMS(3)),          PAIR(DIMS(2, 3), DIMS(4, 5)),
    PAIR(DIMS(2, 3), DIMS(2, 3)),    PAIR(DIMS(1, 3), DIMS(4, 1)),
    PAIR(DIMS(3, 1), DIMS(1, 4)),    PAIR(DIMS(1, 1), DIMS(3, 4)),
    PAIR(DIMS(3, 4), DIMS(1, 1)),    PAIR(DIMS(0, 3), DIMS(2, 2)),
    PAIR(DIMS(2, 3), DIMS(2, 0)),    PAIR(DIMS(2, 3), DIMS(4)),
    PAIR(DIMS(4), DIMS(2, 3)),       PAIR(DIMS(2, 3, 2), DIMS(2, 1, 3)),
    PAIR(DIMS(2, 3, 2), DIMS(2, 3)), PAIR(DIMS(2, 1, 2, 3), DIMS(1, 2, 2, 2)),
    PAIR(DIMS(5, 7), DIMS(9, 3)),    PAIR(DIMS(17), DIMS(9)),
};
/* x, y, weight and bias; without a bias where there are three. */
#define BILINEAR(a, b, w, ...)                                                                                         \
    {                                                                                                                  \
        .x = { a, b, w, __VA_ARGS__ }, .n_inputs = 4                                                                   \
    }
#define BILINEAR_3(a, b, w)                                                                                            \
    {                                                                                                                  \
        .x = { a, b, w }, .n_inputs = 3                                                                                \
    }
static const op_variant bilinears[] = {
    BILINEAR(DIMS(2), DIMS(3), DIMS(4, 2, 3), DIMS(4)),
    BILINEAR(DIMS(5, 2), DIMS(5, 3), DIMS(4, 2, 3), DIMS(4)),
    BILINEAR(DIMS(2, 3, 2), DIMS(2, 3, 3), DIMS(4, 2, 3), DIMS(4)),
    BILINEAR(DIMS(1), DIMS(1), DIMS(1, 1, 1), DIMS(1)),
    BILINEAR(DIMS(1, 2), DIMS(1, 2), DIMS(1, 2, 2), DIMS(1)),
    BILINEAR(DIMS(0, 2), DIMS(0, 3), DIMS(4, 2, 3), DIMS(4)),
    BILINEAR(DIMS(3, 0), DIMS(3, 2), DIMS(4, 0, 2), DIMS(4)),
    BILINEAR(DIMS(3, 2), DIMS(3, 0), DIMS(4, 2, 0), DIMS(4)),
    BILINEAR(DIMS(3, 2), DIMS(3, 2), DIMS(0, 2, 2), DIMS(0)),
    BILINEAR(DIMS(7, 5), DIMS(7, 4), DIMS(1, 5, 4), DIMS(1)),
    BILINEAR(DIMS(3, 1), DIMS(3, 4), DIMS(2, 1, 4), DIMS(2)),
    BILINEAR(DIMS(3, 4), DIMS(3, 1), DIMS(2, 4, 1), DIMS(2)),
    BILINEAR(DIMS(9, 3), DIMS(9, 2), DIMS(17, 3, 2), DIMS(17)),
    BILINEAR(DIMS(2, 9), DIMS(2, 8), DIMS(3, 9, 8), DIMS(3)),
    BILINEAR(DIMS(2, 1, 2), DIMS(2, 1, 3), DIMS(2, 2, 3), DIMS(2)),
    BILINEAR_3(DIMS(2), DIMS(3), DIMS(4, 2, 3)),
    BILINEAR_3(DIMS(5, 2), DIMS(5, 3), DIMS(4, 2, 3)),
    BILINEAR_3(DIMS(1, 3), DIMS(1, 3), DIMS(2, 3, 3)),
    BILINEAR_3(DIMS(6, 4), DIMS(6, 3), DIMS(1, 4, 3)),
    BILINEAR_3(DIMS(33, 2), DIMS(33, 2), DIMS(3, 2, 2)),
};
#define CHAIN(count, ...)                                                                                              \
    {                                                                                                                  \
        .n_inputs = count, .x = { __VA_ARGS__ }                                                                        \
    }
static const op_variant chains[] = {
    CHAIN(2, DIMS(3, 4), DIMS(4, 5)),
    CHAIN(2, DIMS(4), DIMS(4, 5)),
    CHAIN(2, DIMS(3, 4), DIMS(4)),
    CHAIN(2, DIMS(4), DIMS(4)),
    CHAIN(2, DIMS(2, 0), DIMS(0, 3)),
    CHAIN(3, DIMS(2, 3), DIMS(3, 4), DIMS(4, 2)),
    CHAIN(3, DIMS(5, 1), DIMS(1, 5), DIMS(5, 1)),
    CHAIN(3, DIMS(1, 5), DIMS(5, 1), DIMS(1, 5)),
    CHAIN(3, DIMS(3), DIMS(3, 4), DIMS(4)),
    CHAIN(3, DIMS(3), DIMS(3, 4), DIMS(4, 2)),
    CHAIN(3, DIMS(2, 3), DIMS(3, 4), DIMS(4)),
    CHAIN(3, DIMS(0, 3), DIMS(3, 4), DIMS(4, 2)),
    CHAIN(3, DIMS(17, 2), DIMS(2, 9), DIMS(9, 3)),
    CHAIN(4, DIMS(2, 3), DIMS(3, 2), DIMS(2, 4), DIMS(4, 2)),
    CHAIN(4, DIMS(6, 1), DIMS(1, 6), DIMS(6, 1), DIMS(1, 6)),
    CHAIN(4, DIMS(2, 2), DIMS(2, 2), DIMS(2, 2), DIMS(2, 2)),
    CHAIN(5, DIMS(3), DIMS(3, 2), DIMS(2, 3), DIMS(3, 2), DIMS(2)),
    CHAIN(5, DIMS(2, 3), DIMS(3, 1), DIMS(1, 4), DIMS(4, 2), DIMS(2, 3)),
    CHAIN(6, DIMS(1, 2), DIMS(2, 3), DIMS(3, 2), DIMS(2, 3), DIMS(3, 2), DIMS(2, 1)),
    CHAIN(8, DIMS(2, 2), DIMS(2, 1), DIMS(1, 3), DIMS(3, 2), DIMS(2, 2), DIMS(2, 2), DIMS(2, 1), DIMS(1, 2)),
};
#define CROSS(a, b, along)                                                                                             \
    {                                                                                                                  \
        .x = { a, b }, .n = { along }                                                                                  \
    }
static const op_variant crosses[] = {
    CROSS(DIMS(3), DIMS(3), 0),           CROSS(DIMS(3), DIMS(3), -1),
    CROSS(DIMS(2, 3), DIMS(2, 3), 1),     CROSS(DIMS(2, 3), DIMS(3), -1),
    CROSS(DIMS(3), DIMS(2, 3), -1),       CROSS(DIMS(3, 4), DIMS(3, 4), 0),
    CROSS(DIMS(3, 4), DIMS(3, 1), 0),     CROSS(DIMS(3, 3), DIMS(3, 3), 0),
    CROSS(DIMS(3, 3), DIMS(3, 3), 1),     CROSS(DIMS(2, 3, 4), DIMS(2, 3, 4), 1),
    CROSS(DIMS(2, 3, 4), DIMS(3, 4), -2), CROSS(DIMS(2, 3, 4), DIMS(1, 3, 1), 1),
    CROSS(DIMS(2, 1, 3), DIMS(4, 3), 2),  CROSS(DIMS(1, 3), DIMS(5, 3), 1),
    CROSS(DIMS(0, 3), DIMS(0, 3), 1),     CROSS(DIMS(3, 0), DIMS(3, 1), 0),
    CROSS(DIMS(17, 3), DIMS(17, 3), 1),   CROSS(DIMS(65, 3), DIMS(3), 1),
    CROSS(DIMS(3, 300), DIMS(3, 300), 0), CROSS(DIMS(2, 2, 2, 3), DIMS(2, 1, 3), 3),
    CROSS(DIMS(1), DIMS(3), 0),
};
static const op_variant traces[] = {
    ONE(1, 1),   ONE(2, 2),    ONE(3, 3),    ONE(3, 4),    ONE(4, 3),    ONE(1, 5),       ONE(5, 1),
    ONE(0, 0),   ONE(0, 3),    ONE(3, 0),    ONE(9, 9),    ONE(17, 17),  ONE(65, 65),     ONE(2, 300),
    ONE(300, 2), ONE(2, 3, 3), ONE(2, 3, 4), ONE(5, 1, 1), ONE(0, 2, 2), ONE(2, 3, 4, 4), ONE(2, 1, 2, 3, 3),
};

BUILD_2(matmul)
BUILD_3(linear)
static bg_axes y_axes(const op_variant *v)
{
    bg_axes axes = { .count = (int)v->n[0] };
    for (int i = 0; i < axes.count; i++)
        axes.axis[i] = (int)v->n[i + 1];
    return axes;
}
BUILD(tensordot, bg_tensordot(x[0], x[1], v->axes, y_axes(v)))
BUILD_2(outer)
BUILD_2(dot)
BUILD_2(inner)
BUILD_2(kron)
BUILD(bilinear, bg_bilinear(x[0], x[1], x[2], v->n_inputs > 3 ? x[3] : NULL))
BUILD(multi_dot, bg_multi_dot(x, v->n_inputs))
BUILD(cross, bg_cross(x[0], x[1], (int)v->n[0]))
BUILD_1(trace)

static const op_case cases[] = {
    { .name = "matmul", .op = "matmul", .arity = 2, .sums = true, .build = build_matmul, VARIANTS(products) },
    { .name = "linear", .arity = 3, .sums = true, .build = build_linear, VARIANTS(linears) },
    { .name = "tensordot", .arity = 2, .sums = true, .build = build_tensordot, VARIANTS(tensordots) },
    { .name = "outer", .arity = 2, .build = build_outer, VARIANTS(vectors) },
    { .name = "dot", .arity = 2, .sums = true, .build = build_dot, VARIANTS(equal_vectors) },
    { .name = "inner", .arity = 2, .sums = true, .build = build_inner, VARIANTS(inners) },
    { .name = "kron", .arity = 2, .build = build_kron, VARIANTS(krons) },
    { .name = "bilinear", .arity = 4, .sums = true, .build = build_bilinear, VARIANTS(bilinears) },
    { .name = "multi_dot", .arity = 2, .sums = true, .build = build_multi_dot, VARIANTS(chains) },
    { .name = "cross", .arity = 2, .sums = true, .build = build_cross, VARIANTS(crosses) },
    { .name = "trace", .arity = 1, .sums = true, .build = build_trace, VARIANTS(traces) },
};

/* ---- Golden values ---- */

GOLDEN_2(matmul)
GOLDEN(linear, bg_linear(c->x[0], c->x[1], c->n > 2 ? c->x[2] : NULL))
GOLDEN(tensordot, bg_tensordot(c->x[0], c->x[1], golden_axes(c, "x_axes"), golden_axes(c, "y_axes")))
GOLDEN_2(outer)
GOLDEN_2(dot)
GOLDEN_2(inner)
GOLDEN_2(kron)
GOLDEN(bilinear, bg_bilinear(c->x[0], c->x[1], c->x[2], c->n > 3 ? c->x[3] : NULL))
GOLDEN(multi_dot, bg_multi_dot((bg_node **)c->x, c->n))
GOLDEN(cross, bg_cross(c->x[0], c->x[1], golden_integer(c, "axis")))
GOLDEN_1(trace)
static const golden_op golden[] = {
    GOLDEN_ROW(matmul),    GOLDEN_ROW(linear), GOLDEN_ROW(tensordot), GOLDEN_ROW(outer),
    GOLDEN_ROW(dot),       GOLDEN_ROW(inner),  GOLDEN_ROW(kron),      GOLDEN_ROW(bilinear),
    GOLDEN_ROW(multi_dot), GOLDEN_ROW(cross),  GOLDEN_ROW(trace),
};

/* ---- Wrong calls ---- */

static bg_node *chain_of(bg_node *x, bg_node *y, bg_node *z) { return bg_multi_dot((bg_node *[]){ x, y, z }, 3); }

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
    X(bg_linear(f->x3, f->x23, f->d3), BG_ERR_DTYPE, "linear: types differ: x f32, b f64")                             \
    X(bg_tensordot(f->x23, f->x34, BG_AXES(0), BG_AXES(0)), BG_ERR_SHAPE,                                              \
      "tensordot: axis 0 of x [2, 3] is not as long as axis 0 of y [3, 4]")                                            \
    X(bg_tensordot(f->x23, f->x34, BG_AXES(0, 1), BG_AXES(0)), BG_ERR_ARGUMENT,                                        \
      "tensordot: 2 axes of x [2, 3] with 1 of y [3, 4]")                                                              \
    X(bg_tensordot(f->x23, f->x34, BG_AXES(2), BG_AXES(0)), BG_ERR_ARGUMENT, "tensordot: x [2, 3] has no axis 2")      \
    X(bg_tensordot(f->x23, f->x23, BG_AXES(0, 0), BG_AXES(0, 0)), BG_ERR_ARGUMENT, "tensordot: axis 0 is given twice") \
    X(bg_tensordot(f->x3, f->d3, BG_AXES(0), BG_AXES(0)), BG_ERR_DTYPE, "tensordot: types differ: x f32, y f64")       \
    X(bg_tensordot(f->x3, f->i3, BG_AXES(0), BG_AXES(0)), BG_ERR_DTYPE, "tensordot: y is i32, not f32 or f64")         \
    X(bg_tensordot(f->image, bg_unsqueeze(f->image, 0), BG_AXES(), BG_AXES()), BG_ERR_SHAPE,                           \
      "tensordot: the result has too many axes: x [2, 3, 5, 5], y [1, 2, 3, 5, 5]")                                    \
    X(bg_outer(f->x23, f->x3), BG_ERR_SHAPE, "outer: needs two vectors: x [2, 3], y [3]")                              \
    X(bg_outer(f->x3, f->d3), BG_ERR_DTYPE, "outer: types differ: x f32, y f64")                                       \
    X(bg_dot(f->x3, f->x4), BG_ERR_SHAPE, "dot: needs two vectors of equal length: x [3], y [4]")                      \
    X(bg_dot(f->x23, f->x23), BG_ERR_SHAPE, "dot: needs two vectors of equal length: x [2, 3], y [2, 3]")              \
    X(bg_dot(f->x3, NULL), BG_ERR_ARGUMENT, "dot: input 1 is NULL")                                                    \
    X(bg_inner(f->x23, f->x34), BG_ERR_SHAPE, "inner: the last extents differ: x [2, 3], y [3, 4]")                    \
    X(bg_inner(f->i3, f->x3), BG_ERR_DTYPE, "inner: x is i32, not f32 or f64")                                         \
    X(bg_kron(f->x3, bg_unsqueeze(f->image, 0)), BG_ERR_SHAPE, "kron: needs rank 4 or less: x [3], y [1, 2, 3, 5, 5]") \
    X(bg_kron(f->x3, f->foreign), BG_ERR_ARGUMENT, "kron: inputs belong to different graphs")                          \
    X(bg_bilinear(f->x23, f->x3, bg_unsqueeze(f->x34, 0), NULL), BG_ERR_SHAPE,                                         \
      "bilinear: needs x [.., in1], y [.., in2], weight [out, in1, in2]: x [2, 3], y [3], weight [1, 3, 4]")           \
    X(bg_bilinear(f->x3, f->x4, f->x34, NULL), BG_ERR_SHAPE,                                                           \
      "bilinear: needs x [.., in1], y [.., in2], weight [out, in1, in2]: x [3], y [4], weight [3, 4]")                 \
    X(bg_bilinear(f->x3, f->x4, bg_unsqueeze(f->x34, 0), f->x3), BG_ERR_SHAPE,                                         \
      "bilinear: weight [1, 3, 4] needs bias [1], got bias [3]")                                                       \
    X(bg_bilinear(f->x3, f->x4, bg_unsqueeze(f->x34, 0), f->d3), BG_ERR_DTYPE,                                         \
      "bilinear: types differ: x f32, bias f64")                                                                       \
    X(chain_of(f->x23, f->x34, f->x34), BG_ERR_SHAPE,                                                                  \
      "multi_dot: inner dimensions differ: input 1 [3, 4], input 2 [3, 4]")                                            \
    X(chain_of(f->x23, f->x3, f->x34), BG_ERR_SHAPE, "multi_dot: input 1 is [3], not a matrix")                        \
    X(chain_of(f->x23, f->x34, f->x243), BG_ERR_SHAPE, "multi_dot: input 2 is [2, 4, 3], not a matrix")                \
    X(chain_of(f->x3, bg_cast(f->x34, BG_F64), f->x4), BG_ERR_DTYPE,                                                   \
      "multi_dot: input 0 is f32, input 1 f64, not both f32 or both f64")                                              \
    X(chain_of(f->x23, f->x34, NULL), BG_ERR_ARGUMENT, "multi_dot: input 2 is NULL")                                   \
    X(bg_cross(f->x4, f->x4, 0), BG_ERR_SHAPE, "cross: axis 0 does not have extent 3: x [4], y [4]")                   \
    X(bg_cross(f->x3, f->x4, 0), BG_ERR_SHAPE, "cross: shapes do not broadcast together: x [3], y [4]")                \
    X(bg_cross(f->x3, f->x3, 1), BG_ERR_ARGUMENT, "cross: x [3] has no axis 1")                                        \
    X(bg_cross(f->x3, f->d3, 0), BG_ERR_DTYPE, "cross: types differ: x f32, y f64")                                    \
    X(bg_trace(f->x3), BG_ERR_SHAPE, "trace: needs rank 2 or more: x [3]")                                             \
    X(bg_trace(f->i3), BG_ERR_DTYPE, "trace: x is i32, not f32 or f64")
WRONG_CALLS(WRONG)

/* ---- Edges ---- */

EDGE(product, bg_matmul(x, bg_transpose(y, 0, 1)))
static const edge edges[] = {
    { "product over nothing", edge_product, 0, .shape = MATRIX(2, 0), .n_values = 4, .value = LIST(0, 0, 0, 0) },
};

const op_family contractions_family = {
    .name = "contractions", FAMILY_CASES, FAMILY_GOLDEN, FAMILY_WRONG, FAMILY_EDGES
};
