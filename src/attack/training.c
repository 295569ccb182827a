/* Adversarial training: a step whose graph holds the attack on its own inputs. */
#include "graph/graph.h"
#include "nn/model.h"
#include "tensor/tensor.h"

#include <blasgrad/attack.h>
#include <blasgrad/grad.h>
#include <blasgrad/loss.h>

#include <math.h>

enum { STEPS_MAX = 100 };

static const struct {
    const char *name;
    int64_t steps, most_steps; /* the default, and how many there may be */
    double reach;              /* of all steps together, in eps, unless the step size is given */
    double beta;
} methods[] = {
    [BG_ADVERSARIAL_FGSM] = { "fgsm", 1, 1, 1.25, 0 },
    [BG_ADVERSARIAL_PGD] = { "pgd", 7, STEPS_MAX, 2.5, 0 },
    [BG_ADVERSARIAL_TRADES] = { "trades", 10, STEPS_MAX, 2.5, 6 },
};
enum { N_METHODS = sizeof methods / sizeof *methods };

/* ---- Numbers ---- */

static bool is_number(double x) { return x >= 0 && !isinf(x); }

static bg_status check_numbers(const bg_adversarial *a)
{
    const char *name = methods[a->method].name;
    int64_t most = methods[a->method].most_steps;
    if (!is_number(a->eps))
        return bg_fail(BG_ERR_ARGUMENT, "adversarial %s: eps is %g, it must be finite and 0 or more", name, a->eps);
    if (a->steps < 0 || a->steps > most)
        return bg_fail(BG_ERR_ARGUMENT, "adversarial %s: %lld steps, it takes 1%s", name, (long long)a->steps,
                       most > 1 ? " to 100" : "");
    if (!is_number(a->step_size))
        return bg_fail(BG_ERR_ARGUMENT, "adversarial %s: the step size is %g, it must be finite and 0 or more", name,
                       a->step_size);
    if (a->beta.is_some && a->method != BG_ADVERSARIAL_TRADES)
        return bg_fail(BG_ERR_ARGUMENT, "adversarial %s: beta is a number of trades", name);
    if (a->beta.is_some && !is_number(a->beta.value))
        return bg_fail(BG_ERR_ARGUMENT, "adversarial %s: beta is %g, it must be finite and 0 or more", name,
                       a->beta.value);
    double lower = a->lower.is_some ? a->lower.value : -INFINITY, upper = a->upper.is_some ? a->upper.value : INFINITY;
    if (!(lower <= upper))
        return bg_fail(BG_ERR_ARGUMENT,
                       "adversarial %s: the box is %g .. %g, the lower bound must not be above the upper", name, lower,
                       upper);
    return BG_OK;
}

bg_status bg_adversarial_check(const bg_adversarial *adversarial)
{
    if (!adversarial || !adversarial->network)
        return bg_fail(BG_ERR_ARGUMENT, "adversarial: %s is NULL", adversarial ? "network" : "adversarial");
    if ((int)adversarial->method < 0 || (int)adversarial->method >= N_METHODS)
        return bg_fail(BG_ERR_ARGUMENT, "adversarial: the method is %d, not one of 0 .. %d", (int)adversarial->method,
                       N_METHODS - 1);
    if (adversarial->norm != BG_ATTACK_LINF && adversarial->norm != BG_ATTACK_L2)
        return bg_fail(BG_ERR_ARGUMENT, "adversarial %s: the norm is %d; it has forms for Linf, %d, and L2, %d",
                       methods[adversarial->method].name, (int)adversarial->norm, (int)BG_ATTACK_LINF,
                       (int)BG_ATTACK_L2);
    return check_numbers(adversarial);
}

static int64_t step_count(const bg_adversarial *a) { return a->steps ? a->steps : methods[a->method].steps; }

static double step_size(const bg_adversarial *a)
{
    return a->step_size > 0 ? a->step_size : methods[a->method].reach * a->eps / (double)step_count(a);
}

/* ---- The attack ---- */

/* What is attacked. */
typedef struct {
    const bg_adversarial *options;
    bg_model *model;
    bg_node *clean, *classes;
    bg_node *answers; /* trades: probabilities at clean */
    bg_axes example;  /* the axes of one example */
} attacked;

static bg_node *scores(const attacked *a, bg_node *x) { return a->options->network(a->model, x, a->options->user); }

