/* IDX: two zero bytes, element type, rank, then extents and elements, big-endian. */
#define _POSIX_C_SOURCE 200809L /* F_DUPFD_CLOEXEC */
#include "data/idx.h"

#include "io/bytes.h"
#include "io/stream.h"

#include <blasgrad/graph.h>

#include "tensor/tensor.h"

#include <errno.h>
#include <fcntl.h>

static const char caller[] = "read_idx";

enum { MAX_RANK = 4 };

typedef struct {
    int code;
    size_t size; /* of an element in the file */
    bg_dtype dtype;
} element_type;

static const element_type types[] = {
    { 0x08, 1, BG_U8 },  { 0x09, 1, BG_I32 }, { 0x0B, 2, BG_I32 },
    { 0x0C, 4, BG_I32 }, { 0x0D, 4, BG_F32 }, { 0x0E, 8, BG_F64 },
};
enum { TYPES = sizeof types / sizeof *types };

typedef struct {
    const element_type *type;
    bg_shape shape;
    uint64_t start, bytes; /* of the elements */
} layout;

#define FAIL(s, format, ...) bg_fail(BG_ERR_FORMAT, "%s: %s: " format, caller, bgi_path_text((s)->path), __VA_ARGS__)

static bg_status read_exactly(bgi_stream *stream, void *bytes, size_t count)
{
    size_t got;
    bg_status status = bgi_stream_read(stream, bytes, count, &got);
    if (!status && got < count)
        return FAIL(stream, "offset %llu: the file ends here, %zu bytes too early", (unsigned long long)stream->offset,
                    count - got);
    return status;
}

static bg_status read_layout(bgi_stream *stream, layout *l)
{
    unsigned char magic[4], extents[4 * MAX_RANK];
    bg_status status = read_exactly(stream, magic, sizeof magic);
    if (status)
        return status;
    if (magic[0] || magic[1])
        return FAIL(stream, "offset 0: an IDX file begins with 00 00, this one with %02x %02x", magic[0], magic[1]);
    int i = 0;
    while (i < TYPES && types[i].code != magic[2])
        i++;
    if (i == TYPES)
        return FAIL(stream, "offset 2: element type %02x; there are 08 09 0b 0c 0d 0e", magic[2]);
    l->type = &types[i];
    if (magic[3] < 1 || magic[3] > MAX_RANK)
        return FAIL(stream, "offset 3: rank %d; supported are 1 to %d", magic[3], MAX_RANK);
    l->shape.rank = magic[3];
    l->start = 4 + 4 * (uint64_t)magic[3];
    status = read_exactly(stream, extents, 4 * (size_t)magic[3]);
    uint64_t bytes = bg_dtype_size(l->type->dtype);
    for (int axis = 0; axis < l->shape.rank && !status; axis++) {
        const unsigned char *c = extents + 4 * axis;
        uint32_t extent = (uint32_t)c[0] << 24 | (uint32_t)c[1] << 16 | (uint32_t)c[2] << 8 | c[3];
        l->shape.dims[axis] = extent;
        /* No file can hold 2^62 bytes; a later extent of 0 would not make such a shape a sensible one. */
        if (__builtin_mul_overflow(bytes, extent ? extent : 1, &bytes) || bytes > (uint64_t)1 << 62)
            return FAIL(stream, "offset %d: the extents announce more than 2^62 bytes", 4 + 4 * axis);
    }
    l->bytes = bytes / bg_dtype_size(l->type->dtype) * l->type->size;
    for (int axis = 0; axis < l->shape.rank; axis++)
        if (l->shape.dims[axis] == 0)
            l->bytes = 0;
    return status;
}

/* Checks, before memory is asked for, that the file holds exactly the elements. A compressed file is read through for
 * that. */
static bg_status check_length(bgi_stream *stream, const layout *l)
{
    uint64_t held = stream->opened.bytes - stream->offset;
    bg_status status = BG_OK;
    if (stream->is_compressed) {
        unsigned char skipped[4096];
        size_t got = sizeof skipped;
        while (got == sizeof skipped && stream->offset - l->start <= l->bytes)
            status = bgi_stream_read(stream, skipped, sizeof skipped, &got);
        if (status)
            return status;
        held = stream->offset - l->start;
    }
    if (held != l->bytes)
        return FAIL(stream, "offset %llu: %s has %llu bytes of elements, the file %s %llu",
                    (unsigned long long)l->start, bgi_shape_format(l->shape).text, (unsigned long long)l->bytes,
                    stream->is_compressed && held > l->bytes ? "at least" : "has", (unsigned long long)held);
    if (!stream->is_compressed)
        return BG_OK;
    status = bgi_stream_seek(stream, 0);
    unsigned char header[4 + 4 * MAX_RANK];
    return status ? status : read_exactly(stream, header, (size_t)l->start);
}

