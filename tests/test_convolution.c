/* Convolutions of the sizes at which they are cut or go another way: boxes of positions, parts of channels, partial
 * sums over images; many images together, few channels, lines and rows that clash in the cache. Against sums written
 * out, and with the same bits for any number of threads. */
#include "support/draw.h"
#include "support/expect.h"
#include "support/suite.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct {
    const char *name;
    int64_t images, inputs, outputs, groups;
    int rank;
    int64_t extent[3], kernel[3], stride[3], dilation[3], padding[3];
} convolution;

static const convolution convolutions[] = {
    { "one block", 3, 5, 7, 1, 2, { 6, 7 }, { 3, 3 }, { 1, 1 }, { 1, 1 }, { 1, 1 } },
    { "blocks of positions", 3, 33, 66, 1, 2, { 19, 17 }, { 3, 3 }, { 1, 1 }, { 1, 1 }, { 1, 1 } },
    { "blocks that cut lines", 2, 80, 5, 1, 1, { 1201 }, { 7 }, { 2 }, { 1 }, { 3 } },
    { "few channels, blocks", 9, 40, 3, 1, 2, { 23, 22 }, { 3, 2 }, { 1, 1 }, { 2, 1 }, { 1, 0 } },
    { "long sums", 2, 130, 70, 1, 2, { 5, 6 }, { 3, 3 }, { 1, 1 }, { 1, 1 }, { 1, 1 } },
    { "images alone", 16, 20, 9, 1, 2, { 8, 8 }, { 1, 1 }, { 1, 1 }, { 1, 1 }, { 0, 0 } },
    { "one image in parts", 1, 66, 96, 1, 2, { 7, 6 }, { 3, 3 }, { 2, 1 }, { 1, 1 }, { 1, 1 } },
    { "a prime number of images", 13, 4, 6, 1, 2, { 6, 6 }, { 3, 3 }, { 1, 1 }, { 1, 1 }, { 0, 0 } },
    { "groups", 12, 12, 8, 4, 2, { 7, 9 }, { 3, 3 }, { 1, 2 }, { 1, 1 }, { 1, 1 } },
    { "groups of one image", 1, 12, 24, 6, 2, { 7, 9 }, { 3, 3 }, { 1, 1 }, { 1, 1 }, { 1, 1 } },
    { "depthwise", 4, 6, 6, 6, 2, { 50, 49 }, { 3, 3 }, { 1, 1 }, { 1, 1 }, { 1, 1 } },
    { "depthwise, several outputs", 9, 4, 12, 4, 2, { 15, 17 }, { 3, 5 }, { 2, 3 }, { 2, 1 }, { 1, 2 } },
    { "depthwise, one image", 1, 8, 8, 8, 2, { 9, 8 }, { 2, 3 }, { 3, 2 }, { 1, 3 }, { 0, 3 } },
    { "depthwise, stride beyond the kernel", 2, 3, 3, 3, 2, { 11, 10 }, { 1, 2 }, { 3, 4 }, { 1, 1 }, { 0, 1 } },
    { "depthwise in a line", 2, 3, 6, 3, 1, { 5000 }, { 9 }, { 1 }, { 4 }, { 7 } },
    { "depthwise in space", 2, 3, 3, 3, 3, { 5, 6, 7 }, { 2, 3, 3 }, { 1, 2, 1 }, { 2, 1, 1 }, { 1, 0, 2 } },
    { "depthwise, far apart", 2, 3, 3, 3, 2, { 5, 6 }, { 3, 3 }, { 1, 1 }, { 3000, 9 }, { 3000, 9 } },
    { "depthwise, as far apart as can be",
      1,
      1,
      1,
      1,
      3,
      { 1, 1, 1 },
      { 2, 2, 2 },
      { 1, 1, 1 },
      { INT32_MAX, INT32_MAX, INT32_MAX },
      { 1 << 30, 1 << 30, 1 << 30 } },
    { "space", 2, 5, 4, 1, 3, { 6, 5, 7 }, { 3, 2, 3 }, { 2, 1, 1 }, { 1, 1, 2 }, { 1, 0, 2 } },
    { "many images", 35, 9, 10, 1, 2, { 7, 9 }, { 3, 3 }, { 1, 1 }, { 1, 1 }, { 1, 1 } },
    { "many images, strides", 33, 20, 9, 1, 2, { 13, 11 }, { 3, 2 }, { 2, 3 }, { 1, 2 }, { 2, 1 } },
    { "many images in boxes", 32, 70, 3, 1, 2, { 24, 37 }, { 3, 3 }, { 1, 1 }, { 1, 1 }, { 1, 1 } },
    { "many images in space", 32, 5, 4, 1, 3, { 4, 5, 6 }, { 3, 2, 3 }, { 2, 1, 1 }, { 1, 1, 2 }, { 1, 0, 2 } },
    { "many images, long sums", 32, 130, 5, 1, 2, { 4, 5 }, { 3, 3 }, { 1, 1 }, { 1, 1 }, { 1, 1 } },
    { "many images in groups", 32, 12, 18, 3, 2, { 6, 5 }, { 3, 3 }, { 2, 2 }, { 1, 1 }, { 1, 1 } },
    { "many images in long lines", 32, 9, 4, 1, 1, { 300 }, { 3 }, { 2 }, { 1 }, { 1 } },
    { "images in a line", 256, 8, 16, 1, 1, { 20 }, { 3 }, { 1 }, { 1 }, { 1 } },
    { "images in a line, three parts", 768, 8, 9, 1, 1, { 11 }, { 3 }, { 1 }, { 1 }, { 1 } },
    { "many images, kernels of 3 x 3", 32, 17, 20, 1, 2, { 8, 12 }, { 3, 3 }, { 1, 1 }, { 1, 1 }, { 1, 1 } },
    { "3 x 3 without padding", 48, 24, 16, 1, 2, { 9, 6 }, { 3, 3 }, { 1, 1 }, { 1, 1 }, { 0, 0 } },
    { "3 x 3 with much padding", 32, 16, 17, 1, 2, { 5, 4 }, { 3, 3 }, { 1, 1 }, { 1, 1 }, { 3, 2 } },
    { "3 x 3 in groups", 32, 48, 96, 3, 2, { 7, 5 }, { 3, 3 }, { 1, 1 }, { 1, 1 }, { 1, 0 } },
    { "3 x 3 of one patch", 32, 40, 33, 1, 2, { 2, 2 }, { 3, 3 }, { 1, 1 }, { 1, 1 }, { 1, 1 } },
    { "3 x 3 of lines", 32, 16, 16, 1, 2, { 3, 40 }, { 3, 3 }, { 1, 1 }, { 1, 1 }, { 0, 0 } },
    { "3 x 3 of many channels", 32, 140, 72, 1, 2, { 6, 6 }, { 3, 3 }, { 1, 1 }, { 1, 1 }, { 1, 1 } },
    { "5 x 5 in steps of two", 32, 16, 17, 1, 2, { 9, 8 }, { 5, 5 }, { 2, 2 }, { 1, 1 }, { 2, 2 } },
    { "9 x 7 in steps of three", 32, 16, 16, 1, 2, { 13, 12 }, { 9, 7 }, { 3, 3 }, { 1, 1 }, { 1, 0 } },
    { "3 x 3 far apart, in steps", 32, 17, 16, 1, 2, { 9, 10 }, { 3, 3 }, { 2, 2 }, { 2, 2 }, { 1, 1 } },
    { "3 x 3 in two parts", 32, 40, 32, 1, 2, { 4, 6 }, { 3, 3 }, { 1, 1 }, { 1, 1 }, { 1, 1 } },
    { "3 x 3 x 1 in space", 3, 16, 16, 1, 3, { 5, 6, 16 }, { 3, 3, 1 }, { 1, 1, 1 }, { 1, 1, 1 }, { 1, 1, 0 } },
    { "no images of 3 x 3 x 1", 0, 16, 16, 1, 3, { 5, 6, 16 }, { 3, 3, 1 }, { 1, 1, 1 }, { 1, 1, 1 }, { 1, 1, 0 } },
    { "3 x 3 in parts", 32, 640, 256, 1, 2, { 2, 2 }, { 3, 3 }, { 1, 1 }, { 1, 1 }, { 1, 1 } },
    { "many images, far taps", 32, 8, 8, 1, 2, { 5, 6 }, { 3, 3 }, { 1, 1 }, { 3000, 9 }, { 3000, 9 } },
    { "padding beyond the kernel", 33, 8, 8, 1, 2, { 4, 4 }, { 2, 2 }, { 1, 1 }, { 1, 1 }, { 3, 3 } },
    { "steps beyond the kernel", 32, 8, 8, 1, 2, { 9, 9 }, { 1, 2 }, { 3, 4 }, { 1, 1 }, { 0, 0 } },
    { "rows of weights that clash", 3, 512, 6, 1, 2, { 3, 4 }, { 1, 1 }, { 1, 1 }, { 1, 1 }, { 0, 0 } },
    { "channels that clash", 3, 9, 5, 1, 2, { 16, 32 }, { 3, 3 }, { 1, 1 }, { 1, 1 }, { 1, 1 } },
    { "lines longer than a chunk", 2, 9, 40, 1, 1, { 1500 }, { 5 }, { 1 }, { 3 }, { 4 } },
    { "lines of a few", 3, 5, 4, 1, 2, { 9, 3 }, { 2, 3 }, { 1, 1 }, { 1, 1 }, { 0, 0 } },
    { "more taps than channels", 9, 8, 6, 1, 2, { 9, 8 }, { 7, 5 }, { 1, 1 }, { 1, 1 }, { 3, 2 } },
    { "a large kernel", 2, 1, 1, 1, 2, { 40, 41 }, { 33, 35 }, { 1, 1 }, { 1, 1 }, { 3, 0 } },
};
enum { N_CONVOLUTIONS = sizeof convolutions / sizeof convolutions[0], PARTS = 6 };
/* The three operands, and what is computed of two of them: y of x and w, dx of dy and w, dw of x and dy. */
enum { X, W, DY, Y, DX, DW };

