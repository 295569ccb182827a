/* Linear maps along one axis, each of whose results is made of a few elements in a row. */
#include "ops/axis_map.h"

#include "ops/axis.h"
#include "ops/memory.h"

#include <math.h>

/* in and out are those of the map, also in its transpose. */
typedef struct {
    int64_t axis, in, out, map;
} map_attributes;

/* Result j is first · x[at] + .. + last · x[at + count - 1], where all but the last weight are equal. */
typedef struct {
    int64_t at, count;
    double first, last;
} terms;

static terms one(int64_t at) { return (terms){ at, 1, 1, 1 }; }

static terms mean_of(const map_attributes *a, int64_t j)
{
    int64_t start = j * a->in / a->out, end = ((j + 1) * a->in + a->out - 1) / a->out;
    double share = 1 / (double)(end - start);
    return (terms){ start, end - start, share, share };
}
static terms between(const map_attributes *a, double place)
{
    int64_t at = bgi_least((int64_t)place, a->in - 1);
    double part = fmin(fmax(place - (double)at, 0), 1);
    return part == 0 || at == a->in - 1 ? one(at) : (terms){ at, 2, 1 - part, part };
}
static terms terms_of(const map_attributes *a, int64_t j)
{
    double step = a->out > 1 ? (double)(a->in - 1) / (double)(a->out - 1) : 0;
    switch ((bgi_axis_map)a->map) {
    case BGI_MEANS:
        return mean_of(a, j);
    case BGI_NEAREST:
        return one(j * a->in / a->out);
    case BGI_NEAREST_EXACT:
        return one((2 * j + 1) * a->in / (2 * a->out));
    case BGI_LINEAR:
        return between(a, fmax(((double)j + 0.5) * ((double)a->in / (double)a->out) - 0.5, 0));
    case BGI_LINEAR_ALIGNED:
        return between(a, (double)j * step);
    }
    return one(0);
}

/* The scratch: the terms of all results, then one slice of sums in f64. */
static size_t map_scratch(const bg_node *node)
{
    const map_attributes *a = node->attributes;
    return (size_t)a->out * sizeof(terms) + (size_t)bgi_parts_of(node->shape, a->axis).inner * sizeof(double);
}
static double *fill_scratch(const bg_call *call)
{
    const map_attributes *a = call->node->attributes;
    terms *all = call->scratch;
    for (int64_t j = 0; j < a->out; j++)
        all[j] = terms_of(a, j);
    return (double *)(void *)(all + a->out);
}
static double map_flops(const bg_node *node)
{
    const map_attributes *a = node->attributes;
    bgi_axis_parts y = bgi_parts_of(node->shape, a->axis);
    return 2.0 * (double)(y.outer * y.inner) * (double)(a->in + a->out);
}

static void add_slice(bg_dtype dtype, double *sums, double weight, const void *data, int64_t from, int64_t n)
{
    if (dtype == BG_F64)
        for (int64_t i = 0; i < n; i++)
            sums[i] += weight * ((const double *)data)[from + i];
    else
        for (int64_t i = 0; i < n; i++)
            sums[i] += weight * (double)((const float *)data)[from + i];
}
static void store_slice(bg_dtype dtype, double *sums, void *data, int64_t to, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        bgi_put_float(data, dtype, to + i, sums[i]);
        sums[i] = 0;
    }
}

static const bg_op axis_map_op, axis_map_back_op;
static bg_node *apply(const bg_op *op, bg_node *x, const map_attributes *attributes)
{
    return bg_apply(op, &x, 1, attributes, sizeof *attributes);
}

