/* emit: the register program of each loop.
 *
 * First the values and instructions in terms of the loop's space; then the outer dimensions are merged where every operand allows it,
 * which settles how a block of rows lies in memory, and operands that do not lie as the kernels want them are loaded into
 * registers. A sum with a product that nobody else wants is one fused multiply-add. */
#include "compile/compile.h"

#include <assert.h>
#include <string.h>

typedef struct {
    bgi_compilation *c;
    bg_program *p;
    const bgi_space *space;
    bgi_loop *loop;
    int index; /* of the space */
    int value_capacity, instruction_capacity;
    int *value_of; /* of a node, in this loop; valid where owner is index + 1 */
    int *owner;
    bool *is_absorbed;
    bool reduces;
    bg_status status;
} emitter;

static int add_value(emitter *e, bgi_loop_value value)
{
    bgi_loop *loop = e->loop;
    if (loop->n_values == e->value_capacity) {
        int capacity = e->value_capacity ? 2 * e->value_capacity : 16;
        bgi_loop_value *values = bgi_arena_push(&e->p->memory, (size_t)capacity * sizeof *values);
        if (!values) {
            e->status = BG_ERR_NOMEM;
            return 0;
        }
        if (loop->n_values)
            memcpy(values, loop->values, (size_t)loop->n_values * sizeof *values);
        loop->values = values;
        e->value_capacity = capacity;
    }
    loop->values[loop->n_values] = value;
    return loop->n_values++;
}

static void add_instruction(emitter *e, bgi_instruction instruction)
{
    bgi_loop *loop = e->loop;
    if (loop->n_instructions == e->instruction_capacity) {
        int capacity = e->instruction_capacity ? 2 * e->instruction_capacity : 16;
        bgi_instruction *instructions = bgi_arena_push(&e->p->memory, (size_t)capacity * sizeof *instructions);
        if (!instructions) {
            e->status = BG_ERR_NOMEM;
            return;
        }
        if (loop->n_instructions)
            memcpy(instructions, loop->instructions, (size_t)loop->n_instructions * sizeof *instructions);
        loop->instructions = instructions;
        e->instruction_capacity = capacity;
    }
    loop->instructions[loop->n_instructions++] = instruction;
}

static size_t register_size(const emitter *e) { return bg_dtype_size(e->space->dtype); }

static int temporary(emitter *e, bool is_full)
{
    return add_value(e, (bgi_loop_value){
                            .kind = BGI_IS_TEMPORARY, .is_full = is_full, .node = -1, .dtype = e->space->dtype, .size = register_size(e) });
}

static int constant(emitter *e, double value)
{
    for (int i = 0; i < e->loop->n_values; i++)
        if (e->loop->values[i].kind == BGI_IS_CONSTANT && !memcmp(&e->loop->values[i].f64, &value, sizeof value))
            return i;
    return add_value(e, (bgi_loop_value){ .kind = BGI_IS_CONSTANT,
                                          .is_column_of_ones = true,
                                          .node = -1,
                                          .f64 = value,
                                          .f32 = (float)value,
                                          .dtype = e->space->dtype,
                                          .size = register_size(e) });
}

/* An operand in memory: strides over the space for a full value, over its rows for one of one element a row. */
static int memory(emitter *e, int node, int64_t offset, const int64_t *strides, bool is_full)
{
    int outer = e->space->shape.rank - 1;
    bgi_loop_value value = { .kind = BGI_IS_MEMORY,
                             .is_full = is_full,
                             .node = node,
                             .offset = offset,
                             .dtype = e->c->graph->nodes[node]->dtype,
                             .size = bg_dtype_size(e->c->graph->nodes[node]->dtype) };
    for (int i = 0; i < outer; i++)
        value.outer[i] = e->space->shape.dims[i] == 1 ? 0 : strides[i];
    value.column = is_full && e->space->columns > 1 ? strides[outer] : 0;
    for (int i = 0; i < e->loop->n_values; i++) {
        const bgi_loop_value *other = &e->loop->values[i];
        if (other->kind == BGI_IS_MEMORY && other->node == node && other->offset == offset &&
            other->is_full == is_full && other->column == value.column &&
            !memcmp(other->outer, value.outer, sizeof value.outer))
            return i;
    }
    return add_value(e, value);
}

