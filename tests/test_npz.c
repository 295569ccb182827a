/* NPZ files: what is read, every rule of the directory, and what is written. */
#include "io/archive.h"
#include "io/zip.h"
#include "support/scratch.h"
#include "support/suite.h"
#include "support/values.h"

#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

/* ---- Making archives ---- */

typedef struct {
    const char *name;
    bool is_deflated;
    int descriptor; /* bytes of it; 0: sizes stand in the header */
    bool has_64;    /* the local header and the entry have their numbers in extra fields */
} member;

/* Where the parts of an archive are that was made: of member i its header, data and entry; the end's records. */
typedef struct {
    unsigned char bytes[20000];
    size_t count;
    size_t header[4], data[4], behind[4], entry[4], end64, end;
} zip;

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

/* An NPY file of three u1. */
enum { ARRAY = 128 + 3 };
static const unsigned char *array_bytes(int first)
{
    static unsigned char bytes[ARRAY];
    memset(bytes, ' ', sizeof bytes);
    static const char start[] = "\x93NUMPY\1\0\x76\0{'descr': '|u1', 'fortran_order': False, 'shape': (3,), }";
    memcpy(bytes, start, sizeof start - 1);
    bytes[127] = '\n';
    for (int i = 0; i < 3; i++)
        bytes[128 + i] = (unsigned char)(first + i);
    return bytes;
}

static size_t compress_raw(unsigned char *to, size_t room, const unsigned char *from, size_t count)
{
    z_stream s = { .next_in = (unsigned char *)(uintptr_t)from, .avail_in = (unsigned)count };
    ck_assert_int_eq(deflateInit2(&s, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
    s.next_out = to;
    s.avail_out = (unsigned)room;
    ck_assert_int_eq(deflate(&s, Z_FINISH), Z_STREAM_END);
    ck_assert_int_eq(deflateEnd(&s), Z_OK);
    return room - s.avail_out;
}

static void put_member(zip *z, const member *m, int i, uint32_t crc, const unsigned char *data, size_t count)
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
    put(z, 4, m->has_64 ? 0xFFFFFFFF : streams ? 0 : ARRAY);
    put(z, 2, strlen(m->name));
    put(z, 2, m->has_64 ? 20 : 0);
    put_bytes(z, m->name, strlen(m->name));
    if (m->has_64) {
        put(z, 2, 1);
        put(z, 2, 16);
        put(z, 8, streams ? 0 : ARRAY);
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
        put(z, m->descriptor < 20 ? 4 : 8, ARRAY);
    }
}

static void put_entry(zip *z, const member *m, int i, uint32_t crc, size_t count)
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
    put(z, 4, m->has_64 ? 0xFFFFFFFF : ARRAY);
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
        put(z, 8, ARRAY);
        put(z, 8, count);
        put(z, 8, z->header[i]);
    }
}

