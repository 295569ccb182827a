/* Wrong calls of builders: each must record its status and its message in the graph, and give NULL. */
#include <blasgrad/loss.h>
#include <blasgrad/ops.h>

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    bg_engine *engine;
    bg_graph *graph, *other;
    bg_node *scalar, *x3, *x4, *x23, *x34, *x243, *empty; /* f32 */
    bg_node *d3, *d23;                                    /* f64 */
    bg_node *i2, *i3, *l3, *bools;                        /* i32, i64, bool */
    bg_node *foreign;                                     /* f32 [3] of the other graph */
    bg_tensor *tensor, *tail, *expanded;
} fixture;

static bg_status double_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    *dtype = bg_node_dtype(bg_node_input(node, 0));
    *shape = bg_node_shape(bg_node_input(node, 0));
    return shape->rank == 1 ? BG_OK : bg_fail(BG_ERR_SHAPE, "double: rank %d", shape->rank);
}
static bg_node *double_compose(bg_node *node) { return bg_mul_scalar(bg_node_input(node, 0), 2); }
static const bg_op double_op = { .name = "double", .arity = 1, .infer = double_infer, .compose = double_compose };
static const bg_op shapeless_op = { .name = "shapeless", .arity = 1, .compose = double_compose };
static const bg_op idle_op = { .name = "idle", .arity = 1, .infer = double_infer };

static bg_node *apply(const bg_op *op, bg_node *x) { return bg_apply(op, &x, 1, NULL, 0); }
static bg_node *gradient(bg_node *y, bg_node *x)
{
    bg_node *dx = x;
    ck_assert(bg_grad(y, &x, 1, &dx) != BG_OK);
    return dx;
}
static bg_node *gradient_from(bg_node *y, bg_node *cotangent, bg_node *x)
{
    bg_node *dx = x;
    ck_assert(bg_grad_from(&y, &cotangent, 1, &x, 1, &dx) != BG_OK);
    return dx;
}
static bg_node *update(bg_node *target, bg_node *value)
{
    bg_update(target, value);
    return NULL;
}
static bg_node *concat(bg_node *x, bg_node *y, int axis) { return bg_concat((bg_node *[]){ x, y }, 2, axis); }

