#define _GNU_SOURCE /* memfd_create */
#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { LIMIT = 1 << 20 };
    fuzz_case *c = fuzz_begin(data, size);
    size_t held = c->memory.held;
    bg_archive *archive;
    bg_status status = bg_npz_load(&archive, c->engine, c->path, &(bg_npz_options){ .limit = LIMIT });
    fuzz_check((status == BG_OK) == (archive != NULL));
    for (size_t i = 0; i < bg_archive_count(archive); i++)
        fuzz_check(bg_archive_find(archive, bg_archive_name(archive, i)) == bg_archive_tensor(archive, i));
    if (!archive)
        fuzz_check(status == BG_ERR_FORMAT && strstr(bg_last_error(), "npz_load: ") == bg_last_error());
    bg_archive_destroy(archive);
    /* Contents, stored or compressed, of which i1 becomes i32 and a column-major array stands aside; a member takes
     * some 150 bytes of the file at least, and its entry, name and tensor some 500 of memory. */
    size_t compressed = 1032 * size < LIMIT ? 1032 * size : LIMIT;
    fuzz_end(c, held, 5 * (size + compressed) + 4 * size + (1 << 16));
    return 0;
}
