/* The network that --model names: one of the library's, or a line of layers. */
#ifndef NETWORK_H
#define NETWORK_H

#include <blasgrad/nn.h>

/* What becomes of inputs: (x - shift) scale, then matrix (x - mean). All are f64; those that are not there are NULL. */
typedef struct {
    bg_tensor *shift, *scale; /* of an example's shape */
    bg_tensor *mean, *matrix; /* as of bg_pca */
} input_transform;

/* What builds it; the user data of network_build. */
typedef struct {
    const char *model;
    int64_t classes, context;  /* for networks that have a name; 0: as in bg_network_options */
    input_transform transform; /* of inputs first, not owned: so eps and boxes are in the inputs' own units */
} network_choice;

/* BG_OK, or an error that says what there is. */
bg_status network_check(const char *model);
bg_node *network_build(bg_model *model, bg_node *x, void *choice);
/* How many scores it gives for each example, the last extent of its prediction; 1 if that has none. dtype and sample
 * are those of an example. Builds the network, and so makes its parameters. */
bg_status network_scores(bg_model *model, network_choice *choice, bg_dtype dtype, bg_shape sample, int64_t *scores);

#endif