static bg_node *number_like(const bg_node *x, double value) { return bg_scalar(bg_node_graph(x), x->dtype, value); }

/* v / |v|₂ of each example; 0 for 0. */
static bg_node *unit(const attacked *a, bg_node *v)
{
    /* Divided by its largest element first: squares of tiny gradients would underflow. The length is then 1 or more. */
    bg_node *largest = bg_keep(bg_max(bg_abs(v), a->example), v, a->example);
    if (!largest)
        return NULL;
    bg_node *zero = number_like(v, 0), *one = number_like(v, 1);
    v = bg_div(v, bg_where(bg_greater(largest, zero), largest, one));
    return bg_div(v, bg_maximum(bg_keep(bg_norm(v, a->example, 2), v, a->example), one));
}

static bg_node *into_box(const attacked *a, bg_node *x)
{
    const bg_optional *lower = &a->options->lower, *upper = &a->options->upper;
    if (!x)
        return NULL;
    if (lower->is_some)
        x = bg_maximum(x, number_like(x, lower->value));
    return upper->is_some && x ? bg_minimum(x, number_like(x, upper->value)) : x;
}

/* Into the ball around clean, and into the box. */
static bg_node *project(const attacked *a, bg_node *x)
{
    double eps = a->options->eps;
    if (a->options->norm == BG_ATTACK_LINF)
        return into_box(a, bg_minimum(bg_maximum(x, bg_add_scalar(a->clean, -eps)), bg_add_scalar(a->clean, eps)));
    bg_node *way = bg_sub(x, a->clean), *limit = number_like(a->clean, eps);
    bg_node *length = bg_keep(bg_norm(way, a->example, 2), way, a->example);
    return into_box(a, bg_add(a->clean, bg_mul(way, bg_div(limit, bg_maximum(length, limit)))));
}

/* Uniform in the ball: in L2 a uniform direction times u^(1 / elements). */
static bg_node *draw_from_ball(const attacked *a)
{
    bg_graph *graph = bg_node_graph(a->clean);
    bg_shape shape = bg_node_shape(a->clean), radii = shape;
    bg_dtype dtype = bg_node_dtype(a->clean);
    double eps = a->options->eps;
    if (a->options->norm == BG_ATTACK_LINF)
        return bg_uniform(graph, dtype, shape, -eps, eps);
    for (int i = 1; i < radii.rank; i++)
        radii.dims[i] = 1;
    int64_t width = bg_shape_count(shape) / shape.dims[0];
    bg_node *radius = bg_pow_scalar(bg_uniform(graph, dtype, radii, 0, 1), 1 / (double)width);
    return bg_mul(unit(a, bg_normal(graph, dtype, shape, 0, 1)), bg_mul_scalar(radius, eps));
}

static bg_node *start(const attacked *a)
{
    if (a->options->method != BG_ADVERSARIAL_TRADES)
        return into_box(a, bg_add(a->clean, draw_from_ball(a)));
    return bg_add(a->clean,
                  bg_normal(bg_node_graph(a->clean), bg_node_dtype(a->clean), bg_node_shape(a->clean), 0, 1e-3));
}

/* What the steps raise, summed over examples, so that none has less of a gradient for the others' sake. */
static bg_node *raised(const attacked *a, bg_node *x)
{
    if (a->options->method == BG_ADVERSARIAL_TRADES)
        return bg_kl_div_loss(bg_log_softmax(scores(a, x), -1), a->answers, BG_SUM);
    return bg_cross_entropy_loss(scores(a, x), a->classes, BG_SUM);
}

static bg_node *climb(const attacked *a)
{
    double size = step_size(a->options);
    bg_node *x = start(a);
    for (int64_t step = 0; x && step < step_count(a->options); step++) {
        bg_node *loss = raised(a, x), *gradient;
        if (!loss || bg_grad(loss, &x, 1, &gradient) != BG_OK)
            return NULL;
        bg_node *direction = a->options->norm == BG_ATTACK_LINF ? bg_sign(gradient) : unit(a, gradient);
        x = project(a, bg_add(x, bg_mul_scalar(direction, size)));
    }
    return bg_stop_gradient(x);
}

