/* The loops over time of a recurrent layer: forward, and back for the gradient. */
#include "ops/recurrent.h"

#include "blas/blas.h"

#include <string.h>

/* ---- Products with one matrix at every step ---- */

enum {
    PANEL = 192,           /* columns: whole tiles of every instruction set */
    MOST_PACKED = 1 << 21, /* elements of a matrix that stays in a cache from step to step */
    MOST_ROWS = 32         /* that go through the steps side by side: the sums of one step stay in a cache */
};

/* The matrix b [k, n] of products a · b. Packed, its columns lie panel by panel, so that each step reads it in one go;
 * OpenBLAS would pack it again at every step. Which of them multiplies follows from the shape and from whom the engine
 * is told to prefer, not from the number of threads. */
typedef struct {
    const bgk_kernels *kernels;
    bg_dtype dtype;
    int64_t k, n, rows, columns; /* strides of b */
    const void *matrix;
    void *panels; /* NULL: OpenBLAS multiplies */
    void *rest;   /* for the kernel */
} factor;

static bool is_packed(const bg_node *node, int64_t k, int64_t n)
{
    return !bgi_engine_prefers_blas(node->graph->engine) && k > 0 && n > 0 && k <= MOST_PACKED / n;
}
static char *at(const void *data, int64_t i, size_t size) { return (char *)((uintptr_t)data + (uintptr_t)i * size); }

static void pack(const factor *f)
{
    if (!f->panels)
        return;
    size_t size = bg_dtype_size(f->dtype);
    bgk_load *load = f->dtype == BG_F64 ? f->kernels->load_f64 : f->kernels->load_f32;
    for (int64_t j = 0; j < f->n; j += PANEL)
        load(at(f->panels, j * f->k, size), at(f->matrix, j * f->columns, size), f->k,
             f->n - j < PANEL ? f->n - j : PANEL, f->rows, f->columns);
}

/* c [m, n] = a [m, k] · b, rows of a and c at lda and ldc elements. */
static void multiply(const factor *f, int64_t m, const void *a, int64_t lda, void *c, int64_t ldc)
{
    size_t size = bg_dtype_size(f->dtype);
    bool transpose = f->columns != 1;
    int64_t ldb = transpose ? f->columns : f->rows, least = transpose ? f->k : f->n;
    ldb = ldb > least ? ldb : least; /* a stride along one element means nothing */
    for (int64_t j = 0; j < f->n && f->panels; j += PANEL) {
        int64_t columns = f->n - j < PANEL ? f->n - j : PANEL;
        f->kernels->product(m, columns, f->k, a, lda, 1, at(f->panels, j * f->k, size), columns, 1, at(c, j, size), ldc,
                            f->rest);
    }
    if (f->panels || m == 0 || f->n == 0)
        return;
    if (f->dtype == BG_F64)
        bgi_blas_gemm_f64(false, transpose, m, f->n, f->k, a, lda, f->matrix, ldb, c, ldc);
    else
        bgi_blas_gemm_f32(false, transpose, m, f->n, f->k, a, lda, f->matrix, ldb, c, ldc);
}

/* ---- Scratch ---- */

/* What both loops keep in scratch, laid out in one place for its size and its addresses. */
typedef struct {
    void *panels_hh, *panels_hr, *rest_hh, *rest_hr;
    void *bias;      /* [gates]: the bias of the sums */
    void *sums;      /* [rows, gates] */
    void *state;     /* [rows, out] */
    void *projected; /* [rows, hidden]: what the projection takes, or its cotangent */
    void *few[2];    /* [hidden] */
    size_t bytes;
} room;

