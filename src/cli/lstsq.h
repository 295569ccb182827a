/* The closed form of one dense layer. */
#ifndef LSTSQ_H
#define LSTSQ_H

#include <blasgrad/data.h>
#include <blasgrad/nn.h>

/* The least-squares solution [n, r] of a [m, n] and b [m, r], f32 or f64, by QR: a new tensor. */
bg_status lstsq_of(bg_tensor **solution, bg_engine *engine, bg_tensor *a, bg_tensor *b);

/* Whether this is one dense layer, or NULL, and the loss l2. 0, or the exit code after a message. */
int lstsq_check(const char *model, const char *loss);
/* Gives the model's one dense layer, "0.weight" and maybe "0.bias", the values that minimise Σ (prediction - target)² +
 * ridge Σ weight² on the data set, by QR. The layer must be there. 0, or the exit code after a message. */
int lstsq_solve(bg_model *model, const bg_dataset *dataset, double ridge);

#endif
