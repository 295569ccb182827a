/* A gradient check from the inside: its numbers and programs, and the two halves of it. */
#ifndef BGI_CHECK_H
#define BGI_CHECK_H

#include <blasgrad/gradcheck.h>
#include <blasgrad/program.h>

#include "base/arena.h"
#include "graph/graph.h"

/* Elements of several tensors, one after the other. */
typedef struct {
    size_t n;
    int64_t *start; /* of each tensor, and the count of all */
    bg_tensor **tensors;
} bgi_row;

/* Streams of random numbers. */
enum { BGI_OF_WEIGHTS, BGI_OF_SECOND_WEIGHTS, BGI_OF_DIRECTIONS, BGI_OF_ELEMENTS };
enum { BGI_SAMPLES = 5 }; /* along a line, the point itself in the middle */

typedef struct {
    bg_gradcheck_options options;
    bg_gradcheck_report *report;
    bg_engine *engine;
    bg_graph *graph;
    bg_node *const *ys, *const *xs;
    bgi_arena memory;
    bgi_row x, weights, second_weights, tangents;         /* the points, w, c, v */
    bg_node **w, **c, **v, **dxs, **ddxs, **tangents_out; /* inputs for the last three rows; gradients; J v */
    bg_program *values, *derivatives;
    /* As numbers, each row one array. */
    double *origin, *moved, *moved_gradient, *gradient, *second_gradient, *c_values; /* of xs */
    double *lengths,
        *direction; /* by which the elements of xs are moved, and the one of all or some that is looked at */
    double *samples[BGI_SAMPLES], *aside, *products, *w_values; /* of ys: along the direction; elsewhere; J v; w */
    uint64_t draws;
} bgi_check;

static inline int64_t bgi_row_count(const bgi_row *row) { return row->start[row->n]; }
/* Between tensors, or outputs of a program from `first` on that have a row's extents, and numbers. */
bg_status bgi_row_write(const bgi_row *row, const double *numbers);
bg_status bgi_row_read(const bgi_row *row, double *numbers);
bg_status bgi_row_read_outputs(const bgi_row *extents, const bg_program *program, size_t first, double *numbers);

double bgi_check_draw(bgi_check *check, int stream);

/* The values and derivatives at the point itself; BG_ERR_NUMERIC if a value is not finite. */
bg_status bgi_check_origin(bgi_check *check);
/* All elements and directions that the options ask for; BG_ERR_GRADIENT at the first that is wrong. */
bg_status bgi_check_lines(bgi_check *check);

#endif
