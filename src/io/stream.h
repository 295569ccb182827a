/* Compressed bytes: files that may be gzipped, memory, and raw deflate streams. */
#ifndef BGI_STREAM_H
#define BGI_STREAM_H

#include "io/file.h"

typedef struct {
    void *file;
    const char *caller, *path; /* the caller's, for messages */
    bgi_opened opened;
    bool is_compressed;
    uint64_t offset; /* of the next byte, after decompression */
} bgi_stream;

/* Whether a file is compressed shows in its first bytes, not in its name. */
bg_status bgi_stream_open(bgi_stream *stream, const char *caller, const char *path);
/* Reads `wanted` bytes; fewer only at the end of the file. BG_ERR_FORMAT if compressed data are damaged or cut off. */
bg_status bgi_stream_read(bgi_stream *stream, void *bytes, size_t wanted, size_t *got);
/* To an offset; of what is compressed, backwards is from the start again. BG_ERR_IO of a pipe. */
bg_status bgi_stream_seek(bgi_stream *stream, uint64_t offset);
void bgi_stream_close(bgi_stream *stream);

/* Decompresses a zlib stream that holds exactly `count` bytes. */
bg_status bgi_inflate(void *bytes, size_t count, const unsigned char *compressed, size_t compressed_count);

/* CRC-32 as in ZIP, of bytes behind those of `crc`; that of none is 0. */
uint32_t bgi_crc32(uint32_t crc, const void *bytes, size_t count);

/* A raw deflate stream in one direction, whose memory is the engine's. */
typedef struct bgi_deflate bgi_deflate;
typedef enum {
    BGI_DEFLATE_GOES_ON,
    BGI_DEFLATE_HAS_ENDED,
    BGI_DEFLATE_IS_DAMAGED,
    BGI_DEFLATE_LACKS_MEMORY
} bgi_deflate_state;

/* NULL when memory is out. */
bgi_deflate *bgi_deflate_create(bg_engine *engine, bool compresses);
void bgi_deflate_destroy(bgi_deflate *stream);
/* Takes from *input and fills *output, as far as both reach, and moves them on. is_last: no input will follow, which
 * only compression needs to know. */
bgi_deflate_state bgi_deflate_run(bgi_deflate *stream, const unsigned char **input, size_t *input_bytes,
                                  unsigned char **output, size_t *output_bytes, bool is_last);

#endif
