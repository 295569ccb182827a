/* Tensors: sizes, wrapped memory, contents, copies, and memory that runs out. */
#include "support/counted.h"
#include "support/random_view.h"
#include "support/sanitized.h"
#include "support/suite.h"
#include "support/values.h"
#include "tensor/tensor.h"

#include <stdlib.h>

/* ---- Sizes ---- */

#define EXTENT_MAX INT64_MAX
static const struct {
    const char *name;
    bg_dtype dtype;
    bg_shape shape;
    bg_status status;
    const char *message;
    int64_t count;
} sizes[] = {
    { .name = "scalar", .shape = { 0, { 0 } }, .count = 1 },
    { .name = "empty", .shape = { 1, { 0 } }, .count = 0 },
    { .name = "eight axes", .shape = { 8, { 1, 2, 1, 2, 1, 2, 1, 2 } }, .count = 16 },
    { .name = "nine axes", .shape = { .rank = 9 }, .status = BG_ERR_SHAPE, .message = "rank 9; 0 to 8" },
    { .name = "negative rank", .shape = { .rank = -1 }, .status = BG_ERR_SHAPE, .message = "rank -1" },
    { .name = "negative extent",
      .shape = { 2, { 3, -1 } },
      .status = BG_ERR_SHAPE,
      .message = "extent -1 of axis 1 is negative: [3, -1]" },
    { .name = "least extent", .shape = { 1, { INT64_MIN } }, .status = BG_ERR_SHAPE, .message = "is negative" },
    { .name = "bytes", .shape = { 1, { EXTENT_MAX / 4 + 1 } }, .status = BG_ERR_OVERFLOW, .message = "f32" },
    { .name = "bytes of f64",
      .dtype = BG_F64,
      .shape = { 1, { EXTENT_MAX / 8 + 1 } },
      .status = BG_ERR_OVERFLOW,
      .message = "f64" },
    { .name = "product",
      .dtype = BG_U8,
      .shape = { 3, { 1 << 22, 1 << 22, 1 << 22 } },
      .status = BG_ERR_OVERFLOW,
      .message = "[4194304, 4194304, 4194304]" },
    { .name = "product around zero", /* 2^64 and 2^128 would be 0 again */
      .shape = { 3, { 0, (int64_t)1 << 62, (int64_t)1 << 62 } },
      .status = BG_ERR_OVERFLOW,
      .message = "[0, 4611686018427387904, 4611686018427387904]" },
    { .name = "zero at the end",
      .shape = { 3, { (int64_t)1 << 62, (int64_t)1 << 62, 0 } },
      .status = BG_ERR_OVERFLOW,
      .message = "does not fit" },
    { .name = "large beside zero", .dtype = BG_U8, .shape = { 2, { EXTENT_MAX, 0 } }, .count = 0 },
    { .name = "unknown type", .dtype = BG_DTYPE_COUNT, .status = BG_ERR_DTYPE, .message = "unknown dtype 6" },
    { .name = "negative type", .dtype = (bg_dtype)-3, .status = BG_ERR_DTYPE, .message = "unknown dtype" },
#if !IS_ADDRESS_SANITIZED && !IS_THREAD_SANITIZED /* which end the process instead */
    { .name = "no memory", .dtype = BG_U8, .shape = { 1, { EXTENT_MAX } }, .status = BG_ERR_NOMEM, .message = "bytes" },
#endif
};

START_TEST(shapes_of_all_sizes)
{
    bg_tensor *tensor = NULL;
    const char *name = sizes[_i].name;
    bg_status status = bg_tensor_create(&tensor, counted_engine(), sizes[_i].dtype, sizes[_i].shape);
    if (sizes[_i].status == BG_OK) {
        expect_ok(status, name);
        ck_assert_int_eq(bg_shape_count(bg_tensor_shape(tensor)), sizes[_i].count);
        ck_assert_uint_eq((uintptr_t)bg_tensor_data(tensor) % 64, 0);
        for (int64_t i = 0; i < sizes[_i].count; i++)
            ck_assert(value_at(tensor, i) == 0);
    } else {
        expect_failure(status, sizes[_i].status, sizes[_i].message, name);
        ck_assert_ptr_null(tensor);
    }
    bg_tensor_destroy(tensor);
}
END_TEST

