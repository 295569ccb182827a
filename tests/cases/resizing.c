/* Images of another size, and elements moved between channels and space. */
#include "cases.h"

#include "ops/axis_map.h"

#include <math.h>

/* ---- Cases ---- */

/* shape: the size; of maps n: the axis, the extent, the map; of shuffles n: the factor, or the groups. */
static const op_variant sizes[] = { { .x = { DIMS(1, 1, 1) }, .shape = DIMS(1) },
                                    { .x = { DIMS(1, 1, 1) }, .shape = DIMS(4) },
                                    { .x = { DIMS(2, 3, 6) }, .shape = DIMS(2) },
                                    { .x = { DIMS(2, 3, 3) }, .shape = DIMS(5) },
                                    { .x = { DIMS(1, 2, 5) }, .shape = DIMS(10) },
                                    { .x = { DIMS(1, 2, 7) }, .shape = DIMS(3) },
                                    { .x = { DIMS(0, 2, 4) }, .shape = DIMS(2) },
                                    { .x = { DIMS(2, 0, 4) }, .shape = DIMS(3) },
                                    { .x = { DIMS(2, 1, 17) }, .shape = DIMS(9) },
                                    { .x = { DIMS(1, 1, 65) }, .shape = DIMS(33) },
                                    { .x = { DIMS(1, 1, 1, 1) }, .shape = DIMS(2, 3) },
                                    { .x = { DIMS(2, 2, 4, 4) }, .shape = DIMS(2, 2) },
                                    { .x = { DIMS(2, 3, 5, 5) }, .shape = DIMS(3, 7) },
                                    { .x = { DIMS(1, 2, 5, 4) }, .shape = DIMS(1, 1) },
                                    { .x = { DIMS(1, 2, 3, 3) }, .shape = DIMS(4, 5) },
                                    { .x = { DIMS(3, 1, 1, 4) }, .shape = DIMS(1, 3) },
                                    { .x = { DIMS(1, 1, 9, 8) }, .shape = DIMS(4, 12) },
                                    { .x = { DIMS(1, 2, 4, 4, 4) }, .shape = DIMS(2, 2, 2) },
                                    { .x = { DIMS(1, 1, 3, 4, 2) }, .shape = DIMS(2, 3, 4) },
                                    { .x = { DIMS(2, 1, 2, 3, 3) }, .shape = DIMS(1, 1, 1) },
                                    { .x = { DIMS(1, 2, 2, 2, 3) }, .shape = DIMS(3, 1, 5) },
                                    { .x = { DIMS(1, 1, 7, 10) }, .shape = DIMS(14, 20) },
                                    { .x = { DIMS(1, 1, 2, 2) }, .shape = DIMS(2, 5) } };
static const op_variant maps[] = { { .x = { DIMS(7) }, .shape = NO_DIMS, .n = { 0, 3, 0 } },
                                   { .x = { DIMS(3) }, .shape = NO_DIMS, .n = { 0, 5, 0 } },
                                   { .x = { DIMS(2, 4, 3) }, .shape = NO_DIMS, .n = { 1, 9, 0 } },
                                   { .x = { DIMS(2, 9, 2) }, .shape = NO_DIMS, .n = { 1, 4, 0 } },
                                   { .x = { DIMS(1, 1, 1) }, .shape = NO_DIMS, .n = { 1, 3, 0 } },
                                   { .x = { DIMS(7) }, .shape = NO_DIMS, .n = { 0, 3, 1 } },
                                   { .x = { DIMS(3) }, .shape = NO_DIMS, .n = { 0, 5, 1 } },
                                   { .x = { DIMS(2, 4, 3) }, .shape = NO_DIMS, .n = { 1, 9, 1 } },
                                   { .x = { DIMS(2, 9, 2) }, .shape = NO_DIMS, .n = { 1, 4, 1 } },
                                   { .x = { DIMS(1, 1, 1) }, .shape = NO_DIMS, .n = { 1, 3, 1 } },
                                   { .x = { DIMS(7) }, .shape = NO_DIMS, .n = { 0, 3, 2 } },
                                   { .x = { DIMS(3) }, .shape = NO_DIMS, .n = { 0, 5, 2 } },
                                   { .x = { DIMS(2, 4, 3) }, .shape = NO_DIMS, .n = { 1, 9, 2 } },
                                   { .x = { DIMS(2, 9, 2) }, .shape = NO_DIMS, .n = { 1, 4, 2 } },
                                   { .x = { DIMS(1, 1, 1) }, .shape = NO_DIMS, .n = { 1, 3, 2 } },
                                   { .x = { DIMS(7) }, .shape = NO_DIMS, .n = { 0, 3, 3 } },
                                   { .x = { DIMS(3) }, .shape = NO_DIMS, .n = { 0, 5, 3 } },
                                   { .x = { DIMS(2, 4, 3) }, .shape = NO_DIMS, .n = { 1, 9, 3 } },
                                   { .x = { DIMS(2, 9, 2) }, .shape = NO_DIMS, .n = { 1, 4, 3 } },
                                   { .x = { DIMS(1, 1, 1) }, .shape = NO_DIMS, .n = { 1, 3, 3 } },
                                   { .x = { DIMS(7) }, .shape = NO_DIMS, .n = { 0, 3, 4 } },
                                   { .x = { DIMS(3) }, .shape = NO_DIMS, .n = { 0, 5, 4 } },
                                   { .x = { DIMS(2, 4, 3) }, .shape = NO_DIMS, .n = { 1, 9, 4 } },
                                   { .x = { DIMS(2, 9, 2) }, .shape = NO_DIMS, .n = { 1, 4, 4 } },
                                   { .x = { DIMS(1, 1, 1) }, .shape = NO_DIMS, .n = { 1, 3, 4 } } };
