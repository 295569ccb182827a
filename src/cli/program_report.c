/* What a compiled program is made of, as bench and info show it. */
#include "program_report.h"

#include <stdio.h>

void program_report_put(event *e, const bg_report *report)
{
    event_number(e, "flops", report->flops);
    event_number(e, "product_flops", report->product_flops);
    event_integer(e, "steps", report->steps);
    event_integer(e, "phases", report->phases);
    event_integer(e, "barriers", report->barriers);
    event_integer(e, "planned_bytes", (int64_t)report->planned_bytes);
    event_integer(e, "unplanned_bytes", (int64_t)report->unplanned_bytes);
}

const char *program_report_text(const bg_report *report, char text[PROGRAM_REPORT_BYTES])
{
    snprintf(text, PROGRAM_REPORT_BYTES, "%d steps, %d phases, %d tasks, %d barriers", report->steps, report->phases,
             report->tasks, report->barriers);
    return text;
}
