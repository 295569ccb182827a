/* Medians and other ranks, places in sorted numbers, sums that leave out NaN. */
#include "cases.h"

#include <math.h>

/* ---- Cases ---- */

/* n: axis, and which of the smallest. */
static const op_variant axes[] = { WITH(DIMS(1), 0, 1),          WITH(DIMS(2), 0, 2),
                                   WITH(DIMS(7), -1, 7),         WITH(DIMS(8), 0, 3),
                                   WITH(DIMS(9), 0, 9),          WITH(DIMS(65), 0, 33),
                                   WITH(DIMS(3, 4), 0, 2),       WITH(DIMS(3, 4), 1, 4),
                                   WITH(DIMS(1, 5), 0, 1),       WITH(DIMS(1, 5), 1, 2),
                                   WITH(DIMS(5, 1), 0, 5),       WITH(DIMS(5, 1), 1, 1),
                                   WITH(DIMS(0, 3), 1, 1),       WITH(DIMS(2, 3, 4), 0, 1),
                                   WITH(DIMS(2, 3, 4), 1, 2),    WITH(DIMS(2, 3, 4), 2, 3),
                                   WITH(DIMS(3, 300), 1, 17),    WITH(DIMS(300, 3), 0, 200),
                                   WITH(DIMS(4, 17), -2, 1),     WITH(DIMS(2, 3, 2, 3), 1, 1),
                                   WITH(DIMS(2, 3, 2, 3), 2, 1), WITH(DIMS(1, 2, 1, 3, 2), 3, 2) };
/* Some numbers: an even or an odd count. */
static const op_variant numbers[] = { ONE(1),       ONE(2),    ONE(3),     ONE(4),          ONE(7),
                                      ONE(8),       ONE(9),    ONE(16),    ONE(17),         ONE(65),
                                      ONE(3, 4),    ONE(1, 5), ONE(5, 1),  ONE(300),        ONE(2, 3, 4),
                                      ONE(1, 1, 1), ONE(5, 3), ONE(6, 33), ONE(2, 3, 1, 4), { .x = { NO_DIMS } },
                                      ONE(31) };
/* Sorted numbers and values, both drawn; the sorted ones are made in the graph. */
static const op_variant searches[] = { PAIR(DIMS(1), DIMS(1)),
                                       PAIR(DIMS(5), NO_DIMS),
                                       PAIR(DIMS(0), DIMS(3)),
                                       PAIR(DIMS(5), DIMS(0)),
                                       PAIR(DIMS(7), DIMS(9)),
                                       PAIR(DIMS(8), DIMS(65)),
                                       PAIR(DIMS(9), DIMS(3, 4)),
                                       PAIR(DIMS(17), DIMS(2, 3, 4)),
                                       PAIR(DIMS(300), DIMS(7)),
                                       PAIR(DIMS(2, 5), DIMS(2, 3)),
                                       PAIR(DIMS(2, 5), DIMS(2, 1)),
                                       PAIR(DIMS(2, 1), DIMS(2, 6)),
                                       PAIR(DIMS(1, 4), DIMS(1, 4)),
                                       PAIR(DIMS(3, 0), DIMS(3, 2)),
                                       PAIR(DIMS(0, 3), DIMS(0, 2)),
                                       PAIR(DIMS(2, 3, 4), DIMS(2, 3, 5)),
                                       PAIR(DIMS(2, 1, 9), DIMS(2, 1, 2)),
                                       PAIR(DIMS(5, 33), DIMS(5, 31)),
                                       PAIR(DIMS(2, 2, 2, 2), DIMS(2, 2, 2, 3)),
                                       PAIR(DIMS(65), DIMS(65)),
                                       PAIR(DIMS(3, 17), DIMS(3, 17)) };

static bg_node *with_indices(bg_node *values, bg_node *indices)
{
    return values ? bg_add(values, bg_cast(indices, bg_node_dtype(values))) : NULL;
}
static bg_node *build_kthvalue(bg_node *const *x, const op_variant *v)
{
    bg_node *indices = NULL, *values = bg_kthvalue(x[0], v->n[1], (int)v->n[0], &indices);
    return with_indices(values, indices);
}
static bg_node *build_median_along(bg_node *const *x, const op_variant *v)
{
    bg_node *indices = NULL, *values = bg_median_along(x[0], (int)v->n[0], &indices);
    return with_indices(values, indices);
}
BUILD_1(median)
static bg_node *build_searchsorted(bg_node *const *x, const op_variant *v)
{
    (void)v;
    return x[0] ? bg_searchsorted(bg_sort(x[0], bg_node_shape(x[0]).rank - 1, false, NULL), x[1], true) : NULL;
}
static bg_node *build_bucketize(bg_node *const *x, const op_variant *v)
{
    (void)v;
    return x[0] ? bg_bucketize(x[1], bg_sort(bg_reshape(x[0], BG_SHAPE(-1)), 0, false, NULL), false) : NULL;
}
/* NaN below 0, far enough that differences do not cross it. */
static bg_node *with_holes(bg_node *x)
{
    return x ? bg_masked_fill(x, bg_less(x, bg_scalar(bg_node_graph(x), bg_node_dtype(x), 0)), NOT_A_NUMBER) : NULL;
}
BUILD(nansum, bg_nansum(with_holes(x[0]), v->axes))
BUILD(nanmean, bg_nanmean(x[0], v->axes))

