#include "random_view.h"

#include "tensor/tensor.h"
#include "values.h"

bg_tensor *random_view(draw *d, bg_tensor *tensor)
{
    bg_tensor *view = NULL;
    expect_ok(bg_tensor_permute(&view, tensor, BG_ALL_AXES), "reversal");
    for (int64_t steps = draw_below(d, 4); steps > 0; steps--) {
        bg_tensor *next = NULL;
        bg_shape shape = bg_tensor_shape(view);
        int axis = shape.rank ? (int)draw_below(d, shape.rank) : 0;
        switch (draw_below(d, 3)) {
        case 0:
            if (shape.rank && shape.dims[axis] > 0) {
                int64_t start = draw_below(d, shape.dims[axis]),
                        stop = start + 1 + draw_below(d, shape.dims[axis] - start);
                expect_ok(bg_tensor_slice(&next, view, axis, start, stop, 1 + draw_below(d, 3)), "slice");
            }
            break;
        case 1: {
            bg_axes axes = { .count = shape.rank };
            for (int i = 0; i < shape.rank; i++) {
                int other = (int)draw_below(d, i + 1);
                axes.axis[i] = axes.axis[other];
                axes.axis[other] = i;
            }
            expect_ok(bg_tensor_permute(&next, view, axes), "permute");
            break;
        }
        default: {
            /* Joins two axes if they allow it. */
            if (shape.rank < 2)
                break;
            axis = axis == shape.rank - 1 ? 0 : axis;
            bg_shape joined = { .rank = shape.rank - 1 };
            for (int i = 0; i < joined.rank; i++)
                joined.dims[i] = i < axis    ? shape.dims[i]
                                 : i == axis ? shape.dims[i] * shape.dims[i + 1]
                                             : shape.dims[i + 1];
            if (bg_tensor_reshape(&next, view, joined) != BG_OK)
                next = NULL;
        }
        }
        if (next) {
            bg_tensor_destroy(view);
            view = next;
        }
    }
    return view;
}

int64_t place_of(const bg_tensor *tensor, int64_t index)
{
    int64_t at = (int64_t)(tensor->offset / bg_dtype_size(tensor->dtype));
    for (int i = tensor->shape.rank; i-- > 0; index /= tensor->shape.dims[i])
        at += index % tensor->shape.dims[i] * tensor->strides[i];
    return at;
}
