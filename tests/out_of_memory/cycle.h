/* Cycles of work in stages that can be tried again: what the tests of memory that runs out play. */
#ifndef BLASGRAD_TESTS_CYCLE_H
#define BLASGRAD_TESTS_CYCLE_H

#include "support/counting.h"
#include "support/expect.h"

enum { MOST_TENSORS = 12, MOST_STAGES = 14, MOST_ENTRIES = 24 };

typedef struct scenario scenario;

typedef struct {
    const scenario *scenario;
    counting counter;
    bool uses_default; /* the C library's allocator, not the counter's */
    bg_engine *engine, *second_engine;
    bg_tensor *tensors[MOST_TENSORS];
    bg_graph *graph;
    bg_node *x, *y, *w[2], *outputs[4];
    int n_outputs;
    bg_program *program, *second_program;
    bg_model *model, *second_model;
    bg_dataset *data[4];
    bg_trainer *trainer, *second_trainer;
    bg_archive *archive, *loaded;
    bg_search *search;
    bg_population *population;
    uint64_t hash; /* of results as they come */
} cycle;

/* A stage that fails leaves the cycle as it was, but for tensors it made on the way, and can be tried again. */
typedef bg_status stage(cycle *c);

/* The first stage makes the engine; only the scenarios that are nothing else look at its failures. */
struct scenario {
    const char *name;
    stage *stages[MOST_STAGES];
    bg_node *(*build)(cycle *c); /* for family_graph */
    bg_dtype dtype;              /* for family_graph and model */
    const char *text;            /* a network in one line, a file's name */
    bool writes;                 /* a file stays in the folder */
    int json_stage;              /* the one that reads JSON, where the C library is spared; 0: none */
};

extern const scenario program_scenarios[], family_scenarios[], training_scenarios[], file_scenarios[],
    layer_scenarios[], search_scenarios[];
extern const int program_scenario_count, family_scenario_count, training_scenario_count, file_scenario_count,
    layer_scenario_count, search_scenario_count;

stage engine_1, engine_2; /* of one and two threads */

/* Creates tensor i with numbers that follow from i alone, unless it is there from an earlier try. */
bg_status make_tensor(cycle *c, int i, bg_dtype dtype, bg_shape shape);

/* Takes a graph that may have failed: keeps it if all is well. */
bg_status finish_graph(cycle *c);
/* c->w[i] - 0.01 of its gradient for the n parameters, the loss as the only output; finishes the graph. */
bg_status finish_descent(cycle *c, bg_node *loss, size_t n);

stage compile, run, drop_graph;
/* x and y of the graph to tensors 0 and 1. */
stage bind_x_and_y;

/* A stage's status where it should find a mistake: BG_OK for that. */
bg_status expected_to_fail(bg_status status, bg_status expected);

/* Adds the data set's columns to the cycle's results. */
void take_in(cycle *c, const bg_dataset *data);

/* The folder of the files, with what the scenario reads in it. _count says how many lie there, _remove empties it. */
void folder_make(const scenario *s);
int folder_count(void);
void folder_remove(void);
const char *folder_path(const char *name);
/* A hash of the file's bytes; 0 if there is none. */
uint64_t folder_hash(const char *name);

/* Of everything that lasts in the cycle. */
uint64_t cycle_hash(const cycle *c);
/* The tensors, models and the saved file at one time. */
typedef struct {
    uint64_t tensors[MOST_TENSORS], models[2][MOST_ENTRIES], file;
    bool is_there[MOST_TENSORS];
    size_t n_models[2];
} snapshot;
snapshot cycle_look(const cycle *c);
/* A failed stage may have added tensors and entries of a model, but changed none. */
bool cycle_is_unchanged(const snapshot *before, const cycle *c);
void cycle_destroy(cycle *c);

#endif
