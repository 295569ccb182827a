/* One method with one seed. */
#include "search.h"

#include "lstsq.h"
#include "machine.h"
#include "output.h"
#include "progress.h"
#include "signals.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Powers of ten are exact. */
double search_place(const search_config *config, int i)
{
    return config->budget * pow(10, (double)(i - (SEARCH_PLACES - 1)) / 20);
}

typedef struct {
    search_job *job;
    const search_choice *method;
    search_result *result;
    bg_engine *engine; /* of this seed; lstsq, which draws nothing, has the job's */
    bg_model *model;
    bg_population *all;        /* the loss of all training examples */
    bg_population *generation; /* of those of a generation, if these are fewer */
    bg_search *search;         /* what the method of its kind goes on with, else NULL */
    bg_trainer *trainer;
    double *vector, *best;
    double best_loss;
    double spent, unit; /* of the budget: so far, and by one loss or one whole step; 0: of seconds */
    double last_step;   /* of seconds: what the last generation or step took */
    double flops;       /* of a gradient step, or the solution */
    double begin, measuring;
    bool is_cut; /* a signal came before it had ended */
    int64_t batch, steps_in_epoch, steps;
    int place; /* the next one whose loss is open */
    double last_draw;
    int code;
} run;

/* ---- Losses along the budget ---- */

static double elapsed(const run *r) { return machine_seconds() - r->begin - r->measuring; }

/* So much was spent on the steps before: the places up to there have the best loss from before them. */
static void spend(run *r, double losses)
{
    const search_config *config = &r->job->config;
    double now = config->axis == AXIS_SECONDS ? elapsed(r) : r->spent + losses * r->unit;
    r->last_step = now - r->spent;
    r->spent = now;
    while (r->place < SEARCH_PLACES && search_place(config, r->place) < r->spent)
        r->result->losses[r->place++] = r->best_loss;
}

/* Whether a place of the curve comes before the next loss or step can tell more: of seconds, if it takes as long as the
 * last one. */
static bool is_due(const run *r, double losses)
{
    double next = r->job->config.axis == AXIS_SECONDS ? r->last_step : losses * r->unit;
    return r->place < SEARCH_PLACES && search_place(&r->job->config, r->place) <= r->spent + next;
}

static bool has_left(const run *r, double losses) { return r->spent + losses * r->unit <= r->job->config.budget; }

/* The loss of parameters on all training examples, which is kept with them if it is the best. It counts for nothing. */
static int measure(run *r, const double *vector)
{
    double loss = NAN, begin = machine_seconds();
    bg_tensor *candidate = NULL;
    bg_status status =
        bg_tensor_wrap(&candidate, r->engine, BG_F64, BG_SHAPE(1, r->job->dimension), (void *)(uintptr_t)vector);
    if (status == BG_OK)
        status = bg_population_evaluate(candidate, &loss, r->all);
    bg_tensor_destroy(candidate);
    r->measuring += machine_seconds() - begin;
    if (status != BG_OK)
        return output_library();
    if (loss < r->best_loss) {
        r->best_loss = loss;
        memcpy(r->best, vector, (size_t)r->job->dimension * sizeof *vector);
    }
    return 0;
}

static int measure_model(run *r)
{
    return bg_model_get_vectors(r->model, r->vector, 1) == BG_OK ? measure(r, r->vector) : output_library();
}

static void draw(run *r)
{
    const search_job *job = r->job;
    double now = machine_seconds();
    if (now - r->last_draw < 0.1)
        return;
    r->last_draw = now;
    char title[60], rest[60];
    snprintf(title, sizeof title, "%s, seed %llu", r->method->name, (unsigned long long)r->result->seed);
    snprintf(rest, sizeof rest, "loss %.6g", r->best_loss);
    double share = fmin(r->spent / job->config.budget, 1);
    progress_draw(title, ((double)(r->result - job->results) + share) / job->n_results, rest);
}

