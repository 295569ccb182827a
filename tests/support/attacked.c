#include "attacked.h"

#include "counted.h"
#include "suite.h"
#include "values.h"

void attacked_set(bg_tensor *tensor, int64_t i, double value)
{
    if (bg_tensor_dtype(tensor) == BG_F64)
        ((double *)bg_tensor_data(tensor))[i] = value;
    else if (bg_tensor_dtype(tensor) == BG_F32)
        ((float *)bg_tensor_data(tensor))[i] = (float)value;
    else
        ((int64_t *)bg_tensor_data(tensor))[i] = (int64_t)value;
}

static void open_results(problem *p, int64_t n)
{
    bg_engine *engine = bg_model_engine(p->model);
    OK(bg_tensor_create(&p->labels, engine, BG_I64, BG_SHAPE(n)));
    OK(bg_tensor_create(&p->targets, engine, BG_I64, BG_SHAPE(n)));
    OK(bg_tensor_create(&p->adversarial, engine, bg_tensor_dtype(p->x), bg_tensor_shape(p->x)));
    OK(bg_tensor_create(&p->is_fooled, engine, BG_BOOL, BG_SHAPE(n)));
    OK(bg_tensor_create(&p->answers, engine, BG_I64, BG_SHAPE(n)));
    OK(bg_tensor_create(&p->norms, engine, BG_F64, BG_SHAPE(n)));
    p->result = (bg_attack_result){ p->adversarial, p->is_fooled, p->answers, p->norms };
}

void attacked_close(problem *p)
{
    bg_tensor *tensors[] = { p->x, p->labels, p->targets, p->adversarial, p->is_fooled, p->answers, p->norms };
    for (size_t i = 0; i < sizeof tensors / sizeof *tensors; i++)
        bg_tensor_destroy(tensors[i]);
    bg_attacker_destroy(p->attacker);
    bg_model_destroy(p->model);
}

bg_status attack(problem *p, const bg_attack *a)
{
    return bg_attack_run(p->attacker, a, p->x, p->labels, NULL, &p->result, &p->report);
}

/* ---- Linear ---- */

static const double weights[CLASSES][WIDTH] = { { -1, 0.5, 0 }, { 1, -0.5, 0.25 } };
static const double d[WIDTH] = { 2, -1, 0.25 };
const double linear_points[EXAMPLES][WIDTH] = {
    { 0.1, 0.6, 0.2 }, { 0.05, 0.9, 0.4 }, { 0.2, 0.8, 0 }, { 0, 1, 0 }, { 0.9, 0.1, 0.5 }
};
double linear_margin(const double *x) { return -(d[0] * x[0] + d[1] * x[1] + d[2] * x[2]); }

double linear_reach(bg_attack_norm norm)
{
    return norm == BG_ATTACK_LINF ? 3.25 : (norm == BG_ATTACK_L2 ? sqrt(4 + 1 + 0.0625) : 2);
}
double linear_best_step(bg_attack_norm norm, int k)
{
    if (norm == BG_ATTACK_L1)
        return k == 0;
    return norm == BG_ATTACK_L2 ? d[k] / linear_reach(norm) : copysign(1, d[k]);
}

bg_node *linear_network(bg_model *model, bg_node *x, void *user)
{
    (void)user;
    return bg_dense_with(model, "fc", x, CLASSES, &(bg_dense_options){ .without_bias = true });
}

void open_linear(problem *p, bg_dtype dtype, const bg_attacker_options *options)
{
    bg_attacker_options filled = options ? *options : (bg_attacker_options){ .batch = 2 };
    filled.network = linear_network;
    *p = (problem){ .model = NULL };
    OK(bg_model_create(&p->model, counted_engine(), dtype));
    OK(bg_attacker_create(&p->attacker, p->model, &filled, BG_SHAPE(WIDTH)));
    ck_assert_int_eq(bg_attacker_classes(p->attacker), CLASSES);
    bg_tensor *w = bg_model_find(p->model, "fc.weight");
    OK(bg_tensor_create(&p->x, counted_engine(), dtype, BG_SHAPE(EXAMPLES, WIDTH)));
    for (int i = 0; i < CLASSES * WIDTH; i++)
        attacked_set(w, i, weights[i / WIDTH][i % WIDTH]);
    for (int i = 0; i < EXAMPLES * WIDTH; i++)
        attacked_set(p->x, i, linear_points[i / WIDTH][i % WIDTH]);
    open_results(p, EXAMPLES);
}

/* ---- Curved ---- */

static bg_node *curved(bg_model *model, bg_node *x, void *user)
{
    (void)user;
    return bg_dense(model, "out", bg_tanh(bg_dense(model, "in", x, 7)), SMALL_CLASSES);
}

void curved_scores(const bg_model *model, const double *x, double *z)
{
    const double *w = bg_tensor_const_data(bg_model_find(model, "in.weight"));
    const double *b = bg_tensor_const_data(bg_model_find(model, "in.bias"));
    const double *v = bg_tensor_const_data(bg_model_find(model, "out.weight"));
    const double *c = bg_tensor_const_data(bg_model_find(model, "out.bias"));
    for (int i = 0; i < SMALL_CLASSES; i++)
        z[i] = c[i];
    for (int j = 0; j < 7; j++) {
        double h = b[j];
        for (int k = 0; k < SMALL; k++)
            h += w[j * SMALL + k] * x[k];
        for (int i = 0; i < SMALL_CLASSES; i++)
            z[i] += v[i * 7 + j] * tanh(h);
    }
}

void open_curved(problem *p, bg_engine *engine, bg_dtype dtype, int64_t batch, int64_t n)
{
    *p = (problem){ .model = NULL };
    OK(bg_model_create(&p->model, engine, dtype));
    OK(bg_attacker_create(&p->attacker, p->model, &(bg_attacker_options){ .network = curved, .batch = batch },
                          BG_SHAPE(SMALL)));
    OK(bg_tensor_create(&p->x, engine, dtype, BG_SHAPE(n, SMALL)));
    for (int i = 0; i < n * SMALL; i++)
        attacked_set(p->x, i, sin(1.7 * i * i + 1));
    open_results(p, n);
}

void set_curved_parameters(problem *p, double scale)
{
    for (size_t i = 0; i < bg_model_count(p->model); i++) {
        bg_tensor *w = bg_model_tensor(p->model, i);
        for (int64_t k = 0; k < bg_shape_count(bg_tensor_shape(w)); k++)
            attacked_set(w, k, scale * cos((double)(k * k + 3 * (int64_t)i)));
    }
}

void answer_labels(problem *p, int64_t n)
{
    for (int i = 0; i < n; i++) {
        double z[SMALL_CLASSES], x[SMALL];
        int answer = 0;
        for (int k = 0; k < SMALL; k++)
            x[k] = value_at(p->x, i * SMALL + k);
        curved_scores(p->model, x, z);
        for (int k = 1; k < SMALL_CLASSES; k++)
            answer = z[k] > z[answer] ? k : answer;
        attacked_set(p->labels, i, i % 4 == 3 ? (answer + 1) % SMALL_CLASSES : answer);
        attacked_set(p->targets, i, (answer + 2 + i % 2) % SMALL_CLASSES);
    }
}
