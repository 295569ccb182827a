/* What a program keeps in memory: each case within its bytes, and with the numbers that the naive evaluator has. */
#include "support/suite.h"
#include "support/trial.h"
#include "support/values.h"

#include <stdio.h>
#include <string.h>

/* The gradient of a table that is looked up and multiplied by: the product's part could be computed first, but only the
 * other is in memory as a whole. */
static void build_tied(trial *t, const void *context)
{
    (void)context;
    bg_node *table = trial_parameter(t, BG_SHAPE(3000, 40), -0.1, 0.1);
    bg_node *hidden = trial_parameter(t, BG_SHAPE(40, 40), -0.1, 0.1);
    bg_node *x = bg_embedding(table, trial_classes(t, BG_SHAPE(16), 3000), -1);
    bg_node *y = bg_tanh(bg_linear(bg_sub(x, bg_mean(x, BG_AXES(0))), hidden, NULL));
    bg_node *scores = bg_linear(y, table, NULL);
    trial_descend(t, bg_cross_entropy_loss(scores, trial_classes(t, BG_SHAPE(16), 3000), BG_MEAN), 0.1);
}

/* Three phases, each of which replaces all 64 x 2000 elements of the one before. */
static void build_replaced(trial *t, const void *context)
{
    (void)context;
    bg_node *x = bg_matmul(trial_input(t, BG_SHAPE(64, 8), -1, 1), trial_parameter(t, BG_SHAPE(8, 2000), -1, 1));
    for (int i = 0; i < 3; i++)
        x = bg_tanh(bg_sub(x, bg_mean(x, BG_AXES(0))));
    trial_output(t, bg_sum(x, BG_ALL_AXES));
}

/* The same, where in the phase that would replace a value a product needs all of it. */
static void build_read_beside(trial *t, const void *context)
{
    (void)context;
    bg_node *few = trial_input(t, BG_SHAPE(2, 300), -1, 1);
    bg_node *x = bg_matmul(trial_input(t, BG_SHAPE(256, 8), -1, 1), trial_parameter(t, BG_SHAPE(8, 300), -1, 1));
    for (int i = 0; i < 3; i++) {
        bg_node *mean = bg_mean(x, BG_AXES(0)), *beside = bg_matmul(bg_mul(few, mean), bg_transpose(x, 0, 1));
        x = bg_add(bg_tanh(bg_exp(bg_tanh(bg_exp(bg_sub(x, mean))))),
                   bg_reshape(bg_mean(beside, BG_AXES(0)), BG_SHAPE(256, 1)));
    }
    trial_output(t, bg_sum(x, BG_ALL_AXES));
}

/* Of a hidden layer of 256 x 512 the gelu and its slope wait for the gradient, and nothing they are made of. */
static void build_gelu(trial *t, const void *context)
{
    (void)context;
    bg_node *x = trial_input(t, BG_SHAPE(256, 8), -1, 1);
    for (int i = 0; i < 4; i++) {
        bg_node *in = trial_parameter(t, BG_SHAPE(512, 8), -0.3, 0.3);
        bg_node *out = trial_parameter(t, BG_SHAPE(8, 512), -0.3, 0.3);
        x = bg_linear(bg_gelu_tanh(bg_linear(bg_sub(x, bg_mean(x, BG_AXES(0))), in, NULL)), out, NULL);
    }
    trial_descend(t, bg_mean(bg_square(x), BG_ALL_AXES), 0.1);
}

/* Scores of classes [4, 8, 5000], of which the loss picks one a row. */
static void build_scores(trial *t, const void *context)
{
    (void)context;
    bg_node *x = trial_input(t, BG_SHAPE(4, 8, 5000), -1, 1);
    trial_output(t, bg_sum(bg_gather_class(x, trial_classes(t, BG_SHAPE(4, 8), 5000)), BG_ALL_AXES));
}

