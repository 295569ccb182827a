/* Texts as data. */
#include "support/scratch.h"
#include "support/suite.h"
#include "support/values.h"

#include <blasgrad/data.h>

#include <stdlib.h>
#include <string.h>

static bg_status read_bytes(bg_dataset **train, bg_dataset **test, const char *bytes, size_t count,
                            bg_data_options options, bool with_gz)
{
    const char *path = with_gz ? scratch_write_gz("t.txt", bytes, count) : scratch_write("t.txt", bytes, count);
    return bg_data_read_text(train, test, scratch_engine(), path, &options);
}
static bg_status read_string(bg_dataset **train, bg_dataset **test, const char *text, bg_data_options options)
{
    return read_bytes(train, test, text, strlen(text), options, false);
}

static void expect_tokens(const bg_tensor *tensor, int64_t rows, int64_t columns, const int *tokens)
{
    ck_assert(bg_shape_equal(bg_tensor_shape(tensor), BG_SHAPE(rows, columns)));
    for (int64_t i = 0; i < rows * columns; i++)
        ck_assert_msg(value_at(tensor, i) == tokens[i], "token %d is %g, not %d", (int)i, value_at(tensor, i),
                      tokens[i]);
}

START_TEST(characters)
{
    for (int with_gz = 0; with_gz < 2; with_gz++) {
        bg_dataset *train, *test;
        static const char text[] = "\xEF\xBB\xBF"
                                   "ba\xC3\xA4 \xE2\x82\xAC\nab\xF0\x9D\x84\x9E";
        OK(read_bytes(&train, &test, text, sizeof text - 1, (bg_data_options){ .context = 3 }, with_gz));
        ck_assert_ptr_null(test);
        ck_assert_str_eq(bg_dataset_vocabulary(train), "\n ab\xC3\xA4\xE2\x82\xAC\xF0\x9D\x84\x9E");
        ck_assert_int_eq(bg_dataset_classes(train), 7);
        ck_assert_int_eq(bg_dataset_size(train), 2);
        ck_assert_int_eq(bg_tensor_dtype(bg_dataset_column(train, 0)), BG_U8);
        expect_tokens(bg_dataset_column(train, 0), 2, 3, (int[]){ 3, 2, 4, 1, 5, 0 });
        expect_tokens(bg_dataset_column(train, 1), 2, 3, (int[]){ 2, 4, 1, 5, 0, 2 });
        bg_dataset_destroy(train);
    }
}
END_TEST

START_TEST(byte_tokens)
{
    bg_dataset *train, *test;
    OK(read_bytes(&train, &test, "\xEF\xBB\xBF\0\xFF", 5, (bg_data_options){ .context = 2, .with_bytes = true },
                  false));
    ck_assert_ptr_null(bg_dataset_vocabulary(train));
    ck_assert_int_eq(bg_dataset_classes(train), 256);
    expect_tokens(bg_dataset_column(train, 0), 2, 2, (int[]){ 0xEF, 0xBB, 0xBF, 0 });
    expect_tokens(bg_dataset_column(train, 1), 2, 2, (int[]){ 0xBB, 0xBF, 0, 0xFF });
    bg_dataset_destroy(train);
}
END_TEST

START_TEST(parts)
{
    bg_dataset *train, *test, *slice, *first, *second;
    /* 20 characters; a quarter of them, 5, is the test: its only window needs 3, and the last 2 make another one. */
    OK(read_string(&train, &test, "abcdefghijklmnopqrst", (bg_data_options){ .context = 2, .test_share = 0.25 }));
    expect_tokens(bg_dataset_column(train, 0), 7, 2, (int[]){ 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13 });
    expect_tokens(bg_dataset_column(train, 1), 7, 2, (int[]){ 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14 });
    expect_tokens(bg_dataset_column(test, 0), 2, 2, (int[]){ 15, 16, 17, 18 });
    expect_tokens(bg_dataset_column(test, 1), 2, 2, (int[]){ 16, 17, 18, 19 });
    ck_assert_str_eq(bg_dataset_vocabulary(test), bg_dataset_vocabulary(train));
    OK(bg_dataset_slice(&slice, train, 2, 4));
    ck_assert_str_eq(bg_dataset_vocabulary(slice), "abcdefghijklmnopqrst");
    OK(bg_dataset_split(&first, &second, train, 5, 1));
    ck_assert_str_eq(bg_dataset_vocabulary(second), "abcdefghijklmnopqrst");
    bg_dataset *const all[] = { train, test, slice, first, second };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        bg_dataset_destroy(all[i]);

    /* Another vocabulary than the text's own. */
    OK(read_string(&train, &test, "aab", (bg_data_options){ .context = 2, .vocabulary = "abc" }));
    ck_assert_int_eq(bg_dataset_classes(train), 3);
    ck_assert_str_eq(bg_dataset_vocabulary(train), "abc");
    bg_dataset_destroy(train);
}
END_TEST

