/* Graphs: nodes, leaves, updates, the first error, and the table of equal nodes of a compiler's graph. */
#include "graph/graph.h"

#include "base/status.h"
#include "graph/ranges.h"

#include <assert.h>
#include <limits.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- Errors ---- */

static void record(bg_graph *graph, bg_status status)
{
    assert(graph);
    if (graph->status)
        return;
    graph->status = status;
    snprintf(graph->message, sizeof graph->message, "%s", bg_last_error());
}

bg_node *bgi_graph_fail(bg_graph *graph, bg_status status, const char *format, ...)
{
    char message[sizeof graph->message]; /* the arguments may lie in the thread's message, which bg_fail overwrites */
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    record(graph, bg_fail(status, "%s", message));
    return NULL;
}

void bgi_graph_explain(bg_graph *graph, const char *format, ...)
{
    if (!graph->status)
        return;
    char known[sizeof graph->message];
    memcpy(known, graph->message, sizeof known);
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(graph->message, sizeof graph->message, format, arguments);
    va_end(arguments);
    size_t length = n > 0 && (size_t)n < sizeof known ? (size_t)n : 0;
    memcpy(graph->message + length, known, sizeof known - length);
    graph->message[sizeof known - 1] = 0;
    bg_fail(graph->status, "%s", graph->message);
}

void bgi_graph_forgive(bg_graph *graph)
{
    graph->status = BG_OK;
    graph->message[0] = 0;
}

bool bgi_graph_accept(bg_graph *graph, bg_status status)
{
    if (status)
        record(graph, status);
    return status == BG_OK;
}

bg_status bg_graph_status(const bg_graph *graph)
{
    if (!graph)
        return bg_fail(BG_ERR_ARGUMENT, "graph_status: the graph is NULL");
    return graph->status ? bg_fail(graph->status, "%s", graph->message) : BG_OK;
}

bg_graph *bgi_graph_of(const char *op, bg_node *const *inputs, int n)
{
    bg_graph *graph = NULL;
    bool is_mixed = false;
    int missing = -1;
    for (int i = 0; i < n; i++) {
        if (!inputs[i])
            missing = missing < 0 ? i : missing;
        else if (!graph)
            graph = inputs[i]->graph;
        else
            is_mixed = is_mixed || inputs[i]->graph != graph;
    }
    if (is_mixed) {
        bg_fail(BG_ERR_ARGUMENT, "%s: inputs belong to different graphs", op);
        for (int i = 0; i < n; i++)
            if (inputs[i])
                record(inputs[i]->graph, BG_ERR_ARGUMENT);
        return NULL;
    }
    if (graph && missing >= 0) {
        if (!graph->status)
            bgi_graph_fail(graph, BG_ERR_ARGUMENT, "%s: input %d is NULL", op, missing);
        return NULL;
    }
    /* The compiler's graphs live within one call, which has asked already. */
    if (graph && !graph->is_compiling && !bgi_graph_accept(graph, bgi_engine_check(graph->engine, op)))
        return NULL;
    return graph;
}

/* ---- Graphs ---- */

static bg_status create(bg_graph **graph, bg_engine *engine, bool is_compiling)
{
    bg_graph *made = bgi_alloc_zero(engine, sizeof *made);
    if (!made)
        return BG_ERR_NOMEM;
    bgi_engine_retain(engine);
    made->engine = engine;
    made->is_compiling = is_compiling;
    bgi_arena_init(&made->arena, engine);
    *graph = made;
    return BG_OK;
}

bg_status bg_graph_create(bg_graph **graph, bg_engine *engine)
{
    if (!graph)
        return bg_fail(BG_ERR_ARGUMENT, "graph_create: no place for the graph");
    *graph = NULL;
    bg_status status = bgi_engine_check(engine, "graph_create");
    return status ? status : create(graph, engine, false);
}

bg_status bgi_graph_create_compiling(bg_graph **graph, bg_engine *engine) { return create(graph, engine, true); }

void bg_graph_destroy(bg_graph *graph)
{
    if (!graph)
        return;
    bg_engine *engine = graph->engine;
    if (graph->random_source.owner)
        graph->random_source.release(graph->random_source.owner);
    for (bg_node *leaf = graph->tensors; leaf; leaf = leaf->next_tensor)
        bg_tensor_destroy(leaf->tensor);
    bgi_free(engine, graph->table, (size_t)graph->table_capacity * sizeof *graph->table);
    bgi_free(engine, graph->nodes, (size_t)graph->capacity * sizeof(bg_node *));
    bgi_arena_release(&graph->arena);
    bgi_free(engine, graph, sizeof *graph);
    bgi_engine_release(engine);
}