static int emit_node(emitter *e, int id);

static bool is_here(const emitter *e, int base)
{
    const bgi_value *v = &e->c->values[base];
    return v->is_real && v->loop == e->index;
}

static int emit_operand(emitter *e, const bg_node *node, int k, bool is_full)
{
    const bg_node *input = node->inputs[k];
    const bgi_access *access = &e->c->values[input->id].access;
    double value;
    if (bgi_node_is_constant(input, &value))
        return constant(e, value);
    if (is_here(e, access->base) || e->c->values[access->base].is_virtual)
        return emit_node(e, access->base);
    int64_t strides[BG_MAX_RANK];
    bool is_expressible = bgi_operand_strides(input, &access->view, e->space, is_full, strides);
    assert(is_expressible);
    (void)is_expressible;
    return memory(e, access->base, access->view.offset, strides, is_full);
}

static bool is_kernel(const bg_node *node, size_t offset)
{
    return bgi_node_is(node, BGI_MAP) && node->op->lowering->kernel == offset;
}

/* The product that becomes part of a sum: computed in this loop, for this use only. */
static const bg_node *absorbed_product(const emitter *e, const bg_node *node, int k)
{
    const bgi_access *access = &e->c->values[node->inputs[k]->id].access;
    const bgi_value *v = &e->c->values[access->base];
    const bg_node *base = e->c->graph->nodes[access->base];
    bool is_used_once = v->uses == 1 && !v->is_stored && (v->is_virtual || is_here(e, access->base));
    return is_used_once && access->is_flat && is_kernel(base, offsetof(bgk_kernels, mul)) ? base : NULL;
}

/* Which operand of a sum or difference is absorbed: 0, 1, or -1. */
static int absorbed_operand(const emitter *e, const bg_node *node)
{
    if (is_kernel(node, offsetof(bgk_kernels, add)))
        return absorbed_product(e, node, 0) ? 0 : absorbed_product(e, node, 1) ? 1 : -1;
    if (is_kernel(node, offsetof(bgk_kernels, sub)))
        return absorbed_product(e, node, 1) ? 1 : -1;
    return -1;
}

static bgk_map *map_kernel(const emitter *e, size_t offset)
{
    bgk_map *map;
    memcpy(&map, (const char *)bgi_kernels_of(e->c->engine, e->space->dtype) + offset, sizeof map);
    return map;
}

static int emit_map(emitter *e, const bg_node *node, bool is_full)
{
    bgi_instruction made = { .kind = BGI_DO_MAP, .is_full = is_full, .operand = { -1, -1, -1 } };
    size_t kernel = node->op->lowering->kernel;
    int k = absorbed_operand(e, node);
    if (k >= 0) {
        const bg_node *product = absorbed_product(e, node, k);
        kernel = is_kernel(node, offsetof(bgk_kernels, sub)) ? offsetof(bgk_kernels, fnma) : offsetof(bgk_kernels, fma);
        made.operand[0] = emit_operand(e, product, 0, is_full);
        made.operand[1] = emit_operand(e, product, 1, is_full);
        made.operand[2] = emit_operand(e, node, 1 - k, is_full);
    } else {
        for (int i = 0; i < node->n_inputs; i++)
            made.operand[i] = emit_operand(e, node, i, is_full);
    }
    made.map = map_kernel(e, kernel);
    made.name = bgi_kernel_name(kernel);
    made.target = temporary(e, is_full);
    add_instruction(e, made);
    return made.target;
}

