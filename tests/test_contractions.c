/* What contractions compile to: how many products, and nothing beside them. */
#include "support/suite.h"
#include "support/values.h"

#include <blasgrad/blasgrad.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 4 };
#define COUNT(table) ((int)(sizeof table / sizeof table[0]))

static bg_engine *engine;
static void set_up(void) { ck_assert_int_eq(bg_engine_create(&engine, &(bg_engine_options){ .threads = 1 }), BG_OK); }
static void tear_down(void) { bg_engine_destroy(engine); }

typedef struct {
    const char *equation; /* of einsum; NULL: matmul */
    int n;
    bg_shape x[MOST];
    int products;      /* of the value alone */
    int steps;         /* 0: as many as products */
    int with_gradient; /* steps of the value and of the gradients of all operands */
    double flops;      /* of the value; 0: anything */
} row;

#define SHAPE(...)                                                                                                     \
    {                                                                                                                  \
        (int)(sizeof((int[]){ __VA_ARGS__ }) / sizeof(int)), { __VA_ARGS__ }                                           \
    }
static const row rows[] = {
    { "ij,jk->ik",
      2,
      { SHAPE(30, 40), SHAPE(40, 50) },
      .products = 1,
      .with_gradient = 3,
      .flops = 2.0 * 30 * 40 * 50 },
    { "ij,kj->ik", 2, { SHAPE(30, 40), SHAPE(50, 40) }, .products = 1, .with_gradient = 3 },
    { "ji,jk->ik", 2, { SHAPE(40, 30), SHAPE(40, 50) }, .products = 1, .with_gradient = 3 },
    { "ij,jk->ki", 2, { SHAPE(30, 40), SHAPE(40, 50) }, .products = 1, .with_gradient = 3 },
    { "bij,bjk->bik", 2, { SHAPE(4, 30, 40), SHAPE(4, 40, 50) }, .products = 1, .with_gradient = 3 },
    { "bhqd,bhkd->bhqk", 2, { SHAPE(2, 3, 32, 16), SHAPE(2, 3, 33, 16) }, .products = 1, .with_gradient = 3 },
    { "bqhd,bkhd->bhqk", 2, { SHAPE(2, 32, 3, 16), SHAPE(2, 33, 3, 16) }, .products = 1, .with_gradient = 5 },
    { "bij,jk->bik", 2, { SHAPE(8, 30, 40), SHAPE(40, 50) }, .products = 1, .with_gradient = 3 },
    { "ij,bjk->bik", 2, { SHAPE(64, 64), SHAPE(8, 64, 50) }, .products = 1 },
    { "bcn,co->bon", 2, { SHAPE(4, 64, 100), SHAPE(64, 32) }, .products = 1 },
    { "bqd,dhk->bqhk", 2, { SHAPE(4, 8, 64), SHAPE(64, 3, 16) }, .products = 1, .with_gradient = 3 },
    { "bqhk,hkd->bqd", 2, { SHAPE(4, 8, 3, 16), SHAPE(3, 16, 64) }, .products = 1, .with_gradient = 3 },
    { "i,i->", 2, { SHAPE(300), SHAPE(300) }, .products = 1 },
    { "bi,bi->b", 2, { SHAPE(40, 300), SHAPE(40, 300) }, .products = 0, .steps = 1, .with_gradient = 3 },
    { "ij,ij->ij", 2, { SHAPE(40, 30), SHAPE(40, 30) }, .products = 0, .steps = 1, .with_gradient = 3 },
    /* The left or the right product first, whichever makes the smaller matrix. */
    { "ij,jk,kl->il",
      3,
      { SHAPE(3, 100), SHAPE(100, 4), SHAPE(4, 90) },
      2,
      .flops = 2.0 * 3 * 100 * 4 + 2.0 * 3 * 4 * 90 },
    { "ij,jk,kl->il",
      3,
      { SHAPE(90, 4), SHAPE(4, 100), SHAPE(100, 3) },
      2,
      .flops = 2.0 * 4 * 100 * 3 + 2.0 * 90 * 4 * 3 },
    { "ij,jk,kl,lm->im",
      4,
      { SHAPE(50, 2), SHAPE(2, 60), SHAPE(60, 2), SHAPE(2, 70) },
      3,
      .flops = 2.0 * 2 * 60 * 2 + 2.0 * 50 * 2 * 2 + 2.0 * 50 * 2 * 70 },
    { NULL, 2, { SHAPE(8, 30, 40), SHAPE(40, 50) }, .products = 1, .with_gradient = 3 },
    { NULL, 2, { SHAPE(2, 4, 30, 40), SHAPE(1, 1, 40, 50) }, .products = 1, .with_gradient = 3 },
    { NULL, 2, { SHAPE(40), SHAPE(8, 40, 50) }, .products = 1 },
    /* A matrix times many narrow ones: its gradient is one product of copies that take less than the products did. */
    { NULL, 2, { SHAPE(256, 256), SHAPE(8, 256, 32) }, .products = 1, .with_gradient = 5 },
};

static int occurrences(const char *text, const char *word)
{
    int n = 0;
    for (const char *at = strstr(text, word); at; at = strstr(at + 1, word))
        n++;
    return n;
}

START_TEST(test_steps)
{
    const row *r = &rows[_i];
    const char *name = r->equation ? r->equation : "matmul";
    bg_graph *graph;
    bg_node *x[MOST], *outputs[MOST + 1];
    ck_assert_int_eq(bg_graph_create(&graph, engine), BG_OK);
    for (int i = 0; i < r->n; i++)
        x[i] = bg_input(graph, "x", BG_F32, r->x[i]);
    bg_node *y = outputs[0] = r->equation ? bg_einsum(r->equation, x, r->n) : bg_matmul(x[0], x[1]);
    bg_node *cotangent = bg_input(graph, "dy", BG_F32, bg_node_shape(y));
    ck_assert_int_eq(bg_grad_from(&y, &cotangent, 1, x, (size_t)r->n, outputs + 1), BG_OK);
    for (int k = 0; k < 2; k++) {
        bg_program *program;
        char text[8192];
        ck_assert_int_eq(bg_compile(&program, graph, outputs, k ? (size_t)r->n + 1 : 1, NULL), BG_OK);
        ck_assert_uint_lt(bg_program_dump(program, text, sizeof text), sizeof text);
        bg_report report = bg_program_report(program);
        bg_program_destroy(program);
        int steps = k ? r->with_gradient : r->steps ? r->steps : r->products;
        if (k == 0)
            ck_assert_msg(occurrences(text, "    product ") == r->products, "%s: %d products\n%s", name, r->products,
                          text);
        if (k == 0 && r->flops > 0)
            ck_assert_msg(report.flops == r->flops, "%s: %g flops, not %g\n%s", name, report.flops, r->flops, text);
        if (steps)
            ck_assert_msg(report.steps == steps, "%s: not %d steps\n%s", name, steps, text);
    }
    bg_graph_destroy(graph);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("contractions");
    TCase *cases = tcase_create("plans");
    tcase_add_checked_fixture(cases, set_up, tear_down);
    tcase_add_loop_test(cases, test_steps, 0, COUNT(rows));
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
