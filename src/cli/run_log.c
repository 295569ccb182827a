/* The log of a run: events, one a line. */
#define _DEFAULT_SOURCE /* flock */
#include "run_log.h"

#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static int fail(const run_log *log)
{
    int error = errno;
    return output_failure("%s/log.jsonl: %s", log->folder, strerror(error));
}

bool run_log_is_ours(const char *path)
{
    static const char *const starts[] = { "{\"event\":\"start\",", "{\"event\":\"resumed\"," };
    char line[32] = "";
    FILE *file = fopen(path, "r");
    if (!file)
        return false;
    size_t length = fread(line, 1, sizeof line - 1, file);
    bool is_ours = false;
    for (int i = 0; i < 2; i++)
        is_ours = is_ours || strncmp(line, starts[i], length < strlen(starts[i]) ? length : strlen(starts[i])) == 0;
    is_ours = is_ours && !ferror(file);
    fclose(file);
    return is_ours;
}

/* Whether a line begins with one of n texts. */
static bool has_line(const char *path, const char *const *starts, int n)
{
    char *line = NULL;
    size_t capacity = 0;
    FILE *file = fopen(path, "r");
    bool has = false;
    while (file && !has && getline(&line, &capacity, file) >= 0)
        for (int i = 0; i < n; i++)
            has = has || strncmp(line, starts[i], strlen(starts[i])) == 0;
    free(line);
    if (file)
        fclose(file);
    return has;
}

bool run_log_has_saved(const char *path)
{
    static const char *const starts[] = { "{\"event\":\"done\",", "{\"event\":\"interrupted\",",
                                          "{\"event\":\"resumed\"," };
    return has_line(path, starts, 3);
}

bool run_log_has_results(const char *path)
{
    static const char *const starts[] = { "{\"event\":\"run\",", "{\"event\":\"epoch\"," };
    return has_line(path, starts, 2);
}

int run_log_open(run_log *log, const char *folder)
{
    char path[4096];
    *log = (run_log){ .folder = folder, .file = -1 };
    (void)snprintf(path, sizeof path, "%s/log.jsonl", folder);
    log->file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (log->file < 0)
        return fail(log);
    /* A run that has not saved yet is not taken for one that failed. */
    if (flock(log->file, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
        return output_failure("--out %s: a run is under way there; choose another directory", folder);
    return 0;
}

void run_log_close(run_log *log)
{
    if (log->file >= 0)
        close(log->file);
    log->file = -1;
}

int run_log_cut(run_log *log, double bytes)
{
    struct stat about;
    if (fstat(log->file, &about) != 0)
        return fail(log);
    log->bytes = about.st_size;
    if (bytes >= 0 && bytes <= (double)about.st_size)
        log->bytes = (off_t)bytes;
    else
        output_message("%s/log.jsonl: has lost events from before the checkpoint", log->folder);
    return ftruncate(log->file, log->bytes) == 0 ? 0 : fail(log);
}

/* A line is there whole or, after a failure, not at all. */
static bool append(run_log *log, const char *text, size_t bytes)
{
    for (size_t done = 0; done < bytes;) {
        ssize_t count = pwrite(log->file, text + done, bytes - done, log->bytes + (off_t)done);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0) {
            int error = count < 0 ? errno : EIO;
            if (ftruncate(log->file, log->bytes) != 0)
                (void)fail(log);
            errno = error;
            return false;
        }
        done += (size_t)count;
    }
    log->bytes += (off_t)bytes;
    return true;
}

int run_log_append(run_log *log, const event *e)
{
    char *line = event_line(e);
    if (!line)
        return output_failure("out of memory");
    size_t length = strlen(line);
    line[length] = '\n'; /* in place of the zero byte */
    bool is_written = append(log, line, length + 1);
    int code = is_written ? 0 : fail(log);
    free(line);
    return code;
}

int run_log_sync(const run_log *log)
{
    int result;
    do {
        result = fsync(log->file);
    } while (result != 0 && errno == EINTR);
    return result == 0 || errno == EINVAL ? 0 : fail(log);
}
