/* Lyapunov's equation. */
#include "linalg/eigen.h"
#include "matrices.h"

/* ---- Cases ---- */

static const op_variant squares[] = { SQUARES };
static const op_variant pairs[] = {
    SAME(1, 1),
    SAME(2, 2),
    SAME(3, 3),
    SAME(4, 4),
    SAME(5, 5),
    SAME(7, 7),
    SAME(8, 8),
    SAME(9, 9),
    SAME(12, 12),
    SAME(17, 17),
    SAME(0, 0),
    SAME(0, 3, 3),
    SAME(2, 0, 0),
    SAME(2, 3, 3),
    SAME(17, 2, 2),
    SAME(2, 3, 2, 2),
    PAIR(DIMS(3, 3), DIMS(2, 3, 3)),
    PAIR(DIMS(2, 3, 3), DIMS(3, 3)),
    PAIR(DIMS(2, 1, 3, 3), DIMS(2, 3, 3)),
    PAIR(DIMS(1, 2, 2), DIMS(5, 2, 2)),
    PAIR(DIMS(5, 4, 4), DIMS(1, 1, 4, 4)),
    PAIR(DIMS(2, 2), DIMS(0, 2, 2)),
};

BUILD(lyapunov, bg_lyapunov(x[0] ? spd_of(x[0]) : NULL, x[1]))
/* Of a matrix that does not vary. */
static bg_node *build_lyapunov_apply(bg_node *const *x, const op_variant *v)
{
    (void)v;
    if (!x[0])
        return NULL;
    bg_node *half = bg_broadcast(bg_scalar(bg_node_graph(x[0]), bg_node_dtype(x[0]), 0.5), bg_node_shape(x[0]));
    return bgi_lyapunov_apply(x[0], bgi_eigen_packed("lyapunov", spread_of(half), BG_LOWER));
}
static const op_case cases[] = {
    { .name = "lyapunov", .op = "lyapunov", .arity = 2, .rho = 2e-6, .build = build_lyapunov, VARIANTS(pairs) },
    { .name = "lyapunov_apply",
      .op = "lyapunov_apply",
      .arity = 1,
      .rho = 2e-6,
      .is_ours = true,
      .is_safe = true,
      .build = build_lyapunov_apply,
      VARIANTS(squares) },
};

/* ---- Golden values ---- */

static bg_node *golden_lyapunov(const golden_case *c)
{
    bg_node *x = c->x[0];
    return bg_lyapunov(bg_mul_scalar(bg_add(x, bg_transpose(x, -1, -2)), 0.5), c->x[1]);
}
static const golden_op golden[] = { GOLDEN_ROW(lyapunov) };

/* ---- Wrong calls ---- */

#define WRONG(X)                                                                                                       \
    X(bg_lyapunov(f->x23, f->x23), BG_ERR_SHAPE, "lyapunov: needs as many rows as columns: [2, 3]")                    \
    X(bg_lyapunov(f->image, f->x23), BG_ERR_SHAPE, "lyapunov: c needs a's rows and columns: a [2, 3, 5, 5], c [2, 3]") \
    X(bg_lyapunov(f->image, f->x3), BG_ERR_SHAPE, "lyapunov: c needs a's rows and columns: a [2, 3, 5, 5], c [3]")     \
    X(bg_lyapunov(f->image, bg_zeros(f->graph, BG_F32, BG_SHAPE(4, 5, 5))), BG_ERR_SHAPE,                              \
      "lyapunov: leading dimensions do not broadcast together: a [2, 3, 5, 5], c [4, 5, 5]")                           \
    X(bg_lyapunov(f->image, f->d3), BG_ERR_DTYPE, "lyapunov: types differ: a f32, c f64")                              \
    X(bg_lyapunov(f->image, NULL), BG_ERR_ARGUMENT, "lyapunov: input 1 is NULL")
WRONG_CALLS(WRONG)

const op_family lyapunov_family = { .name = "lyapunov", FAMILY_CASES, FAMILY_GOLDEN, FAMILY_WRONG };
