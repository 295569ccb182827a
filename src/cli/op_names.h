/* Names of ops on the command line. */
#ifndef OP_NAMES_H
#define OP_NAMES_H

#include "cases/cases.h"

/* The builder of a case is its name up to a comma or blank. */
int op_builder_length(const op_case *c);
/* Whether a name is that of the builder, of the op, or of the case. */
bool op_is_named(const op_case *c, const char *name);

#endif
