/* in_place: ops that change their input 0 where it lies.
 *
 * A factorisation of a large matrix is a chain of such calls, one a block column, between which all workers meet. What
 * one of them changes must be a value of its own that nobody else wants: anything else is copied first. */
#include "compile/compile.h"

bool bgi_has_in_place(const bg_graph *graph)
{
    for (int i = 0; i < graph->count; i++)
        if (graph->nodes[i]->op->is_in_place)
            return true;
    return false;
}

bg_node *bgi_separate_node(const bgi_rebuilding *r, const bg_node *node, bg_node **inputs)
{
    if (node->op->is_in_place && node->n_inputs > 0) {
        const bg_node *x = node->inputs[0];
        if (r->uses[x->id] != 1 || bgi_node_is_leaf(x) || bgi_node_is(x, BGI_VIEW))
            inputs[0] = bgi_new_copy(r->c, inputs[0]);
    }
    return bgi_apply_again(node, inputs);
}
