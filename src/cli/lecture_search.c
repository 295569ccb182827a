/* Three ways to the parameters on one budget: random search, an evolution strategy, and gradients. */
#include "lecture.h"

#include "commands.h"
#include "output.h"

#include <stdio.h>
#include <string.h>

/* Random search draws from a box; the others begin at the random start. */
enum { BOX = 4 };
enum { STEP_COST = 2 }; /* of a gradient step, in evaluations: a product with the table forwards, and one backwards */

typedef enum { BY_CHANCE, BY_EVOLUTION, BY_GRADIENTS, SEARCHES } search_kind;

/* Takes theta and its loss, if that is the best so far. */
static void add_point(lecture_curve *c, int evaluations, double loss, const double theta[LECTURE_PARAMETERS])
{
    c->evaluations = evaluations;
    if (c->n > 0 && !(loss < c->points[c->n - 1].loss))
        return;
    c->points[c->n++] = (lecture_point){ evaluations, loss };
    memcpy(c->theta, theta, sizeof c->theta);
}

/* ---- Without gradients ---- */

/* The L2 losses of all candidates of a generation in one program. */
typedef struct {
    const lecture *l;
    lecture_curve *curve;
    bg_tensor *candidates; /* [n, parameters] */
    bg_program *program;
} evaluation;

static void forget_program(evaluation *v)
{
    bg_program_destroy(v->program);
    bg_tensor_destroy(v->candidates);
    v->program = NULL;
    v->candidates = NULL;
}

static bg_status make_program(evaluation *v, int64_t n)
{
    bg_graph *graph = NULL;
    bg_shape shape = BG_SHAPE(n, LECTURE_PARAMETERS);
    forget_program(v);
    bg_status status = bg_tensor_create(&v->candidates, v->l->engine, BG_F64, shape);
    if (!status)
        status = bg_graph_create(&graph, v->l->engine);
    if (!status) {
        bg_node *thetas = bg_parameter(graph, v->candidates);
        bg_node *f = lecture_model(v->l, bg_transpose(thetas, 0, 1)); /* [rows, n] */
        bg_node *y = bg_broadcast(lecture_targets(v->l, graph), BG_SHAPE(LECTURE_ROWS, n));
        bg_node *losses = bg_mean(bg_l2_loss(f, y, BG_NONE), BG_AXES(0));
        status = bg_compile(&v->program, graph, &losses, 1, NULL);
    }
    bg_graph_destroy(graph);
    return status;
}

static bg_status evaluate(const bg_tensor *candidates, double *losses, void *user)
{
    evaluation *v = user;
    int64_t n = bg_tensor_shape(candidates).dims[0];
    bg_status status = BG_OK;
    if (!v->program || bg_tensor_shape(v->candidates).dims[0] != n)
        status = make_program(v, n);
    if (!status)
        status = bg_tensor_copy(v->candidates, candidates);
    if (!status)
        status = bg_program_run(v->program);
    if (!status)
        status = bg_tensor_copy_to(bg_program_output(v->program, 0), losses, (size_t)n * sizeof *losses);
    const double *thetas = bg_tensor_const_data(candidates);
    for (int64_t i = 0; i < n && !status; i++)
        add_point(v->curve, v->curve->evaluations + 1, losses[i], thetas + LECTURE_PARAMETERS * i);
    return status;
}

static bg_status search(const lecture *l, const bg_search_method *method, const bg_search_options *options,
                        lecture_curve *curve)
{
    bg_search *search = NULL;
    evaluation v = { .l = l, .curve = curve };
    bg_status status = bg_search_create(&search, l->engine, method, LECTURE_PARAMETERS, options);
    if (!status)
        status = bg_search_minimize(search, evaluate, &v, &(bg_search_budget){ .evaluations = LECTURE_BUDGET });
    forget_program(&v);
    bg_search_destroy(search);
    return status;
}

static bg_status search_by_chance(const lecture *l, lecture_curve *curve)
{
    static const double lower[] = { -BOX, -BOX }, upper[] = { BOX, BOX };
    bg_search_method method = bg_search_random();
    method.population = 50; /* divides the budget */
    return search(l, &method, &(bg_search_options){ .lower = lower, .upper = upper, .seed = l->seed }, curve);
}

static bg_status search_by_evolution(const lecture *l, const double start[LECTURE_PARAMETERS], lecture_curve *curve)
{
    bg_search_method method = bg_search_es();
    return search(l, &method, &(bg_search_options){ .start = start, .seed = l->seed }, curve);
}

/* ---- With gradients ---- */

static bg_status descend(const lecture *l, const double start[LECTURE_PARAMETERS], lecture_curve *curve)
{
    lecture_descent descent;
    bg_status status = lecture_descent_create(&descent, l, start);
    for (int done = STEP_COST; done <= LECTURE_BUDGET && !status; done += STEP_COST) {
        lecture_step step;
        status = lecture_descent_step(&descent, &step);
        if (!status)
            add_point(curve, done, step.loss, step.theta);
    }
    lecture_descent_destroy(&descent);
    return status;
}

