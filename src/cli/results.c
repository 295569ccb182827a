/* Results of measurements: as lines of standard output, and kept in a file of JSON lines. */
#define _DEFAULT_SOURCE /* flock */
#include "results.h"

#include "commands.h"
#include "machine.h"
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static bool has_failed;

static int fail(const results *r, int error)
{
    return output_failure("--output %s: %s", r->path, error ? strerror(error) : "the system wrote only a part");
}

static int open_file(const results *r) { return open(r->path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666); }

int results_check(const results *r)
{
    int file = r->path ? open_file(r) : -1;
    if (r->path && file < 0)
        return fail(r, errno);
    struct stat about;
    bool is_file = !r->path || (fstat(file, &about) == 0 && S_ISREG(about.st_mode));
    if (r->path)
        (void)close(file);
    return is_file ? 0 : output_failure("--output %s: not a file that lines can be appended to", r->path);
}

/* Whether the file ends in the middle of a line, which somebody else must have left. */
static bool lacks_newline(int file, off_t size)
{
    char last = '\n';
    return size > 0 && pread(file, &last, 1, size - 1) == 1 && last != '\n';
}

/* The file is locked, so that what a failed write has left behind can be taken back. */
static int append(const results *r, const char *line)
{
    int file = open_file(r);
    if (file < 0)
        return fail(r, errno);
    struct stat about;
    size_t length = strlen(line);
    char *text = malloc(length + 3);
    int code = EXIT_DONE;
    if (!text)
        code = output_failure("out of memory");
    else if (flock(file, LOCK_EX) != 0 || fstat(file, &about) != 0)
        code = fail(r, errno);
    if (!code) {
        length = (size_t)sprintf(text, "%s%s\n", lacks_newline(file, about.st_size) ? "\n" : "", line);
        errno = 0;
        ssize_t written = write(file, text, length);
        if (written != (ssize_t)length) {
            code = fail(r, written < 0 ? errno : 0);
            if (written > 0 && ftruncate(file, about.st_size) != 0)
                (void)fail(r, errno);
        }
    }
    free(text);
    if (close(file) != 0 && !code)
        code = fail(r, errno);
    return code;
}

static int add_to_file(const results *r, event *e)
{
    char date[32], name[256];
    time_t now = time(NULL);
    struct tm parts;
    if (!gmtime_r(&now, &parts) || strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0)
        return output_failure("--output %s: the system has no date", r->path);
    event_text(e, "date", date);
    event_text(e, "machine", machine_name(name, sizeof name));
    event_integer(e, "processors", machine_processors());
    char *line = event_line(e);
    int code = line ? append(r, line) : output_failure("out of memory");
    free(line);
    return code;
}

int results_add(const results *r, event *e)
{
    if (r->json)
        event_output(e);
    int code = r->path ? add_to_file(r, e) : EXIT_DONE;
    has_failed = has_failed || code;
    event_destroy(e);
    return code ? code : output_has_failed() ? EXIT_FAILED : EXIT_DONE;
}

bool results_have_failed(void) { return has_failed; }
