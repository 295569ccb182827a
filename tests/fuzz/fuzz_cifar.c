/* The first byte chooses variant, labels and type, the second is a share; the rest is cut there into the file of
 * training, which stands for all of them, and that of the test. */
#include "fuzz/fuzz.h"

#define TEN     FUZZ_ROOT "ten/"
#define HUNDRED FUZZ_ROOT "hundred/"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const ten[] = { TEN "data_batch_1.bin", TEN "data_batch_2.bin", TEN "data_batch_3.bin",
                                       TEN "data_batch_4.bin", TEN "data_batch_5.bin", TEN "test_batch.bin" };
    static const char *const hundred[] = { HUNDRED "train.bin", HUNDRED "test.bin" };
    if (size < 2)
        return 0;
    bool is_hundred = data[0] & 1;
    size_t cut = fuzz_cut(data[1], size - 2);
    const char *const *names = is_hundred ? hundred : ten;
    int files = is_hundred ? 2 : 6;
    bg_engine *engine = fuzz_begin();
    for (int i = 0; i < files - 1; i++)
        (void)fuzz_file(names[i], data + 2, cut);
    (void)fuzz_file(names[files - 1], data + 2 + cut, size - 2 - cut);
    bg_data_options options = { .with_coarse_labels = data[0] & 2, .dtype = data[0] & 4 ? BG_F64 : BG_F32 };
    bg_dataset *train, *test;
    bg_status status =
        bg_data_read_cifar(&train, &test, engine, is_hundred ? FUZZ_ROOT "hundred" : FUZZ_ROOT "ten", &options);
    fuzz_result(status, train, "read_cifar: ");
    fuzz_memory(8 * fuzz_file_bytes(), 0); /* a byte becomes a number of eight */
    fuzz_check((train != NULL) == (test != NULL));
    if (train)
        fuzz_check(bg_dataset_size(train) > 0 && bg_dataset_size(test) > 0);
    bg_dataset_destroy(train);
    bg_dataset_destroy(test);
    fuzz_end();
    return 0;
}