static zip *make_zip(const member *members, int n, bool end_has_64)
{
    static zip z;
    uint32_t crc[4];
    size_t counts[4];
    z.count = 0;
    for (int i = 0; i < n; i++) {
        unsigned char packed[400];
        const unsigned char *data = array_bytes(10 * i);
        crc[i] = (uint32_t)crc32(0, data, ARRAY);
        counts[i] = members[i].is_deflated ? compress_raw(packed, sizeof packed, data, ARRAY) : ARRAY;
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

static bg_status load(bg_archive **archive, const zip *z)
{
    return bg_npz_load(archive, scratch_engine(), scratch_write("t.npz", z->bytes, z->count), NULL);
}

static void expect_arrays(const bg_archive *archive, const char *const *names, int n)
{
    ck_assert_uint_eq(bg_archive_count(archive), (size_t)n);
    for (int i = 0; i < n; i++) {
        const bg_tensor *tensor = bg_archive_tensor(archive, (size_t)i);
        ck_assert_str_eq(bg_archive_name(archive, (size_t)i), names[i]);
        ck_assert(bg_tensor_dtype(tensor) == BG_U8 && bg_shape_equal(bg_tensor_shape(tensor), BG_SHAPE(3)));
        for (int k = 0; k < 3; k++)
            ck_assert(value_at(tensor, k) == 10 * i + k);
    }
}

/* ---- Reading ---- */

START_TEST(forms)
{
    static const char *const names[] = { "b", "", "../a/\xC3\xA4" };
    static const int descriptors[] = { 0, 12, 16, 20, 24 };
    for (int deflated = 0; deflated < 2; deflated++) {
        for (int d = 0; d < 5; d++) {
            for (int has_64 = 0; has_64 < 4; has_64++) {
                const member members[] = { { "b.npy", deflated, descriptors[d], has_64 & 1 },
                                           { ".npy", !deflated, descriptors[d], has_64 & 1 },
                                           { "../a/\xC3\xA4.npy", deflated, 0, has_64 & 2 } };
                bg_archive *archive;
                OK(load(&archive, make_zip(members, 3, has_64 & 2)));
                expect_arrays(archive, names, 3);
                bg_archive_destroy(archive);
            }
        }
    }
    bg_archive *archive;
    for (int has_64 = 0; has_64 < 2; has_64++) {
        OK(load(&archive, make_zip(NULL, 0, has_64)));
        ck_assert_uint_eq(bg_archive_count(archive), 0);
        bg_archive_destroy(archive);
    }
}
END_TEST

/* Members count in the order of the directory, not in that of the file. */
START_TEST(order_of_members)
{
    const member members[] = { { "a.npy", false, 0, false }, { "b.npy", false, 0, false } };
    zip *z = make_zip(members, 2, false);
    unsigned char entry[51];
    memcpy(entry, z->bytes + z->entry[0], 51);
    memmove(z->bytes + z->entry[0], z->bytes + z->entry[1], 51);
    memcpy(z->bytes + z->entry[1], entry, 51);
    bg_archive *archive;
    OK(load(&archive, z));
    ck_assert_str_eq(bg_archive_name(archive, 0), "b");
    ck_assert(value_at(bg_archive_tensor(archive, 0), 0) == 10);
    bg_archive_destroy(archive);
}
END_TEST

/* One number of a good archive is another one. The archive: a.npy stored, b.npy deflated and streamed, c.npy with
 * numbers of 64 bits. */
START_TEST(rules)
{
    enum { HEADER, ENTRY, DATA, BEHIND, END64, LOCATOR, END };
    static const struct {
        int place, member, offset, bytes;
        uint64_t value;
        const char *says;
    } cases[] = {
        { END, 0, 0, 1, 0, "the last 22 bytes are not the end of a ZIP archive (without a comment)" },
        { END, 0, 20, 2, 1, "the last 22 bytes are not the end of a ZIP archive (without a comment)" },
        { END, 0, 4, 2, 1, "the two records of the archive's end differ" },
        { END, 0, 6, 2, 1, "the two records of the archive's end differ" },
        { END, 0, 8, 2, 4, "the two records of the archive's end differ" },
        { END, 0, 10, 2, 4, "the two records of the archive's end differ" },
        { END, 0, 12, 4, 4, "the two records of the archive's end differ" },
        { END, 0, 16, 4, 4, "the two records of the archive's end differ" },
        { LOCATOR, 0, 0, 4, 0, "the directory of 4294967295 bytes at 4294967295 does not end here" },
        { LOCATOR, 0, 4, 4, 1, "has no record of 56 bytes in front of its locator" },
        { LOCATOR, 0, 8, 8, 1, "has no record of 56 bytes in front of its locator" },
        { LOCATOR, 0, 16, 4, 2, "has no record of 56 bytes in front of its locator" },
        { END64, 0, 0, 4, 0, "has no record of 56 bytes in front of its locator" },
        { END64, 0, 4, 8, 45, "has no record of 56 bytes in front of its locator" },
        { END64, 0, 16, 4, 0xFFFF, "the two records of the archive's end differ" },
        { END64, 0, 24, 8, 2, "the archive is a part of several" },
        { END64, 0, 32, 8, 2, "the archive is a part of several" },
        { END64, 0, 40, 8, 100, "the directory of 100 bytes at" },
        { END64, 0, 40, 8, (uint64_t)1 << 63, "the directory of 9223372036854775808 bytes at" },
        { END64, 0, 48, 8, 0, "does not end here" },
        { ENTRY, 0, 0, 4, 1, "no entry of the directory where the next of 3 should be" },
        { ENTRY, 2, 0, 4, 1, "no entry of the directory where the next of 3 should be" },
        { ENTRY, 0, 8, 2, 1, "member \"a.npy\": is encrypted" },
        { ENTRY, 0, 8, 2, 0x40, "member \"a.npy\": is of a kind that is not supported, by its flags" },
        { ENTRY, 0, 10, 2, 12, "member \"a.npy\": has compression method 12; supported are 0 (stored) and 8" },
        { ENTRY, 0, 10, 2, 8, "member \"a.npy\": offset 0: its header differs from the directory" },
        { ENTRY, 0, 16, 4, 1, "member \"a.npy\": offset 0: its header differs from the directory" },
        { ENTRY, 0, 20, 4, 100, "member \"a.npy\": cannot have 131 bytes in 100" },
        { ENTRY, 0, 24, 4, 100, "member \"a.npy\": cannot have 100 bytes in 131" },
        { ENTRY, 1, 24, 4, 0x10000000, "member \"b.npy\": cannot have 268435456 bytes in" },
        { ENTRY, 1, 24, 4, 132, "member \"b.npy\": offset" },
        { ENTRY, 1, 20, 4, 1000, "1000 bytes do not fit before offset" },
        { ENTRY, 0, 28, 2, 4, "no entry of the directory where the next of 3 should be" },
        { ENTRY, 2, 28, 2, 400, "an entry goes beyond the end of the directory" },
        { ENTRY, 2, 30, 2, 400, "an entry goes beyond the end of the directory" },
        { ENTRY, 2, 32, 2, 400, "an entry goes beyond the end of the directory" },
        { ENTRY, 0, 34, 2, 3, "member \"a.npy\": lies in another part of the archive, 3" },
        { ENTRY, 0, 42, 4, 1, "offset 0: 1 bytes belong to no member" },
        { ENTRY, 1, 42, 4, 0, "member \"a.npy\": offset 0: no room for its header" },
        { ENTRY, 1, 42, 4, 29, "offset 0: no room for its header" },
        { ENTRY, 1, 42, 4, 60, "member \"a.npy\": offset 0: 131 bytes do not fit before offset 60" },
        { ENTRY, 1, 42, 4, 170, "offset 166: 4 bytes behind its data belong to nothing" },
        { ENTRY, 1, 42, 4, 0x7FFFFFFF, "member \"b.npy\": begins at offset 2147483647, behind the directory's begin" },
        { ENTRY, 0, 46, 1, 0, "a member's name is not UTF-8 or holds a zero byte" },
        { ENTRY, 0, 46, 1, 0xFF, "a member's name is not UTF-8 or holds a zero byte" },
        { ENTRY, 0, 46, 1, 'c', "is there twice" },
        { ENTRY, 0, 46, 1, 'x', "offset 0: its header differs from the directory" },
        { ENTRY, 0, 50, 1, 'x', "member \"a.npx\"" },
        { ENTRY, 2, 51, 2, 1, "member \"c.npy\": the extra fields of its entry are damaged" },
        { ENTRY, 2, 53, 2, 200, "member \"c.npy\": the extra fields of its entry are damaged" },
        { ENTRY, 2, 53, 2, 29, "member \"c.npy\": the extra fields of its entry are damaged" },
        { ENTRY, 2, 57, 2, 2, "member \"c.npy\": the extra fields of its entry are damaged" },
        { ENTRY, 2, 61, 8, 4000, "member \"c.npy\": cannot have 4000 bytes in 131" },
        { ENTRY, 2, 77, 8, 4000, "member \"c.npy\": begins at offset 4000" },
        { HEADER, 0, 0, 4, 1, "member \"a.npy\": offset 0: no header of a member" },
        { HEADER, 0, 6, 2, 2, "member \"a.npy\": offset 0: its header differs from the directory" },
        { HEADER, 0, 8, 2, 8, "member \"a.npy\": offset 0: its header differs from the directory" },
        { HEADER, 0, 14, 4, 1, "member \"a.npy\": offset 0: its header differs from the directory" },
        { HEADER, 0, 18, 4, 1, "member \"a.npy\": offset 0: its header differs from the directory" },
        { HEADER, 0, 22, 4, 1, "member \"a.npy\": offset 0: its header differs from the directory" },
        { HEADER, 0, 26, 2, 4, "member \"a.npy\": offset 0: its header differs from the directory" },
        { HEADER, 0, 26, 2, 0xFFFF, "member \"a.npy\": offset 0: 131 bytes do not fit before offset" },
        { HEADER, 0, 28, 2, 4, "member \"a.npy\": offset 0: 131 bytes do not fit before offset" },
        { HEADER, 0, 30, 1, 'A', "member \"a.npy\": offset 0: its header differs from the directory" },
        { HEADER, 2, 37, 2, 200, "member \"c.npy\": offset" },
        { HEADER, 1, 14, 4, 1, "member \"b.npy\": offset 166: its header differs from the directory" },
        { HEADER, 1, 18, 4, 1, "member \"b.npy\": offset 166: its header differs from the directory" },
        { HEADER, 1, 22, 4, 1, "member \"b.npy\": offset 166: its header differs from the directory" },
        { BEHIND, 1, 0, 4, 0, "the descriptor behind the data differs from the directory" },
        { BEHIND, 1, 4, 4, 0, "the descriptor behind the data differs from the directory" },
        { BEHIND, 1, 8, 4, 0, "the descriptor behind the data differs from the directory" },
        { BEHIND, 1, 12, 4, 0, "the descriptor behind the data differs from the directory" },
        { DATA, 0, 130, 1, 9, "array \"a\": its CRC-32 is" },
        { DATA, 0, 0, 1, 9, "array \"a\": offset 0: an NPY array begins with 93" },
        { DATA, 0, 67, 1, '4', "array \"a\": offset" },
        { DATA, 1, 0, 1, 0xFF, "array \"b\": the compressed data are damaged" },
    };
    scratch_memory *memory = scratch_memory_state();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const member members[] = { { "a.npy", false, 0, false },
                                   { "b.npy", true, 16, false },
                                   { "c.npy", false, 0, true } };
        zip *z = make_zip(members, 3, true);
        const int m = cases[i].member;
        const size_t places[] = { z->header[m], z->entry[m], z->data[m], z->behind[m], z->end64, z->end - 20, z->end };
        char name[60];
        (void)snprintf(name, sizeof name, "case %zu: place %d, member %d, offset %d", i, cases[i].place, m,
                       cases[i].offset);
        (void)bgi_zip_put(z->bytes + places[cases[i].place] + cases[i].offset, cases[i].bytes, cases[i].value);
        bg_archive *archive;
        size_t held = memory->most = memory->held;
        expect_failure(load(&archive, z), BG_ERR_FORMAT, cases[i].says, name);
        ck_assert(strstr(bg_last_error(), "npz_load: /") == bg_last_error());
        ck_assert_ptr_null(archive);
        ck_assert_uint_le(memory->most - held, 2 * z->count + (1 << 16));
    }
}
END_TEST

/* Without the records of ZIP64. */
START_TEST(rules_of_the_end)
{
    static const struct {
        int offset, bytes;
        uint64_t value;
        const char *says;
    } cases[] = {
        { 4, 2, 1, "the archive is a part of several" },
        { 6, 2, 1, "the archive is a part of several" },
        { 8, 2, 2, "the archive is a part of several" },
        { 12, 4, 0, "does not end here" },
        { 16, 4, 0, "does not end here" },
        { 8, 4, 0x00050005, "5 members do not fit a directory of 51 bytes" },
        { 8, 4, 0, "51 bytes behind the last of 0 entries of the directory belong to none" },
    };
    const member members[] = { { "a.npy", false, 0, false } };
    bg_archive *archive;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        zip *z = make_zip(members, 1, false);
        (void)bgi_zip_put(z->bytes + z->end + cases[i].offset, cases[i].bytes, cases[i].value);
        expect_failure(load(&archive, z), BG_ERR_FORMAT, cases[i].says, cases[i].says);
    }
    /* A directory of nothing, with bytes; bytes in front; a gap in front of the end; bytes behind an entry. */
    zip *z = make_zip(NULL, 0, false);
    memmove(z->bytes + 3, z->bytes, z->count);
    z->count += 3;
    FAILS(load(&archive, z), BG_ERR_FORMAT, "offset 3: the directory of 0 bytes at 0 does not end here");
    (void)bgi_zip_put(z->bytes + 3 + 16, 4, 3);
    FAILS(load(&archive, z), BG_ERR_FORMAT, "offset 0: 3 bytes belong to no member");
    const member two[] = { { "a.npy", false, 0, false }, { "b.npy", false, 0, false } };
    z = make_zip(two, 2, false);
    (void)bgi_zip_put(z->bytes + z->end + 8, 4, 0x00010001);
    FAILS(load(&archive, z), BG_ERR_FORMAT, "51 bytes behind the last of 1 entries of the directory belong to none");
}
END_TEST

