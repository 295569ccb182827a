/* The words of layer lines: what may follow a name, and what is built of it. */
#ifndef BGI_LAYER_WORDS_H
#define BGI_LAYER_WORDS_H

#include "nn/activation.h"

typedef enum {
    BGI_FLAG,    /* no value */
    BGI_COUNT,   /* N: a whole number, 1 or more */
    BGI_INDEX,   /* I: one, 0 or more */
    BGI_EXTENTS, /* K: such numbers joined by x, up to three: 3 or 3x3 */
    BGI_PADDING, /* K or 0, or "same" where the layer has that option */
    BGI_NUMBER,  /* R: a decimal number */
    BGI_SHARE,   /* P: one from 0 to 1 */
    BGI_NAME     /* of an activation */
} bgi_value_kind;

typedef struct {
    bool is_given;
    double number;
    bg_shape extents;
    const char *text; /* the value as it stands in the line */
    size_t length;
} bgi_word_value;

/* `same` is written pad=same. */
#define BGI_WORD_OPTIONS(X)                                                                                            \
    X(nobias, BGI_FLAG, "")                                                                                            \
    X(stride, BGI_EXTENTS, "K")                                                                                        \
    X(pad, BGI_PADDING, "K")                                                                                           \
    X(same, BGI_FLAG, "")                                                                                              \
    X(dilation, BGI_EXTENTS, "K")                                                                                      \
    X(output_pad, BGI_PADDING, "K")                                                                                    \
    X(groups, BGI_COUNT, "N")                                                                                          \
    X(reflect, BGI_FLAG, "")                                                                                           \
    X(replicate, BGI_FLAG, "")                                                                                         \
    X(circular, BGI_FLAG, "")                                                                                          \
    X(ceil, BGI_FLAG, "")                                                                                              \
    X(eps, BGI_NUMBER, "R")                                                                                            \
    X(momentum, BGI_SHARE, "P")                                                                                        \
    X(axes, BGI_COUNT, "N")                                                                                            \
    X(affine, BGI_FLAG, "")                                                                                            \
    X(noaffine, BGI_FLAG, "")                                                                                          \
    X(stats, BGI_FLAG, "")                                                                                             \
    X(nostats, BGI_FLAG, "")                                                                                           \
    X(alpha, BGI_NUMBER, "R")                                                                                          \
    X(beta, BGI_NUMBER, "R")                                                                                           \
    X(k, BGI_NUMBER, "R")                                                                                              \
    X(padding, BGI_INDEX, "I")                                                                                         \
    X(layers, BGI_COUNT, "N")                                                                                          \
    X(dropout, BGI_SHARE, "P")                                                                                         \
    X(bidirectional, BGI_FLAG, "")                                                                                     \
    X(projection, BGI_COUNT, "N")                                                                                      \
    X(relu, BGI_FLAG, "")                                                                                              \
    X(causal, BGI_FLAG, "")                                                                                            \
    X(feedforward, BGI_COUNT, "N")                                                                                     \
    X(activation, BGI_NAME, "NAME")                                                                                    \
    X(norm_first, BGI_FLAG, "")
#define BGI_OPTION_NUMBER(name, kind, label) BGI_OPTION_##name,
typedef enum { BGI_WORD_OPTIONS(BGI_OPTION_NUMBER) BGI_OPTION_COUNT } bgi_word_option;
#undef BGI_OPTION_NUMBER

typedef struct bgi_layer_word bgi_layer_word;

/* A line while it is built. */
typedef struct {
    bg_model *model;
    char name[16];    /* of the layer: its word's number from 0 */
    bool is_sequence; /* x is [n, steps, ..], whose last axis a dense layer takes */
} bgi_layer_line;

typedef struct {
    const char *name;
    struct {
        const char *label; /* NULL: no such argument */
        bgi_value_kind kind;
        bool is_optional;
    } arguments[2];
    uint64_t options; /* bits by their numbers */
    const char *meaning;
    bg_node *(*build)(bgi_layer_line *line, const bgi_layer_word *word, bg_node *x);
} bgi_layer_kind;

/* Ends with a row whose name is NULL. */
extern const bgi_layer_kind bgi_layer_kinds[];

struct bgi_layer_word {
    const bgi_layer_kind *kind; /* NULL: an activation, whose number is arguments[0] */
    const bgi_activation *activation;
    bgi_word_value arguments[2];
    bgi_word_value options[BGI_OPTION_COUNT];
};

#endif
