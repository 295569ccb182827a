/* Archives and safetensors files. */
#define _GNU_SOURCE /* gettid, setrlimit */
#include "support/expect.h"
#include "support/scratch.h"

#include "base/engine.h"

#include <check.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define OK(call) ck_assert_msg((call) == BG_OK, "%s", bg_last_error())

/* A tensor of bytes 1, 2, .. (0 and 1 for bool). */
static bg_tensor *make_tensor(bg_dtype dtype, bg_shape shape)
{
    bg_tensor *tensor;
    OK(bg_tensor_create(&tensor, scratch_engine(), dtype, shape));
    unsigned char *bytes = bg_tensor_data(tensor);
    size_t count = (size_t)bg_shape_count(shape) * bg_dtype_size(dtype);
    for (size_t i = 0; i < count; i++)
        bytes[i] = (unsigned char)(dtype == BG_BOOL ? i % 2 : i + 1);
    return tensor;
}

static bg_archive *make_archive(void)
{
    bg_archive *archive;
    OK(bg_archive_create(&archive, scratch_engine()));
    return archive;
}

static void add(bg_archive *archive, const char *name, bg_tensor *tensor)
{
    OK(bg_archive_add(archive, name, tensor));
    bg_tensor_destroy(tensor);
}

static void assert_same(const bg_tensor *a, const bg_tensor *b, const char *name)
{
    ck_assert_msg(b != NULL && bg_tensor_dtype(a) == bg_tensor_dtype(b), "%s", name);
    ck_assert_msg(bg_shape_equal(bg_tensor_shape(a), bg_tensor_shape(b)), "%s", name);
    size_t bytes = (size_t)bg_shape_count(bg_tensor_shape(a)) * bg_dtype_size(bg_tensor_dtype(a));
    unsigned char x[1024], y[1024];
    ck_assert_uint_le(bytes, sizeof x);
    OK(bg_tensor_copy_to(a, x, bytes));
    OK(bg_tensor_copy_to(b, y, bytes));
    ck_assert_msg(!memcmp(x, y, bytes), "%s", name);
}

/* Texts that a header must escape or leave alone. */
static const char strange[] = "a\"\\/\b\n\x1F \xC3\xA4 \xE2\x82\xAC \xF0\x9F\x99\x82 {\"b\":[-1]}";

START_TEST(round_trip)
{
    static const struct {
        const char *name;
        bg_dtype dtype;
        bg_shape shape;
    } cases[] = {
        { "u8", BG_U8, { 1, { 3 } } },
        { "f32", BG_F32, { 2, { 2, 3 } } },
        { "scalar", BG_F64, { 0, { 0 } } },
        { "empty", BG_F32, { 3, { 2, 0, 3 } } },
        { "bool", BG_BOOL, { 1, { 5 } } },
        { "i64", BG_I64, { 1, { 2 } } },
        { "i32", BG_I32, { 8, { 1, 2, 1, 1, 3, 1, 1, 2 } } },
        { "", BG_F64, { 1, { 0 } } },
        { strange, BG_F32, { 1, { 1 } } },
    };
    enum { CASES = sizeof cases / sizeof *cases };
    bg_archive *archive = make_archive(), *loaded;
    for (int i = 0; i < CASES; i++)
        add(archive, cases[i].name, make_tensor(cases[i].dtype, cases[i].shape));
    OK(bg_archive_add_text(archive, strange, strange));
    OK(bg_archive_add_text(archive, "", ""));
    OK(bg_archive_save(archive, scratch_path("a.safetensors")));
    ck_assert_int_eq(scratch_files(), 1);
    OK(bg_archive_load(&loaded, scratch_engine(), scratch_path("a.safetensors")));
    ck_assert_uint_eq(bg_archive_count(loaded), CASES);
    for (size_t i = 0; i < CASES; i++) {
        ck_assert_str_eq(bg_archive_name(loaded, i), cases[i].name);
        assert_same(bg_archive_tensor(archive, i), bg_archive_tensor(loaded, i), cases[i].name);
        ck_assert_ptr_eq(bg_archive_find(loaded, cases[i].name), bg_archive_tensor(loaded, i));
    }
    ck_assert_str_eq(bg_archive_text(loaded, strange), strange);
    ck_assert_str_eq(bg_archive_text(loaded, ""), "");
    ck_assert_ptr_null(bg_archive_text(loaded, "blasgrad.xxh3"));
    ck_assert_uint_eq(bg_archive_text_count(loaded), bg_archive_text_count(archive));
    ck_assert_uint_gt(bg_archive_text_count(loaded), 1);
    for (size_t i = 0; i < bg_archive_text_count(loaded); i++)
        ck_assert_str_eq(bg_archive_text_key(loaded, i), bg_archive_text_key(archive, i));
    ck_assert_ptr_null(bg_archive_text_key(loaded, bg_archive_text_count(loaded)));
    ck_assert_ptr_null(bg_archive_text_key(NULL, 0));
    ck_assert_uint_eq(bg_archive_text_count(NULL), 0);

    /* What was loaded saves as the same bytes. */
    OK(bg_archive_save(loaded, scratch_path("b.safetensors")));
    size_t a_count, b_count;
    unsigned char *a = scratch_read(scratch_path("a.safetensors"), &a_count);
    unsigned char *b = scratch_read(scratch_path("b.safetensors"), &b_count);
    ck_assert_uint_eq(a_count, b_count);
    ck_assert_mem_eq(a, b, a_count);
    free(a);
    free(b);
    bg_archive_destroy(archive);
    bg_archive_destroy(loaded);
}
END_TEST