/* X(call, status, message) */
#define CASES(X)                                                                                                       \
    /* leaves */                                                                                                       \
    X(bg_input(f->graph, NULL, BG_F32, BG_SCALAR), BG_ERR_ARGUMENT, "input: the name is NULL")                         \
    X(bg_scalar(f->graph, BG_I32, 1), BG_ERR_DTYPE, "scalar: the type is i32, not f32 or f64")                         \
    X(bg_parameter(f->graph, NULL), BG_ERR_ARGUMENT, "parameter: the tensor is NULL")                                  \
    X(bg_buffer(f->graph, NULL), BG_ERR_ARGUMENT, "buffer: the tensor is NULL")                                        \
    X(bg_constant(f->graph, NULL), BG_ERR_ARGUMENT, "constant: the tensor is NULL")                                    \
    X((bg_parameter(f->graph, f->tensor), bg_buffer(f->graph, f->tensor)), BG_ERR_ARGUMENT,                            \
      "buffer: the tensor [4, 3] is a parameter of the graph")                                                         \
    X((bg_buffer(f->graph, f->tensor), bg_parameter(f->graph, f->tail)), BG_ERR_OVERLAP,                               \
      "parameter: the tensor [2, 3] shares memory with the buffer [4, 3]")                                             \
    X(bg_buffer(f->graph, f->expanded), BG_ERR_OVERLAP,                                                                \
      "buffer: the tensor [5, 4, 3] repeats its elements along axis 0")                                                \
    /* inputs that are missing or foreign */                                                                           \
    X(bg_add(f->x3, NULL), BG_ERR_ARGUMENT, "add: input 1 is NULL")                                                    \
    X(bg_add(NULL, f->x3), BG_ERR_ARGUMENT, "add: input 0 is NULL")                                                    \
    X(bg_sub(f->x3, f->foreign), BG_ERR_ARGUMENT, "sub: inputs belong to different graphs")                            \
    X(bg_where(NULL, f->x3, f->x3), BG_ERR_ARGUMENT, "where: input 0 is NULL")                                         \
    X(bg_less(f->x3, NULL), BG_ERR_ARGUMENT, "less: input 1 is NULL")                                                  \
    X(bg_matmul(f->x3, NULL), BG_ERR_ARGUMENT, "matmul: input 1 is NULL")                                              \
    X(bg_matmul(f->x3, f->foreign), BG_ERR_ARGUMENT, "matmul: inputs belong to different graphs")                      \
    X(bg_linear(f->x3, NULL, NULL), BG_ERR_ARGUMENT, "linear: input 1 is NULL")                                        \
    X(bg_linear(f->x3, f->x23, f->foreign), BG_ERR_ARGUMENT, "linear: inputs belong to different graphs")              \
    X(bg_gather_class(f->x23, NULL), BG_ERR_ARGUMENT, "gather_class: input 1 is NULL")                                 \
    X(concat(f->x3, NULL, 0), BG_ERR_ARGUMENT, "concat: input 1 is NULL")                                              \
    X(bg_l2_loss(f->x3, NULL, BG_MEAN), BG_ERR_ARGUMENT, "l2_loss: input 1 is NULL")                                   \
    X(bg_cross_entropy_loss(NULL, f->i2, BG_MEAN), BG_ERR_ARGUMENT, "cross_entropy_loss: input 0 is NULL")             \
    /* arithmetic */                                                                                                   \
    X(bg_add(f->x3, f->x4), BG_ERR_SHAPE, "add: shapes do not broadcast together: x [3], y [4]")                       \
    X(bg_add(f->x3, f->d3), BG_ERR_DTYPE, "add: types differ: x f32, y f64")                                           \
    X(bg_add(f->i3, f->i3), BG_ERR_DTYPE, "add: x is i32, not f32 or f64")                                             \
    X(bg_sub(f->x23, f->x4), BG_ERR_SHAPE, "sub: shapes do not broadcast together: x [2, 3], y [4]")                   \
    X(bg_sub(f->d3, f->x3), BG_ERR_DTYPE, "sub: types differ: x f64, y f32")                                           \
    X(bg_mul(f->x23, f->x34), BG_ERR_SHAPE, "mul: shapes do not broadcast together: x [2, 3], y [3, 4]")               \
    X(bg_mul(f->x3, f->bools), BG_ERR_DTYPE, "mul: y is bool, not f32 or f64")                                         \
    X(bg_div(f->x4, f->x23), BG_ERR_SHAPE, "div: shapes do not broadcast together: x [4], y [2, 3]")                   \
    X(bg_div(f->l3, f->x3), BG_ERR_DTYPE, "div: x is i64, not f32 or f64")                                             \
    X(bg_maximum(f->x3, f->x4), BG_ERR_SHAPE, "maximum: shapes do not broadcast together: x [3], y [4]")               \
    X(bg_minimum(f->x3, f->d3), BG_ERR_DTYPE, "minimum: types differ: x f32, y f64")                                   \
    X(bg_add_scalar(f->i3, 1), BG_ERR_DTYPE, "add_scalar: x is i32, not f32 or f64")                                   \
    X(bg_mul_scalar(f->i3, 2), BG_ERR_DTYPE, "mul_scalar: x is i32, not f32 or f64")                                   \
    X(bg_sub_from(1, f->bools), BG_ERR_DTYPE, "sub_from: x is bool, not f32 or f64")                                   \
    X(bg_neg(f->i3), BG_ERR_DTYPE, "neg: x is i32, not f32 or f64")                                                    \
    X(bg_square(f->i3), BG_ERR_DTYPE, "square: x is i32, not f32 or f64")                                              \
    X(bg_sqrt(f->i3), BG_ERR_DTYPE, "sqrt: x is i32, not f32 or f64")                                                  \
    X(bg_exp(f->i3), BG_ERR_DTYPE, "exp: x is i32, not f32 or f64")                                                    \
    X(bg_log(f->i3), BG_ERR_DTYPE, "log: x is i32, not f32 or f64")                                                    \
    X(bg_expm1(f->i3), BG_ERR_DTYPE, "expm1: x is i32, not f32 or f64")                                                \
    X(bg_log1p(f->i3), BG_ERR_DTYPE, "log1p: x is i32, not f32 or f64")                                                \
    X(bg_erf(f->i3), BG_ERR_DTYPE, "erf: x is i32, not f32 or f64")                                                    \
    X(bg_abs(f->i3), BG_ERR_DTYPE, "abs: x is i32, not f32 or f64")                                                    \
    X(bg_sign(f->i3), BG_ERR_DTYPE, "sign: x is i32, not f32 or f64")                                                  \
    /* choices */                                                                                                      \
    X(bg_equal(f->x3, f->d3), BG_ERR_DTYPE, "equal: types differ: x f32, y f64")                                       \
    X(bg_not_equal(f->i3, f->l3), BG_ERR_DTYPE, "not_equal: types differ: x i32, y i64")                               \
    X(bg_less(f->x3, f->x4), BG_ERR_SHAPE, "less: shapes do not broadcast together: x [3], y [4]")                     \
    X(bg_less_equal(f->i2, f->i3), BG_ERR_SHAPE, "less_equal: shapes do not broadcast together: x [2], y [3]")         \
    X(bg_greater(f->x3, f->i3), BG_ERR_DTYPE, "greater: types differ: x f32, y i32")                                   \
    X(bg_greater_equal(f->x23, f->x4), BG_ERR_SHAPE,                                                                   \
      "greater_equal: shapes do not broadcast together: x [2, 3], y [4]")                                              \
    X(bg_is_finite(f->i3), BG_ERR_DTYPE, "is_finite: x is i32, not f32 or f64")                                        \
    X(bg_where(f->x3, f->x3, f->x3), BG_ERR_DTYPE, "where: condition is f32, not bool")                                \
    X(bg_where(f->bools, f->x3, f->d3), BG_ERR_DTYPE, "where: types differ: x f32, y f64")                             \
    X(bg_where(f->bools, f->x3, f->i3), BG_ERR_DTYPE, "where: y is i32, not f32 or f64")                               \
    X(bg_where(f->bools, f->x3, f->x4), BG_ERR_SHAPE,                                                                  \
      "where: shapes do not broadcast together: condition [3], x [3], y [4]")                                          \
    X(bg_cast(f->x3, BG_I32), BG_ERR_DTYPE, "cast: from f32 to i32, not to f32 or f64")                                \
    X(bg_cast(f->i3, BG_BOOL), BG_ERR_DTYPE, "cast: from i32 to bool, not to f32 or f64")                              \
    /* activations */                                                                                                  \
    X(bg_relu(f->i3), BG_ERR_DTYPE, "relu: x is i32, not f32 or f64")                                                  \
    X(bg_tanh(f->i3), BG_ERR_DTYPE, "tanh: x is i32, not f32 or f64")                                                  \
    X(bg_sigmoid(f->i3), BG_ERR_DTYPE, "sigmoid: x is i32, not f32 or f64")                                            \
    X(bg_softplus(f->i3), BG_ERR_DTYPE, "softplus: x is i32, not f32 or f64")                                          \
    X(bg_gelu(f->i3), BG_ERR_DTYPE, "gelu: x is i32, not f32 or f64")                                                  \
    X(bg_gelu_tanh(f->i3), BG_ERR_DTYPE, "gelu_tanh: x is i32, not f32 or f64")                                        \
    /* reductions */                                                                                                   \
    X(bg_sum(f->i3, BG_ALL_AXES), BG_ERR_DTYPE, "sum: x is i32, not f32 or f64")                                       \
    X(bg_sum(f->x23, BG_AXES(2)), BG_ERR_ARGUMENT, "sum: x [2, 3] has no axis 2")                                      \
    X(bg_sum(f->x23, BG_AXES(0, -2)), BG_ERR_ARGUMENT, "sum: axis 0 is given twice")                                   \
    X(bg_sum(f->x23, ((bg_axes){ .count = 9 })), BG_ERR_ARGUMENT, "sum: 9 axes")                                       \
    X(bg_sum(f->x23, ((bg_axes){ .count = -2 })), BG_ERR_ARGUMENT, "sum: -2 axes")                                     \
    X(bg_mean(f->bools, BG_ALL_AXES), BG_ERR_DTYPE, "mean: x is bool, not f32 or f64")                                 \
    X(bg_mean(f->x23, BG_AXES(-3)), BG_ERR_ARGUMENT, "mean: x [2, 3] has no axis -3")                                  \
    X(bg_max(f->i3, BG_ALL_AXES), BG_ERR_DTYPE, "max: x is i32, not f32 or f64")                                       \
    X(bg_max(f->scalar, BG_AXES(0)), BG_ERR_ARGUMENT, "max: x [] has no axis 0")                                       \
    X(bg_max(f->empty, BG_AXES(1)), BG_ERR_SHAPE, "max: over no elements: x [2, 0]")                                   \
    X(bg_logsumexp(f->i3, BG_ALL_AXES), BG_ERR_DTYPE, "logsumexp: x is i32, not f32 or f64")                           \
    X(bg_logsumexp(f->x3, BG_AXES(1)), BG_ERR_ARGUMENT, "logsumexp: x [3] has no axis 1")                              \
    /* shapes */                                                                                                       \
    X(bg_reshape(f->x23, BG_SHAPE(4)), BG_ERR_SHAPE, "reshape: x [2, 3] does not fill [4]")                            \
    X(bg_reshape(f->x23, BG_SHAPE(-1, -1)), BG_ERR_SHAPE, "reshape: x [2, 3] does not fill [-1, -1]")                  \
    X(bg_reshape(f->x23, BG_SHAPE(-1, 4)), BG_ERR_SHAPE, "reshape: x [2, 3] does not fill [-1, 4]")                    \
    X(bg_reshape(f->x23, BG_SHAPE(-2, -3)), BG_ERR_SHAPE, "reshape: x [2, 3] does not fill [-2, -3]")                  \
    X(bg_reshape(f->empty, BG_SHAPE(-1, 0)), BG_ERR_SHAPE, "reshape: x [2, 0] does not fill [-1, 0]")                  \
    X(bg_reshape(f->x3, ((bg_shape){ .rank = 9 })), BG_ERR_SHAPE, "reshape: rank 9")                                   \
    X(bg_permute(f->x23, BG_AXES(0)), BG_ERR_ARGUMENT, "permute: 1 axes for x [2, 3]")                                 \
    X(bg_permute(f->x23, BG_AXES(0, 0)), BG_ERR_ARGUMENT, "permute: axis 0 is given twice")                            \
    X(bg_permute(f->x23, BG_AXES(0, 2)), BG_ERR_ARGUMENT, "permute: x [2, 3] has no axis 2")                           \
    X(bg_transpose(f->x23, 0, 2), BG_ERR_ARGUMENT, "transpose: x [2, 3] has no axis 2")                                \
    X(bg_transpose(f->x23, -3, 0), BG_ERR_ARGUMENT, "transpose: x [2, 3] has no axis -3")                              \
    X(bg_slice(f->x23, 2, 0, 1, 1), BG_ERR_ARGUMENT, "slice: x [2, 3] has no axis 2")                                  \
    X(bg_slice(f->x23, 0, 0, 1, 0), BG_ERR_ARGUMENT, "slice: step 0, not at least 1")                                  \
    X(bg_slice(f->x23, 0, 0, 1, -1), BG_ERR_ARGUMENT, "slice: step -1, not at least 1")                                \
    X(concat(f->x3, f->d3, 0), BG_ERR_DTYPE, "concat: types differ: input 0 f32, input 1 f64")                         \
    X(concat(f->x23, f->x34, 0), BG_ERR_SHAPE, "concat: shapes differ beside axis 0: input 0 [2, 3], input 1 [3, 4]")  \
    X(concat(f->x23, f->x3, 0), BG_ERR_SHAPE, "concat: shapes differ beside axis 0: input 0 [2, 3], input 1 [3]")      \
    X(concat(f->x3, f->x3, 1), BG_ERR_ARGUMENT, "concat: x [3] has no axis 1")                                         \
    X(concat(f->scalar, f->scalar, 0), BG_ERR_ARGUMENT, "concat: x [] has no axis 0")                                  \
    X(bg_broadcast(f->x3, BG_SHAPE(3, 2)), BG_ERR_SHAPE, "broadcast: x [3] does not broadcast to [3, 2]")              \
    X(bg_broadcast(f->x23, BG_SHAPE(3)), BG_ERR_SHAPE, "broadcast: x [2, 3] does not broadcast to [3]")                \
    X(bg_broadcast(f->x3, BG_SHAPE(1)), BG_ERR_SHAPE, "broadcast: x [3] does not broadcast to [1]")                    \
    /* products */                                                                                                     \
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
    /* scores */                                                                                                       \
    X(bg_softmax(f->i3, 0), BG_ERR_DTYPE, "softmax: x is i32, not f32 or f64")                                         \
    X(bg_softmax(f->scalar, 0), BG_ERR_ARGUMENT, "softmax: x [] has no axis 0")                                        \
    X(bg_log_softmax(f->bools, 0), BG_ERR_DTYPE, "log_softmax: x is bool, not f32 or f64")                             \
    X(bg_log_softmax(f->x3, -2), BG_ERR_ARGUMENT, "log_softmax: x [3] has no axis -2")                                 \
    X(bg_gather_class(f->i3, f->i3), BG_ERR_DTYPE, "gather_class: x is i32, not f32 or f64")                           \
    X(bg_gather_class(f->x23, f->x3), BG_ERR_DTYPE, "gather_class: classes are f32, not i32, i64 or u8")               \
    X(bg_gather_class(f->x3, f->bools), BG_ERR_DTYPE, "gather_class: classes are bool, not i32, i64 or u8")            \
    X(bg_gather_class(f->x23, f->i3), BG_ERR_SHAPE,                                                                    \
      "gather_class: needs x [.., c], classes [..]: x [2, 3], classes [3]")                                            \
    X(bg_gather_class(f->scalar, f->i3), BG_ERR_SHAPE,                                                                 \
      "gather_class: needs x [.., c], classes [..]: x [], classes [3]")                                                \
    X(bg_gather_class(bg_broadcast(f->scalar, BG_SHAPE(3, (1 << 24) + 1)), f->i3), BG_ERR_SHAPE,                       \
      "gather_class: 16777217 classes are more than 16777216: x [3, 16777217]")                                        \
    /* losses */                                                                                                       \
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
    /* gradients and updates */                                                                                        \
    X(gradient(f->x3, f->x3), BG_ERR_SHAPE, "grad: y [3] has not one element")                                         \
    X(gradient(bg_slice(f->i3, 0, 0, 1, 1), f->x3), BG_ERR_DTYPE, "grad: y is i32, not f32 or f64")                    \
    X(gradient(f->scalar, f->i3), BG_ERR_DTYPE, "grad: xs[0] is i32, not f32 or f64")                                  \
    X(gradient(f->scalar, NULL), BG_ERR_ARGUMENT, "grad: a node is NULL")                                              \
    X(gradient(NULL, f->x3), BG_ERR_ARGUMENT, "grad: a node is NULL")                                                  \
    X(gradient(f->scalar, f->foreign), BG_ERR_ARGUMENT, "grad: nodes belong to different graphs")                      \
    X(gradient(bg_sum(apply(&double_op, f->x3), BG_ALL_AXES), f->x3), BG_ERR_GRADIENT, "grad: double has no gradient") \
    X(gradient_from(f->x3, f->x4, f->x3), BG_ERR_SHAPE, "grad: ys[0] is [3], its cotangent [4]")                       \
    X(gradient_from(f->x3, f->d3, f->x3), BG_ERR_DTYPE, "grad: ys[0] is f32, its cotangent f64")                       \
    X(gradient_from(f->i3, f->i3, f->x3), BG_ERR_DTYPE, "grad: ys[0] is i32, not f32 or f64")                          \
    X(update(f->x3, f->x3), BG_ERR_ARGUMENT, "update: the target is neither a parameter nor a buffer, but input [3]")  \
    X(update(bg_parameter(f->graph, f->tensor), f->x3), BG_ERR_SHAPE,                                                  \
      "update: the parameter is [4, 3], its new value [3]")                                                            \
    X(update(bg_buffer(f->graph, f->tensor), bg_broadcast(f->d3, BG_SHAPE(4, 3))), BG_ERR_DTYPE,                       \
      "update: the buffer is f32, its new value f64")                                                                  \
    X(update(bg_buffer(f->graph, f->tensor), NULL), BG_ERR_ARGUMENT, "update: input 1 is NULL")                        \
    X(update(NULL, f->x3), BG_ERR_ARGUMENT, "update: input 0 is NULL")                                                 \
    /* ops of users */                                                                                                 \
    X(apply(&double_op, f->x23), BG_ERR_SHAPE, "double: rank 2")                                                       \
    X(apply(&shapeless_op, f->x3), BG_ERR_ARGUMENT, "shapeless: the op has no shape rule")                             \
    X(apply(&idle_op, f->x3), BG_ERR_ARGUMENT, "idle: the op has no way to run")                                       \
    X(bg_apply(&double_op, (bg_node *[]){ f->x3, f->x3 }, 2, NULL, 0), BG_ERR_ARGUMENT,                                \
      "double: takes 1 inputs, got 2")                                                                                 \
    X(bg_apply(&double_op, &f->x3, 1, NULL, 8), BG_ERR_ARGUMENT, "double: attributes are NULL")

