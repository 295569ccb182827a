/* How a loop's blocks lie.
 *
 * Outer dimensions are merged where every operand allows it, which settles how a block of rows lies in memory. Operands
 * that do not lie as the kernels want them are loaded into registers first. */
#include "compile/emit.h"

#include <string.h>

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

static void shape_blocks(bgi_emitter *e)
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
                    merges = loop->values[i].outer[d] == loop->values[i].outer[at[rank - 1]] * outer[rank - 1];
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
    if (loop->block_rows > loop->rows)
        loop->block_rows = loop->rows;
    loop->block_columns = loop->columns;
    if (loop->columns > (e->reduces ? BGI_LONGEST_ROW : BGI_BLOCK))
        loop->block_columns = BGI_BLOCK;
}

typedef enum { AS_IS, AS_ONE, BY_LOAD } manner;

/* How a block of an operand in memory reaches the kernels. */
static manner manner_of(const bgi_emitter *e, const bgi_loop_value *value)
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

static bgk_load *load_kernel(const bgi_emitter *e, bg_dtype dtype)
{
    const bgk_kernels *kernels = bgi_kernels_of(e->c->engine, e->space->dtype);
    bgk_load *const loads[] = {
        [BG_F32] = kernels->load_f32, [BG_F64] = kernels->load_f64, [BG_I32] = kernels->load_i32,
        [BG_I64] = kernels->load_i64, [BG_U8] = kernels->load_u8,   [BG_BOOL] = kernels->load_bool
    };
    return loads[dtype];
}

/* Second pass over the instructions: loads and expansions before their first use, and the strides of operands. */
static void settle_operands(bgi_emitter *e)
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
                    loaded[operand] = bgi_temporary(e, value.is_full);
                    bgi_add_instruction(
                        e, (bgi_instruction){ .kind = BGI_DO_LOAD,
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
            bool must_expand =
                (is_wide && is_row_value && !is_single) ||
                ((made.kind == BGI_DO_REDUCE || made.kind == BGI_DO_STORE) && !made.stride[k] && is_wide);
            if (must_expand && e->loop->columns == 1 && is_row_value)
                must_expand = false;
            if (must_expand) {
                if (!expanded[made.operand[k]]) {
                    expanded[made.operand[k]] = bgi_temporary(e, true);
                    bgi_instruction expand = { .kind = BGI_DO_EXPAND,
                                               .is_full = true,
                                               .target = expanded[made.operand[k]],
                                               .operand = { operand, -1, -1 },
                                               .stride = { made.stride[k] },
                                               .name = "expand",
                                               .load = load_kernel(e, e->space->dtype) };
                    bgi_add_instruction(e, expand);
                }
                operand = expanded[made.operand[k]];
                made.stride[k] = 1;
            }
            made.operand[k] = operand;
        }
        bgi_add_instruction(e, made);
    }
}

typedef struct {
    int *last; /* of a value: the last instruction that uses it; behind all of them if it stays */
    int *free; /* slots */
    int n_free;
} registers;

/* Gives back the slots of what the instruction was the last to use. */
static void release_slots(registers *r, const bgi_loop *loop, int at)
{
    const bgi_instruction *instruction = &loop->instructions[at];
    for (int k = -1; k < 3; k++) {
        int value = k < 0 ? instruction->target : instruction->operand[k];
        if (value < 0 || loop->values[value].kind != BGI_IS_TEMPORARY || r->last[value] != at)
            continue;
        r->last[value] = -1;
        r->free[r->n_free++] = loop->values[value].slot;
    }
}

/* Registers: a linear scan over first and last uses. */
static void assign_slots(bgi_emitter *e)
{
    bgi_loop *loop = e->loop;
    int n = loop->n_instructions;
    registers r = { .last = bgi_compile_push(e->c, (size_t)loop->n_values, sizeof *r.last),
                    .free = bgi_compile_push(e->c, (size_t)loop->n_values, sizeof *r.free) };
    if (!r.last || !r.free) {
        e->status = BG_ERR_NOMEM;
        return;
    }
    for (int i = 0; i < n; i++) {
        const bgi_instruction *instruction = &loop->instructions[i];
        if (r.last[instruction->target] < i)
            r.last[instruction->target] = i;
        for (int k = 0; k < 3; k++)
            if (instruction->operand[k] >= 0)
                r.last[instruction->operand[k]] = i;
        if (instruction->is_hoisted)
            r.last[instruction->target] = n;
    }
    /* What one instruction needs for the next block stays; a value of one element a row is kept over a row's blocks of
     * columns. */
    bool keeps_rows = loop->block_columns < loop->columns;
    for (int i = 0; i < n; i++) {
        const bgi_instruction *instruction = &loop->instructions[i];
        bgi_loop_value *target = &loop->values[instruction->target];
        if (target->kind == BGI_IS_TEMPORARY) {
            bool is_kept = instruction->is_hoisted || (keeps_rows && !target->is_full);
            if (is_kept)
                r.last[instruction->target] = n;
            target->slot = is_kept || r.n_free == 0 ? loop->n_slots++ : r.free[--r.n_free];
        }
        release_slots(&r, loop, i);
    }
    int64_t elements = loop->block_rows * loop->block_columns;
    if (elements < loop->block_rows)
        elements = loop->block_rows;
    loop->slot_bytes = bgi_aligned((size_t)elements * bgi_register_size(e));
}

/* The finished program moves to memory of its own. Operands in memory come first, so that the executor finds their
 * addresses without looking at the others. */
static void order_values(bgi_emitter *e)
{
    bgi_loop *loop = e->loop;
    bgi_loop_value *values = bgi_arena_push(&e->p->memory, (size_t)(loop->n_values + 1) * sizeof *values);
    bgi_instruction *instructions =
        bgi_arena_push(&e->p->memory, (size_t)(loop->n_instructions + 1) * sizeof *instructions);
    int *place = bgi_compile_push(e->c, (size_t)loop->n_values, sizeof *place);
    if (!values || !instructions || !place) {
        e->status = BG_ERR_NOMEM;
        return;
    }
    int n = 0;
    for (int is_other = 0; is_other < 2; is_other++) {
        for (int i = 0; i < loop->n_values; i++)
            if ((loop->values[i].kind != BGI_IS_MEMORY) == is_other) {
                values[n] = loop->values[i];
                place[i] = n++;
            }
        loop->n_memory = is_other ? loop->n_memory : n;
    }
    loop->values = values;
    if (loop->n_instructions > 0)
        memcpy(instructions, loop->instructions, (size_t)loop->n_instructions * sizeof *instructions);
    loop->instructions = instructions;
    for (int i = 0; i < loop->n_instructions; i++) {
        bgi_instruction *instruction = &instructions[i];
        instruction->target = place[instruction->target];
        for (int k = 0; k < 3; k++)
            if (instruction->operand[k] >= 0)
                instruction->operand[k] = place[instruction->operand[k]];
    }
}

void bgi_lay_out_blocks(bgi_emitter *e)
{
    shape_blocks(e);
    settle_operands(e);
    if (!e->status)
        assign_slots(e);
    if (!e->status)
        order_values(e);
}
