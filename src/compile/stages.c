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
        const bgi_access *access = &c->values[input->id].access;
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

static bgi_space natural_space(const bg_node *node)
{
    bgi_space space = { .dtype = bgi_register_dtype(node) };
    bgi_natural_space(node, &space.rows, &space.columns);
    if (space.columns == 1 || space.rows == 1) {
        space.shape = BG_SHAPE(space.rows, space.columns);
        return space;
    }
    bg_shape shape = bgi_node_is(node, BGI_REDUCE) ? node->inputs[0]->shape : node->shape;
    for (int i = 0; i < shape.rank; i++)
        if (shape.dims[i] != 1)
            space.shape.dims[space.shape.rank++] = shape.dims[i];
    return space;
}

typedef struct {
    bgi_compilation *c;
    int reader, stage;
    int loops[64]; /* loops of the stage that hold sources */
    int n_loops;
    bool must_store;
} stage_context;

static void find_stage(void *context, int source, int64_t units, bool is_same)
{
    (void)units;
    (void)is_same;
    stage_context *x = context;
    bgi_value *s = &x->c->values[source], *v = &x->c->values[x->reader];
    if (!s->is_real || s->group != v->group)
        return;
    int stage = s->stage;
    if (!s->is_loop || !v->is_loop || x->must_store) {
        s->is_stored = true;
        stage++;
    }
    x->stage = x->stage > stage ? x->stage : stage;
}

static void find_loops(void *context, int source, int64_t units, bool is_same)
{
    (void)units;
    (void)is_same;
    stage_context *x = context;
    bgi_value *s = &x->c->values[source], *v = &x->c->values[x->reader];
    if (!s->is_real || s->group != v->group)
        return;
    if (s->stage < x->stage) {
        s->is_stored = true;
        return;
    }
    for (int i = 0; i < x->n_loops; i++)
        if (x->loops[i] == s->loop)
            return;
    if (x->n_loops < (int)(sizeof x->loops / sizeof *x->loops))
        x->loops[x->n_loops++] = s->loop;
}

static bg_status place_in_loop(bgi_compilation *c, const bg_node *node, int stage)
{
    bgi_value *v = &c->values[node->id];
    bgi_space space = natural_space(node);
    space.group = v->group;
    space.stage = stage;
    v->stage = stage;
    for (int i = 0; i < c->n_spaces; i++) {
        const bgi_space *other = &c->spaces[i];
        if (other->group == space.group && other->stage == stage && other->rows == space.rows &&
            other->columns == space.columns && fits(c, node, i, other)) {
            v->loop = i;
            return BG_OK;
        }
    }
    assert(fits(c, node, -1, &space));
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
    c->spaces[c->n_spaces] = space;
    v->loop = c->n_spaces++;
    return BG_OK;
}

static bg_status find_place(bgi_compilation *c, const bg_node *node)
{
    bgi_value *v = &c->values[node->id];
    stage_context x = { .c = c, .reader = node->id };
    bgi_each_source(c, node, find_stage, &x);
    if (!v->is_loop) {
        v->stage = x.stage;
        return BG_OK;
    }
    bgi_each_source(c, node, find_loops, &x);
    if (x.n_loops == 1 && fits(c, node, x.loops[0], &c->spaces[x.loops[0]])) {
        v->stage = x.stage;
        v->loop = x.loops[0];
        return BG_OK;
    }
    if (x.n_loops > 0) {
        x.must_store = true;
        bgi_each_source(c, node, find_stage, &x);
    }
    return place_in_loop(c, node, x.stage);
}

static bool updates_something(const bgi_compilation *c, int loop)
{
    for (int i = 0; i < c->n; i++)
        if (c->values[i].is_real && c->values[i].loop == loop && c->values[i].update >= 0)
            return true;
    return false;
}

static bg_status add_step(bgi_compilation *c, bgi_step step)
{
    bg_program *p = c->program;
    bgi_step *s = &p->steps[p->n_steps];
    int n = 0;
    *s = step;
    for (int i = 0; i < c->n; i++)
        n += c->values[i].is_real && (step.loop >= 0 ? c->values[i].loop == step.loop : i == step.defines[0]) &&
             c->values[i].is_stored;
    int *defines = bgi_arena_push(&p->memory, (size_t)(n ? n : 1) * sizeof *defines);
    if (!defines)
        return BG_ERR_NOMEM;
    for (int i = 0; i < c->n; i++) {
        bgi_value *v = &c->values[i];
        if (!v->is_real || (step.loop >= 0 ? v->loop != step.loop : i != step.defines[0]))
            continue;
        v->step = p->n_steps;
        if (v->is_stored)
            defines[s->n_defines++] = i;
    }
    s->defines = defines;
    p->n_steps++;
    return BG_OK;
}

bg_status bgi_form_steps(bgi_compilation *c)
{
    bg_program *p = c->program;
    int n_plain = 0;
    c->n_spaces = 0;
    for (int i = 0; i < c->n; i++)
        c->values[i].loop = c->values[i].step = -1;
    for (int i = 0; i < c->n; i++) {
        if (!c->values[i].is_real)
            continue;
        n_plain += !c->values[i].is_loop;
        bg_status status = find_place(c, c->graph->nodes[i]);
        if (status)
            return status;
    }
    p->n_steps = 0;
    p->steps = bgi_arena_push(&p->memory, (size_t)(n_plain + c->n_spaces + 1) * sizeof *p->steps);
    if (!p->steps)
        return BG_ERR_NOMEM;
    for (int g = 0; g < p->n_groups; g++) {
        bgi_group *group = &p->groups[g];
        int last_stage = 0;
        group->first_step = p->n_steps;
        for (int i = 0; i < c->n; i++)
            if (c->values[i].is_real && c->values[i].group == g && c->values[i].stage > last_stage)
                last_stage = c->values[i].stage;
        for (int stage = 0; stage <= last_stage; stage++) {
            bg_status status = BG_OK;
            for (int i = 0; i < c->n && !status; i++) {
                const bgi_value *v = &c->values[i];
                if (!v->is_real || v->group != g || v->stage != stage || v->is_loop)
                    continue;
                const bg_node *node = c->graph->nodes[i];
                bgi_step step = { .group = g, .stage = stage, .loop = -1, .defines = &i };
                step.kind = !node->op->lowering             ? BGI_STEP_CALL
                            : bgi_node_is(node, BGI_REDUCE) ? BGI_STEP_FOLD
                                                            : BGI_STEP_PRODUCT;
                status = add_step(c, step);
            }
            for (int updates = 0; updates < 2; updates++) /* those that overwrite something come last */
                for (int i = 0; i < c->n_spaces && !status; i++)
                    if (c->spaces[i].group == g && c->spaces[i].stage == stage && updates_something(c, i) == updates)
                        status =
                            add_step(c, (bgi_step){ .kind = BGI_STEP_LOOP, .group = g, .stage = stage, .loop = i });
            if (status)
                return status;
        }
        group->n_steps = p->n_steps - group->first_step;
    }
    return BG_OK;
}
