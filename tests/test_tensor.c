/* Tensors: sizes, strides, views, copies, overlap, and memory that runs out. */
#include "base/random.h"
#include "support/counting.h"
#include "support/expect.h"
#include "support/sanitized.h"
#include "tensor/tensor.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>

static bg_engine *engine;
static counting counter;

static void set_up(void)
{
    counter = (counting){ .fail_at = 0 };
    bg_engine_options options = { .threads = 1, .allocator = counting_allocator(&counter) };
    expect_ok(bg_engine_create(&engine, &options), "engine");
}

static void tear_down(void)
{
    bg_engine_destroy(engine);
    engine = NULL;
    ck_assert_int_eq((int)counter.live, 0);
    ck_assert_int_eq((int)counter.wrong, 0);
}

/* A tensor that holds 0, 1, 2, .. in row-major order. */
static bg_tensor *counted(bg_dtype dtype, bg_shape shape)
{
    bg_tensor *tensor = NULL;
    expect_ok(bg_tensor_create(&tensor, engine, dtype, shape), "create");
    int64_t count = bg_shape_count(shape);
    for (int64_t i = 0; i < count; i++)
        switch (dtype) {
#define CASE_TYPE(name, type, text)                                                                                    \
    case name:                                                                                                         \
        ((type *)bg_tensor_data(tensor))[i] = (type)i;                                                                 \
        break;
            BG_DTYPE_LIST(CASE_TYPE)
#undef CASE_TYPE
        case BG_DTYPE_COUNT:
            break;
        }
    return tensor;
}

static double item(const bg_tensor *tensor, int64_t index)
{
    double value = NAN;
    expect_ok(bg_tensor_item(tensor, index, &value), "item");
    return value;
}

static void expect_values(const bg_tensor *tensor, bg_shape shape, const double *values, const char *name)
{
    ck_assert_msg(bg_shape_equal(bg_tensor_shape(tensor), shape), "%s is %s, not %s", name,
                  bgi_shape_format(bg_tensor_shape(tensor)).text, bgi_shape_format(shape).text);
    for (int64_t i = 0; i < bg_shape_count(shape); i++)
        ck_assert_msg(item(tensor, i) == values[i], "%s: element %lld is %g, not %g", name, (long long)i,
                      item(tensor, i), values[i]);
}

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
    bg_status status = bg_tensor_create(&tensor, engine, sizes[_i].dtype, sizes[_i].shape);
    if (sizes[_i].status == BG_OK) {
        expect_ok(status, name);
        ck_assert_int_eq(bg_shape_count(bg_tensor_shape(tensor)), sizes[_i].count);
        ck_assert_uint_eq((uintptr_t)bg_tensor_data(tensor) % 64, 0);
        for (int64_t i = 0; i < sizes[_i].count; i++)
            ck_assert(item(tensor, i) == 0);
    } else {
        expect_failure(status, sizes[_i].status, sizes[_i].message, name);
        ck_assert_ptr_null(tensor);
    }
    bg_tensor_destroy(tensor);
}
END_TEST

