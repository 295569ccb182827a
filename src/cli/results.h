/* Results of measurements: as lines of standard output, and kept in a file of JSON lines. */
#ifndef RESULTS_H
#define RESULTS_H

#include "events.h"

/* Where results go; all zero: nowhere. */
typedef struct {
    bool json;        /* to standard output */
    const char *path; /* of the file that they are appended to, or NULL */
} results;

/* Whether the file can be written; made if it is not there. 0, or the exit code after a message. */
int results_check(const results *r);
/* Passes a result on, and destroys it. In the file it also has the date and the machine. Each is one whole line there,
 * also where several processes append at one time, or the disk is full. 0, or the exit code after a message. */
int results_add(const results *r, event *e);
/* Whether a result could not be appended: then there is no use in going on. */
bool results_have_failed(void);

#endif
