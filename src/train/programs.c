/* The trainer's programs: one for each batch shape, built when it is first met. */
#include "train/driver.h"

#include "data/augment.h"

#include <stdio.h>
#include <string.h>

bg_status bgi_trainer_check(const bg_trainer *trainer, const bg_dataset *dataset, const char *caller)
{
    if (!trainer || !dataset)
        return bg_fail(BG_ERR_ARGUMENT, "%s: %s is NULL", caller, trainer ? "dataset" : "trainer");
    bg_status status = bgi_engine_check(trainer->engine, caller);
    if (status != BG_OK)
        return status;
    if (bg_dataset_size(dataset) < 1)
        return bg_fail(BG_ERR_ARGUMENT, "%s: the data set has no examples", caller);
    if (trainer->options.network && bg_dataset_columns(dataset) < 2)
        return bg_fail(BG_ERR_ARGUMENT, "%s: the data set has %d column, network and loss need an input and a target",
                       caller, bg_dataset_columns(dataset));
    const bg_augmentation *augmentation = &trainer->options.augmentation;
    return bgi_augments(augmentation) ? bgi_augmentation_check(augmentation, bg_dataset_dtype(dataset, 0),
                                                               bg_dataset_shape(dataset, 0), caller)
                                      : BG_OK;
}

void bgi_batch_program_release(bgi_batch_program *entry)
{
    if (entry->driver)
        entry->driver->destroy(entry->driven);
    bg_program_destroy(entry->program);
    bgi_batch_memory_release(&entry->batch);
    *entry = (bgi_batch_program){ .program = NULL };
}

static bool entry_fits(const bgi_batch_program *entry, const bg_dataset *dataset, int64_t batch, bgi_purpose purpose)
{
    if (!entry->program || entry->batch.size != batch || entry->purpose != purpose ||
        entry->batch.n_columns != bg_dataset_columns(dataset))
        return false;
    for (int i = 0; i < entry->batch.n_columns; i++) {
        const bg_tensor *column = entry->batch.columns[i];
        bg_shape shape = bg_dataset_shape(dataset, i);
        shape.dims[0] = batch;
        if (bg_dataset_dtype(dataset, i) != bg_tensor_dtype(column) || !bg_shape_equal(shape, bg_tensor_shape(column)))
            return false;
    }
    return true;
}

/* Whether right answers can be counted: scores [.., c] for classes [..]. */
static bool has_answers(const bg_dataset *dataset, const bg_node *prediction, const bg_node *target)
{
    bg_dtype dtype = bg_node_dtype(target);
    bg_shape scores = bg_node_shape(prediction), classes = bg_node_shape(target);
    if (bg_dataset_classes(dataset) < 1 || (dtype != BG_I64 && dtype != BG_I32 && dtype != BG_U8) || scores.rank < 2 ||
        scores.dims[scores.rank - 1] < 1)
        return false;
    scores.rank--;
    return bg_shape_equal(scores, classes);
}

static bg_status build_updates(bg_trainer *trainer, const bgi_batch_program *entry, bgi_batch_graph *built)
{
    static const char *const names[] = { "learning rate", "step",       "momentum",
                                         "accumulated",   "run weight", "average weight" };
    const bg_trainer_options *options = &trainer->options;
    bool accumulates = options->accumulate > 1;
    const bool is_used[] = { true,
                             true,
                             bg_schedule_moves_momentum(&options->schedule),
                             accumulates,
                             accumulates && options->class_weights,
                             options->averaging.kind != BG_AVERAGE_NONE && entry->purpose == BGI_UPDATES };
    for (int i = 0; i < BGI_SCALARS; i++)
        built->scalars[i] = is_used[i] ? bg_input(built->graph, names[i], BG_F64, BG_SCALAR) : NULL;
    bg_step_inputs inputs = { .learning_rate = built->scalars[BGI_LEARNING_RATE],
                              .step = built->scalars[BGI_STEP],
                              .momentum = built->scalars[BGI_MOMENTUM],
                              .weight = accumulates ? (double)entry->batch.size : 0,
                              .run_weight = built->scalars[BGI_RUN_WEIGHT],
                              .accumulated = built->scalars[BGI_ACCUMULATED],
                              .only_adds = entry->purpose == BGI_ADDS,
                              .average_weight = built->scalars[BGI_AVERAGE_WEIGHT] };
    return bg_optimizer_apply_with(&options->optimizer, trainer->model, built->outputs[0], &inputs, NULL);
}

