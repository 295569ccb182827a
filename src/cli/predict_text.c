/* blasgrad predict --prompt */
#include "predict.h"

#include "commands.h"
#include "events.h"
#include "output.h"
#include "signals.h"

#include <blasgrad/program.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LENGTH = 500, CONTEXT = 64 };

typedef struct {
    const predict_config *config;
    const char *vocabulary; /* NULL: bytes */
    int64_t context, classes;
    bg_model *model;
    bg_tensor *window; /* [1, context], the last tokens from its start on */
    bg_program *program;
    int32_t *tokens; /* all so far */
    size_t count;
    double *weights; /* of each class */
    uint64_t state;  /* of the random numbers */
    char *text;      /* all so far, for --json */
    size_t length;
} writer;

/* ---- Setting up ---- */

/* The tokens of the prompt; without any, the first is that of a line's end, if there is one. */
static int take_prompt(writer *w)
{
    const char *prompt = w->config->prompt, *start = prompt;
    size_t bytes = strlen(prompt), count, length = (size_t)w->config->length;
    bg_status status = bg_text_encode(w->vocabulary, prompt, bytes, NULL, 0, &count);
    if (status != BG_OK)
        return output_usage("--prompt: %s", bg_last_error());
    if (length > SIZE_MAX / 16 - bytes)
        return output_usage("--length %lld is too much", (long long)w->config->length);
    w->tokens = calloc(count + length + 1, sizeof *w->tokens);
    w->text = calloc(bytes + 4 * length + 1, 1);
    w->weights = calloc((size_t)w->classes, sizeof *w->weights);
    if (!w->tokens || !w->text || !w->weights)
        return output_failure("out of memory");
    memcpy(w->text, prompt, bytes);
    w->length = bytes;
    if (count == 0) {
        start = "\n";
        (void)bg_text_encode(w->vocabulary, start, 1, w->tokens, 1, &count);
        w->count = 1;
        return 0;
    }
    (void)bg_text_encode(w->vocabulary, start, bytes, w->tokens, count, &w->count);
    return 0;
}

/* One program for windows that are full and for those that are not yet: as no position sees a later one, what stands
 * behind the last token does not matter. */
static int make_program(writer *w, bg_engine *engine, network_choice *choice)
{
    bg_graph *graph;
    if (bg_graph_create(&graph, engine) != BG_OK)
        return output_library();
    bg_node *x = bg_input(graph, "x", bg_tensor_dtype(w->window), bg_tensor_shape(w->window));
    bg_node *y = network_build(w->model, x, choice);
    bg_shape expected = BG_SHAPE(1, w->context, w->classes);
    bg_status status = bg_graph_status(graph);
    int code = 0;
    if (status == BG_OK && (!y || !bg_shape_equal(bg_node_shape(y), expected)))
        code = output_failure("%s: \"%s\" does not give scores of %lld tokens at each position, so it writes no text",
                              w->config->checkpoint, choice->model, (long long)w->classes);
    if (status == BG_OK && !code)
        status = bg_compile(&w->program, graph, &y, 1, &(bg_compile_options){ .no_updates = true });
    if (status == BG_OK && !code)
        status = bg_program_bind(w->program, x, w->window);
    bg_graph_destroy(graph);
    return status == BG_OK ? code : output_library();
}

static int64_t count_characters(const char *vocabulary)
{
    int64_t count = 0;
    for (; *vocabulary; vocabulary++)
        count += ((unsigned char)*vocabulary & 0xC0) != 0x80;
    return count;
}

static int set_up(writer *w, bg_engine *engine, const bg_archive *archive, const checkpoint_about *about)
{
    bool has_bytes = data_has_bytes(&about->data);
    if (!about->data.vocabulary && !has_bytes)
        return output_failure("%s: its metadata has no vocabulary, so it does not come from a text",
                              w->config->checkpoint);
    w->vocabulary = has_bytes ? NULL : about->data.vocabulary;
    w->classes = has_bytes ? 256 : count_characters(w->vocabulary);
    w->context = about->data.context > 0 ? about->data.context : CONTEXT;
    if (bg_tensor_create(&w->window, engine, BG_I32, BG_SHAPE(1, w->context)) != BG_OK)
        return output_library();
    network_choice choice = { .model = about->model };
    int code = checkpoint_make_model(&w->model, w->config->checkpoint, archive, engine, about->data.dtype, &choice,
                                     "--prompt", (bg_column){ .dtype = BG_I32, .shape = BG_SHAPE(w->context) });
    if (!code)
        code = make_program(w, engine, &choice);
    return code ? code : take_prompt(w);
}

