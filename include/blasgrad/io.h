/* Files of tensors. */
#ifndef BLASGRAD_IO_H
#define BLASGRAD_IO_H

#include <blasgrad/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A list of named tensors with string metadata, as a safetensors file holds it. */
typedef struct bg_archive bg_archive;

BG_API bg_status bg_archive_create(bg_archive **archive, bg_engine *engine);
BG_API void bg_archive_destroy(bg_archive *archive);
/* Adds a tensor (kept, not copied) or a metadata string (copied). BG_ERR_ARGUMENT for a name that is there already, is
 * not UTF-8, or is __metadata__ (the key blasgrad.xxh3). */
BG_API bg_status bg_archive_add(bg_archive *archive, const char *name, bg_tensor *tensor);
BG_API bg_status bg_archive_add_text(bg_archive *archive, const char *key, const char *text);
BG_API size_t bg_archive_count(const bg_archive *archive);
BG_API const char *bg_archive_name(const bg_archive *archive, size_t i);
BG_API bg_tensor *bg_archive_tensor(const bg_archive *archive, size_t i);
/* NULL if there is none. */
BG_API bg_tensor *bg_archive_find(const bg_archive *archive, const char *name);
BG_API const char *bg_archive_text(const bg_archive *archive, const char *key);
/* The metadata strings, in order: how many there are, and their keys. NULL if there is no key i. The checksum of a file
 * is none of them. */
BG_API size_t bg_archive_text_count(const bg_archive *archive);
BG_API const char *bg_archive_text_key(const bg_archive *archive, size_t i);

/* Writes a safetensors file: whole, or not at all (a temporary file .NAME.tmp.ID in the same folder, fsync, rename,
 * fsync of the folder). The metadata gets an XXH3 checksum of the data, blasgrad.xxh3. BG_ERR_IO names file and cause.
 */
BG_API bg_status bg_archive_save(const bg_archive *archive, const char *path);
/* Reads one, from any writer: its tensors in the order of the header, and its metadata. BG_ERR_FORMAT names file,
 * offset or tensor, and reason, also for a dtype that is not ours; a checksum, where there is one, is checked. */
BG_API bg_status bg_archive_load(bg_archive **archive, bg_engine *engine, const char *path);

#ifdef __cplusplus
}
#endif
#endif
