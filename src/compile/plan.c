/* plan: places of values in memory. */
#include "compile/compile.h"

#include <stdlib.h>
#include <string.h>

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

/* First fit, the largest first: the lowest gap among those placed before that live at the same time. False if the end
 * is no size. */
static bool pack(lifetime *lives, int n, lifetime *placed, size_t *top)
{
    *top = 0;
    if (n > 1)
        qsort(lives, (size_t)n, sizeof *lives, by_bytes);
    int at = 0;
    for (int i = 0; i < n; i++) {
        lifetime life = lives[i];
        size_t end;
        /* One as large as the one before and of the same time finds no place below it either. */
        bool goes_on = i > 0 && life.bytes == lives[i - 1].bytes && life.first == lives[i - 1].first &&
                       life.last == lives[i - 1].last;
        at = goes_on ? at + 1 : 0;
        life.offset = goes_on ? lives[i - 1].offset + lives[i - 1].bytes : 0;
        for (; at < i && (placed[at].offset < life.offset || placed[at].offset - life.offset < life.bytes); at++)
            if (placed[at].first <= life.last && life.first <= placed[at].last &&
                life.offset < placed[at].offset + placed[at].bytes)
                life.offset = placed[at].offset + placed[at].bytes;
        if (__builtin_add_overflow(life.offset, life.bytes, &end))
            return false;
        *top = end > *top ? end : *top;
        lives[i] = life;
        while (at > 0 && placed[at - 1].offset > life.offset)
            at--;
        memmove(&placed[at + 1], &placed[at], (size_t)(i - at) * sizeof *placed);
        placed[at] = life;
    }
    return true;
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

/* What sharing asks of one loop after another. */
typedef struct {
    int *loads;     /* of a node: values of this loop in its memory */
    int *last_read; /* of a value: instruction, or -1 */
    int *next_root; /* of an instruction: it or the next one that fills a whole block of memory */
} loop_uses;

static bool find_uses(bgi_compilation *c, const bgi_loop *loop, loop_uses *uses)
{
    uses->last_read = bgi_compile_push(c, (size_t)loop->n_values, sizeof *uses->last_read);
    uses->next_root = bgi_compile_push(c, (size_t)loop->n_instructions + 1, sizeof *uses->next_root);
    if (!uses->last_read || !uses->next_root)
        return false;
    for (int i = 0; i < loop->n_values; i++) {
        uses->last_read[i] = -1;
        if (loop->values[i].kind == BGI_IS_MEMORY)
            uses->loads[loop->values[i].node]++;
    }
    for (int j = 0; j < loop->n_instructions; j++)
        for (int k = 0; k < 3; k++)
            if (loop->instructions[j].operand[k] >= 0)
                uses->last_read[loop->instructions[j].operand[k]] = j;
    uses->next_root[loop->n_instructions] = loop->n_instructions;
    for (int j = loop->n_instructions; j-- > 0;)
        uses->next_root[j] =
            is_whole_block(loop, &loop->values[loop->instructions[j].target]) ? j : uses->next_root[j + 1];
    return true;
}

/* Whether the value is read for the last time by this step, each element only by the task that computes the step's
 * element there. */
static bool dies_in(const bgi_value *v, int step)
{
    bool is_ours = v->where.place == BGI_AT_LOCAL || v->where.place == BGI_AT_ARENA;
    return v->is_real && is_ours && v->last_step == step && v->step != step && !v->ends_apart;
}

/* In place: what dies in a loop (the product under an activation) lies where a result of the loop will. Of a value that
 * the loop reads a part of, the rest needs its place too. A local place does not outlast its task. */
static bool share_storage(bgi_compilation *c, int index, loop_uses *uses)
{
    const bgi_loop *loop = &c->program->steps[index].as.loop;
    if (!find_uses(c, loop, uses))
        return false;
    for (int i = 0; i < loop->n_values; i++) {
        const bgi_loop_value *load = &loop->values[i];
        if (!is_whole_block(loop, load) || uses->last_read[i] < 0)
            continue;
        bgi_value *v = &c->values[load->node];
        if (!dies_in(v, index) || v->alias >= 0 || uses->loads[load->node] != 1)
            continue;
        for (int j = uses->next_root[uses->last_read[i]]; j < loop->n_instructions; j = uses->next_root[j + 1]) {
            const bgi_loop_value *target = &loop->values[loop->instructions[j].target];
            bgi_value *root = &c->values[target->node];
            bool outlasts = v->where.place == BGI_AT_LOCAL || root->where.place == BGI_AT_ARENA;
            if (target->dtype == load->dtype && root->count == v->count && root->update < 0 && !root->is_shared &&
                outlasts) {
                v->alias = target->node;
                root->is_shared = true;
                break;
            }
        }
    }
    for (int i = 0; i < loop->n_values; i++)
        if (loop->values[i].kind == BGI_IS_MEMORY)
            uses->loads[loop->values[i].node] = 0;
    return true;
}

/* The node in whose storage another lies. */
static int owner_of(bgi_compilation *c, int node)
{
    while (c->values[node].alias >= 0) {
        int next = c->values[c->values[node].alias].alias;
        if (next < 0)
            return c->values[node].alias;
        node = c->values[node].alias = next;
    }
    return node;
}

static void note_uses(bgi_compilation *c, int node)
{
    const bgi_value *v = &c->values[node];
    for (int e = c->first_edge[node]; e < c->first_edge[node + 1]; e++) {
        bgi_value *source = &c->values[c->edges[e].source];
        if (!source->is_real)
            continue;
        bool is_piece = c->edges[e].units % c->program->groups[v->group].units == 0;
        if (v->level > source->last_level) {
            source->last_level = v->level;
            source->last_group = v->group;
            source->ends_apart = false;
        }
        if (v->level == source->last_level)
            source->ends_apart |= v->group != source->last_group || !is_piece;
        if (v->step > source->last_step)
            source->last_step = v->step;
        source->escapes |= v->group != source->group || !is_piece;
    }
}

static bg_status choose_places(bgi_compilation *c)
{
    bg_program *p = c->program;
    for (int i = 0; i < c->n; i++)
        note_uses(c, i);
    for (int i = 0; i < c->n; i++) {
        bgi_value *v = &c->values[i];
        if (v->is_live && !bgi_node_is(c->graph->nodes[i], BGI_VIEW) && !bgi_is_leaf_id(c, i) &&
            __builtin_add_overflow(p->unplanned_bytes, (size_t)bgi_value_bytes(c, i), &p->unplanned_bytes))
            p->unplanned_bytes = SIZE_MAX;
        if (!v->is_real || !v->is_stored)
            continue;
        if (v->update >= 0)
            v->where = c->values[c->changes[v->update].target].where;
        else if (v->output >= 0)
            v->where = (bgi_location){ .place = BGI_AT_OUTPUT, .index = v->output };
        else
            v->where.place = v->escapes ? BGI_AT_ARENA : BGI_AT_LOCAL;
    }
    for (int i = 0; i < c->n; i++)
        if (c->values[i].is_real && c->values[i].is_in_place) {
            c->values[c->graph->nodes[i]->inputs[0]->id].alias = i;
            c->values[i].is_shared = true;
        }
    loop_uses uses = { .loads = bgi_compile_push(c, (size_t)c->n, sizeof *uses.loads) };
    bool is_good = uses.loads != NULL;
    for (int i = 0; i < p->n_steps && is_good; i++)
        is_good = p->steps[i].kind != BGI_STEP_LOOP || share_storage(c, i, &uses);
    return is_good ? BG_OK : BG_ERR_NOMEM;
}

typedef struct {
    lifetime *lives, *placed;
    int n;
} packing;

static bool pack_all(bgi_compilation *c, packing *x, size_t *bytes)
{
    bool fits = pack(x->lives, x->n, x->placed, bytes);
    for (int i = 0; i < x->n; i++)
        c->values[x->lives[i].node].where.offset = x->lives[i].offset;
    return fits;
}

static bool place_in_arena(bgi_compilation *c, packing *x, const int *first_level)
{
    x->n = 0;
    for (int i = 0; i < c->n; i++) {
        const bgi_value *v = &c->values[i];
        if (v->where.place == BGI_AT_ARENA && v->alias < 0)
            x->lives[x->n++] = (lifetime){ .bytes = bgi_aligned((size_t)bgi_value_bytes(c, i)),
                                           .first = first_level[i],
                                           .last = v->last_level > v->level ? v->last_level : v->level,
                                           .node = i };
    }
    return pack_all(c, x, &c->program->arena_bytes);
}

/* A task takes its rows through all steps of its group, and so each task reads all matrices of the group anew. The less
 * of them the caches hold, the more tasks a worker takes side by side, one step after the other: what the first brought
 * is there for the others. What the tasks have of their own must be little beside the matrices. */
static int most_abreast(const bgi_compilation *c, const bgi_group *group)
{
    enum { FOR_EACH = 16 << 20, MOST = 4 }; /* bench/grid.md */
    double bytes = 0;
    for (int i = group->first_step; i < group->first_step + group->n_steps; i++) {
        const bgi_step *step = &c->program->steps[i];
        const bgi_product *p = &step->as.product;
        if (step->kind == BGI_STEP_PRODUCT && bgi_is_row_product(c, step, group->units))
            bytes += (double)p->n * (double)p->k * (double)bg_dtype_size(p->dtype);
    }
    int64_t share = (group->units - 1) / group->chunk / c->engine->threads + 1; /* so that every worker has some */
    int wanted = bytes < (double)MOST * FOR_EACH ? 1 + (int)(bytes / FOR_EACH) : MOST;
    if (wanted == 1 || (double)group->local_bytes * MOST > bytes)
        return 1;
    return share < wanted ? (int)share : wanted;
}

static bool place_in_scratch(bgi_compilation *c, packing *x, bgi_group *group, const int *first_step)
{
    int first = c->first_member[group->first_step], last = c->first_member[group->first_step + group->n_steps];
    size_t bytes;
    x->n = 0;
    for (int k = first; k < last; k++) {
        int i = c->members[k];
        bgi_value *v = &c->values[i];
        if (v->where.place != BGI_AT_LOCAL)
            continue;
        v->where.unit_bytes = (size_t)bgi_value_bytes(c, i) / (size_t)group->units;
        if (v->alias < 0)
            x->lives[x->n++] = (lifetime){ .bytes = bgi_aligned((size_t)group->chunk * v->where.unit_bytes),
                                           .first = first_step[i],
                                           .last = v->last_step > v->step ? v->last_step : v->step,
                                           .node = i };
    }
    bool fits = pack_all(c, x, &bytes);
    group->local_bytes = bytes;
    group->abreast = most_abreast(c, group);
    if (__builtin_mul_overflow(bytes, (size_t)group->abreast, &bytes))
        return false;
    c->program->local_bytes = bytes > c->program->local_bytes ? bytes : c->program->local_bytes;
    return fits;
}

static bg_status place_values(bgi_compilation *c)
{
    bg_status status = choose_places(c);
    if (status)
        return status;
    packing x = { .lives = bgi_compile_push(c, (size_t)c->n, sizeof *x.lives),
                  .placed = bgi_compile_push(c, (size_t)c->n, sizeof *x.placed) };
    int *first_step = bgi_compile_push(c, (size_t)c->n, sizeof *first_step);
    int *first_level = bgi_compile_push(c, (size_t)c->n, sizeof *first_level);
    if (!x.lives || !x.placed || !first_step || !first_level)
        return BG_ERR_NOMEM;
    for (int i = 0; i < c->n; i++) {
        first_step[i] = c->values[i].step;
        first_level[i] = c->values[i].level;
    }
    for (int i = 0; i < c->n; i++) { /* the one whose storage is shared lives from the first of them on */
        int owner = owner_of(c, i);
        if (first_step[owner] > c->values[i].step)
            first_step[owner] = c->values[i].step;
        if (first_level[owner] > c->values[i].level)
            first_level[owner] = c->values[i].level;
    }
    bool fits = place_in_arena(c, &x, first_level);
    for (int g = 0; g < c->program->n_groups && fits; g++)
        fits = place_in_scratch(c, &x, &c->program->groups[g], first_step);
    for (int i = 0; i < c->n; i++)
        c->values[i].where = c->values[owner_of(c, i)].where;
    return fits ? BG_OK : bg_fail(BG_ERR_OVERFLOW, "compile: the bytes of all values together overflow");
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
        for (int k = 0; k < step->as.calling.n_inputs; k++) {
            size_t offset = step->as.calling.inputs[k].offset;
            step->as.calling.inputs[k] = where_is(c, step->as.calling.inputs[k].index);
            step->as.calling.inputs[k].offset += offset;
        }
        return bgi_call_address_bytes(&step->as.calling) + step->as.calling.scratch_bytes;
    }
    return 0;
}

