/* Networks as one line of words: "conv:32:3x3:pad=same relu flatten dense:10".
 *
 *   line   = word { blanks word }
 *   word   = layer { ":" argument } { ":" option }  |  activation [ ":" number ]
 *   option = name [ "=" value ]
 *
 * The layers, with their arguments and options, stand in layer_words.c. */
#include "nn/layer_words.h"

#include "nn/model.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    bgi_value_kind kind;
    const char *label;
} options[] = {
#define OPTION_ROW(name, kind, label) { #name, kind, label },
    BGI_WORD_OPTIONS(OPTION_ROW)
#undef OPTION_ROW
};

/* Part of a line. */
typedef struct {
    const char *text;
    size_t length;
} span;

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
static bool is_digit(char c) { return c >= '0' && c <= '9'; }

static bool span_is(span s, const char *text)
{
    return strlen(text) == s.length && memcmp(s.text, text, s.length) == 0;
}

/* The next word from *line on, which moves behind it; without length at the end. */
static span next_word(const char **line)
{
    const char *p = *line;
    while (is_blank(*p))
        p++;
    span word = { p, 0 };
    while (*p && !is_blank(*p))
        p++;
    word.length = (size_t)(p - word.text);
    *line = p;
    return word;
}

/* The next part of a word up to a ':', behind which *rest moves; false at the end. */
static bool next_part(span *rest, span *part)
{
    if (!rest->text)
        return false;
    const char *colon = memchr(rest->text, ':', rest->length);
    *part = (span){ rest->text, colon ? (size_t)(colon - rest->text) : rest->length };
    *rest = colon ? (span){ colon + 1, rest->length - part->length - 1 } : (span){ NULL, 0 };
    return true;
}

/* ---- Forms, for messages and help ---- */

typedef struct {
    char *buffer;
    size_t capacity, length;
} text;

