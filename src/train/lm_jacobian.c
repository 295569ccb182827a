/* Residuals and their Jacobian: of samples by their gradients, in one run; otherwise column by column. */
#include "train/lm.h"

#include <blasgrad/grad.h>
#include <blasgrad/ops.h>

#include "graph/graph.h"

#include <stdio.h>

/* Gradients of so many elements of a sample are one program. */
enum { PER_SAMPLE_MOST = 64 };

/* ---- Making ---- */

/* A size for people. */
static const char *size_text(double bytes, char *text, size_t capacity)
{
    static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
    size_t i = 0;
    while (bytes >= 1024 && i + 1 < sizeof units / sizeof *units) {
        bytes /= 1024;
        i++;
    }
    snprintf(text, capacity, "%.4g %s", bytes, units[i]);
    return text;
}

/* J twice, as it comes and in f64; JᵀJ, its damped copy and the factor. */
static bg_status check_size(const bg_lm *l)
{
    double m = (double)l->m, n = (double)l->n, element = (double)bg_dtype_size(bg_model_dtype(l->variables.model));
    double bytes = m * n * (8 + element) + 3 * 8 * n * n;
    char needed[32], bound[32];
    if (bytes <= (double)l->options.max_bytes)
        return BG_OK;
    return bg_fail(BG_ERR_ARGUMENT,
                   "lm: the Jacobian of %lld residuals by %lld parameters, and what is computed with it, takes %s, "
                   "more than max_bytes, %s",
                   (long long)l->m, (long long)l->n, size_text(bytes, needed, sizeof needed),
                   size_text((double)l->options.max_bytes, bound, sizeof bound));
}

/* outputs[1 ..]: the blocks of J, of residuals that are so many samples. BG_ERR_GRADIENT and the like, without an error
 * in the graph, if samples meet. */
static bg_status try_samples(bg_lm *l, bg_node *residuals, int64_t samples, bg_node *const *parameters,
                             bg_node **outputs)
{
    bg_graph *graph = residuals->graph;
    int64_t per_sample = l->m / samples;
    if (per_sample > PER_SAMPLE_MOST)
        return BG_ERR_GRADIENT;
    bg_node *rows = bg_reshape(residuals, BG_SHAPE(samples, per_sample));
    bg_status status = bg_graph_status(graph);
    for (int64_t k = 0; k < per_sample && status == BG_OK; k++)
        status = bg_per_sample_grad(bg_select(rows, 1, k), parameters, l->variables.n_tensors,
                                    outputs + 1 + (size_t)k * l->variables.n_tensors);
    if (status == BG_OK)
        l->per_sample = per_sample;
    else if (status != BG_ERR_NOMEM)
        bgi_graph_forgive(graph);
    return status;
}

/* Of few residuals all can be those of one sample. */
static bg_status take_samples(bg_lm *l, bg_node *residuals, bg_node *const *parameters, bg_node **outputs)
{
    bg_status status = BG_ERR_GRADIENT;
    if (residuals->shape.rank > 0)
        status = try_samples(l, residuals, residuals->shape.dims[0], parameters, outputs);
    if (status != BG_OK && status != BG_ERR_NOMEM)
        status = try_samples(l, residuals, 1, parameters, outputs);
    return status;
}

/* outputs[1]: J · tangents. */
static bg_status take_forward(bg_lm *l, bg_node *residuals, bg_node *const *parameters, bg_node **tangents,
                              bg_node **outputs)
{
    bg_status status = BG_OK;
    for (size_t p = 0; p < l->variables.n_tensors; p++)
        tangents[p] = bg_input(residuals->graph, "a tangent of lm", parameters[p]->dtype, parameters[p]->shape);
    status = bg_graph_status(residuals->graph);
    if (status == BG_OK)
        status = bg_jvp(&residuals, 1, parameters, tangents, l->variables.n_tensors, outputs + 1);
    l->tangents = bgi_alloc_zero(l->engine, l->variables.n_tensors * sizeof(bg_tensor *));
    if (status == BG_OK && !l->tangents)
        status = BG_ERR_NOMEM;
    for (size_t p = 0; p < l->variables.n_tensors && status == BG_OK; p++)
        status = bg_tensor_create(&l->tangents[p], l->engine, parameters[p]->dtype, parameters[p]->shape);
    return status;
}

