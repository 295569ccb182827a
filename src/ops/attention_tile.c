#include "ops/attention_tile.h"

#include "blas/blas.h"

#include <math.h>

/* ---- Elements of either type ---- */

static bgi_number number_of(bg_dtype dtype, double value)
{
    bgi_number made = { 0 };
    if (dtype == BG_F64)
        made.f64 = value;
    else
        made.f32 = (float)value;
    return made;
}

void bgi_tile_multiply(const bgi_tile_work *w, int64_t m, int64_t n, int64_t k, const void *a, int64_t a_rows,
                       int64_t a_cols, const void *b, int64_t ldb, void *c, int64_t ldc)
{
    bool is_transposed = a_cols != 1;
    int64_t lda = is_transposed ? a_cols : a_rows;
    if (!w->by_blas)
        w->k->product(m, n, k, a, a_rows, a_cols, b, ldb, 1, c, ldc, w->product);
    else if (w->dtype == BG_F64)
        bgi_blas_gemm_f64(is_transposed, false, m, n, k, a, lda, b, ldb, c, ldc);
    else
        bgi_blas_gemm_f32(is_transposed, false, m, n, k, a, lda, b, ldb, c, ldc);
}

void bgi_tile_multiply_onto(const bgi_tile_work *w, bool is_first, int64_t m, int64_t n, int64_t k, const void *a,
                            int64_t a_rows, int64_t a_cols, const void *b, void *c, void *sum)
{
    bgi_tile_multiply(w, m, n, k, a, a_rows, a_cols, b, n, is_first ? c : sum, n);
    if (!is_first && m * n > 0)
        w->k->add(c, c, 1, sum, 1, NULL, 0, m * n);
}

void bgi_tile_fill(const bgi_tile_work *w, void *x, const bgi_number *value, int64_t n)
{
    if (n > 0)
        w->k->move(x, value, 0, NULL, 0, NULL, 0, n);
}

void bgi_tile_turn(const bgi_tile_work *w, void *to, const void *x, int64_t rows, int64_t columns,
                   const bgi_number *scale)
{
    if (rows * columns == 0)
        return;
    (w->dtype == BG_F64 ? w->k->load_f64 : w->k->load_f32)(to, x, columns, rows, 1, columns);
    if (scale)
        w->k->mul(to, to, 1, scale, 0, NULL, 0, columns * rows);
}

/* ---- Scratch, and what a call knows ---- */

void *bgi_tile_take(unsigned char **next, size_t *bytes, size_t part)
{
    part = bgi_aligned(part);
    void *taken = next ? *next : NULL;
    if (next)
        *next += part;
    *bytes += part;
    return taken;
}

void bgi_tile_take_own(bgi_tile_work *w, unsigned char **next, size_t *bytes)
{
    int64_t keys = bgi_least(w->z.s, BGI_TILE_KEYS), rows = bgi_least(w->z.rows, BGI_TILE_ROWS);
    int64_t inner = bgi_most(bgi_most(w->z.d, w->z.e), bgi_most(keys, rows)); /* no product has a larger extent */
    w->product = bgi_tile_take(next, bytes, bgk_product_scratch(inner, inner, inner) * w->size);
    w->flags = bgi_tile_take(next, bytes, (size_t)keys);
    w->choice = bgi_tile_take(next, bytes, (size_t)keys * w->size);
}

bgi_tile_work bgi_tile_work_of(const bg_node *node)
{
    bgi_tile_work w = { .o = node->attributes,
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

void bgi_tile_start(bgi_tile_work *w, const bg_call *call)
{
    w->call = call;
    w->k = bgi_kernels_of(call->node->graph->engine, w->dtype);
    w->by_blas = bgi_engine_prefers_blas(call->node->graph->engine);
    if (w->z.step >= 0)
        w->keep = bgi_keep_of(call->node, w->o->site, *(const int64_t *)call->inputs[w->z.step], w->o->dropout);
}

/* ---- Masks and dropout ---- */

void bgi_tile_mask(const bgi_tile_work *w, void *scores, int64_t head, int64_t query, int64_t key, int64_t n)
{
    const bg_node *mask = w->call->node->inputs[w->z.mask];
    const int64_t *dims = mask->shape.dims;
    int64_t place = dims[0] > 1 ? head / w->z.h : 0;
    place = place * dims[1] + (dims[1] > 1 ? head % w->z.h : 0);
    place = place * dims[2] + (dims[2] > 1 ? query : 0);
    place = place * dims[3] + (dims[3] > 1 ? key : 0);
    int step = dims[3] > 1;
    if (mask->dtype != BG_BOOL) {
        w->k->add(scores, scores, 1, bgi_tile_from(w, w->call->inputs[w->z.mask], place), step, NULL, 0, n);
        return;
    }
    const uint8_t *flags = (const uint8_t *)w->call->inputs[w->z.mask] + place;
    w->k->load_bool(w->choice, flags, 1, n, 0, step);
    w->k->where(scores, w->choice, 1, scores, 1, &w->hidden, 0, n);
}

void bgi_tile_choose(const bgi_tile_work *w, int64_t head, int64_t query, int64_t key, int64_t n)
{
    bgi_keep_row(&w->keep, (head * w->z.l + query) * w->z.s + key, n, w->flags);
    w->k->load_bool(w->choice, w->flags, 1, n, 0, 1);
}

/* ---- How much work ---- */

static double scores_seen(const bg_node *node)
{
    const bgi_attention_attributes *o = node->attributes;
    bgi_attention_sizes z = bgi_attention_sizes_of(node);
    double l = (double)z.l, s = (double)z.s, cut = (double)bgi_least(z.l, z.s);
    return (double)(z.b * z.h) * (o->is_causal ? cut * (cut + 1) / 2 + (l - cut) * s : l * s);
}

double bgi_tile_product_flops(const bg_node *node, double products_d, double products_e)
{
    bgi_attention_sizes z = bgi_attention_sizes_of(node);
    return scores_seen(node) * 2 * (products_d * (double)z.d + products_e * (double)z.e);
}

/* Some ten operations for an exponential, and more for what dropout draws. */
double bgi_tile_flops(const bg_node *node, double product_flops)
{
    return product_flops + scores_seen(node) * (bgi_attention_sizes_of(node).step >= 0 ? 30 : 10);
}

int64_t bgi_tile_grain(double flops, int64_t units)
{
    const double least_task_flops = 1e6;
    double each = flops / (double)units;
    return each >= least_task_flops ? 1 : bgi_most((int64_t)(least_task_flops / (each + 1)), 1);
}
