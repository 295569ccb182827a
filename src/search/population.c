/* Populations: the losses of candidates, many of them in one run of a program. */
#include <blasgrad/population.h>

#include "base/hash.h"
#include "data/dataset.h"
#include "nn/members.h"
#include "tensor/tensor.h"
#include "train/trainer.h"

#include <string.h>

/* Examples of one run, at most: more of them would take memory, and make no run faster. */
enum { ROWS_MAX = 1024 };
/* Numbers of members for which programs are kept: the chunks of a generation and what is left of it, and the same of
 * the generation after a restart. */
enum { UNITS = 4 };
/* What caches hold: of 784-512-10 on 16 and 64 examples, chunks of 3 candidates are 1.34 and 1.05 times as fast as
 * single ones, and such of 105, whose parameters go through the memory, 1.03 and 0.99 times. */
static const size_t DEFAULT_BYTES = (size_t)8 << 20;

/* What computes the losses of so many members. */
typedef struct {
    int64_t members; /* 0: none */
    bg_model *model;
    bg_program *whole, *rest; /* for `rows` examples, and for what is left of all of them */
    uint64_t used;            /* when, for replacing the one not used for longest */
} unit;

struct bg_population {
    bg_engine *engine;
    bg_model *model;
    bg_dataset *dataset;
    bg_population_options options;
    bg_population_cost cost;
    bool is_single;                  /* one member a run */
    int64_t rows;                    /* of a run; the last one of a loss may have fewer */
    bgi_batch_memory whole, rest;    /* bound to the programs of all units */
    int64_t whole_start, rest_start; /* where the examples begin that they hold; -1: others */
    int64_t generation;
    uint64_t clock;
    unit units[UNITS];
};

/* From here on a run of one member has enough to do: of 784-512-10 on 256 examples, 2e8, chunks of 3 candidates are
 * 0.96 to 0.99 times as fast. */
static const double LARGE_FLOPS = 1e8;

static const char *const caller = "population_create";

/* ---- Programs ---- */

static void release_unit(unit *u)
{
    bg_program_destroy(u->whole);
    bg_program_destroy(u->rest);
    bg_model_destroy(u->model);
    *u = (unit){ .members = 0 };
}

/* The parameters of the population's model and its ties, so that vectors have the same order. */
static bg_status take_parameters(bg_model *model, const bg_model *from)
{
    for (int i = 0; i < from->alias_count; i++) {
        bg_status status = bg_model_tie(model, from->aliases[i].name, from->aliases[i].first);
        if (status != BG_OK)
            return status;
    }
    for (int i = 0; i < from->count; i++) {
        const bgi_model_entry *entry = &from->entries[i];
        bg_shape shape;
        bg_tensor *tensor = NULL;
        bg_status status = BG_OK;
        if (!entry->is_parameter)
            continue;
        if (model->members > 0)
            status = bgi_members_shape(entry->name, model->members, entry->tensor->shape, &shape);
        else
            shape = entry->tensor->shape;
        if (status == BG_OK)
            status = bg_tensor_create(&tensor, model->engine, model->dtype, shape);
        if (status == BG_OK)
            status = bgi_model_add(model, entry->name, tensor, true);
        if (status != BG_OK)
            return status;
    }
    return BG_OK;
}

/* The graph of the losses of a model, of one set of parameters or of a population, on the examples of a batch. */
typedef struct {
    bg_graph *graph;
    bg_node *columns[2], *losses;
} loss_graph;

static bg_status build_graph(const bg_population *p, bg_model *model, const bgi_batch_memory *batch, loss_graph *built)
{
    const bg_population_options *o = &p->options;
    *built = (loss_graph){ .graph = NULL };
    bg_status status = bg_graph_create(&built->graph, p->engine);
    if (status != BG_OK)
        return status;
    for (int i = 0; i < 2; i++) {
        const bg_tensor *column = batch->columns[i];
        built->columns[i] =
            bg_input(built->graph, i ? "column 1" : "column 0", bg_tensor_dtype(column), bg_tensor_shape(column));
    }
    bool was_training = bg_model_is_training(model), is_single = bg_model_members(model) == 0;
    bg_model_set_training(model, false);
    bg_node *prediction = built->columns[1] ? o->network(model, built->columns[0], o->user) : NULL;
    if (prediction)
        built->losses = is_single ? o->loss(prediction, built->columns[1], BG_MEAN)
                                  : bg_model_member_losses(model, o->loss, prediction, built->columns[1]);
    bg_model_set_training(model, was_training);
    status = bg_graph_status(built->graph);
    if (status == BG_OK && !built->losses)
        status = bg_fail(BG_ERR_ARGUMENT, "%s: %s returned no node", caller, prediction ? "loss" : "network");
    if (status == BG_OK && !bgi_is_float(bg_node_dtype(built->losses)))
        status = bg_fail(BG_ERR_DTYPE, "%s: the loss is %s, not f32 or f64", caller,
                         bg_dtype_name(bg_node_dtype(built->losses)));
    if (status == BG_OK && is_single && bg_shape_count(bg_node_shape(built->losses)) != 1)
        status = bg_fail(BG_ERR_SHAPE, "%s: the loss has %lld elements, not 1", caller,
                         (long long)bg_shape_count(bg_node_shape(built->losses)));
    return status;
}

