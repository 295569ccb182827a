/* Reports and the program as text. */
#include "compile/compile.h"

#include <stdarg.h>
#include <stdio.h>

const char *bgi_kernel_name(size_t offset)
{
    static const struct {
        size_t offset;
        const char *name;
    } names[] = {
#define NAME(name) { offsetof(bgk_kernels, name), #name },
        BGK_MAPS(NAME) BGK_CHAINS(NAME)
#undef NAME
#define NAME(name) { offsetof(bgk_kernels, name##_rows), #name "_rows" },
            BGK_REDUCES(NAME)
#undef NAME
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].offset == offset)
            return names[i].name;
    return "?";
}

bg_report bg_program_report(const bg_program *p)
{
    bg_report report = { 0 };
    if (!p)
        return report;
    report.steps = p->n_steps;
    report.phases = p->n_levels;
    report.tasks = p->n_tasks;
    report.runs_alone = p->runs_alone;
    report.barriers = p->runs_alone || p->engine->threads == 1 ? 0 : p->n_levels;
    for (int i = 0; i < p->n_steps; i++) {
        report.flops += p->steps[i].flops + p->steps[i].outer_flops / 2;
        report.product_flops += p->steps[i].product_flops + p->steps[i].outer_flops;
    }
    report.planned_bytes = p->arena_bytes + (size_t)p->engine->threads * p->scratch_bytes;
    for (int i = 0; i < p->n_output_tensors; i++)
        report.planned_bytes += (size_t)bg_shape_count(p->outputs[i]->shape) * bg_dtype_size(p->outputs[i]->dtype);
    report.unplanned_bytes = p->unplanned_bytes;
    report.compile_seconds = p->compile_seconds;
    return report;
}

bg_task_info bg_program_task(const bg_program *p, int task)
{
    if (!p || task < 0 || task >= p->n_tasks)
        return (bg_task_info){ 0 };
    return (bg_task_info){ .phase = p->groups[p->tasks[task].group].level, .work = p->tasks[task].work };
}

typedef struct {
    char *buffer;
    size_t capacity, length;
} writer;

__attribute__((format(printf, 2, 3))) static void put(writer *w, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    size_t room = w->length < w->capacity ? w->capacity - w->length : 0;
    int n = vsnprintf(room ? w->buffer + w->length : NULL, room, format, arguments);
    va_end(arguments);
    w->length += n > 0 ? (size_t)n : 0;
}

static const char *leaf_name(const bgi_leaf *leaf)
{
    static const char *const kinds[] = { [BGI_INPUT] = "input",
                                         [BGI_PARAMETER] = "parameter",
                                         [BGI_BUFFER] = "buffer",
                                         [BGI_CONSTANT] = "constant",
                                         [BGI_SCALAR] = "scalar" };
    return leaf->node->name ? leaf->node->name : kinds[leaf->kind];
}

static void put_place(writer *w, const bg_program *p, int node, bgi_location where)
{
    switch (where.place) {
    case BGI_AT_LEAF:
        put(w, "%%%d %s %s", node, leaf_name(&p->leaves[where.index]),
            bgi_shape_format(p->leaves[where.index].node->shape).text);
        break;
    case BGI_AT_OUTPUT:
        put(w, "%%%d output %d", node, where.index);
        break;
    case BGI_AT_ARENA:
        put(w, "%%%d arena", node);
        break;
    case BGI_AT_LOCAL:
        put(w, "%%%d local", node);
        break;
    case BGI_AT_NOWHERE:
        put(w, "%%%d", node);
        break;
    }
}

static void put_store(writer *w, const bg_program *p, int node, bgi_location where)
{
    put(w, "  -> ");
    if (where.place == BGI_AT_LEAF)
        put(w, "update of ");
    put_place(w, p, node, where);
}

static void put_value(writer *w, const bg_program *p, const bgi_loop *loop, int index)
{
    const bgi_loop_value *value = &loop->values[index];
    if (value->kind == BGI_IS_CONSTANT)
        put(w, "%g", value->f64);
    else if (value->kind == BGI_IS_TEMPORARY)
        put(w, "%s%d", value->is_full ? "r" : "q", value->slot);
    else
        put_place(w, p, value->node, value->where);
}

static void put_loop(writer *w, const bg_program *p, const bgi_loop *loop)
{
    put(w, "    loop %lld x %lld, blocks %lld x %lld, %d registers\n", (long long)loop->rows, (long long)loop->columns,
        (long long)loop->block_rows, (long long)loop->block_columns, loop->n_slots);
    for (int i = 0; i < loop->n_instructions; i++) {
        const bgi_instruction *instruction = &loop->instructions[i];
        const bgi_loop_value *target = &loop->values[instruction->target];
        put(w, "      %-10s", instruction->name);
        const bgi_descent *descent = instruction->descent;
        const int *operands = descent ? descent->operand : instruction->operand;
        for (int k = 0; k < (descent ? BGK_DESCEND_OPERANDS : 3) && operands[k] >= 0; k++) {
            put(w, k ? ", " : " ");
            put_value(w, p, loop, operands[k]);
        }
        if (descent)
            put_store(w, p, loop->values[descent->momentum].node, loop->values[descent->momentum].where);
        if (target->kind == BGI_IS_MEMORY) {
            put_store(w, p, target->node, target->where);
        } else {
            put(w, " -> ");
            put_value(w, p, loop, instruction->target);
        }
        put(w, "\n");
    }
}

