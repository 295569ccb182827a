/* Networks of classes, as attackers and certifiers ask them about batches of examples. */
#ifndef BGI_CLASSIFIER_H
#define BGI_CLASSIFIER_H

#include <blasgrad/nn.h>
#include <blasgrad/program.h>

#include "base/engine.h"

/* What a user says of one. caller: for messages. */
typedef struct {
    const char *caller;
    bg_network *network;
    void *user;
    bg_optional lower, upper;
    int64_t batch; /* 0: 128 */
    bool (*goes_on)(int64_t examples, void *user);
} bgi_classifier_options;

typedef struct {
    bgi_classifier_options options;
    bg_engine *engine;
    bg_model *model;
    /* The box as the model's type has it, so that an input at the wall is within; infinite without one. */
    double lower, upper;
    bg_shape input; /* of a batch */
    int64_t batch, width, classes;
} bgi_classifier;

/* Checks all of it, and keeps model and engine alive until _close. example: the shape of one. Classes are known once
 * there are scores. */
bg_status bgi_classifier_open(bgi_classifier *classifier, bg_model *model, const bgi_classifier_options *options,
                              bg_shape example);
void bgi_classifier_close(bgi_classifier *classifier);
/* The network's scores of x, in evaluation, with the number of classes noted. */
bg_status bgi_classifier_scores(bgi_classifier *classifier, bg_node *x, bg_node **scores);
/* Asks the user whether to go on, and runs a program. examples: that are done. */
bg_status bgi_classifier_run(const bgi_classifier *classifier, const char *caller, bg_program *program,
                             int64_t examples);

/* ---- examples.c: inputs, classes and results of a call, in tensors of any strides ---- */

typedef struct {
    const char *caller;
    const bgi_classifier *classifier;
    const bg_tensor *inputs, *labels; /* labels may be NULL */
    int64_t n;
} bgi_examples;

/* Checks the arguments against the classifier, and sets n. */
bg_status bgi_examples_check(bgi_examples *examples);
/* Whether a tensor is one of classes [n]. what: "label" or the like. */
bg_status bgi_examples_check_classes(const bgi_examples *examples, const bg_tensor *classes, const char *what);
/* Whether a tensor for results, unless it is NULL, is [n] of a type. */
bg_status bgi_examples_check_result(const bgi_examples *examples, const char *name, const bg_tensor *tensor,
                                    bg_dtype dtype);
/* Inputs and labels of examples first .. first + n - 1; inputs are in the model's type, finite, and within the bounds.
 * labels stay as they are if there are none. */
bg_status bgi_examples_read(const bgi_examples *examples, int64_t first, int64_t n, double lower, double upper,
                            void *inputs, int64_t *labels);
/* Classes of the same examples, which the network has. */
bg_status bgi_examples_read_classes(const bgi_examples *examples, const bg_tensor *classes, const char *what,
                                    int64_t first, int64_t n, int64_t *values);
/* Reads all examples, a batch after the other, for the errors. */
bg_status bgi_examples_check_values(const bgi_examples *examples, double lower, double upper, void *inputs,
                                    int64_t *labels);
/* Copies values of the tensors' types into elements first .. first + n - 1 of all results, but for those that are NULL,
 * or of none. */
enum { BGI_RESULTS = 4 };
typedef struct {
    bg_tensor *tensor;
    const void *values;
} bgi_result_rows;
bg_status bgi_examples_write(const bgi_result_rows *results, int count, int64_t first, int64_t n);

/* Element i of data, f32 or f64. */
static inline double bgi_float_at(const void *data, bg_dtype dtype, int64_t i)
{
    return dtype == BG_F64 ? ((const double *)data)[i] : (double)((const float *)data)[i];
}

#endif
