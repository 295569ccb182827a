/* Certifiers from the inside. */
#ifndef BGI_CERTIFIER_H
#define BGI_CERTIFIER_H

#include <blasgrad/certify.h>

#include "train/classifier.h"

struct bg_certifier {
    bgi_classifier of; /* what is certified */
    /* Made when they are first needed. */
    bg_program *intervals; /* scores of x, bounds of those between low and high, and of their differences */
    bg_program *smoothed;  /* scores of a batch of samples around x */
    /* What they are bound to; x, low and high [batch, ..], labels i64 [batch], place: the example's number and the
     * first sample's. */
    bg_tensor *x, *low, *high, *labels, *example, *place, *sigma;
};

/* Makes one of its tensors, unless it is there. */
bg_status bgi_certifier_make(const bg_certifier *certifier, bg_tensor **tensor, bg_dtype dtype, bg_shape shape);

#endif
