/* blasgrad attack from the inside: what was asked for, and what came out. */
#ifndef ATTACK_H
#define ATTACK_H

#include "class_examples.h"

#include <blasgrad/attack.h>

enum { ATTACKS_MAX = 16 };

/* What the options say; 0 and NULL where they do not. */
typedef struct {
    common_options common;
    data_settings data;
    const char *checkpoint;
    int part; /* a place in class_parts */
    bg_attack attacks[ATTACKS_MAX];
    int n_attacks;
    class_radii eps;
    bg_attack_norm norm;
    int64_t steps, restarts, batch, limit;
    double step_size;
    bg_attack_loss loss;
    bool has_loss;
    int64_t target; /* -1: none */
    class_box box;
    const char *output, *examples, *save;
} attack_config;

/* The examples under attack, and what became of them. */
typedef struct {
    const char *part;
    bg_engine *engine;
    bg_column example;          /* what one gives the network */
    bg_tensor *inputs, *labels; /* of class_examples */
    bg_tensor *targets;         /* or NULL */
    int64_t n;
    double lower, upper; /* the box; infinite: none */
    double clean_accuracy;
    double spared[ATTACKS_MAX + 1][RADII_MAX]; /* the share that is not fooled; the last row: by any of them */
    bg_attack_report reports[ATTACKS_MAX][RADII_MAX];
    bool *is_fooled; /* [eps, n]: by any of the attacks, or as it is */
    /* The worst case at the largest eps: of the first attack that fooled an example, else of the first one. */
    bg_tensor *adversarial, *answers, *clean_answers; /* answers i64 [n] */
} attack_outcome;

/* ---- attack_kinds.c ---- */
/* How hard an attack tries; one that tries less should not do better, and another loss is no greater effort. What looks
 * for the smallest perturbation has another aim, and should only do better than noise. */
typedef enum {
    ATTACK_NOISE,
    ATTACK_WITHOUT_GRADIENTS,
    ATTACK_ONE_STEP,
    ATTACK_STEPS,
    ATTACK_RANDOM_STEPS,
    ATTACK_ADAPTED_STEPS,
    ATTACK_SMALLEST
} attack_effort;
enum { TAKES_STEPS = 1, TAKES_STEP_SIZE = 2, TAKES_RESTARTS = 4, TAKES_LOSS = 8 };
typedef struct {
    attack_effort effort;
    unsigned options; /* those of the command that it takes */
} attack_kind;
attack_kind attack_kind_of(const bg_attack *attack);

/* ---- attack_run.c ---- */
/* Runs all attacks on the examples. 0, or the exit code, after a message unless it was interrupted. */
int attack_examples(const attack_config *config, const class_examples *examples, attack_outcome *o);
void attack_outcome_release(attack_outcome *o);

/* ---- attack_report.c ---- */
extern const char *const attack_norm_names[]; /* of bg_attack_norm, and NULL */
/* One cell, as an event. */
void attack_show_event(const attack_config *config, const attack_outcome *outcome, int attack, int eps);
/* All of them, as a table or as the last event; 0, or the exit code. */
int attack_show(const attack_config *config, const attack_outcome *outcome);

/* ---- attack_pictures.c; 0, or the exit code after a message ---- */
/* Accuracy by eps. */
int attack_draw_curves(const attack_config *config, const attack_outcome *outcome);
/* Inputs, perturbations and what came of them. */
int attack_draw_examples(const attack_config *config, const attack_outcome *outcome);
/* Whether the examples are images. */
int attack_check_images(const attack_config *config, bg_shape example);

#endif
