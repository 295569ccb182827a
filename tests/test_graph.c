/* The structure of graphs: leaves, shapes, gradients as nodes, the compiler's constructors, memory that runs out. */
#include "support/expect.h"
#include "support/suite.h"

#include "ops/ops.h"

#include <math.h>

static bg_engine *engine;
static bg_graph *graph;

static void set_up(void)
{
    ck_assert_int_eq(bg_engine_create(&engine, &(bg_engine_options){ .threads = 1 }), BG_OK);
    ck_assert_int_eq(bg_graph_create(&graph, engine), BG_OK);
}

static void tear_down(void)
{
    bg_graph_destroy(graph);
    bg_engine_destroy(engine);
}

static bg_tensor *tensor_of(bg_dtype dtype, bg_shape shape)
{
    bg_tensor *tensor = NULL;
    ck_assert_int_eq(bg_tensor_create(&tensor, engine, dtype, shape), BG_OK);
    return tensor;
}

static void expect_shape(const char *what, const bg_node *node, bg_dtype dtype, bg_shape shape)
{
    ck_assert_msg(node != NULL, "%s: %s", what, bg_last_error());
    ck_assert_msg(bg_node_dtype(node) == dtype, "%s is %s", what, bg_dtype_name(bg_node_dtype(node)));
    ck_assert_msg(bg_shape_equal(bg_node_shape(node), shape), "%s is %s, not %s", what,
                  bgi_shape_format(bg_node_shape(node)).text, bgi_shape_format(shape).text);
}

/* Rebuilds a graph in a compiler's, as the compiler does. */
static bg_node *rebuild(bg_graph *to, bg_graph *from, const bg_node *root)
{
    bg_node **made = calloc((size_t)from->count, sizeof(bg_node *)), *inputs[8], *result = NULL;
    for (int i = 0; i <= root->id; i++) {
        const bg_node *node = from->nodes[i];
        for (int k = 0; k < node->n_inputs; k++)
            inputs[k] = made[node->inputs[k]->id];
        made[i] = bgi_node_is_leaf(node)
                      ? bgi_graph_import_leaf(to, node)
                      : bg_apply(node->op, inputs, node->n_inputs, node->attributes, node->attribute_bytes);
        if (!made[i])
            break;
        result = made[i];
    }
    free(made);
    return result;
}

/* ---- Leaves and updates ---- */

START_TEST(leaves)
{
    bg_tensor *a = tensor_of(BG_F32, BG_SHAPE(4, 3)), *head, *tail, *middle;
    expect_ok(bg_tensor_slice(&head, a, 0, 0, 2, 1), "head");
    expect_ok(bg_tensor_slice(&tail, a, 0, 2, 4, 1), "tail");
    expect_ok(bg_tensor_slice(&middle, a, 0, 1, 3, 1), "middle");
    char name[] = "x";
    bg_node *x = bg_input(graph, name, BG_U8, BG_SHAPE(0, 5));
    name[0] = '?';
    ck_assert_str_eq(x->name, "x");
    expect_shape("input", x, BG_U8, BG_SHAPE(0, 5));

    bg_node *p = bg_parameter(graph, head), *b = bg_buffer(graph, tail);
    expect_shape("parameter", p, BG_F32, BG_SHAPE(2, 3));
    ck_assert_ptr_eq(bg_parameter(graph, head), p);
    ck_assert_ptr_eq(bg_buffer(graph, tail), b);
    ck_assert_ptr_ne(p, b);

    /* Updates: the later one wins. */
    ck_assert_ptr_eq(bg_updated(p), p);
    bg_update(p, b);
    ck_assert_ptr_eq(bg_updated(p), b);
    bg_update(p, p);
    ck_assert_ptr_eq(bg_updated(p), p);

    /* A constant is a copy: its tensor may overlap anything. */
    expect_ok(bg_tensor_fill(a, 7), "fill");
    bg_node *c = bg_constant(graph, a);
    expect_ok(bg_tensor_fill(a, 8), "fill");
    double value;
    expect_ok(bg_tensor_item(c->tensor, 5, &value), "item");
    ck_assert_double_eq(value, 7);
    bg_node *s = bg_scalar(graph, BG_F32, 0.1);
    ck_assert(bgi_node_is_constant(bg_reshape(bg_broadcast(s, BG_SHAPE(2, 3)), BG_SHAPE(6)), &value));
    ck_assert_double_eq(value, (double)0.1f);
    ck_assert(!bgi_node_is_constant(c, &value));
    expect_ok(bg_graph_status(graph), "leaves");

    ck_assert_ptr_null(bg_buffer(graph, middle));
    ck_assert_int_eq(bg_graph_status(graph), BG_ERR_OVERLAP);

    /* The graph keeps its tensors and its engine. */
    bg_tensor_destroy(a);
    bg_tensor_destroy(head);
    bg_tensor_destroy(tail);
    bg_tensor_destroy(middle);
    expect_ok(bg_tensor_item(p->tensor, 0, &value), "item");
    ck_assert_double_eq(value, 8);
}
END_TEST

