/* NPZ files: every rule of the directory, of the members' headers and of their names. */
#include "io/zip.h"
#include "support/scratch.h"
#include "support/suite.h"
#include "support/values.h"
#include "support/zips.h"

#include <stdio.h>
#include <string.h>

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
        const zip_member members[] = { { "a.npy", false, 0, false },
                                       { "b.npy", true, 16, false },
                                       { "c.npy", false, 0, true } };
        zip *z = zip_make(members, 3, true);
        const int m = cases[i].member;
        const size_t places[] = { z->header[m], z->entry[m], z->data[m], z->behind[m], z->end64, z->end - 20, z->end };
        char name[60];
        (void)snprintf(name, sizeof name, "case %zu: place %d, member %d, offset %d", i, cases[i].place, m,
                       cases[i].offset);
        (void)bgi_zip_put(z->bytes + places[cases[i].place] + cases[i].offset, cases[i].bytes, cases[i].value);
        bg_archive *archive;
        size_t held = memory->most = memory->held;
        expect_failure(zip_load(&archive, z), BG_ERR_FORMAT, cases[i].says, name);
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
    const zip_member members[] = { { "a.npy", false, 0, false } };
    bg_archive *archive;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        zip *z = zip_make(members, 1, false);
        (void)bgi_zip_put(z->bytes + z->end + cases[i].offset, cases[i].bytes, cases[i].value);
        expect_failure(zip_load(&archive, z), BG_ERR_FORMAT, cases[i].says, cases[i].says);
    }
    /* A directory of nothing, with bytes; bytes in front; a gap in front of the end; bytes behind an entry. */
    zip *z = zip_make(NULL, 0, false);
    memmove(z->bytes + 3, z->bytes, z->count);
    z->count += 3;
    FAILS(zip_load(&archive, z), BG_ERR_FORMAT, "offset 3: the directory of 0 bytes at 0 does not end here");
    (void)bgi_zip_put(z->bytes + 3 + 16, 4, 3);
    FAILS(zip_load(&archive, z), BG_ERR_FORMAT, "offset 0: 3 bytes belong to no member");
    const zip_member two[] = { { "a.npy", false, 0, false }, { "b.npy", false, 0, false } };
    z = zip_make(two, 2, false);
    (void)bgi_zip_put(z->bytes + z->end + 8, 4, 0x00010001);
    FAILS(zip_load(&archive, z), BG_ERR_FORMAT,
          "51 bytes behind the last of 1 entries of the directory belong to none");
}
END_TEST

START_TEST(names_of_members)
{
    bg_archive *archive;
    const zip_member text[] = { { "readme.txt", false, 0, false } }, none[] = { { "npy", false, 0, false } };
    const zip_member metadata[] = { { "__metadata__.npy", false, 0, false } };
    const zip_member near[] = { { "__metadata_2.npy", false, 0, false } };
    FAILS(zip_load(&archive, zip_make(text, 1, false)), BG_ERR_FORMAT,
          "member \"readme.txt\": is no array: its name does not end in .npy");
    FAILS(zip_load(&archive, zip_make(none, 1, false)), BG_ERR_FORMAT, "member \"npy\": is no array");
    FAILS(zip_load(&archive, zip_make(metadata, 1, false)), BG_ERR_FORMAT, "no tensor can have this name");
    OK(zip_load(&archive, zip_make(near, 1, false)));
    bg_archive_destroy(archive);
    /* Longer than the pieces in which it is compared, and than what messages show. */
    static char longest[701];
    memset(longest, 'n', 700);
    memcpy(longest + 696, ".npy", 4);
    const zip_member long_name[] = { { longest, false, 0, false } };
    zip *z = zip_make(long_name, 1, false);
    OK(zip_load(&archive, z));
    ck_assert_uint_eq(strlen(bg_archive_name(archive, 0)), 696);
    bg_archive_destroy(archive);
    z->bytes[30 + 600] = z->bytes[30 + 1] = 'x';
    FAILS(zip_load(&archive, z), BG_ERR_FORMAT, "nnn\": offset 0: its header differs");
    z->bytes[30 + 1] = 'n';
    FAILS(zip_load(&archive, z), BG_ERR_FORMAT, "nnn\": offset 0: its header differs");
    z = zip_make(long_name, 1, false);
    z->bytes[z->entry[0] + 46 + 699] = 'x';
    FAILS(zip_load(&archive, z), BG_ERR_FORMAT, "nnn\": offset 0: its header differs");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("npz_rules");
    TCase *tests = tcase_create("npz_rules");
    tcase_add_checked_fixture(tests, scratch_begin, scratch_end);
    tcase_add_test(tests, rules);
    tcase_add_test(tests, rules_of_the_end);
    tcase_add_test(tests, names_of_members);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
