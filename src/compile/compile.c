/* bg_compile: the passes in their order. */
#include "compile/compile.h"
#include "base/clock.h"

#include <string.h>

void bgi_program_release(bg_program *p)
{
    if (!p)
        return;
    bg_engine *engine = p->engine;
    for (int i = 0; i < p->n_leaves; i++) {
        bg_tensor_destroy(p->leaves[i].tensor);
        if (p->leaves[i].staged)
            bgi_free(engine, p->leaves[i].staged, p->leaves[i].bytes);
    }
    for (int i = 0; i < p->n_output_tensors; i++)
        bg_tensor_destroy(p->outputs[i]);
    if (p->arena)
        bgi_free(engine, p->arena, p->arena_bytes);
    for (int t = 0; p->scratch && t < engine->threads; t++)
        if (p->scratch[t])
            bgi_free(engine, p->scratch[t], p->scratch_bytes);
    bg_graph_destroy(p->graph);
    bgi_arena_release(&p->memory);
    bgi_free(engine, p, sizeof *p);
    bgi_engine_release(engine);
}

static bg_status check_outputs(bg_graph *graph, bg_node *const *outputs, size_t n)
{
    if (n > INT32_MAX)
        return bg_fail(BG_ERR_ARGUMENT, "compile: %zu outputs", n);
    for (size_t i = 0; i < n; i++) {
        if (!outputs || !outputs[i])
            return bg_fail(BG_ERR_ARGUMENT, "compile: output %zu is NULL", i);
        if (outputs[i]->graph != graph)
            return bg_fail(BG_ERR_ARGUMENT, "compile: output %zu belongs to another graph", i);
    }
    return BG_OK;
}

bg_status bg_compile(bg_program **program, bg_graph *graph, bg_node *const *outputs, size_t n,
                     const bg_compile_options *options)
{
    if (!program)
        return bg_fail(BG_ERR_ARGUMENT, "compile: program is NULL");
    *program = NULL;
    if (!graph)
        return bg_fail(BG_ERR_ARGUMENT, "compile: graph is NULL");
    bg_status status = bg_graph_status(graph);
    if (!status)
        status = bgi_engine_check(graph->engine, "compile");
    if (!status)
        status = check_outputs(graph, outputs, n);
    if (status)
        return status;

    double start = bgi_clock_seconds();
    bg_engine *engine = graph->engine;
    bg_program *p = bgi_alloc_zero(engine, sizeof *p);
    if (!p)
        return BG_ERR_NOMEM;
    bgi_engine_retain(engine);
    p->engine = engine;
    p->n_outputs = (int)n;
    bgi_arena_init(&p->memory, engine);
    bgi_compilation c = { .program = p, .engine = engine };
    bgi_arena_init(&c.scratch, engine);
    bgi_arena_init(&c.round, engine);
    status = bgi_simplify(&c, graph, outputs, n, options && options->no_updates);
    if (!status)
        status = bgi_schedule(&c);
    if (!status)
        status = bgi_emit(&c);
    if (!status)
        status = bgi_plan(&c);
    if (!status)
        status = bgi_descend(&c);
    bgi_arena_release(&c.round);
    bgi_arena_release(&c.scratch);
    if (status) {
        bgi_program_release(p);
        return status;
    }
    p->compile_seconds = bgi_clock_seconds() - start;
    *program = p;
    return BG_OK;
}