START_TEST(names_of_members)
{
    bg_archive *archive;
    const member text[] = { { "readme.txt", false, 0, false } }, none[] = { { "npy", false, 0, false } };
    const member metadata[] = { { "__metadata__.npy", false, 0, false } };
    const member near[] = { { "__metadata_2.npy", false, 0, false } };
    FAILS(load(&archive, make_zip(text, 1, false)), BG_ERR_FORMAT,
          "member \"readme.txt\": is no array: its name does not end in .npy");
    FAILS(load(&archive, make_zip(none, 1, false)), BG_ERR_FORMAT, "member \"npy\": is no array");
    FAILS(load(&archive, make_zip(metadata, 1, false)), BG_ERR_FORMAT, "no tensor can have this name");
    OK(load(&archive, make_zip(near, 1, false)));
    bg_archive_destroy(archive);
    /* Longer than the pieces in which it is compared, and than what messages show. */
    static char longest[701];
    memset(longest, 'n', 700);
    memcpy(longest + 696, ".npy", 4);
    const member long_name[] = { { longest, false, 0, false } };
    zip *z = make_zip(long_name, 1, false);
    OK(load(&archive, z));
    ck_assert_uint_eq(strlen(bg_archive_name(archive, 0)), 696);
    bg_archive_destroy(archive);
    z->bytes[30 + 600] = 'x';
    FAILS(load(&archive, z), BG_ERR_FORMAT, "nnn\": offset 0: its header differs");
    z = make_zip(long_name, 1, false);
    z->bytes[z->entry[0] + 46 + 699] = 'x';
    FAILS(load(&archive, z), BG_ERR_FORMAT, "nnn\": offset 0: its header differs");
}
END_TEST