static void explain(run *r, const char *reason) { snprintf(r->result->reason, sizeof r->result->reason, "%s", reason); }

static int refuse_budget(const run *r, double losses, const char *what)
{
    const search_config *config = &r->job->config;
    return output_usage("--budget %s:%.15g: %s of %s takes %.15g", search_axis_name(config->axis), config->budget, what,
                        r->method->name, losses * r->unit);
}

/* ---- Without gradients ---- */

static int make_search(run *r)
{
    const search_config *config = &r->job->config;
    int64_t n = r->job->dimension;
    double *lower = NULL, *upper = NULL;
    bg_search_options options = { .start = r->vector, .seed = r->result->seed };
    if (config->has_bounds) {
        lower = malloc((size_t)n * sizeof *lower);
        upper = malloc((size_t)n * sizeof *upper);
        for (int64_t i = 0; i < n && lower && upper; i++) {
            lower[i] = config->lower;
            upper[i] = config->upper;
        }
        options = (bg_search_options){ .lower = lower, .upper = upper, .seed = options.seed };
    }
    int code = config->has_bounds && !(lower && upper) ? output_failure("out of memory") : 0;
    if (!code && bg_search_create(&r->search, r->engine, &r->method->search, n, &options) != BG_OK)
        code = output_usage("%s", bg_last_error());
    free(lower);
    free(upper);
    return code;
}

static int prepare_search(run *r)
{
    int code = make_search(r);
    double first = code ? 0 : (double)bg_search_get_progress(r->search).population;
    return code || has_left(r, first) ? code : refuse_budget(r, first, "the first generation");
}

/* A generation: asked for, evaluated and told. */
static int run_generation(run *r)
{
    const bg_tensor *candidates;
    bg_status status = bg_search_ask(r->search, &candidates);
    if (status != BG_OK)
        return output_library();
    int64_t n = bg_tensor_shape(candidates).dims[0];
    double *losses = malloc((size_t)n * sizeof *losses);
    if (!losses)
        return output_failure("out of memory");
    status = bg_population_evaluate(candidates, losses, r->generation ? r->generation : r->all);
    if (status == BG_OK)
        status = bg_search_tell(r->search, losses, n);
    free(losses);
    if (status != BG_OK)
        return output_library();
    spend(r, (double)n);
    r->result->evaluations += (double)n;
    r->result->flops += (double)n * r->job->loss_flops;
    r->result->generations++;
    return 0;
}

/* The best so far, as the search knows it, or measured where it has seen the candidates on some examples only. */
static int take_best(run *r, bool is_last)
{
    const double *best = bg_tensor_const_data(bg_search_best(r->search));
    bg_search_progress now = bg_search_get_progress(r->search);
    if (r->generation)
        return is_last || is_due(r, (double)now.population) ? measure(r, best) : 0;
    if (now.best_loss < r->best_loss) {
        r->best_loss = now.best_loss;
        memcpy(r->best, best, (size_t)r->job->dimension * sizeof *best);
    }
    return 0;
}

static int find_by_search(run *r)
{
    int code = 0;
    bg_search_progress now = bg_search_get_progress(r->search);
    while (!code && has_left(r, (double)now.population) && !now.has_converged && !r->is_cut) {
        code = run_generation(r);
        if (!code)
            code = take_best(r, false);
        now = bg_search_get_progress(r->search);
        draw(r);
        r->is_cut = signals_caught() && !now.has_converged && has_left(r, (double)now.population);
    }
    r->result->seconds = elapsed(r);
    if (!code)
        code = take_best(r, true);
    if (!code && now.has_converged)
        explain(r, now.reason);
    return code;
}

/* ---- With gradients ---- */

/* What a step takes of a whole one: the last batch of an epoch may have fewer examples. */
static double share_of(const run *r, int64_t step)
{
    int64_t n = bg_dataset_size(r->job->data.train), rest = n - (r->steps_in_epoch - 1) * r->batch;
    return step % r->steps_in_epoch == 0 ? (double)rest / (double)r->batch : 1;
}