START_TEST(element_types)
{
    static const struct {
        bg_dtype dtype;
        const char *name;
        size_t size;
    } cases[] = {
        { BG_F32, "f32", 4 }, { BG_F64, "f64", 8 }, { BG_I32, "i32", 4 },
        { BG_I64, "i64", 8 }, { BG_U8, "u8", 1 },   { BG_BOOL, "bool", 1 },
    };
    ck_assert_int_eq(BG_DTYPE_COUNT, (int)(sizeof cases / sizeof *cases));
    for (int i = 0; i < BG_DTYPE_COUNT; i++) {
        ck_assert_str_eq(bg_dtype_name(cases[i].dtype), cases[i].name);
        ck_assert_uint_eq(bg_dtype_size(cases[i].dtype), cases[i].size);
        bg_tensor *tensor = counted_tensor(cases[i].dtype, BG_SHAPE(2, 3));
        ck_assert_int_eq((int)bg_tensor_dtype(tensor), (int)cases[i].dtype);
        ck_assert(value_at(tensor, 5) == 5);
        bg_tensor_destroy(tensor);
    }
    ck_assert_str_eq(bg_dtype_name(BG_DTYPE_COUNT), "unknown dtype");
}
END_TEST

START_TEST(shape_helpers)
{
    ck_assert_str_eq(bgi_shape_format(BG_SCALAR).text, "[]");
    ck_assert_str_eq(bgi_shape_format(BG_SHAPE(32, 784)).text, "[32, 784]");
    bg_shape longest = { .rank = 8 };
    for (int i = 0; i < 8; i++)
        longest.dims[i] = INT64_MIN;
    ck_assert_uint_eq(strlen(bgi_shape_format(longest).text), 8 * 20 + 7 * 2 + 2);
    ck_assert(bg_shape_equal(BG_SHAPE(2, 3), BG_SHAPE(2, 3)));
    ck_assert(!bg_shape_equal(BG_SHAPE(2, 3), BG_SHAPE(2, 3, 1)));
    ck_assert(!bg_shape_equal(BG_SHAPE(2, 3), BG_SHAPE(3, 2)));

    static const struct {
        bg_shape a, b, result;
        bool fits;
    } cases[] = {
        { { 0, { 0 } }, { 2, { 3, 4 } }, { 2, { 3, 4 } }, true },
        { { 2, { 3, 1 } }, { 1, { 4 } }, { 2, { 3, 4 } }, true },
        { { 3, { 5, 1, 4 } }, { 2, { 3, 1 } }, { 3, { 5, 3, 4 } }, true },
        { { 1, { 0 } }, { 1, { 1 } }, { 1, { 0 } }, true },
        { { 1, { 3 } }, { 1, { 4 } }, { 0, { 0 } }, false },
        { { 2, { 4, 3 } }, { 1, { 4 } }, { 0, { 0 } }, false },
        { { 1, { 0 } }, { 1, { 2 } }, { 0, { 0 } }, false },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int swap = 0; swap < 2; swap++) {
            bg_shape result = BG_SCALAR;
            bool fits = bgi_shape_broadcast(swap ? cases[i].b : cases[i].a, swap ? cases[i].a : cases[i].b, &result);
            ck_assert_msg(fits == cases[i].fits, "case %zu", i);
            ck_assert_msg(!fits || bg_shape_equal(result, cases[i].result), "case %zu: %s", i,
                          bgi_shape_format(result).text);
        }
}
END_TEST

/* ---- Wrapped memory ---- */