static void *claim(room *r, void *scratch, int64_t count, size_t size)
{
    char *place = (char *)((uintptr_t)scratch + (uintptr_t)r->bytes);
    r->bytes += bgi_aligned((size_t)count * size);
    return place;
}
/* count / part, rounded up. */
static int64_t pieces(int64_t count, int64_t part) { return count / part + (count % part != 0); }
static int64_t rest_of(int64_t rows, int64_t k) { return (int64_t)bgk_product_scratch(rows, PANEL, k); }
static room room_of(const bg_node *node, void *scratch)
{
    const bgi_recurrence *r = node->attributes;
    int64_t gates = bgi_recurrent_gates(r) * r->hidden, rows = r->batch < MOST_ROWS ? r->batch : MOST_ROWS;
    size_t size = bg_dtype_size(node->dtype);
    room made = { .bytes = 0 };
    bool packs = is_packed(node, r->out, gates),
         packs_projection = r->has_projection && is_packed(node, r->out, r->hidden);
    if (packs) {
        made.panels_hh = claim(&made, scratch, r->out * gates, size);
        made.rest_hh = claim(&made, scratch, rest_of(rows, gates > r->out ? gates : r->out), size);
    }
    if (packs_projection) {
        made.panels_hr = claim(&made, scratch, r->out * r->hidden, size);
        made.rest_hr = claim(&made, scratch, rest_of(rows, r->hidden > r->out ? r->hidden : r->out), size);
    }
    made.bias = claim(&made, scratch, gates, size);
    made.sums = claim(&made, scratch, rows * gates, size);
    made.state = claim(&made, scratch, rows * r->out, size);
    made.projected = claim(&made, scratch, r->has_projection ? rows * r->hidden : 0, size);
    for (int i = 0; i < 2; i++)
        made.few[i] = claim(&made, scratch, r->hidden, size);
    return made;
}
size_t bgi_recurrent_scratch(const bg_node *node) { return room_of(node, NULL).bytes; }

/* Many rows at a time keep the processor busy, but threads share a batch: two tasks of 8 rows or more, four of 12, and
 * as many as it takes of MOST_ROWS. */
int64_t bgi_recurrent_grain(const bg_node *node)
{
    enum { LEAST_FOR_2 = 16, LEAST_FOR_4 = 48 };
    int64_t batch = ((const bgi_recurrence *)node->attributes)->batch;
    int64_t tasks = batch >= LEAST_FOR_4 ? 4 : batch >= LEAST_FOR_2 ? 2 : 1, needed = pieces(batch, MOST_ROWS);
    tasks = tasks > needed ? tasks : needed;
    return batch > 0 ? pieces(batch, tasks) : 1;
}

static double rows_of(const bgi_recurrence *r) { return (double)r->batch * (double)r->steps; }
static double gates_of(const bgi_recurrence *r) { return (double)bgi_recurrent_gates(r) * (double)r->hidden; }
double bgi_recurrent_product_flops(const bg_node *node)
{
    const bgi_recurrence *r = node->attributes;
    double products = gates_of(r) + (r->has_projection ? (double)r->hidden : 0);
    return rows_of(r) * 2 * products * (double)r->out;
}
double bgi_recurrent_flops(const bg_node *node)
{
    const bgi_recurrence *r = node->attributes;
    return bgi_recurrent_product_flops(node) + rows_of(r) * 20 * gates_of(r);
}

/* ---- What the loops share ---- */

/* Some rows on their way through the steps; the addresses are those of the first one. */
typedef struct {
    const bgi_recurrence *r;
    int64_t n_rows;
    bgi_recurrent_inputs in;
    bgi_recurrent_parts p;
    const bgk_kernels *k;
    size_t size;
    int64_t g; /* elements of all gates */
    room room;
    factor hh, hr;
    const void *x, *h, *c, *states, *dh, *dc;
    const void *bias_ih;
    const int64_t *lengths; /* NULL: all sequences are whole */
    void *rows;             /* of the result */
} loop;

