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
/* A model of several sets of parameters, the members of a population: every parameter [..] is [members, ..], and the
 * first values of all members are those of a model. A layer computes for all members at once: x that depends on no
 * parameter, [n, ..], is shared by them; what depends on one is [members n, ..], the n rows of the first member first.
 *   Layers without parameters are the same as ever. Those with parameters take members: dense, conv, conv_transpose,
 * embedding without a row of padding, prelu, instance_norm without running statistics, layer_norm, rms_norm,
 * group_norm, and positions in a layer line; the first axis of x is that of its rows. The others are BG_ERR_ARGUMENT
 * with their name, in the graph. bg_model_parameter gives the node of [members, ..] for the shape [..]; buffers have no
 * members. What joins rows of one x is wrong for several members, as bg_softmax along the first axis.
 * BG_ERR_ARGUMENT for less than one member. */
BG_API bg_status bg_model_create_population(bg_model **model, bg_engine *engine, bg_dtype dtype, int64_t members);
/* 0 for a model that is no population. */
BG_API int64_t bg_model_members(const bg_model *model);

BG_API bg_engine *bg_model_engine(const bg_model *model);
BG_API bg_dtype bg_model_dtype(const bg_model *model);

/* Whether layers build their training form (the default) or their evaluation form. */
BG_API void bg_model_set_training(bg_model *model, bool training);
BG_API bool bg_model_is_training(const bg_model *model);

/* Where first values come from: each follows from the engine's seed, the name, and its place. Numbers are f32 or f64.
 * fan_in and fan_out are the inputs and outputs of a weight [out, in, ..] of two or more axes, whose further extents
 * multiply both, as PyTorch counts them also where the axes are in another order (transposed convolution). */
typedef enum {
    BG_INIT_DEFAULT, /* what the layer has for its default; zeros where there is no layer */
    BG_INIT_ZEROS,
    BG_INIT_ONES,
    BG_INIT_CONSTANT,         /* value */
    BG_INIT_UNIFORM,          /* from low to high, or within bound if both are 0 */
    BG_INIT_NORMAL,           /* mean and deviation */
    BG_INIT_TRUNCATED_NORMAL, /* of such, what lies from low to high; if both are 0, from -2 to 2 */
    BG_INIT_XAVIER_UNIFORM, /* deviation gain √(2 / (fan_in + fan_out)). Glorot, Bengio, Understanding the difficulty
                               of training deep feedforward neural networks, 2010 */
    BG_INIT_XAVIER_NORMAL,
    BG_INIT_KAIMING_UNIFORM, /* deviation gain / √fan_in. He et al., Delving deep into rectifiers, 2015 */
    BG_INIT_KAIMING_NORMAL,
    BG_INIT_LECUN_UNIFORM, /* the same with gain 1. LeCun et al., Efficient BackProp, 1998 */
    BG_INIT_LECUN_NORMAL,
    BG_INIT_ORTHOGONAL, /* [out, rest] of orthonormal rows or columns, times gain. Saxe, McClelland, Ganguli, Exact
                           solutions to the nonlinear dynamics of learning in deep linear neural networks, 2014 */
    BG_INIT_IDENTITY,   /* of two axes */
    BG_INIT_DIRAC       /* a convolution that hands on its first channels, in each of `groups` groups */
} bg_init_kind;
typedef struct {
    bg_init_kind kind;
    double bound, low, high;
    double value, mean;
    double deviation; /* 0: 1 */
    double gain;      /* 0: 1, √2 for the kaiming kinds: what suits relu */
    bool is_fan_out;  /* the kaiming kinds: fan_out in place of fan_in */
    int64_t groups;   /* 0: 1 */
} bg_init;
/* The gain that suits an activation: 1 for linear and sigmoid, 5/3 tanh, √2 relu, 3/4 selu, √(2 / (1 + slope²)) for
 * leaky_relu. NaN with BG_ERR_ARGUMENT for another. */
BG_API double bg_init_gain(const char *activation, double slope);

