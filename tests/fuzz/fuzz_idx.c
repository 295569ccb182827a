#define _GNU_SOURCE /* memfd_create */
#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_case *c = fuzz_begin(data, size);
    size_t held = c->memory.held;
    bg_tensor *tensor;
    bg_status status = bg_data_read_idx(&tensor, c->engine, c->path);
    fuzz_check((status == BG_OK) == (tensor != NULL));
    if (tensor) {
        int rank = bg_tensor_shape(tensor).rank;
        fuzz_check(rank >= 1 && rank <= 4);
    } else {
        fuzz_check(status == BG_ERR_FORMAT && strstr(bg_last_error(), "read_idx: ") == bg_last_error());
    }
    bg_tensor_destroy(tensor);
    /* i8 becomes i32. */
    fuzz_end(c, held, 4 * fuzz_content(data, size) + (1 << 16));
    return 0;
}
