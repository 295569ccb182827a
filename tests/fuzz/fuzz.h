/* What the fuzz targets share: files that lie in memory, an engine whose memory is counted, and the bound on it.
 *
 * A target is LLVMFuzzerTestOneInput of one format: fuzz_begin, fuzz_file, reading, fuzz_result and fuzz_memory, what
 * can be said of the result, fuzz_end. sh tests/fuzz/run.sh FORMAT builds it with libFuzzer and runs it.
 * tests/test_corpus.c runs all of them over the frozen corpus, tests/corpus/FORMAT, and over damaged copies of it. */
#ifndef BLASGRAD_TESTS_FUZZ_H
#define BLASGRAD_TESTS_FUZZ_H

#include <blasgrad/data.h>
#include <blasgrad/io.h>

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A finding: says where, and traps, which the fuzzer and the test runner both see. */
#define fuzz_check(condition) fuzz_check_at(condition, #condition, __FILE__, __LINE__)
void fuzz_check_at(bool condition, const char *text, const char *file, int line);

/* ---- Files (files.c) ---- */

/* The begin of the paths of files in memory; no other file is there. Reading them gives less than was asked for now and
 * then, and is interrupted. */
#define FUZZ_ROOT "/fuzz/"
/* Makes a file, until fuzz_end; the bytes are the caller's. Returns the path. */
const char *fuzz_file(const char *path, const uint8_t *data, size_t size);
/* The bytes of all files. */
size_t fuzz_file_bytes(void);
/* Removes all files, each of which must be closed. */
void fuzz_remove_files(void);

/* ---- One execution (fuzz.c) ---- */

/* The engine, made once. It has no block of more than 16 MiB, so that asking for one is a finding or costs nothing. */
bg_engine *fuzz_begin(void);
/* What a reader returned: BG_OK and an object, or an error that begins with `caller` and, unless the options are wrong,
 * names the file. */
void fuzz_result(bg_status status, const void *made, const char *caller);
/* Promise 5 of the readers, right behind fuzz_result: beyond the data that it gave back, no more memory was held than
 * the files' bytes, 64 KiB and `extra`, which is what the promise adds for decompression and JSON. data: the most bytes
 * that the objects of a file so large take, with names and the like. */
void fuzz_memory(size_t data, size_t extra);
/* The elements of a tensor in row-major order, without a look at the engine for each. */
double fuzz_element(const bg_tensor *tensor, const void *data, int64_t i);
/* After the objects were destroyed: nothing is held that was not before. */
void fuzz_end(void);
/* The status that the last execution had. */
bg_status fuzz_status(void);

/* Where an input of two files is cut: a share of 240ths. */
static inline size_t fuzz_cut(uint8_t share, size_t size) { return size * (share < 240 ? share : 240) / 240; }

/* The most that a file holds which may be gzipped, and what decompression adds: deflate's best ratio is 1032. */
static inline bool fuzz_is_gzip(const uint8_t *data, size_t size)
{
    return size >= 2 && data[0] == 0x1F && data[1] == 0x8B;
}
static inline size_t fuzz_content(const uint8_t *data, size_t size)
{
    return fuzz_is_gzip(data, size) ? 1032 * size : size;
}
static inline size_t fuzz_inflated(const uint8_t *data, size_t size)
{
    return fuzz_is_gzip(data, size) ? 1032 * size : 0;
}

#endif
