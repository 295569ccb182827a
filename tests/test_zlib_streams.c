/* Streams of bytes through zlib, at lengths beyond its own integers. */
#include "support/scratch.h"
#include "support/suite.h"
#include "support/values.h"

#include "io/stream.h"

#include <string.h>
#include <zlib.h>

/* Where a length is said to be more than a call of zlib takes, nothing of it is touched beyond what is there. */
static const size_t MORE_THAN_A_CALL = ((size_t)1 << 30) + 1;

START_TEST(more_than_a_call_takes)
{
    static const char text[] = "some text, some text, some text";
    unsigned char bytes[100] = { 0 };
    size_t got;
    for (int is_gz = 0; is_gz < 2; is_gz++) {
        bgi_stream stream;
        OK(bgi_stream_open(&stream, "test", (is_gz ? scratch_write_gz : scratch_write)("t", text, sizeof text)));
        ck_assert_int_eq(stream.is_compressed, is_gz);
        OK(bgi_stream_read(&stream, bytes, MORE_THAN_A_CALL, &got));
        ck_assert(got == sizeof text && memcmp(bytes, text, got) == 0 && stream.offset == got);
        bgi_stream_close(&stream);
    }
}
END_TEST

/* A whole stream of deflate in front of input without end, into room without end. */
START_TEST(deflate_of_large_pieces)
{
    static unsigned char noise[1 << 20], packed[1 << 20], back[1 << 20];
    uint32_t state = 1;
    for (size_t i = 0; i < sizeof noise; i++)
        noise[i] = (unsigned char)((state = state * 1664525 + 1013904223) >> 24);
    bgi_deflate *stream = bgi_deflate_create(scratch_engine(), true);
    ck_assert_ptr_nonnull(stream);
    const unsigned char *input = noise;
    unsigned char *output = packed;
    size_t input_bytes = 100000, room = MORE_THAN_A_CALL;
    ck_assert_int_eq(bgi_deflate_run(stream, &input, &input_bytes, &output, &room, true), BGI_DEFLATE_HAS_ENDED);
    ck_assert(input_bytes == 0 && input == noise + 100000 && room == MORE_THAN_A_CALL - (size_t)(output - packed));
    bgi_deflate_destroy(stream);

    stream = bgi_deflate_create(scratch_engine(), false);
    ck_assert_ptr_nonnull(stream);
    input = packed;
    output = back;
    input_bytes = room = MORE_THAN_A_CALL;
    ck_assert_int_eq(bgi_deflate_run(stream, &input, &input_bytes, &output, &room, false), BGI_DEFLATE_HAS_ENDED);
    ck_assert(output == back + 100000 && memcmp(back, noise, 100000) == 0);
    bgi_deflate_destroy(stream);

    /* What is more than one call takes is not the last, whoever says so. */
    stream = bgi_deflate_create(scratch_engine(), true);
    ck_assert_ptr_nonnull(stream);
    input = noise;
    output = packed;
    input_bytes = MORE_THAN_A_CALL;
    room = 10;
    ck_assert_int_eq(bgi_deflate_run(stream, &input, &input_bytes, &output, &room, true), BGI_DEFLATE_GOES_ON);
    ck_assert(room == 0 && input_bytes > MORE_THAN_A_CALL - sizeof noise);
    bgi_deflate_destroy(stream);
}
END_TEST

/* A stream for just so many bytes. */
START_TEST(whole_streams)
{
    unsigned char packed[100], bytes[40];
    uLongf length = sizeof packed;
    ck_assert_int_eq(compress(packed, &length, (const unsigned char *)"0123456789", 10), Z_OK);
    OK(bgi_inflate(bytes, 10, packed, length));
    ck_assert(memcmp(bytes, "0123456789", 10) == 0);
    FAILS(bgi_inflate(bytes, 11, packed, length), BG_ERR_FORMAT, "the compressed data are damaged");
    FAILS(bgi_inflate(bytes, 9, packed, length), BG_ERR_FORMAT, "the compressed data are damaged");
    FAILS(bgi_inflate(bytes, 10, packed, length - 1), BG_ERR_FORMAT, "the compressed data are damaged");
    packed[length / 2] ^= 0x10;
    FAILS(bgi_inflate(bytes, 10, packed, length), BG_ERR_FORMAT, "the compressed data are damaged");
}
END_TEST

/* zlib asks the C library for memory, block by block. Sanitizers stand there themselves. */
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#define HAS_SANITIZER
#elif defined __has_feature
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define HAS_SANITIZER
#endif
#endif
#ifndef HAS_SANITIZER
void *__libc_malloc(size_t bytes);
static long blocks_left;
__attribute__((visibility("default"))) void *malloc(size_t bytes)
{
    return blocks_left > 0 && --blocks_left == 0 ? NULL : __libc_malloc(bytes);
}

static const char *input;
static bg_status read_stream(void)
{
    bgi_stream stream;
    char bytes[100];
    size_t got;
    bg_status status = bgi_stream_open(&stream, "test", input);
    if (status)
        return status;
    status = bgi_stream_read(&stream, bytes, sizeof bytes, &got);
    bgi_stream_close(&stream);
    return status;
}

static unsigned char packed_text[100];
static uLongf packed_bytes = sizeof packed_text;
static bg_status inflate_text(void)
{
    char bytes[10];
    return bgi_inflate(bytes, sizeof bytes, packed_text, packed_bytes);
}

/* Returns how many blocks there were. */
static int refuse_each(bg_status (*scenario)(void))
{
    bg_status status = BG_ERR_NOMEM;
    int n = 0;
    while (status) {
        blocks_left = ++n;
        status = scenario();
        bool were_all = blocks_left > 0;
        blocks_left = 0;
        if (status)
            expect_failure(status, BG_ERR_NOMEM, "out of memory for decompression", "a block of zlib");
        else
            ck_assert_msg(were_all, "block %d: its lack had no effect", n);
    }
    return n - 1;
}

START_TEST(out_of_zlib_memory)
{
    static const char text[] = "some text, some text, some text";
    input = scratch_write("t", text, sizeof text);
    ck_assert_int_ge(refuse_each(read_stream), 4);
    input = scratch_write_gz("t", text, sizeof text);
    ck_assert_int_ge(refuse_each(read_stream), 5);
    ck_assert_int_eq(compress(packed_text, &packed_bytes, (const unsigned char *)"0123456789", 10), Z_OK);
    ck_assert_int_ge(refuse_each(inflate_text), 1);
}
END_TEST
#endif

int main(void)
{
    Suite *suite = suite_create("zlib_streams");
    TCase *tests = tcase_create("streams");
    tcase_add_checked_fixture(tests, scratch_begin, scratch_end);
    tcase_add_test(tests, more_than_a_call_takes);
    tcase_add_test(tests, deflate_of_large_pieces);
    tcase_add_test(tests, whole_streams);
#ifndef HAS_SANITIZER
    tcase_add_test(tests, out_of_zlib_memory);
#endif
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
