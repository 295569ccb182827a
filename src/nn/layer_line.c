/* Networks as one line of words: "dense:512 relu dense:10".
 *
 *   line  = word { blanks word }
 *   word  = "dense:" N [ ":nobias" ]  |  "flatten"  |  activation
 */
#include <blasgrad/nn.h>

#include "graph/graph.h"
#include "nn/activation.h"

#include <stdio.h>
#include <string.h>

typedef struct {
    const char *text;
    size_t length;
    int index; /* counting from 0 */
    /* What it means: an activation, flatten, or else dense. */
    const bgi_activation *activation;
    bool is_flatten;
    bool without_bias;
    int64_t out;
} layer_word;

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

static bool word_is(const char *text, size_t length, const char *word)
{
    return strlen(word) == length && memcmp(text, word, length) == 0;
}

/* The next word from *line on, which moves behind it; false at the end. */
static bool next_word(const char **line, const char **text, size_t *length)
{
    const char *p = *line;
    while (is_blank(*p))
        p++;
    *text = p;
    while (*p && !is_blank(*p))
        p++;
    *length = (size_t)(p - *text);
    *line = p;
    return *length > 0;
}

/* Reads "N" or "N:nobias" with N from 1 to 2^31 - 1. */
static bool parse_dense(const char *text, size_t length, layer_word *word)
{
    size_t i = 0;
    int64_t out = 0;
    for (; i < length && text[i] >= '0' && text[i] <= '9'; i++) {
        out = 10 * out + (text[i] - '0');
        if (out > INT32_MAX)
            return false;
    }
    word->out = out;
    word->without_bias = i < length;
    return out >= 1 && (i == length || word_is(text + i, length - i, ":nobias"));
}

static bg_status parse_word(layer_word *word)
{
    static const char dense[] = "dense:";
    const size_t prefix = sizeof dense - 1;
    word->activation = bgi_activation_find(word->text, word->length);
    word->is_flatten = word_is(word->text, word->length, "flatten");
    if (word->activation || word->is_flatten)
        return BG_OK;

    bool is_dense = word->length >= prefix && memcmp(word->text, dense, prefix) == 0;
    if (is_dense && parse_dense(word->text + prefix, word->length - prefix, word))
        return BG_OK;
    int shown = word->length > 40 ? 40 : (int)word->length;
    if (is_dense || word_is(word->text, word->length, "dense"))
        return bg_fail(
            BG_ERR_FORMAT,
            "layers: word %d, \"%.*s\": a dense layer is dense:N or dense:N:nobias with N outputs, 1 or more",
            word->index + 1, shown, word->text);
    char names[160];
    bgi_activation_names(names, sizeof names);
    return bg_fail(BG_ERR_FORMAT, "layers: word %d, \"%.*s\", is no layer; there are dense:N dense:N:nobias flatten %s",
                   word->index + 1, shown, word->text, names);
}

bg_status bg_layers_check(const char *line)
{
    if (!line)
        return bg_fail(BG_ERR_ARGUMENT, "layers: line is NULL");
    layer_word word = { .index = 0 };
    for (; next_word(&line, &word.text, &word.length); word.index++) {
        bg_status status = parse_word(&word);
        if (status != BG_OK)
            return status;
    }
    if (word.index == 0)
        return bg_fail(BG_ERR_FORMAT, "layers: the line has no words; one is \"dense:128 relu dense:10\"");
    return BG_OK;
}

bg_node *bg_layers(bg_model *model, const char *line, bg_node *x)
{
    if (!x)
        return NULL;
    bg_graph *graph = bg_node_graph(x);
    bg_status status = bg_layers_check(line);
    if (status != BG_OK) {
        char message[512];
        snprintf(message, sizeof message, "%s", bg_last_error());
        return bgi_graph_fail(graph, status, "%s", message);
    }
    layer_word word = { .index = 0 };
    for (; next_word(&line, &word.text, &word.length) && x; word.index++) {
        parse_word(&word); /* it was checked */
        if (word.activation) {
            x = word.activation->apply(x);
        } else if (word.is_flatten) {
            x = bg_flatten(x);
        } else {
            char name[16];
            snprintf(name, sizeof name, "%d", word.index);
            if (bg_node_shape(x).rank > 2)
                x = bg_flatten(x);
            x = bg_dense_with(model, name, x, word.out, &(bg_dense_options){ .without_bias = word.without_bias });
        }
    }
    return x;
}
