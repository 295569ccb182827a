/* Data sets: columns that share their number of examples. */
#include "data/dataset.h"

#include <blasgrad/graph.h>

#include "tensor/tensor.h"

#include <string.h>

static bg_status check_columns(const char *caller, bg_tensor *const *columns, int n)
{
    if (!columns || n < 1)
        return bg_fail(BG_ERR_ARGUMENT, "%s: a data set needs at least one column", caller);
    for (int i = 0; i < n; i++) {
        if (!columns[i])
            return bg_fail(BG_ERR_ARGUMENT, "%s: column %d is NULL", caller, i);
        if (columns[i]->shape.rank == 0)
            return bg_fail(BG_ERR_SHAPE, "%s: column %d is a scalar; its first extent should count the examples",
                           caller, i);
        if (columns[i]->shape.dims[0] != columns[0]->shape.dims[0])
            return bg_fail(BG_ERR_SHAPE, "%s: column 0 %s has %lld examples, column %d %s has %lld", caller,
                           bgi_shape_format(columns[0]->shape).text, (long long)columns[0]->shape.dims[0], i,
                           bgi_shape_format(columns[i]->shape).text, (long long)columns[i]->shape.dims[0]);
        if (columns[i]->storage->engine != columns[0]->storage->engine)
            return bg_fail(BG_ERR_ARGUMENT, "%s: columns 0 and %d belong to different engines", caller, i);
    }
    return bgi_engine_check(columns[0]->storage->engine, caller);
}

bg_dataset *bgi_dataset_allocate(bg_engine *engine, const char *name, int columns)
{
    bg_dataset *made = bgi_alloc_zero(engine, sizeof *made);
    if (!made)
        return NULL;
    bgi_engine_retain(engine);
    *made = (bg_dataset){
        .engine = engine, .count = columns, .class_names = { .engine = engine }, .feature_names = { .engine = engine }
    };
    atomic_init(&made->references, 1);
    made->name_bytes = strlen(name) + 1;
    made->name = bgi_alloc(engine, made->name_bytes);
    made->forms = made->name ? bgi_alloc_zero(engine, (size_t)columns * sizeof *made->forms) : NULL;
    if (!made->forms) {
        bg_dataset_destroy(made);
        return NULL;
    }
    memcpy(made->name, name, made->name_bytes);
    return made;
}

bg_status bgi_dataset_create(bg_dataset **dataset, const char *name, bg_tensor *const *columns, int n, int64_t classes)
{
    bg_engine *engine = columns[0]->storage->engine;
    bg_dataset *made = bgi_dataset_allocate(engine, name, n);
    if (!made)
        return BG_ERR_NOMEM;
    made->size = columns[0]->shape.dims[0];
    made->classes = classes;
    made->columns = bgi_alloc_zero(engine, (size_t)n * sizeof *made->columns);
    if (!made->columns) {
        bg_dataset_destroy(made);
        return BG_ERR_NOMEM;
    }
    for (int i = 0; i < n; i++) {
        bg_shape shape = columns[i]->shape;
        bgi_tensor_retain(columns[i]);
        made->columns[i] = columns[i];
        made->forms[i] = (bg_column){ .dtype = columns[i]->dtype, .shape.rank = shape.rank - 1 };
        memcpy(made->forms[i].shape.dims, shape.dims + 1, (size_t)(shape.rank - 1) * sizeof(int64_t));
    }
    *dataset = made;
    return BG_OK;
}

bg_status bgi_dataset_set_vocabulary(bg_dataset *dataset, const char *vocabulary)
{
    size_t bytes = strlen(vocabulary) + 1;
    char *copy = bgi_alloc(dataset->engine, bytes);
    if (!copy)
        return BG_ERR_NOMEM;
    memcpy(copy, vocabulary, bytes);
    dataset->vocabulary = copy;
    dataset->vocabulary_bytes = bytes;
    return BG_OK;
}

