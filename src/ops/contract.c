/* Contractions: an order of products of two, and each of them as a matrix product.
 *
 * Extents of 1 are left out first and put back last, so that an index of an operand always has its full extent. An
 * index that one operand alone has, and the result has not, is summed there. What is left is a sequence of products of
 * two. */
#include "ops/contract.h"

#include <assert.h>
#include <stdint.h>

enum {
    EXACT = 10,             /* operands up to which the best of all orders is found; 3^10 splits take a millisecond */
    LARGE_PRODUCT = 1 << 17 /* operations from which a product is worth more than the copy that would merge it */
};

typedef uint64_t index_set;

static index_set bit(int index) { return (index_set)1 << index; }
static bool has(index_set set, int index) { return set >> index & 1; }
static int count_of(index_set set) { return __builtin_popcountll(set); }

static index_set set_of(const bgi_indices *list)
{
    index_set set = 0;
    for (int i = 0; i < list->n; i++)
        set |= bit(list->at[i]);
    return set;
}

/* The members of a set in the order of a list. */
static bgi_indices members(const bgi_indices *order, index_set set)
{
    bgi_indices list = { .n = 0 };
    for (int i = 0; i < order->n; i++)
        if (has(set, order->at[i]))
            list.at[list.n++] = order->at[i];
    return list;
}
static void append(bgi_indices *list, const bgi_indices *more)
{
    for (int i = 0; i < more->n; i++) {
        assert(list->n < BG_MAX_RANK);
        list->at[list->n++] = more->at[i];
    }
}

static double size_of(const bgi_contraction *c, index_set set)
{
    double size = 1;
    for (; set; set &= set - 1)
        size *= (double)c->extent[__builtin_ctzll(set)];
    return size;
}

bgi_operand *bgi_operands_push(const char *name, bg_graph *graph, int n)
{
    bgi_operand *operands = bgi_arena_push(&graph->arena, (2 * (size_t)n - 1) * sizeof *operands);
    if (!operands)
        bgi_graph_fail(graph, BG_ERR_NOMEM, "%s: out of memory", name);
    return operands;
}

/* ---- One operand ---- */

/* Diagonals of repeated indices; they become the last axis. */
static void take_diagonals(bgi_operand *o)
{
    for (int i = 0; i < o->axes.n; i++)
        for (int k = i + 1; k < o->axes.n; k++) {
            if (o->axes.at[i] != o->axes.at[k])
                continue;
            bgi_indices rest = { .n = 0 };
            for (int j = 0; j < o->axes.n; j++)
                if (j != i && j != k)
                    rest.at[rest.n++] = o->axes.at[j];
            rest.at[rest.n++] = o->axes.at[i];
            o->x = bg_diagonal(o->x, 0, i, k);
            o->axes = rest;
            i = -1;
            break;
        }
}

static void drop_ones(bgi_operand *o)
{
    bool dropped[BG_MAX_RANK] = { false };
    bgi_indices rest = { .n = 0 };
    for (int i = 0; i < o->axes.n && o->x; i++) {
        dropped[i] = o->x->shape.dims[i] == 1;
        if (!dropped[i])
            rest.at[rest.n++] = o->axes.at[i];
    }
    o->x = bgi_drop_axes(o->x, dropped);
    o->axes = rest;
}

static void sum_out(bgi_operand *o, index_set summed)
{
    bool axis[BG_MAX_RANK] = { false };
    for (int i = 0; i < o->axes.n; i++)
        axis[i] = has(summed, o->axes.at[i]);
    o->axes = members(&o->axes, ~summed);
    o->x = bgi_sum_over(o->x, axis);
}

/* The operand with its axes in the order of a list of the same indices. */
static bg_node *ordered(const bgi_operand *o, const bgi_indices *order)
{
    bg_axes axes = { .count = order->n };
    for (int i = 0; i < order->n; i++)
        for (int k = 0; k < o->axes.n; k++)
            if (o->axes.at[k] == order->at[i])
                axes.axis[i] = k;
    return axes.count ? bg_permute(o->x, axes) : o->x;
}

/* ---- The order of products ---- */

/* What a product costs: its operations, then the elements it makes, between products of equal cost. */
typedef struct {
    double flops, elements;
} cost;
static bool is_less(cost a, cost b) { return a.flops < b.flops || (a.flops == b.flops && a.elements < b.elements); }

static cost cost_of(const bgi_contraction *c, index_set x, index_set w, index_set kept)
{
    double all = size_of(c, x | w);
    return (cost){ .flops = ((x | w) & ~kept ? 2 : 1) * all, .elements = size_of(c, (x | w) & kept) };
}

