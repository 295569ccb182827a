/* Elements in other places: rolls, padding, triangles, diagonals. Any type. */
#include "ops/axis.h"

#include <math.h>
#include <string.h>

/* segments: along an axis, up to three runs of x's elements or of one value, one after the other. A run begins at
 * `start` and goes on by `step`: 1, -1, 0 (one element again and again), or NO_ELEMENTS for the value. */
enum { MOST_SEGMENTS = 3, NO_ELEMENTS = 2 };
typedef struct {
    int64_t start, step, count;
} segment;
typedef struct {
    int64_t axis, extent, is_roll;
    double value;
    segment segments[MOST_SEGMENTS];
} segments_attributes;

static bg_status segments_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    const segments_attributes *attributes = node->attributes;
    *dtype = node->inputs[0]->dtype;
    *shape = node->inputs[0]->shape;
    shape->dims[attributes->axis] = attributes->extent;
    return BG_OK;
}
static int64_t segments_units(const bg_node *node, int input)
{
    const segments_attributes *attributes = node->attributes;
    bgi_axis_parts y = bgi_parts_of(node->shape, attributes->axis);
    if (y.outer >= BGI_MANY_PIECES)
        return y.outer;
    return input == 0 ? 1 : bgi_pieces(y.outer * y.extent);
}

static void fill(unsigned char *target, bg_dtype dtype, double value, int64_t count)
{
    switch (dtype) {
#define FILL(name, type, text)                                                                                         \
    case name:                                                                                                         \
        for (int64_t i = 0; i < count; i++)                                                                            \
            ((type *)(void *)target)[i] = (type)value;                                                                 \
        break;
        BG_DTYPE_LIST(FILL)
#undef FILL
    default:
        break;
    }
}

/* `count` lines of a run, from its line `first` on, where x begins at source and a line has so many bytes. */
static void copy_run(unsigned char *target, const unsigned char *source, const segment *s, int64_t first, int64_t count,
                     size_t bytes)
{
    source += (size_t)(s->start + first * s->step) * bytes;
    if (s->step == 1) {
        memcpy(target, source, (size_t)count * bytes);
        return;
    }
    ptrdiff_t step = (ptrdiff_t)s->step * (ptrdiff_t)bytes;
    for (int64_t i = 0; i < count; i++)
        memcpy(target + (size_t)i * bytes, source + i * step, bytes);
}

static bg_status segments_call(const bg_call *call)
{
    const segments_attributes *attributes = call->node->attributes;
    bgi_axis_parts y = bgi_parts_of(call->node->shape, attributes->axis);
    int64_t extent = call->node->inputs[0]->shape.dims[attributes->axis];
    size_t bytes = (size_t)y.inner * bg_dtype_size(call->node->dtype);
    bool is_by_outer = y.outer >= BGI_MANY_PIECES;
    int64_t line = is_by_outer ? call->first * y.extent : call->first;
    int64_t last = is_by_outer ? call->last * y.extent : call->last, base = is_by_outer ? call->first : 0;
    unsigned char *target = call->output;
    while (line < last) {
        int64_t outer = line / y.extent, place = line % y.extent;
        const segment *s = attributes->segments;
        for (; place >= s->count; s++)
            place -= s->count;
        int64_t count = s->count - place < last - line ? s->count - place : last - line;
        const unsigned char *source = call->inputs[0];
        if (s->step == NO_ELEMENTS)
            fill(target, call->node->dtype, attributes->value, count * y.inner);
        else
            copy_run(target, source + (size_t)((outer - base) * extent) * bytes, s, place, count, bytes);
        target += (size_t)count * bytes;
        line += count;
    }
    return BG_OK;
}

static bg_node *roll(bg_node *x, int axis, int64_t shift);

/* Each run sends its part of dy back to where it came from. */
static bg_node *segments_gradient(bg_node *node, int input, bg_node *dy)
{
    const segments_attributes *attributes = node->attributes;
    int axis = (int)attributes->axis;
    int64_t extent = node->inputs[input]->shape.dims[axis], place = 0;
    if (attributes->is_roll)
        return roll(dy, axis, attributes->segments[1].count);
    bg_node *dx = NULL;
    for (int i = 0; i < MOST_SEGMENTS; i++) {
        const segment *s = &attributes->segments[i];
        bg_node *part = bgi_slice_of(dy, axis, place, 1, s->count);
        int64_t start = s->start;
        place += s->count;
        if (s->count == 0 || s->step == NO_ELEMENTS)
            continue;
        if (s->step == -1) {
            part = bgi_slice_of(part, axis, s->count - 1, -1, s->count);
            start -= s->count - 1;
        } else if (s->step == 0) {
            part = bgi_sum_to(part, bgi_slice_of(part, axis, 0, 1, 1)->shape);
        }
        part = bgi_embed(part, axis, start, 1, extent);
        dx = dx ? bg_add(dx, part) : part;
        if (!dx)
            return NULL;
    }
    return dx ? dx : bg_broadcast(bgi_scalar_like(dy, 0), node->inputs[input]->shape);
}
static const bg_op segments_op = { .name = "segments",
                                   .arity = 1,
                                   .infer = segments_infer,
                                   .gradient = segments_gradient,
                                   .call = segments_call,
                                   .never_fails = true,
                                   .units = segments_units };