void bgi_dataset_take_names(bg_dataset *dataset, bgi_names *class_names, bgi_names *feature_names)
{
    dataset->class_names = *class_names;
    dataset->feature_names = *feature_names;
    *class_names = (bgi_names){ .engine = class_names->engine };
    *feature_names = (bgi_names){ .engine = feature_names->engine };
}

bg_status bgi_dataset_set_names(bg_dataset *dataset, const bgi_names *class_names, const bgi_names *feature_names)
{
    bg_status status = bgi_names_copy(&dataset->class_names, class_names);
    return status ? status : bgi_names_copy(&dataset->feature_names, feature_names);
}

bg_status bgi_dataset_create_pair(bg_dataset **dataset, const char *name, bg_tensor *x, bg_tensor *y, int64_t classes)
{
    bg_status status = bgi_dataset_create(dataset, name, (bg_tensor *[]){ x, y }, 2, classes);
    bg_tensor_destroy(x);
    bg_tensor_destroy(y);
    return status;
}

bg_status bg_dataset_create(bg_dataset **dataset, bg_tensor *const *columns, int n, int64_t classes)
{
    if (!dataset)
        return bg_fail(BG_ERR_ARGUMENT, "dataset_create: dataset is NULL");
    *dataset = NULL;
    if (classes < 0)
        return bg_fail(BG_ERR_ARGUMENT, "dataset_create: %lld classes", (long long)classes);
    bg_status status = check_columns("dataset_create", columns, n);
    return status ? status : bgi_dataset_create(dataset, "", columns, n, classes);
}

bg_dataset *bgi_dataset_retain(const bg_dataset *dataset)
{
    bg_dataset *held = (bg_dataset *)dataset;
    atomic_fetch_add_explicit(&held->references, 1, memory_order_relaxed);
    return held;
}

static void release_derivation(bgi_derivation *derivation, bg_engine *engine)
{
    bgi_free(engine, derivation->factors, derivation->factor_bytes);
    if (derivation->projection)
        bgi_free(engine, derivation->projection, derivation->projection->bytes);
    bgi_subset_release(&derivation->chosen, engine);
}

void bg_dataset_destroy(bg_dataset *dataset)
{
    if (!dataset || atomic_fetch_sub_explicit(&dataset->references, 1, memory_order_acq_rel) != 1)
        return;
    bg_engine *engine = dataset->engine;
    for (int i = 0; dataset->columns && i < dataset->count; i++)
        bg_tensor_destroy(dataset->columns[i]);
    bgi_free(engine, dataset->columns, (size_t)dataset->count * sizeof *dataset->columns);
    bgi_free(engine, dataset->forms, (size_t)dataset->count * sizeof *dataset->forms);
    if (dataset->source.destroy)
        dataset->source.destroy(dataset->source.user);
    if (dataset->source.read)
        (void)pthread_mutex_destroy(&dataset->reading);
    bg_dataset_destroy(dataset->base);
    release_derivation(&dataset->derivation, engine);
    bgi_free(engine, dataset->name, dataset->name_bytes);
    bgi_free(engine, dataset->vocabulary, dataset->vocabulary_bytes);
    bgi_names_release(&dataset->class_names);
    bgi_names_release(&dataset->feature_names);
    bgi_free(engine, dataset, sizeof *dataset);
    bgi_engine_release(engine);
}

int64_t bg_dataset_size(const bg_dataset *dataset) { return dataset ? dataset->size : 0; }
int bg_dataset_columns(const bg_dataset *dataset) { return dataset ? dataset->count : 0; }
int64_t bg_dataset_classes(const bg_dataset *dataset) { return dataset ? dataset->classes : 0; }
const char *bg_dataset_name(const bg_dataset *dataset) { return dataset ? dataset->name : ""; }

const char *bg_dataset_vocabulary(const bg_dataset *dataset) { return dataset ? dataset->vocabulary : NULL; }

const char *bg_dataset_class_name(const bg_dataset *dataset, int64_t i)
{
    return dataset ? bgi_names_at(&dataset->class_names, i) : NULL;
}

const char *bg_dataset_feature_name(const bg_dataset *dataset, int64_t i)
{
    return dataset ? bgi_names_at(&dataset->feature_names, i) : NULL;
}