/* Streams that end early, late, or in the middle; and a gap that no descriptor fills. */
START_TEST(streams)
{
    bg_archive *archive;
    const member stored[] = { { "a.npy", false, 16, false } }, deflated[] = { { "a.npy", true, 0, false } };
    zip *z = make_zip(stored, 1, false);
    memmove(z->bytes + z->behind[0] + 12, z->bytes + z->behind[0] + 16, z->count - z->behind[0] - 16);
    z->count -= 4;
    (void)bgi_zip_put(z->bytes + z->count - 22 + 16, 4, z->entry[0] - 4);
    FAILS(load(&archive, z), BG_ERR_FORMAT, "the descriptor behind the data differs");
    z = make_zip(stored, 1, false);
    memmove(z->bytes + z->behind[0] + 15, z->bytes + z->behind[0] + 16, z->count - z->behind[0] - 16);
    z->count--;
    (void)bgi_zip_put(z->bytes + z->count - 22 + 16, 4, z->entry[0] - 1);
    FAILS(load(&archive, z), BG_ERR_FORMAT, "no descriptor fills the 15 bytes behind the data");

    /* The array is shorter or longer than header and directory say, which agree. */
    static const struct {
        int by;
        const char *says;
    } cases[] = { { 1, "array \"a\": offset 128: [3] elements of 1 bytes are 3 bytes, but 4 follow" },
                  { -1, "array \"a\": offset 128: [3] elements of 1 bytes are 3 bytes, but 2 follow" } };
    for (int i = 0; i < 2; i++) {
        z = make_zip(deflated, 1, false);
        (void)bgi_zip_put(z->bytes + 22, 4, (uint64_t)(ARRAY + cases[i].by));
        (void)bgi_zip_put(z->bytes + z->entry[0] + 24, 4, (uint64_t)(ARRAY + cases[i].by));
        FAILS(load(&archive, z), BG_ERR_FORMAT, cases[i].says);
    }
}
END_TEST

