/* The steps of Levenberg and Marquardt. */
#include "train/lm.h"

#include <blasgrad/linalg.h>
#include <blasgrad/ops.h>

#include "graph/graph.h"

#include <math.h>
#include <string.h>

static const double FIRST_DAMPING = 1e-3;

/* ---- Making ---- */

bg_status bgi_lm_check(const bg_lm_options *o)
{
    const struct {
        const char *name;
        bg_optional value;
    } numbers[] = { { "damping", o->damping },
                    { "tolerance of the gradient", o->tolerance_gradient },
                    { "tolerance of steps", o->tolerance_step },
                    { "tolerance of the loss", o->tolerance_loss } };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (numbers[i].value.is_some && (!(numbers[i].value.value >= 0) || !isfinite(numbers[i].value.value)))
            return bg_fail(BG_ERR_ARGUMENT, "lm: %s %g, it must be finite and 0 or more", numbers[i].name,
                           numbers[i].value.value);
    if (o->max_bytes < 0)
        return bg_fail(BG_ERR_ARGUMENT, "lm: max_bytes is %lld", (long long)o->max_bytes);
    return BG_OK;
}

bg_lm_options bgi_lm_defaults(const bg_lm_options *given)
{
    bg_lm_options o = given ? *given : (bg_lm_options){ 0 };
    bg_optional *tolerances[] = { &o.tolerance_gradient, &o.tolerance_step, &o.tolerance_loss };
    for (size_t i = 0; i < sizeof tolerances / sizeof *tolerances; i++)
        if (!tolerances[i]->is_some)
            *tolerances[i] = BG_SOME(1e-8);
    if (!o.damping.is_some)
        o.damping = BG_SOME(FIRST_DAMPING);
    if (o.max_bytes == 0)
        o.max_bytes = (int64_t)4 << 30;
    return o;
}

static bg_status allocate(bg_lm *l)
{
    const struct {
        bg_tensor **tensor;
        bg_shape shape;
    } tensors[] = { { &l->jacobian, BG_SHAPE(l->m, l->n) },
                    { &l->residuals, BG_SHAPE(l->m, 1) },
                    { &l->square, BG_SHAPE(l->n, l->n) },
                    { &l->gradient, BG_SHAPE(l->n, 1) },
                    { &l->added, BG_SHAPE(l->n) } };
    bg_status status = BG_OK;
    for (size_t i = 0; i < sizeof tensors / sizeof *tensors && status == BG_OK; i++)
        status = bg_tensor_create(tensors[i].tensor, l->engine, BG_F64, tensors[i].shape);
    size_t bytes = (size_t)l->n * sizeof(double);
    if (status != BG_OK)
        return status;
    l->x = bgi_alloc_zero(l->engine, bytes);
    l->scale = bgi_alloc_zero(l->engine, bytes);
    return l->x && l->scale ? BG_OK : BG_ERR_NOMEM;
}

/* The programs of the equations: one brings JᵀJ and Jᵀr from J and r into their tensors, one solves for -d. */
static bg_status build_equations(bg_lm *l, bg_graph *graph)
{
    bg_node *j = bg_input(graph, "J", BG_F64, BG_SHAPE(l->m, l->n));
    bg_node *r = bg_input(graph, "r", BG_F64, BG_SHAPE(l->m, 1));
    bg_node *added = bg_input(graph, "added", BG_F64, BG_SHAPE(l->n));
    bg_node *square = bg_buffer(graph, l->square), *gradient = bg_buffer(graph, l->gradient);
    bg_node *turned = bg_transpose(j, 0, 1);
    bg_update(square, bg_matmul(turned, j));
    bg_update(gradient, bg_matmul(turned, r));
    bg_node *solution = bg_solve_spd(bg_add(square, bg_diag_embed(added, 0)), gradient, BG_LOWER);
    bg_status status = bg_compile(&l->normal, graph, NULL, 0, NULL);
    if (status == BG_OK)
        status = bg_program_bind(l->normal, j, l->jacobian);
    if (status == BG_OK)
        status = bg_program_bind(l->normal, r, l->residuals);
    if (status == BG_OK)
        status = bg_compile(&l->solve, graph, &solution, 1, &(bg_compile_options){ .no_updates = true });
    return status == BG_OK ? bg_program_bind(l->solve, added, l->added) : status;
}

