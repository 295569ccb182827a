/* Random numbers, dropout, and the step counter that they read. */
#include "ops/random.h"

#include "base/hash.h"
#include "base/random.h"

#include <math.h>
#include <string.h>

/* ---- Sites and steps ---- */

int64_t bgi_random_site(bg_graph *graph) { return graph->random_sites++; }
int64_t bgi_random_site_of(const char *name) { return (int64_t)bgi_hash_text(name); }

/* advance: the step of the next run */
static bg_status advance_call(const bg_call *call)
{
    const uint64_t *step = call->inputs[0];
    *(uint64_t *)call->output = *step + 1;
    return BG_OK;
}
static const bg_op advance_op = { .name = "advance",
                                  .arity = 1,
                                  .infer = bgi_infer_same,
                                  .is_constant = true,
                                  .call = advance_call,
                                  .never_fails = true };

static bg_node *own_counter(bg_graph *graph)
{
    bg_tensor *counter = NULL;
    if (!bgi_graph_accept(graph, bg_tensor_create(&counter, graph->engine, BG_I64, BG_SCALAR)))
        return NULL;
    bg_node *step = bg_buffer(graph, counter);
    bg_tensor_destroy(counter);
    return step;
}

static bg_tensor *source_counter(bg_graph *graph)
{
    bg_tensor *counter = NULL;
    bgi_graph_accept(graph, graph->random_source.counter(graph->random_source.owner, &counter));
    return counter;
}

bg_node *bgi_random_step(bg_graph *graph)
{
    if (graph->random_step)
        return graph->random_step;
    bg_node *step = NULL;
    if (graph->random_source.owner) {
        bg_tensor *counter = source_counter(graph);
        step = counter ? bg_buffer(graph, counter) : NULL;
    } else {
        step = own_counter(graph);
    }
    bg_node *next = bgi_apply_1(&advance_op, step);
    if (!next)
        return NULL;
    bg_update(step, next);
    return graph->random_step = step;
}

bool bgi_random_attach(bg_graph *graph, bgi_random_source source)
{
    if (graph->random_source.owner) {
        source.release(source.owner);
        return true;
    }
    graph->random_source = source;
    if (!graph->random_step)
        return true;
    bg_tensor *counter = source_counter(graph);
    if (!counter)
        return false;
    bgi_tensor_retain(counter);
    bg_tensor_destroy(graph->random_step->tensor);
    graph->random_step->tensor = counter;
    return true;
}

/* ---- Draws ---- */

/* a and b: the interval, or mean and deviation, or in a the probability. */
typedef struct {
    int64_t site, dtype, rank, dims[BG_MAX_RANK];
    double a, b;
    int64_t low, range;
} draw_attributes;

/* Two sites have different keys, but for one chance in 2^64. */
static uint64_t key_of(const bg_node *node, int64_t site)
{
    const uint64_t parts[2] = { node->graph->engine->seed, (uint64_t)site };
    return bgi_hash_bytes(parts, sizeof parts);
}

typedef struct {
    uint64_t key, step;
    const bgk_table *kernels;
} stream;

static stream stream_of(const bg_call *call)
{
    const draw_attributes *attributes = call->node->attributes;
    const int64_t *step = call->inputs[0];
    return (stream){ key_of(call->node, attributes->site), (uint64_t)*step, call->node->graph->engine->kernels };
}

/* Numbers are drawn in pieces that stay in the cache. */
enum { PIECE = 256 };
static int64_t piece_of(int64_t left) { return left < PIECE ? left : PIECE; }

/* Numbers first .. first + n of 64 bits; a block of Philox has two. */
static void draw_bits(stream s, int64_t first, int64_t n, uint64_t *bits)
{
    uint32_t words[2 * PIECE + 4];
    const uint32_t *half = words + first % 2 * 2;
    s.kernels->philox(words, s.key, s.step, (uint64_t)first / 2, (first % 2 + n + 1) / 2);
    for (int64_t i = 0; i < n; i++)
        bits[i] = (uint64_t)half[2 * i + 1] << 32 | half[2 * i];
}
/* The conversion of a signed number takes one instruction. */
static double fraction(uint64_t bits) { return (double)(int64_t)(bits >> 11) * 0x1p-53; }

