/* Where the samples of a batch are, op by op, and the ops' gradients with an axis of samples in front.
 *
 * An op is known by what it does to axes. Of any other one, a call tells by its units which piece of its inputs a piece
 * of its result needs, if the samples are such pieces. */
#include "grad/samples.h"

#include <string.h>

/* ---- What ops do to axes ---- */

typedef enum {
    UNKNOWN,
    EACH_ELEMENT, /* inputs have the node's shape */
    RESHAPE,
    BROADCAST,
    PERMUTE,
    ALONG,      /* the axis with which the attributes begin; inputs have the node's axes */
    LAST_TWO,   /* axes; the others are independent */
    LEAVES_OUT, /* the axes that the attributes begin with */
    DIAGONAL,
    PRODUCT,
    CHOSEN_BY_INDICES /* slices along the axis with which the attributes begin */
} manner;

static const struct {
    const bg_op *const *family;
    const char *name; /* NULL: the whole family */
    manner manner;
} manners[] = {
    { bgi_arithmetic_ops, NULL, EACH_ELEMENT },
    { bgi_function_ops, NULL, EACH_ELEMENT },
    { bgi_activation_ops, NULL, EACH_ELEMENT },
    { bgi_loss_ops, "bce_with_logits", EACH_ELEMENT },
    { bgi_shape_ops, "reshape", RESHAPE },
    { bgi_shape_ops, "broadcast", BROADCAST },
    { bgi_shape_ops, "permute", PERMUTE },
    { bgi_shape_ops, "slice", ALONG },
    { bgi_shape_ops, "embed", ALONG },
    { bgi_shape_ops, "concat", ALONG },
    { bgi_rearrange_ops, "segments", ALONG },
    { bgi_rearrange_ops, "triangle", LAST_TWO },
    { bgi_rearrange_ops, "diagonal", DIAGONAL },
    { bgi_reduction_ops, NULL, LEAVES_OUT },
    { bgi_score_ops, "softmax", ALONG },
    { bgi_scan_ops, "cumsum", ALONG },
    { bgi_index_ops, "take_along", ALONG },
    { bgi_index_ops, "add_along", ALONG },
    { bgi_index_ops, "index_select", CHOSEN_BY_INDICES },
    { bgi_product_ops, "matmul", PRODUCT },
};

static bool is_of(const bg_op *op, const bg_op *const *family, const char *name)
{
    if (name && strcmp(op->name, name) != 0)
        return false;
    while (*family && *family != op)
        family++;
    return *family == op;
}

static manner manner_of(const bg_op *op)
{
    for (size_t i = 0; i < sizeof manners / sizeof *manners; i++)
        if (is_of(op, manners[i].family, manners[i].name))
            return manners[i].manner;
    return op->lowering && op->lowering->kind == BGI_MAP ? EACH_ELEMENT : UNKNOWN;
}

static int64_t first_attribute(const bg_node *node) { return *(const int64_t *)node->attributes; }

bool bgi_is_rearrangement(const bg_node *node)
{
    manner m = manner_of(node->op);
    return m == RESHAPE || m == PERMUTE;
}

bool bgi_is_elementwise(const bg_node *node)
{
    return bgi_node_is(node, BGI_VIEW) || manner_of(node->op) == EACH_ELEMENT;
}

/* ---- Where the samples of an input are ---- */

static int64_t extent_before(bg_shape shape, int axis)
{
    int64_t count = 1;
    for (int i = 0; i < axis; i++)
        count *= shape.dims[i];
    return count;
}

/* The axis of a shape that is divided among the samples if `before` elements' worth of outer axes come before it. */
static int axis_behind(bg_shape shape, int64_t before, int64_t n)
{
    for (int i = 0; i < shape.rank; i++)
        if (shape.dims[i] % n == 0 && extent_before(shape, i) == before)
            return i;
    return BGI_LOST;
}

static int samples_of_left_out(const bg_node *node, int samples)
{
    const bgi_reduce_attributes *attributes = node->attributes;
    int axis = 0;
    for (int kept = 0;; axis++)
        if (!attributes->axis[axis] && kept++ == samples)
            return axis;
}

