/* Measures the training step of a workload, after a look at its gradient. */
#include "bench_workload.h"

#include "bench_cores.h"

#include "commands.h"
#include "machine.h"
#include "output.h"
#include "signals.h"

#include <math.h>
#include <stdlib.h>

static bg_status run_steps(const workload_step *step, int64_t n, double *loss)
{
    bg_status status = bench_run_program(step->program, n);
    return status == BG_OK ? bg_tensor_item(bg_program_output(step->program, 0), 0, loss) : status;
}

/* Programs of one graph, measured in turns: the loss; in training the loss and its gradients; the whole step. What one
 * takes longer than the one before is the time of its further part. The least times are the ones that tell: what else
 * runs on the machine makes the others differ by more than the parts. */
static bg_status measure_parts(const workload_step *step, double seconds, bench_workload_result *r)
{
    bool trains = step->learning_rate != NULL;
    bg_program *programs[3] = { NULL };
    int n = 0;
    bg_status status = workload_part(&programs[n++], step, false);
    if (status == BG_OK && trains)
        status = workload_part(&programs[n++], step, true);
    programs[n++] = step->program;
    bench_time times[3];
    if (status == BG_OK)
        status = bench_measure(times, (bench_run *const[]){ bench_run_program, bench_run_program, bench_run_program },
                               (void *const[]){ programs[0], programs[1], programs[2] }, n, seconds);
    if (status == BG_OK) {
        r->forward = times[0].min;
        r->backward = times[1].min - times[0].min;
        r->update = trains ? times[2].min - times[1].min : 0;
    }
    for (int i = 0; i < n - 1; i++)
        bg_program_destroy(programs[i]);
    return status;
}

static bg_status measure(workload_step *step, const workload *w, double seconds, bench_workload_result *r)
{
    r->report = bg_program_report(step->program);
    bg_status status = workload_check(step, w, &r->first);
    bool has_forgotten = machine_forget_memory(); /* what the check needed, which is more than a step does */
    if (status == BG_OK)
        status = run_steps(step, WARM_UP_STEPS, &r->loss);
    if (status == BG_OK)
        status = bench_measure(&r->step, (bench_run *const[]){ bench_run_program }, (void *const[]){ step->program }, 1,
                               seconds);
    r->resident_bytes = has_forgotten ? machine_peak_memory() : NAN;
    return status == BG_OK ? measure_parts(step, seconds / 2, r) : status;
}

static int show_program(const workload_step *step, const workload *w, int threads)
{
    size_t length = bg_program_dump(step->program, NULL, 0);
    char *text = malloc(length + 1);
    if (!text)
        return output_failure("out of memory");
    bg_program_dump(step->program, text, length + 1);
    if (length && text[length - 1] == '\n')
        text[length - 1] = 0;
    output_line("%s on %d thread%s\n%s", w->name, threads, threads == 1 ? "" : "s", text);
    free(text);
    return 0;
}

static int show(const bench_config *config, const workload *w, bg_engine *engine, bench_workload_result *result,
                const bench_profile *profile, const bench_one_core *one)
{
    result->peak = bg_engine_measure_peak(engine, workload_dtype(w) == BG_F64, 0.1);
    if (!config->results.json) {
        bench_show_workload(w, engine, result, config->with_report);
        if (config->with_profile)
            bench_profile_show(profile);
        if (config->n_cores && bench_cores_show(config, w, one) != BG_OK)
            return output_library();
    }
    event *e = event_create(NULL);
    bench_put_workload(e, w, engine, result);
    if (config->with_profile)
        bench_profile_put(e, profile);
    if (config->n_cores)
        bench_cores_put(e, config, one);
    bench_describe(e, engine);
    return results_add(&config->results, e);
}

int bench_workload(const bench_config *config, const workload *w, bg_engine *engine)
{
    workload_step step;
    if (workload_start(&step, w, engine, workload_dtype(w), NULL) != BG_OK)
        return bench_fail(w);
    if (config->with_dump) {
        int code = show_program(&step, w, bg_engine_describe(engine).threads);
        workload_finish(&step);
        return code;
    }
    bench_workload_result result = { .forward = NAN };
    bench_profile *profile = NULL;
    bench_one_core one = { .engine = NULL };
    int threads = bg_engine_describe(engine).threads;
    bg_status status = measure(&step, w, config->seconds, &result);
    if (status == BG_OK && (config->with_profile || config->trace))
        status = bench_profile_create(&profile, step.program, threads, config->seconds);
    if (profile && config->trace)
        bench_trace_add(config->trace, w->name, step.program, profile);
    if (status == BG_OK && config->n_cores)
        status = bench_one_core_create(&one, config, w);
    int code = status == BG_OK                                ? show(config, w, engine, &result, profile, &one)
               : status == BG_ERR_STOPPED && signals_caught() ? 128 + signals_caught()
                                                              : bench_fail(w);
    workload_finish(&step);
    bench_profile_destroy(profile);
    bench_one_core_destroy(&one);
    return code;
}
