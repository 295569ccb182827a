/* A network of one's own, given by options: what it is, its inputs and its loss. */
#ifndef OWN_NETWORK_H
#define OWN_NETWORK_H

#include "workloads.h"

#include <argp.h>

enum { OWN_EXTENT_MAX = 1 << 24 };

typedef struct {
    workload network;   /* whose model is NULL if none was given */
    const char *option; /* that is for such a network, and was given, beside --model; or NULL */
} own_network;

/* The options, for a command's parser; the input is an own_network. They end with a mistake if the option of another
 * part of the command that stands in `option`, or one of these, is given without --model. */
extern const struct argp own_network_argp;

/* Checks the model and the loss, and fills in what is not given. 0, or the exit code after a message. */
int own_network_check(own_network *own);
/* A training step of it with a batch of so many samples. */
workload own_network_workload(const own_network *own, int64_t batch);

#endif
