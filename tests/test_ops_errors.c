/* Wrong calls of builders: each must record its status and its message in the graph, and give NULL. */
#include "cases/cases.h"
#include "support/trial.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bg_status double_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    *dtype = bg_node_dtype(bg_node_input(node, 0));
    *shape = bg_node_shape(bg_node_input(node, 0));
    return shape->rank == 1 ? BG_OK : bg_fail(BG_ERR_SHAPE, "double: rank %d", shape->rank);
}
static bg_node *double_compose(bg_node *node) { return bg_mul_scalar(bg_node_input(node, 0), 2); }
static const bg_op double_op = { .name = "double", .arity = 1, .infer = double_infer, .compose = double_compose };
static const bg_op shapeless_op = { .name = "shapeless", .arity = 1, .compose = double_compose };
static bg_status double_call(const bg_call *call)
{
    const float *x = call->inputs[0];
    float *y = call->output;
    for (int64_t i = 0; i < bg_shape_count(bg_node_shape(call->node)); i++)
        y[i] = 2 * x[i];
    return BG_OK;
}
static const bg_op called_op = { .name = "called", .arity = 1, .infer = double_infer, .call = double_call };
static const bg_op idle_op = { .name = "idle", .arity = 1, .infer = double_infer };

static bg_node *apply(const bg_op *op, bg_node *x) { return bg_apply(op, &x, 1, NULL, 0); }
static bg_node *gradient(bg_node *y, bg_node *x)
{
    bg_node *dx = x;
    ck_assert(bg_grad(y, &x, 1, &dx) != BG_OK);
    return dx;
}
static bg_node *gradient_from(bg_node *y, bg_node *cotangent, bg_node *x)
{
    bg_node *dx = x;
    ck_assert(bg_grad_from(&y, &cotangent, 1, &x, 1, &dx) != BG_OK);
    return dx;
}
static bg_node *update(bg_node *target, bg_node *value)
{
    bg_update(target, value);
    return NULL;
}
static bg_node *concat(bg_node *x, bg_node *y, int axis) { return bg_concat((bg_node *[]){ x, y }, 2, axis); }

