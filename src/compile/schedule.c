/* schedule: phases, and the groups of values that go through one together.
 *
 * A phase is a level: level(v) is the largest of level(s) + (does v need more of s than its own piece?) over what v
 * reads. A group is the values of one level that are joined by piecewise reads; its tasks run through all of its steps,
 * slice by slice, without meeting another task. An update overwrites what others read, so it comes no earlier than they
 * do: such an order is found by raising levels to a fixed point. Where there is none (two buffers that are swapped),
 * the new value goes to memory of its own and is copied after everything else. */
#include "compile/compile.h"

#include <string.h>

enum { MOST_ROUNDS = 12, MOST_SWEEPS = 48 };

/* A step that reads what an update overwrites. */
typedef struct {
    int reader;
    bool is_same;
    int64_t units;
} reading;

typedef struct {
    bgi_compilation *c;
    /* Of the target of change k: first[k] up to last[k]. */
    int *first, *last;
    reading *readings;
    bool *offends; /* of a change: raised in the last sweep or search for hazards */
    bool *is_chosen;
    int *stack, *seen, n_searches;
} search;

static bg_status start_search(search *s, bgi_compilation *c)
{
    *s = (search){ .c = c };
    int *change_of = bgi_compile_push(c, (size_t)c->n, sizeof *change_of); /* 1 + change of the target */
    s->first = bgi_compile_push(c, (size_t)c->n_changes + 1, sizeof *s->first);
    s->last = bgi_compile_push(c, (size_t)c->n_changes, sizeof *s->last);
    s->readings = bgi_compile_push(c, (size_t)c->n_edges, sizeof *s->readings);
    s->offends = bgi_compile_push(c, (size_t)c->n_changes, sizeof *s->offends);
    s->is_chosen = bgi_compile_push(c, (size_t)c->n_changes, sizeof *s->is_chosen);
    s->stack = bgi_compile_push(c, (size_t)c->n, sizeof *s->stack);
    s->seen = bgi_compile_push(c, (size_t)c->n, sizeof *s->seen);
    if (!change_of || !s->first || !s->last || !s->readings || !s->offends || !s->is_chosen || !s->stack || !s->seen)
        return BG_ERR_NOMEM;
    for (int k = 0; k < c->n_changes; k++)
        change_of[c->changes[k].target] = k + 1;
    for (int e = 0; e < c->n_edges; e++)
        if (change_of[c->edges[e].source])
            s->first[change_of[c->edges[e].source]]++;
    for (int k = 0; k < c->n_changes; k++) {
        s->last[k] = s->first[k];
        s->first[k + 1] += s->first[k];
    }
    for (int i = 0; i < c->n; i++)
        for (int e = c->first_edge[i]; e < c->first_edge[i + 1]; e++) {
            const bgi_edge *edge = &c->edges[e];
            int k = change_of[edge->source] - 1;
            if (k < 0)
                continue;
            reading *r = s->last[k] > s->first[k] ? &s->readings[s->last[k] - 1] : NULL;
            if (r && r->reader == i) {
                r->is_same = r->is_same && edge->is_same;
                r->units = bgi_gcd(r->units, edge->units);
            } else {
                s->readings[s->last[k]++] = (reading){ i, edge->is_same, edge->units };
            }
        }
    return BG_OK;
}

static int find_root(int *parents, int i)
{
    while (parents[i] != i)
        i = parents[i] = parents[parents[i]];
    return i;
}

static bool is_deferred_value(const bgi_compilation *c, int i)
{
    return c->values[i].update >= 0 && c->changes[c->values[i].update].is_deferred;
}

/* Levels from the nodes' least ones on. */
static void sweep_levels(bgi_compilation *c, int *last_level, int *last_fallible)
{
    *last_level = 0;
    *last_fallible = -1;
    for (int i = 0; i < c->n; i++) {
        bgi_value *v = &c->values[i];
        if (!v->is_real)
            continue;
        v->level = v->least;
        for (int e = c->first_edge[i]; e < c->first_edge[i + 1]; e++) {
            const bgi_value *source = &c->values[c->edges[e].source];
            if (!source->is_real)
                continue;
            int level = source->level + !bgi_is_aligned(source, v, c->edges[e].units);
            v->level = v->level > level ? v->level : level;
        }
        if (!is_deferred_value(c, i) && v->level > *last_level)
            *last_level = v->level;
        if (bgi_can_fail(c->graph->nodes[i]->op) && v->level > *last_fallible)
            *last_fallible = v->level;
    }
}

