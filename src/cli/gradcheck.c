/* blasgrad gradcheck */
#include "commands.h"
#include "events.h"
#include "op_names.h"
#include "options.h"
#include "output.h"
#include "signals.h"

#include "cases/instance.h"

#include <blasgrad/blasgrad.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { OPS_MAX = 64 };

typedef struct {
    const char *ops[OPS_MAX]; /* none: all */
    int n_ops;
    bool lists;
    bg_gradcheck_options options;
    common_options common;
} gradcheck_config;

/* ---- Options ---- */

enum { KEY_OP = KEYS_COMMAND, KEY_FAST, KEY_STEP, KEY_LIST };

static const struct argp_option table[] = {
    { "op", KEY_OP, "NAME", 0, "only this op, or builder; may be given several times", 0 },
    { "fast", KEY_FAST, NULL, 0,
      "three random directions over all inputs together, in place of single elements and kinks", 0 },
    { "list", KEY_LIST, NULL, 0, "the names that --op knows, and nothing else", 0 },
    { "step", KEY_STEP, "H", 0, "step of the differences (default: 0.001)", 0 },
    { 0 },
};

static bool is_kink_of(const edge *e, const char *name)
{
    size_t length = strlen(name);
    return e->is_kink && strncmp(e->name, name, length) == 0 &&
           (e->name[length] == 0 || e->name[length] == ' ' || e->name[length] == ':');
}

static void choose(gradcheck_config *config, struct argp_state *state, const char *name)
{
    bool is_known = false;
    for (int i = 0; i < op_case_count() && !is_known; i++)
        is_known = op_is_named(op_case_at(i), name);
    if (!is_known)
        argp_error(state, "--op: there is no op \"%s\"; `blasgrad gradcheck --list' names them all", name);
    if (config->n_ops == OPS_MAX)
        argp_error(state, "--op: at most %d of them", OPS_MAX);
    config->ops[config->n_ops++] = name;
}

static error_t parse(int key, char *text, struct argp_state *state)
{
    gradcheck_config *config = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &config->common;
        return 0;
    case KEY_OP:
        choose(config, state, text);
        return 0;
    case KEY_FAST:
        config->options.is_fast = true;
        return 0;
    case KEY_LIST:
        config->lists = true;
        return 0;
    case KEY_STEP:
        config->options.step = option_number(state, "step", text, 1e-8, 1);
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "what is \"%s\"? An op is named with --op", text);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = { { &common_argp, 0, NULL, 0 }, { 0 } };
static const struct argp argp = {
    .options = table,
    .parser = parse,
    .children = children,
    .doc =
        "Gradients of every op against differences, in f64, on the shapes that the tests use.\v"
        "Each op is compared with five-point differences for a random cotangent: its gradient, its forward mode (also "
        "by the dot-product test), and the gradient of its gradient. Errors are the worst of all shapes, relative to "
        "max(1, |derivative|); 1e-7 is allowed. At a kink, where the limits of the derivative from left and right "
        "differ, the derivative has to lie between them. Stops at the first op that is wrong, with exit code 1.\n"
        "\n"
        "Examples:\n"
        "  blasgrad gradcheck\n"
        "  blasgrad gradcheck --op conv --op max_pool --seed 7\n"
        "  blasgrad gradcheck --fast --json",
};

/* ---- Checks ---- */

typedef struct {
    const char *name, *op, *kind;
    int shapes;
    bg_gradcheck_report report;
} result;

static void add_report(bg_gradcheck_report *sum, const bg_gradcheck_report *r)
{
    sum->derivatives += r->derivatives;
    sum->kinks += r->kinks;
    sum->edges += r->edges;
    sum->gradient = fmax(sum->gradient, r->gradient);
    sum->forward = fmax(sum->forward, r->forward);
    sum->dot_product = fmax(sum->dot_product, r->dot_product);
    sum->second = fmax(sum->second, r->second);
}

