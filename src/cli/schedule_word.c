/* Schedules as words: "cosine:10e:1e-4". */
#include "schedule_word.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the parts behind a kind's name are, in order. */
typedef enum { NOTHING, COUNT, COUNTS, NUMBER, INTEGER } part_type;
typedef struct {
    part_type type;
    size_t offset; /* in bg_schedule; none for COUNT */
} part;

enum { MOST_PARTS = 3 };

#define FACTOR                                                                                                         \
    {                                                                                                                  \
        NUMBER, offsetof(bg_schedule, factor)                                                                          \
    }
#define MINIMUM                                                                                                        \
    {                                                                                                                  \
        NUMBER, offsetof(bg_schedule, minimum)                                                                         \
    }
static const struct {
    const char *name;
    bg_schedule_kind kind;
    int needed; /* parts that cannot be left out */
    part parts[MOST_PARTS];
} kinds[] = {
    { "constant", BG_SCHEDULE_CONSTANT, 2, { FACTOR, { COUNT, 0 } } },
    { "step", BG_SCHEDULE_STEP, 2, { { COUNT, 0 }, FACTOR } },
    { "multi-step", BG_SCHEDULE_MULTI_STEP, 2, { { COUNTS, 0 }, FACTOR } },
    { "exponential", BG_SCHEDULE_EXPONENTIAL, 1, { FACTOR } },
    { "cosine", BG_SCHEDULE_COSINE, 0, { { COUNT, 0 }, MINIMUM } },
    { "restarts",
      BG_SCHEDULE_COSINE_RESTARTS,
      1,
      { { COUNT, 0 }, { INTEGER, offsetof(bg_schedule, multiplier) }, MINIMUM } },
    { "linear",
      BG_SCHEDULE_LINEAR,
      2,
      { { NUMBER, offsetof(bg_schedule, start) }, { NUMBER, offsetof(bg_schedule, end) }, { COUNT, 0 } } },
    { "polynomial", BG_SCHEDULE_POLYNOMIAL, 0, { { COUNT, 0 }, { NUMBER, offsetof(bg_schedule, power) } } },
    { "one-cycle", BG_SCHEDULE_ONE_CYCLE, 0, { { COUNT, 0 } } },
    { "plateau", BG_SCHEDULE_PLATEAU, 0, { FACTOR, { INTEGER, offsetof(bg_schedule, patience) } } },
};
enum { N_KINDS = sizeof kinds / sizeof kinds[0] };

bool schedule_count(const char *text, size_t length, int64_t least, update_count *count)
{
    int64_t value = 0;
    size_t digits = strspn(text, "0123456789");
    bool is_epochs = digits + 1 == length && text[digits] == 'e';
    if (digits == 0 || digits > 18 || (digits != length && !is_epochs))
        return false;
    for (size_t i = 0; i < digits; i++)
        value = 10 * value + (text[i] - '0');
    *count = (update_count){ .is_given = true, .counts_epochs = is_epochs, .count = value };
    return value >= least;
}

static bool parse_number(const char *text, size_t length, double *value)
{
    char *end;
    *value = strtod(text, &end);
    return length > 0 && end == text + length && isfinite(*value) && *value >= 0;
}

/* Counts joined by commas, all of updates or all of epochs. */
static bool parse_counts(const char *text, size_t length, bg_schedule *schedule, update_count *unit)
{
    for (size_t at = 0; at <= length;) {
        size_t own = strcspn(text + at, ",:");
        update_count one;
        if (own > length - at || schedule->n_milestones == BG_MAX_MILESTONES ||
            !schedule_count(text + at, own, 1, &one) || (at > 0 && one.counts_epochs != unit->counts_epochs))
            return false;
        *unit = one;
        schedule->milestones[schedule->n_milestones++] = one.count;
        at += own + 1;
    }
    return true;
}

static bool parse_part(const part *p, const char *text, size_t length, bg_schedule *schedule, update_count *count,
                       const char **wanted)
{
    char *field = (char *)schedule + p->offset;
    update_count whole;
    double value;
    switch (p->type) {
    case COUNT:
        *wanted = "a number of updates, or of epochs as in 10e";
        return schedule_count(text, length, 1, count);
    case COUNTS:
        *wanted = "up to 16 numbers of updates, or of epochs as in 10e, joined by commas";
        return parse_counts(text, length, schedule, count);
    case NUMBER:
        *wanted = "a number, 0 or more";
        if (!parse_number(text, length, &value))
            return false;
        *(double *)field = value;
        return true;
    case INTEGER:
        *wanted = "a whole number";
        if (!schedule_count(text, length, 0, &whole) || whole.counts_epochs)
            return false;
        *(int64_t *)field = whole.count;
        return true;
    default:
        *wanted = "nothing more";
        return false;
    }
}

/* With the defaults of what may be left out. */
static bg_schedule begin(bg_schedule_kind kind)
{
    switch (kind) {
    case BG_SCHEDULE_ONE_CYCLE:
        return bg_schedule_one_cycle(1);
    case BG_SCHEDULE_PLATEAU:
        return bg_schedule_plateau(0.1, 10);
    default:
        return (bg_schedule){ .kind = kind, .power = 1, .multiplier = 1, .by_epoch = kind == BG_SCHEDULE_EXPONENTIAL };
    }
}

bool schedule_parse(const char *word, bg_schedule *schedule, update_count *length, char *message, size_t capacity)
{
    size_t name = strcspn(word, ":");
    int k = 0;
    while (k < N_KINDS && (strlen(kinds[k].name) != name || strncmp(kinds[k].name, word, name) != 0))
        k++;
    if (k == N_KINDS) {
        int at = snprintf(message, capacity, "there is no schedule \"%.*s\", only", (int)(name < 20 ? name : 20), word);
        for (int i = 0; i < N_KINDS && at > 0 && (size_t)at < capacity; i++)
            at += snprintf(message + at, capacity - (size_t)at, "%s %s", i ? "," : "", kinds[i].name);
        return false;
    }
    *schedule = begin(kinds[k].kind);
    *length = (update_count){ .is_given = false };
    const char *at = word + name;
    for (int i = 0; *at; i++) {
        const char *text = at + 1, *wanted;
        size_t own = strcspn(text, ":");
        static const part nothing = { NOTHING, 0 };
        if (!parse_part(i < MOST_PARTS ? &kinds[k].parts[i] : &nothing, text, own, schedule, length, &wanted)) {
            snprintf(message, capacity, "\"%.*s\" at character %d: %s", (int)(own < 20 ? own : 20), text,
                     (int)(text - word) + 1, wanted);
            return false;
        }
        at = text + own;
    }
    int given = 0;
    for (const char *c = word; *c; c++)
        given += *c == ':';
    if (given < kinds[k].needed) {
        snprintf(message, capacity, "%s takes %d parts behind its name, joined by ':', not %d", kinds[k].name,
                 kinds[k].needed, given);
        return false;
    }
    bg_schedule checked = *schedule;
    checked.length = 1;
    if (bg_schedule_check(&checked) != BG_OK) {
        snprintf(message, capacity, "%s", bg_last_error());
        return false;
    }
    return true;
}

void schedule_scale_milestones(bg_schedule *schedule, int64_t factor)
{
    for (int i = 0; i < schedule->n_milestones; i++)
        schedule->milestones[i] =
            schedule->milestones[i] > INT64_MAX / factor ? INT64_MAX : schedule->milestones[i] * factor;
}
