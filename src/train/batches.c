/* Batches: the shuffled order of an epoch, its examples, and the memory for them. */
#include "train/trainer.h"

#include "base/hash.h"
#include "data/augment.h"
#include "data/dataset.h"
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

static uint64_t example_at(const bgi_order *order, int64_t place)
{
    uint64_t row = (uint64_t)place;
    return order->is_shuffled ? bg_permute_index(row, order->n, order->seed, order->stream) : row;
}

static void augment(const bgi_span *span, const bgi_batch_memory *memory)
{
    const bgi_order *order = &span->order;
    bg_tensor *inputs = memory->columns[0];
    bg_shape shape = bg_tensor_shape(inputs), example = { .rank = shape.rank - 1 };
    memcpy(example.dims, shape.dims + 1, (size_t)example.rank * sizeof(int64_t));
    size_t bytes = (size_t)bg_shape_count(example) * bg_dtype_size(bg_tensor_dtype(inputs));
    unsigned char *data = bg_tensor_data(inputs);
    for (int64_t i = 0; i < span->size; i++)
        bgi_augment(order->augmentation, order->kernels, data + (size_t)i * bytes, bg_tensor_dtype(inputs), example,
                    order->seed, order->epoch, example_at(order, span->start + i));
}

bg_status bgi_span_read(const bgi_span *span, const bg_dataset *dataset, bgi_batch_memory *memory)
{
    for (int64_t i = 0; i < span->size; i++)
        memory->examples[i] = (int64_t)example_at(&span->order, span->start + i);
    for (int c = 0; c < memory->n_columns; c++)
        memory->data[c] = bg_tensor_data(memory->columns[c]);
    bg_status status = bgi_dataset_read(dataset, memory->examples, span->size, memory->data);
    if (!status && span->order.augmentation)
        augment(span, memory);
    return status;
}

/* ---- Memory ---- */

bg_status bgi_batch_memory_create(bgi_batch_memory *memory, bg_engine *engine, const bg_dataset *dataset, int64_t size)
{
    size_t n = (size_t)bg_dataset_columns(dataset);
    *memory = (bgi_batch_memory){ .engine = engine, .size = size, .n_columns = (int)n };
    memory->columns = bgi_alloc_zero(engine, n * sizeof *memory->columns);
    memory->data = bgi_alloc(engine, n * sizeof *memory->data);
    memory->examples = bgi_alloc(engine, (size_t)size * sizeof *memory->examples);
    bg_status status = memory->columns && memory->data && memory->examples ? BG_OK : BG_ERR_NOMEM;
    for (int i = 0; i < memory->n_columns && status == BG_OK; i++) {
        bg_shape shape = bg_dataset_shape(dataset, i);
        shape.dims[0] = size;
        status = bg_tensor_create(&memory->columns[i], engine, bg_dataset_dtype(dataset, i), shape);
    }
    return status;
}

void bgi_batch_memory_release(bgi_batch_memory *memory)
{
    size_t n = (size_t)memory->n_columns;
    for (size_t i = 0; memory->columns && i < n; i++)
        bg_tensor_destroy(memory->columns[i]);
    bgi_free(memory->engine, memory->columns, n * sizeof *memory->columns);
    bgi_free(memory->engine, memory->data, n * sizeof *memory->data);
    bgi_free(memory->engine, memory->examples, (size_t)memory->size * sizeof *memory->examples);
    *memory = (bgi_batch_memory){ .size = 0 };
}

void bgi_batch_memory_swap(bgi_batch_memory *a, bgi_batch_memory *b)
{
    for (int i = 0; i < a->n_columns; i++)
        bgi_tensor_swap(a->columns[i], b->columns[i]);
}
