/* What the compiler makes and the executor runs: steps, grouped into phases. */
#ifndef BGI_PROGRAM_H
#define BGI_PROGRAM_H

#include <blasgrad/program.h>

#include "base/arena.h"
#include "graph/graph.h"
#include "kernels/kernels.h"

/* Where a value lies. A group's units are equal consecutive pieces of each of its values; a local value holds the
 * pieces of one task only. */
typedef enum { BGI_AT_NOWHERE, BGI_AT_LEAF, BGI_AT_OUTPUT, BGI_AT_ARENA, BGI_AT_LOCAL } bgi_place;
typedef struct {
    bgi_place place;
    int index;                  /* leaf or output */
    unsigned char *const *base; /* where the address of the leaf, output or arena stands during a run */
    size_t offset;              /* bytes into the arena or the worker's scratch */
    size_t unit_bytes;          /* local: bytes of one unit */
} bgi_location;

/* ---- Loops: register programs over blocks of elements ----
 * A loop covers a space of rows x columns; the rows are a product of outer dimensions. Its values are full (one element
 * a place), or of one element a row. */
typedef enum {
    BGI_IS_TEMPORARY, /* in a slot of the worker's scratch */
    BGI_IS_MEMORY,    /* used where it lies, or written there */
    BGI_IS_CONSTANT
} bgi_value_kind;

/* What the executor reads for each block comes first, within a cache line for one outer dimension. */
typedef struct {
    bgi_location where; /* memory */
    int64_t offset;     /* elements */
    int64_t column;     /* stride along the columns */
    uint32_t size;      /* bytes of an element */
    uint8_t kind;       /* bgi_value_kind */
    bool is_full;
    int64_t outer[BG_MAX_RANK]; /* strides over the outer dimensions, the innermost last */
    bg_dtype dtype;             /* of the elements there */
    int node;                   /* memory: the base; -1 otherwise */
    int slot;                   /* temporary */
    int previous;               /* during compilation: constant, or memory of the same node; -1: none */
    float f32;                  /* constant */
    double f64;
} bgi_loop_value;

typedef enum {
    BGI_DO_MAP,
    BGI_DO_LOAD,
    BGI_DO_EXPAND,
    BGI_DO_REDUCE,
    BGI_DO_STORE,
    BGI_DO_DESCEND
} bgi_instruction_kind;

/* The step of a parameter, which is the instruction's target, by its momentum (bgk_descend). */
typedef struct {
    bgk_descend *run;
    int momentum;                      /* value */
    int operand[BGK_DESCEND_OPERANDS]; /* values */
    int stride[BGK_DESCEND_OPERANDS];
} bgi_descent;

typedef struct {
    bgi_instruction_kind kind;
    bool is_full;    /* over rows x columns, or over rows */
    bool is_hoisted; /* load: the same for all blocks of a task */
    int target;      /* value */
    int operand[3];  /* values; -1: none */
    int stride[3];   /* 0: one value for all */
    const char *name;
    bgk_map *map; /* map; reduce: combines the parts of a row that is longer than a block */
    bgk_load *load;
    bgk_reduce *reduce;
    bgk_store *store;
    const bgi_descent *descent; /* descend: in place of operands */
} bgi_instruction;

typedef struct {
    bg_dtype dtype; /* of the registers */
    int rank;       /* outer dimensions, at least 1 */
    int64_t outer[BG_MAX_RANK];
    int64_t rows, columns;
    int64_t unit_rows; /* rows of one unit of the group */
    int64_t block_rows, block_columns;
    int n_values, n_instructions, n_slots;
    int n_memory; /* the first of the values lie in memory */
    bgi_loop_value *values;
    bgi_instruction *instructions;
    size_t slot_bytes;
} bgi_loop;

/* ---- Products ---- */
typedef enum { BGI_BY_BLAS, BGI_BY_VECTOR, BGI_BY_KERNEL } bgi_provider;

typedef struct {
    bgi_location where;
    int64_t offset;             /* elements */
    int64_t batch[BG_MAX_RANK]; /* strides of the batch dimensions */
    int64_t rows, columns;      /* strides of the matrix */
} bgi_matrix;

