/* Steps of routines of linear algebra, and their comparison with f64 and with differences. */
#include "matrices.h"
#include "step.h"

#include <math.h>
#include <stdlib.h>

/* ---- Operands ---- */

static bg_shape shape_of(const workload *w, const matrix_input *input)
{
    bg_shape shape = { 0 };
    if (w->sizes.k)
        shape.dims[shape.rank++] = w->sizes.k;
    if (input->rows)
        shape.dims[shape.rank++] = input->rows;
    if (input->columns)
        shape.dims[shape.rank++] = input->columns;
    return shape;
}

/* The element of row i to which 2 √n are added. */
static int64_t large_column(matrix_kind kind, int64_t n, int64_t i)
{
    return kind == NEEDS_PIVOTS ? (i + n / 2) % n : i;
}

static void arrange(matrix_kind kind, int64_t n, double *a)
{
    for (int64_t i = 0; i < n && (kind == IS_SYMMETRIC || kind == IS_POSITIVE); i++)
        for (int64_t j = i + 1; j < n; j++)
            a[i * n + j] = a[j * n + i];
    for (int64_t i = 0; i < n && kind != IS_GENERAL && kind != IS_SYMMETRIC; i++)
        a[i * n + large_column(kind, n, i)] += ceil(2 * sqrt((double)n));
}

/* Numbers of f32 in f64 too, so that both compute the same. */
static bg_status make_input(workload_step *step, const workload *w, const matrix_input *input, int place,
                            bg_dtype dtype)
{
    bg_shape shape = shape_of(w, input);
    int64_t count = bg_shape_count(shape), n = w->sizes.n;
    double *numbers = calloc((size_t)count + 1, sizeof *numbers);
    if (!numbers)
        return bg_fail(BG_ERR_NOMEM, "workload: out of memory");
    uint64_t state = (uint64_t)place + 1;
    for (int64_t i = 0; i < count; i++)
        numbers[i] = input->low + (input->high - input->low) * step_draw(&state, 0);
    for (int64_t first = 0; first < count && place == 0; first += n * n)
        arrange(w->routine->kind, n, numbers + first);
    bg_tensor *tensor;
    bg_status status = bg_tensor_create(&tensor, bg_model_engine(step->model), dtype, shape);
    if (status == BG_OK) {
        for (int64_t i = 0; i < count; i++)
            step_store(tensor, bg_tensor_data(tensor), i, (double)(float)numbers[i]);
        status = bg_model_set(step->model, input->name, tensor, input->is_operand);
        bg_tensor_destroy(tensor);
    }
    free(numbers);
    return status;
}

bg_status step_of_matrices(workload_step *step, const workload *w, bg_dtype dtype)
{
    matrix_input inputs[MATRIX_INPUTS_MAX];
    bg_node *nodes[MATRIX_INPUTS_MAX], *outputs[1 + MATRIX_INPUTS_MAX];
    int n = w->routine->inputs(w->sizes.n, inputs);
    for (int i = 0; i < n; i++) {
        bg_status status = make_input(step, w, &inputs[i], i, dtype);
        if (status != BG_OK)
            return status;
        bg_tensor *tensor = bg_model_find(step->model, inputs[i].name);
        nodes[i] = inputs[i].is_operand ? bg_parameter(step->graph, tensor) : bg_buffer(step->graph, tensor);
        step->n_results += inputs[i].is_operand;
    }
    outputs[0] = step->loss = w->routine->value(nodes);
    bg_status status = bg_grad(outputs[0], nodes, step->n_results, outputs + 1);
    return status == BG_OK ? bg_compile(&step->program, step->graph, outputs, 1 + step->n_results, NULL) : status;
}

/* ---- Slopes ---- */

/* Moves the operands along a random direction, which keeps a symmetric one so. With gradients (may be NULL), what they
 * say of the slope there is added. */
static void move(const workload_step *step, const workload *w, double distance, const workload_step *gradients,
                 double *slope)
{
    matrix_input inputs[MATRIX_INPUTS_MAX];
    int64_t n = w->sizes.n;
    w->routine->inputs(n, inputs);
    for (size_t k = 0; k < step->n_results; k++) {
        bg_tensor *tensor = bg_model_find(step->model, inputs[k].name);
        const bg_tensor *gradient = gradients ? bg_program_output(gradients->program, k + 1) : NULL;
        bool is_symmetric = k == 0 && (w->routine->kind == IS_SYMMETRIC || w->routine->kind == IS_POSITIVE);
        int64_t count = bg_shape_count(bg_tensor_shape(tensor));
        double *data = bg_tensor_data(tensor);
        uint64_t state = 100 + k;
        for (int64_t i = 0; i < count; i++) {
            double along = 2 * step_draw(&state, 0) - 1;
            int64_t row = i / n % n, column = i % n, mirrored = i + (column - row) * (n - 1);
            if (is_symmetric && column > row)
                continue;
            data[i] += distance * along;
            *slope += gradient ? along * step_element(gradient, i) : 0;
            if (is_symmetric && column < row) {
                data[mirrored] += distance * along;
                *slope += gradient ? along * step_element(gradient, mirrored) : 0;
            }
        }
    }
}

static bg_status run(const workload_step *step, double *value)
{
    bg_status status = bg_program_run(step->program);
    return status == BG_OK ? bg_tensor_item(bg_program_output(step->program, 0), 0, value) : status;
}

/* exact has run; its operands are other ones afterwards. */
static bg_status compare_slope(const workload_step *exact, const workload *w, double norm, double *error)
{
    static const double DISTANCE = 1e-4;
    double expected = 0, unused = 0, ends[2] = { 0, 0 };
    move(exact, w, DISTANCE, exact, &expected);
    bg_status status = run(exact, &ends[1]);
    move(exact, w, -2 * DISTANCE, NULL, &unused);
    if (status == BG_OK)
        status = run(exact, &ends[0]);
    *error = fabs((ends[1] - ends[0]) / (2 * DISTANCE) - expected) / norm;
    return status;
}

bg_status matrices_compare(const workload_step *step, const workload *w, workload_result *result)
{
    workload_step exact;
    bg_status status = workload_start(&exact, w, bg_model_engine(step->model), BG_F64, NULL);
    if (status != BG_OK)
        return status;
    double norm = 0, slope_error = 0;
    status = run(&exact, &result->exact_loss);
    if (status == BG_OK)
        status = workload_compare(step, &exact, &result->error);
    for (size_t i = 0; i < step->n_results && status == BG_OK; i++) {
        result->norm = hypot(result->norm, step_norm(bg_program_output(step->program, i + 1)));
        norm = hypot(norm, step_norm(bg_program_output(exact.program, i + 1)));
    }
    if (status == BG_OK)
        status = compare_slope(&exact, w, norm, &slope_error);
    result->error = step_worse(result->error, slope_error);
    workload_finish(&exact);
    return status;
}
