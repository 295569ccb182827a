/* Values of a model's parameters and buffers from outside, and parameters with two names. */
#include "nn/model.h"

#include <stdio.h>
#include <string.h>

/* An entry of zeros for a value to come, whose kind is open until a graph asks for it. */
static bg_status make_place(bg_model *model, const char *name, const bg_tensor *value, bool is_parameter)
{
    bg_tensor *tensor = NULL;
    bg_status status = bg_tensor_create(&tensor, model->engine, bg_tensor_dtype(value), bg_tensor_shape(value));
    if (status == BG_OK)
        status = bgi_model_add(model, name, tensor, is_parameter);
    if (status == BG_OK)
        model->entries[model->count - 1].is_only_set = true;
    return status;
}

static bg_status check_value(const bg_model *model, const char *name, const bg_tensor *value, bool is_parameter)
{
    bg_status status = bgi_model_check_name(name, is_parameter);
    if (status != BG_OK)
        return status;
    const bgi_model_entry *entry = bgi_model_entry_of(model, name);
    if (entry) {
        status = bgi_model_check_entry(entry, bg_tensor_dtype(value), bg_tensor_shape(value), is_parameter);
        if (status == BG_OK && bgi_tensor_overlap(entry->tensor, value))
            status = bg_fail(BG_ERR_OVERLAP, "model_set: the value of \"%s\" shares memory with it", name);
        return status;
    }
    if (is_parameter && bg_tensor_dtype(value) != model->dtype)
        return bg_fail(BG_ERR_DTYPE, "model_set: \"%s\" is %s, the model's parameters are %s", name,
                       bg_dtype_name(bg_tensor_dtype(value)), bg_dtype_name(model->dtype));
    return BG_OK;
}

bg_status bg_model_set(bg_model *model, const char *name, const bg_tensor *value, bool is_parameter)
{
    if (!model || !value)
        return bg_fail(BG_ERR_ARGUMENT, "model_set: %s is NULL", model ? "value" : "model");
    bg_status status = bgi_engine_check(model->engine, "model_set");
    if (status == BG_OK)
        status = check_value(model, name, value, is_parameter);
    if (status != BG_OK)
        return status;
    bool is_new = !bgi_model_entry_of(model, name);
    if (is_new)
        status = make_place(model, name, value, is_parameter);
    if (status != BG_OK)
        return status;
    status = bg_tensor_copy(bgi_model_entry_of(model, name)->tensor, value);
    if (status != BG_OK && is_new)
        bgi_model_drop_last(model);
    return status;
}

/* Whether both hold the same numbers. */
static bg_status compare(const bg_tensor *a, const bg_tensor *b, bool *are_equal)
{
    *are_equal = false;
    if (a->dtype != b->dtype || !bg_shape_equal(a->shape, b->shape))
        return BG_OK;
    *are_equal = true;
    int64_t count = bg_shape_count(a->shape), strides[BG_MAX_RANK];
    bgi_shape_strides(a->shape, strides);
    size_t bytes = (size_t)a->shape.rank * sizeof *strides;
    if (memcmp(strides, a->strides, bytes) == 0 && memcmp(strides, b->strides, bytes) == 0) {
        size_t size = (size_t)count * bg_dtype_size(a->dtype);
        if (size == 0 || memcmp(bgi_tensor_bytes(a), bgi_tensor_bytes(b), size) == 0)
            return BG_OK;
    }
    for (int64_t i = 0; i < count && *are_equal; i++) {
        double x = 0, y = 0;
        bg_status status = bg_tensor_item(a, i, &x);
        if (status == BG_OK)
            status = bg_tensor_item(b, i, &y);
        if (status != BG_OK)
            return status;
        *are_equal = x == y;
    }
    return BG_OK;
}

static bg_status differ(const char *name, const char *first)
{
    return bg_fail(BG_ERR_ARGUMENT, "model: \"%s\" and \"%s\" are one tied parameter, but their values differ", name,
                   first);
}

/* The kind of a value: what is there already stays what it is. */
static bool is_parameter_of(const bg_model *model, const char *name, const bg_tensor *value)
{
    const bgi_model_entry *entry = bgi_model_entry_of(model, name);
    bool is_state = strncmp(name, "optimizer.", 10) == 0 || strncmp(name, "trainer.", 8) == 0;
    return entry ? entry->is_parameter : !is_state && bg_tensor_dtype(value) == model->dtype;
}

/* Names of one parameter that are both among those to be set. */
static bg_status check_tied(const bg_model *model, const char *const *names, bg_tensor *const *values, size_t n)
{
    for (int a = 0; a < model->alias_count; a++) {
        const char *first = model->aliases[a].first;
        const bg_tensor *seen = NULL;
        const char *seen_name = NULL;
        for (size_t i = 0; i < n; i++) {
            if (strcmp(bgi_model_first_name(model, names[i]), first) != 0)
                continue;
            bool are_equal = true;
            bg_status status = seen ? compare(seen, values[i], &are_equal) : BG_OK;
            if (status != BG_OK || !are_equal)
                return status != BG_OK ? status : differ(names[i], seen_name);
            seen = values[i];
            seen_name = names[i];
        }
    }
    return BG_OK;
}

