/* Writing NPZ: each array behind a header, whose sizes and checksum are filled in when they are known, and the
 * directory. */
#include "io/archive.h"
#include "io/bytes.h"
#include "io/file.h"
#include "io/npy.h"
#include "io/stream.h"
#include "io/zip.h"

#include <blasgrad/graph.h>

#include "tensor/tensor.h"

#include <assert.h>
#include <string.h>

static const char caller[] = "npz_save";

enum { OUTPUT = 1 << 16, PIECE = 1 << 18 }; /* a piece is added to the checksum while it is in the cache */
static const uint64_t FULL32 = 0xFFFFFFFF;

typedef struct {
    bgi_zip_member member;
    bool is_large; /* its sizes need 64 bits, also if it should grow by compression */
} record;

typedef struct {
    const bg_archive *archive;
    bgi_new_file file;
    uint64_t at; /* the end of what was written */
    record *records;
    bgi_deflate *stream; /* of the array being written; NULL where it is stored */
    unsigned char *output;
} writer;

static bg_status write_bytes(writer *w, const void *data, size_t bytes)
{
    w->at += bytes;
    return bgi_new_file_write(&w->file, data, bytes);
}

static bg_status write_name(writer *w, const bgi_zip_member *m)
{
    bg_status status = write_bytes(w, m->name, m->name_bytes - 4U);
    return status ? status : write_bytes(w, ".npy", 4);
}

/* ---- Arrays ---- */

static bg_status deflate_all(writer *w, const unsigned char *data, size_t bytes, bool is_last)
{
    bgi_deflate_state state = BGI_DEFLATE_GOES_ON;
    while (bytes > 0 || (is_last && state != BGI_DEFLATE_HAS_ENDED)) {
        unsigned char *next = w->output;
        size_t room = OUTPUT;
        state = bgi_deflate_run(w->stream, &data, &bytes, &next, &room, is_last);
        /* All memory was taken when the stream was made, and nothing else can go wrong. */
        assert(state == BGI_DEFLATE_GOES_ON || state == BGI_DEFLATE_HAS_ENDED);
        bg_status status = write_bytes(w, w->output, OUTPUT - room);
        if (status)
            return status;
    }
    return BG_OK;
}

static bg_status write_contents(writer *w, bgi_zip_member *m, const void *data, size_t bytes, bool is_last)
{
    size_t done = 0;
    bg_status status = BG_OK;
    do {
        size_t n = bytes - done < PIECE ? bytes - done : PIECE;
        const unsigned char *piece = (const unsigned char *)data + done;
        m->crc = bgi_crc32(m->crc, piece, n);
        done += n;
        status = w->stream ? deflate_all(w, piece, n, is_last && done == bytes) : write_bytes(w, piece, n);
    } while (done < bytes && !status);
    return status;
}

static bg_status write_array(writer *w, bgi_zip_member *m, const bg_tensor *tensor)
{
    char head[BGI_NPY_HEAD];
    void *copy = NULL;
    size_t head_bytes = bgi_npy_head(head, tensor), bytes = (size_t)m->bytes - head_bytes;
    const void *data = bytes ? bgi_bytes_of(tensor, bytes, &copy) : head;
    bg_status status = data ? write_contents(w, m, head, head_bytes, bytes == 0) : BG_ERR_NOMEM;
    if (!status && bytes)
        status = write_contents(w, m, data, bytes, true);
    bgi_free(w->archive->engine, copy, bytes);
    return status;
}

/* The numbers that a local header and an entry of the directory begin with alike, from the version on. */
static unsigned char *put_common(unsigned char *c, const record *r, bool needs_64)
{
    enum { VERSION = 20, VERSION_64 = 45, MIDNIGHT = 0, FIRST_OF_1980 = 0x21 };
    const bgi_zip_member *m = &r->member;
    c = bgi_zip_put(c, 2, needs_64 ? VERSION_64 : VERSION);
    c = bgi_zip_put(c, 2, m->flags);
    c = bgi_zip_put(c, 2, m->method);
    c = bgi_zip_put(c, 2, MIDNIGHT);
    c = bgi_zip_put(c, 2, FIRST_OF_1980);
    c = bgi_zip_put(c, 4, m->crc);
    c = bgi_zip_put(c, 4, r->is_large ? FULL32 : m->compressed);
    c = bgi_zip_put(c, 4, r->is_large ? FULL32 : m->bytes);
    return bgi_zip_put(c, 2, m->name_bytes);
}

