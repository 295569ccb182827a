/* A graph that is made, run once and forgotten. */
#ifndef BLASGRAD_TESTS_RUN_ONCE_H
#define BLASGRAD_TESTS_RUN_ONCE_H

#include <blasgrad/blasgrad.h>

enum { RUN_MOST = 8 };

/* What build makes of inputs that have the tensors' types, shapes and values: fills outputs, returns their number. */
typedef int run_build(bg_node *const *inputs, const void *context, bg_node **outputs);
/* The outputs as new tensors, the caller's to destroy; NULL after a failure. */
bg_status run_once(bg_engine *engine, bg_tensor *const *inputs, int n, run_build *build, const void *context,
                   bg_tensor **outputs);

/* The least-squares solution of a and b by QR. */
bg_status solve_least(bg_tensor **solution, bg_engine *engine, bg_tensor *a, bg_tensor *b);

#endif