/* The node of the model's parameter (buffer) `name` in a graph; made with these first values if the model has none of
 * the name. The name may have parts joined by dots; it is at most 127 bytes, of letters, digits, '_', '-', '.'.
 * BG_ERR_SHAPE if it exists with another shape, BG_ERR_ARGUMENT if it exists as the other kind: in the graph. What only
 * bg_model_set has made so far becomes the kind it is asked for as. */
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
/* The same for n names at once, all or none; what is new is a parameter if it has the model's type. The two names of a
 * tied parameter may both be there with equal values: BG_ERR_ARGUMENT if these differ. */
BG_API bg_status bg_model_set_all(bg_model *model, const char *const *names, bg_tensor *const *values, size_t n);

/* ---- Parameters as vectors ----
 * All parameters of a model one behind the other, in order of creation, each row-major: bg_model_dimension numbers. */
BG_API int64_t bg_model_dimension(const bg_model *model);
/* Copies n vectors, one behind the other, to the first n members of a population, or one to a model: f32 parameters get
 * the nearest f32. BG_ERR_ARGUMENT for n beyond the members. */
BG_API bg_status bg_model_set_vectors(bg_model *model, const double *vectors, int64_t n);
/* Copies the first n members out, or the model. */
BG_API bg_status bg_model_get_vectors(const bg_model *model, double *vectors, int64_t n);

/* The mean loss of each member of a population, [members]: prediction [members n, ..], target [n, ..] for all. It is
 * the mean over the values that the loss gives with BG_NONE, which those of bg_loss_find are the means of.
 * BG_ERR_ARGUMENT for a prediction that depends on no parameter, BG_ERR_SHAPE. */
BG_API bg_node *bg_model_member_losses(bg_model *model, bg_loss *loss, bg_node *prediction, bg_node *target);

/* Ties parameters: from now on `name` is another name of the parameter `first`, whether that is there yet or comes
 * later. It is one tensor, counted and saved once, as `first`. Of two that are there already the values must be equal,
 * and no graph may hold the one of `name`; of one, it becomes `first`. Tying the same names again does nothing.
 * BG_ERR_ARGUMENT, BG_ERR_SHAPE. */
BG_API bg_status bg_model_tie(bg_model *model, const char *name, const char *first);

/* ---- Layers ----
 * Functions of a model, a name and a node, which make their parameters and buffers at first use and find them later:
 * name.weight, name.bias .., of the names, shapes and first values of the torch.nn module that is named, so that a
 * state dict loads as it is. With the name "" they are weight, bias .. alone. x has the model's type. Options may be
 * NULL. Errors are recorded in x's graph, and no parameters are made for an x of the wrong type or rank. */

/* Linear: x [.., in] -> [.., out], x·weightᵀ + bias; weight [out, in]   bias [out]. */
typedef struct {
    bool without_bias;
    bg_init weight, bias; /* uniform within 1/√in */
} bg_dense_options;
BG_API bg_node *bg_dense(bg_model *model, const char *name, bg_node *x, int64_t out);
BG_API bg_node *bg_dense_with(bg_model *model, const char *name, bg_node *x, int64_t out,
                              const bg_dense_options *options);

/* Bilinear: x [.., in1], y [.., in2] -> [.., out]; weight [out, in1, in2]   bias [out]; uniform within 1/√in1. */
BG_API bg_node *bg_model_bilinear(bg_model *model, const char *name, bg_node *x, bg_node *y, int64_t out,
                                  const bg_dense_options *options);

/* Conv1d, Conv2d, Conv3d: x [n, in, ..] with as many further axes as the kernel has.
 *   weight [out, in / groups, kernel..]   bias [out] */
typedef struct {
    bg_conv_options conv;     /* stride, padding, .. */
    bg_pad_mode padding_mode; /* what the padding holds: zeros, reflection, .. */
    bool without_bias;
    bg_init weight, bias; /* uniform within 1/√fan_in of the weight */
} bg_model_conv_options;
BG_API bg_node *bg_model_conv(bg_model *model, const char *name, bg_node *x, int64_t out, bg_shape kernel,
                              const bg_model_conv_options *options);
/* ConvTranspose1d, 2d, 3d: weight [in, out / groups, kernel..]   bias [out]; padding with zeros only. */
BG_API bg_node *bg_model_conv_transpose(bg_model *model, const char *name, bg_node *x, int64_t out, bg_shape kernel,
                                        const bg_model_conv_options *options);

