/* The compiler's passes and what they hand on. Each pass reads what the passes before it wrote and nothing later:
 *   simplify   rebuilds the graph in canonical form
 *   fuse       decides which values lie in memory, and which are computed again by every loop that uses them
 *   schedule   levels, groups of levels that work on the same units, and the loops and other steps of each group
 *   emit       the register programs of the loops, and what the other steps work on
 *   plan       slices, places in memory, tasks
 *   descend    joins the update of a parameter with that of its momentum
 */
#ifndef BGI_COMPILE_H
#define BGI_COMPILE_H

#include "compile/program.h"

enum {
    BGI_BLOCK = 1024,   /* elements of a block: a few of them fit L1 */
    BGI_WIDE_ROW = 256, /* from here a block is one row, and operands that vary along one axis only need no copies */
    BGI_LONGEST_ROW = 4096, /* a longer row is reduced in parts, of a block each */
    BGI_MIN_UNITS = 8,      /* values join a group only if it keeps this many units (or all that they have) */
    BGI_MAX_DEPTH = 4,      /* of values computed again */
    BGI_MAX_READS = 2       /* for each of several readers */
};

/* Where a node's elements are: a view of its base, a node that is no view. */
typedef struct {
    int base; /* -1: no strides over the base express the view */
    bgi_view view;
    bool is_contiguous;
    bool is_flat; /* contiguous, and all elements of the base */
} bgi_access;

/* What the passes know of a node. */
typedef struct {
    /* fuse */
    bool is_live;
    bool is_real;     /* live and computed by a step: no leaf, no view, not virtual, not empty */
    bool is_in_place; /* it takes over the memory of its input 0, and nobody reads it before it is finished */
    bool is_loop;     /* a map or a reduction of rows: computed in loops */
    bool is_stored;
    bool is_needed;  /* in memory, whatever the phases of its readers */
    bool is_virtual; /* computed again wherever it is used */
    bool is_shaped;  /* its operands are not all in its order */
    bool is_spread;  /* it reads one element a row of what is computed again, or of what is spread itself */
    int depth;
    int reads; /* values of its size that are read to compute it again */
    int uses;
    int64_t count, units;
    int update; /* the update whose new value it is, or -1 */
    int output; /* the output tensor it fills, or -1 */
    /* schedule */
    int level, least, group, stage, loop, step;
    int64_t group_units;
    /* plan */
    bgi_location where;
    int last_level, last_step, last_group; /* of its readers */
    bool escapes;                          /* from its task */
    bool ends_apart; /* at its last level more than one group reads it, or a task reads more than its own piece */
    int alias;       /* shares the storage of this node, or -1 */
    bool is_shared;  /* another one has it as its alias */
} bgi_value;

/* A value that a node's step reads: a leaf, or a stored or real value; what is computed again is looked through. */
typedef struct {
    int source;
    bool is_same;  /* only the element that is being computed */
    int64_t units; /* on which source and reader correspond piece by piece; 1: they do not */
} bgi_edge;

typedef struct {
    int target, value; /* nodes */
    bool is_deferred;  /* value is a copy made after everything else */
} bgi_change;

typedef struct {
    int value; /* node; distinct among outputs and changes */
    bg_shape shape;
} bgi_output;

/* A step before it is written out. */
typedef struct {
    bgi_step_kind kind;
    int group, stage;
    int node; /* of a step that is no loop */
    int loop; /* of a loop: its space; -1 otherwise */
} bgi_step_plan;

/* The space of a loop: rows are the product of all dimensions but the last. */
typedef struct {
    int group, stage;
    bg_dtype dtype;
    bg_shape shape;
    int64_t rows, columns;
    int next; /* the one made after it whose hash is the same, or -1 */
} bgi_space;

typedef struct {
    bg_program *program;
    bg_engine *engine;
    bg_graph *graph;
    bgi_arena scratch; /* for the time of compilation */
    int n_accesses, access_capacity;
    bgi_access *accesses; /* of the graph's first nodes */
    int n;                /* nodes */
    bgi_value *values;
    int n_outputs;
    bgi_output *outputs;
    int n_changes;
    bgi_change *changes;
    int n_kept;
    bool *is_kept; /* of the first nodes: stored although they need not be */
    /* Of each node i that is real, edges[first_edge[i]] up to the first of i + 1. */
    int *first_edge, n_edges, edge_capacity;
    bgi_edge *edges;
    /* The schedule's last round, in memory of its own; the groups are the program's in the end. */
    bgi_arena round;
    int n_spaces, space_capacity, n_buckets;
    bgi_space *spaces;
    int *first_space, *last_space; /* by hash */
    bgi_step_plan *step_plans;     /* in order */
    int *members, *first_member;   /* of step i, members[first_member[i]] up to the first of i + 1, ascending nodes */
} bgi_compilation;

