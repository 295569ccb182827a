#include "instance.h"

#include <stdio.h>
#include <stdlib.h>

bg_status tensor_with(bg_tensor **tensor, bg_engine *engine, bg_dtype dtype, bg_shape shape, const double *values)
{
    bg_status status = bg_tensor_create(tensor, engine, dtype, shape);
    if (status)
        return status;
    void *data = bg_tensor_data(*tensor);
    for (int64_t i = 0; i < bg_shape_count(shape); i++)
        switch (dtype) {
#define WRITE(name, type, text)                                                                                        \
    case name:                                                                                                         \
        ((type *)data)[i] = (type)values[i];                                                                           \
        break;
            BG_DTYPE_LIST(WRITE)
#undef WRITE
        default:
            break;
        }
    return BG_OK;
}

/* ---- Numbers ---- */

/* Number i of an input; those that must not meet are shuffled as they grow. */
static double draw_value(op_instance *o, int input, double *values, int64_t i, int64_t count)
{
    const bg_shape *first = &o->v->x[0];
    double sign = draw_below(&o->draw, 2) ? 1 : -1;
    int64_t j;
    switch (o->c->domains[input]) {
    case IS_ANY:
        return draw_between(&o->draw, -2, 2);
    case IS_NOT_0:
        return sign * draw_between(&o->draw, 0.4, 2.4);
    case IS_POSITIVE:
        return draw_between(&o->draw, 0.4, 2.4);
    case IS_ABOVE_HALF:
        return draw_between(&o->draw, -0.5, 2);
    case IS_DISTINCT:
    case IS_DISTINCT_POSITIVE:
        j = draw_below(&o->draw, i + 1);
        values[i] = values[j];
        values[j] = 0.06 * (double)(o->c->domains[input] == IS_DISTINCT ? i - count / 2 : i + 2);
        return values[i];
    case IS_EVEN:
        return 0.1 * (double)draw_below(&o->draw, 20) - 1;
    case IS_ODD:
        return 0.1 * (double)draw_below(&o->draw, 20) - 0.95;
    case IS_PROBABILITY:
        return draw_between(&o->draw, 0, 1);
    case IS_CLASS:
        return (double)draw_below(&o->draw, first->rank > 0 ? first->dims[first->rank - 1] : 1);
    case IS_BELOW_ONE:
        return draw_between(&o->draw, -0.6, 0.6);
    case IS_ABOVE_ONE:
        return draw_between(&o->draw, 1.2, 3);
    case IS_SMALL:
        return draw_between(&o->draw, -0.4, 0.4);
    case IS_BETWEEN:
        return (double)draw_below(&o->draw, 6) - 3 + draw_between(&o->draw, 0.1, 0.4);
    case IS_INDEX:
        return (double)draw_below(&o->draw, o->v->below);
    case IS_INTEGER:
        return (double)draw_below(&o->draw, 5) - 2;
    case IS_CONDITION:
        return (double)draw_below(&o->draw, 2);
    case IS_LAST_NUMBERS:
        break;
    }
    return (double)NAN;
}

static double *draw_values(op_instance *o, int input, int64_t count)
{
    double *values = malloc(((size_t)count + 1) * sizeof *values);
    for (int64_t i = 0; i < count && values; i++)
        values[i] = draw_value(o, input, values, i, count);
    for (int64_t i = 0; i < count && values; i++)
        values[i] = (double)(float)values[i]; /* the same numbers for f32 and f64 */
    return values;
}

static bg_dtype dtype_of(const op_instance *o, int input)
{
    switch (o->c->domains[input]) {
    case IS_CLASS:
    case IS_INDEX:
        return o->draw.state & 1 ? BG_I32 : BG_I64;
    case IS_INTEGER:
        return BG_I64;
    case IS_CONDITION:
        return BG_BOOL;
    default:
        return o->dtype;
    }
}

/* ---- Leaves ---- */

/* Every other element of a larger tensor. */
static bg_status make_strided(op_instance *o, int input, bg_dtype dtype, bg_shape shape)
{
    bg_tensor *dense = NULL;
    bg_shape wide = shape;
    wide.dims[0] = 2 * shape.dims[0] + 1;
    bg_status status = bg_tensor_create(&o->owners[input], o->engine, dtype, wide);
    if (!status)
        status = bg_tensor_slice(&o->leaves[input], o->owners[input], 0, 1, wide.dims[0], 2);
    if (!status)
        status = tensor_with(&dense, o->engine, dtype, shape, o->values[input]);
    if (!status)
        status = bg_tensor_copy(o->leaves[input], dense);
    bg_tensor_destroy(dense);
    return status;
}