/* Embedding: indices [..], i32, i64 or u8 -> [.., width]; weight [rows, width]. */
typedef struct {
    bg_optional padding; /* this row is 0 at first and gets no gradient; negative: counted from the end */
    bg_init weight;      /* normal */
} bg_model_embedding_options;
BG_API bg_node *bg_model_embedding(bg_model *model, const char *name, bg_node *indices, int64_t rows, int64_t width,
                                   const bg_model_embedding_options *options);

/* PReLU: weight [channels], channels 1 (for all) or x's; 1/4 at first unless given. */
BG_API bg_node *bg_model_prelu(bg_model *model, const char *name, bg_node *x, int64_t channels, bg_init weight);

/* BatchNorm1d, 2d, 3d, InstanceNorm1d, 2d, 3d: x [n, c, ..].
 *   weight, bias [c]   running_mean, running_var [c]   num_batches_tracked, i64 [] (buffers)
 * A model in training normalises with x's own statistics and updates the running ones, which are those of all uses of
 * the layer so far; in evaluation they are used, and x's own where there are none. InstanceNorm has neither weights nor
 * running statistics unless asked for, and does not count batches. */
typedef struct {
    bg_optional momentum; /* 0.1 */
    bg_optional eps;      /* 1e-5 */
    bool is_cumulative;   /* batch_norm: PyTorch's momentum None */
    bool without_weights;
    bool without_running_statistics;
    bg_init weight, bias; /* 1 and 0 */
} bg_model_batch_norm_options;
BG_API bg_node *bg_model_batch_norm(bg_model *model, const char *name, bg_node *x,
                                    const bg_model_batch_norm_options *options);
typedef struct {
    bg_optional momentum, eps;
    bool has_weights;
    bool has_running_statistics;
    bg_init weight, bias;
} bg_model_instance_norm_options;
BG_API bg_node *bg_model_instance_norm(bg_model *model, const char *name, bg_node *x,
                                       const bg_model_instance_norm_options *options);

/* LayerNorm, RMSNorm over the last `axes` axes of x, whose extents weight and bias have; RMSNorm has no bias. GroupNorm
 * of x [n, c, ..] in groups of channels: weight, bias [c]. */
typedef struct {
    int axes;        /* 0: 1; of layer_norm and rms_norm */
    bg_optional eps; /* 1e-5; of rms_norm the distance from 1 to the next number of x's type */
    bool without_weights;
    bool without_bias;
    bg_init weight, bias; /* 1 and 0 */
} bg_model_norm_options;
BG_API bg_node *bg_model_layer_norm(bg_model *model, const char *name, bg_node *x,
                                    const bg_model_norm_options *options);
BG_API bg_node *bg_model_rms_norm(bg_model *model, const char *name, bg_node *x, const bg_model_norm_options *options);
BG_API bg_node *bg_model_group_norm(bg_model *model, const char *name, bg_node *x, int64_t groups,
                                    const bg_model_norm_options *options);

/* RNN, LSTM, GRU: see bg_rnn for shapes. For each layer l weight_ih_l0 [g, in], weight_hh_l0 [g, state], bias_ih_l0,
 * bias_hh_l0 [g], weight_hr_l0 [projection, hidden] if there is a projection, and of the other direction
 * weight_ih_l0_reverse and so on. All uniform within 1/√hidden. The dropout between layers is left out in evaluation.
 */
typedef struct {
    bg_recurrent_options recurrent; /* layers, directions, .. */
    bool without_bias;
    int64_t projection; /* lstm: h has so many elements, fewer than hidden; 0: no projection */
    bg_init weight, bias;
} bg_model_recurrent_options;
BG_API bg_recurrent_result bg_model_rnn(bg_model *model, const char *name, bg_node *x, bg_node *h0, int64_t hidden,
                                        const bg_model_recurrent_options *options);
BG_API bg_recurrent_result bg_model_lstm(bg_model *model, const char *name, bg_node *x, bg_node *h0, bg_node *c0,
                                         int64_t hidden, const bg_model_recurrent_options *options);
BG_API bg_recurrent_result bg_model_gru(bg_model *model, const char *name, bg_node *x, bg_node *h0, int64_t hidden,
                                        const bg_model_recurrent_options *options);
