/* Graphs and nodes from the inside. */
#ifndef BGI_GRAPH_H
#define BGI_GRAPH_H

#include <blasgrad/graph.h>

#include "base/arena.h"
#include "base/engine.h"
#include "kernels/kernels.h"
#include "tensor/tensor.h"

/* How an op of the library runs. The compiler knows these ways and no op. */
typedef enum {
    BGI_INPUT,
    BGI_PARAMETER,
    BGI_BUFFER,
    BGI_CONSTANT,
    BGI_SCALAR,
    BGI_MAP,    /* elementwise: inputs have the node's shape (broadcasts are nodes of their own) */
    BGI_VIEW,   /* other strides over its one input's elements */
    BGI_REDUCE, /* over a set of axes, which the result leaves out */
    BGI_PRODUCT /* x [b.., m, k], w [b.., k, n] -> [b.., m, n], equal leading dimensions */
} bgi_kind;

/* Where the elements of a node lie within a contiguous base: element [i, j, ..] at offset + i * strides[0] + .. */
typedef struct {
    int64_t offset;
    int64_t strides[BG_MAX_RANK];
} bgi_view;

typedef struct bgi_lowering {
    bgi_kind kind;
    size_t kernel; /* map: offsetof(bgk_kernels, tanh); reduce: of sum_rows */
    size_t fold;   /* reduce: of sum_fold */
    /* Map: its result is stored rather than computed again by each loop that uses it. */
    bool is_costly;
    /* View: the node's view from its input's; false if no strides can express it (then the input is copied first). */
    bool (*view)(const bg_node *node, const bgi_view *input, bgi_view *view);
    /* Map and view: the same value in a simpler form, or NULL; called in a compiler's graph with a node that is about
     * to be made, whose inputs are simple already. The node is not in the graph: it may be read, but not be an input.
     */
    bg_node *(*simplify)(bg_node *node);
} bgi_lowering;

/* A value of many samples, [n, ..], in lanes: [n / BGI_LANES, .., BGI_LANES], so that vectors are of samples. */
enum { BGI_LANES = 16 };
/* How an op computes with inputs in lanes. */
typedef struct bgi_lanes {
    unsigned inputs; /* bit k: input k is in lanes, the others are as they are */
    /* Whether it is worth bringing the inputs into lanes. NULL: if one of them is in lanes anyway. */
    bool (*begins)(const bg_node *node);
    /* The node's value from such inputs, in lanes or, where it is of no single samples, as it is. NULL: it cannot. */
    bg_node *(*make)(const bg_node *node, bg_node **inputs);
} bgi_lanes;

/* Who made a node, as messages have it: the public function of that name, or its gradient. */
typedef struct {
    const char *name; /* NULL: the op */
    bool is_gradient;
} bgi_author;

struct bg_node {
    const bg_op *op;
    bg_graph *graph;
    int id; /* position in the graph, after all of its inputs */
    int n_inputs;
    bg_node **inputs;
    bg_dtype dtype;
    bg_shape shape;
    void *attributes;
    size_t attribute_bytes;
    bg_tensor *tensor;     /* parameter, buffer, constant; held */
    bg_node *next_tensor;  /* the leaf made before it that holds a tensor */
    const char *name;      /* input */
    bg_node *updated;      /* the value of the last bg_update of this leaf */
    const bg_node *origin; /* in a compiler's graph: the leaf of the user's graph */
    bgi_author author;     /* no part of what the node is: equal nodes of different authors are one */
    bool is_of_members;    /* computed from parameters of a population: their members share its first axis */
};

/* Who keeps the step counter of a graph's random nodes: a model, for all of its graphs. */
typedef struct {
    void *owner;                                            /* NULL: nobody, the graph has a counter of its own */
    bg_status (*counter)(void *owner, bg_tensor **counter); /* i64, rank 0; the owner's */
    void (*release)(void *owner);
} bgi_random_source;

typedef struct bgi_range bgi_range; /* graph/ranges.h */