START_TEST(exact_bytes)
{
    bg_archive *archive = make_archive();
    add(archive, "b", make_tensor(BG_U8, BG_SHAPE(3)));
    add(archive, "w", make_tensor(BG_F32, BG_SHAPE(1, 2)));
    OK(bg_archive_add_text(archive, "key", "text"));
    OK(bg_archive_save(archive, scratch_path("a")));
    size_t count;
    unsigned char *bytes = scratch_read(scratch_path("a"), &count);
    /* The wider type lies first. XXH3 of the eleven bytes, as the xxhash package for Python gives it. */
    static const char header[] = "{\"__metadata__\":{\"key\":\"text\",\"blasgrad.xxh3\":\"XXXXXXXXXXXXXXXX\"},"
                                 "\"b\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[8,11]},"
                                 "\"w\":{\"dtype\":\"F32\",\"shape\":[1,2],\"data_offsets\":[0,8]}}";
    size_t padded = (sizeof header - 1 + 7) / 8 * 8;
    ck_assert_uint_eq(count, 8 + padded + 11);
    ck_assert_uint_eq(bytes[0], padded);
    for (size_t i = 0; i < sizeof header - 1; i++)
        ck_assert_msg(header[i] == 'X' || bytes[8 + i] == (unsigned char)header[i], "byte %zu of the header", i);
    static const char digits[] = "9fd90aa0adc506bb";
    ck_assert_mem_eq(bytes + 8 + (strchr(header, 'X') - header), digits, 16);
    for (size_t i = sizeof header - 1; i < padded; i++)
        ck_assert_int_eq(bytes[8 + i], ' ');
    ck_assert_mem_eq(bytes + 8 + padded, "\1\2\3\4\5\6\7\10\1\2\3", 11);
    free(bytes);
    bg_archive_destroy(archive);
}
END_TEST

START_TEST(views)
{
    bg_tensor *whole = make_tensor(BG_I32, BG_SHAPE(4, 6)), *turned, *part, *wide, *row;
    OK(bg_tensor_permute(&turned, whole, BG_AXES(1, 0)));
    OK(bg_tensor_slice(&part, turned, 0, 1, 6, 2));
    OK(bg_tensor_slice(&row, whole, 0, 2, 3, 1));
    OK(bg_tensor_expand(&wide, row, BG_SHAPE(3, 6)));
    bg_archive *archive = make_archive(), *loaded;
    OK(bg_archive_add(archive, "turned", turned));
    OK(bg_archive_add(archive, "part", part));
    OK(bg_archive_add(archive, "wide", wide));
    bg_tensor_destroy(whole);
    OK(bg_archive_save(archive, scratch_path("a")));
    OK(bg_archive_load(&loaded, scratch_engine(), scratch_path("a")));
    assert_same(turned, bg_archive_find(loaded, "turned"), "turned");
    assert_same(part, bg_archive_find(loaded, "part"), "part");
    assert_same(wide, bg_archive_find(loaded, "wide"), "wide");
    bg_archive_destroy(archive);
    bg_archive_destroy(loaded);
    bg_tensor_destroy(turned);
    bg_tensor_destroy(part);
    bg_tensor_destroy(row);
    bg_tensor_destroy(wide);
}
END_TEST

