/* Gradients against differences. */
#include <blasgrad/gradcheck.h>
#include <blasgrad/program.h>

#include "check/check.h"
#include "grad/grad.h"

enum { ELEMENTS = 32, DIRECTIONS = 3 };

/* ---- Set-up ---- */

static void *push(bgi_check *k, size_t count, size_t size)
{
    size_t bytes;
    return __builtin_mul_overflow(count, size, &bytes) ? NULL : bgi_arena_push(&k->memory, bytes);
}

static bool open_row(bgi_check *k, bgi_row *row, bg_node *const *nodes, size_t n)
{
    row->n = n;
    row->start = push(k, n + 1, sizeof *row->start);
    row->tensors = push(k, n, sizeof(bg_tensor *));
    if (!row->start || !row->tensors)
        return false;
    for (size_t i = 0; i < n; i++)
        row->start[i + 1] = row->start[i] + bg_shape_count(nodes[i]->shape);
    return true;
}

static double *push_numbers(bgi_check *k, const bgi_row *row)
{
    return push(k, (size_t)row->start[row->n], sizeof(double));
}

/* Inputs of the graph of the nodes' shapes, with tensors of their own. */
static bg_status make_inputs(bgi_check *k, const char *name, bg_node *const *nodes, bgi_row *row, bg_node **inputs)
{
    bg_status status = BG_OK;
    for (size_t i = 0; i < row->n && !status; i++) {
        inputs[i] = bg_input(k->graph, name, BG_F64, nodes[i]->shape);
        status = inputs[i] ? bg_tensor_create(&row->tensors[i], k->engine, BG_F64, nodes[i]->shape) : k->graph->status;
    }
    return status;
}

static bg_status bind_inputs(bg_program *program, bg_node *const *inputs, bg_tensor *const *tensors, size_t n)
{
    bg_status status = BG_OK;
    for (size_t i = 0; i < n && !status; i++)
        status = bg_program_bind(program, inputs[i], tensors[i]);
    return status;
}

static bg_status compile(bgi_check *k, bg_program **program, bg_node *const *const *lists, const size_t *counts, int n)
{
    size_t total = 0;
    for (int l = 0; l < n; l++)
        total += counts[l];
    bg_node **outputs = push(k, total, sizeof(bg_node *));
    if (!outputs)
        return BG_ERR_NOMEM;
    total = 0;
    for (int l = 0; l < n; l++)
        for (size_t i = 0; i < counts[l]; i++)
            outputs[total++] = lists[l][i];
    bg_status status = bg_compile(program, k->graph, outputs, total, &(bg_compile_options){ .no_updates = true });
    if (!status)
        status = bind_inputs(*program, k->options.inputs, k->options.values, k->options.n_inputs);
    if (!status)
        status = bind_inputs(*program, k->w, k->weights.tensors, k->weights.n);
    if (!status && !k->options.only_gradient)
        status = bind_inputs(*program, k->c, k->second_weights.tensors, k->second_weights.n);
    if (!status && !k->options.only_gradient)
        status = bind_inputs(*program, k->v, k->tangents.tensors, k->tangents.n);
    return status;
}

/* Nodes and programs: the values with the gradients, whose differences are compared; the derivatives. */
static bg_status build(bgi_check *k)
{
    size_t n_ys = k->weights.n, n = k->x.n;
    bg_status status = make_inputs(k, "a cotangent of gradcheck", k->ys, &k->weights, k->w);
    if (!status)
        status = bg_grad_from(k->ys, k->w, n_ys, k->xs, n, k->dxs);
    if (!status && !k->options.only_gradient)
        status = make_inputs(k, "a weight of gradcheck", k->xs, &k->second_weights, k->c);
    if (!status && !k->options.only_gradient)
        status = make_inputs(k, "a tangent of gradcheck", k->xs, &k->tangents, k->v);
    if (!status && !k->options.only_gradient)
        status = bg_jvp(k->ys, n_ys, k->xs, k->v, n, k->tangents_out);
    if (!status && !k->options.only_gradient)
        status = bg_grad_from(k->dxs, k->c, n, k->xs, n, k->ddxs);
    int n_lists = k->options.only_gradient ? 1 : 3;
    if (!status)
        status = compile(k, &k->values, (bg_node *const *const[]){ k->ys, k->dxs },
                         (size_t[]){ n_ys, k->options.only_gradient ? 0 : n }, 2);
    if (!status)
        status = compile(k, &k->derivatives, (bg_node *const *const[]){ k->dxs, k->ddxs, k->tangents_out },
                         (size_t[]){ n, n, n_ys }, n_lists);
    return status;
}

static bg_status open_check(bgi_check *k, size_t n_ys, size_t n)
{
    bool has_room = open_row(k, &k->x, k->xs, n) && open_row(k, &k->weights, k->ys, n_ys) &&
                    open_row(k, &k->second_weights, k->xs, n) && open_row(k, &k->tangents, k->xs, n);
    bg_node ***lists[] = { &k->w, &k->tangents_out, &k->c, &k->v, &k->dxs, &k->ddxs };
    for (int i = 0; i < 6 && has_room; i++)
        has_room = (*lists[i] = push(k, i < 2 ? n_ys : n, sizeof(bg_node *))) != NULL;
    double **of_xs[] = { &k->origin,    &k->moved,    &k->moved_gradient,  &k->lengths,
                         &k->direction, &k->gradient, &k->second_gradient, &k->c_values };
    for (int i = 0; i < 8 && has_room; i++)
        has_room = (*of_xs[i] = push_numbers(k, &k->x)) != NULL;
    double **of_ys[] = { &k->aside, &k->products, &k->w_values };
    for (int i = 0; i < 3 && has_room; i++)
        has_room = (*of_ys[i] = push_numbers(k, &k->weights)) != NULL;
    for (int i = 0; i < BGI_SAMPLES && has_room; i++)
        has_room = (k->samples[i] = push_numbers(k, &k->weights)) != NULL;
    return has_room ? BG_OK : BG_ERR_NOMEM;
}

