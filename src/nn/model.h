/* Models from the inside. */
#ifndef BGI_MODEL_H
#define BGI_MODEL_H

#include <blasgrad/nn.h>

#include "graph/graph.h"

/* Names of parameters are at most this long; those of buffers may be longer, as an optimizer's buffer is named after
 * its parameter. */
enum { BGI_PARAMETER_NAME_MAX = 127, BGI_BUFFER_NAME_MAX = 191 };

/* The buffer with the step counter of the random nodes of all graphs of a model. */
#define BGI_RANDOM_STEP "trainer.random_step"

typedef struct {
    char *name;
    size_t name_bytes;
    bg_tensor *tensor;
    bool is_parameter;
    bool is_only_set; /* no graph has asked for it so far, so that its kind is open */
} bgi_model_entry;

/* Another name of a tied parameter, which may not be there yet. Neither name is itself another name of a third. */
typedef struct {
    char *name; /* followed by first, in one piece of memory */
    char *first;
    size_t bytes;
} bgi_model_alias;

struct bg_model {
    atomic_int references;
    bg_engine *engine;
    bg_dtype dtype;
    bool is_training;
    int64_t members; /* sets of parameters, along a first axis of each parameter; 0: one set, without such an axis */
    bgi_model_entry *entries; /* in order of creation */
    int count, capacity;
    int *table; /* open addressing by names: places in entries + 1 */
    int table_capacity;
    bgi_model_alias *aliases;
    int alias_count, alias_capacity;
};

void bgi_model_retain(bg_model *model);

/* BG_ERR_ARGUMENT for a name that no parameter, or no buffer, may have. */
bg_status bgi_model_check_name(const char *name, bool is_parameter);
/* The name under which a parameter is kept, of one of its names. */
const char *bgi_model_first_name(const bg_model *model, const char *name);
/* The entry of any of its names; NULL if there is none. */
bgi_model_entry *bgi_model_entry_of(const bg_model *model, const char *name);
/* Whether an entry is what is asked for. */
bg_status bgi_model_check_entry(const bgi_model_entry *entry, bg_dtype dtype, bg_shape shape, bool is_parameter);
/* Adds an entry under its first name. Takes over the tensor, also when it fails. */
bg_status bgi_model_add(bg_model *model, const char *name, bg_tensor *tensor, bool is_parameter);
/* Removes the entry that was added last. */
void bgi_model_drop_last(bg_model *model);
/* Enters all entries again, after some have moved or got another name. */
void bgi_model_index(bg_model *model);

/* Hands the thread's error message, of a call that failed on behalf of the graph, to the graph. */
bg_node *bgi_graph_adopt_failure(bg_graph *graph, bg_status status);
/* From its first leaf or layer of a model on, a graph draws its random numbers in the model's steps. False with the
 * error recorded. */
bool bgi_model_attach(bg_model *model, bg_graph *graph);

#endif