static bg_status draw_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    const draw_attributes *attributes = node->attributes;
    *dtype = (bg_dtype)attributes->dtype;
    shape->rank = (int)attributes->rank;
    memcpy(shape->dims, attributes->dims, sizeof shape->dims);
    return BG_OK;
}
static int64_t draw_units(const bg_node *node, int input) { return input < 0 ? bg_shape_count(node->shape) : 1; }
/* Ten rounds of Philox, each a few operations, make two to four numbers. */
static double draw_flops(const bg_node *node) { return 16 * (double)bg_shape_count(node->shape); }

static bg_node *draw(const bg_op *op, bg_node *step, bg_dtype dtype, bg_shape shape, draw_attributes attributes)
{
    attributes.dtype = dtype;
    attributes.rank = shape.rank;
    for (int i = 0; i < shape.rank; i++)
        attributes.dims[i] = shape.dims[i];
    return bg_apply(op, &step, 1, &attributes, sizeof attributes);
}

/* Whether a draw of this shape can be made; the node's own shape rule would read dims that are not there. */
static bool takes_shape(const char *op, bg_graph *graph, bg_dtype dtype, bg_shape shape)
{
    int64_t count;
    size_t bytes;
    if (!graph) {
        bg_fail(BG_ERR_ARGUMENT, "%s: the graph is NULL", op);
        return false;
    }
    return bgi_graph_accept(graph, bgi_engine_check(graph->engine, op)) &&
           bgi_graph_accept(graph, bgi_shape_check(shape, dtype, op, &count, &bytes));
}

#define DRAW(name_, call_)                                                                                             \
    {                                                                                                                  \
        .name = name_, .arity = 1, .infer = draw_infer, .is_constant = true, .call = call_, .never_fails = true,       \
        .units = draw_units, .flops = draw_flops                                                                       \
    }

/* Each output is a value of the 64 bits of its own number. */
#define FILL(type, value)                                                                                              \
    do {                                                                                                               \
        type *output = call->output;                                                                                   \
        uint64_t numbers[PIECE];                                                                                       \
        for (int64_t first = call->first; first < call->last; first += PIECE, output += PIECE) {                       \
            const int64_t n = piece_of(call->last - first);                                                            \
            draw_bits(s, first, n, numbers);                                                                           \
            for (int64_t i = 0; i < n; i++) {                                                                          \
                const uint64_t bits = numbers[i];                                                                      \
                output[i] = (value);                                                                                   \
            }                                                                                                          \
        }                                                                                                              \
    } while (0)

/* uniform: low + (high - low) u. Rounding may lead to high, which is not in the interval: most is the number before. */
static float uniform_f32(uint64_t bits, double low, double high, float most)
{
    float value = (float)(low + (high - low) * ((double)(int32_t)(bits >> 40) * 0x1p-24));
    return value < (float)high ? value : most;
}
static double uniform_f64(uint64_t bits, double low, double high, double most)
{
    double value = low + (high - low) * fraction(bits);
    return value < high ? value : most;
}
static bg_status uniform_call(const bg_call *call)
{
    const draw_attributes *attributes = call->node->attributes;
    const double low = attributes->a, high = attributes->b, most = nextafter(high, low);
    const float most_f32 = nextafterf((float)high, (float)low);
    stream s = stream_of(call);
    if (call->node->dtype == BG_F32)
        FILL(float, uniform_f32(bits, low, high, most_f32));
    else
        FILL(double, uniform_f64(bits, low, high, most));
    return BG_OK;
}
static const bg_op uniform_op = DRAW("uniform", uniform_call);

static bool takes_float_type(const char *op, bg_graph *graph, bg_dtype dtype)
{
    if (!bgi_is_float(dtype))
        bgi_graph_fail(graph, BG_ERR_DTYPE, "%s: the type is %s, not f32 or f64", op, bg_dtype_name(dtype));
    return bgi_is_float(dtype);
}