/* ---- Equal nodes ---- */

static uint64_t mix(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * UINT64_C(0x9E3779B97F4A7C15);
    return hash ^ (hash >> 32);
}

static uint64_t hash_node(const bg_node *node)
{
    uint64_t hash = mix((uint64_t)node->dtype, (uint64_t)(uintptr_t)node->op);
    for (int i = 0; i < node->n_inputs; i++)
        hash = mix(hash, (uint64_t)node->inputs[i]->id);
    for (int i = 0; i < node->shape.rank; i++)
        hash = mix(hash, (uint64_t)node->shape.dims[i]);
    const unsigned char *bytes = node->attributes;
    for (size_t i = 0; i < node->attribute_bytes; i++)
        hash = mix(hash, bytes[i]);
    return hash;
}

static bool is_equal(const bg_node *a, const bg_node *b)
{
    if (a->op != b->op || a->n_inputs != b->n_inputs || a->dtype != b->dtype || !bg_shape_equal(a->shape, b->shape) ||
        a->attribute_bytes != b->attribute_bytes)
        return false;
    for (int i = 0; i < a->n_inputs; i++)
        if (a->inputs[i] != b->inputs[i])
            return false;
    return a->attribute_bytes == 0 || memcmp(a->attributes, b->attributes, a->attribute_bytes) == 0;
}

/* The place of an equal node in the table, or the empty place where it would be. */
static int *find_place(const bg_graph *graph, const bg_node *node)
{
    uint64_t mask = (uint64_t)graph->table_capacity - 1;
    for (uint64_t i = hash_node(node) & mask;; i = (i + 1) & mask) {
        int *place = &graph->table[i];
        if (*place == 0 || is_equal(graph->nodes[*place - 1], node))
            return place;
    }
}

/* Keeps the table at most half full. */
static bool reserve_table(bg_graph *graph)
{
    if (graph->table_count < graph->table_capacity / 2)
        return true;
    if (graph->table_capacity > INT_MAX / 2)
        return false;
    int old_capacity = graph->table_capacity, *old = graph->table;
    int capacity = old_capacity ? 2 * old_capacity : 256;
    int *table = bgi_alloc_zero(graph->engine, (size_t)capacity * sizeof *table);
    if (!table)
        return false;
    graph->table = table;
    graph->table_capacity = capacity;
    for (int i = 0; i < old_capacity; i++)
        if (old[i])
            *find_place(graph, graph->nodes[old[i] - 1]) = old[i];
    bgi_free(graph->engine, old, (size_t)old_capacity * sizeof *old);
    return true;
}

/* ---- Nodes ---- */

static size_t round_up(size_t bytes)
{
    return (bytes + alignof(max_align_t) - 1) / alignof(max_align_t) * alignof(max_align_t);
}

/* Adds a copy of a node, its inputs and attributes; NULL with BG_ERR_NOMEM in the graph. */
static bg_node *append(bg_graph *graph, const bg_node *node)
{
    size_t head = round_up(sizeof *node), inputs = round_up((size_t)node->n_inputs * sizeof(bg_node *));
    void *nodes = graph->nodes;
    bool has_room = graph->count < INT_MAX - 1 &&
                    bgi_grow(graph->engine, &nodes, &graph->capacity, graph->count + 1, sizeof(bg_node *));
    graph->nodes = nodes;
    unsigned char *memory = has_room ? bgi_arena_push(&graph->arena, head + inputs + node->attribute_bytes) : NULL;
    if (!memory)
        return bgi_graph_fail(graph, BG_ERR_NOMEM, "%s: out of memory", node->op->name);
    bg_node *added = (bg_node *)(void *)memory;
    *added = *node;
    added->graph = graph;
    added->id = graph->count;
    added->inputs = (bg_node **)(void *)(memory + head);
    if (node->n_inputs > 0)
        memcpy(added->inputs, node->inputs, (size_t)node->n_inputs * sizeof(bg_node *));
    added->attributes = node->attribute_bytes > 0 ? memory + head + inputs : NULL;
    if (node->attribute_bytes > 0)
        memcpy(added->attributes, node->attributes, node->attribute_bytes);
    graph->nodes[graph->count++] = added;
    return added;
}