static int64_t out_of(const convolution *c, int d)
{
    return (c->extent[d] + 2 * c->padding[d] - c->dilation[d] * (c->kernel[d] - 1) - 1) / c->stride[d] + 1;
}
static bg_shape shape_of(const convolution *c, int part)
{
    bg_shape shape = { .rank = c->rank + 2 };
    shape.dims[0] = part == W || part == DW ? c->outputs : c->images;
    shape.dims[1] = part == W || part == DW ? c->inputs / c->groups : part == X || part == DX ? c->inputs : c->outputs;
    for (int d = 0; d < c->rank; d++)
        shape.dims[2 + d] = part == W || part == DW   ? c->kernel[d]
                            : part == X || part == DX ? c->extent[d]
                                                      : out_of(c, d);
    return shape;
}

/* Adds every product of the sum to y, dx and dw, and its size to `sizes`. */
static void write_out(const convolution *c, double *const values[PARTS], double *const sizes[PARTS])
{
    int64_t in[3] = { 1, 1, 1 }, out[3] = { 1, 1, 1 }, kernel[3] = { 1, 1, 1 }, each = c->inputs / c->groups;
    for (int d = 0; d < c->rank; d++) {
        in[d] = c->extent[d];
        out[d] = out_of(c, d);
        kernel[d] = c->kernel[d];
    }
    int64_t positions = out[0] * out[1] * out[2], elements = kernel[0] * kernel[1] * kernel[2];
    int64_t plane = in[0] * in[1] * in[2];
    for (int64_t p = 0; p < positions; p++)
        for (int64_t e = 0; e < elements; e++) {
            int64_t o[3] = { p / out[2] / out[1], p / out[2] % out[1], p % out[2] }, at = 0;
            int64_t k[3] = { e / kernel[2] / kernel[1], e / kernel[2] % kernel[1], e % kernel[2] };
            bool is_inside = true;
            for (int d = 0; d < 3; d++) {
                int64_t i = d < c->rank ? o[d] * c->stride[d] - c->padding[d] + k[d] * c->dilation[d] : 0;
                is_inside &= i >= 0 && i < in[d];
                at = at * in[d] + i;
            }
            for (int64_t n = 0; n < c->images && is_inside; n++)
                for (int64_t q = 0; q < c->outputs; q++)
                    for (int64_t r = 0; r < each; r++) {
                        int64_t channel = q / (c->outputs / c->groups) * each + r;
                        int64_t x = (n * c->inputs + channel) * plane + at, w = (q * each + r) * elements + e;
                        int64_t y = (n * c->outputs + q) * positions + p;
                        const int64_t places[PARTS] = { x, w, y, y, x, w };
                        for (int result = Y; result <= DW; result++) {
                            int a = result == DX ? DY : X, b = result == DW ? DY : W;
                            double product = values[a][places[a]] * values[b][places[b]];
                            values[result][places[result]] += product;
                            sizes[result][places[result]] += fabs(product);
                        }
                    }
        }
}

