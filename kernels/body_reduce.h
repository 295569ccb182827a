/* Sums and maxima of rows, and of columns over rows. */

/* Element j of a row goes to partial result j mod PARTS. PARTS is the same for every instruction set, and so is the
 * tree that joins the partial results (narrow_*, then finish_*), hence so are the bits of a sum. A longer row is taken
 * in blocks of ROW_BLOCK elements, whose partial results are added two by two: in one run over a million elements each
 * partial sum would lose too much, and always to the same side where the elements are alike. */
#define PARTS      (BY_TYPE(32, 16))
#define VECTORS    (PARTS / W)
#define ROW_BLOCK  (16 * PARTS)
#define FOLD_BLOCK 512
/* So many rows are finished together. */
#define GROUP (PARTS / 4)

#define JOIN_sum(x, s) ((s) + (x))
#define JOIN_max(x, s) SELECT(NOT_EQUAL(x, x), x, MAX(x, s)) /* MAX keeps a NaN that is in s. */
#define NEUTRAL_sum    SET(0)
#define NEUTRAL_max    SET(-INFINITY)

/* In a long row each block joins the one before it if its number is odd, their sum joins the pair before, and so on:
 * level l of the pyramid holds the sum of 2^l blocks while bit l of the number of blocks done is set. */
#define DEFINE_REDUCE(op)                                                                                              \
    static inline void N(op##_block)(V * s, const T *a, int64_t n)                                                     \
    {                                                                                                                  \
        for (int k = 0; k < VECTORS; k++)                                                                              \
            s[k] = NEUTRAL_##op;                                                                                       \
        for (; n >= PARTS; n -= PARTS, a += PARTS)                                                                     \
            for (int k = 0; k < VECTORS; k++) {                                                                        \
                const V x = LOAD(a + k * W);                                                                           \
                s[k] = JOIN_##op(x, s[k]);                                                                             \
            }                                                                                                          \
        for (int k = 0; k < VECTORS; k++, n -= W) {                                                                    \
            if (n <= 0)                                                                                                \
                break;                                                                                                 \
            const V x = n >= W ? LOAD(a + k * W) : N(v_load_first_or)(a + k * W, n, NEUTRAL_##op);                     \
            s[k] = JOIN_##op(x, s[k]);                                                                                 \
        }                                                                                                              \
    }                                                                                                                  \
    static void N(op##_long_row)(V * s, const T *a, int64_t n)                                                         \
    {                                                                                                                  \
        V pyramid[56][VECTORS];                                                                                        \
        int64_t done = 0;                                                                                              \
        for (; n > 0; done++, a += ROW_BLOCK, n -= ROW_BLOCK) {                                                        \
            int level = 0;                                                                                             \
            N(op##_block)(s, a, n < ROW_BLOCK ? n : ROW_BLOCK);                                                        \
            for (; done >> level & 1; level++)                                                                         \
                for (int k = 0; k < VECTORS; k++)                                                                      \
                    s[k] = JOIN_##op(s[k], pyramid[level][k]);                                                         \
            for (int k = 0; k < VECTORS; k++)                                                                          \
                pyramid[level][k] = s[k];                                                                              \
        }                                                                                                              \
        for (int k = 0; k < VECTORS; k++)                                                                              \
            s[k] = NEUTRAL_##op;                                                                                       \
        for (int level = 0; done >> level; level++)                                                                    \
            for (int k = 0; k < VECTORS && (done >> level & 1); k++)                                                   \
                s[k] = JOIN_##op(s[k], pyramid[level][k]);                                                             \
    }                                                                                                                  \
    static void N(op##_rows)(void *d, const void *a, int64_t rows, int64_t cols, int64_t stride)                       \
    {                                                                                                                  \
        T *out = d;                                                                                                    \
        const T *row = a;                                                                                              \
        for (int64_t r0 = 0; r0 < rows; r0 += GROUP, out += GROUP) {                                                   \
            const int64_t group = rows - r0 < GROUP ? rows - r0 : GROUP;                                               \
            N(part) parts[GROUP];                                                                                      \
            for (int64_t r = 0; r < group; r++, row += stride) {                                                       \
                V s[VECTORS];                                                                                          \
                if (cols > 0 && cols <= 2 * W) {                                                                       \
                    /* A dozen classes: the loops over vectors would cost more than the work. */                       \
                    for (int k = 0; k < VECTORS; k++)                                                                  \
                        s[k] = NEUTRAL_##op;                                                                           \
                    const V x = cols >= W ? LOAD(row) : N(v_load_first_or)(row, cols, NEUTRAL_##op);                   \
                    s[0] = JOIN_##op(x, s[0]);                                                                         \
                    if (cols > W) {                                                                                    \
                        const V y =                                                                                    \
                            cols == 2 * W ? LOAD(row + W) : N(v_load_first_or)(row + W, cols - W, NEUTRAL_##op);       \
                        s[1] = JOIN_##op(y, s[1]);                                                                     \
                    }                                                                                                  \
                } else if (cols <= ROW_BLOCK)                                                                          \
                    N(op##_block)(s, row, cols);                                                                       \
                else                                                                                                   \
                    N(op##_long_row)(s, row, cols);                                                                    \
                parts[r] = N(narrow_##op)(s);                                                                          \
            }                                                                                                          \
            for (int64_t r = group; r < GROUP; r++)                                                                    \
                parts[r] = parts[0];                                                                                   \
            N(finish_##op)(out, parts, group);                                                                         \
        }                                                                                                              \
    }                                                                                                                  \
    /* The columns of `vectors` vectors, side by side except that the last one starts at column last_offset. */        \
    static inline void N(op##_fold_columns)(T * d, const T *a, int64_t rows, int64_t stride, int vectors,              \
                                            int64_t last_offset)                                                       \
    {                                                                                                                  \
        for (int64_t r0 = 0; r0 == 0 || r0 < rows; r0 += FOLD_BLOCK) {                                                 \
            const int64_t block = rows - r0 < FOLD_BLOCK ? rows - r0 : FOLD_BLOCK;                                     \
            V s[8];                                                                                                    \
            for (int k = 0; k < vectors; k++)                                                                          \
                s[k] = NEUTRAL_##op;                                                                                   \
            for (int64_t r = 0; r < block; r++, a += stride)                                                           \
                for (int k = 0; k < vectors; k++) {                                                                    \
                    const V x = LOAD(a + (k == vectors - 1 ? last_offset : k * W));                                    \
                    s[k] = JOIN_##op(x, s[k]);                                                                         \
                }                                                                                                      \
            for (int k = 0; k < vectors; k++) {                                                                        \
                T *out = d + (k == vectors - 1 ? last_offset : k * W);                                                 \
                if (r0 > 0) {                                                                                          \
                    const V total = LOAD(out);                                                                         \
                    s[k] = JOIN_##op(s[k], total);                                                                     \
                }                                                                                                      \
            }                                                                                                          \
            /* Two of the vectors may overlap, so nothing is stored before all totals are read. */                     \
            for (int k = 0; k < vectors; k++)                                                                          \
                STORE(d + (k == vectors - 1 ? last_offset : k * W), s[k]);                                             \
        }                                                                                                              \
    }                                                                                                                  \
    static void N(op##_fold)(void *d, const void *a, int64_t rows, int64_t cols, int64_t stride)                       \
    {                                                                                                                  \
        T *out = d;                                                                                                    \
        const T *in = a;                                                                                               \
        int64_t j = 0;                                                                                                 \
        if (cols <= 0)                                                                                                 \
            return;                                                                                                    \
        if (cols < W) {                                                                                                \
            V total = NEUTRAL_##op;                                                                                    \
            for (int64_t r0 = 0; r0 < rows; r0 += FOLD_BLOCK) {                                                        \
                V s = NEUTRAL_##op;                                                                                    \
                for (int64_t r = r0; r < rows && r < r0 + FOLD_BLOCK; r++) {                                           \
                    const V x = N(v_load_first)(in + r * stride, cols);                                                \
                    s = JOIN_##op(x, s);                                                                               \
                }                                                                                                      \
                if (r0 > 0)                                                                                            \
                    s = JOIN_##op(s, total);                                                                           \
                total = s;                                                                                             \
            }                                                                                                          \
            N(v_store_first)(out, total, cols);                                                                        \
            return;                                                                                                    \
        }                                                                                                              \
        for (; cols - j >= 8 * W; j += 8 * W)                                                                          \
            N(op##_fold_columns)(out + j, in + j, rows, stride, 8, 7 * W);                                             \
        if (cols - j >= 4 * W) {                                                                                       \
            N(op##_fold_columns)(out + j, in + j, rows, stride, 4, 3 * W);                                             \
            j += 4 * W;                                                                                                \
        }                                                                                                              \
        if (cols - j > 2 * W) {                                                                                        \
            N(op##_fold_columns)(out + j, in + j, rows, stride, 2, W);                                                 \
            j += 2 * W;                                                                                                \
        }                                                                                                              \
        if (cols - j > W)                                                                                              \
            N(op##_fold_columns)(out + j, in + j, rows, stride, 2, cols - j - W);                                      \
        else if (j < cols)                                                                                             \
            N(op##_fold_columns)(out + cols - W, in + cols - W, rows, stride, 1, 0);                                   \
    }
DEFINE_REDUCE(sum)
DEFINE_REDUCE(max)

#undef PARTS
#undef VECTORS
#undef ROW_BLOCK
#undef FOLD_BLOCK
#undef GROUP
#undef JOIN_sum
#undef JOIN_max
#undef NEUTRAL_sum
#undef NEUTRAL_max
#undef DEFINE_REDUCE