/* The gradient of what is declared to have none is 0 to the last bit, whatever differences say. */
static bg_status check_zero(const op_instance *o, bg_node *y)
{
    bg_node *dxs[CASE_MOST_INPUTS], *ones = bg_broadcast(bg_scalar(o->graph, BG_F64, 1), bg_node_shape(y));
    bg_program *program = NULL;
    bg_status status = bg_grad_from(&y, &ones, 1, o->xs, (size_t)o->n_xs, dxs);
    if (!status)
        status = bg_compile(&program, o->graph, dxs, (size_t)o->n_xs, &(bg_compile_options){ .no_updates = true });
    if (!status)
        status = bg_program_run(program);
    for (int i = 0; i < o->n_xs && !status; i++) {
        const bg_tensor *dx = bg_program_output(program, (size_t)i);
        for (int64_t k = 0; k < bg_shape_count(bg_tensor_shape(dx)) && !status; k++) {
            double value = 0;
            status = bg_tensor_item(dx, k, &value);
            if (!status && value != 0)
                status = bg_fail(BG_ERR_GRADIENT, "the gradient for input %d at element %lld is %g, not 0", i,
                                 (long long)k, value);
        }
    }
    bg_program_destroy(program);
    return status;
}

static bg_status check_shapes(bg_engine *engine, const gradcheck_config *config, int at, int variant, result *r)
{
    op_instance o;
    bg_gradcheck_report report = { 0 };
    bg_status status = op_instance_make(&o, engine, at, variant, IS_PLAIN, BG_F64);
    bg_dtype dtype = bg_node_dtype(o.y);
    bg_node *y = status || dtype == BG_F64 ? o.y : bg_cast(o.y, BG_F64);
    if (!status && o.c->gradient != IS_DIFFERENTIABLE)
        status = check_zero(&o, y);
    if (!status && o.c->gradient != IS_STOPPED)
        status = bg_gradcheck(&y, 1, o.xs, (size_t)o.n_xs, &config->options, &report);
    add_report(&r->report, &report);
    r->shapes++;
    op_instance_free(&o);
    return status;
}

/* The edge's number, or another where it is not finite: there is nothing to differ. */
static void finite_numbers(double numbers[EDGE_MOST], const double values[EDGE_MOST])
{
    for (int i = 0; i < EDGE_MOST; i++)
        numbers[i] = isfinite(values[i]) ? values[i] : 0.7;
}

static bg_status check_kink(bg_engine *engine, const gradcheck_config *config, const edge *e, result *r)
{
    bg_graph *graph = NULL;
    bg_tensor *tensors[2] = { NULL, NULL };
    double x[EDGE_MOST], y_values[EDGE_MOST];
    finite_numbers(x, e->x);
    finite_numbers(y_values, e->y);
    bg_shape shape = e->shape.rank == 0 ? BG_SHAPE(e->n) : e->shape;
    bg_status status = bg_graph_create(&graph, engine);
    if (!status)
        status = tensor_with(&tensors[0], engine, BG_F64, shape, x);
    if (!status)
        status = tensor_with(&tensors[1], engine, BG_F64, shape, y_values);
    if (!status) {
        bg_node *xs[2] = { bg_parameter(graph, tensors[0]), bg_parameter(graph, tensors[1]) };
        bg_node *y = e->build(xs[0], xs[1]);
        status = bg_gradcheck(&y, 1, xs, e->has_dy ? 2 : 1, &config->options, &r->report);
    }
    if (!status && r->report.kinks == 0)
        status = bg_fail(BG_ERR_GRADIENT, "the limits from left and right do not differ");
    r->shapes++;
    bg_graph_destroy(graph);
    bg_tensor_destroy(tensors[0]);
    bg_tensor_destroy(tensors[1]);
    return status;
}

/* ---- Results ---- */

enum { NAME_WIDTH = 30 }; /* a longer name has a line of its own, so that no line has more than 80 columns */

static void show_header(const gradcheck_config *config)
{
    if (!config->common.json)
        output_line("%-*s %6s %7s %5s %8s %8s %8s", NAME_WIDTH, "op", "shapes", "points", "kinks", "gradient",
                    "forward", "second");
}

