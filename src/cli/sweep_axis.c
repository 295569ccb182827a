/* One axis of a sweep: its values as a text, and draws from it. */
#include "sweep_axis.h"

#include "output.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Lists ---- */

/* Copies one value, without its backslashes, and returns what stands behind it. */
static const char *read_value(const char *text, char *value)
{
    while (*text && *text != ',') {
        bool is_escaped = text[0] == '\\' && (text[1] == ',' || text[1] == '\\');
        text += is_escaped;
        *value++ = *text++;
    }
    *value = 0;
    return text;
}

static bool has_value(const word_list *values, const char *value)
{
    for (int i = 0; i < values->count; i++)
        if (strcmp(values->words[i], value) == 0)
            return true;
    return false;
}

static int parse_list(sweep_axis *axis, const char *text)
{
    const char *option = axis->is_drawn ? "random" : "grid";
    char *value = malloc(strlen(text) + 1);
    int code = value ? 0 : output_failure("out of memory");
    for (const char *at = text; at && !code;) {
        at = read_value(at, value);
        if (!*value)
            code = output_usage("--%s %s=%s: a value is empty", option, axis->name, text);
        else if (has_value(&axis->values, value))
            code = output_usage("--%s %s=%s: \"%s\" stands there twice", option, axis->name, text, value);
        else
            code = word_list_add(&axis->values, value);
        at = *at ? at + 1 : NULL;
    }
    free(value);
    if (!code && axis->values.count == 1)
        code = output_usage("--%s %s=%s: one value is no axis; it takes several, with commas between them%s", option,
                            axis->name, text, axis->is_drawn ? ", or a range such as log:1e-4:1" : "");
    return code;
}

/* ---- Ranges ---- */

static const struct {
    const char *name;
    axis_kind kind;
    bool is_positive, is_whole;
} ranges[] = {
    { "uniform", AXIS_UNIFORM, false, false },
    { "log", AXIS_LOG, true, false },
    { "int", AXIS_INT, false, true },
    { "log-int", AXIS_LOG_INT, true, true },
};
enum { RANGES = sizeof ranges / sizeof ranges[0] };

/* The row whose name and a colon the text begins with, or RANGES. */
static int find_range(const char *text)
{
    int i = 0;
    while (i < RANGES &&
           (strncmp(text, ranges[i].name, strlen(ranges[i].name)) != 0 || text[strlen(ranges[i].name)] != ':'))
        i++;
    return i;
}

static bool is_whole(double x) { return floor(x) == x && fabs(x) < 0x1p53; }

static int parse_range(sweep_axis *axis, const char *text, int range)
{
    const char *bounds = text + strlen(ranges[range].name) + 1;
    char *end, *last = NULL;
    axis->kind = ranges[range].kind;
    axis->low = strtod(bounds, &end);
    bool is_right = end != bounds && *end == ':';
    const char *second = is_right ? end + 1 : "";
    axis->high = strtod(second, &last);
    is_right = is_right && last != second && !*last && isfinite(axis->low) && isfinite(axis->high) &&
               axis->low < axis->high && isfinite(axis->high - axis->low);
    is_right = is_right && (!ranges[range].is_positive || axis->low > 0);
    is_right = is_right && (!ranges[range].is_whole || (is_whole(axis->low) && is_whole(axis->high)));
    return is_right ? 0
                    : output_usage("--random %s=%s: it takes %s:LOW:HIGH, two%s numbers, LOW below HIGH%s", axis->name,
                                   text, ranges[range].name, ranges[range].is_whole ? " whole" : "",
                                   ranges[range].is_positive ? " and above 0" : "");
}

int sweep_axis_parse(sweep_axis *axis, const char *name, const char *text, bool is_drawn)
{
    *axis = (sweep_axis){ .is_drawn = is_drawn, .kind = AXIS_LIST };
    if (snprintf(axis->name, sizeof axis->name, "%s", name) >= (int)sizeof axis->name)
        return output_usage("--%s %s: the name has more than %zu bytes", is_drawn ? "random" : "grid", name,
                            sizeof axis->name - 1);
    int range = find_range(text);
    if (range < RANGES && !is_drawn)
        return output_usage("--grid %s=%s: values are drawn from a range with --random", name, text);
    return range < RANGES ? parse_range(axis, text, range) : parse_list(axis, text);
}

/* ---- Draws ---- */

static double between(double low, double high, double x) { return fmin(fmax(x, low), high); }

static double draw_number(const sweep_axis *axis, double share)
{
    double low = axis->low, high = axis->high;
    switch (axis->kind) {
    case AXIS_LOG:
        return between(low, high, exp(log(low) + share * (log(high) - log(low))));
    case AXIS_INT:
        return between(low, high, low + floor(share * (high - low + 1)));
    case AXIS_LOG_INT:
        return between(low, high, floor(exp(log(low) + share * (log(high + 1) - log(low)))));
    default:
        return between(low, high, low + share * (high - low));
    }
}

const char *sweep_axis_draw(const sweep_axis *axis, double share, char text[SWEEP_VALUE_BYTES])
{
    if (axis->kind == AXIS_LIST)
        return axis->values.words[(size_t)(share * axis->values.count)];
    double number = draw_number(axis, share);
    if (axis->kind == AXIS_INT || axis->kind == AXIS_LOG_INT) {
        snprintf(text, SWEEP_VALUE_BYTES, "%.0f", number);
        return text;
    }
    /* Few digits can be read, unless they lead out of the range. */
    snprintf(text, SWEEP_VALUE_BYTES, "%.5g", number);
    double shown = strtod(text, NULL);
    if (shown < axis->low || shown > axis->high)
        snprintf(text, SWEEP_VALUE_BYTES, "%.17g", number);
    return text;
}
