/* The directory of ZIP archives. */
#include "io/zip.h"

#include "base/utf8.h"
#include "io/file.h"

#include <blasgrad/graph.h>

#include <stdlib.h>
#include <string.h>

#define FAIL BGI_ZIP_FAIL

enum { FULL16 = 0xFFFF };
static const uint64_t FULL32 = 0xFFFFFFFF;

static bg_status read_at(const bgi_zip *zip, uint64_t offset, void *data, size_t bytes)
{
    return bgi_file_read_at(zip->descriptor, zip->caller, zip->path, offset, data, bytes);
}

/* ---- The end of the file ---- */

/* Where the directory is, by one of the two records of the end. */
typedef struct {
    uint64_t this_disk, first_disk, here, count, bytes, start;
} ending;

/* A field of the old record has the number of the new one, or is full. */
static bool agrees(uint64_t old, uint64_t new, int bytes)
{
    return old == new || old == (bytes == 2 ? FULL16 : FULL32);
}

/* Reads the records of ZIP64 in front of the old one, if they are there. */
static bg_status read_end64(const bgi_zip *zip, ending *end, uint64_t *directory_end)
{
    enum { LENGTH = BGI_ZIP_END64_BYTES - 12, RECORDS = BGI_ZIP_END64_BYTES + BGI_ZIP_LOCATOR64_BYTES };
    unsigned char records[RECORDS];
    if (*directory_end < RECORDS)
        return BG_OK;
    uint64_t at = *directory_end - RECORDS;
    bg_status status = read_at(zip, at, records, sizeof records);
    const unsigned char *locator = records + BGI_ZIP_END64_BYTES;
    if (status || bgi_zip_get(locator, 4) != BGI_ZIP_LOCATOR64)
        return status;
    if (bgi_zip_get(records, 4) != BGI_ZIP_END64 || bgi_zip_get(records + 4, 8) != LENGTH ||
        bgi_zip_get(locator + 8, 8) != at || bgi_zip_get(locator + 4, 4) != 0 || bgi_zip_get(locator + 16, 4) != 1)
        return FAIL(zip, "offset %llu: the end of a ZIP64 archive has no record of 56 bytes in front of its locator",
                    (unsigned long long)at);
    ending new = { bgi_zip_get(records + 16, 4), bgi_zip_get(records + 20, 4), bgi_zip_get(records + 24, 8),
                   bgi_zip_get(records + 32, 8), bgi_zip_get(records + 40, 8), bgi_zip_get(records + 48, 8) };
    if (!agrees(end->this_disk, new.this_disk, 2) || !agrees(end->first_disk, new.first_disk, 2) ||
        !agrees(end->here, new.here, 2) || !agrees(end->count, new.count, 2) || !agrees(end->bytes, new.bytes, 4) ||
        !agrees(end->start, new.start, 4))
        return FAIL(zip, "offset %llu: the two records of the archive's end differ", (unsigned long long)at);
    *end = new;
    *directory_end = at;
    return BG_OK;
}