/* Puts other compressed data into an archive of one deflated member, with numbers that agree. */
static zip *with_data(const unsigned char *data, size_t count)
{
    const member deflated[] = { { "a.npy", true, 0, false } };
    zip *z = make_zip(deflated, 1, false);
    size_t old = z->behind[0] - z->data[0], rest = z->count - z->behind[0];
    memmove(z->bytes + z->data[0] + count, z->bytes + z->behind[0], rest);
    memcpy(z->bytes + z->data[0], data, count);
    z->count += count - old;
    z->entry[0] += count - old;
    (void)bgi_zip_put(z->bytes + 18, 4, count);
    (void)bgi_zip_put(z->bytes + z->entry[0] + 20, 4, count);
    (void)bgi_zip_put(z->bytes + z->count - 22 + 16, 4, z->entry[0]);
    return z;
}

START_TEST(compressed_lengths)
{
    unsigned char longer[ARRAY + 1], packed[400];
    memcpy(longer, array_bytes(0), ARRAY);
    longer[ARRAY] = 0;
    bg_archive *archive;
    size_t count = compress_raw(packed, sizeof packed, longer, ARRAY);
    OK(load(&archive, with_data(packed, count)));
    bg_archive_destroy(archive);
    packed[count] = 0;
    FAILS(load(&archive, with_data(packed, count + 1)), BG_ERR_FORMAT,
          "the compressed data go on behind the 131 bytes");
    for (size_t cut = 1; cut <= count; cut++)
        FAILS(load(&archive, with_data(packed, count - cut)), BG_ERR_FORMAT,
              "array \"a\": the compressed data are cut off");
    count = compress_raw(packed, sizeof packed, longer, ARRAY + 1);
    FAILS(load(&archive, with_data(packed, count)), BG_ERR_FORMAT, "the compressed data go on behind the 131 bytes");
    for (size_t length = 0; length < ARRAY; length++) {
        count = compress_raw(packed, sizeof packed, longer, length);
        FAILS(load(&archive, with_data(packed, count)), BG_ERR_FORMAT, "before the 131 that the directory says");
    }
    /* More than one piece of input behind the end. */
    static unsigned char long_tail[19000];
    count = compress_raw(long_tail, 400, longer, ARRAY);
    FAILS(load(&archive, with_data(long_tail, sizeof long_tail)), BG_ERR_FORMAT, "go on behind the 131 bytes");
}
END_TEST