/* Levels to a fixed point under the order of updates; false if there is none. */
static bool find_levels(search *s)
{
    bgi_compilation *c = s->c;
    for (int sweep = 0; sweep < MOST_SWEEPS; sweep++) {
        bool is_stable = true;
        int last_level, last_fallible;
        sweep_levels(c, &last_level, &last_fallible);
        for (int k = 0; k < c->n_changes; k++) {
            bgi_value *v = &c->values[c->changes[k].value];
            s->offends[k] = false;
            if (!v->is_real) /* of no elements */
                continue;
            int needed = c->changes[k].is_deferred ? last_level + 1 : last_fallible + 1;
            for (int r = s->first[k]; r < s->last[k] && !c->changes[k].is_deferred; r++) {
                const bgi_value *reader = &c->values[s->readings[r].reader];
                if (reader == v)
                    continue;
                int level = reader->level + !bgi_is_aligned(v, reader, s->readings[r].units);
                needed = needed > level ? needed : level;
            }
            if (v->level < needed) {
                v->least = needed;
                s->offends[k] = true;
                is_stable = false;
            }
        }
        if (is_stable)
            return true;
    }
    return false;
}

/* ---- Large values of small ones ---- */

/* The latest level at which the value can be computed: with those that read it. */
static void find_latest(const bgi_compilation *c, int *latest)
{
    for (int i = 0; i < c->n; i++)
        latest[i] = INT32_MAX;
    for (int i = 0; i < c->n; i++)
        for (int e = c->first_edge[i]; e < c->first_edge[i + 1]; e++) {
            const bgi_value *source = &c->values[c->edges[e].source];
            int level =
                c->values[i].level - (source->is_real && !bgi_is_aligned(source, &c->values[i], c->edges[e].units));
            if (latest[c->edges[e].source] > level)
                latest[c->edges[e].source] = level;
        }
}

/* Whether the bytes of what the value is made of, kept until the later level, are fewer than its own. */
static bool is_smaller_later(const bgi_compilation *c, int node, int level, const int *last_read)
{
    int64_t bytes = bgi_value_bytes(c, node);
    for (int e = c->first_edge[node]; e < c->first_edge[node + 1] && bytes > 0; e++) {
        int source = c->edges[e].source;
        if (c->values[source].is_real && last_read[source] < level)
            bytes -= bgi_value_bytes(c, source);
    }
    return bytes > 0;
}

/* A product that is only read phases later, such as the first term of the gradient of a tied parameter, is computed
 * there, where it joins its reader and need not lie in memory as a whole. What reads something that is overwritten
 * stays where it is. */
static bg_status delay_products(bgi_compilation *c)
{
    bgi_arena_release(&c->round);
    int *latest = bgi_arena_push(&c->round, (size_t)c->n * sizeof *latest);
    int *last_read = bgi_arena_push(&c->round, (size_t)c->n * sizeof *last_read);
    bool *is_target = bgi_arena_push(&c->round, (size_t)c->n * sizeof *is_target);
    if (!latest || !last_read || !is_target)
        return BG_ERR_NOMEM;
    find_latest(c, latest);
    for (int k = 0; k < c->n_changes; k++)
        is_target[c->changes[k].target] = true;
    for (int i = 0; i < c->n; i++)
        for (int e = c->first_edge[i]; e < c->first_edge[i + 1]; e++)
            if (last_read[c->edges[e].source] < c->values[i].level)
                last_read[c->edges[e].source] = c->values[i].level;
    for (int i = 0; i < c->n; i++) {
        bgi_value *v = &c->values[i];
        bool reads_target = false;
        if (!v->is_real || !bgi_node_is(c->graph->nodes[i], BGI_PRODUCT) || v->output >= 0 || v->update >= 0 ||
            latest[i] == INT32_MAX || latest[i] <= v->level)
            continue;
        for (int e = c->first_edge[i]; e < c->first_edge[i + 1]; e++)
            reads_target |= is_target[c->edges[e].source];
        if (!reads_target && is_smaller_later(c, i, latest[i], last_read))
            v->least = latest[i];
    }
    return BG_OK;
}

