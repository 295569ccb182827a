/* plan: places of values in memory, tasks. */
#include "compile/compile.h"

#include <stdlib.h>
#include <string.h>

static const double LEAST_SHARED_FLOPS = 5e5; /* below, waking the workers costs more than they save */

/* ---- Places ---- */

typedef struct {
    size_t bytes, offset;
    int first, last, node;
} lifetime;

static int by_bytes(const void *x, const void *y)
{
    const lifetime *a = x, *b = y;
    return a->bytes != b->bytes ? (a->bytes < b->bytes ? 1 : -1) : (a->node > b->node) - (a->node < b->node);
}

/* First fit, the largest first. Returns the bytes needed. */
static size_t pack(lifetime *lives, int n)
{
    size_t top = 0;
    qsort(lives, (size_t)n, sizeof *lives, by_bytes);
    for (int i = 0; i < n; i++) {
        size_t offset = 0;
        for (int j = 0; j < i; j++) {
            bool meets = lives[j].first <= lives[i].last && lives[i].first <= lives[j].last &&
                         offset < lives[j].offset + lives[j].bytes && lives[j].offset < offset + lives[i].bytes;
            if (meets) {
                offset = lives[j].offset + lives[j].bytes;
                j = -1;
            }
        }
        lives[i].offset = offset;
        top = offset + lives[i].bytes > top ? offset + lives[i].bytes : top;
    }
    return top;
}

static size_t aligned(size_t bytes) { return (bytes + 63) / 64 * 64; }

typedef struct {
    bgi_compilation *c;
    int reader;
} use_context;

static void note_use(void *context, int source, int64_t units, bool is_same)
{
    (void)is_same;
    use_context *x = context;
    bgi_value *s = &x->c->values[source];
    const bgi_value *v = &x->c->values[x->reader];
    if (!s->is_real)
        return;
    if (v->level > s->last_level)
        s->last_level = v->level;
    if (v->step > s->last_step)
        s->last_step = v->step;
    s->escapes |= v->group != s->group || units % x->c->program->groups[s->group].units != 0;
}

/* The loop's one operand that lies in the node's memory; -1 if there is none or more than one. */
static int only_load_of(const bgi_loop *loop, int node)
{
    int found = -1;
    for (int i = 0; i < loop->n_values; i++)
        if (loop->values[i].kind == BGI_IS_MEMORY && loop->values[i].node == node) {
            if (found >= 0)
                return -1;
            found = i;
        }
    return found;
}

static bool is_whole_block(const bgi_loop *loop, const bgi_loop_value *value)
{
    int64_t expected = loop->columns;
    if (!value->is_full || value->kind != BGI_IS_MEMORY || value->offset != 0 ||
        (loop->columns > 1 && value->column != 1))
        return false;
    for (int d = loop->rank - 1; d >= 0; d--) {
        if (loop->outer[d] != 1 && value->outer[d] != expected)
            return false;
        expected *= loop->outer[d];
    }
    return true;
}

/* In place: what dies in a loop (the product under an activation) lies where a result of the loop will. */
static void share_storage(bgi_compilation *c, const bgi_step *step, int index)
{
    const bgi_loop *loop = &step->as.loop;
    for (int i = 0; i < loop->n_values; i++) {
        const bgi_loop_value *load = &loop->values[i];
        if (!is_whole_block(loop, load))
            continue;
        bgi_value *v = &c->values[load->node];
        if (!v->is_real || v->where.place != BGI_AT_LOCAL || v->last_step != index || v->step == index ||
            v->alias >= 0 || only_load_of(loop, load->node) != i)
            continue;
        int last_read = -1;
        for (int j = 0; j < loop->n_instructions; j++)
            for (int k = 0; k < 3; k++)
                if (loop->instructions[j].operand[k] == i)
                    last_read = j;
        for (int j = last_read; j < loop->n_instructions; j++) {
            const bgi_loop_value *target = &loop->values[loop->instructions[j].target];
            if (!is_whole_block(loop, target) || target->dtype != load->dtype)
                continue;
            const bgi_value *root = &c->values[target->node];
            bool is_taken = root->update >= 0;
            for (int k = 0; k < c->n && !is_taken; k++)
                is_taken = c->values[k].alias == target->node;
            if (!is_taken) {
                v->alias = target->node;
                break;
            }
        }
    }
}

