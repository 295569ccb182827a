/* The matrix exponential and its derivative. */
#include "linalg/matrix_exp.h"

#include "linalg/squares.h"

#include "blas/lapack.h"

#include <float.h>
#include <math.h>

/* ---- Padé approximants ---- */

/* Up to these norms the approximant of that degree has a backward error below the unit roundoff: of the value, theta of
 * Higham, 2005, tables 2.2 and 2.3 for f64 and f32; of the value and the derivative, ell of Al-Mohy and Higham, 2009,
 * table 6.1, for f64. They give none for f32; these are from the condition of their section 4, Σ k |c_k| ell^(k - 1) <=
 * 2^-24 of the series log(e^-x · r(x)) = Σ c_k x^k. */
enum { DEGREES = 5 };
static const int degrees[DEGREES] = { 3, 5, 7, 9, 13 };
typedef struct {
    int count; /* of degrees that serve; the last comes with scaling */
    double norms[DEGREES];
} bounds;
static const bounds value_bounds[] = {
    [BG_F32] = { 3, { 4.258730016922831e-1, 1.880152677804762, 3.925724783138660 } },
    [BG_F64] = { 5,
                 { 1.495585217958292e-2, 2.539398330063230e-1, 9.504178996162932e-1, 2.097847961257068,
                   5.371920351148152 } },
};
static const bounds derivative_bounds[] = {
    [BG_F32] = { 3, { 3.08e-1, 1.48, 3.24 } },
    [BG_F64] = { 5, { 1.08e-2, 2.00e-1, 7.83e-1, 1.78, 4.74 } },
};
static const double coefficients[DEGREES][14] = {
    { 120, 60, 12, 1 },
    { 30240, 15120, 3360, 420, 30, 1 },
    { 17297280, 8648640, 1995840, 277200, 25200, 1512, 56, 1 },
    { 17643225600, 8821612800, 2075673600, 302702400, 30270240, 2162160, 110880, 3960, 90, 1 },
    { 64764752532480000, 32382376266240000, 7771770303897600, 1187353796428800, 129060195264000, 10559470521600,
      670442572800, 33522128640, 1323241920, 40840800, 960960, 16380, 182, 1 },
};

/* ---- Matrices of a call: LAPACK's columns, so that a and e are the transposes of what they are in rows, and so is the
 * result ---- */

typedef const bgi_squares *kind;

/* z = x · y */
static void multiply(kind k, const void *x, const void *y, void *z)
{
    bgi_squares_product(k, BGI_AS_IT_IS, y, BGI_AS_IT_IS, x, z);
}

#define LOOPS(type)                                                                                                    \
    /* z += factor · x */                                                                                             \
    static void add_##type(int64_t count, double factor, const type *x, type *z)                                       \
    {                                                                                                                  \
        for (int64_t i = 0; i < count; i++)                                                                            \
            z[i] += (type)factor * x[i];                                                                               \
    }                                                                                                                  \
    /* z = b_0 · identity + b_2 x_1 + b_4 x_2 + ..; without_identity leaves its term out. */                          \
    static void combine_##type(int64_t n, const double *b, bool without_identity, const type *const *x, int terms,     \
                               type *z)                                                                                \
    {                                                                                                                  \
        for (int64_t i = 0; i < n * n; i++) {                                                                          \
            type sum = 0;                                                                                              \
            for (int k = 0; k < terms; k++)                                                                            \
                sum += (type)b[2 * k + 2] * x[k][i];                                                                   \
            z[i] = sum;                                                                                                \
        }                                                                                                              \
        for (int64_t i = 0; i < n && !without_identity; i++)                                                           \
            z[i * n + i] += (type)b[0];                                                                                \
    }                                                                                                                  \
    /* sum = x + y, difference = x - y */                                                                              \
    static void add_subtract_##type(int64_t count, const type *x, const type *y, type *sum, type *difference)          \
    {                                                                                                                  \
        for (int64_t i = 0; i < count; i++) {                                                                          \
            type left = x[i], right = y[i];                                                                            \
            sum[i] = left + right;                                                                                     \
            difference[i] = left - right;                                                                              \
        }                                                                                                              \
    }                                                                                                                  \
    /* z = x · 2^k, in two steps, as the power alone may be no number */                                              \
    static void scale_##type(int64_t count, const type *x, int k, type *z)                                             \
    {                                                                                                                  \
        type step = (type)ldexp(1, k / 2), rest = (type)ldexp(1, k - k / 2);                                           \
        for (int64_t i = 0; i < count; i++)                                                                            \
            z[i] = x[i] * step * rest;                                                                                 \
    }
