#include "everything.h"

bg_node *everything_network(bg_model *model, bg_node *x, void *user)
{
    (void)user;
    return bg_dense(model, "out", x, 3);
}

bg_status make_everything(everything *e, const bg_engine_options *options)
{
    bg_trainer_options settings = {
        .network = everything_network, .loss = bg_cross_entropy_loss, .batch = 4, .optimizer = bg_sgd(0.1, 0.9)
    };
    bg_status status = bg_engine_create(&e->engine, options);
    if (!status)
        status = bg_tensor_create(&e->tensor, e->engine, BG_F32, BG_SHAPE(6, 5));
    if (!status)
        status = bg_tensor_fill(e->tensor, 0.5);
    if (!status)
        status = bg_tensor_slice(&e->view, e->tensor, 0, 1, 6, 2);
    if (!status)
        status = bg_tensor_create(&e->classes, e->engine, BG_I64, BG_SHAPE(6));
    if (!status)
        status = bg_graph_create(&e->graph, e->engine);
    if (!status) {
        e->x = bg_input(e->graph, "x", BG_F32, BG_SHAPE(6, 5));
        e->w = bg_parameter(e->graph, e->view);
        bg_node *sum = bg_add(bg_slice(e->x, 0, 0, 3, 1), e->w);
        bg_update(e->w, bg_mul_scalar(sum, 0.5));
        status = bg_compile(&e->program, e->graph, &sum, 1, NULL);
    }
    bg_tensor *fed = NULL;
    if (!status)
        status = bg_tensor_create(&fed, e->engine, BG_F32, BG_SHAPE(6, 5));
    if (!status)
        status = bg_program_bind(e->program, e->x, fed);
    bg_tensor_destroy(fed);
    if (!status)
        status = bg_model_create(&e->model, e->engine, BG_F32);
    if (!status)
        status = bg_dataset_create(&e->dataset, (bg_tensor *[]){ e->tensor, e->classes }, 2, 3);
    if (!status)
        status = bg_trainer_create(&e->trainer, e->model, &settings);
    if (!status)
        status = bg_trainer_fit(e->trainer, e->dataset, NULL, NULL, NULL);
    if (!status)
        status = bg_evaluation_create(
            &e->evaluation, e->engine,
            &(bg_evaluation_options){ .kind = BG_EVALUATION_CLASSES, .with_confusion = true, .with_roc_auc = true });
    if (!status)
        status = bg_trainer_score(e->trainer, e->dataset, e->evaluation, NULL);
    if (!status)
        status = bg_archive_create(&e->archive, e->engine);
    return status ? status : bg_archive_add(e->archive, "tensor", e->tensor);
}

void destroy_everything(everything *e)
{
    bg_engine_destroy(e->engine);
    bg_trainer_destroy(e->trainer);
    bg_evaluation_destroy(e->evaluation);
    bg_dataset_destroy(e->dataset);
    bg_model_destroy(e->model);
    bg_program_destroy(e->program);
    bg_graph_destroy(e->graph);
    bg_tensor_destroy(e->tensor);
    bg_tensor_destroy(e->view);
    bg_tensor_destroy(e->classes);
    bg_archive_destroy(e->archive);
}
