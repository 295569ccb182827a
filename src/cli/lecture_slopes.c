/* Where a function has a derivative: difference quotients from both sides, beside the engine's gradient. */
#include "lecture.h"

#include "commands.h"
#include "output.h"

#include <math.h>
#include <stdio.h>

enum { STEPS = 4 };
static const double steps[STEPS] = { 0.1, 0.01, 1e-4, 1e-6 };

/* Quotients of the last two steps that differ by no more have a limit; limits that differ by no more are one. */
static const double NEAR = 1e-3;

/* ---- The functions ---- */

static bg_node *steeper_right(bg_node *x) { return bg_maximum(x, bg_mul_scalar(x, 2)); }
static bg_node *smooth_kink(bg_node *x) { return bg_mul(x, bg_abs(x)); }
static bg_node *split_line(bg_node *x) { return bg_sub(bg_relu(x), bg_relu(bg_neg(x))); }
static bg_node *unit_step(bg_node *x)
{
    bg_graph *graph = bg_node_graph(x);
    bg_node *zero = bg_zeros(graph, BG_F64, bg_node_shape(x)), *one = bg_full(graph, BG_F64, bg_node_shape(x), 1);
    return bg_where(bg_greater(x, zero), one, zero);
}

static const struct {
    const char *name;
    double at;
    bg_node *(*build)(bg_node *x);
} functions[] = {
    { "x^2", 1, bg_square },     { "sin x", 0, bg_sin },
    { "|x|", -1, bg_abs },       { "|x|", 0, bg_abs },
    { "relu(x)", 0, bg_relu },   { "max(x, 2 x)", 0, steeper_right },
    { "x |x|", 0, smooth_kink }, { "relu(x) - relu(-x)", 0, split_line },
    { "sqrt(x)", 0, bg_sqrt },   { "step(x)", 0, unit_step },
};
enum { FUNCTIONS = sizeof functions / sizeof functions[0] };

typedef struct {
    double left[STEPS], right[STEPS], gradient;
} slopes;

/* (f(x + h) - f(x)) / h and (f(x) - f(x - h)) / h for all h at once, and df/dx. */
static bg_status find_slopes(const lecture *l, int function, slopes *s)
{
    bg_graph *graph = NULL;
    bg_tensor *step_values = NULL, *at = NULL;
    bg_node *(*f)(bg_node *) = functions[function].build;
    bg_status status = bg_graph_create(&graph, l->engine);
    if (!status)
        status = bg_tensor_create(&step_values, l->engine, BG_F64, BG_SHAPE(STEPS));
    if (!status)
        status = bg_tensor_copy_from(step_values, steps, sizeof steps);
    if (!status)
        status = bg_tensor_create(&at, l->engine, BG_F64, BG_SCALAR);
    if (!status)
        status = bg_tensor_fill(at, functions[function].at);
    if (!status) {
        bg_node *x = bg_parameter(graph, at), *h = bg_constant(graph, step_values), *y = f(x), *dx;
        status = bg_grad(y, &x, 1, &dx);
        bg_node *nodes[] = { bg_div(bg_sub(y, f(bg_sub(x, h))), h), bg_div(bg_sub(f(bg_add(x, h)), y), h), dx };
        if (!status)
            status = lecture_values(graph, nodes, 3, (double *const[]){ s->left, s->right, &s->gradient });
    }
    bg_tensor_destroy(at);
    bg_tensor_destroy(step_values);
    bg_graph_destroy(graph);
    return status;
}

/* ---- What they say ---- */

static bool has_limit(const double quotients[STEPS])
{
    return fabs(quotients[STEPS - 1] - quotients[STEPS - 2]) <= NEAR * fmax(1, fabs(quotients[STEPS - 1]));
}

static const char *verdict(const slopes *s)
{
    if (!has_limit(s->left) || !has_limit(s->right))
        return "no derivative";
    double left = s->left[STEPS - 1], right = s->right[STEPS - 1];
    if (!(fabs(left - right) <= NEAR))
        return "kink";
    return fabs(s->gradient - (left + right) / 2) <= NEAR ? "differentiable" : "differentiable (!)";
}

static void show_side(const char *name, int function, const char *side, const double quotients[STEPS])
{
    char line[100];
    int at = snprintf(line, sizeof line, "%-20s", name);
    at += function < 0 ? snprintf(line + at, sizeof line - (size_t)at, "%3s", "")
                       : snprintf(line + at, sizeof line - (size_t)at, "%3.0f", functions[function].at);
    at += snprintf(line + at, sizeof line - (size_t)at, "  %-5s", side);
    for (int i = 0; i < STEPS; i++)
        at += isnan(quotients[i]) ? snprintf(line + at, sizeof line - (size_t)at, "%10s", "none")
                                  : snprintf(line + at, sizeof line - (size_t)at, "%10.6g", quotients[i]);
    output_line("%s", line);
}

static void show_slopes(int function, const slopes *s)
{
    show_side(functions[function].name, function, "left", s->left);
    show_side("", -1, "right", s->right);
    output_line("    %s, gradient of the engine: %.6g", verdict(s), s->gradient);
}

static void add_slopes(event *e, int function, const slopes *s)
{
    event *item = event_create(NULL);
    event_text(item, "function", functions[function].name);
    event_number(item, "x", functions[function].at);
    lecture_append(item, "h", steps, STEPS);
    lecture_append(item, "left", s->left, STEPS);
    lecture_append(item, "right", s->right, STEPS);
    event_text(item, "verdict", verdict(s));
    event_number(item, "gradient", s->gradient);
    event_append_object(e, "functions", item);
}

static void explain(void)
{
    output_line("Differentiability: the derivative of f at x is the one number to which both\n"
                "    left  (f(x) - f(x - h)) / h    and    right  (f(x + h) - f(x)) / h\n"
                "go as h shrinks. Where they go to two numbers, f has a kink; where one of them\n"
                "goes to none, f jumps, is too steep, or ends. The engine puts derivatives of\n"
                "parts together by the chain rule, and takes a number between left and right\n"
                "for a part with a kink: good enough to go downhill, but no derivative. Where\n"
                "kinks cancel out, as in relu(x) - relu(-x), which is x, it can be wrong (!).\n");
    output_line("f(x)               at x  side    h = %-4g%10g%10g%10g", steps[0], steps[1], steps[2], steps[3]);
}

int lecture_slopes(const lecture *l)
{
    event *e = l->json ? lecture_event("differentiability") : NULL;
    if (!l->json)
        explain();
    int code = EXIT_DONE;
    for (int i = 0; i < FUNCTIONS && !code; i++) {
        slopes s;
        if (find_slopes(l, i, &s) != BG_OK)
            code = output_library();
        else if (l->json)
            add_slopes(e, i, &s);
        else
            show_slopes(i, &s);
    }
    if (l->json && !code)
        event_output(e);
    event_destroy(e);
    return code;
}
