/* Attention, masked softmax and rotary position embedding. */
#include "cases.h"

#include <math.h>

/* ---- Cases ---- */

/* Shapes of q, k, v; the mask's follows where there is one. */
#define QKV(q, k, v)                                                                                                   \
    {                                                                                                                  \
        .x = { q, k, v }                                                                                               \
    }
#define MASKED(q, k, v, mask)                                                                                          \
    {                                                                                                                  \
        .x = { q, k, v, mask }                                                                                         \
    }
static const op_variant plain[25] = {
    QKV(DIMS(1, 1), DIMS(1, 1), DIMS(1, 1)),
    QKV(DIMS(3, 4), DIMS(5, 4), DIMS(5, 2)),
    QKV(DIMS(1, 3, 4), DIMS(1, 5, 4), DIMS(1, 5, 4)),
    QKV(DIMS(2, 3, 4), DIMS(2, 3, 4), DIMS(2, 3, 4)),
    QKV(DIMS(2, 2, 5, 3), DIMS(2, 2, 7, 3), DIMS(2, 2, 7, 4)),
    QKV(DIMS(1, 4, 3, 2), DIMS(1, 2, 5, 2), DIMS(1, 2, 5, 3)),
    QKV(DIMS(2, 6, 2, 3), DIMS(2, 2, 3, 3), DIMS(2, 2, 3, 1)),
    QKV(DIMS(2, 4, 3, 3), DIMS(2, 1, 4, 3), DIMS(2, 1, 4, 3)),
    QKV(DIMS(2, 1, 2, 3, 2), DIMS(2, 1, 2, 4, 2), DIMS(2, 1, 2, 4, 2)),
    QKV(DIMS(1, 1, 33, 8), DIMS(1, 1, 33, 8), DIMS(1, 1, 33, 8)),
    QKV(DIMS(1, 1, 65, 3), DIMS(1, 1, 67, 3), DIMS(1, 1, 67, 5)),
    QKV(DIMS(1, 2, 300, 2), DIMS(1, 1, 270, 2), DIMS(1, 1, 270, 1)),
    QKV(DIMS(1, 1, 512, 1), DIMS(1, 1, 3, 1), DIMS(1, 1, 3, 2)),
    QKV(DIMS(1, 1, 3, 1), DIMS(1, 1, 600, 1), DIMS(1, 1, 600, 2)),
    QKV(DIMS(2, 2, 1, 4), DIMS(2, 2, 1, 4), DIMS(2, 2, 1, 4)),
    QKV(DIMS(0, 2, 3, 4), DIMS(0, 2, 5, 4), DIMS(0, 2, 5, 4)),
    QKV(DIMS(2, 0, 3, 4), DIMS(2, 0, 5, 4), DIMS(2, 0, 5, 4)),
    QKV(DIMS(2, 2, 0, 4), DIMS(2, 2, 5, 4), DIMS(2, 2, 5, 4)),
    QKV(DIMS(2, 2, 3, 4), DIMS(2, 2, 0, 4), DIMS(2, 2, 0, 4)),
    QKV(DIMS(2, 2, 3, 0), DIMS(2, 2, 5, 0), DIMS(2, 2, 5, 4)),
    QKV(DIMS(2, 2, 3, 4), DIMS(2, 2, 5, 4), DIMS(2, 2, 5, 0)),
    QKV(DIMS(1, 2, 9, 4), DIMS(1, 2, 4, 4), DIMS(1, 2, 4, 4)),
    QKV(DIMS(1, 2, 4, 4), DIMS(1, 2, 9, 4), DIMS(1, 2, 9, 4)),
    QKV(DIMS(3, 1, 17, 5), DIMS(3, 1, 16, 5), DIMS(3, 1, 16, 17)),
    QKV(DIMS(4, 8, 3, 2), DIMS(4, 4, 3, 2), DIMS(4, 4, 3, 3)),
};
static const op_variant masked[23] = {
    MASKED(DIMS(1, 1), DIMS(1, 1), DIMS(1, 1), NO_DIMS),
    MASKED(DIMS(3, 4), DIMS(5, 4), DIMS(5, 2), DIMS(3, 5)),
    MASKED(DIMS(3, 4), DIMS(5, 4), DIMS(5, 2), DIMS(5)),
    MASKED(DIMS(3, 4), DIMS(5, 4), DIMS(5, 2), DIMS(3, 1)),
    MASKED(DIMS(2, 3, 4), DIMS(2, 3, 4), DIMS(2, 3, 4), DIMS(2, 3, 3)),
    MASKED(DIMS(2, 3, 4), DIMS(2, 3, 4), DIMS(2, 3, 4), DIMS(2, 1, 1)),
    MASKED(DIMS(2, 2, 5, 3), DIMS(2, 2, 7, 3), DIMS(2, 2, 7, 4), DIMS(2, 2, 5, 7)),
    MASKED(DIMS(2, 2, 5, 3), DIMS(2, 2, 7, 3), DIMS(2, 2, 7, 4), DIMS(2, 1, 1, 7)),
    MASKED(DIMS(2, 2, 5, 3), DIMS(2, 2, 7, 3), DIMS(2, 2, 7, 4), DIMS(2, 5, 1)),
    MASKED(DIMS(2, 4, 3, 2), DIMS(2, 2, 5, 2), DIMS(2, 2, 5, 3), DIMS(4, 3, 5)),
    MASKED(DIMS(2, 4, 3, 2), DIMS(2, 2, 5, 2), DIMS(2, 2, 5, 3), DIMS(2, 1, 3, 5)),
    MASKED(DIMS(2, 3, 2, 3, 2), DIMS(2, 3, 2, 4, 2), DIMS(2, 3, 2, 4, 2), DIMS(3, 1, 1, 4)),
    MASKED(DIMS(2, 3, 2, 3, 2), DIMS(2, 3, 2, 4, 2), DIMS(2, 3, 2, 4, 2), DIMS(2, 1, 2, 3, 1)),
    MASKED(DIMS(2, 3, 2, 3, 2), DIMS(2, 3, 2, 4, 2), DIMS(2, 3, 2, 4, 2), DIMS(1, 1, 2, 1, 4)),
    MASKED(DIMS(1, 1, 65, 2), DIMS(1, 1, 67, 2), DIMS(1, 1, 67, 2), DIMS(65, 67)),
    MASKED(DIMS(1, 1, 40, 2), DIMS(1, 1, 300, 2), DIMS(1, 1, 300, 2), DIMS(300)),
    MASKED(DIMS(1, 2, 270, 1), DIMS(1, 1, 9, 1), DIMS(1, 1, 9, 2), DIMS(1, 2, 270, 1)),
    MASKED(DIMS(0, 2, 3, 4), DIMS(0, 2, 5, 4), DIMS(0, 2, 5, 4), DIMS(3, 5)),
    MASKED(DIMS(2, 2, 0, 4), DIMS(2, 2, 5, 4), DIMS(2, 2, 5, 4), DIMS(0, 5)),
    MASKED(DIMS(2, 2, 3, 4), DIMS(2, 2, 0, 4), DIMS(2, 2, 0, 4), DIMS(3, 1)),
    MASKED(DIMS(2, 2, 3, 0), DIMS(2, 2, 5, 0), DIMS(2, 2, 5, 4), DIMS(3, 5)),
    MASKED(DIMS(2, 1, 1, 4), DIMS(2, 1, 1, 4), DIMS(2, 1, 1, 4), DIMS(2, 1, 1, 1)),
    MASKED(DIMS(4, 8, 3, 2), DIMS(4, 4, 3, 2), DIMS(4, 4, 3, 3), DIMS(4, 8, 1, 3)),
};

