/* What a program holds of its surroundings: the leaves that it reads or updates, and the tensors of its outputs. */
#include "compile/compile.h"

#include <string.h>

static bg_status set_scalar(bg_program *p, bgi_leaf *leaf, double value)
{
    float single = (float)value;
    leaf->data = bgi_arena_push(&p->memory, sizeof value);
    if (!leaf->data)
        return BG_ERR_NOMEM;
    if (leaf->node->dtype == BG_F64)
        memcpy(leaf->data, &value, sizeof value);
    else
        memcpy(leaf->data, &single, sizeof single);
    return BG_OK;
}

static bg_status add_leaf(bgi_compilation *c, const bg_node *node)
{
    bg_program *p = c->program;
    double value;
    bgi_leaf *leaf = &p->leaves[p->n_leaves];
    *leaf = (bgi_leaf){ .node = node,
                        .origin = node->origin,
                        .kind = bgi_node_kind(node),
                        .bytes = (size_t)c->values[node->id].count * bg_dtype_size(node->dtype) };
    c->values[node->id].where = (bgi_location){ .place = BGI_AT_LEAF, .index = p->n_leaves++ };
    if (leaf->kind == BGI_SCALAR && bgi_node_is_constant(node, &value))
        return set_scalar(p, leaf, value);
    if (leaf->kind == BGI_INPUT)
        return BG_OK;
    leaf->tensor = node->tensor;
    bgi_tensor_retain(leaf->tensor);
    if (bg_tensor_is_contiguous(leaf->tensor))
        return BG_OK;
    leaf->staged = bgi_alloc(c->engine, leaf->bytes);
    return leaf->staged ? BG_OK : BG_ERR_NOMEM;
}

bg_status bgi_list_leaves(bgi_compilation *c)
{
    bg_program *p = c->program;
    int n = 0;
    for (int i = 0; i < c->n_changes; i++)
        c->values[c->changes[i].target].is_live = true;
    for (int i = 0; i < c->n; i++)
        n += bgi_is_leaf_id(c, i) && c->values[i].is_live;
    p->leaves = bgi_arena_push(&p->memory, (size_t)(n ? n : 1) * sizeof *p->leaves);
    if (!p->leaves)
        return BG_ERR_NOMEM;
    bg_status status = BG_OK;
    for (int i = 0; i < c->n && !status; i++)
        if (bgi_is_leaf_id(c, i) && c->values[i].is_live)
            status = add_leaf(c, c->graph->nodes[i]);
    for (int i = 0; i < c->n_changes && !status; i++)
        p->leaves[c->values[c->changes[i].target].where.index].is_updated = true;
    return status;
}

bg_status bgi_make_outputs(bgi_compilation *c)
{
    bg_program *p = c->program;
    p->outputs = bgi_arena_push(&p->memory, (size_t)(c->n_outputs ? c->n_outputs : 1) * sizeof(bg_tensor *));
    if (!p->outputs)
        return BG_ERR_NOMEM;
    for (; p->n_output_tensors < c->n_outputs; p->n_output_tensors++) {
        const bgi_output *output = &c->outputs[p->n_output_tensors];
        bg_status status = bg_tensor_create(&p->outputs[p->n_output_tensors], c->engine,
                                            c->graph->nodes[output->value]->dtype, output->shape);
        if (status)
            return status;
    }
    return BG_OK;
}
