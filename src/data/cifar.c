/* A folder with the files of CIFAR-10 or CIFAR-100 in their binary version: records of labels, a byte each, and an
 * image of 3 x 32 x 32 bytes. */
#define _POSIX_C_SOURCE 200809L /* access */
#include "data/byte_stream.h"
#include "data/convert.h"
#include "data/dataset.h"
#include "io/file.h"

#include <blasgrad/graph.h>

#include "tensor/tensor.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char caller[] = "read_cifar";

enum { SIDE = 32, PIXELS = 3 * SIDE * SIDE, MOST_FILES = 5, MOST_LABELS = 2 };

/* One of the two sets of classes: files of training examples and the file of the test. */
typedef struct {
    const char *name, *train[MOST_FILES], *test;
    int files, labels;            /* labels: of a record */
    int64_t classes[MOST_LABELS]; /* of each label */
} variant;

static const variant variants[] = {
    { "CIFAR-10",
      { "data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin" },
      "test_batch.bin",
      5,
      1,
      { 10 } },
    { "CIFAR-100", { "train.bin" }, "test.bin", 1, 2, { 20, 100 } },
};

typedef struct {
    bg_engine *engine;
    const char *folder;
    const variant *variant;
    bgi_label_rule rule;
    bg_dtype dtype;
    bool streams;
    char *path;
    size_t path_bytes;
} source;

static const char *path_of(const source *s, const char *name)
{
    (void)snprintf(s->path, s->path_bytes, "%s/%s", s->folder, name);
    return s->path;
}

/* Of a file that cannot be looked for, opening it will say what is wrong. */
static bool may_be_there(const char *path) { return !access(path, F_OK) || errno != ENOENT; }

static bg_status find_variant(source *s)
{
    for (int i = 0; i < 2; i++) {
        s->variant = &variants[i];
        if (may_be_there(path_of(s, variants[i].train[0])) || may_be_there(path_of(s, variants[i].test)))
            return BG_OK;
    }
    return bg_fail(BG_ERR_IO,
                   "%s: %s has neither data_batch_1.bin .. data_batch_5.bin and test_batch.bin of CIFAR-10 "
                   "nor train.bin and test.bin of CIFAR-100",
                   caller, bgi_path_text(s->folder));
}

/* Opens a file and counts its records. */
static bg_status open_file(const source *s, const char *name, bgi_opened *opened, int64_t *records)
{
    const char *path = path_of(s, name);
    uint64_t record = (uint64_t)s->variant->labels + PIXELS;
    bg_status status = bgi_file_open(opened, caller, path);
    if (status)
        return status;
    *records = (int64_t)(opened->bytes / record);
    if (opened->is_regular && opened->bytes > 0 && opened->bytes % record == 0)
        return BG_OK;
    bgi_file_close(opened->descriptor);
    if (!opened->is_regular)
        return bg_fail(BG_ERR_IO, "%s: %s: not a regular file", caller, bgi_path_text(path));
    return bg_fail(BG_ERR_FORMAT, "%s: %s: %llu bytes are no whole number of records of %llu, which %s has", caller,
                   bgi_path_text(path), (unsigned long long)opened->bytes, (unsigned long long)record,
                   s->variant->name);
}

/* Takes records into images and classes at place `first`. */
static bg_status take_records(const source *s, const unsigned char *records, int64_t count, uint64_t offset,
                              bg_tensor *x, bg_tensor *y, int64_t first)
{
    unsigned char *pixels = bg_tensor_data(x);
    int64_t *classes = bg_tensor_data(y);
    size_t image = PIXELS * bg_dtype_size(s->dtype), record = (size_t)s->variant->labels + PIXELS;
    bg_status status = BG_OK;
    for (int64_t i = 0; i < count && !status; i++, records += record, offset += record) {
        status = bgi_label_take(&classes[first + i], &s->rule, records, caller, s->path, offset);
        bgi_data_scale_bytes(pixels + (size_t)(first + i) * image, s->dtype, records + s->variant->labels, PIXELS);
    }
    return status;
}

static bg_status read_file(const source *s, const char *name, bg_tensor *x, bg_tensor *y, int64_t *first)
{
    enum { PIECE = 16 };
    unsigned char piece[PIECE * (MOST_LABELS + PIXELS)];
    bgi_opened opened;
    int64_t records;
    bg_status status = open_file(s, name, &opened, &records);
    if (status)
        return status;
    size_t record = (size_t)s->variant->labels + PIXELS;
    /* Another file may stand there since it was counted. */
    if (records > x->shape.dims[0] - *first)
        status = bg_fail(BG_ERR_IO, "%s: %s: the file became longer while it was read", caller, bgi_path_text(s->path));
    for (int64_t done = 0; done < records && !status; done += PIECE) {
        int64_t n = records - done < PIECE ? records - done : PIECE;
        uint64_t offset = (uint64_t)done * record;
        status = bgi_file_read_at(opened.descriptor, caller, s->path, offset, piece, (size_t)n * record);
        if (!status)
            status = take_records(s, piece, n, offset, x, y, *first + done);
    }
    *first += records;
    bgi_file_close(opened.descriptor);
    return status;
}