/* Reads i8 or i16 as i32, in pieces. */
static bg_status read_widened(bgi_stream *stream, const layout *l, int32_t *values)
{
    unsigned char piece[4096];
    for (uint64_t done = 0; done < l->bytes;) {
        size_t count = l->bytes - done < sizeof piece ? (size_t)(l->bytes - done) : sizeof piece;
        bg_status status = read_exactly(stream, piece, count);
        if (status)
            return status;
        for (size_t i = 0; i < count; i += l->type->size) {
            int value = l->type->size == 1 ? piece[i] : piece[i] << 8 | piece[i + 1];
            int sign = l->type->size == 1 ? 1 << 7 : 1 << 15;
            *values++ = (value ^ sign) - sign;
        }
        done += count;
    }
    return BG_OK;
}

static bg_status read_tensor(bgi_stream *stream, bg_engine *engine, bg_tensor **tensor)
{
    layout l = { 0 };
    bg_status status = read_layout(stream, &l);
    if (!status)
        status = check_length(stream, &l);
    if (!status)
        status = bg_tensor_create(tensor, engine, l.type->dtype, l.shape);
    if (status)
        return status;
    void *data = bg_tensor_data(*tensor);
    if (l.type->size < bg_dtype_size(l.type->dtype))
        return read_widened(stream, &l, data);
    status = read_exactly(stream, data, (size_t)l.bytes);
    if (!status && !BGI_IS_BIG_ENDIAN)
        bgi_bytes_reverse(data, (size_t)l.bytes / l.type->size, l.type->size);
    return status;
}

/* Opens a regular file. */
static bg_status open_stream(bgi_stream *stream, bg_engine *engine, const char *path)
{
    bg_status status = bgi_engine_check(engine, caller);
    if (!status)
        status = bgi_stream_open(stream, caller, path);
    if (status || stream->opened.is_regular)
        return status;
    bgi_stream_close(stream);
    return bg_fail(BG_ERR_IO, "%s: %s: not a regular file", caller, bgi_path_text(path));
}

bg_status bg_data_read_idx(bg_tensor **tensor, bg_engine *engine, const char *path)
{
    if (tensor)
        *tensor = NULL;
    if (!tensor || !path)
        return bg_fail(BG_ERR_ARGUMENT, "%s: %s is NULL", caller, tensor ? "path" : "tensor");
    bgi_stream stream;
    bg_status status = open_stream(&stream, engine, path);
    if (status)
        return status;
    status = read_tensor(&stream, engine, tensor);
    bgi_stream_close(&stream);
    if (status) {
        bg_tensor_destroy(*tensor);
        *tensor = NULL;
    }
    return status;
}

/* ---- Elements that stay in the file ---- */

static bg_status open_elements(bgi_idx_file *file, bgi_stream *stream)
{
    layout l = { 0 };
    if (stream->is_compressed)
        return bg_fail(BG_ERR_ARGUMENT,
                       "%s: %s: compressed, so that no example lies in one place; streamed are files as gunzip leaves "
                       "them",
                       caller, bgi_path_text(stream->path));
    bg_status status = read_layout(stream, &l);
    if (!status)
        status = check_length(stream, &l);
    if (status)
        return status;
    *file = (bgi_idx_file){ .dtype = l.type->dtype, .shape = l.shape, .start = l.start };
    /* Closing the stream closes the one that it has. */
    file->descriptor = fcntl(stream->opened.descriptor, F_DUPFD_CLOEXEC, 0);
    int error = errno;
    return file->descriptor >= 0 ? BG_OK
                                 : bg_fail(BG_ERR_IO, "%s: %s: cannot open: %s", caller, bgi_path_text(stream->path),
                                           bgi_errno_text(error));
}

bg_status bgi_idx_open(bgi_idx_file *file, bg_engine *engine, const char *path)
{
    bgi_stream stream;
    bg_status status = open_stream(&stream, engine, path);
    if (status)
        return status;
    status = open_elements(file, &stream);
    bgi_stream_close(&stream);
    return status;
}
