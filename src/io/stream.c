/* Bytes through zlib. */
#include "io/stream.h"

#include <blasgrad/graph.h>

#include <errno.h>
#include <stdio.h> /* SEEK_SET */
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
    enum { BUFFER = 1 << 13 }; /* of input; zlib takes as much again twice, and for itself 39 KiB */
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
    if (code != Z_OK) {
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

bg_status bgi_stream_seek(bgi_stream *stream, uint64_t offset)
{
    errno = 0;
    if (gzseek(stream->file, (z_off_t)offset, SEEK_SET) < 0)
        return fail(stream, Z_ERRNO, errno);
    stream->offset = offset;
    return BG_OK;
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

/* ---- Raw deflate ---- */

uint32_t bgi_crc32(uint32_t crc, const void *bytes, size_t count)
{
    return count ? (uint32_t)crc32_z(crc, bytes, count) : crc; /* NULL would stand for the start */
}

struct bgi_deflate {
    bg_engine *engine;
    z_stream z;
    bool compresses;
};

/* zlib does not say how large the memory is that it gives back: that stands in front of it. */
enum { PREFIX = 64 };

static void *allocate(void *engine, unsigned count, unsigned size)
{
    size_t bytes = (size_t)count * size + PREFIX;
    unsigned char *memory = bgi_alloc(engine, bytes);
    if (!memory)
        return NULL;
    memcpy(memory, &bytes, sizeof bytes);
    return memory + PREFIX;
}

static void release(void *engine, void *memory)
{
    unsigned char *start = (unsigned char *)memory - PREFIX;
    size_t bytes;
    memcpy(&bytes, start, sizeof bytes);
    bgi_free(engine, start, bytes);
}

bgi_deflate *bgi_deflate_create(bg_engine *engine, bool compresses)
{
    enum { RAW = -15, MEMORY_LEVEL = 8 };
    bgi_deflate *stream = bgi_alloc_zero(engine, sizeof *stream);
    if (!stream)
        return NULL;
    *stream = (bgi_deflate){ .engine = engine, .compresses = compresses };
    stream->z = (z_stream){ .zalloc = allocate, .zfree = release, .opaque = engine };
    int code = compresses
                   ? deflateInit2(&stream->z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, RAW, MEMORY_LEVEL, Z_DEFAULT_STRATEGY)
                   : inflateInit2(&stream->z, RAW);
    if (code == Z_OK)
        return stream;
    bgi_free(engine, stream, sizeof *stream);
    return NULL;
}

void bgi_deflate_destroy(bgi_deflate *stream)
{
    if (!stream)
        return;
    (void)(stream->compresses ? deflateEnd(&stream->z) : inflateEnd(&stream->z));
    bgi_free(stream->engine, stream, sizeof *stream);
}

bgi_deflate_state bgi_deflate_run(bgi_deflate *stream, const unsigned char **input, size_t *input_bytes,
                                  unsigned char **output, size_t *output_bytes, bool is_last)
{
    enum { CALL_BYTES = 1 << 30 };
    z_stream *z = &stream->z;
    unsigned in = (unsigned)(*input_bytes < CALL_BYTES ? *input_bytes : CALL_BYTES);
    unsigned out = (unsigned)(*output_bytes < CALL_BYTES ? *output_bytes : CALL_BYTES);
    z->next_in = (unsigned char *)(uintptr_t)*input; /* zlib does not write there */
    z->avail_in = in;
    z->next_out = *output;
    z->avail_out = out;
    bool finishes = is_last && in == *input_bytes;
    int code = stream->compresses ? deflate(z, finishes ? Z_FINISH : Z_NO_FLUSH) : inflate(z, Z_NO_FLUSH);
    *input += in - z->avail_in;
    *input_bytes -= in - z->avail_in;
    *output += out - z->avail_out;
    *output_bytes -= out - z->avail_out;
    switch (code) {
    case Z_STREAM_END:
        return BGI_DEFLATE_HAS_ENDED;
    case Z_OK:
    case Z_BUF_ERROR: /* nothing could be done: not enough of input or output */
        return BGI_DEFLATE_GOES_ON;
    case Z_MEM_ERROR:
        return BGI_DEFLATE_LACKS_MEMORY;
    default:
        return BGI_DEFLATE_IS_DAMAGED;
    }
}
