/* Running a program: inputs, phases, effects. */
#include "run/run.h"
#include "base/clock.h"
#include "base/pool.h"

#include <string.h>

/* All tasks of a level are run, and of several failures the one counts whose step comes first, then whose units do: the
 * message is the same however the units were dealt out. */
static void fail_run(bg_program *p, bg_status status, int level, int step, const bgi_task *task)
{
    int64_t place = (int64_t)step << 32 | (int64_t)(task - p->tasks);
    while (atomic_flag_test_and_set_explicit(&p->failing, memory_order_acquire))
        continue;
    if (atomic_load_explicit(&p->failure, memory_order_relaxed) == 0 || place < p->failure_place) {
        p->failure_place = place;
        p->failure_status = status;
        strncpy(p->failure_message, bg_last_error(), sizeof p->failure_message - 1);
        atomic_store_explicit(&p->failure, level + 1, memory_order_relaxed);
    }
    atomic_flag_clear_explicit(&p->failing, memory_order_release);
}

static inline bg_status run_step(const bgi_worker *worker, const bgi_step *step, int64_t first, int64_t last)
{
    switch (step->kind) {
    case BGI_STEP_LOOP:
        bgi_run_loop(worker, &step->as.loop, first, last);
        break;
    case BGI_STEP_PRODUCT:
        bgi_run_product(worker, &step->as.product, first, last);
        break;
    case BGI_STEP_FOLD:
        bgi_run_fold(worker, &step->as.folding, first, last);
        break;
    case BGI_STEP_CALL:
        return bgi_run_call(worker, &step->as.calling, first, last);
    }
    return BG_OK;
}

/* Tasks of one group, each with local values of its own, one step after the other. A task that fails ends. */
static void run_tasks_abreast(bgi_worker *worker, const bgi_task *tasks, int count)
{
    bg_program *p = worker->program;
    const bgi_group *group = &p->groups[tasks->group];
    unsigned char *locals = p->scratch[worker->index];
    bool is_recording = p->records != NULL;
    int64_t begin = is_recording ? bgi_record_now(p) : 0;
    for (int i = 0; i < group->n_steps; i++)
        for (int t = 0; t < count; t++) {
            worker->locals = locals + (size_t)t * group->local_bytes;
            bg_status status = run_step(worker, &p->steps[group->first_step + i], tasks[t].first, tasks[t].last);
            if (status) {
                fail_run(p, status, group->level, group->first_step + i, &tasks[t]);
                return;
            }
            if (is_recording)
                begin = bgi_record(worker, group->level, group->first_step + i, begin);
        }
}

static void meet(const bgi_worker *worker, int level)
{
    bg_program *p = worker->program;
    int64_t begin = p->records ? bgi_record_now(p) : 0;
    bgi_pool_barrier(p->engine->pool);
    if (p->records)
        (void)bgi_record(worker, level, BG_WAIT, begin);
}

/* Steps that can fail come before the first phase with an update, so that a failure seen at a barrier leaves no effect.
 * All workers leave after the same barrier: one that is still in front of it may see the failure of the phase behind.
 */
static void run_together(void *context, int index)
{
    bg_program *p = context;
    bgi_worker worker = { p, NULL, p->scratch[index] + p->local_bytes, index };
    for (int level = 0; level < p->n_levels; level++) {
        int end = p->level_tasks[level + 1],
            next = atomic_load_explicit(&p->counters[level].next, memory_order_relaxed);
        while (next < end) {
            int count = p->tasks[next].abreast;
            if (atomic_compare_exchange_weak_explicit(&p->counters[level].next, &next, next + count,
                                                      memory_order_relaxed, memory_order_relaxed)) {
                run_tasks_abreast(&worker, &p->tasks[next], count);
                next = atomic_load_explicit(&p->counters[level].next, memory_order_relaxed);
            }
        }
        if (level + 1 < p->n_levels)
            meet(&worker, level);
        int failure = atomic_load_explicit(&p->failure, memory_order_relaxed);
        if (failure && failure <= level + 1)
            return;
    }
}

static void run_alone(void *context, int index)
{
    bg_program *p = context;
    bgi_worker worker = { p, NULL, p->scratch[index] + p->local_bytes, index };
    for (int i = 0, count; i < p->n_tasks; i += count) {
        int failure = atomic_load_explicit(&p->failure, memory_order_relaxed);
        if (failure && failure <= p->groups[p->tasks[i].group].level)
            return;
        count = p->tasks[i].abreast;
        run_tasks_abreast(&worker, &p->tasks[i], count);
    }
}

static void run_tasks(bg_program *p)
{
    for (int level = 0; level < p->n_levels; level++)
        atomic_store_explicit(&p->counters[level].next, p->level_tasks[level], memory_order_relaxed);
    atomic_store_explicit(&p->failure, 0, memory_order_relaxed);
    if (p->records) {
        atomic_store_explicit(&p->n_records, 0, memory_order_relaxed);
        p->run_begin = bgi_clock_nanoseconds();
    }
    if (p->runs_alone || p->engine->threads == 1)
        bgi_pool_run_alone(p->engine->pool, run_alone, p);
    else
        bgi_pool_run(p->engine->pool, run_together, p);
    if (p->records)
        p->run_nanoseconds = bgi_record_now(p);
}

static void copy_staged(const bgi_leaf *leaf, bool back)
{
    const bg_tensor *t = leaf->tensor;
    int64_t strides[BG_MAX_RANK];
    bgi_shape_strides(t->shape, strides);
    if (back)
        bgi_strided_copy(bgi_tensor_bytes(t), t->strides, leaf->staged, strides, t->shape, bg_dtype_size(t->dtype));
    else
        bgi_strided_copy(leaf->staged, strides, bgi_tensor_bytes(t), t->strides, t->shape, bg_dtype_size(t->dtype));
}

