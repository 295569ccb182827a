/* The closed form of one dense layer. */
#include "lstsq.h"

#include "output.h"

#include <blasgrad/linalg.h>
#include <blasgrad/program.h>

#include <math.h>
#include <string.h>

static bool is_one_dense_layer(const char *line)
{
    const char *word = line + strspn(line, " \t\n");
    const char *end = word + strcspn(word, " \t\n");
    return strncmp(word, "dense:", 6) == 0 && end[strspn(end, " \t\n")] == 0;
}

int lstsq_check(const char *model, const char *loss)
{
    const char *says = "--method lstsq solves one dense layer for the loss l2, not";
    if (strcmp(loss, "l2") != 0)
        return output_usage("%s for %s", says, loss);
    return !model || is_one_dense_layer(model) ? 0 : output_usage("%s \"%s\"", says, model);
}

/* [in, out] weights, and below them a bias, which is not penalised: whatever the weights, the best one brings the mean
 * of the predictions to that of the targets, and so they are those of both without their means. */
static bg_node *ridge_with_bias(bg_node *x, bg_node *y, const bg_lstsq_options *options)
{
    bg_node *mean_x = bg_mean(x, BG_AXES(0)), *mean_y = bg_mean(y, BG_AXES(0));
    bg_node *weights = bg_lstsq(bg_sub(x, mean_x), bg_sub(y, mean_y), options);
    bg_node *bias =
        bg_sub(bg_reshape(mean_y, BG_SHAPE(1, -1)), bg_matmul(bg_reshape(mean_x, BG_SHAPE(1, -1)), weights));
    return bg_concat((bg_node *[]){ weights, bias }, 2, 0);
}

static bg_status solve(bg_tensor **solution, bg_engine *engine, bg_tensor *a, bg_tensor *b, double ridge,
                       bool adds_bias)
{
    const bg_lstsq_options options = { .ridge = ridge };
    bg_graph *graph = NULL;
    bg_program *program = NULL;
    bg_status status = bg_graph_create(&graph, engine);
    if (status != BG_OK)
        return status;
    bg_node *left = bg_input(graph, "a", bg_tensor_dtype(a), bg_tensor_shape(a));
    bg_node *right = bg_input(graph, "b", bg_tensor_dtype(b), bg_tensor_shape(b));
    bg_node *x = adds_bias ? ridge_with_bias(left, right, &options) : bg_lstsq(left, right, &options);
    status = bg_compile(&program, graph, &x, 1, NULL);
    if (status == BG_OK)
        status = bg_program_bind(program, left, a);
    if (status == BG_OK)
        status = bg_program_bind(program, right, b);
    if (status == BG_OK)
        status = bg_program_run(program);
    if (status == BG_OK) {
        const bg_tensor *found = bg_program_output(program, 0);
        status = bg_tensor_create(solution, engine, bg_tensor_dtype(found), bg_tensor_shape(found));
        if (status == BG_OK)
            status = bg_tensor_copy(*solution, found);
    }
    bg_program_destroy(program);
    bg_graph_destroy(graph);
    return status;
}

bg_status lstsq_of(bg_tensor **solution, bg_engine *engine, bg_tensor *a, bg_tensor *b)
{
    return solve(solution, engine, a, b, 0, false);
}

/* The columns of x, and one of ones for the bias. */
static bg_status design_matrix(bg_tensor **a, const bg_tensor *x, int64_t in, bool has_bias, bg_engine *engine)
{
    int64_t n = bg_tensor_shape(x).dims[0];
    bg_status status = bg_tensor_create(a, engine, bg_tensor_dtype(x), BG_SHAPE(n, in + has_bias));
    if (status != BG_OK || (status = bg_tensor_fill(*a, 1)) != BG_OK)
        return status;
    bg_tensor *part = NULL, *rows = NULL;
    status = bg_tensor_slice(&part, *a, 1, 0, in, 1);
    if (status == BG_OK)
        status = bg_tensor_reshape(&rows, (bg_tensor *)x, BG_SHAPE(n, in));
    if (status == BG_OK)
        status = bg_tensor_copy(part, rows);
    bg_tensor_destroy(rows);
    bg_tensor_destroy(part);
    return status;
}

