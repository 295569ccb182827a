/* ZIP archives byte by byte, also such as no program writes. */
#ifndef BLASGRAD_TESTS_ZIPS_H
#define BLASGRAD_TESTS_ZIPS_H

#include <blasgrad/io.h>

#include <stdbool.h>
#include <stddef.h>

typedef struct {
    const char *name;
    bool is_deflated;
    int descriptor; /* bytes of it; 0: sizes stand in the header */
    bool has_64;    /* the local header and the entry have their numbers in extra fields */
} zip_member;

/* Where the parts of an archive are that was made: of member i its header, data and entry; the end's records. */
typedef struct {
    unsigned char bytes[20000];
    size_t count;
    size_t header[4], data[4], behind[4], entry[4], end64, end;
} zip;

/* An NPY file of three u1: first, first + 1, first + 2. Valid until the next call. */
enum { ZIP_ARRAY = 128 + 3 };
const unsigned char *zip_array(int first);
/* Deflates bytes as members of archives are; the number of them. */
size_t zip_compress(unsigned char *to, size_t room, const unsigned char *from, size_t count);
/* An archive of up to four members, of which the i-th is zip_array(10 * i). Valid until the next call. */
zip *zip_make(const zip_member *members, int n, bool end_has_64);
/* Loads it from a scratch file. */
bg_status zip_load(bg_archive **archive, const zip *z);

#endif