START_TEST(order_of_destruction)
{
    bg_engine *short_lived;
    bg_graph *outlives;
    bg_tensor *tensor;
    expect_ok(bg_engine_create(&short_lived, &(bg_engine_options){ .threads = 1 }), "engine");
    expect_ok(bg_graph_create(&outlives, short_lived), "graph");
    expect_ok(bg_tensor_create(&tensor, short_lived, BG_F64, BG_SHAPE(2)), "tensor");
    bg_engine_destroy(short_lived);
    bg_node *x = bg_parameter(outlives, tensor);
    bg_tensor_destroy(tensor);
    ck_assert_ptr_nonnull(bg_exp(x));
    bg_graph_destroy(outlives);
}
END_TEST

/* ---- Shapes ---- */

START_TEST(shapes)
{
    bg_node *s = bg_input(graph, "s", BG_F32, BG_SCALAR), *x = bg_input(graph, "x", BG_F32, BG_SHAPE(2, 3)),
            *v = bg_input(graph, "v", BG_F32, BG_SHAPE(3)), *column = bg_input(graph, "c", BG_F32, BG_SHAPE(2, 1)),
            *none = bg_input(graph, "n", BG_F32, BG_SHAPE(0, 3)),
            *cube = bg_input(graph, "q", BG_F32, BG_SHAPE(4, 2, 3)), *w = bg_input(graph, "w", BG_F32, BG_SHAPE(5, 3)),
            *b = bg_input(graph, "b", BG_F32, BG_SHAPE(5)), *big = bg_input(graph, "big", BG_F32, BG_SHAPE(6, 1, 2, 3)),
            *i = bg_input(graph, "i", BG_I64, BG_SHAPE(2)), *d = bg_input(graph, "d", BG_F64, BG_SHAPE(1, 3)),
            *bytes = bg_input(graph, "u", BG_U8, BG_SHAPE(4, 2));
#define EXPECT(call, dtype, ...) expect_shape(#call, call, dtype, __VA_ARGS__)
    EXPECT(bg_add(x, v), BG_F32, BG_SHAPE(2, 3));
    EXPECT(bg_mul(column, v), BG_F32, BG_SHAPE(2, 3));
    EXPECT(bg_sub(s, cube), BG_F32, BG_SHAPE(4, 2, 3));
    EXPECT(bg_div(none, bg_reshape(v, BG_SHAPE(1, 3))), BG_F32, BG_SHAPE(0, 3));
    EXPECT(bg_maximum(none, v), BG_F32, BG_SHAPE(0, 3));
    EXPECT(bg_less(x, column), BG_BOOL, BG_SHAPE(2, 3));
    EXPECT(bg_equal(i, i), BG_BOOL, BG_SHAPE(2));
    EXPECT(bg_equal(bytes, bytes), BG_BOOL, BG_SHAPE(4, 2));
    EXPECT(bg_is_finite(s), BG_BOOL, BG_SCALAR);
    EXPECT(bg_where(bg_less(column, s), v, s), BG_F32, BG_SHAPE(2, 3));
    EXPECT(bg_cast(i, BG_F64), BG_F64, BG_SHAPE(2));
    EXPECT(bg_cast(bg_less(x, v), BG_F32), BG_F32, BG_SHAPE(2, 3));
    EXPECT(bg_cast(d, BG_F32), BG_F32, BG_SHAPE(1, 3));
    ck_assert_ptr_eq(bg_cast(d, BG_F64), d);
    EXPECT(bg_stop_gradient(i), BG_I64, BG_SHAPE(2));
    EXPECT(bg_gelu(x), BG_F32, BG_SHAPE(2, 3));
    EXPECT(bg_sum(cube, BG_AXES(0, -1)), BG_F32, BG_SHAPE(2));
    EXPECT(bg_sum(cube, BG_ALL_AXES), BG_F32, BG_SCALAR);
    EXPECT(bg_sum(none, BG_AXES(0)), BG_F32, BG_SHAPE(3));
    EXPECT(bg_sum(column, BG_AXES(1)), BG_F32, BG_SHAPE(2));
    ck_assert_ptr_eq(bg_sum(x, BG_AXES()), x);
    ck_assert_ptr_eq(bg_max(s, BG_ALL_AXES), s);
    EXPECT(bg_mean(none, BG_ALL_AXES), BG_F32, BG_SCALAR);
    EXPECT(bg_max(cube, BG_AXES(1)), BG_F32, BG_SHAPE(4, 3));
    EXPECT(bg_max(none, BG_AXES(1)), BG_F32, BG_SHAPE(0));
    EXPECT(bg_logsumexp(none, BG_AXES(0)), BG_F32, BG_SHAPE(3));
    EXPECT(bg_reshape(cube, BG_SHAPE(8, -1)), BG_F32, BG_SHAPE(8, 3));
    EXPECT(bg_reshape(none, BG_SHAPE(7, 0)), BG_F32, BG_SHAPE(7, 0));
    EXPECT(bg_reshape(none, BG_SHAPE(-1, 3)), BG_F32, BG_SHAPE(0, 3));
    EXPECT(bg_reshape(s, BG_SHAPE(1, 1)), BG_F32, BG_SHAPE(1, 1));
    EXPECT(bg_permute(cube, BG_AXES(2, 0, -2)), BG_F32, BG_SHAPE(3, 4, 2));
    EXPECT(bg_permute(cube, BG_ALL_AXES), BG_F32, BG_SHAPE(3, 2, 4));
    EXPECT(bg_transpose(bytes, 0, -1), BG_U8, BG_SHAPE(2, 4));
    EXPECT(bg_slice(cube, 0, 1, 4, 2), BG_F32, BG_SHAPE(2, 2, 3));
    EXPECT(bg_slice(cube, 0, -2, 100, 1), BG_F32, BG_SHAPE(2, 2, 3));
    EXPECT(bg_slice(cube, -3, -100, -1, 2), BG_F32, BG_SHAPE(2, 2, 3));
    EXPECT(bg_slice(cube, 2, 2, 1, 1), BG_F32, BG_SHAPE(4, 2, 0));
    EXPECT(bg_slice(cube, 2, INT64_MIN, INT64_MAX, INT64_MAX), BG_F32, BG_SHAPE(4, 2, 1));
    ck_assert_ptr_eq(bg_slice(cube, 2, 0, 3, 1), cube);
    EXPECT(bg_concat((bg_node *[]){ x, none, x }, 3, 0), BG_F32, BG_SHAPE(4, 3));
    EXPECT(bg_concat((bg_node *[]){ i, i }, 2, -1), BG_I64, BG_SHAPE(4));
    EXPECT(bg_broadcast(column, BG_SHAPE(4, 2, 3)), BG_F32, BG_SHAPE(4, 2, 3));
    EXPECT(bg_broadcast(s, BG_SHAPE(0)), BG_F32, BG_SHAPE(0));
    EXPECT(bg_matmul(x, bg_transpose(w, 0, 1)), BG_F32, BG_SHAPE(2, 5));
    EXPECT(bg_matmul(v, v), BG_F32, BG_SCALAR);
    EXPECT(bg_matmul(x, v), BG_F32, BG_SHAPE(2));
    EXPECT(bg_matmul(v, bg_transpose(x, 0, 1)), BG_F32, BG_SHAPE(2));
    EXPECT(bg_matmul(cube, v), BG_F32, BG_SHAPE(4, 2));
    EXPECT(bg_matmul(big, bg_transpose(cube, 1, 2)), BG_F32, BG_SHAPE(6, 4, 2, 2));
    EXPECT(bg_matmul(cube, bg_transpose(bg_reshape(w, BG_SHAPE(1, 1, 5, 3)), 2, 3)), BG_F32, BG_SHAPE(1, 4, 2, 5));
    EXPECT(bg_matmul(none, bg_transpose(w, 0, 1)), BG_F32, BG_SHAPE(0, 5));
    EXPECT(bg_matmul(bg_transpose(none, 0, 1), none), BG_F32, BG_SHAPE(3, 3));
    EXPECT(bg_linear(x, w, b), BG_F32, BG_SHAPE(2, 5));
    EXPECT(bg_linear(v, w, b), BG_F32, BG_SHAPE(5));
    EXPECT(bg_linear(big, w, NULL), BG_F32, BG_SHAPE(6, 1, 2, 5));
    EXPECT(bg_linear(none, w, b), BG_F32, BG_SHAPE(0, 5));
    EXPECT(bg_softmax(x, -1), BG_F32, BG_SHAPE(2, 3));
    EXPECT(bg_softmax(none, 0), BG_F32, BG_SHAPE(0, 3));
    EXPECT(bg_log_softmax(cube, 1), BG_F32, BG_SHAPE(4, 2, 3));
    EXPECT(bg_gather_class(x, i), BG_F32, BG_SHAPE(2));
    EXPECT(bg_gather_class(cube, bytes), BG_F32, BG_SHAPE(4, 2));
    EXPECT(bg_l1_loss(x, x, BG_NONE), BG_F32, BG_SHAPE(2, 3));
    EXPECT(bg_l2_loss(x, x, BG_SUM), BG_F32, BG_SCALAR);
    EXPECT(bg_bce_with_logits_loss(x, x, BG_MEAN), BG_F32, BG_SCALAR);
    EXPECT(bg_cross_entropy_loss(cube, bytes, BG_NONE), BG_F32, BG_SHAPE(4, 2));
    EXPECT(bg_cross_entropy_loss(x, i, BG_MEAN), BG_F32, BG_SCALAR);
    expect_ok(bg_graph_status(graph), "shapes");
}
END_TEST

