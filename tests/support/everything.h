/* One object of each kind, all of one engine. */
#ifndef BLASGRAD_TESTS_EVERYTHING_H
#define BLASGRAD_TESTS_EVERYTHING_H

#include <blasgrad/blasgrad.h>

typedef struct {
    bg_engine *engine;
    bg_tensor *tensor, *view, *classes;
    bg_graph *graph;
    bg_node *x, *w;
    bg_program *program;
    bg_model *model;
    bg_dataset *dataset;
    bg_trainer *trainer;
    bg_evaluation *evaluation;
    bg_archive *archive;
} everything;

/* Makes all, up to the first failure, in a struct of zeros. */
bg_status make_everything(everything *e, const bg_engine_options *options);
/* The engine first. */
void destroy_everything(everything *e);

/* The trainer's. */
bg_node *everything_network(bg_model *model, bg_node *x, void *user);

#endif
