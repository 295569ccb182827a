/* Tables from CSV files, and the numbers in them. */
#define _POSIX_C_SOURCE 200809L /* newlocale */
#include "support/scratch.h"
#include "support/suite.h"
#include "support/values.h"

#include "data/number_plain.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static uint64_t random_state = 88172645463325252U;

static uint64_t next_random(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    return random_state ^= random_state << 17;
}

static bg_status read_csv(bg_dataset **dataset, const char *path, const bg_data_options *options)
{
    bg_data_options o = options ? *options : (bg_data_options){ .dtype = BG_F64 };
    return bg_data_read_csv(dataset, scratch_engine(), path, &o);
}

START_TEST(csv_tables)
{
    static const struct {
        const char *name, *text;
        bg_data_options options;
        int rows, columns;
        double x[8], y[4];
    } cases[] = {
        { "plain", "1,2,3\n4,5,6\n", { 0 }, 2, 2, { 1, 2, 4, 5 }, { 3, 6 } },
        { "no last line end", "1,2,3\n4,5,6", { 0 }, 2, 2, { 1, 2, 4, 5 }, { 3, 6 } },
        { "crlf", "1,2\r\n3,4\r\n", { 0 }, 2, 1, { 1, 3 }, { 2, 4 } },
        { "cr", "1,2\r3,4\r", { 0 }, 2, 1, { 1, 3 }, { 2, 4 } },
        { "mixed line ends", "a,b\r\n1,2\r3,4\n5,6", { 0 }, 3, 1, { 1, 3, 5 }, { 2, 4, 6 } },
        { "blank lines", "\n\r\n1,2\n \t\n\n3,4\n\n", { 0 }, 2, 1, { 1, 3 }, { 2, 4 } },
        { "byte order mark",
          "\xEF\xBB\xBF"
          "1,2\n",
          { 0 },
          1,
          1,
          { 1 },
          { 2 } },
        { "byte order mark and quotes", "\xEF\xBB\xBF\"a\",b\n1,2\n", { 0 }, 1, 1, { 1 }, { 2 } },
        { "header", "a,b,c\n1,2,3\n", { 0 }, 1, 2, { 1, 2 }, { 3 } },
        { "header with numbers", "150,4,setosa\n1,2,3\n", { 0 }, 1, 2, { 1, 2 }, { 3 } },
        { "header with an empty name", ",a\n1,2\n", { 0 }, 1, 1, { 1 }, { 2 } },
        { "target by name", "y,a,b\n1,2,3\n", { .target = "y" }, 1, 2, { 2, 3 }, { 1 } },
        { "target by number", "y,a,b\n1,2,3\n", { .target = "1" }, 1, 2, { 1, 3 }, { 2 } },
        { "a name that is a number", "a,0,b\n1,2,3\n", { .target = "0" }, 1, 2, { 1, 3 }, { 2 } },
        { "target without header", "1,2,3\n4,5,6\n", { .target = "0" }, 2, 2, { 2, 3, 5, 6 }, { 1, 4 } },
        { "quotes",
          "\"a \"\"x\"\", b\",\"c\nd\",e\n\"1\", \"2\" ,3\n",
          { .target = "a \"x\", b" },
          1,
          2,
          { 2, 3 },
          { 1 } },
        { "a line end in quotes", "x,\"c\r\nd\"\n1,2\n", { .target = "c\r\nd" }, 1, 1, { 1 }, { 2 } },
        { "blanks around", " 1 ,\t2 , 3\t\n", { 0 }, 1, 2, { 1, 2 }, { 3 } },
        { "semicolon", "1;2;3\n", { .delimiter = ';' }, 1, 2, { 1, 2 }, { 3 } },
        { "decimal comma",
          "1;2,2;4\n-2;4;-3,8\n",
          { .delimiter = ';', .decimal = ',' },
          2,
          2,
          { 1, 2.2, -2, 4 },
          { 4, -3.8 } },
        { "tab", "a\tb\n1\t 2 \n", { .delimiter = '\t' }, 1, 1, { 1 }, { 2 } },
        { "runs of blanks", "  1  2\t3 \n 4 \t 5 6\n", { .delimiter = ' ' }, 2, 2, { 1, 2, 4, 5 }, { 3, 6 } },
        { "runs of blanks and quotes",
          "\"a b\"\tc\n 1 \"2\" \n",
          { .delimiter = ' ', .target = "a b" },
          1,
          1,
          { 2 },
          { 1 } },
        { "runs and decimal comma", "1,5 2\n", { .delimiter = ' ', .decimal = ',' }, 1, 1, { 1.5 }, { 2 } },
        { "forms of numbers",
          "+1,-.5,5.,1e2,1E-2,+0.5e+1,-0,00012\n",
          { 0 },
          1,
          7,
          { 1, -0.5, 5, 100, 0.01, 5, 0 },
          { 12 } },
        { "classes", "1,0\n2,2\n3,2.0\n", { .with_classes = true }, 3, 1, { 1, 2, 3 }, { 0, 2, 2 } },
        { "classes first", "1,0.5\n0,2\n", { .with_classes = true, .target = "0" }, 2, 1, { 0.5, 2 }, { 1, 0 } },
    };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        for (int way = 0; way < 3; way++) {
            size_t length = strlen(cases[c].text);
            const char *path = way == 1 ? scratch_write_gz("t.csv.gz", cases[c].text, length)
                                        : scratch_write("t.csv", cases[c].text, length);
            bg_data_options options = cases[c].options;
            options.dtype = way == 2 ? BG_F32 : BG_F64;
            bg_dataset *dataset;
            bg_status status = read_csv(&dataset, path, &options);
            ck_assert_msg(status == BG_OK, "%s: %s", cases[c].name, bg_last_error());
            ck_assert_str_eq(bg_dataset_name(dataset), path);
            bg_tensor *x = bg_dataset_column(dataset, 0), *y = bg_dataset_column(dataset, 1);
            ck_assert_msg(bg_shape_equal(bg_tensor_shape(x), BG_SHAPE(cases[c].rows, cases[c].columns)), "%s",
                          cases[c].name);
            bool with_classes = options.with_classes;
            ck_assert_int_eq(bg_tensor_dtype(x), options.dtype);
            ck_assert_int_eq(bg_tensor_dtype(y), with_classes ? BG_I64 : options.dtype);
            ck_assert_int_eq(bg_tensor_shape(y).rank, with_classes ? 1 : 2);
            double largest = -1;
            for (int i = 0; i < cases[c].rows * cases[c].columns; i++)
                ck_assert_msg(value_at(x, i) == (way == 2 ? (double)(float)cases[c].x[i] : cases[c].x[i]),
                              "%s: x %d is %g", cases[c].name, i, value_at(x, i));
            for (int i = 0; i < cases[c].rows; i++) {
                ck_assert_msg(value_at(y, i) == (way == 2 ? (double)(float)cases[c].y[i] : cases[c].y[i]),
                              "%s: y %d is %g", cases[c].name, i, value_at(y, i));
                largest = fmax(largest, value_at(y, i));
            }
            ck_assert(bg_dataset_classes(dataset) == (with_classes ? (int64_t)largest + 1 : 0));
            bg_dataset_destroy(dataset);
        }
    }
}
END_TEST