static bg_status place_values(bgi_compilation *c)
{
    bg_program *p = c->program;
    for (int i = 0; i < c->n; i++) {
        if (!c->values[i].is_real)
            continue;
        use_context x = { c, i };
        bgi_each_source(c, c->graph->nodes[i], note_use, &x);
    }
    for (int i = 0; i < c->n; i++) {
        bgi_value *v = &c->values[i];
        if (v->is_live && !bgi_node_is(c->graph->nodes[i], BGI_VIEW))
            p->unplanned_bytes +=
                bgi_is_leaf_id(c, i) ? 0 : (size_t)v->count * bg_dtype_size(c->graph->nodes[i]->dtype);
        if (!v->is_real || !v->is_stored)
            continue;
        if (v->update >= 0)
            v->where = c->values[c->changes[v->update].target].where;
        else if (v->output >= 0)
            v->where = (bgi_location){ .place = BGI_AT_OUTPUT, .index = v->output };
        else
            v->where.place = v->escapes ? BGI_AT_ARENA : BGI_AT_LOCAL;
    }
    for (int i = 0; i < p->n_steps; i++)
        if (p->steps[i].kind == BGI_STEP_LOOP)
            share_storage(c, &p->steps[i], i);

    lifetime *lives = bgi_compile_push(c, (size_t)c->n, sizeof *lives);
    int *first_step = bgi_compile_push(c, (size_t)c->n, sizeof *first_step);
    if (!lives || !first_step)
        return BG_ERR_NOMEM;
    for (int i = 0; i < c->n; i++)
        first_step[i] = c->values[i].step;
    for (int i = 0; i < c->n; i++) { /* the one whose storage is shared lives from the first of them on */
        int at = i;
        while (c->values[at].alias >= 0)
            at = c->values[at].alias;
        if (first_step[at] > c->values[i].step)
            first_step[at] = c->values[i].step;
    }

    int n = 0;
    for (int i = 0; i < c->n; i++)
        if (c->values[i].where.place == BGI_AT_ARENA)
            lives[n++] =
                (lifetime){ .bytes = aligned((size_t)c->values[i].count * bg_dtype_size(c->graph->nodes[i]->dtype)),
                            .first = c->values[i].level,
                            .last = c->values[i].last_level > c->values[i].level ? c->values[i].last_level
                                                                                 : c->values[i].level,
                            .node = i };
    p->arena_bytes = pack(lives, n);
    for (int i = 0; i < n; i++)
        c->values[lives[i].node].where.offset = lives[i].offset;

    for (int g = 0; g < p->n_groups; g++) {
        n = 0;
        for (int i = 0; i < c->n; i++) {
            bgi_value *v = &c->values[i];
            if (v->where.place != BGI_AT_LOCAL || v->group != g)
                continue;
            v->where.unit_bytes = (size_t)(v->count / p->groups[g].units) * bg_dtype_size(c->graph->nodes[i]->dtype);
            if (v->alias < 0)
                lives[n++] = (lifetime){ .bytes = aligned((size_t)p->groups[g].chunk * v->where.unit_bytes),
                                         .first = first_step[i],
                                         .last = v->last_step > v->step ? v->last_step : v->step,
                                         .node = i };
        }
        size_t bytes = pack(lives, n);
        p->local_bytes = bytes > p->local_bytes ? bytes : p->local_bytes;
        for (int i = 0; i < n; i++)
            c->values[lives[i].node].where.offset = lives[i].offset;
    }
    for (int i = 0; i < c->n; i++) {
        int at = i;
        while (c->values[at].alias >= 0)
            at = c->values[at].alias;
        c->values[i].where = c->values[at].where;
    }
    return BG_OK;
}

/* ---- Leaves and outputs ---- */

