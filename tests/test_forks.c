/* Forked children: refused the parent's engine, and free to make one of their own. */
#define _POSIX_C_SOURCE 200809L
#include "support/child.h"
#include "support/everything.h"
#include "support/expect.h"
#include "support/sanitized.h"
#include "support/suite.h"
#include "support/training.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* TSan ends a child of a process with threads when it starts one, as OpenBLAS does there. */
enum { CHILDREN_START_THREADS = !IS_THREAD_SANITIZED };

/* All calls that use the engine of a parent; 0, or the number of the line that got something else than BG_ERR_FORKED.
 */
static int line_not_refused(everything *e)
{
    bg_tensor *tensor = NULL;
    bg_graph *graph = NULL;
    bg_program *program = NULL;
    bg_model *model = NULL;
    bg_dataset *dataset = NULL, *second = NULL;
    bg_trainer *trainer = NULL;
    bg_archive *archive = NULL;
    bg_evaluation *evaluation = NULL;
    bg_metrics metrics;
    bg_node *dw = NULL;
    const bg_program *made;
    float numbers[30] = { 0 };
    double item, area;
    bg_trainer_options options = { .network = everything_network,
                                   .loss = bg_cross_entropy_loss,
                                   .optimizer = bg_sgd(0.1, 0) };
#define REFUSED(call)                                                                                                  \
    if ((call) != BG_ERR_FORKED)                                                                                       \
    return __LINE__
    REFUSED(bg_program_run(e->program));
    REFUSED(bg_program_bind(e->program, e->x, e->tensor));
    REFUSED(bg_tensor_create(&tensor, e->engine, BG_F32, BG_SHAPE(2)));
    REFUSED(bg_tensor_wrap(&tensor, e->engine, BG_F32, BG_SHAPE(30), numbers));
    REFUSED(bg_tensor_slice(&tensor, e->tensor, 0, 0, 1, 1));
    REFUSED(bg_tensor_permute(&tensor, e->tensor, BG_AXES(1, 0)));
    REFUSED(bg_tensor_reshape(&tensor, e->tensor, BG_SHAPE(30)));
    REFUSED(bg_tensor_expand(&tensor, e->tensor, BG_SHAPE(2, 6, 5)));
    REFUSED(bg_tensor_copy_from(e->tensor, numbers, sizeof numbers));
    REFUSED(bg_tensor_copy_to(e->tensor, numbers, sizeof numbers));
    REFUSED(bg_tensor_copy(e->tensor, e->tensor));
    REFUSED(bg_tensor_fill(e->tensor, 1));
    REFUSED(bg_tensor_item(e->tensor, 0, &item));
    REFUSED(bg_graph_create(&graph, e->engine));
    REFUSED(bg_compile(&program, e->graph, &e->w, 1, NULL));
    REFUSED(bg_model_create(&model, e->engine, BG_F32));
    REFUSED(bg_model_set(e->model, "out.bias", e->classes, true));
    REFUSED(bg_dataset_create(&dataset, &e->tensor, 1, 0));
    REFUSED(bg_dataset_slice(&dataset, e->dataset, 0, 1));
    REFUSED(bg_dataset_split(&dataset, &second, e->dataset, 2, 1));
    REFUSED(bg_data_builtin(&dataset, e->engine, "lecture", NULL));
    REFUSED(bg_data_read_csv(&dataset, e->engine, "/nonexistent", NULL));
    REFUSED(bg_data_read_idx(&tensor, e->engine, "/nonexistent"));
    REFUSED(bg_data_read_mnist(&dataset, &second, e->engine, "/nonexistent", NULL));
    REFUSED(bg_trainer_create(&trainer, e->model, &options));
    REFUSED(bg_trainer_fit(e->trainer, e->dataset, NULL, NULL, NULL));
    REFUSED(bg_trainer_evaluate(e->trainer, e->dataset, &metrics));
    REFUSED(bg_trainer_score(e->trainer, e->dataset, e->evaluation, &metrics));
    REFUSED(bg_evaluation_create(&evaluation, e->engine, NULL));
    REFUSED(bg_evaluation_add(e->evaluation, e->tensor, e->tensor));
    REFUSED(bg_evaluation_roc_auc(e->evaluation, NULL, &area));
    REFUSED(bg_trainer_program(e->trainer, e->dataset, 4, &made));
    REFUSED(bg_archive_create(&archive, e->engine));
    REFUSED(bg_archive_add(e->archive, "second", e->tensor));
    REFUSED(bg_archive_add_text(e->archive, "key", "text"));
    REFUSED(bg_archive_save(e->archive, "/nonexistent/file"));
    REFUSED(bg_archive_load(&archive, e->engine, "/nonexistent"));
    /* The last one marks the graph for good. */
    if (bg_add(e->w, e->w) || bg_input(e->graph, "y", BG_F32, BG_SCALAR))
        return __LINE__;
    REFUSED(bg_graph_status(e->graph));
    REFUSED(bg_grad(e->w, &e->w, 1, &dw));
#undef REFUSED
    if (tensor || graph || program || model || dataset || second || trainer || archive)
        return __LINE__;
    return 0;
}

