/* Activations. */
#include "cases.h"

#include "ops/ops.h"

#include <math.h>

/* ---- Cases ---- */

static const op_variant with_channels[] = {
    PAIR(DIMS(3, 4), DIMS(4)),       PAIR(DIMS(3, 4), DIMS(1)),          PAIR(DIMS(5), DIMS(1)),
    PAIR(DIMS(1), DIMS(1)),          PAIR(DIMS(0, 3), DIMS(3)),          PAIR(DIMS(3, 0), DIMS(0)),
    PAIR(DIMS(1, 1), DIMS(1)),       PAIR(DIMS(1, 5), DIMS(5)),          PAIR(DIMS(5, 1), DIMS(1)),
    PAIR(DIMS(2, 3, 4), DIMS(3)),    PAIR(DIMS(2, 3, 4), DIMS(1)),       PAIR(DIMS(2, 1, 4), DIMS(1)),
    PAIR(DIMS(2, 3, 1), DIMS(3)),    PAIR(DIMS(7, 8), DIMS(8)),          PAIR(DIMS(8, 9), DIMS(9)),
    PAIR(DIMS(9, 17), DIMS(17)),     PAIR(DIMS(2, 65), DIMS(65)),        PAIR(DIMS(2, 300), DIMS(300)),
    PAIR(DIMS(2, 3, 2, 5), DIMS(3)), PAIR(DIMS(1, 2, 3, 1, 2), DIMS(2)), PAIR(DIMS(300), DIMS(1)),
    PAIR(DIMS(2, 0, 4), DIMS(0))
};
static const op_variant even_axes[] = { WITH(DIMS(2), 0),       WITH(DIMS(4), 0),          WITH(DIMS(6), -1),
                                        WITH(DIMS(0), 0),       WITH(DIMS(3, 4), 1),       WITH(DIMS(4, 3), 0),
                                        WITH(DIMS(2, 1), 0),    WITH(DIMS(1, 2), 1),       WITH(DIMS(0, 4), 1),
                                        WITH(DIMS(3, 0), 1),    WITH(DIMS(16), 0),         WITH(DIMS(18), 0),
                                        WITH(DIMS(34), 0),      WITH(DIMS(130), 0),        WITH(DIMS(3, 600), 1),
                                        WITH(DIMS(300, 2), 1),  WITH(DIMS(2, 3, 4), 0),    WITH(DIMS(2, 4, 3), 1),
                                        WITH(DIMS(3, 2, 4), 2), WITH(DIMS(2, 2, 2, 2), 2), WITH(DIMS(1, 2, 4, 1, 3), 2),
                                        WITH(DIMS(2, 0, 3), 0) };

BUILD_1(relu)
BUILD_1(tanh)
BUILD_1(sigmoid)
BUILD_1(softplus)
BUILD_1(gelu)
BUILD_1(gelu_tanh)
BUILD_1(logsigmoid)
BUILD_1(selu)
BUILD_1(silu)
BUILD_1(mish)
BUILD_1(relu6)
BUILD_1(hardsigmoid)
BUILD_1(hardswish)
BUILD_1(softsign)
BUILD_1(tanhshrink)
BUILD(elu, bg_elu(x[0], 0.75))
BUILD(celu, bg_celu(x[0], 1.5))
BUILD(hardtanh, bg_hardtanh(x[0], -1.05, 1.25))
BUILD(leaky_relu, bg_leaky_relu(x[0], 0.1))
BUILD(threshold, bg_threshold(x[0], 0.55, -3))
BUILD(hardshrink, bg_hardshrink(x[0], 0.55))
BUILD(softshrink, bg_softshrink(x[0], 0.55))
BUILD_2(prelu)
BUILD(glu, bg_glu(x[0], (int)v->n[0]))
BUILD(log1p_exp, bgi_log1p_exp(x[0]))

