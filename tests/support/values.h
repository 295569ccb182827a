/* Calls that must succeed or fail, named by their own text, and numbers out of tensors. */
#ifndef BLASGRAD_TESTS_VALUES_H
#define BLASGRAD_TESTS_VALUES_H

#include "expect.h"

#include <math.h>

#define OK(call)                  expect_ok(call, #call)
#define FAILS(call, status, part) expect_failure(call, status, part, #call)

/* The element at a row-major index. */
static inline double value_at(const bg_tensor *tensor, int64_t i)
{
    double value = NAN;
    OK(bg_tensor_item(tensor, i, &value));
    return value;
}
/* The same of a data set's inputs and targets. */
static inline double x_of(const bg_dataset *dataset, int64_t i) { return value_at(bg_dataset_column(dataset, 0), i); }
static inline double y_of(const bg_dataset *dataset, int64_t i) { return value_at(bg_dataset_column(dataset, 1), i); }

static inline uint64_t hash_of(const bg_dataset *dataset)
{
    uint64_t hash = 0;
    OK(bg_dataset_hash(&hash, dataset));
    return hash;
}

/* The same tensors in the same order, to the bit. */
static inline void expect_same_archives(const bg_archive *found, const bg_archive *expected)
{
    ck_assert_uint_eq(bg_archive_count(found), bg_archive_count(expected));
    for (size_t i = 0; i < bg_archive_count(found); i++) {
        const bg_tensor *a = bg_archive_tensor(found, i), *b = bg_archive_tensor(expected, i);
        const char *name = bg_archive_name(expected, i);
        ck_assert_str_eq(bg_archive_name(found, i), name);
        ck_assert_msg(bg_tensor_dtype(a) == bg_tensor_dtype(b) &&
                          bg_shape_equal(bg_tensor_shape(a), bg_tensor_shape(b)),
                      "%s has another shape or type", name);
        size_t bytes = (size_t)bg_shape_count(bg_tensor_shape(a)) * bg_dtype_size(bg_tensor_dtype(a));
        ck_assert_msg(memcmp(bg_tensor_const_data(a), bg_tensor_const_data(b), bytes) == 0, "%s differs", name);
    }
}

static inline void expect_near(const char *what, double found, double expected, double tolerance)
{
    ck_assert_msg(fabs(found - expected) <= tolerance, "%s is %.17g, expected %.17g", what, found, expected);
}

#endif
