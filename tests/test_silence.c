/* The library writes nothing: what goes to the file descriptors 1 and 2 is caught during training, errors and files. */
#define _POSIX_C_SOURCE 200809L
#include "support/run_once.h"
#include "support/suite.h"

#include <blasgrad/blasgrad.h>

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Both descriptors lead to one temporary file between _begin and _end. */
typedef struct {
    FILE *file;
    int saved[2];
} capture;

static void capture_begin(capture *c)
{
    c->file = tmpfile();
    ck_assert_ptr_nonnull(c->file);
    (void)fflush(NULL);
    for (int i = 0; i < 2; i++) {
        c->saved[i] = dup(i + 1);
        ck_assert_int_ge(c->saved[i], 0);
        ck_assert_int_eq(dup2(fileno(c->file), i + 1), i + 1);
    }
}

/* The number of bytes that were written, the first of which go into text. */
static long capture_end(capture *c, char *text, size_t capacity)
{
    (void)fflush(NULL);
    for (int i = 0; i < 2; i++) {
        (void)dup2(c->saved[i], i + 1);
        (void)close(c->saved[i]);
    }
    (void)fseek(c->file, 0, SEEK_END);
    long bytes = ftell(c->file);
    rewind(c->file);
    text[fread(text, 1, capacity - 1, c->file)] = '\0';
    (void)fclose(c->file);
    return bytes;
}

static bg_node *network(bg_model *model, bg_node *x, void *user)
{
    (void)user;
    return bg_layers(model, "dense:64 relu dense:10", x);
}

static int statuses[2]; /* calls that succeeded, calls that failed */
static void count_status(bg_status status) { statuses[status == BG_OK ? 0 : 1]++; }

static void train(void)
{
    bg_engine *engine = NULL;
    bg_dataset *data = NULL, *none = NULL;
    bg_model *model = NULL;
    bg_trainer *trainer = NULL;
    bg_archive *archive = NULL;
    bg_program *program = NULL;
    bg_graph *graph = NULL;
    bg_trainer_options options = {
        .network = network, .loss = bg_cross_entropy_loss, .optimizer = bg_sgd(0.1, 0.9), .batch = 64, .epochs = 2
    };
    count_status(bg_engine_create(&engine, &(bg_engine_options){ .threads = 2 }));
    count_status(bg_data_builtin(&data, engine, "digits", NULL));
    count_status(bg_model_create(&model, engine, BG_F32));
    count_status(bg_trainer_create(&trainer, model, &options));
    count_status(bg_trainer_fit(trainer, data, data, NULL, NULL));

    /* Mistakes, numbers that overflow, and a problem that LAPACK complains about. */
    bg_trainer_set_learning_rate(trainer, 1e30);
    count_status(bg_trainer_fit(trainer, data, NULL, NULL, NULL));
    count_status(bg_data_builtin(&none, engine, "nothing", NULL));
    count_status(bg_data_read_csv(&none, engine, "/nonexistent/table.csv", NULL));
    count_status(bg_archive_load(&archive, engine, "/nonexistent/file.safetensors"));
    count_status(bg_graph_create(&graph, engine));
    bg_node *x = bg_input(graph, "x", BG_F32, BG_SHAPE(3, 2));
    count_status(bg_compile(&program, graph, &(bg_node *){ bg_matmul(x, x) }, 1, NULL));
    bg_tensor *a = NULL, *solution = NULL;
    count_status(bg_tensor_create(&a, engine, BG_F64, BG_SHAPE(4, 2)));
    count_status(solve_least(&solution, engine, a, a));
    count_status(bg_tensor_fill(a, NAN));
    count_status(solve_least(&solution, engine, a, a));

    bg_tensor_destroy(a);
    bg_graph_destroy(graph);
    bg_trainer_destroy(trainer);
    bg_model_destroy(model);
    bg_dataset_destroy(data);
    bg_engine_destroy(engine);
}

START_TEST(test_nothing_is_written)
{
    capture c;
    char text[512];
    memset(statuses, 0, sizeof statuses);
    capture_begin(&c);
    train();
    long bytes = capture_end(&c, text, sizeof text);
    ck_assert_msg(bytes == 0, "the library wrote %ld bytes: %s", bytes, text);
    ck_assert_int_eq(statuses[0], 8); /* the calls did what they are here for */
    ck_assert_int_eq(statuses[1], 7);
}
END_TEST

/* What is written by somebody is caught. */
START_TEST(test_capture)
{
    capture c;
    char text[64];
    capture_begin(&c);
    (void)!write(1, "one", 3);
    (void)fputs("two", stderr);
    long bytes = capture_end(&c, text, sizeof text);
    ck_assert_int_eq(bytes, 6);
    ck_assert_str_eq(text, "onetwo");
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("silence");
    TCase *tests = tcase_create("silence");
    tcase_add_test(tests, test_nothing_is_written);
    tcase_add_test(tests, test_capture);
    suite_add_tcase(suite, tests);
    return suite;
}

int main(void) { return run_suite(make_suite()); }