/* Memory whose pages are first touched by who uses them. With asserts, whatever is read before it was written is not a
 * number. */
static unsigned char *allocate_values(const bgi_compilation *c, size_t bytes)
{
    unsigned char *memory = bgi_alloc(c->engine, bytes);
#ifndef NDEBUG
    if (memory)
        memset(memory, 0xFF, bytes);
#endif
    return memory;
}

/* Neighbours of a group are dealt out in rounds of as many for each worker; what is left for the last round is shared
 * evenly. Workers side by side then go through the matrices at the same pace, and share what one of them brought. */
static void bring_tasks_together(bg_program *p)
{
    int threads = p->runs_alone ? 1 : p->engine->threads;
    for (int i = 0, end; i < p->n_tasks; i = end) {
        int most = p->groups[p->tasks[i].group].abreast;
        for (end = i + 1; end < p->n_tasks && p->tasks[end].group == p->tasks[i].group;)
            end++;
        while (i < end) {
            int share = (end - i - 1) / threads + 1, each = share < most ? share : most;
            for (int k = 0; k < threads && i < end; k++, i += each) {
                each = each < end - i ? each : end - i;
                p->tasks[i].abreast = each;
            }
        }
    }
}

bg_status bgi_plan(bgi_compilation *c)
{
    bg_program *p = c->program;
    bg_status status = bgi_list_leaves(c);
    if (!status)
        status = bgi_make_outputs(c);
    if (status)
        return status;
    bgi_slice_groups(c);
    status = place_values(c);
    if (status)
        return status;
    size_t slots = 0;
    for (int i = 0; i < p->n_steps; i++) {
        size_t bytes = bind_step(c, &p->steps[i]);
        slots = bytes > slots ? bytes : slots;
    }
    status = bgi_deal_tasks(c);
    if (status)
        return status;
    bring_tasks_together(p);
    p->local_bytes = bgi_aligned(p->local_bytes);
    if (slots > PTRDIFF_MAX || p->local_bytes > PTRDIFF_MAX)
        return bg_fail(BG_ERR_OVERFLOW, "compile: the bytes of a worker's values overflow");
    p->scratch_bytes = bgi_aligned(p->local_bytes + slots);
    p->arena = allocate_values(c, p->arena_bytes);
    p->scratch = bgi_arena_push(&p->memory, (size_t)c->engine->threads * sizeof *p->scratch);
    if (!p->arena || !p->scratch)
        return BG_ERR_NOMEM;
    for (int t = 0; t < c->engine->threads; t++) {
        p->scratch[t] = allocate_values(c, p->scratch_bytes);
        if (!p->scratch[t])
            return BG_ERR_NOMEM;
    }
    return BG_OK;
}
