/* The list of families, and what their files share. */
#include "cases.h"

#include <check.h>
#include <string.h>

#define FAMILIES(X)                                                                                                    \
    X(arithmetic)                                                                                                      \
    X(choices)                                                                                                         \
    X(functions)                                                                                                       \
    X(activations)                                                                                                     \
    X(reductions)                                                                                                      \
    X(views)                                                                                                           \
    X(contractions)                                                                                                    \
    X(losses)                                                                                                          \
    X(scan)                                                                                                            \
    X(order)                                                                                                           \
    X(index)                                                                                                           \
    X(rearrange)                                                                                                       \
    X(convolution)                                                                                                     \
    X(pooling)                                                                                                         \
    X(random)
#define DECLARE(name) extern const op_family name##_family;
FAMILIES(DECLARE)
#define LISTED(name) &name##_family,
const op_family *const op_families[] = { FAMILIES(LISTED) NULL };

int op_case_count(void)
{
    int count = 0;
    for (int f = 0; op_families[f]; f++)
        count += op_families[f]->n_cases;
    return count;
}

const op_case *op_case_at(int i)
{
    int f = 0;
    for (; i >= op_families[f]->n_cases; f++)
        i -= op_families[f]->n_cases;
    return &op_families[f]->cases[i];
}

int edge_count(void)
{
    int count = 0;
    for (int f = 0; op_families[f]; f++)
        count += op_families[f]->n_edges;
    return count;
}

const edge *edge_at(int i)
{
    int f = 0;
    for (; i >= op_families[f]->n_edges; f++)
        i -= op_families[f]->n_edges;
    return &op_families[f]->edges[i];
}

/* ---- Shapes ---- */

const op_variant one_shape[25] = { { .x = { NO_DIMS } },
                                   ONE(1),
                                   ONE(2),
                                   ONE(7),
                                   ONE(8),
                                   ONE(9),
                                   ONE(17),
                                   ONE(65),
                                   ONE(0),
                                   ONE(3, 4),
                                   ONE(1, 5),
                                   ONE(5, 1),
                                   ONE(0, 3),
                                   ONE(3, 0),
                                   ONE(300),
                                   ONE(2, 3, 4),
                                   ONE(1, 1, 1),
                                   ONE(4, 1, 3),
                                   ONE(2, 3, 1, 4),
                                   ONE(2, 0, 3),
                                   ONE(5, 257),
                                   ONE(31),
                                   ONE(6, 33),
                                   ONE(2, 2, 2, 2, 2),
                                   ONE(1, 3, 1, 2, 3) };

const op_variant same_shapes[22] = { { .x = { NO_DIMS, NO_DIMS } },
                                     SAME(1),
                                     SAME(2),
                                     SAME(7),
                                     SAME(8),
                                     SAME(9),
                                     SAME(17),
                                     SAME(65),
                                     SAME(0),
                                     SAME(3, 4),
                                     SAME(1, 5),
                                     SAME(5, 1),
                                     SAME(0, 3),
                                     SAME(3, 0),
                                     SAME(2, 3, 4),
                                     SAME(1, 1, 1),
                                     SAME(4, 1, 3),
                                     SAME(300),
                                     SAME(2, 3, 1, 4),
                                     SAME(2, 0, 3),
                                     SAME(3, 257),
                                     SAME(2, 2, 2, 2, 2) };