static bg_node *attend(bg_node *const *x, bg_attention_options options)
{
    return bg_attention(x[0], x[1], x[2], &options);
}
BUILD(attention, bg_attention(x[0], x[1], x[2], NULL))
BUILD(causal, attend(x, (bg_attention_options){ .is_causal = true }))
BUILD(scaled, attend(x, (bg_attention_options){ .scale = -0.6 }))
BUILD(dropout, attend(x, (bg_attention_options){ .dropout = 0.4 }))
BUILD(masked, attend(x, (bg_attention_options){ .mask = x[3] }))
BUILD(everything, attend(x, (bg_attention_options){ .mask = x[3], .is_causal = true, .dropout = 0.3, .scale = 0.3 }))

/* Queries, keys and values out of one projection [n, l, 3, h, d], as views. */
static bg_node *head_of(bg_node *x, int which) { return bg_permute(bg_select(x, 2, which), BG_AXES(0, 2, 1, 3)); }
BUILD(projection,
      bg_permute(bg_attention(head_of(x[0], 0), head_of(x[0], 1), head_of(x[0], 2), NULL), BG_AXES(0, 2, 1, 3)))
static const op_variant projections[20] = {
    ONE(1, 1, 3, 1, 1), ONE(1, 2, 3, 1, 3),  ONE(2, 3, 3, 2, 4), ONE(2, 1, 3, 2, 4),  ONE(1, 5, 3, 3, 2),
    ONE(0, 5, 3, 3, 2), ONE(2, 0, 3, 3, 2),  ONE(2, 5, 3, 0, 2), ONE(2, 5, 3, 2, 0),  ONE(1, 9, 3, 1, 8),
    ONE(2, 9, 3, 2, 8), ONE(1, 33, 3, 2, 3), ONE(1, 7, 3, 4, 2), ONE(3, 4, 3, 4, 1),  ONE(3, 4, 3, 1, 1),
    ONE(1, 4, 3, 5, 3), ONE(2, 2, 3, 2, 17), ONE(4, 2, 3, 2, 2), ONE(1, 65, 3, 1, 2), ONE(2, 16, 3, 2, 4),
};

