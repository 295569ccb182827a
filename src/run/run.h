/* The executor from the inside. */
#ifndef BGI_RUN_H
#define BGI_RUN_H

#include "compile/program.h"

/* One worker's view of a run. */
typedef struct {
    bg_program *program;
    unsigned char *locals;  /* of the task */
    unsigned char *scratch; /* of the step */
    int index;
} bgi_worker;

/* The address of a value's unit 0, for a task that begins at unit `first`; a local value has memory from `first` on
 * only. */
static inline unsigned char *bgi_locate(const bgi_worker *worker, const bgi_location *where, int64_t first)
{
    if (where->place == BGI_AT_LOCAL)
        return (unsigned char *)((uintptr_t)(worker->locals + where->offset) - (uintptr_t)first * where->unit_bytes);
    return *where->base + where->offset;
}

/* Each runs units [first, last) of its group. */
void bgi_run_loop(const bgi_worker *worker, const bgi_loop *loop, int64_t first, int64_t last);
void bgi_run_product(const bgi_worker *worker, const bgi_product *product, int64_t first, int64_t last);
void bgi_run_fold(const bgi_worker *worker, const bgi_folding *folding, int64_t first, int64_t last);
bg_status bgi_run_call(const bgi_worker *worker, const bgi_calling *calling, int64_t first, int64_t last);

/* ---- Records ---- */

/* Nanoseconds since the run began. */
int64_t bgi_record_now(const bg_program *program);
/* Writes down that the worker was in a step, or waited, from `begin` until now, which it returns. */
int64_t bgi_record(const bgi_worker *worker, int phase, int step, int64_t begin);

#endif
