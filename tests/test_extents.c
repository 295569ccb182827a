/* Extents whose products overflow, in tensors, views, graphs and products: never a wrong number, a status instead. */
#include "support/expect.h"
#include "support/suite.h"

#include "tensor/tensor.h"

#include <stdlib.h>

static const int64_t extents[] = { 0, 1, INT32_MAX, (int64_t)INT32_MAX + 1, (int64_t)1 << 32, INT64_MAX, -1 };
enum { EXTENTS = sizeof extents / sizeof *extents, MOST_AXES = 4 };

/* ---- An engine that has no room for large things ---- */

enum { ROOM = 1 << 20 };
static bg_engine *engine;
static int checked; /* shapes, views and nodes; each test says how many it must have seen */

static void *allocate(void *user, size_t bytes, size_t alignment)
{
    (void)user;
    return bytes <= ROOM ? aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment) : NULL;
}
static void release(void *user, void *memory, size_t bytes)
{
    (void)user;
    (void)bytes;
    free(memory);
}

static void set_up(void)
{
    bg_engine_options options = { .threads = 1, .allocator = { allocate, release, NULL } };
    expect_ok(bg_engine_create(&engine, &options), "engine");
    checked = 0;
}
static void tear_down(void)
{
    bg_engine_destroy(engine);
    engine = NULL;
}

/* ---- All shapes ---- */

/* What a shape comes to, by another way than the library's. */
typedef struct {
    bool is_negative, fits;
    int64_t count;
    size_t bytes;
} truth;

static truth truth_of(bg_shape shape, bg_dtype dtype)
{
    truth t = { .fits = true };
    long double product = (long double)bg_dtype_size(dtype);
    bool is_empty = false;
    for (int i = 0; i < shape.rank; i++) {
        t.is_negative = t.is_negative || shape.dims[i] < 0;
        is_empty = is_empty || shape.dims[i] == 0;
        product *= shape.dims[i] ? (long double)shape.dims[i] : 1; /* around a zero too */
    }
    t.fits = !t.is_negative && product <= (long double)PTRDIFF_MAX;
    t.bytes = t.fits && !is_empty ? (size_t)product : 0;
    t.count = (int64_t)(t.bytes / bg_dtype_size(dtype));
    return t;
}

static int shape_count(void)
{
    int count = 0, shapes = 1;
    for (int rank = 0; rank <= MOST_AXES; rank++, shapes *= EXTENTS)
        count += shapes;
    return count;
}
static bg_shape shape_of(int code)
{
    bg_shape shape = { .rank = 0 };
    for (int shapes = 1; code >= shapes; shapes *= EXTENTS, shape.rank++)
        code -= shapes;
    for (int i = 0; i < shape.rank; i++, code /= EXTENTS)
        shape.dims[i] = extents[code % EXTENTS];
    return shape;
}

#define TEXT(shape) (bgi_shape_format(shape).text)

static void expect_right(bg_status status, const truth *t, bg_status otherwise, bg_shape shape)
{
    if (t->is_negative) /* which of the two is found first is open */
        ck_assert_msg(status == BG_ERR_SHAPE || status == BG_ERR_OVERFLOW, "%s: %s", TEXT(shape),
                      bg_status_name(status));
    else
        ck_assert_msg(status == (t->fits ? otherwise : BG_ERR_OVERFLOW), "%s: %s", TEXT(shape), bg_status_name(status));
    checked++;
}

static const bg_dtype dtypes[] = { BG_U8, BG_F32, BG_F64 };

START_TEST(shapes)
{
    for (int code = 0; code < shape_count(); code++)
        for (int d = 0; d < 3; d++) {
            bg_shape shape = shape_of(code);
            truth t = truth_of(shape, dtypes[d]);
            int64_t count = -1;
            size_t bytes = 1;
            bg_status status = bgi_shape_check(shape, dtypes[d], "test", &count, &bytes);
            expect_right(status, &t, BG_OK, shape);
            if (status == BG_OK) {
                ck_assert_msg(count == t.count && bytes == t.bytes, "%s: %lld in %zu bytes", TEXT(shape),
                              (long long)count, bytes);
            }
        }
    ck_assert_int_eq(checked, 3 * 2801);
}
END_TEST

