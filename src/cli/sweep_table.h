/* What came of a sweep: a row for each setting, the best first, and one for each run that failed. */
#ifndef SWEEP_TABLE_H
#define SWEEP_TABLE_H

#include "sweep_trial.h"

#include <blasgrad/engine.h>

typedef struct {
    int64_t setting;
    int64_t runs; /* that are done */
    double key;   /* the mean of the metric that orders, with its sign changed if greater is better */
} sweep_row;

typedef struct {
    const sweep_state *state;
    const char *metric; /* that orders; NULL if no run is done */
    sweep_row *rows;    /* settings with a run that is done */
    int64_t n_rows;
    bool has_failed; /* some run */
} sweep_table;

/* 0, or the exit code after a message; so the others. */
int sweep_table_make(sweep_table *table, const sweep_state *state);
void sweep_table_free(sweep_table *table);
/* Mean of a metric over the runs of a setting that are done, and their standard deviation, NaN for one. */
typedef struct {
    double mean, deviation;
} sweep_mean;
sweep_mean sweep_table_mean(const sweep_table *table, int64_t setting, const char *metric);

/* As results, in lines that the terminal has room for. */
int sweep_table_show(const sweep_table *table);
/* As sweep.csv, and each run as a line of sweep.jsonl. */
int sweep_table_write(const sweep_table *table, bg_engine *engine);

#endif