static const struct {
    const char *call;
    bg_status status;
    const char *message;
} cases[] = {
#define CASE_ROW(call, status, message) { #call, status, message },
    CASES(CASE_ROW)
};

static bg_node *run_case(fixture *f, int number)
{
    int i = 0;
#define CASE_CALL(call, status, message)                                                                               \
    if (i++ == number)                                                                                                 \
        return call;
    CASES(CASE_CALL)
    return NULL;
}

static void open_fixture(fixture *f)
{
    *f = (fixture){ 0 };
    ck_assert_int_eq(bg_engine_create(&f->engine, &(bg_engine_options){ .threads = 1 }), BG_OK);
    ck_assert_int_eq(bg_graph_create(&f->graph, f->engine), BG_OK);
    ck_assert_int_eq(bg_graph_create(&f->other, f->engine), BG_OK);
    f->scalar = bg_input(f->graph, "scalar", BG_F32, BG_SCALAR);
    f->x3 = bg_input(f->graph, "x3", BG_F32, BG_SHAPE(3));
    f->x4 = bg_input(f->graph, "x4", BG_F32, BG_SHAPE(4));
    f->x23 = bg_input(f->graph, "x23", BG_F32, BG_SHAPE(2, 3));
    f->x34 = bg_input(f->graph, "x34", BG_F32, BG_SHAPE(3, 4));
    f->x243 = bg_input(f->graph, "x243", BG_F32, BG_SHAPE(2, 4, 3));
    f->empty = bg_input(f->graph, "empty", BG_F32, BG_SHAPE(2, 0));
    f->d3 = bg_input(f->graph, "d3", BG_F64, BG_SHAPE(3));
    f->d23 = bg_input(f->graph, "d23", BG_F64, BG_SHAPE(2, 3));
    f->i2 = bg_input(f->graph, "i2", BG_I32, BG_SHAPE(2));
    f->i3 = bg_input(f->graph, "i3", BG_I32, BG_SHAPE(3));
    f->l3 = bg_input(f->graph, "l3", BG_I64, BG_SHAPE(3));
    f->bools = bg_input(f->graph, "bools", BG_BOOL, BG_SHAPE(3));
    f->foreign = bg_input(f->other, "foreign", BG_F32, BG_SHAPE(3));
    ck_assert_int_eq(bg_tensor_create(&f->tensor, f->engine, BG_F32, BG_SHAPE(4, 3)), BG_OK);
    ck_assert_int_eq(bg_tensor_slice(&f->tail, f->tensor, 0, 2, 4, 1), BG_OK);
    ck_assert_int_eq(bg_tensor_expand(&f->expanded, f->tensor, BG_SHAPE(5, 4, 3)), BG_OK);
    ck_assert_int_eq(bg_graph_status(f->graph), BG_OK);
}

