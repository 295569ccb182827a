/* A model's parameters as vectors of numbers. */
#include "nn/model.h"

#include "tensor/tensor.h"

/* Elements of a parameter, of one member. */
static int64_t elements_of(const bg_model *model, const bgi_model_entry *entry)
{
    int64_t count = entry->is_parameter ? bg_shape_count(entry->tensor->shape) : 0;
    return model->members > 0 ? count / model->members : count;
}

int64_t bg_model_dimension(const bg_model *model)
{
    int64_t dimension = 0; /* each parameter is in memory, so that the sum cannot overflow */
    for (int i = 0; model && i < model->count; i++)
        dimension += elements_of(model, &model->entries[i]);
    return dimension;
}

static bg_status check(const char *caller, const bg_model *model, const double *vectors, int64_t n)
{
    if (!model || (!vectors && n > 0))
        return bg_fail(BG_ERR_ARGUMENT, "%s: %s is NULL", caller, model ? "vectors" : "model");
    int64_t most = model->members > 0 ? model->members : 1;
    if (n < 0 || n > most)
        return bg_fail(BG_ERR_ARGUMENT, "%s: %lld vectors for a model of %lld", caller, (long long)n, (long long)most);
    return bgi_engine_check(model->engine, caller);
}

/* Between n vectors and the members' elements, which lie one behind the other in each parameter. */
static void convert(const bg_model *model, double *vectors, int64_t n, bool to_model)
{
    const bgk_kernels *kernels = bgi_kernels_of(model->engine, model->dtype);
    int64_t dimension = bg_model_dimension(model), offset = 0;
    for (int i = 0; i < model->count; i++) {
        const bgi_model_entry *entry = &model->entries[i];
        int64_t count = elements_of(model, entry);
        if (count == 0)
            continue;
        if (to_model)
            kernels->load_f64(bg_tensor_data(entry->tensor), vectors + offset, n, count, dimension, 1);
        size_t bytes = (size_t)count * bg_dtype_size(model->dtype);
        const unsigned char *elements = bg_tensor_const_data(entry->tensor);
        for (int64_t k = 0; k < n && !to_model; k++)
            kernels->store_f64(vectors + k * dimension + offset, elements + (size_t)k * bytes, count);
        offset += count;
    }
}

bg_status bg_model_set_vectors(bg_model *model, const double *vectors, int64_t n)
{
    bg_status status = check("model_set_vectors", model, vectors, n);
    if (status == BG_OK && n > 0)
        convert(model, (double *)(uintptr_t)vectors, n, true);
    return status;
}

bg_status bg_model_get_vectors(const bg_model *model, double *vectors, int64_t n)
{
    bg_status status = check("model_get_vectors", model, vectors, n);
    if (status == BG_OK && n > 0)
        convert(model, vectors, n, false);
    return status;
}