static int samples_of_diagonal(const bg_node *node, int samples)
{
    const int64_t *axes = node->attributes;
    if (samples == node->shape.rank - 1)
        return BGI_LOST;
    int axis = 0;
    for (int kept = 0;; axis++)
        if (axis != axes[0] && axis != axes[1] && kept++ == samples)
            return axis;
}

/* Rows of x and columns of w belong to those of the result. */
static int samples_of_factor(const bg_node *node, int samples, int k)
{
    int place = samples - (node->shape.rank - 2);
    return place < 0 || place == k ? samples : BGI_OF_ALL;
}

/* By its units a call can be computed in pieces; samples are some consecutive ones each, if no axis comes before. */
static int samples_by_units(const bg_node *node, int samples, int k, int64_t n)
{
    if (!node->op->call || !node->op->units || extent_before(node->shape, samples) != 1)
        return BGI_LOST;
    int64_t units = node->op->units(node, -1);
    if (units < 1 || units % n != 0)
        return BGI_LOST;
    return node->op->units(node, k) == units ? axis_behind(node->inputs[k]->shape, 1, n) : BGI_OF_ALL;
}

int bgi_samples_of_input(const bg_node *node, int samples, int k, int64_t n)
{
    const bg_node *x = node->inputs[k];
    if (samples < 0)
        return BGI_OF_ALL;
    switch (manner_of(node->op)) {
    case EACH_ELEMENT:
        return samples;
    case RESHAPE:
        return axis_behind(x->shape, extent_before(node->shape, samples), n);
    case BROADCAST:
        samples -= node->shape.rank - x->shape.rank;
        return samples < 0 || x->shape.dims[samples] == 1 ? BGI_OF_ALL : samples;
    case PERMUTE:
        return (int)((const int64_t *)node->attributes)[samples];
    case ALONG:
        return samples == first_attribute(node) ? BGI_LOST : samples;
    case LAST_TWO:
        return samples < node->shape.rank - 2 ? samples : BGI_LOST;
    case LEAVES_OUT:
        return samples_of_left_out(node, samples);
    case DIAGONAL:
        return samples_of_diagonal(node, samples);
    case PRODUCT:
        return samples_of_factor(node, samples, k);
    case CHOSEN_BY_INDICES:
        return (samples == first_attribute(node)) == (k == 0) ? BGI_OF_ALL : k == 0 ? samples : 0;
    case UNKNOWN:
        break;
    }
    return samples_by_units(node, samples, k, n);
}

/* ---- Values for each sample ---- */

static bool has_room(const bg_node *x, const char *op)
{
    if (x->shape.rank < BG_MAX_RANK)
        return true;
    bgi_graph_fail(x->graph, BG_ERR_SHAPE, "per_sample_grad: %s: %s has no room for an axis of samples", op,
                   bgi_shape_format(x->shape).text);
    return false;
}

static bg_shape behind(int64_t n, bg_shape shape)
{
    bg_shape result = { .rank = shape.rank + 1, .dims = { n } };
    memcpy(result.dims + 1, shape.dims, (size_t)shape.rank * sizeof *shape.dims);
    return result;
}

bg_node *bgi_for_each_sample(bg_node *x, int samples, int64_t n)
{
    if (!x || !has_room(x, x->op->name))
        return NULL;
    if (samples < 0)
        return bg_broadcast(x, behind(n, x->shape));
    bg_shape divided = { .rank = x->shape.rank + 1 };
    bg_axes axes = { .count = divided.rank };
    for (int i = 0; i < divided.rank; i++) {
        divided.dims[i] = x->shape.dims[i <= samples ? i : i - 1];
        axes.axis[i] = i == 0 ? samples : i <= samples ? i - 1 : i;
    }
    divided.dims[samples + 1] = x->shape.dims[samples] / n;
    divided.dims[samples] = n;
    return bg_permute(bg_reshape(x, divided), axes);
}

bg_node *bgi_square_of_each(bg_node *values)
{
    bool axis[BG_MAX_RANK] = { false };
    for (int i = 1; values && i < values->shape.rank; i++)
        axis[i] = true;
    return values ? bgi_sum_over(bg_square(values), axis) : NULL;
}

