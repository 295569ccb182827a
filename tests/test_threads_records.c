/* Records of runs: what each worker did and when, and the steps that they name. */
#include "support/counting.h"
#include "support/suite.h"
#include "support/values.h"

#include <stdlib.h>
#include <string.h>

enum { RECORDS_MAX = 4096, ROWS = 256, WIDTH = 128 };

static const int thread_counts[] = { 1, 2, 4 };
enum { N_THREAD_COUNTS = 3 };

static counting memory;
static bg_engine *engine;
static bg_graph *graph;
static bg_program *program;
static bg_record records[RECORDS_MAX + 1];

static bg_node *numbers(int64_t rows, int64_t columns)
{
    bg_tensor *tensor = NULL;
    OK(bg_tensor_create(&tensor, engine, BG_F32, BG_SHAPE(rows, columns)));
    float *data = bg_tensor_data(tensor);
    for (int64_t i = 0; i < rows * columns; i++)
        data[i] = (float)(i * 7 % 11 - 5) / 100;
    bg_node *node = bg_parameter(graph, tensor);
    bg_tensor_destroy(tensor);
    return node;
}

static void start(int threads)
{
    memset(&memory, 0, sizeof memory);
    OK(bg_engine_create(&engine, &(bg_engine_options){ .threads = threads, .allocator = counting_allocator(&memory) }));
    OK(bg_graph_create(&graph, engine));
}

/* Two layers and a descent: several phases, and tasks for every worker. */
static void start_descent(int threads)
{
    start(threads);
    bg_node *x = numbers(ROWS, WIDTH), *w[2] = { numbers(WIDTH, WIDTH), numbers(WIDTH, WIDTH) }, *dw[2];
    bg_node *y = bg_matmul(bg_tanh(bg_matmul(x, w[0])), w[1]), *loss = bg_mean(bg_square(y), BG_ALL_AXES);
    OK(bg_grad(loss, w, 2, dw));
    for (int i = 0; i < 2; i++)
        bg_update(w[i], bg_sub(w[i], bg_mul_scalar(dw[i], 0.1)));
    OK(bg_compile(&program, graph, &loss, 1, NULL));
}

static void end(void)
{
    bg_program_destroy(program);
    program = NULL;
    bg_graph_destroy(graph);
    bg_engine_destroy(engine);
    ck_assert_int_eq(atomic_load(&memory.live), 0);
}

static int compare_records(const void *left, const void *right)
{
    const bg_record *a = left, *b = right;
    if (a->worker != b->worker)
        return a->worker - b->worker;
    return (a->begin > b->begin) - (a->begin < b->begin);
}

START_TEST(records_of_all_workers)
{
    int threads = thread_counts[_i], waits = 0;
    start_descent(threads);
    bg_report report = bg_program_report(program);
    ck_assert_int_gt(report.phases, 1);
    records[0].step = records[1].step = 12345;
    OK(bg_program_record(program, records, 1));
    long long allocations = atomic_load(&memory.calls);
    OK(bg_program_run(program));
    size_t n = bg_program_recorded(program).records;
    ck_assert_uint_gt(n, 1);
    ck_assert_uint_lt(n, RECORDS_MAX);
    ck_assert_msg(records[0].step != 12345, "the first record is kept");
    ck_assert_msg(records[1].step == 12345, "a record is written beyond the capacity");

    OK(bg_program_record(program, records, RECORDS_MAX));
    OK(bg_program_run(program));
    bg_recorded recorded = bg_program_recorded(program);
    ck_assert_uint_eq(recorded.records, n);
    ck_assert_int_gt(recorded.nanoseconds, 0);
    ck_assert_int_eq(atomic_load(&memory.calls), allocations);

    qsort(records, n, sizeof *records, compare_records);
    int *found = calloc((size_t)report.steps, sizeof *found);
    for (size_t i = 0; i < n; i++) {
        const bg_record *r = &records[i];
        ck_assert_msg(r->worker >= 0 && r->worker < threads, "record %zu: worker %d", i, r->worker);
        ck_assert_msg(r->begin >= 0 && r->begin <= r->end && r->end <= recorded.nanoseconds,
                      "record %zu: from %lld to %lld of %lld", i, (long long)r->begin, (long long)r->end,
                      (long long)recorded.nanoseconds);
        ck_assert_msg(i == 0 || records[i - 1].worker != r->worker || records[i - 1].end <= r->begin,
                      "record %zu overlaps the one before", i);
        waits += r->step == BG_WAIT;
        if (r->step == BG_WAIT)
            continue;
        ck_assert_msg(r->step >= 0 && r->step < report.steps, "record %zu: step %d", i, r->step);
        ck_assert_int_eq(r->phase, bg_program_step(program, r->step).phase);
        found[r->step]++;
    }
    for (int i = 0; i < report.steps; i++)
        ck_assert_msg(found[i] > 0, "step %d of %d threads has no record", i, threads);
    ck_assert_int_eq(waits, report.barriers ? threads * (report.phases - 1) : 0);
    free(found);

    OK(bg_program_record(program, NULL, 0));
    records[0].step = 12345;
    OK(bg_program_run(program));
    ck_assert_int_eq(records[0].step, 12345);
    ck_assert_uint_eq(bg_program_recorded(program).records, n);
    end();
}
END_TEST

