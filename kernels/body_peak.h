/* Fused multiply-adds on registers alone, for measuring the peak. */

/* The chains are named variables, for an array of vectors may live in memory. There are at least as many as two units
 * of latency five need. The factor comes through a volatile variable so that nothing can be computed beforehand. Every
 * chain tends to 1, which keeps clear of denormal numbers and of infinity. */
#define FMA_STEP(i) x##i = N_FMA(x##i, factor, term);
#define FMA_ALL(X)  X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11)
#define DEFINE_CHAINS(TY, T)                                                                                           \
    static double chains_##TY(int64_t rounds)                                                                          \
    {                                                                                                                  \
        volatile T source = (T)0.75;                                                                                   \
        const vec_##TY factor = v_set_##TY(source), term = v_set_##TY((T)1 - source);                                  \
        vec_##TY x0 = factor, x1 = x0 + term, x2 = x1 + term, x3 = x2 + term, x4 = x3 + term, x5 = x4 + term;          \
        vec_##TY x6 = x5 + term, x7 = x6 + term, x8 = x7 + term, x9 = x8 + term, x10 = x9 + term, x11 = x10 + term;    \
        for (int64_t r = 0; r < rounds; r++) {                                                                         \
            FMA_ALL(FMA_STEP)                                                                                          \
        }                                                                                                              \
        T lanes[WIDTH_##TY];                                                                                           \
        v_store_##TY(lanes, ((x0 + x1) + (x2 + x3)) + ((x4 + x5) + (x6 + x7)) + ((x8 + x9) + (x10 + x11)));            \
        source = lanes[0];                                                                                             \
        return (double)rounds * (2.0 * 12.0 * WIDTH_##TY);                                                             \
    }
#define N_FMA v_fma_f32
DEFINE_CHAINS(f32, float)
#undef N_FMA
#define N_FMA v_fma_f64
DEFINE_CHAINS(f64, double)
#undef N_FMA

static double fma_chains(int64_t rounds, int is_f64) { return is_f64 ? chains_f64(rounds) : chains_f32(rounds); }
