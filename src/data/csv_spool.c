/* Rows in a temporary file, in pieces: the columns of a piece one behind the other, each as it is in memory. */
#include "data/csv_spool.h"

#include "data/dataset.h"

#include <blasgrad/graph.h>

#include "tensor/tensor.h"

#include <math.h>
#include <string.h>

typedef struct {
    bg_column form;
    size_t start, row_bytes; /* in a piece */
    double *means;           /* what stands for each value of a row that is missing; NULL: none is */
} spool_column;

struct bgi_csv_spool {
    bg_engine *engine;
    bgi_temporary *file; /* NULL: no row was written yet */
    uint64_t start;      /* of the first piece */
    int64_t piece;       /* rows of one */
    size_t piece_bytes;
    int count;
    spool_column columns[3]; /* of the data set */
    int classes;             /* the column that has them, or -1 */
    uint32_t *ranks;         /* the numbers that classes have when they are read; NULL: their own */
    size_t rank_bytes;
};

/* ---- Writing ---- */

static void describe_columns(bgi_csv_spool *s, const bgi_csv_table *t)
{
    s->classes = -1;
    for (int i = 0; i < 3; i++) {
        const bg_tensor *tensor = t->columns[i];
        if (!tensor)
            continue;
        spool_column *column = &s->columns[s->count];
        column->form = (bg_column){ .dtype = tensor->dtype, .shape.rank = tensor->shape.rank - 1 };
        memcpy(column->form.shape.dims, tensor->shape.dims + 1, (size_t)column->form.shape.rank * sizeof(int64_t));
        column->row_bytes = (size_t)bg_shape_count(column->form.shape) * bg_dtype_size(tensor->dtype);
        column->start = s->piece_bytes;
        s->piece_bytes += (size_t)s->piece * column->row_bytes;
        if (i == BGI_CSV_TARGETS && t->options->with_classes)
            s->classes = s->count;
        s->count++;
    }
}

/* The file for the rows: one for all tables of a folder, each of which begins behind the one before. */
static bg_status open_file(bgi_csv_spool *s, const bgi_csv_table *t)
{
    bg_status status = BG_OK;
    if (t->shared_file && *t->shared_file)
        s->file = bgi_temporary_retain(*t->shared_file);
    else
        status = bgi_temporary_create(&s->file, t->engine, "read_csv");
    if (!status && t->shared_file && !*t->shared_file)
        *t->shared_file = bgi_temporary_retain(s->file);
    if (!status)
        s->start = bgi_temporary_end(s->file);
    return status;
}

static bg_status begin(bgi_csv_table *t)
{
    int64_t piece = bgi_csv_first_rows(t);
    bg_status status = bgi_csv_resize(t, piece);
    if (status)
        return status;
    bgi_csv_spool *s = bgi_alloc_zero(t->engine, sizeof *s);
    if (!s)
        return BG_ERR_NOMEM;
    *s = (bgi_csv_spool){ .engine = t->engine, .piece = piece };
    describe_columns(s, t);
    t->spool = s;
    /* That there can be no file shows at once. Of rows that may be few it is not made yet. */
    return t->options->streams ? open_file(s, t) : BG_OK;
}

/* Where a column of the piece begins that has this row: what lies before it was written, so that this does not
 * overflow. */
static uint64_t place_of(const bgi_csv_spool *s, const spool_column *column, int64_t row)
{
    return s->start + (uint64_t)(row / s->piece) * s->piece_bytes + column->start;
}

bg_status bgi_csv_spool_rows(bgi_csv_table *t)
{
    bgi_csv_spool *s = t->spool;
    if (!s)
        return begin(t);
    int64_t n = t->rows - t->spooled;
    bg_status status = s->file ? BG_OK : open_file(s, t);
    for (int i = 0, c = 0; i < 3 && !status; i++)
        if (t->columns[i]) {
            const spool_column *column = &s->columns[c++];
            status = bgi_temporary_write(s->file, place_of(s, column, t->spooled), bg_tensor_const_data(t->columns[i]),
                                         (size_t)n * column->row_bytes);
        }
    t->spooled = t->rows;
    return status;
}

/* ---- Reading ---- */

