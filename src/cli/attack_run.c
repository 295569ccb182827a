/* blasgrad attack: the attacks themselves. */
#include "attack.h"
#include "commands.h"
#include "machine.h"
#include "output.h"
#include "progress.h"
#include "signals.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the attacker's functions know: the network, and what is running. */
typedef struct {
    const class_examples *examples;
    const attack_config *config;
    int64_t n;       /* examples */
    int attack, eps; /* those that run */
    double last_draw;
} attacked;

static bg_node *build(bg_model *model, bg_node *x, void *user)
{
    network_choice choice = ((const attacked *)user)->examples->network;
    return network_build(model, x, &choice);
}

static bool goes_on(int64_t examples, void *user)
{
    attacked *now = user;
    double seconds = machine_seconds();
    if (seconds - now->last_draw >= 0.1) {
        const attack_config *config = now->config;
        char title[64], rest[64];
        double cell = now->attack * config->eps.n + now->eps + (double)examples / (double)now->n;
        snprintf(title, sizeof title, "%s, eps %g", config->attacks[now->attack].name, config->eps.values[now->eps]);
        snprintf(rest, sizeof rest, "%lld/%lld examples", (long long)examples, (long long)now->n);
        progress_draw(title, cell / (config->n_attacks * config->eps.n), rest);
        now->last_draw = seconds;
    }
    return signals_caught() == 0;
}

static double element(const bg_tensor *tensor, int64_t i)
{
    double value = NAN;
    (void)bg_tensor_item(tensor, i, &value);
    return value;
}

/* ---- What an attack leaves ---- */

static int open_result(bg_attack_result *result, const attack_outcome *o)
{
    *result = (bg_attack_result){ .adversarial = NULL };
    bg_status status =
        bg_tensor_create(&result->adversarial, o->engine, bg_tensor_dtype(o->inputs), bg_tensor_shape(o->inputs));
    if (status == BG_OK)
        status = bg_tensor_create(&result->is_fooled, o->engine, BG_BOOL, BG_SHAPE(o->n));
    if (status == BG_OK)
        status = bg_tensor_create(&result->norms, o->engine, BG_F64, BG_SHAPE(o->n));
    if (status == BG_OK)
        status = bg_tensor_create(&result->answers, o->engine, BG_I64, BG_SHAPE(o->n));
    return status == BG_OK ? 0 : output_library();
}

static void close_result(bg_attack_result *result)
{
    bg_tensor_destroy(result->adversarial);
    bg_tensor_destroy(result->is_fooled);
    bg_tensor_destroy(result->norms);
    bg_tensor_destroy(result->answers);
}

/* Takes over example i as the worst case. */
static void take_example(attack_outcome *o, const bg_attack_result *result, int64_t i)
{
    int64_t width = bg_shape_count(bg_tensor_shape(o->inputs)) / o->n;
    size_t bytes = (size_t)width * bg_dtype_size(bg_tensor_dtype(o->inputs));
    const unsigned char *from = bg_tensor_const_data(result->adversarial);
    memcpy((unsigned char *)bg_tensor_data(o->adversarial) + (size_t)i * bytes, from + (size_t)i * bytes, bytes);
    ((int64_t *)bg_tensor_data(o->answers))[i] = ((const int64_t *)bg_tensor_const_data(result->answers))[i];
}

/* Counts what the attack that ran last does with this eps, which may be less than it was allowed. */
static void count(const attack_config *config, attack_outcome *o, const bg_attack_result *result, int attack, int eps)
{
    int64_t spared = 0, spared_by_all = 0;
    /* The others keep to their eps, but for roundings of the inputs. */
    double limit = bg_attack_is_minimal(&config->attacks[attack]) ? config->eps.values[eps] : INFINITY;
    bool *by_any = o->is_fooled + (int64_t)eps * o->n;
    bg_attack_report *report = &o->reports[attack][eps];
    double norms = 0;
    report->fooled = 0;
    report->max_norm = 0;
    for (int64_t i = 0; i < o->n; i++) {
        double norm = element(result->norms, i);
        bool is_fooled = element(result->is_fooled, i) != 0 && norm <= limit;
        if (is_fooled && norm > 0) { /* what was fooled from the beginning is left alone */
            report->fooled++;
            norms += norm;
            report->max_norm = fmax(report->max_norm, norm);
        }
        bool is_worst = attack == 0 || (is_fooled && !by_any[i]);
        if (is_worst && eps == config->eps.n - 1)
            take_example(o, result, i);
        by_any[i] = by_any[i] || is_fooled;
        spared += !is_fooled;
        spared_by_all += !by_any[i];
    }
    report->mean_norm = norms / (report->fooled ? (double)report->fooled : 1);
    o->spared[attack][eps] = (double)spared / (double)o->n;
    o->spared[config->n_attacks][eps] = (double)spared_by_all / (double)o->n;
}

/* ---- The attacks ---- */

