/* ZIP archives byte by byte. */
#include "support/zips.h"

#include "io/zip.h"
#include "support/scratch.h"
#include "support/suite.h"

#include <string.h>
#include <zlib.h>

static unsigned char *put(zip *z, int count, uint64_t value)
{
    unsigned char *start = z->bytes + z->count;
    z->count = (size_t)(bgi_zip_put(start, count, value) - z->bytes);
    return start;
}

static void put_bytes(zip *z, const void *bytes, size_t count)
{
    memcpy(z->bytes + z->count, bytes, count);
    z->count += count;
}

const unsigned char *zip_array(int first)
{
    static unsigned char bytes[ZIP_ARRAY];
    memset(bytes, ' ', sizeof bytes);
    static const char start[] = "\x93NUMPY\1\0\x76\0{'descr': '|u1', 'fortran_order': False, 'shape': (3,), }";
    memcpy(bytes, start, sizeof start - 1);
    bytes[127] = '\n';
    for (int i = 0; i < 3; i++)
        bytes[128 + i] = (unsigned char)(first + i);
    return bytes;
}

size_t zip_compress(unsigned char *to, size_t room, const unsigned char *from, size_t count)
{
    z_stream s = { .next_in = (unsigned char *)(uintptr_t)from, .avail_in = (unsigned)count };
    ck_assert_int_eq(deflateInit2(&s, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
    s.next_out = to;
    s.avail_out = (unsigned)room;
    ck_assert_int_eq(deflate(&s, Z_FINISH), Z_STREAM_END);
    ck_assert_int_eq(deflateEnd(&s), Z_OK);
    return room - s.avail_out;
}

static void put_member(zip *z, const zip_member *m, int i, uint32_t crc, const unsigned char *data, size_t count)
{
    bool streams = m->descriptor > 0;
    z->header[i] = z->count;
    put(z, 4, BGI_ZIP_LOCAL);
    put(z, 2, 20);
    put(z, 2, streams ? 8 : 0);
    put(z, 2, m->is_deflated ? 8 : 0);
    put(z, 4, 0);
    put(z, 4, streams ? 0 : crc);
    put(z, 4, m->has_64 ? 0xFFFFFFFF : streams ? 0 : count);
    put(z, 4, m->has_64 ? 0xFFFFFFFF : streams ? 0 : ZIP_ARRAY);
    put(z, 2, strlen(m->name));
    put(z, 2, m->has_64 ? 20 : 0);
    put_bytes(z, m->name, strlen(m->name));
    if (m->has_64) {
        put(z, 2, 1);
        put(z, 2, 16);
        put(z, 8, streams ? 0 : ZIP_ARRAY);
        put(z, 8, streams ? 0 : count);
    }
    z->data[i] = z->count;
    put_bytes(z, data, count);
    z->behind[i] = z->count;
    if (m->descriptor == 16 || m->descriptor == 24)
        put(z, 4, BGI_ZIP_DESCRIPTOR);
    if (streams) {
        put(z, 4, crc);
        put(z, m->descriptor < 20 ? 4 : 8, count);
        put(z, m->descriptor < 20 ? 4 : 8, ZIP_ARRAY);
    }
}

static void put_entry(zip *z, const zip_member *m, int i, uint32_t crc, size_t count)
{
    z->entry[i] = z->count;
    put(z, 4, BGI_ZIP_ENTRY);
    put(z, 2, 20);
    put(z, 2, 20);
    put(z, 2, m->descriptor ? 8 : 0);
    put(z, 2, m->is_deflated ? 8 : 0);
    put(z, 4, 0);
    put(z, 4, crc);
    put(z, 4, m->has_64 ? 0xFFFFFFFF : count);
    put(z, 4, m->has_64 ? 0xFFFFFFFF : ZIP_ARRAY);
    put(z, 2, strlen(m->name));
    put(z, 2, m->has_64 ? 34 : 0); /* another field before, of two bytes */
    put(z, 2, 0);
    put(z, 8, 0);
    put(z, 4, m->has_64 ? 0xFFFFFFFF : z->header[i]);
    put_bytes(z, m->name, strlen(m->name));
    if (m->has_64) {
        put(z, 2, 0x5455);
        put(z, 2, 2);
        put(z, 2, 7);
        put(z, 2, 1);
        put(z, 2, 24);
        put(z, 8, ZIP_ARRAY);
        put(z, 8, count);
        put(z, 8, z->header[i]);
    }
}

zip *zip_make(const zip_member *members, int n, bool end_has_64)
{
    static zip z;
    uint32_t crc[4];
    size_t counts[4];
    z.count = 0;
    for (int i = 0; i < n; i++) {
        unsigned char packed[400];
        const unsigned char *data = zip_array(10 * i);
        crc[i] = (uint32_t)crc32(0, data, ZIP_ARRAY);
        counts[i] = members[i].is_deflated ? zip_compress(packed, sizeof packed, data, ZIP_ARRAY) : ZIP_ARRAY;
        put_member(&z, &members[i], i, crc[i], members[i].is_deflated ? packed : data, counts[i]);
    }
    size_t start = z.count;
    for (int i = 0; i < n; i++)
        put_entry(&z, &members[i], i, crc[i], counts[i]);
    size_t bytes = z.count - start;
    z.end64 = z.count;
    if (end_has_64) {
        put(&z, 4, BGI_ZIP_END64);
        put(&z, 8, 44);
        put(&z, 4, 0);
        put(&z, 8, 0);
        put(&z, 8, (uint64_t)n);
        put(&z, 8, (uint64_t)n);
        put(&z, 8, bytes);
        put(&z, 8, start);
        put(&z, 4, BGI_ZIP_LOCATOR64);
        put(&z, 4, 0);
        put(&z, 8, z.end64);
        put(&z, 4, 1);
    }
    z.end = z.count;
    put(&z, 4, BGI_ZIP_END);
    put(&z, 4, 0);
    put(&z, 2, end_has_64 ? 0xFFFF : (uint64_t)n);
    put(&z, 2, end_has_64 ? 0xFFFF : (uint64_t)n);
    put(&z, 4, end_has_64 ? 0xFFFFFFFF : bytes);
    put(&z, 4, end_has_64 ? 0xFFFFFFFF : start);
    put(&z, 2, 0);
    return &z;
}

bg_status zip_load(bg_archive **archive, const zip *z)
{
    return bg_npz_load(archive, scratch_engine(), scratch_write("t.npz", z->bytes, z->count), NULL);
}
