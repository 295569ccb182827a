/* schedule: phases, and the groups of values that go through one together.
 *
 * A phase is a level: level(v) is the largest of level(s) + (does v need more of s than its own piece?) over what v
 * reads. A group is the values of one level that are joined by piecewise reads; its tasks run through all of its steps,
 * slice by slice, without meeting another task. An update overwrites what others read, so it comes no earlier than they
 * do: such an order is found by raising levels to a fixed point. Where there is none (two buffers that are swapped),
 * the new value goes to memory of its own and is copied after everything else. */
#include "compile/compile.h"

#include <assert.h>

enum { MOST_ROUNDS = 12 };

typedef struct {
    bgi_compilation *c;
    int reader;
    int needed; /* level of the reader so far */
    int target; /* leaf that is looked for */
    bool reads_target, reads_across, reads_other_place;
    int64_t units;
    int *parents;
} visit_context;

static int find_root(int *parents, int i)
{
    while (parents[i] != i)
        i = parents[i] = parents[parents[i]];
    return i;
}

static void raise_level(void *context, int source, int64_t units, bool is_same)
{
    (void)is_same;
    visit_context *x = context;
    const bgi_value *s = &x->c->values[source];
    if (!s->is_real)
        return;
    int level = s->level + !bgi_is_aligned(s, &x->c->values[x->reader], units);
    x->needed = x->needed > level ? x->needed : level;
}

static void look_for_target(void *context, int source, int64_t units, bool is_same)
{
    visit_context *x = context;
    if (source != x->target)
        return;
    x->reads_target = true;
    x->reads_other_place |= !is_same;
    x->units = x->units ? bgi_gcd(x->units, units) : units;
}

static visit_context reads_of(bgi_compilation *c, int reader, int target)
{
    visit_context x = { .c = c, .reader = reader, .target = target };
    bgi_each_source(c, c->graph->nodes[reader], look_for_target, &x);
    return x;
}

static bool is_deferred_value(const bgi_compilation *c, int i)
{
    return c->values[i].update >= 0 && c->changes[c->values[i].update].is_deferred;
}

/* Levels to a fixed point under the order of updates; false if there is none. */
static bool find_levels(bgi_compilation *c)
{
    for (int round = 0; round < MOST_ROUNDS * 4; round++) {
        bool is_stable = true;
        int last_level = 0, last_fallible = -1;
        for (int i = 0; i < c->n; i++) {
            bgi_value *v = &c->values[i];
            if (!v->is_real)
                continue;
            visit_context x = { .c = c, .reader = i, .needed = v->least };
            bgi_each_source(c, c->graph->nodes[i], raise_level, &x);
            v->level = x.needed;
            if (!is_deferred_value(c, i) && v->level > last_level)
                last_level = v->level;
            if (bgi_can_fail(c->graph->nodes[i]->op) && v->level > last_fallible)
                last_fallible = v->level;
        }
        for (int k = 0; k < c->n_changes; k++) {
            bgi_value *v = &c->values[c->changes[k].value];
            if (!v->is_real) /* of no elements */
                continue;
            int needed = c->changes[k].is_deferred ? last_level + 1 : last_fallible + 1;
            for (int i = 0; i < c->n && !c->changes[k].is_deferred; i++) {
                if (!c->values[i].is_real || i == c->changes[k].value)
                    continue;
                visit_context x = reads_of(c, i, c->changes[k].target);
                if (!x.reads_target)
                    continue;
                int level = c->values[i].level + !bgi_is_aligned(v, &c->values[i], x.units);
                needed = needed > level ? needed : level;
            }
            if (v->level < needed) {
                v->least = needed;
                is_stable = false;
            }
        }
        if (is_stable)
            return true;
    }
    return false;
}

static void store_if_later(void *context, int source, int64_t units, bool is_same)
{
    (void)units;
    (void)is_same;
    visit_context *x = context;
    if (x->c->values[source].is_real && x->c->values[source].level < x->c->values[x->reader].level)
        x->c->values[source].is_stored = true;
}

static void join(void *context, int source, int64_t units, bool is_same)
{
    (void)units;
    (void)is_same;
    visit_context *x = context;
    const bgi_value *s = &x->c->values[source];
    if (s->is_real && s->level == x->c->values[x->reader].level)
        x->parents[find_root(x->parents, source)] = find_root(x->parents, x->reader);
}

static void narrow(void *context, int source, int64_t units, bool is_same)
{
    (void)is_same;
    visit_context *x = context;
    const bgi_value *s = &x->c->values[source];
    if (s->is_real && s->group == x->c->values[x->reader].group)
        x->units = bgi_gcd(x->units, units);
}

