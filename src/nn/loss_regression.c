/* Losses of numbers. */
#include "nn/loss.h"

#include <math.h>

/* l1: |prediction - target| */
bg_node *bg_l1_loss(bg_node *prediction, bg_node *target, bg_reduction reduction)
{
    if (!bgi_takes_equal_floats("l1_loss", prediction, target, bgi_loss_labels))
        return NULL;
    return bgi_loss_reduce("l1_loss", bg_abs(bg_sub(prediction, target)), reduction);
}

/* l2: (prediction - target)² */
bg_node *bg_l2_loss(bg_node *prediction, bg_node *target, bg_reduction reduction)
{
    if (!bgi_takes_equal_floats("l2_loss", prediction, target, bgi_loss_labels))
        return NULL;
    return bgi_loss_reduce("l2_loss", bg_square(bg_sub(prediction, target)), reduction);
}

/* huber: k (d - k / 2) with k = d cut to -delta .. delta, which is d² / 2 within and delta (|d| - delta / 2) beyond;
 * dd = k. */
static bg_node *huber(bg_node *prediction, bg_node *target, double delta)
{
    bg_node *d = bg_sub(prediction, target), *k = bg_clamp(d, -delta, delta);
    return bg_mul(k, bg_sub(d, bg_mul_scalar(k, 0.5)));
}
bg_node *bg_huber_loss_with(bg_node *prediction, bg_node *target, bg_reduction reduction,
                            const bg_huber_options *options)
{
    double delta = options && options->delta != 0 ? options->delta : 1;
    if (!bgi_takes_equal_floats("huber_loss", prediction, target, bgi_loss_labels) ||
        !bgi_takes_option("huber_loss", prediction, "delta", delta, 0, true))
        return NULL;
    return bgi_loss_reduce("huber_loss", huber(prediction, target, delta), reduction);
}
bg_node *bg_huber_loss(bg_node *prediction, bg_node *target, bg_reduction reduction)
{
    return bg_huber_loss_with(prediction, target, reduction, NULL);
}

/* smooth_l1: huber / beta */
bg_node *bg_smooth_l1_loss_with(bg_node *prediction, bg_node *target, bg_reduction reduction,
                                const bg_smooth_l1_options *options)
{
    double beta = bgi_option(options ? options->beta : (bg_optional){ 0 }, 1);
    if (!bgi_takes_equal_floats("smooth_l1_loss", prediction, target, bgi_loss_labels) ||
        !bgi_takes_option("smooth_l1_loss", prediction, "beta", beta, 0, false))
        return NULL;
    bg_node *values =
        beta > 0 ? bg_mul_scalar(huber(prediction, target, beta), 1 / beta) : bg_abs(bg_sub(prediction, target));
    return bgi_loss_reduce("smooth_l1_loss", values, reduction);
}
bg_node *bg_smooth_l1_loss(bg_node *prediction, bg_node *target, bg_reduction reduction)
{
    return bg_smooth_l1_loss_with(prediction, target, reduction, NULL);
}

/* poisson_nll: exp(x) - y x, or x - y log(x + eps), and log(y!) ~ y log y - y + log(2π y) / 2 where y > 1 */
bg_node *bg_poisson_nll_loss_with(bg_node *prediction, bg_node *target, bg_reduction reduction,
                                  const bg_poisson_nll_options *options)
{
    const bg_poisson_nll_options none = { 0 }, *o = options ? options : &none;
    double eps = bgi_option(o->eps, 1e-8);
    if (!bgi_takes_equal_floats("poisson_nll_loss", prediction, target, bgi_loss_labels) ||
        !bgi_takes_option("poisson_nll_loss", prediction, "eps", eps, 0, false))
        return NULL;
    bg_node *x = prediction, *y = target;
    bg_node *values =
        o->is_rate ? bg_sub(x, bg_mul(y, bg_log(bg_add_scalar(x, eps)))) : bg_sub(bg_exp(x), bg_mul(y, x));
    if (o->is_full) {
        /* 1 in place of the others keeps their logarithms, and so their gradients, finite. */
        bg_node *one = bgi_scalar_like(y, 1), *counts = bg_greater(y, one), *n = bg_where(counts, y, one);
        bg_node *log_n = bg_log(n), *half = bg_mul_scalar(bg_add_scalar(log_n, log(2 * acos(-1.0))), 0.5);
        bg_node *stirling = bg_add(bg_sub(bg_mul(n, log_n), n), half);
        values = bg_add(values, bg_where(counts, stirling, bgi_scalar_like(y, 0)));
    }
    return bgi_loss_reduce("poisson_nll_loss", values, reduction);
}
bg_node *bg_poisson_nll_loss(bg_node *prediction, bg_node *target, bg_reduction reduction)
{
    return bg_poisson_nll_loss_with(prediction, target, reduction, NULL);
}

/* Whether a variance of this shape, which may get a last axis, is one for each element or is shared along one axis. */
static bool fits_variance(bg_shape x, bg_shape *variance)
{
    bg_shape without_last = x;
    without_last.rank--;
    if (x.rank > 0 && bg_shape_equal(*variance, without_last))
        variance->dims[variance->rank++] = 1;
    if (variance->rank != x.rank)
        return false;
    int shared = 0;
    for (int i = 0; i < x.rank; i++)
        if (variance->dims[i] != x.dims[i])
            shared += variance->dims[i] == 1 ? 1 : 2;
    return shared <= 1;
}
/* gaussian_nll: (log v + (prediction - target)² / v) / 2, v = variance + stop(what it lacks to eps) */
bg_node *bg_gaussian_nll_loss(bg_node *prediction, bg_node *target, bg_node *variance, bg_reduction reduction,
                              const bg_gaussian_nll_options *options)
{
    static const char *const labels[] = { "prediction", "variance" };
    const bg_gaussian_nll_options none = { 0 }, *o = options ? options : &none;
    double eps = bgi_option(o->eps, 1e-6);
    bg_node *inputs[] = { prediction, variance };
    if (!bgi_graph_of("gaussian_nll_loss", (bg_node *[]){ prediction, target, variance }, 3) ||
        !bgi_takes_equal_floats("gaussian_nll_loss", prediction, target, bgi_loss_labels) ||
        !bgi_graph_accept(prediction->graph, bgi_check_floats("gaussian_nll_loss", inputs, labels, 2)) ||
        !bgi_takes_option("gaussian_nll_loss", prediction, "eps", eps, 0, false))
        return NULL;
    bg_shape shape = variance->shape;
    if (!fits_variance(prediction->shape, &shape))
        return bgi_graph_fail(prediction->graph, BG_ERR_SHAPE,
                              "gaussian_nll_loss: the variance is not one for each element, nor shared along one axis: "
                              "prediction %s, variance %s",
                              bgi_shape_format(prediction->shape).text, bgi_shape_format(variance->shape).text);
    bg_node *v = bg_reshape(variance, shape), *least = bgi_scalar_like(v, eps);
    v = bg_where(bg_less(v, least), bg_add(least, bg_sub(v, bg_stop_gradient(v))), v);
    bg_node *values = bg_add(bg_log(v), bg_div(bg_square(bg_sub(prediction, target)), v));
    if (o->is_full)
        values = bg_add_scalar(values, log(2 * acos(-1.0)));
    return bgi_loss_reduce("gaussian_nll_loss", bg_mul_scalar(values, 0.5), reduction);
}