static bg_status build(const bg_population *p, bg_model *model, const bgi_batch_memory *batch, bg_program **program)
{
    loss_graph built;
    bg_status status = build_graph(p, model, batch, &built);
    if (status == BG_OK && bg_model_dimension(model) != p->cost.dimension)
        status = bg_fail(BG_ERR_ARGUMENT, "%s: the network has %lld parameters now, and had %lld before", caller,
                         (long long)bg_model_dimension(model), (long long)p->cost.dimension);
    if (status == BG_OK)
        status = bg_compile(program, built.graph, &built.losses, 1, NULL);
    for (int i = 0; i < 2 && status == BG_OK; i++)
        status = bg_program_bind(*program, built.columns[i], batch->columns[i]);
    bg_graph_destroy(built.graph);
    return status;
}

/* Of one member the model is one without that axis. */
static bg_status make_model(const bg_population *p, int64_t members, bg_model **model)
{
    bg_dtype dtype = bg_model_dtype(p->model);
    bg_status status = members > 1 ? bg_model_create_population(model, p->engine, dtype, members)
                                   : bg_model_create(model, p->engine, dtype);
    if (status == BG_OK)
        status = take_parameters(*model, p->model);
    return status;
}

static bg_status make_unit(const bg_population *p, unit *u, int64_t members)
{
    *u = (unit){ .members = members };
    bg_status status = make_model(p, members, &u->model);
    if (status == BG_OK)
        status = build(p, u->model, &p->whole, &u->whole);
    if (status == BG_OK && p->rest.size > 0)
        status = build(p, u->model, &p->rest, &u->rest);
    if (status != BG_OK)
        release_unit(u);
    return status;
}

/* The unit for so many members; valid until the next call. */
static bg_status find_unit(bg_population *p, int64_t members, unit **found)
{
    unit *oldest = &p->units[0];
    for (int i = 0; i < UNITS; i++) {
        unit *u = &p->units[i];
        if (u->members == members) {
            u->used = ++p->clock;
            *found = u;
            return BG_OK;
        }
        if (u->used < oldest->used)
            oldest = u;
    }
    release_unit(oldest);
    bg_status status = make_unit(p, oldest, members);
    oldest->used = status == BG_OK ? ++p->clock : 0;
    *found = oldest;
    return status;
}

/* ---- Creation ---- */

static bg_status check(bg_population **population, const bg_model *model, const bg_dataset *dataset,
                       const bg_population_options *o)
{
    if (!population)
        return bg_fail(BG_ERR_ARGUMENT, "%s: population is NULL", caller);
    *population = NULL;
    if (!model || !dataset || !o || !o->network || !o->loss)
        return bg_fail(BG_ERR_ARGUMENT, "%s: %s is NULL", caller,
                       !model     ? "model"
                       : !dataset ? "dataset"
                       : !o       ? "options"
                                  : (o->network ? "loss" : "network"));
    bg_status status = bgi_engine_check(bg_model_engine(model), caller);
    if (status != BG_OK)
        return status;
    if (bg_model_members(model) > 0)
        return bg_fail(BG_ERR_ARGUMENT, "%s: the model is a population already; give that of one member", caller);
    if (bg_dataset_size(dataset) < 1 || bg_dataset_columns(dataset) < 2)
        return bg_fail(BG_ERR_ARGUMENT, "%s: a data set of %lld examples and %d columns, which has no input and target",
                       caller, (long long)bg_dataset_size(dataset), bg_dataset_columns(dataset));
    if (o->batch < 0 || o->members < 0 || o->batch > bg_dataset_size(dataset))
        return bg_fail(BG_ERR_ARGUMENT, "%s: %lld members and batches of %lld examples, of %lld", caller,
                       (long long)o->members, (long long)o->batch, (long long)bg_dataset_size(dataset));
    return BG_OK;
}

/* A network whose first values change as it is trained has no loss that follows from its parameters alone. */
static bg_status refuse_statistics(const bg_model *model)
{
    for (int i = 0; i < model->count; i++) {
        const bgi_model_entry *entry = &model->entries[i];
        if (!entry->is_parameter && strncmp(entry->name, "trainer.", 8) != 0 &&
            strncmp(entry->name, "optimizer.", 10) != 0)
            return bg_fail(BG_ERR_ARGUMENT, "%s: the network keeps running statistics, \"%s\", which no search sets",
                           caller, entry->name);
    }
    return BG_OK;
}