/* The local header, without the name, and the extra field behind the name. */
enum { EXTRA = 4 + 16 };
static void put_local(unsigned char header[BGI_ZIP_LOCAL_BYTES], unsigned char extra[EXTRA], const record *r)
{
    unsigned char *c = bgi_zip_put(header, 4, BGI_ZIP_LOCAL);
    c = put_common(c, r, r->is_large);
    (void)bgi_zip_put(c, 2, r->is_large ? EXTRA : 0);
    c = bgi_zip_put(extra, 2, BGI_ZIP_EXTRA64);
    c = bgi_zip_put(c, 2, EXTRA - 4);
    c = bgi_zip_put(c, 8, r->member.bytes);
    (void)bgi_zip_put(c, 8, r->member.compressed);
}

static bg_status write_local(writer *w, record *r, bool is_again)
{
    unsigned char header[BGI_ZIP_LOCAL_BYTES], extra[EXTRA];
    bgi_zip_member *m = &r->member;
    put_local(header, extra, r);
    if (!is_again) {
        bg_status status = write_bytes(w, header, sizeof header);
        if (!status)
            status = write_name(w, m);
        return status || !r->is_large ? status : write_bytes(w, extra, EXTRA);
    }
    bg_status status = bgi_new_file_write_over(&w->file, m->header, header, sizeof header);
    return status || !r->is_large
               ? status
               : bgi_new_file_write_over(&w->file, m->header + sizeof header + m->name_bytes, extra, EXTRA);
}

/* Gives a member its name, flags and size. */
static bg_status describe(record *r, const bgi_archive_entry *entry, bool is_deflated)
{
    enum { NAME_LIMIT = 65535 };
    static const uint64_t room_to_grow = (uint64_t)1 << 28;
    char head[BGI_NPY_HEAD];
    const bg_tensor *tensor = entry->tensor;
    size_t name = entry->name_bytes - 1 + 4;
    if (name > NAME_LIMIT)
        return bg_fail(BG_ERR_OVERFLOW, "%s: the name \"%.60s..\" has %zu bytes, at most %d are possible", caller,
                       entry->name, name - 4, NAME_LIMIT - 4);
    bgi_zip_member *m = &r->member;
    m->name = entry->name;
    m->name_bytes = (uint16_t)name;
    for (const char *c = entry->name; *c; c++)
        if ((unsigned char)*c >= 0x80)
            m->flags = BGI_ZIP_IS_UTF8;
    m->method = is_deflated ? BGI_ZIP_DEFLATED : BGI_ZIP_STORED;
    m->bytes = bgi_npy_head(head, tensor) + (uint64_t)bg_shape_count(tensor->shape) * bg_dtype_size(tensor->dtype);
    r->is_large = m->bytes > FULL32 - room_to_grow;
    return BG_OK;
}

static bg_status write_member(writer *w, record *r, const bg_tensor *tensor)
{
    bgi_zip_member *m = &r->member;
    m->header = w->at;
    bg_status status = write_local(w, r, false);
    uint64_t start = w->at;
    if (!status && m->method == BGI_ZIP_DEFLATED) {
        w->stream = bgi_deflate_create(w->archive->engine, true);
        status = w->stream ? BG_OK : BG_ERR_NOMEM;
    }
    if (!status)
        status = write_array(w, m, tensor);
    bgi_deflate_destroy(w->stream);
    w->stream = NULL;
    m->compressed = w->at - start;
    return status ? status : write_local(w, r, true);
}

/* ---- The directory ---- */

static bg_status write_entry(writer *w, const record *r)
{
    unsigned char entry[BGI_ZIP_ENTRY_BYTES], extra[4 + 24], *c, *e = extra + 4;
    const bgi_zip_member *m = &r->member;
    bool is_far = m->header >= FULL32;
    if (r->is_large)
        e = bgi_zip_put(bgi_zip_put(e, 8, m->bytes), 8, m->compressed);
    if (is_far)
        e = bgi_zip_put(e, 8, m->header);
    size_t extra_bytes = r->is_large || is_far ? (size_t)(e - extra) : 0;
    (void)bgi_zip_put(bgi_zip_put(extra, 2, BGI_ZIP_EXTRA64), 2, (uint64_t)(e - extra) - 4);
    memset(entry, 0, sizeof entry); /* no comment, no attributes */
    c = bgi_zip_put(entry, 4, BGI_ZIP_ENTRY);
    c = bgi_zip_put(c, 2, is_far || r->is_large ? 45 : 20); /* made by version */
    c = put_common(c, r, r->is_large || is_far);
    (void)bgi_zip_put(c, 2, extra_bytes);
    (void)bgi_zip_put(entry + 42, 4, is_far ? FULL32 : m->header);
    bg_status status = write_bytes(w, entry, sizeof entry);
    if (!status)
        status = write_name(w, m);
    return status ? status : write_bytes(w, extra, extra_bytes);
}

