/* Speed by batch size and by threads, from the results that `blasgrad bench --output` keeps. */
#ifndef PLOT_BENCH_H
#define PLOT_BENCH_H

typedef enum { PLOT_BY_BOTH, PLOT_BY_BATCH, PLOT_BY_THREADS } plot_axis;

/* Draws a picture; 0, or the exit code after a message. */
int plot_bench(const char *path, plot_axis by, const char *picture);

#endif