static int emit_reduce(emitter *e, const bg_node *node)
{
    bgi_instruction made = { .kind = BGI_DO_REDUCE, .operand = { -1, -1, -1 } };
    size_t kernel = node->op->lowering->kernel;
    bool is_sum = kernel == offsetof(bgk_kernels, sum_rows);
    e->reduces = true;
    made.operand[0] = emit_operand(e, node, 0, true);
    memcpy(&made.reduce, (const char *)bgi_kernels_of(e->c->engine, e->space->dtype) + kernel, sizeof made.reduce);
    made.map = map_kernel(e, is_sum ? offsetof(bgk_kernels, add) : offsetof(bgk_kernels, maximum));
    made.name = bgi_kernel_name(kernel);
    made.target = temporary(e, false);
    add_instruction(e, made);
    return made.target;
}

static int emit_node(emitter *e, int id)
{
    if (e->owner[id] == e->index + 1)
        return e->value_of[id];
    const bg_node *node = e->c->graph->nodes[id];
    int value = bgi_node_is(node, BGI_REDUCE)
                    ? emit_reduce(e, node)
                    : emit_map(e, node, e->c->values[id].count == e->space->rows * e->space->columns);
    e->owner[id] = e->index + 1;
    e->value_of[id] = value;
    return value;
}

/* ---- Stores ---- */

static int store_value(emitter *e, int id)
{
    int64_t strides[BG_MAX_RANK];
    bgi_space rows = *e->space;
    bool is_full = e->c->values[id].count == rows.rows * rows.columns;
    if (!is_full)
        rows.shape.rank--;
    bgi_shape_strides(rows.shape, strides);
    bgi_loop_value value = { .kind = BGI_IS_MEMORY,
                             .is_full = is_full,
                             .node = id,
                             .dtype = e->c->graph->nodes[id]->dtype,
                             .size = bg_dtype_size(e->c->graph->nodes[id]->dtype) };
    for (int i = 0; i < e->space->shape.rank - 1; i++)
        value.outer[i] = e->space->shape.dims[i] == 1 ? 0 : strides[i];
    value.column = is_full && e->space->columns > 1 ? 1 : 0;
    return add_value(e, value);
}

static bool is_read_later(const bgi_loop *loop, int first, int node)
{
    for (int i = first; i < loop->n_instructions; i++)
        for (int k = 0; k < 3; k++) {
            int operand = loop->instructions[i].operand[k];
            if (operand >= 0 && loop->values[operand].kind == BGI_IS_MEMORY && loop->values[operand].node == node)
                return true;
        }
    return false;
}

static bgk_store *store_kernel(const emitter *e, bg_dtype dtype)
{
    const bgk_kernels *kernels = bgi_kernels_of(e->c->engine, e->space->dtype);
    bgk_store *const stores[] = { [BG_F32] = kernels->store_f32, [BG_F64] = kernels->store_f64,
                                  [BG_I32] = kernels->store_i32, [BG_I64] = kernels->store_i64,
                                  [BG_U8] = kernels->store_u8,   [BG_BOOL] = kernels->store_bool };
    return stores[dtype];
}

static void emit_store(emitter *e, int id)
{
    const bgi_value *v = &e->c->values[id];
    const bg_node *node = e->c->graph->nodes[id];
    bgi_loop *loop = e->loop;
    int source = e->value_of[id], target = store_value(e, id), at = 0;
    if (e->status)
        return;
    if (node->dtype != e->space->dtype) {
        add_instruction(e, (bgi_instruction){ .kind = BGI_DO_STORE,
                                              .is_full = loop->values[target].is_full,
                                              .target = target,
                                              .operand = { source, -1, -1 },
                                              .name = "store",
                                              .store = store_kernel(e, node->dtype) });
        return;
    }
    while (loop->instructions[at].target != source)
        at++;
    if (v->update >= 0 && is_read_later(loop, at + 1, e->c->changes[v->update].target)) {
        /* The old value is still wanted after the new one is known. */
        add_instruction(e, (bgi_instruction){ .kind = BGI_DO_MAP,
                                              .is_full = loop->values[target].is_full,
                                              .target = target,
                                              .operand = { source, -1, -1 },
                                              .name = "move",
                                              .map = map_kernel(e, offsetof(bgk_kernels, move)) });
        return;
    }
    for (int i = at; i < loop->n_instructions; i++) {
        bgi_instruction *instruction = &loop->instructions[i];
        if (instruction->target == source)
            instruction->target = target;
        for (int k = 0; k < 3; k++)
            if (instruction->operand[k] == source)
                instruction->operand[k] = target;
    }
}

