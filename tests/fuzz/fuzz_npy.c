#define _GNU_SOURCE /* memfd_create */
#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_case *c = fuzz_begin(data, size);
    size_t held = c->memory.held, elements = 0;
    bg_tensor *tensor;
    bg_status status = bg_npy_load(&tensor, c->engine, c->path);
    fuzz_check((status == BG_OK) == (tensor != NULL));
    if (tensor) {
        bg_shape shape = bg_tensor_shape(tensor);
        elements = (size_t)bg_shape_count(shape) * bg_dtype_size(bg_tensor_dtype(tensor));
        fuzz_check(shape.rank >= 0 && shape.rank <= BG_MAX_RANK && bg_tensor_is_contiguous(tensor));
        fuzz_check(elements <= 4 * size);
    } else {
        fuzz_check(status == BG_ERR_FORMAT && strstr(bg_last_error(), "npy_load: ") == bg_last_error());
    }
    bg_tensor_destroy(tensor);
    /* i1 becomes i32; an array that is refused by its elements was there as well. */
    fuzz_end(c, held, 4 * size + size + (1 << 16));
    return 0;
}
