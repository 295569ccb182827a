/* Attention by tiles of the scores, so that they are never in memory as a whole: the softmax goes on from tile to tile.
 * Milakov, Gimelshein, Online normalizer calculation for softmax, 2018. Tiles follow from the shapes alone, and each
 * sum over them runs in one order. */
#include "ops/attention_tile.h"

typedef struct {
    bgi_tile_work w;
    unsigned char *q, *k, *scores, *product;
    unsigned char *max, *sum;                               /* of each query of the tile, so far */
    unsigned char *line_max, *line_sum, *shift, *shrinkage; /* of each line */
} forward;

/* The parts of the scratch in their order; without scratch, their bytes alone. */
static forward forward_of(const bg_node *node, unsigned char *scratch, size_t *bytes)
{
    forward f = { .w = bgi_tile_work_of(node) };
    const bgi_attention_sizes *z = &f.w.z;
    int64_t rows = bgi_least(z->rows, BGI_TILE_ROWS), keys = bgi_least(z->s, BGI_TILE_KEYS);
    size_t size = f.w.size, unused = 0;
    unsigned char **place = scratch ? &scratch : NULL;
    bytes = bytes ? bytes : &unused;
    bgi_tile_take_own(&f.w, place, bytes);
    f.q = bgi_tile_take(place, bytes, (size_t)(rows * z->d) * size);
    f.k = bgi_tile_take(place, bytes, (size_t)(keys * z->d) * size);
    f.scores = bgi_tile_take(place, bytes, (size_t)(BGI_TILE_LINES * keys) * size);
    f.product = bgi_tile_take(place, bytes, (size_t)(BGI_TILE_LINES * z->e) * size);
    f.max = bgi_tile_take(place, bytes, (size_t)rows * size);
    f.sum = bgi_tile_take(place, bytes, (size_t)rows * size);
    f.line_max = bgi_tile_take(place, bytes, BGI_TILE_LINES * size);
    f.line_sum = bgi_tile_take(place, bytes, BGI_TILE_LINES * size);
    f.shift = bgi_tile_take(place, bytes, BGI_TILE_LINES * size);
    f.shrinkage = bgi_tile_take(place, bytes, BGI_TILE_LINES * size);
    return f;
}

/* shift = the maximum, 0 where it is -inf */
static void shift_of(const forward *f, const void *max, int64_t n)
{
    const bgk_kernels *k = f->w.k;
    k->equal(f->shift, max, 1, &f->w.hidden, 0, NULL, 0, n);
    k->where(f->shift, f->shift, 1, &f->w.zero, 0, max, 1, n);
}

/* Adds what some queries see of one tile of keys: y = shrinkage y + exp(scores - max) v, the sums alike. */
static void add_lines(const forward *f, int64_t head, int64_t query, int64_t lines, int64_t key, int64_t keys,
                      int64_t ldk, const void *q, const void *v, void *y, void *max, void *sum)
{
    const bgi_tile_work *w = &f->w;
    const bgk_kernels *k = w->k;
    const int64_t n = bgi_tile_seen(w, query + lines - 1, key, keys), e = w->z.e;
    const bool is_first = key == 0;
    if (n == 0)
        return;
    bgi_tile_multiply(w, lines, n, w->z.d, q, w->z.d, 1, f->k, ldk, f->scores, n);
    for (int64_t r = 0; r < lines; r++) {
        int64_t seen = bgi_tile_seen(w, query + r, key, n);
        if (w->z.mask >= 0 && seen > 0)
            bgi_tile_mask(w, bgi_tile_at(w, f->scores, r * n), head, query + r, key, seen);
        bgi_tile_fill(w, bgi_tile_at(w, f->scores, r * n + seen), &w->hidden, n - seen);
    }
    k->max_rows(is_first ? max : f->line_max, f->scores, lines, n, n);
    if (!is_first) {
        k->maximum(f->line_max, f->line_max, 1, max, 1, NULL, 0, lines);
        shift_of(f, f->line_max, lines);
        k->sub(f->shrinkage, max, 1, f->shift, 1, NULL, 0, lines);
        k->exp(f->shrinkage, f->shrinkage, 1, NULL, 0, NULL, 0, lines);
        k->move(max, f->line_max, 1, NULL, 0, NULL, 0, lines);
    } else {
        shift_of(f, max, lines);
    }
    for (int64_t r = 0; r < lines; r++)
        k->sub(bgi_tile_at(w, f->scores, r * n), bgi_tile_at(w, f->scores, r * n), 1, bgi_tile_at(w, f->shift, r), 0,
               NULL, 0, n);
    k->exp(f->scores, f->scores, 1, NULL, 0, NULL, 0, lines * n);
    k->sum_rows(is_first ? sum : f->line_sum, f->scores, lines, n, n);
    for (int64_t r = 0; r < lines && w->z.step >= 0; r++) {
        int64_t seen = bgi_tile_seen(w, query + r, key, n);
        if (seen == 0)
            continue;
        bgi_tile_choose(w, head, query + r, key, seen);
        k->where(bgi_tile_at(w, f->scores, r * n), w->choice, 1, bgi_tile_at(w, f->scores, r * n), 1, &w->zero, 0,
                 seen);
    }
    bgi_tile_multiply(w, lines, e, n, f->scores, n, 1, v, e, is_first ? y : f->product, e);
    if (is_first)
        return;
    k->fma(sum, sum, 1, f->shrinkage, 1, f->line_sum, 1, lines);
    for (int64_t r = 0; r < lines; r++)
        k->fma(bgi_tile_at(w, y, r * e), bgi_tile_at(w, y, r * e), 1, bgi_tile_at(w, f->shrinkage, r), 0,
               bgi_tile_at(w, f->product, r * e), 1, e);
}

