/* A case with one set of shapes, as a graph with numbers. */
#ifndef BLASGRAD_TESTS_INSTANCE_H
#define BLASGRAD_TESTS_INSTANCE_H

#include "cases.h"
#include "support/draw.h"

/* How an input reaches the op. */
typedef enum { IS_PLAIN, IS_STRIDED, IS_VIEWED, IS_TWICE, OP_WAYS } op_way;

typedef struct {
    const op_case *c;
    const op_variant *v;
    op_way way;
    bg_engine *engine;
    draw draw;
    bg_graph *graph;
    bg_dtype dtype;
    char label[160]; /* the case, the number of its shapes, way and type */
    bg_tensor *owners[CASE_MOST_INPUTS], *leaves[CASE_MOST_INPUTS];
    double *values[CASE_MOST_INPUTS]; /* of the leaves, as they lie in row-major order */
    int64_t counts[CASE_MOST_INPUTS];
    bg_node *nodes[CASE_MOST_INPUTS]; /* of the leaves */
    bg_node *xs[CASE_MOST_INPUTS];    /* of those that get a gradient */
    int which[CASE_MOST_INPUTS], n_inputs, n_xs;
    bg_node *y; /* what the case builds */
} op_instance;

/* Makes the graph, with numbers that follow from case, shapes and way alone; the same for f32 and f64. op_instance_free
 * stands behind it, also where it fails. */
bg_status op_instance_make(op_instance *o, bg_engine *engine, int case_index, int variant, op_way way, bg_dtype dtype);
/* The same with shapes that are in no table. */
bg_status op_instance_make_of(op_instance *o, bg_engine *engine, int case_index, const op_variant *v, bg_dtype dtype);
void op_instance_free(op_instance *o);

/* Whether a case of two inputs can take one tensor as both. */
bool op_can_be_twice(const op_case *c, const op_variant *v);

/* A tensor with these elements, converted to dtype. */
bg_status tensor_with(bg_tensor **tensor, bg_engine *engine, bg_dtype dtype, bg_shape shape, const double *values);

#endif