/* Every shape of up to four of the extents that products go wrong with, against a product in long double. */
START_TEST(products_of_extents)
{
    static const int64_t extents[] = { 0, 1, 3, INT32_MAX, (int64_t)INT32_MAX + 1, (int64_t)1 << 32, INT64_MAX, -1 };
    enum { N = sizeof extents / sizeof *extents };
    for (int rank = 0; rank <= 4; rank++) {
        int shapes = 1;
        for (int i = 0; i < rank; i++)
            shapes *= N;
        for (int code = 0; code < shapes; code++) {
            bg_shape shape = { .rank = rank };
            long double product = 1;
            bool is_negative = false, is_empty = false;
            for (int i = 0, rest = code; i < rank; i++, rest /= N) {
                shape.dims[i] = extents[rest % N];
                is_negative = is_negative || shape.dims[i] < 0;
                is_empty = is_empty || shape.dims[i] == 0;
                product *= shape.dims[i] ? (long double)shape.dims[i] : 1;
            }
            int64_t count = -1;
            size_t bytes = 1;
            bg_status status = bgi_shape_check(shape, BG_F64, "test", &count, &bytes);
            bg_status expected = product * 8 <= (long double)PTRDIFF_MAX ? BG_OK : BG_ERR_OVERFLOW;
            if (is_negative) /* which of the two is found first is open */
                ck_assert_msg(status == BG_ERR_SHAPE || status == BG_ERR_OVERFLOW, "%s", bgi_shape_format(shape).text);
            else
                ck_assert_msg(status == expected, "%s: %s", bgi_shape_format(shape).text, bg_status_name(status));
            if (status == BG_OK) {
                ck_assert_int_eq(count, is_empty ? 0 : (int64_t)product);
                ck_assert_uint_eq(bytes, (size_t)count * 8);
            }
        }
    }
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
        bg_tensor *tensor = counted(cases[i].dtype, BG_SHAPE(2, 3));
        ck_assert_int_eq((int)bg_tensor_dtype(tensor), (int)cases[i].dtype);
        ck_assert(item(tensor, 5) == 5);
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
    expect_ok(bg_tensor_wrap(&tensor, engine, BG_F32, BG_SHAPE(2, 3), memory), "wrap");
    ck_assert_ptr_eq(bg_tensor_data(tensor), memory);
    memory[4] = 44;
    ck_assert(item(tensor, 4) == 44);
    bg_tensor_destroy(tensor);
    ck_assert(memory[4] == 44);

    tensor = NULL;
    expect_failure(bg_tensor_wrap(&tensor, engine, BG_F32, BG_SHAPE(2), (char *)memory + 2), BG_ERR_ARGUMENT,
                   "not aligned for f32", "odd address");
    expect_failure(bg_tensor_wrap(&tensor, engine, BG_F64, BG_SHAPE(2), (char *)memory + 4), BG_ERR_ARGUMENT,
                   "not aligned for f64", "address of a float");
    expect_failure(bg_tensor_wrap(&tensor, engine, BG_F32, BG_SHAPE(2), NULL), BG_ERR_ARGUMENT, "no data for f32 [2]",
                   "NULL");
    expect_failure(bg_tensor_wrap(&tensor, NULL, BG_F32, BG_SHAPE(2), memory), BG_ERR_ARGUMENT, "no engine", "engine");
    expect_failure(bg_tensor_wrap(NULL, engine, BG_F32, BG_SHAPE(2), memory), BG_ERR_ARGUMENT, "no place", "result");
    ck_assert_ptr_null(tensor);
    expect_ok(bg_tensor_wrap(&tensor, engine, BG_F64, BG_SHAPE(3, 0), NULL), "no elements");
    expect_ok(bg_tensor_copy_to(tensor, NULL, 0), "no elements");
    expect_ok(bg_tensor_fill(tensor, 1), "no elements");
    bg_tensor_destroy(tensor);
}
END_TEST

/* ---- Views ---- */

static const struct {
    const char *name;
    int axis;
    int64_t start, stop, step;
    bg_shape shape;
    double values[12];
    const char *message;
} slices[] = {
    /* of [3, 4] with 0 .. 11 */
    { "rows", 0, 1, 3, 1, { 2, { 2, 4 } }, { 4, 5, 6, 7, 8, 9, 10, 11 }, NULL },
    { "columns", 1, 0, 4, 2, { 2, { 3, 2 } }, { 0, 2, 4, 6, 8, 10 }, NULL },
    { "step over the end", 1, 1, 4, 2, { 2, { 3, 2 } }, { 1, 3, 5, 7, 9, 11 }, NULL },
    { "negative places", -1, -3, -1, 1, { 2, { 3, 2 } }, { 1, 2, 5, 6, 9, 10 }, NULL },
    { "clipped", 0, -9, 99, 1, { 2, { 3, 4 } }, { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 }, NULL },
    { "extremes", 0, INT64_MIN, INT64_MAX, 1, { 2, { 3, 4 } }, { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 }, NULL },
    { "largest step", 1, 1, 4, INT64_MAX, { 2, { 3, 1 } }, { 1, 5, 9 }, NULL },
    { "backwards", 0, 2, 1, 1, { 2, { 0, 4 } }, { 0 }, NULL },
    { "behind the end", 0, 3, 9, 1, { 2, { 0, 4 } }, { 0 }, NULL },
    { "step 0", 0, 0, 1, 0, { 0, { 0 } }, { 0 }, "step 0" },
    { "negative step", 0, 0, 1, -1, { 0, { 0 } }, { 0 }, "step -1" },
    { "axis 2", 2, 0, 1, 1, { 0, { 0 } }, { 0 }, "axis 2 of [3, 4]" },
    { "axis -3", -3, 0, 1, 1, { 0, { 0 } }, { 0 }, "axis -3 of [3, 4]" },
};