/* ---- Gradients for each sample ---- */

/* The node's op on inputs with an axis of samples in front. */
static bg_node *apply_behind(const bg_node *node, manner m, bg_node **inputs, int64_t n)
{
    if (m == RESHAPE)
        return bg_reshape(inputs[0], behind(n, node->shape));
    size_t bytes = node->attribute_bytes;
    void *attributes = bytes > 0 ? bgi_arena_push(&node->graph->arena, bytes) : NULL;
    if (bytes > 0 && !attributes)
        return bgi_graph_fail(node->graph, BG_ERR_NOMEM, "%s: out of memory", node->op->name);
    if (bytes > 0)
        memcpy(attributes, node->attributes, bytes);
    int64_t *axes = attributes;
    bgi_reduce_attributes *over = attributes;
    switch (m) {
    case PERMUTE:
        for (int i = node->shape.rank; i > 0; i--)
            axes[i] = axes[i - 1] + 1;
        axes[0] = 0;
        break;
    case DIAGONAL:
        axes[1]++;
        axes[0]++;
        break;
    case ALONG:
    case CHOSEN_BY_INDICES:
        axes[0]++;
        break;
    case LEAVES_OUT:
        memmove(over->axis + 1, over->axis, (BG_MAX_RANK - 1) * sizeof *over->axis);
        over->axis[0] = false;
        break;
    default:
        break;
    }
    return bg_apply(node->op, inputs, node->n_inputs, attributes, bytes);
}

bool bgi_has_sample_gradient(const bg_node *node, int samples, int k)
{
    manner m = manner_of(node->op);
    bool is_of_all = samples < 0;
    return m == BROADCAST || (m == CHOSEN_BY_INDICES && k == 0) ||
           (node->op->gradient && (m == PRODUCT || (is_of_all && m != UNKNOWN)));
}

/* broadcast: dy summed over the sample's rows too, if there are any, where x is repeated */
static bg_node *broadcast_gradient(const bg_node *node, bg_node *dy, int64_t n)
{
    bg_shape shape = node->inputs[0]->shape, aligned = { .rank = node->shape.rank + 1, .dims = { n } };
    for (int i = 1, added = node->shape.rank - shape.rank; i < aligned.rank; i++)
        aligned.dims[i] = i - 1 < added ? 1 : shape.dims[i - 1 - added];
    return bg_reshape(bgi_sum_to(dy, aligned), behind(n, shape));
}

/* index_select, of other rows for each sample: dy added up where its rows are from */
static bg_node *rows_gradient(const bg_node *node, bg_node *dy, int64_t n)
{
    int axis = (int)first_attribute(node) + 1;
    bg_shape each = { .rank = dy->shape.rank };
    for (int i = 0; i < each.rank; i++)
        each.dims[i] = i == 0 || i == axis ? dy->shape.dims[i] : 1;
    bg_node *indices = bg_broadcast(bg_reshape(node->inputs[1], each), dy->shape);
    bg_node *zeros = bg_broadcast(bgi_scalar_like(dy, 0), behind(n, node->inputs[0]->shape));
    return bg_scatter_add(zeros, indices, dy, axis);
}

bg_node *bgi_sample_gradient(bg_node *node, int samples, int k, bg_node *dy, int64_t n)
{
    manner m = manner_of(node->op);
    if (!dy || !has_room(node->inputs[k], node->op->name))
        return NULL;
    if (m == BROADCAST)
        return broadcast_gradient(node, dy, n);
    if (m == CHOSEN_BY_INDICES && samples >= 0)
        return rows_gradient(node, dy, n);
    bg_node **inputs = bgi_arena_push(&node->graph->arena, (size_t)node->n_inputs * sizeof(bg_node *));
    if (!inputs)
        return bgi_graph_fail(node->graph, BG_ERR_NOMEM, "%s: out of memory", node->op->name);
    for (int i = 0; i < node->n_inputs; i++)
        inputs[i] = m == CHOSEN_BY_INDICES && i == 1
                        ? node->inputs[i]
                        : bgi_for_each_sample(node->inputs[i], bgi_samples_of_input(node, samples, i, n), n);
    bg_node *each = apply_behind(node, m, inputs, n);
    /* An op on what it does not change, as a reshape, may be its input. */
    return !each || each == inputs[k] ? (each ? dy : NULL) : bgi_gradient_of(each, k, dy);
}

