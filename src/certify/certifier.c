/* Certifiers: their beginning, and their end. */
#include "certify/certifier.h"

/* Builds the network once, for its classes and its mistakes. */
static bg_status try_network(bg_certifier *certifier)
{
    bg_graph *graph;
    bg_node *scores;
    bg_status status = bg_graph_create(&graph, certifier->of.engine);
    if (status != BG_OK)
        return status;
    bg_node *x = bg_input(graph, "x", bg_model_dtype(certifier->of.model), certifier->of.input);
    status = x ? bgi_classifier_scores(&certifier->of, x, &scores) : bg_graph_status(graph);
    bg_graph_destroy(graph);
    return status;
}

bg_status bg_certifier_create(bg_certifier **certifier, bg_model *model, const bg_certifier_options *options,
                              bg_shape example)
{
    if (!certifier)
        return bg_fail(BG_ERR_ARGUMENT, "certifier_create: certifier is NULL");
    *certifier = NULL;
    if (!options)
        return bg_fail(BG_ERR_ARGUMENT, "certifier_create: options is NULL");
    bgi_classifier classifier;
    bg_status status = bgi_classifier_open(&classifier, model,
                                           &(bgi_classifier_options){ .caller = "certifier_create",
                                                                      .network = options->network,
                                                                      .user = options->user,
                                                                      .lower = options->lower,
                                                                      .upper = options->upper,
                                                                      .batch = options->batch,
                                                                      .goes_on = options->goes_on },
                                           example);
    if (status != BG_OK)
        return status;
    bg_certifier *made = bgi_alloc_zero(classifier.engine, sizeof *made);
    if (!made) {
        bgi_classifier_close(&classifier);
        return BG_ERR_NOMEM;
    }
    made->of = classifier;
    status = try_network(made);
    if (status != BG_OK)
        bg_certifier_destroy(made);
    else
        *certifier = made;
    return status;
}

void bg_certifier_destroy(bg_certifier *certifier)
{
    if (!certifier)
        return;
    bgi_classifier classifier = certifier->of;
    bg_program_destroy(certifier->intervals);
    bg_program_destroy(certifier->smoothed);
    bg_tensor *const tensors[] = { certifier->x,       certifier->low,   certifier->high, certifier->labels,
                                   certifier->example, certifier->place, certifier->sigma };
    for (size_t i = 0; i < sizeof tensors / sizeof *tensors; i++)
        bg_tensor_destroy(tensors[i]);
    bgi_free(classifier.engine, certifier, sizeof *certifier);
    bgi_classifier_close(&classifier);
}

bg_status bgi_certifier_make(const bg_certifier *certifier, bg_tensor **tensor, bg_dtype dtype, bg_shape shape)
{
    return *tensor ? BG_OK : bg_tensor_create(tensor, certifier->of.engine, dtype, shape);
}

int64_t bg_certifier_classes(const bg_certifier *certifier) { return certifier ? certifier->of.classes : 0; }
