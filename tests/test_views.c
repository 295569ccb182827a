/* Views of tensors, and whether two of them share memory. */
#include "support/counted.h"
#include "support/random_view.h"
#include "support/suite.h"
#include "support/values.h"
#include "tensor/tensor.h"

#include <stdlib.h>

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
    bg_tensor *tensor = counted_tensor(BG_I32, BG_SHAPE(3, 4)), *view = NULL;
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
        ck_assert(value_at(view, 0) == slices[_i].values[0]);
    bg_tensor_destroy(view);
}
END_TEST

START_TEST(permuting)
{
    bg_tensor *tensor = counted_tensor(BG_F64, BG_SHAPE(2, 3, 2)), *view = NULL, *back = NULL;
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

    tensor = counted_tensor(BG_F64, BG_SCALAR);
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
    bg_tensor *tensor = counted_tensor(BG_I64, reshapes[_i].from), *permuted = NULL, *view = NULL;
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
            values[i] = value_at(permuted, i);
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
    bg_tensor *tensor = counted_tensor(BG_F32, BG_SHAPE(3, 1)), *view = NULL, *flat = NULL;
    expect_ok(bg_tensor_expand(&view, tensor, BG_SHAPE(2, 3, 2)), "expand");
    expect_values(view, BG_SHAPE(2, 3, 2), (double[]){ 0, 0, 1, 1, 2, 2, 0, 0, 1, 1, 2, 2 }, "expand");
    ck_assert(!bg_tensor_is_contiguous(view));
    float data[12] = { 0 };
    expect_failure(bg_tensor_copy_from(view, data, sizeof data), BG_ERR_OVERLAP, "[2, 3, 2]", "copy_from");
    expect_ok(bg_tensor_copy_to(view, data, sizeof data), "copy_to");
    ck_assert(data[11] == 2);
    expect_ok(bg_tensor_fill(view, 7), "fill");
    ck_assert(value_at(tensor, 2) == 7);
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
    bg_tensor *tensor = counted_tensor(BG_F32, BG_SHAPE(4, 1, 6)), *row = NULL, *half = NULL, *none = NULL;
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

/* ---- Overlap ---- */

/* Never "apart" when an element is in both. */
START_TEST(random_overlaps)
{
    enum { MOST = 4096 };
    draw d = draw_from((uint64_t)_i);
    bg_tensor *base =
        counted_tensor(BG_F32, BG_SHAPE(1 + draw_below(&d, 8), 1 + draw_below(&d, 8), 1 + draw_below(&d, 8)));
    for (int pair = 0; pair < 40; pair++) {
        bg_tensor *a = random_view(&d, base), *b = random_view(&d, base);
        bool seen[MOST] = { false }, meets = false;
        for (int64_t i = 0; i < bg_shape_count(a->shape); i++)
            seen[place_of(a, i)] = true;
        for (int64_t i = 0; i < bg_shape_count(b->shape); i++)
            meets = meets || seen[place_of(b, i)];
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
    bg_tensor *base = counted_tensor(BG_F32, BG_SHAPE(6, 4, 10)), *views[2] = { NULL, NULL };
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
    bg_tensor *base = counted_tensor(BG_F32, BG_SHAPE(70)), *sevens = NULL, *fives = NULL, *a = NULL, *b = NULL;
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

#define COUNT(table) ((int)(sizeof(table) / sizeof *(table)))

int main(void)
{
    Suite *suite = suite_create("views");
    TCase *cases = tcase_create("views");
    tcase_add_checked_fixture(cases, counted_begin, counted_end);
    tcase_add_loop_test(cases, slicing, 0, COUNT(slices));
    tcase_add_test(cases, permuting);
    tcase_add_loop_test(cases, reshaping, 0, COUNT(reshapes));
    tcase_add_test(cases, expanding);
    tcase_add_test(cases, contiguous);
    tcase_add_loop_test(cases, random_overlaps, 0, 60);
    tcase_add_loop_test(cases, overlapping, 0, COUNT(overlaps));
    tcase_add_test(cases, overlap_of_two_grids);
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