bg_status bg_model_set_all(bg_model *model, const char *const *names, bg_tensor *const *values, size_t n)
{
    if (!model || (n > 0 && (!names || !values)))
        return bg_fail(BG_ERR_ARGUMENT, "model_set_all: %s is NULL", !model ? "model" : names ? "values" : "names");
    bg_status status = bgi_engine_check(model->engine, "model_set_all");
    for (size_t i = 0; i < n && status == BG_OK; i++) {
        if (!names[i] || !values[i])
            return bg_fail(BG_ERR_ARGUMENT, "model_set_all: %s %zu is NULL", names[i] ? "value" : "name", i);
        status = check_value(model, names[i], values[i], is_parameter_of(model, names[i], values[i]));
    }
    if (status == BG_OK)
        status = check_tied(model, names, values, n);
    int count = model->count;
    for (size_t i = 0; i < n && status == BG_OK; i++)
        if (!bgi_model_entry_of(model, names[i]))
            status = make_place(model, names[i], values[i], is_parameter_of(model, names[i], values[i]));
    /* A name that is there twice has an entry only now. */
    for (size_t i = 0; i < n && status == BG_OK; i++)
        status = check_value(model, names[i], values[i], is_parameter_of(model, names[i], values[i]));
    if (status != BG_OK) {
        while (model->count > count)
            bgi_model_drop_last(model);
        return status;
    }
    for (size_t i = 0; i < n && status == BG_OK; i++)
        status = bg_tensor_copy(bgi_model_entry_of(model, names[i])->tensor, values[i]);
    return status;
}

/* ---- Tied parameters ---- */

/* Both are there: they must be the same, and the second one not yet in use. */
static bg_status check_both(const bgi_model_entry *entry, const bgi_model_entry *first)
{
    bg_status status = bgi_model_check_entry(entry, first->tensor->dtype, first->tensor->shape, first->is_parameter);
    bool are_equal = false;
    if (status == BG_OK)
        status = compare(first->tensor, entry->tensor, &are_equal);
    if (status != BG_OK)
        return status;
    if (!are_equal)
        return differ(entry->name, first->name);
    if (atomic_load_explicit(&entry->tensor->references, memory_order_relaxed) > 1)
        return bg_fail(BG_ERR_ARGUMENT, "model_tie: \"%s\" is in a graph already; names are tied before that",
                       entry->name);
    return BG_OK;
}

static void remove_entry(bg_model *model, bgi_model_entry *entry)
{
    int place = (int)(entry - model->entries);
    bg_tensor_destroy(entry->tensor);
    bgi_free(model->engine, entry->name, entry->name_bytes);
    memmove(entry, entry + 1, (size_t)(model->count - place - 1) * sizeof *entry);
    model->count--;
}

/* Memory for an alias, in which both names stand. */
static bool make_alias(bg_model *model, bgi_model_alias *alias, const char *name, const char *first)
{
    size_t name_bytes = strlen(name) + 1, first_bytes = strlen(first) + 1;
    alias->bytes = name_bytes + first_bytes;
    alias->name = bgi_alloc(model->engine, alias->bytes);
    if (!alias->name)
        return false;
    alias->first = alias->name + name_bytes;
    memcpy(alias->name, name, name_bytes);
    memcpy(alias->first, first, first_bytes);
    return true;
}

bg_status bg_model_tie(bg_model *model, const char *name, const char *first)
{
    if (!model || !name || !first)
        return bg_fail(BG_ERR_ARGUMENT, "model_tie: %s is NULL", !model ? "model" : "a name");
    bg_status status = bgi_engine_check(model->engine, "model_tie");
    if (status == BG_OK)
        status = bgi_model_check_name(name, true);
    if (status == BG_OK)
        status = bgi_model_check_name(first, true);
    if (status != BG_OK)
        return status;
    const char *kept = bgi_model_first_name(model, first), *present = bgi_model_first_name(model, name);
    if (strcmp(kept, present) == 0)
        return BG_OK;
    if (present != name)
        return bg_fail(BG_ERR_ARGUMENT, "model_tie: \"%s\" is tied to \"%s\", not to \"%s\"", name, present, kept);
    for (int i = 0; i < model->alias_count; i++)
        if (strcmp(model->aliases[i].first, name) == 0)
            return bg_fail(BG_ERR_ARGUMENT, "model_tie: \"%s\" is the first name of \"%s\", so it stays", name,
                           model->aliases[i].name);
    bgi_model_entry *entry = bgi_model_entry_of(model, name), *kept_entry = bgi_model_entry_of(model, kept);
    if ((entry && !entry->is_parameter) || (kept_entry && !kept_entry->is_parameter))
        return bg_fail(BG_ERR_ARGUMENT, "model_tie: \"%s\" is a buffer", entry && !entry->is_parameter ? name : kept);
    if (entry && kept_entry)
        status = check_both(entry, kept_entry);
    if (status != BG_OK)
        return status;

    size_t renamed_bytes = strlen(kept) + 1;
    char *renamed = entry && !kept_entry ? bgi_alloc(model->engine, renamed_bytes) : NULL;
    bgi_model_alias alias = { 0 };
    if ((entry && !kept_entry && !renamed) ||
        !bgi_grow(model->engine, (void **)&model->aliases, &model->alias_capacity, model->alias_count + 1,
                  sizeof *model->aliases) ||
        !make_alias(model, &alias, name, kept)) {
        bgi_free(model->engine, renamed, renamed_bytes);
        return BG_ERR_NOMEM;
    }
    if (renamed) {
        memcpy(renamed, kept, renamed_bytes);
        bgi_free(model->engine, entry->name, entry->name_bytes);
        entry->name = renamed;
        entry->name_bytes = renamed_bytes;
    } else if (entry) {
        remove_entry(model, entry);
    }
    bgi_model_index(model);
    model->aliases[model->alias_count++] = alias;
    return BG_OK;
}