bg_node *bg_uniform(bg_graph *graph, bg_dtype dtype, bg_shape shape, double low, double high)
{
    if (!takes_shape("uniform", graph, dtype, shape) || !takes_float_type("uniform", graph, dtype))
        return NULL;
    if (dtype == BG_F32) {
        low = (double)(float)low;
        high = (double)(float)high;
    }
    if (!(low <= high) || !isfinite(high - low))
        return bgi_graph_fail(graph, BG_ERR_ARGUMENT, "uniform: from %g to %g is no interval", low, high);
    draw_attributes attributes = { .site = bgi_random_site(graph), .a = low, .b = high };
    return draw(&uniform_op, bgi_random_step(graph), dtype, shape, attributes);
}

/* normal: numbers 2 i and 2 i + 1 are r cos t and r sin t of the same two uniform numbers. Pieces begin at an even
 * number, so that both come from one pair. */
static void draw_normal(stream s, int64_t first, int64_t pairs, double mean, double deviation, double *numbers)
{
    const double two_pi = 6.28318530717958647693;
    const bgk_kernels *k = &s.kernels->f64;
    uint64_t bits[PIECE];
    double radius[PIECE / 2], angle[PIECE / 2], cosine[PIECE / 2];
    draw_bits(s, first, 2 * pairs, bits);
    for (int64_t i = 0; i < pairs; i++) {
        radius[i] = 1 - fraction(bits[2 * i]); /* above 0 */
        angle[i] = two_pi * fraction(bits[2 * i + 1]);
    }
    k->log(radius, radius, 1, NULL, 0, NULL, 0, pairs);
    k->cos(cosine, angle, 1, NULL, 0, NULL, 0, pairs);
    k->sin(angle, angle, 1, NULL, 0, NULL, 0, pairs);
    for (int64_t i = 0; i < pairs; i++) {
        double scale = deviation * sqrt(-2 * radius[i]);
        numbers[2 * i] = mean + scale * cosine[i];
        numbers[2 * i + 1] = mean + scale * angle[i];
    }
}
static void put_numbers(bg_dtype dtype, void *data, int64_t at, const double *numbers, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        if (dtype == BG_F32)
            ((float *)data)[at + i] = (float)numbers[i];
        else
            ((double *)data)[at + i] = numbers[i];
    }
}
void bgi_random_normals(const bgk_table *kernels, uint64_t key, uint64_t step, bg_dtype dtype, void *data, int64_t n)
{
    stream s = { key, step, kernels };
    double numbers[PIECE];
    for (int64_t first = 0; first < n; first += PIECE) {
        int64_t piece = piece_of(n - first);
        draw_normal(s, first, (piece + 1) / 2, 0, 1, numbers);
        put_numbers(dtype, data, first, numbers, piece);
    }
}
static bg_status normal_call(const bg_call *call)
{
    const draw_attributes *attributes = call->node->attributes;
    stream s = stream_of(call);
    double numbers[PIECE];
    for (int64_t first = call->first & ~(int64_t)1; first < call->last; first += PIECE) {
        const int64_t n = piece_of(call->last - first), skipped = first < call->first;
        draw_normal(s, first, (n + 1) / 2, attributes->a, attributes->b, numbers);
        put_numbers(call->node->dtype, call->output, first + skipped - call->first, numbers + skipped, n - skipped);
    }
    return BG_OK;
}
static const bg_op normal_op = DRAW("normal", normal_call);
bg_node *bg_normal(bg_graph *graph, bg_dtype dtype, bg_shape shape, double mean, double deviation)
{
    if (!takes_shape("normal", graph, dtype, shape) || !takes_float_type("normal", graph, dtype))
        return NULL;
    if (!isfinite(mean) || !isfinite(deviation) || deviation < 0)
        return bgi_graph_fail(graph, BG_ERR_ARGUMENT, "normal: mean %g, standard deviation %g", mean, deviation);
    draw_attributes attributes = { .site = bgi_random_site(graph), .a = mean, .b = deviation };
    return draw(&normal_op, bgi_random_step(graph), dtype, shape, attributes);
}

