/* Adversarial training as a word: "pgd:eps=0.2:steps=7". */
#include "adversarial_word.h"

#include "network.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const methods[] = {
    [BG_ADVERSARIAL_FGSM] = "fgsm", [BG_ADVERSARIAL_PGD] = "pgd", [BG_ADVERSARIAL_TRADES] = "trades", NULL
};
static const char *const norms[] = { [BG_ATTACK_LINF] = "linf", [BG_ATTACK_L2] = "l2", NULL };

/* The place of a text in a list that ends with NULL, or -1. */
static int find(const char *text, size_t length, const char *const *list)
{
    for (int i = 0; list[i]; i++)
        if (strlen(list[i]) == length && strncmp(list[i], text, length) == 0)
            return i;
    return -1;
}

static bool parse_number(const char *text, size_t length, double least, double *value)
{
    char *end;
    *value = strtod(text, &end);
    return length > 0 && end == text + length && isfinite(*value) && *value >= least;
}

/* ---- The parts ---- */

typedef bool part_parser(const char *text, size_t length, adversarial_settings *s);

static bool parse_eps(const char *text, size_t length, adversarial_settings *s)
{
    return parse_number(text, length, 0, &s->numbers.eps);
}
static bool parse_steps(const char *text, size_t length, adversarial_settings *s)
{
    double steps;
    bool is_whole = length > 0 && length < 10 && strspn(text, "0123456789") >= length;
    s->numbers.steps = is_whole && parse_number(text, length, 1, &steps) ? (int64_t)steps : 0;
    return s->numbers.steps > 0;
}
static bool parse_step(const char *text, size_t length, adversarial_settings *s)
{
    return parse_number(text, length, 0, &s->numbers.step_size) && s->numbers.step_size > 0;
}
static bool parse_norm(const char *text, size_t length, adversarial_settings *s)
{
    int norm = find(text, length, norms);
    s->numbers.norm = (bg_attack_norm)norm;
    return norm >= 0;
}
static bool parse_beta(const char *text, size_t length, adversarial_settings *s)
{
    s->numbers.beta.is_some = true;
    return parse_number(text, length, 0, &s->numbers.beta.value);
}
static bool parse_box(const char *text, size_t length, adversarial_settings *s)
{
    s->has_box = true;
    s->numbers.lower = s->numbers.upper = (bg_optional){ .is_some = false };
    if (length == 4 && strncmp(text, "none", 4) == 0)
        return true;
    size_t first = strcspn(text, ",");
    double lower, upper;
    if (first >= length || !parse_number(text, first, -INFINITY, &lower) ||
        !parse_number(text + first + 1, length - first - 1, lower, &upper))
        return false;
    s->numbers.lower = BG_SOME(lower);
    s->numbers.upper = BG_SOME(upper);
    return true;
}

static const struct {
    const char *name, *wanted;
    part_parser *parse;
} parts[] = {
    { "eps", "a number, 0 or more", parse_eps },
    { "steps", "a whole number above 0", parse_steps },
    { "step", "a number above 0", parse_step },
    { "norm", "linf or l2", parse_norm },
    { "beta", "a number, 0 or more", parse_beta },
    { "box", "two numbers, the lower first, as in 0,1, or none", parse_box },
};
enum { N_PARTS = sizeof parts / sizeof *parts };

/* ---- The word ---- */

static int shown(size_t length) { return (int)(length < 20 ? length : 20); }

/* One part, which the message counts from the word's first character. */
static bool parse_part(const char *word, const char *text, size_t length, unsigned *given, adversarial_settings *s,
                       char *message, size_t capacity)
{
    size_t name = strcspn(text, "=:");
    int place = (int)(text - word) + 1, p = 0;
    while (p < N_PARTS && (strlen(parts[p].name) != name || strncmp(parts[p].name, text, name) != 0))
        p++;
    if (p == N_PARTS || name == length)
        (void)snprintf(message, capacity,
                       "\"%.*s\" at character %d: one of eps= steps= step= norm= beta= box=", shown(length), text,
                       place);
    else if (*given & 1U << p)
        (void)snprintf(message, capacity, "%s stands there twice", parts[p].name);
    else if (!parts[p].parse(text + name + 1, length - name - 1, s))
        (void)snprintf(message, capacity, "\"%.*s\" at character %d: %s", shown(length), text, place, parts[p].wanted);
    else {
        *given |= 1U << p;
        return true;
    }
    return false;
}

bool adversarial_parse(const char *word, adversarial_settings *settings, char *message, size_t capacity)
{
    size_t name = strcspn(word, ":");
    int method = find(word, name, methods);
    unsigned given = 0;
    if (method < 0) {
        (void)snprintf(message, capacity, "there is no such training \"%.*s\", only fgsm, pgd, trades", shown(name),
                       word);
        return false;
    }
    *settings = (adversarial_settings){ .numbers.method = (bg_adversarial_method)method,
                                        .numbers.network = network_build,
                                        .is_given = true };
    for (const char *at = word + name; *at;) {
        const char *text = at + 1;
        size_t length = strcspn(text, ":");
        if (!parse_part(word, text, length, &given, settings, message, capacity))
            return false;
        at = text + length;
    }
    if (!(given & 1U)) {
        (void)snprintf(message, capacity, "eps is missing, as in %s:eps=0.2", methods[method]);
        return false;
    }
    bool is_right = bg_adversarial_check(&settings->numbers) == BG_OK;
    if (!is_right)
        (void)snprintf(message, capacity, "%s", bg_last_error());
    return is_right;
}
