/* Models: named parameters and buffers, made at first use and found afterwards. */
#include "nn/model.h"

#include "base/hash.h"
#include "base/random.h"
#include "nn/init.h"
#include "nn/members.h"
#include "ops/ops.h"
#include "ops/random.h"
#include "tensor/tensor.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

static bg_status create(bg_model **model, bg_engine *engine, bg_dtype dtype, int64_t members, const char *caller)
{
    if (!model)
        return bg_fail(BG_ERR_ARGUMENT, "%s: model is NULL", caller);
    *model = NULL;
    bg_status status = bgi_engine_check(engine, caller);
    if (status != BG_OK)
        return status;
    if (dtype != BG_F32 && dtype != BG_F64)
        return bg_fail(BG_ERR_DTYPE, "%s: a model is f32 or f64, not %s", caller, bg_dtype_name(dtype));
    bg_model *made = bgi_alloc_zero(engine, sizeof *made);
    if (!made)
        return BG_ERR_NOMEM;
    atomic_init(&made->references, 1);
    bgi_engine_retain(engine);
    made->engine = engine;
    made->dtype = dtype;
    made->is_training = true;
    made->members = members;
    *model = made;
    return BG_OK;
}

bg_status bg_model_create(bg_model **model, bg_engine *engine, bg_dtype dtype)
{
    return create(model, engine, dtype, 0, "model_create");
}

bg_status bg_model_create_population(bg_model **model, bg_engine *engine, bg_dtype dtype, int64_t members)
{
    if (members >= 1)
        return create(model, engine, dtype, members, "model_create_population");
    if (model)
        *model = NULL;
    return bg_fail(BG_ERR_ARGUMENT, "model_create_population: %lld members, not 1 or more", (long long)members);
}

void bgi_model_retain(bg_model *model) { atomic_fetch_add_explicit(&model->references, 1, memory_order_relaxed); }

static void release_entry(bg_model *model, const bgi_model_entry *entry)
{
    bg_tensor_destroy(entry->tensor);
    bgi_free(model->engine, entry->name, entry->name_bytes);
}

void bg_model_destroy(bg_model *model)
{
    if (!model || atomic_fetch_sub_explicit(&model->references, 1, memory_order_acq_rel) != 1)
        return;
    bg_engine *engine = model->engine;
    for (int i = 0; i < model->count; i++)
        release_entry(model, &model->entries[i]);
    for (int i = 0; i < model->alias_count; i++)
        bgi_free(engine, model->aliases[i].name, model->aliases[i].bytes);
    bgi_free(engine, model->entries, (size_t)model->capacity * sizeof *model->entries);
    bgi_free(engine, model->table, (size_t)model->table_capacity * sizeof *model->table);
    bgi_free(engine, model->aliases, (size_t)model->alias_capacity * sizeof *model->aliases);
    bgi_free(engine, model, sizeof *model);
    bgi_engine_release(engine);
}

bg_engine *bg_model_engine(const bg_model *model) { return model ? model->engine : NULL; }
bg_dtype bg_model_dtype(const bg_model *model) { return model ? model->dtype : BG_F32; }
int64_t bg_model_members(const bg_model *model) { return model ? model->members : 0; }

void bg_model_set_training(bg_model *model, bool training)
{
    if (model)
        model->is_training = training;
}
bool bg_model_is_training(const bg_model *model) { return model && model->is_training; }

/* ---- Entries by name ---- */

const char *bgi_model_first_name(const bg_model *model, const char *name)
{
    for (int i = 0; i < model->alias_count; i++)
        if (strcmp(model->aliases[i].name, name) == 0)
            return model->aliases[i].first;
    return name;
}

/* The place of a first name in the table, which has a capacity, or the empty place where it would be. */
static int *find_place(const bg_model *model, const char *name)
{
    uint64_t mask = (uint64_t)model->table_capacity - 1;
    for (uint64_t i = bgi_hash_text(name) & mask;; i = (i + 1) & mask) {
        int *place = &model->table[i];
        if (*place == 0 || strcmp(model->entries[*place - 1].name, name) == 0)
            return place;
    }
}

bgi_model_entry *bgi_model_entry_of(const bg_model *model, const char *name)
{
    int place = model->count > 0 ? *find_place(model, bgi_model_first_name(model, name)) : 0;
    return place ? &model->entries[place - 1] : NULL;
}

void bgi_model_index(bg_model *model)
{
    if (model->table_capacity > 0)
        memset(model->table, 0, (size_t)model->table_capacity * sizeof *model->table);
    for (int i = 0; i < model->count; i++)
        *find_place(model, model->entries[i].name) = i + 1;
}