static void append(text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void append(text *t, const char *format, ...)
{
    size_t room = t->length < t->capacity ? t->capacity - t->length : 0;
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(room ? t->buffer + t->length : NULL, room, format, arguments);
    va_end(arguments);
    t->length += n > 0 ? (size_t)n : 0;
}

static void append_arguments(text *t, const bgi_layer_kind *kind)
{
    append(t, "%s", kind->name);
    for (int i = 0; i < 2 && kind->arguments[i].label; i++)
        append(t, kind->arguments[i].is_optional ? "[:%s]" : ":%s", kind->arguments[i].label);
}
static bool has_option(const bgi_layer_kind *kind, int option) { return kind->options >> option & 1; }
/* Options that are written by their own names. */
static bool shows_option(const bgi_layer_kind *kind, int option)
{
    return has_option(kind, option) && option != BGI_OPTION_same;
}
static void append_option(text *t, const bgi_layer_kind *kind, int option)
{
    append(t, "%s%s%s", options[option].name, options[option].kind == BGI_FLAG ? "" : "=", options[option].label);
    if (option == BGI_OPTION_pad && has_option(kind, BGI_OPTION_same))
        append(t, "|same");
}

/* "dense:N[:nobias]" */
static void append_form(text *t, const bgi_layer_kind *kind)
{
    append_arguments(t, kind);
    for (int i = 0; i < BGI_OPTION_COUNT; i++)
        if (shows_option(kind, i)) {
            append(t, "[:");
            append_option(t, kind, i);
            append(t, "]");
        }
}

static void append_activation(text *t, const bgi_activation *row)
{
    append(t, "%s", row->name);
    if (row->label)
        append(t, "[:%s]", row->label);
}

size_t bg_layers_grammar(char *buffer, size_t capacity)
{
    text t = { buffer, buffer ? capacity : 0, 0 };
    if (t.capacity > 0)
        buffer[0] = 0;
    append(&t, "A network is a line of words. Layers:\n");
    for (const bgi_layer_kind *kind = bgi_layer_kinds; kind->name; kind++) {
        size_t start = t.length;
        append(&t, "  ");
        append_arguments(&t, kind);
        size_t width = t.length - start;
        append(&t, "%*s%s\n",
               kind->meaning[0] && width < 27 ? (int)(27 - width)
               : kind->meaning[0]             ? 1
                                              : 0,
               "", kind->meaning);
        size_t column = 0;
        for (int i = 0; i < BGI_OPTION_COUNT; i++) {
            if (!shows_option(kind, i))
                continue;
            char word[40];
            text w = { word, sizeof word, 0 };
            append(&w, ":");
            append_option(&w, kind, i);
            if (column == 0 || column + w.length + 1 > 76) {
                append(&t, "%s      ", column ? "\n" : "");
                column = 6;
            }
            append(&t, " %s", word);
            column += w.length + 1;
        }
        if (column)
            append(&t, "\n");
    }
    append(&t, "Activations:\n");
    size_t column = 0;
    for (const bgi_activation *row = bgi_activations; row->name; row++) {
        char word[40];
        text w = { word, sizeof word, 0 };
        append_activation(&w, row);
        if (column == 0 || column + w.length + 1 > 76) {
            append(&t, "%s ", column ? "\n" : "");
            column = 1;
        }
        append(&t, " %s", word);
        column += w.length + 1;
    }
    append(&t, "\nN and I are whole numbers, K is one for all dimensions or one for each, 3 or\n"
               "3x3, R a number, P one from 0 to 1. Parameters are named as in nn.Sequential:\n"
               "every word counts, from 0.\n");
    return t.length;
}

/* ---- Values ---- */

/* From `least` to 2^31 - 1. */
static bool read_whole(span s, int64_t least, int64_t *number)
{
    *number = 0;
    for (size_t i = 0; i < s.length; i++) {
        if (!is_digit(s.text[i]) || (*number = 10 * *number + (s.text[i] - '0')) > INT32_MAX)
            return false;
    }
    return s.length > 0 && *number >= least;
}

static bool read_extents(span s, int64_t least, bg_shape *extents)
{
    extents->rank = 0;
    for (size_t start = 0; start <= s.length; extents->rank++) {
        size_t end = start;
        while (end < s.length && s.text[end] != 'x')
            end++;
        if (extents->rank == 3 ||
            !read_whole((span){ s.text + start, end - start }, least, &extents->dims[extents->rank]))
            return false;
        start = end + 1;
    }
    return true;
}

/* "0.5", "1e-5", up to 15 digits and a power of ten up to 22, where one division or product rounds correctly. */
static bool read_number(span s, double *number)
{
    size_t i = 0;
    bool is_negative = s.length > 0 && s.text[0] == '-';
    i += is_negative;
    double digits = 0;
    int count = 0, power = 0, behind = 0;
    bool has_point = false;
    for (; i < s.length && (is_digit(s.text[i]) || (s.text[i] == '.' && !has_point)); i++) {
        if (s.text[i] == '.') {
            has_point = true;
            continue;
        }
        digits = 10 * digits + (s.text[i] - '0');
        behind += has_point;
        if (++count > 15)
            return false;
    }
    if (count == 0)
        return false;
    if (i < s.length && (s.text[i] == 'e' || s.text[i] == 'E')) {
        i++;
        bool is_small = i < s.length && s.text[i] == '-';
        i += is_small || (i < s.length && s.text[i] == '+');
        int64_t exponent;
        if (!read_whole((span){ s.text + i, s.length - i }, 0, &exponent) || exponent > 37)
            return false;
        power = is_small ? -(int)exponent : (int)exponent;
        i = s.length;
    }
    power -= behind;
    if (i != s.length || power < -22 || power > 22)
        return false;
    double scale = 1;
    for (int k = 0; k < (power < 0 ? -power : power); k++)
        scale *= 10;
    *number = (power < 0 ? digits / scale : digits * scale) * (is_negative ? -1 : 1);
    return true;
}

static bool read_value(span s, bgi_value_kind kind, bgi_word_value *value)
{
    int64_t whole = 0;
    *value = (bgi_word_value){ .is_given = true, .text = s.text, .length = s.length };
    switch (kind) {
    case BGI_FLAG:
        return s.length == 0;
    case BGI_COUNT:
    case BGI_INDEX: {
        bool is_read = read_whole(s, kind == BGI_COUNT, &whole);
        value->number = (double)whole;
        return is_read;
    }
    case BGI_EXTENTS:
    case BGI_PADDING:
        return read_extents(s, kind == BGI_EXTENTS, &value->extents);
    case BGI_NUMBER:
        return read_number(s, &value->number);
    case BGI_SHARE:
        return read_number(s, &value->number) && value->number >= 0 && value->number <= 1;
    case BGI_NAME: {
        const bgi_activation *row = bgi_activation_find(s.text, s.length);
        return row && row->apply;
    }
    }
    return false;
}

static const char *value_text(bgi_value_kind kind)
{
    switch (kind) {
    case BGI_FLAG:
        return "nothing";
    case BGI_COUNT:
        return "a whole number, 1 or more";
    case BGI_INDEX:
        return "a whole number, 0 or more";
    case BGI_EXTENTS:
        return "one or up to three numbers, 3 or 3x3";
    case BGI_PADDING:
        return "one or up to three numbers, 1 or 1x0";
    case BGI_NUMBER:
        return "a number";
    case BGI_SHARE:
        return "a number from 0 to 1";
    case BGI_NAME:
        return "an activation without a number";
    }
    return "";
}

/* ---- Words ---- */

/* Errors: where the word is, what it is, and what would be right. */
typedef struct {
    span word;
    int index; /* from 0 */
} place;

static bg_status refuse(const place *at, const char *format, ...) __attribute__((format(printf, 2, 3)));
static bg_status refuse(const place *at, const char *format, ...)
{
    char message[420];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    return bg_fail(BG_ERR_FORMAT, "layers: word %d, \"%.*s\"%s", at->index + 1,
                   at->word.length > 40 ? 40 : (int)at->word.length, at->word.text, message);
}

/* What is wrong, and the form that is right. */
static bg_status refuse_form(const place *at, const bgi_layer_kind *kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static bg_status refuse_form(const place *at, const bgi_layer_kind *kind, const char *format, ...)
{
    char form[240], what[160];
    text t = { form, sizeof form, 0 };
    append_form(&t, kind);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    return refuse(at, ": %s; right is %s", what, form);
}

static int shown(span part) { return part.length > 30 ? 30 : (int)part.length; }

/* The options of which a word may have one, once: of most the option itself. */
static uint64_t rivals(int option)
{
#define BIT(option) (UINT64_C(1) << BGI_OPTION_##option)
    static const uint64_t sets[] = { BIT(pad) | BIT(same), BIT(reflect) | BIT(replicate) | BIT(circular) };
#undef BIT
    for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++)
        if (sets[i] >> option & 1)
            return sets[i];
    return UINT64_C(1) << option;
}

static bg_status parse_option(const place *at, span part, bgi_layer_word *word)
{
    const char *equals = memchr(part.text, '=', part.length);
    span name = { part.text, equals ? (size_t)(equals - part.text) : part.length };
    span value = equals ? (span){ equals + 1, part.length - name.length - 1 } : (span){ part.text, 0 };
    int option = 0;
    while (option < BGI_OPTION_COUNT && !(shows_option(word->kind, option) && span_is(name, options[option].name)))
        option++;
    if (option == BGI_OPTION_COUNT)
        return refuse_form(at, word->kind, "\"%.*s\" is no option of %s", shown(part), part.text, word->kind->name);
    if (option == BGI_OPTION_pad && has_option(word->kind, BGI_OPTION_same) && span_is(value, "same"))
        option = BGI_OPTION_same;
    for (int i = 0; i < BGI_OPTION_COUNT; i++)
        if (rivals(option) >> i & 1 && word->options[i].is_given)
            return refuse_form(at, word->kind, "\"%.*s\" behind another such option", shown(part), part.text);
    if (option != BGI_OPTION_same && (!read_value(value, options[option].kind, &word->options[option]) ||
                                      (options[option].kind == BGI_FLAG && equals)))
        return refuse_form(at, word->kind, "\"%.*s\", but %s takes %s", shown(part), part.text, options[option].name,
                           value_text(options[option].kind));
    word->options[option].is_given = true;
    return BG_OK;
}

static bg_status parse_layer(const place *at, span rest, bgi_layer_word *word)
{
    const bgi_layer_kind *kind = word->kind;
    span part;
    int n = 0;
    while (next_part(&rest, &part)) {
        bool is_argument = n < 2 && kind->arguments[n].label;
        /* What is optional may be left out before an option. */
        if (is_argument && kind->arguments[n].is_optional && part.length > 0 && !is_digit(part.text[0]))
            is_argument = false;
        if (is_argument && !read_value(part, kind->arguments[n].kind, &word->arguments[n])) {
            if (part.length == 0)
                return refuse_form(at, kind, "%s is missing", kind->arguments[n].label);
            return refuse_form(at, kind, "\"%.*s\" in place of %s, which is %s", shown(part), part.text,
                               kind->arguments[n].label, value_text(kind->arguments[n].kind));
        }
        bg_status status = is_argument ? BG_OK : parse_option(at, part, word);
        if (status != BG_OK)
            return status;
        n += is_argument;
    }
    if (n < 2 && kind->arguments[n].label && !kind->arguments[n].is_optional)
        return refuse_form(at, kind, "%s is missing", kind->arguments[n].label);
    return BG_OK;
}

static bg_status parse_activation(const place *at, span rest, bgi_layer_word *word)
{
    span part;
    for (int n = 0; next_part(&rest, &part); n++)
        if (n > 0 || !word->activation->label || !read_value(part, BGI_NUMBER, &word->arguments[0])) {
            char form[40];
            text t = { form, sizeof form, 0 };
            append_activation(&t, word->activation);
            return refuse(at, ": right is %s", form);
        }
    return BG_OK;
}

/* The number of letters to put in, leave out or replace until a is b. Levenshtein, Binary codes capable of correcting
 * deletions, insertions, and reversals, 1966. */
static size_t distance(span a, const char *b)
{
    enum { MOST = 24 };
    size_t n = strlen(b), row[MOST + 1];
    if (a.length > MOST || n > MOST)
        return MOST;
    for (size_t j = 0; j <= n; j++)
        row[j] = j;
    for (size_t i = 1; i <= a.length; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= n; j++) {
            size_t replaced = diagonal + (a.text[i - 1] != b[j - 1]), shorter = row[j] + 1, longer = row[j - 1] + 1;
            diagonal = row[j];
            row[j] = replaced < shorter ? replaced : shorter;
            row[j] = longer < row[j] ? longer : row[j];
        }
    }
    return row[n];
}

