/* First values of parameters and buffers: drawn by the place of the element, from the engine's seed and the name. */
#include "nn/init.h"

#include "base/hash.h"
#include "base/random.h"
#include "blas/blas.h"
#include "blas/lapack.h"
#include "tensor/tensor.h"

#include <math.h>
#include <string.h>

static const double pi = 3.14159265358979323846;

/* What numbers of one tensor are drawn with. */
typedef struct {
    uint64_t seed, stream;
    double low, high;       /* uniform, truncated normal */
    double mean, deviation; /* normal, truncated normal */
} source;

typedef double draw(const source *s, int64_t i);

/* ---- Fans and gains ---- */

static int64_t fan(bg_shape shape, int axis)
{
    int64_t elements = shape.dims[axis];
    for (int i = 2; i < shape.rank; i++)
        elements *= shape.dims[i];
    return elements;
}
int64_t bgi_fan_in(bg_shape shape) { return fan(shape, 1); }

bg_init bgi_init_uniform_of(int64_t fan_in)
{
    if (fan_in <= 0)
        return (bg_init){ .kind = BG_INIT_ZEROS };
    return (bg_init){ .kind = BG_INIT_UNIFORM, .bound = 1 / sqrt((double)fan_in) };
}

double bg_init_gain(const char *activation, double slope)
{
    static const struct {
        const char *name;
        double gain;
    } gains[] = { { "linear", 1 }, { "sigmoid", 1 }, { "tanh", 5.0 / 3 }, { "relu", 0 }, { "selu", 0.75 } };
    for (size_t i = 0; activation && i < sizeof gains / sizeof gains[0]; i++)
        if (strcmp(activation, gains[i].name) == 0)
            return gains[i].gain > 0 ? gains[i].gain : sqrt(2);
    if (activation && strcmp(activation, "leaky_relu") == 0)
        return sqrt(2 / (1 + slope * slope));
    bg_fail(BG_ERR_ARGUMENT,
            "init_gain: no gain is known of \"%.60s\"; it is of linear sigmoid tanh relu leaky_relu selu",
            activation ? activation : "");
    return NAN;
}

static double gain_of(bg_init init)
{
    bool is_kaiming = init.kind == BG_INIT_KAIMING_UNIFORM || init.kind == BG_INIT_KAIMING_NORMAL;
    return init.gain != 0 ? init.gain : is_kaiming ? sqrt(2) : 1;
}

/* The standard deviation of the kinds that choose it by fans; 0 without inputs. */
static double deviation_of(bg_shape shape, bg_init init)
{
    bool is_xavier = init.kind == BG_INIT_XAVIER_UNIFORM || init.kind == BG_INIT_XAVIER_NORMAL;
    double in = (double)fan(shape, 1), out = (double)fan(shape, 0);
    double size = is_xavier ? (in + out) / 2 : init.is_fan_out ? out : in;
    return size > 0 ? gain_of(init) / sqrt(size) : 0;
}

/* ---- Numbers ---- */

static double draw_uniform(const source *s, int64_t i)
{
    double center = (s->low + s->high) / 2, half = (s->high - s->low) / 2;
    return center + half * (2 * bgi_random_uniform(s->seed, s->stream, (uint64_t)i) - 1);
}

/* Box, Muller, A note on the generation of random normal deviates, 1958. Both numbers are of one block. */
static double draw_normal(const source *s, int64_t i)
{
    double u = bgi_random_uniform(s->seed, s->stream, 2 * (uint64_t)i);
    double angle = 2 * pi * bgi_random_uniform(s->seed, s->stream, 2 * (uint64_t)i + 1);
    return s->mean + s->deviation * sqrt(-2 * log(1 - u)) * cos(angle);
}

static double tail(double z) { return erfc(z / sqrt(2)) / 2; }

/* Where the normal distribution has the probability p above, between low and high: Newton's method from the middle,
 * which halves the interval where a step leaves it. */
