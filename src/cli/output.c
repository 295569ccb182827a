/* Results on standard output, messages on standard error. */
#define _DEFAULT_SOURCE
#include "output.h"

#include "commands.h"

#include <blasgrad/status.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static bool has_failed;

static void note_failure(int error)
{
    if (!has_failed && error != EPIPE)
        fprintf(stderr, "blasgrad: standard output: %s\n", strerror(error));
    has_failed = true;
}

/* Help is not written here, and what went wrong then is not known any more. */
static bool is_closed_pipe(void)
{
    struct pollfd output = { .fd = STDOUT_FILENO, .events = POLLOUT };
    return poll(&output, 1, 0) == 1 && (output.revents & POLLERR);
}

static void close_stdout(void)
{
    bool is_closed = is_closed_pipe(), had_error = ferror(stdout) != 0;
    errno = 0;
    if (fclose(stdout) != 0 || had_error)
        note_failure(is_closed ? EPIPE : errno ? errno : EIO);
    if (has_failed)
        _exit(EXIT_FAILED);
}

void output_start(void)
{
    /* A write to a closed pipe, or beyond the size that a file may have, is then an error like any other, and a run is
     * saved before the program ends. */
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    atexit(close_stdout);
}

void output_line(const char *format, ...)
{
    if (has_failed)
        return;
    va_list arguments;
    va_start(arguments, format);
    errno = 0;
    bool is_written = vprintf(format, arguments) >= 0 && putchar('\n') != EOF && fflush(stdout) == 0;
    va_end(arguments);
    if (!is_written)
        note_failure(errno ? errno : EIO);
}

void output_text(const char *text, size_t bytes)
{
    if (has_failed)
        return;
    errno = 0;
    if (fwrite(text, 1, bytes, stdout) != bytes || fflush(stdout) != 0)
        note_failure(errno ? errno : EIO);
}

bool output_has_failed(void) { return has_failed; }

int output_width(void)
{
    struct winsize size;
    if (!isatty(STDOUT_FILENO))
        return 0;
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

static void write_message(const char *format, va_list arguments)
{
    fputs("blasgrad: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
}

int output_failure(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    write_message(format, arguments);
    va_end(arguments);
    return EXIT_FAILED;
}

int output_usage(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    write_message(format, arguments);
    va_end(arguments);
    return EXIT_USAGE;
}

int output_library(void) { return output_failure("%s", bg_last_error()); }

void output_message(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
}