START_TEST(tensors)
{
    for (int code = 0; code < shape_count(); code++)
        for (int d = 0; d < 3; d++) {
            bg_shape shape = shape_of(code);
            truth t = truth_of(shape, dtypes[d]);
            bg_tensor *tensor = NULL;
            bg_status status = bg_tensor_create(&tensor, engine, dtypes[d], shape);
            expect_right(status, &t, t.bytes > ROOM / 2 ? BG_ERR_NOMEM : BG_OK, shape);
            ck_assert(!tensor == (status != BG_OK));
            bg_tensor_destroy(tensor);
        }
}
END_TEST

/* ---- Views ---- */

static double memory[1]; /* which the views never touch */

/* The farthest element lies within 2^63 bytes of the first. */
static void expect_in_reach(const bg_tensor *view)
{
    bg_shape shape = bg_tensor_shape(view);
    const int64_t *strides = bg_tensor_strides(view);
    long double last = 0;
    for (int i = 0; i < shape.rank; i++)
        if (shape.dims[i] > 1)
            last += (long double)(shape.dims[i] - 1) * (long double)strides[i];
    long double bytes = (last + 1) * (long double)bg_dtype_size(bg_tensor_dtype(view));
    ck_assert_msg(bg_shape_count(shape) == 0 || (last >= 0 && bytes <= (long double)PTRDIFF_MAX),
                  "%s ends at element %Lg", TEXT(shape), last);
    checked++;
}

/* A view, or a mistake, or too much: nothing else. */
static void expect_view(bg_status status, bg_tensor **view, bg_shape shape)
{
    ck_assert_msg(status == BG_OK || status == BG_ERR_SHAPE || status == BG_ERR_OVERFLOW || status == BG_ERR_ARGUMENT,
                  "%s: %s", TEXT(shape), bg_status_name(status));
    ck_assert(!*view == (status != BG_OK));
    if (*view)
        expect_in_reach(*view);
    bg_tensor_destroy(*view);
    *view = NULL;
}

static void take_views(bg_tensor *tensor)
{
    bg_tensor *view = NULL;
    bg_shape shape = bg_tensor_shape(tensor), grown = { .rank = shape.rank + 1 };
    expect_view(bg_tensor_permute(&view, tensor, BG_ALL_AXES), &view, shape);
    expect_view(bg_tensor_reshape(&view, tensor, BG_SHAPE(-1)), &view, shape);
    for (int i = 0; i < shape.rank; i++)
        grown.dims[i + 1] = shape.dims[i];
    for (int i = 0; i < EXTENTS; i++) {
        grown.dims[0] = extents[i];
        expect_view(bg_tensor_expand(&view, tensor, grown), &view, shape);
        expect_view(bg_tensor_reshape(&view, tensor, BG_SHAPE(extents[i], -1)), &view, shape);
        for (int k = 0; k < EXTENTS; k++) {
            int64_t start = extents[(i + k) % EXTENTS], stop = extents[i], step = extents[k];
            expect_view(bg_tensor_slice(&view, tensor, shape.rank - 1, start, stop, step), &view, shape);
        }
    }
}

START_TEST(views)
{
    int views_of = 0;
    for (int code = 0; code < shape_count(); code++)
        for (int d = 0; d < 3; d++) {
            bg_shape shape = shape_of(code);
            truth t = truth_of(shape, dtypes[d]);
            bg_tensor *tensor = NULL;
            bg_status status = bg_tensor_wrap(&tensor, engine, dtypes[d], shape, memory);
            expect_right(status, &t, BG_OK, shape);
            if (tensor) {
                expect_in_reach(tensor);
                take_views(tensor);
                views_of++;
            }
            bg_tensor_destroy(tensor);
        }
    ck_assert_int_gt(views_of, 500);
    ck_assert_int_gt(checked, 3 * 2801 + 20 * views_of);
}
END_TEST

/* ---- Graphs ---- */

/* A node of a shape that fits, or the graph's error; destroys the graph. */
static void finish(bg_graph *graph, const bg_node *node, const char *what)
{
    bg_status status = bg_graph_status(graph);
    ck_assert_msg(node ? status == BG_OK : status == BG_ERR_SHAPE || status == BG_ERR_OVERFLOW, "%s: %s", what,
                  bg_status_name(status));
    if (node) {
        truth t = truth_of(bg_node_shape(node), bg_node_dtype(node));
        ck_assert_msg(t.fits, "%s: %s", what, TEXT(bg_node_shape(node)));
    }
    checked++;
    bg_graph_destroy(graph);
}

