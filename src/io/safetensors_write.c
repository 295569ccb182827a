/* Writing archives as safetensors: 8 bytes with the header's length, the header in JSON, the tensors' bytes.
 *
 * The header names tensors in the order of the archive; their bytes lie in the order of falling element size, so that
 * each begins at a multiple of its element size, which some readers need. */
#include "base/hash.h"
#include "io/archive.h"
#include "io/bytes.h"
#include "io/file.h"

#include <blasgrad/graph.h>

#include "tensor/tensor.h"

#include <stdio.h>
#include <string.h>

/* The header as it grows; without memory it only counts. */
typedef struct {
    char *text;
    size_t length;
} header;

static void put_bytes(header *h, const char *bytes, size_t count)
{
    if (h->text)
        memcpy(h->text + h->length, bytes, count);
    h->length += count;
}

static void put(header *h, const char *text) { put_bytes(h, text, strlen(text)); }

static void put_number(header *h, uint64_t number)
{
    char digits[24];
    int length = snprintf(digits, sizeof digits, "%llu", (unsigned long long)number);
    put_bytes(h, digits, (size_t)length);
}

/* A JSON string; the text is UTF-8. */
static void put_string(header *h, const char *text)
{
    put(h, "\"");
    for (const char *c = text; *c; c++) {
        char escaped[8];
        if (*c == '"' || *c == '\\') {
            put_bytes(h, "\\", 1);
            put_bytes(h, c, 1);
        } else if ((unsigned char)*c < 0x20) {
            (void)snprintf(escaped, sizeof escaped, "\\u%04x", (unsigned)*c);
            put(h, escaped);
        } else {
            put_bytes(h, c, 1);
        }
    }
    put(h, "\"");
}

static void put_pair(header *h, const char *key, const char *text)
{
    put_string(h, key);
    put(h, ":");
    put_string(h, text);
}

static size_t tensor_bytes(const bg_tensor *tensor)
{
    return (size_t)bg_shape_count(tensor->shape) * bg_dtype_size(tensor->dtype);
}

static void put_header(header *h, const bg_archive *archive, const uint64_t *offsets, uint64_t checksum)
{
    put(h, "{\"" BGI_METADATA_KEY "\":{");
    for (int i = 0; i < archive->text_count; i++) {
        put_pair(h, archive->texts[i].key, archive->texts[i].text);
        put(h, ",");
    }
    put_pair(h, BGI_CHECKSUM_KEY, bgi_checksum_format(checksum).text);
    put(h, "}");
    for (int i = 0; i < archive->count; i++) {
        const bg_tensor *tensor = archive->entries[i].tensor;
        put(h, ",");
        put_string(h, archive->entries[i].name);
        put(h, ":{\"dtype\":\"");
        put(h, bgi_safetensors_dtype_name(tensor->dtype));
        put(h, "\",\"shape\":[");
        for (int axis = 0; axis < tensor->shape.rank; axis++) {
            put(h, axis ? "," : "");
            put_number(h, (uint64_t)tensor->shape.dims[axis]);
        }
        put(h, "],\"data_offsets\":[");
        put_number(h, offsets[i]);
        put(h, ",");
        put_number(h, offsets[i] + tensor_bytes(tensor));
        put(h, "]}");
    }
    put(h, "}");
    while (h->length % 8)
        put(h, " ");
}

/* Adds every tensor's bytes, in the order of the file, to the checksum, or writes them. */
static bg_status for_all_bytes(const bg_archive *archive, bgi_checksum *checksum, bgi_new_file *file)
{
    for (size_t size = 8; size > 0; size /= 2) {
        for (int i = 0; i < archive->count; i++) {
            const bg_tensor *tensor = archive->entries[i].tensor;
            size_t bytes = tensor_bytes(tensor);
            if (bg_dtype_size(tensor->dtype) != size || bytes == 0)
                continue;
            void *copy;
            const void *data = bgi_bytes_of(tensor, bytes, &copy);
            if (!data)
                return BG_ERR_NOMEM;
            bg_status status = BG_OK;
            if (checksum)
                bgi_checksum_add(checksum, data, bytes);
            else
                status = bgi_new_file_write(file, data, bytes);
            bgi_free(archive->engine, copy, bytes);
            if (status)
                return status;
        }
    }
    return BG_OK;
}

/* Where each tensor's bytes begin. */
static bg_status place(const bg_archive *archive, uint64_t *offsets)
{
    uint64_t end = 0;
    for (size_t size = 8; size > 0; size /= 2) {
        for (int i = 0; i < archive->count; i++) {
            const bg_tensor *tensor = archive->entries[i].tensor;
            if (bg_dtype_size(tensor->dtype) != size)
                continue;
            offsets[i] = end;
            end += tensor_bytes(tensor); /* both below 2^63 */
            if (end > INT64_MAX)
                return bg_fail(BG_ERR_OVERFLOW, "archive_save: the tensors' bytes together do not fit 63 bits");
        }
    }
    return BG_OK;
}

/* Makes the file's first bytes: length and header. */
static bg_status make_head(const bg_archive *archive, const uint64_t *offsets, unsigned char **head, size_t *bytes)
{
    bgi_checksum checksum;
    bgi_checksum_start(&checksum);
    bg_status status = for_all_bytes(archive, &checksum, NULL);
    if (status)
        return status;
    uint64_t value = bgi_checksum_value(&checksum);

    header h = { NULL, 0 };
    put_header(&h, archive, offsets, value);
    if (h.length > BGI_HEADER_LIMIT)
        return bg_fail(BG_ERR_OVERFLOW, "archive_save: the header has %zu bytes, at most %d are allowed", h.length,
                       BGI_HEADER_LIMIT);
    *bytes = h.length + 8;
    *head = bgi_alloc(archive->engine, *bytes);
    if (!*head)
        return BG_ERR_NOMEM;
    uint64_t length = h.length;
    for (int i = 0; i < 8; i++)
        (*head)[i] = (unsigned char)(length >> (8 * i));
    h = (header){ (char *)*head + 8, 0 };
    put_header(&h, archive, offsets, value);
    return BG_OK;
}

static bg_status write_file(const bg_archive *archive, const char *path, const unsigned char *head, size_t bytes)
{
    bgi_new_file file;
    bg_status status = bgi_new_file_begin(&file, archive->engine, "archive_save", path);
    if (status)
        return status;
    status = bgi_new_file_write(&file, head, bytes);
    if (!status)
        status = for_all_bytes(archive, NULL, &file);
    if (status)
        bgi_new_file_discard(&file);
    return status ? status : bgi_new_file_commit(&file);
}

bg_status bg_archive_save(const bg_archive *archive, const char *path)
{
    if (!archive || !path)
        return bg_fail(BG_ERR_ARGUMENT, "archive_save: %s is NULL", archive ? "path" : "archive");
    bg_status status = bgi_engine_check(archive->engine, "archive_save");
    if (status)
        return status;
    size_t offset_bytes = (size_t)archive->count * sizeof(uint64_t), bytes = 0;
    uint64_t *offsets = bgi_alloc(archive->engine, offset_bytes);
    if (!offsets)
        return BG_ERR_NOMEM;
    unsigned char *head = NULL;
    status = place(archive, offsets);
    if (!status)
        status = make_head(archive, offsets, &head, &bytes);
    if (!status)
        status = write_file(archive, path, head, bytes);
    bgi_free(archive->engine, head, bytes);
    bgi_free(archive->engine, offsets, offset_bytes);
    return status;
}