/* The parts that the gradient gives, side by side. */
static bg_node *gradients_of(bg_node *const *x, bg_attention_options options)
{
    bg_node *y = attend(x, options), *dxs[3] = { NULL }, *parts[3];
    if (!y)
        return NULL;
    bg_node *dy = bg_cos(y);
    if (bg_grad_from(&y, &dy, 1, x, 3, dxs))
        return NULL;
    for (int i = 0; i < 3; i++)
        parts[i] = bg_reshape(dxs[i], BG_SHAPE(-1));
    return bg_concat(parts, 3, 0);
}
BUILD(gradient, gradients_of(x, (bg_attention_options){ .is_causal = false }))
BUILD(causal_gradient, gradients_of(x, (bg_attention_options){ .is_causal = true, .dropout = 0.3 }))
static const op_variant small[21] = {
    QKV(DIMS(1, 1), DIMS(1, 1), DIMS(1, 1)),
    QKV(DIMS(3, 4), DIMS(5, 4), DIMS(5, 2)),
    QKV(DIMS(1, 3, 4), DIMS(1, 5, 4), DIMS(1, 5, 4)),
    QKV(DIMS(2, 3, 4), DIMS(2, 3, 4), DIMS(2, 3, 4)),
    QKV(DIMS(2, 2, 5, 3), DIMS(2, 2, 7, 3), DIMS(2, 2, 7, 4)),
    QKV(DIMS(1, 4, 3, 2), DIMS(1, 2, 5, 2), DIMS(1, 2, 5, 3)),
    QKV(DIMS(2, 6, 2, 3), DIMS(2, 2, 3, 3), DIMS(2, 2, 3, 1)),
    QKV(DIMS(2, 4, 3, 3), DIMS(2, 1, 4, 3), DIMS(2, 1, 4, 3)),
    QKV(DIMS(1, 2, 4, 2), DIMS(1, 2, 3, 2), DIMS(1, 2, 3, 2)),
    QKV(DIMS(1, 1, 9, 2), DIMS(1, 1, 8, 2), DIMS(1, 1, 8, 2)),
    QKV(DIMS(1, 1, 33, 2), DIMS(1, 1, 35, 2), DIMS(1, 1, 35, 2)),
    QKV(DIMS(1, 1, 65, 1), DIMS(1, 1, 66, 1), DIMS(1, 1, 66, 1)),
    QKV(DIMS(2, 2, 1, 2), DIMS(2, 2, 1, 2), DIMS(2, 2, 1, 2)),
    QKV(DIMS(2, 2, 2, 1), DIMS(2, 2, 3, 1), DIMS(2, 2, 3, 1)),
    QKV(DIMS(1, 1, 2, 9), DIMS(1, 1, 2, 9), DIMS(1, 1, 2, 3)),
    QKV(DIMS(1, 1, 2, 3), DIMS(1, 1, 2, 3), DIMS(1, 1, 2, 9)),
    QKV(DIMS(1, 3, 2, 2), DIMS(1, 3, 2, 2), DIMS(1, 3, 2, 2)),
    QKV(DIMS(3, 1, 5, 2), DIMS(3, 1, 2, 2), DIMS(3, 1, 2, 2)),
    QKV(DIMS(1, 2, 5, 2), DIMS(1, 1, 6, 2), DIMS(1, 1, 6, 2)),
    QKV(DIMS(2, 2, 3, 0), DIMS(2, 2, 5, 0), DIMS(2, 2, 5, 4)),
    QKV(DIMS(4, 8, 3, 2), DIMS(4, 4, 3, 2), DIMS(4, 4, 3, 3)),
};

#define ALONG(shape, mask, axis)                                                                                       \
    {                                                                                                                  \
        .x = { shape, mask }, .n = { axis }                                                                            \
    }