/* ---- How blocks lie ---- */

static bool is_plain(const bgi_loop_value *value, bg_shape shape)
{
    int64_t expected = 1;
    bool is_one = value->column == 0, is_contiguous = shape.dims[shape.rank - 1] == 1 || value->column == 1;
    expected = shape.dims[shape.rank - 1];
    for (int i = shape.rank - 2; i >= 0; i--) {
        is_one &= value->outer[i] == 0;
        is_contiguous &= shape.dims[i] == 1 || value->outer[i] == expected;
        expected *= shape.dims[i];
    }
    return is_one || is_contiguous;
}

static void shape_blocks(emitter *e)
{
    bgi_loop *loop = e->loop;
    bg_shape shape = e->space->shape;
    loop->dtype = e->space->dtype;
    loop->rows = e->space->rows;
    loop->columns = e->space->columns;
    bool is_flat = !e->reduces;
    for (int i = 0; i < loop->n_values && is_flat; i++)
        if (loop->values[i].kind != BGI_IS_CONSTANT)
            is_flat = loop->values[i].is_full &&
                      (loop->values[i].kind == BGI_IS_TEMPORARY || is_plain(&loop->values[i], shape));
    if (is_flat) {
        loop->rank = 1;
        loop->outer[0] = loop->rows = loop->rows * loop->columns;
        loop->columns = 1;
        for (int i = 0; i < loop->n_values; i++) {
            bgi_loop_value *value = &loop->values[i];
            bool is_one = value->column == 0;
            for (int d = 0; d < shape.rank - 1; d++)
                is_one &= value->outer[d] == 0;
            value->outer[0] = !is_one || (shape.dims[shape.rank - 1] == 1 && value->outer[shape.rank - 2]) ? 1 : 0;
            value->column = 0;
        }
    } else {
        /* Merge outer dimensions, the innermost first. */
        int rank = 1;
        int64_t outer[BG_MAX_RANK];
        outer[0] = shape.dims[shape.rank - 2];
        int at[BG_MAX_RANK] = { shape.rank - 2 }; /* innermost original dimension of each merged one */
        for (int d = shape.rank - 3; d >= 0; d--) {
            bool merges = true;
            for (int i = 0; i < loop->n_values && merges; i++)
                if (loop->values[i].kind == BGI_IS_MEMORY)
                    merges = loop->values[i].outer[d] ==
                             loop->values[i].outer[at[rank - 1]] * outer[rank - 1];
            if (merges) {
                outer[rank - 1] *= shape.dims[d];
            } else {
                at[rank] = d;
                outer[rank++] = shape.dims[d];
            }
        }
        for (int i = 0; i < loop->n_values; i++) {
            int64_t strides[BG_MAX_RANK] = { 0 };
            for (int d = 0; d < rank; d++)
                strides[rank - 1 - d] = loop->values[i].outer[at[d]];
            memcpy(loop->values[i].outer, strides, sizeof strides);
        }
        loop->rank = rank;
        for (int d = 0; d < rank; d++)
            loop->outer[rank - 1 - d] = outer[d];
    }
    bool is_single = loop->columns >= BGI_WIDE_ROW || (loop->rows == 1 && loop->columns > 1);
    loop->block_rows = is_single ? 1 : BGI_BLOCK / loop->columns;
    loop->block_columns = loop->columns;
    if (e->reduces ? loop->columns > BGI_LONGEST_ROW : loop->columns > BGI_BLOCK)
        loop->block_columns = e->reduces ? BGI_LONGEST_ROW : BGI_BLOCK;
}

