/* Data sets whose examples are bytes in files. */
#include "data/byte_stream.h"

#include "data/convert.h"
#include "data/dataset.h"
#include "io/file.h"

#include <blasgrad/graph.h>

#include <string.h>

enum { COLUMNS = 2, PIECE = 1 << 14 }; /* PIECE: bytes that are read at a time */

typedef struct {
    bg_engine *engine;
    const char *caller;
    bgi_label_rule rule;
    bgi_byte_column columns[COLUMNS];
    char *paths[COLUMNS]; /* of the columns, owned */
    size_t path_bytes[COLUMNS];
    unsigned char *piece;
} byte_stream;

/* ---- Reading ---- */

bg_status bgi_label_take(int64_t *class, const bgi_label_rule *rule, const unsigned char *labels, const char *caller,
                         const char *path, uint64_t offset)
{
    for (int i = 0; i < rule->count; i++)
        if (labels[i] >= rule->classes[i])
            return bg_fail(BG_ERR_FORMAT, "%s: %s: offset %llu: label %d, where %s has 0 to %lld", caller,
                           bgi_path_text(path), (unsigned long long)offset + (unsigned)i, labels[i], rule->owner,
                           (long long)rule->classes[i] - 1);
    *class = labels[rule->chosen];
    return BG_OK;
}

/* Bytes of an example in the file. */
static size_t size_of(const byte_stream *s, const bgi_byte_column *c)
{
    return c->holds_labels ? (size_t)s->rule.count : (size_t)bg_shape_count(c->form.shape);
}

static bg_status read_bytes(const byte_stream *s, const bgi_byte_column *c, uint64_t offset, size_t count)
{
    return bgi_file_read_at(c->descriptor, s->caller, c->path, offset, s->piece, count);
}

/* An image that may be larger than a piece. */
static bg_status read_image(const byte_stream *s, const bgi_byte_column *c, uint64_t offset, unsigned char *to)
{
    bg_status status = BG_OK;
    size_t size = size_of(s, c), width = bg_dtype_size(c->form.dtype);
    for (size_t done = 0; done < size && !status; done += PIECE) {
        size_t count = size - done < PIECE ? size - done : PIECE;
        status = read_bytes(s, c, offset + done, count);
        if (!status)
            bgi_data_scale_bytes(to + done * width, c->form.dtype, s->piece, count);
    }
    return status;
}

/* Examples that follow one another and fit a piece, with what lies between them. */
static bg_status read_run(const byte_stream *s, const bgi_byte_column *c, uint64_t offset, int64_t run,
                          unsigned char *to)
{
    size_t size = size_of(s, c), row_bytes = (size_t)bg_shape_count(c->form.shape) * bg_dtype_size(c->form.dtype);
    bg_status status = read_bytes(s, c, offset, (size_t)(run - 1) * c->stride + size);
    for (size_t i = 0; i < (size_t)run && !status; i++, to += row_bytes) {
        const unsigned char *bytes = s->piece + i * c->stride;
        if (c->holds_labels)
            status = bgi_label_take((int64_t *)(void *)to, &s->rule, bytes, s->caller, c->path, offset + i * c->stride);
        else
            bgi_data_scale_bytes(to, c->form.dtype, bytes, size);
    }
    return status;
}

static bg_status read_column(const byte_stream *s, const bgi_byte_column *c, const int64_t *examples, int64_t n,
                             unsigned char *to)
{
    size_t size = size_of(s, c), row_bytes = (size_t)bg_shape_count(c->form.shape) * bg_dtype_size(c->form.dtype);
    /* What lies far apart is read one by one. */
    int64_t most = size == 0 || c->stride > 2 * size || c->stride > PIECE ? 1 : (int64_t)(PIECE / c->stride);
    bg_status status = BG_OK;
    for (int64_t i = 0, run; i < n && size > 0 && !status; i += run, to += (size_t)run * row_bytes) {
        uint64_t offset = c->start + (uint64_t)examples[i] * c->stride;
        run = bgi_run_length(examples + i, n - i < most ? n - i : most);
        status = size > PIECE ? read_image(s, c, offset, to) : read_run(s, c, offset, run, to);
    }
    return status;
}

