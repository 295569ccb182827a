/* Interrupts: the first asks the program to stop, a further Ctrl-C ends it. */
#ifndef SIGNALS_H
#define SIGNALS_H

/* From now on SIGINT, SIGTERM and, if it is not ignored, SIGHUP are noted; a SIGINT behind another one exits at once.
 * Call it when there is something to save or to finish, and after the engine is there. */
void signals_catch(void);
/* The signal that came, or 0. */
int signals_caught(void);

#endif
