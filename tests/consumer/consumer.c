/* The lecture's problem as a program outside the project: least squares by gradient steps and by QR, in C11 and in
 * C++17. */
#include <blasgrad/blasgrad.h>

#include <math.h>
#include <stdio.h>

static int failures;

static void expect_ok(bg_status status, const char *what)
{
    if (status != BG_OK) {
        fprintf(stderr, "%s: %s\n", what, bg_last_error());
        failures++;
    }
}

int main(void)
{
    double xs[5][2] = { { 1, 2.2 }, { -2, 4 }, { 1, 1.5 }, { 5, -2 }, { -1, -1 } };
    double ys[5] = { 4, 0, 3, 8, -3.8 };
    const double answer[2] = { 1.99670633, 0.98455657 };

    bg_engine *engine = NULL;
    bg_tensor *table_x = NULL, *table_y = NULL, *weights = NULL;
    bg_graph *graph = NULL;
    bg_program *step = NULL;

    expect_ok(bg_engine_create(&engine, NULL), "engine");
    expect_ok(bg_tensor_wrap(&table_x, engine, BG_F64, BG_SHAPE(5, 2), xs), "table of x");
    expect_ok(bg_tensor_wrap(&table_y, engine, BG_F64, BG_SHAPE(5, 1), ys), "table of y");
    expect_ok(bg_tensor_create(&weights, engine, BG_F64, BG_SHAPE(2, 1)), "weights");
    expect_ok(bg_graph_create(&graph, engine), "graph");
    if (failures)
        return 1;

    bg_node *x = bg_input(graph, "x", BG_F64, BG_SHAPE(5, 2)), *y = bg_input(graph, "y", BG_F64, BG_SHAPE(5, 1));
    bg_node *w = bg_parameter(graph, weights);
    bg_node *loss = bg_l2_loss(bg_matmul(x, w), y, BG_MEAN), *dw;
    expect_ok(bg_grad(loss, &w, 1, &dw), "gradient");
    bg_update(w, bg_sub(w, bg_mul_scalar(dw, 0.02)));
    bg_node *outputs[2] = { loss, bg_lstsq(x, y, NULL) };
    expect_ok(bg_compile(&step, graph, outputs, 2, NULL), "compile");
    if (failures)
        return 1;
    expect_ok(bg_program_bind(step, x, table_x), "bind x");
    expect_ok(bg_program_bind(step, y, table_y), "bind y");
    for (int i = 0; i < 2000 && !failures; i++)
        expect_ok(bg_program_run(step), "run");

    const bg_tensor *solutions[2] = { weights, bg_program_output(step, 1) };
    for (int s = 0; s < 2 && !failures; s++) {
        const double *found = (const double *)bg_tensor_const_data(solutions[s]);
        for (int i = 0; i < 2; i++)
            if (!(fabs(found[i] - answer[i]) <= (s == 0 ? 1e-5 : 1e-8))) {
                fprintf(stderr, "w%d %s is %.8f, not %.8f\n", i + 1, s == 0 ? "by steps" : "by QR", found[i],
                        answer[i]);
                failures++;
            }
    }

    bg_program_destroy(step);
    bg_graph_destroy(graph);
    bg_tensor_destroy(weights);
    bg_tensor_destroy(table_y);
    bg_tensor_destroy(table_x);
    bg_engine_destroy(engine);
    return failures != 0;
}
