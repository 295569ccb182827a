/* Gradients of the loss of each sample: golden values. The rest of their tests is in test_per_sample. */
#include "cases.h"

/* [b, all elements one after the other], or the squares [parameters, b] */
static bg_node *results_of(bg_node *losses, bg_node *const *xs, bool squares)
{
    bg_node *results[3];
    if ((squares ? bg_per_sample_grad_norms : bg_per_sample_grad)(losses, xs, 3, results))
        return NULL;
    int64_t b = bg_node_shape(losses).dims[0];
    for (int i = 0; i < 3 && !squares; i++)
        results[i] = bg_reshape(results[i], BG_SHAPE(b, -1));
    return squares ? bg_stack(results, 3, 0) : bg_concat(results, 3, 1);
}
static bg_node *mlp(const golden_case *c, bool squares)
{
    bg_node *h = bg_tanh(bg_linear(c->x[0], c->x[2], c->x[3]));
    return results_of(bg_cross_entropy_loss(bg_linear(h, c->x[4], NULL), c->x[1], BG_NONE), c->x + 2, squares);
}
static bg_node *cnn(const golden_case *c, bool squares)
{
    bg_node *y = bg_tanh(bg_conv(c->x[0], c->x[2], c->x[3], &(bg_conv_options){ .padding = { 1, 1 } }));
    y = bg_max_pool(y, BG_SHAPE(2, 2), NULL, NULL);
    y = bg_matmul(bg_reshape(y, BG_SHAPE(3, 8)), c->x[4]);
    return results_of(bg_sum(bg_l2_loss(y, c->x[1], BG_NONE), BG_AXES(1)), c->x + 2, squares);
}
GOLDEN(per_sample_mlp, mlp(c, false))
GOLDEN(per_sample_mlp_squares, mlp(c, true))
GOLDEN(per_sample_cnn, cnn(c, false))
GOLDEN(per_sample_cnn_squares, cnn(c, true))

static const golden_op golden[] = {
    { .name = "per_sample_mlp", .build = golden_per_sample_mlp, .integers = 1u << 1 },
    { .name = "per_sample_mlp_squares", .build = golden_per_sample_mlp_squares, .integers = 1u << 1 },
    GOLDEN_ROW(per_sample_cnn),
    GOLDEN_ROW(per_sample_cnn_squares),
};

const op_family per_sample_family = { .name = "per_sample", FAMILY_GOLDEN };