/* ---- Results ---- */

static bg_status loss_at(const lecture *l, const double theta[LECTURE_PARAMETERS], double *loss)
{
    lecture_descent descent;
    lecture_step step;
    bg_status status = lecture_descent_create(&descent, l, theta);
    if (!status)
        status = lecture_descent_step(&descent, &step);
    if (!status)
        *loss = step.loss;
    lecture_descent_destroy(&descent);
    return status;
}

static bg_status search_all(const lecture *l, lecture_curve curves[SEARCHES])
{
    double start[LECTURE_PARAMETERS];
    bg_status status = lecture_start(l, start);
    if (!status)
        status = search_by_chance(l, &curves[BY_CHANCE]);
    if (!status)
        status = search_by_evolution(l, start, &curves[BY_EVOLUTION]);
    return status ? status : descend(l, start, &curves[BY_GRADIENTS]);
}

static double best_loss(const lecture_curve *c) { return c->points[c->n - 1].loss; }

static void searches_event(const lecture_curve curves[SEARCHES], const double theta[LECTURE_PARAMETERS], double least)
{
    event *e = lecture_event("searches");
    for (int i = 0; i < SEARCHES; i++) {
        const lecture_curve *c = &curves[i];
        event *item = event_create(NULL);
        event_text(item, "method", c->name);
        event_integer(item, "evaluations", c->evaluations);
        lecture_append(item, "theta", c->theta, LECTURE_PARAMETERS);
        event_number(item, "loss", best_loss(c));
        for (int k = 0; k < c->n; k++) {
            event_append_integer(item, "curve_evaluations", c->points[k].evaluations);
            event_append(item, "curve_loss", c->points[k].loss);
        }
        event_append_object(e, "searches", item);
    }
    lecture_append(e, "least_squares", theta, LECTURE_PARAMETERS);
    event_number(e, "least_loss", least);
    lecture_finish(e);
}

static void explain(void)
{
    output_line("Three searches for the theta of the least L2 loss, of up to %d evaluations:\n"
                "  r  random search draws theta evenly from -%d .. %d and keeps the best;\n"
                "  e  evolution draws a generation around a parent, puts the mean of the best\n"
                "     quarter in the parent's place, and learns how far to go;\n"
                "  g  gradients make steps as above; one counts as %d evaluations, for it takes\n"
                "     two products with the table, one forwards and one backwards.\n"
                "Evolution and gradients begin at the same random start. Gradients are quickest\n"
                "where there are some; the others ask for no more than the loss.\n",
                LECTURE_BUDGET, BOX, BOX, STEP_COST);
}

static void show_row(const char *name, int evaluations, const double theta[LECTURE_PARAMETERS], double loss,
                     double least)
{
    char distance[20];
    bool is_tiny = loss - least < LECTURE_TINY;
    snprintf(distance, sizeof distance, is_tiny ? "< %.0e" : "%.1e", is_tiny ? LECTURE_TINY : loss - least);
    output_line("%-14s %12d %11.6f %11.6f %11.6f %15s", name, evaluations, theta[0], theta[1], loss, distance);
}

static int show(const lecture *l, const lecture_curve curves[SEARCHES])
{
    double theta[LECTURE_PARAMETERS], least;
    if (lecture_least(l, theta) != BG_OK || loss_at(l, theta, &least) != BG_OK)
        return output_library();
    if (l->json) {
        searches_event(curves, theta, least);
    } else {
        explain();
        lecture_plot_text(curves, SEARCHES, least);
        output_line("\n%-14s %12s %11s %11s %11s %15s", "search", "evaluations", "theta1", "theta2", "L2",
                    "above the least");
        for (int i = 0; i < SEARCHES; i++)
            show_row(curves[i].name, curves[i].evaluations, curves[i].theta, best_loss(&curves[i]), least);
        output_line("%-14s %12s %11.6f %11.6f %11.6f", "least squares", "", theta[0], theta[1], least);
    }
    return l->picture ? lecture_plot_picture(curves, SEARCHES, least, l->picture) : EXIT_DONE;
}

int lecture_searches(const lecture *l)
{
    static lecture_curve curves[SEARCHES];
    static const struct {
        const char *name;
        char mark;
    } names[SEARCHES] = {
        [BY_CHANCE] = { "random search", 'r' },
        [BY_EVOLUTION] = { "evolution", 'e' },
        [BY_GRADIENTS] = { "gradients", 'g' },
    };
    for (int i = 0; i < SEARCHES; i++)
        curves[i] = (lecture_curve){ .name = names[i].name, .mark = names[i].mark };
    return search_all(l, curves) != BG_OK ? output_library() : show(l, curves);
}
