/* Normalisation with running statistics: of batches and of instances. */
#include "ops/normalization.h"

static const char *const labels[] = { "weight", "bias", "running_mean", "running_var" };

static bg_node *fail_options(const char *op, const bg_node *x, const char *what)
{
    return bgi_graph_fail(x->graph, BG_ERR_ARGUMENT, "%s: %s: x %s", op, what, bgi_shape_format(x->shape).text);
}

/* Running statistics and options that fit x and each other; records errors. */
static bool takes_running(const char *op, bg_node *x, bg_node *const running[2], const bg_batch_norm_options *o)
{
    double momentum = o->momentum.value;
    if (!running[0] != !running[1])
        return fail_options(op, x, "one of running_mean and running_var is missing");
    if (o->is_evaluation && !running[0])
        return fail_options(op, x, "evaluation without running_mean and running_var");
    if (o->momentum.is_some && !(momentum >= 0 && momentum <= 1))
        return bgi_graph_fail(x->graph, BG_ERR_ARGUMENT, "%s: momentum is %g, not 0 .. 1", op, momentum);
    if (o->momentum.is_some && o->is_cumulative)
        return fail_options(op, x, "momentum beside is_cumulative");
    if (o->is_cumulative && !o->batches)
        return fail_options(op, x, "is_cumulative without batches");
    for (int i = 0; i < 2 && !o->is_evaluation; i++)
        if (running[i] && !bgi_node_is(running[i], BGI_BUFFER))
            return bgi_graph_fail(x->graph, BG_ERR_ARGUMENT, "%s: %s is no buffer, but %s", op, labels[2 + i],
                                  running[i]->op->name);
    if (!o->batches)
        return true;
    if (!bgi_graph_of(op, (bg_node *[]){ x, o->batches }, 2))
        return false;
    if (!bgi_node_is(o->batches, BGI_BUFFER) || o->batches->dtype != BG_I64 || o->batches->shape.rank != 0)
        return bgi_graph_fail(x->graph, BG_ERR_ARGUMENT, "%s: batches is no buffer of i64 [], but %s %s %s", op,
                              o->batches->op->name, bg_dtype_name(o->batches->dtype),
                              bgi_shape_format(o->batches->shape).text);
    return true;
}

/* running = (1 - momentum) running + momentum · batch */
static void update(bg_node *running, bg_node *batch, bg_node *momentum)
{
    bg_node *old = bg_updated(running);
    bg_update(running, bg_add(bg_mul(old, bg_sub_from(1, momentum)), bg_mul(batch, momentum)));
}
/* mean and variance [c], the variance of `count` elements. */
static void update_both(bg_node *const running[2], bg_node *mean, bg_node *variance, int64_t count,
                        const bg_batch_norm_options *o)
{
    bg_node *batches = NULL;
    if (o->batches) {
        batches = bg_add_scalar(bg_cast(bg_updated(o->batches), BG_F64), 1);
        bg_update(o->batches, bg_cast(batches, BG_I64));
    }
    if (!running[0])
        return;
    bg_node *momentum = bgi_scalar_like(running[0], o->momentum.is_some ? o->momentum.value : 0.1);
    if (o->is_cumulative)
        momentum = bg_cast(bg_div(bgi_scalar_like(batches, 1), batches), running[0]->dtype);
    update(running[0], bg_stop_gradient(mean), momentum);
    bg_node *unbiased = bg_mul_scalar(variance, (double)count / (double)(count - 1));
    update(running[1], bg_stop_gradient(unbiased), momentum);
}

/* With statistics that are given: (x - mean) · weight / √(var + eps) + bias */
static bg_node *evaluate(bg_node *x, bg_node *weight, bg_node *bias, bg_node *mean, bg_node *variance, double eps)
{
    bg_node *one = weight ? weight : bgi_scalar_like(x, 1), *planes = bgi_as_planes(x);
    bg_node *scale = bg_div(one, bg_sqrt(bg_add_scalar(variance, eps)));
    if (!planes || !scale)
        return NULL;
    bg_node *y = bg_mul(bg_sub(planes, bgi_by_channel(mean, planes)), bgi_by_channel(scale, planes));
    return bg_reshape(bias ? bg_add(y, bgi_by_channel(bias, planes)) : y, x->shape);
}

