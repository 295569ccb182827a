#include "blocked/problem.h"

#include <float.h>

double epsilon_of(bg_dtype dtype) { return dtype == BG_F64 ? DBL_EPSILON / 2 : FLT_EPSILON / 2; }
double get(const bg_tensor *t, int64_t i)
{
    const void *data = bg_tensor_const_data(t);
    return bg_tensor_dtype(t) == BG_F64 ? ((const double *)data)[i] : (double)((const float *)data)[i];
}
void put(bg_tensor *t, int64_t i, double value)
{
    if (bg_tensor_dtype(t) == BG_F64)
        ((double *)bg_tensor_data(t))[i] = value;
    else
        ((float *)bg_tensor_data(t))[i] = (float)value;
}

matrix new_matrix(int64_t rows, int64_t columns)
{
    matrix x = { rows, columns, calloc((size_t)(rows * columns + 1), sizeof *x.data) };
    ck_assert_ptr_nonnull(x.data);
    return x;
}
matrix matrix_of(const bg_tensor *t, int64_t index, int64_t rows, int64_t columns)
{
    matrix x = new_matrix(rows, columns);
    for (int64_t i = 0; i < rows * columns; i++)
        x.data[i] = get(t, index * rows * columns + i);
    return x;
}
matrix turned(matrix x)
{
    matrix y = new_matrix(x.columns, x.rows);
    for (int64_t i = 0; i < x.rows; i++)
        for (int64_t j = 0; j < x.columns; j++)
            y.data[j * x.rows + i] = x.data[i * x.columns + j];
    return y;
}
matrix turned_if(bool turns, matrix x)
{
    if (turns)
        return turned(x);
    matrix y = new_matrix(x.rows, x.columns);
    memcpy(y.data, x.data, (size_t)(x.rows * x.columns) * sizeof *x.data);
    return y;
}
matrix product(matrix x, matrix w)
{
    matrix y = new_matrix(x.rows, w.columns);
    for (int64_t i = 0; i < x.rows; i++)
        for (int64_t k = 0; k < x.columns; k++)
            for (int64_t j = 0; j < w.columns; j++)
                y.data[i * w.columns + j] += x.data[i * x.columns + k] * w.data[k * w.columns + j];
    return y;
}
double norm_between(matrix x, const matrix *y)
{
    double largest = 0;
    for (int64_t i = 0; i < x.rows; i++) {
        double sum = 0;
        for (int64_t j = 0; j < x.columns; j++)
            sum += fabs(x.data[i * x.columns + j] - (y ? y->data[i * x.columns + j] : 0));
        largest = sum <= largest ? largest : sum; /* keeps NaN */
    }
    return largest;
}
void expect_ratio(double residual, double size, bg_dtype dtype, const char *what, int64_t n)
{
    double ratio = size > 0 ? residual / size / epsilon_of(dtype) : residual;
    ck_assert_msg(ratio <= MOST_RATIO, "%s, n %lld, %s: the residual is %g times what it may be", what, (long long)n,
                  bg_dtype_name(dtype), ratio / MOST_RATIO);
}

const bg_dtype types[2] = { BG_F32, BG_F64 };
static draw numbers;
void begin_anew(uint64_t seed) { numbers = draw_from(seed); }
double any(void) { return draw_between(&numbers, -1, 1); }

bg_status solve(const problem *p, int threads, bg_tensor **operands, bg_tensor **result)
{
    bg_engine *engine = NULL;
    bg_graph *graph = NULL;
    bg_program *program = NULL;
    bg_node *nodes[MOST_OPERANDS];
    expect_ok(bg_engine_create(&engine, &(bg_engine_options){ .threads = threads }), "engine");
    expect_ok(bg_graph_create(&graph, engine), "graph");
    for (int k = 0; k < p->n_operands; k++)
        expect_ok(bg_tensor_create(&operands[k], engine, p->dtype, p->shapes[k]), "operand");
    begin_anew(7);
    p->fill(operands, p->which);
    for (int k = 0; k < p->n_operands; k++)
        nodes[k] = bg_parameter(graph, operands[k]);
    bg_node *y = p->build(nodes, p->which);
    expect_ok(bg_compile(&program, graph, &y, 1, NULL), "compile");
    bg_status status = bg_program_run(program);
    if (status == BG_OK)
        status = bg_program_run(program); /* what it works on is as before */
    if (status == BG_OK) {
        const bg_tensor *output = bg_program_output(program, 0);
        expect_ok(bg_tensor_create(result, engine, bg_tensor_dtype(output), bg_tensor_shape(output)), "result");
        size_t bytes = (size_t)bg_shape_count(bg_tensor_shape(output)) * bg_dtype_size(bg_tensor_dtype(output));
        expect_ok(bg_tensor_copy_from(*result, bg_tensor_const_data(output), bytes), "result");
    }
    bg_program_destroy(program);
    bg_graph_destroy(graph);
    bg_engine_destroy(engine);
    return status;
}
void forget(const problem *p, bg_tensor **operands, bg_tensor *result)
{
    for (int k = 0; k < p->n_operands; k++)
        bg_tensor_destroy(operands[k]);
    bg_tensor_destroy(result);
}

void solve_alike(const problem *p, bg_tensor **operands, bg_tensor **result, const char *what)
{
    expect_ok(solve(p, 1, operands, result), what);
    for (int threads = 2; threads <= MOST_THREADS; threads++) {
        bg_tensor *others[MOST_OPERANDS], *other = NULL;
        expect_ok(solve(p, threads, others, &other), what);
        size_t bytes = (size_t)bg_shape_count(bg_tensor_shape(other)) * bg_dtype_size(bg_tensor_dtype(other));
        ck_assert_msg(memcmp(bg_tensor_const_data(*result), bg_tensor_const_data(other), bytes) == 0,
                      "%s: other bits on %d threads", what, threads);
        forget(p, others, other);
    }
}

const mistake *altered;
void alter(bg_tensor *a, int index)
{
    put(a, (index * BAD_ROWS + altered->row) * BAD_ROWS + altered->column, altered->value);
}
