/* Search without gradients: a method proposes candidates, somebody says what each of them costs, and the method learns.
 *
 *   bg_search_method method = bg_search_cmaes();
 *   bg_search_create(&search, engine, &method, 2, &(bg_search_options){ .seed = 7 });
 *   bg_search_minimize(search, objective, user, &(bg_search_budget){ .evaluations = 2000 });
 *   const double *found = bg_tensor_const_data(bg_search_best(search));
 *
 * or, where the loop is the caller's, bg_search_ask and bg_search_tell in turn. Losses are minimised; a NaN counts as
 * infinite. The candidates follow from method, options and losses alone: a random number is Philox(seed, purpose and
 * generation, candidate and coordinate), the same for any number of threads. */
#ifndef BLASGRAD_SEARCH_H
#define BLASGRAD_SEARCH_H

#include <blasgrad/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct bg_search bg_search;
typedef struct bg_search_rule bg_search_rule; /* how a method proposes and learns */

/* A method and its numbers. Made by bg_search_random and its like, which set the defaults; fields may be changed before
 * use. Fields that a method does not name have no effect on it. */
typedef struct {
    const char *name;
    const bg_search_rule *rule;
    int64_t population; /* candidates of a generation; 0: the method's default for the dimension n */
    double sigma;   /* the first step: a standard deviation. Where a method's default is 0, that stands for 0.3 times
                       the narrowest side that the bounds leave open if all are finite, else for 1 */
    bool is_normal; /* random: the normal prior, also in a box */
    double learning_rate;                   /* openai-es, spsa */
    double beta1, beta2, eps, weight_decay; /* openai-es: Adam's */
    double gain_decay, sigma_decay;         /* spsa: exponents */
    double stability;                       /* spsa: iterations by which the decay of the gain is delayed */
    double differential_weight, crossover;  /* de */
    double inertia, cognitive, social;      /* pso */
    int64_t restarts;      /* begin anew that often after converging, each time with twice the population (es-1+1: with
                              its one); 0: never */
    double tolerance_x;    /* of the step, in every coordinate, at which a method has converged; 0: never */
    double tolerance_loss; /* of the losses of a generation; 0: never */
} bg_search_method;

/* ---- The methods ----
 * n is the dimension. "Reflected" says what becomes of a coordinate beyond its bounds: the method's normal numbers know
 * of none, and a candidate is what they give, reflected at the bounds as often as it takes, so that the method sees a
 * continuous function. tolerance_x is 1e-11 for the methods that adapt a step (es-1+1, es, cmaes, sep-cmaes), and
 * tolerance_loss for all of them but es-1+1, and for de and pso; the others never converge. "Enough" is the number of
 * evaluations after which the best loss lies within 1 % of the least on problems of the size of the lecture's: n = 2,
 * from the origin, the least at about (2, 1). In random search, openai-es and sep-cmaes the engine's workers
 * share the coordinates if there are more than 4096; the calling thread computes the rest. */

/* Independent draws: uniform in the box if all bounds are finite, else normal around start with the deviation sigma
 * (default 0), reflected. Generations of 64 by default, which changes nothing but their size. Enough: 1,000,000.
 */
BG_API bg_search_method bg_search_random(void);

/* (1+1)-ES: one normal step at a time is taken if it is no worse; sigma grows by exp(0.8 / √(n + 1)) if so and shrinks
 * by exp(-0.2 / √(n + 1)) if not, and so holds the rate of success at 1/5. Rechenberg, Evolutionsstrategie, 1973;
 * Hansen, Arnold, Auger, Evolution strategies, 2015. The first candidate is start. Reflected. Enough: 500. */
BG_API bg_search_method bg_search_one_plus_one(void);

/* (μ/μ, λ)-ES: each candidate draws its own step length sigma · exp(τ N(0, 1)), τ = 1 / √(2 n), and the mean of the
 * best quarter, geometric for the step lengths, is the next parent. Schwefel, Evolution and optimum seeking, 1995;
 * Beyer, Schwefel, Evolution strategies: a comprehensive introduction, 2002. λ = 4 (4 + ⌊3 ln n⌋), at least 4.
 * Reflected. Enough: 1,000. */
BG_API bg_search_method bg_search_es(void);

/* The gradient of the loss smoothed with sigma, of pairs of opposite steps whose losses count by their ranks, centred
 * in [-0.5, 0.5], as Adam's gradient. Salimans et al., Evolution strategies as a scalable alternative to reinforcement
 * learning, 2017: sigma 0.02, learning rate 0.01; Adam's 0.9, 0.999, 1e-8; no weight decay. Population
 * 2 (4 + ⌊3 ln n⌋), even. Reflected. Enough: 5,000. */
BG_API bg_search_method bg_search_openai_es(void);

/* CMA-ES: the normal distribution's mean, covariance and step length are learned. Hansen, The CMA evolution strategy: a
 * tutorial, 2016, with active (negative) weights, lazily computed eigenvectors, and the constants and criteria of
 * convergence of pycma 4. λ = 4 + ⌊3 ln n⌋, at least 3. Memory grows as n², which is refused beyond n = 16384. Restarts
 * (default 0) with twice the population, from a new place in the box if all bounds are finite: Auger, Hansen, A restart
 * CMA evolution strategy with increasing population size, 2005. Reflected. Enough: 500. */
BG_API bg_search_method bg_search_cmaes(void);

