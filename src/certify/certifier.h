/* Certifiers from the inside, and the examples that they look at. */
#ifndef BGI_CERTIFIER_H
#define BGI_CERTIFIER_H

#include <blasgrad/certify.h>
#include <blasgrad/program.h>

#include "base/engine.h"

struct bg_certifier {
    bg_engine *engine;
    bg_model *model;
    bg_certifier_options options;
    double lower, upper; /* infinite without a box */
    bg_shape input;      /* of a batch */
    int64_t batch, width, classes;
    /* Made when they are first needed. */
    bg_program *intervals; /* scores of x, bounds of those between low and high, and of their differences */
    bg_program *smoothed;  /* scores of a batch of samples around x */
    /* What they are bound to; x, low and high [batch, ..], labels i64 [batch], place: the example's number and the
     * first sample's. */
    bg_tensor *x, *low, *high, *labels, *example, *place, *sigma;
};

/* The network's scores of x, in evaluation, with the number of classes noted. */
bg_status bgi_certifier_scores(bg_certifier *certifier, bg_node *x, bg_node **scores);
/* Asks the caller, and runs a program. examples: that are done. */
bg_status bgi_certifier_run(const bg_certifier *certifier, bg_program *program, int64_t examples);

/* ---- examples.c: inputs, labels and results of a call ---- */

typedef struct {
    const char *caller;
    const bg_certifier *certifier;
    const bg_tensor *inputs, *labels; /* labels may be NULL */
    int64_t n;
} bgi_examples;

/* Checks the arguments against the certifier, and sets n. */
bg_status bgi_examples_check(bgi_examples *examples);
/* Whether a tensor for results, unless it is NULL, is [n] of a type. */
bg_status bgi_examples_check_result(const bgi_examples *examples, const char *name, const bg_tensor *tensor,
                                    bg_dtype dtype);
/* Inputs and labels of examples first .. first + n - 1; inputs are in the model's type, finite, and within the bounds.
 * labels stay as they are if there are none. */
bg_status bgi_examples_read(const bgi_examples *examples, int64_t first, int64_t n, double lower, double upper,
                            void *inputs, int64_t *labels);
/* Reads all examples, a batch after the other, for the errors. */
bg_status bgi_examples_check_values(const bgi_examples *examples, double lower, double upper, void *inputs,
                                    int64_t *labels);
/* Copies values of the tensors' types into elements first .. first + n - 1 of all results, but for those that are NULL,
 * or of none. */
enum { BGI_RESULTS = 3 };
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
