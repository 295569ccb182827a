/* NPY files: what is read, what is refused and why, and what is written. */
#include "support/scratch.h"
#include "support/suite.h"
#include "support/values.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- Making files ---- */

typedef struct {
    unsigned char bytes[1 << 17];
    size_t count;
} file;

/* Prefix, header as it stands, and elements. */
static file *make_file(int version, const char *header, const void *elements, size_t bytes)
{
    static file f;
    size_t length = strlen(header);
    memcpy(f.bytes, "\x93NUMPY", 6);
    f.bytes[6] = (unsigned char)version;
    f.bytes[7] = 0;
    f.count = 8;
    for (int i = 0; i < (version == 1 ? 2 : 4); i++)
        f.bytes[f.count++] = (unsigned char)(length >> 8 * i);
    memcpy(f.bytes + f.count, header, length);
    memcpy(f.bytes + f.count + length, elements, bytes);
    f.count += length + bytes;
    return &f;
}

static bg_status read_file(bg_tensor **tensor, const file *f)
{
    return bg_npy_load(tensor, scratch_engine(), scratch_write("t.npy", f->bytes, f->count));
}

#define HEADER(descr, order, shape) "{'descr': '" descr "', 'fortran_order': " order ", 'shape': " shape ", }   \n"

/* ---- Reading ---- */