static void close_fixture(fixture *f)
{
    bg_tensor_destroy(f->tensor);
    bg_tensor_destroy(f->tail);
    bg_tensor_destroy(f->expanded);
    bg_graph_destroy(f->graph);
    bg_graph_destroy(f->other);
    bg_engine_destroy(f->engine);
}

START_TEST(wrong_call)
{
    fixture f;
    open_fixture(&f);
    const char *call = cases[_i].call, *message = cases[_i].message;
    bg_node *node = run_case(&f, _i);
    ck_assert_msg(!node, "%s gives a node", call);
    ck_assert_msg(strcmp(bg_last_error(), message) == 0, "%s says '%s', not '%s'", call, bg_last_error(), message);
    bg_fail(BG_ERR_IO, "something else");
    bg_status status = bg_graph_status(f.graph);
    ck_assert_msg(status == cases[_i].status, "%s is %s, not %s", call, bg_status_name(status),
                  bg_status_name(cases[_i].status));
    ck_assert_msg(strcmp(bg_last_error(), message) == 0, "%s: the graph says '%s'", call, bg_last_error());

    /* The first error stays, NULL passes through beside valid nodes, and a gradient gives the graph's error. */
    bg_node *dx = f.x3;
    ck_assert_ptr_null(bg_relu(bg_add(f.x3, node)));
    ck_assert_ptr_null(bg_add(f.x3, f.x4));
    bg_update(f.x3, NULL);
    ck_assert_int_eq(bg_grad(f.scalar, &f.x3, 1, &dx), cases[_i].status);
    ck_assert_ptr_null(dx);
    ck_assert_str_eq(bg_last_error(), message);
    close_fixture(&f);
}
END_TEST

