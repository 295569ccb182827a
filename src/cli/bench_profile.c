/* Where the time of a program goes: by step, and in waiting. */
#include "bench_profile.h"

#include "machine.h"
#include "output.h"
#include "signals.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RUNS_MIN = 3, RUNS_MAX = 10000 };

typedef struct {
    bg_step_info info;
    double seconds, calls; /* of a run, on all workers together */
} step_profile;

struct bench_profile {
    int threads, phases, n_steps, runs;
    double seconds;      /* of a run */
    step_profile *steps; /* means over the runs, as all that follows */
    double *waits;       /* [phases, threads] behind a phase; behind the last one, until the run ends */
    double *starts;      /* [threads] until a worker has its first task */
    size_t capacity;     /* of each of the two */
    bg_record *records, *fastest;
    size_t n_fastest;
    int64_t fastest_nanoseconds;
    int64_t *first, *last; /* [threads] of one run: where a worker's first record begins, and its last one ends */
};

static double *wait_of(const bench_profile *p, int phase, int worker)
{
    return &p->waits[(size_t)phase * (size_t)p->threads + (size_t)worker];
}

/* Adds the times of one run. */
static void add_run(bench_profile *p, size_t n, int64_t nanoseconds)
{
    for (int w = 0; w < p->threads; w++) {
        p->first[w] = nanoseconds;
        p->last[w] = 0;
    }
    for (size_t i = 0; i < n; i++) {
        const bg_record *r = &p->records[i];
        double taken = 1e-9 * (double)(r->end - r->begin);
        if (r->step == BG_WAIT) {
            *wait_of(p, r->phase, r->worker) += taken;
        } else {
            p->steps[r->step].seconds += taken;
            p->steps[r->step].calls++;
        }
        if (r->end > p->last[r->worker])
            p->last[r->worker] = r->end;
        if (r->begin < p->first[r->worker])
            p->first[r->worker] = r->begin;
    }
    for (int w = 0; w < p->threads; w++) {
        p->starts[w] += 1e-9 * (double)p->first[w];
        if (p->last[w] > 0)
            *wait_of(p, p->phases - 1, w) += 1e-9 * (double)(nanoseconds - p->last[w]);
    }
    p->seconds += 1e-9 * (double)nanoseconds;
    p->runs++;
}

static void keep_fastest(bench_profile *p, size_t n, int64_t nanoseconds)
{
    if (p->n_fastest && nanoseconds >= p->fastest_nanoseconds)
        return;
    bg_record *kept = p->fastest;
    p->fastest = p->records;
    p->records = kept;
    p->n_fastest = n;
    p->fastest_nanoseconds = nanoseconds;
}

static bg_status record_runs(bench_profile *p, bg_program *program, double seconds)
{
    double end = machine_seconds() + seconds;
    bg_status status = BG_OK;
    while (!status && p->runs < RUNS_MAX && (p->runs < RUNS_MIN || machine_seconds() < end)) {
        status = bg_program_record(program, p->records, p->capacity);
        if (!status)
            status = bg_program_run(program);
        bg_recorded recorded = bg_program_recorded(program);
        if (!status && signals_caught())
            status = bg_fail(BG_ERR_STOPPED, "bench: interrupted");
        if (!status) {
            add_run(p, recorded.records, recorded.nanoseconds);
            keep_fastest(p, recorded.records, recorded.nanoseconds);
        }
    }
    return status;
}

static void divide_by_runs(bench_profile *p)
{
    double share = 1.0 / p->runs;
    for (int i = 0; i < p->n_steps; i++) {
        p->steps[i].seconds *= share;
        p->steps[i].calls *= share;
    }
    for (int i = 0; i < p->phases * p->threads; i++)
        p->waits[i] *= share;
    for (int w = 0; w < p->threads; w++)
        p->starts[w] *= share;
    p->seconds *= share;
}

/* How many records a run makes; there are as many in every run. */
static bg_status count_records(bg_program *program, size_t *n)
{
    bg_record one;
    bg_status status = bg_program_record(program, &one, 1);
    if (!status)
        status = bg_program_run(program);
    *n = bg_program_recorded(program).records;
    bg_status ended = bg_program_record(program, NULL, 0);
    return status ? status : ended;
}

static bg_status allocate(bench_profile *p, const bg_report *report, int threads, size_t n)
{
    size_t workers = (size_t)threads;
    p->threads = threads;
    p->phases = report->phases;
    p->n_steps = report->steps;
    p->capacity = n;
    p->steps = calloc((size_t)report->steps + 1, sizeof *p->steps);
    p->waits = calloc((size_t)report->phases * workers + 1, sizeof *p->waits);
    p->starts = calloc(workers, sizeof *p->starts);
    p->first = calloc(workers, sizeof *p->first);
    p->last = calloc(workers, sizeof *p->last);
    p->records = calloc(n + 1, sizeof *p->records);
    p->fastest = calloc(n + 1, sizeof *p->fastest);
    bool is_there = p->steps && p->waits && p->starts && p->first && p->last && p->records && p->fastest;
    return is_there ? BG_OK : bg_fail(BG_ERR_NOMEM, "bench: out of memory");
}