/* trades climbs in evaluation, from the answers that the network gives there. */
static bg_node *climb_in_evaluation(attacked *a)
{
    bg_model_set_training(a->model, false);
    a->answers = bg_softmax(scores(a, a->clean), -1);
    bg_node *x = a->answers ? climb(a) : NULL;
    bg_model_set_training(a->model, true);
    return x;
}

/* ---- The step ---- */

static bg_status check_columns(bg_node *const *columns, int n)
{
    bg_dtype x = bg_node_dtype(columns[0]);
    if (n < 2)
        return bg_fail(BG_ERR_ARGUMENT, "adversarial: the data set has one column, not inputs and classes");
    if (x != BG_F32 && x != BG_F64)
        return bg_fail(BG_ERR_DTYPE, "adversarial: inputs are %s; only those of f32 and f64 have gradients",
                       bg_dtype_name(x));
    if (bg_node_shape(columns[0]).rank < 1 || bg_shape_count(bg_node_shape(columns[0])) < 1)
        return bg_fail(BG_ERR_SHAPE, "adversarial: inputs %s, not [n, ..]",
                       bgi_shape_format(bg_node_shape(columns[0])).text);
    return BG_OK;
}

/* Lengths are roots of sums of squares, and a radius that is no number of the type would leave inputs as they are. */
static bg_status check_type(const bg_adversarial *a, bg_dtype dtype)
{
    const double most = dtype == BG_F64 ? 1e150 : 1e18, numbers[] = { a->eps, a->step_size };
    for (int i = 0; i < 2; i++)
        if (numbers[i] > 0 && (numbers[i] < 1 / most || numbers[i] > most))
            return bg_fail(BG_ERR_ARGUMENT, "adversarial %s: %s is %g, outside of %g .. %g, whose squares %s can hold",
                           methods[a->method].name, i ? "the step size" : "eps", numbers[i], 1 / most, most,
                           bg_dtype_name(dtype));
    return BG_OK;
}

/* beta KL(answers at clean, answers at x'), the mean over examples; gradients reach both. */
static bg_node *divergence(const attacked *a, bg_node *clean_scores, bg_node *x)
{
    double beta = a->options->beta.is_some ? a->options->beta.value : methods[a->options->method].beta;
    bg_node *kl = bg_kl_div_loss(bg_log_softmax(scores(a, x), -1), bg_softmax(clean_scores, -1), BG_BATCH_MEAN);
    return bg_mul_scalar(kl, beta);
}

static bg_node *training_loss(attacked *a)
{
    bool is_trades = a->options->method == BG_ADVERSARIAL_TRADES;
    bg_node *x = a->clean;
    if (a->options->eps > 0)
        x = is_trades ? climb_in_evaluation(a) : climb(a);
    if (!x)
        return NULL;
    if (!is_trades)
        return bg_cross_entropy_loss(scores(a, x), a->classes, BG_MEAN);
    bg_node *clean_scores = scores(a, a->clean);
    return bg_add(bg_cross_entropy_loss(clean_scores, a->classes, BG_MEAN), divergence(a, clean_scores, x));
}

bg_node *bg_adversarial_step(bg_model *model, bg_node *const *columns, int n, void *adversarial)
{
    if (!columns || n < 1 || !columns[0])
        return NULL;
    bg_graph *graph = bg_node_graph(columns[0]);
    bg_status status =
        model ? bg_adversarial_check(adversarial) : bg_fail(BG_ERR_ARGUMENT, "adversarial: model is NULL");
    if (status == BG_OK)
        status = check_columns(columns, n);
    if (status == BG_OK)
        status = check_type(adversarial, bg_node_dtype(columns[0]));
    if (status != BG_OK)
        return bgi_graph_adopt_failure(graph, status);
    attacked a = { .options = adversarial, .model = model, .clean = columns[0], .classes = columns[1] };
    for (int i = 1; i < bg_node_shape(a.clean).rank; i++)
        a.example.axis[a.example.count++] = i;
    if (!bg_model_is_training(model))
        return bg_cross_entropy_loss(scores(&a, a.clean), a.classes, BG_MEAN);
    /* Random nodes count with the model's counter from the first one on. */
    return bgi_model_attach(model, graph) ? training_loss(&a) : NULL;
}

bg_node *bg_adversarial_network(bg_model *model, bg_node *x, void *adversarial)
{
    const bg_adversarial *options = adversarial;
    return options && options->network ? options->network(model, x, options->user) : NULL;
}
