/* A routine's programs on an engine of its own, with operands and results in double. */
#ifndef BLASGRAD_TESTS_LINALG_BAD_SETTING_H
#define BLASGRAD_TESTS_LINALG_BAD_SETTING_H

#include "bad.h"

enum { NO_BATCH = -1 };

typedef struct {
    bg_dtype dtype;
    double epsilon, tiny, largest; /* of the type */
    int n_inputs;
    double *operands[BAD_INPUTS], *cotangent; /* what the next run takes, in row-major order */
    int64_t operand_counts[BAD_INPUTS], cotangent_count;
    /* What the last run gave: the value, and with the gradient that of each operand; the parts, without it. */
    int n_values, n_parts;
    double *values[1 + BAD_INPUTS], *parts[BAD_PARTS];
    int64_t counts[1 + BAD_INPUTS], part_counts[BAD_PARTS];

    bg_engine *engine;
    bg_graph *graph;
    bg_program *programs[2]; /* value and parts; value and gradients (NULL if the row has none) */
    bg_tensor *tensors[BAD_INPUTS], *cotangent_tensor, *state;
    bg_shape part_shapes[BAD_PARTS];
} bad_setting;

/* False, with a report, if the programs cannot be made. Operands are regular, the cotangent is between ½ and 2 in
 * magnitude. */
bool setting_create(bad_setting *s, const bad_row *row, bg_dtype dtype, int64_t n, int64_t batch, int threads);
void setting_destroy(bad_setting *s);
/* Values of results and parts are of the last run that succeeded. */
bg_status setting_run(bad_setting *s, bool with_gradient);
/* A parameter to which each program adds 1. */
double setting_state(const bad_setting *s);
/* Where result k begins in an array of all values. */
int64_t setting_offset(const bad_setting *s, int k);
/* Without a batch; a scalar is [1, 1], a vector a column. */
matrix setting_operand(const bad_setting *s, int k);
matrix setting_part(const bad_setting *s, int k);

#endif
