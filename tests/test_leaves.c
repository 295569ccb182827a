/* Leaves are found by their memory: what the tree of ranges says is what comparing each with all others says. */
#include "support/draw.h"
#include "support/expect.h"
#include "support/suite.h"

#include "tensor/tensor.h"

enum { ELEMENTS = 400, MOST = 60 };

static bg_engine *engine;
static void setup(void) { expect_ok(bg_engine_create(&engine, &(bg_engine_options){ .threads = 1 }), "engine"); }
static void teardown(void) { bg_engine_destroy(engine); }

/* A part of the memory, from a wrap of its own or from one of all: contiguous, every second or third element, a part of
 * a matrix's columns, or nothing. */
static bg_tensor *random_view(draw *d, double *memory, bg_tensor *all)
{
    int64_t start = draw_below(d, ELEMENTS - 40), count = draw_below(d, 12), step = 1 + draw_below(d, 3);
    bg_tensor *view = NULL, *matrix = NULL;
    switch (draw_below(d, 4)) {
    case 0:
        expect_ok(bg_tensor_wrap(&view, engine, BG_F64, BG_SHAPE(count), memory + start), "wrap");
        break;
    case 1:
        expect_ok(bg_tensor_create(&view, engine, BG_F64, BG_SHAPE(count)), "create");
        break;
    case 2:
        expect_ok(bg_tensor_reshape(&matrix, all, BG_SHAPE(ELEMENTS / 20, 20)), "reshape");
        start %= 18;
        expect_ok(bg_tensor_slice(&view, matrix, 1, start, start + 2, 1), "slice");
        break;
    default:
        expect_ok(bg_tensor_slice(&view, all, 0, start, start + 3 * count, step), "slice");
    }
    bg_tensor_destroy(matrix);
    return view;
}

START_TEST(test_same_as_comparing_all)
{
    static double memory[ELEMENTS];
    int overlaps = 0, same = 0, longest = 0;
    for (int seed = 0; seed < 3000; seed++) {
        draw d = draw_from((uint64_t)seed);
        bg_tensor *all = NULL, *held[MOST];
        bg_graph *graph = NULL;
        expect_ok(bg_tensor_wrap(&all, engine, BG_F64, BG_SHAPE(ELEMENTS), memory), "wrap");
        expect_ok(bg_graph_create(&graph, engine), "graph");
        int n = 0;
        bool goes_on = true;
        while (goes_on && n < MOST) {
            bg_tensor *next = n > 0 && draw_below(&d, 8) == 0 ? held[draw_below(&d, n)] : NULL;
            if (next) {
                ck_assert_ptr_nonnull(bg_parameter(graph, next));
                same++;
                continue;
            }
            next = random_view(&d, memory, all);
            bool overlaps_one = false;
            for (int i = 0; i < n; i++)
                overlaps_one = overlaps_one || bgi_tensor_overlap(held[i], next);
            bg_node *leaf = bg_parameter(graph, next);
            ck_assert_msg((leaf == NULL) == overlaps_one, "seed %d, leaf %d: %s", seed, n, bg_last_error());
            if (overlaps_one)
                ck_assert_int_eq(bg_graph_status(graph), BG_ERR_OVERLAP);
            overlaps += overlaps_one;
            goes_on = !overlaps_one;
            held[n++] = next;
        }
        longest = n > longest ? n : longest;
        bg_graph_destroy(graph);
        while (n > 0)
            bg_tensor_destroy(held[--n]);
        bg_tensor_destroy(all);
    }
    ck_assert_msg(overlaps > 1000 && same > 1000 && longest > 12, "%d overlaps, %d the same, %d leaves", overlaps, same,
                  longest);
}
END_TEST

/* In order, as memory tends to come, and backwards: the tree stays low, and each leaf is found again. */
START_TEST(test_many)
{
    enum { MANY = 20000 };
    static double memory[MANY];
    static bg_tensor *tensors[MANY];
    static bg_node *leaves[MANY];
    bg_graph *graph = NULL;
    expect_ok(bg_graph_create(&graph, engine), "graph");
    for (int i = 0; i < MANY; i++) {
        int place = _i == 0 ? i : MANY - 1 - i;
        expect_ok(bg_tensor_wrap(&tensors[i], engine, BG_F64, BG_SHAPE(1), memory + place), "wrap");
        leaves[i] = bg_buffer(graph, tensors[i]);
        ck_assert_ptr_nonnull(leaves[i]);
    }
    for (int i = 0; i < MANY; i++)
        ck_assert_ptr_eq(bg_buffer(graph, tensors[i]), leaves[i]);
    bg_tensor *all = NULL;
    expect_ok(bg_tensor_wrap(&all, engine, BG_F64, BG_SHAPE(MANY), memory), "wrap");
    ck_assert_ptr_null(bg_parameter(graph, all));
    ck_assert_int_eq(bg_graph_status(graph), BG_ERR_OVERLAP);
    bg_tensor_destroy(all);
    bg_graph_destroy(graph);
    for (int i = 0; i < MANY; i++)
        bg_tensor_destroy(tensors[i]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("leaves");
    TCase *leaves = tcase_create("leaves");
    tcase_add_checked_fixture(leaves, setup, teardown);
    tcase_add_test(leaves, test_same_as_comparing_all);
    tcase_add_loop_test(leaves, test_many, 0, 2);
    suite_add_tcase(suite, leaves);
    return run_suite(suite);
}
