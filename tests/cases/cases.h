/* The tables of cases: one file for each family of ops, with everything that the tests know of an op. `blasgrad
 * gradcheck` has them too, so that nothing here needs a test framework.
 *   cases    how to build it, what numbers it takes, and at least 20 shapes; tried by test_gradients
 *   golden   its builders for the records of golden/; compared by test_golden
 *   wrong    calls that must be refused, each with its message; tried by test_ops_errors
 *   edges    kinks, ties, infinities, with the value and the gradient defined there; tried by test_semantics
 * A new op adds its rows to its family's file; a new family adds its file and its line in cases.c. */
#ifndef BLASGRAD_TESTS_CASES_H
#define BLASGRAD_TESTS_CASES_H

#include <blasgrad/blasgrad.h>

#include "support/golden.h"

#include <math.h>

enum { CASE_MOST_INPUTS = 8, EDGE_MOST = 9 };

/* ---- Cases ---- */

/* One set of shapes and parameters; a case's builder knows which of them it uses. */
typedef struct {
    bg_shape x[CASE_MOST_INPUTS];
    bg_axes axes;
    bg_shape shape;
    int64_t n[12];
    int64_t below; /* the numbers of IS_INDEX are less than this */
    int n_inputs;  /* where it varies; 0: the case's arity */
    const char *equation;
} op_variant;

/* What an input's numbers are. Differences must not reach a kink, so some keep away from it or from each other. */
typedef enum {
    IS_ANY,               /* -2 .. 2 */
    IS_NOT_0,             /* 0.4 .. 2.4 of either sign */
    IS_POSITIVE,          /* 0.4 .. 2.4 */
    IS_ABOVE_HALF,        /* -0.5 .. 2 */
    IS_BELOW_ONE,         /* -0.6 .. 0.6 */
    IS_ABOVE_ONE,         /* 1.2 .. 3 */
    IS_SMALL,             /* -0.4 .. 0.4 */
    IS_BETWEEN,           /* 0.1 .. 0.4 above an integer, -3 .. 3: away from where rounding jumps */
    IS_DISTINCT,          /* no two within 0.05 */
    IS_DISTINCT_POSITIVE, /* the same, above 0.1 */
    IS_EVEN,              /* multiples of 0.1 .. */
    IS_ODD,               /* .. and between them */
    IS_PROBABILITY,       /* 0 .. 1 */
    IS_LAST_NUMBERS,      /* the domains up to here are floating */
    IS_CLASS,             /* i32 or i64 below the extent of input 0's last axis */
    IS_INDEX,             /* i32 or i64 below the variant's `below` */
    IS_INTEGER,           /* i64, -2 .. 2 */
    IS_CONDITION          /* bool */
} op_domain;

typedef enum {
    IS_DIFFERENTIABLE,
    IS_CONSTANT, /* zero gradient, and zero differences */
    IS_STOPPED   /* zero gradient whatever the differences */
} op_gradient;

typedef struct {
    const char *name; /* of the builder, then what is special, after a comma or a blank */
    const char *op;   /* the op of bgi_op_families that it shows; NULL: a composition of others */
    int arity;
    op_domain domains[CASE_MOST_INPUTS];
    op_gradient gradient;
    bool sums;     /* f32: judged by bounds alone, as results may be small beside their terms */
    double rho;    /* f32: error allowed, relative to max(1, |value|); 0: 1e-6 */
    bool is_ours;  /* nothing of PyTorch to compare with: constants, random numbers */
    bool is_safe;  /* there are no wrong calls: it takes anything, or is built within the library only */
    bool is_apart; /* the inputs cannot be one tensor: its numbers do not suit both */
    const op_variant *variants;
    int n_variants;
    bg_node *(*build)(bg_node *const *x, const op_variant *v); /* passes NULL through, as builders do */
} op_case;

/* DIMS() is rank 0. */
#define DIMS(...)                                                                                                      \
    {                                                                                                                  \
        (int)(sizeof((int[]){ 0, __VA_ARGS__ }) / sizeof(int)) - 1, { __VA_ARGS__ }                                    \
    }
#define NO_DIMS                                                                                                        \
    {                                                                                                                  \
        0, { 0 }                                                                                                       \
    }
/* Variants: of one, two, three shapes, two equal ones, and of a shape with axes. */
#define ONE(...)                                                                                                       \
    {                                                                                                                  \
        .x = { DIMS(__VA_ARGS__) }                                                                                     \
    }
#define PAIR(a, b)                                                                                                     \
    {                                                                                                                  \
        .x = { a, b }                                                                                                  \
    }
#define TRIPLE(a, b, c)                                                                                                \
    {                                                                                                                  \
        .x = { a, b, c }                                                                                               \
    }
#define SAME(...)                                                                                                      \
    {                                                                                                                  \
        .x = { DIMS(__VA_ARGS__), DIMS(__VA_ARGS__) }                                                                  \
    }
#define OVER(shape, ...)                                                                                               \
    {                                                                                                                  \
        .x = { shape }, .axes = DIMS(__VA_ARGS__)                                                                      \
    }
