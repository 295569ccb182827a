/* L-BFGS, in the form of torch.optim.LBFGS. */
#include "train/lbfgs.h"

#include <blasgrad/grad.h>

#include "graph/graph.h"
#include "nn/model.h"
#include "train/parameters.h"

#include <math.h>
#include <string.h>

/* ---- Making ---- */

static bg_status check_options(const bg_lbfgs_options *o)
{
    if (!(o->learning_rate > 0) || !isfinite(o->learning_rate))
        return bg_fail(BG_ERR_ARGUMENT, "lbfgs: learning rate %g, it must be finite and above 0", o->learning_rate);
    if (o->max_iterations < 1 || o->max_evaluations < 1 || o->history < 1 || o->history > (1 << 20))
        return bg_fail(BG_ERR_ARGUMENT, "lbfgs: %lld iterations, %lld evaluations, a history of %lld",
                       (long long)o->max_iterations, (long long)o->max_evaluations, (long long)o->history);
    if (!(o->tolerance_gradient.value >= 0) || !(o->tolerance_change.value >= 0))
        return bg_fail(BG_ERR_ARGUMENT, "lbfgs: tolerances %g and %g, they must be 0 or more",
                       o->tolerance_gradient.value, o->tolerance_change.value);
    return BG_OK;
}

static bg_lbfgs_options with_defaults(const bg_lbfgs_options *given)
{
    bg_lbfgs_options o = given ? *given : (bg_lbfgs_options){ 0 };
    if (o.learning_rate == 0)
        o.learning_rate = 1;
    if (o.max_iterations == 0)
        o.max_iterations = 20;
    if (o.max_evaluations == 0)
        o.max_evaluations = o.max_iterations < INT64_MAX / 2 ? o.max_iterations + o.max_iterations / 4 : INT64_MAX;
    if (o.history == 0)
        o.history = 100;
    if (!o.tolerance_gradient.is_some)
        o.tolerance_gradient = BG_SOME(1e-7);
    if (!o.tolerance_change.is_some)
        o.tolerance_change = BG_SOME(1e-9);
    return o;
}

/* The parameters, in the model's order, with their nodes behind nodes[0], the loss. */
static bg_status take_parameters(bg_lbfgs *l, bg_node *loss, bgi_arena *arena, bg_node **nodes)
{
    bg_status status = bgi_find_parameters(l->model, loss, arena, nodes + 1);
    if (status != BG_OK)
        return status;
    for (size_t i = 0; i < bg_model_count(l->model); i++) {
        if (!nodes[1 + i])
            continue;
        l->parameters[l->n_parameters++] = bg_model_tensor(l->model, i);
        nodes[l->n_parameters] = nodes[1 + i];
        l->n += bg_shape_count(nodes[1 + i]->shape);
    }
    if (l->n == 0)
        return bg_fail(BG_ERR_ARGUMENT, "lbfgs: the loss depends on no parameter of the model");
    return BG_OK;
}

static bg_status build(bg_lbfgs *l, bg_node *loss)
{
    bgi_arena arena;
    bgi_arena_init(&arena, l->engine);
    size_t most = bg_model_count(l->model) + 1;
    bg_node **nodes = bgi_arena_push(&arena, most * sizeof *nodes);
    bg_node **outputs = bgi_arena_push(&arena, most * sizeof *outputs);
    bg_status status = nodes && outputs ? take_parameters(l, loss, &arena, nodes) : BG_ERR_NOMEM;
    if (status == BG_OK)
        status = bg_grad(loss, nodes + 1, l->n_parameters, outputs + 1);
    if (status == BG_OK) {
        outputs[0] = loss;
        status = bg_compile(&l->program, loss->graph, outputs, l->n_parameters + 1,
                            &(bg_compile_options){ .no_updates = true });
    }
    bgi_arena_release(&arena);
    return status;
}

static bg_status allocate(bg_lbfgs *l)
{
    for (int i = 0; i < LBFGS_VECTORS; i++)
        if (!(l->vectors[i] = bgi_alloc_zero(l->engine, (size_t)l->n * sizeof(double))))
            return BG_ERR_NOMEM;
    size_t history = (size_t)l->options.history;
    l->pairs = bgi_alloc_zero(l->engine, 2 * history * sizeof *l->pairs);
    l->rho = bgi_alloc_zero(l->engine, history * sizeof(double));
    l->alpha = bgi_alloc_zero(l->engine, history * sizeof(double));
    return l->pairs && l->rho && l->alpha ? BG_OK : BG_ERR_NOMEM;
}

