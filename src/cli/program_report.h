/* What a compiled program is made of, as bench and info show it. */
#ifndef PROGRAM_REPORT_H
#define PROGRAM_REPORT_H

#include "events.h"

#include <blasgrad/program.h>

/* flops, product_flops, steps, phases, barriers, planned_bytes, unplanned_bytes. */
void program_report_put(event *e, const bg_report *report);
/* "14 steps, 2 phases, 6 tasks, 1 barriers". Returns text. */
enum { PROGRAM_REPORT_BYTES = 100 };
const char *program_report_text(const bg_report *report, char text[PROGRAM_REPORT_BYTES]);

#endif
