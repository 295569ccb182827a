/* The best model of a run so far: copies of its own tensors, by its averages if it has any. */
#ifndef BEST_MODEL_H
#define BEST_MODEL_H

#include <blasgrad/io.h>
#include <blasgrad/train.h>

typedef struct {
    bg_model *model; /* NULL: nothing is kept */
    const bg_trainer *trainer;
    bg_tensor **copies;
    size_t count;
    double loss;   /* INFINITY until one is offered */
    int64_t epoch; /* at whose end it was offered; 0: unknown */
    bool is_new;   /* since this was last set to false: it is not saved */
} best_model;

/* model and trainer are used until it is closed. 0, or the exit code after a message; so the others. */
int best_model_open(best_model *best, bg_model *model, const bg_trainer *trainer);
void best_model_close(best_model *best);

/* Keeps the model if its loss is the lowest so far. */
int best_model_offer(best_model *best, double loss, int64_t epoch);
/* Keeps it if none was offered so far, as the best until one is. */
int best_model_ensure(best_model *best);
/* Takes what an earlier part of the run has saved. BG_ERR_FORMAT if it is that of another network; then nothing has
 * changed that counts. */
bg_status best_model_take(best_model *best, const bg_archive *archive, double loss, int64_t epoch);
/* Gives it back to the model, as its parameters and as their averages: evaluations see it whichever they use. */
int best_model_restore(const best_model *best);

#endif