static const op_variant rows[22] = {
    ALONG(DIMS(1), DIMS(1), 0),
    ALONG(DIMS(2), DIMS(2), 0),
    ALONG(DIMS(7), DIMS(7), 0),
    ALONG(DIMS(7), NO_DIMS, 0),
    ALONG(DIMS(65), DIMS(65), -1),
    ALONG(DIMS(0), DIMS(0), 0),
    ALONG(DIMS(3, 4), DIMS(3, 4), 0),
    ALONG(DIMS(3, 4), DIMS(3, 4), 1),
    ALONG(DIMS(3, 4), DIMS(4), 1),
    ALONG(DIMS(3, 4), DIMS(3, 1), 1),
    ALONG(DIMS(3, 4), DIMS(1, 4), 0),
    ALONG(DIMS(1, 5), DIMS(1, 5), 0),
    ALONG(DIMS(5, 1), DIMS(5, 1), 0),
    ALONG(DIMS(0, 3), DIMS(0, 3), 1),
    ALONG(DIMS(3, 0), DIMS(3, 1), 1),
    ALONG(DIMS(2, 3, 4), DIMS(2, 3, 4), 0),
    ALONG(DIMS(2, 3, 4), DIMS(3, 4), 1),
    ALONG(DIMS(2, 3, 4), DIMS(2, 1, 4), 2),
    ALONG(DIMS(3, 300), DIMS(3, 300), 1),
    ALONG(DIMS(300, 3), DIMS(300, 3), 0),
    ALONG(DIMS(2, 3, 2, 3), DIMS(3, 1, 3), -2),
    ALONG(DIMS(1, 2, 1, 3, 2), DIMS(1, 3, 2), 3),
};
BUILD(masked_softmax, bg_masked_softmax(x[0], x[1], (int)v->n[0]))

#define TURNED(shape, angles)                                                                                          \
    {                                                                                                                  \
        .x = { shape, angles, angles }                                                                                 \
    }
static const op_variant turned[21] = {
    TURNED(DIMS(2), DIMS(1)),
    TURNED(DIMS(3), DIMS(1)),
    TURNED(DIMS(4), DIMS(2)),
    TURNED(DIMS(4), DIMS(0)),
    TURNED(DIMS(9), DIMS(4)),
    TURNED(DIMS(34), DIMS(17)),
    TURNED(DIMS(130), DIMS(65)),
    TURNED(DIMS(3, 4), DIMS(2)),
    TURNED(DIMS(3, 4), DIMS(3, 2)),
    TURNED(DIMS(3, 4), DIMS(3, 1)),
    TURNED(DIMS(3, 8), DIMS(1, 3)),
    TURNED(DIMS(1, 2), DIMS(1, 1)),
    TURNED(DIMS(0, 4), DIMS(2)),
    TURNED(DIMS(4, 0), DIMS(0)),
    TURNED(DIMS(2, 3, 4), DIMS(3, 2)),
    TURNED(DIMS(2, 3, 4), DIMS(2, 1, 2)),
    TURNED(DIMS(2, 3, 6), DIMS(2, 3, 2)),
    TURNED(DIMS(2, 2, 3, 4), DIMS(3, 2)),
    TURNED(DIMS(2, 2, 5, 7), DIMS(2, 1, 5, 3)),
    TURNED(DIMS(1, 1, 2, 1, 2, 1, 2, 6), DIMS(2, 3)),
    TURNED(DIMS(1, 1, 2, 1, 2, 1, 2, 6), DIMS(2, 2)),
};
BUILD(rotary, bg_rotary(x[0], x[1], x[2], false))
BUILD(rotary_interleaved, bg_rotary(x[0], x[1], x[2], true))

/* n: dims, offset, is_interleaved. */
static const op_variant positioned[22] = {
    WITH(DIMS(1, 2), 0, 0, 0),         WITH(DIMS(1, 2), 0, 3, 1),         WITH(DIMS(3, 4), 0, 0, 0),
    WITH(DIMS(3, 4), 0, 0, 1),         WITH(DIMS(3, 4), 2, 7, 0),         WITH(DIMS(3, 4), 2, 7, 1),
    WITH(DIMS(3, 5), 4, -2, 0),        WITH(DIMS(3, 5), 2, -2, 1),        WITH(DIMS(0, 4), 0, 0, 0),
    WITH(DIMS(4, 0), 0, 0, 0),         WITH(DIMS(2, 3, 4), 0, 0, 0),      WITH(DIMS(2, 3, 6), 4, 1, 0),
    WITH(DIMS(2, 3, 6), 4, 1, 1),      WITH(DIMS(2, 2, 3, 4), 0, 100, 0), WITH(DIMS(2, 2, 3, 4), 0, 100, 1),
    WITH(DIMS(2, 1, 9, 8), 0, 0, 0),   WITH(DIMS(1, 2, 9, 8), 6, 0, 1),   WITH(DIMS(1, 1, 33, 34), 0, 0, 0),
    WITH(DIMS(1, 1, 33, 34), 0, 0, 1), WITH(DIMS(2, 65, 2), 0, 0, 0),     WITH(DIMS(17, 18), 0, 5, 0),
    WITH(DIMS(17, 18), 16, 5, 1),
};
static bg_node *build_rotary_embedding(bg_node *const *x, const op_variant *v)
{
    bg_rotary_options o = { .base = 100, .dims = v->n[0], .offset = v->n[1], .is_interleaved = v->n[2] != 0 };
    return bg_rotary_embedding(x[0], &o);
}
#define AT(size, l, ...)                                                                                               \
    {                                                                                                                  \
        .x = { size, DIMS(l) }, .n = { __VA_ARGS__ }                                                                   \
    }
