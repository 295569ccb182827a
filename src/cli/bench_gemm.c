/* Matrix products of ours beside those of OpenBLAS alone. */
#include "bench_gemm.h"

#include "bench_time.h"
#include "commands.h"
#include "machine.h"
#include "output.h"
#include "signals.h"

#include "inside/inside.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Shapes ---- */

static bool parse_flag(char letter, bool *transposes)
{
    *transposes = letter == 't';
    return letter == 't' || letter == 'n';
}

static bool parse_shape(const char *word, gemm_shape *shape)
{
    long long size[3];
    const char *at = word;
    *shape = (gemm_shape){ .from = "" };
    for (int i = 0; i < 3; i++) {
        char *end;
        if (*at < '0' || *at > '9')
            return false;
        size[i] = strtoll(at, &end, 10);
        if (size[i] < 1 || size[i] > BENCH_EXTENT_MAX || (i < 2 && *end++ != 'x'))
            return false;
        at = end;
    }
    shape->m = size[0];
    shape->n = size[1];
    shape->k = size[2];
    if (*at == 0)
        return true;
    return at[0] == ':' && parse_flag(at[1], &shape->transposes_x) && parse_flag(at[2], &shape->transposes_w) && !at[3];
}

/* Adds what a word names among the shapes that are known; NULL names all. */
static int add_known(bench_config *config, const gemm_shape *known, size_t n, const char *word)
{
    int before = config->n_shapes;
    for (size_t i = 0; i < n; i++)
        if (!word || strcmp(word, known[i].from) == 0) {
            if (config->n_shapes == BENCH_SHAPES_MAX)
                return output_usage("--gemm: at most %d shapes", BENCH_SHAPES_MAX);
            config->shapes[config->n_shapes++] = known[i];
        }
    if (config->n_shapes > before)
        return EXIT_DONE;
    char names[200];
    size_t length = 0;
    for (size_t i = 0; i < n; i++)
        if (i == 0 || strcmp(known[i].from, known[i - 1].from) != 0)
            length += (size_t)snprintf(names + length, sizeof names - length, " %s", known[i].from);
    return output_usage("--gemm \"%s\": a shape as in 64x512x784 or 64x512x784:nt (n and t: as it is, or transposed), "
                        "with numbers from 1 to %d; or one of%s",
                        word, BENCH_EXTENT_MAX, names);
}

int bench_gemm_choose(bench_config *config)
{
    gemm_shape known[BENCH_SHAPES_MAX];
    size_t n = gemm_shapes(known, BENCH_SHAPES_MAX);
    int code = EXIT_DONE;
    for (int i = 0; i < config->n_words && !code; i++) {
        gemm_shape shape;
        if (!parse_shape(config->words[i], &shape))
            code = add_known(config, known, n, config->words[i]);
        else if (config->n_shapes == BENCH_SHAPES_MAX)
            code = output_usage("--gemm: at most %d shapes", BENCH_SHAPES_MAX);
        else
            config->shapes[config->n_shapes++] = shape;
    }
    return code || config->n_words ? code : add_known(config, known, n, NULL);
}

/* ---- One product ---- */

typedef struct {
    gemm_shape shape;
    bg_dtype dtype;
    bg_tensor *x, *w, *y;
    bg_graph *graph;
    bg_program *program;
    inside_product blas;
    bench_time ours, theirs;
    double error; /* between the two */
} product;

static bg_status run_blas(void *context, int64_t runs)
{
    inside_multiply(context, runs);
    return BG_OK;
}

static bg_status make_tensor(bg_tensor **tensor, bg_engine *engine, bg_dtype dtype, int64_t rows, int64_t columns)
{
    bg_status status = bg_tensor_create(tensor, engine, dtype, BG_SHAPE(rows, columns));
    if (status != BG_OK)
        return status;
    void *data = bg_tensor_data(*tensor);
    uint32_t state = (uint32_t)(rows * 31 + columns);
    for (int64_t i = 0; i < rows * columns; i++) {
        state = state * 1664525U + 1013904223U; /* Knuth, The Art of Computer Programming, 3.3.4 */
        double value = (double)(state >> 8) / (1 << 23) - 1;
        if (dtype == BG_F64)
            ((double *)data)[i] = value;
        else
            ((float *)data)[i] = (float)value;
    }
    return BG_OK;
}

