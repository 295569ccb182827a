/* Models: named parameters and buffers, made at first use and found afterwards. */
#include "nn/model.h"

#include "base/hash.h"
#include "base/random.h"
#include "ops/random.h"
#include "tensor/tensor.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct {
    char *name;
    size_t name_bytes;
    bg_tensor *tensor;
    bool is_parameter;
} model_entry;

struct bg_model {
    atomic_int references;
    bg_engine *engine;
    bg_dtype dtype;
    bool is_training;
    model_entry *entries; /* in order of creation */
    int count, capacity;
};

bg_status bg_model_create(bg_model **model, bg_engine *engine, bg_dtype dtype)
{
    if (!model)
        return bg_fail(BG_ERR_ARGUMENT, "model_create: model is NULL");
    *model = NULL;
    bg_status status = bgi_engine_check(engine, "model_create");
    if (status != BG_OK)
        return status;
    if (dtype != BG_F32 && dtype != BG_F64)
        return bg_fail(BG_ERR_DTYPE, "model_create: a model is f32 or f64, not %s", bg_dtype_name(dtype));
    bg_model *made = bgi_alloc_zero(engine, sizeof *made);
    if (!made)
        return BG_ERR_NOMEM;
    atomic_init(&made->references, 1);
    bgi_engine_retain(engine);
    made->engine = engine;
    made->dtype = dtype;
    made->is_training = true;
    *model = made;
    return BG_OK;
}

void bgi_model_retain(bg_model *model) { atomic_fetch_add_explicit(&model->references, 1, memory_order_relaxed); }

static void release_entry(bg_model *model, const model_entry *entry)
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
    bgi_free(engine, model->entries, (size_t)model->capacity * sizeof *model->entries);
    bgi_free(engine, model, sizeof *model);
    bgi_engine_release(engine);
}

bg_engine *bg_model_engine(const bg_model *model) { return model ? model->engine : NULL; }
bg_dtype bg_model_dtype(const bg_model *model) { return model ? model->dtype : BG_F32; }

void bg_model_set_training(bg_model *model, bool training)
{
    if (model)
        model->is_training = training;
}
bool bg_model_is_training(const bg_model *model) { return model && model->is_training; }

static model_entry *find_entry(const bg_model *model, const char *name)
{
    for (int i = 0; i < model->count; i++)
        if (strcmp(model->entries[i].name, name) == 0)
            return &model->entries[i];
    return NULL;
}

static bool is_name_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

static bg_status check_name(const char *name, bool is_parameter)
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

/* Takes over the tensor, also when it fails. */
static bg_status add_entry(bg_model *model, const char *name, bg_tensor *tensor, bool is_parameter)
{
    size_t bytes = strlen(name) + 1;
    char *copy = bgi_alloc(model->engine, bytes);
    if (!copy || !bgi_grow(model->engine, (void **)&model->entries, &model->capacity, model->count + 1,
                           sizeof *model->entries)) {
        bgi_free(model->engine, copy, bytes);
        bg_tensor_destroy(tensor);
        return BG_ERR_NOMEM;
    }
    memcpy(copy, name, bytes);
    model->entries[model->count++] =
        (model_entry){ .name = copy, .name_bytes = bytes, .tensor = tensor, .is_parameter = is_parameter };
    return BG_OK;
}

static bg_status fill_initial(bg_tensor *tensor, const char *name, bg_init init)
{
    switch (init.kind) {
    case BG_INIT_ZEROS:
        return BG_OK;
    case BG_INIT_ONES:
        return bg_tensor_fill(tensor, 1);
    case BG_INIT_UNIFORM:
        break;
    default:
        return bg_fail(BG_ERR_ARGUMENT, "model: \"%s\" asks for an unknown kind of first values, %d", name,
                       (int)init.kind);
    }
    bg_dtype dtype = bg_tensor_dtype(tensor);
    if (dtype != BG_F32 && dtype != BG_F64)
        return bg_fail(BG_ERR_DTYPE, "model: \"%s\" is %s, uniform first values are for f32 and f64", name,
                       bg_dtype_name(dtype));
    if (!(init.bound >= 0) || !isfinite(init.bound))
        return bg_fail(BG_ERR_ARGUMENT, "model: \"%s\" asks for uniform first values within %g", name, init.bound);
    uint64_t seed = tensor->storage->engine->seed, stream = bgi_hash_text(name);
    int64_t count = bg_shape_count(bg_tensor_shape(tensor));
    void *data = bg_tensor_data(tensor);
    for (int64_t i = 0; i < count; i++) {
        double value = init.bound * (2 * bgi_random_uniform(seed, stream, (uint64_t)i) - 1);
        if (dtype == BG_F32)
            ((float *)data)[i] = (float)value;
        else
            ((double *)data)[i] = value;
    }
    return BG_OK;
}

