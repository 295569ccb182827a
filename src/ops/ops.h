/* What the ops share: attributes that other parts of the library read, checks that name the op, and internal ops. */
#ifndef BGI_OPS_H
#define BGI_OPS_H

#include <blasgrad/ops.h>

#include "graph/graph.h"

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

/* Of embed: the elements of x are at start, start + step, .. along an axis of this extent. */
typedef struct {
    int64_t axis, start, step, extent;
} bgi_embed_attributes;
extern const bg_op bgi_embed_op, bgi_concat_op; /* the attribute of concat is its axis, int64_t */

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
/* Whether x is a node of f32 or f64; records the error in its graph. NULL is false without an error. */
bool bgi_takes_float(const char *op, const bg_node *x);
/* Whether x and y are nodes of one graph, both f32 or both f64, of equal shapes; records the error. */
bool bgi_takes_equal_floats(const char *op, bg_node *x, bg_node *y, const char *const *labels);

/* Whether a number is a value of the type; records the error. */
bool bgi_takes_value(const char *op, bg_graph *graph, bg_dtype dtype, double value);

/* An axis of x counted from the front; false with the error recorded if x has no such axis. */
bool bgi_find_axis(const char *op, const bg_node *x, int axis, int *found);
/* A set of axes of x. */
bool bgi_find_axes(const char *op, const bg_node *x, bg_axes axes, bool found[BG_MAX_RANK]);

/* The product of extents; false if it overflows. */
bool bgi_product_of(const int64_t *dims, int n, int64_t *product);

/* Shape rules: one type f32 or f64 and one shape for inputs and output. */
bg_status bgi_infer_map(const bg_node *node, bg_dtype *dtype, bg_shape *shape);

/* ---- Broadcasting ---- */

/* Replaces inputs by broadcasts to their common shape; false with the error recorded if there is none. */
bool bgi_broadcast_together(const char *op, bg_node **inputs, const char *const *labels, int n);
/* The transpose of broadcasting: sums x over the axes along which a tensor of `shape` was repeated. */
bg_node *bgi_sum_to(bg_node *x, bg_shape shape);
/* Gives a reduction of x its axes back, with extent 1. */
bg_node *bgi_keep_axes(bg_node *reduced, const bg_node *x, const bool axis[BG_MAX_RANK]);
/* A scalar of x's graph and type. */
bg_node *bgi_scalar_like(const bg_node *x, double value);

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
/* count elements along an axis: start, start + step, ..; a negative step runs backwards. */
bg_node *bgi_slice_of(bg_node *x, int64_t axis, int64_t start, int64_t step, int64_t count);
/* x without those axes, which have extent 1. */
bg_node *bgi_drop_axes(bg_node *x, const bool dropped[BG_MAX_RANK]);
/* The gradient of a slice: zeros, of `extent` along the axis, with x at start, start + step, .. */
bg_node *bgi_embed(bg_node *x, int axis, int64_t start, int64_t step, int64_t extent);
/* The sum of two cotangents of one node. What neighbouring slices give is joined, so that the gradient of many slices
 * is one concatenation, not a sum of as many arrays of zeros. */
bg_node *bgi_add_cotangents(bg_node *x, bg_node *y);
/* A slice of a cotangent that came about so, without the zeros in it; NULL if it is zero. */
bg_node *bgi_cotangent_part(bg_node *x, int axis, int64_t start, int64_t count);

/* s[j] = factor[j] s[j-1] + x[j] along an axis, s[0] = x[0]; in reverse from the last element on. */
bg_node *bgi_linear_recurrence(bg_node *factor, bg_node *x, int axis, bool is_reverse);
/* ---- Normalisation ---- */

/* What x is normalised with, over some axes of it. */
typedef struct {
    int64_t trailing; /* the axes: so many of the last, or 0: all but axis 1 */
    int64_t is_around_zero;
    double eps;
} bgi_moment_attributes;
/* The number of elements that share one mean. */
int64_t bgi_moment_count(const bg_node *x, const bgi_moment_attributes *attributes);
/* x without the axes, [.., 4], computed in f64: mean (0 around zero), what rounding the mean to x's type left, mean
 * square of the distances from the mean, and 1 / √(that + eps). x has elements. */