static bg_status read_end(bgi_zip *zip)
{
    unsigned char record[BGI_ZIP_END_BYTES];
    if (zip->file_bytes < BGI_ZIP_END_BYTES)
        return FAIL(zip, "offset 0: a ZIP archive has 22 bytes or more, this file %llu",
                    (unsigned long long)zip->file_bytes);
    uint64_t directory_end = zip->file_bytes - BGI_ZIP_END_BYTES;
    bg_status status = read_at(zip, directory_end, record, sizeof record);
    if (status)
        return status;
    if (bgi_zip_get(record, 4) != BGI_ZIP_END || bgi_zip_get(record + 20, 2) != 0)
        return FAIL(zip, "offset %llu: the last 22 bytes are not the end of a ZIP archive (without a comment)",
                    (unsigned long long)directory_end);
    ending end = { bgi_zip_get(record + 4, 2),  bgi_zip_get(record + 6, 2),  bgi_zip_get(record + 8, 2),
                   bgi_zip_get(record + 10, 2), bgi_zip_get(record + 12, 4), bgi_zip_get(record + 16, 4) };
    status = read_end64(zip, &end, &directory_end);
    if (status)
        return status;
    if (end.this_disk || end.first_disk || end.here != end.count)
        return FAIL(zip, "offset %llu: the archive is a part of several", (unsigned long long)directory_end);
    if (end.bytes > directory_end || end.start != directory_end - end.bytes)
        return FAIL(zip, "offset %llu: the directory of %llu bytes at %llu does not end here",
                    (unsigned long long)directory_end, (unsigned long long)end.bytes, (unsigned long long)end.start);
    if (end.count > end.bytes / BGI_ZIP_ENTRY_BYTES || end.count > INT32_MAX)
        return FAIL(zip, "offset %llu: %llu members do not fit a directory of %llu bytes",
                    (unsigned long long)directory_end, (unsigned long long)end.count, (unsigned long long)end.bytes);
    /* Where there are many, what is noted of a member takes no more memory than its data in the file do. */
    enum { NOTED = sizeof *zip->members + sizeof *zip->sorted, FEW = 64 };
    if (end.count > FEW + end.start / NOTED)
        return FAIL(zip, "offset %llu: %llu members do not fit the %llu bytes in front of the directory",
                    (unsigned long long)directory_end, (unsigned long long)end.count, (unsigned long long)end.start);
    zip->directory_start = end.start;
    zip->directory_bytes = (size_t)end.bytes;
    zip->count = (size_t)end.count;
    return BG_OK;
}

/* ---- Members ---- */

/* Replaces those of the numbers that are full by what the extra field of ZIP64 has, in their order. False if the fields
 * are not well-formed, or lack a number. */
static bool take_extra(const unsigned char *extra, size_t bytes, uint64_t **numbers, int count)
{
    const unsigned char *found = NULL;
    size_t found_bytes = 0;
    while (bytes > 0) {
        if (bytes < 4)
            return false;
        size_t length = (size_t)bgi_zip_get(extra + 2, 2);
        if (length > bytes - 4)
            return false;
        if (bgi_zip_get(extra, 2) == BGI_ZIP_EXTRA64) {
            if (found)
                return false;
            found = extra + 4;
            found_bytes = length;
        }
        extra += 4 + length;
        bytes -= 4 + length;
    }
    for (int i = 0; i < count; i++) {
        if (*numbers[i] != FULL32)
            continue;
        if (found_bytes < 8)
            return false;
        *numbers[i] = bgi_zip_get(found, 8);
        found += 8;
        found_bytes -= 8;
    }
    return true;
}

#define FAIL_MEMBER(z, m, format, ...) FAIL(z, "member \"%.*s\": " format, bgi_zip_shown(m), (m)->name, __VA_ARGS__)

/* What can be said of a member by its entry alone. */
static bg_status check_entry(const bgi_zip *zip, const bgi_zip_member *m)
{
    enum { DEFLATE_OPTIONS = 6, BEST_RATIO = 1032 };
    if (m->flags & ~(DEFLATE_OPTIONS | BGI_ZIP_IS_STREAMED | BGI_ZIP_IS_UTF8))
        return FAIL_MEMBER(zip, m, "is %s",
                           m->flags & 1 ? "encrypted" : "of a kind that is not supported, by its flags");
    if (m->method != BGI_ZIP_STORED && m->method != BGI_ZIP_DEFLATED)
        return FAIL_MEMBER(zip, m, "has compression method %d; supported are 0 (stored) and 8 (deflate)", m->method);
    if (m->method == BGI_ZIP_STORED ? m->bytes != m->compressed : m->bytes / BEST_RATIO > m->compressed)
        return FAIL_MEMBER(zip, m, "cannot have %llu bytes in %llu", (unsigned long long)m->bytes,
                           (unsigned long long)m->compressed);
    return BG_OK;
}

