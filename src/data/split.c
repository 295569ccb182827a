/* Cutting a data set in two. */
#include "data/dataset.h"

#include <blasgrad/graph.h>

#include "base/hash.h"
#include "tensor/tensor.h"

#include <stdlib.h>
#include <string.h>

/* Places are those of the examples' permuted order. */
typedef struct {
    const bg_dataset *dataset;
    uint64_t seed, stream;
    int64_t size;     /* of the first part */
    bgi_subset first; /* its places; none: the first `size` of them */
} division;

static int64_t example_at(const division *d, int64_t place)
{
    return (int64_t)bg_permute_index((uint64_t)place, (uint64_t)d->dataset->size, d->seed, d->stream);
}

static bool is_in(const division *d, int64_t place, bool first)
{
    return (d->first.words ? bgi_subset_has(&d->first, place) : place < d->size) == first;
}

static bg_status copy_part(bg_tensor **copy, const division *d, int column, bool first)
{
    enum { PIECE = 256 };
    const bg_tensor *source = d->dataset->columns[column];
    int64_t n = d->dataset->size, examples[PIECE], count = 0;
    bg_shape shape = source->shape;
    shape.dims[0] = first ? d->size : n - d->size;
    bg_status status = bg_tensor_create(copy, d->dataset->engine, source->dtype, shape);
    if (status || bg_shape_count(shape) == 0)
        return status;
    size_t row_bytes = (size_t)(bg_shape_count(shape) / shape.dims[0]) * bg_dtype_size(source->dtype);
    unsigned char *target = bg_tensor_data(*copy);
    for (int64_t place = 0; place < n; place++) {
        if (is_in(d, place, first))
            examples[count++] = example_at(d, place);
        if (count < PIECE && place + 1 < n)
            continue;
        bgi_copy_rows(source, examples, count, target);
        target += (size_t)count * row_bytes;
        count = 0;
    }
    return BG_OK;
}

/* Of the permuted order a part is a stretch, if it is not chosen by classes. */
static bg_status derive_part(bg_dataset **part, const division *d, bool first)
{
    bgi_derivation derivation = { .is_permuted = true, .seed = d->seed, .stream = d->stream };
    bg_status status = BG_OK;
    if (d->first.words)
        status = bgi_subset_copy(&derivation.chosen, d->dataset->engine, &d->first, !first);
    else
        derivation.first = first ? 0 : d->size;
    int64_t size = first ? d->size : d->dataset->size - d->size;
    return status ? status : bgi_dataset_derive(part, d->dataset, size, &derivation);
}

static bg_status make_part(bg_dataset **part, const division *d, bool first)
{
    if (!d->dataset->columns)
        return derive_part(part, d, first);
    bg_tensor **columns = bgi_dataset_new_columns(d->dataset);
    if (!columns)
        return BG_ERR_NOMEM;
    bg_status status = BG_OK;
    for (int i = 0; i < d->dataset->count && !status; i++)
        status = copy_part(&columns[i], d, i, first);
    return bgi_dataset_create_like(part, d->dataset, columns, status);
}

static bg_status make_parts(bg_dataset **first, bg_dataset **second, const division *d)
{
    bg_status status = make_part(first, d, true);
    if (!status)
        status = make_part(second, d, false);
    if (status) {
        bg_dataset_destroy(*first);
        *first = NULL;
    }
    return status;
}

static bg_status begin(division *d, const char *caller, bg_dataset **first, bg_dataset **second,
                       const bg_dataset *dataset, int64_t size, uint64_t seed)
{
    if (first)
        *first = NULL;
    if (second)
        *second = NULL;
    if (!first || !second || !dataset)
        return bg_fail(BG_ERR_ARGUMENT, "%s: %s is NULL", caller, !dataset ? "dataset" : first ? "second" : "first");
    bg_status status = bgi_engine_check(dataset->engine, caller);
    if (status)
        return status;
    if (size < 0 || size > dataset->size)
        return bg_fail(BG_ERR_ARGUMENT, "%s: %lld of %lld examples asked for the first part", caller, (long long)size,
                       (long long)dataset->size);
    *d = (division){ .dataset = dataset, .seed = seed, .stream = bgi_hash_text("dataset_split"), .size = size };
    return BG_OK;
}

bg_status bg_dataset_split(bg_dataset **first, bg_dataset **second, const bg_dataset *dataset, int64_t size,
                           uint64_t seed)
{
    division d;
    bg_status status = begin(&d, "dataset_split", first, second, dataset, size, seed);
    return status ? status : make_parts(first, second, &d);
}

/* ---- By classes ---- */

typedef struct {
    int64_t class;
    int64_t count, share; /* examples in all, and in the first part */
    int64_t rest;         /* of the division that the share is rounded from */
} quota;

static const char stratified[] = "dataset_split_stratified";

/* The classes of all examples, in as few bytes each as they take. */
typedef struct {
    unsigned char *data;
    size_t width, bytes;
} labels;

static bg_status make_labels(labels *l, const division *d)
{
    int64_t classes = d->dataset->classes;
    l->width = classes <= 1 << 8 ? 1 : classes <= 1 << 16 ? 2 : classes <= BGI_CLASS_LIMIT ? 3 : sizeof classes;
    if (__builtin_mul_overflow((size_t)d->dataset->size, l->width, &l->bytes))
        return bg_fail(BG_ERR_OVERFLOW, "%s: %lld examples are too many", stratified, (long long)d->dataset->size);
    l->data = bgi_alloc(d->dataset->engine, l->bytes);
    return l->data ? BG_OK : BG_ERR_NOMEM;
}