static bg_status make_program(product *p, bg_engine *engine)
{
    bg_status status = bg_graph_create(&p->graph, engine);
    if (status != BG_OK)
        return status;
    bg_node *x = bg_input(p->graph, "x", p->dtype, bg_tensor_shape(p->x));
    bg_node *w = bg_input(p->graph, "w", p->dtype, bg_tensor_shape(p->w));
    bg_node *y =
        bg_matmul(p->shape.transposes_x ? bg_transpose(x, 0, 1) : x, p->shape.transposes_w ? bg_transpose(w, 0, 1) : w);
    status = bg_compile(&p->program, p->graph, &y, 1, NULL);
    if (status == BG_OK)
        status = bg_program_bind(p->program, x, p->x);
    return status == BG_OK ? bg_program_bind(p->program, w, p->w) : status;
}

static bg_status start(product *p, bg_engine *engine)
{
    const gemm_shape *s = &p->shape;
    bg_status status =
        make_tensor(&p->x, engine, p->dtype, s->transposes_x ? s->k : s->m, s->transposes_x ? s->m : s->k);
    if (status == BG_OK)
        status = make_tensor(&p->w, engine, p->dtype, s->transposes_w ? s->n : s->k, s->transposes_w ? s->k : s->n);
    if (status == BG_OK)
        status = bg_tensor_create(&p->y, engine, p->dtype, BG_SHAPE(s->m, s->n));
    if (status != BG_OK)
        return status;
    p->blas = (inside_product){ .is_f64 = p->dtype == BG_F64,
                                .transposes_x = s->transposes_x,
                                .transposes_w = s->transposes_w,
                                .m = s->m,
                                .n = s->n,
                                .k = s->k,
                                .x = bg_tensor_const_data(p->x),
                                .w = bg_tensor_const_data(p->w),
                                .y = bg_tensor_data(p->y) };
    return make_program(p, engine);
}

static void end(product *p)
{
    bg_program_destroy(p->program);
    bg_graph_destroy(p->graph);
    bg_tensor_destroy(p->x);
    bg_tensor_destroy(p->w);
    bg_tensor_destroy(p->y);
}

/* ‖ours - theirs‖ / ‖theirs‖; no speed of a product that is not the same. */
static bg_status compare(product *p)
{
    bg_status status = bg_program_run(p->program);
    if (status != BG_OK)
        return status;
    inside_multiply(&p->blas, 1);
    const void *a = bg_tensor_const_data(bg_program_output(p->program, 0)), *b = bg_tensor_const_data(p->y);
    double difference = 0, norm = 0;
    for (int64_t i = 0; i < p->shape.m * p->shape.n; i++) {
        double u = p->dtype == BG_F64 ? ((const double *)a)[i] : (double)((const float *)a)[i];
        double v = p->dtype == BG_F64 ? ((const double *)b)[i] : (double)((const float *)b)[i];
        difference += (u - v) * (u - v);
        norm += v * v;
    }
    p->error = sqrt(difference / norm);
    double allowed = p->dtype == BG_F64 ? 1e-13 : 1e-5;
    return p->error <= allowed
               ? BG_OK
               : bg_fail(BG_ERR_NUMERIC, "bench --gemm: the product differs from OpenBLAS's by %.3g", p->error);
}

/* ---- Results ---- */

typedef struct {
    char shape[80];
    double flops, gflops, blas_gflops, share, blas_share, ratio, overhead;
} figures;

static figures figure(const product *p, int threads, double peak)
{
    const gemm_shape *s = &p->shape;
    figures f = { .flops = 2.0 * (double)s->m * (double)s->n * (double)s->k };
    snprintf(f.shape, sizeof f.shape, "%lldx%lldx%lld:%c%c", (long long)s->m, (long long)s->n, (long long)s->k,
             s->transposes_x ? 't' : 'n', s->transposes_w ? 't' : 'n');
    f.gflops = f.flops / p->ours.median * 1e-9;
    f.blas_gflops = f.flops / p->theirs.median * 1e-9;
    f.share = f.gflops * 1e9 / (peak * threads);
    f.blas_share = f.blas_gflops * 1e9 / peak;
    f.ratio = p->theirs.median / p->ours.median;
    f.overhead = (p->ours.min - p->theirs.min) * 1e9;
    return f;
}

