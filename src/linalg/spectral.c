#include "linalg/spectral.h"

#include <float.h>

double bgi_smallest_normal(bg_dtype dtype) { return dtype == BG_F64 ? DBL_MIN : (double)FLT_MIN; }

bool bgi_takes_regularization(const char *op, const bg_node *a, double regularization)
{
    double most = a->dtype == BG_F64 ? DBL_MAX : (double)FLT_MAX;
    if (regularization == 0 || (regularization >= bgi_smallest_normal(a->dtype) && regularization <= most))
        return true;
    bgi_graph_fail(a->graph, BG_ERR_ARGUMENT, "%s: the regularization is %g, neither 0 nor a positive number of %s", op,
                   regularization, bg_dtype_name(a->dtype));
    return false;
}

/* By hypot, as the squares may be no numbers of the type. */
bg_node *bgi_regularized_inverse(bg_node *x, bg_node *eps)
{
    bg_node *h = bg_hypot(x, eps);
    return bg_div(bg_div(x, h), h);
}
