/* Bytes through zlib. */
#include "data/stream.h"

#include <blasgrad/graph.h>

#include <errno.h>
#include <string.h>
#include <zlib.h>

static bg_status fail(const bgi_stream *stream, int code, int error)
{
    const char *path = bgi_path_text(stream->path);
    unsigned long long offset = (unsigned long long)stream->offset;
    if (code == Z_ERRNO)
        return bg_fail(BG_ERR_IO, "%s: %s: cannot read at offset %llu: %s", stream->caller, path, offset,
                       bgi_errno_text(error));
    if (code == Z_MEM_ERROR)
        return bg_fail(BG_ERR_NOMEM, "%s: %s: out of memory for decompression", stream->caller, path);
    return bg_fail(BG_ERR_FORMAT, "%s: %s: the compressed data are %s, after %llu bytes of content", stream->caller,
                   path, code == Z_BUF_ERROR ? "cut off" : "damaged", offset);
}

bg_status bgi_stream_open(bgi_stream *stream, const char *caller, const char *path)
{
    enum { BUFFER = 1 << 15 };
    *stream = (bgi_stream){ .caller = caller, .path = path };
    bg_status status = bgi_file_open(&stream->opened, caller, path);
    if (status)
        return status;
    gzFile file = gzdopen(stream->opened.descriptor, "rb");
    if (!file) {
        bgi_file_close(stream->opened.descriptor);
        return fail(stream, Z_MEM_ERROR, 0);
    }
    (void)gzbuffer(file, BUFFER);
    errno = 0;
    stream->file = file;
    stream->is_compressed = !gzdirect(file);
    int error = errno, code;
    (void)gzerror(file, &code);
    if (code != Z_OK && code != Z_BUF_ERROR) {
        status = fail(stream, code, error);
        bgi_stream_close(stream);
    }
    return status;
}

bg_status bgi_stream_read(bgi_stream *stream, void *bytes, size_t wanted, size_t *got)
{
    enum { CALL_BYTES = 1 << 30 }; /* gzread takes an unsigned int and returns an int */
    *got = 0;
    while (*got < wanted) {
        size_t piece = wanted - *got < CALL_BYTES ? wanted - *got : CALL_BYTES;
        errno = 0;
        int count = gzread(stream->file, (unsigned char *)bytes + *got, (unsigned)piece);
        int error = errno, code;
        if (count > 0) {
            *got += (size_t)count;
            stream->offset += (uint64_t)count;
        }
        if (count == (int)piece)
            continue;
        (void)gzerror(stream->file, &code);
        return code == Z_OK ? BG_OK : fail(stream, code, error);
    }
    return BG_OK;
}

bg_status bgi_stream_rewind(bgi_stream *stream)
{
    stream->offset = 0;
    return gzrewind(stream->file) ? fail(stream, Z_ERRNO, errno) : BG_OK;
}

void bgi_stream_close(bgi_stream *stream)
{
    (void)gzclose_r(stream->file);
    stream->file = NULL;
}

bg_status bgi_inflate(void *bytes, size_t count, const unsigned char *compressed, size_t compressed_count)
{
    uLongf length = count;
    int code = uncompress(bytes, &length, compressed, compressed_count);
    if (code == Z_MEM_ERROR)
        return bg_fail(BG_ERR_NOMEM, "out of memory for decompression");
    if (code != Z_OK || length != count)
        return bg_fail(BG_ERR_FORMAT, "the compressed data are damaged");
    return BG_OK;
}
