#include "counted.h"

#include "tensor/tensor.h"
#include "values.h"

static bg_engine *engine;
static counting counter;

void counted_begin(void)
{
    counter = (counting){ .fail_at = 0 };
    bg_engine_options options = { .threads = 2, .seed = 3, .allocator = counting_allocator(&counter) };
    OK(bg_engine_create(&engine, &options));
}

void counted_end(void)
{
    bg_engine_destroy(engine);
    engine = NULL;
    ck_assert_int_eq((int)counter.live, 0);
    ck_assert_int_eq((int)counter.wrong, 0);
}

bg_engine *counted_engine(void) { return engine; }
counting *counted_memory(void) { return &counter; }

bg_tensor *counted_tensor(bg_dtype dtype, bg_shape shape)
{
    bg_tensor *tensor = NULL;
    OK(bg_tensor_create(&tensor, engine, dtype, shape));
    int64_t count = bg_shape_count(shape);
    for (int64_t i = 0; i < count; i++)
        switch (dtype) {
#define CASE_TYPE(name, type, text)                                                                                    \
    case name:                                                                                                         \
        ((type *)bg_tensor_data(tensor))[i] = (type)i;                                                                 \
        break;
            BG_DTYPE_LIST(CASE_TYPE)
#undef CASE_TYPE
        case BG_DTYPE_COUNT:
            break;
        }
    return tensor;
}

void expect_values(const bg_tensor *tensor, bg_shape shape, const double *values, const char *name)
{
    ck_assert_msg(bg_shape_equal(bg_tensor_shape(tensor), shape), "%s is %s, not %s", name,
                  bgi_shape_format(bg_tensor_shape(tensor)).text, bgi_shape_format(shape).text);
    for (int64_t i = 0; i < bg_shape_count(shape); i++)
        ck_assert_msg(value_at(tensor, i) == values[i], "%s: element %lld is %g, not %g", name, (long long)i,
                      value_at(tensor, i), values[i]);
}
