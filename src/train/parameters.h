/* The parameters behind a loss. */
#ifndef BGI_TRAIN_PARAMETERS_H
#define BGI_TRAIN_PARAMETERS_H

#include <blasgrad/nn.h>

#include "base/arena.h"

/* nodes[i], for each of the bg_model_count entries of the model: its node, if it is a parameter that the loss depends
 * on; otherwise NULL. BG_ERR_NOMEM. */
bg_status bgi_find_parameters(const bg_model *model, const bg_node *loss, bgi_arena *arena, bg_node **nodes);

/* The parameters that a node depends on as one vector of f64, for a driver, which writes them between runs. */
typedef struct {
    bg_engine *engine;
    bg_model *model;
    bg_tensor **tensors; /* the model's */
    size_t n_tensors, n_allocated;
    int64_t n; /* elements of all */
} bgi_variables;

/* In the model's order; the first n_tensors of nodes, which has room for the model's entries, are theirs. Holds the
 * model; also after an error it has to be released. BG_ERR_ARGUMENT, naming the caller and what it is that depends on
 * no parameter. */
bg_status bgi_variables_take(bgi_variables *variables, bg_model *model, const bg_node *node, const char *caller,
                             const char *what, bgi_arena *arena, bg_node **nodes);
void bgi_variables_release(bgi_variables *variables);
void bgi_variables_read(const bgi_variables *variables, double *x);
/* They become x + step · d, rounded to their type. With step 0, for an x that was read, they are what they were. */
void bgi_variables_write(const bgi_variables *variables, const double *x, double step, const double *d);
/* Whether nobody has written them since this number was taken. */
uint64_t bgi_variables_version(const bgi_variables *variables);

/* The elements of a contiguous tensor of f32 or f64. */
void bgi_read_as_f64(const bg_tensor *tensor, double *values);

#endif