static const op_case cases[] = {
    POINTWISE(relu, IS_NOT_0, IS_DIFFERENTIABLE),
    POINTWISE(tanh, IS_ANY, IS_DIFFERENTIABLE),
    POINTWISE(sigmoid, IS_ANY, IS_DIFFERENTIABLE),
    { .name = "log1p_exp",
      .op = "log1p_exp",
      .arity = 1,
      .is_safe = true,
      .build = build_log1p_exp,
      VARIANTS(one_shape) },
    POINTWISE(softplus, IS_ANY, IS_DIFFERENTIABLE),
    { .name = "gelu", .op = "gelu", .arity = 1, .rho = 2e-6, .build = build_gelu, VARIANTS(one_shape) },
    POINTWISE(gelu_tanh, IS_ANY, IS_DIFFERENTIABLE),
    { .name = "logsigmoid",
      .op = "logsigmoid",
      .arity = 1,
      .domains = { IS_ANY },
      .rho = 2e-6,
      .build = build_logsigmoid,
      VARIANTS(one_shape) },
    { .name = "selu",
      .op = "selu",
      .arity = 1,
      .domains = { IS_NOT_0 },
      .rho = 2e-6,
      .build = build_selu,
      VARIANTS(one_shape) },
    { .name = "silu",
      .op = "silu",
      .arity = 1,
      .domains = { IS_ANY },
      .rho = 2e-6,
      .build = build_silu,
      VARIANTS(one_shape) },
    { .name = "mish",
      .op = "mish",
      .arity = 1,
      .domains = { IS_ANY },
      .rho = 2e-6,
      .build = build_mish,
      VARIANTS(one_shape) },
    { .name = "relu6",
      .op = "relu6",
      .arity = 1,
      .domains = { IS_NOT_0 },
      .rho = 2e-6,
      .build = build_relu6,
      VARIANTS(one_shape) },
    { .name = "hardsigmoid",
      .op = "hardsigmoid",
      .arity = 1,
      .domains = { IS_ANY },
      .rho = 2e-6,
      .build = build_hardsigmoid,
      VARIANTS(one_shape) },
    { .name = "hardswish",
      .op = "hardswish",
      .arity = 1,
      .domains = { IS_ANY },
      .rho = 2e-6,
      .build = build_hardswish,
      VARIANTS(one_shape) },
    { .name = "softsign",
      .op = "softsign",
      .arity = 1,
      .domains = { IS_NOT_0 },
      .rho = 2e-6,
      .build = build_softsign,
      VARIANTS(one_shape) },
    { .name = "tanhshrink",
      .op = "tanhshrink",
      .arity = 1,
      .domains = { IS_ANY },
      .rho = 2e-6,
      .build = build_tanhshrink,
      VARIANTS(one_shape) },
    { .name = "elu",
      .op = "elu",
      .arity = 1,
      .domains = { IS_NOT_0 },
      .rho = 2e-6,
      .build = build_elu,
      VARIANTS(one_shape) },
    { .name = "celu",
      .op = "celu",
      .arity = 1,
      .domains = { IS_NOT_0 },
      .rho = 2e-6,
      .build = build_celu,
      VARIANTS(one_shape) },
    { .name = "hardtanh",
      .op = "hardtanh",
      .arity = 1,
      .domains = { IS_EVEN },
      .rho = 2e-6,
      .build = build_hardtanh,
      VARIANTS(one_shape) },
    { .name = "leaky_relu",
      .op = "leaky_relu",
      .arity = 1,
      .domains = { IS_NOT_0 },
      .rho = 2e-6,
      .build = build_leaky_relu,
      VARIANTS(one_shape) },
    { .name = "threshold",
      .arity = 1,
      .domains = { IS_EVEN },
      .rho = 2e-6,
      .build = build_threshold,
      VARIANTS(one_shape) },
    { .name = "hardshrink",
      .op = "hardshrink",
      .arity = 1,
      .domains = { IS_EVEN },
      .rho = 2e-6,
      .build = build_hardshrink,
      VARIANTS(one_shape) },
    { .name = "softshrink",
      .op = "softshrink",
      .arity = 1,
      .domains = { IS_EVEN },
      .rho = 2e-6,
      .build = build_softshrink,
      VARIANTS(one_shape) },
    { .name = "prelu", .arity = 2, .domains = { IS_NOT_0, IS_ANY }, .build = build_prelu, VARIANTS(with_channels) },
    { .name = "glu", .arity = 1, .rho = 2e-6, .build = build_glu, VARIANTS(even_axes) },
};