/* Joins the values of one level that read each other. Edges align two by two, which says little of many values
 * together: one that would leave too few units to its whole group is cut, and its reader goes to a later level. */
static bg_status join_groups(bgi_compilation *c, int *parents, bool may_cut, bool *has_cut)
{
    int64_t *units = bgi_arena_push(&c->round, (size_t)c->n * sizeof *units);
    int64_t *most = bgi_arena_push(&c->round, (size_t)c->n * sizeof *most);
    if (!units || !most)
        return BG_ERR_NOMEM;
    *has_cut = false;
    for (int i = 0; i < c->n; i++) {
        bgi_value *v = &c->values[i];
        parents[i] = i;
        units[i] = most[i] = v->units;
        for (int e = c->first_edge[i]; e < c->first_edge[i + 1]; e++) {
            bgi_edge *edge = &c->edges[e];
            bgi_value *source = &c->values[edge->source];
            if (!source->is_real)
                continue;
            if (source->level < v->level) {
                source->is_stored = true;
                continue;
            }
            int from = find_root(parents, edge->source), to = find_root(parents, i);
            int64_t common = bgi_gcd(bgi_gcd(units[from], units[to]), edge->units);
            int64_t wanted = most[from] > most[to] ? most[from] : most[to];
            if (may_cut && common < (wanted < BGI_MIN_UNITS ? wanted : BGI_MIN_UNITS)) {
                edge->units = 1;
                *has_cut = true;
                continue;
            }
            parents[from] = to;
            units[to] = common;
            most[to] = wanted;
        }
    }
    for (int i = 0; i < c->n; i++)
        c->values[i].group_units = units[find_root(parents, i)];
    return BG_OK;
}

/* Groups are numbered level by level, and within a level by the first of their nodes. */
static bg_status number_groups(bgi_compilation *c, int *parents)
{
    bg_program *p = c->program;
    int *levels = bgi_arena_push(&c->round, (size_t)c->n * sizeof *levels);
    int *group_of = bgi_arena_push(&c->round, (size_t)c->n * sizeof *group_of); /* 1 + group of the root */
    int *order, *first, n_real = 0;
    if (!levels || !group_of)
        return BG_ERR_NOMEM;
    p->n_levels = p->n_groups = 0;
    for (int i = 0; i < c->n; i++) {
        const bgi_value *v = &c->values[i];
        levels[i] = v->is_real ? v->level : -1;
        n_real += v->is_real;
        if (p->n_levels <= levels[i])
            p->n_levels = levels[i] + 1;
    }
    p->groups = bgi_arena_push(&c->round, (size_t)n_real * sizeof *p->groups);
    if (!p->groups || !bgi_order(&c->round, levels, c->n, p->n_levels, &order, &first))
        return BG_ERR_NOMEM;
    for (int k = 0; k < n_real; k++) {
        bgi_value *v = &c->values[order[k]];
        int *group = &group_of[find_root(parents, order[k])];
        if (*group == 0) {
            p->groups[p->n_groups] = (bgi_group){ .level = v->level, .units = v->group_units };
            *group = ++p->n_groups;
        }
        v->group = *group - 1;
    }
    return BG_OK;
}

static bg_status form_groups(bgi_compilation *c, bool may_cut, bool *has_cut)
{
    bgi_arena_release(&c->round);
    int *parents = bgi_arena_push(&c->round, (size_t)c->n * sizeof *parents);
    bg_status status = parents ? join_groups(c, parents, may_cut, has_cut) : BG_ERR_NOMEM;
    return status || *has_cut ? status : number_groups(c, parents);
}

static bool is_safe(const bgi_compilation *c, const bgi_value *v, const reading *r)
{
    const bgi_value *reader = &c->values[r->reader];
    if (reader->level < v->level)
        return true;
    if (reader->group != v->group)
        return false;
    return reader->step == v->step ? r->is_same
                                   : reader->step < v->step && r->units % c->program->groups[v->group].units == 0;
}