/* The node of a compiler's graph that equals this one, made if there is none. */
static bg_node *intern(bg_graph *graph, const bg_node *node)
{
    if (!reserve_table(graph))
        return bgi_graph_fail(graph, BG_ERR_NOMEM, "%s: out of memory", node->op->name);
    int *place = find_place(graph, node);
    if (*place)
        return graph->nodes[*place - 1];
    bg_node *added = append(graph, node);
    if (added) {
        *place = graph->count;
        graph->table_count++;
    }
    return added;
}

bgi_author bgi_author_of(const bg_node *node)
{
    bgi_author author = node->author;
    author.name = author.name ? author.name : node->op->name;
    return author;
}

bg_node *bgi_gradient_of(bg_node *node, int input, bg_node *dy)
{
    bg_graph *graph = node->graph;
    bgi_author outer = graph->author;
    graph->author = (bgi_author){ bgi_author_of(node).name, true };
    bg_node *dx = node->op->gradient(node, input, dy);
    graph->author = outer;
    return dx;
}

bg_node *bgi_compose(bg_node *node)
{
    bg_graph *graph = node->graph;
    bgi_author outer = graph->author;
    graph->author = bgi_author_of(node);
    bg_node *composed = node->op->compose(node);
    graph->author = outer;
    if (!composed) {
        if (!graph->status)
            bgi_graph_fail(graph, BG_ERR_ARGUMENT, "%s: its composition gives no node", node->op->name);
        return NULL;
    }
    if (composed->graph != graph || composed->dtype != node->dtype || !bg_shape_equal(composed->shape, node->shape))
        return bgi_graph_fail(graph, BG_ERR_ARGUMENT, "%s: its composition gives %s %s, its shape rule %s %s",
                              node->op->name, bg_dtype_name(composed->dtype), bgi_shape_format(composed->shape).text,
                              bg_dtype_name(node->dtype), bgi_shape_format(node->shape).text);
    return composed;
}

bg_node *bg_apply(const bg_op *op, bg_node *const *inputs, int n, const void *attributes, size_t bytes)
{
    if (!op || !op->name || n < 0 || (n > 0 && !inputs)) {
        bg_fail(BG_ERR_ARGUMENT, "apply: the op, its name or its inputs are missing");
        return NULL;
    }
    bg_graph *graph = bgi_graph_of(op->name, inputs, n);
    if (!graph)
        return NULL;
    if (op->arity >= 0 && n != op->arity)
        return bgi_graph_fail(graph, BG_ERR_ARGUMENT, "%s: takes %d inputs, got %d", op->name, op->arity, n);
    if (!op->infer || !(op->compose || op->call || op->lowering))
        return bgi_graph_fail(graph, BG_ERR_ARGUMENT, "%s: the op has no %s", op->name,
                              op->infer ? "way to run" : "shape rule");
    if (bytes > 0 && !attributes)
        return bgi_graph_fail(graph, BG_ERR_ARGUMENT, "%s: attributes are NULL", op->name);

    bg_node node = { .op = op,
                     .graph = graph,
                     .id = graph->count,
                     .n_inputs = n,
                     .inputs = (bg_node **)inputs,
                     .attributes = bytes > 0 ? (void *)attributes : NULL,
                     .attribute_bytes = bytes,
                     .author = graph->author };
    for (int i = 0; i < n; i++)
        node.is_of_members = node.is_of_members || inputs[i]->is_of_members;
    int64_t count;
    size_t size;
    unsigned before = bgi_failures();
    bg_status status = op->infer(&node, &node.dtype, &node.shape);
    if (!bgi_graph_accept(graph, bgi_check_message(status, before, op->name, "infer")) ||
        !bgi_graph_accept(graph, bgi_shape_check(node.shape, node.dtype, op->name, &count, &size)))
        return NULL;
    if (!graph->is_compiling)
        return append(graph, &node);
    if (op->compose && !op->call)
        return bgi_compose(&node);
    bg_node *simple = op->lowering && op->lowering->simplify ? op->lowering->simplify(&node) : NULL;
    return simple ? simple : intern(graph, &node);
}

bg_node *bgi_apply_again(const bg_node *node, bg_node *const *inputs)
{
    bg_graph *graph = inputs[0] ? inputs[0]->graph : node->graph;
    bgi_author outer = graph->author;
    graph->author = bgi_author_of(node);
    bg_node *again = bg_apply(node->op, inputs, node->n_inputs, node->attributes, node->attribute_bytes);
    graph->author = outer;
    return again;
}

/* ---- Leaves ---- */

