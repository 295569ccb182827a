/* The hash of a data set's content. */
#include "data/dataset.h"

#include <blasgrad/graph.h>

#include "base/hash.h"

/* The elements of a column in row-major order. */
static bg_status add_elements(bgi_checksum *checksum, const bg_dataset *dataset, int column)
{
    bgi_pass pass;
    bg_status status = bgi_pass_begin(&pass, dataset, column);
    if (status)
        return status;
    while (!(status = bgi_pass_next(&pass)) && pass.n > 0)
        bgi_checksum_add(checksum, pass.data, (size_t)pass.n * pass.row_bytes);
    bgi_pass_end(&pass);
    return status;
}

bg_status bg_dataset_hash(uint64_t *hash, const bg_dataset *dataset)
{
    static const char caller[] = "dataset_hash";
    if (!hash || !dataset)
        return bg_fail(BG_ERR_ARGUMENT, "%s: %s is NULL", caller, hash ? "dataset" : "hash");
    bgi_checksum checksum;
    bg_status status = bgi_engine_check(dataset->engine, caller);
    bgi_checksum_start(&checksum);
    for (int i = 0; i < dataset->count && !status; i++) {
        bg_shape shape = bg_dataset_shape(dataset, i);
        const int64_t form[] = { bg_dataset_dtype(dataset, i), shape.rank };
        bgi_checksum_add(&checksum, form, sizeof form);
        bgi_checksum_add(&checksum, shape.dims, (size_t)shape.rank * sizeof(int64_t));
        status = add_elements(&checksum, dataset, i);
    }
    if (!status)
        *hash = bgi_checksum_value(&checksum);
    return status;
}