/* Reads the entry at *at and moves on. */
static bg_status read_entry(const bgi_zip *zip, bgi_zip_member *m, size_t *at)
{
    const unsigned char *entry = zip->directory + *at;
    size_t left = zip->directory_bytes - *at;
    unsigned long long offset = (unsigned long long)(zip->directory_start + *at);
    if (left < BGI_ZIP_ENTRY_BYTES || bgi_zip_get(entry, 4) != BGI_ZIP_ENTRY)
        return FAIL(zip, "offset %llu: no entry of the directory where the next of %zu should be", offset, zip->count);
    size_t name = (size_t)bgi_zip_get(entry + 28, 2), extra = (size_t)bgi_zip_get(entry + 30, 2);
    size_t comment = (size_t)bgi_zip_get(entry + 32, 2);
    if (left - BGI_ZIP_ENTRY_BYTES < name + extra + comment)
        return FAIL(zip, "offset %llu: an entry goes beyond the end of the directory", offset);
    *m = (bgi_zip_member){ .name = (const char *)entry + BGI_ZIP_ENTRY_BYTES,
                           .name_bytes = (uint16_t)name,
                           .flags = (uint16_t)bgi_zip_get(entry + 8, 2),
                           .method = (uint16_t)bgi_zip_get(entry + 10, 2),
                           .crc = (uint32_t)bgi_zip_get(entry + 16, 4),
                           .compressed = bgi_zip_get(entry + 20, 4),
                           .bytes = bgi_zip_get(entry + 24, 4),
                           .header = bgi_zip_get(entry + 42, 4) };
    if (!bgi_utf8_check(m->name, name) || memchr(m->name, 0, name))
        return FAIL(zip, "offset %llu: a member's name is not UTF-8 or holds a zero byte",
                    offset + BGI_ZIP_ENTRY_BYTES);
    uint64_t *numbers[] = { &m->bytes, &m->compressed, &m->header };
    if (!take_extra(entry + BGI_ZIP_ENTRY_BYTES + name, extra, numbers, 3))
        return FAIL_MEMBER(zip, m, "the extra fields of its entry are %s", "damaged");
    if (bgi_zip_get(entry + 34, 2) != 0)
        return FAIL_MEMBER(zip, m, "lies in another part of the archive, %llu",
                           (unsigned long long)bgi_zip_get(entry + 34, 2));
    *at += BGI_ZIP_ENTRY_BYTES + name + extra + comment;
    return check_entry(zip, m);
}

static bg_status read_directory(bgi_zip *zip)
{
    zip->directory = bgi_alloc(zip->engine, zip->directory_bytes);
    zip->members = bgi_alloc(zip->engine, zip->count * sizeof *zip->members);
    zip->sorted = bgi_alloc(zip->engine, zip->count * sizeof *zip->sorted);
    if (!zip->directory || !zip->members || !zip->sorted)
        return BG_ERR_NOMEM;
    bg_status status = read_at(zip, zip->directory_start, zip->directory, zip->directory_bytes);
    size_t at = 0;
    for (size_t i = 0; i < zip->count && !status; i++) {
        zip->sorted[i] = &zip->members[i];
        status = read_entry(zip, &zip->members[i], &at);
    }
    if (!status && at < zip->directory_bytes)
        return FAIL(zip, "offset %llu: %zu bytes behind the last of %zu entries of the directory belong to none",
                    (unsigned long long)(zip->directory_start + at), zip->directory_bytes - at, zip->count);
    return status;
}

static int compare_names(const void *a, const void *b)
{
    const bgi_zip_member *x = *(bgi_zip_member *const *)a, *y = *(bgi_zip_member *const *)b;
    size_t shorter = x->name_bytes < y->name_bytes ? x->name_bytes : y->name_bytes;
    int order = memcmp(x->name, y->name, shorter);
    return order ? order : (int)x->name_bytes - (int)y->name_bytes;
}

