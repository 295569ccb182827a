/* NPZ files: what is read, and what is refused of their data. */
#include "io/zip.h"
#include "support/scratch.h"
#include "support/suite.h"
#include "support/values.h"
#include "support/zips.h"

#include <stdio.h>
#include <string.h>

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

START_TEST(forms)
{
    static const char *const names[] = { "b", "", "../a/\xC3\xA4" };
    static const int descriptors[] = { 0, 12, 16, 20, 24 };
    for (int deflated = 0; deflated < 2; deflated++) {
        for (int d = 0; d < 5; d++) {
            for (int has_64 = 0; has_64 < 4; has_64++) {
                const zip_member members[] = { { "b.npy", deflated, descriptors[d], has_64 & 1 },
                                               { ".npy", !deflated, descriptors[d], has_64 & 1 },
                                               { "../a/\xC3\xA4.npy", deflated, 0, has_64 & 2 } };
                bg_archive *archive;
                OK(zip_load(&archive, zip_make(members, 3, has_64 & 2)));
                expect_arrays(archive, names, 3);
                bg_archive_destroy(archive);
            }
        }
    }
    bg_archive *archive;
    for (int has_64 = 0; has_64 < 2; has_64++) {
        OK(zip_load(&archive, zip_make(NULL, 0, has_64)));
        ck_assert_uint_eq(bg_archive_count(archive), 0);
        bg_archive_destroy(archive);
    }
}
END_TEST

/* Members count in the order of the directory, not in that of the file. */
START_TEST(order_of_members)
{
    const zip_member members[] = { { "a.npy", false, 0, false }, { "b.npy", false, 0, false } };
    zip *z = zip_make(members, 2, false);
    unsigned char entry[51];
    memcpy(entry, z->bytes + z->entry[0], 51);
    memmove(z->bytes + z->entry[0], z->bytes + z->entry[1], 51);
    memcpy(z->bytes + z->entry[1], entry, 51);
    bg_archive *archive;
    OK(zip_load(&archive, z));
    ck_assert_str_eq(bg_archive_name(archive, 0), "b");
    ck_assert(value_at(bg_archive_tensor(archive, 0), 0) == 10);
    bg_archive_destroy(archive);
}
END_TEST

/* Streams that end early, late, or in the middle; and a gap that no descriptor fills. */
START_TEST(streams)
{
    bg_archive *archive;
    const zip_member stored[] = { { "a.npy", false, 16, false } }, deflated[] = { { "a.npy", true, 0, false } };
    zip *z = zip_make(stored, 1, false);
    memmove(z->bytes + z->behind[0] + 12, z->bytes + z->behind[0] + 16, z->count - z->behind[0] - 16);
    z->count -= 4;
    (void)bgi_zip_put(z->bytes + z->count - 22 + 16, 4, z->entry[0] - 4);
    FAILS(zip_load(&archive, z), BG_ERR_FORMAT, "the descriptor behind the data differs");
    z = zip_make(stored, 1, false);
    memmove(z->bytes + z->behind[0] + 15, z->bytes + z->behind[0] + 16, z->count - z->behind[0] - 16);
    z->count--;
    (void)bgi_zip_put(z->bytes + z->count - 22 + 16, 4, z->entry[0] - 1);
    FAILS(zip_load(&archive, z), BG_ERR_FORMAT, "no descriptor fills the 15 bytes behind the data");

    /* The array is shorter or longer than header and directory say, which agree. */
    static const struct {
        int by;
        const char *says;
    } cases[] = { { 1, "array \"a\": offset 128: [3] elements of 1 bytes are 3 bytes, but 4 follow" },
                  { -1, "array \"a\": offset 128: [3] elements of 1 bytes are 3 bytes, but 2 follow" } };
    for (int i = 0; i < 2; i++) {
        z = zip_make(deflated, 1, false);
        (void)bgi_zip_put(z->bytes + 22, 4, (uint64_t)(ZIP_ARRAY + cases[i].by));
        (void)bgi_zip_put(z->bytes + z->entry[0] + 24, 4, (uint64_t)(ZIP_ARRAY + cases[i].by));
        FAILS(zip_load(&archive, z), BG_ERR_FORMAT, cases[i].says);
    }
}
END_TEST