/* A product with one matrix of weights is one product, in both directions: no [batch, ..] copies of the weights. */
START_TEST(batched_weights)
{
    bg_node *x = bg_input(graph, "x", BG_F32, BG_SHAPE(4, 2, 3)), *w = bg_input(graph, "w", BG_F32, BG_SHAPE(3, 5)),
            *dw;
    expect_ok(bg_grad(bg_sum(bg_matmul(x, w), BG_ALL_AXES), &w, 1, &dw), "grad");
    for (int i = 0; i < graph->count; i++)
        if (bgi_node_is(graph->nodes[i], BGI_PRODUCT))
            ck_assert_int_eq(graph->nodes[i]->shape.rank, 2);
}
END_TEST

/* ---- Gradients ---- */

START_TEST(gradients)
{
    bg_node *x = bg_input(graph, "x", BG_F64, BG_SHAPE(2, 3)), *y = bg_input(graph, "y", BG_F64, BG_SHAPE(3)),
            *unused = bg_input(graph, "unused", BG_F64, BG_SHAPE(4)), *i = bg_input(graph, "i", BG_I32, BG_SHAPE(2));
    double value;
    bg_node *loss = bg_sum(bg_gather_class(bg_mul(x, y), i), BG_ALL_AXES);
    bg_node *middle = bg_mul(x, y), *top = bg_mean(bg_square(middle), BG_ALL_AXES);
    bg_node *xs[] = { x, y, unused, middle, x, top }, *dxs[6];
    expect_ok(bg_grad(top, xs, 6, dxs), "grad");
    for (int k = 0; k < 6; k++)
        expect_shape("dx", dxs[k], BG_F64, xs[k]->shape);
    ck_assert_ptr_eq(dxs[0], dxs[4]);
    ck_assert(bgi_node_is_constant(dxs[2], &value) && value == 0);
    ck_assert(bgi_node_is_constant(dxs[5], &value) && value == 1);
    expect_ok(bg_grad(loss, xs, 2, dxs), "grad");

    /* An x after y, and no x. */
    bg_node *later = bg_exp(top), *d;
    expect_ok(bg_grad(top, &later, 1, &d), "grad");
    ck_assert(bgi_node_is_constant(d, &value) && value == 0);
    expect_ok(bg_grad(top, NULL, 0, NULL), "grad of nothing");

    /* No gradient flows through these. */
    bg_node *stopped = bg_sum(bg_mul(bg_sign(x), bg_cast(bg_less(bg_stop_gradient(x), y), BG_F64)), BG_ALL_AXES);
    expect_ok(bg_grad(stopped, &x, 1, &d), "grad");
    ck_assert(bgi_node_is_constant(d, &value) && value == 0);

    bg_node *sign = bg_sign(x), *both[] = { sign, x }, *dboth[2];
    expect_ok(bg_grad(bg_sum(bg_exp(sign), BG_ALL_AXES), both, 2, dboth), "grad");
    ck_assert(!bgi_node_is_constant(dboth[0], &value));
    ck_assert(bgi_node_is_constant(dboth[1], &value) && value == 0);

    /* What flows on several ways adds up. */
    bg_graph *compiling;
    expect_ok(bg_grad(bg_sum(bg_sub(bg_add(x, x), bg_mul_scalar(x, 5)), BG_ALL_AXES), &x, 1, &d), "grad");
    expect_ok(bgi_graph_create_compiling(&compiling, engine), "compiling");
    ck_assert(bgi_node_is_constant(rebuild(compiling, graph, d), &value) && value == -3);
    bg_graph_destroy(compiling);

    /* Several roots; a root that depends on another. */
    bg_node *roots[] = { middle, top }, *cotangents[] = { bg_exp(middle), bg_scalar(graph, BG_F64, 2) };
    expect_ok(bg_grad_from(roots, cotangents, 2, xs, 4, dxs), "grad_from");
    for (int k = 0; k < 4; k++)
        expect_shape("dx", dxs[k], BG_F64, xs[k]->shape);
    expect_ok(bg_grad_from(NULL, NULL, 0, xs, 1, dxs), "grad_from nothing");
    ck_assert(bgi_node_is_constant(dxs[0], &value) && value == 0);
}
END_TEST