START_TEST(csv_errors)
{
    static const struct {
        const char *name, *text;
        bg_data_options options;
        const char *says;
    } cases[] = {
        { "empty", "", { 0 }, "line 1: the file has no line that is not blank" },
        { "blank", "\n \n", { 0 }, "no line that is not blank" },
        { "only a byte order mark", "\xEF\xBB\xBF", { 0 }, "no line that is not blank" },
        { "only a header", "a,b\n", { 0 }, "line 2: the file ends after the header" },
        { "one column",
          "1\n2\n",
          { 0 },
          "line 1: there is one column, where inputs and a target should be; the delimiter is ','" },
        { "short line", "1,2,3\n4,5\n", { 0 }, "line 2: the line has 2 fields, line 1 has 3" },
        { "long line", "\na,b\n\n1,2\n4,5,x,7\n", { 0 }, "line 5: the line has 4 fields, line 2 has 2" },
        { "empty field", "1,2\n3,\n", { 0 }, "line 2: column 2 (number 1): the field is empty" },
        { "empty field in the first line", "1,,3\n", { 0 }, "line 1: column 2 (number 1): the field is empty" },
        { "blank field", "1,2\n ,3\n", { 0 }, "line 2: column 1 (number 0): the field is empty" },
        { "empty quotes", "1,\"\"\n", { 0 }, "line 1: column 2 (number 1): the field is empty" },
        { "word",
          "1,2\n3,four\n",
          { 0 },
          "line 2: column 2 (number 1): \"four\" is not a number; the decimal mark is '.'" },
        { "decimal comma", "1;2,2\n", { .delimiter = ';' }, "line 1: column 2 (number 1): \"2,2\" is not a number" },
        { "decimal point",
          "1;2.2\n",
          { .delimiter = ';', .decimal = ',' },
          "\"2.2\" is not a number; the decimal mark is ','" },
        { "nan", "nan,1\n", { 0 }, "line 1: column 1 (number 0): \"nan\" is not a number" },
        { "inf", "1,2\n1,-Inf\n", { 0 }, "line 2: column 2 (number 1): \"-Inf\" is not a finite number" },
        { "na", "NA,1\n", { 0 }, "\"NA\" is not a number" },
        { "question mark", "?,1\n", { 0 }, "\"?\" is not a number" },
        { "hexadecimal", "1,0x10\n", { 0 }, "\"0x10\" is not a number" },
        { "half an exponent", "1,2e\n", { 0 }, "\"2e\"" },
        { "half an exponent with sign", "1,2e+\n", { 0 }, "\"2e+\"" },
        { "two signs", "1,--2\n", { 0 }, "\"--2\"" },
        { "no digit", "1,-.\n", { 0 }, "\"-.\"" },
        { "digits apart", "1,2 3\n", { 0 }, "\"2 3\"" },
        { "header forbidden",
          "a,b\n1,2\n",
          { .without_header = true },
          "line 1: column 1 (number 0): \"a\" is not a number" },
        { "too large", "1,1e400\n", { .dtype = BG_F64 }, "1e400 is too large for f64" },
        { "too large for f32", "1,1e39\n", { .dtype = BG_F32 }, "1e39 is too large for f32" },
        { "quote not closed", "a,b\n1,\"2\n3,4\n", { 0 }, "line 2: column 2 (number 1): the quote is not closed" },
        { "text after a quote",
          "1,\"2\"3\n",
          { 0 },
          "line 1: column 2 (number 1): there is text after the closing quote" },
        { "quote in a field", "1,2\"\n", { 0 }, "line 1: column 2 (number 1): a quote inside" },
        { "quote in a header", "a,b\"\n1,\"2\n", { 0 }, "line 1: column 2 (number 1): a quote inside" },
        { "quote in a surplus field", "1,2\n1,2,\"\n", { 0 }, "line 2: column 3 (number 2): the quote is not closed" },
        { "no such name", "a,b\n1,2\n", { .target = "c" }, "line 1: no column is named \"c\"; there are a b" },
        { "no such number",
          "a,b\n1,2\n",
          { .target = "2" },
          "no column 2 to be the target; columns are numbered 0 to 1" },
        { "a number too large", "a,b\n1,2\n", { .target = "99999999999" }, "there is no column 99999999999" },
        { "an empty name", "a,b\n1,2\n", { .target = "" }, "no column is named \"\"" },
        { "name without header",
          "1,2\n",
          { .target = "y" },
          "no header names a column \"y\"; columns are numbered 0 to 1" },
        { "same names", "y,y\n1,2\n", { .target = "y" }, "2 columns are named \"y\"" },
        { "class below 0", "1,-1\n", { .with_classes = true }, "line 1: column 2 (number 1): -1 is no class" },
        { "broken class", "1,1\n1,1.5\n", { .with_classes = true }, "line 2: column 2 (number 1): 1.5 is no class" },
        { "nearly a class", "1,1.00000001\n", { .with_classes = true }, "1.00000001 is no class" },
        { "huge class",
          "1,16777216\n",
          { .with_classes = true },
          "16777216 is no class: classes are whole numbers from 0 to 16777215; a loss for numbers" },
    };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        const char *path = scratch_write("t.csv", cases[c].text, strlen(cases[c].text));
        bg_dataset *dataset;
        expect_failure(read_csv(&dataset, path, &cases[c].options), BG_ERR_FORMAT, cases[c].says, cases[c].name);
        expect_failure(BG_ERR_FORMAT, BG_ERR_FORMAT, path, cases[c].name);
        ck_assert_ptr_null(dataset);
    }
    bg_dataset *dataset;
    expect_failure(read_csv(&dataset, scratch_write("t", "1,2\n3\0,4\n", 9), NULL), BG_ERR_FORMAT,
                   "line 2: byte 2 is zero", "NUL");
    expect_failure(read_csv(&dataset,
                            scratch_write("t",
                                          "\xFF\xFE"
                                          "1\0,\0",
                                          6),
                            NULL),
                   BG_ERR_FORMAT, "not in UTF-8", "UTF-16");
    expect_failure(read_csv(&dataset, scratch_path("none"), NULL), BG_ERR_IO, "No such file", "no file");
    expect_failure(read_csv(&dataset, NULL, NULL), BG_ERR_ARGUMENT, "path is NULL", "no path");
    expect_failure(read_csv(NULL, "t", NULL), BG_ERR_ARGUMENT, "dataset is NULL", "no result");
    static const char wide[] =
        "a_name_of_more_than_forty_bytes_that_is_cut_off,another_long_name_of_a_column,one_more_long_name,"
        "and_a_fourth_long_name,and_a_fifth_long_name,and_a_sixth,and_a_seventh_long_name,y\n";
    expect_failure(read_csv(&dataset, scratch_write("t", wide, sizeof wide - 1), &(bg_data_options){ .target = "z" }),
                   BG_ERR_FORMAT, "there are a_name_of_more_than_forty_bytes_that_is_ another", "many names");
    ck_assert_ptr_nonnull(strstr(bg_last_error(), " .."));
    /* Of a long path the end is shown, from a whole character on. */
    char long_path[600] = "/";
    for (int i = 0; i < 100; i++)
        strcat(long_path, "\xC3\xA4/");
    strcat(long_path, "nones.csv");
    expect_failure(read_csv(&dataset, long_path, NULL), BG_ERR_IO, "/nones.csv: cannot open: No such file",
                   "long path");
    ck_assert_int_eq(strncmp(bg_last_error(), "read_csv: /\xC3\xA4", 13), 0);

    const char *path = scratch_write("t", "1,2\n", 4);
    static const struct {
        char delimiter, decimal;
        const char *says;
    } marks[] = {
        { 0, ',', "try the delimiter ';'" },
        { '.', 0, "both" },
        { ';', ';', "decimal mark is '.' or ','" },
        { '1', 0, "cannot be the delimiter" },
        { 'e', 0, "cannot be the delimiter" },
        { '"', 0, "cannot be" },
        { '\n', 0, "the byte 10" },
        { '-', 0, "cannot be" },
        { '\xC3', 0, "the byte 195" },
        { '.', ',', "cannot be" },
    };
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        expect_failure(read_csv(&dataset, path,
                                &(bg_data_options){ .delimiter = marks[i].delimiter, .decimal = marks[i].decimal }),
                       BG_ERR_ARGUMENT, marks[i].says, "marks");
}
END_TEST