static int show(const bench_config *config, const product *p, bg_engine *engine, double peak)
{
    int threads = bg_engine_describe(engine).threads;
    figures f = figure(p, threads, peak);
    if (!config->results.json)
        output_line("%-20s %3d %9.4g %7.2f %5.1f%% %7.2f %5.1f%% %6.3f %7.0f", f.shape, threads, p->ours.median * 1e6,
                    f.gflops, 100 * f.share, f.blas_gflops, 100 * f.blas_share, f.ratio, f.overhead);
    event *e = event_create(NULL);
    event_text(e, "product", f.shape);
    if (*p->shape.from)
        event_text(e, "from", p->shape.from);
    event_text(e, "dtype", bg_dtype_name(p->dtype));
    event_integer(e, "threads", threads);
    event_number(e, "step_ms", p->ours.median * 1e3);
    event_number(e, "q1_ms", p->ours.q1 * 1e3);
    event_number(e, "q3_ms", p->ours.q3 * 1e3);
    event_number(e, "min_ms", p->ours.min * 1e3);
    event_integer(e, "trials", p->ours.trials);
    event_number(e, "gflops", f.gflops);
    event_number(e, "peak_share", f.share);
    event_number(e, "peak_gflops", peak * 1e-9);
    event_number(e, "flops", f.flops);
    event_number(e, "blas_ms", p->theirs.median * 1e3);
    event_number(e, "blas_min_ms", p->theirs.min * 1e3);
    event_number(e, "blas_gflops", f.blas_gflops);
    event_number(e, "blas_peak_share", f.blas_share);
    event_number(e, "ratio", f.ratio);
    event_number(e, "overhead_ns", f.overhead);
    event_number(e, "difference", p->error);
    event_text(e, "step", bg_program_step(p->program, 0).text);
    bench_describe(e, engine);
    return results_add(&config->results, e);
}

static int bench_shape(const bench_config *config, const gemm_shape *shape, bg_engine *engine, double peak)
{
    product p = { .shape = *shape, .dtype = config->dtype };
    bg_status status = start(&p, engine);
    if (status == BG_OK)
        status = compare(&p);
    bench_time times[2] = { { .median = 0 } };
    if (status == BG_OK)
        status = bench_measure(times, (bench_run *const[]){ bench_run_program, run_blas },
                               (void *const[]){ p.program, &p.blas }, 2, config->seconds);
    p.ours = times[0];
    p.theirs = times[1];
    int code = status == BG_OK                                ? show(config, &p, engine, peak)
               : status == BG_ERR_STOPPED && signals_caught() ? 128 + signals_caught()
                                                              : output_library();
    end(&p);
    return code;
}

/* Whether the matrices fit the machine: a system that has to swap measures its disk. */
static bool fits(const gemm_shape *s, bg_dtype dtype)
{
    double m = (double)s->m, n = (double)s->n, k = (double)s->k;
    double bytes = (m * k + k * n + 2 * m * n) * (double)bg_dtype_size(dtype), most = 0.75 * machine_memory();
    if (most > 0 && bytes > most)
        output_message("%lldx%lldx%lld is left out: it takes %.1f GiB, and the machine has %.1f", (long long)s->m,
                       (long long)s->n, (long long)s->k, bytes / (1 << 30), machine_memory() / (1 << 30));
    return !(most > 0 && bytes > most);
}

int bench_gemm(const bench_config *config, bg_engine *engine)
{
    double peak = bg_engine_measure_peak(engine, config->dtype == BG_F64, 0.1);
    int code = 0;
    if (!config->results.json)
        output_line("%-20s %3s %9s %7s %6s %7s %6s %6s %7s", bg_dtype_name(config->dtype), "thr", "us", "GFLOP/s",
                    "peak", "cblas", "peak", "ratio", "more ns");
    for (int i = 0; i < config->n_shapes && !code; i++) {
        const gemm_shape *s = &config->shapes[i];
        bool is_new = *s->from && (i == 0 || strcmp(s->from, config->shapes[i - 1].from) != 0);
        if (is_new && !config->results.json)
            output_line("%s", s->from);
        if (signals_caught())
            code = 128 + signals_caught();
        else if (fits(s, config->dtype))
            code = bench_shape(config, s, engine, peak);
        else if (!*s->from)
            code = EXIT_FAILED;
    }
    return code;
}