static bg_status load_part(const source *s, const char *const *names, int count, bg_dataset **dataset)
{
    int64_t total = 0, records, first = 0;
    bg_status status = BG_OK;
    for (int i = 0; i < count && !status; i++) {
        bgi_opened opened;
        status = open_file(s, names[i], &opened, &records);
        if (!status)
            bgi_file_close(opened.descriptor);
        total += status ? 0 : records;
    }
    bg_tensor *x = NULL, *y = NULL;
    if (!status)
        status = bg_tensor_create(&x, s->engine, s->dtype, BG_SHAPE(total, 3, SIDE, SIDE));
    if (!status)
        status = bg_tensor_create(&y, s->engine, BG_I64, BG_SHAPE(total));
    for (int i = 0; i < count && !status; i++)
        status = read_file(s, names[i], x, y, &first);
    if (!status && first < total)
        status = bg_fail(BG_ERR_IO, "%s: %s: the files became shorter while they were read", caller,
                         bgi_path_text(s->folder));
    if (!status)
        return bgi_dataset_create_pair(dataset, s->folder, x, y, s->rule.classes[s->rule.chosen]);
    bg_tensor_destroy(x);
    bg_tensor_destroy(y);
    return status;
}

/* Leaves the records of a file in it. */
static bg_status stream_file(const source *s, const char *name, bg_dataset **dataset)
{
    bgi_opened opened;
    int64_t records, classes = s->rule.classes[s->rule.chosen];
    bg_status status = open_file(s, name, &opened, &records);
    if (status)
        return status;
    uint64_t labels = (uint64_t)s->variant->labels, record = labels + PIXELS;
    const bgi_byte_column columns[] = {
        { opened.descriptor, s->path, labels, record, false, { s->dtype, BG_SHAPE(3, SIDE, SIDE) } },
        { opened.descriptor, s->path, 0, record, true, { BG_I64, BG_SCALAR } },
    };
    return bgi_byte_stream(dataset, &classes, s->engine, caller, s->folder, columns, &s->rule, records);
}

static bg_status stream_part(const source *s, const char *const *names, int count, bg_dataset **dataset)
{
    bg_dataset *files[MOST_FILES] = { NULL };
    bg_status status = BG_OK;
    for (int i = 0; i < count && !status; i++)
        status = stream_file(s, names[i], &files[i]);
    if (!status)
        status = bgi_dataset_join(dataset, caller, s->folder, files, count);
    for (int i = 0; i < count; i++)
        bg_dataset_destroy(files[i]);
    return status;
}

static bg_status read_part(const source *s, const char *const *names, int count, bg_dataset **dataset)
{
    return s->streams ? stream_part(s, names, count, dataset) : load_part(s, names, count, dataset);
}

/* The labels of a record, all of which are checked. */
static bgi_label_rule make_rule(const variant *v, bool is_coarse)
{
    bgi_label_rule rule = { .owner = v->name, .count = v->labels, .chosen = is_coarse ? 0 : v->labels - 1 };
    for (int i = 0; i < v->labels; i++)
        rule.classes[i] = v->classes[i];
    return rule;
}

bg_status bg_data_read_cifar(bg_dataset **train, bg_dataset **test, bg_engine *engine, const char *folder,
                             const bg_data_options *options)
{
    bg_data_options checked;
    bg_status status = bgi_data_folder_check(&checked, train, test, engine, caller, folder, options);
    if (status)
        return status;
    source s = { .engine = engine, .folder = folder, .dtype = checked.dtype, .streams = checked.streams };
    s.path_bytes = strlen(folder) + sizeof "/data_batch_1.bin";
    s.path = bgi_alloc(engine, s.path_bytes);
    status = s.path ? find_variant(&s) : BG_ERR_NOMEM;
    if (!status && checked.with_coarse_labels && s.variant->labels == 1)
        status = bg_fail(BG_ERR_ARGUMENT, "%s: %s: CIFAR-10 has no coarse labels", caller, bgi_path_text(folder));
    if (!status) {
        s.rule = make_rule(s.variant, checked.with_coarse_labels);
        status = read_part(&s, s.variant->train, s.variant->files, train);
    }
    if (!status)
        status = read_part(&s, &s.variant->test, 1, test);
    bgi_free(engine, s.path, s.path_bytes);
    if (status) {
        bg_dataset_destroy(*train);
        *train = NULL;
    }
    return status;
}
