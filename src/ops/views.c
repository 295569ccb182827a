/* Views made of slices and reshapes: flips, parts, and axes added, dropped or moved. Any type. */
#include "ops/ops.h"

#include <string.h>

bg_node *bg_flip(bg_node *x, bg_axes axes)
{
    bool found[BG_MAX_RANK];
    if (!x || !bgi_find_axes("flip", x, axes, found))
        return NULL;
    for (int i = 0, rank = x->shape.rank; i < rank && x; i++)
        if (found[i])
            x = bgi_slice_of(x, i, x->shape.dims[i] - 1, -1, x->shape.dims[i]);
    return x;
}

/* ---- Parts ---- */

bg_node *bg_narrow(bg_node *x, int axis, int64_t start, int64_t count)
{
    int found;
    if (!x || !bgi_find_axis("narrow", x, axis, &found))
        return NULL;
    int64_t extent = x->shape.dims[found], from = start < 0 ? start + extent : start;
    if (from < 0 || from > extent || count < 0 || count > extent - from)
        return bgi_graph_fail(x->graph, BG_ERR_ARGUMENT, "narrow: %lld elements from %lld on along axis %d of x %s",
                              (long long)count, (long long)start, found, bgi_shape_format(x->shape).text);
    return bgi_slice_of(x, found, from, 1, count);
}

bg_node *bg_select(bg_node *x, int axis, int64_t index)
{
    int found;
    if (!x || !bgi_find_axis("select", x, axis, &found))
        return NULL;
    int64_t extent = x->shape.dims[found], from = index < 0 ? index + extent : index;
    if (from < 0 || from >= extent)
        return bgi_graph_fail(x->graph, BG_ERR_ARGUMENT, "select: axis %d of x %s has no index %lld", found,
                              bgi_shape_format(x->shape).text, (long long)index);
    bool dropped[BG_MAX_RANK] = { false };
    dropped[found] = true;
    return bgi_drop_axes(bgi_slice_of(x, found, from, 1, 1), dropped);
}

static int no_parts(bg_node **parts, int n)
{
    for (int i = 0; i < n && parts; i++)
        parts[i] = NULL;
    return 0;
}

/* Sizes one after the other, which are known to fill the axis. */
static int cut(bg_node *x, int axis, const int64_t *sizes, int n, bg_node **parts)
{
    int64_t start = 0;
    bool is_good = true;
    for (int i = 0; i < n; start += sizes[i++]) {
        parts[i] = bgi_slice_of(x, axis, start, 1, sizes[i]);
        is_good = is_good && parts[i];
    }
    return is_good ? n : no_parts(parts, n);
}

int bg_split(bg_node *x, const int64_t *sizes, int n, int axis, bg_node **parts)
{
    int found;
    no_parts(parts, n);
    if (!x || !bgi_find_axis("split", x, axis, &found))
        return 0;
    if (n < 1 || !sizes || !parts) {
        bgi_graph_fail(x->graph, BG_ERR_ARGUMENT, "split: %d parts, or no sizes or place for them", n);
        return 0;
    }
    int64_t extent = x->shape.dims[found], rest = extent;
    for (int i = 0; i < n && rest >= 0; i++)
        rest = sizes[i] >= 0 && sizes[i] <= rest ? rest - sizes[i] : -1;
    if (rest != 0) {
        bgi_graph_fail(x->graph, BG_ERR_ARGUMENT, "split: the %d sizes do not add up to the %lld of axis %d of x %s", n,
                       (long long)extent, found, bgi_shape_format(x->shape).text);
        return 0;
    }
    return cut(x, found, sizes, n, parts);
}