static bool on_progress(bg_trainer *trainer, const bg_progress *progress, void *user)
{
    (void)trainer;
    run *r = user;
    if (progress->step == r->steps) /* called again at the end of an epoch */
        return true;
    r->steps = progress->step;
    double share = share_of(r, r->steps), next = share_of(r, r->steps + 1);
    spend(r, share);
    r->result->evaluations += share * EVALUATIONS_OF_GRADIENT;
    r->result->generations++;
    if (is_due(r, next))
        r->code = measure_model(r);
    draw(r);
    r->is_cut = signals_caught() && has_left(r, next);
    return !r->code && has_left(r, next) && !r->is_cut;
}

static int prepare_gradient(run *r)
{
    search_job *job = r->job;
    int64_t n = bg_dataset_size(job->data.train);
    r->batch = job->config.batch > 0 ? job->config.batch : n;
    r->steps_in_epoch = (n - 1) / r->batch + 1;
    bg_trainer_options options = { .network = network_build,
                                   .loss = bg_loss_find(job->config.loss),
                                   .user = &job->network,
                                   .optimizer = r->method->optimizer,
                                   .batch = r->batch,
                                   .epochs = (int64_t)1 << 50,
                                   .call_every = 1 };
    const bg_program *program;
    if (bg_trainer_create(&r->trainer, r->model, &options) != BG_OK ||
        bg_trainer_program(r->trainer, job->data.train, r->batch, &program) != BG_OK)
        return output_library();
    r->flops = bg_program_report(program).product_flops;
    if (job->config.axis != AXIS_SECONDS)
        r->unit = job->config.axis == AXIS_FLOPS ? r->flops : EVALUATIONS_OF_GRADIENT;
    return has_left(r, 1) ? 0 : refuse_budget(r, 1, "a step");
}

static int find_by_gradient(run *r)
{
    bg_status status = bg_trainer_fit(r->trainer, r->job->data.train, NULL, on_progress, r);
    r->result->seconds = elapsed(r);
    r->result->flops = r->result->evaluations / EVALUATIONS_OF_GRADIENT * r->flops;
    if (status == BG_ERR_NUMERIC) {
        explain(r, "the loss became infinite or NaN");
        return r->code;
    }
    if (status != BG_OK && status != BG_ERR_STOPPED)
        return output_library();
    return r->code ? r->code : measure_model(r);
}

/* ---- In closed form ---- */

/* In losses. */
static double cost_of_solution(const run *r)
{
    const search_job *job = r->job;
    return job->config.axis == AXIS_FLOPS ? r->flops / r->unit : ceil(r->flops / job->loss_flops);
}

static int prepare_lstsq(run *r)
{
    const bg_tensor *weight = bg_model_find(r->model, "0.weight");
    double columns = (double)bg_tensor_shape(weight).dims[1] + (bg_model_find(r->model, "0.bias") != NULL);
    r->flops = 2 * (double)bg_dataset_size(r->job->data.train) * columns * columns;
    double losses = cost_of_solution(r);
    return has_left(r, losses) ? 0 : refuse_budget(r, losses, "the solution");
}

static int find_by_lstsq(run *r)
{
    int code = lstsq_solve(r->model, r->job->data.train, 0);
    spend(r, cost_of_solution(r));
    r->result->seconds = elapsed(r);
    r->result->evaluations = ceil(r->flops / r->job->loss_flops);
    r->result->flops = r->flops;
    r->result->generations = 1;
    explain(r, "the solution");
    return code ? code : measure_model(r);
}

/* ---- Setting up ---- */