START_TEST(slicing)
{
    bg_tensor *tensor = counted(BG_I32, BG_SHAPE(3, 4)), *view = NULL;
    bg_status status =
        bg_tensor_slice(&view, tensor, slices[_i].axis, slices[_i].start, slices[_i].stop, slices[_i].step);
    if (slices[_i].message) {
        expect_failure(status, BG_ERR_ARGUMENT, slices[_i].message, slices[_i].name);
        ck_assert_ptr_null(view);
    } else {
        expect_ok(status, slices[_i].name);
        expect_values(view, slices[_i].shape, slices[_i].values, slices[_i].name);
    }
    bg_tensor_destroy(tensor); /* the view keeps the memory */
    if (view && bg_shape_count(slices[_i].shape) > 0)
        ck_assert(item(view, 0) == slices[_i].values[0]);
    bg_tensor_destroy(view);
}
END_TEST

START_TEST(permuting)
{
    bg_tensor *tensor = counted(BG_F64, BG_SHAPE(2, 3, 2)), *view = NULL, *back = NULL;
    expect_ok(bg_tensor_permute(&view, tensor, BG_AXES(1, -1, 0)), "1 2 0");
    expect_values(view, BG_SHAPE(3, 2, 2), (double[]){ 0, 6, 1, 7, 2, 8, 3, 9, 4, 10, 5, 11 }, "1 2 0");
    expect_ok(bg_tensor_permute(&back, view, BG_AXES(2, 0, 1)), "back");
    ck_assert(bg_tensor_is_contiguous(back));
    ck_assert(!bg_tensor_is_contiguous(view));
    bg_tensor_destroy(back);
    bg_tensor_destroy(view);
    expect_ok(bg_tensor_permute(&view, tensor, BG_ALL_AXES), "all");
    expect_values(view, BG_SHAPE(2, 3, 2), (double[]){ 0, 6, 2, 8, 4, 10, 1, 7, 3, 9, 5, 11 }, "all");
    bg_tensor_destroy(view);

    expect_failure(bg_tensor_permute(&view, tensor, BG_AXES(0, 1)), BG_ERR_ARGUMENT, "2 axes for [2, 3, 2]", "two");
    expect_failure(bg_tensor_permute(&view, tensor, BG_AXES(0, 1, 1)), BG_ERR_ARGUMENT,
                   "axis 1 of [2, 3, 2] is given twice", "twice");
    expect_failure(bg_tensor_permute(&view, tensor, BG_AXES(0, 1, -2)), BG_ERR_ARGUMENT, "axis 1", "twice, negative");
    expect_failure(bg_tensor_permute(&view, tensor, BG_AXES(0, 1, 3)), BG_ERR_ARGUMENT, "axis 3", "out of range");
    bg_tensor_destroy(tensor);

    tensor = counted(BG_F64, BG_SCALAR);
    expect_ok(bg_tensor_permute(&view, tensor, BG_AXES()), "scalar");
    expect_values(view, BG_SCALAR, (double[]){ 0 }, "scalar");
    bg_tensor_destroy(view);
    bg_tensor_destroy(tensor);
}
END_TEST

