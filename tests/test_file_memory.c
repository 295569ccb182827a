/* How much memory files ask for that are made to ask for much: beyond the data no more than the file's size and 64 KiB,
 * and 32 bytes for each byte of a JSON header. Files of a megabyte, so that 64 KiB count for little. */
#define _POSIX_C_SOURCE 200809L /* truncate */
#include "support/scratch.h"
#include "support/suite.h"
#include "support/values.h"

#include <blasgrad/data.h>
#include <blasgrad/io.h>

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { SPARE = 1 << 16, FILE_BYTES = 1 << 20 };

/* The engine's memory and jansson's together, which says its blocks' sizes in front of them. */
typedef struct {
    size_t json, json_most, before;
} memory_used;
static memory_used used;
enum { PREFIX = 16 };

static void *allocate_json(size_t bytes)
{
    char *block = malloc(bytes + PREFIX);
    if (!block)
        return NULL;
    memcpy(block, &bytes, sizeof bytes);
    used.json += bytes;
    used.json_most = used.json > used.json_most ? used.json : used.json_most;
    return block + PREFIX;
}

static void release_json(void *text)
{
    if (!text)
        return;
    char *block = (char *)text - PREFIX;
    size_t bytes;
    memcpy(&bytes, block, sizeof bytes);
    used.json -= bytes;
    free(block);
}

static void begin(void)
{
    scratch_begin();
    json_set_alloc_funcs(allocate_json, release_json);
}

static void start_counting(void)
{
    scratch_memory *m = scratch_memory_state();
    used = (memory_used){ .json = used.json, .json_most = used.json, .before = m->most = m->held };
}

/* Both parts at their most, which is no less than the most of both. */
static size_t most(void) { return scratch_memory_state()->most - used.before + used.json_most; }

/* ---- Pieces ---- */

typedef struct {
    unsigned char bytes[FILE_BYTES + 4096];
    size_t count;
} file;
static file made;

static void put(const void *bytes, size_t count)
{
    if (made.count + count > sizeof made.bytes)
        ck_abort_msg("the file is too large");
    memcpy(made.bytes + made.count, bytes, count);
    made.count += count;
}
static void put_number(int bytes, uint64_t number)
{
    for (int i = 0; i < bytes; i++, number >>= 8)
        put((unsigned char[]){ (unsigned char)number }, 1);
}

/* ---- NPZ ---- */

/* The records behind a directory of so many entries and bytes, in front of which `start` bytes lie. */
static void put_end(uint64_t entries, uint64_t bytes, uint64_t start)
{
    put_number(4, 0x06064b50);
    put_number(8, 44);
    put_number(4, 45 << 16 | 45);
    put_number(8, 0);
    put_number(8, entries);
    put_number(8, entries);
    put_number(8, bytes);
    put_number(8, start);
    put_number(4, 0x07064b50);
    put_number(4, 0);
    put_number(8, start + bytes);
    put_number(4, 1);
    put_number(4, 0x06054b50);
    put_number(4, 0);
    put_number(8, UINT64_MAX); /* counts, size and place stand in the other record */
    put_number(4, UINT32_MAX);
    put_number(2, 0);
}

/* A directory of entries that have nothing but their own bytes, and a comment each. */
static void make_directory(size_t comment)
{
    static const char text[1 << 16];
    made.count = 0;
    uint64_t entries = 0;
    for (; made.count + 46 + comment <= FILE_BYTES; entries++) {
        put_number(4, 0x02014b50);
        put(text, 28);
        put_number(2, comment);
        put(text, 12);
        put(text, comment);
    }
    put_end(entries, made.count, 0);
}

START_TEST(directories)
{
    static const size_t comments[] = { 0, 1, 20, 80, 300, 65535 };
    for (size_t i = 0; i < sizeof comments / sizeof *comments; i++) {
        make_directory(comments[i]);
        const char *path = scratch_write("t.npz", made.bytes, made.count);
        bg_archive *archive;
        start_counting();
        expect_failure(bg_npz_load(&archive, scratch_engine(), path, NULL), BG_ERR_FORMAT,
                       comments[i] < 4096 ? "members do not fit the 0 bytes in front of the directory" : "twice",
                       "directory");
        ck_assert_msg(most() <= made.count + SPARE, "comments of %zu bytes: %zu bytes of memory for %zu of the file",
                      comments[i], most(), made.count);
    }
}
END_TEST

/* More members than can be counted, in a file that is a hole but for its end. */
START_TEST(far_too_many_members)
{
    const uint64_t entries = (uint64_t)1 << 31, bytes = 46 * entries, start = 64 * entries;
    made.count = 0;
    put_end(entries, bytes, start);
    const char *path = scratch_write("t.npz", made.bytes, made.count);
    if (truncate(path, 0) || truncate(path, (off_t)(start + bytes)))
        return; /* no such holes here */
    FILE *hole = fopen(path, "ab");
    ck_assert(hole && fwrite(made.bytes, 1, made.count, hole) == made.count && fclose(hole) == 0);
    bg_archive *archive;
    start_counting();
    FAILS(bg_npz_load(&archive, scratch_engine(), path, NULL), BG_ERR_FORMAT,
          "2147483648 members do not fit a directory of 98784247808 bytes");
    ck_assert_uint_lt(most(), SPARE);
}
END_TEST

