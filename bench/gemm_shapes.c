/* Sizes of matrix products that are worth measuring. */
#include "gemm_shapes.h"

/* ---- Ours: layers of the workloads, each rows of `in` numbers to rows of `out` ---- */

typedef struct {
    const char *from;
    int64_t rows, in, out;
    bool is_first; /* nothing wants the gradient of its input */
} layer;

static const layer layers[] = {
    { "tiny", 32, 2, 16, true },
    { "tiny", 32, 16, 16, false },
    { "tiny", 32, 16, 1, false },
    { "mlp-b1", 1, 784, 512, true },
    { "mlp-b1", 1, 512, 512, false },
    { "mlp-b1", 1, 512, 10, false },
    { "mlp-b32", 32, 784, 512, true },
    { "mlp-b32", 32, 512, 512, false },
    { "mlp-b32", 32, 512, 10, false },
    { "mlp-b128", 128, 784, 512, true },
    { "mlp-b128", 128, 512, 512, false },
    { "mlp-b128", 128, 512, 10, false },
    { "mlp-b512", 512, 784, 512, true },
    { "mlp-b512", 512, 512, 512, false },
    { "mlp-b512", 512, 512, 10, false },
    { "wide", 256, 1024, 4096, true },
    { "wide", 256, 4096, 4096, false },
    { "wide", 256, 4096, 1000, false },
    { "char-lstm", 2500, 256, 1024, false }, /* the inputs of all steps */
    { "char-lstm", 50, 256, 1024, false },   /* the state of one step */
    { "char-lstm", 2500, 256, 65, false },
    { "char-gpt", 768, 128, 384, false },
    { "char-gpt", 768, 128, 128, false },
    { "char-gpt", 768, 128, 512, false },
    { "char-gpt", 768, 512, 128, false },
    { "char-gpt", 768, 128, 65, false },
    { "gpt2", 256, 768, 2304, false },
    { "gpt2", 256, 768, 768, false },
    { "gpt2", 256, 768, 3072, false },
    { "gpt2", 256, 3072, 768, false },
    { "gpt2", 256, 768, 50257, false },
};

/* ---- DeepBench: training_set of code/kernels/gemm_problems.h, github.com/baidu-research/DeepBench ----
 * Matrices there are column-major, c [m, n] = a · b: in rows that is cᵀ = bᵀ · aᵀ. */

enum { MOST = 5 };

typedef struct {
    int64_t m[MOST], n[MOST], k[MOST]; /* every combination; k all zero: as m */
    const char *transposed;            /* pairs of letters for a and b, n or t */
} family;

#define HIDDEN                                                                                                         \
    {                                                                                                                  \
        1760, 2048, 2560, 4096                                                                                         \
    }
#define BATCHES                                                                                                        \
    {                                                                                                                  \
        16, 32, 64, 128                                                                                                \
    }
#define LONG                                                                                                           \
    {                                                                                                                  \
        24000, 48000                                                                                                   \
    }

static const family deepbench[] = {
    { .m = HIDDEN, .n = { 16, 32, 64, 128, 7000 }, .transposed = "nntn" },
    { .m = HIDDEN, .n = { 7133 }, .transposed = "nt" },
    { .m = { 5124 }, .n = { 9124 }, .k = HIDDEN, .transposed = "nntn" },
    { .m = { 35 }, .n = { 8457 }, .k = HIDDEN, .transposed = "nntn" },
    { .m = { 7680 }, .n = BATCHES, .k = { 2560 }, .transposed = "nntn" },
    { .m = { 3072 }, .n = BATCHES, .k = { 1024 }, .transposed = "nntn" },
    { .m = { 3072 }, .n = { 7435 }, .k = { 1024 }, .transposed = "nt" },
    { .m = { 7680 }, .n = { 5481 }, .k = { 2560 }, .transposed = "nt" },
    { .m = { 512, 1024 }, .n = { 8, 16 }, .k = { 500000 }, .transposed = "nntn" },
    { .m = { 1024 }, .n = { 700 }, .k = { 512 }, .transposed = "nntn" },
    { .m = { 7680 }, .n = LONG, .k = { 2560 }, .transposed = "nntn" },
    { .m = { 6144 }, .n = LONG, .k = { 2048 }, .transposed = "nntn" },
    { .m = { 4608 }, .n = LONG, .k = { 1536 }, .transposed = "nntn" },
    { .m = { 8448 }, .n = LONG, .k = { 2816 }, .transposed = "nntn" },
    { .m = { 3072 }, .n = LONG, .k = { 1024 }, .transposed = "nntn" },
    { .m = { 6144 }, .n = { 16, 32 }, .k = { 2048 }, .transposed = "nntn" },
    { .m = { 4608 }, .n = { 16, 32 }, .k = { 1536 }, .transposed = "nntn" },
    { .m = { 8448 }, .n = { 16, 32 }, .k = { 2816 }, .transposed = "nntn" },
    { .m = { 512, 1024 }, .n = LONG, .k = { 2816, 2048, 2560, 1536 }, .transposed = "nntn" },
    { .m = { 512, 1024 }, .n = { 16, 32 }, .k = { 512 }, .transposed = "nnnt" },
};

/* ---- The list ---- */

typedef struct {
    gemm_shape *shapes;
    size_t n, capacity;
} list;

static void add(list *l, gemm_shape shape)
{
    if (l->n < l->capacity)
        l->shapes[l->n] = shape;
    l->n++;
}

/* y = x·wᵀ, so dx = dy·w and dw = dyᵀ·x. */
static void add_layer(list *l, const layer *y)
{
    add(l, (gemm_shape){ y->from, y->rows, y->out, y->in, false, true });
    if (!y->is_first)
        add(l, (gemm_shape){ y->from, y->rows, y->in, y->out, false, false });
    add(l, (gemm_shape){ y->from, y->out, y->in, y->rows, true, false });
}

static void add_family(list *l, const family *f)
{
    for (int t = 0; f->transposed[t]; t += 2)
        for (int i = 0; i < MOST && f->m[i]; i++)
            for (int k = 0; k < MOST && (k == 0 || f->k[k]); k++)
                for (int j = 0; j < MOST && f->n[j]; j++)
                    add(l, (gemm_shape){ .from = "deepbench",
                                         .m = f->n[j],
                                         .n = f->m[i],
                                         .k = f->k[k] ? f->k[k] : f->m[i],
                                         .transposes_x = f->transposed[t + 1] == 't',
                                         .transposes_w = f->transposed[t] == 't' });
}

size_t gemm_shapes(gemm_shape *shapes, size_t capacity)
{
    list l = { .shapes = shapes, .capacity = capacity };
    for (size_t i = 0; i < sizeof layers / sizeof layers[0]; i++)
        add_layer(&l, &layers[i]);
    for (size_t i = 0; i < sizeof deepbench / sizeof deepbench[0]; i++)
        add_family(&l, &deepbench[i]);
    return l.n;
}
