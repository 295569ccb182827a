/* blasgrad bench */
#define _POSIX_C_SOURCE 200809L
#include "commands.h"
#include "commit.h"
#include "events.h"
#include "machine.h"
#include "options.h"
#include "output.h"
#include "signals.h"

#include "workloads.h"

#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { THREAD_COUNTS_MAX = 16, WORKLOADS_MAX = 32, TRIALS_MIN = 5, TRIALS_MAX = 2000, STEPS_MAX = 1000 };
/* The loss after this many steps is part of the result. They are the warm-up. */
enum { WARM_UP_STEPS = 10 };
/* A trial is at least this long, so that reading the clock does not count. */
static const double TRIAL_SECONDS = 2e-3;

typedef struct {
    const workload *chosen[WORKLOADS_MAX];
    int n_chosen;
    int threads[THREAD_COUNTS_MAX]; /* 0: the engine's choice */
    int n_threads;
    double seconds;
    bool json, with_report, with_dump;
} bench_config;

/* ---- Options ---- */

enum { KEY_THREADS = KEYS_COMMAND, KEY_SECONDS, KEY_JSON, KEY_REPORT, KEY_DUMP };

static const struct argp_option table[] = {
    { "threads", KEY_THREADS, "N[,N..]", 0,
      "thread counts to measure (default: one per physical core that may be used)", 0 },
    { "seconds", KEY_SECONDS, "S", 0, "time for each workload and thread count (default: 2)", 0 },
    { "json", KEY_JSON, NULL, 0, "results as JSON objects, one a line", 0 },
    { "report", KEY_REPORT, NULL, 0, "add steps, phases, barriers and memory of the program", 0 },
    { "dump", KEY_DUMP, NULL, 0, "print the program as text, and measure nothing", 0 },
    { 0 },
};

static void parse_threads(bench_config *config, struct argp_state *state, const char *text)
{
    config->n_threads = 0;
    while (*text) {
        char word[16];
        size_t length = strcspn(text, ",");
        if (length >= sizeof word || config->n_threads == THREAD_COUNTS_MAX)
            argp_error(state, "--threads: at most %d numbers from 1 to 1024, with commas between", THREAD_COUNTS_MAX);
        memcpy(word, text, length);
        word[length] = 0;
        config->threads[config->n_threads++] = (int)option_integer(state, "threads", word, 1, 1024);
        text += length + (text[length] == ',');
    }
    if (config->n_threads == 0)
        argp_error(state, "--threads: a number is missing");
}

static void choose(bench_config *config, struct argp_state *state, const char *name)
{
    const workload *w = workload_find(name);
    if (!w) {
        char names[200];
        size_t length = 0;
        for (w = workloads; w->name; w++)
            length += (size_t)snprintf(names + length, sizeof names - length, " %s", w->name);
        argp_error(state, "there is no workload \"%s\"; there are%s", name, names);
    }
    if (config->n_chosen < WORKLOADS_MAX)
        config->chosen[config->n_chosen++] = w;
}

