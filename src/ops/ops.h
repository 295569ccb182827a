/* What the ops share: attributes that other parts of the library read, checks that name the op, and internal ops. */
#ifndef BGI_OPS_H
#define BGI_OPS_H

#include <blasgrad/ops.h>

#include "graph/graph.h"

/* Those of linear algebra that solve equations. */
#define BGI_MATRIX_FAMILIES(X)                                                                                         \
    X(triangular)                                                                                                      \
    X(cholesky)                                                                                                        \
    X(lu)                                                                                                              \
    X(solve)                                                                                                           \
    X(determinant)                                                                                                     \
    X(tridiagonal)                                                                                                     \
    X(power)                                                                                                           \
    X(eigen)                                                                                                           \
    X(lyapunov)                                                                                                        \
    X(symmetric)                                                                                                       \
    X(matrix_exp)                                                                                                      \
    X(scale)                                                                                                           \
    X(qr)                                                                                                              \
    X(lstsq)                                                                                                           \
    X(svd)                                                                                                             \
    X(pseudo_inverse)                                                                                                  \
    X(singular)                                                                                                        \
    X(polar)                                                                                                           \
    X(svd_factors)

/* All ops of the library but the leaves, by families: a list of each, bgi_<family>_ops, and the list of lists end with
 * NULL. Tests walk them. */
#define BGI_OP_FAMILIES(X)                                                                                             \
    X(arithmetic)                                                                                                      \
    X(choice)                                                                                                          \
    X(function)                                                                                                        \
    X(activation)                                                                                                      \
    X(reduction)                                                                                                       \
    X(shape)                                                                                                           \
    X(product)                                                                                                         \
    X(distance)                                                                                                        \
    X(score)                                                                                                           \
    X(attention)                                                                                                       \
    X(rotary)                                                                                                          \
    X(scan)                                                                                                            \
    X(running)                                                                                                         \
    X(order)                                                                                                           \
    X(rank)                                                                                                            \
    X(index)                                                                                                           \
    X(scatter)                                                                                                         \
    X(rearrange)                                                                                                       \
    X(window)                                                                                                          \
    X(convolution)                                                                                                     \
    X(pooling)                                                                                                         \
    X(normalization)                                                                                                   \
    X(recurrent)                                                                                                       \
    X(axis_map)                                                                                                        \
    X(triangle)                                                                                                        \
    BGI_MATRIX_FAMILIES(X)                                                                                             \
    X(random)                                                                                                          \
    X(loss)
#define BGI_DECLARE(family) extern const bg_op *const bgi_##family##_ops[];
BGI_OP_FAMILIES(BGI_DECLARE)
#undef BGI_DECLARE
extern const bg_op *const *const bgi_op_families[];

/* ---- Attributes ---- */

/* Of reductions: the axes that the result leaves out. */
typedef struct {
    bool axis[BG_MAX_RANK];
} bgi_reduce_attributes;

/* ---- How maps run ---- */

#define BGI_CHEAP_MAP(name, simplifier)                                                                                \
    (&(const bgi_lowering){ .kind = BGI_MAP, .kernel = offsetof(bgk_kernels, name), .simplify = simplifier })
/* With a result that is worth storing. */
#define BGI_COSTLY_MAP(name, simplifier)                                                                               \
    (&(const bgi_lowering){                                                                                            \
        .kind = BGI_MAP, .kernel = offsetof(bgk_kernels, name), .is_costly = true, .simplify = simplifier })

/* The simplification that all maps have: the value of constant inputs, computed with the kernel. NULL if some input is
 * not constant. */
bg_node *bgi_fold_map(bg_node *node);
/* Whether a node is a constant of this value. */
bool bgi_is_value(const bg_node *node, double value);

/* ---- Checks ---- */

static inline bool bgi_is_float(bg_dtype dtype) { return dtype == BG_F32 || dtype == BG_F64; }
static inline bool bgi_is_integer(bg_dtype dtype) { return dtype == BG_I32 || dtype == BG_I64 || dtype == BG_U8; }

/* The labels of inputs in messages. */
extern const char *const bgi_x_y[], *const bgi_x_w[];

/* BG_ERR_DTYPE unless all inputs are f32 or all are f64. */
bg_status bgi_check_floats(const char *op, bg_node *const *inputs, const char *const *labels, int n);
/* The one graph of inputs that are all f32 or all f64; NULL, with the error recorded unless all are NULL. */
bg_graph *bgi_graph_of_floats(const char *op, bg_node *const *inputs, const char *const *labels, int n);
/* Whether x is a node of f32 or f64; records the error in its graph. NULL is false without an error. */
bool bgi_takes_float(const char *op, const bg_node *x);
/* Whether x and y are nodes of one graph, both f32 or both f64, of equal shapes; records the error. */
bool bgi_takes_equal_floats(const char *op, bg_node *x, bg_node *y, const char *const *labels);

