/* Tensors: typed arrays with shape and strides, row-major unless a view says otherwise. */
#ifndef BLASGRAD_TENSOR_H
#define BLASGRAD_TENSOR_H

#include <blasgrad/engine.h>

#ifdef __cplusplus
extern "C" {
#endif

/* X(name, element type in C, name in messages). */
#define BG_DTYPE_LIST(X)                                                                                               \
    X(BG_F32, float, "f32")                                                                                            \
    X(BG_F64, double, "f64")                                                                                           \
    X(BG_I32, int32_t, "i32")                                                                                          \
    X(BG_I64, int64_t, "i64")                                                                                          \
    X(BG_U8, uint8_t, "u8")                                                                                            \
    X(BG_BOOL, uint8_t, "bool")

typedef enum {
#define BG_DTYPE_ENUM(name, type, text) name,
    BG_DTYPE_LIST(BG_DTYPE_ENUM)
#undef BG_DTYPE_ENUM
        BG_DTYPE_COUNT
} bg_dtype;

/* "f32"; "unknown dtype" for a number that is none. */
BG_API const char *bg_dtype_name(bg_dtype dtype);
/* Bytes of one element. */
BG_API size_t bg_dtype_size(bg_dtype dtype);

#define BG_MAX_RANK 8

/* The extents of a tensor, outermost first. Rank 0 is a scalar; an extent may be 0. */
typedef struct {
    int rank;
    int64_t dims[BG_MAX_RANK];
} bg_shape;

/* A set of axes; negative ones count from the end. count -1 stands for all axes. */
typedef struct {
    int count;
    int axis[BG_MAX_RANK];
} bg_axes;

/* A number of an options struct whose default is not 0: BG_SOME(0) is given, the zero value stands for the default. */
typedef struct {
    bool is_some;
    double value;
} bg_optional;

/* BG_SHAPE(5, 2), BG_SCALAR, BG_AXES(0, -1), BG_AXES() for none, BG_ALL_AXES, BG_SOME(0.5). */
#ifdef __cplusplus
} /* extern "C": templates cannot have C linkage */
template <typename... T> constexpr bg_shape bgx_shape(T... dims)
{
    static_assert(sizeof...(dims) <= BG_MAX_RANK, "rank is at most 8");
    return bg_shape{ static_cast<int>(sizeof...(dims)), { static_cast<int64_t>(dims)... } };
}
template <typename... T> constexpr bg_axes bgx_axes(T... axes)
{
    static_assert(sizeof...(axes) <= BG_MAX_RANK, "rank is at most 8");
    return bg_axes{ static_cast<int>(sizeof...(axes)), { static_cast<int>(axes)... } };
}
#define BG_SHAPE(...) (::bgx_shape(__VA_ARGS__))
#define BG_AXES(...)  (::bgx_axes(__VA_ARGS__))
#define BG_SCALAR     (bg_shape{ 0, {} })
#define BG_ALL_AXES   (bg_axes{ -1, {} })
#define BG_SOME(x)    (bg_optional{ true, static_cast<double>(x) })
extern "C" {
#else
/* The leading 0 and the "+ 0" keep the lists of BG_AXES() from being empty. */
#define BG_SHAPE(...)                                                                                                  \
    ((bg_shape){ (int)(sizeof((int64_t[]){ 0, __VA_ARGS__ }) / sizeof(int64_t)) - 1, { __VA_ARGS__ + 0 } })
#define BG_AXES(...) ((bg_axes){ (int)(sizeof((int[]){ 0, __VA_ARGS__ }) / sizeof(int)) - 1, { __VA_ARGS__ + 0 } })
#define BG_SCALAR    ((bg_shape){ 0, { 0 } })
#define BG_ALL_AXES  ((bg_axes){ -1, { 0 } })
#define BG_SOME(x)   ((bg_optional){ true, (x) })
#endif

/* Elements of a shape: the product of its extents, 1 for a scalar. The shape must be one that a call accepted. */
BG_API int64_t bg_shape_count(bg_shape shape);
BG_API bool bg_shape_equal(bg_shape a, bg_shape b);

typedef struct bg_tensor bg_tensor;

/* A new tensor of zeros, 64-byte aligned.
 * BG_ERR_SHAPE for a rank or extent out of range, BG_ERR_OVERFLOW if the byte count does not fit, BG_ERR_DTYPE,
 * BG_ERR_NOMEM. */
BG_API bg_status bg_tensor_create(bg_tensor **tensor, bg_engine *engine, bg_dtype dtype, bg_shape shape);

/* A tensor over the caller's row-major memory, which must outlive it and be aligned for the element type. */
BG_API bg_status bg_tensor_wrap(bg_tensor **tensor, bg_engine *engine, bg_dtype dtype, bg_shape shape, void *data);

/* Gives back the caller's hold; graphs, programs and views keep what they use. NULL is allowed. */
BG_API void bg_tensor_destroy(bg_tensor *tensor);

/* Views: new tensors over the same elements, without a copy.
 * _slice keeps start, start + step, .. before stop of one axis; negative start and stop count from the end; step >= 1.
 * _permute takes axis axes.axis[i] of the tensor as axis i of the view.
 * _reshape needs strides that allow it: BG_ERR_SHAPE says which axes would need a copy; one extent may be -1.
 * _expand repeats axes of extent 1, and adds leading axes, by stride 0. Such a view cannot be a parameter or buffer. */
BG_API bg_status bg_tensor_slice(bg_tensor **view, bg_tensor *tensor, int axis, int64_t start, int64_t stop,
                                 int64_t step);
BG_API bg_status bg_tensor_permute(bg_tensor **view, bg_tensor *tensor, bg_axes axes);
BG_API bg_status bg_tensor_reshape(bg_tensor **view, bg_tensor *tensor, bg_shape shape);
BG_API bg_status bg_tensor_expand(bg_tensor **view, bg_tensor *tensor, bg_shape shape);

BG_API bg_shape bg_tensor_shape(const bg_tensor *tensor);
BG_API bg_dtype bg_tensor_dtype(const bg_tensor *tensor);
/* In elements, one an axis. */
BG_API const int64_t *bg_tensor_strides(const bg_tensor *tensor);
BG_API bool bg_tensor_is_contiguous(const bg_tensor *tensor);

/* The first element. For writing: raises the tensor's version, so that copies kept of it are made anew; fetch it again
 * after each run. Element [i, j, ..] lies i * strides[0] + j * strides[1] + .. elements further. */
BG_API void *bg_tensor_data(bg_tensor *tensor);
/* The first element, for reading. */
BG_API const void *bg_tensor_const_data(const bg_tensor *tensor);

/* Copies between the tensor's elements in row-major order and the caller's memory; bytes must be the exact size.
 * BG_ERR_ARGUMENT names both sizes if it is not. _copy_from on an _expand view is BG_ERR_OVERLAP. */
BG_API bg_status bg_tensor_copy_from(bg_tensor *tensor, const void *data, size_t bytes);
BG_API bg_status bg_tensor_copy_to(const bg_tensor *tensor, void *data, size_t bytes);
/* Copies all elements of source into target; same shape and dtype, any strides, overlapping memory is BG_ERR_OVERLAP.
 */
BG_API bg_status bg_tensor_copy(bg_tensor *target, const bg_tensor *source);
/* Sets every element to value, converted to the dtype as C does; BG_ERR_ARGUMENT if it does not fit. */
BG_API bg_status bg_tensor_fill(bg_tensor *tensor, double value);
/* The element at a row-major index, as a double (i64 beyond 2^53 is rounded). BG_ERR_INDEX outside 0 .. count - 1. */
BG_API bg_status bg_tensor_item(const bg_tensor *tensor, int64_t index, double *value);

#ifdef __cplusplus
}
#endif
#endif