static bg_node *batch_loss(const bg_trainer_options *options, bgi_purpose purpose, bg_node *prediction, bg_node *target)
{
    if (!options->class_weights || purpose == BGI_EVALUATES)
        return options->loss(prediction, target, BG_MEAN);
    bg_node *weight = bg_constant(bg_node_graph(prediction), options->class_weights);
    return bg_cross_entropy_loss_with(
        prediction, target, BG_MEAN,
        &(bg_cross_entropy_options){ .weight = bg_cast(weight, bg_node_dtype(prediction)) });
}

static bg_status build_graph(bg_trainer *trainer, const bg_dataset *dataset, bgi_batch_program *entry,
                             bgi_batch_graph *built)
{
    const bg_trainer_options *options = &trainer->options;
    for (int i = 0; i < entry->batch.n_columns; i++) {
        const bg_tensor *column = entry->batch.columns[i];
        char name[32];
        snprintf(name, sizeof name, "column %d", i);
        built->inputs[i] = bg_input(built->graph, name, bg_tensor_dtype(column), bg_tensor_shape(column));
    }
    bool takes_step = options->step && (entry->purpose != BGI_EVALUATES || !options->network);
    bg_node *loss, *prediction = NULL;
    if (takes_step) {
        loss = options->step(trainer->model, built->inputs, entry->batch.n_columns, options->user);
    } else {
        prediction = options->network(trainer->model, built->inputs[0], options->user);
        loss = prediction ? batch_loss(options, entry->purpose, prediction, built->inputs[1]) : NULL;
    }
    bg_status status = bg_graph_status(built->graph);
    if (status != BG_OK)
        return status;
    if (!loss)
        return bg_fail(BG_ERR_ARGUMENT, "trainer: %s returned no node",
                       takes_step ? "step" : (prediction ? "loss" : "network"));
    if (bg_shape_count(bg_node_shape(loss)) != 1)
        return bg_fail(BG_ERR_SHAPE, "trainer: the loss has %lld elements, not 1",
                       (long long)bg_shape_count(bg_node_shape(loss)));
    built->outputs[0] = loss;
    built->prediction = prediction;
    entry->counts_answers = prediction && has_answers(dataset, prediction, built->inputs[1]);
    entry->has_prediction = entry->counts_answers || (prediction && entry->purpose == BGI_EVALUATES);
    built->outputs[1] = entry->has_prediction ? prediction : NULL;
    bool has_rule = entry->purpose != BGI_EVALUATES && !options->optimizer.driver;
    return has_rule ? build_updates(trainer, entry, built) : BG_OK;
}

static bg_status bind_batch(bg_trainer *trainer, bgi_batch_program *entry, const bgi_batch_graph *built)
{
    bg_status status = BG_OK;
    for (int i = 0; i < entry->batch.n_columns && status == BG_OK; i++)
        status = bg_program_bind(entry->program, built->inputs[i], entry->batch.columns[i]);
    for (int i = 0; i < BGI_SCALARS && status == BG_OK; i++)
        if (built->scalars[i])
            status = bg_program_bind(entry->program, built->scalars[i], trainer->scalars[i]);
    return status;
}

