/* The hash of a data set's content. */
#include "data/dataset.h"

#include "base/hash.h"
#include "tensor/tensor.h"

/* The elements of a tensor in row-major order, whatever its strides: the last axes that lie together at a time. */
static void add_elements(bgi_checksum *checksum, const bg_tensor *tensor)
{
    bg_shape shape = tensor->shape;
    size_t bytes = bg_dtype_size(tensor->dtype);
    int64_t index[BG_MAX_RANK] = { 0 }, offset = 0;
    int outer = shape.rank;
    if (bg_shape_count(shape) == 0)
        return;
    while (outer > 0 && tensor->strides[outer - 1] * (int64_t)bg_dtype_size(tensor->dtype) == (int64_t)bytes)
        bytes *= (size_t)shape.dims[--outer];
    for (;;) {
        bgi_checksum_add(checksum, bgi_tensor_bytes(tensor) + offset * (int64_t)bg_dtype_size(tensor->dtype), bytes);
        int axis = outer - 1;
        for (; axis >= 0 && ++index[axis] == shape.dims[axis]; axis--) {
            offset -= (shape.dims[axis] - 1) * tensor->strides[axis];
            index[axis] = 0;
        }
        if (axis < 0)
            return;
        offset += tensor->strides[axis];
    }
}

uint64_t bg_dataset_hash(const bg_dataset *dataset)
{
    bgi_checksum checksum;
    bgi_checksum_start(&checksum);
    for (int i = 0; dataset && i < dataset->count; i++) {
        const bg_tensor *column = dataset->columns[i];
        const int64_t form[] = { column->dtype, column->shape.rank };
        bgi_checksum_add(&checksum, form, sizeof form);
        bgi_checksum_add(&checksum, column->shape.dims, (size_t)column->shape.rank * sizeof(int64_t));
        add_elements(&checksum, column);
    }
    return bgi_checksum_value(&checksum);
}