static bg_node *grown(bg_node *x, int way, int64_t extent)
{
    bg_shape shape = bg_node_shape(x);
    bg_node *twice[2] = { x, x };
    switch (way) {
    case 0:
        return bg_concat(twice, 2, 0);
    case 1:
        return bg_concat(twice, 2, -1);
    case 2:
        for (int i = shape.rank++; i > 0; i--)
            shape.dims[i] = shape.dims[i - 1];
        shape.dims[0] = extent;
        return bg_broadcast(x, shape);
    case 3:
        return bg_add(bg_reshape(x, BG_SHAPE(-1, 1)), bg_reshape(x, BG_SHAPE(1, -1)));
    case 4:
        return bg_cast(bg_sum(x, BG_AXES(0)), BG_F64);
    default:
        return bg_cast(x, BG_F64);
    }
}

START_TEST(nodes)
{
    for (int code = 1; code < shape_count(); code++)
        for (int way = 0; way < 6; way++) {
            bg_graph *graph;
            bg_shape shape = shape_of(code);
            truth t = truth_of(shape, BG_F32);
            expect_ok(bg_graph_create(&graph, engine), "graph");
            bg_node *x = bg_input(graph, "x", BG_F32, shape);
            expect_right(bg_graph_status(graph), &t, BG_OK, shape);
            ck_assert(!x == !t.fits);
            finish(graph, x ? grown(x, way, extents[code % EXTENTS]) : NULL, TEXT(shape));
        }
    ck_assert_int_eq(checked, 2 * 6 * 2800);
}
END_TEST

/* ---- Products ----
 * The extents of all of them fit the BLAS, or there is no node; one that is large beyond memory does not compile. */
START_TEST(products)
{
    static const int64_t sides[] = { 0, 1, 1 << 16, INT32_MAX, (int64_t)INT32_MAX + 1, (int64_t)1 << 32, INT64_MAX };
    enum { SIDES = sizeof sides / sizeof *sides };
    int64_t most = strstr(bg_engine_describe(engine).blas, "USE64BITINT") ? INT64_MAX : INT32_MAX;
    int compiled = 0, refused = 0;
    for (int code = 0; code < SIDES * SIDES * SIDES * 3; code++) {
        int64_t b = (int64_t[]){ 0, 1, 1 << 16 }[code % 3], m = sides[code / 3 % SIDES];
        int64_t k = sides[code / 3 / SIDES % SIDES], n = sides[code / 3 / SIDES / SIDES];
        bg_graph *graph;
        expect_ok(bg_graph_create(&graph, engine), "graph");
        bg_node *x = bg_input(graph, "x", BG_F32, BG_SHAPE(b, m, k)), *w = bg_input(graph, "w", BG_F32, BG_SHAPE(n, k));
        bg_node *y = bg_linear(x, w, NULL);
        truth t = truth_of(BG_SHAPE(b, m, n), BG_F32);
        bool fits = x && w && t.fits && k <= most && n <= most;
        ck_assert_msg(!y || fits, "[%lld, %lld, %lld] · [%lld, %lld]ᵀ", (long long)b, (long long)m, (long long)k,
                      (long long)n, (long long)k);
        refused += !y;
        if (y) {
            bg_program *program = NULL;
            bg_status status = bg_compile(&program, graph, &y, 1, NULL);
            ck_assert_msg(status == BG_OK || status == BG_ERR_NOMEM || status == BG_ERR_OVERFLOW, "%s: %s",
                          TEXT(bg_node_shape(y)), bg_status_name(status));
            ck_assert_msg(t.bytes <= ROOM || status != BG_OK, "%s compiles", TEXT(bg_node_shape(y)));
            compiled += status == BG_OK;
            bg_program_destroy(program);
        }
        finish(graph, y, "linear");
    }
    ck_assert_int_gt(compiled, 20);
    ck_assert_int_gt(refused, 200);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("extents");
    TCase *tests = tcase_create("extents");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, shapes);
    tcase_add_test(tests, tensors);
    tcase_add_test(tests, views);
    tcase_add_test(tests, nodes);
    tcase_add_test(tests, products);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
