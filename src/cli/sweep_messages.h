/* What a run of a sweep says on standard error: kept in memory, so that a full disk takes nothing of it, and copied to
 * a file for whoever looks on. */
#ifndef SWEEP_MESSAGES_H
#define SWEEP_MESSAGES_H

#include <stdint.h>

typedef struct {
    int memory; /* what the run writes to */
    int file;
    int64_t copied; /* bytes */
} sweep_messages;

/* 0, or -1 with errno set. */
int sweep_messages_open(sweep_messages *messages, const char *path);
/* Copies what has come since, as far as the disk takes it. */
void sweep_messages_copy(sweep_messages *messages);
/* The last line, without the name of the program; "" if there is none. To be freed; NULL if memory is out. */
enum { SWEEP_MESSAGES_BYTES = 4096 };
char *sweep_messages_last(const sweep_messages *messages);
/* Copies the rest. */
void sweep_messages_close(sweep_messages *messages);

#endif
