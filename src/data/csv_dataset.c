/* The data set out of a table's rows: means for what is missing, and columns. */
#include "data/csv_rows.h"
#include "data/dataset.h"

#include <blasgrad/graph.h>

#include "tensor/tensor.h"

#include <math.h>

/* ---- Means ---- */

/* Columns are taken some at a time, so that no memory is needed. */
enum { STRIP = 64 };
typedef struct {
    int32_t start, count;
    /* Of the finite values that are there; in a type with so large a range that they are finite. */
    long double sums[STRIP];
    int64_t counts[STRIP];
    bool misses[STRIP]; /* whether a value is missing */
} strip;

static void add_values(const bgi_csv_table *t, strip *s)
{
    for (int64_t k = 0; k < t->rows; k++) {
        const bgi_csv_row row = bgi_csv_row_at(t, k);
        for (int32_t i = 0; i < s->count; i++) {
            double value = bgi_csv_load(t, &row, s->start + i);
            s->sums[i] += isfinite(value) ? (long double)value : 0;
            s->counts[i] += isfinite(value) != 0;
            s->misses[i] = s->misses[i] || isnan(value);
        }
    }
}

static void put_means(const bgi_csv_table *t, const strip *s)
{
    for (int64_t k = 0; k < t->rows; k++) {
        const bgi_csv_row row = bgi_csv_row_at(t, k);
        for (int32_t i = 0; i < s->count; i++)
            if (isnan(bgi_csv_load(t, &row, s->start + i)))
                bgi_csv_store(t, &row, s->start + i, (double)(s->sums[i] / (long double)s->counts[i]));
    }
}

bg_status bgi_csv_fail_mean(const bgi_csv_table *t, int32_t place)
{
    const bgi_csv_source *source = &t->sources[place < t->targets ? t->source_count - 1 : 0];
    return BGI_CSV_FAIL_AT(&source->csv, bgi_csv_column_at(source, place) + 1, "%s",
                           " has no value of which to take the mean");
}

static bg_status fill_with_means(bgi_csv_table *t)
{
    int32_t values = t->targets + t->features;
    for (int32_t start = 0; start < values; start += STRIP) {
        strip s = { .start = start, .count = values - start < STRIP ? values - start : STRIP };
        add_values(t, &s);
        for (int32_t i = 0; i < s.count; i++)
            if (s.misses[i] && s.counts[i] == 0)
                return bgi_csv_fail_mean(t, start + i);
        put_means(t, &s);
    }
    return BG_OK;
}

/* ---- The data set ---- */

/* Numbers the classes by the order of their names. */
static bg_status order_classes(bgi_csv_table *t)
{
    uint32_t *ranks = NULL;
    size_t count = (size_t)t->labels.names.count;
    bg_status status = bgi_labels_sort(&t->labels, &ranks);
    int64_t *classes = bg_tensor_data(t->columns[BGI_CSV_TARGETS]);
    for (int64_t i = 0; i < t->rows && !status; i++)
        classes[i] = ranks[classes[i]];
    bgi_free(t->engine, ranks, count * sizeof *ranks);
    return status;
}

bg_status bgi_csv_make_dataset(bg_dataset **dataset, bgi_csv_table *t, const char *path, bgi_names *feature_names)
{
    bg_tensor *columns[3];
    int count = 0;
    for (int i = 0; i < 3; i++)
        if (t->columns[i])
            columns[count++] = t->columns[i];
    bool has_names = t->class_kind == CLASSES_NAMES;
    bg_status status = t->has_missing ? fill_with_means(t) : BG_OK;
    if (!status && has_names && !t->has_given_names)
        status = order_classes(t);
    if (!status)
        status = bgi_dataset_create(dataset, path, columns, count, has_names ? t->labels.names.count : t->classes);
    if (!status)
        bgi_dataset_take_names(*dataset, &t->labels.names, feature_names);
    if (status) {
        bg_dataset_destroy(*dataset);
        *dataset = NULL;
    }
    return status;
}