typedef struct {
    bg_engine *engine;
    bg_graph *graph;
    bg_program *program;
    bg_tensor *tensors[3];
} computation;

static void compute(computation *m, const convolution *c, bg_dtype dtype, int threads, double *const values[PARTS])
{
    bg_node *nodes[3], *outputs[3];
    expect_ok(bg_engine_create(&m->engine, &(bg_engine_options){ .threads = threads }), c->name);
    expect_ok(bg_graph_create(&m->graph, m->engine), c->name);
    for (int i = 0; i < 3; i++) {
        bg_shape shape = shape_of(c, i);
        expect_ok(bg_tensor_create(&m->tensors[i], m->engine, dtype, shape), c->name);
        void *data = bg_tensor_data(m->tensors[i]);
        for (int64_t k = 0; k < bg_shape_count(shape); k++)
            if (dtype == BG_F64)
                ((double *)data)[k] = values[i][k];
            else
                ((float *)data)[k] = (float)values[i][k];
        nodes[i] = bg_parameter(m->graph, m->tensors[i]);
    }
    bg_conv_options o = { .groups = c->groups };
    memcpy(o.stride, c->stride, sizeof o.stride);
    memcpy(o.dilation, c->dilation, sizeof o.dilation);
    memcpy(o.padding, c->padding, sizeof o.padding);
    outputs[0] = bg_conv(nodes[X], nodes[W], NULL, &o);
    expect_ok(bg_grad_from(outputs, &nodes[DY], 1, nodes, 2, outputs + 1), c->name);
    expect_ok(bg_compile(&m->program, m->graph, outputs, 3, NULL), c->name);
    expect_ok(bg_program_run(m->program), c->name);
}
static void forget(const computation *m)
{
    bg_program_destroy(m->program);
    bg_graph_destroy(m->graph);
    for (int i = 0; i < 3; i++)
        bg_tensor_destroy(m->tensors[i]);
    bg_engine_destroy(m->engine);
}

