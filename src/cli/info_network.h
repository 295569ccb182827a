/* What `blasgrad info` says of networks: their tensors, and what they cost to train. */
#ifndef INFO_NETWORK_H
#define INFO_NETWORK_H

#include "own_network.h"

/* The training step whose cost is shown. */
typedef struct {
    int64_t batch;              /* 0: that of the run, or 64 */
    const char *optimizer_name; /* NULL: that of the run, or SGD with momentum */
    bg_optimizer optimizer;
    bool is_assumed;    /* of a run, whose own is unknown */
    const char *option; /* of these that was given, or NULL */
} step_options;

/* As text, or as one object. 0, or the exit code after a message; so the other. */
int info_network(bg_engine *engine, const own_network *own, const step_options *options, bool json);
/* A checkpoint: tensors and texts, and the cost of its network if it says what that is. */
int info_file(bg_engine *engine, const char *path, const step_options *options, bool json);

#endif