/* RNNCell, LSTMCell, GRUCell: one step of x [batch, in]; weight_ih, weight_hh, bias_ih, bias_hh. Of the options the
 * initialisers, without_bias and recurrent.is_relu count. */
BG_API bg_recurrent_result bg_model_rnn_cell(bg_model *model, const char *name, bg_node *x, bg_node *h, int64_t hidden,
                                             const bg_model_recurrent_options *options);
BG_API bg_recurrent_result bg_model_lstm_cell(bg_model *model, const char *name, bg_node *x, bg_node *h, bg_node *c,
                                              int64_t hidden, const bg_model_recurrent_options *options);
BG_API bg_recurrent_result bg_model_gru_cell(bg_model *model, const char *name, bg_node *x, bg_node *h, int64_t hidden,
                                             const bg_model_recurrent_options *options);

/* MultiheadAttention, with the batch first: query [.., l, e], key [.., s, kdim], value [.., s, vdim] -> [.., l, e] in
 * `heads` heads of e / heads elements; key and value may be NULL: the query, or the key.
 *   in_proj_weight [3 e, e], or where kdim or vdim is not e q_proj_weight [e, e], k_proj_weight [e, kdim],
 *   v_proj_weight [e, vdim]   in_proj_bias [3 e]   out_proj.weight [e, e]   out_proj.bias [e]
 * Masks are those of bg_attention: true where a key takes part, the contrary of PyTorch's. */
typedef struct {
    bool is_causal;
    bg_node *mask;     /* broadcast to [.., heads, l, s]: bool, or numbers that are added to the scores */
    bg_node *key_mask; /* [.., s], bool: the keys that take part */
    double dropout;    /* of the weights, in training */
    bool without_bias;
    bg_init weight; /* of the projections of query, key and value: xavier uniform */
} bg_model_attention_options;
BG_API bg_node *bg_model_attention(bg_model *model, const char *name, bg_node *query, bg_node *key, bg_node *value,
                                   int64_t heads, const bg_model_attention_options *options);

/* TransformerEncoderLayer, with the batch first: x [.., l, e] -> the same, by self_attn, linear1, linear2, norm1,
 * norm2; TransformerDecoderLayer: memory [.., s, e]; self_attn, multihead_attn, linear1, linear2, norm1 to 3. */
typedef struct {
    int64_t feedforward;               /* extent between linear1 and linear2; 0: 2048 */
    bg_optional dropout;               /* 0.1 */
    bg_node *(*activation)(bg_node *); /* NULL: bg_relu */
    bg_optional eps;                   /* of the norms; 1e-5 */
    bool is_norm_first;
    bool without_bias;
    bool is_causal; /* of self_attn */
    bg_node *mask, *key_mask;
    bool is_memory_causal; /* of multihead_attn */
    bg_node *memory_mask, *memory_key_mask;
} bg_model_transformer_options;
BG_API bg_node *bg_model_encoder_layer(bg_model *model, const char *name, bg_node *x, int64_t heads,
                                       const bg_model_transformer_options *options);
BG_API bg_node *bg_model_decoder_layer(bg_model *model, const char *name, bg_node *x, bg_node *memory, int64_t heads,
                                       const bg_model_transformer_options *options);

/* bg_dropout and bg_dropout_channels at a site of this name; x itself in the evaluation form. The same name in one
 * graph draws the same numbers. The graph counts its steps with the model's buffer "trainer.random_step", made when the
 * first random node needs it, as does any graph with a parameter or buffer of the model (of the first, if it has
 * several). */
BG_API bg_node *bg_model_dropout(bg_model *model, const char *name, bg_node *x, double p);
BG_API bg_node *bg_model_dropout_channels(bg_model *model, const char *name, bg_node *x, double p);

/* [n, ..] -> [n, product of the rest]. */
BG_API bg_node *bg_flatten(bg_node *x);

/* The activation of a name applied to x, with PyTorch's default where it has a number, and over the last axis: relu
 * tanh sigmoid softplus gelu gelu_tanh silu mish elu celu selu leaky_relu relu6 hardtanh hardsigmoid hardswish
 * logsigmoid softsign tanhshrink hardshrink softshrink glu softmax log_softmax; otherwise BG_ERR_ARGUMENT in the graph,
 * listing the names. */