static const bgi_lowering input_lowering = { .kind = BGI_INPUT }, parameter_lowering = { .kind = BGI_PARAMETER },
                          buffer_lowering = { .kind = BGI_BUFFER }, constant_lowering = { .kind = BGI_CONSTANT },
                          scalar_lowering = { .kind = BGI_SCALAR };
const bg_op bgi_input_op = { .name = "input", .lowering = &input_lowering };
const bg_op bgi_parameter_op = { .name = "parameter", .lowering = &parameter_lowering };
const bg_op bgi_buffer_op = { .name = "buffer", .lowering = &buffer_lowering };
const bg_op bgi_constant_op = { .name = "constant", .lowering = &constant_lowering };
const bg_op bgi_scalar_op = { .name = "scalar", .lowering = &scalar_lowering };

/* Whether a graph was given whose engine can be used here. */
static bool is_usable(bg_graph *graph, const char *caller)
{
    if (!graph) {
        bg_fail(BG_ERR_ARGUMENT, "%s: the graph is NULL", caller);
        return false;
    }
    return bgi_graph_accept(graph, bgi_engine_check(graph->engine, caller));
}

bg_node *bg_input(bg_graph *graph, const char *name, bg_dtype dtype, bg_shape shape)
{
    if (!is_usable(graph, "input"))
        return NULL;
    if (!name)
        return bgi_graph_fail(graph, BG_ERR_ARGUMENT, "input: the name is NULL");
    int64_t count;
    size_t bytes;
    if (!bgi_graph_accept(graph, bgi_shape_check(shape, dtype, "input", &count, &bytes)))
        return NULL;
    const char *copy = bgi_arena_copy_text(&graph->arena, name);
    if (!copy)
        return bgi_graph_fail(graph, BG_ERR_NOMEM, "input: out of memory");
    return append(graph, &(bg_node){ .op = &bgi_input_op, .dtype = dtype, .shape = shape, .name = copy });
}

/* A leaf that holds its tensor. */
static bg_node *append_tensor(bg_graph *graph, const bg_op *op, bg_tensor *tensor)
{
    bg_node *leaf =
        append(graph, &(bg_node){ .op = op, .dtype = tensor->dtype, .shape = tensor->shape, .tensor = tensor });
    if (leaf) {
        bgi_tensor_retain(tensor);
        leaf->next_tensor = graph->tensors;
        graph->tensors = leaf;
    }
    return leaf;
}

/* The leaf of a tensor whose value lasts from run to run. */
static bg_node *variable(bg_graph *graph, const bg_op *op, bg_tensor *value)
{
    if (!is_usable(graph, op->name))
        return NULL;
    if (!value)
        return bgi_graph_fail(graph, BG_ERR_ARGUMENT, "%s: the tensor is NULL", op->name);
    bg_node *leaf = bgi_ranges_find(graph, value); /* constants are copies that nobody else has */
    if (leaf && leaf->tensor == value)
        return leaf->op == op ? leaf
                              : bgi_graph_fail(graph, BG_ERR_ARGUMENT, "%s: the tensor %s is a %s of the graph",
                                               op->name, bgi_shape_format(value->shape).text, leaf->op->name);
    for (int i = 0; i < value->shape.rank; i++)
        if (value->shape.dims[i] > 1 && value->strides[i] == 0)
            return bgi_graph_fail(graph, BG_ERR_OVERLAP, "%s: the tensor %s repeats its elements along axis %d",
                                  op->name, bgi_shape_format(value->shape).text, i);
    if (leaf)
        return bgi_graph_fail(graph, BG_ERR_OVERLAP, "%s: the tensor %s shares memory with the %s %s", op->name,
                              bgi_shape_format(value->shape).text, leaf->op->name, bgi_shape_format(leaf->shape).text);
    leaf = append_tensor(graph, op, value);
    if (leaf && !bgi_ranges_add(graph, leaf))
        return bgi_graph_fail(graph, BG_ERR_NOMEM, "%s: out of memory", op->name);
    return leaf;
}

bg_node *bg_parameter(bg_graph *graph, bg_tensor *value) { return variable(graph, &bgi_parameter_op, value); }
bg_node *bg_buffer(bg_graph *graph, bg_tensor *value) { return variable(graph, &bgi_buffer_op, value); }

bg_node *bg_constant(bg_graph *graph, const bg_tensor *value)
{
    if (!is_usable(graph, "constant"))
        return NULL;
    if (!value)
        return bgi_graph_fail(graph, BG_ERR_ARGUMENT, "constant: the tensor is NULL");
    bg_tensor *copy = NULL;
    bg_node *leaf = NULL;
    if (bgi_graph_accept(graph, bg_tensor_create(&copy, graph->engine, value->dtype, value->shape)) &&
        bgi_graph_accept(graph, bg_tensor_copy(copy, value)))
        leaf = append_tensor(graph, &bgi_constant_op, copy);
    bg_tensor_destroy(copy);
    return leaf;
}

