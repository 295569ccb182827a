/* What a run of a sweep says on standard error. */
#define _GNU_SOURCE /* memfd_create */
#include "sweep_messages.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int sweep_messages_open(sweep_messages *messages, const char *path)
{
    *messages = (sweep_messages){ .memory = -1 };
    messages->file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (messages->file < 0)
        return -1;
    messages->memory = memfd_create("messages", MFD_CLOEXEC);
    if (messages->memory >= 0)
        return 0;
    int error = errno;
    close(messages->file);
    errno = error;
    return -1;
}

void sweep_messages_copy(sweep_messages *messages)
{
    char piece[4096];
    for (ssize_t got, put = 1; put > 0; messages->copied += put > 0 ? put : 0) {
        got = pread(messages->memory, piece, sizeof piece, messages->copied);
        put = got > 0 ? pwrite(messages->file, piece, (size_t)got, messages->copied) : 0;
    }
}

/* The end of what came, as a text without blanks behind it; NULL if memory is out. */
static char *read_end(const sweep_messages *messages)
{
    struct stat about;
    off_t size = fstat(messages->memory, &about) == 0 ? about.st_size : 0;
    off_t first = size > SWEEP_MESSAGES_BYTES ? size - SWEEP_MESSAGES_BYTES : 0;
    char *text = malloc(SWEEP_MESSAGES_BYTES + 1);
    if (!text)
        return NULL;
    ssize_t got = pread(messages->memory, text, SWEEP_MESSAGES_BYTES, first);
    size_t length = got > 0 ? (size_t)got : 0;
    while (length > 0 && (unsigned char)text[length - 1] <= ' ')
        length--;
    text[length] = 0;
    return text;
}

char *sweep_messages_last(const sweep_messages *messages)
{
    static const char program[] = "blasgrad: ";
    char *text = read_end(messages);
    if (!text)
        return NULL;
    const char *newline = strrchr(text, '\n'), *line = newline ? newline + 1 : text;
    char *last = strdup(strncmp(line, program, sizeof program - 1) == 0 ? line + sizeof program - 1 : line);
    free(text);
    return last;
}

void sweep_messages_close(sweep_messages *messages)
{
    sweep_messages_copy(messages);
    close(messages->memory);
    close(messages->file);
}
