/* For tests/interop/interop.py: loads a state dict and a batch, writes the logits, and the state dict after one
 * training step.   interop MODEL state.safetensors batch.safetensors logits.safetensors stepped.safetensors */
#include <blasgrad/blasgrad.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double LEARNING_RATE = 0.01, MOMENTUM = 0.9;

static void check(bg_status status)
{
    if (status == BG_OK)
        return;
    fprintf(stderr, "interop: %s\n", bg_last_error());
    exit(1);
}

static bg_node *build(bg_model *model, bg_node *x, void *name)
{
    bg_network *network = bg_network_find(name);
    return network ? network(model, x, NULL) : bg_layers(model, name, x);
}

static void load_state(bg_model *model, bg_engine *engine, const char *path)
{
    bg_archive *archive;
    check(bg_archive_load(&archive, engine, path));
    size_t n = bg_archive_count(archive);
    const char **names = calloc(n + 1, sizeof *names);
    bg_tensor **values = calloc(n + 1, sizeof *values);
    for (size_t i = 0; i < n; i++) {
        names[i] = bg_archive_name(archive, i);
        values[i] = bg_archive_tensor(archive, i);
    }
    check(bg_model_set_all(model, names, values, n));
    free(values);
    free(names);
    bg_archive_destroy(archive);
}

static void save_logits(bg_model *model, bg_engine *engine, bg_tensor *x, char *name, const char *path)
{
    bg_graph *graph;
    bg_program *program;
    bg_tensor *copy;
    bg_archive *archive;
    check(bg_graph_create(&graph, engine));
    bg_model_set_training(model, false);
    bg_node *input = bg_input(graph, "x", bg_tensor_dtype(x), bg_tensor_shape(x)), *y = build(model, input, name);
    check(bg_compile(&program, graph, &y, 1, NULL));
    check(bg_program_bind(program, input, x));
    check(bg_program_run(program));
    const bg_tensor *logits = bg_program_output(program, 0);
    check(bg_tensor_create(&copy, engine, bg_tensor_dtype(logits), bg_tensor_shape(logits)));
    check(bg_tensor_copy(copy, logits));
    check(bg_archive_create(&archive, engine));
    check(bg_archive_add(archive, "logits", copy));
    check(bg_archive_save(archive, path));
    bg_archive_destroy(archive);
    bg_tensor_destroy(copy);
    bg_program_destroy(program);
    bg_graph_destroy(graph);
    bg_model_set_training(model, true);
}

static void take_step(bg_model *model, bg_tensor *x, bg_tensor *y, char *name)
{
    bg_dataset *data;
    bg_trainer *trainer;
    bg_trainer_options options = { .network = build,
                                   .loss = bg_cross_entropy_loss,
                                   .user = name,
                                   .optimizer = bg_sgd(LEARNING_RATE, MOMENTUM),
                                   .batch = bg_tensor_shape(x).dims[0] };
    check(bg_dataset_create(&data, (bg_tensor *[]){ x, y }, 2, 0));
    check(bg_trainer_create(&trainer, model, &options));
    check(bg_trainer_fit(trainer, data, NULL, NULL, NULL));
    bg_trainer_destroy(trainer);
    bg_dataset_destroy(data);
}

static void save_state(const bg_model *model, bg_engine *engine, const char *path)
{
    bg_archive *archive;
    check(bg_archive_create(&archive, engine));
    for (size_t i = 0; i < bg_model_count(model); i++) {
        const char *name = bg_model_name(model, i);
        if (strncmp(name, "optimizer.", 10) != 0 && strncmp(name, "trainer.", 8) != 0)
            check(bg_archive_add(archive, name, bg_model_tensor(model, i)));
    }
    check(bg_archive_save(archive, path));
    bg_archive_destroy(archive);
}

int main(int argc, char **argv)
{
    if (argc != 6)
        return 2;
    bg_engine *engine;
    bg_model *model;
    bg_archive *batch;
    check(bg_engine_create(&engine, NULL));
    check(bg_model_create(&model, engine, BG_F32));
    check(bg_archive_load(&batch, engine, argv[3]));
    load_state(model, engine, argv[2]);
    bg_tensor *x = bg_archive_find(batch, "x"), *y = bg_archive_find(batch, "y");
    save_logits(model, engine, x, argv[1], argv[4]);
    take_step(model, x, y, argv[1]);
    save_state(model, engine, argv[5]);
    bg_archive_destroy(batch);
    bg_model_destroy(model);
    bg_engine_destroy(engine);
    return 0;
}
