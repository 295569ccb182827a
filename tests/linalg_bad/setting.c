#include "setting.h"

#include "support/expect.h"
#include "support/fixed.h"

#include <float.h>
#include <stdlib.h>

enum { STREAM_COTANGENT = 40 };

static double *numbers(int64_t count)
{
    double *v = calloc((size_t)count + 1, sizeof *v);
    ck_assert_ptr_nonnull(v);
    return v;
}
static void write_tensor(bg_tensor *tensor, const double *values)
{
    void *data = bg_tensor_data(tensor);
    int64_t count = bg_shape_count(bg_tensor_shape(tensor));
    for (int64_t i = 0; i < count; i++)
        if (bg_tensor_dtype(tensor) == BG_F64)
            ((double *)data)[i] = values[i];
        else
            ((float *)data)[i] = (float)values[i];
}
static void read_tensor(const bg_tensor *tensor, double *values)
{
    const void *data = bg_tensor_const_data(tensor);
    int64_t count = bg_shape_count(bg_tensor_shape(tensor));
    for (int64_t i = 0; i < count; i++)
        switch (bg_tensor_dtype(tensor)) {
        case BG_F64:
            values[i] = ((const double *)data)[i];
            break;
        case BG_F32:
            values[i] = ((const float *)data)[i];
            break;
        default:
            values[i] = (double)((const int64_t *)data)[i];
        }
}

static bg_shape in_batch(bg_shape shape, int64_t batch)
{
    if (batch == NO_BATCH)
        return shape;
    bg_shape all = { .rank = shape.rank + 1, .dims = { batch } };
    for (int i = 0; i < shape.rank; i++)
        all.dims[i + 1] = shape.dims[i];
    return all;
}

static bool programs_create(bad_setting *s, const bad_row *row, int64_t n, int64_t batch)
{
    bg_node *x[BAD_INPUTS] = { NULL }, *results[1 + BAD_INPUTS] = { NULL }, *parts[1 + BAD_PARTS] = { NULL };
    s->graph = NULL;
    expect_ok(bg_graph_create(&s->graph, s->engine), "graph");
    for (int k = 0; k < s->n_inputs; k++) {
        bg_shape shape = bad_shape(row->forms[k], n), all = in_batch(shape, batch);
        int64_t count = bg_shape_count(shape);
        s->operand_counts[k] = bg_shape_count(all);
        s->operands[k] = numbers(s->operand_counts[k]);
        for (int64_t i = 0; i < (batch == NO_BATCH ? 1 : batch); i++)
            bad_fill(s->operands[k] + i * count, row->forms[k], REGULAR, n, k, 1);
        expect_ok(bg_tensor_create(&s->tensors[k], s->engine, s->dtype, all), "operand");
        x[k] = bg_input(s->graph, "operand", s->dtype, all);
    }
    results[0] = parts[0] = row->value(x);
    s->n_values = 1;
    s->n_parts = row->parts ? row->parts(x, parts + 1) : 1;
    if (!row->parts)
        parts[1] = results[0];
    bg_status status = bg_graph_status(s->graph);
    bg_node *cotangent = NULL;
    if (status == BG_OK && !row->has_no_gradient) {
        bg_shape shape = bg_node_shape(results[0]);
        s->cotangent_count = bg_shape_count(shape);
        s->cotangent = numbers(s->cotangent_count);
        for (int64_t i = 0; i < s->cotangent_count; i++) {
            double number = fixed_number(STREAM_COTANGENT, (uint64_t)i);
            s->cotangent[i] = number < 0 ? 0.75 * number - 0.5 : 0.75 * number + 0.5;
        }
        expect_ok(bg_tensor_create(&s->cotangent_tensor, s->engine, s->dtype, shape), "cotangent");
        cotangent = bg_input(s->graph, "cotangent", s->dtype, shape);
        status = bg_grad_from(results, &cotangent, 1, x, (size_t)s->n_inputs, results + 1);
        s->n_values += s->n_inputs;
    }
    expect_ok(bg_tensor_create(&s->state, s->engine, BG_F64, BG_SCALAR), "state");
    bg_node *state = bg_parameter(s->graph, s->state);
    bg_update(state, bg_add_scalar(state, 1));
    if (status == BG_OK)
        status = bg_compile(&s->programs[0], s->graph, parts, (size_t)(1 + s->n_parts), NULL);
    if (status == BG_OK && cotangent)
        status = bg_compile(&s->programs[1], s->graph, results, (size_t)s->n_values, NULL);
    for (int k = 0; k < s->n_values && status == BG_OK; k++) {
        s->counts[k] = bg_shape_count(bg_node_shape(results[k]));
        s->values[k] = numbers(s->counts[k]);
    }
    for (int k = 0; k < s->n_parts && status == BG_OK; k++) {
        s->part_shapes[k] = bg_node_shape(parts[1 + k]);
        s->part_counts[k] = bg_shape_count(s->part_shapes[k]);
        s->parts[k] = numbers(s->part_counts[k]);
    }
    for (int p = 0; p < 2 && status == BG_OK; p++) {
        for (int k = 0; k < s->n_inputs && s->programs[p]; k++)
            expect_ok(bg_program_bind(s->programs[p], x[k], s->tensors[k]), "bind");
        if (p == 1 && cotangent)
            expect_ok(bg_program_bind(s->programs[p], cotangent, s->cotangent_tensor), "bind");
    }
    return status == BG_OK;
}

