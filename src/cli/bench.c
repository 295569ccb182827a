/* blasgrad bench */
#include "bench.h"
#include "bench_allocator.h"
#include "bench_cores.h"
#include "bench_engines.h"
#include "bench_gemm.h"
#include "bench_ops.h"
#include "bench_workload.h"
#include "commands.h"
#include "output.h"
#include "signals.h"

bool bench_goes_on(void) { return !signals_caught() && !output_has_failed() && !results_have_failed(); }

static int bench_engine(const bench_config *config, bg_engine *engine)
{
    if (config->mode == BENCH_GEMM)
        return bench_gemm(config, engine);
    if (config->mode == BENCH_OPS)
        return bench_ops(config, engine);
    int code = EXIT_DONE;
    for (int i = 0; i < config->n_chosen && bench_goes_on(); i++) {
        int failure = bench_workload(config, config->chosen[i], engine);
        code = failure ? failure : code;
    }
    return code;
}

static int bench_threads(const bench_config *config, int threads)
{
    int code = EXIT_DONE;
    if (config->n_engines) {
        signals_catch();
        for (int i = 0; i < config->n_chosen && bench_goes_on(); i++) {
            int failure = bench_engines(config, config->chosen[i], threads);
            code = failure ? failure : code;
        }
        return code;
    }
    bg_engine *engine;
    bg_engine_options options = { .threads = threads, .gemm = config->gemm, .allocator = bench_allocator };
    if (bg_engine_create(&engine, &options) != BG_OK)
        return output_library();
    signals_catch();
    code = bench_engine(config, engine);
    bg_engine_destroy(engine);
    return code;
}

int command_bench(int argc, char **argv)
{
    bench_config config;
    int code = bench_parse(&config, argc, argv);
    if (!code)
        code = results_check(&config.results);
    if (!code && config.n_cores)
        code = bench_cores_check();
    if (!code && config.trace_path)
        code = bench_trace_open(&config.trace, config.trace_path);
    if (code)
        return code;
    if (config.mode == BENCH_WORKLOADS && !config.results.json && !config.with_dump && !config.n_engines)
        bench_show_header();
    for (int t = 0; t < config.n_threads && bench_goes_on(); t++) {
        int failure = bench_threads(&config, (int)config.threads[t]);
        code = failure ? failure : code;
    }
    int trace_code = bench_trace_close(config.trace);
    return signals_caught() ? 128 + signals_caught() : code ? code : trace_code;
}