typedef struct {
    bg_dtype dtype;
    int rank; /* batch dimensions */
    int64_t dims[BG_MAX_RANK];
    int64_t batch, m, n, k;
    bool splits_columns; /* units are columns of the result (one row in all); otherwise rows of the whole batch */
    int64_t unit_size;   /* columns or rows of one unit of the group */
    bgi_provider provider;
    bgi_matrix x, w, y;
} bgi_product;

/* Sum or maximum over the middle of [a, k, c]; units are of a, or columns if a is 1. */
typedef struct {
    bg_dtype dtype;
    int64_t a, k, c;
    int64_t unit_size; /* of a or c, of one unit of the group */
    bgk_fold *fold;
    bgi_location x, y;
    int64_t x_offset;
} bgi_folding;

typedef struct {
    const bg_node *node;
    int64_t units, unit_size; /* pieces in all, and in one unit of the group */
    size_t unit_bytes;        /* of the output's piece */
    bgi_location y;
    int n_inputs;
    bgi_location *inputs;
    size_t *input_unit_bytes; /* 0: whole */
    size_t scratch_bytes;     /* for the op, behind the addresses of the inputs */
} bgi_calling;

/* Bytes of a worker's scratch that hold the addresses of a call's inputs. */
static inline size_t bgi_call_address_bytes(const bgi_calling *calling)
{
    return bgi_aligned((size_t)calling->n_inputs * sizeof(void *));
}

typedef enum { BGI_STEP_LOOP, BGI_STEP_PRODUCT, BGI_STEP_FOLD, BGI_STEP_CALL } bgi_step_kind;
typedef struct {
    bgi_step_kind kind;
    int group, stage;
    double flops, product_flops;
    double outer_flops; /* for reports: of products with an inner size of 1 in a loop, where each element counts once in
                           flops, as it is shared out like others */
    int n_defines;
    int *defines; /* nodes stored by this step */
    int loop;     /* during compilation */
    union {
        bgi_loop loop;
        bgi_product product;
        bgi_folding folding;
        bgi_calling calling;
    } as;
} bgi_step;

typedef struct {
    int level;
    int64_t units, chunk;
    int first_step, n_steps;
    int abreast;        /* tasks that a worker takes side by side, at most */
    size_t local_bytes; /* of a task */
    double work;        /* in operations of a product */
} bgi_group;

typedef struct {
    int group;
    int64_t first, last; /* units */
    int abreast;         /* tasks from here on that one worker takes side by side */
    double work;
} bgi_task;

/* A leaf that the program reads or updates. */
typedef struct {
    const bg_node *node;   /* in the compiler's graph */
    const bg_node *origin; /* in the user's graph, compared only */
    bgi_kind kind;
    bg_tensor *tensor;     /* held; NULL for an input without a value */
    unsigned char *data;   /* at this run */
    unsigned char *staged; /* contiguous copy of a strided tensor, or NULL */
    size_t bytes;
    bool is_updated;
} bgi_leaf;

/* Each level's counter of tasks has a cache line of its own. */
typedef struct {
    _Alignas(64) atomic_int next;
} bgi_counter;

struct bg_program {
    bg_engine *engine;
    bg_graph *graph;  /* the compiler's; kept for names, attributes and constants */
    bgi_arena memory; /* the structures below */
    int n_leaves, n_outputs, n_groups, n_steps, n_tasks, n_levels;
    bgi_leaf *leaves;
    bg_tensor **outputs;
    int *output_of; /* output i of the caller is tensor output_of[i] */
    int n_output_tensors;
    bgi_group *groups;
    bgi_step *steps;
    bgi_task *tasks;
    int *level_tasks; /* first task of each level, and one more */
    bgi_counter *counters;
    unsigned char *arena;
    size_t arena_bytes;
    unsigned char **scratch; /* of each worker: local values, then slots */
    size_t local_bytes, scratch_bytes;
    size_t unplanned_bytes;
    bool runs_alone; /* too little work to wake anybody */
    double compile_seconds;
    /* The first failure of this run: 1 + its level, or 0; its step and task, by which it is the first. */
    atomic_int failure;
    atomic_flag failing; /* held by the worker that fails */
    int64_t failure_place;
    bg_status failure_status;
    char failure_message[512];
    bg_record *records; /* where runs write what they do, or NULL */
    size_t record_capacity;
    atomic_size_t n_records;
    int64_t run_begin, run_nanoseconds;
};

/* Gives back all that a program holds, also a half-made one. */
void bgi_program_release(bg_program *program);

#endif