static loop loop_of(const bg_call *call, bool is_gradient)
{
    const bg_node *node = call->node;
    const bgi_recurrence *r = node->attributes;
    loop l = { .r = r,
               .in = bgi_recurrent_inputs_of(r, is_gradient),
               .p = bgi_recurrent_parts_of(r),
               .k = bgi_kernels_of(node->graph->engine, node->dtype),
               .size = bg_dtype_size(node->dtype),
               .g = bgi_recurrent_gates(r) * r->hidden,
               .room = room_of(node, call->scratch) };
    l.bias_ih = l.in.bias_ih >= 0 ? call->inputs[l.in.bias_ih] : NULL;
    l.hh = (factor){ .kernels = l.k,
                     .dtype = node->dtype,
                     .matrix = call->inputs[l.in.weight_hh],
                     .panels = l.room.panels_hh,
                     .rest = l.room.rest_hh,
                     .k = is_gradient ? l.g : r->out,
                     .n = is_gradient ? r->out : l.g,
                     .rows = is_gradient ? r->out : 1,
                     .columns = is_gradient ? 1 : r->out };
    if (r->has_projection)
        l.hr = (factor){ .kernels = l.k,
                         .dtype = node->dtype,
                         .matrix = call->inputs[l.in.weight_hr],
                         .panels = l.room.panels_hr,
                         .rest = l.room.rest_hr,
                         .k = is_gradient ? r->out : r->hidden,
                         .n = is_gradient ? r->hidden : r->out,
                         .rows = is_gradient ? r->hidden : 1,
                         .columns = is_gradient ? 1 : r->hidden };
    pack(&l.hh);
    pack(&l.hr);
    return l;
}

/* An input, from a row of the call on, each of so many elements; NULL if it is not there. */
static const void *from_row(const bg_call *call, int input, int64_t row, int64_t elements, size_t size)
{
    return input < 0 ? NULL : at(call->inputs[input], row * elements, size);
}
/* Takes n rows of the call, from number `first` on. */
static void take_rows(loop *l, const bg_call *call, int64_t first, int64_t n, int64_t width)
{
    const bgi_recurrence *r = l->r;
    l->n_rows = n;
    l->x = from_row(call, l->in.gates, first, r->steps * l->g, l->size);
    l->h = from_row(call, l->in.h, first, r->out, l->size);
    l->c = from_row(call, l->in.c, first, r->hidden, l->size);
    l->states = from_row(call, l->in.states, first, r->steps * l->p.width, l->size);
    l->dh = from_row(call, l->in.dh, first, r->steps * r->out, l->size);
    l->dc = from_row(call, l->in.dc, first, r->steps * r->hidden, l->size);
    l->lengths = from_row(call, l->in.lengths, first, 1, sizeof(int64_t));
    l->rows = at(call->output, first * r->steps * width, l->size);
}
/* An empty batch is one unit without rows. */
static int64_t rows_of_call(const bg_call *call)
{
    return ((const bgi_recurrence *)call->node->attributes)->batch == 0 ? 0 : call->last - call->first;
}
/* How many rows of a call for so many go side by side: about equally many each time. */
static int64_t rows_at_once(int64_t rows) { return rows > 0 ? pieces(rows, pieces(rows, MOST_ROWS)) : 1; }

static bool is_beyond(const loop *l, int64_t row, int64_t step) { return l->lengths && step >= l->lengths[row]; }
/* Element `column` of a row at a step, of an array whose rows have `width` elements. */
static char *row_at(const loop *l, const void *data, int64_t step, int64_t row, int64_t width, int64_t column)
{
    return at(data, (row * l->r->steps + step) * width + column, l->size);
}
static void copy(const loop *l, void *to, const void *from, int64_t n)
{
    if (n > 0)
        memcpy(to, from, (size_t)n * l->size);
}
static void clear(const loop *l, void *to, int64_t n)
{
    if (n > 0)
        memset(to, 0, (size_t)n * l->size);
}
static const void *one_of(const loop *l)
{
    static const float one_f32 = 1;
    static const double one_f64 = 1;
    return l->size == sizeof(double) ? (const void *)&one_f64 : (const void *)&one_f32;
}
static const void *zero_of(void)
{
    static const double zero = 0;
    return &zero;
}

