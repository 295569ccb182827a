/* A folder with the files of MNIST. */
#define _POSIX_C_SOURCE 200809L /* access */
#include "data/dataset.h"
#include "io/file.h"

#include <blasgrad/graph.h>

#include "tensor/tensor.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

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
    bg_dtype dtype;
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
        if (!access(s->paths[which], F_OK) || errno == EACCES) /* opening it will say what is wrong */
            return BG_OK;
    }
    bgi_free(s->engine, s->paths[which], s->path_bytes);
    s->paths[which] = NULL;
    return BG_OK;
}

static bg_status read_images(const source *s, int which, bg_tensor **images)
{
    bg_tensor *bytes;
    bg_status status = bg_data_read_idx(&bytes, s->engine, s->paths[which]);
    if (status)
        return status;
    if (bytes->dtype != BG_U8 || bytes->shape.rank != 3)
        status =
            bg_fail(BG_ERR_FORMAT, "%s: %s: %s %s where u8 images [n, rows, columns] should be", caller,
                    bgi_path_text(s->paths[which]), bg_dtype_name(bytes->dtype), bgi_shape_format(bytes->shape).text);
    if (!status)
        status = bg_tensor_create(images, s->engine, s->dtype, bytes->shape);
    if (!status) {
        const uint8_t *source_data = bg_tensor_const_data(bytes);
        void *data = bg_tensor_data(*images);
        int64_t count = bg_shape_count(bytes->shape);
        if (s->dtype == BG_F32)
            for (int64_t i = 0; i < count; i++)
                ((float *)data)[i] = (float)source_data[i] / 255.0F;
        else
            for (int64_t i = 0; i < count; i++)
                ((double *)data)[i] = source_data[i] / 255.0;
    }
    bg_tensor_destroy(bytes);
    return status;
}

/* Reads labels as i64 and raises *classes above the largest. */
static bg_status read_labels(const source *s, int which, bg_tensor **labels, int64_t *classes)
{
    bg_tensor *bytes;
    bg_status status = bg_data_read_idx(&bytes, s->engine, s->paths[which]);
    if (status)
        return status;
    if (bytes->dtype != BG_U8 || bytes->shape.rank != 1)
        status =
            bg_fail(BG_ERR_FORMAT, "%s: %s: %s %s where u8 labels [n] should be", caller,
                    bgi_path_text(s->paths[which]), bg_dtype_name(bytes->dtype), bgi_shape_format(bytes->shape).text);
    if (!status)
        status = bg_tensor_create(labels, s->engine, BG_I64, bytes->shape);
    if (!status) {
        const uint8_t *source_data = bg_tensor_const_data(bytes);
        int64_t *data = bg_tensor_data(*labels), count = bg_shape_count(bytes->shape);
        for (int64_t i = 0; i < count; i++) {
            data[i] = source_data[i];
            if (data[i] >= *classes)
                *classes = data[i] + 1;
        }
    }
    bg_tensor_destroy(bytes);
    return status;
}

/* Reads images and the labels that follow in the list of parts. */
static bg_status read_pair(const source *s, int images, bg_dataset **dataset, int64_t *classes)
{
    bg_tensor *x = NULL, *y = NULL;
    bg_status status = read_images(s, images, &x);
    if (!status)
        status = read_labels(s, images + 1, &y, classes);
    if (!status && x->shape.dims[0] != y->shape.dims[0])
        status =
            bg_fail(BG_ERR_FORMAT, "%s: %s has %lld images, %s %lld labels", caller, bgi_path_text(s->paths[images]),
                    (long long)x->shape.dims[0], parts[images + 1].name, (long long)y->shape.dims[0]);
    if (!status)
        return bgi_dataset_create_pair(dataset, s->folder, x, y, 0);
    bg_tensor_destroy(x);
    bg_tensor_destroy(y);
    return status;
}

static bg_status read_found(const source *s, bg_dataset **train, bg_dataset **test)
{
    int64_t classes = 10;
    bg_status status = read_pair(s, TEST_IMAGES, test, &classes);
    if (!status && s->paths[TRAIN_IMAGES]) {
        status = read_pair(s, TRAIN_IMAGES, train, &classes);
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
    if (train)
        *train = NULL;
    if (test)
        *test = NULL;
    if (!train || !test || !folder)
        return bg_fail(BG_ERR_ARGUMENT, "%s: %s is NULL", caller, !folder ? "folder" : train ? "test" : "train");
    bg_data_options checked;
    bg_status status = bgi_data_options_check(&checked, engine, caller, options);
    if (status)
        return status;
    source s = { .engine = engine, .folder = folder, .dtype = checked.dtype };
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