START_TEST(types)
{
    static const struct {
        const char *descr, *bytes;
        size_t size;
        bg_dtype dtype;
        double values[2];
    } cases[] = {
        { "|b1", "\0\1", 1, BG_BOOL, { 0, 1 } },
        { "<b1", "\1\0", 1, BG_BOOL, { 1, 0 } },
        { "|u1", "\1\xFF", 1, BG_U8, { 1, 255 } },
        { ">u1", "\1\xFF", 1, BG_U8, { 1, 255 } },
        { "|i1", "\x7F\x80", 1, BG_I32, { 127, -128 } },
        { "<i2", "\1\2\0\x80", 2, BG_I32, { 513, -32768 } },
        { ">i2", "\1\2\x80\0", 2, BG_I32, { 258, -32768 } },
        { "<u2", "\1\2\xFF\xFF", 2, BG_I32, { 513, 65535 } },
        { ">u2", "\1\2\xFF\xFE", 2, BG_I32, { 258, 65534 } },
        { "<i4", "\1\2\3\4\xFE\xFF\xFF\xFF", 4, BG_I32, { 0x04030201, -2 } },
        { ">i4", "\1\2\3\4\xFF\xFF\xFF\xFE", 4, BG_I32, { 0x01020304, -2 } },
        { "<u4", "\1\0\0\0\xFF\xFF\xFF\xFF", 4, BG_I64, { 1, 4294967295.0 } },
        { ">u4", "\0\0\0\1\xFF\xFF\xFF\xFF", 4, BG_I64, { 1, 4294967295.0 } },
        { "<i8", "\1\0\0\0\0\0\0\0\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 8, BG_I64, { 1, -1 } },
        { ">i8", "\0\0\0\0\0\0\0\1\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFE", 8, BG_I64, { 1, -2 } },
        { "<u8", "\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x40", 8, BG_I64, { 1, 0x1p62 } },
        { ">u8", "\0\0\0\0\0\0\0\1\x40\0\0\0\0\0\0\0", 8, BG_I64, { 1, 0x1p62 } },
        { "<f2", "\0\x3C\1\x80", 2, BG_F32, { 1, -0x1p-24 } },
        { ">f2", "\x7B\xFF\xFC\0", 2, BG_F32, { 65504, -INFINITY } },
        { "<f4", "\0\0\x80\x3F\0\0\x20\xC0", 4, BG_F32, { 1, -2.5 } },
        { ">f4", "\x3F\x80\0\0\xC0\x20\0\0", 4, BG_F32, { 1, -2.5 } },
        { "<f8", "\0\0\0\0\0\0\xF0\x3F\0\0\0\0\0\0\4\xC0", 8, BG_F64, { 1, -2.5 } },
        { ">f8", "\x3F\xF0\0\0\0\0\0\0\xC0\4\0\0\0\0\0\0", 8, BG_F64, { 1, -2.5 } },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (int version = 1; version <= 3; version++) {
            char header[200];
            bg_tensor *tensor;
            (void)snprintf(header, sizeof header, HEADER("%s", "False", "(2,)"), cases[i].descr);
            expect_ok(read_file(&tensor, make_file(version, header, cases[i].bytes, 2 * cases[i].size)),
                      cases[i].descr);
            ck_assert_msg(bg_tensor_dtype(tensor) == cases[i].dtype, "%s", cases[i].descr);
            ck_assert(bg_shape_equal(bg_tensor_shape(tensor), BG_SHAPE(2)));
            for (int k = 0; k < 2; k++)
                ck_assert_msg(value_at(tensor, k) == cases[i].values[k], "%s: %g", cases[i].descr, value_at(tensor, k));
            bg_tensor_destroy(tensor);
        }
    }
}
END_TEST

START_TEST(every_half)
{
    static unsigned char bytes[2 << 16];
    for (int i = 0; i < 1 << 16; i++) {
        bytes[2 * i] = (unsigned char)i;
        bytes[2 * i + 1] = (unsigned char)(i >> 8);
    }
    static file f; /* larger than make_file's */
    const char *path = scratch_path("half.npy");
    FILE *out = fopen(path, "wb");
    ck_assert_ptr_nonnull(out);
    const file *head = make_file(1, HEADER("<f2", "False", "(65536,)"), "", 0);
    memcpy(&f, head, sizeof f);
    ck_assert_uint_eq(fwrite(f.bytes, 1, f.count, out), f.count);
    ck_assert_uint_eq(fwrite(bytes, 1, sizeof bytes, out), sizeof bytes);
    ck_assert_int_eq(fclose(out), 0);
    bg_tensor *tensor;
    OK(bg_npy_load(&tensor, scratch_engine(), path));
    for (int i = 0; i < 1 << 16; i++) {
        int exponent = i >> 10 & 31, fraction = i & 1023;
        double value = exponent == 0    ? ldexp(fraction, -24)
                       : exponent == 31 ? (fraction ? NAN : INFINITY)
                                        : ldexp(1024 + fraction, exponent - 25);
        double found = value_at(tensor, i);
        ck_assert_msg(isnan(value) ? isnan(found) : found == (i & 0x8000 ? -value : value), "%04x: %g", i, found);
        ck_assert(!signbit(found) == !(i & 0x8000));
    }
    bg_tensor_destroy(tensor);
}
END_TEST

START_TEST(shapes_and_orders)
{
    static const struct {
        const char *order, *text;
        bg_shape shape;
        const char *values; /* in row-major order, of the bytes 0 1 2 .. */
    } cases[] = {
        { "False", "()", { 0, { 0 } }, "\0" },
        { "True", "()", { 0, { 0 } }, "\0" },
        { "False", "(0,)", { 1, { 0 } }, "" },
        { "True", "(3,)", { 1, { 3 } }, "\0\1\2" },
        { "False", "( 2 ,3)", { 2, { 2, 3 } }, "\0\1\2\3\4\5" },
        { "True", "(2, 3)", { 2, { 2, 3 } }, "\0\2\4\1\3\5" },
        { "True", "(2, 3,)", { 2, { 2, 3 } }, "\0\2\4\1\3\5" },
        { "True", "(2, 0)", { 2, { 2, 0 } }, "" },
        { "True", "(2L, 1L, 2L)", { 3, { 2, 1, 2 } }, "\0\2\1\3" },
        { "False", "(1, 1, 1, 1, 1, 1, 1, 2)", { 8, { 1, 1, 1, 1, 1, 1, 1, 2 } }, "\0\1" },
        { "True", "(1, 1, 1, 1, 1, 1, 1, 2)", { 8, { 1, 1, 1, 1, 1, 1, 1, 2 } }, "\0\1" },
        { "True", "(2, 2, 2)", { 3, { 2, 2, 2 } }, "\0\4\2\6\1\5\3\7" },
    };
    static const char *const codes[] = { "|u1", "|i1", "<i2", ">i4", "<i8" };
    static const int sizes[] = { 1, 1, 2, 4, 8 }, low[] = { 0, 0, 0, 3, 0 };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (int t = 0; t < 5; t++) {
            unsigned char bytes[64] = { 0 };
            char header[200];
            size_t count = (size_t)bg_shape_count(cases[i].shape);
            for (size_t k = 0; k < count; k++)
                bytes[k * (size_t)sizes[t] + (size_t)low[t]] = (unsigned char)k;
            (void)snprintf(header, sizeof header, HEADER("%s", "%s", "%s"), codes[t], cases[i].order, cases[i].text);
            bg_tensor *tensor;
            expect_ok(read_file(&tensor, make_file(1, header, bytes, count * (size_t)sizes[t])), header);
            ck_assert_msg(bg_shape_equal(bg_tensor_shape(tensor), cases[i].shape), "%s", header);
            ck_assert(bg_tensor_is_contiguous(tensor));
            for (size_t k = 0; k < count; k++)
                ck_assert_msg(value_at(tensor, (int64_t)k) == cases[i].values[k], "%s", header);
            bg_tensor_destroy(tensor);
        }
    }
}
END_TEST

