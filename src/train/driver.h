/* Optimizers that take steps of their own. */
#ifndef BGI_DRIVER_H
#define BGI_DRIVER_H

#include "train/trainer.h"

/* What a driver is made for. */
typedef struct {
    bg_model *model;
    const bg_optimizer *optimizer;
    bg_node *loss;
    bg_node *prediction, *target; /* prediction NULL: the loss is that of a trainer's step */
} bgi_driver_problem;

struct bg_driver {
    const char *prefix; /* of the names of what it saves */
    bool has_rate;      /* steps follow the learning rate */
    /* Of the trainer's options, what this driver asks for beyond what all do. NULL: nothing. */
    bg_status (*check)(const bg_trainer_options *options);
    bg_status (*create)(void **object, const bgi_driver_problem *problem);
    void (*destroy)(void *object);
    bg_program *(*program)(void *object); /* whose inputs are those of the problem */
    /* has_same_data: what is bound has not changed since the last step. */
    /* Takes the memory of so many steps, which then take none. NULL: they take none anyway. */
    bg_status (*reserve)(void *object, int64_t steps);
    bg_status (*step)(void *object, double learning_rate, bool has_same_data);
    bool (*has_converged)(const void *object);
    double (*damping)(const void *object); /* NULL: none */
    bg_status (*save)(const void *object, bg_archive *archive);
    bg_status (*load)(void *object, const bg_archive *archive);
};

#endif
