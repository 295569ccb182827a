/* A trainer whose optimizer is a driver: its step is a run of the loss, with what else its graph updates, and a step of
 * the driver on the same batch. */
#include "train/driver.h"

#include "graph/graph.h"

#include <string.h>

bg_status bgi_driver_check(const bg_trainer_options *options)
{
    const bg_optimizer *optimizer = &options->optimizer;
    if (!optimizer->driver)
        return BG_OK;
    const struct {
        bool is_asked;
        const char *what;
    } refused[] = { { options->accumulate > 1, "accumulate" },
                    { options->averaging.kind != BG_AVERAGE_NONE, "averaging" },
                    { options->skips_nonfinite, "skips_nonfinite" },
                    { !optimizer->driver->has_rate && options->schedule.kind != BG_SCHEDULE_NONE, "a schedule" } };
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if (refused[i].is_asked)
            return bg_fail(BG_ERR_ARGUMENT, "trainer_create: %s has steps of its own, which do not go with %s",
                           optimizer->name, refused[i].what);
    return optimizer->driver->check ? optimizer->driver->check(options) : BG_OK;
}

bg_status bgi_driven_build(bg_trainer *trainer, const bgi_batch_graph *built, bgi_batch_program *entry)
{
    const bg_driver *driver = trainer->options.optimizer.driver;
    const bgi_driver_problem problem = { .model = trainer->model,
                                         .optimizer = &trainer->options.optimizer,
                                         .loss = built->outputs[0],
                                         .prediction = built->prediction,
                                         .target = built->prediction ? built->inputs[1] : NULL };
    for (int id = 0; id < built->graph->count && !entry->has_effects; id++)
        entry->has_effects = built->graph->nodes[id]->updated != NULL;
    entry->driver = driver;
    bg_status status = driver->create(&entry->driven, &problem);
    for (int i = 0; i < entry->batch.n_columns && status == BG_OK; i++)
        status = bg_program_bind(driver->program(entry->driven), built->inputs[i], entry->batch.columns[i]);
    return status;
}

bg_status bgi_driven_reserve(bg_trainer *trainer, int64_t steps)
{
    const bgi_batch_program *entry = &trainer->driven;
    return entry->driven && entry->driver->reserve ? entry->driver->reserve(entry->driven, steps) : BG_OK;
}

/* What steps have learned goes on with batches of another shape. */
bg_status bgi_driven_pass_on(const bgi_batch_program *from, bgi_batch_program *to)
{
    bg_archive *archive;
    if (!from->driven)
        return BG_OK;
    bg_status status = bg_archive_create(&archive, to->batch.engine);
    if (status == BG_OK) {
        status = from->driver->save(from->driven, archive);
        if (status == BG_OK)
            status = to->driver->load(to->driven, archive);
        bg_archive_destroy(archive);
    }
    return status;
}

bool bgi_driven_has_converged(const bg_trainer *trainer)
{
    const bgi_batch_program *entry = &trainer->driven;
    return entry->driven && entry->driver->has_converged(entry->driven);
}

double bgi_driven_damping(const bg_trainer *trainer)
{
    const bgi_batch_program *entry = &trainer->driven;
    return entry->driven && entry->driver->damping ? entry->driver->damping(entry->driven) : 0;
}

bg_status bgi_driven_save(const bg_trainer *trainer, bg_archive *archive)
{
    const bgi_batch_program *entry = &trainer->driven;
    return entry->driven ? entry->driver->save(entry->driven, archive) : BG_OK;
}

bg_status bgi_driven_load(bg_trainer *trainer, const bg_archive *archive)
{
    const bg_driver *driver = trainer->options.optimizer.driver;
    bgi_batch_program *entry = &trainer->driven;
    if (!driver)
        return BG_OK;
    if (!entry->driven)
        return bg_fail(BG_ERR_ARGUMENT, "trainer_load: %s has no program yet, which bg_trainer_program builds",
                       trainer->options.optimizer.name);
    return driver->load(entry->driven, archive);
}

bool bgi_driven_owns(const bg_trainer *trainer, const char *name)
{
    const bg_driver *driver = trainer->options.optimizer.driver;
    return driver && strncmp(name, driver->prefix, strlen(driver->prefix)) == 0;
}
