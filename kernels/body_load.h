/* Conversions from any type and any strides, and to any type. */

#define ELEMENT_f32     float
#define ELEMENT_f64     double
#define ELEMENT_i32     int32_t
#define ELEMENT_i64     int64_t
#define ELEMENT_u8      uint8_t
#define ELEMENT_bool    uint8_t
#define CONVERT_f32(x)  ((T)(x))
#define CONVERT_f64(x)  ((T)(x))
#define CONVERT_i32(x)  ((T)(x))
#define CONVERT_i64(x)  ((T)(x))
#define CONVERT_u8(x)   ((T)(x))
#define CONVERT_bool(x) ((T)((x) != 0))
#define SAME_f32        (BITS == 32)
#define SAME_f64        (BITS == 64)
#define SAME_i32        0
#define SAME_i64        0
#define SAME_u8         0
#define SAME_bool       0
#define BLOCK           BY_TYPE(8, 4)

static inline void N(copy)(T *d, const T *a, int64_t n) { N(move)(d, a, 1, 0, 0, 0, 0, n); }
static inline void N(spread)(T *d, T value, int64_t n) { N(move)(d, &value, 0, 0, 0, 0, 0, n); }

/* Writes the row at d again and again below itself, doubling what is copied until it fills half of a usual L1 cache. */
static void N(repeat_row)(T *d, int64_t rows, int64_t cols)
{
    const int64_t total = rows * cols;
    for (int64_t done = cols, piece = cols; done < total; done += piece) {
        if (done * (int64_t)sizeof(T) <= 16384)
            piece = done;
        if (piece > total - done)
            piece = total - done;
        N(copy)(d + done, d, piece);
    }
}

/* A square at a time, the last of a line overlapping the one before it, and along the lines of that side whose lines
 * are farther apart: such may meet in the same places of the cache, so that a line must be done with before many others
 * are touched. */
static void N(transpose)(void *d, int64_t ldd, const void *a, int64_t lda, int64_t rows, int64_t cols)
{
    T *to = d;
    const T *from = a;
    const int64_t last_row = rows - BLOCK, last_col = cols - BLOCK;
    if (last_row < 0 || last_col < 0) {
        for (int64_t i = 0; i < rows; i++)
            for (int64_t j = 0; j < cols; j++)
                to[i * ldd + j] = from[i + j * lda];
    } else if (ldd >= lda) {
        for (int64_t i0 = 0; i0 < rows; i0 += BLOCK)
            for (int64_t j0 = 0; j0 < cols; j0 += BLOCK) {
                const int64_t i = i0 < last_row ? i0 : last_row, j = j0 < last_col ? j0 : last_col;
                N(transpose_block)(to + i * ldd + j, ldd, from + i + j * lda, lda);
            }
    } else {
        for (int64_t j0 = 0; j0 < cols; j0 += BLOCK)
            for (int64_t i0 = 0; i0 < rows; i0 += BLOCK) {
                const int64_t i = i0 < last_row ? i0 : last_row, j = j0 < last_col ? j0 : last_col;
                N(transpose_block)(to + i * ldd + j, ldd, from + i + j * lda, lda);
            }
    }
}