/* Pairs of operands, each with the number of the product: operand n + i is the product of pair i. */
typedef struct {
    int x, w;
} pair;

typedef struct {
    cost best;
    index_set indices; /* of the product of these operands */
    int split;         /* one of the two sets it is made of */
    bool is_possible;  /* within the rank */
} subset;

static int emit_pairs(const subset *table, int set, int n, pair *pairs, int *n_pairs)
{
    if ((set & (set - 1)) == 0)
        return __builtin_ctz((unsigned)set);
    int x = emit_pairs(table, table[set].split, n, pairs, n_pairs);
    int w = emit_pairs(table, set & ~table[set].split, n, pairs, n_pairs);
    pairs[*n_pairs] = (pair){ x, w };
    return n + (*n_pairs)++;
}

/* The cheapest order of all: of each set of operands, from those of its parts. False if none keeps to the rank. */
static bool order_exactly(const bgi_contraction *c, pair *pairs)
{
    subset table[1 << EXACT];
    int all = (1 << c->n) - 1;
    for (int set = 1; set <= all; set++) {
        index_set within = 0, outside = set_of(&c->result);
        for (int i = 0; i < c->n; i++)
            *(set >> i & 1 ? &within : &outside) |= set_of(&c->operands[i].axes);
        bool is_single = (set & (set - 1)) == 0;
        table[set] = (subset){ .indices = within & outside, .is_possible = is_single };
        if (is_single || count_of(table[set].indices) > BG_MAX_RANK)
            continue;
        /* Each split once: the half that holds the set's first operand. */
        int first = set & -set, rest = set & ~first;
        for (int more = (rest - 1) & rest;; more = (more - 1) & rest) {
            const subset *x = &table[first | more], *w = &table[rest & ~more];
            if (x->is_possible && w->is_possible) {
                cost made = cost_of(c, x->indices, w->indices, table[set].indices);
                made.flops += x->best.flops + w->best.flops;
                made.elements += x->best.elements + w->best.elements;
                if (!table[set].is_possible || is_less(made, table[set].best)) {
                    table[set].best = made;
                    table[set].split = first | more;
                    table[set].is_possible = true;
                }
            }
            if (more == 0)
                break;
        }
    }
    int n_pairs = 0;
    if (!table[all].is_possible)
        return false;
    emit_pairs(table, all, c->n, pairs, &n_pairs);
    return true;
}

/* The cheapest product of two of what is there, again and again. */
static bool order_greedily(const bgi_contraction *c, pair *pairs, index_set *indices, int *live)
{
    int n_live = c->n;
    for (int i = 0; i < c->n; i++) {
        live[i] = i;
        indices[i] = set_of(&c->operands[i].axes);
    }
    for (int made = 0; n_live > 1; made++) {
        cost best = { 0, 0 };
        int best_x = -1, best_w = -1;
        index_set best_indices = 0, once = set_of(&c->result), twice = 0, often = 0;
        for (int i = 0; i < n_live; i++) {
            often |= twice & indices[live[i]];
            twice |= once & indices[live[i]];
            once |= indices[live[i]];
        }
        for (int i = 0; i < n_live; i++)
            for (int k = i + 1; k < n_live; k++) {
                index_set x = indices[live[i]], w = indices[live[k]];
                /* An index stays if it is in three places, or in two that are not just this pair. */
                index_set kept = (x & w & often) | ((x ^ w) & twice);
                if (count_of(kept) > BG_MAX_RANK)
                    continue;
                cost made_of = cost_of(c, x, w, kept);
                if (best_x < 0 || is_less(made_of, best))
                    best = made_of, best_x = i, best_w = k, best_indices = kept;
            }
        if (best_x < 0)
            return false;
        pairs[made] = (pair){ live[best_x], live[best_w] };
        indices[c->n + made] = best_indices;
        live[best_x] = c->n + made;
        for (int i = best_w; i + 1 < n_live; i++)
            live[i] = live[i + 1];
        n_live--;
    }
    return true;
}

/* ---- A product of two ---- */

/* Whether these indices, in this order, are axes of the operand one behind the other, so that they count as one. */
static bool is_run(const bgi_indices *axes, const bgi_indices *run)
{
    for (int i = 0; i < axes->n && run->n > 1; i++)
        if (axes->at[i] == run->at[0]) {
            for (int k = 1; k < run->n; k++)
                if (i + k >= axes->n || axes->at[i + k] != run->at[k])
                    return false;
            return true;
        }
    return true;
}

