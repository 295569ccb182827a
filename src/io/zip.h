/* ZIP archives (PKWARE's APPNOTE 6.3): members, each with a header of its own, and a directory of them behind, which
 * counts. */
#ifndef BGI_ZIP_H
#define BGI_ZIP_H

#include "base/engine.h"

enum {
    BGI_ZIP_LOCAL = 0x04034b50,
    BGI_ZIP_ENTRY = 0x02014b50,
    BGI_ZIP_DESCRIPTOR = 0x08074b50,
    BGI_ZIP_END64 = 0x06064b50,
    BGI_ZIP_LOCATOR64 = 0x07064b50,
    BGI_ZIP_END = 0x06054b50
};
/* Bytes of these without names and the like. */
enum {
    BGI_ZIP_LOCAL_BYTES = 30,
    BGI_ZIP_ENTRY_BYTES = 46,
    BGI_ZIP_END64_BYTES = 56,
    BGI_ZIP_LOCATOR64_BYTES = 20,
    BGI_ZIP_END_BYTES = 22
};
enum { BGI_ZIP_STORED = 0, BGI_ZIP_DEFLATED = 8 };
enum { BGI_ZIP_IS_STREAMED = 8, BGI_ZIP_IS_UTF8 = 0x800 }; /* flags; streamed: sizes stand behind the data */
enum { BGI_ZIP_EXTRA64 = 1 };                              /* the extra field of sizes beyond 32 bits */

/* Numbers are little-endian. */
static inline uint64_t bgi_zip_get(const unsigned char *bytes, int count)
{
    uint64_t value = 0;
    for (int i = count - 1; i >= 0; i--)
        value = value << 8 | bytes[i];
    return value;
}
static inline unsigned char *bgi_zip_put(unsigned char *bytes, int count, uint64_t value)
{
    for (int i = 0; i < count; i++, value >>= 8)
        *bytes++ = (unsigned char)value;
    return bytes;
}

typedef struct {
    const char *name; /* UTF-8 without a zero byte in it or behind it */
    uint16_t name_bytes, flags, method;
    uint32_t crc;
    uint64_t compressed, bytes; /* of its data in the file, and of its contents */
    uint64_t header, data;      /* offsets in the file */
} bgi_zip_member;

typedef struct {
    bg_engine *engine;
    const char *caller, *path; /* the caller's */
    int descriptor;
    uint64_t file_bytes;
    unsigned char *directory;
    uint64_t directory_start;
    size_t directory_bytes;
    bgi_zip_member *members, **sorted;
    size_t count;
} bgi_zip;

/* How much of a member's name stands in messages. */
static inline int bgi_zip_shown(const bgi_zip_member *m) { return m->name_bytes < 100 ? m->name_bytes : 100; }

#define BGI_ZIP_FAIL(z, format, ...)                                                                                   \
    bg_fail(BG_ERR_FORMAT, "%s: %s: " format, (z)->caller, bgi_path_text((z)->path), __VA_ARGS__)

/* Reads the directory of an archive and checks it, and that members and directory tile the file: no two share a byte,
 * and no byte belongs to nothing. After a failure nothing is open. */
bg_status bgi_zip_open(bgi_zip *zip, bg_engine *engine, const char *caller, const char *path);
void bgi_zip_close(bgi_zip *zip);

#endif