/* ---- Golden values ---- */

GOLDEN_1(relu)
GOLDEN_1(tanh)
GOLDEN_1(sigmoid)
GOLDEN_1(softplus)
GOLDEN_1(gelu)
GOLDEN_1(gelu_tanh)
GOLDEN_1(logsigmoid)
GOLDEN_1(selu)
GOLDEN_1(silu)
GOLDEN_1(mish)
GOLDEN_1(relu6)
GOLDEN_1(hardsigmoid)
GOLDEN_1(hardswish)
GOLDEN_1(softsign)
GOLDEN_1(tanhshrink)
GOLDEN(elu, bg_elu(c->x[0], golden_number(c->record, "alpha")))
GOLDEN(celu, bg_celu(c->x[0], golden_number(c->record, "alpha")))
GOLDEN(hardtanh, bg_hardtanh(c->x[0], golden_number(c->record, "low"), golden_number(c->record, "high")))
GOLDEN(leaky_relu, bg_leaky_relu(c->x[0], golden_number(c->record, "slope")))
GOLDEN(threshold, bg_threshold(c->x[0], golden_number(c->record, "threshold"), golden_number(c->record, "value")))
GOLDEN(hardshrink, bg_hardshrink(c->x[0], golden_number(c->record, "lambda")))
GOLDEN(softshrink, bg_softshrink(c->x[0], golden_number(c->record, "lambda")))
GOLDEN_2(prelu)
GOLDEN_AXIS(glu)
static const golden_op golden[] = {
    GOLDEN_ROW(logsigmoid), GOLDEN_ROW(selu),        GOLDEN_ROW(silu),       GOLDEN_ROW(mish),
    GOLDEN_ROW(relu6),      GOLDEN_ROW(hardsigmoid), GOLDEN_ROW(hardswish),  GOLDEN_ROW(softsign),
    GOLDEN_ROW(tanhshrink), GOLDEN_ROW(elu),         GOLDEN_ROW(celu),       GOLDEN_ROW(hardtanh),
    GOLDEN_ROW(leaky_relu), GOLDEN_ROW(threshold),   GOLDEN_ROW(hardshrink), GOLDEN_ROW(softshrink),
    GOLDEN_ROW(prelu),      GOLDEN_ROW(glu),         GOLDEN_ROW(relu),       GOLDEN_ROW(tanh),
    GOLDEN_ROW(sigmoid),    GOLDEN_ROW(softplus),    GOLDEN_ROW(gelu),       GOLDEN_ROW(gelu_tanh),
};

/* ---- Wrong calls ---- */