int bg_chunk(bg_node *x, int n, int axis, bg_node **parts)
{
    int found;
    no_parts(parts, n);
    if (!x || !bgi_find_axis("chunk", x, axis, &found))
        return 0;
    if (n < 1 || !parts) {
        bgi_graph_fail(x->graph, BG_ERR_ARGUMENT, "chunk: %d parts, or no place for them", n);
        return 0;
    }
    int64_t extent = x->shape.dims[found], size = extent / n + (extent % n != 0), start = 0;
    int made = 0;
    do {
        int64_t count = extent - start < size ? extent - start : size;
        parts[made] = bgi_slice_of(x, found, start, 1, count);
        if (!parts[made++])
            return no_parts(parts, n);
        start += size;
    } while (made < n && (start < extent || extent == 0));
    return made;
}

/* ---- Axes ---- */

bg_node *bgi_drop_axes(bg_node *x, const bool dropped[BG_MAX_RANK])
{
    bg_shape shape = BG_SCALAR;
    if (!x)
        return NULL;
    for (int i = 0; i < x->shape.rank; i++)
        if (!dropped[i])
            shape.dims[shape.rank++] = x->shape.dims[i];
    return bg_reshape(x, shape);
}

bg_node *bg_squeeze(bg_node *x, bg_axes axes)
{
    bool found[BG_MAX_RANK];
    if (!x || !bgi_find_axes("squeeze", x, axes, found))
        return NULL;
    for (int i = 0; i < x->shape.rank; i++)
        found[i] = found[i] && x->shape.dims[i] == 1;
    return bgi_drop_axes(x, found);
}

/* x with an axis of extent 1 at a place that may be behind all others. */
static bg_node *add_axis(const char *op, bg_node *x, int axis)
{
    bg_shape shape = { .rank = x->shape.rank + 1 };
    int place = axis < 0 ? axis + shape.rank : axis;
    if (shape.rank > BG_MAX_RANK || place < 0 || place >= shape.rank)
        return bgi_graph_fail(x->graph, BG_ERR_ARGUMENT, "%s: no axis %d can be added to x %s", op, axis,
                              bgi_shape_format(x->shape).text);
    for (int i = 0; i < shape.rank; i++)
        shape.dims[i] = i == place ? 1 : x->shape.dims[i - (i > place)];
    return bg_reshape(x, shape);
}
bg_node *bg_unsqueeze(bg_node *x, int axis) { return x ? add_axis("unsqueeze", x, axis) : NULL; }

bg_node *bg_flatten_axes(bg_node *x, int first, int last)
{
    int from = 0, to = 0;
    if (!x)
        return NULL;
    if (x->shape.rank == 0 && first >= -1 && first <= 0 && last >= -1 && last <= 0)
        return bg_reshape(x, BG_SHAPE(1));
    if (!bgi_find_axis("flatten_axes", x, first, &from) || !bgi_find_axis("flatten_axes", x, last, &to))
        return NULL;
    if (from > to)
        return bgi_graph_fail(x->graph, BG_ERR_ARGUMENT, "flatten_axes: axis %d is behind axis %d of x %s", first, last,
                              bgi_shape_format(x->shape).text);
    bg_shape shape = { .rank = x->shape.rank - (to - from) };
    for (int i = 0; i < shape.rank; i++)
        shape.dims[i] = x->shape.dims[i <= from ? i : i + to - from];
    if (!bgi_product_of(x->shape.dims + from, to - from + 1, &shape.dims[from]))
        return bgi_graph_fail(x->graph, BG_ERR_OVERFLOW, "flatten_axes: the extent overflows: x %s",
                              bgi_shape_format(x->shape).text);
    return bg_reshape(x, shape);
}

