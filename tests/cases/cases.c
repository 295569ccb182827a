/* The list of families, and what their files share. */
#include "cases.h"

#include <string.h>

#define FAMILIES(X)                                                                                                    \
    X(arithmetic)                                                                                                      \
    X(choices)                                                                                                         \
    X(functions)                                                                                                       \
    X(activations)                                                                                                     \
    X(reductions)                                                                                                      \
    X(views)                                                                                                           \
    X(contractions)                                                                                                    \
    X(einsum)                                                                                                          \
    X(distances)                                                                                                       \
    X(losses)                                                                                                          \
    X(attention)                                                                                                       \
    X(scan)                                                                                                            \
    X(running)                                                                                                         \
    X(order)                                                                                                           \
    X(rank)                                                                                                            \
    X(index)                                                                                                           \
    X(scatter)                                                                                                         \
    X(rearrange)                                                                                                       \
    X(convolution)                                                                                                     \
    X(windows)                                                                                                         \
    X(pooling)                                                                                                         \
    X(normalization)                                                                                                   \
    X(recurrent)                                                                                                       \
    X(cholesky)                                                                                                        \
    X(lu)                                                                                                              \
    X(tridiagonal)                                                                                                     \
    X(gaussian)                                                                                                        \
    X(eigen)                                                                                                           \
    X(lyapunov)                                                                                                        \
    X(symmetric)                                                                                                       \
    X(qr)                                                                                                              \
    X(svd)                                                                                                             \
    X(resizing)                                                                                                        \
    X(random)                                                                                                          \
    X(per_sample)                                                                                                      \
    X(loss_numbers)                                                                                                    \
    X(loss_classes)                                                                                                    \
    X(loss_pairs)                                                                                                      \
    X(loss_ctc)
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

static const golden_array *find_array(const golden_case *c, const char *key)
{
    const golden_array *array = golden_get(c->record, key);
    *c->is_incomplete = *c->is_incomplete || !array;
    return array;
}

int golden_integer(const golden_case *c, const char *key)
{
    return find_array(c, key) ? (int)golden_number(c->record, key) : 0;
}

bg_axes golden_axes(const golden_case *c, const char *key)
{
    const golden_array *array = find_array(c, key);
    bg_axes axes = { .count = array && array->count <= BG_MAX_RANK ? (int)array->count : 0 };
    for (int i = 0; i < axes.count; i++)
        axes.axis[i] = (int)array->values[i];
    return axes;
}

bg_shape golden_shape(const golden_case *c, const char *key)
{
    const golden_array *array = find_array(c, key);
    bg_shape shape = { .rank = array && array->count <= BG_MAX_RANK ? (int)array->count : 0 };
    for (int i = 0; i < shape.rank; i++)
        shape.dims[i] = (int64_t)array->values[i];
    return shape;
}

bg_reduction golden_reduction(const golden_record *record)
{
    const char *text = golden_text(record, "reduction");
    return text && strcmp(text, "mean") == 0         ? BG_MEAN
           : text && strcmp(text, "sum") == 0        ? BG_SUM
           : text && strcmp(text, "batch_mean") == 0 ? BG_BATCH_MEAN
                                                     : BG_NONE;
}

double golden_option(const golden_case *c, const char *key)
{
    return golden_has(c->record, key) ? golden_number(c->record, key) : 0;
}

bg_optional golden_optional(const golden_case *c, const char *key)
{
    return (bg_optional){ golden_has(c->record, key), golden_option(c, key) };
}
