/* Single kernels: time for an element, and errors. */
#include "bench_ops.h"

#include "bench_time.h"
#include "commands.h"
#include "output.h"
#include "signals.h"

#include "inside/inside.h"

#include <stdio.h>

/* As many as a loop of a program works on at a time, so that all lie in the first cache; and points for errors. */
enum { ELEMENTS = 2048, POINTS = 1 << 16 };

static bg_status run_kernel(void *context, int64_t runs)
{
    inside_kernel_run(context, runs);
    return BG_OK;
}

/* Where it is matters only if there is one. */
static void describe_error(char *text, size_t capacity, const inside_error *error)
{
    size_t length = (size_t)snprintf(text, capacity, "%9.3f", error->ulp);
    for (int o = 0; o < error->operands && length < capacity && error->ulp > 0; o++)
        length += (size_t)snprintf(text + length, capacity - length, "%s%.6g", o ? ", " : " at ", error->at[o]);
}

static int show(const bench_config *config, int kernel, bg_engine *engine, const bench_time *time, double bytes,
                const inside_error *error)
{
    const char *name = inside_kernel_name(kernel);
    if (!config->results.json) {
        char text[120] = "";
        if (error->is_map)
            describe_error(text, sizeof text, error);
        output_line("%-15s %9.4f %8.2f%s", name, time->median / ELEMENTS * 1e9, bytes / time->median * 1e-9, text);
    }
    event *e = event_create(NULL);
    event_text(e, "kernel", name);
    event_text(e, "dtype", bg_dtype_name(config->dtype));
    event_integer(e, "elements", ELEMENTS);
    event_number(e, "ns_per_element", time->median / ELEMENTS * 1e9);
    event_number(e, "min_ns_per_element", time->min / ELEMENTS * 1e9);
    event_number(e, "gigabytes_per_second", bytes / time->median * 1e-9);
    if (error->is_map) {
        event_number(e, "worst_ulp", error->ulp);
        for (int o = 0; o < error->operands; o++)
            event_append(e, "worst_at", error->at[o]);
        event_integer(e, "points", POINTS);
    }
    bench_describe(e, engine);
    return results_add(&config->results, e);
}

static int bench_kernel(const bench_config *config, int kernel, bg_engine *engine)
{
    bool is_f64 = config->dtype == BG_F64;
    const char *set = bg_engine_describe(engine).kernels;
    inside_kernel *k = inside_kernel_create(set, kernel, is_f64, ELEMENTS);
    if (!k)
        return output_failure("out of memory");
    bench_time time;
    bg_status status =
        bench_measure(&time, (bench_run *const[]){ run_kernel }, (void *const[]){ k }, 1, config->seconds);
    double bytes = inside_kernel_bytes(k);
    inside_kernel_destroy(k);
    if (status == BG_ERR_STOPPED && signals_caught())
        return 128 + signals_caught();
    if (status != BG_OK)
        return output_failure("%s: %s", inside_kernel_name(kernel), bg_last_error());
    inside_error error = inside_kernel_error(set, kernel, is_f64, POINTS);
    return show(config, kernel, engine, &time, bytes, &error);
}

int bench_kernels(const bench_config *config, bg_engine *engine, int *n)
{
    bool has_header = config->results.json;
    int code = EXIT_DONE;
    for (int i = 0; i < inside_kernel_count() && bench_goes_on(); i++) {
        if (!bench_names(config, inside_kernel_name(i)))
            continue;
        if (!has_header)
            output_line("%-15s %9s %8s %9s", "kernel", "ns", "GB/s", "worst ULP");
        has_header = true;
        ++*n;
        int failure = bench_kernel(config, i, engine);
        code = failure ? failure : code;
    }
    return code;
}