static bg_status read_columns(void *user, const int64_t *examples, int64_t n, void *const *columns)
{
    const byte_stream *s = user;
    bg_status status = BG_OK;
    for (int i = 0; i < COLUMNS && !status; i++)
        if (columns[i])
            status = read_column(s, &s->columns[i], examples, n, columns[i]);
    return status;
}

/* ---- Opening ---- */

static void close_descriptors(const bgi_byte_column columns[COLUMNS])
{
    bgi_file_close(columns[0].descriptor);
    if (columns[1].descriptor != columns[0].descriptor)
        bgi_file_close(columns[1].descriptor);
}

static void release(byte_stream *s)
{
    for (int i = 0; i < COLUMNS; i++)
        bgi_free(s->engine, s->paths[i], s->path_bytes[i]);
    bgi_free(s->engine, s->piece, PIECE);
    bgi_free(s->engine, s, sizeof *s);
}

static void close_stream(void *user)
{
    byte_stream *s = user;
    close_descriptors(s->columns);
    release(s);
}

/* NULL when memory is out. */
static byte_stream *make(bg_engine *engine, const char *caller, const bgi_byte_column columns[COLUMNS],
                         const bgi_label_rule *rule)
{
    byte_stream *s = bgi_alloc_zero(engine, sizeof *s);
    if (!s)
        return NULL;
    *s = (byte_stream){ .engine = engine, .caller = caller, .rule = *rule };
    s->piece = bgi_alloc(engine, PIECE);
    bool is_whole = s->piece != NULL;
    for (int i = 0; i < COLUMNS; i++) {
        s->columns[i] = columns[i];
        s->path_bytes[i] = strlen(columns[i].path) + 1;
        s->columns[i].path = s->paths[i] = bgi_alloc(engine, s->path_bytes[i]);
        if (s->paths[i])
            memcpy(s->paths[i], columns[i].path, s->path_bytes[i]);
        is_whole = is_whole && s->paths[i];
    }
    if (is_whole)
        return s;
    release(s);
    return NULL;
}

/* Reads through the labels. */
static bg_status find_classes(bg_dataset *dataset, int64_t *classes)
{
    bgi_pass pass;
    bg_status status = bgi_pass_begin(&pass, dataset, 1);
    if (status)
        return status;
    while (!(status = bgi_pass_next(&pass)) && pass.n > 0)
        for (int64_t i = 0; i < pass.n; i++) {
            int64_t class = ((const int64_t *)(const void *)pass.data)[i];
            *classes = class >= *classes ? class + 1 : *classes;
        }
    bgi_pass_end(&pass);
    dataset->classes = *classes;
    return status;
}

bg_status bgi_byte_stream(bg_dataset **dataset, int64_t *classes, bg_engine *engine, const char *caller,
                          const char *name, const bgi_byte_column columns[COLUMNS], const bgi_label_rule *rule,
                          int64_t size)
{
    byte_stream *s = make(engine, caller, columns, rule);
    if (!s) {
        close_descriptors(columns);
        return BG_ERR_NOMEM;
    }
    const bg_column forms[COLUMNS] = { columns[0].form, columns[1].form };
    bg_status status = bg_dataset_create_from(dataset, engine,
                                              &(bg_source){ .size = size,
                                                            .columns = forms,
                                                            .n_columns = COLUMNS,
                                                            .name = name,
                                                            .read = read_columns,
                                                            .destroy = close_stream,
                                                            .user = s });
    if (status) {
        close_stream(s);
        return status;
    }
    status = find_classes(*dataset, classes);
    if (status) {
        bg_dataset_destroy(*dataset);
        *dataset = NULL;
    }
    return status;
}
