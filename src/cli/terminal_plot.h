/* The curve of the loss, drawn with characters on standard error while a run goes on, if that is a terminal. */
#ifndef TERMINAL_PLOT_H
#define TERMINAL_PLOT_H

#include <blasgrad/train.h>

#include <argp.h>

/* --plot. It has no input: there is one terminal. */
extern const struct argp terminal_plot_argp;

/* The sums as they stand before the first report: of a run that goes on, what was done before. */
void terminal_plot_begin(double loss_sum, double examples);
/* Takes a report of a run, with the sums, over all steps so far, of the examples' losses and of the examples; and what
 * the held-out part is called. */
void terminal_plot_add(const bg_progress *progress, double loss_sum, double examples, const char *held_out);
/* Draws the curve, if it was asked for and has new points, and not more often than people can see. */
void terminal_plot_draw(void);
/* Takes it away. Before other output to the terminal. */
void terminal_plot_clear(void);
/* At the end of a run: leaves it there, and says why there is none unless is_quiet. */
void terminal_plot_finish(bool is_quiet);

#endif