START_TEST(wrapping)
{
    _Alignas(8) float memory[6] = { 0, 1, 2, 3, 4, 5 };
    bg_tensor *tensor = NULL;
    expect_ok(bg_tensor_wrap(&tensor, counted_engine(), BG_F32, BG_SHAPE(2, 3), memory), "wrap");
    ck_assert_ptr_eq(bg_tensor_data(tensor), memory);
    memory[4] = 44;
    ck_assert(value_at(tensor, 4) == 44);
    bg_tensor_destroy(tensor);
    ck_assert(memory[4] == 44);

    tensor = NULL;
    expect_failure(bg_tensor_wrap(&tensor, counted_engine(), BG_F32, BG_SHAPE(2), (char *)memory + 2), BG_ERR_ARGUMENT,
                   "not aligned for f32", "odd address");
    expect_failure(bg_tensor_wrap(&tensor, counted_engine(), BG_F64, BG_SHAPE(2), (char *)memory + 4), BG_ERR_ARGUMENT,
                   "not aligned for f64", "address of a float");
    expect_failure(bg_tensor_wrap(&tensor, counted_engine(), BG_F32, BG_SHAPE(2), NULL), BG_ERR_ARGUMENT,
                   "no data for f32 [2]", "NULL");
    expect_failure(bg_tensor_wrap(&tensor, NULL, BG_F32, BG_SHAPE(2), memory), BG_ERR_ARGUMENT, "no engine", "engine");
    expect_failure(bg_tensor_wrap(NULL, counted_engine(), BG_F32, BG_SHAPE(2), memory), BG_ERR_ARGUMENT, "no place",
                   "result");
    ck_assert_ptr_null(tensor);
    expect_ok(bg_tensor_wrap(&tensor, counted_engine(), BG_F64, BG_SHAPE(3, 0), NULL), "no elements");
    expect_ok(bg_tensor_copy_to(tensor, NULL, 0), "no elements");
    expect_ok(bg_tensor_fill(tensor, 1), "no elements");
    bg_tensor_destroy(tensor);
}
END_TEST

/* ---- Contents ---- */

START_TEST(copying)
{
    bg_tensor *tensor = counted_tensor(BG_F64, BG_SHAPE(4, 6)), *view = NULL, *other = NULL;
    double data[24], out[24];
    expect_ok(bg_tensor_slice(&view, tensor, 1, 1, 6, 2), "view");
    for (int i = 0; i < 12; i++)
        data[i] = -i;
    uint64_t version = tensor->storage->version;
    expect_ok(bg_tensor_copy_from(view, data, 12 * sizeof *data), "copy_from");
    ck_assert_uint_gt(tensor->storage->version, version);
    version = tensor->storage->version;
    expect_ok(bg_tensor_copy_to(tensor, out, sizeof out), "copy_to");
    for (int i = 0; i < 24; i++)
        ck_assert(out[i] == (i % 2 ? -(i / 2) : i));
    ck_assert_ptr_nonnull(bg_tensor_const_data(tensor));
    ck_assert_uint_eq(tensor->storage->version, version);
    ck_assert_ptr_nonnull(bg_tensor_data(view));
    ck_assert_uint_gt(tensor->storage->version, version);

    expect_failure(bg_tensor_copy_from(view, data, 95), BG_ERR_ARGUMENT, "95 bytes for f64 [4, 3], which has 96",
                   "bytes");
    expect_failure(bg_tensor_copy_to(view, out, 97), BG_ERR_ARGUMENT, "97 bytes", "bytes");
    expect_failure(bg_tensor_copy_to(view, NULL, 96), BG_ERR_ARGUMENT, "no data", "NULL");
    expect_failure(bg_tensor_copy_from(view, bg_tensor_data(tensor), 96), BG_ERR_OVERLAP, "own memory", "own memory");
    expect_failure(bg_tensor_copy_from(NULL, data, 0), BG_ERR_ARGUMENT, "no tensor", "NULL tensor");

    expect_ok(bg_tensor_create(&other, counted_engine(), BG_F64, BG_SHAPE(4, 3)), "other");
    expect_ok(bg_tensor_copy(other, view), "copy");
    ck_assert(value_at(other, 11) == -11);
    expect_failure(bg_tensor_copy(other, tensor), BG_ERR_SHAPE, "target is [4, 3], source is [4, 6]", "shape");
    bg_tensor_destroy(other);
    expect_ok(bg_tensor_create(&other, counted_engine(), BG_F32, BG_SHAPE(4, 3)), "other");
    expect_failure(bg_tensor_copy(other, view), BG_ERR_DTYPE, "target is f32, source is f64", "dtype");
    bg_tensor_destroy(other);
    expect_ok(bg_tensor_slice(&other, tensor, 1, 0, 5, 2), "the other columns");
    expect_ok(bg_tensor_copy(other, view), "interleaved");
    ck_assert(value_at(tensor, 22) == -11);
    bg_tensor_destroy(other);
    expect_ok(bg_tensor_slice(&other, tensor, 1, 0, 3, 1), "columns that meet");
    expect_failure(bg_tensor_copy(other, view), BG_ERR_OVERLAP, "share memory", "overlap");
    bg_tensor_destroy(other);
    bg_tensor_destroy(view);
    bg_tensor_destroy(tensor);
}
END_TEST

