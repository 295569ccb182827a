/* Powers of matrices. */
#include "linalg/lu.h"

#include <string.h>

/* matrix_power: a and its power y -> y, in a run that fails unless both are finite;   dy goes on to the products. */
static bg_node *matrix_power_gradient(bg_node *node, int input, bg_node *dy)
{
    (void)node;
    return input == 1 ? dy : NULL;
}
static bg_status matrix_power_call(const bg_call *call)
{
    bgi_matrices m = bgi_matrices_of(call->node);
    int64_t count = m.rows * m.columns;
    for (int64_t i = 0; i < call->last - call->first && m.batch > 0; i++) {
        bg_status status = bgi_check_finite_part(call, "a", 0, i, BGI_READ_ALL);
        if (status == BG_OK)
            status = bgi_check_finite_part(call, "the result", 1, i, BGI_READ_ALL);
        if (status != BG_OK)
            return status;
        memcpy(bgi_output_at(call, i, count), bgi_input_at(call, 1, i, count),
               (size_t)count * bg_dtype_size(call->node->dtype));
    }
    return BG_OK;
}
static const bg_op matrix_power_op = { .name = "matrix_power",
                                       .arity = 2,
                                       .infer = bgi_infer_last,
                                       .gradient = matrix_power_gradient,
                                       .call = matrix_power_call,
                                       .units = bgi_matrix_units };

/* Knuth's power tree, The art of computer programming, volume 2, section 4.6.3: the way from 1 to n in it is an
 * addition chain, the shortest there is for n < 77. before[n] is the number before n. */
enum { MOST = 2048, MOST_STEPS = 32 };
static int way_to(const int16_t *before, int n, int16_t *way)
{
    int steps = 0;
    for (int at = n; at > 0; at = before[at])
        way[steps++] = (int16_t)at;
    for (int i = 0, j = steps - 1; i < j; i++, j--) {
        int16_t moved = way[i];
        way[i] = way[j];
        way[j] = moved;
    }
    return steps;
}
static int find_chain(int n, int16_t *way)
{
    int16_t before[MOST + 1] = { 0 }, order[MOST] = { 1 };
    for (int head = 0, count = 1; head < count && before[n] == 0 && n > 1; head++) {
        int steps = way_to(before, order[head], way);
        for (int i = 0; i < steps; i++) {
            int next = order[head] + way[i];
            if (next <= MOST && before[next] == 0 && next > 1) {
                before[next] = order[head];
                order[count++] = (int16_t)next;
            }
        }
    }
    return way_to(before, n, way);
}

/* aⁿ, n > 0. Each number of the chain is the one before it and an earlier one. */
static bg_node *power_by_chain(bg_node *a, int n)
{
    int16_t way[MOST_STEPS];
    bg_node *powers[MOST_STEPS] = { a };
    int steps = find_chain(n, way);
    for (int i = 1; i < steps; i++) {
        int earlier = 0;
        while (way[earlier] != way[i] - way[i - 1])
            earlier++;
        powers[i] = bg_matmul(powers[i - 1], powers[earlier]);
    }
    return powers[steps - 1];
}
/* Beyond the tree, by squares. */
static bg_node *power_of(bg_node *a, uint64_t n)
{
    if (n <= MOST)
        return power_by_chain(a, (int)n);
    bg_node *half = power_of(a, n / 2), *square = bg_matmul(half, half);
    return n % 2 ? bg_matmul(square, a) : square;
}
bg_node *bg_matrix_power(bg_node *a, int64_t exponent)
{
    if (!bgi_takes_square("matrix_power", a))
        return NULL;
    uint64_t n = exponent < 0 ? 0 - (uint64_t)exponent : (uint64_t)exponent;
    bg_node *packed = exponent < 0 ? bgi_lu_pack("matrix_power", a) : NULL;
    bg_node *base = exponent >= 0 ? a : packed ? bgi_lu_inverse(a, packed) : NULL;
    if (!base)
        return NULL;
    bg_node *y = n == 0 ? bgi_identity_like(a) : power_of(base, n);
    return y ? bgi_made_by("matrix_power", packed, bgi_apply_2(&matrix_power_op, a, y)) : NULL;
}

const bg_op *const bgi_power_ops[] = { &matrix_power_op, NULL };