/* randint: low + the high word of 64 bits times the range */
static uint64_t below(uint64_t word, uint64_t n)
{
    uint64_t high = (word >> 32) * (n >> 32), cross = (word >> 32) * (n & 0xFFFFFFFF);
    uint64_t other = (word & 0xFFFFFFFF) * (n >> 32), low = (word & 0xFFFFFFFF) * (n & 0xFFFFFFFF);
    uint64_t middle = (low >> 32) + (cross & 0xFFFFFFFF) + (other & 0xFFFFFFFF);
    return high + (cross >> 32) + (other >> 32) + (middle >> 32);
}
static bg_status randint_call(const bg_call *call)
{
    const draw_attributes *attributes = call->node->attributes;
    const uint64_t low = (uint64_t)attributes->low, range = (uint64_t)attributes->range;
    stream s = stream_of(call);
    if (call->node->dtype == BG_I64)
        FILL(int64_t, (int64_t)(low + below(bits, range)));
    else if (call->node->dtype == BG_I32)
        FILL(int32_t, (int32_t)(int64_t)(low + below(bits, range)));
    else
        FILL(uint8_t, (uint8_t)(low + below(bits, range)));
    return BG_OK;
}
static const bg_op randint_op = DRAW("randint", randint_call);
bg_node *bg_randint(bg_graph *graph, bg_dtype dtype, bg_shape shape, int64_t low, int64_t high)
{
    if (!takes_shape("randint", graph, dtype, shape))
        return NULL;
    if (!bgi_is_integer(dtype))
        return bgi_graph_fail(graph, BG_ERR_DTYPE, "randint: the type is %s, not i32, i64 or u8", bg_dtype_name(dtype));
    int64_t least = dtype == BG_I64 ? INT64_MIN : dtype == BG_I32 ? INT32_MIN : 0;
    int64_t most = dtype == BG_I64 ? INT64_MAX : dtype == BG_I32 ? INT32_MAX : UINT8_MAX;
    if (low >= high || low < least || high - 1 > most)
        return bgi_graph_fail(graph, BG_ERR_ARGUMENT, "randint: no %s from %lld to below %lld", bg_dtype_name(dtype),
                              (long long)low, (long long)high);
    draw_attributes attributes = { .site = bgi_random_site(graph),
                                   .low = low,
                                   .range = (int64_t)((uint64_t)high - (uint64_t)low) };
    return draw(&randint_op, bgi_random_step(graph), dtype, shape, attributes);
}

/* permutation: each number i in turn goes to a place up to its own, whose number moves up to place i */
static bg_status permutation_call(const bg_call *call)
{
    stream s = stream_of(call);
    uint64_t bits[PIECE];
    int64_t *output = call->output, n = bg_shape_count(call->node->shape);
    for (int64_t i = 0; i < n; i++) {
        if (i % PIECE == 0)
            draw_bits(s, i, piece_of(n - i), bits);
        int64_t place = (int64_t)below(bits[i % PIECE], (uint64_t)i + 1);
        output[i] = output[place];
        output[place] = i;
    }
    return BG_OK;
}
static const bg_op permutation_op = { .name = "permutation",
                                      .arity = 1,
                                      .infer = draw_infer,
                                      .is_constant = true,
                                      .call = permutation_call,
                                      .never_fails = true,
                                      .flops = draw_flops };
bg_node *bg_permutation(bg_graph *graph, int64_t n)
{
    if (!takes_shape("permutation", graph, BG_I64, BG_SHAPE(n)))
        return NULL;
    draw_attributes attributes = { .site = bgi_random_site(graph) };
    return draw(&permutation_op, bgi_random_step(graph), BG_I64, BG_SHAPE(n), attributes);
}

/* bernoulli: 1 where a uniform number is less than p */
bg_node *bg_bernoulli(bg_node *p)
{
    if (!bgi_takes_float("bernoulli", p))
        return NULL;
    bg_node *u = bg_uniform(p->graph, BG_F64, p->shape, 0, 1);
    return bg_cast(bg_less(u, bg_cast(bg_stop_gradient(p), BG_F64)), p->dtype);
}

/* ---- Dropout ---- */

bgi_keep bgi_keep_of(const bg_node *node, int64_t site, int64_t step, double p)
{
    return (bgi_keep){ key_of(node, site), (uint64_t)step, (uint64_t)ldexp(p, 32),
                       node->graph->engine->kernels->philox };
}

