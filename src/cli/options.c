/* Option parsing shared by the commands. */
#define _POSIX_C_SOURCE 200809L
#include "options.h"

#include "commands.h"
#include "output.h"
#include "spelling.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Unknown options ---- */

typedef struct {
    const struct argp_option *exact, *prefix;
    int prefixes; /* options that the name is the beginning of */
} option_match;

static void match_option(const struct argp *argp, const char *name, size_t length, option_match *match)
{
    for (const struct argp_option *o = argp->options; o && (o->name || o->key || o->doc); o++) {
        if (!o->name || strncmp(o->name, name, length) != 0)
            continue;
        if (strlen(o->name) == length)
            match->exact = o;
        match->prefix = o;
        match->prefixes++;
    }
    for (const struct argp_child *child = argp->children; child && child->argp; child++)
        match_option(child->argp, name, length, match);
}

/* The option of one letter, as in -o. */
static const struct argp_option *find_letter(const struct argp *argp, char letter)
{
    for (const struct argp_option *o = argp->options; o && (o->name || o->key || o->doc); o++)
        if (o->name && o->key == letter)
            return o;
    const struct argp_option *found = NULL;
    for (const struct argp_child *child = argp->children; child && child->argp && !found; child++)
        found = find_letter(child->argp, letter);
    return found;
}

static void print_names(const struct argp *argp)
{
    for (const struct argp_option *o = argp->options; o && (o->name || o->key || o->doc); o++)
        if (o->name)
            fprintf(stderr, " --%s", o->name);
    for (const struct argp_child *child = argp->children; child && child->argp; child++)
        print_names(child->argp);
}

static void offer_names(spelling *s, const struct argp *argp)
{
    for (const struct argp_option *o = argp->options; o && (o->name || o->key || o->doc); o++)
        if (o->name)
            spelling_offer(s, o->name);
    for (const struct argp_child *child = argp->children; child && child->argp; child++)
        offer_names(s, child->argp);
}

/* Ends the program. */
static void refuse_option(const struct argp *argp, const char *program, const char *word, bool is_ambiguous)
{
    spelling name = { .text = word + strspn(word, "-") };
    name.length = strcspn(name.text, "=");
    if (!is_ambiguous && name.length > 1)
        offer_names(&name, argp);
    fprintf(stderr, "%s: %s option \"%.60s\"; ", program, is_ambiguous ? "ambiguous" : "unknown", word);
    if (name.closest)
        fprintf(stderr, "is it --%s? ", name.closest);
    fputs("the options are", stderr);
    print_names(argp);
    fputs(" --help\n", stderr);
    exit(EXIT_USAGE);
}

static bool is_built_in(const char *name, size_t length)
{
    static const char *const built_in[] = { "help", "usage" };
    for (size_t i = 0; i < sizeof built_in / sizeof built_in[0]; i++)
        if (strlen(built_in[i]) == length && strncmp(built_in[i], name, length) == 0)
            return true;
    return false;
}

/* The option that a word names, and whether its value is a part of the word. NULL if it names none, or several. */
static const struct argp_option *option_of(const struct argp *argp, const char *word, bool *has_value,
                                           bool *is_ambiguous)
{
    *is_ambiguous = false;
    if (word[1] != '-') {
        *has_value = word[2] != 0;
        return find_letter(argp, word[1]);
    }
    const char *name = word + 2;
    size_t length = strcspn(name, "=");
    option_match match = { .prefixes = 0 };
    match_option(argp, name, length, &match);
    *has_value = name[length] == '=';
    *is_ambiguous = !match.exact && match.prefixes > 1;
    return match.exact ? match.exact : (match.prefixes == 1 ? match.prefix : NULL);
}

static bool takes_next_word(const struct argp_option *option, bool has_value)
{
    return option->arg && !(option->flags & OPTION_ARG_OPTIONAL) && !has_value;
}

static bool is_option(const char *word) { return word[0] == '-' && word[1] != 0 && strcmp(word, "-?") != 0; }

const struct argp_option *options_next(const struct argp *argp, int argc, char *const *argv, int *i, const char **value)
{
    while (++*i < argc) {
        const char *word = argv[*i];
        if (strcmp(word, "--") == 0)
            return NULL;
        bool has_value, is_ambiguous;
        const struct argp_option *option = is_option(word) ? option_of(argp, word, &has_value, &is_ambiguous) : NULL;
        if (!option)
            continue;
        *value = has_value ? (word[1] == '-' ? strchr(word, '=') + 1 : word + 2) : NULL;
        if (takes_next_word(option, has_value) && ++*i < argc)
            *value = argv[*i];
        return option;
    }
    return NULL;
}

const struct argp_option *options_find(const struct argp *argp, const char *name)
{
    option_match match = { .prefixes = 0 };
    match_option(argp, name, strlen(name), &match);
    return match.exact;
}

/* argp says that an option is unknown; this says which ones are known, and takes -h for --help. */
void options_check(const struct argp *argp, int argc, char *const *argv)
{
    for (int i = 1; i < argc; i++) {
        const char *word = argv[i];
        if (strcmp(word, "-h") == 0) {
            argp_help(argp, stdout, ARGP_HELP_STD_HELP, argv[0]);
            exit(EXIT_DONE);
        }
        if (!is_option(word) || (word[1] == '-' && is_built_in(word + 2, strcspn(word + 2, "="))))
            continue;
        if (strcmp(word, "--") == 0)
            return;
        bool has_value, is_ambiguous;
        const struct argp_option *option = option_of(argp, word, &has_value, &is_ambiguous);
        if (!option)
            refuse_option(argp, argv[0], word, is_ambiguous);
        i += takes_next_word(option, has_value);
    }
}

