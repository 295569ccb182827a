/* The losses of many sets of parameters of one network, computed together: what a search without gradients evaluates.
 *
 *   bg_population_create(&population, model, dataset, &(bg_population_options){ .network = f, .loss = bg_l2_loss });
 *   bg_search_create(&search, engine, &method, bg_model_dimension(model), NULL);
 *   bg_search_minimize(search, bg_population_evaluate, population, &(bg_search_budget){ .evaluations = 2000 });
 *   bg_model_set_vectors(model, bg_tensor_const_data(bg_search_best(search)), 1);
 *
 * A generation is one run of a program, or a few, in which the candidates' parameters have a first axis of members: its
 * products are batched products. */
#ifndef BLASGRAD_POPULATION_H
#define BLASGRAD_POPULATION_H

#include <blasgrad/data.h>
#include <blasgrad/nn.h>
#include <blasgrad/search.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct bg_population bg_population;

typedef struct {
    bg_network *network;
    bg_loss *loss;
    void *user; /* of the network */
    /* Examples of a generation, all of whose candidates see the same ones: those of the next batch of an epoch shuffled
     * by the seed, where what does not fill a batch is left out. 0: all examples, every time. */
    int64_t batch;
    uint64_t seed;
    /* Candidates of one run of a program. 0: as many as `bytes` are enough for, or one where that is faster (with
     * convolutions, or large products) or a layer takes no members (see bg_model_create_population). A network that
     * joins examples, as bg_softmax along the first axis does, needs 1: with several, its losses are wrong. */
    int64_t members;
    size_t bytes; /* 0: 8 MiB, of parameters and intermediate values; one member is taken in any case */
} bg_population_options;

/* Candidates are vectors of the model's parameters, bg_model_dimension of them, which are made if they are not there;
 * the model's values stay as they are. The network is built in its evaluation form. Column 0 of the data set is the
 * input, column 1 the target. The model and the data set are kept, and what user points to has to live as long.
 * BG_ERR_ARGUMENT if the network has no parameters, or keeps running statistics, or a number makes no sense; what
 * network and loss refuse, with several `members` also layers that take none. */
BG_API bg_status bg_population_create(bg_population **population, bg_model *model, const bg_dataset *dataset,
                                      const bg_population_options *options);
BG_API void bg_population_destroy(bg_population *population);

/* A bg_objective whose user is a bg_population: the mean loss of each candidate [n, dimension], the mean over examples
 * summed in f64. The same bits for any number of threads. */
BG_API bg_status bg_population_evaluate(const bg_tensor *candidates, double *losses, void *population);

/* What one loss takes. */
typedef struct {
    int64_t dimension, examples;
    double product_flops; /* 2 m n k of each product of matrices, also those within convolutions */
    int64_t members;      /* the most candidates of one run */
} bg_population_cost;
BG_API bg_population_cost bg_population_get_cost(const bg_population *population);

#ifdef __cplusplus
}
#endif
#endif