/* Lines of all lengths around those of the buffers, up to the limit. */
START_TEST(csv_long_lines)
{
    enum { LIMIT = 1 << 20 };
    static const size_t lengths[] = { 32765, 32766,     32767,     32768, 32769,     65533,     65534,     65535,
                                      65536, LIMIT - 2, LIMIT - 1, LIMIT, LIMIT + 1, LIMIT + 2, 2 * LIMIT, 3 * LIMIT };
    char *text = malloc(4 * LIMIT);
    ck_assert_ptr_nonnull(text);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        for (int ending = 0; ending < 3; ending++) {
            size_t length = lengths[i];
            memset(text, ' ', length);
            memcpy(text, "1,", 2);
            text[length - 1] = '2';
            size_t end = length + (size_t)sprintf(text + length, ending == 0   ? "\n3,4"
                                                                 : ending == 1 ? "\r\n3,4\n"
                                                                               : "\r3,4\r\n");
            bg_dataset *dataset;
            size_t held = scratch_memory_state()->most = scratch_memory_state()->held;
            bg_status status = read_csv(&dataset, scratch_write("t", text, end), NULL);
            if (length > LIMIT) {
                expect_failure(status, BG_ERR_FORMAT, "line 1: the line is longer than 1048576 bytes", "long");
                ck_assert_uint_lt(scratch_memory_state()->most - held, 4 * LIMIT);
            } else {
                ck_assert_msg(status == BG_OK, "%zu: %s", length, bg_last_error());
                ck_assert_int_eq(bg_dataset_size(dataset), 2);
                ck_assert(y_of(dataset, 0) == 2 && x_of(dataset, 1) == 3 && y_of(dataset, 1) == 4);
            }
            bg_dataset_destroy(dataset);
        }
    }
    free(text);
    bg_dataset *dataset;
    expect_failure(read_csv(&dataset, "/dev/zero", NULL), BG_ERR_FORMAT, "zero", "/dev/zero");
}
END_TEST