static void show(const gradcheck_config *config, const result *r, bg_status status)
{
    const bg_gradcheck_report *p = &r->report;
    if (config->common.json) {
        event *e = event_create("gradcheck");
        event_text(e, "case", r->name);
        if (r->op)
            event_text(e, "op", r->op);
        event_text(e, "kind", r->kind);
        event_integer(e, "shapes", r->shapes);
        event_integer(e, "derivatives", p->derivatives);
        event_integer(e, "kinks", p->kinks);
        event_number(e, "gradient_error", p->gradient);
        event_number(e, "forward_error", p->forward);
        event_number(e, "dot_product_error", p->dot_product);
        event_number(e, "second_error", p->second);
        event_bool(e, "is_right", status == BG_OK);
        if (status)
            event_text(e, "message", bg_last_error());
        event_output(e);
        event_destroy(e);
        return;
    }
    bool is_long = strlen(r->name) > NAME_WIDTH;
    if (is_long)
        output_line("%s", r->name);
    output_line("%-*s %6d %7lld %5lld %8.1e %8.1e %8.1e%s", NAME_WIDTH, is_long ? "" : r->name, r->shapes,
                (long long)p->derivatives, (long long)p->kinks, p->gradient, p->forward, p->second,
                status ? "  WRONG" : "");
}

static const char *kind_of(const op_case *c)
{
    return c->gradient == IS_DIFFERENTIABLE ? "differentiable" : c->gradient == IS_CONSTANT ? "constant" : "stopped";
}

static bool is_chosen(const gradcheck_config *config, const op_case *c, const edge *e)
{
    bool is_found = config->n_ops == 0;
    for (int i = 0; i < config->n_ops && !is_found; i++)
        is_found = c ? op_is_named(c, config->ops[i]) : is_kink_of(e, config->ops[i]);
    return is_found;
}

/* Shows the result, unless it is of a part only, and gives the exit code that ends the command, or 0. */
static int finish(const gradcheck_config *config, const result *r, bg_status status, int shapes)
{
    if (!status && signals_caught())
        return 128 + signals_caught();
    show(config, r, status);
    if (status && shapes >= 0)
        return output_failure("%s, shapes %d: %s", r->name, shapes, bg_last_error());
    if (status)
        return output_failure("%s: %s", r->name, bg_last_error());
    return output_has_failed() ? EXIT_FAILED : 0;
}

static int check_all(bg_engine *engine, const gradcheck_config *config)
{
    int code = 0, rows = 0;
    bg_gradcheck_report sum = { 0 };
    show_header(config);
    for (int i = 0; i < op_case_count() && !code; i++) {
        const op_case *c = op_case_at(i);
        if (!is_chosen(config, c, NULL))
            continue;
        result r = { .name = c->name, .op = c->op, .kind = kind_of(c) };
        bg_status status = BG_OK;
        for (int v = 0; v < c->n_variants && !status && !signals_caught(); v++)
            status = check_shapes(engine, config, i, v, &r);
        code = finish(config, &r, status, r.shapes - 1);
        add_report(&sum, &r.report);
        rows++;
    }
    for (int i = 0; i < edge_count() && !code && !config->options.is_fast; i++) {
        const edge *e = edge_at(i);
        if (!e->is_kink || !is_chosen(config, NULL, e))
            continue;
        result r = { .name = e->name, .kind = "kink" };
        bg_status status = check_kink(engine, config, e, &r);
        code = finish(config, &r, status, -1);
        add_report(&sum, &r.report);
        rows++;
    }
    if (!code && !config->common.json)
        output_line("%d %s, %lld derivatives, %lld of them at kinks: all are right\n"
                    "worst error of a gradient %.1e, forward %.1e, second derivative %.1e",
                    rows, rows == 1 ? "row" : "rows", (long long)sum.derivatives, (long long)sum.kinks, sum.gradient,
                    sum.forward, sum.second);
    return code;
}

/* Cases of one builder need not be neighbours. */
static int list(void)
{
    for (int i = 0; i < op_case_count(); i++) {
        const op_case *c = op_case_at(i);
        int length = op_builder_length(c), first = 0;
        while (strncmp(op_case_at(first)->name, c->name, (size_t)length) != 0 ||
               op_builder_length(op_case_at(first)) != length)
            first++;
        if (first == i)
            output_line("%.*s", length, c->name);
    }
    return output_has_failed() ? EXIT_FAILED : 0;
}

int command_gradcheck(int argc, char **argv)
{
    gradcheck_config config = { .n_ops = 0 };
    options_parse(&argp, argc, argv, &config);
    if (config.lists)
        return list();
    config.options.seed = config.common.seed;
    bg_engine *engine;
    bg_engine_options options = common_engine(&config.common);
    if (bg_engine_create(&engine, &options) != BG_OK)
        return output_library();
    signals_catch();
    int code = check_all(engine, &config);
    bg_engine_destroy(engine);
    return code;
}