struct bg_graph {
    bg_engine *engine;
    bgi_arena arena;
    bg_node **nodes;
    int count, capacity;
    bg_node *tensors;  /* the last leaf that holds a tensor */
    bgi_range *ranges; /* parameters and buffers by their memory */
    bg_status status;
    char message[512];
    bgi_random_source random_source;
    bg_node *random_step; /* the counter's buffer, made with the first random node */
    int64_t random_sites; /* random nodes without a name so far */
    bgi_author author;    /* of the nodes that are being made */
    /* For tests of the tests: what the transform takes in place of what a gradient rule returned. NULL: that itself. */
    bg_node *(*alter_gradient)(bg_node *node, int input, bg_node *dy, bg_node *dx);
    /* In a compiler's graph equal nodes are one node, constructors simplify, and an op with `compose` is replaced by
     * its composition at once, so that no such node is ever in it. */
    bool is_compiling;
    int *table; /* open addressing over node ids + 1 */
    int table_count, table_capacity;
};

/* Leaf ops, for telling kinds apart: node->op->lowering->kind. */
extern const bg_op bgi_input_op, bgi_parameter_op, bgi_buffer_op, bgi_constant_op, bgi_scalar_op;

static inline bgi_kind bgi_node_kind(const bg_node *node) /* of a node whose op has a lowering */
{
    return node->op->lowering->kind;
}
static inline bool bgi_node_is(const bg_node *node, bgi_kind kind)
{
    return node->op->lowering && node->op->lowering->kind == kind;
}
static inline bool bgi_node_is_leaf(const bg_node *node)
{
    return node->op->lowering && node->op->lowering->kind <= BGI_SCALAR;
}

static inline const bgk_kernels *bgi_kernels_of(const bg_engine *engine, bg_dtype dtype)
{
    return dtype == BG_F64 ? &engine->kernels->f64 : &engine->kernels->f32;
}

/* The value of a scalar constant, also behind views of it (broadcasts); false if the node is none. */
bool bgi_node_is_constant(const bg_node *node, double *value);

/* Records the first error of a graph (with bg_last_error() as its message) and returns NULL. */
bg_node *bgi_graph_fail(bg_graph *graph, bg_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts a text before the message of the graph's error, of a caller that knows more; it becomes bg_last_error() again.
 */
void bgi_graph_explain(bg_graph *graph, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Takes the graph's error back, of a caller that tries another way; the nodes that were made before it stay. */
void bgi_graph_forgive(bg_graph *graph);

/* True if status is BG_OK; else records it, with the thread's error message, as the graph's first error. */
bool bgi_graph_accept(bg_graph *graph, bg_status status);
/* The one graph of all inputs of an op. NULL if all are NULL, if one is (an error, unless the graph holds one already),
 * if they belong to several graphs (an error in each), or in a child of the engine's process. */
bg_graph *bgi_graph_of(const char *op, bg_node *const *inputs, int n);

/* The node's author: its op if it has no other. */
bgi_author bgi_author_of(const bg_node *node);
/* The node's op and attributes on other inputs, as the same author's; of their graph. */
bg_node *bgi_apply_again(const bg_node *node, bg_node *const *inputs);
/* What an op with `compose` stands for, of the node's type and shape; NULL with the error recorded. */
bg_node *bgi_compose(bg_node *node);
/* What the rule of the node's op gives for one input. */
bg_node *bgi_gradient_of(bg_node *node, int input, bg_node *dy);

/* A graph for the compiler: hash-consing and simplifying constructors. */
bg_status bgi_graph_create_compiling(bg_graph **graph, bg_engine *engine);
/* A leaf of a compiler's graph that stands for one of the user's graph, or of another compiler's graph, whose origin it
 * takes over. Scalars, and constants that were made in a compiler's graph, have no origin. */
bg_node *bgi_graph_import_leaf(bg_graph *graph, const bg_node *leaf);

#endif