static bg_status form_groups(bgi_compilation *c)
{
    bg_program *p = c->program;
    int *parents = bgi_compile_push(c, (size_t)c->n, sizeof *parents);
    int *group_of = bgi_compile_push(c, (size_t)c->n, sizeof *group_of);
    if (!parents || !group_of)
        return BG_ERR_NOMEM;
    p->n_levels = p->n_groups = 0;
    for (int i = 0; i < c->n; i++) {
        parents[i] = i;
        group_of[i] = -1;
    }
    for (int i = 0; i < c->n; i++) {
        if (!c->values[i].is_real)
            continue;
        visit_context x = { .c = c, .reader = i, .parents = parents };
        bgi_each_source(c, c->graph->nodes[i], store_if_later, &x);
        bgi_each_source(c, c->graph->nodes[i], join, &x);
        if (p->n_levels <= c->values[i].level)
            p->n_levels = c->values[i].level + 1;
    }
    /* Numbered level by level, and within a level by the first of their nodes. */
    for (int level = 0; level < p->n_levels; level++)
        for (int i = 0; i < c->n; i++)
            if (c->values[i].is_real && c->values[i].level == level) {
                int root = find_root(parents, i);
                if (group_of[root] < 0)
                    group_of[root] = p->n_groups++;
                c->values[i].group = group_of[root];
            }
    p->groups = bgi_arena_push(&p->memory, (size_t)(p->n_groups ? p->n_groups : 1) * sizeof *p->groups);
    if (!p->groups)
        return BG_ERR_NOMEM;
    for (int i = 0; i < c->n; i++) {
        const bgi_value *v = &c->values[i];
        if (!v->is_real)
            continue;
        bgi_group *group = &p->groups[v->group];
        group->level = v->level;
        visit_context x = { .c = c, .reader = i, .units = bgi_gcd(group->units, v->units) };
        bgi_each_source(c, c->graph->nodes[i], narrow, &x);
        group->units = x.units;
    }
    return BG_OK;
}

/* Raises the level of every update that would overwrite what a step at its side still reads; false if there is none. */
static bool raise_hazards(bgi_compilation *c, int *worst)
{
    bool has_hazard = false;
    for (int k = 0; k < c->n_changes; k++) {
        int value = c->changes[k].value;
        bgi_value *v = &c->values[value];
        for (int i = 0; i < c->n && v->is_real; i++) {
            const bgi_value *reader = &c->values[i];
            if (!reader->is_real)
                continue;
            visit_context x = reads_of(c, i, c->changes[k].target);
            if (!x.reads_target || reader->level < v->level)
                continue;
            bool is_safe = false;
            if (reader->group == v->group) {
                bool is_aligned = x.units % c->program->groups[v->group].units == 0;
                is_safe = reader->step == v->step ? !x.reads_other_place : is_aligned && reader->step < v->step;
            }
            if (!is_safe) {
                if (!c->changes[k].is_deferred)
                    *worst = k;
                has_hazard = true;
                if (v->least <= reader->level)
                    v->least = reader->level + 1;
            }
        }
    }
    return has_hazard;
}

static bg_status defer(bgi_compilation *c, int change)
{
    assert(!c->changes[change].is_deferred);
    bg_node *copy = bgi_copy(c->graph->nodes[c->changes[change].value]);
    if (!copy)
        return bg_graph_status(c->graph);
    c->changes[change].value = copy->id;
    c->changes[change].is_deferred = true;
    return BG_OK;
}

bg_status bgi_schedule(bgi_compilation *c)
{
    for (int attempt = 0; attempt <= c->n_changes; attempt++) {
        bg_status status = bgi_fuse(c);
        int worst = -1;
        for (int round = 0; round < MOST_ROUNDS && !status; round++) {
            if (!find_levels(c))
                break;
            status = form_groups(c);
            if (!status)
                status = bgi_form_steps(c);
            if (!status && !raise_hazards(c, &worst))
                return BG_OK;
        }
        if (status)
            return status;
        if (worst < 0) { /* levels alone did not settle: defer the first update that is not yet */
            worst = 0;
            while (worst < c->n_changes && c->changes[worst].is_deferred)
                worst++;
            if (worst == c->n_changes)
                break;
        }
        status = defer(c, worst);
        if (status)
            return status;
    }
    return bg_fail(BG_ERR_ARGUMENT, "compile: no order of the updates was found");
}