/* Whether candidates are best computed one after the other. A convolution is slower with the members of a population
 * beside each other, which keeps the values of samples from staying in lanes: 64 candidates of conv:8:3x3:pad=same relu
 * max_pool:2 dense:10 on 64 images 8x8 took 20 times as long. */
static bool convolves(const bg_graph *graph)
{
    for (int i = 0; i < graph->count; i++)
        for (const bg_op *const *op = bgi_convolution_ops; *op; op++)
            if (graph->nodes[i]->op == *op)
                return true;
    return false;
}

/* Builds the network once for the model itself, so that it has its parameters. */
static bg_status make_parameters(bg_population *p)
{
    loss_graph built;
    bg_status status = build_graph(p, p->model, &p->whole, &built);
    p->is_single = status == BG_OK && p->options.members == 0 && convolves(built.graph);
    bg_graph_destroy(built.graph);
    p->cost.dimension = bg_model_dimension(p->model);
    if (status == BG_OK && p->cost.dimension == 0)
        status = bg_fail(BG_ERR_ARGUMENT, "%s: the network has no parameters to search for", caller);
    return status == BG_OK ? refuse_statistics(p->model) : status;
}

/* Whether all layers take members; otherwise candidates are computed one after the other, unless several were asked
 * for. */
static bg_status try_members(bg_population *p)
{
    bg_model *model = NULL;
    loss_graph built = { .graph = NULL };
    if (p->is_single || p->options.members == 1)
        return BG_OK;
    bg_status status = make_model(p, 2, &model);
    if (status == BG_OK)
        status = build_graph(p, model, &p->whole, &built);
    bg_graph_destroy(built.graph);
    bg_model_destroy(model);
    p->is_single = status != BG_OK && status != BG_ERR_NOMEM && p->options.members == 0;
    return p->is_single ? BG_OK : status;
}

static double product_flops(const bg_program *program)
{
    return program ? bg_program_report(program).product_flops : 0;
}

/* From a program of one member, what a loss takes and how many members fit. That must not follow from the number of
 * threads, as the bytes that are planned for a program do: a layer_norm of other members has other last bits. */
static bg_status measure(bg_population *p)
{
    unit *one;
    bg_status status = find_unit(p, 1, &one);
    if (status != BG_OK)
        return status;
    p->cost.product_flops = product_flops(one->whole) * (double)(p->cost.examples / p->rows) + product_flops(one->rest);
    size_t bytes = p->options.bytes ? p->options.bytes : DEFAULT_BYTES;
    size_t parameters = (size_t)p->cost.dimension * bg_dtype_size(bg_model_dtype(p->model));
    size_t each = bg_program_report(one->whole).unplanned_bytes + parameters;
    size_t fit = each > 0 ? bytes / each : 1;
    bool is_single = p->is_single || product_flops(one->whole) > LARGE_FLOPS;
    p->cost.members = fit < 1 || is_single ? 1 : (int64_t)fit;
    if (p->options.members > 0)
        p->cost.members = p->options.members;
    return BG_OK;
}

static bg_status start(bg_population *p, const bg_dataset *dataset)
{
    int64_t examples = p->options.batch > 0 ? p->options.batch : bg_dataset_size(dataset);
    p->cost.examples = examples;
    p->rows = examples < ROWS_MAX ? examples : ROWS_MAX;
    p->whole_start = p->rest_start = -1;
    bg_status status = bgi_batch_memory_create(&p->whole, p->engine, dataset, p->rows);
    if (status == BG_OK && examples % p->rows)
        status = bgi_batch_memory_create(&p->rest, p->engine, dataset, examples % p->rows);
    if (status == BG_OK)
        status = make_parameters(p);
    if (status == BG_OK)
        status = try_members(p);
    return status == BG_OK ? measure(p) : status;
}

bg_status bg_population_create(bg_population **population, bg_model *model, const bg_dataset *dataset,
                               const bg_population_options *options)
{
    bg_status status = check(population, model, dataset, options);
    if (status != BG_OK)
        return status;
    bg_engine *engine = bg_model_engine(model);
    bg_population *made = bgi_alloc_zero(engine, sizeof *made);
    if (!made)
        return BG_ERR_NOMEM;
    bgi_engine_retain(engine);
    bgi_model_retain(model);
    made->engine = engine;
    made->model = model;
    made->dataset = bgi_dataset_retain(dataset);
    made->options = *options;
    status = start(made, dataset);
    if (status == BG_OK)
        *population = made;
    else
        bg_population_destroy(made);
    return status;
}