/* Blanks, quotes and the order of the keys are free. */
START_TEST(forms_of_headers)
{
    static const char *const headers[] = {
        "{'descr': '<i4', 'fortran_order': False, 'shape': (1,)}",
        "{\"shape\":(1,),\"fortran_order\":False,\"descr\":\"<i4\"}\n",
        " \t\r\n{ 'shape' : ( 1 , ) , 'descr' : '<i4' , 'fortran_order' : True , } \n \n",
    };
    for (int i = 0; i < 3; i++) {
        bg_tensor *tensor;
        expect_ok(read_file(&tensor, make_file(3, headers[i], "\7\0\0\0", 4)), headers[i]);
        ck_assert(value_at(tensor, 0) == 7);
        bg_tensor_destroy(tensor);
    }
    static char longest[65536];
    memset(longest, ' ', 65535);
    memcpy(longest, headers[0], strlen(headers[0]));
    bg_tensor *tensor;
    OK(read_file(&tensor, make_file(1, longest, "\7\0\0\0", 4)));
    bg_tensor_destroy(tensor);
    longest[65534] = '}';
    FAILS(read_file(&tensor, make_file(1, longest, "\7\0\0\0", 4)), BG_ERR_FORMAT,
          "offset 65544: the header has byte 7d where the end should be");
}
END_TEST