/* ---- Rolls ---- */

/* By 0 < shift < extent. */
static bg_node *roll(bg_node *x, int axis, int64_t shift)
{
    int64_t extent = x->shape.dims[axis];
    segments_attributes attributes = { .axis = axis,
                                       .extent = extent,
                                       .is_roll = 1,
                                       .segments = { { extent - shift, 1, shift }, { 0, 1, extent - shift } } };
    return bg_apply(&segments_op, &x, 1, &attributes, sizeof attributes);
}
bg_node *bg_roll(bg_node *x, int64_t shift, int axis)
{
    int found;
    if (!x || !bgi_find_axis("roll", x, axis, &found))
        return NULL;
    int64_t extent = x->shape.dims[found];
    int64_t rest = extent > 0 ? shift % extent : 0;
    return rest == 0 ? x : roll(x, found, rest < 0 ? rest + extent : rest);
}

/* ---- Padding ---- */

static const char *mode_name(bg_pad_mode mode)
{
    return mode == BG_PAD_REFLECT ? "reflect" : mode == BG_PAD_REPLICATE ? "replicate" : "circular";
}

/* The most elements that can be added on one side of an axis. */
static int64_t most_padding(bg_pad_mode mode, int64_t extent)
{
    switch (mode) {
    case BG_PAD_REFLECT:
        return extent - 1;
    case BG_PAD_CIRCULAR:
        return extent;
    case BG_PAD_REPLICATE:
        return extent > 0 ? INT64_MAX : 0;
    default:
        return INT64_MAX;
    }
}

static bg_node *pad_axis(bg_node *x, const bg_pad_options *options, int axis)
{
    int64_t before = options->before[axis], after = options->after[axis], extent = x->shape.dims[axis];
    int64_t added_before = before > 0 ? before : 0, added_after = after > 0 ? after : 0, whole;
    int64_t cut_before = before < 0 ? (before < -extent ? extent + 1 : -before) : 0;
    int64_t cut_after = after < 0 ? (after < -extent ? extent + 1 : -after) : 0;
    if (before == 0 && after == 0)
        return x;
    if (cut_before + cut_after > extent)
        return bgi_graph_fail(x->graph, BG_ERR_ARGUMENT, "pad: %lld and %lld leave nothing of axis %d of x %s",
                              (long long)before, (long long)after, axis, bgi_shape_format(x->shape).text);
    int64_t most = most_padding(options->mode, extent);
    if (added_before > most || added_after > most)
        return bgi_graph_fail(x->graph, BG_ERR_ARGUMENT, "pad: %lld and %lld are too many to %s axis %d of x %s",
                              (long long)before, (long long)after, mode_name(options->mode), axis,
                              bgi_shape_format(x->shape).text);
    int64_t kept = extent - cut_before - cut_after;
    if (__builtin_add_overflow(added_before, kept, &whole) || __builtin_add_overflow(whole, added_after, &whole))
        return bgi_graph_fail(x->graph, BG_ERR_OVERFLOW, "pad: the extent of axis %d overflows", axis);
    if (added_before == 0 && added_after == 0)
        return bgi_slice_of(x, axis, cut_before, 1, kept);
    segments_attributes attributes = { .axis = axis, .extent = whole, .value = options->value };
    segment *s = attributes.segments;
    s[1] = (segment){ cut_before, 1, kept };
    switch (options->mode) {
    case BG_PAD_REFLECT:
        s[0] = (segment){ added_before, -1, added_before };
        s[2] = (segment){ extent - 2, -1, added_after };
        break;
    case BG_PAD_REPLICATE:
        s[0] = (segment){ 0, 0, added_before };
        s[2] = (segment){ extent - 1, 0, added_after };
        break;
    case BG_PAD_CIRCULAR:
        s[0] = (segment){ extent - added_before, 1, added_before };
        s[2] = (segment){ 0, 1, added_after };
        break;
    default:
        s[0] = (segment){ 0, NO_ELEMENTS, added_before };
        s[2] = (segment){ 0, NO_ELEMENTS, added_after };
        break;
    }
    return bg_apply(&segments_op, &x, 1, &attributes, sizeof attributes);
}