static bg_status refuse_name(const place *at, span name)
{
    char names[360];
    text t = { names, sizeof names, 0 };
    const char *closest = NULL;
    size_t least = name.length < 5 ? 3 : 4; /* more differences are another word */
    for (const bgi_layer_kind *kind = bgi_layer_kinds; kind->name; kind++) {
        size_t d = distance(name, kind->name);
        closest = d < least ? kind->name : closest;
        least = d < least ? d : least;
        append(&t, "%s ", kind->name);
    }
    for (const bgi_activation *row = bgi_activations; row->name; row++) {
        size_t d = distance(name, row->name);
        closest = d < least ? row->name : closest;
        least = d < least ? d : least;
    }
    if (closest)
        return refuse(at, ", is no layer; is it %s?", closest);
    return refuse(at, ", is no layer; there are %sand activations", names);
}

static bg_status parse_word(const place *at, bgi_layer_word *word)
{
    *word = (bgi_layer_word){ 0 };
    span rest = at->word, name;
    next_part(&rest, &name);
    for (const bgi_layer_kind *kind = bgi_layer_kinds; kind->name; kind++)
        if (span_is(name, kind->name)) {
            word->kind = kind;
            return parse_layer(at, rest, word);
        }
    word->activation = bgi_activation_find(name.text, name.length);
    return word->activation ? parse_activation(at, rest, word) : refuse_name(at, name);
}

