/* Results of workloads, as fields or as text of at most 79 columns. */
#include "bench_workload.h"
#include "commit.h"
#include "machine.h"
#include "output.h"
#include "program_report.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

void bench_describe(event *e, bg_engine *engine)
{
    char cpu[160];
    bg_engine_info info = bg_engine_describe(engine);
    event_text(e, "cpu", machine_cpu(cpu, sizeof cpu));
    event_text(e, "kernels", info.kernels);
    event_text(e, "gemm", info.gemm == BG_GEMM_OPENBLAS ? "openblas" : "auto");
    event_text(e, "blas", info.blas);
    event_text(e, "blas_core", info.blas_core);
    event_text(e, "version", bg_version());
    event_text(e, "commit", commit_id);
}

void bench_put_workload(event *e, const workload *w, const bg_engine *engine, const bench_workload_result *r)
{
    int threads = bg_engine_describe(engine).threads;
    double gflops = r->report.flops / r->step.median * 1e-9;
    event_text(e, "workload", w->name);
    event_integer(e, "threads", threads);
    event_number(e, "step_ms", r->step.median * 1e3);
    event_number(e, "q1_ms", r->step.q1 * 1e3);
    event_number(e, "q3_ms", r->step.q3 * 1e3);
    event_number(e, "min_ms", r->step.min * 1e3);
    event_integer(e, "trials", r->step.trials);
    event_integer(e, "steps_per_trial", r->step.runs);
    event_number(e, "forward_ms", r->forward * 1e3);
    event_number(e, "backward_ms", r->backward * 1e3);
    event_number(e, "update_ms", r->update * 1e3);
    event_text(e, "dtype", bg_dtype_name(workload_dtype(w)));
    if (w->model) {
        event_text(e, "model", w->model);
        event_integer(e, "batch", w->batch);
        char input[BG_MAX_RANK * 24] = "";
        size_t length = 0;
        for (int i = 0; i < w->sample.rank; i++)
            length += (size_t)snprintf(input + length, sizeof input - length, "%s%lld", i ? "x" : "",
                                       (long long)w->sample.dims[i]);
        event_text(e, "input", input);
        event_text(e, "loss_function", w->loss);
    }
    if (w->vocabulary)
        event_integer(e, "token_kinds", w->vocabulary);
    if (w->classes)
        event_integer(e, "classes", w->classes);
    event_text(e, "unit", w->unit);
    event_number(e, "per_second", (double)w->units / r->step.median);
    event_number(e, "gflops", gflops);
    event_number(e, "peak_share", gflops / (r->peak * 1e-9 * threads));
    event_number(e, "peak_gflops", r->peak * 1e-9);
    program_report_put(e, &r->report);
    event_number(e, "peak_resident_bytes", r->resident_bytes);
    event_number(e, "allocations_per_step", r->step.allocations);
    event_number(e, "compile_seconds", r->report.compile_seconds);
    event_number(e, "gradient_error", r->first.error);
    event_number(e, "first_loss", r->first.loss);
    event_number(e, "loss", r->loss);
    if (w->objective || w->routine)
        event_number(e, "norm", r->first.norm);
    event_integer(e, "loss_steps", 1 + WARM_UP_STEPS);
}

int bench_fail(const workload *w)
{
    return w->name == w->model ? output_failure("%s, batch %lld: %s", w->name, (long long)w->batch, bg_last_error())
                               : output_failure("%s: %s", w->name, bg_last_error());
}

enum { NAME_WIDTH = 10 }; /* a longer name has a line of its own */

void bench_show_header(void)
{
    output_line("%-*s %3s %8s %17s %20s %7s %6s", NAME_WIDTH, "workload", "thr", "step ms", "quartiles", "per second",
                "GFLOP/s", "peak");
}

void bench_show_workload(const workload *w, const bg_engine *engine, const bench_workload_result *r, bool with_report)
{
    int threads = bg_engine_describe(engine).threads;
    double rate = r->report.flops / r->step.median;
    bool is_long = strlen(w->name) > NAME_WIDTH;
    if (is_long && w->batch > 0)
        output_line("%s, batch %lld", w->name, (long long)w->batch);
    else if (is_long)
        output_line("%s", w->name);
    output_line("%-*s %3d %8.4g %8.4g %8.4g %10.0f %-9s %7.2f %5.1f%%", NAME_WIDTH, is_long ? "" : w->name, threads,
                r->step.median * 1e3, r->step.q1 * 1e3, r->step.q3 * 1e3, (double)w->units / r->step.median, w->unit,
                rate * 1e-9, 100 * rate / (r->peak * threads));
    output_line("    least %.4g ms: forward %.3g, backward %.3g, update %.3g", r->step.min * 1e3, r->forward * 1e3,
                r->backward * 1e3, r->update * 1e3);
    if (!with_report)
        return;
    const bg_report *p = &r->report;
    char text[PROGRAM_REPORT_BYTES];
    output_line("    %s; %.4g MFLOP, products %.4g", program_report_text(p, text), p->flops * 1e-6,
                p->product_flops * 1e-6);
    char resident[40] = "unknown";
    if (!isnan(r->resident_bytes))
        snprintf(resident, sizeof resident, "%.1f MiB", r->resident_bytes / (1024 * 1024));
    output_line("    %.1f KiB planned, %.1f without planning; peak resident %s", (double)p->planned_bytes / 1024,
                (double)p->unplanned_bytes / 1024, resident);
    output_line("    %g allocations a step; compiled in %.2f ms; %d trials of %lld steps", r->step.allocations,
                p->compile_seconds * 1e3, r->step.trials, (long long)r->step.runs);
    output_line("    gradient within %.1e of f64, %.1e allowed; loss %.5f, then %.5f", r->first.error,
                r->first.tolerance, r->first.loss, r->loss);
    output_line("    FMA peak of one core %.1f GFLOP/s", r->peak * 1e-9);
}
