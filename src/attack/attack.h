/* Attacks from the inside: what a method works on. */
#ifndef BGI_ATTACK_H
#define BGI_ATTACK_H

#include <blasgrad/attack.h>

#include "train/classifier.h"

/* What a program computes beside the scores. Each has one form without targets and one with. */
typedef enum {
    BGI_ASK_CROSS_ENTROPY = BG_ATTACK_CROSS_ENTROPY,
    BGI_ASK_MARGIN = BG_ATTACK_MARGIN,
    BGI_ASK_DLR = BG_ATTACK_DLR,
    BGI_ASK_DIFFERENCE, /* z[target] - z[label], of whatever classes the attacker's tensor of targets holds */
    BGI_ASK_SCORES,     /* nothing */
    BGI_ASK_KINDS
} bgi_ask;

struct bg_attacker {
    bgi_classifier of;                      /* what is attacked */
    bg_program *programs[BGI_ASK_KINDS][2]; /* [..][whether there are targets]; made when they are first needed */
    bg_tensor *x, *labels, *targets;        /* what they are bound to: i64 the latter two */
};

/* A batch under attack. Rows beyond n are padding: the programs run with them, nothing reads what comes out. */
typedef struct {
    bg_attacker *attacker;
    const bg_attack *attack;
    bool is_targeted;
    int64_t n, first; /* examples, and the number of the first one */
    int64_t restart;
    int64_t width, classes;
    double *clean, *best; /* [batch, width] */
    double *point;        /* [batch, width]: what is asked about */
    double *gradient;     /* [batch, width] */
    double *vectors;      /* the method's: as many [batch, width] as it says */
    double *numbers;      /* the method's: as many [batch] as it says */
    double *scores;       /* [batch, classes] */
    double *value;        /* [batch]: of the loss at best */
    int64_t *labels, *targets;
    bool *is_done;             /* [batch]: the example needs no further attempt */
    double queries, gradients; /* of all examples so far */
} bgi_attack_batch;

/* How an attack goes about it. */
typedef struct bgi_attack_method {
    int vectors;                                                /* how many [batch, width] it keeps, */
    int numbers;                                                /* and how many [batch] */
    bool without_linf, without_l2, without_l1, without_targets; /* what it cannot do */
    bool is_minimal; /* it looks for the smallest perturbation: eps only says which of them count */
    bgi_ask ask;     /* the program it needs, if that is not the loss's: 0 */
    /* One attempt: leaves what it has found in point. */
    bg_status (*attempt)(bgi_attack_batch *batch);
    double (*step_size)(const bg_attack *attack); /* the default; NULL: the attack has none */
    bg_status (*check)(const bg_attack *attack);  /* of numbers beyond those all have in common; may be NULL */
} bgi_attack_method;

/* ---- programs.c ---- */
/* Makes a program unless it is there. */
bg_status bgi_attack_prepare(bg_attacker *attacker, bgi_ask ask, bool is_targeted);
/* Rounds point to the inputs' type and runs a program on it, which fills scores, and gradient unless it asks for the
 * scores alone. BG_ERR_STOPPED if the caller does not want to go on. */
bg_status bgi_attack_ask(bgi_attack_batch *batch, bgi_ask ask);
/* The value of a loss for example i, from its scores. */
double bgi_attack_value(const bgi_attack_batch *batch, bg_attack_loss loss, int64_t i);
/* Whether its scores give another class than the label, or the target. */
bool bgi_attack_succeeds(const bgi_attack_batch *batch, int64_t i);

/* ---- geometry.c ---- */
double bgi_attack_length(const double *x, int64_t n, bg_attack_norm norm);
double bgi_attack_distance(const double *x, const double *y, int64_t n, bg_attack_norm norm);
/* Into the ball around example i, and into the box. */
void bgi_attack_project(const bgi_attack_batch *batch, int64_t i, double *x);
/* The direction of steepest ascent, of norm 1 or 0, in place of the gradient at point x. */
void bgi_attack_ascend(const bgi_attack_batch *batch, double *gradient, const double *x);

/* ---- random.c ---- */
/* Numbers of one example in one step of one restart. */
typedef struct {
    uint64_t seed, stream, next;
} bgi_attack_random;
bgi_attack_random bgi_attack_random_of(const bgi_attack_batch *batch, int64_t i, int64_t step);
double bgi_attack_uniform(bgi_attack_random *random); /* in [0, 1) */
double bgi_attack_normal(bgi_attack_random *random);
/* A uniform point of the ball around example i, moved into the box. */
void bgi_attack_draw(const bgi_attack_batch *batch, int64_t i, int64_t step, double *x);

/* ---- adam.c ---- */
/* Adam with its paper's numbers: means of gradients and their squares, and the number of the step, from 1. */
typedef struct {
    double *m, *v;
    double learning_rate; /* negative: uphill */
    int64_t step;
} bgi_attack_adam_state;
/* Elements first .. first + n - 1. */
void bgi_attack_adam(const bgi_attack_adam_state *adam, double *x, const double *g, int64_t first, int64_t n);
/* Whether the learning rate makes sense. */
bg_status bgi_attack_check_rate(const bg_attack *attack);

/* ---- The methods ---- */
extern const bgi_attack_method bgi_apgd_method, bgi_deepfool_method, bgi_carlini_wagner_method, bgi_square_method,
    bgi_spsa_method;
extern const bgi_attack_method bgi_fgsm_method, bgi_bim_method, bgi_pgd_method, bgi_mi_fgsm_method, bgi_noise_method;

#endif