static const struct {
    bg_dtype dtype;
    double value, result;
    bool fails;
} fills[] = {
    { BG_F32, 0.1, (double)0.1F, false },
    { BG_F32, 3.5e38, 0, true },
    { BG_F32, INFINITY, INFINITY, false },
    { BG_F64, 1e300, 1e300, false },
    { BG_I32, -2147483648.9, -2147483648.0, false },
    { BG_I32, 2147483647.9, 2147483647, false },
    { BG_I32, 2147483648.0, 0, true },
    { BG_I32, -2147483649.0, 0, true },
    { BG_I32, NAN, 0, true },
    { BG_I64, -0x1p63, -0x1p63, false },
    { BG_I64, 0x1p63, 0, true },
    { BG_I64, -INFINITY, 0, true },
    { BG_U8, 255.5, 255, false },
    { BG_U8, -0.5, 0, false },
    { BG_U8, 256, 0, true },
    { BG_U8, -1, 0, true },
    { BG_BOOL, 0.25, 1, false },
    { BG_BOOL, 0, 0, false },
};

START_TEST(filling)
{
    for (size_t i = 0; i < sizeof fills / sizeof *fills; i++) {
        bg_tensor *tensor = counted_tensor(fills[i].dtype, BG_SHAPE(3, 5)), *view = NULL;
        expect_ok(bg_tensor_slice(&view, tensor, 1, 1, 4, 2), "view");
        bg_status status = bg_tensor_fill(view, fills[i].value);
        if (fills[i].fails)
            expect_failure(status, BG_ERR_ARGUMENT, "does not fit", bg_dtype_name(fills[i].dtype));
        else
            expect_ok(status, bg_dtype_name(fills[i].dtype));
        for (int j = 0; j < 15; j++) {
            bool is_inside = !fills[i].fails && (j % 5 == 1 || j % 5 == 3);
            double expected = is_inside ? fills[i].result : fills[i].dtype == BG_BOOL ? (double)(uint8_t)j : j;
            ck_assert_msg(value_at(tensor, j) == expected, "case %zu, element %d: %g", i, j, value_at(tensor, j));
        }
        bg_tensor_destroy(view);
        bg_tensor_destroy(tensor);
    }
}
END_TEST

START_TEST(items)
{
    bg_tensor *tensor = counted_tensor(BG_F32, BG_SHAPE(2, 3));
    double value = -1;
    expect_failure(bg_tensor_item(tensor, 6, &value), BG_ERR_INDEX, "index 6 of [2, 3], which has 6 elements",
                   "behind");
    expect_failure(bg_tensor_item(tensor, -1, &value), BG_ERR_INDEX, "index -1", "before");
    expect_failure(bg_tensor_item(tensor, 0, NULL), BG_ERR_ARGUMENT, "no place", "NULL");
    ck_assert(value == -1);
    bg_tensor_destroy(tensor);
    bg_tensor_destroy(NULL);
}
END_TEST

/* ---- Against an element-by-element reference, on random views ---- */