static bg_status find_points(bgi_check *k)
{
    for (size_t i = 0; i < k->x.n; i++) {
        const bg_node *x = k->xs[i];
        k->x.tensors[i] = bgi_node_is(x, BGI_PARAMETER) || bgi_node_is(x, BGI_BUFFER) ? x->tensor : NULL;
        for (size_t j = 0; j < k->options.n_inputs; j++)
            if (k->options.inputs[j] == x)
                k->x.tensors[i] = k->options.values[j];
        if (!k->x.tensors[i])
            return bg_fail(BG_ERR_ARGUMENT,
                           "gradcheck: xs[%zu] is %s %s, neither a parameter nor a buffer nor a bound input", i,
                           x->op->name, bgi_shape_format(x->shape).text);
        for (size_t j = 0; j < i; j++)
            if (k->x.tensors[j] == k->x.tensors[i])
                return bg_fail(BG_ERR_ARGUMENT, "gradcheck: xs[%zu] has the same value as xs[%zu]", i, j);
    }
    return BG_OK;
}

/* -1 .. 1, short enough to pass through conversions to f32 unharmed. */
static double weight(bgi_check *k, int stream) { return (double)(float)(2 * bgi_check_draw(k, stream) - 1); }

static bg_status run(bgi_check *k)
{
    bg_status status = build(k);
    if (!status)
        status = bgi_row_read(&k->x, k->origin);
    if (status)
        return status;
    for (int64_t i = 0; i < bgi_row_count(&k->weights); i++)
        k->w_values[i] = weight(k, BGI_OF_WEIGHTS);
    for (int64_t i = 0; i < bgi_row_count(&k->x); i++)
        k->c_values[i] = weight(k, BGI_OF_SECOND_WEIGHTS);
    status = bgi_row_write(&k->weights, k->w_values);
    if (!status && !k->options.only_gradient)
        status = bgi_row_write(&k->second_weights, k->c_values);
    if (!status)
        status = bgi_check_origin(k);
    if (!status)
        status = bgi_check_lines(k);
    bg_status restored = bgi_row_write(&k->x, k->origin);
    return status ? status : restored;
}

static void close_check(bgi_check *k)
{
    bg_program_destroy(k->values);
    bg_program_destroy(k->derivatives);
    const bgi_row *rows[] = { &k->weights, &k->second_weights, &k->tangents };
    for (int r = 0; r < 3; r++)
        for (size_t i = 0; i < rows[r]->n && rows[r]->tensors; i++)
            bg_tensor_destroy(rows[r]->tensors[i]);
    bgi_arena_release(&k->memory);
}

static bg_status check_options(const bg_gradcheck_options *o)
{
    if (o->elements < 0 || o->directions < 0 || !(o->step >= 0) || !(o->rtol >= 0) || !(o->atol >= 0))
        return bg_fail(BG_ERR_ARGUMENT,
                       "gradcheck: a number is negative: %d elements, %d directions, step %g, rtol %g, "
                       "atol %g",
                       o->elements, o->directions, o->step, o->rtol, o->atol);
    if (o->n_inputs > 0 && (!o->inputs || !o->values))
        return bg_fail(BG_ERR_ARGUMENT, "gradcheck: %zu inputs without their nodes or values", o->n_inputs);
    for (size_t i = 0; i < o->n_inputs; i++)
        if (!o->inputs[i] || !o->values[i])
            return bg_fail(BG_ERR_ARGUMENT, "gradcheck: input %zu has no %s", i, o->inputs[i] ? "value" : "node");
    return BG_OK;
}

static bg_status check_types(const char *list, bg_node *const *nodes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (nodes[i]->dtype != BG_F64)
            return bg_fail(BG_ERR_DTYPE, "gradcheck: %s[%zu] is %s; differences need f64", list, i,
                           bg_dtype_name(nodes[i]->dtype));
    return BG_OK;
}

bg_status bg_gradcheck(bg_node *const *ys, size_t n_ys, bg_node *const *xs, size_t n,
                       const bg_gradcheck_options *options, bg_gradcheck_report *report)
{
    bg_gradcheck_report unused;
    bgi_check k = { .options = options ? *options : (bg_gradcheck_options){ 0 }, .ys = ys, .xs = xs };
    bg_gradcheck_options *o = &k.options;
    k.report = report ? report : &unused;
    *k.report = (bg_gradcheck_report){ 0 };
    bg_status status = check_options(o);
    if (status)
        return status;
    o->elements = o->elements ? o->elements : ELEMENTS;
    o->directions = o->directions ? o->directions : DIRECTIONS;
    o->step = o->step > 0 ? o->step : 1e-3;
    o->rtol = o->rtol > 0 ? o->rtol : 1e-7;
    o->atol = o->atol > 0 ? o->atol : 1e-9;
    bg_node *const *const lists[] = { ys, xs };
    k.graph = bgi_common_graph("gradcheck", lists, (size_t[]){ n_ys, n }, 2, &status);
    if (!k.graph)
        return status;
    k.engine = k.graph->engine;
    status = check_types("ys", ys, n_ys);
    if (!status)
        status = check_types("xs", xs, n);
    if (status)
        return status;
    bgi_arena_init(&k.memory, k.engine);
    status = open_check(&k, n_ys, n);
    if (!status)
        status = find_points(&k);
    if (!status)
        status = run(&k);
    close_check(&k);
    return status;
}
