/* The metrics of an evaluation, as tables for people and as fields of an event. */
#ifndef METRICS_TABLE_H
#define METRICS_TABLE_H

#include "events.h"

#include <blasgrad/data.h>
#include <blasgrad/metrics.h>

typedef struct {
    bg_evaluation *evaluation;
    bg_evaluation_options options; /* that it was made with */
    const bg_dataset *data;        /* whose names the classes have */
    bool hides_classes;            /* no table with a line for each class */
} metrics_table;

/* Writes the tables as results. 0, or the exit code after a message; so the other. */
int metrics_table_show(const metrics_table *table);
/* Adds the fields: top_k_accuracy, roc_auc, macro, weighted, classes, confusion; or mae, rmse, r2, targets. */
int metrics_table_add(const metrics_table *table, event *e);

#endif
