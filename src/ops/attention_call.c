/* Attention by tiles of the scores, so that they are never in memory as a whole.
 *
 * Forward: Milakov, Gimelshein, Online normalizer calculation for softmax, 2018. Backward: Dao et al., FlashAttention,
 * 2022. Tiles follow from the shapes alone, and each sum over them runs in one order. */
#include "ops/attention.h"

#include "blas/blas.h"

#include <math.h>
#include <string.h>

/* Measured with d 32 to 128 on Zen 4: a tile of scores stays in L2, the lines that are worked on in L1. */
enum {
    TILE_ROWS = 256, /* queries */
    TILE_KEYS = 256,
    LINES = 64,        /* queries whose scores are made and changed at one time */
    CAUSAL_LINES = 32, /* .. where the causal mask cuts through the tile: hidden keys are left out per so many */
};

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }

/* ---- Elements of either type ---- */

typedef union {
    float f32;
    double f64;
} number;

typedef struct {
    const bg_call *call;
    const bgi_attention_attributes *o;
    bgi_attention_sizes z;
    const bgk_kernels *k;
    bg_dtype dtype;
    size_t size;
    bool by_blas;
    bgi_keep keep;
    number zero, one, hidden, scale, kept; /* hidden: -inf; kept: what dropout multiplies with */
    /* Scratch that both calls have. */
    unsigned char *product, *flags, *choice;
} work;

static number number_of(bg_dtype dtype, double value)
{
    number made = { 0 };
    if (dtype == BG_F64)
        made.f64 = value;
    else
        made.f32 = (float)value;
    return made;
}
static inline void *at(const work *w, void *base, int64_t i) { return (unsigned char *)base + (size_t)i * w->size; }
static inline const void *from(const work *w, const void *base, int64_t i)
{
    return (const unsigned char *)base + (size_t)i * w->size;
}

/* c[m, n] = a · b; b and c have contiguous rows, a has them or contiguous columns. */
static void multiply(const work *w, int64_t m, int64_t n, int64_t k, const void *a, int64_t a_rows, int64_t a_cols,
                     const void *b, int64_t ldb, void *c, int64_t ldc)
{
    bool is_transposed = a_cols != 1;
    int64_t lda = is_transposed ? a_cols : a_rows;
    if (!w->by_blas)
        w->k->product(m, n, k, a, a_rows, a_cols, b, ldb, 1, c, ldc, w->product);
    else if (w->dtype == BG_F64)
        bgi_blas_gemm_f64(is_transposed, false, m, n, k, a, lda, b, ldb, false, c, ldc);
    else
        bgi_blas_gemm_f32(is_transposed, false, m, n, k, a, lda, b, ldb, false, c, ldc);
}
/* The same to contiguous c, or added to it by way of `sum`. */
static void multiply_onto(const work *w, bool is_first, int64_t m, int64_t n, int64_t k, const void *a, int64_t a_rows,
                          int64_t a_cols, const void *b, void *c, void *sum)
{
    multiply(w, m, n, k, a, a_rows, a_cols, b, n, is_first ? c : sum, n);
    if (!is_first && m * n > 0)
        w->k->add(c, c, 1, sum, 1, NULL, 0, m * n);
}

static void fill(const work *w, void *x, const number *value, int64_t n)
{
    if (n > 0)
        w->k->move(x, value, 0, NULL, 0, NULL, 0, n);
}
/* [rows, columns] -> [columns, rows], times scale */
static void turn(const work *w, void *to, const void *x, int64_t rows, int64_t columns, const number *scale)
{
    if (rows * columns == 0)
        return;
    (w->dtype == BG_F64 ? w->k->load_f64 : w->k->load_f32)(to, x, columns, rows, 1, columns);
    if (scale)
        w->k->mul(to, to, 1, scale, 0, NULL, 0, columns * rows);
}

/* ---- Scratch: one list of parts gives their places and the bytes of all ---- */

