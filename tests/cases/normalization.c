/* Normalisation. */
#include "cases.h"

#include "ops/normalization.h"

#include <math.h>

/* ---- Cases ---- */

/* x, weight, bias of which so many are given, over axes; n: 1000 eps. */
#define OVER_AXES(shape, weight, inputs, eps, ...)                                                                     \
    {                                                                                                                  \
        .x = { shape, weight, weight }, .axes = DIMS(__VA_ARGS__), .n = { eps }, .n_inputs = inputs                    \
    }
static const op_variant layers[] = { OVER_AXES(DIMS(5), DIMS(5), 1, 500, 0),
                                     OVER_AXES(DIMS(1), DIMS(1), 3, 500, 0),
                                     OVER_AXES(DIMS(2, 1), DIMS(1), 3, 500, -1),
                                     OVER_AXES(DIMS(1, 7), DIMS(7), 3, 100, -1),
                                     OVER_AXES(DIMS(4, 3), DIMS(3), 1, 500, -1),
                                     OVER_AXES(DIMS(4, 3), DIMS(3), 2, 1000, -1),
                                     OVER_AXES(DIMS(3, 16), DIMS(16), 3, 100, -1),
                                     OVER_AXES(DIMS(3, 17), DIMS(17), 3, 100, -1),
                                     OVER_AXES(DIMS(2, 33), DIMS(33), 1, 0, -1),
                                     OVER_AXES(DIMS(11, 12), DIMS(12), 3, 500, 1),
                                     OVER_AXES(DIMS(2, 260), DIMS(260), 3, 10, -1),
                                     OVER_AXES(DIMS(67, 5), DIMS(5), 3, 500, -1),
                                     OVER_AXES(DIMS(0, 4), DIMS(4), 3, 10, -1),
                                     OVER_AXES(DIMS(4, 0), DIMS(0), 3, 10, -1),
                                     OVER_AXES(DIMS(3, 4), DIMS(3), 3, 500, 0),
                                     OVER_AXES(DIMS(2, 3, 4), DIMS(4), 3, 500, -1),
                                     OVER_AXES(DIMS(2, 3, 4), DIMS(3, 4), 3, 100, -2, -1),
                                     OVER_AXES(DIMS(2, 3, 4), DIMS(3), 2, 500, 1),
                                     OVER_AXES(DIMS(2, 3, 4), DIMS(2, 4), 3, 100, 2, 0),
                                     OVER_AXES(DIMS(3, 2, 4), DIMS(3, 2, 4), 3, 10, 0, 1, 2),
                                     OVER_AXES(DIMS(2, 3, 2, 5), DIMS(5), 3, 500, -1),
                                     OVER_AXES(DIMS(2, 1, 3, 1, 2), DIMS(3, 1, 2), 3, 500, 2, 3, 4),
                                     OVER_AXES(DIMS(1, 4200), DIMS(4200), 1, 10, -1) };

/* x [n, c, ..] and vectors of channels; n: 1000 eps, groups. */
#define CHANNELS(shape, c, inputs, eps, groups)                                                                        \
    {                                                                                                                  \
        .x = { shape, DIMS(c), DIMS(c), DIMS(c), DIMS(c) }, .n = { eps, groups }, .n_inputs = inputs                   \
    }
