/* Runs a loop: its instructions over one block of rows and columns after another. */
#include "run/run.h"

enum { MOST_ON_STACK = 48 };

typedef struct {
    const bgi_loop *loop;
    const unsigned char **pointers; /* of each value in this block */
    unsigned char **bases;
    int64_t rows, columns;
    bool is_first_column, is_first_block;
} block;

/* Reads and writes through one table of addresses; a target is never constant. */
static inline void *target_of(const block *b, int value) { return (void *)(uintptr_t)b->pointers[value]; }

static void run_load(const block *b, const bgi_instruction *x)
{
    const bgi_loop_value *v = &b->loop->values[x->operand[0]];
    int64_t rows = x->is_hoisted ? b->loop->block_rows : b->rows;
    x->load(target_of(b, x->target), b->pointers[x->operand[0]], rows, v->is_full ? b->columns : 1,
            v->outer[b->loop->rank - 1], v->column);
}

static void run_reduce(const block *b, const bgi_instruction *x)
{
    void *target = target_of(b, x->target);
    const void *a = b->pointers[x->operand[0]];
    if (b->is_first_column) {
        x->reduce(target, a, b->rows, b->columns, b->columns);
    } else { /* a further part of one long row */
        double part;
        x->reduce(&part, a, 1, b->columns, b->columns);
        x->map(target, target, 1, &part, 1, NULL, 0, 1);
    }
}

static void run_descend(const block *b, const bgi_instruction *x)
{
    const bgi_descent *descent = x->descent;
    const void *operands[BGK_DESCEND_OPERANDS];
    for (int k = 0; k < BGK_DESCEND_OPERANDS; k++)
        operands[k] = b->pointers[descent->operand[k]];
    descent->run(target_of(b, x->target), target_of(b, descent->momentum), operands, descent->stride,
                 b->rows * b->columns);
}

static void run_block(const block *b)
{
    const bgi_loop *loop = b->loop;
    for (int i = 0; i < loop->n_instructions; i++) {
        const bgi_instruction *x = &loop->instructions[i];
        switch (x->kind) {
        case BGI_DO_MAP:
            if (x->is_full || b->is_first_column) {
                const void *a = b->pointers[x->operand[0]];
                const void *c = x->operand[1] < 0 ? NULL : b->pointers[x->operand[1]];
                const void *d = x->operand[2] < 0 ? NULL : b->pointers[x->operand[2]];
                x->map(target_of(b, x->target), a, x->stride[0], c, x->stride[1], d, x->stride[2],
                       x->is_full ? b->rows * b->columns : b->rows);
            }
            break;
        case BGI_DO_LOAD:
            if (x->is_hoisted ? b->is_first_block : x->is_full || b->is_first_column)
                run_load(b, x);
            break;
        case BGI_DO_EXPAND:
            x->load(target_of(b, x->target), b->pointers[x->operand[0]], b->rows, b->columns, x->stride[0], 0);
            break;
        case BGI_DO_REDUCE:
            run_reduce(b, x);
            break;
        case BGI_DO_STORE:
            if (x->is_full || b->is_first_column)
                x->store(target_of(b, x->target), b->pointers[x->operand[0]],
                         x->is_full ? b->rows * b->columns : b->rows);
            break;
        case BGI_DO_DESCEND:
            run_descend(b, x);
            break;
        }
    }
}

/* Sets the addresses of the operands in memory for the block at a row and column. */
static inline void find_operands(const block *b, const int64_t *index, int64_t column)
{
    const bgi_loop *loop = b->loop;
    int inner = loop->rank - 1;
    for (int i = 0; i < loop->n_memory; i++) {
        const bgi_loop_value *v = &loop->values[i];
        int64_t at = index[inner] * v->outer[inner] + column * v->column;
        for (int d = 0; d < inner; d++)
            at += index[d] * v->outer[d];
        b->pointers[i] = (unsigned char *)((uintptr_t)b->bases[i] + (uintptr_t)at * v->size);
    }
}

void bgi_run_loop(const bgi_worker *worker, const bgi_loop *loop, int64_t first, int64_t last)
{
    /* More values than this are rare; their addresses then lie behind the loop's slots. */
    const unsigned char *few_pointers[MOST_ON_STACK];
    unsigned char *few_bases[MOST_ON_STACK];
    unsigned char *slots = worker->scratch;
    block b = { .loop = loop, .pointers = few_pointers, .bases = few_bases, .is_first_block = true };
    if (loop->n_values > MOST_ON_STACK) {
        unsigned char *table = slots + (size_t)loop->n_slots * loop->slot_bytes;
        b.pointers = (const unsigned char **)(void *)table;
        b.bases = (unsigned char **)(void *)table + loop->n_values;
    }
    for (int i = 0; i < loop->n_memory; i++) {
        const bgi_loop_value *v = &loop->values[i];
        b.bases[i] =
            (unsigned char *)((uintptr_t)bgi_locate(worker, &v->where, first) + (uintptr_t)v->offset * v->size);
    }
    for (int i = loop->n_memory; i < loop->n_values; i++) {
        const bgi_loop_value *v = &loop->values[i];
        b.pointers[i] = v->kind == BGI_IS_TEMPORARY ? slots + (size_t)v->slot * loop->slot_bytes
                        : loop->dtype == BG_F64     ? (const unsigned char *)&v->f64
                                                    : (const unsigned char *)&v->f32;
    }
    int64_t end = last * loop->unit_rows;
    int64_t inner = loop->outer[loop->rank - 1], index[BG_MAX_RANK];
    for (int64_t row = first * loop->unit_rows; row < end; row += b.rows) {
        int64_t place = row;
        if (loop->rank > 1) {
            int64_t rest = row / inner;
            place = row % inner;
            for (int d = loop->rank - 2; d >= 0; d--) {
                index[d] = rest % loop->outer[d];
                rest /= loop->outer[d];
            }
        }
        index[loop->rank - 1] = place;
        b.rows = end - row < inner - place ? end - row : inner - place;
        b.rows = b.rows < loop->block_rows ? b.rows : loop->block_rows;
        for (int64_t column = 0; column < loop->columns; column += loop->block_columns) {
            b.columns = loop->columns - column < loop->block_columns ? loop->columns - column : loop->block_columns;
            b.is_first_column = column == 0;
            find_operands(&b, index, column);
            run_block(&b);
            b.is_first_block = false;
        }
    }
}
