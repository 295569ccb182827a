#include "cycle.h"

#include <math.h>

/* ---- Stages that many scenarios share ---- */

static bg_status make_engine(cycle *c, int threads)
{
    bg_engine_options options = { .threads = threads, .seed = 7 };
    if (!c->uses_default)
        options.allocator = counting_allocator(&c->counter);
    return bg_engine_create(&c->engine, &options);
}
bg_status engine_1(cycle *c) { return make_engine(c, 1); }
bg_status engine_2(cycle *c) { return make_engine(c, 2); }

bg_status make_tensor(cycle *c, int i, bg_dtype dtype, bg_shape shape)
{
    if (c->tensors[i])
        return BG_OK;
    bg_status status = bg_tensor_create(&c->tensors[i], c->engine, dtype, shape);
    for (int64_t k = 0; k < bg_shape_count(shape) && !status; k++)
        if (dtype == BG_F64)
            ((double *)bg_tensor_data(c->tensors[i]))[k] = cos((double)(k * k + i));
        else if (dtype == BG_F32)
            ((float *)bg_tensor_data(c->tensors[i]))[k] = (float)cos((double)(k * k + i));
        else if (dtype == BG_I64)
            ((int64_t *)bg_tensor_data(c->tensors[i]))[k] = k % 3;
    return status;
}

bg_status finish_graph(cycle *c)
{
    bg_status status = bg_graph_status(c->graph);
    for (int i = 0; i < c->n_outputs && !status; i++)
        status = c->outputs[i] ? BG_OK : BG_ERR_ARGUMENT;
    if (status) {
        bg_graph_destroy(c->graph);
        c->graph = NULL;
    }
    return status;
}

bg_status finish_descent(cycle *c, bg_node *loss, size_t n)
{
    bg_node *d[2] = { NULL };
    if (loss && !bg_grad(loss, c->w, n, d))
        for (size_t i = 0; i < n; i++)
            bg_update(c->w[i], bg_sub(c->w[i], bg_mul_scalar(d[i], 0.01)));
    c->outputs[0] = loss;
    c->n_outputs = 1;
    return finish_graph(c);
}

bg_status compile(cycle *c) { return bg_compile(&c->program, c->graph, c->outputs, (size_t)c->n_outputs, NULL); }

bg_status drop_graph(cycle *c)
{
    bg_program_destroy(c->program);
    bg_graph_destroy(c->graph);
    c->program = NULL;
    c->graph = NULL;
    return BG_OK;
}

bg_status bind_x_and_y(cycle *c)
{
    bg_status status = bg_program_bind(c->program, c->x, c->tensors[0]);
    return status ? status : bg_program_bind(c->program, c->y, c->tensors[1]);
}

bg_status run(cycle *c)
{
    bg_status status = bg_program_run(c->program);
    for (int i = 0; i < c->n_outputs && !status; i++)
        c->hash = hash_tensor(c->hash, bg_program_output(c->program, (size_t)i));
    return status;
}

bg_status expected_to_fail(bg_status status, bg_status expected)
{
    if (status == BG_OK)
        return bg_fail(BG_ERR_ARGUMENT, "a mistake was not found");
    return status == expected ? BG_OK : status;
}

void take_in(cycle *c, const bg_dataset *data)
{
    for (int i = 0; i < bg_dataset_columns(data); i++)
        c->hash = hash_tensor(c->hash, bg_dataset_column(data, i));
}

/* ---- What is there ---- */

uint64_t cycle_hash(const cycle *c)
{
    uint64_t hash = c->hash;
    const bg_model *const models[2] = { c->model, c->second_model };
    for (int i = 0; i < MOST_TENSORS; i++)
        if (c->tensors[i])
            hash = hash_tensor(hash, c->tensors[i]);
    for (int m = 0; m < 2; m++)
        for (size_t i = 0; i < bg_model_count(models[m]); i++) {
            const char *name = bg_model_name(models[m], i);
            hash = hash_tensor(hash_bytes(hash, name, strlen(name)), bg_model_tensor(models[m], i));
        }
    return hash;
}

static uint64_t saved_file(const cycle *c) { return c->scenario->writes ? folder_hash("saved.safetensors") : 0; }

snapshot cycle_look(const cycle *c)
{
    snapshot s = { .file = saved_file(c) };
    const bg_model *const models[2] = { c->model, c->second_model };
    for (int i = 0; i < MOST_TENSORS; i++) {
        s.is_there[i] = c->tensors[i] != NULL;
        s.tensors[i] = c->tensors[i] ? hash_tensor(0, c->tensors[i]) : 0;
    }
    for (int m = 0; m < 2; m++) {
        s.n_models[m] = bg_model_count(models[m]);
        ck_assert_uint_le(s.n_models[m], MOST_ENTRIES);
        for (size_t i = 0; i < s.n_models[m]; i++)
            s.models[m][i] = hash_tensor(0, bg_model_tensor(models[m], i));
    }
    return s;
}

bool cycle_is_unchanged(const snapshot *before, const cycle *c)
{
    const bg_model *const models[2] = { c->model, c->second_model };
    for (int i = 0; i < MOST_TENSORS; i++)
        if (before->is_there[i] && before->tensors[i] != hash_tensor(0, c->tensors[i]))
            return false;
    for (int m = 0; m < 2; m++)
        for (size_t i = 0; i < before->n_models[m]; i++)
            if (before->models[m][i] != hash_tensor(0, bg_model_tensor(models[m], i)))
                return false;
    return before->file == saved_file(c);
}

void cycle_destroy(cycle *c)
{
    bg_trainer_destroy(c->trainer);
    bg_trainer_destroy(c->second_trainer);
    bg_archive_destroy(c->archive);
    bg_archive_destroy(c->loaded);
    bg_search_destroy(c->search);
    bg_population_destroy(c->population);
    bg_program_destroy(c->program);
    bg_program_destroy(c->second_program);
    bg_graph_destroy(c->graph);
    bg_model_destroy(c->model);
    bg_model_destroy(c->second_model);
    for (int i = 0; i < 4; i++)
        bg_dataset_destroy(c->data[i]);
    for (int i = 0; i < MOST_TENSORS; i++)
        bg_tensor_destroy(c->tensors[i]);
    bg_engine_destroy(c->engine);
    bg_engine_destroy(c->second_engine);
}
