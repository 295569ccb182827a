/* Rows of an LSTM's gates and of attention's scores, in one pass: beside a product of a few rows, a loop for each
 * operation would cost as much in loads and stores as in arithmetic. Each result is rounded as by the elementwise
 * kernels one after the other. */

static inline V N(read_part)(const T *p, int64_t n) { return n < W ? N(v_load_first)(p, n) : LOAD(p); }
static inline void N(write_part)(T *p, V x, int64_t n)
{
    if (n < W)
        N(v_store_first)(p, x, n);
    else
        STORE(p, x);
}
#define READ(p)     N(read_part)((p) + i, n - i)
#define WRITE(p, x) N(write_part)((p) + i, x, n - i)

/* Gates lie as i f g o, of n elements each. */
static void N(lstm)(void *to_gates, void *to_c, void *to_h, const void *from_x, const void *from_sums,
                    const void *from_bias, const void *from_before, int64_t n)
{
    T *gates = to_gates, *c = to_c, *h = to_h;
    const T *x = from_x, *sums = from_sums, *bias = from_bias, *before = from_before;
    for (int64_t i = 0; i < n; i += W) {
#define SUM(gate) (READ(sums + (gate)*n) + READ(bias + (gate)*n)) + READ(x + (gate)*n)
        const V in = N(v_sigmoid)(SUM(0)), forget = N(v_sigmoid)(SUM(1)), new = N(v_tanh)(SUM(2));
        const V out = N(v_sigmoid)(SUM(3)), cell = N(v_fma_exact)(in, new, forget * READ(before));
#undef SUM
        WRITE(gates, in);
        WRITE(gates + n, forget);
        WRITE(gates + 2 * n, new);
        WRITE(gates + 3 * n, out);
        WRITE(c, cell);
        WRITE(h, out * N(v_tanh)(cell));
    }
}

static void N(lstm_back)(void *to_gates, void *to_dc, const void *from_dh, const void *from_gates, const void *from_c,
                         const void *from_before, int64_t n)
{
    T *d = to_gates, *dc = to_dc;
    const T *dh = from_dh, *gates = from_gates, *c = from_c, *before = from_before;
    const V one = SET(1);
    for (int64_t i = 0; i < n; i += W) {
#define SIGMOID_SLOPE(y) N(v_fnma_exact)(y, y, y)
#define TANH_SLOPE(y)    N(v_fnma_exact)(y, y, one)
        const V in = READ(gates), forget = READ(gates + n), new = READ(gates + 2 * n), out = READ(gates + 3 * n);
        const V above = READ(dh), t = N(v_tanh)(READ(c));
        const V cell = N(v_fma_exact)(above * out, TANH_SLOPE(t), READ(dc));
        WRITE(d + 3 * n, above * t * SIGMOID_SLOPE(out));
        WRITE(d, cell * new *SIGMOID_SLOPE(in));
        WRITE(d + n, cell * READ(before) * SIGMOID_SLOPE(forget));
        WRITE(d + 2 * n, cell * in * TANH_SLOPE(new));
        WRITE(dc, cell * forget);
#undef SIGMOID_SLOPE
#undef TANH_SLOPE
    }
}

static void N(weigh_back)(void *to_w, void *to_d, const void *from_largest, const void *from_share,
                          const void *from_sum, int64_t seen, int64_t n)
{
    T *w = to_w, *d = to_d;
    if (seen > 0) {
        const V largest = SET(*(const T *)from_largest), share = SET(*(const T *)from_share);
        const V sum = SET(*(const T *)from_sum);
        for (int64_t i = 0; i < seen; i += W) {
            const V weight = N(v_exp)(N(read_part)(w + i, seen - i) - largest) * share;
            const V slope = (N(read_part)(d + i, seen - i) - sum) * weight;
            N(write_part)(w + i, weight, seen - i);
            N(write_part)(d + i, slope, seen - i);
        }
    }
    for (int64_t i = seen; i < n; i += W) {
        N(write_part)(w + i, SET(0), n - i);
        N(write_part)(d + i, SET(0), n - i);
    }
}

#undef READ
#undef WRITE