/* Of a tensor of `from`, permuted by `axes` first. */
static const struct {
    const char *name;
    bg_shape from;
    bg_axes axes;
    bg_shape to, result;
    const char *message;
} reshapes[] = {
    { "flat", { 2, { 3, 4 } }, { 2, { 0, 1 } }, { 1, { 12 } }, { 1, { 12 } }, NULL },
    { "open", { 2, { 3, 4 } }, { 2, { 0, 1 } }, { 3, { 2, -1, 3 } }, { 3, { 2, 2, 3 } }, NULL },
    { "ones", { 2, { 3, 4 } }, { 2, { 0, 1 } }, { 4, { 1, 3, 1, 4 } }, { 4, { 1, 3, 1, 4 } }, NULL },
    { "to a scalar", { 3, { 1, 1, 1 } }, { 3, { 0, 1, 2 } }, { 0, { 0 } }, { 0, { 0 } }, NULL },
    { "from a scalar", { 0, { 0 } }, { 0, { 0 } }, { 2, { 1, -1 } }, { 2, { 1, 1 } }, NULL },
    { "permuted axes cut", { 2, { 6, 4 } }, { 2, { 1, 0 } }, { 3, { 4, 2, 3 } }, { 3, { 4, 2, 3 } }, NULL },
    { "permuted axes joined", { 3, { 2, 3, 4 } }, { 3, { 2, 0, 1 } }, { 2, { 4, 6 } }, { 2, { 4, 6 } }, NULL },
    { "empty", { 2, { 0, 3 } }, { 2, { 1, 0 } }, { 2, { 5, 0 } }, { 2, { 5, 0 } }, NULL },
    { "empty and open", { 2, { 0, 3 } }, { 2, { 0, 1 } }, { 2, { -1, 3 } }, { 2, { 0, 3 } }, NULL },
    { "needs a copy",
      { 2, { 3, 4 } },
      { 2, { 1, 0 } },
      { 1, { 12 } },
      { 0, { 0 } },
      "[4, 3] as [12] needs a copy: axes 0 and 1" },
    { "needs a copy inside",
      { 3, { 2, 3, 4 } },
      { 3, { 1, 0, 2 } },
      { 2, { 3, 8 } },
      { 2, { 3, 8 } },
      "needs a copy: axes 0 and 1, 1 and 2" },
    { "wrong count",
      { 2, { 3, 4 } },
      { 2, { 0, 1 } },
      { 2, { 5, 2 } },
      { 0, { 0 } },
      "[3, 4], which has 12 elements, as [5, 2]" },
    { "does not divide", { 2, { 3, 4 } }, { 2, { 0, 1 } }, { 2, { 5, -1 } }, { 0, { 0 } }, "as [5, -1]" },
    { "open beside zero", { 2, { 0, 3 } }, { 2, { 0, 1 } }, { 2, { 0, -1 } }, { 0, { 0 } }, "as [0, -1]" },
    { "two open", { 2, { 3, 4 } }, { 2, { 0, 1 } }, { 2, { -1, -1 } }, { 0, { 0 } }, "only one extent of [-1, -1]" },
    { "negative", { 2, { 3, 4 } }, { 2, { 0, 1 } }, { 2, { -2, 6 } }, { 0, { 0 } }, "extent -2 of axis 0" },
    { "rank", { 2, { 3, 4 } }, { 2, { 0, 1 } }, { .rank = 9 }, { 0, { 0 } }, "rank 9" },
};

START_TEST(reshaping)
{
    bg_tensor *tensor = counted(BG_I64, reshapes[_i].from), *permuted = NULL, *view = NULL;
    const char *name = reshapes[_i].name;
    expect_ok(bg_tensor_permute(&permuted, tensor, reshapes[_i].axes), name);
    bg_status status = bg_tensor_reshape(&view, permuted, reshapes[_i].to);
    if (reshapes[_i].message) {
        expect_failure(status, BG_ERR_SHAPE, reshapes[_i].message, name);
        ck_assert_ptr_null(view);
    } else {
        double values[64];
        expect_ok(status, name);
        for (int64_t i = 0; i < bg_shape_count(reshapes[_i].result); i++)
            values[i] = item(permuted, i);
        expect_values(view, reshapes[_i].result, values, name);
        if (bg_shape_count(reshapes[_i].result) > 0)
            ck_assert_ptr_eq(bg_tensor_const_data(view), bg_tensor_const_data(tensor));
    }
    bg_tensor_destroy(view);
    bg_tensor_destroy(permuted);
    bg_tensor_destroy(tensor);
}
END_TEST

