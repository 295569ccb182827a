/* CMA-ES and its separable form: the state, and the parts that stand in files of their own. */
#ifndef BGI_CMA_H
#define BGI_CMA_H

#include "search/search.h"

/* Constants of the strategy, by dimension and population. */
typedef struct {
    int64_t mu;      /* parents: candidates of positive weight */
    double *weights; /* [lambda], from the best on; the positive ones add up to 1 */
    double mueff;    /* variance effective number of parents */
    double cs, damps, cc, c1, cmu;
    double chi; /* expected length of a standard normal vector */
} bgi_cma_constants;
void bgi_cma_constants_set(bgi_cma_constants *c, int64_t n, int64_t lambda, bool is_diagonal);

/* The covariance C: of the full form [n, n], one triangle of which counts, with its eigenvectors and the roots of its
 * eigenvalues as of the last decomposition; of the diagonal form [n], with its roots. */
typedef struct {
    int64_t n;
    bool is_diagonal;
    double *c;
    double *axes;    /* [n, n], an eigenvector a row; NULL: the unit vectors */
    double *lengths; /* [n] */
    double *spare;   /* full: [n, n] */
    double *work;    /* LAPACK's */
    int64_t work_count;
    void *integers;
    int64_t integer_count;
} bgi_cma_model;
/* In the state's arena. */
bg_status bgi_cma_model_make(bgi_cma_model *model, bg_search *s, bool is_diagonal);
/* Eigenvectors and lengths of the present C. False, without a change, if it is not finite or not positive definite. */
bool bgi_cma_model_decompose(bgi_cma_model *model);
/* Rows z [rows, n] of standard normal numbers to y of covariance C. Full form. */
void bgi_cma_model_transform(const bgi_cma_model *model, const double *z, int64_t rows, double *y);
/* C^(-1/2) x, by the last decomposition. rest [n]. */
void bgi_cma_model_whiten(const bgi_cma_model *model, const double *x, double *rest, double *whitened);
/* C = keep · C + Σ weights[k] · y[k] y[k]ᵀ, of rows y [rows, n]; scaled has room for as many. Full form. */
void bgi_cma_model_update(bgi_cma_model *model, double keep, const double *weights, const double *y, int64_t rows,
                          double *scaled);
double bgi_cma_model_variance(const bgi_cma_model *model, int64_t i);

/* What the criteria of convergence remember. */
typedef struct {
    double *recent; /* best losses of the last generations, a ring */
    int64_t recent_size, n_recent;
    double *best, *median; /* of every fifth generation, the newest last */
    int64_t history_size, n_history;
    int64_t *order;
    double best_of_run;
    int64_t best_generation, flat_generations;
    double *place; /* [n]: the mean when it last moved */
    int64_t place_generation;
    int64_t stagnation, most_generations; /* of generations */
} bgi_cma_history;

typedef struct {
    int64_t n, lambda, generation; /* of this run */
    bgi_cma_constants constants;
    bgi_cma_model model;
    bgi_cma_history history;
    double first_sigma;
    double *mean, *mean_step, *pc, *ps, *scratch; /* [n] */
    double *y;                                    /* full: [lambda + 1, n], steps in units of sigma, the path behind */
    double *scaled;                               /* as y, scaled by weights; diagonal: [1, n] */
    double *weights;                              /* [lambda + 1], of the update */
    double *lengths;                              /* [lambda]: squared, of the standard normal vectors */
    double *part_lengths; /* diagonal: [parts, lambda], what each part of the coordinates adds to them */
    double *variances;    /* diagonal: [n], what C gains */
    int64_t decomposed;   /* the generation of the last decomposition */
} bgi_cma;

bg_status bgi_cma_history_make(bgi_cma_history *h, bg_search *s);
/* After a generation: why the run has converged, or NULL. */
const char *bgi_cma_converged(const bg_search *s, bgi_cma *cma);

#endif