static bg_status list_leaves(bgi_compilation *c)
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
    for (int i = 0; i < c->n; i++) {
        const bg_node *node = c->graph->nodes[i];
        if (!bgi_is_leaf_id(c, i) || !c->values[i].is_live)
            continue;
        c->values[i].where = (bgi_location){ .place = BGI_AT_LEAF, .index = p->n_leaves };
        bgi_leaf *leaf = &p->leaves[p->n_leaves++];
        *leaf = (bgi_leaf){ .node = node,
                            .origin = node->origin,
                            .kind = bgi_node_kind(node),
                            .bytes = (size_t)c->values[i].count * bg_dtype_size(node->dtype) };
        double value;
        if (leaf->kind == BGI_SCALAR && bgi_node_is_constant(node, &value)) {
            leaf->data = bgi_arena_push(&p->memory, sizeof value);
            if (!leaf->data)
                return BG_ERR_NOMEM;
            float single = (float)value;
            if (node->dtype == BG_F64)
                memcpy(leaf->data, &value, sizeof value);
            else
                memcpy(leaf->data, &single, sizeof single);
        } else if (leaf->kind != BGI_INPUT) {
            leaf->tensor = node->tensor;
            bgi_tensor_retain(leaf->tensor);
            if (!bg_tensor_is_contiguous(leaf->tensor)) {
                leaf->staged = bgi_alloc(c->engine, leaf->bytes);
                if (!leaf->staged)
                    return BG_ERR_NOMEM;
            }
        }
    }
    for (int i = 0; i < c->n_changes; i++)
        p->leaves[c->values[c->changes[i].target].where.index].is_updated = true;
    p->outputs = bgi_arena_push(&p->memory, (size_t)(c->n_outputs ? c->n_outputs : 1) * sizeof(bg_tensor *));
    if (!p->outputs)
        return BG_ERR_NOMEM;
    for (; p->n_output_tensors < c->n_outputs; p->n_output_tensors++) {
        const bg_node *node = c->graph->nodes[c->outputs[p->n_output_tensors]];
        bg_status status = bg_tensor_create(&p->outputs[p->n_output_tensors], c->engine, node->dtype, node->shape);
        if (status)
            return status;
    }
    return BG_OK;
}

/* ---- Binding steps to places ---- */

static bgi_location where_is(const bgi_compilation *c, int node)
{
    const bg_program *p = c->program;
    bgi_location where = c->values[node].where;
    if (where.place == BGI_AT_LEAF)
        where.base = &p->leaves[where.index].data;
    else if (where.place == BGI_AT_OUTPUT)
        where.base = &p->outputs[where.index]->storage->data;
    else
        where.base = &p->arena;
    return where;
}

static size_t bind_product(const bgi_compilation *c, bgi_step *step)
{
    bgi_product *p = &step->as.product;
    p->x.where = where_is(c, p->x.where.index);
    p->w.where = where_is(c, p->w.where.index);
    p->y.where = where_is(c, p->y.where.index);
    int64_t units = c->program->groups[step->group].units;
    p->unit_size = p->splits_columns ? p->n / units : p->batch * p->m / units;
    return bgi_choose_provider(p, &c->program->groups[step->group], c->engine);
}

static size_t bind_step(const bgi_compilation *c, bgi_step *step)
{
    int64_t units = c->program->groups[step->group].units;
    switch (step->kind) {
    case BGI_STEP_LOOP:
        for (int i = 0; i < step->as.loop.n_values; i++)
            if (step->as.loop.values[i].kind == BGI_IS_MEMORY)
                step->as.loop.values[i].where = where_is(c, step->as.loop.values[i].node);
        step->as.loop.unit_rows = step->as.loop.rows / units;
        /* Behind the slots, the addresses of the loop's values, for loops of many. */
        return (size_t)step->as.loop.n_slots * step->as.loop.slot_bytes +
               2 * (size_t)step->as.loop.n_values * sizeof(void *);
    case BGI_STEP_PRODUCT:
        return bind_product(c, step);
    case BGI_STEP_FOLD:
        step->as.folding.x = where_is(c, step->as.folding.x.index);
        step->as.folding.y = where_is(c, step->as.folding.y.index);
        step->as.folding.unit_size = (step->as.folding.a == 1 ? step->as.folding.c : step->as.folding.a) / units;
        return 0;
    case BGI_STEP_CALL:
        step->as.calling.y = where_is(c, step->as.calling.y.index);
        step->as.calling.unit_size = step->as.calling.units / units;
        for (int k = 0; k < step->as.calling.n_inputs; k++)
            step->as.calling.inputs[k] = where_is(c, step->as.calling.inputs[k].index);
        return bgi_call_address_bytes(&step->as.calling) + step->as.calling.scratch_bytes;
    }
    return 0;
}