START_TEST(many_characters)
{
    /* 300 different ones, so that tokens are no bytes; longer than the reader's buffer, whose end cuts characters. */
    enum { N = 6000 };
    static char text[3 * N];
    for (int i = 0; i < N; i++) {
        int code = 0x4E00 + i * 7 % 300;
        text[3 * i] = (char)(0xE0 | code >> 12);
        text[3 * i + 1] = (char)(0x80 | (code >> 6 & 0x3F));
        text[3 * i + 2] = (char)(0x80 | (code & 0x3F));
    }
    bg_dataset *train, *test;
    OK(read_bytes(&train, &test, text, sizeof text, (bg_data_options){ .test_share = 0.1 }, true));
    ck_assert_int_eq(bg_dataset_classes(train), 300);
    ck_assert_int_eq(bg_dataset_size(train), (5400 - 1) / 64);
    const bg_tensor *x = bg_dataset_column(train, 0);
    ck_assert_int_eq(bg_tensor_dtype(x), BG_I32);
    for (int64_t i = 0; i < bg_shape_count(bg_tensor_shape(x)); i++)
        ck_assert(value_at(x, i) == (double)(i * 7 % 300));
    bg_dataset_destroy(train);
    bg_dataset_destroy(test);
}
END_TEST

START_TEST(errors)
{
    static const struct {
        const char *name, *bytes;
        size_t count;
        const char *says;
        double test_share;
        const char *vocabulary;
    } cases[] = {
        { "empty", "", 0, "t.txt: the file is empty", 0, NULL },
        { "mark alone", "\xEF\xBB\xBF", 3, "the file is empty", 0, NULL },
        { "short", "abcd", 4, "4 characters, where an example of context 4 needs 5", 0, NULL },
        { "short test", "abcdefghij", 10, "10 characters make 7 for training and 3 for the test", 0.3, NULL },
        { "short training", "abcdefghij", 10, "10 characters make 2 for training and 8 for the test", 0.8, NULL },
        { "zero", "abc\0defgh", 9, "offset 3: a zero byte: the file is binary", 0, NULL },
        { "latin 1", "caf\xE9 au lait", 12, "offset 3: not UTF-8: e9 and what follows", 0, NULL },
        { "no first byte", "abcdefg\x80", 8, "offset 7: not UTF-8: 80", 0, NULL },
        { "overlong", "abcde\xC0\x80", 7, "offset 5: not UTF-8: c0", 0, NULL },
        { "overlong 3", "abcde\xE0\x80\x80", 8, "offset 5: not UTF-8: e0", 0, NULL },
        { "surrogate", "abcde\xED\xA0\x80", 8, "offset 5: not UTF-8: ed", 0, NULL },
        { "too large", "abcde\xF4\x90\x80\x80", 9, "offset 5: not UTF-8: f4", 0, NULL },
        { "cut", "abcde\xE2\x82", 7, "offset 5: not UTF-8: e2 and the rest of the file", 0, NULL },
        { "not there", "abcab\xC3\xA4", 7, "offset 5: the character U+00E4 is not in the vocabulary", 0, "abc" },
        { "another plane", "abcab\xF0\x9D\x84\x9E", 9, "offset 5: the character U+1D11E is not", 0, "abc" },
        { "planes",
          "\xF0\x90\x80\x80\xF0\xA0\x80\x80\xF0\xB0\x80\x80\xF1\x80\x80\x80\xF1\x90\x80\x80\xF1\xA0\x80\x80"
          "\xF1\xB0\x80\x80\xF2\x80\x80\x80",
          32, "offset 28: U+80000: characters of more than 7 of Unicode's planes", 0, NULL },
    };
    scratch_memory *memory = scratch_memory_state();
    bg_dataset *train, *test;
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        for (int with_gz = 0; with_gz < 2; with_gz++) {
            bg_data_options options = { .context = 4,
                                        .test_share = cases[c].test_share,
                                        .vocabulary = cases[c].vocabulary };
            size_t held = memory->most = memory->held;
            bg_status status = read_bytes(&train, &test, cases[c].bytes, cases[c].count, options, with_gz);
            expect_failure(status, BG_ERR_FORMAT, cases[c].says, cases[c].name);
            ck_assert(!train && !test);
            ck_assert_uint_le(memory->most - held, 1 << 16);
        }
    }
    expect_failure(read_string(&train, &test, "abc", (bg_data_options){ .with_bytes = true }), BG_ERR_FORMAT,
                   "3 bytes, where an example of context 64 needs 65", "bytes");
    expect_failure(read_string(&train, &test, "abc", (bg_data_options){ .context = -1 }), BG_ERR_ARGUMENT,
                   "a context of -1 tokens", "context");
    expect_failure(read_string(&train, &test, "abc", (bg_data_options){ .context = INT64_MAX }), BG_ERR_ARGUMENT,
                   "more than 2^31 - 1", "context");
    expect_failure(read_string(&train, &test, "abc", (bg_data_options){ .test_share = 1 }), BG_ERR_ARGUMENT,
                   "a test share of 1,", "share");
    static const char *const vocabularies[] = { "ba", "aa", "a\xC3" };
    for (int i = 0; i < 3; i++)
        expect_failure(read_string(&train, &test, "abc", (bg_data_options){ .vocabulary = vocabularies[i] }),
                       BG_ERR_ARGUMENT, "not made of characters in ascending order", vocabularies[i]);
    expect_failure(read_string(&train, &test, "abc", (bg_data_options){ .vocabulary = "" }), BG_ERR_ARGUMENT,
                   "the vocabulary is empty", "vocabulary");
    expect_failure(read_string(&train, &test, "abc",
                               (bg_data_options){
                                   .vocabulary = "\xF0\x90\x80\x80\xF0\xA0\x80\x80\xF0\xB0\x80\x80\xF1\x80\x80\x80"
                                                 "\xF1\x90\x80\x80\xF1\xA0\x80\x80\xF1\xB0\x80\x80\xF2\x80\x80\x80" }),
                   BG_ERR_ARGUMENT, "the vocabulary has characters of more than 7 of Unicode's planes", "planes");
    expect_failure(read_string(&train, &test, "abc", (bg_data_options){ .test_share = -0.1 }), BG_ERR_ARGUMENT,
                   "a test share of -0.1,", "share");
    expect_failure(read_string(&train, &test, "abc", (bg_data_options){ .dtype = BG_BOOL }), BG_ERR_DTYPE, "bool",
                   "dtype");
    bg_engine *engine = scratch_engine();
    expect_failure(bg_data_read_text(&train, &test, engine, scratch_path("none"), NULL), BG_ERR_IO, "No such file",
                   "no file");
    expect_failure(bg_data_read_text(&train, &test, engine, "/dev/zero", NULL), BG_ERR_IO, "not a regular file",
                   "device");
    expect_failure(bg_data_read_text(&train, &test, engine, NULL, NULL), BG_ERR_ARGUMENT, "path is NULL", "no path");
    expect_failure(bg_data_read_text(&train, NULL, engine, "t", NULL), BG_ERR_ARGUMENT, "test is NULL", "no test");
    expect_failure(bg_data_read_text(NULL, &test, engine, "t", NULL), BG_ERR_ARGUMENT, "train is NULL", "no train");
}
END_TEST