/* Puts other compressed data into an archive of one deflated member, with numbers that agree. */
static zip *with_data(const unsigned char *data, size_t count)
{
    const zip_member deflated[] = { { "a.npy", true, 0, false } };
    zip *z = zip_make(deflated, 1, false);
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
    unsigned char longer[ZIP_ARRAY + 1], packed[400];
    memcpy(longer, zip_array(0), ZIP_ARRAY);
    longer[ZIP_ARRAY] = 0;
    bg_archive *archive;
    size_t count = zip_compress(packed, sizeof packed, longer, ZIP_ARRAY);
    OK(zip_load(&archive, with_data(packed, count)));
    bg_archive_destroy(archive);
    packed[count] = 0;
    FAILS(zip_load(&archive, with_data(packed, count + 1)), BG_ERR_FORMAT,
          "the compressed data go on behind the 131 bytes");
    for (size_t cut = 1; cut <= count; cut++)
        FAILS(zip_load(&archive, with_data(packed, count - cut)), BG_ERR_FORMAT,
              "array \"a\": the compressed data are cut off");
    count = zip_compress(packed, sizeof packed, longer, ZIP_ARRAY + 1);
    FAILS(zip_load(&archive, with_data(packed, count)), BG_ERR_FORMAT,
          "the compressed data go on behind the 131 bytes");
    for (size_t length = 0; length < ZIP_ARRAY; length++) {
        count = zip_compress(packed, sizeof packed, longer, length);
        char says[80];
        (void)snprintf(says, sizeof says, "end %zu bytes before the 131 that the directory says", ZIP_ARRAY - length);
        FAILS(zip_load(&archive, with_data(packed, count)), BG_ERR_FORMAT, says);
    }
    /* More than one piece of input behind the end. */
    static unsigned char long_tail[19000];
    count = zip_compress(long_tail, 400, longer, ZIP_ARRAY);
    FAILS(zip_load(&archive, with_data(long_tail, sizeof long_tail)), BG_ERR_FORMAT, "go on behind the 131 bytes");
    /* The same where the stream ends with a piece: blocks of nothing, in 5 and 6 bytes, and one that holds the array.
     */
    enum { PIECE = 1 << 14, BLOCK = 5 + ZIP_ARRAY };
    unsigned char *c = long_tail;
    while (c < long_tail + PIECE - BLOCK) {
        bool is_long = (long_tail + PIECE - BLOCK - c) % 5 > 0;
        memcpy(c, is_long ? "\2\0\0\0\xFF\xFF" : "\0\0\0\xFF\xFF", is_long ? 6 : 5);
        c += is_long ? 6 : 5;
    }
    memcpy(c, "\1\x83\0\x7C\xFF", 5);
    memcpy(c + 5, longer, ZIP_ARRAY);
    OK(zip_load(&archive, with_data(long_tail, PIECE)));
    bg_archive_destroy(archive);
    FAILS(zip_load(&archive, with_data(long_tail, PIECE + 1)), BG_ERR_FORMAT, "go on behind the 131 bytes");
}
END_TEST

/* Every part of a file, and the file with any one bit turned: nothing passes but what changes no number. */
START_TEST(damaged)
{
    const zip_member members[] = { { "a.npy", false, 0, true }, { "b.npy", true, 24, false } };
    zip sample = *zip_make(members, 2, true);
    scratch_memory *memory = scratch_memory_state();
    size_t count = sample.count;
    bg_archive *archive;
    for (sample.count = 0; sample.count < count; sample.count++)
        ck_assert_msg(zip_load(&archive, &sample) == BG_ERR_FORMAT, "%zu bytes: %s", sample.count, bg_last_error());
    int loaded = 0;
    for (size_t bit = 0; bit < 8 * count; bit++) {
        sample.bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
        size_t held = memory->most = memory->held;
        bg_status status = zip_load(&archive, &sample);
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
    const zip_member deflated[] = { { "a.npy", true, 0, false } };
    zip *z = zip_make(deflated, 1, false);
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
    const zip_member members[] = { { "a.npy", true, 0, false },
                                   { "b.npy", true, 0, false },
                                   { "c.npy", false, 0, false } };
    const zip *z = zip_make(members, 3, false);
    const char *path = scratch_write("t.npz", z->bytes, z->count);
    bg_engine *engine = scratch_engine();
    bg_archive *archive;
    FAILS(bg_npz_load(&archive, engine, path, &(bg_npz_options){ .limit = 2 * ZIP_ARRAY - 1 }), BG_ERR_FORMAT,
          "member \"b.npy\": with it the compressed arrays have more than 261 bytes; options.limit can allow more");
    FAILS(bg_npz_load(&archive, engine, path, &(bg_npz_options){ .limit = ZIP_ARRAY - 1 }), BG_ERR_FORMAT,
          "member \"a.npy\": with it");
    OK(bg_npz_load(&archive, engine, path, &(bg_npz_options){ .limit = 2 * ZIP_ARRAY }));
    bg_archive_destroy(archive);
    FAILS(bg_npz_load(&archive, engine, scratch_path("none"), NULL), BG_ERR_IO, "No such file");
    FAILS(bg_npz_load(&archive, engine, "/dev/zero", NULL), BG_ERR_IO, "not a regular file");
    FAILS(bg_npz_load(&archive, engine, NULL, NULL), BG_ERR_ARGUMENT, "path is NULL");
    FAILS(bg_npz_load(NULL, engine, path, NULL), BG_ERR_ARGUMENT, "archive is NULL");
    FAILS(bg_npz_load(&archive, NULL, path, NULL), BG_ERR_ARGUMENT, "npz_load");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("npz");
    TCase *tests = tcase_create("npz");
    tcase_add_checked_fixture(tests, scratch_begin, scratch_end);
    tcase_add_test(tests, forms);
    tcase_add_test(tests, order_of_members);
    tcase_add_test(tests, streams);
    tcase_add_test(tests, compressed_lengths);
    tcase_add_test(tests, damaged);
    tcase_add_test(tests, default_limit);
    tcase_add_test(tests, limits);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
