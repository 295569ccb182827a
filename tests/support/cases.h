/* The table of ops' cases: for each op how to build it, what numbers it takes, and at least 20 shapes. */
#ifndef BLASGRAD_TESTS_CASES_H
#define BLASGRAD_TESTS_CASES_H

#include <blasgrad/blasgrad.h>

enum { CASE_MOST_INPUTS = 3 };

/* One set of shapes and parameters; a case's builder knows which of them it uses. */
typedef struct {
    bg_shape x[CASE_MOST_INPUTS];
    bg_axes axes;
    bg_shape shape;
    int64_t n[5];
} op_variant;

/* What an input's numbers are. Differences must not reach a kink, so some keep away from it or from each other. */
typedef enum {
    IS_ANY,         /* -2 .. 2 */
    IS_NOT_0,       /* 0.4 .. 2.4 of either sign */
    IS_POSITIVE,    /* 0.4 .. 2.4 */
    IS_ABOVE_HALF,  /* -0.5 .. 2 */
    IS_DISTINCT,    /* no two within 0.05 */
    IS_EVEN,        /* multiples of 0.1 .. */
    IS_ODD,         /* .. and between them */
    IS_PROBABILITY, /* 0 .. 1 */
    IS_CLASS,       /* i32 below the extent of input 0's last axis */
    IS_INTEGER,     /* i64, -2 .. 2 */
    IS_CONDITION    /* bool */
} op_domain;

typedef enum {
    IS_DIFFERENTIABLE,
    IS_CONSTANT, /* zero gradient, and zero differences */
    IS_STOPPED   /* zero gradient whatever the differences */
} op_gradient;

typedef struct {
    const char *name; /* of the builder */
    const char *op;   /* the op of bgi_op_families that it shows; NULL: a composition of others */
    int arity;
    op_domain domains[CASE_MOST_INPUTS];
    op_gradient gradient;
    bool sums;  /* f32: judged by bounds alone, as results may be small beside their terms */
    double rho; /* f32: error allowed, relative to max(1, |value|); 0: 1e-6 */
    const op_variant *variants;
    int n_variants;
    bg_node *(*build)(bg_node *const *x, const op_variant *v);
} op_case;

extern const op_case op_cases[];
extern const int op_case_count;

#endif