static bg_status compile(bg_lm *l, bg_node *residuals, bg_node *const *parameters, bg_node **tangents,
                         bg_node **outputs)
{
    outputs[0] = residuals;
    bg_status status = take_samples(l, residuals, parameters, outputs);
    if (status != BG_OK && status != BG_ERR_NOMEM)
        status = take_forward(l, residuals, parameters, tangents, outputs);
    size_t n = 1 + (l->per_sample ? (size_t)l->per_sample * l->variables.n_tensors : 1);
    if (status == BG_OK)
        status = bg_compile(&l->program, residuals->graph, outputs, n, &(bg_compile_options){ .no_updates = true });
    for (size_t p = 0; p < l->variables.n_tensors && status == BG_OK && l->per_sample == 0; p++)
        status = bg_program_bind(l->program, tangents[p], l->tangents[p]);
    return status;
}

bg_status bgi_lm_build(bg_lm *l, bg_model *model, bg_node *residuals)
{
    bgi_arena arena;
    bgi_arena_init(&arena, l->engine);
    size_t most = bg_model_count(model) + 1;
    l->m = bg_shape_count(residuals->shape);
    bg_node **nodes = bgi_arena_push(&arena, 2 * most * sizeof *nodes);
    bg_node **outputs = bgi_arena_push(&arena, (1 + PER_SAMPLE_MOST * most) * sizeof *outputs);
    bg_status status = nodes && outputs ? bgi_variables_take(&l->variables, model, residuals, "lm",
                                                             "the residuals depend", &arena, nodes)
                                        : BG_ERR_NOMEM;
    l->n = l->variables.n;
    if (status == BG_OK)
        status = check_size(l);
    if (status == BG_OK)
        status = compile(l, residuals, nodes, nodes + most, outputs);
    bgi_arena_release(&arena);
    return status;
}

/* ---- Running ---- */

bg_status bgi_lm_evaluate(bg_lm *l, double *loss)
{
    bg_status status = bg_program_run(l->program);
    if (status != BG_OK)
        return status;
    const bg_tensor *residuals = bg_program_output(l->program, 0);
    const void *data = bg_tensor_const_data(residuals);
    bool is_f64 = bg_tensor_dtype(residuals) == BG_F64;
    double sum = 0;
    for (int64_t i = 0; i < l->m; i++) {
        double r = is_f64 ? ((const double *)data)[i] : ((const float *)data)[i];
        sum += r * r;
    }
    *loss = sum / 2;
    return BG_OK;
}

/* Elements of a contiguous tensor, from `from` on, as a row; or all of it, with a stride between them. */
static void copy_elements(const bg_tensor *tensor, int64_t from, int64_t count, double *to, int64_t stride)
{
    const void *data = bg_tensor_const_data(tensor);
    if (bg_tensor_dtype(tensor) == BG_F64)
        for (int64_t i = 0; i < count; i++)
            to[i * stride] = ((const double *)data)[from + i];
    else
        for (int64_t i = 0; i < count; i++)
            to[i * stride] = ((const float *)data)[from + i];
}

static void gather_blocks(const bg_lm *l, double *jacobian)
{
    size_t output = 1;
    for (int64_t k = 0; k < l->per_sample; k++) {
        double *first = jacobian + k * l->n;
        for (size_t p = 0; p < l->variables.n_tensors; p++) {
            const bg_tensor *block = bg_program_output(l->program, output++);
            int64_t count = bg_shape_count(bg_tensor_shape(l->variables.tensors[p]));
            for (int64_t i = 0; i < l->m / l->per_sample; i++)
                copy_elements(block, i * count, count, first + i * l->per_sample * l->n, 1);
            first += count;
        }
    }
}

static void set_element(bg_tensor *tensor, int64_t i, double value)
{
    void *data = bg_tensor_data(tensor);
    if (bg_tensor_dtype(tensor) == BG_F64)
        ((double *)data)[i] = value;
    else
        ((float *)data)[i] = (float)value;
}

static bg_status run_columns(bg_lm *l, double *jacobian)
{
    bg_status status = BG_OK;
    for (size_t p = 0; p < l->variables.n_tensors; p++) {
        int64_t count = bg_shape_count(bg_tensor_shape(l->tangents[p]));
        for (int64_t i = 0; i < count && status == BG_OK; i++) {
            set_element(l->tangents[p], i, 1);
            status = bg_program_run(l->program);
            set_element(l->tangents[p], i, 0);
            if (status == BG_OK)
                copy_elements(bg_program_output(l->program, 1), 0, l->m, jacobian++, l->n);
        }
    }
    return status;
}

bg_status bgi_lm_linearise(bg_lm *l)
{
    bgi_read_as_f64(bg_program_output(l->program, 0), bg_tensor_data(l->residuals));
    double *jacobian = bg_tensor_data(l->jacobian);
    if (l->per_sample == 0)
        return run_columns(l, jacobian);
    gather_blocks(l, jacobian);
    return BG_OK;
}