/* Room for one more entry in a table that is at most half full. */
static bool reserve_table(bg_model *model)
{
    if (model->count < model->table_capacity / 2)
        return true;
    if (model->table_capacity > INT_MAX / 2)
        return false;
    int capacity = model->table_capacity ? 2 * model->table_capacity : 32;
    int *table = bgi_alloc_zero(model->engine, (size_t)capacity * sizeof *table);
    if (!table)
        return false;
    bgi_free(model->engine, model->table, (size_t)model->table_capacity * sizeof *model->table);
    model->table = table;
    model->table_capacity = capacity;
    bgi_model_index(model);
    return true;
}

bg_status bgi_model_add(bg_model *model, const char *name, bg_tensor *tensor, bool is_parameter)
{
    name = bgi_model_first_name(model, name);
    size_t bytes = strlen(name) + 1;
    char *copy = bgi_alloc(model->engine, bytes);
    if (!copy || !reserve_table(model) ||
        !bgi_grow(model->engine, (void **)&model->entries, &model->capacity, model->count + 1,
                  sizeof *model->entries)) {
        bgi_free(model->engine, copy, bytes);
        bg_tensor_destroy(tensor);
        return BG_ERR_NOMEM;
    }
    memcpy(copy, name, bytes);
    *find_place(model, name) = model->count + 1;
    model->entries[model->count++] =
        (bgi_model_entry){ .name = copy, .name_bytes = bytes, .tensor = tensor, .is_parameter = is_parameter };
    return BG_OK;
}

/* No other entry was entered in the table after it, so that its place can just become empty. */
void bgi_model_drop_last(bg_model *model)
{
    const bgi_model_entry *last = &model->entries[model->count - 1];
    *find_place(model, last->name) = 0;
    release_entry(model, last);
    model->count--;
}

/* ---- Checks ---- */

static bool is_name_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

bg_status bgi_model_check_name(const char *name, bool is_parameter)
{
    if (!name || !name[0])
        return bg_fail(BG_ERR_ARGUMENT, "model: a parameter or buffer needs a name");
    size_t length = strlen(name);
    size_t limit = is_parameter ? BGI_PARAMETER_NAME_MAX : BGI_BUFFER_NAME_MAX;
    if (length > limit)
        return bg_fail(BG_ERR_ARGUMENT, "model: name \"%.40s..\" has %zu bytes, at most %zu are allowed", name, length,
                       limit);
    /* A dot stands between two parts, so neither at an end nor beside another dot. */
    for (size_t i = 0; i < length; i++)
        if (!is_name_character(name[i]) && !(name[i] == '.' && i > 0 && name[i - 1] != '.' && i + 1 < length))
            return bg_fail(BG_ERR_ARGUMENT,
                           "model: name \"%s\" is not made of parts of letters, digits, '_' and '-', joined by dots",
                           name);
    if (is_parameter && (strncmp(name, "optimizer.", 10) == 0 || strncmp(name, "trainer.", 8) == 0))
        return bg_fail(BG_ERR_ARGUMENT,
                       "model: parameter \"%s\": names in optimizer. and trainer. are buffers of theirs", name);
    return BG_OK;
}

static const char *kind_name(bool is_parameter) { return is_parameter ? "parameter" : "buffer"; }

bg_status bgi_model_check_entry(const bgi_model_entry *entry, bg_dtype dtype, bg_shape shape, bool is_parameter)
{
    if (entry->is_parameter != is_parameter)
        return bg_fail(BG_ERR_ARGUMENT, "model: \"%s\" is a %s, not a %s", entry->name, kind_name(entry->is_parameter),
                       kind_name(is_parameter));
    if (!bg_shape_equal(bg_tensor_shape(entry->tensor), shape))
        return bg_fail(BG_ERR_SHAPE, "model: \"%s\" has the shape %s, not %s", entry->name,
                       bgi_shape_format(bg_tensor_shape(entry->tensor)).text, bgi_shape_format(shape).text);
    if (bg_tensor_dtype(entry->tensor) != dtype)
        return bg_fail(BG_ERR_DTYPE, "model: \"%s\" is %s, not %s", entry->name,
                       bg_dtype_name(bg_tensor_dtype(entry->tensor)), bg_dtype_name(dtype));
    return BG_OK;
}

/* ---- Leaves ---- */

static bg_status make_entry(bg_model *model, const char *name, bg_dtype dtype, bg_shape shape, bg_init init,
                            bool is_parameter)
{
    int64_t count;
    size_t bytes;
    name = bgi_model_first_name(model, name);
    bg_status status = bgi_shape_check(shape, dtype, "model", &count, &bytes);
    if (status == BG_OK)
        status = bgi_init_check(name, dtype, shape, init);
    bg_tensor *tensor = NULL;
    if (status == BG_OK)
        status = bg_tensor_create(&tensor, model->engine, dtype, shape);
    if (status != BG_OK)
        return status;
    status = bgi_init_fill(tensor, name, init);
    if (status == BG_OK && is_parameter && model->members > 0)
        status = bgi_members_repeat(&tensor, model->engine, model->members);
    if (status != BG_OK) {
        bg_tensor_destroy(tensor);
        return status;
    }
    return bgi_model_add(model, name, tensor, is_parameter);
}

