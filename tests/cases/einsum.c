/* einsum: equations with shapes. */
#include "cases.h"

#include <math.h>

/* ---- Cases ---- */

/* Equations, each with the shapes of its operands. */
#define PRODUCTS(X)                                                                                                    \
    X("ij,jk->ik", 2, DIMS(3, 4), DIMS(4, 5))                                                                          \
    X("ij,jk", 2, DIMS(17, 9), DIMS(9, 33))                                                                            \
    X("ij,jk->ki", 2, DIMS(3, 4), DIMS(4, 5))                                                                          \
    X("ij,kj->ik", 2, DIMS(3, 4), DIMS(5, 4))                                                                          \
    X("ji,jk->ik", 2, DIMS(4, 3), DIMS(4, 5))                                                                          \
    X("ij,jk->ik", 2, DIMS(3, 0), DIMS(0, 5))                                                                          \
    X("ij,jk->ik", 2, DIMS(0, 4), DIMS(4, 5))                                                                          \
    X("ij,jk->ik", 2, DIMS(3, 1), DIMS(4, 5))                                                                          \
    X("ij,jk->", 2, DIMS(3, 4), DIMS(4, 5))                                                                            \
    X("ij,j->i", 2, DIMS(3, 4), DIMS(4))                                                                               \
    X("j,jk->k", 2, DIMS(4), DIMS(4, 5))                                                                               \
    X("i,i->", 2, DIMS(70), DIMS(70))                                                                                  \
    X("i,j->ij", 2, DIMS(3), DIMS(4))                                                                                  \
    X("i,j->ji", 2, DIMS(3), DIMS(4))                                                                                  \
    X("ij,ij->ij", 2, DIMS(3, 4), DIMS(3, 4))                                                                          \
    X("ij,ji->ij", 2, DIMS(3, 4), DIMS(4, 3))                                                                          \
    X("ij,i->ij", 2, DIMS(3, 4), DIMS(3))                                                                              \
    X("ij,->ij", 2, DIMS(3, 4), NO_DIMS)                                                                               \
    X("bi,bi->b", 2, DIMS(5, 9), DIMS(5, 9))                                                                           \
    X("bij,bjk->bik", 2, DIMS(2, 3, 4), DIMS(2, 4, 5))                                                                 \
    X("bhqd,bhkd->bhqk", 2, DIMS(2, 3, 4, 5), DIMS(2, 3, 6, 5))                                                        \
    X("bqhd,bkhd->bhqk", 2, DIMS(2, 4, 3, 5), DIMS(2, 6, 3, 5))                                                        \
    X("bij,jk->bik", 2, DIMS(2, 3, 4), DIMS(4, 5))                                                                     \
    X("ij,bjk->bik", 2, DIMS(3, 4), DIMS(2, 4, 5))                                                                     \
    X("ij,bjk->bik", 2, DIMS(32, 64), DIMS(2, 64, 33))                                                                 \
    X("bcn,co->bon", 2, DIMS(2, 3, 4), DIMS(3, 5))                                                                     \
    X("abc,bd->acd", 2, DIMS(2, 3, 4), DIMS(3, 5))                                                                     \
    X("abc,cbd->ad", 2, DIMS(2, 3, 4), DIMS(4, 3, 5))                                                                  \
    X("ijb,jkb->ikb", 2, DIMS(3, 4, 2), DIMS(4, 5, 2))                                                                 \
    X("abcdefgh,abcdefgi->abcdefhi", 2, DIMS(1, 1, 1, 1, 2, 1, 2, 3), DIMS(1, 1, 1, 1, 2, 1, 2, 2))                    \
    X("abcdefgh,habcdefg->abcdefg", 2, DIMS(2, 2, 2, 2, 2, 2, 2, 2), DIMS(2, 2, 2, 2, 2, 2, 2, 2))                     \
    X("abcdefgh,abcdefgi->abcdefg", 2, DIMS(2, 2, 2, 2, 2, 2, 2, 2), DIMS(2, 2, 2, 2, 2, 2, 2, 2))
