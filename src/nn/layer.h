/* What the layers share: the start of each, and their parameters by the part of the name behind the layer's. */
#ifndef BGI_LAYER_H
#define BGI_LAYER_H

#include "nn/init.h"
#include "nn/model.h"
#include "ops/ops.h"

typedef struct {
    const char *kind; /* for messages: "dense" */
    const char *name;
    bg_model *model;
    bg_graph *graph;
    int64_t members;    /* of a population; 0: the model is none */
    bool takes_members; /* the layer says so; otherwise it gets no parameters in a population */
} bgi_layer;

/* Whether there are a model, a name that leaves room for a part, and x; otherwise the error is recorded, but for an x
 * that is NULL. */
bool bgi_layer_start(bgi_layer *layer, const char *kind, bg_model *model, const char *name, const bg_node *x);
/* Whether x has the model's type; label names it in the message. */
bool bgi_layer_takes(const bgi_layer *layer, const char *label, const bg_node *x);
/* Records an error that names the layer, and returns false. */
bool bgi_layer_fails(const bgi_layer *layer, bg_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The layer's parameter name.part, with the first values `given`, or `otherwise` if these are left open. */
bg_node *bgi_layer_parameter(const bgi_layer *layer, const char *part, bg_shape shape, bg_init given,
                             bg_init otherwise);
bg_node *bgi_layer_buffer(const bgi_layer *layer, const char *part, bg_dtype dtype, bg_shape shape, bg_init init);

/* For a layer that computes for all members of a population at once: whether the first axis of x is that of its rows,
 * of every member as many if x depends on parameters; true in any other model. */
bool bgi_layer_takes_members(bgi_layer *layer, const bg_node *x);
/* Whether the layer takes members, or the model is no population: otherwise it would mistake their axis for one of its
 * own. */
bool bgi_layer_is_possible(const bgi_layer *layer);

/* name.part as the name of a layer within a layer. */
typedef struct {
    char text[BGI_PARAMETER_NAME_MAX + 65];
} bgi_part_name;
bgi_part_name bgi_layer_part(const bgi_layer *layer, const char *part);

#endif
