/* The place for a new object is NULL after every call that fails, whatever it held before. */
#define _POSIX_C_SOURCE 200809L
#include "support/counting.h"
#include "support/expect.h"

#include <stdlib.h>

/* What the cases have to do with; made anew for each. */
static bg_engine *engine;
static bg_tensor *matrix;
static bg_graph *graph;
static bg_node *x;
static bg_model *model;
static bg_dataset *data;
static counting counter;

static bg_node *network(bg_model *m, bg_node *input, void *user) { return (void)user, bg_dense(m, "fc", input, 1); }

static bg_trainer_options trainer_options(void)
{
    return (bg_trainer_options){ .network = network, .loss = bg_l2_loss, .optimizer = bg_sgd(0.1, 0), .batch = 2 };
}

static void set_up(void)
{
    counter = (counting){ .fail_at = 0 };
    bg_engine_options options = { .threads = 1, .allocator = counting_allocator(&counter) };
    expect_ok(bg_engine_create(&engine, &options), "engine");
    expect_ok(bg_tensor_create(&matrix, engine, BG_F32, BG_SHAPE(4, 3)), "matrix");
    static const float numbers[] = { 1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 1, 1 };
    expect_ok(bg_tensor_copy_from(matrix, numbers, sizeof numbers), "matrix");
    expect_ok(bg_graph_create(&graph, engine), "graph");
    x = bg_input(graph, "x", BG_F32, BG_SHAPE(2));
    expect_ok(bg_model_create(&model, engine, BG_F32), "model");
    bg_tensor *columns[] = { matrix, matrix };
    expect_ok(bg_dataset_create(&data, columns, 2, 0), "data");
}

static void tear_down(void)
{
    bg_dataset_destroy(data);
    bg_model_destroy(model);
    bg_graph_destroy(graph);
    bg_tensor_destroy(matrix);
    bg_engine_destroy(engine);
    ck_assert(counter.live == 0);
}

