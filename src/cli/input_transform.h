/* What becomes of inputs before a network gets them: --scale, --pca and --whiten. Training finds it out from its
 * examples, checkpoints keep it. */
#ifndef INPUT_TRANSFORM_H
#define INPUT_TRANSFORM_H

#include "network.h"
#include "parts_options.h"

/* The words of --scale by their number in bg_scaling, and NULL. */
extern const char *const transform_scalings[];

/* It as checkpoints have it; NULL where there is none. */
typedef struct {
    char *scaling; /* shift and scale of each input, blanks between them */
    /* The means of the inputs, then the rows of the matrix: the bits of each number in 16 hexadecimal digits. In Python
     * numpy.frombuffer(bytes.fromhex(text), ">f8"). */
    char *projection;
    int64_t places, components; /* inputs, and numbers in place of them; 0 without a projection */
    double share;               /* of the variance, that they have */
} transform_texts;

/* Changes the inputs of all parts (each but the first may be NULL), unless the network does, by what the settings have
 * from a run, or by what the first part shows. *texts are to be released, also when this fails. 0, or the exit code
 * after a message. */
int transform_parts(bg_dataset **const *parts, int n, bg_engine *engine, const parts_settings *settings,
                    transform_texts *texts);
void transform_texts_release(transform_texts *texts);
/* Those of settings from a run. False when memory is out. */
bool transform_texts_copy(transform_texts *texts, const parts_settings *settings);

/* What the settings have from a run, for examples of this shape of the data of this name; to be released, also when
 * this fails. 0, or the exit code after a message. */
int transform_take(input_transform *transform, bg_engine *engine, const char *data, bg_shape shape,
                   const parts_settings *settings);
void transform_release(input_transform *transform);

/* The shape of what becomes of an example. */
bg_shape transform_shape(const input_transform *transform, bg_shape shape);

#endif