/* Kernels of one, two and three operands of n elements. */
#define MAP(name, d, a, n)         l->k->name(d, a, 1, NULL, 0, NULL, 0, n)
#define MAP_2(name, d, a, b, n)    l->k->name(d, a, 1, b, 1, NULL, 0, n)
#define MAP_3(name, d, a, b, c, n) l->k->name(d, a, 1, b, 1, c, 1, n)
/* 1 - a², a - a², the derivatives of tanh and sigmoid from their values. */
#define TANH_SLOPE(d, a, n)    l->k->fnma(d, a, 1, a, 1, one_of(l), 0, n)
#define SIGMOID_SLOPE(d, a, n) l->k->fnma(d, a, 1, a, 1, a, 1, n)

/* ---- Forward ---- */

/* The bias of the sums with h: both biases, but for the GRU's last gate, where the product takes its own. */
static void add_biases(const loop *l, const void *bias_hh)
{
    int64_t both = l->r->kind == BGI_GRU ? 2 * l->r->hidden : l->g;
    clear(l, l->room.bias, l->g);
    if (l->bias_ih) {
        copy(l, l->room.bias, bias_hh, l->g);
        MAP_2(add, l->room.bias, bias_hh, l->bias_ih, both);
    }
}

/* One row of one step: from its sums with h, and the projected input, to its gates and states. */
static void rnn_row(const loop *l, const char *sums, const char *x, char *row)
{
    int64_t n = l->r->hidden;
    char *h = at(row, l->p.h, l->size);
    MAP_2(add, h, sums, x, n);
    if (l->r->kind == BGI_RNN_RELU)
        MAP(relu, h, h, n);
    else
        MAP(tanh, h, h, n);
}
static void gru_row(const loop *l, char *sums, const char *x, char *row)
{
    int64_t n = l->r->hidden;
    char *r = at(row, 0, l->size), *z = at(row, n, l->size), *new = at(row, 2 * n, l->size);
    char *product = at(row, l->p.product, l->size), *t = l->room.few[0];
    const char *before = at(row, l->p.before, l->size), *last_x = at(x, 2 * n, l->size);
    MAP_2(add, sums, sums, x, 2 * n);
    MAP(sigmoid, r, sums, 2 * n);
    copy(l, product, at(sums, 2 * n, l->size), n);
    if (l->bias_ih) {
        MAP_2(add, t, last_x, at(l->bias_ih, 2 * n, l->size), n);
        last_x = t;
    }
    MAP_3(fma, t, r, product, last_x, n);
    MAP(tanh, new, t, n);
    MAP_2(sub, t, before, new, n);
    MAP_3(fma, at(row, l->p.h, l->size), z, t, new, n);
}

/* Step number i: h before it is in its rows already. */
static void forward_step(const loop *l, int64_t i)
{
    const bgi_recurrence *r = l->r;
    int64_t step = bgi_recurrent_step(r, i), width = l->p.width, apart = r->steps * width;
    int64_t last = i > 0 ? bgi_recurrent_step(r, i - 1) : -1;
    multiply(&l->hh, l->n_rows, row_at(l, l->rows, step, 0, width, l->p.before), apart, l->room.sums, l->g);
    for (int64_t j = 0; j < l->n_rows; j++) {
        char *row = row_at(l, l->rows, step, j, width, 0), *sums = at(l->room.sums, j * l->g, l->size);
        const char *x = row_at(l, l->x, step, j, l->g, 0);
        const char *c_before = last < 0 ? at(l->c, j * r->hidden, l->size) : row_at(l, l->rows, last, j, width, l->p.c);
        char *h = r->has_projection ? at(l->room.projected, j * r->hidden, l->size) : at(row, l->p.h, l->size);
        if (is_beyond(l, j, step)) {
            clear(l, row, width - 2 * r->out);
            if (r->kind == BGI_LSTM)
                copy(l, at(row, l->p.c, l->size), c_before, r->hidden);
            clear(l, h, r->hidden);
        } else if (r->kind == BGI_LSTM) {
            l->k->lstm(row, at(row, l->p.c, l->size), h, x, sums, l->room.bias, c_before, r->hidden);
        } else {
            MAP_2(add, sums, sums, l->room.bias, l->g);
            if (r->kind == BGI_GRU)
                gru_row(l, sums, x, row);
            else
                rnn_row(l, sums, x, row);
        }
    }
    if (r->has_projection)
        multiply(&l->hr, l->n_rows, l->room.projected, r->hidden, row_at(l, l->rows, step, 0, width, l->p.h), apart);
    for (int64_t j = 0; j < l->n_rows; j++) {
        char *row = row_at(l, l->rows, step, j, width, 0), *h = at(row, l->p.h, l->size);
        if (is_beyond(l, j, step))
            copy(l, h, at(row, l->p.before, l->size), r->out);
        if (i + 1 < r->steps)
            copy(l, row_at(l, l->rows, bgi_recurrent_step(r, i + 1), j, width, l->p.before), h, r->out);
    }
}