static const op_variant shuffles[] = { { .x = { DIMS(1, 4, 1, 1) }, .shape = NO_DIMS, .n = { 2 } },
                                       { .x = { DIMS(2, 4, 3, 3) }, .shape = NO_DIMS, .n = { 2 } },
                                       { .x = { DIMS(1, 9, 2, 1) }, .shape = NO_DIMS, .n = { 3 } },
                                       { .x = { DIMS(1, 1, 3, 4) }, .shape = NO_DIMS, .n = { 1 } },
                                       { .x = { DIMS(0, 4, 2, 2) }, .shape = NO_DIMS, .n = { 2 } },
                                       { .x = { DIMS(2, 0, 2, 2) }, .shape = NO_DIMS, .n = { 2 } },
                                       { .x = { DIMS(1, 8, 2, 3) }, .shape = NO_DIMS, .n = { 2 } },
                                       { .x = { DIMS(1, 18, 1, 2) }, .shape = NO_DIMS, .n = { 3 } },
                                       { .x = { DIMS(3, 4, 1, 5) }, .shape = NO_DIMS, .n = { 2 } },
                                       { .x = { DIMS(1, 16, 2, 2) }, .shape = NO_DIMS, .n = { 4 } },
                                       { .x = { DIMS(1, 16, 1, 1) }, .shape = NO_DIMS, .n = { 2 } },
                                       { .x = { DIMS(2, 12, 2, 2) }, .shape = NO_DIMS, .n = { 2 } },
                                       { .x = { DIMS(1, 4, 0, 3) }, .shape = NO_DIMS, .n = { 2 } },
                                       { .x = { DIMS(1, 4, 7, 1) }, .shape = NO_DIMS, .n = { 2 } },
                                       { .x = { DIMS(1, 2, 1, 1) }, .shape = NO_DIMS, .n = { 1 } },
                                       { .x = { DIMS(1, 27, 1, 1) }, .shape = NO_DIMS, .n = { 3 } },
                                       { .x = { DIMS(2, 8, 5, 2) }, .shape = NO_DIMS, .n = { 2 } },
                                       { .x = { DIMS(1, 36, 1, 1) }, .shape = NO_DIMS, .n = { 6 } },
                                       { .x = { DIMS(1, 25, 2, 2) }, .shape = NO_DIMS, .n = { 5 } },
                                       { .x = { DIMS(1, 4, 17, 3) }, .shape = NO_DIMS, .n = { 2 } } };
