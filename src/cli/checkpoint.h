/* Checkpoints: safetensors files of a model, with what is needed to use it again in their metadata. */
#ifndef CHECKPOINT_H
#define CHECKPOINT_H

#include "data_source.h"
#include "network.h"
#include "options.h"

#include <blasgrad/io.h>
#include <blasgrad/train.h>

/* What a checkpoint says beside its tensors. */
#define CHECKPOINT_TRAINING "blasgrad.training"
typedef struct {
    const char *model, *loss;
    bg_shape sample;      /* of one input; no axes: unknown */
    bool takes_tokens;    /* inputs are integers */
    const char *training; /* optimizer and batch, as an event; NULL: unknown, or it was not trained by steps */
    data_settings data;
} checkpoint_about;

/* The checkpoint of a run directory, best.safetensors or else last.safetensors. Returns path; NULL if there is none, or
 * if its path is longer. */
enum { CHECKPOINT_PATH_BYTES = 4096 };
const char *checkpoint_of_run(char path[CHECKPOINT_PATH_BYTES], const char *run);

/* Puts that of the run in the place of a directory that is given for a file; ends the program with a message, which
 * names the file behind the option, if the directory holds none. *file is then valid until the next call. */
void checkpoint_take_directory(const char **file, const char *option, const struct argp_state *state);

/* The options that the commands share which need a checkpoint and take no arguments: --checkpoint, whose file is of a
 * run directory the one above, those of data (group 4) and the common ones (group 5). _init: at ARGP_KEY_INIT, where
 * they go. */
extern const struct argp_child checkpoint_children[];
void checkpoint_children_init(struct argp_state *state, const char **checkpoint, data_settings *data,
                              common_options *common);

/* Whether a tensor belongs to the model itself, not to its optimizer or trainer. */
bool checkpoint_is_state(const char *name);

/* The metadata of a checkpoint to go on from: where its run stood. */
#define CHECKPOINT_RUN      "blasgrad.run"
#define CHECKPOINT_RUN_HASH "blasgrad.run_xxh3"
typedef struct {
    const bg_trainer *trainer;
    const char *state; /* an event of the run, as a line */
} checkpoint_run;

/* What the run said when it was saved, checked against its checksum. NULL after a message. */
const char *checkpoint_run_state(const char *path, const bg_archive *archive);

/* An XXH3 hash as 16 hexadecimal digits. */
typedef struct {
    char text[17];
} checkpoint_hash_text;
checkpoint_hash_text checkpoint_hash(uint64_t hash);

/* The metadata of a model that was kept: at the end of which epoch. */
#define CHECKPOINT_EPOCH "blasgrad.epoch"
typedef struct {
    bg_tensor *const *tensors; /* copies, one for each that belongs to the model itself; NULL: the model's */
    int64_t epoch;             /* 0: unknown */
} checkpoint_kept;

/* Writes what the run's trainer saves and its state, or, with NULL for it, what was kept of the model. 0, or the exit
 * code after a message. */
int checkpoint_save(const char *path, const bg_model *model, const checkpoint_about *about, const checkpoint_run *run,
                    const checkpoint_kept *kept);

/* Reads one: the metadata into about, whose texts live as long as the archive; NULL where there is none. 0, or the exit
 * code after a message; so the others. */
int checkpoint_load(const char *path, bg_engine *engine, bg_archive **archive, checkpoint_about *about);
/* Whether the metadata name a network and a loss. */
int checkpoint_check(const char *path, const checkpoint_about *about);
/* Gives a model whose network was built the values of the file: all of them, no more and no fewer. */
int checkpoint_fill(const char *path, const bg_archive *archive, bg_model *model);
/* A model with the values of the file, whose network takes such inputs, of the data of this name; NULL after a failure.
 */
int checkpoint_make_model(bg_model **model, const char *path, const bg_archive *archive, bg_engine *engine,
                          bg_dtype dtype, network_choice *choice, const char *data, bg_column x);

#endif
