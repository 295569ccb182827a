/* Accuracy under attack as a table or as events, with what is suspicious about it. */
#include "attack.h"
#include "commands.h"
#include "events.h"
#include "output.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const char *const attack_norm_names[] = {
    [BG_ATTACK_LINF] = "linf", [BG_ATTACK_L2] = "l2", [BG_ATTACK_L1] = "l1", NULL
};

static const char *row_name(const attack_config *config, int row)
{
    return row < config->n_attacks ? config->attacks[row].name : "worst";
}

/* ---- Signs of masked gradients ----
 * Athalye, Carlini, Wagner, Obfuscated gradients give a false sense of security, 2018, section 3.1. */

/* That a thousand questions without gradients do better than a few small steps says nothing. */
static bool should_win(const bg_attack *stronger, const bg_attack *weaker)
{
    attack_effort strong = attack_kind_of(stronger).effort, weak = attack_kind_of(weaker).effort;
    if (strong == ATTACK_SMALLEST)
        return weak == ATTACK_NOISE;
    if (weak == ATTACK_WITHOUT_GRADIENTS)
        return strong >= ATTACK_RANDOM_STEPS;
    return strong > ATTACK_WITHOUT_GRADIENTS && strong > weak;
}

/* What chance does not explain: more than one point, and more than one example. */
static bool is_above(const attack_outcome *outcome, double a, double b)
{
    return a - b > 0.01 && (a - b) * (double)outcome->n > 1.5;
}

typedef void warning(const char *text, void *user);

/* One answer to everything, though not everything is of that class: no attack can change it. A few may be alike by
 * chance. */
static bool answers_alike(const attack_outcome *o)
{
    const int64_t *answers = bg_tensor_const_data(o->clean_answers);
    for (int64_t i = 1; i < o->n; i++)
        if (answers[i] != answers[0])
            return false;
    return o->n >= 10 && o->clean_accuracy < 1;
}

/* From the first eps to the last one, at least twice as large, not one more example is fooled, though some are left.
 * With a target that is no sign: the class may be far away. */
static bool stays(const attack_config *config, const attack_outcome *o, int attack, int first)
{
    int last = config->eps.n - 1;
    return !o->targets && attack_kind_of(&config->attacks[attack]).effort > ATTACK_WITHOUT_GRADIENTS && first < last &&
           config->eps.values[last] >= 2 * config->eps.values[first] && o->spared[attack][last] > 0 &&
           o->spared[attack][last] >= o->spared[attack][first];
}

static void warn_of_eps(const attack_config *config, const attack_outcome *o, int attack, warning *warn, void *user)
{
    const double *spared = o->spared[attack], *eps = config->eps.values;
    const char *name = config->attacks[attack].name;
    char text[300];
    int worst = 0; /* where it rises most */
    for (int e = 1; e < config->eps.n; e++)
        if (is_above(o, spared[e], spared[e - 1]) &&
            (!worst || spared[e] - spared[e - 1] > spared[worst] - spared[worst - 1]))
            worst = e;
    int first = eps[0] > 0 ? 0 : 1, last = config->eps.n - 1; /* they are in order, each there once */
    if (worst)
        snprintf(text, sizeof text,
                 "%s leaves %.2f %% at eps %g, but %.2f %% at %g: more room does less; the gradients may be masked",
                 name, 100 * spared[worst], eps[worst], 100 * spared[worst - 1], eps[worst - 1]);
    else if (stays(config, o, attack, first))
        snprintf(text, sizeof text,
                 "%s leaves %.2f %% at eps %g, and no less at %g: these are small, or the gradients are masked", name,
                 100 * spared[first], eps[first], eps[last]);
    else
        return;
    warn(text, user);
}

/* At the eps where the stronger attack falls behind most. */
static void warn_of_order(const attack_config *config, const attack_outcome *o, int strong, int weak, warning *warn,
                          void *user)
{
    const double *left = o->spared[strong], *left_by_weaker = o->spared[weak];
    int worst = -1;
    for (int e = 0; e < config->eps.n; e++)
        if (is_above(o, left[e], left_by_weaker[e]) &&
            (worst < 0 || left[e] - left_by_weaker[e] > left[worst] - left_by_weaker[worst]))
            worst = e;
    if (worst < 0 || !should_win(&config->attacks[strong], &config->attacks[weak]))
        return;
    char text[300];
    snprintf(text, sizeof text,
             "%s, the weaker attack, leaves %.2f %% at eps %g, but %s %.2f %%; the gradients may be masked",
             config->attacks[weak].name, 100 * left_by_weaker[worst], config->eps.values[worst],
             config->attacks[strong].name, 100 * left[worst]);
    warn(text, user);
}

