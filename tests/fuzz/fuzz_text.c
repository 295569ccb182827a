/* The first byte chooses options, the rest is the file. */
#define _GNU_SOURCE /* memfd_create */
#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    static const char *const vocabularies[] = { NULL, " abc\xC3\xA4\xE2\x82\xAC" };
    bg_data_options options = {
        .context = 1 + (data[0] & 7),
        .with_bytes = data[0] & 8,
        .vocabulary = vocabularies[data[0] >> 4 & 1],
        .test_share = (data[0] >> 5 & 3) * 0.25,
    };
    fuzz_case *c = fuzz_begin(data + 1, size - 1);
    size_t held = c->memory.held, content = fuzz_content(data + 1, size - 1);
    bg_dataset *train, *test;
    bg_status status = bg_data_read_text(&train, &test, c->engine, c->path, &options);
    fuzz_check((status == BG_OK) == (train != NULL));
    fuzz_check((status == BG_OK && options.test_share > 0) == (test != NULL));
    if (!train)
        fuzz_check(status == BG_ERR_FORMAT && strstr(bg_last_error(), "read_text: ") == bg_last_error());
    const bg_dataset *const parts[] = { train, test };
    for (int part = 0; part < 2 && parts[part]; part++) {
        const bg_tensor *x = bg_dataset_column(parts[part], 0), *y = bg_dataset_column(parts[part], 1);
        bg_shape shape = bg_tensor_shape(x);
        int64_t count = bg_shape_count(shape), classes = bg_dataset_classes(parts[part]);
        const char *vocabulary = bg_dataset_vocabulary(parts[part]);
        fuzz_check(shape.rank == 2 && shape.dims[0] > 0 && shape.dims[1] == options.context);
        fuzz_check(bg_shape_equal(shape, bg_tensor_shape(y)) && options.with_bytes == !vocabulary);
        double token, target = 0;
        for (int64_t i = 0; i < count; i++) {
            char character[4];
            fuzz_check(bg_tensor_item(x, i, &token) == BG_OK && token >= 0 && token < (double)classes);
            fuzz_check(i == 0 || token == target);
            fuzz_check(bg_tensor_item(y, i, &target) == BG_OK && target >= 0 && target < (double)classes);
            if (i % 64 != 0)
                continue;
            /* There and back. */
            int32_t back;
            size_t n;
            int length = bg_text_decode(vocabulary, (int64_t)token, character);
            fuzz_check(length >= 1);
            fuzz_check(bg_text_encode(vocabulary, character, (size_t)length, &back, 1, &n) == BG_OK);
            fuzz_check(n == 1 && back == (int32_t)token);
        }
    }
    bg_dataset_destroy(train);
    bg_dataset_destroy(test);
    /* A character of at least two bytes takes four in memory if there are many; the vocabulary, three times. */
    fuzz_end(c, held, (options.with_bytes ? 1 : 5) * content + (1 << 16) + 4096);
    return 0;
}