/* Every part of a file, and the file with any one bit turned: nothing passes but what changes no number. */
START_TEST(damaged)
{
    const member members[] = { { "a.npy", false, 0, true }, { "b.npy", true, 24, false } };
    zip sample = *make_zip(members, 2, true);
    scratch_memory *memory = scratch_memory_state();
    size_t count = sample.count;
    bg_archive *archive;
    for (sample.count = 0; sample.count < count; sample.count++)
        ck_assert_msg(load(&archive, &sample) == BG_ERR_FORMAT, "%zu bytes: %s", sample.count, bg_last_error());
    int loaded = 0;
    for (size_t bit = 0; bit < 8 * count; bit++) {
        sample.bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
        size_t held = memory->most = memory->held;
        bg_status status = load(&archive, &sample);
        ck_assert_msg(status == BG_ERR_FORMAT || status == BG_OK, "bit %zu: %s", bit, bg_last_error());
        ck_assert((status == BG_OK) == (archive != NULL));
        ck_assert_uint_le(memory->most - held, 4 * count + (1 << 16));
        for (size_t i = 0; i < bg_archive_count(archive); i++)
            for (int k = 0; k < 3; k++)
                ck_assert_msg(value_at(bg_archive_tensor(archive, i), k) == 10 * (double)i + k, "bit %zu", bit);
        loaded += archive != NULL;
        bg_archive_destroy(archive);
        sample.bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
    /* Versions, times, attributes; an extra field that is another one. */
    ck_assert_int_le(loaded, 600);
}
END_TEST

/* An archive of one deflated member whose data are `compressed` zero bytes and claim to hold `bytes`. */
static const char *write_sparse(uint32_t compressed, uint32_t bytes)
{
    const member deflated[] = { { "a.npy", true, 0, false } };
    zip *z = make_zip(deflated, 1, false);
    (void)bgi_zip_put(bgi_zip_put(z->bytes + 18, 4, compressed), 4, bytes);
    (void)bgi_zip_put(bgi_zip_put(z->bytes + z->entry[0] + 20, 4, compressed), 4, bytes);
    (void)bgi_zip_put(z->bytes + z->end + 16, 4, z->data[0] + compressed);
    const char *path = scratch_path("sparse.npz");
    FILE *out = fopen(path, "wb");
    ck_assert_ptr_nonnull(out);
    ck_assert_uint_eq(fwrite(z->bytes, 1, z->data[0], out), z->data[0]);
    ck_assert_int_eq(fseek(out, (long)compressed, SEEK_CUR), 0);
    ck_assert_uint_eq(fwrite(z->bytes + z->entry[0], 1, z->count - z->entry[0], out), z->count - z->entry[0]);
    ck_assert_int_eq(fclose(out), 0);
    return path;
}

START_TEST(default_limit)
{
    enum { GIB = 1 << 30 };
    bg_archive *archive;
    bg_engine *engine = scratch_engine();
    FAILS(bg_npz_load(&archive, engine, write_sparse(2000000, GIB + 1), NULL), BG_ERR_FORMAT,
          "member \"a.npy\": with it the compressed arrays have more than 1073741824 bytes");
    FAILS(bg_npz_load(&archive, engine, write_sparse(2000000, GIB), NULL), BG_ERR_FORMAT, "array \"a\": ");
    FAILS(bg_npz_load(&archive, engine, write_sparse(20000000, 1999000000), NULL), BG_ERR_FORMAT, "array \"a\": ");
    FAILS(bg_npz_load(&archive, engine, write_sparse(20000000, 2001000000), NULL), BG_ERR_FORMAT,
          "with it the compressed arrays have more than 20000");
}
END_TEST

START_TEST(limits)
{
    const member members[] = { { "a.npy", true, 0, false }, { "b.npy", true, 0, false }, { "c.npy", false, 0, false } };
    const zip *z = make_zip(members, 3, false);
    const char *path = scratch_write("t.npz", z->bytes, z->count);
    bg_engine *engine = scratch_engine();
    bg_archive *archive;
    FAILS(bg_npz_load(&archive, engine, path, &(bg_npz_options){ .limit = 2 * ARRAY - 1 }), BG_ERR_FORMAT,
          "member \"b.npy\": with it the compressed arrays have more than 261 bytes; options.limit can allow more");
    FAILS(bg_npz_load(&archive, engine, path, &(bg_npz_options){ .limit = ARRAY - 1 }), BG_ERR_FORMAT,
          "member \"a.npy\": with it");
    OK(bg_npz_load(&archive, engine, path, &(bg_npz_options){ .limit = 2 * ARRAY }));
    bg_archive_destroy(archive);
    FAILS(bg_npz_load(&archive, engine, scratch_path("none"), NULL), BG_ERR_IO, "No such file");
    FAILS(bg_npz_load(&archive, engine, "/dev/zero", NULL), BG_ERR_IO, "not a regular file");
    FAILS(bg_npz_load(&archive, engine, NULL, NULL), BG_ERR_ARGUMENT, "path is NULL");
    FAILS(bg_npz_load(NULL, engine, path, NULL), BG_ERR_ARGUMENT, "archive is NULL");
    FAILS(bg_npz_load(&archive, NULL, path, NULL), BG_ERR_ARGUMENT, "npz_load");
}
END_TEST

/* ---- Writing ---- */

static bg_archive *make_archive(int first, int n)
{
    static const char *const names[] = { "x", "weights.0", "\xC3\xA4", "none", "turned", "scalar" };
    bg_archive *archive;
    bg_tensor *t, *view = NULL;
    bg_engine *engine = scratch_engine();
    const bg_shape shapes[] = { BG_SHAPE(1000, 300), BG_SHAPE(2, 3),   BG_SHAPE(5),
                                BG_SHAPE(0, 4),      BG_SHAPE(40, 50), BG_SCALAR };
    OK(bg_archive_create(&archive, engine));
    for (int i = first; i < n; i++) {
        OK(bg_tensor_create(&t, engine, (bg_dtype)(i % BG_DTYPE_COUNT), shapes[i]));
        unsigned char *data = bg_tensor_data(t);
        size_t bytes = (size_t)bg_shape_count(shapes[i]) * bg_dtype_size(bg_tensor_dtype(t));
        uint32_t state = 1;
        for (size_t k = 0; k < bytes; k++) {
            state = state * 1664525 + 1013904223;
            data[k] = i % BG_DTYPE_COUNT == BG_BOOL ? (unsigned char)(state >> 31) : (unsigned char)(state >> 28);
        }
        if (i == 4) {
            OK(bg_tensor_permute(&view, t, BG_AXES(1, 0)));
            bg_tensor_destroy(t);
            t = view;
        }
        OK(bg_archive_add(archive, names[i], t));
        bg_tensor_destroy(t);
    }
    return archive;
}

static void expect_same(const bg_archive *a, const bg_archive *b)
{
    ck_assert_uint_eq(bg_archive_count(a), bg_archive_count(b));
    for (size_t i = 0; i < bg_archive_count(a); i++) {
        const bg_tensor *x = bg_archive_tensor(a, i), *y = bg_archive_tensor(b, i);
        ck_assert_str_eq(bg_archive_name(a, i), bg_archive_name(b, i));
        ck_assert(bg_shape_equal(bg_tensor_shape(x), bg_tensor_shape(y)) && bg_tensor_dtype(x) == bg_tensor_dtype(y));
        size_t bytes = (size_t)bg_shape_count(bg_tensor_shape(x)) * bg_dtype_size(bg_tensor_dtype(x));
        unsigned char *copies = malloc(2 * bytes + 1);
        OK(bg_tensor_copy_to(x, copies, bytes));
        OK(bg_tensor_copy_to(y, copies + bytes, bytes));
        ck_assert(memcmp(copies, copies + bytes, bytes) == 0);
        free(copies);
    }
}

START_TEST(written)
{
    bg_archive *archive = make_archive(0, 6), *back;
    size_t counts[2];
    for (int deflated = 0; deflated < 2; deflated++) {
        const bg_npz_options options = { .with_deflate = deflated };
        const char *path = scratch_path("w.npz");
        OK(bg_npz_save(archive, path, deflated ? &options : NULL));
        free(scratch_read(path, &counts[deflated]));
        OK(bg_npz_load(&back, scratch_engine(), path, NULL));
        expect_same(archive, back);
        bg_archive_destroy(back);
    }
    ck_assert_uint_lt(counts[1], counts[0] * 3 / 4);
    ck_assert_int_eq(scratch_files(), 1);

    bg_engine *engine = scratch_engine();
    bg_archive *other;
    FAILS(bg_npz_save(archive, NULL, NULL), BG_ERR_ARGUMENT, "npz_save: path is NULL");
    FAILS(bg_npz_save(NULL, "x", NULL), BG_ERR_ARGUMENT, "npz_save: archive is NULL");
    FAILS(bg_npz_save(archive, scratch_path("none/w.npz"), NULL), BG_ERR_IO, "cannot open its folder");
    OK(bg_archive_add_text(archive, "by", "me"));
    FAILS(bg_npz_save(archive, scratch_path("w.npz"), NULL), BG_ERR_ARGUMENT,
          "npz_save: the archive holds texts, as \"by\", for which NPZ has no place");
    OK(bg_archive_create(&other, engine));
    OK(bg_npz_save(other, scratch_path("w.npz"), NULL));
    OK(bg_npz_load(&back, engine, scratch_path("w.npz"), NULL));
    ck_assert_uint_eq(bg_archive_count(back), 0);
    bg_archive_destroy(back);
    static char name[65533];
    memset(name, 'n', sizeof name - 2);
    bg_tensor *t = bg_archive_tensor(archive, 1);
    OK(bg_archive_add(other, name, t));
    OK(bg_npz_save(other, scratch_path("w.npz"), NULL));
    OK(bg_npz_load(&back, engine, scratch_path("w.npz"), NULL));
    expect_same(other, back);
    bg_archive_destroy(back);
    name[sizeof name - 2] = 'n';
    OK(bg_archive_add(other, name, t));
    FAILS(bg_npz_save(other, scratch_path("w.npz"), NULL), BG_ERR_OVERFLOW, "has 65532 bytes, at most 65531");
    bg_archive_destroy(other);
    bg_archive_destroy(archive);
    ck_assert_int_eq(scratch_files(), 1);
}
END_TEST

/* More members than 16 bits count need the records of ZIP64. */
START_TEST(many_members)
{
    enum { MANY = 65536 };
    bg_archive *archive, *back;
    bg_tensor *t;
    char name[20];
    OK(bg_tensor_create(&t, scratch_engine(), BG_U8, BG_SCALAR));
    OK(bg_archive_create(&archive, scratch_engine()));
    for (int i = 0; i < MANY; i++) {
        (void)snprintf(name, sizeof name, "%d", i);
        OK(bgi_archive_append(archive, name, t));
        if (i < MANY - 2)
            continue;
        OK(bg_npz_save(archive, scratch_path("m.npz"), NULL));
        OK(bg_npz_load(&back, scratch_engine(), scratch_path("m.npz"), NULL));
        ck_assert_uint_eq(bg_archive_count(back), (size_t)i + 1);
        ck_assert_str_eq(bg_archive_name(back, (size_t)i), name);
        bg_archive_destroy(back);
    }
    bg_tensor_destroy(t);
    bg_archive_destroy(archive);
}
END_TEST

static bg_archive *saved;
static bg_status scenario(void)
{
    bg_archive *back;
    bg_status status = bg_npz_save(saved, scratch_path("o.npz"), &(bg_npz_options){ .with_deflate = true });
    if (status)
        return status;
    status = bg_npz_load(&back, scratch_engine(), scratch_path("o.npz"), NULL);
    bg_archive_destroy(back);
    return status;
}

START_TEST(out_of_memory)
{
    saved = make_archive(2, 5);
    ck_assert_int_gt(scratch_fail_each("NPZ", scenario), 60);
    ck_assert_int_eq(scratch_files(), 1);
    bg_archive_destroy(saved);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("npz");
    TCase *tests = tcase_create("npz");
    tcase_add_checked_fixture(tests, scratch_begin, scratch_end);
    tcase_add_test(tests, forms);
    tcase_add_test(tests, order_of_members);
    tcase_add_test(tests, rules);
    tcase_add_test(tests, rules_of_the_end);
    tcase_add_test(tests, names_of_members);
    tcase_add_test(tests, streams);
    tcase_add_test(tests, compressed_lengths);
    tcase_add_test(tests, damaged);
    tcase_add_test(tests, default_limit);
    tcase_add_test(tests, limits);
    tcase_add_test(tests, written);
    tcase_add_test(tests, many_members);
    tcase_add_test(tests, out_of_memory);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
