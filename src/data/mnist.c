/* Images and labels in IDX files, and the folder of MNIST. */
#define _POSIX_C_SOURCE 200809L /* access */
#include "data/byte_stream.h"
#include "data/convert.h"
#include "data/dataset.h"
#include "data/idx.h"
#include "io/file.h"

#include <blasgrad/graph.h>

#include "tensor/tensor.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Whether what a file holds is u8 of a rank. */
static bg_status check_bytes(const char *caller, const char *path, bg_dtype dtype, bg_shape shape, int rank)
{
    if (dtype == BG_U8 && shape.rank == rank)
        return BG_OK;
    return bg_fail(BG_ERR_FORMAT, "%s: %s: %s %s where u8 %s should be", caller, bgi_path_text(path),
                   bg_dtype_name(dtype), bgi_shape_format(shape).text,
                   rank == 3 ? "images [n, rows, columns]" : "labels [n]");
}

static bg_status check_counts(const char *caller, const char *images, int64_t n, int64_t labels)
{
    if (n == labels)
        return BG_OK;
    return bg_fail(BG_ERR_FORMAT, "%s: %s has %lld images, but there are %lld labels", caller, bgi_path_text(images),
                   (long long)n, (long long)labels);
}

static bg_status read_bytes(bg_tensor **bytes, bg_engine *engine, const char *caller, const char *path, int rank)
{
    bg_status status = bg_data_read_idx(bytes, engine, path);
    return status ? status : check_bytes(caller, path, (*bytes)->dtype, (*bytes)->shape, rank);
}

/* Images as numbers, and labels as classes, above the largest of which *classes is raised. */
static bg_status read_pair(bg_tensor *columns[2], int64_t *classes, bg_engine *engine, const char *caller,
                           const char *images, const char *labels, bg_dtype dtype)
{
    bg_tensor *pixels = NULL, *numbers = NULL;
    char what[300];
    (void)snprintf(what, sizeof what, "%s: %s", caller, bgi_path_text(images));
    bg_status status = read_bytes(&pixels, engine, caller, images, 3);
    if (!status)
        status = bgi_convert_room(&columns[0], engine, dtype, pixels->shape, what);
    if (!status)
        status = read_bytes(&numbers, engine, caller, labels, 1);
    if (!status)
        status = check_counts(caller, images, pixels->shape.dims[0], numbers->shape.dims[0]);
    if (!status)
        status = bgi_tensor_create_unset(&columns[1], engine, BG_I64, numbers->shape);
    if (!status) {
        bgi_data_scale_bytes(bg_tensor_data(columns[0]), dtype, bg_tensor_const_data(pixels),
                             (size_t)bg_shape_count(pixels->shape));
        const bgi_elements bytes = { bg_tensor_const_data(numbers), BG_U8, (size_t)numbers->shape.dims[0], what, 0 };
        status = bgi_convert_classes(bg_tensor_data(columns[1]), classes, &bytes);
    }
    bg_tensor_destroy(pixels);
    bg_tensor_destroy(numbers);
    return status;
}

static bg_status open_bytes(bgi_idx_file *file, bg_engine *engine, const char *caller, const char *path, int rank)
{
    bg_status status = bgi_idx_open(file, engine, path);
    if (status)
        return status;
    status = check_bytes(caller, path, file->dtype, file->shape, rank);
    if (status)
        bgi_file_close(file->descriptor);
    return status;
}

/* Leaves images and labels in their files. */
static bg_status stream_dataset(bg_dataset **dataset, int64_t *classes, bg_engine *engine, const char *caller,
                                const char *name, const char *images, const char *labels, bg_dtype dtype)
{
    static const bgi_label_rule any = { "a byte", 1, 0, { 256 } };
    bgi_idx_file x, y;
    bg_status status = open_bytes(&x, engine, caller, images, 3);
    if (status)
        return status;
    status = open_bytes(&y, engine, caller, labels, 1);
    if (status) {
        bgi_file_close(x.descriptor);
        return status;
    }
    const bg_shape image = BG_SHAPE(x.shape.dims[1], x.shape.dims[2]);
    const bgi_byte_column columns[] = {
        { x.descriptor, images, x.start, (uint64_t)bg_shape_count(image), false, { dtype, image } },
        { y.descriptor, labels, y.start, 1, true, { BG_I64, BG_SCALAR } },
    };
    status = check_counts(caller, images, x.shape.dims[0], y.shape.dims[0]);
    if (!status)
        return bgi_byte_stream(dataset, classes, engine, caller, name, columns, &any, x.shape.dims[0]);
    bgi_file_close(x.descriptor);
    bgi_file_close(y.descriptor);
    return status;
}

/* Reads two files as a data set of at least *classes classes. */
static bg_status read_dataset(bg_dataset **dataset, int64_t *classes, bg_engine *engine, const char *caller,
                              const char *name, const char *images, const char *labels, const bg_data_options *options)
{
    if (options->streams)
        return stream_dataset(dataset, classes, engine, caller, name, images, labels, options->dtype);
    bg_tensor *columns[2] = { NULL, NULL };
    bg_status status = read_pair(columns, classes, engine, caller, images, labels, options->dtype);
    if (!status)
        status = bgi_dataset_create(dataset, name, columns, 2, *classes);
    bg_tensor_destroy(columns[0]);
    bg_tensor_destroy(columns[1]);
    return status;
}

