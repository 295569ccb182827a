#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bg_engine *engine = fuzz_begin();
    bg_tensor *tensor;
    bg_status status = bg_npy_load(&tensor, engine, fuzz_file(FUZZ_ROOT "input", data, size));
    fuzz_result(status, tensor, "npy_load: ");
    fuzz_memory(4 * size, 0); /* i1 becomes i32 */
    if (tensor) {
        bg_shape shape = bg_tensor_shape(tensor);
        fuzz_check(shape.rank >= 0 && shape.rank <= BG_MAX_RANK && bg_tensor_is_contiguous(tensor));
        fuzz_check((size_t)bg_shape_count(shape) * bg_dtype_size(bg_tensor_dtype(tensor)) <= 4 * size);
    }
    bg_tensor_destroy(tensor);
    fuzz_end();
    return 0;
}
