/* Batches: the shuffled order of an epoch, and the copying of its examples. */
#include "train/trainer.h"

#include "base/hash.h"
#include "data/augment.h"
#include "tensor/tensor.h"

#include <string.h>

bgi_order bgi_order_of_epoch(const bg_trainer *trainer, int64_t n, int64_t epoch)
{
    return (bgi_order){ .n = (uint64_t)n,
                        .seed = trainer->engine->seed,
                        .stream = bgi_hash_text("trainer.shuffle") + (uint64_t)epoch,
                        .is_shuffled = !trainer->options.without_shuffle,
                        .augmentation =
                            bgi_augments(&trainer->options.augmentation) ? &trainer->options.augmentation : NULL,
                        .kernels = trainer->engine->kernels,
                        .epoch = epoch };
}

/* A column as rows: whether the elements of one row lie together, and how far apart rows are. */
typedef struct {
    const unsigned char *data;
    size_t element_bytes, row_bytes;
    int64_t row_stride; /* in elements */
    bool is_dense;
    bg_shape row_shape;
    const int64_t *row_strides;
    int64_t dense_strides[BG_MAX_RANK];
} column_rows;

static column_rows rows_of(const bg_tensor *column)
{
    column_rows rows = { .data = bg_tensor_const_data(column),
                         .element_bytes = bg_dtype_size(bg_tensor_dtype(column)) };
    bg_shape shape = bg_tensor_shape(column);
    const int64_t *strides = bg_tensor_strides(column);
    rows.row_shape.rank = shape.rank - 1;
    memcpy(rows.row_shape.dims, shape.dims + 1, (size_t)rows.row_shape.rank * sizeof(int64_t));
    rows.row_bytes = (size_t)bg_shape_count(rows.row_shape) * rows.element_bytes;
    rows.row_stride = strides[0];
    rows.row_strides = strides + 1;
    bgi_shape_strides(rows.row_shape, rows.dense_strides);
    rows.is_dense = true;
    for (int i = 0; i < rows.row_shape.rank; i++)
        if (rows.row_shape.dims[i] != 1 && rows.row_strides[i] != rows.dense_strides[i])
            rows.is_dense = false;
    return rows;
}

static uint64_t example_at(const bgi_order *order, int64_t place)
{
    uint64_t row = (uint64_t)place;
    return order->is_shuffled ? bg_permute_index(row, order->n, order->seed, order->stream) : row;
}

static void augment_batch(const bgi_batch_program *entry, const bgi_order *order, int64_t start)
{
    bg_tensor *inputs = entry->columns[0];
    bg_shape shape = bg_tensor_shape(inputs), example = { .rank = shape.rank - 1 };
    memcpy(example.dims, shape.dims + 1, (size_t)example.rank * sizeof(int64_t));
    size_t bytes = (size_t)bg_shape_count(example) * bg_dtype_size(bg_tensor_dtype(inputs));
    unsigned char *data = bg_tensor_data(inputs);
    for (int64_t i = 0; i < entry->batch; i++)
        bgi_augment(order->augmentation, order->kernels, data + (size_t)i * bytes, bg_tensor_dtype(inputs), example,
                    order->seed, order->epoch, example_at(order, start + i));
}

void bgi_gather_batch(bgi_batch_program *entry, const bg_dataset *dataset, const bgi_order *order, int64_t start)
{
    for (int c = 0; c < entry->n_columns; c++) {
        column_rows rows = rows_of(bg_dataset_column(dataset, c));
        unsigned char *target = bg_tensor_data(entry->columns[c]);
        if (rows.row_bytes == 0)
            continue;
        if (!order->is_shuffled && rows.is_dense && (size_t)rows.row_stride * rows.element_bytes == rows.row_bytes) {
            memcpy(target, rows.data + (size_t)start * rows.row_bytes, (size_t)entry->batch * rows.row_bytes);
            continue;
        }
        for (int64_t i = 0; i < entry->batch; i++, target += rows.row_bytes) {
            uint64_t row = example_at(order, start + i);
            const unsigned char *source = rows.data + row * (size_t)rows.row_stride * rows.element_bytes;
            if (rows.is_dense)
                memcpy(target, source, rows.row_bytes);
            else
                bgi_strided_copy(target, rows.dense_strides, source, rows.row_strides, rows.row_shape,
                                 rows.element_bytes);
        }
    }
    if (order->augmentation)
        augment_batch(entry, order, start);
}
