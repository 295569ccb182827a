/* Traces for chrome://tracing. */
#include "bench_profile.h"

#include "commands.h"
#include "output.h"

#include "inside/inside.h"

#include <stdio.h>
#include <stdlib.h>

struct bench_trace {
    inside_file *file; /* NULL after a failure */
    int profiles;
    bool has_events;
};

int bench_trace_open(bench_trace **trace, const char *path)
{
    bench_trace *made = calloc(1, sizeof *made);
    if (!made)
        return output_failure("out of memory");
    if (inside_file_begin(&made->file, "--trace", path) != BG_OK) {
        free(made);
        return output_library();
    }
    *trace = made;
    return EXIT_DONE;
}

/* The first failure is told, and then nothing is written any more. */
static void write_text(bench_trace *trace, const char *text)
{
    if (trace->file && inside_file_write(trace->file, text) != BG_OK) {
        (void)output_library();
        trace->file = NULL;
    }
}

/* Writes an event, and destroys it. */
static void write_event(bench_trace *trace, event *e)
{
    char *line = event_line(e);
    if (!line && trace->file) {
        (void)output_failure("--trace: out of memory");
        inside_file_discard(trace->file);
        trace->file = NULL;
    }
    write_text(trace, trace->has_events ? ",\n" : "[\n");
    write_text(trace, line ? line : "");
    trace->has_events = true;
    free(line);
    event_destroy(e);
}

static event *start_event(const bench_trace *trace, const char *phase, const char *name, int worker)
{
    event *e = event_create(NULL);
    event_text(e, "name", name);
    event_text(e, "ph", phase);
    event_integer(e, "pid", trace->profiles);
    event_integer(e, "tid", worker);
    return e;
}

/* The name of a process or a lane. */
static void write_name(bench_trace *trace, const char *kind, int worker, const char *name)
{
    event *e = start_event(trace, "M", kind, worker), *arguments = event_create(NULL);
    event_text(arguments, "name", name);
    event_object(e, "args", arguments);
    write_event(trace, e);
}

static void write_record(bench_trace *trace, const bg_program *program, const bg_record *r)
{
    bg_step_info info = bg_program_step(program, r->step);
    bool is_wait = r->step == BG_WAIT;
    event *e = start_event(trace, "X", is_wait ? "wait" : info.text, r->worker), *arguments = event_create(NULL);
    event_text(e, "cat", is_wait ? "wait" : info.kind);
    event_number(e, "ts", 1e-3 * (double)r->begin);
    event_number(e, "dur", 1e-3 * (double)(r->end - r->begin));
    event_integer(arguments, "phase", r->phase);
    if (!is_wait)
        event_integer(arguments, "step", r->step);
    event_object(e, "args", arguments);
    write_event(trace, e);
}

void bench_trace_add(bench_trace *trace, const char *name, bg_program *program, const bench_profile *profile)
{
    size_t n;
    const bg_record *records = bench_profile_records(profile, &n);
    write_name(trace, "process_name", 0, name);
    int workers = 0;
    for (size_t i = 0; i < n; i++)
        workers = records[i].worker >= workers ? records[i].worker + 1 : workers;
    for (int w = 0; w < workers; w++) {
        char lane[32];
        snprintf(lane, sizeof lane, "worker %d", w);
        write_name(trace, "thread_name", w, lane);
    }
    for (size_t i = 0; i < n; i++)
        write_record(trace, program, &records[i]);
    trace->profiles++;
}

/* Where nothing was measured, an older trace stays. */
int bench_trace_close(bench_trace *trace)
{
    if (!trace)
        return EXIT_DONE;
    write_text(trace, "\n]\n");
    int code = trace->file ? EXIT_DONE : EXIT_FAILED;
    if (trace->file && !trace->has_events)
        inside_file_discard(trace->file);
    else if (trace->file && inside_file_close(trace->file) != BG_OK)
        code = output_library();
    free(trace);
    return code;
}
