/* What the files of tensors share among themselves. */
#ifndef BGI_STORAGE_H
#define BGI_STORAGE_H

#include "tensor/tensor.h"

/* A tensor with row-major strides over a storage, which it holds; NULL when memory is out. */
bg_tensor *bgi_tensor_over(bgi_storage *storage, bg_dtype dtype, bg_shape shape);
/* BG_ERR_ARGUMENT for NULL, naming the caller; else as bgi_engine_check. */
bg_status bgi_tensor_check(const bg_tensor *tensor, const char *caller);

#endif
