/* Layer lines. The first byte chooses the shape of the input, the rest is the line, which is built if it is well
 * formed, with and without training. */
#include "fuzz/fuzz.h"

#include <blasgrad/nn.h>

enum { LINE_LIMIT = 1 << 12 };

/* What is said of a mistake has its place. */
static void check_mistake(const char *line, size_t start, size_t length)
{
    size_t end = strlen(line);
    fuzz_check(strstr(bg_last_error(), "layers: ") == bg_last_error());
    fuzz_check(start <= end && length <= end - start);
    for (size_t i = start; i < start + length; i++)
        fuzz_check(!strchr(" \t\n\r", line[i]));
}

static bg_status build(bg_engine *engine, const char *line, bg_shape shape, bool is_training)
{
    bg_model *model;
    bg_graph *graph;
    fuzz_check(bg_model_create(&model, engine, BG_F32) == BG_OK);
    fuzz_check(bg_graph_create(&graph, engine) == BG_OK);
    bg_model_set_training(model, is_training);
    bg_node *x = bg_input(graph, "x", BG_F32, shape), *y = bg_layers(model, line, x);
    bg_status status = bg_graph_status(graph);
    fuzz_check((status == BG_OK) == (y != NULL));
    bg_graph_destroy(graph);
    bg_model_destroy(model);
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const bg_shape shapes[] = { { 2, { 3, 16 } },        { 3, { 2, 8, 6 } },       { 4, { 2, 4, 9, 10 } },
                                       { 4, { 1, 12, 16, 3 } }, { 5, { 2, 2, 5, 6, 7 } }, { 1, { 4 } },
                                       { 2, { 0, 8 } },         { 4, { 2, 1, 1, 1 } } };
    if (size == 0 || size > LINE_LIMIT)
        return 0;
    char line[LINE_LIMIT];
    memcpy(line, data + 1, size - 1);
    line[size - 1] = '\0';
    bg_engine *engine = fuzz_begin();
    size_t start, length;
    bg_status status = bg_layers_find_mistake(line, &start, &length);
    fuzz_check(status == BG_OK || status == BG_ERR_FORMAT);
    if (status) {
        check_mistake(line, start, length);
    } else {
        status = build(engine, line, shapes[data[0] & 7], data[0] & 8);
        fuzz_check(status == BG_OK || status == BG_ERR_SHAPE || status == BG_ERR_ARGUMENT || status == BG_ERR_NOMEM ||
                   status == BG_ERR_OVERFLOW || status == BG_ERR_DTYPE);
        fuzz_check(status == BG_OK || strstr(bg_last_error(), "layers: ") == bg_last_error() || status == BG_ERR_NOMEM);
    }
    fuzz_end();
    return 0;
}