START_TEST(errors_of_headers)
{
    static const struct {
        const char *header, *says;
    } cases[] = {
        { "", "offset 12: the header ends where { should be" },
        { "[]", "offset 12: the header has byte 5b where { should be" },
        { "{", "offset 13: the header ends where a key in quotes should be" },
        { "{1:", "offset 13: the header has byte 31 where a key in quotes should be" },
        { "{'descr", "offset 13: a string in the header has no end" },
        { "{'descr\"", "offset 13: a string in the header has no end" },
        { "{'descr'", "offset 20: the header ends where a colon should be" },
        { "{'descr','", "offset 20: the header has byte 2c where a colon should be" },
        { "{'descr':[('a', '<f4')]}",
          "offset 21: the elements are records (a structured dtype), which cannot be read" },
        { "{'descr':4}", "offset 21: the header has byte 34 where a dtype such as '<f4' should be" },
        { "{'descr':'<f4}", "offset 21: a string in the header has no end" },
        { "{'descr':'|O'}", "offset 21: the dtype '|O'; supported are b1 i1" },
        { "{'descr':'<f16'}", "the dtype '<f16'" },
        { "{'descr':'<c8'}", "the dtype '<c8'" },
        { "{'descr':'<U3'}", "the dtype '<U3'" },
        { "{'descr':'=f4'}", "the dtype '=f4'" },
        { "{'descr':'|f4'}", "the dtype '|f4'" },
        { "{'descr':'<f3'}", "the dtype '<f3'" },
        { "{'descr':''}", "the dtype ''" },
        { "{'descr':'aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeee'}",
          "the dtype 'aaaaaaaaaabbbbbbbbbbccccccccccdddddddddd';" },
        { "{'descr':'<f4'", "offset 26: the header ends where a comma or } should be" },
        { "{'descr':'<f4' 'shape'", "offset 27: the header has byte 27 where a comma or } should be" },
        { "{'descr':'<f4',,", "offset 27: the header has byte 2c where a key in quotes should be" },
        { "{'descr':'<f4','descr':'<f4'}", "offset 27: the header has the key 'descr' again; it should have descr, f" },
        { "{'fortran':False}", "offset 13: the header has the key 'fortran'; it should have" },
        { "{'':False}", "the header has the key ''" },
        { "{'aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeee':1}",
          "the key 'aaaaaaaaaabbbbbbbbbbccccccccccdddddddddd';" },
        { "{'fortran_order':Tru}", "offset 29: the header has byte 54 where True or False should be" },
        { "{'fortran_order':", "offset 29: the header ends where True or False should be" },
        { "{'fortran_order':'False'}", "offset 29: the header has byte 27 where True or False" },
        { "{'shape':3}", "offset 21: the header has byte 33 where ( of the shape should be" },
        { "{'shape':", "offset 21: the header ends where ( of the shape should be" },
        { "{'shape':(3)}", "offset 23: the header has byte 29 where a comma of the shape should be" },
        { "{'shape':(3", "offset 23: the header ends where a comma of the shape should be" },
        { "{'shape':(3 4)}", "offset 24: the header has byte 34 where a comma of the shape should be" },
        { "{'shape':(3,4 5)}", "offset 26: the header has byte 35 where a comma of the shape should be" },
        { "{'shape':(,)}", "offset 22: the header has byte 2c where an extent in digits should be" },
        { "{'shape':(3,", "offset 24: the header ends where an extent in digits should be" },
        { "{'shape':(-3,)}", "offset 22: the header has byte 2d where an extent in digits should be" },
        { "{'shape':(a,)}", "offset 22: the header has byte 61 where an extent in digits should be" },
        { "{'shape':(03,)}", "offset 22: an extent begins with 0 and has more digits" },
        { "{'shape':(3.,)}", "offset 23: the header has byte 2e where a comma of the shape should be" },
        { "{'shape':(99999999999999999999,)}", "offset 22: the extent 999999999999999999.. does not fit 63 bits" },
        { "{'shape':(9223372036854775808,)}", "offset 22: the extent 922337203685477580.. does not fit 63 bits" },
        { "{'shape':(1,1,1,1,1,1,1,1,1)}", "offset 21: the shape has more than 8 extents" },
        { "{}", "offset 14: the header lacks the key 'descr'" },
        { "{'descr':'<f4','shape':()}", "the header lacks the key 'fortran_order'" },
        { "{'descr':'<f4','fortran_order':True}", "the header lacks the key 'shape'" },
        { "{'descr':'<f4','fortran_order':True,'shape':()} x",
          "offset 60: the header has byte 78 where the end should be" },
        { "{'descr':'<f4','fortran_order':True,'shape':()}}",
          "offset 59: the header has byte 7d where the end should be" },
        { HEADER("<f4", "True", "(2,)"), "offset 72: [2] elements of 4 bytes are 8 bytes, but 4 follow" },
        { HEADER("<f4", "True", "(0,)"), "[0] elements of 4 bytes are 0 bytes, but 4 follow" },
        { HEADER("<f8", "True", "()"), "[] elements of 8 bytes are 8 bytes, but 4 follow" },
        { HEADER("<f4", "True", "(1073741824,)"),
          "[1073741824] elements of 4 bytes are 4294967296 bytes, but 4 follow" },
        { HEADER("<f4", "True", "(4294967296, 4294967296)"),
          "the shape is [4294967296, 4294967296], whose bytes cannot" },
        { HEADER("|u1", "True", "(9223372036854775807, 2)"), "whose bytes cannot be counted" },
        { HEADER("|i1", "True", "(9223372036854775807,)"), "whose bytes cannot be counted" },
        { HEADER("|u1", "True", "(0, 9223372036854775807, 9)"), "whose bytes cannot be counted" },
    };
    scratch_memory *memory = scratch_memory_state();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bg_tensor *tensor;
        size_t held = memory->most = memory->held;
        bg_status status = read_file(&tensor, make_file(3, cases[i].header, "\0\0\0\0", 4));
        expect_failure(status, BG_ERR_FORMAT, cases[i].says, cases[i].header);
        ck_assert_ptr_null(tensor);
        ck_assert_uint_le(memory->most - held, 4096);
    }
    bg_tensor *tensor;
    FAILS(read_file(&tensor, make_file(3, HEADER("<f4", "True", "(1L,)"), "\0\0\0\0", 4)), BG_ERR_FORMAT,
          "the header has byte 4c where a comma of the shape should be");
    file *f = make_file(1, "{'shape' \0", "", 0);
    f->bytes[f->count - 1] = 0; /* a zero byte is no blank */
    FAILS(read_file(&tensor, f), BG_ERR_FORMAT, "has byte 00 where a colon should be");
}
END_TEST

