/* Sums of cotangents: the gradient of a slice is what flows to it, set among zeros. */
#include "ops/cotangent.h"

#include <string.h>

/* Embedded nodes, by rows of zeros before and behind. */
static const bgi_embed_attributes *embedding(const bg_node *x)
{
    const bgi_embed_attributes *attributes = x->op == &bgi_embed_op ? x->attributes : NULL;
    return attributes && attributes->step == 1 ? attributes : NULL;
}
static bool is_concat_along(const bg_node *x, int64_t axis)
{
    return x->op == &bgi_concat_op && *(const int64_t *)x->attributes == axis;
}

/* Two nodes along an axis, those that are so joined already as one. */
static bg_node *join(bg_node *x, bg_node *y, int64_t axis)
{
    bg_node **parts[2] = { &x, &y }, **all;
    int counts[2] = { 1, 1 };
    for (int i = 0; i < 2; i++)
        if (is_concat_along(*parts[i], axis)) {
            counts[i] = (*parts[i])->n_inputs;
            parts[i] = (*parts[i])->inputs;
        }
    size_t bytes = (size_t)(counts[0] + counts[1]) * sizeof *all;
    all = bgi_alloc(x->graph->engine, bytes);
    if (!all)
        return bgi_graph_fail(x->graph, BG_ERR_NOMEM, "concat: out of memory");
    memcpy(all, parts[0], (size_t)counts[0] * sizeof *all);
    memcpy(all + counts[0], parts[1], (size_t)counts[1] * sizeof *all);
    bg_node *joined = bg_concat(all, counts[0] + counts[1], (int)axis);
    bgi_free(x->graph->engine, all, bytes);
    return joined;
}

static bool is_add(const bg_node *x)
{
    return bgi_node_is(x, BGI_MAP) && x->op->lowering->kernel == offsetof(bgk_kernels, add);
}
/* Two embedded nodes that lie side by side as one; NULL if they do not. */
static bg_node *merge(bg_node *x, bg_node *y)
{
    const bgi_embed_attributes *a = embedding(x), *b = embedding(y);
    if (!a || !b || a->axis != b->axis)
        return NULL;
    int axis = (int)a->axis;
    bg_node *first = x->inputs[0], *second = y->inputs[0];
    if (a->start + first->shape.dims[axis] == b->start)
        return bgi_embed(join(first, second, axis), axis, a->start, 1, a->extent);
    if (b->start + second->shape.dims[axis] == a->start)
        return bgi_embed(join(second, first, axis), axis, b->start, 1, b->extent);
    return NULL;
}

bg_node *bgi_add_cotangents(bg_node *x, bg_node *y)
{
    bg_node *last = is_add(x) ? x->inputs[1] : x, *merged = merge(last, y);
    if (!merged)
        return x->graph->status ? NULL : bg_add(x, y);
    return last == x ? merged : bg_add(x->inputs[0], merged);
}

bg_node *bgi_cotangent_part(bg_node *x, int axis, int64_t start, int64_t count)
{
    if (!x || count == 0)
        return NULL;
    if (is_add(x)) {
        bg_node *first = bgi_cotangent_part(x->inputs[0], axis, start, count);
        bg_node *second = bgi_cotangent_part(x->inputs[1], axis, start, count);
        return first && second ? bg_add(first, second) : first ? first : second;
    }
    const bgi_embed_attributes *attributes = embedding(x);
    if (attributes && attributes->axis == axis) {
        int64_t extent = x->inputs[0]->shape.dims[axis], first = attributes->start;
        if (start + count <= first || first + extent <= start)
            return NULL;
        if (start >= first && start + count <= first + extent)
            return bgi_cotangent_part(x->inputs[0], axis, start - first, count);
    }
    int64_t before = 0;
    for (int i = 0; is_concat_along(x, axis) && i < x->n_inputs && before <= start; i++) {
        int64_t extent = x->inputs[i]->shape.dims[axis];
        if (start + count <= before + extent)
            return bgi_cotangent_part(x->inputs[i], axis, start - before, count);
        before += extent;
    }
    return bgi_slice_of(x, axis, start, 1, count);
}