static double quantile(double p, double low, double high)
{
    double z = (low + high) / 2;
    for (int i = 0; i < 100; i++) {
        double excess = tail(z) - p;
        if (excess > 0)
            low = z;
        else
            high = z;
        double next = z + excess * sqrt(2 * pi) * exp(z * z / 2);
        if (!(next > low && next < high))
            next = (low + high) / 2;
        if (fabs(next - z) <= 1e-15 * (1 + fabs(z)))
            break;
        z = next;
    }
    return z;
}

/* A uniform share of the probability between the cuts, turned into a number. Both are taken above 0 if they can be,
 * where probabilities of far tails keep their digits. */
static double draw_truncated(const source *s, int64_t i)
{
    double low = (s->low - s->mean) / s->deviation, high = (s->high - s->mean) / s->deviation;
    bool is_turned = low + high < 0;
    if (is_turned) {
        double turned = -low;
        low = -high;
        high = turned;
    }
    low = fmax(low, -40);
    high = fmin(high, 40);
    double share = bgi_random_uniform(s->seed, s->stream, (uint64_t)i), above = tail(high);
    double z = low < high ? quantile(above + share * (tail(low) - above), low, high) : low;
    double value = s->mean + s->deviation * (is_turned ? -z : z);
    return fmin(fmax(value, s->low), s->high);
}

/* ---- Filling ---- */

static void put(bg_tensor *tensor, void *data, int64_t i, double value)
{
    if (tensor->dtype == BG_F32)
        ((float *)data)[i] = (float)value;
    else
        ((double *)data)[i] = value;
}

static bg_status fill_drawn(bg_tensor *tensor, const source *s, draw *number)
{
    void *data = bg_tensor_data(tensor);
    int64_t count = bg_shape_count(tensor->shape);
    for (int64_t i = 0; i < count; i++)
        put(tensor, data, i, number(s, i));
    return BG_OK;
}

/* Q of the QR decomposition of normal numbers, a [rows, rest] or its transpose, where the diagonal of R is positive:
 * the distribution that is the same in all directions. Mezzadri, How to generate random matrices from the classical
 * compact groups, 2007. */
static bg_status fill_orthogonal(bg_tensor *tensor, const char *name, const source *s, double gain)
{
    bg_engine *engine = tensor->storage->engine;
    int64_t count = bg_shape_count(tensor->shape), rows = tensor->shape.dims[0];
    if (count == 0)
        return BG_OK;
    int64_t rest = count / rows, m = rows > rest ? rows : rest, n = rows > rest ? rest : rows;
    int64_t first = bgi_lapack_geqrf_work(BG_F64, m, n), second = bgi_lapack_orgqr_work(BG_F64, m, n, n);
    int64_t work_count = first > second ? first : second;
    size_t most = SIZE_MAX / sizeof(double);
    if ((uint64_t)count > most - 2 * (size_t)n || (uint64_t)work_count > most - (size_t)count - 2 * (size_t)n)
        return bg_fail(BG_ERR_NOMEM, "model: out of memory for the first values of \"%s\"", name);
    size_t bytes = ((size_t)count + 2 * (size_t)n + (size_t)work_count) * sizeof(double);
    double *a = bgi_alloc(engine, bytes);
    if (!a)
        return BG_ERR_NOMEM;
    double *diagonal = a + count, *reflections = diagonal + n, *work = reflections + n;
    source standard = { .seed = s->seed, .stream = s->stream, .deviation = 1 };
    for (int64_t i = 0; i < count; i++)
        a[i] = draw_normal(&standard, i);
    int64_t info = bgi_lapack_geqrf(BG_F64, m, n, a, m, reflections, work, work_count);
    for (int64_t i = 0; i < n; i++)
        diagonal[i] = a[i * m + i];
    if (info == 0)
        info = bgi_lapack_orgqr(BG_F64, m, n, n, a, m, reflections, work, work_count);
    void *data = bg_tensor_data(tensor);
    for (int64_t j = 0; j < n && info == 0; j++) {
        double factor = diagonal[j] < 0 ? -gain : gain;
        for (int64_t i = 0; i < m; i++) /* column j of a is row j of the transpose */
            put(tensor, data, rows > rest ? i * n + j : j * m + i, factor * a[j * m + i]);
    }
    bgi_free(engine, a, bytes);
    return info == 0
               ? BG_OK
               : bg_fail(BG_ERR_NUMERIC, "model: the QR decomposition for \"%s\" reports %lld", name, (long long)info);
}

