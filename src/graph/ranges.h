/* Leaves by the memory of their tensors. */
#ifndef BGI_RANGES_H
#define BGI_RANGES_H

#include "graph/graph.h"

/* The leaf among those entered whose tensor is this one or shares memory with it; NULL if there is none. */
bg_node *bgi_ranges_find(const bg_graph *graph, const bg_tensor *tensor);
/* Enters a leaf; false when memory is out. */
bool bgi_ranges_add(bg_graph *graph, bg_node *leaf);

#endif
