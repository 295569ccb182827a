/* Chains of 20,000 ops are built, differentiated, compiled, run and destroyed on a stack of 256 KiB, and their numbers
 * are those of the same chain in plain C. */
#include <blasgrad/blasgrad.h>

#include <check.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N_OPS = 20000, STACK_BYTES = 256 << 10, SIDE = 4, COUNT = SIDE * SIDE };

/* What a chain does to a matrix h [4, 4], or [2, 8] and [8, 2] in between. x and w are matrices [4, 4]. */
typedef enum { TANH, FROM_X, SCALE, FLATTEN, SQUARE, TRANSPOSE, PRODUCT, CENTRE_ROWS, CENTRE_COLUMNS, END } step_kind;
static const int ops_of[] = { [TANH] = 1,      [FROM_X] = 1,  [SCALE] = 1,       [FLATTEN] = 1,       [SQUARE] = 1,
                              [TRANSPOSE] = 1, [PRODUCT] = 1, [CENTRE_ROWS] = 4, [CENTRE_COLUMNS] = 4 };

typedef struct {
    const char *name;
    step_kind cycle[16];
} chain;

static const chain chains[] = {
    { "elementwise", { TANH, FROM_X, SCALE, END } },
    { "views", { FLATTEN, TRANSPOSE, SQUARE, TRANSPOSE, END } },
    { "products", { PRODUCT, END } },
    { "products and transposes", { PRODUCT, TRANSPOSE, END } },
    { "products, the last transposed", { PRODUCT, PRODUCT, PRODUCT, TRANSPOSE, END } },
    { "reductions", { CENTRE_ROWS, CENTRE_COLUMNS, END } },
    { "interleaved",
      { PRODUCT, TANH, TRANSPOSE, FROM_X, FLATTEN, CENTRE_ROWS, TRANSPOSE, SQUARE, PRODUCT, SCALE, CENTRE_COLUMNS,
        END } },
};

/* ---- The chain as a graph ---- */

static bg_node *centre(bg_node *h, int axis)
{
    bg_shape shape = bg_node_shape(h);
    shape.dims[axis] = 1;
    return bg_sub(h, bg_mul_scalar(bg_reshape(bg_sum(h, BG_AXES(axis)), shape), 0.05));
}

static bg_node *build_step(step_kind kind, bg_node *h, bg_node *x, bg_node *w)
{
    switch (kind) {
    case TANH:
        return bg_tanh(h);
    case FROM_X:
        return bg_sub(x, h);
    case SCALE:
        return bg_mul_scalar(h, 0.97);
    case FLATTEN:
        return bg_reshape(h, BG_SHAPE(2, 8));
    case SQUARE:
        return bg_reshape(h, BG_SHAPE(SIDE, SIDE));
    case TRANSPOSE:
        return bg_transpose(h, 0, 1);
    case PRODUCT:
        return bg_matmul(h, w);
    case CENTRE_ROWS:
        return centre(h, 1);
    case CENTRE_COLUMNS:
        return centre(h, 0);
    default:
        return NULL;
    }
}

static bg_node *build_chain(const chain *c, bg_node *x, bg_node *w)
{
    bg_node *h = x;
    for (int n = 0; n < N_OPS;)
        for (int i = 0; c->cycle[i] != END; i++) {
            h = build_step(c->cycle[i], h, x, w);
            n += ops_of[c->cycle[i]];
        }
    return h;
}

/* ---- The chain in plain C ---- */

typedef struct {
    int rows, columns;
    double at[COUNT];
} matrix;

static void apply_centre(matrix *h, bool over_rows)
{
    int lines = over_rows ? h->rows : h->columns, length = over_rows ? h->columns : h->rows;
    for (int i = 0; i < lines; i++) {
        double sum = 0;
        for (int k = 0; k < length; k++)
            sum += h->at[over_rows ? i * h->columns + k : k * h->columns + i];
        for (int k = 0; k < length; k++)
            h->at[over_rows ? i * h->columns + k : k * h->columns + i] -= 0.05 * sum;
    }
}