static void check(const convolution *c, bg_dtype dtype, double *const values[PARTS], double *const sizes[PARTS])
{
    static const int thread_counts[] = { 1, 2, 3, 8 };
    double rounding = dtype == BG_F64 ? 0x1p-52 : 0x1p-23;
    computation first, other;
    compute(&first, c, dtype, 1, values);
    for (int i = 0; i < 3; i++) {
        const bg_tensor *result = bg_program_output(first.program, (size_t)i);
        for (int64_t k = 0; k < bg_shape_count(bg_tensor_shape(result)); k++) {
            double got = 0, expected = values[Y + i][k];
            expect_ok(bg_tensor_item(result, k, &got), c->name);
            if (!(fabs(got - expected) <= 16 * rounding * sizes[Y + i][k]))
                ck_abort_msg("%s, %s: element %lld of %s is %.9g, not %.9g", c->name, bg_dtype_name(dtype),
                             (long long)k, (const char *[]){ "y", "dx", "dw" }[i], got, expected);
        }
    }
    for (int t = 1; t < 4; t++) {
        compute(&other, c, dtype, thread_counts[t], values);
        for (size_t i = 0; i < 3; i++) {
            const bg_tensor *a = bg_program_output(first.program, i), *b = bg_program_output(other.program, i);
            size_t bytes = (size_t)bg_shape_count(bg_tensor_shape(a)) * bg_dtype_size(dtype);
            if (memcmp(bg_tensor_const_data(a), bg_tensor_const_data(b), bytes) != 0)
                ck_abort_msg("%s, %s: %d threads give other bits", c->name, bg_dtype_name(dtype), thread_counts[t]);
        }
        forget(&other);
    }
    forget(&first);
}