/* X(call, status, message) */
#define WRONG(X)                                                                                                       \
    /* leaves */                                                                                                       \
    X(bg_input(f->graph, NULL, BG_F32, BG_SCALAR), BG_ERR_ARGUMENT, "input: the name is NULL")                         \
    X(bg_scalar(f->graph, BG_I32, 1), BG_ERR_DTYPE, "scalar: the type is i32, not f32 or f64")                         \
    X(bg_parameter(f->graph, NULL), BG_ERR_ARGUMENT, "parameter: the tensor is NULL")                                  \
    X(bg_buffer(f->graph, NULL), BG_ERR_ARGUMENT, "buffer: the tensor is NULL")                                        \
    X(bg_constant(f->graph, NULL), BG_ERR_ARGUMENT, "constant: the tensor is NULL")                                    \
    X((bg_parameter(f->graph, f->tensor), bg_buffer(f->graph, f->tensor)), BG_ERR_ARGUMENT,                            \
      "buffer: the tensor [4, 3] is a parameter of the graph")                                                         \
    X((bg_buffer(f->graph, f->tensor), bg_parameter(f->graph, f->tail)), BG_ERR_OVERLAP,                               \
      "parameter: the tensor [2, 3] shares memory with the buffer [4, 3]")                                             \
    X(bg_buffer(f->graph, f->expanded), BG_ERR_OVERLAP,                                                                \
      "buffer: the tensor [5, 4, 3] repeats its elements along axis 0")                                                \
    /* inputs that are missing or foreign */                                                                           \
    X(bg_add(f->x3, NULL), BG_ERR_ARGUMENT, "add: input 1 is NULL")                                                    \
    X(bg_add(NULL, f->x3), BG_ERR_ARGUMENT, "add: input 0 is NULL")                                                    \
    X(bg_sub(f->x3, f->foreign), BG_ERR_ARGUMENT, "sub: inputs belong to different graphs")                            \
    X(bg_where(NULL, f->x3, f->x3), BG_ERR_ARGUMENT, "where: input 0 is NULL")                                         \
    X(bg_less(f->x3, NULL), BG_ERR_ARGUMENT, "less: input 1 is NULL")                                                  \
    X(bg_matmul(f->x3, NULL), BG_ERR_ARGUMENT, "matmul: input 1 is NULL")                                              \
    X(bg_matmul(f->x3, f->foreign), BG_ERR_ARGUMENT, "matmul: inputs belong to different graphs")                      \
    X(bg_linear(f->x3, NULL, NULL), BG_ERR_ARGUMENT, "linear: input 1 is NULL")                                        \
    X(bg_linear(f->x3, f->x23, f->foreign), BG_ERR_ARGUMENT, "linear: inputs belong to different graphs")              \
    X(bg_gather_class(f->x23, NULL), BG_ERR_ARGUMENT, "gather_class: input 1 is NULL")                                 \
    X(concat(f->x3, NULL, 0), BG_ERR_ARGUMENT, "concat: input 1 is NULL")                                              \
    X(bg_l2_loss(f->x3, NULL, BG_MEAN), BG_ERR_ARGUMENT, "l2_loss: input 1 is NULL")                                   \
    X(bg_cross_entropy_loss(NULL, f->i2, BG_MEAN), BG_ERR_ARGUMENT, "cross_entropy_loss: input 0 is NULL")             \
    /* gradients and updates */                                                                                        \
    X(gradient(f->x3, f->x3), BG_ERR_SHAPE, "grad: y [3] has not one element")                                         \
    X(gradient(bg_slice(f->i3, 0, 0, 1, 1), f->x3), BG_ERR_DTYPE, "grad: y is i32, not f32 or f64")                    \
    X(gradient(f->scalar, f->i3), BG_ERR_DTYPE, "grad: xs[0] is i32, not f32 or f64")                                  \
    X(gradient(f->scalar, NULL), BG_ERR_ARGUMENT, "grad: a node is NULL")                                              \
    X(gradient(NULL, f->x3), BG_ERR_ARGUMENT, "grad: a node is NULL")                                                  \
    X(gradient(f->scalar, f->foreign), BG_ERR_ARGUMENT, "grad: nodes belong to different graphs")                      \
    X(gradient(bg_sum(apply(&called_op, f->x3), BG_ALL_AXES), f->x3), BG_ERR_GRADIENT, "grad: called has no gradient") \
    X(gradient_from(f->x3, f->x4, f->x3), BG_ERR_SHAPE, "grad: ys[0] is [3], its cotangent [4]")                       \
    X(gradient_from(f->x3, f->d3, f->x3), BG_ERR_DTYPE, "grad: ys[0] is f32, its cotangent f64")                       \
    X(gradient_from(f->i3, f->i3, f->x3), BG_ERR_DTYPE, "grad: ys[0] is i32, not f32 or f64")                          \
    X(update(f->x3, f->x3), BG_ERR_ARGUMENT, "update: the target is neither a parameter nor a buffer, but input [3]")  \
    X(update(bg_parameter(f->graph, f->tensor), f->x3), BG_ERR_SHAPE,                                                  \
      "update: the parameter is [4, 3], its new value [3]")                                                            \
    X(update(bg_buffer(f->graph, f->tensor), bg_broadcast(f->d3, BG_SHAPE(4, 3))), BG_ERR_DTYPE,                       \
      "update: the buffer is f32, its new value f64")                                                                  \
    X(update(bg_buffer(f->graph, f->tensor), NULL), BG_ERR_ARGUMENT, "update: input 1 is NULL")                        \
    X(update(NULL, f->x3), BG_ERR_ARGUMENT, "update: input 0 is NULL")                                                 \
    /* ops of users */                                                                                                 \
    X(apply(&double_op, f->x23), BG_ERR_SHAPE, "double: rank 2")                                                       \
    X(apply(&shapeless_op, f->x3), BG_ERR_ARGUMENT, "shapeless: the op has no shape rule")                             \
    X(apply(&idle_op, f->x3), BG_ERR_ARGUMENT, "idle: the op has no way to run")                                       \
    X(bg_apply(&double_op, (bg_node *[]){ f->x3, f->x3 }, 2, NULL, 0), BG_ERR_ARGUMENT,                                \
      "double: takes 1 inputs, got 2")                                                                                 \
    X(bg_apply(&double_op, &f->x3, 1, NULL, 8), BG_ERR_ARGUMENT, "double: attributes are NULL")
WRONG_CALLS(WRONG)

static const op_family graph_family = { .name = "graph", FAMILY_WRONG };

/* The family of wrong call `i` of all, and its number there. */
static const op_family *family_of(int i, int *number)
{
    const op_family *family = &graph_family;
    for (int f = 0; i >= family->n_wrong; f++) {
        i -= family->n_wrong;
        family = op_families[f];
        if (!family)
            return NULL;
    }
    *number = i;
    return family;
}

static int wrong_count(void)
{
    int count = graph_family.n_wrong;
    for (int f = 0; op_families[f]; f++)
        count += op_families[f]->n_wrong;
    return count;
}

