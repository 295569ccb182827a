/* The gradient of attention by tiles of the scores, which are computed again. With weights w and y = w v,
 *   dv = wᵀ dy   ds = w (dy vᵀ - Σ dy y)   dq = scale ds k   dk = scale dsᵀ q
 * Dao et al., FlashAttention, 2022. Tiles follow from the shapes alone; for dk and dv the tiles of queries are added in
 * their order, for dq those of keys. */
#include "ops/attention_tile.h"

typedef struct {
    bgi_tile_work w;
    unsigned char *k, *v, *weights, *ds, *product;
    unsigned char *sums; /* Σ dy y of each query of the part */
} backward;

/* The parts of the scratch in their order; without scratch, their bytes alone. */
static backward backward_of(const bg_node *node, unsigned char *scratch, size_t *bytes)
{
    backward g = { .w = bgi_tile_work_of(node) };
    const bgi_attention_sizes *z = &g.w.z;
    int64_t rows = bgi_least(z->rows, BGI_TILE_ROWS), keys = bgi_least(z->s, BGI_TILE_KEYS);
    size_t size = g.w.size, unused = 0;
    unsigned char **place = scratch ? &scratch : NULL;
    bytes = bytes ? bytes : &unused;
    bgi_tile_take_own(&g.w, place, bytes);
    g.k = bgi_tile_take(place, bytes, (size_t)(keys * z->d) * size);
    g.v = bgi_tile_take(place, bytes, (size_t)(keys * z->e) * size);
    g.weights = bgi_tile_take(place, bytes, (size_t)(rows * keys) * size);
    g.ds = bgi_tile_take(place, bytes, (size_t)(rows * keys) * size);
    g.product = bgi_tile_take(place, bytes, (size_t)(bgi_most(rows, keys) * bgi_most(z->d, z->e)) * size);
    g.sums = bgi_tile_take(place, bytes, (size_t)(z->group / z->parts * z->l) * size);
    return g;
}

/* One tile of queries and keys. Addresses are those of its first query or key. */
typedef struct {
    int64_t head, query, rows, key, keys;
    const void *q, *dy, *k, *largest, *share, *sums;
    void *dq, *dk, *dv;
    bool is_first_of_keys; /* dk and dv have nothing yet */
} tile;

/* Weights and the gradient of scores of some lines of a tile, 0 where a key is hidden. */
static void differentiate_lines(const backward *g, const tile *t, int64_t first, int64_t lines)
{
    const bgi_tile_work *w = &g->w;
    const bgk_kernels *k = w->k;
    const int64_t query = t->query + first, n = bgi_tile_seen(w, query + lines - 1, t->key, t->keys), d = w->z.d,
                  e = w->z.e;
    unsigned char *weights = bgi_tile_at(w, g->weights, first * t->keys), *ds = bgi_tile_at(w, g->ds, first * t->keys);
    if (n > 0) {
        bgi_tile_multiply(w, lines, n, d, bgi_tile_from(w, t->q, first * d), d, 1, g->k, t->keys, weights, t->keys);
        bgi_tile_multiply(w, lines, n, e, bgi_tile_from(w, t->dy, first * e), e, 1, g->v, t->keys, ds, t->keys);
    }
    for (int64_t r = 0; r < lines; r++, weights = bgi_tile_at(w, weights, t->keys), ds = bgi_tile_at(w, ds, t->keys)) {
        int64_t seen = bgi_tile_seen(w, query + r, t->key, n);
        bool is_dropped = w->z.step >= 0 && seen > 0;
        if (w->z.mask >= 0 && seen > 0)
            bgi_tile_mask(w, weights, t->head, query + r, t->key, seen);
        if (is_dropped) {
            bgi_tile_choose(w, t->head, query + r, t->key, seen);
            k->mul(ds, ds, 1, &w->kept, 0, NULL, 0, seen);
            k->where(ds, w->choice, 1, ds, 1, &w->zero, 0, seen);
        }
        k->weigh_back(weights, ds, bgi_tile_from(w, t->largest, first + r), bgi_tile_from(w, t->share, first + r),
                      bgi_tile_from(w, t->sums, first + r), seen, t->keys);
        if (is_dropped) {
            k->mul(weights, weights, 1, &w->kept, 0, NULL, 0, seen);
            k->where(weights, w->choice, 1, weights, 1, &w->zero, 0, seen);
        }
    }
}

