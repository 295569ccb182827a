/* emit: the register program of each loop, and the descriptions of the other steps.
 *
 * A program is written in terms of the loop's space; how its blocks lie is settled afterwards (blocks.c). An operation
 * absorbs one of its operands that nobody else wants, where a kernel does both in one pass: what bounds a loop in the
 * cache is storing what lies between. */
#include "compile/emit.h"

#include <assert.h>
#include <math.h>
#include <string.h>

int bgi_add_value(bgi_emitter *e, bgi_loop_value value)
{
    bgi_loop *loop = e->loop;
    if (loop->n_values == e->value_capacity) {
        int capacity = e->value_capacity ? 2 * e->value_capacity : 16;
        bgi_loop_value *values = bgi_compile_push(e->c, (size_t)capacity, sizeof *values);
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

void bgi_add_instruction(bgi_emitter *e, bgi_instruction instruction)
{
    bgi_loop *loop = e->loop;
    if (loop->n_instructions == e->instruction_capacity) {
        int capacity = e->instruction_capacity ? 2 * e->instruction_capacity : 16;
        bgi_instruction *instructions = bgi_compile_push(e->c, (size_t)capacity, sizeof *instructions);
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

int bgi_temporary(bgi_emitter *e, bool is_full)
{
    return bgi_add_value(e, (bgi_loop_value){ .kind = BGI_IS_TEMPORARY,
                                              .is_full = is_full,
                                              .node = -1,
                                              .dtype = e->space->dtype,
                                              .size = (uint32_t)bgi_register_size(e) });
}

static int constant(bgi_emitter *e, double value)
{
    for (int i = e->status ? -1 : e->last_constant; i >= 0; i = e->loop->values[i].previous)
        if (!memcmp(&e->loop->values[i].f64, &value, sizeof value))
            return i;
    int added = bgi_add_value(e, (bgi_loop_value){ .kind = BGI_IS_CONSTANT,
                                                   .node = -1,
                                                   .f64 = value,
                                                   .f32 = (float)value,
                                                   .dtype = e->space->dtype,
                                                   .size = (uint32_t)bgi_register_size(e),
                                                   .previous = e->last_constant });
    if (!e->status)
        e->last_constant = added;
    return added;
}

static int last_memory(const bgi_emitter *e, int node)
{
    return e->memory_owner[node] == e->index + 1 ? e->last_memory[node] : -1;
}

/* An operand in memory: strides over the space for a full value, over its rows for one of one element a row. */
static int memory(bgi_emitter *e, int node, int64_t offset, const int64_t *strides, bool is_full)
{
    int outer = e->space->shape.rank - 1;
    bgi_loop_value value = { .kind = BGI_IS_MEMORY,
                             .is_full = is_full,
                             .node = node,
                             .offset = offset,
                             .dtype = e->c->graph->nodes[node]->dtype,
                             .size = (uint32_t)bg_dtype_size(e->c->graph->nodes[node]->dtype) };
    for (int i = 0; i < outer; i++)
        value.outer[i] = e->space->shape.dims[i] == 1 ? 0 : strides[i];
    value.column = is_full && e->space->columns > 1 ? strides[outer] : 0;
    value.previous = last_memory(e, node);
    for (int i = value.previous; i >= 0; i = e->loop->values[i].previous) {
        const bgi_loop_value *other = &e->loop->values[i];
        if (other->offset == offset && other->is_full == is_full && other->column == value.column &&
            !memcmp(other->outer, value.outer, sizeof value.outer))
            return i;
    }
    int added = bgi_add_value(e, value);
    if (!e->status) {
        e->last_memory[node] = added;
        e->memory_owner[node] = e->index + 1;
    }
    return added;
}

static int emit_node(bgi_emitter *e, int id);

static bool is_here(const bgi_emitter *e, int base)
{
    const bgi_value *v = &e->c->values[base];
    return v->is_real && v->loop == e->index;
}

static int emit_operand(bgi_emitter *e, const bg_node *node, int k, bool is_full)
{
    const bg_node *input = node->inputs[k];
    const bgi_access *access = &e->c->accesses[input->id];
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

/* An operand that may become part of the operation that reads it: computed in this loop, for this use only. */
static const bg_node *absorbable(const bgi_emitter *e, const bg_node *node, int k)
{
    const bgi_access *access = &e->c->accesses[node->inputs[k]->id];
    const bgi_value *v = &e->c->values[access->base];
    bool is_used_once = v->uses == 1 && !v->is_stored && (v->is_virtual || is_here(e, access->base));
    return is_used_once && access->is_flat ? e->c->graph->nodes[access->base] : NULL;
}

static bool is_zero(const bg_node *node)
{
    double value;
    return bgi_node_is_constant(node, &value) && value == 0 && !signbit(value);
}

#define KERNEL(name) offsetof(bgk_kernels, name)
typedef struct {
    size_t kernel;
    int operand; /* absorbed, if this makes it */
    size_t by, both;
    bool is_of_zeros; /* the second operands of both are zero, and none of the kernel for both */
} absorption;
/* In a chain of three, the first two are absorbed as what they are together. */
static const absorption absorptions[] = {
    { KERNEL(add), 0, KERNEL(mul), KERNEL(fma), false },
    { KERNEL(add), 0, KERNEL(square), KERNEL(fma), false },
    { KERNEL(add), 1, KERNEL(mul), KERNEL(fma), false },
    { KERNEL(add), 1, KERNEL(square), KERNEL(fma), false },
    { KERNEL(sub), 1, KERNEL(mul), KERNEL(fnma), false },
    { KERNEL(sub), 1, KERNEL(square), KERNEL(fnma), false },
    { KERNEL(sub), 0, KERNEL(sub), KERNEL(sub_sub), false },
    { KERNEL(mul), 0, KERNEL(sub), KERNEL(sub_mul), false },
    { KERNEL(mul), 1, KERNEL(sub), KERNEL(sub_mul), false },
    { KERNEL(relu), 0, KERNEL(add), KERNEL(add_relu), false },
    { KERNEL(add_relu), 0, KERNEL(mul), KERNEL(fma_relu), false },
    { KERNEL(add_relu), 0, KERNEL(square), KERNEL(fma_relu), false },
    { KERNEL(add_relu), 1, KERNEL(mul), KERNEL(fma_relu), false },
    { KERNEL(add_relu), 1, KERNEL(square), KERNEL(fma_relu), false },
    { KERNEL(where), 0, KERNEL(less_equal), KERNEL(where_above), true },
};
enum { N_ABSORPTIONS = sizeof absorptions / sizeof *absorptions };

/* An operation with what it has absorbed: a kernel, and inputs of the nodes as its operands. */
typedef struct {
    const bg_node *node;
    int input;
} map_operand;
typedef struct {
    size_t kernel;
    int n;
    map_operand operand[3];
} fused_map;

/* The node that is absorbed next, and how; NULL: none. */
static const bg_node *find_absorbed(const bgi_emitter *e, const fused_map *map, const absorption **how)
{
    for (const absorption *a = absorptions; a < absorptions + N_ABSORPTIONS; a++) {
        if (map->kernel != a->kernel)
            continue;
        const map_operand *o = &map->operand[a->operand], *second = &map->operand[1];
        const bg_node *inner = absorbable(e, o->node, o->input);
        if (!inner || !is_kernel(inner, a->by) ||
            (a->is_of_zeros && !(is_zero(inner->inputs[1]) && is_zero(second->node->inputs[second->input]))))
            continue;
        *how = a;
        return inner;
    }
    return NULL;
}

/* The operands of the absorbed node come first. */
static void absorb(fused_map *map, const bg_node *inner, const absorption *how)
{
    fused_map both = { .kernel = how->both };
    both.operand[both.n++] = (map_operand){ inner, 0 };
    if (!how->is_of_zeros)
        both.operand[both.n++] = (map_operand){ inner, inner->n_inputs - 1 };
    for (int i = 0; i < map->n; i++)
        if (i != how->operand && !(how->is_of_zeros && i == 1))
            both.operand[both.n++] = map->operand[i];
    *map = both;
}

/* What a map node becomes. What it absorbs is marked: nobody else wants it. */
static fused_map fuse_map(bgi_emitter *e, const bg_node *node)
{
    fused_map map = { .kernel = node->op->lowering->kernel, .n = node->n_inputs };
    const absorption *how;
    for (int i = 0; i < map.n; i++)
        map.operand[i] = (map_operand){ node, i };
    for (const bg_node *inner; (inner = find_absorbed(e, &map, &how));) {
        e->is_absorbed[inner->id] = true;
        absorb(&map, inner, how);
    }
    return map;
}

static bgk_map *map_kernel(const bgi_emitter *e, size_t offset)
{
    bgk_map *map;
    memcpy(&map, (const char *)bgi_kernels_of(e->c->engine, e->space->dtype) + offset, sizeof map);
    return map;
}

static int emit_map(bgi_emitter *e, const bg_node *node, bool is_full)
{
    fused_map fused = fuse_map(e, node);
    bgi_instruction made = { .kind = BGI_DO_MAP,
                             .is_full = is_full,
                             .operand = { -1, -1, -1 },
                             .map = map_kernel(e, fused.kernel),
                             .name = bgi_kernel_name(fused.kernel) };
    for (int i = 0; i < fused.n; i++)
        made.operand[i] = emit_operand(e, fused.operand[i].node, fused.operand[i].input, is_full);
    made.target = bgi_temporary(e, is_full);
    bgi_add_instruction(e, made);
    return made.target;
}

static int emit_reduce(bgi_emitter *e, const bg_node *node)
{
    bgi_instruction made = { .kind = BGI_DO_REDUCE, .operand = { -1, -1, -1 } };
    size_t kernel = node->op->lowering->kernel;
    bool is_sum = kernel == offsetof(bgk_kernels, sum_rows);
    e->reduces = true;
    made.operand[0] = emit_operand(e, node, 0, true);
    memcpy(&made.reduce, (const char *)bgi_kernels_of(e->c->engine, e->space->dtype) + kernel, sizeof made.reduce);
    made.map = map_kernel(e, is_sum ? offsetof(bgk_kernels, add) : offsetof(bgk_kernels, maximum));
    made.name = bgi_kernel_name(kernel);
    made.target = bgi_temporary(e, false);
    bgi_add_instruction(e, made);
    return made.target;
}

static int emit_node(bgi_emitter *e, int id)
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

static int store_value(bgi_emitter *e, int id)
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
                             .size = (uint32_t)bg_dtype_size(e->c->graph->nodes[id]->dtype) };
    for (int i = 0; i < e->space->shape.rank - 1; i++)
        value.outer[i] = e->space->shape.dims[i] == 1 ? 0 : strides[i];
    value.column = is_full && e->space->columns > 1 ? 1 : 0;
    return bgi_add_value(e, value);
}

static bgk_store *store_kernel(const bgi_emitter *e, bg_dtype dtype)
{
    const bgk_kernels *kernels = bgi_kernels_of(e->c->engine, e->space->dtype);
    bgk_store *const stores[] = {
        [BG_F32] = kernels->store_f32, [BG_F64] = kernels->store_f64, [BG_I32] = kernels->store_i32,
        [BG_I64] = kernels->store_i64, [BG_U8] = kernels->store_u8,   [BG_BOOL] = kernels->store_bool
    };
    return stores[dtype];
}

typedef struct {
    int *made_by;   /* of a value: instruction */
    int *last_read; /* of a value: instruction, or -1 */
    int *stored_as; /* of a value: the memory that takes its place, or -1 */
} value_uses;

static bool find_uses(bgi_emitter *e, value_uses *uses)
{
    const bgi_loop *loop = e->loop;
    size_t n = (size_t)loop->n_values;
    uses->made_by = bgi_compile_push(e->c, n, sizeof *uses->made_by);
    uses->last_read = bgi_compile_push(e->c, n, sizeof *uses->last_read);
    uses->stored_as = bgi_compile_push(e->c, n, sizeof *uses->stored_as);
    if (!uses->made_by || !uses->last_read || !uses->stored_as)
        return false;
    for (size_t i = 0; i < n; i++)
        uses->last_read[i] = uses->stored_as[i] = -1;
    for (int i = 0; i < loop->n_instructions; i++) {
        uses->made_by[loop->instructions[i].target] = i;
        for (int k = 0; k < 3; k++)
            if (loop->instructions[i].operand[k] >= 0)
                uses->last_read[loop->instructions[i].operand[k]] = i;
    }
    return true;
}

/* Whether the old value of an update is still wanted after the new one is known. */
static bool is_read_later(const bgi_emitter *e, const value_uses *uses, int target, int source)
{
    for (int i = last_memory(e, target); i >= 0; i = e->loop->values[i].previous)
        if (uses->last_read[i] > uses->made_by[source])
            return true;
    return false;
}

static void emit_store(bgi_emitter *e, int id, const value_uses *uses)
{
    const bgi_value *v = &e->c->values[id];
    bg_dtype dtype = e->c->graph->nodes[id]->dtype;
    int source = e->value_of[id], target = store_value(e, id);
    if (e->status)
        return;
    bgi_instruction made = { .kind = BGI_DO_STORE,
                             .is_full = e->loop->values[target].is_full,
                             .target = target,
                             .operand = { source, -1, -1 },
                             .name = "store" };
    if (dtype != e->space->dtype) {
        made.store = store_kernel(e, dtype);
        bgi_add_instruction(e, made);
    } else if (v->update >= 0 && is_read_later(e, uses, e->c->changes[v->update].target, source)) {
        made.kind = BGI_DO_MAP;
        made.name = "move";
        made.map = map_kernel(e, offsetof(bgk_kernels, move));
        bgi_add_instruction(e, made);
    } else {
        uses->stored_as[source] = target;
    }
}

/* Stored values are computed where they are stored, if nothing stands against it. */
static void emit_stores(bgi_emitter *e, const bgi_step *step)
{
    bgi_loop *loop = e->loop;
    value_uses uses;
    int n = loop->n_instructions; /* without those that stores add */
    if (!find_uses(e, &uses)) {
        e->status = BG_ERR_NOMEM;
        return;
    }
    for (int i = 0; i < step->n_defines && !e->status; i++)
        emit_store(e, step->defines[i], &uses);
    for (int i = 0; i < n; i++) {
        bgi_instruction *instruction = &loop->instructions[i];
        if (uses.stored_as[instruction->target] >= 0)
            instruction->target = uses.stored_as[instruction->target];
        for (int k = 0; k < 3; k++) {
            int operand = instruction->operand[k];
            if (operand >= 0 && uses.stored_as[operand] >= 0)
                instruction->operand[k] = uses.stored_as[operand];
        }
    }
}

/* Whether an operand is one number a row, or one a column. */
static bool is_per_row(const bgi_loop_value *v, int last)
{
    return v->kind == BGI_IS_MEMORY ? !v->column && v->outer[last] : v->kind == BGI_IS_TEMPORARY && !v->is_full;
}
static bool is_per_column(const bgi_loop_value *v, int last)
{
    return v->kind == BGI_IS_MEMORY && v->column && !v->outer[last];
}

/* Whether an instruction is a product with an inner size of 1. */
static bool is_outer_product(const bgi_emitter *e, const bgi_instruction *x)
{
    int last = e->space->shape.rank - 2;
    if (x->kind != BGI_DO_MAP || !x->is_full || last < 0 ||
        (x->map != map_kernel(e, offsetof(bgk_kernels, mul)) && x->map != map_kernel(e, offsetof(bgk_kernels, fma)) &&
         x->map != map_kernel(e, offsetof(bgk_kernels, fnma)) &&
         x->map != map_kernel(e, offsetof(bgk_kernels, fma_relu))))
        return false;
    const bgi_loop_value *a = &e->loop->values[x->operand[0]], *b = &e->loop->values[x->operand[1]];
    return (is_per_row(a, last) && is_per_column(b, last)) || (is_per_column(a, last) && is_per_row(b, last));
}

static bg_status emit_loop(bgi_emitter *e, bgi_step *step, const int *members, int n)
{
    bgi_compilation *c = e->c;
    e->index = step->loop;
    e->space = &c->spaces[step->loop];
    e->loop = &step->as.loop;
    e->value_capacity = e->instruction_capacity = 0;
    e->reduces = false;
    e->last_constant = -1;
    for (int i = 0; i < n; i++)
        if (bgi_node_is(c->graph->nodes[members[i]], BGI_MAP))
            (void)fuse_map(e, c->graph->nodes[members[i]]);
    for (int i = 0; i < n && !e->status; i++)
        if (!e->is_absorbed[members[i]])
            emit_node(e, members[i]);
    step->flops = step->outer_flops = 0;
    for (int i = 0; i < e->loop->n_instructions && !e->status; i++) {
        const bgi_instruction *x = &e->loop->instructions[i];
        int64_t columns = x->is_full || x->kind == BGI_DO_REDUCE ? e->space->columns : 1;
        step->flops += (double)(e->space->rows * columns);
        step->outer_flops += is_outer_product(e, x) ? 2 * (double)(e->space->rows * columns) : 0;
    }
    if (!e->status)
        emit_stores(e, step);
    if (!e->status)
        bgi_lay_out_blocks(e);
    return e->status;
}

bg_status bgi_emit(bgi_compilation *c)
{
    bgi_emitter e = { .c = c, .p = c->program };
    e.value_of = bgi_compile_push(c, (size_t)c->n, sizeof *e.value_of);
    e.owner = bgi_compile_push(c, (size_t)c->n, sizeof *e.owner);
    e.is_absorbed = bgi_compile_push(c, (size_t)c->n, sizeof *e.is_absorbed);
    e.last_memory = bgi_compile_push(c, (size_t)c->n, sizeof *e.last_memory);
    e.memory_owner = bgi_compile_push(c, (size_t)c->n, sizeof *e.memory_owner);
    if (!e.value_of || !e.owner || !e.is_absorbed || !e.last_memory || !e.memory_owner)
        return BG_ERR_NOMEM;
    for (int i = 0; i < c->program->n_steps; i++) {
        bgi_step *step = &c->program->steps[i];
        bg_status status = BG_OK;
        switch (step->kind) {
        case BGI_STEP_LOOP:
            status = emit_loop(&e, step, c->members + c->first_member[i], c->first_member[i + 1] - c->first_member[i]);
            break;
        case BGI_STEP_PRODUCT:
            bgi_emit_product(c, step);
            break;
        case BGI_STEP_FOLD:
            bgi_emit_fold(c, step);
            break;
        case BGI_STEP_CALL:
            status = bgi_emit_call(c, step);
            break;
        }
        if (status)
            return status;
    }
    return BG_OK;
}