START_TEST(errors_around_headers)
{
    static const struct {
        const char *bytes;
        size_t count;
        const char *says;
    } cases[] = {
        { "", 0, "npy_load: " },
        { "", 0, "t.npy: offset 0: an NPY array begins with 10 bytes or more, this has 0 in all" },
        { "\x93NUMPY\1\0\1", 9, "this has 9 in all" },
        { "PK\3\4aaaaaa", 10, "offset 0: an NPY array begins with 93 4e 55 4d 50 59, this with 50 4b 03 .." },
        { "\x93NUMPY\0\0\0\0", 10, "offset 6: version 0.0; there are 1.0, 2.0 and 3.0" },
        { "\x93NUMPY\4\0\0\0", 10, "offset 6: version 4.0" },
        { "\x93NUMPY\1\1\0\0", 10, "offset 6: version 1.1" },
        { "\x93NUMPY\2\0\0\0\0", 11, "offset 8: 3 bytes are left of the 4 of the header's length" },
        { "\x93NUMPY\1\0\1\0", 10,
          "offset 8: a header of 1 bytes is announced; 0 bytes follow, and 65535 are the most" },
        { "\x93NUMPY\3\0\0\0\0\x80", 12, "offset 8: a header of 2147483648 bytes is announced; 0 bytes follow" },
    };
    bg_tensor *tensor;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bg_status status =
            bg_npy_load(&tensor, scratch_engine(), scratch_write("t.npy", cases[i].bytes, cases[i].count));
        expect_failure(status, BG_ERR_FORMAT, cases[i].says, cases[i].says);
        ck_assert_ptr_null(tensor);
    }
    static char long_header[66000];
    memset(long_header, ' ', 65536);
    FAILS(read_file(&tensor, make_file(2, long_header, "", 0)), BG_ERR_FORMAT, "a header of 65536 bytes is announced");
    FAILS(read_file(&tensor, make_file(1, HEADER("|b1", "False", "(3,)"), "\1\0\2", 3)), BG_ERR_FORMAT,
          "element 2 is the bool 2");
    FAILS(read_file(&tensor, make_file(1, HEADER(">u8", "False", "(1,)"), "\x80\0\0\0\0\0\0\1", 8)), BG_ERR_FORMAT,
          "element 0 is 9223372036854775809, which i64 cannot hold");
    ck_assert_ptr_null(tensor);
    FAILS(bg_npy_load(&tensor, scratch_engine(), scratch_path("none")), BG_ERR_IO, "No such file");
    FAILS(bg_npy_load(&tensor, scratch_engine(), scratch_path(".")), BG_ERR_IO, "Is a directory");
    FAILS(bg_npy_load(&tensor, scratch_engine(), "/dev/zero"), BG_ERR_IO, "not a regular file");
    FAILS(bg_npy_load(&tensor, scratch_engine(), NULL), BG_ERR_ARGUMENT, "npy_load: path is NULL");
    FAILS(bg_npy_load(NULL, scratch_engine(), "t"), BG_ERR_ARGUMENT, "npy_load: tensor is NULL");
    FAILS(bg_npy_load(&tensor, NULL, "t"), BG_ERR_ARGUMENT, "npy_load");
}
END_TEST

