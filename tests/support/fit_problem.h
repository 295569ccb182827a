/* A small problem of least squares, and Levenberg-Marquardt on it. */
#ifndef BLASGRAD_TESTS_FIT_PROBLEM_H
#define BLASGRAD_TESTS_FIT_PROBLEM_H

#include "counted.h"
#include "values.h"

#include "train/lm.h"

static bg_model *model;
static bg_graph *graph;
static bg_lm *lm;

static inline void begin(bg_engine *engine, bg_dtype dtype)
{
    OK(bg_model_create(&model, engine, dtype));
    OK(bg_graph_create(&graph, engine));
    lm = NULL;
}
static inline void end(void)
{
    bg_lm_destroy(lm);
    bg_graph_destroy(graph);
    bg_model_destroy(model);
}

/* The model's parameter "p" with these values. */
static inline bg_node *parameter(const double *values, int64_t n)
{
    bg_node *p = bg_model_parameter(model, graph, "p", BG_SHAPE(n), (bg_init){ 0 });
    bg_tensor *tensor = bg_model_find(model, "p");
    ck_assert(p && tensor);
    for (int64_t i = 0; i < n; i++)
        if (bg_model_dtype(model) == BG_F64)
            ((double *)bg_tensor_data(tensor))[i] = values[i];
        else
            ((float *)bg_tensor_data(tensor))[i] = (float)values[i];
    return p;
}
static inline double parameter_at(int64_t i) { return value_at(bg_model_find(model, "p"), i); }
static inline bg_node *element(bg_node *p, int64_t i) { return bg_slice(p, 0, i, i + 1, 1); }

/* Steps until it converges; how many were made. */
static inline int converge(int most)
{
    int steps = 0;
    double before = INFINITY, loss = INFINITY;
    while (!bg_lm_has_converged(lm)) {
        ck_assert_msg(steps++ < most, "no end after %d steps: loss %g, damping %g", most, loss, bg_lm_damping(lm));
        OK(bg_lm_step(lm, &loss));
        ck_assert_msg(loss <= before, "the loss rises from %.17g to %.17g", before, loss);
        before = loss;
    }
    return steps;
}

/* What is left where the steps ended. */
static inline double loss_now(void)
{
    double loss = NAN;
    OK(bgi_lm_evaluate(lm, &loss));
    return loss;
}

/* Rosenbrock's valley (10 (y - x²), 1 - x), whose lowest point is (1, 1). */
static inline bg_node *valley(bg_node *p)
{
    bg_node *x = element(p, 0), *y = element(p, 1);
    bg_node *parts[] = { bg_mul_scalar(bg_sub(y, bg_square(x)), 10), bg_sub_from(1, x) };
    return bg_concat(parts, 2, 0);
}

#endif
