/* The parameters behind a loss. */
#ifndef BGI_TRAIN_PARAMETERS_H
#define BGI_TRAIN_PARAMETERS_H

#include <blasgrad/nn.h>

#include "base/arena.h"

/* nodes[i], for each of the bg_model_count entries of the model: its node, if it is a parameter that the loss depends
 * on; otherwise NULL. BG_ERR_NOMEM. */
bg_status bgi_find_parameters(const bg_model *model, const bg_node *loss, bgi_arena *arena, bg_node **nodes);

#endif
