/* The first three bytes choose options, the rest is the file; behind the first byte 29 in it (a group separator, which
 * no table needs) is the file of targets. */
#define _GNU_SOURCE /* memfd_create */
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

/* Gives the bytes of its elements. */
static size_t csv_check(const bg_dataset *dataset, const bg_data_options *options)
{
    size_t bytes = 0;
    bool may_have_nan = options->missing == BG_MISSING_NAN, may_have_infinity = options->with_infinite;
    for (int column = 0; column < bg_dataset_columns(dataset); column++) {
        const bg_tensor *x = bg_dataset_column(dataset, column);
        int64_t count = bg_shape_count(bg_tensor_shape(x));
        bytes += (size_t)count * bg_dtype_size(bg_tensor_dtype(x));
        fuzz_check(count > 0 && bg_dataset_size(dataset) > 0);
        for (int64_t i = 0; i < count; i++) {
            double value;
            fuzz_check(bg_tensor_item(x, i, &value) == BG_OK);
            fuzz_check(isfinite(value) || (may_have_nan && isnan(value)) || (may_have_infinity && isinf(value)));
            fuzz_check(bg_tensor_dtype(x) != BG_I64 || (value >= 0 && value < (double)bg_dataset_classes(dataset)));
        }
    }
    /* Classes have names or not; names are all different and in their order. */
    for (int64_t i = 1; bg_dataset_class_name(dataset, i); i++)
        fuzz_check(strcmp(bg_dataset_class_name(dataset, i - 1), bg_dataset_class_name(dataset, i)) != 0);
    return bytes;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3)
        return 0;
    bg_data_options options = csv_options(data);
    const uint8_t *text = data + 3, *separator = memchr(text, 29, size - 3);
    size_t length = separator ? (size_t)(separator - text) : size - 3, rest = separator ? size - 4 - length : 0;
    char targets[40];
    int descriptor = -1;
    if (separator) {
        descriptor = memfd_create("targets", MFD_CLOEXEC);
        fuzz_check(descriptor >= 0 && write(descriptor, separator + 1, rest) == (ssize_t)rest);
        (void)snprintf(targets, sizeof targets, "/proc/self/fd/%d", descriptor);
        options.target_file = targets;
    }
    fuzz_case *c = fuzz_begin(text, length);
    size_t held = c->memory.held, content = fuzz_content(text, length);
    content += separator ? fuzz_content(separator + 1, rest) : 0;
    bg_dataset *dataset;
    bg_status status = bg_data_read_csv(&dataset, c->engine, c->path, &options);
    fuzz_check((status == BG_OK) == (dataset != NULL));
    /* A value takes a byte at least, if it is missing, and eight in memory. */
    size_t bytes = 8 * content + 8;
    if (dataset) {
        bytes = csv_check(dataset, &options);
    } else {
        fuzz_check(status == BG_ERR_FORMAT || status == BG_ERR_ARGUMENT);
        fuzz_check(strstr(bg_last_error(), "read_csv: ") == bg_last_error());
    }
    bg_dataset_destroy(dataset);
    if (separator)
        (void)close(descriptor);
    /* Rows that cannot be counted are moved when there are more, with room for a quarter more. The line's buffer
     * doubles; a column's place is four bytes; of a name, its text and six numbers. */
    bool is_counted = content == size - 3 - (separator != NULL);
    fuzz_end(c, held,
             (is_counted ? bytes : bytes * 9 / 4 + (1 << 14)) + 3 * content + 2 * content + 12 * content +
                 (separator ? 2U << 16 : 1U << 16) + 4096);
    return 0;
}