static int compare_headers(const void *a, const void *b)
{
    const bgi_zip_member *x = *(bgi_zip_member *const *)a, *y = *(bgi_zip_member *const *)b;
    return x->header < y->header ? -1 : x->header > y->header;
}

/* ---- Headers of members ---- */

/* What a local header, or the descriptor behind streamed data, says. */
static bool says_the_same(const bgi_zip_member *m, uint64_t crc, uint64_t compressed, uint64_t bytes)
{
    return crc == m->crc && compressed == m->compressed && bytes == m->bytes;
}

/* The descriptor of streamed data fills the bytes up to `end`: with its signature or without, of 32 or 64 bits. */
static bg_status check_descriptor(const bgi_zip *zip, const bgi_zip_member *m, uint64_t end)
{
    unsigned char bytes[24];
    uint64_t at = m->data + m->compressed, length = end - at;
    if (length != 12 && length != 16 && length != 20 && length != 24)
        return FAIL_MEMBER(zip, m, "offset %llu: no descriptor fills the %llu bytes behind the data",
                           (unsigned long long)at, (unsigned long long)length);
    bg_status status = read_at(zip, at, bytes, (size_t)length);
    if (status)
        return status;
    int size = length >= 20 ? 8 : 4;
    const unsigned char *fields = length % 8 == 0 ? bytes + 4 : bytes; /* behind the signature */
    if ((fields != bytes && bgi_zip_get(bytes, 4) != BGI_ZIP_DESCRIPTOR) ||
        !says_the_same(m, bgi_zip_get(fields, 4), bgi_zip_get(fields + 4, size), bgi_zip_get(fields + 4 + size, size)))
        return FAIL_MEMBER(zip, m, "offset %llu: the descriptor behind the data differs from the directory",
                           (unsigned long long)at);
    return BG_OK;
}

/* Reads the name and the extra fields of a local header, piece by piece, for both may be long. */
static bg_status check_name(const bgi_zip *zip, const bgi_zip_member *m, bool *is_same)
{
    unsigned char piece[256];
    uint64_t at = m->header + BGI_ZIP_LOCAL_BYTES;
    *is_same = true;
    for (size_t done = 0; done < m->name_bytes && *is_same; done += sizeof piece) {
        size_t n = m->name_bytes - done < sizeof piece ? m->name_bytes - done : sizeof piece;
        bg_status status = read_at(zip, at + done, piece, n);
        if (status)
            return status;
        *is_same = memcmp(piece, m->name + done, n) == 0;
    }
    return BG_OK;
}

/* Reads the header of a member, whose bytes end at `end`: it says what the directory says, where it says anything. */
static bg_status check_local(const bgi_zip *zip, bgi_zip_member *m, uint64_t end)
{
    unsigned char header[BGI_ZIP_LOCAL_BYTES];
    unsigned long long offset = (unsigned long long)m->header;
    if (end - m->header < BGI_ZIP_LOCAL_BYTES)
        return FAIL_MEMBER(zip, m, "offset %llu: no room for its header", offset);
    bg_status status = read_at(zip, m->header, header, sizeof header);
    if (status)
        return status;
    size_t name = (size_t)bgi_zip_get(header + 26, 2), extra_bytes = (size_t)bgi_zip_get(header + 28, 2);
    uint64_t room = end - m->header - BGI_ZIP_LOCAL_BYTES;
    if (bgi_zip_get(header, 4) != BGI_ZIP_LOCAL)
        return FAIL_MEMBER(zip, m, "offset %llu: no header of a member", offset);
    if (room < name + extra_bytes || room - name - extra_bytes < m->compressed)
        return FAIL_MEMBER(zip, m, "offset %llu: %llu bytes do not fit before offset %llu", offset,
                           (unsigned long long)m->compressed, (unsigned long long)end);
    m->data = m->header + BGI_ZIP_LOCAL_BYTES + name + extra_bytes;
    bool is_same = name == m->name_bytes;
    if (is_same)
        status = check_name(zip, m, &is_same);
    unsigned char *extra = status ? NULL : bgi_alloc(zip->engine, extra_bytes);
    if (!extra)
        return status ? status : BG_ERR_NOMEM;
    status = read_at(zip, m->data - extra_bytes, extra, extra_bytes);
    uint64_t crc = bgi_zip_get(header + 14, 4), compressed = bgi_zip_get(header + 18, 4);
    uint64_t bytes = bgi_zip_get(header + 22, 4), *numbers[] = { &bytes, &compressed };
    is_same = is_same && !status && take_extra(extra, extra_bytes, numbers, 2);
    bgi_free(zip->engine, extra, extra_bytes);
    if (status)
        return status;
    bool is_streamed = m->flags & BGI_ZIP_IS_STREAMED, is_open = is_streamed && !crc && !compressed && !bytes;
    if (!is_same || bgi_zip_get(header + 6, 2) != m->flags || bgi_zip_get(header + 8, 2) != m->method ||
        !(is_open || says_the_same(m, crc, compressed, bytes)))
        return FAIL_MEMBER(zip, m, "offset %llu: its header differs from the directory", offset);
    if (is_streamed)
        return check_descriptor(zip, m, end);
    if (m->data + m->compressed != end)
        return FAIL_MEMBER(zip, m, "offset %llu: %llu bytes behind its data belong to nothing",
                           (unsigned long long)(m->data + m->compressed),
                           (unsigned long long)(end - m->data - m->compressed));
    return BG_OK;
}