/* The first channels of each group are handed on: 1 in the middle of their own kernel. */
static void fill_dirac(bg_tensor *tensor, int64_t groups)
{
    bg_shape shape = tensor->shape;
    int64_t of_group = shape.dims[0] / groups, channels = of_group < shape.dims[1] ? of_group : shape.dims[1];
    int64_t elements = 1, middle = 0;
    for (int i = 2; i < shape.rank; i++) {
        elements *= shape.dims[i];
        middle = middle * shape.dims[i] + shape.dims[i] / 2;
    }
    void *data = bg_tensor_data(tensor);
    for (int64_t g = 0; g < groups; g++)
        for (int64_t c = 0; c < channels; c++)
            put(tensor, data, ((g * of_group + c) * shape.dims[1] + c) * elements + middle, 1);
}

bg_status bgi_init_fill(bg_tensor *tensor, const char *name, bg_init init)
{
    source s = { .seed = tensor->storage->engine->seed,
                 .stream = bgi_hash_text(name),
                 .low = init.low,
                 .high = init.high,
                 .mean = init.mean,
                 .deviation = init.deviation > 0 ? init.deviation : 1 };
    switch (init.kind) {
    case BG_INIT_DEFAULT:
    case BG_INIT_ZEROS:
        return BG_OK;
    case BG_INIT_ONES:
        return bg_tensor_fill(tensor, 1);
    case BG_INIT_CONSTANT:
        return bg_tensor_fill(tensor, init.value);
    case BG_INIT_UNIFORM:
        if (init.low == 0 && init.high == 0) {
            s.low = -init.bound;
            s.high = init.bound;
        }
        return fill_drawn(tensor, &s, draw_uniform);
    case BG_INIT_NORMAL:
        return fill_drawn(tensor, &s, draw_normal);
    case BG_INIT_TRUNCATED_NORMAL:
        if (init.low == 0 && init.high == 0) {
            s.low = -2;
            s.high = 2;
        }
        return fill_drawn(tensor, &s, draw_truncated);
    case BG_INIT_XAVIER_UNIFORM:
    case BG_INIT_KAIMING_UNIFORM:
    case BG_INIT_LECUN_UNIFORM:
        s.high = sqrt(3) * deviation_of(tensor->shape, init);
        s.low = -s.high;
        return fill_drawn(tensor, &s, draw_uniform);
    case BG_INIT_XAVIER_NORMAL:
    case BG_INIT_KAIMING_NORMAL:
    case BG_INIT_LECUN_NORMAL:
        s.mean = 0;
        s.deviation = deviation_of(tensor->shape, init);
        return fill_drawn(tensor, &s, draw_normal);
    case BG_INIT_ORTHOGONAL:
        return fill_orthogonal(tensor, name, &s, gain_of(init));
    case BG_INIT_IDENTITY: {
        void *data = bg_tensor_data(tensor);
        for (int64_t i = 0; i < tensor->shape.dims[0] && i < tensor->shape.dims[1]; i++)
            put(tensor, data, i * tensor->shape.dims[1] + i, 1);
        return BG_OK;
    }
    case BG_INIT_DIRAC:
        if (bg_shape_count(tensor->shape) > 0)
            fill_dirac(tensor, init.groups > 0 ? init.groups : 1);
        return BG_OK;
    }
    return BG_OK;
}

/* ---- Checks ---- */