/* The leaf: for IS_STRIDED every other element of a larger tensor, for IS_VIEWED its axes reversed. */
static bg_status make_input(op_instance *o, int input, bg_node **x)
{
    bg_shape shape = o->v->x[input], stored = shape;
    bg_dtype dtype = dtype_of(o, input);
    int64_t count = bg_shape_count(shape);
    if (o->way == IS_VIEWED)
        for (int i = 0; i < shape.rank; i++)
            stored.dims[i] = shape.dims[shape.rank - 1 - i];
    o->values[input] = draw_values(o, input, count);
    o->counts[input] = count;
    if (!o->values[input])
        return bg_fail(BG_ERR_NOMEM, "%s: out of memory", o->label);
    bg_status status = o->way == IS_STRIDED && shape.rank > 0 && count > 0
                           ? make_strided(o, input, dtype, shape)
                           : tensor_with(&o->leaves[input], o->engine, dtype, stored, o->values[input]);
    o->nodes[input] = status ? NULL : bg_parameter(o->graph, o->leaves[input]);
    *x = o->way == IS_VIEWED ? bg_permute(o->nodes[input], BG_ALL_AXES) : o->nodes[input];
    return status;
}

static bg_status build(op_instance *o)
{
    const op_case *c = o->c;
    bg_status status = bg_graph_create(&o->graph, o->engine);
    bg_node *x[CASE_MOST_INPUTS] = { NULL };
    o->n_inputs = o->v->n_inputs > 0 ? o->v->n_inputs : c->arity;
    for (int i = 0; i < o->n_inputs && !status; i++) {
        if (o->way == IS_TWICE && i > 0)
            x[i] = x[0];
        else
            status = make_input(o, i, &x[i]);
        bg_dtype own = bg_node_dtype(o->nodes[i]);
        if (o->nodes[i] && (own == BG_F32 || own == BG_F64)) {
            o->which[o->n_xs] = i;
            o->xs[o->n_xs++] = o->nodes[i];
        }
    }
    if (status)
        return status;
    o->y = c->build(x, o->v);
    return bg_graph_status(o->graph);
}

bg_status op_instance_make(op_instance *o, bg_engine *engine, int case_index, int variant, op_way way, bg_dtype dtype)
{
    const op_case *c = op_case_at(case_index);
    *o = (op_instance){ .c = c, .v = &c->variants[variant], .way = way, .dtype = dtype, .engine = engine };
    o->draw = draw_from((uint64_t)(case_index * 1000 + variant * OP_WAYS + (int)way) + 7);
    snprintf(o->label, sizeof o->label, "%s, shapes %d%s, %s", c->name, variant,
             (const char *[]){ "", " strided", " transposed", " twice the same" }[way], bg_dtype_name(dtype));
    return build(o);
}

bg_status op_instance_make_of(op_instance *o, bg_engine *engine, int case_index, const op_variant *v, bg_dtype dtype)
{
    const op_case *c = op_case_at(case_index);
    *o = (op_instance){ .c = c, .v = v, .way = IS_PLAIN, .dtype = dtype, .engine = engine };
    o->draw = draw_from((uint64_t)case_index + 7);
    snprintf(o->label, sizeof o->label, "%s, %s", c->name, bg_dtype_name(dtype));
    return build(o);
}

void op_instance_free(op_instance *o)
{
    bg_graph_destroy(o->graph);
    for (int i = 0; i < CASE_MOST_INPUTS; i++) {
        bg_tensor_destroy(o->leaves[i]);
        bg_tensor_destroy(o->owners[i]);
        free(o->values[i]);
    }
}

bool op_can_be_twice(const op_case *c, const op_variant *v)
{
    bool is_alike = c->arity == 2 && !c->is_apart && bg_shape_equal(v->x[0], v->x[1]);
    return is_alike && c->domains[0] < IS_LAST_NUMBERS && c->domains[1] < IS_LAST_NUMBERS;
}
