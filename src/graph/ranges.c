/* Leaves by the memory of their tensors: a treap (Seidel, Aragon, Randomized search trees, 1996) of the ranges of
 * addresses between each tensor's first and last byte, by their starts, with the greatest end below each node. Ranges
 * may meet, as those of interleaved slices do. */
#include "graph/ranges.h"

struct bgi_range {
    bg_node *leaf;
    uintptr_t start, end; /* end is behind the last byte */
    uintptr_t last_end;   /* the greatest of the subtree */
    uint64_t priority;    /* none below is greater */
    bgi_range *left, *right;
};

/* A tensor without elements has no bytes that could meet others'; its own address stands for it. */
static void set_range(bgi_range *range, const bg_tensor *tensor)
{
    range->start = (uintptr_t)tensor;
    range->end = range->start + 1;
    if (bg_shape_count(tensor->shape) == 0)
        return;
    /* Strides are not negative. */
    size_t last = 0, size = bg_dtype_size(tensor->dtype);
    for (int i = 0; i < tensor->shape.rank; i++)
        last += (size_t)(tensor->shape.dims[i] - 1) * (size_t)tensor->strides[i];
    range->start = (uintptr_t)bgi_tensor_bytes(tensor);
    range->end = range->start + (last + 1) * size;
}

static uintptr_t greatest_end(const bgi_range *range)
{
    uintptr_t end = range->end;
    if (range->left && range->left->last_end > end)
        end = range->left->last_end;
    if (range->right && range->right->last_end > end)
        end = range->right->last_end;
    return end;
}

static bg_node *find(const bgi_range *range, const bgi_range *wanted, const bg_tensor *tensor)
{
    while (range && range->last_end > wanted->start) {
        bg_node *found = find(range->left, wanted, tensor);
        if (found)
            return found;
        if (range->start >= wanted->end)
            return NULL;
        if (range->leaf->tensor == tensor ||
            (range->end > wanted->start && bgi_tensor_overlap(range->leaf->tensor, tensor)))
            return range->leaf;
        range = range->right;
    }
    return NULL;
}

bg_node *bgi_ranges_find(const bg_graph *graph, const bg_tensor *tensor)
{
    bgi_range wanted = { 0 };
    set_range(&wanted, tensor);
    return find(graph->ranges, &wanted, tensor);
}

/* The tree with a range in it, which becomes its root if its priority is greatest. */
static bgi_range *insert(bgi_range *tree, bgi_range *range)
{
    if (!tree)
        return range;
    if (range->start < tree->start) {
        tree->left = insert(tree->left, range);
        if (tree->left->priority > tree->priority) {
            bgi_range *root = tree->left;
            tree->left = root->right;
            root->right = tree;
            tree->last_end = greatest_end(tree);
            tree = root;
        }
    } else {
        tree->right = insert(tree->right, range);
        if (tree->right->priority > tree->priority) {
            bgi_range *root = tree->right;
            tree->right = root->left;
            root->left = tree;
            tree->last_end = greatest_end(tree);
            tree = root;
        }
    }
    tree->last_end = greatest_end(tree);
    return tree;
}

bool bgi_ranges_add(bg_graph *graph, bg_node *leaf)
{
    bgi_range *range = bgi_arena_push(&graph->arena, sizeof *range);
    if (!range)
        return false;
    *range = (bgi_range){ .leaf = leaf };
    set_range(range, leaf->tensor);
    range->last_end = range->end;
    /* Any numbers without order keep the tree low; these follow from the leaf's number. */
    uint64_t number = ((uint64_t)leaf->id + 1) * UINT64_C(0x9E3779B97F4A7C15);
    number = (number ^ number >> 32) * UINT64_C(0xD6E8FEB86659FD93);
    range->priority = number ^ number >> 32;
    graph->ranges = insert(graph->ranges, range);
    return true;
}