bg_node *bgi_moments(bg_node *x, const bgi_moment_attributes *attributes);
typedef enum { BGI_MOMENT_MEAN, BGI_MOMENT_REST, BGI_MOMENT_VARIANCE, BGI_MOMENT_SCALE } bgi_moment;
/* One of the four, without the last axis. */
bg_node *bgi_moment_of(bg_node *moments, bgi_moment which);
/* (x - mean) / √(variance + eps) · weight + bias, which may be NULL and have the shape of the last axes, or are [c] of
 * x [n, c, ..] where the axes are all but axis 1. */
bg_node *bgi_standardize(bg_node *x, bg_node *weight, bg_node *bias, const bgi_moment_attributes *attributes);
/* The same with moments of x over the last axes that are there already. */
bg_node *bgi_standardize_rows(bg_node *x, bg_node *moments, bg_node *weight, bg_node *bias,
                              const bgi_moment_attributes *attributes);
/* x [n, c, ..] as [n, c] or [n, c, inner], whose loops are longest. */
bg_node *bgi_as_planes(bg_node *x);
/* weight [c] or bias [c] as it broadcasts against x [n, c, ..]. */
bg_node *bgi_by_channel(bg_node *vector, const bg_node *x);
/* Whether x is [n, c, ..] and each vector of the list that is not NULL is [c], of its graph and type; records the
 * error. */
bool bgi_takes_channels(const char *op, bg_node *x, bg_node *const *vectors, const char *const *labels, int n);
/* Whether eps is a number that is not negative; records the error. */
bool bgi_takes_eps(const char *op, const bg_node *x, double eps);

/* ---- Random nodes ----
 * A number is Philox(engine's seed, site, step, place in the output). Sites keep nodes apart: the hash of a name, or
 * their order of creation in the graph. The step is a buffer that a run with updates advances by one. */

/* The next site of the graph without a name, and the site of a name. */
int64_t bgi_random_site(bg_graph *graph);
int64_t bgi_random_site_of(const char *name);
/* The graph's step counter, i64 of rank 0, made and advanced from the first use on. */
bg_node *bgi_random_step(bg_graph *graph);
/* Makes the owner's counter the graph's, whose nodes read it from then on. The first owner stays; the graph takes over
 * a reference to it, or releases it. False with the error recorded. */
bool bgi_random_attach(bg_graph *graph, bgi_random_source source);
/* What dropout keeps: bool, false with probability p, from 32 bits an element. */
bg_node *bgi_random_keep(bg_node *step, bg_shape shape, double p, int64_t site);
/* The bits behind it: of element i of one run, and the limit below which an element is dropped. */
typedef struct {
    uint64_t key, step, limit;
} bgi_keep;
bgi_keep bgi_keep_of(const bg_node *node, int64_t site, int64_t step, double p);
/* keeps[i] = whether element first + i is kept, for i < n. */
void bgi_keep_row(const bgi_keep *keep, int64_t first, int64_t n, uint8_t *keeps);
/* Dropout with a site of the caller's. leading: the axes of x that have a choice each; -1: every element. */
bg_node *bgi_dropout_at(const char *op, bg_node *x, double p, int leading, int64_t site);
/* Attention whose dropout has a site of the caller's. */
bg_node *bgi_attention_at(bg_node *q, bg_node *k, bg_node *v, const bg_attention_options *options, int64_t site);
/* Whether p is a probability; records the error. */
bool bgi_is_probability(const char *op, const bg_node *x, double p);

/* The parts of a softmax along an axis, which the compiler finds to be the same wherever they are built. The maximum is
 * a constant for gradients, as the result does not depend on it; max and sum keep the axis with extent 1. Rows with an
 * infinite maximum are NaN, unless `safe` puts 0 in its place. */
typedef struct {
    bg_node *max, *shifted, *exp, *sum;
} bgi_softmax_terms;
bgi_softmax_terms bgi_softmax_terms_of(bg_node *x, const bool axis[BG_MAX_RANK], bool safe);

#endif