/* Raises the level of every update that would overwrite what a step at its side still reads; false if there is none. */
static bool raise_hazards(search *s)
{
    bgi_compilation *c = s->c;
    bool has_hazard = false;
    for (int k = 0; k < c->n_changes; k++) {
        bgi_value *v = &c->values[c->changes[k].value];
        s->offends[k] = false;
        for (int r = s->first[k]; r < s->last[k] && v->is_real; r++) {
            if (is_safe(c, v, &s->readings[r]))
                continue;
            int level = c->values[s->readings[r].reader].level;
            s->offends[k] = !c->changes[k].is_deferred;
            has_hazard = true;
            if (v->least <= level)
                v->least = level + 1;
        }
    }
    return has_hazard;
}

/* ---- Updates without an order ---- */

static void push(search *s, int *n, int node)
{
    if (s->seen[node] != s->n_searches) {
        s->seen[node] = s->n_searches;
        s->stack[(*n)++] = node;
    }
}

/* Whether an update has to wait for itself: for what its value is made of, and for the readers of what it overwrites.
 */
static bool waits_for_itself(search *s, int change)
{
    const bgi_compilation *c = s->c;
    int start = c->changes[change].value, n = 0;
    s->n_searches++;
    s->stack[n++] = start;
    while (n > 0) {
        int i = s->stack[--n], k = c->values[i].update;
        for (int e = c->first_edge[i]; e < c->first_edge[i + 1]; e++) {
            int source = c->edges[e].source;
            if (source == start)
                return true;
            if (c->values[source].is_real)
                push(s, &n, source);
        }
        for (int r = k < 0 ? 0 : s->first[k]; k >= 0 && !c->changes[k].is_deferred && r < s->last[k]; r++) {
            int reader = s->readings[r].reader;
            if (reader == start && (i != start || !s->readings[r].is_same))
                return true;
            if (reader != i)
                push(s, &n, reader);
        }
    }
    return false;
}

static bg_status defer(bgi_compilation *c, int change)
{
    bg_node *copy = bgi_new_copy(c, c->graph->nodes[c->changes[change].value]);
    if (!copy)
        return bg_graph_status(c->graph);
    c->changes[change].value = copy->id;
    return BG_OK;
}

/* Of the updates that could not be placed, one of each circle in which they wait for each other. If none is in a
 * circle, all of them. */
static bg_status defer_offenders(search *s)
{
    bgi_compilation *c = s->c;
    bool has_found = false;
    for (int pass = 0; pass < 2 && !has_found; pass++)
        for (int k = c->n_changes; k-- > 0;)
            if (s->offends[k] && !c->changes[k].is_deferred && (pass == 1 || waits_for_itself(s, k)))
                s->is_chosen[k] = has_found = c->changes[k].is_deferred = true;
    for (int k = 0; k < c->n_changes && !has_found; k++) /* only copies are in the way */
        if (!c->changes[k].is_deferred)
            s->is_chosen[k] = has_found = c->changes[k].is_deferred = true;
    if (!has_found)
        return bg_fail(BG_ERR_ARGUMENT, "compile: no order of the updates was found");
    bg_status status = BG_OK;
    for (int k = 0; k < c->n_changes && !status; k++)
        if (s->is_chosen[k])
            status = defer(c, k);
    return status;
}

/* ---- The schedule ---- */

static bg_status find_order(search *s, bool *is_settled)
{
    bgi_compilation *c = s->c;
    *is_settled = false;
    if (!find_levels(s))
        return BG_OK;
    bg_status status = delay_products(c);
    for (int rounds = 0, cuts = 0; !status && rounds < MOST_ROUNDS && !*is_settled && find_levels(s);) {
        bool has_cut = false;
        status = form_groups(c, cuts < MOST_ROUNDS, &has_cut);
        cuts += has_cut;
        if (!status && has_cut)
            continue;
        if (!status)
            status = bgi_form_steps(c);
        if (status)
            return status;
        *is_settled = !raise_hazards(s);
        rounds++;
    }
    return status;
}

enum { NO_COSTLY = -1, MANY_COSTLY = -2 };

