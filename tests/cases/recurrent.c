/* Recurrent layers. */
#include "cases.h"

const op_family recurrent_family = { .name = "recurrent" };
