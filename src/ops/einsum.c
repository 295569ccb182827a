/* einsum: the grammar. What it means is a contraction. */
#include "ops/contract.h"

#include <string.h>

/* Letters are indices 0 .. 51 in the order of the alphabet of an implicit result, capitals first; the axes of the
 * ellipsis are indices from 52 on, the last of them the last axis. */
enum { LETTERS = 52, ELLIPSIS_END = LETTERS + BG_MAX_RANK };

static int letter_index(char c) { return c >= 'A' && c <= 'Z' ? c - 'A' : c >= 'a' && c <= 'z' ? c - 'a' + 26 : -1; }
static char letter_of(int index) { return (char)(index < 26 ? 'A' + index : 'a' + index - 26); }

/* One operand's or the result's part of an equation. */
typedef struct {
    int n;               /* letters */
    int ellipsis;        /* letters before the ellipsis; -1: none */
    const char *letters; /* where they start */
} term;

typedef struct {
    bg_graph *graph;
    const char *equation, *at;
} parser;

static bool fail_at(const parser *p, const char *what)
{
    bgi_graph_fail(p->graph, BG_ERR_ARGUMENT, "einsum: %s at position %d of \"%s\"", what, (int)(p->at - p->equation),
                   p->equation);
    return false;
}

static bool is_arrow(const char *at) { return at[0] == '-' && at[1] == '>'; }

/* A term up to the comma, arrow or end behind it. */
static bool parse_term(parser *p, term *t)
{
    *t = (term){ .ellipsis = -1, .letters = p->at };
    for (; *p->at && *p->at != ',' && !is_arrow(p->at); p->at++) {
        if (strncmp(p->at, "...", 3) == 0) {
            if (t->ellipsis >= 0)
                return fail_at(p, "a second ellipsis");
            t->ellipsis = t->n;
            p->at += 2;
        } else if (letter_index(*p->at) >= 0) {
            t->n++;
        } else if (!strchr(" \t\n\r\f\v", *p->at)) {
            return fail_at(p, "no index, ellipsis, comma or arrow");
        }
    }
    return true;
}

/* The next letter of a term. */
static int next_letter(const char **at)
{
    while (letter_index(**at) < 0)
        ++*at;
    return letter_index(*(*at)++);
}

/* The indices of the axes of a term whose ellipsis stands for `covered` axes. */
static bgi_indices indices_of(const term *t, int covered)
{
    bgi_indices list = { .n = 0 };
    const char *at = t->letters;
    for (int i = 0; i <= t->n; i++) {
        for (int k = 0; i == t->ellipsis && k < covered; k++)
            list.at[list.n++] = (signed char)(ELLIPSIS_END - covered + k);
        if (i < t->n)
            list.at[list.n++] = (signed char)next_letter(&at);
    }
    return list;
}

/* Whether the axes of operand i agree with the extents that are known, which they add to. */
static bool take_extents(bgi_contraction *c, int i, int *owners, const char *equation)
{
    const bgi_operand *o = &c->operands[i];
    bg_shape shape = o->x->shape;
    for (int axis = 0; axis < o->axes.n; axis++) {
        int index = o->axes.at[axis];
        int64_t extent = shape.dims[axis];
        char name[40] = "an axis of the ellipsis";
        if (index < LETTERS)
            memcpy(name, (char[]){ 'i', 'n', 'd', 'e', 'x', ' ', letter_of(index), 0 }, 8);
        for (int k = 0; k < axis; k++)
            if (o->axes.at[k] == index && shape.dims[k] != extent) {
                bgi_graph_fail(c->graph, BG_ERR_SHAPE, "einsum: %s has extents %lld and %lld in x%d %s: \"%s\"", name,
                               (long long)shape.dims[k], (long long)extent, i, bgi_shape_format(shape).text, equation);
                return false;
            }
        if (owners[index] < 0 || (c->extent[index] == 1 && extent != 1)) {
            c->extent[index] = extent;
            owners[index] = i;
        } else if (extent != c->extent[index] && extent != 1) {
            bgi_graph_fail(c->graph, BG_ERR_SHAPE, "einsum: %s has extent %lld in x%d %s and %lld in x%d %s: \"%s\"",
                           name, (long long)c->extent[index], owners[index],
                           bgi_shape_format(c->operands[owners[index]].x->shape).text, (long long)extent, i,
                           bgi_shape_format(shape).text, equation);
            return false;
        }
    }
    return true;
}

/* Without an arrow: the ellipsis, then the letters that are there once, in the order of the alphabet. */
static bool imply_result(bgi_contraction *c, const int *uses, int covered, const char *equation)
{
    int n = covered;
    for (int i = 0; i < LETTERS; i++)
        n += uses[i] == 1;
    if (n > BG_MAX_RANK) {
        bgi_graph_fail(c->graph, BG_ERR_SHAPE, "einsum: the result has %d axes, at most %d are possible: \"%s\"", n,
                       BG_MAX_RANK, equation);
        return false;
    }
    for (int k = 0; k < covered; k++)
        c->result.at[c->result.n++] = (signed char)(ELLIPSIS_END - covered + k);
    for (int i = 0; i < LETTERS; i++)
        if (uses[i] == 1)
            c->result.at[c->result.n++] = (signed char)i;
    return true;
}