static void wrong_inputs_open(wrong_inputs *f)
{
    *f = (wrong_inputs){ 0 };
    ck_assert_int_eq(bg_engine_create(&f->engine, &(bg_engine_options){ .threads = 1 }), BG_OK);
    ck_assert_int_eq(bg_graph_create(&f->graph, f->engine), BG_OK);
    ck_assert_int_eq(bg_graph_create(&f->other, f->engine), BG_OK);
    f->scalar = bg_input(f->graph, "scalar", BG_F32, BG_SCALAR);
    f->x3 = bg_input(f->graph, "x3", BG_F32, BG_SHAPE(3));
    f->x4 = bg_input(f->graph, "x4", BG_F32, BG_SHAPE(4));
    f->x23 = bg_input(f->graph, "x23", BG_F32, BG_SHAPE(2, 3));
    f->x34 = bg_input(f->graph, "x34", BG_F32, BG_SHAPE(3, 4));
    f->x243 = bg_input(f->graph, "x243", BG_F32, BG_SHAPE(2, 4, 3));
    f->empty = bg_input(f->graph, "empty", BG_F32, BG_SHAPE(2, 0));
    f->image = bg_input(f->graph, "image", BG_F32, BG_SHAPE(2, 3, 5, 5));
    f->d3 = bg_input(f->graph, "d3", BG_F64, BG_SHAPE(3));
    f->d23 = bg_input(f->graph, "d23", BG_F64, BG_SHAPE(2, 3));
    f->i2 = bg_input(f->graph, "i2", BG_I32, BG_SHAPE(2));
    f->i3 = bg_input(f->graph, "i3", BG_I32, BG_SHAPE(3));
    f->l3 = bg_input(f->graph, "l3", BG_I64, BG_SHAPE(3));
    f->bools = bg_input(f->graph, "bools", BG_BOOL, BG_SHAPE(3));
    f->foreign = bg_input(f->other, "foreign", BG_F32, BG_SHAPE(3));
    ck_assert_int_eq(bg_tensor_create(&f->tensor, f->engine, BG_F32, BG_SHAPE(4, 3)), BG_OK);
    ck_assert_int_eq(bg_tensor_slice(&f->tail, f->tensor, 0, 2, 4, 1), BG_OK);
    ck_assert_int_eq(bg_tensor_expand(&f->expanded, f->tensor, BG_SHAPE(5, 4, 3)), BG_OK);
    ck_assert_int_eq(bg_graph_status(f->graph), BG_OK);
}

static void wrong_inputs_close(wrong_inputs *f)
{
    bg_tensor_destroy(f->tensor);
    bg_tensor_destroy(f->tail);
    bg_tensor_destroy(f->expanded);
    bg_graph_destroy(f->graph);
    bg_graph_destroy(f->other);
    bg_engine_destroy(f->engine);
}

START_TEST(wrong_call_is_refused)
{
    wrong_inputs f;
    int number = 0;
    const op_family *family = family_of(_i, &number);
    const wrong_call *w = &family->wrong[number];
    wrong_inputs_open(&f);
    bg_node *node = family->run_wrong(&f, number);
    ck_assert_msg(!node, "%s gives a node", w->call);
    ck_assert_msg(strcmp(bg_last_error(), w->message) == 0, "%s says '%s', not '%s'", w->call, bg_last_error(),
                  w->message);
    bg_fail(BG_ERR_IO, "something else");
    bg_status status = bg_graph_status(f.graph);
    ck_assert_msg(status == w->status, "%s is %s, not %s", w->call, bg_status_name(status), bg_status_name(w->status));
    ck_assert_msg(strcmp(bg_last_error(), w->message) == 0, "%s: the graph says '%s'", w->call, bg_last_error());

    /* The first error stays, NULL passes through beside valid nodes, and a gradient gives the graph's error. */
    bg_node *dx = f.x3;
    ck_assert_ptr_null(bg_relu(bg_add(f.x3, node)));
    ck_assert_ptr_null(bg_add(f.x3, f.x4));
    bg_update(f.x3, NULL);
    ck_assert_int_eq(bg_grad(f.scalar, &f.x3, 1, &dx), w->status);
    ck_assert_ptr_null(dx);
    ck_assert_str_eq(bg_last_error(), w->message);
    wrong_inputs_close(&f);
}
END_TEST

/* An error of nodes of two graphs is in both. */
START_TEST(foreign_graph)
{
    wrong_inputs f;
    wrong_inputs_open(&f);
    ck_assert_ptr_null(bg_add(f.x3, f.foreign));
    ck_assert_int_eq(bg_graph_status(f.other), BG_ERR_ARGUMENT);
    ck_assert_str_eq(bg_last_error(), "add: inputs belong to different graphs");
    wrong_inputs_close(&f);
}
END_TEST

