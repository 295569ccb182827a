/* The data set out of a table's rows: means for what is missing, and columns. */
#include "data/csv_rows.h"
#include "data/dataset.h"

#include <blasgrad/graph.h>

#include "tensor/tensor.h"

#include <math.h>
#include <string.h>

/* ---- Means ---- */

/* Columns are taken some at a time, so that no memory is needed. */
enum { STRIP = 64 };
typedef struct {
    int32_t start, count;
    /* Of the finite values that are there; in a type with so large a range that they are finite. */
    long double sums[STRIP];
    int64_t counts[STRIP];
} strip;

static void add_values(const bgi_csv_table *t, strip *s)
{
    for (const bgi_row_block *b = t->first; b; b = b->next)
        for (const unsigned char *row = b->rows; row < b->rows + b->used; row += t->row_bytes)
            for (int32_t i = 0; i < s->count; i++) {
                double value = bgi_csv_load(t, row, s->start + i);
                s->sums[i] += isfinite(value) ? (long double)value : 0;
                s->counts[i] += isfinite(value) != 0;
            }
}

static void put_means(const bgi_csv_table *t, const strip *s)
{
    for (bgi_row_block *b = t->first; b; b = b->next)
        for (unsigned char *row = b->rows; row < b->rows + b->used; row += t->row_bytes)
            for (int32_t i = 0; i < s->count; i++)
                if (isnan(bgi_csv_load(t, row, s->start + i)))
                    bgi_csv_store(t, row, s->start + i, (double)(s->sums[i] / (long double)s->counts[i]));
}

static bg_status fail_column(const bgi_csv_table *t, int32_t place)
{
    const bgi_csv_source *source = &t->sources[place < t->targets ? t->source_count - 1 : 0];
    int64_t column = 0;
    while (source->places[column] != place)
        column++;
    return BGI_CSV_FAIL_AT(&source->csv, column + 1, "%s", " has no value of which to take the mean");
}

static bg_status fill_with_means(bgi_csv_table *t)
{
    int32_t values = t->targets + t->features;
    for (int32_t start = 0; start < values; start += STRIP) {
        strip s = { .start = start, .count = values - start < STRIP ? values - start : STRIP };
        add_values(t, &s);
        for (int32_t i = 0; i < s.count; i++)
            if (s.counts[i] == 0)
                return fail_column(t, start + i);
        put_means(t, &s);
    }
    return BG_OK;
}

/* ---- The data set ---- */

/* Copies `width` values of each row from `place` on. */
static bg_status copy_values(const bgi_csv_table *t, bg_tensor **tensor, int32_t place, int32_t width)
{
    bg_status status = bg_tensor_create(tensor, t->engine, t->options->dtype, BG_SHAPE(t->rows, width));
    if (status)
        return status;
    size_t size = bg_dtype_size(t->options->dtype), bytes = (size_t)width * size, start = (size_t)place * size;
    unsigned char *to = bg_tensor_data(*tensor);
    for (const bgi_row_block *b = t->first; b; b = b->next)
        for (const unsigned char *row = b->rows; row < b->rows + b->used; row += t->row_bytes, to += bytes)
            memcpy(to, row + start, bytes);
    return BG_OK;
}

static bg_status copy_row_numbers(const bgi_csv_table *t, bg_tensor **tensor)
{
    bg_status status = bg_tensor_create(tensor, t->engine, BG_I64, BG_SHAPE(t->rows));
    if (status)
        return status;
    int64_t *to = bg_tensor_data(*tensor);
    for (const bgi_row_block *b = t->first; b; b = b->next)
        for (const unsigned char *row = b->rows; row < b->rows + b->used; row += t->row_bytes)
            memcpy(to++, row + t->row_bytes - sizeof *to, sizeof *to);
    return BG_OK;
}

/* Copies the classes; ranks (or NULL) has the number that each is to have. */
static bg_status copy_classes(const bgi_csv_table *t, bg_tensor **tensor, const uint32_t *ranks)
{
    bg_status status = bg_tensor_create(tensor, t->engine, BG_I64, BG_SHAPE(t->rows));
    if (status)
        return status;
    int64_t *to = bg_tensor_data(*tensor);
    for (const bgi_row_block *b = t->first; b; b = b->next)
        for (const unsigned char *row = b->rows; row < b->rows + b->used; row += t->row_bytes) {
            int64_t class = (int64_t)bgi_csv_load(t, row, 0);
            *to++ = ranks ? (int64_t)ranks[class] : class;
        }
    return BG_OK;
}

static bg_status make_classes(bgi_csv_table *t, bg_tensor **tensor)
{
    uint32_t *ranks = NULL;
    size_t count = (size_t)t->labels.names.count;
    bg_status status = BG_OK;
    if (t->class_kind == CLASSES_NAMES && !t->has_given_names)
        status = bgi_labels_sort(&t->labels, &ranks);
    if (!status)
        status = copy_classes(t, tensor, ranks);
    if (ranks)
        bgi_free(t->engine, ranks, count * sizeof *ranks);
    return status;
}

bg_status bgi_csv_make_dataset(bg_dataset **dataset, bgi_csv_table *t, const char *path, const bgi_names *feature_names)
{
    bg_tensor *columns[3] = { NULL };
    int count = t->targets > 0 ? 2 : 1;
    bg_status status = t->has_missing ? fill_with_means(t) : BG_OK;
    if (!status)
        status = copy_values(t, &columns[0], t->targets, t->features);
    if (!status && t->options->with_classes)
        status = make_classes(t, &columns[1]);
    else if (!status && t->targets > 0)
        status = copy_values(t, &columns[1], 0, t->targets);
    if (!status && t->options->with_row_numbers)
        status = copy_row_numbers(t, &columns[count++]);
    int64_t classes = t->class_kind == CLASSES_NAMES ? t->labels.names.count : t->classes;
    if (!status)
        status = bgi_dataset_create(dataset, path, columns, count, classes);
    if (!status)
        status = bgi_dataset_set_names(*dataset, &t->labels.names, feature_names);
    for (int i = 0; i < count; i++)
        bg_tensor_destroy(columns[i]);
    if (status) {
        bg_dataset_destroy(*dataset);
        *dataset = NULL;
    }
    return status;
}