/* Every part of a file, and the file with any one bit of its header turned. */
START_TEST(damaged)
{
    static const char *const headers[] = { HEADER("<i2", "False", "(2, 3)"), HEADER("<i2", "True", "(2, 3)") };
    scratch_memory *memory = scratch_memory_state();
    int loaded = 0;
    for (int version = 1; version <= 3; version++) {
        for (int h = 0; h < 2; h++) {
            file *f = make_file(version, headers[h], "\0\1\0\2\0\3\0\4\0\5\0\6", 12);
            size_t count = f->count;
            bg_tensor *tensor;
            for (f->count = 0; f->count < count; f->count++) {
                bg_status status = read_file(&tensor, f);
                ck_assert_msg(status == BG_ERR_FORMAT, "%zu bytes: %s", f->count, bg_last_error());
            }
            for (size_t bit = 0; bit < 8 * (count - 12); bit++) {
                f->bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
                size_t held = memory->most = memory->held;
                bg_status status = read_file(&tensor, f);
                ck_assert_msg(status == BG_ERR_FORMAT || status == BG_OK, "bit %zu: %s", bit, bg_last_error());
                ck_assert((status == BG_OK) == (tensor != NULL));
                ck_assert_uint_le(memory->most - held, 4096);
                loaded += tensor != NULL;
                bg_tensor_destroy(tensor);
                f->bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
            }
        }
    }
    /* Another byte order, integer or float, signed or not; a blank that is another one; version 2 for 3. */
    ck_assert_int_ge(loaded, 10);
    ck_assert_int_le(loaded, 60);
}
END_TEST

/* ---- Writing ---- */

START_TEST(written)
{
    static const char *const codes[BG_DTYPE_COUNT] = { "<f4", "<f8", "<i4", "<i8", "|u1", "|b1" };
    static const struct {
        bg_shape shape;
        const char *text;
    } shapes[] = { { { 0, { 0 } }, "()" },
                   { { 1, { 3 } }, "(3,)" },
                   { { 2, { 0, 7 } }, "(0, 7)" },
                   { { 3, { 2, 3, 4 } }, "(2, 3, 4)" } };
    bg_engine *engine = scratch_engine();
    for (int dtype = 0; dtype < BG_DTYPE_COUNT; dtype++) {
        for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
            bg_tensor *tensor, *back;
            OK(bg_tensor_create(&tensor, engine, (bg_dtype)dtype, shapes[s].shape));
            size_t bytes = (size_t)bg_shape_count(shapes[s].shape) * bg_dtype_size((bg_dtype)dtype);
            unsigned char *data = bg_tensor_data(tensor);
            for (size_t i = 0; i < bytes; i++)
                data[i] = dtype == BG_BOOL ? (unsigned char)(i % 2) : (unsigned char)(7 * i + 1);
            const char *path = scratch_path("w.npy");
            OK(bg_npy_save(tensor, path));
            size_t count;
            unsigned char *found = scratch_read(path, &count);
            char header[200];
            (void)snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': False, 'shape': %s, }",
                           codes[dtype], shapes[s].text);
            ck_assert_uint_eq(count, 128 + bytes);
            ck_assert(memcmp(found, "\x93NUMPY\1\0\x76\0", 10) == 0 && found[127] == '\n');
            ck_assert_msg(memcmp(found + 10, header, strlen(header)) == 0, "%.60s", (char *)found + 10);
            for (size_t i = 10 + strlen(header); i < 127; i++)
                ck_assert_int_eq(found[i], ' ');
            ck_assert(memcmp(found + 128, data, bytes) == 0);
            free(found);
            OK(bg_npy_load(&back, engine, path));
            ck_assert(bg_tensor_dtype(back) == (bg_dtype)dtype);
            ck_assert(bg_shape_equal(bg_tensor_shape(back), shapes[s].shape));
            ck_assert(memcmp(bg_tensor_const_data(back), data, bytes) == 0);
            bg_tensor_destroy(back);
            bg_tensor_destroy(tensor);
        }
    }
    ck_assert_int_eq(scratch_files(), 1);
}
END_TEST

static bg_tensor *turned(void)
{
    bg_tensor *tensor, *view;
    OK(bg_tensor_create(&tensor, scratch_engine(), BG_I32, BG_SHAPE(2, 3)));
    for (int i = 0; i < 6; i++)
        ((int32_t *)bg_tensor_data(tensor))[i] = i;
    OK(bg_tensor_permute(&view, tensor, BG_AXES(1, 0)));
    bg_tensor_destroy(tensor);
    return view;
}