bg_status bgi_recurrent_call(const bg_call *call)
{
    loop made = loop_of(call, false), *l = &made;
    const bgi_recurrence *r = l->r;
    add_biases(l, l->bias_ih ? call->inputs[l->in.bias_hh] : NULL);
    int64_t rows = rows_of_call(call), most = rows_at_once(rows);
    for (int64_t first = 0; first < rows; first += most) {
        take_rows(l, call, first, rows - first < most ? rows - first : most, l->p.width);
        for (int64_t j = 0; j < l->n_rows; j++)
            copy(l, row_at(l, l->rows, bgi_recurrent_step(r, 0), j, l->p.width, l->p.before),
                 at(l->h, j * r->out, l->size), r->out);
        for (int64_t i = 0; i < r->steps; i++)
            forward_step(l, i);
    }
    return BG_OK;
}

/* ---- Back ---- */

/* One row of one step: from the cotangent dh of h, and that of c in dc, to those of the sums. */
static void rnn_row_back(const loop *l, const char *dh, const char *states, char *row)
{
    int64_t n = l->r->hidden;
    const char *h = at(states, l->p.h, l->size);
    char *t = l->room.few[0], *d = at(row, l->p.dgates, l->size);
    if (l->r->kind == BGI_RNN_RELU) {
        l->k->greater(t, h, 1, zero_of(), 0, NULL, 0, n);
        l->k->where(d, t, 1, dh, 1, zero_of(), 0, n);
    } else {
        TANH_SLOPE(t, h, n);
        MAP_2(mul, d, dh, t, n);
    }
}
static void gru_row_back(const loop *l, const char *dh, const char *states, char *row)
{
    int64_t n = l->r->hidden;
    const char *r = at(states, 0, l->size), *z = at(states, n, l->size), *new = at(states, 2 * n, l->size);
    const char *product = at(states, l->p.product, l->size), *before = at(states, l->p.before, l->size);
    char *dr = at(row, 0, l->size), *dz = at(row, n, l->size), *dn = at(row, 2 * n, l->size);
    char *dproduct = at(row, l->p.dproduct, l->size), *u = l->room.few[0], *v = l->room.few[1];
    l->k->fnma(u, z, 1, dh, 1, dh, 1, n); /* dn = dh (1 - z) (1 - n²) */
    TANH_SLOPE(v, new, n);
    MAP_2(mul, dn, u, v, n);
    MAP_2(sub, u, before, new, n); /* dz = dh (h - n) z (1 - z) */
    MAP_2(mul, u, u, dh, n);
    SIGMOID_SLOPE(v, z, n);
    MAP_2(mul, dz, u, v, n);
    MAP_2(mul, u, dn, product, n); /* dr = dn (W_hn h + b_hn) r (1 - r) */
    SIGMOID_SLOPE(v, r, n);
    MAP_2(mul, dr, u, v, n);
    copy(l, dproduct, dr, 2 * n);
    MAP_2(mul, at(dproduct, 2 * n, l->size), dn, r, n);
}

