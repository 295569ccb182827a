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

/* Reads one array from a file of NumPy, NPY of version 1 to 3, either byte order, row- or column-major, as a new tensor
 * in row-major order. f4 f8 i4 i8 u1 and bool become f32 f64 i32 i64 u8 and bool; f2 becomes f32, i1 i2 u2 become i32,
 * u4 and u8 (8 bytes) i64. BG_ERR_FORMAT names file, offset or element, and reason: another dtype or rank, a header
 * that is not what NumPy writes, more or fewer bytes than the shape has, a number that does not fit i64. */
BG_API bg_status bg_npy_load(bg_tensor **tensor, bg_engine *engine, const char *path);
/* Writes a tensor as NPY, whole or not at all as bg_archive_save does. */
BG_API bg_status bg_npy_save(const bg_tensor *tensor, const char *path);

typedef struct {
    bool with_deflate; /* save: compressed, as numpy.savez_compressed does; load takes both */
    /* load: the most bytes that compressed arrays may have together, so that a small file cannot ask for all memory;
     * default: 1 GiB, or 100 times the file if that is more. They count as NPY has them: a type that becomes a wider
     * one, as i1 becomes i32, takes up to four times as much memory */
    uint64_t limit;
} bg_npz_options;

/* Reads a file of named arrays, NPZ, in the order of its directory: a ZIP archive of NPY files, stored or deflated,
 * also beyond 4 GiB (ZIP64). A member's name without .npy is the tensor's; it is never a path. BG_ERR_FORMAT names
 * file, member and reason: members that are no arrays, encrypted, twice there, or not just what the directory says; a
 * checksum (CRC-32) that does not hold; bytes that belong to nothing. options may be NULL. */
BG_API bg_status bg_npz_load(bg_archive **archive, bg_engine *engine, const char *path, const bg_npz_options *options);
/* Writes the tensors of an archive as NPZ, whole or not at all. BG_ERR_ARGUMENT if it holds texts, for which NPZ has no
 * place. options may be NULL. */
BG_API bg_status bg_npz_save(const bg_archive *archive, const char *path, const bg_npz_options *options);

/* Writes a file as bg_archive_save does: whole, or not at all. */
BG_API bg_status bg_file_write(bg_engine *engine, const char *path, const void *data, size_t bytes);
/* XXH3 with 64 bits, the hash by which bg_archive_save checks data. data may be NULL if there are no bytes. */
BG_API uint64_t bg_bytes_hash(const void *data, size_t bytes);

#ifdef __cplusplus
}
#endif
#endif