static const op_variant unshuffles[] = { { .x = { DIMS(1, 1, 2, 2) }, .shape = NO_DIMS, .n = { 2 } },
                                         { .x = { DIMS(2, 1, 6, 6) }, .shape = NO_DIMS, .n = { 2 } },
                                         { .x = { DIMS(1, 1, 6, 3) }, .shape = NO_DIMS, .n = { 3 } },
                                         { .x = { DIMS(1, 1, 3, 4) }, .shape = NO_DIMS, .n = { 1 } },
                                         { .x = { DIMS(0, 1, 4, 4) }, .shape = NO_DIMS, .n = { 2 } },
                                         { .x = { DIMS(2, 0, 4, 4) }, .shape = NO_DIMS, .n = { 2 } },
                                         { .x = { DIMS(1, 2, 4, 6) }, .shape = NO_DIMS, .n = { 2 } },
                                         { .x = { DIMS(1, 2, 3, 6) }, .shape = NO_DIMS, .n = { 3 } },
                                         { .x = { DIMS(3, 1, 2, 10) }, .shape = NO_DIMS, .n = { 2 } },
                                         { .x = { DIMS(1, 1, 8, 8) }, .shape = NO_DIMS, .n = { 4 } },
                                         { .x = { DIMS(1, 4, 2, 2) }, .shape = NO_DIMS, .n = { 2 } },
                                         { .x = { DIMS(2, 3, 4, 4) }, .shape = NO_DIMS, .n = { 2 } },
                                         { .x = { DIMS(1, 1, 0, 6) }, .shape = NO_DIMS, .n = { 2 } },
                                         { .x = { DIMS(1, 1, 14, 2) }, .shape = NO_DIMS, .n = { 2 } },
                                         { .x = { DIMS(1, 2, 1, 1) }, .shape = NO_DIMS, .n = { 1 } },
                                         { .x = { DIMS(1, 3, 3, 3) }, .shape = NO_DIMS, .n = { 3 } },
                                         { .x = { DIMS(2, 2, 10, 4) }, .shape = NO_DIMS, .n = { 2 } },
                                         { .x = { DIMS(1, 1, 6, 6) }, .shape = NO_DIMS, .n = { 6 } },
                                         { .x = { DIMS(1, 1, 10, 10) }, .shape = NO_DIMS, .n = { 5 } },
                                         { .x = { DIMS(1, 1, 34, 6) }, .shape = NO_DIMS, .n = { 2 } } };
static const op_variant groups[] = { { .x = { DIMS(1, 4) }, .shape = NO_DIMS, .n = { 2 } },
                                     { .x = { DIMS(2, 6) }, .shape = NO_DIMS, .n = { 3 } },
                                     { .x = { DIMS(1, 1) }, .shape = NO_DIMS, .n = { 1 } },
                                     { .x = { DIMS(3, 4) }, .shape = NO_DIMS, .n = { 1 } },
                                     { .x = { DIMS(3, 4) }, .shape = NO_DIMS, .n = { 4 } },
                                     { .x = { DIMS(0, 4) }, .shape = NO_DIMS, .n = { 2 } },
                                     { .x = { DIMS(2, 0) }, .shape = NO_DIMS, .n = { 3 } },
                                     { .x = { DIMS(1, 4, 5) }, .shape = NO_DIMS, .n = { 2 } },
                                     { .x = { DIMS(2, 6, 3) }, .shape = NO_DIMS, .n = { 2 } },
                                     { .x = { DIMS(1, 6, 2) }, .shape = NO_DIMS, .n = { 6 } },
                                     { .x = { DIMS(2, 4, 3, 3) }, .shape = NO_DIMS, .n = { 2 } },
                                     { .x = { DIMS(1, 9, 2, 1) }, .shape = NO_DIMS, .n = { 3 } },
                                     { .x = { DIMS(1, 8, 2, 3) }, .shape = NO_DIMS, .n = { 4 } },
                                     { .x = { DIMS(2, 12, 1, 2) }, .shape = NO_DIMS, .n = { 3 } },
                                     { .x = { DIMS(1, 16, 2, 2) }, .shape = NO_DIMS, .n = { 8 } },
                                     { .x = { DIMS(1, 4, 0, 3) }, .shape = NO_DIMS, .n = { 2 } },
                                     { .x = { DIMS(1, 4, 2, 2, 2) }, .shape = NO_DIMS, .n = { 2 } },
                                     { .x = { DIMS(2, 6, 1, 2, 1) }, .shape = NO_DIMS, .n = { 3 } },
                                     { .x = { DIMS(1, 2, 65) }, .shape = NO_DIMS, .n = { 2 } },
                                     { .x = { DIMS(1, 10, 7) }, .shape = NO_DIMS, .n = { 5 } } };