static bool is_value_of(bg_dtype dtype, double value)
{
    switch (dtype) {
    case BG_I32:
        return value == rint(value) && value >= -0x1p31 && value < 0x1p31;
    case BG_I64:
        return value == rint(value) && value >= -0x1p63 && value < 0x1p63;
    case BG_U8:
        return value == rint(value) && value >= 0 && value < 256;
    case BG_BOOL:
        return value == 0 || value == 1;
    default:
        return true;
    }
}
bool bgi_takes_value(const char *op, bg_graph *graph, bg_dtype dtype, double value)
{
    if (is_value_of(dtype, value))
        return true;
    bgi_graph_fail(graph, BG_ERR_ARGUMENT, "%s: %g is no value of %s", op, value, bg_dtype_name(dtype));
    return false;
}

bg_node *bg_pad(bg_node *x, bg_pad_options options)
{
    if (!x)
        return NULL;
    if ((int)options.mode < BG_PAD_CONSTANT || options.mode > BG_PAD_CIRCULAR)
        return bgi_graph_fail(x->graph, BG_ERR_ARGUMENT, "pad: unknown mode %d", (int)options.mode);
    if (!bgi_takes_value("pad", x->graph, x->dtype, options.value))
        return NULL;
    for (int i = x->shape.rank; i < BG_MAX_RANK; i++)
        if (options.before[i] != 0 || options.after[i] != 0)
            return bgi_graph_fail(x->graph, BG_ERR_ARGUMENT, "pad: x %s has no axis %d",
                                  bgi_shape_format(x->shape).text, i);
    for (int i = x->shape.rank - 1; i >= 0 && x; i--) /* the inner axes first: what is copied again is smaller */
        x = pad_axis(x, &options, i);
    return x;
}

/* ---- Triangles ---- */

/* triangle: the elements on one side of a diagonal of the last two axes, and zeros beyond; dx = that triangle of dy */
typedef struct {
    int64_t diagonal, is_upper;
} triangle_attributes;

static int64_t triangle_units(const bg_node *node, int input)
{
    (void)input;
    bgi_axis_parts rows = bgi_parts_of(node->shape, node->shape.rank - 1);
    return bgi_pieces(rows.extent > 0 ? rows.outer : 0);
}
static bg_status triangle_call(const bg_call *call)
{
    const triangle_attributes *attributes = call->node->attributes;
    bg_shape shape = call->node->shape;
    int64_t rows = shape.dims[shape.rank - 2], columns = shape.dims[shape.rank - 1];
    size_t size = bg_dtype_size(call->node->dtype), bytes = (size_t)columns * size;
    for (int64_t row = call->first; row < call->last; row++) {
        unsigned char *target = (unsigned char *)call->output + (size_t)(row - call->first) * bytes;
        const unsigned char *source = (const unsigned char *)call->inputs[0] + (size_t)(row - call->first) * bytes;
        int64_t edge = row % rows + attributes->diagonal + !attributes->is_upper;
        size_t left = (size_t)(edge < 0 ? 0 : edge > columns ? columns : edge) * size;
        if (attributes->is_upper) {
            memset(target, 0, left);
            memcpy(target + left, source + left, bytes - left);
        } else {
            memcpy(target, source, left);
            memset(target + left, 0, bytes - left);
        }
    }
    return BG_OK;
}
static bg_node *triangle_gradient(bg_node *node, int input, bg_node *dy)
{
    (void)input;
    return bg_apply(node->op, &dy, 1, node->attributes, node->attribute_bytes);
}
static const bg_op triangle_op = { .name = "triangle",
                                   .arity = 1,
                                   .infer = bgi_infer_same,
                                   .gradient = triangle_gradient,
                                   .call = triangle_call,
                                   .never_fails = true,
                                   .units = triangle_units };
static bg_node *triangle(const char *op, bg_node *x, int64_t diagonal, bool is_upper)
{
    if (!x)
        return NULL;
    int rank = x->shape.rank;
    if (rank < 2)
        return bgi_graph_fail(x->graph, BG_ERR_SHAPE, "%s: x %s is no matrix", op, bgi_shape_format(x->shape).text);
    int64_t rows = x->shape.dims[rank - 2], columns = x->shape.dims[rank - 1];
    diagonal = diagonal < -rows ? -rows : diagonal > columns ? columns : diagonal;
    triangle_attributes attributes = { .diagonal = diagonal, .is_upper = is_upper };
    return bg_apply(&triangle_op, &x, 1, &attributes, sizeof attributes);
}
bg_node *bg_tril(bg_node *x, int64_t diagonal) { return triangle("tril", x, diagonal, false); }
bg_node *bg_triu(bg_node *x, int64_t diagonal) { return triangle("triu", x, diagonal, true); }

/* ---- Diagonals ---- */

/* diagonal: a view along two axes at once; dx = zeros with dy on the diagonal */
typedef struct {
    int64_t axis_1, axis_2, offset, count;
} diagonal_attributes;