/* What is written with enough digits is read as the same bits; of fewer digits, as the C library reads them. */
START_TEST(csv_round_trips)
{
    enum { N = 1000000 };
    static double values[N];
    char *text = malloc((size_t)N * 30);
    ck_assert_ptr_nonnull(text);
    for (bg_dtype dtype = BG_F32; dtype <= BG_F64; dtype++) {
        char *end = text;
        for (int i = 0; i < N; i++) {
            uint64_t bits = next_random();
            float single;
            memcpy(&single, &bits, sizeof single);
            memcpy(&values[i], &bits, sizeof values[i]);
            if (dtype == BG_F32)
                values[i] = (double)single;
            if (i % 3 == 0 || !isfinite(values[i])) /* short numbers take another way */
                values[i] = (double)(bits % 2000000) / 1000 - 1000;
            if (dtype == BG_F32)
                values[i] = (double)(float)values[i];
            char *number = end;
            bool is_cut = i % 4 == 0 && fabs(values[i]) < 1e38;
            int digits = is_cut ? 1 + (int)(bits % 17) : dtype == BG_F32 ? 9 : 17;
            end += sprintf(end, "%.*g", digits, values[i]);
            if (is_cut)
                values[i] = dtype == BG_F32 ? (double)strtof(number, NULL) : strtod(number, NULL);
            *end++ = i % 2 ? '\n' : ',';
        }
        bg_dataset *dataset;
        OK(read_csv(&dataset, scratch_write("t", text, (size_t)(end - text)), &(bg_data_options){ .dtype = dtype }));
        ck_assert_int_eq(bg_dataset_size(dataset), N / 2);
        for (int i = 0; i < N; i++) {
            double value = i % 2 ? y_of(dataset, i / 2) : x_of(dataset, i / 2);
            ck_assert_msg(!memcmp(&value, &values[i], sizeof value), "%.17g became %.17g", values[i], value);
        }
        bg_dataset_destroy(dataset);
    }
    free(text);
}
END_TEST

