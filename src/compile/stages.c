/* Within a group: the order of its steps, and which values share a loop.
 *
 * The stage goes up behind a product, a column sum or a call, and where a value does not fit the loop that computes its
 * operands. All values of one group, stage and space form one loop. */
#include "compile/compile.h"

#include <assert.h>

bg_dtype bgi_register_dtype(const bg_node *node)
{
    if (node->dtype == BG_F32 || node->dtype == BG_F64)
        return node->dtype;
    for (int k = 0; k < node->n_inputs; k++)
        if (node->inputs[k]->dtype == BG_F64)
            return BG_F64;
    return BG_F32;
}

/* Can a loop over the space compute the node's value, given what lies in memory and what the loop computes already? */
static bool operands_fit(const bgi_compilation *c, const bg_node *node, int loop, const bgi_space *space, bool is_full)
{
    for (int k = 0; k < node->n_inputs; k++) {
        const bg_node *input = node->inputs[k];
        const bgi_access *access = &c->accesses[input->id];
        const bgi_value *source = &c->values[access->base];
        const bg_node *base = c->graph->nodes[access->base];
        bool is_here = loop >= 0 && source->is_real && source->loop == loop;
        double constant;
        if (bgi_node_is_constant(input, &constant))
            continue;
        if (!is_here && !source->is_virtual) {
            int64_t strides[BG_MAX_RANK];
            if (!bgi_operand_strides(input, &access->view, space, is_full, strides))
                return false;
            continue;
        }
        if (is_here && bgi_node_is(base, BGI_REDUCE) && space->columns > BGI_LONGEST_ROW)
            return false; /* known only at the end of a row */
        bool is_broadcast = is_full && !access->is_flat &&
                            bgi_is_column_broadcast(input, access, source->count, space->rows, space->columns);
        if (!access->is_flat && !is_broadcast)
            return false;
        if (source->is_virtual && !operands_fit(c, base, loop, space, is_full && !is_broadcast))
            return false;
    }
    return true;
}

static bool fits(const bgi_compilation *c, const bg_node *node, int loop, const bgi_space *space)
{
    const bgi_value *v = &c->values[node->id];
    if (bgi_register_dtype(node) != space->dtype)
        return false;
    if (bgi_node_is(node, BGI_REDUCE))
        return node->inputs[0]->shape.dims[0] == space->rows && node->inputs[0]->shape.dims[1] == space->columns &&
               operands_fit(c, node, loop, space, true);
    bool is_full = v->count == space->rows * space->columns;
    return (is_full || v->count == space->rows) && operands_fit(c, node, loop, space, is_full);
}

static bgi_space natural_space(const bgi_compilation *c, const bg_node *node)
{
    bgi_space space = { .dtype = bgi_register_dtype(node) };
    bgi_natural_space(node, &space.rows, &space.columns);
    if (space.columns == 1 || space.rows == 1) {
        space.shape = BG_SHAPE(space.rows, space.columns);
        return space;
    }
    space.shape = bgi_natural_shape(c, node);
    return space;
}

/* The first stage at which the value can be computed. What it reads from an earlier one is stored; is_apart: all that
 * it reads. */
static int find_stage(bgi_compilation *c, int node, bool is_apart)
{
    const bgi_value *v = &c->values[node];
    int stage = 0;
    for (int e = c->first_edge[node]; e < c->first_edge[node + 1]; e++) {
        bgi_value *source = &c->values[c->edges[e].source];
        if (!source->is_real || source->group != v->group)
            continue;
        bool is_behind = is_apart || !source->is_loop || !v->is_loop;
        source->is_stored |= is_behind;
        if (stage < source->stage + is_behind)
            stage = source->stage + is_behind;
    }
    return stage;
}

enum { NO_LOOP = -1, MANY_LOOPS = -2 };