static double eps_of(const bg_batch_norm_options *o) { return o->eps.is_some ? o->eps.value : 1e-5; }

/* x and its vectors, in the order of the labels, and options, which are set to their defaults where they are NULL. */
static bool takes(const char *op, bg_node *x, bg_node *const *vectors, const bg_batch_norm_options *options,
                  bg_batch_norm_options *o)
{
    *o = options ? *options : (bg_batch_norm_options){ .is_evaluation = false };
    return bgi_takes_channels(op, x, vectors, labels, 4) && bgi_takes_eps(op, x, eps_of(o)) &&
           takes_running(op, x, vectors + 2, o);
}

bg_node *bg_batch_norm(bg_node *x, bg_node *weight, bg_node *bias, bg_node *running_mean, bg_node *running_var,
                       const bg_batch_norm_options *options)
{
    const char *op = "batch_norm";
    bg_batch_norm_options o;
    bg_node *const vectors[] = { weight, bias, running_mean, running_var };
    if (!takes(op, x, vectors, options, &o))
        return NULL;
    bgi_moment_attributes attributes = { .trailing = 0, .eps = eps_of(&o) };
    if (bg_shape_count(x->shape) == 0)
        return x;
    if (o.is_evaluation)
        return evaluate(x, weight, bias, running_mean, running_var, attributes.eps);
    int64_t count = bgi_moment_count(x, &attributes);
    if (count == 1)
        return bgi_graph_fail(x->graph, BG_ERR_SHAPE, "batch_norm: one value a channel in training: x %s",
                              bgi_shape_format(x->shape).text);
    bg_node *planes = bgi_as_planes(x), *moments = bgi_moments(planes, &attributes);
    if (!moments)
        return NULL;
    update_both(vectors + 2, bgi_moment_of(moments, BGI_MOMENT_MEAN), bgi_moment_of(moments, BGI_MOMENT_VARIANCE),
                count, &o);
    return bg_reshape(bgi_standardize(planes, weight, bias, &attributes), x->shape);
}

/* The mean over samples of a moment of each channel of each sample. */
static bg_node *over_samples(bg_node *moments, bgi_moment which, const bg_node *x)
{
    bg_node *each = bg_reshape(bgi_moment_of(moments, which), BG_SHAPE(x->shape.dims[0], x->shape.dims[1]));
    return bg_mean(each, BG_AXES(0));
}
bg_node *bg_instance_norm_with(bg_node *x, bg_node *weight, bg_node *bias, bg_node *running_mean, bg_node *running_var,
                               const bg_batch_norm_options *options)
{
    const char *op = "instance_norm";
    bg_batch_norm_options o;
    bg_node *const vectors[] = { weight, bias, running_mean, running_var };
    if (!takes(op, x, vectors, options, &o))
        return NULL;
    bgi_moment_attributes attributes = { .trailing = 1, .eps = eps_of(&o) };
    if (bg_shape_count(x->shape) == 0)
        return x;
    if (o.is_evaluation)
        return evaluate(x, weight, bias, running_mean, running_var, attributes.eps);
    bg_node *rows = bg_reshape(x, BG_SHAPE(x->shape.dims[0] * x->shape.dims[1], -1));
    int64_t count = rows ? rows->shape.dims[1] : 0;
    if (count == 1)
        return bgi_graph_fail(x->graph, BG_ERR_SHAPE, "instance_norm: one value a channel of a sample: x %s",
                              bgi_shape_format(x->shape).text);
    bg_node *moments = bgi_moments(rows, &attributes);
    update_both(vectors + 2, over_samples(moments, BGI_MOMENT_MEAN, x), over_samples(moments, BGI_MOMENT_VARIANCE, x),
                count, &o);
    return bg_group_norm(x, x->shape.dims[1], weight, bias, attributes.eps);
}