/* Recording changes no bit of the results. */
START_TEST(results_stay_the_same)
{
    uint64_t hashes[2];
    for (int is_recording = 0; is_recording < 2; is_recording++) {
        start_descent(thread_counts[_i]);
        if (is_recording)
            OK(bg_program_record(program, records, RECORDS_MAX));
        for (int i = 0; i < 3; i++)
            OK(bg_program_run(program));
        hashes[is_recording] = hash_tensor(0, bg_program_output(program, 0));
        end();
    }
    ck_assert_uint_eq(hashes[0], hashes[1]);
}
END_TEST

START_TEST(steps_add_up)
{
    start_descent(2);
    bg_report report = bg_program_report(program);
    double flops = 0, product_flops = 0;
    for (int i = 0; i < report.steps; i++) {
        bg_step_info info = bg_program_step(program, i);
        ck_assert_msg(info.kind && info.text[0], "step %d has no text", i);
        ck_assert_msg(info.bytes > 0, "step %d moves %g bytes", i, info.bytes);
        ck_assert_msg(info.phase >= 0 && info.phase < report.phases, "step %d: phase %d", i, info.phase);
        flops += info.flops;
        product_flops += info.product_flops;
    }
    expect_near("the sum over steps", flops, report.flops, 0);
    expect_near("the products' sum over steps", product_flops, report.product_flops, 0);
    ck_assert_ptr_null(bg_program_step(program, report.steps).kind);
    ck_assert_ptr_null(bg_program_step(program, -1).kind);
    ck_assert_ptr_null(bg_program_step(NULL, 0).kind);
    end();
}
END_TEST

START_TEST(tasks_are_in_order)
{
    start_descent(2);
    bg_report report = bg_program_report(program);
    double work = 0, before = 0;
    ck_assert(!report.runs_alone);
    for (int i = 0, phase = 0; i < report.tasks; i++) {
        bg_task_info task = bg_program_task(program, i);
        ck_assert_msg(task.phase == phase || task.phase == phase + 1, "task %d: phase %d behind %d", i, task.phase,
                      phase);
        ck_assert_msg(task.phase != phase || i == 0 || task.work <= before, "task %d is longer than the one before", i);
        phase = task.phase;
        before = task.work;
        work += task.work;
        if (i == report.tasks - 1)
            ck_assert_int_eq(phase, report.phases - 1);
    }
    ck_assert_msg(work > 0.5 * report.flops, "the tasks' work is %g, of %g operations", work, report.flops);
    ck_assert(bg_program_task(program, report.tasks).work == 0 && bg_program_task(program, -1).work == 0 &&
              bg_program_task(NULL, 0).work == 0);
    end();
    start(2);
    bg_node *small = bg_sum(numbers(2, 3), BG_ALL_AXES);
    OK(bg_compile(&program, graph, &small, 1, NULL));
    ck_assert(bg_program_report(program).runs_alone);
    end();
}
END_TEST

static bg_node *product(void) { return bg_matmul(numbers(2, 3), numbers(3, 4)); }
static bg_node *row_added(void) { return bg_add(numbers(5, 4), numbers(1, 4)); }
static bg_node *column_sums(void) { return bg_sum(numbers(6, 5), BG_AXES(0)); }
static bg_node *running_sums(void) { return bg_cumsum(numbers(3, 8), 1); }

/* Programs of one step. */
static const struct {
    const char *name, *kind, *text;
    bg_node *(*build)(void);
    double bytes;
} one_step[] = {
    { "a product", "product", "2 x 4 x 3", product, 4 * (6 + 12 + 8) },
    { "a sum with a row", "loop", "add", row_added, 4 * (20 + 4 + 20) },
    { "sums of columns", "fold", "[1, 6, 5]", column_sums, 4 * (30 + 5) },
    { "running sums", "call", "cumsum", running_sums, 4 * (24 + 24) },
};
enum { ONE_STEPS = sizeof one_step / sizeof one_step[0] };

START_TEST(steps_by_kind)
{
    start(1);
    bg_node *y = one_step[_i].build();
    OK(bg_compile(&program, graph, &y, 1, NULL));
    bg_step_info info = bg_program_step(program, 0);
    ck_assert_int_eq(bg_program_report(program).steps, 1);
    ck_assert_str_eq(info.kind, one_step[_i].kind);
    ck_assert_msg(strstr(info.text, one_step[_i].text), "%s: \"%s\"", one_step[_i].name, info.text);
    expect_near(one_step[_i].name, info.bytes, one_step[_i].bytes, 0);
    end();
}
END_TEST

START_TEST(wrong_calls)
{
    start_descent(1);
    ck_assert_uint_eq(bg_program_recorded(program).records, 0);
    ck_assert_uint_eq(bg_program_recorded(NULL).records, 0);
    FAILS(bg_program_record(NULL, records, 1), BG_ERR_ARGUMENT, "record: program is NULL");
    FAILS(bg_program_record(program, NULL, 1), BG_ERR_ARGUMENT, "record: the memory for records is NULL");
    end();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("records");
    TCase *tests = tcase_create("records");
    tcase_add_loop_test(tests, records_of_all_workers, 0, N_THREAD_COUNTS);
    tcase_add_loop_test(tests, results_stay_the_same, 0, N_THREAD_COUNTS);
    tcase_add_test(tests, steps_add_up);
    tcase_add_test(tests, tasks_are_in_order);
    tcase_add_loop_test(tests, steps_by_kind, 0, ONE_STEPS);
    tcase_add_test(tests, wrong_calls);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