static const op_case cases[] = {
    { .name = "kthvalue", .arity = 1, .domains = { IS_DISTINCT }, .build = build_kthvalue, VARIANTS(axes) },
    { .name = "median_along", .arity = 1, .domains = { IS_DISTINCT }, .build = build_median_along, VARIANTS(axes) },
    { .name = "median",
      .op = "median",
      .arity = 1,
      .domains = { IS_DISTINCT },
      .build = build_median,
      VARIANTS(numbers) },
    { .name = "searchsorted",
      .op = "searchsorted",
      .arity = 2,
      .domains = { IS_EVEN, IS_ODD },
      .gradient = IS_CONSTANT,
      .is_apart = true,
      .build = build_searchsorted,
      VARIANTS(searches) },
    { .name = "bucketize",
      .arity = 2,
      .domains = { IS_EVEN, IS_ODD },
      .gradient = IS_CONSTANT,
      .is_apart = true,
      .build = build_bucketize,
      VARIANTS(searches) },
    { .name = "nansum",
      .arity = 1,
      .domains = { IS_NOT_0 },
      .sums = true,
      .build = build_nansum,
      VARIANTS(reductions_of_nothing) },
    { .name = "nanmean", .arity = 1, .sums = true, .build = build_nanmean, VARIANTS(reductions) },
};

/* ---- Golden values ---- */

static bg_node *kth_indices(const golden_case *c)
{
    bg_node *indices = NULL;
    bg_kthvalue(c->x[0], golden_integer(c, "k"), golden_integer(c, "axis"), &indices);
    return indices;
}
static bg_node *median_indices(const golden_case *c)
{
    bg_node *indices = NULL;
    bg_median_along(c->x[0], golden_integer(c, "axis"), &indices);
    return indices;
}
GOLDEN(kthvalue, bg_kthvalue(c->x[0], golden_integer(c, "k"), golden_integer(c, "axis"), NULL))
GOLDEN(kthvalue_indices, kth_indices(c))
GOLDEN(median_along, bg_median_along(c->x[0], golden_integer(c, "axis"), NULL))
GOLDEN(median_along_indices, median_indices(c))
GOLDEN_1(median)
GOLDEN(searchsorted, bg_searchsorted(c->x[0], c->x[1], golden_integer(c, "right") != 0))
GOLDEN(bucketize, bg_bucketize(c->x[0], c->x[1], golden_integer(c, "right") != 0))
GOLDEN_AXES(nansum)
GOLDEN_AXES(nanmean)
static const golden_op golden[] = { GOLDEN_ROW(kthvalue),     GOLDEN_ROW(kthvalue_indices),
                                    GOLDEN_ROW(median_along), GOLDEN_ROW(median_along_indices),
                                    GOLDEN_ROW(median),       GOLDEN_ROW(searchsorted),
                                    GOLDEN_ROW(bucketize),    GOLDEN_ROW(nansum),
                                    GOLDEN_ROW(nanmean) };

/* ---- Wrong calls ---- */

