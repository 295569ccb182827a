/* Records of what the workers do in a run. */
#include "base/clock.h"
#include "run/run.h"

int64_t bgi_record_now(const bg_program *p) { return bgi_clock_nanoseconds() - p->run_begin; }

int64_t bgi_record(const bgi_worker *worker, int phase, int step, int64_t begin)
{
    bg_program *p = worker->program;
    int64_t end = bgi_record_now(p);
    size_t place = atomic_fetch_add_explicit(&p->n_records, 1, memory_order_relaxed);
    if (place < p->record_capacity)
        p->records[place] =
            (bg_record){ .worker = worker->index, .phase = phase, .step = step, .begin = begin, .end = end };
    return end;
}

bg_status bg_program_record(bg_program *p, bg_record *records, size_t capacity)
{
    if (!p || (capacity && !records))
        return bg_fail(BG_ERR_ARGUMENT, "record: %s is NULL", p ? "the memory for records" : "program");
    bg_status status = bgi_engine_check(p->engine, "record");
    if (status)
        return status;
    if (atomic_load(&p->engine->is_running))
        return bg_fail(BG_ERR_BUSY, "record: the engine is running a program");
    p->records = records;
    p->record_capacity = capacity;
    return BG_OK;
}

bg_recorded bg_program_recorded(const bg_program *p)
{
    return p ? (bg_recorded){ .records = atomic_load(&p->n_records), .nanoseconds = p->run_nanoseconds }
             : (bg_recorded){ 0 };
}