/* All of a product, fold or call but where the result goes. */
static void put_work(writer *w, const bgi_step *step)
{
    static const char *const providers[] = {
        [BGI_BY_BLAS] = "blas", [BGI_BY_VECTOR] = "blas vector", [BGI_BY_KERNEL] = "kernel"
    };
    const bgi_product *x = &step->as.product;
    const bgi_folding *f = &step->as.folding;
    switch (step->kind) {
    case BGI_STEP_PRODUCT:
        if (x->batch != 1)
            put(w, "%lld of ", (long long)x->batch);
        put(w, "%lld x %lld x %lld%s%s by %s", (long long)x->m, (long long)x->n, (long long)x->k,
            x->x.columns == 1 ? "" : " Tx", x->w.columns == 1 ? "" : " Tw", providers[x->provider]);
        break;
    case BGI_STEP_FOLD:
        put(w, "[%lld, %lld, %lld]", (long long)f->a, (long long)f->k, (long long)f->c);
        break;
    case BGI_STEP_CALL:
        put(w, "%s", step->as.calling.node->op->name);
        break;
    case BGI_STEP_LOOP:
        put(w, "%lld x %lld", (long long)step->as.loop.rows, (long long)step->as.loop.columns);
        break;
    }
}

static const char *const step_kinds[] = {
    [BGI_STEP_LOOP] = "loop", [BGI_STEP_PRODUCT] = "product", [BGI_STEP_FOLD] = "fold", [BGI_STEP_CALL] = "call"
};

static void put_step(writer *w, const bg_program *p, const bgi_step *step)
{
    bgi_location where = { 0 };
    switch (step->kind) {
    case BGI_STEP_LOOP:
        put_loop(w, p, &step->as.loop);
        return;
    case BGI_STEP_PRODUCT:
        where = step->as.product.y.where;
        break;
    case BGI_STEP_FOLD:
        where = step->as.folding.y;
        break;
    case BGI_STEP_CALL:
        where = step->as.calling.y;
        break;
    }
    put(w, "    %s ", step_kinds[step->kind]);
    put_work(w, step);
    put_store(w, p, step->defines[0], where);
    put(w, "\n");
}

size_t bg_program_dump(const bg_program *p, char *buffer, size_t capacity)
{
    writer w = { buffer, buffer ? capacity : 0, 0 };
    if (w.capacity)
        buffer[0] = 0;
    if (!p)
        return 0;
    int level = -1;
    for (int g = 0; g < p->n_groups; g++) {
        const bgi_group *group = &p->groups[g];
        if (group->level != level) {
            level = group->level;
            put(&w, "phase %d\n", level);
        }
        put(&w, "  group %d: %lld units in slices of %lld", g, (long long)group->units, (long long)group->chunk);
        if (group->abreast > 1)
            put(&w, ", %d side by side", group->abreast);
        put(&w, "\n");
        for (int i = 0; i < group->n_steps; i++)
            put_step(&w, p, &p->steps[group->first_step + i]);
    }
    bg_report report = bg_program_report(p);
    put(&w, "%d steps, %d phases, %d tasks; arena %zu bytes, scratch %zu bytes a worker, unplanned %zu bytes\n",
        report.steps, report.phases, report.tasks, p->arena_bytes, p->scratch_bytes, p->unplanned_bytes);
    return w.length;
}

/* ---- Single steps ---- */

/* Elements of memory that a value of a loop stands for: each place once, however often it is read. */
static double loop_value_count(const bgi_loop *loop, const bgi_loop_value *value)
{
    double count = value->is_full && value->column != 0 ? (double)loop->columns : 1;
    for (int d = 0; d < loop->rank; d++)
        count *= value->outer[d] != 0 ? (double)loop->outer[d] : 1;
    return count;
}

static double node_bytes(const bg_node *node)
{
    return (double)bg_shape_count(node->shape) * (double)bg_dtype_size(node->dtype);
}

static double step_bytes(const bgi_step *step)
{
    const bgi_loop *loop = &step->as.loop;
    const bgi_product *x = &step->as.product;
    const bgi_folding *f = &step->as.folding;
    const bg_node *node = step->as.calling.node;
    double bytes = 0;
    switch (step->kind) {
    case BGI_STEP_LOOP:
        for (int i = 0; i < loop->n_memory; i++)
            bytes += loop_value_count(loop, &loop->values[i]) * loop->values[i].size;
        return bytes;
    case BGI_STEP_PRODUCT:
        bytes = (double)x->m * (double)x->k + (double)x->k * (double)x->n + (double)x->m * (double)x->n;
        return (double)x->batch * bytes * (double)bg_dtype_size(x->dtype);
    case BGI_STEP_FOLD:
        return (double)f->a * (double)f->c * (double)(f->k + 1) * (double)bg_dtype_size(f->dtype);
    case BGI_STEP_CALL:
        for (int k = 0; k < node->n_inputs; k++)
            bytes += node_bytes(node->inputs[k]);
        return bytes + node_bytes(node);
    }
    return bytes;
}

static int phase_of(const bg_program *p, int step)
{
    for (int g = 0; g < p->n_groups; g++)
        if (step < p->groups[g].first_step + p->groups[g].n_steps)
            return p->groups[g].level;
    return 0;
}

bg_step_info bg_program_step(const bg_program *p, int i)
{
    bg_step_info info = { .kind = NULL };
    if (!p || i < 0 || i >= p->n_steps)
        return info;
    const bgi_step *step = &p->steps[i];
    writer w = { info.text, sizeof info.text, 0 };
    put_work(&w, step);
    const bgi_loop *loop = &step->as.loop;
    for (int k = 0; step->kind == BGI_STEP_LOOP && k < loop->n_instructions; k++)
        put(&w, " %s", loop->instructions[k].name);
    info.kind = step_kinds[step->kind];
    info.phase = phase_of(p, i);
    info.flops = step->flops + step->outer_flops / 2;
    info.product_flops = step->product_flops + step->outer_flops;
    info.bytes = step_bytes(step);
    return info;
}
