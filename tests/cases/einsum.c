/* Contractions by the names of axes. */
#include "cases.h"

const op_family einsum_family = { .name = "einsum" };