static int64_t class_of(const labels *l, int64_t example)
{
    int64_t class = 0;
    for (size_t b = l->width; b-- > 0;)
        class = class << 8 | l->data[(size_t)example * l->width + b];
    return class;
}

static bg_status set_class(const labels *l, const division *d, int64_t example, double value)
{
    if (!(value >= 0 && value < (double)d->dataset->classes && value == (double)(int64_t)value))
        return bg_fail(BG_ERR_ARGUMENT, "%s: the class of example %lld is %g; there are %lld classes", stratified,
                       (long long)example, value, (long long)d->dataset->classes);
    for (size_t b = 0; b < l->width; b++)
        l->data[(size_t)example * l->width + b] = (unsigned char)((int64_t)value >> 8 * b);
    return BG_OK;
}

/* Reads the classes in the order in which they stand. */
static bg_status read_labels(const labels *l, const division *d)
{
    bgi_pass pass;
    bg_tensor *piece = NULL; /* of the classes at hand */
    bg_status status = bgi_pass_begin(&pass, d->dataset, 1);
    if (status)
        return status;
    status = bg_tensor_wrap(&piece, d->dataset->engine, d->dataset->forms[1].dtype, BG_SHAPE(pass.capacity), pass.data);
    while (!status && !(status = bgi_pass_next(&pass)) && pass.n > 0)
        for (int64_t i = 0; i < pass.n && !status; i++) {
            double value = -1;
            status = bg_tensor_item(piece, i, &value);
            if (!status)
                status = set_class(l, d, pass.first + i, value);
        }
    bg_tensor_destroy(piece);
    bgi_pass_end(&pass);
    return status;
}

static int by_rest(const void *x, const void *y)
{
    const quota *a = x, *b = y;
    if (a->rest != b->rest)
        return a->rest < b->rest ? 1 : -1;
    return (a->class > b->class) - (a->class < b->class);
}

static int by_class(const void *x, const void *y)
{
    const quota *a = x, *b = y;
    return (a->class > b->class) - (a->class < b->class);
}

/* Counts the classes and finds their shares of the first part. */
static bg_status share_out(const division *d, const labels *l, quota *quotas)
{
    int64_t n = d->dataset->size, classes = d->dataset->classes, left = d->size;
    for (int64_t c = 0; c < classes; c++)
        quotas[c].class = c;
    for (int64_t i = 0; i < n; i++)
        quotas[class_of(l, i)].count++;
    for (int64_t c = 0; c < classes; c++) {
        int64_t product;
        if (__builtin_mul_overflow(quotas[c].count, d->size, &product))
            return bg_fail(BG_ERR_OVERFLOW, "%s: %lld examples are too many", stratified, (long long)n);
        quotas[c].share = n ? product / n : 0;
        quotas[c].rest = n ? product % n : 0;
        left -= quotas[c].share;
    }
    qsort(quotas, (size_t)classes, sizeof *quotas, by_rest);
    for (int64_t c = 0; c < left; c++)
        quotas[c].share++;
    qsort(quotas, (size_t)classes, sizeof *quotas, by_class);
    return BG_OK;
}

static bg_status choose(division *d, const labels *l, quota *quotas)
{
    bg_status status = read_labels(l, d);
    if (!status)
        status = share_out(d, l, quotas);
    for (int64_t place = 0; place < d->dataset->size && !status; place++) {
        quota *of_class = &quotas[class_of(l, example_at(d, place))];
        if (of_class->share == 0)
            continue;
        of_class->share--;
        bgi_subset_add(&d->first, place);
    }
    return status;
}

bg_status bg_dataset_split_stratified(bg_dataset **first, bg_dataset **second, const bg_dataset *dataset, int64_t size,
                                      uint64_t seed)
{
    division d;
    bg_status status = begin(&d, stratified, first, second, dataset, size, seed);
    if (status)
        return status;
    if (dataset->classes < 1 || dataset->count < 2 || dataset->forms[1].shape.rank != 0)
        return bg_fail(BG_ERR_ARGUMENT, "%s: the data set has no column 1 with a class an example", stratified);
    size_t quota_bytes;
    if (__builtin_mul_overflow((size_t)dataset->classes, sizeof(quota), &quota_bytes))
        return bg_fail(BG_ERR_OVERFLOW, "%s: %lld classes are too many", stratified, (long long)dataset->classes);
    quota *quotas = bgi_alloc_zero(dataset->engine, quota_bytes);
    labels l = { .data = NULL };
    status = quotas ? make_labels(&l, &d) : BG_ERR_NOMEM;
    if (!status)
        status = bgi_subset_create(&d.first, dataset->engine, dataset->size);
    if (!status)
        status = choose(&d, &l, quotas);
    bgi_free(dataset->engine, l.data, l.bytes);
    bgi_free(dataset->engine, quotas, quota_bytes);
    if (!status)
        status = make_parts(first, second, &d);
    bgi_subset_release(&d.first, dataset->engine);
    return status;
}