static void check_number(char *text, locale_t locale)
{
    char copy[300];
    (void)strcpy(copy, text);
    double expected = strtod(text, NULL), value;
    float expected_single = strtof(text, NULL);
    bgi_number_result result = bgi_number_parse(text, strlen(text), '.', false, locale, &value);
    ck_assert_msg(result == (isinf(expected) ? BGI_NUMBER_LARGE : BGI_NUMBER_OK), "%s", text);
    ck_assert_msg(!memcmp(&value, &expected, sizeof value), "%s: %.17g, not %.17g", text, value, expected);
    result = bgi_number_parse(text, strlen(text), '.', true, locale, &value);
    ck_assert_msg(result == (isinf(expected_single) ? BGI_NUMBER_LARGE : BGI_NUMBER_OK), "%s", text);
    ck_assert_msg(value == (double)expected_single, "%s: %.9g, not %.9g", text, value, (double)expected_single);
    ck_assert_str_eq(text, copy);
    for (int is_f32 = 0; is_f32 < 2; is_f32++) {
        bgi_number plain = bgi_number_read_plain(text, '.', is_f32);
        double right = is_f32 ? (double)expected_single : expected;
        double found = is_f32 ? (double)(float)plain.value : plain.value;
        ck_assert_msg(!plain.end || (plain.end == text + strlen(text) && !memcmp(&found, &right, sizeof right)),
                      "%s: %.17g by the plain way", text, plain.value);
    }
    for (char *c = text; *c; c++)
        *c = *c == '.' ? ',' : *c;
    (void)bgi_number_parse(text, strlen(text), ',', true, locale, &value);
    ck_assert_msg(value == (double)expected_single, "%s: %.9g, not %.9g", text, value, (double)expected_single);
}

