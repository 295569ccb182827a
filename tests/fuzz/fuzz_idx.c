#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bg_engine *engine = fuzz_begin();
    bg_tensor *tensor;
    bg_status status = bg_data_read_idx(&tensor, engine, fuzz_file(FUZZ_ROOT "input", data, size));
    fuzz_result(status, tensor, "read_idx: ");
    fuzz_memory(4 * fuzz_content(data, size), 0); /* i8 becomes i32 */
    if (tensor) {
        int rank = bg_tensor_shape(tensor).rank;
        fuzz_check(rank >= 1 && rank <= 4);
    }
    bg_tensor_destroy(tensor);
    fuzz_end();
    return 0;
}