void bgi_keep_row(const bgi_keep *keep, int64_t first, int64_t n, uint8_t *keeps)
{
    uint32_t words[4 * PIECE + 4];
    if (keep->limit > UINT32_MAX)
        memset(keeps, 0, (size_t)n);
    for (int64_t done = 0; keep->limit <= UINT32_MAX && done < n; done += 4 * PIECE) {
        const int64_t i = first + done, count = n - done < 4 * PIECE ? n - done : 4 * PIECE;
        const uint32_t limit = (uint32_t)keep->limit, *word = words + i % 4;
        keep->philox(words, keep->key, keep->step, (uint64_t)i / 4, (i % 4 + count + 3) / 4);
        for (int64_t k = 0; k < count; k++)
            keeps[done + k] = word[k] >= limit;
    }
}

/* keep: word i of 32 bits is at least p 2^32 */
static bg_status keep_call(const bg_call *call)
{
    const draw_attributes *attributes = call->node->attributes;
    const int64_t *step = call->inputs[0];
    bgi_keep keep = bgi_keep_of(call->node, attributes->site, *step, attributes->a);
    bgi_keep_row(&keep, call->first, call->last - call->first, call->output);
    return BG_OK;
}
static const bg_op keep_op = DRAW("keep", keep_call);
bg_node *bgi_random_keep(bg_node *step, bg_shape shape, double p, int64_t site)
{
    return draw(&keep_op, step, BG_BOOL, shape, (draw_attributes){ .site = site, .a = p });
}

bool bgi_is_probability(const char *op, const bg_node *x, double p)
{
    if (p >= 0 && p <= 1)
        return true;
    bgi_graph_fail(x->graph, BG_ERR_ARGUMENT, "%s: p is %g, not between 0 and 1", op, p);
    return false;
}

/* What is kept of x, broadcast from its leading axes. */
static bg_node *kept(bg_node *x, double p, int leading, int64_t site)
{
    bg_shape drawn = x->shape, spread = x->shape;
    if (leading >= 0)
        drawn.rank = leading;
    for (int i = drawn.rank; i < spread.rank; i++)
        spread.dims[i] = 1;
    return bg_reshape(bgi_random_keep(bgi_random_step(x->graph), drawn, p, site), spread);
}

/* dropout: keep ? x / (1 - p) : 0; its gradient is that of its parts, dy the same */
bg_node *bgi_dropout_at(const char *op, bg_node *x, double p, int leading, int64_t site)
{
    if (!bgi_takes_float(op, x) || !bgi_is_probability(op, x, p))
        return NULL;
    if (leading > x->shape.rank)
        return bgi_graph_fail(x->graph, BG_ERR_SHAPE, "%s: needs x [n, c, ..]: x %s", op,
                              bgi_shape_format(x->shape).text);
    if (p == 0)
        return x;
    bg_node *scaled = bg_mul_scalar(x, p < 1 ? 1 / (1 - p) : 0);
    return bg_where(kept(x, p, leading, site), scaled, bgi_scalar_like(x, 0));
}
bg_node *bg_dropout(bg_node *x, double p)
{
    return x ? bgi_dropout_at("dropout", x, p, -1, bgi_random_site(x->graph)) : NULL;
}
bg_node *bg_dropout_channels(bg_node *x, double p)
{
    return x ? bgi_dropout_at("dropout_channels", x, p, 2, bgi_random_site(x->graph)) : NULL;
}

/* alpha_dropout: a (keep ? x : α) + b with α = -λ α of SELU, to which its negative arguments tend; a and b give mean 0
 * and variance 1 back: a = ((1 - p) (1 + p α²))^-1/2, b = -a α p */
bg_node *bg_alpha_dropout(bg_node *x, double p)
{
    const double alpha = -1.7580993408473766;
    if (!bgi_takes_float("alpha_dropout", x) || !bgi_is_probability("alpha_dropout", x, p))
        return NULL;
    int64_t site = bgi_random_site(x->graph);
    if (p == 0)
        return x;
    if (p == 1)
        return bg_broadcast(bgi_scalar_like(x, 0), x->shape);
    double a = 1 / sqrt((1 - p) * (1 + p * alpha * alpha)), b = -a * alpha * p;
    bg_node *scaled = bg_add_scalar(bg_mul_scalar(x, a), b);
    return bg_where(kept(x, p, -1, site), scaled, bgi_scalar_like(x, a * alpha + b));
}

const bg_op *const bgi_random_ops[] = { &advance_op,     &uniform_op, &normal_op, &randint_op,
                                        &permutation_op, &keep_op,    NULL };
