/* What the transforms of the graph share. */
#ifndef BGI_GRAD_H
#define BGI_GRAD_H

#include <blasgrad/grad.h>

#include "graph/graph.h"

/* The graph of all nodes of some lists, if each is one of it; NULL with the status set, and recorded where a graph is
 * known. Of no nodes at all: NULL with BG_OK. */
bg_graph *bgi_common_graph(const char *caller, bg_node *const *const *lists, const size_t *counts, int n_lists,
                           bg_status *status);
/* Whether nodes are f32 or f64 and each has a direction, named by `what`, of its shape and type; records the error.
 * directions NULL: only the nodes are looked at. */
bool bgi_takes_directions(const char *caller, const char *list, bg_node *const *nodes, const char *what,
                          bg_node *const *directions, size_t n);
/* Fills places with NULL; false with BG_ERR_ARGUMENT as the thread's error if they are missing. */
bool bgi_clear_places(const char *caller, bg_node **places, size_t n);

#endif
