/* Accuracy under attack as a table or as events, with what is suspicious about it. */
#include "attack.h"
#include "commands.h"
#include "events.h"
#include "output.h"

#include <stdio.h>
#include <string.h>

static const char *const norm_names[] = { [BG_ATTACK_LINF] = "linf", [BG_ATTACK_L2] = "l2", [BG_ATTACK_L1] = "l1" };

static const char *row_name(const attack_config *config, int row)
{
    return row < config->n_attacks ? config->attacks[row].name : "worst";
}

/* ---- Signs of masked gradients ----
 * Athalye, Carlini, Wagner, Obfuscated gradients give a false sense of security, 2018, section 3.1. */

/* How hard an attack tries; one that tries less should not do better. Those that ask for no gradients are 1, noise is
 * 0, and another loss is no greater effort. */
static int rank_of(const char *name)
{
    static const char *const ranks[][4] = { { "noise" },          { "square", "spsa" },  { "fgsm" },
                                            { "bim", "mi-fgsm" }, { "pgd", "apgd-dlr" }, { "apgd" } };
    for (int rank = 0; rank < (int)(sizeof ranks / sizeof *ranks); rank++)
        for (int k = 0; k < 3 && ranks[rank][k]; k++)
            if (strcmp(name, ranks[rank][k]) == 0)
                return rank;
    return -1;
}

/* FGSM makes one step only: that a search without gradients does better says nothing. */
static bool should_win(const char *stronger, const char *weaker)
{
    int strong = rank_of(stronger), weak = rank_of(weaker);
    bool is_single_step = strcmp(stronger, "fgsm") == 0;
    return weak >= 0 && strong > weak && strong > 1 && !(is_single_step && weak == 1);
}

/* What chance does not explain: more than one point, and more than one example. */
static bool is_above(const attack_outcome *outcome, double a, double b)
{
    return a - b > 0.01 && (a - b) * (double)outcome->n > 1.5;
}

typedef void warning(const char *text, void *user);

static void find_warnings(const attack_config *config, const attack_outcome *o, warning *warn, void *user)
{
    char text[300];
    for (int a = 0; a < config->n_attacks; a++)
        for (int e = 1; e < config->n_eps; e++)
            if (is_above(o, o->spared[a][e], o->spared[a][e - 1])) {
                snprintf(text, sizeof text, "%s leaves %.2f %% at eps %g, but %.2f %% at %g: more room does less",
                         config->attacks[a].name, 100 * o->spared[a][e], config->eps[e], 100 * o->spared[a][e - 1],
                         config->eps[e - 1]);
                warn(text, user);
            }
    for (int strong = 0; strong < config->n_attacks; strong++)
        for (int weak = 0; weak < config->n_attacks; weak++)
            for (int e = 0; e < config->n_eps; e++) {
                if (!should_win(config->attacks[strong].name, config->attacks[weak].name) ||
                    !is_above(o, o->spared[strong][e], o->spared[weak][e]))
                    continue;
                snprintf(text, sizeof text, "%s, the weaker attack, leaves %.2f %% at eps %g, but %s %.2f %%",
                         config->attacks[weak].name, 100 * o->spared[weak][e], config->eps[e],
                         config->attacks[strong].name, 100 * o->spared[strong][e]);
                warn(text, user);
            }
}

static void show_warning(const char *text, void *user)
{
    bool *is_first = user;
    if (*is_first)
        output_line("%s", "");
    *is_first = false;
    output_line("warning: %s; the gradients may be masked", text);
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
    event_text(e, "norm", norm_names[config->norm]);
    event_number(e, "eps", config->eps[eps]);
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
    for (int k = 0; k < config->n_eps; k++)
        attack_show_event(config, outcome, config->n_attacks, k);
    event *e = event_create("done");
    event_text(e, "checkpoint", config->checkpoint);
    event_text(e, "data", config->data.name);
    event_text(e, "part", outcome->part);
    event_integer(e, "examples", outcome->n);
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
    char line[NAME + CELL * EPS_MAX + 1];
    int at = snprintf(line, sizeof line, "%-*s", NAME, row < 0 ? "eps" : row_name(config, row));
    for (int e = start; e < stop; e++)
        at += row < 0 ? snprintf(line + at, sizeof line - (size_t)at, "%*.4g", CELL, config->eps[e])
                      : snprintf(line + at, sizeof line - (size_t)at, "%*.2f", CELL, 100 * outcome->spared[row][e]);
    output_line("%s", line);
}

/* As many columns side by side as fit the terminal. */
static void show_table(const attack_config *config, const attack_outcome *outcome)
{
    int width = output_width(), together = width > NAME + CELL ? (width - NAME) / CELL : (width ? 1 : EPS_MAX);
    for (int start = 0; start < config->n_eps; start += together) {
        int stop = start + together < config->n_eps ? start + together : config->n_eps;
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
    if (outcome->targets)
        output_line("examples in %% that are not answered as class %lld, %s:", (long long)config->target,
                    norm_names[config->norm]);
    else
        output_line("accuracy in %% under attack, %s:", norm_names[config->norm]);
    show_table(config, outcome);
    bool is_first = true;
    find_warnings(config, outcome, show_warning, &is_first);
    return EXIT_DONE;
}