static const op_variant at_positions[20] = {
    AT(DIMS(1, 2), 1, 0, 0),          AT(DIMS(1, 2), 1, 0, 1),       AT(DIMS(3, 4), 3, 0, 0),
    AT(DIMS(3, 4), 3, 0, 1),          AT(DIMS(3, 5), 3, 2, 0),       AT(DIMS(3, 5), 3, 4, 1),
    AT(DIMS(0, 4), 0, 0, 0),          AT(DIMS(4, 0), 4, 0, 0),       AT(DIMS(2, 3, 4), 3, 0, 0),
    AT(DIMS(2, 3, 6), 3, 4, 1),       AT(DIMS(2, 2, 3, 4), 3, 0, 0), AT(DIMS(2, 2, 3, 4), 3, 2, 1),
    AT(DIMS(2, 1, 9, 8), 9, 0, 0),    AT(DIMS(2, 1, 9, 8), 9, 0, 1), AT(DIMS(1, 1, 33, 34), 33, 0, 0),
    AT(DIMS(2, 65, 2), 65, 0, 1),     AT(DIMS(17, 18), 17, 0, 0),    AT(DIMS(17, 18), 17, 8, 1),
    AT(DIMS(1, 3, 1, 5, 6), 5, 0, 0), AT(DIMS(3, 0, 2, 4), 2, 0, 1),
};
static bg_node *build_at_positions(bg_node *const *x, const op_variant *v)
{
    bg_rotary_options o = { .dims = v->n[0], .positions = x[1], .is_interleaved = v->n[1] != 0 };
    return bg_rotary_embedding(x[0], &o);
}

static const op_case cases[] = {
    { .name = "masked_softmax",
      .op = "safe_softmax",
      .arity = 2,
      .domains = { IS_ANY, IS_CONDITION },
      .build = build_masked_softmax,
      VARIANTS(rows) },
    { .name = "attention", .op = "attention", .arity = 3, .build = build_attention, VARIANTS(plain) },
    { .name = "attention, causal", .op = "attention", .arity = 3, .build = build_causal, VARIANTS(plain) },
    { .name = "attention, scale", .op = "attention", .arity = 3, .build = build_scaled, VARIANTS(plain) },
    { .name = "attention, dropout", .op = "attention", .arity = 3, .build = build_dropout, VARIANTS(plain) },
    { .name = "attention, mask",
      .op = "attention",
      .arity = 4,
      .domains = { IS_ANY, IS_ANY, IS_ANY, IS_CONDITION },
      .build = build_masked,
      VARIANTS(masked) },
    { .name = "attention, float mask", .op = "attention", .arity = 4, .build = build_masked, VARIANTS(masked) },
    { .name = "attention, everything",
      .op = "attention",
      .arity = 4,
      .domains = { IS_ANY, IS_ANY, IS_ANY, IS_CONDITION },
      .build = build_everything,
      VARIANTS(masked) },
    { .name = "attention, everything, float mask",
      .op = "attention",
      .arity = 4,
      .build = build_everything,
      VARIANTS(masked) },
    { .name = "attention, of one projection",
      .op = "attention",
      .arity = 1,
      .build = build_projection,
      VARIANTS(projections) },
    { .name = "attention, gradient", .op = "attention_gradient", .arity = 3, .build = build_gradient, VARIANTS(small) },
    { .name = "attention, causal gradient",
      .op = "attention_gradient",
      .arity = 3,
      .build = build_causal_gradient,
      VARIANTS(small) },
    { .name = "rotary", .op = "rotary", .arity = 3, .build = build_rotary, VARIANTS(turned) },
    { .name = "rotary, interleaved", .op = "rotary", .arity = 3, .build = build_rotary_interleaved, VARIANTS(turned) },
    { .name = "rotary_embedding", .op = "rotary", .arity = 1, .build = build_rotary_embedding, VARIANTS(positioned) },
    { .name = "rotary_embedding, positions",
      .op = "rotary",
      .arity = 2,
      .domains = { IS_ANY, IS_INTEGER },
      .build = build_at_positions,
      VARIANTS(at_positions) },
};

/* ---- Golden values ---- */