static bg_status resolve_leaves(bg_program *p)
{
    for (int i = 0; i < p->n_leaves; i++) {
        bgi_leaf *leaf = &p->leaves[i];
        if (leaf->kind == BGI_SCALAR)
            continue;
        if (!leaf->tensor)
            return bg_fail(BG_ERR_UNBOUND, "run: input \"%s\" %s has no value; give it one with bg_program_bind",
                           leaf->node->name ? leaf->node->name : "", bgi_shape_format(leaf->node->shape).text);
        if (leaf->staged)
            copy_staged(leaf, false);
        leaf->data = leaf->staged ? leaf->staged : bgi_tensor_bytes(leaf->tensor);
    }
    return BG_OK;
}

bg_status bg_program_run(bg_program *p)
{
    if (!p)
        return bg_fail(BG_ERR_ARGUMENT, "run: program is NULL");
    bg_engine *engine = p->engine;
    bg_status status = bgi_engine_check(engine, "run");
    if (status)
        return status;
    if (atomic_exchange(&engine->is_running, true))
        return bg_fail(BG_ERR_BUSY, "run: the engine is running a program");
    status = resolve_leaves(p);
    if (!status) {
        run_tasks(p);
        if (atomic_load(&p->failure))
            status = bg_fail(p->failure_status, "%s", p->failure_message);
    }
    for (int i = 0; i < p->n_leaves && !status; i++)
        if (p->leaves[i].is_updated) {
            if (p->leaves[i].staged)
                copy_staged(&p->leaves[i], true);
            p->leaves[i].tensor->storage->version++;
        }
    atomic_store(&engine->is_running, false);
    return status;
}

static bgi_leaf *find_leaf(bg_program *p, const bg_node *input)
{
    for (int i = 0; i < p->n_leaves; i++)
        if (p->leaves[i].origin == input && p->leaves[i].kind == BGI_INPUT)
            return &p->leaves[i];
    return NULL;
}

/* node: the input, which is of the compiler's graph if the program uses it. */
static bg_status check_value(const bg_node *node, const bg_tensor *value)
{
    if (value->dtype != node->dtype)
        return bg_fail(BG_ERR_DTYPE, "bind: input \"%s\" is %s, the tensor %s", node->name, bg_dtype_name(node->dtype),
                       bg_dtype_name(value->dtype));
    if (!bg_shape_equal(value->shape, node->shape))
        return bg_fail(BG_ERR_SHAPE, "bind: input \"%s\" is %s, the tensor %s", node->name,
                       bgi_shape_format(node->shape).text, bgi_shape_format(value->shape).text);
    return BG_OK;
}

/* Whether the program writes what it would read at any time of its run. */
static bg_status check_overlap(const bg_program *p, const char *name, const bg_tensor *value)
{
    for (int i = 0; i < p->n_leaves; i++)
        if (p->leaves[i].is_updated && bgi_tensor_overlap(value, p->leaves[i].tensor))
            return bg_fail(BG_ERR_OVERLAP,
                           "bind: the tensor for input \"%s\" shares memory with a %s that the program updates; state "
                           "that goes around is a bg_buffer",
                           name, p->leaves[i].kind == BGI_PARAMETER ? "parameter" : "buffer");
    for (int i = 0; i < p->n_output_tensors; i++)
        if (bgi_tensor_overlap(value, p->outputs[i]))
            return bg_fail(BG_ERR_OVERLAP,
                           "bind: the tensor for input \"%s\" is an output of the program; state that goes around is a "
                           "bg_buffer",
                           name);
    return BG_OK;
}

static bg_status set_value(bg_program *p, bgi_leaf *leaf, bg_tensor *value)
{
    unsigned char *staged = NULL;
    if (value && !bg_tensor_is_contiguous(value)) {
        staged = bgi_alloc(p->engine, leaf->bytes);
        if (!staged)
            return BG_ERR_NOMEM;
    }
    if (value)
        bgi_tensor_retain(value);
    bg_tensor_destroy(leaf->tensor);
    if (leaf->staged)
        bgi_free(p->engine, leaf->staged, leaf->bytes);
    leaf->tensor = value;
    leaf->staged = staged;
    return BG_OK;
}

bg_status bg_program_bind(bg_program *p, bg_node *input, bg_tensor *value)
{
    if (!p || !input)
        return bg_fail(BG_ERR_ARGUMENT, "bind: %s is NULL", p ? "input" : "program");
    /* The input's graph may be gone, so what the program knows of it comes first. */
    bgi_leaf *leaf = find_leaf(p, input);
    if (!leaf && !bgi_node_is(input, BGI_INPUT))
        return bg_fail(BG_ERR_ARGUMENT, "bind: the node is not an input");
    bg_status status = bgi_engine_check(p->engine, "bind");
    if (status)
        return status;
    if (atomic_load(&p->engine->is_running))
        return bg_fail(BG_ERR_BUSY, "bind: the engine is running a program");
    if (value)
        status = check_value(leaf ? leaf->node : input, value);
    if (!status && value && leaf)
        status = check_overlap(p, leaf->node->name, value);
    return status || !leaf ? status : set_value(p, leaf, value);
}

const bg_tensor *bg_program_output(const bg_program *p, size_t i)
{
    return p && i < (size_t)p->n_outputs ? p->outputs[p->output_of[i]] : NULL;
}

void bg_program_destroy(bg_program *p) { bgi_program_release(p); }