/* ---- Squares without the gradient ---- */

/* The gradient of a factor is aᵀ · b with a [n, .., rows, p] of the other factor and b [n, .., rows, q] of dy. */
typedef struct {
    int64_t rows, p, q;
} outer_sizes;
static outer_sizes sizes_of(const bg_node *node, int k, int64_t n)
{
    int rank = node->shape.rank;
    int64_t m = node->shape.dims[rank - 2], columns = node->shape.dims[rank - 1];
    int64_t inner = node->inputs[0]->shape.dims[rank - 1];
    return k == 1 ? (outer_sizes){ m / n, inner, columns } : (outer_sizes){ columns / n, inner, m };
}

bool bgi_is_cheap_square(const bg_node *node, int samples, int k, int64_t n)
{
    manner m = manner_of(node->op);
    if (samples < 0)
        return false;
    if (m == PRODUCT) { /* rows² (p + q) against rows p q multiplications; then rows² + rows² is less than p q too */
        outer_sizes s = sizes_of(node, k, n);
        double rows = (double)s.rows, p = (double)s.p, q = (double)s.q;
        return s.rows == 1 || rows * (p + q) <= p * q;
    }
    if (m != CHOSEN_BY_INDICES || first_attribute(node) != 0)
        return false;
    double rows = (double)node->shape.dims[0] / (double)n;
    return 2 * rows * rows <= (double)bg_shape_count(node->inputs[0]->shape);
}

/* Σ (a · aᵀ) (b · bᵀ), or of one row |a|² |b|², over all axes but the first. */
static bg_node *outer_square(bg_node *a, bg_node *b)
{
    if (!a || !b)
        return NULL;
    int rank = a->shape.rank;
    bool axis[BG_MAX_RANK] = { false };
    bg_node *terms;
    if (a->shape.dims[rank - 2] == 1) {
        terms = bg_mul(bg_sum(bg_square(a), BG_AXES(-2, -1)), bg_sum(bg_square(b), BG_AXES(-2, -1)));
        rank -= 2;
    } else {
        terms = bg_mul(bg_matmul(a, bgi_transpose_last(a)), bg_matmul(b, bgi_transpose_last(b)));
    }
    for (int i = 1; i < rank; i++)
        axis[i] = true;
    return terms ? bgi_sum_over(terms, axis) : NULL;
}

/* Rows meet where their indices are equal; the indices come through a table of numbers, so that one outside fails. */
static bg_node *rows_square(bg_node *node, bg_node *dy, int64_t n)
{
    bg_node *indices = node->inputs[1];
    int64_t rows = indices->shape.dims[0] / n, extent = node->inputs[0]->shape.dims[0];
    bg_node *numbers = bg_index_select(bg_arange(node->graph, BG_F64, 0, (double)extent, 1), indices, 0);
    bg_node *meet = bg_equal(bg_reshape(numbers, BG_SHAPE(n, rows, 1)), bg_reshape(numbers, BG_SHAPE(n, 1, rows)));
    bg_node *flat = bg_reshape(dy, BG_SHAPE(n, rows, bg_shape_count(dy->shape) / (n * rows)));
    if (!meet || !flat)
        return NULL;
    bg_node *terms = bg_mul(bg_matmul(flat, bgi_transpose_last(flat)), bg_cast(meet, dy->dtype));
    return bg_sum(terms, BG_AXES(1, 2));
}

bg_node *bgi_sample_square(bg_node *node, int samples, int k, bg_node *dy, int64_t n)
{
    if (manner_of(node->op) != PRODUCT)
        return dy ? rows_square(node, dy, n) : NULL;
    bg_node *other = node->inputs[1 - k];
    other = bgi_for_each_sample(other, bgi_samples_of_input(node, samples, 1 - k, n), n);
    return k == 1 ? outer_square(other, dy) : outer_square(bgi_transpose_last(other), bgi_transpose_last(dy));
}
