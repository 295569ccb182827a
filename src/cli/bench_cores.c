/* What a step would take on more cores than there are. A phase's tasks are dealt out one by one, in their order, to the
 * worker that is free first; a run with few workers and large matrices gives each of them several at a time. A task's
 * time is its share, by the estimate that they are dealt out by, of what the phase took on one core. Behind each phase
 * stands a barrier, which takes the longer the more workers meet: all of them count themselves at one place, one after
 * another. What cores share (memory's bandwidth, caches, the clock of the chip) is not in it, so this is a bound that
 * the phases set, not a prediction. */
#include "bench_cores.h"

#include "commands.h"
#include "output.h"

#include <stdlib.h>

static bg_status measure_barrier(bench_barrier *barrier)
{
    bg_engine *engine;
    bg_status status = bg_engine_create(&engine, NULL);
    if (status != BG_OK)
        return status;
    barrier->workers = bg_engine_describe(engine).threads;
    status = bg_engine_measure_barrier(engine, 0.1, &barrier->seconds);
    bg_engine_destroy(engine);
    return status;
}

int bench_cores_check(void)
{
    bg_engine *engine;
    if (bg_engine_create(&engine, NULL) != BG_OK)
        return output_library();
    int workers = bg_engine_describe(engine).threads;
    bg_engine_destroy(engine);
    return workers > 1 ? EXIT_DONE
                       : output_failure("--cores: a barrier is measured with two workers or more, and this process may "
                                        "use one core only");
}

bg_status bench_one_core_create(bench_one_core *one, const bench_config *config, const workload *w)
{
    *one = (bench_one_core){ .engine = NULL };
    bg_engine_options options = { .threads = 1, .gemm = config->gemm };
    bg_status status = measure_barrier(&one->barrier);
    if (status == BG_OK)
        status = bg_engine_create(&one->engine, &options);
    if (status == BG_OK)
        status = workload_start(&one->step, w, one->engine, workload_dtype(w), NULL);
    if (status == BG_OK)
        status = bench_profile_create(&one->profile, one->step.program, 1, config->seconds);
    return status;
}

void bench_one_core_destroy(bench_one_core *one)
{
    bench_profile_destroy(one->profile);
    workload_finish(&one->step);
    bg_engine_destroy(one->engine);
}

typedef struct {
    double seconds;  /* of a step */
    double barriers; /* the part of it in barriers .. */
    double idle;     /* .. and in waiting for the longest tasks, on average over the workers */
} projection;

typedef struct {
    double flops;
    int tasks;
    double work, largest; /* of all tasks, and of the largest */
} phase_work;

static phase_work work_of(const bg_program *program, const bg_report *report, int phase)
{
    phase_work sum = { .tasks = 0 };
    for (int i = 0; i < report->steps; i++) {
        bg_step_info step = bg_program_step(program, i);
        sum.flops += step.phase == phase ? step.flops : 0;
    }
    for (int i = 0; i < report->tasks; i++) {
        bg_task_info task = bg_program_task(program, i);
        if (task.phase != phase)
            continue;
        sum.tasks++;
        sum.work += task.work;
        sum.largest = task.work > sum.largest ? task.work : sum.largest;
    }
    return sum;
}

/* Of the phase's work on one core, the part in a task. */
static double share_of(const phase_work *all, double work)
{
    return all->work > 0 ? work / all->work : 1.0 / all->tasks;
}

static double phase_seconds(const bg_program *program, const bg_report *report, int phase, double alone, double *loads,
                            int cores)
{
    phase_work all = work_of(program, report, phase);
    double longest = 0;
    for (int w = 0; w < cores; w++)
        loads[w] = 0;
    for (int i = 0; i < report->tasks; i++) {
        bg_task_info task = bg_program_task(program, i);
        int free = 0;
        if (task.phase != phase)
            continue;
        for (int w = 1; w < cores; w++)
            free = loads[w] < loads[free] ? w : free;
        loads[free] += alone * share_of(&all, task.work);
        longest = loads[free] > longest ? loads[free] : longest;
    }
    return longest;
}