#define TERMS(X)                                                                                                       \
    X("", 1, NO_DIMS)                                                                                                  \
    X("i", 1, DIMS(3))                                                                                                 \
    X("i->", 1, DIMS(7))                                                                                               \
    X("ba", 1, DIMS(3, 4))                                                                                             \
    X("aB", 1, DIMS(3, 4))                                                                                             \
    X("ij->i", 1, DIMS(3, 4))                                                                                          \
    X("ii->i", 1, DIMS(4, 4))                                                                                          \
    X("ii", 1, DIMS(4, 4))                                                                                             \
    X("iijj->ji", 1, DIMS(2, 2, 3, 3))                                                                                 \
    X("iii->i", 1, DIMS(3, 3, 3))                                                                                      \
    X("ijkj->ik", 1, DIMS(2, 3, 4, 3))                                                                                 \
    X("...ii->...i", 1, DIMS(2, 3, 3))                                                                                 \
    X("...", 1, DIMS(2, 3))                                                                                            \
    X("i...->...", 1, DIMS(2, 3, 4))                                                                                   \
    X("...ij->...ji", 1, DIMS(2, 3, 4))                                                                                \
    X("...->", 1, DIMS(2, 3))                                                                                          \
    X("ij->ji", 1, DIMS(0, 3))                                                                                         \
    X("ij->j", 1, DIMS(0, 3))                                                                                          \
    X("ii,ij->j", 2, DIMS(3, 3), DIMS(3, 4))                                                                           \
    X("...ij,...jk->...ik", 2, DIMS(2, 1, 3, 4), DIMS(5, 4, 2))                                                        \
    X("...i,...i", 2, DIMS(2, 1, 3), DIMS(4, 3))                                                                       \
    X("i...,i...->i...", 2, DIMS(3, 4), DIMS(3, 1, 4))                                                                 \
    X(" i j , j k -> k i ", 2, DIMS(3, 4), DIMS(4, 5))                                                                 \
    X("Aa,aB->BA", 2, DIMS(3, 4), DIMS(4, 5))
#define CHAINS(X)                                                                                                      \
    X("ij,jk,kl->il", 3, DIMS(2, 3), DIMS(3, 4), DIMS(4, 5))                                                           \
    X("ij,jk,kl->il", 3, DIMS(5, 1), DIMS(1, 6), DIMS(6, 2))                                                           \
    X("ij,jk,kl->il", 3, DIMS(3, 0), DIMS(0, 4), DIMS(4, 2))                                                           \
    X("ij,jk,ki->", 3, DIMS(2, 3), DIMS(3, 4), DIMS(4, 2))                                                             \
    X("ij,ij,ij->ij", 3, DIMS(2, 3), DIMS(2, 3), DIMS(2, 3))                                                           \
    X("i,j,k->kij", 3, DIMS(2), DIMS(3), DIMS(4))                                                                      \
    X("i,i,i->", 3, DIMS(5), DIMS(5), DIMS(5))                                                                         \
    X("bi,oij,bj->bo", 3, DIMS(3, 2), DIMS(4, 2, 5), DIMS(3, 5))                                                       \
    X("ab,ac,ad->bcd", 3, DIMS(2, 3), DIMS(2, 4), DIMS(2, 2))                                                          \
    X("aij,bjk,cki->abc", 3, DIMS(2, 2, 3), DIMS(3, 3, 2), DIMS(2, 2, 2))                                              \
    X("...i,ij,...j->...", 3, DIMS(4, 2), DIMS(2, 3), DIMS(4, 3))                                                      \
    X("ij,,jk", 3, DIMS(2, 3), NO_DIMS, DIMS(3, 2))                                                                    \
    X("ij,jk,kl,lm->im", 4, DIMS(2, 3), DIMS(3, 2), DIMS(2, 4), DIMS(4, 2))                                            \
    X("ij,jk,kl,lm", 4, DIMS(1, 7), DIMS(7, 1), DIMS(1, 7), DIMS(7, 1))                                                \
    X("ab,bc,cd,da->", 4, DIMS(2, 3), DIMS(3, 2), DIMS(2, 2), DIMS(2, 2))                                              \
    X("i,j,k,l->ijkl", 4, DIMS(2), DIMS(2), DIMS(3), DIMS(2))                                                          \
    X("i,ij,ijk,ijkl->l", 4, DIMS(2), DIMS(2, 3), DIMS(2, 3, 2), DIMS(2, 3, 2, 2))                                     \
    X("ii,ij,jj->ij", 3, DIMS(2, 2), DIMS(2, 3), DIMS(3, 3))                                                           \
    X("a,b,c,d,e->", 5, DIMS(2), DIMS(3), DIMS(2), DIMS(1), DIMS(2))                                                   \
    X("ab,cd,ef,ag,cg,eg->bdf", 6, DIMS(2, 2), DIMS(2, 2), DIMS(2, 2), DIMS(2, 2), DIMS(2, 2), DIMS(2, 2))             \
    X("ab,bc,cd,de,ef,fg,gh,hi->ai", 8, DIMS(2, 1), DIMS(1, 3), DIMS(3, 2), DIMS(2, 2), DIMS(2, 3), DIMS(3, 1),        \
      DIMS(1, 2), DIMS(2, 3))                                                                                          \
    X("a,...,...a", 3, DIMS(3), DIMS(2, 1), DIMS(4, 3))

