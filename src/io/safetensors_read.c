/* Reading safetensors files into archives. Everything in the file is checked before a tensor is made: the header's
 * form, that each range holds exactly its shape, and that the ranges tile the data without hole, overlap or tail. */
#include "base/hash.h"
#include "io/archive.h"
#include "io/bytes.h"
#include "io/file.h"

#include <blasgrad/graph.h>

#include "tensor/tensor.h"

#include <assert.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static const char caller[] = "archive_load";

typedef struct {
    const char *name; /* in the header's JSON */
    bg_dtype dtype;
    bg_shape shape;
    uint64_t start, end; /* of its bytes, from the first byte after the header */
    int index;           /* in the header */
    bg_tensor *tensor;
} range;

typedef struct {
    bg_engine *engine;
    const char *path;
    int descriptor;
    uint64_t file_bytes, data_start;
    char *header;
    size_t header_bytes;
    json_t *json;
    const char *checksum; /* in the header's JSON; NULL if there is none */
    range *ranges;
    int count;
    range **sorted; /* by their place in the file */
} reader;

#define FAIL(r, format, ...) bg_fail(BG_ERR_FORMAT, "%s: %s: " format, caller, bgi_path_text((r)->path), __VA_ARGS__)

static bg_status read_header(reader *r)
{
    if (r->file_bytes < 8)
        return FAIL(r, "offset 0: a safetensors file begins with 8 bytes of length, this one has %llu bytes in all",
                    (unsigned long long)r->file_bytes);
    unsigned char prefix[8];
    bg_status status = bgi_file_read_at(r->descriptor, caller, r->path, 0, prefix, sizeof prefix);
    if (status)
        return status;
    uint64_t length = 0;
    for (int i = 7; i >= 0; i--)
        length = length << 8 | prefix[i];
    if (length > r->file_bytes - 8)
        return FAIL(r, "offset 0: a header of %llu bytes is announced, but %llu bytes follow",
                    (unsigned long long)length, (unsigned long long)(r->file_bytes - 8));
    if (length > BGI_HEADER_LIMIT)
        return FAIL(r, "offset 0: a header of %llu bytes is announced, at most %d are allowed",
                    (unsigned long long)length, BGI_HEADER_LIMIT);
    r->header_bytes = (size_t)length;
    r->data_start = 8 + length;
    r->header = bgi_alloc(r->engine, r->header_bytes);
    if (!r->header)
        return BG_ERR_NOMEM;
    return bgi_file_read_at(r->descriptor, caller, r->path, 8, r->header, r->header_bytes);
}

/* What a general JSON parser lets pass: other blanks around the header, the number -0, and what takes much more memory
 * than text: deep nesting, and objects and lists that hold next to nothing. A tensor has three of them, in some 50
 * bytes. */
static bg_status scan_header(const reader *r)
{
    enum { DEPTH = 3, BYTES_OF_EACH = 16, FEW = 64 };
    size_t end = r->header_bytes, lists = 0;
    while (end > 0 && r->header[end - 1] == ' ')
        end--;
    if (end == 0 || r->header[0] != '{')
        return FAIL(r, "offset 8: the header does not begin with %s", "\"{\"");
    if (r->header[end - 1] != '}')
        return FAIL(r, "offset %zu: the header does not end with \"}\" and spaces", end + 7);
    int depth = 0;
    bool is_string = false;
    for (size_t i = 0; i < end; i++) {
        char c = r->header[i];
        if (is_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                is_string = false;
        } else if (c == '"') {
            is_string = true;
        } else if (c == '{' || c == '[') {
            if (++depth > DEPTH)
                return FAIL(r, "offset %zu: the header is nested more than %d deep", i + 8, DEPTH);
            if (++lists > FEW + r->header_bytes / BYTES_OF_EACH)
                return FAIL(r, "offset %zu: the header holds more objects and lists than tensors have in %zu bytes",
                            i + 8, r->header_bytes);
        } else if (c == '}' || c == ']') {
            depth--;
        } else if (c == '-') {
            return FAIL(r, "offset %zu: there is a negative number in the header", i + 8);
        }
    }
    return BG_OK;
}