/* The one loop of the stage that computes something that the node reads. */
static int find_loop(bgi_compilation *c, int node, int stage)
{
    int loop = NO_LOOP;
    for (int e = c->first_edge[node]; e < c->first_edge[node + 1]; e++) {
        bgi_value *source = &c->values[c->edges[e].source];
        if (!source->is_real || source->group != c->values[node].group)
            continue;
        if (source->stage < stage)
            source->is_stored = true;
        else
            loop = loop == NO_LOOP || loop == source->loop ? source->loop : MANY_LOOPS;
    }
    return loop;
}

static uint64_t mix(uint64_t hash, int64_t value)
{
    hash = (hash ^ (uint64_t)value) * UINT64_C(0x9E3779B97F4A7C15);
    return hash ^ (hash >> 32);
}

static int bucket_of(const bgi_compilation *c, const bgi_space *space)
{
    uint64_t hash = mix(mix(mix(mix(0, space->group), space->stage), space->rows), space->columns);
    return (int)(hash % (uint64_t)c->n_buckets);
}

static bg_status add_space(bgi_compilation *c, bgi_space space, int bucket)
{
    if (c->n_spaces == c->space_capacity) {
        int capacity = c->space_capacity ? 2 * c->space_capacity : 32;
        bgi_space *spaces = bgi_compile_push(c, (size_t)capacity, sizeof *spaces);
        if (!spaces)
            return BG_ERR_NOMEM;
        for (int i = 0; i < c->n_spaces; i++)
            spaces[i] = c->spaces[i];
        c->spaces = spaces;
        c->space_capacity = capacity;
    }
    if (c->first_space[bucket] < 0)
        c->first_space[bucket] = c->n_spaces;
    else
        c->spaces[c->last_space[bucket]].next = c->n_spaces;
    c->last_space[bucket] = c->n_spaces;
    c->spaces[c->n_spaces++] = space;
    return BG_OK;
}

static bg_status place_in_loop(bgi_compilation *c, const bg_node *node, int stage)
{
    bgi_value *v = &c->values[node->id];
    bgi_space space = natural_space(c, node);
    space.group = v->group;
    space.stage = v->stage = stage;
    space.next = -1;
    int bucket = bucket_of(c, &space);
    for (int i = c->first_space[bucket]; i >= 0; i = c->spaces[i].next) {
        const bgi_space *other = &c->spaces[i];
        if (other->group == space.group && other->stage == stage && other->rows == space.rows &&
            other->columns == space.columns && fits(c, node, i, other)) {
            v->loop = i;
            return BG_OK;
        }
    }
    assert(fits(c, node, -1, &space));
    v->loop = c->n_spaces;
    return add_space(c, space, bucket);
}

static bg_status find_place(bgi_compilation *c, const bg_node *node)
{
    bgi_value *v = &c->values[node->id];
    v->stage = find_stage(c, node->id, false);
    if (!v->is_loop)
        return BG_OK;
    int loop = find_loop(c, node->id, v->stage);
    if (loop >= 0 && fits(c, node, loop, &c->spaces[loop])) {
        v->loop = loop;
        return BG_OK;
    }
    return place_in_loop(c, node, loop == NO_LOOP ? v->stage : find_stage(c, node->id, true));
}

static bg_status find_places(bgi_compilation *c)
{
    c->n_spaces = 0;
    c->n_buckets = c->n + 1;
    c->first_space = bgi_arena_push(&c->round, (size_t)c->n_buckets * sizeof *c->first_space);
    c->last_space = bgi_arena_push(&c->round, (size_t)c->n_buckets * sizeof *c->last_space);
    if (!c->first_space || !c->last_space)
        return BG_ERR_NOMEM;
    for (int i = 0; i < c->n_buckets; i++)
        c->first_space[i] = -1;
    for (int i = 0; i < c->n; i++)
        c->values[i].loop = c->values[i].step = -1;
    bg_status status = BG_OK;
    for (int i = 0; i < c->n && !status; i++)
        if (c->values[i].is_real)
            status = find_place(c, c->graph->nodes[i]);
    return status;
}

/* ---- Steps ---- */