/* An op of a user whose rule has the wrong shape. */
static bg_status scale_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    *dtype = bg_node_dtype(bg_node_input(node, 0));
    *shape = bg_node_shape(bg_node_input(node, 0));
    return BG_OK;
}
static bg_node *scale_compose(bg_node *node) { return bg_mul_scalar(bg_node_input(node, 0), 3); }
static bg_node *wrong_gradient(bg_node *node, int input, bg_node *dy)
{
    (void)node, (void)input;
    return bg_sum(dy, BG_ALL_AXES);
}
static bg_node *no_gradient(bg_node *node, int input, bg_node *dy)
{
    (void)node, (void)input, (void)dy;
    return NULL;
}
static const bg_op wrong_op = {
    .name = "wrong", .arity = 1, .infer = scale_infer, .gradient = wrong_gradient, .compose = scale_compose
};
static const bg_op still_op = {
    .name = "still", .arity = 1, .infer = scale_infer, .gradient = no_gradient, .compose = scale_compose
};
static bg_node *wrong_compose(bg_node *node) { return bg_sum(bg_node_input(node, 0), BG_ALL_AXES); }
static const bg_op lost_op = { .name = "lost", .arity = 1, .infer = scale_infer, .compose = wrong_compose };

START_TEST(ops_of_users)
{
    bg_node *x = bg_input(graph, "x", BG_F32, BG_SHAPE(2)), *dx;
    double value;
    expect_ok(bg_grad(bg_sum(bgi_apply_1(&still_op, x), BG_ALL_AXES), &x, 1, &dx), "grad");
    ck_assert(bgi_node_is_constant(dx, &value) && value == 0);
    ck_assert_int_eq(bg_grad(bg_sum(bgi_apply_1(&wrong_op, x), BG_ALL_AXES), &x, 1, &dx), BG_ERR_GRADIENT);
    ck_assert_ptr_null(dx);
    ck_assert_str_eq(bg_last_error(), "grad: the gradient of wrong for input 0 is f32 [], the input f32 [2]");

    bg_graph *compiling;
    expect_ok(bgi_graph_create_compiling(&compiling, engine), "compiling");
    bg_node *leaf = bgi_graph_import_leaf(compiling, x);
    ck_assert_ptr_null(bgi_apply_1(&lost_op, leaf));
    ck_assert_int_eq(bg_graph_status(compiling), BG_ERR_ARGUMENT);
    ck_assert_str_eq(bg_last_error(), "lost: its composition gives f32 [], its shape rule f32 [2]");
    bg_graph_destroy(compiling);
}
END_TEST