/* The same with a diagonal covariance, whose rates of learning are (n + 2) / 3 times as high; memory and time grow as
 * λ n. Ros, Hansen, A simple modification in CMA-ES achieving linear time and space complexity, 2008. Enough: 500. */
BG_API bg_search_method bg_search_sep_cmaes(void);

/* Simultaneous perturbation: gradient descent with differences along random signs, ĝ = (f(x + c Δ) - f(x - c Δ)) / (2
 * c) Δ. At the iteration k, c = sigma / k^sigma_decay and the gain a (stability + 1)^gain_decay / (stability +
 * k)^gain_decay; a is found so that the elements of the first step, of the mean of eight pairs, have learning_rate as
 * their mean size. Spall, Implementation of the simultaneous perturbation algorithm for stochastic optimization, 1998:
 * exponents 0.602 and 0.101. sigma 0.01, learning_rate 0.1, stability 100. Population 2 (pairs are averaged), even. x
 * is kept in the bounds by clipping, and candidates by reflection. Enough: 3,000. */
BG_API bg_search_method bg_search_spsa(void);

/* DE/rand/1/bin: x_a + differential_weight (x_b - x_c) takes the place of coordinates of x_i with the probability
 * crossover, and the result that of x_i if it is no worse. Storn, Price, Differential evolution, 1997. 0.5, 0.9;
 * population 10 n, at least 20 and, by default, at most 200, drawn first as by random search. A coordinate that leaves
 * the bounds lands halfway between x_i and the bound. Enough: 1,500. */
BG_API bg_search_method bg_search_differential_evolution(void);

/* Particle swarm: v = inertia v + cognitive r₁ (own best - x) + social r₂ (best of all - x), x = x + v. Eberhart, Shi,
 * Comparing inertia weights and constriction factors in particle swarm optimization, 2000: 0.7298, 1.49618, 1.49618.
 * Population 40, at least 2, drawn first as by random search, with half the way to a second draw as velocity. A
 * coordinate that leaves the bounds stops there. Enough: 3,000. */
BG_API bg_search_method bg_search_particle_swarm(void);

/* The method of a name: random, es-1+1, es, openai-es, cmaes, sep-cmaes, spsa, de, pso. BG_ERR_ARGUMENT lists them. */
BG_API bg_status bg_search_method_find(bg_search_method *method, const char *name);

/* BG_ERR_ARGUMENT for numbers that make no sense for this dimension (a negative sigma, a population too small ..). */
BG_API bg_status bg_search_method_check(const bg_search_method *method, int64_t dimension);

/* ---- A search ---- */

/* Arrays of `dimension` numbers, which are copied, or NULL. */
typedef struct {
    const double *start; /* NULL: the middle of the box if all bounds are finite, else 0 or the bound nearest to it */
    const double *lower, *upper; /* may be infinite; NULL: no bound */
    uint64_t seed;
} bg_search_options;

/* options may be NULL. BG_ERR_ARGUMENT for a dimension below 1, numbers of the method that make no sense, bounds that
 * are NaN or crossed, a start that is not finite or outside them; BG_ERR_OVERFLOW, BG_ERR_NOMEM. */
BG_API bg_status bg_search_create(bg_search **search, bg_engine *engine, const bg_search_method *method,
                                  int64_t dimension, const bg_search_options *options);
BG_API void bg_search_destroy(bg_search *search);

/* The next generation: f64 [n, dimension], the search's, valid until the next call of ask. n may differ from one to the
 * next. The same again until their losses are told. BG_ERR_NOMEM, after which it can be tried again. */
BG_API bg_status bg_search_ask(bg_search *search, const bg_tensor **candidates);

/* The losses of the candidates asked for last, in order. BG_ERR_ARGUMENT if n is another number than theirs, or if none
 * were asked for. */
BG_API bg_status bg_search_tell(bg_search *search, const double *losses, int64_t n);

typedef struct {
    int64_t evaluations, generations, restarts;
    int64_t population; /* of the generation asked for last, or the first one to come */
    double best_loss;   /* infinite before the first finite loss */
    double sigma;       /* the present step; the first one for random, de and pso */
    bool has_converged; /* and no restart is left; asking on is allowed */
    const char *reason; /* why the method converged last: a text that lives as long as the program; NULL: it has not */
} bg_search_progress;
BG_API bg_search_progress bg_search_get_progress(const bg_search *search);

/* The candidate of the least loss so far, f64 [dimension], the start before there is one. Belongs to the search. */
BG_API const bg_tensor *bg_search_best(const bg_search *search);

/* Writes the losses of the candidates [n, dimension]. A status that is not BG_OK ends the search and is returned. */
typedef bg_status bg_objective(const bg_tensor *candidates, double *losses, void *user);

/* Fields that are 0 or not given do not limit; at least one must. */
typedef struct {
    int64_t evaluations; /* no generation begins that would go beyond, over all calls for this search */
    double seconds;      /* of this call, after which no generation begins */
    bg_optional target;  /* a loss that is good enough */
} bg_search_budget;

/* Asks, evaluates and tells until the budget is spent or the method has converged. BG_ERR_ARGUMENT for a budget without
 * a limit, or with fewer evaluations than the first generation takes; else the objective's status. */
BG_API bg_status bg_search_minimize(bg_search *search, bg_objective *objective, void *user,
                                    const bg_search_budget *budget);

#ifdef __cplusplus
}
#endif
#endif