static const op_variant grouped[] = {
    CHANNELS(DIMS(2, 4), 4, 3, 500, 2),          CHANNELS(DIMS(1, 1), 1, 3, 500, 1),
    CHANNELS(DIMS(3, 6), 6, 1, 500, 3),          CHANNELS(DIMS(2, 6, 1), 6, 3, 500, 1),
    CHANNELS(DIMS(2, 4, 3), 4, 3, 500, 2),       CHANNELS(DIMS(2, 4, 3), 4, 1, 500, 4),
    CHANNELS(DIMS(1, 3, 5), 3, 2, 100, 1),       CHANNELS(DIMS(1, 3, 5), 3, 3, 100, 3),
    CHANNELS(DIMS(2, 2, 17), 2, 3, 10, 2),       CHANNELS(DIMS(0, 4, 3), 4, 3, 10, 2),
    CHANNELS(DIMS(2, 4, 0), 4, 3, 10, 2),        CHANNELS(DIMS(2, 0, 3), 0, 3, 10, 2),
    CHANNELS(DIMS(1, 2, 300), 2, 3, 10, 1),      CHANNELS(DIMS(2, 4, 2, 2), 4, 3, 500, 2),
    CHANNELS(DIMS(2, 6, 3, 2), 6, 3, 100, 3),    CHANNELS(DIMS(3, 2, 1, 4), 2, 1, 500, 1),
    CHANNELS(DIMS(1, 8, 2, 3), 8, 3, 100, 4),    CHANNELS(DIMS(9, 2, 2, 2), 2, 3, 100, 2),
    CHANNELS(DIMS(1, 2, 2, 2, 3), 2, 3, 100, 2), CHANNELS(DIMS(2, 4, 1, 2, 2), 4, 3, 100, 2),
    CHANNELS(DIMS(1, 3, 2, 1, 2), 3, 2, 100, 1)
};
static const op_variant batches[] = {
    CHANNELS(DIMS(4, 3), 3, 1, 500, 0),          CHANNELS(DIMS(2, 1), 1, 3, 500, 0),
    CHANNELS(DIMS(5, 3), 3, 3, 500, 0),          CHANNELS(DIMS(3, 2), 2, 2, 500, 0),
    CHANNELS(DIMS(33, 2), 2, 3, 100, 0),         CHANNELS(DIMS(3, 40), 40, 3, 500, 0),
    CHANNELS(DIMS(600, 3), 3, 1, 10, 0),         CHANNELS(DIMS(0, 3), 3, 3, 10, 0),
    CHANNELS(DIMS(3, 0), 0, 3, 10, 0),           CHANNELS(DIMS(2, 3, 4), 3, 1, 500, 0),
    CHANNELS(DIMS(1, 3, 5), 3, 3, 500, 0),       CHANNELS(DIMS(3, 2, 7), 2, 3, 100, 0),
    CHANNELS(DIMS(2, 2, 16), 2, 3, 100, 0),      CHANNELS(DIMS(2, 2, 19), 2, 2, 10, 0),
    CHANNELS(DIMS(2, 3, 2, 2), 3, 3, 500, 0),    CHANNELS(DIMS(1, 1, 3, 5), 1, 3, 100, 0),
    CHANNELS(DIMS(2, 2, 5, 4), 2, 1, 100, 0),    CHANNELS(DIMS(3, 2, 17, 16), 2, 3, 10, 0),
    CHANNELS(DIMS(9, 5, 2, 2), 5, 3, 100, 0),    CHANNELS(DIMS(2, 2, 0, 3), 2, 3, 100, 0),
    CHANNELS(DIMS(2, 2, 2, 1, 3), 2, 3, 100, 0), CHANNELS(DIMS(1, 2, 2, 3, 2), 2, 3, 100, 0),
    CHANNELS(DIMS(2, 1, 65, 64), 1, 1, 100, 0)
};
static const op_variant instances[] = {
    CHANNELS(DIMS(1, 1, 2), 1, 3, 500, 0),       CHANNELS(DIMS(2, 3, 4), 3, 3, 500, 0),
    CHANNELS(DIMS(2, 3, 4), 3, 1, 500, 0),       CHANNELS(DIMS(3, 2, 5), 2, 2, 500, 0),
    CHANNELS(DIMS(1, 4, 3), 4, 3, 1000, 0),      CHANNELS(DIMS(2, 2, 16), 2, 3, 100, 0),
    CHANNELS(DIMS(2, 2, 17), 2, 3, 100, 0),      CHANNELS(DIMS(1, 3, 33), 3, 1, 10, 0),
    CHANNELS(DIMS(0, 3, 4), 3, 3, 10, 0),        CHANNELS(DIMS(2, 0, 4), 0, 3, 10, 0),
    CHANNELS(DIMS(2, 3, 0), 3, 3, 10, 0),        CHANNELS(DIMS(9, 2, 4), 2, 3, 500, 0),
    CHANNELS(DIMS(1, 2, 270), 2, 3, 10, 0),      CHANNELS(DIMS(2, 3, 2, 2), 3, 3, 500, 0),
    CHANNELS(DIMS(1, 2, 3, 5), 2, 1, 100, 0),    CHANNELS(DIMS(3, 1, 1, 4), 1, 3, 500, 0),
    CHANNELS(DIMS(2, 2, 6, 1), 2, 3, 100, 0),    CHANNELS(DIMS(1, 5, 3, 3), 5, 2, 100, 0),
    CHANNELS(DIMS(1, 2, 2, 2, 2), 2, 3, 100, 0), CHANNELS(DIMS(2, 1, 1, 3, 2), 1, 3, 100, 0),
    CHANNELS(DIMS(2, 2, 1, 1, 4), 2, 3, 500, 0)
};
/* n: size, 100 alpha, 100 beta, 100 k. */
static const op_variant neighbours[] = {
    WITH(DIMS(1, 1), 1, 100, 75, 100),         WITH(DIMS(2, 3), 1, 100, 50, 100),
    WITH(DIMS(2, 3), 2, 100, 75, 100),         WITH(DIMS(2, 5), 3, 30, 75, 100),
    WITH(DIMS(2, 5), 4, 30, 100, 200),         WITH(DIMS(1, 6), 5, 10, 75, 100),
    WITH(DIMS(3, 2), 9, 100, 75, 50),          WITH(DIMS(1, 3), 1000000, 100, 75, 50),
    WITH(DIMS(0, 3), 3, 10, 75, 100),          WITH(DIMS(2, 0), 3, 10, 75, 100),
    WITH(DIMS(2, 3, 4), 3, 100, 75, 100),      WITH(DIMS(1, 4, 5), 2, 100, 25, 100),
    WITH(DIMS(2, 2, 17), 3, 100, 75, 100),     WITH(DIMS(1, 5, 3), 5, 100, -50, 100),
    WITH(DIMS(2, 3, 2, 2), 3, 100, 75, 100),   WITH(DIMS(1, 7, 2, 3), 5, 10, 75, 200),
    WITH(DIMS(2, 1, 3, 3), 3, 100, 75, 100),   WITH(DIMS(1, 4, 1, 5), 4, 100, 150, 100),
    WITH(DIMS(1, 3, 2, 2, 2), 3, 50, 75, 100), WITH(DIMS(2, 2, 1, 2, 1), 2, 50, 75, 100),
    WITH(DIMS(1, 12, 9), 5, 20, 75, 100)
};
/* n: trailing, is_around_zero. */
static const op_variant moments[] = {
    WITH(DIMS(3), 1, 0),          WITH(DIMS(1), 1, 0),          WITH(DIMS(2, 5), 1, 0),
    WITH(DIMS(2, 5), 1, 1),       WITH(DIMS(2, 5), 2, 0),       WITH(DIMS(5, 2), 0, 0),
    WITH(DIMS(5, 2), 0, 1),       WITH(DIMS(1, 3), 0, 0),       WITH(DIMS(3, 17), 1, 0),
    WITH(DIMS(2, 3, 4), 1, 0),    WITH(DIMS(2, 3, 4), 2, 0),    WITH(DIMS(2, 3, 4), 0, 0),
    WITH(DIMS(2, 3, 16), 0, 0),   WITH(DIMS(2, 3, 21), 0, 0),   WITH(DIMS(1, 3, 2), 0, 0),
    WITH(DIMS(2, 2, 3, 2), 0, 0), WITH(DIMS(2, 2, 3, 2), 2, 1), WITH(DIMS(40, 33), 0, 0),
    WITH(DIMS(40, 33), 1, 0),     WITH(DIMS(1, 5000), 1, 0),    WITH(DIMS(2, 1, 2, 1, 3), 3, 0)
};