/* Step number i. What the step after it passed back lies in that step's rows. */
static void step_back(const loop *l, int64_t i)
{
    const bgi_recurrence *r = l->r;
    int64_t step = bgi_recurrent_step(r, i), width = l->p.dwidth, n = r->hidden;
    int64_t next = i + 1 < r->steps ? bgi_recurrent_step(r, i + 1) : -1;
    int64_t before = i > 0 ? bgi_recurrent_step(r, i - 1) : -1;
    for (int64_t j = 0; j < l->n_rows; j++) {
        char *state = at(l->room.state, j * r->out, l->size), *row = row_at(l, l->rows, step, j, width, 0);
        const char *dh = row_at(l, l->dh, step, j, r->out, 0);
        if (next < 0)
            copy(l, state, dh, r->out);
        else
            MAP_2(add, state, dh, row_at(l, l->rows, next, j, width, l->p.dh), r->out);
        if (r->has_projection && !is_beyond(l, j, step))
            copy(l, at(row, l->p.dprojection, l->size), state, r->out);
        else if (r->has_projection)
            clear(l, at(row, l->p.dprojection, l->size), r->out);
    }
    if (r->has_projection)
        multiply(&l->hr, l->n_rows, l->room.state, r->out, l->room.projected, n);
    for (int64_t j = 0; j < l->n_rows; j++) {
        char *row = row_at(l, l->rows, step, j, width, 0), *dc = at(row, l->p.dc, l->size);
        const char *states = row_at(l, l->states, step, j, l->p.width, 0);
        const char *dh = r->has_projection ? at(l->room.projected, j * n, l->size) : at(l->room.state, j * n, l->size);
        if (r->kind == BGI_LSTM) {
            const char *passed = next < 0 ? NULL : row_at(l, l->rows, next, j, width, l->p.dc);
            const char *own = l->dc ? row_at(l, l->dc, step, j, n, 0) : NULL;
            if (passed && own)
                MAP_2(add, dc, own, passed, n);
            else if (passed || own)
                copy(l, dc, passed ? passed : own, n);
            else
                clear(l, dc, n);
        }
        if (is_beyond(l, j, step))
            clear(l, row, r->kind == BGI_GRU ? 2 * l->g : l->g);
        else if (r->kind == BGI_LSTM)
            l->k->lstm_back(row, dc, dh, states, at(states, l->p.c, l->size),
                            before < 0 ? at(l->c, j * n, l->size) : row_at(l, l->states, before, j, l->p.width, l->p.c),
                            n);
        else if (r->kind == BGI_GRU)
            gru_row_back(l, dh, states, row);
        else
            rnn_row_back(l, dh, states, row);
    }
    multiply(&l->hh, l->n_rows, row_at(l, l->rows, step, 0, width, l->p.dproduct), r->steps * width,
             row_at(l, l->rows, step, 0, width, l->p.dh), r->steps * width);
    for (int64_t j = 0; j < l->n_rows && (l->lengths || r->kind == BGI_GRU); j++) {
        char *passed = row_at(l, l->rows, step, j, width, l->p.dh), *state = at(l->room.state, j * r->out, l->size);
        if (is_beyond(l, j, step))
            copy(l, passed, state, r->out);
        else if (r->kind == BGI_GRU) /* h reaches the next one through z too */
            MAP_3(fma, passed, state, row_at(l, l->states, step, j, l->p.width, l->p.gates + n), passed, n);
    }
}

bg_status bgi_recurrent_gradient_call(const bg_call *call)
{
    loop made = loop_of(call, true), *l = &made;
    int64_t rows = rows_of_call(call), most = rows_at_once(rows);
    for (int64_t first = 0; first < rows; first += most) {
        take_rows(l, call, first, rows - first < most ? rows - first : most, l->p.dwidth);
        for (int64_t i = l->r->steps; i-- > 0;)
            step_back(l, i);
    }
    return BG_OK;
}