BUILD(nearest, bg_resize_nearest(x[0], v->shape, false))
BUILD(nearest_exact, bg_resize_nearest(x[0], v->shape, true))
BUILD(linear, bg_resize_linear(x[0], v->shape, false))
BUILD(linear_aligned, bg_resize_linear(x[0], v->shape, true))
BUILD(map, bgi_map_axis(x[0], (int)v->n[0], v->n[1], (bgi_axis_map)v->n[2]))
BUILD(map_back, bgi_map_axis_back(x[0], (int)v->n[0], v->n[1], (bgi_axis_map)v->n[2]))
BUILD(pixel_shuffle, bg_pixel_shuffle(x[0], v->n[0]))
BUILD(pixel_unshuffle, bg_pixel_unshuffle(x[0], v->n[0]))
BUILD(channel_shuffle, bg_channel_shuffle(x[0], v->n[0]))

static const op_case cases[] = {
    { .name = "resize_nearest", .op = "axis_map", .arity = 1, .build = build_nearest, VARIANTS(sizes) },
    { .name = "resize_nearest, exact", .op = "axis_map", .arity = 1, .build = build_nearest_exact, VARIANTS(sizes) },
    { .name = "resize_linear", .op = "axis_map", .arity = 1, .build = build_linear, VARIANTS(sizes) },
    { .name = "resize_linear, corners aligned",
      .op = "axis_map",
      .arity = 1,
      .build = build_linear_aligned,
      VARIANTS(sizes) },
    { .name = "axis_map", .op = "axis_map", .arity = 1, .is_safe = true, .build = build_map, VARIANTS(maps) },
    { .name = "axis_map_back",
      .op = "axis_map_back",
      .arity = 1,
      .sums = true,
      .is_safe = true,
      .build = build_map_back,
      VARIANTS(maps) },
    { .name = "pixel_shuffle", .arity = 1, .build = build_pixel_shuffle, VARIANTS(shuffles) },
    { .name = "pixel_unshuffle", .arity = 1, .build = build_pixel_unshuffle, VARIANTS(unshuffles) },
    { .name = "channel_shuffle", .arity = 1, .build = build_channel_shuffle, VARIANTS(groups) },
};

/* ---- Golden values ---- */

GOLDEN(resize_nearest, bg_resize_nearest(c->x[0], golden_shape(c, "size"), golden_integer(c, "exact") != 0))
GOLDEN(resize_linear, bg_resize_linear(c->x[0], golden_shape(c, "size"), golden_integer(c, "corners") != 0))
GOLDEN(pixel_shuffle, bg_pixel_shuffle(c->x[0], golden_integer(c, "factor")))
GOLDEN(pixel_unshuffle, bg_pixel_unshuffle(c->x[0], golden_integer(c, "factor")))
GOLDEN(channel_shuffle, bg_channel_shuffle(c->x[0], golden_integer(c, "groups")))
static const golden_op golden[] = { GOLDEN_ROW(resize_nearest), GOLDEN_ROW(resize_linear), GOLDEN_ROW(pixel_shuffle),
                                    GOLDEN_ROW(pixel_unshuffle), GOLDEN_ROW(channel_shuffle) };

/* ---- Wrong calls ---- */

#define RESIZE_NEEDS                                                                                                   \
    "needs x [n, channels, ..] and a size for each of its 1 to 3 further dimensions, all of 1 to 2147483647: "