/* Long chains and wide sums: no recursion anywhere. */
START_TEST(deep_graph)
{
    enum { DEPTH = 100000 };
    bg_node *x = bg_input(graph, "x", BG_F32, BG_SHAPE(2)), *y = x, *total = NULL, *dx;
    for (int i = 0; i < DEPTH; i++)
        y = i % 2 ? bg_sub(x, y) : bg_exp(y);
    for (int i = 0; i < 1000; i++)
        total = total ? bg_add(total, y) : y;
    expect_ok(bg_grad(bg_sum(total, BG_ALL_AXES), &x, 1, &dx), "grad");
    expect_shape("dx", dx, BG_F32, BG_SHAPE(2));
}
END_TEST

/* ---- The list of ops ---- */

START_TEST(families)
{
    int count = 0;
    for (const bg_op *const *const *family = bgi_op_families; *family; family++)
        for (const bg_op *const *op = *family; *op; op++, count++) {
            const char *name = (*op)->name;
            ck_assert_ptr_nonnull(name);
            ck_assert_msg((*op)->infer != NULL, "%s has no shape rule", name);
            /* A composition may stand beside a call, and then serves derivatives where there is no rule. */
            int ways = !!((*op)->compose || (*op)->call) + !!(*op)->lowering;
            ck_assert_msg(ways == 1, "%s: ways to run", name);
            /* A constant may be computed by a composition; it has no rule all the same. */
            bool has_rule = (*op)->gradient || (!(*op)->is_constant && (*op)->compose);
            ck_assert_msg((*op)->is_constant != has_rule, "%s: gradient", name);
            ck_assert_msg((*op)->arity > 0 || (*op)->arity == -1, "%s: arity", name);
            ck_assert_msg(!(*op)->never_fails || (*op)->call, "%s: only calls can fail", name);
            ck_assert_msg(!(*op)->grain || (*op)->units, "%s: a grain without units", name);
            for (const bg_op *const *const *f = bgi_op_families; *f; f++)
                for (const bg_op *const *other = *f; *other; other++)
                    ck_assert_msg(*other == *op || strcmp((*other)->name, name) != 0, "two ops are %s", name);
        }
    ck_assert_int_gt(count, 0);
}
END_TEST

/* ---- The compiler's constructors ---- */