typedef enum { AS_IS, AS_ONE, BY_LOAD } manner;

/* How a block of an operand in memory reaches the kernels. */
static manner manner_of(const emitter *e, const bgi_loop_value *value)
{
    const bgi_loop *loop = e->loop;
    int64_t row = value->outer[loop->rank - 1];
    if (value->kind != BGI_IS_MEMORY)
        return value->kind == BGI_IS_CONSTANT ? AS_ONE : AS_IS;
    if (value->dtype != e->space->dtype)
        return BY_LOAD;
    if (loop->block_rows == 1) {
        if (!value->is_full || loop->columns == 1)
            return AS_ONE;
        return value->column == 1 ? AS_IS : value->column == 0 ? AS_ONE : BY_LOAD;
    }
    if (value->is_full && loop->columns > 1)
        return value->column == 1 && row == loop->columns ? AS_IS : value->column == 0 && row == 0 ? AS_ONE : BY_LOAD;
    return row == 1 ? AS_IS : row == 0 ? AS_ONE : BY_LOAD;
}

static bgk_load *load_kernel(const emitter *e, bg_dtype dtype)
{
    const bgk_kernels *kernels = bgi_kernels_of(e->c->engine, e->space->dtype);
    bgk_load *const loads[] = { [BG_F32] = kernels->load_f32, [BG_F64] = kernels->load_f64,
                                [BG_I32] = kernels->load_i32, [BG_I64] = kernels->load_i64,
                                [BG_U8] = kernels->load_u8,   [BG_BOOL] = kernels->load_bool };
    return loads[dtype];
}

/* Second pass over the instructions: loads and expansions before their first use, and the strides of operands. */
static void settle_operands(emitter *e)
{
    bgi_loop *loop = e->loop;
    bgi_instruction *raw = loop->instructions;
    int n_raw = loop->n_instructions, n_values = loop->n_values;
    int *loaded = bgi_compile_push(e->c, (size_t)n_values, sizeof *loaded);
    int *expanded = bgi_compile_push(e->c, (size_t)n_values, sizeof *expanded);
    if (!loaded || !expanded) {
        e->status = BG_ERR_NOMEM;
        return;
    }
    loop->instructions = NULL;
    loop->n_instructions = e->instruction_capacity = 0;
    bool is_single = loop->block_rows == 1;
    for (int i = 0; i < n_raw && !e->status; i++) {
        bgi_instruction made = raw[i];
        for (int k = 0; k < 3 && made.operand[k] >= 0 && !e->status; k++) {
            int operand = made.operand[k];
            const bgi_loop_value value = loop->values[operand];
            manner how = manner_of(e, &value);
            if (how == BY_LOAD) {
                if (!loaded[operand]) {
                    bool is_same = loop->block_columns == loop->columns;
                    for (int d = 0; d < loop->rank; d++)
                        is_same &= value.outer[d] == 0;
                    loaded[operand] = temporary(e, value.is_full);
                    add_instruction(e, (bgi_instruction){
                                           .kind = BGI_DO_LOAD,
                                           .is_full = value.is_full,
                                           .is_hoisted = is_same,
                                           .target = loaded[operand],
                                           .operand = { operand, -1, -1 },
                                           .name = is_same ? "load_once" : "load",
                                           .load = load_kernel(e, e->c->graph->nodes[value.node]->dtype) });
                }
                operand = loaded[operand];
            }
            bool is_wide = made.is_full || made.kind == BGI_DO_REDUCE;
            bool is_row_value = !value.is_full && how != AS_ONE;
            made.stride[k] = how != AS_ONE && !(is_wide && is_row_value && is_single);
            bool must_expand = (is_wide && is_row_value && !is_single) ||
                               ((made.kind == BGI_DO_REDUCE || made.kind == BGI_DO_STORE) && !made.stride[k] && is_wide);
            if (must_expand && e->loop->columns == 1 && is_row_value)
                must_expand = false;
            if (must_expand) {
                if (!expanded[made.operand[k]]) {
                    expanded[made.operand[k]] = temporary(e, true);
                    bgi_instruction expand = { .kind = BGI_DO_EXPAND,
                                               .is_full = true,
                                               .target = expanded[made.operand[k]],
                                               .operand = { operand, -1, -1 },
                                               .stride = { made.stride[k] },
                                               .name = "expand",
                                               .load = load_kernel(e, e->space->dtype) };
                    add_instruction(e, expand);
                }
                operand = expanded[made.operand[k]];
                made.stride[k] = 1;
            }
            made.operand[k] = operand;
        }
        add_instruction(e, made);
    }
    for (int i = 0; i < loop->n_values; i++) {
        manner how = manner_of(e, &loop->values[i]);
        loop->values[i].is_column_of_ones = how == AS_ONE;
    }
}