bg_status bg_lbfgs_create(bg_lbfgs **lbfgs, bg_model *model, bg_node *loss, const bg_lbfgs_options *options)
{
    if (lbfgs)
        *lbfgs = NULL;
    if (!lbfgs || !model || !loss)
        return bg_fail(BG_ERR_ARGUMENT, "lbfgs_create: %s is NULL", !lbfgs ? "lbfgs" : !model ? "model" : "loss");
    bg_engine *engine = bg_model_engine(model);
    bg_lbfgs_options filled = with_defaults(options);
    bg_status status = bgi_engine_check(engine, "lbfgs_create");
    if (status == BG_OK)
        status = check_options(&filled);
    if (status == BG_OK)
        status = bg_graph_status(loss->graph);
    if (status != BG_OK)
        return status;
    bg_lbfgs *made = bgi_alloc_zero(engine, sizeof *made);
    if (!made)
        return BG_ERR_NOMEM;
    bgi_engine_retain(engine);
    bgi_model_retain(model);
    made->engine = engine;
    made->model = model;
    made->options = filled;
    made->n_allocated = bg_model_count(model);
    made->parameters = bgi_alloc_zero(engine, made->n_allocated * sizeof(bg_tensor *));
    status = made->parameters ? build(made, loss) : BG_ERR_NOMEM;
    if (status == BG_OK)
        status = allocate(made);
    if (status != BG_OK) {
        bg_lbfgs_destroy(made);
        return status;
    }
    *lbfgs = made;
    return BG_OK;
}

void bg_lbfgs_destroy(bg_lbfgs *l)
{
    if (!l)
        return;
    bg_engine *engine = l->engine;
    size_t bytes = (size_t)l->n * sizeof(double), history = (size_t)l->options.history;
    for (int i = 0; i < LBFGS_VECTORS; i++)
        bgi_free(engine, l->vectors[i], bytes);
    for (int64_t i = 0; i < 2 * l->n_slots; i++)
        bgi_free(engine, l->pairs[i], bytes);
    bgi_free(engine, l->pairs, 2 * history * sizeof *l->pairs);
    bgi_free(engine, l->rho, history * sizeof(double));
    bgi_free(engine, l->alpha, history * sizeof(double));
    bgi_free(engine, l->parameters, l->n_allocated * sizeof(bg_tensor *));
    bg_program_destroy(l->program);
    bg_model_destroy(l->model);
    bgi_free(engine, l, sizeof *l);
    bgi_engine_release(engine);
}

bg_program *bg_lbfgs_program(bg_lbfgs *l) { return l ? l->program : NULL; }
int64_t bg_lbfgs_evaluations(const bg_lbfgs *l) { return l ? l->evaluations : 0; }
int64_t bg_lbfgs_iterations(const bg_lbfgs *l) { return l ? l->iterations : 0; }

/* ---- Vectors ---- */

double bgi_lbfgs_dot(const bg_lbfgs *l, const double *x, const double *y)
{
    double sum = 0;
    for (int64_t i = 0; i < l->n; i++)
        sum += x[i] * y[i];
    return sum;
}

double bgi_lbfgs_largest(const bg_lbfgs *l, const double *x)
{
    double most = 0;
    for (int64_t i = 0; i < l->n; i++)
        most = fabs(x[i]) > most || isnan(x[i]) ? fabs(x[i]) : most;
    return most;
}

/* Elements of a tensor of the model or of an output, which are contiguous, as f64. */
static void read_tensor(const bg_tensor *tensor, double *values)
{
    int64_t count = bg_shape_count(bg_tensor_shape(tensor));
    const void *data = bg_tensor_const_data(tensor);
    if (bg_tensor_dtype(tensor) == BG_F64)
        memcpy(values, data, (size_t)count * sizeof(double));
    else
        for (int64_t i = 0; i < count; i++)
            values[i] = ((const float *)data)[i];
}