/* ---- Writing ---- */

/* Uniform in [0, 1): splitmix64, of Steele, Lea and Flood 2014. */
static double draw_uniform(writer *w)
{
    uint64_t z = w->state += 0x9E3779B97F4A7C15U;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9U;
    z = (z ^ z >> 27) * 0x94D049BB133111EBU;
    return (double)((z ^ z >> 31) >> 11) * 0x1p-53;
}

static double score(const bg_tensor *scores, int64_t i)
{
    const void *data = bg_tensor_const_data(scores);
    return bg_tensor_dtype(scores) == BG_F64 ? ((const double *)data)[i] : (double)((const float *)data)[i];
}

/* A class from the softmax of scores / temperature. */
static int32_t draw_class(writer *w, const bg_tensor *scores, int64_t first)
{
    double temperature = w->config->temperature < 0 ? 1 : w->config->temperature;
    int32_t best = 0;
    for (int32_t i = 1; i < (int32_t)w->classes; i++)
        if (score(scores, first + i) > score(scores, first + best))
            best = i;
    if (temperature == 0)
        return best;
    double sum = 0, most = score(scores, first + best);
    for (int64_t i = 0; i < w->classes; i++)
        sum += w->weights[i] = exp((score(scores, first + i) - most) / temperature);
    double place = draw_uniform(w) * sum;
    for (int32_t i = 0; i < (int32_t)w->classes; i++) {
        place -= w->weights[i];
        if (place < 0)
            return i;
    }
    return best;
}

static int draw_next(writer *w, int32_t *token)
{
    size_t context = (size_t)w->context, seen = w->count < context ? w->count : context;
    int32_t *window = bg_tensor_data(w->window);
    memcpy(window, w->tokens + (w->count - seen), seen * sizeof *window);
    if (bg_program_run(w->program) != BG_OK)
        return output_library();
    const bg_tensor *scores = bg_program_output(w->program, 0);
    int64_t first = ((int64_t)seen - 1) * w->classes;
    for (int64_t i = 0; i < w->classes; i++)
        if (!isfinite(score(scores, first + i)))
            return output_failure("%s: a score is not finite", w->config->checkpoint);
    *token = draw_class(w, scores, first);
    return 0;
}

static int write_text(writer *w)
{
    bool streams = !w->config->common.json;
    int code = 0;
    if (streams)
        output_text(w->text, w->length);
    for (int64_t i = 0; i < w->config->length && !code && !signals_caught() && !output_has_failed(); i++) {
        int32_t token = 0;
        code = draw_next(w, &token);
        if (code)
            break;
        w->tokens[w->count++] = token;
        int bytes = bg_text_decode(w->vocabulary, token, w->text + w->length);
        if (streams)
            output_text(w->text + w->length, (size_t)bytes);
        w->length += (size_t)bytes;
    }
    if (streams) {
        output_text("\n", 1);
    } else if (!code) {
        event *e = event_create("text");
        event_text(e, "checkpoint", w->config->checkpoint);
        event_text(e, "prompt", w->config->prompt);
        event_text(e, "text", w->text);
        event_output(e);
        event_destroy(e);
    }
    return code || !signals_caught() ? code : 128 + signals_caught();
}

int predict_text(const predict_config *config, bg_engine *engine, const bg_archive *archive,
                 const checkpoint_about *about)
{
    predict_config filled = *config;
    filled.length = config->length ? config->length : LENGTH;
    writer w = { .config = &filled, .state = config->common.seed };
    int code = set_up(&w, engine, archive, about);
    if (!code) {
        signals_catch();
        code = write_text(&w);
    }
    free(w.text);
    free(w.weights);
    free(w.tokens);
    bg_program_destroy(w.program);
    bg_tensor_destroy(w.window);
    bg_model_destroy(w.model);
    return code;
}