typedef struct {
    bg_node *x, *y, *m, *v, *b; /* f32 [3] twice, [2, 3], bool [3] */
} operands;

static bg_node *constant(const operands *o, double value) { return bgi_scalar_like(o->x, value); }

/* X(expression, what the constructors make of it) */
#define SIMPLIFICATIONS(X)                                                                                             \
    X(bg_add(o->x, o->y), bg_add(o->y, o->x))                                                                          \
    X(bg_add(o->x, constant(o, 0)), o->x)                                                                              \
    X(bg_add(constant(o, 0), o->x), o->x)                                                                              \
    X(bg_add(o->x, bg_neg(o->y)), bg_sub(o->x, o->y))                                                                  \
    X(bg_add(bg_neg(o->x), o->y), bg_sub(o->y, o->x))                                                                  \
    X(bg_sub(o->x, constant(o, 0)), o->x)                                                                              \
    X(bg_sub(constant(o, 0), o->x), bg_neg(o->x))                                                                      \
    X(bg_sub(o->x, bg_neg(o->y)), bg_add(o->x, o->y))                                                                  \
    X(bg_mul(o->x, constant(o, 1)), o->x)                                                                              \
    X(bg_mul(constant(o, -1), o->x), bg_neg(o->x))                                                                     \
    X(bg_mul(o->x, o->x), bg_square(o->x))                                                                             \
    X(bg_mul_scalar(bg_mul_scalar(o->x, 3), 5), bg_mul_scalar(o->x, 15))                                               \
    X(bg_mul_scalar(bg_neg(o->x), 3), bg_mul_scalar(o->x, -3))                                                         \
    X(bg_div(o->x, constant(o, 1)), o->x)                                                                              \
    X(bg_div(o->x, constant(o, 4)), bg_mul_scalar(o->x, 0.25))                                                         \
    X(bg_neg(bg_neg(o->x)), o->x)                                                                                      \
    X(bg_neg(bg_sub(o->x, o->y)), bg_sub(o->y, o->x))                                                                  \
    X(bg_abs(bg_neg(o->x)), bg_abs(o->x))                                                                              \
    X(bg_square(constant(o, 3)), constant(o, 9))                                                                       \
    X(bg_exp(bg_sub(constant(o, 2), constant(o, 2))), constant(o, 1))                                                  \
    X(bg_add(bg_broadcast(constant(o, 2), BG_SHAPE(3)), constant(o, 1)), bg_broadcast(constant(o, 3), BG_SHAPE(3)))    \
    X(bg_cast(bg_scalar(o->x->graph, BG_F64, 0.1), BG_F32), constant(o, 0.1))                                          \
    X(bg_cast(constant(o, 0.5), BG_F64), bg_scalar(o->x->graph, BG_F64, 0.5))                                          \
    X(bg_where(o->b, o->x, o->x), o->x)                                                                                \
    X(bg_where(o->b, constant(o, 2), constant(o, 2)), bg_broadcast(constant(o, 2), BG_SHAPE(3)))                       \
    X(bg_maximum(o->x, o->x), o->x)                                                                                    \
    X(bg_stop_gradient(o->x), o->x)                                                                                    \
    X(bg_reshape(bg_reshape(o->m, BG_SHAPE(6)), BG_SHAPE(2, 3)), o->m)                                                 \
    X(bg_reshape(bg_reshape(o->m, BG_SHAPE(3, 2)), BG_SHAPE(6)), bg_reshape(o->m, BG_SHAPE(6)))                        \
    X(bg_permute(bg_permute(o->m, BG_AXES(1, 0)), BG_AXES(1, 0)), o->m)                                                \
    X(bg_broadcast(bg_broadcast(o->x, BG_SHAPE(2, 3)), BG_SHAPE(4, 2, 3)), bg_broadcast(o->x, BG_SHAPE(4, 2, 3)))      \
    X(bg_slice(bg_slice(o->x, 0, 1, 3, 1), 0, 1, 2, 1), bg_slice(o->x, 0, 2, 3, 1))                                    \
    X(bg_softplus(o->x), bg_where(bg_greater(o->x, constant(o, 20)), o->x, bgi_log1p_exp(o->x)))                       \
    X(bg_log_softmax(o->m, 1), bg_log_softmax(o->m, -1))

static const char *const simplifications[] = {
#define EXPRESSION(expression, form) #expression,
    SIMPLIFICATIONS(EXPRESSION)
};

static void build_both(const operands *o, int number, bg_node **node, bg_node **form)
{
    int i = 0;
#define BUILD(expression, simple)                                                                                      \
    if (i++ == number) {                                                                                               \
        *node = expression;                                                                                            \
        *form = simple;                                                                                                \
    }
    SIMPLIFICATIONS(BUILD)
}

