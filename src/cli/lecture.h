/* blasgrad lecture: how the two parameters of f(x) = theta1 x1 + theta2 x2 are found, part by part. All of its numbers
 * are computed by the engine, in f64. */
#ifndef LECTURE_H
#define LECTURE_H

#include "events.h"

#include <blasgrad/blasgrad.h>

enum { LECTURE_ROWS = 5, LECTURE_PARAMETERS = 2 };

typedef struct {
    bg_engine *engine;
    bg_tensor *x, *y;    /* f64 [rows, parameters] and [rows, 1] */
    bg_tensor *guess;    /* theta = (2, 1), [parameters, 1], of the parts on predictions, losses and the gradient */
    uint64_t seed;       /* of the searches; the engine has it too */
    bool json;           /* one object a part, and no explanation */
    const char *picture; /* of the searches; NULL: none */
} lecture;

/* The parts. Each returns 0, or the exit code after a message. */
int lecture_table(const lecture *l);
int lecture_predictions(const lecture *l);
int lecture_losses(const lecture *l);
int lecture_slopes(const lecture *l);
int lecture_gradient(const lecture *l);
int lecture_update(const lecture *l);
int lecture_searches(const lecture *l);

/* ---- What parts have in common ---- */

/* f(x) = theta1 x1 + theta2 x2 of the whole table, [rows, 1], for theta [2, 1]; and the targets [rows, 1]. */
bg_node *lecture_model(const lecture *l, bg_node *theta);
bg_node *lecture_targets(const lecture *l, bg_graph *graph);
/* Compiles, runs once, and writes the elements of each node, f64, to values[i]. */
bg_status lecture_values(bg_graph *graph, bg_node *const *nodes, size_t n, double *const *values);
/* A standard normal start that follows from the seed. */
bg_status lecture_start(const lecture *l, double theta[LECTURE_PARAMETERS]);
/* The parameters of the least L2 loss, in closed form. */
bg_status lecture_least(const lecture *l, double theta[LECTURE_PARAMETERS]);

/* Gradient descent on the L2 loss: theta <- theta - LECTURE_ALPHA gradient. */
#define LECTURE_ALPHA 0.05
typedef struct {
    bg_tensor *theta; /* [2, 1] */
    bg_program *program;
} lecture_descent;
bg_status lecture_descent_create(lecture_descent *d, const lecture *l, const double theta[LECTURE_PARAMETERS]);
void lecture_descent_destroy(lecture_descent *d);
/* One step. Gives theta as it was before, and its loss and gradient. */
typedef struct {
    double theta[LECTURE_PARAMETERS], gradient[LECTURE_PARAMETERS], loss;
} lecture_step;
bg_status lecture_descent_step(lecture_descent *d, lecture_step *step);

/* x, or 0 if so many decimals show nothing else: there is no -0 in tables. */
double lecture_rounded(double x, int decimals);
/* The object of a section; its lists; and its line of output, after which it is gone. */
event *lecture_event(const char *section);
void lecture_append(event *e, const char *key, const double *values, int n);
void lecture_finish(event *e);

/* ---- The plot of the searches ---- */

enum { LECTURE_BUDGET = 2000 }; /* evaluations of the loss */
#define LECTURE_TINY 1e-12      /* what a loss is above the least is not told from 0 below this: there it is rounding */

/* The best loss so far after so many evaluations. */
typedef struct {
    int evaluations;
    double loss;
} lecture_point;
typedef struct {
    const char *name;
    char mark;
    lecture_point points[LECTURE_BUDGET];
    int n;
    double theta[LECTURE_PARAMETERS]; /* the best ones */
    int evaluations;                  /* all of them */
} lecture_curve;

/* How far each is above the least loss, by evaluations, both on logarithmic scales: as text, or as a picture. */
void lecture_plot_text(const lecture_curve *curves, int n, double least);
int lecture_plot_picture(const lecture_curve *curves, int n, double least, const char *picture);

#endif