/* Whether jansson lacked memory. It has a text for everything that is wrong with the header itself. A string that it
 * read to its end but could not store it takes for no string, and then says so behind the closing quote. */
static bool is_shortage(const reader *r, const json_error_t *error)
{
    static const char *const no_string[] = { "invalid token", "string or '}' expected" };
    if (json_error_code(error) == json_error_out_of_memory || !error->text[0])
        return true;
    /* The place behind the last byte that was read, of which there is one: the first opens an object. */
    assert(error->position > 0 && (size_t)error->position <= r->header_bytes);
    if (r->header[error->position - 1] != '"')
        return false;
    return !strncmp(error->text, no_string[0], strlen(no_string[0])) ||
           !strncmp(error->text, no_string[1], strlen(no_string[1]));
}

static bg_status parse_header(reader *r)
{
    json_error_t error;
    r->json = json_loadb(r->header, r->header_bytes, JSON_REJECT_DUPLICATES, &error);
    if (!r->json && is_shortage(r, &error))
        return bg_fail(BG_ERR_NOMEM, "%s: %s: out of memory in the header's %zu bytes", caller, bgi_path_text(r->path),
                       r->header_bytes);
    if (!r->json)
        return FAIL(r, "offset %d: the header is not the JSON it should be: %s", error.position + 8, error.text);
    return BG_OK;
}

static bg_status check_metadata(reader *r, const json_t *metadata)
{
    if (!json_is_object(metadata))
        return FAIL(r, "the header's \"%s\" is not an object", BGI_METADATA_KEY);
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)metadata, key, value) if (!json_is_string(value)) return FAIL(
        r, "the header's \"%s\" has a value that is not a string, at \"%.80s\"", BGI_METADATA_KEY, key);
    r->checksum = json_string_value(json_object_get(metadata, BGI_CHECKSUM_KEY));
    if (r->checksum && (strlen(r->checksum) != 16 || strspn(r->checksum, "0123456789abcdef") != 16))
        return FAIL(r, "the checksum \"%.40s\" is not 16 hexadecimal digits", r->checksum);
    return BG_OK;
}

/* Reads an array of whole numbers; count is its length, which may be more than were stored. */
static bool read_numbers(const json_t *array, int64_t *numbers, size_t capacity, size_t *count)
{
    if (!json_is_array(array))
        return false;
    *count = json_array_size(array);
    for (size_t i = 0; i < *count; i++) {
        const json_t *number = json_array_get(array, i);
        if (!json_is_integer(number))
            return false;
        if (i < capacity)
            numbers[i] = json_integer_value(number);
    }
    return true;
}

static bg_status read_range(const reader *r, range *entry, const json_t *value)
{
    const char *name = entry->name;
    const char *dtype = json_string_value(json_object_get(value, "dtype"));
    if (!dtype)
        return FAIL(r, "tensor \"%.100s\" has no dtype", name);
    entry->dtype = bgi_safetensors_dtype(dtype);
    if (entry->dtype == BG_DTYPE_COUNT)
        return FAIL(r, "tensor \"%.100s\" has the dtype %.40s; supported are F32 F64 I32 I64 U8 BOOL", name, dtype);
    size_t rank, n;
    int64_t offsets[2];
    if (!read_numbers(json_object_get(value, "shape"), entry->shape.dims, BG_MAX_RANK, &rank))
        return FAIL(r, "tensor \"%.100s\" has no shape of whole numbers", name);
    if (rank > BG_MAX_RANK)
        return FAIL(r, "tensor \"%.100s\" has rank %zu, at most %d is supported", name, rank, BG_MAX_RANK);
    entry->shape.rank = (int)rank;
    if (!read_numbers(json_object_get(value, "data_offsets"), offsets, 2, &n) || n != 2)
        return FAIL(r, "tensor \"%.100s\" has no data_offsets of two whole numbers", name);
    if (offsets[0] > offsets[1])
        return FAIL(r, "tensor \"%.100s\" has data_offsets [%lld, %lld]", name, (long long)offsets[0],
                    (long long)offsets[1]);
    entry->start = (uint64_t)offsets[0];
    entry->end = (uint64_t)offsets[1];
    int64_t elements;
    size_t bytes;
    if (bgi_shape_check(entry->shape, entry->dtype, caller, &elements, &bytes))
        return FAIL(r, "tensor \"%.100s\" has the shape %s, whose bytes cannot be counted", name,
                    bgi_shape_format(entry->shape).text);
    if (bytes != entry->end - entry->start)
        return FAIL(r, "tensor \"%.100s\" of shape %s needs %zu bytes, its data_offsets [%lld, %lld] hold %llu", name,
                    bgi_shape_format(entry->shape).text, bytes, (long long)offsets[0], (long long)offsets[1],
                    (unsigned long long)(entry->end - entry->start));
    return BG_OK;
}