/* Puts the extent that is -1 in its place; false if they do not make `extent`. */
static bool complete(bg_shape *sizes, int64_t extent)
{
    int open = -1;
    for (int i = 0; i < sizes->rank; i++) {
        if (sizes->dims[i] < -1 || (sizes->dims[i] == -1 && open >= 0))
            return false;
        if (sizes->dims[i] == -1) {
            open = i;
            sizes->dims[i] = 1;
        }
    }
    int64_t product;
    if (!bgi_product_of(sizes->dims, sizes->rank, &product))
        return false;
    if (open >= 0) {
        if (product == 0 || extent % product != 0)
            return false;
        sizes->dims[open] = extent / product;
        product = extent;
    }
    return product == extent;
}
bg_node *bg_unflatten(bg_node *x, int axis, bg_shape sizes)
{
    int found;
    if (!x || !bgi_find_axis("unflatten", x, axis, &found))
        return NULL;
    bool is_shape = sizes.rank >= 1 && sizes.rank + x->shape.rank - 1 <= BG_MAX_RANK;
    bg_shape parts = sizes;
    if (!is_shape || !complete(&parts, x->shape.dims[found]))
        return bgi_graph_fail(x->graph, BG_ERR_SHAPE, "unflatten: axis %d of x %s does not fall into %s", found,
                              bgi_shape_format(x->shape).text,
                              is_shape ? bgi_shape_format(sizes).text : "axes of that number");
    bg_shape shape = { .rank = x->shape.rank - 1 + parts.rank };
    for (int i = 0; i < shape.rank; i++)
        shape.dims[i] = i < found                ? x->shape.dims[i]
                        : i < found + parts.rank ? parts.dims[i - found]
                                                 : x->shape.dims[i - parts.rank + 1];
    return bg_reshape(x, shape);
}

bg_node *bg_movedim(bg_node *x, int from, int to)
{
    int source, target;
    if (!x || !bgi_find_axis("movedim", x, from, &source) || !bgi_find_axis("movedim", x, to, &target))
        return NULL;
    bg_axes axes = { .count = x->shape.rank };
    for (int i = 0, next = 0; i < axes.count; i++) {
        next += i != target && next == source;
        axes.axis[i] = i == target ? source : next++;
    }
    return bg_permute(x, axes);
}

/* ---- Joins and repetitions ---- */

bg_node *bg_stack(bg_node *const *xs, int n, int axis)
{
    if (n < 1 || !xs) {
        bg_fail(BG_ERR_ARGUMENT, "stack: %d inputs", xs ? n : 0);
        return NULL;
    }
    bg_graph *graph = bgi_graph_of("stack", xs, n);
    for (int i = 1; i < n && graph; i++)
        if (!bg_shape_equal(xs[i]->shape, xs[0]->shape))
            return bgi_graph_fail(graph, BG_ERR_SHAPE, "stack: shapes differ: input 0 %s, input %d %s",
                                  bgi_shape_format(xs[0]->shape).text, i, bgi_shape_format(xs[i]->shape).text);
    if (!graph)
        return NULL;
    bg_node *first = add_axis("stack", xs[0], axis);
    if (!first)
        return NULL;
    if (axis < 0)
        axis += first->shape.rank;
    bg_node **rows = bgi_arena_push(&graph->arena, (size_t)n * sizeof(bg_node *));
    if (!rows)
        return bgi_graph_fail(graph, BG_ERR_NOMEM, "stack: out of memory");
    for (int i = 0; i < n; i++)
        rows[i] = bg_reshape(xs[i], first->shape);
    return bg_concat(rows, n, axis);
}

/* Axis `axis` as [extent, times] or [times, extent]: a broadcast, whose elements are copied once. */
static bg_node *repeat_axis(const char *op, bg_node *x, int axis, int64_t times, bool is_inner)
{
    int64_t outer, inner, extent = x->shape.dims[axis];
    bg_shape shape = x->shape;
    if (times == 1)
        return x;
    if (__builtin_mul_overflow(extent, times, &shape.dims[axis]))
        return bgi_graph_fail(x->graph, BG_ERR_OVERFLOW, "%s: %lld times axis %d of x %s overflows", op,
                              (long long)times, axis, bgi_shape_format(x->shape).text);
    int64_t count;
    size_t bytes;
    if (!bgi_graph_accept(x->graph, bgi_shape_check(shape, x->dtype, op, &count, &bytes)))
        return NULL;
    bgi_product_of(x->shape.dims, axis + is_inner, &outer);
    bgi_product_of(x->shape.dims + axis + is_inner, x->shape.rank - axis - is_inner, &inner);
    bg_node *lines = bg_reshape(x, BG_SHAPE(outer, 1, inner));
    return bg_reshape(bg_broadcast(lines, BG_SHAPE(outer, times, inner)), shape);
}

