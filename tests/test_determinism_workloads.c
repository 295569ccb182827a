/* The same bits for any number of threads, in every reference workload as the benchmark runs it.
 *
 * BLASGRAD_LONG=1 takes 20 steps of each in place of 2, and the largest too. */
#include "support/counting.h"
#include "support/expect.h"
#include "support/sanitized.h"
#include "support/suite.h"

#include "workloads.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LONG_STEPS = 20, SHORT_STEPS = 2 };
static const int thread_counts[] = { 1, 2, 3, 4 };

static bool is_among(const workload *w, const char *const *names)
{
    for (; *names; names++)
        if (strcmp(w->name, *names) == 0)
            return true;
    return false;
}

static bool is_long(void)
{
    const char *value = getenv("BLASGRAD_LONG");
    return value && *value;
}

static bool is_sanitized(void) { return IS_ADDRESS_SANITIZED || IS_THREAD_SANITIZED; }

/* What takes minutes; sanitized, a small one of each kind remains: layers, one example a step, loops. */
static bool is_left_out(const workload *w)
{
    static const char *const large[] = { "wide", "gpt2", NULL };
    static const char *const sanitized[] = { "tiny", "mlp-b1", "mlp-b128", "kmeans", NULL };
    return is_sanitized() ? !is_among(w, sanitized) : !is_long() && is_among(w, large);
}

/* The hash of every step's outputs, and of all that the model holds at the end. */
static uint64_t run(const workload *w, bg_gemm gemm, int threads)
{
    bg_engine *engine = NULL;
    bg_engine_options options = { .threads = threads, .gemm = gemm, .seed = 7 };
    workload_step step;
    uint64_t hash = 0;
    expect_ok(bg_engine_create(&engine, &options), "engine");
    expect_ok(workload_start(&step, w, engine, workload_dtype(w), NULL), w->name);
    for (int i = 0; i < (is_long() ? LONG_STEPS : SHORT_STEPS); i++) {
        expect_ok(bg_program_run(step.program), w->name);
        for (size_t k = 0; k <= step.n_results; k++)
            hash = hash_tensor(hash, bg_program_output(step.program, k));
    }
    for (size_t i = 0; i < bg_model_count(step.model); i++)
        hash = hash_tensor(hash, bg_model_tensor(step.model, i));
    workload_finish(&step);
    bg_engine_destroy(engine);
    return hash;
}

START_TEST(threads)
{
    const workload *w = &workloads[_i / 2];
    bg_gemm gemm = _i % 2 ? BG_GEMM_OPENBLAS : BG_GEMM_AUTO;
    if (is_left_out(w))
        return;
    uint64_t first = run(w, gemm, thread_counts[0]);
    for (size_t i = 1; i < sizeof thread_counts / sizeof *thread_counts; i++) {
        uint64_t hash = run(w, gemm, thread_counts[i]);
        ck_assert_msg(hash == first, "%s%s: 1 thread ends at %016" PRIx64 ", %d at %016" PRIx64, w->name,
                      gemm == BG_GEMM_OPENBLAS ? " by OpenBLAS" : "", first, thread_counts[i], hash);
    }
    printf("%s%s, 1 2 3 4 threads: %016" PRIx64 "\n", w->name, gemm == BG_GEMM_OPENBLAS ? " by OpenBLAS" : "", first);
    fflush(stdout);
}
END_TEST

int main(void)
{
    int n = 0;
    while (workloads[n].name)
        n++;
    Suite *suite = suite_create("determinism of workloads");
    TCase *cases = tcase_create("threads");
    tcase_set_timeout(cases, 1200);
    tcase_add_loop_test(cases, threads, 0, 2 * n);
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
