/* Factorisations of large matrices as chains of calls that all threads share. */
#ifndef BGI_BLOCKED_H
#define BGI_BLOCKED_H

#include <blasgrad/linalg.h>

/* Whether matrices whose lesser extent is n go in blocks. Many of them keep all workers busy one by one, which touches
 * less memory at a time. bench/grid.md */
static inline bool bgi_is_blocked(int64_t n, int64_t batch)
{
    enum { FROM = 128, FEW = 8, FROM_OF_MANY = 256 };
    return n >= (batch <= FEW ? FROM : FROM_OF_MANY);
}
static inline bool bgi_is_blocked_qr(int64_t n) { return n >= 128; }

/* For use in a compiler's graph, for an n of 128 or more. The factor of bg_cholesky, a [.., n, n]. */
bg_node *bgi_blocked_cholesky(bg_node *a, bool upper);
/* bg_solve_triangular of a [.., n, n] and b of the same batch. */
bg_node *bgi_blocked_solve(bg_node *a, bg_node *b, const bg_triangular_options *options);

/* The same of factors that are known to be finite and regular, `stride` elements from one matrix to the next. */
bg_node *bgi_blocked_substitute(bg_node *factors, int64_t stride, bg_node *b, const bg_triangular_options *options);
/* What lu packs of a [.., m, n]. */
bg_node *bgi_blocked_lu(bg_node *a);
/* x with a · x = b, or aᵀ · x = b, by what lu packs of a; with a · x = b by its Cholesky factor. b has n rows. */
bg_node *bgi_blocked_lu_apply(bg_node *packed, bg_node *b, bool is_transposed);
bg_node *bgi_blocked_spd_apply(bg_node *factor, bg_node *b, bool is_upper);
/* q and r of a [.., m, n], one after the other: [.., m k + k n] with k = min(m, n), or m where they are complete. */
bg_node *bgi_blocked_qr(bg_node *a, bool is_complete);
/* The lower or upper triangle, with zeros in the other, of the product of a's upper triangle with b's lower one, of
 * [.., n, n] each; what else they hold is not read. For any n, but worth it where a whole product is much more. */
typedef struct {
    bool upper;
    bool turns_a, turns_b; /* a, b are given as their transposes */
    bool has_unit_of_a;    /* a's diagonal counts as ones */
} bgi_triangles;
bg_node *bgi_triangle_product(bg_node *a, bg_node *b, const bgi_triangles *which);

#endif