/* The inner axes first: each further one at least doubles what is there, so that all but the last copy are small. */
static bg_node *repeat_axes(const char *op, bg_node *x, bg_shape repeats)
{
    int added = repeats.rank - x->shape.rank;
    bg_shape shape = { .rank = added > 0 ? repeats.rank : x->shape.rank };
    for (int i = 0; i < repeats.rank; i++)
        if (repeats.rank > BG_MAX_RANK || repeats.dims[i] < 0)
            return bgi_graph_fail(x->graph, BG_ERR_ARGUMENT, "%s: x %s cannot be repeated %s times", op,
                                  bgi_shape_format(x->shape).text, bgi_shape_format(repeats).text);
    for (int i = 0; i < shape.rank; i++)
        shape.dims[i] = added > 0 ? (i < added ? 1 : x->shape.dims[i - added]) : x->shape.dims[i];
    x = bg_reshape(x, shape);
    for (int i = repeats.rank - 1; i >= 0 && x; i--)
        x = repeat_axis(op, x, shape.rank - repeats.rank + i, repeats.dims[i], false);
    return x;
}
bg_node *bg_tile(bg_node *x, bg_shape repeats) { return x ? repeat_axes("tile", x, repeats) : NULL; }
bg_node *bg_repeat(bg_node *x, bg_shape repeats)
{
    if (!x)
        return NULL;
    if (repeats.rank < x->shape.rank)
        return bgi_graph_fail(x->graph, BG_ERR_ARGUMENT, "repeat: %s has fewer axes than x %s",
                              bgi_shape_format(repeats).text, bgi_shape_format(x->shape).text);
    return repeat_axes("repeat", x, repeats);
}
bg_node *bg_repeat_interleave(bg_node *x, int64_t times, int axis)
{
    int found;
    if (!x || !bgi_find_axis("repeat_interleave", x, axis, &found))
        return NULL;
    if (times < 0)
        return bgi_graph_fail(x->graph, BG_ERR_ARGUMENT, "repeat_interleave: %lld times", (long long)times);
    return repeat_axis("repeat_interleave", x, found, times, true);
}

int bg_meshgrid(bg_node *const *xs, int n, bg_node **grids)
{
    no_parts(grids, n);
    if (n < 1 || n > BG_MAX_RANK || !xs || !grids) {
        bg_fail(BG_ERR_ARGUMENT, "meshgrid: %d axes, or no inputs or place for the grids", n);
        return 0;
    }
    bg_graph *graph = bgi_graph_of("meshgrid", xs, n);
    bg_shape shape = { .rank = n };
    for (int i = 0; i < n && graph; i++) {
        if (xs[i]->shape.rank != 1) {
            bgi_graph_fail(graph, BG_ERR_SHAPE, "meshgrid: input %d is %s, not of rank 1", i,
                           bgi_shape_format(xs[i]->shape).text);
            return 0;
        }
        shape.dims[i] = xs[i]->shape.dims[0];
    }
    bool is_good = graph != NULL;
    for (int i = 0; i < n && is_good; i++) {
        bg_shape line = { .rank = n };
        for (int k = 0; k < n; k++)
            line.dims[k] = k == i ? shape.dims[i] : 1;
        grids[i] = bg_broadcast(bg_reshape(xs[i], line), shape);
        is_good = grids[i] != NULL;
    }
    return is_good ? n : no_parts(grids, n);
}