static void find_warnings(const attack_config *config, const attack_outcome *o, warning *warn, void *user)
{
    if (answers_alike(o)) {
        char text[100];
        snprintf(text, sizeof text, "the network answers every example as class %lld: it tells nothing apart",
                 (long long)((const int64_t *)bg_tensor_const_data(o->clean_answers))[0]);
        warn(text, user);
        return;
    }
    for (int a = 0; a < config->n_attacks; a++)
        warn_of_eps(config, o, a, warn, user);
    for (int strong = 0; strong < config->n_attacks; strong++)
        for (int weak = 0; weak < config->n_attacks; weak++)
            warn_of_order(config, o, strong, weak, warn, user);
}

static void show_warning(const char *text, void *user)
{
    bool *is_first = user;
    if (*is_first)
        output_line("%s", "");
    *is_first = false;
    output_line("warning: %s", text);
}

static void append_warning(const char *text, void *user)
{
    event *item = event_create(NULL);
    event_text(item, "text", text);
    event_append_object(user, "warnings", item);
}

/* ---- Events ---- */

void attack_show_event(const attack_config *config, const attack_outcome *outcome, int attack, int eps)
{
    const bg_attack_report *report = &outcome->reports[attack][eps];
    event *e = event_create("attack");
    event_text(e, "method", row_name(config, attack));
    event_text(e, "norm", attack_norm_names[config->norm]);
    event_number(e, "eps", config->eps.values[eps]);
    event_number(e, outcome->targets ? "not_fooled" : "accuracy", outcome->spared[attack][eps]);
    if (attack < config->n_attacks) {
        event_integer(e, "fooled", report->fooled);
        event_number(e, "mean_norm", report->mean_norm);
        event_number(e, "max_norm", report->max_norm);
        event_number(e, "queries", report->queries);
        event_number(e, "gradients", report->gradients);
    }
    event_output(e);
    event_destroy(e);
}

static void show_done(const attack_config *config, const attack_outcome *outcome)
{
    for (int k = 0; k < config->eps.n; k++)
        attack_show_event(config, outcome, config->n_attacks, k);
    event *e = event_create("done");
    event_text(e, "checkpoint", config->checkpoint);
    event_text(e, "data", config->data.name);
    event_text(e, "part", outcome->part);
    event_integer(e, "examples", outcome->n);
    if (!isinf(outcome->lower))
        event_number(e, "lower", outcome->lower);
    if (!isinf(outcome->upper))
        event_number(e, "upper", outcome->upper);
    event_number(e, "clean_accuracy", outcome->clean_accuracy);
    event_list(e, "warnings");
    find_warnings(config, outcome, append_warning, e);
    event_output(e);
    event_destroy(e);
}

/* ---- The table ---- */

enum { NAME = 10, CELL = 9 };

static void show_row(const attack_config *config, const attack_outcome *outcome, int row, int start, int stop)
{
    char line[NAME + CELL * RADII_MAX + 1];
    int at = snprintf(line, sizeof line, "%-*s", NAME, row < 0 ? "eps" : row_name(config, row));
    for (int e = start; e < stop; e++)
        at += row < 0 ? snprintf(line + at, sizeof line - (size_t)at, "%*.4g", CELL, config->eps.values[e])
                      : snprintf(line + at, sizeof line - (size_t)at, "%*.2f", CELL, 100 * outcome->spared[row][e]);
    output_line("%s", line);
}

/* As many columns side by side as fit the terminal. */
static void show_table(const attack_config *config, const attack_outcome *outcome)
{
    int width = output_width(), together = width > NAME + CELL ? (width - NAME) / CELL : (width ? 1 : RADII_MAX);
    for (int start = 0; start < config->eps.n; start += together) {
        int stop = start + together < config->eps.n ? start + together : config->eps.n;
        output_line("%s", "");
        for (int row = -1; row <= config->n_attacks; row++)
            show_row(config, outcome, row, start, stop);
    }
}

int attack_show(const attack_config *config, const attack_outcome *outcome)
{
    if (config->common.json) {
        show_done(config, outcome);
        return EXIT_DONE;
    }
    output_line("%s: %lld example%s, accuracy %.2f %%", outcome->part, (long long)outcome->n,
                outcome->n == 1 ? "" : "s", 100 * outcome->clean_accuracy);
    char what[80] = "accuracy in % under attack", box[80] = "no box";
    if (outcome->targets)
        snprintf(what, sizeof what, "examples in %% that are not answered as class %lld", (long long)config->target);
    if (!isinf(outcome->lower) || !isinf(outcome->upper))
        snprintf(box, sizeof box, "inputs in %g .. %g", outcome->lower, outcome->upper);
    output_line("%s, %s, %s:", what, attack_norm_names[config->norm], box);
    show_table(config, outcome);
    bool is_first = true;
    find_warnings(config, outcome, show_warning, &is_first);
    return EXIT_DONE;
}