#define VARIANT(text, count, ...) { .equation = text, .n_inputs = count, .x = { __VA_ARGS__ } },
static const op_variant products[] = { PRODUCTS(VARIANT) }, terms[] = { TERMS(VARIANT) },
                        chains[] = { CHAINS(VARIANT) };

BUILD(equation, bg_einsum(v->equation, x, v->n_inputs))

/* Twelve operands, more than all orders are tried for: a chain of matrices, with the last one twice. */
static bg_node *build_long_chain(bg_node *const *x, const op_variant *v)
{
    (void)v;
    bg_node *operands[12];
    for (int i = 0; i < 12; i++)
        operands[i] = x[i % 3];
    return bg_einsum("ab,bc,cd,de,ef,fg,gh,hi,ij,jk,kl,la->a", operands, 12);
}
static const op_variant squares[] = {
    TRIPLE(DIMS(1, 1), DIMS(1, 1), DIMS(1, 1)), TRIPLE(DIMS(1, 2), DIMS(2, 1), DIMS(1, 1)),
    TRIPLE(DIMS(2, 2), DIMS(2, 2), DIMS(2, 2)), TRIPLE(DIMS(2, 3), DIMS(3, 4), DIMS(4, 2)),
    TRIPLE(DIMS(4, 1), DIMS(1, 5), DIMS(5, 4)), TRIPLE(DIMS(3, 2), DIMS(2, 1), DIMS(1, 3)),
    TRIPLE(DIMS(5, 2), DIMS(2, 2), DIMS(2, 5)), TRIPLE(DIMS(1, 3), DIMS(3, 3), DIMS(3, 1)),
    TRIPLE(DIMS(3, 3), DIMS(3, 3), DIMS(3, 3)), TRIPLE(DIMS(2, 1), DIMS(1, 1), DIMS(1, 2)),
    TRIPLE(DIMS(1, 4), DIMS(4, 2), DIMS(2, 1)), TRIPLE(DIMS(2, 4), DIMS(4, 3), DIMS(3, 2)),
    TRIPLE(DIMS(0, 2), DIMS(2, 3), DIMS(3, 0)), TRIPLE(DIMS(2, 0), DIMS(0, 3), DIMS(3, 2)),
    TRIPLE(DIMS(4, 4), DIMS(4, 1), DIMS(1, 4)), TRIPLE(DIMS(3, 1), DIMS(1, 4), DIMS(4, 3)),
    TRIPLE(DIMS(2, 2), DIMS(2, 3), DIMS(3, 2)), TRIPLE(DIMS(2, 5), DIMS(5, 1), DIMS(1, 2)),
    TRIPLE(DIMS(1, 1), DIMS(1, 4), DIMS(4, 1)), TRIPLE(DIMS(3, 4), DIMS(4, 2), DIMS(2, 3)),
};

static const op_case cases[] = {
    { .name = "einsum, products", .arity = 2, .sums = true, .build = build_equation, VARIANTS(products) },
    { .name = "einsum, terms", .arity = 1, .sums = true, .build = build_equation, VARIANTS(terms) },
    { .name = "einsum, chains", .arity = 3, .sums = true, .build = build_equation, VARIANTS(chains) },
    { .name = "einsum, long chain",
      .arity = 3,
      .domains = { IS_BELOW_ONE, IS_BELOW_ONE, IS_BELOW_ONE },
      .sums = true,
      .build = build_long_chain,
      VARIANTS(squares) },
};

/* ---- Golden values ---- */

GOLDEN(einsum, bg_einsum(golden_text(c->record, "equation"), (bg_node **)c->x, c->n))
static const golden_op golden[] = { GOLDEN_ROW(einsum) };

/* ---- Wrong calls ---- */

static bg_node *one(const char *equation, bg_node *x) { return bg_einsum(equation, &x, 1); }
static bg_node *two(const char *equation, bg_node *x, bg_node *y)
{
    return bg_einsum(equation, (bg_node *[]){ x, y }, 2);
}
/* The outer product of three vectors, three times over. */
static bg_node *nine(bg_node *x)
{
    return bg_einsum("a,b,c,d,e,f,g,h,i", (bg_node *[]){ x, x, x, x, x, x, x, x, x }, 9);
}
/* Any two of five tensors have two indices in common: whichever product comes first has twelve. */
static bg_node *wide(bg_node *x)
{
    bg_node *y = bg_broadcast(x, BG_SHAPE(3, 3, 3, 3, 3, 3, 3, 3));
    return bg_einsum("abcdefgh,abijklmn,cdijopqr,efklopst,ghmnqrst->", (bg_node *[]){ y, y, y, y, y }, 5);
}