static bgi_step_kind kind_of(const bg_node *node)
{
    return !node->op->lowering ? BGI_STEP_CALL : bgi_node_is(node, BGI_REDUCE) ? BGI_STEP_FOLD : BGI_STEP_PRODUCT;
}

/* All steps, in the order that they have within one stage of a group: the loops that overwrite something come last. */
static bool list_steps(bgi_compilation *c, bgi_step_plan *steps)
{
    bool *updates = bgi_arena_push(&c->round, (size_t)c->n_spaces * sizeof *updates);
    int n = 0;
    if (!updates)
        return false;
    for (int i = 0; i < c->n; i++) {
        const bgi_value *v = &c->values[i];
        if (v->is_real && v->is_loop)
            updates[v->loop] |= v->update >= 0;
        else if (v->is_real)
            steps[n++] = (bgi_step_plan){ kind_of(c->graph->nodes[i]), v->group, v->stage, .node = i, .loop = -1 };
    }
    for (int is_last = 0; is_last < 2; is_last++)
        for (int i = 0; i < c->n_spaces; i++)
            if (updates[i] == is_last)
                steps[n++] =
                    (bgi_step_plan){ BGI_STEP_LOOP, c->spaces[i].group, c->spaces[i].stage, .node = -1, .loop = i };
    return true;
}

/* Sorts the listed steps by group and stage. */
static bool sort_steps(bgi_compilation *c, const bgi_step_plan *listed, int n)
{
    int *keys = bgi_arena_push(&c->round, (size_t)n * sizeof *keys);
    int *by_stage, *by_group, *first, n_stages = 0;
    c->step_plans = bgi_arena_push(&c->round, (size_t)n * sizeof *c->step_plans);
    if (!keys || !c->step_plans)
        return false;
    for (int i = 0; i < n; i++) {
        keys[i] = listed[i].stage;
        n_stages = n_stages > keys[i] ? n_stages : keys[i] + 1;
    }
    if (!bgi_order(&c->round, keys, n, n_stages, &by_stage, &first))
        return false;
    for (int i = 0; i < n; i++)
        keys[i] = listed[by_stage[i]].group;
    if (!bgi_order(&c->round, keys, n, c->program->n_groups, &by_group, &first))
        return false;
    for (int i = 0; i < n; i++)
        c->step_plans[i] = listed[by_stage[by_group[i]]];
    return true;
}

/* Tells groups and values their steps. */
static bool number_steps(bgi_compilation *c, int n)
{
    int *step_of_loop = bgi_arena_push(&c->round, (size_t)c->n_spaces * sizeof *step_of_loop);
    int *steps = bgi_arena_push(&c->round, (size_t)c->n * sizeof *steps);
    if (!step_of_loop || !steps)
        return false;
    for (int i = 0; i < n; i++) {
        const bgi_step_plan *step = &c->step_plans[i];
        bgi_group *group = &c->program->groups[step->group];
        if (group->n_steps++ == 0)
            group->first_step = i;
        *(step->loop >= 0 ? &step_of_loop[step->loop] : &c->values[step->node].step) = i;
    }
    for (int i = 0; i < c->n; i++) {
        bgi_value *v = &c->values[i];
        if (v->is_real && v->is_loop)
            v->step = step_of_loop[v->loop];
        steps[i] = v->is_real ? v->step : -1;
    }
    return bgi_order(&c->round, steps, c->n, n, &c->members, &c->first_member);
}

bg_status bgi_form_steps(bgi_compilation *c)
{
    bg_status status = find_places(c);
    if (status)
        return status;
    int n = c->n_spaces;
    for (int i = 0; i < c->n; i++)
        n += c->values[i].is_real && !c->values[i].is_loop;
    bgi_step_plan *listed = bgi_arena_push(&c->round, (size_t)n * sizeof *listed);
    c->program->n_steps = n;
    return listed && list_steps(c, listed) && sort_steps(c, listed, n) && number_steps(c, n) ? BG_OK : BG_ERR_NOMEM;
}