#define OVER_NONE(shape)                                                                                               \
    {                                                                                                                  \
        .x = { shape }, .axes = NO_DIMS                                                                                \
    }
#define OVER_ALL(shape)                                                                                                \
    {                                                                                                                  \
        .x = { shape }, .axes = { -1, { 0 } }                                                                          \
    }
/* A shape with parameters n. */
#define WITH(shape, ...)                                                                                               \
    {                                                                                                                  \
        .x = { shape }, .n = { __VA_ARGS__ }                                                                           \
    }

/* Tables that several families use: n[0] of the last is an axis. */
extern const op_variant one_shape[25], same_shapes[22], two_shapes[25], three_shapes[21], reductions[26],
    reductions_of_nothing[30], along_axis[23], rows_of_classes[21];

/* Shapes of x and of indices into it, the axis, and its extent: rows of a table, by a macro that makes one of them. */
#define ALONG_AXES(ITEM)                                                                                               \
    ITEM(DIMS(5), DIMS(3), 0, 5), ITEM(DIMS(1), DIMS(1), 0, 1), ITEM(DIMS(4), DIMS(0), 0, 4),                          \
        ITEM(DIMS(7), DIMS(9), -1, 7), ITEM(DIMS(3, 4), DIMS(2, 4), 0, 3), ITEM(DIMS(3, 4), DIMS(3, 6), 1, 4),         \
        ITEM(DIMS(1, 5), DIMS(3, 5), 0, 1), ITEM(DIMS(5, 1), DIMS(5, 2), 1, 1), ITEM(DIMS(0, 3), DIMS(0, 2), 1, 3),    \
        ITEM(DIMS(3, 0), DIMS(2, 0), 0, 3), ITEM(DIMS(2, 3, 4), DIMS(5, 3, 4), 0, 2),                                  \
        ITEM(DIMS(2, 3, 4), DIMS(2, 1, 4), 1, 3), ITEM(DIMS(2, 3, 4), DIMS(2, 3, 7), 2, 4),                            \
        ITEM(DIMS(17), DIMS(65), 0, 17), ITEM(DIMS(65), DIMS(8), 0, 65), ITEM(DIMS(3, 300), DIMS(3, 9), 1, 300),       \
        ITEM(DIMS(9, 65), DIMS(8, 65), 0, 9), ITEM(DIMS(2, 3, 2, 3), DIMS(2, 2, 2, 3), 1, 3),                          \
        ITEM(DIMS(2, 3, 2, 3), DIMS(2, 3, 2, 1), -1, 3), ITEM(DIMS(1, 2, 1, 3, 2), DIMS(1, 2, 1, 4, 2), 3, 3),         \
        ITEM(DIMS(33, 7), DIMS(31, 7), 0, 33), ITEM(DIMS(3, 4), DIMS(5, 2), 0, 3)
/* x, indices, and what is put there. */
#define PUT(from, indices, axis, bound)                                                                                \
    {                                                                                                                  \
        .x = { from, indices, indices }, .n = { axis }, .below = bound                                                 \
    }

#define COUNT_OF(table) ((int)(sizeof table / sizeof table[0]))
#define VARIANTS(table) .variants = table, .n_variants = COUNT_OF(table)
#define POINTWISE(function, domain, kind)                                                                              \
    {                                                                                                                  \
        .name = #function, .op = #function, .arity = 1, .domains = { domain }, .gradient = kind,                       \
        .build = build_##function, VARIANTS(one_shape)                                                                 \
    }
#define POINTWISE_2(function, first, second, kind)                                                                     \
    {                                                                                                                  \
        .name = #function, .op = #function, .arity = 2, .domains = { first, second }, .gradient = kind,                \
        .build = build_##function, VARIANTS(two_shapes)                                                                \
    }

/* Builders of ops of one, two and three inputs, and of those over v->axes, or with any expression of x and v. */
#define BUILD(name, expression)                                                                                        \
    static bg_node *build_##name(bg_node *const *x, const op_variant *v)                                               \
    {                                                                                                                  \
        (void)v;                                                                                                       \
        return expression;                                                                                             \
    }
#define BUILD_1(name)    BUILD(name, bg_##name(x[0]))
#define BUILD_2(name)    BUILD(name, bg_##name(x[0], x[1]))
#define BUILD_3(name)    BUILD(name, bg_##name(x[0], x[1], x[2]))
#define BUILD_AXES(name) BUILD(name, bg_##name(x[0], v->axes))

/* ---- Golden values ---- */

enum { GOLDEN_MOST_INPUTS = 8 };

typedef struct {
    const golden_record *record;
    bg_graph *graph;
    bg_node *x[GOLDEN_MOST_INPUTS];
    int n;
    bool *is_incomplete; /* set where a builder asks for a parameter that the record lacks */
} golden_case;

typedef struct {
    const char *name; /* the record's `op` */
    bg_node *(*build)(const golden_case *c);
    unsigned integers, conditions; /* bit i: input i is i64, or bool; otherwise f64 */
} golden_op;