START_TEST(agrees)
{
    const convolution *c = &convolutions[_i];
    draw numbers = draw_from((uint64_t)_i + 1);
    double *values[PARTS], *sizes[PARTS];
    for (int part = 0; part < PARTS; part++) {
        int64_t count = bg_shape_count(shape_of(c, part));
        values[part] = calloc((size_t)count, sizeof(double));
        sizes[part] = calloc((size_t)count, sizeof(double));
        ck_assert(values[part] && sizes[part]);
        for (int64_t i = 0; i < count && part <= DY; i++)
            values[part][i] = (double)(float)draw_between(&numbers, -1, 1);
    }
    write_out(c, values, sizes);
    check(c, BG_F32, values, sizes);
    check(c, BG_F64, values, sizes);
    for (int part = 0; part < PARTS; part++) {
        free(values[part]);
        free(sizes[part]);
    }
}
END_TEST

/* What lies between two lines of positions is no part of a sum, though it may be no number. */
START_TEST(columns_that_no_tap_meets)
{
    enum { ROWS = 4, SIDE = 6, KERNEL = 3 };
    bg_engine *engine;
    bg_graph *graph;
    bg_program *program;
    bg_tensor *x;
    expect_ok(bg_engine_create(&engine, &(bg_engine_options){ .threads = 1 }), "engine");
    expect_ok(bg_graph_create(&graph, engine), "graph");
    expect_ok(bg_tensor_create(&x, engine, BG_F64, BG_SHAPE(2, 1, SIDE, SIDE)), "x");
    double *values = bg_tensor_data(x);
    for (int i = 0; i < 2 * SIDE * SIDE; i++)
        values[i] = i % SIDE == SIDE - 1 ? (double)NAN : (double)i;
    bg_node *weight = bg_broadcast(bg_scalar(graph, BG_F64, 1), BG_SHAPE(ROWS, 1, KERNEL, KERNEL)), *dweight;
    bg_node *y = bg_sum(bg_conv(bg_constant(graph, x), weight, NULL, NULL), BG_ALL_AXES);
    expect_ok(bg_grad(y, &weight, 1, &dweight), "gradient");
    expect_ok(bg_compile(&program, graph, &dweight, 1, NULL), "compile");
    expect_ok(bg_program_run(program), "run");
    const double *found = bg_tensor_const_data(bg_program_output(program, 0));
    for (int i = 0; i < ROWS * KERNEL * KERNEL; i++)
        ck_assert_msg(isnan(found[i]) == (i % KERNEL == KERNEL - 1), "element %d is %g", i, found[i]);
    bg_program_destroy(program);
    bg_graph_destroy(graph);
    bg_tensor_destroy(x);
    bg_engine_destroy(engine);
}
END_TEST

/* A factor of the padding is left out, however many images there are: it may be infinite. */
START_TEST(factors_of_the_padding)
{
    enum { SIDE = 5, CHANNELS = 17, OUTPUTS = 16 };
    const int64_t images = (const int64_t[]){ 3, 35, 48 }[_i];
    bg_engine *engine;
    bg_graph *graph;
    bg_program *program;
    bg_tensor *tensors[2];
    const bg_shape shapes[] = { BG_SHAPE(images, CHANNELS, SIDE, SIDE), BG_SHAPE(OUTPUTS, CHANNELS, 3, 3) };
    bg_node *nodes[2], *y;
    expect_ok(bg_engine_create(&engine, &(bg_engine_options){ .threads = 1 }), "engine");
    expect_ok(bg_graph_create(&graph, engine), "graph");
    for (int i = 0; i < 2; i++) {
        expect_ok(bg_tensor_create(&tensors[i], engine, BG_F32, shapes[i]), "tensor");
        for (int64_t k = 0; k < bg_shape_count(shapes[i]); k++)
            ((float *)bg_tensor_data(tensors[i]))[k] = i == 1 && k % 9 == 0 ? INFINITY : 1;
        nodes[i] = bg_parameter(graph, tensors[i]);
    }
    y = bg_conv(nodes[0], nodes[1], NULL, &(bg_conv_options){ .padding = { 1, 1 } });
    expect_ok(bg_compile(&program, graph, &y, 1, NULL), "compile");
    expect_ok(bg_program_run(program), "run");
    const float *found = bg_tensor_const_data(bg_program_output(program, 0));
    for (int64_t k = 0; k < images * OUTPUTS * SIDE * SIDE; k++) {
        bool is_met = k % SIDE > 0 && k / SIDE % SIDE > 0;
        ck_assert_msg(is_met ? isinf(found[k]) : isfinite(found[k]), "%lld images: element %lld is %g",
                      (long long)images, (long long)k, (double)found[k]);
    }
    bg_program_destroy(program);
    bg_graph_destroy(graph);
    for (int i = 0; i < 2; i++)
        bg_tensor_destroy(tensors[i]);
    bg_engine_destroy(engine);
}
END_TEST