START_TEST(wrong_calls)
{
    bg_archive *archive = make_archive(), *none = archive;
    bg_tensor *t = make_tensor(BG_F32, BG_SHAPE(2));
    OK(bg_archive_add(archive, "w", t));
    OK(bg_archive_add_text(archive, "key", "text"));
    const bg_status wrong = BG_ERR_ARGUMENT;
    expect_failure(bg_archive_create(NULL, scratch_engine()), wrong, "archive is NULL", "create");
    expect_failure(bg_archive_create(&none, NULL), wrong, "archive_create", "create");
    ck_assert_ptr_null(none);
    expect_failure(bg_archive_add(NULL, "a", t), wrong, "archive is NULL", "add");
    expect_failure(bg_archive_add(archive, NULL, t), wrong, "name is NULL", "add");
    expect_failure(bg_archive_add(archive, "a", NULL), wrong, "tensor is NULL", "add");
    expect_failure(bg_archive_add(archive, "w", t), wrong, "there is a tensor \"w\" already", "same name");
    expect_failure(bg_archive_add(archive, "__metadata__", t), wrong, "key of the metadata", "reserved name");
    static const char *const not_utf8[] = { "\xFF",         "\x80",         "\xC0\x80",         "\xC3",
                                            "\xE0\x80\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "a\xE2\x82" };
    for (size_t i = 0; i < sizeof not_utf8 / sizeof *not_utf8; i++) {
        expect_failure(bg_archive_add(archive, not_utf8[i], t), wrong, "not UTF-8", "name");
        expect_failure(bg_archive_add_text(archive, not_utf8[i], ""), wrong, "key of", "key");
        expect_failure(bg_archive_add_text(archive, "a", not_utf8[i]), wrong, "text of", "text");
    }
    expect_failure(bg_archive_add_text(NULL, "a", ""), wrong, "archive is NULL", "add_text");
    expect_failure(bg_archive_add_text(archive, NULL, ""), wrong, "key is NULL", "add_text");
    expect_failure(bg_archive_add_text(archive, "a", NULL), wrong, "text is NULL", "add_text");
    expect_failure(bg_archive_add_text(archive, "key", ""), wrong, "there is a text \"key\" already", "same key");
    expect_failure(bg_archive_add_text(archive, "blasgrad.xxh3", ""), wrong, "which saving adds", "reserved key");
    expect_failure(bg_archive_save(NULL, "a"), wrong, "archive is NULL", "save");
    expect_failure(bg_archive_save(archive, NULL), wrong, "path is NULL", "save");
    expect_failure(bg_archive_load(NULL, scratch_engine(), "a"), wrong, "archive is NULL", "load");
    expect_failure(bg_archive_load(&none, NULL, "a"), wrong, "archive_load", "load");
    none = archive;
    expect_failure(bg_archive_load(&none, scratch_engine(), NULL), wrong, "path is NULL", "load");
    ck_assert_ptr_null(none);
    ck_assert_uint_eq(bg_archive_count(archive), 1);
    ck_assert_ptr_null(bg_archive_name(archive, 1));
    ck_assert_ptr_null(bg_archive_tensor(archive, 1));
    ck_assert_ptr_null(bg_archive_find(archive, "a"));
    ck_assert_ptr_null(bg_archive_text(archive, "a"));
    ck_assert_uint_eq(bg_archive_count(NULL), 0);
    ck_assert_ptr_null(bg_archive_find(archive, NULL));
    ck_assert_ptr_null(bg_archive_text(archive, NULL));
    ck_assert_ptr_null(bg_archive_find(NULL, "a"));
    ck_assert_ptr_null(bg_archive_text(NULL, "a"));
    /* As in a child of the process that made the engine. */
    bg_engine *engine = scratch_engine();
    const bg_status forked = BG_ERR_FORKED;
    engine->process++;
    expect_failure(bg_archive_add(archive, "a", t), forked, "archive_add", "child");
    expect_failure(bg_archive_add_text(archive, "a", ""), forked, "archive_add_text", "child");
    expect_failure(bg_archive_save(archive, scratch_path("a")), forked, "archive_save", "child");
    expect_failure(bg_npz_save(archive, scratch_path("a"), NULL), forked, "npz_save", "child");
    expect_failure(bg_npy_save(t, scratch_path("a")), forked, "npy_save", "child");
    expect_failure(bg_file_write(engine, scratch_path("a"), "", 0), forked, "file_write", "child");
    engine->process--;
    bg_archive_destroy(NULL);
    bg_archive_destroy(archive);
    bg_tensor_destroy(t);
}
END_TEST

/* Tensors of so many bytes that no file has room for them, and texts for which no header has. Nothing of them is read.
 */
START_TEST(too_large)
{
    bg_archive *archive = make_archive();
    bg_tensor *wide;
    const int64_t half = (int64_t)1 << 62;
    OK(bg_tensor_wrap(&wide, scratch_engine(), BG_U8, BG_SHAPE(half), &wide));
    OK(bg_archive_add(archive, "a", wide));
    OK(bg_archive_add(archive, "b", wide));
    expect_failure(bg_archive_save(archive, scratch_path("t")), BG_ERR_OVERFLOW, "do not fit 63 bits", "tensors");
    OK(bg_archive_add(archive, "c", wide));
    OK(bg_archive_add(archive, "d", wide));
    OK(bg_archive_add(archive, "e", wide));
    expect_failure(bg_archive_save(archive, scratch_path("t")), BG_ERR_OVERFLOW, "do not fit 63 bits", "tensors");
    bg_archive_destroy(archive);
    bg_tensor_destroy(wide);

    archive = make_archive();
    char *text = malloc(100000001);
    ck_assert_ptr_nonnull(text);
    memset(text, 'a', 100000000);
    text[100000000] = '\0';
    OK(bg_archive_add_text(archive, "key", text));
    free(text);
    expect_failure(bg_archive_save(archive, scratch_path("t")), BG_ERR_OVERFLOW, "at most 100000000 are allowed",
                   "text");
    bg_archive_destroy(archive);
}
END_TEST

/* Writes a file from a header and data bytes. */
static const char *write_safetensors(const char *header, size_t header_bytes, size_t data_bytes)
{
    static unsigned char file[4096];
    ck_assert_uint_le(8 + header_bytes + data_bytes, sizeof file);
    for (int i = 0; i < 8; i++)
        file[i] = (unsigned char)((uint64_t)header_bytes >> (8 * i));
    memcpy(file + 8, header, header_bytes);
    memset(file + 8 + header_bytes, 1, data_bytes);
    return scratch_write("t", file, 8 + header_bytes + data_bytes);
}

#define T(dtype, shape, offsets) "{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":" offsets "}"

START_TEST(headers)
{
    static const struct {
        const char *header;
        size_t data_bytes;
        const char *says; /* NULL: it is right */
    } cases[] = {
        { "{}", 0, NULL },
        { "{}      ", 0, NULL },
        { "{ \t\r\n}", 0, NULL },
        { "{\"w\":" T("F32", "[2]", "[0,8]") "}", 8, NULL },
        { "{\"w\":" T("F32", "[]", "[0,4]") ",\"__metadata__\":{}}", 4, NULL },
        { "{\"b\":" T("U8", "[1]", "[4,5]") ",\"a\":" T("F32", "[1]", "[0,4]") "}", 5, NULL },
        { "{\"a\":" T("F32", "[0,7]", "[4,4]") ",\"b\":" T("I32", "[1]", "[0,4]") "}", 4, NULL },
        { "{\"a\":" T("F32", "[0]", "[0,0]") ",\"b\":" T("BOOL", "[4]", "[0,4]") "}", 4, NULL },
        { "{\"a\":{\"x\":1,\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}", 1, NULL },
        { "{\"\\u0061\\ud83d\\ude00\":" T("F64", "[1]", "[0,8]") "}", 8, NULL },
        { "", 0, "does not begin with \"{\"" },
        { " {}", 0, "does not begin with \"{\"" },
        { "[]", 0, "does not begin with \"{\"" },
        { "   ", 0, "does not begin" },
        { "{}\n", 0, "offset 10: the header does not end" },
        { "{} x", 0, "does not end" },
        { "{}{}", 0, "not the JSON" },
        { "{", 0, "does not end" },
        { "{\"a}", 0, "not the JSON" },
        { "{\"a\":}", 0, "not the JSON" },
        { "{\"a\":1,}", 0, "not the JSON" },
        { "{\"\xFF\":1}", 0, "not the JSON" },
        { "{\"\xED\xA0\x80\":1}", 0, "not the JSON" },
        { "{\"\\ud800\":1}", 0, "not the JSON" },
        { "{\"\\u0000\":1}", 0, "not the JSON" },
        { "{\"a\":{},\"a\":{}}", 0, "duplicate" },
        { "{\"a\":{},\"\\u0061\":{}}", 0, "duplicate" },
        { "{\"a\":{\"b\":[[]]}}", 0, "nested more than 3 deep" },
        { "{\"a\":{\"b\":[{}]}}", 0, "nested more than 3 deep" },
        { "{\"a\":1}", 0, "\"a\" has no dtype" },
        { "{\"a\":{\"dtype\":1}}", 0, "\"a\" has no dtype" },
        { "{\"a\":" T("F16", "[1]", "[0,2]") "}", 2, "\"a\" has the dtype F16; supported are F32" },
        { "{\"a\":" T("f32", "[1]", "[0,4]") "}", 4, "dtype f32" },
        { "{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,4]}}", 4, "no shape of whole numbers" },
        { "{\"a\":" T("F32", "1", "[0,4]") "}", 4, "no shape of whole numbers" },
        { "{\"a\":" T("F32", "[1.0]", "[0,4]") "}", 4, "no shape of whole numbers" },
        { "{\"a\":" T("F32", "[1e0]", "[0,4]") "}", 4, "no shape of whole numbers" },
        { "{\"a\":" T("F32", "[true]", "[0,4]") "}", 4, "no shape of whole numbers" },
        { "{\"a\":" T("F32", "[-1]", "[0,4]") "}", 4, "negative" },
        { "{\"a\":" T("F32", "[-0]", "[0,0]") "}", 0, "negative" },
        { "{\"a\":" T("F32", "[9223372036854775808]", "[0,4]") "}", 4, "not the JSON" },
        { "{\"a\":" T("F32", "[9223372036854775807]", "[0,4]") "}", 4, "cannot be counted" },
        { "{\"a\":" T("F32", "[4294967296,4294967296]", "[0,0]") "}", 0, "cannot be counted" },
        { "{\"a\":" T("U8", "[1,1,1,1,1,1,1,1,1]", "[0,1]") "}", 1, "rank 9" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", 4, "no data_offsets" },
        { "{\"a\":" T("F32", "[1]", "[0]") "}", 4, "no data_offsets of two" },
        { "{\"a\":" T("F32", "[1]", "[0,4,4]") "}", 4, "no data_offsets of two" },
        { "{\"a\":" T("F32", "[1]", "[4,0]") "}", 4, "[4, 0]" },
        { "{\"a\":" T("F32", "[1]", "[0,8]") "}", 8, "needs 4 bytes, its data_offsets [0, 8] hold 8" },
        { "{\"a\":" T("F32", "[2]", "[0,4]") "}", 4, "needs 8 bytes" },
        { "{\"a\":" T("F32", "[1]", "[1,5]") "}", 5, "begin at 1 of the data, not at 0" },
        { "{\"a\":" T("U8", "[2]", "[0,2]") ",\"b\":" T("U8", "[2]", "[1,3]") "}", 3,
          "begin at 1 of the data, not at 2" },
        { "{\"a\":" T("U8", "[2]", "[0,2]") ",\"b\":" T("U8", "[2]", "[0,2]") "}", 2,
          "begin at 0 of the data, not at 2" },
        { "{\"a\":" T("U8", "[1]", "[0,1]") ",\"b\":" T("U8", "[1]", "[2,3]") "}", 3,
          "begin at 2 of the data, not at 1" },
        { "{\"a\":" T("U8", "[2]", "[0,2]") "}", 1, "ends at 2 of the data, the file at 1" },
        { "{\"a\":" T("U8", "[2]", "[0,2]") "}", 3, "1 bytes after the last tensor's belong to none" },
        { "{}", 1, "1 bytes after" },
        { "{\"__metadata__\":[]}", 0, "is not an object" },
        { "{\"__metadata__\":{\"a\":1}}", 0, "not a string, at \"a\"" },
        { "{\"__metadata__\":{\"blasgrad.xxh3\":\"12\"}}", 0, "is not 16 hexadecimal digits" },
        { "{\"__metadata__\":{\"blasgrad.xxh3\":\"2d06800538d394c2\"}}", 0, NULL },
        { "{\"__metadata__\":{\"blasgrad.xxh3\":\"2d06800538d394c3\"}}", 0, "the file is damaged" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *path = write_safetensors(cases[i].header, strlen(cases[i].header), cases[i].data_bytes);
        bg_archive *archive;
        bg_status status = bg_archive_load(&archive, scratch_engine(), path);
        if (cases[i].says) {
            expect_failure(status, BG_ERR_FORMAT, cases[i].says, cases[i].header);
            ck_assert_msg(strstr(bg_last_error(), path) != NULL, "%s does not name the file", bg_last_error());
            ck_assert_ptr_null(archive);
        } else {
            ck_assert_msg(status == BG_OK, "%s: %s", cases[i].header, bg_last_error());
        }
        bg_archive_destroy(archive);
    }
}
END_TEST

START_TEST(other_files)
{
    bg_archive *archive;
    bg_engine *engine = scratch_engine();
    expect_failure(bg_archive_load(&archive, engine, scratch_write("t", "", 0)), BG_ERR_FORMAT, "0 bytes in all",
                   "empty");
    expect_failure(bg_archive_load(&archive, engine, scratch_write("t", "1234567", 7)), BG_ERR_FORMAT, "7 bytes",
                   "short");
    expect_failure(bg_archive_load(&archive, engine, scratch_write("t", "\3\0\0\0\0\0\0\0{}", 10)), BG_ERR_FORMAT,
                   "a header of 3 bytes is announced, but 2 bytes follow", "short header");
    expect_failure(bg_archive_load(&archive, engine, scratch_write("t", "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF{}", 10)),
                   BG_ERR_FORMAT, "18446744073709551615", "huge header");
    expect_failure(bg_archive_load(&archive, engine, write_safetensors("{\"a\0b\":1}", 9, 0)), BG_ERR_FORMAT, "JSON",
                   "NUL");
    /* A hole in the file is data like any other: the length of the header is what is wrong. */
    ck_assert_int_eq(truncate(scratch_write("t", "\x01\xE1\xF5\x05\0\0\0\0{", 9), 200000000), 0);
    expect_failure(bg_archive_load(&archive, engine, scratch_path("t")), BG_ERR_FORMAT, "at most 100000000",
                   "long header");
    expect_failure(bg_archive_load(&archive, engine, scratch_path("none")), BG_ERR_IO, "No such file", "no file");
    expect_failure(bg_archive_load(&archive, engine, scratch_path(".")), BG_ERR_IO, "Is a directory", "folder");
    expect_failure(bg_archive_load(&archive, engine, "/dev/null"), BG_ERR_IO, "not a regular file", "device");

    const char *header = "{\"a\":" T("BOOL", "[2]", "[0,2]") "}";
    size_t count;
    unsigned char *bytes = scratch_read(write_safetensors(header, strlen(header), 2), &count);
    bytes[count - 1] = 2;
    expect_failure(bg_archive_load(&archive, engine, scratch_write("t", bytes, count)), BG_ERR_FORMAT,
                   "tensor \"a\" has the bool 2", "bool");
    free(bytes);
}
END_TEST

static unsigned char *sample_file(size_t *count)
{
    bg_archive *archive = make_archive();
    add(archive, "fc1.weight", make_tensor(BG_F32, BG_SHAPE(2, 3)));
    add(archive, "fc1.bias", make_tensor(BG_F32, BG_SHAPE(2)));
    add(archive, "mask", make_tensor(BG_BOOL, BG_SHAPE(3)));
    OK(bg_archive_add_text(archive, "model", "dense:2"));
    OK(bg_archive_save(archive, scratch_path("sample")));
    bg_archive_destroy(archive);
    return scratch_read(scratch_path("sample"), count);
}

START_TEST(truncated)
{
    size_t count;
    unsigned char *bytes = sample_file(&count);
    for (size_t length = 0; length < count; length++) {
        bg_archive *archive;
        bg_status status = bg_archive_load(&archive, scratch_engine(), scratch_write("t", bytes, length));
        ck_assert_msg(status == BG_ERR_FORMAT, "%zu bytes: %s", length, bg_last_error());
    }
    free(bytes);
}
END_TEST

/* Whatever bit is wrong: in the data it is found, in the header nothing worse than another name happens, and never is
 * more memory asked for than promised. */
START_TEST(flipped_bits)
{
    size_t count, refused = 0;
    unsigned char *bytes = sample_file(&count);
    size_t header = 8 + bytes[0] + 256U * bytes[1];
    scratch_memory *memory = scratch_memory_state();
    for (size_t bit = 0; bit < 8 * count; bit++) {
        bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
        const char *path = scratch_write("t", bytes, count);
        size_t held = memory->most = memory->held;
        bg_archive *archive;
        bg_status status = bg_archive_load(&archive, scratch_engine(), path);
        ck_assert_msg(status == BG_OK || status == BG_ERR_FORMAT, "bit %zu: %s", bit, bg_last_error());
        ck_assert_msg(status || bit / 8 < header, "bit %zu of the data went unnoticed", bit);
        ck_assert_uint_le(memory->most - held, count + (1 << 16));
        refused += status != BG_OK;
        bg_archive_destroy(archive);
        bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
    ck_assert_uint_gt(refused, 8 * count / 2);
    free(bytes);
}
END_TEST

/* Saves an archive of `kib` KiB under a name. */
static bg_status save_some(const char *name, int64_t kib)
{
    bg_archive *archive;
    bg_tensor *tensor = NULL;
    bg_status status = bg_archive_create(&archive, scratch_engine());
    if (!status)
        status = bg_tensor_create(&tensor, scratch_engine(), BG_U8, BG_SHAPE(kib, 1024));
    if (!status)
        status = bg_archive_add(archive, "w", tensor);
    if (!status)
        status = bg_archive_add_text(archive, "key", "text");
    if (!status)
        status = bg_archive_save(archive, name);
    bg_tensor_destroy(tensor);
    bg_archive_destroy(archive);
    return status;
}

START_TEST(failed_saves)
{
    OK(save_some(scratch_path("a"), 1));
    size_t count, after;
    unsigned char *before = scratch_read(scratch_path("a"), &count);

    expect_failure(save_some(scratch_path("none/a"), 1), BG_ERR_IO, "No such file", "no folder");
    expect_failure(save_some(scratch_path("a/b"), 1), BG_ERR_IO, "Not a directory", "file as folder");
    expect_failure(save_some(scratch_path(""), 1), BG_ERR_IO, "Is a directory", "folder");
    expect_failure(save_some(scratch_path("."), 1), BG_ERR_IO, "Is a directory", "folder");
    expect_failure(save_some("", 1), BG_ERR_IO, "directory", "no name");
    ck_assert_int_eq(mkfifo(scratch_path("pipe"), 0600), 0);
    expect_failure(save_some(scratch_path("pipe"), 1), BG_ERR_IO, "no regular file", "pipe");
    ck_assert_int_eq(mkdir(scratch_path("folder"), 0700), 0);
    expect_failure(save_some(scratch_path("folder"), 1), BG_ERR_IO, "Is a directory", "folder");
    char name[300];
    memset(name, 'n', 250);
    name[250] = '\0';
    expect_failure(save_some(scratch_path(name), 1), BG_ERR_IO, "File name too long", "long name");

    /* The disk takes no more in the middle of the data. */
    struct rlimit old, small = { 50000, 0 };
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &old), 0);
    small.rlim_max = old.rlim_max;
    (void)signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
    bg_status status = save_some(scratch_path("a"), 100);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &old), 0);
    (void)signal(SIGXFSZ, SIG_DFL);
    expect_failure(status, BG_ERR_IO, "a: cannot write: File too large", "full");

    unsigned char *still = scratch_read(scratch_path("a"), &after);
    ck_assert_uint_eq(after, count);
    ck_assert_mem_eq(still, before, count);
    ck_assert_int_eq(scratch_files(), 3);
    free(before);
    free(still);
}
END_TEST