/* Registers: a linear scan over first and last uses. */
static void assign_slots(emitter *e)
{
    bgi_loop *loop = e->loop;
    int n = loop->n_instructions;
    int *last = bgi_compile_push(e->c, (size_t)loop->n_values, sizeof *last);
    int *free_after = bgi_compile_push(e->c, (size_t)loop->n_values, sizeof *free_after);
    if (!last || !free_after) {
        e->status = BG_ERR_NOMEM;
        return;
    }
    for (int i = 0; i < n; i++) {
        const bgi_instruction *instruction = &loop->instructions[i];
        if (last[instruction->target] < i)
            last[instruction->target] = i;
        for (int k = 0; k < 3; k++)
            if (instruction->operand[k] >= 0)
                last[instruction->operand[k]] = i;
        if (instruction->is_hoisted)
            last[instruction->target] = n;
    }
    /* What one instruction needs for the next block stays; a value of one element a row is kept over a row's blocks of columns. */
    bool keeps_rows = loop->block_columns < loop->columns;
    for (int i = 0; i < n; i++) {
        const bgi_instruction *instruction = &loop->instructions[i];
        bgi_loop_value *target = &loop->values[instruction->target];
        if (target->kind != BGI_IS_TEMPORARY)
            continue;
        bool is_kept = instruction->is_hoisted || (keeps_rows && !target->is_full);
        if (is_kept)
            last[instruction->target] = n;
        int slot = is_kept ? loop->n_slots : 0;
        while (slot < loop->n_slots && free_after[slot] >= i)
            slot++;
        if (slot == loop->n_slots)
            loop->n_slots++;
        free_after[slot] = last[instruction->target];
        target->slot = slot;
    }
    int64_t elements = loop->block_rows * loop->block_columns;
    if (elements < loop->block_rows)
        elements = loop->block_rows;
    loop->slot_bytes = ((size_t)elements * register_size(e) + 63) / 64 * 64;
}

static bg_status emit_loop(emitter *e, bgi_step *step)
{
    bgi_compilation *c = e->c;
    e->index = step->loop;
    e->space = &c->spaces[step->loop];
    e->loop = &step->as.loop;
    e->value_capacity = e->instruction_capacity = 0;
    e->reduces = false;
    for (int i = 0; i < c->n; i++) {
        if (!is_here(e, i))
            continue;
        int k = absorbed_operand(e, c->graph->nodes[i]);
        if (k >= 0)
            e->is_absorbed[c->values[c->graph->nodes[i]->inputs[k]->id].access.base] = true;
    }
    for (int i = 0; i < c->n && !e->status; i++)
        if (is_here(e, i) && !e->is_absorbed[i])
            emit_node(e, i);
    step->flops = (double)e->loop->n_instructions * (double)(e->space->rows * e->space->columns);
    for (int i = 0; i < step->n_defines && !e->status; i++)
        emit_store(e, step->defines[i]);
    if (!e->status)
        shape_blocks(e);
    if (!e->status)
        settle_operands(e);
    if (!e->status)
        assign_slots(e);
    return e->status;
}

