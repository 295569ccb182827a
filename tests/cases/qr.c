/* The QR factorisation and least squares by it. */
#include "matrices.h"

/* ---- Cases ---- */

static const op_variant rectangles[] = { RECTANGLES };
static const op_variant equations[] = {
    PAIR(DIMS(1, 1), DIMS(1, 1)),
    PAIR(DIMS(3, 2), DIMS(3, 1)),
    PAIR(DIMS(5, 3), DIMS(5, 2)),
    PAIR(DIMS(4, 4), DIMS(4, 3)),
    PAIR(DIMS(6, 2), DIMS(6)),
    PAIR(DIMS(3, 1), DIMS(3)),
    PAIR(DIMS(0, 0), DIMS(0, 2)),
    PAIR(DIMS(3, 0), DIMS(3, 2)),
    PAIR(DIMS(3, 2), DIMS(3, 0)),
    PAIR(DIMS(0, 0), DIMS(0)),
    PAIR(DIMS(2, 4, 3), DIMS(2, 4, 2)),
    PAIR(DIMS(2, 4, 3), DIMS(4, 2)),
    PAIR(DIMS(4, 3), DIMS(2, 4, 2)),
    PAIR(DIMS(2, 1, 3, 2), DIMS(3, 3, 1)),
    PAIR(DIMS(2, 3, 2), DIMS(3)),
    PAIR(DIMS(0, 3, 2), DIMS(3, 1)),
    PAIR(DIMS(17, 3, 2), DIMS(17, 3, 1)),
    PAIR(DIMS(12, 7), DIMS(12, 3)),
    PAIR(DIMS(17, 9), DIMS(17, 2)),
    PAIR(DIMS(33, 5), DIMS(33, 4)),
    PAIR(DIMS(9, 9), DIMS(9, 17)),
};
/* With a ridge: more columns than rows too. */
static const op_variant ridges[] = { EQUATIONS };

static bg_qr_factors qr_of(bg_node *x, bool is_complete) { return bg_qr(x ? full_rank_of(x) : NULL, is_complete); }
BUILD(qr_q, qr_of(x[0], false).q)
BUILD(qr_r, qr_of(x[0], false).r)
/* Both, and of a complete q the columns that have a gradient. */
static bg_node *build_qr_complete(bg_node *const *x, const op_variant *v)
{
    (void)v;
    bg_qr_factors qr = qr_of(x[0], true);
    if (!qr.q)
        return NULL;
    bg_shape shape = bg_node_shape(x[0]);
    int64_t rows = shape.dims[shape.rank - 2], columns = shape.dims[shape.rank - 1];
    int64_t least = rows < columns ? rows : columns;
    return bg_matmul(bg_narrow(qr.q, -1, 0, least), bg_square(bg_narrow(qr.r, -2, 0, least)));
}
BUILD(lstsq, bg_lstsq(x[0] ? full_rank_of(x[0]) : NULL, x[1], NULL))
BUILD(lstsq_ridge, bg_lstsq(x[0], x[1], &(bg_lstsq_options){ .ridge = 2.5 }))

#define INTERNAL(name_of, shown)                                                                                       \
    {                                                                                                                  \
        .name = name_of, .op = shown, .arity = 2, .rho = 4e-6, .is_ours = true, .is_safe = true, .build = build_lstsq, \
        VARIANTS(equations)                                                                                            \
    }
static const op_case cases[] = {
    { .name = "qr", .op = "qr", .arity = 1, .rho = 2e-6, .build = build_qr_complete, VARIANTS(rectangles) },
    { .name = "qr, q", .op = "qr_q", .arity = 1, .rho = 2e-6, .build = build_qr_q, VARIANTS(rectangles) },
    { .name = "qr, r", .op = "qr_r", .arity = 1, .rho = 2e-6, .build = build_qr_r, VARIANTS(rectangles) },
    { .name = "lstsq", .op = "lstsq", .arity = 2, .rho = 4e-6, .build = build_lstsq, VARIANTS(equations) },
    { .name = "lstsq, ridge", .arity = 2, .rho = 4e-6, .build = build_lstsq_ridge, VARIANTS(ridges) },
    INTERNAL("factors of lstsq", "lstsq_factor"),
    INTERNAL("solution of lstsq", "lstsq_apply"),
    INTERNAL("solution of scaled equations", "rescaled_solution"),
    INTERNAL("normal equations", "normal_solve"),
    INTERNAL("normal equations, solved", "normal_apply"),
};

/* ---- Golden values: what is the same whatever the signs of q's columns and r's rows are ---- */

/* part: 0 q, 1 r */
static bg_node *golden_qr(const golden_case *c)
{
    bg_qr_factors qr = bg_qr(c->x[0], golden_integer(c, "complete"));
    return bg_square(golden_integer(c, "part") ? qr.r : qr.q);
}
GOLDEN(lstsq, bg_lstsq(c->x[0], c->x[1], &(bg_lstsq_options){ .ridge = golden_option(c, "ridge") }))
static const golden_op golden[] = { GOLDEN_ROW(qr), GOLDEN_ROW(lstsq) };

/* ---- Wrong calls ---- */

#define WRONG(X)                                                                                                       \
    X(bg_qr(f->x3, false).q, BG_ERR_SHAPE, "qr: needs a matrix, of rank 2 or more: [3]")                               \
    X(bg_qr(f->i3, true).r, BG_ERR_DTYPE, "qr: a is i32, not f32 or f64")                                              \
    X(bg_lstsq(f->x23, f->x3, NULL), BG_ERR_SHAPE, "lstsq: b needs as many rows as a: a [2, 3], b [3]")                \
    X(bg_lstsq(f->x3, f->x3, NULL), BG_ERR_SHAPE, "lstsq: needs a matrix, of rank 2 or more: [3]")                     \
    X(bg_lstsq(f->x34, f->x3, NULL), BG_ERR_SHAPE,                                                                     \
      "lstsq: a [3, 4] has fewer rows than columns: it needs by_svd or a ridge")                                       \
    X(bg_lstsq(f->x34, f->d3, NULL), BG_ERR_DTYPE, "lstsq: types differ: a f32, b f64")                                \
    X(bg_lstsq(f->x34, NULL, NULL), BG_ERR_ARGUMENT, "lstsq: input 1 is NULL")                                         \
    X(bg_lstsq(f->x34, f->x3, &(bg_lstsq_options){ .ridge = -1 }), BG_ERR_ARGUMENT,                                    \
      "lstsq: the ridge is -1, not a number of at least 0 of f32")                                                     \
    X(bg_lstsq(f->x34, f->x3, &(bg_lstsq_options){ .ridge = 1e80 }), BG_ERR_ARGUMENT,                                  \
      "lstsq: the ridge is 1e+80, not a number of at least 0 of f32")                                                  \
    X(bg_lstsq(f->x34, f->x3, &(bg_lstsq_options){ .ridge = 1, .by_svd = true }), BG_ERR_ARGUMENT,                     \
      "lstsq: by_svd takes no ridge, which is 1")                                                                      \
    X(bg_lstsq(f->x34, f->x3, &(bg_lstsq_options){ .ridge = 1, .tolerance = BG_SOME(0) }), BG_ERR_ARGUMENT,            \
      "lstsq: the tolerance is of singular values: it needs by_svd")
WRONG_CALLS(WRONG)

const op_family qr_family = { .name = "qr", FAMILY_CASES, FAMILY_GOLDEN, FAMILY_WRONG };
