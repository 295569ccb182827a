/* NPZ files: what is written, and read again. */
#include "io/archive.h"
#include "support/scratch.h"
#include "support/suite.h"
#include "support/values.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bg_archive *make_archive(int first, int n)
{
    static const char *const names[] = { "x", "weights.0", "\xC3\xA4", "none", "turned", "scalar" };
    bg_archive *archive;
    bg_tensor *t, *view = NULL;
    bg_engine *engine = scratch_engine();
    const bg_shape shapes[] = { BG_SHAPE(1000, 300), BG_SHAPE(2, 3),   BG_SHAPE(5),
                                BG_SHAPE(0, 4),      BG_SHAPE(40, 50), BG_SCALAR };
    OK(bg_archive_create(&archive, engine));
    for (int i = first; i < n; i++) {
        OK(bg_tensor_create(&t, engine, (bg_dtype)(i % BG_DTYPE_COUNT), shapes[i]));
        unsigned char *data = bg_tensor_data(t);
        size_t bytes = (size_t)bg_shape_count(shapes[i]) * bg_dtype_size(bg_tensor_dtype(t));
        uint32_t state = 1;
        for (size_t k = 0; k < bytes; k++) {
            state = state * 1664525 + 1013904223;
            data[k] = i % BG_DTYPE_COUNT == BG_BOOL ? (unsigned char)(state >> 31) : (unsigned char)(state >> 28);
        }
        if (i == 4) {
            OK(bg_tensor_permute(&view, t, BG_AXES(1, 0)));
            bg_tensor_destroy(t);
            t = view;
        }
        OK(bg_archive_add(archive, names[i], t));
        bg_tensor_destroy(t);
    }
    return archive;
}

static void expect_same(const bg_archive *a, const bg_archive *b)
{
    ck_assert_uint_eq(bg_archive_count(a), bg_archive_count(b));
    for (size_t i = 0; i < bg_archive_count(a); i++) {
        const bg_tensor *x = bg_archive_tensor(a, i), *y = bg_archive_tensor(b, i);
        ck_assert_str_eq(bg_archive_name(a, i), bg_archive_name(b, i));
        ck_assert(bg_shape_equal(bg_tensor_shape(x), bg_tensor_shape(y)) && bg_tensor_dtype(x) == bg_tensor_dtype(y));
        size_t bytes = (size_t)bg_shape_count(bg_tensor_shape(x)) * bg_dtype_size(bg_tensor_dtype(x));
        unsigned char *copies = malloc(2 * bytes + 1);
        OK(bg_tensor_copy_to(x, copies, bytes));
        OK(bg_tensor_copy_to(y, copies + bytes, bytes));
        ck_assert(memcmp(copies, copies + bytes, bytes) == 0);
        free(copies);
    }
}

START_TEST(written)
{
    bg_archive *archive = make_archive(0, 6), *back;
    size_t counts[2];
    for (int deflated = 0; deflated < 2; deflated++) {
        const bg_npz_options options = { .with_deflate = deflated };
        const char *path = scratch_path("w.npz");
        OK(bg_npz_save(archive, path, deflated ? &options : NULL));
        free(scratch_read(path, &counts[deflated]));
        OK(bg_npz_load(&back, scratch_engine(), path, NULL));
        expect_same(archive, back);
        bg_archive_destroy(back);
    }
    ck_assert_uint_lt(counts[1], counts[0] * 3 / 4);
    ck_assert_int_eq(scratch_files(), 1);

    bg_engine *engine = scratch_engine();
    bg_archive *other;
    FAILS(bg_npz_save(archive, NULL, NULL), BG_ERR_ARGUMENT, "npz_save: path is NULL");
    FAILS(bg_npz_save(NULL, "x", NULL), BG_ERR_ARGUMENT, "npz_save: archive is NULL");
    FAILS(bg_npz_save(archive, scratch_path("none/w.npz"), NULL), BG_ERR_IO, "cannot open its folder");
    OK(bg_archive_add_text(archive, "by", "me"));
    FAILS(bg_npz_save(archive, scratch_path("w.npz"), NULL), BG_ERR_ARGUMENT,
          "npz_save: the archive holds texts, as \"by\", for which NPZ has no place");
    OK(bg_archive_create(&other, engine));
    OK(bg_npz_save(other, scratch_path("w.npz"), NULL));
    OK(bg_npz_load(&back, engine, scratch_path("w.npz"), NULL));
    ck_assert_uint_eq(bg_archive_count(back), 0);
    bg_archive_destroy(back);
    static char name[65533];
    memset(name, 'n', sizeof name - 2);
    bg_tensor *t = bg_archive_tensor(archive, 1);
    OK(bg_archive_add(other, name, t));
    OK(bg_npz_save(other, scratch_path("w.npz"), NULL));
    OK(bg_npz_load(&back, engine, scratch_path("w.npz"), NULL));
    expect_same(other, back);
    bg_archive_destroy(back);
    name[sizeof name - 2] = 'n';
    OK(bg_archive_add(other, name, t));
    OK(bg_archive_add(other, "behind", t));
    FAILS(bg_npz_save(other, scratch_path("w.npz"), NULL), BG_ERR_OVERFLOW, "has 65532 bytes, at most 65531");
    bg_archive_destroy(other);
    bg_archive_destroy(archive);
    ck_assert_int_eq(scratch_files(), 1);
}
END_TEST

/* More members than 16 bits count need the records of ZIP64. */
START_TEST(many_members)
{
    enum { MANY = 65536 };
    bg_archive *archive, *back;
    bg_tensor *t;
    char name[20];
    OK(bg_tensor_create(&t, scratch_engine(), BG_U8, BG_SCALAR));
    OK(bg_archive_create(&archive, scratch_engine()));
    for (int i = 0; i < MANY; i++) {
        (void)snprintf(name, sizeof name, "%d", i);
        OK(bgi_archive_append(archive, name, t));
        if (i < MANY - 2)
            continue;
        OK(bg_npz_save(archive, scratch_path("m.npz"), NULL));
        OK(bg_npz_load(&back, scratch_engine(), scratch_path("m.npz"), NULL));
        ck_assert_uint_eq(bg_archive_count(back), (size_t)i + 1);
        ck_assert_str_eq(bg_archive_name(back, (size_t)i), name);
        bg_archive_destroy(back);
    }
    bg_tensor_destroy(t);
    bg_archive_destroy(archive);
}
END_TEST

static bg_archive *saved;
static bg_status scenario(void)
{
    bg_archive *back;
    bg_status status = bg_npz_save(saved, scratch_path("o.npz"), &(bg_npz_options){ .with_deflate = true });
    if (status)
        return status;
    status = bg_npz_load(&back, scratch_engine(), scratch_path("o.npz"), NULL);
    bg_archive_destroy(back);
    return status;
}

START_TEST(out_of_memory)
{
    saved = make_archive(2, 5);
    ck_assert_int_gt(scratch_fail_each("NPZ", scenario), 60);
    ck_assert_int_eq(scratch_files(), 1);
    bg_archive_destroy(saved);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("npz_write");
    TCase *tests = tcase_create("npz_write");
    tcase_add_checked_fixture(tests, scratch_begin, scratch_end);
    tcase_add_test(tests, written);
    tcase_add_test(tests, many_members);
    tcase_add_test(tests, out_of_memory);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