static void differentiate_tile(const backward *g, const tile *t)
{
    const bgi_tile_work *w = &g->w;
    const int64_t d = w->z.d, e = w->z.e, keys = t->keys;
    bool is_cut = bgi_tile_seen(w, t->query, t->key, keys) < keys;
    for (int64_t r = 0, lines; r < t->rows; r += lines) {
        lines = bgi_least(bgi_tile_lines(w, t->query + r, t->key, keys), t->rows - r);
        differentiate_lines(g, t, r, lines);
        int64_t n = bgi_tile_seen(w, t->query + r + lines - 1, t->key, keys);
        bgi_tile_multiply_onto(w, t->key == 0, lines, d, n, bgi_tile_at(w, g->ds, r * keys), keys, 1, t->k,
                               bgi_tile_at(w, t->dq, r * d), g->product);
    }
    int64_t columns = is_cut ? BGI_TILE_CAUSAL_LINES : keys;
    for (int64_t c = 0; c < keys; c += columns) {
        int64_t n = bgi_least(columns, keys - c);
        int64_t first = is_cut ? bgi_least(bgi_most(t->key + c - t->query, 0), t->rows) : 0, rows = t->rows - first;
        bgi_tile_multiply_onto(w, t->is_first_of_keys, n, e, rows, bgi_tile_at(w, g->weights, first * keys + c), 1,
                               keys, bgi_tile_from(w, t->dy, first * e), bgi_tile_at(w, t->dv, c * e), g->product);
        bgi_tile_multiply_onto(w, t->is_first_of_keys, n, d, rows, bgi_tile_at(w, g->ds, first * keys + c), 1, keys,
                               bgi_tile_from(w, t->q, first * d), bgi_tile_at(w, t->dk, c * d), g->product);
    }
}

/* Σ dy y of each query of a piece. */
static void sum_piece(const backward *g, const void *y, const void *dy, void *sums)
{
    const bgi_tile_work *w = &g->w;
    const int64_t rows = w->z.rows, e = w->z.e;
    for (int64_t r = 0; r < rows; r += BGI_TILE_ROWS) {
        int64_t n = bgi_least(BGI_TILE_ROWS, rows - r);
        w->k->mul(g->product, bgi_tile_from(w, y, r * e), 1, bgi_tile_from(w, dy, r * e), 1, NULL, 0, n * e);
        w->k->sum_rows(bgi_tile_at(w, sums, r), g->product, n, e, e);
    }
}

int64_t bgi_attention_gradient_units(const bg_node *node, int input)
{
    bgi_attention_sizes z = bgi_attention_sizes_of(node);
    bool is_split = input <= 0 || input >= z.y || (input < 3 && z.parts == 1);
    return is_split ? z.b * z.hk * z.parts : 1;
}
double bgi_attention_gradient_product_flops(const bg_node *node) { return bgi_tile_product_flops(node, 3, 2); }
double bgi_attention_gradient_flops(const bg_node *node)
{
    return bgi_tile_flops(node, bgi_attention_gradient_product_flops(node));
}
int64_t bgi_attention_gradient_grain(const bg_node *node)
{
    return bgi_tile_grain(bgi_attention_gradient_flops(node), bgi_attention_gradient_units(node, -1));
}
size_t bgi_attention_gradient_scratch(const bg_node *node)
{
    size_t bytes = 0;
    backward_of(node, NULL, &bytes);
    return bytes;
}