static double eps_of(const op_variant *v) { return (double)v->n[0] / 1000; }
BUILD(layer_norm, bg_layer_norm(x[0], v->axes, x[1], x[2], eps_of(v)))
BUILD(rms_norm, bg_rms_norm(x[0], v->axes, x[1], eps_of(v)))
BUILD(group_norm, bg_group_norm(x[0], v->n[1], x[1], x[2], eps_of(v)))
BUILD(instance_norm, bg_instance_norm(x[0], x[1], x[2], eps_of(v)))
static bg_node *build_batch_norm(bg_node *const *x, const op_variant *v)
{
    bg_batch_norm_options options = { .eps = BG_SOME(eps_of(v)) };
    return bg_batch_norm(x[0], x[1], x[2], NULL, NULL, &options);
}
/* x, mean, variance, and perhaps weight and bias. */
static bg_node *build_evaluation(bg_node *const *x, const op_variant *v)
{
    bg_batch_norm_options options = { .eps = BG_SOME(eps_of(v)), .is_evaluation = true };
    return bg_batch_norm(x[0], v->n_inputs > 3 ? x[3] : NULL, v->n_inputs > 4 ? x[4] : NULL, x[1], x[2], &options);
}
static bg_node *build_instance_evaluation(bg_node *const *x, const op_variant *v)
{
    bg_batch_norm_options options = { .eps = BG_SOME(eps_of(v)), .is_evaluation = true };
    return bg_instance_norm_with(x[0], v->n_inputs > 3 ? x[3] : NULL, v->n_inputs > 4 ? x[4] : NULL, x[1], x[2],
                                 &options);
}
BUILD(local_response_norm,
      bg_local_response_norm(x[0], v->n[0], (double)v->n[1] / 100, (double)v->n[2] / 100, (double)v->n[3] / 100))