bg_status bg_data_read_images(bg_dataset **dataset, bg_engine *engine, const char *images, const char *labels,
                              const bg_data_options *options)
{
    static const char name[] = "read_images";
    if (dataset)
        *dataset = NULL;
    if (!dataset || !images || !labels)
        return bg_fail(BG_ERR_ARGUMENT, "%s: %s is NULL", name, !dataset ? "dataset" : images ? "labels" : "images");
    bg_data_options checked;
    int64_t classes = 0;
    bg_status status = bgi_data_options_check(&checked, engine, name, options);
    return status ? status : read_dataset(dataset, &classes, engine, name, images, images, labels, &checked);
}

/* ---- The folder ---- */

static const char caller[] = "read_mnist";

typedef struct {
    const char *name; /* as the usual file names begin */
    int rank;
} part;

enum { TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS, PARTS };
static const part parts[PARTS] = {
    [TRAIN_IMAGES] = { "train-images", 3 },
    [TRAIN_LABELS] = { "train-labels", 1 },
    [TEST_IMAGES] = { "t10k-images", 3 },
    [TEST_LABELS] = { "t10k-labels", 1 },
};

typedef struct {
    bg_engine *engine;
    const char *folder;
    const bg_data_options *options;
    char *paths[PARTS]; /* NULL for a file that is not there */
    size_t path_bytes;
} source;

/* train-images-idx3-ubyte, also with a '.' for the second '-', also with .gz */
static bg_status find(source *s, int which)
{
    s->paths[which] = bgi_alloc(s->engine, s->path_bytes);
    if (!s->paths[which])
        return BG_ERR_NOMEM;
    for (int form = 0; form < 4; form++) {
        (void)snprintf(s->paths[which], s->path_bytes, "%s/%s%cidx%d-ubyte%s", s->folder, parts[which].name,
                       form & 2 ? '.' : '-', parts[which].rank, form & 1 ? ".gz" : "");
        if (!access(s->paths[which], F_OK) || errno != ENOENT) /* opening it will say what is wrong */
            return BG_OK;
    }
    bgi_free(s->engine, s->paths[which], s->path_bytes);
    s->paths[which] = NULL;
    return BG_OK;
}

/* Reads images and the labels that follow in the list of parts. */
static bg_status read_part(const source *s, int images, bg_dataset **dataset, int64_t *classes)
{
    return read_dataset(dataset, classes, s->engine, caller, s->folder, s->paths[images], s->paths[images + 1],
                        s->options);
}

static bg_status read_found(const source *s, bg_dataset **train, bg_dataset **test)
{
    int64_t classes = 10;
    bg_status status = read_part(s, TEST_IMAGES, test, &classes);
    if (!status && s->paths[TRAIN_IMAGES]) {
        status = read_part(s, TRAIN_IMAGES, train, &classes);
    } else if (!status) {
        bg_dataset *whole = *test;
        *test = NULL;
        int64_t n = whole->size, cut = n - n / 10;
        status = bg_dataset_slice(train, whole, 0, cut);
        if (!status)
            status = bg_dataset_slice(test, whole, cut, n);
        bg_dataset_destroy(whole);
    }
    if (!status)
        (*train)->classes = (*test)->classes = classes;
    return status;
}

/* The test files must be there; of the training files both or none. */
static bg_status check_found(const source *s)
{
    bool with_train = s->paths[TRAIN_IMAGES] || s->paths[TRAIN_LABELS];
    for (int which = with_train ? TRAIN_IMAGES : TEST_IMAGES; which < PARTS; which++)
        if (!s->paths[which])
            return bg_fail(BG_ERR_IO,
                           "%s: %s has no %s-idx%d-ubyte or %s.idx%d-ubyte, with or without .gz; needed are images and "
                           "labels of t10k, alone or beside those of train",
                           caller, bgi_path_text(s->folder), parts[which].name, parts[which].rank, parts[which].name,
                           parts[which].rank);
    return BG_OK;
}

bg_status bg_data_read_mnist(bg_dataset **train, bg_dataset **test, bg_engine *engine, const char *folder,
                             const bg_data_options *options)
{
    bg_data_options checked;
    bg_status status = bgi_data_folder_check(&checked, train, test, engine, caller, folder, options);
    if (status)
        return status;
    source s = { .engine = engine, .folder = folder, .options = &checked };
    s.path_bytes = strlen(folder) + sizeof "/train-images-idx3-ubyte.gz";
    for (int which = 0; which < PARTS && !status; which++)
        status = find(&s, which);
    if (!status)
        status = check_found(&s);
    if (!status)
        status = read_found(&s, train, test);
    for (int which = 0; which < PARTS; which++)
        bgi_free(engine, s.paths[which], s.path_bytes);
    if (status) {
        bg_dataset_destroy(*train);
        bg_dataset_destroy(*test);
        *train = *test = NULL;
    }
    return status;
}
