#include "training.h"

#include "counting.h"

#include <check.h>
#include <math.h>
#include <stdio.h>

static void note(training *t, bg_status status)
{
    if (!status || t->status)
        return;
    t->status = status;
    snprintf(t->message, sizeof t->message, "%s", bg_last_error());
}

void training_build(training *t, const bg_engine_options *options)
{
    int64_t rows = 5 + 40 * (t->number % 3), in = 3 + t->number % 17, hidden = 8 + 24 * (t->number % 5);
    bool is_f64 = t->number % 2;
    bg_dtype dtype = is_f64 ? BG_F64 : BG_F32;
    const bg_shape shapes[6] = { BG_SHAPE(rows, in),  BG_SHAPE(rows),       BG_SHAPE(hidden, in),
                                 BG_SHAPE(4, hidden), BG_SHAPE(hidden, in), BG_SHAPE(4, hidden) };
    note(t, bg_engine_create(&t->engine, options));
    for (int i = 0; i < 6 && !t->status; i++) {
        note(t, bg_tensor_create(&t->tensors[i], t->engine, i == 1 ? BG_I32 : dtype, shapes[i]));
        for (int64_t k = 0; k < bg_shape_count(shapes[i]) && !t->status && i < 4; k++) {
            double value = sin((double)(k * (t->number + 3) + i)) / (i > 1 ? 3 : 1);
            if (i == 1)
                ((int32_t *)bg_tensor_data(t->tensors[i]))[k] = (int32_t)(k % 4);
            else if (is_f64)
                ((double *)bg_tensor_data(t->tensors[i]))[k] = value;
            else
                ((float *)bg_tensor_data(t->tensors[i]))[k] = (float)value;
        }
    }
    if (!t->status)
        note(t, bg_graph_create(&t->graph, t->engine));
    if (t->status)
        return;
    bg_node *x = bg_input(t->graph, "x", dtype, shapes[0]), *y = bg_input(t->graph, "y", BG_I32, shapes[1]);
    bg_node *w[2] = { bg_parameter(t->graph, t->tensors[2]), bg_parameter(t->graph, t->tensors[3]) }, *d[2];
    bg_node *h = bg_linear(bg_tanh(bg_linear(x, w[0], NULL)), w[1], NULL);
    bg_node *loss = bg_cross_entropy_loss(h, y, BG_MEAN);
    note(t, bg_grad(loss, w, 2, d));
    for (int i = 0; i < 2; i++) {
        bg_node *v = bg_buffer(t->graph, t->tensors[4 + i]);
        bg_update(v, bg_add(bg_mul_scalar(v, 0.9), d[i]));
        bg_update(w[i], bg_sub(w[i], bg_mul_scalar(bg_updated(v), 0.1)));
    }
    note(t, bg_compile(&t->program, t->graph, &loss, 1, NULL));
    note(t, bg_program_bind(t->program, x, t->tensors[0]));
    note(t, bg_program_bind(t->program, y, t->tensors[1]));
}

void training_step(training *t)
{
    note(t, bg_program_run(t->program));
    if (!t->status)
        t->hash = hash_tensor(t->hash, bg_program_output(t->program, 0));
}

void training_end(training *t)
{
    for (int i = 2; i < 6 && !t->status; i++)
        t->hash = hash_tensor(t->hash, t->tensors[i]);
    bg_program_destroy(t->program);
    bg_graph_destroy(t->graph);
    for (int i = 0; i < 6; i++)
        bg_tensor_destroy(t->tensors[i]);
    bg_engine_destroy(t->engine);
}

uint64_t train_alone(int number)
{
    training t = { .number = number };
    training_build(&t, &(bg_engine_options){ .threads = 1 });
    for (int i = 0; i < TRAINING_STEPS; i++)
        training_step(&t);
    training_end(&t);
    ck_assert_msg(t.status == BG_OK, "training %d: %s", number, t.message);
    return t.hash;
}
