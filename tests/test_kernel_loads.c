/* Loads at any strides and stores with conversion, on every instruction set that this processor has. */
#include "support/draw.h"
#include "support/elements.h"
#include "support/suite.h"

#include <check.h>
#include <stdlib.h>

static draw numbers;

enum {
#define X(type) TYPE_##type,
    BGK_TYPES(X)
#undef X
        TYPE_COUNT
};
#define C_f32  float
#define C_f64  double
#define C_i32  int32_t
#define C_i64  int64_t
#define C_u8   uint8_t
#define C_bool uint8_t

static double memory_get(int type, const void *p, int64_t i)
{
    switch (type) {
#define X(name)                                                                                                        \
    case TYPE_##name:                                                                                                  \
        return (double)((const C_##name *)p)[i];
        BGK_TYPES(X)
#undef X
    default:
        return NAN;
    }
}
static void memory_put(int type, void *p, int64_t i, double x)
{
    switch (type) {
#define X(name)                                                                                                        \
    case TYPE_##name:                                                                                                  \
        ((C_##name *)p)[i] = (C_##name)x;                                                                              \
        break;
        BGK_TYPES(X)
#undef X
    default:
        break;
    }
}

START_TEST(loads_at_any_strides)
{
    enum { AREA = 6000, MIDDLE = AREA / 2 };
    static double source[AREA], d[2600];
    static const char *const names[] = {
#define X(name) #name,
        BGK_TYPES(X)
#undef X
    };
    for (int type = 0; type < TYPE_COUNT; type++) {
        for (int64_t i = 0; i < AREA; i++)
            memory_put(type, source, i,
                       type == TYPE_bool ? (double)(i % 3 == 0) : (double)(i * 7 % 251) - (type == TYPE_u8 ? 0 : 100));
        for (int trial = 0; trial < 3000; trial++) {
            const int64_t rows = draw_below(&numbers, 30), cols = draw_below(&numbers, 30);
            int64_t rs = draw_below(&numbers, 80) - 40, cs = draw_below(&numbers, 80) - 40;
            switch (trial % 8) { /* the forms with a path of their own */
            case 0:
                cs = 1;
                break;
            case 1:
                cs = 0;
                break;
            case 2:
                rs = 0;
                break;
            case 3:
                rs = 1;
                break;
            case 4:
                rs = cols, cs = 1;
                break;
            case 5:
                rs = cols * cs > 40 ? 0 : cols * cs;
                break;
            case 6:
                cs = -1;
                break;
            default:
                break;
            }
            while (llabs((rows - 1) * rs) + llabs((cols - 1) * cs) >= MIDDLE)
                rs /= 2, cs /= 2;
            FOR_EACH_TABLE(table)
            FOR_EACH_ELEMENT(e)
            {
                const bgk_kernels *k = kernels_of(table, e);
                bgk_load *const loads[] = {
#define X(name) k->load_##name,
                    BGK_TYPES(X)
#undef X
                };
                static const size_t sizes[] = {
#define X(name) sizeof(C_##name),
                    BGK_TYPES(X)
#undef X
                };
                put(e, d, rows * cols, 77);
                loads[type](d, (const char *)source + sizes[type] * MIDDLE, rows, cols, rs, cs);
                for (int64_t i = 0; i < rows; i++)
                    for (int64_t j = 0; j < cols; j++) {
                        const double want = memory_get(type, source, MIDDLE + i * rs + j * cs);
                        if ((double)get(e, d, i * cols + j) != want)
                            ck_abort_msg("load_%s %s %s: [%lld, %lld] at strides %lld, %lld: (%lld, %lld) is %Lg, "
                                         "not %g",
                                         names[type], e->name, table->name, (long long)rows, (long long)cols,
                                         (long long)rs, (long long)cs, (long long)i, (long long)j,
                                         get(e, d, i * cols + j), want);
                    }
                ck_assert_msg(get(e, d, rows * cols) == 77, "load_%s %s %s: wrote too far", names[type], e->name,
                              table->name);
            }
        }
    }
}
END_TEST

START_TEST(stores_convert)
{
    static const struct {
        double x, i32, i64, u8, truth;
    } values[] = { { 0, 0, 0, 0, 0 },
                   { -0.0, 0, 0, 0, 0 },
                   { 1.9, 1, 1, 1, 1 },
                   { -1.9, -1, -1, 0, 1 },
                   { 255.5, 255, 255, 255, 1 },
                   { 256, 256, 256, 255, 1 },
                   { 1e10, 2147483647, 1e10, 255, 1 },
                   { -1e10, -2147483648.0, -1e10, 0, 1 },
                   { 1e30, 2147483647, 9223372036854775807.0, 255, 1 },
                   { -1e30, -2147483648.0, -9223372036854775808.0, 0, 1 },
                   { INFINITY, 2147483647, 9223372036854775807.0, 255, 1 },
                   { -INFINITY, -2147483648.0, -9223372036854775808.0, 0, 1 },
                   { NAN, 0, 0, 0, 1 },
                   { 1e-40, 0, 0, 0, 1 } };
    enum { VALUES = sizeof values / sizeof values[0] };
    FOR_EACH_TABLE(table)
    FOR_EACH_ELEMENT(e)
    for (int64_t n = 0; n <= MAX_N; n++) {
        double a[MAX_N];
        int32_t i32[MAX_N];
        int64_t i64[MAX_N];
        uint8_t u8[MAX_N], truth[MAX_N];
        float f32[MAX_N];
        double f64[MAX_N];
        const bgk_kernels *k = kernels_of(table, e);
        for (int64_t i = 0; i < n; i++)
            put(e, a, i, values[i % VALUES].x);
        k->store_i32(i32, a, n);
        k->store_i64(i64, a, n);
        k->store_u8(u8, a, n);
        k->store_bool(truth, a, n);
        k->store_f32(f32, a, n);
        k->store_f64(f64, a, n);
        for (int64_t i = 0; i < n; i++) {
            const int64_t v = i % VALUES;
            const double x = (double)get(e, a, i);
            if (i32[i] != values[v].i32 || (double)i64[i] != values[v].i64 || u8[i] != values[v].u8 ||
                truth[i] != values[v].truth || (isnan(x) ? !isnan(f32[i]) : f32[i] != (float)x) ||
                (isnan(x) ? !isnan(f64[i]) : f64[i] != x))
                ck_abort_msg("store %s %s of %g, n %lld: i32 %d, i64 %lld, u8 %d, bool %d, f32 %g, f64 %g", e->name,
                             table->name, x, (long long)n, i32[i], (long long)i64[i], u8[i], truth[i], (double)f32[i],
                             f64[i]);
        }
    }
}
END_TEST

int main(void)
{
    numbers = draw_from(1);
    Suite *suite = suite_create("kernel loads");
    TCase *tests = tcase_create("kernel loads");
    tcase_add_test(tests, loads_at_any_strides);
    tcase_add_test(tests, stores_convert);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