static void *take(unsigned char **next, size_t *bytes, size_t part)
{
    part = (part + 63) / 64 * 64;
    void *taken = next ? *next : NULL;
    if (next)
        *next += part;
    *bytes += part;
    return taken;
}
static void take_shared(work *w, unsigned char **next, size_t *bytes)
{
    int64_t keys = least(w->z.s, TILE_KEYS), inner = most(most(w->z.d, w->z.e), TILE_KEYS);
    w->product = take(next, bytes, BGK_SMALL_SCRATCH(32, inner) * w->size);
    w->flags = take(next, bytes, (size_t)keys);
    w->choice = take(next, bytes, (size_t)keys * w->size);
}
static work work_of(const bg_node *node)
{
    work w = { .o = node->attributes,
               .z = bgi_attention_sizes_of(node),
               .dtype = node->dtype,
               .size = bg_dtype_size(node->dtype) };
    double p = w.o->dropout;
    w.zero = number_of(w.dtype, 0);
    w.one = number_of(w.dtype, 1);
    w.hidden = number_of(w.dtype, -(double)INFINITY);
    w.scale = number_of(w.dtype, w.o->scale);
    w.kept = number_of(w.dtype, p < 1 ? 1 / (1 - p) : 0);
    return w;
}
static void start(work *w, const bg_call *call)
{
    const bgk_table *table = call->node->graph->engine->kernels;
    w->call = call;
    w->k = w->dtype == BG_F64 ? &table->f64 : &table->f32;
    /* The scalar kernels have no chance against OpenBLAS; the others are as fast, and need no copies of a and b. */
    w->by_blas = strcmp(table->name, "scalar") == 0;
    if (w->z.step >= 0)
        w->keep = bgi_keep_of(call->node, w->o->site, *(const int64_t *)call->inputs[w->z.step], w->o->dropout);
}

/* ---- Masks and dropout, a line of scores at a time: query `query` of head `head`, n keys from `key` on ---- */

static void mask_line(const work *w, void *scores, int64_t head, int64_t query, int64_t key, int64_t n)
{
    const bg_node *mask = w->call->node->inputs[w->z.mask];
    const int64_t *dims = mask->shape.dims;
    int64_t place = dims[0] > 1 ? head / w->z.h : 0;
    place = place * dims[1] + (dims[1] > 1 ? head % w->z.h : 0);
    place = place * dims[2] + (dims[2] > 1 ? query : 0);
    place = place * dims[3] + (dims[3] > 1 ? key : 0);
    int step = dims[3] > 1;
    if (mask->dtype != BG_BOOL) {
        w->k->add(scores, scores, 1, from(w, w->call->inputs[w->z.mask], place), step, NULL, 0, n);
        return;
    }
    const uint8_t *flags = (const uint8_t *)w->call->inputs[w->z.mask] + place;
    w->k->load_bool(w->choice, flags, 1, n, 0, step);
    w->k->where(scores, w->choice, 1, scores, 1, &w->hidden, 0, n);
}

/* choice = what dropout keeps, 0 or 1 */
static void choose_line(const work *w, int64_t head, int64_t query, int64_t key, int64_t n)
{
    bgi_keep_row(&w->keep, (head * w->z.l + query) * w->z.s + key, n, w->flags);
    w->k->load_bool(w->choice, w->flags, 1, n, 0, 1);
}

/* How many of n keys from `key` on the query sees. */
static int64_t seen_by(const work *w, int64_t query, int64_t key, int64_t n)
{
    return w->o->is_causal ? most(least(query - key + 1, n), 0) : n;
}
/* Lines to work on at one time, from `query` on, for a tile of so many keys from `key` on. */
static int64_t lines_at(const work *w, int64_t query, int64_t key, int64_t keys)
{
    return seen_by(w, query, key, keys) < keys ? CAUSAL_LINES : LINES;
}

/* ---- Forward ---- */

typedef struct {
    work w;
    unsigned char *q, *k, *scores, *product;
    unsigned char *max, *sum;                               /* of each query of the tile, so far */
    unsigned char *line_max, *line_sum, *shift, *shrinkage; /* of each line */
} forward;