static bg_node *golden_attention(const golden_case *c)
{
    bg_attention_options o = { .is_causal = golden_integer(c, "causal") != 0,
                               .scale = golden_number(c->record, "scale"),
                               .dropout = golden_number(c->record, "dropout"),
                               .mask = c->n > 3 ? c->x[3] : NULL };
    return bg_attention(c->x[0], c->x[1], c->x[2], &o);
}
GOLDEN(masked_softmax, bg_masked_softmax(c->x[0], c->x[1], golden_integer(c, "axis")))
GOLDEN(rotary, bg_rotary(c->x[0], c->x[1], c->x[2], golden_integer(c, "interleaved") != 0))
static bg_node *golden_rotary_embedding(const golden_case *c)
{
    bg_rotary_options o = { .base = golden_number(c->record, "base"),
                            .dims = golden_integer(c, "dims"),
                            .offset = golden_integer(c, "offset"),
                            .positions = c->n > 1 ? c->x[1] : NULL,
                            .is_interleaved = golden_integer(c, "interleaved") != 0 };
    return bg_rotary_embedding(c->x[0], &o);
}
static const golden_op golden[] = {
    GOLDEN_ROW(attention),
    { .name = "attention_masked", .build = golden_attention, .conditions = 8 },
    { .name = "masked_softmax", .build = golden_masked_softmax, .conditions = 2 },
    GOLDEN_ROW(rotary),
    { .name = "rotary_embedding", .build = golden_rotary_embedding, .integers = 2 },
};

/* ---- Wrong calls ---- */

#define OPTIONS(...) (&(const bg_attention_options){ __VA_ARGS__ })
#define TURN(...)    (&(const bg_rotary_options){ __VA_ARGS__ })
#define WRONG(X)                                                                                                       \
    X(bg_masked_softmax(f->i3, f->bools, 0), BG_ERR_DTYPE, "masked_softmax: x is i32, not f32 or f64")                 \
    X(bg_masked_softmax(f->x3, f->x3, 0), BG_ERR_DTYPE, "masked_softmax: the mask is f32, not bool")                   \
    X(bg_masked_softmax(f->x4, f->bools, 0), BG_ERR_SHAPE,                                                             \
      "masked_softmax: the mask does not broadcast to x: x [4], mask [3]")                                             \
    X(bg_masked_softmax(f->scalar, f->bools, 0), BG_ERR_ARGUMENT, "masked_softmax: x [] has no axis 0")                \
    X(bg_masked_softmax(bg_sum(f->x23, BG_AXES(1)), f->bools, 0), BG_ERR_SHAPE,                                        \
      "masked_softmax: the mask does not broadcast to x: x [2], mask [3]")                                             \
    X(bg_attention(f->x243, f->x243, f->d3, NULL), BG_ERR_DTYPE, "attention: types differ: q f32, v f64")              \
    X(bg_attention(f->x243, f->x34, f->x34, NULL), BG_ERR_SHAPE,                                                       \
      "attention: needs q [.., h, l, d], k [.., hk, s, d], v [.., hk, s, e], h a multiple of hk: q [2, 4, 3], "        \
      "k [3, 4], v [3, 4]")                                                                                            \
    X(bg_attention(f->x23, f->x34, f->x34, NULL), BG_ERR_SHAPE,                                                        \
      "attention: needs q [.., h, l, d], k [.., hk, s, d], v [.., hk, s, e], h a multiple of hk: q [2, 3], "           \
      "k [3, 4], v [3, 4]")                                                                                            \
    X(bg_attention(f->x23, f->x23, f->x34, NULL), BG_ERR_SHAPE,                                                        \
      "attention: needs q [.., h, l, d], k [.., hk, s, d], v [.., hk, s, e], h a multiple of hk: q [2, 3], "           \
      "k [2, 3], v [3, 4]")                                                                                            \
    X(bg_attention(f->x3, f->x3, f->x3, NULL), BG_ERR_SHAPE,                                                           \
      "attention: needs q [.., h, l, d], k [.., hk, s, d], v [.., hk, s, e], h a multiple of hk: q [3], k [3], v [3]") \
    X(bg_attention(f->x243, bg_slice(f->image, 0, 0, 1, 1), f->x243, NULL), BG_ERR_SHAPE,                              \
      "attention: needs q [.., h, l, d], k [.., hk, s, d], v [.., hk, s, e], h a multiple of hk: q [2, 4, 3], "        \
      "k [1, 3, 5, 5], v [2, 4, 3]")                                                                                   \
    X(bg_attention(f->image, f->image, bg_slice(f->image, 0, 0, 1, 1), NULL), BG_ERR_SHAPE,                            \
      "attention: needs q [.., h, l, d], k [.., hk, s, d], v [.., hk, s, e], h a multiple of hk: q [2, 3, 5, 5], "     \
      "k [2, 3, 5, 5], v [1, 3, 5, 5]")                                                                                \
    X(bg_attention(f->image, bg_slice(f->image, 1, 0, 2, 1), bg_slice(f->image, 1, 0, 2, 1), NULL), BG_ERR_SHAPE,      \
      "attention: needs q [.., h, l, d], k [.., hk, s, d], v [.., hk, s, e], h a multiple of hk: q [2, 3, 5, 5], "     \
      "k [2, 2, 5, 5], v [2, 2, 5, 5]")                                                                                \
    X(bg_attention(f->x23, f->x23, f->x23, OPTIONS(.mask = f->i2)), BG_ERR_DTYPE,                                      \
      "attention: the mask is i32, not bool or f32")                                                                   \
    X(bg_attention(f->x23, f->x23, f->x23, OPTIONS(.mask = f->bools)), BG_ERR_SHAPE,                                   \
      "attention: the mask does not broadcast to the scores: mask [3], scores [2, 2]")                                 \
    X(bg_attention(f->x23, f->x23, f->x23, OPTIONS(.mask = f->x243)), BG_ERR_SHAPE,                                    \
      "attention: the mask does not broadcast to the scores: mask [2, 4, 3], scores [2, 2]")                           \
    X(bg_attention(f->x23, f->x23, f->x23, OPTIONS(.scale = INF)), BG_ERR_ARGUMENT, "attention: the scale is inf")     \
    X(bg_attention(f->x23, f->x23, f->x23, OPTIONS(.dropout = 1.5)), BG_ERR_ARGUMENT,                                  \
      "attention: p is 1.5, not between 0 and 1")                                                                      \
    X(bg_rotary(f->i3, f->x3, f->x3, false), BG_ERR_DTYPE, "rotary: x is i32, not f32 or f64")                         \
    X(bg_rotary(f->x4, f->x3, f->x3, false), BG_ERR_SHAPE,                                                             \
      "rotary: needs x [.., d], cos and sin [.., r / 2] with r at most d: x [4], cos [3], sin [3]")                    \
    X(bg_rotary(f->x243, f->x3, f->x4, false), BG_ERR_SHAPE,                                                           \
      "rotary: needs x [.., d], cos and sin [.., r / 2] with r at most d: x [2, 4, 3], cos [3], sin [4]")              \
    X(bg_rotary(f->scalar, f->x3, f->x3, true), BG_ERR_SHAPE,                                                          \
      "rotary: needs x [.., d], cos and sin [.., r / 2] with r at most d: x [], cos [3], sin [3]")                     \
    X(bg_rotary_embedding(f->bools, NULL), BG_ERR_DTYPE, "rotary_embedding: x is bool, not f32 or f64")                \
    X(bg_rotary_embedding(f->x4, NULL), BG_ERR_SHAPE, "rotary_embedding: needs x [.., l, d]: x [4]")                   \
    X(bg_rotary_embedding(f->x23, NULL), BG_ERR_SHAPE, "rotary_embedding: 3 elements are not pairs of x [2, 3]")       \
    X(bg_rotary_embedding(f->x23, TURN(.dims = 4)), BG_ERR_SHAPE,                                                      \
      "rotary_embedding: 4 elements are not pairs of x [2, 3]")                                                        \
    X(bg_rotary_embedding(f->x34, TURN(.base = -1)), BG_ERR_ARGUMENT, "rotary_embedding: the base is -1")              \
    X(bg_rotary_embedding(f->x34, TURN(.positions = f->l3, .offset = 2)), BG_ERR_ARGUMENT,                             \
      "rotary_embedding: positions and an offset, 2, are given")                                                       \
    X(bg_rotary_embedding(f->x34, TURN(.positions = f->i3)), BG_ERR_DTYPE,                                             \
      "rotary_embedding: positions are i32, not i64")                                                                  \
    X(bg_rotary_embedding(f->x23, TURN(.dims = 2, .positions = f->l3)), BG_ERR_SHAPE,                                  \
      "rotary_embedding: positions are not [l]: x [2, 3], positions [3]")