/* Calls that fail. Those that make two objects have two places. */
static bg_status engine_options(void **place)
{
    return bg_engine_create((bg_engine **)place, &(bg_engine_options){ .threads = -1 });
}
static bg_status engine_kernels(void **place)
{
    ck_assert_int_eq(setenv("BLASGRAD_KERNELS", "sse9", 1), 0);
    bg_status status = bg_engine_create((bg_engine **)place, NULL);
    ck_assert_int_eq(unsetenv("BLASGRAD_KERNELS"), 0);
    return status;
}
static bg_status engine_memory(void **place)
{
    bg_engine_options options = { .threads = 2, .allocator = counting_allocator(&counter) };
    return bg_engine_create((bg_engine **)place, &options);
}
static bg_status tensor_engine(void **place)
{
    return bg_tensor_create((bg_tensor **)place, NULL, BG_F32, BG_SHAPE(1));
}
static bg_status tensor_shape(void **place)
{
    return bg_tensor_create((bg_tensor **)place, engine, BG_F32, BG_SHAPE(-1));
}
static bg_status tensor_memory(void **place)
{
    return bg_tensor_create((bg_tensor **)place, engine, BG_F32, BG_SHAPE(2));
}
static bg_status wrap_engine(void **place)
{
    static float number;
    return bg_tensor_wrap((bg_tensor **)place, NULL, BG_F32, BG_SHAPE(1), &number);
}
static bg_status wrap_data(void **place)
{
    return bg_tensor_wrap((bg_tensor **)place, engine, BG_F32, BG_SHAPE(1), NULL);
}
static bg_status slice_tensor(void **place) { return bg_tensor_slice((bg_tensor **)place, NULL, 0, 0, 1, 1); }
static bg_status slice_axis(void **place) { return bg_tensor_slice((bg_tensor **)place, matrix, 5, 0, 1, 1); }
static bg_status slice_memory(void **place) { return bg_tensor_slice((bg_tensor **)place, matrix, 0, 0, 1, 1); }
static bg_status permute_tensor(void **place) { return bg_tensor_permute((bg_tensor **)place, NULL, BG_ALL_AXES); }
static bg_status permute_axes(void **place) { return bg_tensor_permute((bg_tensor **)place, matrix, BG_AXES(0, 0)); }
static bg_status reshape_tensor(void **place) { return bg_tensor_reshape((bg_tensor **)place, NULL, BG_SHAPE(12)); }
static bg_status reshape_count(void **place) { return bg_tensor_reshape((bg_tensor **)place, matrix, BG_SHAPE(5)); }
static bg_status expand_tensor(void **place) { return bg_tensor_expand((bg_tensor **)place, NULL, BG_SHAPE(12)); }
static bg_status expand_shape(void **place) { return bg_tensor_expand((bg_tensor **)place, matrix, BG_SHAPE(5)); }
static bg_status graph_engine(void **place) { return bg_graph_create((bg_graph **)place, NULL); }
static bg_status graph_memory(void **place) { return bg_graph_create((bg_graph **)place, engine); }
static bg_status compile_graph(void **place) { return bg_compile((bg_program **)place, NULL, &x, 1, NULL); }
static bg_status compile_output(void **place)
{
    bg_node *none = NULL;
    return bg_compile((bg_program **)place, graph, &none, 1, NULL);
}
static bg_status compile_memory(void **place) { return bg_compile((bg_program **)place, graph, &x, 1, NULL); }
static bg_status gradient_of_none(void **place) { return bg_grad(NULL, &x, 1, (bg_node **)place); }
static bg_status gradient_shape(void **place) { return bg_grad(x, &x, 1, (bg_node **)place); }
static bg_status gradient_from(void **place)
{
    return bg_grad_from(&x, (bg_node *[]){ NULL }, 1, &x, 1, (bg_node **)place);
}
static bg_status model_engine(void **place) { return bg_model_create((bg_model **)place, NULL, BG_F32); }
static bg_status model_dtype(void **place) { return bg_model_create((bg_model **)place, engine, BG_I32); }
static bg_status model_memory(void **place) { return bg_model_create((bg_model **)place, engine, BG_F32); }
static bg_status dataset_columns(void **place) { return bg_dataset_create((bg_dataset **)place, NULL, 2, 0); }
static bg_status dataset_classes(void **place) { return bg_dataset_create((bg_dataset **)place, &matrix, 1, -1); }
static bg_status dataset_memory(void **place) { return bg_dataset_create((bg_dataset **)place, &matrix, 1, 0); }
static bg_status part_dataset(void **place) { return bg_dataset_slice((bg_dataset **)place, NULL, 0, 1); }
static bg_status part_range(void **place) { return bg_dataset_slice((bg_dataset **)place, data, 0, 5); }
static bg_status part_memory(void **place) { return bg_dataset_slice((bg_dataset **)place, data, 0, 2); }
static bg_status split_dataset(void **place)
{
    return bg_dataset_split((bg_dataset **)place, (bg_dataset **)place + 1, NULL, 1, 0);
}
static bg_status split_size(void **place)
{
    return bg_dataset_split((bg_dataset **)place, (bg_dataset **)place + 1, data, 5, 0);
}
static bg_status split_memory(void **place)
{
    return bg_dataset_split((bg_dataset **)place, (bg_dataset **)place + 1, data, 2, 0);
}
static bg_status builtin_none(void **place) { return bg_data_builtin((bg_dataset **)place, engine, NULL, NULL); }
static bg_status builtin_name(void **place) { return bg_data_builtin((bg_dataset **)place, engine, "n", NULL); }
static bg_status builtin_memory(void **place) { return bg_data_builtin((bg_dataset **)place, engine, "lecture", NULL); }
static bg_status csv_path(void **place) { return bg_data_read_csv((bg_dataset **)place, engine, NULL, NULL); }
static bg_status csv_file(void **place) { return bg_data_read_csv((bg_dataset **)place, engine, "/none", NULL); }
static bg_status idx_path(void **place) { return bg_data_read_idx((bg_tensor **)place, engine, NULL); }
static bg_status idx_file(void **place) { return bg_data_read_idx((bg_tensor **)place, engine, "/none"); }
static bg_status mnist_path(void **place)
{
    return bg_data_read_mnist((bg_dataset **)place, (bg_dataset **)place + 1, engine, NULL, NULL);
}
static bg_status mnist_folder(void **place)
{
    return bg_data_read_mnist((bg_dataset **)place, (bg_dataset **)place + 1, engine, "/none", NULL);
}
static bg_status trainer_model(void **place)
{
    bg_trainer_options options = trainer_options();
    return bg_trainer_create((bg_trainer **)place, NULL, &options);
}
static bg_status trainer_network(void **place)
{
    return bg_trainer_create((bg_trainer **)place, model, &(bg_trainer_options){ .network = NULL });
}
static bg_status trainer_memory(void **place)
{
    bg_trainer_options options = trainer_options();
    return bg_trainer_create((bg_trainer **)place, model, &options);
}
static bg_status trainer_program(void **place) { return bg_trainer_program(NULL, data, 1, (const bg_program **)place); }
static bg_status archive_engine(void **place) { return bg_archive_create((bg_archive **)place, NULL); }
static bg_status archive_memory(void **place) { return bg_archive_create((bg_archive **)place, engine); }
static bg_status load_path(void **place) { return bg_archive_load((bg_archive **)place, engine, NULL); }
static bg_status load_file(void **place) { return bg_archive_load((bg_archive **)place, engine, "/none"); }