#define WRONG(X)                                                                                                       \
    X(bg_kthvalue(f->i3, 1, 0, NULL), BG_ERR_DTYPE, "kthvalue: x is i32, not f32 or f64")                              \
    X(bg_kthvalue(f->x3, 1, 1, NULL), BG_ERR_ARGUMENT, "kthvalue: x [3] has no axis 1")                                \
    X(bg_kthvalue(f->x3, 0, 0, NULL), BG_ERR_ARGUMENT, "kthvalue: k 0 is outside 1 .. the extent of axis 0: x [3]")    \
    X(bg_kthvalue(f->x3, 4, 0, NULL), BG_ERR_ARGUMENT, "kthvalue: k 4 is outside 1 .. the extent of axis 0: x [3]")    \
    X(bg_median(f->l3), BG_ERR_DTYPE, "median: x is i64, not f32 or f64")                                              \
    X(bg_median_along(f->bools, 0, NULL), BG_ERR_DTYPE, "median_along: x is bool, not f32 or f64")                     \
    X(bg_median_along(f->x23, 2, NULL), BG_ERR_ARGUMENT, "median_along: x [2, 3] has no axis 2")                       \
    X(bg_median_along(f->empty, 1, NULL), BG_ERR_SHAPE, "median_along: over no elements: x [2, 0]")                    \
    X(bg_searchsorted(f->x3, f->d3, false), BG_ERR_DTYPE,                                                              \
      "searchsorted: needs one type, floats or integers: sorted f32, values f64")                                      \
    X(bg_searchsorted(f->bools, f->bools, false), BG_ERR_DTYPE,                                                        \
      "searchsorted: needs one type, floats or integers: sorted bool, values bool")                                    \
    X(bg_searchsorted(f->x23, f->x3, false), BG_ERR_SHAPE, "searchsorted: rows differ: sorted [2, 3], values [3]")     \
    X(bg_searchsorted(f->x23, f->x34, false), BG_ERR_SHAPE, "searchsorted: rows differ: sorted [2, 3], values [3, 4]") \
    X(bg_searchsorted(f->scalar, f->x3, false), BG_ERR_SHAPE, "searchsorted: rows differ: sorted [], values [3]")      \
    X(bg_bucketize(f->x3, f->x23, false), BG_ERR_SHAPE, "bucketize: boundaries [2, 3] have not rank 1")                \
    X(bg_nansum(f->i3, BG_ALL_AXES), BG_ERR_DTYPE, "nansum: x is i32, not f32 or f64")                                 \
    X(bg_nansum(f->x3, BG_AXES(1)), BG_ERR_ARGUMENT, "nansum: x [3] has no axis 1")                                    \
    X(bg_nanmean(f->x23, BG_AXES(0, 0)), BG_ERR_ARGUMENT, "nanmean: axis 0 is given twice")
WRONG_CALLS(WRONG)

/* ---- Edges ---- */

EDGE(median, bg_median(x))
EDGE(median_along, bg_median_along(x, 0, NULL))
EDGE(kthvalue, bg_kthvalue(x, 2, 0, NULL))
EDGE(nanmean, bg_nanmean(x, BG_ALL_AXES))
static bg_node *found_bytes(bg_node *x, bg_node *y)
{
    return bg_cast(bg_searchsorted(bg_cast(x, BG_U8), bg_cast(y, BG_U8), false), bg_node_dtype(x));
}
static bg_node *edge_bytes(bg_node *x, bg_node *y) { return found_bytes(x, y); }
static const edge edges[] = {
    { "median: ties share the gradient", edge_median, 5, .x = LIST(2, 1, 2, 7, 2), .n_values = 1, .value = LIST(2),
      .dx = LIST(1 / 3.0, 0, 1 / 3.0, 0, 1 / 3.0), .tolerance = 1e-7 },
    { "median: the lower one", edge_median, 4, .x = LIST(4, 1, 3, 2), .n_values = 1, .value = LIST(2),
      .dx = LIST(0, 0, 0, 1) },
    { "median: NaN", edge_median, 3, .x = LIST(1, NOT_A_NUMBER, NOT_A_NUMBER), .n_values = 1,
      .value = LIST(NOT_A_NUMBER), .dx = LIST(0, 0.5, 0.5) },
    { "median of nothing", edge_median, 0, .shape = VECTOR(0), .n_values = 1, .value = LIST(NOT_A_NUMBER) },
    { "median_along: the first NaN", edge_median_along, 4, .x = LIST(1, NOT_A_NUMBER, NOT_A_NUMBER, 0), .n_values = 1,
      .value = LIST(NOT_A_NUMBER), .dx = LIST(0, 1, 0, 0) },
    { "kthvalue: equal elements in their order", edge_kthvalue, 4, .x = LIST(3, 1, 1, 1), .n_values = 1,
      .value = LIST(1), .dx = LIST(0, 0, 1, 0) },
    { "nanmean of nothing but NaN", edge_nanmean, 2, .x = LIST(NOT_A_NUMBER, NOT_A_NUMBER), .n_values = 1,
      .value = LIST(NOT_A_NUMBER), .dx = LIST(0, 0) },
    { "searchsorted of bytes", edge_bytes, 4, .x = LIST(1, 127, 128, 255), .y = LIST(0, 128, 255, 129), .n_values = 4,
      .value = LIST(0, 2, 3, 3), .dx = LIST(0, 0, 0, 0) },
};

const op_family rank_family = { .name = "rank", FAMILY_CASES, FAMILY_GOLDEN, FAMILY_WRONG, FAMILY_EDGES };