/* A result, or an element of a gradient, is infinite or no number if one of its own factors is, and a number otherwise,
 * though patches of images are computed together: of those in one of the operands, and of large numbers in all of x. */
START_TEST(what_is_not_finite_reaches_its_own)
{
    static const double special[] = { INFINITY, -INFINITY, NAN };
    const convolution c = { "special", 32, 17, 16, 1, 2, { 7, 6 }, { 3, 3 }, { 1, 1 }, { 1, 1 }, { 1, 1 } };
    draw numbers = draw_from(7);
    double *values[PARTS], *sizes[PARTS];
    for (int part = 0; part < PARTS; part++) {
        int64_t count = bg_shape_count(shape_of(&c, part));
        double scale = _i < 3 ? 1 : part == X ? 3e38 : 1e-3;
        values[part] = calloc((size_t)count, sizeof(double));
        sizes[part] = calloc((size_t)count, sizeof(double));
        ck_assert(values[part] && sizes[part]);
        for (int64_t i = 0; i < count && part <= DY; i++)
            values[part][i] = (double)(float)draw_between(&numbers, -scale, scale);
        for (int64_t i = 0; i < 3 && _i < 3 && part == _i; i++)
            values[part][count / 5 * (i + 1)] = special[i];
    }
    write_out(&c, values, sizes);
    computation m;
    compute(&m, &c, BG_F32, 2, values);
    for (int i = 0; i < 3; i++)
        for (int64_t k = 0; k < bg_shape_count(shape_of(&c, Y + i)); k++) {
            double got = 0, expected = values[Y + i][k];
            expect_ok(bg_tensor_item(bg_program_output(m.program, (size_t)i), k, &got), c.name);
            bool is_near = fabs(got - expected) <= 16 * 0x1p-23 * sizes[Y + i][k];
            if (!(isfinite(expected) ? is_near : isnan(expected) ? isnan(got) : got == expected))
                ck_abort_msg("element %lld of %s is %.9g, not %.9g", (long long)k,
                             (const char *[]){ "y", "dx", "dw" }[i], got, expected);
        }
    forget(&m);
    for (int part = 0; part < PARTS; part++) {
        free(values[part]);
        free(sizes[part]);
    }
}
END_TEST

/* A step does not hold the unfolded windows of a batch, which are 9 times the images; in lanes it holds images, results
 * and their gradients once more. */
START_TEST(windows_are_not_stored)
{
    const int64_t images_of[] = { 30, 32 };
    const convolution c = { "memory", images_of[_i], 16, 16, 1, 2, { 28, 28 }, { 3, 3 }, { 1, 1 }, { 1, 1 }, { 1, 1 } };
    double *values[PARTS];
    for (int part = 0; part <= DY; part++)
        values[part] = calloc((size_t)bg_shape_count(shape_of(&c, part)), sizeof(double));
    computation m;
    compute(&m, &c, BG_F32, 1, values);
    size_t images = (size_t)bg_shape_count(shape_of(&c, X)) * sizeof(float);
    ck_assert_uint_lt(bg_program_report(m.program).planned_bytes, (_i == 0 ? 3 : 7) * images);
    forget(&m);
    for (int part = 0; part <= DY; part++)
        free(values[part]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("convolution");
    TCase *cases = tcase_create("sizes");
    tcase_set_timeout(cases, 120);
    tcase_add_loop_test(cases, agrees, 0, N_CONVOLUTIONS);
    tcase_add_test(cases, columns_that_no_tap_meets);
    tcase_add_loop_test(cases, factors_of_the_padding, 0, 3);
    tcase_add_loop_test(cases, what_is_not_finite_reaches_its_own, 0, 4);
    tcase_add_loop_test(cases, windows_are_not_stored, 0, 2);
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
