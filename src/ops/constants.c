/* Constants of a graph that formulas give. */
#include "ops/ops.h"

#include <math.h>

/* A constant of these elements; of rank 0 or 1, or a matrix. */
typedef double formula(const void *context, int64_t i);
static bg_node *constant_of(const char *op, bg_graph *graph, bg_dtype dtype, bg_shape shape, formula *element,
                            const void *context)
{
    bg_tensor *tensor = NULL;
    int64_t count;
    size_t bytes;
    if (!bgi_graph_accept(graph, bgi_shape_check(shape, dtype, op, &count, &bytes)) ||
        !bgi_graph_accept(graph, bg_tensor_create(&tensor, graph->engine, dtype, shape)))
        return NULL;
    void *data = bg_tensor_data(tensor);
    for (int64_t i = 0; i < count; i++)
        switch (dtype) {
#define PUT(name, type, text)                                                                                          \
    case name:                                                                                                         \
        ((type *)data)[i] = (type)element(context, i);                                                                 \
        break;
            BG_DTYPE_LIST(PUT)
#undef PUT
        default:
            break;
        }
    bg_node *node = bg_constant(graph, tensor);
    bg_tensor_destroy(tensor);
    return node;
}

static bool has_graph(const char *op, const bg_graph *graph)
{
    if (!graph)
        bg_fail(BG_ERR_ARGUMENT, "%s: the graph is NULL", op);
    return graph != NULL;
}

/* ---- One value ---- */

static double same(const void *context, int64_t i)
{
    (void)i;
    return *(const double *)context;
}
static bg_node *full(const char *op, bg_graph *graph, bg_dtype dtype, bg_shape shape, double value)
{
    int64_t count;
    size_t bytes;
    if (!has_graph(op, graph) || !bgi_graph_accept(graph, bgi_shape_check(shape, dtype, op, &count, &bytes)) ||
        !bgi_takes_value(op, graph, dtype, value))
        return NULL;
    bg_node *one =
        bgi_is_float(dtype) ? bg_scalar(graph, dtype, value) : constant_of(op, graph, dtype, BG_SCALAR, same, &value);
    return bg_broadcast(one, shape);
}
bg_node *bg_full(bg_graph *graph, bg_dtype dtype, bg_shape shape, double value)
{
    return full("full", graph, dtype, shape, value);
}
bg_node *bg_zeros(bg_graph *graph, bg_dtype dtype, bg_shape shape) { return full("zeros", graph, dtype, shape, 0); }
bg_node *bg_ones(bg_graph *graph, bg_dtype dtype, bg_shape shape) { return full("ones", graph, dtype, shape, 1); }

/* ---- Sequences ---- */

typedef struct {
    double start, stop, step;
    int64_t count;
} sequence;

static double counted(const void *context, int64_t i)
{
    const sequence *s = context;
    return s->start + (double)i * s->step;
}
bg_node *bg_arange(bg_graph *graph, bg_dtype dtype, double start, double stop, double step)
{
    if (!has_graph("arange", graph))
        return NULL;
    double count = ceil((stop - start) / step);
    if (!isfinite(start) || !isfinite(stop) || !isfinite(step) || step == 0 || !(count >= 0 && count < 0x1p53))
        return bgi_graph_fail(graph, BG_ERR_ARGUMENT, "arange: from %g to %g by %g", start, stop, step);
    sequence s = { .start = start, .step = step, .count = (int64_t)count };
    if (dtype == BG_BOOL)
        return bgi_graph_fail(graph, BG_ERR_DTYPE, "arange: of bool");
    if (s.count > 0 && !bgi_is_float(dtype) &&
        (!bgi_takes_value("arange", graph, dtype, start) ||
         !bgi_takes_value("arange", graph, dtype, counted(&s, s.count - 1)) ||
         !bgi_takes_value("arange", graph, BG_I64, step)))
        return NULL;
    return constant_of("arange", graph, dtype, BG_SHAPE(s.count), counted, &s);
}

/* From both ends, so that both are met exactly and the middle is the same seen from either. */
static double spaced(const void *context, int64_t i)
{
    const sequence *s = context;
    return i < s->count / 2 || s->count == 1 ? s->start + s->step * (double)i
                                             : s->stop - s->step * (double)(s->count - 1 - i);
}
bg_node *bg_linspace(bg_graph *graph, bg_dtype dtype, double start, double stop, int64_t n)
{
    if (!has_graph("linspace", graph))
        return NULL;
    if (!bgi_is_float(dtype))
        return bgi_graph_fail(graph, BG_ERR_DTYPE, "linspace: the type is %s, not f32 or f64", bg_dtype_name(dtype));
    sequence s = { start, stop, n > 1 ? (stop - start) / (double)(n - 1) : 0, n };
    return constant_of("linspace", graph, dtype, BG_SHAPE(n), spaced, &s);
}

/* ---- The identity ---- */

static double on_diagonal(const void *context, int64_t i)
{
    int64_t columns = *(const int64_t *)context;
    return i / columns == i % columns;
}
bg_node *bg_eye(bg_graph *graph, bg_dtype dtype, int64_t rows, int64_t columns)
{
    return has_graph("eye", graph) ? constant_of("eye", graph, dtype, BG_SHAPE(rows, columns), on_diagonal, &columns)
                                   : NULL;
}
