/* Networks to attack, with inputs and results: one whose scores are linear, and one whose are not. */
#ifndef BLASGRAD_TESTS_ATTACKED_H
#define BLASGRAD_TESTS_ATTACKED_H

#include <blasgrad/attack.h>

typedef struct {
    bg_model *model;
    bg_attacker *attacker;
    bg_tensor *x, *labels, *targets, *adversarial, *is_fooled, *answers, *norms;
    bg_attack_result result;
    bg_attack_report report;
} problem;

/* Element i of a tensor of any of the types in a problem. */
void attacked_set(bg_tensor *tensor, int64_t i, double value);
void attacked_close(problem *p);
/* Without targets, into the problem's results. */
bg_status attack(problem *p, const bg_attack *a);

/* Scores x·wᵀ of three inputs, with which class 1 gains over class 0 along d = (2, -1, 0.25). */
enum { WIDTH = 3, CLASSES = 2, EXAMPLES = 5 };
/* All of class 0 but the last, which is answered 1 from the beginning: their margins are -d·x. */
extern const double linear_points[EXAMPLES][WIDTH];
double linear_margin(const double *x);
/* The most that d·x grows within a ball of radius 1, by the dual norms, and the step in element k that does it. */
double linear_reach(bg_attack_norm norm);
double linear_best_step(bg_attack_norm norm, int k);
bg_network linear_network;
/* options: without a network, or NULL, for batches of 2 and no box. */
void open_linear(problem *p, bg_dtype dtype, const bg_attacker_options *options);

/* Scores of four inputs through seven tanh. */
enum { SMALL = 4, SMALL_CLASSES = 5 };
void curved_scores(const bg_model *model, const double *x, double *z);
void open_curved(problem *p, bg_engine *engine, bg_dtype dtype, int64_t batch, int64_t n);
/* Every parameter's element k is scale · cos(k² + 3 · its number). */
void set_curved_parameters(problem *p, double scale);
/* Labels are what the network answers, or, of every fourth, not; targets other classes. */
void answer_labels(problem *p, int64_t n);

#endif