static bg_status make_entry(bg_model *model, const char *name, bg_dtype dtype, bg_shape shape, bg_init init,
                            bool is_parameter)
{
    bg_tensor *tensor = NULL;
    bg_status status = bg_tensor_create(&tensor, model->engine, dtype, shape);
    if (status != BG_OK)
        return status;
    status = fill_initial(tensor, name, init);
    if (status != BG_OK) {
        bg_tensor_destroy(tensor);
        return status;
    }
    return add_entry(model, name, tensor, is_parameter);
}

static const char *kind_name(bool is_parameter) { return is_parameter ? "parameter" : "buffer"; }

/* Whether an existing entry is what is asked for. */
static bg_status check_entry(const model_entry *entry, bg_dtype dtype, bg_shape shape, bool is_parameter)
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

/* Hands the thread's error message, of a call that failed on behalf of the graph, to the graph. */
static bg_node *fail_graph(bg_graph *graph, bg_status status)
{
    char message[512];
    snprintf(message, sizeof message, "%s", bg_last_error());
    return bgi_graph_fail(graph, status, "%s", message);
}

/* The step counter of the random nodes of all graphs of the model. */
static bg_status random_counter(void *owner, bg_tensor **counter)
{
    static const char name[] = "trainer.random_step";
    bg_model *model = owner;
    model_entry *entry = find_entry(model, name);
    bg_status status = entry ? check_entry(entry, BG_I64, BG_SCALAR, false)
                             : make_entry(model, name, BG_I64, BG_SCALAR, (bg_init){ .kind = BG_INIT_ZEROS }, false);
    if (status == BG_OK)
        *counter = find_entry(model, name)->tensor;
    return status;
}
static void release_model(void *owner) { bg_model_destroy(owner); }

/* From its first leaf or layer of a model on, a graph draws its random numbers in the model's steps. */
static bool attach(bg_model *model, bg_graph *graph)
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
    bg_status status = check_name(name, is_parameter);
    if (status != BG_OK)
        return fail_graph(graph, status);
    if (!attach(model, graph))
        return NULL;
    model_entry *entry = find_entry(model, name);
    bool is_new = !entry;
    status = is_new ? make_entry(model, name, dtype, shape, init, is_parameter)
                    : check_entry(entry, dtype, shape, is_parameter);
    if (status != BG_OK)
        return fail_graph(graph, status);
    if (is_new)
        entry = &model->entries[model->count - 1];
    bg_node *node = is_parameter ? bg_parameter(graph, entry->tensor) : bg_buffer(graph, entry->tensor);
    if (!node && is_new)
        release_entry(model, &model->entries[--model->count]);
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

/* ---- Dropout ---- */

static bg_node *model_dropout(const char *op, bg_model *model, const char *name, bg_node *x, double p, int leading)
{
    if (!x)
        return NULL;
    if (!model)
        return bgi_graph_fail(x->graph, BG_ERR_ARGUMENT, "%s: model is NULL", op);
    bg_status status = check_name(name, false);
    if (status != BG_OK)
        return fail_graph(x->graph, status);
    if (!attach(model, x->graph))
        return NULL;
    if (!bgi_is_probability(op, x, p))
        return NULL;
    return bgi_dropout_at(op, x, model->is_training ? p : 0, leading, bgi_random_site_of(name));
}
bg_node *bg_model_dropout(bg_model *model, const char *name, bg_node *x, double p)
{
    return model_dropout("model_dropout", model, name, x, p, -1);
}
bg_node *bg_model_dropout_channels(bg_model *model, const char *name, bg_node *x, double p)
{
    return model_dropout("model_dropout_channels", model, name, x, p, 2);
}

/* ---- Entries ---- */

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
    model_entry *entry = model && name ? find_entry(model, name) : NULL;
    return entry ? entry->tensor : NULL;
}

bg_status bg_model_set(bg_model *model, const char *name, const bg_tensor *value, bool is_parameter)
{
    if (!model || !value)
        return bg_fail(BG_ERR_ARGUMENT, "model_set: %s is NULL", model ? "value" : "model");
    bg_status status = bgi_engine_check(model->engine, "model_set");
    if (status == BG_OK)
        status = check_name(name, is_parameter);
    if (status != BG_OK)
        return status;
    bg_dtype dtype = bg_tensor_dtype(value);
    bg_shape shape = bg_tensor_shape(value);
    model_entry *entry = find_entry(model, name);
    if (entry) {
        status = check_entry(entry, dtype, shape, is_parameter);
        return status == BG_OK ? bg_tensor_copy(entry->tensor, value) : status;
    }
    if (is_parameter && dtype != model->dtype)
        return bg_fail(BG_ERR_DTYPE, "model_set: \"%s\" is %s, the model's parameters are %s", name,
                       bg_dtype_name(dtype), bg_dtype_name(model->dtype));
    bg_tensor *tensor = NULL;
    status = bg_tensor_create(&tensor, model->engine, dtype, shape);
    if (status != BG_OK)
        return status;
    status = bg_tensor_copy(tensor, value);
    if (status != BG_OK) {
        bg_tensor_destroy(tensor);
        return status;
    }
    return add_entry(model, name, tensor, is_parameter);
}