/* The record's parameters; 0, or of rank 0, where one is missing. */
int golden_integer(const golden_case *c, const char *key);
bg_axes golden_axes(const golden_case *c, const char *key);
bg_shape golden_shape(const golden_case *c, const char *key);
bg_reduction golden_reduction(const golden_record *record);
/* Those that a record may lack: 0, or not given. */
double golden_option(const golden_case *c, const char *key);
bg_optional golden_optional(const golden_case *c, const char *key);

#define GOLDEN(name, expression)                                                                                       \
    static bg_node *golden_##name(const golden_case *c) { return expression; }
#define GOLDEN_1(name)    GOLDEN(name, bg_##name(c->x[0]))
#define GOLDEN_2(name)    GOLDEN(name, bg_##name(c->x[0], c->x[1]))
#define GOLDEN_AXES(name) GOLDEN(name, bg_##name(c->x[0], golden_axes(c, "axes")))
#define GOLDEN_AXIS(name) GOLDEN(name, bg_##name(c->x[0], golden_integer(c, "axis")))
#define GOLDEN_ROW(function)                                                                                           \
    {                                                                                                                  \
        .name = #function, .build = golden_##function                                                                  \
    }

/* ---- Wrong calls ---- */

/* What wrong calls are made with: inputs of a graph, f32 unless said. */
typedef struct {
    bg_engine *engine;
    bg_graph *graph, *other;
    bg_node *scalar, *x3, *x4, *x23, *x34, *x243, *empty; /* empty is [2, 0] */
    bg_node *image;                                       /* [2, 3, 5, 5] */
    bg_node *d3, *d23;                                    /* f64 */
    bg_node *i2, *i3, *l3, *bools;                        /* i32 [2], [3], i64 [3], bool [3] */
    bg_node *foreign;                                     /* f32 [3] of the other graph */
    bg_tensor *tensor, *tail, *expanded;                  /* [4, 3], its last two rows, [5, 4, 3] */
} wrong_inputs;
typedef struct {
    const char *call;
    bg_status status;
    const char *message;
} wrong_call;

/* From a list of X(call, status, message), where a call is an expression of f: the table, and a function that makes
 * call `number`. */
#define WRONG_ROW(call, status, message) { #call, status, message },
#define WRONG_RUN(call, status, message)                                                                               \
    if (i++ == number)                                                                                                 \
        return call;
#define WRONG_CALLS(LIST)                                                                                              \
    static const wrong_call wrong[] = { LIST(WRONG_ROW) };                                                             \
    static bg_node *run_wrong(const wrong_inputs *f, int number)                                                       \
    {                                                                                                                  \
        int i = 0;                                                                                                     \
        LIST(WRONG_RUN)                                                                                                \
        return NULL;                                                                                                   \
    }

/* ---- Edges ---- */

/* One function of x, and of y where the row has one; the cotangent is 1 everywhere. */
typedef struct {
    const char *name;
    bg_node *(*build)(bg_node *x, bg_node *y);
    int n; /* elements of x and y */
    double x[EDGE_MOST], y[EDGE_MOST];
    bg_shape shape; /* of x and y; rank 0 with n > 1: [n] */
    int n_values;   /* of the result */
    double value[EDGE_MOST];
    double dx[EDGE_MOST];
    double dy[EDGE_MOST]; /* of y; where has_dy */
    bool has_dy;
    bool is_kink;     /* the limits of the derivative differ there, as gradcheck has to find */
    double tolerance; /* relative; 0: exact */
    bool only_f64;
} edge;

#define INF          ((double)INFINITY)
#define NOT_A_NUMBER ((double)NAN)
#define LIST(...)                                                                                                      \
    {                                                                                                                  \
        __VA_ARGS__                                                                                                    \
    }
#define MATRIX(rows, columns)                                                                                          \
    {                                                                                                                  \
        2, { rows, columns }                                                                                           \
    }
#define VECTOR(n)                                                                                                      \
    {                                                                                                                  \
        1, { n }                                                                                                       \
    }
#define EDGE(name, expression)                                                                                         \
    static bg_node *edge_##name(bg_node *x, bg_node *y)                                                                \
    {                                                                                                                  \
        (void)y;                                                                                                       \
        return expression;                                                                                             \
    }

/* ---- Families ---- */

typedef struct {
    const char *name;
    const op_case *cases;
    int n_cases;
    const golden_op *golden;
    int n_golden;
    const wrong_call *wrong;
    int n_wrong;
    bg_node *(*run_wrong)(const wrong_inputs *f, int number);
    const edge *edges;
    int n_edges;
} op_family;
#define FAMILY_CASES  .cases = cases, .n_cases = COUNT_OF(cases)
#define FAMILY_GOLDEN .golden = golden, .n_golden = COUNT_OF(golden)
#define FAMILY_WRONG  .wrong = wrong, .n_wrong = COUNT_OF(wrong), .run_wrong = run_wrong
#define FAMILY_EDGES  .edges = edges, .n_edges = COUNT_OF(edges)

/* Ends with NULL. */
extern const op_family *const op_families[];
/* All cases, and all edges, one after the other. */
int op_case_count(void);
const op_case *op_case_at(int i);
int edge_count(void);
const edge *edge_at(int i);

#endif
