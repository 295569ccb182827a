/* Models from the inside. */
#ifndef BGI_MODEL_H
#define BGI_MODEL_H

#include <blasgrad/nn.h>

/* Names of parameters are at most this long; those of buffers may be longer, as an optimizer's buffer is named after
 * its parameter. */
enum { BGI_PARAMETER_NAME_MAX = 127, BGI_BUFFER_NAME_MAX = 191 };

void bgi_model_retain(bg_model *model);

#endif