static void apply_step(step_kind kind, matrix *h, const double *x, const double *w)
{
    matrix old = *h;
    switch (kind) {
    case FLATTEN:
        h->rows = 2;
        h->columns = 8;
        return;
    case SQUARE:
        h->rows = h->columns = SIDE;
        return;
    case TRANSPOSE:
        h->rows = old.columns;
        h->columns = old.rows;
        for (int i = 0; i < COUNT; i++)
            h->at[i] = old.at[i % old.rows * old.columns + i / old.rows];
        return;
    case PRODUCT:
        for (int i = 0; i < COUNT; i++) {
            h->at[i] = 0;
            for (int k = 0; k < SIDE; k++)
                h->at[i] += old.at[i / SIDE * SIDE + k] * w[k * SIDE + i % SIDE];
        }
        return;
    case CENTRE_ROWS:
    case CENTRE_COLUMNS:
        apply_centre(h, kind == CENTRE_ROWS);
        return;
    default:
        for (int i = 0; i < COUNT; i++)
            h->at[i] = kind == TANH ? tanh(old.at[i]) : kind == FROM_X ? x[i] - old.at[i] : 0.97 * old.at[i];
    }
}

static matrix apply_chain(const chain *c, const double *x, const double *w)
{
    matrix h = { SIDE, SIDE, { 0 } };
    memcpy(h.at, x, sizeof h.at);
    for (int n = 0; n < N_OPS;)
        for (int i = 0; c->cycle[i] != END; i++) {
            apply_step(c->cycle[i], &h, x, w);
            n += ops_of[c->cycle[i]];
        }
    return h;
}

/* sum of h · c, with x and w moved by t along u and v. */
static double moved_loss(const chain *c, const double *x, const double *w, const double *u, const double *v,
                         const double *weights, double t)
{
    double moved_x[COUNT], moved_w[COUNT], loss = 0;
    for (int i = 0; i < COUNT; i++) {
        moved_x[i] = x[i] + t * u[i];
        moved_w[i] = w[i] + t * v[i];
    }
    matrix h = apply_chain(c, moved_x, moved_w);
    for (int i = 0; i < COUNT; i++)
        loss += h.at[i] * weights[i];
    return loss;
}

/* ---- The run on a small stack ---- */

typedef struct {
    const chain *chain;
    double x[COUNT], w[COUNT], weights[COUNT];           /* in */
    double h[COUNT], dx[COUNT], dw[COUNT], new_w[COUNT]; /* out */
    double seconds;
    const char *failed; /* NULL: all went well */
    char message[512];
} job;

enum { N_OUTPUTS = 3 };
static const double rate = 0x1p-20;

static bool check(job *j, bg_status status, const char *what)
{
    if (status && !j->failed) {
        j->failed = what;
        snprintf(j->message, sizeof j->message, "%s", bg_last_error());
    }
    return status == BG_OK;
}

static void run_graph(job *j, bg_engine *engine, bg_graph *graph, bg_tensor *x_value, bg_tensor *w_value)
{
    bg_node *x = bg_input(graph, "x", BG_F64, BG_SHAPE(SIDE, SIDE)), *w = bg_parameter(graph, w_value),
            *d[2] = { NULL };
    bg_tensor *weights_value = NULL;
    bg_program *program = NULL;
    if (!check(j, bg_tensor_create(&weights_value, engine, BG_F64, BG_SHAPE(SIDE, SIDE)), "tensor"))
        return;
    memcpy(bg_tensor_data(weights_value), j->weights, sizeof j->weights);
    bg_node *h = bg_reshape(build_chain(j->chain, x, w), BG_SHAPE(SIDE, SIDE));
    bg_node *loss = bg_sum(bg_mul(h, bg_constant(graph, weights_value)), BG_ALL_AXES);
    check(j, bg_grad(loss, (bg_node *[]){ x, w }, 2, d), "grad");
    bg_update(w, bg_sub(w, bg_mul_scalar(d[1], rate)));
    bg_node *outputs[N_OUTPUTS] = { h, d[0], d[1] };
    if (!j->failed && check(j, bg_compile(&program, graph, outputs, N_OUTPUTS, NULL), "compile")) {
        j->seconds = bg_program_report(program).compile_seconds;
        check(j, bg_program_bind(program, x, x_value), "bind");
        if (check(j, bg_program_run(program), "run")) {
            double *results[N_OUTPUTS] = { j->h, j->dx, j->dw };
            for (size_t i = 0; i < N_OUTPUTS; i++)
                check(j, bg_tensor_copy_to(bg_program_output(program, i), results[i], sizeof j->h), "output");
            check(j, bg_tensor_copy_to(w_value, j->new_w, sizeof j->new_w), "parameter");
        }
    }
    bg_program_destroy(program);
    bg_tensor_destroy(weights_value);
}