static bg_node *build_moments(bg_node *const *x, const op_variant *v)
{
    bgi_moment_attributes attributes = { .trailing = v->n[0], .is_around_zero = v->n[1], .eps = 0.5 };
    return bgi_moments(x[0], &attributes);
}
static bg_node *build_rows(bg_node *const *x, const op_variant *v)
{
    bgi_moment_attributes attributes = { .trailing = v->n[0], .is_around_zero = v->n[1], .eps = 0.5 };
    return bgi_standardize_rows(x[0], bgi_moments(x[0], &attributes), x[1], x[2], &attributes);
}
/* The gradients of a layer, of x or of its weight, from a cotangent that is input 2. */
static bg_node *gradient_of(bg_node *const *x, const op_variant *v, int input)
{
    bg_node *xs[2] = { x[0], x[1] }, *cotangent = x[2], *d[2];
    bg_node *y =
        v->n[1] ? bg_rms_norm(x[0], BG_AXES(-1), x[1], 0.5) : bg_layer_norm(x[0], BG_AXES(-1), x[1], NULL, 0.5);
    if (!y || bg_grad_from(&y, &cotangent, 1, xs, 2, d))
        return NULL;
    return d[input];
}
BUILD(back, gradient_of(x, v, 0))
BUILD(fold, gradient_of(x, v, 1))
/* n: trailing, is_around_zero. */
#define ROWS(shape, weight, inputs, trailing, zero)                                                                    \
    {                                                                                                                  \
        .x = { shape, weight, weight }, .n = { trailing, zero }, .n_inputs = inputs                                    \
    }
static const op_variant rows[] = { ROWS(DIMS(3), DIMS(3), 3, 1, 0),
                                   ROWS(DIMS(1), DIMS(1), 2, 1, 0),
                                   ROWS(DIMS(2, 1), DIMS(1), 3, 1, 0),
                                   ROWS(DIMS(2, 5), DIMS(5), 1, 1, 0),
                                   ROWS(DIMS(2, 5), DIMS(5), 2, 1, 0),
                                   ROWS(DIMS(2, 5), DIMS(5), 3, 1, 1),
                                   ROWS(DIMS(3, 16), DIMS(16), 3, 1, 0),
                                   ROWS(DIMS(3, 17), DIMS(17), 1, 1, 1),
                                   ROWS(DIMS(2, 33), DIMS(33), 2, 1, 0),
                                   ROWS(DIMS(7, 12), DIMS(12), 3, 1, 0),
                                   ROWS(DIMS(40, 3), DIMS(3), 3, 1, 0),
                                   ROWS(DIMS(1, 515), DIMS(515), 3, 1, 0),
                                   ROWS(DIMS(2, 3, 4), DIMS(4), 3, 1, 0),
                                   ROWS(DIMS(2, 3, 4), DIMS(4), 2, 1, 1),
                                   ROWS(DIMS(2, 3, 4), DIMS(3, 4), 3, 2, 0),
                                   ROWS(DIMS(2, 3, 4), DIMS(2, 3, 4), 3, 3, 0),
                                   ROWS(DIMS(4, 1, 6), DIMS(1, 6), 1, 2, 0),
                                   ROWS(DIMS(2, 2, 3, 2), DIMS(2), 3, 1, 0),
                                   ROWS(DIMS(2, 2, 3, 2), DIMS(3, 2), 2, 2, 1),
                                   ROWS(DIMS(9, 8), DIMS(8), 3, 1, 0) };
/* x, weight, cotangent; n[1]: is_around_zero. The weight's gradient has slots where at least 8 divide the rows. */
#define BACK(rows, columns, zero)                                                                                      \
    {                                                                                                                  \
        .x = { DIMS(rows, columns), DIMS(columns), DIMS(rows, columns) }, .n = { 1, zero }, .n_inputs = 3              \
    }