/* Queries from `query` on, whose results go to y, largest and share. */
static void attend(const forward *f, int64_t head, int64_t query, int64_t rows, const void *q, const void *k,
                   const void *v, void *y, void *largest, void *share)
{
    const bgi_tile_work *w = &f->w;
    const int64_t d = w->z.d, e = w->z.e, end = bgi_tile_seen(w, query + rows - 1, 0, w->z.s);
    if (d > 0)
        w->k->mul(f->q, q, 1, &w->scale, 0, NULL, 0, rows * d);
    for (int64_t key = 0; key < end; key += BGI_TILE_KEYS) {
        const int64_t keys = bgi_least(BGI_TILE_KEYS, end - key);
        bgi_tile_turn(w, f->k, bgi_tile_from(w, k, key * d), keys, d, NULL);
        for (int64_t r = 0, lines; r < rows; r += lines) {
            lines = bgi_least(bgi_tile_lines(w, query + r, key, keys), rows - r);
            add_lines(f, head, query + r, lines, key, keys, keys, bgi_tile_from(w, f->q, r * d),
                      bgi_tile_from(w, v, key * e), bgi_tile_at(w, y, r * e), bgi_tile_at(w, f->max, r),
                      bgi_tile_at(w, f->sum, r));
        }
    }
    /* Nothing is divided by the sum of a query without keys. */
    w->k->div(share, &w->one, 0, f->sum, 1, NULL, 0, rows);
    w->k->where(share, f->sum, 1, share, 1, &w->zero, 0, rows);
    for (int64_t r = 0, n; r < rows; r += n) {
        n = bgi_least(BGI_TILE_LINES, rows - r);
        shift_of(f, bgi_tile_at(w, f->max, r), n);
        w->k->move(bgi_tile_at(w, largest, r), f->shift, 1, NULL, 0, NULL, 0, n);
        w->k->mul(f->shrinkage, bgi_tile_at(w, share, r), 1, &w->kept, 0, NULL, 0, n);
        for (int64_t i = 0; i < n; i++)
            w->k->mul(bgi_tile_at(w, y, (r + i) * e), bgi_tile_at(w, y, (r + i) * e), 1,
                      bgi_tile_at(w, f->shrinkage, i), 0, NULL, 0, e);
    }
}

int64_t bgi_attention_units(const bg_node *node, int input)
{
    bgi_attention_sizes z = bgi_attention_sizes_of(node);
    bool is_split = input <= 0 || (input < 3 && z.tiles == 1 && z.group == 1);
    return is_split ? z.b * z.h * z.tiles : 1;
}
double bgi_attention_product_flops(const bg_node *node) { return bgi_tile_product_flops(node, 1, 1); }
double bgi_attention_flops(const bg_node *node) { return bgi_tile_flops(node, bgi_attention_product_flops(node)); }
int64_t bgi_attention_grain(const bg_node *node)
{
    return bgi_tile_grain(bgi_attention_flops(node), bgi_attention_units(node, -1));
}
size_t bgi_attention_scratch(const bg_node *node)
{
    size_t bytes = 0;
    forward_of(node, NULL, &bytes);
    return bytes;
}
bg_status bgi_attention_call(const bg_call *call)
{
    forward f = forward_of(call->node, call->scratch, NULL);
    const bgi_tile_work *w = &f.w;
    const bgi_attention_sizes *z = &w->z;
    bgi_tile_start(&f.w, call);
    bool is_split = bgi_attention_units(call->node, 1) > 1;
    for (int64_t unit = call->first; unit < call->last; unit++) {
        int64_t head = unit / z->tiles, key_head = is_split ? head - call->first : head / z->group;
        int64_t query = unit % z->tiles * z->rows, place = unit - call->first;
        const void *q = bgi_tile_from(w, call->inputs[0], place * z->rows * z->d);
        const void *k = bgi_tile_from(w, call->inputs[1], key_head * z->s * z->d);
        const void *v = bgi_tile_from(w, call->inputs[2], key_head * z->s * z->e);
        void *y = bgi_tile_at(w, call->output, place * z->rows * (z->e + 2));
        void *largest = bgi_tile_at(w, y, z->rows * z->e), *share = bgi_tile_at(w, largest, z->rows);
        for (int64_t r = 0; r < z->rows; r += BGI_TILE_ROWS)
            attend(&f, head, query + r, bgi_least(BGI_TILE_ROWS, z->rows - r), bgi_tile_from(w, q, r * z->d), k, v,
                   bgi_tile_at(w, y, r * z->e), bgi_tile_at(w, largest, r), bgi_tile_at(w, share, r));
    }
    return BG_OK;
}
