/* Pictures, drawn by the program gnuplot. */
#ifndef GNUPLOT_H
#define GNUPLOT_H

#include <stdbool.h>
#include <stddef.h>

/* A script in the making; starts as all zero. */
typedef struct {
    char *text;
    size_t length, capacity;
    bool is_lost; /* memory was out */
} gnuplot_script;

#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
void gnuplot_put(gnuplot_script *script, const char *format, ...);
/* A text as gnuplot wants it: within quotes, and not taken for markup. */
void gnuplot_put_text(gnuplot_script *script, const char *text);
/* The quotes alone, for lists of texts: what holds them says that they are no markup. */
void gnuplot_put_quoted(gnuplot_script *script, const char *text);
void gnuplot_free(gnuplot_script *script);

/* Whether a picture of this name can be drawn: .svg, .png or .pdf. */
bool gnuplot_takes_name(const char *picture);
/* Draws what the script plots into a picture of so many points, which is made whole or left as it was. 0, or the exit
 * code after a message. */
int gnuplot_draw(const gnuplot_script *script, const char *picture, int width, int height);

#endif
