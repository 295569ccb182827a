/* Forward mode and Hessian-vector products, from the reverse transform. */
#include "grad/grad.h"

/* With g(u) the gradients of ys for cotangents u, the Jacobian is the transpose of the linear map g: its product with
 * the tangents is the gradient of ⟨g(u), tangents⟩ with respect to u, in which no u is left. */
static bg_status transpose(bg_graph *graph, bg_node *const *ys, size_t n_ys, bg_node *const *xs,
                           bg_node *const *tangents, size_t n, bg_node **cotangents, bg_node **gradients, bg_node **dys)
{
    for (size_t j = 0; j < n_ys; j++) {
        cotangents[j] = bg_input(graph, "a cotangent of jvp", ys[j]->dtype, ys[j]->shape);
        if (!cotangents[j])
            return graph->status;
    }
    bg_status status = bg_grad_from(ys, cotangents, n_ys, xs, n, gradients);
    return status ? status : bg_grad_from(gradients, tangents, n, cotangents, n_ys, dys);
}

bg_status bg_jvp(bg_node *const *ys, size_t n_ys, bg_node *const *xs, bg_node *const *tangents, size_t n, bg_node **dys)
{
    if (!bgi_clear_places("jvp", dys, n_ys))
        return BG_ERR_ARGUMENT;
    bg_status status;
    bg_node *const *const lists[] = { ys, xs, tangents };
    bg_graph *graph = bgi_common_graph("jvp", lists, (size_t[]){ n_ys, n, n }, 3, &status);
    if (!graph || !bgi_takes_directions("jvp", "ys", ys, NULL, NULL, n_ys) ||
        !bgi_takes_directions("jvp", "xs", xs, "tangent", tangents, n))
        return graph ? graph->status : status;
    if (n_ys == 0)
        return BG_OK;
    size_t bytes = (n_ys + n) * sizeof(bg_node *);
    bg_node **nodes = bgi_alloc_zero(graph->engine, bytes);
    if (!nodes) {
        bgi_graph_fail(graph, BG_ERR_NOMEM, "jvp: out of memory");
        return BG_ERR_NOMEM;
    }
    status = transpose(graph, ys, n_ys, xs, tangents, n, nodes, nodes + n_ys, dys);
    bgi_free(graph->engine, nodes, bytes);
    return status;
}

bg_status bg_hvp(bg_node *y, bg_node *const *xs, bg_node *const *vs, size_t n, bg_node **products)
{
    if (!bgi_clear_places("hvp", products, n))
        return BG_ERR_ARGUMENT;
    bg_status status;
    bg_node *const *const lists[] = { &y, xs, vs };
    bg_graph *graph = bgi_common_graph("hvp", lists, (size_t[]){ 1, n, n }, 3, &status);
    if (!graph || !bgi_takes_directions("hvp", "xs", xs, "vector", vs, n))
        return graph ? graph->status : status;
    size_t bytes = n * sizeof(bg_node *);
    bg_node **gradients = bgi_alloc_zero(graph->engine, bytes);
    if (!gradients) {
        bgi_graph_fail(graph, BG_ERR_NOMEM, "hvp: out of memory");
        return BG_ERR_NOMEM;
    }
    status = bg_grad(y, xs, n, gradients);
    if (!status)
        status = bg_grad_from(gradients, vs, n, xs, n, products);
    bgi_free(graph->engine, gradients, bytes);
    return status;
}