START_TEST(replaces)
{
    /* A temporary file that a dead process of our id left. */
    char stale[100];
    (void)snprintf(stale, sizeof stale, ".a.tmp.%d", (int)gettid());
    scratch_write(stale, "left", 4);
    for (int64_t kib = 3; kib > 0; kib--)
        OK(save_some(scratch_path("a"), kib));
    ck_assert_int_eq(scratch_files(), 1);
    bg_archive *archive;
    OK(bg_archive_load(&archive, scratch_engine(), scratch_path("a")));
    ck_assert_int_eq(bg_tensor_shape(bg_archive_find(archive, "w")).dims[0], 1);
    bg_archive_destroy(archive);
}
END_TEST

static bg_status scenario_save(void) { return save_some(scratch_path("b"), 1); }

/* A view is copied to be written. */
static bg_tensor *turned;
static bg_status scenario_save_view(void)
{
    bg_archive *archive;
    bg_status status = bg_archive_create(&archive, scratch_engine());
    if (!status)
        status = bg_archive_add(archive, "w", turned);
    if (!status)
        status = bg_archive_save(archive, scratch_path("b"));
    bg_archive_destroy(archive);
    return status;
}

static bg_status scenario_load(void)
{
    bg_archive *archive;
    bg_status status = bg_archive_load(&archive, scratch_engine(), scratch_path("sample"));
    ck_assert((status == BG_OK) == (archive != NULL));
    bg_archive_destroy(archive);
    return status;
}