/* The parameters become x + step · d. */
static void move(bg_lbfgs *l, double step)
{
    const double *x = l->vectors[LBFGS_X], *d = l->vectors[LBFGS_DIRECTION];
    for (size_t p = 0; p < l->n_parameters; p++) {
        int64_t count = bg_shape_count(bg_tensor_shape(l->parameters[p]));
        void *data = bg_tensor_data(l->parameters[p]);
        bool is_f64 = bg_tensor_dtype(l->parameters[p]) == BG_F64;
        for (int64_t i = 0; i < count; i++) {
            double value = step == 0 ? x[i] : x[i] + step * d[i];
            if (is_f64)
                ((double *)data)[i] = value;
            else
                ((float *)data)[i] = (float)value;
        }
        x += count;
        d += count;
    }
}

static void remember_place(bg_lbfgs *l)
{
    double *x = l->vectors[LBFGS_X];
    for (size_t p = 0; p < l->n_parameters; p++) {
        read_tensor(l->parameters[p], x);
        x += bg_shape_count(bg_tensor_shape(l->parameters[p]));
    }
}

static bg_status evaluate(bg_lbfgs *l, int into, double *loss)
{
    bg_status status = bg_program_run(l->program);
    if (status != BG_OK)
        return status;
    l->evaluations++;
    double *g = l->vectors[into];
    bg_tensor_item(bg_program_output(l->program, 0), 0, loss);
    for (size_t p = 0; p < l->n_parameters; p++) {
        read_tensor(bg_program_output(l->program, p + 1), g);
        g += bg_shape_count(bg_tensor_shape(l->parameters[p]));
    }
    return BG_OK;
}

bg_status bgi_lbfgs_evaluate(bg_lbfgs *l, double step, double *loss)
{
    move(l, step);
    return evaluate(l, LBFGS_TRIAL, loss);
}

/* ---- The direction ---- */

/* Room for the pairs of a call, so that it fails before it moves anything or not at all. */
static bg_status reserve_pairs(bg_lbfgs *l)
{
    int64_t wanted = l->options.history, most = l->options.max_iterations;
    if (l->n_pairs < wanted && most < wanted - l->n_pairs)
        wanted = l->n_pairs + most;
    while (l->n_slots < wanted) {
        double *y = bgi_alloc(l->engine, (size_t)l->n * sizeof(double));
        double *s = bgi_alloc(l->engine, (size_t)l->n * sizeof(double));
        if (!y || !s) {
            bgi_free(l->engine, y, (size_t)l->n * sizeof(double));
            bgi_free(l->engine, s, (size_t)l->n * sizeof(double));
            return BG_ERR_NOMEM;
        }
        l->pairs[2 * l->n_slots] = y;
        l->pairs[2 * l->n_slots + 1] = s;
        l->n_slots++;
    }
    return BG_OK;
}

/* Takes in how the gradient changed over the last step, if the curvature along it is positive. */
static void learn(bg_lbfgs *l)
{
    const double *g = l->vectors[LBFGS_GRADIENT], *previous = l->vectors[LBFGS_PREVIOUS];
    const double *d = l->vectors[LBFGS_DIRECTION];
    double curvature = 0, squares = 0;
    for (int64_t i = 0; i < l->n; i++) {
        double y = g[i] - previous[i];
        curvature += y * (d[i] * l->step);
        squares += y * y;
    }
    if (!(curvature > 1e-10))
        return;
    if (l->n_pairs == l->options.history) {
        /* The oldest pair makes room, behind all others. */
        double *oldest[2] = { l->pairs[0], l->pairs[1] };
        memmove(l->pairs, l->pairs + 2, 2 * (size_t)(l->n_pairs - 1) * sizeof *l->pairs);
        memmove(l->rho, l->rho + 1, (size_t)(l->n_pairs - 1) * sizeof(double));
        l->n_pairs--;
        memcpy(l->pairs + 2 * l->n_pairs, oldest, sizeof oldest);
    }
    double *y = l->pairs[2 * l->n_pairs], *s = l->pairs[2 * l->n_pairs + 1];
    for (int64_t i = 0; i < l->n; i++) {
        y[i] = g[i] - previous[i];
        s[i] = d[i] * l->step;
    }
    l->rho[l->n_pairs++] = 1 / curvature;
    l->scale = curvature / squares;
}

