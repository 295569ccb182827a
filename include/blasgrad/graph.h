/* Graphs: symbolic programs made of nodes, and their effects. What differentiates them is in grad.h.
 *
 * Builders return a node that the graph owns, or NULL after recording the first error in the graph. Every op passes
 * NULL through, so an expression needs one check at its end: bg_graph_status, bg_grad and bg_compile return the first
 * error. Shapes and types are concrete and checked when a node is made. There is no implicit conversion of types.
 */
#ifndef BLASGRAD_GRAPH_H
#define BLASGRAD_GRAPH_H

#include <blasgrad/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct bg_graph bg_graph;
typedef struct bg_node bg_node;

BG_API bg_status bg_graph_create(bg_graph **graph, bg_engine *engine);
BG_API void bg_graph_destroy(bg_graph *graph);
/* The first error of the graph, whose message becomes bg_last_error() again; BG_OK if there is none. */
BG_API bg_status bg_graph_status(const bg_graph *graph);

/* Leaves.
 * An input gets its value at each run (bg_program_bind). name is copied, for messages; it need not be unique.
 * A parameter is a tensor that is trained, a buffer one that changes without being trained. Both keep the tensor alive
 * and read it at each run; for a tensor that is in the graph already, the existing node is returned. Views that overlap
 * another leaf without being the same tensor are BG_ERR_OVERLAP, as is an _expand view.
 * A constant's value is copied now. A scalar is a constant of rank 0, f32 or f64. */
BG_API bg_node *bg_input(bg_graph *graph, const char *name, bg_dtype dtype, bg_shape shape);
BG_API bg_node *bg_parameter(bg_graph *graph, bg_tensor *value);
BG_API bg_node *bg_buffer(bg_graph *graph, bg_tensor *value);
BG_API bg_node *bg_constant(bg_graph *graph, const bg_tensor *value);
BG_API bg_node *bg_scalar(bg_graph *graph, bg_dtype dtype, double value);

/* An effect of each run: the parameter's or buffer's tensor gets new_value, of its shape and type. All updates of a run
 * take effect together, after everything that reads the old values; a later update of a target replaces an earlier one.
 * bg_updated gives the new value so far, or the node itself if it has none. */
BG_API void bg_update(bg_node *parameter_or_buffer, bg_node *new_value);
BG_API bg_node *bg_updated(bg_node *parameter_or_buffer);

BG_API bg_shape bg_node_shape(const bg_node *node);
BG_API bg_dtype bg_node_dtype(const bg_node *node);
BG_API bg_graph *bg_node_graph(const bg_node *node);

/* ---- Ops ----
 * An op is one constant struct. A user's op has the same standing as the library's: fill in a bg_op with `call` or
 * `compose` and make nodes of it with bg_apply. */

/* One call of an op's `call`: units [first, last) of the output. inputs[i] points to the first of those units where the
 * op's `units` says that input i is split, to the whole input otherwise; all data are contiguous and row-major. */
typedef struct {
    const bg_node *node;
    const void *const *inputs;
    void *output;  /* at unit `first` */
    void *scratch; /* as many bytes as the op's `scratch` asks for, 64-byte aligned; their contents are undefined */
    int64_t first, last;
} bg_call;

typedef struct bg_op {
    const char *name;
    int arity; /* number of inputs; -1: any */

    /* Shape rule: sets dtype and shape from the node's inputs and attributes, or fails with bg_fail. */
    bg_status (*infer)(const bg_node *node, bg_dtype *dtype, bg_shape *shape);

    /* Gradient rule: the cotangent of one input, of that input's shape, from the cotangent dy of the node; built from
     * ops. NULL: no gradient flows to this input. Without a rule the gradient is that of `compose`; an op that has
     * neither and is not marked is_constant is not differentiable. */
    bg_node *(*gradient)(bg_node *node, int input, bg_node *dy);
    bool is_constant; /* its value does not vary with its inputs almost everywhere: zero gradient (sign, comparisons) */

    /* How it runs: one of the following. `compose` may stand beside `call`: the call runs, the composition defines what
     * it computes and serves derivatives, also those of a gradient that is itself such an op. */
    bg_node *(*compose)(bg_node *node); /* from the node's inputs and attributes, in other ops */
    bg_status (*call)(const bg_call *call);
    const struct bgi_lowering *lowering; /* the library's own ways: elementwise kernel, view, reduction, product */

    /* For `call`: the number of equal consecutive pieces the output (input -1) can be computed in, and whether input i
     * is needed only in the piece of the same number (the piece count) or whole (1). NULL: one piece. */
    int64_t (*units)(const bg_node *node, int input);
    /* For `call`: floating-point operations of the whole output, by which the work is dealt out (NULL: one an element),
     * those of them that are in products of matrices (NULL: none), and the bytes of bg_call.scratch (NULL: none). */
    double (*flops)(const bg_node *node);
    double (*product_flops)(const bg_node *node);
    size_t (*scratch)(const bg_node *node);
    /* For `call`: how many units are worth a task of their own. NULL or 0: the compiler makes few tasks. */
    int64_t (*grain)(const bg_node *node);
    /* For `call`: the output, of input 0's type and shape, takes over the memory of input 0, which it changes in place.
     * All inputs are needed whole, units are pieces of work, of any number, and each call gets the whole output; a unit
     * writes nothing that another one of the node reads or writes. Whoever else reads input 0 gets a copy of it. */
    bool is_in_place;
    const struct bgi_lanes *lanes; /* the library's own: how it runs with samples side by side */
    bool never_fails; /* `call` always returns BG_OK; without this promise it runs before any update takes effect, so
                         that a failed run leaves everything as it was */
} bg_op;

/* A node of an op. attributes (may be NULL) are copied; bytes that are padding must be zero. */
BG_API bg_node *bg_apply(const bg_op *op, bg_node *const *inputs, int n, const void *attributes, size_t bytes);

BG_API const bg_op *bg_node_op(const bg_node *node);
BG_API int bg_node_input_count(const bg_node *node);
BG_API bg_node *bg_node_input(const bg_node *node, int i);
BG_API const void *bg_node_attributes(const bg_node *node);

/* For ops and callbacks of users: sets the calling thread's error message and returns status. */
#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
BG_API bg_status
bg_fail(bg_status status, const char *format, ...);

#ifdef __cplusplus
}
#endif
#endif