LOOPS(float)
LOOPS(double)
#define BY_TYPE(k, function, ...)                                                                                      \
    do {                                                                                                               \
        if ((k)->tiles.dtype == BG_F64)                                                                                \
            function##_double(__VA_ARGS__);                                                                            \
        else                                                                                                           \
            function##_float(__VA_ARGS__);                                                                             \
    } while (0)
static void add(kind k, double factor, const void *x, void *z) { BY_TYPE(k, add, k->n * k->n, factor, x, z); }
static void combine(kind k, const double *b, bool without_identity, void *const *x, int terms, void *z)
{
    if (k->tiles.dtype == BG_F64)
        combine_double(k->n, b, without_identity, (const double *const *)x, terms, z);
    else
        combine_float(k->n, b, without_identity, (const float *const *)x, terms, z);
}

/* ---- The approximant, and its derivative where there is an e ---- */

enum {
    A,
    A2,
    A4,
    A6,
    A8,
    ODD,
    EVEN,
    TOP,
    MIXED,
    QUOTIENT, /* of the value */
    RIGHT,
    RIGHT_PLUS,
    RIGHT_MINUS, /* one block; the value first */
    E,
    M2,
    M4,
    M6,
    M8,
    ODD_E,
    EVEN_E,
    TOP_E, /* of the derivative */
    MATRICES
};
enum { VALUE_MATRICES = RIGHT_PLUS };
typedef struct {
    kind k;
    void *m[MATRICES];
    void *pivots;
    bool has_e;
} work;

/* The derivatives of a², a⁴, .. in the direction of e: dz = x · dy + dx · y for z = x · y. */
static void derive(const work *w, int x, int dx, int y, int dy, int z)
{
    multiply(w->k, w->m[x], w->m[dy], w->m[z]);
    multiply(w->k, w->m[dx], w->m[y], w->m[MIXED]);
    add(w->k, 1, w->m[MIXED], w->m[z]);
}
static void raise(const work *w, int degree)
{
    static const struct {
        int degree, x, dx, y, dy, z, dz;
    } powers[] = { { 3, A, E, A, E, A2, M2 },
                   { 5, A2, M2, A2, M2, A4, M4 },
                   { 7, A4, M4, A2, M2, A6, M6 },
                   { 9, A4, M4, A4, M4, A8, M8 } };
    for (int i = 0; i < 4; i++)
        if (degree >= powers[i].degree && !(degree == 13 && powers[i].degree == 9)) {
            multiply(w->k, w->m[powers[i].x], w->m[powers[i].y], w->m[powers[i].z]);
            if (w->has_e)
                derive(w, powers[i].x, powers[i].dx, powers[i].y, powers[i].dy, powers[i].dz);
        }
}

/* to = Σ b_2k a^2k for coefficients b_0, b_2, .., and to_e its derivative; of degree 13 as a⁶ · (b_8 a² + b_10 a⁴ +
 * b_12 a⁶) and the rest, so that a⁸ and more are not needed. */
static void sum_powers(const work *w, const double *b, int degree, int to, int to_e)
{
    int terms = degree == 13 ? 3 : degree / 2;
    combine(w->k, b, false, &w->m[A2], terms, w->m[to]);
    if (w->has_e)
        combine(w->k, b, true, &w->m[M2], terms, w->m[to_e]);
    if (degree != 13)
        return;
    combine(w->k, b + 6, true, &w->m[A2], 3, w->m[TOP]);
    multiply(w->k, w->m[A6], w->m[TOP], w->m[MIXED]);
    add(w->k, 1, w->m[MIXED], w->m[to]);
    if (!w->has_e)
        return;
    combine(w->k, b + 6, true, &w->m[M2], 3, w->m[TOP_E]);
    derive(w, A6, M6, TOP, TOP_E, QUOTIENT);
    add(w->k, 1, w->m[QUOTIENT], w->m[to_e]);
}

/* RIGHT = (v - u)⁻¹ · (v + u), u odd and v even in a; its derivative in RIGHT_PLUS. LAPACK's info. */
static int64_t approximate(const work *w, int at)
{
    int64_t count = w->k->n * w->k->n;
    int degree = degrees[at];
    void *const *m = w->m;
    raise(w, degree);
    sum_powers(w, coefficients[at] + 1, degree, ODD, ODD_E);
    sum_powers(w, coefficients[at], degree, EVEN, EVEN_E);
    if (w->has_e) {
        derive(w, A, E, ODD, ODD_E, TOP_E);
        BY_TYPE(w->k, add_subtract, count, m[TOP_E], m[EVEN_E], m[RIGHT_PLUS], m[RIGHT_MINUS]);
    }
    multiply(w->k, m[A], m[ODD], m[TOP]);
    BY_TYPE(w->k, add_subtract, count, m[EVEN], m[TOP], m[RIGHT], m[QUOTIENT]);
    int64_t info =
        bgi_lapack_gesv(w->k->tiles.dtype, w->k->n, w->has_e ? 3 * w->k->n : w->k->n, m[QUOTIENT], m[RIGHT], w->pivots);
    /* (v - u)⁻¹ · (du + dv + (du - dv) · r) */
    if (w->has_e) {
        multiply(w->k, m[RIGHT_MINUS], m[RIGHT], m[MIXED]);
        add(w->k, 1, m[MIXED], m[RIGHT_PLUS]);
    }
    return info;
}