bg_node *bg_scalar(bg_graph *graph, bg_dtype dtype, double value)
{
    if (!is_usable(graph, "scalar"))
        return NULL;
    if (dtype != BG_F32 && dtype != BG_F64)
        return bgi_graph_fail(graph, BG_ERR_DTYPE, "scalar: the type is %s, not f32 or f64", bg_dtype_name(dtype));
    if (dtype == BG_F32)
        value = (double)(float)value;
    bg_node node = {
        .op = &bgi_scalar_op, .graph = graph, .dtype = dtype, .attributes = &value, .attribute_bytes = sizeof value
    };
    return graph->is_compiling ? intern(graph, &node) : append(graph, &node);
}

bool bgi_node_is_constant(const bg_node *node, double *value)
{
    while (bgi_node_is(node, BGI_VIEW))
        node = node->inputs[0];
    if (!bgi_node_is(node, BGI_SCALAR))
        return false;
    memcpy(value, node->attributes, sizeof *value);
    return true;
}

bg_node *bgi_graph_import_leaf(bg_graph *graph, const bg_node *leaf)
{
    if (leaf->op == &bgi_scalar_op) {
        double value = 0;
        bgi_node_is_constant(leaf, &value);
        return bg_scalar(graph, leaf->dtype, value);
    }
    bg_node *made = NULL;
    if (leaf->tensor) {
        made = append_tensor(graph, leaf->op, leaf->tensor);
    } else {
        const char *name = bgi_arena_copy_text(&graph->arena, leaf->name);
        if (!name)
            return bgi_graph_fail(graph, BG_ERR_NOMEM, "input: out of memory");
        made = append(graph, &(bg_node){ .op = leaf->op, .dtype = leaf->dtype, .shape = leaf->shape, .name = name });
    }
    if (made)
        made->origin = leaf->graph->is_compiling ? leaf->origin : leaf;
    return made;
}

/* ---- Updates ---- */

void bg_update(bg_node *parameter_or_buffer, bg_node *new_value)
{
    bg_node *target = parameter_or_buffer;
    if (!target && !new_value) {
        bg_fail(BG_ERR_ARGUMENT, "update: the target and its new value are NULL");
        return;
    }
    bg_graph *graph = bgi_graph_of("update", (bg_node *[]){ target, new_value }, 2);
    if (!graph)
        return;
    if (!bgi_node_is(target, BGI_PARAMETER) && !bgi_node_is(target, BGI_BUFFER))
        bgi_graph_fail(graph, BG_ERR_ARGUMENT, "update: the target is neither a parameter nor a buffer, but %s %s",
                       target->op->name, bgi_shape_format(target->shape).text);
    else if (!bg_shape_equal(target->shape, new_value->shape))
        bgi_graph_fail(graph, BG_ERR_SHAPE, "update: the %s is %s, its new value %s", target->op->name,
                       bgi_shape_format(target->shape).text, bgi_shape_format(new_value->shape).text);
    else if (target->dtype != new_value->dtype)
        bgi_graph_fail(graph, BG_ERR_DTYPE, "update: the %s is %s, its new value %s", target->op->name,
                       bg_dtype_name(target->dtype), bg_dtype_name(new_value->dtype));
    else
        target->updated = new_value;
}

bg_node *bg_updated(bg_node *parameter_or_buffer)
{
    return parameter_or_buffer && parameter_or_buffer->updated ? parameter_or_buffer->updated : parameter_or_buffer;
}

/* ---- What a node is ---- */

bg_shape bg_node_shape(const bg_node *node) { return node ? node->shape : BG_SCALAR; }
bg_dtype bg_node_dtype(const bg_node *node) { return node ? node->dtype : BG_F32; }
bg_graph *bg_node_graph(const bg_node *node) { return node ? node->graph : NULL; }
const bg_op *bg_node_op(const bg_node *node) { return node ? node->op : NULL; }
int bg_node_input_count(const bg_node *node) { return node ? node->n_inputs : 0; }
bg_node *bg_node_input(const bg_node *node, int i)
{
    return node && i >= 0 && i < node->n_inputs ? node->inputs[i] : NULL;
}
const void *bg_node_attributes(const bg_node *node) { return node ? node->attributes : NULL; }