static void drop_engine(void *object) { bg_engine_destroy(object); }
static void drop_tensor(void *object) { bg_tensor_destroy(object); }
static void drop_graph(void *object) { bg_graph_destroy(object); }
static void drop_program(void *object) { bg_program_destroy(object); }
static void drop_model(void *object) { bg_model_destroy(object); }
static void drop_dataset(void *object) { bg_dataset_destroy(object); }
static void drop_trainer(void *object) { bg_trainer_destroy(object); }
static void drop_archive(void *object) { bg_archive_destroy(object); }

static const struct {
    const char *name;
    bg_status (*make)(void **place);
    bg_status status;
    int objects;
    void (*destroy)(void *object); /* of a call that has nothing wrong but memory: every allocation fails in turn */
} cases[] = {
#define CASE(function, status, objects)                                                                                \
    {                                                                                                                  \
#function, function, status, objects, NULL                                                                     \
    }
#define MEMORY(function, objects, destroy)                                                                             \
    {                                                                                                                  \
#function, function, BG_ERR_NOMEM, objects, destroy                                                            \
    }
    CASE(engine_options, BG_ERR_ARGUMENT, 1),   CASE(engine_kernels, BG_ERR_SYSTEM, 1),
    MEMORY(engine_memory, 1, drop_engine),      CASE(tensor_engine, BG_ERR_ARGUMENT, 1),
    CASE(tensor_shape, BG_ERR_SHAPE, 1),        MEMORY(tensor_memory, 1, drop_tensor),
    CASE(wrap_engine, BG_ERR_ARGUMENT, 1),      CASE(wrap_data, BG_ERR_ARGUMENT, 1),
    CASE(slice_tensor, BG_ERR_ARGUMENT, 1),     CASE(slice_axis, BG_ERR_ARGUMENT, 1),
    MEMORY(slice_memory, 1, drop_tensor),       CASE(permute_tensor, BG_ERR_ARGUMENT, 1),
    CASE(permute_axes, BG_ERR_ARGUMENT, 1),     CASE(reshape_tensor, BG_ERR_ARGUMENT, 1),
    CASE(reshape_count, BG_ERR_SHAPE, 1),       CASE(expand_tensor, BG_ERR_ARGUMENT, 1),
    CASE(expand_shape, BG_ERR_SHAPE, 1),        CASE(graph_engine, BG_ERR_ARGUMENT, 1),
    MEMORY(graph_memory, 1, drop_graph),        CASE(compile_graph, BG_ERR_ARGUMENT, 1),
    CASE(compile_output, BG_ERR_ARGUMENT, 1),   MEMORY(compile_memory, 1, drop_program),
    CASE(gradient_of_none, BG_ERR_ARGUMENT, 1), CASE(gradient_shape, BG_ERR_SHAPE, 1),
    CASE(gradient_from, BG_ERR_ARGUMENT, 1),    CASE(model_engine, BG_ERR_ARGUMENT, 1),
    CASE(model_dtype, BG_ERR_DTYPE, 1),         MEMORY(model_memory, 1, drop_model),
    CASE(dataset_columns, BG_ERR_ARGUMENT, 1),  CASE(dataset_classes, BG_ERR_ARGUMENT, 1),
    MEMORY(dataset_memory, 1, drop_dataset),    CASE(part_dataset, BG_ERR_ARGUMENT, 1),
    CASE(part_range, BG_ERR_ARGUMENT, 1),       MEMORY(part_memory, 1, drop_dataset),
    CASE(split_dataset, BG_ERR_ARGUMENT, 2),    CASE(split_size, BG_ERR_ARGUMENT, 2),
    MEMORY(split_memory, 2, drop_dataset),      CASE(builtin_none, BG_ERR_ARGUMENT, 1),
    CASE(builtin_name, BG_ERR_ARGUMENT, 1),     MEMORY(builtin_memory, 1, drop_dataset),
    CASE(csv_path, BG_ERR_ARGUMENT, 1),         CASE(csv_file, BG_ERR_IO, 1),
    CASE(idx_path, BG_ERR_ARGUMENT, 1),         CASE(idx_file, BG_ERR_IO, 1),
    CASE(mnist_path, BG_ERR_ARGUMENT, 2),       CASE(mnist_folder, BG_ERR_IO, 2),
    CASE(trainer_model, BG_ERR_ARGUMENT, 1),    CASE(trainer_network, BG_ERR_ARGUMENT, 1),
    MEMORY(trainer_memory, 1, drop_trainer),    CASE(trainer_program, BG_ERR_ARGUMENT, 1),
    CASE(archive_engine, BG_ERR_ARGUMENT, 1),   MEMORY(archive_memory, 1, drop_archive),
    CASE(load_path, BG_ERR_ARGUMENT, 1),        CASE(load_file, BG_ERR_IO, 1),
#undef CASE
#undef MEMORY
};

