/* Where the options of a training run come from: files, and the command line. */
#ifndef TRAIN_WORDS_H
#define TRAIN_WORDS_H

#include "config_file.h"

/* The options of the config.json of a run that is to go on, those of --config, and those given, in this order: the last
 * ones win. Beside those of a run that has saved, the others must agree with it, but for limits and the like; `run` is
 * its config.json, or NULL. 0, or the exit code after a message. */
int train_words(word_list *words, event **run, const struct argp *argp, int argc, char **argv);
/* What of a run's configuration has to stay when it is resumed, as a text whose order is that of the names, to be
 * freed; NULL if memory is out. */
char *train_fixed_options(const event *config);
/* A configuration as it is to stand in config.json of the run that it goes on with: what has to stay is taken from
 * there. So it stays what the checkpoints were made with when later versions of the program describe an option
 * otherwise, or have further ones. */
event *train_kept_options(const event *config, const event *run);
/* Options of the call, not of the run; NULL behind the last. */
extern const char *const train_call_options[];

#endif
