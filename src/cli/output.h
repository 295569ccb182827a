/* Results on standard output, messages on standard error. */
#ifndef OUTPUT_H
#define OUTPUT_H

#include <stdbool.h>
#include <stddef.h>

#if defined(__GNUC__)
#define PRINTF_LIKE(text, first) __attribute__((format(printf, text, first)))
#else
#define PRINTF_LIKE(text, first)
#endif

/* Has standard output checked when the program exits: what could not be written turns its exit code into 1. A closed
 * pipe is no reason for a message. */
void output_start(void);

/* One line of results, written out at once. */
void output_line(const char *format, ...) PRINTF_LIKE(1, 2);
/* A piece of results, written out at once. */
void output_text(const char *text, size_t bytes);
/* Whether a line or piece could not be written: then there is no use in going on. */
bool output_has_failed(void);

/* Columns of the terminal that results go to; 0: to none, and lines may be of any length. */
int output_width(void);

/* Write "blasgrad: message" and return the exit code 1 or 2. output_library does it with the library's last error. */
int output_failure(const char *format, ...) PRINTF_LIKE(1, 2);
int output_usage(const char *format, ...) PRINTF_LIKE(1, 2);
int output_library(void);
/* A message that is no error. */
void output_message(const char *format, ...) PRINTF_LIKE(1, 2);

#endif