static void finish(const bgi_csv_spool *s, int c, int64_t n, void *rows)
{
    const spool_column *column = &s->columns[c];
    int64_t width = bg_shape_count(column->form.shape);
    int64_t *classes = rows;
    float *f32 = rows;
    double *f64 = rows;
    for (int64_t i = 0; c == s->classes && s->ranks && i < n; i++)
        classes[i] = s->ranks[classes[i]];
    for (int64_t i = 0; column->means && i < n * width; i++) {
        if (column->form.dtype == BG_F32)
            f32[i] = isnan(f32[i]) ? (float)column->means[i % width] : f32[i];
        else
            f64[i] = isnan(f64[i]) ? column->means[i % width] : f64[i];
    }
}

static bg_status read_column(const bgi_csv_spool *s, int c, const int64_t *examples, int64_t n, unsigned char *to)
{
    const spool_column *column = &s->columns[c];
    bg_status status = BG_OK;
    for (int64_t i = 0, run; i < n && !status; i += run) {
        int64_t place = examples[i] % s->piece;
        run = bgi_run_length(examples + i, n - i);
        run = run < s->piece - place ? run : s->piece - place;
        uint64_t offset = place_of(s, column, examples[i]) + (uint64_t)place * column->row_bytes;
        status =
            bgi_temporary_read(s->file, offset, to + (size_t)i * column->row_bytes, (size_t)run * column->row_bytes);
    }
    if (!status)
        finish(s, c, n, to);
    return status;
}

static bg_status read_columns(void *user, const int64_t *examples, int64_t n, void *const *columns)
{
    const bgi_csv_spool *s = user;
    bg_status status = BG_OK;
    for (int c = 0; c < s->count && !status; c++)
        if (columns[c])
            status = read_column(s, c, examples, n, columns[c]);
    return status;
}

void bgi_csv_spool_destroy(bgi_csv_spool *s)
{
    if (!s)
        return;
    for (int c = 0; c < s->count; c++)
        bgi_free(s->engine, s->columns[c].means,
                 (size_t)bg_shape_count(s->columns[c].form.shape) * sizeof *s->columns[c].means);
    bgi_free(s->engine, s->ranks, s->rank_bytes);
    bgi_temporary_release(s->file);
    bgi_free(s->engine, s, sizeof *s);
}

/* ---- Back into memory ---- */

/* All rows of a column, into the table's column. */
static bg_status read_whole(const bgi_csv_spool *s, const spool_column *column, int64_t rows, bg_tensor *tensor)
{
    unsigned char *to = bg_tensor_data(tensor);
    bg_status status = BG_OK;
    for (int64_t row = 0; row < rows && !status; row += s->piece) {
        int64_t n = rows - row < s->piece ? rows - row : s->piece;
        status = bgi_temporary_read(s->file, place_of(s, column, row), to + (size_t)row * column->row_bytes,
                                    (size_t)n * column->row_bytes);
    }
    return status;
}

bg_status bgi_csv_unspool(bgi_csv_table *t)
{
    bgi_csv_spool *s = t->spool;
    bool is_in_file = t->spooled > 0;
    bg_status status = is_in_file ? bgi_csv_spool_rows(t) : BG_OK;
    if (is_in_file)
        bgi_csv_release_rows(t);
    if (!status)
        status = bgi_csv_resize(t, t->rows);
    t->spooled = 0;
    for (int i = 0, c = 0; i < 3 && !status && is_in_file; i++)
        if (t->columns[i])
            status = read_whole(s, &s->columns[c++], t->rows, t->columns[i]);
    bgi_csv_spool_destroy(s);
    t->spool = NULL;
    return status;
}

static void destroy(void *user) { bgi_csv_spool_destroy(user); }

/* ---- Means ---- */

/* Columns are taken some at a time, and rows as many as have room, so that wide tables take no more memory than narrow
 * ones. Values are added in the order in which they are added in memory, and in the same type. */
enum { STRIP = 256, STRIP_BYTES = 1 << 13 };
typedef struct {
    int64_t start, count;
    long double sums[STRIP];
    int64_t counts[STRIP];
    bool misses[STRIP];
    double values[STRIP_BYTES / sizeof(double)]; /* of either type */
} strip;

