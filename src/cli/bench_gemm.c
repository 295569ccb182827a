/* Matrix products of ours beside those of OpenBLAS alone. */
#include "bench_gemm.h"

#include "bench_time.h"
#include "commands.h"
#include "machine.h"
#include "output.h"
#include "signals.h"

#include "inside/inside.h"
#include "step.h"

#include <float.h>
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
        if (size[i] < 1 || size[i] > OWN_EXTENT_MAX || (i < 2 && *end++ != 'x'))
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
                        word, OWN_EXTENT_MAX, names);
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
    double error, blas_error, allowed;
} product;

static bg_status run_blas(void *context, int64_t runs)
{
    inside_multiply(context, runs);
    return BG_OK;
}

/* Numbers that are uniform in [-1, 1); those of another seed are others. */
static bg_status make_tensor(bg_tensor **tensor, bg_engine *engine, bg_dtype dtype, uint64_t seed, int64_t rows,
                             int64_t columns)
{
    bg_status status = bg_tensor_create(tensor, engine, dtype, BG_SHAPE(rows, columns));
    if (status != BG_OK)
        return status;
    void *data = bg_tensor_data(*tensor);
    for (int64_t i = 0; i < rows * columns; i++) {
        double value = 2 * step_draw(&seed, 0) - 1;
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
        make_tensor(&p->x, engine, p->dtype, 1, s->transposes_x ? s->k : s->m, s->transposes_x ? s->m : s->k);
    if (status == BG_OK)
        status = make_tensor(&p->w, engine, p->dtype, 2, s->transposes_w ? s->n : s->k, s->transposes_w ? s->k : s->n);
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

/* ---- The judgement ----
 * Both products are judged by themselves, y by y v - x (w v) in long double, with a vector v of 1 and -1: one wrong
 * element shows for certain, and several hide behind each other with a chance of at most a half in each row. Freivalds,
 * Probabilistic machines can use less running time, 1977. */

/* Rounding errors of a sum of k terms come to about sqrt(k) u of its size, u the unit roundoff: Higham, Mary, A new
 * approach to probabilistic rounding error analysis, 2019. What is allowed is so many times that. */
static const double ALLOWED_ROUNDING = 2;

static long double element(const void *data, bool is_f64, int64_t i)
{
    return is_f64 ? (long double)((const double *)data)[i] : (long double)((const float *)data)[i];
}

/* to = a v for a [rows, columns], which is stored [columns, rows] where it is transposed. */
static void apply(const void *a, bool is_f64, bool is_transposed, int64_t rows, int64_t columns, const long double *v,
                  long double *to)
{
    for (int64_t i = 0; i < rows; i++)
        to[i] = 0;
    if (is_transposed) {
        for (int64_t j = 0; j < columns; j++)
            for (int64_t i = 0; i < rows; i++)
                to[i] += element(a, is_f64, j * rows + i) * v[j];
    } else {
        for (int64_t i = 0; i < rows; i++)
            for (int64_t j = 0; j < columns; j++)
                to[i] += element(a, is_f64, i * columns + j) * v[j];
    }
}

static double distance(const long double *a, const long double *b, int64_t n)
{
    long double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += (a[i] - b[i]) * (a[i] - b[i]);
    return (double)sqrtl(sum);
}

/* Of an element's size, sqrt(k) / 3: it is a sum of k products of numbers that are uniform in [-1, 1). The errors of n
 * of them add up in each of m rows. */
static bg_status find_errors(product *p)
{
    const inside_product *s = &p->blas;
    long double *memory = calloc((size_t)(s->n + s->k + 2 * s->m), sizeof *memory);
    if (!memory)
        return bg_fail(BG_ERR_NOMEM, "bench --gemm: out of memory");
    long double *v = memory, *wv = v + s->n, *exact = wv + s->k, *found = exact + s->m;
    uint64_t seed = 3;
    for (int64_t j = 0; j < s->n; j++)
        v[j] = step_draw(&seed, 2) > 0 ? 1 : -1;
    apply(s->w, s->is_f64, s->transposes_w, s->k, s->n, v, wv);
    apply(s->x, s->is_f64, s->transposes_x, s->m, s->k, wv, exact);
    double size = sqrt((double)s->m * (double)s->n * (double)s->k) / 3;
    apply(bg_tensor_const_data(bg_program_output(p->program, 0)), s->is_f64, false, s->m, s->n, v, found);
    p->error = distance(found, exact, s->m) / size;
    apply(s->y, s->is_f64, false, s->m, s->n, v, found);
    p->blas_error = distance(found, exact, s->m) / size;
    p->allowed = ALLOWED_ROUNDING * sqrt((double)s->k) * (s->is_f64 ? DBL_EPSILON : FLT_EPSILON) / 2;
    free(memory);
    return BG_OK;
}

/* No speed of a product that is wrong. */
static bg_status judge(product *p)
{
    bg_status status = bg_program_run(p->program);
    if (status == BG_OK) {
        inside_multiply(&p->blas, 1);
        status = find_errors(p);
    }
    if (status != BG_OK || (p->error <= p->allowed && p->blas_error <= p->allowed))
        return status;
    bool is_ours = !(p->error <= p->allowed);
    return bg_fail(BG_ERR_NUMERIC, "%s is wrong: relative error %.3g where %.3g is allowed",
                   is_ours ? "the product" : "OpenBLAS's product", is_ours ? p->error : p->blas_error, p->allowed);
}

/* ---- Results ---- */

typedef struct {
    double flops, gflops, blas_gflops, share, blas_share, ratio;
    double overhead; /* ns; NAN where more threads than OpenBLAS's one are at work */
} figures;

enum { SHAPE_CAPACITY = 80 };

static const char *shape_text(const gemm_shape *s, char text[SHAPE_CAPACITY])
{
    snprintf(text, SHAPE_CAPACITY, "%lldx%lldx%lld:%c%c", (long long)s->m, (long long)s->n, (long long)s->k,
             s->transposes_x ? 't' : 'n', s->transposes_w ? 't' : 'n');
    return text;
}

static figures figure(const product *p, int threads, double peak)
{
    const gemm_shape *s = &p->shape;
    figures f = { .flops = 2.0 * (double)s->m * (double)s->n * (double)s->k };
    f.gflops = f.flops / p->ours.median * 1e-9;
    f.blas_gflops = f.flops / p->theirs.median * 1e-9;
    f.share = f.gflops * 1e9 / (peak * threads);
    f.blas_share = f.blas_gflops * 1e9 / peak;
    f.ratio = p->theirs.median / p->ours.median;
    f.overhead = threads == 1 ? (p->ours.min - p->theirs.min) * 1e9 : NAN;
    return f;
}

static int show(const bench_config *config, const product *p, bg_engine *engine, double peak)
{
    int threads = bg_engine_describe(engine).threads;
    figures f = figure(p, threads, peak);
    char shape[SHAPE_CAPACITY], overhead[40] = "-";
    shape_text(&p->shape, shape);
    if (!isnan(f.overhead))
        snprintf(overhead, sizeof overhead, "%.0f", f.overhead);
    if (!config->results.json)
        output_line("%-20s %3d %9.4g %7.2f %5.1f%% %7.2f %5.1f%% %6.3f %7s", shape, threads, p->ours.median * 1e6,
                    f.gflops, 100 * f.share, f.blas_gflops, 100 * f.blas_share, f.ratio, overhead);
    event *e = event_create(NULL);
    event_text(e, "product", shape);
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
    event_number(e, "error", p->error);
    event_number(e, "blas_error", p->blas_error);
    event_number(e, "allowed_error", p->allowed);
    event_text(e, "step", bg_program_step(p->program, 0).text);
    bench_describe(e, engine);
    return results_add(&config->results, e);
}

static int bench_shape(const bench_config *config, const gemm_shape *shape, bg_engine *engine, double peak)
{
    product p = { .shape = *shape, .dtype = config->dtype };
    bg_status status = start(&p, engine);
    if (status == BG_OK)
        status = judge(&p);
    bench_time times[2] = { { .median = 0 } };
    if (status == BG_OK)
        status = bench_measure(times, (bench_run *const[]){ bench_run_program, run_blas },
                               (void *const[]){ p.program, &p.blas }, 2, config->seconds);
    p.ours = times[0];
    p.theirs = times[1];
    char text[SHAPE_CAPACITY];
    int code = status == BG_OK ? show(config, &p, engine, peak)
               : status == BG_ERR_STOPPED && signals_caught()
                   ? 128 + signals_caught()
                   : output_failure("%s: %s", shape_text(shape, text), bg_last_error());
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
    for (int i = 0; i < config->n_shapes && bench_goes_on(); i++) {
        const gemm_shape *s = &config->shapes[i];
        bool is_new = *s->from && (i == 0 || strcmp(s->from, config->shapes[i - 1].from) != 0);
        if (is_new && !config->results.json)
            output_line("%s", s->from);
        int failure = fits(s, config->dtype) ? bench_shape(config, s, engine, peak) : *s->from ? 0 : EXIT_FAILED;
        code = failure ? failure : code;
    }
    return code;
}
