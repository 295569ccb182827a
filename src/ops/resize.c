/* Images of another size, and elements moved between channels and space. */
#include "ops/axis_map.h"

enum { MOST_DIMENSIONS = 3 };

/* The further dimensions of x resized one by one; every map is linear, so that their order does not matter. */
static bg_node *resize(const char *op, bg_node *x, bg_shape size, bgi_axis_map map)
{
    if (!bgi_takes_float(op, x))
        return NULL;
    bool is_right = size.rank >= 1 && size.rank <= MOST_DIMENSIONS && x->shape.rank == size.rank + 2;
    for (int d = 0; d < size.rank && is_right; d++)
        is_right = size.dims[d] >= 1 && size.dims[d] <= BGI_MAP_MOST && x->shape.dims[2 + d] >= 1 &&
                   x->shape.dims[2 + d] <= BGI_MAP_MOST;
    if (!is_right)
        return bgi_graph_fail(x->graph, BG_ERR_SHAPE,
                              "%s: needs x [n, channels, ..] and a size for each of its 1 to 3 further dimensions, all "
                              "of 1 to 2147483647: x %s, size %s",
                              op, bgi_shape_format(x->shape).text, bgi_shape_format(size).text);
    for (int d = size.rank - 1; d >= 0; d--)
        x = bgi_map_axis(x, 2 + d, size.dims[d], map);
    return x;
}
bg_node *bg_resize_nearest(bg_node *x, bg_shape size, bool is_exact)
{
    return resize("resize_nearest", x, size, is_exact ? BGI_NEAREST_EXACT : BGI_NEAREST);
}
bg_node *bg_resize_linear(bg_node *x, bg_shape size, bool aligns_corners)
{
    return resize("resize_linear", x, size, aligns_corners ? BGI_LINEAR_ALIGNED : BGI_LINEAR);
}

/* pixel_shuffle: [n, c r r, h, w] -> [n, c, h r, w r] */
bg_node *bg_pixel_shuffle(bg_node *x, int64_t factor)
{
    if (!x)
        return NULL;
    const int64_t *d = x->shape.dims;
    bool is_right = x->shape.rank == 4 && factor >= 1 && d[1] / factor % factor == 0 && d[1] % factor == 0;
    int64_t rows, columns;
    if (!is_right || !bgi_product_of((int64_t[]){ d[2], factor }, 2, &rows) ||
        !bgi_product_of((int64_t[]){ d[3], factor }, 2, &columns))
        return bgi_graph_fail(x->graph, BG_ERR_SHAPE,
                              "pixel_shuffle: needs x [n, channels * %lld * %lld, rows, columns], got %s",
                              (long long)factor, (long long)factor, bgi_shape_format(x->shape).text);
    int64_t channels = d[1] / factor / factor;
    bg_node *parts = bg_reshape(x, BG_SHAPE(d[0], channels, factor, factor, d[2], d[3]));
    return bg_reshape(bg_permute(parts, BG_AXES(0, 1, 4, 2, 5, 3)), BG_SHAPE(d[0], channels, rows, columns));
}
/* pixel_unshuffle: [n, c, h r, w r] -> [n, c r r, h, w] */
bg_node *bg_pixel_unshuffle(bg_node *x, int64_t factor)
{
    if (!x)
        return NULL;
    const int64_t *d = x->shape.dims;
    bool is_right = x->shape.rank == 4 && factor >= 1 && d[2] % factor == 0 && d[3] % factor == 0;
    int64_t channels;
    if (!is_right || !bgi_product_of((int64_t[]){ d[1], factor, factor }, 3, &channels))
        return bgi_graph_fail(x->graph, BG_ERR_SHAPE,
                              "pixel_unshuffle: needs x [n, channels, rows * %lld, columns * %lld], got %s",
                              (long long)factor, (long long)factor, bgi_shape_format(x->shape).text);
    bg_node *parts = bg_reshape(x, BG_SHAPE(d[0], d[1], d[2] / factor, factor, d[3] / factor, factor));
    return bg_reshape(bg_permute(parts, BG_AXES(0, 1, 3, 5, 2, 4)),
                      BG_SHAPE(d[0], channels, d[2] / factor, d[3] / factor));
}
/* channel_shuffle: channel g · (c / groups) + i becomes channel i · groups + g */
bg_node *bg_channel_shuffle(bg_node *x, int64_t groups)
{
    if (!x)
        return NULL;
    if (x->shape.rank < 2 || groups < 1 || x->shape.dims[1] % groups != 0)
        return bgi_graph_fail(x->graph, BG_ERR_SHAPE, "channel_shuffle: needs x [n, %lld * channels, ..], got %s",
                              (long long)groups, bgi_shape_format(x->shape).text);
    int64_t rest = 1;
    for (int d = 2; d < x->shape.rank; d++)
        rest *= x->shape.dims[d];
    bg_node *parts = bg_reshape(x, BG_SHAPE(x->shape.dims[0], groups, x->shape.dims[1] / groups, rest));
    return bg_reshape(bg_permute(parts, BG_AXES(0, 2, 1, 3)), x->shape);
}