START_TEST(random_copies)
{
    draw d = draw_from((uint64_t)_i);
    static const bg_dtype types[] = { BG_F32, BG_F64, BG_U8 };
    bg_shape shape = { .rank = (int)draw_below(&d, 5) };
    for (int i = 0; i < shape.rank; i++)
        shape.dims[i] = draw_below(&d, 40 / (shape.rank * shape.rank) + 3);
    if (_i % 10 == 0) /* squares, and more than one */
        shape = BG_SHAPE(33 + draw_below(&d, 100), 30 + draw_below(&d, 100));
    bg_dtype dtype = types[draw_below(&d, 3)];
    bg_tensor *base = counted_tensor(dtype, shape), *view = random_view(&d, base), *dense = NULL, *other = NULL;
    bg_shape seen = bg_tensor_shape(view);
    int64_t count = bg_shape_count(seen);
    const char *name = bgi_shape_format(seen).text;

    expect_ok(bg_tensor_create(&dense, counted_engine(), dtype, seen), name);
    expect_ok(bg_tensor_copy(dense, view), name);
    for (int64_t i = 0; i < count; i++) {
        double expected = (double)(dtype == BG_U8 ? place_of(view, i) % 256 : place_of(view, i));
        ck_assert_msg(value_at(dense, i) == expected, "seed %d: %lld of %s", _i, (long long)i,
                      bgi_shape_format(seen).text);
    }

    /* And back, into zeros: what the view does not show stays. */
    expect_ok(bg_tensor_fill(base, 0), "zeros");
    expect_ok(bg_tensor_create(&other, counted_engine(), dtype, seen), name);
    expect_ok(bg_tensor_fill(other, 1), "ones");
    expect_ok(bg_tensor_copy(view, other), name);
    double sum = 0;
    for (int64_t i = 0; i < bg_shape_count(shape); i++)
        sum += value_at(base, i);
    ck_assert_msg(sum == (double)count, "seed %d: %g of %lld", _i, sum, (long long)count);
    bg_tensor_destroy(other);
    bg_tensor_destroy(dense);
    bg_tensor_destroy(view);
    bg_tensor_destroy(base);
}
END_TEST

/* ---- Memory that runs out ---- */

static bg_status build_all(void)
{
    static double memory[4];
    bg_tensor *t[6] = { NULL };
    bg_status status = bg_tensor_create(&t[0], counted_engine(), BG_F32, BG_SHAPE(4, 6));
    if (status == BG_OK)
        status = bg_tensor_wrap(&t[1], counted_engine(), BG_F64, BG_SHAPE(4), memory);
    if (status == BG_OK)
        status = bg_tensor_slice(&t[2], t[0], 0, 0, 4, 2);
    if (status == BG_OK)
        status = bg_tensor_permute(&t[3], t[2], BG_ALL_AXES);
    if (status == BG_OK)
        status = bg_tensor_reshape(&t[4], t[0], BG_SHAPE(24));
    if (status == BG_OK)
        status = bg_tensor_expand(&t[5], t[4], BG_SHAPE(2, 24));
    if (status != BG_OK)
        for (int i = 0; i < 6; i++)
            ck_assert_msg(i == 0 || t[i - 1] || !t[i], "tensor %d was made after a failure", i);
    for (int i = 0; i < 6; i++)
        bg_tensor_destroy(t[i]);
    return status;
}

START_TEST(out_of_memory)
{
    for (int sticky = 0; sticky < 2; sticky++) {
        long long live = counted_memory()->live;
        int failures = 0;
        bg_status status = BG_ERR_NOMEM;
        counted_memory()->is_sticky = sticky;
        for (long long n = 1; status != BG_OK; n++) {
            counted_memory()->fail_at = counted_memory()->calls + n;
            status = build_all();
            counted_memory()->fail_at = 0;
            failures += status != BG_OK;
            ck_assert_msg(counted_memory()->live == live, "allocation %lld: %lld blocks are left", n,
                          counted_memory()->live - live);
            if (status != BG_OK)
                expect_failure(status, BG_ERR_NOMEM, "out of memory: ", "tensors");
        }
        ck_assert_int_ge(failures, 9);
    }
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof *(table)))

int main(void)
{
    Suite *suite = suite_create("tensor");
    TCase *cases = tcase_create("tensor");
    tcase_add_checked_fixture(cases, counted_begin, counted_end);
    tcase_add_loop_test(cases, shapes_of_all_sizes, 0, COUNT(sizes));
    tcase_add_test(cases, element_types);
    tcase_add_test(cases, shape_helpers);
    tcase_add_test(cases, wrapping);
    tcase_add_test(cases, copying);
    tcase_add_test(cases, filling);
    tcase_add_test(cases, items);
    tcase_add_loop_test(cases, random_copies, 0, 120);
    tcase_add_test(cases, out_of_memory);
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