static operands leaves_of(bg_graph *g)
{
    return (operands){ .x = bg_input(g, "x", BG_F32, BG_SHAPE(3)),
                       .y = bg_input(g, "y", BG_F32, BG_SHAPE(3)),
                       .m = bg_input(g, "m", BG_F32, BG_SHAPE(2, 3)),
                       .v = bg_input(g, "v", BG_F32, BG_SHAPE(4, 3)),
                       .b = bg_input(g, "b", BG_BOOL, BG_SHAPE(3)) };
}

START_TEST(simplification)
{
    bg_graph *compiling;
    bg_node *node = NULL, *form = NULL;
    expect_ok(bgi_graph_create_compiling(&compiling, engine), "compiling");
    operands o = leaves_of(compiling);
    build_both(&o, _i, &node, &form);
    ck_assert_msg(node != NULL && node == form, "%s: %s", simplifications[_i], bg_last_error());
    expect_ok(bg_graph_status(compiling), simplifications[_i]);
    bg_graph_destroy(compiling);

    /* In a graph of the user they stay what they are, with one shape. */
    o = leaves_of(graph);
    build_both(&o, _i, &node, &form);
    expect_shape(simplifications[_i], node, form->dtype, form->shape);
}
END_TEST

START_TEST(no_simplification)
{
    bg_graph *compiling;
    expect_ok(bgi_graph_create_compiling(&compiling, engine), "compiling");
    operands o = leaves_of(compiling);
    double value;
    ck_assert(!bgi_node_is_constant(bg_mul_scalar(o.x, 0), &value)); /* NaN where x is infinite */
    bg_node *tiny = bg_mul_scalar(bg_mul_scalar(o.x, 1e-30), 1e-30);
    ck_assert_str_eq(tiny->inputs[0]->op->name, "mul");
    bg_node *signs = bg_where(o.b, bg_scalar(compiling, BG_F32, 0.0), bg_scalar(compiling, BG_F32, -0.0));
    ck_assert_str_eq(signs->op->name, "where");
    ck_assert_ptr_ne(bg_scalar(compiling, BG_F32, 1), bg_scalar(compiling, BG_F64, 1));
    ck_assert_ptr_eq(bg_scalar(compiling, BG_F32, (double)NAN), bg_scalar(compiling, BG_F32, (double)NAN));
    bg_graph_destroy(compiling);
}
END_TEST

static int count_ops(const bg_graph *g, const char *name)
{
    int count = 0;
    for (int i = 0; i < g->count; i++)
        count += strcmp(g->nodes[i]->op->name, name) == 0;
    return count;
}

/* The gradient of cross-entropy finds the exponentials, maxima and sums of the loss again. */
START_TEST(shared_terms)
{
    bg_graph *compiling;
    bg_node *x = bg_input(graph, "x", BG_F32, BG_SHAPE(8, 10)), *i = bg_input(graph, "i", BG_I64, BG_SHAPE(8)), *dx;
    expect_ok(bg_grad(bg_cross_entropy_loss(x, i, BG_MEAN), &x, 1, &dx), "grad");
    expect_ok(bgi_graph_create_compiling(&compiling, engine), "compiling");
    bg_node *root = rebuild(compiling, graph, dx);
    ck_assert_ptr_nonnull(root);
    ck_assert_int_eq(count_ops(compiling, "exp"), 1);
    ck_assert_int_eq(count_ops(compiling, "max"), 1);
    ck_assert_int_eq(count_ops(compiling, "check_classes"), 1);
    ck_assert_int_eq(count_ops(compiling, "equal"), 1);
    bg_graph_destroy(compiling);

    bg_node *y = bg_logsumexp(x, BG_AXES(1)), *dy;
    expect_ok(bg_grad(bg_sum(bg_mul(y, y), BG_ALL_AXES), &x, 1, &dy), "grad");
    expect_ok(bgi_graph_create_compiling(&compiling, engine), "compiling");
    root = rebuild(compiling, graph, dy);
    ck_assert_ptr_nonnull(root);
    ck_assert_int_eq(count_ops(compiling, "logsumexp"), 0);
    ck_assert_int_eq(count_ops(compiling, "exp"),
                     2); /* those of cross-entropy, whose maximum may be infinite, and its own */
    bg_graph_destroy(compiling);
}
END_TEST

START_TEST(origins)
{
    bg_graph *first, *second;
    bg_tensor *tensor = tensor_of(BG_F32, BG_SHAPE(2));
    bg_node *x = bg_input(graph, "x", BG_F32, BG_SHAPE(2)), *p = bg_parameter(graph, tensor);
    expect_ok(bgi_graph_create_compiling(&first, engine), "compiling");
    expect_ok(bgi_graph_create_compiling(&second, engine), "compiling");
    bg_node *made = bgi_graph_import_leaf(first, p), *constant_here = bg_constant(first, tensor);
    ck_assert_ptr_eq(made->origin, p);
    ck_assert_ptr_eq(bgi_graph_import_leaf(second, made)->origin, p);
    ck_assert_ptr_eq(bgi_graph_import_leaf(second, bgi_graph_import_leaf(first, x))->origin, x);
    ck_assert_ptr_null(bgi_graph_import_leaf(second, constant_here)->origin);
    bg_graph_destroy(first);
    bg_graph_destroy(second);
    bg_tensor_destroy(tensor);
}
END_TEST