/* ---- The other steps ---- */

static bgi_matrix matrix_of(const bgi_compilation *c, const bg_node *node)
{
    const bgi_access *access = &c->values[node->id].access;
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

static void emit_product(const bgi_compilation *c, bgi_step *step)
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
    step->flops = 2.0 * (double)(p->batch * p->m) * (double)p->n * (double)p->k;
}

static void emit_fold(const bgi_compilation *c, bgi_step *step)
{
    const bg_node *node = c->graph->nodes[step->defines[0]], *input = node->inputs[0];
    const bgi_access *access = &c->values[input->id].access;
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

static bg_status emit_call(const bgi_compilation *c, bgi_step *step)
{
    const bg_node *node = c->graph->nodes[step->defines[0]];
    bgi_arena *memory = &c->program->memory;
    size_t n = (size_t)(node->n_inputs ? node->n_inputs : 1), size = bg_dtype_size(node->dtype);
    bgi_calling *call = &step->as.calling;
    *call = (bgi_calling){ .node = node, .units = c->values[node->id].units, .n_inputs = node->n_inputs };
    call->y.index = node->id;
    call->unit_bytes = (size_t)(c->values[node->id].count / call->units) * size;
    call->inputs = bgi_arena_push(memory, n * sizeof *call->inputs);
    call->input_offsets = bgi_arena_push(memory, n * sizeof *call->input_offsets);
    call->input_unit_bytes = bgi_arena_push(memory, n * sizeof *call->input_unit_bytes);
    if (!call->inputs || !call->input_offsets || !call->input_unit_bytes)
        return BG_ERR_NOMEM;
    for (int k = 0; k < node->n_inputs; k++) {
        const bg_node *input = node->inputs[k];
        const bgi_access *access = &c->values[input->id].access;
        size_t input_size = bg_dtype_size(input->dtype);
        call->inputs[k].index = access->base;
        call->input_offsets[k] = (size_t)access->view.offset * input_size;
        int64_t units = node->op->units ? node->op->units(node, k) : 1;
        call->input_unit_bytes[k] =
            units == call->units && units > 1 ? (size_t)(bg_shape_count(input->shape) / units) * input_size : 0;
    }
    step->flops = (double)c->values[node->id].count;
    return BG_OK;
}

bg_status bgi_emit(bgi_compilation *c)
{
    emitter e = { .c = c, .p = c->program };
    e.value_of = bgi_compile_push(c, (size_t)c->n, sizeof *e.value_of);
    e.owner = bgi_compile_push(c, (size_t)c->n, sizeof *e.owner);
    e.is_absorbed = bgi_compile_push(c, (size_t)c->n, sizeof *e.is_absorbed);
    if (!e.value_of || !e.owner || !e.is_absorbed)
        return BG_ERR_NOMEM;
    for (int i = 0; i < c->program->n_steps; i++) {
        bgi_step *step = &c->program->steps[i];
        bg_status status = BG_OK;
        switch (step->kind) {
        case BGI_STEP_LOOP:
            status = emit_loop(&e, step);
            break;
        case BGI_STEP_PRODUCT:
            emit_product(c, step);
            break;
        case BGI_STEP_FOLD:
            emit_fold(c, step);
            break;
        case BGI_STEP_CALL:
            status = emit_call(c, step);
            break;
        }
        if (status)
            return status;
    }
    return BG_OK;
}