/* ---- Tasks ---- */

static int by_flops(const void *x, const void *y)
{
    const bgi_task *a = x, *b = y;
    if (a->flops != b->flops)
        return a->flops < b->flops ? 1 : -1;
    if (a->group != b->group)
        return a->group < b->group ? -1 : 1;
    return (a->first > b->first) - (a->first < b->first);
}

static bg_status deal_tasks(bgi_compilation *c)
{
    bg_program *p = c->program;
    int64_t n = 0;
    for (int g = 0; g < p->n_groups; g++)
        n += (p->groups[g].units + p->groups[g].chunk - 1) / p->groups[g].chunk;
    p->tasks = bgi_arena_push(&p->memory, (size_t)(n ? n : 1) * sizeof *p->tasks);
    p->level_tasks = bgi_arena_push(&p->memory, (size_t)(p->n_levels + 1) * sizeof *p->level_tasks);
    p->counters = bgi_arena_push(&p->memory, (size_t)(p->n_levels + 1) * sizeof *p->counters);
    if (!p->tasks || !p->level_tasks || !p->counters)
        return BG_ERR_NOMEM;
    double flops = 0;
    bool is_shared = false;
    for (int level = 0; level < p->n_levels; level++) {
        p->level_tasks[level] = p->n_tasks;
        for (int g = 0; g < p->n_groups; g++) {
            const bgi_group *group = &p->groups[g];
            if (group->level != level)
                continue;
            flops += group->flops;
            for (int64_t first = 0; first < group->units; first += group->chunk) {
                int64_t last = first + group->chunk < group->units ? first + group->chunk : group->units;
                p->tasks[p->n_tasks++] =
                    (bgi_task){ .group = g,
                                .first = first,
                                .last = last,
                                .flops = group->flops * (double)(last - first) / (double)group->units };
            }
        }
        /* The longest first, so that the short ones fill the gaps at the end. */
        int count = p->n_tasks - p->level_tasks[level];
        qsort(p->tasks + p->level_tasks[level], (size_t)count, sizeof *p->tasks, by_flops);
        is_shared |= count > 1;
    }
    p->level_tasks[p->n_levels] = p->n_tasks;
    p->runs_alone = !is_shared || flops < LEAST_SHARED_FLOPS;
    return BG_OK;
}

bg_status bgi_plan(bgi_compilation *c)
{
    bg_program *p = c->program;
    bg_status status = list_leaves(c);
    if (status)
        return status;
    for (int g = 0; g < p->n_groups; g++)
        bgi_slice_group(c, &p->groups[g]);
    status = place_values(c);
    if (status)
        return status;
    size_t slots = 0;
    for (int i = 0; i < p->n_steps; i++) {
        size_t bytes = bind_step(c, &p->steps[i]);
        slots = bytes > slots ? bytes : slots;
    }
    status = deal_tasks(c);
    if (status)
        return status;
    p->local_bytes = aligned(p->local_bytes);
    p->scratch_bytes = aligned(p->local_bytes + slots);
    p->arena = bgi_alloc_zero(c->engine, p->arena_bytes);
    p->scratch = bgi_arena_push(&p->memory, (size_t)c->engine->threads * sizeof *p->scratch);
    if (!p->arena || !p->scratch)
        return BG_ERR_NOMEM;
    for (int t = 0; t < c->engine->threads; t++) {
        p->scratch[t] = bgi_alloc_zero(c->engine, p->scratch_bytes);
        if (!p->scratch[t])
            return BG_ERR_NOMEM;
    }
    return BG_OK;
}
