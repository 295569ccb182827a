/* Models: named parameters and buffers, and the layers that make and find them. Names and layouts are PyTorch's. */
#ifndef BLASGRAD_NN_H
#define BLASGRAD_NN_H

#include <blasgrad/loss.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct bg_model bg_model;

/* A model without parameters yet. They are f32 or f64, and get their first values from the engine's seed and their
 * name, so that they do not depend on the order of creation. */
BG_API bg_status bg_model_create(bg_model **model, bg_engine *engine, bg_dtype dtype);
BG_API void bg_model_destroy(bg_model *model);

BG_API bg_engine *bg_model_engine(const bg_model *model);
BG_API bg_dtype bg_model_dtype(const bg_model *model);

/* Whether layers build their training form (the default) or their evaluation form. */
BG_API void bg_model_set_training(bg_model *model, bool training);
BG_API bool bg_model_is_training(const bg_model *model);

/* Where first values come from. */
typedef enum {
    BG_INIT_ZEROS,
    BG_INIT_ONES,
    BG_INIT_UNIFORM /* in [-bound, bound) */
} bg_init_kind;
typedef struct {
    bg_init_kind kind;
    double bound;
} bg_init;

/* The node of the model's parameter (buffer) `name` in a graph; made with these first values if the model has none of
 * the name. The name may have parts joined by dots; it is at most 127 bytes, of letters, digits, '_', '-', '.'.
 * BG_ERR_SHAPE if it exists with another shape, BG_ERR_ARGUMENT if it exists as the other kind: in the graph. */
BG_API bg_node *bg_model_parameter(bg_model *model, bg_graph *graph, const char *name, bg_shape shape, bg_init init);
BG_API bg_node *bg_model_buffer(bg_model *model, bg_graph *graph, const char *name, bg_dtype dtype, bg_shape shape,
                                bg_init init);

/* The parameters and buffers in order of creation. Returned tensors belong to the model. */
BG_API size_t bg_model_count(const bg_model *model);
BG_API const char *bg_model_name(const bg_model *model, size_t i);
BG_API bg_tensor *bg_model_tensor(const bg_model *model, size_t i);
BG_API bool bg_model_is_parameter(const bg_model *model, size_t i);
/* The tensor of a name, NULL if there is none (not an error). */
BG_API bg_tensor *bg_model_find(const bg_model *model, const char *name);
/* Adds a parameter or buffer with the values of `value` (copied), or replaces the values of an existing one.
 * BG_ERR_SHAPE or BG_ERR_DTYPE if it exists and differs. */
BG_API bg_status bg_model_set(bg_model *model, const char *name, const bg_tensor *value, bool is_parameter);

/* Dense layer: x [.., in] -> [.., out], x·weightᵀ + bias with name.weight [out, in] and name.bias [out], both uniform
 * within 1/√in at first. */
typedef struct {
    bool without_bias;
} bg_dense_options;
BG_API bg_node *bg_dense(bg_model *model, const char *name, bg_node *x, int64_t out);
BG_API bg_node *bg_dense_with(bg_model *model, const char *name, bg_node *x, int64_t out,
                              const bg_dense_options *options);

/* bg_dropout and bg_dropout_channels at a site of this name; x itself in the evaluation form. The same name in one
 * graph draws the same numbers. The graph counts its steps with the model's buffer "trainer.random_step", made when the
 * first random node needs it, as does any graph with a parameter or buffer of the model (of the first, if it has
 * several). */
BG_API bg_node *bg_model_dropout(bg_model *model, const char *name, bg_node *x, double p);
BG_API bg_node *bg_model_dropout_channels(bg_model *model, const char *name, bg_node *x, double p);

/* [n, ..] -> [n, product of the rest]. */
BG_API bg_node *bg_flatten(bg_node *x);

/* The activation of a name applied to x: relu, tanh, sigmoid, softplus, gelu, gelu_tanh; otherwise BG_ERR_ARGUMENT in
 * the graph, listing the names. */
BG_API bg_node *bg_activation(const char *name, bg_node *x);

/* A network as one line: "dense:512 relu dense:10". Words are layers; "dense:10:nobias" leaves the bias out. Layers are
 * named as nn.Sequential does, every word counting from 0; an input of rank above 2 is flattened before a dense layer.
 * bg_layers_check says whether a line is well formed: BG_ERR_FORMAT names the word, its position and the valid words.
 * bg_layers builds it on x. */
BG_API bg_status bg_layers_check(const char *line);
BG_API bg_node *bg_layers(bg_model *model, const char *line, bg_node *x);

#ifdef __cplusplus
}
#endif
#endif
