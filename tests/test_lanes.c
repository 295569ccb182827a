/* Networks whose samples are computed in lanes, against the same with convolutions of so few samples that nothing is:
 * what follows a convolution gives the same values and gradients either way, and the same bits for any number of
 * threads. */
#include "support/draw.h"
#include "support/expect.h"
#include "support/suite.h"

#include <blasgrad/nn.h>

#include <math.h>
#include <string.h>

enum { FEW = 48, MANY = 144, PART = 16, CHANNELS = 3, ROWS = 8, COLUMNS = 6, MOST = 6, OUTPUTS = 4 };
static int64_t samples = FEW;

/* What a network is built of. */
typedef struct {
    bg_node *x, *weight[2], *scale, *shift;
    bool is_apart;
} parts;

/* A convolution of all samples, or of a few at a time. */
static bg_node *convolve(const parts *p, bg_node *x, bg_node *weight, const bg_conv_options *options)
{
    bg_node *y[MANY / PART];
    if (!p->is_apart)
        return bg_conv(x, weight, NULL, options);
    for (int64_t i = 0; i < samples / PART; i++)
        y[i] = bg_conv(bg_slice(x, 0, i * PART, (i + 1) * PART, 1), weight, NULL, options);
    return bg_concat(y, (int)(samples / PART), 0);
}
static bg_node *first(const parts *p)
{
    return convolve(p, p->x, p->weight[0], &(bg_conv_options){ .padding = { 1, 1 } });
}
static bg_node *second(const parts *p, bg_node *x, int64_t stride)
{
    return convolve(p, x, p->weight[1], &(bg_conv_options){ .padding = { 1, 1 }, .stride = { stride, 1 } });
}

/* Each gives results, the first of which is what is differentiated. */
static int batch_norm(const parts *p, bg_node *outputs[OUTPUTS])
{
    bg_node *y = bg_relu(bg_batch_norm(first(p), p->scale, p->shift, NULL, NULL, NULL));
    outputs[0] = bg_mean(bg_add(y, bg_batch_norm(second(p, y, 1), NULL, NULL, NULL, NULL, NULL)), BG_AXES(2, 3));
    outputs[1] = y;
    return 2;
}
static int max_pool(const parts *p, bg_node *outputs[OUTPUTS])
{
    bg_node *indices,
        *y = bg_max_pool(bg_relu(first(p)), BG_SHAPE(3, 2), &(bg_pool_options){ .stride = { 2, 2 } }, &indices);
    outputs[0] = bg_reshape(second(p, y, 2), BG_SHAPE(samples, -1));
    outputs[1] = bg_cast(indices, BG_F64);
    return 2;
}
/* Windows that are all of the image, once. */
static int max_pool_tiles(const parts *p, bg_node *outputs[OUTPUTS])
{
    bg_node *y = bg_max_pool(bg_relu(first(p)), BG_SHAPE(2, 3), NULL, NULL);
    outputs[0] = bg_reshape(y, BG_SHAPE(samples, -1));
    return 1;
}
static int bins(const parts *p, bg_node *outputs[OUTPUTS])
{
    outputs[0] = bg_adaptive_max_pool(first(p), BG_SHAPE(3, 4), NULL);
    return 1;
}
static int nan_pool(const parts *p, bg_node *outputs[OUTPUTS])
{
    bg_node *y = first(p), *zero = bg_scalar(bg_node_graph(y), BG_F64, 0);
    y = bg_where(bg_greater(y, bg_add_scalar(zero, 0.5)), bg_div(zero, zero), y);
    outputs[0] = bg_max_pool(y, BG_SHAPE(2, 2), &(bg_pool_options){ .padding = { 1, 0 }, .dilation = { 2, 1 } }, NULL);
    return 1;
}
/* Shapes, axes and reductions that keep the samples, cut through them, or go over them. */
static int shapes(const parts *p, bg_node *outputs[OUTPUTS])
{
    bg_node *y = first(p), *lines = bg_reshape(y, BG_SHAPE(samples, -1, COLUMNS));
    bg_node *turned = bg_permute(lines, BG_AXES(2, 1, 0)), *split = bg_reshape(y, BG_SHAPE(4, samples / 4, -1));
    outputs[0] = bg_mul(bg_sum(bg_square(y), BG_AXES(0, 2)), bg_max(y, BG_AXES(0, 2)));
    outputs[1] = bg_add(bg_slice(lines, 1, 2, 9, 3), bg_mean(bg_slice(y, 0, 3, 40, 2), BG_ALL_AXES));
    outputs[2] = bg_mul(bg_sum(turned, BG_AXES(0)), bg_reshape(bg_mean(y, BG_AXES(1, 2, 3)), BG_SHAPE(1, samples)));
    outputs[3] = bg_softmax(bg_sum(split, BG_AXES(2)), 1);
    return 4;
}
/* Operands that are not in lanes: of one sample, of each sample, of all of them. */
static int operands(const parts *p, bg_node *outputs[OUTPUTS])
{
    bg_node *y = first(p), *each = bg_reshape(bg_slice(bg_reshape(p->x, BG_SHAPE(samples, -1)), 1, 0, 1, 1),
                                              BG_SHAPE(samples, 1, 1, 1));
    bg_node *row = bg_slice(bg_slice(p->x, 0, 5, 6, 1), 1, 0, 1, 1), *scale = bg_reshape(p->scale, BG_SHAPE(-1, 1, 1));
    outputs[0] = bg_sub(bg_mul(bg_add(y, each), scale), bg_mul(row, bg_slice(p->x, 1, 1, 2, 1)));
    return 1;
}