static int64_t extent_of(bgi_contraction *c, const bgi_indices *list)
{
    int64_t dims[BG_MAX_RANK], product;
    for (int i = 0; i < list->n; i++)
        dims[i] = c->extent[list->at[i]];
    if (bgi_product_of(dims, list->n, &product))
        return product;
    bgi_graph_fail(c->graph, BG_ERR_OVERFLOW, "%s: the extents of a product overflow", c->name);
    return -1;
}

static bg_shape shape_of(const bgi_contraction *c, const bgi_indices *list, index_set present)
{
    bg_shape shape = { .rank = list->n };
    for (int i = 0; i < list->n; i++)
        shape.dims[i] = has(present, list->at[i]) ? c->extent[list->at[i]] : 1;
    return shape;
}

/* The operand as [batch.., rows, columns], of all batch indices. */
static bg_node *as_matrices(bgi_contraction *c, const bgi_operand *o, const bgi_indices *batch, const bgi_indices *rows,
                            const bgi_indices *columns)
{
    index_set own = set_of(&o->axes);
    bgi_indices order = members(batch, own);
    append(&order, rows);
    append(&order, columns);
    bg_shape shape = shape_of(c, batch, own), full = shape_of(c, batch, ~(index_set)0);
    int64_t extents[] = { extent_of(c, rows), extent_of(c, columns) };
    if (extents[0] < 0 || extents[1] < 0)
        return NULL;
    /* Each operand has an index beside the batch's that the other has too or the result has, so this keeps to the rank.
     */
    assert(batch->n + 2 <= BG_MAX_RANK);
    for (int i = 0; i < 2; i++) {
        shape.dims[shape.rank++] = extents[i];
        full.dims[full.rank++] = extents[i];
    }
    return bg_broadcast(bg_reshape(ordered(o, &order), shape), full);
}

/* x and w aligned and multiplied; then the sum over the indices that are not kept, which both have. */
static bgi_operand multiply(const bgi_contraction *c, const bgi_operand *x, const bgi_operand *w, index_set kept,
                            const bgi_indices *target)
{
    index_set own[] = { set_of(&x->axes), set_of(&w->axes) };
    const bgi_operand *operands[] = { x, w };
    bgi_indices order = members(target, own[0] | own[1]), summed = members(&x->axes, own[1] & ~kept);
    append(&order, &summed);
    bg_node *aligned[2];
    for (int i = 0; i < 2; i++) {
        bgi_indices mine = members(&order, own[i]);
        aligned[i] = bg_reshape(ordered(operands[i], &mine), shape_of(c, &order, own[i]));
    }
    bgi_operand y = { .x = bg_mul(aligned[0], aligned[1]), .axes = order };
    sum_out(&y, ~kept);
    return y;
}

/* Indices that one operand alone has belong to the rows or the columns of the product. They must be one run there, in
 * the operand and in the result; where they are not, the leading ones of the result may count as batch instead, with
 * the other operand repeated, as long as each product stays large: that saves a copy. */
static index_set extra_batch(const bgi_contraction *c, const bgi_operand *x, const bgi_operand *w, index_set kept,
                             const bgi_indices *target)
{
    index_set own[] = { set_of(&x->axes), set_of(&w->axes) }, batch = own[0] & own[1] & kept, extra = 0;
    const bgi_operand *operands[] = { x, w };
    double product = 2 * size_of(c, own[0] | own[1]) / size_of(c, batch);
    for (int i = 0; i < target->n; i++) {
        int index = target->at[i];
        if (has(batch, index))
            continue;
        int side = has(own[0], index) ? 0 : 1;
        bgi_indices group = members(target, own[side] & ~own[1 - side] & ~extra);
        product /= (double)c->extent[index];
        if ((is_run(target, &group) && is_run(&operands[side]->axes, &group)) || group.n == 1 ||
            !(product >= LARGE_PRODUCT) || count_of(batch | extra) + 3 > BG_MAX_RANK)
            break;
        extra |= bit(index);
    }
    return extra;
}

