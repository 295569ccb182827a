/* Runs products, column sums and calls. */
#include "base/status.h"
#include "blas/blas.h"
#include "run/run.h"

/* One matrix as BLAS wants it. */
typedef struct {
    const void *data;
    bool is_transposed;
    int64_t leading;
} operand;

static operand operand_of(const unsigned char *base, const bgi_matrix *matrix, int64_t offset, int64_t rows,
                          int64_t columns, size_t size)
{
    bool is_transposed = matrix->columns != 1;
    int64_t leading = is_transposed ? matrix->columns : matrix->rows, least = is_transposed ? rows : columns;
    return (operand){ base + (size_t)offset * size, is_transposed, leading > least ? leading : least };
}

static void multiply_matrices(const bgi_product *p, operand x, operand w, void *y, int64_t m, int64_t n)
{
    if (p->dtype == BG_F64)
        bgi_blas_gemm_f64(x.is_transposed, w.is_transposed, m, n, p->k, x.data, x.leading, w.data, w.leading, y, p->n);
    else
        bgi_blas_gemm_f32(x.is_transposed, w.is_transposed, m, n, p->k, x.data, x.leading, w.data, w.leading, y, p->n);
}

/* y = a · v for a of so many rows, or aᵀ · v of so many columns; the sum runs over k. */
static void multiply_vector(const bgi_product *p, operand a, bool transpose, int64_t size, const void *v,
                            int64_t stride, void *y)
{
    transpose ^= a.is_transposed;
    int64_t rows = transpose ? p->k : size, columns = transpose ? size : p->k;
    if (p->dtype == BG_F64)
        bgi_blas_gemv_f64(transpose, rows, columns, a.data, a.leading, v, stride, y);
    else
        bgi_blas_gemv_f32(transpose, rows, columns, a.data, a.leading, v, stride, y);
}

static void multiply(const bgi_worker *worker, const bgi_product *p, operand x, operand w, void *y, int64_t m,
                     int64_t n)
{
    const bgk_kernels *kernels = bgi_kernels_of(worker->program->engine, p->dtype);
    if (p->provider == BGI_BY_KERNEL)
        kernels->product(m, n, p->k, x.data, p->x.rows, p->x.columns, w.data, p->w.rows, p->w.columns, y, p->n,
                         worker->scratch);
    else if (n == 1)
        multiply_vector(p, x, false, m, w.data, p->w.rows, y);
    else if (m == 1)
        multiply_vector(p, w, true, n, x.data, p->x.columns, y);
    else
        multiply_matrices(p, x, w, y, m, n);
}

static int64_t batch_offset(const bgi_product *p, const bgi_matrix *matrix, int64_t batch)
{
    int64_t offset = matrix->offset;
    for (int d = p->rank - 1; d >= 0; d--) {
        offset += batch % p->dims[d] * matrix->batch[d];
        batch /= p->dims[d];
    }
    return offset;
}

void bgi_run_product(const bgi_worker *worker, const bgi_product *p, int64_t first, int64_t last)
{
    size_t size = bg_dtype_size(p->dtype);
    const unsigned char *x = bgi_locate(worker, &p->x.where, first), *w = bgi_locate(worker, &p->w.where, first);
    unsigned char *y = bgi_locate(worker, &p->y.where, first);
    int64_t start = first * p->unit_size, end = last * p->unit_size;
    if (p->splits_columns) {
        multiply(worker, p, operand_of(x, &p->x, p->x.offset, 1, p->k, size),
                 operand_of(w, &p->w, p->w.offset + start * p->w.columns, p->k, p->n, size), y + (size_t)start * size,
                 1, end - start);
        return;
    }
    for (int64_t row = start; row < end;) {
        int64_t batch = p->batch == 1 ? 0 : row / p->m, from = row - batch * p->m;
        int64_t m = p->m - from < end - row ? p->m - from : end - row;
        multiply(worker, p, operand_of(x, &p->x, batch_offset(p, &p->x, batch) + from * p->x.rows, p->m, p->k, size),
                 operand_of(w, &p->w, batch_offset(p, &p->w, batch), p->k, p->n, size), y + (size_t)(row * p->n) * size,
                 m, p->n);
        row += m;
    }
}

void bgi_run_fold(const bgi_worker *worker, const bgi_folding *f, int64_t first, int64_t last)
{
    size_t size = bg_dtype_size(f->dtype);
    const unsigned char *x = bgi_locate(worker, &f->x, first) + (size_t)f->x_offset * size;
    unsigned char *y = bgi_locate(worker, &f->y, first);
    int64_t start = first * f->unit_size, end = last * f->unit_size;
    if (f->a == 1) {
        f->fold(y + (size_t)start * size, x + (size_t)start * size, f->k, end - start, f->c);
        return;
    }
    for (int64_t i = start; i < end; i++)
        f->fold(y + (size_t)(i * f->c) * size, x + (size_t)(i * f->k * f->c) * size, f->k, f->c, f->c);
}

bg_status bgi_run_call(const bgi_worker *worker, const bgi_calling *c, int64_t first, int64_t last)
{
    unsigned char *scratch = worker->scratch;
    const void **inputs = (const void **)(void *)scratch;
    int64_t from = first * c->unit_size;
    for (int k = 0; k < c->n_inputs; k++)
        inputs[k] = (const unsigned char *)((uintptr_t)bgi_locate(worker, &c->inputs[k], first) +
                                            (uintptr_t)from * c->input_unit_bytes[k]);
    bg_call call = { .node = c->node,
                     .inputs = inputs,
                     .output = (unsigned char *)((uintptr_t)bgi_locate(worker, &c->y, first) +
                                                 (uintptr_t)from * c->unit_bytes),
                     .scratch = scratch + bgi_call_address_bytes(c),
                     .first = from,
                     .last = last * c->unit_size };
    unsigned before = bgi_failures();
    return bgi_check_message(c->node->op->call(&call), before, c->node->op->name, "call");
}
