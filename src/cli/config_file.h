/* Configurations: the options of a command as the keys of a JSON object, "weight_decay": 0.01 for --weight-decay. */
#ifndef CONFIG_FILE_H
#define CONFIG_FILE_H

#include "events.h"

#include <argp.h>

/* The words of a command line, each a copy. */
typedef struct {
    int count;
    char **words; /* NULL behind the last */
} word_list;
int word_list_add(word_list *list, const char *word); /* 0, or the exit code after a message; so the others */
int word_list_add_option(word_list *list, const char *name, const char *value); /* --name=value; --name for NULL */
void word_list_free(word_list *list);

/* Adds the options that an object names; one of `left_out` (which ends with NULL) is none. false and null say nothing,
 * nor does what made_by holds; other objects, lists and keys are errors. `path` is for messages. */
int config_words(word_list *list, const struct argp *argp, const event *config, const char *const *left_out,
                 const char *path);
/* Adds to an object, for each option of the words that is none of `left_out`, what was given, unless its key is there.
 */
void config_complete(event *config, const struct argp *argp, const word_list *list, const char *const *left_out);

/* The key of an option, in the caller's storage. */
const char *config_key(const char *option, char *key, size_t capacity);

#endif