/* False: out of memory. */
static bool project(const bg_program *program, const bench_profile *profile, int cores, bench_barrier barrier,
                    projection *result)
{
    bg_report report = bg_program_report(program);
    double *loads = calloc((size_t)cores, sizeof *loads), work = 0;
    *result = (projection){ .seconds = 0 };
    if (!loads)
        return false;
    int workers = report.runs_alone ? 1 : cores;
    for (int phase = 0; phase < report.phases; phase++) {
        double alone = bench_profile_phase(profile, phase);
        result->seconds += phase_seconds(program, &report, phase, alone, loads, workers);
        work += alone;
    }
    result->idle = result->seconds - work / workers;
    if (workers > 1)
        result->barriers = report.phases * barrier.seconds * workers / barrier.workers;
    result->seconds += result->barriers;
    free(loads);
    return true;
}

void bench_cores_put(event *e, const bench_config *config, const bench_one_core *one)
{
    const bg_program *program = one->step.program;
    const bench_profile *profile = one->profile;
    bench_barrier barrier = one->barrier;
    bg_report report = bg_program_report(program);
    event_number(e, "barrier_us", barrier.seconds * 1e6);
    event_integer(e, "barrier_workers", barrier.workers);
    event_list(e, "phase_work");
    for (int phase = 0; phase < report.phases; phase++) {
        phase_work work = work_of(program, &report, phase);
        event *item = event_create(NULL);
        event_integer(item, "phase", phase);
        event_integer(item, "tasks", work.tasks);
        event_number(item, "flops", work.flops);
        event_number(item, "longest_task_ms",
                     1e3 * bench_profile_phase(profile, phase) * share_of(&work, work.largest));
        event_number(item, "one_core_ms", bench_profile_phase(profile, phase) * 1e3);
        event_append_object(e, "phase_work", item);
    }
    event_list(e, "projected");
    for (int i = 0; i < config->n_cores; i++) {
        projection p;
        if (!project(program, profile, (int)config->cores[i], barrier, &p))
            continue;
        event *item = event_create(NULL);
        event_integer(item, "cores", config->cores[i]);
        event_number(item, "step_ms", p.seconds * 1e3);
        event_number(item, "barriers_ms", p.barriers * 1e3);
        event_number(item, "idle_ms", p.idle * 1e3);
        event_append_object(e, "projected", item);
    }
}

bg_status bench_cores_show(const bench_config *config, const workload *w, const bench_one_core *one)
{
    const bg_program *program = one->step.program;
    const bench_profile *profile = one->profile;
    bench_barrier barrier = one->barrier;
    bg_report report = bg_program_report(program);
    projection alone, p;
    if (!project(program, profile, 1, barrier, &alone))
        return bg_fail(BG_ERR_NOMEM, "bench: out of memory");
    output_line("    %5s %6s %12s %13s %16s", "phase", "tasks", "MFLOP", "us, one core", "us, longest task");
    for (int phase = 0; phase < report.phases; phase++) {
        phase_work work = work_of(program, &report, phase);
        double seconds = bench_profile_phase(profile, phase);
        output_line("    %5d %6d %12.4g %13.4g %16.4g", phase, work.tasks, work.flops * 1e-6, seconds * 1e6,
                    1e6 * seconds * share_of(&work, work.largest));
    }
    output_line("    projected from the phases, not measured; a barrier: %.3g us, %d workers", barrier.seconds * 1e6,
                barrier.workers);
    if (report.runs_alone)
        output_line("    too little work to share: one worker does it all");
    output_line("    %5s %9s %12s %-9s %9s %9s %9s", "cores", "step ms", "per second", "", "times one", "barriers",
                "idle");
    for (int i = 0; i < config->n_cores; i++) {
        if (!project(program, profile, (int)config->cores[i], barrier, &p))
            return bg_fail(BG_ERR_NOMEM, "bench: out of memory");
        output_line("    %5lld %9.4g %12.0f %-9s %9.2f %8.1f%% %8.1f%%", (long long)config->cores[i], p.seconds * 1e3,
                    (double)w->units / p.seconds, w->unit, alone.seconds / p.seconds, 100 * p.barriers / p.seconds,
                    100 * p.idle / p.seconds);
    }
    return BG_OK;
}
