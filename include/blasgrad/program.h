/* Programs: graphs compiled into a flat list of steps. */
#ifndef BLASGRAD_PROGRAM_H
#define BLASGRAD_PROGRAM_H

#include <blasgrad/graph.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct bg_program bg_program;

typedef struct {
    bool no_updates; /* leave out the updates that the graph holds */
} bg_compile_options;

/* Compiles the outputs and all updates that the graph holds now. options may be NULL. The program keeps the tensors it
 * uses, not the graph. A node may be an output more than once.
 * The graph's first error, if it has one; BG_ERR_ARGUMENT for a NULL output or one of another graph; BG_ERR_NOMEM. */
BG_API bg_status bg_compile(bg_program **program, bg_graph *graph, bg_node *const *outputs, size_t n,
                            const bg_compile_options *options);
BG_API void bg_program_destroy(bg_program *program);

/* Gives an input its tensor, of the same shape and type (any strides), which the program keeps alive and whose contents
 * it reads at each run. value NULL unbinds. A tensor for an input that the program does not use is ignored, if its
 * shape and type are right. BG_ERR_OVERLAP if the tensor shares memory with an updated tensor or an output: state that
 * goes around is a bg_buffer. The graph that the input belongs to need not be there any more, if the program uses it.
 */
BG_API bg_status bg_program_bind(bg_program *program, bg_node *input, bg_tensor *value);

/* Runs all steps: all of its effects, or none and an error. BG_ERR_UNBOUND names an input without a value; BG_ERR_INDEX
 * and BG_ERR_NUMERIC name the op; what a user's op returns is passed on. Allocates nothing. */
BG_API bg_status bg_program_run(bg_program *program);

/* Output i, valid until the next run; NULL if there is no such output. It belongs to the program. */
BG_API const bg_tensor *bg_program_output(const bg_program *program, size_t i);

typedef struct {
    int steps;  /* kernels, products and fused loops */
    int phases; /* levels; within one, tasks need nothing of each other */
    int tasks;
    int barriers;           /* a run on more than one thread waits this often */
    bool runs_alone;        /* there is too little work to share between threads */
    double flops;           /* of one run: products count 2 m n k, other steps one per element and instruction */
    double product_flops;   /* the part of it in products of matrices, also those within convolutions, attention and
                               recurrent layers */
    size_t planned_bytes;   /* arena, scratch of all workers, and outputs */
    size_t unplanned_bytes; /* the sum of all intermediate values had each its own memory */
    double compile_seconds;
} bg_report;
BG_API bg_report bg_program_report(const bg_program *program);

/* One of the tasks of bg_report, counted from 0, in the order in which each phase deals them out; all zero if there is
 * none of that number. */
typedef struct {
    int phase;
    double work; /* an estimate of what it takes, in operations of a product */
} bg_task_info;
BG_API bg_task_info bg_program_task(const bg_program *program, int task);

/* Writes the program as text, a line a step, under its phase; always ends with a zero byte if capacity > 0. Returns the
 * length of the whole text, which may be more than fitted. */
BG_API size_t bg_program_dump(const bg_program *program, char *buffer, size_t capacity);

/* ---- Where the time goes ---- */

/* What one worker did at a stretch: a part of a step, or a wait for the others behind a phase. */
typedef struct {
    int worker, phase;
    int step;           /* BG_WAIT, or the step that was worked on */
    int64_t begin, end; /* nanoseconds since the run began */
} bg_record;
enum { BG_WAIT = -1 };

/* Has every further run write down what its workers do, from the first record on, in no particular order. The memory is
 * the caller's and has to stay until this is called again; NULL ends it. Records beyond the capacity are counted but
 * not kept. A run looks at the clock at the end of each record and where a worker begins to work or to wait; never
 * where none are asked for. BG_ERR_ARGUMENT, BG_ERR_BUSY. */
BG_API bg_status bg_program_record(bg_program *program, bg_record *records, size_t capacity);

/* Of the last run that wrote records: how many it made, and how long it took. */
typedef struct {
    size_t records;
    int64_t nanoseconds;
} bg_recorded;
BG_API bg_recorded bg_program_recorded(const bg_program *program);

/* One of the steps of bg_report, counted from 0; all zero if there is none of that number. */
typedef struct {
    const char *kind; /* "loop", "product", "fold" (over rows), "call" (of an op) */
    char text[160];   /* sizes and what is done, cut where it is longer */
    int phase;
    double flops, product_flops; /* of one run, as in bg_report */
    /* Of one run, those of all operands and results: an element counts once for each operand that it is a part of, and
     * in a batch of products once for each of them. */
    double bytes;
} bg_step_info;
BG_API bg_step_info bg_program_step(const bg_program *program, int step);

#ifdef __cplusplus
}
#endif
#endif