START_TEST(expanding)
{
    bg_tensor *tensor = counted(BG_F32, BG_SHAPE(3, 1)), *view = NULL, *flat = NULL;
    expect_ok(bg_tensor_expand(&view, tensor, BG_SHAPE(2, 3, 2)), "expand");
    expect_values(view, BG_SHAPE(2, 3, 2), (double[]){ 0, 0, 1, 1, 2, 2, 0, 0, 1, 1, 2, 2 }, "expand");
    ck_assert(!bg_tensor_is_contiguous(view));
    float data[12] = { 0 };
    expect_failure(bg_tensor_copy_from(view, data, sizeof data), BG_ERR_OVERLAP, "[2, 3, 2]", "copy_from");
    expect_ok(bg_tensor_copy_to(view, data, sizeof data), "copy_to");
    ck_assert(data[11] == 2);
    expect_ok(bg_tensor_fill(view, 7), "fill");
    ck_assert(item(tensor, 2) == 7);
    bg_tensor_destroy(view);

    view = NULL;
    expect_failure(bg_tensor_expand(&view, tensor, BG_SHAPE(3)), BG_ERR_SHAPE, "[3, 1] does not broadcast to [3]",
                   "less");
    expect_failure(bg_tensor_expand(&view, tensor, BG_SHAPE(2, 5)), BG_ERR_SHAPE, "[3, 1] does not broadcast to [2, 5]",
                   "other extent");
    expect_failure(bg_tensor_expand(&view, tensor, BG_SHAPE(INT64_MAX, 3, 3)), BG_ERR_OVERFLOW, "does not fit", "huge");
    ck_assert_ptr_null(view);
    expect_ok(bg_tensor_expand(&view, tensor, BG_SHAPE(3, 0)), "to zero");
    ck_assert_int_eq(bg_shape_count(bg_tensor_shape(view)), 0);
    bg_tensor_destroy(view);

    /* Repeated axes lie evenly, at distance 0. */
    expect_ok(bg_tensor_expand(&view, tensor, BG_SHAPE(2, 2, 3, 1)), "two axes");
    expect_ok(bg_tensor_reshape(&flat, view, BG_SHAPE(4, 3)), "joined");
    expect_values(flat, BG_SHAPE(4, 3), (double[]){ 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7 }, "joined");
    expect_failure(bg_tensor_copy(flat, flat), BG_ERR_OVERLAP, "several places", "copy");
    bg_tensor_destroy(flat);
    bg_tensor_destroy(view);
    bg_tensor_destroy(tensor);
}
END_TEST

START_TEST(contiguous)
{
    bg_tensor *tensor = counted(BG_F32, BG_SHAPE(4, 1, 6)), *row = NULL, *half = NULL, *none = NULL;
    ck_assert(bg_tensor_is_contiguous(tensor));
    expect_ok(bg_tensor_slice(&row, tensor, 0, 1, 2, 1), "row");
    ck_assert(bg_tensor_is_contiguous(row));
    expect_ok(bg_tensor_slice(&half, tensor, 2, 0, 3, 1), "half");
    ck_assert(!bg_tensor_is_contiguous(half));
    expect_ok(bg_tensor_slice(&none, half, 0, 0, 0, 1), "none");
    ck_assert(bg_tensor_is_contiguous(none));
    bg_tensor_destroy(half);
    expect_ok(bg_tensor_slice(&half, row, 2, 0, 3, 1), "half a row");
    ck_assert(bg_tensor_is_contiguous(half));
    ck_assert_int_eq(bg_tensor_strides(tensor)[0], 6);
    ck_assert_int_eq(bg_tensor_strides(tensor)[2], 1);
    bg_tensor_destroy(none);
    bg_tensor_destroy(half);
    bg_tensor_destroy(row);
    bg_tensor_destroy(tensor);
}
END_TEST

/* ---- Contents ---- */

START_TEST(copying)
{
    bg_tensor *tensor = counted(BG_F64, BG_SHAPE(4, 6)), *view = NULL, *other = NULL;
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

    expect_ok(bg_tensor_create(&other, engine, BG_F64, BG_SHAPE(4, 3)), "other");
    expect_ok(bg_tensor_copy(other, view), "copy");
    ck_assert(item(other, 11) == -11);
    expect_failure(bg_tensor_copy(other, tensor), BG_ERR_SHAPE, "target is [4, 3], source is [4, 6]", "shape");
    bg_tensor_destroy(other);
    expect_ok(bg_tensor_create(&other, engine, BG_F32, BG_SHAPE(4, 3)), "other");
    expect_failure(bg_tensor_copy(other, view), BG_ERR_DTYPE, "target is f32, source is f64", "dtype");
    bg_tensor_destroy(other);
    expect_ok(bg_tensor_slice(&other, tensor, 1, 0, 5, 2), "the other columns");
    expect_ok(bg_tensor_copy(other, view), "interleaved");
    ck_assert(item(tensor, 22) == -11);
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
        bg_tensor *tensor = counted(fills[i].dtype, BG_SHAPE(3, 5)), *view = NULL;
        expect_ok(bg_tensor_slice(&view, tensor, 1, 1, 4, 2), "view");
        bg_status status = bg_tensor_fill(view, fills[i].value);
        if (fills[i].fails)
            expect_failure(status, BG_ERR_ARGUMENT, "does not fit", bg_dtype_name(fills[i].dtype));
        else
            expect_ok(status, bg_dtype_name(fills[i].dtype));
        for (int j = 0; j < 15; j++) {
            bool is_inside = !fills[i].fails && (j % 5 == 1 || j % 5 == 3);
            double expected = is_inside ? fills[i].result : fills[i].dtype == BG_BOOL ? (double)(uint8_t)j : j;
            ck_assert_msg(item(tensor, j) == expected, "case %zu, element %d: %g", i, j, item(tensor, j));
        }
        bg_tensor_destroy(view);
        bg_tensor_destroy(tensor);
    }
}
END_TEST