/* The kinds by name, and the types and ranks they are for. */
static const struct {
    const char *name;
    bool takes_any_dtype;
    int least_rank, most_rank;
} kinds[] = {
    [BG_INIT_DEFAULT] = { "default", true, 0, BG_MAX_RANK },
    [BG_INIT_ZEROS] = { "zeros", true, 0, BG_MAX_RANK },
    [BG_INIT_ONES] = { "ones", true, 0, BG_MAX_RANK },
    [BG_INIT_CONSTANT] = { "constant", true, 0, BG_MAX_RANK },
    [BG_INIT_UNIFORM] = { "uniform", false, 0, BG_MAX_RANK },
    [BG_INIT_NORMAL] = { "normal", false, 0, BG_MAX_RANK },
    [BG_INIT_TRUNCATED_NORMAL] = { "truncated normal", false, 0, BG_MAX_RANK },
    [BG_INIT_XAVIER_UNIFORM] = { "xavier uniform", false, 2, BG_MAX_RANK },
    [BG_INIT_XAVIER_NORMAL] = { "xavier normal", false, 2, BG_MAX_RANK },
    [BG_INIT_KAIMING_UNIFORM] = { "kaiming uniform", false, 2, BG_MAX_RANK },
    [BG_INIT_KAIMING_NORMAL] = { "kaiming normal", false, 2, BG_MAX_RANK },
    [BG_INIT_LECUN_UNIFORM] = { "lecun uniform", false, 2, BG_MAX_RANK },
    [BG_INIT_LECUN_NORMAL] = { "lecun normal", false, 2, BG_MAX_RANK },
    [BG_INIT_ORTHOGONAL] = { "orthogonal", false, 2, BG_MAX_RANK },
    [BG_INIT_IDENTITY] = { "identity", false, 2, 2 },
    [BG_INIT_DIRAC] = { "dirac", false, 3, 5 },
};

static bg_status check_numbers(const char *name, bg_shape shape, bg_init init)
{
    const char *kind = kinds[init.kind].name;
    double all[] = { init.bound, init.low, init.high, init.mean, init.deviation, init.gain };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (!isfinite(all[i]))
            return bg_fail(BG_ERR_ARGUMENT, "model: \"%s\" asks for %s first values with the number %g", name, kind,
                           all[i]);
    if (init.bound < 0 || init.low > init.high)
        return bg_fail(BG_ERR_ARGUMENT, "model: \"%s\" asks for %s first values from %g to %g", name, kind,
                       init.bound < 0 ? -init.bound : init.low, init.bound < 0 ? init.bound : init.high);
    if (init.deviation < 0 || init.gain < 0)
        return bg_fail(BG_ERR_ARGUMENT, "model: \"%s\" asks for %s first values with a %s of %g", name, kind,
                       init.deviation < 0 ? "deviation" : "gain", init.deviation < 0 ? init.deviation : init.gain);
    if (init.groups < 0 || (init.groups > 0 && shape.rank > 0 && shape.dims[0] % init.groups != 0))
        return bg_fail(BG_ERR_ARGUMENT, "model: \"%s\" %s asks for %s first values in %lld groups", name,
                       bgi_shape_format(shape).text, kind, (long long)init.groups);
    return BG_OK;
}

bg_status bgi_init_check(const char *name, bg_dtype dtype, bg_shape shape, bg_init init)
{
    if ((int)init.kind < 0 || (size_t)init.kind >= sizeof kinds / sizeof kinds[0])
        return bg_fail(BG_ERR_ARGUMENT, "model: \"%s\" asks for an unknown kind of first values, %d", name,
                       (int)init.kind);
    const char *kind = kinds[init.kind].name;
    if (!kinds[init.kind].takes_any_dtype && dtype != BG_F32 && dtype != BG_F64)
        return bg_fail(BG_ERR_DTYPE, "model: \"%s\" is %s, %s first values are for f32 and f64", name,
                       bg_dtype_name(dtype), kind);
    int least = kinds[init.kind].least_rank, most = kinds[init.kind].most_rank;
    if (shape.rank < least || shape.rank > most)
        return bg_fail(BG_ERR_SHAPE, "model: \"%s\" is %s, %s first values are for %d%s axes", name,
                       bgi_shape_format(shape).text, kind, least,
                       most == least         ? ""
                       : most == BG_MAX_RANK ? " or more"
                                             : " to 5");
    if (init.kind == BG_INIT_ORTHOGONAL) {
        int64_t rest = fan(shape, 1);
        if (!bgi_blas_fits(shape.dims[0]) || !bgi_blas_fits(rest))
            return bg_fail(BG_ERR_SHAPE, "model: \"%s\" %s is too large for orthogonal first values", name,
                           bgi_shape_format(shape).text);
    }
    return check_numbers(name, shape, init);
}