static error_t parse(int key, char *text, struct argp_state *state)
{
    bench_config *config = state->input;
    switch (key) {
    case KEY_THREADS:
        parse_threads(config, state, text);
        return 0;
    case KEY_SECONDS:
        config->seconds = option_number(state, "seconds", text, 0, 3600);
        return 0;
    case KEY_JSON:
        config->json = true;
        return 0;
    case KEY_REPORT:
        config->with_report = true;
        return 0;
    case KEY_DUMP:
        config->with_dump = true;
        return 0;
    case ARGP_KEY_ARG:
        choose(config, state, text);
        return 0;
    case ARGP_KEY_END:
        if (config->json && config->with_dump)
            argp_error(state, "--dump is text for people; leave out --json");
        for (const workload *w = workloads; state->arg_num == 0 && w->name; w++)
            config->chosen[config->n_chosen++] = w;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {
    .options = table,
    .parser = parse,
    .args_doc = "[WORKLOAD...]",
    .doc =
        "Speed of training steps: forward, loss, backward and SGD with momentum, in f32, on data that lie in memory.\v"
        "Workloads: tiny, mlp-b1, mlp-b32, mlp-b128, mlp-b512, wide, mnist-cnn, resnet20, char-lstm, char-gpt, gpt2; "
        "all of them if none is named. Speeds are of samples, or of tokens for texts. The gradient of each is first "
        "compared with the same network in f64; a wrong one has no speed. Times are of one step: "
        "median, quartiles and minimum over trials. \"peak\" is the share of what the cores reach in fused "
        "multiply-adds, measured in the same process.\n"
        "\n"
        "Examples:\n"
        "  blasgrad bench mlp-b128\n"
        "  blasgrad bench mlp-b32 mlp-b512 --threads 1,2 --json\n"
        "  blasgrad bench tiny --dump",
};

/* ---- Counting allocations ---- */

static atomic_llong allocations;

static void *count_allocate(void *user, size_t bytes, size_t alignment)
{
    (void)user;
    void *memory = NULL;
    atomic_fetch_add_explicit(&allocations, 1, memory_order_relaxed);
    return posix_memalign(&memory, alignment < sizeof(void *) ? sizeof(void *) : alignment, bytes) == 0 ? memory : NULL;
}

static void count_release(void *user, void *memory, size_t bytes)
{
    (void)user;
    (void)bytes;
    free(memory);
}

/* ---- Measuring ---- */

typedef struct {
    double median, q1, q3, min; /* seconds a step */
    int trials, steps;          /* steps in a trial */
    double allocations;         /* a step */
    workload_result first;
    double loss;
    double peak; /* operations per second of one core */
    bg_report report;
} measurement;

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double quantile(const double *sorted, int n, double q)
{
    double place = q * (n - 1);
    int i = (int)place;
    return i + 1 < n ? sorted[i] + (place - i) * (sorted[i + 1] - sorted[i]) : sorted[n - 1];
}

static bg_status run_steps(const workload_step *step, int n, double *loss)
{
    bg_status status = BG_OK;
    for (int i = 0; i < n && status == BG_OK; i++)
        status = bg_program_run(step->program);
    return status == BG_OK && loss ? bg_tensor_item(bg_program_output(step->program, 0), 0, loss) : status;
}

static bg_status measure_steps(const workload_step *step, double seconds, measurement *m)
{
    double *times = malloc(TRIALS_MAX * sizeof *times);
    if (!times)
        return bg_fail(BG_ERR_NOMEM, "bench: out of memory");
    double begin = machine_seconds();
    bg_status status = run_steps(step, 3, NULL);
    double guess = (machine_seconds() - begin) / 3;
    m->steps = guess > 0 ? (int)fmin(ceil(TRIAL_SECONDS / guess), STEPS_MAX) : STEPS_MAX;
    long long before = atomic_load(&allocations);
    double end = machine_seconds() + seconds;
    for (m->trials = 0; status == BG_OK && m->trials < TRIALS_MAX; m->trials++) {
        begin = machine_seconds();
        if (m->trials >= TRIALS_MIN && begin > end)
            break;
        status = run_steps(step, m->steps, NULL);
        times[m->trials] = (machine_seconds() - begin) / m->steps;
        if (signals_caught())
            status = bg_fail(BG_ERR_STOPPED, "bench: interrupted");
    }
    if (status == BG_OK) {
        m->allocations = (double)(atomic_load(&allocations) - before) / ((double)m->trials * m->steps);
        qsort(times, (size_t)m->trials, sizeof *times, compare_doubles);
        m->min = times[0];
        m->q1 = quantile(times, m->trials, 0.25);
        m->median = quantile(times, m->trials, 0.5);
        m->q3 = quantile(times, m->trials, 0.75);
    }
    free(times);
    return status;
}

/* ---- Results ---- */

static void show_json(const workload *w, bg_engine *engine, const measurement *m)
{
    char cpu[160];
    bg_engine_info info = bg_engine_describe(engine);
    double gflops = m->report.flops / m->median * 1e-9;
    event *e = event_create(NULL);
    event_text(e, "workload", w->name);
    event_integer(e, "threads", info.threads);
    event_number(e, "step_ms", m->median * 1e3);
    event_number(e, "q1_ms", m->q1 * 1e3);
    event_number(e, "q3_ms", m->q3 * 1e3);
    event_number(e, "min_ms", m->min * 1e3);
    event_integer(e, "trials", m->trials);
    event_integer(e, "steps_per_trial", m->steps);
    event_number(e, "per_second", (double)w->units / m->median);
    event_text(e, "unit", w->unit);
    event_number(e, "gflops", gflops);
    event_number(e, "peak_share", gflops / (m->peak * 1e-9 * info.threads));
    event_number(e, "peak_gflops", m->peak * 1e-9);
    event_number(e, "flops", m->report.flops);
    event_number(e, "product_flops", m->report.product_flops);
    event_integer(e, "steps", m->report.steps);
    event_integer(e, "phases", m->report.phases);
    event_integer(e, "barriers", m->report.barriers);
    event_integer(e, "planned_bytes", (int64_t)m->report.planned_bytes);
    event_integer(e, "unplanned_bytes", (int64_t)m->report.unplanned_bytes);
    event_number(e, "peak_resident_bytes", machine_peak_memory());
    event_number(e, "allocations_per_step", m->allocations);
    event_number(e, "compile_seconds", m->report.compile_seconds);
    event_number(e, "gradient_error", m->first.error);
    event_number(e, "first_loss", m->first.loss);
    event_number(e, "loss", m->loss);
    event_integer(e, "loss_steps", 1 + WARM_UP_STEPS);
    event_text(e, "cpu", machine_cpu(cpu, sizeof cpu));
    event_text(e, "kernels", info.kernels);
    event_text(e, "blas", info.blas);
    event_text(e, "blas_core", info.blas_core);
    event_text(e, "version", bg_version());
    event_text(e, "commit", commit_id);
    event_output(e);
    event_destroy(e);
}

static void show_header(void)
{
    output_line("%-9s %7s %10s %21s %10s %11s %8s %6s  %s", "workload", "threads", "step ms", "quartiles", "min",
                "per second", "GFLOP/s", "peak", "loss before, after");
}

static void show_row(const workload *w, bg_engine *engine, const measurement *m, bool with_report)
{
    int threads = bg_engine_describe(engine).threads;
    double rate = m->report.flops / m->median;
    output_line("%-9s %7d %10.4f %10.4f %10.4f %10.4f %11.0f %8.1f %5.1f%%  %.5f %.5f", w->name, threads,
                m->median * 1e3, m->q1 * 1e3, m->q3 * 1e3, m->min * 1e3, (double)w->units / m->median, rate * 1e-9,
                100 * rate / (m->peak * threads), m->first.loss, m->loss);
    if (!with_report)
        return;
    const bg_report *r = &m->report;
    output_line("    %d steps, %d phases, %d tasks, %d barriers; %.4g MFLOP, %.4g of them in products", r->steps,
                r->phases, r->tasks, r->barriers, r->flops * 1e-6, r->product_flops * 1e-6);
    output_line(
        "    %.1f KiB planned, %.1f without planning, %.1f MiB peak resident; %g allocations a step; compiled in "
        "%.2f ms",
        (double)r->planned_bytes / 1024, (double)r->unplanned_bytes / 1024, machine_peak_memory() / (1024 * 1024),
        m->allocations, r->compile_seconds * 1e3);
    output_line("    %d trials of %d steps; gradient within %.1e of f64, where %.1e is allowed; one core's FMA peak "
                "%.1f GFLOP/s",
                m->trials, m->steps, m->first.error, m->first.tolerance, m->peak * 1e-9);
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

static int bench_workload(const bench_config *config, const workload *w, bg_engine *engine)
{
    workload_step step;
    if (workload_start(&step, w, engine, workload_dtype(w), NULL) != BG_OK)
        return output_library();
    if (config->with_dump) {
        int code = show_program(&step, w, bg_engine_describe(engine).threads);
        workload_finish(&step);
        return code;
    }
    measurement m = { .report = bg_program_report(step.program) };
    bg_status status = workload_check(&step, w, &m.first);
    if (status == BG_OK)
        status = run_steps(&step, WARM_UP_STEPS, &m.loss);
    if (status == BG_OK)
        status = measure_steps(&step, config->seconds, &m);
    workload_finish(&step);
    if (status == BG_ERR_STOPPED)
        return 128 + signals_caught();
    if (status != BG_OK)
        return output_library();
    m.peak = bg_engine_measure_peak(engine, workload_dtype(w) == BG_F64, 0.1);
    if (config->json)
        show_json(w, engine, &m);
    else
        show_row(w, engine, &m, config->with_report);
    return output_has_failed() ? EXIT_FAILED : 0;
}

int command_bench(int argc, char **argv)
{
    bench_config config = { .n_threads = 1, .seconds = 2 };
    options_parse(&argp, argc, argv, &config);
    int code = 0;
    bool has_header = config.json || config.with_dump;
    for (int t = 0; t < config.n_threads && !code; t++) {
        bg_engine *engine;
        bg_engine_options options = { .threads = config.threads[t],
                                      .allocator = { .allocate = count_allocate, .release = count_release } };
        if (bg_engine_create(&engine, &options) != BG_OK)
            return output_library();
        signals_catch();
        for (int i = 0; i < config.n_chosen && !code; i++) {
            if (!has_header)
                show_header();
            has_header = true;
            code = signals_caught() ? 128 + signals_caught() : bench_workload(&config, config.chosen[i], engine);
        }
        bg_engine_destroy(engine);
    }
    return code;
}
