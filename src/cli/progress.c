/* The progress bar: one line on standard error, if that is a terminal. */
#define _DEFAULT_SOURCE
#include "progress.h"

#include "terminal_plot.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { BAR_MAX = 30, BAR_MIN = 5, LINE_MAX_BYTES = 256 };

static int drawn; /* columns */

static int terminal_width(void)
{
    struct winsize size;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
        return 80;
    return size.ws_col < LINE_MAX_BYTES ? size.ws_col : LINE_MAX_BYTES - 1;
}

/* Overwrites with blanks rather than with an escape sequence, which not every terminal knows. */
static void put_line(const char *line, int columns)
{
    int blanks = drawn > columns ? drawn - columns : 0;
    fprintf(stderr, "\r%s%*s%s", line, blanks, "", columns == 0 ? "\r" : "");
    fflush(stderr);
    drawn = columns;
}

/* The length of the longest beginning of `text`, up to a gap of two blanks or its end, that is at most `room` long. */
static int fitting_length(const char *text, int room)
{
    int length = 0;
    for (int end = 0; end <= room; end++) {
        if (text[end] == 0)
            return end;
        if (text[end] == ' ' && text[end + 1] == ' ')
            length = end;
    }
    return length;
}

void progress_draw(const char *title, double share, const char *rest)
{
    if (!isatty(STDERR_FILENO))
        return;
    terminal_plot_draw();
    /* The last column stays free: some terminals wrap when it is written. */
    int width = terminal_width() - 1;
    int room = width - (int)strlen(title) - 4; /* beside blanks and brackets */
    int shown = fitting_length(rest, room - BAR_MIN);
    int bar = room - shown < BAR_MAX ? room - shown : BAR_MAX;
    char line[2 * LINE_MAX_BYTES];
    if (bar < BAR_MIN) {
        snprintf(line, sizeof line, "%s", title);
    } else {
        char cells[BAR_MAX + 1];
        int full = share < 0 ? 0 : (share > 1 ? bar : (int)(share * bar));
        for (int i = 0; i < bar; i++)
            cells[i] = i < full ? '#' : '.';
        cells[bar] = 0;
        snprintf(line, sizeof line, "%s [%s] %.*s", title, cells, shown, rest);
    }
    if (width < 0)
        width = 0;
    if ((int)strlen(line) > width)
        line[width] = 0;
    put_line(line, (int)strlen(line));
}

void progress_clear(void)
{
    if (drawn)
        put_line("", 0);
    terminal_plot_clear();
}

const char *progress_time_left(double left, char *text, size_t capacity)
{
    long long seconds = (long long)fmin(fmax(left, 0), 1e9);
    if (seconds < 90)
        snprintf(text, capacity, "%lld s left", seconds);
    else if (seconds < 5400)
        snprintf(text, capacity, "%lld min left", (seconds + 30) / 60);
    else
        snprintf(text, capacity, "%lld h %lld min left", seconds / 3600, seconds / 60 % 60);
    return text;
}