static bg_status make_equations(bg_lm *l)
{
    bg_graph *graph;
    bg_status status = bg_graph_create(&graph, l->engine);
    if (status != BG_OK)
        return status;
    status = build_equations(l, graph);
    bg_graph_destroy(graph);
    return status;
}

bg_status bg_lm_create(bg_lm **lm, bg_model *model, bg_node *residuals, const bg_lm_options *options)
{
    if (lm)
        *lm = NULL;
    if (!lm || !model || !residuals)
        return bg_fail(BG_ERR_ARGUMENT, "lm_create: %s is NULL", !lm ? "lm" : !model ? "model" : "residuals");
    bg_engine *engine = bg_model_engine(model);
    bg_lm_options filled = bgi_lm_defaults(options);
    bg_status status = bgi_engine_check(engine, "lm_create");
    if (status == BG_OK)
        status = bgi_lm_check(&filled);
    if (status == BG_OK)
        status = bg_graph_status(residuals->graph);
    if (status != BG_OK)
        return status;
    bg_lm *made = bgi_alloc_zero(engine, sizeof *made);
    if (!made)
        return BG_ERR_NOMEM;
    bgi_engine_retain(engine);
    *made = (bg_lm){ .engine = engine, .options = filled, .damping = -1 };
    status = bgi_lm_build(made, model, residuals);
    if (status == BG_OK)
        status = allocate(made);
    if (status == BG_OK)
        status = make_equations(made);
    if (status != BG_OK) {
        bg_lm_destroy(made);
        return status;
    }
    *lm = made;
    return BG_OK;
}

void bg_lm_destroy(bg_lm *l)
{
    if (!l)
        return;
    bg_engine *engine = l->engine;
    bg_tensor *const tensors[] = { l->jacobian, l->residuals, l->square, l->gradient, l->added };
    bg_program_destroy(l->program);
    bg_program_destroy(l->normal);
    bg_program_destroy(l->solve);
    for (size_t i = 0; i < sizeof tensors / sizeof *tensors; i++)
        bg_tensor_destroy(tensors[i]);
    for (size_t p = 0; l->tangents && p < l->variables.n_tensors; p++)
        bg_tensor_destroy(l->tangents[p]);
    bgi_free(engine, l->tangents, l->variables.n_tensors * sizeof(bg_tensor *));
    bgi_free(engine, l->x, (size_t)l->n * sizeof(double));
    bgi_free(engine, l->scale, (size_t)l->n * sizeof(double));
    bgi_variables_release(&l->variables);
    bgi_free(engine, l, sizeof *l);
    bgi_engine_release(engine);
}

bg_program *bg_lm_program(bg_lm *l) { return l ? l->program : NULL; }
bool bg_lm_has_converged(const bg_lm *l) { return l && l->has_converged; }
int64_t bg_lm_steps(const bg_lm *l) { return l ? l->steps : 0; }
int64_t bg_lm_trials(const bg_lm *l) { return l ? l->trials : 0; }
double bg_lm_damping(const bg_lm *l) { return l ? fmax(l->damping, 0) : 0; }

/* ---- Steps ---- */

static double norm(const double *x, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += x[i] * x[i];
    return sqrt(sum);
}

/* The largest element of Jᵀr, NaN if J is not finite; D takes in the diagonal of JᵀJ. */
static double look_at_equations(bg_lm *l)
{
    const double *gradient = bg_tensor_const_data(l->gradient), *square = bg_tensor_const_data(l->square);
    double slope = 0, diagonal = 0;
    for (int64_t i = 0; i < l->n; i++) {
        if (!isfinite(gradient[i]) || !isfinite(square[i * (l->n + 1)]))
            return NAN;
        slope = fmax(slope, fabs(gradient[i]));
        diagonal = fmax(diagonal, square[i * (l->n + 1)]);
    }
    for (int64_t i = 0; i < l->n; i++)
        l->scale[i] = l->options.is_scaled ? fmax(l->scale[i], square[i * (l->n + 1)]) : 1;
    l->unit = l->options.is_scaled ? 1 : diagonal;
    if (l->damping < 0)
        l->damping = l->options.damping.value * l->unit;
    return slope;
}