/* axis_map: y[o, j, :] = Σ over the terms of j; its gradient is the transpose */
static bg_status axis_map_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    const map_attributes *a = node->attributes;
    *dtype = node->inputs[0]->dtype;
    *shape = node->inputs[0]->shape;
    shape->dims[a->axis] = a->out;
    return BG_OK;
}
static bg_status axis_map_call(const bg_call *call)
{
    const map_attributes *a = call->node->attributes;
    int64_t inner = bgi_parts_of(call->node->shape, a->axis).inner;
    const terms *all = call->scratch;
    double *sums = fill_scratch(call);
    for (int64_t i = 0; i < inner; i++)
        sums[i] = 0;
    for (int64_t k = 0; k < (call->last - call->first) * a->out; k++) {
        const terms *t = &all[k % a->out];
        int64_t from = k / a->out * a->in + t->at;
        for (int64_t e = 0; e < t->count; e++)
            add_slice(call->node->dtype, sums, e == t->count - 1 ? t->last : t->first, call->inputs[0],
                      (from + e) * inner, inner);
        store_slice(call->node->dtype, sums, call->output, k * inner, inner);
    }
    return BG_OK;
}
static bg_node *axis_map_gradient(bg_node *node, int input, bg_node *dy)
{
    (void)input;
    return apply(&axis_map_back_op, dy, node->attributes);
}
static const bg_op axis_map_op = { .name = "axis_map",
                                   .arity = 1,
                                   .infer = axis_map_infer,
                                   .gradient = axis_map_gradient,
                                   .call = axis_map_call,
                                   .units = bgi_outer_units,
                                   .flops = map_flops,
                                   .scratch = map_scratch,
                                   .never_fails = true };

/* axis_map_back: x[o, i, :] = Σ over the j among whose terms i is; the terms of later results begin and end no
 * earlier, so these j are a few in a row */
static bg_status axis_map_back_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    const map_attributes *a = node->attributes;
    *dtype = node->inputs[0]->dtype;
    *shape = node->inputs[0]->shape;
    shape->dims[a->axis] = a->in;
    return BG_OK;
}
static bg_status axis_map_back_call(const bg_call *call)
{
    const map_attributes *a = call->node->attributes;
    int64_t inner = bgi_parts_of(call->node->shape, a->axis).inner, first = 0;
    const terms *all = call->scratch;
    double *sums = fill_scratch(call);
    for (int64_t i = 0; i < inner; i++)
        sums[i] = 0;
    for (int64_t k = 0; k < (call->last - call->first) * a->in; k++) {
        int64_t i = k % a->in;
        first = i == 0 ? 0 : first;
        while (first < a->out && all[first].at + all[first].count <= i)
            first++;
        for (int64_t j = first; j < a->out && all[j].at <= i; j++)
            add_slice(call->node->dtype, sums, i == all[j].at + all[j].count - 1 ? all[j].last : all[j].first,
                      call->inputs[0], (k / a->in * a->out + j) * inner, inner);
        store_slice(call->node->dtype, sums, call->output, k * inner, inner);
    }
    return BG_OK;
}
static bg_node *axis_map_back_gradient(bg_node *node, int input, bg_node *dy)
{
    (void)input;
    return apply(&axis_map_op, dy, node->attributes);
}
static const bg_op axis_map_back_op = { .name = "axis_map_back",
                                        .arity = 1,
                                        .infer = axis_map_back_infer,
                                        .gradient = axis_map_back_gradient,
                                        .call = axis_map_back_call,
                                        .units = bgi_outer_units,
                                        .flops = map_flops,
                                        .scratch = map_scratch,
                                        .never_fails = true };

bg_node *bgi_map_axis(bg_node *x, int axis, int64_t out, bgi_axis_map map)
{
    if (!x)
        return NULL;
    map_attributes attributes = { axis, x->shape.dims[axis], out, map };
    return attributes.in == out ? x : apply(&axis_map_op, x, &attributes);
}
bg_node *bgi_map_axis_back(bg_node *x, int axis, int64_t in, bgi_axis_map map)
{
    if (!x)
        return NULL;
    map_attributes attributes = { axis, in, x->shape.dims[axis], map };
    return apply(&axis_map_back_op, x, &attributes);
}

const bg_op *const bgi_axis_map_ops[] = { &axis_map_op, &axis_map_back_op, NULL };
