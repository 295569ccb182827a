/* Threads of the library. */
#ifndef BGI_THREAD_H
#define BGI_THREAD_H

#include <pthread.h>

/* Starts one with all signals blocked: they are for the host's own threads, except those that a thread causes itself,
 * since the host's handler for a crash should see one that happens here. 0, or an error of the system. */
int bgi_thread_start(pthread_t *thread, void *(*main)(void *argument), void *argument);

#endif