static void *run_job(void *context)
{
    job *j = context;
    bg_engine *engine = NULL;
    bg_graph *graph = NULL;
    bg_tensor *x = NULL, *w = NULL;
    if (check(j, bg_engine_create(&engine, &(bg_engine_options){ .threads = 1 }), "engine") &&
        check(j, bg_graph_create(&graph, engine), "graph") &&
        check(j, bg_tensor_create(&x, engine, BG_F64, BG_SHAPE(SIDE, SIDE)), "tensor") &&
        check(j, bg_tensor_create(&w, engine, BG_F64, BG_SHAPE(SIDE, SIDE)), "tensor")) {
        memcpy(bg_tensor_data(x), j->x, sizeof j->x);
        memcpy(bg_tensor_data(w), j->w, sizeof j->w);
        run_graph(j, engine, graph, x, w);
    }
    bg_tensor_destroy(x);
    bg_tensor_destroy(w);
    bg_graph_destroy(graph);
    bg_engine_destroy(engine);
    return NULL;
}

/* A rotation in two planes keeps the sizes of numbers however often it is applied. */
static void fill(job *j)
{
    double a = 0.3, b = 1.1;
    const double rotation[COUNT] = { cos(a), sin(a), 0,      0,      -sin(a), cos(a), 0,       0,
                                     0,      0,      cos(b), sin(b), 0,       0,      -sin(b), cos(b) };
    memcpy(j->w, rotation, sizeof rotation);
    for (int i = 0; i < COUNT; i++) {
        j->x[i] = sin(1 + 2.1 * i);
        j->weights[i] = cos(0.4 + 1.7 * i);
    }
}

START_TEST(test_deep)
{
    job *j = calloc(1, sizeof *j);
    ck_assert_ptr_nonnull(j);
    j->chain = &chains[_i];
    fill(j);
    pthread_attr_t attributes;
    pthread_t thread;
    ck_assert_int_eq(pthread_attr_init(&attributes), 0);
    ck_assert_int_eq(pthread_attr_setstacksize(&attributes, STACK_BYTES), 0);
    ck_assert_int_eq(pthread_create(&thread, &attributes, run_job, j), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    pthread_attr_destroy(&attributes);
    const char *name = j->chain->name;
    ck_assert_msg(!j->failed, "%s: %s: %s", name, j->failed, j->message);
    printf("%s: %d ops, compiled in %.3f s\n", name, N_OPS, j->seconds);

    matrix expected = apply_chain(j->chain, j->x, j->w);
    double u[COUNT], v[COUNT], slope = 0, size = 0;
    for (int i = 0; i < COUNT; i++) {
        ck_assert_msg(fabs(j->h[i] - expected.at[i]) <= 1e-9, "%s: h[%d] is %.17g, not %.17g", name, i, j->h[i],
                      expected.at[i]);
        ck_assert_msg(fabs(j->new_w[i] - (j->w[i] - rate * j->dw[i])) <= 1e-12, "%s: w[%d] is %.17g", name, i,
                      j->new_w[i]);
        u[i] = sin(3 + 1.3 * i);
        v[i] = cos(2 + 0.9 * i);
        slope += j->dx[i] * u[i] + j->dw[i] * v[i];
        size += fabs(j->dx[i] * u[i]) + fabs(j->dw[i] * v[i]);
    }
    const double t = 1e-7;
    double difference = (moved_loss(j->chain, j->x, j->w, u, v, j->weights, t) -
                         moved_loss(j->chain, j->x, j->w, u, v, j->weights, -t)) /
                        (2 * t);
    ck_assert_msg(size > 1e-3, "%s: the gradient is %g", name, size);
    ck_assert_msg(fabs(slope - difference) <= 1e-4 * size, "%s: the slope is %.17g, not %.17g", name, slope,
                  difference);
    free(j);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("deep");
    TCase *cases = tcase_create("chains");
    tcase_set_timeout(cases, 300);
    tcase_add_loop_test(cases, test_deep, 0, (int)(sizeof chains / sizeof chains[0]));
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