bg_node *bgi_graph_adopt_failure(bg_graph *graph, bg_status status)
{
    char message[512];
    snprintf(message, sizeof message, "%s", bg_last_error());
    return bgi_graph_fail(graph, status, "%s", message);
}

/* The step counter of the random nodes of all graphs of the model. */
static bg_status random_counter(void *owner, bg_tensor **counter)
{
    static const char name[] = BGI_RANDOM_STEP;
    bg_model *model = owner;
    bgi_model_entry *entry = bgi_model_entry_of(model, name);
    bg_status status = entry ? bgi_model_check_entry(entry, BG_I64, BG_SCALAR, false)
                             : make_entry(model, name, BG_I64, BG_SCALAR, (bg_init){ .kind = BG_INIT_ZEROS }, false);
    if (status == BG_OK)
        *counter = bgi_model_entry_of(model, name)->tensor;
    return status;
}
static void release_model(void *owner) { bg_model_destroy(owner); }

bool bgi_model_attach(bg_model *model, bg_graph *graph)
{
    if (graph->random_source.owner)
        return true;
    bgi_model_retain(model);
    return bgi_random_attach(graph, (bgi_random_source){ model, random_counter, release_model });
}

static bg_node *model_leaf(bg_model *model, bg_graph *graph, const char *name, bg_dtype dtype, bg_shape shape,
                           bg_init init, bool is_parameter)
{
    if (!graph) {
        bg_fail(BG_ERR_ARGUMENT, "model: graph is NULL");
        return NULL;
    }
    if (bg_graph_status(graph) != BG_OK)
        return NULL;
    bg_status status = bgi_model_check_name(name, is_parameter);
    if (status != BG_OK)
        return bgi_graph_adopt_failure(graph, status);
    if (!bgi_model_attach(model, graph))
        return NULL;
    bgi_model_entry *entry = bgi_model_entry_of(model, name);
    bool is_new = !entry, is_of_members = is_parameter && model->members > 0;
    bg_shape all = shape;
    if (is_of_members)
        status = bgi_members_shape(name, model->members, shape, &all);
    if (status == BG_OK)
        status =
            is_new ? make_entry(model, name, dtype, shape, init, is_parameter)
                   : bgi_model_check_entry(entry, dtype, all, entry->is_only_set ? entry->is_parameter : is_parameter);
    if (status != BG_OK)
        return bgi_graph_adopt_failure(graph, status);
    if (is_new)
        entry = &model->entries[model->count - 1];
    bg_node *node = is_parameter ? bg_parameter(graph, entry->tensor) : bg_buffer(graph, entry->tensor);
    if (!node && is_new)
        bgi_model_drop_last(model);
    if (node) {
        node->is_of_members = is_of_members;
        entry->is_parameter = is_parameter;
        entry->is_only_set = false;
    }
    return node;
}

bg_node *bg_model_parameter(bg_model *model, bg_graph *graph, const char *name, bg_shape shape, bg_init init)
{
    if (!model)
        return graph ? bgi_graph_fail(graph, BG_ERR_ARGUMENT, "model_parameter: model is NULL") : NULL;
    return model_leaf(model, graph, name, model->dtype, shape, init, true);
}

bg_node *bg_model_buffer(bg_model *model, bg_graph *graph, const char *name, bg_dtype dtype, bg_shape shape,
                         bg_init init)
{
    if (!model)
        return graph ? bgi_graph_fail(graph, BG_ERR_ARGUMENT, "model_buffer: model is NULL") : NULL;
    return model_leaf(model, graph, name, dtype, shape, init, false);
}

/* ---- All entries ---- */

size_t bg_model_count(const bg_model *model) { return model ? (size_t)model->count : 0; }

const char *bg_model_name(const bg_model *model, size_t i)
{
    return i < bg_model_count(model) ? model->entries[i].name : NULL;
}
bg_tensor *bg_model_tensor(const bg_model *model, size_t i)
{
    return i < bg_model_count(model) ? model->entries[i].tensor : NULL;
}
bool bg_model_is_parameter(const bg_model *model, size_t i)
{
    return i < bg_model_count(model) && model->entries[i].is_parameter;
}

bg_tensor *bg_model_find(const bg_model *model, const char *name)
{
    bgi_model_entry *entry = model && name ? bgi_model_entry_of(model, name) : NULL;
    return entry ? entry->tensor : NULL;
}
