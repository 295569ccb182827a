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
        BGK_MAPS(NAME)
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
    report.barriers = p->runs_alone || p->engine->threads == 1 ? 0 : p->n_levels;
    for (int i = 0; i < p->n_steps; i++) {
        report.flops += p->steps[i].flops;
        if (p->steps[i].kind == BGI_STEP_PRODUCT)
            report.product_flops += p->steps[i].flops;
    }
    report.planned_bytes = p->arena_bytes + (size_t)p->engine->threads * p->scratch_bytes;
    for (int i = 0; i < p->n_output_tensors; i++)
        report.planned_bytes += (size_t)bg_shape_count(p->outputs[i]->shape) * bg_dtype_size(p->outputs[i]->dtype);
    report.unplanned_bytes = p->unplanned_bytes;
    report.compile_seconds = p->compile_seconds;
    return report;
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
        for (int k = 0; k < 3 && instruction->operand[k] >= 0; k++) {
            put(w, k ? ", " : " ");
            put_value(w, p, loop, instruction->operand[k]);
        }
        if (target->kind == BGI_IS_MEMORY) {
            put_store(w, p, target->node, target->where);
        } else {
            put(w, " -> ");
            put_value(w, p, loop, instruction->target);
        }
        put(w, "\n");
    }
}

static void put_step(writer *w, const bg_program *p, const bgi_step *step)
{
    static const char *const providers[] = {
        [BGI_BY_BLAS] = "blas", [BGI_BY_VECTOR] = "blas vector", [BGI_BY_KERNEL] = "kernel", [BGI_BY_PANELS] = "panels"
    };
    switch (step->kind) {
    case BGI_STEP_LOOP:
        put_loop(w, p, &step->as.loop);
        return;
    case BGI_STEP_PRODUCT: {
        const bgi_product *x = &step->as.product;
        put(w, "    product ");
        if (x->batch != 1)
            put(w, "%lld of ", (long long)x->batch);
        put(w, "%lld x %lld x %lld%s%s by %s", (long long)x->m, (long long)x->n, (long long)x->k,
            x->x.columns == 1 ? "" : " Tx", x->w.columns == 1 ? "" : " Tw", providers[x->provider]);
        put_store(w, p, step->defines[0], x->y.where);
        break;
    }
    case BGI_STEP_FOLD: {
        const bgi_folding *f = &step->as.folding;
        put(w, "    fold [%lld, %lld, %lld]", (long long)f->a, (long long)f->k, (long long)f->c);
        put_store(w, p, step->defines[0], f->y);
        break;
    }
    case BGI_STEP_CALL:
        put(w, "    call %s", step->as.calling.node->op->name);
        put_store(w, p, step->defines[0], step->as.calling.y);
        break;
    }
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
        put(&w, "  group %d: %lld units in slices of %lld\n", g, (long long)group->units, (long long)group->chunk);
        for (int i = 0; i < group->n_steps; i++)
            put_step(&w, p, &p->steps[group->first_step + i]);
    }
    bg_report report = bg_program_report(p);
    put(&w, "%d steps, %d phases, %d tasks; arena %zu bytes, scratch %zu bytes a worker, unplanned %zu bytes\n",
        report.steps, report.phases, report.tasks, p->arena_bytes, p->scratch_bytes, p->unplanned_bytes);
    return w.length;
}