BG_API bg_node *bg_activation(const char *name, bg_node *x);

/* ---- Layer lines ----
 * A network as one line: "conv:32:3x3:pad=same relu max_pool:2 dense:10". Words are layers, whose parameters are named
 * as nn.Sequential does, every word counting from 0. Before a dense layer an image, x of rank above 2, is flattened;
 * behind an embedding, recurrent layers and attention, whose sequences are [n, steps, ..], it works on each step.
 * Before a kernel of several extents, "3x3", x [n, h, w] counts as one channel. */
/* Builds the line on x. Errors name the word: BG_ERR_FORMAT for one that is wrong, otherwise what its layer says. */
BG_API bg_node *bg_layers(bg_model *model, const char *line, bg_node *x);
/* Whether a line is well formed: BG_ERR_FORMAT says which word is wrong, by its number from 1, and what would be right.
 * _find_mistake also gives where it starts and how long it is, in bytes; either pointer may be NULL. */
BG_API bg_status bg_layers_check(const char *line);
BG_API bg_status bg_layers_find_mistake(const char *line, size_t *start, size_t *length);
/* The layers with their arguments and options, as a text of lines of at most 79 characters. As snprintf: as much as
 * fits, ended by a zero byte, and the length of the whole. */
BG_API size_t bg_layers_grammar(char *buffer, size_t capacity);

/* A network: the prediction from the model and a batch of inputs. */
typedef bg_node *bg_network(bg_model *model, bg_node *x, void *user);

/* Sizes of a network; 0 is that of the reference workload, or what the model's parameters have where they exist. */
typedef struct {
    int64_t classes; /* scores: 10, of char-lstm and char-gpt 65, gpt2: 50257 */
    /* Positions, at least as many as x has. char-gpt: 64, gpt2: 1024, or those of x if they are more. */
    int64_t context;
    int64_t width;  /* mnist-cnn: channels of the first convolution, 32 (64 in the second, 128 features);
                       resnet20: 16; char-lstm: 256; char-gpt: 128; gpt2: 768 */
    int64_t layers; /* resnet20: blocks of each of the three stages, 3; char-lstm: 2; char-gpt: 4; gpt2: 12 */
    int64_t heads;  /* char-gpt: 4; gpt2: 12 */
} bg_network_options;

/* The networks of the reference workloads, with parameters named and initialised as in PyTorch, those of transformers
 * as GPT-2's; user is NULL or a bg_network_options, and so they fit bg_trainer_options.network. Inputs of images are
 * [n, rows, columns], taken as one channel, or [n, channels, rows, columns]; of characters or tokens, classes [n, t] ->
 * scores [n, t, classes].
 *   mnist-cnn  two convolutions 3x3 and relu, max-pool 2, two dense layers: c1 c2 f1 f2
 *   resnet20   He et al. 2015, for CIFAR, with projections as shortcuts: c b l.* f
 *   char-lstm  embedding, LSTM of two layers, dense layer: e r o
 *   char-gpt   embeddings of characters and positions, four blocks of causal attention and an MLP with gelu_tanh, each
 *              behind a layer norm; the head's weight is that of the embedding: we pe b.* n
 *   gpt2       the same with twelve blocks, of GPT-2's sizes: 124 million parameters
 * BG_ERR_ARGUMENT in the graph for sizes that make no sense, BG_ERR_SHAPE for an x of another rank. */
BG_API bg_node *bg_network_mnist_cnn(bg_model *model, bg_node *x, void *options);
BG_API bg_node *bg_network_resnet20(bg_model *model, bg_node *x, void *options);
BG_API bg_node *bg_network_char_lstm(bg_model *model, bg_node *x, void *options);
BG_API bg_node *bg_network_char_gpt(bg_model *model, bg_node *x, void *options);
BG_API bg_node *bg_network_gpt2(bg_model *model, bg_node *x, void *options);
/* The network of a name, as "char-gpt"; NULL, with an error that lists the names, if there is none. */
BG_API bg_network *bg_network_find(const char *name);

#ifdef __cplusplus
}
#endif
#endif