/* ---- Memory that runs out ---- */

typedef struct {
    long left; /* allocations until they fail */
    size_t live;
} meter;

static void *metered_allocate(void *user, size_t bytes, size_t alignment)
{
    meter *m = user;
    if (m->left-- <= 0)
        return NULL;
    void *memory = aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
    if (memory)
        m->live += bytes;
    return memory;
}
static void metered_release(void *user, void *memory, size_t bytes)
{
    ((meter *)user)->live -= bytes;
    free(memory);
}

/* A whole graph, its gradient, its second gradient and the compiler's form; BG_OK or the status of what failed first.
 */
static bg_status build_everything(bg_engine *e, bg_tensor *tensor)
{
    bg_graph *g = NULL, *compiling = NULL;
    bg_status status = bg_graph_create(&g, e);
    if (status)
        return status;
    bg_node *x = bg_input(g, "x", BG_F32, BG_SHAPE(4, 3)), *i = bg_input(g, "i", BG_I32, BG_SHAPE(4)),
            *w = bg_parameter(g, tensor), *dw, *ddw;
    bg_node *h = bg_linear(x, w, NULL);
    for (int k = 0; k < 40; k++)
        h = bg_tanh(bg_concat((bg_node *[]){ bg_slice(h, 1, 0, 2, 1), bg_softplus(bg_slice(h, 1, 2, 5, 1)) }, 2, 1));
    bg_node *loss = bg_cross_entropy_loss(h, i, BG_MEAN);
    status = bg_grad(loss, &w, 1, &dw);
    ck_assert_msg((status == BG_OK) == (dw != NULL), "a gradient and %s", bg_status_name(status));
    if (!status)
        status = bg_grad(bg_sum(bg_square(dw), BG_ALL_AXES), &w, 1, &ddw);
    if (!status) {
        bg_update(w, bg_sub(w, ddw));
        status = bg_graph_status(g);
    } else { /* where all nodes are NULL, bg_grad does not know the graph */
        status = bg_graph_status(g);
    }
    if (!status)
        status = bgi_graph_create_compiling(&compiling, e);
    if (!status && !rebuild(compiling, g, w->updated)) {
        status = bg_graph_status(compiling);
        ck_assert_msg(status != BG_OK, "no node and no error");
    }
    bg_graph_destroy(compiling);
    bg_graph_destroy(g);
    return status;
}

START_TEST(out_of_memory)
{
    meter m = { .left = 1000000 };
    bg_engine *e;
    bg_tensor *tensor;
    bg_allocator allocator = { metered_allocate, metered_release, &m };
    expect_ok(bg_engine_create(&e, &(bg_engine_options){ .threads = 1, .allocator = allocator }), "engine");
    expect_ok(bg_tensor_create(&tensor, e, BG_F32, BG_SHAPE(5, 3)), "tensor");
    size_t before = m.live;
    bg_status status = BG_ERR_NOMEM;
    int failures = 0;
    for (long n = 0; status != BG_OK; n++, failures++) {
        ck_assert_msg(status == BG_ERR_NOMEM, "allocation %ld: %s", n, bg_status_name(status));
        m.left = n;
        status = build_everything(e, tensor);
        ck_assert_msg(m.live == before, "allocation %ld: %zu bytes are left", n, m.live - before);
    }
    ck_assert_int_gt(failures, 20);
    m.left = 0;
    bg_tensor_destroy(tensor);
    bg_engine_destroy(e);
    ck_assert_uint_eq(m.live, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("graph");
    TCase *cases = tcase_create("graph");
    tcase_add_checked_fixture(cases, set_up, tear_down);
    tcase_add_test(cases, leaves);
    tcase_add_test(cases, order_of_destruction);
    tcase_add_test(cases, shapes);
    tcase_add_test(cases, batched_weights);
    tcase_add_test(cases, gradients);
    tcase_add_test(cases, ops_of_users);
    tcase_add_test(cases, deep_graph);
    tcase_add_test(cases, families);
    tcase_add_loop_test(cases, simplification, 0, (int)(sizeof simplifications / sizeof simplifications[0]));
    tcase_add_test(cases, no_simplification);
    tcase_add_test(cases, shared_terms);
    tcase_add_test(cases, origins);
    tcase_add_test(cases, out_of_memory);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