/* argp writes help in 79 columns, unless this says otherwise. */
static void fit_help(void)
{
    enum { USUAL = 79, LEAST = 24 };
    char format[60];
    int columns = output_width() - 1;
    if (columns < LEAST || columns >= USUAL)
        return;
    snprintf(format, sizeof format, "opt-doc-col=%d,rmargin=%d", columns / 3, columns);
    setenv("ARGP_HELP_FMT", format, 0);
}

void options_parse(const struct argp *argp, int argc, char **argv, void *input)
{
    fit_help();
    argp_err_exit_status = EXIT_USAGE;
    options_check(argp, argc, argv);
    error_t error = argp_parse(argp, argc, argv, 0, NULL, input);
    if (error) {
        fprintf(stderr, "%s: %s\n", argv[0], strerror(error));
        exit(EXIT_USAGE);
    }
}

/* ---- Values ---- */

int64_t option_integer(struct argp_state *state, const char *option, const char *text, int64_t min, int64_t max)
{
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno || end == text || *end || value < min || value > max) {
        if (max == INT64_MAX)
            argp_error(state, "--%s \"%s\": a whole number, %lld or more", option, text, (long long)min);
        else
            argp_error(state, "--%s \"%s\": a whole number from %lld to %lld", option, text, (long long)min,
                       (long long)max);
    }
    return value;
}

double option_number(struct argp_state *state, const char *option, const char *text, double min, double max)
{
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end || !isfinite(value) || value < min || value > max) {
        if (max == INFINITY)
            argp_error(state, "--%s \"%s\": a number, %g or more", option, text, min);
        else
            argp_error(state, "--%s \"%s\": a number from %g to %g", option, text, min, max);
    }
    return value;
}

int option_choice(struct argp_state *state, const char *option, const char *text, const char *const *choices)
{
    char names[200];
    size_t length = 0;
    for (int i = 0; choices[i]; i++) {
        if (strcmp(choices[i], text) == 0)
            return i;
        length += (size_t)snprintf(names + length, sizeof names - length, " %s", choices[i]);
    }
    argp_error(state, "--%s \"%s\": one of%s", option, text, names);
    return 0;
}

int option_list(struct argp_state *state, const char *option, const char *text, char separator, int64_t max,
                int64_t *numbers, int capacity)
{
    int n = 0;
    const char *at = text;
    do {
        char *end;
        errno = 0;
        long long value = strtoll(at, &end, 10);
        bool is_number = !errno && end != at && *at != '-' && *at != '+' && value >= 1 && value <= max;
        if (!is_number || (*end && *end != separator) || n == capacity)
            argp_error(state, "--%s \"%s\": %s whole numbers from 1 to %lld, with '%c' between them; at most %d",
                       option, text, n == capacity ? "too many" : "it takes", (long long)max, separator, capacity);
        numbers[n++] = value;
        at = *end ? end + 1 : NULL;
    } while (at);
    return n;
}

char option_character(struct argp_state *state, const char *option, const char *text)
{
    if (strcmp(text, "tab") == 0 || strcmp(text, "\\t") == 0)
        return '\t';
    if (strlen(text) != 1)
        argp_error(state, "--%s \"%s\": one character, or tab", option, text);
    return text[0];
}

bg_gemm option_gemm(struct argp_state *state, const char *text)
{
    static const char *const providers[] = { [BG_GEMM_AUTO] = "auto", [BG_GEMM_OPENBLAS] = "openblas", NULL };
    return (bg_gemm)option_choice(state, OPTION_GEMM, text, providers);
}

/* ---- Common options ---- */

enum { KEY_THREADS = KEYS_COMMON, KEY_SEED, KEY_GEMM, KEY_JSON };

static const struct argp_option common_table[] = {
    { "threads", KEY_THREADS, "N", 0, "worker threads (default: one per physical core that may be used)", 0 },
    { "seed", KEY_SEED, "N", 0, "seed of initial values, shuffles and held-out examples (default: 0)", 0 },
    { OPTION_GEMM, KEY_GEMM, "NAME", 0, OPTION_GEMM_HELP, 0 },
    { "json", KEY_JSON, NULL, 0, "results as JSON objects, one a line", 0 },
    { 0 },
};

bg_engine_options common_engine(const common_options *options)
{
    return (bg_engine_options){ .threads = options->threads, .seed = options->seed, .gemm = options->gemm };
}

static error_t parse_common(int key, char *text, struct argp_state *state)
{
    common_options *options = state->input;
    switch (key) {
    case KEY_THREADS:
        options->threads = (int)option_integer(state, "threads", text, 1, 1024);
        return 0;
    case KEY_SEED:
        options->seed = (uint64_t)option_integer(state, "seed", text, 0, INT64_MAX);
        options->has_seed = true;
        return 0;
    case KEY_GEMM:
        options->gemm = option_gemm(state, text);
        return 0;
    case KEY_JSON:
        options->json = true;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

const struct argp common_argp = { .options = common_table, .parser = parse_common };