START_TEST(items)
{
    bg_tensor *tensor = counted(BG_F32, BG_SHAPE(2, 3));
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

/* ---- Against element-by-element references, on random views ---- */

typedef struct {
    uint64_t seed, at;
} draw;
static int64_t below(draw *d, int64_t n) { return (int64_t)(bgi_random_uniform(d->seed, 0, d->at++) * (double)n); }

/* A view of a tensor by one to four random steps; the caller destroys it. */
static bg_tensor *random_view(draw *d, bg_tensor *tensor)
{
    bg_tensor *view = NULL;
    expect_ok(bg_tensor_permute(&view, tensor, BG_ALL_AXES), "reversal");
    for (int64_t steps = below(d, 4); steps > 0; steps--) {
        bg_tensor *next = NULL;
        bg_shape shape = bg_tensor_shape(view);
        int axis = shape.rank ? (int)below(d, shape.rank) : 0;
        switch (below(d, 3)) {
        case 0:
            if (shape.rank && shape.dims[axis] > 0) {
                int64_t start = below(d, shape.dims[axis]), stop = start + 1 + below(d, shape.dims[axis] - start);
                expect_ok(bg_tensor_slice(&next, view, axis, start, stop, 1 + below(d, 3)), "slice");
            }
            break;
        case 1: {
            bg_axes axes = { .count = shape.rank };
            for (int i = 0; i < shape.rank; i++) {
                int other = (int)below(d, i + 1);
                axes.axis[i] = axes.axis[other];
                axes.axis[other] = i;
            }
            expect_ok(bg_tensor_permute(&next, view, axes), "permute");
            break;
        }
        default: {
            /* Joins two axes if they allow it. */
            if (shape.rank < 2)
                break;
            axis = axis == shape.rank - 1 ? 0 : axis;
            bg_shape joined = { .rank = shape.rank - 1 };
            for (int i = 0; i < joined.rank; i++)
                joined.dims[i] = i < axis    ? shape.dims[i]
                                 : i == axis ? shape.dims[i] * shape.dims[i + 1]
                                             : shape.dims[i + 1];
            if (bg_tensor_reshape(&next, view, joined) != BG_OK)
                next = NULL;
        }
        }
        if (next) {
            bg_tensor_destroy(view);
            view = next;
        }
    }
    return view;
}

/* The place of an element, by its strides. */
static int64_t place(const bg_tensor *tensor, int64_t index)
{
    int64_t at = (int64_t)(tensor->offset / bg_dtype_size(tensor->dtype));
    for (int i = tensor->shape.rank; i-- > 0; index /= tensor->shape.dims[i])
        at += index % tensor->shape.dims[i] * tensor->strides[i];
    return at;
}

START_TEST(random_copies)
{
    draw d = { .seed = (uint64_t)_i };
    static const bg_dtype types[] = { BG_F32, BG_F64, BG_U8 };
    bg_shape shape = { .rank = (int)below(&d, 5) };
    for (int i = 0; i < shape.rank; i++)
        shape.dims[i] = below(&d, 40 / (shape.rank * shape.rank) + 3);
    if (_i % 10 == 0) /* squares, and more than one */
        shape = BG_SHAPE(33 + below(&d, 100), 30 + below(&d, 100));
    bg_dtype dtype = types[below(&d, 3)];
    bg_tensor *base = counted(dtype, shape), *view = random_view(&d, base), *dense = NULL, *other = NULL;
    bg_shape seen = bg_tensor_shape(view);
    int64_t count = bg_shape_count(seen);
    const char *name = bgi_shape_format(seen).text;

    expect_ok(bg_tensor_create(&dense, engine, dtype, seen), name);
    expect_ok(bg_tensor_copy(dense, view), name);
    for (int64_t i = 0; i < count; i++) {
        double expected = (double)(dtype == BG_U8 ? place(view, i) % 256 : place(view, i));
        ck_assert_msg(item(dense, i) == expected, "seed %d: %lld of %s", _i, (long long)i, bgi_shape_format(seen).text);
    }

    /* And back, into zeros: what the view does not show stays. */
    expect_ok(bg_tensor_fill(base, 0), "zeros");
    expect_ok(bg_tensor_create(&other, engine, dtype, seen), name);
    expect_ok(bg_tensor_fill(other, 1), "ones");
    expect_ok(bg_tensor_copy(view, other), name);
    double sum = 0;
    for (int64_t i = 0; i < bg_shape_count(shape); i++)
        sum += item(base, i);
    ck_assert_msg(sum == (double)count, "seed %d: %g of %lld", _i, sum, (long long)count);
    bg_tensor_destroy(other);
    bg_tensor_destroy(dense);
    bg_tensor_destroy(view);
    bg_tensor_destroy(base);
}
END_TEST

/* Never "apart" when an element is in both. */
START_TEST(random_overlaps)
{
    enum { MOST = 4096 };
    draw d = { .seed = (uint64_t)_i };
    bg_tensor *base = counted(BG_F32, BG_SHAPE(1 + below(&d, 8), 1 + below(&d, 8), 1 + below(&d, 8)));
    for (int pair = 0; pair < 40; pair++) {
        bg_tensor *a = random_view(&d, base), *b = random_view(&d, base);
        bool seen[MOST] = { false }, meets = false;
        for (int64_t i = 0; i < bg_shape_count(a->shape); i++)
            seen[place(a, i)] = true;
        for (int64_t i = 0; i < bg_shape_count(b->shape); i++)
            meets = meets || seen[place(b, i)];
        ck_assert_msg(!meets || bgi_tensor_overlap(a, b), "seed %d, pair %d", _i, pair);
        ck_assert(bgi_tensor_overlap(a, b) == bgi_tensor_overlap(b, a));
        if (bg_tensor_is_contiguous(a) && bg_tensor_is_contiguous(b))
            ck_assert_msg(meets == bgi_tensor_overlap(a, b), "seed %d, pair %d, contiguous", _i, pair);
        bg_tensor_destroy(a);
        bg_tensor_destroy(b);
    }
    bg_tensor_destroy(base);
}
END_TEST

/* Two slices of [6, 4, 10], each by up to two axes. */
typedef struct {
    int axis;
    int64_t start, stop, step;
} cut;
static const struct {
    const char *name;
    cut a[2], b[2];
    bool meets;
} overlaps[] = {
    { .name = "even and odd rows", .a = { { 0, 0, 6, 2 } }, .b = { { 0, 1, 6, 2 } } },
    { .name = "even and odd columns", .a = { { 2, 0, 10, 2 } }, .b = { { 2, 1, 10, 2 } } },
    { .name = "left and right half", .a = { { 2, 0, 5, 1 } }, .b = { { 2, 5, 10, 1 } } },
    { .name = "halves of the middle axis", .a = { { 1, 0, 2, 1 } }, .b = { { 1, 2, 4, 1 } } },
    { .name = "the same columns of other rows",
      .a = { { 1, 0, 2, 1 }, { 2, 0, 3, 1 } },
      .b = { { 1, 2, 4, 1 }, { 2, 0, 3, 1 } } },
    { .name = "upper and lower half", .a = { { 0, 0, 3, 1 } }, .b = { { 0, 3, 6, 1 } } },
    { .name = "thirds", .a = { { 2, 0, 10, 3 } }, .b = { { 2, 2, 10, 3 } } },
    { .name = "a row and a column that miss", .a = { { 0, 0, 1, 1 }, { 2, 0, 2, 1 } }, .b = { { 2, 3, 4, 1 } } },
    { .name = "halves that share a column", .a = { { 2, 0, 6, 1 } }, .b = { { 2, 5, 10, 1 } }, .meets = true },
    { .name = "a row and a column", .a = { { 0, 2, 3, 1 } }, .b = { { 2, 4, 5, 1 } }, .meets = true },
    { .name = "the same", .a = { { 2, 1, 9, 3 } }, .b = { { 2, 1, 9, 3 } }, .meets = true },
};

START_TEST(overlapping)
{
    bg_tensor *base = counted(BG_F32, BG_SHAPE(6, 4, 10)), *views[2] = { NULL, NULL };
    for (int v = 0; v < 2; v++) {
        expect_ok(bg_tensor_permute(&views[v], base, BG_AXES(0, 1, 2)), "all");
        for (int i = 0; i < 2; i++) {
            const cut *c = v ? &overlaps[_i].b[i] : &overlaps[_i].a[i];
            bg_tensor *next = NULL;
            if (c->step == 0)
                continue;
            expect_ok(bg_tensor_slice(&next, views[v], c->axis, c->start, c->stop, c->step), overlaps[_i].name);
            bg_tensor_destroy(views[v]);
            views[v] = next;
        }
    }
    ck_assert_msg(bgi_tensor_overlap(views[0], views[1]) == overlaps[_i].meets, "%s", overlaps[_i].name);
    bg_tensor_destroy(views[0]);
    bg_tensor_destroy(views[1]);
    bg_tensor_destroy(base);
}
END_TEST

/* Strides of 7 and of 5 meet at 21, although neither is a multiple of the other. */
START_TEST(overlap_of_two_grids)
{
    bg_tensor *base = counted(BG_F32, BG_SHAPE(70)), *sevens = NULL, *fives = NULL, *a = NULL, *b = NULL;
    expect_ok(bg_tensor_reshape(&sevens, base, BG_SHAPE(10, 7)), "10 x 7");
    expect_ok(bg_tensor_reshape(&fives, base, BG_SHAPE(14, 5)), "14 x 5");
    expect_ok(bg_tensor_slice(&a, sevens, 1, 0, 1, 1), "0, 7, 14, ..");
    expect_ok(bg_tensor_slice(&b, fives, 1, 1, 2, 1), "1, 6, 11, ..");
    ck_assert(bgi_tensor_overlap(a, b));
    ck_assert(bgi_tensor_overlap(b, a));
    bg_tensor_destroy(a);
    bg_tensor_destroy(b);
    bg_tensor_destroy(sevens);
    bg_tensor_destroy(fives);
    bg_tensor_destroy(base);
}
END_TEST

/* ---- Memory that runs out ---- */

static bg_status build_all(void)
{
    static double memory[4];
    bg_tensor *t[6] = { NULL };
    bg_status status = bg_tensor_create(&t[0], engine, BG_F32, BG_SHAPE(4, 6));
    if (status == BG_OK)
        status = bg_tensor_wrap(&t[1], engine, BG_F64, BG_SHAPE(4), memory);
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
        long long live = counter.live;
        int failures = 0;
        bg_status status = BG_ERR_NOMEM;
        counter.is_sticky = sticky;
        for (long long n = 1; status != BG_OK; n++) {
            counter.fail_at = counter.calls + n;
            status = build_all();
            counter.fail_at = 0;
            failures += status != BG_OK;
            ck_assert_msg(counter.live == live, "allocation %lld: %lld blocks are left", n, counter.live - live);
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
    tcase_add_checked_fixture(cases, set_up, tear_down);
    tcase_add_loop_test(cases, shapes_of_all_sizes, 0, COUNT(sizes));
    tcase_add_test(cases, products_of_extents);
    tcase_add_test(cases, element_types);
    tcase_add_test(cases, shape_helpers);
    tcase_add_test(cases, wrapping);
    tcase_add_loop_test(cases, slicing, 0, COUNT(slices));
    tcase_add_test(cases, permuting);
    tcase_add_loop_test(cases, reshaping, 0, COUNT(reshapes));
    tcase_add_test(cases, expanding);
    tcase_add_test(cases, contiguous);
    tcase_add_test(cases, copying);
    tcase_add_test(cases, filling);
    tcase_add_test(cases, items);
    tcase_add_loop_test(cases, random_copies, 0, 120);
    tcase_add_loop_test(cases, random_overlaps, 0, 60);
    tcase_add_loop_test(cases, overlapping, 0, COUNT(overlaps));
    tcase_add_test(cases, overlap_of_two_grids);
    tcase_add_test(cases, out_of_memory);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
