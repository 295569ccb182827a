/* Products of a triangle with a triangle of which one triangle is wanted, as the gradients of factorisations have them:
 * a sixth of the work of the whole product, shared by rows. */
#include "linalg/blocked.h"
#include "linalg/tiles.h"

#include <string.h>

enum { BLOCK = 64 };

typedef struct {
    int64_t upper;         /* of the result */
    int64_t turns_a;       /* a is stored as its transpose .. */
    int64_t turns_b;       /* .. and so is b */
    int64_t has_unit_of_a; /* the diagonal of a counts as ones */
} attributes_of;

static const attributes_of *attributes(const bg_node *node) { return node->attributes; }

static bg_node *compose(bg_node *node)
{
    const attributes_of *x = attributes(node);
    bg_node *a = x->turns_a ? bgi_transpose_last(node->inputs[0]) : node->inputs[0];
    bg_node *b = x->turns_b ? bgi_transpose_last(node->inputs[1]) : node->inputs[1];
    a = x->has_unit_of_a ? bg_add(bg_triu(a, 1), bgi_identity_like(a)) : bg_triu(a, 0);
    bg_node *y = bg_matmul(a, bg_tril(b, 0));
    return x->upper ? bg_triu(y, 0) : bg_tril(y, 0);
}

static int64_t units(const bg_node *node, int input)
{
    bgi_matrices m = bgi_matrices_of(node);
    return input < 0 ? bgi_most(m.batch * m.rows, 1) : 1;
}
static int64_t grain(const bg_node *node)
{
    (void)node;
    return BLOCK;
}
static double flops(const bg_node *node)
{
    return (double)bg_shape_count(node->shape) * (double)bgi_matrices_of(node).rows / 3;
}
static size_t square_bytes(const bg_node *node)
{
    return bgi_aligned((size_t)(BLOCK * BLOCK) * bg_dtype_size(node->dtype));
}
static size_t scratch(const bg_node *node)
{
    int64_t n = bgi_matrices_of(node).rows;
    return 2 * square_bytes(node) + bgi_tile_scratch(node->dtype, BLOCK, n, n);
}

static bgi_tile part_of(const bgi_tiles *t, bgi_tile x, int64_t i, int64_t j)
{
    x.data = bgi_const_at(x.data, i * x.rows + j * x.columns, t->size);
    return x;
}
/* Rows and columns [first, last) of a triangle, with zeros in place of what is in the other. */
static bgi_tile clean(const bgi_tiles *t, bgi_tile x, bool upper, bool is_unit, int64_t first, int64_t last, void *to)
{
    int64_t n = last - first;
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++) {
            int64_t at = (first + i) * x.rows + (first + j) * x.columns;
            bool is_inside = upper ? j >= i : j <= i;
            double value = is_inside ? bgi_float_at(x.data, t->dtype, at) : 0;
            bgi_put_float(to, t->dtype, i * n + j, is_unit && i == j ? 1 : value);
        }
    return (bgi_tile){ to, n, 1 };
}

/* Rows [first, last) of y [n, n]. The sum of element (i, j) begins at the larger of both. */
static void multiply_rows(const bg_call *call, const bgi_tiles *t, bgi_tile a, bgi_tile b, int64_t n, int64_t first,
                          int64_t last, void *y)
{
    const attributes_of *x = attributes(call->node);
    int64_t rows = last - first;
    bgi_tile left = clean(t, a, true, x->has_unit_of_a, first, last, call->scratch);
    bgi_tile right = clean(t, b, false, false, first, last, (char *)call->scratch + square_bytes(call->node));
    memset(y, 0, (size_t)(rows * n) * t->size);
    if (x->upper) { /* columns beyond, each block from its own first row of b on */
        void *square = (char *)call->scratch + square_bytes(call->node);
        for (int64_t j = last, end; j < n; j = end) {
            end = bgi_least(n, j + BLOCK);
            bgi_tile own = clean(t, b, false, false, j, end, square);
            void *to = bgi_at(y, j, t->size);
            bgi_tiles_subtract(t, rows, end - j, end - j, part_of(t, a, first, j), own, to, n);
            bgi_tiles_subtract(t, rows, end - j, n - end, part_of(t, a, first, end), part_of(t, b, end, j), to, n);
        }
        right = clean(t, b, false, false, first, last, square);
    } else {
        bgi_tiles_subtract(t, rows, first, rows, left, part_of(t, b, first, 0), y, n);
        bgi_tiles_subtract(t, rows, first, n - last, part_of(t, a, first, last), part_of(t, b, last, 0), y, n);
    }
    void *diagonal = bgi_at(y, first, t->size);
    bgi_tiles_subtract(t, rows, rows, rows, left, right, diagonal, n);
    bgi_tiles_subtract(t, rows, rows, n - last, part_of(t, a, first, last), part_of(t, b, last, first), diagonal, n);
    for (int64_t i = 0; i < rows; i++) {
        int64_t start = x->upper ? first + i : 0, end = x->upper ? n : first + i + 1;
        void *row = bgi_at(y, i * n, t->size), *wanted = bgi_at(row, start, t->size);
        memset(bgi_at(row, first, t->size), 0, (size_t)(start > first ? start - first : 0) * t->size);
        memset(bgi_at(row, end, t->size), 0, (size_t)(last > end ? last - end : 0) * t->size);
        t->kernels->neg(wanted, wanted, 1, NULL, 0, NULL, 0, end - start);
    }
}
static bg_status call_product(const bg_call *call)
{
    const attributes_of *x = attributes(call->node);
    int64_t n = bgi_matrices_of(call->node).rows;
    bgi_tiles t = bgi_tiles_of(call, (char *)call->scratch + 2 * square_bytes(call->node));
    for (int64_t unit = call->first, end; unit < call->last; unit = end) {
        int64_t matrix = unit / n, first = unit % n;
        int64_t last = bgi_least(bgi_least(n, first + call->last - unit), (first / BLOCK + 1) * BLOCK);
        end = unit + last - first;
        bgi_tile a = bgi_tile_of(&t, bgi_const_at(call->inputs[0], matrix * n * n, t.size), n, 0, 0);
        bgi_tile b = bgi_tile_of(&t, bgi_const_at(call->inputs[1], matrix * n * n, t.size), n, 0, 0);
        multiply_rows(call, &t, x->turns_a ? bgi_turned(a) : a, x->turns_b ? bgi_turned(b) : b, n, first, last,
                      bgi_at(call->output, (unit - call->first) * n, t.size));
    }
    return BG_OK;
}
static const bg_op triangle_product_op = { .name = "triangle_product",
                                           .arity = 2,
                                           .infer = bgi_infer_same,
                                           .compose = compose,
                                           .call = call_product,
                                           .units = units,
                                           .flops = flops,
                                           .product_flops = flops,
                                           .scratch = scratch,
                                           .grain = grain,
                                           .never_fails = true };

bg_node *bgi_triangle_product(bg_node *a, bg_node *b, const bgi_triangles *which)
{
    attributes_of x = { which->upper, which->turns_a, which->turns_b, which->has_unit_of_a };
    return bg_apply(&triangle_product_op, (bg_node *[]){ a, b }, 2, &x, sizeof x);
}
