/* Examples of a checkpoint's data, and its network of classes, for commands that change inputs: attack and certify. */
#ifndef CLASS_EXAMPLES_H
#define CLASS_EXAMPLES_H

#include "checkpoint.h"

/* ---- Options ---- */

enum { RADII_MAX = 32 };
/* Ascending numbers from 0 on, of a text with commas between them. */
typedef struct {
    double values[RADII_MAX];
    int n;
} class_radii;
void option_radii(struct argp_state *state, const char *option, const char *text, class_radii *radii);
/* Calls take with each piece of a text between commas. */
void option_pieces(struct argp_state *state, const char *option, const char *text,
                   void (*take)(struct argp_state *state, const char *piece));

/* --box: what inputs may be. */
typedef struct {
    bool is_given, is_none;
    double lower, upper;
} class_box;
void option_box(struct argp_state *state, const char *text, class_box *box);
#define OPTION_BOX_HELP "what inputs may be, or none (default: 0:1 if all of them are within, else none)"

/* The words of --part, and NULL. */
extern const char *const class_parts[];

/* ---- Examples ---- */

typedef struct {
    const char *command, *checkpoint;
    data_settings *data; /* completed by what the checkpoint says */
    const common_options *common;
    int part;         /* a place in class_parts; -1: what is held out, else all */
    int64_t limit;    /* the first so many examples; 0: all */
    int64_t left_out; /* the class whose examples are left out; -1: none */
    class_box box;
} class_choice;

typedef struct {
    bg_engine *engine;
    const char *part;
    bg_column example;          /* what one gives the network */
    bg_tensor *inputs, *labels; /* in the units of the data, before --scale and --pca of the run */
    int64_t n;
    bg_optional lower, upper;  /* the box, unless there is none */
    bg_model *model;           /* with the values of the checkpoint */
    network_choice network;    /* with what the run did to its inputs */
    input_transform transform; /* of network */
    bg_archive *archive;       /* of the checkpoint, with the texts of `about` */
    checkpoint_about about;
} class_examples;

/* Reads all of it. 0, or the exit code after a message; _close in any case. */
int class_examples_open(class_examples *examples, bg_engine *engine, const class_choice *choice);
void class_examples_close(class_examples *examples);

#endif
