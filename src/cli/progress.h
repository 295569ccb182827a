/* The progress bar: one line on standard error, if that is a terminal, below the curve of --plot. */
#ifndef PROGRESS_H
#define PROGRESS_H

#include <stddef.h>

/* Draws the bar, `share` of it full, between a title and the rest of the line, whose parts have two blanks between: as
 * many of them as the terminal is wide enough for. */
void progress_draw(const char *title, double share, const char *rest);
/* Takes both away. Before other output to the terminal, and at the end. */
void progress_clear(void);
/* "12 s left", "3 min left", "1 h 20 min left". Returns text. */
const char *progress_time_left(double left, char *text, size_t capacity);

#endif