#define WRONG(X)                                                                                                       \
    X(bg_logsigmoid(f->i3), BG_ERR_DTYPE, "logsigmoid: x is i32, not f32 or f64")                                      \
    X(bg_selu(f->i3), BG_ERR_DTYPE, "selu: x is i32, not f32 or f64")                                                  \
    X(bg_silu(f->i3), BG_ERR_DTYPE, "silu: x is i32, not f32 or f64")                                                  \
    X(bg_mish(f->i3), BG_ERR_DTYPE, "mish: x is i32, not f32 or f64")                                                  \
    X(bg_relu6(f->i3), BG_ERR_DTYPE, "relu6: x is i32, not f32 or f64")                                                \
    X(bg_hardsigmoid(f->i3), BG_ERR_DTYPE, "hardsigmoid: x is i32, not f32 or f64")                                    \
    X(bg_hardswish(f->i3), BG_ERR_DTYPE, "hardswish: x is i32, not f32 or f64")                                        \
    X(bg_softsign(f->i3), BG_ERR_DTYPE, "softsign: x is i32, not f32 or f64")                                          \
    X(bg_tanhshrink(f->i3), BG_ERR_DTYPE, "tanhshrink: x is i32, not f32 or f64")                                      \
    X(bg_elu(f->i3, 0.75), BG_ERR_DTYPE, "elu: x is i32, not f32 or f64")                                              \
    X(bg_celu(f->i3, 1.5), BG_ERR_DTYPE, "celu: x is i32, not f32 or f64")                                             \
    X(bg_hardtanh(f->i3, -1.05, 1.25), BG_ERR_DTYPE, "hardtanh: x is i32, not f32 or f64")                             \
    X(bg_leaky_relu(f->i3, 0.1), BG_ERR_DTYPE, "leaky_relu: x is i32, not f32 or f64")                                 \
    X(bg_threshold(f->i3, 0.55, -3), BG_ERR_DTYPE, "threshold: x is i32, not f32 or f64")                              \
    X(bg_hardshrink(f->i3, 0.55), BG_ERR_DTYPE, "hardshrink: x is i32, not f32 or f64")                                \
    X(bg_softshrink(f->i3, 0.55), BG_ERR_DTYPE, "softshrink: x is i32, not f32 or f64")                                \
    X(bg_celu(f->x3, 0), BG_ERR_ARGUMENT, "celu: alpha is 0")                                                          \
    X(bg_hardtanh(f->x3, 1, 1), BG_ERR_ARGUMENT, "hardtanh: low 1 is not below high 1")                                \
    X(bg_softshrink(f->x3, -1), BG_ERR_ARGUMENT, "softshrink: lambda -1 is negative")                                  \
    X(bg_prelu(f->x23, f->d3), BG_ERR_DTYPE, "prelu: types differ: x f32, slopes f64")                                 \
    X(bg_prelu(f->x23, f->x4), BG_ERR_SHAPE, "prelu: needs slopes [1] or [3], x's channels: x [2, 3], slopes [4]")     \
    X(bg_prelu(f->x23, f->x23), BG_ERR_SHAPE, "prelu: needs slopes [1] or [3], x's channels: x [2, 3], slopes [2, 3]") \
    X(bg_glu(f->i3, 0), BG_ERR_DTYPE, "glu: x is i32, not f32 or f64")                                                 \
    X(bg_glu(f->x23, 2), BG_ERR_ARGUMENT, "glu: x [2, 3] has no axis 2")                                               \
    X(bg_glu(f->x23, 1), BG_ERR_SHAPE, "glu: the extent of axis 1 is odd: x [2, 3]")                                   \
    X(bg_relu(f->i3), BG_ERR_DTYPE, "relu: x is i32, not f32 or f64")                                                  \
    X(bg_tanh(f->i3), BG_ERR_DTYPE, "tanh: x is i32, not f32 or f64")                                                  \
    X(bg_sigmoid(f->i3), BG_ERR_DTYPE, "sigmoid: x is i32, not f32 or f64")                                            \
    X(bg_softplus(f->i3), BG_ERR_DTYPE, "softplus: x is i32, not f32 or f64")                                          \
    X(bg_gelu(f->i3), BG_ERR_DTYPE, "gelu: x is i32, not f32 or f64")                                                  \
    X(bg_gelu_tanh(f->i3), BG_ERR_DTYPE, "gelu_tanh: x is i32, not f32 or f64")
WRONG_CALLS(WRONG)

/* ---- Edges ---- */