/* Any digits are rounded as the C library rounds them. */
START_TEST(numbers)
{
    locale_t locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    static const char *const cases[] = {
        "0",
        "-0",
        "0e999999999",
        "1e-999999999",
        "4.9e-324",
        "2.4703282292062327e-324",
        "2.4703282292062328e-324",
        "1.7976931348623157e308",
        "1.7976931348623159e308",
        "9007199254740992",
        "9007199254740993",
        "9007199254740993.0001",
        "1e22",
        "1e23",
        "123456789012345678901234567890",
        "18446744073709551616",
        "9999999999999999999",
        "1e-22",
        "3e-23",
        "0.000000000000000000000000000000000000000000000000000000001e57",
        "3.4028234663852886e38",
        "3.4028235677973366e38",
        "3.4028235677973365e38",
        "1.1754943508222875e-38",
        "7.006492321624085e-46",
        "7.0064923216240854e-46",
        "16777217",
        "16777217.0000000000000001",
        "16777216.9999999999999999",
        "1.00000005960464477539062500000001",
        "1.000000059604644775390625",
        "0.1e-400000000000000000000",
        "1234567.5",
        "12345678.5",
        "123456789.25",
        "123456789012345.25",
        "1234567890123456.1234",
        "1234567890123456.5",
        "12345678901234567",
        ".1234567890123456789",
        "0.12345678",
        "0.123456789012345",
        "0.1234567890123456",
        "0.12345678901234567890",
        "12345678e2",
        "0.5E1",
        "8388608.5",
        "10000000000000000000000000000000000000000",
        "0.00000000000000000000000000000000000000000000000000000000000000000000001",
    };
    char room[BGI_NUMBER_SLACK + 300] = "", *text = room + BGI_NUMBER_SLACK;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_number(strcpy(text, cases[i]), locale);
    for (int i = 0; i < 100000; i++) {
        char *c = text;
        if (next_random() % 2)
            *c++ = "+-"[next_random() % 2];
        size_t length = 1 + next_random() % (i % 10 ? 20 : 60), point = next_random() % (length + 1);
        for (size_t j = 0; j < length; j++) {
            if (j == point)
                *c++ = '.';
            *c++ = (char)('0' + next_random() % 10);
        }
        if (next_random() % 2)
            c += sprintf(c, "e%d", (int)(next_random() % (i % 4 ? 50 : 700)) - (i % 4 ? 25 : 350));
        *c = '\0';
        check_number(text, locale);
        /* Half way between two f32s, and just beside. */
        uint64_t bits = next_random();
        double value;
        bits = (bits & ~UINT64_C(0x1FFFFFFF) & UINT64_C(0x0FFFFFFFFFFFFFFF)) | UINT64_C(0x3000000010000000);
        memcpy(&value, &bits, sizeof value);
        if (value < 1e38 && value > 1e-30) {
            (void)sprintf(text, "%.120f", value);
            check_number(text, locale);
            (void)sprintf(text, "%.120f1", value);
            check_number(text, locale);
        }
    }
    freelocale(locale);
}
END_TEST

/* With vectors and without, which is the way of other machines. */
START_TEST(number_parts)
{
    char room[17 + 40];
    const char *c = room + 17;
    for (int i = 0; i < 200000; i++) {
        for (size_t k = 0; k < sizeof room; k++) {
            uint64_t bits = next_random();
            room[k] = (char)(bits % 4 ? '0' + (bits >> 8) % 10 : bits >> 16);
        }
        uint32_t others = 0;
        for (int k = 0; k < 32; k++)
            others |= (uint32_t)(c[k] < '0' || c[k] > '9') << k;
        ck_assert_uint_eq(bgi_find_others(c), others);
        ck_assert_uint_eq(bgi_find_others_by_eight(c), others);
    }
    for (int whole = 0; whole <= 16; whole++) {
        for (int fraction = 0; whole + fraction <= 16; fraction++) {
            uint64_t number = 0;
            for (size_t k = 0; k < sizeof room; k++)
                room[k] = (char)('0' + next_random() % 10);
            for (int k = 0; k < whole + 1 + fraction; k++)
                number = k == whole ? number : number * 10 + (uint64_t)(c[k] - '0');
            ck_assert_uint_eq(bgi_take_both(c, whole, fraction), number);
            ck_assert_uint_eq(bgi_take_both_by_eight(c, whole, fraction), number);
        }
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("csv");
    TCase *tests = tcase_create("csv");
    tcase_add_checked_fixture(tests, scratch_begin, scratch_end);
    tcase_add_test(tests, csv_tables);
    tcase_add_test(tests, csv_errors);
    tcase_add_test(tests, csv_long_lines);
    tcase_add_test(tests, csv_round_trips);
    tcase_add_test(tests, numbers);
    tcase_add_test(tests, number_parts);
    tcase_set_timeout(tests, 120);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