static bgi_operand matrix_product(bgi_contraction *c, const bgi_operand *x, const bgi_operand *w, index_set kept,
                                  const bgi_indices *target)
{
    /* The last index of the result is one of columns, where there are rows and columns; one column before one row. */
    index_set own_x = set_of(&x->axes), own_w = set_of(&w->axes);
    bool has_rows = own_x & ~own_w, has_columns = own_w & ~own_x;
    if (has_columns && (!has_rows || has(own_x & ~own_w, target->at[target->n - 1]))) {
        const bgi_operand *other = x;
        x = w;
        w = other;
        own_x = set_of(&x->axes);
        own_w = set_of(&w->axes);
    }
    index_set extra = extra_batch(c, x, w, kept, target), summed = own_x & own_w & ~kept;
    bgi_indices batch = members(target, (own_x & own_w & kept) | extra);
    bgi_indices rows = members(target, own_x & ~own_w & ~extra), columns = members(target, own_w & ~own_x & ~extra);
    /* Of two orders of the indices summed over, the one that has less to copy. */
    bgi_indices inner = members(&x->axes, summed), other = members(&w->axes, summed);
    double x_size = size_of(c, own_x), w_size = size_of(c, own_w);
    double copied = (is_run(&x->axes, &inner) ? 0 : x_size) + (is_run(&w->axes, &inner) ? 0 : w_size);
    if ((is_run(&x->axes, &other) ? 0 : x_size) + (is_run(&w->axes, &other) ? 0 : w_size) < copied)
        inner = other;

    bgi_operand y = { .axes = batch };
    append(&y.axes, &rows);
    append(&y.axes, &columns);
    bg_node *left = as_matrices(c, x, &batch, &rows, &inner), *right = as_matrices(c, w, &batch, &inner, &columns);
    y.x = bg_reshape(bg_matmul(left, right), shape_of(c, &y.axes, ~(index_set)0));
    return y;
}

/* The product of two operands, of the indices in kept. */
static bgi_operand product_of(bgi_contraction *c, const bgi_operand *x, const bgi_operand *w, index_set kept,
                              bool is_last)
{
    index_set own_x = set_of(&x->axes), own_w = set_of(&w->axes);
    index_set summed = own_x & own_w & ~kept, batch = own_x & own_w & kept;
    bgi_indices target = c->result;
    if (!is_last) {
        target = members(&x->axes, batch);
        bgi_indices rows = members(&x->axes, own_x & ~own_w), columns = members(&w->axes, own_w & ~own_x);
        append(&target, &rows);
        append(&target, &columns);
    }
    bool has_rows = own_x & ~own_w, has_columns = own_w & ~own_x;
    bool is_pointwise = summed ? batch && !has_rows && !has_columns : !has_rows || !has_columns;
    return is_pointwise ? multiply(c, x, w, kept, &target) : matrix_product(c, x, w, kept, &target);
}

bg_node *bgi_contract(bgi_contraction *c)
{
    bgi_operand *o = c->operands;
    bg_shape shape = shape_of(c, &c->result, ~(index_set)0);
    index_set once = 0, twice = 0;
    for (int i = 0; i < c->n; i++) {
        take_diagonals(&o[i]);
        drop_ones(&o[i]);
        index_set own = set_of(&o[i].axes);
        twice |= once & own;
        once |= own;
        if (!o[i].x)
            return NULL;
    }
    bgi_indices result = c->result;
    c->result = members(&result, once);
    for (int i = 0; i < c->n; i++)
        sum_out(&o[i], set_of(&o[i].axes) & ~twice & ~set_of(&c->result));

    /* The pairs, then the indices and places that the greedy order works with. */
    size_t n = (size_t)c->n;
    index_set *sets = bgi_arena_push(&c->graph->arena, 2 * n * sizeof *sets + n * (sizeof(pair) + sizeof(int)));
    if (!sets)
        return bgi_graph_fail(c->graph, BG_ERR_NOMEM, "%s: out of memory", c->name);
    pair *pairs = (pair *)(sets + 2 * n);
    if (!(c->n <= EXACT ? order_exactly(c, pairs) : order_greedily(c, pairs, sets, (int *)(pairs + n))))
        return bgi_graph_fail(c->graph, BG_ERR_ARGUMENT,
                              "%s: in any order of the %d operands some product has more than %d axes", c->name, c->n,
                              BG_MAX_RANK);

    int last = 0;
    for (int i = 0; i + 1 < c->n; i++, last = c->n + i - 1) {
        bgi_operand *x = &o[pairs[i].x], *w = &o[pairs[i].w];
        index_set kept = set_of(&c->result);
        for (int k = 0; k < c->n + i; k++)
            kept |= &o[k] == x || &o[k] == w ? 0 : set_of(&o[k].axes);
        o[c->n + i] = product_of(c, x, w, kept & (set_of(&x->axes) | set_of(&w->axes)), i + 2 == c->n);
        if (!o[c->n + i].x)
            return NULL;
        x->axes.n = w->axes.n = 0; /* used up */
    }
    if (!o[last].x)
        return NULL;
    return bg_reshape(ordered(&o[last], &c->result), shape);
}
