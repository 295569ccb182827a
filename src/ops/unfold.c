/* Windows of images as columns, and columns added back to images. */
#include "ops/window.h"

#include <string.h>

/* The window over images of these extents; records errors. */
static bool window_of(const char *op, bg_node *x, const int64_t *extents, bg_shape window,
                      const bg_window_options *options, bgi_window *w)
{
    bg_window_options none = { .stride = { 0 } };
    const bg_window_options *o = options ? options : &none;
    const char *wrong = bgi_window_take(w, window.rank, extents, window.dims, o->stride, o->dilation, o->padding);
    for (int k = 0; k < BGI_WINDOW_RANK && !wrong; k++)
        if (bgi_window_room(w, k) < 0)
            wrong = "the window is larger than the padded image";
        else
            w->out[k] = bgi_window_room(w, k) / w->stride[k] + 1;
    int64_t unused,
        sizes[] = { x->shape.dims[1], w->kernel[0], w->kernel[1], w->kernel[2], w->out[0], w->out[1], w->out[2] };
    if (!wrong && (!bgi_product_of(sizes, 7, &unused) || !bgi_product_of(w->in, BGI_WINDOW_RANK, &unused)))
        wrong = "the sizes overflow";
    if (wrong)
        bgi_graph_fail(x->graph, BG_ERR_SHAPE, "%s: %s: x %s, window %s", op, wrong, bgi_shape_format(x->shape).text,
                       bgi_shape_format(window).text);
    return !wrong;
}

bg_node *bg_unfold(bg_node *x, bg_shape window, const bg_window_options *options)
{
    bgi_window w;
    if (!bgi_takes_float("unfold", x))
        return NULL;
    if (window.rank < 1 || window.rank > BGI_WINDOW_RANK || x->shape.rank != window.rank + 2)
        return bgi_graph_fail(x->graph, BG_ERR_SHAPE,
                              "unfold: needs x [n, channels, ..] with a dimension for each of the window's: x %s, "
                              "window %s",
                              bgi_shape_format(x->shape).text, bgi_shape_format(window).text);
    if (!window_of("unfold", x, x->shape.dims + 2, window, options, &w))
        return NULL;
    w.channels = x->shape.dims[1];
    return bgi_unfold(x, &w);
}

bg_node *bg_fold(bg_node *x, bg_shape image, bg_shape window, const bg_window_options *options)
{
    bgi_window w;
    if (!bgi_takes_float("fold", x))
        return NULL;
    if (window.rank < 1 || window.rank > BGI_WINDOW_RANK || image.rank != window.rank || x->shape.rank != 3)
        return bgi_graph_fail(x->graph, BG_ERR_SHAPE,
                              "fold: needs x [n, rows, positions], image and window of the same 1 to 3 dimensions: "
                              "x %s, image %s, window %s",
                              bgi_shape_format(x->shape).text, bgi_shape_format(image).text,
                              bgi_shape_format(window).text);
    if (!window_of("fold", x, image.dims, window, options, &w))
        return NULL;
    int64_t elements = bgi_window_elements(&w), positions = bgi_window_positions(&w);
    if (x->shape.dims[1] % elements != 0 || x->shape.dims[2] != positions)
        return bgi_graph_fail(x->graph, BG_ERR_SHAPE,
                              "fold: needs x [n, channels * %lld, %lld], got %s: image %s, window %s",
                              (long long)elements, (long long)positions, bgi_shape_format(x->shape).text,
                              bgi_shape_format(image).text, bgi_shape_format(window).text);
    w.channels = x->shape.dims[1] / elements;
    bg_shape shape = { .rank = image.rank + 2, .dims = { x->shape.dims[0], w.channels } };
    memcpy(shape.dims + 2, image.dims, (size_t)image.rank * sizeof image.dims[0]);
    return bgi_fold(x, &w, shape);
}