/* d = -H g, by the two loops over the history. */
static void choose_direction(bg_lbfgs *l)
{
    double *d = l->vectors[LBFGS_DIRECTION];
    for (int64_t k = 0; k < l->n; k++)
        d[k] = -l->vectors[LBFGS_GRADIENT][k];
    for (int64_t i = l->n_pairs - 1; i >= 0; i--) {
        const double *y = l->pairs[2 * i], *s = l->pairs[2 * i + 1];
        l->alpha[i] = bgi_lbfgs_dot(l, s, d) * l->rho[i];
        for (int64_t k = 0; k < l->n; k++)
            d[k] -= l->alpha[i] * y[k];
    }
    for (int64_t k = 0; k < l->n; k++)
        d[k] *= l->scale;
    for (int64_t i = 0; i < l->n_pairs; i++) {
        const double *y = l->pairs[2 * i], *s = l->pairs[2 * i + 1];
        double beta = bgi_lbfgs_dot(l, y, d) * l->rho[i];
        for (int64_t k = 0; k < l->n; k++)
            d[k] += (l->alpha[i] - beta) * s[k];
    }
}

/* ---- Steps ---- */

/* One call of bg_lbfgs_step. */
typedef struct {
    double loss;
    int64_t iterations, evaluations;
    bool is_done;
} call_state;

/* A step along d, with or without a search; then whether it is time to stop. */
static bg_status take_step(bg_lbfgs *l, call_state *call, double slope)
{
    const bg_lbfgs_options *o = &l->options;
    const double *g = l->vectors[LBFGS_GRADIENT];
    double before = call->loss;
    int64_t evaluations = 0;
    bg_status status = BG_OK;
    remember_place(l);
    if (!o->fixed_step)
        status =
            bgi_lbfgs_search(l, slope, o->max_evaluations - call->evaluations, &call->loss, &l->step, &evaluations);
    if (status != BG_OK) {
        move(l, 0);
        return status;
    }
    move(l, l->step);
    /* Without a search the gradient is needed for a further iteration only. */
    if (o->fixed_step && call->iterations < o->max_iterations) {
        status = evaluate(l, LBFGS_GRADIENT, &call->loss);
        evaluations = 1;
    }
    if (status != BG_OK)
        return status;
    call->evaluations += evaluations;
    call->is_done = call->iterations == o->max_iterations || call->evaluations >= o->max_evaluations ||
                    bgi_lbfgs_largest(l, g) <= o->tolerance_gradient.value ||
                    fabs(l->step) * bgi_lbfgs_largest(l, l->vectors[LBFGS_DIRECTION]) <= o->tolerance_change.value ||
                    fabs(call->loss - before) < o->tolerance_change.value;
    return BG_OK;
}

static bg_status iterate(bg_lbfgs *l, call_state *call)
{
    bool is_first = l->iterations == 0;
    double *g = l->vectors[LBFGS_GRADIENT];
    if (!is_first)
        learn(l);
    call->iterations++;
    l->iterations++;
    if (is_first)
        l->scale = 1;
    choose_direction(l);
    memcpy(l->vectors[LBFGS_PREVIOUS], g, (size_t)l->n * sizeof(double));
    l->step = l->options.learning_rate;
    if (is_first) {
        double sum = 0;
        for (int64_t i = 0; i < l->n; i++)
            sum += fabs(g[i]);
        l->step *= fmin(1, 1 / sum);
    }
    double slope = bgi_lbfgs_dot(l, g, l->vectors[LBFGS_DIRECTION]);
    /* A slope of NaN leads nowhere. */
    call->is_done = !(slope <= -l->options.tolerance_change.value);
    return call->is_done ? BG_OK : take_step(l, call, slope);
}

bg_status bg_lbfgs_step(bg_lbfgs *l, double *loss)
{
    if (!l)
        return bg_fail(BG_ERR_ARGUMENT, "lbfgs_step: lbfgs is NULL");
    call_state call = { .evaluations = 1 };
    bg_status status = reserve_pairs(l);
    if (status == BG_OK)
        status = evaluate(l, LBFGS_GRADIENT, &call.loss);
    if (status != BG_OK)
        return status;
    if (loss)
        *loss = call.loss;
    if (!isfinite(call.loss))
        return bg_fail(BG_ERR_NUMERIC, "lbfgs_step: the loss is %g", call.loss);
    double largest = bgi_lbfgs_largest(l, l->vectors[LBFGS_GRADIENT]);
    if (!isfinite(largest))
        return bg_fail(BG_ERR_NUMERIC, "lbfgs_step: the gradient has elements that are infinite or NaN");
    call.is_done = largest <= l->options.tolerance_gradient.value;
    while (!call.is_done && status == BG_OK)
        status = iterate(l, &call);
    return status;
}