#define DEFINE_LOAD(name)                                                                                              \
    static void N(load_##name)(void *d, const void *a, int64_t rows, int64_t cols, int64_t row_stride,                 \
                               int64_t col_stride)                                                                     \
    {                                                                                                                  \
        typedef ELEMENT_##name S;                                                                                      \
        T *out = d;                                                                                                    \
        const S *in = a;                                                                                               \
        if (rows <= 0 || cols <= 0)                                                                                    \
            return;                                                                                                    \
        /* Rows that follow one another at one stride are one long row. */                                             \
        if (rows == 1 || cols == 1 || row_stride == cols * col_stride) {                                               \
            if (cols == 1)                                                                                             \
                col_stride = row_stride;                                                                               \
            cols *= rows;                                                                                              \
            rows = 1;                                                                                                  \
        }                                                                                                              \
        if (row_stride == 0 && rows > 1) {                                                                             \
            N(load_##name)(out, in, 1, cols, 0, col_stride);                                                           \
            N(repeat_row)(out, rows, cols);                                                                            \
        } else if (col_stride == 0) {                                                                                  \
            for (int64_t i = 0; i < rows; i++, out += cols) {                                                          \
                const T x = CONVERT_##name(in[i * row_stride]);                                                        \
                const V v = SET(x);                                                                                    \
                int64_t j = 0;                                                                                         \
                for (; j + W <= cols; j += W)                                                                          \
                    STORE(out + j, v);                                                                                 \
                for (; j < cols; j++)                                                                                  \
                    out[j] = x;                                                                                        \
            }                                                                                                          \
        } else if (col_stride == 1) {                                                                                  \
            for (int64_t i = 0; i < rows; i++, in += row_stride, out += cols) {                                        \
                if (SAME_##name)                                                                                       \
                    N(copy)(out, (const T *)(const void *)in, cols);                                                   \
                else                                                                                                   \
                    for (int64_t j = 0; j < cols; j++)                                                                 \
                        out[j] = CONVERT_##name(in[j]);                                                                \
            }                                                                                                          \
        } else if (SAME_##name && row_stride == 1 && rows > 1) {                                                       \
            N(transpose)(out, cols, in, col_stride, rows, cols);                                                       \
        } else {                                                                                                       \
            /* Blocks of rows, for the case that it is the rows that lie close together. */                            \
            for (int64_t i0 = 0; i0 < rows; i0 += BLOCK)                                                               \
                for (int64_t j0 = 0; j0 < cols; j0 += 64)                                                              \
                    for (int64_t i = i0; i < i0 + BLOCK && i < rows; i++)                                              \
                        for (int64_t j = j0; j < j0 + 64 && j < cols; j++)                                             \
                            out[i * cols + j] = CONVERT_##name(in[i * row_stride + j * col_stride]);                   \
        }                                                                                                              \
    }
BGK_TYPES(DEFINE_LOAD)

/* Numbers outside the range of an integer type give its nearest end, NaN gives 0. */
#define SATURATE(x, type, low, low_value, above, high_value)                                                           \
    ((x) < (above) ? ((x) > (low) ? (type)(x) : (low_value)) : ((x) == (x) ? (high_value) : 0))
#define TO_f32(x)  ((float)(x))
#define TO_f64(x)  ((double)(x))
#define TO_i32(x)  SATURATE(x, int32_t, (T)-2147483648.0, INT32_MIN, (T)2147483648.0, INT32_MAX)
#define TO_i64(x)  SATURATE(x, int64_t, (T)-9223372036854775808.0, INT64_MIN, (T)9223372036854775808.0, INT64_MAX)
#define TO_u8(x)   ((uint8_t)SATURATE(x, uint8_t, (T)0, 0, (T)256, 255))
#define TO_bool(x) ((x) != 0)
#define DEFINE_STORE(name)                                                                                             \
    static void N(store_##name)(void *d, const void *a, int64_t n)                                                     \
    {                                                                                                                  \
        typedef ELEMENT_##name D;                                                                                      \
        D *out = d;                                                                                                    \
        const T *in = a;                                                                                               \
        if (SAME_##name)                                                                                               \
            N(copy)(d, a, n);                                                                                          \
        else                                                                                                           \
            for (int64_t i = 0; i < n; i++)                                                                            \
                out[i] = TO_##name(in[i]);                                                                             \
    }
BGK_TYPES(DEFINE_STORE)

#undef ELEMENT_f32
#undef ELEMENT_f64
#undef ELEMENT_i32
#undef ELEMENT_i64
#undef ELEMENT_u8
#undef ELEMENT_bool
#undef CONVERT_f32
#undef CONVERT_f64
#undef CONVERT_i32
#undef CONVERT_i64
#undef CONVERT_u8
#undef CONVERT_bool
#undef SAME_f32
#undef SAME_f64
#undef SAME_i32
#undef SAME_i64
#undef SAME_u8
#undef SAME_bool
#undef BLOCK
#undef DEFINE_LOAD
#undef SATURATE
#undef TO_f32
#undef TO_f64
#undef TO_i32
#undef TO_i64
#undef TO_u8
#undef TO_bool
#undef DEFINE_STORE