static const op_variant backs[] = { BACK(1, 1, 0),  BACK(3, 2, 0),  BACK(2, 5, 1),   BACK(4, 8, 0),   BACK(5, 7, 0),
                                    BACK(3, 16, 0), BACK(2, 17, 0), BACK(3, 31, 1),  BACK(32, 3, 0),  BACK(33, 3, 0),
                                    BACK(36, 5, 0), BACK(40, 1, 0), BACK(64, 2, 1),  BACK(37, 2, 0),  BACK(45, 4, 0),
                                    BACK(80, 9, 0), BACK(96, 4, 0), BACK(260, 3, 0), BACK(1, 520, 0), BACK(48, 33, 0),
                                    BACK(4, 64, 0) };
static const op_variant evaluations[] = {
    CHANNELS(DIMS(1, 1), 1, 3, 500, 0),         CHANNELS(DIMS(1, 3), 3, 5, 500, 0),
    CHANNELS(DIMS(4, 3), 3, 5, 10, 0),          CHANNELS(DIMS(4, 3), 3, 4, 10, 0),
    CHANNELS(DIMS(3, 40), 40, 5, 500, 0),       CHANNELS(DIMS(0, 3), 3, 5, 10, 0),
    CHANNELS(DIMS(3, 0), 0, 5, 10, 0),          CHANNELS(DIMS(2, 3, 4), 3, 3, 0, 0),
    CHANNELS(DIMS(2, 3, 4), 3, 5, 500, 0),      CHANNELS(DIMS(1, 3, 5), 3, 4, 500, 0),
    CHANNELS(DIMS(3, 2, 1), 2, 5, 100, 0),      CHANNELS(DIMS(2, 2, 17), 2, 5, 100, 0),
    CHANNELS(DIMS(33, 2, 3), 2, 5, 10, 0),      CHANNELS(DIMS(2, 3, 2, 2), 3, 5, 500, 0),
    CHANNELS(DIMS(1, 1, 3, 5), 1, 3, 100, 0),   CHANNELS(DIMS(2, 2, 5, 4), 2, 5, 100, 0),
    CHANNELS(DIMS(1, 2, 17, 16), 2, 5, 10, 0),  CHANNELS(DIMS(9, 5, 2, 2), 5, 4, 100, 0),
    CHANNELS(DIMS(2, 2, 0, 3), 2, 5, 100, 0),   CHANNELS(DIMS(2, 2, 2, 1, 3), 2, 5, 100, 0),
    CHANNELS(DIMS(1, 2, 2, 3, 2), 2, 5, 100, 0)
};

static const op_case cases[] = {
    { .name = "layer_norm", .op = "standardize", .arity = 3, .build = build_layer_norm, VARIANTS(layers) },
    { .name = "rms_norm", .arity = 2, .build = build_rms_norm, VARIANTS(layers) },
    { .name = "group_norm", .arity = 3, .build = build_group_norm, VARIANTS(grouped) },
    { .name = "instance_norm", .arity = 3, .build = build_instance_norm, VARIANTS(instances) },
    { .name = "instance_norm, evaluation",
      .arity = 5,
      .domains = { IS_ANY, IS_ANY, IS_POSITIVE },
      .build = build_instance_evaluation,
      VARIANTS(evaluations) },
    { .name = "batch_norm", .arity = 3, .build = build_batch_norm, VARIANTS(batches) },
    { .name = "batch_norm, evaluation",
      .arity = 5,
      .domains = { IS_ANY, IS_ANY, IS_POSITIVE },
      .build = build_evaluation,
      VARIANTS(evaluations) },
    { .name = "local_response_norm", .arity = 1, .build = build_local_response_norm, VARIANTS(neighbours) },
    { .name = "standardize_rows",
      .op = "standardize_rows",
      .arity = 3,
      .is_safe = true,
      .build = build_rows,
      VARIANTS(rows) },
    { .name = "layer_norm, its gradient", .op = "standardize_back", .arity = 3, .build = build_back, VARIANTS(backs) },
    { .name = "layer_norm, its weight's",
      .op = "standardize_fold",
      .arity = 3,
      .sums = true,
      .build = build_fold,
      VARIANTS(backs) },
    { .name = "moments", .op = "moments", .arity = 1, .is_safe = true, .build = build_moments, VARIANTS(moments) },
};

/* ---- Golden values ---- */