static int compare_ranges(const void *a, const void *b)
{
    const range *x = *(range *const *)a, *y = *(range *const *)b;
    if (x->start != y->start)
        return x->start < y->start ? -1 : 1;
    if (x->end != y->end)
        return x->end < y->end ? -1 : 1;
    return x->index - y->index;
}

/* The sorted ranges follow each other from 0 to the end of the file. */
static bg_status check_tiling(const reader *r)
{
    uint64_t end = 0, data_bytes = r->file_bytes - r->data_start;
    for (int i = 0; i < r->count; i++) {
        const range *entry = r->sorted[i];
        if (entry->start != end)
            return FAIL(r, "offset %llu: the bytes of tensor \"%.100s\" begin at %llu of the data, not at %llu",
                        (unsigned long long)(r->data_start + end), entry->name, (unsigned long long)entry->start,
                        (unsigned long long)end);
        if (entry->end > data_bytes)
            return FAIL(r, "offset %llu: tensor \"%.100s\" ends at %llu of the data, the file at %llu",
                        (unsigned long long)r->file_bytes, entry->name, (unsigned long long)entry->end,
                        (unsigned long long)data_bytes);
        end = entry->end;
    }
    if (end != data_bytes)
        return FAIL(r, "offset %llu: %llu bytes after the last tensor's belong to none",
                    (unsigned long long)(r->data_start + end), (unsigned long long)(data_bytes - end));
    return BG_OK;
}

static bg_status read_ranges(reader *r)
{
    /* Far fewer than 2^31: the header's length has its limit. */
    r->count = (int)json_object_size(r->json) - (json_object_get(r->json, BGI_METADATA_KEY) ? 1 : 0);
    r->ranges = bgi_alloc_zero(r->engine, (size_t)r->count * sizeof *r->ranges);
    r->sorted = bgi_alloc_zero(r->engine, (size_t)r->count * sizeof *r->sorted);
    if (!r->ranges || !r->sorted)
        return BG_ERR_NOMEM;
    const char *name;
    json_t *value;
    int i = 0;
    json_object_foreach(r->json, name, value)
    {
        bg_status status;
        if (!strcmp(name, BGI_METADATA_KEY)) {
            status = check_metadata(r, value);
        } else {
            r->ranges[i].name = name;
            r->ranges[i].index = i;
            r->sorted[i] = &r->ranges[i];
            status = read_range(r, &r->ranges[i], value);
            i++;
        }
        if (status)
            return status;
    }
    if (r->count > 0)
        qsort(r->sorted, (size_t)r->count, sizeof *r->sorted, compare_ranges);
    return check_tiling(r);
}

