/* For forked children of a test. */
#ifndef BLASGRAD_TESTS_CHILD_H
#define BLASGRAD_TESTS_CHILD_H

#include <signal.h>
#include <sys/prctl.h>

/* A child that waits for ever ends with the test's time. It has no time of its own, which would go on while the machine
 * is busy with others. */
static inline void end_with_parent(void) { (void)prctl(PR_SET_PDEATHSIG, SIGKILL); }

#endif
