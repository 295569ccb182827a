/* Bytes of files that may be compressed with gzip, and of compressed memory. */
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
/* Back to offset 0. */
bg_status bgi_stream_rewind(bgi_stream *stream);
void bgi_stream_close(bgi_stream *stream);

/* Decompresses a zlib stream that holds exactly `count` bytes. */
bg_status bgi_inflate(void *bytes, size_t count, const unsigned char *compressed, size_t compressed_count);

#endif