static bg_status check_members(const bgi_zip *zip)
{
    if (zip->count == 0)
        return zip->directory_start
                   ? FAIL(zip, "offset 0: %llu bytes belong to no member", (unsigned long long)zip->directory_start)
                   : BG_OK;
    qsort(zip->sorted, zip->count, sizeof *zip->sorted, compare_names);
    for (size_t i = 1; i < zip->count; i++)
        if (compare_names(&zip->sorted[i - 1], &zip->sorted[i]) == 0)
            return FAIL_MEMBER(zip, zip->sorted[i], "is there %s", "twice");
    qsort(zip->sorted, zip->count, sizeof *zip->sorted, compare_headers);
    if (zip->sorted[0]->header != 0)
        return FAIL(zip, "offset 0: %llu bytes belong to no member", (unsigned long long)zip->sorted[0]->header);
    const bgi_zip_member *last = zip->sorted[zip->count - 1];
    if (last->header > zip->directory_start)
        return FAIL_MEMBER(zip, last, "begins at offset %llu, behind the directory's begin",
                           (unsigned long long)last->header);
    bg_status status = BG_OK;
    for (size_t i = 0; i < zip->count && !status; i++)
        status =
            check_local(zip, zip->sorted[i], i + 1 < zip->count ? zip->sorted[i + 1]->header : zip->directory_start);
    return status;
}

/* ---- Life ---- */

bg_status bgi_zip_open(bgi_zip *zip, bg_engine *engine, const char *caller, const char *path)
{
    bgi_opened opened;
    bg_status status = bgi_file_open(&opened, caller, path);
    if (status)
        return status;
    *zip = (bgi_zip){
        .engine = engine, .caller = caller, .path = path, .descriptor = opened.descriptor, .file_bytes = opened.bytes
    };
    if (!opened.is_regular)
        status = bg_fail(BG_ERR_IO, "%s: %s: not a regular file", caller, bgi_path_text(path));
    if (!status)
        status = read_end(zip);
    if (!status)
        status = read_directory(zip);
    if (!status)
        status = check_members(zip);
    if (status)
        bgi_zip_close(zip);
    return status;
}

void bgi_zip_close(bgi_zip *zip)
{
    bgi_free(zip->engine, zip->sorted, zip->count * sizeof *zip->sorted);
    bgi_free(zip->engine, zip->members, zip->count * sizeof *zip->members);
    bgi_free(zip->engine, zip->directory, zip->directory_bytes);
    bgi_file_close(zip->descriptor);
}
