#define _GNU_SOURCE /* memfd_create */
#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_case *c = fuzz_begin(data, size);
    size_t held = c->memory.held, header = size;
    bg_archive *archive;
    bg_status status = bg_archive_load(&archive, c->engine, c->path);
    fuzz_check((status == BG_OK) == (archive != NULL));
    for (size_t i = 0; i < bg_archive_count(archive); i++)
        fuzz_check(bg_archive_name(archive, i) && bg_archive_tensor(archive, i));
    if (!archive)
        fuzz_check(status == BG_ERR_FORMAT && strstr(bg_last_error(), "archive_load: ") == bg_last_error());
    bg_archive_destroy(archive);
    fuzz_end(c, held, size + 32 * header + (1 << 16));
    return 0;
}
