#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { LIMIT = 1 << 20 };
    bg_engine *engine = fuzz_begin();
    const char *path = fuzz_file(FUZZ_ROOT "input", data, size);
    bg_archive *archive;
    bg_status status = bg_npz_load(&archive, engine, path, &(bg_npz_options){ .limit = LIMIT });
    fuzz_result(status, archive, "npz_load: ");
    /* Contents, stored or compressed, of which i1 becomes i32; a member takes some 150 bytes of the file at least, and
     * its entry, name and tensor some 500 of memory. A column-major array stands aside as it was compressed. */
    size_t inflated = 1032 * size < LIMIT ? 1032 * size : LIMIT;
    fuzz_memory(4 * (size + inflated) + 4 * size, inflated);
    for (size_t i = 0; i < bg_archive_count(archive); i++)
        fuzz_check(bg_archive_find(archive, bg_archive_name(archive, i)) == bg_archive_tensor(archive, i));
    bg_archive_destroy(archive);
    fuzz_end();
    return 0;
}
