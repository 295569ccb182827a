/* The first byte chooses options, the rest is the file. */
#define _GNU_SOURCE /* memfd_create */
#include "fuzz/fuzz.h"

#include <math.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    static const char delimiters[] = { 0, ';', '\t', ' ' };
    static const char *const targets[] = { NULL, "0", "y", "1" };
    bg_data_options options = {
        .delimiter = delimiters[data[0] & 3],
        .decimal = data[0] & 4 ? ',' : '.',
        .with_classes = data[0] & 8,
        .dtype = data[0] & 16 ? BG_F64 : BG_F32,
        .target = targets[data[0] >> 5 & 3],
        .without_header = data[0] & 128,
    };
    fuzz_case *c = fuzz_begin(data + 1, size - 1);
    size_t held = c->memory.held, content = fuzz_content(data + 1, size - 1);
    bg_dataset *dataset;
    bg_status status = bg_data_read_csv(&dataset, c->engine, c->path, &options);
    fuzz_check((status == BG_OK) == (dataset != NULL));
    if (dataset) {
        const bg_tensor *x = bg_dataset_column(dataset, 0);
        int64_t count = bg_shape_count(bg_tensor_shape(x));
        fuzz_check(count > 0 && bg_dataset_size(dataset) > 0);
        for (int64_t i = 0; i < count; i++) {
            double value;
            fuzz_check(bg_tensor_item(x, i, &value) == BG_OK && isfinite(value));
        }
    } else {
        fuzz_check(status == BG_ERR_FORMAT || status == BG_ERR_ARGUMENT);
        fuzz_check(strstr(bg_last_error(), "read_csv: ") == bg_last_error());
    }
    bg_dataset_destroy(dataset);
    /* A number takes two bytes at least, and eight in memory, twice; the line's buffer doubles. */
    fuzz_end(c, held, 8 * content + 3 * content + (1 << 16) + 4096);
    return 0;
}