bg_status bench_profile_create(bench_profile **profile, bg_program *program, int threads, double seconds)
{
    size_t n = 0;
    bg_report report = bg_program_report(program);
    bg_status status = count_records(program, &n);
    *profile = calloc(1, sizeof **profile);
    if (!status && !*profile)
        status = bg_fail(BG_ERR_NOMEM, "bench: out of memory");
    if (!status)
        status = allocate(*profile, &report, threads, n);
    if (!status)
        status = record_runs(*profile, program, seconds);
    bg_status ended = bg_program_record(program, NULL, 0);
    status = status ? status : ended;
    for (int i = 0; !status && i < report.steps; i++)
        (*profile)->steps[i].info = bg_program_step(program, i);
    if (!status)
        divide_by_runs(*profile);
    if (status) {
        bench_profile_destroy(*profile);
        *profile = NULL;
    }
    return status;
}

void bench_profile_destroy(bench_profile *p)
{
    if (!p)
        return;
    free(p->steps);
    free(p->waits);
    free(p->starts);
    free(p->first);
    free(p->last);
    free(p->records);
    free(p->fastest);
    free(p);
}

const bg_record *bench_profile_records(const bench_profile *p, size_t *n)
{
    *n = p->n_fastest;
    return p->fastest;
}

/* ---- Results ---- */

static double share_of(const bench_profile *p, double seconds) { return seconds / (p->seconds * p->threads); }

double bench_profile_phase(const bench_profile *p, int phase)
{
    double seconds = 0;
    for (int i = 0; i < p->n_steps; i++)
        seconds += p->steps[i].info.phase == phase ? p->steps[i].seconds : 0;
    return seconds;
}

void bench_profile_put(event *e, const bench_profile *p)
{
    event_integer(e, "profile_runs", p->runs);
    event_number(e, "profile_ms", p->seconds * 1e3);
    event_list(e, "profile");
    for (int i = 0; i < p->n_steps; i++) {
        const step_profile *s = &p->steps[i];
        event *item = event_create(NULL);
        event_integer(item, "step", i);
        event_integer(item, "phase", s->info.phase);
        event_text(item, "kind", s->info.kind);
        event_text(item, "text", s->info.text);
        event_number(item, "calls", s->calls);
        event_number(item, "ms", s->seconds * 1e3);
        event_number(item, "share", share_of(p, s->seconds));
        event_number(item, "gflops", s->info.flops / s->seconds * 1e-9);
        event_number(item, "gigabytes_per_second", s->info.bytes / s->seconds * 1e-9);
        event_append_object(e, "profile", item);
    }
    event_list(e, "waits");
    for (int phase = 0; phase < p->phases; phase++) {
        event *item = event_create(NULL);
        event_integer(item, "phase", phase);
        for (int w = 0; w < p->threads; w++)
            event_append(item, "ms", *wait_of(p, phase, w) * 1e3);
        event_append_object(e, "waits", item);
    }
    for (int w = 0; w < p->threads; w++)
        event_append(e, "start_ms", p->starts[w] * 1e3);
}

static void show_steps(const bench_profile *p)
{
    output_line("    %4s %-7s %-27s %5s %9s %6s %10s", "step", "kind", "what", "calls", "us", "share", "rate");
    for (int i = 0; i < p->n_steps; i++) {
        const step_profile *s = &p->steps[i];
        bool is_product = s->info.product_flops > 0 && strcmp(s->info.kind, "loop") != 0;
        double rate = (is_product ? s->info.flops : s->info.bytes) / s->seconds * 1e-9;
        output_line("    %4d %-7s %-27.27s %5.4g %9.4g %5.1f%% %5.1f %s", i, s->info.kind, s->info.text, s->calls,
                    s->seconds * 1e6, 100 * share_of(p, s->seconds), rate, is_product ? "GF/s" : "GB/s");
    }
}

/* A row for each phase, or several where there are many workers. */
static void show_waits(const bench_profile *p)
{
    enum { COLUMNS = 6 };
    double waiting = 0, starting = 0, working = 0;
    for (int i = 0; i < p->phases * p->threads; i++)
        waiting += p->waits[i];
    for (int w = 0; w < p->threads; w++)
        starting += p->starts[w];
    for (int i = 0; i < p->n_steps; i++)
        working += p->steps[i].seconds;
    for (int from = 0; p->threads > 1 && from < p->threads; from += COLUMNS) {
        int to = from + COLUMNS < p->threads ? from + COLUMNS : p->threads;
        char line[COLUMNS * 24 + 40];
        for (int phase = -1; phase < p->phases; phase++) {
            size_t length = (size_t)snprintf(line, sizeof line, "    us waited    ");
            if (phase >= 0)
                length = (size_t)snprintf(line, sizeof line, "    behind %-6d", phase);
            for (int w = from; w < to; w++) {
                char cell[24];
                if (phase < 0)
                    snprintf(cell, sizeof cell, "worker %d", w);
                else
                    snprintf(cell, sizeof cell, "%.4g", *wait_of(p, phase, w) * 1e6);
                length += (size_t)snprintf(line + length, sizeof line - length, "%10s", cell);
            }
            output_line("%s", line);
        }
    }
    output_line("    steps %.1f%%, waits %.1f%%, start %.1f%% of %d x %.4g us; means of %d runs",
                100 * share_of(p, working), 100 * share_of(p, waiting), 100 * share_of(p, starting), p->threads,
                p->seconds * 1e6, p->runs);
}

void bench_profile_show(const bench_profile *p)
{
    show_steps(p);
    show_waits(p);
}