static bool has_column(const bg_dataset *dataset, int i) { return dataset && i >= 0 && i < dataset->count; }

bg_tensor *bg_dataset_column(const bg_dataset *dataset, int i)
{
    return has_column(dataset, i) && dataset->columns ? dataset->columns[i] : NULL;
}

bg_dtype bg_dataset_dtype(const bg_dataset *dataset, int i)
{
    return has_column(dataset, i) ? dataset->forms[i].dtype : BG_DTYPE_COUNT;
}

bg_shape bg_dataset_shape(const bg_dataset *dataset, int i)
{
    if (!has_column(dataset, i))
        return BG_SCALAR;
    bg_shape example = dataset->forms[i].shape, shape = { .rank = example.rank + 1, .dims = { dataset->size } };
    memcpy(shape.dims + 1, example.dims, (size_t)example.rank * sizeof(int64_t));
    return shape;
}

/* Gives it the names that the other one has, or destroys it. */
static bg_status copy_names(bg_dataset **made, const bg_dataset *dataset)
{
    bg_status status = bgi_dataset_set_names(*made, &dataset->class_names, &dataset->feature_names);
    if (!status && dataset->vocabulary)
        status = bgi_dataset_set_vocabulary(*made, dataset->vocabulary);
    if (status) {
        bg_dataset_destroy(*made);
        *made = NULL;
    }
    return status;
}

bg_status bgi_dataset_create_like(bg_dataset **made, const bg_dataset *dataset, bg_tensor **columns, bg_status status)
{
    if (!status)
        status = bgi_dataset_create(made, dataset->name, columns, dataset->count, dataset->classes);
    if (!status)
        status = copy_names(made, dataset);
    for (int i = 0; i < dataset->count && columns[i]; i++)
        bg_tensor_destroy(columns[i]);
    bgi_free(dataset->engine, columns, (size_t)dataset->count * sizeof *columns);
    return status;
}

bg_status bgi_dataset_derive(bg_dataset **made, const bg_dataset *base, int64_t size, const bgi_derivation *derivation)
{
    *made = bgi_dataset_allocate(base->engine, base->name, base->count);
    if (!*made) {
        bgi_derivation lost = *derivation;
        release_derivation(&lost, base->engine);
        return BG_ERR_NOMEM;
    }
    (*made)->base = bgi_dataset_retain(base);
    (*made)->derivation = *derivation;
    (*made)->size = size;
    (*made)->classes = base->classes;
    memcpy((*made)->forms, base->forms, (size_t)base->count * sizeof *base->forms);
    return copy_names(made, base);
}

bg_tensor **bgi_dataset_new_columns(const bg_dataset *dataset)
{
    return bgi_alloc_zero(dataset->engine, (size_t)dataset->count * sizeof(bg_tensor *));
}

bg_status bg_dataset_slice(bg_dataset **part, const bg_dataset *dataset, int64_t start, int64_t stop)
{
    if (part)
        *part = NULL;
    if (!part || !dataset)
        return bg_fail(BG_ERR_ARGUMENT, "dataset_slice: %s is NULL", part ? "dataset" : "part");
    bg_status status = bgi_engine_check(dataset->engine, "dataset_slice");
    if (status)
        return status;
    if (start < 0 || stop < start || stop > dataset->size)
        return bg_fail(BG_ERR_ARGUMENT, "dataset_slice: [%lld, %lld) is not within the %lld examples", (long long)start,
                       (long long)stop, (long long)dataset->size);
    if (!dataset->columns)
        return bgi_dataset_derive(part, dataset, stop - start, &(bgi_derivation){ .first = start });
    bg_tensor **columns = bgi_dataset_new_columns(dataset);
    if (!columns)
        return BG_ERR_NOMEM;
    for (int i = 0; i < dataset->count && !status; i++)
        status = bg_tensor_slice(&columns[i], dataset->columns[i], 0, start, stop, 1);
    return bgi_dataset_create_like(part, dataset, columns, status);
}
