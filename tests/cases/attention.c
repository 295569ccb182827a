/* Attention. */
#include "cases.h"

const op_family attention_family = { .name = "attention" };