/* ---- safetensors ---- */

/* A short name for each number. */
static void put_name(unsigned number)
{
    do
        put(&"0123456789abcdefghijklmnopqrstuvwxyz"[number % 36], 1);
    while (number /= 36);
}

/* A header of this begin, as many pieces as there is room for, and this end. In a piece, # is a name of its own. */
static void make_header(const char *begin_text, const char *piece, const char *end_text)
{
    made.count = 8;
    put(begin_text, strlen(begin_text));
    for (unsigned n = 0; made.count + strlen(piece) + strlen(end_text) + 16 < FILE_BYTES; n++)
        for (const char *c = piece + (n == 0 && *piece == ','); *c; c++)
            if (*c == '#')
                put_name(n);
            else
                put(c, 1);
    put(end_text, strlen(end_text));
    size_t length = made.count - 8;
    made.count = 0;
    put_number(8, length);
    made.count += length;
}

#define TENSOR "{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}"

START_TEST(headers)
{
    static const struct {
        const char *begin, *piece, *end;
        bool is_right;
    } cases[] = {
        { "{", ",\"#\":" TENSOR, "}", true },
        { "{", ",\"#\":{\"dtype\":\"U8\",\"shape\":[0,0,0,0,0,0,0,0],\"data_offsets\":[0,0]}", "}", true },
        { "{\"__metadata__\":{", ",\"#\":\"\"", "}}", true },
        { "{\"__metadata__\":{", ",\"#\":\"\\u00e4\"", "}}", true },
        { "{\"a\":{\"dtype\":\"U8\",\"shape\":[", ",0", "],\"data_offsets\":[0,0]}}", false },
        { "{\"a\":{\"dtype\":\"U8\",\"shape\":[", ",null", "],\"data_offsets\":[0,0]}}", false },
        { "{\"a\":{\"dtype\":\"U8\",\"shape\":[", ",\"\"", "],\"data_offsets\":[0,0]}}", false },
        { "{", ",\"#\":0", "}", false },
        { "{", ",\"#\":\"\"", "}", false },
        { "{", ",\"#\":[]", "}", false },
        { "{", ",\"#\":{}", "}", false },
        { "{", ",\"#\":{\"\":0}", "}", false },
        { "{", ",\"#\":{\"\":[]}", "}", false },
        { "{\"a\":{", ",\"#\":[]", "}}", false },
        { "{\"a\":{", ",\"#\":{}", "}}", false },
        { "{\"a\":{", ",\"#\":0", "}}", false },
        { "{\"a\":[", ",[]", "]}", false },
        { "{\"a\":[", ",{}", "]}", false },
        { "{\"a\":[", ",0", "]}", false },
        { "[", ",0", "]", false },
        { "{\"a\":\"", "aaaa", "\"}", false },
        { "{\"a\":\"", "\\u0020", "\"}", false },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        make_header(cases[i].begin, cases[i].piece, cases[i].end);
        const char *path = scratch_write("t.safetensors", made.bytes, made.count);
        bg_archive *archive;
        start_counting();
        bg_status status = bg_archive_load(&archive, scratch_engine(), path);
        ck_assert_msg(status == (cases[i].is_right ? BG_OK : BG_ERR_FORMAT), "%s..: %s", cases[i].begin,
                      bg_last_error());
        ck_assert_msg(most() <= 33 * made.count + SPARE, "%s%s..: %.1f times the header", cases[i].begin,
                      cases[i].piece, (double)most() / (double)made.count);
        bg_archive_destroy(archive);
    }
}
END_TEST

/* ---- Texts ---- */

/* All characters of some planes, each once. */
START_TEST(alphabets)
{
    made.count = 0;
    for (uint32_t code = 0x10000; code < 0x40000; code++)
        put((unsigned char[]){ (unsigned char)(0xF0 | code >> 18), (unsigned char)(0x80 | (code >> 12 & 0x3F)),
                               (unsigned char)(0x80 | (code >> 6 & 0x3F)), (unsigned char)(0x80 | (code & 0x3F)) },
            4);
    const char *path = scratch_write("t.txt", made.bytes, made.count);
    for (int parts = 1; parts <= 2; parts++) {
        bg_dataset *train, *test;
        bg_data_options options = { .context = 4, .test_share = parts == 2 ? 0.5 : 0 };
        start_counting();
        size_t held = scratch_memory_state()->held;
        OK(bg_data_read_text(&train, &test, scratch_engine(), path, &options));
        size_t data = scratch_memory_state()->held - held;
        ck_assert_uint_le(data, (size_t)(1 + parts) * made.count + 4096);
        ck_assert_uint_le(most() - data, made.count + SPARE);
        bg_dataset_destroy(train);
        bg_dataset_destroy(test);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("memory of files");
    TCase *tests = tcase_create("memory of files");
    tcase_add_checked_fixture(tests, begin, scratch_end);
    tcase_add_test(tests, directories);
    tcase_add_test(tests, far_too_many_members);
    tcase_add_test(tests, headers);
    tcase_add_test(tests, alphabets);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
