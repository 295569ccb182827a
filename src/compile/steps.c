/* The descriptions of products, column sums and calls. */
#include "compile/emit.h"

#include <string.h>

static bgi_matrix matrix_of(const bgi_compilation *c, const bg_node *node)
{
    const bgi_access *access = &c->accesses[node->id];
    int rank = node->shape.rank;
    bgi_matrix matrix = { .where = { .index = access->base },
                          .offset = access->view.offset,
                          .rows = access->view.strides[rank - 2],
                          .columns = access->view.strides[rank - 1] };
    for (int i = 0; i < rank - 2; i++)
        matrix.batch[i] = access->view.strides[i];
    /* A stride along one element means nothing. */
    if (node->shape.dims[rank - 1] == 1)
        matrix.columns = 1;
    else if (node->shape.dims[rank - 2] == 1 && matrix.columns != 1)
        matrix.rows = 1;
    return matrix;
}

void bgi_emit_product(const bgi_compilation *c, bgi_step *step)
{
    const bg_node *node = c->graph->nodes[step->defines[0]];
    bgi_product *p = &step->as.product;
    int rank = node->shape.rank;
    *p = (bgi_product){ .dtype = node->dtype,
                        .rank = rank - 2,
                        .batch = 1,
                        .m = node->shape.dims[rank - 2],
                        .n = node->shape.dims[rank - 1],
                        .k = node->inputs[0]->shape.dims[rank - 1],
                        .x = matrix_of(c, node->inputs[0]),
                        .w = matrix_of(c, node->inputs[1]),
                        .y = matrix_of(c, node) };
    p->y.rows = p->n;
    p->y.columns = 1;
    for (int i = 0; i < p->rank; i++) {
        p->dims[i] = node->shape.dims[i];
        p->batch *= p->dims[i];
    }
    p->splits_columns = p->batch * p->m == 1;
    step->flops = step->product_flops = 2.0 * (double)(p->batch * p->m) * (double)p->n * (double)p->k;
}

void bgi_emit_fold(const bgi_compilation *c, bgi_step *step)
{
    const bg_node *node = c->graph->nodes[step->defines[0]], *input = node->inputs[0];
    const bgi_access *access = &c->accesses[input->id];
    step->as.folding = (bgi_folding){ .dtype = node->dtype,
                                      .a = input->shape.dims[0],
                                      .k = input->shape.dims[1],
                                      .c = input->shape.dims[2],
                                      .x = { .index = access->base },
                                      .y = { .index = node->id },
                                      .x_offset = access->view.offset };
    memcpy(&step->as.folding.fold, (const char *)bgi_kernels_of(c->engine, node->dtype) + node->op->lowering->fold,
           sizeof(bgk_fold *));
    step->flops = (double)bg_shape_count(input->shape);
}

bg_status bgi_emit_call(const bgi_compilation *c, bgi_step *step)
{
    const bg_node *node = c->graph->nodes[step->defines[0]];
    bgi_arena *memory = &c->program->memory;
    size_t n = (size_t)(node->n_inputs ? node->n_inputs : 1), size = bg_dtype_size(node->dtype);
    bgi_calling *call = &step->as.calling;
    *call = (bgi_calling){ .node = node, .units = c->values[node->id].units, .n_inputs = node->n_inputs };
    call->y.index = node->id;
    call->unit_bytes = node->op->is_in_place ? 0 : (size_t)(c->values[node->id].count / call->units) * size;
    call->inputs = bgi_arena_push(memory, n * sizeof *call->inputs);
    call->input_unit_bytes = bgi_arena_push(memory, n * sizeof *call->input_unit_bytes);
    if (!call->inputs || !call->input_unit_bytes)
        return BG_ERR_NOMEM;
    for (int k = 0; k < node->n_inputs; k++) {
        const bg_node *input = node->inputs[k];
        const bgi_access *access = &c->accesses[input->id];
        size_t input_size = bg_dtype_size(input->dtype);
        call->inputs[k].index = access->base;
        call->inputs[k].offset = (size_t)access->view.offset * input_size;
        int64_t units = node->op->units ? node->op->units(node, k) : 1;
        call->input_unit_bytes[k] =
            units == call->units && units > 1 ? (size_t)(bg_shape_count(input->shape) / units) * input_size : 0;
    }
    step->flops = node->op->flops ? node->op->flops(node) : (double)c->values[node->id].count;
    step->product_flops = node->op->product_flops ? node->op->product_flops(node) : 0;
    call->scratch_bytes = node->op->scratch ? node->op->scratch(node) : 0;
    return BG_OK;
}
