/* What writing a loop's register program (emit.c) and laying out its blocks (blocks.c) share. */
#ifndef BGI_EMIT_H
#define BGI_EMIT_H

#include "compile/compile.h"

typedef struct {
    bgi_compilation *c;
    bg_program *p;
    const bgi_space *space;
    bgi_loop *loop;
    int index; /* of the space */
    int value_capacity, instruction_capacity;
    int *value_of; /* of a node, in this loop; valid where owner is index + 1 */
    int *owner;
    int *last_memory; /* of a node, the operand in its memory added last; valid where memory_owner is index + 1 */
    int *memory_owner;
    int last_constant;
    bool *is_absorbed;
    bool reduces;
    bg_status status;
} bgi_emitter;

/* New values and instructions of the loop; on failure the emitter's status is set. */
int bgi_add_value(bgi_emitter *e, bgi_loop_value value);
void bgi_add_instruction(bgi_emitter *e, bgi_instruction instruction);
int bgi_temporary(bgi_emitter *e, bool is_full);

static inline size_t bgi_register_size(const bgi_emitter *e) { return bg_dtype_size(e->space->dtype); }

/* blocks.c: settles how blocks of the finished program lie in memory and registers. */
void bgi_lay_out_blocks(bgi_emitter *e);

/* steps.c: fills a step that is no loop from the node that it computes. */
void bgi_emit_product(const bgi_compilation *c, bgi_step *step);
void bgi_emit_fold(const bgi_compilation *c, bgi_step *step);
bg_status bgi_emit_call(const bgi_compilation *c, bgi_step *step);

#endif