/* An error of nodes of two graphs is in both. */
START_TEST(foreign_graph)
{
    fixture f;
    open_fixture(&f);
    ck_assert_ptr_null(bg_add(f.x3, f.foreign));
    ck_assert_int_eq(bg_graph_status(f.other), BG_ERR_ARGUMENT);
    ck_assert_str_eq(bg_last_error(), "add: inputs belong to different graphs");
    close_fixture(&f);
}
END_TEST

/* Where no graph is known the message is all there is. */
START_TEST(no_graph)
{
    bg_graph *graph = NULL;
    ck_assert_ptr_null(bg_input(NULL, "x", BG_F32, BG_SCALAR));
    ck_assert_str_eq(bg_last_error(), "input: the graph is NULL");
    ck_assert_ptr_null(bg_parameter(NULL, NULL));
    ck_assert_str_eq(bg_last_error(), "parameter: the graph is NULL");
    ck_assert_ptr_null(bg_buffer(NULL, NULL));
    ck_assert_ptr_null(bg_constant(NULL, NULL));
    ck_assert_ptr_null(bg_scalar(NULL, BG_F32, 1));
    ck_assert_str_eq(bg_last_error(), "scalar: the graph is NULL");
    ck_assert_ptr_null(bg_concat(NULL, 0, 0));
    ck_assert_str_eq(bg_last_error(), "concat: 0 inputs");
    ck_assert_ptr_null(bg_apply(NULL, NULL, 0, NULL, 0));
    ck_assert_int_eq(bg_graph_status(NULL), BG_ERR_ARGUMENT);
    ck_assert_int_eq(bg_graph_create(&graph, NULL), BG_ERR_ARGUMENT);
    ck_assert_int_eq(bg_graph_create(NULL, NULL), BG_ERR_ARGUMENT);
    ck_assert_int_eq(bg_grad(NULL, NULL, 0, NULL), BG_ERR_ARGUMENT);
    bg_graph_destroy(NULL);
    bg_update(NULL, NULL);
    ck_assert_str_eq(bg_last_error(), "update: the target and its new value are NULL");

    bg_fail(BG_ERR_IO, "the first error");
    bg_node *none[2] = { NULL, NULL };
    ck_assert_ptr_null(bg_add(NULL, NULL));
    ck_assert_ptr_null(bg_add_scalar(NULL, 1));
    ck_assert_ptr_null(bg_mul_scalar(NULL, 1));
    ck_assert_ptr_null(bg_sub_from(1, NULL));
    ck_assert_ptr_null(bg_exp(NULL));
    ck_assert_ptr_null(bg_equal(NULL, NULL));
    ck_assert_ptr_null(bg_where(NULL, NULL, NULL));
    ck_assert_ptr_null(bg_cast(NULL, BG_F32));
    ck_assert_ptr_null(bg_stop_gradient(NULL));
    ck_assert_ptr_null(bg_softplus(NULL));
    ck_assert_ptr_null(bg_gelu(NULL));
    ck_assert_ptr_null(bg_gelu_tanh(NULL));
    ck_assert_ptr_null(bg_sum(NULL, BG_ALL_AXES));
    ck_assert_ptr_null(bg_mean(NULL, BG_ALL_AXES));
    ck_assert_ptr_null(bg_max(NULL, BG_ALL_AXES));
    ck_assert_ptr_null(bg_logsumexp(NULL, BG_ALL_AXES));
    ck_assert_ptr_null(bg_reshape(NULL, BG_SHAPE(1)));
    ck_assert_ptr_null(bg_permute(NULL, BG_ALL_AXES));
    ck_assert_ptr_null(bg_transpose(NULL, 0, 1));
    ck_assert_ptr_null(bg_slice(NULL, 0, 0, 1, 1));
    ck_assert_ptr_null(bg_concat(none, 2, 0));
    ck_assert_ptr_null(bg_broadcast(NULL, BG_SHAPE(1)));
    ck_assert_ptr_null(bg_matmul(NULL, NULL));
    ck_assert_ptr_null(bg_linear(NULL, NULL, NULL));
    ck_assert_ptr_null(bg_softmax(NULL, 0));
    ck_assert_ptr_null(bg_log_softmax(NULL, 0));
    ck_assert_ptr_null(bg_gather_class(NULL, NULL));
    ck_assert_ptr_null(bg_l1_loss(NULL, NULL, BG_MEAN));
    ck_assert_ptr_null(bg_l2_loss(NULL, NULL, BG_MEAN));
    ck_assert_ptr_null(bg_bce_with_logits_loss(NULL, NULL, BG_MEAN));
    ck_assert_ptr_null(bg_cross_entropy_loss(NULL, NULL, BG_MEAN));
    ck_assert_ptr_null(bg_updated(NULL));
    ck_assert_str_eq(bg_last_error(), "the first error");
}
END_TEST

START_TEST(loss_names)
{
    ck_assert(bg_loss_find("l1") == bg_l1_loss);
    ck_assert(bg_loss_find("l2") == bg_l2_loss);
    ck_assert(bg_loss_find("bce_with_logits") == bg_bce_with_logits_loss);
    ck_assert(bg_loss_find("cross_entropy") == bg_cross_entropy_loss);
    ck_assert(!bg_loss_find("l3"));
    ck_assert_str_eq(bg_last_error(),
                     "loss_find: there is no loss 'l3': the losses are l1, l2, bce_with_logits, cross_entropy");
    ck_assert(!bg_loss_find(NULL));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ops_errors");
    TCase *calls = tcase_create("calls");
    tcase_add_loop_test(calls, wrong_call, 0, (int)(sizeof cases / sizeof cases[0]));
    tcase_add_test(calls, foreign_graph);
    tcase_add_test(calls, no_graph);
    tcase_add_test(calls, loss_names);
    suite_add_tcase(suite, calls);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
