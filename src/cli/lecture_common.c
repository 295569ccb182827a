/* What the parts of the lecture have in common. */
#include "lecture.h"

#include "lstsq.h"

#include <math.h>

bg_node *lecture_model(const lecture *l, bg_node *theta)
{
    return bg_matmul(bg_constant(bg_node_graph(theta), l->x), theta);
}

bg_node *lecture_targets(const lecture *l, bg_graph *graph) { return bg_constant(graph, l->y); }

static bg_status copy_out(const bg_tensor *tensor, double *values)
{
    return bg_tensor_copy_to(tensor, values, (size_t)bg_shape_count(bg_tensor_shape(tensor)) * sizeof *values);
}

bg_status lecture_values(bg_graph *graph, bg_node *const *nodes, size_t n, double *const *values)
{
    bg_program *program = NULL;
    bg_status status = bg_compile(&program, graph, nodes, n, NULL);
    if (!status)
        status = bg_program_run(program);
    for (size_t i = 0; i < n && !status; i++)
        status = copy_out(bg_program_output(program, i), values[i]);
    bg_program_destroy(program);
    return status;
}

bg_status lecture_start(const lecture *l, double theta[LECTURE_PARAMETERS])
{
    bg_graph *graph = NULL;
    bg_status status = bg_graph_create(&graph, l->engine);
    if (status)
        return status;
    bg_node *normal = bg_normal(graph, BG_F64, BG_SHAPE(LECTURE_PARAMETERS), 0, 1);
    status = lecture_values(graph, &normal, 1, &theta);
    bg_graph_destroy(graph);
    return status;
}

bg_status lecture_least(const lecture *l, double theta[LECTURE_PARAMETERS])
{
    bg_tensor *solution = NULL;
    bg_status status = lstsq_of(&solution, l->engine, l->x, l->y);
    if (!status)
        status = copy_out(solution, theta);
    bg_tensor_destroy(solution);
    return status;
}

/* ---- Gradient descent ---- */

bg_status lecture_descent_create(lecture_descent *d, const lecture *l, const double theta[LECTURE_PARAMETERS])
{
    bg_graph *graph = NULL;
    *d = (lecture_descent){ .program = NULL };
    bg_status status = bg_tensor_create(&d->theta, l->engine, BG_F64, BG_SHAPE(LECTURE_PARAMETERS, 1));
    if (!status)
        status = bg_tensor_copy_from(d->theta, theta, LECTURE_PARAMETERS * sizeof *theta);
    if (!status)
        status = bg_graph_create(&graph, l->engine);
    if (!status) {
        bg_node *w = bg_parameter(graph, d->theta), *dw;
        bg_node *loss = bg_l2_loss(lecture_model(l, w), lecture_targets(l, graph), BG_MEAN);
        status = bg_grad(loss, &w, 1, &dw);
        if (!status)
            bg_update(w, bg_sub(w, bg_mul_scalar(dw, LECTURE_ALPHA)));
        bg_node *outputs[] = { loss, dw };
        if (!status)
            status = bg_compile(&d->program, graph, outputs, 2, NULL);
    }
    bg_graph_destroy(graph);
    return status;
}

void lecture_descent_destroy(lecture_descent *d)
{
    bg_program_destroy(d->program);
    bg_tensor_destroy(d->theta);
}

bg_status lecture_descent_step(lecture_descent *d, lecture_step *step)
{
    bg_status status = copy_out(d->theta, step->theta);
    if (!status)
        status = bg_program_run(d->program);
    if (!status)
        status = copy_out(bg_program_output(d->program, 0), &step->loss);
    if (!status)
        status = copy_out(bg_program_output(d->program, 1), step->gradient);
    return status;
}

/* ---- Output ---- */

double lecture_rounded(double x, int decimals) { return fabs(x) < 0.5 * pow(10, -decimals) ? 0 : x; }

event *lecture_event(const char *section)
{
    event *e = event_create("section");
    event_text(e, "section", section);
    return e;
}

void lecture_append(event *e, const char *key, const double *values, int n)
{
    for (int i = 0; i < n; i++)
        event_append(e, key, values[i]);
}

void lecture_finish(event *e)
{
    event_output(e);
    event_destroy(e);
}
