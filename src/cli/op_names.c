/* Names of ops on the command line. */
#include "op_names.h"

#include <string.h>

int op_builder_length(const op_case *c) { return (int)strcspn(c->name, ", "); }

bool op_is_named(const op_case *c, const char *name)
{
    size_t length = (size_t)op_builder_length(c);
    return (strncmp(c->name, name, length) == 0 && name[length] == 0) || (c->op && strcmp(c->op, name) == 0) ||
           strcmp(c->name, name) == 0;
}
