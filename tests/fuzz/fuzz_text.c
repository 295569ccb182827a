/* The first byte chooses options, the rest is the file. */
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
    bg_engine *engine = fuzz_begin();
    const char *path = fuzz_file(FUZZ_ROOT "input", data + 1, size - 1);
    size_t content = fuzz_content(data + 1, size - 1);
    bg_dataset *train, *test;
    bg_status status = bg_data_read_text(&train, &test, engine, path, &options);
    fuzz_result(status, train, "read_text: ");
    fuzz_check((train != NULL && options.test_share > 0) == (test != NULL));
    /* A character takes one byte in memory, or four if there are many; the vocabulary stands in each part. */
    fuzz_memory((options.with_bytes ? 1 : 4 + 2) * content, fuzz_inflated(data + 1, size - 1));
    const bg_dataset *const parts[] = { train, test };
    for (int part = 0; part < 2 && parts[part]; part++) {
        const bg_tensor *x = bg_dataset_column(parts[part], 0), *y = bg_dataset_column(parts[part], 1);
        bg_shape shape = bg_tensor_shape(x);
        int64_t count = bg_shape_count(shape), classes = bg_dataset_classes(parts[part]);
        const char *vocabulary = bg_dataset_vocabulary(parts[part]);
        fuzz_check(shape.rank == 2 && shape.dims[0] > 0 && shape.dims[1] == options.context);
        fuzz_check(bg_shape_equal(shape, bg_tensor_shape(y)) && options.with_bytes == !vocabulary);
        const void *inputs = bg_tensor_const_data(x), *targets = bg_tensor_const_data(y);
        double target = 0;
        for (int64_t i = 0; i < count; i++) {
            double token = fuzz_element(x, inputs, i);
            fuzz_check(token >= 0 && token < (double)classes && (i == 0 || token == target));
            target = fuzz_element(y, targets, i);
            fuzz_check(target >= 0 && target < (double)classes);
            if (i % 64 != 0)
                continue;
            /* There and back. */
            char character[4];
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
    fuzz_end();
    return 0;
}