/* The one costly value that has to lie in memory before a cheap one can be computed again in another loop. */
static int find_costly(const bgi_compilation *c, const bg_node *node, int depth)
{
    int costly = NO_COSTLY;
    for (int k = 0; k < node->n_inputs && costly != MANY_COSTLY; k++) {
        const bgi_access *access = &c->accesses[node->inputs[k]->id];
        const bg_node *base = c->graph->nodes[access->base];
        if (!c->values[access->base].is_real || c->values[access->base].is_stored)
            continue;
        int found = MANY_COSTLY;
        if (access->is_flat && bgi_node_is(base, BGI_MAP) && depth < BGI_MAX_DEPTH)
            found = base->op->lowering->is_costly ? base->id : find_costly(c, base, depth + 1);
        if (found != NO_COSTLY)
            costly = costly == NO_COSTLY || costly == found ? found : MANY_COSTLY;
    }
    return costly;
}

/* Finds costly values (tanh) of which several cheap ones (1 + tanh, 1 - tanh²) wait in memory for a later phase: to
 * keep the costly one takes less, and the others are computed again. */
static bg_status keep_costly(bgi_compilation *c, bool *has_found)
{
    int64_t *gains = bgi_arena_push(&c->round, (size_t)c->n * sizeof *gains);
    bool *is_kept = bgi_compile_push(c, (size_t)c->n, sizeof *is_kept);
    if (!gains || !is_kept)
        return BG_ERR_NOMEM;
    if (c->n_kept)
        memcpy(is_kept, c->is_kept, (size_t)c->n_kept * sizeof *is_kept);
    for (int i = 0; i < c->n; i++) {
        const bgi_value *v = &c->values[i];
        const bg_node *node = c->graph->nodes[i];
        if (!v->is_real || !v->is_stored || v->is_needed || !bgi_node_is(node, BGI_MAP) ||
            node->op->lowering->is_costly)
            continue;
        int costly = find_costly(c, node, 1);
        if (costly < 0)
            continue;
        gains[costly] += bgi_value_bytes(c, i);
        if (gains[costly] > bgi_value_bytes(c, costly))
            *has_found = is_kept[costly] = true;
    }
    c->is_kept = is_kept;
    c->n_kept = c->n;
    return BG_OK;
}

/* Groups and steps of the round that settled become the program's. */
static bg_status keep_steps(bgi_compilation *c)
{
    bg_program *p = c->program;
    bgi_group *groups = bgi_arena_push(&p->memory, (size_t)p->n_groups * sizeof *groups);
    bgi_step *steps = bgi_arena_push(&p->memory, (size_t)p->n_steps * sizeof *steps);
    int n = 0;
    for (int i = 0; i < c->n; i++)
        n += c->values[i].is_real && c->values[i].is_stored;
    int *defines = bgi_arena_push(&p->memory, ((size_t)n + 1) * sizeof *defines);
    if (!groups || !steps || !defines)
        return BG_ERR_NOMEM;
    if (p->n_groups)
        memcpy(groups, p->groups, (size_t)p->n_groups * sizeof *groups);
    p->groups = groups;
    p->steps = steps;
    for (int i = 0; i < p->n_steps; i++) {
        const bgi_step_plan *plan = &c->step_plans[i];
        steps[i] = (bgi_step){ plan->kind, plan->group, plan->stage, .loop = plan->loop, .defines = defines };
        for (int k = c->first_member[i]; k < c->first_member[i + 1]; k++)
            if (c->values[c->members[k]].is_stored)
                defines[steps[i].n_defines++] = c->members[k];
        defines += steps[i].n_defines;
    }
    return BG_OK;
}

bg_status bgi_schedule(bgi_compilation *c)
{
    for (;;) { /* each time at least one more update is deferred, or a value kept */
        search s;
        bool is_settled = false, has_kept = false;
        bg_status status = bgi_fuse(c);
        if (!status)
            status = start_search(&s, c);
        if (!status)
            status = find_order(&s, &is_settled);
        if (!status && is_settled)
            status = keep_costly(c, &has_kept);
        if (!status && is_settled && !has_kept)
            return keep_steps(c);
        if (!status && !is_settled)
            status = defer_offenders(&s);
        if (status)
            return status;
    }
}
