/* Which matrices are small, and how they come side by side. */
#include "linalg/small.h"

#include <string.h>

/* Up to which extent lanes are faster than one matrix after the other; bench/grid.md says where that was measured. */
typedef struct {
    int cholesky, solve, lu, svd;
} limits;
static const struct {
    const char *kernels;
    limits f32, f64;
} limits_of[] = {
    { "avx512", { 64, 56, 64, 64 }, { 64, 48, 64, 48 } },
    { "avx2", { 64, 32, 64, 48 }, { 64, 8, 64, 32 } },
    { "scalar", { 16, 4, 16, 8 }, { 11, 4, 16, 8 } },
};
enum {
    LEAST_BATCH = 4,         /* empty lanes take as long as full ones */
    MOST_ELEMENTS = 1 << 13, /* of a matrix: side by side they stay in a level 2 cache */
    LANES_WORTH = 1 << 9     /* elements of the matrices of a task */
};

static int limit_of(bgi_small_kind kind, const bg_node *x)
{
    const char *kernels = x->graph->engine->kernels->name;
    for (size_t i = 0; i < sizeof limits_of / sizeof *limits_of; i++)
        if (strcmp(limits_of[i].kernels, kernels) == 0) {
            const limits *l = x->dtype == BG_F64 ? &limits_of[i].f64 : &limits_of[i].f32;
            return kind == BGI_SMALL_CHOLESKY ? l->cholesky
                   : kind == BGI_SMALL_SOLVE  ? l->solve
                   : kind == BGI_SMALL_LU     ? l->lu
                                              : l->svd;
        }
    return 0;
}

bool bgi_small_serves(bgi_small_kind kind, const bg_node *x, int64_t n)
{
    bgi_matrices m = bgi_matrices_of(x);
    return n > 0 && n <= limit_of(kind, x) && m.batch >= LEAST_BATCH && m.rows * m.columns <= MOST_ELEMENTS;
}

int64_t bgi_small_grain(int64_t n)
{
    int64_t groups = LANES_WORTH / (n * n * BGK_LANES);
    return BGK_LANES * (groups > 1 ? groups : 1);
}

bgi_small_group bgi_small_group_of(const bg_call *call, int64_t first)
{
    int64_t left = call->last - call->first - first;
    return (bgi_small_group){ bgi_call_kernels(call), call->node->dtype, bgk_least(left, BGK_LANES) };
}

bg_status bgi_small_groups(const bg_call *call, bg_status (*run)(const bg_call *call, int64_t first))
{
    bg_status status = BG_OK;
    for (int64_t first = 0; first < call->last - call->first && status == BG_OK; first += BGK_LANES)
        status = run(call, first);
    return status;
}

int64_t bgi_small_finite(bg_dtype dtype, const void *x, int64_t matrices, int64_t count)
{
    return count > 0 ? bgi_first_not_finite(dtype, x, matrices * count) / count : matrices;
}
bg_status bgi_small_check_results(const bg_call *call, int64_t first, int64_t solvable, bg_status after)
{
    bgi_matrices m = bgi_matrices_of(call->node);
    int64_t count = m.rows * m.columns;
    int64_t finite = bgi_small_finite(call->node->dtype, bgi_output_at(call, first, count), solvable, count);
    return finite < solvable ? bgi_check_result(call, first + finite) : after;
}

/* Rows that follow each other are one. */
static void join_rows(int64_t *rows, int64_t *columns)
{
    if (bgi_small_row(*columns) == bgi_small_elements(*columns)) {
        *columns *= *rows;
        *rows = 1;
    }
}
void bgi_small_take(const bgi_small_group *g, int64_t rows, int64_t columns, int64_t stride, const void *x, void *lanes)
{
    size_t size = bg_dtype_size(g->dtype);
    int64_t row = bgi_small_row(columns);
    if (g->matrices < BGK_LANES)
        memset(lanes, 0, (size_t)(rows * row) * size);
    join_rows(&rows, &columns);
    for (int64_t i = 0; i < rows; i++)
        g->kernels->transpose(bgi_at(lanes, i * row, size), BGK_LANES, bgi_const_at(x, i * columns, size), stride,
                              columns, g->matrices);
}

void bgi_small_give(const bgi_small_group *g, int64_t rows, int64_t columns, int64_t stride, const void *lanes, void *x)
{
    size_t size = bg_dtype_size(g->dtype);
    int64_t row = bgi_small_row(columns);
    join_rows(&rows, &columns);
    for (int64_t i = 0; i < rows; i++)
        g->kernels->transpose(bgi_at(x, i * columns, size), stride, bgi_const_at(lanes, i * row, size), BGK_LANES,
                              g->matrices, columns);
}

/* The kernel substitutes forward with a lower triangle from the left. From the right it is the transposed system; an
 * upper triangle is one counted from its end. */
void bgi_small_substitute(const bgi_small_group *g, bgi_triangular how, int64_t rows, int64_t columns, const void *a,
                          void *x, void *scratch)
{
    size_t size = bg_dtype_size(g->dtype);
    int64_t n = how.is_right ? columns : rows, row = bgi_small_row(n), line = bgi_small_row(columns);
    bool is_turned = how.is_transposed != how.is_right;
    int64_t a_rows = is_turned ? BGK_LANES : row, a_cols = is_turned ? row : BGK_LANES;
    int64_t x_rows = how.is_right ? BGK_LANES : line, x_cols = how.is_right ? line : BGK_LANES;
    if (how.is_upper != is_turned) {
        a = bgi_const_at(a, (n - 1) * (a_rows + a_cols), size);
        x = bgi_at(x, (n - 1) * x_rows, size);
        a_rows = -a_rows, a_cols = -a_cols, x_rows = -x_rows;
    }
    g->kernels->lockstep_solve(n, how.is_right ? rows : columns, a, a_rows, a_cols, x, x_rows, x_cols, how.is_unit,
                               scratch);
}

size_t bgi_small_apply_scratch(bg_dtype dtype, int64_t n, int64_t r)
{
    return (size_t)(bgi_small_elements(2 * n) + bgi_small_matrix(n, n) + bgi_small_matrix(n, r)) * bg_dtype_size(dtype);
}
void bgi_small_apply(const bgi_small_group *g, const bgi_triangular how[2], int64_t n, int64_t r, int64_t stride,
                     const void *factors, const void *b, void *x, void *scratch)
{
    size_t size = bg_dtype_size(g->dtype);
    void *lanes = bgi_at(scratch, bgi_small_elements(2 * n), size);
    void *sides = bgi_at(lanes, bgi_small_matrix(n, n), size);
    bgi_small_take(g, n, n, stride, factors, lanes);
    bgi_small_take(g, n, r, n * r, b, sides);
    bgi_small_substitute(g, how[0], n, r, lanes, sides, scratch);
    bgi_small_substitute(g, how[1], n, r, lanes, sides, scratch);
    bgi_small_give(g, n, r, n * r, sides, x);
}