WRONG_CALLS(WRONG)

/* ---- Edges ---- */

/* One query and its keys, which are the scores; the values are 1, 2, .. */
static bg_node *attend_scores(bg_node *x, bg_node *y, bg_attention_options o)
{
    bg_shape column = BG_SHAPE(-1, 1);
    bg_node *one = x ? bg_reshape(bg_scalar(bg_node_graph(x), bg_node_dtype(x), 1), BG_SHAPE(1, 1)) : NULL;
    o.scale = 1;
    return bg_attention(one, bg_reshape(x, column), bg_reshape(y, column), &o);
}
static bg_node *at_least_half(bg_node *x)
{
    return x ? bg_greater(x, bg_scalar(bg_node_graph(x), bg_node_dtype(x), 0.5)) : NULL;
}
EDGE(no_key, attend_scores(x, y, (bg_attention_options){ .mask = at_least_half(x) }))
EDGE(some_keys, attend_scores(bg_mul_scalar(x, 0), y, (bg_attention_options){ .mask = at_least_half(x) }))
EDGE(infinite_mask, attend_scores(bg_mul_scalar(y, 0), y, (bg_attention_options){ .mask = x }))
EDGE(score_of_infinity, attend_scores(x, y, (bg_attention_options){ .scale = 0 }))
EDGE(first_key, attend_scores(x, y, (bg_attention_options){ .is_causal = true }))
EDGE(all_dropped, attend_scores(x, y, (bg_attention_options){ .dropout = 1 }))
EDGE(softmax_of_nothing, bg_masked_softmax(x, at_least_half(y), 0))
EDGE(rotary_by_0, bg_rotary_embedding(bg_reshape(x, BG_SHAPE(1, 4)), NULL))
static const edge edges[] = {
    { "attention: a query without keys", edge_no_key, 3, .x = LIST(0, -1, 0.5), .y = LIST(1, 2, 3), .n_values = 1,
      .shape = VECTOR(3), .value = LIST(0), .dx = LIST(0, 0, 0), .dy = LIST(0, 0, 0), .has_dy = true },
    { "attention: two of three keys", edge_some_keys, 3, .x = LIST(1, 0, 1), .y = LIST(1, 2, 4), .n_values = 1,
      .shape = VECTOR(3), .value = LIST(2.5), .dx = LIST(0, 0, 0), .dy = LIST(0.5, 0, 0.5), .has_dy = true },
    { "attention: a mask of -inf", edge_infinite_mask, 2, .x = LIST(-INF, -INF), .y = LIST(1, 2), .n_values = 1,
      .shape = VECTOR(2), .value = LIST(0), .dx = LIST(0, 0), .dy = LIST(0, 0), .has_dy = true },
    { "attention: a mask with one -inf", edge_infinite_mask, 3, .x = LIST(0, -INF, 0), .y = LIST(1, 2, 4),
      .n_values = 1, .shape = VECTOR(3), .value = LIST(2.5), .dx = LIST(-0.75, 0, 0.75), .dy = LIST(0.5, 0, 0.5),
      .has_dy = true, .tolerance = 1e-6 },
    { "attention: scores of 1e30", edge_score_of_infinity, 3, .x = LIST(1e30, -1e30, 1e30), .y = LIST(1, 2, 4),
      .n_values = 1, .shape = VECTOR(3), .value = LIST(2.5), .dx = LIST(-0.75, 0, 0.75), .dy = LIST(0.5, 0, 0.5),
      .has_dy = true },
    { "attention: a score of +inf", edge_score_of_infinity, 2, .x = LIST(0, INF), .y = LIST(1, 2), .n_values = 1,
      .shape = VECTOR(2), .value = LIST(NOT_A_NUMBER), .dx = LIST(NOT_A_NUMBER, NOT_A_NUMBER),
      .dy = LIST(NOT_A_NUMBER, NOT_A_NUMBER), .has_dy = true },
    { "attention: the first query sees one key", edge_first_key, 3, .x = LIST(1, 2, 3), .y = LIST(5, 6, 7),
      .n_values = 1, .shape = VECTOR(3), .value = LIST(5), .dx = LIST(0, 0, 0), .dy = LIST(1, 0, 0), .has_dy = true },
    { "attention: all is dropped", edge_all_dropped, 3, .x = LIST(1, 2, 3), .y = LIST(5, 6, 7), .n_values = 1,
      .shape = VECTOR(3), .value = LIST(0), .dx = LIST(0, 0, 0), .dy = LIST(0, 0, 0), .has_dy = true },
    { "masked_softmax: nothing takes part", edge_softmax_of_nothing, 3, .x = LIST(1, NOT_A_NUMBER, INF),
      .y = LIST(0, 0, 0), .n_values = 3, .shape = VECTOR(3), .value = LIST(0, 0, 0), .dx = LIST(0, 0, 0) },
    { "masked_softmax: hidden numbers", edge_softmax_of_nothing, 4, .x = LIST(1, NOT_A_NUMBER, INF, 1),
      .y = LIST(1, 0, 0, 1), .n_values = 4, .shape = VECTOR(4), .value = LIST(0.5, 0, 0, 0.5), .dx = LIST(0, 0, 0, 0) },
    { "masked_softmax: +inf takes part", edge_softmax_of_nothing, 2, .x = LIST(1, INF), .y = LIST(1, 1), .n_values = 2,
      .shape = VECTOR(2), .value = LIST(NOT_A_NUMBER, NOT_A_NUMBER), .dx = LIST(NOT_A_NUMBER, NOT_A_NUMBER) },
    { "rotary_embedding: position 0", edge_rotary_by_0, 4, .x = LIST(1, 2, 3, -0.5), .n_values = 4,
      .value = LIST(1, 2, 3, -0.5), .dx = LIST(1, 1, 1, 1) },
};

const op_family attention_family = { .name = "attention", FAMILY_CASES, FAMILY_GOLDEN, FAMILY_WRONG, FAMILY_EDGES };