/* r², and r · l + l · r before it; the result may be in another place afterwards. */
static void square(work *w)
{
    void **m = w->m;
    if (w->has_e) {
        derive(w, RIGHT, RIGHT_PLUS, RIGHT, RIGHT_PLUS, TOP_E);
        void *other = m[TOP_E];
        m[TOP_E] = m[RIGHT_PLUS];
        m[RIGHT_PLUS] = other;
    }
    multiply(w->k, m[RIGHT], m[RIGHT], m[TOP]);
    void *other = m[TOP];
    m[TOP] = m[RIGHT];
    m[RIGHT] = other;
}

/* The largest sum of magnitudes in a column, and the power of two above the largest magnitude. */
static double norm_of(kind k, const void *a, int *exponent)
{
    double norm = 0, largest = 0;
    for (int64_t column = 0; column < k->n; column++) {
        double sum = 0;
        for (int64_t i = 0; i < k->n; i++) {
            double size = fabs(bgi_float_at(a, k->tiles.dtype, column * k->n + i));
            sum += size;
            largest = fmax(largest, size);
        }
        norm = fmax(norm, sum);
    }
    frexp(largest, exponent);
    return norm;
}

/* exp(a), of that norm, or its derivative into y; LAPACK's info. */
static int64_t exponential(work *w, double norm, const void *a, const void *e, void *y)
{
    int64_t count = w->k->n * w->k->n;
    const bounds *limits = &(w->has_e ? derivative_bounds : value_bounds)[w->k->tiles.dtype];
    int squarings = 0, at = 0, last = limits->count - 1;
    while (at < last && !(norm <= limits->norms[at]))
        at++;
    while (ldexp(norm, -squarings) > limits->norms[last])
        squarings++;
    BY_TYPE(w->k, scale, count, a, -squarings, w->m[A]);
    /* The derivative is linear in e, which is brought to 1 beforehand. */
    int of_e = 0;
    if (w->has_e) {
        norm_of(w->k, e, &of_e);
        BY_TYPE(w->k, scale, count, e, -of_e, w->m[E]);
        BY_TYPE(w->k, scale, count, w->m[E], -squarings, w->m[E]);
    }
    int64_t info = approximate(w, at);
    for (int i = 0; i < squarings && info == 0; i++)
        square(w);
    BY_TYPE(w->k, scale, count, w->m[w->has_e ? RIGHT_PLUS : RIGHT], of_e, y);
    return info;
}

/* ---- Ops ---- */

static size_t scratch_of(const bg_node *node, int matrices)
{
    int64_t n = bgi_matrices_of(node).rows;
    return bgi_squares_scratch(node) + (size_t)n * sizeof(int64_t) +
           (size_t)(matrices * n * n) * bg_dtype_size(node->dtype);
}
static work work_of(const bg_call *call, const bgi_squares *squares)
{
    int64_t n = bgi_matrices_of(call->node).rows;
    size_t size = bg_dtype_size(call->node->dtype);
    work w = { .k = squares, .has_e = call->node->n_inputs == 2 };
    w.pivots = bgi_at(call->scratch, 1, bgi_squares_scratch(call->node));
    char *matrices = bgi_at(w.pivots, n, sizeof(int64_t));
    for (int i = 0; i < (w.has_e ? MATRICES : VALUE_MATRICES); i++)
        w.m[i] = bgi_at(matrices, i * n * n, size);
    return w;
}
static bg_status exponential_call(const bg_call *call)
{
    bgi_matrices m = bgi_matrices_of(call->node);
    int64_t count = m.rows * m.columns;
    bgi_squares squares = bgi_squares_of(call, call->scratch);
    for (int64_t i = 0; i < call->last - call->first && m.batch > 0 && count > 0; i++) {
        bool has_e = call->node->n_inputs == 2;
        bg_status status = bgi_check_finite_part(call, "a", 0, i, BGI_READ_ALL);
        if (status == BG_OK && has_e)
            status = bgi_check_finite_part(call, "the direction of its derivative", 1, i, BGI_READ_ALL);
        if (status != BG_OK)
            return status;
        work w = work_of(call, &squares);
        const void *a = bgi_input_at(call, 0, i, count), *e = has_e ? bgi_input_at(call, 1, i, count) : NULL;
        void *y = bgi_output_at(call, i, count);
        int unused;
        double norm = norm_of(w.k, a, &unused),
               most = 1 / (w.k->tiles.dtype == BG_F64 ? DBL_EPSILON : (double)FLT_EPSILON);
        if (!(norm <= most))
            return bgi_fail_at(call, i, "the norm of a is %.9g: above %.9g no digit of the result would be right", norm,
                               most);
        int64_t info = exponential(&w, norm, a, e, y);
        if (info != 0 || bgi_first_not_finite(call->node->dtype, y, count) < count)
            return bgi_fail_at(call, i, "the %s is beyond the numbers of %s", has_e ? "derivative" : "result",
                               bg_dtype_name(call->node->dtype));
    }
    return BG_OK;
}

