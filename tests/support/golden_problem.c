#include "golden_problem.h"

#include "values.h"

#include <stdio.h>
#include <string.h>

const char *const problem_names[PROBLEM_PARAMETERS] = { "weight", "bias", "cube", "scale" };

bg_tensor *golden_tensor(bg_engine *engine, bg_dtype dtype, const golden_array *array)
{
    ck_assert_msg(array != NULL, "%s", golden_error());
    bg_shape shape = { .rank = array->rank };
    memcpy(shape.dims, array->dims, sizeof shape.dims);
    bg_tensor *wide, *made;
    OK(bg_tensor_create(&wide, engine, BG_F64, shape));
    memcpy(bg_tensor_data(wide), array->values, (size_t)array->count * sizeof(double));
    if (dtype == BG_F64)
        return wide;
    OK(bg_tensor_create(&made, engine, dtype, shape));
    for (int64_t i = 0; i < array->count; i++)
        ((float *)bg_tensor_data(made))[i] = (float)array->values[i];
    bg_tensor_destroy(wide);
    return made;
}

bg_model *problem_model(bg_engine *engine, bg_dtype dtype, const golden_file *file)
{
    bg_model *model;
    const golden_record *problem = golden_find(file, "problem");
    OK(bg_model_create(&model, engine, dtype));
    for (int i = 0; i < PROBLEM_PARAMETERS; i++) {
        bg_tensor *value = golden_tensor(engine, dtype, golden_get(problem, problem_names[i]));
        OK(bg_model_set(model, problem_names[i], value, true));
        bg_tensor_destroy(value);
    }
    return model;
}

static bg_node *constant(bg_graph *graph, bg_engine *engine, bg_dtype dtype, const golden_record *problem,
                         const char *key)
{
    bg_tensor *value = golden_tensor(engine, dtype, golden_get(problem, key));
    bg_node *node = bg_constant(graph, value);
    bg_tensor_destroy(value);
    return node;
}

bg_node *problem_loss(bg_model *model, bg_graph *graph, const golden_file *file, int64_t first, int64_t last)
{
    const golden_record *problem = golden_find(file, "problem");
    bg_engine *engine = bg_model_engine(model);
    bg_dtype dtype = bg_model_dtype(model);
    bg_node *p[PROBLEM_PARAMETERS];
    for (int i = 0; i < PROBLEM_PARAMETERS; i++)
        p[i] = bg_model_parameter(model, graph, problem_names[i],
                                  bg_tensor_shape(bg_model_find(model, problem_names[i])), (bg_init){ 0 });
    bg_node *x = bg_slice(constant(graph, engine, dtype, problem, "x"), 0, first, last, 1);
    bg_node *target = bg_slice(constant(graph, engine, dtype, problem, "target"), 0, first, last, 1);
    bg_node *prediction = bg_mul(bg_tanh(bg_linear(x, p[0], p[1])), p[3]);
    bg_node *stretch = bg_sub(p[2], constant(graph, engine, dtype, problem, "center"));
    bg_node *springs = bg_mul(constant(graph, engine, dtype, problem, "stiffness"), bg_square(stretch));
    return bg_add(bg_mean(bg_square(bg_sub(prediction, target)), BG_ALL_AXES), bg_mean(springs, BG_ALL_AXES));
}

double problem_expect(const bg_model *model, const golden_record *record, const char *prefix, const char *state,
                      double rtol)
{
    double worst = 0;
    for (int i = 0; i < PROBLEM_PARAMETERS; i++) {
        char key[64], name[64];
        snprintf(key, sizeof key, "%s_%s", prefix, problem_names[i]);
        snprintf(name, sizeof name, state ? "optimizer.%s.%s" : "%s", problem_names[i], state);
        const golden_array *expected = golden_get(record, key);
        const bg_tensor *tensor = bg_model_find(model, name);
        ck_assert_msg(expected && tensor, "%s: %s: %s", golden_name(record), name, golden_error());
        for (int64_t k = 0; k < expected->count; k++) {
            double found = value_at(tensor, k);
            double error = fabs(found - expected->values[k]) / fmax(0.1, fabs(expected->values[k]));
            ck_assert_msg(error <= rtol, "%s: %s[%lld] is %.17g, not %.17g", golden_name(record), name, (long long)k,
                          found, expected->values[k]);
            worst = fmax(worst, error);
        }
    }
    return worst;
}