const op_variant two_shapes[25] = {
    PAIR(NO_DIMS, NO_DIMS),
    PAIR(DIMS(5), NO_DIMS),
    PAIR(NO_DIMS, DIMS(3, 2)),
    PAIR(DIMS(1), DIMS(1)),
    PAIR(DIMS(0), DIMS(1)),
    PAIR(DIMS(0, 3), DIMS(3)),
    PAIR(DIMS(2, 1), DIMS(1, 0)),
    PAIR(DIMS(7), DIMS(7)),
    PAIR(DIMS(17), DIMS(1)),
    PAIR(DIMS(3, 4), DIMS(3, 4)),
    PAIR(DIMS(3, 4), DIMS(4)),
    PAIR(DIMS(4), DIMS(3, 4)),
    PAIR(DIMS(3, 4), DIMS(3, 1)),
    PAIR(DIMS(3, 1), DIMS(1, 4)),
    PAIR(DIMS(1, 4), DIMS(3, 1)),
    PAIR(DIMS(2, 3, 4), DIMS(3, 4)),
    PAIR(DIMS(2, 3, 4), DIMS(3, 1)),
    PAIR(DIMS(2, 1, 4), DIMS(3, 1)),
    PAIR(DIMS(2, 3, 4), DIMS(2, 1, 4)),
    PAIR(DIMS(1), DIMS(2, 3, 4)),
    PAIR(DIMS(4, 65), DIMS(65)),
    PAIR(DIMS(3, 300), DIMS(3, 1)),
    PAIR(DIMS(3, 300), DIMS(300)),
    PAIR(DIMS(2, 1, 2, 1, 3), DIMS(3, 1, 2, 3)),
    PAIR(DIMS(2, 2, 2, 2, 2), DIMS(2, 2, 2, 2, 2)),
};

const op_variant three_shapes[21] = {
    TRIPLE(NO_DIMS, NO_DIMS, NO_DIMS),
    TRIPLE(DIMS(5), NO_DIMS, NO_DIMS),
    TRIPLE(NO_DIMS, DIMS(5), DIMS(5)),
    TRIPLE(DIMS(1), DIMS(1), DIMS(1)),
    TRIPLE(DIMS(0), DIMS(0), DIMS(0)),
    TRIPLE(DIMS(0, 3), DIMS(3), DIMS(0, 1)),
    TRIPLE(DIMS(7), DIMS(7), DIMS(7)),
    TRIPLE(DIMS(8), DIMS(1), DIMS(8)),
    TRIPLE(DIMS(17), DIMS(17), NO_DIMS),
    TRIPLE(DIMS(3, 4), DIMS(3, 4), DIMS(3, 4)),
    TRIPLE(DIMS(3, 1), DIMS(3, 4), DIMS(4)),
    TRIPLE(DIMS(4), DIMS(3, 4), DIMS(3, 1)),
    TRIPLE(DIMS(3, 4), DIMS(4), DIMS(3, 1)),
    TRIPLE(DIMS(3, 1), DIMS(1, 4), NO_DIMS),
    TRIPLE(DIMS(2, 3, 4), DIMS(3, 4), DIMS(4)),
    TRIPLE(DIMS(4), DIMS(2, 3, 4), DIMS(3, 1)),
    TRIPLE(DIMS(2, 1, 4), DIMS(3, 1), DIMS(2, 3, 4)),
    TRIPLE(DIMS(65), DIMS(4, 65), DIMS(4, 1)),
    TRIPLE(DIMS(3, 1), DIMS(3, 300), DIMS(300)),
    TRIPLE(DIMS(300), DIMS(3, 300), DIMS(3, 300)),
    TRIPLE(DIMS(2, 1, 2, 1, 3), DIMS(3, 1, 2, 3), DIMS(2, 1)),
};

#define FULL_REDUCTIONS                                                                                                \
    OVER_ALL(NO_DIMS), OVER_ALL(DIMS(1)), OVER_ALL(DIMS(7)), OVER(DIMS(65), 0), OVER_NONE(DIMS(3, 4)),                 \
        OVER(DIMS(3, 4), 0), OVER(DIMS(3, 4), 1), OVER_ALL(DIMS(3, 4)), OVER(DIMS(1, 5), 0), OVER(DIMS(1, 5), 1),      \
        OVER(DIMS(5, 1), -1), OVER(DIMS(2, 3, 4), 0), OVER(DIMS(2, 3, 4), 1), OVER(DIMS(2, 3, 4), 2),                  \
        OVER(DIMS(2, 3, 4), 0, 1), OVER(DIMS(2, 3, 4), 0, 2), OVER(DIMS(2, 3, 4), -1, -2), OVER_ALL(DIMS(2, 3, 4)),    \
        OVER(DIMS(0, 3), 1), OVER(DIMS(3, 257), 1), OVER(DIMS(3, 257), 0), OVER(DIMS(600), 0),                         \
        OVER(DIMS(2, 3, 2, 3), 1, 3), OVER(DIMS(2, 3, 2, 3), 0, 2), OVER(DIMS(2, 1, 3, 1, 2), 0, 3, 4),                \
        OVER(DIMS(3, 2, 1, 2, 2), 1, 3)