static bool take_result(bgi_contraction *c, const term *t, const int *uses, int covered, const char *equation)
{
    bool is_there[LETTERS] = { false };
    const char *at = t->letters;
    for (int i = 0; i < t->n; i++) {
        int index = next_letter(&at);
        if (uses[index] == 0 || is_there[index]) {
            bgi_graph_fail(c->graph, BG_ERR_ARGUMENT, "einsum: index %c of the result is %s: \"%s\"", letter_of(index),
                           uses[index] ? "there twice" : "in no operand", equation);
            return false;
        }
        is_there[index] = true;
    }
    int n = t->n + (t->ellipsis >= 0 ? covered : 0);
    if (n > BG_MAX_RANK) {
        bgi_graph_fail(c->graph, BG_ERR_SHAPE, "einsum: the result has %d axes, at most %d are possible: \"%s\"", n,
                       BG_MAX_RANK, equation);
        return false;
    }
    c->result = indices_of(t, covered);
    return true;
}

static bool takes_floats(bg_graph *graph, bg_node *const *xs, int n)
{
    for (int i = 0; i < n; i++) {
        if (!bgi_is_float(xs[i]->dtype)) {
            bgi_graph_fail(graph, BG_ERR_DTYPE, "einsum: x%d is %s, not f32 or f64", i, bg_dtype_name(xs[i]->dtype));
            return false;
        }
        if (xs[i]->dtype != xs[0]->dtype) {
            bgi_graph_fail(graph, BG_ERR_DTYPE, "einsum: types differ: x0 %s, x%d %s", bg_dtype_name(xs[0]->dtype), i,
                           bg_dtype_name(xs[i]->dtype));
            return false;
        }
    }
    return true;
}

/* The operands' terms, with extents; the number of axes of the longest ellipsis. */
static bool parse_operands(parser *p, bgi_contraction *c, bg_node *const *xs, int *uses, int *covered)
{
    int owners[BGI_MOST_INDICES], n_terms = 1;
    for (int i = 0; i < BGI_MOST_INDICES; i++)
        owners[i] = -1;
    for (const char *at = p->at; *at && !is_arrow(at); at++)
        n_terms += *at == ',';
    for (int i = 0; i < n_terms; i++) {
        term t;
        if (!parse_term(p, &t))
            return false;
        p->at += *p->at == ',';
        if (i >= c->n)
            continue;
        bg_shape shape = xs[i]->shape;
        int rest = shape.rank - t.n;
        if (rest < 0 || (rest > 0 && t.ellipsis < 0)) {
            bgi_graph_fail(c->graph, BG_ERR_SHAPE, "einsum: x%d %s has %d axes, its term %d%s: \"%s\"", i,
                           bgi_shape_format(shape).text, shape.rank, t.n, t.ellipsis < 0 ? "" : " or more",
                           p->equation);
            return false;
        }
        c->operands[i] = (bgi_operand){ .x = xs[i], .axes = indices_of(&t, rest) };
        const char *at = t.letters;
        for (int k = 0; k < t.n; k++)
            uses[next_letter(&at)]++;
        *covered = rest > *covered ? rest : *covered;
        if (!take_extents(c, i, owners, p->equation))
            return false;
    }
    if (n_terms == c->n)
        return true;
    bgi_graph_fail(c->graph, BG_ERR_ARGUMENT, "einsum: %d operands for the %d terms of \"%s\"", c->n, n_terms,
                   p->equation);
    return false;
}

bg_node *bg_einsum(const char *equation, bg_node *const *xs, int n)
{
    if (n < 1 || !xs) {
        bg_fail(BG_ERR_ARGUMENT, "einsum: %d operands", xs ? n : 0);
        return NULL;
    }
    bg_graph *graph = bgi_graph_of("einsum", xs, n);
    if (!graph || !takes_floats(graph, xs, n))
        return NULL;
    if (!equation)
        return bgi_graph_fail(graph, BG_ERR_ARGUMENT, "einsum: the equation is NULL");
    bgi_contraction c = { .name = "einsum", .graph = graph, .operands = bgi_operands_push("einsum", graph, n), .n = n };
    parser p = { .graph = graph, .equation = equation, .at = equation };
    int uses[LETTERS] = { 0 }, covered = 0;
    if (!c.operands || !parse_operands(&p, &c, xs, uses, &covered))
        return NULL;
    if (*p.at == 0)
        return imply_result(&c, uses, covered, equation) ? bgi_contract(&c) : NULL;
    term result;
    p.at += 2;
    if (!parse_term(&p, &result))
        return NULL;
    if (*p.at) {
        fail_at(&p, *p.at == ',' ? "a comma in the result" : "a second arrow");
        return NULL;
    }
    return take_result(&c, &result, uses, covered, equation) ? bgi_contract(&c) : NULL;
}