#define WRONG(X)                                                                                                       \
    X(two("ij,jk->ik", f->x23, bg_broadcast(f->x4, BG_SHAPE(4, 4))), BG_ERR_SHAPE,                                     \
      "einsum: index j has extent 3 in x0 [2, 3] and 4 in x1 [4, 4]: \"ij,jk->ik\"")                                   \
    X(one("ii->i", f->x23), BG_ERR_SHAPE, "einsum: index i has extents 2 and 3 in x0 [2, 3]: \"ii->i\"")               \
    X(two("...,...", f->x3, f->x4), BG_ERR_SHAPE,                                                                      \
      "einsum: an axis of the ellipsis has extent 3 in x0 [3] and 4 in x1 [4]: \"...,...\"")                           \
    X(one("ijk", f->x23), BG_ERR_SHAPE, "einsum: x0 [2, 3] has 2 axes, its term 3: \"ijk\"")                           \
    X(one("i", f->x23), BG_ERR_SHAPE, "einsum: x0 [2, 3] has 2 axes, its term 1: \"i\"")                               \
    X(one("...ijk", f->x23), BG_ERR_SHAPE, "einsum: x0 [2, 3] has 2 axes, its term 3 or more: \"...ijk\"")             \
    X(one("i;j", f->x23), BG_ERR_ARGUMENT, "einsum: no index, ellipsis, comma or arrow at position 1 of \"i;j\"")      \
    X(one("ij - > ji", f->x23), BG_ERR_ARGUMENT,                                                                       \
      "einsum: no index, ellipsis, comma or arrow at position 3 of \"ij - > ji\"")                                     \
    X(one("i..j", f->x23), BG_ERR_ARGUMENT, "einsum: no index, ellipsis, comma or arrow at position 1 of \"i..j\"")    \
    X(one("...i...", f->x23), BG_ERR_ARGUMENT, "einsum: a second ellipsis at position 4 of \"...i...\"")               \
    X(one("ij->j->i", f->x23), BG_ERR_ARGUMENT, "einsum: a second arrow at position 5 of \"ij->j->i\"")                \
    X(one("ij->j,i", f->x23), BG_ERR_ARGUMENT, "einsum: a comma in the result at position 5 of \"ij->j,i\"")           \
    X(one("ij->jj", f->x23), BG_ERR_ARGUMENT, "einsum: index j of the result is there twice: \"ij->jj\"")              \
    X(one("ij->k", f->x23), BG_ERR_ARGUMENT, "einsum: index k of the result is in no operand: \"ij->k\"")              \
    X(one("ij,jk", f->x23), BG_ERR_ARGUMENT, "einsum: 1 operands for the 2 terms of \"ij,jk\"")                        \
    X(two("ij", f->x23, f->x3), BG_ERR_ARGUMENT, "einsum: 2 operands for the 1 terms of \"ij\"")                       \
    X(one(NULL, f->x23), BG_ERR_ARGUMENT, "einsum: the equation is NULL")                                              \
    X(nine(f->x3), BG_ERR_SHAPE, "einsum: the result has 9 axes, at most 8 are possible: \"a,b,c,d,e,f,g,h,i\"")       \
    X(two("abcdefghi,a->abcdefghi", f->x3, f->x3), BG_ERR_SHAPE,                                                       \
      "einsum: x0 [3] has 1 axes, its term 9: \"abcdefghi,a->abcdefghi\"")                                             \
    X(two("i,j", f->x3, f->d3), BG_ERR_DTYPE, "einsum: types differ: x0 f32, x1 f64")                                  \
    X(two("i,j", f->x3, f->i3), BG_ERR_DTYPE, "einsum: x1 is i32, not f32 or f64")                                     \
    X(two("i,j", f->x3, NULL), BG_ERR_ARGUMENT, "einsum: input 1 is NULL")                                             \
    X(wide(f->x3), BG_ERR_ARGUMENT, "einsum: in any order of the 5 operands some product has more than 8 axes")
WRONG_CALLS(WRONG)

/* ---- Edges ---- */

EDGE(nothing, bg_einsum("ij,kj->ik", (bg_node *[]){ x, y }, 2))
EDGE(not_a_number, bg_einsum("i,i->", (bg_node *[]){ x, y }, 2))
static const edge edges[] = {
    { "einsum over nothing", edge_nothing, 0, .shape = MATRIX(2, 0), .n_values = 4, .value = LIST(0, 0, 0, 0) },
    { "einsum of 0 and NaN", edge_not_a_number, 2, .x = LIST(0, 1), .y = LIST(NOT_A_NUMBER, 2), .n_values = 1,
      .value = LIST(NOT_A_NUMBER), .dx = LIST(NOT_A_NUMBER, 2), .dy = LIST(0, 1), .has_dy = true },
};

const op_family einsum_family = { .name = "einsum", FAMILY_CASES, FAMILY_GOLDEN, FAMILY_WRONG, FAMILY_EDGES };