START_TEST(written_views)
{
    bg_tensor *view = turned(), *back;
    OK(bg_npy_save(view, scratch_path("v.npy")));
    OK(bg_npy_load(&back, scratch_engine(), scratch_path("v.npy")));
    for (int i = 0; i < 6; i++)
        ck_assert(value_at(back, i) == i / 2 + i % 2 * 3);
    bg_tensor_destroy(back);

    FAILS(bg_npy_save(NULL, "x"), BG_ERR_ARGUMENT, "npy_save: no tensor");
    FAILS(bg_npy_save(view, NULL), BG_ERR_ARGUMENT, "npy_save: path is NULL");
    FAILS(bg_npy_save(view, scratch_path("none/v.npy")), BG_ERR_IO, "cannot open its folder");
    FAILS(bg_npy_save(view, "/dev/full"), BG_ERR_IO, "cannot replace what is no regular file");
    ck_assert_int_eq(scratch_files(), 1);
    bg_tensor_destroy(view);
}
END_TEST

/* The longest header there can be. */
START_TEST(longest_header)
{
    bg_tensor *tensor, *view, *back;
    int64_t most = (int64_t)1 << 55;
    OK(bg_tensor_create(&tensor, scratch_engine(), BG_U8, BG_SHAPE(0, 1, 1, 1, 1, 1, 1, 1)));
    OK(bg_tensor_expand(&view, tensor, BG_SHAPE(0, most, 1, 1, 1, 1, 1, 1)));
    OK(bg_npy_save(view, scratch_path("l.npy")));
    OK(bg_npy_load(&back, scratch_engine(), scratch_path("l.npy")));
    ck_assert(bg_shape_equal(bg_tensor_shape(back), bg_tensor_shape(view)));
    bg_tensor_destroy(back);
    bg_tensor_destroy(view);
    bg_tensor_destroy(tensor);
}
END_TEST

/* ---- Memory ---- */

static bg_status scenario(void)
{
    bg_tensor *tensor, *view;
    bg_status status = bg_npy_load(&tensor, scratch_engine(), scratch_path("t.npy"));
    if (status)
        return status;
    status = bg_tensor_permute(&view, tensor, BG_AXES(1, 0));
    if (!status)
        status = bg_npy_save(view, scratch_path("u.npy"));
    bg_tensor_destroy(tensor);
    bg_tensor_destroy(view);
    return status;
}

START_TEST(out_of_memory)
{
    const file *f = make_file(1, HEADER("<i2", "True", "(2, 3)"), "\0\1\0\2\0\3\0\4\0\5\0\6", 12);
    scratch_write("t.npy", f->bytes, f->count);
    ck_assert_int_gt(scratch_fail_each("NPY", scenario), 10);
    ck_assert_int_eq(scratch_files(), 2);
}
END_TEST

/* No more than the elements, the file's size and 64 KiB, also where elements are laid out anew and become wider. */
START_TEST(little_memory)
{
    scratch_memory *memory = scratch_memory_state();
    static unsigned char elements[100 * 300];
    for (int order = 0; order < 2; order++) {
        const char *header = order ? HEADER("|i1", "True", "(100, 300)") : HEADER("|i1", "False", "(100, 300)");
        const file *f = make_file(1, header, elements, sizeof elements);
        bg_tensor *tensor;
        size_t held = memory->most = memory->held;
        OK(read_file(&tensor, f));
        ck_assert_uint_le(memory->most - held, 4 * sizeof elements + f->count + 4096);
        bg_tensor_destroy(tensor);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("npy");
    TCase *tests = tcase_create("npy");
    tcase_add_checked_fixture(tests, scratch_begin, scratch_end);
    tcase_add_test(tests, types);
    tcase_add_test(tests, every_half);
    tcase_add_test(tests, shapes_and_orders);
    tcase_add_test(tests, forms_of_headers);
    tcase_add_test(tests, errors_of_headers);
    tcase_add_test(tests, errors_around_headers);
    tcase_add_test(tests, damaged);
    tcase_add_test(tests, written);
    tcase_add_test(tests, written_views);
    tcase_add_test(tests, longest_header);
    tcase_add_test(tests, out_of_memory);
    tcase_add_test(tests, little_memory);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