typedef struct {
    bg_node *weight, *bias, *running_mean, *running_var;
    double eps;
} golden_parts;
static golden_parts parts_of(const golden_case *c)
{
    golden_parts parts = { .eps = golden_number(c->record, "eps") };
    int next = 1;
    if (golden_integer(c, "weight"))
        parts.weight = c->x[next++];
    if (golden_integer(c, "bias"))
        parts.bias = c->x[next++];
    if (next + 1 < c->n) {
        parts.running_mean = c->x[next];
        parts.running_var = c->x[next + 1];
    }
    return parts;
}
static bg_node *golden_layer_norm(const golden_case *c)
{
    golden_parts p = parts_of(c);
    return bg_layer_norm(c->x[0], golden_axes(c, "axes"), p.weight, p.bias, p.eps);
}
static bg_node *golden_rms_norm(const golden_case *c)
{
    golden_parts p = parts_of(c);
    return bg_rms_norm(c->x[0], golden_axes(c, "axes"), p.weight, p.eps);
}
static bg_node *golden_group_norm(const golden_case *c)
{
    golden_parts p = parts_of(c);
    return bg_group_norm(c->x[0], golden_integer(c, "groups"), p.weight, p.bias, p.eps);
}
static bg_node *with_running(const golden_case *c, bool is_batch)
{
    golden_parts p = parts_of(c);
    bg_batch_norm_options options = { .eps = BG_SOME(p.eps), .is_evaluation = golden_integer(c, "evaluation") != 0 };
    return (is_batch ? bg_batch_norm : bg_instance_norm_with)(c->x[0], p.weight, p.bias, p.running_mean, p.running_var,
                                                              &options);
}
GOLDEN(instance_norm, with_running(c, false))
GOLDEN(batch_norm, with_running(c, true))
GOLDEN(local_response_norm,
       bg_local_response_norm(c->x[0], golden_integer(c, "size"), golden_number(c->record, "alpha"),
                              golden_number(c->record, "beta"), golden_number(c->record, "k")))
static const golden_op golden[] = {
    GOLDEN_ROW(layer_norm),    GOLDEN_ROW(rms_norm),   GOLDEN_ROW(group_norm),
    GOLDEN_ROW(instance_norm), GOLDEN_ROW(batch_norm), GOLDEN_ROW(local_response_norm)
};

/* ---- Wrong calls ---- */