/* A graph that is made anew as another one. */
typedef struct {
    bgi_compilation *c;
    bg_graph *to;
    bg_node **made;  /* of each node of the old graph, its new form .. */
    bg_node **lanes; /* .. and that in lanes, or NULL */
    int *uses;       /* of each node of the old graph: edges and roots */
} bgi_rebuilding;
/* lanes.c: whether a graph has what is faster in lanes, and the new form of a node there. */
bool bgi_begins_lanes(const bg_graph *graph);
bg_node *bgi_lanes_node(const bgi_rebuilding *r, const bg_node *node, bg_node **inputs);

/* in_place.c: whether a graph has ops that change their input 0 in place, and the new form of a node where what such
 * an op changes is nobody else's. */
bool bgi_has_in_place(const bg_graph *graph);
bg_node *bgi_separate_node(const bgi_rebuilding *r, const bg_node *node, bg_node **inputs);

/* simplify.c: fills graph, outputs, changes. */
bg_status bgi_simplify(bgi_compilation *c, bg_graph *graph, bg_node *const *outputs, size_t n, bool no_updates);
/* A value with the elements of x that lies in memory of its own, and is no other's however often it is asked for. */
bg_node *bgi_new_copy(bgi_compilation *c, bg_node *x);
bool bgi_is_copy(const bg_node *node);

/* fuse.c */
bg_status bgi_fuse(bgi_compilation *c);
/* The rows and columns in which a map or a reduction of rows is computed by itself: a vector is rows of one element. */
void bgi_natural_space(const bg_node *node, int64_t *rows, int64_t *columns);
/* The shape of that: a reduction takes its operand's, where its rows are rows of that. */
bg_shape bgi_natural_shape(const bgi_compilation *c, const bg_node *node);
/* schedule.c: fuse, levels, groups, and stages, until no update meets a reader of the old value. */
bg_status bgi_schedule(bgi_compilation *c);
/* stages.c */
bg_status bgi_form_steps(bgi_compilation *c);
bg_dtype bgi_register_dtype(const bg_node *node);
/* emit.c */
bg_status bgi_emit(bgi_compilation *c);
/* slices.c: the groups' units a task, and the kernel of a product; the latter returns the scratch bytes it needs. */
void bgi_slice_groups(const bgi_compilation *c);
/* Whether the units of a product's group are rows of it, so that each task reads the whole matrix w. */
bool bgi_is_row_product(const bgi_compilation *c, const bgi_step *step, int64_t units);
size_t bgi_choose_provider(bgi_product *product, const bgi_group *group, const bg_engine *engine);
/* Deals the groups' slices out to the levels. */
bg_status bgi_deal_tasks(bgi_compilation *c);
/* leaves.c */
bg_status bgi_list_leaves(bgi_compilation *c);
bg_status bgi_make_outputs(bgi_compilation *c);
/* plan.c */
bg_status bgi_plan(bgi_compilation *c);
/* descend.c */
bg_status bgi_descend(bgi_compilation *c);
/* report.c */
const char *bgi_kernel_name(size_t offset);

/* access.c: good until the graph grows. NULL: no strides express the view, or out of memory (in the graph's status). */
const bgi_access *bgi_access_of(bgi_compilation *c, const bg_node *node);
/* Into how many equal consecutive pieces a step's result can be cut so that piece i needs of input k only piece i of
 * the base: 1 if it needs the whole. */
int64_t bgi_edge_units(const bgi_compilation *c, const bg_node *node, int k);
/* Strides of an operand of a node over the dimensions of a loop's space (over its rows if the node has one element a
 * row). */
bool bgi_operand_strides(const bg_node *node, const bgi_view *view, const bgi_space *space, bool is_full,
                         int64_t strides[BG_MAX_RANK]);
/* Whether the view repeats each element of its base for the space's columns. */
bool bgi_is_column_broadcast(const bg_node *node, const bgi_access *access, int64_t base_count, int64_t rows,
                             int64_t columns);

/* Fills edges. */
bg_status bgi_find_edges(bgi_compilation *c);
/* Whether two values, of which b reads a, may work on the same units side by side. */
bool bgi_is_aligned(const bgi_value *a, const bgi_value *b, int64_t edge_units);

/* order.c: the numbers 0 .. n - 1 by their keys, which are below n_keys, equal ones in order; those of key -1 are left
 * out. Key k has (*order)[(*first)[k]] up to the first of k + 1. False: out of memory. */
bool bgi_order(bgi_arena *memory, const int *keys, int n, int n_keys, int **order, int **first);

void *bgi_compile_push(bgi_compilation *c, size_t count, size_t size); /* zeroed scratch; NULL: out of memory */

/* Whether a step of this op may end the run. */
static inline bool bgi_can_fail(const bg_op *op) { return op->call && !op->never_fails; }
static inline int64_t bgi_value_bytes(const bgi_compilation *c, int id)
{
    return c->values[id].count * (int64_t)bg_dtype_size(c->graph->nodes[id]->dtype);
}
static inline bool bgi_is_leaf_id(const bgi_compilation *c, int id) { return bgi_node_is_leaf(c->graph->nodes[id]); }

#endif