static int in_the_child(everything *e, uint64_t expected)
{
    int line = line_not_refused(e);
    if (line)
        return line;
    destroy_everything(e);
    if (!CHILDREN_START_THREADS)
        return 0;
    training t = { .number = 7 };
    training_build(&t, &(bg_engine_options){ .threads = 2 });
    for (int i = 0; i < TRAINING_STEPS; i++)
        training_step(&t);
    training_end(&t);
    return t.status || t.hash != expected ? __LINE__ : 0;
}

START_TEST(test_forked_children)
{
    enum { CHILDREN = 50 };
    everything e = { 0 };
    uint64_t expected = train_alone(7), parent_expected = train_alone(4);
    expect_ok(make_everything(&e, &(bg_engine_options){ .threads = 2 }), "everything");
    training t = { .number = 4 };
    training_build(&t, &(bg_engine_options){ .threads = 3 });
    for (int i = 0; i < CHILDREN; i++) {
        if (i < TRAINING_STEPS)
            training_step(&t);
        pid_t child = fork();
        ck_assert_int_ge(child, 0);
        if (child == 0) {
            int line = in_the_child(&e, expected);
            _exit(line ? 1 + line % 255 : 0);
        }
        int status = 0;
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        ck_assert_msg(WIFEXITED(status), "child %d ended by signal %d", i, WTERMSIG(status));
        ck_assert_msg(WEXITSTATUS(status) == 0, "child %d failed in line %d or that plus 255, 510, ..", i,
                      WEXITSTATUS(status) - 1);
        expect_ok(bg_program_run(e.program), "the parent's program");
    }
    training_end(&t);
    ck_assert_msg(t.status == BG_OK && t.hash == parent_expected, "the parent's training: %s", t.message);
    destroy_everything(&e);
}
END_TEST

/* ---- While the engine runs ---- */

typedef struct {
    training training;
    atomic_bool has_begun, is_enough;
} runner;

static void *keep_running(void *argument)
{
    runner *r = argument;
    while (!atomic_load(&r->is_enough)) {
        training_step(&r->training);
        atomic_store(&r->has_begun, true);
    }
    return NULL;
}

/* The engine's workers are in the middle of something that goes on in the parent alone. A child may be in the way of
 * nobody and wait for nobody. */
static int in_the_child_of_a_run(runner *r, uint64_t expected)
{
    end_with_parent();
    if (bg_program_run(r->training.program) != BG_ERR_FORKED)
        return __LINE__;
    training_end(&r->training);
    training t = { .number = 7 };
    training_build(&t, &(bg_engine_options){ .threads = 2 });
    for (int i = 0; i < TRAINING_STEPS; i++)
        training_step(&t);
    /* A child's engine is as good as any: its own child is refused it, and has one again. */
    pid_t grandchild = fork();
    if (grandchild == 0)
        _exit(bg_program_run(t.program) != BG_ERR_FORKED || train_alone(4) == 0);
    int status = -1;
    if (grandchild < 0 || waitpid(grandchild, &status, 0) != grandchild || status != 0)
        return __LINE__;
    training_end(&t);
    return t.status || t.hash != expected ? __LINE__ : 0;
}

START_TEST(test_forked_while_running)
{
    enum { CHILDREN = 50 };
    static runner r;
    pthread_t thread;
    uint64_t expected = train_alone(7);
    int failed = 0, line = 0;
    r.training.number = 4;
    training_build(&r.training, &(bg_engine_options){ .threads = 3 });
    ck_assert_int_eq(pthread_create(&thread, NULL, keep_running, &r), 0);
    while (!atomic_load(&r.has_begun))
        (void)sched_yield();
    for (int i = 0; i < CHILDREN; i++) {
        pid_t child = fork();
        if (child == 0)
            _exit((line = in_the_child_of_a_run(&r, expected)) ? 1 + line % 255 : 0);
        int status = -1;
        bool is_right = child > 0 && waitpid(child, &status, 0) == child && status == 0;
        failed += !is_right;
        line = is_right ? line : status;
    }
    atomic_store(&r.is_enough, true);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    training_end(&r.training);
    ck_assert_msg(failed == 0, "%d of %d children failed, the last with status %x", failed, CHILDREN, (unsigned)line);
    ck_assert_msg(r.training.status == BG_OK, "the parent's training: %s", r.training.message);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("forks");
    TCase *tests = tcase_create("forks");
    tcase_add_test(tests, test_forked_children);
    /* The allocator of AddressSanitizer stays locked in the child if another thread of the parent was in it. */
    if (CHILDREN_START_THREADS && !IS_ADDRESS_SANITIZED)
        tcase_add_test(tests, test_forked_while_running);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