/* The records of ZIP64 are there only if a number needs them. */
static bg_status write_end(writer *w, uint64_t start)
{
    enum { FULL16 = 0xFFFF };
    unsigned char end[BGI_ZIP_END64_BYTES + BGI_ZIP_LOCATOR64_BYTES + BGI_ZIP_END_BYTES] = { 0 }, *c = end;
    uint64_t count = (uint64_t)w->archive->count, bytes = w->at - start;
    bool needs_64 = count >= FULL16 || w->at >= FULL32;
    if (needs_64) {
        c = bgi_zip_put(c, 4, BGI_ZIP_END64);
        c = bgi_zip_put(c, 8, BGI_ZIP_END64_BYTES - 12);
        c = bgi_zip_put(bgi_zip_put(c, 2, 45), 2, 45); /* made by and needed version */
        c = bgi_zip_put(c, 8, 0);                      /* disks */
        c = bgi_zip_put(bgi_zip_put(c, 8, count), 8, count);
        c = bgi_zip_put(bgi_zip_put(c, 8, bytes), 8, start);
        c = bgi_zip_put(c, 4, BGI_ZIP_LOCATOR64);
        c = bgi_zip_put(bgi_zip_put(c, 4, 0), 8, w->at);
        c = bgi_zip_put(c, 4, 1);
    }
    c = bgi_zip_put(c, 4, BGI_ZIP_END);
    c = bgi_zip_put(c, 4, 0);
    uint64_t count_16 = count < FULL16 ? count : FULL16;
    c = bgi_zip_put(bgi_zip_put(c, 2, count_16), 2, count_16);
    c = bgi_zip_put(c, 4, needs_64 ? FULL32 : bytes);
    c = bgi_zip_put(c, 4, start < FULL32 ? start : FULL32);
    c = bgi_zip_put(c, 2, 0);
    return write_bytes(w, end, (size_t)(c - end));
}

static bg_status write_all(writer *w)
{
    bg_status status = BG_OK;
    int count = w->archive->count;
    for (int i = 0; i < count && !status; i++)
        status = write_member(w, &w->records[i], w->archive->entries[i].tensor);
    uint64_t start = w->at;
    for (int i = 0; i < count && !status; i++)
        status = write_entry(w, &w->records[i]);
    return status ? status : write_end(w, start);
}

static bg_status write_file(writer *w, const char *path, bool is_deflated)
{
    bg_status status = BG_OK;
    for (int i = 0; i < w->archive->count && !status; i++)
        status = describe(&w->records[i], &w->archive->entries[i], is_deflated);
    if (!status)
        status = bgi_new_file_begin(&w->file, w->archive->engine, caller, path);
    if (status)
        return status;
    status = write_all(w);
    if (status)
        bgi_new_file_discard(&w->file);
    return status ? status : bgi_new_file_commit(&w->file);
}

bg_status bg_npz_save(const bg_archive *archive, const char *path, const bg_npz_options *options)
{
    if (!archive || !path)
        return bg_fail(BG_ERR_ARGUMENT, "%s: %s is NULL", caller, archive ? "path" : "archive");
    bg_status status = bgi_engine_check(archive->engine, caller);
    if (status)
        return status;
    if (archive->text_count > 0)
        return bg_fail(BG_ERR_ARGUMENT, "%s: the archive holds texts, as \"%.100s\", for which NPZ has no place",
                       caller, archive->texts[0].key);
    bool is_deflated = options && options->with_deflate;
    writer w = { .archive = archive };
    size_t bytes = (size_t)archive->count * sizeof *w.records;
    w.records = bgi_alloc_zero(archive->engine, bytes);
    w.output = is_deflated ? bgi_alloc(archive->engine, OUTPUT) : NULL;
    status = w.records && (w.output || !is_deflated) ? write_file(&w, path, is_deflated) : BG_ERR_NOMEM;
    bgi_free(archive->engine, w.output, OUTPUT);
    bgi_free(archive->engine, w.records, bytes);
    return status;
}