/* A compressed text with any one bit turned is refused or another text, never a stray read. */
START_TEST(damaged)
{
    static const char text[] = "To be, or not to be: that is the question.";
    size_t count;
    unsigned char *packed = scratch_read(scratch_write_gz("gz", text, sizeof text - 1), &count);
    bg_dataset *train, *test;
    bg_data_options options = { .context = 4 };
    for (size_t length = 0; length < count; length++)
        ck_assert_int_eq(read_bytes(&train, &test, (char *)packed, length, options, false), BG_ERR_FORMAT);
    for (size_t bit = 0; bit < 8 * count; bit++) {
        packed[bit / 8] ^= (unsigned char)(1 << bit % 8);
        bg_status status = read_bytes(&train, &test, (char *)packed, count, options, false);
        ck_assert_msg(status == BG_ERR_FORMAT || status == BG_OK, "bit %zu: %s", bit, bg_last_error());
        bg_dataset_destroy(train);
        packed[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
    free(packed);
}
END_TEST

START_TEST(single_texts)
{
    static const char vocabulary[] = " ab\xC3\xA4\xE2\x82\xAC\xF0\x9D\x84\x9E";
    int32_t tokens[4] = { -1, -1, -1, -1 };
    size_t n;
    OK(bg_text_encode(vocabulary,
                      "b\xE2\x82\xAC \xC3\xA4"
                      "a",
                      8, tokens, 3, &n));
    ck_assert_uint_eq(n, 5);
    ck_assert(tokens[0] == 2 && tokens[1] == 4 && tokens[2] == 0 && tokens[3] == -1);
    OK(bg_text_encode(NULL,
                      "\xFF"
                      "a",
                      2, tokens, 4, &n));
    ck_assert(n == 2 && tokens[0] == 0xFF && tokens[1] == 'a');
    OK(bg_text_encode(vocabulary, NULL, 0, NULL, 0, &n));
    OK(bg_text_encode(vocabulary, "", 0, NULL, 0, &n));
    ck_assert_uint_eq(n, 0);
    char bytes[5] = "";
    static const int lengths[] = { 1, 1, 1, 2, 3, 4, 0 };
    for (int token = 0; token < 7; token++)
        ck_assert_int_eq(bg_text_decode(vocabulary, token, bytes), lengths[token]);
    ck_assert_int_eq(bg_text_decode(vocabulary, 3, bytes), 2);
    ck_assert_mem_eq(bytes, "\xC3\xA4", 2);
    ck_assert_int_eq(bg_text_decode(vocabulary, -1, bytes), 0);
    ck_assert_int_eq(bg_text_decode(NULL, 255, bytes), 1);
    ck_assert_mem_eq(bytes, "\xFF", 1);
    ck_assert_int_eq(bg_text_decode(NULL, 256, bytes), 0);
    ck_assert_int_eq(bg_text_decode(NULL, -1, bytes), 0);
    expect_failure(bg_text_encode(vocabulary, "a\xC3\xB6", 3, tokens, 4, &n), BG_ERR_FORMAT,
                   "the character \xC3\xB6 (U+00F6) at byte 1 is not in the vocabulary", "character");
    expect_failure(bg_text_encode(vocabulary, "a\n", 2, tokens, 4, &n), BG_ERR_FORMAT, "(U+000A) at byte 1", "line");
    expect_failure(bg_text_encode(vocabulary, "ab\xC3", 3, tokens, 4, &n), BG_ERR_FORMAT, "not UTF-8 at byte 2", "cut");
    /* A vocabulary ends where it is not UTF-8. */
    OK(bg_text_encode("a\xFFz", "a", 1, tokens, 4, &n));
    expect_failure(bg_text_encode("a\xFFz", "z", 1, tokens, 4, &n), BG_ERR_FORMAT, "not in the vocabulary", "broken");
    ck_assert_int_eq(bg_text_decode("a\xFFz", 1, bytes), 0);
    ck_assert_int_eq(bg_text_decode("a\xFFz", 2, bytes), 0);
    expect_failure(bg_text_encode(vocabulary, NULL, 1, NULL, 4, &n), BG_ERR_ARGUMENT, "tokens is NULL", "both");
    expect_failure(bg_text_encode(vocabulary, "a", 1, tokens, 4, NULL), BG_ERR_ARGUMENT, "count is NULL", "count");
    expect_failure(bg_text_encode(vocabulary, NULL, 1, tokens, 4, &n), BG_ERR_ARGUMENT, "text is NULL", "text");
    expect_failure(bg_text_encode(vocabulary, "a", 1, NULL, 4, &n), BG_ERR_ARGUMENT, "tokens is NULL", "tokens");
}
END_TEST

static const char *scenario_vocabulary;
static bg_status scenario(void)
{
    bg_dataset *train, *test, *slice = NULL;
    bg_data_options options = { .context = 4, .test_share = 0.5, .vocabulary = scenario_vocabulary };
    bg_status status = bg_data_read_text(&train, &test, scratch_engine(), scratch_path("t.txt"), &options);
    if (status == BG_OK)
        status = bg_dataset_slice(&slice, test, 0, 1);
    bg_dataset_destroy(train);
    bg_dataset_destroy(test);
    bg_dataset_destroy(slice);
    return status;
}

START_TEST(out_of_memory)
{
    static const char text[] = "To be, or not to be: \xF0\x9D\x84\x9E that is the question.";
    (void)scratch_write("t.txt", text, sizeof text - 1);
    ck_assert_int_gt(scratch_fail_each("text", scenario), 20);
    scenario_vocabulary = " ,.:Tabehinoqrstu\xF0\x9D\x84\x9E";
    ck_assert_int_gt(scratch_fail_each("vocabulary", scenario), 20);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("text");
    TCase *tests = tcase_create("text");
    tcase_add_checked_fixture(tests, scratch_begin, scratch_end);
    tcase_add_test(tests, characters);
    tcase_add_test(tests, byte_tokens);
    tcase_add_test(tests, parts);
    tcase_add_test(tests, many_characters);
    tcase_add_test(tests, errors);
    tcase_add_test(tests, damaged);
    tcase_add_test(tests, single_texts);
    tcase_add_test(tests, out_of_memory);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