EDGE(relu6, bg_relu6(x))
EDGE(logsigmoid, bg_logsigmoid(x))
EDGE(hardtanh, bg_hardtanh(x, -1, 1))
EDGE(hardswish, bg_hardswish(x))
EDGE(hardsigmoid, bg_hardsigmoid(x))
EDGE(leaky_relu, bg_leaky_relu(x, 0.25))
EDGE(prelu, bg_prelu(x, bg_slice(y, 0, 0, 1, 1)))
EDGE(elu, bg_elu(x, 0.5))
EDGE(relu, bg_relu(x))
EDGE(gelu, bg_gelu(x))
EDGE(gelu_tanh, bg_gelu_tanh(x))
EDGE(softplus, bg_softplus(x))
EDGE(sigmoid, bg_sigmoid(x))
EDGE(log_sigmoid, bg_neg(bg_softplus(bg_neg(x))))
EDGE(tanh, bg_tanh(x))
static const edge edges[] = {
    { "relu", edge_relu, 5, .x = LIST(0, -0.0, -1, 2, NOT_A_NUMBER), .n_values = 5,
      .value = LIST(0, 0, 0, 2, NOT_A_NUMBER), .dx = LIST(0, 0, 0, 1, 1), .is_kink = true },
    { "gelu", edge_gelu, 3, .x = LIST(1, 0, -1), .n_values = 3,
      .value = LIST(0.84134474606854293, 0, -0.15865525393145707),
      .dx = LIST(1.0833154705876862, 0.5, -0.083315470587686169), .tolerance = 1e-6 },
    { "gelu_tanh", edge_gelu_tanh, 3, .x = LIST(1, 0, -1), .n_values = 3,
      .value = LIST(0.84119199060827676, 0, -0.15880800939172324),
      .dx = LIST(1.0829640838457826, 0.5, -0.082964083845782553), .tolerance = 1e-6 },
    { "gelu_tanh: no overflow beyond", edge_gelu_tanh, 2, .x = LIST(17592186044416, -17592186044416), .n_values = 2,
      .value = LIST(17592186044416, 0), .dx = LIST(1, 0) },
    { "softplus", edge_softplus, 4, .x = LIST(20.5, 0, 200, -200), .n_values = 4,
      .value = LIST(20.5, 0.69314718055994531, 200, 0), .dx = LIST(1, 0.5, 1, 0), .tolerance = 1e-7 },
    { "sigmoid", edge_sigmoid, 4, .x = LIST(-200, 0, 200, -INF), .n_values = 4, .value = LIST(0, 0.5, 1, 0),
      .dx = LIST(0, 0.25, 0, 0), .tolerance = 1e-7 },
    { "log-sigmoid", edge_log_sigmoid, 2, .x = LIST(-200, 200), .n_values = 2,
      .value = LIST(-200, -1.3838965267367376e-87), .dx = LIST(1, 1.3838965267367376e-87), .tolerance = 1e-7 },
    { "tanh", edge_tanh, 4, .x = LIST(0, 50, -INF, 1e-9), .n_values = 4, .value = LIST(0, 1, -1, 1e-9),
      .dx = LIST(1, 0, 0, 1), .tolerance = 1e-7 },
    { "relu6", edge_relu6, 5, .x = LIST(0, 6, 3, 7, NOT_A_NUMBER), .n_values = 5,
      .value = LIST(0, 6, 3, 6, NOT_A_NUMBER), .dx = LIST(0, 0, 1, 0, 0), .is_kink = true },
    { "hardtanh", edge_hardtanh, 4, .x = LIST(-1, 1, 0.5, -3), .n_values = 4, .value = LIST(-1, 1, 0.5, -1),
      .dx = LIST(0, 0, 1, 0), .is_kink = true },
    { "hardswish at 0", edge_hardswish, 2, .x = LIST(0, -5), .n_values = 2, .value = LIST(0, 0), .dx = LIST(0.5, 0),
      .tolerance = 1e-7 },
    { "hardsigmoid at 0", edge_hardsigmoid, 2, .x = LIST(0, -3), .n_values = 2, .value = LIST(0.5, 0),
      .dx = LIST(1 / 6.0, 0), .tolerance = 1e-7 },
    { "leaky_relu at 0", edge_leaky_relu, 3, .x = LIST(0, -4, 2), .n_values = 3, .value = LIST(0, -1, 2),
      .dx = LIST(0.25, 0.25, 1), .is_kink = true },
    { "prelu at 0", edge_prelu, 3, .x = LIST(0, -4, 2), .y = LIST(0.25, 0, 0), .n_values = 3, .value = LIST(0, -1, 2),
      .dx = LIST(0.25, 0.25, 1), .dy = LIST(-4, 0, 0), .has_dy = true, .is_kink = true },
    { "elu: no overflow beyond", edge_elu, 3, .x = LIST(1e4, 0, -INF), .n_values = 3, .value = LIST(1e4, 0, -0.5),
      .dx = LIST(1, 0.5, 0) },
    { "log-sigmoid of -200", edge_logsigmoid, 1, .x = LIST(-200), .n_values = 1, .value = LIST(-200), .dx = LIST(1) },
};

const op_family activations_family = { .name = "activations", FAMILY_CASES, FAMILY_GOLDEN, FAMILY_WRONG, FAMILY_EDGES };
