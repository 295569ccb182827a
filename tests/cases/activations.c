/* Activations. */
#include "cases.h"

#include "ops/ops.h"

#include <math.h>

/* ---- Cases ---- */

BUILD_1(relu)
BUILD_1(tanh)
BUILD_1(sigmoid)
BUILD_1(softplus)
BUILD_1(gelu)
BUILD_1(gelu_tanh)
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
    { .name = "gelu", .arity = 1, .rho = 2e-6, .build = build_gelu, VARIANTS(one_shape) },
    { .name = "gelu_tanh", .arity = 1, .rho = 2e-6, .build = build_gelu_tanh, VARIANTS(one_shape) },
};

/* ---- Golden values ---- */

GOLDEN_1(relu)
GOLDEN_1(tanh)
GOLDEN_1(sigmoid)
GOLDEN_1(softplus)
GOLDEN_1(gelu)
GOLDEN_1(gelu_tanh)
static const golden_op golden[] = {
    GOLDEN_ROW(relu),     GOLDEN_ROW(tanh), GOLDEN_ROW(sigmoid),
    GOLDEN_ROW(softplus), GOLDEN_ROW(gelu), GOLDEN_ROW(gelu_tanh),
};

/* ---- Wrong calls ---- */

#define WRONG(X)                                                                                                       \
    X(bg_relu(f->i3), BG_ERR_DTYPE, "relu: x is i32, not f32 or f64")                                                  \
    X(bg_tanh(f->i3), BG_ERR_DTYPE, "tanh: x is i32, not f32 or f64")                                                  \
    X(bg_sigmoid(f->i3), BG_ERR_DTYPE, "sigmoid: x is i32, not f32 or f64")                                            \
    X(bg_softplus(f->i3), BG_ERR_DTYPE, "softplus: x is i32, not f32 or f64")                                          \
    X(bg_gelu(f->i3), BG_ERR_DTYPE, "gelu: x is i32, not f32 or f64")                                                  \
    X(bg_gelu_tanh(f->i3), BG_ERR_DTYPE, "gelu_tanh: x is i32, not f32 or f64")
WRONG_CALLS(WRONG)

/* ---- Edges ---- */

EDGE(relu, bg_relu(x))
EDGE(gelu, bg_gelu(x))
EDGE(gelu_tanh, bg_gelu_tanh(x))
EDGE(softplus, bg_softplus(x))
EDGE(sigmoid, bg_sigmoid(x))
EDGE(log_sigmoid, bg_neg(bg_softplus(bg_neg(x))))
EDGE(tanh, bg_tanh(x))
static const edge edges[] = {
    { "relu", edge_relu, 5, .x = LIST(0, -0.0, -1, 2, NOT_A_NUMBER), .n_values = 5,
      .value = LIST(0, 0, 0, 2, NOT_A_NUMBER), .dx = LIST(0, 0, 0, 1, 1) },
    { "gelu", edge_gelu, 3, .x = LIST(1, 0, -1), .n_values = 3,
      .value = LIST(0.84134474606854293, 0, -0.15865525393145707),
      .dx = LIST(1.0833154705876862, 0.5, -0.083315470587686169), .tolerance = 1e-6 },
    { "gelu_tanh", edge_gelu_tanh, 3, .x = LIST(1, 0, -1), .n_values = 3,
      .value = LIST(0.84119199060827676, 0, -0.15880800939172324),
      .dx = LIST(1.0829640838457826, 0.5, -0.082964083845782553), .tolerance = 1e-6 },
    { "softplus", edge_softplus, 4, .x = LIST(20.5, 0, 200, -200), .n_values = 4,
      .value = LIST(20.5, 0.69314718055994531, 200, 0), .dx = LIST(1, 0.5, 1, 0), .tolerance = 1e-7 },
    { "sigmoid", edge_sigmoid, 4, .x = LIST(-200, 0, 200, -INF), .n_values = 4, .value = LIST(0, 0.5, 1, 0),
      .dx = LIST(0, 0.25, 0, 0), .tolerance = 1e-7 },
    { "log-sigmoid", edge_log_sigmoid, 2, .x = LIST(-200, 200), .n_values = 2,
      .value = LIST(-200, -1.3838965267367376e-87), .dx = LIST(1, 1.3838965267367376e-87), .tolerance = 1e-7 },
    { "tanh", edge_tanh, 4, .x = LIST(0, 50, -INF, 1e-9), .n_values = 4, .value = LIST(0, 1, -1, 1e-9),
      .dx = LIST(1, 0, 0, 1), .tolerance = 1e-7 },
};

const op_family activations_family = { .name = "activations", FAMILY_CASES, FAMILY_GOLDEN, FAMILY_WRONG, FAMILY_EDGES };