static bg_status begin_step(bg_lm *l, double *loss)
{
    bg_status status = bgi_lm_evaluate(l, loss);
    if (status != BG_OK)
        return status;
    if (!isfinite(*loss))
        return bg_fail(BG_ERR_NUMERIC, "lm_step: the sum of squares of the residuals is %g", *loss);
    status = bgi_lm_linearise(l);
    if (status == BG_OK)
        status = bg_program_run(l->normal);
    if (status != BG_OK)
        return status;
    double largest = look_at_equations(l);
    if (isnan(largest))
        return bg_fail(BG_ERR_NUMERIC, "lm_step: the Jacobian has elements that are infinite, NaN or too large");
    l->growth = 2;
    l->has_converged = largest <= l->options.tolerance_gradient.value;
    bgi_variables_read(&l->variables, l->x);
    return BG_OK;
}

/* -d for the λ that is, and how far the loss would fall if the residuals were linear. BG_ERR_NUMERIC if JᵀJ + λ D is
 * not positive definite, to rounding. */
static bg_status solve(bg_lm *l, const double **negative, double *foretold)
{
    double *added = bg_tensor_data(l->added), sum = 0;
    /* Columns of zeros have a gradient of 0, and so a step of 0 with any D. */
    for (int64_t i = 0; i < l->n; i++)
        added[i] = l->damping * (l->scale[i] > 0 ? l->scale[i] : 1);
    bg_status status = bg_program_run(l->solve);
    if (status != BG_OK)
        return status;
    const double *s = bg_tensor_const_data(bg_program_output(l->solve, 0)), *g = bg_tensor_const_data(l->gradient);
    for (int64_t i = 0; i < l->n; i++)
        sum += s[i] * (added[i] * s[i] + g[i]);
    *negative = s;
    *foretold = sum / 2;
    return isfinite(sum) ? BG_OK : BG_ERR_NUMERIC;
}

static void accept(bg_lm *l, double ratio)
{
    double turn = 2 * ratio - 1;
    l->damping *= fmax(1.0 / 3, 1 - turn * turn * turn);
    l->steps++;
}

static void refuse(bg_lm *l)
{
    l->damping = l->damping > 0 ? l->damping * l->growth : FIRST_DAMPING * l->unit;
    l->growth *= 2;
}

/* One trial: moves the parameters, or leaves them with a larger λ. */
static bg_status try(bg_lm *l, double loss, bool *is_done)
{
    const double *s;
    double foretold, found = NAN;
    bg_status status = solve(l, &s, &foretold);
    if (status == BG_ERR_NUMERIC) {
        refuse(l);
        l->has_converged = *is_done = isinf(l->damping);
        return BG_OK;
    }
    if (status != BG_OK)
        return status;
    const bg_lm_options *o = &l->options;
    double limit = o->tolerance_step.value * (norm(l->x, l->n) + o->tolerance_step.value);
    bool is_short = norm(s, l->n) <= limit;
    bgi_variables_write(&l->variables, l->x, -1, s);
    l->trials++;
    status = bgi_lm_evaluate(l, &found);
    double fall = loss - found;
    if (status == BG_OK && isfinite(found) && fall > 0) {
        bool is_low = fall <= o->tolerance_loss.value * loss && foretold <= o->tolerance_loss.value * loss;
        accept(l, fall / foretold);
        l->has_converged = is_short || is_low;
        *is_done = true;
        return BG_OK;
    }
    bgi_variables_write(&l->variables, l->x, 0, s);
    if (status != BG_OK && status != BG_ERR_NUMERIC)
        return status;
    refuse(l);
    l->has_converged = *is_done = is_short || isinf(l->damping);
    return BG_OK;
}

bg_status bg_lm_step(bg_lm *l, double *loss)
{
    if (!l)
        return bg_fail(BG_ERR_ARGUMENT, "lm_step: lm is NULL");
    double before = NAN;
    bg_status status = begin_step(l, &before);
    if (loss)
        *loss = before;
    bool is_done = l->has_converged;
    while (status == BG_OK && !is_done)
        status = try(l, before, &is_done);
    return status;
}