static forward forward_of(const bg_node *node, unsigned char *scratch, size_t *bytes)
{
    forward f = { .w = work_of(node) };
    const bgi_attention_sizes *z = &f.w.z;
    int64_t rows = least(z->rows, TILE_ROWS), keys = least(z->s, TILE_KEYS);
    size_t size = f.w.size, unused = 0;
    unsigned char **place = scratch ? &scratch : NULL;
    bytes = bytes ? bytes : &unused;
    take_shared(&f.w, place, bytes);
    f.q = take(place, bytes, (size_t)(rows * z->d) * size);
    f.k = take(place, bytes, (size_t)(keys * z->d) * size);
    f.scores = take(place, bytes, (size_t)(LINES * keys) * size);
    f.product = take(place, bytes, (size_t)(LINES * z->e) * size);
    f.max = take(place, bytes, (size_t)rows * size);
    f.sum = take(place, bytes, (size_t)rows * size);
    f.line_max = take(place, bytes, LINES * size);
    f.line_sum = take(place, bytes, LINES * size);
    f.shift = take(place, bytes, LINES * size);
    f.shrinkage = take(place, bytes, LINES * size);
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
    const work *w = &f->w;
    const bgk_kernels *k = w->k;
    const int64_t n = seen_by(w, query + lines - 1, key, keys), e = w->z.e;
    const bool is_first = key == 0;
    if (n == 0)
        return;
    multiply(w, lines, n, w->z.d, q, w->z.d, 1, f->k, ldk, f->scores, n);
    for (int64_t r = 0; r < lines; r++) {
        int64_t seen = seen_by(w, query + r, key, n);
        if (w->z.mask >= 0 && seen > 0)
            mask_line(w, at(w, f->scores, r * n), head, query + r, key, seen);
        fill(w, at(w, f->scores, r * n + seen), &w->hidden, n - seen);
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
        k->sub(at(w, f->scores, r * n), at(w, f->scores, r * n), 1, at(w, f->shift, r), 0, NULL, 0, n);
    k->exp(f->scores, f->scores, 1, NULL, 0, NULL, 0, lines * n);
    k->sum_rows(is_first ? sum : f->line_sum, f->scores, lines, n, n);
    for (int64_t r = 0; r < lines && w->z.step >= 0; r++) {
        choose_line(w, head, query + r, key, n);
        k->where(at(w, f->scores, r * n), w->choice, 1, at(w, f->scores, r * n), 1, &w->zero, 0, n);
    }
    multiply(w, lines, e, n, f->scores, n, 1, v, e, is_first ? y : f->product, e);
    if (is_first)
        return;
    k->fma(sum, sum, 1, f->shrinkage, 1, f->line_sum, 1, lines);
    for (int64_t r = 0; r < lines; r++)
        k->fma(at(w, y, r * e), at(w, y, r * e), 1, at(w, f->shrinkage, r), 0, at(w, f->product, r * e), 1, e);
}

/* Queries from `query` on, whose results go to y, largest and share. */
static void attend(const forward *f, int64_t head, int64_t query, int64_t rows, const void *q, const void *k,
                   const void *v, void *y, void *largest, void *share)
{
    const work *w = &f->w;
    const int64_t d = w->z.d, e = w->z.e, end = seen_by(w, query + rows - 1, 0, w->z.s);
    if (d > 0)
        w->k->mul(f->q, q, 1, &w->scale, 0, NULL, 0, rows * d);
    for (int64_t key = 0; key < end; key += TILE_KEYS) {
        const int64_t keys = least(TILE_KEYS, end - key);
        turn(w, f->k, from(w, k, key * d), keys, d, NULL);
        for (int64_t r = 0, lines; r < rows; r += lines) {
            lines = least(lines_at(w, query + r, key, keys), rows - r);
            add_lines(f, head, query + r, lines, key, keys, keys, from(w, f->q, r * d), from(w, v, key * e),
                      at(w, y, r * e), at(w, f->max, r), at(w, f->sum, r));
        }
    }
    /* Nothing is divided by the sum of a query without keys. */
    w->k->div(share, &w->one, 0, f->sum, 1, NULL, 0, rows);
    w->k->where(share, f->sum, 1, share, 1, &w->zero, 0, rows);
    for (int64_t r = 0, n; r < rows; r += n) {
        n = least(LINES, rows - r);
        shift_of(f, at(w, f->max, r), n);
        w->k->move(at(w, largest, r), f->shift, 1, NULL, 0, NULL, 0, n);
        w->k->mul(f->shrinkage, at(w, share, r), 1, &w->kept, 0, NULL, 0, n);
        for (int64_t i = 0; i < n; i++)
            w->k->mul(at(w, y, (r + i) * e), at(w, y, (r + i) * e), 1, at(w, f->shrinkage, i), 0, NULL, 0, e);
    }
}

int64_t bgi_attention_units(const bg_node *node, int input)
{
    bgi_attention_sizes z = bgi_attention_sizes_of(node);
    bool is_split = input <= 0 || (input < 3 && z.tiles == 1 && z.group == 1);
    return is_split ? z.b * z.h * z.tiles : 1;
}
/* Products, and some ten operations for the exponential of a score; a causal mask hides half of them. */
static double flops_of(const bg_node *node, double products_d, double products_e)
{
    const bgi_attention_attributes *o = node->attributes;
    bgi_attention_sizes z = bgi_attention_sizes_of(node);
    double scores = (double)(z.b * z.h) * (double)z.l * (double)z.s;
    double each = 2 * (products_d * (double)z.d + products_e * (double)z.e) + (z.step >= 0 ? 30 : 10);
    return scores * each * (o->is_causal && z.l > 1 ? 0.5 : 1);
}
double bgi_attention_flops(const bg_node *node) { return flops_of(node, 1, 1); }
/* Units whose work is worth a task. */
static int64_t grain_of(double flops, int64_t units)
{
    const double least_task_flops = 1e6;
    double each = flops / (double)units;
    return each >= least_task_flops ? 1 : most((int64_t)(least_task_flops / (each + 1)), 1);
}
int64_t bgi_attention_grain(const bg_node *node)
{
    return grain_of(bgi_attention_flops(node), bgi_attention_units(node, -1));
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
    const work *w = &f.w;
    const bgi_attention_sizes *z = &w->z;
    start(&f.w, call);
    bool is_split = bgi_attention_units(call->node, 1) > 1;
    for (int64_t unit = call->first; unit < call->last; unit++) {
        int64_t head = unit / z->tiles, key_head = is_split ? head - call->first : head / z->group;
        int64_t query = unit % z->tiles * z->rows, place = unit - call->first;
        const void *q = from(w, call->inputs[0], place * z->rows * z->d);
        const void *k = from(w, call->inputs[1], key_head * z->s * z->d);
        const void *v = from(w, call->inputs[2], key_head * z->s * z->e);
        void *y = at(w, call->output, place * z->rows * (z->e + 2));
        void *largest = at(w, y, z->rows * z->e), *share = at(w, largest, z->rows);
        for (int64_t r = 0; r < z->rows; r += TILE_ROWS)
            attend(&f, head, query + r, least(TILE_ROWS, z->rows - r), from(w, q, r * z->d), k, v, at(w, y, r * z->e),
                   at(w, largest, r), at(w, share, r));
    }
    return BG_OK;
}

/* ---- Backward ---- */

typedef struct {
    work w;
    unsigned char *k, *v, *weights, *ds, *product;
    unsigned char *sums; /* Σ dy y of each query of the group */
} backward;

static backward backward_of(const bg_node *node, unsigned char *scratch, size_t *bytes)
{
    backward g = { .w = work_of(node) };
    const bgi_attention_sizes *z = &g.w.z;
    int64_t rows = least(z->rows, TILE_ROWS), keys = least(z->s, TILE_KEYS);
    size_t size = g.w.size, unused = 0;
    unsigned char **place = scratch ? &scratch : NULL;
    bytes = bytes ? bytes : &unused;
    take_shared(&g.w, place, bytes);
    g.k = take(place, bytes, (size_t)(keys * z->d) * size);
    g.v = take(place, bytes, (size_t)(keys * z->e) * size);
    g.weights = take(place, bytes, (size_t)(rows * keys) * size);
    g.ds = take(place, bytes, (size_t)(rows * keys) * size);
    g.product = take(place, bytes, (size_t)(most(rows, keys) * most(z->d, z->e)) * size);
    g.sums = take(place, bytes, (size_t)(z->group * z->l) * size);
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
    const work *w = &g->w;
    const bgk_kernels *k = w->k;
    const int64_t query = t->query + first, n = seen_by(w, query + lines - 1, t->key, t->keys), d = w->z.d, e = w->z.e;
    unsigned char *weights = at(w, g->weights, first * t->keys), *ds = at(w, g->ds, first * t->keys);
    if (n > 0) {
        multiply(w, lines, n, d, from(w, t->q, first * d), d, 1, g->k, t->keys, weights, t->keys);
        multiply(w, lines, n, e, from(w, t->dy, first * e), e, 1, g->v, t->keys, ds, t->keys);
    }
    for (int64_t r = 0; r < lines; r++, weights = at(w, weights, t->keys), ds = at(w, ds, t->keys)) {
        int64_t seen = seen_by(w, query + r, t->key, n);
        fill(w, at(w, weights, seen), &w->zero, t->keys - seen);
        fill(w, at(w, ds, seen), &w->zero, t->keys - seen);
        if (seen == 0)
            continue;
        if (w->z.mask >= 0)
            mask_line(w, weights, t->head, query + r, t->key, seen);
        k->sub(weights, weights, 1, from(w, t->largest, first + r), 0, NULL, 0, seen);
        k->exp(weights, weights, 1, NULL, 0, NULL, 0, seen);
        k->mul(weights, weights, 1, from(w, t->share, first + r), 0, NULL, 0, seen);
        if (w->z.step >= 0) {
            choose_line(w, t->head, query + r, t->key, seen);
            k->mul(ds, ds, 1, &w->kept, 0, NULL, 0, seen);
            k->where(ds, w->choice, 1, ds, 1, &w->zero, 0, seen);
        }
        k->sub(ds, ds, 1, from(w, t->sums, first + r), 0, NULL, 0, seen);
        k->mul(ds, ds, 1, weights, 1, NULL, 0, seen);
        if (w->z.step >= 0) {
            k->mul(weights, weights, 1, &w->kept, 0, NULL, 0, seen);
            k->where(weights, w->choice, 1, weights, 1, &w->zero, 0, seen);
        }
    }
}

static void differentiate_tile(const backward *g, const tile *t)
{
    const work *w = &g->w;
    const int64_t d = w->z.d, e = w->z.e, keys = t->keys;
    bool is_cut = seen_by(w, t->query, t->key, keys) < keys;
    for (int64_t r = 0, lines; r < t->rows; r += lines) {
        lines = least(lines_at(w, t->query + r, t->key, keys), t->rows - r);
        differentiate_lines(g, t, r, lines);
        int64_t n = seen_by(w, t->query + r + lines - 1, t->key, keys);
        multiply_onto(w, t->key == 0, lines, d, n, at(w, g->ds, r * keys), keys, 1, t->k, at(w, t->dq, r * d),
                      g->product);
    }
    int64_t columns = is_cut ? CAUSAL_LINES : keys;
    for (int64_t c = 0; c < keys; c += columns) {
        int64_t n = least(columns, keys - c);
        int64_t first = is_cut ? least(most(t->key + c - t->query, 0), t->rows) : 0, rows = t->rows - first;
        multiply_onto(w, t->is_first_of_keys, n, e, rows, at(w, g->weights, first * keys + c), 1, keys,
                      from(w, t->dy, first * e), at(w, t->dv, c * e), g->product);
        multiply_onto(w, t->is_first_of_keys, n, d, rows, at(w, g->ds, first * keys + c), 1, keys,
                      from(w, t->q, first * d), at(w, t->dk, c * d), g->product);
    }
}

static void sum_piece(const backward *g, const void *y, const void *dy, void *sums)
{
    const work *w = &g->w;
    const int64_t rows = w->z.rows, e = w->z.e;
    for (int64_t r = 0; r < rows; r += TILE_ROWS) {
        int64_t n = least(TILE_ROWS, rows - r);
        w->k->mul(g->product, from(w, y, r * e), 1, from(w, dy, r * e), 1, NULL, 0, n * e);
        w->k->sum_rows(at(w, sums, r), g->product, n, e, e);
    }
}

int64_t bgi_attention_gradient_units(const bg_node *node, int input)
{
    bgi_attention_sizes z = bgi_attention_sizes_of(node);
    return input < 3 || input >= z.y ? z.b * z.hk : 1;
}
double bgi_attention_gradient_flops(const bg_node *node) { return flops_of(node, 3, 2); }
int64_t bgi_attention_gradient_grain(const bg_node *node)
{
    return grain_of(bgi_attention_gradient_flops(node), bgi_attention_gradient_units(node, -1));
}
size_t bgi_attention_gradient_scratch(const bg_node *node)
{
    size_t bytes = 0;
    backward_of(node, NULL, &bytes);
    return bytes;
}

/* One key head with its query heads. */
static void differentiate_head(const backward *g, int64_t key_head, int64_t place)
{
    const work *w = &g->w;
    const bgi_attention_sizes *z = &w->z;
    const int64_t piece = z->rows * (z->e + 2), pieces = z->group * z->tiles, queries = z->group * z->l;
    const void *const *inputs = w->call->inputs;
    const void *q = from(w, inputs[0], place * queries * z->d), *k = from(w, inputs[1], place * z->s * z->d);
    const void *v = from(w, inputs[2], place * z->s * z->e), *y = from(w, inputs[z->y], place * pieces * piece);
    const void *dy = from(w, inputs[z->y + 1], place * queries * z->e);
    void *dq = at(w, w->call->output, place * (queries * z->d + z->s * (z->d + z->e)));
    void *dk = at(w, dq, queries * z->d), *dv = at(w, dk, z->s * z->d);
    for (int64_t i = 0; i < pieces; i++)
        sum_piece(g, from(w, y, i * piece), from(w, dy, i * z->rows * z->e), at(w, g->sums, i * z->rows));
    for (int64_t key = 0; key < z->s; key += TILE_KEYS) {
        tile t = { .key = key, .keys = least(TILE_KEYS, z->s - key), .is_first_of_keys = true };
        t.k = from(w, k, key * z->d);
        t.dk = at(w, dk, key * z->d);
        t.dv = at(w, dv, key * z->e);
        turn(w, g->k, t.k, t.keys, z->d, &w->scale);
        turn(w, g->v, from(w, v, key * z->e), t.keys, z->e, NULL);
        for (int64_t i = 0; i < pieces; i++)
            for (int64_t r = 0; r < z->rows; r += TILE_ROWS) {
                int64_t row = i * z->rows + r;
                t.head = key_head * z->group + i / z->tiles;
                t.query = row % z->l;
                t.rows = least(TILE_ROWS, z->rows - r);
                if (seen_by(w, t.query + t.rows - 1, key, t.keys) == 0)
                    continue;
                t.q = from(w, q, row * z->d);
                t.dy = from(w, dy, row * z->e);
                t.largest = from(w, y, i * piece + z->rows * z->e + r);
                t.share = from(w, t.largest, z->rows);
                t.sums = from(w, g->sums, row);
                t.dq = at(w, dq, row * z->d);
                differentiate_tile(g, &t);
                t.is_first_of_keys = false;
            }
        if (t.is_first_of_keys) {
            fill(w, t.dk, &w->zero, t.keys * z->d);
            fill(w, t.dv, &w->zero, t.keys * z->e);
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
    start(&g.w, call);
    for (int64_t unit = call->first; unit < call->last; unit++)
        differentiate_head(&g, unit, unit - call->first);
    return BG_OK;
}