#define WRONG(X)                                                                                                       \
    X(bg_resize_nearest(f->i3, BG_SHAPE(2), false), BG_ERR_DTYPE, "resize_nearest: x is i32, not f32 or f64")          \
    X(bg_resize_nearest(f->x243, BG_SHAPE(2, 2), false), BG_ERR_SHAPE,                                                 \
      "resize_nearest: " RESIZE_NEEDS "x [2, 4, 3], size [2, 2]")                                                      \
    X(bg_resize_nearest(f->x243, BG_SHAPE(0), false), BG_ERR_SHAPE,                                                    \
      "resize_nearest: " RESIZE_NEEDS "x [2, 4, 3], size [0]")                                                         \
    X(bg_resize_nearest(f->x243, BG_SHAPE((1LL << 31)), false), BG_ERR_SHAPE,                                          \
      "resize_nearest: " RESIZE_NEEDS "x [2, 4, 3], size [2147483648]")                                                \
    X(bg_resize_linear(f->x23, BG_SCALAR, false), BG_ERR_SHAPE, "resize_linear: " RESIZE_NEEDS "x [2, 3], size []")    \
    X(bg_resize_linear(bg_reshape(f->empty, BG_SHAPE(1, 2, 0)), BG_SHAPE(3), true), BG_ERR_SHAPE,                      \
      "resize_linear: " RESIZE_NEEDS "x [1, 2, 0], size [3]")                                                          \
    X(bg_pixel_shuffle(f->image, 2), BG_ERR_SHAPE,                                                                     \
      "pixel_shuffle: needs x [n, channels * 2 * 2, rows, columns], got [2, 3, 5, 5]")                                 \
    X(bg_pixel_shuffle(f->x243, 1), BG_ERR_SHAPE,                                                                      \
      "pixel_shuffle: needs x [n, channels * 1 * 1, rows, columns], got [2, 4, 3]")                                    \
    X(bg_pixel_shuffle(f->image, 0), BG_ERR_SHAPE,                                                                     \
      "pixel_shuffle: needs x [n, channels * 0 * 0, rows, columns], got [2, 3, 5, 5]")                                 \
    X(bg_pixel_unshuffle(f->image, 2), BG_ERR_SHAPE,                                                                   \
      "pixel_unshuffle: needs x [n, channels, rows * 2, columns * 2], got [2, 3, 5, 5]")                               \
    X(bg_pixel_unshuffle(f->x3, 1), BG_ERR_SHAPE,                                                                      \
      "pixel_unshuffle: needs x [n, channels, rows * 1, columns * 1], got [3]")                                        \
    X(bg_channel_shuffle(f->image, 2), BG_ERR_SHAPE,                                                                   \
      "channel_shuffle: needs x [n, 2 * channels, ..], got [2, 3, 5, 5]")                                              \
    X(bg_channel_shuffle(f->image, 0), BG_ERR_SHAPE,                                                                   \
      "channel_shuffle: needs x [n, 0 * channels, ..], got [2, 3, 5, 5]")                                              \
    X(bg_channel_shuffle(f->x3, 3), BG_ERR_SHAPE, "channel_shuffle: needs x [n, 3 * channels, ..], got [3]")
WRONG_CALLS(WRONG)

/* ---- Edges ---- */

#define LINE(x) bg_reshape(x, BG_SHAPE(1, 1, -1))
EDGE(nearest, bg_resize_nearest(LINE(x), BG_SHAPE(5), false))
EDGE(exact, bg_resize_nearest(LINE(x), BG_SHAPE(5), true))
EDGE(doubled, bg_resize_linear(LINE(x), BG_SHAPE(4), false))
EDGE(aligned, bg_resize_linear(LINE(x), BG_SHAPE(5), true))
EDGE(to_one, bg_resize_linear(LINE(x), BG_SHAPE(1), true))
static const edge edges[] = {
    { "resize_nearest: the grid", edge_nearest, 3, .x = LIST(1, 2, 3), .n_values = 5, .value = LIST(1, 1, 2, 2, 3),
      .dx = LIST(2, 2, 1) },
    { "resize_nearest: the exact grid", edge_exact, 3, .x = LIST(1, 2, 3), .n_values = 5, .value = LIST(1, 1, 2, 3, 3),
      .dx = LIST(2, 1, 2) },
    { "resize_nearest: an infinity stays where it is", edge_nearest, 3, .x = LIST(1, INFINITY, 3), .n_values = 5,
      .value = LIST(1, 1, INFINITY, INFINITY, 3), .dx = LIST(2, 2, 1) },
    { "resize_linear: the ends go on", edge_doubled, 2, .x = LIST(0, 4), .n_values = 4, .value = LIST(0, 1, 3, 4),
      .dx = LIST(2, 2) },
    { "resize_linear: corners stay", edge_aligned, 3, .x = LIST(0, 4, 8), .n_values = 5, .value = LIST(0, 2, 4, 6, 8),
      .dx = LIST(1.5, 2, 1.5) },
    { "resize_linear: a weight of 0 reads nothing", edge_aligned, 3, .x = LIST(0, INFINITY, 8), .n_values = 5,
      .value = LIST(0, INFINITY, INFINITY, INFINITY, 8), .dx = LIST(1.5, 2, 1.5) },
    { "resize_linear: to one element", edge_to_one, 3, .x = LIST(7, 4, 8), .n_values = 1, .value = LIST(7),
      .dx = LIST(1, 0, 0) },
};

const op_family resizing_family = { .name = "resizing", FAMILY_CASES, FAMILY_GOLDEN, FAMILY_WRONG, FAMILY_EDGES };