/* 0, or the exit code, after a message unless it was interrupted. */
static int run_one(const attack_outcome *o, bg_attacker *attacker, const bg_attack *attack, double eps,
                   const bg_attack_result *result, bg_attack_report *report)
{
    bg_attack limited = *attack;
    limited.eps = eps;
    bg_status status = bg_attack_run(attacker, &limited, o->inputs, o->labels, o->targets, result, report);
    progress_clear();
    if (status == BG_ERR_STOPPED)
        return 128 + signals_caught();
    return status == BG_OK ? 0 : output_library();
}

static int run_attack(attacked *now, attack_outcome *o, bg_attacker *attacker, const bg_attack_result *result)
{
    const attack_config *config = now->config;
    int a = now->attack;
    const bg_attack *attack = &config->attacks[a];
    bool is_minimal = bg_attack_is_minimal(attack);
    for (int e = 0; e < config->eps.n; e++) {
        /* The smallest perturbations are sought once. */
        double eps = is_minimal ? config->eps.values[config->eps.n - 1] : config->eps.values[e];
        int code = 0;
        now->eps = e;
        if (e == 0 || !is_minimal)
            code = run_one(o, attacker, attack, eps, result, &o->reports[a][e]);
        else
            o->reports[a][e] = o->reports[a][0];
        if (code)
            return code;
        count(config, o, result, a, e);
        if (config->common.json)
            attack_show_event(config, o, a, e);
        if (output_has_failed())
            return EXIT_FAILED;
    }
    return 0;
}

/* The answers as things stand: any attack that is allowed nothing. */
static int look_at_clean(attack_outcome *o, bg_attacker *attacker, const bg_attack_result *result)
{
    bg_attack_report report;
    const bg_attack nothing = bg_attack_fgsm(BG_ATTACK_LINF, 0);
    int code = run_one(o, attacker, &nothing, 0, result, &report);
    if (code)
        return code;
    bg_status status = bg_tensor_create(&o->answers, o->engine, BG_I64, BG_SHAPE(o->n));
    if (status == BG_OK)
        status = bg_tensor_create(&o->clean_answers, o->engine, BG_I64, BG_SHAPE(o->n));
    if (status == BG_OK)
        status = bg_tensor_create(&o->adversarial, o->engine, bg_tensor_dtype(o->inputs), bg_tensor_shape(o->inputs));
    if (status == BG_OK)
        status = bg_tensor_copy(o->answers, result->answers);
    if (status == BG_OK)
        status = bg_tensor_copy(o->clean_answers, result->answers);
    if (status == BG_OK)
        status = bg_tensor_copy(o->adversarial, o->inputs);
    o->clean_accuracy = report.clean_accuracy;
    return status == BG_OK ? 0 : output_library();
}

static int run_all(attacked *now, attack_outcome *o, bg_attacker *attacker)
{
    bg_attack_result result;
    int code = open_result(&result, o);
    if (!code)
        code = look_at_clean(o, attacker, &result);
    for (; now->attack < now->config->n_attacks && !code; now->attack++)
        code = run_attack(now, o, attacker, &result);
    close_result(&result);
    return code;
}

/* What the network's classes allow, said before any work: the data may have fewer. */
static int check_network(const attack_config *config, int64_t classes)
{
    if (config->target >= classes)
        return output_usage("--targeted %lld: the classes are 0 .. %lld", (long long)config->target,
                            (long long)classes - 1);
    int needed = config->target >= 0 ? 4 : 3;
    for (int a = 0; a < config->n_attacks; a++)
        if (config->attacks[a].loss == BG_ATTACK_DLR && classes < needed)
            return output_usage("%s: the loss dlr needs %d classes or more, the network has %lld",
                                config->attacks[a].name, needed, (long long)classes);
    return 0;
}

int attack_examples(const attack_config *config, const class_examples *examples, attack_outcome *o)
{
    attacked now = { .examples = examples, .config = config, .n = o->n, .last_draw = machine_seconds() };
    const bg_attacker_options options = { .network = build,
                                          .user = &now,
                                          .lower = examples->lower,
                                          .upper = examples->upper,
                                          .batch = config->batch,
                                          .goes_on = goes_on };
    bg_attacker *attacker = NULL;
    o->lower = examples->lower.is_some ? examples->lower.value : -INFINITY;
    o->upper = examples->upper.is_some ? examples->upper.value : INFINITY;
    o->is_fooled = calloc((size_t)config->eps.n * (size_t)o->n, sizeof *o->is_fooled);
    if (!o->is_fooled)
        return output_failure("out of memory");
    if (bg_attacker_create(&attacker, examples->model, &options, o->example.shape) != BG_OK)
        return output_library();
    int code = check_network(config, bg_attacker_classes(attacker));
    signals_catch();
    if (!code)
        code = run_all(&now, o, attacker);
    bg_attacker_destroy(attacker);
    return code;
}

void attack_outcome_release(attack_outcome *o)
{
    bg_tensor *const tensors[] = { o->targets, o->adversarial, o->answers, o->clean_answers };
    for (size_t i = 0; i < sizeof tensors / sizeof *tensors; i++)
        bg_tensor_destroy(tensors[i]);
    free(o->is_fooled);
}