static void add_row(strip *s, const void *values, bool is_f32)
{
    for (int64_t i = 0; i < s->count; i++) {
        double value = is_f32 ? (double)((const float *)values)[i] : ((const double *)values)[i];
        s->sums[i] += isfinite(value) ? (long double)value : 0;
        s->counts[i] += isfinite(value) != 0;
        s->misses[i] = s->misses[i] || isnan(value);
    }
}

static bg_status add_values(const bgi_csv_spool *s, const spool_column *column, int64_t rows, strip *of)
{
    size_t size = bg_dtype_size(column->form.dtype), part = (size_t)of->count * size;
    /* Rows lie behind one another only as a whole. */
    int64_t most = part == column->row_bytes ? (int64_t)(STRIP_BYTES / part) : 1;
    bg_status status = BG_OK;
    for (int64_t row = 0, n; row < rows && !status; row += n) {
        int64_t place = row % s->piece, left = rows - row < s->piece - place ? rows - row : s->piece - place;
        n = left < most ? left : most;
        uint64_t offset = place_of(s, column, row) + (uint64_t)place * column->row_bytes + (uint64_t)of->start * size;
        status = bgi_temporary_read(s->file, offset, of->values, (size_t)n * part);
        for (int64_t i = 0; i < n && !status; i++)
            add_row(of, (const unsigned char *)of->values + (size_t)i * part, size == sizeof(float));
    }
    return status;
}

static bg_status find_means(bgi_csv_spool *s, const bgi_csv_table *t, int c, int32_t first_place)
{
    spool_column *column = &s->columns[c];
    int64_t width = bg_shape_count(column->form.shape);
    strip *of = bgi_alloc(s->engine, sizeof *of);
    column->means = bgi_alloc(s->engine, (size_t)width * sizeof *column->means);
    bg_status status = of && column->means ? BG_OK : BG_ERR_NOMEM;
    for (int64_t start = 0; start < width && !status; start += STRIP) {
        *of = (strip){ .start = start, .count = width - start < STRIP ? width - start : STRIP };
        status = add_values(s, column, t->rows, of);
        for (int64_t i = 0; i < of->count && !status; i++) {
            if (of->misses[i] && of->counts[i] == 0)
                status = bgi_csv_fail_mean(t, first_place + (int32_t)(start + i));
            column->means[start + i] = (double)(of->sums[i] / (long double)of->counts[i]);
        }
    }
    bgi_free(s->engine, of, sizeof *of);
    return status;
}

/* Of features and of targets that are numbers, which come in this order. */
static bg_status fill_with_means(bgi_csv_spool *s, const bgi_csv_table *t)
{
    bg_status status = find_means(s, t, 0, t->targets);
    return !status && t->targets > 0 && s->classes < 0 ? find_means(s, t, 1, 0) : status;
}

/* ---- The data set ---- */

static bg_status make_source(bg_dataset **dataset, bgi_csv_table *t, const char *path)
{
    bgi_csv_spool *s = t->spool;
    bool has_names = t->class_kind == CLASSES_NAMES;
    const bg_column forms[3] = { s->columns[0].form, s->columns[1].form, s->columns[2].form };
    bg_status status = bg_dataset_create_from(dataset, t->engine,
                                              &(bg_source){ .size = t->rows,
                                                            .columns = forms,
                                                            .n_columns = s->count,
                                                            .classes = has_names ? t->labels.names.count : t->classes,
                                                            .name = path,
                                                            .read = read_columns,
                                                            .destroy = destroy,
                                                            .user = s });
    if (!status)
        t->spool = NULL;
    return status;
}

bg_status bgi_csv_spool_dataset(bg_dataset **dataset, bgi_csv_table *t, const char *path, bgi_names *feature_names)
{
    bgi_csv_spool *s = t->spool;
    bg_status status = BG_OK;
    /* The columns of one piece are not needed any more. */
    bgi_csv_release_rows(t);
    if (t->class_kind == CLASSES_NAMES && !t->has_given_names) {
        size_t bytes = (size_t)t->labels.names.count * sizeof *s->ranks;
        status = bgi_labels_sort(&t->labels, &s->ranks);
        s->rank_bytes = status ? 0 : bytes;
    }
    if (!status && t->has_missing)
        status = fill_with_means(s, t);
    if (!status)
        status = make_source(dataset, t, path);
    if (!status)
        bgi_dataset_take_names(*dataset, &t->labels.names, feature_names);
    return status;
}
