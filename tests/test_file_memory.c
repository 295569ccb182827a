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

/* ---- Arrays ---- */

/* The bytes of a data set's columns. */
static size_t bytes_of(const bg_dataset *dataset)
{
    size_t bytes = 0;
    for (int i = 0; i < bg_dataset_columns(dataset); i++)
        bytes += (size_t)bg_shape_count(bg_dataset_shape(dataset, i)) * bg_dtype_size(bg_dataset_dtype(dataset, i));
    return bytes;
}

static void put_npy(const char *descr, const char *order, size_t size)
{
    char head[129];
    size_t count = FILE_BYTES / 4 / size;
    int length =
        snprintf(head, sizeof head, "\x93NUMPY\1%c\x76%c{'descr': '%s', 'fortran_order': %s, 'shape': (%zu, 64), }", 0,
                 0, descr, order, count / 64);
    memset(head + length, ' ', sizeof head - (size_t)length);
    head[127] = '\n';
    made.count = 0;
    put(head, 128);
    for (size_t i = 0; i < count / 64 * 64 * size; i++)
        put(&(unsigned char){ i % size == 0 || size == 1 }, 1);
}

/* Elements of any type, in any order, become numbers on their way into the columns: no second array is beside these,
 * but for the bytes of one that has to be turned. */
START_TEST(arrays)
{
    static const struct {
        const char *descr;
        size_t size;
    } types[] = { { "|u1", 1 }, { "|i1", 1 }, { "<i2", 2 }, { "<u4", 4 },
                  { "<i8", 8 }, { "<f2", 2 }, { "<f4", 4 }, { "<f8", 8 } };
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        for (int way = 0; way < 8; way++) {
            put_npy(types[i].descr, way & 1 ? "True" : "False", types[i].size);
            const char *path = scratch_write("x.npy", made.bytes, made.count);
            size_t whole = made.count;
            bg_data_options options = { .dtype = way & 2 ? BG_F64 : BG_F32 };
            if (way & 4) {
                bg_archive *archive;
                bg_tensor *x;
                OK(bg_npy_load(&x, scratch_engine(), path));
                OK(bg_archive_create(&archive, scratch_engine()));
                OK(bg_archive_add(archive, "x", x));
                OK(bg_archive_add(archive, "large", x)); /* which nobody asks for */
                path = scratch_path("x.npz");
                OK(bg_npz_save(archive, path, NULL));
                bg_archive_destroy(archive);
                bg_tensor_destroy(x);
            }
            bg_dataset *dataset;
            start_counting();
            OK(bg_data_read_arrays(&dataset, scratch_engine(), path, &options));
            size_t data = bytes_of(dataset);
            ck_assert_msg(most() - data <= (way & 1 ? whole : 0) + SPARE, "%s, way %d: %zu bytes beside %zu of %zu",
                          types[i].descr, way, most() - data, data, whole);
            bg_dataset_destroy(dataset);
        }
}
END_TEST

/* ---- Tables ---- */

/* Tables of one line, or of two, as long as a line may be. */
START_TEST(wide_tables)
{
    static const struct {
        const char *name, *header, *row, *target, *features;
    } cases[] = {
        { "numbers", NULL, "1", NULL, NULL },
        { "a column of many", NULL, "1", "0", "77" },
        { "ranges", NULL, "1", "0", "500-900,20-30,1000" },
        { "names", "c#", "1", NULL, NULL },
        { "names that are asked for", "c#", "1", "ca, cb", "cc,cd" },
        { "one name", "abc", "1", NULL, NULL },
        { "quotes", "\"c#\"", "1", NULL, NULL },
        { "a header alone", "c#", NULL, NULL, NULL },
        { "separators alone", "c", NULL, NULL, NULL },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t parts = cases[i].header && cases[i].row ? 3 : 1, columns = 0;
        made.count = 0;
        for (const char *piece = cases[i].header ? cases[i].header : cases[i].row;
             columns == 0 || made.count < FILE_BYTES / parts - 20; columns++) {
            if (columns > 0)
                put(",", 1);
            for (const char *c = piece; *c; c++)
                if (*c == '#')
                    put_name((unsigned)columns + 10);
                else
                    put(c, 1);
        }
        put("\n", 1);
        for (size_t k = 0; cases[i].header && cases[i].row && k < columns; k++)
            put(k + 1 < columns ? "1," : "1\n", 2);
        const char *path = scratch_write("t.csv", made.bytes, made.count);
        const bg_data_options options = { .target = cases[i].target, .features = cases[i].features };
        bg_dataset *dataset;
        start_counting();
        bg_status status = bg_data_read_csv(&dataset, scratch_engine(), path, &options);
        ck_assert_msg(status == (cases[i].row ? BG_OK : BG_ERR_FORMAT), "%s: %s", cases[i].name, bg_last_error());
        size_t data = dataset ? bytes_of(dataset) : 0, name_bytes = 0;
        for (int64_t k = 0; bg_dataset_feature_name(dataset, k); k++)
            name_bytes += strlen(bg_dataset_feature_name(dataset, k)) + 1 + sizeof(uint32_t);
        size_t asked = made.count + data + name_bytes;
        if (name_bytes == 0 &&
            cases[i].header) /* they are dropped, of a table without rows or where two are the same */
            asked += made.count + columns * sizeof(uint32_t);
        ck_assert_msg(most() <= asked + SPARE, "%s: %zu bytes beside %zu of data, %zu of names, %zu of the file",
                      cases[i].name, most() - data - name_bytes, data, name_bytes, made.count);
        bg_dataset_destroy(dataset);
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
    tcase_add_test(tests, arrays);
    tcase_add_test(tests, wide_tables);
    tcase_add_test(tests, alphabets);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