/* matrix_exp: da is the derivative at aᵀ in the direction of dy */
static bg_node *exp_gradient(bg_node *node, int input, bg_node *dy)
{
    (void)input;
    return bgi_matrix_exp_derivative(bgi_transpose_last(node->inputs[0]), dy);
}
static size_t exp_scratch(const bg_node *node) { return scratch_of(node, VALUE_MATRICES); }
static double exp_flops(const bg_node *node)
{
    return 20 * (double)bgi_matrices_of(node).rows * (double)bg_shape_count(node->shape);
}
static const bg_op exp_op = { .name = "matrix_exp",
                              .arity = 1,
                              .infer = bgi_infer_same,
                              .gradient = exp_gradient,
                              .call = exponential_call,
                              .units = bgi_matrix_units,
                              .flops = exp_flops,
                              .product_flops = exp_flops,
                              .scratch = exp_scratch };
bg_node *bg_matrix_exp(bg_node *a) { return bgi_takes_square("matrix_exp", a) ? bgi_apply_1(&exp_op, a) : NULL; }

/* [a, b; 0, a] */
static bg_node *block(bg_node *a, bg_node *b)
{
    bg_node *zeros = b ? bg_broadcast(bgi_scalar_like(b, 0), b->shape) : NULL;
    bg_node *top = bg_concat((bg_node *[]){ a, b }, 2, -1), *bottom = bg_concat((bg_node *[]){ zeros, a }, 2, -1);
    return bg_concat((bg_node *[]){ top, bottom }, 2, -2);
}
static bg_node *part(bg_node *whole, int64_t row, int64_t column, int64_t n)
{
    if (!whole)
        return NULL;
    bg_node *rows = bgi_slice_of(whole, whole->shape.rank - 2, row, 1, n);
    return rows ? bgi_slice_of(rows, rows->shape.rank - 1, column, 1, n) : NULL;
}
/* matrix_exp_derivative: l(a, e), which is the upper right block of exp([a, e; 0, a])
 *   de = l(aᵀ, dy)   da is the sum of the diagonal blocks of l([a, e; 0, a]ᵀ, [0, dy; 0, 0]) */
static bg_node *derivative_gradient(bg_node *node, int input, bg_node *dy)
{
    bg_node *a = node->inputs[0];
    if (input == 1)
        return bgi_matrix_exp_derivative(bgi_transpose_last(a), dy);
    int64_t n = bgi_matrices_of(node).rows;
    bg_node *zeros = bg_broadcast(bgi_scalar_like(a, 0), a->shape);
    bg_node *d = bgi_matrix_exp_derivative(bgi_transpose_last(block(a, node->inputs[1])), block(zeros, dy));
    return bg_add(part(d, 0, 0, n), part(d, n, n, n));
}
static size_t derivative_scratch(const bg_node *node) { return scratch_of(node, MATRICES); }
static double derivative_flops(const bg_node *node) { return 3 * exp_flops(node); }
static const bg_op derivative_op = { .name = "matrix_exp_derivative",
                                     .arity = 2,
                                     .infer = bgi_infer_same,
                                     .gradient = derivative_gradient,
                                     .call = exponential_call,
                                     .units = bgi_matrix_units,
                                     .flops = derivative_flops,
                                     .product_flops = derivative_flops,
                                     .scratch = derivative_scratch };
bg_node *bgi_matrix_exp_derivative(bg_node *a, bg_node *e) { return bgi_apply_2(&derivative_op, a, e); }

const bg_op *const bgi_matrix_exp_ops[] = { &exp_op, &derivative_op, NULL };