/* ---- Lines ---- */

bg_status bg_layers_find_mistake(const char *line, size_t *start, size_t *length)
{
    size_t unused;
    start = start ? start : &unused;
    length = length ? length : &unused;
    *start = *length = 0;
    if (!line)
        return bg_fail(BG_ERR_ARGUMENT, "layers: line is NULL");
    place at = { .index = 0 };
    const char *rest = line;
    for (at.word = next_word(&rest); at.word.length > 0; at.index++, at.word = next_word(&rest)) {
        bgi_layer_word word;
        bg_status status = parse_word(&at, &word);
        if (status != BG_OK) {
            *start = (size_t)(at.word.text - line);
            *length = at.word.length;
            return status;
        }
    }
    if (at.index == 0)
        return bg_fail(BG_ERR_FORMAT, "layers: the line has no words; one is \"dense:128 relu dense:10\"");
    return BG_OK;
}

bg_status bg_layers_check(const char *line) { return bg_layers_find_mistake(line, NULL, NULL); }

static bg_node *build(bgi_layer_line *line, const bgi_layer_word *word, bg_node *x)
{
    const bgi_activation *row = word->activation;
    if (!row)
        return word->kind->build(line, word, x);
    return row->apply ? row->apply(x)
                      : row->apply_with(x, word->arguments[0].is_given ? word->arguments[0].number : row->number);
}

bg_node *bg_layers(bg_model *model, const char *line, bg_node *x)
{
    if (!x)
        return NULL;
    bg_graph *graph = x->graph;
    if (!model)
        return bgi_graph_fail(graph, BG_ERR_ARGUMENT, "layers: model is NULL");
    bg_status status = bg_layers_check(line);
    if (status != BG_OK)
        return bgi_graph_adopt_failure(graph, status);
    if (graph->status)
        return NULL;
    bgi_layer_line state = { .model = model };
    place at = { .index = 0 };
    for (at.word = next_word(&line); at.word.length > 0 && x; at.index++, at.word = next_word(&line)) {
        bgi_layer_word word;
        parse_word(&at, &word); /* it was checked */
        snprintf(state.name, sizeof state.name, "%d", at.index);
        x = build(&state, &word, x);
        if (!x)
            bgi_graph_explain(graph, "layers: word %d, \"%.*s\": ", at.index + 1,
                              at.word.length > 40 ? 40 : (int)at.word.length, at.word.text);
    }
    return x;
}
