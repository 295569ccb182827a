/* Data sets of NPY and NPZ. The first byte chooses options; the second is a share, at which the rest is cut into the
 * file of inputs and that of targets. */
#include "fuzz/fuzz.h"

static void check_column(const bg_dataset *dataset, int column)
{
    const bg_tensor *x = bg_dataset_column(dataset, column);
    bg_shape shape = bg_tensor_shape(x);
    bg_dtype dtype = bg_tensor_dtype(x);
    fuzz_check(shape.rank >= 1 && shape.dims[0] == bg_dataset_size(dataset));
    fuzz_check(dtype == BG_F32 || dtype == BG_F64 || (dtype == BG_I64 && column == 1));
    int64_t count = bg_shape_count(shape), classes = bg_dataset_classes(dataset);
    const void *values = bg_tensor_const_data(x);
    for (int64_t i = 0; i < count; i += 1 + i / 64) {
        double value = fuzz_element(x, values, i);
        fuzz_check(value - value == 0);
        fuzz_check(dtype != BG_I64 || (value >= 0 && value < (double)classes));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    size_t cut = fuzz_cut(data[1], size - 2);
    bg_data_options options = {
        .dtype = data[0] & 1 ? BG_F64 : BG_F32,
        .with_classes = data[0] & 2,
        .without_classes = data[0] & 4,
        .without_target = data[0] & 8,
        .input = data[0] & 16 ? "y" : NULL,
        .target = data[0] & 32 ? "x" : NULL,
    };
    bg_engine *engine = fuzz_begin();
    const char *path = fuzz_file(FUZZ_ROOT "inputs", data + 2, cut);
    if (data[0] & 64)
        options.target_file = fuzz_file(FUZZ_ROOT "targets", data + 2 + cut, size - 2 - cut);
    bool have_classes;
    bg_status status = bg_data_arrays_have_classes(&have_classes, engine, path, &options);
    fuzz_check(status == BG_OK || status == BG_ERR_FORMAT || status == BG_ERR_ARGUMENT);
    bg_dataset *dataset;
    bg_status read = bg_data_read_arrays(&dataset, engine, path, &options);
    fuzz_result(read, dataset, "read_arrays: ");
    /* A compressed byte may become a number of eight; column-major arrays stand beside the numbers. */
    size_t inflated = cut >= 2 && data[2] == 'P' ? 1032 * cut : 0;
    fuzz_memory(8 * (size + inflated), inflated);
    if (dataset) {
        fuzz_check(status == BG_OK);
        for (int column = 0; column < bg_dataset_columns(dataset); column++)
            check_column(dataset, column);
        fuzz_check(have_classes || bg_dataset_classes(dataset) == 0);
    }
    bg_dataset_destroy(dataset);
    fuzz_end();
    return 0;
}