static const struct {
    const char *name;
    int (*build)(const parts *p, bg_node *outputs[OUTPUTS]);
} networks[] = { { "batch norm", batch_norm },
                 { "max pool", max_pool },
                 { "max pool of tiles", max_pool_tiles },
                 { "max pool of bins", bins },
                 { "max pool of no numbers", nan_pool },
                 { "shapes", shapes },
                 { "operands", operands } };
enum { N_NETWORKS = sizeof networks / sizeof *networks };

typedef struct {
    bg_engine *engine;
    bg_graph *graph;
    bg_program *program;
    bg_tensor *tensors[5];
    size_t n;
} computation;

static void compute(computation *m, int network, bool is_apart, int threads)
{
    const char *name = networks[network].name;
    const bg_shape shapes[5] = { BG_SHAPE(samples, CHANNELS, ROWS, COLUMNS), BG_SHAPE(MOST, CHANNELS, 3, 3),
                                 BG_SHAPE(MOST, MOST, 3, 3), BG_SHAPE(MOST), BG_SHAPE(MOST) };
    bg_node *nodes[5], *outputs[OUTPUTS + 5];
    draw numbers = draw_from((uint64_t)network + 1);
    expect_ok(bg_engine_create(&m->engine, &(bg_engine_options){ .threads = threads }), name);
    expect_ok(bg_graph_create(&m->graph, m->engine), name);
    for (int i = 0; i < 5; i++) {
        expect_ok(bg_tensor_create(&m->tensors[i], m->engine, BG_F64, shapes[i]), name);
        double *values = bg_tensor_data(m->tensors[i]);
        for (int64_t k = 0; k < bg_shape_count(shapes[i]); k++)
            values[k] = draw_between(&numbers, -1, 1);
        nodes[i] = bg_parameter(m->graph, m->tensors[i]);
    }
    const parts p = { nodes[0], { nodes[1], nodes[2] }, nodes[3], nodes[4], is_apart };
    int n = networks[network].build(&p, outputs);
    bg_node *sum = bg_sum(bg_mul(outputs[0], bg_sin(bg_mul_scalar(outputs[0], 0.01))), BG_ALL_AXES);
    expect_ok(bg_grad(sum, nodes, 5, outputs + n), name);
    m->n = (size_t)n + 5;
    expect_ok(bg_compile(&m->program, m->graph, outputs, m->n, NULL), name);
    expect_ok(bg_program_run(m->program), name);
}
static void forget(const computation *m)
{
    bg_program_destroy(m->program);
    bg_graph_destroy(m->graph);
    for (int i = 0; i < 5; i++)
        bg_tensor_destroy(m->tensors[i]);
    bg_engine_destroy(m->engine);
}

START_TEST(agree)
{
    int network = _i / 2;
    const char *name = networks[network].name;
    computation apart, together, other;
    samples = _i % 2 ? MANY : FEW;
    compute(&apart, network, true, 1);
    compute(&together, network, false, 1);
    compute(&other, network, false, 3);
    for (size_t i = 0; i < apart.n; i++) {
        const bg_tensor *a = bg_program_output(apart.program, i), *b = bg_program_output(together.program, i);
        int64_t count = bg_shape_count(bg_tensor_shape(a));
        double size = 1;
        for (int64_t k = 0; k < count; k++)
            size = fmax(size, fabs(((const double *)bg_tensor_const_data(a))[k]));
        for (int64_t k = 0; k < count; k++) {
            double x = ((const double *)bg_tensor_const_data(a))[k], y = ((const double *)bg_tensor_const_data(b))[k];
            if (!(fabs(x - y) <= 1e-12 * size) && !(isnan(x) && isnan(y)))
                ck_abort_msg("%s: element %lld of output %zu is %.17g, not %.17g", name, (long long)k, i, y, x);
        }
        ck_assert_msg(memcmp(bg_tensor_const_data(b), bg_tensor_const_data(bg_program_output(other.program, i)),
                             (size_t)count * sizeof(double)) == 0,
                      "%s: 3 threads give other bits of output %zu", name, i);
    }
    forget(&apart);
    forget(&together);
    forget(&other);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("lanes");
    TCase *cases = tcase_create("networks");
    tcase_set_timeout(cases, 60);
    tcase_add_loop_test(cases, agree, 0, 2 * N_NETWORKS);
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