static int open_run(run *r)
{
    search_job *job = r->job;
    bg_engine_options engine = common_engine(&job->config.common);
    engine.seed = r->result->seed;
    bg_population_options options = {
        .network = network_build, .loss = bg_loss_find(job->config.loss), .user = &job->network, .seed = engine.seed
    };
    bool batches = job->config.batch > 0 && job->config.batch < bg_dataset_size(job->data.train);
    if (r->method->kind == BY_LSTSQ)
        r->engine = job->engine;
    else if (bg_engine_create(&r->engine, &engine) != BG_OK)
        return output_library();
    bg_status status = bg_model_create(&r->model, r->engine, job->config.data.dtype);
    if (status == BG_OK)
        status = bg_population_create(&r->all, r->model, job->data.train, &options);
    options.batch = job->config.batch;
    if (status == BG_OK && batches && r->method->kind == BY_SEARCH)
        status = bg_population_create(&r->generation, r->model, job->data.train, &options);
    if (status != BG_OK)
        return output_library();
    size_t bytes = (size_t)job->dimension * sizeof(double);
    r->vector = malloc(bytes);
    r->best = malloc(bytes);
    if (!r->vector || !r->best)
        return output_failure("out of memory");
    r->unit = job->config.axis == AXIS_EVALUATIONS ? 1 : (job->config.axis == AXIS_FLOPS ? job->loss_flops : 0);
    if (bg_model_get_vectors(r->model, r->vector, 1) != BG_OK)
        return output_library();
    return r->method->kind == BY_SEARCH     ? prepare_search(r)
           : r->method->kind == BY_GRADIENT ? prepare_gradient(r)
                                            : prepare_lstsq(r);
}

static void close_run(run *r)
{
    bg_search_destroy(r->search);
    bg_trainer_destroy(r->trainer);
    bg_population_destroy(r->all);
    bg_population_destroy(r->generation);
    bg_model_destroy(r->model);
    if (r->engine != r->job->engine)
        bg_engine_destroy(r->engine);
    free(r->vector);
    free(r->best);
}

/* The rest of the curve, which that of a run that was cut does not have, and the job's best. */
static void finish(run *r)
{
    search_job *job = r->job;
    if (r->is_cut)
        explain(r, "interrupted");
    while (r->place < SEARCH_PLACES)
        r->result->losses[r->place++] = r->is_cut ? NAN : r->best_loss;
    r->result->loss = r->best_loss;
    r->result->is_done = true;
    if (!job->best_result || r->best_loss < job->best_result->loss) {
        memcpy(job->best, r->best, (size_t)job->dimension * sizeof *r->best);
        job->best_result = r->result;
    }
}

/* From its start, which for a search is where the bounds have it. */
static int find(run *r)
{
    int code = measure(r, r->search ? bg_tensor_const_data(bg_search_best(r->search)) : r->vector);
    if (code)
        return code;
    r->begin = machine_seconds();
    r->measuring = 0;
    return r->method->kind == BY_SEARCH     ? find_by_search(r)
           : r->method->kind == BY_GRADIENT ? find_by_gradient(r)
                                            : find_by_lstsq(r);
}

static run begin(search_job *job, search_result *result)
{
    return (run){ .job = job,
                  .method = &job->config.methods[result->method],
                  .result = result,
                  .best_loss = INFINITY,
                  .begin = machine_seconds() };
}

int search_check(search_job *job, int method)
{
    search_result none = { .method = method, .seed = job->config.common.seed };
    run r = begin(job, &none);
    int code = open_run(&r);
    close_run(&r);
    return code;
}

int search_run(search_job *job, search_result *result)
{
    run r = begin(job, result);
    int code = open_run(&r);
    if (!code)
        code = find(&r);
    progress_clear();
    if (!code && !(r.best_loss < INFINITY))
        code = output_failure("search: no loss of %s with seed %llu is a finite number", r.method->name,
                              (unsigned long long)result->seed);
    if (!code)
        finish(&r);
    close_run(&r);
    return code ? code : (signals_caught() ? 128 + signals_caught() : 0);
}
