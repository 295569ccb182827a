/* Images and labels of MNIST. The first byte chooses a pair of files or a folder, with the test files alone or with
 * those of training beside them; the second is a share, at which the rest is cut into images and labels. */
#include "fuzz/fuzz.h"

/* A pair, or the pairs of a folder, whose files are the same two. */
static bg_status read_images(bg_dataset **train, bg_dataset **test, bg_engine *engine, uint8_t kind,
                             const char *const paths[4])
{
    bg_data_options options = { .dtype = kind & 4 ? BG_F64 : BG_F32 };
    *test = NULL;
    return kind & 1 ? bg_data_read_mnist(train, test, engine, FUZZ_ROOT "mnist", &options)
                    : bg_data_read_images(train, engine, paths[0], paths[1], &options);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    static const char *const paths[] = { FUZZ_ROOT "mnist/t10k-images-idx3-ubyte",
                                         FUZZ_ROOT "mnist/t10k-labels.idx1-ubyte.gz",
                                         FUZZ_ROOT "mnist/train-images.idx3-ubyte",
                                         FUZZ_ROOT "mnist/train-labels-idx1-ubyte.gz" };
    const uint8_t *parts[] = { data + 2, data + 2 + fuzz_cut(data[1], size - 2), data + size };
    bg_engine *engine = fuzz_begin();
    size_t content = 0, inflated = 0;
    for (int i = 0; i < (data[0] & 2 ? 4 : 2); i++) {
        size_t bytes = (size_t)(parts[i % 2 + 1] - parts[i % 2]);
        (void)fuzz_file(paths[i], parts[i % 2], bytes);
        content += fuzz_content(parts[i % 2], bytes);
        inflated += fuzz_inflated(parts[i % 2], bytes);
    }
    bg_dataset *train, *test;
    bg_status status = read_images(&train, &test, engine, data[0], paths);
    fuzz_result(status, train, "read_");
    /* A byte becomes a number of eight; both stand beside each other. */
    fuzz_memory(8 * content, inflated);
    if (train) {
        fuzz_check((bg_dataset_size(train) == 0 || bg_dataset_classes(train) > 0) && !test == !(data[0] & 1));
        fuzz_check(bg_dataset_columns(train) == 2 && bg_tensor_dtype(bg_dataset_column(train, 1)) == BG_I64);
    }
    bg_dataset_destroy(train);
    bg_dataset_destroy(test);
    fuzz_end();
    return 0;
}