static bg_status diagonal_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    const diagonal_attributes *attributes = node->attributes;
    const bg_node *x = node->inputs[0];
    *dtype = x->dtype;
    *shape = BG_SCALAR;
    for (int i = 0; i < x->shape.rank; i++)
        if (i != attributes->axis_1 && i != attributes->axis_2)
            shape->dims[shape->rank++] = x->shape.dims[i];
    shape->dims[shape->rank++] = attributes->count;
    return BG_OK;
}
static bool diagonal_view(const bg_node *node, const bgi_view *input, bgi_view *view)
{
    const diagonal_attributes *attributes = node->attributes;
    int64_t a = attributes->axis_1, b = attributes->axis_2, offset = attributes->offset;
    *view = (bgi_view){ .offset = input->offset };
    view->offset += offset >= 0 ? offset * input->strides[b] : -offset * input->strides[a];
    int rank = 0;
    for (int i = 0; i < node->inputs[0]->shape.rank; i++)
        if (i != a && i != b)
            view->strides[rank++] = input->strides[i];
    view->strides[rank] = input->strides[a] + input->strides[b];
    return true;
}
/* Zeros [.., rows, columns] with x [.., count] on a diagonal, which in [.., rows · columns] has a constant step. */
static bg_node *on_diagonal(bg_node *x, int64_t offset, int64_t rows, int64_t columns)
{
    int axis = x->shape.rank - 1;
    bg_shape shape = x->shape;
    shape.dims[axis] = rows;
    shape.dims[shape.rank++] = columns;
    bg_node *flat = bgi_embed(x, axis, offset >= 0 ? offset : -offset * columns, columns + 1, rows * columns);
    return flat ? bg_reshape(flat, shape) : NULL;
}
static bg_node *diagonal_gradient(bg_node *node, int input, bg_node *dy)
{
    const diagonal_attributes *attributes = node->attributes;
    bg_shape shape = node->inputs[input]->shape;
    int a = (int)attributes->axis_1, b = (int)attributes->axis_2;
    bg_node *dx = on_diagonal(dy, attributes->offset, shape.dims[a], shape.dims[b]);
    bg_axes axes = { .count = shape.rank };
    for (int i = 0, next = 0; i < shape.rank; i++)
        axes.axis[i] = i == a ? shape.rank - 2 : i == b ? shape.rank - 1 : next++;
    return dx ? bg_permute(dx, axes) : NULL;
}
static const bgi_lowering diagonal_lowering = { .kind = BGI_VIEW, .view = diagonal_view };
static const bg_op diagonal_op = { .name = "diagonal",
                                   .arity = 1,
                                   .infer = diagonal_infer,
                                   .gradient = diagonal_gradient,
                                   .lowering = &diagonal_lowering };
bg_node *bg_diagonal(bg_node *x, int64_t offset, int axis_1, int axis_2)
{
    int a, b;
    if (!x || !bgi_find_axis("diagonal", x, axis_1, &a) || !bgi_find_axis("diagonal", x, axis_2, &b))
        return NULL;
    if (a == b)
        return bgi_graph_fail(x->graph, BG_ERR_ARGUMENT, "diagonal: axis %d of x %s is given twice", a,
                              bgi_shape_format(x->shape).text);
    int64_t rows = x->shape.dims[a], columns = x->shape.dims[b];
    offset = offset > columns ? columns : offset < -rows ? -rows : offset;
    rows += offset < 0 ? offset : 0;
    columns -= offset > 0 ? offset : 0;
    int64_t count = rows < columns ? rows : columns;
    diagonal_attributes attributes = { .axis_1 = a, .axis_2 = b, .offset = count > 0 ? offset : 0, .count = count };
    return bg_apply(&diagonal_op, &x, 1, &attributes, sizeof attributes);
}

bg_node *bg_diag_embed(bg_node *x, int64_t offset)
{
    int64_t size, area;
    if (!x)
        return NULL;
    if (x->shape.rank < 1 || x->shape.rank >= BG_MAX_RANK)
        return bgi_graph_fail(x->graph, BG_ERR_SHAPE, "diag_embed: x %s has no axis that can become two",
                              bgi_shape_format(x->shape).text);
    if (offset == INT64_MIN ||
        __builtin_add_overflow(x->shape.dims[x->shape.rank - 1], offset < 0 ? -offset : offset, &size) ||
        size == INT64_MAX || __builtin_mul_overflow(size, size, &area))
        return bgi_graph_fail(x->graph, BG_ERR_OVERFLOW, "diag_embed: the matrix overflows: x %s, offset %lld",
                              bgi_shape_format(x->shape).text, (long long)offset);
    return on_diagonal(x, offset, size, size);
}

const bg_op *const bgi_rearrange_ops[] = { &segments_op, &triangle_op, &diagonal_op, NULL };
