/* Data that the library brings along. */
#include "data/dataset.h"
#include "io/stream.h"

#include <blasgrad/graph.h>

#include "tensor/tensor.h"

#include <string.h>

enum { STROKES_COUNT = 10000 };

bg_status bgi_data_options_check(bg_data_options *checked, bg_engine *engine, const char *caller,
                                 const bg_data_options *options)
{
    bg_status status = bgi_engine_check(engine, caller);
    if (status)
        return status;
    *checked = options ? *options : (bg_data_options){ 0 };
    if (checked->dtype != BG_F32 && checked->dtype != BG_F64)
        return bg_fail(BG_ERR_DTYPE, "%s: inputs are f32 or f64, not %s", caller, bg_dtype_name(checked->dtype));
    if (checked->count < 0)
        return bg_fail(BG_ERR_ARGUMENT, "%s: %lld examples asked for", caller, (long long)checked->count);
    checked->count = checked->count ? checked->count : STROKES_COUNT;
    checked->delimiter = checked->delimiter ? checked->delimiter : ',';
    checked->decimal = checked->decimal ? checked->decimal : '.';
    return BG_OK;
}

bg_status bgi_data_memory_check(bg_data_options *checked, bg_engine *engine, const char *caller,
                                const bg_data_options *options)
{
    bg_status status = bgi_data_options_check(checked, engine, caller, options);
    if (!status && checked->streams)
        return bg_fail(BG_ERR_ARGUMENT, "%s: streams, but these data are read as a whole", caller);
    return status;
}

bg_status bgi_data_folder_check(bg_data_options *checked, bg_dataset **train, bg_dataset **test, bg_engine *engine,
                                const char *caller, const char *folder, const bg_data_options *options)
{
    if (train)
        *train = NULL;
    if (test)
        *test = NULL;
    if (!train || !test || !folder)
        return bg_fail(BG_ERR_ARGUMENT, "%s: %s is NULL", caller, !folder ? "folder" : train ? "test" : "train");
    return bgi_data_options_check(checked, engine, caller, options);
}

/* Writes numbers into a new tensor. */
static void store(bg_tensor *tensor, const double *values, int64_t count)
{
    void *data = bg_tensor_data(tensor);
    for (int64_t i = 0; i < count; i++) {
        if (tensor->dtype == BG_F32)
            ((float *)data)[i] = (float)values[i];
        else
            ((double *)data)[i] = values[i];
    }
}

/* Makes input and target; both are NULL after a failure. */
static bg_status create_pair(bg_engine *engine, bg_tensor **x, bg_dtype x_dtype, bg_shape x_shape, bg_tensor **y,
                             bg_dtype y_dtype, bg_shape y_shape)
{
    *x = *y = NULL;
    bg_status status = bg_tensor_create(x, engine, x_dtype, x_shape);
    if (!status)
        status = bg_tensor_create(y, engine, y_dtype, y_shape);
    if (status) {
        bg_tensor_destroy(*x);
        *x = NULL;
    }
    return status;
}

static bg_status lecture(bg_dataset **dataset, bg_engine *engine, const bg_data_options *options)
{
    static const double inputs[] = { 1, 2.2, -2, 4, 1, 1.5, 5, -2, -1, -1 };
    static const double targets[] = { 4, 0, 3, 8, -3.8 };
    bg_tensor *x, *y;
    bg_status status = create_pair(engine, &x, options->dtype, BG_SHAPE(5, 2), &y, options->dtype, BG_SHAPE(5, 1));
    if (status)
        return status;
    store(x, inputs, 10);
    store(y, targets, 5);
    return bgi_dataset_create_pair(dataset, "lecture", x, y, 0);
}

static bg_status digits(bg_dataset **dataset, bg_engine *engine, const bg_data_options *options)
{
    enum { N = BGI_DIGITS_COUNT, PIXELS = BGI_DIGITS_PIXELS, BYTES = N * (PIXELS + 1) };
    unsigned char *bytes = bgi_alloc(engine, BYTES);
    if (!bytes)
        return BG_ERR_NOMEM;
    bg_tensor *x, *y;
    bg_status status = bgi_inflate(bytes, BYTES, bgi_digits_data, bgi_digits_data_bytes);
    if (!status)
        status = create_pair(engine, &x, options->dtype, BG_SHAPE(N, PIXELS), &y, BG_I64, BG_SHAPE(N));
    if (!status) {
        void *inputs = bg_tensor_data(x);
        int64_t *classes = bg_tensor_data(y);
        for (int i = 0; i < N; i++) {
            for (int pixel = 0; pixel < PIXELS; pixel++) {
                double value = bytes[pixel * N + i] / 16.0; /* exact in both types */
                if (options->dtype == BG_F32)
                    ((float *)inputs)[i * PIXELS + pixel] = (float)value;
                else
                    ((double *)inputs)[i * PIXELS + pixel] = value;
            }
            classes[i] = bytes[PIXELS * N + i];
        }
        status = bgi_dataset_create_pair(dataset, "digits", x, y, 10);
    }
    bgi_free(engine, bytes, BYTES);
    return status;
}

typedef struct {
    const char *name;
    bg_status (*make)(bg_dataset **dataset, bg_engine *engine, const bg_data_options *options);
} builtin;

static const builtin builtins[] = {
    { "lecture", lecture },
    { "digits", digits },
    { "strokes", bgi_data_strokes },
};
enum { BUILTINS = sizeof builtins / sizeof *builtins };

bg_status bg_data_builtin(bg_dataset **dataset, bg_engine *engine, const char *name, const bg_data_options *options)
{
    if (dataset)
        *dataset = NULL;
    if (!dataset || !name)
        return bg_fail(BG_ERR_ARGUMENT, "data_builtin: %s is NULL", dataset ? "name" : "dataset");
    bg_data_options checked;
    bg_status status = bgi_data_memory_check(&checked, engine, "data_builtin", options);
    if (status)
        return status;
    char names[100] = "";
    for (int i = 0; i < BUILTINS; i++) {
        if (!strcmp(builtins[i].name, name))
            return builtins[i].make(dataset, engine, &checked);
        strcat(strcat(names, " "), builtins[i].name);
    }
    return bg_fail(BG_ERR_ARGUMENT, "data_builtin: there is no \"%.100s\"; there are%s", name, names);
}