bool setting_create(bad_setting *s, const bad_row *row, bg_dtype dtype, int64_t n, int64_t batch, int threads)
{
    bool is_double = dtype == BG_F64;
    *s = (bad_setting){ .dtype = dtype,
                        .epsilon = is_double ? DBL_EPSILON : (double)FLT_EPSILON,
                        .tiny = is_double ? DBL_MIN : (double)FLT_MIN,
                        .largest = is_double ? DBL_MAX : (double)FLT_MAX };
    while (s->n_inputs < BAD_INPUTS && row->forms[s->n_inputs] != NO_FORM)
        s->n_inputs++;
    expect_ok(bg_engine_create(&s->engine, &(bg_engine_options){ .threads = threads }), "engine");
    if (programs_create(s, row, n, batch))
        return true;
    bad_report("%s", bg_last_error());
    setting_destroy(s);
    return false;
}

void setting_destroy(bad_setting *s)
{
    for (int p = 0; p < 2; p++)
        bg_program_destroy(s->programs[p]);
    bg_graph_destroy(s->graph);
    for (int k = 0; k < BAD_INPUTS; k++) {
        bg_tensor_destroy(s->tensors[k]);
        free(s->operands[k]);
    }
    for (int k = 0; k < 1 + BAD_INPUTS; k++)
        free(s->values[k]);
    for (int k = 0; k < BAD_PARTS; k++)
        free(s->parts[k]);
    bg_tensor_destroy(s->cotangent_tensor);
    bg_tensor_destroy(s->state);
    free(s->cotangent);
    bg_engine_destroy(s->engine);
    *s = (bad_setting){ 0 };
}

bg_status setting_run(bad_setting *s, bool with_gradient)
{
    bool is_second = with_gradient && s->programs[1];
    bg_program *program = s->programs[is_second];
    for (int k = 0; k < s->n_inputs; k++)
        write_tensor(s->tensors[k], s->operands[k]);
    if (is_second)
        write_tensor(s->cotangent_tensor, s->cotangent);
    bg_status status = bg_program_run(program);
    for (int k = 0; k < (is_second ? s->n_values : 1) && status == BG_OK; k++)
        read_tensor(bg_program_output(program, (size_t)k), s->values[k]);
    for (int k = 0; k < s->n_parts && !is_second && status == BG_OK; k++)
        read_tensor(bg_program_output(program, (size_t)(1 + k)), s->parts[k]);
    return status;
}

double setting_state(const bad_setting *s) { return *(const double *)bg_tensor_const_data(s->state); }

int64_t setting_offset(const bad_setting *s, int k)
{
    int64_t offset = 0;
    for (int i = 0; i < k; i++)
        offset += s->counts[i];
    return offset;
}

static matrix matrix_from(const double *values, bg_shape shape)
{
    matrix y = matrix_of(shape.rank > 0 ? shape.dims[0] : 1, shape.rank > 1 ? shape.dims[1] : 1);
    for (int64_t i = 0; i < y.rows * y.columns; i++)
        y.v[i] = values[i];
    return y;
}
matrix setting_operand(const bad_setting *s, int k)
{
    return matrix_from(s->operands[k], bg_tensor_shape(s->tensors[k]));
}
matrix setting_part(const bad_setting *s, int k) { return matrix_from(s->parts[k], s->part_shapes[k]); }