START_TEST(out_of_memory)
{
    size_t count;
    free(sample_file(&count));
    ck_assert_int_gt(scratch_fail_each("save", scenario_save), 10);
    bg_tensor *rows = make_tensor(BG_F32, BG_SHAPE(2, 3));
    OK(bg_tensor_permute(&turned, rows, BG_AXES(1, 0)));
    bg_tensor_destroy(rows);
    ck_assert_int_gt(scratch_fail_each("save a view", scenario_save_view), 10);
    bg_tensor_destroy(turned);
    ck_assert_int_gt(scratch_fail_each("load", scenario_load), 10);
    ck_assert_int_eq(scratch_files(), 2);
}
END_TEST

/* jansson's memory, which it asks for at any time; the nth block is refused. */
static int blocks_left;
static void *allocate_some(size_t bytes) { return --blocks_left == 0 ? NULL : malloc(bytes); }

START_TEST(out_of_json_memory)
{
    /* jansson itself reads beyond a string that it had to cut, so none is longer than its first block. */
    static const char header[] = "{\"__metadata__\":{\"key\":\"text\"},\"a\":{\"dtype\":\"F32\",\"shape\":[1],"
                                 "\"data_offsets\":[0,4]}} ";
    unsigned char file[8 + sizeof header - 1 + 4] = { sizeof header - 1 };
    memcpy(file + 8, header, sizeof header - 1);
    scratch_write("json", file, sizeof file);
    json_malloc_t allocate;
    json_free_t release;
    json_get_alloc_funcs(&allocate, &release);
    json_set_alloc_funcs(allocate_some, free);
    bg_status status = BG_ERR_NOMEM;
    int n = 0;
    while (status == BG_ERR_NOMEM) {
        bg_archive *archive;
        blocks_left = ++n;
        status = bg_archive_load(&archive, scratch_engine(), scratch_path("json"));
        ck_assert((status == BG_OK) == (archive != NULL));
        bg_archive_destroy(archive);
    }
    json_set_alloc_funcs(allocate, release);
    ck_assert_msg(status == BG_OK, "block %d: %s: %s", n, bg_status_name(status), bg_last_error());
    ck_assert_int_gt(n, 20);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("io");
    TCase *tests = tcase_create("archives");
    tcase_add_checked_fixture(tests, scratch_begin, scratch_end);
    tcase_add_test(tests, round_trip);
    tcase_add_test(tests, exact_bytes);
    tcase_add_test(tests, views);
    tcase_add_test(tests, wrong_calls);
    tcase_add_test(tests, too_large);
    tcase_add_test(tests, headers);
    tcase_add_test(tests, other_files);
    tcase_add_test(tests, truncated);
    tcase_add_test(tests, flipped_bits);
    tcase_add_test(tests, failed_saves);
    tcase_add_test(tests, replaces);
    tcase_add_test(tests, out_of_memory);
    tcase_add_test(tests, out_of_json_memory);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
