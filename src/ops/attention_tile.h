/* What forward and backward attention do with a tile of scores, for either type. */
#ifndef BGI_ATTENTION_TILE_H
#define BGI_ATTENTION_TILE_H

#include "ops/attention.h"
#include "ops/random.h"

/* A tile of scores stays in L2, the lines that are worked on in L1. On Zen 4 with d 64 and 128, tiles of 128 to 512 and
 * 32 to 128 lines differ by less than 5 %; hiding keys by 32 instead of 64 queries saves 15 % at 64 queries. */
enum {
    BGI_TILE_ROWS = 256, /* queries */
    BGI_TILE_KEYS = 256,
    BGI_TILE_LINES = 64, /* queries whose scores are made and changed at one time */
    BGI_TILE_CAUSAL_LINES =
        32 /* .. where the causal mask cuts through the tile: hidden keys are left out per so many */
};

typedef union {
    float f32;
    double f64;
} bgi_number;

typedef struct {
    const bg_call *call;
    const bgi_attention_attributes *o;
    bgi_attention_sizes z;
    const bgk_kernels *k;
    bg_dtype dtype;
    size_t size;
    bool by_blas;
    bgi_keep keep;
    bgi_number zero, one, hidden, scale, kept; /* hidden: -inf; kept: what dropout multiplies with */
    unsigned char *product, *flags, *choice;   /* scratch: of products, and of a line's mask */
} bgi_tile_work;

bgi_tile_work bgi_tile_work_of(const bg_node *node);
/* Before the first tile of a call. */
void bgi_tile_start(bgi_tile_work *w, const bg_call *call);
/* The next part of the scratch; bytes counts them all. next may be NULL: then they are counted only. */
void *bgi_tile_take(unsigned char **next, size_t *bytes, size_t part);
void bgi_tile_take_own(bgi_tile_work *w, unsigned char **next, size_t *bytes);

/* For the compiler: operations in so many products of depth d and e for each score that is seen, in all with those, and
 * the units that are worth a task. */
double bgi_tile_product_flops(const bg_node *node, double products_d, double products_e);
double bgi_tile_flops(const bg_node *node, double product_flops);
int64_t bgi_tile_grain(double flops, int64_t units);

static inline void *bgi_tile_at(const bgi_tile_work *w, void *base, int64_t i)
{
    return (unsigned char *)base + (size_t)i * w->size;
}
static inline const void *bgi_tile_from(const bgi_tile_work *w, const void *base, int64_t i)
{
    return (const unsigned char *)base + (size_t)i * w->size;
}

/* c[m, n] = a · b; b and c have contiguous rows, a has them or contiguous columns. _onto: c is contiguous as b is, and
 * unless this is the first it is added to, by way of `sum`. */
void bgi_tile_multiply(const bgi_tile_work *w, int64_t m, int64_t n, int64_t k, const void *a, int64_t a_rows,
                       int64_t a_cols, const void *b, int64_t ldb, void *c, int64_t ldc);
void bgi_tile_multiply_onto(const bgi_tile_work *w, bool is_first, int64_t m, int64_t n, int64_t k, const void *a,
                            int64_t a_rows, int64_t a_cols, const void *b, void *c, void *sum);
void bgi_tile_fill(const bgi_tile_work *w, void *x, const bgi_number *value, int64_t n);
/* x [rows, columns] -> [columns, rows], times scale (NULL: 1). */
void bgi_tile_turn(const bgi_tile_work *w, void *to, const void *x, int64_t rows, int64_t columns,
                   const bgi_number *scale);

/* A line of scores: query `query` of head `head`, n keys from `key` on. _mask applies the mask; _choose sets w->choice
 * to what dropout keeps, 0 or 1. */
void bgi_tile_mask(const bgi_tile_work *w, void *scores, int64_t head, int64_t query, int64_t key, int64_t n);
void bgi_tile_choose(const bgi_tile_work *w, int64_t head, int64_t query, int64_t key, int64_t n);

/* How many of n keys from `key` on the query sees. */
static inline int64_t bgi_tile_seen(const bgi_tile_work *w, int64_t query, int64_t key, int64_t n)
{
    return w->o->is_causal ? bgi_most(bgi_least(query - key + 1, n), 0) : n;
}
/* Lines to work on at one time, from `query` on, in a tile of n keys from `key` on. */
static inline int64_t bgi_tile_lines(const bgi_tile_work *w, int64_t query, int64_t key, int64_t n)
{
    return bgi_tile_seen(w, query, key, n) < n ? BGI_TILE_CAUSAL_LINES : BGI_TILE_LINES;
}

#endif