/* solution [in (+ 1), out] -> weight [out, in] and bias [out]. */
static bg_status set_layer(bg_model *model, bg_tensor *solution, int64_t in, bool has_bias)
{
    bg_tensor *part = NULL, *turned = NULL, *bias = NULL;
    bg_status status = bg_tensor_slice(&part, solution, 0, 0, in, 1);
    if (status == BG_OK)
        status = bg_tensor_permute(&turned, part, BG_AXES(1, 0));
    if (status == BG_OK)
        status = bg_model_set(model, "0.weight", turned, true);
    bg_tensor_destroy(turned);
    bg_tensor_destroy(part);
    part = NULL;
    if (status != BG_OK || !has_bias)
        return status;
    int64_t out = bg_tensor_shape(solution).dims[1];
    status = bg_tensor_slice(&part, solution, 0, in, in + 1, 1);
    if (status == BG_OK)
        status = bg_tensor_reshape(&bias, part, BG_SHAPE(out));
    if (status == BG_OK)
        status = bg_model_set(model, "0.bias", bias, true);
    bg_tensor_destroy(bias);
    bg_tensor_destroy(part);
    return status;
}

/* The first element that is no finite number, if there is one. */
static bool find_not_finite(const bg_tensor *x, int64_t *at, double *value)
{
    int64_t count = bg_shape_count(bg_tensor_shape(x));
    for (*at = 0; *at < count; ++*at)
        if (bg_tensor_item(x, *at, value) == BG_OK && !isfinite(*value))
            return true;
    return false;
}

/* About element `at` of a column that has so many for each example. Whatever the sign of a NaN is. */
static int fail_of_example(const char *name, const char *column, int64_t width, int64_t at, double value)
{
    const char *says = "which has no least squares";
    value = isnan(value) ? (double)NAN : value;
    if (width == 1)
        return output_failure("%s: the %s of example %lld is %g, %s", name, column, (long long)at, value, says);
    return output_failure("%s: %s %lld of example %lld is %g, %s", name, column, (long long)(at % width),
                          (long long)(at / width), value, says);
}

/* A failure in the words of who has examples and options, not a matrix: of `in` inputs and `out` targets. */
static int fail(bg_status status, const bg_dataset *dataset, int64_t in, int64_t out, double ridge)
{
    const char *name = bg_dataset_name(dataset), *const columns[] = { "input", "target" };
    for (int k = 0; k < 2 && status == BG_ERR_NUMERIC; k++) {
        int64_t at;
        double value;
        if (find_not_finite(bg_dataset_column(dataset, k), &at, &value))
            return fail_of_example(name, columns[k], k == 0 ? in : out, at, value);
    }
    if (status == BG_ERR_NUMERIC && strstr(bg_last_error(), "full rank"))
        return output_failure("%s: %s; %s", name, bg_last_error(),
                              ridge > 0 ? "a larger --ridge finds a solution"
                                        : "blasgrad train --method lstsq --ridge finds a solution all the same");
    return output_library();
}

int lstsq_solve(bg_model *model, const bg_dataset *dataset, double ridge)
{
    const bg_tensor *weight = bg_model_find(model, "0.weight"), *x = bg_dataset_column(dataset, 0);
    bg_tensor *y = bg_dataset_column(dataset, 1), *targets = NULL, *a = NULL, *solution = NULL;
    bool has_bias = bg_model_find(model, "0.bias") != NULL, is_column = has_bias && ridge == 0;
    int64_t out = bg_tensor_shape(weight).dims[0], in = bg_tensor_shape(weight).dims[1], n = bg_dataset_size(dataset);
    if (n < in + has_bias && ridge == 0)
        return output_failure("%s: %lld training %s fewer rows than the %lld columns of inputs%s: which solution it is "
                              "stays open; blasgrad train --method lstsq --ridge finds one",
                              bg_dataset_name(dataset), (long long)n, n == 1 ? "example is" : "examples are",
                              (long long)(in + has_bias), has_bias ? " and bias" : "");
    bg_status status = design_matrix(&a, x, in, is_column, bg_model_engine(model));
    if (status == BG_OK)
        status = bg_tensor_reshape(&targets, y, BG_SHAPE(n, out));
    if (status == BG_OK)
        status = solve(&solution, bg_model_engine(model), a, targets, ridge, has_bias && !is_column);
    if (status == BG_OK)
        status = set_layer(model, solution, in, has_bias);
    int code = status == BG_OK ? 0 : fail(status, dataset, in, out, ridge);
    bg_tensor_destroy(solution);
    bg_tensor_destroy(targets);
    bg_tensor_destroy(a);
    return code;
}