static bg_node *batch(bg_node *x, bg_node *mean, bg_node *var, bg_batch_norm_options options)
{
    return bg_batch_norm(x, NULL, NULL, mean, var, &options);
}
#define OPTIONS(...) ((bg_batch_norm_options){ __VA_ARGS__ })
#define BUFFER       bg_buffer(f->graph, f->tensor)
#define WRONG(X)                                                                                                       \
    X(bg_layer_norm(f->i3, BG_AXES(0), NULL, NULL, 0), BG_ERR_DTYPE, "layer_norm: x is i32, not f32 or f64")           \
    X(bg_layer_norm(f->x23, BG_AXES(2), NULL, NULL, 0), BG_ERR_ARGUMENT, "layer_norm: x [2, 3] has no axis 2")         \
    X(bg_layer_norm(f->x23, BG_AXES(), NULL, NULL, 0), BG_ERR_ARGUMENT, "layer_norm: over no axes: x [2, 3]")          \
    X(bg_layer_norm(f->scalar, BG_ALL_AXES, NULL, NULL, 0), BG_ERR_ARGUMENT, "layer_norm: over no axes: x []")         \
    X(bg_layer_norm(f->x23, BG_AXES(1), f->x4, NULL, 0), BG_ERR_SHAPE, "layer_norm: weight is [4], not [3]: x [2, 3]") \
    X(bg_layer_norm(f->x243, BG_AXES(1, 2), NULL, f->x34, 0), BG_ERR_SHAPE,                                            \
      "layer_norm: bias is [3, 4], not [4, 3]: x [2, 4, 3]")                                                           \
    X(bg_layer_norm(f->x23, BG_AXES(1), f->d3, NULL, 0), BG_ERR_DTYPE, "layer_norm: types differ: x f32, weight f64")  \
    X(bg_layer_norm(f->x23, BG_AXES(1), f->foreign, NULL, 0), BG_ERR_ARGUMENT,                                         \
      "layer_norm: inputs belong to different graphs")                                                                 \
    X(bg_layer_norm(f->x23, BG_AXES(1), NULL, NULL, -1), BG_ERR_ARGUMENT,                                              \
      "layer_norm: eps is -1, not a number of at least 0")                                                             \
    X(bg_rms_norm(f->x23, BG_AXES(1), f->x4, 0), BG_ERR_SHAPE, "rms_norm: weight is [4], not [3]: x [2, 3]")           \
    X(bg_rms_norm(f->x23, BG_AXES(1), NULL, INF), BG_ERR_ARGUMENT, "rms_norm: eps is inf, not a number of at least 0") \
    X(bg_group_norm(f->image, 2, NULL, NULL, 0), BG_ERR_SHAPE,                                                         \
      "group_norm: 2 groups do not divide the channels: x [2, 3, 5, 5]")                                               \
    X(bg_group_norm(f->image, 0, NULL, NULL, 0), BG_ERR_SHAPE,                                                         \
      "group_norm: 0 groups do not divide the channels: x [2, 3, 5, 5]")                                               \
    X(bg_group_norm(f->x3, 3, NULL, NULL, 0), BG_ERR_SHAPE, "group_norm: needs x [n, c, ..]: x [3]")                   \
    X(bg_group_norm(f->image, 3, f->x4, NULL, 0), BG_ERR_SHAPE, "group_norm: weight is [4], not [3]: x [2, 3, 5, 5]")  \
    X(bg_instance_norm(f->x23, NULL, NULL, 0), BG_ERR_SHAPE,                                                           \
      "instance_norm: one value a channel of a sample: x [2, 3]")                                                      \
    X(bg_instance_norm(f->image, NULL, f->d3, 0), BG_ERR_DTYPE, "instance_norm: types differ: x f32, bias f64")        \
    X(bg_instance_norm(f->image, NULL, NULL, -1), BG_ERR_ARGUMENT,                                                     \
      "instance_norm: eps is -1, not a number of at least 0")                                                          \
    X(bg_local_response_norm(f->x3, 3, 1, 1, 1), BG_ERR_SHAPE, "local_response_norm: needs x [n, c, ..]: x [3]")       \
    X(bg_local_response_norm(f->image, 0, 1, 1, 1), BG_ERR_ARGUMENT, "local_response_norm: size is 0, not at least 1") \
    X(bg_batch_norm(f->x3, NULL, NULL, NULL, NULL, NULL), BG_ERR_SHAPE, "batch_norm: needs x [n, c, ..]: x [3]")       \
    X(bg_batch_norm(f->i3, NULL, NULL, NULL, NULL, NULL), BG_ERR_DTYPE, "batch_norm: x is i32, not f32 or f64")        \
    X(bg_batch_norm(bg_slice(f->x23, 0, 0, 1, 1), NULL, NULL, NULL, NULL, NULL), BG_ERR_SHAPE,                         \
      "batch_norm: one value a channel in training: x [1, 3]")                                                         \
    X(bg_batch_norm(f->x23, f->x4, NULL, NULL, NULL, NULL), BG_ERR_SHAPE,                                              \
      "batch_norm: weight is [4], not [3]: x [2, 3]")                                                                  \
    X(batch(f->x23, f->x3, f->x4, OPTIONS(.is_evaluation = true)), BG_ERR_SHAPE,                                       \
      "batch_norm: running_var is [4], not [3]: x [2, 3]")                                                             \
    X(batch(f->x23, f->x3, f->x3, OPTIONS(.is_evaluation = false)), BG_ERR_ARGUMENT,                                   \
      "batch_norm: running_mean is no buffer, but input")                                                              \
    X(batch(f->x23, f->x3, NULL, OPTIONS(.is_evaluation = true)), BG_ERR_ARGUMENT,                                     \
      "batch_norm: one of running_mean and running_var is missing: x [2, 3]")                                          \
    X(batch(f->x23, NULL, NULL, OPTIONS(.is_evaluation = true)), BG_ERR_ARGUMENT,                                      \
      "batch_norm: evaluation without running_mean and running_var: x [2, 3]")                                         \
    X(batch(f->x23, NULL, NULL, OPTIONS(.momentum = BG_SOME(1.5))), BG_ERR_ARGUMENT,                                   \
      "batch_norm: momentum is 1.5, not 0 .. 1")                                                                       \
    X(batch(f->x23, NULL, NULL, OPTIONS(.eps = BG_SOME(-0.5))), BG_ERR_ARGUMENT,                                       \
      "batch_norm: eps is -0.5, not a number of at least 0")                                                           \
    X(batch(f->x23, NULL, NULL, OPTIONS(.is_cumulative = true)), BG_ERR_ARGUMENT,                                      \
      "batch_norm: is_cumulative without batches: x [2, 3]")                                                           \
    X(batch(f->x23, NULL, NULL, OPTIONS(.is_cumulative = true, .momentum = BG_SOME(0))), BG_ERR_ARGUMENT,              \
      "batch_norm: momentum beside is_cumulative: x [2, 3]")                                                           \
    X(batch(f->x23, NULL, NULL, OPTIONS(.batches = f->l3)), BG_ERR_ARGUMENT,                                           \
      "batch_norm: batches is no buffer of i64 [], but input i64 [3]")                                                 \
    X(batch(f->x23, NULL, NULL, OPTIONS(.batches = BUFFER)), BG_ERR_ARGUMENT,                                          \
      "batch_norm: batches is no buffer of i64 [], but buffer f32 [4, 3]")