/* Where no graph is known the message is all there is. */
START_TEST(no_graph)
{
    bg_graph *graph = NULL;
    ck_assert_ptr_null(bg_input(NULL, "x", BG_F32, BG_SCALAR));
    ck_assert_str_eq(bg_last_error(), "input: the graph is NULL");
    ck_assert_ptr_null(bg_parameter(NULL, NULL));
    ck_assert_str_eq(bg_last_error(), "parameter: the graph is NULL");
    ck_assert_ptr_null(bg_buffer(NULL, NULL));
    ck_assert_ptr_null(bg_constant(NULL, NULL));
    ck_assert_ptr_null(bg_scalar(NULL, BG_F32, 1));
    ck_assert_str_eq(bg_last_error(), "scalar: the graph is NULL");
    ck_assert_ptr_null(bg_concat(NULL, 0, 0));
    ck_assert_str_eq(bg_last_error(), "concat: 0 inputs");
    ck_assert_ptr_null(bg_apply(NULL, NULL, 0, NULL, 0));
    ck_assert_int_eq(bg_graph_status(NULL), BG_ERR_ARGUMENT);
    ck_assert_int_eq(bg_graph_create(&graph, NULL), BG_ERR_ARGUMENT);
    ck_assert_int_eq(bg_graph_create(NULL, NULL), BG_ERR_ARGUMENT);
    ck_assert_int_eq(bg_grad(NULL, NULL, 0, NULL), BG_ERR_ARGUMENT);
    bg_graph_destroy(NULL);
    bg_update(NULL, NULL);
    ck_assert_str_eq(bg_last_error(), "update: the target and its new value are NULL");

    bg_fail(BG_ERR_IO, "the first error");
    ck_assert_ptr_null(bg_transpose(NULL, 0, 1));
    ck_assert_ptr_null(bg_updated(NULL));
    ck_assert_str_eq(bg_last_error(), "the first error");
}
END_TEST

START_TEST(null_passes_through)
{
    const op_case *c = op_case_at(_i);
    bg_node *none[CASE_MOST_INPUTS] = { NULL };
    bg_fail(BG_ERR_IO, "the first error");
    ck_assert_msg(!c->build(none, &c->variants[0]), "%s of NULL gives a node", c->name);
    ck_assert_msg(strcmp(bg_last_error(), "the first error") == 0, "%s of NULL says '%s'", c->name, bg_last_error());
}
END_TEST

/* Each case is named after its builder, and messages begin with that name. */
START_TEST(every_builder_has_a_wrong_call)
{
    for (int i = 0; i < op_case_count(); i++) {
        const char *name = op_case_at(i)->name;
        size_t length = strcspn(name, ", ");
        bool is_found = false;
        for (int k = 0, number = 0; k < wrong_count() && !is_found; k++) {
            const char *message = family_of(k, &number)->wrong[number].message;
            is_found = strncmp(message, name, length) == 0 && message[length] == ':';
        }
        ck_assert_msg(is_found || op_case_at(i)->is_safe, "no wrong call of %.*s", (int)length, name);
    }
}
END_TEST

START_TEST(loss_names)
{
    ck_assert(bg_loss_find("l1") == bg_l1_loss);
    ck_assert(bg_loss_find("l2") == bg_l2_loss);
    ck_assert(bg_loss_find("bce_with_logits") == bg_bce_with_logits_loss);
    ck_assert(bg_loss_find("cross_entropy") == bg_cross_entropy_loss);
    ck_assert(!bg_loss_find("l3"));
    ck_assert_str_eq(bg_last_error(),
                     "loss_find: there is no loss 'l3': the losses are l1, l2, smooth_l1, huber, poisson_nll, bce, "
                     "bce_with_logits, hinge, soft_margin, cross_entropy, nll, multi_margin, multilabel_margin, "
                     "multilabel_soft_margin, kl_div, cosine_similarity, hinge_embedding");
    ck_assert(!bg_loss_find(NULL));
    ck_assert(bg_loss_takes_classes("cross_entropy") && bg_loss_takes_classes("nll"));
    ck_assert(!bg_loss_takes_classes("l1") && !bg_loss_takes_classes("l3") && !bg_loss_takes_classes(NULL));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ops_errors");
    TCase *calls = tcase_create("calls");
    tcase_add_loop_test(calls, wrong_call_is_refused, 0, wrong_count());
    tcase_add_loop_test(calls, null_passes_through, 0, op_case_count());
    tcase_add_test(calls, every_builder_has_a_wrong_call);
    tcase_add_test(calls, foreign_graph);
    tcase_add_test(calls, no_graph);
    tcase_add_test(calls, loss_names);
    suite_add_tcase(suite, calls);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