/* One part of a key head's query heads. */
static void differentiate_part(const backward *g, int64_t unit, int64_t place)
{
    const bgi_tile_work *w = &g->w;
    const bgi_attention_sizes *z = &w->z;
    const int64_t piece = z->rows * (z->e + 2), heads = z->group / z->parts;
    const int64_t pieces = heads * z->tiles, queries = heads * z->l, key_head = z->parts == 1 ? place : unit / z->parts;
    const void *const *inputs = w->call->inputs;
    const void *q = bgi_tile_from(w, inputs[0], place * queries * z->d),
               *k = bgi_tile_from(w, inputs[1], key_head * z->s * z->d);
    const void *v = bgi_tile_from(w, inputs[2], key_head * z->s * z->e),
               *y = bgi_tile_from(w, inputs[z->y], place * pieces * piece);
    const void *dy = bgi_tile_from(w, inputs[z->y + 1], place * queries * z->e);
    void *dq = bgi_tile_at(w, w->call->output, place * (queries * z->d + z->s * (z->d + z->e)));
    void *dk = bgi_tile_at(w, dq, queries * z->d), *dv = bgi_tile_at(w, dk, z->s * z->d);
    for (int64_t i = 0; i < pieces; i++)
        sum_piece(g, bgi_tile_from(w, y, i * piece), bgi_tile_from(w, dy, i * z->rows * z->e),
                  bgi_tile_at(w, g->sums, i * z->rows));
    for (int64_t key = 0; key < z->s; key += BGI_TILE_KEYS) {
        tile t = { .key = key, .keys = bgi_least(BGI_TILE_KEYS, z->s - key), .is_first_of_keys = true };
        t.k = bgi_tile_from(w, k, key * z->d);
        t.dk = bgi_tile_at(w, dk, key * z->d);
        t.dv = bgi_tile_at(w, dv, key * z->e);
        bgi_tile_turn(w, g->k, t.k, t.keys, z->d, &w->scale);
        bgi_tile_turn(w, g->v, bgi_tile_from(w, v, key * z->e), t.keys, z->e, NULL);
        for (int64_t i = 0; i < pieces; i++)
            for (int64_t r = 0; r < z->rows; r += BGI_TILE_ROWS) {
                int64_t row = i * z->rows + r;
                t.head = unit * heads + i / z->tiles;
                t.query = row % z->l;
                t.rows = bgi_least(BGI_TILE_ROWS, z->rows - r);
                if (bgi_tile_seen(w, t.query + t.rows - 1, key, t.keys) == 0)
                    continue;
                t.q = bgi_tile_from(w, q, row * z->d);
                t.dy = bgi_tile_from(w, dy, row * z->e);
                t.largest = bgi_tile_from(w, y, i * piece + z->rows * z->e + r);
                t.share = bgi_tile_from(w, t.largest, z->rows);
                t.sums = bgi_tile_from(w, g->sums, row);
                t.dq = bgi_tile_at(w, dq, row * z->d);
                differentiate_tile(g, &t);
                t.is_first_of_keys = false;
            }
        if (t.is_first_of_keys) {
            bgi_tile_fill(w, t.dk, &w->zero, t.keys * z->d);
            bgi_tile_fill(w, t.dv, &w->zero, t.keys * z->e);
        } else if (z->d > 0) {
            w->k->mul(t.dk, t.dk, 1, &w->scale, 0, NULL, 0, t.keys * z->d);
        }
    }
    if (z->d > 0)
        w->k->mul(dq, dq, 1, &w->scale, 0, NULL, 0, queries * z->d);
}

bg_status bgi_attention_gradient_call(const bg_call *call)
{
    backward g = backward_of(call->node, call->scratch, NULL);
    bgi_tile_start(&g.w, call);
    for (int64_t unit = call->first; unit < call->last; unit++)
        differentiate_part(&g, unit, unit - call->first);
    return BG_OK;
}