bg_status bgi_batch_graph_build(bg_trainer *trainer, const bg_dataset *dataset, bgi_batch_program *entry,
                                bgi_batch_graph *built)
{
    *built = (bgi_batch_graph){ .inputs = bgi_alloc_zero(trainer->engine,
                                                         (size_t)entry->batch.n_columns * sizeof(bg_node *)) };
    bg_status status = built->inputs ? bg_graph_create(&built->graph, trainer->engine) : BG_ERR_NOMEM;
    if (status != BG_OK)
        return status;
    bool was_training = bg_model_is_training(trainer->model);
    bg_model_set_training(trainer->model, entry->purpose != BGI_EVALUATES);
    status = build_graph(trainer, dataset, entry, built);
    bg_model_set_training(trainer->model, was_training);
    return status;
}

void bgi_batch_graph_release(bg_trainer *trainer, const bgi_batch_program *entry, bgi_batch_graph *built)
{
    bg_graph_destroy(built->graph);
    bgi_free(trainer->engine, built->inputs, (size_t)entry->batch.n_columns * sizeof(bg_node *));
}

static bg_status build_entry(bg_trainer *trainer, const bg_dataset *dataset, int64_t batch, bgi_batch_program *entry)
{
    bgi_batch_graph built;
    bg_status status = bgi_batch_memory_create(&entry->batch, trainer->engine, dataset, batch);
    if (status != BG_OK)
        return status;
    status = bgi_batch_graph_build(trainer, dataset, entry, &built);
    if (status == BG_OK)
        status = bg_compile(&entry->program, built.graph, built.outputs, entry->has_prediction ? 2 : 1,
                            &(bg_compile_options){ .no_updates = entry->purpose == BGI_EVALUATES });
    if (status == BG_OK)
        status = bind_batch(trainer, entry, &built);
    if (status == BG_OK && entry->purpose == BGI_UPDATES && trainer->options.optimizer.driver)
        status = bgi_driven_build(trainer, &built, entry);
    bgi_batch_graph_release(trainer, entry, &built);
    return status;
}

/* The entry for a program: the one that has it, or else the one to be replaced. */
static bgi_batch_program *choose_entry(bg_trainer *trainer, const bg_dataset *dataset, int64_t batch,
                                       bgi_purpose purpose)
{
    if (purpose == BGI_UPDATES && trainer->options.optimizer.driver)
        return &trainer->driven;
    bgi_batch_program *oldest = &trainer->programs[0];
    for (int i = 0; i < BGI_TRAINER_PROGRAMS; i++) {
        bgi_batch_program *entry = &trainer->programs[i];
        if (entry_fits(entry, dataset, batch, purpose))
            return entry;
        if (entry->used < oldest->used)
            oldest = entry;
    }
    return oldest;
}

bg_status bgi_trainer_find_program(bg_trainer *trainer, const bg_dataset *dataset, int64_t batch, bgi_purpose purpose,
                                   bgi_batch_program **found)
{
    bgi_batch_program *entry = choose_entry(trainer, dataset, batch, purpose);
    if (!entry_fits(entry, dataset, batch, purpose)) {
        bgi_batch_program made = { .purpose = purpose };
        bg_status status = build_entry(trainer, dataset, batch, &made);
        if (status == BG_OK)
            status = bgi_driven_pass_on(entry, &made);
        if (status != BG_OK) {
            bgi_batch_program_release(&made);
            return status;
        }
        bgi_batch_program_release(entry);
        *entry = made;
    }
    entry->used = ++trainer->clock;
    *found = entry;
    return BG_OK;
}

bg_status bg_trainer_program(bg_trainer *trainer, const bg_dataset *dataset, int64_t batch, const bg_program **program)
{
    if (!program)
        return bg_fail(BG_ERR_ARGUMENT, "trainer_program: program is NULL");
    *program = NULL;
    bg_status status = bgi_trainer_check(trainer, dataset, "trainer_program");
    if (status != BG_OK)
        return status;
    if (batch < 1)
        return bg_fail(BG_ERR_ARGUMENT, "trainer_program: a batch of %lld examples", (long long)batch);
    bgi_batch_program *entry;
    status = bgi_trainer_find_program(trainer, dataset, batch, BGI_UPDATES, &entry);
    if (status == BG_OK)
        *program = entry->program;
    return status;
}
