#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bg_engine *engine = fuzz_begin();
    bg_archive *archive;
    bg_status status = bg_archive_load(&archive, engine, fuzz_file(FUZZ_ROOT "input", data, size));
    fuzz_result(status, archive, "archive_load: ");
    /* The data, and of the header's JSON 32 bytes for each, tensors and names among them. */
    size_t header = 0;
    for (int i = 7; i >= 0 && size >= 8; i--)
        header = header << 8 | data[i];
    header = size < 8 || header > size - 8 ? 0 : header;
    fuzz_memory(size + 32 * header, 32 * header);
    for (size_t i = 0; i < bg_archive_count(archive); i++)
        fuzz_check(bg_archive_name(archive, i) && bg_archive_tensor(archive, i));
    for (size_t i = 0; i < bg_archive_text_count(archive); i++)
        fuzz_check(bg_archive_text(archive, bg_archive_text_key(archive, i)) != NULL);
    bg_archive_destroy(archive);
    fuzz_end();
    return 0;
}