static bg_status read_tensor(const reader *r, range *entry, bgi_checksum *checksum)
{
    enum { PIECE = 1 << 20 }; /* added to the checksum while it is in the cache */
    bg_status status = bg_tensor_create(&entry->tensor, r->engine, entry->dtype, entry->shape);
    if (status)
        return status;
    size_t bytes = (size_t)(entry->end - entry->start), size = bg_dtype_size(entry->dtype);
    unsigned char *data = bg_tensor_data(entry->tensor);
    for (size_t done = 0; done < bytes;) {
        size_t piece = bytes - done < PIECE ? bytes - done : PIECE;
        status =
            bgi_file_read_at(r->descriptor, caller, r->path, r->data_start + entry->start + done, data + done, piece);
        if (status)
            return status;
        if (r->checksum)
            bgi_checksum_add(checksum, data + done, piece);
        done += piece;
    }
    for (size_t i = 0; entry->dtype == BG_BOOL && i < bytes; i++)
        if (data[i] > 1)
            return FAIL(r, "offset %llu: tensor \"%.100s\" has the bool %d",
                        (unsigned long long)(r->data_start + entry->start + i), entry->name, data[i]);
    if (BGI_IS_BIG_ENDIAN)
        bgi_bytes_reverse(data, bytes / size, size);
    return BG_OK;
}

static bg_status read_tensors(const reader *r)
{
    bgi_checksum checksum;
    bgi_checksum_start(&checksum);
    for (int i = 0; i < r->count; i++) {
        bg_status status = read_tensor(r, r->sorted[i], &checksum);
        if (status)
            return status;
    }
    bgi_checksum_text sum = bgi_checksum_format(bgi_checksum_value(&checksum));
    if (r->checksum && strcmp(sum.text, r->checksum) != 0)
        return FAIL(r, "offset %llu: the checksum of the data is %s, the header says %s: the file is damaged",
                    (unsigned long long)r->data_start, sum.text, r->checksum);
    return BG_OK;
}

/* Puts tensors, in the header's order, and texts into an archive. */
static bg_status fill(const reader *r, bg_archive *archive)
{
    bg_status status = BG_OK;
    for (int i = 0; i < r->count && !status; i++)
        status = bgi_archive_append(archive, r->ranges[i].name, r->ranges[i].tensor);
    const char *key;
    json_t *value;
    json_object_foreach(json_object_get(r->json, BGI_METADATA_KEY), key,
                        value) if (!status && strcmp(key, BGI_CHECKSUM_KEY) != 0) status =
        bgi_archive_append_text(archive, key, json_string_value(value));
    return status;
}

static bg_status load(reader *r, bg_archive **archive)
{
    bg_status status = read_header(r);
    if (!status)
        status = scan_header(r);
    if (!status)
        status = parse_header(r);
    if (!status)
        status = read_ranges(r);
    if (!status)
        status = read_tensors(r);
    if (!status)
        status = bg_archive_create(archive, r->engine);
    if (!status)
        status = fill(r, *archive);
    return status;
}

bg_status bg_archive_load(bg_archive **archive, bg_engine *engine, const char *path)
{
    if (!archive)
        return bg_fail(BG_ERR_ARGUMENT, "%s: archive is NULL", caller);
    *archive = NULL;
    bg_status status = bgi_engine_check(engine, caller);
    if (status)
        return status;
    bgi_opened opened;
    status = bgi_file_open(&opened, caller, path);
    if (status)
        return status;
    reader r = { .engine = engine, .path = path, .descriptor = opened.descriptor, .file_bytes = opened.bytes };
    bg_archive *made = NULL;
    if (opened.is_regular)
        status = load(&r, &made);
    else
        status = bg_fail(BG_ERR_IO, "%s: %s: not a regular file", caller, bgi_path_text(path));
    for (int i = 0; r.ranges && i < r.count; i++)
        bg_tensor_destroy(r.ranges[i].tensor);
    bgi_free(engine, r.ranges, (size_t)r.count * sizeof *r.ranges);
    bgi_free(engine, r.sorted, (size_t)r.count * sizeof *r.sorted);
    bgi_free(engine, r.header, r.header_bytes);
    json_decref(r.json);
    bgi_file_close(opened.descriptor);
    if (status) {
        bg_archive_destroy(made);
        return status;
    }
    *archive = made;
    return BG_OK;
}
