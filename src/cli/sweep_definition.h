/* The definition of a sweep, kept in its directory: a JSON object with what its runs have in common and its axes. */
#ifndef SWEEP_DEFINITION_H
#define SWEEP_DEFINITION_H

#include "events.h"

#include <blasgrad/engine.h>

/* Whether the directory has one. */
bool sweep_definition_is_there(const char *out);
/* Reads it. What is given must agree with it, but for more trials, which it then has. 0, or the exit code after a
 * message; so the other. */
int sweep_definition_read(event **definition, const event *given, const char *out);
int sweep_definition_write(const event *definition, const char *out, bg_engine *engine);

#endif