void bg_population_destroy(bg_population *population)
{
    if (!population)
        return;
    bg_engine *engine = population->engine;
    for (int i = 0; i < UNITS; i++)
        release_unit(&population->units[i]);
    if (population->whole.engine)
        bgi_batch_memory_release(&population->whole);
    if (population->rest.engine)
        bgi_batch_memory_release(&population->rest);
    bg_dataset_destroy(population->dataset);
    bg_model_destroy(population->model);
    bgi_free(engine, population, sizeof *population);
    bgi_engine_release(engine);
}

bg_population_cost bg_population_get_cost(const bg_population *population)
{
    return population ? population->cost : (bg_population_cost){ 0 };
}

/* ---- Evaluation ---- */

/* The order of the examples of this generation, and where in it they begin. */
static bgi_order order_of(const bg_population *p, int64_t *first)
{
    int64_t n = bg_dataset_size(p->dataset), batch = p->options.batch;
    bgi_order order = { .n = (uint64_t)n };
    *first = 0;
    if (batch == 0)
        return order;
    int64_t batches = n / batch;
    order.is_shuffled = true;
    order.seed = p->options.seed;
    order.stream = bgi_hash_text("population.shuffle") + (uint64_t)(p->generation / batches);
    *first = p->generation % batches * batch;
    return order;
}

/* Brings the examples from `start` on, unless they are there. */
static bg_status read(bg_population *p, const bgi_order *order, int64_t first, int64_t start, int64_t size)
{
    bool is_whole = size == p->whole.size;
    int64_t *there = is_whole ? &p->whole_start : &p->rest_start;
    if (*there == start)
        return BG_OK;
    const bgi_span span = { *order, first + start, size };
    *there = -1;
    bg_status status = bgi_span_read(&span, p->dataset, is_whole ? &p->whole : &p->rest);
    *there = status == BG_OK ? start : -1;
    return status;
}

/* Adds up the losses of a unit's members over all examples. */
static bg_status sum_losses(bg_population *p, const unit *u, double *losses)
{
    int64_t first, examples = p->cost.examples;
    const bgi_order order = order_of(p, &first);
    for (int64_t k = 0; k < u->members; k++)
        losses[k] = 0;
    for (int64_t start = 0; start < examples; start += p->rows) {
        int64_t size = examples - start < p->rows ? examples - start : p->rows;
        bg_program *program = size == p->rows ? u->whole : u->rest;
        bg_status status = read(p, &order, first, start, size);
        if (status == BG_OK)
            status = bg_program_run(program);
        if (status != BG_OK)
            return status;
        const void *means = bg_tensor_const_data(bg_program_output(program, 0));
        bool is_f64 = bg_tensor_dtype(bg_program_output(program, 0)) == BG_F64;
        for (int64_t k = 0; k < u->members; k++) {
            double mean = is_f64 ? ((const double *)means)[k] : (double)((const float *)means)[k];
            losses[k] += mean * ((double)size / (double)examples);
        }
    }
    return BG_OK;
}

bg_status bg_population_evaluate(const bg_tensor *candidates, double *losses, void *population)
{
    bg_population *p = population;
    if (!candidates || !losses || !p)
        return bg_fail(BG_ERR_ARGUMENT, "population_evaluate: %s is NULL",
                       !candidates ? "candidates"
                       : losses    ? "population"
                                   : "losses");
    bg_shape shape = bg_tensor_shape(candidates);
    if (bg_tensor_dtype(candidates) != BG_F64 || shape.rank != 2 || shape.dims[1] != p->cost.dimension ||
        !bg_tensor_is_contiguous(candidates))
        return bg_fail(BG_ERR_SHAPE, "population_evaluate: candidates %s %s, not contiguous f64 [n, %lld]",
                       bg_dtype_name(bg_tensor_dtype(candidates)), bgi_shape_format(shape).text,
                       (long long)p->cost.dimension);
    bg_status status = bgi_engine_check(p->engine, "population_evaluate");
    const double *vectors = bg_tensor_const_data(candidates);
    for (int64_t done = 0; done < shape.dims[0] && status == BG_OK;) {
        int64_t left = shape.dims[0] - done, members = left < p->cost.members ? left : p->cost.members;
        unit *u;
        status = find_unit(p, members, &u);
        if (status == BG_OK)
            status = bg_model_set_vectors(u->model, vectors + done * p->cost.dimension, members);
        if (status == BG_OK)
            status = sum_losses(p, u, losses + done);
        done += members;
    }
    if (status == BG_OK && p->options.batch > 0) {
        p->generation++;
        p->whole_start = p->rest_start = -1;
    }
    return status;
}