/* Whether eps is a number that is not negative; records the error. */
bool bgi_takes_eps(const char *op, const bg_node *x, double eps);
/* Whether a number is a value of the type; records the error. */
bool bgi_takes_value(const char *op, bg_graph *graph, bg_dtype dtype, double value);

/* An axis of x counted from the front; false with the error recorded if x has no such axis. */
bool bgi_find_axis(const char *op, const bg_node *x, int axis, int *found);
/* A set of axes of x. */
bool bgi_find_axes(const char *op, const bg_node *x, bg_axes axes, bool found[BG_MAX_RANK]);

/* The product of extents; false if it overflows. */
bool bgi_product_of(const int64_t *dims, int n, int64_t *product);

/* Shape rules: the type and shape of the first input; one type f32 or f64 and one shape for inputs and output. */
bg_status bgi_infer_same(const bg_node *node, bg_dtype *dtype, bg_shape *shape);
bg_status bgi_infer_map(const bg_node *node, bg_dtype *dtype, bg_shape *shape);

/* ---- Broadcasting ---- */

/* Replaces inputs by broadcasts to their common shape; false with the error recorded if there is none. */
bool bgi_broadcast_together(const char *op, bg_node **inputs, const char *const *labels, int n);
/* The transpose of broadcasting: sums x over the axes along which a tensor of `shape` was repeated. */
bg_node *bgi_sum_to(bg_node *x, bg_shape shape);
/* Gives a reduction of x its axes back, with extent 1. */
bg_node *bgi_keep_axes(bg_node *reduced, const bg_node *x, const bool axis[BG_MAX_RANK]);
/* A vector [c], a weight or bias, as it broadcasts against x [n, c, ..]. */
bg_node *bgi_by_channel(bg_node *vector, const bg_node *x);
/* A scalar of x's graph and type. */
bg_node *bgi_scalar_like(const bg_node *x, double value);

/* ---- Lanes ---- */

/* [n, ..] in lanes. */
static inline bg_shape bgi_lanes_shape(bg_shape shape)
{
    shape.dims[0] /= BGI_LANES;
    shape.dims[shape.rank++] = BGI_LANES;
    return shape;
}
/* The rule of ops whose attributes begin with an axis, beside which they compute: in lanes it is the same one, unless
 * it is that of the samples. */
bg_node *bgi_lanes_beside_axis(const bg_node *node, bg_node **inputs);

/* ---- Builders within the library ---- */

static inline bg_node *bgi_apply_1(const bg_op *op, bg_node *x) { return bg_apply(op, &x, 1, NULL, 0); }
static inline bg_node *bgi_apply_2(const bg_op *op, bg_node *x, bg_node *y)
{
    return bg_apply(op, (bg_node *[]){ x, y }, 2, NULL, 0);
}

/* Elementwise ops of one and of two broadcast inputs. */
bg_node *bgi_map_1(const bg_op *op, bg_node *x);
bg_node *bgi_map_2(const bg_op *op, bg_node *x, bg_node *y);

/* The sum over a set of axes. */
bg_node *bgi_sum_over(bg_node *x, const bool axis[BG_MAX_RANK]);
/* log(1 + exp(x)) for every x, without softplus's threshold. */
bg_node *bgi_log1p_exp(bg_node *x);
/* [.., m, n] -> [.., n, m] */
bg_node *bgi_transpose_last(bg_node *x);
bool bgi_is_transpose_last(const bg_node *node);
bool bgi_is_reshape(const bg_node *node);
bool bgi_is_broadcast(const bg_node *node);
/* count elements along an axis: start, start + step, ..; a negative step runs backwards. */
bg_node *bgi_slice_of(bg_node *x, int64_t axis, int64_t start, int64_t step, int64_t count);
/* x without those axes, which have extent 1. */
bg_node *bgi_drop_axes(bg_node *x, const bool dropped[BG_MAX_RANK]);
/* The gradient of a slice: zeros, of `extent` along the axis, with x at start, start + step, .. */
bg_node *bgi_embed(bg_node *x, int axis, int64_t start, int64_t step, int64_t extent);

/* The smaller and the larger of two. */
static inline int64_t bgi_least(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t bgi_most(int64_t a, int64_t b) { return a > b ? a : b; }

#endif