static bool fails(int i, int allocation)
{
    static char no_object;
    void *places[2] = { &no_object, &no_object };
    if (cases[i].destroy)
        counter.fail_at = counter.calls + allocation;
    bg_status status = cases[i].make(places);
    counter.fail_at = 0;
    for (int k = 0; k < cases[i].objects; k++)
        if (status == BG_OK)
            cases[i].destroy(places[k]);
        else
            ck_assert_msg(!places[k], "%s, allocation %d, object %d", cases[i].name, allocation, k);
    ck_assert_msg(status == BG_OK || status == cases[i].status, "%s: %s: %s", cases[i].name, bg_status_name(status),
                  bg_last_error());
    return status != BG_OK;
}

START_TEST(is_null_after_failure)
{
    bool has_failed = true;
    int allocation = 0;
    for (; has_failed && (cases[_i].destroy || allocation == 0); allocation++) {
        set_up();
        has_failed = fails(_i, allocation + 1);
        tear_down();
    }
    ck_assert_msg(cases[_i].destroy ? allocation > 1 : has_failed, "%s: does not fail", cases[_i].name);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("results");
    TCase *tests = tcase_create("results");
    tcase_add_loop_test(tests, is_null_after_failure, 0, (int)(sizeof cases / sizeof *cases));
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
