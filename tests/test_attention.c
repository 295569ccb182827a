/* What attention needs: memory that grows with the lengths, not with their product, and one table of angles. */
#include "support/expect.h"
#include "support/suite.h"

#include "graph/graph.h"

typedef struct {
    bg_engine *engine;
    bg_graph *graph;
    bg_program *program;
} attention;

/* One head of l queries and keys with its gradients for q, k and v, all of them outputs. */
static attention compiled(bg_dtype dtype, int64_t l, bg_attention_options options)
{
    attention a = { 0 };
    bg_node *x[4], *outputs[4];
    expect_ok(bg_engine_create(&a.engine, &(bg_engine_options){ .threads = 1 }), "engine");
    expect_ok(bg_graph_create(&a.graph, a.engine), "graph");
    for (int i = 0; i < 4; i++)
        x[i] = bg_input(a.graph, "x", dtype, BG_SHAPE(1, 1, l, 64));
    outputs[0] = bg_attention(x[0], x[1], x[2], &options);
    expect_ok(bg_grad_from(outputs, &x[3], 1, x, 3, outputs + 1), "gradient");
    expect_ok(bg_compile(&a.program, a.graph, outputs, 4, NULL), "compile");
    return a;
}
static void destroy(attention *a)
{
    bg_program_destroy(a->program);
    bg_graph_destroy(a->graph);
    bg_engine_destroy(a->engine);
}

/* The scores of 4096 queries and keys alone are 64 MiB in f32. */
START_TEST(test_memory_of_a_long_sequence)
{
    static const bg_attention_options options[] = { { .is_causal = false }, { .is_causal = true, .dropout = 0.1 } };
    attention a = compiled(BG_F32, 4096, options[_i]);
    size_t bytes = bg_program_report(a.program).planned_bytes;
    ck_assert_msg(bytes < 10 * 1000 * 1000, "%zu bytes are planned", bytes);
    destroy(&a);
}
END_TEST

/* Twice the length takes twice the memory. */
START_TEST(test_memory_grows_with_the_length)
{
    attention a = compiled(BG_F64, 8192, (bg_attention_options){ .is_causal = true });
    attention b = compiled(BG_F64, 16384, (bg_attention_options){ .is_causal = true });
    double ratio =
        (double)bg_program_report(b.program).planned_bytes / (double)bg_program_report(a.program).planned_bytes;
    ck_assert_msg(ratio <= 2, "twice the length takes %g times the memory", ratio);
    destroy(&a);
    destroy(&b);
}
END_TEST

static int constants_of(const bg_graph *graph)
{
    int count = 0;
    for (const bg_node *leaf = graph->tensors; leaf; leaf = leaf->next_tensor)
        count++;
    return count;
}

/* Queries and keys of every layer share their cosines and sines. */
START_TEST(test_tables_are_shared)
{
    bg_engine *engine = NULL;
    bg_graph *graph = NULL;
    expect_ok(bg_engine_create(&engine, &(bg_engine_options){ .threads = 1 }), "engine");
    expect_ok(bg_graph_create(&graph, engine), "graph");
    bg_node *q = bg_input(graph, "q", BG_F32, BG_SHAPE(2, 3, 8, 4));
    bg_node *k = bg_input(graph, "k", BG_F32, BG_SHAPE(2, 1, 8, 4));
    ck_assert_ptr_nonnull(bg_rotary_embedding(q, NULL));
    ck_assert_int_eq(constants_of(graph), 2);
    ck_assert_ptr_nonnull(bg_rotary_embedding(k, NULL));
    ck_assert_int_eq(constants_of(graph), 2);
    ck_assert_ptr_nonnull(bg_rotary_embedding(k, &(const bg_rotary_options){ .offset = 1 }));
    ck_assert_int_eq(constants_of(graph), 4);
    bg_graph_destroy(graph);
    bg_engine_destroy(engine);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("attention");
    TCase *tests = tcase_create("memory");
    tcase_add_loop_test(tests, test_memory_of_a_long_sequence, 0, 2);
    tcase_add_test(tests, test_memory_grows_with_the_length);
    tcase_add_test(tests, test_tables_are_shared);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