WRONG_CALLS(WRONG)

/* ---- Edges ---- */

EDGE(layer, bg_layer_norm(x, BG_AXES(-1), NULL, NULL, 0))
EDGE(layer_eps, bg_layer_norm(x, BG_AXES(-1), NULL, NULL, 1))
EDGE(layer_first, bg_narrow(bg_layer_norm(x, BG_AXES(-1), NULL, NULL, 0), 0, 0, 1))
EDGE(rms, bg_rms_norm(x, BG_AXES(-1), NULL, 1))
EDGE(batch, bg_batch_norm(bg_reshape(x, BG_SHAPE(-1, 1)), NULL, NULL, NULL, NULL, NULL))
EDGE(group_of_one, bg_group_norm(bg_reshape(x, BG_SHAPE(1, -1)), bg_shape_count(bg_node_shape(x)), NULL, NULL, 1e-5))
EDGE(response, bg_local_response_norm(bg_reshape(x, BG_SHAPE(1, -1)), 3, 3, 1, 1))
static const edge edges[] = {
    /* f32 has no number between these two for their mean. */
    { "layer_norm: a mean between two numbers", edge_layer, 4, .x = LIST(8192, 8192, 8192.0009765625, 8192.0009765625),
      .n_values = 4, .value = LIST(-1, -1, 1, 1), .dx = LIST(0, 0, 0, 0) },
    { "layer_norm: equal elements and eps", edge_layer_eps, 3, .x = LIST(7, 7, 7), .n_values = 3,
      .value = LIST(0, 0, 0), .dx = LIST(0, 0, 0) },
    { "layer_norm: equal elements without eps are 0 / 0", edge_layer, 2, .x = LIST(7, 7), .n_values = 2,
      .value = LIST(NOT_A_NUMBER, NOT_A_NUMBER), .dx = LIST(NOT_A_NUMBER, NOT_A_NUMBER) },
    { "layer_norm: the others of a row with an infinity", edge_layer_first, 2, .x = LIST(1, INF), .n_values = 1,
      .value = LIST(NOT_A_NUMBER), .dx = LIST(NOT_A_NUMBER, NOT_A_NUMBER) },
    { "rms_norm: zeros", edge_rms, 2, .x = LIST(0, 0), .n_values = 2, .value = LIST(0, 0), .dx = LIST(1, 1) },
    { "batch_norm: NaN", edge_batch, 2, .x = LIST(1, NOT_A_NUMBER), .n_values = 2,
      .value = LIST(NOT_A_NUMBER, NOT_A_NUMBER), .dx = LIST(NOT_A_NUMBER, NOT_A_NUMBER) },
    { "batch_norm: equal elements", edge_batch, 3, .x = LIST(3, 3, 3), .n_values = 3, .value = LIST(0, 0, 0),
      .dx = LIST(0, 0, 0) },
    { "group_norm: one value a group", edge_group_of_one, 2, .x = LIST(3, -5), .n_values = 2, .value = LIST(0, 0),
      .dx = LIST(0, 0) },
    { "local_response_norm: zeros beyond the channels", edge_response, 3, .x = LIST(1, 0, 2), .n_values = 3,
      .value = LIST(0.5, 0, 0.4), .dx = LIST(0, 1.0 / 6, -0.12), .tolerance = 1e-6 },
};

const op_family normalization_family = {
    .name = "normalization", FAMILY_CASES, FAMILY_GOLDEN, FAMILY_WRONG, FAMILY_EDGES
};
