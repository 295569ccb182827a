/* The first three bytes choose options, the rest is the file; behind the first byte 29 in it (a group separator, which
 * no table needs) is the file of targets. */
#include "fuzz/fuzz.h"

#include <math.h>

static const char *const csv_names[] = { "y", "a", NULL };

static bg_data_options csv_options(const uint8_t bytes[3])
{
    static const char delimiters[] = { 0, ';', '\t', ' ' };
    static const char *const targets[] = { NULL, "0", "y", "1", "a,y", "0-1", "1,0", "2 , y" };
    static const char *const features[] = { NULL, "0", "a", "1-2,0" };
    static const char *const *const lists[] = { NULL, csv_names };
    return (bg_data_options){
        .delimiter = delimiters[bytes[0] & 3],
        .decimal = bytes[0] & 4 ? ',' : '.',
        .with_classes = bytes[0] & 8,
        .dtype = bytes[0] & 16 ? BG_F64 : BG_F32,
        .target = targets[(bytes[0] >> 5 & 3) | (bytes[1] & 1) << 2],
        .without_header = bytes[0] & 128,
        .missing = (bg_missing)((bytes[1] >> 1 & 7) % 5),
        .missing_value = -1,
        .skip_lines = bytes[1] >> 4 & 3,
        .features = features[bytes[1] >> 6],
        .feature_names = lists[bytes[2] & 1],
        .class_names = lists[bytes[2] >> 1 & 1],
        .without_target = bytes[2] >> 2 & 1,
        .with_infinite = bytes[2] >> 3 & 1,
    };
}

static void csv_check(const bg_dataset *dataset, const bg_data_options *options)
{
    bool may_have_nan = options->missing == BG_MISSING_NAN, may_have_infinity = options->with_infinite;
    for (int column = 0; column < bg_dataset_columns(dataset); column++) {
        const bg_tensor *x = bg_dataset_column(dataset, column);
        int64_t count = bg_shape_count(bg_tensor_shape(x));
        fuzz_check(count > 0 && bg_dataset_size(dataset) > 0);
        const void *values = bg_tensor_const_data(x);
        for (int64_t i = 0; i < count; i++) {
            double value = fuzz_element(x, values, i);
            fuzz_check(isfinite(value) || (may_have_nan && isnan(value)) || (may_have_infinity && isinf(value)));
            fuzz_check(bg_tensor_dtype(x) != BG_I64 || (value >= 0 && value < (double)bg_dataset_classes(dataset)));
        }
    }
    /* Classes have names or not; names are all different and in their order. */
    for (int64_t i = 1; bg_dataset_class_name(dataset, i); i++)
        fuzz_check(strcmp(bg_dataset_class_name(dataset, i - 1), bg_dataset_class_name(dataset, i)) != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3)
        return 0;
    bg_data_options options = csv_options(data);
    const uint8_t *text = data + 3, *separator = memchr(text, 29, size - 3);
    size_t length = separator ? (size_t)(separator - text) : size - 3, rest = separator ? size - 4 - length : 0;
    size_t content = fuzz_content(text, length), inflated = fuzz_inflated(text, length);
    bg_engine *engine = fuzz_begin();
    const char *path = fuzz_file(FUZZ_ROOT "input", text, length);
    if (separator) {
        options.target_file = fuzz_file(FUZZ_ROOT "targets", separator + 1, rest);
        content += fuzz_content(separator + 1, rest);
        inflated += fuzz_inflated(separator + 1, rest);
    }
    bg_dataset *dataset;
    bg_status status = bg_data_read_csv(&dataset, engine, path, &options);
    fuzz_result(status, dataset, "read_csv: ");
    /* A value takes a byte at least, if it is missing, and eight in memory; so do a name's text and place. More than
     * the promise has, of names of classes alone, which are looked up and sorted: of each six numbers. */
    size_t data_most = 8 * content + 6 * content + 8;
    fuzz_memory(data_most, inflated + (options.with_classes ? 24 * content : 0) + (separator ? 1U << 15 : 0));
    if (dataset)
        csv_check(dataset, &options);
    bg_dataset_destroy(dataset);
    fuzz_end();
    return 0;
}