/* Attention of 16 queries and keys, and its gradient: room for the products of such, not for those of whole tiles. */
static void build_attention(trial *t, const void *context)
{
    (void)context;
    bg_node *x = trial_parameter(t, BG_SHAPE(2, 4, 16, 8), -1, 1);
    bg_attention_options options = { .is_causal = true };
    trial_descend(t, bg_mean(bg_square(bg_attention(x, bg_mul_scalar(x, 2), bg_neg(x), &options)), BG_ALL_AXES), 0.1);
}

enum { SMALL = 10000 }; /* elements of what is small */

/* Elements in memory. What a worker has for itself, a product's blocks too, is bounded where it is the point. */
static const struct {
    const char *name;
    void (*build)(trial *t, const void *context);
    size_t arena, scratch;
} cases[] = {
    { "the gradient of a tied table", build_tied, 3000 * 40 + 16 * 3000, 0 },
    { "phases that replace each other", build_replaced, 64 * 2000, 0 },
    { "phases that are read beside", build_read_beside, 2 * 256 * 300, 0 },
    { "gelu and its gradient", build_gelu, (2 * 4 + 1) * 256 * 512, 0 },
    { "classes picked from rows of rows", build_scores, 4 * 8, 4 * 5000 },
    { "attention of few queries", build_attention, 12 * 2 * 4 * 16 * 8, 5000 },
};

/* The number behind the last of these words in the program's text. */
static size_t number_behind(const char *text, const char *word)
{
    const char *last = NULL;
    size_t number = 0;
    for (const char *at = strstr(text, word); at; at = strstr(at + 1, word))
        last = at;
    ck_assert_msg(last && sscanf(last + strlen(word), "%zu", &number) == 1, "no \"%s\" in\n%.3000s", word, text);
    return number;
}

START_TEST(test_bytes)
{
    trial t = { .engine = trial_engine(), .dtype = BG_F64 };
    bg_program *program;
    OK(bg_graph_create(&t.graph, t.engine));
    cases[_i].build(&t, NULL);
    OK(bg_compile(&program, t.graph, t.outputs, (size_t)t.n_outputs, NULL));
    char text[20000];
    ck_assert_uint_lt(bg_program_dump(program, text, sizeof text), sizeof text);
    size_t arena = number_behind(text, "; arena ") / sizeof(double),
           scratch = number_behind(text, ", scratch ") / sizeof(double);
    ck_assert_msg(arena <= cases[_i].arena + SMALL, "%s: %zu elements are in the arena, more than %zu:\n%.3000s",
                  cases[_i].name, arena, cases[_i].arena, text);
    ck_assert_msg(!cases[_i].scratch || scratch <= cases[_i].scratch + SMALL,
                  "%s: a worker has %zu elements for itself, more than %zu:\n%.3000s", cases[_i].name, scratch,
                  cases[_i].scratch, text);
    bg_program_destroy(program);
    trial_end(&t);
}
END_TEST

START_TEST(test_numbers)
{
    trial_plan plan = { cases[_i].name, cases[_i].build, .seed = 1, .steps = 2 };
    trial_check(&plan, BG_F64);
    trial_check(&plan, BG_F32);
}
END_TEST

int main(void)
{
    enum { CASES = sizeof cases / sizeof *cases };
    Suite *suite = suite_create("memory");
    TCase *bytes = tcase_create("planned");
    tcase_add_checked_fixture(bytes, trial_set_up_single, trial_tear_down);
    tcase_add_loop_test(bytes, test_bytes, 0, CASES);
    suite_add_tcase(suite, bytes);
    TCase *numbers = tcase_create("against the evaluator");
    tcase_set_timeout(numbers, 300); /* for sanitizers and busy machines */
    tcase_add_checked_fixture(numbers, trial_set_up, trial_tear_down);
    tcase_add_loop_test(numbers, test_numbers, 0, CASES);
    suite_add_tcase(suite, numbers);
    return run_suite(suite);
}
