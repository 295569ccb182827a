/* Schedules as words: "cosine:10e:1e-4". */
#ifndef SCHEDULE_WORD_H
#define SCHEDULE_WORD_H

#include "optimizer_options.h"

/* "12" updates or "12e" epochs, at least so many. */
bool schedule_count(const char *text, size_t length, int64_t least, update_count *count);
/* The schedule, but for its length, which is in `length`, not given if it is the whole run. False, and what is wrong
 * and where, if the word makes no sense. */
bool schedule_parse(const char *word, bg_schedule *schedule, update_count *length, char *message, size_t capacity);
/* Milestones as updates. */
void schedule_scale_milestones(bg_schedule *schedule, int64_t factor);

#endif