const op_variant reductions[26] = { FULL_REDUCTIONS };
const op_variant reductions_of_nothing[30] = { FULL_REDUCTIONS, OVER_ALL(DIMS(0)), OVER(DIMS(0, 3), 0),
                                               OVER(DIMS(2, 0, 3), 1), OVER_ALL(DIMS(2, 0)) };
const op_variant along_axis[23] = {
    WITH(DIMS(1), 0),          WITH(DIMS(2), 0),          WITH(DIMS(7), -1),           WITH(DIMS(65), 0),
    WITH(DIMS(0), 0),          WITH(DIMS(3, 4), 0),       WITH(DIMS(3, 4), 1),         WITH(DIMS(1, 5), 0),
    WITH(DIMS(1, 5), 1),       WITH(DIMS(5, 1), 0),       WITH(DIMS(5, 1), 1),         WITH(DIMS(0, 3), 1),
    WITH(DIMS(3, 0), 1),       WITH(DIMS(2, 3, 4), 0),    WITH(DIMS(2, 3, 4), 1),      WITH(DIMS(2, 3, 4), 2),
    WITH(DIMS(3, 300), 1),     WITH(DIMS(300, 3), 0),     WITH(DIMS(300), 0),          WITH(DIMS(4, 17), -2),
    WITH(DIMS(2, 3, 2, 3), 1), WITH(DIMS(2, 3, 2, 3), 2), WITH(DIMS(1, 2, 1, 3, 2), 3)
};

/* ---- Parameters of golden records ---- */

int golden_integer(const golden_case *c, const char *key)
{
    ck_assert_msg(golden_get(c->record, key) != NULL, "%s", golden_error());
    return (int)golden_number(c->record, key);
}

bg_axes golden_axes(const golden_case *c, const char *key)
{
    const golden_array *array = golden_get(c->record, key);
    ck_assert_msg(array != NULL, "%s", golden_error());
    bg_axes axes = { .count = (int)array->count };
    for (int i = 0; i < axes.count; i++)
        axes.axis[i] = (int)array->values[i];
    return axes;
}

bg_shape golden_shape(const golden_case *c, const char *key)
{
    const golden_array *array = golden_get(c->record, key);
    ck_assert_msg(array != NULL, "%s", golden_error());
    bg_shape shape = { .rank = (int)array->count };
    for (int i = 0; i < shape.rank; i++)
        shape.dims[i] = (int64_t)array->values[i];
    return shape;
}

bg_reduction golden_reduction(const golden_record *record)
{
    const char *text = golden_text(record, "reduction");
    ck_assert_msg(text != NULL, "%s", golden_error());
    return strcmp(text, "mean") == 0 ? BG_MEAN : strcmp(text, "sum") == 0 ? BG_SUM : BG_NONE;
}

/* ---- What wrong calls are made with ---- */

void wrong_inputs_open(wrong_inputs *f)
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

void wrong_inputs_close(wrong_inputs *f)
{
    bg_tensor_destroy(f->tensor);
    bg_tensor_destroy(f->tail);
    bg_tensor_destroy(f->expanded);
    bg_graph_destroy(f->graph);
    bg_graph_destroy(f->other);
    bg_engine_destroy(f->engine);
}
